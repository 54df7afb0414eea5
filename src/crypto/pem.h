/* SPDX-License-Identifier: Apache-2.0 */
/* pem.h - which DER stands between the dashes?
 *
 * RFC 7468, its strict form: lines of 64 base64 characters, the last one shorter, no headers inside
 * a block. Text between blocks may say anything without five dashes in a row. */
#ifndef AX_CRYPTO_PEM_H
#define AX_CRYPTO_PEM_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* Takes the next block off *rest: *ret_label ("PUBLIC KEY", borrowed from the text) and its bytes,
 * appended to `der`. AX_E_NOT_FOUND when no block is left, AX_E_INVALID_REQUEST when the text is
 * malformed, or what `der` says. */
AX_CHECKED enum ax_code ax_pem_next(struct ax_str *rest, struct ax_str *ret_label,
                                    struct ax_buf *der, struct ax_err *err);

enum ax_code ax_pem_write(struct ax_buf *buf, struct ax_str label, struct ax_str der);

#endif

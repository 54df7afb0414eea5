/* SPDX-License-Identifier: Apache-2.0 */
/* base64url.h - how do bytes travel inside a token?
 *
 * RFC 4648 section 5 as RFC 7515 uses it, strict both ways: no padding, no white space, unused bits
 * zero, so that bytes have one spelling. */
#ifndef AX_AUTH_BASE64URL_H
#define AX_AUTH_BASE64URL_H

#include "base/buf.h"

/* Bytes that `len` characters become, at most. */
size_t ax_base64url_decoded_max(size_t len);

/* Decodes into `room` of at least ax_base64url_decoded_max(text.len) bytes. False when `text` is not
 * strict; `room` may then be written. */
AX_CHECKED bool ax_base64url_decode_into(char *room, struct ax_str text, size_t *ret_len);

enum ax_code ax_base64url_encode(struct ax_buf *buf, struct ax_str bytes);

#endif

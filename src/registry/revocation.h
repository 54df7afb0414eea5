/* SPDX-License-Identifier: Apache-2.0 */
/* revocation.h - what may never run again?
 *
 * A content hash, or every bundle that carries a signature of a key. Revocations are never lifted:
 * a mistake is mended by publishing again. */
#ifndef AX_REGISTRY_REVOCATION_H
#define AX_REGISTRY_REVOCATION_H

#include "registry/model.h"

enum ax_revocation_kind { AX_REVOKED_HASH, AX_REVOKED_KEY };
const char *ax_revocation_kind_name(enum ax_revocation_kind kind); /* "hash", "key" */

struct ax_revocation {
    enum ax_revocation_kind kind;
    struct ax_str value; /* 64 lower hex */
    struct ax_str reason;
    int64_t at_ms;
};

/* `value`: 64 lower hex, of a bundle or a key that we may never have seen. A publisher's key is
 * marked too. Revoked already: nothing happens, the first reason stays. */
AX_CHECKED enum ax_code ax_revocation_add(struct ax_model *model, enum ax_revocation_kind kind,
                                          struct ax_str value, struct ax_str reason);
AX_CHECKED enum ax_code ax_revocation_has(struct ax_model *model, enum ax_revocation_kind kind,
                                          struct ax_str value, bool *ret_revoked);
/* One kind, in the order of values; `after` is one. */
AX_CHECKED enum ax_code ax_revocation_list(struct ax_model *model, enum ax_revocation_kind kind,
                                           const struct ax_page *page,
                                           struct ax_revocation **ret_list, size_t *ret_count);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* audit.h - who changed what, and can a row be taken back?
 *
 * Every change of the registry's data leaves one row, in the same transaction. Rows are never
 * changed or deleted: each carries the SHA-256 of the row before it and of its own canonical JSON
 * (fixed keys in fixed order), and the head of the chain stands beside it. */
#ifndef AX_REGISTRY_AUDIT_H
#define AX_REGISTRY_AUDIT_H

#include "registry/model.h"

struct ax_audit_row {
    uint64_t seq;
    int64_t at_ms;
    struct ax_str actor;
    struct ax_str request_id;
    struct ax_str action;       /* "install.enable" */
    struct ax_str subject;      /* an id, a name, a hash */
    struct ax_str tenant;       /* or empty */
    struct ax_str details_json; /* an object; never a value of a config */
    struct ax_str hash;         /* lower hex */
};

/* Rows after `seq`, oldest first, at most `limit` (0 and more than AX_PAGE_MAX: AX_PAGE_MAX), of
 * `tenant` or, when it is empty, of all. */
AX_CHECKED enum ax_code ax_audit_list(struct ax_model *model, struct ax_str tenant, uint64_t seq,
                                      size_t limit, struct ax_audit_row **ret_rows,
                                      size_t *ret_count);

/* A walk along the chain, some rows at a time so that others get their turn. Zero-initialise;
 * `done` says that the head was reached and agrees. */
struct ax_audit_walk {
    uint64_t seq;
    char hash[65];
    bool done;
};
/* Looks at the next `limit` rows. AX_E_CONFLICT names the first row that is not what was written. */
AX_CHECKED enum ax_code ax_audit_verify(struct ax_model *model, struct ax_audit_walk *walk,
                                        size_t limit);

#endif

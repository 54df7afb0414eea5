/* SPDX-License-Identifier: Apache-2.0 */
/* model_private.h - what do the files of the model share? */
#ifndef AX_REGISTRY_MODEL_PRIVATE_H
#define AX_REGISTRY_MODEL_PRIVATE_H

#include "base/json.h"
#include "registry/changes.h"
#include "registry/model.h"

#define MODEL_DETAILS_MAX (64u << 10)

/* Column `column` as a copy in the arena. *failed becomes AX_E_NO_MEMORY when it does not fit, so
 * that a row may be read whole and judged once. */
struct ax_str model_text(struct ax_model *model, const struct ax_rows *rows, int column,
                         enum ax_code *failed);
enum ax_code model_no_memory(struct ax_model *model);
enum ax_code model_not_found(struct ax_model *model, const char *what);
/* AX_E_PRECONDITION_FAILED unless `expected` is 0 or `revision`. */
AX_CHECKED enum ax_code model_match(struct ax_model *model, uint64_t expected, int64_t revision);

/* A growing array of rows in the arena; NULL when there is no memory for the page. */
void *model_page(struct ax_model *model, const struct ax_page *page, size_t row_size,
                 size_t *ret_limit);

/* --- what may stand in the input; `pointer` is its member --- */
AX_CHECKED enum ax_code model_check_slug(struct ax_model *model, const char *pointer,
                                         struct ax_str text);
AX_CHECKED enum ax_code model_check_tenant(struct ax_model *model, const char *pointer,
                                           struct ax_str text);
/* UTF-8 without control characters, `min` to `max` bytes. */
AX_CHECKED enum ax_code model_check_text(struct ax_model *model, const char *pointer,
                                         struct ax_str text, size_t min, size_t max);
AX_CHECKED enum ax_code model_check_id(struct ax_model *model, const char *pointer,
                                       struct ax_str text, const char *kind);

/* Gives the change a serial of its own, in place of the thing's last one. */
AX_CHECKED enum ax_code model_changed(struct ax_model *model, enum ax_change_kind kind,
                                      struct ax_str key, bool gone);

/* A row of the audit, while its details are being written. */
struct model_audit {
    struct ax_buf buf;
    struct ax_json_out out; /* inside one open object */
};
void model_audit_begin(struct model_audit *audit);
/* Appends the row and ends `audit`, whatever `code`; a `code` that is not AX_OK is given back and
 * nothing is written. */
AX_CHECKED enum ax_code model_audit_end(struct model_audit *audit, struct ax_model *model,
                                        enum ax_code code, const char *action,
                                        struct ax_str subject, struct ax_str tenant);

#endif

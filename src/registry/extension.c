/* SPDX-License-Identifier: Apache-2.0 */
/* extension.c - whose is this name? */
#include "registry/extension.h"

#include "registry/model_private.h"

#define EXTENSION_SELECT                                                         \
    "SELECT e.id, e.name, e.publisher_id, p.slug, p.display_name, e.created_ms " \
    "FROM extensions e JOIN publishers p ON p.id = e.publisher_id "

static enum ax_code extension_read(struct ax_model *model, const struct ax_rows *rows,
                                   struct ax_extension *extension)
{
    enum ax_code failed = AX_OK;

    *extension = (struct ax_extension){
        .id = model_text(model, rows, 0, &failed),
        .name = model_text(model, rows, 1, &failed),
        .publisher_id = model_text(model, rows, 2, &failed),
        .publisher = model_text(model, rows, 3, &failed),
        .publisher_name = model_text(model, rows, 4, &failed),
        .created_ms = ax_rows_i64(rows, 5),
    };
    return failed;
}

enum ax_code ax_extension_get(struct ax_model *model, struct ax_str name,
                              struct ax_extension *ret_extension)
{
    enum ax_code failed = AX_OK, code;
    struct ax_rows rows;
    bool found;

    if (ax_id_is(name, "ext_"))
        ax_db_select(model->db, &rows, EXTENSION_SELECT "WHERE e.id = $1", b_text(name));
    else
        ax_db_select(model->db, &rows, EXTENSION_SELECT "WHERE e.name = $1", b_text(name));
    found = ax_rows_next(&rows);
    if (found)
        failed = extension_read(model, &rows, ret_extension);
    code = ax_rows_end(&rows, model->err);
    if (code == AX_OK && !found)
        return model_not_found(model, "extension");
    return code == AX_OK ? failed : code;
}

enum ax_code ax_extension_list(struct ax_model *model, struct ax_str publisher,
                               const struct ax_page *page, struct ax_extension **ret_list,
                               size_t *ret_count)
{
    enum ax_code failed = AX_OK, code;
    struct ax_extension *list;
    struct ax_rows rows;
    size_t limit, count = 0;

    list = model_page(model, page, sizeof(*list), &limit);
    if (!list)
        return model_no_memory(model);
    if (publisher.len)
        ax_db_select(model->db, &rows,
                     EXTENSION_SELECT "WHERE p.slug = $3 AND e.name > $1 ORDER BY e.name LIMIT $2",
                     b_text(page->after), b_i64((int64_t)limit), b_text(publisher));
    else
        ax_db_select(model->db, &rows,
                     EXTENSION_SELECT "WHERE e.name > $1 ORDER BY e.name LIMIT $2",
                     b_text(page->after), b_i64((int64_t)limit));
    while (failed == AX_OK && ax_rows_next(&rows))
        failed = extension_read(model, &rows, &list[count++]);
    code = ax_rows_end(&rows, model->err);
    *ret_list = list;
    *ret_count = count;
    return code == AX_OK ? failed : code;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* load.c - how does an edge get all that it needs, fast?
 * Three cursors in the order of install ids walk side by side: one query each, whatever the number
 * of installs. */
#include "registry/load.h"

#include "registry/model_private.h"

#include <string.h>

/* Names that belong to installs, in the order of ids. */
struct name_cursor {
    struct ax_rows rows;
    bool more;
    size_t count, used;
    struct ax_str items[AX_EGRESS_MAX];
    char room[AX_EGRESS_MAX * AX_INSTALL_EGRESS_LEN_MAX]; /* the bytes of items */
};

static void cursor_next(struct name_cursor *cursor)
{
    cursor->more = ax_rows_next(&cursor->rows);
}

static void cursor_keep(struct name_cursor *cursor, struct ax_str name)
{
    if (cursor->count == AX_EGRESS_MAX || name.len > sizeof(cursor->room) - cursor->used)
        return; /* more than any operation grants */
    memcpy(cursor->room + cursor->used, name.ptr, name.len);
    cursor->items[cursor->count++] = ax_str_make(cursor->room + cursor->used, name.len);
    cursor->used += name.len;
}

/* This install's names; those of installs before it are passed by. */
static struct ax_names cursor_collect(struct name_cursor *cursor, struct ax_str id)
{
    int order;

    cursor->count = cursor->used = 0;
    while (cursor->more && (order = ax_str_cmp(ax_rows_text(&cursor->rows, 0), id)) <= 0) {
        if (order == 0)
            cursor_keep(cursor, ax_rows_text(&cursor->rows, 1));
        cursor_next(cursor);
    }
    return (struct ax_names){ cursor->items, cursor->count };
}

static bool load_row(const struct ax_rows *rows, struct name_cursor *grants,
                     struct name_cursor *egress, ax_load_install_fn *take, void *arg)
{
    struct ax_load_install row = {
        .id = ax_rows_text(rows, 0),
        .tenant = ax_rows_text(rows, 1),
        .extension_id = ax_rows_text(rows, 2),
        .version_id = ax_rows_text(rows, 3),
        .enabled = ax_str_eq(ax_rows_text(rows, 4), AX_STR("enabled")),
        .revision = (uint64_t)ax_rows_i64(rows, 5),
        .config_json = ax_rows_text(rows, 6),
    };

    row.grants = cursor_collect(grants, row.id);
    row.egress = cursor_collect(egress, row.id);
    return take(&row, arg);
}

enum ax_code ax_load_installs(struct ax_model *model, struct ax_str after, size_t limit,
                              ax_load_install_fn *take, void *arg, bool *ret_end)
{
    struct name_cursor *cursors = ax_alloc(2 * sizeof(*cursors)); /* grants, egress */
    enum ax_code codes[3];
    struct ax_rows rows;
    bool going = true;
    size_t count = 0;

    ax_db_select(model->db, &rows,
                 "SELECT id, tenant, extension_id, version_id, status, revision, config_json "
                 "FROM installs WHERE id > $1 AND status <> 'uninstalled' ORDER BY id LIMIT $2",
                 b_text(after), b_i64((int64_t)limit));
    ax_db_select(model->db, &cursors[0].rows,
                 "SELECT install_id, capability FROM grants WHERE install_id > $1 "
                 "ORDER BY install_id, capability",
                 b_text(after));
    ax_db_select(model->db, &cursors[1].rows,
                 "SELECT install_id, entry FROM install_egress WHERE install_id > $1 "
                 "ORDER BY install_id, entry",
                 b_text(after));
    cursor_next(&cursors[0]);
    cursor_next(&cursors[1]);
    for (; going && ax_rows_next(&rows); count++)
        going = load_row(&rows, &cursors[0], &cursors[1], take, arg);
    codes[0] = ax_rows_end(&rows, model->err);
    codes[1] = ax_rows_end(&cursors[0].rows, model->err);
    codes[2] = ax_rows_end(&cursors[1].rows, model->err);
    free(cursors);
    *ret_end = going && count < limit;
    for (size_t i = 0; i < AX_ARRAY_LEN(codes); i++)
        if (codes[i] != AX_OK)
            return codes[i];
    return AX_OK;
}

enum ax_code ax_load_install(struct ax_model *model, struct ax_str id, ax_load_install_fn *take,
                             void *arg)
{
    struct ax_install_ref ref = { .id = id };
    struct ax_install install;
    struct ax_load_install row;
    enum ax_code code = ax_install_get(model, &ref, &install);

    if (code == AX_OK && install.state == AX_INSTALL_IS_UNINSTALLED)
        code = model_not_found(model, "install any more");
    if (code != AX_OK)
        return code;
    row = (struct ax_load_install){
        .id = install.id,
        .tenant = install.tenant,
        .extension_id = install.extension_id,
        .version_id = install.version_id,
        .enabled = install.state == AX_INSTALL_IS_ENABLED,
        .revision = install.revision,
        .config_json = install.config_json,
        .grants = install.grants,
        .egress = install.egress,
    };
    (void)take(&row, arg);
    return AX_OK;
}

enum ax_code ax_load_versions(struct ax_model *model, struct ax_str after, size_t limit,
                              ax_load_version_fn *take, void *arg, bool *ret_end)
{
    struct ax_rows rows;
    enum ax_code code;
    bool going = true;
    size_t count = 0;

    ax_db_select(model->db, &rows,
                 "SELECT v.id, v.extension_id, v.version, v.content_hash, v.manifest_json "
                 "FROM versions v WHERE v.id > $1 AND EXISTS (SELECT 1 FROM installs i "
                 "WHERE i.version_id = v.id AND i.status <> 'uninstalled') ORDER BY v.id LIMIT $2",
                 b_text(after), b_i64((int64_t)limit));
    for (; going && ax_rows_next(&rows); count++) {
        struct ax_load_version row = {
            .id = ax_rows_text(&rows, 0),
            .extension_id = ax_rows_text(&rows, 1),
            .version = ax_rows_text(&rows, 2),
            .content_hash = ax_rows_text(&rows, 3),
            .manifest_json = ax_rows_text(&rows, 4),
        };

        going = take(&row, arg);
    }
    code = ax_rows_end(&rows, model->err);
    *ret_end = going && count < limit;
    return code;
}

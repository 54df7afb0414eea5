/* SPDX-License-Identifier: Apache-2.0 */
/* changes.c - what is new since I last asked?
 * A walk over everything may take several pages, whose serials lie below what was forgotten: the
 * cursor of such a walk carries a bit, so that it is not told to begin anew on every page. */
#include "registry/changes.h"

#include "registry/model_private.h"

#define CHANGES_WALK (UINT64_C(1) << 52)

static const char *const change_names[] = {
    [AX_CHANGE_PUBLISHER] = "publisher", [AX_CHANGE_EXTENSION] = "extension",
    [AX_CHANGE_VERSION] = "version",     [AX_CHANGE_INSTALL] = "install",
    [AX_CHANGE_HASH] = "hash",           [AX_CHANGE_KEY] = "key",
};

const char *ax_change_kind_name(enum ax_change_kind kind)
{
    return change_names[kind];
}

enum ax_code model_changed(struct ax_model *model, enum ax_change_kind kind, struct ax_str key,
                           bool gone)
{
    int64_t serial = 0;
    enum ax_code code = ax_db_number(model->db, model->err, &serial,
                                     "UPDATE meta SET serial = serial + 1 RETURNING serial");

    if (code == AX_OK)
        code = ax_db_run(model->db, model->err,
                         "INSERT INTO changes (serial, kind, key, gone) VALUES ($1, $2, $3, $4) "
                         "ON CONFLICT (kind, key) "
                         "DO UPDATE SET serial = excluded.serial, gone = excluded.gone",
                         b_i64(serial), b_cstr(change_names[kind]), b_text(key), b_i64(gone));
    return code;
}

enum ax_code ax_changes_serial(struct ax_model *model, uint64_t *ret_serial)
{
    int64_t serial = 0;
    enum ax_code code = ax_db_number(model->db, model->err, &serial, "SELECT serial FROM meta");

    *ret_serial = (uint64_t)serial;
    return code;
}

static enum ax_change_kind change_kind(struct ax_str name)
{
    unsigned kind = 0;

    while (kind + 1 < AX_ARRAY_LEN(change_names) && !ax_str_eq(name, ax_str_of(change_names[kind])))
        kind++;
    return (enum ax_change_kind)kind;
}

static enum ax_code change_read(struct ax_model *model, const struct ax_rows *rows,
                                struct ax_change *change)
{
    enum ax_code failed = AX_OK;

    *change = (struct ax_change){
        .serial = (uint64_t)ax_rows_i64(rows, 0),
        .kind = change_kind(ax_rows_text(rows, 1)),
        .key = model_text(model, rows, 2, &failed),
        .gone = ax_rows_i64(rows, 3) != 0,
    };
    if (change->kind == AX_CHANGE_VERSION) {
        change->extension_id = model_text(model, rows, 4, &failed);
        change->name = model_text(model, rows, 5, &failed);
        change->content_hash = model_text(model, rows, 6, &failed);
    }
    return failed;
}

static enum ax_code changes_read(struct ax_model *model, uint64_t from, size_t limit,
                                 struct ax_changes *changes)
{
    enum ax_code failed = AX_OK, code;
    struct ax_rows rows;

    changes->items = ax_arena_alloc(model->arena, limit * sizeof(*changes->items));
    if (!changes->items)
        return model_no_memory(model);
    ax_db_select(model->db, &rows,
                 "SELECT c.serial, c.kind, c.key, c.gone, v.extension_id, e.name, v.content_hash "
                 "FROM changes c "
                 "LEFT JOIN versions v ON c.kind = 'version' AND v.id = c.key "
                 "LEFT JOIN extensions e ON e.id = v.extension_id "
                 "WHERE c.serial > $1 ORDER BY c.serial LIMIT $2",
                 b_i64((int64_t)from), b_i64((int64_t)limit));
    while (failed == AX_OK && ax_rows_next(&rows))
        failed = change_read(model, &rows, &changes->items[changes->count++]);
    code = ax_rows_end(&rows, model->err);
    return code == AX_OK ? failed : code;
}

enum ax_code ax_changes_since(struct ax_model *model, uint64_t since, size_t limit,
                              struct ax_changes *ret_changes)
{
    bool walking = (since & CHANGES_WALK) != 0;
    uint64_t from = since & ~CHANGES_WALK;
    struct ax_changes changes = { .full = false };
    int64_t oldest = 0;
    uint64_t serial = 0;
    enum ax_code code = ax_changes_serial(model, &serial);

    if (limit == 0 || limit > AX_CHANGES_PAGE_MAX)
        limit = AX_CHANGES_PAGE_MAX;
    if (code == AX_OK)
        code = ax_db_number(model->db, model->err, &oldest, "SELECT serial_oldest FROM meta");
    if (code != AX_OK)
        return code;
    /* A serial that we have not given yet comes from before a restored copy of the database. */
    if (from == 0 || from > serial || (!walking && from < (uint64_t)oldest)) {
        changes.full = walking = true;
        from = 0;
    }
    if (limit > serial - from)
        limit = (size_t)(serial - from); /* there cannot be more: an idle poll costs no page */
    code = changes_read(model, from, limit, &changes);
    if (code != AX_OK)
        return code;
    changes.next = serial;
    changes.more = changes.count > 0 && changes.items[changes.count - 1].serial < serial;
    if (changes.more)
        changes.next = changes.items[changes.count - 1].serial | (walking ? CHANGES_WALK : 0);
    *ret_changes = changes;
    return AX_OK;
}

enum ax_code ax_changes_trim(struct ax_model *model, uint64_t keep)
{
    int64_t last = 0;
    enum ax_code code = ax_db_number(model->db, model->err, &last,
                                     "SELECT serial FROM changes WHERE gone = 1 "
                                     "ORDER BY serial DESC LIMIT 1 OFFSET $1",
                                     b_i64((int64_t)keep));

    if (code == AX_E_NOT_FOUND)
        return AX_OK; /* there are not that many */
    if (code == AX_OK)
        code = ax_db_run(model->db, model->err,
                         "DELETE FROM changes WHERE gone = 1 AND serial <= $1", b_i64(last));
    if (code == AX_OK)
        code = ax_db_run(model->db, model->err, "UPDATE meta SET serial_oldest = $1", b_i64(last));
    return code;
}

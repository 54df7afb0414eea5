/* SPDX-License-Identifier: Apache-2.0 */
/* install.c - which version runs for which tenant? Reading; install_change.c writes. */
#include "registry/install.h"

#include "registry/install_private.h"

#define INSTALL_SELECT                                                                     \
    "SELECT i.id, i.tenant, i.extension_id, e.name, p.slug, i.version_id, v.version, "     \
    "v.content_hash, i.previous_version_id, b.version, i.pending_version_id, n.version, "  \
    "i.status, i.config_json, i.revision, i.created_ms, i.uninstalled_ms FROM installs i " \
    "JOIN extensions e ON e.id = i.extension_id "                                          \
    "JOIN publishers p ON p.id = e.publisher_id "                                          \
    "JOIN versions v ON v.id = i.version_id "                                              \
    "LEFT JOIN versions b ON b.id = i.previous_version_id "                                \
    "LEFT JOIN versions n ON n.id = i.pending_version_id "

static const char *const install_states[] = {
    [AX_INSTALL_IS_DISABLED] = "disabled",
    [AX_INSTALL_IS_ENABLED] = "enabled",
    [AX_INSTALL_IS_UNINSTALLED] = "uninstalled",
};

const char *ax_install_state_name(enum ax_install_state state)
{
    return install_states[state];
}

static enum ax_install_state install_state(struct ax_str name)
{
    if (ax_str_eq(name, AX_STR("enabled")))
        return AX_INSTALL_IS_ENABLED;
    return ax_str_eq(name, AX_STR("disabled")) ? AX_INSTALL_IS_DISABLED : AX_INSTALL_IS_UNINSTALLED;
}

static enum ax_code install_read(struct ax_model *model, const struct ax_rows *rows,
                                 struct ax_install *install)
{
    enum ax_code failed = AX_OK;

    *install = (struct ax_install){
        .id = model_text(model, rows, 0, &failed),
        .tenant = model_text(model, rows, 1, &failed),
        .extension_id = model_text(model, rows, 2, &failed),
        .name = model_text(model, rows, 3, &failed),
        .publisher = model_text(model, rows, 4, &failed),
        .version_id = model_text(model, rows, 5, &failed),
        .version = model_text(model, rows, 6, &failed),
        .content_hash = model_text(model, rows, 7, &failed),
        .previous_version_id = model_text(model, rows, 8, &failed),
        .previous_version = model_text(model, rows, 9, &failed),
        .pending_version_id = model_text(model, rows, 10, &failed),
        .pending_version = model_text(model, rows, 11, &failed),
        .state = install_state(ax_rows_text(rows, 12)),
        .config_json = model_text(model, rows, 13, &failed),
        .revision = (uint64_t)ax_rows_i64(rows, 14),
        .created_ms = ax_rows_i64(rows, 15),
        .uninstalled_ms = ax_rows_i64(rows, 16),
    };
    return failed;
}

static enum ax_code install_read_names(struct ax_model *model, struct ax_rows *rows, size_t max,
                                       struct ax_names *ret_names)
{
    struct ax_str *items = ax_arena_alloc(model->arena, max * sizeof(*items));
    enum ax_code failed = items ? AX_OK : model_no_memory(model), code;
    size_t count = 0;

    while (failed == AX_OK && count < max && ax_rows_next(rows))
        items[count++] = model_text(model, rows, 0, &failed);
    code = ax_rows_end(rows, model->err);
    *ret_names = (struct ax_names){ items, count };
    return code == AX_OK ? failed : code;
}

enum ax_code ax_install_get(struct ax_model *model, const struct ax_install_ref *ref,
                            struct ax_install *ret_install)
{
    enum ax_code failed = AX_OK, code;
    struct ax_rows rows;
    bool found;

    ax_db_select(model->db, &rows, INSTALL_SELECT "WHERE i.id = $1", b_text(ref->id));
    found = ax_rows_next(&rows);
    if (found)
        failed = install_read(model, &rows, ret_install);
    code = ax_rows_end(&rows, model->err);
    if (code == AX_OK)
        code = failed;
    if (code == AX_OK &&
        (!found || (ref->tenant.len && !ax_str_eq(ret_install->tenant, ref->tenant))))
        code = model_not_found(model, "install");
    if (code != AX_OK)
        return code;
    ax_db_select(model->db, &rows,
                 "SELECT capability FROM grants WHERE install_id = $1 ORDER BY capability",
                 b_text(ret_install->id));
    code = install_read_names(model, &rows, AX_GRANTS_MAX, &ret_install->grants);
    if (code != AX_OK)
        return code;
    ax_db_select(model->db, &rows,
                 "SELECT entry FROM install_egress WHERE install_id = $1 ORDER BY entry",
                 b_text(ret_install->id));
    return install_read_names(model, &rows, AX_EGRESS_MAX, &ret_install->egress);
}

enum ax_code ax_install_list(struct ax_model *model, struct ax_str tenant,
                             const struct ax_page *page, struct ax_install **ret_list,
                             size_t *ret_count)
{
    enum ax_code failed = AX_OK, code;
    struct ax_install *list;
    struct ax_rows rows;
    size_t limit, count = 0;

    list = model_page(model, page, sizeof(*list), &limit);
    if (!list)
        return model_no_memory(model);
    if (tenant.len)
        ax_db_select(model->db, &rows,
                     INSTALL_SELECT "WHERE i.tenant = $3 AND i.id > $1 "
                                    "AND i.status <> 'uninstalled' ORDER BY i.id LIMIT $2",
                     b_text(page->after), b_i64((int64_t)limit), b_text(tenant));
    else
        ax_db_select(model->db, &rows,
                     INSTALL_SELECT "WHERE i.id > $1 AND i.status <> 'uninstalled' "
                                    "ORDER BY i.id LIMIT $2",
                     b_text(page->after), b_i64((int64_t)limit));
    while (failed == AX_OK && ax_rows_next(&rows))
        failed = install_read(model, &rows, &list[count++]);
    code = ax_rows_end(&rows, model->err);
    *ret_list = list;
    *ret_count = count;
    return code == AX_OK ? failed : code;
}

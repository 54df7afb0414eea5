/* SPDX-License-Identifier: Apache-2.0 */
/* install_change.c - how does an install change?
 * Each operation loads the install and the manifests that it needs into a struct change, alters it,
 * and stores the whole with its config, its serial and its audit row. */
#include "registry/extension.h"
#include "registry/install_private.h"

#include <assert.h>

struct change {
    struct ax_model *model;
    struct ax_install install;    /* as it will be */
    struct ax_version version;    /* that runs now */
    struct ax_manifest *manifest; /* its manifest */
    struct ax_manifest *other;    /* that of the version to come or pending, or NULL */
    struct model_audit audit;
};

static void change_done(struct change *change)
{
    ax_manifest_free(change->manifest);
    ax_manifest_free(change->other);
    ax_buf_done(&change->audit.buf);
}

#define AUTO_CHANGE __attribute__((cleanup(change_done)))

static void change_note(struct change *change, const char *key, struct ax_str value)
{
    ax_json_key(&change->audit.out, key);
    ax_json_put_str(&change->audit.out, value);
}

static void change_note_names(struct change *change, const char *key, struct ax_names names)
{
    ax_json_key(&change->audit.out, key);
    ax_json_begin_array(&change->audit.out);
    for (size_t i = 0; i < names.count; i++)
        ax_json_put_str(&change->audit.out, names.items[i]);
    ax_json_end_array(&change->audit.out);
}

static enum ax_code change_begin(struct change *change, struct ax_model *model,
                                 const struct ax_install_ref *ref)
{
    enum ax_code code;

    *change = (struct change){ .model = model };
    model_audit_begin(&change->audit);
    code = ax_install_get(model, ref, &change->install);
    if (code == AX_OK)
        code = model_match(model, ref->revision, (int64_t)change->install.revision);
    if (code == AX_OK && change->install.state == AX_INSTALL_IS_UNINSTALLED)
        code = ax_err_set(model->err, AX_E_CONFLICT, "it was uninstalled");
    if (code == AX_OK)
        code = ax_version_get_by_id(model, change->install.version_id, &change->version);
    if (code == AX_OK)
        code = install_manifest(model, &change->version, &change->manifest);
    return code;
}

/* Makes config_json anew from what was set, for the version of `manifest`. */
static enum ax_code change_config(struct change *change, const struct ax_manifest *manifest)
{
    AX_AUTO_BUF struct ax_buf buf = { .max = AX_CONFIG_BYTES_MAX };
    bool complete = change->install.state == AX_INSTALL_IS_ENABLED;
    enum ax_code code = ax_config_write(change->model, change->install.id, manifest, complete,
                                        &buf);

    if (code != AX_OK)
        return code;
    change->install.config_json = ax_arena_dup(change->model->arena, ax_buf_str(&buf));
    return change->install.config_json.ptr ? AX_OK : model_no_memory(change->model);
}

/* Writes the row, its change and its audit row, and reads the install back. */
static enum ax_code change_store(struct change *change, const char *action,
                                 struct ax_install *ret_install)
{
    struct ax_install *install = &change->install;
    struct ax_model *model = change->model;
    struct ax_install_ref ref = { .id = install->id };
    bool gone = install->state == AX_INSTALL_IS_UNINSTALLED;
    enum ax_code code = ax_db_run(
        model->db, model->err,
        "UPDATE installs SET version_id = $2, previous_version_id = $3, pending_version_id = $4, "
        "status = $5, config_json = $6, uninstalled_ms = $7, revision = revision + 1 WHERE id = $1",
        b_text(install->id), b_text(install->version_id),
        b_text_or_null(install->previous_version_id), b_text_or_null(install->pending_version_id),
        b_cstr(ax_install_state_name(install->state)), b_text(install->config_json),
        gone ? b_i64(install->uninstalled_ms) : b_text_or_null(AX_STR_NONE));

    if (code == AX_OK)
        code = model_changed(model, AX_CHANGE_INSTALL, install->id, gone);
    code = model_audit_end(&change->audit, model, code, action, install->id, install->tenant);
    return code == AX_OK ? ax_install_get(model, &ref, ret_install) : code;
}

/* --- create --- */

static enum ax_code create_check(struct ax_model *model, const struct ax_install_new *in,
                                 struct change *change)
{
    int64_t live = 0;
    struct ax_extension extension;
    enum ax_code code = model_check_tenant(model, "/tenant", in->tenant);

    if (code == AX_OK)
        code = ax_extension_get(model, in->extension, &extension);
    if (code == AX_OK)
        code = in->version.len ? ax_version_get(model, extension.id, in->version, &change->version)
                               : ax_version_latest(model, extension.id, &change->version);
    if (code == AX_OK)
        code = ax_version_check_not_revoked(model, &change->version);
    if (code == AX_OK)
        code = ax_db_number(model->db, model->err, &live,
                            "SELECT count(*) FROM installs WHERE tenant = $1 "
                            "AND extension_id = $2 AND status <> 'uninstalled'",
                            b_text(in->tenant), b_text(extension.id));
    if (code == AX_OK && live)
        code = ax_err_set(model->err, AX_E_CONFLICT, "\"%.*s\" is installed already",
                          AX_STR_FMT(extension.name));
    if (code == AX_OK)
        code = install_manifest(model, &change->version, &change->manifest);
    return code;
}

static enum ax_code create_row(struct ax_model *model, const struct ax_install_new *in,
                               struct change *change, const char *id)
{
    change->install = (struct ax_install){
        .id = ax_str_of(id),
        .tenant = in->tenant,
        .version_id = change->version.id,
        .state = in->enable ? AX_INSTALL_IS_ENABLED : AX_INSTALL_IS_DISABLED,
    };
    return ax_db_run(model->db, model->err,
                     "INSERT INTO installs (id, tenant, extension_id, version_id, status, "
                     "config_json, revision, created_ms) "
                     "VALUES ($1, $2, $3, $4, 'disabled', '{}', 0, $5)",
                     b_cstr(id), b_text(in->tenant), b_text(change->version.extension_id),
                     b_text(change->version.id), b_i64(model->now_ms));
}

enum ax_code ax_install_create(struct ax_model *model, const struct ax_install_new *in,
                               struct ax_install *ret_install)
{
    AUTO_CHANGE struct change change = { .model = model };
    struct ax_names grants = { NULL, 0 }, egress = { NULL, 0 };
    char id[AX_ID_LEN + 1];
    enum ax_code code;

    model_audit_begin(&change.audit);
    ax_id_make("ins_", id);
    code = create_check(model, in, &change);
    if (code == AX_OK)
        code = install_check_grants(model, in->grants, change.manifest, NULL, &grants);
    if (code == AX_OK)
        code = install_check_egress(model, in->egress, &egress);
    if (code == AX_OK)
        code = create_row(model, in, &change, id);
    if (code == AX_OK)
        code = ax_config_set(model, ax_str_of(id), change.manifest, in->config_json);
    if (code == AX_OK)
        code = install_replace_grants(model, ax_str_of(id), grants, egress);
    if (code == AX_OK)
        code = change_config(&change, change.manifest);
    if (code != AX_OK)
        return code;
    change_note(&change, "extension", change.version.name);
    change_note(&change, "version", change.version.version);
    change_note(&change, "status", ax_str_of(ax_install_state_name(change.install.state)));
    change_note_names(&change, "grants", grants);
    change_note_names(&change, "egress", egress);
    return change_store(&change, "install.create", ret_install);
}

/* --- config, grants, on and off --- */

enum ax_code ax_install_configure(struct ax_model *model, const struct ax_install_ref *ref,
                                  struct ax_str config_json, struct ax_install *ret_install)
{
    AUTO_CHANGE struct change change;
    enum ax_code code = change_begin(&change, model, ref);

    if (code == AX_OK)
        code = ax_config_set(model, change.install.id, change.manifest, config_json);
    if (code == AX_OK)
        code = change_config(&change, change.manifest);
    return code == AX_OK ? change_store(&change, "install.configure", ret_install) : code;
}

/* The manifest of what is pending, if anything is. */
static enum ax_code change_load_pending(struct change *change)
{
    struct ax_version pending;
    enum ax_code code;

    if (!change->install.pending_version_id.len)
        return AX_OK;
    code = ax_version_get_by_id(change->model, change->install.pending_version_id, &pending);
    return code == AX_OK ? install_manifest(change->model, &pending, &change->other) : code;
}

enum ax_code ax_install_grant(struct ax_model *model, const struct ax_install_ref *ref,
                              struct ax_names grants, struct ax_names egress,
                              struct ax_install *ret_install)
{
    AUTO_CHANGE struct change change;
    enum ax_code code = change_begin(&change, model, ref);

    if (code == AX_OK)
        code = change_load_pending(&change);
    if (code == AX_OK)
        code = install_check_grants(model, grants, change.manifest, change.other, &grants);
    if (code == AX_OK)
        code = install_check_egress(model, egress, &egress);
    if (code == AX_OK)
        code = install_replace_grants(model, change.install.id, grants, egress);
    if (code != AX_OK)
        return code;
    change_note_names(&change, "grants", grants);
    change_note_names(&change, "egress", egress);
    return change_store(&change, "install.grant", ret_install);
}

enum ax_code ax_install_set_enabled(struct ax_model *model, const struct ax_install_ref *ref,
                                    bool enabled, struct ax_install *ret_install)
{
    AUTO_CHANGE struct change change;
    enum ax_code code = change_begin(&change, model, ref);

    if (code == AX_OK && enabled)
        code = ax_version_check_not_revoked(model, &change.version);
    if (code != AX_OK)
        return code;
    change.install.state = enabled ? AX_INSTALL_IS_ENABLED : AX_INSTALL_IS_DISABLED;
    if (enabled)
        code = change_config(&change, change.manifest);
    return code == AX_OK
               ? change_store(&change, enabled ? "install.enable" : "install.disable", ret_install)
               : code;
}

/* --- versions --- */

/* `next` takes over; `manifest` is its own. */
static enum ax_code change_switch(struct change *change, const struct ax_version *next,
                                  const struct ax_manifest *manifest, struct ax_str config_json,
                                  struct ax_str previous_version_id)
{
    enum ax_code code = ax_version_check_not_revoked(change->model, next);

    if (code == AX_OK)
        code = ax_config_set(change->model, change->install.id, manifest, config_json);
    change->install.previous_version_id = previous_version_id;
    change->install.version_id = next->id;
    change->install.pending_version_id = AX_STR_NONE;
    if (code == AX_OK)
        code = change_config(change, manifest);
    change_note(change, "from", change->version.version);
    change_note(change, "version", next->version);
    return code;
}

enum ax_code ax_install_upgrade(struct ax_model *model, const struct ax_install_ref *ref,
                                struct ax_str version, struct ax_str config_json,
                                struct ax_install *ret_install)
{
    AUTO_CHANGE struct change change;
    struct ax_version next;
    enum ax_code code = change_begin(&change, model, ref);

    if (code == AX_OK)
        code = version.len ? ax_version_get(model, change.install.extension_id, version, &next)
                           : ax_version_latest(model, change.install.extension_id, &next);
    if (code == AX_OK)
        code = ax_version_check_not_revoked(model, &next);
    if (code == AX_OK)
        code = install_manifest(model, &next, &change.other);
    if (code != AX_OK)
        return code;
    if (ax_str_eq(next.id, change.version.id)) {
        change.install.pending_version_id = AX_STR_NONE;
        return change_store(&change, "install.stay", ret_install);
    }
    if (install_asks_for_more(change.manifest, change.other)) {
        change.install.pending_version_id = next.id;
        change_note(&change, "from", change.version.version);
        change_note(&change, "version", next.version);
        return change_store(&change, "install.upgrade.ask", ret_install);
    }
    code = change_switch(&change, &next, change.other, config_json, change.version.id);
    return code == AX_OK ? change_store(&change, "install.upgrade", ret_install) : code;
}

enum ax_code ax_install_consent(struct ax_model *model, const struct ax_install_ref *ref,
                                struct ax_str config_json, struct ax_install *ret_install)
{
    AUTO_CHANGE struct change change;
    struct ax_version next;
    enum ax_code code = change_begin(&change, model, ref);

    if (code == AX_OK && !change.install.pending_version_id.len)
        code = ax_err_set(model->err, AX_E_CONFLICT, "no upgrade waits for consent");
    if (code == AX_OK)
        code = ax_version_get_by_id(model, change.install.pending_version_id, &next);
    if (code == AX_OK)
        code = install_manifest(model, &next, &change.other);
    if (code == AX_OK)
        code = install_grant_more(model, change.install.id, change.manifest, change.other);
    if (code == AX_OK)
        code = change_switch(&change, &next, change.other, config_json, change.version.id);
    return code == AX_OK ? change_store(&change, "install.consent", ret_install) : code;
}

enum ax_code ax_install_rollback(struct ax_model *model, const struct ax_install_ref *ref,
                                 struct ax_install *ret_install)
{
    AUTO_CHANGE struct change change;
    struct ax_version next;
    enum ax_code code = change_begin(&change, model, ref);

    if (code == AX_OK && !change.install.previous_version_id.len)
        code = ax_err_set(model->err, AX_E_CONFLICT, "there is no version before to go back to");
    if (code == AX_OK)
        code = ax_version_get_by_id(model, change.install.previous_version_id, &next);
    if (code == AX_OK)
        code = install_manifest(model, &next, &change.other);
    if (code == AX_OK)
        code = change_switch(&change, &next, change.other, AX_STR_NONE, AX_STR_NONE);
    return code == AX_OK ? change_store(&change, "install.rollback", ret_install) : code;
}

/* --- the end --- */

static enum ax_code install_erase(struct ax_model *model, struct ax_str install_id)
{
    enum ax_code code = ax_db_run(model->db, model->err,
                                  "DELETE FROM install_config WHERE install_id = $1",
                                  b_text(install_id));

    if (code == AX_OK)
        code = install_replace_grants(model, install_id, (struct ax_names){ NULL, 0 },
                                      (struct ax_names){ NULL, 0 });
    if (code == AX_OK)
        code = ax_db_run(model->db, model->err,
                         "UPDATE installs SET config_json = '{}' WHERE id = $1",
                         b_text(install_id));
    return code;
}

enum ax_code ax_install_uninstall(struct ax_model *model, const struct ax_install_ref *ref,
                                  bool erase, struct ax_install *ret_install)
{
    AUTO_CHANGE struct change change;
    enum ax_code code = change_begin(&change, model, ref);

    if (code != AX_OK)
        return code;
    change.install.state = AX_INSTALL_IS_UNINSTALLED;
    change.install.uninstalled_ms = model->now_ms;
    change.install.pending_version_id = AX_STR_NONE;
    if (erase) {
        change.install.config_json = AX_STR("{}");
        code = install_erase(model, change.install.id);
    }
    change_note(&change, "data", erase ? AX_STR("erased") : AX_STR("kept"));
    return code == AX_OK ? change_store(&change, "install.uninstall", ret_install) : code;
}

enum ax_code ax_install_purge(struct ax_model *model, int64_t before_ms, size_t limit,
                              size_t *ret_count)
{
    struct ax_page page = { .limit = limit };
    enum ax_code failed = AX_OK, code;
    struct ax_str *ids;
    struct ax_rows rows;
    size_t count = 0;

    ids = model_page(model, &page, sizeof(*ids), &limit);
    if (!ids)
        return model_no_memory(model);
    ax_db_select(model->db, &rows,
                 "SELECT i.id FROM installs i WHERE i.uninstalled_ms < $1 AND "
                 "(i.config_json <> '{}' OR EXISTS (SELECT 1 FROM grants g WHERE "
                 "g.install_id = i.id) OR EXISTS (SELECT 1 FROM install_egress x WHERE "
                 "x.install_id = i.id) OR EXISTS (SELECT 1 FROM install_config c WHERE "
                 "c.install_id = i.id)) ORDER BY i.uninstalled_ms LIMIT $2",
                 b_i64(before_ms), b_i64((int64_t)limit));
    while (failed == AX_OK && ax_rows_next(&rows))
        ids[count++] = model_text(model, &rows, 0, &failed);
    code = ax_rows_end(&rows, model->err);
    if (code == AX_OK)
        code = failed;
    for (size_t i = 0; code == AX_OK && i < count; i++) {
        struct model_audit audit;

        model_audit_begin(&audit);
        code = install_erase(model, ids[i]);
        code = model_audit_end(&audit, model, code, "install.erase", ids[i], AX_STR_NONE);
    }
    *ret_count = count;
    return code;
}

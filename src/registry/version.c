/* SPDX-License-Identifier: Apache-2.0 */
/* version.c - which bytes are version 1.2.3? */
#include "registry/version.h"

#include "registry/extension.h"
#include "registry/model_private.h"
#include "registry/publisher.h"
#include "registry/revocation.h"
#include "registry/semver.h"

#include <string.h>

#define VERSION_SELECT                                                                          \
    "SELECT v.id, v.extension_id, e.name, p.slug, v.version, v.content_hash, v.keyid, b.size, " \
    "b.has_module, v.status, v.revision, v.created_ms, v.manifest_json FROM versions v "        \
    "JOIN extensions e ON e.id = v.extension_id JOIN publishers p ON p.id = e.publisher_id "    \
    "JOIN bundles b ON b.content_hash = v.content_hash "

static enum ax_code version_read(struct ax_model *model, const struct ax_rows *rows,
                                 bool with_manifest, struct ax_version *version)
{
    enum ax_code failed = AX_OK;

    *version = (struct ax_version){
        .id = model_text(model, rows, 0, &failed),
        .extension_id = model_text(model, rows, 1, &failed),
        .name = model_text(model, rows, 2, &failed),
        .publisher = model_text(model, rows, 3, &failed),
        .version = model_text(model, rows, 4, &failed),
        .content_hash = model_text(model, rows, 5, &failed),
        .keyid = model_text(model, rows, 6, &failed),
        .size = (uint64_t)ax_rows_i64(rows, 7),
        .has_module = ax_rows_i64(rows, 8) != 0,
        .deprecated = ax_str_eq(ax_rows_text(rows, 9), AX_STR("deprecated")),
        .revision = (uint64_t)ax_rows_i64(rows, 10),
        .created_ms = ax_rows_i64(rows, 11),
    };
    if (with_manifest)
        version->manifest_json = model_text(model, rows, 12, &failed);
    return failed;
}

static enum ax_code version_read_one(struct ax_model *model, struct ax_rows *rows,
                                     struct ax_version *ret_version)
{
    enum ax_code failed = AX_OK, code;
    bool found = ax_rows_next(rows);

    if (found)
        failed = version_read(model, rows, true, ret_version);
    code = ax_rows_end(rows, model->err);
    if (code == AX_OK && !found)
        return model_not_found(model, "version");
    return code == AX_OK ? failed : code;
}

enum ax_code ax_version_get_by_id(struct ax_model *model, struct ax_str id,
                                  struct ax_version *ret_version)
{
    struct ax_rows rows;

    ax_db_select(model->db, &rows, VERSION_SELECT "WHERE v.id = $1", b_text(id));
    return version_read_one(model, &rows, ret_version);
}

enum ax_code ax_version_get(struct ax_model *model, struct ax_str extension, struct ax_str version,
                            struct ax_version *ret_version)
{
    struct ax_extension owner;
    struct ax_rows rows;
    enum ax_code code = ax_extension_get(model, extension, &owner);

    if (code != AX_OK)
        return code;
    ax_db_select(model->db, &rows, VERSION_SELECT "WHERE v.extension_id = $1 AND v.version = $2",
                 b_text(owner.id), b_text(version));
    return version_read_one(model, &rows, ret_version);
}

enum ax_code ax_version_list(struct ax_model *model, struct ax_str extension,
                             const struct ax_page *page, struct ax_version **ret_list,
                             size_t *ret_count)
{
    enum ax_code failed = AX_OK, code;
    struct ax_extension owner;
    struct ax_version *list;
    struct ax_rows rows;
    size_t limit, count = 0;

    list = model_page(model, page, sizeof(*list), &limit);
    if (!list)
        return model_no_memory(model);
    code = ax_extension_get(model, extension, &owner);
    if (code != AX_OK)
        return code;
    ax_db_select(model->db, &rows,
                 VERSION_SELECT "WHERE v.extension_id = $1 AND v.version > $2 "
                                "ORDER BY v.version LIMIT $3",
                 b_text(owner.id), b_text(page->after), b_i64((int64_t)limit));
    while (failed == AX_OK && ax_rows_next(&rows))
        failed = version_read(model, &rows, false, &list[count++]);
    code = ax_rows_end(&rows, model->err);
    *ret_list = list;
    *ret_count = count;
    return code == AX_OK ? failed : code;
}

enum ax_code ax_version_latest(struct ax_model *model, struct ax_str extension,
                               struct ax_version *ret_version)
{
    char best[AX_MANIFEST_VERSION_MAX + 1] = "";
    struct ax_extension owner;
    struct ax_rows rows;
    enum ax_code code = ax_extension_get(model, extension, &owner);

    if (code != AX_OK)
        return code;
    ax_db_select(model->db, &rows,
                 "SELECT v.version FROM versions v WHERE v.extension_id = $1 "
                 "AND v.status = 'published' AND NOT EXISTS (SELECT 1 FROM revocations r "
                 "WHERE (r.kind = 'hash' AND r.value = v.content_hash) "
                 "OR (r.kind = 'key' AND r.value = v.keyid))",
                 b_text(owner.id));
    while (ax_rows_next(&rows)) {
        struct ax_str version = ax_rows_text(&rows, 0);

        if (!ax_semver_is_prerelease(version) &&
            (!best[0] || ax_semver_cmp(version, ax_str_of(best)) > 0)) {
            memcpy(best, version.ptr, version.len); /* as long as versions are */
            best[version.len] = '\0';
        }
    }
    code = ax_rows_end(&rows, model->err);
    if (code == AX_OK && !best[0])
        return model_not_found(model, "version that could be anybody's latest");
    return code == AX_OK ? ax_version_get(model, owner.id, ax_str_of(best), ret_version) : code;
}

enum ax_code ax_version_next_patch(struct ax_model *model, struct ax_str extension,
                                   struct ax_str line, uint64_t *ret_patch)
{
    uint64_t next = 0, patch;
    struct ax_rows rows;
    enum ax_code code;

    ax_db_select(model->db, &rows,
                 "SELECT v.version FROM versions v JOIN extensions e ON e.id = v.extension_id "
                 "WHERE e.name = $1 OR e.id = $1",
                 b_text(extension));
    while (ax_rows_next(&rows))
        if (ax_semver_patch(ax_rows_text(&rows, 0), line, &patch) && patch >= next)
            next = patch + 1;
    code = ax_rows_end(&rows, model->err);
    *ret_patch = next;
    return code;
}

enum ax_code ax_version_check_not_revoked(struct ax_model *model, const struct ax_version *version)
{
    bool hash = false, key = false;
    enum ax_code code = ax_revocation_has(model, AX_REVOKED_HASH, version->content_hash, &hash);

    if (code == AX_OK)
        code = ax_revocation_has(model, AX_REVOKED_KEY, version->keyid, &key);
    if (code == AX_OK && (hash || key))
        return ax_err_set(model->err, AX_E_BUNDLE_REVOKED, "version %.*s of %.*s was revoked",
                          AX_STR_FMT(version->version), AX_STR_FMT(version->name));
    return code;
}

enum ax_code ax_version_deprecate(struct ax_model *model, struct ax_str extension,
                                  struct ax_str version, uint64_t revision, bool deprecated,
                                  struct ax_version *ret_version)
{
    struct model_audit audit;
    struct ax_version found;
    enum ax_code code = ax_version_get(model, extension, version, &found);

    if (code == AX_OK)
        code = model_match(model, revision, (int64_t)found.revision);
    if (code != AX_OK)
        return code;
    code = ax_db_run(model->db, model->err,
                     "UPDATE versions SET status = $2, revision = revision + 1 WHERE id = $1",
                     b_text(found.id), b_cstr(deprecated ? "deprecated" : "published"));
    if (code == AX_OK)
        code = model_changed(model, AX_CHANGE_VERSION, found.id, false);
    model_audit_begin(&audit);
    code = model_audit_end(&audit, model, code,
                           deprecated ? "version.deprecate" : "version.restore", found.id,
                           AX_STR_NONE);
    return code == AX_OK ? ax_version_get_by_id(model, found.id, ret_version) : code;
}

/* --- publishing --- */

static enum ax_code publish_check_key(struct ax_model *model, const struct ax_publisher *publisher,
                                      struct ax_str keyid)
{
    struct ax_publisher_key key;
    enum ax_code code = ax_publisher_key_get(model, publisher->id, keyid, &key);

    if (code == AX_OK && !key.active)
        return ax_err_set(model->err, AX_E_FORBIDDEN, "the key that signed it was revoked");
    return code;
}

/* Is the name another publisher's by now? Prefixes may have been given anew. */
static enum ax_code publish_check_extension(struct ax_model *model,
                                            const struct ax_publisher *publisher,
                                            struct ax_str name, struct ax_version *found,
                                            struct ax_str version, bool *ret_found)
{
    struct ax_extension extension;
    enum ax_code code = ax_extension_get(model, name, &extension);

    *ret_found = false;
    if (code == AX_E_NOT_FOUND)
        return AX_OK;
    if (code != AX_OK)
        return code;
    if (!ax_str_eq(extension.publisher_id, publisher->id))
        return ax_err_set(model->err, AX_E_FORBIDDEN,
                          "the extension \"%.*s\" belongs to another publisher", AX_STR_FMT(name));
    code = ax_version_get(model, extension.id, version, found);
    *ret_found = code == AX_OK;
    return code == AX_E_NOT_FOUND ? AX_OK : code;
}

static enum ax_code publish_check(struct ax_model *model, const struct ax_publisher *publisher,
                                  struct ax_str keyid, struct ax_str name, struct ax_str version,
                                  const struct ax_digest *content_hash,
                                  struct ax_version *ret_found, bool *ret_exists)
{
    char hex[AX_DIGEST_HEX_LEN + 1];
    bool revoked = false;
    enum ax_code code;

    ax_digest_hex(content_hash, hex);
    if (!ax_manifest_is_name(name) || !ax_manifest_is_version(version))
        return ax_err_set(model->err, AX_E_INVALID_REQUEST,
                          "expected: an extension's name and a semantic version");
    code = ax_publisher_check_owns(model, publisher, name);
    if (code == AX_OK)
        code = publish_check_key(model, publisher, keyid);
    if (code == AX_OK)
        code = ax_revocation_has(model, AX_REVOKED_HASH, ax_str_of(hex), &revoked);
    if (code == AX_OK && revoked)
        return ax_err_set(model->err, AX_E_BUNDLE_REVOKED, "a bundle of this hash was revoked");
    if (code == AX_OK)
        code = publish_check_extension(model, publisher, name, ret_found, version, ret_exists);
    if (code == AX_OK && *ret_exists && !ax_str_eq(ret_found->content_hash, ax_str_of(hex)))
        return ax_err_set(model->err, AX_E_VERSION_EXISTS,
                          "version %.*s is published with other bytes: choose another number",
                          AX_STR_FMT(version));
    return code;
}

enum ax_code ax_version_check(struct ax_model *model, struct ax_str publisher, struct ax_str keyid,
                              struct ax_str name, struct ax_str version,
                              const struct ax_digest *content_hash, bool *ret_exists)
{
    struct ax_publisher owner;
    struct ax_version ignored;
    enum ax_code code = ax_publisher_get(model, publisher, &owner);

    if (code != AX_OK)
        return code;
    return publish_check(model, &owner, keyid, name, version, content_hash, &ignored, ret_exists);
}

/* The extension's id, made at its first version. */
static enum ax_code publish_extension(struct ax_model *model, const struct ax_publisher *publisher,
                                      struct ax_str name, char ret_id[AX_ID_LEN + 1])
{
    struct ax_extension extension;
    enum ax_code code = ax_extension_get(model, name, &extension);

    if (code == AX_OK) {
        memcpy(ret_id, extension.id.ptr, AX_ID_LEN);
        ret_id[AX_ID_LEN] = '\0';
    }
    if (code != AX_E_NOT_FOUND)
        return code;
    ax_id_make("ext_", ret_id);
    code = ax_db_run(model->db, model->err,
                     "INSERT INTO extensions (id, name, publisher_id, created_ms) "
                     "VALUES ($1, $2, $3, $4)",
                     b_cstr(ret_id), b_text(name), b_text(publisher->id), b_i64(model->now_ms));
    return code == AX_OK ? model_changed(model, AX_CHANGE_EXTENSION, ax_str_of(ret_id), false)
                         : code;
}

static enum ax_code publish_version(struct ax_model *model, const struct ax_version_new *in,
                                    const char *extension_id, struct ax_str version,
                                    const char *version_id)
{
    char hex[AX_DIGEST_HEX_LEN + 1];
    enum ax_code code;

    ax_digest_hex(&in->content_hash, hex);
    code = ax_db_run(model->db, model->err,
                     "INSERT INTO bundles (content_hash, size, has_module) VALUES ($1, $2, $3)",
                     b_cstr(hex), b_i64((int64_t)in->size), b_i64(in->has_module));
    if (code == AX_OK)
        code = ax_db_run(model->db, model->err,
                         "INSERT INTO versions (id, extension_id, version, content_hash, "
                         "manifest_json, keyid, status, revision, created_ms) "
                         "VALUES ($1, $2, $3, $4, $5, $6, 'published', 1, $7)",
                         b_cstr(version_id), b_cstr(extension_id), b_text(version), b_cstr(hex),
                         b_text(in->manifest_json), b_text(in->keyid), b_i64(model->now_ms));
    return code == AX_OK ? model_changed(model, AX_CHANGE_VERSION, ax_str_of(version_id), false)
                         : code;
}

static enum ax_code publish_write(struct ax_model *model, const struct ax_version_new *in,
                                  const struct ax_publisher *publisher,
                                  const struct ax_manifest *manifest,
                                  struct ax_version *ret_version)
{
    char extension_id[AX_ID_LEN + 1], version_id[AX_ID_LEN + 1], hash[AX_DIGEST_TEXT_LEN + 1];
    struct model_audit audit;
    enum ax_code code = publish_extension(model, publisher, ax_manifest_name(manifest),
                                          extension_id);

    ax_id_make("ver_", version_id);
    ax_digest_print(&in->content_hash, hash);
    if (code == AX_OK)
        code = publish_version(model, in, extension_id, ax_manifest_version(manifest), version_id);
    model_audit_begin(&audit);
    ax_json_key(&audit.out, "name");
    ax_json_put_str(&audit.out, ax_manifest_name(manifest));
    ax_json_key(&audit.out, "version");
    ax_json_put_str(&audit.out, ax_manifest_version(manifest));
    ax_json_key(&audit.out, "content_hash");
    ax_json_put_str(&audit.out, ax_str_of(hash));
    ax_json_key(&audit.out, "keyid");
    ax_json_put_str(&audit.out, in->keyid);
    code = model_audit_end(&audit, model, code, "version.publish", ax_str_of(version_id),
                           AX_STR_NONE);
    return code == AX_OK ? ax_version_get_by_id(model, ax_str_of(version_id), ret_version) : code;
}

enum ax_code ax_version_create(struct ax_model *model, const struct ax_version_new *in,
                               struct ax_version *ret_version, bool *ret_existed)
{
    AX_AUTO(ax_manifest_free) struct ax_manifest *manifest = NULL;
    struct ax_publisher publisher;
    bool exists = false;
    enum ax_code code = ax_publisher_get(model, in->publisher, &publisher);

    if (code == AX_OK)
        code = ax_manifest_parse(in->manifest_json, &manifest, model->err);
    if (code != AX_OK)
        return code;
    if (!ax_str_eq_nocase(ax_manifest_publisher(manifest), publisher.slug) &&
        !ax_str_eq_nocase(ax_manifest_publisher(manifest), publisher.display_name))
        return ax_err_set_at(model->err, AX_E_FORBIDDEN, "/publisher",
                             "the manifest names another publisher");
    code = publish_check(model, &publisher, in->keyid, ax_manifest_name(manifest),
                         ax_manifest_version(manifest), &in->content_hash, ret_version, &exists);
    if (code == AX_OK && !exists)
        code = publish_write(model, in, &publisher, manifest, ret_version);
    *ret_existed = exists;
    return code;
}

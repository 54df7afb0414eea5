/* SPDX-License-Identifier: Apache-2.0 */
/* publisher.c - who may publish what, and signed by whom? */
#include "registry/publisher.h"

#include "bundle/manifest.h"
#include "crypto/key.h"
#include "registry/model_private.h"
#include "registry/revocation.h"

#define PUBLISHER_COLUMNS "id, slug, display_name, status, revision, created_ms"

static enum ax_code publisher_read(struct ax_model *model, const struct ax_rows *rows,
                                   struct ax_publisher *publisher)
{
    enum ax_code failed = AX_OK;

    *publisher = (struct ax_publisher){
        .id = model_text(model, rows, 0, &failed),
        .slug = model_text(model, rows, 1, &failed),
        .display_name = model_text(model, rows, 2, &failed),
        .active = ax_str_eq(ax_rows_text(rows, 3), AX_STR("active")),
        .revision = (uint64_t)ax_rows_i64(rows, 4),
        .created_ms = ax_rows_i64(rows, 5),
    };
    return failed;
}

enum ax_code ax_publisher_get(struct ax_model *model, struct ax_str name,
                              struct ax_publisher *ret_publisher)
{
    enum ax_code failed = AX_OK, code;
    struct ax_rows rows;
    bool found;

    if (ax_id_is(name, "pub_"))
        ax_db_select(model->db, &rows, "SELECT " PUBLISHER_COLUMNS " FROM publishers WHERE id = $1",
                     b_text(name));
    else
        ax_db_select(model->db, &rows,
                     "SELECT " PUBLISHER_COLUMNS " FROM publishers WHERE slug = $1", b_text(name));
    found = ax_rows_next(&rows);
    if (found)
        failed = publisher_read(model, &rows, ret_publisher);
    code = ax_rows_end(&rows, model->err);
    if (code == AX_OK && !found)
        return model_not_found(model, "publisher");
    return code == AX_OK ? failed : code;
}

enum ax_code ax_publisher_create(struct ax_model *model, struct ax_str slug,
                                 struct ax_str display_name, struct ax_publisher *ret_publisher)
{
    char id[AX_ID_LEN + 1];
    struct model_audit audit;
    enum ax_code code = model_check_slug(model, "/slug", slug);
    int64_t taken = 0;

    if (code == AX_OK)
        code = model_check_text(model, "/display_name", display_name, 1, AX_TITLE_MAX);
    if (code == AX_OK)
        code = ax_db_number(model->db, model->err, &taken,
                            "SELECT count(*) FROM publishers WHERE slug = $1", b_text(slug));
    if (code == AX_OK && taken)
        code = ax_err_set_at(model->err, AX_E_EXISTS, "/slug", "there is such a publisher already");
    ax_id_make("pub_", id);
    if (code == AX_OK)
        code = ax_db_run(model->db, model->err,
                         "INSERT INTO publishers (" PUBLISHER_COLUMNS ") "
                         "VALUES ($1, $2, $3, 'active', 1, $4)",
                         b_cstr(id), b_text(slug), b_text(display_name), b_i64(model->now_ms));
    if (code == AX_OK)
        code = model_changed(model, AX_CHANGE_PUBLISHER, ax_str_of(id), false);
    model_audit_begin(&audit);
    ax_json_key(&audit.out, "slug");
    ax_json_put_str(&audit.out, slug);
    code = model_audit_end(&audit, model, code, "publisher.create", ax_str_of(id), AX_STR_NONE);
    return code == AX_OK ? ax_publisher_get(model, ax_str_of(id), ret_publisher) : code;
}

enum ax_code ax_publisher_list(struct ax_model *model, const struct ax_page *page,
                               struct ax_publisher **ret_list, size_t *ret_count)
{
    enum ax_code failed = AX_OK, code;
    struct ax_publisher *list;
    struct ax_rows rows;
    size_t limit, count = 0;

    list = model_page(model, page, sizeof(*list), &limit);
    if (!list)
        return model_no_memory(model);
    ax_db_select(model->db, &rows,
                 "SELECT " PUBLISHER_COLUMNS " FROM publishers WHERE slug > $1 "
                 "ORDER BY slug LIMIT $2",
                 b_text(page->after), b_i64((int64_t)limit));
    while (failed == AX_OK && ax_rows_next(&rows))
        failed = publisher_read(model, &rows, &list[count++]);
    code = ax_rows_end(&rows, model->err);
    *ret_list = list;
    *ret_count = count;
    return code == AX_OK ? failed : code;
}

enum ax_code ax_publisher_set_active(struct ax_model *model, struct ax_str name, uint64_t revision,
                                     bool active, struct ax_publisher *ret_publisher)
{
    struct ax_publisher publisher;
    struct model_audit audit;
    enum ax_code code = ax_publisher_get(model, name, &publisher);

    if (code == AX_OK)
        code = model_match(model, revision, (int64_t)publisher.revision);
    if (code != AX_OK)
        return code;
    code = ax_db_run(model->db, model->err,
                     "UPDATE publishers SET status = $2, revision = revision + 1 WHERE id = $1",
                     b_text(publisher.id), b_cstr(active ? "active" : "suspended"));
    if (code == AX_OK)
        code = model_changed(model, AX_CHANGE_PUBLISHER, publisher.id, false);
    model_audit_begin(&audit);
    code = model_audit_end(&audit, model, code, active ? "publisher.activate" : "publisher.suspend",
                           publisher.id, AX_STR_NONE);
    return code == AX_OK ? ax_publisher_get(model, publisher.id, ret_publisher) : code;
}

/* --- prefixes --- */

static bool is_prefix(struct ax_str text)
{
    if (text.len == 0 || text.len > AX_MANIFEST_NAME_MAX - 1 || text.ptr[text.len - 1] != '.' ||
        text.ptr[0] == '.')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '.' ? i > 0 && text.ptr[i - 1] == '.'
                     : !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return true;
}

/* Whether somebody else's prefix begins like `prefix`, or the other way round. */
static enum ax_code prefix_check_free(struct ax_model *model, struct ax_str prefix,
                                      struct ax_str publisher_id)
{
    int64_t overlapping = 0;
    enum ax_code code = ax_db_number(
        model->db, model->err, &overlapping,
        "SELECT count(*) FROM publisher_prefixes WHERE publisher_id <> $2 AND "
        "(substr($1, 1, length(prefix)) = prefix OR substr(prefix, 1, length($1)) = $1)",
        b_text(prefix), b_text(publisher_id));

    if (code == AX_OK && overlapping)
        return ax_err_set_at(model->err, AX_E_CONFLICT, "/prefix",
                             "these names belong to another publisher, or some of them do");
    return code;
}

enum ax_code ax_publisher_prefix_add(struct ax_model *model, struct ax_str name,
                                     struct ax_str prefix)
{
    struct ax_publisher publisher;
    struct model_audit audit;
    int64_t held = 0, own = 0;
    enum ax_code code = ax_publisher_get(model, name, &publisher);

    if (code != AX_OK)
        return code;
    if (!is_prefix(prefix))
        return ax_err_set_at(model->err, AX_E_INVALID_REQUEST, "/prefix",
                             "expected: segments of a-z 0-9 -, each with a dot behind it");
    code = prefix_check_free(model, prefix, publisher.id);
    if (code == AX_OK)
        code = ax_db_number(model->db, model->err, &held,
                            "SELECT count(*) FROM publisher_prefixes WHERE publisher_id = $1",
                            b_text(publisher.id));
    if (code == AX_OK)
        code = ax_db_number(model->db, model->err, &own,
                            "SELECT count(*) FROM publisher_prefixes WHERE prefix = $1",
                            b_text(prefix));
    if (code != AX_OK || own)
        return code;
    if (held >= AX_PUBLISHER_PREFIXES_MAX)
        return ax_err_set(model->err, AX_E_CONFLICT, "a publisher has at most %d prefixes",
                          AX_PUBLISHER_PREFIXES_MAX);
    code = ax_db_run(model->db, model->err,
                     "INSERT INTO publisher_prefixes (prefix, publisher_id) VALUES ($1, $2)",
                     b_text(prefix), b_text(publisher.id));
    if (code == AX_OK)
        code = model_changed(model, AX_CHANGE_PUBLISHER, publisher.id, false);
    model_audit_begin(&audit);
    ax_json_key(&audit.out, "prefix");
    ax_json_put_str(&audit.out, prefix);
    return model_audit_end(&audit, model, code, "publisher.prefix", publisher.id, AX_STR_NONE);
}

enum ax_code ax_publisher_prefix_list(struct ax_model *model, struct ax_str name,
                                      struct ax_str **ret_list, size_t *ret_count)
{
    struct ax_page page = { .limit = AX_PUBLISHER_PREFIXES_MAX };
    enum ax_code failed = AX_OK, code;
    struct ax_publisher publisher;
    struct ax_rows rows;
    size_t limit, count = 0;
    struct ax_str *list = model_page(model, &page, sizeof(*list), &limit);

    if (!list)
        return model_no_memory(model);
    code = ax_publisher_get(model, name, &publisher);
    if (code != AX_OK)
        return code;
    ax_db_select(model->db, &rows,
                 "SELECT prefix FROM publisher_prefixes WHERE publisher_id = $1 "
                 "ORDER BY prefix LIMIT $2",
                 b_text(publisher.id), b_i64((int64_t)limit));
    while (failed == AX_OK && ax_rows_next(&rows))
        list[count++] = model_text(model, &rows, 0, &failed);
    code = ax_rows_end(&rows, model->err);
    *ret_list = list;
    *ret_count = count;
    return code == AX_OK ? failed : code;
}

enum ax_code ax_publisher_check_owns(struct ax_model *model, const struct ax_publisher *publisher,
                                     struct ax_str extension)
{
    int64_t owned = 0;
    enum ax_code code;

    if (!publisher->active)
        return ax_err_set(model->err, AX_E_FORBIDDEN, "this publisher is suspended");
    code = ax_db_number(model->db, model->err, &owned,
                        "SELECT count(*) FROM publisher_prefixes WHERE publisher_id = $2 AND "
                        "substr($1, 1, length(prefix)) = prefix",
                        b_text(extension), b_text(publisher->id));
    if (code == AX_OK && !owned)
        return ax_err_set(model->err, AX_E_FORBIDDEN,
                          "no prefix of this publisher is one of \"%.*s\"", AX_STR_FMT(extension));
    return code;
}

/* --- keys --- */

static enum ax_code key_read(struct ax_model *model, const struct ax_rows *rows,
                             struct ax_publisher_key *key)
{
    enum ax_code failed = AX_OK;

    *key = (struct ax_publisher_key){
        .keyid = model_text(model, rows, 0, &failed),
        .pem = model_text(model, rows, 1, &failed),
        .active = ax_str_eq(ax_rows_text(rows, 2), AX_STR("active")),
        .created_ms = ax_rows_i64(rows, 3),
    };
    return failed;
}

enum ax_code ax_publisher_key_get(struct ax_model *model, struct ax_str name, struct ax_str keyid,
                                  struct ax_publisher_key *ret_key)
{
    enum ax_code failed = AX_OK, code;
    struct ax_publisher publisher;
    struct ax_rows rows;
    bool found;

    code = ax_publisher_get(model, name, &publisher);
    if (code != AX_OK)
        return code;
    ax_db_select(model->db, &rows,
                 "SELECT keyid, pem, status, created_ms FROM publisher_keys "
                 "WHERE keyid = $1 AND publisher_id = $2",
                 b_text(keyid), b_text(publisher.id));
    found = ax_rows_next(&rows);
    if (found)
        failed = key_read(model, &rows, ret_key);
    code = ax_rows_end(&rows, model->err);
    if (code == AX_OK && !found)
        return model_not_found(model, "key of this publisher");
    return code == AX_OK ? failed : code;
}

enum ax_code ax_publisher_key_list(struct ax_model *model, struct ax_str name,
                                   struct ax_publisher_key **ret_list, size_t *ret_count)
{
    struct ax_page page = { .limit = AX_PUBLISHER_KEYS_MAX };
    enum ax_code failed = AX_OK, code;
    struct ax_publisher publisher;
    struct ax_publisher_key *list;
    struct ax_rows rows;
    size_t limit, count = 0;

    list = model_page(model, &page, sizeof(*list), &limit);
    if (!list)
        return model_no_memory(model);
    code = ax_publisher_get(model, name, &publisher);
    if (code != AX_OK)
        return code;
    ax_db_select(model->db, &rows,
                 "SELECT keyid, pem, status, created_ms FROM publisher_keys "
                 "WHERE publisher_id = $1 ORDER BY created_ms, keyid LIMIT $2",
                 b_text(publisher.id), b_i64((int64_t)limit));
    while (failed == AX_OK && ax_rows_next(&rows))
        failed = key_read(model, &rows, &list[count++]);
    code = ax_rows_end(&rows, model->err);
    *ret_list = list;
    *ret_count = count;
    return code == AX_OK ? failed : code;
}

/* May `keyid` be registered for this publisher? *ret_is_there: it is already. */
static enum ax_code key_check_free(struct ax_model *model, struct ax_str keyid,
                                   const struct ax_publisher *publisher, bool *ret_is_there)
{
    int64_t others = 0, own = 0, held = 0;
    bool revoked = false;
    enum ax_code code = ax_revocation_has(model, AX_REVOKED_KEY, keyid, &revoked);

    if (code == AX_OK)
        code = ax_db_number(model->db, model->err, &others,
                            "SELECT count(*) FROM publisher_keys "
                            "WHERE keyid = $1 AND publisher_id <> $2",
                            b_text(keyid), b_text(publisher->id));
    if (code == AX_OK)
        code = ax_db_number(model->db, model->err, &own,
                            "SELECT count(*) FROM publisher_keys "
                            "WHERE keyid = $1 AND publisher_id = $2",
                            b_text(keyid), b_text(publisher->id));
    if (code == AX_OK)
        code = ax_db_number(model->db, model->err, &held,
                            "SELECT count(*) FROM publisher_keys WHERE publisher_id = $1",
                            b_text(publisher->id));
    if (code != AX_OK)
        return code;
    if (revoked)
        return ax_err_set_at(model->err, AX_E_CONFLICT, "/pem", "this key was revoked");
    if (others)
        return ax_err_set_at(model->err, AX_E_EXISTS, "/pem",
                             "this key is registered for another publisher");
    if (!own && held >= AX_PUBLISHER_KEYS_MAX)
        return ax_err_set(model->err, AX_E_CONFLICT, "a publisher has at most %d keys",
                          AX_PUBLISHER_KEYS_MAX);
    *ret_is_there = own > 0;
    return AX_OK;
}

enum ax_code ax_publisher_key_add(struct ax_model *model, struct ax_str name, struct ax_str pem,
                                  struct ax_publisher_key *ret_key)
{
    AX_AUTO(ax_public_key_free) struct ax_public_key *key = NULL;
    AX_AUTO_BUF struct ax_buf own_pem = { .max = AX_KEY_PEM_MAX };
    struct ax_publisher publisher;
    struct model_audit audit;
    bool is_there = false;
    struct ax_err why;
    enum ax_code code = ax_publisher_get(model, name, &publisher);

    if (code != AX_OK)
        return code;
    if (pem.len > AX_KEY_PEM_MAX || ax_public_key_from_pem(pem, &key, &why) != AX_OK)
        return ax_err_set_at(model->err, AX_E_INVALID_REQUEST, "/pem",
                             "expected: one PEM block PUBLIC KEY, Ed25519 or P-256");
    code = key_check_free(model, ax_public_key_id(key), &publisher, &is_there);
    if (code == AX_OK && !is_there) {
        code = ax_public_key_to_pem(key, &own_pem);
        if (code == AX_OK)
            code = ax_db_run(model->db, model->err,
                             "INSERT INTO publisher_keys "
                             "(keyid, publisher_id, pem, status, created_ms) "
                             "VALUES ($1, $2, $3, 'active', $4)",
                             b_text(ax_public_key_id(key)), b_text(publisher.id),
                             b_text(ax_buf_str(&own_pem)), b_i64(model->now_ms));
        model_audit_begin(&audit);
        ax_json_key(&audit.out, "keyid");
        ax_json_put_str(&audit.out, ax_public_key_id(key));
        code = model_audit_end(&audit, model, code, "publisher.key.add", publisher.id, AX_STR_NONE);
    }
    if (code == AX_OK)
        code = ax_publisher_key_get(model, publisher.id, ax_public_key_id(key), ret_key);
    return code;
}

enum ax_code ax_publisher_key_revoke(struct ax_model *model, struct ax_str name,
                                     struct ax_str keyid, struct ax_str reason)
{
    struct ax_publisher_key key;
    enum ax_code code = ax_publisher_key_get(model, name, keyid, &key);

    return code == AX_OK ? ax_revocation_add(model, AX_REVOKED_KEY, key.keyid, reason) : code;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* revocation.c - what may never run again? */
#include "registry/revocation.h"

#include "base/base64.h"
#include "bundle/digest.h"
#include "registry/model_private.h"

const char *ax_revocation_kind_name(enum ax_revocation_kind kind)
{
    return kind == AX_REVOKED_HASH ? "hash" : "key";
}

enum ax_code ax_revocation_has(struct ax_model *model, enum ax_revocation_kind kind,
                               struct ax_str value, bool *ret_revoked)
{
    int64_t count = 0;
    enum ax_code code = ax_db_number(
        model->db, model->err, &count,
        "SELECT count(*) FROM revocations WHERE kind = $1 AND value = $2",
        b_cstr(ax_revocation_kind_name(kind)), b_text(value));

    *ret_revoked = count > 0;
    return code;
}

static enum ax_code revocation_write(struct ax_model *model, enum ax_revocation_kind kind,
                                     struct ax_str value, struct ax_str reason)
{
    enum ax_code code = ax_db_run(
        model->db, model->err,
        "INSERT INTO revocations (kind, value, reason, at_ms) VALUES ($1, $2, $3, $4)",
        b_cstr(ax_revocation_kind_name(kind)), b_text(value), b_text(reason), b_i64(model->now_ms));

    if (code == AX_OK && kind == AX_REVOKED_KEY)
        code = ax_db_run(model->db, model->err,
                         "UPDATE publisher_keys SET status = 'revoked' WHERE keyid = $1",
                         b_text(value));
    if (code == AX_OK)
        code = model_changed(model, kind == AX_REVOKED_KEY ? AX_CHANGE_KEY : AX_CHANGE_HASH, value,
                             false);
    return code;
}

enum ax_code ax_revocation_add(struct ax_model *model, enum ax_revocation_kind kind,
                               struct ax_str value, struct ax_str reason)
{
    uint8_t ignored[AX_DIGEST_HEX_LEN / 2];
    struct model_audit audit;
    bool revoked = false;
    enum ax_code code = model_check_text(model, "/reason", reason, 0, AX_REASON_MAX);

    if (code != AX_OK)
        return code;
    if (!ax_hex_decode(ignored, sizeof(ignored), value))
        return ax_err_set_at(model->err, AX_E_INVALID_REQUEST, "/value",
                             "expected: 64 lower-case hexadecimal digits");
    code = ax_revocation_has(model, kind, value, &revoked);
    if (code != AX_OK || revoked)
        return code;
    code = revocation_write(model, kind, value, reason);
    model_audit_begin(&audit);
    ax_json_key(&audit.out, "reason");
    ax_json_put_str(&audit.out, reason);
    return model_audit_end(&audit, model, code,
                           kind == AX_REVOKED_HASH ? "revoke.hash" : "revoke.key", value,
                           AX_STR_NONE);
}

enum ax_code ax_revocation_list(struct ax_model *model, enum ax_revocation_kind kind,
                                const struct ax_page *page, struct ax_revocation **ret_list,
                                size_t *ret_count)
{
    enum ax_code failed = AX_OK, code;
    struct ax_revocation *list;
    struct ax_rows rows;
    size_t limit, count = 0;

    list = model_page(model, page, sizeof(*list), &limit);
    if (!list)
        return model_no_memory(model);
    ax_db_select(model->db, &rows,
                 "SELECT value, reason, at_ms FROM revocations WHERE kind = $1 AND value > $2 "
                 "ORDER BY value LIMIT $3",
                 b_cstr(ax_revocation_kind_name(kind)), b_text(page->after), b_i64((int64_t)limit));
    for (; failed == AX_OK && ax_rows_next(&rows); count++)
        list[count] = (struct ax_revocation){
            .kind = kind,
            .value = model_text(model, &rows, 0, &failed),
            .reason = model_text(model, &rows, 1, &failed),
            .at_ms = ax_rows_i64(&rows, 2),
        };
    code = ax_rows_end(&rows, model->err);
    *ret_list = list;
    *ret_count = count;
    return code == AX_OK ? failed : code;
}

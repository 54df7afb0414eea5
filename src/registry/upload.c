/* SPDX-License-Identifier: Apache-2.0 */
/* upload.c - which bundles are on their way in? */
#include "registry/upload.h"

#include "bundle/archive.h"
#include "bundle/manifest.h"
#include "registry/model_private.h"
#include "registry/publisher.h"

static enum ax_code upload_check(struct ax_model *model, const struct ax_upload_new *in)
{
    if (!ax_manifest_is_name(in->name))
        return ax_err_set_at(model->err, AX_E_INVALID_REQUEST, "/name",
                             "expected: an extension's name");
    if (!ax_manifest_is_version(in->version))
        return ax_err_set_at(model->err, AX_E_INVALID_REQUEST, "/version",
                             "expected: a semantic version");
    if (in->size == 0 || in->size > AX_ARCHIVE_BYTES_MAX)
        return ax_err_set_at(model->err, AX_E_PAYLOAD_TOO_LARGE, "/size", "expected: 1 to %u bytes",
                             AX_ARCHIVE_BYTES_MAX);
    if (in->envelope.len == 0 || in->envelope.len > AX_UPLOAD_ENVELOPE ||
        !ax_str_is_utf8(in->envelope))
        return ax_err_set_at(model->err, AX_E_INVALID_REQUEST, "/envelope",
                             "expected: an envelope of at most %u bytes", AX_UPLOAD_ENVELOPE);
    return AX_OK;
}

enum ax_code ax_upload_create(struct ax_model *model, const struct ax_upload_new *in,
                              struct ax_upload *ret_upload)
{
    char id[AX_ID_LEN + 1], hex[AX_DIGEST_HEX_LEN + 1];
    struct ax_publisher publisher;
    int64_t open = 0;
    enum ax_code code = ax_publisher_get(model, in->publisher, &publisher);

    if (code == AX_OK)
        code = upload_check(model, in);
    if (code == AX_OK)
        code = ax_db_number(model->db, model->err, &open,
                            "SELECT count(*) FROM uploads WHERE publisher_id = $1 "
                            "AND expires_ms > $2",
                            b_text(publisher.id), b_i64(model->now_ms));
    if (code != AX_OK)
        return code;
    if (open >= AX_UPLOADS_MAX)
        return ax_err_set(model->err, AX_E_OVERLOADED,
                          "this publisher has %d uploads open: publish or wait", AX_UPLOADS_MAX);
    ax_id_make("upl_", id);
    ax_digest_hex(&in->content_hash, hex);
    code = ax_db_run(model->db, model->err,
                     "INSERT INTO uploads (id, publisher_id, name, version, content_hash, size, "
                     "envelope, received, expires_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8)",
                     b_cstr(id), b_text(publisher.id), b_text(in->name), b_text(in->version),
                     b_cstr(hex), b_i64((int64_t)in->size), b_text(in->envelope),
                     b_i64(model->now_ms + AX_UPLOAD_LIFE_MS));
    return code == AX_OK ? ax_upload_get(model, publisher.slug, ax_str_of(id), ret_upload) : code;
}

enum ax_code ax_upload_get(struct ax_model *model, struct ax_str publisher, struct ax_str id,
                           struct ax_upload *ret_upload)
{
    enum ax_code failed = AX_OK, code;
    struct ax_rows rows;
    bool found;

    ax_db_select(model->db, &rows,
                 "SELECT u.id, p.slug, u.name, u.version, u.content_hash, u.envelope, u.size, "
                 "u.received, u.expires_ms FROM uploads u JOIN publishers p "
                 "ON p.id = u.publisher_id WHERE u.id = $1 AND u.expires_ms > $2",
                 b_text(id), b_i64(model->now_ms));
    found = ax_rows_next(&rows) &&
            (publisher.len == 0 || ax_str_eq(ax_rows_text(&rows, 1), publisher));
    if (found)
        *ret_upload = (struct ax_upload){
            .id = model_text(model, &rows, 0, &failed),
            .publisher = model_text(model, &rows, 1, &failed),
            .name = model_text(model, &rows, 2, &failed),
            .version = model_text(model, &rows, 3, &failed),
            .content_hash = model_text(model, &rows, 4, &failed),
            .envelope = model_text(model, &rows, 5, &failed),
            .size = (uint64_t)ax_rows_i64(&rows, 6),
            .received = ax_rows_i64(&rows, 7) != 0,
            .expires_ms = ax_rows_i64(&rows, 8),
        };
    code = ax_rows_end(&rows, model->err);
    if (code == AX_OK && !found)
        return model_not_found(model, "upload");
    return code == AX_OK ? failed : code;
}

enum ax_code ax_upload_set_received(struct ax_model *model, struct ax_str id)
{
    enum ax_code code = ax_db_run(model->db, model->err,
                                  "UPDATE uploads SET received = 1 WHERE id = $1", b_text(id));

    if (code == AX_OK && ax_db_changed(model->db) == 0)
        return model_not_found(model, "upload");
    return code;
}

enum ax_code ax_upload_delete(struct ax_model *model, struct ax_str id)
{
    return ax_db_run(model->db, model->err, "DELETE FROM uploads WHERE id = $1", b_text(id));
}

enum ax_code ax_upload_sweep(struct ax_model *model, struct ax_str **ret_ids, size_t *ret_count)
{
    struct ax_page page = { .limit = AX_PAGE_MAX };
    enum ax_code failed = AX_OK, code;
    struct ax_str *ids;
    struct ax_rows rows;
    size_t limit, count = 0;

    ids = model_page(model, &page, sizeof(*ids), &limit);
    if (!ids)
        return model_no_memory(model);
    ax_db_select(model->db, &rows,
                 "SELECT id FROM uploads WHERE expires_ms <= $1 ORDER BY expires_ms LIMIT $2",
                 b_i64(model->now_ms), b_i64((int64_t)limit));
    while (failed == AX_OK && ax_rows_next(&rows))
        ids[count++] = model_text(model, &rows, 0, &failed);
    code = ax_rows_end(&rows, model->err);
    if (code == AX_OK)
        code = failed;
    for (size_t i = 0; code == AX_OK && i < count; i++)
        code = ax_upload_delete(model, ids[i]);
    *ret_ids = ids;
    *ret_count = count;
    return code;
}

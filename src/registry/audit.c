/* SPDX-License-Identifier: Apache-2.0 */
/* audit.c - who changed what, and can a row be taken back? */
#include "registry/audit.h"

#include "base/base64.h"
#include "crypto/sha256.h"
#include "registry/model_private.h"

#include <string.h>

#define AUDIT_HEX     64
#define AUDIT_ROW_MAX (4 * MODEL_DETAILS_MAX)
#define AUDIT_GENESIS "0000000000000000000000000000000000000000000000000000000000000000"
#define AUDIT_COLUMNS "seq, at_ms, actor, request_id, action, subject, tenant, details_json, hash"

static enum ax_code audit_hash(struct ax_str before, const struct ax_audit_row *row,
                               char ret_hex[AUDIT_HEX + 1])
{
    AX_AUTO_BUF struct ax_buf buf = { .max = AUDIT_ROW_MAX };
    uint8_t digest[AX_SHA256_LEN];
    struct ax_json_out out;

    ax_buf_append_str(&buf, before);
    ax_json_out_init(&out, &buf);
    ax_json_begin_object(&out);
    ax_json_key(&out, "seq");
    ax_json_put_u64(&out, row->seq);
    ax_json_key(&out, "at_ms");
    ax_json_put_i64(&out, row->at_ms);
    ax_json_key(&out, "actor");
    ax_json_put_str(&out, row->actor);
    ax_json_key(&out, "request_id");
    ax_json_put_str(&out, row->request_id);
    ax_json_key(&out, "action");
    ax_json_put_str(&out, row->action);
    ax_json_key(&out, "subject");
    ax_json_put_str(&out, row->subject);
    ax_json_key(&out, "tenant");
    ax_json_put_str(&out, row->tenant);
    ax_json_key(&out, "details");
    ax_json_put_str(&out, row->details_json);
    ax_json_end_object(&out);
    if (buf.failed != AX_OK)
        return buf.failed;
    ax_sha256(ax_buf_str(&buf), digest);
    ax_hex_encode(ret_hex, digest, sizeof(digest));
    ret_hex[AUDIT_HEX] = '\0';
    return AX_OK;
}

void model_audit_begin(struct model_audit *audit)
{
    ax_buf_init(&audit->buf, MODEL_DETAILS_MAX);
    ax_json_out_init(&audit->out, &audit->buf);
    ax_json_begin_object(&audit->out);
}

static enum ax_code audit_read_head(struct ax_model *model, uint64_t *ret_seq,
                                    char ret_hash[AUDIT_HEX + 1])
{
    struct ax_rows rows;

    ret_hash[0] = '\0';
    ax_db_select(model->db, &rows, "SELECT audit_seq, audit_hash FROM meta");
    if (ax_rows_next(&rows)) {
        struct ax_str hash = ax_rows_text(&rows, 1);

        *ret_seq = (uint64_t)ax_rows_i64(&rows, 0);
        if (hash.len == AUDIT_HEX)
            memcpy(ret_hash, hash.ptr, AUDIT_HEX);
        ret_hash[AUDIT_HEX] = '\0';
    }
    return ax_rows_end(&rows, model->err);
}

static enum ax_code audit_append(struct ax_model *model, struct ax_audit_row *row)
{
    char before[AUDIT_HEX + 1], hash[AUDIT_HEX + 1];
    enum ax_code code = audit_read_head(model, &row->seq, before);

    row->seq++;
    if (code == AX_OK)
        code = audit_hash(ax_str_of(before), row, hash);
    if (code == AX_OK)
        code = ax_db_run(model->db, model->err,
                         "INSERT INTO audit (" AUDIT_COLUMNS ") "
                         "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                         b_i64((int64_t)row->seq), b_i64(row->at_ms), b_text(row->actor),
                         b_text(row->request_id), b_text(row->action), b_text(row->subject),
                         b_text(row->tenant), b_text(row->details_json), b_cstr(hash));
    if (code == AX_OK)
        code = ax_db_run(model->db, model->err, "UPDATE meta SET audit_seq = $1, audit_hash = $2",
                         b_i64((int64_t)row->seq), b_cstr(hash));
    return code;
}

enum ax_code model_audit_end(struct model_audit *audit, struct ax_model *model, enum ax_code code,
                             const char *action, struct ax_str subject, struct ax_str tenant)
{
    struct ax_audit_row row = {
        .at_ms = model->now_ms,
        .actor = model->actor.principal,
        .request_id = model->actor.request_id,
        .action = ax_str_of(action),
        .subject = subject,
        .tenant = tenant,
    };

    if (code == AX_OK) {
        ax_json_end_object(&audit->out);
        row.details_json = ax_buf_str(&audit->buf);
        code = audit->buf.failed;
    }
    if (code == AX_OK)
        code = audit_append(model, &row);
    ax_buf_done(&audit->buf);
    return code;
}

static void audit_read(const struct ax_rows *rows, struct ax_audit_row *row)
{
    *row = (struct ax_audit_row){
        .seq = (uint64_t)ax_rows_i64(rows, 0),
        .at_ms = ax_rows_i64(rows, 1),
        .actor = ax_rows_text(rows, 2),
        .request_id = ax_rows_text(rows, 3),
        .action = ax_rows_text(rows, 4),
        .subject = ax_rows_text(rows, 5),
        .tenant = ax_rows_text(rows, 6),
        .details_json = ax_rows_text(rows, 7),
        .hash = ax_rows_text(rows, 8),
    };
}

static enum ax_code audit_keep(struct ax_model *model, struct ax_audit_row *row)
{
    struct ax_str *texts[] = { &row->actor,  &row->request_id,   &row->action, &row->subject,
                               &row->tenant, &row->details_json, &row->hash };

    for (size_t i = 0; i < AX_ARRAY_LEN(texts); i++) {
        *texts[i] = ax_arena_dup(model->arena, *texts[i]);
        if (!texts[i]->ptr)
            return model_no_memory(model);
    }
    return AX_OK;
}

enum ax_code ax_audit_list(struct ax_model *model, struct ax_str tenant, uint64_t seq, size_t limit,
                           struct ax_audit_row **ret_rows, size_t *ret_count)
{
    struct ax_page page = { .limit = limit };
    struct ax_audit_row *list = model_page(model, &page, sizeof(*list), &limit);
    enum ax_code failed = AX_OK, code;
    struct ax_rows rows;
    size_t count = 0;

    if (!list)
        return model_no_memory(model);
    if (seq > INT64_MAX)
        seq = INT64_MAX;
    if (tenant.len)
        ax_db_select(model->db, &rows,
                     "SELECT " AUDIT_COLUMNS " FROM audit WHERE tenant = $3 AND seq > $1 "
                     "ORDER BY seq LIMIT $2",
                     b_i64((int64_t)seq), b_i64((int64_t)limit), b_text(tenant));
    else
        ax_db_select(model->db, &rows,
                     "SELECT " AUDIT_COLUMNS " FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2",
                     b_i64((int64_t)seq), b_i64((int64_t)limit));
    while (failed == AX_OK && ax_rows_next(&rows)) {
        audit_read(&rows, &list[count]);
        failed = audit_keep(model, &list[count++]);
    }
    code = ax_rows_end(&rows, model->err);
    *ret_rows = list;
    *ret_count = count;
    return code == AX_OK ? failed : code;
}

static enum ax_code audit_broken(struct ax_model *model, uint64_t seq)
{
    return ax_err_set(model->err, AX_E_CONFLICT,
                      "the audit's chain is broken at row %llu: it is not what was written",
                      (unsigned long long)seq);
}

/* The next row must be the next number and carry the hash that follows from the one before. */
static enum ax_code audit_follow(struct ax_model *model, struct ax_audit_walk *walk,
                                 const struct ax_rows *rows)
{
    struct ax_audit_row row;
    char hash[AUDIT_HEX + 1];
    enum ax_code code;

    audit_read(rows, &row);
    if (row.seq != walk->seq + 1)
        return audit_broken(model, walk->seq + 1);
    code = audit_hash(ax_str_of(walk->hash), &row, hash);
    if (code != AX_OK)
        return code;
    if (!ax_str_eq(row.hash, ax_str_of(hash)))
        return audit_broken(model, row.seq);
    walk->seq = row.seq;
    memcpy(walk->hash, hash, sizeof(hash));
    return AX_OK;
}

enum ax_code ax_audit_verify(struct ax_model *model, struct ax_audit_walk *walk, size_t limit)
{
    char head[AUDIT_HEX + 1] = "";
    enum ax_code broken = AX_OK, code;
    uint64_t head_seq = 0;
    struct ax_rows rows;
    size_t count = 0;

    if (walk->seq == 0)
        memcpy(walk->hash, AUDIT_GENESIS, sizeof(AUDIT_GENESIS));
    ax_db_select(model->db, &rows,
                 "SELECT " AUDIT_COLUMNS " FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2",
                 b_i64((int64_t)walk->seq), b_i64((int64_t)limit));
    for (; broken == AX_OK && ax_rows_next(&rows); count++)
        broken = audit_follow(model, walk, &rows);
    code = ax_rows_end(&rows, model->err);
    if (code == AX_OK)
        code = broken;
    if (code != AX_OK || count == limit)
        return code;
    code = audit_read_head(model, &head_seq, head);
    if (code != AX_OK)
        return code;
    if (head_seq != walk->seq || strcmp(head, walk->hash) != 0)
        return audit_broken(model, walk->seq + 1);
    walk->done = true;
    return AX_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* exchange.c - what may a handler ask of an exchange, and how does it answer? */
#include "http/connection.h"

#include "base/alloc.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum ax_method ax_exchange_method(const struct ax_exchange *ex)
{
    return ex->request.method;
}

struct ax_str ax_exchange_method_text(const struct ax_exchange *ex)
{
    return ex->request.method_text;
}

struct ax_str ax_exchange_target(const struct ax_exchange *ex)
{
    return ex->request.target;
}

struct ax_str ax_exchange_path(const struct ax_exchange *ex)
{
    return ex->request.path;
}

struct ax_str ax_exchange_query(const struct ax_exchange *ex)
{
    return ex->request.query;
}

int ax_exchange_version_minor(const struct ax_exchange *ex)
{
    return ex->request.minor;
}

struct ax_str ax_exchange_header(const struct ax_exchange *ex, struct ax_str lower_name)
{
    return ax_request_header(&ex->request, lower_name);
}

size_t ax_exchange_header_total(const struct ax_exchange *ex, struct ax_str lower_name)
{
    size_t total = 0;

    for (size_t i = 0; i < ex->request.header_count; i++)
        total += ax_str_eq(ex->request.headers[i].name, lower_name);
    return total;
}

size_t ax_exchange_header_count(const struct ax_exchange *ex)
{
    return ex->request.header_count;
}

struct ax_http_header ax_exchange_header_at(const struct ax_exchange *ex, size_t index)
{
    assert(index < ex->request.header_count);
    return ex->request.headers[index];
}

size_t ax_exchange_body_announced(const struct ax_exchange *ex)
{
    switch (ex->request.body) {
    case AX_BODY_NONE: return 0;
    case AX_BODY_CHUNKED: return SIZE_MAX;
    case AX_BODY_LENGTH: break;
    }
    return (size_t)ex->request.content_length;
}

void ax_exchange_body_max(struct ax_exchange *ex, size_t body_max)
{
    assert(ex->state == AX_CONN_HEAD);
    ex->body_max = body_max;
}

struct ax_str ax_exchange_body(const struct ax_exchange *ex)
{
    assert(ex->body_complete);
    if (ex->body_in_place)
        return ax_str_make(ex->in + ex->request.head_len, (size_t)ex->request.content_length);
    return ax_buf_str(&ex->body);
}

struct ax_arena *ax_exchange_arena(struct ax_exchange *ex)
{
    return &ex->arena;
}

void *ax_exchange_user(const struct ax_exchange *ex)
{
    return ex->user;
}

void ax_exchange_set_user(struct ax_exchange *ex, void *user)
{
    ex->user = user;
}

struct ax_str ax_exchange_peer(const struct ax_exchange *ex)
{
    return ax_str_of(ex->peer_text);
}

struct ax_http_server *ax_exchange_server(const struct ax_exchange *ex)
{
    return ex->server;
}

struct ax_str ax_exchange_request_id(struct ax_exchange *ex)
{
    struct ax_http_server *server = ex->server;

    if (!ex->request_id[0]) {
        struct ax_str sent = ax_exchange_header(ex, AX_STR("x-request-id"));

        if (sent.ptr && ax_http_is_request_id(sent)) {
            memcpy(ex->request_id, sent.ptr, sent.len);
            ex->request_id[sent.len] = '\0';
        } else {
            snprintf(ex->request_id, sizeof(ex->request_id), "%s-%" PRIu64, server->id_prefix,
                     ++server->id_next);
        }
    }
    return ax_str_of(ex->request_id);
}

/* --- answers --- */

/* Writes the head for a body of `body_len`. */
static enum ax_code exchange_head(struct ax_exchange *ex, int status,
                                  const struct ax_http_header *headers, size_t count,
                                  size_t body_len)
{
    struct ax_answer answer = { .status = status,
                                .headers = headers,
                                .count = count,
                                .body_len = body_len,
                                .date = ax_server_date(ex->server) };

    ex->closing = ex->closing || ex->server->draining || !ex->body_complete;
    answer.close = ex->closing;
    answer.keep = ex->request.minor == 0;
    ax_buf_clear(&ex->out);
    return ax_answer_head(&ex->out, &answer);
}

static bool exchange_sends_body(const struct ax_exchange *ex, int status)
{
    return ex->request.method != AX_METHOD_HEAD && !ax_answer_is_bare(status);
}

/* From here on the exchange is the connection's alone. */
static void exchange_release(struct ax_exchange *ex)
{
    assert(ex->live);
    ex->live = false;
    ex->server->stats.exchanges--;
}

static void exchange_answer_error(struct ax_exchange *ex, enum ax_code code,
                                  const struct ax_err *err, unsigned retry_after_s)
{
    char seconds[12];
    int digits = snprintf(seconds, sizeof(seconds), "%u", retry_after_s);
    struct ax_http_header headers[] = {
        { AX_STR("content-type"), AX_STR("application/json") },
        { AX_STR("cache-control"), AX_STR("no-store") },
        { AX_STR("retry-after"), ax_str_make(seconds, (size_t)digits) },
    };
    AX_AUTO_BUF struct ax_buf body = { .max = 4096 };
    size_t count = AX_ARRAY_LEN(headers) - (retry_after_s == 0);
    int status = ax_code_info(ax_code_on_wire(code))->status;

    ax_http_error_json(&body, code, err, ax_exchange_request_id(ex));
    if (body.failed == AX_OK && exchange_head(ex, status, headers, count, body.len) == AX_OK) {
        if (exchange_sends_body(ex, status))
            ax_buf_append_str(&ex->out, ax_buf_str(&body));
        if (ex->out.failed == AX_OK) {
            ax_conn_send(ex);
            return;
        }
    }
    ax_conn_close(ex); /* not even memory for the reason */
}

enum ax_code ax_exchange_answer(struct ax_exchange *ex, int status,
                                const struct ax_http_header *headers, size_t count,
                                struct ax_str body)
{
    enum ax_code code;

    exchange_release(ex);
    code = exchange_head(ex, status, headers, count, body.len);
    if (code == AX_OK && exchange_sends_body(ex, status))
        code = ax_buf_append_str(&ex->out, body);
    if (code != AX_OK) {
        exchange_answer_error(ex, code, NULL, 0);
        return code == AX_E_INTERNAL ? code : AX_OK;
    }
    ax_conn_send(ex);
    return AX_OK;
}

enum ax_code ax_exchange_answer_buf(struct ax_exchange *ex, int status,
                                    const struct ax_http_header *headers, size_t count,
                                    struct ax_buf *body)
{
    enum ax_code code;

    exchange_release(ex);
    code = exchange_head(ex, status, headers, count, body->len);
    if (code != AX_OK) {
        ax_buf_done(body);
        exchange_answer_error(ex, code, NULL, 0);
        return code == AX_E_INTERNAL ? code : AX_OK;
    }
    if (exchange_sends_body(ex, status)) {
        ex->out_body = *body;
        *body = (struct ax_buf){ .max = body->max };
    } else {
        ax_buf_done(body);
    }
    ax_conn_send(ex);
    return AX_OK;
}

void ax_exchange_fail(struct ax_exchange *ex, enum ax_code code, const struct ax_err *err,
                      unsigned retry_after_s)
{
    exchange_release(ex);
    exchange_answer_error(ex, code, err, retry_after_s);
}

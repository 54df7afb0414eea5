/* SPDX-License-Identifier: Apache-2.0 */
/* execution_answer.c - how is the end of an execution told to its caller? */
#include "runner/execution_answer.h"

#include "base/json.h"

#include <stdio.h>

/* 8 MiB of body in base64, headers in escapes, the log in escapes. */
#define ANSWER_MAX   (14u << 20)
#define LOG_JSON_MAX (1u << 20)

void ax_execution_log_init(struct ax_execution_log *log)
{
    *log = (struct ax_execution_log){ 0 };
    ax_buf_init(&log->json, LOG_JSON_MAX);
}

void ax_execution_log_done(struct ax_execution_log *log)
{
    ax_buf_done(&log->json);
}

void ax_execution_log_clear(struct ax_execution_log *log)
{
    ax_buf_clear(&log->json);
    log->lines = log->bytes = log->dropped = 0;
}

void ax_execution_log_add(struct ax_execution_log *log, uint32_t at_ms, uint8_t level,
                          struct ax_str text)
{
    static const char *const names[] = { "info", "info", "warn", "error" };

    if (log->lines >= AX_LOG_LINES_MAX || text.len > AX_LOG_BYTES_MAX - log->bytes) {
        log->dropped++;
        return;
    }
    ax_buf_printf(&log->json, "%s[%u,\"%s\",", log->lines ? "," : "", at_ms,
                  names[level < AX_ARRAY_LEN(names) ? level : 0]);
    ax_json_escape(&log->json, text);
    ax_buf_append_byte(&log->json, ']');
    log->lines++;
    log->bytes += (uint32_t)text.len;
}

/* Milliseconds with three decimals: microseconds matter for a guest of 7 us. */
static void put_ms(struct ax_json_out *out, const char *key, uint64_t ns)
{
    char text[32];
    uint64_t us = ns / 1000;
    int len = snprintf(text, sizeof(text), "%llu.%03llu", (unsigned long long)(us / 1000),
                       (unsigned long long)(us % 1000));

    ax_json_key(out, key);
    ax_json_put_raw(out, ax_str_make(text, (size_t)len));
}

static void put_usage(struct ax_json_out *out, const struct ax_execution_facts *facts)
{
    static const struct ax_usage none = { 0 };
    const struct ax_usage *usage = facts->usage ? facts->usage : &none;

    ax_json_key(out, "usage");
    ax_json_begin_object(out);
    put_ms(out, "cpu_ms", usage->cpu_ns);
    put_ms(out, "wall_ms", facts->wall_ns);
    put_ms(out, "host_ms", usage->host_ns);
    put_ms(out, "queue_ms", facts->queue_ns + usage->queue_ns);
    ax_json_key(out, "peak_kib");
    ax_json_put_u64(out, usage->peak_kib);
    ax_json_key(out, "host_calls");
    ax_json_put_u64(out, usage->host_calls);
    ax_json_key(out, "egress_bytes");
    ax_json_put_u64(out, facts->egress_bytes);
    ax_json_end_object(out);
    ax_json_key(out, "log");
    ax_json_begin_array(out);
    if (facts->log->json.len)
        ax_json_put_raw(out, ax_buf_str(&facts->log->json));
    ax_json_end_array(out);
    ax_json_key(out, "log_dropped");
    ax_json_put_u64(out, (uint64_t)usage->log_dropped + facts->log->dropped);
}

/* A name that comes again was written with its first value's place: one string, or a list. */
static void put_headers(struct ax_json_out *out, const struct ax_pairs *headers)
{
    ax_json_key(out, "headers");
    ax_json_begin_object(out);
    for (size_t i = 0; i < headers->count; i++) {
        struct ax_str name = headers->items[i].name;
        size_t before = 0, after = 0;

        for (size_t k = 0; k < i; k++)
            before += ax_str_eq_nocase(headers->items[k].name, name);
        for (size_t k = i + 1; k < headers->count; k++)
            after += ax_str_eq_nocase(headers->items[k].name, name);
        if (before)
            continue;
        ax_json_key_str(out, name);
        if (after)
            ax_json_begin_array(out);
        for (size_t k = i; k < headers->count; k++) {
            if (ax_str_eq_nocase(headers->items[k].name, name))
                ax_json_put_str(out, headers->items[k].value);
        }
        if (after)
            ax_json_end_array(out);
    }
    ax_json_end_object(out);
}

static void answer_send(struct ax_exchange *ex, int status, struct ax_buf *buf, uint32_t retry_ms)
{
    char retry[16];
    int retry_len = snprintf(retry, sizeof(retry), "%u", (retry_ms + 999) / 1000);
    const struct ax_http_header headers[] = {
        { AX_STR("content-type"), AX_STR("application/json") },
        { AX_STR("cache-control"), AX_STR("no-store") },
        { AX_STR("retry-after"), ax_str_make(retry, (size_t)retry_len) },
    };

    if (buf->failed != AX_OK)
        ax_exchange_fail(ex, AX_E_INTERNAL, NULL, 0); /* bounds above make this ours to mend */
    else
        ax_exchange_answer_buf(ex, status, headers, retry_ms ? 3 : 2, buf);
    ax_buf_done(buf);
}

void ax_execution_answer_done(struct ax_exchange *ex, const struct ax_execution_facts *facts,
                              const struct ax_guest_response *response)
{
    struct ax_buf buf;
    struct ax_json_out out;

    ax_buf_init(&buf, ANSWER_MAX);
    ax_json_out_init(&out, &buf);
    ax_json_begin_object(&out);
    ax_json_key(&out, "status");
    ax_json_put_u64(&out, response->status);
    put_headers(&out, &response->headers);
    ax_json_key(&out, "body_b64");
    ax_json_put_base64(&out, response->body);
    put_usage(&out, facts);
    ax_json_end_object(&out);
    answer_send(ex, 200, &buf, 0);
}

void ax_execution_answer_failure(struct ax_exchange *ex, const struct ax_execution_facts *facts,
                                 enum ax_code code, const struct ax_err *err, uint32_t retry_ms)
{
    const struct ax_code_info *info = ax_code_info(ax_code_on_wire(code));
    struct ax_buf buf;
    struct ax_json_out out;

    ax_buf_init(&buf, ANSWER_MAX);
    ax_json_out_init(&out, &buf);
    ax_json_begin_object(&out);
    ax_json_key(&out, "status");
    ax_json_put_u64(&out, (uint64_t)info->status);
    ax_json_key(&out, "headers");
    ax_json_begin_object(&out);
    ax_json_end_object(&out);
    ax_json_key(&out, "body_b64");
    ax_json_put_null(&out);
    put_usage(&out, facts);
    ax_json_key(&out, "error");
    ax_json_begin_object(&out);
    ax_json_key(&out, "code");
    ax_json_put_str(&out, ax_str_of(info->name));
    ax_json_key(&out, "message");
    ax_json_put_str(&out, ax_str_of(err && err->message[0] ? err->message : info->words));
    ax_json_key(&out, "request_id");
    ax_json_put_str(&out, facts->request_id);
    if (err && err->pointer[0]) {
        ax_json_key(&out, "pointer");
        ax_json_put_str(&out, ax_str_of(err->pointer));
    }
    ax_json_key(&out, "started");
    ax_json_put_bool(&out, facts->started && info->may_have_started);
    ax_json_end_object(&out);
    ax_json_end_object(&out);
    answer_send(ex, info->status, &buf, retry_ms);
}

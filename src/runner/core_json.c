/* SPDX-License-Identifier: Apache-2.0 */
/* core_json.c - what does a core@1 guest read and write? */
#include "runner/core_json.h"

#include "base/base64.h"
#include "base/json.h"
#include "http/header.h"

#include <string.h>

static void put_context(struct ax_json_out *out, const struct ax_exec_message *message)
{
    const struct {
        const char *key;
        struct ax_str value;
    } fields[] = {
        { "request_id", message->request_id },     { "tenant_id", message->tenant_id },
        { "extension_id", message->extension_id }, { "install_id", message->install_id },
        { "version_id", message->version_id },     { "content_hash", message->content_hash },
    };

    ax_json_key(out, "context");
    ax_json_begin_object(out);
    for (size_t i = 0; i < AX_ARRAY_LEN(fields); i++) {
        ax_json_key(out, fields[i].key);
        if (fields[i].value.len)
            ax_json_put_str(out, fields[i].value);
        else
            ax_json_put_null(out);
    }
    ax_json_key(out, "config");
    ax_json_put_raw(out, message->config);
    ax_json_end_object(out);
}

/* A pair is shadowed when a later one has its name: `query` keeps the last of each. */
static bool is_shadowed(const struct ax_pairs *pairs, size_t at)
{
    for (size_t i = at + 1; i < pairs->count; i++) {
        if (ax_str_eq(pairs->items[i].name, pairs->items[at].name))
            return true;
    }
    return false;
}

static void put_query(struct ax_json_out *out, const struct ax_pairs *query)
{
    ax_json_key(out, "query");
    ax_json_begin_object(out);
    for (size_t i = 0; i < query->count; i++) {
        if (is_shadowed(query, i))
            continue;
        ax_json_key_str(out, query->items[i].name);
        ax_json_put_str(out, query->items[i].value);
    }
    ax_json_end_object(out);
    ax_json_key(out, "query_pairs");
    ax_json_begin_array(out);
    for (size_t i = 0; i < query->count; i++) {
        ax_json_begin_array(out);
        ax_json_put_str(out, query->items[i].name);
        ax_json_put_str(out, query->items[i].value);
        ax_json_end_array(out);
    }
    ax_json_end_array(out);
}

static void put_http(struct ax_json_out *out, const struct ax_exec_message *message)
{
    ax_json_key(out, "http");
    ax_json_begin_object(out);
    ax_json_key(out, "method");
    ax_json_put_str(out, message->method);
    ax_json_key(out, "path");
    ax_json_put_str(out, message->path);
    put_query(out, &message->query);
    ax_json_key(out, "headers");
    ax_json_begin_object(out);
    for (size_t i = 0; i < message->headers.count; i++) {
        ax_json_key_str(out, message->headers.items[i].name);
        ax_json_put_str(out, message->headers.items[i].value);
    }
    ax_json_end_object(out);
    ax_json_key(out, "body_b64");
    if (message->has_body)
        ax_json_put_base64(out, message->body);
    else
        ax_json_put_null(out);
    ax_json_end_object(out);
}

void ax_core_request_write(struct ax_buf *buf, const struct ax_exec_message *message)
{
    struct ax_json_out out;

    ax_json_out_init(&out, buf);
    ax_json_begin_object(&out);
    put_context(&out, message);
    put_http(&out, message);
    ax_json_key(&out, "endpoint");
    if (message->endpoint.len)
        ax_json_put_str(&out, message->endpoint);
    else
        ax_json_put_null(&out);
    ax_json_key(&out, "params");
    ax_json_put_raw(&out, message->params);
    ax_json_key(&out, "user");
    if (message->user.len)
        ax_json_put_raw(&out, message->user);
    else
        ax_json_put_null(&out);
    ax_json_end_object(&out);
}

static enum ax_code refuse(struct ax_err *err, const char *pointer, const char *words)
{
    return ax_err_set_at(err, AX_E_INVALID_GUEST_RESPONSE, pointer, "%s", words);
}

/* Header values are strings or lists of strings: first counted, then laid out. */
static enum ax_code count_headers(const struct ax_json_value *headers, size_t *ret_count,
                                  struct ax_err *err)
{
    struct ax_json_iter it = ax_json_iter(headers);
    size_t count = 0;

    while (ax_json_next(&it)) {
        switch (ax_json_type(it.value)) {
        case AX_JSON_STRING: count++; break;
        case AX_JSON_ARRAY: count += ax_json_count(it.value); break;
        default: return refuse(err, "/headers", "a header is neither a string nor a list");
        }
        if (count > AX_GUEST_HEADERS_MAX)
            return refuse(err, "/headers", "more than 64 headers");
    }
    *ret_count = count;
    return AX_OK;
}

static enum ax_code put_header(struct ax_pairs *headers, struct ax_arena *arena, struct ax_str name,
                               const struct ax_json_value *value, struct ax_err *err)
{
    struct ax_pair *pair = &headers->items[headers->count];

    if (ax_json_type(value) != AX_JSON_STRING)
        return refuse(err, "/headers", "a header is neither a string nor a list of strings");
    pair->name = ax_arena_dup(arena, name);
    pair->value = ax_arena_dup(arena, ax_json_str(value));
    if (!pair->name.ptr || !pair->value.ptr)
        return ax_err_set(err, AX_E_NO_MEMORY, "no memory for the answer's headers");
    headers->count++;
    return AX_OK;
}

static enum ax_code read_headers(const struct ax_json_value *value, struct ax_arena *arena,
                                 struct ax_pairs *ret_headers, struct ax_err *err)
{
    size_t count = 0;
    enum ax_code code;

    if (ax_json_is_absent(value))
        return AX_OK;
    if (ax_json_type(value) != AX_JSON_OBJECT)
        return refuse(err, "/headers", "headers is not an object");
    code = count_headers(value, &count, err);
    if (code != AX_OK || count == 0)
        return code;
    ret_headers->items = ax_arena_alloc(arena, count * sizeof(*ret_headers->items));
    if (!ret_headers->items)
        return ax_err_set(err, AX_E_NO_MEMORY, "no memory for the answer's headers");
    struct ax_json_iter it = ax_json_iter(value);
    while (code == AX_OK && ax_json_next(&it)) {
        if (ax_json_type(it.value) == AX_JSON_STRING) {
            code = put_header(ret_headers, arena, it.key, it.value, err);
            continue;
        }
        struct ax_json_iter list = ax_json_iter(it.value);
        while (code == AX_OK && ax_json_next(&list))
            code = put_header(ret_headers, arena, it.key, list.value, err);
    }
    return code;
}

static enum ax_code read_body(const struct ax_json_value *value, struct ax_arena *arena,
                              struct ax_str *ret_body, struct ax_err *err)
{
    struct ax_str text = ax_json_str(value);
    size_t len = 0;

    if (ax_json_is_absent(value))
        return AX_OK;
    if (ax_json_type(value) != AX_JSON_STRING)
        return refuse(err, "/body_b64", "body_b64 is not a string");
    if (text.len > ax_base64_encoded_len(AX_GUEST_BODY_MAX))
        return refuse(err, "/body_b64", "the body is larger than 8 MiB");
    char *room = ax_arena_alloc(arena, ax_base64_decoded_max(text.len) + 1);
    if (!room)
        return ax_err_set(err, AX_E_NO_MEMORY, "no memory for the answer's body");
    if (!ax_base64_decode_into(room, text, &len))
        return refuse(err, "/body_b64", "body_b64 is not strict base64");
    *ret_body = ax_str_make(room, len);
    return AX_OK;
}

static enum ax_code read_object(const struct ax_json_value *root, struct ax_arena *arena,
                                struct ax_guest_response *response, struct ax_err *err)
{
    uint64_t status = 0;
    struct ax_json_iter it = ax_json_iter(root);
    enum ax_code code;

    while (ax_json_next(&it)) {
        if (!ax_str_eq(it.key, AX_STR("status")) && !ax_str_eq(it.key, AX_STR("headers")) &&
            !ax_str_eq(it.key, AX_STR("body_b64")))
            return refuse(err, "", "a member is not one of status, headers, body_b64");
    }
    if (!ax_json_u64(ax_json_get(root, "status"), 599, &status) || status < 200)
        return refuse(err, "/status", "status is not an integer from 200 to 599");
    response->status = (uint32_t)status;
    code = read_headers(ax_json_get(root, "headers"), arena, &response->headers, err);
    if (code == AX_OK)
        code = read_body(ax_json_get(root, "body_b64"), arena, &response->body, err);
    return code;
}

/* Spares raw bytes the parser. */
static bool looks_like_object(struct ax_str bytes)
{
    size_t at = 0;

    while (at < bytes.len && strchr(" \t\r\n", bytes.ptr[at]) && bytes.ptr[at])
        at++;
    return at < bytes.len && bytes.ptr[at] == '{';
}

enum ax_code ax_core_response_read(struct ax_str bytes, struct ax_arena *arena,
                                   struct ax_guest_response *ret_response, struct ax_err *err)
{
    /* A body of 8 MiB in base64 and 16 KiB of headers in escapes fit; anything larger cannot be
     * within the limits. Keys have none here: too many headers are refused as such, not passed on
     * as text that happens not to be JSON. */
    const struct ax_json_limits limits = { .bytes_max = 12u << 20, .keys_max = bytes.len };
    static struct ax_pair octets = { AX_STR_INIT("content-type"),
                                     AX_STR_INIT("application/octet-stream") };
    AX_AUTO(ax_json_free) struct ax_json *json = NULL;
    struct ax_guest_response response = { 0 };
    enum ax_code code = AX_E_INVALID_REQUEST;

    if (looks_like_object(bytes))
        code = ax_json_parse(bytes, &limits, &json, NULL);
    if (code == AX_E_NO_MEMORY)
        return ax_err_set(err, code, "no memory for the answer");
    if (code == AX_OK) {
        code = read_object(ax_json_root(json), arena, &response, err);
    } else {
        response.status = 200;
        response.headers = (struct ax_pairs){ &octets, 1 };
        response.body = bytes;
        code = AX_OK;
    }
    if (code == AX_OK)
        code = ax_guest_response_judge(&response, err);
    if (code == AX_OK)
        *ret_response = response;
    return code;
}

enum ax_code ax_guest_response_judge(const struct ax_guest_response *response, struct ax_err *err)
{
    size_t bytes = 0;

    if (response->status < 200 || response->status > 599)
        return refuse(err, "/status", "status is not from 200 to 599");
    if (response->headers.count > AX_GUEST_HEADERS_MAX)
        return refuse(err, "/headers", "more than 64 headers");
    for (size_t i = 0; i < response->headers.count; i++) {
        const struct ax_pair *pair = &response->headers.items[i];

        bytes += pair->name.len + pair->value.len;
        if (bytes > AX_GUEST_HEADER_BYTES_MAX)
            return refuse(err, "/headers", "more than 16 KiB of headers");
        if (!ax_http_is_token(pair->name))
            return refuse(err, "/headers", "a header's name is not a token");
        if (!ax_http_is_value(pair->value))
            return refuse(err, "/headers", "a header's value has a forbidden byte");
    }
    if (response->body.len > AX_GUEST_BODY_MAX)
        return refuse(err, "/body_b64", "the body is larger than 8 MiB");
    return AX_OK;
}

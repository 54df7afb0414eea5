/* SPDX-License-Identifier: Apache-2.0 */
/* fetch_request.c - what does a guest want fetched? */
#include "host/fetch_request.h"

#include "base/base64.h"

/* The decoder asks for room before it knows how many of the last three bytes are padding. */
#define HOST_FETCH_BODY_ROOM (HOST_FETCH_BODY_MAX + 2)

/* Text of the headers, each copy ending in a NUL and aligned. */
#define HOST_FETCH_ARENA_MAX (8 * HOST_FETCH_HEADER_BYTES_MAX)

/* What our side of the connection decides, or what would make the other side read two requests
 * where we wrote one. A guest's cookies are its own business. */
static bool request_header_is_ours(struct ax_str name)
{
    return ax_http_is_framing(name) || ax_str_eq_nocase(name, AX_STR("host")) ||
           ax_str_eq_nocase(name, AX_STR("expect"));
}

static enum ax_host_number request_add_header(struct host_fetch_request *request,
                                              struct ax_str name, const struct ax_json_value *value,
                                              size_t *bytes)
{
    struct ax_str text = ax_json_str(value);
    struct ax_http_header *header;

    if (ax_json_type(value) != AX_JSON_STRING || !ax_http_is_token(name) ||
        !ax_http_is_value(text) || request_header_is_ours(name))
        return AX_HOST_INVALID;
    *bytes += name.len + text.len + 4; /* ": " and the line's end */
    if (request->header_count == HOST_FETCH_HEADERS_MAX || *bytes > HOST_FETCH_HEADER_BYTES_MAX)
        return AX_HOST_TOO_LARGE;
    header = &request->headers[request->header_count++];
    header->name = ax_arena_dup(&request->arena, name);
    header->value = ax_arena_dup(&request->arena, text);
    return header->name.ptr == NULL || header->value.ptr == NULL ? AX_HOST_INTERNAL : AX_HOST_OK;
}

/* An object: name to string, or to a list of strings for a name that repeats. */
static enum ax_host_number request_read_headers(const struct ax_json_value *headers,
                                                struct host_fetch_request *request)
{
    enum ax_host_number number = AX_HOST_OK;
    struct ax_json_iter it = ax_json_iter(headers);
    size_t bytes = 0;

    if (ax_json_is_absent(headers))
        return AX_HOST_OK;
    if (ax_json_type(headers) != AX_JSON_OBJECT)
        return AX_HOST_INVALID;
    while (number == AX_HOST_OK && ax_json_next(&it)) {
        if (ax_json_type(it.value) == AX_JSON_ARRAY) {
            struct ax_json_iter values = ax_json_iter(it.value);

            while (number == AX_HOST_OK && ax_json_next(&values))
                number = request_add_header(request, it.key, values.value, &bytes);
        } else {
            number = request_add_header(request, it.key, it.value, &bytes);
        }
    }
    return number;
}

/* Letters and hyphens, sent in upper case. CONNECT would make a tunnel, TRACE an echo of what we
 * add ourselves. */
static enum ax_host_number request_read_method(const struct ax_json_value *value,
                                               struct host_fetch_request *request)
{
    struct ax_str text = ax_json_is_absent(value) ? AX_STR("GET") : ax_json_str(value);
    struct ax_str method;

    if (text.len == 0 || text.len >= sizeof(request->method))
        return AX_HOST_INVALID;
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.ptr[i];

        if (byte >= 'a' && byte <= 'z')
            byte = (char)(byte - 'a' + 'A');
        if ((byte < 'A' || byte > 'Z') && byte != '-')
            return AX_HOST_INVALID;
        request->method[i] = byte;
    }
    request->method[text.len] = '\0';
    method = ax_str_of(request->method);
    if (ax_str_eq(method, AX_STR("CONNECT")) || ax_str_eq(method, AX_STR("TRACE")) ||
        ax_str_eq(method, AX_STR("TRACK")))
        return AX_HOST_INVALID;
    return AX_HOST_OK;
}

static enum ax_host_number request_read_body(const struct ax_json_value *value,
                                             struct host_fetch_request *request)
{
    enum ax_code code;

    if (ax_json_is_absent(value))
        return AX_HOST_OK;
    if (ax_json_type(value) != AX_JSON_STRING)
        return AX_HOST_INVALID;
    code = ax_base64_decode(&request->body, ax_json_str(value));
    switch (code) {
    case AX_OK: return request->body.len > HOST_FETCH_BODY_MAX ? AX_HOST_TOO_LARGE : AX_HOST_OK;
    case AX_E_INVALID_REQUEST: return AX_HOST_INVALID;
    case AX_E_TOO_BIG: return AX_HOST_TOO_LARGE;
    default: return AX_HOST_INTERNAL;
    }
}

static bool request_keys_are_known(const struct ax_json_value *args)
{
    struct ax_json_iter it = ax_json_iter(args);

    while (ax_json_next(&it)) {
        if (!ax_str_eq(it.key, AX_STR("url")) && !ax_str_eq(it.key, AX_STR("method")) &&
            !ax_str_eq(it.key, AX_STR("headers")) && !ax_str_eq(it.key, AX_STR("body_b64")))
            return false;
    }
    return true;
}

enum ax_host_number host_fetch_request_read(const struct ax_json_value *args,
                                            struct host_fetch_request *request)
{
    enum ax_host_number number;

    *request = (struct host_fetch_request){ .body = { .max = HOST_FETCH_BODY_ROOM } };
    ax_arena_init(&request->arena, HOST_FETCH_ARENA_MAX);
    if (ax_json_type(args) != AX_JSON_OBJECT || !request_keys_are_known(args) ||
        ax_json_type(ax_json_get(args, "url")) != AX_JSON_STRING ||
        ax_url_parse(ax_json_str(ax_json_get(args, "url")), &request->url, NULL) != AX_OK)
        return AX_HOST_INVALID;
    request->url_is_known = true;
    number = request_read_method(ax_json_get(args, "method"), request);
    if (number == AX_HOST_OK)
        number = request_read_headers(ax_json_get(args, "headers"), request);
    if (number == AX_HOST_OK)
        number = request_read_body(ax_json_get(args, "body_b64"), request);
    return number;
}

void host_fetch_request_done(struct host_fetch_request *request)
{
    ax_buf_done(&request->body);
    ax_arena_done(&request->arena);
}

bool host_fetch_request_has_header(const struct host_fetch_request *request,
                                   struct ax_str lower_name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (ax_str_eq_nocase(request->headers[i].name, lower_name))
            return true;
    }
    return false;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* cors.c - which web pages may call, and which of them read the answer? */
#include "gateway/cors.h"

static const struct ax_str cors_methods = AX_STR_INIT("GET, HEAD, POST, PUT, PATCH, DELETE");

static const struct ax_str cors_https = AX_STR_INIT("https://");
static const struct ax_str cors_http = AX_STR_INIT("http://");

/* The host[:port] of an origin, or NONE; *ret_port is the scheme's own. */
static struct ax_str origin_authority(struct ax_str origin, struct ax_str *ret_port)
{
    struct ax_str authority = AX_STR_NONE;

    if (ax_str_starts(origin, cors_https)) {
        authority = ax_str_from(origin, cors_https.len);
        *ret_port = AX_STR(":443");
    } else if (ax_str_starts(origin, cors_http)) {
        authority = ax_str_from(origin, cors_http.len);
        *ret_port = AX_STR(":80");
    }
    return authority.ptr && ax_http_is_authority(authority) ? authority : AX_STR_NONE;
}

static bool origin_is_canonical(struct ax_str origin)
{
    struct ax_str port = AX_STR_NONE;
    struct ax_str authority = origin_authority(origin, &port);

    for (size_t i = 0; i < authority.len; i++)
        if (authority.ptr[i] >= 'A' && authority.ptr[i] <= 'Z')
            return false;
    return authority.ptr && !ax_str_ends(authority, port);
}

static bool origin_is_allowed(const struct ax_cors *cors, struct ax_str origin)
{
    for (size_t i = 0; i < cors->count; i++)
        if (ax_str_eq(cors->origins[i], origin))
            return true;
    return false;
}

enum ax_code ax_cors_parse(struct ax_str setting, struct ax_cors *ret_cors, struct ax_err *err)
{
    struct ax_str rest = setting.len ? setting : AX_STR_NONE;
    struct ax_cors cors = { .credentials = ret_cors->credentials };
    struct ax_str origin;

    while (ax_http_list_next(&rest, &origin)) {
        if (!origin_is_canonical(origin))
            return ax_err_set(err, AX_E_INVALID_REQUEST,
                              "'%.*s' is no origin such as https://app.example", (int)origin.len,
                              origin.ptr);
        if (origin_is_allowed(&cors, origin))
            return ax_err_set(err, AX_E_INVALID_REQUEST, "'%.*s' stands there twice",
                              AX_STR_FMT(origin));
        if (cors.count == AX_CORS_ORIGINS_MAX)
            return ax_err_set(err, AX_E_INVALID_REQUEST, "there are more than %d origins",
                              AX_CORS_ORIGINS_MAX);
        cors.origins[cors.count++] = origin;
    }
    *ret_cors = cors;
    return AX_OK;
}

static void cors_add(struct ax_cors_headers *headers, struct ax_str name, struct ax_str value)
{
    headers->items[headers->count++] = (struct ax_http_header){ name, value };
}

static void cors_add_origin(const struct ax_cors *cors, struct ax_str origin,
                            struct ax_cors_headers *headers)
{
    cors_add(headers, AX_STR("access-control-allow-origin"), origin);
    if (cors->credentials)
        cors_add(headers, AX_STR("access-control-allow-credentials"), AX_STR("true"));
}

static bool cors_is_method(struct ax_str method)
{
    struct ax_str rest = cors_methods;
    struct ax_str known;

    while (ax_http_list_next(&rest, &known))
        if (ax_str_eq(known, method))
            return true;
    return false;
}

static bool cors_are_names(struct ax_str headers)
{
    struct ax_str rest = headers;
    struct ax_str name;

    while (ax_http_list_next(&rest, &name))
        if (!ax_http_is_token(name))
            return false;
    return headers.len <= AX_CORS_ASKED_MAX;
}

enum ax_code ax_cors_preflight(const struct ax_cors *cors, struct ax_str origin,
                               struct ax_str method, struct ax_str headers,
                               struct ax_cors_headers *ret_headers, struct ax_err *err)
{
    *ret_headers = (struct ax_cors_headers){ .count = 0 };
    if (!origin.ptr) {
        cors_add(ret_headers, AX_STR("allow"),
                 AX_STR("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
        cors_add(ret_headers, AX_STR("vary"), AX_STR("origin"));
        return AX_OK;
    }
    if (!origin_is_allowed(cors, origin))
        return ax_err_set(err, AX_E_FORBIDDEN, "pages of this origin may not call");
    if (method.ptr && !cors_is_method(method))
        return ax_err_set(err, AX_E_METHOD_NOT_ALLOWED, "this method is never allowed");
    if (headers.len > 0 && !cors_are_names(headers))
        return ax_err_set(err, AX_E_INVALID_REQUEST,
                          "access-control-request-headers is malformed or too long");
    cors_add_origin(cors, origin, ret_headers);
    cors_add(ret_headers, AX_STR("access-control-allow-methods"), cors_methods);
    if (headers.len > 0)
        cors_add(ret_headers, AX_STR("access-control-allow-headers"), headers);
    cors_add(ret_headers, AX_STR("access-control-max-age"), AX_STR("600"));
    cors_add(ret_headers, AX_STR("vary"),
             AX_STR("origin, access-control-request-method, access-control-request-headers"));
    return AX_OK;
}

void ax_cors_answer(const struct ax_cors *cors, struct ax_str origin,
                    struct ax_cors_headers *ret_headers)
{
    *ret_headers = (struct ax_cors_headers){ .count = 0 };
    if (origin.ptr && origin_is_allowed(cors, origin)) {
        cors_add_origin(cors, origin, ret_headers);
        cors_add(ret_headers, AX_STR("access-control-expose-headers"),
                 AX_STR("etag, location, retry-after, content-disposition, x-request-id, "
                        "x-ext-version, x-annex-error"));
    }
    if (cors->count > 0)
        cors_add(ret_headers, AX_STR("vary"), AX_STR("origin"));
}

/* TLS ends in front of us, so the scheme is the page's word; the host is not. */
static bool origin_is_own(struct ax_str origin, struct ax_str host)
{
    struct ax_str port = AX_STR_NONE;
    struct ax_str authority = origin_authority(origin, &port);

    if (!authority.ptr || !ax_http_is_authority(host))
        return false;
    if (ax_str_eq_nocase(authority, host))
        return true;
    return ax_str_ends(host, port) &&
           ax_str_eq_nocase(authority, ax_str_sub(host, 0, host.len - port.len));
}

enum ax_code ax_cors_check_cookie(const struct ax_cors *cors, enum ax_method method,
                                  struct ax_str origin, struct ax_str host, struct ax_err *err)
{
    if (method == AX_METHOD_GET || method == AX_METHOD_HEAD)
        return AX_OK;
    if (origin.ptr && (origin_is_allowed(cors, origin) || origin_is_own(origin, host)))
        return AX_OK;
    return ax_err_set(err, AX_E_FORBIDDEN,
                      "a cookie counts for this method only with an Origin that is allowed");
}

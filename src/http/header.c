/* SPDX-License-Identifier: Apache-2.0 */
/* header.c - which bytes may a header be made of? */
#include "http/header.h"

#include "base/alloc.h"
#include "http/chars.h"

#include <arpa/inet.h>
#include <string.h>

/* One row of bits per byte; AX_HTTP_BYTE_* say what they mean. */
#define T AX_HTTP_BYTE_TOKEN
#define V AX_HTTP_BYTE_VALUE
#define P AX_HTTP_BYTE_PLAIN
/* clang-format off */
const uint8_t ax_http_bytes[256] = {
    ['\t'] = V, [' '] = V,
    ['0' ... '9'] = T | V | P, ['A' ... 'Z'] = T | V | P, ['a' ... 'z'] = T | V | P,
    ['-'] = T | V | P, ['.'] = T | V | P, ['_'] = T | V | P,
    ['!'] = T | V, ['#'] = T | V, ['$'] = T | V, ['%'] = T | V, ['&'] = T | V, ['\''] = T | V,
    ['*'] = T | V, ['+'] = T | V, ['^'] = T | V, ['`'] = T | V, ['|'] = T | V, ['~'] = T | V,
    ['"'] = V, ['('] = V, [')'] = V, [','] = V, ['/'] = V, [':'] = V, [';'] = V, ['<'] = V,
    ['='] = V, ['>'] = V, ['?'] = V, ['@'] = V, ['['] = V, ['\\'] = V, [']'] = V, ['{'] = V,
    ['}'] = V,
    [0x80 ... 0xff] = V,
};
/* clang-format on */
#undef T
#undef V
#undef P

static bool header_all(struct ax_str str, uint8_t bits)
{
    for (size_t i = 0; i < str.len; i++) {
        if (!(ax_http_bytes[(uint8_t)str.ptr[i]] & bits))
            return false;
    }
    return true;
}

bool ax_http_is_token(struct ax_str str)
{
    return str.len > 0 && header_all(str, AX_HTTP_BYTE_TOKEN);
}

static bool header_is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

bool ax_http_is_value(struct ax_str str)
{
    if (str.len == 0)
        return true;
    if (header_is_blank(str.ptr[0]) || header_is_blank(str.ptr[str.len - 1]))
        return false;
    return header_all(str, AX_HTTP_BYTE_VALUE);
}

static bool header_is_one_of(struct ax_str name, const struct ax_str *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (ax_str_eq_nocase(name, names[i]))
            return true;
    }
    return false;
}

bool ax_http_is_hop_by_hop(struct ax_str name)
{
    static const struct ax_str names[] = {
        AX_STR_INIT("connection"),     AX_STR_INIT("keep-alive"),        AX_STR_INIT("te"),
        AX_STR_INIT("trailer"),        AX_STR_INIT("transfer-encoding"), AX_STR_INIT("upgrade"),
        AX_STR_INIT("http2-settings"),
    };
    static const struct ax_str proxy = AX_STR_INIT("proxy-");

    if (name.len >= proxy.len && ax_str_eq_nocase(ax_str_sub(name, 0, proxy.len), proxy))
        return true;
    return header_is_one_of(name, names, AX_ARRAY_LEN(names));
}

bool ax_http_is_framing(struct ax_str name)
{
    static const struct ax_str names[] = { AX_STR_INIT("content-length"), AX_STR_INIT("date") };

    return header_is_one_of(name, names, AX_ARRAY_LEN(names)) || ax_http_is_hop_by_hop(name);
}

static bool header_is_port(struct ax_str str)
{
    uint64_t port;

    return ax_str_to_u64(str, UINT16_MAX, &port) && port > 0;
}

static bool header_is_name(struct ax_str str)
{
    return str.len > 0 && str.len <= 255 && header_all(str, AX_HTTP_BYTE_PLAIN);
}

bool ax_http_is_authority(struct ax_str str)
{
    size_t end;

    if (str.len > 0 && str.ptr[0] == '[') {
        char text[INET6_ADDRSTRLEN];
        struct in6_addr address;

        end = ax_str_find(str, ']');
        if (end == str.len || end - 1 >= sizeof(text))
            return false;
        memcpy(text, str.ptr + 1, end - 1);
        text[end - 1] = '\0';
        if (strlen(text) != end - 1 || inet_pton(AF_INET6, text, &address) != 1)
            return false;
        end++;
    } else {
        end = ax_str_find(str, ':');
        if (!header_is_name(ax_str_sub(str, 0, end)))
            return false;
    }
    if (end == str.len)
        return true;
    return str.ptr[end] == ':' && header_is_port(ax_str_from(str, end + 1));
}

bool ax_http_is_request_id(struct ax_str str)
{
    return str.len >= 1 && str.len <= 64 && header_all(str, AX_HTTP_BYTE_PLAIN);
}

bool ax_http_list_next(struct ax_str *rest, struct ax_str *ret_element)
{
    if (rest->ptr == NULL)
        return false;
    *ret_element = ax_str_trim(ax_str_cut(rest, ','));
    return true;
}

struct ax_str ax_http_status_words(int status)
{
    switch (status) {
    case 200: return AX_STR("OK");
    case 201: return AX_STR("Created");
    case 202: return AX_STR("Accepted");
    case 203: return AX_STR("Non-Authoritative Information");
    case 204: return AX_STR("No Content");
    case 205: return AX_STR("Reset Content");
    case 206: return AX_STR("Partial Content");
    case 300: return AX_STR("Multiple Choices");
    case 301: return AX_STR("Moved Permanently");
    case 302: return AX_STR("Found");
    case 303: return AX_STR("See Other");
    case 304: return AX_STR("Not Modified");
    case 307: return AX_STR("Temporary Redirect");
    case 308: return AX_STR("Permanent Redirect");
    case 400: return AX_STR("Bad Request");
    case 401: return AX_STR("Unauthorized");
    case 403: return AX_STR("Forbidden");
    case 404: return AX_STR("Not Found");
    case 405: return AX_STR("Method Not Allowed");
    case 406: return AX_STR("Not Acceptable");
    case 408: return AX_STR("Request Timeout");
    case 409: return AX_STR("Conflict");
    case 410: return AX_STR("Gone");
    case 412: return AX_STR("Precondition Failed");
    case 413: return AX_STR("Content Too Large");
    case 415: return AX_STR("Unsupported Media Type");
    case 416: return AX_STR("Range Not Satisfiable");
    case 418: return AX_STR("I'm a teapot");
    case 422: return AX_STR("Unprocessable Content");
    case 428: return AX_STR("Precondition Required");
    case 429: return AX_STR("Too Many Requests");
    case 500: return AX_STR("Internal Server Error");
    case 501: return AX_STR("Not Implemented");
    case 502: return AX_STR("Bad Gateway");
    case 503: return AX_STR("Service Unavailable");
    case 504: return AX_STR("Gateway Timeout");
    default: return AX_STR("Unknown");
    }
}

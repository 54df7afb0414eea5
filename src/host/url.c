/* SPDX-License-Identifier: Apache-2.0 */
/* url.c - what does a guest's URL name, and nothing else?
 * The check before the connection and the connection itself use what is read here, so there is no
 * second parser to disagree with. */
#include "host/url.h"

#define LABEL_MAX 63

static bool url_is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool url_is_hex(char byte)
{
    return url_is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

static char url_lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
}

bool ax_url_scheme(struct ax_str text, bool *ret_https)
{
    if (ax_str_eq_nocase(text, AX_STR("https")))
        *ret_https = true;
    else if (ax_str_eq_nocase(text, AX_STR("http")))
        *ret_https = false;
    else
        return false;
    return true;
}

bool ax_url_port(struct ax_str text, uint16_t *ret_port)
{
    uint64_t port;

    if (!ax_str_to_u64(text, 65535, &port) || port == 0)
        return false;
    *ret_port = (uint16_t)port;
    return true;
}

/* One label, already in lower case. */
static bool url_label_is_ldh(struct ax_str label)
{
    if (label.len == 0 || label.len > LABEL_MAX)
        return false;
    if (label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
        return false;
    for (size_t i = 0; i < label.len; i++) {
        char byte = label.ptr[i];

        if (!url_is_digit(byte) && !(byte >= 'a' && byte <= 'z') && byte != '-')
            return false;
    }
    return true;
}

/* A last label of digits only, or "0x" with hexadecimal digits or none, makes some resolvers and
 * parsers read the whole host as an IPv4 address. No real top-level domain looks like that. */
static bool url_label_is_number(struct ax_str label)
{
    bool decimal = true;
    bool hex = label.len >= 2 && label.ptr[0] == '0' && label.ptr[1] == 'x';

    for (size_t i = 0; i < label.len; i++) {
        if (!url_is_digit(label.ptr[i]))
            decimal = false;
        if (i >= 2 && !url_is_hex(label.ptr[i]))
            hex = false;
    }
    return decimal || hex;
}

bool ax_url_host(struct ax_str text, char room[AX_HOST_NAME_MAX + 1], uint16_t *ret_len)
{
    struct ax_str rest;
    struct ax_str label = AX_STR_NONE;

    if (text.len == 0 || text.len > AX_HOST_NAME_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++)
        room[i] = url_lower(text.ptr[i]);
    room[text.len] = '\0';
    rest = ax_str_make(room, text.len);
    while (rest.ptr != NULL) {
        label = ax_str_cut(&rest, '.');
        if (!url_label_is_ldh(label))
            return false;
    }
    if (url_label_is_number(label))
        return false;
    *ret_len = (uint16_t)text.len;
    return true;
}

/* The bytes that a path may hold as they are; a query may hold some more. Percent signs need two
 * hexadecimal digits. What browsers would encode must arrive encoded. */
static bool url_target_is_plain(struct ax_str target)
{
    bool query = false;

    for (size_t i = 0; i < target.len; i++) {
        char byte = target.ptr[i];

        if (byte <= 0x20 || byte >= 0x7f || byte == '"' || byte == '<' || byte == '>' ||
            byte == '#' || byte == '\\')
            return false;
        if (!query && (byte == '^' || byte == '`' || byte == '{' || byte == '}'))
            return false;
        if (byte == '?')
            query = true;
        if (byte == '%' && (target.len - i < 3 || !url_is_hex(target.ptr[i + 1]) ||
                            !url_is_hex(target.ptr[i + 2])))
            return false;
    }
    return true;
}

static size_t url_authority_len(struct ax_str text)
{
    size_t i = 0;

    while (i < text.len && text.ptr[i] != '/' && text.ptr[i] != '?')
        i++;
    return i;
}

enum ax_code ax_url_parse(struct ax_str text, struct ax_url *ret_url, struct ax_err *err)
{
    struct ax_url url = { 0 };
    struct ax_str authority, host;
    size_t colon;

    if (text.len > AX_URL_MAX)
        return ax_err_set(err, AX_E_TOO_BIG, "the URL is longer than %d bytes", AX_URL_MAX);
    colon = ax_str_find(text, ':');
    if (colon == text.len || !ax_url_scheme(ax_str_sub(text, 0, colon), &url.https))
        return ax_err_set(err, AX_E_INVALID_REQUEST, "the URL's scheme is not http or https");
    text = ax_str_from(text, colon + 1);
    if (!ax_str_starts(text, AX_STR("//")))
        return ax_err_set(err, AX_E_INVALID_REQUEST, "the URL has no host");
    text = ax_str_from(text, 2);
    authority = ax_str_sub(text, 0, url_authority_len(text));
    url.target = ax_str_from(text, authority.len);
    host = ax_str_cut(&authority, ':');
    if (!ax_url_host(host, url.host, &url.host_len))
        return ax_err_set(err, AX_E_INVALID_REQUEST, "the URL's host is not a plain domain name");
    url.port = url.https ? 443 : 80;
    if (authority.ptr != NULL && !ax_url_port(authority, &url.port))
        return ax_err_set(err, AX_E_INVALID_REQUEST, "the URL's port is not a port");
    if (!url_target_is_plain(url.target))
        return ax_err_set(err, AX_E_INVALID_REQUEST,
                          "the URL's path or query holds a byte that must be encoded");
    *ret_url = url;
    return AX_OK;
}

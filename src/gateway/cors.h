/* SPDX-License-Identifier: Apache-2.0 */
/* cors.h - which web pages may call, and which of them read the answer?
 *
 * EXT_GATEWAY_ALLOWED_ORIGINS is a comma list of exact origins; unset, no page of another origin may
 * read anything. All functions are pure. */
#ifndef AX_GATEWAY_CORS_H
#define AX_GATEWAY_CORS_H

#include "http/server.h"

#define AX_CORS_ORIGINS_MAX 64
#define AX_CORS_HEADERS_MAX 6 /* that an answer gets from here */
#define AX_CORS_ASKED_MAX   1024

struct ax_cors {
    struct ax_str origins[AX_CORS_ORIGINS_MAX]; /* borrowed from the setting */
    size_t count;
    bool credentials; /* cookies are accepted (AUTH_COOKIE), so pages may be let to send them */
};

struct ax_cors_headers {
    struct ax_http_header items[AX_CORS_HEADERS_MAX];
    size_t count;
};

/* Reads the setting, borrowed for as long as *ret_cors is used. AX_E_INVALID_REQUEST: an entry that
 * is no origin as browsers write it (lower-case http or https, host, no default port, no path, not
 * "*", not "null"), one twice, too many. */
AX_CHECKED enum ax_code ax_cors_parse(struct ax_str setting, struct ax_cors *ret_cors,
                                      struct ax_err *err);

/* Answers OPTIONS: with AX_OK the status is 204. Without an `origin` (ptr NULL) it says which methods
 * there are. `method` and `headers` are what access-control-request-... say (ptr NULL: not sent).
 * AX_E_FORBIDDEN: another origin. AX_E_METHOD_NOT_ALLOWED: a method that is never allowed.
 * AX_E_INVALID_REQUEST: asked headers that are no names, or too long. */
AX_CHECKED enum ax_code ax_cors_preflight(const struct ax_cors *cors, struct ax_str origin,
                                          struct ax_str method, struct ax_str headers,
                                          struct ax_cors_headers *ret_headers, struct ax_err *err);

/* What the answer of every other request gets: who may read it. */
void ax_cors_answer(const struct ax_cors *cors, struct ax_str origin,
                    struct ax_cors_headers *ret_headers);

/* A cookie comes with whatever page sends the request, so a method that may change something needs an
 * `origin` that is allowed, or the gateway's own: the one that `host`, the Host header, names.
 * AX_E_FORBIDDEN otherwise. For principals that a cookie made; others need no such proof. */
AX_CHECKED enum ax_code ax_cors_check_cookie(const struct ax_cors *cors, enum ax_method method,
                                             struct ax_str origin, struct ax_str host,
                                             struct ax_err *err);

#endif

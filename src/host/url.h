/* SPDX-License-Identifier: Apache-2.0 */
/* url.h - what does a guest's URL name, and nothing else?
 *
 * A narrow reading on purpose: whatever two parsers could read differently is refused. http and
 * https; a host of letters, digits and hyphens that no resolver can take for an address; a port; a
 * path and query of printable ASCII. No userinfo, no fragment, no backslash, no white space, no
 * IPv4 or IPv6 literal in any spelling, no trailing dot. Pure, any thread. */
#ifndef AX_HOST_URL_H
#define AX_HOST_URL_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AX_URL_MAX       8192
#define AX_HOST_NAME_MAX 253

struct ax_url {
    bool https;
    uint16_t port; /* the scheme's when the text has none */
    uint16_t host_len;
    char host[AX_HOST_NAME_MAX + 1]; /* lower case, terminated */
    struct ax_str target; /* borrowed from the text: path and query; may be empty or begin
                                       with '?': then the path is "/" */
};

/* AX_E_INVALID_REQUEST with words for our log, AX_E_TOO_BIG over AX_URL_MAX. `text` is borrowed for
 * as long as ret_url is used. */
AX_CHECKED enum ax_code ax_url_parse(struct ax_str text, struct ax_url *ret_url,
                                     struct ax_err *err);

/* The pieces, shared with the allowlist so that both read alike. */
bool ax_url_scheme(struct ax_str text, bool *ret_https);  /* "http", "https", any case */
bool ax_url_port(struct ax_str text, uint16_t *ret_port); /* 1-65535, no leading zero */
/* A host as above; writes it in lower case, terminated. */
bool ax_url_host(struct ax_str text, char room[AX_HOST_NAME_MAX + 1], uint16_t *ret_len);

#endif

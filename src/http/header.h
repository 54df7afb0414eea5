/* SPDX-License-Identifier: Apache-2.0 */
/* header.h - which bytes may a header be made of?
 *
 * One pair of name and value, and the rules that both directions share. All functions are pure. */
#ifndef AX_HTTP_HEADER_H
#define AX_HTTP_HEADER_H

#include "base/str.h"

struct ax_http_header {
    struct ax_str name;
    struct ax_str value;
};

/* One or more characters of RFC 9110's `token`. */
bool ax_http_is_token(struct ax_str str);

/* Visible ASCII, space, tab and bytes from 0x80; no space or tab at either end; may be empty. So no
 * CR, LF, NUL or other control byte ever passes. */
bool ax_http_is_value(struct ax_str str);

/* Headers that describe one connection and are never passed on, by any letter case: connection,
 * keep-alive, proxy-*, te, trailer, transfer-encoding, upgrade, http2-settings. */
bool ax_http_is_hop_by_hop(struct ax_str name);

/* Headers that our own framing writes: content-length, date and all hop-by-hop ones. An answer or a
 * request of ours that names one of them is refused. */
bool ax_http_is_framing(struct ax_str name);

/* host[:port] as a Host header may spell it: a name of [A-Za-z0-9._-] (RFC 3986 has more, no name
 * on the web does), an IPv4 or a bracketed IPv6 address; no user, port 1..65535. */
bool ax_http_is_authority(struct ax_str str);

/* A request id that we take over from a caller: [A-Za-z0-9._-]{1,64}. */
bool ax_http_is_request_id(struct ax_str str);

/* Takes the next element off a comma-separated list, trimmed; false at the end. Elements may be
 * empty: "a,,b" has three. */
bool ax_http_list_next(struct ax_str *rest, struct ax_str *ret_element);

/* The standard words of a status, "Unknown" for others. */
struct ax_str ax_http_status_words(int status);

#endif

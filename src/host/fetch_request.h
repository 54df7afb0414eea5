/* SPDX-License-Identifier: Apache-2.0 */
/* fetch_request.h - what does a guest want fetched? (private to this folder)
 *
 * Reads {url, method?, headers?, body_b64?} and nothing else. Pure. */
#ifndef AX_HOST_FETCH_REQUEST_H
#define AX_HOST_FETCH_REQUEST_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "host/host.h"
#include "host/url.h"
#include "http/header.h"

#define HOST_FETCH_HEADERS_MAX      64
#define HOST_FETCH_HEADER_BYTES_MAX (16u << 10)
#define HOST_FETCH_BODY_MAX         (8u << 20)

struct host_fetch_request {
    struct ax_url url;
    char method[24];                                           /* terminated */
    struct ax_http_header headers[HOST_FETCH_HEADERS_MAX + 1]; /* room for a traceparent */
    size_t header_count;
    struct ax_buf body;
    struct ax_arena arena; /* of the headers' text */
    bool url_is_known;     /* also after a failure later on: for the audit line */
};

/* AX_HOST_OK, AX_HOST_INVALID, AX_HOST_TOO_LARGE, AX_HOST_INTERNAL (no memory). In every case
 * `request` is yours: host_fetch_request_done(). Only url.target is borrowed from `args`. */
enum ax_host_number host_fetch_request_read(const struct ax_json_value *args,
                                            struct host_fetch_request *request);
void host_fetch_request_done(struct host_fetch_request *request);

/* Whether the guest has set this header. */
bool host_fetch_request_has_header(const struct host_fetch_request *request,
                                   struct ax_str lower_name);

#endif

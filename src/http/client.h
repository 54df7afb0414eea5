/* SPDX-License-Identifier: Apache-2.0 */
/* client.h - how do we ask somebody else's server?
 *
 * HTTP(S) requests through libcurl on our loop. Nothing is done behind the caller's back: no
 * redirects, no proxies, no .netrc, no cookies, no decompression, no protocol but http and https,
 * TLS 1.2 or newer and verified. Everything belongs to the loop's thread. */
#ifndef AX_HTTP_CLIENT_H
#define AX_HTTP_CLIENT_H

#include "base/buf.h"
#include "http/header.h"
#include "loop/loop.h"

#include <sys/socket.h>

struct ax_http_client; /* one libcurl multi: its connections are shared by its calls only */

struct ax_http_client_options {
    size_t connections_max;      /* kept and used at one time; 0: 256 */
    size_t connections_per_host; /* more calls wait; 0: no cap */
};

struct ax_http_client *ax_http_client_new(struct ax_loop *loop,
                                          const struct ax_http_client_options *options);
/* No call may be running. Handles close in the loop's next turns. NULL is fine. */
void ax_http_client_free(struct ax_http_client *client);

/* Why there is no answer. */
enum ax_http_failure {
    AX_HTTP_FINE,
    AX_HTTP_INVALID,         /* the request itself: URL, method, header */
    AX_HTTP_RESOLVE,         /* the name has no address */
    AX_HTTP_CONNECT,         /* nobody listens, or no way there */
    AX_HTTP_REFUSED_ADDRESS, /* on_address said no */
    AX_HTTP_TLS,             /* handshake or certificate */
    AX_HTTP_TIMEOUT,         /* deadline_ms passed */
    AX_HTTP_TOO_LARGE,       /* the answer's head or body is over its limit */
    AX_HTTP_TRANSPORT,       /* anything later: reset, cut short, not HTTP, no memory */
    AX_HTTP_CANCELED,
};

/* All borrowed until on_done. Zero means "not" or the default. */
struct ax_http_request {
    struct ax_str method; /* a token; empty: GET */
    struct ax_str url;    /* http:// or https://, no user, no fragment */
    const struct ax_http_header
        *headers; /* none that ax_http_is_framing(); host is made from url */
    size_t header_count;
    struct ax_str body; /* sent with content-length; also when empty, for POST, PUT and PATCH */

    uint64_t deadline_ms; /* moment on ax_loop_now_ms(); 0: 30 s from now */
    size_t response_max;  /* bytes of the body; 0: none is accepted but an empty one */
    size_t header_max; /* bytes of names and values of the answer; 0: 16 KiB; at most 64 headers */

    struct ax_str connect_to; /* "name:port:address:port" ([address] for IPv6): where to connect */
    const char *unix_path;    /* connect to this socket instead */
    struct ax_str ca_pem;     /* certificates of the authorities to trust; empty: the system's */
    bool fresh;               /* a connection of its own, closed afterwards */
    /* Asked with the address of every socket before it connects; false refuses. NULL: all fine. */
    bool (*on_address)(void *arg, const struct sockaddr *address, socklen_t len);
    void *address_arg;
};

struct ax_http_result {
    enum ax_http_failure failure;
    char reason[160]; /* words for a log line, no secrets; empty when fine */
    int status;       /* 200..599, of the last answer (1xx are skipped); 0: none came */
    struct ax_http_header headers[64]; /* names lower case; borrowed from head */
    size_t header_count;
    struct ax_buf head;
    struct ax_buf body;
    uint64_t bytes_sent, bytes_received; /* heads and bodies, without TLS */
    bool request_sent;                   /* false: the server cannot have seen the whole request */
};

struct ax_http_call { /* inside its owner; zero-initialised */
    struct ax_op op;
    struct ax_http_request request; /* filled by the owner before the start */
    struct ax_http_result result; /* valid in and after on_done, until _done() or the next start */
    struct ax_http_call_state *state; /* ours while running */
};

/* Starts. on_done's code: AX_OK when an answer came whole, whatever its status; otherwise
 * AX_E_INVALID_REQUEST (invalid), AX_E_FORBIDDEN (refused address), AX_E_DEADLINE_EXCEEDED,
 * AX_E_TOO_BIG, AX_E_CANCELED, AX_E_NO_MEMORY, and AX_E_CLOSED for all the rest; result.failure says
 * it exactly. Cancel with ax_op_cancel(&call->op). */
void ax_http_call_start(struct ax_http_client *client, struct ax_http_call *call,
                        ax_op_done_fn *on_done, void *arg);
/* Frees the result. Not while running. */
void ax_http_call_done(struct ax_http_call *call);

/* Value of the first header with this lower-case name; ptr is NULL when there is none. */
struct ax_str ax_http_result_header(const struct ax_http_result *result, struct ax_str lower_name);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* server.h - how does a stranger's request become an exchange, and an answer bytes?
 *
 * HTTP/1.0 and 1.1 without TLS, on one loop. A connection carries one exchange at a time:
 *
 *   accept --> HEAD --> on_head --> BODY --> on_request --> answer --> HEAD ... or close
 *                          `-----------`----> an answer may come from any of these places
 *
 * What is malformed, too large or too slow never reaches a callback: the server answers it itself
 * with the error of the table and ends the connection. Limits hold before memory is allocated.
 * Everything belongs to the loop's thread. */
#ifndef AX_HTTP_SERVER_H
#define AX_HTTP_SERVER_H

#include "base/arena.h"
#include "base/buf.h"
#include "http/header.h"
#include "loop/loop.h"

struct ax_http_server;
struct ax_exchange;

enum ax_method {
    AX_METHOD_GET,
    AX_METHOD_HEAD,
    AX_METHOD_POST,
    AX_METHOD_PUT,
    AX_METHOD_PATCH,
    AX_METHOD_DELETE,
    AX_METHOD_OPTIONS, /* all others are answered 405 by the server */
};

struct ax_http_server_options {
    /* Limits; 0 takes the default. */
    size_t header_bytes;         /* all header lines together; 16 KiB */
    size_t header_count;         /* 64 */
    size_t target_bytes;         /* 8 KiB */
    size_t body_max;             /* of an exchange that on_head gives no other; 10 MiB */
    size_t arena_bytes;          /* of ax_exchange_arena(); 16 MiB */
    size_t connections_max;      /* more are answered 503 and closed; 1,024 */
    size_t connections_per_peer; /* of one address; 0: no cap */

    /* Times in milliseconds; 0 takes the default. */
    uint64_t header_ms;    /* first byte of a request to the end of its head; 10,000 */
    uint64_t body_ms;      /* end of the head to the end of the body; 60,000 */
    uint64_t body_rate_ms; /* from here on a body must have come with 1 KiB/s on average; 5,000 */
    uint64_t idle_ms;      /* between two requests; 15,000 */
    uint64_t write_ms;     /* without any progress of an answer; 10,000 */
    uint64_t linger_ms; /* how long an unread rest is drained, so that an answer arrives; 2,000 */

    /* The head is complete, no byte of the body was read beyond what came with it. May answer at
     * once, may call ax_exchange_body_max(); otherwise returns and waits for on_request. NULL: all
     * heads are fine. */
    void (*on_head)(void *arg, struct ax_exchange *ex);
    /* The body is complete: answer now or later. Never NULL. */
    void (*on_request)(void *arg, struct ax_exchange *ex);
    /* After on_head (or on_request, when there is no on_head) and before the answer: the client went
     * away, its body was malformed, too large or too slow (the server answers that), or the server
     * is being freed. `ex` is gone when this returns; it must not be answered. A client that only
     * half-closes counts as gone. May be NULL only if every answer is given at once. */
    void (*on_abort)(void *arg, struct ax_exchange *ex);
    void *arg;
};

struct ax_http_server_stats {
    uint64_t accepted;  /* connections */
    uint64_t refused;   /* connections over a cap */
    uint64_t starved;   /* connections for which no descriptor was left */
    uint64_t requests;  /* exchanges that reached on_head or on_request */
    uint64_t malformed; /* requests answered by the server itself with 4xx, timeouts aside */
    uint64_t timeouts;  /* header, body, rate, idle-with-half-a-request and write */
    uint64_t aborted;   /* on_abort calls */
    size_t connections; /* open now */
    size_t exchanges;   /* waiting for their answer now */
};

/* `options` is copied. Aborts when a descriptor for the reserve cannot be opened. */
struct ax_http_server *ax_http_server_new(struct ax_loop *loop,
                                          const struct ax_http_server_options *options);

/* Accepts on `fd`, a listening TCP or Unix socket, from now on; may be called for several. Takes the
 * descriptor over, also on failure; makes it non-blocking and close-on-exec. AX_E_IO when it is not
 * a listening stream socket. */
AX_CHECKED enum ax_code ax_http_server_listen(struct ax_http_server *server, int fd);

/* Serves one connected stream socket, as if it had been accepted. Takes `fd` over. */
void ax_http_server_adopt(struct ax_http_server *server, int fd);

/* Stops accepting and closes the listeners, closes idle connections, says "connection: close" on
 * every answer still to come. `on_drained(arg)` is called once, from the loop, when the last
 * connection has ended. Call at most once; freeing before withdraws the callback. */
void ax_http_server_drain(struct ax_http_server *server, void (*on_drained)(void *arg), void *arg);

/* Ends everything: on_abort comes for each unanswered exchange before this returns, no callback
 * afterwards. Handles close in the loop's next turns, which must still run (ax_loop_done does). NULL
 * is fine. Not from inside on_head, on_request or on_abort. */
void ax_http_server_free(struct ax_http_server *server);

struct ax_http_server_stats ax_http_server_stats(const struct ax_http_server *server);

/* The exchange. All that is borrowed from it lives until the answer is given or on_abort returns. */

enum ax_method ax_exchange_method(const struct ax_exchange *ex);
struct ax_str ax_exchange_method_text(const struct ax_exchange *ex); /* "GET" */
/* As sent: "/a/b?c=d", "http://host/a" or "*" (OPTIONS only); visible ASCII. */
struct ax_str ax_exchange_target(const struct ax_exchange *ex);
struct ax_str ax_exchange_path(const struct ax_exchange *ex);  /* raw, begins with '/', or "*" */
struct ax_str ax_exchange_query(const struct ax_exchange *ex); /* raw, behind '?'; ptr NULL: none */
int ax_exchange_version_minor(const struct ax_exchange *ex);   /* 0 or 1 */

/* Value of the first header with this lower-case name; ptr is NULL when there is none. The server
 * refuses a second host, content-length, transfer-encoding, content-type, authorization, expect. */
struct ax_str ax_exchange_header(const struct ax_exchange *ex, struct ax_str lower_name);
size_t ax_exchange_header_total(const struct ax_exchange *ex, struct ax_str lower_name);
size_t ax_exchange_header_count(const struct ax_exchange *ex);
/* Names are lower case, values are trimmed; index < count. */
struct ax_http_header ax_exchange_header_at(const struct ax_exchange *ex, size_t index);

/* In on_head: does a body follow, and how long is it (SIZE_MAX: chunked, not known)? */
size_t ax_exchange_body_announced(const struct ax_exchange *ex);
/* In on_head only: this exchange's limit. A longer body is answered 413. */
void ax_exchange_body_max(struct ax_exchange *ex, size_t body_max);
/* From on_request on: the whole body, contiguous, without its framing. */
struct ax_str ax_exchange_body(const struct ax_exchange *ex);

/* Lives as long as the exchange and is emptied afterwards. */
struct ax_arena *ax_exchange_arena(struct ax_exchange *ex);
/* The handler's own; NULL at on_head. */
void *ax_exchange_user(const struct ax_exchange *ex);
void ax_exchange_set_user(struct ax_exchange *ex, void *user);
/* "192.0.2.7", "2001:db8::1" or "unix"; terminated too. Lives as long as the exchange. */
struct ax_str ax_exchange_peer(const struct ax_exchange *ex);
/* The caller's x-request-id when it is well-formed, otherwise one of ours. */
struct ax_str ax_exchange_request_id(struct ax_exchange *ex);
struct ax_http_server *ax_exchange_server(const struct ax_exchange *ex);

/* Each of these three answers exactly once and ends the exchange: `ex` is not touched afterwards. May
 * be called inside on_head and on_request or any time later, not in on_abort. We write the framing:
 * status line, date, content-length, connection, and no body for HEAD, 204 and 304. A status outside
 * 200..599, or a header that is malformed or ours to write, is a mistake on our side: the client
 * gets 500 internal and the function returns AX_E_INTERNAL; everything else returns AX_OK, also when
 * the client cannot be reached any more. */

/* Copies headers and body. */
enum ax_code ax_exchange_answer(struct ax_exchange *ex, int status,
                                const struct ax_http_header *headers, size_t count,
                                struct ax_str body);
/* Moves the body out of *body, which is empty afterwards, and sends it without copying. */
enum ax_code ax_exchange_answer_buf(struct ax_exchange *ex, int status,
                                    const struct ax_http_header *headers, size_t count,
                                    struct ax_buf *body);
/* The error object of contracts: code, words (err->message when there are some), request id, and
 * pointer when err has one; "cache-control: no-store", and "retry-after" when retry_after_s > 0.
 * `err` may be NULL. */
void ax_exchange_fail(struct ax_exchange *ex, enum ax_code code, const struct ax_err *err,
                      unsigned retry_after_s);
/* The same object as bytes, for those who put it into an answer of their own. */
void ax_http_error_json(struct ax_buf *out, enum ax_code code, const struct ax_err *err,
                        struct ax_str request_id);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* connection.h - what does a connection know? (inside this folder)
 *
 * A connection carries one exchange at a time, so the two share a struct. All of it is one block
 * of memory plus a read buffer of fixed size: what callbacks borrow never moves.
 *
 *   HEAD --> BODY --> WAIT --> WRITE --> HEAD       keep-alive
 *     `-------`--------'         `-----> LINGER --> closed
 *       (refused, or answered early) */
#ifndef AX_HTTP_CONNECTION_H
#define AX_HTTP_CONNECTION_H

#include "http/answer.h"
#include "http/request.h"
#include "http/server.h"

#include <netinet/in.h>

enum ax_conn_state {
    AX_CONN_HEAD,   /* idle, or a head is on its way */
    AX_CONN_BODY,   /* the head is known, the body is on its way */
    AX_CONN_WAIT,   /* the handler's turn */
    AX_CONN_WRITE,  /* the answer is on its way */
    AX_CONN_LINGER, /* answered for the last time; what still comes is thrown away */
};

struct ax_peer_address {
    sa_family_t family; /* AF_INET, AF_INET6, or AF_UNIX for all the rest */
    struct in6_addr ip; /* an IPv4 address in the first four bytes */
};

struct ax_exchange {
    struct ax_http_server *server;
    struct ax_exchange *next, **link; /* in server->connections */
    struct ax_peer_address peer;
    char peer_text[INET6_ADDRSTRLEN];

    uv_poll_t poll;
    int fd; /* -1: closed, and only the handle is left */
    int interest;
    struct ax_timer timer; /* may ring early: deadline_ms counts */
    uint64_t deadline_ms;  /* 0: none */
    struct ax_task again;  /* reads on after an answer that came from elsewhere */

    enum ax_conn_state state;
    bool running;   /* inside the loop that reads requests: an answer need not start it */
    bool live;      /* the handler knows of this exchange and has not answered */
    bool closing;   /* no request after this one */
    bool head_came; /* its first byte, which started the clock */

    char *in; /* head, and what came behind it */
    size_t in_cap;
    size_t in_len;
    size_t request_len; /* bytes of `in` that belong to the current request, once it is complete */
    struct ax_request request;

    struct ax_buf body; /* when it does not fit behind its head, or is chunked */
    bool body_in_place;
    bool body_complete;
    size_t body_max;
    uint64_t body_from_ms;
    size_t lingered;

    struct ax_buf out; /* head of the answer, and a body that was copied */
    struct ax_buf out_body;
    size_t out_sent;

    struct ax_arena arena;
    void *user;
    char request_id[65];
};

struct ax_listener {
    struct ax_http_server *server;
    struct ax_listener *next;
    uv_poll_t poll;
    struct ax_timer retry; /* when not even the reserve was left */
    int fd;
};

struct ax_http_server {
    struct ax_loop *loop;
    struct ax_http_server_options options;
    struct ax_request_limits limits;
    struct ax_http_server_stats stats;
    struct ax_listener *listeners;
    struct ax_exchange *connections;
    size_t handles; /* of libuv, open or closing; the server goes with the last one */
    int reserve_fd; /* given up to accept and refuse when no descriptor is left; -1: it is gone */

    bool draining;
    bool freed;
    void (*on_drained)(void *arg);
    void *drained_arg;
    struct ax_task drained;

    char date[AX_HTTP_DATE_LEN + 1];
    uint64_t date_until_ms;
    char id_prefix[17]; /* random, so that ids of several servers do not meet */
    uint64_t id_next;
};

/* Takes `fd` over. */
void ax_conn_start(struct ax_http_server *server, int fd, const struct ax_peer_address *peer);
/* Ends it now; tells the handler of a live exchange. */
void ax_conn_close(struct ax_exchange *ex);
/* Closes it if nothing of a request has come. */
void ax_conn_close_idle(struct ax_exchange *ex);
/* Sends ex->out and ex->out_body, then goes on with the next request or ends. */
void ax_conn_send(struct ax_exchange *ex);

struct ax_str ax_server_date(struct ax_http_server *server);
void ax_server_release(struct ax_http_server *server);          /* a handle has closed */
void ax_server_connection_ended(struct ax_http_server *server); /* for the drain */

#endif

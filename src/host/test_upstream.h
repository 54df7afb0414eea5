/* SPDX-License-Identifier: Apache-2.0 */
/* test_upstream.h - which server does a test's fetch reach, and what does it do to it? (tests only)
 *
 * Raw TCP on 127.0.0.1, on the loop of the test. It waits for a whole request (head, and the body
 * that content-length announces), then a function of the test says what happens. */
#ifndef AX_HOST_TEST_UPSTREAM_H
#define AX_HOST_TEST_UPSTREAM_H

#include "base/buf.h"
#include "loop/loop.h"

#include <stddef.h>
#include <stdint.h>

struct test_peer;
typedef void test_peer_fn(struct test_peer *peer);

struct test_upstream {
    struct ax_loop *loop;
    uv_tcp_t listener;
    struct test_peer *peers;
    test_peer_fn *greet; /* as soon as a connection is there; NULL: nothing */
    test_peer_fn *serve;
    size_t connections; /* ever */
    size_t requests;    /* whole ones */
    size_t open;        /* connections now */
    size_t open_most;
    uint16_t port;
};

struct test_peer {
    uv_tcp_t tcp;
    struct test_upstream *upstream;
    struct test_peer *next;
    struct ax_buf request; /* head and body as they came */
    size_t head_len;       /* 0: not whole yet */
    struct ax_timer timer;
    test_peer_fn *again;
    size_t counter; /* the test's */
    bool served;
};

void test_upstream_start(struct test_upstream *upstream, struct ax_loop *loop, test_peer_fn *serve);
/* Ends every connection; handles close in later turns. */
void test_upstream_stop(struct test_upstream *upstream);

/* The bytes are copied. After the end of the connection nothing happens. */
void test_peer_write(struct test_peer *peer, struct ax_str bytes);
/* A whole answer: status line and headers (each with its line end), content-length, body. */
void test_peer_answer(struct test_peer *peer, const char *head, struct ax_str body);
void test_peer_close(struct test_peer *peer);
/* Calls `again` in `ms`. */
void test_peer_later(struct test_peer *peer, uint64_t ms, test_peer_fn *again);
/* "GET /path HTTP/1.1" */
struct ax_str test_peer_request_line(const struct test_peer *peer);
struct ax_str test_peer_body(const struct test_peer *peer);
/* Whether the head holds this line, in any letter case. */
bool test_peer_has_line(const struct test_peer *peer, const char *line);

#endif

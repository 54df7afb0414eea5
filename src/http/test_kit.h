/* SPDX-License-Identifier: Apache-2.0 */
/* test_kit.h - how do this folder's tests play the client and the handler? (tests only)
 *
 * One loop, one server, handlers that echo what they were asked, and peers: the far ends of
 * connections, read and written byte by byte while the loop turns in between. */
#ifndef AX_HTTP_TEST_KIT_H
#define AX_HTTP_TEST_KIT_H

#include "base/test.h"
#include "http/server.h"

struct kit {
    struct ax_loop loop;
    struct ax_http_server *server;
    unsigned heads, requests, aborts;
    bool hold;                /* requests wait in `held` for the test to answer them */
    struct ax_exchange *held; /* the newest */
    bool drained;
};

struct kit_peer {
    struct kit *kit;
    int fd;
    struct ax_buf got; /* unread bytes */
    bool ended;        /* the server has closed its end */
};

struct kit_answer {
    int status; /* 0: the connection ended, or nothing came within 20 s */
    char head[40000];
    char body[70000];
    size_t head_len, body_len;
};

/* `options` may be NULL; handlers that it leaves open are the kit's. Paths that mean something:
 * /refuse answers 401 at the head; /tiny allows a body of 4 bytes; /buf moves its answer; /none 204;
 * /same 304; /bad sends a malformed header; /big answers 1 MiB. */
void kit_init(struct kit *kit, const struct ax_http_server_options *options);
void kit_done(struct kit *kit);

void kit_connect(struct kit *kit, struct kit_peer *peer); /* a socket pair */
/* A listening TCP socket on a free port of 127.0.0.1. */
int kit_listen(uint16_t *ret_port);
void kit_connect_tcp(struct kit *kit, struct kit_peer *peer, uint16_t port);
void kit_hang_up(struct kit_peer *peer);

/* Writes all of it, turning the loop whenever the socket is full. */
void kit_send(struct kit_peer *peer, struct ax_str bytes);
/* Reads the next answer with its body; `to_head` tells that the request was one. */
void kit_read(struct kit_peer *peer, struct kit_answer *answer);
void kit_read_head_answer(struct kit_peer *peer, struct kit_answer *answer);
/* True when the server ends the connection and nothing more came. */
bool kit_ends(struct kit_peer *peer);
bool kit_head_has(const struct kit_answer *answer, const char *text);

/* Turns the loop until `done(arg)`, at most 20 s; false: that was too long. */
bool kit_until(struct kit *kit, bool (*done)(void *arg), void *arg);
/* Turns the loop as long as it has something to do at once. */
void kit_settle(struct kit *kit);

/* "GET /x HTTP/1.1" and a Host. */
#define KIT_GET(target) "GET " target " HTTP/1.1\r\nHost: kit\r\n\r\n"

#endif

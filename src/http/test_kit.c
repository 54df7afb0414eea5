/* SPDX-License-Identifier: Apache-2.0 */
/* test_kit.c - how do this folder's tests play the client and the handler? */
#include "http/test_kit.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define KIT_PATIENCE_MS 20000

static bool kit_path_is(const struct ax_exchange *ex, const char *path)
{
    return ax_str_eq(ax_exchange_path(ex), ax_str_of(path));
}

static void kit_on_head(void *arg, struct ax_exchange *ex)
{
    struct kit *kit = arg;

    kit->heads++;
    T_TRUE(ax_exchange_user(ex) == NULL);
    ax_exchange_set_user(ex, kit);
    if (kit_path_is(ex, "/refuse"))
        ax_exchange_fail(ex, AX_E_UNAUTHENTICATED, NULL, 0);
    else if (kit_path_is(ex, "/tiny"))
        ax_exchange_body_max(ex, 4);
}

/* "METHOD target|name=value|...|body" */
static void kit_echo(struct ax_exchange *ex, struct ax_buf *out)
{
    ax_buf_append_str(out, ax_exchange_method_text(ex));
    ax_buf_append_byte(out, ' ');
    ax_buf_append_str(out, ax_exchange_target(ex));
    for (size_t i = 0; i < ax_exchange_header_count(ex); i++) {
        struct ax_http_header header = ax_exchange_header_at(ex, i);

        ax_buf_append_byte(out, '|');
        ax_buf_append_str(out, header.name);
        ax_buf_append_byte(out, '=');
        ax_buf_append_str(out, header.value);
    }
    ax_buf_append_byte(out, '|');
    ax_buf_append_str(out, ax_exchange_body(ex));
}

static void kit_answer_special(struct ax_exchange *ex, struct ax_str echo)
{
    struct ax_http_header bad = { AX_STR("x-split"), AX_STR("a\r\nset-cookie: b") };
    struct ax_http_header good = { AX_STR("x-kit"), AX_STR("yes") };
    struct ax_buf body = { .max = 4u << 20 };

    if (kit_path_is(ex, "/buf") || kit_path_is(ex, "/big")) {
        ax_buf_append_str(&body, echo);
        while (kit_path_is(ex, "/big") && body.len < 1u << 20)
            ax_buf_append_str(&body, AX_STR("0123456789abcdef"));
        T_OK(ax_exchange_answer_buf(ex, 200, &good, 1, &body));
        T_TRUE(body.ptr == NULL);
    } else if (kit_path_is(ex, "/none")) {
        T_OK(ax_exchange_answer(ex, 204, &good, 1, echo));
    } else if (kit_path_is(ex, "/same")) {
        T_OK(ax_exchange_answer(ex, 304, &good, 1, echo));
    } else if (kit_path_is(ex, "/bad")) {
        T_CODE(ax_exchange_answer(ex, 200, &bad, 1, echo), AX_E_INTERNAL);
    } else {
        T_OK(ax_exchange_answer(ex, 200, &good, 1, echo));
    }
}

static void kit_on_request(void *arg, struct ax_exchange *ex)
{
    struct kit *kit = arg;
    AX_AUTO_BUF struct ax_buf out = { .max = 4u << 20 };

    kit->requests++;
    if (kit->hold) {
        kit->held = ex;
        return;
    }
    kit_echo(ex, &out);
    kit_answer_special(ex, ax_buf_str(&out));
}

static void kit_on_abort(void *arg, struct ax_exchange *ex)
{
    struct kit *kit = arg;

    kit->aborts++;
    if (kit->held == ex)
        kit->held = NULL;
}

void kit_init(struct kit *kit, const struct ax_http_server_options *options)
{
    struct ax_http_server_options all = { 0 };

    memset(kit, 0, sizeof(*kit));
    ax_loop_init(&kit->loop);
    if (options)
        all = *options;
    all.arg = kit;
    if (!all.on_request)
        all.on_request = kit_on_request;
    if (!all.on_head)
        all.on_head = kit_on_head;
    all.on_abort = kit_on_abort;
    kit->server = ax_http_server_new(&kit->loop, &all);
}

void kit_done(struct kit *kit)
{
    ax_http_server_free(kit->server);
    ax_loop_done(&kit->loop);
}

static void kit_peer_init(struct kit *kit, struct kit_peer *peer, int fd)
{
    memset(peer, 0, sizeof(*peer));
    peer->kit = kit;
    peer->fd = fd;
    ax_buf_init(&peer->got, 64u << 20);
    T_TRUE(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
}

void kit_connect(struct kit *kit, struct kit_peer *peer)
{
    int pair[2];

    T_TRUE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    kit_peer_init(kit, peer, pair[0]);
    ax_http_server_adopt(kit->server, pair[1]);
}

int kit_listen(uint16_t *ret_port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    T_TRUE(fd >= 0);
    T_TRUE(bind(fd, (struct sockaddr *)&address, len) == 0 && listen(fd, 128) == 0);
    T_TRUE(getsockname(fd, (struct sockaddr *)&address, &len) == 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

void kit_connect_tcp(struct kit *kit, struct kit_peer *peer, uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    T_TRUE(fd >= 0);
    T_TRUE(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0); /* into the backlog */
    kit_peer_init(kit, peer, fd);
}

void kit_hang_up(struct kit_peer *peer)
{
    ax_fd_close(&peer->fd);
    ax_buf_done(&peer->got);
}

/* --- turning the loop --- */

static void kit_turn(struct kit *kit, int fd, short events, int wait_ms)
{
    struct pollfd polls[2] = { { .fd = uv_backend_fd(&kit->loop.uv), .events = POLLIN },
                               { .fd = fd, .events = events } };
    int timeout;

    uv_run(&kit->loop.uv, UV_RUN_NOWAIT);
    timeout = uv_backend_timeout(&kit->loop.uv);
    if (timeout < 0 || timeout > wait_ms)
        timeout = wait_ms;
    T_TRUE(poll(polls, fd >= 0 ? 2 : 1, timeout) >= 0 || errno == EINTR);
    uv_run(&kit->loop.uv, UV_RUN_NOWAIT);
}

bool kit_until(struct kit *kit, bool (*done)(void *arg), void *arg)
{
    uint64_t end = ax_clock_mono_ms() + KIT_PATIENCE_MS;

    while (!done(arg)) {
        if (ax_clock_mono_ms() > end)
            return false;
        kit_turn(kit, -1, 0, 100);
    }
    return true;
}

void kit_settle(struct kit *kit)
{
    struct pollfd poll_fd = { .fd = uv_backend_fd(&kit->loop.uv), .events = POLLIN };

    do
        uv_run(&kit->loop.uv, UV_RUN_NOWAIT);
    while (uv_backend_timeout(&kit->loop.uv) == 0 || poll(&poll_fd, 1, 0) > 0);
}

/* --- bytes --- */

static void kit_collect(struct kit_peer *peer)
{
    for (;;) {
        char *room;
        ssize_t got;

        T_OK(ax_buf_reserve(&peer->got, 65536, &room));
        got = recv(peer->fd, room, 65536, 0);
        if (got > 0) {
            ax_buf_advance(&peer->got, (size_t)got);
            continue;
        }
        if (got == 0 || (errno != EAGAIN && errno != EINTR))
            peer->ended = true;
        return;
    }
}

void kit_send(struct kit_peer *peer, struct ax_str bytes)
{
    uint64_t end = ax_clock_mono_ms() + KIT_PATIENCE_MS;

    while (bytes.len > 0) {
        ssize_t sent = send(peer->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);

        if (sent > 0) {
            bytes = ax_str_from(bytes, (size_t)sent);
            continue;
        }
        if (errno != EAGAIN)
            return; /* the server has closed: what it said is there to be read */
        T_TRUE(ax_clock_mono_ms() < end);
        kit_collect(peer);
        kit_turn(peer->kit, peer->fd, POLLOUT, 100);
    }
}

static size_t kit_head_len(const struct ax_buf *got)
{
    char *end = got->len ? memmem(got->ptr, got->len, "\r\n\r\n", 4) : NULL;

    return end ? (size_t)(end - got->ptr) + 4 : 0;
}

static size_t kit_content_length(const char *head)
{
    const char *line = strcasestr(head, "\r\ncontent-length: ");

    return line ? strtoul(line + 18, NULL, 10) : 0;
}

static void kit_read_any(struct kit_peer *peer, struct kit_answer *answer, bool body)
{
    uint64_t end = ax_clock_mono_ms() + KIT_PATIENCE_MS;
    size_t head_len, body_len;

    memset(answer, 0, offsetof(struct kit_answer, head) + 1);
    answer->head_len = answer->body_len = 0;
    for (;;) {
        kit_collect(peer);
        head_len = kit_head_len(&peer->got);
        if (head_len > 0) {
            T_TRUE(head_len < sizeof(answer->head));
            memcpy(answer->head, peer->got.ptr, head_len);
            answer->head[head_len] = '\0';
            body_len = body ? kit_content_length(answer->head) : 0;
            if (peer->got.len >= head_len + body_len)
                break;
        }
        if (peer->ended || ax_clock_mono_ms() > end)
            return;
        kit_turn(peer->kit, peer->fd, POLLIN, 100);
    }
    answer->head_len = head_len;
    answer->body_len = body_len;
    answer->status = atoi(answer->head + 9);
    body_len = body_len < sizeof(answer->body) ? body_len : sizeof(answer->body) - 1;
    memcpy(answer->body, peer->got.ptr + head_len, body_len);
    answer->body[body_len] = '\0';
    ax_buf_consume(&peer->got, head_len + answer->body_len);
}

void kit_read(struct kit_peer *peer, struct kit_answer *answer)
{
    kit_read_any(peer, answer, true);
}

void kit_read_head_answer(struct kit_peer *peer, struct kit_answer *answer)
{
    kit_read_any(peer, answer, false);
}

bool kit_ends(struct kit_peer *peer)
{
    uint64_t end = ax_clock_mono_ms() + KIT_PATIENCE_MS;

    for (;;) {
        kit_collect(peer);
        if (peer->got.len > 0 || ax_clock_mono_ms() > end)
            return false;
        if (peer->ended)
            return true;
        kit_turn(peer->kit, peer->fd, POLLIN, 100);
    }
}

bool kit_head_has(const struct kit_answer *answer, const char *text)
{
    return strstr(answer->head, text) != NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* server.c - who may connect, how many, and when does it end? */
#include "http/connection.h"

#include "base/alloc.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

/* Accepted in one turn of the loop before others get theirs. */
#define SERVER_ACCEPT_BURST 64
/* Reads of 4 KiB from a connection that is turned away. */
#define SERVER_UNREAD_READS 8
/* How long a listener rests when not even the reserve could be opened again. */
#define SERVER_REST_MS 100

static size_t server_or(size_t value, size_t fallback)
{
    return value ? value : fallback;
}

static uint64_t server_ms_or(uint64_t value, uint64_t fallback)
{
    return value ? value : fallback;
}

static void server_defaults(struct ax_http_server_options *options)
{
    options->header_bytes = server_or(options->header_bytes, 16u << 10);
    options->header_count = server_or(options->header_count, 64);
    options->target_bytes = server_or(options->target_bytes, 8u << 10);
    options->body_max = server_or(options->body_max, 10u << 20);
    options->arena_bytes = server_or(options->arena_bytes, 16u << 20);
    options->connections_max = server_or(options->connections_max, 1024);
    options->header_ms = server_ms_or(options->header_ms, 10000);
    options->body_ms = server_ms_or(options->body_ms, 60000);
    options->body_rate_ms = server_ms_or(options->body_rate_ms, 5000);
    options->idle_ms = server_ms_or(options->idle_ms, 15000);
    options->write_ms = server_ms_or(options->write_ms, 10000);
    options->linger_ms = server_ms_or(options->linger_ms, 2000);
}

static int server_open_reserve(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

struct ax_http_server *ax_http_server_new(struct ax_loop *loop,
                                          const struct ax_http_server_options *options)
{
    struct ax_http_server *server = ax_alloc(sizeof(*server));
    uint64_t random;

    server->loop = loop;
    server->options = *options;
    server_defaults(&server->options);
    server->limits = (struct ax_request_limits){ server->options.header_bytes,
                                                 server->options.header_count,
                                                 server->options.target_bytes };
    server->reserve_fd = server_open_reserve();
    if (server->reserve_fd < 0 || getrandom(&random, sizeof(random), 0) != sizeof(random))
        abort();
    snprintf(server->id_prefix, sizeof(server->id_prefix), "%016" PRIx64, random);
    return server;
}

struct ax_http_server_stats ax_http_server_stats(const struct ax_http_server *server)
{
    return server->stats;
}

struct ax_str ax_server_date(struct ax_http_server *server)
{
    uint64_t now = ax_loop_now_ms(server->loop);

    if (now >= server->date_until_ms) {
        int64_t wall_ms = ax_clock_wall_ms();

        ax_http_date(wall_ms / 1000, server->date);
        server->date_until_ms = now + 1000 - (uint64_t)(wall_ms % 1000);
    }
    return ax_str_make(server->date, AX_HTTP_DATE_LEN);
}

/* --- accepting --- */

#define SERVER_BUSY_BODY                                                                          \
    "{\"error\":{\"code\":\"overloaded\",\"message\":\"there is too much to do at this moment\"," \
    "\"request_id\":\"\"}}"

/* A connection that we cannot keep learns why, if it reads fast; never waits. */
static void server_turn_away(int fd)
{
    char answer[512], unread[4096];
    int len = snprintf(answer, sizeof(answer),
                       "HTTP/1.1 503 Service Unavailable\r\ncontent-length: %zu\r\n"
                       "connection: close\r\ncontent-type: application/json\r\n"
                       "cache-control: no-store\r\nretry-after: 1\r\n\r\n%s",
                       sizeof(SERVER_BUSY_BODY) - 1, SERVER_BUSY_BODY);

    if (send(fd, answer, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT) > 0) {
        shutdown(fd, SHUT_WR);
        /* A request that is here already would turn our close into a reset. */
        for (int i = 0; i < SERVER_UNREAD_READS &&
                        recv(fd, unread, sizeof(unread), MSG_DONTWAIT) == (ssize_t)sizeof(unread);
             i++)
            ;
    }
    close(fd);
}

static void server_read_address(const struct sockaddr_storage *from, struct ax_peer_address *peer)
{
    memset(peer, 0, sizeof(*peer));
    peer->family = from->ss_family;
    if (from->ss_family == AF_INET)
        memcpy(&peer->ip, &((const struct sockaddr_in *)from)->sin_addr, 4);
    else if (from->ss_family == AF_INET6)
        peer->ip = ((const struct sockaddr_in6 *)from)->sin6_addr;
    else
        peer->family = AF_UNIX;
    if (peer->family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&peer->ip)) {
        struct in6_addr mapped = peer->ip;

        memset(&peer->ip, 0, sizeof(peer->ip));
        memcpy(&peer->ip, mapped.s6_addr + 12, 4);
        peer->family = AF_INET;
    }
}

static bool server_is_full(const struct ax_http_server *server, const struct ax_peer_address *peer)
{
    size_t same = 0;

    if (server->stats.connections >= server->options.connections_max)
        return true;
    if (server->options.connections_per_peer == 0 || peer->family == AF_UNIX)
        return false;
    for (const struct ax_exchange *ex = server->connections; ex; ex = ex->next)
        same += ex->peer.family == peer->family && IN6_ARE_ADDR_EQUAL(&ex->peer.ip, &peer->ip);
    return same >= server->options.connections_per_peer;
}

static void server_admit(struct ax_http_server *server, int fd, const struct sockaddr_storage *from)
{
    struct ax_peer_address peer;

    server_read_address(from, &peer);
    if (server->draining || server_is_full(server, &peer)) {
        server->stats.refused++;
        server_turn_away(fd);
        return;
    }
    ax_conn_start(server, fd, &peer);
}

void ax_http_server_adopt(struct ax_http_server *server, int fd)
{
    struct sockaddr_storage from = { .ss_family = AF_UNSPEC };
    socklen_t len = sizeof(from);

    if (getpeername(fd, (struct sockaddr *)&from, &len) != 0)
        from.ss_family = AF_UNIX;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    server_admit(server, fd, &from);
}

static void listener_on_poll(uv_poll_t *poll, int status, int events);

static void listener_on_retry(struct ax_timer *timer)
{
    struct ax_listener *listener = AX_CONTAINER_OF(timer, struct ax_listener, retry);

    uv_poll_start(&listener->poll, UV_READABLE, listener_on_poll);
}

/* No descriptor is left for the first in the queue, which would keep us spinning: the reserve lets
 * it in for as long as it takes to refuse it. */
static bool listener_starve(struct ax_listener *listener)
{
    struct ax_http_server *server = listener->server;
    int fd;

    if (server->reserve_fd < 0)
        server->reserve_fd = server_open_reserve();
    if (server->reserve_fd < 0) {
        uv_poll_stop(&listener->poll);
        ax_timer_start(server->loop, &listener->retry,
                       ax_loop_now_ms(server->loop) + SERVER_REST_MS, listener_on_retry);
        return false;
    }
    ax_fd_close(&server->reserve_fd);
    fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
        server->stats.starved++;
        server_turn_away(fd);
    }
    server->reserve_fd = server_open_reserve();
    return fd >= 0;
}

/* One connection off the queue. False: no more for now. */
static bool listener_accept(struct ax_listener *listener)
{
    struct sockaddr_storage from = { .ss_family = AF_UNSPEC };
    socklen_t len = sizeof(from);
    int fd = accept4(listener->fd, (struct sockaddr *)&from, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd >= 0) {
        server_admit(listener->server, fd, &from);
        return true;
    }
    switch (errno) {
    case EMFILE:
    case ENFILE: return listener_starve(listener);
    case EINTR:
    case ECONNABORTED: return true;
    default: return false;
    }
}

static void listener_on_poll(uv_poll_t *poll, int status, int events)
{
    struct ax_listener *listener = AX_CONTAINER_OF(poll, struct ax_listener, poll);

    (void)status;
    (void)events;
    for (int i = 0; i < SERVER_ACCEPT_BURST && listener->fd >= 0 && listener_accept(listener); i++)
        ;
}

static bool server_is_listening(int fd)
{
    int type = 0, listening = 0;
    socklen_t len = sizeof(int);

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM &&
           getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening;
}

enum ax_code ax_http_server_listen(struct ax_http_server *server, int fd)
{
    struct ax_listener *listener = ax_alloc(sizeof(*listener));

    listener->server = server;
    listener->fd = fd;
    if (server->draining || !server_is_listening(fd) || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
        uv_poll_init(&server->loop->uv, &listener->poll, fd) != 0) {
        ax_fd_close(&listener->fd);
        free(listener);
        return AX_E_IO;
    }
    server->handles++;
    listener->next = server->listeners;
    server->listeners = listener;
    uv_poll_start(&listener->poll, UV_READABLE, listener_on_poll);
    return AX_OK;
}

/* --- the end --- */

void ax_server_release(struct ax_http_server *server)
{
    server->handles--;
    if (server->freed && server->handles == 0)
        free(server);
}

static void listener_on_closed(uv_handle_t *handle)
{
    struct ax_listener *listener = AX_CONTAINER_OF((uv_poll_t *)handle, struct ax_listener, poll);
    struct ax_http_server *server = listener->server;

    free(listener);
    ax_server_release(server);
}

static void server_close_listeners(struct ax_http_server *server)
{
    struct ax_listener *listener = server->listeners;

    server->listeners = NULL;
    while (listener) {
        struct ax_listener *next = listener->next;

        ax_timer_stop(&listener->retry);
        uv_close((uv_handle_t *)&listener->poll, listener_on_closed);
        ax_fd_close(&listener->fd);
        listener = next;
    }
}

static void server_on_drained(struct ax_task *task)
{
    struct ax_http_server *server = AX_CONTAINER_OF(task, struct ax_http_server, drained);

    server->on_drained(server->drained_arg);
}

void ax_server_connection_ended(struct ax_http_server *server)
{
    if (server->draining && !server->freed && server->stats.connections == 0 && server->on_drained)
        ax_task_post(server->loop, &server->drained, server_on_drained);
}

void ax_http_server_drain(struct ax_http_server *server, void (*on_drained)(void *arg), void *arg)
{
    struct ax_exchange *ex = server->connections;

    server->draining = true;
    server->on_drained = on_drained;
    server->drained_arg = arg;
    server_close_listeners(server);
    while (ex) {
        struct ax_exchange *next = ex->next;

        ax_conn_close_idle(ex);
        ex = next;
    }
    ax_server_connection_ended(server);
}

void ax_http_server_free(struct ax_http_server *server)
{
    if (!server)
        return;
    server->freed = true;
    ax_task_withdraw(&server->drained);
    server_close_listeners(server);
    while (server->connections)
        ax_conn_close(server->connections);
    ax_fd_close(&server->reserve_fd);
    if (server->handles == 0)
        free(server);
}

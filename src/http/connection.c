/* SPDX-License-Identifier: Apache-2.0 */
/* connection.c - how does one connection move from request to request?
 *
 * One poll handle and one timer a connection, no handle a request. A deadline that moves later only
 * changes a number: the timer rings early, looks, and goes on. */
#include "http/connection.h"

#include "base/alloc.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room behind the largest head: a small body arrives with it, chunks pass through it. */
#define CONN_IN_SPARE 4096
/* Bytes that a body's buffer grows by at least, once it does not fit behind the head. */
#define CONN_BODY_STEP (64u << 10)
/* A body is looked at this often once it is late. */
#define CONN_RATE_CHECK_MS    1000
#define CONN_RATE_BYTES_PER_S 1024
/* What a client may still send after the last answer before it is cut off. */
#define CONN_LINGER_BYTES (32u << 20)
/* An answer's buffer larger than this is not kept for the next one. */
#define CONN_OUT_KEPT (64u << 10)

static void conn_run(struct ax_exchange *ex);
static void conn_flush(struct ax_exchange *ex);

/* --- time --- */

static uint64_t conn_now(const struct ax_exchange *ex)
{
    return ax_loop_now_ms(ex->server->loop);
}

static void conn_on_time(struct ax_timer *timer);

static void conn_deadline(struct ax_exchange *ex, uint64_t at_ms)
{
    ex->deadline_ms = at_ms;
    if (at_ms > 0 && (!ax_timer_is_running(&ex->timer) || ex->timer.at_ms > at_ms))
        ax_timer_start(ex->server->loop, &ex->timer, at_ms, conn_on_time);
}

/* --- polling --- */

static void conn_on_poll(uv_poll_t *poll, int status, int events);

static void conn_poll(struct ax_exchange *ex, int events)
{
    if (ex->interest == events)
        return;
    ex->interest = events;
    if (events)
        uv_poll_start(&ex->poll, events, conn_on_poll);
    else
        uv_poll_stop(&ex->poll);
}

/* --- the end --- */

static void conn_on_closed(uv_handle_t *handle)
{
    struct ax_exchange *ex = AX_CONTAINER_OF((uv_poll_t *)handle, struct ax_exchange, poll);
    struct ax_http_server *server = ex->server;

    ax_request_done(&ex->request);
    ax_arena_done(&ex->arena);
    ax_buf_done(&ex->body);
    ax_buf_done(&ex->out);
    ax_buf_done(&ex->out_body);
    free(ex->in);
    free(ex);
    ax_server_release(server);
}

/* The handler's part of the exchange is over without an answer of its. */
static void conn_abort(struct ax_exchange *ex)
{
    struct ax_http_server *server = ex->server;

    if (!ex->live)
        return;
    ex->live = false;
    server->stats.exchanges--;
    server->stats.aborted++;
    if (server->options.on_abort)
        server->options.on_abort(server->options.arg, ex);
}

void ax_conn_close(struct ax_exchange *ex)
{
    struct ax_http_server *server = ex->server;

    if (ex->fd < 0)
        return;
    uv_close((uv_handle_t *)&ex->poll, conn_on_closed);
    close(ex->fd);
    ex->fd = -1;
    ax_timer_stop(&ex->timer);
    ax_task_withdraw(&ex->again);
    *ex->link = ex->next;
    if (ex->next)
        ex->next->link = ex->link;
    server->stats.connections--;
    conn_abort(ex);
    ax_server_connection_ended(server);
}

void ax_conn_close_idle(struct ax_exchange *ex)
{
    if (ex->state == AX_CONN_HEAD && ex->in_len == 0)
        ax_conn_close(ex);
}

/* The last answer is out. A client that still sends would reset the connection and perhaps never
 * read it, so unless it ends the connection itself we half-close and drain for a while. */
static void conn_end(struct ax_exchange *ex)
{
    if (ex->body_complete && ex->request.says_close && ex->in_len == ex->request_len) {
        ax_conn_close(ex);
        return;
    }
    shutdown(ex->fd, SHUT_WR);
    ex->state = AX_CONN_LINGER;
    conn_deadline(ex, conn_now(ex) + ex->server->options.linger_ms);
    conn_poll(ex, UV_READABLE);
}

/* --- answers --- */

static void conn_on_again(struct ax_task *task)
{
    conn_run(AX_CONTAINER_OF(task, struct ax_exchange, again));
}

static void conn_sent(struct ax_exchange *ex)
{
    size_t left = ex->in_len - ex->request_len;

    ex->out_sent = 0;
    ax_buf_clear(&ex->out);
    if (ex->out.cap > CONN_OUT_KEPT)
        ax_buf_done(&ex->out);
    ax_buf_done(&ex->out_body);
    if (ex->closing || !ex->body_complete || (ex->server->draining && left == 0)) {
        conn_end(ex);
        return;
    }
    if (left > 0)
        memmove(ex->in, ex->in + ex->request_len, left);
    ex->in_len = left;
    ex->head_came = false;
    ax_arena_reset(&ex->arena);
    ax_buf_done(&ex->body);
    ax_request_begin(&ex->request);
    ex->state = AX_CONN_HEAD;
    conn_deadline(ex, conn_now(ex) + ex->server->options.idle_ms);
    conn_poll(ex, UV_READABLE);
    if (left > 0 && !ex->running)
        ax_task_post(ex->server->loop, &ex->again, conn_on_again);
}

static void conn_flush(struct ax_exchange *ex)
{
    struct iovec pieces[2];
    struct msghdr message = { .msg_iov = pieces };
    size_t head = ex->out.len > ex->out_sent ? ex->out.len - ex->out_sent : 0;
    size_t body_sent = ex->out_sent > ex->out.len ? ex->out_sent - ex->out.len : 0;
    size_t all = ex->out.len + ex->out_body.len;
    ssize_t sent;

    if (head > 0)
        pieces[message.msg_iovlen++] = (struct iovec){ ex->out.ptr + ex->out_sent, head };
    if (ex->out_body.len > body_sent)
        pieces[message.msg_iovlen++] = (struct iovec){ ex->out_body.ptr + body_sent,
                                                       ex->out_body.len - body_sent };
    do
        sent = sendmsg(ex->fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
        ax_conn_close(ex);
        return;
    }
    if (sent > 0)
        ex->out_sent += (size_t)sent;
    if (ex->out_sent == all) {
        conn_sent(ex);
        return;
    }
    if (sent > 0 || ex->interest != UV_WRITABLE)
        conn_deadline(ex, conn_now(ex) + ex->server->options.write_ms);
    conn_poll(ex, UV_WRITABLE);
}

void ax_conn_send(struct ax_exchange *ex)
{
    ex->state = AX_CONN_WRITE;
    ex->deadline_ms = 0;
    if (ex->fd < 0)
        return; /* already closed under a handler's callback; nothing to send to */
    conn_flush(ex);
}

/* We answer in the handler's place, for the last time on this connection. */
static void conn_refuse(struct ax_exchange *ex, enum ax_code code, const char *words)
{
    struct ax_err err;

    ex->server->stats.malformed += code != AX_E_REQUEST_TIMEOUT;
    conn_abort(ex);
    ex->closing = true;
    ex->body_complete = false; /* nobody knows where the next request would begin */
    ax_err_set(&err, code, "%s", words);
    ex->live = true; /* ours now */
    ex->server->stats.exchanges++;
    ax_exchange_fail(ex, code, &err, 0);
}

/* --- requests --- */

static void conn_body_done(struct ax_exchange *ex)
{
    struct ax_http_server *server = ex->server;

    ex->body_complete = true;
    ex->state = AX_CONN_WAIT;
    ex->deadline_ms = 0;
    server->options.on_request(server->options.arg, ex);
}

/* Plain bytes have come behind the head. True when the body is complete. */
static bool conn_body_length(struct ax_exchange *ex)
{
    uint64_t length = ex->request.content_length;

    if (!ex->body_in_place)
        return ex->body.len == length;
    if (ex->in_len - ex->request.head_len < length)
        return false;
    ex->request_len = ex->request.head_len + (size_t)length;
    return true;
}

/* Chunked bytes stand behind the head. True when the body is complete. */
static bool conn_body_chunks(struct ax_exchange *ex)
{
    size_t at = ex->request.head_len;
    size_t used = 0;
    enum ax_request_event event;

    if (ex->in_len == at)
        return false;
    event = ax_request_feed_chunks(&ex->request, &ex->body, ex->in + at, ex->in_len - at, &used);
    if (event == AX_REQUEST_BAD) {
        conn_refuse(ex, ex->request.code, ex->request.words);
        return false;
    }
    if (event == AX_REQUEST_DONE) {
        ex->request_len = at + used;
        return true;
    }
    ex->in_len = at;
    return false;
}

static uint64_t conn_body_received(const struct ax_exchange *ex)
{
    if (ex->request.body == AX_BODY_CHUNKED)
        return ex->request.chunk_fed;
    return ex->body_in_place ? ex->in_len - ex->request.head_len : ex->body.len;
}

/* The next moment at which this body must be looked at. */
static void conn_body_deadline(struct ax_exchange *ex)
{
    const struct ax_http_server_options *options = &ex->server->options;
    uint64_t end = ex->body_from_ms + options->body_ms;
    uint64_t rate = ex->body_from_ms + options->body_rate_ms;

    if (rate <= conn_now(ex))
        rate = conn_now(ex) + CONN_RATE_CHECK_MS;
    conn_deadline(ex, rate < end ? rate : end);
}

static void conn_step_body(struct ax_exchange *ex)
{
    bool done = ex->request.body == AX_BODY_CHUNKED ? conn_body_chunks(ex) : conn_body_length(ex);

    if (ex->state != AX_CONN_BODY)
        return; /* refused */
    if (done)
        conn_body_done(ex);
}

/* Decides where the body goes; nothing is allocated that has not come. */
static enum ax_code conn_place_body(struct ax_exchange *ex)
{
    struct ax_request *request = &ex->request;
    size_t rest = ex->in_len - request->head_len;
    uint64_t length = request->content_length;
    enum ax_code code;

    ex->body_in_place = false;
    if (request->body == AX_BODY_CHUNKED) {
        ax_buf_init(&ex->body, ex->body_max);
        return AX_OK;
    }
    if (length <= ex->in_cap - request->head_len) {
        ex->body_in_place = true;
        return AX_OK;
    }
    ax_buf_init(&ex->body, (size_t)length);
    code = ax_buf_append(&ex->body, ex->in + request->head_len, rest);
    ex->in_len = request->head_len;
    return code;
}

static void conn_say_continue(struct ax_exchange *ex)
{
    static const struct ax_str words = AX_STR_INIT("HTTP/1.1 100 Continue\r\n\r\n");

    /* The socket is empty or a pipelining client does not read: then it waits for nothing. */
    if (send(ex->fd, words.ptr, words.len, MSG_NOSIGNAL) != (ssize_t)words.len)
        ax_conn_close(ex);
}

static void conn_begin_body(struct ax_exchange *ex)
{
    struct ax_request *request = &ex->request;

    if (request->body == AX_BODY_NONE) {
        ex->body_in_place = true;
        conn_body_done(ex);
        return;
    }
    if (request->content_length > ex->body_max) {
        conn_refuse(ex, AX_E_PAYLOAD_TOO_LARGE, "the body is too large");
        return;
    }
    if (conn_place_body(ex) != AX_OK) {
        conn_refuse(ex, AX_E_OVERLOADED, "there is no memory for the body");
        return;
    }
    ex->state = AX_CONN_BODY;
    ex->body_from_ms = conn_now(ex);
    if (request->expects_continue && conn_body_received(ex) == 0 && ex->in_len == request->head_len)
        conn_say_continue(ex);
    if (ex->fd < 0)
        return;
    conn_step_body(ex);
    if (ex->state == AX_CONN_BODY)
        conn_body_deadline(ex);
}

static void conn_head_done(struct ax_exchange *ex)
{
    struct ax_http_server *server = ex->server;

    server->stats.requests++;
    server->stats.exchanges++;
    ex->live = true;
    ex->user = NULL;
    ex->request_id[0] = '\0';
    ex->request_len = ex->request.head_len;
    ex->body_complete = ex->request.body != AX_BODY_CHUNKED &&
                        ex->request.content_length <= ex->in_len - ex->request.head_len;
    if (ex->body_complete) /* an answer to the head alone need not end the connection */
        ex->request_len += (size_t)ex->request.content_length;
    ex->body_max = server->options.body_max;
    ex->closing = !ex->request.keep_alive || server->draining;
    ex->deadline_ms = 0;
    if (server->options.on_head)
        server->options.on_head(server->options.arg, ex);
    if (ex->live)
        conn_begin_body(ex);
}

static void conn_step_head(struct ax_exchange *ex)
{
    enum ax_request_event event = ax_request_feed_head(&ex->request, ex->in, ex->in_len);

    if (event == AX_REQUEST_HEAD) {
        conn_head_done(ex);
        return;
    }
    if (event == AX_REQUEST_BAD) {
        ex->request_id[0] = '\0';
        ex->request_len = ex->in_len;
        conn_refuse(ex, ex->request.code, ex->request.words);
        return;
    }
    if (!ex->head_came && ex->in_len > 0) {
        ex->head_came = true;
        conn_deadline(ex, conn_now(ex) + ex->server->options.header_ms);
    }
}

/* Works on what has been read until more is needed or it is somebody else's turn. */
static void conn_run(struct ax_exchange *ex)
{
    size_t before;

    ex->running = true;
    do {
        before = ex->in_len;
        if (ex->state == AX_CONN_HEAD)
            conn_step_head(ex);
        else if (ex->state == AX_CONN_BODY)
            conn_step_body(ex);
    } while (ex->fd >= 0 && ex->state == AX_CONN_HEAD && ex->in_len > 0 && ex->in_len != before);
    ex->running = false;
}

/* --- reading --- */

/* One recv. False: nothing came, or the connection has ended. */
static bool conn_receive(struct ax_exchange *ex, char *room, size_t len, size_t *ret_len)
{
    ssize_t got;

    do
        got = recv(ex->fd, room, len, 0);
    while (got < 0 && errno == EINTR);
    if (got > 0) {
        *ret_len = (size_t)got;
        return true;
    }
    if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
        ax_conn_close(ex);
    return false;
}

static void conn_read_into_body(struct ax_exchange *ex)
{
    size_t left = (size_t)ex->request.content_length - ex->body.len;
    size_t step = ex->body.len > CONN_BODY_STEP ? ex->body.len : CONN_BODY_STEP;
    char *room;
    size_t got;

    if (ax_buf_reserve(&ex->body, left < step ? left : step, &room) != AX_OK) {
        conn_refuse(ex, AX_E_OVERLOADED, "there is no memory for the body");
        return;
    }
    if (!conn_receive(ex, room, left < step ? left : step, &got))
        return;
    ax_buf_advance(&ex->body, got);
    conn_run(ex);
}

static void conn_drain(struct ax_exchange *ex)
{
    size_t got;

    if (!conn_receive(ex, ex->in, ex->in_cap, &got))
        return;
    ex->lingered += got;
    if (ex->lingered > CONN_LINGER_BYTES)
        ax_conn_close(ex);
}

static void conn_read(struct ax_exchange *ex)
{
    size_t got;

    if (ex->state == AX_CONN_LINGER) {
        conn_drain(ex);
        return;
    }
    if (ex->state == AX_CONN_BODY && ex->request.body == AX_BODY_LENGTH && !ex->body_in_place) {
        conn_read_into_body(ex);
        return;
    }
    if (ex->in_len == ex->in_cap) {
        conn_poll(ex, 0); /* pipelined too far ahead: the next request reads on */
        return;
    }
    if (!conn_receive(ex, ex->in + ex->in_len, ex->in_cap - ex->in_len, &got))
        return;
    ex->in_len += got;
    if (ex->state != AX_CONN_WAIT)
        conn_run(ex);
}

static void conn_on_poll(uv_poll_t *poll, int status, int events)
{
    struct ax_exchange *ex = AX_CONTAINER_OF(poll, struct ax_exchange, poll);

    if (status < 0) {
        ax_conn_close(ex);
        return;
    }
    if (ex->state == AX_CONN_WRITE)
        conn_flush(ex);
    else if (events & (UV_READABLE | UV_DISCONNECT))
        conn_read(ex);
}

/* --- deadlines --- */

static void conn_body_late(struct ax_exchange *ex)
{
    uint64_t elapsed = conn_now(ex) - ex->body_from_ms;

    if (elapsed < ex->server->options.body_ms &&
        conn_body_received(ex) * 1000 >= elapsed * CONN_RATE_BYTES_PER_S) {
        conn_body_deadline(ex);
        return;
    }
    ex->server->stats.timeouts++;
    conn_refuse(ex, AX_E_REQUEST_TIMEOUT, "the body did not arrive in time");
}

static void conn_on_time(struct ax_timer *timer)
{
    struct ax_exchange *ex = AX_CONTAINER_OF(timer, struct ax_exchange, timer);

    if (ex->deadline_ms == 0)
        return;
    if (ex->deadline_ms > conn_now(ex)) {
        ax_timer_start(ex->server->loop, timer, ex->deadline_ms, conn_on_time);
        return;
    }
    ex->deadline_ms = 0;
    switch (ex->state) {
    case AX_CONN_HEAD:
        if (!ex->head_came) {
            ax_conn_close(ex);
            return;
        }
        ex->server->stats.timeouts++;
        ex->request_id[0] = '\0';
        ex->request_len = ex->in_len;
        conn_refuse(ex, AX_E_REQUEST_TIMEOUT, "the request did not arrive in time");
        return;
    case AX_CONN_BODY: conn_body_late(ex); return;
    case AX_CONN_WRITE:
        ex->server->stats.timeouts++;
        ax_conn_close(ex);
        return;
    case AX_CONN_LINGER: ax_conn_close(ex); return;
    case AX_CONN_WAIT: return;
    }
}

/* --- the beginning --- */

static void conn_name_peer(struct ax_exchange *ex)
{
    if (ex->peer.family == AF_UNIX)
        memcpy(ex->peer_text, "unix", sizeof("unix"));
    else
        inet_ntop(ex->peer.family, &ex->peer.ip, ex->peer_text, sizeof(ex->peer_text));
}

void ax_conn_start(struct ax_http_server *server, int fd, const struct ax_peer_address *peer)
{
    struct ax_exchange *ex = ax_alloc(sizeof(*ex));
    int on = 1;

    ex->in_cap = ax_request_head_max(&server->limits) + CONN_IN_SPARE;
    ex->in = ax_try_alloc(ex->in_cap);
    if (!ex->in || uv_poll_init(&server->loop->uv, &ex->poll, fd) != 0) {
        server->stats.starved++;
        close(fd);
        free(ex->in);
        free(ex);
        return;
    }
    ex->server = server;
    ex->fd = fd;
    ex->peer = *peer;
    conn_name_peer(ex);
    if (peer->family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    ax_request_init(&ex->request, &server->limits);
    ax_arena_init(&ex->arena, server->options.arena_bytes);
    ax_buf_init(&ex->out, SIZE_MAX / 4);
    ex->next = server->connections;
    ex->link = &server->connections;
    if (ex->next)
        ex->next->link = &ex->next;
    server->connections = ex;
    server->handles++;
    server->stats.accepted++;
    server->stats.connections++;
    conn_deadline(ex, conn_now(ex) + server->options.idle_ms);
    conn_poll(ex, UV_READABLE);
}

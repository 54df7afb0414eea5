/* SPDX-License-Identifier: Apache-2.0 */
/* test_upstream.c - which server does a test's fetch reach, and what does it do to it? */
#include "host/test_upstream.h"

#include "base/alloc.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define REQUEST_MAX (16u << 20)

struct peer_write {
    uv_write_t write;
    char bytes[];
};

static void peer_on_closed(uv_handle_t *handle)
{
    struct test_peer *peer = handle->data;

    ax_buf_done(&peer->request);
    free(peer);
}

void test_peer_close(struct test_peer *peer)
{
    struct test_peer **link = &peer->upstream->peers;

    if (uv_is_closing((uv_handle_t *)&peer->tcp))
        return;
    while (*link != peer)
        link = &(*link)->next;
    *link = peer->next;
    peer->upstream->open--;
    ax_timer_stop(&peer->timer);
    uv_close((uv_handle_t *)&peer->tcp, peer_on_closed);
}

static void peer_on_written(uv_write_t *write, int status)
{
    (void)status;
    free(AX_CONTAINER_OF(write, struct peer_write, write));
}

void test_peer_write(struct test_peer *peer, struct ax_str bytes)
{
    struct peer_write *out;
    uv_buf_t buf;

    if (uv_is_closing((uv_handle_t *)&peer->tcp) || bytes.len == 0)
        return;
    out = ax_alloc(sizeof(*out) + bytes.len);
    memcpy(out->bytes, bytes.ptr, bytes.len);
    buf = uv_buf_init(out->bytes, (unsigned)bytes.len);
    if (uv_write(&out->write, (uv_stream_t *)&peer->tcp, &buf, 1, peer_on_written) != 0)
        free(out);
}

void test_peer_answer(struct test_peer *peer, const char *head, struct ax_str body)
{
    AX_AUTO_BUF struct ax_buf text = { .max = 1u << 16 };

    ax_buf_printf(&text, "%scontent-length: %zu\r\n\r\n", head, body.len);
    test_peer_write(peer, ax_buf_str(&text));
    test_peer_write(peer, body);
}

static void peer_on_time(struct ax_timer *timer)
{
    struct test_peer *peer = AX_CONTAINER_OF(timer, struct test_peer, timer);

    peer->again(peer);
}

void test_peer_later(struct test_peer *peer, uint64_t ms, test_peer_fn *again)
{
    if (uv_is_closing((uv_handle_t *)&peer->tcp))
        return;
    peer->again = again;
    ax_timer_start(peer->upstream->loop, &peer->timer, ax_loop_now_ms(peer->upstream->loop) + ms,
                   peer_on_time);
}

struct ax_str test_peer_request_line(const struct test_peer *peer)
{
    struct ax_str all = ax_buf_str(&peer->request);

    return ax_str_sub(all, 0, ax_str_find(all, '\r'));
}

struct ax_str test_peer_body(const struct test_peer *peer)
{
    return ax_str_from(ax_buf_str(&peer->request), peer->head_len);
}

bool test_peer_has_line(const struct test_peer *peer, const char *line)
{
    struct ax_str rest = ax_str_sub(ax_buf_str(&peer->request), 0, peer->head_len);

    while (rest.ptr != NULL) {
        struct ax_str one = ax_str_cut(&rest, '\n');

        if (one.len > 0 && ax_str_eq_nocase(ax_str_sub(one, 0, one.len - 1), ax_str_of(line)))
            return true;
    }
    return false;
}

/* Head and announced body are here. */
static bool peer_is_whole(struct test_peer *peer)
{
    const char *end = memmem(peer->request.ptr, peer->request.len, "\r\n\r\n", 4);
    const char *length;
    size_t body = 0;

    if (end == NULL)
        return false;
    peer->head_len = (size_t)(end - peer->request.ptr) + 4;
    length = strcasestr(peer->request.ptr, "\r\ncontent-length: ");
    if (length != NULL && length < end)
        body = strtoul(length + 18, NULL, 10);
    return peer->request.len >= peer->head_len + body;
}

static void peer_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct test_peer *peer = handle->data;
    char *room;

    if (ax_buf_reserve(&peer->request, suggested + 1, &room) != AX_OK)
        abort(); /* no test sends so much */
    *buf = uv_buf_init(room, (unsigned)suggested);
}

static void peer_on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct test_peer *peer = stream->data;

    if (got < 0) {
        test_peer_close(peer);
        return;
    }
    ax_buf_advance(&peer->request, (size_t)got);
    buf->base[got] = '\0';
    if (!peer->served && peer_is_whole(peer)) {
        peer->served = true;
        peer->upstream->requests++;
        peer->upstream->serve(peer);
    }
}

static void upstream_on_connection(uv_stream_t *listener, int status)
{
    struct test_upstream *upstream = listener->data;
    struct test_peer *peer = ax_alloc(sizeof(*peer));

    (void)status;
    ax_buf_init(&peer->request, REQUEST_MAX);
    peer->upstream = upstream;
    peer->next = upstream->peers;
    upstream->peers = peer;
    upstream->connections++;
    if (++upstream->open > upstream->open_most)
        upstream->open_most = upstream->open;
    uv_tcp_init(&upstream->loop->uv, &peer->tcp);
    peer->tcp.data = peer;
    if (uv_accept(listener, (uv_stream_t *)&peer->tcp) != 0 ||
        uv_read_start((uv_stream_t *)&peer->tcp, peer_on_alloc, peer_on_read) != 0)
        abort();
    if (upstream->greet != NULL)
        upstream->greet(peer);
}

void test_upstream_start(struct test_upstream *upstream, struct ax_loop *loop, test_peer_fn *serve)
{
    struct sockaddr_in address;
    int len = sizeof(address);

    *upstream = (struct test_upstream){ .loop = loop, .serve = serve };
    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_tcp_init(&loop->uv, &upstream->listener);
    upstream->listener.data = upstream;
    if (uv_tcp_bind(&upstream->listener, (const struct sockaddr *)&address, 0) != 0 ||
        uv_tcp_getsockname(&upstream->listener, (struct sockaddr *)&address, &len) != 0 ||
        uv_listen((uv_stream_t *)&upstream->listener, 4096, upstream_on_connection) != 0)
        abort();
    upstream->port = ntohs(address.sin_port);
}

void test_upstream_stop(struct test_upstream *upstream)
{
    while (upstream->peers != NULL)
        test_peer_close(upstream->peers);
    uv_close((uv_handle_t *)&upstream->listener, NULL);
}

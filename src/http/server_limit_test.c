/* SPDX-License-Identifier: Apache-2.0 */
/* server_limit_test.c - what happens to what is too large, too slow, or too much? */
#include "http/test_kit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct kit_answer answer; /* large, and one test a process */

static void send_text(struct kit_peer *peer, const char *text)
{
    kit_send(peer, ax_str_of(text));
}

static void expect(struct kit_peer *peer, int status, const char *body)
{
    kit_read(peer, &answer);
    T_EQ(answer.status, status);
    if (body)
        T_STR(ax_str_make(answer.body, answer.body_len), ax_str_of(body));
}

static void expect_refusal(struct kit_peer *peer, int status, const char *code)
{
    char member[64];

    expect(peer, status, NULL);
    snprintf(member, sizeof(member), "{\"error\":{\"code\":\"%s\",", code);
    T_TRUE(strncmp(answer.body, member, strlen(member)) == 0);
    T_TRUE(kit_head_has(&answer, "\r\nconnection: close\r\n"));
    T_TRUE(kit_head_has(&answer, "\r\ncache-control: no-store\r\n"));
    T_TRUE(kit_ends(peer));
}

/* Appends `n` times `byte`. */
static void append_many(struct ax_buf *buf, char byte, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ax_buf_append_byte(buf, byte);
}

static void send_sized(struct kit_peer *peer, size_t target, size_t header_bytes, size_t count)
{
    AX_AUTO_BUF struct ax_buf text = { .max = 1u << 20 };
    size_t from;

    ax_buf_append_str(&text, AX_STR("GET /"));
    append_many(&text, 'a', target - 1);
    ax_buf_append_str(&text, AX_STR(" HTTP/1.1\r\n"));
    from = text.len;
    ax_buf_append_str(&text, AX_STR("Host: kit\r\n"));
    for (size_t i = 1; i < count; i++)
        ax_buf_append_str(&text, AX_STR("a:\r\n"));
    if (header_bytes > 0) {
        ax_buf_append_str(&text, AX_STR("b:"));
        append_many(&text, 'b', header_bytes - (text.len - from) - 2);
        ax_buf_append_str(&text, AX_STR("\r\n"));
    }
    ax_buf_append_str(&text, AX_STR("\r\n"));
    kit_send(peer, ax_buf_str(&text));
}

static void check_size(const struct ax_http_server_options *options, size_t target,
                       size_t header_bytes, size_t count, bool fits)
{
    struct kit kit;
    struct kit_peer peer;

    kit_init(&kit, options);
    kit_connect(&kit, &peer);
    send_sized(&peer, target, header_bytes, count);
    if (fits)
        expect(&peer, 200, NULL);
    else
        expect_refusal(&peer, 413, "payload_too_large");
    T_EQ(kit.heads, fits ? 1 : 0);
    kit_hang_up(&peer);
    kit_done(&kit);
}

TEST(target_header_bytes_and_header_count_are_limited)
{
    static const struct ax_http_server_options small = { .target_bytes = 100,
                                                         .header_bytes = 200,
                                                         .header_count = 5 };

    for (size_t i = 0; i < 3; i++) {
        check_size(NULL, (8u << 10) - 1 + i, 0, 1, i < 2);
        check_size(NULL, 10, (16u << 10) - 1 + i, 1, i < 2);
        check_size(NULL, 10, 0, 63 + i, i < 2);
        check_size(NULL, 8u << 10, (16u << 10) - 1 + i, 63, i < 2); /* all at once */
        check_size(&small, 99 + i, 0, 1, i < 2);
        check_size(&small, 10, 199 + i, 1, i < 2);
        check_size(&small, 10, 0, 4 + i, i < 2);
    }
}

TEST(a_head_without_end_is_cut_off)
{
    struct kit kit;
    struct kit_peer peer;
    AX_AUTO_BUF struct ax_buf text = { .max = 1u << 20 };

    kit_init(&kit, NULL);
    kit_connect(&kit, &peer);
    ax_buf_append_str(&text, AX_STR("GET / HTTP/1.1\r\nHost: kit\r\nA: "));
    append_many(&text, 'x', 100000);
    kit_send(&peer, ax_buf_str(&text));
    expect_refusal(&peer, 413, "payload_too_large");
    kit_hang_up(&peer);
    kit_done(&kit);
}

static void check_body(const char *framing, size_t size, bool fits)
{
    struct ax_http_server_options options = { .body_max = 40000 };
    struct kit kit;
    struct kit_peer peer;
    AX_AUTO_BUF struct ax_buf text = { .max = 1u << 20 };
    bool chunked = framing[0] == 'T';

    kit_init(&kit, &options);
    kit_connect(&kit, &peer);
    ax_buf_printf(&text, "POST / HTTP/1.1\r\nHost: k\r\n");
    if (chunked)
        ax_buf_printf(&text, "%s\r\n\r\n%zx\r\n", framing, size);
    else
        ax_buf_printf(&text, "%s: %zu\r\n\r\n", framing, size);
    append_many(&text, 'x', size);
    if (chunked)
        ax_buf_printf(&text, "\r\n0\r\n\r\n");
    kit_send(&peer, ax_buf_str(&text));
    if (fits)
        expect(&peer, 200, NULL);
    else
        expect_refusal(&peer, 413, "payload_too_large");
    kit_hang_up(&peer);
    kit_done(&kit);
}

TEST(bodies_are_limited)
{
    for (size_t i = 0; i < 3; i++) {
        check_body("Content-Length", 39999 + i, i < 2);
        check_body("Transfer-Encoding: chunked", 39999 + i, i < 2);
    }
}

TEST(chunk_framing_may_not_outweigh_the_body)
{
    struct kit kit;
    struct kit_peer peer;

    kit_init(&kit, NULL);
    kit_connect(&kit, &peer);
    send_text(&peer, "POST / HTTP/1.1\r\nHost: k\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 3000; i++)
        send_text(&peer, "1\r\nx\r\n"); /* 12 kB of framing for 3 kB */
    send_text(&peer, "0\r\n\r\n");
    expect(&peer, 200, NULL);
    send_text(&peer, "POST / HTTP/1.1\r\nHost: k\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 6000; i++)
        send_text(&peer, "1\r\nx\r\n");
    expect_refusal(&peer, 400, "invalid_request");
    kit_hang_up(&peer);
    kit_done(&kit);
}

TEST(connections_are_capped_in_total_and_per_peer)
{
    struct ax_http_server_options options = { .connections_max = 3 };
    struct kit kit;
    struct kit_peer peers[4];
    uint16_t port;

    for (int per_peer = 0; per_peer < 2; per_peer++) {
        options.connections_max = per_peer ? 100 : 3;
        options.connections_per_peer = per_peer ? 3 : 0;
        kit_init(&kit, &options);
        T_OK(ax_http_server_listen(kit.server, kit_listen(&port)));
        for (int i = 0; i < 4; i++)
            kit_connect_tcp(&kit, &peers[i], port);
        for (int i = 0; i < 3; i++) {
            send_text(&peers[i], KIT_GET("/in"));
            expect(&peers[i], 200, "GET /in|host=kit|");
        }
        expect_refusal(&peers[3], 503, "overloaded");
        T_EQ(ax_http_server_stats(kit.server).refused, 1);
        kit_hang_up(&peers[3]);
        kit_hang_up(&peers[0]);
        kit_settle(&kit);
        kit_connect_tcp(&kit, &peers[0], port); /* one went: one fits again */
        send_text(&peers[0], KIT_GET("/again"));
        expect(&peers[0], 200, "GET /again|host=kit|");
        for (int i = 0; i < 3; i++)
            kit_hang_up(&peers[i]);
        kit_done(&kit);
    }
}

/* --- descriptors --- */

static size_t open_descriptors(void)
{
    size_t count = 0;

    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

TEST(without_descriptors_callers_are_told_and_the_server_recovers)
{
    struct kit kit;
    struct kit_peer peers[8];
    uint16_t port;
    struct rlimit limit;
    size_t before;
    int filler[1024], fillers = 0;

    kit_init(&kit, NULL);
    T_OK(ax_http_server_listen(kit.server, kit_listen(&port)));
    for (int i = 0; i < 8; i++)
        kit_connect_tcp(&kit, &peers[i], port); /* they wait in the backlog */
    before = open_descriptors();
    T_TRUE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = 256;
    T_TRUE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    while ((filler[fillers] = dup(0)) >= 0)
        fillers++;
    for (int i = 0; i < 8; i++)
        expect_refusal(&peers[i], 503, "overloaded");
    T_EQ(ax_http_server_stats(kit.server).starved, 8);
    while (fillers > 0)
        close(filler[--fillers]);
    for (int i = 0; i < 8; i++)
        kit_hang_up(&peers[i]);
    kit_settle(&kit);
    T_EQ(open_descriptors(), before - 8); /* the reserve is back, nothing leaked */
    kit_connect_tcp(&kit, &peers[0], port);
    send_text(&peers[0], KIT_GET("/ok"));
    expect(&peers[0], 200, "GET /ok|host=kit|");
    kit_hang_up(&peers[0]);
    kit_done(&kit);
}

TEST(only_a_listening_socket_is_listened_on)
{
    struct kit kit;
    uint16_t port;
    int pair[2];

    kit_init(&kit, NULL);
    T_TRUE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    T_CODE(ax_http_server_listen(kit.server, pair[0]), AX_E_IO);
    T_CODE(ax_http_server_listen(kit.server, dup(0)), AX_E_IO);
    T_OK(ax_http_server_listen(kit.server, kit_listen(&port)));
    T_OK(ax_http_server_listen(kit.server, kit_listen(&port)));
    close(pair[1]);
    kit_done(&kit);
}

/* --- time --- */

TEST(slow_and_silent_clients_are_ended)
{
    struct ax_http_server_options options = {
        .header_ms = 200, .idle_ms = 300, .body_ms = 400, .body_rate_ms = 200, .linger_ms = 60
    };
    struct kit kit;
    struct kit_peer peer;

    kit_init(&kit, &options);
    kit_connect(&kit, &peer);
    T_TRUE(kit_ends(&peer)); /* never said a word */
    kit_hang_up(&peer);
    kit_connect(&kit, &peer);
    send_text(&peer, KIT_GET("/x"));
    expect(&peer, 200, NULL);
    T_TRUE(kit_ends(&peer)); /* idle after an answer: no answer to nothing */
    kit_hang_up(&peer);
    T_EQ(ax_http_server_stats(kit.server).timeouts, 0);
    kit_connect(&kit, &peer);
    send_text(&peer, "GET /x HT");
    expect_refusal(&peer, 408, "request_timeout");
    kit_hang_up(&peer);
    kit_connect(&kit, &peer);
    send_text(&peer, "POST /x HTTP/1.1\r\nHost: k\r\nContent-Length: 5\r\n\r\nhell");
    expect_refusal(&peer, 408, "request_timeout");
    T_EQ(kit.aborts, 1);
    kit_hang_up(&peer);
    kit_connect(&kit, &peer);
    send_text(&peer, "POST /x HTTP/1.1\r\nHost: k\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe");
    expect_refusal(&peer, 408, "request_timeout");
    kit_hang_up(&peer);
    T_EQ(ax_http_server_stats(kit.server).timeouts, 3);
    kit_done(&kit);
}

TEST(a_body_fast_enough_outlives_the_rate_check_and_ends_at_its_own_limit)
{
    struct ax_http_server_options options = { .body_ms = 400, .body_rate_ms = 100 };
    struct kit kit;
    struct kit_peer peer;
    AX_AUTO_BUF struct ax_buf text = { .max = 1u << 20 };
    uint64_t from;

    kit_init(&kit, &options);
    kit_connect(&kit, &peer);
    ax_buf_append_str(&text, AX_STR("POST / HTTP/1.1\r\nHost: k\r\nContent-Length: 40000\r\n\r\n"));
    append_many(&text, 'x', 39999);
    from = ax_loop_now_ms(&kit.loop);
    kit_send(&peer, ax_buf_str(&text));
    expect_refusal(&peer, 408, "request_timeout");
    T_TRUE(ax_loop_now_ms(&kit.loop) - from >= 390);
    kit_hang_up(&peer);
    kit_done(&kit);
}

TEST(a_client_that_does_not_read_its_answer_is_ended)
{
    struct ax_http_server_options options = { .write_ms = 400 };
    struct kit kit;
    struct kit_peer peer;

    kit_init(&kit, &options);
    kit_connect(&kit, &peer);
    send_text(&peer, KIT_GET("/big"));
    expect(&peer, 200, NULL);
    T_TRUE(answer.body_len >= 1u << 20);
    send_text(&peer, KIT_GET("/big"));
    while (ax_http_server_stats(kit.server).connections > 0)
        uv_run(&kit.loop.uv, UV_RUN_ONCE);
    T_EQ(ax_http_server_stats(kit.server).timeouts, 1);
    kit_hang_up(&peer);
    kit_done(&kit);
}

/* --- memory --- */

/* One connection, one request with a body that needs memory, with the nth allocation refused. */
static bool run_without(uint64_t nth)
{
    struct kit kit;
    struct kit_peer peer;
    AX_AUTO_BUF struct ax_buf text = { .max = 1u << 20 };
    char *room;
    bool hit;

    ax_buf_append_str(&text,
                      AX_STR("POST /buf HTTP/1.1\r\nHost: k\r\nContent-Length: 50000\r\n\r\n"));
    append_many(&text, 'x', 50000);
    kit_init(&kit, NULL);
    ax_fault_arm(nth);
    kit_connect(&kit, &peer);
    hit = ax_fault_hit();
    ax_fault_arm(0);
    T_OK(ax_buf_reserve(&peer.got, 1u << 18, &room)); /* the test's own bytes are not the subject */
    if (!hit)
        ax_fault_arm(nth - 1);
    kit_send(&peer, ax_buf_str(&text));
    kit_read(&peer, &answer);
    hit = hit || ax_fault_hit();
    ax_fault_arm(0);
    T_TRUE(answer.status == 200 || answer.status == 503 || (answer.status == 0 && peer.ended));
    T_TRUE(hit || answer.status == 200);
    kit_hang_up(&peer);
    kit_connect(&kit, &peer); /* and the next caller notices nothing */
    send_text(&peer, KIT_GET("/next"));
    expect(&peer, 200, "GET /next|host=kit|");
    kit_hang_up(&peer);
    kit_done(&kit);
    return hit;
}

TEST(the_server_survives_every_refused_allocation)
{
    uint64_t nth = 1;

    while (run_without(nth))
        nth++;
    T_TRUE(nth > 4);
}

TEST_MAIN()

/* SPDX-License-Identifier: Apache-2.0 */
/* server_test.c - does the server keep the promises of server.h? */
#include "http/test_kit.h"

#include <stdio.h>
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

TEST(a_request_is_echoed_and_the_connection_kept)
{
    struct kit kit;
    struct kit_peer peer;

    kit_init(&kit, NULL);
    kit_connect(&kit, &peer);
    for (int i = 0; i < 3; i++) {
        send_text(&peer, "GET /a?b=c HTTP/1.1\r\nHost: kit\r\nX-Two:  two words \r\n\r\n");
        expect(&peer, 200, "GET /a?b=c|host=kit|x-two=two words|");
        T_TRUE(kit_head_has(&answer, "HTTP/1.1 200 OK\r\ndate: "));
        T_TRUE(kit_head_has(&answer, " GMT\r\ncontent-length: 36\r\nx-kit: yes\r\n\r\n"));
    }
    T_EQ(ax_http_server_stats(kit.server).requests, 3);
    T_EQ(ax_http_server_stats(kit.server).connections, 1);
    T_EQ(ax_http_server_stats(kit.server).exchanges, 0);
    kit_hang_up(&peer);
    kit_done(&kit);
}

TEST(framing_of_answers_is_ours)
{
    struct kit kit;
    struct kit_peer peer;

    kit_init(&kit, NULL);
    kit_connect(&kit, &peer);
    send_text(&peer, "HEAD /a HTTP/1.1\r\nHost: kit\r\n\r\n");
    kit_read_head_answer(&peer, &answer);
    T_EQ(answer.status, 200);
    T_TRUE(kit_head_has(&answer, "\r\ncontent-length: 17\r\n")); /* as GET would have */
    send_text(&peer, KIT_GET("/none"));
    kit_read_head_answer(&peer, &answer);
    T_EQ(answer.status, 204);
    T_FALSE(kit_head_has(&answer, "content-length"));
    send_text(&peer, KIT_GET("/same"));
    kit_read_head_answer(&peer, &answer);
    T_EQ(answer.status, 304);
    T_FALSE(kit_head_has(&answer, "content-length"));
    send_text(&peer, "HEAD /buf HTTP/1.1\r\nHost: kit\r\n\r\n");
    kit_read_head_answer(&peer, &answer);
    T_EQ(answer.status, 200);
    send_text(&peer, KIT_GET("/buf")); /* and nothing of those bodies is in the way */
    expect(&peer, 200, "GET /buf|host=kit|");
    kit_hang_up(&peer);
    kit_done(&kit);
}

TEST(an_answer_that_would_split_is_not_sent)
{
    struct kit kit;
    struct kit_peer peer;

    kit_init(&kit, NULL);
    kit_connect(&kit, &peer);
    send_text(&peer, KIT_GET("/bad"));
    expect(&peer, 500, NULL);
    T_TRUE(strncmp(answer.body, "{\"error\":{\"code\":\"internal\",", 28) == 0);
    T_FALSE(kit_head_has(&answer, "set-cookie"));
    send_text(&peer, KIT_GET("/good"));
    expect(&peer, 200, "GET /good|host=kit|");
    kit_hang_up(&peer);
    kit_done(&kit);
}

TEST(bodies_arrive_whole_by_length_and_by_chunks)
{
    static const char chunked[] =
        "POST /c HTTP/1.1\r\nHost: kit\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer-One: 1\r\n\r\n";
    struct kit kit;
    struct kit_peer peer;
    AX_AUTO_BUF struct ax_buf large = { .max = 1u << 20 };

    kit_init(&kit, NULL);
    kit_connect(&kit, &peer);
    send_text(&peer, "PUT /l HTTP/1.1\r\nHost: kit\r\nContent-Length: 5\r\n\r\nhello");
    expect(&peer, 200, "PUT /l|host=kit|content-length=5|hello");
    send_text(&peer, chunked);
    expect(&peer, 200, "POST /c|host=kit|transfer-encoding=chunked|hello world");
    ax_buf_append_str(&large,
                      AX_STR("POST /x HTTP/1.1\r\nHost: k\r\nContent-Length: 60000\r\n\r\n"));
    append_many(&large, 'z', 60000);
    kit_send(&peer, ax_buf_str(&large));
    expect(&peer, 200, NULL);
    T_EQ(answer.body_len, strlen("POST /x|host=k|content-length=60000|") + 60000);
    T_TRUE(answer.body[answer.body_len - 1] == 'z');
    kit_hang_up(&peer);
    kit_done(&kit);
}

TEST(pipelined_requests_are_answered_one_at_a_time_in_order)
{
    struct kit kit;
    struct kit_peer peer;
    char text[64], expected[64];

    kit_init(&kit, NULL);
    kit_connect(&kit, &peer);
    for (int i = 0; i < 500; i++) { /* more than the read buffer holds */
        snprintf(text, sizeof(text), "GET /p%d HTTP/1.1\r\nHost: kit\r\nX-Pad: 0123456789\r\n\r\n",
                 i);
        send_text(&peer, text);
    }
    for (int i = 0; i < 500; i++) {
        snprintf(expected, sizeof(expected), "GET /p%d|host=kit|x-pad=0123456789|", i);
        expect(&peer, 200, expected);
    }
    kit.hold = true;
    send_text(&peer, KIT_GET("/1") KIT_GET("/2"));
    kit_settle(&kit);
    T_EQ(kit.requests, 501); /* the second waits for the first's answer */
    for (int i = 1; i <= 2; i++) {
        T_EQ(kit.requests, 500u + (unsigned)i);
        T_OK(ax_exchange_answer(kit.held, 200, NULL, 0, AX_STR("late")));
        T_EQ(kit.requests, 500u + (unsigned)i); /* never from inside the answer */
        kit_settle(&kit);
        expect(&peer, 200, "late");
    }
    kit_hang_up(&peer);
    kit_done(&kit);
}

TEST(pipelining_far_ahead_of_a_held_request_is_not_read_and_not_lost)
{
    struct kit kit;
    struct kit_peer peer;

    kit_init(&kit, NULL);
    kit.hold = true;
    kit_connect(&kit, &peer);
    for (int i = 0; i < 2000; i++) {
        ssize_t sent = send(peer.fd, KIT_GET("/ahead"), strlen(KIT_GET("/ahead")), MSG_NOSIGNAL);

        if (sent < (ssize_t)strlen(KIT_GET("/ahead")))
            break;
        kit_settle(&kit);
    }
    T_EQ(kit.requests, 1);
    kit.hold = false;
    T_OK(ax_exchange_answer(kit.held, 200, NULL, 0, AX_STR("first")));
    expect(&peer, 200, "first");
    for (int i = 0; i < 100; i++)
        expect(&peer, 200, "GET /ahead|host=kit|");
    kit_hang_up(&peer);
    kit_done(&kit);
}

TEST(http_1_0_ends_after_the_answer_unless_it_asks)
{
    struct kit kit;
    struct kit_peer peer;

    kit_init(&kit, NULL);
    kit_connect(&kit, &peer);
    send_text(&peer, "GET /k HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
    expect(&peer, 200, "GET /k|connection=Keep-Alive|");
    T_TRUE(kit_head_has(&answer, "\r\nconnection: keep-alive\r\n"));
    send_text(&peer, "GET /e HTTP/1.0\r\n\r\n");
    expect(&peer, 200, "GET /e|");
    T_TRUE(kit_ends(&peer));
    kit_hang_up(&peer);
    kit_connect(&kit, &peer);
    send_text(&peer, "GET /c HTTP/1.1\r\nHost: kit\r\nConnection: x, CLOSE\r\n\r\n");
    expect(&peer, 200, NULL);
    T_TRUE(kit_head_has(&answer, "\r\nconnection: close\r\n"));
    T_TRUE(kit_ends(&peer));
    kit_hang_up(&peer);
    kit_done(&kit);
}

TEST(a_head_may_be_answered_before_its_body)
{
    struct kit kit;
    struct kit_peer peer;

    kit_init(&kit, NULL);
    kit_connect(&kit, &peer);
    send_text(&peer, "POST /refuse HTTP/1.1\r\nHost: kit\r\nContent-Length: 5\r\n\r\nhello");
    expect(&peer, 401, NULL); /* its body is here already: the connection stays */
    send_text(&peer, "POST /tiny HTTP/1.1\r\nHost: kit\r\nContent-Length: 4\r\n\r\nfour");
    expect(&peer, 200, "POST /tiny|host=kit|content-length=4|four");
    send_text(&peer, "POST /refuse HTTP/1.1\r\nHost: kit\r\nContent-Length: 50000\r\n\r\nhello");
    expect_refusal(&peer, 401, "unauthenticated");
    T_EQ(kit.requests, 1);
    kit_hang_up(&peer);
    kit_connect(&kit, &peer);
    send_text(&peer, "POST /tiny HTTP/1.1\r\nHost: kit\r\nContent-Length: 5\r\n\r\n");
    expect_refusal(&peer, 413, "payload_too_large");
    T_EQ(kit.aborts, 1); /* the handler has seen the head */
    kit_hang_up(&peer);
    kit_connect(&kit, &peer);
    send_text(&peer, "POST /tiny HTTP/1.1\r\nHost: kit\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "3\r\nabc\r\n2\r\nde\r\n");
    expect_refusal(&peer, 413, "payload_too_large");
    T_EQ(kit.aborts, 2);
    T_EQ(kit.requests, 1);
    kit_hang_up(&peer);
    kit_done(&kit);
}

TEST(a_refused_upload_still_reads_its_reason)
{
    struct ax_http_server_options options = { .body_max = 1000 };
    struct kit kit;
    struct kit_peer peer;
    AX_AUTO_BUF struct ax_buf large = { .max = 8u << 20 };
    uint16_t port;

    kit_init(&kit, &options);
    T_OK(ax_http_server_listen(kit.server, kit_listen(&port)));
    kit_connect_tcp(&kit, &peer, port);
    ax_buf_append_str(&large,
                      AX_STR("POST /x HTTP/1.1\r\nHost: k\r\nContent-Length: 4000000\r\n\r\n"));
    append_many(&large, 'z', 4000000);
    kit_send(&peer, ax_buf_str(&large)); /* all of it, as clients do that read afterwards */
    expect_refusal(&peer, 413, "payload_too_large");
    kit_hang_up(&peer);
    kit_done(&kit);
}

TEST(expectations_are_met_or_refused)
{
    struct kit kit;
    struct kit_peer peer;

    kit_init(&kit, NULL);
    kit_connect(&kit, &peer);
    send_text(&peer, "POST /e HTTP/1.1\r\nHost: kit\r\nContent-Length: 5\r\n"
                     "Expect: 100-Continue\r\n\r\n");
    kit_read(&peer, &answer);
    T_EQ(answer.status, 100);
    send_text(&peer, "hello");
    expect(&peer, 200, "POST /e|host=kit|content-length=5|expect=100-Continue|hello");
    send_text(&peer, "POST /e HTTP/1.1\r\nHost: kit\r\nContent-Length: 5\r\n"
                     "Expect: 100-continue\r\n\r\nhello"); /* it did not wait: no need to ask */
    expect(&peer, 200, NULL);
    send_text(&peer, "POST /refuse HTTP/1.1\r\nHost: kit\r\nContent-Length: 5\r\n"
                     "Expect: 100-continue\r\n\r\n");
    expect_refusal(&peer, 401, "unauthenticated"); /* and never a 100 */
    kit_hang_up(&peer);
    kit_connect(&kit, &peer);
    send_text(&peer,
              "POST /e HTTP/1.1\r\nHost: kit\r\nContent-Length: 5\r\nExpect: 200-ok\r\n\r\n");
    expect_refusal(&peer, 400, "invalid_request");
    kit_hang_up(&peer);
    kit_done(&kit);
}

/* --- the end --- */

static bool has_held(void *arg)
{
    return ((struct kit *)arg)->held != NULL;
}

static bool has_aborted(void *arg)
{
    return ((struct kit *)arg)->aborts > 0;
}

TEST(the_handler_hears_of_a_client_that_went_away_only_before_its_answer)
{
    struct kit kit;
    struct kit_peer peer;

    kit_init(&kit, NULL);
    kit.hold = true;
    kit_connect(&kit, &peer);
    send_text(&peer, KIT_GET("/x"));
    T_TRUE(kit_until(&kit, has_held, &kit));
    kit_hang_up(&peer);
    T_TRUE(kit_until(&kit, has_aborted, &kit));
    T_EQ(kit.aborts, 1);
    kit_connect(&kit, &peer);
    send_text(&peer, KIT_GET("/x"));
    T_TRUE(kit_until(&kit, has_held, &kit));
    kit_hang_up(&peer);
    T_OK(ax_exchange_answer(kit.held, 200, NULL, 0, AX_STR("to nobody")));
    kit_settle(&kit);
    T_EQ(kit.aborts, 1);
    T_EQ(ax_http_server_stats(kit.server).connections, 0);
    kit_done(&kit);
}

TEST(freeing_aborts_what_waits)
{
    struct kit kit;
    struct kit_peer peers[3];

    kit_init(&kit, NULL);
    kit.hold = true;
    for (int i = 0; i < 3; i++) {
        kit_connect(&kit, &peers[i]);
        send_text(&peers[i], i < 2 ? KIT_GET("/x") : "GET /half");
    }
    kit_settle(&kit);
    T_EQ(kit.requests, 2);
    kit_done(&kit);
    T_EQ(kit.aborts, 2);
    for (int i = 0; i < 3; i++)
        kit_hang_up(&peers[i]);
}

static void note_drained(void *arg)
{
    struct kit *kit = arg;

    T_FALSE(kit->drained);
    kit->drained = true;
}

static bool is_drained(void *arg)
{
    return ((struct kit *)arg)->drained;
}

TEST(draining_finishes_what_runs_and_ends_what_idles)
{
    struct kit kit;
    struct kit_peer idle, busy, half;
    uint16_t port;

    kit_init(&kit, NULL);
    T_OK(ax_http_server_listen(kit.server, kit_listen(&port)));
    kit_connect_tcp(&kit, &idle, port);
    send_text(&idle, KIT_GET("/x"));
    expect(&idle, 200, NULL);
    kit.hold = true;
    kit_connect_tcp(&kit, &busy, port);
    send_text(&busy, KIT_GET("/x"));
    kit_connect_tcp(&kit, &half, port);
    send_text(&half, "GET /y HTTP/1.1\r\nHo");
    T_TRUE(kit_until(&kit, has_held, &kit));
    kit_settle(&kit);
    ax_http_server_drain(kit.server, note_drained, &kit);
    T_FALSE(kit.drained); /* never from inside */
    T_TRUE(kit_ends(&idle));
    T_FALSE(kit.drained);
    T_OK(ax_exchange_answer(kit.held, 200, NULL, 0, AX_STR("finished")));
    expect(&busy, 200, "finished");
    T_TRUE(kit_head_has(&answer, "\r\nconnection: close\r\n"));
    T_TRUE(kit_ends(&busy));
    kit_hang_up(&busy);
    kit.hold = false;
    send_text(&half, "st: k\r\n\r\n");
    expect(&half, 200, "GET /y|host=k|");
    T_TRUE(kit_ends(&half));
    kit_hang_up(&half);
    T_TRUE(kit_until(&kit, is_drained, &kit));
    kit_hang_up(&idle);
    kit_done(&kit);
}

TEST(draining_an_idle_server_is_told_too)
{
    struct kit kit;

    kit_init(&kit, NULL);
    ax_http_server_drain(kit.server, note_drained, &kit);
    T_TRUE(kit_until(&kit, is_drained, &kit));
    kit_done(&kit);
}

/* --- what a handler can ask --- */

static void ask_on_request(void *arg, struct ax_exchange *ex)
{
    struct kit *kit = arg;
    void *some = ax_arena_alloc(ax_exchange_arena(ex), 1000);

    T_TRUE(some != NULL);
    T_EQ(ax_exchange_method(ex), AX_METHOD_PATCH);
    T_STR(ax_exchange_target(ex), AX_STR("http://kit:80/p/q?r=s?t"));
    T_STR(ax_exchange_path(ex), AX_STR("/p/q"));
    T_STR(ax_exchange_query(ex), AX_STR("r=s?t"));
    T_EQ(ax_exchange_version_minor(ex), 1);
    T_STR(ax_exchange_header(ex, AX_STR("x-a")), AX_STR("1"));
    T_EQ(ax_exchange_header_total(ex, AX_STR("x-a")), 2);
    T_TRUE(ax_exchange_header(ex, AX_STR("x-b")).ptr == NULL);
    T_TRUE(ax_exchange_header(ex, AX_STR("x-empty")).ptr != NULL);
    T_EQ(ax_exchange_header(ex, AX_STR("x-empty")).len, 0);
    T_EQ(ax_exchange_header_count(ex), 5);
    T_EQ(ax_exchange_body_announced(ex), 0);
    T_TRUE(ax_exchange_user(ex) == kit);
    T_STR(ax_exchange_peer(ex), AX_STR("127.0.0.1"));
    T_STR(ax_exchange_request_id(ex), AX_STR("from.the-caller_1"));
    T_TRUE(ax_exchange_server(ex) == kit->server);
    T_OK(ax_exchange_answer(ex, 299, NULL, 0, AX_STR_NONE));
}

TEST(a_handler_can_ask_for_everything)
{
    struct ax_http_server_options options = { .on_request = ask_on_request };
    struct kit kit;
    struct kit_peer peer;
    uint16_t port;

    kit_init(&kit, &options);
    T_OK(ax_http_server_listen(kit.server, kit_listen(&port)));
    kit_connect_tcp(&kit, &peer, port);
    send_text(&peer,
              "PATCH http://kit:80/p/q?r=s?t HTTP/1.1\r\nhOST: Kit:80\r\nX-A: 1\r\nX-a: 2\r\n"
              "X-Empty:\r\nX-Request-Id: from.the-caller_1\r\n\r\n");
    expect(&peer, 299, "");
    T_TRUE(kit_head_has(&answer, "HTTP/1.1 299 Unknown\r\n"));
    kit_hang_up(&peer);
    kit_done(&kit);
}

static void fail_on_request(void *arg, struct ax_exchange *ex)
{
    struct ax_err err;

    (void)arg;
    ax_err_set_at(&err, AX_E_INVALID_MANIFEST, "/name", "the name is \"%s\"", "\n");
    ax_exchange_fail(ex, ax_str_eq(ax_exchange_path(ex), AX_STR("/io")) ? AX_E_CLOSED : err.code,
                     &err, 7);
}

TEST(failures_say_code_words_place_and_request)
{
    struct ax_http_server_options options = { .on_request = fail_on_request };
    struct kit kit;
    struct kit_peer peer;

    kit_init(&kit, &options);
    kit_connect(&kit, &peer);
    send_text(&peer, "GET / HTTP/1.1\r\nHost: k\r\nX-Request-Id: id-1\r\n\r\n");
    expect(&peer, 422,
           "{\"error\":{\"code\":\"invalid_manifest\",\"message\":\"the name is \\\"\\n\\\"\","
           "\"request_id\":\"id-1\",\"pointer\":\"/name\"}}");
    T_TRUE(kit_head_has(&answer, "\r\ncontent-type: application/json\r\n"));
    T_TRUE(kit_head_has(&answer, "\r\nretry-after: 7\r\n"));
    T_FALSE(kit_head_has(&answer, "connection"));
    send_text(&peer, "GET /io HTTP/1.1\r\nHost: k\r\nX-Request-Id: not ok\r\n\r\n");
    expect(&peer, 500, NULL); /* what stays inside keeps its words inside */
    T_TRUE(strstr(answer.body, "\"internal\",\"message\":\"something went wrong") != NULL);
    T_TRUE(strstr(answer.body, "not ok") == NULL);
    T_TRUE(strstr(answer.body, "\"request_id\":\"\"") == NULL);
    kit_hang_up(&peer);
    kit_done(&kit);
}

TEST_MAIN()

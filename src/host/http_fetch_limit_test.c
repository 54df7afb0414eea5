/* SPDX-License-Identifier: Apache-2.0 */
/* http_fetch_limit_test.c - where does a fetch end: bytes, time, number, cancel? */
#include "base/base64.h"
#include "base/clock.h"
#include "base/test.h"
#include "host/test_scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define BODY_MAX (8u << 20)

static void say_ok(struct test_peer *peer)
{
    test_peer_answer(peer, "HTTP/1.1 200 OK\r\n", AX_STR("ok"));
}

static void stay_silent(struct test_peer *peer)
{
    (void)peer;
}

/* --- bytes --- */

/* GET /N: a body of N bytes. /c/N: the same in one chunk. */
static void say_bytes(struct test_peer *peer)
{
    struct ax_str line = test_peer_request_line(peer);
    bool chunked = ax_str_starts(line, AX_STR("GET /c/"));
    size_t count = strtoul(line.ptr + (chunked ? 7 : 5), NULL, 10);
    AX_AUTO_FREE char *body = ax_alloc(count);
    char head[128];

    if (!chunked) {
        test_peer_answer(peer, "HTTP/1.1 200 OK\r\n", ax_str_make(body, count));
        return;
    }
    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n%zx\r\n",
             count);
    test_peer_write(peer, ax_str_of(head));
    test_peer_write(peer, ax_str_make(body, count));
    test_peer_write(peer, AX_STR("\r\n0\r\n\r\n"));
}

TEST(fetch_takes_eight_mebibytes_and_no_more)
{
    scene_new(say_bytes, NULL);
    for (size_t n = BODY_MAX - 1; n <= BODY_MAX + 1; n++) {
        for (int chunked = 0; chunked < 2; chunked++) {
            char target[32];

            snprintf(target, sizeof(target), "/%s%zu", chunked ? "c/" : "", n);
            T_EQ(scene_fetch(target, ""), n <= BODY_MAX ? AX_HOST_OK : AX_HOST_TOO_LARGE);
            T_EQ(scene->grants.fetches_in_flight, 0);
        }
    }
    scene_free();
}

static void announce_much(struct test_peer *peer)
{
    test_peer_write(peer, AX_STR("HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\nstart"));
}

TEST(fetch_does_not_wait_for_a_body_that_cannot_fit)
{
    scene_new(announce_much, NULL);
    T_EQ(scene_fetch("/", ""), AX_HOST_TOO_LARGE);
    T_STR(ax_str_of(scene_outcome()), AX_STR("too_large"));
    scene_free();
}

static void count_body(struct test_peer *peer)
{
    char text[32];

    snprintf(text, sizeof(text), "%zu", test_peer_body(peer).len);
    test_peer_answer(peer, "HTTP/1.1 200 OK\r\n", ax_str_of(text));
}

TEST(fetch_sends_eight_mebibytes_and_no_more)
{
    scene_new(count_body, NULL);
    for (size_t n = BODY_MAX - 1; n <= BODY_MAX + 1; n++) {
        AX_AUTO_BUF struct ax_buf payload = { .max = 16u << 20 };
        AX_AUTO_FREE char *body = ax_alloc(n);

        scene->grants.fetches = 0;
        ax_buf_printf(&payload,
                      "{\"url\":\"http://up.example:%u/\",\"method\":\"PUT\",\"body_b64\":\"",
                      scene->upstream.port);
        T_OK(ax_base64_encode(&payload, ax_str_make(body, n)));
        ax_buf_printf(&payload, "\"}");
        scene_start(0, "http", "fetch", ax_buf_str(&payload), 20000);
        scene_wait();
        T_EQ(scene->calls[0].number, n <= BODY_MAX ? AX_HOST_OK : AX_HOST_TOO_LARGE);
        if (n == BODY_MAX)
            T_TRUE(scene_answer_has("\"body_b64\":\"ODM4ODYwOA==\"")); /* 8388608 */
    }
    T_EQ(scene->upstream.connections, 2);
    scene_free();
}

static void flood_headers(struct test_peer *peer)
{
    char lines[1024] = "";
    size_t at = 0;

    if (peer->counter++ == 0)
        test_peer_write(peer, AX_STR("HTTP/1.1 200 OK\r\n"));
    for (int i = 0; i < 16; i++)
        at += (size_t)snprintf(lines + at, sizeof(lines) - at, "x-%zu-%d: aaaaaaaaaaaaaaaaaaaa\r\n",
                               peer->counter, i);
    test_peer_write(peer, ax_str_make(lines, at));
    test_peer_later(peer, 0, flood_headers);
}

TEST(fetch_ends_a_flood_of_headers)
{
    scene_new(flood_headers, NULL);
    T_EQ(scene_fetch("/", ""), AX_HOST_TOO_LARGE);
    scene_free();
}

static void flood_interim(struct test_peer *peer)
{
    test_peer_write(peer, AX_STR("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
                                 "HTTP/1.1 100 Continue\r\n\r\n"));
    test_peer_later(peer, 0, flood_interim);
}

TEST(fetch_ends_a_flood_of_interim_answers)
{
    scene_new(flood_interim, NULL);
    scene_start(0, "http", "fetch", scene_fetch_payload("up.example", "/", ""), 500);
    scene_wait();
    /* libcurl counts the bytes of all heads and gives up; else the deadline does */
    T_TRUE(scene->calls[0].number == AX_HOST_TRANSPORT ||
           scene->calls[0].number == AX_HOST_DEADLINE);
    scene_free();
}

/* --- time --- */

static void dribble(struct test_peer *peer)
{
    if (peer->counter++ == 0)
        test_peer_write(peer, AX_STR("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n"));
    test_peer_write(peer, AX_STR("a"));
    test_peer_later(peer, 5, dribble);
}

static void say_nothing(struct test_dns *dns, const char *name, int type,
                        struct test_dns_reply *reply)
{
    (void)dns;
    (void)name;
    (void)type;
    reply->silent = true;
}

/* `ms` passes, and not much more; the number is 8. */
static void expect_deadline(uint64_t ms)
{
    uint64_t before = ax_clock_mono_ms();
    uint64_t took;

    scene_start(0, "http", "fetch", scene_fetch_payload("up.example", "/", ""), ms);
    scene_wait();
    took = ax_clock_mono_ms() - before;
    T_OK(scene->codes[0]);
    T_EQ(scene->calls[0].number, AX_HOST_DEADLINE);
    T_STR(ax_str_of(scene_outcome()), AX_STR("deadline"));
    T_TRUE(took + 2 >= ms && took < ms + 2000);
    T_EQ(scene->grants.fetches_in_flight, 0);
}

TEST(fetch_cuts_a_slow_body_at_the_deadline)
{
    scene_new(dribble, NULL);
    expect_deadline(150);
    T_EQ(scene->upstream.connections, 1);
    scene_free();
}

TEST(fetch_cuts_a_silent_server_at_the_deadline)
{
    scene_new(stay_silent, NULL);
    expect_deadline(100);
    scene_free();
}

TEST(fetch_cuts_a_silent_name_server_at_the_deadline)
{
    scene_new(say_ok, NULL);
    scene->dns.answer = say_nothing;
    expect_deadline(100);
    T_EQ(scene->upstream.connections, 0);
    scene_free();
}

TEST(fetch_that_begins_after_its_deadline_does_nothing)
{
    scene_new(say_ok, NULL);
    expect_deadline(0);
    T_EQ(scene->dns.questions, 0);
    scene_free();
}

/* --- number --- */

TEST(fetch_number_nine_of_an_execution_is_refused)
{
    const char *payload;

    scene_new(say_ok, NULL);
    payload = scene_fetch_payload("up.example", "/", "").ptr;
    for (int i = 1; i <= 11; i++) {
        T_EQ(scene_call("http", "fetch", payload), i <= 8 ? AX_HOST_OK : AX_HOST_QUOTA);
        T_EQ(scene->calls[0].audit.fetch, i <= 9); /* a line for the first too many, not for all */
    }
    T_EQ(scene->upstream.connections, 8);
    scene_free();
}

TEST(fetch_counts_what_it_refuses)
{
    scene_new(say_ok, NULL);
    for (int i = 1; i <= 4; i++) {
        T_EQ(scene_call("http", "fetch", "{\"url\":\"http://127.0.0.1/\"}"), AX_HOST_INVALID);
        T_TRUE(scene->calls[0].audit.fetch && scene->calls[0].audit.host[0] == '\0');
        T_EQ(scene_call("http", "fetch", "{\"url\":\"http://else.example/\"}"),
             AX_HOST_NOT_ALLOWED);
        T_STR(ax_str_of(scene->calls[0].audit.host), AX_STR("else.example"));
    }
    T_EQ(scene_call("http", "fetch", "{\"url\":\"http://else.example/\"}"), AX_HOST_QUOTA);
    scene_free();
}

static void let_go(struct ax_timer *timer)
{
    (void)timer;
    if (scene->upstream.requests < 4) {
        ax_timer_start(&scene->loop, &scene->timer, ax_loop_now_ms(&scene->loop) + 1, let_go);
        return;
    }
    for (struct test_peer *peer = scene->upstream.peers; peer != NULL; peer = peer->next)
        say_ok(peer);
}

TEST(fetch_number_five_at_once_is_refused)
{
    struct ax_str payload;

    scene_new(stay_silent, NULL);
    payload = scene_fetch_payload("up.example", "/", "");
    for (size_t i = 0; i < 6; i++)
        scene_start(i, "http", "fetch", payload, 10000);
    T_EQ(scene->grants.fetches_in_flight, 4);
    let_go(NULL);
    scene_wait();
    for (size_t i = 0; i < 6; i++)
        T_EQ(scene->calls[i].number, i < 4 ? AX_HOST_OK : AX_HOST_QUOTA);
    T_EQ(scene->grants.fetches_in_flight, 0);
    scene->upstream.serve = say_ok;
    scene->grants.fetches = 0;
    for (size_t i = 0; i < 4; i++)
        scene_start(i, "http", "fetch", payload, 10000);
    scene_wait();
    for (size_t i = 0; i < 4; i++)
        T_EQ(scene->calls[i].number, AX_HOST_OK);
    scene_free();
}

/* Answers all when the thousandth is waiting: each with its own path. */
static void hold_for_all(struct test_peer *peer)
{
    if (peer->upstream->requests < 1000)
        return;
    T_EQ(peer->upstream->open, 1000);
    for (struct test_peer *one = peer->upstream->peers; one != NULL; one = one->next) {
        struct ax_str line = test_peer_request_line(one);

        test_peer_answer(one, "HTTP/1.1 200 OK\r\n", ax_str_sub(line, 5, 13));
    }
}

TEST(fetch_serves_a_thousand_at_once)
{
    static struct ax_host_grants grants[250];
    static char payloads[1000][96];
    struct rlimit files;

    T_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = files.rlim_max;
    T_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
    scene_new(hold_for_all, NULL);
    for (size_t i = 0; i < 1000; i++) {
        if (i % 4 == 0)
            grants[i / 4] = scene->grants;
        scene->calls[i].grants = &grants[i / 4];
        snprintf(payloads[i], sizeof(payloads[i]), "{\"url\":\"http://n%zu.example:%u/n%07zu\"}", i,
                 scene->upstream.port, i);
        scene_start(i, "http", "fetch", ax_str_of(payloads[i]), 50000);
    }
    scene_wait();
    for (size_t i = 0; i < 1000; i++) {
        AX_AUTO_BUF struct ax_buf nonce = { .max = 64 };
        AX_AUTO_BUF struct ax_buf wanted = { .max = 64 };

        ax_buf_printf(&nonce, "n%07zu", i);
        T_OK(ax_base64_encode(&wanted, ax_buf_str(&nonce)));
        T_OK(scene->codes[i]);
        T_EQ(scene->calls[i].number, AX_HOST_OK);
        T_TRUE(memmem(scene->calls[i].answer.ptr, scene->calls[i].answer.len, wanted.ptr,
                      wanted.len) != NULL);
    }
    T_EQ(scene->upstream.open_most, 1000);
    scene_free();
}

/* --- cancel --- */

static void cancel_now(struct ax_timer *timer)
{
    (void)timer;
    ax_op_cancel(&scene->calls[0].op);
    ax_op_cancel(&scene->calls[0].op);
    T_TRUE(ax_op_is_running(&scene->calls[0].op));
}

static void expect_canceled(uint64_t after_ms)
{
    scene_start(0, "http", "fetch", scene_fetch_payload("up.example", "/", ""), 10000);
    if (after_ms == 0)
        cancel_now(NULL);
    else
        ax_timer_start(&scene->loop, &scene->timer, ax_loop_now_ms(&scene->loop) + after_ms,
                       cancel_now);
    scene_wait();
    T_CODE(scene->codes[0], AX_E_CANCELED);
    T_STR(ax_str_of(scene_outcome()), AX_STR("canceled"));
    T_EQ(scene->calls[0].answer.len, 0);
    T_EQ(scene->grants.fetches_in_flight, 0);
}

TEST(fetch_can_be_canceled_in_the_turn_that_started_it)
{
    scene_new(say_ok, NULL);
    expect_canceled(0);
    T_EQ(scene->upstream.connections, 0);
    T_EQ(scene_fetch("/", ""), AX_HOST_OK);
    scene_free();
}

TEST(fetch_can_be_canceled_while_the_name_is_asked_for)
{
    scene_new(say_ok, NULL);
    scene->dns.answer = say_nothing;
    expect_canceled(20);
    T_EQ(scene->upstream.connections, 0);
    scene_free();
}

TEST(fetch_can_be_canceled_while_the_server_thinks)
{
    scene_new(stay_silent, NULL);
    expect_canceled(30);
    T_EQ(scene->upstream.connections, 1);
    scene_free();
}

TEST(fetch_can_be_canceled_in_the_middle_of_a_body)
{
    scene_new(dribble, NULL);
    expect_canceled(50);
    scene_free();
}

static void cancel_from_answer(struct test_dns *dns, const char *name, int type,
                               struct test_dns_reply *reply)
{
    (void)dns;
    (void)name;
    if (type == TEST_DNS_A) {
        reply->addresses[reply->count++] = "127.0.0.1";
        ax_op_cancel(&scene->calls[0].op);
    }
}

TEST(fetch_can_be_canceled_just_before_the_name_is_known)
{
    scene_new(say_ok, NULL);
    scene->dns.answer = cancel_from_answer;
    scene_start(0, "http", "fetch", scene_fetch_payload("up.example", "/", ""), 10000);
    scene_wait();
    T_CODE(scene->codes[0], AX_E_CANCELED);
    T_EQ(scene->upstream.connections, 0);
    scene_free();
}

/* --- reload --- */

static void close_the_gates(struct test_peer *peer)
{
    struct ax_host_options options = { .egress_allowlist = AX_STR("other.example"),
                                       .resolver = AX_STR("127.0.0.1:9") };

    T_OK(ax_host_reload(scene->host, &options, NULL));
    say_ok(peer);
}

TEST(fetch_under_way_keeps_the_policy_it_began_with)
{
    scene_new(close_the_gates, NULL);
    T_EQ(scene_fetch("/", ""), AX_HOST_OK);
    T_EQ(scene_fetch("/", ""), AX_HOST_NOT_ALLOWED);
    T_EQ(scene->upstream.connections, 1);
    scene_free();
}

TEST_MAIN()

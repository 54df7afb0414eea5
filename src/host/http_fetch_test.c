/* SPDX-License-Identifier: Apache-2.0 */
/* http_fetch_test.c - where may a fetch go, and what comes back? */
#include "base/base64.h"
#include "base/json.h"
#include "base/test.h"
#include "host/test_scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void say_hello(struct test_peer *peer)
{
    test_peer_answer(peer, "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n", AX_STR("hello"));
}

/* --- there and back --- */

static void say_much(struct test_peer *peer)
{
    char line[64];

    T_STR(test_peer_request_line(peer), AX_STR("GET /a/%2F?b=1&b=[2] HTTP/1.1"));
    snprintf(line, sizeof(line), "host: up.example:%u", peer->upstream->port);
    T_TRUE(test_peer_has_line(peer, line));
    test_peer_answer(peer,
                     "HTTP/1.1 418 Teapot\r\nX-One: 1\r\nset-cookie: a=1\r\nSet-Cookie: b=2\r\n"
                     "x-hop: gone\r\nkeep-alive: timeout=5\r\nproxy-authenticate: Basic\r\n"
                     "Connection: close, X-Hop\r\nx-latin: caf\xe9\r\nx-empty:\r\n",
                     AX_STR("\x00\x01\xff"));
}

TEST(fetch_brings_status_headers_and_body)
{
    AX_AUTO(ax_json_free) struct ax_json *json = NULL;
    struct ax_json_limits limits = { .bytes_max = 4096 };
    const struct ax_json_value *headers;

    scene_new(say_much, NULL);
    T_EQ(scene_fetch("/a/%2F?b=1&b=[2]", ""), AX_HOST_OK);
    T_OK(ax_json_parse(scene_answer(), &limits, &json, NULL));
    T_EQ(ax_json_count(ax_json_root(json)), 3);
    T_EQ((int)ax_json_double(ax_json_get(ax_json_root(json), "status"), 0), 418);
    T_STR(ax_json_str(ax_json_get(ax_json_root(json), "body_b64")), AX_STR("AAH/"));
    headers = ax_json_get(ax_json_root(json), "headers");
    T_STR(ax_json_str(ax_json_get(headers, "x-one")), AX_STR("1"));
    T_EQ(ax_json_count(ax_json_get(headers, "set-cookie")), 2);
    T_STR(ax_json_str(ax_json_get(headers, "x-latin")), AX_STR("caf\xef\xbf\xbd"));
    T_EQ(ax_json_type(ax_json_get(headers, "x-empty")), AX_JSON_STRING);
    T_EQ(ax_json_type(ax_json_get(headers, "x-hop")), AX_JSON_MISSING);
    T_EQ(ax_json_type(ax_json_get(headers, "connection")), AX_JSON_MISSING);
    T_EQ(ax_json_type(ax_json_get(headers, "keep-alive")), AX_JSON_MISSING);
    T_EQ(ax_json_type(ax_json_get(headers, "proxy-authenticate")), AX_JSON_MISSING);

    T_TRUE(scene->calls[0].audit.fetch);
    T_STR(ax_str_of(scene->calls[0].audit.host), AX_STR("up.example"));
    T_EQ(scene->calls[0].audit.port, scene->upstream.port);
    T_STR(ax_str_of(scene->calls[0].audit.method), AX_STR("GET"));
    T_STR(ax_str_of(scene->calls[0].audit.address), AX_STR("127.0.0.1"));
    T_EQ(scene->calls[0].audit.status, 418);
    T_STR(ax_str_of(scene_outcome()), AX_STR("ok"));
    T_TRUE(scene->grants.egress_bytes > 100);
    T_EQ(scene->grants.fetches, 1);
    T_EQ(scene->grants.fetches_in_flight, 0);
    scene_free();
}

static void echo(struct test_peer *peer)
{
    T_STR(test_peer_request_line(peer), AX_STR("PATCH / HTTP/1.1"));
    T_TRUE(test_peer_has_line(peer, "x-a: 1"));
    T_TRUE(test_peer_has_line(peer, "x-b: 2"));
    T_TRUE(test_peer_has_line(peer, "x-b: 3"));
    T_TRUE(test_peer_has_line(peer, "cookie: c=d"));
    T_TRUE(test_peer_has_line(peer, "content-length: 4"));
    T_TRUE(test_peer_has_line(peer, "traceparent: 00-trace"));
    test_peer_answer(peer, "HTTP/1.1 200 OK\r\n", test_peer_body(peer));
}

TEST(fetch_sends_method_headers_and_body)
{
    scene_new(echo, NULL);
    scene->grants.traceparent = AX_STR("00-trace");
    T_EQ(scene_fetch("", ",\"method\":\"patch\",\"headers\":{\"X-A\":\"1\",\"x-b\":[\"2\",\"3\"],"
                         "\"Cookie\":\"c=d\"},\"body_b64\":\"AAEC/w==\""),
         AX_HOST_OK);
    T_TRUE(scene_answer_has("\"body_b64\":\"AAEC/w==\""));
    scene_free();
}

TEST(fetch_through_the_generic_call_stands_in_ok)
{
    char payload[512];

    scene_new(say_hello, NULL);
    snprintf(payload, sizeof(payload),
             "{\"interface\":\"http\",\"function\":\"fetch\",\"args\":%s}",
             scene_fetch_payload("up.example", "/", "").ptr);
    T_EQ(scene_call("", "", payload), AX_HOST_OK);
    T_TRUE(ax_str_starts(scene_answer(), AX_STR("{\"ok\":{\"status\":200,")));
    T_TRUE(ax_str_ends(scene_answer(), AX_STR("\"body_b64\":\"aGVsbG8=\"}}")));
    scene_free();
}

/* --- who may fetch what --- */

TEST(fetch_needs_the_capability)
{
    scene_new(say_hello, NULL);
    scene->grants.capabilities = AX_CAP_ALWAYS | AX_CAP_STORAGE_KV;
    T_EQ(scene_fetch("/", ""), AX_HOST_DENIED);
    T_EQ(scene->dns.questions, 0);
    scene->grants.capabilities |= AX_CAP_HTTP_FETCH;
    T_EQ(scene_fetch("/", ""), AX_HOST_OK);
    T_EQ(scene->upstream.connections, 1);
    scene_free();
}

/* Configured, manifest ("-": no key), request; is up.example allowed? */
TEST(fetch_goes_only_where_all_three_lists_agree)
{
    static const struct {
        const char *configured, *manifest, *request;
        bool allowed;
    } rows[] = {
        { "up", "-", "up", true },        { "up", "up", "up", true },
        { "other up", "up", "up", true }, { "wild", "wild", "wild", true },
        { "wild", "-", "up", true },      { "", "-", "up", false },
        { "", "up", "up", false },        { "other", "up", "up", false },
        { "up", "", "up", false },        { "up", "other", "up", false },
        { "up", "-", "", false },         { "up", "-", "other", false },
        { "up", "up", "other", false },   { "wild", "other", "wild", false },
    };

    scene_new(say_hello, NULL);
    for (size_t i = 0; i < AX_ARRAY_LEN(rows); i++) {
        char up[64], other[64], wild[64], text[160] = "";
        struct ax_host_options options = { .private_cidrs = AX_STR("127.0.0.0/8"),
                                           .resolver = ax_str_of(scene->dns.server) };
        struct ax_str manifest, request;
        size_t before = scene->upstream.connections;

        snprintf(up, sizeof(up), "http://up.example:%u", scene->upstream.port);
        snprintf(other, sizeof(other), "http://up.example:%u", scene->upstream.port ^ 1u);
        snprintf(wild, sizeof(wild), "http://*.example:%u", scene->upstream.port);
#define PICK(word) (strcmp(word, "up") == 0 ? up : strcmp(word, "wild") == 0 ? wild : other)
        if (strcmp(rows[i].configured, "other up") == 0)
            snprintf(text, sizeof(text), "%s, %s", other, up);
        else if (rows[i].configured[0] != '\0')
            snprintf(text, sizeof(text), "%s", PICK(rows[i].configured));
        options.egress_allowlist = ax_str_of(text);
        T_OK(ax_host_reload(scene->host, &options, NULL));
        T_EQ(ax_host_egress_is_open(scene->host), text[0] != '\0');
        manifest = ax_str_of(PICK(rows[i].manifest));
        request = ax_str_of(PICK(rows[i].request));
        scene->grants.has_manifest_egress = rows[i].manifest[0] != '-';
        scene->grants.manifest_egress = &manifest;
        scene->grants.manifest_egress_count = rows[i].manifest[0] != '\0';
        scene->grants.request_egress = &request;
        scene->grants.request_egress_count = rows[i].request[0] != '\0';
        if (scene_fetch("/", "") != (rows[i].allowed ? AX_HOST_OK : AX_HOST_NOT_ALLOWED))
            fail_msg("row %zu: %s", i, scene_outcome());
        T_EQ(scene->upstream.connections, before + rows[i].allowed);
    }
    T_EQ(scene->dns.questions, 2 * scene->upstream.connections);
    scene_free();
}

/* --- where names lead --- */

TEST(fetch_refuses_private_addresses_without_an_exception)
{
    scene_new(say_hello, "");
    T_EQ(scene_fetch("/", ""), AX_HOST_TRANSPORT);
    T_STR(ax_str_of(scene_outcome()), AX_STR("address_refused"));
    T_STR(ax_str_of(scene->calls[0].audit.address), AX_STR("127.0.0.1"));
    T_EQ(scene->upstream.connections, 0);
    scene_free();
}

static const char *lie_v4[8], *lie_v6[8];

static void lie(struct test_dns *dns, const char *name, int type, struct test_dns_reply *reply)
{
    const char **list = type == TEST_DNS_A ? lie_v4 : lie_v6;

    (void)dns;
    (void)name;
    while (reply->count < 8 && list[reply->count] != NULL) {
        reply->addresses[reply->count] = list[reply->count];
        reply->count++;
    }
}

TEST(fetch_refuses_all_when_one_address_is_bad)
{
    static const char *const bad_v4[] = { "10.0.0.1",    "169.254.169.254", "100.100.100.200",
                                          "192.168.0.1", "0.0.0.0",         "224.0.0.1" };
    static const char *const bad_v6[] = { "::1",          "fd00:ec2::254",      "::ffff:127.0.0.1",
                                          "::",           "64:ff9b::a9fe:a9fe", "fe80::1",
                                          "2002:7f00:1::" };

    scene_new(say_hello, NULL);
    scene->dns.answer = lie;
    lie_v4[0] = "127.0.0.1";
    for (size_t i = 0; i < AX_ARRAY_LEN(bad_v4); i++) {
        lie_v4[1] = bad_v4[i];
        T_EQ(scene_fetch("/", ""), AX_HOST_TRANSPORT);
        T_STR(ax_str_of(scene->calls[0].audit.address), ax_str_of(bad_v4[i]));
    }
    lie_v4[1] = NULL;
    for (size_t i = 0; i < AX_ARRAY_LEN(bad_v6); i++) {
        lie_v6[0] = bad_v6[i];
        T_EQ(scene_fetch("/", ""), AX_HOST_TRANSPORT);
        T_STR(ax_str_of(scene_outcome()), AX_STR("address_refused"));
    }
    T_EQ(scene->upstream.connections, 0);
    lie_v6[0] = NULL;
    lie_v4[1] = "127.0.0.2";
    T_EQ(scene_fetch("/", ""), AX_HOST_OK);
    scene_free();
}

static void alias_inside(struct test_dns *dns, const char *name, int type,
                         struct test_dns_reply *reply)
{
    (void)dns;
    (void)name;
    reply->alias = "metadata.google.internal";
    if (type == TEST_DNS_A)
        reply->addresses[reply->count++] = "169.254.169.254";
}

TEST(fetch_refuses_an_alias_that_leads_inside)
{
    scene_new(say_hello, NULL);
    scene->dns.answer = alias_inside;
    T_EQ(scene_fetch("/", ""), AX_HOST_TRANSPORT);
    T_STR(ax_str_of(scene->calls[0].audit.address), AX_STR("169.254.169.254"));
    scene_free();
}

/* Good for one lookup, bad for the next, with a lifetime of 0. */
static void flip(struct test_dns *dns, const char *name, int type, struct test_dns_reply *reply)
{
    (void)name;
    if (type == TEST_DNS_A)
        reply->addresses[reply->count++] = (dns->questions + 1) / 2 % 2 ? "127.0.0.1" : "10.9.8.7";
}

TEST(fetch_connects_to_what_it_judged_and_asks_once)
{
    size_t good = 0;

    scene_new(say_hello, NULL);
    scene->dns.answer = flip;
    for (size_t i = 0; i < 100; i++) {
        enum ax_host_number number = scene_fetch("/", "");

        T_EQ(scene->dns.questions, 2 * (i + 1));
        T_TRUE(number == AX_HOST_OK || number == AX_HOST_TRANSPORT);
        good += number == AX_HOST_OK;
        T_EQ(scene->upstream.connections, good); /* each fetch has a connection of its own */
    }
    T_EQ(good, 50);
    scene_free();
}

TEST(fetch_tries_the_next_address_when_nobody_is_there)
{
    scene_new(say_hello, NULL);
    scene->dns.answer = lie;
    lie_v4[0] = "127.0.0.2";
    lie_v4[1] = "127.0.0.3";
    lie_v4[2] = "127.0.0.4";
    lie_v4[3] = "127.0.0.1";
    T_EQ(scene_fetch("/", ""), AX_HOST_OK);
    T_STR(ax_str_of(scene->calls[0].audit.address), AX_STR("127.0.0.1"));
    lie_v4[3] = "127.0.0.5";
    lie_v4[4] = "127.0.0.1"; /* the fifth is not tried */
    T_EQ(scene_fetch("/", ""), AX_HOST_TRANSPORT);
    T_STR(ax_str_of(scene_outcome()), AX_STR("connect_failed"));
    T_EQ(scene->upstream.connections, 1);
    T_EQ(scene->grants.fetches, 1);
    scene_free();
}

static void fail_lookup(struct test_dns *dns, const char *name, int type,
                        struct test_dns_reply *reply)
{
    (void)dns;
    (void)type;
    reply->rcode = strcmp(name, "up.example") == 0 ? 3 : 2;
}

/* The guest cannot tell a refused address from one that does not exist or does not answer. */
TEST(fetch_says_the_same_of_every_way_to_fail)
{
    scene_new(say_hello, NULL);
    scene->dns.answer = fail_lookup;
    T_EQ(scene_fetch("/", ""), AX_HOST_TRANSPORT);
    T_STR(ax_str_of(scene_outcome()), AX_STR("resolve_failed"));
    T_EQ(scene_call("http", "fetch", scene_fetch_payload("two.example", "/", "").ptr),
         AX_HOST_TRANSPORT);
    T_STR(ax_str_of(scene_outcome()), AX_STR("resolve_failed"));
    scene_free();
}

/* --- what is not done behind the guest's back --- */

static void redirect(struct test_peer *peer)
{
    struct ax_str line = test_peer_request_line(peer);
    char head[256];

    snprintf(head, sizeof(head),
             "HTTP/1.1 %.3s Elsewhere\r\nlocation: http://169.254.169.254/latest\r\n",
             line.ptr + 5);
    test_peer_answer(peer, head, AX_STR(""));
}

TEST(fetch_hands_redirects_to_the_guest)
{
    static const char *const targets[] = { "/301", "/302", "/303", "/307", "/308" };

    scene_new(redirect, NULL);
    for (size_t i = 0; i < AX_ARRAY_LEN(targets); i++) {
        T_EQ(scene_fetch(targets[i], ""), AX_HOST_OK);
        T_TRUE(scene_answer_has("\"location\":\"http://169.254.169.254/latest\""));
        T_EQ(scene->calls[0].audit.status, atoi(targets[i] + 1));
        T_EQ(scene->upstream.connections, i + 1);
    }
    scene_free();
}

static void no_secrets(struct test_peer *peer)
{
    T_TRUE(strcasestr(peer->request.ptr, "authorization") == NULL);
    say_hello(peer);
}

TEST(fetch_ignores_proxies_and_netrc)
{
    static const char *const names[] = { "http_proxy", "HTTP_PROXY", "https_proxy",
                                         "all_proxy",  "ALL_PROXY",  "HTTPS_PROXY" };
    char home[] = "/tmp/annex-home-XXXXXX";
    char path[64];
    FILE *netrc;

    for (size_t i = 0; i < AX_ARRAY_LEN(names); i++)
        setenv(names[i], "http://127.0.0.1:1", 1);
    T_TRUE(mkdtemp(home) != NULL);
    snprintf(path, sizeof(path), "%s/.netrc", home);
    netrc = fopen(path, "w");
    T_TRUE(netrc != NULL);
    fputs("default login ada password secret\n", netrc);
    fclose(netrc);
    setenv("HOME", home, 1);
    setenv("NETRC", path, 1);
    scene_new(no_secrets, NULL);
    T_EQ(scene_fetch("/", ""), AX_HOST_OK);
    unlink(path);
    rmdir(home);
    scene_free();
}

static void zipped(struct test_peer *peer)
{
    test_peer_answer(peer, "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n",
                     AX_STR("\x1f\x8b\x08\x00zz"));
}

TEST(fetch_does_not_unpack)
{
    scene_new(zipped, NULL);
    T_EQ(scene_fetch("/", ",\"headers\":{\"accept-encoding\":\"gzip\"}"), AX_HOST_OK);
    T_TRUE(scene_answer_has("\"content-encoding\":\"gzip\""));
    T_TRUE(scene_answer_has("\"body_b64\":\"H4sIAHp6\""));
    scene_free();
}

static void misbehave(struct test_peer *peer)
{
    struct ax_str line = test_peer_request_line(peer);

    if (ax_str_starts(line, AX_STR("GET /short")))
        test_peer_write(peer, AX_STR("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort"));
    else if (ax_str_starts(line, AX_STR("GET /garbage")))
        test_peer_write(peer, AX_STR("\x00\x01 not http at all\r\n\r\n"));
    test_peer_later(peer, 20, test_peer_close);
}

TEST(fetch_tells_a_broken_answer_as_transport)
{
    static const char *const targets[] = { "/short", "/garbage", "/nothing" };

    scene_new(misbehave, NULL);
    for (size_t i = 0; i < AX_ARRAY_LEN(targets); i++) {
        T_EQ(scene_fetch(targets[i], ""), AX_HOST_TRANSPORT);
        T_EQ(scene->grants.fetches_in_flight, 0);
    }
    scene_free();
}

static void talk_plain(struct test_peer *peer)
{
    test_peer_write(peer, AX_STR("HTTP/1.1 400 Bad\r\ncontent-length: 0\r\n\r\n"));
}

TEST(fetch_over_tls_to_a_server_without_is_a_transport_failure)
{
    struct ax_host_options options = { .private_cidrs = AX_STR("127.0.0.0/8") };
    char entry[64], payload[128];
    struct ax_str text;

    scene_new(say_hello, NULL);
    snprintf(entry, sizeof(entry), "up.example:%u", scene->upstream.port);
    text = ax_str_of(entry);
    options.egress_allowlist = text;
    options.resolver = ax_str_of(scene->dns.server);
    T_OK(ax_host_reload(scene->host, &options, NULL));
    scene->grants.request_egress = &text;
    scene->grants.request_egress_count = 1;
    scene->upstream.greet = talk_plain;
    snprintf(payload, sizeof(payload), "{\"url\":\"https://%s/\"}", entry);
    T_EQ(scene_call("http", "fetch", payload), AX_HOST_TRANSPORT);
    T_STR(ax_str_of(scene_outcome()), AX_STR("tls_failed"));
    T_EQ(scene->upstream.connections, 1);
    scene_free();
}

TEST_MAIN()

/* SPDX-License-Identifier: Apache-2.0 */
/* resolver_test.c - does the resolver tell all that the name server said, and only that? */
#include "host/resolver.h"

#include "base/test.h"
#include "host/test_dns.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct scene {
    struct ax_loop loop;
    struct test_dns dns;
    struct ax_resolver *resolver;
    struct ax_resolve resolves[64];
    enum ax_code codes[64];
    size_t done, wanted;
    struct ax_timer timer;
};

static struct scene *scene; /* one a test process */

static void scene_new(test_dns_answer_fn *answer)
{
    scene = ax_alloc(sizeof(*scene));
    ax_loop_init(&scene->loop);
    test_dns_start(&scene->dns, &scene->loop, answer);
    T_OK(ax_resolver_new(&scene->loop, ax_str_of(scene->dns.server), &scene->resolver, NULL));
}

static void scene_free(void)
{
    ax_resolver_free(scene->resolver);
    test_dns_stop(&scene->dns);
    ax_loop_done(&scene->loop);
    free(scene);
}

static void scene_on_done(enum ax_code code, void *arg)
{
    size_t index = (size_t)((struct ax_resolve *)arg - scene->resolves);

    scene->codes[index] = code;
    if (++scene->done == scene->wanted)
        ax_loop_stop(&scene->loop);
}

static struct ax_resolve *start(size_t index, const char *name)
{
    struct ax_resolve *resolve = &scene->resolves[index];

    resolve->name = name;
    scene->wanted++;
    ax_resolve_start(scene->resolver, resolve, scene_on_done, resolve);
    T_TRUE(ax_op_is_running(&resolve->op)); /* never from inside */
    return resolve;
}

static enum ax_code resolve(const char *name)
{
    scene->done = scene->wanted = 0;
    start(0, name);
    ax_loop_run(&scene->loop);
    return scene->codes[0];
}

static const char *text(size_t index)
{
    static char room[AX_ADDRESS_TEXT_MAX];

    ax_address_format(&scene->resolves[0].addresses[index], room);
    return room;
}

/* What the name says is what it gets. */
static void by_name(struct test_dns *dns, const char *name, int type, struct test_dns_reply *reply)
{
    bool v4 = type == TEST_DNS_A;

    (void)dns;
    if (strcmp(name, "both.example") == 0) {
        reply->addresses[reply->count++] = v4 ? "192.0.2.1" : "2001:db8::1";
        reply->addresses[reply->count++] = v4 ? "192.0.2.2" : "2001:db8::2";
    } else if (strcmp(name, "four.example") == 0 && v4) {
        reply->addresses[reply->count++] = "192.0.2.4";
    } else if (strcmp(name, "six.example") == 0 && !v4) {
        reply->addresses[reply->count++] = "2001:db8::6";
    } else if (strcmp(name, "alias.example") == 0) {
        reply->alias = "inside.internal";
        reply->addresses[reply->count++] = v4 ? "10.0.0.1" : "fd00::1";
    } else if (strcmp(name, "half.example") == 0) {
        reply->rcode = v4 ? 0 : 2;
        if (v4)
            reply->addresses[reply->count++] = "192.0.2.5";
    } else if (strcmp(name, "large.example") == 0) {
        reply->truncated = true;
        reply->addresses[reply->count++] = v4 ? "192.0.2.7" : "2001:db8::7";
    } else if (strcmp(name, "silent.example") == 0) {
        reply->silent = true;
    } else if (strcmp(name, "broken.example") == 0) {
        reply->garbage = true;
    } else if (strcmp(name, "fails.example") == 0) {
        reply->rcode = 2;
    } else if (strcmp(name, "nodata.example") != 0) {
        reply->rcode = 3;
    }
}

TEST(resolver_gives_both_families_ipv4_first)
{
    scene_new(by_name);
    T_OK(resolve("both.example"));
    T_EQ(scene->resolves[0].count, 4);
    T_STR(ax_str_of(text(0)), AX_STR("192.0.2.1"));
    T_STR(ax_str_of(text(1)), AX_STR("192.0.2.2"));
    T_STR(ax_str_of(text(2)), AX_STR("2001:db8::1"));
    T_STR(ax_str_of(text(3)), AX_STR("2001:db8::2"));
    T_EQ(scene->dns.questions, 2);
    scene_free();
}

TEST(resolver_is_content_with_one_family)
{
    scene_new(by_name);
    T_OK(resolve("four.example"));
    T_EQ(scene->resolves[0].count, 1);
    T_STR(ax_str_of(text(0)), AX_STR("192.0.2.4"));
    T_OK(resolve("six.example"));
    T_EQ(scene->resolves[0].count, 1);
    T_STR(ax_str_of(text(0)), AX_STR("2001:db8::6"));
    T_OK(resolve("half.example"));
    T_EQ(scene->resolves[0].count, 1);
    scene_free();
}

TEST(resolver_follows_aliases_inside_an_answer)
{
    scene_new(by_name);
    T_OK(resolve("alias.example"));
    T_EQ(scene->resolves[0].count, 2);
    T_STR(ax_str_of(text(0)), AX_STR("10.0.0.1"));
    scene_free();
}

TEST(resolver_asks_over_tcp_when_udp_was_too_small)
{
    scene_new(by_name);
    T_OK(resolve("large.example"));
    T_EQ(scene->resolves[0].count, 2);
    T_EQ(scene->dns.tcp_questions, 2);
    scene_free();
}

TEST(resolver_tells_failures_apart)
{
    scene_new(by_name);
    T_CODE(resolve("unknown.example"), AX_E_NOT_FOUND);
    T_CODE(resolve("nodata.example"), AX_E_NOT_FOUND);
    T_CODE(resolve("fails.example"), AX_E_IO);
    T_EQ(scene->resolves[0].count, 0);
    T_OK(resolve("four.example"));
    scene_free();
}

static void counted(struct test_dns *dns, const char *name, int type, struct test_dns_reply *reply)
{
    static char room[TEST_DNS_ADDRESSES_MAX][32];
    size_t count = (size_t)atoi(name + 1); /* "n64.example" */

    (void)dns;
    reply->truncated = true;
    for (size_t i = 0; type == TEST_DNS_A && i < count; i++) {
        snprintf(room[i], sizeof(room[i]), "192.0.2.%zu", i);
        reply->addresses[reply->count++] = room[i];
    }
}

TEST(resolver_refuses_more_addresses_than_can_be_judged)
{
    scene_new(counted);
    T_OK(resolve("n63.example"));
    T_EQ(scene->resolves[0].count, 63);
    T_OK(resolve("n64.example"));
    T_EQ(scene->resolves[0].count, AX_RESOLVE_ADDRESSES_MAX);
    T_CODE(resolve("n65.example"), AX_E_TOO_BIG);
    T_EQ(scene->resolves[0].count, 0);
    scene_free();
}

/* Names that a search list, an alias file or the hosts file would change stay as they are. */
TEST(resolver_knows_no_files_and_no_search_list)
{
    char aliases[] = "/tmp/annex-aliases-XXXXXX";
    int fd = mkstemp(aliases);

    T_TRUE(fd >= 0);
    T_EQ(write(fd, "plain both.example\n", 19), 19);
    close(fd);
    setenv("HOSTALIASES", aliases, 1);
    setenv("LOCALDOMAIN", "example", 1);
    setenv("RES_OPTIONS", "ndots:5", 1);
    scene_new(by_name);
    T_CODE(resolve("both"), AX_E_NOT_FOUND);
    T_CODE(resolve("plain"), AX_E_NOT_FOUND);
    T_CODE(resolve("ip6-localhost"), AX_E_NOT_FOUND);
    T_EQ(scene->dns.questions, 6);
    unlink(aliases);
    scene_free();
}

static void changing(struct test_dns *dns, const char *name, int type, struct test_dns_reply *reply)
{
    (void)name;
    if (type == TEST_DNS_A) {
        reply->ttl = 3600;
        reply->addresses[reply->count++] = dns->questions % 4 < 2 ? "192.0.2.8" : "127.0.0.1";
    }
}

TEST(resolver_remembers_nothing)
{
    scene_new(changing);
    for (int i = 1; i <= 100; i++) {
        T_OK(resolve("same.example"));
        T_EQ(scene->dns.questions, 2 * i);
    }
    scene_free();
}

TEST(resolver_answers_many_at_once)
{
    scene_new(by_name);
    for (size_t i = 0; i < 64; i++)
        start(i, i % 2 ? "both.example" : "unknown.example");
    ax_loop_run(&scene->loop);
    for (size_t i = 0; i < 64; i++) {
        T_CODE(scene->codes[i], i % 2 ? AX_OK : AX_E_NOT_FOUND);
        T_EQ(scene->resolves[i].count, i % 2 ? 4 : 0);
    }
    scene_free();
}

static void cancel_all(struct ax_timer *timer)
{
    (void)timer;
    for (size_t i = 0; i < scene->wanted; i++)
        ax_op_cancel(&scene->resolves[i].op);
    ax_op_cancel(&scene->resolves[0].op);
}

TEST(resolver_lets_go_of_canceled_lookups)
{
    scene_new(by_name);
    start(0, "silent.example");
    start(1, "broken.example");
    ax_timer_start(&scene->loop, &scene->timer, ax_loop_now_ms(&scene->loop) + 20, cancel_all);
    ax_loop_run(&scene->loop);
    T_CODE(scene->codes[0], AX_E_CANCELED);
    T_CODE(scene->codes[1], AX_E_CANCELED);
    /* c-ares still waits for both; another lookup is not disturbed, nor is the end */
    T_OK(resolve("four.example"));
    scene_free();
}

TEST(resolver_cancel_in_the_same_turn_answers_later)
{
    scene_new(by_name);
    start(0, "four.example");
    ax_op_cancel(&scene->resolves[0].op);
    T_TRUE(ax_op_is_running(&scene->resolves[0].op));
    ax_loop_run(&scene->loop);
    T_CODE(scene->codes[0], AX_E_CANCELED);
    scene_free();
}

TEST(resolver_says_so_when_nobody_is_there)
{
    scene_new(by_name);
    test_dns_stop(&scene->dns);
    T_CODE(resolve("four.example"), AX_E_IO);
    ax_resolver_free(scene->resolver);
    ax_loop_done(&scene->loop);
    free(scene);
}

TEST(resolver_servers_are_addresses_with_ports)
{
    static const char *const fine[] = { "",
                                        "127.0.0.1",
                                        "127.0.0.1:53",
                                        "::1",
                                        "[::1]",
                                        "[::1]:5353",
                                        "1.1.1.1,[2606:4700::1111]:53",
                                        "1.1.1.1 8.8.8.8" };
    static const char *const refused[] = {
        "localhost",
        "127.0.0.1:",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "[::1",
        "[::1]53",
        "[::1]:",
        "1.1.1.1,x",
        "fe80::1%lo",
        "127.1",
        "1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,"
        "1.1.1.1,1.1.1.1"
    };
    struct ax_loop loop;

    ax_loop_init(&loop);
    for (size_t i = 0; i < AX_ARRAY_LEN(fine); i++) {
        AX_AUTO(ax_resolver_free) struct ax_resolver *resolver = NULL;

        T_OK(ax_resolver_new(&loop, ax_str_of(fine[i]), &resolver, NULL));
    }
    for (size_t i = 0; i < AX_ARRAY_LEN(refused); i++) {
        AX_AUTO(ax_resolver_free) struct ax_resolver *resolver = NULL;
        struct ax_err err;

        T_CODE(ax_resolver_new(&loop, ax_str_of(refused[i]), &resolver, &err),
               AX_E_INVALID_REQUEST);
        T_TRUE(resolver == NULL);
    }
    ax_loop_done(&loop);
}

TEST_MAIN()

/* SPDX-License-Identifier: Apache-2.0 */
/* log_test.c - is every line one JSON object, and does nobody wait for it? */
#include "base/log.h"
#include "base/test.h"

#include "base/clock.h"
#include "base/json.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

/* A pipe that the log writes into. */
struct sink {
    int read;
    int write;
};

static struct sink sink_open(void)
{
    struct sink sink;

    T_EQ(pipe2((int *)&sink, O_CLOEXEC), 0);
    ax_log_init("front", AX_INFO);
    ax_log_to(sink.write);
    return sink;
}

static void sink_close(struct sink sink)
{
    ax_log_to(STDERR_FILENO);
    (void)close(sink.read);
    (void)close(sink.write);
}

/* What lies in the pipe; a line must be whole. */
static size_t sink_take(struct sink sink, char *room, size_t size)
{
    int flags = fcntl(sink.read, F_GETFL);
    ssize_t len;

    T_EQ(fcntl(sink.read, F_SETFL, flags | O_NONBLOCK), 0);
    len = read(sink.read, room, size);
    return len < 0 ? 0 : (size_t)len;
}

/* The one line that lies in the pipe, read as JSON. */
static struct ax_json *sink_line(struct sink sink)
{
    const struct ax_json_limits limits = { .bytes_max = PIPE_BUF };
    char room[PIPE_BUF + 1];
    size_t len = sink_take(sink, room, sizeof(room));
    struct ax_json *json = NULL;
    struct ax_str line = ax_str_make(room, len);

    T_TRUE(len > 0 && len <= PIPE_BUF && room[len - 1] == '\n');
    T_EQ(ax_str_find(line, '\n'), len - 1);
    T_OK(ax_json_parse(line, &limits, &json, NULL));
    return json;
}

TEST(log_writes_one_object_a_line)
{
    struct sink sink = sink_open();
    AX_AUTO(ax_json_free) struct ax_json *json = NULL;
    const struct ax_json_value *root;
    struct ax_str time;
    char second[AX_RFC3339_LEN + 1] = { 0 };
    int64_t number = 0;
    int64_t unix_s = 0;

    ax_log(AX_WARN, "bundle.rejected", kv_str("tenant", AX_STR("a\"\n\xff")), kv_u64("size", 7),
           kv_i64("delta", -7), kv_bool("cached", true), kv_cstr("nothing", NULL),
           kv_code("why", AX_E_NOT_FOUND));
    json = sink_line(sink);
    root = ax_json_root(json);
    T_EQ(ax_json_count(root), 10);
    T_STR(ax_json_str(ax_json_get(root, "level")), AX_STR("warn"));
    T_STR(ax_json_str(ax_json_get(root, "role")), AX_STR("front"));
    T_STR(ax_json_str(ax_json_get(root, "event")), AX_STR("bundle.rejected"));
    T_STR(ax_json_str(ax_json_get(root, "tenant")), AX_STR("a\"\n\xef\xbf\xbd"));
    T_TRUE(ax_json_i64(ax_json_get(root, "size"), 7, 7, &number));
    T_TRUE(ax_json_i64(ax_json_get(root, "delta"), -7, -7, &number));
    T_TRUE(ax_json_bool(ax_json_get(root, "cached"), false));
    T_STR(ax_json_str(ax_json_get(root, "why")), AX_STR("not_found"));
    time = ax_json_str(ax_json_get(root, "time"));
    T_EQ(time.len, 24); /* 2026-01-02T03:04:05.678Z */
    T_EQ(time.ptr[19], '.');
    memcpy(second, time.ptr, 19);
    second[19] = 'Z';
    T_TRUE(ax_clock_parse(ax_str_of(second), &unix_s));
    sink_close(sink);
}

TEST(log_drops_lines_below_the_level)
{
    struct sink sink = sink_open();
    char room[PIPE_BUF];

    ax_log(AX_DEBUG, "x");
    T_EQ(sink_take(sink, room, sizeof(room)), 0);
    T_FALSE(ax_log_wants(AX_DEBUG));
    T_TRUE(ax_log_wants(AX_INFO));
    ax_log_init("front", AX_ERROR);
    ax_log(AX_WARN, "x");
    T_EQ(sink_take(sink, room, sizeof(room)), 0);
    ax_log(AX_ERROR, "x");
    ax_json_free(sink_line(sink));
    T_EQ(ax_log_dropped(), 0);
    sink_close(sink);
}

TEST(log_counts_what_does_not_fit_and_never_waits)
{
    struct sink sink = sink_open();
    char *room = malloc(1 << 21);
    unsigned written = 0;
    AX_AUTO(ax_json_free) struct ax_json *json = NULL;
    uint64_t number = 0;

    assert_non_null(room);
    while (ax_log_dropped() == 0) { /* a call that waits would meet the deadline */
        ax_log(AX_INFO, "full");
        written++;
    }
    ax_log(AX_INFO, "full");
    ax_log(AX_INFO, "full");
    T_EQ(ax_log_dropped(), 3);
    T_TRUE(written > 100);
    T_TRUE(sink_take(sink, room, 1 << 21) > 0);
    ax_log(AX_INFO, "again");
    json = sink_line(sink);
    T_TRUE(ax_json_u64(ax_json_get(ax_json_root(json), "dropped"), 3, &number));
    T_EQ(number, 3);
    ax_json_free(AX_TAKE(json));
    ax_log(AX_INFO, "again");
    json = sink_line(sink);
    assert_null(ax_json_get(ax_json_root(json), "dropped")); /* said once */
    T_EQ(ax_log_dropped(), 3);
    free(room);
    sink_close(sink);
}

static bool cut_at(size_t len, size_t *ret_kept)
{
    struct sink sink = sink_open();
    AX_AUTO_FREE char *text = malloc(len);
    AX_AUTO(ax_json_free) struct ax_json *json = NULL;
    bool cut;

    assert_non_null(text);
    memset(text, 'x', len);
    ax_log(AX_INFO, "long", kv_str("text", ax_str_make(text, len)), kv_u64("after", 1));
    json = sink_line(sink);
    cut = ax_json_bool(ax_json_get(ax_json_root(json), "cut"), false);
    assert_non_null(ax_json_get(ax_json_root(json), "after"));
    *ret_kept = ax_json_str(ax_json_get(ax_json_root(json), "text")).len;
    sink_close(sink);
    return cut;
}

TEST(log_cuts_long_fields)
{
    size_t kept;

    T_FALSE(cut_at(1023, &kept));
    T_EQ(kept, 1023);
    T_FALSE(cut_at(1024, &kept));
    T_EQ(kept, 1024);
    T_TRUE(cut_at(1025, &kept));
    T_EQ(kept, 1024);
    T_TRUE(cut_at(1 << 20, &kept));
    T_EQ(kept, 1024);
}

TEST(log_keeps_characters_whole)
{
    for (size_t before = 1019; before < 1026; before++) {
        struct sink sink = sink_open();
        AX_AUTO(ax_json_free) struct ax_json *json = NULL;
        char text[1040];

        memset(text, 'x', sizeof(text));
        memcpy(text + before, "\xf0\x9f\x98\x80", 4);
        ax_log(AX_INFO, "long", kv_str("text", ax_str_make(text, sizeof(text))));
        json = sink_line(sink);
        T_EQ(ax_json_str(ax_json_get(ax_json_root(json), "text")).len,
             before <= 1020 || before >= 1024 ? 1024 : before);
        sink_close(sink);
    }
}

TEST(log_leaves_out_fields_that_pass_the_line)
{
    struct sink sink = sink_open();
    AX_AUTO(ax_json_free) struct ax_json *json = NULL;
    const struct ax_json_value *root;
    char text[1024];

    memset(text, 1, sizeof(text)); /* each byte becomes six */
    ax_log(AX_INFO, "wide", kv_u64("first", 1), kv_str("a", ax_str_make(text, 600)),
           kv_str("b", ax_str_make(text, 600)), kv_u64("last", 1));
    json = sink_line(sink);
    root = ax_json_root(json);
    assert_non_null(ax_json_get(root, "first"));
    T_EQ(ax_json_str(ax_json_get(root, "a")).len, 600);
    assert_null(ax_json_get(root, "b"));
    assert_non_null(ax_json_get(root, "last"));
    T_TRUE(ax_json_bool(ax_json_get(root, "cut"), false));
    sink_close(sink);
}

static void *log_some(void *arg __attribute__((unused)))
{
    for (unsigned i = 0; i < 100; i++)
        ax_log(AX_INFO, "thread", kv_u64("i", i));
    return NULL;
}

TEST(log_lines_of_threads_stay_whole)
{
    struct sink sink = sink_open();
    pthread_t threads[4];
    AX_AUTO_FREE char *room = malloc(1 << 20);
    struct ax_str rest;
    unsigned lines = 0;

    assert_non_null(room);
    T_TRUE(fcntl(sink.write, F_SETPIPE_SZ, 1 << 20) > 0);
    for (size_t i = 0; i < 4; i++)
        T_EQ(pthread_create(&threads[i], NULL, log_some, NULL), 0);
    for (size_t i = 0; i < 4; i++)
        T_EQ(pthread_join(threads[i], NULL), 0);
    rest = ax_str_make(room, sink_take(sink, room, 1 << 20));
    for (struct ax_str line = ax_str_cut(&rest, '\n'); rest.ptr; line = ax_str_cut(&rest, '\n')) {
        T_TRUE(ax_str_starts(line, AX_STR("{\"time\":")) && ax_str_ends(line, AX_STR("}")));
        lines++;
    }
    T_EQ(lines + ax_log_dropped(), 400);
    sink_close(sink);
}

TEST(log_to_a_closed_reader_is_a_drop)
{
    struct sink sink = sink_open();

    (void)signal(SIGPIPE, SIG_IGN);
    (void)close(sink.read);
    ax_log(AX_INFO, "nobody");
    T_EQ(ax_log_dropped(), 1);
    ax_log_to(-1);
    ax_log(AX_INFO, "nowhere");
    T_EQ(ax_log_dropped(), 2);
    (void)close(sink.write);
}

TEST_MAIN()

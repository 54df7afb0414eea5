/* SPDX-License-Identifier: Apache-2.0 */
/* client_test.c - does the client do what it is told, and nothing else? */
#include "http/client.h"
#include "http/test_kit.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/un.h>
#include <unistd.h>

/* --- an upstream that says what the test wrote down --- */

enum step_end { STEP_KEEP, STEP_CLOSE, STEP_SILENT /* waits until the client hangs up */ };

struct step {
    struct ax_str say;
    enum step_end end;
};

struct script {
    const struct step *steps;
    size_t count;
    uint16_t port;
    int fd;
    pthread_t thread;
    atomic_uint requests; /* read whole */
};

static bool script_wait(int fd)
{
    struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

    return poll(&poll_fd, 1, 20000) == 1;
}

static bool script_read_request(struct script *script, int fd)
{
    char text[65536];
    size_t len = 0;

    while (len < sizeof(text) && script_wait(fd)) {
        ssize_t got = recv(fd, text + len, sizeof(text) - len, 0);
        char *end, *length;

        if (got <= 0)
            return false;
        len += (size_t)got;
        end = memmem(text, len, "\r\n\r\n", 4);
        if (!end)
            continue;
        *end = '\0';
        length = strstr(text, "Content-Length: ");
        if (len >= (size_t)(end - text) + 4 + (length ? strtoul(length + 16, NULL, 10) : 0)) {
            atomic_fetch_add(&script->requests, 1);
            return true;
        }
        *end = '\r';
    }
    return false;
}

static void *script_run(void *arg)
{
    struct script *script = arg;
    int fd = -1;

    for (size_t i = 0; i < script->count; i++) {
        const struct step *step = &script->steps[i];

        if (fd < 0 && (!script_wait(script->fd) || (fd = accept(script->fd, NULL, NULL)) < 0))
            break;
        if (!script_read_request(script, fd)) {
            ax_fd_close(&fd);
            continue;
        }
        if (step->say.len > 0 &&
            send(fd, step->say.ptr, step->say.len, MSG_NOSIGNAL) != (ssize_t)step->say.len)
            break;
        if (step->end == STEP_SILENT)
            script_wait(fd);
        if (step->end != STEP_KEEP)
            ax_fd_close(&fd);
    }
    ax_fd_close(&fd);
    return NULL;
}

static void script_start(struct script *script, const struct step *steps, size_t count)
{
    memset(script, 0, sizeof(*script));
    script->steps = steps;
    script->count = count;
    script->fd = kit_listen(&script->port);
    T_TRUE(pthread_create(&script->thread, NULL, script_run, script) == 0);
}

static unsigned script_end(struct script *script)
{
    T_TRUE(pthread_join(script->thread, NULL) == 0);
    ax_fd_close(&script->fd);
    return atomic_load(&script->requests);
}

/* --- a client on the kit's loop --- */

struct caller {
    struct kit kit;
    struct ax_http_client *client;
    struct ax_http_call call;
    uint16_t port; /* of the kit's server */
    enum ax_code code;
    unsigned done;
    char url[256];
};

static void caller_init(struct caller *caller)
{
    struct ax_http_client_options options = { 0 };

    memset(caller, 0, sizeof(*caller));
    kit_init(&caller->kit, NULL);
    T_OK(ax_http_server_listen(caller->kit.server, kit_listen(&caller->port)));
    caller->client = ax_http_client_new(&caller->kit.loop, &options);
    caller->call.request.response_max = 1u << 20;
}

static void caller_done(struct caller *caller)
{
    ax_http_call_done(&caller->call);
    ax_http_client_free(caller->client);
    kit_done(&caller->kit);
}

static void caller_on_done(enum ax_code code, void *arg)
{
    struct caller *caller = arg;

    caller->code = code;
    caller->done++;
}

static bool caller_is_done(void *arg)
{
    return ((struct caller *)arg)->done > 0;
}

static struct ax_str caller_url(struct caller *caller, uint16_t port, const char *path)
{
    snprintf(caller->url, sizeof(caller->url), "http://127.0.0.1:%u%s", port, path);
    return ax_str_of(caller->url);
}

static void caller_start(struct caller *caller)
{
    caller->done = 0;
    uv_update_time(&caller->kit.loop.uv);
    ax_http_call_start(caller->client, &caller->call, caller_on_done, caller);
    T_EQ(caller->done, 0); /* never from inside */
}

static enum ax_code caller_run(struct caller *caller)
{
    caller_start(caller);
    T_TRUE(kit_until(&caller->kit, caller_is_done, caller));
    kit_settle(&caller->kit);
    T_EQ(caller->done, 1);
    T_EQ(caller->call.result.failure == AX_HTTP_FINE, caller->code == AX_OK);
    T_EQ(caller->call.result.reason[0] == '\0', caller->code == AX_OK);
    return caller->code;
}

/* One answer from a script to a plain GET. */
static enum ax_code caller_hear(struct caller *caller, struct ax_str say)
{
    struct step step = { say, STEP_CLOSE };
    struct script script;
    enum ax_code code;

    script_start(&script, &step, 1);
    caller->call.request.url = caller_url(caller, script.port, "/");
    caller->call.request.fresh = true;
    code = caller_run(caller);
    T_EQ(script_end(&script), 1);
    return code;
}

static void expect_body(const struct caller *caller, const char *body)
{
    T_STR(ax_buf_str(&caller->call.result.body), ax_str_of(body));
}

TEST(requests_carry_what_the_caller_gave_and_nothing_else)
{
    static const struct ax_http_header headers[] = {
        { AX_STR_INIT("X-One"), AX_STR_INIT("1") },
        { AX_STR_INIT("x-empty"), AX_STR_INIT("") },
    };
    static const struct {
        const char *method, *body, *echo;
    } rows[] = {
        { "", "", "GET /a?b|host=127.0.0.1:%u|x-one=1|x-empty=|" },
        { "GET", "", "GET /a?b|host=127.0.0.1:%u|x-one=1|x-empty=|" },
        { "DELETE", "", "DELETE /a?b|host=127.0.0.1:%u|x-one=1|x-empty=|" },
        { "OPTIONS", "", "OPTIONS /a?b|host=127.0.0.1:%u|x-one=1|x-empty=|" },
        { "POST", "", "POST /a?b|host=127.0.0.1:%u|x-one=1|x-empty=|content-length=0|" },
        { "PUT", "", "PUT /a?b|host=127.0.0.1:%u|x-one=1|x-empty=|content-length=0|" },
        { "POST", "body", "POST /a?b|host=127.0.0.1:%u|x-one=1|x-empty=|content-length=4|body" },
        { "PATCH", "body", "PATCH /a?b|host=127.0.0.1:%u|x-one=1|x-empty=|content-length=4|body" },
        { "GET", "body", "GET /a?b|host=127.0.0.1:%u|x-one=1|x-empty=|content-length=4|body" },
    };
    struct caller caller;
    char expected[256];

    caller_init(&caller);
    caller.call.request.headers = headers;
    caller.call.request.header_count = AX_ARRAY_LEN(headers);
    caller.call.request.url = caller_url(&caller, caller.port, "/a?b");
    for (size_t i = 0; i < AX_ARRAY_LEN(rows); i++) {
        caller.call.request.method = ax_str_of(rows[i].method);
        caller.call.request.body = ax_str_of(rows[i].body);
        T_OK(caller_run(&caller));
        T_EQ(caller.call.result.status, 200);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(expected, sizeof(expected), rows[i].echo, caller.port);
#pragma GCC diagnostic pop
        expect_body(&caller, expected);
        T_STR(ax_http_result_header(&caller.call.result, AX_STR("x-kit")), AX_STR("yes"));
        T_TRUE(ax_http_result_header(&caller.call.result, AX_STR("x-tik")).ptr == NULL);
        T_TRUE(caller.call.result.request_sent);
        T_TRUE(caller.call.result.bytes_sent > 40 && caller.call.result.bytes_received > 40);
    }
    caller.call.request.method = AX_STR("HEAD");
    caller.call.request.body = AX_STR("");
    T_OK(caller_run(&caller));
    T_EQ(caller.call.result.status, 200);
    T_EQ(caller.call.result.body.len, 0);
    T_EQ(ax_http_server_stats(caller.kit.server).accepted, 1); /* one connection, kept */
    caller_done(&caller);
}

TEST(a_fresh_call_has_a_connection_of_its_own)
{
    struct caller caller;

    caller_init(&caller);
    caller.call.request.url = caller_url(&caller, caller.port, "/");
    T_OK(caller_run(&caller));
    caller.call.request.fresh = true;
    for (int i = 0; i < 3; i++)
        T_OK(caller_run(&caller));
    caller.call.request.fresh = false;
    T_OK(caller_run(&caller));
    T_EQ(ax_http_server_stats(caller.kit.server).accepted, 4);
    T_EQ(ax_http_server_stats(caller.kit.server).connections, 1);
    caller_done(&caller);
}

TEST(large_bodies_go_both_ways_without_asking_first)
{
    struct caller caller;
    AX_AUTO_BUF struct ax_buf body = { .max = 4u << 20 };

    caller_init(&caller);
    for (int i = 0; i < 1500000; i++)
        ax_buf_append_byte(&body, 'x');
    caller.call.request.url = caller_url(&caller, caller.port, "/buf");
    caller.call.request.method = AX_STR("POST");
    caller.call.request.body = ax_buf_str(&body);
    caller.call.request.response_max = 4u << 20;
    T_OK(caller_run(&caller));
    T_TRUE(caller.call.result.body.len > 1500000);
    T_TRUE(memmem(caller.call.result.body.ptr, 200, "expect", 6) == NULL);
    caller_done(&caller);
}

TEST(requests_that_are_none_are_refused)
{
    static const struct {
        struct ax_str method, url, name, value;
    } rows[] = {
        { AX_STR_INIT(""), AX_STR_INIT(""), AX_STR_INIT("a"), AX_STR_INIT("") },
        { AX_STR_INIT(""), AX_STR_INIT("http://"), AX_STR_INIT("a"), AX_STR_INIT("") },
        { AX_STR_INIT(""), AX_STR_INIT("ftp://a/"), AX_STR_INIT("a"), AX_STR_INIT("") },
        { AX_STR_INIT(""), AX_STR_INIT("file:///etc/passwd"), AX_STR_INIT("a"), AX_STR_INIT("") },
        { AX_STR_INIT(""), AX_STR_INIT("//127.0.0.1/"), AX_STR_INIT("a"), AX_STR_INIT("") },
        { AX_STR_INIT(""), AX_STR_INIT("http://u@127.0.0.1/"), AX_STR_INIT("a"), AX_STR_INIT("") },
        { AX_STR_INIT(""), AX_STR_INIT("http://127.0.0.1/#f"), AX_STR_INIT("a"), AX_STR_INIT("") },
        { AX_STR_INIT(""), AX_STR_INIT("http://127.0.0.1/ a"), AX_STR_INIT("a"), AX_STR_INIT("") },
        { AX_STR_INIT(""), AX_STR_INIT("http://127.0.0.1\\a"), AX_STR_INIT("a"), AX_STR_INIT("") },
        { AX_STR_INIT(""), AX_STR_INIT("http://127.0.0.1/\r\n"), AX_STR_INIT("a"),
          AX_STR_INIT("") },
        { AX_STR_INIT(""), AX_STR_INIT("http://127.0.0.1/\0"), AX_STR_INIT("a"), AX_STR_INIT("") },
        { AX_STR_INIT(""), AX_STR_INIT("http://127.0.0.1:99999/"), AX_STR_INIT("a"),
          AX_STR_INIT("") },
        { AX_STR_INIT("G T"), AX_STR_INIT("http://127.0.0.1/"), AX_STR_INIT("a"), AX_STR_INIT("") },
        { AX_STR_INIT("A\r\nB"), AX_STR_INIT("http://127.0.0.1/"), AX_STR_INIT("a"),
          AX_STR_INIT("") },
        { AX_STR_INIT(""), AX_STR_INIT("http://127.0.0.1/"), AX_STR_INIT(""), AX_STR_INIT("") },
        { AX_STR_INIT(""), AX_STR_INIT("http://127.0.0.1/"), AX_STR_INIT("a b"), AX_STR_INIT("") },
        { AX_STR_INIT(""), AX_STR_INIT("http://127.0.0.1/"), AX_STR_INIT("a"),
          AX_STR_INIT("\r\nb: c") },
        { AX_STR_INIT(""), AX_STR_INIT("http://127.0.0.1/"), AX_STR_INIT("a"), AX_STR_INIT("b\0") },
        { AX_STR_INIT(""), AX_STR_INIT("http://127.0.0.1/"), AX_STR_INIT("Host"),
          AX_STR_INIT("b") },
        { AX_STR_INIT(""), AX_STR_INIT("http://127.0.0.1/"), AX_STR_INIT("expect"),
          AX_STR_INIT("x") },
        { AX_STR_INIT(""), AX_STR_INIT("http://127.0.0.1/"), AX_STR_INIT("Content-Length"),
          AX_STR_INIT("1") },
        { AX_STR_INIT(""), AX_STR_INIT("http://127.0.0.1/"), AX_STR_INIT("Transfer-Encoding"),
          AX_STR_INIT("chunked") },
        { AX_STR_INIT(""), AX_STR_INIT("http://127.0.0.1/"), AX_STR_INIT("Connection"),
          AX_STR_INIT("x") },
    };
    struct caller caller;

    caller_init(&caller);
    for (size_t i = 0; i < AX_ARRAY_LEN(rows); i++) {
        struct ax_http_header header = { rows[i].name, rows[i].value };

        caller.call.request.method = rows[i].method;
        caller.call.request.url = rows[i].url;
        caller.call.request.headers = &header;
        caller.call.request.header_count = 1;
        T_CODE(caller_run(&caller), AX_E_INVALID_REQUEST);
        T_EQ(caller.call.result.failure, AX_HTTP_INVALID);
        T_FALSE(caller.call.result.request_sent);
    }
    caller_done(&caller);
}

/* --- answers --- */

TEST(answers_are_taken_as_they_are)
{
    struct caller caller;

    caller_init(&caller);
    T_OK(caller_hear(&caller, AX_STR("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
                                     "Content-Length: 0\r\n\r\n")));
    T_EQ(caller.call.result.status, 302); /* not followed */
    T_STR(ax_http_result_header(&caller.call.result, AX_STR("location")),
          AX_STR("http://127.0.0.1:1/"));
    T_OK(caller_hear(&caller, AX_STR("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
                                     "Content-Length: 4\r\n\r\n\x1f\x8bzz")));
    expect_body(&caller, "\x1f\x8bzz"); /* not decompressed */
    T_OK(caller_hear(&caller, AX_STR("HTTP/1.1 103 Early\r\nX-Early: 1\r\n\r\n"
                                     "HTTP/1.1 200 OK\r\nX-Late: 1\r\n\r\nto the end")));
    T_EQ(caller.call.result.header_count, 1);
    expect_body(&caller, "to the end");
    T_OK(caller_hear(&caller, AX_STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                     "3\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n")));
    expect_body(&caller, "abc");
    T_EQ(caller.call.result.header_count, 1);
    T_OK(caller_hear(&caller,
                     AX_STR("HTTP/1.0 599 \r\nSet-Cookie: a=b\r\nset-cookie: c=d\r\n\r\n")));
    T_EQ(caller.call.result.status, 599);
    T_EQ(caller.call.result.header_count, 2);
    caller_done(&caller);
}

TEST(answers_that_are_none_are_refused)
{
    static const struct ax_str bad[] = {
        AX_STR_INIT(""),
        AX_STR_INIT("SSH-2.0-x\r\n\r\n"),
        AX_STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"),
        AX_STR_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab"),
        AX_STR_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab"),
        AX_STR_INIT("HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n"),
        AX_STR_INIT("HTTP/1.1 200 OK\r\nno-colon\r\n\r\n"),
        AX_STR_INIT("HTTP/1.1 200 OK\r\na: b\r\n folded\r\n\r\n"),
        AX_STR_INIT("HTTP/1.1 200 OK\r\na: b\x01 c\r\n\r\n"),
        AX_STR_INIT("HTTP/1.1 200 OK\r\na: b\rc: d\r\n\r\n"),
        AX_STR_INIT("HTTP/1.1 200 OK\r\na: b\0c\r\n\r\n"),
        AX_STR_INIT("HTTP/1.1 199 X\r\n\r\n"),
        AX_STR_INIT("HTTP/1.1 600 X\r\n\r\n"),
        AX_STR_INIT("HTTP/1.1 200 OK\r\na: b\r\n"),
    };
    struct caller caller;

    caller_init(&caller);
    for (size_t i = 0; i < AX_ARRAY_LEN(bad); i++) {
        T_CODE(caller_hear(&caller, bad[i]), AX_E_CLOSED);
        T_EQ(caller.call.result.failure, AX_HTTP_TRANSPORT);
        T_EQ(caller.call.result.header_count, 0);
        T_EQ(caller.call.result.body.len, 0);
        T_TRUE(caller.call.result.request_sent);
    }
    caller_done(&caller);
}

TEST(answers_are_limited)
{
    struct caller caller;

    caller_init(&caller);
    for (size_t i = 0; i < 3; i++) {
        enum ax_code expected = i < 2 ? AX_OK : AX_E_TOO_BIG;
        AX_AUTO_BUF struct ax_buf say = { .max = 1u << 20 };

        caller.call.request.response_max = 6 - i;
        T_CODE(caller_hear(&caller, AX_STR("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345")),
               expected);
        T_CODE(caller_hear(&caller, AX_STR("HTTP/1.1 200 OK\r\n\r\n12345")), expected);
        caller.call.request.response_max = 0;
        caller.call.request.header_max = 18 + 1 - i; /* names and values */
        T_CODE(
            caller_hear(&caller, AX_STR("HTTP/1.1 200 OK\r\nContent-Length: 0\r\na: bc\r\n\r\n")),
            i < 1   ? AX_OK
            : i < 2 ? AX_OK
                    : AX_E_TOO_BIG);
        caller.call.request.header_max = 0;
        ax_buf_append_str(&say, AX_STR("HTTP/1.1 204 OK\r\n"));
        for (size_t k = 0; k < 63 + i; k++)
            ax_buf_append_str(&say, AX_STR("a: b\r\n"));
        ax_buf_append_str(&say, AX_STR("\r\n"));
        T_CODE(caller_hear(&caller, ax_buf_str(&say)), expected);
        if (expected != AX_OK)
            T_EQ(caller.call.result.failure, AX_HTTP_TOO_LARGE);
    }
    caller_done(&caller);
}

/* --- ways there --- */

TEST(the_caller_decides_where_to_connect)
{
    struct caller caller;
    char connect_to[64], expected[64];

    caller_init(&caller);
    snprintf(caller.url, sizeof(caller.url), "http://name.test:7/x");
    snprintf(connect_to, sizeof(connect_to), "name.test:7:127.0.0.1:%u", caller.port);
    caller.call.request.url = ax_str_of(caller.url);
    caller.call.request.connect_to = ax_str_of(connect_to);
    T_OK(caller_run(&caller));
    snprintf(expected, sizeof(expected), "GET /x|host=name.test:7|");
    expect_body(&caller, expected);
    caller_done(&caller);
}

TEST(proxies_of_the_environment_are_ignored)
{
    struct caller caller;

    setenv("http_proxy", "http://127.0.0.1:1/", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1/", 1);
    caller_init(&caller);
    caller.call.request.url = caller_url(&caller, caller.port, "/x");
    T_OK(caller_run(&caller));
    caller_done(&caller);
}

struct judge {
    bool allow;
    unsigned asked;
    uint16_t port;
};

static bool judge_address(void *arg, const struct sockaddr *address, socklen_t len)
{
    struct judge *judge = arg;
    const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;

    judge->asked++;
    T_EQ(len, sizeof(*in));
    T_EQ(in->sin_family, AF_INET);
    T_EQ(ntohl(in->sin_addr.s_addr), INADDR_LOOPBACK);
    T_EQ(ntohs(in->sin_port), judge->port);
    return judge->allow;
}

TEST(every_address_is_judged_before_it_is_connected_to)
{
    struct caller caller;
    struct judge judge = { .allow = false };

    caller_init(&caller);
    judge.port = caller.port;
    caller.call.request.url = caller_url(&caller, caller.port, "/x");
    caller.call.request.on_address = judge_address;
    caller.call.request.address_arg = &judge;
    T_CODE(caller_run(&caller), AX_E_FORBIDDEN);
    T_EQ(caller.call.result.failure, AX_HTTP_REFUSED_ADDRESS);
    T_FALSE(caller.call.result.request_sent);
    T_EQ(judge.asked, 1);
    T_EQ(ax_http_server_stats(caller.kit.server).accepted, 0);
    judge.allow = true;
    T_OK(caller_run(&caller));
    T_EQ(judge.asked, 2);
    caller_done(&caller);
}

TEST(unix_sockets_are_a_way_too)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char folder[] = "/tmp/client-test-XXXXXX";
    struct caller caller;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    T_TRUE(mkdtemp(folder) != NULL);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", folder);
    T_TRUE(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 8) == 0);
    caller_init(&caller);
    T_OK(ax_http_server_listen(caller.kit.server, fd));
    caller.call.request.url = AX_STR("http://service/x");
    caller.call.request.unix_path = address.sun_path;
    T_OK(caller_run(&caller));
    expect_body(&caller, "GET /x|host=service|");
    unlink(address.sun_path);
    rmdir(folder);
    caller_done(&caller);
}

TEST(nobody_there_is_said)
{
    struct caller caller;
    uint16_t port;
    int fd = kit_listen(&port);

    ax_fd_close(&fd); /* a port that was free a moment ago */
    caller_init(&caller);
    caller.call.request.url = caller_url(&caller, port, "/");
    T_CODE(caller_run(&caller), AX_E_CLOSED);
    T_EQ(caller.call.result.failure, AX_HTTP_CONNECT);
    T_FALSE(caller.call.result.request_sent);
    caller.call.request.url = AX_STR("http://no-such-name.invalid/");
    T_CODE(caller_run(&caller), AX_E_CLOSED);
    T_EQ(caller.call.result.failure, AX_HTTP_RESOLVE);
    T_FALSE(caller.call.result.request_sent);
    caller_done(&caller);
}

TEST(only_what_changes_nothing_is_sent_twice_when_a_kept_connection_dies)
{
    static const struct step steps[] = {
        { AX_STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), STEP_KEEP },
        { AX_STR_INIT(""), STEP_CLOSE }, /* takes the request and dies */
        { AX_STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2"), STEP_CLOSE },
    };

    for (int safe = 0; safe < 2; safe++) {
        struct caller caller;
        struct script script;

        caller_init(&caller);
        script_start(&script, steps, safe ? 3 : 2);
        caller.call.request.url = caller_url(&caller, script.port, "/");
        caller.call.request.method = safe ? AX_STR("GET") : AX_STR("POST");
        T_OK(caller_run(&caller));
        T_CODE(caller_run(&caller), safe ? AX_OK : AX_E_CLOSED);
        T_TRUE(caller.call.result.request_sent);
        if (safe)
            expect_body(&caller, "2");
        T_EQ(script_end(&script), safe ? 3 : 2);
        caller_done(&caller);
    }
}

/* --- time --- */

TEST(deadlines_end_a_call_wherever_it_is)
{
    static const struct step silent[] = { { AX_STR_INIT(""), STEP_SILENT } };
    static const struct step half[] = {
        { AX_STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal"), STEP_SILENT }
    };
    struct caller caller;

    caller_init(&caller);
    for (int i = 0; i < 2; i++) {
        struct script script;
        uint64_t now;

        script_start(&script, i ? half : silent, 1);
        caller.call.request.url = caller_url(&caller, script.port, "/");
        uv_update_time(&caller.kit.loop.uv);
        now = ax_loop_now_ms(&caller.kit.loop);
        caller.call.request.deadline_ms = now + 300;
        T_CODE(caller_run(&caller), AX_E_DEADLINE_EXCEEDED);
        T_EQ(caller.call.result.failure, AX_HTTP_TIMEOUT);
        T_TRUE(ax_loop_now_ms(&caller.kit.loop) >= now + 300);
        T_EQ(script_end(&script), 1);
    }
    caller.call.request.url = caller_url(&caller, caller.port, "/");
    caller.call.request.deadline_ms = 1; /* long ago */
    T_CODE(caller_run(&caller), AX_E_DEADLINE_EXCEEDED);
    caller_done(&caller);
}

TEST(calls_wait_for_a_connection_when_there_are_no_more)
{
    struct ax_http_client_options options = { .connections_max = 1 };
    struct caller callers[3]; /* the first one's kit and client are everyone's */
    struct ax_http_client *client;

    caller_init(&callers[0]);
    client = ax_http_client_new(&callers[0].kit.loop, &options);
    callers[0].kit.hold = true;
    for (int i = 0; i < 3; i++) {
        if (i > 0)
            memset(&callers[i], 0, sizeof(callers[i]));
        callers[i].call.request = callers[0].call.request;
        callers[i].call.request.url = caller_url(&callers[i], callers[0].port, "/");
        callers[i].call.request.deadline_ms = i == 1 ? ax_loop_now_ms(&callers[0].kit.loop) + 300
                                                     : 0;
        ax_http_call_start(client, &callers[i].call, caller_on_done, &callers[i]);
    }
    T_TRUE(kit_until(&callers[0].kit, caller_is_done, &callers[1]));
    T_CODE(callers[1].code, AX_E_DEADLINE_EXCEEDED); /* while it waited */
    T_FALSE(callers[1].call.result.request_sent);
    T_EQ(callers[0].done + callers[2].done, 0);
    callers[0].kit.hold = false;
    T_OK(ax_exchange_answer(callers[0].kit.held, 200, NULL, 0, AX_STR("x")));
    T_TRUE(kit_until(&callers[0].kit, caller_is_done, &callers[2]));
    T_OK(callers[0].code);
    T_OK(callers[2].code);
    T_EQ(callers[0].kit.requests, 2);
    for (int i = 0; i < 3; i++)
        ax_http_call_done(&callers[i].call);
    ax_http_client_free(client);
    caller_done(&callers[0]);
}

static bool has_held(void *arg)
{
    return ((struct caller *)arg)->kit.held != NULL;
}

TEST(canceled_calls_end_once_and_never_from_inside)
{
    struct caller caller;

    caller_init(&caller);
    caller.call.request.url = caller_url(&caller, caller.port, "/");
    for (int late = 0; late < 2; late++) {
        caller.kit.hold = true;
        caller_start(&caller);
        if (late)
            T_TRUE(kit_until(&caller.kit, has_held, &caller));
        ax_op_cancel(&caller.call.op);
        ax_op_cancel(&caller.call.op);
        T_EQ(caller.done, 0);
        T_TRUE(kit_until(&caller.kit, caller_is_done, &caller));
        kit_settle(&caller.kit);
        T_EQ(caller.done, 1);
        T_CODE(caller.code, AX_E_CANCELED);
        T_EQ(caller.call.result.failure, AX_HTTP_CANCELED);
    }
    T_TRUE(caller.kit.aborts >= 1); /* the upstream saw us go */
    caller.kit.hold = false;
    T_OK(caller_run(&caller));
    caller.call.request.url = AX_STR("not a url");
    caller_start(&caller);
    ax_op_cancel(&caller.call.op); /* it had failed already, and says so or says canceled, once */
    T_TRUE(kit_until(&caller.kit, caller_is_done, &caller));
    T_EQ(caller.done, 1);
    caller_done(&caller);
}

TEST_MAIN()

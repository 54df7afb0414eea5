/* SPDX-License-Identifier: Apache-2.0 */
/* execute_body_test.c - is the runner asked for exactly what was decided? */
#include "gateway/execute_body.h"

#include "base/json.h"
#include "gateway/test_scene.h"

#define MANIFEST                                                                        \
    ",\"capabilities\":[\"cap:http.fetch\",\"cap:secrets.get\",\"cap:order.read\"],"    \
    "\"limits\":{\"timeout_ms\":3000},\"api\":{\"endpoints\":["                         \
    "{\"method\":\"POST\",\"path\":\"/greet/:name\",\"handler\":\"greet \\\"it\\\"\"}," \
    "{\"method\":\"GET\",\"path\":\"/fast\",\"handler\":\"fast\",\"timeout_ms\":700}]}"

struct scene {
    struct ax_read_model *model;
    struct ax_arena arena;
    struct ax_ext_path path;
    struct ax_endpoint_match match;
    struct ax_pass_headers headers;
    struct ax_call_request call;
    struct ax_buf buf;
};

static void scene_open(struct scene *in, const char *raw, enum ax_method method)
{
    *in = (struct scene){ .model = ax_read_model_new() };
    ax_arena_init(&in->arena, 1u << 20);
    ax_buf_init(&in->buf, AX_CALL_BYTES_MAX);
    scene_extension(in->model, "ext_1", "com.acme.hello");
    scene_version(in->model, "ver_1", "ext_1", "com.acme.hello", "1.0.0", 0xab, MANIFEST);
    scene_install(in->model, "ins_1", "t\"1", "ext_1", "ver_1", AX_INSTALL_ENABLED);
    T_OK(ax_ext_path_parse(ax_str_of(raw), &in->arena, &in->path, NULL));
    T_OK(ax_read_model_resolve(in->model, AX_STR("t\"1"), in->path.extension, &in->call.install));
    T_OK(ax_endpoints_match(in->call.install->version->endpoints, method, &in->path, &in->match));
    in->call.request_id = AX_STR("req-1");
    in->call.match = &in->match;
    in->call.path = &in->path;
    in->call.headers = &in->headers;
    in->call.left_ms = 5000;
    in->call.arena = &in->arena;
}

static void scene_close(struct scene *in)
{
    ax_buf_done(&in->buf);
    ax_arena_done(&in->arena);
    ax_read_model_free(in->model);
}

TEST(call_says_all_that_was_decided)
{
    static const struct ax_claim extras[] = { { AX_STR_INIT("dept"), AX_STR_INIT("R&D") } };
    struct ax_claims claims = {
        .subject = AX_STR("u1"), .email = AX_STR("a@b"), .extras = extras, .extra_count = 1
    };
    struct scene in;

    scene_open(&in, "/api/ext/com.acme.hello/greet/A%22da", AX_METHOD_POST);
    in.call.query = AX_STR("b=2&a=1&b=%22x+y&&c");
    in.call.has_body = true;
    in.call.body = AX_STR("\0\1\xff");
    in.call.claims = &claims;
    in.call.host_token = AX_STR("tok.en");
    in.headers.items[0] = (struct ax_http_header){ AX_STR("accept"), AX_STR("a") };
    in.headers.items[1] = (struct ax_http_header){ AX_STR("x-mine"), AX_STR("\"") };
    in.headers.items[2] = (struct ax_http_header){ AX_STR("Accept"), AX_STR("b") };
    in.headers.count = 3;
    T_OK(ax_call_build(&in.call, &in.buf, NULL));
    T_STR(ax_buf_str(&in.buf),
          AX_STR("{\"context\":{\"request_id\":\"req-1\",\"tenant_id\":\"t\\\"1\","
                 "\"extension_id\":\"ext_1\",\"install_id\":\"ins_1\",\"version_id\":\"ver_1\","
                 "\"content_hash\":\"sha256:"
                 "ab00000000000000000000000000000000000000000000000000000000000000\","
                 "\"config\":{\"greeting\":\"Hi\"}},"
                 "\"http\":{\"method\":\"POST\",\"path\":\"/greet/A%22da\","
                 "\"query\":[[\"b\",\"2\"],[\"a\",\"1\"],[\"b\",\"\\\"x y\"],[\"c\",\"\"]],"
                 "\"headers\":{\"accept\":[\"a\",\"b\"],\"x-mine\":\"\\\"\"},"
                 "\"body_b64\":\"AAH/\"},"
                 "\"limits\":{\"timeout_ms\":3000},"
                 "\"providers\":[\"http.fetch\",\"order.read\"],\"egress\":[\"api.acme.com\"],"
                 "\"endpoint\":\"greet \\\"it\\\"\",\"params\":{\"name\":\"A\\\"da\"},"
                 "\"user\":{\"user_id\":\"u1\",\"user_email\":\"a@b\","
                 "\"additional_fields\":{\"dept\":\"R&D\"}},"
                 "\"host\":{\"token\":\"tok.en\"}}"));
    scene_close(&in);
}

TEST(call_leaves_out_what_there_is_not)
{
    AX_AUTO(ax_json_free) struct ax_json *json = NULL;
    static const struct ax_json_limits limits = { .bytes_max = AX_CALL_BYTES_MAX };
    struct scene in;

    scene_open(&in, "/api/ext/ins_1/fast", AX_METHOD_HEAD);
    T_OK(ax_call_build(&in.call, &in.buf, NULL));
    T_OK(ax_json_parse(ax_buf_str(&in.buf), &limits, &json, NULL));
    const struct ax_json_value *root = ax_json_root(json);
    const struct ax_json_value *http = ax_json_get(root, "http");
    T_STR(ax_json_str(ax_json_get(http, "method")), AX_STR("GET")); /* HEAD runs GET */
    T_EQ(ax_json_type(ax_json_get(http, "body_b64")), AX_JSON_MISSING);
    T_EQ(ax_json_count(ax_json_get(http, "query")), 0);
    T_EQ(ax_json_type(ax_json_get(root, "user")), AX_JSON_MISSING);
    T_EQ(ax_json_type(ax_json_get(root, "host")), AX_JSON_MISSING);
    T_EQ(ax_json_count(ax_json_get(root, "params")), 0);
    scene_close(&in);
}

TEST(call_time_is_what_is_left_less_a_margin)
{
    static const struct {
        const char *path;
        enum ax_method method;
        uint64_t left_ms;
        uint32_t timeout_ms;
    } rows[] = {
        { "/api/ext/ins_1/fast", AX_METHOD_GET, 5000, 700 },
        { "/api/ext/ins_1/fast", AX_METHOD_GET, 901, 700 },
        { "/api/ext/ins_1/fast", AX_METHOD_GET, 900, 700 },
        { "/api/ext/ins_1/fast", AX_METHOD_GET, 899, 699 },
        { "/api/ext/ins_1/fast", AX_METHOD_GET, 201, 1 },
        { "/api/ext/ins_1/fast", AX_METHOD_GET, 200, 0 },
        { "/api/ext/ins_1/fast", AX_METHOD_GET, 0, 0 },
        { "/api/ext/ins_1/greet/x", AX_METHOD_POST, 30500, 3000 },
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(rows); i++) {
        struct ax_err err = { 0 };
        struct scene in;

        scene_open(&in, rows[i].path, rows[i].method);
        in.call.left_ms = rows[i].left_ms;
        T_EQ(ax_call_timeout_ms(in.call.install, in.match.endpoint, rows[i].left_ms),
             rows[i].timeout_ms);
        T_CODE(ax_call_build(&in.call, &in.buf, &err),
               rows[i].timeout_ms ? AX_OK : AX_E_DEADLINE_EXCEEDED);
        scene_close(&in);
    }
}

TEST(call_query_is_bounded_and_strict)
{
    static const char *const bad[] = { "%", "a=%4", "%zz=1", "a=%00", "%ff", "a=%c3" };
    static const char *const good[] = { "%25", "a=%41", "%7a=1", "a=%01", "%7f", "a=%c3%a4" };

    for (size_t i = 0; i < AX_ARRAY_LEN(bad); i++) {
        struct scene in;

        scene_open(&in, "/api/ext/ins_1/fast", AX_METHOD_GET);
        in.call.query = ax_str_of(bad[i]);
        T_CODE(ax_call_build(&in.call, &in.buf, NULL), AX_E_INVALID_REQUEST);
        ax_buf_clear(&in.buf);
        in.call.query = ax_str_of(good[i]);
        T_OK(ax_call_build(&in.call, &in.buf, NULL));
        scene_close(&in);
    }
    for (size_t count = AX_CALL_PAIRS_MAX - 1; count <= AX_CALL_PAIRS_MAX + 1; count++) {
        AX_AUTO_BUF struct ax_buf query = { .max = 8192 };
        struct scene in;

        for (size_t i = 0; i < count; i++)
            ax_buf_append_str(&query, AX_STR("a&"));
        scene_open(&in, "/api/ext/ins_1/fast", AX_METHOD_GET);
        in.call.query = ax_buf_str(&query);
        T_CODE(ax_call_build(&in.call, &in.buf, NULL),
               count <= AX_CALL_PAIRS_MAX ? AX_OK : AX_E_INVALID_REQUEST);
        scene_close(&in);
    }
}

TEST(call_body_has_at_most_8_mib)
{
    char *bytes = ax_alloc(AX_CALL_BODY_MAX + 1);

    for (size_t len = AX_CALL_BODY_MAX - 1; len <= AX_CALL_BODY_MAX + 1; len++) {
        struct scene in;

        scene_open(&in, "/api/ext/ins_1/greet/x", AX_METHOD_POST);
        in.call.has_body = true;
        in.call.body = ax_str_make(bytes, len);
        T_CODE(ax_call_build(&in.call, &in.buf, NULL),
               len <= AX_CALL_BODY_MAX ? AX_OK : AX_E_PAYLOAD_TOO_LARGE);
        scene_close(&in);
    }
    free(bytes);
}

TEST(call_token_is_for_stateful_capabilities)
{
    static const struct {
        const char *capabilities;
        bool needs;
    } rows[] = {
        { "", false },
        { "\"http.fetch\"", false },
        { "\"storage.kv\"", true },
        { "\"secrets.get\"", false }, /* asked for, not granted */
        { "\"order.read\"", true },
        { "\"stock.read\"", false },
        { "\"context.read\",\"log.emit\"", false },
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(rows); i++) {
        AX_AUTO_BUF struct ax_buf rest = { .max = 1024 };
        struct scene in;

        ax_buf_printf(&rest,
                      ",\"capabilities\":[%s],\"api\":{\"endpoints\":[{\"method\":\"GET\","
                      "\"path\":\"/fast\",\"handler\":\"h\"}]}",
                      rows[i].capabilities);
        ax_buf_append_byte(&rest, '\0');
        scene_open(&in, "/api/ext/ins_1/fast", AX_METHOD_GET);
        scene_version(in.model, "ver_1", "ext_1", "com.acme.hello", "1.0.0", 1, rest.ptr);
        T_EQ(ax_call_needs_token(in.call.install), rows[i].needs);
        scene_close(&in);
    }
}

TEST(call_survives_refused_memory)
{
    struct scene in;

    scene_open(&in, "/api/ext/ins_1/greet/x", AX_METHOD_POST);
    in.call.query = AX_STR("a=b&c=d");
    in.call.body = AX_STR("body");
    in.call.has_body = true;
    T_SWEEP() {
        enum ax_code code;

        ax_buf_done(&in.buf);
        ax_buf_init(&in.buf, AX_CALL_BYTES_MAX);
        ax_arena_done(&in.arena);
        ax_arena_init(&in.arena, 1u << 20);
        struct ax_call_request call = in.call;
        struct ax_endpoint_match match = { .endpoint = in.match.endpoint };
        struct ax_ext_path path = { .canonical = AX_STR("/greet/x") };
        call.match = &match;
        call.path = &path;
        code = ax_call_build(&call, &in.buf, NULL);
        T_TRUE(code == AX_OK || code == AX_E_NO_MEMORY);
    }
    scene_close(&in);
}

TEST_MAIN()

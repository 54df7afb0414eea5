/* SPDX-License-Identifier: Apache-2.0 */
/* core_json_test.c - what may a core@1 guest answer, and what does it read? */
#include "runner/core_json.h"

#include "base/base64.h"
#include "base/test.h"
#include "loop/frame.h"

#define ARENA_MAX (40u << 20)

static enum ax_code read_response(struct ax_str bytes, struct ax_arena *arena,
                                  struct ax_guest_response *ret)
{
    struct ax_err err = { 0 };
    enum ax_code code = ax_core_response_read(bytes, arena, ret, &err);

    if (code == AX_E_INVALID_GUEST_RESPONSE)
        T_TRUE(err.message[0] != '\0');
    return code;
}

static enum ax_code judge(const char *json)
{
    struct ax_arena arena;
    struct ax_guest_response response;
    enum ax_code code;

    ax_arena_init(&arena, ARENA_MAX);
    code = read_response(ax_str_of(json), &arena, &response);
    ax_arena_done(&arena);
    return code;
}

TEST(core_response_of_an_object_is_read_member_by_member)
{
    struct ax_arena arena;
    struct ax_guest_response response;

    ax_arena_init(&arena, ARENA_MAX);
    T_OK(read_response(AX_STR(" {\"status\":201,\"headers\":{\"content-type\":\"text/plain\","
                              "\"x-ext-a\":[\"1\",\"2\"]},\"body_b64\":\"aGk=\"}"),
                       &arena, &response));
    T_EQ(response.status, 201);
    T_EQ(response.headers.count, 3);
    T_STR(response.headers.items[2].name, AX_STR("x-ext-a"));
    T_STR(response.headers.items[2].value, AX_STR("2"));
    T_STR(response.body, AX_STR("hi"));
    ax_arena_done(&arena);
}

TEST(core_response_of_other_bytes_is_200_with_those_bytes)
{
    static const char *const others[] = { "",     "hello",   "[1]", "{\"status\":", "{} trailing",
                                          "null", "\"text\"" };

    for (size_t i = 0; i < AX_ARRAY_LEN(others); i++) {
        struct ax_arena arena;
        struct ax_guest_response response;

        ax_arena_init(&arena, ARENA_MAX);
        T_OK(read_response(ax_str_of(others[i]), &arena, &response));
        T_EQ(response.status, 200);
        T_STR(response.body, ax_str_of(others[i]));
        T_STR(response.headers.items[0].value, AX_STR("application/octet-stream"));
        ax_arena_done(&arena);
    }
}

TEST(core_response_with_a_wrong_member_is_refused_and_its_twin_accepted)
{
    static const struct {
        const char *refused, *twin;
    } pairs[] = {
        { "{}", "{\"status\":200}" },
        { "{\"status\":199}", "{\"status\":200}" },
        { "{\"status\":600}", "{\"status\":599}" },
        { "{\"status\":200.0}", "{\"status\":200}" },
        { "{\"status\":\"200\"}", "{\"status\":200}" },
        { "{\"status\":-200}", "{\"status\":200}" },
        { "{\"status\":200,\"other\":1}", "{\"status\":200}" },
        { "{\"status\":200,\"headers\":[]}", "{\"status\":200,\"headers\":{}}" },
        { "{\"status\":200,\"headers\":{\"a\":1}}", "{\"status\":200,\"headers\":{\"a\":\"1\"}}" },
        { "{\"status\":200,\"headers\":{\"a\":[1]}}",
          "{\"status\":200,\"headers\":{\"a\":[\"1\"]}}" },
        { "{\"status\":200,\"headers\":{\"\":\"1\"}}",
          "{\"status\":200,\"headers\":{\"a\":\"1\"}}" },
        { "{\"status\":200,\"headers\":{\"a b\":\"1\"}}",
          "{\"status\":200,\"headers\":{\"a-b\":\"1\"}}" },
        { "{\"status\":200,\"headers\":{\"a\":\"1\\r\\nb: 2\"}}",
          "{\"status\":200,\"headers\":{\"a\":\"1 b: 2\"}}" },
        { "{\"status\":200,\"headers\":{\"a\":\"\\u0000\"}}",
          "{\"status\":200,\"headers\":{\"a\":\"\"}}" },
        { "{\"status\":200,\"body_b64\":1}", "{\"status\":200,\"body_b64\":null}" },
        { "{\"status\":200,\"body_b64\":\"aGk\"}", "{\"status\":200,\"body_b64\":\"aGk=\"}" },
        { "{\"status\":200,\"body_b64\":\"aGl=\"}", "{\"status\":200,\"body_b64\":\"aGk=\"}" },
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(pairs); i++) {
        T_CODE(judge(pairs[i].refused), AX_E_INVALID_GUEST_RESPONSE);
        T_CODE(judge(pairs[i].twin), AX_OK);
    }
}

TEST(core_response_headers_are_judged_byte_by_byte)
{
    for (int byte = 0; byte < 256; byte++) {
        char name_byte = (char)byte, value[3] = { 'a', (char)byte, 'b' };
        bool token = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                     (byte >= '0' && byte <= '9') ||
                     (byte && strchr("!#$%&'*+-.^_`|~", byte) != NULL);
        bool content = byte == '\t' || (byte >= ' ' && byte != 0x7f);
        struct ax_pair pair = { ax_str_make(&name_byte, 1), AX_STR("v") };
        struct ax_guest_response response = { .status = 200, .headers = { &pair, 1 } };
        struct ax_err err;

        T_CODE(ax_guest_response_judge(&response, &err),
               token ? AX_OK : AX_E_INVALID_GUEST_RESPONSE);
        pair = (struct ax_pair){ AX_STR("n"), ax_str_make(value, 3) };
        T_CODE(ax_guest_response_judge(&response, &err),
               content ? AX_OK : AX_E_INVALID_GUEST_RESPONSE);
    }
}

TEST(core_response_limits_hold_at_their_edges)
{
    struct ax_pair pairs[AX_GUEST_HEADERS_MAX + 1];
    static char big[AX_GUEST_BODY_MAX + 1];
    struct ax_err err;

    memset(big, 'x', sizeof(big));
    for (size_t i = 0; i < AX_ARRAY_LEN(pairs); i++)
        pairs[i] = (struct ax_pair){ AX_STR("n"), AX_STR("v") };
    for (size_t count = AX_GUEST_HEADERS_MAX - 1; count <= AX_GUEST_HEADERS_MAX + 1; count++) {
        struct ax_guest_response response = { .status = 200, .headers = { pairs, count } };

        T_CODE(ax_guest_response_judge(&response, &err),
               count <= AX_GUEST_HEADERS_MAX ? AX_OK : AX_E_INVALID_GUEST_RESPONSE);
    }
    for (size_t len = AX_GUEST_HEADER_BYTES_MAX - 2; len <= AX_GUEST_HEADER_BYTES_MAX; len++) {
        struct ax_guest_response response = { .status = 200, .headers = { pairs, 1 } };

        pairs[0].value = ax_str_make(big, len); /* and one byte of name */
        T_CODE(ax_guest_response_judge(&response, &err),
               len < AX_GUEST_HEADER_BYTES_MAX ? AX_OK : AX_E_INVALID_GUEST_RESPONSE);
    }
    for (size_t len = AX_GUEST_BODY_MAX - 1; len <= AX_GUEST_BODY_MAX + 1; len++) {
        struct ax_guest_response response = { .status = 200, .body = ax_str_make(big, len) };

        T_CODE(ax_guest_response_judge(&response, &err),
               len <= AX_GUEST_BODY_MAX ? AX_OK : AX_E_INVALID_GUEST_RESPONSE);
    }
}

TEST(core_response_body_of_8_mib_fits_and_one_byte_more_does_not)
{
    static char body[AX_GUEST_BODY_MAX + 1];

    memset(body, 'x', sizeof(body));
    for (size_t len = AX_GUEST_BODY_MAX - 1; len <= AX_GUEST_BODY_MAX + 1; len++) {
        AX_AUTO_BUF struct ax_buf json = { .max = 16u << 20 };
        struct ax_arena arena;
        struct ax_guest_response response;
        ax_arena_init(&arena, ARENA_MAX);
        ax_buf_append_str(&json, AX_STR("{\"status\":200,\"body_b64\":\""));
        T_OK(ax_base64_encode(&json, ax_str_make(body, len)));
        T_OK(ax_buf_append_str(&json, AX_STR("\"}")));
        T_CODE(read_response(ax_buf_str(&json), &arena, &response),
               len <= AX_GUEST_BODY_MAX ? AX_OK : AX_E_INVALID_GUEST_RESPONSE);
        ax_arena_done(&arena);
    }
}

static struct ax_exec_message sample(struct ax_pair *query, struct ax_pair *headers)
{
    query[0] = (struct ax_pair){ AX_STR("a"), AX_STR("1") };
    query[1] = (struct ax_pair){ AX_STR("a"), AX_STR("2") };
    headers[0] = (struct ax_pair){ AX_STR("accept"), AX_STR("*/*") };
    return (struct ax_exec_message){
        .module = 7,
        .deadline_ns = 1,
        .cpu_ns = 2,
        .memory_bytes = 3,
        .tenant_key = 4,
        .request_id = AX_STR("r"),
        .tenant_id = AX_STR("t\"quoted\""),
        .extension_id = AX_STR("e"),
        .content_hash = AX_STR("sha256:00"),
        .config = AX_STR("{\"k\":\"v\"}"),
        .endpoint = AX_STR("greet"),
        .params = AX_STR("{\"name\":\"Ada\"}"),
        .method = AX_STR("POST"),
        .path = AX_STR("/greet/Ada"),
        .query = { query, 2 },
        .headers = { headers, 1 },
        .has_body = true,
        .body = AX_STR("hi"),
    };
}

TEST(core_request_says_all_that_the_abi_promises)
{
    struct ax_pair query[2], headers[1];
    struct ax_exec_message message = sample(query, headers);
    AX_AUTO_BUF struct ax_buf json = { .max = 4096 };
    ax_core_request_write(&json, &message);
    T_OK(json.failed);
    T_STR(ax_buf_str(&json),
          AX_STR("{\"context\":{\"request_id\":\"r\",\"tenant_id\":\"t\\\"quoted\\\"\","
                 "\"extension_id\":\"e\",\"install_id\":null,\"version_id\":null,"
                 "\"content_hash\":\"sha256:00\",\"config\":{\"k\":\"v\"}},"
                 "\"http\":{\"method\":\"POST\",\"path\":\"/greet/Ada\",\"query\":{\"a\":\"2\"},"
                 "\"query_pairs\":[[\"a\",\"1\"],[\"a\",\"2\"]],\"headers\":{\"accept\":\"*/*\"},"
                 "\"body_b64\":\"aGk=\"},\"endpoint\":\"greet\",\"params\":{\"name\":\"Ada\"},"
                 "\"user\":null}"));
}

TEST(exec_message_survives_the_journey_and_no_truncation)
{
    struct ax_pair query[2], headers[1];
    struct ax_exec_message message = sample(query, headers), arrived;
    struct ax_arena arena;
    AX_AUTO_BUF struct ax_buf bytes = { .max = 4096 };
    ax_arena_init(&arena, 1u << 20);
    ax_exec_message_write(&bytes, &message);
    T_TRUE(ax_exec_message_read(ax_buf_str(&bytes), &arena, &arrived));
    T_EQ(arrived.module, 7);
    T_STR(arrived.tenant_id, message.tenant_id);
    T_STR(arrived.query.items[1].value, AX_STR("2"));
    T_STR(arrived.body, AX_STR("hi"));
    for (size_t len = 0; len < bytes.len - message.body.len; len++)
        T_FALSE(ax_exec_message_read(ax_str_make(bytes.ptr, len), &arena, &arrived));
    ax_arena_done(&arena);
}

TEST_MAIN()

/* SPDX-License-Identifier: Apache-2.0 */
/* execute_answer_test.c - is a runner believed only as far as its answer keeps its form? */
#include "gateway/execute_answer.h"

#include "base/base64.h"
#include "base/json.h"
#include "gateway/test_scene.h"

static const struct ax_answer_expected expected = { AX_STR_INIT("req-1"), { { 1 } } };

static void read_answer(int status, struct ax_str body, struct ax_runner_answer *answer)
{
    ax_runner_answer_read(status, body, &expected, answer);
    T_TRUE((answer->code == AX_OK) == (answer->err.message[0] == '\0'));
    T_TRUE(answer->code != AX_OK || answer->end == AX_TRY_FINAL);
    T_TRUE(answer->lie == NULL || (answer->code == AX_E_INTERNAL && answer->end == AX_TRY_FINAL));
    if (answer->lie) /* what is wrong with it is not the caller's business */
        T_STR(ax_str_of(answer->err.message), ax_str_of(ax_code_info(AX_E_INTERNAL)->words));
}

#define FINE "\"status\":200,\"headers\":{},\"body_b64\":\"aGk=\""

TEST(answer_of_a_guest_is_taken_apart)
{
    struct ax_runner_answer answer;

    read_answer(200,
                AX_STR("{\"status\":404,\"headers\":{\"content-type\":\"a/b\",\"x-ext-a\":[\"1\","
                       "\"2\"]},\"body_b64\":\"AAH/\",\"usage\":{\"cpu_ms\":1.5},\"log\":[],"
                       "\"log_dropped\":0}"),
                &answer);
    T_OK(answer.code);
    T_EQ(answer.status, 404);
    T_EQ(answer.header_count, 3);
    T_STR(answer.headers[2].name, AX_STR("x-ext-a"));
    T_STR(answer.headers[2].value, AX_STR("2"));
    T_STR(ax_buf_str(&answer.body), AX_STR("\0\1\xff"));
    ax_runner_answer_done(&answer);
    read_answer(200, AX_STR("{\"status\":204,\"headers\":{},\"body_b64\":null}"), &answer);
    T_OK(answer.code);
    T_EQ(answer.body.len, 0);
    ax_runner_answer_done(&answer);
}

TEST(answer_that_lies_is_our_failure)
{
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "null",
        "\"x\"",
        "<html>",
        "{}",
        "{" FINE "}x",
        "{" FINE ",\"status\":200}",
        "{\"status\":199,\"headers\":{},\"body_b64\":null}",
        "{\"status\":600,\"headers\":{},\"body_b64\":null}",
        "{\"status\":\"200\",\"headers\":{},\"body_b64\":null}",
        "{\"status\":200.0,\"headers\":{},\"body_b64\":null}",
        "{\"status\":-1,\"headers\":{},\"body_b64\":null}",
        "{\"headers\":{},\"body_b64\":null}",
        "{\"status\":200,\"body_b64\":null}",
        "{\"status\":200,\"headers\":null,\"body_b64\":null}",
        "{\"status\":200,\"headers\":[],\"body_b64\":null}",
        "{\"status\":200,\"headers\":{\"a\":1},\"body_b64\":null}",
        "{\"status\":200,\"headers\":{\"a\":null},\"body_b64\":null}",
        "{\"status\":200,\"headers\":{\"a\":[1]},\"body_b64\":null}",
        "{\"status\":200,\"headers\":{\"a\":[[]]},\"body_b64\":null}",
        "{\"status\":200,\"headers\":{\"a\":\"x\\r\\ny\"},\"body_b64\":null}",
        "{\"status\":200,\"headers\":{\"a\":\" x\"},\"body_b64\":null}",
        "{\"status\":200,\"headers\":{\"a b\":\"x\"},\"body_b64\":null}",
        "{\"status\":200,\"headers\":{\"\":\"x\"},\"body_b64\":null}",
        "{\"status\":200,\"headers\":{}}",
        "{\"status\":200,\"headers\":{},\"body_b64\":1}",
        "{\"status\":200,\"headers\":{},\"body_b64\":\"aGk\"}",
        "{\"status\":200,\"headers\":{},\"body_b64\":\"aG k=\"}",
        "{\"status\":200,\"headers\":{},\"body_b64\":\"aGl=\"}",
        "{" FINE ",\"error\":{\"code\":\"overloaded\"}}",
        "{" FINE ",\"request_id\":\"req-2\"}",
        "{" FINE ",\"request_id\":1}",
        "{" FINE ",\"content_hash\":\"sha256:"
        "0200000000000000000000000000000000000000000000000000000000000000\"}",
        "{" FINE ",\"content_hash\":\"x\"}",
    };
    static const char *const good[] = {
        "{" FINE "}",
        " {" FINE ",\"new\":{}} ",
        "{" FINE ",\"error\":null}",
        "{" FINE ",\"request_id\":\"req-1\"}",
        "{" FINE ",\"content_hash\":\"sha256:"
        "0100000000000000000000000000000000000000000000000000000000000000\"}",
        "{\"status\":599,\"headers\":{\"a\":[]},\"body_b64\":\"\"}",
    };
    struct ax_runner_answer answer;

    for (size_t i = 0; i < AX_ARRAY_LEN(bad); i++) {
        read_answer(200, ax_str_of(bad[i]), &answer);
        T_CODE(answer.code, AX_E_INTERNAL);
        T_TRUE(answer.lie != NULL && answer.end == AX_TRY_FINAL);
        ax_runner_answer_done(&answer);
    }
    for (size_t i = 0; i < AX_ARRAY_LEN(good); i++) {
        read_answer(200, ax_str_of(good[i]), &answer);
        T_OK(answer.code);
        ax_runner_answer_done(&answer);
    }
}

static struct ax_str with_headers(struct ax_buf *buf, size_t count, size_t value_len)
{
    ax_buf_clear(buf);
    ax_buf_append_str(buf, AX_STR("{\"status\":200,\"headers\":{\"x\":["));
    for (size_t i = 0; i < count; i++) {
        ax_buf_append_str(buf, i ? AX_STR(",\"") : AX_STR("\""));
        for (size_t k = 0; k < value_len; k++)
            ax_buf_append_byte(buf, 'a');
        ax_buf_append_byte(buf, '"');
    }
    ax_buf_append_str(buf, AX_STR("]},\"body_b64\":null}"));
    return ax_buf_str(buf);
}

TEST(answer_headers_are_bounded)
{
    AX_AUTO_BUF struct ax_buf buf = { .max = 1u << 24 };
    struct ax_runner_answer answer;

    for (size_t count = AX_PASS_HEADERS_MAX - 1; count <= AX_PASS_HEADERS_MAX + 1; count++) {
        read_answer(200, with_headers(&buf, count, 1), &answer);
        T_CODE(answer.code, count <= AX_PASS_HEADERS_MAX ? AX_OK : AX_E_INTERNAL);
        ax_runner_answer_done(&answer);
    }
    for (size_t len = AX_PASS_BYTES_MAX - 2; len <= AX_PASS_BYTES_MAX; len++) {
        read_answer(200, with_headers(&buf, 1, len), &answer);
        T_CODE(answer.code, len + 1 <= AX_PASS_BYTES_MAX ? AX_OK : AX_E_INTERNAL);
        ax_runner_answer_done(&answer);
    }
    read_answer(200, with_headers(&buf, 100000, 1), &answer);
    T_CODE(answer.code, AX_E_INTERNAL);
    ax_runner_answer_done(&answer);
    ax_buf_clear(&buf);
    ax_buf_append_str(&buf, AX_STR("{\"status\":200,\"body_b64\":null,\"headers\":{"));
    for (unsigned i = 0; i < 100000; i++)
        ax_buf_printf(&buf, "%s\"x%u\":\"\"", i ? "," : "", i);
    ax_buf_append_str(&buf, AX_STR("}}"));
    read_answer(200, ax_buf_str(&buf), &answer);
    T_CODE(answer.code, AX_E_INTERNAL);
    ax_runner_answer_done(&answer);
}

TEST(answer_body_is_bounded)
{
    char *bytes = ax_alloc(AX_ANSWER_BODY_MAX + 1);

    for (size_t len = AX_ANSWER_BODY_MAX - 1; len <= AX_ANSWER_BODY_MAX + 1; len++) {
        AX_AUTO_BUF struct ax_buf buf = { .max = AX_ANSWER_BYTES_MAX };
        struct ax_runner_answer answer;

        ax_buf_append_str(&buf, AX_STR("{\"status\":200,\"headers\":{},\"body_b64\":\""));
        ax_base64_encode(&buf, ax_str_make(bytes, len));
        ax_buf_append_str(&buf, AX_STR("\"}"));
        read_answer(200, ax_buf_str(&buf), &answer);
        T_CODE(answer.code, len <= AX_ANSWER_BODY_MAX ? AX_OK : AX_E_INTERNAL);
        ax_runner_answer_done(&answer);
    }
    free(bytes);
}

TEST(answer_header_bytes)
{
    for (unsigned byte = 0; byte < 128; byte++) {
        AX_AUTO_BUF struct ax_buf buf = { .max = 1024 };
        const char value[3] = { 'a', (char)byte, 'b' };
        struct ax_runner_answer answer;

        ax_buf_append_str(&buf, AX_STR("{\"status\":200,\"body_b64\":null,\"headers\":{\"x\":"));
        ax_json_escape(&buf, ax_str_make(value, 3));
        ax_buf_append_str(&buf, AX_STR("}}"));
        read_answer(200, ax_buf_str(&buf), &answer);
        T_CODE(answer.code, byte == '\t' || (byte >= 0x20 && byte != 0x7f) ? AX_OK : AX_E_INTERNAL);
        ax_runner_answer_done(&answer);
    }
}

TEST(answer_that_refuses_keeps_its_code)
{
    static const struct {
        int status;
        const char *error;
        enum ax_code code;
        enum ax_try_end end;
        bool started;
    } rows[] = {
        { 503, "\"code\":\"overloaded\",\"started\":false", AX_E_OVERLOADED, AX_TRY_FAILED, false },
        { 502, "\"code\":\"guest_failed\",\"started\":true", AX_E_GUEST_FAILED, AX_TRY_FAILED,
          true },
        { 502, "\"code\":\"worker_lost\",\"started\":true", AX_E_WORKER_LOST, AX_TRY_FAILED, true },
        { 502, "\"code\":\"worker_lost\",\"started\":false", AX_E_WORKER_LOST, AX_TRY_FAILED,
          false },
        { 504, "\"code\":\"deadline_exceeded\",\"started\":true", AX_E_DEADLINE_EXCEEDED,
          AX_TRY_FAILED, true },
        { 503, "\"code\":\"draining\"", AX_E_DRAINING, AX_TRY_FAILED, false },
        { 429, "\"code\":\"concurrency_limited\",\"started\":false", AX_E_CONCURRENCY_LIMITED,
          AX_TRY_FAILED, false },
        { 404, "\"code\":\"endpoint_not_found\",\"started\":false", AX_E_ENDPOINT_NOT_FOUND,
          AX_TRY_FAILED, false },
        /* the gateway's own mistakes, and what the caller need not know */
        { 400, "\"code\":\"invalid_request\",\"started\":false", AX_E_INTERNAL, AX_TRY_FAILED,
          false },
        { 400, "\"code\":\"unknown_capability\",\"started\":false", AX_E_INTERNAL, AX_TRY_FAILED,
          false },
        { 401, "\"code\":\"unauthenticated\"", AX_E_INTERNAL, AX_TRY_FAILED, false },
        { 403, "\"code\":\"tenant_mismatch\",\"started\":false", AX_E_INTERNAL, AX_TRY_FAILED,
          false },
        { 403, "\"code\":\"capability_denied\",\"started\":true", AX_E_INTERNAL, AX_TRY_FAILED,
          true },
        { 403, "\"code\":\"bundle_revoked\",\"started\":false", AX_E_EXTENSION_NOT_AVAILABLE,
          AX_TRY_FAILED, false },
        /* lies */
        { 503, "\"code\":\"guest_failed\",\"started\":true", AX_E_INTERNAL, AX_TRY_FINAL, true },
        { 503, "\"code\":\"brand_new\",\"started\":false", AX_E_INTERNAL, AX_TRY_FINAL, true },
        { 503, "\"code\":\"overloaded\",\"started\":0", AX_E_INTERNAL, AX_TRY_FINAL, true },
        { 503, "\"code\":1", AX_E_INTERNAL, AX_TRY_FINAL, true },
        { 503, "\"started\":false", AX_E_INTERNAL, AX_TRY_FINAL, true },
        { 200, "\"code\":\"ok\"", AX_E_INTERNAL, AX_TRY_FINAL, true },
        { 503, "\"code\":\"overloaded\",\"request_id\":\"req-2\"", AX_E_INTERNAL, AX_TRY_FINAL,
          true },
        { 503, "\"code\":\"overloaded\",\"request_id\":\"req-1\"", AX_E_OVERLOADED, AX_TRY_FAILED,
          false },
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(rows); i++) {
        AX_AUTO_BUF struct ax_buf buf = { .max = 4096 };
        struct ax_runner_answer answer;

        ax_buf_printf(&buf, "{\"status\":%d,\"headers\":{},\"body_b64\":null,\"error\":{%s}}",
                      rows[i].status, rows[i].error);
        read_answer(rows[i].status, ax_buf_str(&buf), &answer);
        T_CODE(answer.code, rows[i].code);
        T_EQ(answer.end, rows[i].end);
        T_EQ(answer.started, rows[i].started);
        T_TRUE((answer.end == AX_TRY_FAILED) == (answer.lie == NULL));
        ax_runner_answer_done(&answer);
    }
}

TEST(answer_words_pass_unless_the_code_changes)
{
    struct ax_runner_answer answer;

    read_answer(502, AX_STR("{\"error\":{\"code\":\"guest_failed\",\"message\":\"it trapped\"}}"),
                &answer);
    T_STR(ax_str_of(answer.err.message), AX_STR("it trapped"));
    ax_runner_answer_done(&answer);
    read_answer(401, AX_STR("{\"error\":{\"code\":\"unauthenticated\",\"message\":\"token?\"}}"),
                &answer);
    T_TRUE(strstr(answer.err.message, "token") == NULL);
    T_CODE(answer.said, AX_E_UNAUTHENTICATED);
    ax_runner_answer_done(&answer);
    read_answer(503, AX_STR("{\"status\":502,\"error\":{\"code\":\"overloaded\"}}"), &answer);
    T_TRUE(answer.lie != NULL);
    ax_runner_answer_done(&answer);
}

TEST(answer_of_something_in_between_is_bare)
{
    static const char *const bodies[] = { "", "<html>502</html>", "{}", "{\"error\":\"bad\"}",
                                          "[1]" };
    static const int statuses[] = { 502, 503, 504, 200, 301, 404, 500, 501 };

    for (size_t i = 0; i < AX_ARRAY_LEN(statuses); i++)
        for (size_t k = 0; k < AX_ARRAY_LEN(bodies); k++) {
            struct ax_runner_answer answer;

            read_answer(statuses[i], ax_str_of(bodies[k]), &answer);
            T_EQ(answer.end, i < 3 ? AX_TRY_BARE : AX_TRY_FINAL);
            T_CODE(answer.code, i < 3 ? AX_E_WORKER_LOST : AX_E_INTERNAL);
            ax_runner_answer_done(&answer);
        }
}

TEST(answer_survives_refused_memory)
{
    T_SWEEP() {
        struct ax_runner_answer answer;

        read_answer(200, AX_STR("{\"status\":200,\"headers\":{\"a\":\"b\"},\"body_b64\":\"aGk=\"}"),
                    &answer);
        T_TRUE(answer.code == AX_OK || answer.code == AX_E_NO_MEMORY);
        ax_runner_answer_done(&answer);
    }
}

TEST_MAIN()

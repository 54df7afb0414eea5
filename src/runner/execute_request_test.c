/* SPDX-License-Identifier: Apache-2.0 */
/* execute_request_test.c - what may be asked of /v1/execute? */
#include "runner/execute_request.h"

#include "base/base64.h"
#include "base/test.h"
#include "bundle/capability.h"

#include <stdio.h>

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define CONTEXT \
    "\"context\":{\"tenant_id\":\"t\",\"extension_id\":\"e\",\"content_hash\":\"sha256:" HASH "\"}"
#define HTTP "\"http\":{\"method\":\"GET\",\"path\":\"/\"}"

struct outcome {
    enum ax_code code;
    struct ax_err err;
    struct ax_execute_request request;
    struct ax_arena arena;
};

static void read_request(struct outcome *out, struct ax_str body)
{
    out->err = (struct ax_err){ 0 };
    ax_arena_init(&out->arena, 32u << 20);
    out->code = ax_execute_request_read(body, AX_STR("fallback"), &out->arena, &out->request,
                                        &out->err);
}

static void finish(struct outcome *out)
{
    ax_execute_request_done(&out->request);
    ax_arena_done(&out->arena);
}

static void expect(const char *body, enum ax_code code, const char *pointer)
{
    struct outcome out;

    read_request(&out, ax_str_of(body));
    if (out.code != code || strcmp(out.err.pointer, pointer) != 0)
        print_message("%s: %s at '%s'\n", body, ax_code_info(out.code)->name, out.err.pointer);
    T_CODE(out.code, code);
    T_STR(ax_str_of(out.err.pointer), ax_str_of(pointer));
    finish(&out);
}

TEST(execute_request_of_the_least_members_has_the_defaults)
{
    struct outcome out;

    read_request(&out, AX_STR("{" CONTEXT "," HTTP "}"));
    T_OK(out.code);
    T_STR(out.request.message.request_id, AX_STR("fallback"));
    T_STR(out.request.message.content_hash, AX_STR("sha256:" HASH));
    T_EQ(out.request.hash.bytes[1], 0x23);
    T_EQ(out.request.timeout_ms, 4800);
    T_EQ(out.request.cpu_ms, 0);
    T_EQ(out.request.capabilities, AX_CAP_ALWAYS);
    T_EQ(out.request.egress_count, 0);
    T_FALSE(out.request.message.has_body);
    finish(&out);
}

TEST(execute_request_with_everything_is_understood)
{
    struct outcome out;

    read_request(
        &out,
        AX_STR("{\"context\":{\"request_id\":\"r-1\",\"tenant_id\":\"t\",\"extension_id\":\"e\","
               "\"install_id\":\"i\",\"version_id\":\"v\",\"content_hash\":\"" HASH
               "\",\"config\":{\"a\":\"b\"}},\"http\":{\"method\":\"POST\",\"path\":\"/x\","
               "\"query\":[[\"k\",\"1\"],[\"k\",\"2\"]],\"headers\":{\"accept\":\"*/*\","
               "\"x-alga-tenant\":\"t\"},\"body_b64\":\"aGk=\"},"
               "\"limits\":{\"timeout_ms\":1000,\"cpu_ms\":5,\"memory_mb\":7,\"fuel\":null},"
               "\"providers\":[\"cap:http.fetch\",\"storage.kv\"],\"egress\":[\"api.acme.com\"],"
               "\"endpoint\":\"greet\",\"params\":{\"name\":\"Ada\"},"
               "\"user\":{\"user_id\":\"u\",\"company_name\":\"Acme\"},\"unknown\":{}}"));
    T_OK(out.code);
    T_STR(out.request.message.request_id, AX_STR("r-1"));
    T_STR(out.request.message.content_hash, AX_STR("sha256:" HASH));
    T_STR(out.request.message.config, AX_STR("{\"a\":\"b\"}"));
    T_EQ(out.request.message.query.count, 2);
    T_STR(out.request.message.body, AX_STR("hi"));
    T_EQ(out.request.timeout_ms, 1000);
    T_EQ(out.request.memory_mb, 7);
    T_EQ(out.request.capabilities, AX_CAP_ALWAYS | AX_CAP_HTTP_FETCH | AX_CAP_STORAGE_KV);
    T_STR(out.request.egress[0], AX_STR("api.acme.com"));
    T_STR(out.request.message.user, AX_STR("{\"user_id\":\"u\",\"client_name\":\"Acme\"}"));
    finish(&out);
}

TEST(execute_request_accepts_the_older_forms)
{
    struct outcome out;

    read_request(&out, AX_STR("{" CONTEXT ",\"config\":{\"a\":\"b\"},\"http\":{\"method\":\"GET\","
                              "\"path\":\"/\",\"query\":{\"k\":\"1\",\"l\":[\"2\",\"3\"]},"
                              "\"body_b64\":null},\"providers\":null,\"user\":null}"));
    T_OK(out.code);
    T_STR(out.request.message.config, AX_STR("{\"a\":\"b\"}"));
    T_EQ(out.request.message.query.count, 3);
    T_STR(out.request.message.query.items[2].value, AX_STR("3"));
    finish(&out);
}

TEST(execute_request_refuses_by_pointer_what_its_twin_has_right)
{
    static const struct {
        const char *body, *pointer;
    } refused[] = {
        { "{" HTTP "}", "/context" },
        { "{\"context\":[]," HTTP "}", "/context" },
        { "{\"context\":{\"extension_id\":\"e\",\"content_hash\":\"" HASH "\"}," HTTP "}",
          "/context/tenant_id" },
        { "{\"context\":{\"tenant_id\":\"\",\"extension_id\":\"e\",\"content_hash\":\"" HASH
          "\"}," HTTP "}",
          "/context/tenant_id" },
        { "{\"context\":{\"tenant_id\":7,\"extension_id\":\"e\",\"content_hash\":\"" HASH
          "\"}," HTTP "}",
          "/context/tenant_id" },
        { "{\"context\":{\"tenant_id\":\"t\\u0007\",\"extension_id\":\"e\",\"content_hash\":\"" HASH
          "\"}," HTTP "}",
          "/context/tenant_id" },
        { "{\"context\":{\"tenant_id\":\"t\",\"content_hash\":\"" HASH "\"}," HTTP "}",
          "/context/extension_id" },
        { "{\"context\":{\"tenant_id\":\"t\",\"extension_id\":\"e\"}," HTTP "}",
          "/context/content_hash" },
        { "{\"context\":{\"tenant_id\":\"t\",\"extension_id\":\"e\",\"content_hash\":\"sha256:00\"}"
          "," HTTP "}",
          "/context/content_hash" },
        { "{\"context\":{\"tenant_id\":\"t\",\"extension_id\":\"e\",\"content_hash\":\"sha512:" HASH
          "\"}," HTTP "}",
          "/context/content_hash" },
        { "{\"context\":{\"request_id\":\"a b\",\"tenant_id\":\"t\",\"extension_id\":\"e\","
          "\"content_hash\":\"" HASH "\"}," HTTP "}",
          "/context/request_id" },
        { "{" CONTEXT "}", "/http" },
        { "{" CONTEXT ",\"http\":{\"path\":\"/\"}}", "/http/method" },
        { "{" CONTEXT ",\"http\":{\"method\":\"G T\",\"path\":\"/\"}}", "/http/method" },
        { "{" CONTEXT ",\"http\":{\"method\":\"GET\"}}", "/http/path" },
        { "{" CONTEXT ",\"http\":{\"method\":\"GET\",\"path\":\"x\"}}", "/http/path" },
        { "{" CONTEXT ",\"http\":{\"method\":\"GET\",\"path\":\"/\",\"query\":\"a=b\"}}",
          "/http/query" },
        { "{" CONTEXT ",\"http\":{\"method\":\"GET\",\"path\":\"/\",\"query\":[[\"a\"]]}}",
          "/http/query" },
        { "{" CONTEXT ",\"http\":{\"method\":\"GET\",\"path\":\"/\",\"headers\":{\"a\":1}}}",
          "/http/headers" },
        { "{" CONTEXT ",\"http\":{\"method\":\"GET\",\"path\":\"/\",\"headers\":{\"a\":\"\\n\"}}}",
          "/http/headers" },
        { "{" CONTEXT ",\"http\":{\"method\":\"GET\",\"path\":\"/\",\"body_b64\":\"aGk\"}}",
          "/http/body_b64" },
        { "{" CONTEXT "," HTTP ",\"limits\":{\"fuel\":1}}", "/limits/fuel" },
        { "{" CONTEXT "," HTTP ",\"limits\":{\"timeout_ms\":-1}}", "/limits/timeout_ms" },
        { "{" CONTEXT "," HTTP ",\"providers\":\"http.fetch\"}", "/providers" },
        { "{" CONTEXT "," HTTP ",\"egress\":\"a.b\"}", "/egress" },
        { "{" CONTEXT "," HTTP ",\"params\":[]}", "/params" },
        { "{" CONTEXT "," HTTP ",\"user\":\"me\"}", "/user" },
        { "{" CONTEXT ",\"config\":[]," HTTP "}", "/context/config" },
    };

    expect("{" CONTEXT "," HTTP "}", AX_OK, "");
    for (size_t i = 0; i < AX_ARRAY_LEN(refused); i++)
        expect(refused[i].body, AX_E_INVALID_REQUEST, refused[i].pointer);
    expect("{" CONTEXT "," HTTP ",\"providers\":[\"cap:root\"]}", AX_E_UNKNOWN_CAPABILITY,
           "/providers/0");
    expect("{" CONTEXT "," HTTP ",\"providers\":[\"cap:http.fetch\"]}", AX_OK, "");
}

TEST(execute_request_limits_hold_at_their_edges)
{
    static const struct {
        const char *name;
        unsigned max;
    } limits[] = { { "timeout_ms", 30000 }, { "cpu_ms", 10000 }, { "memory_mb", 256 } };

    for (size_t i = 0; i < AX_ARRAY_LEN(limits); i++) {
        for (unsigned value = limits[i].max - 1; value <= limits[i].max + 1; value++) {
            char body[512], pointer[32];

            snprintf(body, sizeof(body), "{" CONTEXT "," HTTP ",\"limits\":{\"%s\":%u}}",
                     limits[i].name, value);
            snprintf(pointer, sizeof(pointer), "/limits/%s", limits[i].name);
            expect(body, value <= limits[i].max ? AX_OK : AX_E_INVALID_REQUEST,
                   value <= limits[i].max ? "" : pointer);
        }
    }
}

TEST(execute_request_body_of_8_mib_fits_and_one_byte_more_does_not)
{
    static char bytes[AX_EXECUTE_BODY_MAX + 1];

    for (size_t len = AX_EXECUTE_BODY_MAX - 1; len <= AX_EXECUTE_BODY_MAX + 1; len++) {
        AX_AUTO_BUF struct ax_buf body = { .max = 16u << 20 };
        struct outcome out;
        ax_buf_append_str(&body, AX_STR("{" CONTEXT ",\"http\":{\"method\":\"POST\",\"path\":\"/\","
                                        "\"body_b64\":\""));
        T_OK(ax_base64_encode(&body, ax_str_make(bytes, len)));
        T_OK(ax_buf_append_str(&body, AX_STR("\"}}")));
        read_request(&out, ax_buf_str(&body));
        T_CODE(out.code, len <= AX_EXECUTE_BODY_MAX ? AX_OK : AX_E_PAYLOAD_TOO_LARGE);
        finish(&out);
    }
}

TEST(execute_request_headers_agree_with_the_context)
{
    struct outcome out;
    struct ax_err err;

    expect("{" CONTEXT ",\"http\":{\"method\":\"GET\",\"path\":\"/\","
           "\"headers\":{\"X-Alga-Tenant\":\"other\"}}}",
           AX_E_TENANT_MISMATCH, "");
    expect("{" CONTEXT ",\"http\":{\"method\":\"GET\",\"path\":\"/\","
           "\"headers\":{\"x-alga-extension\":\"other\"}}}",
           AX_E_INVALID_REQUEST, "");
    read_request(&out, AX_STR("{" CONTEXT "," HTTP "}"));
    T_OK(ax_execute_request_agrees(&out.request, AX_STR_NONE, AX_STR_NONE, &err));
    T_OK(ax_execute_request_agrees(&out.request, AX_STR("t"), AX_STR("e"), &err));
    T_CODE(ax_execute_request_agrees(&out.request, AX_STR("u"), AX_STR("e"), &err),
           AX_E_TENANT_MISMATCH);
    T_CODE(ax_execute_request_agrees(&out.request, AX_STR(""), AX_STR("e"), &err),
           AX_E_TENANT_MISMATCH);
    T_CODE(ax_execute_request_agrees(&out.request, AX_STR("t"), AX_STR("f"), &err),
           AX_E_INVALID_REQUEST);
    finish(&out);
}

TEST(execute_request_takes_1024_pairs_and_no_more)
{
    for (size_t count = AX_EXEC_PAIRS_MAX - 1; count <= AX_EXEC_PAIRS_MAX + 1; count++) {
        AX_AUTO_BUF struct ax_buf body = { .max = 1u << 20 };
        struct outcome out;
        ax_buf_append_str(
            &body, AX_STR("{" CONTEXT ",\"http\":{\"method\":\"GET\",\"path\":\"/\",\"query\":["));
        for (size_t i = 0; i < count; i++)
            ax_buf_printf(&body, "%s[\"k\",\"v\"]", i ? "," : "");
        T_OK(ax_buf_append_str(&body, AX_STR("]}}")));
        read_request(&out, ax_buf_str(&body));
        T_CODE(out.code, count <= AX_EXEC_PAIRS_MAX ? AX_OK : AX_E_INVALID_REQUEST);
        finish(&out);
    }
}

TEST(execute_request_survives_every_refused_allocation)
{
    T_SWEEP() {
        struct outcome out;

        read_request(&out, AX_STR("{" CONTEXT "," HTTP ",\"egress\":[\"a.b\"],\"params\":{\"a\":"
                                  "\"b\"},\"user\":{\"company_name\":\"x\"}}"));
        T_TRUE(out.code == AX_OK || out.code == AX_E_NO_MEMORY);
        finish(&out);
    }
}

TEST_MAIN()

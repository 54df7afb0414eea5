/* SPDX-License-Identifier: Apache-2.0 */
/* manifest_test.c - is each wrong field refused, with its pointer, and its twin accepted? */
#include "bundle/manifest.h"

#include "base/test.h"

#include <stdio.h>

#define HEAD \
    "\"name\":\"com.acme.hello\",\"publisher\":\"acme\",\"version\":\"1.2.3\",\"runtime\":\"core@1\""

/* A manifest with these members beside the required ones. */
static enum ax_code judge(const char *members, struct ax_err *err)
{
    AX_AUTO(ax_manifest_free) struct ax_manifest *manifest = NULL;
    AX_AUTO_BUF struct ax_buf json = { .max = 1u << 20 };

    ax_buf_printf(&json, "{" HEAD "%s%s}", members[0] ? "," : "", members);
    return ax_manifest_parse(ax_buf_str(&json), &manifest, err);
}

struct twin {
    const char *pointer;
    const char *bad;
    const char *good;
};

static void check_twins(const struct twin *twins, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct ax_err err = { .code = AX_OK };
        enum ax_code code = judge(twins[i].bad, &err);

        if (code != AX_E_INVALID_MANIFEST || strcmp(err.pointer, twins[i].pointer) != 0)
            fail_msg("%s: %s at '%s' (%s), expected '%s'", twins[i].bad, ax_code_info(code)->name,
                     err.pointer, err.message, twins[i].pointer);
        code = judge(twins[i].good, &err);
        if (code != AX_OK)
            fail_msg("%s: %s at '%s' (%s)", twins[i].good, ax_code_info(code)->name, err.pointer,
                     err.message);
    }
}
#define CHECK(twins) check_twins((twins), AX_ARRAY_LEN(twins))

TEST(manifest_that_is_whole_says_all_of_it)
{
    static const char json[] =
        "{ \"$schema\": \"https://example.org/manifest.json\", \"name\": \"com.acme.hello\","
        "  \"publisher\": \"acme\", \"version\": \"1.2.3\", \"runtime\": \"wasm-js@1\","
        "  \"entry\": \"entry.wasm#main\", \"capabilities\": [\"cap:http.fetch\", \"storage.kv\","
        "  \"invoice.manual.create\"], \"egress\": [\"api.acme.com\", \"*.acme.net:8443\"],"
        "  \"headers\": [\"X-Acme-Sign\"], \"api\": { \"endpoints\": [ { \"method\": \"GET\","
        "  \"path\": \"/greet/:name\", \"handler\": \"greet\", \"permission\": \"see\","
        "  \"timeout_ms\": 2000 }, { \"method\": \"POST\", \"path\": \"/\", \"handler\": \"greet\","
        "  \"schedulable\": true } ] }, \"ui\": { \"type\": \"iframe\","
        "  \"entry\": \"ui/main.html\", \"hooks\": { \"appMenu\": { \"label\": \"Hello\" },"
        "  \"later\": [1, null] }, \"spa\": true }, \"sbom\": \"sbom.spdx.json\","
        "  \"assets\": [\"data/**\"], \"limits\": { \"memory_mb\": 64, \"cpu_ms\": 500 } }";
    AX_AUTO(ax_manifest_free) struct ax_manifest *manifest = NULL;
    const struct ax_endpoint *endpoint;

    T_OK(ax_manifest_parse(ax_str_of(json), &manifest, NULL));
    T_STR(ax_manifest_name(manifest), AX_STR("com.acme.hello"));
    T_STR(ax_manifest_publisher(manifest), AX_STR("acme"));
    T_STR(ax_manifest_version(manifest), AX_STR("1.2.3"));
    T_EQ(ax_manifest_runtime(manifest), AX_RUNTIME_COMPONENT);
    T_STR(ax_manifest_runtime_name(manifest), AX_STR("wasm-js@1"));
    T_STR(ax_manifest_entry(manifest), AX_STR("entry.wasm"));
    T_EQ(ax_manifest_capabilities(manifest), 1 << 5 | 1 << 6);
    T_EQ(ax_manifest_host_capability_count(manifest), 1);
    T_STR(ax_manifest_host_capability(manifest, 0), AX_STR("invoice.manual.create"));
    T_TRUE(ax_manifest_has_egress(manifest));
    T_EQ(ax_manifest_egress_count(manifest), 2);
    T_STR(ax_manifest_egress(manifest, 1), AX_STR("*.acme.net:8443"));
    T_EQ(ax_manifest_header_count(manifest), 1);
    T_STR(ax_manifest_header(manifest, 0), AX_STR("x-acme-sign"));
    T_EQ(ax_manifest_endpoint_count(manifest), 2);
    endpoint = ax_manifest_endpoint(manifest, 0);
    T_STR(endpoint->method, AX_STR("GET"));
    T_STR(endpoint->path, AX_STR("/greet/:name"));
    T_STR(endpoint->handler, AX_STR("greet"));
    T_STR(endpoint->permission, AX_STR("see"));
    T_EQ(endpoint->timeout_ms, 2000);
    T_FALSE(endpoint->schedulable);
    endpoint = ax_manifest_endpoint(manifest, 1);
    T_STR(endpoint->permission, AX_STR("write"));
    T_EQ(endpoint->timeout_ms, 0);
    T_TRUE(endpoint->schedulable);
    T_TRUE(ax_manifest_has_ui(manifest));
    T_STR(ax_manifest_ui_entry(manifest), AX_STR("ui/main.html"));
    T_TRUE(ax_manifest_ui_spa(manifest));
    T_STR(ax_manifest_sbom(manifest), AX_STR("sbom.spdx.json"));
    T_TRUE(ax_manifest_is_asset(manifest, AX_STR("data/a/b")));
    T_FALSE(ax_manifest_is_asset(manifest, AX_STR("datax")));
    T_EQ(ax_manifest_limits(manifest)->memory_mb, 64);
    T_EQ(ax_manifest_limits(manifest)->cpu_ms, 500);
    T_EQ(ax_manifest_limits(manifest)->timeout_ms, 0);
}

TEST(manifest_that_is_small_has_defaults)
{
    AX_AUTO(ax_manifest_free) struct ax_manifest *manifest = NULL;

    T_OK(ax_manifest_parse(AX_STR("{" HEAD ",\"egress\":[]}"), &manifest, NULL));
    T_EQ(ax_manifest_runtime(manifest), AX_RUNTIME_CORE);
    T_EQ(ax_manifest_entry(manifest).len, 0);
    T_EQ(ax_manifest_capabilities(manifest), 0);
    T_TRUE(ax_manifest_has_egress(manifest)); /* and it allows nothing */
    T_EQ(ax_manifest_egress_count(manifest), 0);
    T_EQ(ax_manifest_endpoint_count(manifest), 0);
    T_FALSE(ax_manifest_has_ui(manifest));
    T_STR(ax_manifest_ui_entry(manifest), AX_STR("ui/index.html"));
    T_FALSE(ax_manifest_is_asset(manifest, AX_STR("a")));
    ax_manifest_free(AX_TAKE(manifest));
    T_OK(ax_manifest_parse(AX_STR("{" HEAD "}"), &manifest, NULL));
    T_FALSE(ax_manifest_has_egress(manifest));
}

/* A required member replaced, or left out when `value` is NULL. */
static enum ax_code judge_required(const char *key, const char *value, struct ax_err *err)
{
    static const char *const keys[] = { "name", "publisher", "version", "runtime" };
    static const char *const values[] = { "\"a.b\"", "\"acme\"", "\"1.0.0\"", "\"core@1\"" };
    AX_AUTO(ax_manifest_free) struct ax_manifest *manifest = NULL;
    AX_AUTO_BUF struct ax_buf json = { .max = 1u << 20 };

    ax_buf_printf(&json, "{\"description\":\"\"");
    for (size_t i = 0; i < AX_ARRAY_LEN(keys); i++)
        if (strcmp(key, keys[i]) != 0)
            ax_buf_printf(&json, ",\"%s\":%s", keys[i], values[i]);
        else if (value)
            ax_buf_printf(&json, ",\"%s\":%s", keys[i], value);
    ax_buf_append_byte(&json, '}');
    return ax_manifest_parse(ax_buf_str(&json), &manifest, err);
}

#define L16 "aaaaaaaaaaaaaaaa"
#define L64 L16 L16 L16 L16

TEST(manifest_required_members)
{
    static const struct {
        const char *key, *value;
        bool fine;
    } cases[] = {
        { "name", NULL, false },
        { "name", "null", false },
        { "name", "1", false },
        { "name", "\"acme\"", false },
        { "name", "\"com.acme\"", true },
        { "name", "\"com.Acme\"", false },
        { "name", "\"com..acme\"", false },
        { "name", "\".com.acme\"", false },
        { "name", "\"com.acme.\"", false },
        { "name", "\"com.ac_me\"", false },
        { "name", "\"com.ac me\"", false },
        { "name", "\"com.acme\\u0000\"", false },
        { "name", "\"com.acm\\u00e9\"", false },
        { "name", "\"a." L64 L16 L16 L16 "aaaaaaaaaaaaaa\"", true }, /* 128 */
        { "name", "\"a." L64 L16 L16 L16 "aaaaaaaaaaaaaaa\"", false },
        { "publisher", NULL, false },
        { "publisher", "\"\"", false },
        { "publisher", "\"Acme GmbH & Co\"", true },
        { "publisher", "\"Acm\\u00e9\"", true },
        { "publisher", "\"a\\nb\"", false },
        { "publisher", "\"a\\u0007b\"", false },
        { "publisher", "\"a\\u009bb\"", false },
        { "publisher", "\"" L64 L64 "\"", true },
        { "publisher", "\"" L64 L64 "a\"", false },
        { "version", NULL, false },
        { "version", "1", false },
        { "version", "\"1\"", false },
        { "version", "\"1.2\"", false },
        { "version", "\"1.2.3.4\"", false },
        { "version", "\"0.0.0\"", true },
        { "version", "\"1.02.3\"", false },
        { "version", "\"v1.2.3\"", false },
        { "version", "\"1.2.*\"", false },
        { "version", "\"1.2.x\"", false },
        { "version", "\"1.2.3-alpha.1\"", true },
        { "version", "\"1.2.3-01\"", false },
        { "version", "\"1.2.3-0a\"", true },
        { "version", "\"1.2.3-\"", false },
        { "version", "\"1.2.3-a..b\"", false },
        { "version", "\"1.2.3+build.01\"", true },
        { "version", "\"1.2.3+\"", false },
        { "version", "\"1.2.3-rc.1+build-5\"", true },
        { "version", "\"1.2.3+a+b\"", false },
        { "version", "\" 1.2.3\"", false },
        { "version", "\"-1.2.3\"", false },
        { "runtime", NULL, false },
        { "runtime", "\"component@1\"", true },
        { "runtime", "\"wasm-js@1\"", true },
        { "runtime", "\"core@2\"", false },
        { "runtime", "\"Core@1\"", false },
        { "runtime", "\"\"", false },
        { "runtime", "[\"core@1\"]", false },
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(cases); i++) {
        struct ax_err err = { .code = AX_OK };
        char pointer[32];
        enum ax_code code = judge_required(cases[i].key, cases[i].value, &err);

        snprintf(pointer, sizeof(pointer), "/%s", cases[i].key);
        if (code != (cases[i].fine ? AX_OK : AX_E_INVALID_MANIFEST) ||
            (!cases[i].fine && strcmp(err.pointer, pointer) != 0))
            fail_msg("%s %s: %s at '%s'", cases[i].key, cases[i].value, ax_code_info(code)->name,
                     err.pointer);
    }
}

TEST(manifest_entry_and_files)
{
    static const struct twin twins[] = {
        { "/entry", "\"entry\":1", "\"entry\":\"a.wasm\"" },
        { "/entry", "\"entry\":\"\"", "\"entry\":\"a\"" },
        { "/entry", "\"entry\":\"../a\"", "\"entry\":\"b/a\"" },
        { "/entry", "\"entry\":\"/a\"", "\"entry\":\"a#main\"" },
        { "/entry", "\"entry\":\"a#\"", "\"entry\":\"a#b.c\"" },
        { "/entry", "\"entry\":\"a#b#c\"", "\"entry\":\"a#b_c\"" },
        { "/entry", "\"entry\":\"#main\"", "\"entry\":\"dist/main.wasm\"" },
        { "/entry", "\"entry\":\"manifest.json\"", "\"entry\":\"x/manifest.json\"" },
        { "/entry", "\"entry\":\"ui/a.wasm\"", "\"entry\":\"uii/a.wasm\"" },
        { "/entry", "\"entry\":\"precompiled/a\"", "\"entry\":\"precompiledx/a\"" },
        { "/entry/wasm", "\"entry\":{}", "\"entry\":{\"wasm\":\"a.wasm\"}" },
        { "/entry/wasm", "\"entry\":{\"wasm\":2}", "\"entry\":{\"wasm\":\"a.wasm#x\"}" },
        { "/entry/js", "\"entry\":{\"wasm\":\"a\",\"js\":\"b\"}", "\"entry\":{\"wasm\":\"a\"}" },
        { "/sbom", "\"sbom\":\"../s\"", "\"sbom\":\"s.json\"" },
        { "/sbom", "\"sbom\":\"manifest.json\"", "\"sbom\":\"a/manifest.json\"" },
        { "/icon", "\"icon\":\"a b\"", "\"icon\":\"ui/icon.svg\"" },
        { "/assets", "\"assets\":\"a\"", "\"assets\":[]" },
        { "/assets/1", "\"assets\":[\"a\",\"a\"]", "\"assets\":[\"a\",\"b\"]" },
        { "/assets/0", "\"assets\":[\"../*\"]", "\"assets\":[\"a/*\"]" },
        { "/assets/0", "\"assets\":[\"/a\"]", "\"assets\":[\"**\"]" },
        { "/assets/0", "\"assets\":[\"a**\"]", "\"assets\":[\"a*/**/b?c\"]" },
        { "/assets/0", "\"assets\":[\".x/*\"]", "\"assets\":[\"x/*.json\"]" },
        { "/precompiled", "\"precompiled\":[]", "\"precompiled\":{}" },
        { "/precompiled/a~1b", "\"precompiled\":{\"a/b\":\"c\"}",
          "\"precompiled\":{\"a-b\":\"c\"}" },
        { "/precompiled/a", "\"precompiled\":{\"a\":\"/c\"}",
          "\"precompiled\":{\"x86_64-linux\":\"precompiled/c.cwasm\"}" },
    };

    CHECK(twins);
}

TEST(manifest_capabilities_egress_headers)
{
    static const struct twin twins[] = {
        { "/capabilities", "\"capabilities\":{}", "\"capabilities\":[]" },
        { "/capabilities/0", "\"capabilities\":[1]", "\"capabilities\":[\"http.fetch\"]" },
        { "/capabilities/1", "\"capabilities\":[\"http.fetch\",\"cap:http.fetch\"]",
          "\"capabilities\":[\"http.fetch\",\"cap:storage.kv\"]" },
        { "/capabilities/1", "\"capabilities\":[\"a.b\",\"cap:a.b\"]",
          "\"capabilities\":[\"a.b\",\"cap:a.c\"]" },
        { "/egress", "\"egress\":\"a.com\"", "\"egress\":[\"a.com\"]" },
        { "/egress/1", "\"egress\":[\"a.com\",\"a.com\"]", "\"egress\":[\"a.com\",\"b.com\"]" },
        { "/egress/0", "\"egress\":[\"\"]", "\"egress\":[\"localhost\"]" },
        { "/egress/0", "\"egress\":[\"*\"]", "\"egress\":[\"*.com\"]" },
        { "/egress/0", "\"egress\":[\"a.*.com\"]", "\"egress\":[\"*.a.com\"]" },
        { "/egress/0", "\"egress\":[\"*a.com\"]", "\"egress\":[\"xa.com\"]" },
        { "/egress/0", "\"egress\":[\"A.com\"]", "\"egress\":[\"xn--bcher-kva.com\"]" },
        { "/egress/0", "\"egress\":[\"a.com.\"]", "\"egress\":[\"1a.com\"]" },
        { "/egress/0", "\"egress\":[\"a..com\"]", "\"egress\":[\"a.b.com\"]" },
        { "/egress/0", "\"egress\":[\"-a.com\"]", "\"egress\":[\"a-b.com\"]" },
        { "/egress/0", "\"egress\":[\"a_b.com\"]", "\"egress\":[\"a--b.com\"]" },
        { "/egress/0", "\"egress\":[\"ftp://a.com\"]", "\"egress\":[\"http://a.com\"]" },
        { "/egress/0", "\"egress\":[\"https://https://a.com\"]", "\"egress\":[\"https://a.com\"]" },
        { "/egress/0", "\"egress\":[\"a.com/\"]", "\"egress\":[\"https://a.com:1\"]" },
        { "/egress/0", "\"egress\":[\"a.com:0\"]", "\"egress\":[\"a.com:65535\"]" },
        { "/egress/0", "\"egress\":[\"a.com:65536\"]", "\"egress\":[\"*.a.com:8443\"]" },
        { "/egress/0", "\"egress\":[\"a.com:080\"]", "\"egress\":[\"a.com:80\"]" },
        { "/egress/0", "\"egress\":[\"a.com:\"]", "\"egress\":[\"a.com:443\"]" },
        { "/egress/0", "\"egress\":[\"u@a.com\"]", "\"egress\":[\"u.a.com\"]" },
        { "/egress/0", "\"egress\":[\"127.0.0.1\"]", "\"egress\":[\"127.0.0.a\"]" },
        { "/egress/0", "\"egress\":[\"2130706433\"]", "\"egress\":[\"x2130706433\"]" },
        { "/egress/0", "\"egress\":[\"a.0x7f\"]", "\"egress\":[\"a.x7f\"]" },
        { "/egress/0", "\"egress\":[\"[::1]\"]", "\"egress\":[\"ip6\"]" },
        { "/headers", "\"headers\":{}", "\"headers\":[\"x-acme\"]" },
        { "/headers/0", "\"headers\":[\"\"]", "\"headers\":[\"a\"]" },
        { "/headers/0", "\"headers\":[\"a b\"]", "\"headers\":[\"a-b\"]" },
        { "/headers/0", "\"headers\":[\"a:\"]", "\"headers\":[\"a.b\"]" },
        { "/headers/0", "\"headers\":[\"Authorization\"]", "\"headers\":[\"x-authorization\"]" },
        { "/headers/0", "\"headers\":[\"cookie\"]", "\"headers\":[\"cookies\"]" },
        { "/headers/0", "\"headers\":[\"X-API-Key\"]", "\"headers\":[\"x-apikey\"]" },
        { "/headers/0", "\"headers\":[\"Connection\"]", "\"headers\":[\"x-connection\"]" },
        { "/headers/0", "\"headers\":[\"transfer-encoding\"]", "\"headers\":[\"x-encoding\"]" },
        { "/headers/0", "\"headers\":[\"x-alga-tenant\"]", "\"headers\":[\"x-algae\"]" },
        { "/headers/0", "\"headers\":[\"X-Annex-a\"]", "\"headers\":[\"x-annexe\"]" },
        { "/headers/1", "\"headers\":[\"a\",\"A\"]", "\"headers\":[\"a\",\"B\"]" },
    };

    CHECK(twins);
}

static void check_capability(const char *members, const char *pointer)
{
    struct ax_err err;

    T_CODE(judge(members, &err), AX_E_UNKNOWN_CAPABILITY);
    T_STR(ax_str_of(err.pointer), ax_str_of(pointer));
}

TEST(manifest_unknown_capability_has_a_code_of_its_own)
{
    static const struct ax_str known[] = { AX_STR_INIT("invoice.manual.create") };
    AX_AUTO(ax_manifest_free) struct ax_manifest *manifest = NULL;
    struct ax_err err;

    check_capability("\"capabilities\":[\"http.fetch\",\"http.fetsh\"]", "/capabilities/1");
    check_capability("\"capabilities\":[\"HTTP.FETCH\"]", "/capabilities/0");
    check_capability("\"capabilities\":[\"*\"]", "/capabilities/0");
    T_OK(ax_manifest_parse(AX_STR("{" HEAD ",\"capabilities\":[\"cap:invoice.manual.create\"]}"),
                           &manifest, NULL));
    T_OK(ax_manifest_check_host_capabilities(manifest, known, 1, &err));
    T_CODE(ax_manifest_check_host_capabilities(manifest, known, 0, &err), AX_E_UNKNOWN_CAPABILITY);
    T_STR(ax_str_of(err.pointer), AX_STR("/capabilities"));
}

#define EP(members) "\"api\":{\"endpoints\":[{" members "}]}"
#define GET(path)   EP("\"method\":\"GET\",\"path\":\"" path "\",\"handler\":\"h\"")
#define TWO(a, b)                                                                        \
    "\"api\":{\"endpoints\":[{\"method\":\"GET\",\"path\":\"" a "\",\"handler\":\"h\"}," \
    "{\"method\":\"GET\",\"path\":\"" b "\",\"handler\":\"h\"}]}"
#define MORE(members) EP("\"method\":\"GET\",\"path\":\"/\",\"handler\":\"h\"," members)

TEST(manifest_endpoints)
{
    static const struct twin twins[] = {
        { "/api", "\"api\":[]", "\"api\":{}" },
        { "/api/routes", "\"api\":{\"routes\":[]}", "\"api\":{\"endpoints\":[]}" },
        { "/api/endpoints", "\"api\":{\"endpoints\":{}}", GET("/a") },
        { "/api/endpoints/0", "\"api\":{\"endpoints\":[1]}", GET("/") },
        { "/api/endpoints/0/method", EP("\"path\":\"/\",\"handler\":\"h\""), GET("/a/b") },
        { "/api/endpoints/0/method", EP("\"method\":\"get\",\"path\":\"/\",\"handler\":\"h\""),
          EP("\"method\":\"HEAD\",\"path\":\"/\",\"handler\":\"h\"") },
        { "/api/endpoints/0/method", EP("\"method\":\"OPTIONS\",\"path\":\"/\",\"handler\":\"h\""),
          EP("\"method\":\"DELETE\",\"path\":\"/\",\"handler\":\"h\"") },
        { "/api/endpoints/0/handler", EP("\"method\":\"GET\",\"path\":\"/\""), GET("/x") },
        { "/api/endpoints/0/handler", EP("\"method\":\"GET\",\"path\":\"/\",\"handler\":\"\""),
          EP("\"method\":\"GET\",\"path\":\"/\",\"handler\":\"dist/a b#c\"") },
        { "/api/endpoints/0/handler",
          EP("\"method\":\"GET\",\"path\":\"/\",\"handler\":\"h\\u00e9\""),
          EP("\"method\":\"GET\",\"path\":\"/\",\"handler\":\"" L64 L64 L64 L64 "\"") },
        { "/api/endpoints/0/handler",
          EP("\"method\":\"GET\",\"path\":\"/\",\"handler\":\"" L64 L64 L64 L64 "a\""),
          EP("\"method\":\"GET\",\"path\":\"/\",\"handler\":\"~\"") },
        { "/api/endpoints/0/path", GET(""), GET("/") },
        { "/api/endpoints/0/path", GET("a"), GET("/a") },
        { "/api/endpoints/0/path", GET("/a/"), GET("/a/b") },
        { "/api/endpoints/0/path", GET("//a"), GET("/a.b/c~d") },
        { "/api/endpoints/0/path", GET("/a//b"), GET("/a/-/b") },
        { "/api/endpoints/0/path", GET("/a/../b"), GET("/a/..b") },
        { "/api/endpoints/0/path", GET("/."), GET("/.well-known") },
        { "/api/endpoints/0/path", GET("/a%2fb"), GET("/a;b=c") },
        { "/api/endpoints/0/path", GET("/*"), GET("/:all") },
        { "/api/endpoints/0/path", GET("/a b"), GET("/a+b") },
        { "/api/endpoints/0/path", GET("/a?b=c"), GET("/a&b=c") },
        { "/api/endpoints/0/path", GET("/a#b"), GET("/a@b") },
        { "/api/endpoints/0/path", GET("/:"), GET("/:a") },
        { "/api/endpoints/0/path", GET("/:1a"), GET("/:a1") },
        { "/api/endpoints/0/path", GET("/:a-b"), GET("/:a_b") },
        { "/api/endpoints/0/path", GET("/a:b"), GET("/a/:b") },
        { "/api/endpoints/0/path", GET("/:a/:a"), GET("/:a/:b") },
        { "/api/endpoints/0/path", GET("/1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g/h"),
          GET("/1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g") },
        { "/api/endpoints/0/permission", MORE("\"permission\":\"\""),
          MORE("\"permission\":\"a\"") },
        { "/api/endpoints/0/permission", MORE("\"permission\":\"a:b\""),
          MORE("\"permission\":\"a.b-c_D\"") },
        { "/api/endpoints/0/permission", MORE("\"permission\":\"-a\""),
          MORE("\"permission\":\"a-\"") },
        { "/api/endpoints/0/timeout_ms", MORE("\"timeout_ms\":0"), MORE("\"timeout_ms\":1") },
        { "/api/endpoints/0/timeout_ms", MORE("\"timeout_ms\":30001"),
          MORE("\"timeout_ms\":30000") },
        { "/api/endpoints/0/timeout_ms", MORE("\"timeout_ms\":1.0"), MORE("\"timeout_ms\":29999") },
        { "/api/endpoints/0/timeout_ms", MORE("\"timeout_ms\":\"1\""), MORE("\"timeout_ms\":2") },
        { "/api/endpoints/0/schedulable", MORE("\"schedulable\":1"), MORE("\"schedulable\":true") },
        { "/api/endpoints/0/schedulable",
          EP("\"method\":\"GET\",\"path\":\"/:a\",\"handler\":\"h\",\"schedulable\":true"),
          EP("\"method\":\"GET\",\"path\":\"/:a\",\"handler\":\"h\",\"schedulable\":false") },
        { "/api/endpoints/0/schedulable",
          EP("\"method\":\"PUT\",\"path\":\"/a\",\"handler\":\"h\",\"schedulable\":true"),
          EP("\"method\":\"POST\",\"path\":\"/a\",\"handler\":\"h\",\"schedulable\":true") },
        { "/api/endpoints/0/cache", MORE("\"cache\":1"), MORE("\"timeout_ms\":5") },
        { "/api/endpoints/1", TWO("/a", "/a"), TWO("/a", "/b") },
        { "/api/endpoints/1", TWO("/:a", "/:b"), TWO("/:a", "/b") },
        { "/api/endpoints/1", TWO("/x/:a/y", "/x/:b/y"), TWO("/x/:a/y", "/x/:b/z") },
        { "/api/endpoints/1", TWO("/", "/"), TWO("/", "/:a") },
    };

    CHECK(twins);
}

TEST(manifest_ui_events_schedules)
{
    static const struct twin twins[] = {
        { "/ui", "\"ui\":true", "\"ui\":{}" },
        { "/ui/type", "\"ui\":{\"type\":\"page\"}", "\"ui\":{\"type\":\"iframe\"}" },
        { "/ui/entry", "\"ui\":{\"entry\":\"index.html\"}", "\"ui\":{\"entry\":\"ui/a.html\"}" },
        { "/ui/entry", "\"ui\":{\"entry\":\"ui/../a\"}", "\"ui\":{\"entry\":\"ui/a/b\"}" },
        { "/ui/hooks", "\"ui\":{\"hooks\":[]}", "\"ui\":{\"hooks\":{\"any\":{\"thing\":[1]}}}" },
        { "/ui/spa", "\"ui\":{\"spa\":0}", "\"ui\":{\"spa\":false}" },
        { "/ui/sandbox", "\"ui\":{\"sandbox\":\"allow-forms\"}", "\"ui\":{\"sandbox\":[]}" },
        { "/ui/sandbox/0", "\"ui\":{\"sandbox\":[\"allow-same-origin\"]}",
          "\"ui\":{\"sandbox\":[\"allow-forms\",\"allow-modals\"]}" },
        { "/ui/sandbox/1", "\"ui\":{\"sandbox\":[\"allow-forms\",\"allow-forms\"]}",
          "\"ui\":{\"sandbox\":[\"allow-downloads\",\"allow-scripts\"]}" },
        { "/ui/routes/0/path", "\"ui\":{\"routes\":[{}]}",
          "\"ui\":{\"routes\":[{\"path\":\"/\"}]}" },
        { "/ui/routes/0/path", "\"ui\":{\"routes\":[{\"path\":\"//a\"}]}",
          "\"ui\":{\"routes\":[{\"path\":\"/a/:b\"}]}" },
        { "/ui/routes/0/iframePath",
          "\"ui\":{\"routes\":[{\"path\":\"/\",\"iframePath\":\"x.html\"}]}",
          "\"ui\":{\"routes\":[{\"path\":\"/\",\"iframePath\":\"ui/x.html\"}]}" },
        { "/ui/x", "\"ui\":{\"x\":1}", "\"ui\":{\"routes\":[]}" },
        { "/events", "\"events\":{}", "\"events\":[]" },
        { "/events/0/handler", "\"events\":[{\"topic\":\"a.b\"}]",
          "\"events\":[{\"topic\":\"a.b\",\"handler\":\"h\"}]" },
        { "/events/0/topic", "\"events\":[{\"topic\":\"a b\",\"handler\":\"h\"}]",
          "\"events\":[{\"topic\":\"a:b\",\"handler\":\"h\"}]" },
        { "/events/0/x", "\"events\":[{\"topic\":\"a\",\"handler\":\"h\",\"x\":1}]",
          "\"events\":[{\"topic\":\"a\",\"handler\":\"x\"}]" },
        { "/schedules/0/cron", "\"schedules\":[{\"endpoint\":\"/a\"}]",
          "\"schedules\":[{\"endpoint\":\"/a\",\"cron\":\"0 5 * * MON\"}]" },
        { "/schedules/0/cron", "\"schedules\":[{\"endpoint\":\"/a\",\"cron\":\"* * * *\"}]",
          "\"schedules\":[{\"endpoint\":\"/a\",\"cron\":\"*/5 0-3 1,2 * *\"}]" },
        { "/schedules/0/cron", "\"schedules\":[{\"endpoint\":\"/a\",\"cron\":\"@daily\"}]",
          "\"schedules\":[{\"endpoint\":\"/\",\"cron\":\"0 0 * * *\",\"payload\":[1]}]" },
        { "/schedules/0/endpoint", "\"schedules\":[{\"endpoint\":\"/:a\",\"cron\":\"0 0 * * *\"}]",
          "\"schedules\":[{\"endpoint\":\"/a\",\"cron\":\"0 0 * * *\",\"enabled\":true}]" },
        { "/schedules/0/timezone",
          "\"schedules\":[{\"endpoint\":\"/a\",\"cron\":\"0 0 * * *\",\"timezone\":\"Not here\"}]",
          "\"schedules\":[{\"endpoint\":\"/a\",\"cron\":\"0 0 * * *\",\"timezone\":\"Europe/Berlin\"}]" },
        { "/schedules/0/name",
          "\"schedules\":[{\"endpoint\":\"/a\",\"cron\":\"0 0 * * *\",\"name\":\"\"}]",
          "\"schedules\":[{\"endpoint\":\"/a\",\"cron\":\"0 0 * * *\",\"name\":\"nightly\"}]" },
    };

    CHECK(twins);
}

#define CONFIG(item) "\"config\":{\"key\":{" item "}}"

TEST(manifest_config_limits_and_words)
{
    static const struct twin twins[] = {
        { "/config", "\"config\":[]", "\"config\":{}" },
        { "/config/1a", "\"config\":{\"1a\":{\"type\":\"string\"}}",
          "\"config\":{\"a1\":{\"type\":\"string\"}}" },
        { "/config/key/type", CONFIG(""), CONFIG("\"type\":\"string\"") },
        { "/config/key/type", CONFIG("\"type\":\"object\""), CONFIG("\"type\":\"number\"") },
        { "/config/key/values", CONFIG("\"type\":\"enum\""),
          CONFIG("\"type\":\"enum\",\"values\":[\"a\"]") },
        { "/config/key/values", CONFIG("\"type\":\"string\",\"values\":[\"a\"]"),
          CONFIG("\"type\":\"string\",\"required\":true") },
        { "/config/key/values", CONFIG("\"type\":\"enum\",\"values\":[]"),
          CONFIG("\"type\":\"enum\",\"values\":[\"a\",\"b\"],\"default\":\"b\"") },
        { "/config/key/values/1", CONFIG("\"type\":\"enum\",\"values\":[\"a\",\"a\"]"),
          CONFIG("\"type\":\"boolean\",\"default\":false") },
        { "/config/key/default", CONFIG("\"type\":\"enum\",\"values\":[\"a\"],\"default\":\"b\""),
          CONFIG("\"type\":\"enum\",\"values\":[\"a\"],\"default\":\"a\"") },
        { "/config/key/default", CONFIG("\"type\":\"number\",\"default\":\"1\""),
          CONFIG("\"type\":\"number\",\"default\":1.5") },
        { "/config/key/default", CONFIG("\"type\":\"string\",\"default\":1"),
          CONFIG("\"type\":\"string\",\"default\":\"1\"") },
        { "/config/key/default", CONFIG("\"type\":\"boolean\",\"default\":null"),
          CONFIG("\"type\":\"boolean\",\"default\":true") },
        { "/config/key/required", CONFIG("\"type\":\"string\",\"required\":1"),
          CONFIG("\"type\":\"string\",\"required\":false") },
        { "/config/key/min", CONFIG("\"type\":\"number\",\"min\":1"),
          CONFIG("\"type\":\"number\",\"description\":\"a\\nb\"") },
        { "/limits", "\"limits\":[]", "\"limits\":{}" },
        { "/limits/memory_mb", "\"limits\":{\"memory_mb\":0}", "\"limits\":{\"memory_mb\":1}" },
        { "/limits/memory_mb", "\"limits\":{\"memory_mb\":257}", "\"limits\":{\"memory_mb\":256}" },
        { "/limits/memory_mb", "\"limits\":{\"memory_mb\":-1}", "\"limits\":{\"memory_mb\":255}" },
        { "/limits/cpu_ms", "\"limits\":{\"cpu_ms\":10001}", "\"limits\":{\"cpu_ms\":10000}" },
        { "/limits/cpu_ms", "\"limits\":{\"cpu_ms\":1e3}", "\"limits\":{\"cpu_ms\":9999}" },
        { "/limits/timeout_ms", "\"limits\":{\"timeout_ms\":30001}",
          "\"limits\":{\"timeout_ms\":30000}" },
        { "/limits/timeout_ms", "\"limits\":{\"timeout_ms\":18446744073709551617}",
          "\"limits\":{\"timeout_ms\":1}" },
        { "/limits/fuel", "\"limits\":{\"fuel\":1}", "\"limits\":{\"cpu_ms\":1}" },
        { "/instances", "\"instances\":\"fresh\"", "\"instances\":{}" },
        { "/instances/reuse", "\"instances\":{\"reuse\":1}", "\"instances\":{\"reuse\":true}" },
        { "/$schema", "\"$schema\":1", "\"$schema\":\"https://a/b\"" },
        { "/display_name", "\"display_name\":\"\"", "\"display_name\":\"Hello\"" },
        { "/description", "\"description\":\"\\u001b[2J\"", "\"description\":\"two\\nlines\"" },
        { "/homepage", "\"homepage\":\"javascript:alert(1)\"",
          "\"homepage\":\"https://acme.com\"" },
        { "/homepage", "\"homepage\":\"https://\"", "\"homepage\":\"http://a\"" },
        { "/homepage", "\"homepage\":\"https://a b\"", "\"homepage\":\"https://a/b?c#d\"" },
        { "/license", "\"license\":[]", "\"license\":\"MIT\"" },
        { "/author", "\"author\":\"x\"", "\"license\":\"x\"" },
        { "/Name", "\"Name\":\"x\"", "" },
        { "/__proto__", "\"__proto__\":{}", "" },
        { "/", "\"\":1", "" },
        { "/a~1b~0c", "\"a/b~c\":1", "" },
    };

    CHECK(twins);
}

TEST(manifest_counts_are_bounded)
{
    static const struct {
        const char *before, *each, *after;
        size_t max;
    } lists[] = {
        { "\"capabilities\":[", "\"a.b%zu\"", "]", 64 },
        { "\"egress\":[", "\"a%zu.com\"", "]", 64 },
        { "\"headers\":[", "\"a%zu\"", "]", 16 },
        { "\"assets\":[", "\"a%zu\"", "]", 64 },
        { "\"api\":{\"endpoints\":[", "{\"method\":\"GET\",\"path\":\"/a%zu\",\"handler\":\"h\"}",
          "]}", 256 },
        { "\"schedules\":[", "{\"endpoint\":\"/a%zu\",\"cron\":\"0 0 * * *\"}", "]", 50 },
        { "\"config\":{", "\"a%zu\":{\"type\":\"string\"}", "}", 64 },
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(lists); i++)
        for (size_t count = lists[i].max - 1; count <= lists[i].max + 1; count++) {
            AX_AUTO_BUF struct ax_buf members = { .max = 1u << 20 };

            ax_buf_append_str(&members, ax_str_of(lists[i].before));
            for (size_t j = 0; j < count; j++) {
                char text[128];
                const char *percent = strstr(lists[i].each, "%zu");

                snprintf(text, sizeof(text), "%.*s%zu%s", (int)(percent - lists[i].each),
                         lists[i].each, j, percent + 3);
                ax_buf_printf(&members, "%s%s", j > 0 ? "," : "", text);
            }
            ax_buf_append_str(&members, ax_str_of(lists[i].after));
            ax_buf_append_byte(&members, '\0');
            T_CODE(judge(members.ptr, NULL), count <= lists[i].max ? AX_OK : AX_E_INVALID_MANIFEST);
        }
}

static enum ax_code judge_text(struct ax_str json, struct ax_err *err)
{
    AX_AUTO(ax_manifest_free) struct ax_manifest *manifest = NULL;

    return ax_manifest_parse(json, &manifest, err);
}

TEST(manifest_is_strict_json_of_bounded_size)
{
    AX_AUTO_BUF struct ax_buf json = { .max = 1u << 20 };
    struct ax_err err;

    T_OK(judge_text(AX_STR("{" HEAD "}"), &err));
    T_OK(judge_text(AX_STR(" {" HEAD "}\n"), &err));
    T_CODE(judge_text(AX_STR(""), &err), AX_E_INVALID_MANIFEST);
    T_CODE(judge_text(AX_STR("[]"), &err), AX_E_INVALID_MANIFEST);
    T_CODE(judge_text(AX_STR("null"), &err), AX_E_INVALID_MANIFEST);
    T_CODE(judge_text(AX_STR("{" HEAD "}x"), &err), AX_E_INVALID_MANIFEST);
    T_CODE(judge_text(AX_STR("{" HEAD ",}"), &err), AX_E_INVALID_MANIFEST);
    T_CODE(judge_text(AX_STR("{" HEAD "}\0"), &err), AX_E_INVALID_MANIFEST);
    T_CODE(judge_text(AX_STR("\xef\xbb\xbf{" HEAD "}"), &err), AX_E_INVALID_MANIFEST);
    T_CODE(judge_text(AX_STR("{" HEAD ",\"license\":\"\xff\"}"), &err), AX_E_INVALID_MANIFEST);
    T_CODE(judge_text(AX_STR("{" HEAD ",\"license\":\"\\ud800\"}"), &err), AX_E_INVALID_MANIFEST);
    T_CODE(judge_text(AX_STR("{" HEAD ",\"name\":\"com.acme.other\"}"), &err),
           AX_E_INVALID_MANIFEST);
    T_STR(ax_str_of(err.pointer), AX_STR("/name"));
    T_CODE(judge_text(AX_STR("{" HEAD ",\"limits\":{\"cpu_ms\":1,\"cpu_ms\":2}}"), &err),
           AX_E_INVALID_MANIFEST);
    T_STR(ax_str_of(err.pointer), AX_STR("/limits/cpu_ms"));
    ax_buf_printf(&json, "{" HEAD "}");
    while (json.len < AX_MANIFEST_BYTES_MAX - 1)
        ax_buf_append_byte(&json, ' ');
    T_OK(judge_text(ax_buf_str(&json), &err));
    ax_buf_append_byte(&json, ' ');
    T_OK(judge_text(ax_buf_str(&json), &err));
    ax_buf_append_byte(&json, ' ');
    T_CODE(judge_text(ax_buf_str(&json), &err), AX_E_TOO_BIG);
}

/* hooks nested `depth` deep in all */
static enum ax_code judge_depth(size_t depth)
{
    AX_AUTO_BUF struct ax_buf members = { .max = 1u << 20 };

    ax_buf_printf(&members, "\"ui\":{\"hooks\":{\"a\":");
    for (size_t i = 3; i < depth; i++)
        ax_buf_append_byte(&members, '[');
    for (size_t i = 3; i < depth; i++)
        ax_buf_append_byte(&members, ']');
    if (depth == 3)
        ax_buf_append_byte(&members, '1');
    ax_buf_append(&members, "}}", 3);
    return judge(members.ptr, NULL);
}

TEST(manifest_depth_is_at_most_32)
{
    T_OK(judge_depth(31));
    T_OK(judge_depth(32));
    T_CODE(judge_depth(33), AX_E_INVALID_MANIFEST);
    T_CODE(judge_depth(20000), AX_E_INVALID_MANIFEST);
}

TEST(manifest_patterns_match_as_a_shell_s_do)
{
    static const struct {
        const char *pattern, *path;
        bool matches;
    } cases[] = {
        { "a", "a", true },
        { "a", "b", false },
        { "a", "a/b", false },
        { "*", "a", true },
        { "*", "a/b", false },
        { "**", "a/b/c", true },
        { "a/*", "a/b", true },
        { "a/*", "a/b/c", false },
        { "a/**", "a/b/c", true },
        { "a/**/z", "a/z", true },
        { "a/**/z", "a/b/c/z", true },
        { "a/**/z", "a/b/y", false },
        { "**/z", "z", true },
        { "**/z", "a/b/z", true },
        { "**/b/**", "a/b/c", true },
        { "**/b/**/d", "b/c/d", true },
        { "*.js", "x.js", true },
        { "*.js", ".js", true },
        { "*.js", "x.jsx", false },
        { "a?c", "abc", true },
        { "a?c", "ac", false },
        { "a?c", "a/c", false },
        { "*a*b*", "xaxbx", true },
        { "*a*b*", "xbxax", false },
        { "A", "a", false },
        { "a/b", "a", false },
        { "**/a/*", "a/a/a", true },
        { "a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false },
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(cases); i++) {
        AX_AUTO(ax_manifest_free) struct ax_manifest *manifest = NULL;
        AX_AUTO_BUF struct ax_buf json = { .max = 1u << 16 };

        ax_buf_printf(&json, "{" HEAD ",\"assets\":[\"%s\"]}", cases[i].pattern);
        T_OK(ax_manifest_parse(ax_buf_str(&json), &manifest, NULL));
        if (ax_manifest_is_asset(manifest, ax_str_of(cases[i].path)) != cases[i].matches)
            fail_msg("'%s' and '%s'", cases[i].pattern, cases[i].path);
    }
}

TEST(manifest_survives_every_refused_allocation)
{
    T_SWEEP() {
        struct ax_manifest *manifest = NULL;
        enum ax_code code = ax_manifest_parse(
            AX_STR("{" HEAD ",\"egress\":[\"a.com\"],\"headers\":[\"A\"],\"assets\":[\"a\"],"
                   "\"capabilities\":[\"a.b\"]," GET("/a/:b") "}"),
            &manifest, NULL);

        T_TRUE(code == AX_OK || code == AX_E_NO_MEMORY);
        T_TRUE((code == AX_OK) == (manifest != NULL));
        ax_manifest_free(manifest);
    }
}

TEST_MAIN()

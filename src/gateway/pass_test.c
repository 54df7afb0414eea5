/* SPDX-License-Identifier: Apache-2.0 */
/* pass_test.c - does exactly the closed list of headers go through? */
#include "gateway/pass.h"

#include "gateway/test_scene.h"

#include <stdio.h>

static const struct ax_pass_made made = { AX_STR_INIT("t1"), AX_STR_INIT("ext_hello"),
                                          AX_STR_INIT("req-1"), AX_STR_INIT("key-1") };

static const struct ax_model_extension scene_ext = { AX_STR_INIT("ext_hello"),
                                                     AX_STR_INIT("com.acme.hello"),
                                                     AX_STR_INIT("Acme") };
static const struct ax_model_install scene_ins = { .id = AX_STR_INIT("ins_1"),
                                                   .extension = &scene_ext };
static const struct ax_pass_answer scene_answer = { &scene_ins, AX_STR_INIT("com.acme.HELLO"),
                                                    AX_STR_INIT("1.2.3"), AX_STR_INIT("req-1") };

static struct ax_str value_of(const struct ax_pass_headers *headers, const char *name)
{
    for (size_t i = 0; i < headers->count; i++)
        if (ax_str_eq_nocase(headers->items[i].name, ax_str_of(name)))
            return headers->items[i].value;
    return AX_STR_NONE;
}

static bool request_passes(struct ax_str name, struct ax_str value)
{
    AX_AUTO(ax_manifest_free) struct ax_manifest *manifest = scene_parse(
        ",\"headers\":[\"X-Mine\",\"x-other\"]");
    const struct ax_http_header header = { name, value };
    struct ax_pass_headers headers;

    if (ax_pass_request(&header, 1, manifest, &made, &headers, NULL) != AX_OK)
        return false;
    T_STR(value_of(&headers, "x-request-id"), AX_STR("req-1"));
    T_STR(value_of(&headers, "x-alga-tenant"), AX_STR("t1"));
    T_STR(value_of(&headers, "x-alga-extension"), AX_STR("ext_hello"));
    T_STR(value_of(&headers, "x-idempotency-key"), AX_STR("key-1"));
    T_TRUE(headers.count == 4 || headers.count == 5);
    return headers.count == 5;
}

TEST(pass_request_headers_of_the_list)
{
    static const char *const through[] = { "accept",      "Accept-Language", "content-type",
                                           "if-match",    "if-none-match",   "user-agent",
                                           "TRACEPARENT", "x-mine",          "X-MINE",
                                           "x-other" };
    static const char *const held[] = {
        "authorization",
        "cookie",
        "Cookie",
        "x-api-key",
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "proxy-authorization",
        "proxy-x",
        "host",
        "content-length",
        "x-alga-tenant",
        "X-Alga-Extension",
        "x-alga-endpoint",
        "x-alga-params",
        "x-request-id",
        "idempotency-key",
        "x-idempotency-key",
        "origin",
        "referer",
        "x-forwarded-for",
        "forwarded",
        "x-annex-error",
        "x-runner-service-token",
        "accept-encoding",
        "range",
        "x-min",
        "x-mine2",
        "expect",
        "tracestate",
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(through); i++)
        T_TRUE(request_passes(ax_str_of(through[i]), AX_STR("v")));
    for (size_t i = 0; i < AX_ARRAY_LEN(held); i++)
        T_FALSE(request_passes(ax_str_of(held[i]), AX_STR("v")));
}

TEST(pass_request_values_byte_by_byte)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        char value[3] = { 'a', (char)byte, 'b' };
        bool fine = byte == '\t' || (byte >= 0x20 && byte != 0x7f);

        T_EQ(request_passes(AX_STR("accept"), ax_str_make(value, 3)), fine);
    }
}

TEST(pass_request_is_bounded)
{
    AX_AUTO(ax_manifest_free) struct ax_manifest *manifest = scene_parse("");
    struct ax_http_header many[AX_PASS_HEADERS_MAX + 1];
    static char bytes[AX_PASS_BYTES_MAX];
    struct ax_pass_headers headers;

    memset(bytes, 'a', sizeof(bytes));
    for (size_t i = 0; i < AX_ARRAY_LEN(many); i++)
        many[i] = (struct ax_http_header){ AX_STR("accept"), AX_STR("v") };
    for (size_t count = AX_PASS_HEADERS_MAX - 1; count <= AX_PASS_HEADERS_MAX + 1; count++)
        T_CODE(ax_pass_request(many, count, manifest, &made, &headers, NULL),
               count <= AX_PASS_HEADERS_MAX ? AX_OK : AX_E_INVALID_REQUEST);
    for (size_t len = AX_PASS_BYTES_MAX - 7; len <= AX_PASS_BYTES_MAX - 5; len++) {
        many[0].value = ax_str_make(bytes, len);
        T_CODE(ax_pass_request(many, 1, manifest, &made, &headers, NULL),
               len + 6 <= AX_PASS_BYTES_MAX ? AX_OK : AX_E_INVALID_REQUEST);
    }
}

TEST(pass_made_key_is_for_changes_only)
{
    AX_AUTO(ax_manifest_free) struct ax_manifest *manifest = scene_parse("");
    struct ax_pass_made safe = made;
    struct ax_pass_headers headers;

    safe.idempotency_key = AX_STR_NONE;
    T_OK(ax_pass_request(NULL, 0, manifest, &safe, &headers, NULL));
    T_EQ(headers.count, 3);
}

TEST(pass_idempotency_key)
{
    static char longest[AX_IDEMPOTENCY_KEY_MAX + 1];
    static const struct {
        struct ax_str first, second;
        bool fine;
    } rows[] = {
        { AX_STR_INIT("k"), { NULL, 0 }, true },
        { { NULL, 0 }, AX_STR_INIT("k"), true },
        { AX_STR_INIT("k"), AX_STR_INIT("k"), true },
        { AX_STR_INIT("k"), AX_STR_INIT("K"), false },
        { AX_STR_INIT("\"k!~"), { NULL, 0 }, true },
        { AX_STR_INIT(""), { NULL, 0 }, false },
        { AX_STR_INIT("a b"), { NULL, 0 }, false },
        { AX_STR_INIT("a\xc3\xa4"), { NULL, 0 }, false },
        { AX_STR_INIT("k"), AX_STR_INIT(""), false },
    };
    struct ax_str key = AX_STR("untouched");

    T_OK(ax_pass_idempotency_key(NULL, 0, &key, NULL));
    T_TRUE(key.ptr == NULL);
    for (size_t i = 0; i < AX_ARRAY_LEN(rows); i++) {
        struct ax_http_header headers[2];
        size_t count = 0;

        if (rows[i].first.ptr)
            headers[count++] = (struct ax_http_header){ AX_STR("Idempotency-Key"), rows[i].first };
        if (rows[i].second.ptr)
            headers[count++] = (struct ax_http_header){ AX_STR("x-idempotency-key"),
                                                        rows[i].second };
        T_CODE(ax_pass_idempotency_key(headers, count, &key, NULL),
               rows[i].fine ? AX_OK : AX_E_INVALID_REQUEST);
    }
    memset(longest, 'k', sizeof(longest));
    for (size_t len = AX_IDEMPOTENCY_KEY_MAX - 1; len <= AX_IDEMPOTENCY_KEY_MAX + 1; len++) {
        struct ax_http_header header = { AX_STR("idempotency-key"), ax_str_make(longest, len) };

        T_EQ(ax_pass_idempotency_key(&header, 1, &key, NULL) == AX_OK,
             len <= AX_IDEMPOTENCY_KEY_MAX);
    }
}

static bool response_passes(struct ax_str name, struct ax_str value)
{
    const struct ax_http_header header = { name, value };
    struct ax_pass_headers headers;
    bool passed = false;

    ax_pass_response(&header, 1, &scene_answer, &headers);
    for (size_t i = 0; i < headers.count; i++)
        passed = passed ||
                 (headers.items[i].name.ptr == name.ptr && headers.items[i].value.ptr == value.ptr);
    T_STR(value_of(&headers, "x-content-type-options"), AX_STR("nosniff"));
    T_STR(value_of(&headers, "content-security-policy"), AX_STR("sandbox"));
    T_STR(value_of(&headers, "x-request-id"), AX_STR("req-1"));
    T_STR(value_of(&headers, "x-ext-version"), AX_STR("1.2.3"));
    if (!ax_str_eq_nocase(name, AX_STR("cache-control")))
        T_STR(value_of(&headers, "cache-control"), AX_STR("no-store"));
    return passed;
}

TEST(pass_response_headers_of_the_list)
{
    static const char *const through[] = { "content-type", "Content-Language", "cache-control",
                                           "etag",         "last-modified",    "retry-after",
                                           "x-ext-a",      "X-Ext-Anything" };
    static const char *const held[] = {
        "set-cookie",
        "Set-Cookie",
        "set-cookie2",
        "connection",
        "transfer-encoding",
        "content-length",
        "server",
        "x-request-id",
        "x-ext-version",
        "X-Ext-Version",
        "x-ext-",
        "x-annex-error",
        "content-security-policy",
        "x-content-type-options",
        "access-control-allow-origin",
        "strict-transport-security",
        "link",
        "refresh",
        "content-encoding",
        "x-powered-by",
        "vary",
        "www-authenticate",
        "date",
        "clear-site-data",
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(through); i++)
        T_TRUE(response_passes(ax_str_of(through[i]), AX_STR("v")));
    for (size_t i = 0; i < AX_ARRAY_LEN(held); i++)
        T_FALSE(response_passes(ax_str_of(held[i]), AX_STR("v")));
}

TEST(pass_response_bytes)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        char value[3] = { 'a', (char)byte, 'b' };
        char name[9] = "x-ext-a?b";
        bool fine = byte == '\t' || (byte >= 0x20 && byte != 0x7f);

        T_EQ(response_passes(AX_STR("x-ext-v"), ax_str_make(value, 3)), fine);
        name[7] = (char)byte;
        fine = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
               (byte >= 'a' && byte <= 'z') || (byte && strchr("!#$%&'*+-.^_`|~", (int)byte));
        T_EQ(response_passes(ax_str_make(name, 9), AX_STR("v")), fine);
    }
}

TEST(pass_response_downloads_are_attachments)
{
    static const struct {
        const char *value;
        bool fine;
    } rows[] = {
        { "attachment", true },
        { "Attachment; filename=\"a.txt\"", true },
        { "attachment ;x=1", true },
        { "inline", false },
        { "inline; attachment", false },
        { "attachmentx", false },
        { "", false },
        { "form-data; name=attachment", false },
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(rows); i++)
        T_EQ(response_passes(AX_STR("content-disposition"), ax_str_of(rows[i].value)),
             rows[i].fine);
}

TEST(pass_response_locations_stay_inside)
{
    static const struct {
        const char *value;
        bool own;
    } rows[] = {
        { "/api/ext/com.acme.hello/greet", true },
        { "/api/ext/com.acme.hello", true },
        { "/api/ext/ins_1/a?next=//evil.example", true },
        { "/api/ext/ext_hello/a#top", true },
        { "/api/ext/Acme.com.acme.hello/a", true },
        { "/api/ext/com.acme.world/greet", false },
        { "/api/ext/com.acme.hello2/greet", false },
        { "/api/ext/com.acme.hello/../x", false },
        { "/api/ext/com.acme.hello/%2e%2e/x", false },
        { "/api/ext/com.acme.hello/%2fx", false },
        { "/api/ext/com.acme.hello\\..\\x", false },
        { "/api/ext/com.acme.hello/.\t./x", false },
        { "/api/ext/com.acme.hello/a b", false },
        { "//evil.example/api/ext/com.acme.hello", false },
        { "/\\evil.example", false },
        { "https://evil.example/api/ext/com.acme.hello", false },
        { "/api/ext", false },
        { "/api/ext/", false },
        { "/api/ext//com.acme.hello", false },
        { "/api/registry/v1/x", false },
        { "greet", false },
        { "?a", false },
        { "#a", false },
        { "", false },
        { "javascript:alert(1)", false },
        { "/api/ext/com.acme.hello/\xc3\xa4", false },
        { "/api/ext/com.acme.hello/%c3%a4", true },
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(rows); i++)
        T_EQ(response_passes(AX_STR("location"), ax_str_of(rows[i].value)), rows[i].own);
}

TEST(pass_response_says_single_things_once)
{
    const struct ax_http_header in[] = {
        { AX_STR("content-type"), AX_STR("a/b") },
        { AX_STR("Content-Type"), AX_STR("c/d") },
        { AX_STR("cache-control"), AX_STR("private") },
        { AX_STR("cache-control"), AX_STR("max-age=1") },
        { AX_STR("x-ext-a"), AX_STR("1") },
        { AX_STR("x-ext-a"), AX_STR("2") },
    };
    struct ax_pass_headers headers;

    ax_pass_response(in, AX_ARRAY_LEN(in), &scene_answer, &headers);
    T_STR(value_of(&headers, "content-type"), AX_STR("a/b"));
    T_EQ(headers.count, 5 + 4);
}

TEST(pass_response_of_most_headers_has_room)
{
    struct ax_http_header in[AX_PASS_HEADERS_MAX + 5];
    struct ax_pass_headers headers;

    for (size_t i = 0; i < AX_ARRAY_LEN(in); i++)
        in[i] = (struct ax_http_header){ AX_STR("x-ext-a"), AX_STR("v") };
    ax_pass_response(in, AX_ARRAY_LEN(in), &scene_answer, &headers);
    T_EQ(headers.count, AX_PASS_HEADERS_MAX + 5);
}

TEST(pass_failure_names_the_code)
{
    struct ax_pass_headers headers;

    ax_pass_failure(AX_E_WORKER_LOST, AX_STR("r"), AX_STR_NONE, &headers);
    T_STR(value_of(&headers, "x-annex-error"), AX_STR("worker_lost"));
    T_STR(value_of(&headers, "cache-control"), AX_STR("no-store"));
    T_STR(value_of(&headers, "x-request-id"), AX_STR("r"));
    T_TRUE(value_of(&headers, "x-ext-version").ptr == NULL);
    ax_pass_failure(AX_E_WORKER_LOST, AX_STR("r"), AX_STR("1.0.0"), &headers);
    T_STR(value_of(&headers, "x-ext-version"), AX_STR("1.0.0"));
}

TEST_MAIN()

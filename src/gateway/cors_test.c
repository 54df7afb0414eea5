/* SPDX-License-Identifier: Apache-2.0 */
/* cors_test.c - which pages may call, and read? */
#include "gateway/cors.h"

#include "base/buf.h"
#include "base/test.h"

#define APP "https://app.example"

static struct ax_cors make(const char *setting, bool credentials)
{
    struct ax_cors cors = { .credentials = credentials };

    T_OK(ax_cors_parse(ax_str_of(setting), &cors, NULL));
    return cors;
}

static struct ax_str value_of(const struct ax_cors_headers *headers, const char *name)
{
    for (size_t i = 0; i < headers->count; i++)
        if (ax_str_eq(headers->items[i].name, ax_str_of(name)))
            return headers->items[i].value;
    return AX_STR_NONE;
}

TEST(cors_setting_has_exact_origins)
{
    static const struct {
        const char *setting;
        bool fine;
    } rows[] = {
        { "", true },
        { APP, true },
        { "https://app.example, http://localhost:3000", true },
        { "https://[::1]:8443", true },
        { "*", false },
        { "null", false },
        { "app.example", false },
        { "HTTPS://app.example", false },
        { "https://App.example", false },
        { "https://app.example/", false },
        { "https://app.example:443", false },
        { "https://app.example:8443", true },
        { "http://app.example:80", false },
        { "http://app.example:443", true },
        { "https://user@app.example", false },
        { "https://*.example", false },
        { "https://", false },
        { "https://app.example,", false },
        { APP "," APP, false },
        { "ftp://app.example", false },
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(rows); i++) {
        struct ax_cors cors = { 0 };
        struct ax_err err = { 0 };
        enum ax_code code = ax_cors_parse(ax_str_of(rows[i].setting), &cors, &err);

        T_CODE(code, rows[i].fine ? AX_OK : AX_E_INVALID_REQUEST);
        T_TRUE(rows[i].fine || (err.message[0] && cors.count == 0));
    }
}

TEST(cors_setting_has_at_most_64_origins)
{
    for (unsigned count = AX_CORS_ORIGINS_MAX - 1; count <= AX_CORS_ORIGINS_MAX + 1; count++) {
        AX_AUTO_BUF struct ax_buf setting = { .max = 1u << 16 };
        struct ax_cors cors = { 0 };

        for (unsigned i = 0; i < count; i++)
            ax_buf_printf(&setting, "%shttps://a%u.example", i ? "," : "", i);
        T_EQ(ax_cors_parse(ax_buf_str(&setting), &cors, NULL) == AX_OK,
             count <= AX_CORS_ORIGINS_MAX);
    }
}

TEST(cors_preflight_answers_allowed_pages)
{
    struct ax_cors cors = make(APP, false);
    struct ax_cors_headers headers;

    T_OK(ax_cors_preflight(&cors, AX_STR(APP), AX_STR("PUT"), AX_STR("content-type, x-mine"),
                           &headers, NULL));
    T_STR(value_of(&headers, "access-control-allow-origin"), AX_STR(APP));
    T_STR(value_of(&headers, "access-control-allow-headers"), AX_STR("content-type, x-mine"));
    T_STR(value_of(&headers, "access-control-allow-methods"),
          AX_STR("GET, HEAD, POST, PUT, PATCH, DELETE"));
    T_TRUE(value_of(&headers, "access-control-allow-credentials").ptr == NULL);
    T_TRUE(ax_str_starts(value_of(&headers, "vary"), AX_STR("origin")));
    cors.credentials = true;
    T_OK(ax_cors_preflight(&cors, AX_STR(APP), AX_STR("PUT"), AX_STR_NONE, &headers, NULL));
    T_STR(value_of(&headers, "access-control-allow-credentials"), AX_STR("true"));
    T_TRUE(value_of(&headers, "access-control-allow-headers").ptr == NULL);
}

TEST(cors_preflight_refuses_the_rest)
{
    static const struct {
        struct ax_str origin, method, asked;
        enum ax_code code;
    } rows[] = {
        { AX_STR_INIT(APP), AX_STR_INIT("GET"), AX_STR_INIT("accept"), AX_OK },
        { AX_STR_INIT("https://app.example.evil"),
          AX_STR_INIT("GET"),
          { NULL, 0 },
          AX_E_FORBIDDEN },
        { AX_STR_INIT("http://app.example"), AX_STR_INIT("GET"), { NULL, 0 }, AX_E_FORBIDDEN },
        { AX_STR_INIT("null"), AX_STR_INIT("GET"), { NULL, 0 }, AX_E_FORBIDDEN },
        { AX_STR_INIT(""), AX_STR_INIT("GET"), { NULL, 0 }, AX_E_FORBIDDEN },
        { AX_STR_INIT(APP), AX_STR_INIT("TRACE"), { NULL, 0 }, AX_E_METHOD_NOT_ALLOWED },
        { AX_STR_INIT(APP), AX_STR_INIT("get"), { NULL, 0 }, AX_E_METHOD_NOT_ALLOWED },
        { AX_STR_INIT(APP), AX_STR_INIT(""), { NULL, 0 }, AX_E_METHOD_NOT_ALLOWED },
        { AX_STR_INIT(APP), AX_STR_INIT("GET"), AX_STR_INIT("a b"), AX_E_INVALID_REQUEST },
        { AX_STR_INIT(APP), AX_STR_INIT("GET"), AX_STR_INIT("a,,b"), AX_E_INVALID_REQUEST },
    };
    struct ax_cors cors = make(APP, true);
    char asked[AX_CORS_ASKED_MAX + 1];

    for (size_t i = 0; i < AX_ARRAY_LEN(rows); i++) {
        struct ax_cors_headers headers;

        T_CODE(
            ax_cors_preflight(&cors, rows[i].origin, rows[i].method, rows[i].asked, &headers, NULL),
            rows[i].code);
        T_EQ(value_of(&headers, "access-control-allow-origin").ptr != NULL, rows[i].code == AX_OK);
    }
    memset(asked, 'a', sizeof(asked));
    for (size_t len = AX_CORS_ASKED_MAX - 1; len <= AX_CORS_ASKED_MAX + 1; len++) {
        struct ax_cors_headers headers;

        T_EQ(ax_cors_preflight(&cors, AX_STR(APP), AX_STR("GET"), ax_str_make(asked, len), &headers,
                               NULL) == AX_OK,
             len <= AX_CORS_ASKED_MAX);
    }
}

TEST(cors_options_without_a_page_says_the_methods)
{
    struct ax_cors cors = make("", false);
    struct ax_cors_headers headers;

    T_OK(ax_cors_preflight(&cors, AX_STR_NONE, AX_STR_NONE, AX_STR_NONE, &headers, NULL));
    T_STR(value_of(&headers, "allow"), AX_STR("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
    T_TRUE(value_of(&headers, "access-control-allow-origin").ptr == NULL);
}

TEST(cors_answers_are_read_by_allowed_pages_only)
{
    struct ax_cors cors = make(APP ",https://b.example", false);
    struct ax_cors nobody = make("", true);
    struct ax_cors_headers headers;

    ax_cors_answer(&cors, AX_STR("https://b.example"), &headers);
    T_STR(value_of(&headers, "access-control-allow-origin"), AX_STR("https://b.example"));
    T_STR(value_of(&headers, "vary"), AX_STR("origin"));
    ax_cors_answer(&cors, AX_STR("https://c.example"), &headers);
    T_TRUE(value_of(&headers, "access-control-allow-origin").ptr == NULL);
    T_STR(value_of(&headers, "vary"), AX_STR("origin"));
    ax_cors_answer(&cors, AX_STR_NONE, &headers);
    T_EQ(headers.count, 1);
    ax_cors_answer(&nobody, AX_STR(APP), &headers);
    T_EQ(headers.count, 0);
}

TEST(cors_cookie_needs_a_page_of_ours)
{
    static const struct {
        enum ax_method method;
        struct ax_str origin, host;
        bool fine;
    } rows[] = {
        { AX_METHOD_GET, { NULL, 0 }, AX_STR_INIT("gw.example"), true },
        { AX_METHOD_HEAD, AX_STR_INIT("https://evil"), AX_STR_INIT("gw.example"), true },
        { AX_METHOD_POST, { NULL, 0 }, AX_STR_INIT("gw.example"), false },
        { AX_METHOD_POST, AX_STR_INIT("null"), AX_STR_INIT("gw.example"), false },
        { AX_METHOD_POST, AX_STR_INIT(APP), AX_STR_INIT("gw.example"), true },
        { AX_METHOD_PUT, AX_STR_INIT("https://gw.example"), AX_STR_INIT("gw.example"), true },
        { AX_METHOD_PUT, AX_STR_INIT("https://gw.example"), AX_STR_INIT("GW.example"), true },
        { AX_METHOD_PUT, AX_STR_INIT("https://gw.example"), AX_STR_INIT("gw.example:443"), true },
        { AX_METHOD_PUT, AX_STR_INIT("http://gw.example"), AX_STR_INIT("gw.example:443"), false },
        { AX_METHOD_PUT, AX_STR_INIT("http://gw.example"), AX_STR_INIT("gw.example:80"), true },
        { AX_METHOD_PUT, AX_STR_INIT("http://gw:8080"), AX_STR_INIT("gw:8080"), true },
        { AX_METHOD_PUT, AX_STR_INIT("http://gw:8080"), AX_STR_INIT("gw:8081"), false },
        { AX_METHOD_PATCH, AX_STR_INIT("https://evil.example"), AX_STR_INIT("gw.example"), false },
        { AX_METHOD_DELETE, AX_STR_INIT("https://gw.example.evil"), AX_STR_INIT("gw.example"),
          false },
        { AX_METHOD_DELETE, AX_STR_INIT("https://"), AX_STR_INIT(""), false },
        { AX_METHOD_DELETE, AX_STR_INIT("gw.example"), AX_STR_INIT("gw.example"), false },
        { AX_METHOD_DELETE, AX_STR_INIT("https://gw.example/x"), AX_STR_INIT("gw.example/x"),
          false },
    };
    struct ax_cors cors = make(APP, true);

    for (size_t i = 0; i < AX_ARRAY_LEN(rows); i++)
        T_CODE(ax_cors_check_cookie(&cors, rows[i].method, rows[i].origin, rows[i].host, NULL),
               rows[i].fine ? AX_OK : AX_E_FORBIDDEN);
}

TEST_MAIN()

/* SPDX-License-Identifier: Apache-2.0 */
/* endpoint_test.c - does a method and path run the one endpoint that it should? */
#include "gateway/endpoint.h"

#include "gateway/test_scene.h"

#include <stdio.h>

/* "METHOD PATH" joined by commas becomes the manifest's endpoints, the handler named so too. */
static struct ax_manifest *make(const char *list)
{
    AX_AUTO_BUF struct ax_buf rest = { .max = 60000 };
    struct ax_str entries = ax_str_of(list);

    ax_buf_append_str(&rest, AX_STR(",\"api\":{\"endpoints\":["));
    while (entries.len > 0) {
        struct ax_str path = ax_str_cut(&entries, ',');
        struct ax_str method = ax_str_cut(&path, ' ');

        ax_buf_printf(&rest, "%s{\"method\":\"%.*s\",\"path\":\"%.*s\",\"handler\":\"%.*s %.*s\"}",
                      rest.ptr[rest.len - 1] == '[' ? "" : ",", AX_STR_FMT(method),
                      AX_STR_FMT(path), AX_STR_FMT(method), AX_STR_FMT(path));
    }
    ax_buf_append_str(&rest, AX_STR("]}"));
    ax_buf_append_byte(&rest, '\0');
    return scene_parse(rest.ptr);
}

static enum ax_method method_of(struct ax_str text)
{
    static const char *const names[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE" };
    unsigned method = 0;

    while (!ax_str_eq(text, ax_str_of(names[method])))
        method++;
    return method;
}

/* "handler name=value ..." or the code's name. */
static void check(const char *list, const char *request, const char *expected)
{
    AX_AUTO(ax_manifest_free) struct ax_manifest *manifest = make(list);
    AX_AUTO(ax_endpoints_free) struct ax_endpoints *endpoints = ax_endpoints_compile(manifest);
    AX_AUTO_BUF struct ax_buf out = { .max = 4096 };
    struct ax_str rest = ax_str_of(request);
    enum ax_method method = method_of(ax_str_cut(&rest, ' '));
    struct ax_endpoint_match match;
    struct ax_ext_path path;
    struct ax_arena arena;
    enum ax_code code;
    char raw[512];

    ax_arena_init(&arena, 1u << 20);
    snprintf(raw, sizeof(raw), "/api/ext/x%.*s", AX_STR_FMT(rest));
    T_OK(ax_ext_path_parse(ax_str_of(raw), &arena, &path, NULL));
    code = ax_endpoints_match(endpoints, method, &path, &match);
    T_TRUE((code == AX_OK) == (match.endpoint != NULL));
    if (code == AX_OK)
        ax_buf_append_str(&out, match.endpoint->handler);
    else
        ax_buf_append_str(&out, ax_str_of(ax_code_info(code)->name));
    for (size_t i = 0; i < match.param_count; i++)
        ax_buf_printf(&out, " %.*s=%.*s", AX_STR_FMT(match.params[i].name),
                      AX_STR_FMT(match.params[i].value));
    T_STR(ax_buf_str(&out), ax_str_of(expected));
    ax_arena_done(&arena);
}

TEST(endpoint_is_found_by_method_and_segments)
{
    const char *list = "GET /,GET /greet/:name,POST /greet/:name,GET /a/b,PUT /v~1/(x)";

    check(list, "GET /", "GET /");
    check(list, "GET /greet/Ada", "GET /greet/:name name=Ada");
    check(list, "POST /greet/Ada", "POST /greet/:name name=Ada");
    check(list, "GET /greet/a%20b", "GET /greet/:name name=a b");
    check(list, "GET /%61/b", "GET /a/b");
    check(list, "PUT /v~1/(x)", "PUT /v~1/(x)");
    check(list, "PUT /v%7e1/%28x%29", "PUT /v~1/(x)");
    check(list, "GET /greet", "endpoint_not_found");
    check(list, "GET /greet/Ada/x", "endpoint_not_found");
    check(list, "GET /Greet/Ada", "endpoint_not_found");
    check(list, "GET /greet/Ada/", "endpoint_not_found");
    check(list, "GET /greet//Ada", "endpoint_not_found");
    check(list, "GET /a/b/c", "endpoint_not_found");
    check("GET /x", "GET /", "endpoint_not_found");
}

TEST(endpoint_literal_beats_parameter_left_to_right)
{
    const char *list = "GET /:a/:b/:c,GET /x/:b/:c,GET /:a/y/z,GET /x/:b/z,GET /x/y/:c";

    check(list, "GET /x/y/z", "GET /x/y/:c c=z");
    check(list, "GET /x/q/z", "GET /x/:b/z b=q");
    check(list, "GET /x/q/q", "GET /x/:b/:c b=q c=q");
    check(list, "GET /q/y/z", "GET /:a/y/z a=q");
    check(list, "GET /q/y/q", "GET /:a/:b/:c a=q b=y c=q");
    /* a literal that leads nowhere does not hide a parameter that fits */
    check("GET /a/c,GET /:y/b", "GET /a/b", "GET /:y/b y=a");
}

TEST(endpoint_of_another_method_is_405)
{
    const char *list = "GET /a,POST /a,DELETE /:x";

    check(list, "PUT /a", "method_not_allowed");
    check(list, "PUT /b", "method_not_allowed");
    check(list, "DELETE /b", "DELETE /:x x=b");
    check(list, "DELETE /a", "DELETE /:x x=a");
    check(list, "PUT /b/c", "endpoint_not_found");
    check(list, "GET /b", "method_not_allowed");
}

TEST(endpoint_head_runs_get)
{
    check("GET /a", "HEAD /a", "GET /a");
    check("HEAD /a", "HEAD /a", "HEAD /a");
    check("HEAD /a", "GET /a", "method_not_allowed");
    check("GET /a,HEAD /a", "HEAD /a", "HEAD /a");
    check("HEAD /a,GET /a", "HEAD /a", "HEAD /a");
    check("HEAD /:x,GET /a", "HEAD /a", "GET /a");
    check("HEAD /a,GET /:x", "HEAD /a", "HEAD /a");
    check("POST /a", "HEAD /a", "method_not_allowed");
}

TEST(endpoint_says_which_methods_a_path_has)
{
    AX_AUTO(ax_manifest_free) struct ax_manifest *manifest = make("GET /a,DELETE /:x,PUT /b");
    AX_AUTO(ax_endpoints_free) struct ax_endpoints *endpoints = ax_endpoints_compile(manifest);
    struct ax_str segment = AX_STR("a");
    struct ax_ext_path path = { .segments = &segment, .count = 1 };
    struct ax_endpoint_match match;

    T_CODE(ax_endpoints_match(endpoints, AX_METHOD_POST, &path, &match), AX_E_METHOD_NOT_ALLOWED);
    T_EQ(match.allowed, 1u << AX_METHOD_GET | 1u << AX_METHOD_HEAD | 1u << AX_METHOD_DELETE);
    path.nowhere = true;
    T_CODE(ax_endpoints_match(endpoints, AX_METHOD_GET, &path, &match), AX_E_ENDPOINT_NOT_FOUND);
    T_EQ(match.allowed, 0);
}

/* All methods x all paths of up to two of {a, b} against all endpoints of that kind. */
TEST(endpoint_matrix_agrees_with_a_definition)
{
    static const char *const methods[] = { "GET", "POST", "PUT", "PATCH", "DELETE" };
    static const char *const shapes[] = { "/a", "/:x", "/a/b", "/a/:y", "/:x/b", "/:x/:y" };
    static const char *const asked[] = { "/a", "/b", "/a/a", "/a/b", "/b/a", "/b/b" };
    /* which shape each asked path runs, if the manifest has them all */
    static const unsigned best[] = { 0, 1, 3, 2, 5, 4 };
    AX_AUTO_BUF struct ax_buf list = { .max = 4096 };

    for (size_t i = 0; i < AX_ARRAY_LEN(methods); i++)
        for (size_t k = 0; k < AX_ARRAY_LEN(shapes); k++)
            ax_buf_printf(&list, "%s%s %s", list.len ? "," : "", methods[i], shapes[k]);
    ax_buf_append_byte(&list, '\0');
    for (size_t i = 0; i < AX_ARRAY_LEN(methods); i++)
        for (size_t k = 0; k < AX_ARRAY_LEN(asked); k++) {
            char request[64], expected[64];
            size_t len;

            snprintf(request, sizeof(request), "%s %s", methods[i], asked[k]);
            len = (size_t)snprintf(expected, sizeof(expected), "%s %s", methods[i],
                                   shapes[best[k]]);
            if (strstr(shapes[best[k]], ":x"))
                len += (size_t)snprintf(expected + len, sizeof(expected) - len, " x=%c",
                                        asked[k][1]);
            if (strstr(shapes[best[k]], ":y"))
                snprintf(expected + len, sizeof(expected) - len, " y=%c", asked[k][3]);
            check(list.ptr, request, expected);
        }
}

TEST(endpoint_of_many_segments_matches)
{
    check("GET /a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/:p", "GET /a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/z",
          "GET /a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/:p p=z");
    check("GET /a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/:p", "GET /a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q",
          "endpoint_not_found");
}

TEST(endpoint_permissions_are_listed_once)
{
    AX_AUTO(ax_manifest_free) struct ax_manifest *manifest = scene_parse(
        ",\"ui\":{\"type\":\"iframe\"},\"api\":{\"endpoints\":["
        "{\"method\":\"POST\",\"path\":\"/a\",\"handler\":\"h\"},"
        "{\"method\":\"GET\",\"path\":\"/b\",\"handler\":\"h\",\"permission\":\"audit\"},"
        "{\"method\":\"PUT\",\"path\":\"/c\",\"handler\":\"h\"}]}");
    AX_AUTO(ax_endpoints_free) struct ax_endpoints *endpoints = ax_endpoints_compile(manifest);

    T_EQ(ax_endpoints_permission_count(endpoints), 3);
    T_STR(ax_endpoints_permission(endpoints, 0), AX_STR("write"));
    T_STR(ax_endpoints_permission(endpoints, 1), AX_STR("audit"));
    T_STR(ax_endpoints_permission(endpoints, 2), AX_STR("read"));
}

TEST(endpoint_compiling_survives_refused_memory)
{
    AX_AUTO(ax_manifest_free) struct ax_manifest *manifest = make("GET /a/:b,POST /");

    T_SWEEP()
        ax_endpoints_free(ax_endpoints_compile(manifest));
}

TEST_MAIN()

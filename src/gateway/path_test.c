/* SPDX-License-Identifier: Apache-2.0 */
/* path_test.c - has every path of an extension one spelling, or none? */
#include "gateway/path.h"

#include "base/buf.h"
#include "base/test.h"

#include <stdio.h>

/* "id|canonical", with " nowhere" behind it; "list"; or the code's name. */
static void show(struct ax_str raw, struct ax_buf *out)
{
    struct ax_arena arena;
    struct ax_ext_path path;
    struct ax_err err = { 0 };
    enum ax_code code;

    ax_arena_init(&arena, 1u << 20);
    code = ax_ext_path_parse(raw, &arena, &path, &err);
    if (code != AX_OK)
        ax_buf_append_str(out, ax_str_of(ax_code_info(code)->name));
    else if (path.extension.len == 0)
        ax_buf_append_str(out, AX_STR("list"));
    else
        ax_buf_printf(out, "%.*s|%.*s%s", AX_STR_FMT(path.extension), AX_STR_FMT(path.canonical),
                      path.nowhere ? " nowhere" : "");
    if (code != AX_OK)
        T_TRUE(err.message[0]);
    ax_arena_done(&arena);
}

static void check(const char *raw, const char *expected)
{
    AX_AUTO_BUF struct ax_buf out = { .max = 1u << 16 };

    show(ax_str_of(raw), &out);
    T_STR(ax_buf_str(&out), ax_str_of(expected));
}

TEST(path_names_the_extension_and_the_place_in_it)
{
    check("/api/ext", "list");
    check("/api/ext/com.acme.hello", "com.acme.hello|/");
    check("/api/ext/com.acme.hello/", "com.acme.hello|/");
    check("/api/ext/x/greet/Ada", "x|/greet/Ada");
    check("/api/ext/x/a%20b/%c3%A4/~%7E", "x|/a%20b/%C3%A4/~~");
    check("/api/ext/x/%67reet/a;b=1/c+d", "x|/greet/a%3Bb%3D1/c%2Bd");
    check("/api/ext/Acme%2Ecom.acme.hello/x", "Acme.com.acme.hello|/x");
    check("/api/ext/x/:name", "x|/%3Aname");
}

TEST(path_with_slashes_too_many_is_nowhere)
{
    check("/api/ext/x/a", "x|/a");
    check("/api/ext/x/a/", "x|/a nowhere");
    check("/api/ext/x//", "x|/ nowhere");
    check("/api/ext/x//a", "x|/a nowhere");
    check("/api/ext/x/a//b", "x|/a/b nowhere");
    check("/api/ext/x/a///", "x|/a nowhere");
}

TEST(path_elsewhere_is_not_found)
{
    check("/api/ext/x", "x|/");
    check("/api/ext/", "not_found");
    check("/api/ext//", "not_found");
    check("/api/ext//x", "not_found");
    check("/api/extx", "not_found");
    check("/api/ex", "not_found");
    check("/api//ext/x", "not_found");
    check("/%61pi/ext/x", "not_found");
    check("/API/ext/x", "not_found");
    check("", "not_found");
    check("/", "not_found");
}

TEST(path_that_could_mean_two_things_is_refused)
{
    static const struct {
        const char *bad, *good;
    } twins[] = {
        { "%2f", "2f" },
        { "%2F", "%2D" },
        { "%5c", "%5d" },
        { "%00", "%30" },
        { ".", ".a" },
        { "..", "..a" },
        { "%2e", "%2ea" },
        { "%2E%2e", "%2E%2ea" },
        { ".%2e", "a%2e" },
        { "%25", "%24" },
        { "%252e", "252e" },
        { "%", "-" },
        { "%4", "4" },
        { "%4g", "%4a" },
        { "%c0%af", "%c3%af" },
        { "%ff", "%7e" },
        { "%ed%a0%80", "%ed%9f%bf" },
        { "\\", "%60" },
        { "%0a", "%20" },
        { "%7f", "%7e" },
        { "%e2%82", "%e2%82%ac" },
        { "\x01", "!" },
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(twins); i++)
        for (unsigned at = 0; at < 4; at++) { /* as id, as segment, between, beside "//" */
            static const char *const shapes[] = { "/api/ext/%s", "/api/ext/x/%s", "/api/ext/x/%s/b",
                                                  "/api/ext/x//%s" };
            AX_AUTO_BUF struct ax_buf out = { .max = 4096 };
            char raw[64];

            snprintf(raw, sizeof(raw), shapes[at], twins[i].bad);
            check(raw, "invalid_request");
            snprintf(raw, sizeof(raw), shapes[at], twins[i].good);
            show(ax_str_of(raw), &out);
            T_FALSE(ax_str_eq(ax_buf_str(&out), AX_STR("invalid_request")));
        }
}

TEST(path_is_as_long_as_the_runner_takes)
{
    for (size_t len = AX_EXT_PATH_MAX - 1; len <= AX_EXT_PATH_MAX + 1; len++) {
        AX_AUTO_BUF struct ax_buf raw = { .max = 1u << 16 };
        AX_AUTO_BUF struct ax_buf out = { .max = 1u << 16 };

        ax_buf_append_str(&raw, AX_STR("/api/ext/x/"));
        for (size_t i = 1; i < len; i++)
            ax_buf_append_byte(&raw, 'a');
        show(ax_buf_str(&raw), &out);
        T_EQ(ax_str_eq(ax_buf_str(&out), AX_STR("invalid_request")), len > AX_EXT_PATH_MAX);
    }
    for (size_t count = 2729; count <= 2732; count++) { /* "!" grows threefold: 1 + 3 n */
        AX_AUTO_BUF struct ax_buf raw = { .max = 1u << 16 };
        AX_AUTO_BUF struct ax_buf out = { .max = 1u << 16 };

        ax_buf_append_str(&raw, AX_STR("/api/ext/x/"));
        for (size_t i = 0; i < count; i++)
            ax_buf_append_byte(&raw, '!');
        show(ax_buf_str(&raw), &out);
        T_EQ(ax_str_eq(ax_buf_str(&out), AX_STR("invalid_request")),
             1 + 3 * count > AX_EXT_PATH_MAX);
    }
}

TEST(path_has_as_many_segments_as_a_path_has)
{
    for (size_t count = AX_PATH_SEGMENTS_MAX - 1; count <= AX_PATH_SEGMENTS_MAX + 1; count++) {
        AX_AUTO_BUF struct ax_buf raw = { .max = 4096 };
        AX_AUTO_BUF struct ax_buf out = { .max = 4096 };

        ax_buf_append_str(&raw, AX_STR("/api/ext"));
        for (size_t i = 0; i < count; i++)
            ax_buf_append_str(&raw, AX_STR("/s"));
        show(ax_buf_str(&raw), &out);
        T_EQ(ax_str_eq(ax_buf_str(&out), AX_STR("invalid_request")), count > AX_PATH_SEGMENTS_MAX);
    }
}

/* --- the same rules written once more, the slow way --- */

static int oracle_hex(char c)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    const char *at = c ? strchr(digits, c) : NULL;

    if (!at)
        return -1;
    return (int)(at - digits) < 16 ? (int)(at - digits) : (int)(at - digits) - 6;
}

/* Decodes all of it, with '/' that was written kept apart as byte 1; false: malformed. */
static bool oracle_decode(const char *raw, char *out)
{
    size_t len = 0;

    for (; *raw; raw++) {
        int byte = (unsigned char)*raw;

        if (byte == '/') {
            out[len++] = 1;
            continue;
        }
        if (byte == '%') {
            if (oracle_hex(raw[1]) < 0 || oracle_hex(raw[2]) < 0)
                return false;
            byte = oracle_hex(raw[1]) << 4 | oracle_hex(raw[2]);
            raw += 2;
            if (byte == '/' || byte == '%')
                return false;
        }
        if (byte < 32 || byte == 127 || byte == '\\')
            return false;
        out[len++] = (char)byte;
    }
    out[len] = 0;
    return ax_str_is_utf8(ax_str_of(out));
}

/* What show() should print for "/api/ext" + rest, where rest begins with '/'. */
static void oracle(const char *rest, struct ax_buf *out)
{
    char decoded[512];
    char *segments[64];
    size_t count = 0;
    size_t slashes = 0;
    bool nowhere = false;

    if (!oracle_decode(rest, decoded)) {
        ax_buf_append_str(out, AX_STR("invalid_request"));
        return;
    }
    for (char *at = decoded, *end; *at; at = end) {
        for (end = at; *end && *end != 1; end++)
            ;
        bool last = *end == 0;
        *end = 0;
        if (end > at)
            segments[count++] = at;
        slashes++;
        if (!last)
            end++;
    }
    for (size_t i = 0; i < count; i++)
        if (strcmp(segments[i], ".") == 0 || strcmp(segments[i], "..") == 0) {
            ax_buf_append_str(out, AX_STR("invalid_request"));
            return;
        }
    nowhere = strstr(rest, "//") != NULL || (count > 1 && rest[strlen(rest) - 1] == '/');
    if (count == 0 || strncmp(rest, "//", 2) == 0) {
        ax_buf_append_str(out, AX_STR("not_found"));
        return;
    }
    T_TRUE(slashes > 0);
    ax_buf_printf(out, "%s|", segments[0]);
    for (size_t i = 1; i < count; i++) {
        ax_buf_append_byte(out, '/');
        for (const unsigned char *at = (const unsigned char *)segments[i]; *at; at++)
            if ((*at >= '0' && *at <= '9') || (*at >= 'A' && *at <= 'Z') ||
                (*at >= 'a' && *at <= 'z') || strchr("-._~", *at))
                ax_buf_append_byte(out, (char)*at);
            else
                ax_buf_printf(out, "%%%02X", *at);
    }
    if (count == 1)
        ax_buf_append_byte(out, '/');
    if (nowhere)
        ax_buf_append_str(out, AX_STR(" nowhere"));
}

TEST(path_agrees_with_an_oracle_on_4000_paths)
{
    static const char *const pieces[] = { "/",   "/",   "/",         "a",   "B",   ".",      "..",
                                          "%2e", "%2f", "%5C",       "%00", "%25", "%c3%a4", "%c3",
                                          "%41", "%",   "%4",        ";x",  ":p",  "~",      "+",
                                          "\\",  "%20", "%e2%82%ac", "!",   "ab",  "%7E" };
    uint32_t seed = 2463534242u;
    size_t accepted = 0;

    for (size_t round = 0; round < 4000; round++) {
        AX_AUTO_BUF struct ax_buf raw = { .max = 4096 };
        AX_AUTO_BUF struct ax_buf got = { .max = 4096 };
        AX_AUTO_BUF struct ax_buf expected = { .max = 4096 };
        size_t count;

        ax_buf_append_str(&raw, AX_STR("/api/ext/"));
        seed ^= seed << 13, seed ^= seed >> 17, seed ^= seed << 5;
        count = seed % 9;
        for (size_t i = 0; i < count; i++) {
            seed ^= seed << 13, seed ^= seed >> 17, seed ^= seed << 5;
            /* every second path is made of what is harmless for the most part */
            ax_buf_append_str(&raw,
                              ax_str_of(pieces[seed % (round % 2 ? 5 : AX_ARRAY_LEN(pieces))]));
        }
        show(ax_buf_str(&raw), &got);
        ax_buf_append_byte(&raw, '\0');
        oracle(raw.ptr + strlen("/api/ext"), &expected);
        T_STR(ax_buf_str(&got), ax_buf_str(&expected));
        accepted += ax_str_find(ax_buf_str(&got), '|') < got.len;
    }
    T_TRUE(accepted > 1000 && accepted < 3000);
}

TEST(path_spelled_canonically_stays_as_it_is)
{
    static const char *const paths[] = { "/a%20b/%C3%A4", "/greet/Ada", "/~/%3Aname/-._" };

    for (size_t i = 0; i < AX_ARRAY_LEN(paths); i++) {
        char raw[128], expected[128];

        snprintf(raw, sizeof(raw), "/api/ext/x%s", paths[i]);
        snprintf(expected, sizeof(expected), "x|%s", paths[i]);
        check(raw, expected);
    }
}

TEST(path_survives_refused_memory)
{
    T_SWEEP() {
        struct ax_arena arena;
        struct ax_ext_path path = { .extension = AX_STR_NONE };

        ax_arena_init(&arena, 1u << 20);
        enum ax_code code = ax_ext_path_parse(AX_STR("/api/ext/x/a/b"), &arena, &path, NULL);
        T_TRUE(code == AX_OK || code == AX_E_NO_MEMORY);
        T_TRUE((code == AX_OK) == (path.count == 2));
        ax_arena_done(&arena);
    }
    for (size_t max = 0; max < 4096; max += 64) {
        struct ax_arena arena;
        struct ax_ext_path path;

        ax_arena_init(&arena, max);
        enum ax_code code = ax_ext_path_parse(AX_STR("/api/ext/x/a/b"), &arena, &path, NULL);
        T_TRUE(code == AX_OK || code == AX_E_NO_MEMORY);
        ax_arena_done(&arena);
    }
}

TEST_MAIN()

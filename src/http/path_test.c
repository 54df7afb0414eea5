/* SPDX-License-Identifier: Apache-2.0 */
/* path_test.c - has every path one meaning, or none? */
#include "http/path.h"

#include "base/buf.h"
#include "base/test.h"

#include <stdio.h>

/* Segments joined by '|', with a trailing "/" when there is one; "refused" otherwise. */
static void check(struct ax_str raw, const char *expected)
{
    struct ax_arena arena;
    struct ax_path path;
    struct ax_err err = { 0 };
    AX_AUTO_BUF struct ax_buf joined = { .max = 1u << 16 };

    ax_arena_init(&arena, 1u << 20);
    if (ax_path_parse(raw, &arena, &path, &err) == AX_OK) {
        for (size_t i = 0; i < path.count; i++) {
            if (i > 0)
                ax_buf_append_byte(&joined, '|');
            ax_buf_append_str(&joined, path.segments[i]);
        }
        if (path.trailing_slash)
            ax_buf_append_byte(&joined, '/');
    } else {
        T_CODE(err.code, AX_E_INVALID_REQUEST);
        ax_buf_append_str(&joined, AX_STR("refused"));
    }
    T_STR(ax_buf_str(&joined), ax_str_of(expected));
    ax_arena_done(&arena);
}

TEST(paths_are_decoded_once_and_split)
{
    check(AX_STR("/"), "");
    check(AX_STR("/a"), "a");
    check(AX_STR("/a/"), "a/");
    check(AX_STR("/a/b%20c/%C3%A4"), "a|b c|\xc3\xa4");
    check(AX_STR("/a;x=1/~b+c"), "a;x=1|~b+c"); /* neither ';' nor '+' means anything here */
    check(AX_STR("/%41%2e%2E%41"), "A..A");
    check(AX_STR("/.a/..b/c..."), ".a|..b|c...");
    check(AX_STR("/\xc3\xa4"), "\xc3\xa4");
}

TEST(paths_that_could_mean_two_things_are_refused)
{
    static const struct ax_str bad[] = {
        AX_STR_INIT(""),          AX_STR_INIT("a"),          AX_STR_INIT("*"),
        AX_STR_INIT("//"),        AX_STR_INIT("/a//b"),      AX_STR_INIT("//a"),
        AX_STR_INIT("/."),        AX_STR_INIT("/.."),        AX_STR_INIT("/a/./b"),
        AX_STR_INIT("/a/../b"),   AX_STR_INIT("/%2e"),       AX_STR_INIT("/%2e%2e/a"),
        AX_STR_INIT("/.%2E"),     AX_STR_INIT("/a%2fb"),     AX_STR_INIT("/a%2Fb"),
        AX_STR_INIT("/a%5cb"),    AX_STR_INIT("/a\\b"),      AX_STR_INIT("/a%00"),
        AX_STR_INIT("/a\0b"),     AX_STR_INIT("/a%0a"),      AX_STR_INIT("/a%0D"),
        AX_STR_INIT("/a%7f"),     AX_STR_INIT("/a%1f"),      AX_STR_INIT("/%"),
        AX_STR_INIT("/%4"),       AX_STR_INIT("/%4g"),       AX_STR_INIT("/%g4"),
        AX_STR_INIT("/%%34"),     AX_STR_INIT("/%252e"),     AX_STR_INIT("/%25"),
        AX_STR_INIT("/%c0%af"),   AX_STR_INIT("/%e0%80%af"), AX_STR_INIT("/%ff"),
        AX_STR_INIT("/%c3"),      AX_STR_INIT("/%ed%a0%80"), AX_STR_INIT("/%f4%90%80%80"),
        AX_STR_INIT("/a/%u0041"), AX_STR_INIT("/%+41"),      AX_STR_INIT("/% 41"),
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(bad); i++)
        check(bad[i], "refused");
}

TEST(every_escape_is_its_byte_or_refused)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        char raw[8], expected[16] = "refused";
        bool fits = byte >= 0x20 && byte < 0x7f && byte != '/' && byte != '\\' && byte != '%' &&
                    byte != '.';

        snprintf(raw, sizeof(raw), "/%%%02x", byte);
        if (fits)
            snprintf(expected, sizeof(expected), "%c", (char)byte);
        check(ax_str_of(raw), expected);
        snprintf(raw, sizeof(raw), "/%%%02X", byte);
        check(ax_str_of(raw), expected);
    }
}

TEST(the_number_of_segments_is_limited)
{
    for (size_t count = AX_PATH_SEGMENTS_MAX - 1; count <= AX_PATH_SEGMENTS_MAX + 1; count++) {
        AX_AUTO_BUF struct ax_buf raw = { .max = 4096 };
        struct ax_arena arena;
        struct ax_path path;

        for (size_t i = 0; i < count; i++)
            ax_buf_append_str(&raw, AX_STR("/s"));
        ax_arena_init(&arena, 1u << 20);
        T_EQ(ax_path_parse(ax_buf_str(&raw), &arena, &path, NULL) == AX_OK,
             count <= AX_PATH_SEGMENTS_MAX);
        ax_arena_done(&arena);
    }
}

TEST(a_full_arena_is_said)
{
    struct ax_arena arena;
    struct ax_path path;
    struct ax_str text;
    struct ax_err err;

    ax_arena_init(&arena, 8);
    T_CODE(ax_path_parse(AX_STR("/a"), &arena, &path, &err), AX_E_NO_MEMORY);
    T_CODE(ax_query_decode(AX_STR("a"), &arena, &text, &err), AX_E_NO_MEMORY);
    ax_arena_done(&arena);
}

TEST(queries_keep_order_and_duplicates)
{
    struct ax_str rest = AX_STR("a=1&&b&a=2=3&=x&");
    struct ax_str key, value;
    AX_AUTO_BUF struct ax_buf seen = { .max = 256 };

    while (ax_query_next(&rest, &key, &value))
        ax_buf_printf(&seen, "[%.*s:%.*s]", AX_STR_FMT(key), (int)value.len,
                      value.ptr ? value.ptr : "");
    T_STR(ax_buf_str(&seen), AX_STR("[a:1][b:][a:2=3][:x]"));
    rest = AX_STR("");
    T_FALSE(ax_query_next(&rest, &key, &value));
    rest = AX_STR_NONE;
    T_FALSE(ax_query_next(&rest, &key, &value));
}

TEST(query_elements_are_decoded_once)
{
    static const struct {
        struct ax_str raw;
        const char *text; /* NULL: refused */
    } rows[] = {
        { AX_STR_INIT("a+b%20c"), "a b c" },
        { AX_STR_INIT("%2F%25%5c"), "/%\\" },
        { AX_STR_INIT(""), "" },
        { AX_STR_INIT("%0a"), "\n" },
        { AX_STR_INIT("%00"), NULL },
        { AX_STR_INIT("%"), NULL },
        { AX_STR_INIT("%4"), NULL },
        { AX_STR_INIT("%c0%af"), NULL },
        { AX_STR_INIT("%2541"), "%41" },
        { AX_STR_INIT("\xff"), NULL },
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(rows); i++) {
        struct ax_arena arena;
        struct ax_str text = AX_STR_NONE;
        enum ax_code code;

        ax_arena_init(&arena, 1u << 16);
        code = ax_query_decode(rows[i].raw, &arena, &text, NULL);
        T_CODE(code, rows[i].text ? AX_OK : AX_E_INVALID_REQUEST);
        if (rows[i].text)
            T_STR(text, ax_str_of(rows[i].text));
        ax_arena_done(&arena);
    }
}

TEST(encoding_gives_one_spelling_that_decodes_to_itself)
{
    for (unsigned byte = 0x21; byte < 0x7f; byte++) {
        char segment[3] = { 'x', (char)byte, 'y' };
        AX_AUTO_BUF struct ax_buf raw = { .max = 64 };

        if (byte == '/' || byte == '\\' || byte == '%')
            continue;
        ax_buf_append_byte(&raw, '/');
        T_OK(ax_path_encode(&raw, ax_str_make(segment, 3)));
        segment[2] = 'y';
        check(ax_buf_str(&raw), (char[]){ 'x', (char)byte, 'y', 0 });
    }
    {
        AX_AUTO_BUF struct ax_buf raw = { .max = 64 };

        T_OK(ax_path_encode(&raw, AX_STR("a b\xc3\xa4~-._/")));
        T_STR(ax_buf_str(&raw), AX_STR("a%20b%C3%A4~-._%2F"));
    }
}

TEST_MAIN()

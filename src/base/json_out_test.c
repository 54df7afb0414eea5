/* SPDX-License-Identifier: Apache-2.0 */
/* json_out_test.c - is what we write JSON, whatever we are handed? */
#include "base/json.h"
#include "base/test.h"

static void escapes(struct ax_str str, struct ax_str expected)
{
    AX_AUTO_BUF struct ax_buf buf = { .max = 1000 };

    T_OK(ax_json_escape(&buf, str));
    T_STR(ax_buf_str(&buf), expected);
}

TEST(json_out_escapes)
{
    escapes(AX_STR_NONE, AX_STR("\"\""));
    escapes(AX_STR("plain text, longer than eight"), AX_STR("\"plain text, longer than eight\""));
    escapes(AX_STR("a\"b\\c/d"), AX_STR("\"a\\\"b\\\\c/d\""));
    escapes(AX_STR("\b\f\n\r\t\x01\x1f\x7f\0"),
            AX_STR("\"\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\\u0000\""));
    escapes(AX_STR("\xc3\xa4\xf0\x9f\x98\x80"), AX_STR("\"\xc3\xa4\xf0\x9f\x98\x80\""));
    escapes(AX_STR("a\xff\xc3z"), AX_STR("\"a\xef\xbf\xbd\xef\xbf\xbdz\""));
    escapes(AX_STR("\xed\xa0\x80"), AX_STR("\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""));
    escapes(AX_STR("12345678\n"), AX_STR("\"12345678\\n\""));
    escapes(AX_STR("</script>"), AX_STR("\"</script>\""));
}

/* Every byte at every place of a word of eight, read back by the parser. */
TEST(json_out_strings_come_back)
{
    const struct ax_json_limits limits = { .bytes_max = 1000 };

    for (unsigned byte = 0; byte < 256; byte++) {
        for (size_t at = 0; at < 17; at++) {
            AX_AUTO_BUF struct ax_buf buf = { .max = 1000 };
            AX_AUTO(ax_json_free) struct ax_json *json = NULL;
            char text[17];
            struct ax_str str = ax_str_make(text, sizeof(text));

            memset(text, 'a', sizeof(text));
            text[at] = (char)byte;
            T_OK(ax_json_escape(&buf, str));
            T_OK(ax_json_parse(ax_buf_str(&buf), &limits, &json, NULL));
            if (byte < 0x80)
                T_STR(ax_json_str(ax_json_root(json)), str);
            else
                T_EQ(ax_json_str(ax_json_root(json)).len, 19); /* U+FFFD has three bytes */
        }
    }
}

TEST(json_out_writes_commas)
{
    AX_AUTO_BUF struct ax_buf buf = { .max = 1000 };
    struct ax_json_out out;

    ax_json_out_init(&out, &buf);
    ax_json_begin_object(&out);
    ax_json_key(&out, "a");
    ax_json_begin_array(&out);
    ax_json_put_u64(&out, UINT64_MAX);
    ax_json_put_i64(&out, INT64_MIN);
    ax_json_put_i64(&out, 7);
    ax_json_begin_array(&out);
    ax_json_end_array(&out);
    ax_json_begin_object(&out);
    ax_json_end_object(&out);
    ax_json_put_null(&out);
    ax_json_end_array(&out);
    ax_json_key_str(&out, AX_STR("b\n"));
    ax_json_put_bool(&out, true);
    ax_json_key(&out, "");
    ax_json_put_bool(&out, false);
    ax_json_key(&out, "c");
    ax_json_begin_object(&out);
    ax_json_key(&out, "d");
    ax_json_put_str(&out, AX_STR("x"));
    ax_json_end_object(&out);
    ax_json_key(&out, "e");
    ax_json_put_base64(&out, AX_STR("foob"));
    ax_json_key(&out, "f");
    ax_json_put_raw(&out, AX_STR("[1, 2]"));
    ax_json_key(&out, "g");
    ax_json_put_base64(&out, AX_STR(""));
    ax_json_end_object(&out);
    T_OK(buf.failed);
    T_EQ(out.depth, 0);
    T_STR(ax_buf_str(&buf),
          AX_STR("{\"a\":[18446744073709551615,-9223372036854775808,7,[],{},null],\"b\\n\":true,"
                 "\"\":false,\"c\":{\"d\":\"x\"},\"e\":\"Zm9vYg==\",\"f\":[1, 2],\"g\":\"\"}"));
}

TEST(json_out_writes_doubles)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        { 0.0, "0.0" },
        { -0.0, "-0.0" },
        { 1.5, "1.5" },
        { 0.1, "0.1" },
        { 1e300, "1e300" },
        { 5e-324, "5e-324" },
        { 1e21, "1e21" },
        { -1.7976931348623157e308, "-1.7976931348623157e308" },
        { 0.1 + 0.2, "0.30000000000000004" },
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(cases); i++) {
        AX_AUTO_BUF struct ax_buf buf = { .max = 100 };
        struct ax_json_out out;

        ax_json_out_init(&out, &buf);
        ax_json_put_double(&out, cases[i].value);
        T_STR(ax_buf_str(&buf), ax_str_of(cases[i].text));
    }
}

TEST(json_out_a_single_value_is_a_text)
{
    AX_AUTO_BUF struct ax_buf buf = { .max = 100 };
    struct ax_json_out out;

    ax_json_out_init(&out, &buf);
    ax_json_put_str(&out, AX_STR("a"));
    T_STR(ax_buf_str(&buf), AX_STR("\"a\""));
}

TEST(json_out_failure_is_the_buffers)
{
    for (size_t max = 0; max < 40; max++) {
        AX_AUTO_BUF struct ax_buf buf = { .max = max };
        struct ax_json_out out;

        ax_json_out_init(&out, &buf);
        ax_json_begin_array(&out);
        ax_json_put_str(&out, AX_STR("a\nb\xff"));
        ax_json_put_double(&out, 1.5);
        ax_json_put_base64(&out, AX_STR("foobar"));
        ax_json_end_array(&out);
        T_CODE(buf.failed, max < 26 ? AX_E_TOO_BIG : AX_OK);
        T_TRUE(buf.len <= max);
    }
}

TEST(json_out_survives_refused_memory)
{
    T_SWEEP() {
        AX_AUTO_BUF struct ax_buf buf = { .max = 10000 };
        struct ax_json_out out;

        ax_json_out_init(&out, &buf);
        ax_json_begin_array(&out);
        for (int i = 0; i < 100; i++)
            ax_json_put_str(&out, AX_STR("a\nb\xff"));
        ax_json_end_array(&out);
        T_CODE(buf.failed, ax_fault_hit() ? AX_E_NO_MEMORY : AX_OK);
    }
}

TEST_MAIN()

/* SPDX-License-Identifier: Apache-2.0 */
/* json_test.c - which JSON do we read, which do we refuse, and what do we say about it? */
#include "base/json.h"
#include "base/test.h"

#include "base/clock.h"

#include <math.h>
#include <stdio.h>

static const struct ax_json_limits json_wide = { .bytes_max = 1 << 24, .keys_max = 1000000 };

/* The code of reading `text`, whose compact form is then in `again` (if given). */
static enum ax_code json_read(struct ax_str text, const struct ax_json_limits *limits,
                              struct ax_buf *again, struct ax_err *err)
{
    AX_AUTO(ax_json_free) struct ax_json *json = NULL;
    /* A copy of exact size, so that the sanitizer sees a byte read too far. */
    AX_AUTO_FREE char *copy = malloc(text.len > 0 ? text.len : 1);
    enum ax_code code;

    assert_non_null(copy);
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    code = ax_json_parse(ax_str_make(copy, text.len), limits, &json, err);
    T_TRUE((code == AX_OK) == (json != NULL));
    if (text.len > 0)
        memset(copy, 'x', text.len); /* what was read does not lean on the text */
    if (code == AX_OK && again)
        T_OK(ax_json_write_value(again, ax_json_root(json)));
    return code;
}

static void json_expect(struct ax_str text, enum ax_code expected)
{
    struct ax_err err = { 0 };
    enum ax_code code = json_read(text, &json_wide, NULL, &err);

    if (code != expected)
        fail_msg("%s (%s) for %.*s", ax_code_info(code)->name, err.message, AX_STR_FMT(text));
    T_TRUE((expected == AX_OK) == (err.message[0] == '\0'));
}

#define ACCEPTS(literal) json_expect(AX_STR(literal), AX_OK)
#define REFUSES(literal) json_expect(AX_STR(literal), AX_E_INVALID_REQUEST)

/* `text` read and written again is `expected`. */
static void comes_back(struct ax_str text, struct ax_str expected)
{
    AX_AUTO_BUF struct ax_buf again = { .max = 4096 };
    struct ax_err err = { 0 };

    if (json_read(text, &json_wide, &again, &err) != AX_OK)
        fail_msg("%s for %.*s", err.message, AX_STR_FMT(text));
    T_STR(ax_buf_str(&again), expected);
}

#define COMES_BACK(text, expected) comes_back(AX_STR(text), AX_STR(expected))

static struct ax_json *json_open(struct ax_str text)
{
    struct ax_json *json = NULL;

    T_OK(ax_json_parse(text, &json_wide, &json, NULL));
    return json;
}

TEST(json_structure)
{
    ACCEPTS("[]");
    ACCEPTS("{}");
    ACCEPTS(" \t\r\n[ \n]\t ");
    ACCEPTS("[[],{},[[]],[{}]]");
    ACCEPTS("{\"\":0}");
    ACCEPTS("{\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":1}]}");
    ACCEPTS("null");
    ACCEPTS("\"\"");
    ACCEPTS("0");
    REFUSES("");
    REFUSES(" ");
    REFUSES("[");
    REFUSES("]");
    REFUSES("{");
    REFUSES("}");
    REFUSES("[}");
    REFUSES("{]");
    REFUSES("[[]");
    REFUSES("[]]");
    REFUSES("[][]");
    REFUSES("{}{}");
    REFUSES("1 2");
    REFUSES("1,");
    REFUSES("[1 2]");
    REFUSES("[1,]");
    REFUSES("[,1]");
    REFUSES("[1,,2]");
    REFUSES("[,]");
    REFUSES("[:]");
    REFUSES("[1:2]");
    REFUSES("{1:2}");
    REFUSES("{null:1}");
    REFUSES("{[]:1}");
    REFUSES("{a:1}");
    REFUSES("{'a':1}");
    REFUSES("{\"a\"}");
    REFUSES("{\"a\":}");
    REFUSES("{\"a\" 1}");
    REFUSES("{\"a\"::1}");
    REFUSES("{\"a\":1,}");
    REFUSES("{,\"a\":1}");
    REFUSES("{\"a\":1 \"b\":2}");
    REFUSES("{\"a\":1,,\"b\":2}");
    REFUSES("{\"a\":1:2}");
    REFUSES("{\"a\",\"b\"}");
}

TEST(json_words_and_blanks)
{
    ACCEPTS("[true,false,null]");
    REFUSES("True");
    REFUSES("NULL");
    REFUSES("nul");
    REFUSES("nulll");
    REFUSES("tru");
    REFUSES("undefined");
    REFUSES("NaN");
    REFUSES("[nan]");
    REFUSES("[Infinity]");
    REFUSES("-Infinity");
    REFUSES("[inf]");
    REFUSES("[1]\0");
    REFUSES("\0");
    REFUSES("[\0]");
    REFUSES("[1]\x0b");
    REFUSES("\x0c[1]");
    REFUSES("[\xc2\xa0]"); /* no-break space */
    REFUSES("[1]\xe2\x80\xa8");
    REFUSES("/**/[]");
    REFUSES("[1]//");
    REFUSES("[1/*a*/]");
    REFUSES("#\n[]");
    REFUSES("<a>");
    REFUSES("*");
    REFUSES("[\x80]");
}

TEST(json_byte_order_marks)
{
    REFUSES("\xef\xbb\xbf[]");
    REFUSES("\xef\xbb\xbf");
    REFUSES("\xff\xfe[\0]\0");
    REFUSES("\xfe\xff\0[\0]");
    ACCEPTS("[\"\xef\xbb\xbf\"]"); /* inside a string it is a character */
}

TEST(json_number_forms)
{
    ACCEPTS("[0,-0,1,-1,10,123456789]");
    ACCEPTS("[0.0,1.5,-1.5,0.1e1,1e1,1E1,1e+1,1e-1,0e0,0E+0]");
    REFUSES("[01]");
    REFUSES("[-01]");
    REFUSES("[00]");
    REFUSES("[+1]");
    REFUSES("[--1]");
    REFUSES("[-]");
    REFUSES("[- 1]");
    REFUSES("[.5]");
    REFUSES("[-.5]");
    REFUSES("[1.]");
    REFUSES("[1.e1]");
    REFUSES("[1e]");
    REFUSES("[1e+]");
    REFUSES("[1e1.5]");
    REFUSES("[1ee1]");
    REFUSES("[1.2.3]");
    REFUSES("[0x1]");
    REFUSES("[1_000]");
    REFUSES("[1a]");
    REFUSES("[\xef\xbc\x91]"); /* a full-width digit */
    REFUSES("1e400");
    REFUSES("[-1e400]");
    REFUSES("[1e99999999999999999999]");
    ACCEPTS("[1e308]");
    ACCEPTS("[1e-400]"); /* the nearest double is 0 */
}

TEST(json_numbers_are_exact)
{
    COMES_BACK("9007199254740993", "9007199254740993"); /* 2^53 + 1 */
    COMES_BACK("-9007199254740993", "-9007199254740993");
    COMES_BACK("18446744073709551615", "18446744073709551615");
    COMES_BACK("9223372036854775808", "9223372036854775808");
    COMES_BACK("-9223372036854775808", "-9223372036854775808");
    COMES_BACK("18446744073709551616", "18446744073709552000.0");
    COMES_BACK("-9223372036854775809", "-9223372036854776000.0");
    COMES_BACK("0.1", "0.1");
    COMES_BACK("1.0", "1.0");
    COMES_BACK("5e-324", "5e-324");
    COMES_BACK("1.7976931348623157e308", "1.7976931348623157e308");
    COMES_BACK("0.30000000000000004", "0.30000000000000004");
}

TEST(json_numbers_have_types)
{
    AX_AUTO(ax_json_free) struct ax_json *json = json_open(
        AX_STR("[9007199254740993,18446744073709551615,-9223372036854775808,1.0,1e3,"
               "18446744073709551616,-1,0]"));
    struct ax_json_iter it = ax_json_iter(ax_json_root(json));
    const struct ax_json_value *at[8];
    int64_t i64 = 7;
    uint64_t u64 = 7;

    while (ax_json_next(&it))
        at[it.index] = it.value;
    T_EQ(ax_json_type(at[0]), AX_JSON_INT);
    T_TRUE(ax_json_i64(at[0], INT64_MIN, INT64_MAX, &i64));
    T_EQ(i64, 9007199254740993);
    T_EQ(ax_json_type(at[1]), AX_JSON_INT);
    T_FALSE(ax_json_i64(at[1], INT64_MIN, INT64_MAX, &i64));
    T_TRUE(ax_json_u64(at[1], UINT64_MAX, &u64));
    T_TRUE(u64 == UINT64_MAX);
    T_FALSE(ax_json_u64(at[1], UINT64_MAX - 1, &u64));
    T_TRUE(ax_json_i64(at[2], INT64_MIN, INT64_MAX, &i64));
    T_TRUE(i64 == INT64_MIN);
    T_FALSE(ax_json_i64(at[2], INT64_MIN + 1, INT64_MAX, &i64));
    T_FALSE(ax_json_u64(at[2], UINT64_MAX, &u64));
    for (int i = 3; i < 6; i++) {
        T_EQ(ax_json_type(at[i]), AX_JSON_DOUBLE);
        T_FALSE(ax_json_i64(at[i], INT64_MIN, INT64_MAX, &i64));
        T_FALSE(ax_json_u64(at[i], UINT64_MAX, &u64));
    }
    T_FALSE(ax_json_u64(at[6], UINT64_MAX, &u64));
    T_TRUE(ax_json_i64(at[6], -1, 0, &i64));
    T_FALSE(ax_json_i64(at[6], 0, 1, &i64));
    T_FALSE(ax_json_i64(at[7], -2, -1, &i64));
    T_TRUE(ax_json_u64(at[7], 0, &u64));
    T_TRUE(ax_json_double(at[4], -1) == 1000.0);
    T_TRUE(ax_json_double(at[6], 5) == -1.0);
}

TEST(json_strings)
{
    COMES_BACK("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\"");
    COMES_BACK("\"\\u0041\\u00e4\\u20ac\\ud83d\\ude00\"",
               "\"A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"");
    COMES_BACK("\"\\u0000\"", "\"\\u0000\"");
    COMES_BACK("\"\x7f\xf4\x8f\xbf\xbf\"", "\"\x7f\xf4\x8f\xbf\xbf\"");
    ACCEPTS("\"\\\\\"");
    ACCEPTS("\"12345678\\\"12345678\"");
    ACCEPTS("\"\\uFFFF\\uABCD\\uabcd\"");
    REFUSES("\"");
    REFUSES("\"a");
    REFUSES("\"\\\"");
    REFUSES("\"\\");
    REFUSES("\"\"\"");
    REFUSES("'a'");
    REFUSES("\"\\a\"");
    REFUSES("\"\\x41\"");
    REFUSES("\"\\'\"");
    REFUSES("\"\\0\"");
    REFUSES("\"\\u\"");
    REFUSES("\"\\u00\"");
    REFUSES("\"\\u00g0\"");
    REFUSES("\"\\u 041\"");
    REFUSES("\"\\U0041\"");
    REFUSES("\"\\\xc3\xa4\"");
}

TEST(json_refuses_control_characters_in_strings)
{
    for (unsigned byte = 0; byte < 0x20; byte++) {
        char text[3] = { '"', (char)byte, '"' };

        json_expect(ax_str_make(text, 3), AX_E_INVALID_REQUEST);
    }
}

TEST(json_refuses_lone_surrogates)
{
    REFUSES("\"\\ud800\"");
    REFUSES("\"\\udfff\"");
    REFUSES("\"\\ud83d\"");
    REFUSES("\"\\ud83dx\"");
    REFUSES("\"\\ud83d\\n\"");
    REFUSES("\"\\ud83d\\ud83d\"");
    REFUSES("\"\\ud83d\\u0041\"");
    REFUSES("\"\\ude00\\ud83d\"");
    REFUSES("\"\xed\xa0\x80\"");
    REFUSES("\"\xed\xa0\xbd\xed\xb8\x80\"");
    REFUSES("{\"\\ud800\":1}");
    ACCEPTS("\"\\ud83d\\ude00\"");
    ACCEPTS("\"\\ud7ff\\ue000\"");
}

/* yyjson's own reading of UTF-8 against ours: every lead byte with telling followers. */
TEST(json_and_str_agree_on_utf8)
{
    static const unsigned char tails[] = { 0x00, 0x22, 0x41, 0x7f, 0x80, 0x8f, 0x90,
                                           0x9f, 0xa0, 0xbf, 0xc0, 0xed, 0xff };
    const size_t count = sizeof(tails);

    for (unsigned lead = 0x80; lead < 256; lead++) {
        for (size_t i = 0; i < count * count * count; i++) {
            char text[6] = { '"',
                             (char)lead,
                             (char)tails[i % count],
                             (char)tails[i / count % count],
                             (char)tails[i / count / count],
                             '"' };
            struct ax_str inner = ax_str_make(text + 1, 4);
            bool plain = ax_str_find(inner, '"') == 4 && ax_str_find(inner, '\0') == 4;
            bool fine = plain && ax_str_is_utf8(inner);

            json_expect(ax_str_make(text, 6), fine ? AX_OK : AX_E_INVALID_REQUEST);
        }
    }
}

/* ---- limits ---- */

static enum ax_code json_nested(uint32_t depth, uint32_t depth_max)
{
    AX_AUTO_BUF struct ax_buf text = { .max = 1 << 24 };
    struct ax_json_limits limits = json_wide;

    limits.depth_max = depth_max;
    for (uint32_t i = 0; i < depth; i++)
        (void)ax_buf_append_str(&text, i % 2 ? AX_STR("[") : AX_STR("{\"a\":"));
    (void)ax_buf_append_byte(&text, '1');
    for (uint32_t i = depth; i > 0; i--)
        (void)ax_buf_append_byte(&text, (i - 1) % 2 ? ']' : '}');
    T_OK(text.failed);
    return json_read(ax_buf_str(&text), &limits, NULL, NULL);
}

TEST(json_bounds_depth)
{
    T_OK(json_nested(31, 0));
    T_OK(json_nested(32, 0));
    T_CODE(json_nested(33, 0), AX_E_INVALID_REQUEST);
    T_OK(json_nested(1, 1));
    T_CODE(json_nested(2, 1), AX_E_INVALID_REQUEST);
    T_OK(json_nested(5000, 5000));
    T_CODE(json_nested(5001, 5000), AX_E_INVALID_REQUEST);
}

TEST(json_depth_is_not_width)
{
    AX_AUTO_BUF struct ax_buf text = { .max = 1 << 20 };

    (void)ax_buf_append_byte(&text, '[');
    for (int i = 0; i < 1000; i++)
        (void)ax_buf_append_str(&text, AX_STR("[{}],\"[[[{{{\\\"[\",[],"));
    T_OK(ax_buf_append_str(&text, AX_STR("0]")));
    T_OK(json_read(ax_buf_str(&text), &json_wide, NULL, NULL));
}

TEST(json_refuses_a_million_brackets_at_once)
{
    const size_t len = 1000000;
    AX_AUTO_FREE char *text = malloc(len);
    uint64_t started_ms = ax_clock_mono_ms();
    struct ax_err err = { 0 };

    assert_non_null(text);
    memset(text, '[', len);
    ax_fault_arm(1);
    T_CODE(json_read(ax_str_make(text, len), &json_wide, NULL, &err), AX_E_INVALID_REQUEST);
    T_FALSE(ax_fault_hit()); /* before anything is allocated */
    ax_fault_arm(0);
    assert_string_equal(err.message, "the JSON is nested deeper than 32");
    T_TRUE(ax_clock_mono_ms() - started_ms < 1000);
    memset(text, ']', len);
    T_CODE(json_read(ax_str_make(text, len), &json_wide, NULL, &err), AX_E_INVALID_REQUEST);
}

TEST(json_bounds_bytes)
{
    struct ax_json_limits limits = { .bytes_max = 3 };

    T_OK(json_read(AX_STR("[]"), &limits, NULL, NULL));
    T_OK(json_read(AX_STR("[1]"), &limits, NULL, NULL));
    ax_fault_arm(1);
    T_CODE(json_read(AX_STR("[12]"), &limits, NULL, NULL), AX_E_PAYLOAD_TOO_LARGE);
    T_FALSE(ax_fault_hit());
}

static enum ax_code json_with_keys(unsigned count, size_t keys_max)
{
    AX_AUTO_BUF struct ax_buf text = { .max = 1 << 24 };
    struct ax_json_limits limits = { .bytes_max = 1 << 24, .keys_max = keys_max };

    (void)ax_buf_append_byte(&text, '[');
    for (unsigned i = 0; i < count; i++) /* some in one object, some in many; colons in strings */
        (void)ax_buf_printf(&text, "%s\"%u:\":\":\"%s",
                            i % 10 ? ","
                            : i    ? "},{"
                                   : "{",
                            i, i + 1 == count ? "}" : "");
    T_OK(ax_buf_append_byte(&text, ']'));
    return json_read(ax_buf_str(&text), &limits, NULL, NULL);
}

TEST(json_bounds_keys)
{
    T_OK(json_with_keys(1023, 0));
    T_OK(json_with_keys(1024, 0));
    T_CODE(json_with_keys(1025, 0), AX_E_INVALID_REQUEST);
    T_OK(json_with_keys(19, 20));
    T_OK(json_with_keys(20, 20));
    T_CODE(json_with_keys(21, 20), AX_E_INVALID_REQUEST);
}

/* ---- duplicate keys ---- */

static void json_twins(struct ax_str text, const char *pointer)
{
    struct ax_err err = { 0 };

    T_CODE(json_read(text, &json_wide, NULL, &err), AX_E_INVALID_REQUEST);
    assert_string_equal(err.message, "a key appears twice in one JSON object");
    assert_string_equal(err.pointer, pointer);
}

TEST(json_refuses_duplicate_keys)
{
    json_twins(AX_STR("{\"a\":1,\"a\":1}"), "/a");
    json_twins(AX_STR("{\"a\":1,\"\\u0061\":2}"), "/a");
    json_twins(AX_STR("{\"\\/\":1,\"/\":2}"), "/~1");
    json_twins(AX_STR("{\"~\":1,\"\\u007e\":2}"), "/~0");
    json_twins(AX_STR("{\"\":1,\"\":2}"), "/");
    json_twins(AX_STR("{\"\\u0000\":1,\"b\":{},\"\\u0000\":2}"), "/");
    json_twins(AX_STR("{\"\xc3\xa4\":1,\"\\u00e4\":2}"), "/\xc3\xa4");
    json_twins(AX_STR("{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\ude00\":2}"), "/\xf0\x9f\x98\x80");
    json_twins(AX_STR("{\"x\":[0,[],{\"b\":{\"c\":[1,2],\"d\":1,\"c\":0}}]}"), "/x/2/b/c");
    json_twins(AX_STR("[[],[{\"a\":1},{\"a\":1,\"b\":[[1],{}],\"a\":2}]]"), "/1/1/a");
    json_twins(AX_STR("{\"http\":{\"headers\":{\"a\":\"\",\"b\":\"\",\"a\":\"\"}}}"),
               "/http/headers/a");
    ACCEPTS("{\"a\":1,\"A\":1}");
    ACCEPTS("{\"a\":1,\"a\\u0000\":1,\"\\u0000a\":1,\"\":1}");
    ACCEPTS("{\"a\":{\"a\":1},\"b\":{\"a\":1},\"c\":\"a\",\"d\":[\"a\",\"a\"]}");
    ACCEPTS("{\"\xc3\xa4\":1,\"a\xcc\x88\":2}"); /* no normalisation: other bytes, other key */
}

/* An object of `count` keys, the last of which is the key at `twin` again, or one of its own. */
static void json_many_keys(unsigned count, unsigned twin)
{
    AX_AUTO_BUF struct ax_buf text = { .max = 1 << 24 };
    char pointer[32];

    (void)ax_buf_append_str(&text, AX_STR("{\"k\":[true,{"));
    for (unsigned i = 0; i + 1 < count; i++)
        (void)ax_buf_printf(&text, "\"n%u\":[%u,{}],", i * 7919 % 100003, i);
    (void)ax_buf_printf(&text, "\"n%u\":0}]}", twin * 7919 % 100003);
    T_OK(text.failed);
    if (twin >= count - 1) {
        T_OK(json_read(ax_buf_str(&text), &json_wide, NULL, NULL));
        return;
    }
    (void)snprintf(pointer, sizeof(pointer), "/k/1/n%u", twin * 7919 % 100003);
    json_twins(ax_buf_str(&text), pointer);
}

TEST(json_refuses_duplicates_at_every_size)
{
    for (unsigned count = 2; count < 70; count++) {
        for (unsigned twin = 0; twin < count; twin += count < 20 ? 1 : 7)
            json_many_keys(count, twin);
    }
    json_many_keys(64, 62);
    json_many_keys(65, 63);
    json_many_keys(1000, 0);
    json_many_keys(1000, 998);
    json_many_keys(1000, 999);
}

TEST(json_many_keys_take_no_square)
{
    uint64_t started_ms = ax_clock_mono_ms();

    json_many_keys(100000, 99999);
    json_many_keys(100000, 50000);
    T_TRUE(ax_clock_mono_ms() - started_ms < 5000); /* pairs of them would take minutes */
}

TEST(json_cuts_a_pointer_that_is_too_long)
{
    AX_AUTO_BUF struct ax_buf text = { .max = 4096 };
    struct ax_err err = { 0 };

    (void)ax_buf_append_str(&text, AX_STR("{\""));
    for (int i = 0; i < 100; i++)
        (void)ax_buf_append_str(&text, AX_STR("\xc3\xa4"));
    T_OK(ax_buf_append_str(&text, AX_STR("\":{\"a\":1,\"a\":2}}")));
    T_CODE(json_read(ax_buf_str(&text), &json_wide, NULL, &err), AX_E_INVALID_REQUEST);
    T_EQ(strlen(err.pointer), sizeof(err.pointer) - 1);
    T_TRUE(ax_str_is_utf8(ax_str_of(err.pointer)));
}

/* ---- reading the tree ---- */

TEST(json_getters_chain_through_nothing)
{
    AX_AUTO(ax_json_free) struct ax_json *json = json_open(
        AX_STR("{\"a\":{\"b\":[1,\"two\",true,null]},\"n\":null,\"a\\u0000\":3}"));
    const struct ax_json_value *root = ax_json_root(json);
    const struct ax_json_value *list = ax_json_get(ax_json_get(root, "a"), "b");
    const struct ax_json_value *none = ax_json_get(ax_json_get(root, "x"), "y");
    uint64_t number;

    T_EQ(ax_json_type(root), AX_JSON_OBJECT);
    T_EQ(ax_json_count(root), 3);
    T_EQ(ax_json_type(list), AX_JSON_ARRAY);
    T_EQ(ax_json_count(list), 4);
    assert_null(none);
    assert_null(ax_json_get(list, "a"));
    assert_null(ax_json_get_str(root, AX_STR_NONE));
    T_TRUE(ax_json_u64(ax_json_get_str(root, AX_STR("a\0")), 9, &number));
    T_EQ(number, 3);
    T_EQ(ax_json_type(none), AX_JSON_MISSING);
    T_TRUE(ax_json_is_absent(none) && ax_json_is_absent(ax_json_get(root, "n")));
    T_FALSE(ax_json_is_absent(root));
    T_EQ(ax_json_count(none), 0);
    T_EQ(ax_json_count(ax_json_get(root, "n")), 0);
    T_STR(ax_json_str(none), AX_STR(""));
    T_STR(ax_json_str(list), AX_STR(""));
    T_TRUE(ax_json_bool(none, true));
    T_FALSE(ax_json_bool(list, false));
    T_TRUE(ax_json_double(none, 2.5) == 2.5);
    T_FALSE(ax_json_u64(none, 1, &number));
    T_FALSE(ax_json_i64(list, 0, 1, &(int64_t){ 0 }));
    T_EQ(ax_json_type(ax_json_get(root, "n")), AX_JSON_NULL);
    assert_null(ax_json_root(NULL));
}

TEST(json_walks_in_order)
{
    AX_AUTO(ax_json_free) struct ax_json *json = json_open(
        AX_STR("{\"a\":[1,[2,3]],\"b\":{\"c\":{}},\"d\":\"text\",\"e\":false}"));
    const struct ax_json_value *root = ax_json_root(json);
    struct ax_json_iter it = ax_json_iter(root);
    const char *keys[] = { "a", "b", "d", "e" };
    size_t seen = 0;

    while (ax_json_next(&it)) {
        T_STR(it.key, ax_str_of(keys[seen]));
        assert_ptr_equal(it.value, ax_json_get(root, keys[seen]));
        T_EQ(it.index, seen);
        seen++;
    }
    T_EQ(seen, 4);
    it = ax_json_iter(ax_json_get(root, "a"));
    T_TRUE(ax_json_next(&it));
    T_STR(it.key, AX_STR(""));
    T_EQ(ax_json_type(it.value), AX_JSON_INT);
    T_TRUE(ax_json_next(&it));
    T_EQ(ax_json_count(it.value), 2);
    T_FALSE(ax_json_next(&it));
    it = ax_json_iter(NULL);
    T_FALSE(ax_json_next(&it));
    it = ax_json_iter(ax_json_get(root, "d"));
    T_FALSE(ax_json_next(&it));
    T_STR(ax_json_str(ax_json_get(root, "d")), AX_STR("text"));
    T_FALSE(ax_json_bool(ax_json_get(root, "e"), true));
}

TEST(json_writes_what_it_read)
{
    COMES_BACK(" { \"a\" : [ 1 , 2.50 , \"x\\ny\" , null ] , \"b\" : { } } ",
               "{\"a\":[1,2.5,\"x\\ny\",null],\"b\":{}}");
    AX_AUTO_BUF struct ax_buf buf = { .max = 5 };

    T_OK(ax_json_write_value(&buf, NULL));
    T_STR(ax_buf_str(&buf), AX_STR("null"));
    AX_AUTO(ax_json_free) struct ax_json *json = json_open(AX_STR("[10]"));

    T_CODE(ax_json_write_value(&buf, ax_json_root(json)), AX_E_TOO_BIG);
    T_STR(ax_buf_str(&buf), AX_STR("null"));
}

TEST(json_survives_refused_memory)
{
    T_SWEEP() {
        AX_AUTO_BUF struct ax_buf text = { .max = 4096 };
        AX_AUTO_BUF struct ax_buf again = { .max = 4096 };
        AX_AUTO(ax_json_free) struct ax_json *json = NULL;
        struct ax_err err = { 0 };
        enum ax_code code;

        (void)ax_buf_append_str(&text, AX_STR("{\"a\":[1,\"b\",{\"c\":2.5}]"));
        for (int i = 0; i < 20; i++)
            (void)ax_buf_printf(&text, ",\"k%d\":%d", i, i);
        code = ax_buf_append_byte(&text, '}');
        if (code == AX_OK)
            code = ax_json_parse(ax_buf_str(&text), &json_wide, &json, &err);
        T_TRUE(code == AX_OK || (code == AX_E_NO_MEMORY && !json));
        if (code == AX_OK)
            code = ax_json_write_value(&again, ax_json_root(json));
        T_TRUE(code == AX_OK || code == AX_E_NO_MEMORY);
        T_TRUE((code == AX_OK) == !ax_fault_hit());
    }
}

TEST(json_free_takes_nothing)
{
    ax_json_free(NULL);
}

TEST_MAIN()

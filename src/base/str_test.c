/* SPDX-License-Identifier: Apache-2.0 */
/* str_test.c - do borrowed bytes compare, split and count as their header says? */
#include "base/str.h"
#include "base/test.h"

TEST(str_of_nothing_is_empty)
{
    T_EQ(ax_str_of(NULL).len, 0);
    T_EQ(ax_str_of("").len, 0);
    T_STR(ax_str_of("ab"), AX_STR("ab"));
    T_EQ(ax_str_make(NULL, 0).len, 0);
    T_EQ(AX_STR("a\0b").len, 3);
}

TEST(str_equals_by_bytes)
{
    T_TRUE(ax_str_eq(AX_STR_NONE, AX_STR("")));
    T_TRUE(ax_str_eq(AX_STR("a\0b"), AX_STR("a\0b")));
    T_FALSE(ax_str_eq(AX_STR("a\0b"), AX_STR("a\0c")));
    T_FALSE(ax_str_eq(AX_STR("a"), AX_STR("ab")));
    T_TRUE(ax_str_eq_nocase(AX_STR("Az09-@["), AX_STR("aZ09-@[")));
    T_FALSE(ax_str_eq_nocase(AX_STR("@"), AX_STR("`"))); /* neighbours of the letters */
    T_FALSE(ax_str_eq_nocase(AX_STR("["), AX_STR("{")));
    T_FALSE(ax_str_eq_nocase(AX_STR("\xc4"), AX_STR("\xe4"))); /* ASCII only */
    T_FALSE(ax_str_eq_nocase(AX_STR("a"), AX_STR("ab")));
}

TEST(str_secrets_equal_by_bytes)
{
    T_TRUE(ax_str_eq_secret(AX_STR("token"), AX_STR("token")));
    T_TRUE(ax_str_eq_secret(AX_STR_NONE, AX_STR("")));
    T_FALSE(ax_str_eq_secret(AX_STR("token"), AX_STR("tokem")));
    T_FALSE(ax_str_eq_secret(AX_STR("token"), AX_STR("Token")));
    T_FALSE(ax_str_eq_secret(AX_STR("token"), AX_STR("toke")));
    T_FALSE(ax_str_eq_secret(AX_STR(""), AX_STR("t")));
}

TEST(str_orders_by_bytes_then_length)
{
    T_EQ(ax_str_cmp(AX_STR("a"), AX_STR("a")), 0);
    T_TRUE(ax_str_cmp(AX_STR("a"), AX_STR("b")) < 0);
    T_TRUE(ax_str_cmp(AX_STR("b"), AX_STR("ab")) > 0);
    T_TRUE(ax_str_cmp(AX_STR("a"), AX_STR("ab")) < 0);
    T_TRUE(ax_str_cmp(AX_STR("ab"), AX_STR("a")) > 0);
    T_TRUE(ax_str_cmp(AX_STR("\x7f"), AX_STR("\x80")) < 0); /* bytes are unsigned */
    T_TRUE(ax_str_cmp(AX_STR_NONE, AX_STR("")) == 0);
}

TEST(str_knows_its_ends)
{
    T_TRUE(ax_str_starts(AX_STR("abc"), AX_STR("")));
    T_TRUE(ax_str_starts(AX_STR("abc"), AX_STR("abc")));
    T_FALSE(ax_str_starts(AX_STR("abc"), AX_STR("abcd")));
    T_FALSE(ax_str_starts(AX_STR("abc"), AX_STR("b")));
    T_TRUE(ax_str_ends(AX_STR("abc"), AX_STR("bc")));
    T_TRUE(ax_str_ends(AX_STR_NONE, AX_STR("")));
    T_FALSE(ax_str_ends(AX_STR("abc"), AX_STR("b")));
    T_FALSE(ax_str_ends(AX_STR("bc"), AX_STR("abc")));
}

TEST(str_takes_parts)
{
    T_EQ(ax_str_find(AX_STR("abcb"), 'b'), 1);
    T_EQ(ax_str_find(AX_STR("abcb"), 'x'), 4);
    T_EQ(ax_str_find(AX_STR_NONE, 'x'), 0);
    T_STR(ax_str_sub(AX_STR("abcd"), 1, 3), AX_STR("bc"));
    T_STR(ax_str_sub(AX_STR("abcd"), 4, 4), AX_STR(""));
    T_STR(ax_str_from(AX_STR("abcd"), 3), AX_STR("d"));
    T_STR(ax_str_sub(AX_STR_NONE, 0, 0), AX_STR(""));
    T_STR(ax_str_trim(AX_STR(" \t a b\t ")), AX_STR("a b"));
    T_STR(ax_str_trim(AX_STR(" \t ")), AX_STR(""));
    T_STR(ax_str_trim(AX_STR("\na\r")), AX_STR("\na\r"));
    T_STR(ax_str_trim(AX_STR_NONE), AX_STR(""));
}

TEST(str_cuts_lists)
{
    struct ax_str rest = AX_STR("a,,b");

    T_STR(ax_str_cut(&rest, ','), AX_STR("a"));
    T_STR(ax_str_cut(&rest, ','), AX_STR(""));
    T_STR(ax_str_cut(&rest, ','), AX_STR("b"));
    assert_null(rest.ptr);
    rest = AX_STR("a,");
    T_STR(ax_str_cut(&rest, ','), AX_STR("a"));
    assert_non_null(rest.ptr); /* an empty item stands after the comma */
    T_STR(ax_str_cut(&rest, ','), AX_STR(""));
    assert_null(rest.ptr);
    rest = AX_STR("");
    T_STR(ax_str_cut(&rest, ','), AX_STR(""));
    assert_null(rest.ptr);
}

static bool reads(struct ax_str text, uint64_t max, uint64_t expected)
{
    uint64_t value = 12345;
    bool read = ax_str_to_u64(text, max, &value);

    T_EQ(value, read ? expected : 12345);
    return read;
}

TEST(str_reads_numbers)
{
    T_TRUE(reads(AX_STR("0"), 0, 0));
    T_TRUE(reads(AX_STR("41"), 42, 41));
    T_TRUE(reads(AX_STR("42"), 42, 42));
    T_FALSE(reads(AX_STR("43"), 42, 0));
    T_TRUE(reads(AX_STR("18446744073709551615"), UINT64_MAX, UINT64_MAX));
    T_FALSE(reads(AX_STR("18446744073709551616"), UINT64_MAX, 0));
    T_FALSE(reads(AX_STR("18446744073709551620"), UINT64_MAX, 0));
    T_FALSE(reads(AX_STR("99999999999999999999999"), UINT64_MAX, 0));
    T_FALSE(reads(AX_STR(""), 42, 0));
    T_FALSE(reads(AX_STR("00"), 42, 0));
    T_FALSE(reads(AX_STR("01"), 42, 0));
    T_FALSE(reads(AX_STR("+1"), 42, 0));
    T_FALSE(reads(AX_STR("-1"), 42, 0));
    T_FALSE(reads(AX_STR(" 1"), 42, 0));
    T_FALSE(reads(AX_STR("1 "), 42, 0));
    T_FALSE(reads(AX_STR("0x1"), 42, 0));
    T_FALSE(reads(AX_STR("1\xb1"), 42, 0));
    T_FALSE(reads(AX_STR("1\0"), 42, 0));
}

TEST(str_knows_utf8)
{
    T_TRUE(ax_str_is_utf8(AX_STR_NONE));
    T_TRUE(ax_str_is_utf8(AX_STR("plain text that is longer than eight\0bytes")));
    T_TRUE(ax_str_is_utf8(AX_STR("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf")));
    T_TRUE(ax_str_is_utf8(AX_STR("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")));
    T_TRUE(ax_str_is_utf8(AX_STR("\xed\x9f\xbf\xee\x80\x80"))); /* around the surrogates */
    T_FALSE(ax_str_is_utf8(AX_STR("\xed\xa0\x80")));
    T_FALSE(ax_str_is_utf8(AX_STR("\xed\xbf\xbf")));
    T_FALSE(ax_str_is_utf8(AX_STR("\xc0\x80"))); /* overlong */
    T_FALSE(ax_str_is_utf8(AX_STR("\xc1\xbf")));
    T_FALSE(ax_str_is_utf8(AX_STR("\xe0\x9f\xbf")));
    T_FALSE(ax_str_is_utf8(AX_STR("\xf0\x8f\xbf\xbf")));
    T_FALSE(ax_str_is_utf8(AX_STR("\xf4\x90\x80\x80"))); /* beyond U+10FFFF */
    T_FALSE(ax_str_is_utf8(AX_STR("\xf5\x80\x80\x80")));
    T_FALSE(ax_str_is_utf8(AX_STR("\xff")));
    T_FALSE(ax_str_is_utf8(AX_STR("\x80")));
    T_FALSE(ax_str_is_utf8(AX_STR("12345678\xc3"))); /* cut short */
    T_FALSE(ax_str_is_utf8(AX_STR("\xe2\x82")));
    T_FALSE(ax_str_is_utf8(AX_STR("\xe2\x28\xa1")));
    T_FALSE(ax_str_is_utf8(AX_STR("\xf0\x9f\x98")));
    T_FALSE(ax_str_is_utf8(AX_STR("\xc3\x28")));
}

/* Every two bytes, against the definition said in another way. */
TEST(str_knows_all_pairs)
{
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            char pair[2] = { (char)a, (char)b };
            bool both = a < 0x80 && b < 0x80;
            bool one = a >= 0xc2 && a <= 0xdf && b >= 0x80 && b <= 0xbf;

            T_EQ(ax_str_is_utf8(ax_str_make(pair, 2)), both || one);
            T_EQ(ax_str_utf8_len(ax_str_make(pair, 2)), a < 0x80 ? 1 : one ? 2 : 0);
        }
    }
    T_EQ(ax_str_utf8_len(AX_STR_NONE), 0);
    T_EQ(ax_str_utf8_len(AX_STR("\xf0\x9f\x98\x80!")), 4);
}

TEST_MAIN()

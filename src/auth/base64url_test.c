/* SPDX-License-Identifier: Apache-2.0 */
/* base64url_test.c - has every string of bytes exactly one spelling? */
#include "auth/base64url.h"

#include "base/test.h"

static bool decodes(const char *text, const char *expected)
{
    char room[64];
    size_t len = 0;

    if (!ax_base64url_decode_into(room, ax_str_of(text), &len))
        return false;
    T_TRUE(len <= ax_base64url_decoded_max(strlen(text)));
    T_STR(ax_str_make(room, len), ax_str_of(expected));
    return true;
}

TEST(base64url_comes_back_the_same_for_every_length)
{
    AX_AUTO_BUF struct ax_buf text = { .max = 1024 };
    uint8_t bytes[300];
    char room[300];
    size_t len;

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    for (size_t n = 0; n <= sizeof(bytes); n++) {
        ax_buf_clear(&text);
        T_OK(ax_base64url_encode(&text, ax_str_make(bytes, n)));
        T_EQ(ax_base64url_decoded_max(text.len), n);
        T_TRUE(ax_base64url_decode_into(room, ax_buf_str(&text), &len));
        T_STR(ax_str_make(room, len), ax_str_make(bytes, n));
    }
}

TEST(base64url_accepts_one_spelling_only)
{
    static const char *refused[] = {
        "Z",     "Zg==",  "Zh",   "Zm8=", "Zm9",  "Zm9v Yg", "Zm9v\n",
        " Zm9v", "Zm9vY", "-+==", "+/8A", "a.bc", "Zm9\xc3", "Zm8\x80"
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(refused); i++)
        T_FALSE(decodes(refused[i], ""));
    T_TRUE(decodes("", ""));
    T_TRUE(decodes("Zg", "f"));
    T_TRUE(decodes("Zm8", "fo"));
    T_TRUE(decodes("Zm9v", "foo"));
    T_TRUE(decodes("Zm9vYg", "foob"));
    T_TRUE(decodes("-_-_", "\xfb\xff\xbf"));
}

TEST(base64url_keeps_within_its_buffer)
{
    AX_AUTO_BUF struct ax_buf text = { .max = 4 };

    T_CODE(ax_base64url_encode(&text, AX_STR("1234")), AX_E_TOO_BIG);
    T_EQ(text.len, 0);
}

TEST_MAIN()

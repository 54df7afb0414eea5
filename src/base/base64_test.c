/* SPDX-License-Identifier: Apache-2.0 */
/* base64_test.c - do bytes come back as they went, and nothing else come through? */
#include "base/base64.h"
#include "base/test.h"

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void goes(struct ax_str bytes, struct ax_str text)
{
    AX_AUTO_BUF struct ax_buf out = { .max = 1000 };
    AX_AUTO_BUF struct ax_buf back = { .max = 1000 };

    T_OK(ax_base64_encode(&out, bytes));
    T_STR(ax_buf_str(&out), text);
    T_EQ(ax_base64_encoded_len(bytes.len), text.len);
    T_OK(ax_base64_decode(&back, text));
    T_STR(ax_buf_str(&back), bytes);
}

TEST(base64_published_vectors)
{
    goes(AX_STR(""), AX_STR(""));
    goes(AX_STR("f"), AX_STR("Zg=="));
    goes(AX_STR("fo"), AX_STR("Zm8="));
    goes(AX_STR("foo"), AX_STR("Zm9v"));
    goes(AX_STR("foob"), AX_STR("Zm9vYg=="));
    goes(AX_STR("fooba"), AX_STR("Zm9vYmE="));
    goes(AX_STR("foobar"), AX_STR("Zm9vYmFy"));
    goes(AX_STR("\xff\xfe\xfb\x00"), AX_STR("//77AA=="));
}

/* Room of exactly the promised size, so that the sanitizer sees a vector that writes too far. */
TEST(base64_comes_back_at_every_length)
{
    for (size_t len = 0; len < 400; len++) {
        AX_AUTO_FREE uint8_t *bytes = malloc(len + 1);
        AX_AUTO_BUF struct ax_buf text = { .max = 1000 };
        AX_AUTO_FREE char *copy = NULL;
        AX_AUTO_FREE char *back = NULL;
        size_t back_len = 0;

        assert_non_null(bytes);
        for (size_t i = 0; i < len; i++)
            bytes[i] = (uint8_t)(i * 37 + len * 11);
        T_OK(ax_base64_encode(&text, ax_str_make(bytes, len)));
        T_EQ(text.len, ax_base64_encoded_len(len));
        copy = malloc(text.len + (text.len == 0));
        back = malloc(ax_base64_decoded_max(text.len) + (text.len == 0));
        T_TRUE(copy && back);
        memcpy(copy, text.ptr ? text.ptr : "", text.len);
        T_TRUE(ax_base64_decode_into(back, ax_str_make(copy, text.len), &back_len));
        T_EQ(back_len, len);
        T_EQ(memcmp(back, bytes, len), 0);
    }
}

/* A reader of one group written from the definition: how many bytes, or -1. */
static int group_len(const char group[4])
{
    int pad = group[3] != '=' ? 0 : group[2] != '=' ? 1 : 2;

    for (int i = 0; i < 4 - pad; i++) {
        const char *digit = group[i] != '\0' ? strchr(base64_digits, group[i]) : NULL;

        if (!digit)
            return -1;
        if (i == 3 - pad && pad > 0 && (digit - base64_digits) % (pad == 1 ? 4 : 16) != 0)
            return -1;
    }
    return 3 - pad;
}

TEST(base64_judges_every_last_group)
{
    static const char some[] = "AQgwBEI8cZz/+9=\n -_\0\x80";

    for (size_t i = 0; i < 22 * 22 * 22 * 22; i++) {
        char text[44];
        char back[33];
        size_t len = 0;
        int expected;

        memset(text, 'A', 40); /* long enough for the vectors to take part */
        text[40] = some[i % 22];
        text[41] = some[i / 22 % 22];
        text[42] = some[i / 22 / 22 % 22];
        text[43] = some[i / 22 / 22 / 22];
        expected = group_len(text + 40);
        T_EQ(ax_base64_decode_into(back, ax_str_make(text, 44), &len), expected >= 0);
        if (expected >= 0)
            T_EQ(len, 30 + expected);
    }
}

TEST(base64_refuses_each_foreign_byte_at_each_place)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        bool ours = byte != 0 && strchr(base64_digits, (int)byte);

        for (size_t at = 0; at < 72; at += 5) {
            char text[72];
            char back[54];
            size_t len;

            memset(text, 'A', sizeof(text));
            text[at] = (char)byte;
            T_EQ(ax_base64_decode_into(back, ax_str_make(text, sizeof(text)), &len), ours);
        }
    }
}

static void refuses(struct ax_str text)
{
    AX_AUTO_BUF struct ax_buf buf = { .max = 100 };

    T_OK(ax_buf_append_str(&buf, AX_STR("kept")));
    T_CODE(ax_base64_decode(&buf, text), AX_E_INVALID_REQUEST);
    T_STR(ax_buf_str(&buf), AX_STR("kept"));
    T_OK(ax_buf_append_str(&buf, AX_STR("!"))); /* the buffer has not failed */
}

TEST(base64_refuses_what_is_not_strict)
{
    refuses(AX_STR("Z"));
    refuses(AX_STR("Zg"));
    refuses(AX_STR("Zg="));
    refuses(AX_STR("Zg==="));
    refuses(AX_STR("Zh==")); /* bits left over */
    refuses(AX_STR("Zm9="));
    refuses(AX_STR("===="));
    refuses(AX_STR("Z==="));
    refuses(AX_STR("=AAA"));
    refuses(AX_STR("A=AA"));
    refuses(AX_STR("AA=A"));
    refuses(AX_STR("Zg==Zg=="));
    refuses(AX_STR("Zm9v\n"));
    refuses(AX_STR("Zm9v\r\n\r\n"));
    refuses(AX_STR(" Zm9"));
    refuses(AX_STR("__--"));
}

TEST(base64_keeps_to_the_buffers_maximum)
{
    AX_AUTO_BUF struct ax_buf buf = { .max = 8 };

    T_OK(ax_base64_encode(&buf, AX_STR("foobar")));
    T_CODE(ax_base64_encode(&buf, AX_STR("f")), AX_E_TOO_BIG);
    ax_buf_clear(&buf);
    T_CODE(ax_base64_encode(&buf, AX_STR("foobarb")), AX_E_TOO_BIG);
    ax_buf_done(&buf);
    buf.max = 6;
    T_OK(ax_base64_decode(&buf, AX_STR("Zm9vYmFy")));
    T_CODE(ax_base64_decode(&buf, AX_STR("Zm9v")), AX_E_TOO_BIG);
    T_EQ(ax_base64_encoded_len(SIZE_MAX), SIZE_MAX);
}

TEST(base64_survives_refused_memory)
{
    T_SWEEP() {
        AX_AUTO_BUF struct ax_buf buf = { .max = 1000 };
        enum ax_code code = ax_base64_encode(&buf, AX_STR("foobar"));

        if (code == AX_OK)
            code = ax_base64_decode(&buf, AX_STR("Zm9vYmFy"));
        T_TRUE((code == AX_OK) == !ax_fault_hit());
    }
}

TEST(hex_goes_and_comes_back)
{
    const uint8_t bytes[] = { 0x00, 0x09, 0xa0, 0xff };
    char text[8];
    uint8_t back[4];

    ax_hex_encode(text, bytes, 4);
    T_STR(ax_str_make(text, 8), AX_STR("0009a0ff"));
    T_TRUE(ax_hex_decode(back, 4, ax_str_make(text, 8)));
    assert_memory_equal(back, bytes, 4);
    T_TRUE(ax_hex_decode(back, 0, AX_STR("")));
}

TEST(hex_refuses_the_rest)
{
    uint8_t back[4];

    T_FALSE(ax_hex_decode(back, 4, AX_STR("0009A0FF")));
    T_FALSE(ax_hex_decode(back, 4, AX_STR("0009a0f")));
    T_FALSE(ax_hex_decode(back, 4, AX_STR("0009a0ff0")));
    T_FALSE(ax_hex_decode(back, 4, AX_STR("0009a0ff00")));
    T_FALSE(ax_hex_decode(back, 3, AX_STR("0009a0ff")));
    T_FALSE(ax_hex_decode(back, 1, AX_STR("0g")));
    T_FALSE(ax_hex_decode(back, 1, AX_STR("/0")));
    T_FALSE(ax_hex_decode(back, 1, AX_STR("0:")));
    T_FALSE(ax_hex_decode(back, SIZE_MAX / 2 + 1, AX_STR("")));
}

TEST_MAIN()

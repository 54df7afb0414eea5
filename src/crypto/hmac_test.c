/* SPDX-License-Identifier: Apache-2.0 */
/* hmac_test.c - did we ourselves write these bytes? Vectors of RFC 4231. */
#include "crypto/hmac.h"

#include "base/base64.h"
#include "base/test.h"

static void check(struct ax_str key, struct ax_str bytes, const char *hex)
{
    uint8_t tag[AX_HMAC_LEN];
    char text[2 * AX_HMAC_LEN];

    ax_hmac(key, bytes, tag);
    ax_hex_encode(text, tag, sizeof(tag));
    T_STR(ax_str_make(text, sizeof(text)), ax_str_of(hex));
    T_TRUE(ax_hmac_verify(key, bytes, tag));
    for (size_t bit = 0; bit < 8 * sizeof(tag); bit++) {
        tag[bit / 8] ^= (uint8_t)(1 << bit % 8);
        T_FALSE(ax_hmac_verify(key, bytes, tag));
        tag[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

TEST(hmac_gives_the_published_tags_and_refuses_each_flipped_bit)
{
    char key[20];

    memset(key, 0x0b, sizeof(key));
    check(ax_str_make(key, sizeof(key)), AX_STR("Hi There"),
          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    check(AX_STR("Jefe"), AX_STR("what do ya want for nothing?"),
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void tag_of_fields(struct ax_str a, struct ax_str b, uint8_t tag[AX_HMAC_LEN])
{
    AX_AUTO_HMAC struct ax_hmac hmac = { 0 };

    ax_hmac_init(&hmac, AX_STR("key"));
    ax_hmac_update_field(&hmac, a);
    ax_hmac_update_field(&hmac, b);
    ax_hmac_final(&hmac, tag);
}

TEST(hmac_fields_cannot_run_into_each_other)
{
    uint8_t one[AX_HMAC_LEN];
    uint8_t other[AX_HMAC_LEN];
    AX_AUTO_HMAC struct ax_hmac hmac = { 0 };

    tag_of_fields(AX_STR("ab"), AX_STR("c"), one);
    tag_of_fields(AX_STR("a"), AX_STR("bc"), other);
    T_TRUE(memcmp(one, other, sizeof(one)) != 0);
    ax_hmac_init(&hmac, AX_STR("key"));
    ax_hmac_update(&hmac, "\2\0\0\0\0\0\0\0ab\1\0\0\0\0\0\0\0c", 19);
    T_TRUE(ax_hmac_check(&hmac, one));
}

TEST_MAIN()

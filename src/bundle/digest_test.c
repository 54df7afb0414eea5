/* SPDX-License-Identifier: Apache-2.0 */
/* digest_test.c - is there one way in and one way out? */
#include "bundle/digest.h"

#include "base/test.h"

#include <ctype.h>

#define HEX "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

TEST(digest_takes_three_forms_and_folds_case)
{
    static const char *const texts[] = {
        HEX,
        "sha256:" HEX,
        "sha256%3a" HEX,
        "sha256%3A" HEX,
        "SHA256:BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD",
        "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD",
        "Sha256%3ABa7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015Ad",
    };
    struct ax_digest abc = ax_digest_of(AX_STR("abc"));

    for (size_t i = 0; i < AX_ARRAY_LEN(texts); i++) {
        struct ax_digest digest;
        char text[AX_DIGEST_TEXT_LEN + 1];
        char hex[AX_DIGEST_HEX_LEN + 1];

        T_TRUE(ax_digest_parse(ax_str_of(texts[i]), &digest));
        T_TRUE(ax_digest_eq(&digest, &abc));
        ax_digest_print(&digest, text);
        T_STR(ax_str_of(text), AX_STR("sha256:" HEX));
        ax_digest_hex(&digest, hex);
        T_STR(ax_str_of(hex), AX_STR(HEX));
        T_TRUE(ax_digest_parse_exact(ax_str_of(texts[i]), &digest) == (i == 1));
    }
}

static void check_refused(struct ax_str text)
{
    struct ax_digest digest;
    struct ax_digest before;

    memset(&digest, 0x77, sizeof(digest));
    before = digest;
    T_FALSE(ax_digest_parse(text, &digest));
    T_FALSE(ax_digest_parse_exact(text, &digest));
    T_TRUE(ax_digest_eq(&digest, &before));
}

TEST(digest_refuses_everything_else)
{
    static const char *const texts[] = {
        "",
        "sha256:",
        "sha256",
        "sha256:sha256:" HEX,
        "sha256%3Asha256:" HEX,
        "sha256%253A" HEX,
        "sha256/" HEX,
        "sha256/../" HEX,
        "sha256-" HEX,
        "sha256: " HEX,
        " sha256:" HEX,
        "sha256:" HEX " ",
        "sha256:" HEX "\n",
        "sha512:" HEX,
        "sha1:" HEX,
        "md5:" HEX,
        ":" HEX,
        "0x" HEX,
        HEX "00",
        "sha256:" HEX HEX,
        "sha256:../../etc/passwd",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ag",
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(texts); i++)
        check_refused(ax_str_of(texts[i]));
    for (size_t len = 0; len < 200; len++) { /* digits only, of every other length */
        char digits[200];

        memset(digits, '0', sizeof(digits));
        if (len != 64)
            check_refused(ax_str_make(digits, len));
    }
    for (unsigned byte = 0; byte < 256; byte++) { /* any other byte at any place */
        char text[] = "sha256:" HEX;

        if (isxdigit((int)byte))
            continue;
        for (size_t at = 7; at < sizeof(text) - 1; at += 9) {
            char saved = text[at];

            text[at] = (char)byte;
            check_refused(ax_str_make(text, sizeof(text) - 1));
            text[at] = saved;
        }
    }
}

TEST_MAIN()

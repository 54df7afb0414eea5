/* SPDX-License-Identifier: Apache-2.0 */
/* pem_test.c - which DER stands between the dashes? */
#include "crypto/pem.h"

#include "base/test.h"

static enum ax_code read_one(const char *text, size_t der_max)
{
    AX_AUTO_BUF struct ax_buf der = { .max = der_max };
    struct ax_str rest = ax_str_of(text);
    struct ax_str label;

    return ax_pem_next(&rest, &label, &der, NULL);
}

TEST(pem_reads_what_it_writes_at_every_length)
{
    char bytes[200];

    memset(bytes, 0x5a, sizeof(bytes));
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        AX_AUTO_BUF struct ax_buf text = { .max = 4096 };
        AX_AUTO_BUF struct ax_buf der = { .max = 4096 };
        struct ax_str rest;
        struct ax_str label;

        T_OK(ax_pem_write(&text, AX_STR("TEST DATA"), ax_str_make(bytes, len)));
        rest = ax_buf_str(&text);
        T_OK(ax_pem_next(&rest, &label, &der, NULL));
        T_STR(label, AX_STR("TEST DATA"));
        T_STR(ax_buf_str(&der), ax_str_make(bytes, len));
        T_CODE(ax_pem_next(&rest, &label, &der, NULL), AX_E_NOT_FOUND);
    }
}

TEST(pem_takes_text_around_blocks_and_other_line_ends)
{
    T_OK(read_one("a note\n-----BEGIN X-----\nYWJj\n-----END X-----\nmore", 16));
    T_OK(read_one("-----BEGIN X-----\r\nYWJj\r\n-----END X-----\r\n", 16));
    T_CODE(read_one("", 16), AX_E_NOT_FOUND);
    T_CODE(read_one("only words\n", 16), AX_E_NOT_FOUND);
}

TEST(pem_refuses_what_is_malformed)
{
    static const char *const texts[] = {
        "-----BEGIN X-----\nYWJj\n",                                     /* no end */
        "-----BEGIN X-----\nYWJj\n-----END Y-----\n",                    /* another end */
        "-----BEGIN X-----\nYWJj\n\n-----END X-----\n",                  /* an empty line */
        "-----BEGIN X-----\nKey: value\n\nYWJj\n-----END X-----\n",      /* headers */
        "-----BEGIN X-----\nYW\nJj\n-----END X-----\n",                  /* short, then more */
        "-----BEGIN X-----\nYWJj \n-----END X-----\n",                   /* a space */
        "-----BEGIN X-----\nYW=j\n-----END X-----\n",                    /* not base64 */
        "-----BEGIN X-----\nYWJ\n-----END X-----\n",                     /* no padding */
        "-----BEGIN x-----\nYWJj\n-----END x-----\n",                    /* a lower-case label */
        "-----BEGIN -----\nYWJj\n-----END -----\n",                      /* no label */
        "-----BEGIN X----\nYWJj\n-----END X-----\n",                     /* four dashes, and five */
        " -----BEGIN X-----\nYWJj\n-----END X-----\n",                   /* indented */
        "-----BEGIN X-----\n-----BEGIN X-----\nYWJj\n-----END X-----\n", /* nested */
        "-----END X-----\n",                                             /* an end alone */
        "-----BEGIN X-----\n"
        "YWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJj\n"
        "-----END X-----\n", /* 68 characters in a line */
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(texts); i++)
        T_CODE(read_one(texts[i], 256), AX_E_INVALID_REQUEST);
}

TEST(pem_gives_no_more_than_the_buffer_takes)
{
    T_OK(read_one("-----BEGIN X-----\nYWJj\n-----END X-----\n", 3));
    T_TRUE(read_one("-----BEGIN X-----\nYWJj\n-----END X-----\n", 2) != AX_OK);
}

TEST_MAIN()

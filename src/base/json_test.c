/* SPDX-License-Identifier: Apache-2.0 */
/* json_test.c - which JSON do we read, which do we refuse, and what do we say about it? */
#include "base/json.h"
#include "base/test.h"

#include "base/clock.h"

#include <math.h>
#include <stdio.h>

static const struct ax_json_limits json_wide = {.bytes_max = 1 << 20, .keys_max = 100000};

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
    if (code == AX_OK && again)
        T_OK(ax_json_write_value(again, ax_json_root(json)));
    return code;
}

#define ACCEPTS(literal) T_OK(json_read(AX_STR(literal), &json_wide, NULL, NULL))
#define REFUSES(literal)                                                                           \
    T_CODE(json_read(AX_STR(literal), &json_wide, NULL, NULL), AX_E_INVALID_REQUEST)

TEST(json_reads_plain_values)
{
    ACCEPTS("null");
    ACCEPTS(" [ ] ");
    ACCEPTS("\t{\r\n}\n");
    ACCEPTS("[1,2.5,-3e2,true,false,null,\"a\",{\"b\":[]}]");
}

TEST(json_refuses_duplicates)
{
    REFUSES("{\"a\":1,\"\\u0061\":2}");
    ACCEPTS("{\"a\":1,\"\\u0062\":2}");
}

TEST_MAIN()

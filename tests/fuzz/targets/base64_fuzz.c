/* SPDX-License-Identifier: Apache-2.0 */
/* base64_fuzz.c - is there exactly one way to write some bytes, and is it the way back? */
#include "base/base64.h"

#include "fuzz.h"

static void check_decode(struct ax_str text)
{
    AX_AUTO_BUF struct ax_buf bytes = { .max = SIZE_MAX / 4 };
    AX_AUTO_BUF struct ax_buf again = { .max = SIZE_MAX / 4 };
    enum ax_code code = ax_base64_decode(&bytes, text);

    FUZZ_HOLDS(code == AX_OK || (code == AX_E_INVALID_REQUEST && bytes.len == 0));
    if (code != AX_OK)
        return;
    FUZZ_HOLDS(ax_base64_encode(&again, ax_buf_str(&bytes)) == AX_OK);
    FUZZ_HOLDS(ax_str_eq(ax_buf_str(&again), text));
}

static void check_encode(struct ax_str bytes)
{
    AX_AUTO_BUF struct ax_buf text = { .max = SIZE_MAX / 4 };
    AX_AUTO_FREE char *room = NULL;
    size_t len = 0;

    FUZZ_HOLDS(ax_base64_encode(&text, bytes) == AX_OK);
    FUZZ_HOLDS(text.len == ax_base64_encoded_len(bytes.len));
    room = malloc(ax_base64_decoded_max(text.len) + 1);
    FUZZ_HOLDS(room && ax_base64_decode_into(room, ax_buf_str(&text), &len));
    FUZZ_HOLDS(ax_str_eq(ax_str_make(room, len), bytes));
}

static void check_hex(struct ax_str text)
{
    AX_AUTO_FREE uint8_t *bytes = malloc(text.len / 2 + 1);
    AX_AUTO_FREE char *again = malloc(text.len + 1);

    FUZZ_HOLDS(bytes && again);
    if (!ax_hex_decode(bytes, text.len / 2, text))
        return;
    ax_hex_encode(again, bytes, text.len / 2);
    FUZZ_HOLDS(ax_str_eq(ax_str_make(again, text.len), text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ax_str input = ax_str_make(data, size);

    check_decode(input);
    check_encode(input);
    check_hex(input);
    return 0;
}

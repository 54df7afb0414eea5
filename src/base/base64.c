/* SPDX-License-Identifier: Apache-2.0 */
/* base64.c - how is strict base64 read and written at memory speed? */
#include "base/base64.h"

#include <libbase64.h>

size_t ax_base64_encoded_len(size_t len)
{
    size_t groups = len / 3 + (len % 3 > 0);

    return groups > SIZE_MAX / 4 ? SIZE_MAX : groups * 4;
}

size_t ax_base64_decoded_max(size_t len)
{
    return len / 4 * 3;
}

enum ax_code ax_base64_encode(struct ax_buf *buf, struct ax_str bytes)
{
    char *room;
    size_t len = ax_base64_encoded_len(bytes.len);
    enum ax_code code = ax_buf_reserve(buf, len, &room);

    if (code != AX_OK || bytes.len == 0)
        return code;
    base64_encode(bytes.ptr, bytes.len, room, &len, 0);
    ax_buf_advance(buf, len);
    return AX_OK;
}

/* The codec ignores the bits that padding leaves over; two texts must not mean the same bytes. */
static bool base64_ends_clean(struct ax_str text)
{
    struct ax_str clean = AX_STR("AEIMQUYcgkosw048"); /* two zero bits */

    if (text.ptr[text.len - 1] != '=')
        return true;
    if (text.ptr[text.len - 2] != '=')
        return ax_str_find(clean, text.ptr[text.len - 2]) < clean.len;
    clean = AX_STR("AQgw"); /* four */
    return ax_str_find(clean, text.ptr[text.len - 3]) < clean.len;
}

bool ax_base64_decode_into(char *room, struct ax_str text, size_t *ret_len)
{
    size_t len = 0;

    if (text.len % 4 != 0)
        return false;
    if (text.len > 0 &&
        (!base64_ends_clean(text) || base64_decode(text.ptr, text.len, room, &len, 0) != 1))
        return false;
    *ret_len = len;
    return true;
}

enum ax_code ax_base64_decode(struct ax_buf *buf, struct ax_str text)
{
    char *room;
    size_t len;
    enum ax_code code;

    if (text.len % 4 != 0) /* refused without room; the buffer does not hear of it */
        return AX_E_INVALID_REQUEST;
    code = ax_buf_reserve(buf, ax_base64_decoded_max(text.len), &room);
    if (code != AX_OK)
        return code;
    if (!ax_base64_decode_into(room, text, &len))
        return AX_E_INVALID_REQUEST;
    ax_buf_advance(buf, len);
    return AX_OK;
}

void ax_hex_encode(char *room, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        room[2 * i] = digits[bytes[i] >> 4];
        room[2 * i + 1] = digits[bytes[i] & 15];
    }
}

static int hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return -1;
}

bool ax_hex_decode(uint8_t *room, size_t len, struct ax_str text)
{
    if (text.len % 2 != 0 || text.len / 2 != len)
        return false;
    for (size_t i = 0; i < len; i++) {
        int high = hex_digit(text.ptr[2 * i]);
        int low = hex_digit(text.ptr[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        room[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

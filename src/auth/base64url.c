/* SPDX-License-Identifier: Apache-2.0 */
/* base64url.c - how do bytes travel inside a token? */
#include "auth/base64url.h"

size_t ax_base64url_decoded_max(size_t len)
{
    return len / 4 * 3 + len % 4 * 3 / 4;
}

static int base64url_value(char digit)
{
    if (digit >= 'A' && digit <= 'Z')
        return digit - 'A';
    if (digit >= 'a' && digit <= 'z')
        return digit - 'a' + 26;
    if (digit >= '0' && digit <= '9')
        return digit - '0' + 52;
    if (digit == '-')
        return 62;
    return digit == '_' ? 63 : -1;
}

bool ax_base64url_decode_into(char *room, struct ax_str text, size_t *ret_len)
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        int value = base64url_value(text.ptr[i]);

        if (value < 0)
            return false;
        bits = (bits << 6 | (uint32_t)value) & 0xffff;
        have += 6;
        if (have >= 8) {
            have -= 8;
            room[len++] = (char)(bits >> have & 0xff);
        }
    }
    if (have >= 6 || (bits & ((1U << have) - 1)) != 0) /* a lonely character, or bits left over */
        return false;
    *ret_len = len;
    return true;
}

enum ax_code ax_base64url_encode(struct ax_buf *buf, struct ax_str bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t bits = 0;
    unsigned have = 0;
    size_t len = 0;
    char *room;
    enum ax_code code = ax_buf_reserve(buf, bytes.len + bytes.len / 3 + 2, &room);

    if (code != AX_OK)
        return code;
    for (size_t i = 0; i < bytes.len; i++) {
        bits = (bits << 8 | (unsigned char)bytes.ptr[i]) & 0xffff;
        for (have += 8; have >= 6; have -= 6)
            room[len++] = digits[bits >> (have - 6) & 63];
    }
    if (have > 0)
        room[len++] = digits[bits << (6 - have) & 63];
    ax_buf_advance(buf, len);
    return AX_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* str.c - how do borrowed bytes compare, split and count? */
#include "base/str.h"

#include <assert.h>
#include <string.h>

struct ax_str ax_str_of(const char *terminated)
{
    return (struct ax_str){ terminated, terminated ? strlen(terminated) : 0 };
}

struct ax_str ax_str_make(const void *ptr, size_t len)
{
    assert(ptr || len == 0);
    return (struct ax_str){ ptr, len };
}

bool ax_str_eq(struct ax_str a, struct ax_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static unsigned char str_lower(char byte)
{
    return (unsigned char)(byte >= 'A' && byte <= 'Z' ? byte - 'A' + 'a' : byte);
}

bool ax_str_eq_nocase(struct ax_str a, struct ax_str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (str_lower(a.ptr[i]) != str_lower(b.ptr[i]))
            return false;
    }
    return true;
}

int ax_str_cmp(struct ax_str a, struct ax_str b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common > 0 ? memcmp(a.ptr, b.ptr, common) : 0;

    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

bool ax_str_starts(struct ax_str str, struct ax_str prefix)
{
    return str.len >= prefix.len && ax_str_eq(ax_str_sub(str, 0, prefix.len), prefix);
}

bool ax_str_ends(struct ax_str str, struct ax_str suffix)
{
    return str.len >= suffix.len && ax_str_eq(ax_str_from(str, str.len - suffix.len), suffix);
}

bool ax_str_eq_secret(struct ax_str a, struct ax_str b)
{
    volatile unsigned char differ = 0;

    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        differ = (unsigned char)(differ | ((unsigned char)a.ptr[i] ^ (unsigned char)b.ptr[i]));
    return differ == 0;
}

size_t ax_str_find(struct ax_str str, char byte)
{
    const char *at = str.len > 0 ? memchr(str.ptr, byte, str.len) : NULL;

    return at ? (size_t)(at - str.ptr) : str.len;
}

struct ax_str ax_str_from(struct ax_str str, size_t start)
{
    return ax_str_sub(str, start, str.len);
}

struct ax_str ax_str_sub(struct ax_str str, size_t start, size_t end)
{
    assert(start <= end && end <= str.len);
    return (struct ax_str){ str.ptr ? str.ptr + start : NULL, end - start };
}

static bool str_is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

struct ax_str ax_str_trim(struct ax_str str)
{
    size_t start = 0;
    size_t end = str.len;

    while (start < end && str_is_blank(str.ptr[start]))
        start++;
    while (end > start && str_is_blank(str.ptr[end - 1]))
        end--;
    return ax_str_sub(str, start, end);
}

struct ax_str ax_str_cut(struct ax_str *rest, char byte)
{
    struct ax_str all = *rest;
    size_t at = ax_str_find(all, byte);

    if (at == all.len) {
        *rest = AX_STR_NONE;
        return all;
    }
    *rest = ax_str_from(all, at + 1);
    return ax_str_sub(all, 0, at);
}

bool ax_str_to_u64(struct ax_str str, uint64_t max, uint64_t *ret_value)
{
    uint64_t value = 0;

    if (str.len == 0 || (str.len > 1 && str.ptr[0] == '0'))
        return false;
    for (size_t i = 0; i < str.len; i++) {
        uint64_t digit = (uint64_t)(unsigned char)str.ptr[i] - '0';

        if (digit > 9 || __builtin_mul_overflow(value, 10U, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    if (value > max)
        return false;
    *ret_value = value;
    return true;
}

/* Length of the well-formed sequence at `at`, which has `left` bytes, or 0. */
static size_t str_utf8_step(const unsigned char *at, size_t left)
{
    unsigned lead = at[0];
    unsigned low = 0x80; /* bounds of the second byte exclude overlong forms and surrogates */
    unsigned high = 0xbf;
    size_t len;

    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead <= 0xdf) {
        len = 2;
    } else if (lead >= 0xe0 && lead <= 0xef) {
        len = 3;
        low = lead == 0xe0 ? 0xa0 : low;
        high = lead == 0xed ? 0x9f : high;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
        len = 4;
        low = lead == 0xf0 ? 0x90 : low;
        high = lead == 0xf4 ? 0x8f : high;
    } else {
        return 0;
    }
    if (left < len || at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    }
    return len;
}

size_t ax_str_utf8_len(struct ax_str str)
{
    return str.len > 0 ? str_utf8_step((const unsigned char *)str.ptr, str.len) : 0;
}

bool ax_str_is_utf8(struct ax_str str)
{
    const unsigned char *at = (const unsigned char *)str.ptr;
    size_t left = str.len;

    while (left > 0) {
        uint64_t eight;
        size_t step;

        if (left >= sizeof(eight)) { /* most text is ASCII */
            memcpy(&eight, at, sizeof(eight));
            if ((eight & UINT64_C(0x8080808080808080)) == 0) {
                at += sizeof(eight);
                left -= sizeof(eight);
                continue;
            }
        }
        step = str_utf8_step(at, left);
        if (step == 0)
            return false;
        at += step;
        left -= step;
    }
    return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* buf.c - how do owned bytes grow without passing their maximum? */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BUF_FIRST_CAP  64
#define BUF_U64_DIGITS 20

void ax_buf_init(struct ax_buf *buf, size_t max)
{
    *buf = (struct ax_buf){ .max = max };
}

void ax_buf_done(struct ax_buf *buf)
{
    free(buf->ptr);
    *buf = (struct ax_buf){ .max = buf->max };
}

void ax_buf_clear(struct ax_buf *buf)
{
    buf->len = 0;
    buf->failed = AX_OK;
}

void ax_buf_wipe(struct ax_buf *buf)
{
    ax_wipe(buf->ptr, buf->cap);
    ax_buf_done(buf);
}

static enum ax_code buf_fail(struct ax_buf *buf, enum ax_code code)
{
    if (buf->failed == AX_OK)
        buf->failed = code;
    return buf->failed;
}

/* Makes cap at least len + more. One byte beyond cap always exists, for printf's terminator. */
static enum ax_code buf_grow(struct ax_buf *buf, size_t more)
{
    size_t cap = buf->cap > 0 ? buf->cap : BUF_FIRST_CAP;
    char *ptr;

    if (buf->failed != AX_OK)
        return buf->failed;
    if (more > buf->max || buf->len > buf->max - more)
        return buf_fail(buf, AX_E_TOO_BIG);
    if (buf->ptr && buf->len + more <= buf->cap)
        return AX_OK;
    while (cap < buf->len + more)
        cap = cap > SIZE_MAX / 2 ? SIZE_MAX : cap * 2;
    if (cap > buf->max)
        cap = buf->max;
    if (cap == SIZE_MAX)
        return buf_fail(buf, AX_E_NO_MEMORY);
    ptr = ax_try_realloc(buf->ptr, cap + 1);
    if (!ptr)
        return buf_fail(buf, AX_E_NO_MEMORY);
    buf->ptr = ptr;
    buf->cap = cap;
    return AX_OK;
}

enum ax_code ax_buf_append(struct ax_buf *buf, const void *bytes, size_t len)
{
    enum ax_code code = buf_grow(buf, len);

    if (code != AX_OK)
        return code;
    if (len > 0)
        memcpy(buf->ptr + buf->len, bytes, len);
    buf->len += len;
    return AX_OK;
}

enum ax_code ax_buf_append_str(struct ax_buf *buf, struct ax_str str)
{
    return ax_buf_append(buf, str.ptr, str.len);
}

enum ax_code ax_buf_append_byte(struct ax_buf *buf, char byte)
{
    return ax_buf_append(buf, &byte, 1);
}

enum ax_code ax_buf_printf(struct ax_buf *buf, const char *fmt, ...)
{
    va_list args;
    enum ax_code code;
    int len;

    va_start(args, fmt);
    len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    assert(len >= 0);
    code = buf_grow(buf, (size_t)len);
    if (code != AX_OK)
        return code;
    va_start(args, fmt);
    (void)vsnprintf(buf->ptr + buf->len, (size_t)len + 1, fmt, args);
    va_end(args);
    buf->len += (size_t)len;
    return AX_OK;
}

enum ax_code ax_buf_append_u64(struct ax_buf *buf, uint64_t value)
{
    char digits[BUF_U64_DIGITS];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return ax_buf_append(buf, digits + at, sizeof(digits) - at);
}

enum ax_code ax_buf_reserve(struct ax_buf *buf, size_t len, char **ret_room)
{
    enum ax_code code = buf_grow(buf, len);

    if (code == AX_OK)
        *ret_room = buf->ptr + buf->len;
    return code;
}

void ax_buf_advance(struct ax_buf *buf, size_t len)
{
    assert(len <= buf->cap - buf->len);
    buf->len += len;
}

void ax_buf_consume(struct ax_buf *buf, size_t len)
{
    assert(len <= buf->len);
    buf->len -= len;
    if (buf->len > 0 && len > 0)
        memmove(buf->ptr, buf->ptr + len, buf->len);
}

struct ax_str ax_buf_str(const struct ax_buf *buf)
{
    return (struct ax_str){ buf->ptr, buf->len };
}

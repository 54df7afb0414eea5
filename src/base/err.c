/* SPDX-License-Identifier: Apache-2.0 */
/* err.c - what does each code mean, and how do words join it? */
#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ERR_NAME_MAX 40

struct err_row {
    struct ax_code_info info;
    char name[ERR_NAME_MAX]; /* lower case, made at load */
};

static struct err_row err_rows[AX_CODE_COUNT] = {
    [AX_OK] = { .info = { "OK", 200, true, AX_RETRY_NEVER, false, "all is well" } },
#define X(name, status, started, retry, fault, words) \
    [AX_E_##name] = { .info = { #name, status, started, AX_RETRY_##retry, fault, words } },
    AX_CODES(X)
#undef X
};

#define X(name, status, started, retry, fault, words) \
    _Static_assert(sizeof(#name) <= ERR_NAME_MAX, "the name is too long");
AX_CODES(X)
#undef X

/* The table writes each name once, as its enumerator; the wire wants it in lower case. */
__attribute__((constructor)) static void err_make_names(void)
{
    for (size_t i = 0; i < AX_CODE_COUNT; i++) {
        struct err_row *row = &err_rows[i];

        for (size_t at = 0; row->info.name[at] != '\0'; at++) {
            char byte = row->info.name[at];

            row->name[at] = (char)(byte >= 'A' && byte <= 'Z' ? byte - 'A' + 'a' : byte);
        }
        row->info.name = row->name;
    }
}

const struct ax_code_info *ax_code_info(enum ax_code code)
{
    if ((unsigned)code >= AX_CODE_COUNT)
        code = AX_E_INTERNAL;
    return &err_rows[code].info;
}

enum ax_code ax_code_on_wire(enum ax_code code)
{
    switch (code) {
    case AX_E_TOO_BIG: return AX_E_PAYLOAD_TOO_LARGE;
    case AX_E_NO_MEMORY:
    case AX_E_CANCELED: return AX_E_OVERLOADED;
    case AX_E_EXISTS: return AX_E_CONFLICT;
    case AX_OK:
    case AX_E_CLOSED:
    case AX_E_IO: return AX_E_INTERNAL;
    default: return code;
    }
}

enum ax_code ax_code_by_name(struct ax_str name)
{
    for (size_t i = 0; i < AX_CODE_COUNT; i++) {
        if (ax_str_eq(name, ax_str_of(err_rows[i].name)))
            return (enum ax_code)i;
    }
    return AX_E_INTERNAL;
}

/* Copies what fits; a character of several bytes is kept whole or not at all. */
static void err_copy(char *room, size_t size, const char *text)
{
    size_t len = strnlen(text, size);

    if (len == size) {
        len = size - 1;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
            len--;
    }
    memcpy(room, text, len);
    room[len] = '\0';
}

/* The words may contain the message that they replace, so they are made elsewhere first. */
static AX_FORMAT(3, 0) void err_write(struct ax_err *err, enum ax_code code, const char *fmt,
                                      va_list args)
{
    char words[sizeof(err->message) + 8];

    if (vsnprintf(words, sizeof(words), fmt, args) < 0)
        words[0] = '\0';
    err->code = code;
    err_copy(err->message, sizeof(err->message), words);
}

enum ax_code ax_err_set(struct ax_err *err, enum ax_code code, const char *fmt, ...)
{
    va_list args;

    if (!err)
        return code;
    va_start(args, fmt);
    err_write(err, code, fmt, args);
    va_end(args);
    err->pointer[0] = '\0';
    return code;
}

enum ax_code ax_err_set_at(struct ax_err *err, enum ax_code code, const char *pointer,
                           const char *fmt, ...)
{
    char copy[sizeof(err->pointer)]; /* the pointer may be err's own */
    va_list args;

    if (!err)
        return code;
    err_copy(copy, sizeof(copy), pointer ? pointer : "");
    va_start(args, fmt);
    err_write(err, code, fmt, args);
    va_end(args);
    memcpy(err->pointer, copy, sizeof(copy));
    return code;
}

enum ax_code ax_err_wrap(struct ax_err *err, enum ax_code code, const char *fmt, ...)
{
    char inner[sizeof(err->message)];
    char outer[sizeof(err->message) * 2];
    size_t len;
    va_list args;

    if (!err)
        return code;
    err_copy(inner, sizeof(inner), err->message);
    va_start(args, fmt);
    err_write(err, code, fmt, args);
    va_end(args);
    len = strlen(err->message);
    memcpy(outer, err->message, len);
    memcpy(outer + len, ": ", 3);
    err_copy(outer + len + 2, sizeof(outer) - len - 2, inner);
    err_copy(err->message, sizeof(err->message), inner[0] != '\0' ? outer : err->message);
    return code;
}

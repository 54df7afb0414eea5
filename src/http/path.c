/* SPDX-License-Identifier: Apache-2.0 */
/* path.c - which path did the caller mean? */
#include "http/path.h"

#include "base/buf.h"
#include "http/chars.h"

/* The byte that an escape at raw[i] stands for, or -1. */
static int path_escape(struct ax_str raw, size_t i)
{
    if (raw.len - i < 3 || !ax_http_is_hex(raw.ptr[i + 1]) || !ax_http_is_hex(raw.ptr[i + 2]))
        return -1;
    return (int)(ax_http_hex_value(raw.ptr[i + 1]) * 16 + ax_http_hex_value(raw.ptr[i + 2]));
}

static enum ax_code path_refuse(struct ax_err *err, const char *words)
{
    return ax_err_set(err, AX_E_INVALID_REQUEST, "the path %s", words);
}

static enum ax_code path_segment(struct ax_str raw, struct ax_arena *arena,
                                 struct ax_str *ret_segment, struct ax_err *err)
{
    char *room = ax_arena_alloc(arena, raw.len + 1);
    size_t len = 0;

    if (!room)
        return ax_err_set(err, AX_E_NO_MEMORY, "no room for a path");
    for (size_t i = 0; i < raw.len; i++) {
        int byte = (unsigned char)raw.ptr[i];

        if (byte == '%') {
            byte = path_escape(raw, i);
            if (byte < 0)
                return path_refuse(err, "has a '%' that is not an escape");
            if (byte == '/' || byte == '%')
                return path_refuse(err, "hides a '/' or a '%'");
            i += 2;
        }
        if (byte < 0x20 || byte == 0x7f || byte == '\\')
            return path_refuse(err, "has a control byte or a backslash");
        room[len++] = (char)byte;
    }
    room[len] = '\0';
    *ret_segment = ax_str_make(room, len);
    if (len == 0)
        return path_refuse(err, "has an empty segment");
    if (ax_str_eq(*ret_segment, AX_STR(".")) || ax_str_eq(*ret_segment, AX_STR("..")))
        return path_refuse(err, "has a dot segment");
    if (!ax_str_is_utf8(*ret_segment))
        return path_refuse(err, "is not UTF-8");
    return AX_OK;
}

enum ax_code ax_path_parse(struct ax_str raw, struct ax_arena *arena, struct ax_path *ret_path,
                           struct ax_err *err)
{
    struct ax_str rest = raw;

    ret_path->count = 0;
    ret_path->trailing_slash = false;
    if (raw.len == 0 || raw.ptr[0] != '/')
        return path_refuse(err, "does not begin with '/'");
    rest = ax_str_from(raw, 1);
    while (rest.len > 0) {
        struct ax_str segment = ax_str_cut(&rest, '/');
        enum ax_code code;

        if (ret_path->count == AX_PATH_SEGMENTS_MAX)
            return path_refuse(err, "has too many segments");
        code = path_segment(segment, arena, &ret_path->segments[ret_path->count], err);
        if (code != AX_OK)
            return code;
        ret_path->count++;
        ret_path->trailing_slash = rest.ptr != NULL && rest.len == 0;
    }
    return AX_OK;
}

enum ax_code ax_query_decode(struct ax_str raw, struct ax_arena *arena, struct ax_str *ret_text,
                             struct ax_err *err)
{
    char *room = ax_arena_alloc(arena, raw.len + 1);
    size_t len = 0;
    struct ax_str text;

    if (!room)
        return ax_err_set(err, AX_E_NO_MEMORY, "no room for a query");
    for (size_t i = 0; i < raw.len; i++) {
        int byte = raw.ptr[i] == '+' ? ' ' : (unsigned char)raw.ptr[i];

        if (byte == '%') {
            byte = path_escape(raw, i);
            if (byte < 0)
                return ax_err_set(err, AX_E_INVALID_REQUEST,
                                  "the query has a '%%' that is not an escape");
            i += 2;
        }
        if (byte == 0)
            return ax_err_set(err, AX_E_INVALID_REQUEST, "the query has a NUL");
        room[len++] = (char)byte;
    }
    room[len] = '\0';
    text = ax_str_make(room, len);
    if (!ax_str_is_utf8(text))
        return ax_err_set(err, AX_E_INVALID_REQUEST, "the query is not UTF-8");
    *ret_text = text;
    return AX_OK;
}

bool ax_query_next(struct ax_str *rest, struct ax_str *ret_key, struct ax_str *ret_value)
{
    while (rest->ptr != NULL) {
        struct ax_str pair = ax_str_cut(rest, '&');

        if (pair.len == 0)
            continue;
        *ret_key = ax_str_cut(&pair, '=');
        *ret_value = pair;
        return true;
    }
    return false;
}

enum ax_code ax_path_encode(struct ax_buf *out, struct ax_str segment)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < segment.len; i++) {
        uint8_t byte = (uint8_t)segment.ptr[i];

        if ((ax_http_bytes[byte] & AX_HTTP_BYTE_PLAIN) || byte == '~') {
            ax_buf_append_byte(out, (char)byte);
        } else {
            char escape[3] = { '%', digits[byte >> 4], digits[byte & 15] };

            ax_buf_append(out, escape, sizeof(escape));
        }
    }
    return out->failed;
}

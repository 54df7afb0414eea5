/* SPDX-License-Identifier: Apache-2.0 */
/* path.c - which extension did the caller mean, and which place in it? */
#include "gateway/path.h"

#include "base/buf.h"

#include <string.h>

static const struct ax_str path_prefix = AX_STR_INIT("/api/ext");

/* A copy with one slash where several stand in a row: what is malformed beside them is still seen. */
static struct ax_str path_squeeze(struct ax_str raw, struct ax_arena *arena, bool *ret_squeezed)
{
    char *room = ax_arena_alloc(arena, raw.len + 1);
    size_t len = 0;

    if (!room)
        return AX_STR_NONE;
    for (size_t i = 0; i < raw.len; i++)
        if (raw.ptr[i] != '/' || i == 0 || raw.ptr[i - 1] != '/')
            room[len++] = raw.ptr[i];
    *ret_squeezed = len < raw.len;
    return ax_str_make(room, len);
}

static enum ax_code path_canonical(struct ax_ext_path *path, struct ax_arena *arena,
                                   struct ax_err *err)
{
    AX_AUTO_BUF struct ax_buf out = { .max = AX_EXT_PATH_MAX };

    for (size_t i = 0; i < path->count; i++) {
        ax_buf_append_byte(&out, '/');
        ax_path_encode(&out, path->segments[i]);
    }
    if (path->count == 0)
        ax_buf_append_byte(&out, '/');
    if (out.failed == AX_E_TOO_BIG)
        return ax_err_set(err, AX_E_INVALID_REQUEST, "the path is longer than %d bytes",
                          AX_EXT_PATH_MAX);
    if (out.failed == AX_OK)
        path->canonical = ax_arena_dup(arena, ax_buf_str(&out));
    return path->canonical.ptr ? AX_OK : ax_err_set(err, AX_E_NO_MEMORY, "no room for a path");
}

enum ax_code ax_ext_path_parse(struct ax_str raw, struct ax_arena *arena,
                               struct ax_ext_path *ret_path, struct ax_err *err)
{
    struct ax_ext_path path = { .extension = AX_STR_NONE };
    struct ax_str rest, squeezed;
    struct ax_path *parsed;
    enum ax_code code;

    if (!ax_str_starts(raw, path_prefix) ||
        (raw.len > path_prefix.len && raw.ptr[path_prefix.len] != '/'))
        return ax_err_set(err, AX_E_NOT_FOUND, "there is nothing here");
    rest = ax_str_from(raw, path_prefix.len);
    if (rest.len == 0) {
        *ret_path = path;
        return AX_OK;
    }
    squeezed = path_squeeze(rest, arena, &path.nowhere);
    parsed = ax_arena_alloc(arena, sizeof(*parsed));
    if (!squeezed.ptr || !parsed)
        return ax_err_set(err, AX_E_NO_MEMORY, "no room for a path");
    code = ax_path_parse(squeezed, arena, parsed, err);
    if (code != AX_OK)
        return code;
    if (parsed->count == 0 || ax_str_starts(rest, AX_STR("//")))
        return ax_err_set(err, AX_E_NOT_FOUND, "there is nothing here");
    path.extension = parsed->segments[0];
    path.segments = parsed->segments + 1;
    path.count = parsed->count - 1;
    /* "/api/ext/{id}/" is the path "/" */
    path.nowhere = path.nowhere || (parsed->trailing_slash && path.count > 0);
    code = path_canonical(&path, arena, err);
    if (code == AX_OK)
        *ret_path = path;
    return code;
}

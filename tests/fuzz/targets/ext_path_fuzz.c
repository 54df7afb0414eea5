/* SPDX-License-Identifier: Apache-2.0 */
/* ext_path_fuzz.c - can a path below /api/ext mean something else at the runner than here? */
#include "base/buf.h"
#include "gateway/path.h"

#include "fuzz.h"

#include <string.h>

/* Parsed again, the canonical path is itself and has the same segments. */
static void check_canonical(const struct ax_ext_path *path, struct ax_arena *arena)
{
    AX_AUTO_BUF struct ax_buf raw = { .max = AX_EXT_PATH_MAX + 64 };
    struct ax_ext_path again;

    FUZZ_HOLDS(path->canonical.len > 0 && path->canonical.len <= AX_EXT_PATH_MAX);
    for (size_t i = 0; i < path->canonical.len; i++)
        FUZZ_HOLDS(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%/",
                          path->canonical.ptr[i]));
    ax_buf_printf(&raw, "/api/ext/x%.*s", AX_STR_FMT(path->canonical));
    FUZZ_HOLDS(ax_ext_path_parse(ax_buf_str(&raw), arena, &again, NULL) == AX_OK);
    FUZZ_HOLDS(ax_str_eq(again.canonical, path->canonical) && !again.nowhere);
    FUZZ_HOLDS(again.count == path->count);
    for (size_t i = 0; i < path->count; i++)
        FUZZ_HOLDS(ax_str_eq(again.segments[i], path->segments[i]));
}

static void check_segment(struct ax_str segment)
{
    FUZZ_HOLDS(segment.len > 0 && ax_str_is_utf8(segment));
    FUZZ_HOLDS(!ax_str_eq(segment, AX_STR(".")) && !ax_str_eq(segment, AX_STR("..")));
    for (size_t i = 0; i < segment.len; i++)
        FUZZ_HOLDS((unsigned char)segment.ptr[i] >= 0x20 && segment.ptr[i] != '/' &&
                   segment.ptr[i] != '\\' && segment.ptr[i] != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AX_AUTO_BUF struct ax_buf raw = { .max = SIZE_MAX / 4 };
    struct ax_ext_path path;
    struct ax_arena arena;
    enum ax_code code;

    ax_buf_append_str(&raw, AX_STR("/api/ext"));
    ax_buf_append(&raw, data, size);
    ax_arena_init(&arena, 1u << 20);
    code = ax_ext_path_parse(ax_buf_str(&raw), &arena, &path, NULL);
    FUZZ_HOLDS(code == AX_OK || code == AX_E_INVALID_REQUEST || code == AX_E_NOT_FOUND);
    if (code == AX_OK && path.extension.len > 0) {
        check_segment(path.extension);
        for (size_t i = 0; i < path.count; i++)
            check_segment(path.segments[i]);
        check_canonical(&path, &arena);
    }
    ax_arena_done(&arena);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* media_type.c - what does a browser call this file? */
#include "runner/media_type.h"

static const struct media_row {
    struct ax_str extension;
    struct ax_str type;
} media_rows[] = {
    { AX_STR_INIT("html"), AX_STR_INIT("text/html; charset=utf-8") },
    { AX_STR_INIT("js"), AX_STR_INIT("text/javascript; charset=utf-8") },
    { AX_STR_INIT("mjs"), AX_STR_INIT("text/javascript; charset=utf-8") },
    { AX_STR_INIT("css"), AX_STR_INIT("text/css; charset=utf-8") },
    { AX_STR_INIT("json"), AX_STR_INIT("application/json") },
    { AX_STR_INIT("map"), AX_STR_INIT("application/json") },
    { AX_STR_INIT("webmanifest"), AX_STR_INIT("application/manifest+json") },
    { AX_STR_INIT("wasm"), AX_STR_INIT("application/wasm") },
    { AX_STR_INIT("txt"), AX_STR_INIT("text/plain; charset=utf-8") },
    { AX_STR_INIT("md"), AX_STR_INIT("text/plain; charset=utf-8") },
    { AX_STR_INIT("xml"), AX_STR_INIT("application/xml") },
    { AX_STR_INIT("svg"), AX_STR_INIT("image/svg+xml") },
    { AX_STR_INIT("png"), AX_STR_INIT("image/png") },
    { AX_STR_INIT("jpg"), AX_STR_INIT("image/jpeg") },
    { AX_STR_INIT("jpeg"), AX_STR_INIT("image/jpeg") },
    { AX_STR_INIT("gif"), AX_STR_INIT("image/gif") },
    { AX_STR_INIT("webp"), AX_STR_INIT("image/webp") },
    { AX_STR_INIT("avif"), AX_STR_INIT("image/avif") },
    { AX_STR_INIT("ico"), AX_STR_INIT("image/x-icon") },
    { AX_STR_INIT("woff"), AX_STR_INIT("font/woff") },
    { AX_STR_INIT("woff2"), AX_STR_INIT("font/woff2") },
    { AX_STR_INIT("ttf"), AX_STR_INIT("font/ttf") },
    { AX_STR_INIT("otf"), AX_STR_INIT("font/otf") },
    { AX_STR_INIT("mp3"), AX_STR_INIT("audio/mpeg") },
    { AX_STR_INIT("wav"), AX_STR_INIT("audio/wav") },
    { AX_STR_INIT("mp4"), AX_STR_INIT("video/mp4") },
    { AX_STR_INIT("webm"), AX_STR_INIT("video/webm") },
    { AX_STR_INIT("pdf"), AX_STR_INIT("application/pdf") },
};

struct ax_str ax_media_type(struct ax_str path)
{
    size_t at = path.len;

    while (at > 0 && path.ptr[at - 1] != '.' && path.ptr[at - 1] != '/')
        at--;
    if (at > 0 && path.ptr[at - 1] == '.') {
        struct ax_str extension = ax_str_from(path, at);

        for (size_t i = 0; i < sizeof(media_rows) / sizeof(media_rows[0]); i++) {
            if (ax_str_eq_nocase(extension, media_rows[i].extension))
                return media_rows[i].type;
        }
    }
    return AX_STR("application/octet-stream");
}

/* SPDX-License-Identifier: Apache-2.0 */
/* archive_frame.c - is this the one kind of zstd frame that a bundle may be?
 * The library would accept more: skippable frames, dictionaries, frames without a checksum. The
 * header (RFC 8878, 3.1.1) is small enough to be judged before the library sees it. */
#include "bundle/archive_internal.h"

#define FRAME_WINDOW_MAX ((uint64_t)1 << AX_ARCHIVE_WINDOW_LOG_MAX)
/* Files, and for each a header, a PAX header with its body, and padding. */
#define FRAME_CONTENT_MAX                \
    ((uint64_t)AX_ARCHIVE_UNPACKED_MAX + \
     (uint64_t)AX_ARCHIVE_ENTRIES_MAX * (3 * TAR_BLOCK + TAR_PAX_MAX) + TAR_TAIL_MAX)

enum { FRAME_MAGIC = 4, FRAME_FIXED = 5 };

static enum ax_code frame_bad(struct ax_err *err, const char *words)
{
    return ax_err_set(err, AX_E_INVALID_BUNDLE, "%s", words);
}

static uint64_t frame_number(const uint8_t *bytes, size_t len)
{
    uint64_t number = 0;

    for (size_t i = 0; i < len; i++)
        number |= (uint64_t)bytes[i] << (8 * i);
    return len == 2 ? number + 256 : number; /* the format counts two bytes from 256 */
}

static uint64_t frame_window(uint8_t descriptor)
{
    uint64_t base = (uint64_t)1 << (10 + (descriptor >> 3));

    return base + base / 8 * (descriptor & 7);
}

enum ax_code archive_frame_judge(struct ax_str bytes, size_t *ret_need, struct ax_err *err)
{
    static const uint8_t magic[FRAME_MAGIC] = { 0x28, 0xb5, 0x2f, 0xfd };
    const uint8_t *at = (const uint8_t *)bytes.ptr;
    uint8_t flags;
    bool single;
    size_t content_len;
    uint64_t content;
    uint64_t window;

    for (size_t i = 0; i < FRAME_MAGIC && i < bytes.len; i++)
        if (at[i] != magic[i])
            return frame_bad(err, "the bundle is not a zstd frame");
    *ret_need = FRAME_FIXED;
    if (bytes.len < FRAME_FIXED)
        return AX_OK;
    flags = at[FRAME_MAGIC];
    single = flags & 0x20;
    content_len = (size_t)1 << (flags >> 6);
    if (content_len == 1 && !single)
        content_len = 0;
    if (flags & 0x18)
        return frame_bad(err, "the zstd frame uses reserved bits");
    if (!(flags & 0x04))
        return frame_bad(err, "the zstd frame has no content checksum");
    if (flags & 0x03)
        return frame_bad(err, "the zstd frame asks for a dictionary");
    *ret_need = (size_t)FRAME_FIXED + !single + content_len;
    if (bytes.len < *ret_need)
        return AX_OK;
    content = frame_number(at + *ret_need - content_len, content_len);
    window = single ? content : frame_window(at[FRAME_FIXED]);
    if (window > FRAME_WINDOW_MAX)
        return ax_err_set(err, AX_E_TOO_BIG, "the zstd window is larger than 8 MiB");
    if (content_len > 0 && content > FRAME_CONTENT_MAX)
        return ax_err_set(err, AX_E_TOO_BIG, "the bundle unpacks to more than 256 MiB");
    return AX_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* frame.c - what does a message between two of our processes look like? */
#include "loop/frame.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#define FRAME_LENGTH_SIZE 4 /* the length does not count itself */

size_t ax_frame_begin(struct ax_buf *buf, uint8_t type, uint16_t flags, uint64_t id)
{
    size_t begun_at = buf->len;
    char header[AX_FRAME_HEADER] = { 0 };
    uint16_t flags_le = htole16(flags);
    uint64_t id_le = htole64(id);

    header[4] = AX_FRAME_VERSION;
    header[5] = (char)type;
    memcpy(header + 6, &flags_le, sizeof(flags_le));
    memcpy(header + 8, &id_le, sizeof(id_le));
    ax_buf_append(buf, header, sizeof(header));
    return begun_at;
}

void ax_frame_put_u8(struct ax_buf *buf, uint8_t value)
{
    ax_buf_append(buf, &value, sizeof(value));
}

void ax_frame_put_u32(struct ax_buf *buf, uint32_t value)
{
    uint32_t le = htole32(value);

    ax_buf_append(buf, &le, sizeof(le));
}

void ax_frame_put_u64(struct ax_buf *buf, uint64_t value)
{
    uint64_t le = htole64(value);

    ax_buf_append(buf, &le, sizeof(le));
}

void ax_frame_put_str(struct ax_buf *buf, struct ax_str value)
{
    assert(value.len <= UINT32_MAX);
    ax_frame_put_u32(buf, (uint32_t)value.len);
    ax_buf_append_str(buf, value);
}

void ax_frame_put_body(struct ax_buf *buf, struct ax_str value)
{
    ax_buf_append_str(buf, value);
}

enum ax_code ax_frame_end(struct ax_buf *buf, size_t begun_at)
{
    size_t length;
    uint32_t le;

    if (buf->failed != AX_OK)
        return buf->failed;
    assert(buf->len >= begun_at + AX_FRAME_HEADER);
    length = buf->len - begun_at - FRAME_LENGTH_SIZE;
    if (length > UINT32_MAX)
        return AX_E_TOO_BIG;
    le = htole32((uint32_t)length);
    memcpy(buf->ptr + begun_at, &le, sizeof(le));
    return AX_OK;
}

enum ax_code ax_frame_parse(struct ax_str bytes, size_t frame_max, struct ax_frame *ret_frame,
                            size_t *ret_size)
{
    uint32_t length;
    uint16_t flags;
    uint64_t id;

    *ret_size = AX_FRAME_HEADER;
    if (bytes.len < AX_FRAME_HEADER)
        return AX_OK;
    memcpy(&length, bytes.ptr, sizeof(length));
    memcpy(&flags, bytes.ptr + 6, sizeof(flags));
    memcpy(&id, bytes.ptr + 8, sizeof(id));
    length = le32toh(length);
    if (length < AX_FRAME_HEADER - FRAME_LENGTH_SIZE ||
        (uint64_t)length + FRAME_LENGTH_SIZE > frame_max)
        return AX_E_INVALID_REQUEST;
    ret_frame->type = (uint8_t)bytes.ptr[5];
    ret_frame->flags = le16toh(flags);
    ret_frame->id = le64toh(id);
    if (bytes.ptr[4] != AX_FRAME_VERSION || (ret_frame->flags & ~AX_FRAME_HAS_FD) != 0)
        return AX_E_INVALID_REQUEST;
    *ret_size = (size_t)length + FRAME_LENGTH_SIZE;
    ret_frame->payload = AX_STR_NONE;
    if (bytes.len >= *ret_size)
        ret_frame->payload = ax_str_sub(bytes, AX_FRAME_HEADER, *ret_size);
    return AX_OK;
}

struct ax_reader ax_reader_of(struct ax_str payload)
{
    return (struct ax_reader){ .rest = payload };
}

/* The next `len` bytes, or none, and from then on none at all. */
static struct ax_str reader_take(struct ax_reader *reader, size_t len)
{
    struct ax_str taken = AX_STR_NONE;

    if (reader->bad || len > reader->rest.len) {
        reader->bad = true;
        return taken;
    }
    if (len > 0) {
        taken = ax_str_make(reader->rest.ptr, len);
        reader->rest.ptr += len;
        reader->rest.len -= len;
    }
    return taken;
}

uint8_t ax_reader_u8(struct ax_reader *reader)
{
    struct ax_str taken = reader_take(reader, sizeof(uint8_t));

    return taken.len ? (uint8_t)taken.ptr[0] : 0;
}

uint32_t ax_reader_u32(struct ax_reader *reader)
{
    struct ax_str taken = reader_take(reader, sizeof(uint32_t));
    uint32_t le = 0;

    if (taken.len)
        memcpy(&le, taken.ptr, sizeof(le));
    return le32toh(le);
}

uint64_t ax_reader_u64(struct ax_reader *reader)
{
    struct ax_str taken = reader_take(reader, sizeof(uint64_t));
    uint64_t le = 0;

    if (taken.len)
        memcpy(&le, taken.ptr, sizeof(le));
    return le64toh(le);
}

struct ax_str ax_reader_str(struct ax_reader *reader)
{
    return reader_take(reader, ax_reader_u32(reader));
}

struct ax_str ax_reader_body(struct ax_reader *reader)
{
    return reader_take(reader, reader->rest.len);
}

bool ax_reader_ok(const struct ax_reader *reader)
{
    return !reader->bad && reader->rest.len == 0;
}

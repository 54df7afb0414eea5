/* SPDX-License-Identifier: Apache-2.0 */
/* frame_test.c - does a frame come back as it went, and nothing else pass for one? */
#include "loop/frame.h"

#include "base/test.h"

#include <endian.h>

#define FRAME_MAX 1024

/* One frame with every kind of field. */
static void put_all(struct ax_buf *buf)
{
    size_t at = ax_frame_begin(buf, 200, AX_FRAME_HAS_FD, UINT64_MAX - 1);

    ax_frame_put_u8(buf, 0x12);
    ax_frame_put_u32(buf, 0x89abcdef);
    ax_frame_put_u64(buf, 0xfedcba9876543210);
    ax_frame_put_str(buf, AX_STR("name"));
    ax_frame_put_str(buf, AX_STR_NONE);
    ax_frame_put_body(buf, AX_STR("body to the end"));
    T_OK(ax_frame_end(buf, at));
}

static bool read_all(struct ax_str payload)
{
    struct ax_reader reader = ax_reader_of(payload);
    uint8_t u8 = ax_reader_u8(&reader);
    uint32_t u32 = ax_reader_u32(&reader);
    uint64_t u64 = ax_reader_u64(&reader);
    struct ax_str name = ax_reader_str(&reader);
    struct ax_str empty = ax_reader_str(&reader);
    struct ax_str body = ax_reader_body(&reader);

    if (!ax_reader_ok(&reader))
        return false;
    T_EQ(u8, 0x12);
    T_TRUE(u32 == 0x89abcdef);
    T_TRUE(u64 == 0xfedcba9876543210);
    T_STR(name, AX_STR("name"));
    T_EQ(empty.len, 0);
    T_TRUE(ax_str_starts(AX_STR("body to the end"), body));
    return true;
}

TEST(frame_comes_back_as_it_went)
{
    AX_AUTO_BUF struct ax_buf buf = { .max = FRAME_MAX };
    struct ax_frame frame;
    size_t size;

    put_all(&buf);
    T_OK(ax_frame_parse(ax_buf_str(&buf), FRAME_MAX, &frame, &size));
    T_EQ(size, buf.len);
    T_EQ(frame.type, 200);
    T_EQ(frame.flags, AX_FRAME_HAS_FD);
    T_TRUE(frame.id == UINT64_MAX - 1);
    T_TRUE(read_all(frame.payload));
}

TEST(frame_is_little_endian_on_the_wire)
{
    static const unsigned char wire[] = { 13, 0, 0, 0, 1, 7, 1, 0, 8, 7, 6, 5, 4, 3, 2, 1, 0xff };
    AX_AUTO_BUF struct ax_buf buf = { .max = FRAME_MAX };
    size_t at = ax_frame_begin(&buf, 7, AX_FRAME_HAS_FD, 0x0102030405060708);

    ax_frame_put_u8(&buf, 0xff);
    T_OK(ax_frame_end(&buf, at));
    T_STR(ax_buf_str(&buf), ax_str_make(wire, sizeof(wire)));
}

TEST(frames_stand_one_behind_the_other)
{
    AX_AUTO_BUF struct ax_buf buf = { .max = FRAME_MAX };
    struct ax_frame frame;
    size_t first, second;
    size_t at;

    put_all(&buf);
    at = ax_frame_begin(&buf, 2, 0, 9);
    T_OK(ax_frame_end(&buf, at));
    T_OK(ax_frame_parse(ax_buf_str(&buf), FRAME_MAX, &frame, &first));
    T_EQ(first, at);
    T_OK(ax_frame_parse(ax_str_from(ax_buf_str(&buf), first), FRAME_MAX, &frame, &second));
    T_EQ(second, AX_FRAME_HEADER);
    T_EQ(frame.payload.len, 0);
    T_EQ(frame.id, 9);
}

TEST(payload_cut_at_any_place_is_refused)
{
    AX_AUTO_BUF struct ax_buf buf = { .max = FRAME_MAX };
    struct ax_frame frame;
    size_t size;
    size_t body = sizeof("body to the end") - 1;

    put_all(&buf);
    T_OK(ax_frame_parse(ax_buf_str(&buf), FRAME_MAX, &frame, &size));
    for (size_t len = 0; len < frame.payload.len; len++) {
        /* A heap copy of exactly that size: the sanitizer sees a read beyond it. */
        AX_AUTO_FREE char *cut = ax_alloc(len + 1);

        memcpy(cut, frame.payload.ptr, len);
        cut = realloc(cut, len > 0 ? len : 1);
        T_EQ(read_all(ax_str_make(cut, len)), len >= frame.payload.len - body);
    }
}

TEST(frame_cut_at_any_place_is_not_whole)
{
    AX_AUTO_BUF struct ax_buf buf = { .max = FRAME_MAX };

    put_all(&buf);
    for (size_t len = 0; len < buf.len; len++) {
        AX_AUTO_FREE char *cut = ax_alloc(len > 0 ? len : 1);
        struct ax_frame frame;
        size_t size;

        memcpy(cut, buf.ptr, len);
        T_OK(ax_frame_parse(ax_str_make(cut, len), FRAME_MAX, &frame, &size));
        T_EQ(size, len < AX_FRAME_HEADER ? AX_FRAME_HEADER : buf.len);
    }
}

static enum ax_code parse_length(uint32_t length, size_t frame_max)
{
    char header[AX_FRAME_HEADER] = { [4] = AX_FRAME_VERSION };
    struct ax_frame frame;
    size_t size;

    length = htole32(length);
    memcpy(header, &length, sizeof(length));
    return ax_frame_parse(ax_str_make(header, sizeof(header)), frame_max, &frame, &size);
}

TEST(frame_length_is_bounded_on_both_sides)
{
    T_CODE(parse_length(0, FRAME_MAX), AX_E_INVALID_REQUEST);
    T_CODE(parse_length(11, FRAME_MAX), AX_E_INVALID_REQUEST);
    T_OK(parse_length(12, FRAME_MAX));
    T_OK(parse_length(FRAME_MAX - 5, FRAME_MAX));
    T_OK(parse_length(FRAME_MAX - 4, FRAME_MAX));
    T_CODE(parse_length(FRAME_MAX - 3, FRAME_MAX), AX_E_INVALID_REQUEST);
    T_CODE(parse_length(UINT32_MAX, FRAME_MAX), AX_E_INVALID_REQUEST);
    T_CODE(parse_length(UINT32_MAX - 3, UINT32_MAX), AX_E_INVALID_REQUEST); /* no wrapping */
}

TEST(frame_of_another_version_or_with_unknown_flags_is_refused)
{
    char header[AX_FRAME_HEADER] = { 12, 0, 0, 0, AX_FRAME_VERSION };
    struct ax_str bytes = ax_str_make(header, sizeof(header));
    struct ax_frame frame;
    size_t size;

    T_OK(ax_frame_parse(bytes, FRAME_MAX, &frame, &size));
    header[4] = 0;
    T_CODE(ax_frame_parse(bytes, FRAME_MAX, &frame, &size), AX_E_INVALID_REQUEST);
    header[4] = 2;
    T_CODE(ax_frame_parse(bytes, FRAME_MAX, &frame, &size), AX_E_INVALID_REQUEST);
    header[4] = AX_FRAME_VERSION;
    for (size_t bit = 1; bit < 16; bit++) {
        header[6] = (char)((1u << bit) & 0xff);
        header[7] = (char)((1u << bit) >> 8);
        T_CODE(ax_frame_parse(bytes, FRAME_MAX, &frame, &size), AX_E_INVALID_REQUEST);
    }
}

TEST(string_longer_than_its_frame_is_refused)
{
    static const uint32_t lengths[] = { 5, 6, 0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff };
    char payload[8] = { 4, 0, 0, 0, 'a', 'b', 'c', 'd' };
    struct ax_reader reader = ax_reader_of(ax_str_make(payload, sizeof(payload)));

    T_STR(ax_reader_str(&reader), AX_STR("abcd"));
    T_TRUE(ax_reader_ok(&reader));
    for (size_t i = 0; i < AX_ARRAY_LEN(lengths); i++) {
        uint32_t le = htole32(lengths[i]);

        memcpy(payload, &le, sizeof(le));
        reader = ax_reader_of(ax_str_make(payload, sizeof(payload)));
        T_EQ(ax_reader_str(&reader).len, 0);
        T_FALSE(ax_reader_ok(&reader));
        T_EQ(ax_reader_body(&reader).len, 0); /* sticky, although bytes are left */
        T_EQ(ax_reader_u8(&reader), 0);
    }
}

TEST(payload_with_bytes_left_over_is_refused)
{
    struct ax_reader reader = ax_reader_of(AX_STR("\1\2"));

    T_EQ(ax_reader_u8(&reader), 1);
    T_FALSE(ax_reader_ok(&reader));
    T_EQ(ax_reader_u8(&reader), 2);
    T_TRUE(ax_reader_ok(&reader));
}

TEST(frame_that_its_buffer_cannot_hold_is_not_ended)
{
    for (size_t max = 0; max <= AX_FRAME_HEADER + 6; max++) {
        AX_AUTO_BUF struct ax_buf buf = { .max = max };
        size_t at = ax_frame_begin(&buf, 1, 0, 1);

        ax_frame_put_str(&buf, AX_STR("xx"));
        T_CODE(ax_frame_end(&buf, at), max < AX_FRAME_HEADER + 6 ? AX_E_TOO_BIG : AX_OK);
    }
}

TEST(frame_survives_every_refused_allocation)
{
    T_SWEEP() {
        AX_AUTO_BUF struct ax_buf buf = { .max = 1 << 20 };
        size_t at = ax_frame_begin(&buf, 1, 0, 1);
        enum ax_code code;

        for (int i = 0; i < 5000; i++)
            ax_frame_put_u64(&buf, 7);
        code = ax_frame_end(&buf, at);
        T_TRUE(code == AX_E_NO_MEMORY || code == AX_OK);
        T_EQ(code == AX_OK, buf.len == AX_FRAME_HEADER + 5000 * 8);
    }
}

TEST_MAIN()

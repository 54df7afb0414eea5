/* SPDX-License-Identifier: Apache-2.0 */
/* frame.h - what does a message between two of our processes look like?
 *
 * 16-byte header, little-endian: u32 length of the rest (12 + payload), u8 version (1), u8 type,
 * u16 flags (1: a descriptor rides on the first byte), u64 id. Payload fields in the order that the
 * message's table says: u8, u32, u64 little-endian; strings u32 length + bytes; a body is raw bytes
 * to the end. Readers are sticky: after the first field that does not fit all reads give zero and
 * ax_reader_ok() is false; a frame with bytes left over is as bad. */
#ifndef AX_LOOP_FRAME_H
#define AX_LOOP_FRAME_H

#include "base/buf.h"

#include <stdint.h>

#define AX_FRAME_VERSION 1
#define AX_FRAME_HEADER  16
#define AX_FRAME_HAS_FD  1u

struct ax_frame {
    uint8_t type;
    uint16_t flags;
    uint64_t id;
    struct ax_str payload; /* borrowed for the callback */
};

/* Writes a header into `buf` and returns its offset, for ax_frame_end() to patch the length. */
size_t ax_frame_begin(struct ax_buf *buf, uint8_t type, uint16_t flags, uint64_t id);
void ax_frame_put_u8(struct ax_buf *buf, uint8_t value);
void ax_frame_put_u32(struct ax_buf *buf, uint32_t value);
void ax_frame_put_u64(struct ax_buf *buf, uint64_t value);
void ax_frame_put_str(struct ax_buf *buf, struct ax_str value);  /* u32 length + bytes */
void ax_frame_put_body(struct ax_buf *buf, struct ax_str value); /* raw, last */
/* Patches the length. The buffer's sticky code tells whether everything fitted. */
enum ax_code ax_frame_end(struct ax_buf *buf, size_t begun_at);

/* Reads the header that `bytes` starts with. *ret_size says how many bytes the frame has in all, or
 * the header's size while that is not known. With all of them there, ret_frame->payload borrows from
 * `bytes`; with at least a header, the rest of *ret_frame is set. AX_E_INVALID_REQUEST: a length
 * that cannot be or lies over `frame_max`, another version, an unknown flag. */
AX_CHECKED enum ax_code ax_frame_parse(struct ax_str bytes, size_t frame_max,
                                       struct ax_frame *ret_frame, size_t *ret_size);

struct ax_reader {
    struct ax_str rest;
    bool bad;
};
struct ax_reader ax_reader_of(struct ax_str payload);
uint8_t ax_reader_u8(struct ax_reader *reader);
uint32_t ax_reader_u32(struct ax_reader *reader);
uint64_t ax_reader_u64(struct ax_reader *reader);
struct ax_str ax_reader_str(struct ax_reader *reader);  /* borrowed from the payload */
struct ax_str ax_reader_body(struct ax_reader *reader); /* all that is left */
/* True when nothing failed and nothing is left. */
bool ax_reader_ok(const struct ax_reader *reader);

#endif

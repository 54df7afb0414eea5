/* SPDX-License-Identifier: Apache-2.0 */
/* archive_test_maker.h - how do tests make archives that nobody should make?
 * Headers are written as they are given; only the checksum is right unless asked otherwise. Bytes
 * are compressed as they come, so that large archives cost nothing. */
#ifndef AX_BUNDLE_ARCHIVE_TEST_MAKER_H
#define AX_BUNDLE_ARCHIVE_TEST_MAKER_H

#include "bundle/archive_internal.h"

struct maker {
    struct ax_buf out; /* the archive */
    void *zstd;
};

/* How the frame differs from a good one. */
struct maker_frame {
    bool no_checksum;
    int window_log; /* 0: 20 */
    bool say_size;  /* of all bytes, given as `size` */
    uint64_t size;
};

void maker_init(struct maker *maker, const struct maker_frame *frame); /* NULL: a good one */
void maker_done(struct maker *maker);

struct tar_header maker_header(struct ax_str name, char type, uint64_t size);
void maker_put(struct maker *maker, const void *bytes, size_t len);
void maker_put_zeros(struct maker *maker, uint64_t len);
void maker_put_header(struct maker *maker, struct tar_header *header); /* sets the checksum */
/* Bytes with the zeros that fill their last block. */
void maker_put_body(struct maker *maker, struct ax_str bytes);
void maker_put_file(struct maker *maker, struct ax_str path, struct ax_str bytes); /* name <= 100 */
void maker_put_manifest(struct maker *maker); /* a file of two bytes: the reader does not look */
void maker_put_pax(struct maker *maker, struct ax_str records);
/* One record "<length> key=value\n", length computed. */
void maker_pax_record(struct ax_buf *records, const char *key, struct ax_str value);
void maker_end(struct maker *maker); /* two blocks of zeros, end of the frame */
void maker_end_frame(struct maker *maker);

/* Reads it all in pieces of `step` bytes (0: at once) with callbacks that count. */
struct maker_seen {
    size_t files;
    uint64_t bytes;
    struct ax_buf log; /* "path:size\n", with the first bytes */
};
enum ax_code maker_read(struct ax_str archive, size_t step, struct maker_seen *seen,
                        struct ax_err *err);
/* Reads what the maker holds, at once. */
enum ax_code maker_judge(struct maker *maker, struct ax_err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* archive.h - which files lie in a bundle, byte by byte?
 *
 * Reading: one zstd frame (window at most 8 MiB, content checksum, no dictionary, nothing before or
 * after it) around ustar headers, each optionally preceded by one PAX header with `path` and `size`
 * only. Every header is judged before its bytes are taken; the first offence refuses the whole
 * archive. Memory is bounded whatever the input says: window, one chunk, and the paths seen.
 * Names never reach the file system here. Writing: the same archive for the same files, always. */
#ifndef AX_BUNDLE_ARCHIVE_H
#define AX_BUNDLE_ARCHIVE_H

#include "base/alloc.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

#define AX_ARCHIVE_BYTES_MAX      (64u << 20)  /* compressed */
#define AX_ARCHIVE_UNPACKED_MAX   (256u << 20) /* the files together */
#define AX_ARCHIVE_ENTRIES_MAX    4096
#define AX_ARCHIVE_PATH_MAX       512
#define AX_ARCHIVE_COMPONENTS_MAX 16
#define AX_ARCHIVE_COMPONENT_MAX  128
#define AX_ARCHIVE_WINDOW_LOG_MAX 23

/* Judges one path by the rules of the bundle; NULL when it is fine, else why not. */
const char *ax_archive_path_fault(struct ax_str path);

/* What the reader tells. A callback that does not return AX_OK ends the reading with its code;
 * `err` is the caller's, may be NULL. Paths and chunks are borrowed for the call. */
struct ax_archive_events {
    /* a file begins; its path has been judged and is unique */
    enum ax_code (*on_file)(void *arg, struct ax_str path, uint64_t size, struct ax_err *err);
    /* its next bytes, at least one; as often as it takes to make `size` */
    enum ax_code (*on_data)(void *arg, struct ax_str chunk, struct ax_err *err);
    /* it is complete */
    enum ax_code (*on_file_end)(void *arg, struct ax_err *err);
    void *arg;
};

struct ax_archive_reader;

/* `events` is copied. */
AX_CHECKED enum ax_code ax_archive_reader_new(const struct ax_archive_events *events,
                                              struct ax_archive_reader **ret_reader,
                                              struct ax_err *err);
/* Takes the next bytes of the archive, cut anywhere. Fails with AX_E_INVALID_BUNDLE, AX_E_TOO_BIG
 * (a limit of contracts was passed), AX_E_NO_MEMORY, or what a callback said; afterwards only
 * ax_archive_reader_free() may follow. */
AX_CHECKED enum ax_code ax_archive_reader_push(struct ax_archive_reader *reader,
                                               struct ax_str bytes, struct ax_err *err);
/* Says that there are no more bytes: AX_OK only when the archive is complete. */
AX_CHECKED enum ax_code ax_archive_reader_finish(struct ax_archive_reader *reader,
                                                 struct ax_err *err);
void ax_archive_reader_free(struct ax_archive_reader *reader);
AX_AUTO_DEFINE(struct ax_archive_reader *, ax_archive_reader_free)

/* A new, finished reading of bytes [0, size) of `fd` with pread. Blocks on the file. */
AX_CHECKED enum ax_code ax_archive_read_fd(int fd, uint64_t size,
                                           const struct ax_archive_events *events,
                                           struct ax_err *err);

/* The writer appends compressed bytes through `write`. Files must come with "manifest.json" first
 * and the others in byte order of their paths; it refuses what the reader would refuse. */
struct ax_archive_output {
    enum ax_code (*write)(void *arg, struct ax_str bytes, struct ax_err *err);
    void *arg;
};
struct ax_archive_writer;
AX_CHECKED enum ax_code ax_archive_writer_new(const struct ax_archive_output *output,
                                              struct ax_archive_writer **ret_writer,
                                              struct ax_err *err);
/* Before the first file: how many bytes all files have together, roughly. It sizes the compressor
 * (by default for the largest archive), and so is part of what makes the bytes. */
void ax_archive_writer_expect(struct ax_archive_writer *writer, uint64_t bytes);
AX_CHECKED enum ax_code ax_archive_writer_file(struct ax_archive_writer *writer, struct ax_str path,
                                               uint64_t size, struct ax_err *err);
/* The file's bytes, `size` in all before the next file or the end. */
AX_CHECKED enum ax_code ax_archive_writer_data(struct ax_archive_writer *writer,
                                               struct ax_str chunk, struct ax_err *err);
AX_CHECKED enum ax_code ax_archive_writer_finish(struct ax_archive_writer *writer,
                                                 struct ax_err *err);
void ax_archive_writer_free(struct ax_archive_writer *writer);
AX_AUTO_DEFINE(struct ax_archive_writer *, ax_archive_writer_free)

#endif

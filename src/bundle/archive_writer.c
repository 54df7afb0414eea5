/* SPDX-License-Identifier: Apache-2.0 */
/* archive_writer.c - how do the same files become the same bytes?
 * Nothing of the machine goes in: no owner, no time, no order of a folder. The compressor's level
 * and threads are fixed, its window follows from the files' sizes, and it cuts its blocks by
 * content, not by how it was fed. */
#include "bundle/archive.h"

#include "bundle/archive_internal.h"
#include "bundle/manifest.h"

#include <stdio.h>
#include <string.h>
#include <zstd.h>

#define WRITER_LEVEL          15
#define WRITER_CHUNK          (128u << 10)
#define WRITER_WINDOW_LOG_MIN 17 /* one block of zstd */

struct ax_archive_writer {
    struct ax_archive_output output;
    ZSTD_CCtx *zstd;
    char *chunk;
    uint64_t written;
    uint64_t unpacked;
    uint64_t left; /* of the file that is being written */
    size_t padding;
    struct archive_seen seen;
    char last[AX_ARCHIVE_PATH_MAX];
    size_t last_len;
};

enum ax_code ax_archive_writer_new(const struct ax_archive_output *output,
                                   struct ax_archive_writer **ret_writer, struct ax_err *err)
{
    AX_AUTO(ax_archive_writer_free) struct ax_archive_writer *writer = NULL;
    enum ax_code code;

    writer = ax_try_alloc(sizeof(*writer));
    if (!writer)
        return ax_err_set(err, AX_E_NO_MEMORY, "there is no memory");
    *writer = (struct ax_archive_writer){ .output = *output };
    code = archive_seen_init(&writer->seen, err);
    if (code != AX_OK)
        return code;
    writer->chunk = ax_try_alloc(WRITER_CHUNK);
    writer->zstd = ZSTD_createCCtx();
    if (!writer->chunk || !writer->zstd)
        return ax_err_set(err, AX_E_NO_MEMORY, "there is no memory");
    ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_compressionLevel, WRITER_LEVEL);
    ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_windowLog, AX_ARCHIVE_WINDOW_LOG_MAX);
    ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_checksumFlag, 1);
    *ret_writer = AX_TAKE(writer);
    return AX_OK;
}

void ax_archive_writer_free(struct ax_archive_writer *writer)
{
    if (!writer)
        return;
    archive_seen_done(&writer->seen);
    ZSTD_freeCCtx(writer->zstd);
    free(writer->chunk);
    free(writer);
}

/* A window that holds everything, as far as that is allowed: the compressor's tables grow with it,
 * and most bundles are small. */
void ax_archive_writer_expect(struct ax_archive_writer *writer, uint64_t bytes)
{
    int log = WRITER_WINDOW_LOG_MIN;

    while (log < AX_ARCHIVE_WINDOW_LOG_MAX && bytes >> log > 0)
        log++;
    ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_windowLog, log);
}

static enum ax_code writer_compress(struct ax_archive_writer *writer, struct ax_str bytes,
                                    ZSTD_EndDirective end, struct ax_err *err)
{
    ZSTD_inBuffer in = { bytes.ptr, bytes.len, 0 };
    size_t left;

    do {
        ZSTD_outBuffer out = { writer->chunk, WRITER_CHUNK, 0 };
        enum ax_code code;

        left = ZSTD_compressStream2(writer->zstd, &out, &in, end);
        if (ZSTD_isError(left))
            return ax_err_set(err, AX_E_NO_MEMORY, "cannot compress: %s", ZSTD_getErrorName(left));
        if (out.pos > AX_ARCHIVE_BYTES_MAX - writer->written)
            return ax_err_set(err, AX_E_TOO_BIG, "the bundle is larger than 64 MiB");
        writer->written += out.pos;
        if (out.pos == 0)
            continue;
        code = writer->output.write(writer->output.arg, ax_str_make(writer->chunk, out.pos), err);
        if (code != AX_OK)
            return code;
    } while (in.pos < in.size || (end == ZSTD_e_end && left > 0));
    return AX_OK;
}

static enum ax_code writer_put(struct ax_archive_writer *writer, const void *bytes, size_t len,
                               struct ax_err *err)
{
    return writer_compress(writer, ax_str_make(bytes, len), ZSTD_e_continue, err);
}

static enum ax_code writer_put_zeros(struct ax_archive_writer *writer, size_t len,
                                     struct ax_err *err)
{
    static const char zeros[TAR_TAIL_LEAST * TAR_BLOCK];

    return writer_put(writer, zeros, len, err);
}

static size_t writer_padding_of(uint64_t size)
{
    return (size_t)((TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK);
}

/* Where to cut a path into prefix and name; 0 when it is a name, path.len when it fits nowhere. */
static size_t writer_cut(struct ax_str path)
{
    if (path.len <= TAR_NAME)
        return 0;
    for (size_t i = path.len - TAR_NAME - 1; i <= TAR_PREFIX && i < path.len - 1; i++)
        if (path.ptr[i] == '/')
            return i;
    return path.len;
}

static enum ax_code writer_put_header(struct ax_archive_writer *writer, char type,
                                      struct ax_str path, uint64_t size, struct ax_err *err)
{
    struct tar_header header = { .type = type };
    size_t cut = writer_cut(path);
    char text[16];

    if (cut == path.len) /* a PAX header stands before it and says the whole path */
        path.len = TAR_NAME;
    else if (cut > 0)
        memcpy(header.prefix, path.ptr, cut);
    if (cut > 0 && cut < path.len)
        path = ax_str_from(path, cut + 1);
    memcpy(header.name, path.ptr, path.len);
    memcpy(header.mode, "0000644", 8);
    memcpy(header.uid, "0000000", 8);
    memcpy(header.gid, "0000000", 8);
    memcpy(header.mtime, "00000000000", 12);
    memcpy(header.magic, "ustar", 6);
    memcpy(header.version, "00", 2);
    memcpy(header.major, "0000000", 8);
    memcpy(header.minor, "0000000", 8);
    snprintf(text, sizeof(text), "%011llo", (unsigned long long)size);
    memcpy(header.size, text, sizeof(header.size));
    snprintf(text, sizeof(text), "%06o", tar_checksum(&header));
    memcpy(header.checksum, text, 7);
    header.checksum[7] = ' ';
    return writer_put(writer, &header, sizeof(header), err);
}

/* A PAX header whose one record is the path; the record counts its own length. */
static enum ax_code writer_put_pax(struct ax_archive_writer *writer, struct ax_str path,
                                   struct ax_err *err)
{
    char record[TAR_PAX_MAX];
    size_t len = path.len + sizeof("path=\n ") - 1 + 3; /* 101..512 + 7: always three digits */
    enum ax_code code;

    snprintf(record, sizeof(record), "%zu path=%.*s\n", len, AX_STR_FMT(path));
    code = writer_put_header(writer, TAR_PAX, AX_STR("pax"), len, err);
    if (code == AX_OK)
        code = writer_put(writer, record, len, err);
    if (code == AX_OK)
        code = writer_put_zeros(writer, writer_padding_of(len), err);
    return code;
}

static enum ax_code writer_check(struct ax_archive_writer *writer, struct ax_str path,
                                 uint64_t size, struct ax_err *err)
{
    const char *fault = ax_archive_path_fault(path);
    bool first = writer->seen.count == 0;
    enum ax_code code;

    if (fault)
        return ax_err_set(err, AX_E_INVALID_BUNDLE, "a path is refused: %s", fault);
    if (first != ax_str_eq(path, AX_STR("manifest.json")))
        return ax_err_set(err, AX_E_INVALID_BUNDLE, "manifest.json must be the first file");
    if (writer->seen.count > 1 &&
        ax_str_cmp(ax_str_make(writer->last, writer->last_len), path) >= 0)
        return ax_err_set(err, AX_E_INVALID_BUNDLE, "%.*s: the files are not sorted",
                          AX_STR_FMT(path));
    if (first && size > AX_MANIFEST_BYTES_MAX)
        return ax_err_set(err, AX_E_TOO_BIG, "manifest.json is larger than 64 KiB");
    if (size > AX_ARCHIVE_UNPACKED_MAX - writer->unpacked)
        return ax_err_set(err, AX_E_TOO_BIG, "the bundle unpacks to more than 256 MiB");
    code = archive_seen_add(&writer->seen, path, err);
    if (code != AX_OK)
        return code;
    memcpy(writer->last, path.ptr, path.len);
    writer->last_len = path.len;
    return AX_OK;
}

/* Padding of the file before. */
static enum ax_code writer_end_file(struct ax_archive_writer *writer, struct ax_err *err)
{
    size_t padding = writer->padding;

    if (writer->left > 0)
        return ax_err_set(err, AX_E_IO, "%.*s has fewer bytes than it said", (int)writer->last_len,
                          writer->last);
    writer->padding = 0;
    return writer_put_zeros(writer, padding, err);
}

enum ax_code ax_archive_writer_file(struct ax_archive_writer *writer, struct ax_str path,
                                    uint64_t size, struct ax_err *err)
{
    enum ax_code code = writer_end_file(writer, err);

    if (code == AX_OK)
        code = writer_check(writer, path, size, err);
    if (code == AX_OK && writer_cut(path) == path.len)
        code = writer_put_pax(writer, path, err);
    if (code == AX_OK)
        code = writer_put_header(writer, TAR_FILE, path, size, err);
    if (code != AX_OK)
        return code;
    writer->unpacked += size;
    writer->left = size;
    writer->padding = writer_padding_of(size);
    return AX_OK;
}

enum ax_code ax_archive_writer_data(struct ax_archive_writer *writer, struct ax_str chunk,
                                    struct ax_err *err)
{
    if (chunk.len > writer->left)
        return ax_err_set(err, AX_E_IO, "%.*s has more bytes than it said", (int)writer->last_len,
                          writer->last);
    writer->left -= chunk.len;
    return writer_put(writer, chunk.ptr, chunk.len, err);
}

enum ax_code ax_archive_writer_finish(struct ax_archive_writer *writer, struct ax_err *err)
{
    enum ax_code code = writer_end_file(writer, err);

    if (code == AX_OK)
        code = writer_put_zeros(writer, TAR_TAIL_LEAST * TAR_BLOCK, err);
    if (code == AX_OK)
        code = writer_compress(writer, AX_STR_NONE, ZSTD_e_end, err);
    return code;
}

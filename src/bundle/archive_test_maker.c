/* SPDX-License-Identifier: Apache-2.0 */
/* archive_test_maker.c - how do tests make archives that nobody should make? */
#include "bundle/archive_test_maker.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <zstd.h>

#define MAKER_OUT_MAX (96u << 20)

void maker_init(struct maker *maker, const struct maker_frame *frame)
{
    static const struct maker_frame good;
    ZSTD_CCtx *zstd = ZSTD_createCCtx();

    frame = frame ? frame : &good;
    ax_buf_init(&maker->out, MAKER_OUT_MAX);
    ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, 1);
    ZSTD_CCtx_setParameter(zstd, ZSTD_c_windowLog, frame->window_log ? frame->window_log : 20);
    ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, !frame->no_checksum);
    if (frame->say_size)
        ZSTD_CCtx_setPledgedSrcSize(zstd, frame->size);
    maker->zstd = zstd;
}

void maker_done(struct maker *maker)
{
    ZSTD_freeCCtx(maker->zstd);
    ax_buf_done(&maker->out);
}

static void maker_compress(struct maker *maker, const void *bytes, size_t len,
                           ZSTD_EndDirective end)
{
    ZSTD_inBuffer in = { bytes, len, 0 };
    size_t left;

    do {
        char *room = NULL;
        ZSTD_outBuffer out;

        if (ax_buf_reserve(&maker->out, 64u << 10, &room) != AX_OK)
            abort();
        out = (ZSTD_outBuffer){ room, 64u << 10, 0 };
        left = ZSTD_compressStream2(maker->zstd, &out, &in, end);
        if (ZSTD_isError(left))
            abort();
        ax_buf_advance(&maker->out, out.pos);
    } while (in.pos < in.size || (end == ZSTD_e_end && left > 0));
}

void maker_put(struct maker *maker, const void *bytes, size_t len)
{
    maker_compress(maker, bytes, len, ZSTD_e_continue);
}

void maker_put_zeros(struct maker *maker, uint64_t len)
{
    static const char zeros[1u << 16];

    while (len > 0) {
        size_t take = len < sizeof(zeros) ? (size_t)len : sizeof(zeros);

        maker_put(maker, zeros, take);
        len -= take;
    }
}

struct tar_header maker_header(struct ax_str name, char type, uint64_t size)
{
    struct tar_header header = { .type = type };
    char text[32];

    memcpy(header.name, name.ptr, name.len < TAR_NAME ? name.len : TAR_NAME);
    memcpy(header.mode, "0000644", 8);
    memcpy(header.uid, "0000000", 8);
    memcpy(header.gid, "0000000", 8);
    memcpy(header.mtime, "00000000000", 12);
    memcpy(header.magic, "ustar", 6);
    memcpy(header.version, "00", 2);
    snprintf(text, sizeof(text), "%011llo", (unsigned long long)size);
    memcpy(header.size, text, 12);
    return header;
}

void maker_put_header(struct maker *maker, struct tar_header *header)
{
    char text[16];

    snprintf(text, sizeof(text), "%06o", tar_checksum(header));
    memcpy(header->checksum, text, 7);
    header->checksum[7] = ' ';
    maker_put(maker, header, sizeof(*header));
}

void maker_put_body(struct maker *maker, struct ax_str bytes)
{
    maker_put(maker, bytes.ptr, bytes.len);
    maker_put_zeros(maker, (TAR_BLOCK - bytes.len % TAR_BLOCK) % TAR_BLOCK);
}

void maker_put_file(struct maker *maker, struct ax_str path, struct ax_str bytes)
{
    struct tar_header header = maker_header(path, TAR_FILE, bytes.len);

    assert(path.len <= TAR_NAME);
    maker_put_header(maker, &header);
    maker_put_body(maker, bytes);
}

void maker_put_manifest(struct maker *maker)
{
    maker_put_file(maker, AX_STR("manifest.json"), AX_STR("{}"));
}

void maker_put_pax(struct maker *maker, struct ax_str records)
{
    struct tar_header header = maker_header(AX_STR("pax"), TAR_PAX, records.len);

    maker_put_header(maker, &header);
    maker_put_body(maker, records);
}

void maker_pax_record(struct ax_buf *records, const char *key, struct ax_str value)
{
    size_t rest = strlen(key) + value.len + 3;
    size_t len = rest + 1;

    for (size_t power = 10; len >= power; power *= 10)
        len++;
    ax_buf_printf(records, "%zu %s=", len, key);
    ax_buf_append_str(records, value);
    ax_buf_append_byte(records, '\n');
}

void maker_end_frame(struct maker *maker)
{
    maker_compress(maker, NULL, 0, ZSTD_e_end);
}

void maker_end(struct maker *maker)
{
    maker_put_zeros(maker, TAR_TAIL_LEAST * TAR_BLOCK);
    maker_end_frame(maker);
}

static enum ax_code seen_on_file(void *arg, struct ax_str path, uint64_t size, struct ax_err *err)
{
    struct maker_seen *seen = arg;

    (void)err;
    seen->files++;
    ax_buf_printf(&seen->log, "%.*s:%llu\n", AX_STR_FMT(path), (unsigned long long)size);
    return AX_OK;
}

static enum ax_code seen_on_data(void *arg, struct ax_str chunk, struct ax_err *err)
{
    struct maker_seen *seen = arg;

    (void)err;
    assert(chunk.len > 0);
    seen->bytes += chunk.len;
    if (seen->bytes < 4096)
        ax_buf_append_str(&seen->log, chunk);
    return AX_OK;
}

static enum ax_code seen_on_file_end(void *arg, struct ax_err *err)
{
    struct maker_seen *seen = arg;

    (void)err;
    ax_buf_append_str(&seen->log, AX_STR(".\n"));
    return AX_OK;
}

enum ax_code maker_read(struct ax_str archive, size_t step, struct maker_seen *seen,
                        struct ax_err *err)
{
    struct ax_archive_events events = {
        .on_file = seen_on_file,
        .on_data = seen_on_data,
        .on_file_end = seen_on_file_end,
        .arg = seen,
    };
    AX_AUTO(ax_archive_reader_free) struct ax_archive_reader *reader = NULL;
    enum ax_code code = ax_archive_reader_new(&events, &reader, err);

    *seen = (struct maker_seen){ .log = { .max = 1u << 20 } };
    while (code == AX_OK && archive.len > 0) {
        size_t take = step > 0 && step < archive.len ? step : archive.len;

        code = ax_archive_reader_push(reader, ax_str_sub(archive, 0, take), err);
        archive = ax_str_from(archive, take);
    }
    return code == AX_OK ? ax_archive_reader_finish(reader, err) : code;
}

enum ax_code maker_judge(struct maker *maker, struct ax_err *err)
{
    struct maker_seen seen;
    enum ax_code code = maker_read(ax_buf_str(&maker->out), 0, &seen, err);

    ax_buf_done(&seen.log);
    return code;
}

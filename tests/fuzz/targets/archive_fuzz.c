/* SPDX-License-Identifier: Apache-2.0 */
/* archive_fuzz.c - does an archive say the same whole and in pieces, and only what it may?
 * The first byte chooses: the rest is compressed bytes, or a tar archive that we compress here,
 * because no mutation keeps zstd's checksum right. */
#include "bundle/archive.h"

#include "fuzz.h"

#include <string.h>
#include <zstd.h>

/* What a reading said, for comparison with another one. */
struct said {
    struct ax_buf log;
    size_t files;
    uint64_t sizes; /* announced */
    uint64_t bytes; /* given */
    bool open;
};

static enum ax_code said_on_file(void *arg, struct ax_str path, uint64_t size, struct ax_err *err)
{
    struct said *said = arg;

    (void)err;
    FUZZ_HOLDS(!said->open && !ax_archive_path_fault(path));
    FUZZ_HOLDS(said->files > 0 || ax_str_eq(path, AX_STR("manifest.json")));
    said->open = true;
    said->files++;
    said->sizes += size;
    FUZZ_HOLDS(said->files <= AX_ARCHIVE_ENTRIES_MAX && said->sizes <= AX_ARCHIVE_UNPACKED_MAX);
    ax_buf_printf(&said->log, "%.*s\n", AX_STR_FMT(path));
    return AX_OK;
}

static enum ax_code said_on_data(void *arg, struct ax_str chunk, struct ax_err *err)
{
    struct said *said = arg;

    (void)err;
    FUZZ_HOLDS(said->open && chunk.len > 0);
    said->bytes += chunk.len;
    ax_buf_append_str(&said->log, chunk);
    return AX_OK;
}

static enum ax_code said_on_file_end(void *arg, struct ax_err *err)
{
    struct said *said = arg;

    (void)err;
    FUZZ_HOLDS(said->open && said->bytes == said->sizes);
    said->open = false;
    return AX_OK;
}

static enum ax_code read_in_steps(struct ax_str archive, size_t step, struct said *said)
{
    struct ax_archive_events events = {
        .on_file = said_on_file,
        .on_data = said_on_data,
        .on_file_end = said_on_file_end,
        .arg = said,
    };
    AX_AUTO(ax_archive_reader_free) struct ax_archive_reader *reader = NULL;
    enum ax_code code = ax_archive_reader_new(&events, &reader, NULL);

    FUZZ_HOLDS(code == AX_OK);
    *said = (struct said){ .log = { .max = 1u << 20 } };
    while (code == AX_OK && archive.len > 0) {
        size_t take = step < archive.len ? step : archive.len;

        code = ax_archive_reader_push(reader, ax_str_sub(archive, 0, take), NULL);
        archive = ax_str_from(archive, take);
    }
    return code == AX_OK ? ax_archive_reader_finish(reader, NULL) : code;
}

static void check(struct ax_str archive)
{
    struct said whole;
    struct said pieces;
    enum ax_code code = read_in_steps(archive, SIZE_MAX, &whole);
    enum ax_code again = read_in_steps(archive, 7, &pieces);

    FUZZ_HOLDS(code == AX_OK || code == AX_E_INVALID_BUNDLE || code == AX_E_TOO_BIG);
    FUZZ_HOLDS((code == AX_OK) == (again == AX_OK));
    if (code == AX_OK) {
        FUZZ_HOLDS(!whole.open && whole.files > 0 && whole.bytes == whole.sizes);
        FUZZ_HOLDS(whole.files == pieces.files && whole.bytes == pieces.bytes);
        FUZZ_HOLDS(ax_str_eq(ax_buf_str(&whole.log), ax_buf_str(&pieces.log)));
    }
    ax_buf_done(&whole.log);
    ax_buf_done(&pieces.log);
}

static void check_tar(struct ax_str tar)
{
    static ZSTD_CCtx *zstd;
    size_t room_len = ZSTD_compressBound(tar.len);
    char *room = malloc(room_len);
    size_t len;

    if (!zstd)
        zstd = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1);
    ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, 1);
    len = ZSTD_compress2(zstd, room, room_len, tar.ptr, tar.len);
    FUZZ_HOLDS(!ZSTD_isError(len));
    check(ax_str_make(room, len));
    free(room);
}

/* The header that stands at the place gets the checksum that it should have: otherwise no mutation
 * of a header would ever be looked at. */
static void repair(char *tar, size_t len)
{
    for (size_t at = 0; at + 512 <= len; at += 512) {
        char *header = tar + at;
        unsigned sum = 0;

        if (memcmp(header + 257, "ustar", 5) != 0)
            continue;
        memset(header + 148, ' ', 8);
        for (size_t i = 0; i < 512; i++)
            sum += (unsigned char)header[i];
        for (int i = 5; i >= 0; i--, sum >>= 3)
            header[148 + i] = (char)('0' + (sum & 7));
        header[154] = '\0';
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *tar;

    if (size == 0)
        return 0;
    if (data[0] % 2 == 0) {
        check(ax_str_make(data + 1, size - 1));
        return 0;
    }
    tar = malloc(size);
    memcpy(tar, data + 1, size - 1);
    repair(tar, size - 1);
    check_tar(ax_str_make(tar, size - 1));
    free(tar);
    return 0;
}

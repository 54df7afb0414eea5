/* SPDX-License-Identifier: Apache-2.0 */
/* archive_reader.c - which files lie in a bundle, judged while they pass?
 *
 * compressed bytes --> frame header --> libzstd --> blocks:
 *
 *   HEADER --> PAX --> HEADER --> DATA --> PADDING --> HEADER ... --> TAIL
 *
 * Nothing is skipped and nothing repaired: a byte that this reader has no use for refuses all. */
#include "bundle/archive.h"

#include "bundle/archive_internal.h"
#include "bundle/manifest.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#define READER_CHUNK    (128u << 10)
#define READER_FD_CHUNK (256u << 10)

enum reader_state { READER_HEADER, READER_PAX, READER_DATA, READER_PADDING, READER_TAIL };

struct reader_pax {
    bool there;
    bool has_path;
    bool has_size;
    uint64_t size;
    size_t path_len;
    char path[AX_ARCHIVE_PATH_MAX];
};

struct ax_archive_reader {
    struct ax_archive_events events;
    ZSTD_DCtx *zstd;
    char *chunk; /* what libzstd writes into */
    uint64_t taken;
    char head[ARCHIVE_FRAME_HEAD_MAX];
    size_t head_len;
    bool framed; /* the frame's header is judged and inside libzstd */
    bool ended;  /* the frame is complete */

    enum reader_state state;
    char block[TAR_PAX_MAX]; /* a header, or a PAX header's body with its padding */
    size_t block_len;
    size_t block_want;
    size_t pax_len;
    struct reader_pax pax;
    uint64_t left;  /* of the file */
    size_t padding; /* after it */
    size_t tail;    /* zeros after the last file */
    uint64_t unpacked;
    struct archive_seen seen;
};

static enum ax_code reader_bad(const struct ax_archive_reader *reader, struct ax_err *err,
                               const char *words)
{
    return ax_err_set(err, AX_E_INVALID_BUNDLE, "entry %zu of the archive: %s",
                      reader->seen.count + 1, words);
}

enum ax_code ax_archive_reader_new(const struct ax_archive_events *events,
                                   struct ax_archive_reader **ret_reader, struct ax_err *err)
{
    AX_AUTO(ax_archive_reader_free) struct ax_archive_reader *reader = NULL;
    enum ax_code code;

    reader = ax_try_alloc(sizeof(*reader));
    if (!reader)
        return ax_err_set(err, AX_E_NO_MEMORY, "there is no memory");
    *reader = (struct ax_archive_reader){ .events = *events, .block_want = TAR_BLOCK };
    code = archive_seen_init(&reader->seen, err);
    if (code != AX_OK)
        return code;
    reader->chunk = ax_try_alloc(READER_CHUNK);
    reader->zstd = ZSTD_createDCtx();
    if (!reader->chunk || !reader->zstd)
        return ax_err_set(err, AX_E_NO_MEMORY, "there is no memory");
    ZSTD_DCtx_setParameter(reader->zstd, ZSTD_d_windowLogMax, AX_ARCHIVE_WINDOW_LOG_MAX);
    *ret_reader = AX_TAKE(reader);
    return AX_OK;
}

void ax_archive_reader_free(struct ax_archive_reader *reader)
{
    if (!reader)
        return;
    archive_seen_done(&reader->seen);
    ZSTD_freeDCtx(reader->zstd);
    free(reader->chunk);
    free(reader);
}

/* --- the fields of a header --- */

unsigned tar_checksum(const struct tar_header *header)
{
    const uint8_t *bytes = (const uint8_t *)header;
    unsigned sum = 0;

    for (size_t i = 0; i < TAR_BLOCK; i++)
        sum += bytes[i];
    for (size_t i = 0; i < sizeof(header->checksum); i++)
        sum += (unsigned)' ' - (uint8_t)header->checksum[i];
    return sum;
}

static bool bytes_are_zero(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != '\0')
            return false;
    return true;
}

/* Octal digits, then at least one NUL or space up to the end of the field. A field may be empty
 * (all NUL) where that means nothing. */
static bool field_is_octal(const char *field, size_t len, bool may_be_empty, uint64_t *ret_value)
{
    uint64_t value = 0;
    size_t digits = 0;

    while (digits < len && field[digits] >= '0' && field[digits] <= '7')
        value = value << 3 | (uint64_t)(field[digits++] - '0');
    *ret_value = value;
    if (digits == 0)
        return may_be_empty && bytes_are_zero(field, len);
    for (size_t i = digits; i < len; i++)
        if (field[i] != '\0' && field[i] != ' ')
            return false;
    return digits < len;
}

/* Text up to the first NUL; what follows must be NUL too, so that nobody reads another name. */
static bool field_is_text(const char *field, size_t len, struct ax_str *ret_text)
{
    *ret_text = ax_str_make(field, strnlen(field, len));
    return bytes_are_zero(field + ret_text->len, len - ret_text->len);
}

/* What is wrong with this header by itself; NULL when nothing is. */
static const char *header_fault(const struct tar_header *header, uint64_t *ret_size)
{
    struct ax_str text;
    uint64_t value;

    if (!field_is_octal(header->checksum, sizeof(header->checksum), false, &value) ||
        value != tar_checksum(header))
        return "its header does not match its checksum";
    if (memcmp(header->magic, "ustar", 6) != 0 || memcmp(header->version, "00", 2) != 0)
        return "its header is not ustar";
    if (header->type != TAR_FILE && header->type != TAR_PAX)
        return "it is not a regular file (folders are implied, links and devices refused)";
    if (!field_is_octal(header->mode, sizeof(header->mode), true, &value) ||
        !field_is_octal(header->uid, sizeof(header->uid), true, &value) ||
        !field_is_octal(header->gid, sizeof(header->gid), true, &value) ||
        !field_is_octal(header->mtime, sizeof(header->mtime), true, &value) ||
        !field_is_octal(header->major, sizeof(header->major), true, &value) ||
        !field_is_octal(header->minor, sizeof(header->minor), true, &value) ||
        !field_is_octal(header->size, sizeof(header->size), false, ret_size))
        return "a number in its header is not octal";
    if (!field_is_text(header->name, sizeof(header->name), &text) ||
        !field_is_text(header->prefix, sizeof(header->prefix), &text) ||
        !field_is_text(header->user, sizeof(header->user), &text) ||
        !field_is_text(header->group, sizeof(header->group), &text))
        return "a text in its header goes on after a NUL";
    if (!bytes_are_zero(header->link, sizeof(header->link)))
        return "it names a link";
    if (!bytes_are_zero(header->rest, sizeof(header->rest)))
        return "its header has bytes that mean nothing";
    return NULL;
}

/* The path of a file: PAX before ustar. `room` holds prefix and name. */
static struct ax_str header_path(const struct ax_archive_reader *reader,
                                 const struct tar_header *header,
                                 char room[TAR_PREFIX + 1 + TAR_NAME])
{
    size_t name_len = strnlen(header->name, sizeof(header->name));
    size_t prefix_len = strnlen(header->prefix, sizeof(header->prefix));
    size_t len = 0;

    if (reader->pax.has_path)
        return ax_str_make(reader->pax.path, reader->pax.path_len);
    if (prefix_len > 0) {
        memcpy(room, header->prefix, prefix_len);
        room[prefix_len] = '/';
        len = prefix_len + 1;
    }
    memcpy(room + len, header->name, name_len);
    return ax_str_make(room, len + name_len);
}

/* --- PAX --- */

static enum ax_code pax_record(struct ax_archive_reader *reader, struct ax_str key,
                               struct ax_str value, struct ax_err *err)
{
    struct reader_pax *pax = &reader->pax;

    if (ax_str_eq(key, AX_STR("path")) && !pax->has_path) {
        const char *fault = ax_archive_path_fault(value);

        if (fault)
            return ax_err_set(err, AX_E_INVALID_BUNDLE,
                              "entry %zu of the archive: its path is refused: %s",
                              reader->seen.count + 1, fault);
        memcpy(pax->path, value.ptr, value.len);
        pax->path_len = value.len;
        pax->has_path = true;
        return AX_OK;
    }
    if (ax_str_eq(key, AX_STR("size")) && !pax->has_size) {
        if (!ax_str_to_u64(value, UINT64_MAX, &pax->size))
            return reader_bad(reader, err, "its PAX size is not a number");
        pax->has_size = true;
        return AX_OK;
    }
    return reader_bad(reader, err, "its PAX header has a key other than path and size, or twice");
}

/* Records of the form "<length> <key>=<value>\n", where length counts the whole record. */
static enum ax_code pax_read(struct ax_archive_reader *reader, struct ax_err *err)
{
    struct ax_str rest = ax_str_make(reader->block, reader->pax_len);

    while (rest.len > 0) {
        struct ax_str digits = ax_str_sub(rest, 0, ax_str_find(rest, ' '));
        struct ax_str record;
        struct ax_str key;
        uint64_t len = 0;
        enum ax_code code;

        if (!ax_str_to_u64(digits, rest.len, &len) || len < digits.len + 4 ||
            rest.ptr[len - 1] != '\n')
            return reader_bad(reader, err, "its PAX header is malformed");
        record = ax_str_sub(rest, digits.len + 1, (size_t)len - 1);
        key = ax_str_cut(&record, '=');
        if (!record.ptr)
            return reader_bad(reader, err, "its PAX header is malformed");
        code = pax_record(reader, key, record, err);
        if (code != AX_OK)
            return code;
        rest = ax_str_from(rest, (size_t)len);
    }
    if (!bytes_are_zero(reader->block + reader->pax_len, reader->block_want - reader->pax_len))
        return reader_bad(reader, err, "its PAX header is not padded with zeros");
    reader->pax.there = true;
    return AX_OK;
}

/* --- blocks --- */

static void reader_want_header(struct ax_archive_reader *reader)
{
    reader->state = READER_HEADER;
    reader->block_len = 0;
    reader->block_want = TAR_BLOCK;
}

static size_t reader_padding_of(uint64_t size)
{
    return (size_t)((TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK);
}

static enum ax_code reader_end_file(struct ax_archive_reader *reader, struct ax_err *err)
{
    reader->state = READER_PADDING;
    if (reader->padding == 0)
        reader_want_header(reader);
    return reader->events.on_file_end(reader->events.arg, err);
}

static enum ax_code reader_begin_pax(struct ax_archive_reader *reader, uint64_t size,
                                     struct ax_err *err)
{
    if (reader->pax.there)
        return reader_bad(reader, err, "two PAX headers stand before it");
    if (size == 0 || size > TAR_PAX_MAX)
        return reader_bad(reader, err, "its PAX header is empty or larger than 1,024 bytes");
    reader->state = READER_PAX;
    reader->block_len = 0;
    reader->pax_len = (size_t)size;
    reader->block_want = (size_t)size + reader_padding_of(size);
    return AX_OK;
}

static enum ax_code reader_begin_file(struct ax_archive_reader *reader,
                                      const struct tar_header *header, uint64_t size,
                                      struct ax_err *err)
{
    char room[TAR_PREFIX + 1 + TAR_NAME];
    struct ax_str path = header_path(reader, header, room);
    const char *fault = ax_archive_path_fault(path);
    struct ax_str manifest = AX_STR("manifest.json");
    enum ax_code code;

    if (fault)
        return ax_err_set(err, AX_E_INVALID_BUNDLE,
                          "entry %zu of the archive: its path is refused: %s",
                          reader->seen.count + 1, fault);
    if (reader->pax.has_size && reader->pax.size != size)
        return reader_bad(reader, err, "its PAX size and its header disagree");
    if (reader->seen.count == 0 && !ax_str_eq(path, manifest))
        return ax_err_set(err, AX_E_INVALID_BUNDLE, "manifest.json is not the first file");
    code = archive_seen_add(&reader->seen, path, err);
    if (code != AX_OK)
        return code;
    if (reader->seen.count == 1 && size > AX_MANIFEST_BYTES_MAX)
        return ax_err_set(err, AX_E_TOO_BIG, "manifest.json is larger than 64 KiB");
    if (size > AX_ARCHIVE_UNPACKED_MAX - reader->unpacked)
        return ax_err_set(err, AX_E_TOO_BIG, "the bundle unpacks to more than 256 MiB");
    reader->unpacked += size;
    reader->left = size;
    reader->padding = reader_padding_of(size);
    code = reader->events.on_file(reader->events.arg, path, size, err);
    memset(&reader->pax, 0, offsetof(struct reader_pax, path)); /* the path only now: borrowed */
    if (code != AX_OK)
        return code;
    reader->state = READER_DATA;
    return size > 0 ? AX_OK : reader_end_file(reader, err);
}

static enum ax_code reader_take_header(struct ax_archive_reader *reader, struct ax_err *err)
{
    struct tar_header header;
    const char *fault;
    uint64_t size = 0;

    memcpy(&header, reader->block, sizeof(header));
    reader->block_len = 0;
    if (bytes_are_zero(reader->block, TAR_BLOCK)) {
        if (reader->pax.there)
            return reader_bad(reader, err, "a PAX header stands before nothing");
        reader->state = READER_TAIL;
        reader->tail = TAR_BLOCK;
        return AX_OK;
    }
    fault = header_fault(&header, &size);
    if (fault)
        return reader_bad(reader, err, fault);
    return header.type == TAR_PAX ? reader_begin_pax(reader, size, err)
                                  : reader_begin_file(reader, &header, size, err);
}

static enum ax_code reader_take_block(struct ax_archive_reader *reader, struct ax_err *err)
{
    enum ax_code code;

    if (reader->state == READER_HEADER)
        return reader_take_header(reader, err);
    code = pax_read(reader, err);
    reader_want_header(reader);
    return code;
}

/* Takes some of `bytes`; *ret_took says how many, at least one. */
static enum ax_code reader_step(struct ax_archive_reader *reader, struct ax_str bytes,
                                size_t *ret_took, struct ax_err *err)
{
    size_t took = bytes.len;
    enum ax_code code = AX_OK;

    switch (reader->state) {
    case READER_HEADER:
    case READER_PAX:
        if (took > reader->block_want - reader->block_len)
            took = reader->block_want - reader->block_len;
        memcpy(reader->block + reader->block_len, bytes.ptr, took);
        reader->block_len += took;
        if (reader->block_len == reader->block_want)
            code = reader_take_block(reader, err);
        break;
    case READER_DATA:
        if (took > reader->left)
            took = (size_t)reader->left;
        reader->left -= took;
        code = reader->events.on_data(reader->events.arg, ax_str_sub(bytes, 0, took), err);
        if (code == AX_OK && reader->left == 0)
            code = reader_end_file(reader, err);
        break;
    case READER_PADDING:
        if (took > reader->padding)
            took = reader->padding;
        reader->padding -= took;
        if (!bytes_are_zero(bytes.ptr, took))
            code = reader_bad(reader, err, "the file before it is not padded with zeros");
        if (reader->padding == 0)
            reader_want_header(reader);
        break;
    case READER_TAIL:
        reader->tail += took;
        if (!bytes_are_zero(bytes.ptr, took) || reader->tail > TAR_TAIL_MAX)
            code = ax_err_set(err, AX_E_INVALID_BUNDLE, "something follows the end of the archive");
        break;
    }
    *ret_took = took;
    return code;
}

static enum ax_code reader_take(struct ax_archive_reader *reader, struct ax_str bytes,
                                struct ax_err *err)
{
    while (bytes.len > 0) {
        size_t took = 0;
        enum ax_code code = reader_step(reader, bytes, &took, err);

        if (code != AX_OK)
            return code;
        bytes = ax_str_from(bytes, took);
    }
    return AX_OK;
}

/* --- compressed bytes --- */

static enum ax_code reader_decompress(struct ax_archive_reader *reader, struct ax_str bytes,
                                      struct ax_err *err)
{
    ZSTD_inBuffer in = { bytes.ptr, bytes.len, 0 };
    ZSTD_outBuffer out;

    do {
        size_t left;
        enum ax_code code;

        out = (ZSTD_outBuffer){ reader->chunk, READER_CHUNK, 0 };
        if (reader->ended)
            return ax_err_set(err, AX_E_INVALID_BUNDLE, "something follows the zstd frame");
        left = ZSTD_decompressStream(reader->zstd, &out, &in);
        if (ZSTD_isError(left))
            return ax_err_set(err, AX_E_INVALID_BUNDLE, "the zstd frame is damaged");
        reader->ended = left == 0;
        code = reader_take(reader, ax_str_make(reader->chunk, out.pos), err);
        if (code != AX_OK)
            return code;
    } while (in.pos < in.size || (out.pos == out.size && !reader->ended));
    return AX_OK;
}

enum ax_code ax_archive_reader_push(struct ax_archive_reader *reader, struct ax_str bytes,
                                    struct ax_err *err)
{
    if (bytes.len > AX_ARCHIVE_BYTES_MAX - reader->taken)
        return ax_err_set(err, AX_E_TOO_BIG, "the bundle is larger than 64 MiB");
    reader->taken += bytes.len;
    while (!reader->framed && bytes.len > 0) {
        size_t need = 0;
        enum ax_code code;

        reader->head[reader->head_len++] = bytes.ptr[0];
        bytes = ax_str_from(bytes, 1);
        code = archive_frame_judge(ax_str_make(reader->head, reader->head_len), &need, err);
        if (code != AX_OK)
            return code;
        if (need > reader->head_len)
            continue;
        reader->framed = true;
        code = reader_decompress(reader, ax_str_make(reader->head, reader->head_len), err);
        if (code != AX_OK)
            return code;
    }
    return bytes.len > 0 ? reader_decompress(reader, bytes, err) : AX_OK;
}

enum ax_code ax_archive_reader_finish(struct ax_archive_reader *reader, struct ax_err *err)
{
    if (!reader->ended)
        return ax_err_set(err, AX_E_INVALID_BUNDLE, "the bundle ends before its zstd frame does");
    if (reader->state != READER_TAIL || reader->tail < TAR_TAIL_LEAST * TAR_BLOCK ||
        reader->tail % TAR_BLOCK != 0)
        return ax_err_set(err, AX_E_INVALID_BUNDLE, "the archive is cut off");
    if (reader->seen.count == 0)
        return ax_err_set(err, AX_E_INVALID_BUNDLE, "manifest.json is missing");
    return AX_OK;
}

enum ax_code ax_archive_read_fd(int fd, uint64_t size, const struct ax_archive_events *events,
                                struct ax_err *err)
{
    AX_AUTO(ax_archive_reader_free) struct ax_archive_reader *reader = NULL;
    AX_AUTO_FREE char *chunk = NULL;
    uint64_t at = 0;
    enum ax_code code;

    if (size > AX_ARCHIVE_BYTES_MAX)
        return ax_err_set(err, AX_E_TOO_BIG, "the bundle is larger than 64 MiB");
    code = ax_archive_reader_new(events, &reader, err);
    chunk = ax_try_alloc(READER_FD_CHUNK);
    if (code == AX_OK && !chunk)
        code = ax_err_set(err, AX_E_NO_MEMORY, "there is no memory");
    while (code == AX_OK && at < size) {
        size_t want = size - at < READER_FD_CHUNK ? (size_t)(size - at) : READER_FD_CHUNK;
        ssize_t got = pread(fd, chunk, want, (off_t)at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return ax_err_set(err, AX_E_IO, "cannot read the bundle: %s",
                              got < 0 ? strerror(errno) : "it ends before its size");
        at += (uint64_t)got;
        code = ax_archive_reader_push(reader, ax_str_make(chunk, (size_t)got), err);
    }
    return code == AX_OK ? ax_archive_reader_finish(reader, err) : code;
}

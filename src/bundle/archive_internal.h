/* SPDX-License-Identifier: Apache-2.0 */
/* archive_internal.h - what do reading and writing an archive share? */
#ifndef AX_BUNDLE_ARCHIVE_INTERNAL_H
#define AX_BUNDLE_ARCHIVE_INTERNAL_H

#include "base/arena.h"
#include "bundle/archive.h"

#define TAR_BLOCK      512
#define TAR_NAME       100
#define TAR_PREFIX     155
#define TAR_PAX_MAX    1024
#define TAR_TAIL_MAX   10240 /* zeros after the last file: one record of tar */
#define TAR_FILE       '0'
#define TAR_PAX        'x'
#define TAR_TAIL_LEAST 2 /* blocks of zeros that end an archive */

/* One header block as it lies in the archive. */
struct tar_header {
    char name[TAR_NAME];
    char mode[8];
    char uid[8];
    char gid[8];
    char size[12];
    char mtime[12];
    char checksum[8];
    char type;
    char link[100];
    char magic[6];
    char version[2];
    char user[32];
    char group[32];
    char major[8];
    char minor[8];
    char prefix[TAR_PREFIX];
    char rest[12];
};
_Static_assert(sizeof(struct tar_header) == TAR_BLOCK, "a header is one block");

/* Sum of a header's bytes with its checksum field taken as spaces. */
unsigned tar_checksum(const struct tar_header *header);

/* The paths so far, so that no two are equal ignoring case, and none is a folder of another. */
struct archive_seen {
    struct ax_arena arena;
    struct ax_str *paths; /* folded and sorted; AX_ARCHIVE_ENTRIES_MAX */
    size_t count;
};
AX_CHECKED enum ax_code archive_seen_init(struct archive_seen *seen, struct ax_err *err);
void archive_seen_done(struct archive_seen *seen);
/* AX_E_TOO_BIG for one entry too many, AX_E_INVALID_BUNDLE for a clash, AX_E_NO_MEMORY. */
AX_CHECKED enum ax_code archive_seen_add(struct archive_seen *seen, struct ax_str path,
                                         struct ax_err *err);

/* Judges the first bytes of a zstd frame. *ret_need is how many that takes: when it is more than
 * bytes.len, come again with as many (AX_OK so far). Never more than ARCHIVE_FRAME_HEAD_MAX. */
#define ARCHIVE_FRAME_HEAD_MAX 14
AX_CHECKED enum ax_code archive_frame_judge(struct ax_str bytes, size_t *ret_need,
                                            struct ax_err *err);

#endif

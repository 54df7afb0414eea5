/* SPDX-License-Identifier: Apache-2.0 */
/* cache_private.h - what do the cache's own files share? Nobody else includes it. */
#ifndef AX_RUNNER_CACHE_PRIVATE_H
#define AX_RUNNER_CACHE_PRIVATE_H

#include "runner/cache.h"

#define CACHE_MAC        32
#define CACHE_DEPTH      24                      /* deeper than any path of a bundle */
#define CACHE_NAME       (2 * AX_CACHE_HASH + 1) /* a hash in hex, terminated */
#define CACHE_BLOCK      4096                    /* what a file takes at least */
#define CACHE_TMP_PREFIX ".tmp-"
#define CACHE_TMP_NAME   (sizeof(CACHE_TMP_PREFIX) + 16)

struct ax_cache {
    int root_fd;
    uint8_t key[AX_CACHE_KEY];
    uint8_t engine_digest[32];
    char target[128];
    char code_name[160]; /* "precompiled/<target>.cwasm" */
};

/* --- cache_index.c: index.json --- */

struct cache_index_file {
    struct ax_str path;
    uint64_t size;
    uint8_t sha256[AX_CACHE_HASH];
};

/* Appends index.json with its MAC. */
enum ax_code cache_index_write(const struct ax_cache *cache, const uint8_t hash[AX_CACHE_HASH],
                               const struct ax_cache_put *put, const struct cache_index_file *files,
                               struct ax_buf *buf);
/* Checks the MAC, then reads what a load needs. AX_E_INVALID_BUNDLE, AX_E_NO_MEMORY. */
AX_CHECKED enum ax_code cache_index_read(const struct ax_cache *cache,
                                         const uint8_t hash[AX_CACHE_HASH], struct ax_str text,
                                         struct ax_cache_entry *entry, struct ax_err *err);
/* The MAC of machine code. */
void cache_code_mac(const struct ax_cache *cache, const uint8_t hash[AX_CACHE_HASH],
                    const uint8_t wasm_sha256[AX_CACHE_HASH], struct ax_str code,
                    uint8_t ret_mac[CACHE_MAC]);

/* --- cache_file.c: files and folders of the cache --- */

void cache_name(const uint8_t hash[AX_CACHE_HASH], char room[CACHE_NAME]);
/* A descriptor of the entry's folder, or -1 with errno. */
int cache_open_entry(const struct ax_cache *cache, const uint8_t hash[AX_CACHE_HASH]);
/* Appends the whole file, at most `max` bytes, to `buf`. AX_E_NOT_FOUND, AX_E_TOO_BIG,
 * AX_E_INVALID_BUNDLE (not a plain file), AX_E_IO, AX_E_NO_MEMORY. */
AX_CHECKED enum ax_code cache_file_read(int dir_fd, const char *path, size_t max,
                                        struct ax_buf *buf);
/* Creates a file that is not there yet, with the parts one after the other, and waits until the
 * disk has it. AX_E_TOO_BIG: the disk is full. AX_E_IO. */
AX_CHECKED enum ax_code cache_file_write(int dir_fd, const char *path, const struct ax_str *parts,
                                         size_t count);
/* A new, locked temporary folder. */
AX_CHECKED enum ax_code cache_tmp_new(const struct ax_cache *cache, char room[CACHE_TMP_NAME],
                                      int *ret_fd);
/* Removes a folder, file or link of the root with all that is in it. */
void cache_remove(int parent_fd, const char *name, unsigned depth_left);
/* Is the disk full, or is it something else? */
enum ax_code cache_errno_code(int error);

#endif

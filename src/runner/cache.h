/* SPDX-License-Identifier: Apache-2.0 */
/* cache.h - what do we keep on disk so that a bundle is fetched and compiled once?
 *
 *     <root>/<hash>/index.json                      size, SHA-256, media type of every file; the
 *                                                   manifest and the envelope; a MAC over itself
 *     <root>/<hash>/entry.wasm, <root>/<hash>/ui/...
 *     <root>/<hash>/precompiled/<target>.cwasm      machine code, a MAC as its last 32 bytes
 *     <root>/.tmp-<16 hex>/                         an entry being written or removed
 *
 * Nothing on this disk is believed without its MAC. An entry appears and disappears by one rename;
 * whoever works inside a temporary folder holds a lock on it, so that a folder without one was left
 * by a process that died. The object never changes after ax_cache_open() and all its functions
 * block: call them in jobs, on any thread. */
#ifndef AX_RUNNER_CACHE_H
#define AX_RUNNER_CACHE_H

#include "base/alloc.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "runner/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AX_CACHE_HASH       32
#define AX_CACHE_KEY        32
#define AX_CACHE_CODE_MAX   (512u << 20) /* machine code of one bundle */
#define AX_CACHE_INDEX_MAX  (8u << 20)
#define AX_CACHE_SCAN_MAX   65536 /* entries that a cache may have */
#define AX_CACHE_ENTRY_WASM "entry.wasm"

/* Reads `<state>/cache.key` into `key`. When it is missing or not 32 bytes in a file of ours that
 * nobody else may read, a new one is made, which makes all older entries worthless. AX_E_IO: the
 * new key could not be kept; `key` is good for as long as this process lives. Blocks. */
AX_CHECKED enum ax_code ax_cache_key(int state_fd, uint8_t key[AX_CACHE_KEY], bool *ret_is_new);

struct ax_cache;

/* `target` and `engine_digest` name the engine whose machine code is kept (engine.h). `root_fd` is
 * duplicated; NULL when that fails. */
struct ax_cache *ax_cache_open(int root_fd, const uint8_t key[AX_CACHE_KEY], const char *target,
                               const uint8_t engine_digest[32]);
void ax_cache_free(struct ax_cache *cache); /* NULL is fine */
AX_AUTO_DEFINE(struct ax_cache *, ax_cache_free)

struct ax_cache_entry {
    enum ax_abi abi;
    struct ax_buf manifest;             /* the exact bytes of manifest.json */
    struct ax_buf envelope;             /* of bundle.dsse.json; empty: none was asked for */
    uint64_t size;                      /* of the bundle */
    uint64_t bytes;                     /* what the entry takes on disk */
    uint8_t wasm_sha256[AX_CACHE_HASH]; /* zero without a module */
    int code_fd;                        /* sealed memfd with machine code; -1 without a module */
};

/* Reads an entry, everything in it that counts checked: the index by its MAC, the code by its own
 * over the sealed copy that is handed out. On AX_OK *ret_entry is yours: ax_cache_entry_done().
 * AX_E_NOT_FOUND: no entry. AX_E_INVALID_BUNDLE: there is one that does not verify: drop it.
 * AX_E_IO: this machine refused memory or a descriptor; the entry may be good. */
AX_CHECKED enum ax_code ax_cache_read(const struct ax_cache *cache,
                                      const uint8_t hash[AX_CACHE_HASH],
                                      struct ax_cache_entry *ret_entry, struct ax_err *err);
void ax_cache_entry_done(struct ax_cache_entry *entry); /* zero-initialised with code_fd -1: fine */

struct ax_cache_file {
    struct ax_str path; /* "entry.wasm" or "ui/..." */
    uint64_t size;
};

struct ax_cache_put { /* everything is borrowed */
    enum ax_abi abi;
    struct ax_str manifest, envelope;
    uint64_t size;              /* of the bundle */
    const uint8_t *wasm_sha256; /* NULL without a module */
    struct ax_str code;
    const struct ax_cache_file *files;
    size_t file_count;
    struct ax_str pack; /* the files' bytes, one after the other, nothing else */
};

/* What an entry will take on disk. */
uint64_t ax_cache_cost(const struct ax_cache_put *put);

/* Writes an entry, which takes the place of an older one. AX_E_TOO_BIG: the disk (or a quota) is
 * full; AX_E_INVALID_BUNDLE: a path or a digest is not what it must be; AX_E_IO. Whatever happens,
 * no half entry stays. */
AX_CHECKED enum ax_code ax_cache_write(const struct ax_cache *cache,
                                       const uint8_t hash[AX_CACHE_HASH],
                                       const struct ax_cache_put *put, struct ax_err *err);

/* Can the cache be written at this moment? Writes, syncs and removes a small file in a temporary
 * folder. AX_E_TOO_BIG: the disk is full; AX_E_IO. */
AX_CHECKED enum ax_code ax_cache_probe(const struct ax_cache *cache);

/* Removes an entry; readers that have it open keep what they have. AX_OK also when there is none. */
enum ax_code ax_cache_drop(const struct ax_cache *cache, const uint8_t hash[AX_CACHE_HASH]);

struct ax_cache_found {
    uint8_t hash[AX_CACHE_HASH];
    uint64_t bytes;
    int64_t used_ns; /* when it was last read or written, by the file system's clock */
};

/* Looks at all entries: removes what dead processes left and what does not verify (by the index
 * alone), also what is beyond AX_CACHE_SCAN_MAX; leaves names alone that are not ours. *ret_found
 * is yours (free). */
AX_CHECKED enum ax_code ax_cache_scan(const struct ax_cache *cache,
                                      struct ax_cache_found **ret_found, size_t *ret_count);

#endif

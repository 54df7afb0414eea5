/* SPDX-License-Identifier: Apache-2.0 */
/* cache.c - what do we keep on disk so that a bundle is fetched and compiled once? */
#include "runner/cache.h"

#include "crypto/random.h"
#include "crypto/sha256.h"
#include "runner/cache_private.h"
#include "store/beneath.h"
#include "store/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_FILE "cache.key"
#define KEY_TMP  "cache.key.tmp"

/* --- the key --- */

static bool key_read(int state_fd, uint8_t key[AX_CACHE_KEY])
{
    AX_AUTO_FD int fd = ax_open_beneath(state_fd, KEY_FILE, O_RDONLY | O_NONBLOCK, 0);
    struct stat st;

    /* A key that others could read or that somebody else made proves nothing. */
    return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == AX_CACHE_KEY &&
           st.st_uid == geteuid() && (st.st_mode & 077) == 0 &&
           read(fd, key, AX_CACHE_KEY) == AX_CACHE_KEY;
}

enum ax_code ax_cache_key(int state_fd, uint8_t key[AX_CACHE_KEY], bool *ret_is_new)
{
    struct ax_str part = ax_str_make(key, AX_CACHE_KEY);
    enum ax_code code;

    *ret_is_new = !key_read(state_fd, key);
    if (!*ret_is_new)
        return AX_OK;
    ax_random(key, AX_CACHE_KEY);
    unlinkat(state_fd, KEY_TMP, 0); /* of a process that died here */
    code = cache_file_write(state_fd, KEY_TMP, &part, 1);
    if (code == AX_OK && renameat(state_fd, KEY_TMP, state_fd, KEY_FILE) != 0)
        code = AX_E_IO;
    if (code == AX_OK && fsync(state_fd) != 0)
        code = AX_E_IO;
    return code == AX_OK ? AX_OK : AX_E_IO;
}

struct ax_cache *ax_cache_open(int root_fd, const uint8_t key[AX_CACHE_KEY], const char *target,
                               const uint8_t engine_digest[32])
{
    struct ax_cache *cache;
    int fd = fcntl(root_fd, F_DUPFD_CLOEXEC, 0);

    if (fd < 0)
        return NULL;
    cache = ax_alloc(sizeof(*cache));
    cache->root_fd = fd;
    memcpy(cache->key, key, AX_CACHE_KEY);
    memcpy(cache->engine_digest, engine_digest, sizeof(cache->engine_digest));
    snprintf(cache->target, sizeof(cache->target), "%s", target);
    snprintf(cache->code_name, sizeof(cache->code_name), "precompiled/%s.cwasm", cache->target);
    return cache;
}

void ax_cache_free(struct ax_cache *cache)
{
    if (!cache)
        return;
    ax_fd_close(&cache->root_fd);
    ax_wipe(cache->key, sizeof(cache->key));
    free(cache);
}

/* --- reading --- */

void ax_cache_entry_done(struct ax_cache_entry *entry)
{
    ax_buf_done(&entry->manifest);
    ax_buf_done(&entry->envelope);
    ax_fd_close(&entry->code_fd);
}

static enum ax_code read_all(int fd, void *room, size_t len, off_t at)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = pread(fd, (char *)room + done, len - done, at + (off_t)done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? AX_E_INVALID_BUNDLE : AX_E_IO;
        done += (size_t)n;
    }
    return AX_OK;
}

/* Copies the code into a memfd and judges the copy: what happens to the file meanwhile or later
 * changes nothing. */
static enum ax_code read_code(const struct ax_cache *cache, const uint8_t hash[AX_CACHE_HASH],
                              int dir_fd, struct ax_cache_entry *entry)
{
    AX_AUTO_FD int fd = ax_open_beneath(dir_fd, cache->code_name, O_RDONLY | O_NONBLOCK, 0);
    AX_AUTO_MEMFD struct ax_memfd memfd = AX_MEMFD_NONE;
    uint8_t told[CACHE_MAC], mac[CACHE_MAC];
    enum ax_code code;
    struct stat st;

    if (fd < 0)
        return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? AX_E_IO
                                                                     : AX_E_INVALID_BUNDLE;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size <= CACHE_MAC ||
        st.st_size > (off_t)AX_CACHE_CODE_MAX + CACHE_MAC)
        return AX_E_INVALID_BUNDLE;
    code = ax_memfd_new("annex-code", (size_t)st.st_size - CACHE_MAC, &memfd);
    if (code == AX_OK)
        code = read_all(fd, memfd.ptr, memfd.size, 0);
    if (code == AX_OK)
        code = read_all(fd, told, sizeof(told), (off_t)memfd.size);
    if (code != AX_OK)
        return code;
    cache_code_mac(cache, hash, entry->wasm_sha256, ax_memfd_str(&memfd), mac);
    if (!ax_str_eq_secret(ax_str_make(mac, sizeof(mac)), ax_str_make(told, sizeof(told))))
        return AX_E_INVALID_BUNDLE;
    code = ax_memfd_seal(&memfd, memfd.size);
    if (code == AX_OK)
        entry->code_fd = ax_memfd_take(&memfd);
    return code;
}

static enum ax_code read_entry(const struct ax_cache *cache, const uint8_t hash[AX_CACHE_HASH],
                               int dir_fd, struct ax_cache_entry *entry, struct ax_err *err)
{
    AX_AUTO_BUF struct ax_buf text = { .max = AX_CACHE_INDEX_MAX + 1 };
    enum ax_code code = cache_file_read(dir_fd, "index.json", AX_CACHE_INDEX_MAX, &text);

    if (code == AX_E_IO || code == AX_E_NO_MEMORY)
        return ax_err_set(err, code, "index.json cannot be read");
    if (code != AX_OK)
        return ax_err_set(err, AX_E_INVALID_BUNDLE, "there is no usable index.json");
    code = cache_index_read(cache, hash, ax_buf_str(&text), entry, err);
    if (code != AX_OK)
        return code;
    if (entry->abi != AX_ABI_NONE)
        code = read_code(cache, hash, dir_fd, entry);
    if (code != AX_OK)
        return ax_err_set(err, code, "the machine code %s",
                          code == AX_E_IO ? "cannot be read" : "does not verify");
    /* The order of use survives a restart as the folder's time; losing one is no harm. */
    (void)futimens(dir_fd, NULL);
    return AX_OK;
}

enum ax_code ax_cache_read(const struct ax_cache *cache, const uint8_t hash[AX_CACHE_HASH],
                           struct ax_cache_entry *ret_entry, struct ax_err *err)
{
    struct ax_cache_entry entry = { .code_fd = -1 };
    AX_AUTO_FD int dir_fd = cache_open_entry(cache, hash);
    enum ax_code code;

    if (dir_fd < 0 && errno == ENOENT)
        return ax_err_set(err, AX_E_NOT_FOUND, "the cache has no such entry");
    if (dir_fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
        return ax_err_set(err, AX_E_IO, "no descriptor or memory is left");
    if (dir_fd < 0)
        return ax_err_set(err, AX_E_INVALID_BUNDLE, "the entry is not a folder that we can open");
    code = read_entry(cache, hash, dir_fd, &entry, err);
    if (code != AX_OK) {
        ax_cache_entry_done(&entry);
        return code;
    }
    *ret_entry = entry;
    return AX_OK;
}

/* --- writing --- */

static uint64_t cost_of(uint64_t size)
{
    return (size + CACHE_BLOCK) / CACHE_BLOCK * CACHE_BLOCK;
}

uint64_t ax_cache_cost(const struct ax_cache_put *put)
{
    /* The index and the folders, by their usual size. */
    uint64_t bytes = 2 * CACHE_BLOCK + cost_of(put->manifest.len + put->envelope.len);

    for (size_t i = 0; i < put->file_count; i++)
        bytes += cost_of(put->files[i].size);
    return put->abi == AX_ABI_NONE ? bytes : bytes + cost_of(put->code.len + CACHE_MAC);
}

static enum ax_code write_folders(int dir_fd, struct ax_str path)
{
    char room[512 + 1];

    for (size_t i = 0; i < path.len; i++) {
        if (path.ptr[i] == '/') {
            room[i] = '\0';
            if (mkdirat(dir_fd, room, 0700) != 0 && errno != EEXIST)
                return cache_errno_code(errno);
        }
        room[i] = path.ptr[i];
    }
    return AX_OK;
}

static enum ax_code write_file(int dir_fd, struct ax_str path, struct ax_str bytes)
{
    char name[512 + 1];
    enum ax_code code = write_folders(dir_fd, path);

    memcpy(name, path.ptr, path.len);
    name[path.len] = '\0';
    return code == AX_OK ? cache_file_write(dir_fd, name, &bytes, 1) : code;
}

static bool write_is_ours(struct ax_str path)
{
    return path.len <= 512 && memchr(path.ptr, 0, path.len) == NULL &&
           (ax_str_eq(path, AX_STR(AX_CACHE_ENTRY_WASM)) || ax_str_starts(path, AX_STR("ui/")));
}

/* The digests in the index are of the bytes that we write, whatever anybody said about them. */
static enum ax_code write_files(int dir_fd, const struct ax_cache_put *put,
                                struct cache_index_file *index)
{
    size_t at = 0;

    for (size_t i = 0; i < put->file_count; i++) {
        const struct ax_cache_file *file = &put->files[i];
        struct ax_str bytes;
        enum ax_code code;

        if (!write_is_ours(file->path) || file->size > put->pack.len - at)
            return AX_E_INVALID_BUNDLE;
        bytes = ax_str_sub(put->pack, at, at + (size_t)file->size);
        at += (size_t)file->size;
        index[i].path = file->path;
        index[i].size = file->size;
        ax_sha256(bytes, index[i].sha256);
        if (ax_str_eq(file->path, AX_STR(AX_CACHE_ENTRY_WASM)) &&
            (!put->wasm_sha256 || memcmp(index[i].sha256, put->wasm_sha256, AX_CACHE_HASH) != 0))
            return AX_E_INVALID_BUNDLE;
        code = write_file(dir_fd, file->path, bytes);
        if (code != AX_OK)
            return code;
    }
    return at == put->pack.len ? AX_OK : AX_E_INVALID_BUNDLE;
}

static enum ax_code write_code(const struct ax_cache *cache, const uint8_t hash[AX_CACHE_HASH],
                               int dir_fd, const struct ax_cache_put *put)
{
    uint8_t mac[CACHE_MAC] = { 0 };
    const struct ax_str parts[] = { put->code, ax_str_make(mac, sizeof(mac)) };

    cache_code_mac(cache, hash, put->wasm_sha256, put->code, mac);
    if (mkdirat(dir_fd, "precompiled", 0700) != 0)
        return cache_errno_code(errno);
    return cache_file_write(dir_fd, cache->code_name, parts, AX_ARRAY_LEN(parts));
}

/* Files are synced one by one, their folders are not: after a power loss a file may be missing,
 * which its user sees by the index and fetches the bundle again. */
static enum ax_code write_entry(const struct ax_cache *cache, const uint8_t hash[AX_CACHE_HASH],
                                int dir_fd, const struct ax_cache_put *put)
{
    AX_AUTO_BUF struct ax_buf text = { .max = AX_CACHE_INDEX_MAX };
    AX_AUTO_FREE struct cache_index_file *index = ax_try_alloc((put->file_count + 1) *
                                                               sizeof(*index));
    enum ax_code code = index ? write_files(dir_fd, put, index) : AX_E_NO_MEMORY;
    struct ax_str part;

    if (code == AX_OK && put->abi != AX_ABI_NONE)
        code = write_code(cache, hash, dir_fd, put);
    if (code == AX_OK)
        code = cache_index_write(cache, hash, put, index, &text);
    part = ax_buf_str(&text);
    if (code == AX_OK)
        code = cache_file_write(dir_fd, "index.json", &part, 1); /* last: it makes the entry one */
    if (code == AX_OK && fsync(dir_fd) != 0)
        code = cache_errno_code(errno);
    return code;
}

static enum ax_code write_publish(const struct ax_cache *cache, const uint8_t hash[AX_CACHE_HASH],
                                  const char *tmp)
{
    char name[CACHE_NAME];

    cache_name(hash, name);
    for (int attempt = 0; attempt < 2; attempt++) {
        if (renameat(cache->root_fd, tmp, cache->root_fd, name) == 0)
            return fsync(cache->root_fd) == 0 ? AX_OK : cache_errno_code(errno);
        if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
            break;
        if (ax_cache_drop(cache, hash) != AX_OK) /* an older entry, or something in its place */
            return AX_E_IO;
    }
    return cache_errno_code(errno);
}

enum ax_code ax_cache_write(const struct ax_cache *cache, const uint8_t hash[AX_CACHE_HASH],
                            const struct ax_cache_put *put, struct ax_err *err)
{
    char tmp[CACHE_TMP_NAME];
    AX_AUTO_FD int dir_fd = -1;
    enum ax_code code = cache_tmp_new(cache, tmp, &dir_fd);

    if (code != AX_OK)
        return ax_err_set(err, code, "the cache takes no new folder");
    code = write_entry(cache, hash, dir_fd, put);
    if (code == AX_OK)
        code = write_publish(cache, hash, tmp);
    if (code != AX_OK)
        cache_remove(cache->root_fd, tmp, CACHE_DEPTH);
    if (code == AX_E_TOO_BIG)
        return ax_err_set(err, code, "the disk of the cache is full");
    return code == AX_OK ? AX_OK : ax_err_set(err, code, "the entry cannot be written");
}

enum ax_code ax_cache_probe(const struct ax_cache *cache)
{
    static const char page[4096] = { 0 };
    const struct ax_str part = { page, sizeof(page) };
    char tmp[CACHE_TMP_NAME];
    AX_AUTO_FD int dir_fd = -1;
    enum ax_code code = cache_tmp_new(cache, tmp, &dir_fd);

    if (code != AX_OK)
        return code;
    code = cache_file_write(dir_fd, "probe", &part, 1);
    cache_remove(cache->root_fd, tmp, CACHE_DEPTH);
    return code;
}

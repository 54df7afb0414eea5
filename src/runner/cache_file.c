/* SPDX-License-Identifier: Apache-2.0 */
/* cache_file.c - how do the cache's files and folders come, and go for good? */
#include "base/base64.h"
#include "crypto/random.h"
#include "runner/cache_private.h"
#include "store/beneath.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

void cache_name(const uint8_t hash[AX_CACHE_HASH], char room[CACHE_NAME])
{
    ax_hex_encode(room, hash, AX_CACHE_HASH);
    room[CACHE_NAME - 1] = '\0';
}

enum ax_code cache_errno_code(int error)
{
    /* EFBIG: a limit on file sizes is to us what a full disk is. */
    return error == ENOSPC || error == EDQUOT || error == EFBIG ? AX_E_TOO_BIG : AX_E_IO;
}

int cache_open_entry(const struct ax_cache *cache, const uint8_t hash[AX_CACHE_HASH])
{
    char name[CACHE_NAME];

    cache_name(hash, name);
    return ax_open_beneath(cache->root_fd, name, O_RDONLY | O_DIRECTORY, 0);
}

enum ax_code cache_file_read(int dir_fd, const char *path, size_t max, struct ax_buf *buf)
{
    AX_AUTO_FD int fd = ax_open_beneath(dir_fd, path, O_RDONLY | O_NONBLOCK, 0);
    struct stat st;

    if (fd < 0)
        return errno == ENOENT ? AX_E_NOT_FOUND : errno == ELOOP ? AX_E_INVALID_BUNDLE : AX_E_IO;
    if (fstat(fd, &st) != 0)
        return AX_E_IO;
    if (!S_ISREG(st.st_mode))
        return AX_E_INVALID_BUNDLE;
    if ((uint64_t)st.st_size > max)
        return AX_E_TOO_BIG;
    for (;;) {
        char *room = NULL;
        /* One more byte than there should be: a file that grew is not what its index says. */
        size_t want = (size_t)st.st_size + 1 > buf->len ? (size_t)st.st_size + 1 - buf->len : 1;
        enum ax_code code = ax_buf_reserve(buf, want, &room);
        ssize_t n;

        if (code != AX_OK)
            return code;
        n = read(fd, room, want);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return AX_E_IO;
        if (n == 0)
            break;
        ax_buf_advance(buf, (size_t)n);
    }
    return AX_OK;
}

static enum ax_code file_write_part(int fd, struct ax_str part)
{
    while (part.len > 0) {
        ssize_t n = write(fd, part.ptr, part.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return cache_errno_code(errno);
        part = ax_str_from(part, (size_t)n);
    }
    return AX_OK;
}

enum ax_code cache_file_write(int dir_fd, const char *path, const struct ax_str *parts,
                              size_t count)
{
    AX_AUTO_FD int fd = ax_open_beneath(dir_fd, path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    enum ax_code code = AX_OK;

    if (fd < 0)
        return cache_errno_code(errno);
    for (size_t i = 0; i < count && code == AX_OK; i++)
        code = file_write_part(fd, parts[i]);
    if (code == AX_OK && fsync(fd) != 0)
        code = cache_errno_code(errno);
    return code;
}

static void tmp_name(char room[CACHE_TMP_NAME])
{
    uint8_t bytes[8];

    ax_random(bytes, sizeof(bytes));
    memcpy(room, CACHE_TMP_PREFIX, sizeof(CACHE_TMP_PREFIX) - 1);
    ax_hex_encode(room + sizeof(CACHE_TMP_PREFIX) - 1, bytes, sizeof(bytes));
    room[CACHE_TMP_NAME - 1] = '\0';
}

enum ax_code cache_tmp_new(const struct ax_cache *cache, char room[CACHE_TMP_NAME], int *ret_fd)
{
    AX_AUTO_FD int fd = -1;

    tmp_name(room);
    if (mkdirat(cache->root_fd, room, 0700) != 0)
        return cache_errno_code(errno);
    fd = ax_open_beneath(cache->root_fd, room, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0) {
        unlinkat(cache->root_fd, room, AT_REMOVEDIR);
        return AX_E_IO;
    }
    *ret_fd = fd;
    fd = -1;
    return AX_OK;
}

static void remove_contents(int fd, unsigned depth_left)
{
    DIR *dir = fdopendir(fd); /* takes the descriptor */
    const struct dirent *item;

    if (!dir) {
        close(fd);
        return;
    }
    while ((item = readdir(dir)) != NULL) {
        if (strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0)
            cache_remove(dirfd(dir), item->d_name, depth_left);
    }
    closedir(dir);
}

void cache_remove(int parent_fd, const char *name, unsigned depth_left)
{
    int fd;

    if (unlinkat(parent_fd, name, 0) == 0 || errno == ENOENT || depth_left == 0)
        return;
    fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0)
        remove_contents(fd, depth_left - 1);
    unlinkat(parent_fd, name, AT_REMOVEDIR);
}

enum ax_code ax_cache_drop(const struct ax_cache *cache, const uint8_t hash[AX_CACHE_HASH])
{
    char name[CACHE_NAME], tmp[CACHE_TMP_NAME];
    AX_AUTO_FD int fd = cache_open_entry(cache, hash);

    if (fd < 0 && errno == ENOENT)
        return AX_OK;
    if (fd >= 0)
        (void)flock(fd, LOCK_EX | LOCK_NB); /* another process that removes it too is no harm */
    cache_name(hash, name);
    tmp_name(tmp);
    /* One rename first: at no moment is there half an entry under the hash. */
    if (renameat(cache->root_fd, name, cache->root_fd, tmp) != 0)
        return errno == ENOENT ? AX_OK : AX_E_IO;
    cache_remove(cache->root_fd, tmp, CACHE_DEPTH);
    return AX_OK;
}

/* --- the scan --- */

struct scan {
    const struct ax_cache *cache;
    struct ax_cache_found *found;
    size_t count, cap;
};

static bool scan_is_hex(const char *text, size_t len)
{
    return strlen(text) == len && strspn(text, "0123456789abcdef") == len;
}

static void scan_tmp(const struct scan *scan, const char *name)
{
    AX_AUTO_FD int fd = ax_open_beneath(scan->cache->root_fd, name, O_RDONLY | O_DIRECTORY, 0);

    if (fd < 0 && errno != ENOTDIR && errno != ELOOP)
        return;
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0)
        return; /* somebody alive works in it */
    cache_remove(scan->cache->root_fd, name, CACHE_DEPTH);
}

static void scan_keep(struct scan *scan, const struct ax_cache_found *found)
{
    if (scan->count == scan->cap) {
        size_t cap = scan->cap ? 2 * scan->cap : 64;
        struct ax_cache_found *grown = ax_try_realloc(scan->found, cap * sizeof(*grown));

        if (!grown)
            return; /* not counted, so never evicted; a read still finds it */
        scan->found = grown;
        scan->cap = cap;
    }
    scan->found[scan->count++] = *found;
}

static void scan_entry(struct scan *scan, const char *name)
{
    struct ax_cache_found found = { .bytes = 0 };
    struct ax_cache_entry entry = { .code_fd = -1 };
    AX_AUTO_BUF struct ax_buf text = { .max = AX_CACHE_INDEX_MAX + 1 };
    AX_AUTO_FD int fd = -1;
    enum ax_code code = AX_E_IO;
    struct stat st;

    if (!ax_hex_decode(found.hash, sizeof(found.hash), ax_str_of(name)))
        return;
    fd = cache_open_entry(scan->cache, found.hash);
    if (fd < 0)
        code = errno == ENOTDIR || errno == ELOOP ? AX_E_INVALID_BUNDLE : AX_E_IO;
    else
        code = cache_file_read(fd, "index.json", AX_CACHE_INDEX_MAX, &text);
    if (code == AX_OK)
        code = cache_index_read(scan->cache, found.hash, ax_buf_str(&text), &entry, NULL);
    found.bytes = entry.bytes;
    if (fd >= 0 && fstat(fd, &st) == 0)
        found.used_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    ax_cache_entry_done(&entry);
    if (code == AX_OK && scan->count < AX_CACHE_SCAN_MAX)
        scan_keep(scan, &found);
    else if (code != AX_E_IO && code != AX_E_NO_MEMORY)
        (void)ax_cache_drop(scan->cache, found.hash);
}

enum ax_code ax_cache_scan(const struct ax_cache *cache, struct ax_cache_found **ret_found,
                           size_t *ret_count)
{
    struct scan scan = { .cache = cache };
    int fd = openat(cache->root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *item;

    if (!dir) {
        ax_fd_close(&fd);
        return AX_E_IO;
    }
    while ((item = readdir(dir)) != NULL) {
        const char *name = item->d_name;
        size_t prefix = sizeof(CACHE_TMP_PREFIX) - 1;

        if (strncmp(name, CACHE_TMP_PREFIX, prefix) == 0 && scan_is_hex(name + prefix, 16))
            scan_tmp(&scan, name);
        else if (scan_is_hex(name, CACHE_NAME - 1))
            scan_entry(&scan, name);
    }
    closedir(dir);
    *ret_found = scan.found;
    *ret_count = scan.count;
    return AX_OK;
}

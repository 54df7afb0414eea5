/* SPDX-License-Identifier: Apache-2.0 */
/* pack.c - how does a folder become a bundle?
 * The manifest says which files belong; they are found, sorted, written, and what was written is
 * read back by the rules that every reader applies. */
#include "bundle/bundle.h"

#include "base/buf.h"
#include "crypto/sha256.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PACK_CHUNK (128u << 10)

struct pack {
    int dir;
    int out;
    struct ax_manifest *manifest;
    char *paths[AX_ARCHIVE_ENTRIES_MAX]; /* beside manifest.json */
    size_t count;
    struct ax_sha256 sha;
    uint64_t written;
    struct ax_err *err;
};

/* Opens what lies below the folder; never through a symbolic link. -1 and errno on failure. */
static int pack_open(const struct pack *pack, const char *path, int flags)
{
    int all = flags & O_PATH ? flags | O_CLOEXEC
                             : flags | O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    struct open_how how = {
        .flags = (uint64_t)(unsigned)all,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };

    return (int)syscall(SYS_openat2, pack->dir, path, &how, sizeof(how));
}

static enum ax_code pack_fault(const struct pack *pack, const char *path)
{
    int why = errno;

    if (why == ENOENT)
        return ax_err_set(pack->err, AX_E_NOT_FOUND, "%s: the folder does not hold it", path);
    if (why == ELOOP)
        return ax_err_set(pack->err, AX_E_INVALID_BUNDLE, "%s: symbolic links are refused", path);
    return ax_err_set(pack->err, AX_E_IO, "%s: %s", path, strerror(why));
}

/* Opens a regular file and says how large it is. */
static enum ax_code pack_open_file(const struct pack *pack, const char *path, int *ret_fd,
                                   uint64_t *ret_size)
{
    AX_AUTO_FD int fd = pack_open(pack, path, 0);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return pack_fault(pack, path);
    if (!S_ISREG(st.st_mode))
        return ax_err_set(pack->err, AX_E_INVALID_BUNDLE, "%s: not a regular file", path);
    *ret_size = (uint64_t)st.st_size;
    *ret_fd = fd;
    fd = -1;
    return AX_OK;
}

/* Calls `take` with all bytes of a file; fails when there are not `size` of them. */
static enum ax_code pack_read(const struct pack *pack, const char *path, int fd, uint64_t size,
                              enum ax_code (*take)(void *arg, struct ax_str chunk,
                                                   struct ax_err *err),
                              void *arg)
{
    AX_AUTO_FREE char *chunk = ax_alloc(PACK_CHUNK);
    uint64_t at = 0;

    for (;;) {
        ssize_t got = read(fd, chunk, PACK_CHUNK);
        enum ax_code code;

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return pack_fault(pack, path);
        if (got == 0)
            break;
        at += (uint64_t)got;
        code = take(arg, ax_str_make(chunk, (size_t)got), pack->err);
        if (code != AX_OK)
            return code;
    }
    return at == size ? AX_OK
                      : ax_err_set(pack->err, AX_E_IO, "%s: it changed while it was read", path);
}

static enum ax_code pack_take_text(void *arg, struct ax_str chunk, struct ax_err *err)
{
    enum ax_code code = ax_buf_append_str(arg, chunk);

    return code == AX_OK ? code : ax_err_set(err, code, "manifest.json is larger than 64 KiB");
}

static enum ax_code pack_read_manifest(struct pack *pack)
{
    AX_AUTO_BUF struct ax_buf text = { .max = AX_MANIFEST_BYTES_MAX };
    AX_AUTO_FD int fd = -1;
    uint64_t size = 0;
    enum ax_code code = pack_open_file(pack, "manifest.json", &fd, &size);

    if (code == AX_OK)
        code = pack_read(pack, "manifest.json", fd, size, pack_take_text, &text);
    if (code == AX_OK)
        code = ax_manifest_parse(ax_buf_str(&text), &pack->manifest, pack->err);
    return code;
}

/* --- which files --- */

static enum ax_code pack_add(struct pack *pack, struct ax_str path)
{
    const char *fault = ax_archive_path_fault(path);

    if (fault)
        return ax_err_set(pack->err, AX_E_INVALID_BUNDLE,
                          "%.*s: a bundle cannot hold this name: %s", AX_STR_FMT(path), fault);
    for (size_t i = 0; i < pack->count; i++)
        if (ax_str_eq(ax_str_of(pack->paths[i]), path))
            return AX_OK;
    if (pack->count == AX_ARCHIVE_ENTRIES_MAX - 1)
        return ax_err_set(pack->err, AX_E_TOO_BIG, "the bundle would have more than %d files",
                          AX_ARCHIVE_ENTRIES_MAX);
    pack->paths[pack->count++] = ax_strdup(path);
    return AX_OK;
}

/* A link counts as being there: opening it then says why it is refused. */
static bool pack_is_there(const struct pack *pack, const char *path)
{
    AX_AUTO_FD int fd = pack_open(pack, path, O_PATH);

    return fd >= 0 || (errno != ENOENT && errno != ENOTDIR);
}

static enum ax_code pack_walk(struct pack *pack, struct ax_str folder, bool everything);

/* One name of a folder. `everything`: it belongs to the bundle; else only where "assets" says so,
 * and hidden names are passed by, as a shell's patterns do. */
static enum ax_code pack_visit(struct pack *pack, struct ax_str folder, const char *name,
                               bool everything)
{
    AX_AUTO_BUF struct ax_buf path = { .max = AX_ARCHIVE_PATH_MAX + 256 };
    AX_AUTO_FD int fd = -1;
    struct stat st;
    struct ax_str full;
    bool wanted;

    if (!everything && name[0] == '.')
        return AX_OK;
    if (folder.len > 0)
        ax_buf_printf(&path, "%.*s/", AX_STR_FMT(folder));
    ax_buf_printf(&path, "%s", name);
    if (ax_buf_append_byte(&path, '\0') != AX_OK)
        return ax_err_set(pack->err, AX_E_INVALID_BUNDLE, "%s: its path is too long", name);
    full = ax_str_of(path.ptr);
    wanted = everything || ax_manifest_is_asset(pack->manifest, full);
    fd = pack_open(pack, path.ptr, O_PATH);
    if (fd < 0 || fstat(fd, &st) < 0)
        return wanted || errno != ELOOP ? pack_fault(pack, path.ptr) : AX_OK;
    if (S_ISDIR(st.st_mode)) {
        const char *fault = ax_archive_path_fault(full);

        if (fault && !everything)
            return AX_OK;
        return fault ? pack_add(pack, full) : pack_walk(pack, full, everything);
    }
    if (!wanted || ax_str_eq(full, AX_STR("manifest.json")) ||
        ax_str_starts(full, AX_STR("precompiled/")))
        return AX_OK;
    return pack_add(pack, full);
}

static enum ax_code pack_walk(struct pack *pack, struct ax_str folder, bool everything)
{
    AX_AUTO_FREE char *path = folder.len > 0 ? ax_strdup(folder) : ax_strdup(AX_STR("."));
    enum ax_code code = AX_OK;
    struct dirent *entry;
    DIR *dir = NULL;
    int fd = pack_open(pack, path, O_DIRECTORY);

    if (fd >= 0)
        dir = fdopendir(fd);
    if (!dir) {
        code = pack_fault(pack, path);
        ax_fd_close(&fd);
        return code;
    }
    while (code == AX_OK && (entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            code = pack_visit(pack, folder, entry->d_name, everything);
    closedir(dir);
    return code;
}

/* The folder that a pattern's matches lie in: its components before the first with a wildcard. */
static struct ax_str pack_pattern_folder(struct ax_str pattern)
{
    size_t end = 0;

    for (size_t i = 0; i < pattern.len && pattern.ptr[i] != '*' && pattern.ptr[i] != '?'; i++)
        if (pattern.ptr[i] == '/')
            end = i;
    return ax_str_sub(pattern, 0, end);
}

static enum ax_code pack_collect_assets(struct pack *pack)
{
    enum ax_code code = AX_OK;

    for (size_t i = 0; code == AX_OK && i < ax_manifest_asset_count(pack->manifest); i++) {
        struct ax_str folder = pack_pattern_folder(ax_manifest_asset(pack->manifest, i));
        AX_AUTO_FREE char *path = ax_strdup(folder);

        if (folder.len == 0 || pack_is_there(pack, path))
            code = pack_walk(pack, folder, false);
    }
    return code;
}

static enum ax_code pack_collect(struct pack *pack)
{
    struct ax_str entry = ax_manifest_entry(pack->manifest);
    struct ax_str sbom = ax_manifest_sbom(pack->manifest);
    enum ax_code code = AX_OK;

    if (entry.len == 0 && pack_is_there(pack, "entry.wasm"))
        entry = AX_STR("entry.wasm");
    else if (entry.len == 0 && pack_is_there(pack, "dist/main.wasm"))
        entry = AX_STR("dist/main.wasm");
    if (entry.len > 0)
        code = pack_add(pack, entry);
    if (code == AX_OK && sbom.len > 0)
        code = pack_add(pack, sbom);
    if (code == AX_OK && pack_is_there(pack, "ui"))
        code = pack_walk(pack, AX_STR("ui"), true);
    return code == AX_OK ? pack_collect_assets(pack) : code;
}

/* --- writing --- */

static int pack_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum ax_code pack_write(void *arg, struct ax_str bytes, struct ax_err *err)
{
    struct pack *pack = arg;

    ax_sha256_update(&pack->sha, bytes.ptr, bytes.len);
    while (bytes.len > 0) {
        ssize_t put = pwrite(pack->out, bytes.ptr, bytes.len, (off_t)pack->written);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return ax_err_set(err, AX_E_IO, "cannot write the bundle: %s", strerror(errno));
        pack->written += (uint64_t)put;
        bytes = ax_str_from(bytes, (size_t)put);
    }
    return AX_OK;
}

static enum ax_code pack_take_file(void *arg, struct ax_str chunk, struct ax_err *err)
{
    return ax_archive_writer_data(arg, chunk, err);
}

static enum ax_code pack_put(struct pack *pack, struct ax_archive_writer *writer, const char *path)
{
    AX_AUTO_FD int fd = -1;
    uint64_t size = 0;
    enum ax_code code = pack_open_file(pack, path, &fd, &size);

    if (code == AX_OK)
        code = ax_archive_writer_file(writer, ax_str_of(path), size, pack->err);
    if (code == AX_OK)
        code = pack_read(pack, path, fd, size, pack_take_file, writer);
    return code;
}

/* Bytes of all files but the manifest; what cannot be opened is told by pack_put(). */
static uint64_t pack_measure(const struct pack *pack)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < pack->count; i++) {
        AX_AUTO_FD int fd = pack_open(pack, pack->paths[i], O_PATH);
        struct stat st;

        if (fd >= 0 && fstat(fd, &st) == 0)
            sum += (uint64_t)st.st_size;
    }
    return sum;
}

static enum ax_code pack_put_all(struct pack *pack)
{
    struct ax_archive_output output = { .write = pack_write, .arg = pack };
    AX_AUTO(ax_archive_writer_free) struct ax_archive_writer *writer = NULL;
    enum ax_code code = ax_archive_writer_new(&output, &writer, pack->err);

    qsort(pack->paths, pack->count, sizeof(pack->paths[0]), pack_compare);
    if (code == AX_OK)
        ax_archive_writer_expect(writer, pack_measure(pack));
    if (code == AX_OK)
        code = pack_put(pack, writer, "manifest.json");
    for (size_t i = 0; code == AX_OK && i < pack->count; i++)
        code = pack_put(pack, writer, pack->paths[i]);
    return code == AX_OK ? ax_archive_writer_finish(writer, pack->err) : code;
}

enum ax_code ax_bundle_pack(const char *dir, int out_fd, struct ax_digest *ret_hash,
                            uint64_t *ret_size, struct ax_err *err)
{
    AX_AUTO_FREE struct pack *pack = ax_alloc(sizeof(*pack));
    AX_AUTO(ax_bundle_free) struct ax_bundle *again = NULL;
    AX_AUTO_FD int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum ax_code code;

    *pack = (struct pack){ .dir = dir_fd, .out = out_fd, .err = err };
    if (dir_fd < 0)
        return pack_fault(pack, dir);
    ax_sha256_init(&pack->sha);
    code = pack_read_manifest(pack);
    if (code == AX_OK)
        code = pack_collect(pack);
    if (code == AX_OK)
        code = pack_put_all(pack);
    if (code == AX_OK)
        code = ax_bundle_read(out_fd, pack->written, NULL, NULL, &again, err);
    if (code == AX_OK) {
        ax_sha256_final(&pack->sha, ret_hash->bytes);
        *ret_size = pack->written;
    }
    for (size_t i = 0; i < pack->count; i++)
        free(pack->paths[i]);
    ax_sha256_done(&pack->sha);
    ax_manifest_free(pack->manifest);
    return code;
}

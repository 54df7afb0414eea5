/* SPDX-License-Identifier: Apache-2.0 */
/* store_dir_put.c - how does an object appear in a folder, whole or not at all?
 *
 * WRITE .put/<random> --> fsync --> make the object's folder --> LINK or RENAME --> fsync the folder
 *
 * A writer holds a lock on its unfinished file for as long as it lives; a file there that nobody
 * holds was left by one that died, and the next put removes it. The link fails when the name is
 * taken, so of two writers one wins; a replacement looks and renames under a lock on the object's
 * folder. */
#include "base/base64.h"
#include "crypto/random.h"
#include "crypto/sha256.h"
#include "store/beneath.h"
#include "store/store_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PUT_CHUNK (256u << 10)
#define PUT_TRIES 8           /* each fails only when a sweep took our file for a dead one's */
#define PUT_NAME  (2 * 8 + 1) /* 16 random digits */

struct put_file { /* the unfinished file */
    int folder;   /* .put */
    int fd;
    char name[PUT_NAME]; /* empty: none */
};

static enum ax_code put_refused(struct ax_store_put *put, const char *what)
{
    bool ours = errno == EMFILE || errno == ENFILE || errno == ENOMEM;

    return ax_err_set(&put->err, ours ? AX_E_IO : AX_E_BUNDLE_UNAVAILABLE,
                      "the store refuses %s: %s", what, strerrorname_np(errno));
}

/* Opens a folder below `dir_fd`, made if need be; its name is on disk afterwards. */
static int put_folder(int dir_fd, const char *name)
{
    if (mkdirat(dir_fd, name, 0755) != 0 && errno != EEXIST)
        return -1;
    if (fsync(dir_fd) != 0) /* whoever made it may not have come to this yet */
        return -1;
    return ax_open_beneath(dir_fd, name, O_RDONLY | O_DIRECTORY, 0);
}

/* --- the unfinished file --- */

/* Removes what dead writers left. */
static void put_sweep(int folder)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *item;

    if (!dir) {
        ax_fd_close(&fd);
        return;
    }
    while ((item = readdir(dir)) != NULL) {
        AX_AUTO_FD int left = -1;

        if (item->d_name[0] == '.')
            continue;
        left = ax_open_beneath(folder, item->d_name, O_RDONLY | O_NONBLOCK, 0);
        if (left >= 0 && flock(left, LOCK_EX | LOCK_NB) == 0)
            unlinkat(folder, item->d_name, 0);
    }
    closedir(dir);
}

static bool put_file_new(struct put_file *file)
{
    struct stat st;

    for (unsigned i = 0; i < PUT_TRIES; i++) {
        uint8_t bytes[(PUT_NAME - 1) / 2];

        ax_random(bytes, sizeof(bytes));
        ax_hex_encode(file->name, bytes, sizeof(bytes));
        file->fd = ax_open_beneath(file->folder, file->name, O_RDWR | O_CREAT | O_EXCL, 0644);
        if (file->fd < 0)
            break;
        /* Between its birth and its lock it looked like one that nobody holds. */
        if (flock(file->fd, LOCK_EX | LOCK_NB) == 0 && fstat(file->fd, &st) == 0 && st.st_nlink > 0)
            return true;
        ax_fd_close(&file->fd);
    }
    file->name[0] = '\0';
    return false;
}

static void put_file_done(struct put_file *file)
{
    if (file->name[0])
        unlinkat(file->folder, file->name, 0);
    ax_fd_close(&file->fd);
    ax_fd_close(&file->folder);
}

static enum ax_code put_write(struct ax_store_put *put, int fd, struct ax_str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return put_refused(put, "the bytes");
        bytes = ax_str_from(bytes, (size_t)n);
    }
    return AX_OK;
}

/* Copies what shall be written; its SHA-256 is that of the bytes that went to the file. */
static enum ax_code put_copy(struct ax_store_put *put, int fd, uint8_t ret_sha256[AX_SHA256_LEN])
{
    AX_AUTO_FREE char *chunk = ax_alloc(PUT_CHUNK);
    AX_AUTO_SHA256 struct ax_sha256 sha = { NULL };
    enum ax_code code = AX_OK;

    ax_sha256_init(&sha);
    for (uint64_t done = 0; code == AX_OK && done < put->size;) {
        uint64_t left = put->size - done;
        ssize_t n = pread(put->fd, chunk, left < PUT_CHUNK ? (size_t)left : PUT_CHUNK, (off_t)done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ax_err_set(&put->err, AX_E_IO, "the bytes end after %llu of %llu",
                              (unsigned long long)done, (unsigned long long)put->size);
        ax_sha256_update(&sha, chunk, (size_t)n);
        code = put_write(put, fd, ax_str_make(chunk, (size_t)n));
        done += (uint64_t)n;
    }
    ax_sha256_final(&sha, ret_sha256);
    return code;
}

static enum ax_code put_prepare(struct ax_store_put *put, struct put_file *file)
{
    const struct dir_store *dir = AX_CONTAINER_OF(put->store, struct dir_store, store);
    uint8_t sha256[AX_SHA256_LEN];
    enum ax_code code;

    file->folder = put_folder(dir->dir_fd, DIR_UNFINISHED);
    if (file->folder < 0)
        return put_refused(put, "a folder");
    put_sweep(file->folder);
    if (!put_file_new(file))
        return put_refused(put, "a file");
    code = put_copy(put, file->fd, sha256);
    if (code == AX_OK && put->object == AX_STORE_BUNDLE &&
        memcmp(sha256, put->hash, sizeof(sha256)) != 0)
        return ax_err_set(&put->err, AX_E_BUNDLE_REJECTED, "the bytes are not of this hash");
    if (code == AX_OK && fsync(file->fd) != 0)
        return put_refused(put, "the bytes");
    return code;
}

/* --- the object --- */

struct put_place {
    int folder;       /* sha256/<hash> */
    const char *name; /* in it */
    char path[AX_STORE_NAME_MAX];
};

/* sha256/<hash> as a folder, made if need be. */
static enum ax_code put_place_open(struct ax_store_put *put, struct put_place *place)
{
    const struct dir_store *dir = AX_CONTAINER_OF(put->store, struct dir_store, store);
    AX_AUTO_FD int parent = -1;
    char *hash, *name;

    ax_store_object_name(put->object, put->hash, place->path);
    hash = strchr(place->path, '/');
    name = strrchr(place->path, '/');
    *hash++ = '\0';
    *name++ = '\0';
    place->name = name;
    parent = put_folder(dir->dir_fd, place->path);
    if (parent >= 0)
        place->folder = put_folder(parent, hash);
    return place->folder >= 0 ? AX_OK : put_refused(put, "a folder");
}

/* Is the object there? AX_OK when it has our size; AX_E_NOT_FOUND, AX_E_EXISTS. */
static enum ax_code put_look(struct ax_store_put *put)
{
    const struct dir_store *dir = AX_CONTAINER_OF(put->store, struct dir_store, store);
    char path[AX_STORE_NAME_MAX];
    AX_AUTO_FD int fd = -1;
    struct stat st;

    ax_store_object_name(put->object, put->hash, path);
    fd = ax_open_beneath(dir->dir_fd, path, O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0 && errno == ENOENT)
        return AX_E_NOT_FOUND;
    if (fd < 0 || fstat(fd, &st) != 0)
        return put_refused(put, "the object");
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != put->size)
        return ax_err_set(&put->err, AX_E_EXISTS, "the store holds another object there");
    put->existed = true;
    return AX_OK;
}

static enum ax_code put_link(struct ax_store_put *put, const struct put_file *file,
                             const struct put_place *place)
{
    enum ax_code code;

    if (put->existed)
        return AX_OK;
    if (linkat(file->folder, file->name, place->folder, place->name, 0) == 0)
        return AX_OK;
    if (errno != EEXIST)
        return put_refused(put, "the object");
    code = put_look(put);
    /* Gone again between the two: whoever removes objects by hand may try once more. */
    return code == AX_E_NOT_FOUND
               ? ax_err_set(&put->err, AX_E_BUNDLE_UNAVAILABLE, "the object came and went")
               : code;
}

static enum ax_code put_rename(struct ax_store_put *put, struct put_file *file,
                               const struct put_place *place)
{
    AX_AUTO_FD int fd = -1;
    uint8_t sha256[AX_SHA256_LEN];
    struct stat st;

    if (flock(place->folder, LOCK_EX) != 0) /* let go with the descriptor */
        return put_refused(put, "a lock");
    fd = ax_open_beneath(place->folder, place->name, O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0 && errno != ENOENT)
        return put_refused(put, "the object");
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return ax_err_set(&put->err, AX_E_PRECONDITION_FAILED, "there is no object to replace");
    if (ax_sha256_fd(fd, (uint64_t)st.st_size, sha256, NULL) != AX_OK)
        return ax_err_set(&put->err, AX_E_BUNDLE_UNAVAILABLE, "the object cannot be read");
    if (memcmp(sha256, put->match, sizeof(sha256)) != 0)
        return ax_err_set(&put->err, AX_E_PRECONDITION_FAILED, "the object is another by now");
    if (renameat(file->folder, file->name, place->folder, place->name) != 0)
        return put_refused(put, "the object");
    file->name[0] = '\0';
    return AX_OK;
}

static enum ax_code put_publish(struct ax_store_put *put, struct put_file *file)
{
    struct put_place place = { .folder = -1 };
    enum ax_code code = put_place_open(put, &place);

    if (code == AX_OK)
        code = put->replace ? put_rename(put, file, &place) : put_link(put, file, &place);
    if (code == AX_OK && fsync(place.folder) != 0)
        code = put_refused(put, "the folder");
    ax_fd_close(&place.folder);
    return code;
}

enum ax_code dir_put_run(void *arg)
{
    struct ax_store_put *put = arg;
    struct put_file file = { .folder = -1, .fd = -1 };
    enum ax_code code = put->replace ? AX_E_NOT_FOUND : put_look(put);

    if (code == AX_OK || code == AX_E_NOT_FOUND) {
        /* What is there need not be written, but whoever wrote it may not have reached the disk. */
        if (code == AX_E_NOT_FOUND)
            code = put_prepare(put, &file);
        if (code == AX_OK)
            code = put_publish(put, &file);
    }
    put_file_done(&file);
    return code;
}

/* --- operation --- */

static void put_on_job(enum ax_code code, void *arg)
{
    struct ax_store_put *put = arg;

    ax_op_complete(&put->op, code);
}

static void put_on_cancel(struct ax_op *op)
{
    struct ax_store_put *put = AX_CONTAINER_OF(op, struct ax_store_put, op);

    ax_op_cancel(&put->job.op);
}

void dir_put(struct ax_store *store, struct ax_store_put *put, ax_op_done_fn *on_done, void *arg)
{
    ax_op_begin(&put->op, on_done, arg, put_on_cancel);
    ax_job_start(store->loop, &put->job, dir_put_run, put, put_on_job, put);
}

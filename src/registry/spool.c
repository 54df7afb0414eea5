/* SPDX-License-Identifier: Apache-2.0 */
/* spool.c - where do a bundle's bytes lie until it is published?
 *
 * A sender holds an exclusive lock on its file, a reader a shared one; the sweep takes only what it
 * can lock. */
#include "registry/spool.h"

#include "base/alloc.h"
#include "bundle/archive.h"
#include "store/beneath.h"
#include "store/memfd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SPOOL_CHUNK (256u << 10)
#define SPOOL_TRIES 8 /* each fails only when a sweep removed the file under our hands */

struct ax_spool {
    struct ax_loop *loop;
    int dir_fd;
};

struct ax_spool *ax_spool_new(struct ax_loop *loop, int dir_fd)
{
    struct ax_spool *spool = ax_alloc(sizeof(*spool));

    spool->loop = loop;
    spool->dir_fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);
    return spool;
}

void ax_spool_free(struct ax_spool *spool)
{
    if (!spool)
        return;
    ax_fd_close(&spool->dir_fd);
    free(spool);
}

static enum ax_code spool_refused(struct ax_err *err)
{
    return ax_err_set(err, AX_E_IO, "the upload's file is refused: %s", strerrorname_np(errno));
}

/* An id is a name of a file too: nothing else becomes one. Empty afterwards when it is none. */
static void spool_set_id(char room[AX_ID_LEN + 1], struct ax_str id)
{
    room[0] = '\0';
    if (!ax_id_is(id, "upl_"))
        return;
    memcpy(room, id.ptr, AX_ID_LEN);
    room[AX_ID_LEN] = '\0';
}

static enum ax_code spool_no_id(struct ax_err *err)
{
    return ax_err_set(err, AX_E_NOT_FOUND, "there is no such upload");
}

static int spool_open_file(const struct ax_spool *spool, const char *id, int flags)
{
    return ax_open_beneath(spool->dir_fd, id, flags | O_NONBLOCK, flags & O_CREAT ? 0600 : 0);
}

/* --- bytes on their way in --- */

static enum ax_code file_lock(struct ax_spool_file *file)
{
    struct stat st;

    for (unsigned i = 0; i < SPOOL_TRIES; i++) {
        file->fd_ = spool_open_file(file->spool_, file->id_, O_RDWR | O_CREAT);
        if (file->fd_ < 0)
            return spool_refused(&file->err);
        if (flock(file->fd_, LOCK_EX | LOCK_NB) == 0 && fstat(file->fd_, &st) == 0 &&
            st.st_nlink > 0)
            return AX_OK;
        ax_fd_close(&file->fd_);
    }
    return ax_err_set(&file->err, AX_E_CONFLICT, "the upload is being sent by somebody else");
}

/* Measures what is there. */
static enum ax_code file_take_up(struct ax_spool_file *file)
{
    AX_AUTO_FREE char *chunk = ax_alloc(SPOOL_CHUNK);

    ax_sha256_init(&file->sha_);
    for (;;) {
        ssize_t n = pread(file->fd_, chunk, SPOOL_CHUNK, (off_t)file->received);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return spool_refused(&file->err);
        if (n == 0)
            return AX_OK;
        ax_sha256_update(&file->sha_, chunk, (size_t)n);
        file->received += (uint64_t)n;
    }
}

static enum ax_code file_empty(struct ax_spool_file *file)
{
    if (ftruncate(file->fd_, 0) != 0)
        return spool_refused(&file->err);
    file->received = 0;
    ax_sha256_init(&file->sha_);
    return AX_OK;
}

static enum ax_code file_open_run(void *arg)
{
    struct ax_spool_file *file = arg;
    enum ax_code code;

    if (!file->id_[0])
        return spool_no_id(&file->err);
    if (file->size_ == 0 || file->size_ > AX_ARCHIVE_BYTES_MAX)
        return ax_err_set(&file->err, AX_E_PAYLOAD_TOO_LARGE, "a bundle has 1 to %u bytes",
                          AX_ARCHIVE_BYTES_MAX);
    code = file_lock(file);
    if (code == AX_OK)
        code = file_take_up(file);
    if (code == AX_OK && file->received > file->size_) /* not of this upload */
        code = file_empty(file);
    return code;
}

void ax_spool_open(struct ax_spool *spool, struct ax_spool_file *file, struct ax_str id,
                   uint64_t size, const struct ax_digest *digest, ax_op_done_fn *on_done, void *arg)
{
    *file = (struct ax_spool_file){ .spool_ = spool, .size_ = size, .digest_ = *digest, .fd_ = -1 };
    spool_set_id(file->id_, id);
    ax_job_start(spool->loop, &file->job, file_open_run, file, on_done, arg);
}

static enum ax_code file_write_run(void *arg)
{
    struct ax_spool_file *file = arg;
    size_t done = 0;

    if (file->bytes_.len > file->size_ - file->received)
        return ax_err_set(&file->err, AX_E_PAYLOAD_TOO_LARGE,
                          "these are more than the %llu bytes that were announced",
                          (unsigned long long)file->size_);
    while (done < file->bytes_.len) {
        ssize_t n = pwrite(file->fd_, file->bytes_.ptr + done, file->bytes_.len - done,
                           (off_t)(file->received + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return spool_refused(&file->err);
        done += (size_t)n;
    }
    ax_sha256_update(&file->sha_, file->bytes_.ptr, file->bytes_.len);
    file->received += file->bytes_.len;
    return AX_OK;
}

void ax_spool_write(struct ax_spool_file *file, struct ax_str bytes, ax_op_done_fn *on_done,
                    void *arg)
{
    file->bytes_ = bytes;
    ax_job_start(file->spool_->loop, &file->job, file_write_run, file, on_done, arg);
}

static enum ax_code file_finish_run(void *arg)
{
    struct ax_spool_file *file = arg;
    struct ax_digest digest;

    if (file->received < file->size_)
        return ax_err_set(&file->err, AX_E_INVALID_REQUEST, "%llu of %llu bytes have arrived",
                          (unsigned long long)file->received, (unsigned long long)file->size_);
    if (fsync(file->fd_) != 0 || fsync(file->spool_->dir_fd) != 0)
        return spool_refused(&file->err);
    ax_sha256_final(&file->sha_, digest.bytes);
    if (!ax_digest_eq(&digest, &file->digest_)) {
        enum ax_code code = file_empty(file);

        return code != AX_OK ? code
                             : ax_err_set(&file->err, AX_E_INVALID_BUNDLE,
                                          "the bytes have another digest than was announced");
    }
    return AX_OK;
}

void ax_spool_finish(struct ax_spool_file *file, ax_op_done_fn *on_done, void *arg)
{
    ax_job_start(file->spool_->loop, &file->job, file_finish_run, file, on_done, arg);
}

void ax_spool_close(struct ax_spool_file *file)
{
    ax_sha256_done(&file->sha_);
    ax_fd_close(&file->fd_);
}

/* --- bytes that are there --- */

static void ask_start(struct ax_spool *spool, struct ax_spool_ask *ask, struct ax_str id,
                      int64_t before_s, enum ax_code (*run)(void *arg), ax_op_done_fn *on_done,
                      void *arg)
{
    *ask = (struct ax_spool_ask){ .spool_ = spool, .fd = -1, .before_s_ = before_s };
    spool_set_id(ask->id_, id);
    ax_job_start(spool->loop, &ask->job, run, ask, on_done, arg);
}

static enum ax_code ask_size_run(void *arg)
{
    struct ax_spool_ask *ask = arg;
    struct stat st = { .st_size = 0 };

    if (!ask->id_[0])
        return spool_no_id(&ask->err);
    if (fstatat(ask->spool_->dir_fd, ask->id_, &st, AT_SYMLINK_NOFOLLOW) != 0 && errno != ENOENT)
        return spool_refused(&ask->err);
    ask->size = (uint64_t)st.st_size;
    return AX_OK;
}

void ax_spool_size(struct ax_spool *spool, struct ax_spool_ask *ask, struct ax_str id,
                   ax_op_done_fn *on_done, void *arg)
{
    ask_start(spool, ask, id, 0, ask_size_run, on_done, arg);
}

static enum ax_code ask_copy(struct ax_spool_ask *ask, int fd, struct ax_memfd *memfd)
{
    size_t done = 0;

    while (done < memfd->size) {
        ssize_t n = pread(fd, memfd->ptr + done, memfd->size - done, (off_t)done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return spool_refused(&ask->err);
        if (n == 0)
            return ax_err_set(&ask->err, AX_E_CONFLICT, "the upload changed while it was read");
        done += (size_t)n;
    }
    ax_sha256(ax_memfd_str(memfd), ask->digest.bytes);
    return ax_memfd_seal(memfd, memfd->size);
}

static enum ax_code ask_load_run(void *arg)
{
    struct ax_spool_ask *ask = arg;
    AX_AUTO_FD int fd = -1;
    AX_AUTO_MEMFD struct ax_memfd memfd = AX_MEMFD_NONE;
    enum ax_code code;
    struct stat st;

    if (!ask->id_[0])
        return spool_no_id(&ask->err);
    fd = spool_open_file(ask->spool_, ask->id_, O_RDONLY);
    if (fd < 0 && errno == ENOENT)
        return spool_no_id(&ask->err);
    if (fd < 0)
        return spool_refused(&ask->err);
    if (flock(fd, LOCK_SH | LOCK_NB) != 0)
        return ax_err_set(&ask->err, AX_E_CONFLICT, "the upload is still being sent");
    if (fstat(fd, &st) != 0)
        return spool_refused(&ask->err);
    if ((uint64_t)st.st_size > AX_ARCHIVE_BYTES_MAX)
        return ax_err_set(&ask->err, AX_E_PAYLOAD_TOO_LARGE, "a bundle has 1 to %u bytes",
                          AX_ARCHIVE_BYTES_MAX);
    ask->size = (uint64_t)st.st_size;
    code = ax_memfd_new("annex-upload", (size_t)ask->size, &memfd);
    if (code == AX_OK)
        code = ask_copy(ask, fd, &memfd);
    if (code == AX_OK)
        ask->fd = ax_memfd_take(&memfd);
    return code == AX_E_IO ? spool_refused(&ask->err) : code;
}

void ax_spool_load(struct ax_spool *spool, struct ax_spool_ask *ask, struct ax_str id,
                   ax_op_done_fn *on_done, void *arg)
{
    ask_start(spool, ask, id, 0, ask_load_run, on_done, arg);
}

static enum ax_code ask_remove_run(void *arg)
{
    struct ax_spool_ask *ask = arg;

    if (!ask->id_[0])
        return spool_no_id(&ask->err);
    if (unlinkat(ask->spool_->dir_fd, ask->id_, 0) != 0 && errno != ENOENT)
        return spool_refused(&ask->err);
    return AX_OK;
}

void ax_spool_remove(struct ax_spool *spool, struct ax_spool_ask *ask, struct ax_str id,
                     ax_op_done_fn *on_done, void *arg)
{
    ask_start(spool, ask, id, 0, ask_remove_run, on_done, arg);
}

static bool sweep_one(struct ax_spool_ask *ask, const char *name)
{
    AX_AUTO_FD int fd = -1;
    struct stat st;

    if (!ax_id_is(ax_str_of(name), "upl_"))
        return false;
    fd = spool_open_file(ask->spool_, name, O_RDONLY);
    return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 &&
           st.st_mtim.tv_sec < ask->before_s_ && unlinkat(ask->spool_->dir_fd, name, 0) == 0;
}

static enum ax_code ask_sweep_run(void *arg)
{
    struct ax_spool_ask *ask = arg;
    int fd = openat(ask->spool_->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

    if (!dir) {
        enum ax_code code = spool_refused(&ask->err);

        ax_fd_close(&fd);
        return code;
    }
    for (const struct dirent *item = readdir(dir); item; item = readdir(dir))
        ask->removed += sweep_one(ask, item->d_name);
    closedir(dir);
    return AX_OK;
}

void ax_spool_sweep(struct ax_spool *spool, struct ax_spool_ask *ask, int64_t before_s,
                    ax_op_done_fn *on_done, void *arg)
{
    ask_start(spool, ask, AX_STR_NONE, before_s, ask_sweep_run, on_done, arg);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* store_dir.c - how does a folder hold bundles?
 *
 * Objects are plain files below one folder that we hold open. A file system can stall as a network
 * can, so all of it happens in jobs. A file that shrinks while it is read is a broken transfer, one
 * that grows is read up to the size that it had. */
#include "store/store_dir.h"
#include "base/alloc.h"
#include "crypto/sha256.h"
#include "store/beneath.h"
#include "store/driver.h"
#include "store/memfd.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int dir_open(const struct ax_store_get *get)
{
    const struct dir_store *dir = AX_CONTAINER_OF(get->store, struct dir_store, store);
    char name[AX_STORE_NAME_MAX];

    ax_store_object_name(get->object, get->hash, name);
    return ax_open_beneath(dir->dir_fd, name, O_RDONLY | O_NONBLOCK, 0);
}

/* Opens the object and learns its size. */
static enum ax_code dir_find(struct ax_store_get *get, int *ret_fd)
{
    AX_AUTO_FD int fd = dir_open(get);
    struct stat st;

    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return ax_err_set(&get->err, AX_E_NOT_FOUND, "the store has no such object");
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
        return ax_err_set(&get->err, AX_E_IO, "no descriptor or memory is left");
    if (fd < 0 || fstat(fd, &st) != 0)
        return ax_err_set(&get->err, AX_E_BUNDLE_UNAVAILABLE, "the store refuses the object: %s",
                          strerrorname_np(errno));
    if (!S_ISREG(st.st_mode))
        return ax_err_set(&get->err, AX_E_NOT_FOUND, "the store's object is not a file");
    if ((uint64_t)st.st_size > get->max)
        return ax_err_set(&get->err, AX_E_TOO_BIG, "the object has %llu bytes, %llu are allowed",
                          (unsigned long long)st.st_size, (unsigned long long)get->max);
    get->size = (uint64_t)st.st_size;
    *ret_fd = fd;
    fd = -1;
    return AX_OK;
}

static enum ax_code dir_read(struct ax_store_get *get, int fd, struct ax_memfd *room)
{
    size_t done = 0;

    while (done < room->size) {
        ssize_t n = pread(fd, room->ptr + done, room->size - done, (off_t)done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ax_err_set(&get->err, AX_E_BUNDLE_UNAVAILABLE, "the store broke off: %s",
                              strerrorname_np(errno));
        if (n == 0)
            return ax_err_set(&get->err, AX_E_BUNDLE_UNAVAILABLE,
                              "the object ended after %zu of %zu bytes", done, room->size);
        done += (size_t)n;
    }
    return AX_OK;
}

static enum ax_code dir_get_run(void *arg)
{
    struct ax_store_get *get = arg;
    AX_AUTO_FD int fd = -1;
    AX_AUTO_MEMFD struct ax_memfd memfd = AX_MEMFD_NONE;
    enum ax_code code = dir_find(get, &fd);

    if (code != AX_OK)
        return code;
    code = ax_memfd_new("annex-object", (size_t)get->size, &memfd);
    if (code != AX_OK)
        return ax_err_set(&get->err, code, "no memory for %llu bytes",
                          (unsigned long long)get->size);
    code = dir_read(get, fd, &memfd);
    if (code != AX_OK)
        return code;
    ax_sha256(ax_memfd_str(&memfd), get->sha256);
    code = ax_memfd_seal(&memfd, memfd.size);
    if (code != AX_OK)
        return ax_err_set(&get->err, code, "the object cannot be sealed");
    get->fd = ax_memfd_take(&memfd);
    return AX_OK;
}

static enum ax_code dir_head_run(void *arg)
{
    AX_AUTO_FD int fd = -1;

    return dir_find(arg, &fd);
}

static void dir_on_job(enum ax_code code, void *arg)
{
    struct ax_store_get *get = arg;

    if (code == AX_OK && get->op.canceled) {
        ax_store_get_done(get); /* it came too late to be wanted */
        code = AX_E_CANCELED;
    }
    ax_op_complete(&get->op, code);
}

static void dir_on_cancel(struct ax_op *op)
{
    struct ax_store_get *get = AX_CONTAINER_OF(op, struct ax_store_get, op);

    ax_op_cancel(&get->job.op);
}

static void dir_get(struct ax_store *store, struct ax_store_get *get, ax_op_done_fn *on_done,
                    void *arg)
{
    ax_op_begin(&get->op, on_done, arg, dir_on_cancel);
    ax_job_start(store->loop, &get->job, dir_get_run, get, dir_on_job, get);
}

static void dir_head(struct ax_store *store, struct ax_store_get *get, ax_op_done_fn *on_done,
                     void *arg)
{
    ax_op_begin(&get->op, on_done, arg, dir_on_cancel);
    ax_job_start(store->loop, &get->job, dir_head_run, get, dir_on_job, get);
}

static void dir_free(struct ax_store *store)
{
    struct dir_store *dir = AX_CONTAINER_OF(store, struct dir_store, store);

    ax_fd_close(&dir->dir_fd);
    free(dir);
}

static const struct ax_store_driver dir_driver = { dir_get, dir_head, dir_put, dir_free };

struct ax_store *ax_store_new_dir(struct ax_loop *loop, int dir_fd)
{
    struct dir_store *dir = ax_alloc(sizeof(*dir));

    dir->store.driver = &dir_driver;
    dir->store.loop = loop;
    dir->dir_fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);
    return &dir->store;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* file.c - how do commands read and write files without leaving halves? */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum ax_code file_fault(struct ax_err *err, const char *verb, const char *path)
{
    int why = errno;
    enum ax_code code = why == ENOENT ? AX_E_NOT_FOUND : why == EEXIST ? AX_E_EXISTS : AX_E_IO;

    return ax_err_set(err, code, "cannot %s %s: %s", verb, path, strerror(why));
}

enum ax_code cli_open(const char *path, int *ret_fd, uint64_t *ret_size, struct ax_err *err)
{
    AX_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return file_fault(err, "open", path);
    if (!S_ISREG(st.st_mode))
        return ax_err_set(err, AX_E_INVALID_REQUEST, "%s is not a regular file", path);
    *ret_size = (uint64_t)st.st_size;
    *ret_fd = fd;
    fd = -1;
    return AX_OK;
}

enum ax_code cli_read_file(const char *path, struct ax_buf *buf, struct ax_err *err)
{
    AX_AUTO_FD int fd = -1;
    uint64_t size = 0;
    enum ax_code code = cli_open(path, &fd, &size, err);
    char *room;

    if (code != AX_OK)
        return code;
    if (size > buf->max || ax_buf_reserve(buf, (size_t)size, &room) != AX_OK)
        return ax_err_set(err, AX_E_TOO_BIG, "%s is larger than %zu bytes", path, buf->max);
    while (buf->len < size) {
        ssize_t got = read(fd, buf->ptr + buf->len, (size_t)size - buf->len);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return file_fault(err, "read", path);
        if (got == 0)
            return ax_err_set(err, AX_E_IO, "%s became shorter while it was read", path);
        ax_buf_advance(buf, (size_t)got);
    }
    return AX_OK;
}

static enum ax_code file_write(int fd, const char *path, struct ax_str bytes, struct ax_err *err)
{
    while (bytes.len > 0) {
        ssize_t put = write(fd, bytes.ptr, bytes.len);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return file_fault(err, "write", path);
        bytes = ax_str_from(bytes, (size_t)put);
    }
    return AX_OK;
}

enum ax_code cli_temporary(const char *path, int *ret_fd, char **ret_temporary, struct ax_err *err)
{
    AX_AUTO_FREE char *temporary = cli_sibling(path, "", ".XXXXXX");
    int fd = mkostemp(temporary, O_CLOEXEC);

    if (fd < 0)
        return file_fault(err, "write", path);
    *ret_fd = fd;
    *ret_temporary = AX_TAKE(temporary);
    return AX_OK;
}

enum ax_code cli_keep(int fd, const char *temporary, const char *path, struct ax_err *err)
{
    if (fchmod(fd, 0644) < 0 || fsync(fd) < 0 || rename(temporary, path) < 0)
        return file_fault(err, "write", path);
    return AX_OK;
}

enum ax_code cli_replace_file(const char *path, struct ax_str bytes, struct ax_err *err)
{
    AX_AUTO_FREE char *temporary = NULL;
    AX_AUTO_FD int fd = -1;
    enum ax_code code = cli_temporary(path, &fd, &temporary, err);

    if (code != AX_OK)
        return code;
    code = file_write(fd, path, bytes, err);
    if (code == AX_OK)
        code = cli_keep(fd, temporary, path, err);
    if (code != AX_OK)
        unlink(temporary);
    return code;
}

enum ax_code cli_create_file(const char *path, struct ax_str bytes, unsigned mode,
                             struct ax_err *err)
{
    AX_AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    enum ax_code code;

    if (fd < 0)
        return file_fault(err, "create", path);
    code = file_write(fd, path, bytes, err);
    if (code == AX_OK && fsync(fd) < 0)
        code = file_fault(err, "write", path);
    if (code != AX_OK)
        unlink(path);
    return code;
}

char *cli_sibling(const char *path, const char *ending, const char *suffix)
{
    AX_AUTO_BUF struct ax_buf name = { .max = 1u << 20 };
    struct ax_str stem = ax_str_of(path);

    if (ax_str_ends(stem, ax_str_of(ending)) && stem.len > strlen(ending))
        stem.len -= strlen(ending);
    ax_buf_printf(&name, "%.*s%s", AX_STR_FMT(stem), suffix);
    return ax_strdup(ax_buf_str(&name));
}

enum ax_code cli_open_bundle(const char *path, int *ret_fd, uint64_t *ret_size,
                             struct ax_digest *ret_hash, struct ax_err *err)
{
    AX_AUTO_FD int fd = -1;
    uint64_t size = 0;
    enum ax_code code = cli_open(path, &fd, &size, err);

    if (code == AX_OK && size > AX_ARCHIVE_BYTES_MAX)
        code = ax_err_set(err, AX_E_TOO_BIG, "%s is larger than 64 MiB", path);
    if (code == AX_OK)
        code = ax_sha256_fd(fd, size, ret_hash->bytes, err);
    if (code != AX_OK)
        return code;
    *ret_size = size;
    *ret_fd = fd;
    fd = -1;
    return AX_OK;
}

enum ax_code cli_read_envelope(const char *path, struct ax_envelope **ret_envelope,
                               struct ax_err *err)
{
    AX_AUTO_BUF struct ax_buf text = { .max = AX_ENVELOPE_BYTES_MAX };
    enum ax_code code = cli_read_file(path, &text, err);

    return code == AX_OK ? ax_envelope_parse(ax_buf_str(&text), ret_envelope, err) : code;
}

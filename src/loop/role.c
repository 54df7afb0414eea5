/* SPDX-License-Identifier: Apache-2.0 */
/* role.c - how do a role's settings reach it, and nobody else?
 *
 * In a memory file without a name that is sealed before the role exists: nothing can change it, and
 * it is gone with its last descriptor. */
#include "loop/role.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROLE_SETTINGS_MAX (4u << 20) /* trust bundles and allowlists are text of the operator's */
#define ROLE_SEALS        (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

bool ax_role_from_args(int argc, char *const argv[], const char **ret_name)
{
    if (argc != 3 || strcmp(argv[1], "role") != 0)
        return false;
    *ret_name = argv[2];
    return true;
}

bool ax_role_has_own_user(void)
{
    struct ucred supervisor; /* made the socket pair */
    socklen_t size = sizeof(supervisor);

    return getsockopt(AX_ROLE_CONTROL_FD, SOL_SOCKET, SO_PEERCRED, &supervisor, &size) == 0 &&
           supervisor.uid != geteuid();
}

static bool role_write_all(int fd, struct ax_str bytes)
{
    while (bytes.len > 0) {
        ssize_t written = write(fd, bytes.ptr, bytes.len);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        bytes = ax_str_from(bytes, (size_t)written);
    }
    return true;
}

enum ax_code ax_role_settings_fd(const struct ax_settings *settings, unsigned role_bit, int *ret_fd)
{
    struct ax_buf packed = { .max = ROLE_SETTINGS_MAX };
    enum ax_code code = ax_settings_pack(settings, role_bit, &packed);
    int fd = -1;

    if (code == AX_OK) {
        fd = memfd_create("annex settings", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0 || !role_write_all(fd, ax_buf_str(&packed)) ||
            fcntl(fd, F_ADD_SEALS, ROLE_SEALS) != 0)
            code = AX_E_IO;
    }
    ax_buf_wipe(&packed);
    if (code == AX_OK)
        *ret_fd = fd;
    else
        ax_fd_close(&fd);
    return code;
}

static enum ax_code role_read_all(int fd, struct ax_buf *buf, struct ax_err *err)
{
    struct stat about;
    size_t size;
    char *room;

    if (fcntl(fd, F_GET_SEALS) != ROLE_SEALS || fstat(fd, &about) != 0)
        return ax_err_set(err, AX_E_INVALID_REQUEST, "the settings are not a sealed memory file");
    if (about.st_size < 0 || (uint64_t)about.st_size > ROLE_SETTINGS_MAX)
        return ax_err_set(err, AX_E_INVALID_REQUEST, "the settings are too large");
    size = (size_t)about.st_size;
    if (ax_buf_reserve(buf, size, &room) != AX_OK)
        return ax_err_set(err, AX_E_NO_MEMORY, "no memory for the settings");
    while (buf->len < size) {
        ssize_t got = pread(fd, buf->ptr + buf->len, size - buf->len, (off_t)buf->len);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return ax_err_set(err, AX_E_IO, "the settings cannot be read");
        ax_buf_advance(buf, (size_t)got);
    }
    return AX_OK;
}

enum ax_code ax_role_settings_take(int fd, struct ax_settings **ret_settings, struct ax_err *err)
{
    struct ax_buf packed = { .max = ROLE_SETTINGS_MAX };
    enum ax_code code = role_read_all(fd, &packed, err);

    if (code == AX_OK)
        code = ax_settings_unpack(ax_buf_str(&packed), ret_settings, err);
    ax_buf_wipe(&packed);
    ax_fd_close(&fd);
    return code;
}

enum ax_code ax_role_settings(struct ax_settings **ret_settings, struct ax_err *err)
{
    return ax_role_settings_take(AX_ROLE_SETTINGS_FD, ret_settings, err);
}

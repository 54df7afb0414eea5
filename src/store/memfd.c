/* SPDX-License-Identifier: Apache-2.0 */
/* memfd.c - how do bytes travel between processes so that nobody can change them? */
#include "store/memfd.h"

#include "base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008u
#endif

#define MEMFD_SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

static int memfd_open(const char *name)
{
    /* Never executable as a program; a kernel before 6.3 does not know the flag. */
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

    if (fd < 0 && errno == EINVAL)
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return fd;
}

enum ax_code ax_memfd_new(const char *name, size_t size, struct ax_memfd *ret)
{
    AX_AUTO_MEMFD struct ax_memfd memfd = { .fd = memfd_open(name), .size = size };

    if (memfd.fd < 0 || ftruncate(memfd.fd, (off_t)size) != 0)
        return AX_E_IO;
    if (size > 0) {
        void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memfd.fd, 0);

        if (map == MAP_FAILED)
            return AX_E_IO;
        memfd.ptr = map;
    }
    *ret = memfd;
    memfd = AX_MEMFD_NONE;
    return AX_OK;
}

static void memfd_unmap(struct ax_memfd *memfd)
{
    if (memfd->ptr)
        munmap(memfd->ptr, memfd->size);
    memfd->ptr = NULL;
}

enum ax_code ax_memfd_append(struct ax_memfd *memfd, struct ax_str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = pwrite(memfd->fd, bytes.ptr, bytes.len, (off_t)memfd->size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return AX_E_IO;
        memfd->size += (size_t)n;
        bytes = ax_str_from(bytes, (size_t)n);
    }
    return AX_OK;
}

enum ax_code ax_memfd_seal(struct ax_memfd *memfd, size_t size)
{
    memfd_unmap(memfd); /* a writable mapping would refuse the write seal */
    if (size != memfd->size && ftruncate(memfd->fd, (off_t)size) != 0)
        return AX_E_IO;
    memfd->size = size;
    return fcntl(memfd->fd, F_ADD_SEALS, MEMFD_SEALS) == 0 ? AX_OK : AX_E_IO;
}

enum ax_code ax_memfd_view(int fd, size_t max, struct ax_memfd *ret)
{
    struct ax_memfd memfd = AX_MEMFD_NONE;
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);

    if (seals < 0 || (seals & MEMFD_SEALS) != MEMFD_SEALS)
        return AX_E_INVALID_REQUEST; /* not a memfd, or one that can still change */
    if (fstat(fd, &st) != 0 || st.st_size < 0)
        return AX_E_IO;
    if ((uint64_t)st.st_size > max)
        return AX_E_TOO_BIG;
    memfd.size = (size_t)st.st_size;
    if (memfd.size > 0) {
        void *map = mmap(NULL, memfd.size, PROT_READ, MAP_SHARED, fd, 0);

        if (map == MAP_FAILED)
            return AX_E_IO;
        memfd.ptr = map;
    }
    *ret = memfd;
    return AX_OK;
}

struct ax_str ax_memfd_str(const struct ax_memfd *memfd)
{
    return ax_str_make(memfd->ptr, memfd->ptr ? memfd->size : 0);
}

int ax_memfd_take(struct ax_memfd *memfd)
{
    int fd = memfd->fd;

    memfd_unmap(memfd);
    *memfd = AX_MEMFD_NONE;
    return fd;
}

void ax_memfd_done(struct ax_memfd *memfd)
{
    memfd_unmap(memfd);
    ax_fd_close(&memfd->fd);
    memfd->size = 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* memfd_test.c - does memfd.h hold what it promises? */
#include "store/memfd.h"

#include "base/test.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static int sealed_of(struct ax_str bytes)
{
    struct ax_memfd memfd = AX_MEMFD_NONE;

    T_OK(ax_memfd_new("test", bytes.len, &memfd));
    if (bytes.len > 0)
        memcpy(memfd.ptr, bytes.ptr, bytes.len);
    T_OK(ax_memfd_seal(&memfd, bytes.len));
    return ax_memfd_take(&memfd);
}

TEST(memfd_carries_bytes)
{
    AX_AUTO_FD int fd = sealed_of(AX_STR("hello"));
    struct ax_memfd view = AX_MEMFD_NONE;

    T_OK(ax_memfd_view(fd, 5, &view));
    T_STR(ax_memfd_str(&view), AX_STR("hello"));
    ax_memfd_done(&view);
    ax_memfd_done(&view);
}

TEST(memfd_may_be_empty)
{
    AX_AUTO_FD int fd = sealed_of(AX_STR(""));
    struct ax_memfd view = AX_MEMFD_NONE;

    T_OK(ax_memfd_view(fd, 0, &view));
    T_EQ(ax_memfd_str(&view).len, 0);
    ax_memfd_done(&view);
}

TEST(memfd_appends_in_order)
{
    struct ax_memfd memfd = AX_MEMFD_NONE, view = AX_MEMFD_NONE;

    T_OK(ax_memfd_new("test", 0, &memfd));
    T_OK(ax_memfd_append(&memfd, AX_STR("one ")));
    T_OK(ax_memfd_append(&memfd, AX_STR("")));
    T_OK(ax_memfd_append(&memfd, AX_STR("two")));
    T_OK(ax_memfd_seal(&memfd, memfd.size));
    T_OK(ax_memfd_view(memfd.fd, 100, &view));
    T_STR(ax_memfd_str(&view), AX_STR("one two"));
    ax_memfd_done(&view);
    ax_memfd_done(&memfd);
}

TEST(memfd_is_cut_to_what_was_filled)
{
    struct ax_memfd memfd = AX_MEMFD_NONE, view = AX_MEMFD_NONE;

    T_OK(ax_memfd_new("test", 4096, &memfd));
    memcpy(memfd.ptr, "abc", 3);
    T_OK(ax_memfd_seal(&memfd, 3));
    T_OK(ax_memfd_view(memfd.fd, 3, &view));
    T_STR(ax_memfd_str(&view), AX_STR("abc"));
    ax_memfd_done(&view);
    ax_memfd_done(&memfd);
}

TEST(memfd_cannot_change_once_sealed)
{
    AX_AUTO_FD int fd = sealed_of(AX_STR("hello"));

    T_TRUE(pwrite(fd, "j", 1, 0) < 0);
    T_TRUE(ftruncate(fd, 4) < 0);
    T_TRUE(ftruncate(fd, 6) < 0);
    T_TRUE(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) < 0);
    T_TRUE(mmap(NULL, 5, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
}

TEST(memfd_view_refuses_what_can_still_change)
{
    const unsigned all = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
    const unsigned lacking[] = { F_SEAL_WRITE, F_SEAL_GROW, F_SEAL_SHRINK, F_SEAL_SEAL };
    struct ax_memfd view = AX_MEMFD_NONE;

    for (size_t i = 0; i < AX_ARRAY_LEN(lacking); i++) {
        AX_AUTO_FD int fd = memfd_create("test", MFD_ALLOW_SEALING | MFD_CLOEXEC);

        T_EQ(fcntl(fd, F_ADD_SEALS, all & ~lacking[i]), 0);
        T_CODE(ax_memfd_view(fd, 10, &view), AX_E_INVALID_REQUEST);
    }
    AX_AUTO_FD int file = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    T_CODE(ax_memfd_view(file, 10, &view), AX_E_INVALID_REQUEST);
    T_CODE(ax_memfd_view(-1, 10, &view), AX_E_INVALID_REQUEST);
}

TEST(memfd_view_has_a_limit)
{
    AX_AUTO_FD int fd = sealed_of(AX_STR("hello"));
    struct ax_memfd view = AX_MEMFD_NONE;

    T_CODE(ax_memfd_view(fd, 4, &view), AX_E_TOO_BIG);
    T_OK(ax_memfd_view(fd, 5, &view));
    ax_memfd_done(&view);
    T_OK(ax_memfd_view(fd, 6, &view));
    ax_memfd_done(&view);
}

TEST_MAIN()

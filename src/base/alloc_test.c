/* SPDX-License-Identifier: Apache-2.0 */
/* alloc_test.c - do allocations say no when told, and do owners let go? */
#include "base/alloc.h"
#include "base/test.h"

#include <fcntl.h>
#include <unistd.h>

AX_AUTO_DEFINE(char *, free)

TEST(alloc_gives_zeroed_memory)
{
    AX_AUTO_FREE char *ptr = ax_alloc(1000);
    AX_AUTO_FREE char *nothing = ax_alloc(0);

    for (size_t i = 0; i < 1000; i++)
        T_EQ(ptr[i], 0);
    assert_non_null(nothing);
}

TEST(alloc_refuses_the_nth_once)
{
    for (uint64_t nth = 1; nth <= 3; nth++) {
        ax_fault_arm(nth);
        T_FALSE(ax_fault_hit());
        for (uint64_t i = 1; i <= 5; i++) {
            void *ptr = i % 2 ? ax_try_alloc(0) : ax_try_realloc(NULL, 0);

            T_TRUE((ptr == NULL) == (i == nth));
            free(ptr);
        }
        T_TRUE(ax_fault_hit());
    }
    ax_fault_arm(1);
    ax_fault_arm(0);
    AX_AUTO_FREE char *given = ax_try_alloc(1);
    assert_non_null(given);
    T_FALSE(ax_fault_hit());
}

TEST(alloc_refused_realloc_leaves_the_old)
{
    AX_AUTO_FREE char *old = ax_strdup(AX_STR("old"));

    ax_fault_arm(1);
    assert_null(ax_try_realloc(old, 1000));
    assert_string_equal(old, "old");
}

TEST(alloc_never_refuses_our_own)
{
    ax_fault_arm(1);
    AX_AUTO_FREE char *ptr = ax_alloc(1);
    AX_AUTO_FREE char *copy = ax_strdup(AX_STR("a\0b"));

    T_FALSE(ax_fault_hit());
    assert_non_null(ptr);
    assert_memory_equal(copy, "a\0b", 4);
}

TEST(alloc_take_moves_out)
{
    char *kept;

    {
        AX_AUTO(free) char *mine = ax_strdup(AX_STR("a"));
        AX_AUTO(free) char *null = NULL;

        kept = AX_TAKE(mine);
        assert_null(mine);
        assert_null(null);
    }
    assert_string_equal(kept, "a"); /* the sanitizer would see it freed */
    free(kept);
}

TEST(alloc_descriptors_close_themselves)
{
    int seen;

    {
        AX_AUTO_FD int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        AX_AUTO_FD int none = -1;

        T_TRUE(fd >= 0 && none == -1);
        seen = fd;
    }
    T_EQ(fcntl(seen, F_GETFD), -1);
    seen = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int copy = seen;

    ax_fd_close(&seen);
    T_EQ(seen, -1);
    T_EQ(fcntl(copy, F_GETFD), -1);
    ax_fd_close(&seen);
}

TEST(alloc_wipes)
{
    char secret[] = "secret";

    ax_wipe(secret, 3);
    assert_memory_equal(secret, "\0\0\0ret", 7);
    ax_wipe(NULL, 0);
}

struct holder {
    int before;
    int member;
};

TEST(alloc_finds_the_container)
{
    struct holder holder = { 1, 2 };
    int *member = &holder.member;

    assert_ptr_equal(AX_CONTAINER_OF(member, struct holder, member), &holder);
    T_EQ(AX_ARRAY_LEN(((int[]){ 1, 2, 3 })), 3);
}

TEST_MAIN()

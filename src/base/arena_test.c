/* SPDX-License-Identifier: Apache-2.0 */
/* arena_test.c - does an arena keep to its maximum and give memory that is nobody else's? */
#include "base/arena.h"
#include "base/test.h"

TEST(arena_gives_aligned_memory_of_ones_own)
{
    struct ax_arena arena;
    unsigned char *given[200];

    ax_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < AX_ARRAY_LEN(given); i++) {
        given[i] = ax_arena_alloc(&arena, i * 7 % 300);
        assert_non_null(given[i]);
        T_EQ((uintptr_t)given[i] % 16, 0);
        memset(given[i], (int)i, i * 7 % 300);
    }
    for (size_t i = 0; i < AX_ARRAY_LEN(given); i++) {
        for (size_t at = 0; at < i * 7 % 300; at++)
            T_EQ(given[i][at], i);
    }
    ax_arena_done(&arena);
}

TEST(arena_keeps_to_its_maximum)
{
    struct ax_arena arena;
    size_t total = 0;

    ax_arena_init(&arena, 100000);
    while (ax_arena_alloc(&arena, 1000))
        total += 1008;
    T_TRUE(arena.used <= 100000);
    T_TRUE(total > 90000); /* and the maximum can be used */
    assert_null(ax_arena_alloc(&arena, 1000));
    ax_arena_done(&arena);
    assert_null(ax_arena_alloc(&arena, SIZE_MAX));
    assert_null(ax_arena_alloc(&arena, SIZE_MAX - 15));
    assert_null(ax_arena_alloc(&arena, SIZE_MAX / 2));
    assert_null(ax_arena_alloc(&arena, 100000)); /* no room for a block's head */
    assert_non_null(ax_arena_alloc(&arena, 99900));
    ax_arena_done(&arena);
}

TEST(arena_of_nothing_gives_nothing)
{
    struct ax_arena arena;

    ax_arena_init(&arena, 0);
    assert_null(ax_arena_alloc(&arena, 1));
    ax_arena_reset(&arena);
    ax_arena_done(&arena);
}

TEST(arena_keeps_small_blocks_in_use_beside_large_ones)
{
    struct ax_arena arena;
    char *first;
    char *second;

    ax_arena_init(&arena, 1 << 24);
    first = ax_arena_alloc(&arena, 16);
    assert_non_null(ax_arena_alloc(&arena, 1 << 20));
    second = ax_arena_alloc(&arena, 16);
    assert_ptr_equal(second, first + 16);
    ax_arena_done(&arena);
}

TEST(arena_reset_keeps_one_small_block)
{
    struct ax_arena arena;
    void *first;

    ax_arena_init(&arena, 1 << 24);
    first = ax_arena_alloc(&arena, 100);
    assert_non_null(ax_arena_alloc(&arena, 1 << 20));
    ax_arena_reset(&arena);
    T_TRUE(arena.used < 1 << 14);
    ax_fault_arm(1);
    assert_ptr_equal(ax_arena_alloc(&arena, 100), first);
    ax_fault_arm(0);
    ax_arena_done(&arena);
    assert_non_null(ax_arena_alloc(&arena, 1 << 20));
    ax_arena_reset(&arena);
    T_EQ(arena.used, 0);
    ax_arena_done(&arena);
}

TEST(arena_copies)
{
    struct ax_arena arena;
    struct ax_str copy;

    ax_arena_init(&arena, 1 << 14);
    copy = ax_arena_dup(&arena, AX_STR("a\0b"));
    assert_memory_equal(copy.ptr, "a\0b", 4);
    T_EQ(copy.len, 3);
    copy = ax_arena_dup(&arena, AX_STR_NONE);
    assert_string_equal(copy.ptr, "");
    copy = ax_arena_dup(&arena, (struct ax_str){ "", SIZE_MAX });
    assert_null(copy.ptr);
    ax_arena_done(&arena);
}

TEST(arena_zeroes_where_asked)
{
    struct ax_arena arena;
    char *dirty;

    ax_arena_init(&arena, 1 << 14);
    dirty = ax_arena_alloc(&arena, 64);
    memset(dirty, 'x', 64);
    ax_arena_reset(&arena);
    char *clean = ax_arena_zalloc(&arena, 64);

    assert_ptr_equal(clean, dirty);
    for (int i = 0; i < 64; i++)
        T_EQ(clean[i], 0);
    ax_arena_done(&arena);
}

TEST(arena_survives_refused_memory)
{
    T_SWEEP() {
        struct ax_arena arena;
        unsigned refused = 0;

        ax_arena_init(&arena, 1 << 20);
        for (int i = 0; i < 20; i++) {
            char *ptr = ax_arena_alloc(&arena, 3000);

            if (ptr)
                memset(ptr, 'x', 3000);
            else
                refused++;
        }
        T_EQ(refused, ax_fault_hit() ? 1 : 0);
        ax_arena_done(&arena);
    }
}

TEST_MAIN()

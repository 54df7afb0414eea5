/* SPDX-License-Identifier: Apache-2.0 */
/* ready_test.c - does everybody get a turn? */
#include "runner/ready.h"

#include "base/test.h"

#define LONG_NS AX_READY_SHORT_NS

TEST(ready_serves_one_tenant_in_order_of_arrival)
{
    struct ax_ready ready;
    struct ax_ready_item items[3] = { { .tenant_key = 7 },
                                      { .tenant_key = 7 },
                                      { .tenant_key = 7 } };

    ax_ready_init(&ready);
    T_TRUE(ax_ready_pop(&ready) == NULL);
    for (size_t i = 0; i < 3; i++)
        ax_ready_push(&ready, &items[i], 0);
    for (size_t i = 0; i < 3; i++)
        T_TRUE(ax_ready_pop(&ready) == &items[i]);
    T_TRUE(ax_ready_pop(&ready) == NULL);
    ax_ready_done(&ready);
}

TEST(ready_lets_tenants_take_turns)
{
    struct ax_ready ready;
    struct ax_ready_item greedy[100] = { 0 }, modest = { .tenant_key = 2 };

    ax_ready_init(&ready);
    for (size_t i = 0; i < 100; i++) {
        greedy[i].tenant_key = 1;
        ax_ready_push(&ready, &greedy[i], 0);
    }
    ax_ready_push(&ready, &modest, 0);
    T_TRUE(ax_ready_pop(&ready) == &greedy[0]);
    T_TRUE(ax_ready_pop(&ready) == &modest);
    for (size_t i = 1; i < 100; i++)
        T_TRUE(ax_ready_pop(&ready) == &greedy[i]);
    ax_ready_done(&ready);
}

TEST(ready_puts_two_milliseconds_into_the_second_level)
{
    const uint64_t used[] = { LONG_NS - 1, LONG_NS, LONG_NS + 1 };
    struct ax_ready ready;

    for (size_t i = 0; i < 3; i++) {
        struct ax_ready_item judged = { .tenant_key = 1 }, fresh = { .tenant_key = 2 };

        ax_ready_init(&ready);
        ax_ready_push(&ready, &judged, used[i]);
        ax_ready_push(&ready, &fresh, 0);
        T_TRUE(ax_ready_pop(&ready) == (used[i] < LONG_NS ? &judged : &fresh));
        T_TRUE(ax_ready_pop(&ready) != NULL);
        ax_ready_done(&ready);
    }
}

TEST(ready_gives_the_second_level_every_eighth_turn)
{
    struct ax_ready ready;
    struct ax_ready_item fresh[20] = { 0 }, heavy[2] = { { .tenant_key = 9 }, { .tenant_key = 9 } };
    unsigned turn = 0, first = 0, second = 0;
    const struct ax_ready_item *item;

    ax_ready_init(&ready);
    for (size_t i = 0; i < 20; i++) {
        fresh[i].tenant_key = i;
        ax_ready_push(&ready, &fresh[i], 0);
    }
    ax_ready_push(&ready, &heavy[0], LONG_NS);
    ax_ready_push(&ready, &heavy[1], LONG_NS);
    while ((item = ax_ready_pop(&ready)) != NULL) {
        turn++;
        if (item == &heavy[0])
            first = turn;
        if (item == &heavy[1])
            second = turn;
    }
    T_EQ(turn, 22);
    T_EQ(first, AX_READY_LONG_TURN);
    T_EQ(second, 2 * AX_READY_LONG_TURN);
    ax_ready_done(&ready);
}

TEST(ready_removes_from_first_middle_and_last_place)
{
    for (size_t gone = 0; gone < 3; gone++) {
        struct ax_ready ready;
        struct ax_ready_item items[3] = { 0 };

        ax_ready_init(&ready);
        for (size_t i = 0; i < 3; i++)
            ax_ready_push(&ready, &items[i], 0);
        ax_ready_remove(&ready, &items[gone]);
        ax_ready_remove(&ready, &items[gone]); /* twice is fine */
        for (size_t i = 0; i < 3; i++) {
            if (i != gone)
                T_TRUE(ax_ready_pop(&ready) == &items[i]);
        }
        T_TRUE(ax_ready_pop(&ready) == NULL);
        ax_ready_done(&ready);
    }
}

TEST_MAIN()

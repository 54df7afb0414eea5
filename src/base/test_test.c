/* SPDX-License-Identifier: Apache-2.0 */
/* test_test.c - does the test support count, isolate and sweep? */
#include "base/test.h"

static int test_counter;

TEST(test_changes_of_one_test)
{
    test_counter = 7;
    T_EQ(test_counter, 7);
}

TEST(test_are_not_seen_by_the_next)
{
    T_EQ(test_counter, 0);
}

TEST(test_sweep_refuses_each_allocation_once)
{
    unsigned runs = 0;
    unsigned refused = 0;

    T_SWEEP() {
        char *one = ax_try_alloc(1);
        char *two = ax_try_alloc(2);
        char *three = ax_try_realloc(NULL, 3);

        runs++;
        refused += !one;
        refused += !two;
        refused += !three;
        free(one);
        free(two);
        free(three);
    }
    T_EQ(refused, 3);
    T_EQ(runs, 4);
}

TEST(test_sweep_can_follow_a_sweep)
{
    for (int i = 0; i < 2; i++) {
        unsigned runs = 0;

        T_SWEEP() {
            runs++;
            free(ax_try_alloc(1));
        }
        T_EQ(runs, 2);
    }
}

TEST_MAIN()

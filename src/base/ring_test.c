/* SPDX-License-Identifier: Apache-2.0 */
/* ring_test.c - does everybody get a turn, in order of arrival? */
#include "base/ring.h"

#include "base/test.h"

TEST(ring_serves_in_order_of_arrival_again_and_again)
{
    struct ax_ring ring = { NULL };
    struct ax_ring_node nodes[3];

    for (size_t i = 0; i < 3; i++)
        ax_ring_add(&ring, &nodes[i]);
    for (size_t turn = 0; turn < 9; turn++) {
        T_TRUE(ring.turn == &nodes[turn % 3]);
        ax_ring_advance(&ring);
    }
}

TEST(ring_puts_who_comes_later_last)
{
    struct ax_ring ring = { NULL };
    struct ax_ring_node nodes[3], late;

    for (size_t i = 0; i < 3; i++)
        ax_ring_add(&ring, &nodes[i]);
    ax_ring_advance(&ring); /* it is nodes[1]'s turn: nodes[0] was last so far */
    ax_ring_add(&ring, &late);
    T_TRUE(ring.turn == &nodes[1]);
    T_TRUE(nodes[0].next == &late);
    T_TRUE(late.next == &nodes[1]);
}

TEST(ring_passes_the_turn_of_who_leaves_to_the_next)
{
    for (size_t gone = 0; gone < 3; gone++) {
        struct ax_ring ring = { NULL };
        struct ax_ring_node nodes[3];

        for (size_t i = 0; i < 3; i++)
            ax_ring_add(&ring, &nodes[i]);
        ax_ring_remove(&ring, &nodes[gone]);
        T_TRUE(ring.turn == &nodes[gone == 0 ? 1 : 0]);
        T_TRUE(ring.turn->next->next == ring.turn);
        ax_ring_remove(&ring, ring.turn->next);
        T_TRUE(ring.turn->next == ring.turn);
        ax_ring_remove(&ring, ring.turn);
        T_TRUE(ring.turn == NULL);
    }
}

TEST_MAIN()

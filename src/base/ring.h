/* SPDX-License-Identifier: Apache-2.0 */
/* ring.h - whose turn is it among those who take turns?
 *
 * A circular list of nodes that live inside their owners. `turn` is the next one to be served; who is
 * added comes last. Adding, removing and passing the turn on take constant time. One thread. */
#ifndef AX_BASE_RING_H
#define AX_BASE_RING_H

#include "base/alloc.h"

struct ax_ring_node {
    struct ax_ring_node *next, *previous;
};

struct ax_ring {
    struct ax_ring_node *turn; /* NULL: nobody is in */
};

/* Before the one whose turn it is, which is the last place. Not in a ring so far. */
static inline void ax_ring_add(struct ax_ring *ring, struct ax_ring_node *node)
{
    struct ax_ring_node *turn = ring->turn;

    if (!turn) {
        node->next = node->previous = node;
        ring->turn = node;
        return;
    }
    node->next = turn;
    node->previous = turn->previous;
    turn->previous->next = node;
    turn->previous = node;
}

/* If it was its turn, it is the next one's. */
static inline void ax_ring_remove(struct ax_ring *ring, struct ax_ring_node *node)
{
    if (ring->turn == node)
        ring->turn = node->next == node ? NULL : node->next;
    node->previous->next = node->next;
    node->next->previous = node->previous;
    node->next = node->previous = NULL;
}

/* Passes the turn on. The ring must not be empty. */
static inline void ax_ring_advance(struct ax_ring *ring)
{
    ring->turn = ring->turn->next;
}

#endif

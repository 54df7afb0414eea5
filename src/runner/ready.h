/* SPDX-License-Identifier: Apache-2.0 */
/* ready.h - whose turn is it in a worker?
 *
 * Two levels: executions that have used less than 2 ms of CPU time stand in the first, the others
 * in the second. Inside a level tenants take turns, and a tenant's executions stand in order of
 * arrival. The second level gets every eighth turn while both have work, so that neither starves.
 * One thread. Memory is sized by the number of executions; the items belong to the caller. */
#ifndef AX_RUNNER_READY_H
#define AX_RUNNER_READY_H

#include "base/ring.h"

#include <stdbool.h>
#include <stdint.h>

#define AX_READY_SHORT_NS  UINT64_C(2000000)
#define AX_READY_LONG_TURN 8
#define AX_READY_LEVELS    2
#define AX_READY_BUCKETS   512

struct ax_ready_tenant;

struct ax_ready_item { /* zero-initialised; inside its owner */
    uint64_t tenant_key;
    struct ax_ready_item *next, *previous;
    struct ax_ready_tenant *tenant; /* NULL: not queued */
};

struct ax_ready {
    struct ax_ready_tenant *buckets[AX_READY_BUCKETS];
    struct ax_ring levels[AX_READY_LEVELS]; /* of tenants that have something queued */
    struct ax_ready_tenant *spare;
    uint32_t streak; /* turns of the first level since the second had one */
    uint32_t count;
};

void ax_ready_init(struct ax_ready *ready);
/* The queue must be empty. */
void ax_ready_done(struct ax_ready *ready);
/* Queues `item`, which must not be queued, by the CPU time that it has used. */
void ax_ready_push(struct ax_ready *ready, struct ax_ready_item *item, uint64_t cpu_ns);
/* Takes the item whose turn it is; NULL when there is none. */
struct ax_ready_item *ax_ready_pop(struct ax_ready *ready);
/* Takes `item` out; not queued: nothing. */
void ax_ready_remove(struct ax_ready *ready, struct ax_ready_item *item);

#endif

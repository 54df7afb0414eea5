/* SPDX-License-Identifier: Apache-2.0 */
/* ready.c - whose turn is it in a worker? */
#include "runner/ready.h"

#include "base/alloc.h"

#include <assert.h>
#include <stddef.h>

/* A tenant that has something queued in one level. */
struct ax_ready_tenant {
    uint64_t key;
    unsigned level;
    struct ax_ready_item *first, *last;
    struct ax_ring_node ring;
    struct ax_ready_tenant *bucket_next; /* also links spare ones */
};

static struct ax_ready_tenant **bucket_of(struct ax_ready *ready, uint64_t key)
{
    return &ready->buckets[(key ^ (key >> 32)) % AX_READY_BUCKETS];
}

static struct ax_ready_tenant *tenant_get(struct ax_ready *ready, uint64_t key, unsigned level)
{
    struct ax_ready_tenant **bucket = bucket_of(ready, key);
    struct ax_ready_tenant *tenant = *bucket;

    while (tenant && (tenant->key != key || tenant->level != level))
        tenant = tenant->bucket_next;
    if (tenant)
        return tenant;
    tenant = ready->spare;
    if (tenant)
        ready->spare = tenant->bucket_next;
    else
        tenant = ax_alloc(sizeof(*tenant));
    *tenant = (struct ax_ready_tenant){ .key = key, .level = level, .bucket_next = *bucket };
    *bucket = tenant;
    ax_ring_add(&ready->levels[level], &tenant->ring);
    return tenant;
}

static void tenant_drop(struct ax_ready *ready, struct ax_ready_tenant *tenant)
{
    struct ax_ready_tenant **link = bucket_of(ready, tenant->key);

    ax_ring_remove(&ready->levels[tenant->level], &tenant->ring);
    while (*link != tenant)
        link = &(*link)->bucket_next;
    *link = tenant->bucket_next;
    tenant->bucket_next = ready->spare;
    ready->spare = tenant;
}

void ax_ready_init(struct ax_ready *ready)
{
    *ready = (struct ax_ready){ 0 };
}

void ax_ready_done(struct ax_ready *ready)
{
    assert(ready->count == 0);
    while (ready->spare) {
        struct ax_ready_tenant *tenant = ready->spare;

        ready->spare = tenant->bucket_next;
        free(tenant);
    }
}

void ax_ready_push(struct ax_ready *ready, struct ax_ready_item *item, uint64_t cpu_ns)
{
    struct ax_ready_tenant *tenant = tenant_get(ready, item->tenant_key,
                                                cpu_ns < AX_READY_SHORT_NS ? 0 : 1);

    assert(!item->tenant);
    item->tenant = tenant;
    item->next = NULL;
    item->previous = tenant->last;
    if (tenant->last)
        tenant->last->next = item;
    else
        tenant->first = item;
    tenant->last = item;
    ready->count++;
}

struct ax_ready_item *ax_ready_pop(struct ax_ready *ready)
{
    unsigned level = 0;

    if (!ready->levels[0].turn ||
        (ready->levels[1].turn && ready->streak >= AX_READY_LONG_TURN - 1))
        level = 1;
    if (!ready->levels[level].turn)
        return NULL;
    struct ax_ready_tenant *tenant = AX_CONTAINER_OF(ready->levels[level].turn,
                                                     struct ax_ready_tenant, ring);
    ready->streak = level == 0 ? ready->streak + 1 : 0;
    ax_ring_advance(&ready->levels[level]);
    struct ax_ready_item *item = tenant->first;
    ax_ready_remove(ready, item);
    return item;
}

void ax_ready_remove(struct ax_ready *ready, struct ax_ready_item *item)
{
    struct ax_ready_tenant *tenant = item->tenant;

    if (!tenant)
        return;
    if (item->previous)
        item->previous->next = item->next;
    else
        tenant->first = item->next;
    if (item->next)
        item->next->previous = item->previous;
    else
        tenant->last = item->previous;
    item->tenant = NULL;
    item->next = item->previous = NULL;
    ready->count--;
    if (!tenant->first)
        tenant_drop(ready, tenant);
}

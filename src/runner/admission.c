/* SPDX-License-Identifier: Apache-2.0 */
/* admission.c - may this execution start now? */
#include "runner/admission.h"

#include <assert.h>
#include <string.h>

struct ax_admission_tenant {
    struct ax_map_node node;
    uint32_t in_flight;
    uint32_t queued;
    uint32_t users; /* tickets that point here */
    struct ax_admission_ticket *first, *last;
    struct ax_ring_node ring; /* while queued */
    char key[];
};

struct ax_admission_install {
    struct ax_map_node node;
    uint32_t in_flight;
    uint32_t users;
    char key[];
};

void ax_admission_init(struct ax_admission *admission, const struct ax_admission_options *options,
                       void (*on_admitted)(struct ax_admission_ticket *ticket, void *arg),
                       void *arg)
{
    *admission = (struct ax_admission){ .options = *options,
                                        .on_admitted = on_admitted,
                                        .arg = arg };
    ax_map_init(&admission->tenants);
    ax_map_init(&admission->installs);
}

void ax_admission_done(struct ax_admission *admission)
{
    assert(admission->tenants.count == 0 && admission->installs.count == 0);
    ax_map_done(&admission->tenants);
    ax_map_done(&admission->installs);
}

static struct ax_admission_tenant *tenant_get(struct ax_admission *admission, struct ax_str name)
{
    struct ax_map_node *node = ax_map_find(&admission->tenants, name);
    struct ax_admission_tenant *tenant;

    if (node)
        return AX_CONTAINER_OF(node, struct ax_admission_tenant, node);
    tenant = ax_alloc(sizeof(*tenant) + name.len + 1);
    if (name.len)
        memcpy(tenant->key, name.ptr, name.len);
    ax_map_insert(&admission->tenants, &tenant->node, ax_str_make(tenant->key, name.len));
    return tenant;
}

/* An install is named inside its tenant: length, tenant and install make one unambiguous key. */
static struct ax_admission_install *install_get(struct ax_admission *admission,
                                                struct ax_str tenant, struct ax_str name)
{
    size_t len = sizeof(tenant.len) + tenant.len + name.len;
    struct ax_admission_install *install = ax_alloc(sizeof(*install) + len);
    struct ax_map_node *node;

    memcpy(install->key, &tenant.len, sizeof(tenant.len));
    if (tenant.len)
        memcpy(install->key + sizeof(tenant.len), tenant.ptr, tenant.len);
    if (name.len)
        memcpy(install->key + sizeof(tenant.len) + tenant.len, name.ptr, name.len);
    node = ax_map_find(&admission->installs, ax_str_make(install->key, len));
    if (node) {
        free(install);
        return AX_CONTAINER_OF(node, struct ax_admission_install, node);
    }
    ax_map_insert(&admission->installs, &install->node, ax_str_make(install->key, len));
    return install;
}

static void ticket_bind(struct ax_admission *admission, struct ax_admission_ticket *ticket,
                        struct ax_str tenant, struct ax_str install)
{
    ticket->tenant = tenant_get(admission, tenant);
    ticket->tenant->users++;
    ticket->install = install_get(admission, tenant, install);
    ticket->install->users++;
}

static void ticket_unbind(struct ax_admission *admission, struct ax_admission_ticket *ticket)
{
    if (--ticket->tenant->users == 0) {
        ax_map_remove(&admission->tenants, &ticket->tenant->node);
        free(ticket->tenant);
    }
    if (--ticket->install->users == 0) {
        ax_map_remove(&admission->installs, &ticket->install->node);
        free(ticket->install);
    }
    *ticket = (struct ax_admission_ticket){ 0 };
}

static void queue_push(struct ax_admission *admission, struct ax_admission_ticket *ticket)
{
    struct ax_admission_tenant *tenant = ticket->tenant;

    ticket->state = AX_ADMISSION_QUEUED;
    ticket->previous = tenant->last;
    if (tenant->last)
        tenant->last->next = ticket;
    else
        tenant->first = ticket;
    tenant->last = ticket;
    if (tenant->queued++ == 0)
        ax_ring_add(&admission->waiting, &tenant->ring);
    admission->queued++;
}

static void queue_remove(struct ax_admission *admission, struct ax_admission_ticket *ticket)
{
    struct ax_admission_tenant *tenant = ticket->tenant;

    if (ticket->previous)
        ticket->previous->next = ticket->next;
    else
        tenant->first = ticket->next;
    if (ticket->next)
        ticket->next->previous = ticket->previous;
    else
        tenant->last = ticket->previous;
    ticket->next = ticket->previous = NULL;
    if (--tenant->queued == 0)
        ax_ring_remove(&admission->waiting, &tenant->ring);
    admission->queued--;
}

static bool has_room(const struct ax_admission *admission, const struct ax_admission_ticket *ticket)
{
    return admission->in_flight < admission->capacity &&
           ticket->tenant->in_flight < admission->options.per_tenant &&
           ticket->install->in_flight < admission->options.per_install;
}

static void ticket_admit(struct ax_admission *admission, struct ax_admission_ticket *ticket)
{
    ticket->state = AX_ADMISSION_IN;
    ticket->tenant->in_flight++;
    ticket->install->in_flight++;
    admission->in_flight++;
}

/* The first ticket of the queue whose install has room: an install at its bound holds up nobody. */
static struct ax_admission_ticket *tenant_next(const struct ax_admission *admission,
                                               const struct ax_admission_tenant *tenant)
{
    struct ax_admission_ticket *ticket = tenant->first;

    while (ticket && !has_room(admission, ticket))
        ticket = ticket->next;
    return ticket;
}

/* Admits until nobody who waits has room. Looks at each tenant of the ring at most once in vain. */
static void admit_from_queues(struct ax_admission *admission)
{
    const struct ax_admission_tenant *stop = NULL;

    while (admission->waiting.turn && admission->in_flight < admission->capacity) {
        struct ax_admission_tenant *tenant = AX_CONTAINER_OF(admission->waiting.turn,
                                                             struct ax_admission_tenant, ring);
        struct ax_admission_ticket *ticket = tenant_next(admission, tenant);

        if (!ticket) {
            if (tenant == stop)
                return; /* once round the ring */
            if (!stop)
                stop = tenant;
            ax_ring_advance(&admission->waiting);
            continue;
        }
        stop = NULL;
        ax_ring_advance(&admission->waiting);
        queue_remove(admission, ticket);
        ticket_admit(admission, ticket);
        admission->on_admitted(ticket, admission->arg);
    }
}

void ax_admission_set_capacity(struct ax_admission *admission, uint32_t capacity)
{
    admission->capacity = capacity;
    admit_from_queues(admission);
}

enum ax_code ax_admission_enter(struct ax_admission *admission, struct ax_admission_ticket *ticket,
                                struct ax_str tenant, struct ax_str install)
{
    assert(ticket->state == AX_ADMISSION_OUT);
    ticket_bind(admission, ticket, tenant, install);
    if (has_room(admission, ticket)) {
        ticket_admit(admission, ticket);
        return AX_OK;
    }
    if (ticket->tenant->queued >= admission->options.queue_max) {
        ticket_unbind(admission, ticket);
        return AX_E_CONCURRENCY_LIMITED;
    }
    queue_push(admission, ticket);
    return AX_OK;
}

void ax_admission_leave(struct ax_admission *admission, struct ax_admission_ticket *ticket)
{
    bool was_in = ticket->state == AX_ADMISSION_IN;

    if (ticket->state == AX_ADMISSION_OUT)
        return;
    if (was_in) {
        ticket->tenant->in_flight--;
        ticket->install->in_flight--;
        admission->in_flight--;
    } else {
        queue_remove(admission, ticket);
    }
    ticket_unbind(admission, ticket);
    if (was_in)
        admit_from_queues(admission);
}

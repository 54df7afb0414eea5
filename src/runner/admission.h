/* SPDX-License-Identifier: Apache-2.0 */
/* admission.h - may this execution start now?
 *
 * Three bounds: executions in flight of one install, of one tenant, and of the whole runner (the
 * workers' slots). Over one of them an execution waits in its tenant's queue, which has a bound of
 * its own; when places come free, tenants take turns. Whoever waits decides how long: leaving the
 * queue is always possible. Nothing is known of an idle tenant. One thread. */
#ifndef AX_RUNNER_ADMISSION_H
#define AX_RUNNER_ADMISSION_H

#include "base/map.h"
#include "base/ring.h"

#include <stdint.h>

struct ax_admission_options {
    uint32_t per_install;
    uint32_t per_tenant;
    uint32_t queue_max; /* of one tenant */
};

struct ax_admission_tenant;
struct ax_admission_install;

enum ax_admission_state { AX_ADMISSION_OUT, AX_ADMISSION_QUEUED, AX_ADMISSION_IN };

struct ax_admission_ticket { /* zero-initialised; inside its owner */
    enum ax_admission_state state;
    struct ax_admission_tenant *tenant;
    struct ax_admission_install *install;
    struct ax_admission_ticket *next, *previous; /* in the tenant's queue */
};

struct ax_admission {
    struct ax_admission_options options;
    struct ax_map tenants;
    struct ax_map installs;
    struct ax_ring waiting; /* tenants with a queue */
    uint32_t in_flight;
    uint32_t capacity;
    uint32_t queued;
    /* A queued ticket is in from now on. Called from inside ax_admission_leave() and
     * ax_admission_capacity(). */
    void (*on_admitted)(struct ax_admission_ticket *ticket, void *arg);
    void *arg;
};

void ax_admission_init(struct ax_admission *admission, const struct ax_admission_options *options,
                       void (*on_admitted)(struct ax_admission_ticket *ticket, void *arg),
                       void *arg);
/* All tickets must be out. */
void ax_admission_done(struct ax_admission *admission);

/* How many executions the runner can have in flight; raising it admits from the queues. */
void ax_admission_set_capacity(struct ax_admission *admission, uint32_t capacity);

/* The ticket must be out. AX_OK: look at ticket->state, in or queued.
 * AX_E_CONCURRENCY_LIMITED: the tenant's queue is full; the ticket stays out. */
AX_CHECKED enum ax_code ax_admission_enter(struct ax_admission *admission,
                                           struct ax_admission_ticket *ticket, struct ax_str tenant,
                                           struct ax_str install);
/* Gives back the place, in flight or in the queue; out: nothing. */
void ax_admission_leave(struct ax_admission *admission, struct ax_admission_ticket *ticket);

#endif

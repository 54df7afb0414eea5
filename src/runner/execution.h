/* SPDX-License-Identifier: Apache-2.0 */
/* execution.h - what happens to one POST /v1/execute?
 *
 *   arrive --> ADMISSION --> UNIT --> RUNNING --> answered, freed when its last host call is over
 *      `-----------`-----------`---------`----> refused, failed, or the client went away
 *
 * Each arrow out of a state gives back what the state holds: the place in admission, the wait for a
 * unit, the run on a worker. The answer of contracts (runner) is written once, by one function. */
#ifndef AX_RUNNER_EXECUTION_H
#define AX_RUNNER_EXECUTION_H

#include "base/metrics.h"
#include "host/host.h"
#include "http/server.h"
#include "runner/admission.h"
#include "runner/unit.h"
#include "runner/worker_peer.h"

struct ax_execution;

/* What all executions of a front share. */
struct ax_executions {
    struct ax_loop *loop;
    struct ax_units *units;
    struct ax_workers *workers;
    struct ax_host *host;
    struct ax_admission admission;
    struct ax_execution *spare; /* freed ones, their memory kept */
    uint32_t spare_count;
    uint32_t alive;
    uint64_t body_bytes; /* of all requests alive, against their common bound */
    bool draining;
    uint64_t outcomes[AX_CODE_COUNT]; /* by code; AX_OK: the guest answered */
    struct ax_metric latency;
    /* A worker let a deadline pass without a word. */
    void (*on_stuck)(uint32_t worker_slot, void *arg);
    void *arg;
};

void ax_executions_init(struct ax_executions *all, struct ax_loop *loop, struct ax_units *units,
                        struct ax_workers *workers, struct ax_host *host,
                        const struct ax_admission_options *options,
                        void (*on_stuck)(uint32_t worker_slot, void *arg), void *arg);
/* None may be alive. */
void ax_executions_done(struct ax_executions *all);

/* In on_head: may a body of `announced` bytes (SIZE_MAX: unknown) be read at all? AX_OK reserves
 * nothing yet; AX_E_PAYLOAD_TOO_LARGE, AX_E_OVERLOADED, AX_E_DRAINING. */
AX_CHECKED enum ax_code ax_executions_may_read(const struct ax_executions *all, size_t announced,
                                               struct ax_err *err);

/* In on_request: takes the exchange over and answers it, now or later. */
void ax_execution_start(struct ax_executions *all, struct ax_exchange *ex);
/* In on_abort, for an exchange that was taken over. */
void ax_execution_abort(struct ax_exchange *ex);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* worker_peer.h - which worker runs this, and what does it say? (the front's side)
 *
 * The front trusts no worker: ids, counts and answers are judged as a stranger's. An execution goes
 * to the worker with the fewest under way; its machine code goes ahead of it on the same socket when
 * that worker has not got it. A worker that ends takes its own executions with it, nothing else. */
#ifndef AX_RUNNER_WORKER_PEER_H
#define AX_RUNNER_WORKER_PEER_H

#include "base/arena.h"
#include "loop/channel.h"
#include "runner/core_json.h"
#include "runner/exec_message.h"
#include "runner/unit.h"
#include "runner/worker_count.h"

struct ax_run;
struct ax_worker_peer;

/* What a run's owner is told. on_done or on_fault comes once and is the last; the run is out by
 * then and may be started again. Borrowed bytes live for the callback. */
struct ax_run_handler {
    void (*on_log)(struct ax_run *run, uint32_t at_ms, uint8_t level, struct ax_str text);
    void (*on_call)(struct ax_run *run, uint32_t call, struct ax_str interface,
                    struct ax_str function, struct ax_str payload);
    void (*on_done)(struct ax_run *run, const struct ax_usage *usage,
                    const struct ax_guest_response *response);
    /* AX_E_WORKER_LOST: the worker ended; `usage` is empty then. */
    void (*on_fault)(struct ax_run *run, const struct ax_usage *usage, enum ax_code code,
                     struct ax_str words);
};

struct ax_run {                  /* zero-initialised; inside its owner */
    struct ax_worker_peer *peer; /* NULL: not running */
    struct ax_unit *unit;
    const struct ax_run_handler *handler;
    uint64_t id;
};

struct ax_workers {
    struct ax_loop *loop;
    struct ax_units *units;
    struct ax_worker_peer *peers[AX_WORKERS_MAX]; /* by slot; NULL: none was handed over yet */
    struct ax_arena arena;                        /* of the frame being read */
    uint64_t mappings_max;                        /* a worker's, by the system's limit */
    uint64_t lost;                                /* workers that ended */
    /* The number of executions that all workers together can run has changed. */
    void (*on_capacity)(uint32_t capacity, void *arg);
    /* This worker broke the rules; it is cut off already. */
    void (*on_broken)(uint32_t slot, void *arg);
    void *arg;
};

void ax_workers_init(struct ax_workers *workers, struct ax_loop *loop, struct ax_units *units,
                     void (*on_capacity)(uint32_t capacity, void *arg),
                     void (*on_broken)(uint32_t slot, void *arg), void *arg);
/* Runs that are still out there end with AX_E_CANCELED. */
void ax_workers_done(struct ax_workers *workers);

/* A new socket to the worker of `slot`, whose old one, if any, is gone. Takes `fd` over. */
void ax_workers_on_worker(struct ax_workers *workers, uint32_t slot, uint32_t pid, int fd);
/* ax_units' on_evict. */
void ax_workers_unload(struct ax_workers *workers, const struct ax_unit *unit);

/* ax_units' on_refused: every run of `unit` ends with this code. */
void ax_workers_refuse(struct ax_workers *workers, const struct ax_unit *unit, enum ax_code code,
                       const struct ax_err *err);

uint32_t ax_workers_up(const struct ax_workers *workers);
uint32_t ax_workers_capacity(const struct ax_workers *workers);
/* Executions that one worker can hold by the system's limit of mappings. */
uint32_t ax_workers_mapping_slots(const struct ax_workers *workers);

/* Starts `message` (its module is filled in here) on a worker. AX_E_OVERLOADED: no worker has room;
 * AX_E_WORKER_LOST: the socket just ended. Nothing runs then and no callback comes. */
AX_CHECKED enum ax_code ax_run_start(struct ax_workers *workers, struct ax_run *run,
                                     struct ax_unit *unit, struct ax_exec_message *message,
                                     const struct ax_run_handler *handler);
void ax_run_answer(struct ax_run *run, uint32_t call, uint32_t number, struct ax_str payload);
/* Nobody wants it any more: no callback comes. Not running: nothing. */
void ax_run_cancel(struct ax_run *run);
/* The slot of its worker, for a complaint. */
uint32_t ax_run_slot(const struct ax_run *run);

#endif

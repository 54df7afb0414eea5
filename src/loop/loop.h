/* SPDX-License-Identifier: Apache-2.0 */
/* loop.h - how does our code wait?
 *
 * One struct ax_loop per process, around one uv_loop_t. Three ways to wait that need no closing:
 * timers (a heap over one uv_timer_t), tasks (run once, soon, never from inside the call that posted
 * them) and jobs (blocking work on libuv's threads). Everything here belongs to the loop's
 * thread. */
#ifndef AX_LOOP_LOOP_H
#define AX_LOOP_LOOP_H

#include "base/err.h"
#include "loop/op.h"

#include <stdint.h>
#include <uv.h>

struct ax_loop;

struct ax_timer { /* zero-initialised; inside its owner; stop it before the owner dies */
    uint64_t at_ms;
    uint64_t order; /* of its start: equal moments run in that order */
    void (*on_time)(struct ax_timer *timer);
    struct ax_loop *loop;
    size_t slot; /* position in the heap + 1; 0: not running */
};

struct ax_task { /* zero-initialised; inside its owner; withdraw it before the owner dies */
    void (*on_run)(struct ax_task *task);
    struct ax_task *next;
    struct ax_task *previous;
    struct ax_loop *loop; /* NULL: not posted */
};

struct ax_job { /* blocking work; the struct must live until op.on_done */
    struct ax_op op;
    uv_work_t work;
    enum ax_code (*run)(void *arg); /* on another thread */
    void *run_arg;
    enum ax_code result;
};

struct ax_loop {
    uv_loop_t uv;
    uv_timer_t timer;
    uv_check_t check;
    uv_idle_t idle;
    struct ax_timer **heap;
    size_t heap_len, heap_cap;
    uint64_t timers_started; /* gives each start its order */
    uint64_t armed_ms;       /* when libuv will wake us at the latest */
    struct ax_task again;    /* arms for timers that are due in the next turn */
    bool firing;             /* timers are being run */
    struct ax_task *tasks_first, *tasks_last;
    bool stopping;
};

void ax_loop_init(struct ax_loop *loop);
/* Runs until ax_loop_stop(). */
void ax_loop_run(struct ax_loop *loop);
void ax_loop_stop(struct ax_loop *loop);
/* Closes our own handles and runs what is left of closing; all others must be closing by now. */
void ax_loop_done(struct ax_loop *loop);
/* Monotonic milliseconds as of this turn of the loop (uv_now): the clock of all deadlines. */
uint64_t ax_loop_now_ms(const struct ax_loop *loop);

/* (Re)starts `timer` for the moment `at_ms` of ax_loop_now_ms(); in the past: next turn. */
void ax_timer_start(struct ax_loop *loop, struct ax_timer *timer, uint64_t at_ms,
                    void (*on_time)(struct ax_timer *timer));
void ax_timer_stop(struct ax_timer *timer); /* not running: nothing */
bool ax_timer_is_running(const struct ax_timer *timer);

/* Runs `on_run` once, later in this turn or in the next; posted tasks run in order. Already posted:
 * nothing. */
void ax_task_post(struct ax_loop *loop, struct ax_task *task, void (*on_run)(struct ax_task *task));
void ax_task_withdraw(struct ax_task *task);

/* Runs `run(run_arg)` on a thread; its code is on_done's. Cancel stops it only before it began. */
void ax_job_start(struct ax_loop *loop, struct ax_job *job, enum ax_code (*run)(void *arg),
                  void *run_arg, ax_op_done_fn *on_done, void *arg);

#endif

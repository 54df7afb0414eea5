/* SPDX-License-Identifier: Apache-2.0 */
/* supervisor_private.h - what do the supervisor's files share?
 *
 * supervisor.c knows about the whole, supervisor_process.c about one process, supervisor_builders.c
 * about builders, who come and go with their jobs. */
#ifndef AX_RUNNER_SUPERVISOR_PRIVATE_H
#define AX_RUNNER_SUPERVISOR_PRIVATE_H

#include "loop/channel.h"
#include "loop/role.h"
#include "runner/message.h"
#include "runner/start.h"
#include "runner/supervisor.h"

struct supervisor;

struct process { /* a place for a role; others come after each other into the same place */
    struct supervisor *supervisor;
    enum ax_start_role role;
    uint32_t slot;              /* among those of its role */
    struct ax_child *child;     /* NULL: not running */
    pid_t pid;                  /* of the child */
    struct ax_channel *control; /* NULL: not running, or it has let go */
    struct ax_timer timer;      /* running: when it is killed; else: when it starts again */
    uint64_t started_ms;
    unsigned failures; /* in a row; they slow restarts down */
    bool busy;         /* a builder with a job */
    uint64_t job;      /* the loader's id of it */
};

enum supervisor_state { SUPERVISOR_RUNS, SUPERVISOR_DRAINS, SUPERVISOR_ENDS };

struct supervisor {
    struct ax_loop loop;
    enum supervisor_state state;
    int status; /* of the exit */
    const struct ax_supervisor_times *times;
    struct ax_settings *settings;
    struct ax_start start;
    struct process front, loader;
    struct process *workers;  /* start.workers */
    struct process *builders; /* start.compile_jobs + 1: one of them idle, in reserve */
    uint32_t builder_count;
    uint64_t *wishes; /* jobs of the loader that wait for a builder */
    size_t wish_count;
    bool ready[AX_START_ROLES];            /* one of them was, at some time */
    unsigned false_starts[AX_START_ROLES]; /* exits before any was */
    uv_signal_t signals[3];
    int argc;
    char *const *argv;
    char *const *envp;
};

/* --- supervisor_process.c --- */

void process_init(struct process *process, struct supervisor *supervisor, enum ax_start_role role,
                  uint32_t slot);
const char *process_name(const struct process *process);
/* Starts it now and hands it what it needs. False: it will be tried again later. */
bool process_start(struct process *process);
/* Starts it by and by: the place is empty. */
void process_start_later(struct process *process);
void process_kill_in(struct process *process, uint64_t ms);
/* Asks it to end by itself within `grace_ms`; then it is killed. 0: at once. */
void process_end(struct process *process, uint64_t grace_ms);
void process_reload(struct process *process);
/* Frees what is left of it; kills it if it still runs. */
void process_done(struct process *process);
/* Sends a frame that begin() has begun; who does not read is killed. */
void process_send(struct process *process);
/* Gives both a socket to each other, if both run. */
void process_link(struct process *a, struct process *b);

/* --- supervisor_builders.c --- */

void builders_init(struct supervisor *supervisor);
void builders_done(struct supervisor *supervisor);
/* Gives waiting jobs to builders and sees that one is in reserve. */
void builders_serve(struct supervisor *supervisor);
void builders_want(struct supervisor *supervisor, uint64_t job);
void builders_kill(struct supervisor *supervisor, uint64_t job);
void builders_on_exit(struct process *process, int status);
/* The loader is gone, and with it everybody who wanted something. */
void builders_forget(struct supervisor *supervisor);
void builders_replace_idle(struct supervisor *supervisor);

/* --- supervisor.c --- */

/* The other ends of everything that a fresh process talks to, for it and for them. */
void supervisor_introduce(struct supervisor *supervisor, struct process *process);
/* Its place is empty again. */
void supervisor_on_exit(struct supervisor *supervisor, struct process *process);
/* The front had to be killed: if that was the end, it was not a good one. */
void supervisor_cut_short(struct supervisor *supervisor);
/* Such a role does not start: everything ends. */
void supervisor_give_up(struct supervisor *supervisor, const struct process *process);

#endif

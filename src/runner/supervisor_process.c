/* SPDX-License-Identifier: Apache-2.0 */
/* supervisor_process.c - how does one role live, from its start to its next one?
 *
 *     start --> running --(exit)--> waiting --(timer)--> start ...
 *                  `--(lets go of its control socket, or its time is over)--> killed --> waiting */
#include "runner/supervisor_private.h"

#include "base/log.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#define PROCESS_QUEUE_MAX    (1u << 20)
#define PROCESS_LET_GO_MS    2000  /* from the end of its control socket to its own */
#define PROCESS_LATE_MS      1000  /* beyond the grace that it was given */
#define PROCESS_STEADY_MS    10000 /* who lived that long has not failed to start */
#define PROCESS_BACK_OFF_MS  10    /* after the second failure in a row, then doubled */
#define PROCESS_BACK_OFF_MAX 1000
#define PROCESS_FALSE_STARTS 3
#define PROCESS_STATUS_MAX   32

static const struct {
    const char *name;
    unsigned bit; /* enum ax_role_bit */
    enum ax_peer peer;
} process_roles[AX_START_ROLES] = {
    [AX_START_FRONT] = { "front", AX_ROLE_FRONT, AX_PEER_FRONT },
    [AX_START_LOADER] = { "loader", AX_ROLE_LOADER, AX_PEER_LOADER },
    [AX_START_BUILDER] = { "builder", AX_ROLE_BUILDER, 0 },
    [AX_START_WORKER] = { "worker", AX_ROLE_WORKER, AX_PEER_WORKER },
};

void process_init(struct process *process, struct supervisor *supervisor, enum ax_start_role role,
                  uint32_t slot)
{
    *process = (struct process){ .supervisor = supervisor, .role = role, .slot = slot };
}

const char *process_name(const struct process *process)
{
    return process_roles[process->role].name;
}

static void process_kill(struct process *process)
{
    if (process->child)
        ax_child_kill(process->child, SIGKILL);
}

static void process_on_time_to_kill(struct ax_timer *timer)
{
    struct process *process = AX_CONTAINER_OF(timer, struct process, timer);

    ax_log(AX_WARN, "role.killed", kv_cstr("process", process_name(process)),
           kv_u64("slot", process->slot), kv_i64("pid", process->pid));
    if (process->role == AX_START_FRONT)
        supervisor_cut_short(process->supervisor);
    process_kill(process);
}

void process_kill_in(struct process *process, uint64_t ms)
{
    struct ax_loop *loop = &process->supervisor->loop;

    ax_timer_start(loop, &process->timer, ax_loop_now_ms(loop) + ms, process_on_time_to_kill);
}

/* --- what it says --- */

static enum ax_code process_on_restart_peer(struct supervisor *supervisor, struct ax_reader *reader)
{
    uint8_t peer = ax_reader_u8(reader);
    uint32_t slot = ax_reader_u32(reader);

    if (!ax_reader_ok(reader))
        return AX_E_INVALID_REQUEST;
    if (peer == AX_PEER_LOADER && slot == 0)
        process_kill(&supervisor->loader);
    else if (peer == AX_PEER_WORKER && slot < supervisor->start.workers)
        process_kill(&supervisor->workers[slot]);
    else
        return AX_E_INVALID_REQUEST;
    return AX_OK;
}

static enum ax_code process_on_frame(void *arg, const struct ax_frame *frame, int fd)
{
    struct process *process = arg;
    struct supervisor *supervisor = process->supervisor;
    struct ax_reader reader = ax_reader_of(frame->payload);

    if (fd >= 0) {
        ax_fd_close(&fd);
        return AX_E_INVALID_REQUEST;
    }
    if (frame->type == AX_MSG_RESTART_PEER && process->role == AX_START_FRONT)
        return process_on_restart_peer(supervisor, &reader);
    if (!ax_reader_ok(&reader))
        return AX_E_INVALID_REQUEST;
    if (frame->type == AX_MSG_READY) {
        supervisor->ready[process->role] = true;
        ax_log(AX_INFO, "role.ready", kv_cstr("process", process_name(process)),
               kv_u64("slot", process->slot), kv_i64("pid", process->pid));
        return AX_OK;
    }
    if (process->role != AX_START_LOADER)
        return AX_E_INVALID_REQUEST;
    switch (frame->type) {
    case AX_MSG_WANT_BUILDER: builders_want(supervisor, frame->id); return AX_OK;
    case AX_MSG_KILL_BUILDER: builders_kill(supervisor, frame->id); return AX_OK;
    default: return AX_E_INVALID_REQUEST;
    }
}

static void process_on_end(void *arg, enum ax_code code)
{
    struct process *process = arg;

    if (code != AX_E_CLOSED)
        ax_log(AX_ERROR, "role.broke_rules", kv_cstr("process", process_name(process)),
               kv_i64("pid", process->pid), kv_code("why", code));
    ax_channel_close(process->control);
    process->control = NULL;
    process_kill_in(process, code == AX_E_CLOSED ? PROCESS_LET_GO_MS : 0);
}

/* --- its end --- */

static void process_on_time_to_start(struct ax_timer *timer)
{
    struct process *process = AX_CONTAINER_OF(timer, struct process, timer);

    if (process->role == AX_START_BUILDER)
        builders_serve(process->supervisor); /* knows whether one is missing */
    else if (process_start(process))
        ax_log(AX_INFO, "role.restarted", kv_cstr("process", process_name(process)),
               kv_u64("slot", process->slot), kv_i64("pid", process->pid),
               kv_u64("failures", process->failures));
}

/* At once after the first failure, then more and more slowly. */
void process_start_later(struct process *process)
{
    struct ax_loop *loop = &process->supervisor->loop;
    uint64_t now = ax_loop_now_ms(loop);
    uint64_t delay = 0;

    if (now - process->started_ms >= PROCESS_STEADY_MS)
        process->failures = 0;
    if (process->failures > 0) {
        delay = PROCESS_BACK_OFF_MS;
        for (unsigned i = 1; i < process->failures && delay < PROCESS_BACK_OFF_MAX; i++)
            delay *= 2;
        delay = delay < PROCESS_BACK_OFF_MAX ? delay : PROCESS_BACK_OFF_MAX;
    }
    process->failures++;
    ax_timer_start(loop, &process->timer, now + delay, process_on_time_to_start);
}

static void process_log_exit(const struct process *process, int status)
{
    char how[PROCESS_STATUS_MAX];
    bool well = WIFEXITED(status) && WEXITSTATUS(status) == 0;

    if (WIFSIGNALED(status))
        (void)snprintf(how, sizeof(how), "signal %d", WTERMSIG(status));
    else
        (void)snprintf(how, sizeof(how), "exit %d", WEXITSTATUS(status));
    ax_log(well ? AX_INFO : AX_WARN, "role.exited", kv_cstr("process", process_name(process)),
           kv_u64("slot", process->slot), kv_i64("pid", process->pid), kv_cstr("status", how));
}

static void process_on_exit(struct ax_child *child, int status, void *arg)
{
    struct process *process = arg;
    struct supervisor *supervisor = process->supervisor;

    process_log_exit(process, status);
    ax_child_free(child);
    process->child = NULL;
    ax_channel_close(process->control);
    process->control = NULL;
    ax_timer_stop(&process->timer);
    if (!supervisor->ready[process->role] && WIFEXITED(status) &&
        ++supervisor->false_starts[process->role] == PROCESS_FALSE_STARTS)
        supervisor_give_up(supervisor, process);
    if (process->role == AX_START_LOADER)
        builders_forget(supervisor);
    if (process->role == AX_START_BUILDER)
        builders_on_exit(process, status);
    else if (supervisor->state == SUPERVISOR_RUNS ||
             (supervisor->state == SUPERVISOR_DRAINS && process->role != AX_START_FRONT))
        process_start_later(process);
    supervisor_on_exit(supervisor, process);
}

/* --- its start --- */

bool process_start(struct process *process)
{
    const struct ax_channel_limits limits = { AX_MSG_CONTROL_MAX, PROCESS_QUEUE_MAX };
    const struct ax_channel_handler handler = { process_on_frame, process_on_end, NULL, process };
    struct supervisor *supervisor = process->supervisor;
    uid_t uid = supervisor->start.uids[process->role];
    const struct ax_child_spec spec = { .role = process_name(process),
                                        .settings = supervisor->settings,
                                        .role_bit = process_roles[process->role].bit,
                                        .uid = uid,
                                        .gid = (gid_t)uid };
    struct ax_err err = { .code = AX_OK };
    int control = -1;

    ax_timer_stop(&process->timer);
    process->started_ms = ax_loop_now_ms(&supervisor->loop);
    process->busy = false;
    if (ax_child_start(&supervisor->loop, &spec, process_on_exit, process, &process->child,
                       &control, &err) != AX_OK) {
        ax_log(AX_ERROR, "role.not_started", kv_cstr("process", process_name(process)),
               kv_cstr("why", err.message));
        process_start_later(process);
        return false;
    }
    process->pid = ax_child_pid(process->child);
    process->control = ax_channel_new(&supervisor->loop, control, &limits, &handler);
    supervisor_introduce(supervisor, process);
    return true;
}

/* --- what is said to it --- */

void process_send(struct process *process)
{
    if (ax_channel_end(process->control) != AX_OK)
        process_kill(process); /* it does not read, or is gone: both are told by its exit */
}

static void process_tell_peer(struct process *to, const struct process *about, int fd)
{
    struct ax_buf *out = ax_channel_begin(to->control, AX_MSG_PEER, 0, fd);

    ax_frame_put_u8(out, (uint8_t)process_roles[about->role].peer);
    ax_frame_put_u32(out, about->slot);
    ax_frame_put_u32(out, (uint32_t)about->pid);
    process_send(to);
}

void process_link(struct process *a, struct process *b)
{
    int fds[2] = { -1, -1 };

    if (!a->control || !b->control)
        return;
    if (ax_channel_pair(fds) == AX_OK) {
        process_tell_peer(a, b, fds[0]);
        process_tell_peer(b, a, fds[1]);
    } else {
        process_kill(b); /* comes back, and with it the next try */
    }
    ax_fd_close(&fds[0]);
    ax_fd_close(&fds[1]);
}

void process_reload(struct process *process)
{
    int fd = -1;

    if (!process->control)
        return;
    if (ax_role_settings_fd(process->supervisor->settings, process_roles[process->role].bit, &fd) !=
        AX_OK) {
        process_kill(process); /* it comes back with the settings that it should have */
        return;
    }
    ax_channel_begin(process->control, AX_MSG_RELOAD, 0, fd);
    process_send(process);
    ax_fd_close(&fd);
}

void process_end(struct process *process, uint64_t grace_ms)
{
    if (!process->child) {
        ax_timer_stop(&process->timer);
        return;
    }
    if (grace_ms > 0 && process->control) {
        struct ax_buf *out = ax_channel_begin(process->control, AX_MSG_DRAIN, 0, -1);

        ax_frame_put_u64(out, grace_ms);
        process_send(process);
    }
    process_kill_in(process, grace_ms > 0 ? grace_ms + PROCESS_LATE_MS : 0);
}

void process_done(struct process *process)
{
    ax_timer_stop(&process->timer);
    ax_channel_close(process->control);
    process->control = NULL;
    ax_child_free(process->child);
    process->child = NULL;
}

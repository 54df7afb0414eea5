/* SPDX-License-Identifier: Apache-2.0 */
/* supervisor_builders.c - who gets a builder, and when?
 *
 * A builder does one job and ends. One more than may work stands by, so that a job need not wait for
 * a process to start. Jobs beyond RUNNER_COMPILE_JOBS wait in order. */
#include "runner/supervisor_private.h"

#include "base/alloc.h"
#include "base/log.h"

#include <string.h>

#define BUILDERS_WISHES_MAX 4096
#define BUILDERS_NO_STATUS  (1 << 8) /* as wait() tells of an exit with 1 */

void builders_init(struct supervisor *supervisor)
{
    supervisor->builder_count = supervisor->start.compile_jobs + 1;
    supervisor->builders = ax_alloc(supervisor->builder_count * sizeof(*supervisor->builders));
    for (uint32_t i = 0; i < supervisor->builder_count; i++)
        process_init(&supervisor->builders[i], supervisor, AX_START_BUILDER, i);
    supervisor->wishes = ax_alloc(BUILDERS_WISHES_MAX * sizeof(*supervisor->wishes));
}

void builders_done(struct supervisor *supervisor)
{
    for (uint32_t i = 0; i < supervisor->builder_count; i++)
        process_done(&supervisor->builders[i]);
    free(supervisor->builders);
    free(supervisor->wishes);
}

static bool builder_is_idle(const struct process *builder)
{
    return builder->child && builder->control && !builder->busy;
}

static struct process *builders_idle(struct supervisor *supervisor)
{
    for (uint32_t i = 0; i < supervisor->builder_count; i++) {
        if (builder_is_idle(&supervisor->builders[i]))
            return &supervisor->builders[i];
    }
    return NULL;
}

/* Starts one in a place that is empty and not waiting after a failure. */
static struct process *builders_start_one(struct supervisor *supervisor)
{
    for (uint32_t i = 0; i < supervisor->builder_count; i++) {
        struct process *builder = &supervisor->builders[i];

        if (!builder->child && !ax_timer_is_running(&builder->timer) && process_start(builder))
            return builder;
    }
    return NULL;
}

static uint32_t builders_busy(const struct supervisor *supervisor)
{
    uint32_t busy = 0;

    for (uint32_t i = 0; i < supervisor->builder_count; i++)
        busy += supervisor->builders[i].child && supervisor->builders[i].busy;
    return busy;
}

/* Tells the loader that nobody works on `job` any more. */
static void builders_tell_exit(struct supervisor *supervisor, uint64_t job, int status)
{
    struct ax_buf *out;

    if (!supervisor->loader.control)
        return;
    out = ax_channel_begin(supervisor->loader.control, AX_MSG_BUILDER_EXIT, job, -1);
    ax_frame_put_u32(out, (uint32_t)status);
    process_send(&supervisor->loader);
}

/* Gives both ends of a fresh socket away: to the builder and to who wants it. */
static void builder_assign(struct process *builder, uint64_t job)
{
    struct supervisor *supervisor = builder->supervisor;
    struct process *loader = &supervisor->loader;
    struct ax_buf *out;
    int fds[2] = { -1, -1 };

    if (ax_channel_pair(fds) != AX_OK) {
        builders_tell_exit(supervisor, job, BUILDERS_NO_STATUS);
        return;
    }
    builder->busy = true;
    builder->job = job;
    builder->failures = 0;
    out = ax_channel_begin(builder->control, AX_MSG_PEER, 0, fds[0]);
    ax_frame_put_u8(out, AX_PEER_LOADER);
    ax_frame_put_u32(out, 0);
    ax_frame_put_u32(out, (uint32_t)loader->pid);
    process_send(builder);
    out = ax_channel_begin(loader->control, AX_MSG_BUILDER, job, fds[1]);
    ax_frame_put_u32(out, (uint32_t)builder->pid);
    process_send(loader);
    ax_fd_close(&fds[0]);
    ax_fd_close(&fds[1]);
    process_kill_in(builder, supervisor->times->builder_ms);
}

void builders_serve(struct supervisor *supervisor)
{
    if (supervisor->state == SUPERVISOR_ENDS)
        return;
    while (supervisor->wish_count > 0 && supervisor->loader.control &&
           builders_busy(supervisor) < supervisor->start.compile_jobs) {
        struct process *builder = builders_idle(supervisor);
        uint64_t job = supervisor->wishes[0];

        if (!builder)
            builder = builders_start_one(supervisor);
        if (!builder)
            return; /* a place's timer will bring one */
        supervisor->wish_count--;
        memmove(supervisor->wishes, supervisor->wishes + 1,
                supervisor->wish_count * sizeof(supervisor->wishes[0]));
        builder_assign(builder, job);
    }
    if (!builders_idle(supervisor))
        (void)builders_start_one(supervisor);
}

void builders_want(struct supervisor *supervisor, uint64_t job)
{
    if (supervisor->wish_count == BUILDERS_WISHES_MAX) {
        builders_tell_exit(supervisor, job, BUILDERS_NO_STATUS);
        return;
    }
    supervisor->wishes[supervisor->wish_count++] = job;
    builders_serve(supervisor);
}

void builders_kill(struct supervisor *supervisor, uint64_t job)
{
    for (uint32_t i = 0; i < supervisor->builder_count; i++) {
        struct process *builder = &supervisor->builders[i];

        if (builder->child && builder->busy && builder->job == job)
            process_kill_in(builder, 0);
    }
    for (size_t i = 0; i < supervisor->wish_count; i++) {
        if (supervisor->wishes[i] != job)
            continue;
        supervisor->wish_count--;
        memmove(supervisor->wishes + i, supervisor->wishes + i + 1,
                (supervisor->wish_count - i) * sizeof(supervisor->wishes[0]));
        builders_tell_exit(supervisor, job, BUILDERS_NO_STATUS);
        return;
    }
}

void builders_on_exit(struct process *process, int status)
{
    struct supervisor *supervisor = process->supervisor;

    if (process->busy) {
        process->busy = false;
        builders_tell_exit(supervisor, process->job, status);
    } else if (supervisor->state != SUPERVISOR_ENDS) {
        process_start_later(process); /* it fell without a job: not too often */
    }
    builders_serve(supervisor);
}

void builders_forget(struct supervisor *supervisor)
{
    supervisor->wish_count = 0;
    for (uint32_t i = 0; i < supervisor->builder_count; i++) {
        if (supervisor->builders[i].busy)
            process_kill_in(&supervisor->builders[i], 0);
    }
}

void builders_replace_idle(struct supervisor *supervisor)
{
    struct process *idle = builders_idle(supervisor);

    if (!idle)
        return;
    ax_channel_close(idle->control); /* it ends; and no job is given to it any more */
    idle->control = NULL;
    process_kill_in(idle, supervisor->times->end_ms);
    builders_serve(supervisor);
}

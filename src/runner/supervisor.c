/* SPDX-License-Identifier: Apache-2.0 */
/* supervisor.c - who starts everybody, and what happens when one of them ends?
 *
 *     RUNS --SIGTERM, SIGINT--> DRAINS --(front has ended)--> ENDS --(all have ended)--> exit
 *       `--(a role never starts)--------------------------------^
 * In RUNS and DRAINS a role that ends comes back; a front that drains does not. */
#include "runner/supervisor_private.h"

#include "base/alloc.h"
#include "base/log.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define SUPERVISOR_EXIT_FAILED   1
#define SUPERVISOR_EXIT_SETTINGS 2
#define SUPERVISOR_TEXT_MAX      (1u << 20)

/* The longest wall time of an execution is 30 s, and 5 s belong to its answer. */
const struct ax_supervisor_times ax_supervisor_times = { .drain_ms = 35000,
                                                         .end_ms = 5000,
                                                         .builder_ms = 90000 };

/* --- everybody --- */

static void supervisor_each(struct supervisor *supervisor,
                            void (*run)(struct process *process, uint64_t arg), uint64_t arg)
{
    run(&supervisor->front, arg);
    run(&supervisor->loader, arg);
    for (uint32_t i = 0; i < supervisor->start.workers; i++)
        run(&supervisor->workers[i], arg);
    for (uint32_t i = 0; i < supervisor->builder_count; i++)
        run(&supervisor->builders[i], arg);
}

static bool supervisor_is_alone(const struct supervisor *supervisor)
{
    if (supervisor->front.child || supervisor->loader.child)
        return false;
    for (uint32_t i = 0; i < supervisor->start.workers; i++) {
        if (supervisor->workers[i].child)
            return false;
    }
    for (uint32_t i = 0; i < supervisor->builder_count; i++) {
        if (supervisor->builders[i].child)
            return false;
    }
    return true;
}

static void supervisor_give_listener(struct process *front, enum ax_listener which,
                                     const struct ax_listening *listening)
{
    struct ax_buf *out = ax_channel_begin(front->control, AX_MSG_LISTENER, 0, listening->fd);

    ax_frame_put_u8(out, (uint8_t)which);
    process_send(front);
}

static void supervisor_give_folder(struct process *loader, enum ax_dir which, int fd)
{
    struct ax_buf *out;

    if (fd < 0)
        return;
    out = ax_channel_begin(loader->control, AX_MSG_DIR, 0, fd);
    ax_frame_put_u8(out, (uint8_t)which);
    process_send(loader);
}

void supervisor_introduce(struct supervisor *supervisor, struct process *process)
{
    switch (process->role) {
    case AX_START_FRONT:
        supervisor_give_listener(process, AX_LISTENER_PRIVATE, &supervisor->start.private_listener);
        supervisor_give_listener(process, AX_LISTENER_PUBLIC, &supervisor->start.public_listener);
        process_link(process, &supervisor->loader);
        for (uint32_t i = 0; i < supervisor->start.workers; i++)
            process_link(process, &supervisor->workers[i]);
        return;
    case AX_START_LOADER:
        supervisor_give_folder(process, AX_DIR_CACHE, supervisor->start.cache_fd);
        supervisor_give_folder(process, AX_DIR_STATE, supervisor->start.state_fd);
        supervisor_give_folder(process, AX_DIR_STORE, supervisor->start.store_fd);
        process_link(process, &supervisor->front);
        return;
    case AX_START_WORKER: process_link(process, &supervisor->front); return;
    case AX_START_BUILDER: return; /* it meets the loader when there is a job */
    }
}

/* --- the end --- */

static void supervisor_end(struct supervisor *supervisor, int status, uint64_t grace_ms)
{
    supervisor->state = SUPERVISOR_ENDS;
    supervisor->status = status;
    supervisor_each(supervisor, process_end, grace_ms);
    if (supervisor_is_alone(supervisor))
        ax_loop_stop(&supervisor->loop);
}

void supervisor_give_up(struct supervisor *supervisor, const struct process *process)
{
    if (supervisor->state != SUPERVISOR_RUNS)
        return;
    ax_log(AX_ERROR, "role.gave_up", kv_cstr("process", process_name(process)));
    supervisor_end(supervisor, SUPERVISOR_EXIT_FAILED, supervisor->times->end_ms);
}

void supervisor_on_exit(struct supervisor *supervisor, struct process *process)
{
    if (supervisor->state == SUPERVISOR_DRAINS && process == &supervisor->front)
        supervisor_end(supervisor, supervisor->status, supervisor->times->end_ms);
    else if (supervisor->state == SUPERVISOR_ENDS && supervisor_is_alone(supervisor))
        ax_loop_stop(&supervisor->loop);
}

void supervisor_cut_short(struct supervisor *supervisor)
{
    if (supervisor->state != SUPERVISOR_RUNS)
        supervisor->status = SUPERVISOR_EXIT_FAILED;
}

static void supervisor_drain(struct supervisor *supervisor)
{
    ax_log(AX_INFO, "runner.draining");
    supervisor->state = SUPERVISOR_DRAINS;
    /* Ours would keep connections that nobody accepts any more. */
    ax_start_stop_listeners(&supervisor->start);
    process_end(&supervisor->front, supervisor->times->drain_ms);
    if (!supervisor->front.child)
        supervisor_end(supervisor, 0, supervisor->times->end_ms);
}

/* --- reload --- */

static void supervisor_warn_of_fixed(const struct ax_settings *before,
                                     const struct ax_settings *after)
{
    static const char *const fixed[] = {
        "RUNNER_LISTEN", "RUNNER_PUBLIC_LISTEN", "RUNNER_WORKERS",
        "RUNNER_UIDS",   "RUNNER_COMPILE_JOBS",  "CACHE_ROOT",
        "STATE_DIR",     "BUNDLE_STORE_BASE",    "SIGNING_POLICY"
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(fixed); i++) {
        if (!ax_str_eq(ax_settings_str(before, fixed[i]), ax_settings_str(after, fixed[i])))
            ax_log(AX_WARN, "settings.need_restart", kv_cstr("name", fixed[i]));
    }
}

static void process_take_settings(struct process *process, uint64_t arg)
{
    (void)arg;
    if (process->role != AX_START_BUILDER)
        process_reload(process);
}

static void supervisor_reload(struct supervisor *supervisor)
{
    struct ax_settings *settings = NULL;
    struct ax_err err = { .code = AX_OK };
    enum ax_code code = ax_settings_load(AX_PROGRAM_RUNNER, supervisor->argc, supervisor->argv,
                                         supervisor->envp, &settings, &err);

    if (code == AX_OK)
        code = ax_start_check(settings, geteuid() == 0, &err);
    if (code == AX_OK)
        code = ax_start_read_trust(settings, &err);
    if (code != AX_OK) {
        ax_log(AX_ERROR, "settings.refused", kv_cstr("why", err.message));
        ax_settings_free(settings);
        return;
    }
    supervisor_warn_of_fixed(supervisor->settings, settings);
    ax_settings_free(supervisor->settings);
    supervisor->settings = settings;
    supervisor_each(supervisor, process_take_settings, 0);
    builders_replace_idle(supervisor);
    ax_log(AX_INFO, "settings.reloaded");
}

/* --- signals --- */

static void supervisor_on_signal(uv_signal_t *handle, int number)
{
    struct supervisor *supervisor = handle->data;

    if (number == SIGHUP) {
        if (supervisor->state == SUPERVISOR_RUNS)
            supervisor_reload(supervisor);
    } else if (supervisor->state == SUPERVISOR_RUNS) {
        supervisor_drain(supervisor);
    } else {
        supervisor_end(supervisor, SUPERVISOR_EXIT_FAILED, 0);
    }
}

static void supervisor_listen_to_signals(struct supervisor *supervisor)
{
    static const int numbers[AX_ARRAY_LEN(supervisor->signals)] = { SIGTERM, SIGINT, SIGHUP };

    for (size_t i = 0; i < AX_ARRAY_LEN(numbers); i++) {
        uv_signal_init(&supervisor->loop.uv, &supervisor->signals[i]);
        supervisor->signals[i].data = supervisor;
        uv_signal_start(&supervisor->signals[i], supervisor_on_signal, numbers[i]);
    }
}

/* --- the start --- */

static void supervisor_start_all(struct supervisor *supervisor)
{
    bool started;

    process_init(&supervisor->front, supervisor, AX_START_FRONT, 0);
    process_init(&supervisor->loader, supervisor, AX_START_LOADER, 0);
    supervisor->workers = ax_alloc(supervisor->start.workers * sizeof(*supervisor->workers));
    for (uint32_t i = 0; i < supervisor->start.workers; i++)
        process_init(&supervisor->workers[i], supervisor, AX_START_WORKER, i);
    builders_init(supervisor);
    started = process_start(&supervisor->front) && process_start(&supervisor->loader);
    for (uint32_t i = 0; started && i < supervisor->start.workers; i++)
        started = process_start(&supervisor->workers[i]);
    if (!started) { /* what fails now would fail later; `role.not_started` has said why */
        supervisor_end(supervisor, SUPERVISOR_EXIT_FAILED, 0);
        return;
    }
    builders_serve(supervisor);
}

static void process_forget(struct process *process, uint64_t arg)
{
    (void)arg;
    process_done(process);
}

/* Everything from open sockets to closed ones. */
static int supervisor_live(struct supervisor *supervisor)
{
    ax_loop_init(&supervisor->loop);
    supervisor_listen_to_signals(supervisor);
    ax_log(AX_INFO, "runner.started", kv_cstr("listen", supervisor->start.private_listener.address),
           kv_cstr("public_listen", supervisor->start.public_listener.address),
           kv_u64("workers", supervisor->start.workers),
           kv_bool("separate_users", supervisor->start.uids[AX_START_FRONT] != 0));
    supervisor_start_all(supervisor);
    ax_loop_run(&supervisor->loop);
    supervisor_each(supervisor, process_forget, 0);
    builders_done(supervisor);
    free(supervisor->workers);
    for (size_t i = 0; i < AX_ARRAY_LEN(supervisor->signals); i++)
        uv_close((uv_handle_t *)&supervisor->signals[i], NULL);
    ax_loop_done(&supervisor->loop);
    ax_log(AX_INFO, "runner.ended", kv_i64("status", supervisor->status));
    return supervisor->status;
}

static void supervisor_print(struct ax_buf *text)
{
    (void)fwrite(text->ptr, 1, text->len, stdout);
    (void)fflush(stdout);
    ax_buf_done(text);
}

static int supervisor_refuse(const struct ax_err *err)
{
    ax_log(AX_ERROR, "start.refused", kv_cstr("why", err->message));
    return SUPERVISOR_EXIT_SETTINGS;
}

static int supervisor_check(const struct ax_settings *settings)
{
    struct ax_buf text = { .max = SUPERVISOR_TEXT_MAX };
    struct ax_err err;

    ax_settings_print_check(settings, &text);
    supervisor_print(&text);
    return ax_start_check(settings, geteuid() == 0, &err) == AX_OK ? 0 : supervisor_refuse(&err);
}

/* A supervisor holds every secret of its roles: nobody looks into it, no core keeps it. And it
 * starts processes that need many descriptors. */
static void supervisor_harden(void)
{
    const struct rlimit none = { 0, 0 };
    struct rlimit files;

    (void)signal(SIGPIPE, SIG_IGN);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)setrlimit(RLIMIT_CORE, &none);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

static int supervisor_open(struct supervisor *supervisor)
{
    struct ax_err err;
    int status;

    if (ax_start_read_trust(supervisor->settings, &err) != AX_OK ||
        ax_start_open(supervisor->settings, &supervisor->start, &err) != AX_OK)
        return supervisor_refuse(&err);
    status = supervisor_live(supervisor);
    ax_start_close(&supervisor->start);
    return status;
}

int ax_supervisor_run(int argc, char *const argv[], char *const envp[],
                      const struct ax_supervisor_times *times)
{
    struct supervisor supervisor = { .times = times, .argc = argc, .argv = argv, .envp = envp };
    struct ax_err err = { .code = AX_OK };
    int status;

    ax_log_init("supervisor", AX_INFO);
    supervisor_harden();
    if (ax_settings_load(AX_PROGRAM_RUNNER, argc, argv, envp, &supervisor.settings, &err) != AX_OK)
        return supervisor_refuse(&err);
    if (ax_settings_wants_help(supervisor.settings)) {
        struct ax_buf text = { .max = SUPERVISOR_TEXT_MAX };

        ax_settings_print_help(AX_PROGRAM_RUNNER, &text);
        supervisor_print(&text);
        status = 0;
    } else if (ax_settings_wants_check(supervisor.settings)) {
        status = supervisor_check(supervisor.settings);
    } else {
        ax_start_log(supervisor.settings, "supervisor");
        status = supervisor_open(&supervisor);
    }
    ax_settings_free(supervisor.settings);
    return status;
}

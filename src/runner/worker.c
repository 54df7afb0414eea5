/* SPDX-License-Identifier: Apache-2.0 */
/* worker.c - how are guests run by a process that holds nothing?
 *
 *   LOAD --> module --> EXEC --> run: READY <-> RUNNING --> CALL (waits) --> ANSWER --> READY
 *                                              `--> DONE or FAULT      deadline, CANCEL --> gone
 *
 * The front numbers executions as generation << 32 | slot and modules as a small index, so both are
 * looked up without a table of ours. A front that breaks the rules is cut off: it is mended by its
 * restart, not by guesses. */
#include "runner/worker.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "engine.h"
#include "loop/channel.h"
#include "loop/role.h"
#include "runner/core_json.h"
#include "runner/exec_message.h"
#include "runner/message.h"
#include "runner/ready.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORKER_MODULES_MAX 4096
/* What may wait for a slow front: some of the largest answers. */
#define WORKER_QUEUE_MAX (128u << 20)
/* A module with data keeps one descriptor: its memory image. */
#define WORKER_FILES          (WORKER_MODULES_MAX + 256)
#define WORKER_ARENA_MAX      (40u << 20)
#define WORKER_REQUEST_MAX    (12u << 20)
#define WORKER_TURN_NS        UINT64_C(1000000)
#define WORKER_TABLE_ELEMENTS 10000

struct worker_module {
    struct ax_module *module;
    void *map;
    size_t len;
    enum ax_abi abi;
    enum ax_code failed; /* why there is no module; the front may have sent EXEC behind LOAD */
};

struct worker_run {
    struct ax_ready_item item;
    struct ax_timer deadline;
    struct worker *worker;
    struct ax_exec *exec; /* NULL: the slot is free */
    uint64_t id;
    uint64_t call_id;
    bool calling;
    uint64_t started_ns;
    uint64_t since_ns; /* when it began to wait, for the host or for its turn */
    uint64_t host_ns;
    uint64_t queue_ns;
};

struct worker {
    struct ax_loop loop;
    struct ax_channel *control;
    struct ax_channel *front;
    struct ax_engine *engine;
    struct ax_ready ready;
    struct ax_task turn;
    struct ax_arena arena;
    struct ax_buf request;
    struct worker_module modules[WORKER_MODULES_MAX];
    struct worker_run *runs;
    uint32_t slots;
};

static void run_free(struct worker_run *run)
{
    ax_ready_remove(&run->worker->ready, &run->item);
    ax_timer_stop(&run->deadline);
    ax_exec_free(run->exec);
    run->exec = NULL;
}

static void module_free(struct worker_module *module)
{
    if (module->module) {
        ax_module_free(module->module);
        munmap(module->map, module->len);
    }
    *module = (struct worker_module){ 0 };
}

/* The front is gone: nobody waits for these any more, and the next front loads anew. */
static void worker_forget_front(struct worker *worker)
{
    ax_channel_close(AX_TAKE(worker->front));
    for (uint32_t i = 0; i < worker->slots; i++) {
        if (worker->runs[i].exec)
            run_free(&worker->runs[i]);
    }
    for (size_t i = 0; i < WORKER_MODULES_MAX; i++)
        module_free(&worker->modules[i]);
}

/* An end that cannot be told would leave the front waiting: then it is better to be seen dying. */
static void worker_sent(struct worker *worker, enum ax_code code)
{
    if (code == AX_OK || code == AX_E_CLOSED)
        return;
    ax_log(AX_ERROR, "worker.queue_full", kv_code("why", code),
           kv_u64("queued", ax_channel_queued(worker->front)));
    _exit(1);
}

static struct ax_usage run_usage(const struct worker_run *run)
{
    struct ax_exec_usage used;

    ax_exec_usage(run->exec, &used);
    return (struct ax_usage){
        .cpu_ns = used.cpu_ns,
        .wall_ns = ax_clock_mono_ns() - run->started_ns,
        .host_ns = run->host_ns,
        .queue_ns = run->queue_ns,
        .peak_kib = (uint32_t)(used.memory_peak_bytes >> 10),
        .host_calls = used.calls,
        .log_dropped = used.logs_dropped,
    };
}

static void run_fault(struct worker_run *run, enum ax_code code, struct ax_str words)
{
    struct ax_channel *front = run->worker->front;
    struct ax_usage usage = run_usage(run);
    struct ax_buf *out = ax_channel_begin(front, AX_MSG_FAULT, run->id, -1);

    ax_usage_write(out, &usage);
    ax_frame_put_u32(out, (uint32_t)code);
    ax_frame_put_str(out, words);
    worker_sent(run->worker, ax_channel_end(front));
    run_free(run);
}

static void run_done(struct worker_run *run, struct ax_str bytes)
{
    struct worker *worker = run->worker;
    struct ax_guest_response response;
    struct ax_err err = { 0 };
    enum ax_code code;

    ax_arena_reset(&worker->arena);
    code = ax_core_response_read(bytes, &worker->arena, &response, &err);
    if (code != AX_OK) {
        run_fault(run, code, ax_str_of(err.message));
        return;
    }
    struct ax_usage usage = run_usage(run);
    struct ax_buf *out = ax_channel_begin(worker->front, AX_MSG_DONE, run->id, -1);
    ax_usage_write(out, &usage);
    ax_frame_put_u32(out, response.status);
    ax_pairs_write(out, &response.headers);
    ax_frame_put_body(out, response.body);
    worker_sent(worker, ax_channel_end(worker->front));
    run_free(run);
}

static enum ax_code fault_code(enum ax_exec_fault fault)
{
    switch (fault) {
    case AX_GUEST_FAULT_MEMORY: return AX_E_MEMORY_EXCEEDED;
    case AX_GUEST_FAULT_CPU: return AX_E_CPU_EXCEEDED;
    case AX_GUEST_FAULT_BAD_RESPONSE: return AX_E_INVALID_GUEST_RESPONSE;
    case AX_GUEST_FAULT_RESOURCES: return AX_E_OVERLOADED;
    case AX_GUEST_FAULT_NONE:
    case AX_GUEST_FAULT_TRAP:
    case AX_GUEST_FAULT_STACK:
    case AX_GUEST_FAULT_GUEST:
    case AX_GUEST_FAULT_BAD_ALLOC: break;
    }
    return AX_E_GUEST_FAILED;
}

static void run_send_logs(struct worker_run *run, const struct ax_exec_event *event)
{
    struct ax_channel *front = run->worker->front;

    for (uint32_t i = 0; i < event->logs_count; i++) {
        const struct ax_log_line *line = &event->logs[i];
        struct ax_buf *out = ax_channel_begin(front, AX_MSG_LOG, run->id, -1);

        ax_frame_put_u32(out, line->at_ms);
        ax_frame_put_u8(out, (uint8_t)line->level);
        ax_frame_put_body(out, ax_str_make(line->data, line->len));
        worker_sent(run->worker, ax_channel_end(front));
    }
}

static void run_call(struct worker_run *run, const struct ax_exec_event *event)
{
    struct ax_channel *front = run->worker->front;
    struct ax_buf *out = ax_channel_begin(front, AX_MSG_CALL, run->id, -1);

    run->calling = true;
    run->call_id = event->call_id;
    run->since_ns = ax_clock_mono_ns();
    ax_frame_put_u32(out, (uint32_t)event->call_id);
    ax_frame_put_str(out, ax_str_of(event->interface));
    ax_frame_put_str(out, ax_str_of(event->function));
    ax_frame_put_body(out, ax_str_make(event->payload, event->payload_len));
    worker_sent(run->worker, ax_channel_end(front));
}

static void worker_on_turn(struct ax_task *task);

static void run_queue(struct worker_run *run, uint64_t cpu_ns)
{
    run->since_ns = ax_clock_mono_ns();
    ax_ready_push(&run->worker->ready, &run->item, cpu_ns);
    ax_task_post(&run->worker->loop, &run->worker->turn, worker_on_turn);
}

static void run_slice(struct worker_run *run)
{
    struct ax_exec_event event;
    enum ax_engine_code code = ax_exec_poll(run->exec, &event);

    assert(code == AX_ENGINE_OK); /* an ended execution is freed, never polled */
    (void)code;
    if (event.logs_count)
        run_send_logs(run, &event);
    switch (event.kind) {
    case AX_EXEC_YIELD: {
        struct ax_exec_usage used;

        ax_exec_usage(run->exec, &used);
        run_queue(run, used.cpu_ns);
        return;
    }
    case AX_EXEC_CALL: run_call(run, &event); return;
    case AX_EXEC_IDLE: return;
    case AX_EXEC_DONE: run_done(run, ax_str_make(event.payload, event.payload_len)); return;
    case AX_EXEC_FAULT:
        run_fault(run, fault_code(event.fault), ax_str_make(event.payload, event.payload_len));
        return;
    }
}

/* Slices for about a millisecond, then the loop reads frames and timers, then the next turn. */
static void worker_on_turn(struct ax_task *task)
{
    struct worker *worker = AX_CONTAINER_OF(task, struct worker, turn);
    uint64_t now_ns = ax_clock_mono_ns();
    uint64_t end_ns = now_ns + WORKER_TURN_NS;
    struct ax_ready_item *item;

    while (now_ns < end_ns && (item = ax_ready_pop(&worker->ready)) != NULL) {
        struct worker_run *run = AX_CONTAINER_OF(item, struct worker_run, item);

        run->queue_ns += now_ns - run->since_ns;
        run_slice(run);
        now_ns = ax_clock_mono_ns();
    }
    if (worker->ready.count)
        ax_task_post(&worker->loop, &worker->turn, worker_on_turn);
}

static void run_on_deadline(struct ax_timer *timer)
{
    struct worker_run *run = AX_CONTAINER_OF(timer, struct worker_run, deadline);

    if (run->calling)
        run->host_ns += ax_clock_mono_ns() - run->since_ns;
    run_fault(run, AX_E_DEADLINE_EXCEEDED, AX_STR("the deadline of the request passed"));
}

static void worker_refuse(struct worker *worker, uint64_t id, enum ax_code code, const char *words)
{
    struct ax_usage none = { 0 };
    struct ax_buf *out = ax_channel_begin(worker->front, AX_MSG_FAULT, id, -1);

    ax_usage_write(out, &none);
    ax_frame_put_u32(out, (uint32_t)code);
    ax_frame_put_str(out, ax_str_of(words));
    worker_sent(worker, ax_channel_end(worker->front));
}

static enum ax_code worker_on_exec(struct worker *worker, const struct ax_frame *frame)
{
    uint32_t slot = (uint32_t)frame->id;
    struct ax_exec_message message;
    enum ax_engine_code started;

    ax_arena_reset(&worker->arena);
    if (!ax_exec_message_read(frame->payload, &worker->arena, &message) || slot >= worker->slots ||
        worker->runs[slot].exec || message.module >= WORKER_MODULES_MAX)
        return AX_E_INVALID_REQUEST;
    struct worker_module *module = &worker->modules[message.module];
    if (!module->module && module->failed == AX_OK)
        return AX_E_INVALID_REQUEST;
    if (!module->module) {
        worker_refuse(worker, frame->id, module->failed, "the machine code could not be loaded");
        return AX_OK;
    }
    ax_buf_clear(&worker->request);
    ax_core_request_write(&worker->request, &message);
    if (worker->request.failed != AX_OK) {
        worker_refuse(worker, frame->id, AX_E_PAYLOAD_TOO_LARGE, "the request is too large");
        return AX_OK;
    }
    struct worker_run *run = &worker->runs[slot];
    struct ax_exec_spec spec = {
        .request = worker->request.ptr,
        .request_len = worker->request.len,
        .cpu_ns = message.cpu_ns,
        .memory_bytes = message.memory_bytes,
        .table_elements = WORKER_TABLE_ELEMENTS,
    };
    *run = (struct worker_run){
        .item = { .tenant_key = message.tenant_key },
        .worker = worker,
        .id = frame->id,
        .started_ns = ax_clock_mono_ns(),
    };
    started = ax_exec_new(module->module, &spec, &run->exec);
    if (started != AX_ENGINE_OK) {
        run->exec = NULL;
        worker_refuse(worker, frame->id, AX_E_OVERLOADED, ax_engine_code_name(started));
        return AX_OK;
    }
    ax_timer_start(&worker->loop, &run->deadline, message.deadline_ns / 1000000, run_on_deadline);
    run_queue(run, 0);
    return AX_OK;
}

/* The run that `frame` speaks of; NULL when it has ended meanwhile. */
static struct worker_run *worker_find(struct worker *worker, uint64_t id)
{
    uint32_t slot = (uint32_t)id;
    struct worker_run *run = slot < worker->slots ? &worker->runs[slot] : NULL;

    return run && run->exec && run->id == id ? run : NULL;
}

static enum ax_code worker_on_answer(struct worker *worker, const struct ax_frame *frame)
{
    struct ax_reader reader = ax_reader_of(frame->payload);
    uint32_t call_id = ax_reader_u32(&reader);
    uint32_t number = ax_reader_u32(&reader);
    struct ax_str body = ax_reader_body(&reader);
    struct worker_run *run = worker_find(worker, frame->id);
    struct ax_exec_usage used;

    if (!ax_reader_ok(&reader))
        return AX_E_INVALID_REQUEST;
    if (!run)
        return AX_OK;
    if (!run->calling || run->call_id != call_id ||
        ax_exec_answer(run->exec, call_id, number, body.ptr, body.len) != AX_ENGINE_OK)
        return AX_E_INVALID_REQUEST;
    run->calling = false;
    run->host_ns += ax_clock_mono_ns() - run->since_ns;
    ax_exec_usage(run->exec, &used);
    run_queue(run, used.cpu_ns);
    return AX_OK;
}

static enum ax_code module_map(struct worker_module *module, int fd, enum ax_abi abi)
{
    const int wanted = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK;
    struct stat info;

    if ((fcntl(fd, F_GET_SEALS) & wanted) != wanted || fstat(fd, &info) != 0 || info.st_size <= 0)
        return AX_E_INVALID_REQUEST;
    module->len = (size_t)info.st_size;
    module->abi = abi;
    module->map = mmap(NULL, module->len, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    if (module->map == MAP_FAILED) {
        *module = (struct worker_module){ 0 };
        return AX_E_NO_MEMORY;
    }
    return AX_OK;
}

static enum ax_code worker_on_load(struct worker *worker, const struct ax_frame *frame, int taken)
{
    AX_AUTO_FD int fd = taken;
    struct ax_reader reader = ax_reader_of(frame->payload);
    enum ax_abi abi = ax_reader_u8(&reader);
    char why[256] = "";
    enum ax_code code;

    if (!ax_reader_ok(&reader) || fd < 0 || frame->id >= WORKER_MODULES_MAX ||
        worker->modules[frame->id].module)
        return AX_E_INVALID_REQUEST;
    struct worker_module *module = &worker->modules[frame->id];
    code = module_map(module, fd, abi);
    if (code == AX_E_INVALID_REQUEST)
        return code;
    if (code == AX_OK) {
        enum ax_engine_code loaded = ax_module_load(
            worker->engine, abi == AX_ABI_CORE ? AX_GUEST_CORE : AX_GUEST_COMPONENT, module->map,
            module->len, &module->module, why, sizeof(why));

        if (loaded != AX_ENGINE_OK) {
            munmap(module->map, module->len);
            *module = (struct worker_module){ 0 };
            code = loaded == AX_ENGINE_NO_MEMORY ? AX_E_NO_MEMORY : AX_E_BUNDLE_REJECTED;
        }
    }
    module->failed = code;
    struct ax_buf *out = ax_channel_begin(worker->front, AX_MSG_LOADED, frame->id, -1);
    ax_frame_put_u32(out, (uint32_t)code);
    ax_frame_put_str(out, ax_str_of(why));
    worker_sent(worker, ax_channel_end(worker->front));
    return AX_OK;
}

static enum ax_code worker_on_unload(struct worker *worker, uint64_t id)
{
    if (id >= WORKER_MODULES_MAX ||
        (worker->modules[id].module && ax_module_executions(worker->modules[id].module)))
        return AX_E_INVALID_REQUEST;
    module_free(&worker->modules[id]);
    return AX_OK;
}

static enum ax_code front_on_frame(void *arg, const struct ax_frame *frame, int fd)
{
    struct worker *worker = arg;

    if (frame->type == AX_MSG_LOAD)
        return worker_on_load(worker, frame, fd);
    if (fd >= 0) {
        ax_fd_close(&fd);
        return AX_E_INVALID_REQUEST;
    }
    switch (frame->type) {
    case AX_MSG_EXEC: return worker_on_exec(worker, frame);
    case AX_MSG_ANSWER: return worker_on_answer(worker, frame);
    case AX_MSG_UNLOAD: return worker_on_unload(worker, frame->id);
    case AX_MSG_CANCEL: {
        struct worker_run *run = worker_find(worker, frame->id);

        if (run)
            run_free(run);
        return AX_OK;
    }
    default: return AX_E_INVALID_REQUEST;
    }
}

static void front_on_end(void *arg, enum ax_code code)
{
    struct worker *worker = arg;

    if (code == AX_E_INVALID_REQUEST)
        ax_log(AX_ERROR, "worker.front_cut_off", kv_code("why", code));
    worker_forget_front(worker);
}

static void worker_on_front(struct worker *worker, int fd)
{
    const struct ax_channel_limits limits = { AX_MSG_WORK_MAX, WORKER_QUEUE_MAX };
    const struct ax_channel_handler handler = { .on_frame = front_on_frame,
                                                .on_end = front_on_end,
                                                .arg = worker };

    if (worker->front)
        worker_forget_front(worker);
    worker->front = ax_channel_new(&worker->loop, fd, &limits, &handler);
    struct ax_buf *out = ax_channel_begin(worker->front, AX_MSG_HELLO, 0, -1);
    ax_frame_put_u32(out, worker->slots);
    ax_frame_put_str(out, ax_str_of(ax_engine_target(worker->engine)));
    worker_sent(worker, ax_channel_end(worker->front));
}

static enum ax_code control_on_frame(void *arg, const struct ax_frame *frame, int taken)
{
    struct worker *worker = arg;
    AX_AUTO_FD int fd = taken;

    switch (frame->type) {
    case AX_MSG_PEER:
        if (fd < 0)
            return AX_E_INVALID_REQUEST;
        worker_on_front(worker, fd);
        fd = -1;
        return AX_OK;
    case AX_MSG_RELOAD: return AX_OK; /* nothing that a worker holds changes */
    case AX_MSG_DRAIN: ax_loop_stop(&worker->loop); return AX_OK;
    default: return AX_E_INVALID_REQUEST;
    }
}

static void control_on_end(void *arg, enum ax_code code)
{
    struct worker *worker = arg;

    (void)code; /* the supervisor is gone, however it went */
    ax_loop_stop(&worker->loop);
}

/* The one descriptor that the engine keeps; -1 where the kernel cannot use it. */
static int find_pagemap(void)
{
    for (int fd = AX_ROLE_SETTINGS_FD + 1; fd < 64; fd++) {
        char link[32], target[64];
        ssize_t len;

        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        len = readlink(link, target, sizeof(target));
        if (len > 0 && ax_str_ends(ax_str_make(target, (size_t)len), AX_STR("/pagemap")))
            return fd;
    }
    return -1;
}

static enum ax_code worker_start(struct worker *worker, const struct ax_settings *settings,
                                 struct ax_err *err)
{
    const struct ax_channel_limits limits = { AX_MSG_CONTROL_MAX, AX_MSG_CONTROL_MAX };
    const struct ax_channel_handler handler = { .on_frame = control_on_frame,
                                                .on_end = control_on_end,
                                                .arg = worker };
    const struct ax_role_limits role_limits = { .files = WORKER_FILES };
    char why[256] = "";
    enum ax_code code;
    int pagemap;

    worker->slots = (uint32_t)ax_settings_u64(settings, "RUNNER_WORKER_SLOTS");
    worker->runs = ax_alloc(worker->slots * sizeof(*worker->runs));
    ax_arena_init(&worker->arena, WORKER_ARENA_MAX);
    ax_buf_init(&worker->request, WORKER_REQUEST_MAX);
    ax_ready_init(&worker->ready);
    const struct ax_engine_options options = { AX_ENGINE_WORKER, worker->slots };
    if (ax_engine_new(&options, &worker->engine, why, sizeof(why)) != AX_ENGINE_OK)
        return ax_err_set(err, AX_E_NO_MEMORY, "the engine did not start: %s", why);
    pagemap = find_pagemap();
    code = ax_role_seal(&role_limits, &pagemap, 1, err);
    if (code != AX_OK)
        return code;
    ax_loop_init(&worker->loop);
    worker->control = ax_channel_new(&worker->loop, AX_ROLE_CONTROL_FD, &limits, &handler);
    ax_channel_begin(worker->control, AX_MSG_READY, 0, -1);
    return ax_channel_end(worker->control);
}

int ax_worker_run(struct ax_settings *settings)
{
    struct worker *worker = ax_alloc(sizeof(*worker));
    struct ax_err err = { 0 };
    enum ax_code code = worker_start(worker, settings, &err);

    if (code != AX_OK) {
        ax_log(AX_ERROR, "worker.start_failed", kv_code("why", code),
               kv_cstr("words", err.message));
        return 1; /* the process ends: nothing of it needs tidying */
    }
    ax_loop_run(&worker->loop);
    worker_forget_front(worker);
    ax_task_withdraw(&worker->turn);
    ax_channel_close(worker->control);
    ax_loop_done(&worker->loop);
    ax_engine_free(worker->engine);
    ax_ready_done(&worker->ready);
    ax_buf_done(&worker->request);
    ax_arena_done(&worker->arena);
    free(worker->runs);
    free(worker);
    return 0;
}

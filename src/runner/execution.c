/* SPDX-License-Identifier: Apache-2.0 */
/* execution.c - what happens to one POST /v1/execute? */
#include "runner/execution.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "runner/execute_request.h"
#include "runner/execution_answer.h"

#include <assert.h>

#define EXECUTION_ARENA_MAX  (24u << 20)
#define EXECUTIONS_SPARE_MAX 256
/* All bodies in memory together: a bound for the front, not for a caller. */
#define EXECUTIONS_BODY_MAX (UINT64_C(768) << 20)
/* A worker that says nothing this long after the deadline is stuck. */
#define EXECUTION_STUCK_MS 1000
#define EXECUTION_RETRY_MS 1000

enum execution_state { EXECUTION_ADMISSION, EXECUTION_UNIT, EXECUTION_RUNNING, EXECUTION_OVER };

struct ax_execution {
    struct ax_executions *all;
    struct ax_execution *spare_next;
    enum execution_state state;
    struct ax_exchange *ex; /* NULL: answered, or the client went away */
    struct ax_arena arena;
    struct ax_execute_request request;
    struct ax_timer timer;
    struct ax_task admitted;
    struct ax_admission_ticket ticket;
    struct ax_unit_wait wait;
    struct ax_run run;
    struct ax_host_grants grants;
    struct ax_unit *unit; /* in use while a host call may read its manifest */
    struct ax_host_call call;
    struct ax_buf call_payload;
    uint32_t call_id;
    struct ax_execution_log log;
    uint64_t arrived_ms;
    uint64_t arrived_ns;
    uint64_t running_ns; /* 0: not started */
    size_t body_bytes;
};

static struct ax_execution *execution_new(struct ax_executions *all)
{
    struct ax_execution *execution = all->spare;

    if (execution) {
        all->spare = execution->spare_next;
        all->spare_count--;
    } else {
        execution = ax_alloc(sizeof(*execution));
        ax_arena_init(&execution->arena, EXECUTION_ARENA_MAX);
        ax_buf_init(&execution->call_payload, AX_MSG_WORK_MAX);
        ax_execution_log_init(&execution->log);
    }
    execution->all = all;
    all->alive++;
    return execution;
}

static void execution_free(struct ax_execution *execution)
{
    struct ax_executions *all = execution->all;

    assert(execution->state == EXECUTION_OVER && !execution->ex);
    if (execution->unit)
        ax_unit_unref(all->units, execution->unit);
    ax_host_call_done(&execution->call);
    ax_execute_request_done(&execution->request);
    all->body_bytes -= execution->body_bytes;
    all->alive--;
    ax_arena_reset(&execution->arena);
    struct ax_arena arena = execution->arena;
    struct ax_buf payload = execution->call_payload;
    struct ax_execution_log log = execution->log;
    *execution = (struct ax_execution){ .arena = arena, .call_payload = payload, .log = log };
    ax_buf_clear(&execution->call_payload);
    ax_execution_log_clear(&execution->log);
    if (all->spare_count < EXECUTIONS_SPARE_MAX) {
        execution->spare_next = all->spare;
        all->spare = execution;
        all->spare_count++;
        return;
    }
    ax_arena_done(&execution->arena);
    ax_buf_done(&execution->call_payload);
    ax_execution_log_done(&execution->log);
    free(execution);
}

/* Gives back what the state holds. The answer, if one is due, has been given. */
static void execution_end(struct ax_execution *execution)
{
    struct ax_executions *all = execution->all;

    assert(execution->state != EXECUTION_OVER);
    execution->state = EXECUTION_OVER;
    execution->ex = NULL;
    ax_timer_stop(&execution->timer);
    ax_task_withdraw(&execution->admitted);
    ax_unit_wait_cancel(&execution->wait);
    ax_run_cancel(&execution->run);
    ax_admission_leave(&all->admission, &execution->ticket);
    if (ax_op_is_running(&execution->call.op))
        ax_op_cancel(&execution->call.op); /* execution_on_host_call frees */
    else
        execution_free(execution);
}

static struct ax_execution_facts execution_facts(const struct ax_execution *execution,
                                                 const struct ax_usage *usage)
{
    uint64_t now_ns = ax_clock_mono_ns();

    return (struct ax_execution_facts){
        .request_id = execution->request.message.request_id,
        .usage = usage,
        .wall_ns = now_ns - execution->arrived_ns,
        .queue_ns = (execution->running_ns ? execution->running_ns : now_ns) -
                    execution->arrived_ns,
        .egress_bytes = execution->grants.egress_bytes,
        .started = execution->running_ns != 0,
        .log = &execution->log,
    };
}

static void execution_count(struct ax_execution *execution, enum ax_code code)
{
    execution->all->outcomes[code]++;
    ax_metric_observe_us(&execution->all->latency,
                         (ax_clock_mono_ns() - execution->arrived_ns) / 1000);
}

/* The one place where an execution is refused or fails. */
static void execution_fail(struct ax_execution *execution, enum ax_code code,
                           const struct ax_err *err, const struct ax_usage *usage,
                           uint32_t retry_ms)
{
    struct ax_execution_facts facts = execution_facts(execution, usage);

    execution_count(execution, code);
    if (ax_log_wants(AX_INFO))
        ax_log(AX_INFO, "execution.failed", kv_code("code", code),
               kv_cstr("words", err ? err->message : ""),
               kv_str("request_id", execution->request.message.request_id),
               kv_str("tenant", execution->request.message.tenant_id),
               kv_str("install", execution->request.message.install_id),
               kv_bool("started", facts.started));
    if (execution->ex)
        ax_execution_answer_failure(AX_TAKE(execution->ex), &facts, code, err, retry_ms);
    execution_end(execution);
}

static void execution_fail_words(struct ax_execution *execution, enum ax_code code,
                                 struct ax_str words, const struct ax_usage *usage,
                                 uint32_t retry_ms)
{
    struct ax_err err;

    ax_err_set(&err, code, "%.*s", AX_STR_FMT(words));
    execution_fail(execution, code, &err, usage, retry_ms);
}

/* --- running --- */

static struct ax_execution *of_run(struct ax_run *run)
{
    return AX_CONTAINER_OF(run, struct ax_execution, run);
}

static void run_on_log(struct ax_run *run, uint32_t at_ms, uint8_t level, struct ax_str text)
{
    ax_execution_log_add(&of_run(run)->log, at_ms, level, text);
}

static void execution_audit(const struct ax_execution *execution)
{
    const struct ax_host_audit *audit = &execution->call.audit;
    const struct ax_exec_message *message = &execution->request.message;

    if (!audit->fetch)
        return;
    ax_log(AX_INFO, "egress.fetch", kv_str("tenant", message->tenant_id),
           kv_str("install", message->install_id), kv_str("extension", message->extension_id),
           kv_str("request_id", message->request_id), kv_cstr("host", audit->host),
           kv_u64("port", audit->port), kv_bool("https", audit->https),
           kv_cstr("method", audit->method), kv_u64("status", audit->status),
           kv_cstr("outcome", audit->outcome), kv_cstr("reason", audit->reason),
           kv_cstr("address", audit->address), kv_u64("bytes_up", audit->bytes_up),
           kv_u64("bytes_down", audit->bytes_down), kv_u64("ms", audit->ms));
}

static void execution_on_host_call(enum ax_code code, void *arg)
{
    struct ax_execution *execution = arg;

    execution_audit(execution);
    if (execution->state == EXECUTION_OVER) {
        execution_free(execution);
        return;
    }
    if (code != AX_OK)
        execution->call.number = AX_HOST_INTERNAL;
    ax_run_answer(&execution->run, execution->call_id, (uint32_t)execution->call.number,
                  ax_buf_str(&execution->call.answer));
    ax_host_call_done(&execution->call);
}

static void run_on_call(struct ax_run *run, uint32_t call, struct ax_str interface,
                        struct ax_str function, struct ax_str payload)
{
    struct ax_execution *execution = of_run(run);
    const struct ax_execute_request *request = &execution->request;

    /* A worker hands out one call at a time; one that does not is lying. */
    if (ax_op_is_running(&execution->call.op)) {
        ax_run_answer(run, call, AX_HOST_INTERNAL, AX_STR_NONE);
        return;
    }
    ax_buf_clear(&execution->call_payload);
    if (ax_buf_append_str(&execution->call_payload, payload) != AX_OK) {
        ax_run_answer(run, call, AX_HOST_TOO_LARGE, AX_STR_NONE);
        return;
    }
    execution->call_id = call;
    execution->call.interface = ax_arena_dup(&execution->arena, interface);
    execution->call.function = ax_arena_dup(&execution->arena, function);
    execution->call.payload = ax_buf_str(&execution->call_payload);
    execution->call.grants = &execution->grants;
    execution->call.deadline_ms = execution->arrived_ms + request->timeout_ms;
    ax_host_call_start(execution->all->host, &execution->call, execution_on_host_call, execution);
}

static void run_on_done(struct ax_run *run, const struct ax_usage *usage,
                        const struct ax_guest_response *response)
{
    struct ax_execution *execution = of_run(run);
    struct ax_execution_facts facts = execution_facts(execution, usage);

    execution_count(execution, AX_OK);
    ax_execution_answer_done(AX_TAKE(execution->ex), &facts, response);
    execution_end(execution);
}

static void run_on_fault(struct ax_run *run, const struct ax_usage *usage, enum ax_code code,
                         struct ax_str words)
{
    execution_fail_words(of_run(run), code, words, usage, 0);
}

static const struct ax_run_handler run_handler = {
    .on_log = run_on_log,
    .on_call = run_on_call,
    .on_done = run_on_done,
    .on_fault = run_on_fault,
};

static void execution_on_stuck(struct ax_timer *timer)
{
    struct ax_execution *execution = AX_CONTAINER_OF(timer, struct ax_execution, timer);
    struct ax_executions *all = execution->all;
    uint32_t slot = ax_run_slot(&execution->run);

    execution_fail_words(execution, AX_E_DEADLINE_EXCEEDED,
                         AX_STR("the deadline passed and the worker did not say so"), NULL, 0);
    all->on_stuck(slot, all->arg);
}

static bool has_handler(const struct ax_manifest *manifest, struct ax_str handler)
{
    for (size_t i = 0; i < ax_manifest_endpoint_count(manifest); i++) {
        if (ax_str_eq(ax_manifest_endpoint(manifest, i)->handler, handler))
            return true;
    }
    return false;
}

static void execution_set_budgets(struct ax_execution *execution, const struct ax_unit *unit)
{
    const struct ax_manifest_limits *asked = ax_manifest_limits(unit->manifest);
    const struct ax_execute_request *request = &execution->request;
    struct ax_exec_message *message = &execution->request.message;
    uint64_t cpu_ms = AX_CPU_MS_DEFAULT;
    uint64_t memory_mb = unit->abi == AX_ABI_CORE ? AX_MEMORY_MB_CORE : AX_MEMORY_MB_COMPONENT;

    if (request->cpu_ms)
        cpu_ms = request->cpu_ms;
    else if (asked->cpu_ms)
        cpu_ms = asked->cpu_ms;
    if (request->memory_mb)
        memory_mb = request->memory_mb;
    else if (asked->memory_mb)
        memory_mb = asked->memory_mb;
    message->cpu_ns = cpu_ms * 1000000;
    message->memory_bytes = memory_mb << 20;
    message->deadline_ns = execution->arrived_ns + UINT64_C(1000000) * request->timeout_ms;
    message->tenant_key = ax_map_hash(message->tenant_id);
}

static void execution_set_grants(struct ax_execution *execution, struct ax_unit *unit)
{
    const struct ax_execute_request *request = &execution->request;
    const struct ax_exec_message *message = &request->message;

    execution->grants = (struct ax_host_grants){
        .capabilities = AX_CAP_ALWAYS |
                        (request->capabilities & ax_manifest_capabilities(unit->manifest)),
        .has_manifest_egress = ax_manifest_has_egress(unit->manifest),
        .manifest_egress = unit->egress,
        .manifest_egress_count = unit->egress_count,
        .request_egress = request->egress,
        .request_egress_count = request->egress_count,
        .tenant_id = message->tenant_id,
        .install_id = message->install_id,
        .extension_id = message->extension_id,
        .request_id = message->request_id,
        .traceparent = request->traceparent,
        .version_id = message->version_id,
        .config_json = message->config,
        .user_json = message->user,
    };
}

static void execution_run(struct ax_execution *execution, struct ax_unit *unit)
{
    struct ax_executions *all = execution->all;
    struct ax_exec_message *message = &execution->request.message;
    enum ax_code code;

    if (unit->abi == AX_ABI_NONE ||
        (message->endpoint.len && !has_handler(unit->manifest, message->endpoint))) {
        execution_fail(execution, AX_E_ENDPOINT_NOT_FOUND, NULL, NULL, 0);
        return;
    }
    execution->state = EXECUTION_RUNNING;
    execution->unit = unit;
    ax_unit_ref(unit);
    execution_set_budgets(execution, unit);
    execution_set_grants(execution, unit);
    code = ax_run_start(all->workers, &execution->run, unit, message, &run_handler);
    if (code != AX_OK) {
        /* Nothing has started: a worker that is just gone is no different from none with room. */
        execution_fail_words(execution, AX_E_OVERLOADED, AX_STR("no worker has room"), NULL,
                             EXECUTION_RETRY_MS);
        return;
    }
    execution->running_ns = ax_clock_mono_ns();
    ax_timer_start(all->loop, &execution->timer,
                   execution->arrived_ms + execution->request.timeout_ms + EXECUTION_STUCK_MS,
                   execution_on_stuck);
}

/* --- waiting for the unit --- */

static void execution_on_unit(struct ax_unit_wait *wait, enum ax_code code,
                              const struct ax_err *err, uint32_t retry_ms)
{
    struct ax_execution *execution = AX_CONTAINER_OF(wait, struct ax_execution, wait);
    struct ax_unit *unit;

    ax_timer_stop(&execution->timer);
    if (code != AX_OK) {
        execution_fail(execution, code, err, NULL, retry_ms);
        return;
    }
    unit = ax_units_ready(execution->all->units, &execution->request.hash);
    assert(unit);
    execution_run(execution, unit);
}

static void execution_on_warming(struct ax_timer *timer)
{
    struct ax_execution *execution = AX_CONTAINER_OF(timer, struct ax_execution, timer);

    execution_fail(execution, AX_E_EXTENSION_WARMING, NULL, NULL, EXECUTION_RETRY_MS);
}

static void execution_enter_unit(struct ax_execution *execution)
{
    struct ax_executions *all = execution->all;
    struct ax_unit *unit = ax_units_ready(all->units, &execution->request.hash);
    enum ax_code code;

    execution->state = EXECUTION_UNIT;
    if (unit) {
        execution_run(execution, unit);
        return;
    }
    execution->wait.on_unit = execution_on_unit;
    code = ax_units_want(all->units, &execution->request.hash,
                         execution->request.message.extension_id, &execution->wait);
    if (code != AX_OK) {
        execution_fail(execution, code, NULL, NULL, EXECUTION_RETRY_MS);
        return;
    }
    ax_timer_start(all->loop, &execution->timer,
                   execution->arrived_ms + execution->request.timeout_ms / 2, execution_on_warming);
}

/* --- waiting for admission --- */

static void execution_on_admitted_task(struct ax_task *task)
{
    execution_enter_unit(AX_CONTAINER_OF(task, struct ax_execution, admitted));
}

/* Comes from inside another execution's end: goes on in a turn of its own. */
static void executions_on_admitted(struct ax_admission_ticket *ticket, void *arg)
{
    struct ax_execution *execution = AX_CONTAINER_OF(ticket, struct ax_execution, ticket);

    (void)arg;
    ax_timer_stop(&execution->timer);
    ax_task_post(execution->all->loop, &execution->admitted, execution_on_admitted_task);
}

static void execution_on_queue_over(struct ax_timer *timer)
{
    struct ax_execution *execution = AX_CONTAINER_OF(timer, struct ax_execution, timer);

    execution_fail(execution, AX_E_CONCURRENCY_LIMITED, NULL, NULL, EXECUTION_RETRY_MS);
}

static void execution_enter_admission(struct ax_execution *execution)
{
    struct ax_executions *all = execution->all;
    const struct ax_exec_message *message = &execution->request.message;
    enum ax_code code = ax_admission_enter(&all->admission, &execution->ticket, message->tenant_id,
                                           message->install_id.len ? message->install_id
                                                                   : message->extension_id);

    if (code != AX_OK) {
        execution_fail(execution, code, NULL, NULL, EXECUTION_RETRY_MS);
        return;
    }
    if (execution->ticket.state == AX_ADMISSION_IN) {
        execution_enter_unit(execution);
        return;
    }
    ax_timer_start(all->loop, &execution->timer,
                   execution->arrived_ms + execution->request.timeout_ms / 2,
                   execution_on_queue_over);
}

/* --- arriving --- */

void ax_executions_init(struct ax_executions *all, struct ax_loop *loop, struct ax_units *units,
                        struct ax_workers *workers, struct ax_host *host,
                        const struct ax_admission_options *options,
                        void (*on_stuck)(uint32_t worker_slot, void *arg), void *arg)
{
    *all = (struct ax_executions){
        .loop = loop,
        .units = units,
        .workers = workers,
        .host = host,
        .latency = { .name = "annex_runner_execution_seconds",
                     .help = "From a request's arrival to its answer.",
                     .type = AX_HISTOGRAM },
        .on_stuck = on_stuck,
        .arg = arg,
    };
    ax_admission_init(&all->admission, options, executions_on_admitted, all);
}

void ax_executions_done(struct ax_executions *all)
{
    assert(all->alive == 0);
    while (all->spare) {
        struct ax_execution *execution = all->spare;

        all->spare = execution->spare_next;
        ax_arena_done(&execution->arena);
        ax_buf_done(&execution->call_payload);
        ax_execution_log_done(&execution->log);
        free(execution);
    }
    ax_admission_done(&all->admission);
}

enum ax_code ax_executions_may_read(const struct ax_executions *all, size_t announced,
                                    struct ax_err *err)
{
    size_t most = announced == SIZE_MAX ? AX_EXECUTE_BYTES_MAX : announced;

    if (all->draining)
        return ax_err_set(err, AX_E_DRAINING, "this runner is about to stop");
    if (most > AX_EXECUTE_BYTES_MAX)
        return ax_err_set(err, AX_E_PAYLOAD_TOO_LARGE, "the body is larger than 12 MiB");
    if (all->body_bytes + most > EXECUTIONS_BODY_MAX)
        return ax_err_set(err, AX_E_OVERLOADED, "too many bodies in memory");
    return AX_OK;
}

void ax_execution_start(struct ax_executions *all, struct ax_exchange *ex)
{
    struct ax_execution *execution = execution_new(all);
    struct ax_err err = { 0 };
    struct ax_str body = ax_exchange_body(ex);
    enum ax_code code;

    execution->ex = ex;
    execution->arrived_ms = ax_loop_now_ms(all->loop);
    execution->arrived_ns = ax_clock_mono_ns();
    execution->body_bytes = body.len;
    all->body_bytes += body.len;
    ax_exchange_set_user(ex, execution);
    code = ax_execute_request_read(body, ax_exchange_request_id(ex), &execution->arena,
                                   &execution->request, &err);
    if (code == AX_OK)
        code = ax_execute_request_agrees(&execution->request,
                                         ax_exchange_header(ex, AX_STR("x-alga-tenant")),
                                         ax_exchange_header(ex, AX_STR("x-alga-extension")), &err);
    if (code == AX_OK && !execution->request.traceparent.ptr)
        execution->request.traceparent = ax_arena_dup(
            &execution->arena, ax_exchange_header(ex, AX_STR("traceparent")));
    if (code == AX_OK && all->draining)
        code = ax_err_set(&err, AX_E_DRAINING, "this runner is about to stop");
    if (code != AX_OK) {
        if (!execution->request.message.request_id.len)
            execution->request.message.request_id = ax_arena_dup(&execution->arena,
                                                                 ax_exchange_request_id(ex));
        execution_fail(execution, code, &err, NULL, code == AX_E_DRAINING ? EXECUTION_RETRY_MS : 0);
        return;
    }
    execution_enter_admission(execution);
}

void ax_execution_abort(struct ax_exchange *ex)
{
    struct ax_execution *execution = ax_exchange_user(ex);

    execution->ex = NULL;
    execution_count(execution, AX_E_CANCELED);
    execution_end(execution);
}

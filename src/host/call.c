/* SPDX-License-Identifier: Apache-2.0 */
/* call.c - which function does a call name, and may this execution use it?
 *
 * One table. A name that is not in it is an invalid request, also to those who hold every
 * capability; a name in it without the capability is denied before its arguments are looked at. */
#include "base/alloc.h"
#include "host/interface.h"

#include <assert.h>

struct ax_host {
    struct ax_loop *loop;
    struct ax_http_client *client;
    struct host_policy *policy;
    size_t running;
};

/* Connections of all fetches at one moment; more wait for their turn. */
#define HOST_CONNECTIONS_MAX 4096

/* Stateful interfaces need a service of the host application, and none is configured. */
static void call_no_service(struct host_work *work)
{
    host_work_finish(work, AX_HOST_NOT_AVAILABLE);
}

#define F(interface, name, capability, run) \
    { AX_STR_INIT(interface), AX_STR_INIT(name), capability, run }
static const struct host_function call_functions[] = {
    F("http", "fetch", AX_CAP_HTTP_FETCH, host_http_fetch),
    F("context", "get-context", AX_CAP_CONTEXT_READ, host_context_get),
    F("config", "get", AX_CAP_CONFIG_READ, host_config_get),
    F("config", "list", AX_CAP_CONFIG_READ, host_config_list),
    F("user", "get-user", AX_CAP_USER_READ, host_user_get),
    F("user-v2", "get-user", AX_CAP_USER_READ, host_user_v2_get),
    F("secrets", "get", AX_CAP_SECRETS_GET, call_no_service),
    F("secrets", "list-keys", AX_CAP_SECRETS_GET, call_no_service),
    F("storage", "get", AX_CAP_STORAGE_KV, call_no_service),
    F("storage", "put", AX_CAP_STORAGE_KV, call_no_service),
    F("storage", "delete", AX_CAP_STORAGE_KV, call_no_service),
    F("storage", "list-entries", AX_CAP_STORAGE_KV, call_no_service),
    F("ui-proxy", "call-route", AX_CAP_UI_PROXY, call_no_service),
    F("scheduler", "list-schedules", AX_CAP_SCHEDULER_MANAGE, call_no_service),
    F("scheduler", "get-schedule", AX_CAP_SCHEDULER_MANAGE, call_no_service),
    F("scheduler", "create-schedule", AX_CAP_SCHEDULER_MANAGE, call_no_service),
    F("scheduler", "update-schedule", AX_CAP_SCHEDULER_MANAGE, call_no_service),
    F("scheduler", "delete-schedule", AX_CAP_SCHEDULER_MANAGE, call_no_service),
    F("scheduler", "get-endpoints", AX_CAP_SCHEDULER_MANAGE, call_no_service),
};
#undef F

/* --- the host --- */

enum ax_code ax_host_new(struct ax_loop *loop, const struct ax_host_options *options,
                         struct ax_host **ret_host, struct ax_err *err)
{
    struct ax_http_client_options client = { .connections_max = HOST_CONNECTIONS_MAX };
    struct host_policy *policy;
    struct ax_host *host;
    enum ax_code code = host_policy_new(loop, options, &policy, err);

    if (code != AX_OK)
        return code;
    host = ax_alloc(sizeof(*host));
    host->loop = loop;
    host->policy = policy;
    host->client = ax_http_client_new(loop, &client);
    *ret_host = host;
    return AX_OK;
}

enum ax_code ax_host_reload(struct ax_host *host, const struct ax_host_options *options,
                            struct ax_err *err)
{
    struct host_policy *policy;
    enum ax_code code = host_policy_new(host->loop, options, &policy, err);

    if (code != AX_OK)
        return code;
    host_policy_unref(host->policy);
    host->policy = policy;
    return AX_OK;
}

void ax_host_free(struct ax_host *host)
{
    if (host == NULL)
        return;
    assert(host->running == 0);
    host_policy_unref(host->policy);
    ax_http_client_free(host->client);
    free(host);
}

bool ax_host_egress_is_open(const struct ax_host *host)
{
    return ax_allowlist_count(host->policy->allowlist) > 0;
}

/* --- the end of a call --- */

static void call_on_task(struct ax_task *task)
{
    struct host_work *work = AX_CONTAINER_OF(task, struct host_work, task);
    struct ax_host_call *call = work->call;
    enum ax_code result = work->result;

    if (work->release != NULL)
        work->release(work);
    ax_json_free(work->json);
    host_policy_unref(work->policy);
    work->host->running--;
    free(work);
    call->work = NULL;
    ax_op_complete(&call->op, result);
}

void host_work_finish(struct host_work *work, enum ax_host_number number)
{
    struct ax_host_call *call = work->call;

    if (number == AX_HOST_OK && call->answer.failed != AX_OK)
        number = call->answer.failed == AX_E_TOO_BIG ? AX_HOST_TOO_LARGE : AX_HOST_INTERNAL;
    if (number != AX_HOST_OK)
        ax_buf_done(&call->answer);
    call->number = number;
    work->cancel = NULL;
    work->result = call->op.canceled ? AX_E_CANCELED : AX_OK;
    ax_task_post(work->loop, &work->task, call_on_task);
}

void host_answer_begin(struct host_work *work)
{
    if (work->wrapped) {
        ax_json_begin_object(&work->out);
        ax_json_key(&work->out, "ok");
    }
}

void host_answer_end(struct host_work *work)
{
    if (work->wrapped)
        ax_json_end_object(&work->out);
}

void host_answer_err(struct host_work *work, const char *name)
{
    ax_json_begin_object(&work->out);
    ax_json_key(&work->out, "err");
    ax_json_put_str(&work->out, ax_str_of(name));
    ax_json_end_object(&work->out);
}

/* --- the beginning of a call --- */

static const struct host_function *call_find(struct ax_str interface, struct ax_str name)
{
    for (size_t i = 0; i < AX_ARRAY_LEN(call_functions); i++) {
        const struct host_function *function = &call_functions[i];

        if (ax_str_eq(function->interface, interface) && ax_str_eq(function->name, name))
            return function;
    }
    return NULL;
}

/* The generic call: {"interface", "function", "args"?} and nothing else. */
static bool call_unwrap(struct host_work *work, struct ax_str *interface, struct ax_str *function)
{
    const struct ax_json_value *root = ax_json_root(work->json);
    struct ax_json_iter it = ax_json_iter(root);

    if (ax_json_type(root) != AX_JSON_OBJECT)
        return false;
    while (ax_json_next(&it)) {
        if (ax_str_eq(it.key, AX_STR("interface")))
            *interface = ax_json_str(it.value);
        else if (ax_str_eq(it.key, AX_STR("function")))
            *function = ax_json_str(it.value);
        else if (ax_str_eq(it.key, AX_STR("args")))
            work->args = it.value;
        else
            return false;
    }
    work->wrapped = true;
    return true;
}

static bool call_is_counted(struct ax_host_grants *grants, size_t payload_len)
{
    if (grants->calls >= AX_HOST_CALLS_MAX ||
        payload_len > AX_HOST_PAYLOAD_BYTES_MAX - grants->payload_bytes)
        return false;
    grants->calls++;
    grants->payload_bytes += payload_len;
    return true;
}

static enum ax_host_number call_read(struct host_work *work,
                                     const struct host_function **ret_function)
{
    struct ax_json_limits limits = { .bytes_max = HOST_MESSAGE_MAX };
    struct ax_str interface = work->call->interface;
    struct ax_str function = work->call->function;
    enum ax_code code;

    if (!call_is_counted(work->call->grants, work->call->payload.len))
        return AX_HOST_QUOTA;
    code = ax_json_parse(work->call->payload, &limits, &work->json, NULL);
    if (code == AX_E_PAYLOAD_TOO_LARGE)
        return AX_HOST_TOO_LARGE;
    if (code != AX_OK)
        return code == AX_E_NO_MEMORY ? AX_HOST_INTERNAL : AX_HOST_INVALID;
    work->args = ax_json_root(work->json);
    if (interface.len == 0) {
        work->args = NULL;
        if (!call_unwrap(work, &interface, &function))
            return AX_HOST_INVALID;
    }
    *ret_function = call_find(interface, function);
    if (*ret_function == NULL)
        return AX_HOST_INVALID;
    if ((work->call->grants->capabilities & (*ret_function)->capability) == 0)
        return AX_HOST_DENIED;
    return AX_HOST_OK;
}

static void call_on_cancel(struct ax_op *op)
{
    struct ax_host_call *call = AX_CONTAINER_OF(op, struct ax_host_call, op);

    if (call->work->cancel != NULL)
        call->work->cancel(call->work);
}

void ax_host_call_start(struct ax_host *host, struct ax_host_call *call, ax_op_done_fn *on_done,
                        void *arg)
{
    const struct host_function *function = NULL;
    struct host_work *work = ax_alloc(sizeof(*work));
    enum ax_host_number number;

    ax_op_begin(&call->op, on_done, arg, call_on_cancel);
    ax_host_call_done(call);
    ax_buf_init(&call->answer, HOST_MESSAGE_MAX);
    call->work = work;
    work->host = host;
    work->loop = host->loop;
    work->client = host->client;
    work->policy = host_policy_ref(host->policy);
    work->call = call;
    ax_json_out_init(&work->out, &call->answer);
    host->running++;
    number = call_read(work, &function);
    if (number == AX_HOST_OK)
        function->run(work);
    else
        host_work_finish(work, number);
}

void ax_host_call_done(struct ax_host_call *call)
{
    ax_buf_done(&call->answer);
    call->number = AX_HOST_OK;
    call->audit = (struct ax_host_audit){ 0 };
}

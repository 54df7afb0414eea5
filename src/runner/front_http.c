/* SPDX-License-Identifier: Apache-2.0 */
/* front_http.c - which request goes where?
 *
 * The head decides: a route that does not exist, a method that it does not have and a caller without
 * the service token are answered before a byte of the body is read. */
#include "base/log.h"
#include "runner/execute_request.h"
#include "runner/front_private.h"

enum route { ROUTE_EXECUTE, ROUTE_WARMUP, ROUTE_METRICS, ROUTE_HEALTH, ROUTE_READY, ROUTE_NONE };

static const struct {
    struct ax_str path;
    enum route route;
    bool post;
    bool open; /* without a token */
} routes[] = {
    { AX_STR_INIT("/v1/execute"), ROUTE_EXECUTE, true, false },
    { AX_STR_INIT("/v1/warmup"), ROUTE_WARMUP, true, false },
    { AX_STR_INIT("/metrics"), ROUTE_METRICS, false, false },
    { AX_STR_INIT("/healthz"), ROUTE_HEALTH, false, true },
    { AX_STR_INIT("/readyz"), ROUTE_READY, false, true },
};

static size_t route_find(const struct ax_exchange *ex)
{
    struct ax_str path = ax_exchange_path(ex);
    size_t i = 0;

    while (i < AX_ARRAY_LEN(routes) && !ax_str_eq(routes[i].path, path))
        i++;
    return i;
}

static bool method_fits(const struct ax_exchange *ex, size_t at)
{
    enum ax_method method = ax_exchange_method(ex);

    if (routes[at].post)
        return method == AX_METHOD_POST;
    return method == AX_METHOD_GET || method == AX_METHOD_HEAD;
}

void front_on_head(void *arg, struct ax_exchange *ex)
{
    struct front *front = arg;
    size_t at = route_find(ex);
    struct ax_err err = { 0 };
    enum ax_code code = AX_OK;

    if (ax_exchange_server(ex) == front->public_server || at == AX_ARRAY_LEN(routes))
        code = AX_E_NOT_FOUND;
    else if (!routes[at].open && !ax_service_tokens_accept(
                                     front->tokens, ax_exchange_header(ex, AX_STR("authorization")),
                                     ax_exchange_header(ex, AX_STR("x-runner-service-token"))))
        code = AX_E_UNAUTHENTICATED;
    else if (!method_fits(ex, at))
        code = AX_E_METHOD_NOT_ALLOWED;
    else if (routes[at].route == ROUTE_EXECUTE) {
        ax_exchange_body_max(ex, AX_EXECUTE_BYTES_MAX);
        code = ax_executions_may_read(&front->executions, ax_exchange_body_announced(ex), &err);
    }
    if (code != AX_OK)
        ax_exchange_fail(ex, code, err.message[0] ? &err : NULL,
                         code == AX_E_OVERLOADED || code == AX_E_DRAINING ? 1 : 0);
}

void front_on_request(void *arg, struct ax_exchange *ex)
{
    struct front *front = arg;
    size_t at = route_find(ex);

    switch (at < AX_ARRAY_LEN(routes) ? routes[at].route : ROUTE_NONE) {
    case ROUTE_EXECUTE: ax_execution_start(&front->executions, ex); return;
    case ROUTE_WARMUP: front_warmup_start(front, ex); return;
    case ROUTE_METRICS: front_answer_metrics(front, ex); return;
    case ROUTE_HEALTH: front_answer_health(front, ex); return;
    case ROUTE_READY: front_answer_ready(front, ex); return;
    case ROUTE_NONE: ax_exchange_fail(ex, AX_E_NOT_FOUND, NULL, 0); return;
    }
}

void front_on_abort(void *arg, struct ax_exchange *ex)
{
    size_t at = route_find(ex);

    (void)arg;
    if (!ax_exchange_user(ex))
        return; /* its body never came */
    if (routes[at].route == ROUTE_EXECUTE)
        ax_execution_abort(ex);
    else
        front_warmup_abort(ex);
}

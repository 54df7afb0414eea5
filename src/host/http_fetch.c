/* SPDX-License-Identifier: Apache-2.0 */
/* http_fetch.c - may this guest talk to that server, and what did it say?
 *
 *   read, lists, quota --> RESOLVE --> every address judged --> CONNECT (1..n) --> END
 *            `----------------`----------------`--------------------'  failure, deadline, cancel
 *
 * The name is resolved once; connections go to the addresses that were judged and to nothing else.
 * The next address is tried only when nobody was reached at the one before. */
#include "base/alloc.h"
#include "host/fetch_request.h"
#include "host/interface.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define FETCH_MS_MAX        30000 /* the call's own cap; an execution's wall time is no longer */
#define FETCH_ADDRESS_TRIES 4
#define FETCH_HEAD_MAX      (16u << 10)

enum fetch_state { FETCH_READ, FETCH_RESOLVE, FETCH_CONNECT, FETCH_END };

struct fetch {
    struct host_work *work;
    enum fetch_state state;
    struct host_fetch_request request;
    struct ax_timer deadline;
    struct ax_resolve resolve;
    size_t next; /* address to try */
    struct ax_buf url;
    char connect_to[2 * AX_HOST_NAME_MAX + AX_ADDRESS_TEXT_MAX];
    struct ax_http_call http;
    uint64_t started_ms;
    bool counted; /* in grants->fetches_in_flight */
    bool late;    /* the deadline came */
};

static void fetch_enter(struct fetch *fetch, enum fetch_state next);

/* --- the end --- */

static void fetch_release(struct host_work *work)
{
    struct fetch *fetch = work->part;

    host_fetch_request_done(&fetch->request);
    ax_buf_done(&fetch->url);
    ax_http_call_done(&fetch->http);
    free(fetch);
}

/* The last step of every fetch. `outcome` is for the operator; the guest sees the number. */
static void fetch_finish(struct fetch *fetch, enum ax_host_number number, const char *outcome)
{
    struct host_work *work = fetch->work;
    struct ax_host_grants *grants = work->call->grants;
    struct ax_host_audit *audit = &work->call->audit;

    if (work->call->op.canceled)
        outcome = "canceled";
    ax_timer_stop(&fetch->deadline);
    if (fetch->counted)
        grants->fetches_in_flight--;
    if (fetch->request.url_is_known) {
        audit->https = fetch->request.url.https;
        memcpy(audit->host, fetch->request.url.host, fetch->request.url.host_len + 1u);
        audit->port = fetch->request.url.port;
        memcpy(audit->method, fetch->request.method, sizeof(audit->method));
    }
    audit->ms = ax_loop_now_ms(work->loop) - fetch->started_ms;
    audit->outcome = outcome;
    fetch->state = FETCH_END;
    host_work_finish(work, number);
}

/* --- the answer --- */

/* Whether an earlier header has the same name: then it has brought this one along. */
static bool answer_is_repeated(const struct ax_http_result *result, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (ax_str_eq(result->headers[i].name, result->headers[index].name))
            return true;
    }
    return false;
}

/* Headers that the upstream's Connection header names belong to that connection as well. */
static bool answer_is_dropped(const struct ax_http_result *result, struct ax_str name)
{
    if (ax_http_is_hop_by_hop(name))
        return true;
    for (size_t i = 0; i < result->header_count; i++) {
        struct ax_str rest = result->headers[i].value;
        struct ax_str element;

        if (!ax_str_eq(result->headers[i].name, AX_STR("connection")))
            continue;
        while (ax_http_list_next(&rest, &element)) {
            if (ax_str_eq_nocase(element, name))
                return true;
        }
    }
    return false;
}

static void answer_put_header(struct ax_json_out *out, const struct ax_http_result *result,
                              size_t index)
{
    struct ax_str name = result->headers[index].name;
    size_t same = 0;

    for (size_t i = index; i < result->header_count; i++)
        same += ax_str_eq(result->headers[i].name, name);
    ax_json_key_str(out, name);
    if (same == 1) {
        ax_json_put_str(out, result->headers[index].value);
        return;
    }
    ax_json_begin_array(out);
    for (size_t i = index; i < result->header_count; i++) {
        if (ax_str_eq(result->headers[i].name, name))
            ax_json_put_str(out, result->headers[i].value);
    }
    ax_json_end_array(out);
}

static void fetch_answer(struct fetch *fetch)
{
    const struct ax_http_result *result = &fetch->http.result;
    struct ax_json_out *out = &fetch->work->out;

    host_answer_begin(fetch->work);
    ax_json_begin_object(out);
    ax_json_key(out, "status");
    ax_json_put_u64(out, (uint64_t)result->status);
    ax_json_key(out, "headers");
    ax_json_begin_object(out);
    for (size_t i = 0; i < result->header_count; i++) {
        if (!answer_is_repeated(result, i) && !answer_is_dropped(result, result->headers[i].name))
            answer_put_header(out, result, i);
    }
    ax_json_end_object(out);
    ax_json_key(out, "body_b64");
    ax_json_put_base64(out, ax_buf_str(&result->body));
    ax_json_end_object(out);
    host_answer_end(fetch->work);
    fetch_finish(fetch, AX_HOST_OK, "ok");
}

/* --- the connection --- */

static const struct ax_address *fetch_address(const struct fetch *fetch)
{
    return &fetch->resolve.addresses[fetch->next];
}

/* The socket's address as the client is about to connect it: the one that was chosen, and still
 * fine. */
static bool fetch_on_address(void *arg, const struct sockaddr *sockaddr, socklen_t len)
{
    struct fetch *fetch = arg;
    struct ax_address address;

    (void)len;
    return ax_address_of_sockaddr(sockaddr, &address) &&
           ax_address_eq(&address, fetch_address(fetch)) &&
           ax_address_judge(&address, fetch->work->policy->private_cidrs) == NULL;
}

static void fetch_fail(struct fetch *fetch)
{
    switch (fetch->http.result.failure) {
    case AX_HTTP_INVALID: /* with the request sent: an answer that is no HTTP/1 */
        if (fetch->http.result.request_sent)
            fetch_finish(fetch, AX_HOST_TRANSPORT, "transport");
        else
            fetch_finish(fetch, AX_HOST_INVALID, "invalid");
        return;
    case AX_HTTP_TIMEOUT: fetch_finish(fetch, AX_HOST_DEADLINE, "deadline"); return;
    case AX_HTTP_TOO_LARGE: fetch_finish(fetch, AX_HOST_TOO_LARGE, "too_large"); return;
    case AX_HTTP_RESOLVE:
    case AX_HTTP_CONNECT: fetch_finish(fetch, AX_HOST_TRANSPORT, "connect_failed"); return;
    case AX_HTTP_REFUSED_ADDRESS: fetch_finish(fetch, AX_HOST_TRANSPORT, "address_refused"); return;
    case AX_HTTP_TLS: fetch_finish(fetch, AX_HOST_TRANSPORT, "tls_failed"); return;
    case AX_HTTP_TRANSPORT: fetch_finish(fetch, AX_HOST_TRANSPORT, "transport"); return;
    case AX_HTTP_FINE:
    case AX_HTTP_CANCELED: break;
    }
    fetch_finish(fetch, AX_HOST_INTERNAL, "internal");
}

static void fetch_on_http(enum ax_code code, void *arg)
{
    struct fetch *fetch = arg;
    const struct ax_http_result *result = &fetch->http.result;
    struct ax_host_call *call = fetch->work->call;

    call->audit.status = (uint16_t)result->status;
    memcpy(call->audit.reason, result->reason, sizeof(call->audit.reason));
    call->audit.bytes_up += result->bytes_sent;
    call->audit.bytes_down += result->bytes_received;
    call->grants->egress_bytes += result->bytes_sent + result->bytes_received;
    if (fetch->late || call->op.canceled) {
        fetch_finish(fetch, AX_HOST_DEADLINE, "deadline");
    } else if (code == AX_OK) {
        fetch_answer(fetch);
    } else if (result->failure == AX_HTTP_CONNECT && !result->request_sent &&
               fetch->next + 1 < fetch->resolve.count && fetch->next + 1 < FETCH_ADDRESS_TRIES) {
        fetch->next++;
        fetch_enter(fetch, FETCH_CONNECT);
    } else {
        fetch_fail(fetch);
    }
}

static void fetch_connect(struct fetch *fetch)
{
    const struct ax_url *url = &fetch->request.url;
    const struct ax_address *address = fetch_address(fetch);
    char *text = fetch->work->call->audit.address;
    bool v6 = address->len == 16;

    ax_address_format(address, text);
    snprintf(fetch->connect_to, sizeof(fetch->connect_to), "%s:%u:%s%s%s:%u", url->host, url->port,
             v6 ? "[" : "", text, v6 ? "]" : "", url->port);
    fetch->http.request = (struct ax_http_request){
        .method = ax_str_of(fetch->request.method),
        .url = ax_buf_str(&fetch->url),
        .headers = fetch->request.headers,
        .header_count = fetch->request.header_count,
        .body = ax_buf_str(&fetch->request.body),
        .deadline_ms = fetch->deadline.at_ms,
        .response_max = HOST_FETCH_BODY_MAX,
        .header_max = FETCH_HEAD_MAX,
        .connect_to = ax_str_of(fetch->connect_to),
        .ca_pem = ax_str_of(fetch->work->policy->ca_pem),
        .fresh = true,
        .on_address = fetch_on_address,
        .address_arg = fetch,
    };
    ax_http_call_start(fetch->work->client, &fetch->http, fetch_on_http, fetch);
}

/* --- the name --- */

static void fetch_on_resolve(enum ax_code code, void *arg)
{
    struct fetch *fetch = arg;
    struct host_work *work = fetch->work;

    if (fetch->late || work->call->op.canceled) {
        fetch_finish(fetch, AX_HOST_DEADLINE, "deadline");
        return;
    }
    if (code != AX_OK) {
        fetch_finish(fetch, AX_HOST_TRANSPORT, "resolve_failed");
        return;
    }
    for (size_t i = 0; i < fetch->resolve.count; i++) {
        const struct ax_address *address = &fetch->resolve.addresses[i];

        if (ax_address_judge(address, work->policy->private_cidrs) != NULL) {
            ax_address_format(address, work->call->audit.address);
            fetch_finish(fetch, AX_HOST_TRANSPORT, "address_refused");
            return;
        }
    }
    fetch_enter(fetch, FETCH_CONNECT);
}

/* --- the beginning --- */

static void fetch_enter(struct fetch *fetch, enum fetch_state next)
{
    assert(next >= fetch->state);
    fetch->state = next;
    if (next == FETCH_RESOLVE) {
        fetch->resolve.name = fetch->request.url.host;
        ax_resolve_start(fetch->work->policy->resolver, &fetch->resolve, fetch_on_resolve, fetch);
    } else {
        fetch_connect(fetch);
    }
}

/* Whatever is under way ends soon, and its callback ends the fetch. */
static void fetch_hurry(struct fetch *fetch)
{
    if (fetch->state == FETCH_RESOLVE)
        ax_op_cancel(&fetch->resolve.op);
    else if (fetch->state == FETCH_CONNECT)
        ax_op_cancel(&fetch->http.op);
}

static void fetch_on_deadline(struct ax_timer *timer)
{
    struct fetch *fetch = AX_CONTAINER_OF(timer, struct fetch, deadline);

    fetch->late = true;
    fetch_hurry(fetch);
}

static void fetch_on_cancel(struct host_work *work)
{
    fetch_hurry(work->part);
}

static bool fetch_is_allowed(const struct fetch *fetch)
{
    const struct ax_host_grants *grants = fetch->work->call->grants;
    const struct ax_url *url = &fetch->request.url;

    if (!ax_allowlist_allows(fetch->work->policy->allowlist, url))
        return false;
    if (grants->has_manifest_egress &&
        !ax_egress_texts_allow(grants->manifest_egress, grants->manifest_egress_count, url))
        return false;
    return ax_egress_texts_allow(grants->request_egress, grants->request_egress_count, url);
}

/* Everything that can be said without the network. */
static enum ax_host_number fetch_judge(struct fetch *fetch, const char **ret_outcome)
{
    enum ax_host_number number = host_fetch_request_read(fetch->work->args, &fetch->request);

    if (number == AX_HOST_OK && !fetch_is_allowed(fetch))
        number = AX_HOST_NOT_ALLOWED;
    else if (number == AX_HOST_OK &&
             fetch->work->call->grants->fetches_in_flight >= AX_HOST_FETCHES_AT_ONCE)
        number = AX_HOST_QUOTA;
    switch (number) {
    case AX_HOST_OK: break;
    case AX_HOST_INVALID: *ret_outcome = "invalid"; break;
    case AX_HOST_TOO_LARGE: *ret_outcome = "too_large"; break;
    case AX_HOST_NOT_ALLOWED: *ret_outcome = "not_allowed"; break;
    case AX_HOST_QUOTA: *ret_outcome = "quota"; break;
    default: *ret_outcome = "internal"; break;
    }
    return number;
}

/* The URL that the client gets is put together from what was judged, not copied. Now nothing is
 * borrowed from the payload any more: it may be as large as the body, and a fetch may wait long. */
static void fetch_write_url(struct fetch *fetch)
{
    const struct ax_url *url = &fetch->request.url;

    ax_buf_init(&fetch->url, AX_URL_MAX + 32);
    ax_buf_printf(&fetch->url, "%s://%s:%u", url->https ? "https" : "http", url->host, url->port);
    if (!ax_str_starts(url->target, AX_STR("/")))
        ax_buf_append_byte(&fetch->url, '/');
    ax_buf_append_str(&fetch->url, url->target);
    ax_json_free(fetch->work->json);
    fetch->work->json = NULL;
    fetch->work->args = NULL;
}

static void fetch_add_traceparent(struct fetch *fetch)
{
    struct host_fetch_request *request = &fetch->request;
    struct ax_str value = fetch->work->call->grants->traceparent;

    if (value.len > 0 && !host_fetch_request_has_header(request, AX_STR("traceparent")))
        request->headers[request->header_count++] = (struct ax_http_header){
            .name = AX_STR("traceparent"), .value = value
        };
}

void host_http_fetch(struct host_work *work)
{
    struct fetch *fetch = ax_alloc(sizeof(*fetch));
    struct ax_host_grants *grants = work->call->grants;
    uint64_t now = ax_loop_now_ms(work->loop);
    uint64_t deadline = work->call->deadline_ms;
    const char *outcome = NULL;
    enum ax_host_number number;

    fetch->work = work;
    fetch->started_ms = now;
    work->part = fetch;
    work->release = fetch_release;
    work->cancel = fetch_on_cancel;
    if (grants->fetches++ >= AX_HOST_FETCHES_MAX) {
        work->call->audit.fetch = grants->fetches == AX_HOST_FETCHES_MAX + 1;
        fetch_finish(fetch, AX_HOST_QUOTA, "quota");
        return;
    }
    work->call->audit.fetch = true;
    number = fetch_judge(fetch, &outcome);
    if (number == AX_HOST_OK && deadline <= now) {
        number = AX_HOST_DEADLINE;
        outcome = "deadline";
    }
    if (number != AX_HOST_OK) {
        fetch_finish(fetch, number, outcome);
        return;
    }
    grants->fetches_in_flight++;
    fetch->counted = true;
    fetch_write_url(fetch);
    fetch_add_traceparent(fetch);
    ax_timer_start(work->loop, &fetch->deadline,
                   deadline < now + FETCH_MS_MAX ? deadline : now + FETCH_MS_MAX,
                   fetch_on_deadline);
    fetch_enter(fetch, FETCH_RESOLVE);
}

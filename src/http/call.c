/* SPDX-License-Identifier: Apache-2.0 */
/* call.c - what becomes of one request of ours?
 *
 *   start --> libcurl works --> finished --> on_done
 *     `--- invalid, deadline, cancel ---^    always from a task, a timer or a poll, never inside
 *                                            libcurl or the call that started or canceled it */
#include "http/client_private.h"

#include "base/alloc.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CALL_HEADER_MAX  (16u << 10)
#define CALL_DEADLINE_MS 30000

struct ax_str ax_http_result_header(const struct ax_http_result *result, struct ax_str lower_name)
{
    for (size_t i = 0; i < result->header_count; i++) {
        if (ax_str_eq(result->headers[i].name, lower_name))
            return result->headers[i].value;
    }
    return AX_STR_NONE;
}

void ax_http_call_done(struct ax_http_call *call)
{
    assert(!ax_op_is_running(&call->op));
    ax_buf_done(&call->result.head);
    ax_buf_done(&call->result.body);
    call->result.header_count = 0;
}

/* --- the end --- */

static void call_note(struct ax_http_call_state *state, enum ax_http_failure failure,
                      const char *reason)
{
    if (state->failure == AX_HTTP_FINE) { /* the first failure wins */
        state->failure = failure;
        state->reason = reason;
    }
}

static void call_no_memory(struct ax_http_call_state *state, const char *reason)
{
    state->no_memory = true;
    call_note(state, AX_HTTP_TRANSPORT, reason);
}

static enum ax_code call_code(enum ax_http_failure failure)
{
    switch (failure) {
    case AX_HTTP_FINE: return AX_OK;
    case AX_HTTP_INVALID: return AX_E_INVALID_REQUEST;
    case AX_HTTP_REFUSED_ADDRESS: return AX_E_FORBIDDEN;
    case AX_HTTP_TIMEOUT: return AX_E_DEADLINE_EXCEEDED;
    case AX_HTTP_TOO_LARGE: return AX_E_TOO_BIG;
    case AX_HTTP_CANCELED: return AX_E_CANCELED;
    case AX_HTTP_RESOLVE:
    case AX_HTTP_CONNECT:
    case AX_HTTP_TLS:
    case AX_HTTP_TRANSPORT: break;
    }
    return AX_E_CLOSED;
}

static void call_read_result(struct ax_http_call_state *state)
{
    struct ax_http_result *result = &state->call->result;
    const struct ax_http_request *request = &state->call->request;
    curl_off_t up = 0, down = 0;
    long head_up = 0, head_down = 0, status = 0;

    curl_easy_getinfo(state->easy, CURLINFO_SIZE_UPLOAD_T, &up);
    curl_easy_getinfo(state->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
    curl_easy_getinfo(state->easy, CURLINFO_REQUEST_SIZE, &head_up);
    curl_easy_getinfo(state->easy, CURLINFO_HEADER_SIZE, &head_down);
    curl_easy_getinfo(state->easy, CURLINFO_RESPONSE_CODE, &status);
    result->bytes_sent = (uint64_t)up + (uint64_t)head_up;
    result->bytes_received = (uint64_t)down + (uint64_t)head_down;
    result->request_sent = status > 0 || (head_up > 0 && (uint64_t)up >= request->body.len);
    if (state->failure == AX_HTTP_FINE && (status < 200 || status > 599))
        call_note(state, AX_HTTP_TRANSPORT, "the answer has no usable status");
    if (!state->head_complete) /* libcurl takes an end in the middle of a head for its end */
        call_note(state, AX_HTTP_TRANSPORT, "the answer's head was cut short");
    if (state->failure != AX_HTTP_FINE)
        return;
    result->status = (int)status;
    result->header_count = state->field_count;
    for (size_t i = 0; i < state->field_count; i++) {
        const char *head = result->head.ptr;

        result->headers[i].name = ax_str_make(head + state->fields[i].name,
                                              state->fields[i].name_len);
        result->headers[i].value = ax_str_make(head + state->fields[i].value,
                                               state->fields[i].value_len);
    }
}

static void call_end(struct ax_http_call_state *state)
{
    struct ax_http_call *call = state->call;
    struct ax_http_client *client = state->client;
    struct ax_http_result *result = &call->result;
    enum ax_code code;

    ax_timer_stop(&state->deadline);
    ax_task_withdraw(&state->finish);
    if (state->added)
        curl_multi_remove_handle(client->multi, state->easy);
    if (state->easy) {
        call_read_result(state);
        ax_client_give_easy(client, state->easy);
    }
    if (state->failure != AX_HTTP_FINE) {
        ax_buf_done(&result->body);
        ax_buf_done(&result->head);
        snprintf(result->reason, sizeof(result->reason), "%s", state->reason);
    }
    result->failure = state->failure;
    code = state->no_memory ? AX_E_NO_MEMORY : call_code(state->failure);
    curl_slist_free_all(state->headers);
    curl_slist_free_all(state->connect_to);
    call->state = NULL;
    free(state);
    client->calls--;
    ax_op_complete(&call->op, code);
}

static enum ax_http_failure call_failure(CURLcode code)
{
    switch (code) {
    case CURLE_OK: return AX_HTTP_FINE;
    case CURLE_URL_MALFORMAT:
    case CURLE_LOGIN_DENIED: return AX_HTTP_INVALID;
    case CURLE_COULDNT_RESOLVE_HOST: return AX_HTTP_RESOLVE;
    case CURLE_COULDNT_CONNECT: return AX_HTTP_CONNECT;
    case CURLE_OPERATION_TIMEDOUT: return AX_HTTP_TIMEOUT;
    case CURLE_FILESIZE_EXCEEDED: return AX_HTTP_TOO_LARGE;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR: return AX_HTTP_TLS;
    default: return AX_HTTP_TRANSPORT;
    }
}

void ax_call_finished(CURL *easy, CURLcode result)
{
    struct ax_http_call_state *state = NULL;

    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&state);
    if (result == CURLE_OUT_OF_MEMORY)
        call_no_memory(state, "no memory inside libcurl");
    else if (result != CURLE_OK)
        call_note(state, call_failure(result),
                  state->words[0] ? state->words : curl_easy_strerror(result));
    else if (state->failure != AX_HTTP_FINE)
        state->failure = AX_HTTP_FINE; /* canceled or late, but it was done before */
    call_end(state);
}

static void call_on_finish(struct ax_task *task)
{
    call_end(AX_CONTAINER_OF(task, struct ax_http_call_state, finish));
}

static void call_on_cancel(struct ax_op *op)
{
    struct ax_http_call *call = AX_CONTAINER_OF(op, struct ax_http_call, op);

    call_note(call->state, AX_HTTP_CANCELED, "the call was canceled");
    ax_task_post(call->state->client->loop, &call->state->finish, call_on_finish);
}

static void call_on_deadline(struct ax_timer *timer)
{
    struct ax_http_call_state *state = AX_CONTAINER_OF(timer, struct ax_http_call_state, deadline);

    call_note(state, AX_HTTP_TIMEOUT, "the deadline passed");
    call_end(state);
}

/* --- libcurl's callbacks: they note, and stop it by what they return --- */

static curl_socket_t call_on_open_socket(void *arg, curlsocktype purpose,
                                         struct curl_sockaddr *address)
{
    struct ax_http_call_state *state = arg;
    const struct ax_http_request *request = &state->call->request;
    int fd;

    (void)purpose;
    if (request->on_address &&
        !request->on_address(request->address_arg, &address->addr, address->addrlen)) {
        call_note(state, AX_HTTP_REFUSED_ADDRESS, "the address is not allowed");
        return CURL_SOCKET_BAD;
    }
    fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

/* libcurl tries again by itself when a kept connection turns out to be dead. The server may have
 * worked on what it got, so only requests that change nothing may be sent twice. */
static int call_on_connected(void *arg, char *remote_ip, char *local_ip, int remote_port,
                             int local_port)
{
    struct ax_http_call_state *state = arg;
    struct ax_str method = state->call->request.method;
    bool safe = method.len == 0 || ax_str_eq(method, AX_STR("GET")) ||
                ax_str_eq(method, AX_STR("HEAD")) || ax_str_eq(method, AX_STR("OPTIONS"));

    (void)remote_ip, (void)local_ip, (void)remote_port, (void)local_port;
    if (state->repeated && !safe) {
        call_note(state, AX_HTTP_TRANSPORT, "a kept connection ended under the request");
        return CURL_PREREQFUNC_ABORT;
    }
    state->repeated = true;
    return CURL_PREREQFUNC_OK;
}

static size_t call_on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct ax_http_call_state *state = arg;
    enum ax_code code = ax_buf_append(&state->call->result.body, bytes, size * count);

    if (code == AX_OK)
        return size * count;
    if (code == AX_E_TOO_BIG)
        call_note(state, AX_HTTP_TOO_LARGE, "the answer's body is too large");
    else
        call_no_memory(state, "no memory for the answer");
    return size * count + 1; /* any other number than what came stops the transfer */
}

/* One header line without its end. False: not a header. */
static bool call_keep_header(struct ax_http_call_state *state, struct ax_str line)
{
    struct ax_buf *head = &state->call->result.head;
    size_t colon = ax_str_find(line, ':');
    struct ax_str name = ax_str_sub(line, 0, colon);
    struct ax_str value;
    size_t at = head->len;

    if (colon == line.len || !ax_http_is_token(name))
        return false;
    value = ax_str_trim(ax_str_from(line, colon + 1));
    if (!ax_http_is_value(value))
        return false;
    if (state->field_count == AX_ARRAY_LEN(state->fields) ||
        ax_buf_append_str(head, name) != AX_OK || ax_buf_append_str(head, value) != AX_OK) {
        call_note(state, AX_HTTP_TOO_LARGE, "the answer's head is too large");
        return false;
    }
    for (size_t i = at; i < at + name.len; i++) {
        if (head->ptr[i] >= 'A' && head->ptr[i] <= 'Z')
            head->ptr[i] = (char)(head->ptr[i] | 0x20);
    }
    state->fields[state->field_count].name = (uint32_t)at;
    state->fields[state->field_count].name_len = (uint32_t)name.len;
    state->fields[state->field_count].value = (uint32_t)(at + name.len);
    state->fields[state->field_count].value_len = (uint32_t)value.len;
    state->field_count++;
    return true;
}

/* An announced body that cannot fit is refused before it is waited for. */
static bool call_body_fits(const struct ax_http_call_state *state, long status)
{
    const struct ax_http_request *request = &state->call->request;
    const char *head = state->call->result.head.ptr;
    uint64_t len;

    if (status == 204 || status == 304 || ax_str_eq(request->method, AX_STR("HEAD")))
        return true;
    for (size_t i = 0; i < state->field_count; i++) {
        struct ax_str name = ax_str_make(head + state->fields[i].name, state->fields[i].name_len);
        struct ax_str value = ax_str_make(head + state->fields[i].value,
                                          state->fields[i].value_len);

        if (ax_str_eq(name, AX_STR("content-length")) &&
            !ax_str_to_u64(value, request->response_max, &len))
            return false;
    }
    return true;
}

/* Called once a line, with its end; also for the heads of 1xx answers and for trailers. */
static size_t call_on_header(char *bytes, size_t size, size_t count, void *arg)
{
    struct ax_http_call_state *state = arg;
    struct ax_str line = ax_str_make(bytes, size * count);
    long status = 0;

    if (state->head_complete)
        return size * count; /* trailers are dropped */
    while (line.len > 0 && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r'))
        line.len--;
    if (line.len == 0) {
        curl_easy_getinfo(state->easy, CURLINFO_RESPONSE_CODE, &status);
        state->head_complete = status >= 200;
        if (!state->head_complete || call_body_fits(state, status))
            return size * count;
        call_note(state, AX_HTTP_TOO_LARGE, "the answer's body is too large");
        return size * count + 1;
    }
    if (ax_str_starts(line, AX_STR("HTTP/"))) {
        state->field_count = 0;
        ax_buf_clear(&state->call->result.head);
        return size * count;
    }
    if (call_keep_header(state, line))
        return size * count;
    call_note(state, AX_HTTP_TRANSPORT, "the answer has a malformed header");
    return size * count + 1;
}

/* --- the start --- */

static bool call_add(struct curl_slist **list, const char *text)
{
    struct curl_slist *longer = curl_slist_append(*list, text);

    if (longer)
        *list = longer;
    return longer != NULL;
}

static bool call_has_header(const struct ax_http_request *request, struct ax_str name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (ax_str_eq_nocase(request->headers[i].name, name))
            return true;
    }
    return false;
}

/* The caller's headers, and none of those that libcurl would add. */
static bool call_headers(struct ax_http_call_state *state)
{
    static const struct ax_str added[] = { AX_STR_INIT("Accept"), AX_STR_INIT("Content-Type"),
                                           AX_STR_INIT("User-Agent"), AX_STR_INIT("Expect") };
    const struct ax_http_request *request = &state->call->request;
    AX_AUTO_BUF struct ax_buf line = { .max = 1u << 20 };

    for (size_t i = 0; i < request->header_count; i++) {
        const struct ax_http_header *header = &request->headers[i];

        if (!ax_http_is_token(header->name) || !ax_http_is_value(header->value) ||
            ax_http_is_framing(header->name) || ax_str_eq_nocase(header->name, AX_STR("host")) ||
            ax_str_eq_nocase(header->name, AX_STR("expect")))
            return false;
        ax_buf_clear(&line);
        ax_buf_append_str(&line, header->name);
        if (header->value.len > 0)
            ax_buf_append_str(&line, AX_STR(": "));
        else
            ax_buf_append_byte(&line, ';'); /* libcurl's way to say "empty" */
        ax_buf_append_str(&line, header->value);
        ax_buf_append_byte(&line, '\0');
        if (line.failed != AX_OK || !call_add(&state->headers, line.ptr))
            return false;
    }
    for (size_t i = 0; i < AX_ARRAY_LEN(added); i++) {
        char without[32];

        snprintf(without, sizeof(without), "%.*s:", AX_STR_FMT(added[i]));
        if (!call_has_header(request, added[i]) && !call_add(&state->headers, without))
            return false;
    }
    return true;
}

/* Visible ASCII, a scheme of ours, no user and no fragment; libcurl judges the rest. */
static bool call_url_is_fine(struct ax_str url)
{
    struct ax_str rest;

    for (size_t i = 0; i < url.len; i++) {
        if (url.ptr[i] <= 0x20 || url.ptr[i] >= 0x7f || url.ptr[i] == '#')
            return false;
    }
    if (ax_str_starts(url, AX_STR("http://")))
        rest = ax_str_from(url, 7);
    else if (ax_str_starts(url, AX_STR("https://")))
        rest = ax_str_from(url, 8);
    else
        return false;
    for (size_t i = 0; i < rest.len && rest.ptr[i] != '/' && rest.ptr[i] != '?'; i++) {
        if (rest.ptr[i] == '@' || rest.ptr[i] == '\\')
            return false;
    }
    return rest.len > 0;
}

/* libcurl copies every string; a NUL inside would cut it. */
static CURLcode call_set_str(CURL *easy, CURLoption option, struct ax_str str)
{
    AX_AUTO_FREE char *copy = NULL;

    if (memchr(str.ptr, '\0', str.len))
        return CURLE_BAD_FUNCTION_ARGUMENT;
    copy = ax_strdup(str);
    return curl_easy_setopt(easy, option, copy);
}

static CURLcode call_set_method(CURL *easy, const struct ax_http_request *request)
{
    struct ax_str method = request->method.len > 0 ? request->method : AX_STR("GET");
    bool with_body = request->body.len > 0 || ax_str_eq(method, AX_STR("POST")) ||
                     ax_str_eq(method, AX_STR("PUT")) || ax_str_eq(method, AX_STR("PATCH"));

    if (!ax_http_is_token(method))
        return CURLE_BAD_FUNCTION_ARGUMENT;
    if (ax_str_eq(method, AX_STR("HEAD"))) {
        if (request->body.len > 0)
            return CURLE_BAD_FUNCTION_ARGUMENT;
        return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    }
    if (with_body) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.len > 0 ? request->body.ptr : "");
    }
    return call_set_str(easy, CURLOPT_CUSTOMREQUEST, method);
}

/* What libcurl must not do on its own. */
static void call_set_rules(CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* a cancel does not wait for getaddrinfo */
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
}

static void call_set_callbacks(struct ax_http_call_state *state)
{
    CURL *easy = state->easy;

    curl_easy_setopt(easy, CURLOPT_PRIVATE, state);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, state->words);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, call_on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, state);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, call_on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, state);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, call_on_open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, state);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, call_on_connected);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, state);
}

/* False: the request is not one. */
static bool call_set_up(struct ax_http_call_state *state)
{
    const struct ax_http_request *request = &state->call->request;
    CURL *easy = state->easy;

    if (!call_url_is_fine(request->url) ||
        call_set_str(easy, CURLOPT_URL, request->url) != CURLE_OK ||
        call_set_method(easy, request) != CURLE_OK || !call_headers(state))
        return false;
    call_set_rules(easy);
    call_set_callbacks(state);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, state->headers);
    if (request->connect_to.len > 0) {
        AX_AUTO_FREE char *entry = ax_strdup(request->connect_to);

        if (!call_add(&state->connect_to, entry))
            return false;
        curl_easy_setopt(easy, CURLOPT_CONNECT_TO, state->connect_to);
    }
    if (request->unix_path)
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, request->unix_path);
    if (request->ca_pem.len > 0) {
        struct curl_blob pem = { (void *)(uintptr_t)request->ca_pem.ptr, request->ca_pem.len,
                                 CURL_BLOB_NOCOPY };

        curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &pem);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* these and no others */
    }
    if (request->fresh) {
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
        curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L); /* each verifies for itself */
        curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
    }
    return true;
}

void ax_http_call_start(struct ax_http_client *client, struct ax_http_call *call,
                        ax_op_done_fn *on_done, void *arg)
{
    struct ax_http_call_state *state = ax_alloc(sizeof(*state));
    const struct ax_http_request *request = &call->request;
    uint64_t now = ax_loop_now_ms(client->loop);

    ax_op_begin(&call->op, on_done, arg, call_on_cancel);
    ax_buf_done(&call->result.head);
    ax_buf_done(&call->result.body);
    memset(&call->result, 0, sizeof(call->result));
    ax_buf_init(&call->result.head, request->header_max ? request->header_max : CALL_HEADER_MAX);
    ax_buf_init(&call->result.body, request->response_max);
    state->client = client;
    state->call = call;
    state->reason = "";
    call->state = state;
    client->calls++;
    state->easy = ax_client_take_easy(client);
    if (!state->easy)
        call_no_memory(state, "libcurl gives no handle");
    else if (!call_set_up(state))
        call_note(state, AX_HTTP_INVALID, "the request is malformed");
    else if (curl_multi_add_handle(client->multi, state->easy) != CURLM_OK)
        call_no_memory(state, "libcurl takes no more calls");
    else
        state->added = true;
    if (!state->added) {
        ax_task_post(client->loop, &state->finish, call_on_finish);
        return;
    }
    ax_timer_start(client->loop, &state->deadline,
                   request->deadline_ms ? request->deadline_ms : now + CALL_DEADLINE_MS,
                   call_on_deadline);
}

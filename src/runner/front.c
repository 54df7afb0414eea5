/* SPDX-License-Identifier: Apache-2.0 */
/* front.c - who answers the runner's callers?
 * Here: how the role starts, what the supervisor tells it, how it ends. */
#include "runner/front.h"

#include "base/log.h"
#include "loop/role.h"
#include "runner/front_private.h"

#include <signal.h>

/* Connections, sockets to guests' upstreams, sealed code and a reserve. */
#define FRONT_FILES_MIN 16384

static void front_restart_peer(struct front *front, enum ax_peer peer, uint32_t slot)
{
    struct ax_buf *out = ax_channel_begin(front->control, AX_MSG_RESTART_PEER, 0, -1);

    ax_frame_put_u8(out, (uint8_t)peer);
    ax_frame_put_u32(out, slot);
    (void)ax_channel_end(front->control); /* a supervisor that cannot hear is gone, and so are we */
}

static void front_on_evict(struct ax_unit *unit, void *arg)
{
    struct front *front = arg;

    ax_workers_unload(&front->workers, unit);
}

static void front_on_refused(struct ax_unit *unit, enum ax_code code, const struct ax_err *err,
                             void *arg)
{
    struct front *front = arg;
    char hash[AX_DIGEST_TEXT_LEN + 1];

    ax_digest_print(&unit->hash, hash);
    ax_log(AX_WARN, "unit.refused", kv_cstr("hash", hash), kv_code("why", code),
           kv_cstr("words", err->message), kv_u64("runs", unit->in_use));
    ax_workers_refuse(&front->workers, unit, code, err);
}

static void front_on_loader_broken(void *arg)
{
    ax_log(AX_ERROR, "front.loader_broken");
    front_restart_peer(arg, AX_PEER_LOADER, 0);
}

static void front_on_capacity(uint32_t capacity, void *arg)
{
    struct front *front = arg;

    ax_admission_set_capacity(&front->executions.admission, capacity);
}

static void front_on_worker_broken(uint32_t slot, void *arg)
{
    ax_log(AX_ERROR, "front.worker_broken", kv_u64("slot", slot));
    front_restart_peer(arg, AX_PEER_WORKER, slot);
}

static void front_on_worker_stuck(uint32_t slot, void *arg)
{
    ax_log(AX_ERROR, "front.worker_stuck", kv_u64("slot", slot));
    front_restart_peer(arg, AX_PEER_WORKER, slot);
}

/* --- settings --- */

static struct ax_host_options host_options(const struct ax_settings *settings)
{
    return (struct ax_host_options){
        .egress_allowlist = ax_settings_str(settings, "EXT_EGRESS_ALLOWLIST"),
        .private_cidrs = ax_settings_str(settings, "EXT_EGRESS_PRIVATE_CIDRS"),
        .resolver = ax_settings_str(settings, "EXT_EGRESS_RESOLVER"),
        .ca_pem = ax_settings_str(settings, "EXT_EGRESS_CA_FILE"),
    };
}

static enum ax_code front_configure(struct front *front, const struct ax_settings *settings,
                                    struct ax_err *err)
{
    const struct ax_host_options options = host_options(settings);
    enum ax_code code = ax_service_tokens_parse(ax_settings_str(settings, "RUNNER_SERVICE_TOKEN"),
                                                &front->tokens, err);

    if (code == AX_OK)
        code = ax_host_new(&front->loop, &options, &front->host, err);
    front->workers_wanted = ax_worker_count(settings);
    front->worker_slots = (uint32_t)ax_settings_u64(settings, "RUNNER_WORKER_SLOTS");
    front->signing_off = ax_str_eq(ax_settings_str(settings, "SIGNING_POLICY"), AX_STR("off"));
    return code;
}

/* All or nothing: what does not parse leaves the old settings in force. */
static void front_on_reload(struct front *front, int fd)
{
    AX_AUTO(ax_settings_free) struct ax_settings *settings = NULL;
    AX_AUTO(ax_service_tokens_free) struct ax_service_tokens *tokens = NULL;
    struct ax_err err = { 0 };
    enum ax_code code = ax_role_settings_take(fd, &settings, &err);

    if (code == AX_OK)
        code = ax_service_tokens_parse(ax_settings_str(settings, "RUNNER_SERVICE_TOKEN"), &tokens,
                                       &err);
    if (code == AX_OK) {
        const struct ax_host_options options = host_options(settings);

        code = ax_host_reload(front->host, &options, &err);
    }
    if (code != AX_OK) {
        ax_log(AX_ERROR, "front.reload_refused", kv_code("why", code),
               kv_cstr("words", err.message));
        return;
    }
    ax_service_tokens_free(front->tokens);
    front->tokens = AX_TAKE(tokens);
    ax_log(AX_INFO, "front.reloaded");
}

/* --- the end --- */

static void front_on_server_drained(void *arg)
{
    struct front *front = arg;

    if (--front->drains_open == 0)
        ax_loop_stop(&front->loop);
}

static void front_on_grace_over(struct ax_timer *timer)
{
    struct front *front = AX_CONTAINER_OF(timer, struct front, grace);

    ax_log(AX_WARN, "front.grace_over", kv_u64("executions", front->executions.alive));
    ax_loop_stop(&front->loop);
}

static void front_drain(struct front *front, uint64_t grace_ms)
{
    if (front->draining)
        return;
    front->draining = front->executions.draining = true;
    front->drains_open = 2;
    ax_timer_start(&front->loop, &front->grace, ax_loop_now_ms(&front->loop) + grace_ms,
                   front_on_grace_over);
    ax_http_server_drain(front->server, front_on_server_drained, front);
    ax_http_server_drain(front->public_server, front_on_server_drained, front);
}

/* --- the supervisor's words --- */

static enum ax_code front_on_listener(struct front *front, struct ax_reader *reader, int fd)
{
    uint8_t which = ax_reader_u8(reader);
    struct ax_http_server *server = which == AX_LISTENER_PUBLIC ? front->public_server
                                                                : front->server;

    if (!ax_reader_ok(reader) || (which != AX_LISTENER_PUBLIC && which != AX_LISTENER_PRIVATE)) {
        ax_fd_close(&fd);
        return AX_E_INVALID_REQUEST;
    }
    return ax_http_server_listen(server, fd);
}

static enum ax_code front_on_peer(struct front *front, struct ax_reader *reader, int fd)
{
    uint8_t peer = ax_reader_u8(reader);
    uint32_t slot = ax_reader_u32(reader);
    uint32_t pid = ax_reader_u32(reader);

    if (ax_reader_ok(reader) && peer == AX_PEER_LOADER) {
        ax_units_on_loader(&front->units, fd);
        return AX_OK;
    }
    if (ax_reader_ok(reader) && peer == AX_PEER_WORKER && slot < AX_WORKERS_MAX) {
        ax_workers_on_worker(&front->workers, slot, pid, fd);
        return AX_OK;
    }
    ax_fd_close(&fd);
    return AX_E_INVALID_REQUEST;
}

static enum ax_code control_on_frame(void *arg, const struct ax_frame *frame, int fd)
{
    struct front *front = arg;
    struct ax_reader reader = ax_reader_of(frame->payload);

    if (fd >= 0) {
        switch (frame->type) {
        case AX_MSG_LISTENER: return front_on_listener(front, &reader, fd);
        case AX_MSG_PEER: return front_on_peer(front, &reader, fd);
        case AX_MSG_RELOAD: front_on_reload(front, fd); return AX_OK;
        default: ax_fd_close(&fd); return AX_E_INVALID_REQUEST;
        }
    }
    if (frame->type == AX_MSG_DRAIN) {
        uint64_t grace_ms = ax_reader_u64(&reader);

        if (ax_reader_ok(&reader)) {
            front_drain(front, grace_ms);
            return AX_OK;
        }
    }
    return AX_E_INVALID_REQUEST;
}

static void control_on_end(void *arg, enum ax_code code)
{
    struct front *front = arg;

    (void)code; /* the supervisor is gone, however it went */
    ax_loop_stop(&front->loop);
}

/* --- start and end of the role --- */

static void front_wire(struct front *front, const struct ax_settings *settings)
{
    const struct ax_admission_options admission = {
        .per_install = (uint32_t)ax_settings_u64(settings, "RUNNER_INSTALL_CONCURRENCY"),
        .per_tenant = (uint32_t)ax_settings_u64(settings, "RUNNER_TENANT_CONCURRENCY"),
        .queue_max = (uint32_t)ax_settings_u64(settings, "RUNNER_QUEUE_MAX"),
    };
    struct ax_http_server_options http = {
        .body_max = 64u << 10, /* routes with larger bodies say so in on_head */
        .arena_bytes = 256u << 10,
        .connections_max = ax_settings_u64(settings, "RUNNER_MAX_CONNECTIONS"),
        .on_head = front_on_head,
        .on_request = front_on_request,
        .on_abort = front_on_abort,
        .arg = front,
    };

    ax_units_init(&front->units, &front->loop,
                  ax_settings_u64(settings, "RUNNER_MODULES_MAX_BYTES"), front_on_evict,
                  front_on_refused, front_on_loader_broken, front);
    ax_workers_init(&front->workers, &front->loop, &front->units, front_on_capacity,
                    front_on_worker_broken, front);
    ax_executions_init(&front->executions, &front->loop, &front->units, &front->workers,
                       front->host, &admission, front_on_worker_stuck, front);
    front->server = ax_http_server_new(&front->loop, &http);
    front->public_server = ax_http_server_new(&front->loop, &http);
}

static enum ax_code front_start(struct front *front, const struct ax_settings *settings,
                                struct ax_err *err)
{
    const struct ax_channel_limits limits = { AX_MSG_CONTROL_MAX, AX_MSG_CONTROL_MAX };
    const struct ax_channel_handler handler = { .on_frame = control_on_frame,
                                                .on_end = control_on_end,
                                                .arg = front };
    const struct ax_role_limits role_limits = {
        .files = ax_settings_u64(settings, "RUNNER_MAX_CONNECTIONS") + FRONT_FILES_MIN
    };
    enum ax_code code = ax_role_seal(&role_limits, NULL, 0, err);

    if (code != AX_OK)
        return code;
    signal(SIGPIPE, SIG_IGN);
    front->own_user = ax_role_has_own_user();
    ax_loop_init(&front->loop);
    code = front_configure(front, settings, err);
    if (code != AX_OK)
        return code;
    front_wire(front, settings);
    front->control = ax_channel_new(&front->loop, AX_ROLE_CONTROL_FD, &limits, &handler);
    ax_channel_begin(front->control, AX_MSG_READY, 0, -1);
    return ax_channel_end(front->control);
}

int ax_front_run(struct ax_settings *settings)
{
    struct front *front = ax_alloc(sizeof(*front));
    struct ax_err err = { 0 };
    enum ax_code code = front_start(front, settings, &err);

    if (code != AX_OK) {
        ax_log(AX_ERROR, "front.start_failed", kv_code("why", code), kv_cstr("words", err.message));
        return 1; /* the process ends: nothing of it needs tidying */
    }
    ax_loop_run(&front->loop);
    ax_timer_stop(&front->grace);
    ax_http_server_free(front->server);
    ax_http_server_free(front->public_server);
    ax_channel_close(front->control);
    /* Host calls that were canceled just now end in the next turns; then nothing is alive. */
    while (front->executions.alive)
        uv_run(&front->loop.uv, UV_RUN_ONCE);
    ax_executions_done(&front->executions);
    ax_units_done(&front->units);
    ax_workers_done(&front->workers);
    ax_host_free(front->host);
    ax_service_tokens_free(front->tokens);
    ax_loop_done(&front->loop);
    free(front);
    return 0;
}

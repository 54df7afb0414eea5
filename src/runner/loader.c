/* SPDX-License-Identifier: Apache-2.0 */
/* loader.c - how does a content hash become checked machine code?
 *
 * This file is the process around it: settings, sealing, folders from the supervisor, the front's
 * questions, builders, reload, drain. What happens to one hash is in load.c. */
#include "runner/loader.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "crypto/crypto.h"
#include "engine.h"
#include "loop/role.h"
#include "runner/loader_private.h"
#include "runner/message.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOADER_FILES     4096
#define LOADER_PROBE_MS  2000
#define LOADER_QUEUE_MAX (64u << 20) /* answers that wait for a slow front */

/* --- the cache --- */

static void loader_tell_cache(struct loader *loader)
{
    struct ax_buf *out;

    if (!loader->front || !loader->cache_known)
        return;
    out = ax_channel_begin(loader->front, AX_MSG_CACHE, 0, -1);
    ax_frame_put_u8(out, loader->cache_writable);
    if (ax_channel_end(loader->front) != AX_OK)
        ax_log(AX_ERROR, "loader.front_does_not_listen");
}

static enum ax_code loader_run_probe(void *arg)
{
    return ax_cache_probe(((struct loader *)arg)->cache);
}

static void loader_on_probe_time(struct ax_timer *timer)
{
    loader_probe_cache(AX_CONTAINER_OF(timer, struct loader, probe_timer));
}

/* The front is told what is news; a cache that cannot be written is tried again until it can. */
static void loader_on_probed(enum ax_code code, void *arg)
{
    struct loader *loader = arg;
    bool writable = code == AX_OK;
    bool news = !loader->cache_known || loader->cache_writable != writable;

    loader->cache_known = true;
    loader->cache_writable = writable;
    if (news) {
        ax_log(writable ? AX_INFO : AX_ERROR, "cache.probed", kv_bool("writable", writable));
        loader_tell_cache(loader);
    }
    if (!writable && !loader->draining)
        ax_timer_start(&loader->loop, &loader->probe_timer,
                       ax_loop_now_ms(&loader->loop) + LOADER_PROBE_MS, loader_on_probe_time);
    loader_on_idle(loader);
}

void loader_probe_cache(struct loader *loader)
{
    ax_timer_stop(&loader->probe_timer);
    if (!ax_op_is_running(&loader->probe.op))
        ax_job_start(&loader->loop, &loader->probe, loader_run_probe, loader, loader_on_probed,
                     loader);
}

static void loader_on_scanned(enum ax_code code, void *arg)
{
    struct loader *loader = arg;

    if (code != AX_OK)
        ax_log(AX_ERROR, "cache.scan_failed", kv_code("why", code));
    ax_ledger_found(loader->ledger, loader->found, loader->found_count);
    ax_log(AX_INFO, "cache.scanned", kv_u64("entries", ax_ledger_count(loader->ledger)),
           kv_u64("bytes", ax_ledger_bytes(loader->ledger)));
    free(AX_TAKE(loader->found));
    loader->found_count = 0;
    if (loader->load_count == 0)
        loader_on_idle(loader);
}

static enum ax_code loader_run_scan(void *arg)
{
    struct loader *loader = arg;

    return ax_cache_scan(loader->cache, &loader->found, &loader->found_count);
}

/* Once both folders are there. Lookups need no scan: it only counts and tidies, behind them. */
static void loader_open_cache(struct loader *loader)
{
    uint8_t key[AX_CACHE_KEY];
    bool is_new = false;

    if (loader->cache || loader->root_fd < 0 || loader->state_fd < 0)
        return;
    if (ax_cache_key(loader->state_fd, key, &is_new) != AX_OK)
        ax_log(AX_ERROR, "cache.key_not_kept",
               kv_cstr("effect", "what is cached now is worthless after a restart"));
    else if (is_new)
        ax_log(AX_INFO, "cache.key_made");
    loader->cache = ax_cache_open(loader->root_fd, key, loader->target, loader->engine_digest);
    ax_wipe(key, sizeof(key));
    ax_fd_close(&loader->root_fd);
    ax_fd_close(&loader->state_fd);
    if (loader->cache)
        ax_job_start(&loader->loop, &loader->scan, loader_run_scan, loader, loader_on_scanned,
                     loader);
    if (loader->cache)
        loader_probe_cache(loader);
}

/* --- builders, asked for from the supervisor --- */

static void loader_ask(struct loader *loader, uint8_t type, uint64_t id)
{
    ax_channel_begin(loader->control, type, id, -1);
    if (ax_channel_end(loader->control) != AX_OK)
        ax_log(AX_ERROR, "loader.supervisor_does_not_listen");
}

static void loader_want_builder(void *arg, uint64_t id)
{
    loader_ask(arg, AX_MSG_WANT_BUILDER, id);
}

static void loader_kill_builder(void *arg, uint64_t id)
{
    loader_ask(arg, AX_MSG_KILL_BUILDER, id);
}

/* --- the front --- */

static enum ax_code loader_on_front(void *arg, const struct ax_frame *frame, int fd)
{
    struct loader *loader = arg;
    struct ax_reader reader = ax_reader_of(frame->payload);
    struct ax_str hash = ax_reader_str(&reader);

    ax_fd_close(&fd);
    (void)ax_reader_str(&reader); /* the extension's id: hashes are shared by all who use them */
    (void)ax_reader_u64(&reader); /* the front keeps the deadline; the work goes on past it */
    if (frame->type != AX_MSG_GET || !ax_reader_ok(&reader) || hash.len != AX_CACHE_HASH)
        return AX_E_INVALID_REQUEST;
    load_get(loader, (const uint8_t *)hash.ptr, frame->id);
    return AX_OK;
}

static void loader_on_front_end(void *arg, enum ax_code code)
{
    struct loader *loader = arg;

    ax_log(AX_INFO, "loader.front_gone", kv_code("why", code));
    ax_channel_close(loader->front);
    loader->front = NULL;
    load_forget_waiters(loader);
    loader_on_idle(loader);
}

static void loader_on_front_drained(void *arg)
{
    load_resume_answers(arg);
}

static void loader_set_front(struct loader *loader, int fd)
{
    const struct ax_channel_limits limits = { AX_MSG_CONTROL_MAX, LOADER_QUEUE_MAX };
    const struct ax_channel_handler handler = { loader_on_front, loader_on_front_end,
                                                loader_on_front_drained, loader };

    if (loader->front) {
        ax_channel_close(loader->front);
        load_forget_waiters(loader);
    }
    loader->front = ax_channel_new(&loader->loop, fd, &limits, &handler);
    loader_tell_cache(loader);
}

/* --- the supervisor --- */

static bool loader_take_dir(struct loader *loader, unsigned kind, int fd)
{
    int *slot = kind == AX_DIR_CACHE ? &loader->root_fd : &loader->state_fd;

    if (kind == AX_DIR_STORE) {
        if (!loader->store)
            loader->store = ax_store_new_dir(&loader->loop, fd);
        ax_fd_close(&fd);
        return true;
    }
    if ((kind != AX_DIR_CACHE && kind != AX_DIR_STATE) || loader->cache || *slot >= 0) {
        ax_fd_close(&fd);
        return false;
    }
    *slot = fd;
    loader_open_cache(loader);
    return true;
}

static enum ax_code loader_read_settings(struct loader *loader, const struct ax_settings *settings,
                                         struct ax_err *err)
{
    bool required = ax_str_eq(ax_settings_str(settings, "SIGNING_POLICY"), AX_STR("require"));
    struct ax_trust *trust = NULL;
    enum ax_code code = AX_OK;

    if (required)
        code = ax_trust_load(ax_settings_str(settings, "SIGNING_TRUST_BUNDLE"), &trust, err);
    if (code != AX_OK)
        return ax_err_wrap(err, code, "SIGNING_TRUST_BUNDLE");
    ax_trust_free(loader->trust);
    loader->trust = required ? trust : ax_trust_new_empty();
    loader->trust_generation++;
    loader->must_be_signed = required;
    loader->offline = ax_settings_bool(settings, "RUNNER_OFFLINE");
    loader->cache_max = ax_settings_u64(settings, "EXT_CACHE_MAX_BYTES");
    return AX_OK;
}

/* What the front holds was judged by the old keys. A front that cannot hear it is about to be
 * restarted, and asks for everything anew. */
static void loader_recheck(struct loader *loader)
{
    if (!loader->front)
        return;
    ax_channel_begin(loader->front, AX_MSG_RECHECK, 0, -1);
    if (ax_channel_end(loader->front) != AX_OK)
        ax_log(AX_ERROR, "loader.front_does_not_listen");
}

/* A trust bundle that cannot be read leaves the old one in force: forgetting whom we trust would be
 * safe, but it would stop everything for a slip of the editor. */
static void loader_reload(struct loader *loader, int fd)
{
    struct ax_settings *settings = NULL;
    struct ax_err err = { .code = AX_OK };
    enum ax_code code = ax_role_settings_take(fd, &settings, &err);

    if (code == AX_OK)
        code = loader_read_settings(loader, settings, &err);
    if (code == AX_OK) {
        ax_refusals_clear(loader->refusals);
        loader_recheck(loader);
        ax_log(AX_INFO, "loader.reloaded");
    } else {
        ax_log(AX_ERROR, "loader.reload_failed", kv_cstr("why", err.message));
    }
    ax_settings_free(settings);
}

static void loader_on_grace_over(struct ax_timer *timer)
{
    struct loader *loader = AX_CONTAINER_OF(timer, struct loader, drain_timer);

    ax_log(AX_WARN, "loader.cut", kv_u64("loads", loader->load_count));
    _exit(0); /* jobs on other threads cannot be called back; the disk copes with that */
}

void loader_on_idle(struct loader *loader)
{
    if (loader->draining && loader->load_count == 0 && !loader->front &&
        !ax_op_is_running(&loader->scan.op) && !ax_op_is_running(&loader->probe.op))
        ax_loop_stop(&loader->loop);
}

/* The front may still need modules for what it has admitted: it hangs up when it does not. */
static void loader_drain(struct loader *loader, uint64_t grace_ms)
{
    loader->draining = true;
    ax_timer_start(&loader->loop, &loader->drain_timer, ax_loop_now_ms(&loader->loop) + grace_ms,
                   loader_on_grace_over);
    loader_on_idle(loader);
}

static int fd_move(int *fd)
{
    int moved = *fd;

    *fd = -1;
    return moved;
}

static bool loader_take_order(struct loader *loader, const struct ax_frame *frame, int *fd)
{
    struct ax_reader reader = ax_reader_of(frame->payload);
    bool has_fd = *fd >= 0;
    uint32_t number;

    switch (frame->type) {
    case AX_MSG_DIR:
        number = ax_reader_u8(&reader);
        return has_fd && ax_reader_ok(&reader) && loader_take_dir(loader, number, fd_move(fd));
    case AX_MSG_PEER:
        number = ax_reader_u8(&reader);
        (void)ax_reader_u32(&reader);
        (void)ax_reader_u32(&reader);
        if (!has_fd || !ax_reader_ok(&reader) || number != AX_PEER_FRONT)
            return false;
        loader_set_front(loader, fd_move(fd));
        return true;
    case AX_MSG_BUILDER:
        (void)ax_reader_u32(&reader);
        if (!has_fd || !ax_reader_ok(&reader))
            return false;
        ax_builders_started(loader->builders, frame->id, fd_move(fd));
        return true;
    case AX_MSG_BUILDER_EXIT:
        number = ax_reader_u32(&reader);
        ax_builders_exited(loader->builders, frame->id, (int)number);
        return !has_fd && ax_reader_ok(&reader);
    case AX_MSG_DRAIN:
        loader_drain(loader, ax_reader_u64(&reader));
        return !has_fd && ax_reader_ok(&reader);
    case AX_MSG_RELOAD:
        if (!has_fd)
            return false;
        loader_reload(loader, fd_move(fd));
        return true;
    default: return false;
    }
}

static enum ax_code loader_on_control(void *arg, const struct ax_frame *frame, int fd_given)
{
    AX_AUTO_FD int fd = fd_given;

    return loader_take_order(arg, frame, &fd) ? AX_OK : AX_E_INVALID_REQUEST;
}

static void loader_on_control_end(void *arg, enum ax_code code)
{
    (void)arg;
    (void)code;
    _exit(1); /* no supervisor, no work; as after a kill, the disk copes */
}

/* --- the process --- */

/* Which machine code is ours: the engine says it, and needs no more than to exist for that. */
static enum ax_code loader_name_engine(struct loader *loader, struct ax_err *err)
{
    const struct ax_engine_options options = { AX_ENGINE_BUILDER, 0 };
    struct ax_engine *engine = NULL;
    char why[256] = "";

    if (ax_engine_new(&options, &engine, why, sizeof(why)) != AX_ENGINE_OK)
        return ax_err_set(err, AX_E_IO, "the engine does not start: %s", why);
    snprintf(loader->target, sizeof(loader->target), "%s", ax_engine_target(engine));
    ax_engine_digest(engine, loader->engine_digest);
    ax_engine_free(engine);
    return AX_OK;
}

static enum ax_code loader_begin(struct loader *loader, const struct ax_settings *settings,
                                 struct ax_err *err)
{
    const struct ax_role_limits role_limits = { .files = LOADER_FILES };
    const struct ax_channel_limits limits = { AX_MSG_CONTROL_MAX, 1u << 20 };
    const struct ax_channel_handler handler = { loader_on_control, loader_on_control_end, NULL,
                                                loader };
    const struct ax_builders_ask ask = { loader_want_builder, loader_kill_builder, loader };
    unsigned builders = (unsigned)ax_settings_u64(settings, "RUNNER_COMPILE_JOBS");
    enum ax_code code;

    signal(SIGXFSZ, SIG_IGN); /* a full disk is an error with words, whatever fills it */
    ax_crypto_init();
    code = loader_name_engine(loader, err);
    if (code == AX_OK)
        code = loader_read_settings(loader, settings, err);
    if (code == AX_OK)
        code = ax_role_seal(&role_limits, NULL, 0, err);
    if (code != AX_OK)
        return code;
    ax_loop_init(&loader->loop);
    loader->ledger = ax_ledger_new();
    loader->refusals = ax_refusals_new();
    loader->builders = ax_builders_new(&loader->loop, builders, &ask);
    loader->working_max = builders + LOADER_WORK_AHEAD;
    loader->control = ax_channel_new(&loader->loop, AX_ROLE_CONTROL_FD, &limits, &handler);
    ax_channel_begin(loader->control, AX_MSG_READY, 0, -1);
    return ax_channel_end(loader->control);
}

static void loader_end(struct loader *loader)
{
    ax_timer_stop(&loader->drain_timer);
    ax_timer_stop(&loader->probe_timer);
    ax_builders_free(loader->builders);
    ax_refusals_free(loader->refusals);
    ax_ledger_free(loader->ledger);
    ax_store_free(loader->store);
    ax_cache_free(loader->cache);
    ax_trust_free(loader->trust);
    ax_fd_close(&loader->root_fd);
    ax_fd_close(&loader->state_fd);
    ax_channel_close(loader->front);
    ax_channel_close(loader->control);
    ax_loop_done(&loader->loop);
}

int ax_loader_run(struct ax_settings *settings)
{
    struct loader loader = { .root_fd = -1, .state_fd = -1 };
    struct ax_err err = { .code = AX_OK };

    if (loader_begin(&loader, settings, &err) != AX_OK) {
        ax_log(AX_ERROR, "loader.failed", kv_cstr("why", err.message));
        ax_trust_free(loader.trust);
        return 1;
    }
    ax_loop_run(&loader.loop);
    loader_end(&loader);
    return 0;
}

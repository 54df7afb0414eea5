/* SPDX-License-Identifier: Apache-2.0 */
/* load.c - how does one content hash become checked machine code?
 *
 *     CACHE --> FETCH --> BUILD --> ANSWER --> PERSIST --> CLOSE, freed when all are answered
 *       |         |          `--- refused ------------------^
 *       |         `--- cached, signed anew: ANSWER
 *       `--- hit: ANSWER --> CLOSE
 *
 * One load a hash: who asks meanwhile waits for it, who asks while it persists is answered at once.
 * A hit whose envelope does not convince any more (expired, other keys) asks the store for a newer
 * one before it is refused. The order of distrust for what comes from the store: hash, signature,
 * and only then is it opened, by a builder. */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "bundle/archive.h"
#include "bundle/digest.h"
#include "bundle/envelope.h"
#include "crypto/random.h"
#include "runner/loader_private.h"
#include "store/memfd.h"

#include <assert.h>
#include <string.h>

#define REMEMBER_VERDICT_MS   600000 /* the bytes decide, and they do not change */
#define REMEMBER_SIGNATURE_MS 60000  /* an envelope may get another signature */
#define REMEMBER_FAULT_MIN_MS \
    1000 /* a fault may be gone at once, but not everybody tries at once */
#define REMEMBER_FAULT_MAX_MS 5000

enum load_state { LOAD_CACHE, LOAD_FETCH, LOAD_BUILD, LOAD_ANSWER, LOAD_PERSIST, LOAD_CLOSE };

struct load_victim {
    uint8_t hash[AX_CACHE_HASH];
    struct load_victim *next;
};

struct load {
    struct loader *loader;
    struct load *previous, *next;
    enum load_state state;
    uint8_t hash[AX_CACHE_HASH];
    struct loader_waiter *waiters, **waiters_end;
    uint64_t begun_ms, step_ms;

    struct ax_job job;
    enum ax_code code; /* of the answer */
    struct ax_err err;
    uint64_t remember_ms;

    uint64_t judged_by; /* which of the loader's trusts */
    bool is_working;    /* one of the few that hold whole bundles in memory */
    struct load *queue_next;
    bool is_cached; /* `entry` is ours and good */
    struct ax_cache_entry entry;
    struct ax_store_get bundle, envelope;
    unsigned fetching;
    enum ax_code bundle_code, envelope_code;
    struct ax_buf envelope_text;
    struct ax_statement statement;
    struct ax_build build;

    enum ax_abi abi; /* the answer; borrowed from entry or build */
    struct ax_str manifest;
    int code_fd;

    struct ax_cache_put put;
    struct load_victim *victims;
    bool has_retried;
};

static void load_enter(struct load *load, enum load_state next);

/* --- talking to the front --- */

static void load_step(struct load *load, const char *name)
{
    uint64_t now_ms = ax_clock_mono_ms();

    for (const struct loader_waiter *waiter = load->waiters; waiter; waiter = waiter->next) {
        struct ax_buf *out = ax_channel_begin(load->loader->front, AX_MSG_STEP, waiter->id, -1);

        ax_frame_put_str(out, ax_str_of(name));
        ax_frame_put_u32(out, (uint32_t)(now_ms - load->step_ms));
        (void)ax_channel_end(load->loader->front); /* only told for information */
    }
    load->step_ms = now_ms;
}

static enum ax_code front_send_failure(struct loader *loader, uint64_t id, const struct ax_err *err,
                                       uint64_t retry_ms)
{
    struct ax_buf *out = ax_channel_begin(loader->front, AX_MSG_FAIL, id, -1);
    bool again = ax_code_info(err->code)->retry != AX_RETRY_NEVER;

    ax_frame_put_u32(out, err->code);
    ax_frame_put_u32(out, again ? (uint32_t)retry_ms : 0);
    ax_frame_put_str(out, ax_str_of(err->message));
    return ax_channel_end(loader->front);
}

static enum ax_code load_send(const struct load *load, uint64_t id)
{
    struct ax_buf *out;

    if (load->code != AX_OK)
        return front_send_failure(load->loader, id, &load->err, load->remember_ms);
    out = ax_channel_begin(load->loader->front, AX_MSG_HAVE, id, load->code_fd);
    ax_frame_put_u8(out, (uint8_t)load->abi);
    ax_frame_put_str(out, load->manifest);
    return ax_channel_end(load->loader->front);
}

static void load_add_waiter(struct load *load, uint64_t id)
{
    struct loader_waiter *waiter = ax_alloc(sizeof(*waiter));

    waiter->id = id;
    *load->waiters_end = waiter;
    load->waiters_end = &waiter->next;
    load->loader->waiter_count++;
}

static void load_drop_waiter(struct load *load)
{
    struct loader_waiter *waiter = load->waiters;

    load->waiters = waiter->next;
    if (!load->waiters)
        load->waiters_end = &load->waiters;
    load->loader->waiter_count--;
    free(waiter);
}

/* Answers in order, until the front's queue is full: load_resume_answers() goes on then. */
static void load_answer_waiters(struct load *load)
{
    while (load->waiters && load_send(load, load->waiters->id) != AX_E_OVERLOADED)
        load_drop_waiter(load);
}

/* --- beginning and end --- */

static void load_ask_store(struct load *load);

/* Whole bundles lie in memory from here on, so few may; the others wait in order. */
static bool load_begin_work(struct load *load)
{
    struct loader *loader = load->loader;

    if (loader->working < loader->working_max) {
        loader->working++;
        load->is_working = true;
        return true;
    }
    *(loader->queue_last ? &loader->queue_last->queue_next : &loader->queue_first) = load;
    loader->queue_last = load;
    return false;
}

static void load_end_work(struct load *load)
{
    struct loader *loader = load->loader;
    struct load *next = loader->queue_first;

    if (!load->is_working)
        return;
    load->is_working = false;
    if (!next) {
        loader->working--;
        return;
    }
    loader->queue_first = next->queue_next;
    if (!loader->queue_first)
        loader->queue_last = NULL;
    next->is_working = true; /* it takes the place */
    next->step_ms = ax_clock_mono_ms();
    load_ask_store(next);
}

static void load_free(struct load *load)
{
    struct loader *loader = load->loader;

    *(load->previous ? &load->previous->next : &loader->loads) = load->next;
    if (load->next)
        load->next->previous = load->previous;
    loader->load_count--;
    assert(!load->waiters && !load->victims);
    ax_cache_entry_done(&load->entry);
    ax_store_get_done(&load->bundle);
    ax_store_get_done(&load->envelope);
    ax_build_done(&load->build);
    ax_buf_done(&load->envelope_text);
    load_end_work(load);
    free(load);
    if (loader->load_count == 0)
        loader_on_idle(loader);
}

static void load_name(const struct load *load, char hex[AX_DIGEST_HEX_LEN + 1])
{
    struct ax_digest digest;

    memcpy(digest.bytes, load->hash, sizeof(digest.bytes));
    ax_digest_hex(&digest, hex);
}

static void load_fail(struct load *load, enum ax_code code, uint64_t remember_ms)
{
    char hex[AX_DIGEST_HEX_LEN + 1];

    load_name(load, hex);
    load->code = load->err.code = code;
    load->remember_ms = remember_ms;
    ax_refusals_add(load->loader->refusals, load->hash, &load->err,
                    ax_loop_now_ms(&load->loader->loop) + remember_ms);
    ax_log(AX_WARN, "bundle.refused", kv_cstr("hash", hex), kv_code("why", code),
           kv_cstr("words", load->err.message), kv_u64("remembered_ms", remember_ms));
    load_answer_waiters(load);
    load_enter(load, LOAD_CLOSE);
}

static uint64_t fault_ms(void)
{
    return REMEMBER_FAULT_MIN_MS +
           ax_random_u64() % (REMEMBER_FAULT_MAX_MS - REMEMBER_FAULT_MIN_MS + 1);
}

/* Something failed that another try may find mended. */
static void load_fail_for_now(struct load *load, enum ax_code code)
{
    load_fail(load, code, fault_ms());
}

/* --- CACHE --- */

static enum ax_code load_run_cache(void *arg)
{
    struct load *load = arg;
    const struct ax_cache *cache = load->loader->cache;
    enum ax_code code = ax_cache_read(cache, load->hash, &load->entry, &load->err);

    if (code == AX_E_INVALID_BUNDLE)
        (void)ax_cache_drop(cache, load->hash);
    return code;
}

/* May these bytes be used? On the loop's thread: one signature costs a tenth of a millisecond. */
static enum ax_code load_judge(struct load *load, uint64_t size, struct ax_str envelope,
                               struct ax_err *err)
{
    const struct loader *loader = load->loader;
    enum ax_code code = AX_OK;
    struct ax_digest digest;

    memcpy(digest.bytes, load->hash, sizeof(digest.bytes));
    if (loader->must_be_signed)
        code = ax_bundle_verify(&digest, size, envelope, loader->trust, ax_clock_wall_s(),
                                &load->statement, err);
    if (code == AX_OK)
        load->judged_by = loader->trust_generation;
    return code;
}

/* Whom we trust may have changed since the bytes were judged. */
static enum ax_code load_judge_again(struct load *load, struct ax_err *err)
{
    bool has_new = load->envelope_text.len > 0;

    if (load->judged_by == load->loader->trust_generation)
        return AX_OK;
    return load_judge(load, load->is_cached ? load->entry.size : load->bundle.size,
                      ax_buf_str(has_new ? &load->envelope_text : &load->entry.envelope), err);
}

static void load_on_cache(enum ax_code code, void *arg)
{
    struct load *load = arg;
    struct loader *loader = load->loader;
    char hex[AX_DIGEST_HEX_LEN + 1];

    if (code == AX_E_INVALID_BUNDLE) {
        load_name(load, hex);
        ax_log(AX_WARN, "cache.damaged", kv_cstr("hash", hex), kv_cstr("words", load->err.message));
        ax_ledger_remove(loader->ledger, load->hash);
    }
    load->is_cached = code == AX_OK;
    if (!load->is_cached) {
        load_enter(load, LOAD_FETCH);
        return;
    }
    /* Also when the scan has not come by yet: what it read of the time of use may be older. */
    ax_ledger_put(loader->ledger, load->hash, load->entry.bytes);
    load->abi = load->entry.abi;
    load->manifest = ax_buf_str(&load->entry.manifest);
    load->code_fd = load->entry.code_fd;
    load_step(load, AX_STEP_CACHED);
    code = load_judge(load, load->entry.size, ax_buf_str(&load->entry.envelope), &load->err);
    load_enter(load, code == AX_OK ? LOAD_ANSWER : LOAD_FETCH);
}

/* --- FETCH --- */

static bool load_judge_bundle(struct load *load)
{
    enum ax_code code = load->bundle_code;

    if (code == AX_E_NOT_FOUND) {
        ax_err_set(&load->err, code, "the store has no bundle with this content hash");
        load_fail_for_now(load, AX_E_BUNDLE_UNAVAILABLE);
    } else if (code == AX_E_TOO_BIG) {
        ax_err_set(&load->err, code, "the bundle is larger than %u MiB",
                   AX_ARCHIVE_BYTES_MAX >> 20);
        load_fail_for_now(load, AX_E_BUNDLE_REJECTED);
    } else if (code != AX_OK) {
        load->err = load->bundle.err;
        load_fail_for_now(load, AX_E_BUNDLE_UNAVAILABLE);
    } else if (memcmp(load->bundle.sha256, load->hash, AX_CACHE_HASH) != 0) {
        /* Broken on its way or in the store: whoever repairs it should not have to wait. */
        ax_err_set(&load->err, code,
                   "the store's %llu bytes have another hash: they were changed or cut off",
                   (unsigned long long)load->bundle.size);
        load_fail_for_now(load, AX_E_BUNDLE_REJECTED);
    } else {
        return true;
    }
    return false;
}

static enum ax_code load_take_envelope(struct load *load)
{
    struct ax_memfd memfd = AX_MEMFD_NONE;
    enum ax_code code = ax_memfd_view(load->envelope.fd, AX_ENVELOPE_BYTES_MAX, &memfd);

    ax_buf_init(&load->envelope_text, AX_ENVELOPE_BYTES_MAX);
    if (code == AX_OK)
        code = ax_buf_append_str(&load->envelope_text, ax_memfd_str(&memfd));
    ax_memfd_done(&memfd);
    return code;
}

static bool load_judge_envelope(struct load *load)
{
    enum ax_code code = load->envelope_code;

    if (code == AX_OK)
        code = load_take_envelope(load);
    if (code == AX_OK) {
        code = load_judge(load, load->is_cached ? load->entry.size : load->bundle.size,
                          ax_buf_str(&load->envelope_text), &load->err);
        if (code == AX_OK)
            return true;
        if (code == AX_E_BUNDLE_REJECTED || code == AX_E_BUNDLE_REVOKED) {
            load_fail(load, code, REMEMBER_SIGNATURE_MS);
            return false;
        }
    } else if (code == AX_E_NOT_FOUND || code == AX_E_TOO_BIG) {
        ax_err_set(&load->err, code,
                   code == AX_E_TOO_BIG ? "the envelope with its signatures is too large"
                                        : "the bundle is not signed: the store has no envelope");
        load_fail_for_now(load, AX_E_BUNDLE_REJECTED);
        return false;
    } else {
        load->err = load->envelope.err;
    }
    load_fail_for_now(load, AX_E_BUNDLE_UNAVAILABLE);
    return false;
}

static void load_fetched(struct load *load)
{
    if (!load->is_cached) {
        if (!load_judge_bundle(load))
            return;
        load_step(load, AX_STEP_FETCHED);
    }
    if (load->loader->must_be_signed) {
        if (!load_judge_envelope(load))
            return;
        load_step(load, AX_STEP_VERIFIED);
    }
    load_enter(load, load->is_cached ? LOAD_ANSWER : LOAD_BUILD);
}

static void load_on_bundle(enum ax_code code, void *arg)
{
    struct load *load = arg;

    load->bundle_code = code;
    if (code != AX_OK)
        ax_op_cancel(&load->envelope.op); /* nothing to judge */
    if (--load->fetching == 0)
        load_fetched(load);
}

static void load_on_envelope(enum ax_code code, void *arg)
{
    struct load *load = arg;

    load->envelope_code = code;
    if (--load->fetching == 0)
        load_fetched(load);
}

static void load_ask_store(struct load *load)
{
    struct loader *loader = load->loader;

    load->fetching = (load->is_cached ? 0u : 1u) + (loader->must_be_signed ? 1u : 0u);
    if (!load->is_cached)
        ax_store_get(loader->store, &load->bundle, AX_STORE_BUNDLE, load->hash,
                     AX_ARCHIVE_BYTES_MAX, load_on_bundle, load);
    if (loader->must_be_signed)
        ax_store_get(loader->store, &load->envelope, AX_STORE_ENVELOPE, load->hash,
                     AX_ENVELOPE_BYTES_MAX, load_on_envelope, load);
}

static void load_fetch(struct load *load)
{
    const struct loader *loader = load->loader;

    if (loader->offline || !loader->store) {
        ax_err_set(&load->err, AX_E_BUNDLE_UNAVAILABLE,
                   "the bundle is not in the cache, and there is no store to ask");
        load_fail_for_now(load, AX_E_BUNDLE_UNAVAILABLE);
        return;
    }
    if (load->is_cached || load_begin_work(load))
        load_ask_store(load); /* else load_end_work() of another one does it */
}

/* --- BUILD --- */

/* The builder read a stranger's bytes, so it is believed only what can be compared. */
static bool load_is_what_was_signed(const struct load *load)
{
    struct ax_digest manifest = ax_digest_of(ax_buf_str(&load->build.manifest));
    const struct ax_statement *statement = &load->statement;
    bool has_module = load->build.abi != AX_ABI_NONE;

    if (!load->loader->must_be_signed)
        return true;
    return ax_digest_eq(&manifest, &statement->manifest) && has_module == statement->has_entry &&
           (!has_module ||
            memcmp(load->build.wasm_sha256, statement->entry.bytes, AX_CACHE_HASH) == 0);
}

static void load_refuse_build(struct load *load, enum ax_code code)
{
    const struct ax_err *err = &load->build.err;

    if (code == AX_E_OVERLOADED || code == AX_E_CANCELED) {
        load->err = *err;
        load_fail_for_now(load, AX_E_OVERLOADED);
        return;
    }
    if (code == AX_E_BUNDLE_REJECTED)
        ax_err_set(&load->err, code, "%s", err->message);
    else
        ax_err_set(&load->err, code, "%s%s%s: %s", ax_code_info(code)->name,
                   err->pointer[0] ? " at " : "", err->pointer, err->message);
    if (load->build.is_verdict)
        load_fail(load, AX_E_BUNDLE_REJECTED, REMEMBER_VERDICT_MS);
    else
        load_fail_for_now(load, AX_E_BUNDLE_REJECTED);
}

static void load_on_built(enum ax_code code, void *arg)
{
    struct load *load = arg;

    if (code != AX_OK) {
        load_refuse_build(load, code);
        return;
    }
    if (!load_is_what_was_signed(load)) {
        ax_err_set(&load->err, AX_E_BUNDLE_REJECTED, "what was compiled is not what was signed");
        load_fail(load, AX_E_BUNDLE_REJECTED, REMEMBER_VERDICT_MS);
        return;
    }
    load->abi = load->build.abi;
    load->manifest = ax_buf_str(&load->build.manifest);
    load->code_fd = load->build.code_fd;
    load_step(load, load->abi == AX_ABI_NONE ? AX_STEP_UNPACKED : AX_STEP_COMPILED);
    load_enter(load, LOAD_ANSWER);
}

/* --- ANSWER --- */

static void load_answer(struct load *load)
{
    struct loader *loader = load->loader;
    char hex[AX_DIGEST_HEX_LEN + 1];

    if (load_judge_again(load, &load->err) != AX_OK) {
        load_fail(load, load->err.code, REMEMBER_SIGNATURE_MS);
        return;
    }
    load_name(load, hex);
    ax_log(AX_INFO, "bundle.ready", kv_cstr("hash", hex), kv_bool("cached", load->is_cached),
           kv_u64("ms", ax_clock_mono_ms() - load->begun_ms));
    load_answer_waiters(load);
    load_enter(load, load->is_cached || !loader->cache ? LOAD_CLOSE : LOAD_PERSIST);
}

/* --- PERSIST --- */

/* Takes the least used entries out of the ledger until `bytes` are free. */
static void load_take_victims(struct load *load, uint64_t bytes)
{
    while (bytes > 0) {
        struct load_victim *victim = ax_alloc(sizeof(*victim));
        uint64_t freed = ax_ledger_take_oldest(load->loader->ledger, victim->hash);

        if (freed == 0) {
            free(victim);
            return;
        }
        victim->next = load->victims;
        load->victims = victim;
        bytes -= freed < bytes ? freed : bytes;
    }
}

static enum ax_code load_run_persist(void *arg)
{
    struct load *load = arg;
    const struct ax_cache *cache = load->loader->cache;
    struct ax_memfd code_map = AX_MEMFD_NONE, pack_map = AX_MEMFD_NONE;
    enum ax_code code = AX_OK;

    while (load->victims) {
        struct load_victim *victim = load->victims;

        load->victims = victim->next;
        (void)ax_cache_drop(cache, victim->hash);
        free(victim);
    }
    if (load->code_fd >= 0)
        code = ax_memfd_view(load->code_fd, AX_CACHE_CODE_MAX, &code_map);
    if (code == AX_OK)
        code = ax_memfd_view(load->build.pack_fd, AX_ARCHIVE_UNPACKED_MAX, &pack_map);
    if (code == AX_OK) {
        load->put.code = ax_memfd_str(&code_map);
        load->put.pack = ax_memfd_str(&pack_map);
        code = ax_cache_write(cache, load->hash, &load->put, &load->err);
    }
    ax_memfd_done(&code_map);
    ax_memfd_done(&pack_map);
    return code;
}

static void load_on_persisted(enum ax_code code, void *arg);

static void load_persist_again(struct load *load, uint64_t bytes)
{
    load_take_victims(load, bytes);
    ax_job_start(&load->loader->loop, &load->job, load_run_persist, load, load_on_persisted, load);
}

static uint64_t load_cost(struct load *load)
{
    struct ax_cache_put put = load->put;

    put.code.len = (size_t)load->build.code_size;
    return ax_cache_cost(&put);
}

static void load_on_persisted(enum ax_code code, void *arg)
{
    struct load *load = arg;
    struct ax_ledger *ledger = load->loader->ledger;

    if (code == AX_OK) {
        ax_ledger_put(ledger, load->hash, load_cost(load));
    } else if (code == AX_E_TOO_BIG && !load->has_retried && ax_ledger_count(ledger) > 0) {
        load->has_retried = true;
        load_persist_again(load, load_cost(load));
        return;
    } else {
        /* Everybody was served; the next process fetches and compiles again. */
        ax_log(AX_ERROR, code == AX_E_TOO_BIG ? "cache.full" : "cache.failed",
               kv_cstr("words", load->err.message));
        loader_probe_cache(load->loader);
    }
    load_enter(load, LOAD_CLOSE);
}

static void load_persist(struct load *load)
{
    struct loader *loader = load->loader;
    uint64_t bytes, total = ax_ledger_bytes(loader->ledger);

    load->put = (struct ax_cache_put){ .abi = load->abi,
                                       .manifest = load->manifest,
                                       .envelope = ax_buf_str(&load->envelope_text),
                                       .size = load->bundle.size,
                                       .wasm_sha256 = load->abi == AX_ABI_NONE
                                                          ? NULL
                                                          : load->build.wasm_sha256,
                                       .files = load->build.files,
                                       .file_count = load->build.file_count };
    bytes = load_cost(load);
    if (bytes > loader->cache_max) {
        ax_log(AX_WARN, "cache.too_large", kv_u64("bytes", bytes));
        load_enter(load, LOAD_CLOSE);
        return;
    }
    load_persist_again(load,
                       total + bytes > loader->cache_max ? total + bytes - loader->cache_max : 0);
}

/* --- the machine --- */

static void load_enter(struct load *load, enum load_state next)
{
    assert(next > load->state || next == LOAD_CACHE); /* forward only */
    load->state = next;
    switch (next) {
    case LOAD_CACHE:
        if (load->loader->cache)
            ax_job_start(&load->loader->loop, &load->job, load_run_cache, load, load_on_cache,
                         load);
        else
            load_enter(load, LOAD_FETCH);
        return;
    case LOAD_FETCH: load_fetch(load); return;
    case LOAD_BUILD:
        ax_build_start(load->loader->builders, &load->build, load->bundle.fd,
                       ax_buf_str(&load->envelope_text), load_on_built, load);
        return;
    case LOAD_ANSWER: load_answer(load); return;
    case LOAD_PERSIST: load_persist(load); return;
    case LOAD_CLOSE:
        if (!load->waiters)
            load_free(load);
        return;
    }
}

static struct load *load_find(const struct loader *loader, const uint8_t hash[AX_CACHE_HASH])
{
    for (struct load *load = loader->loads; load; load = load->next) {
        if (memcmp(load->hash, hash, AX_CACHE_HASH) == 0)
            return load;
    }
    return NULL;
}

static struct load *load_new(struct loader *loader, const uint8_t hash[AX_CACHE_HASH])
{
    struct load *load = ax_alloc(sizeof(*load));

    load->loader = loader;
    memcpy(load->hash, hash, AX_CACHE_HASH);
    load->waiters_end = &load->waiters;
    load->begun_ms = load->step_ms = ax_clock_mono_ms();
    load->entry.code_fd = load->bundle.fd = load->envelope.fd = load->code_fd = -1;
    load->build.code_fd = load->build.pack_fd = -1;
    load->next = loader->loads;
    if (load->next)
        load->next->previous = load;
    loader->loads = load;
    loader->load_count++;
    return load;
}

void load_get(struct loader *loader, const uint8_t hash[AX_CACHE_HASH], uint64_t id)
{
    uint64_t now_ms = ax_loop_now_ms(&loader->loop), until_ms = 0;
    const struct ax_err *refusal = ax_refusals_find(loader->refusals, hash, now_ms, &until_ms);
    struct load *load = load_find(loader, hash);
    struct ax_err err;

    if (refusal) {
        (void)front_send_failure(loader, id, refusal, until_ms - now_ms);
        return;
    }
    if ((!load && loader->load_count >= LOADER_LOADS_MAX) ||
        loader->waiter_count >= LOADER_WAITERS_MAX) {
        ax_err_set(&err, AX_E_OVERLOADED, "too many bundles are being loaded");
        (void)front_send_failure(loader, id, &err, REMEMBER_FAULT_MIN_MS);
        return;
    }
    if (load && load->state >= LOAD_ANSWER && load_judge_again(load, &err) != AX_OK) {
        (void)front_send_failure(loader, id, &err, 0);
        return;
    }
    if (load) {
        load_add_waiter(load, id);
        if (load->state >= LOAD_ANSWER)
            load_answer_waiters(load);
        return;
    }
    load = load_new(loader, hash);
    load_add_waiter(load, id);
    load_enter(load, LOAD_CACHE);
}

void load_forget_waiters(struct loader *loader)
{
    for (struct load *load = loader->loads, *next; load; load = next) {
        next = load->next;
        while (load->waiters)
            load_drop_waiter(load);
        if (load->state == LOAD_CLOSE)
            load_free(load);
    }
}

void load_resume_answers(struct loader *loader)
{
    for (struct load *load = loader->loads, *next; load; load = next) {
        next = load->next;
        if (load->state < LOAD_ANSWER || !load->waiters)
            continue;
        load_answer_waiters(load);
        if (load->state == LOAD_CLOSE && !load->waiters)
            load_free(load);
    }
}

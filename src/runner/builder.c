/* SPDX-License-Identifier: Apache-2.0 */
/* builder.c - who opens a stranger's archive and compiles what is in it?
 *
 * It has one job, so it works in the callback that brings it: nothing else waits for its loop. */
#include "runner/builder.h"

#include "base/alloc.h"
#include "base/log.h"
#include "bundle/bundle.h"
#include "crypto/crypto.h"
#include "engine.h"
#include "loop/channel.h"
#include "loop/role.h"
#include "runner/build.h"
#include "runner/build_message.h"
#include "store/memfd.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#define BUILDER_FILES     64
#define BUILDER_NICE      10
#define BUILDER_FILE_MAX  (AX_CACHE_CODE_MAX) /* the largest memfd that may come out */
#define BUILDER_STACK_MAX (16u << 20)

struct builder {
    struct ax_loop loop;
    struct ax_engine *engine;
    struct ax_channel *control;
    struct ax_channel *loader;
    bool answered;
};

struct build_result {
    struct ax_bundle *bundle;
    struct ax_memfd pack;
    struct ax_buf table; /* u32 count stands in front of it */
    uint32_t count;
    bool keep; /* the file that is being read belongs into the pack */
    enum ax_abi abi;
    struct ax_memfd code;
    struct ax_digest wasm;
};

/* --- the work --- */

static void result_add_file(struct build_result *result, struct ax_str path, uint64_t size)
{
    ax_frame_put_str(&result->table, path);
    ax_frame_put_u64(&result->table, size);
    result->count++;
}

/* The interface and the module are what anybody asks for later; sbom and assets stay in the
 * archive. The module's path is the manifest's choice, so it is added when that is read. */
static enum ax_code result_on_file(void *arg, struct ax_str path, uint64_t size, struct ax_err *err)
{
    struct build_result *result = arg;

    (void)err;
    result->keep = ax_str_starts(path, AX_STR("ui/"));
    if (result->keep)
        result_add_file(result, path, size);
    return AX_OK;
}

static enum ax_code result_on_data(void *arg, struct ax_str chunk, struct ax_err *err)
{
    struct build_result *result = arg;

    if (!result->keep || ax_memfd_append(&result->pack, chunk) == AX_OK)
        return AX_OK;
    return ax_err_set(err, AX_E_IO, "the builder has no room for the bundle's files");
}

static enum ax_code result_on_file_end(void *arg, struct ax_err *err)
{
    (void)arg;
    (void)err;
    return AX_OK;
}

static void result_done(struct build_result *result)
{
    ax_bundle_free(result->bundle);
    ax_memfd_done(&result->pack);
    ax_memfd_done(&result->code);
    ax_buf_done(&result->table);
}

static enum ax_code engine_refused(enum ax_engine_code engine_code, const char *why,
                                   struct ax_err *err)
{
    if (engine_code == AX_ENGINE_NO_MEMORY)
        return ax_err_set(err, AX_E_BUNDLE_REJECTED,
                          "compiling it needed more than %llu MiB of memory",
                          (unsigned long long)(AX_BUILD_MEMORY >> 20));
    return ax_err_set(err, AX_E_INVALID_BUNDLE, "the module is refused (%s): %s",
                      ax_engine_code_name(engine_code), why);
}

static enum ax_code builder_compile(struct builder *builder, struct build_result *result,
                                    struct ax_err *err)
{
    struct ax_str wasm = ax_bundle_entry(result->bundle);
    bool is_core = ax_manifest_runtime(ax_bundle_manifest(result->bundle)) == AX_RUNTIME_CORE;
    struct ax_bytes *bytes = NULL;
    char why[256] = "";
    enum ax_engine_code refused = ax_engine_compile(builder->engine,
                                                    is_core ? AX_GUEST_CORE : AX_GUEST_COMPONENT,
                                                    wasm.ptr, wasm.len, &bytes, why, sizeof(why));
    enum ax_code code;

    if (refused != AX_ENGINE_OK)
        return engine_refused(refused, why, err);
    result->abi = is_core ? AX_ABI_CORE : AX_ABI_COMPONENT;
    result->wasm = ax_digest_of(wasm);
    code = ax_memfd_new("annex-code", 0, &result->code);
    if (code == AX_OK)
        code = ax_memfd_append(&result->code,
                               ax_str_make(ax_bytes_data(bytes), ax_bytes_len(bytes)));
    if (code == AX_OK)
        code = ax_memfd_seal(&result->code, result->code.size);
    ax_bytes_free(bytes);
    if (code != AX_OK)
        return ax_err_set(err, AX_E_BUNDLE_REJECTED, "its machine code is larger than %u MiB",
                          BUILDER_FILE_MAX >> 20);
    return AX_OK;
}

static enum ax_code builder_unpack(const struct ax_memfd *archive, int fd, struct ax_str envelope,
                                   struct build_result *result, struct ax_err *err)
{
    const struct ax_archive_events events = { result_on_file, result_on_data, result_on_file_end,
                                              result };
    AX_AUTO(ax_envelope_free) struct ax_envelope *signed_by = NULL;
    enum ax_code code = AX_OK;

    if (envelope.len > 0)
        code = ax_envelope_parse(envelope, &signed_by, err);
    if (code == AX_OK)
        code = ax_memfd_new("annex-files", 0, &result->pack);
    if (code == AX_OK)
        code = ax_bundle_read(fd, archive->size,
                              signed_by ? ax_envelope_statement(signed_by) : NULL, &events,
                              &result->bundle, err);
    if (code == AX_OK && ax_bundle_has_module(result->bundle)) {
        struct ax_str wasm = ax_bundle_entry(result->bundle);

        result_add_file(result, AX_STR(AX_CACHE_ENTRY_WASM), wasm.len);
        code = ax_memfd_append(&result->pack, wasm);
    }
    if (code == AX_OK)
        code = ax_memfd_seal(&result->pack, result->pack.size);
    return code == AX_OK ? result->table.failed : code;
}

static enum ax_code builder_work(struct builder *builder, int fd, struct ax_str envelope,
                                 struct build_result *result, struct ax_err *err)
{
    AX_AUTO_MEMFD struct ax_memfd archive = AX_MEMFD_NONE;
    enum ax_code code = ax_memfd_view(fd, AX_ARCHIVE_BYTES_MAX, &archive);

    if (code != AX_OK)
        return ax_err_set(err, code, "the bundle is not a sealed memfd");
    code = builder_unpack(&archive, fd, envelope, result, err);
    if (code == AX_OK && ax_bundle_has_module(result->bundle))
        code = builder_compile(builder, result, err);
    return code;
}

/* --- the conversation --- */

static void builder_refuse(struct builder *builder, uint64_t id, enum ax_code code,
                           const struct ax_err *err)
{
    struct ax_buf *out = ax_channel_begin(builder->loader, AX_BUILD_FAIL, id, -1);
    const char *words = err->message[0] ? err->message : ax_code_info(code)->words;

    ax_frame_put_u32(out, code);
    ax_frame_put_str(out, ax_str_of(words));
    ax_frame_put_str(out, ax_str_of(err->pointer));
}

static void builder_answer(struct builder *builder, uint64_t id, const struct build_result *result)
{
    struct ax_buf *out = ax_channel_begin(builder->loader, AX_BUILD_FILES, id, result->pack.fd);

    ax_frame_put_u32(out, result->count);
    ax_frame_put_body(out, ax_buf_str(&result->table));
    if (ax_channel_end(builder->loader) != AX_OK)
        return;
    out = ax_channel_begin(builder->loader, AX_BUILD_DONE, id, result->code.fd);
    ax_frame_put_u8(out, (uint8_t)result->abi);
    ax_frame_put_str(out, ax_bundle_manifest_text(result->bundle));
    ax_frame_put_str(out, result->abi == AX_ABI_NONE
                              ? AX_STR_NONE
                              : ax_str_make(result->wasm.bytes, sizeof(result->wasm.bytes)));
}

static enum ax_code builder_on_loader(void *arg, const struct ax_frame *frame, int fd_given)
{
    struct builder *builder = arg;
    AX_AUTO_FD int fd = fd_given;
    struct ax_reader reader = ax_reader_of(frame->payload);
    struct ax_str envelope = ax_reader_str(&reader);
    struct build_result result = { .pack = AX_MEMFD_NONE, .code = AX_MEMFD_NONE };
    struct ax_err err = { .code = AX_OK };
    enum ax_code code;

    if (frame->type != AX_BUILD_JOB || fd < 0 || builder->answered || !ax_reader_ok(&reader))
        return AX_E_INVALID_REQUEST;
    ax_buf_init(&result.table, AX_BUILD_FRAME_MAX - 64);
    code = builder_work(builder, fd, envelope, &result, &err);
    if (code == AX_OK)
        builder_answer(builder, frame->id, &result);
    else
        builder_refuse(builder, frame->id, code, &err);
    result_done(&result);
    builder->answered = true;
    return ax_channel_end(builder->loader);
}

static void builder_on_end(void *arg, enum ax_code code)
{
    struct builder *builder = arg;

    (void)code; /* nobody waits, so there is nobody to tell */
    ax_loop_stop(&builder->loop);
}

static void builder_on_drained(void *arg)
{
    struct builder *builder = arg;

    if (builder->answered)
        ax_loop_stop(&builder->loop);
}

static enum ax_code builder_on_control(void *arg, const struct ax_frame *frame, int fd_given)
{
    const struct ax_channel_limits limits = { AX_MSG_CONTROL_MAX, AX_BUILD_FRAME_MAX + (1u << 20) };
    struct builder *builder = arg;
    AX_AUTO_FD int fd = fd_given;

    if (frame->type == AX_MSG_PEER && fd >= 0 && !builder->loader) {
        const struct ax_channel_handler handler = { builder_on_loader, builder_on_end,
                                                    builder_on_drained, builder };

        builder->loader = ax_channel_new(&builder->loop, fd, &limits, &handler);
        fd = -1;
        return AX_OK;
    }
    if (frame->type == AX_MSG_DRAIN) {
        if (!builder->loader) /* with a job at hand the answer ends it */
            ax_loop_stop(&builder->loop);
        return AX_OK;
    }
    return frame->type == AX_MSG_RELOAD ? AX_OK : AX_E_INVALID_REQUEST;
}

/* --- the process --- */

static bool builder_limit(__rlimit_resource_t resource, uint64_t soft, uint64_t hard)
{
    const struct rlimit limit = { soft, hard };

    return setrlimit(resource, &limit) == 0;
}

static enum ax_code builder_seal(struct ax_err *err)
{
    struct ax_role_limits limits = { .files = BUILDER_FILES, .nice = BUILDER_NICE };

#ifndef __SANITIZE_ADDRESS__ /* which reserves terabytes of address space */
    limits.address = AX_BUILD_MEMORY;
#endif
    /* The soft limit's signal says why the process ended, the hard one's does not. */
    if (!builder_limit(RLIMIT_CPU, AX_BUILD_CPU_S, AX_BUILD_CPU_S + 1) ||
        !builder_limit(RLIMIT_FSIZE, BUILDER_FILE_MAX, BUILDER_FILE_MAX) ||
        !builder_limit(RLIMIT_STACK, BUILDER_STACK_MAX, BUILDER_STACK_MAX))
        return ax_err_set(err, AX_E_IO, "the limits of compiling cannot be set");
    return ax_role_seal(&limits, NULL, 0, err);
}

static enum ax_code builder_begin(struct builder *builder, struct ax_err *err)
{
    const struct ax_engine_options options = { AX_ENGINE_BUILDER, 0 };
    const struct ax_channel_limits limits = { AX_MSG_CONTROL_MAX, AX_MSG_CONTROL_MAX };
    const struct ax_channel_handler handler = { builder_on_control, builder_on_end, NULL, builder };
    char why[256] = "";

    signal(SIGXFSZ, SIG_IGN); /* a file over its limit is an error with words */
    ax_crypto_init();
    if (ax_engine_new(&options, &builder->engine, why, sizeof(why)) != AX_ENGINE_OK)
        return ax_err_set(err, AX_E_IO, "the engine does not start: %s", why);
    if (builder_seal(err) != AX_OK)
        return err->code;
    ax_loop_init(&builder->loop);
    builder->control = ax_channel_new(&builder->loop, AX_ROLE_CONTROL_FD, &limits, &handler);
    ax_channel_begin(builder->control, AX_MSG_READY, 0, -1);
    return ax_channel_end(builder->control);
}

int ax_builder_run(struct ax_settings *settings)
{
    struct builder builder = { .engine = NULL };
    struct ax_err err = { .code = AX_OK };

    (void)settings; /* what a bundle may be does not depend on the operator */
    if (builder_begin(&builder, &err) != AX_OK) {
        ax_log(AX_ERROR, "builder.failed", kv_cstr("why", err.message));
        return 1;
    }
    ax_loop_run(&builder.loop);
    ax_channel_close(builder.loader);
    ax_channel_close(builder.control);
    ax_loop_done(&builder.loop);
    ax_engine_free(builder.engine);
    return 0;
}

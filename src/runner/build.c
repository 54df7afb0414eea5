/* SPDX-License-Identifier: Apache-2.0 */
/* build.c - how does the loader get a bundle unpacked, checked and compiled?
 *
 *     (queued) -- slot free --> ASKED -- started --> WORKING -- answer --> LEAVING -- exited --> free
 *                                  `------ exited -------`--- died, too late, canceled ---^
 *
 * A slot lives as long as its process: from the wish until the supervisor says that it is gone. So
 * there are never more builders than slots, however a build ends. */
#include "runner/build.h"

#include "bundle/archive.h"
#include "bundle/manifest.h"
#include "crypto/random.h"
#include "loop/channel.h"
#include "runner/build_message.h"
#include "store/memfd.h"

#include <assert.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#define BUILD_LEAVE_MS 5000 /* for a builder to end by itself after its answer */

enum slot_state { SLOT_FREE, SLOT_ASKED, SLOT_WORKING, SLOT_LEAVING };

struct slot {
    struct ax_builders *builders;
    enum slot_state state;
    uint64_t id;
    struct ax_channel *channel;
    struct ax_build *build; /* NULL: nobody waits any more */
    struct ax_timer timer;
    bool too_late;
    bool is_lying; /* it sent what no builder sends */
    bool has_files;
    bool has_exited; /* what it said last may still be on its way */
    int status;
};

struct ax_builders {
    struct ax_loop *loop;
    struct ax_builders_ask ask;
    uint64_t last_id;
    struct ax_build *first, *last; /* waiting for a slot */
    size_t waiting;
    unsigned count;
    struct slot slots[];
};

static void slot_end(struct slot *slot);

/* --- builds --- */

static void build_on_finish(struct ax_task *task)
{
    struct ax_build *build = AX_CONTAINER_OF(task, struct ax_build, finish);

    if (build->code != AX_OK)
        ax_build_done(build);
    ax_op_complete(&build->op, build->code);
}

static void build_finish(struct ax_build *build, enum ax_code code)
{
    build->code = code;
    ax_task_post(build->builders->loop, &build->finish, build_on_finish);
}

void ax_build_done(struct ax_build *build)
{
    ax_buf_done(&build->manifest);
    ax_buf_done(&build->paths);
    ax_fd_close(&build->code_fd);
    ax_fd_close(&build->pack_fd);
    free(build->files);
    build->files = NULL;
    build->file_count = 0;
}

/* --- slots --- */

static void slot_hang_up(struct slot *slot)
{
    ax_channel_close(slot->channel);
    slot->channel = NULL;
}

static void slot_on_leave_time(struct ax_timer *timer)
{
    struct slot *slot = AX_CONTAINER_OF(timer, struct slot, timer);

    slot->builders->ask.kill(slot->builders->ask.arg, slot->id);
}

/* The build is over for whoever waits; the process has a moment to end. */
static void slot_leave(struct slot *slot, enum ax_code code)
{
    struct ax_build *build = AX_TAKE(slot->build);

    slot->state = SLOT_LEAVING;
    slot_hang_up(slot);
    ax_timer_start(slot->builders->loop, &slot->timer,
                   ax_loop_now_ms(slot->builders->loop) + BUILD_LEAVE_MS, slot_on_leave_time);
    if (build)
        build_finish(build, code);
    if (slot->has_exited)
        slot_end(slot);
}

static void slot_on_too_late(struct ax_timer *timer)
{
    struct slot *slot = AX_CONTAINER_OF(timer, struct slot, timer);

    slot->too_late = true; /* its exit ends the build */
    slot->builders->ask.kill(slot->builders->ask.arg, slot->id);
}

static void slot_on_end(void *arg, enum ax_code code)
{
    struct slot *slot = arg;

    slot_hang_up(slot);
    slot->is_lying = code == AX_E_INVALID_REQUEST; /* then it is not our code that runs there */
    if (slot->has_exited)
        slot_end(slot);
    else if (code != AX_OK && code != AX_E_CLOSED)
        slot->builders->ask.kill(slot->builders->ask.arg, slot->id);
}

static enum ax_code slot_on_frame(void *arg, const struct ax_frame *frame, int fd);

static void slot_work(struct slot *slot, int fd)
{
    const struct ax_channel_limits limits = { AX_BUILD_FRAME_MAX, 256u << 10 };
    const struct ax_channel_handler handler = { slot_on_frame, slot_on_end, NULL, slot };
    struct ax_buf *out;

    slot->state = SLOT_WORKING;
    slot->channel = ax_channel_new(slot->builders->loop, fd, &limits, &handler);
    out = ax_channel_begin(slot->channel, AX_BUILD_JOB, slot->id, slot->build->bundle_fd);
    ax_frame_put_str(out, slot->build->envelope);
    (void)ax_channel_end(slot->channel); /* a failure ends the channel, too */
    ax_timer_start(slot->builders->loop, &slot->timer,
                   ax_loop_now_ms(slot->builders->loop) + AX_BUILD_WALL_MS, slot_on_too_late);
}

/* --- what a builder says --- */

/* Keeps a descriptor that the builder handed over, if nobody can change what is behind it. */
static enum ax_code take_sealed(int fd, uint64_t max, int *slot_fd, uint64_t *ret_size)
{
    struct ax_memfd memfd = AX_MEMFD_NONE;
    enum ax_code code = ax_memfd_view(fd, (size_t)max, &memfd);

    if (code == AX_OK) {
        *ret_size = memfd.size;
        *slot_fd = fd;
    }
    ax_memfd_done(&memfd);
    return code;
}

static bool file_is_fine(struct ax_str path)
{
    return ax_str_eq(path, AX_STR(AX_CACHE_ENTRY_WASM)) ||
           (ax_str_starts(path, AX_STR("ui/")) && !ax_archive_path_fault(path));
}

/* Two passes: the paths go into one buffer, which must not move once something points into it. */
static bool read_files(struct ax_build *build, struct ax_reader reader, uint32_t count)
{
    uint64_t total = 0;
    size_t at = 0;

    build->files = ax_alloc((count + (size_t)1) * sizeof(*build->files));
    for (uint32_t i = 0; i < count; i++) {
        struct ax_str path = ax_reader_str(&reader);

        build->files[i].path.len = path.len;
        build->files[i].size = ax_reader_u64(&reader);
        if (reader.bad || !file_is_fine(path) || build->files[i].size > build->pack_size - total ||
            ax_buf_append_str(&build->paths, path) != AX_OK)
            return false;
        total += build->files[i].size;
    }
    if (!ax_reader_ok(&reader) || total != build->pack_size)
        return false;
    build->file_count = count;
    for (uint32_t i = 0; i < count; i++) {
        build->files[i].path.ptr = build->paths.ptr + at;
        at += build->files[i].path.len;
    }
    return true;
}

static bool take_files(struct slot *slot, struct ax_reader reader, int *fd)
{
    struct ax_build *build = slot->build;
    uint32_t count = ax_reader_u32(&reader);

    if (slot->has_files || count > AX_ARCHIVE_ENTRIES_MAX ||
        take_sealed(*fd, AX_ARCHIVE_UNPACKED_MAX, &build->pack_fd, &build->pack_size) != AX_OK)
        return false;
    *fd = -1;
    slot->has_files = true;
    return read_files(build, reader, count);
}

static bool take_answer(struct slot *slot, struct ax_reader reader, int *fd)
{
    struct ax_build *build = slot->build;
    unsigned abi = ax_reader_u8(&reader);
    struct ax_str manifest = ax_reader_str(&reader);
    struct ax_str wasm = ax_reader_str(&reader);

    if (!slot->has_files || !ax_reader_ok(&reader) || abi > AX_ABI_COMPONENT ||
        wasm.len != (abi == AX_ABI_NONE ? 0 : AX_CACHE_HASH) || (*fd >= 0) != (abi != AX_ABI_NONE))
        return false;
    if (*fd >= 0) {
        if (take_sealed(*fd, AX_CACHE_CODE_MAX, &build->code_fd, &build->code_size) != AX_OK)
            return false;
        *fd = -1;
        memcpy(build->wasm_sha256, wasm.ptr, AX_CACHE_HASH);
    }
    build->abi = (enum ax_abi)abi;
    return (abi == AX_ABI_NONE || build->code_size > 0) &&
           ax_buf_append_str(&build->manifest, manifest) == AX_OK;
}

static bool take_refusal(struct slot *slot, struct ax_reader reader, enum ax_code *ret_code)
{
    struct ax_build *build = slot->build;
    uint32_t code = ax_reader_u32(&reader);
    struct ax_str words = ax_reader_str(&reader);
    struct ax_str pointer = ax_reader_str(&reader);

    if (!ax_reader_ok(&reader) || code == AX_OK || code >= AX_CODE_COUNT)
        return false;
    *ret_code = (enum ax_code)code;
    build->is_verdict = code == AX_E_INVALID_BUNDLE || code == AX_E_INVALID_MANIFEST ||
                        code == AX_E_UNKNOWN_CAPABILITY || code == AX_E_BUNDLE_REJECTED ||
                        code == AX_E_TOO_BIG;
    ax_err_set(&build->err, *ret_code, "%.*s", AX_STR_FMT(words));
    if (pointer.len > 0 && pointer.len < sizeof(build->err.pointer))
        memcpy(build->err.pointer, pointer.ptr, pointer.len);
    return true;
}

static enum ax_code slot_on_frame(void *arg, const struct ax_frame *frame, int fd_given)
{
    struct slot *slot = arg;
    AX_AUTO_FD int fd = fd_given;
    struct ax_reader reader = ax_reader_of(frame->payload);
    enum ax_code code = AX_OK;
    bool fine = false;

    if (!slot->build)
        return AX_OK; /* canceled: the process is about to go */
    if (frame->type == AX_BUILD_FILES && fd >= 0) {
        fine = take_files(slot, reader, &fd);
    } else if (frame->type == AX_BUILD_DONE) {
        fine = take_answer(slot, reader, &fd);
        if (fine)
            slot_leave(slot, AX_OK);
    } else if (frame->type == AX_BUILD_FAIL && fd < 0) {
        fine = take_refusal(slot, reader, &code);
        if (fine)
            slot_leave(slot, code);
    }
    return fine ? AX_OK : AX_E_INVALID_REQUEST;
}

/* --- the supervisor's answers --- */

static struct slot *builders_slot(struct ax_builders *builders, uint64_t id)
{
    for (unsigned i = 0; i < builders->count; i++) {
        if (builders->slots[i].state != SLOT_FREE && builders->slots[i].id == id)
            return &builders->slots[i];
    }
    return NULL;
}

void ax_builders_started(struct ax_builders *builders, uint64_t id, int fd)
{
    struct slot *slot = builders_slot(builders, id);

    if (slot && slot->state == SLOT_ASKED && slot->build) {
        slot_work(slot, fd);
        return;
    }
    ax_fd_close(&fd); /* a builder whose loader hangs up ends */
    if (slot)
        slot_leave(slot, AX_OK);
}

/* Words that name the limit, because the publisher will read them. */
static enum ax_code slot_explain(const struct slot *slot, int status, struct ax_err *err)
{
    int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

    if (slot->state == SLOT_ASKED)
        return ax_err_set(err, AX_E_OVERLOADED, "no process could be started to compile it");
    if (slot->too_late)
        return ax_err_set(err, AX_E_BUNDLE_REJECTED, "compiling it took longer than %d s",
                          AX_BUILD_WALL_MS / 1000);
    if (slot->is_lying)
        return ax_err_set(err, AX_E_BUNDLE_REJECTED, "it took over the process that compiled it");
    if (signal == SIGXCPU)
        return ax_err_set(err, AX_E_BUNDLE_REJECTED,
                          "compiling it needed more than %d s of CPU time", AX_BUILD_CPU_S);
    if (signal == SIGABRT || signal == SIGSEGV || signal == SIGBUS || signal == SIGILL)
        return ax_err_set(err, AX_E_BUNDLE_REJECTED,
                          "compiling it needed more than %llu MiB of memory, or broke the compiler "
                          "(signal %d)",
                          (unsigned long long)(AX_BUILD_MEMORY >> 20), signal);
    if (signal != 0)
        return ax_err_set(err, AX_E_BUNDLE_REJECTED,
                          "the process that compiled it was killed (signal %d)", signal);
    return ax_err_set(err, AX_E_BUNDLE_REJECTED, "the process that compiled it gave up (status %d)",
                      WEXITSTATUS(status));
}

void ax_builders_exited(struct ax_builders *builders, uint64_t id, int status)
{
    struct slot *slot = builders_slot(builders, id);

    if (!slot)
        return;
    slot->has_exited = true;
    slot->status = status;
    if (!slot->channel) /* else its end comes, after all that it said */
        slot_end(slot);
}

/* --- the queue --- */

static void slot_ask(struct slot *slot, struct ax_build *build)
{
    struct ax_builders *builders = slot->builders;

    assert(slot->state == SLOT_FREE);
    slot->state = SLOT_ASKED;
    slot->id = ++builders->last_id;
    slot->build = build;
    slot->too_late = slot->is_lying = slot->has_files = slot->has_exited = false;
    builders->ask.want(builders->ask.arg, slot->id);
}

static void builders_next(struct ax_builders *builders)
{
    for (unsigned i = 0; i < builders->count && builders->first; i++) {
        if (builders->slots[i].state == SLOT_FREE) {
            struct ax_build *build = builders->first;

            builders->first = build->next;
            if (!builders->first)
                builders->last = NULL;
            builders->waiting--;
            slot_ask(&builders->slots[i], build);
        }
    }
}

/* The process is gone and nothing of it is left to read. */
static void slot_end(struct slot *slot)
{
    struct ax_build *build = AX_TAKE(slot->build);
    int signal = WIFSIGNALED(slot->status) ? WTERMSIG(slot->status) : 0;

    if (build) {
        enum ax_code code = slot_explain(slot, slot->status, &build->err);

        /* SIGKILL comes from the wall clock, else from outside: then it says nothing for good. */
        build->is_verdict = slot->too_late || slot->is_lying || (signal != 0 && signal != SIGKILL);
        build_finish(build, code);
    }
    ax_timer_stop(&slot->timer);
    slot->state = SLOT_FREE;
    builders_next(slot->builders);
}

static void queue_remove(struct ax_builders *builders, const struct ax_build *build)
{
    struct ax_build *previous = NULL;

    for (struct ax_build *at = builders->first; at; previous = at, at = at->next) {
        if (at != build)
            continue;
        *(previous ? &previous->next : &builders->first) = at->next;
        if (builders->last == at)
            builders->last = previous;
        builders->waiting--;
        return;
    }
}

static void build_on_cancel(struct ax_op *op)
{
    struct ax_build *build = AX_CONTAINER_OF(op, struct ax_build, op);
    struct ax_builders *builders = build->builders;

    if (build->finish.loop)
        return; /* it is over already */
    queue_remove(builders, build);
    for (unsigned i = 0; i < builders->count; i++) {
        struct slot *slot = &builders->slots[i];

        if (slot->build != build)
            continue;
        slot->build = NULL;
        if (slot->state == SLOT_WORKING)
            builders->ask.kill(builders->ask.arg, slot->id);
    }
    build_finish(build, AX_E_CANCELED);
}

void ax_build_start(struct ax_builders *builders, struct ax_build *build, int bundle_fd,
                    struct ax_str envelope, ax_op_done_fn *on_done, void *arg)
{
    *build = (struct ax_build){ .builders = builders,
                                .bundle_fd = bundle_fd,
                                .envelope = envelope,
                                .code_fd = -1,
                                .pack_fd = -1 };
    ax_buf_init(&build->manifest, AX_MANIFEST_BYTES_MAX);
    ax_buf_init(&build->paths, AX_BUILD_FRAME_MAX);
    ax_op_begin(&build->op, on_done, arg, build_on_cancel);
    if (builders->waiting >= AX_BUILD_QUEUE) {
        ax_err_set(&build->err, AX_E_OVERLOADED, "too many bundles wait to be compiled");
        build_finish(build, AX_E_OVERLOADED);
        return;
    }
    *(builders->last ? &builders->last->next : &builders->first) = build;
    builders->last = build;
    builders->waiting++;
    builders_next(builders);
}

struct ax_builders *ax_builders_new(struct ax_loop *loop, unsigned at_once,
                                    const struct ax_builders_ask *ask)
{
    struct ax_builders *builders = ax_alloc(sizeof(*builders) + at_once * sizeof(struct slot));

    builders->loop = loop;
    /* The supervisor may still speak of builders that a loader before us asked for. */
    builders->last_id = ax_random_u64() >> 1;
    builders->ask = *ask;
    builders->count = at_once;
    for (unsigned i = 0; i < at_once; i++)
        builders->slots[i].builders = builders;
    return builders;
}

void ax_builders_free(struct ax_builders *builders)
{
    if (!builders)
        return;
    for (unsigned i = 0; i < builders->count; i++) {
        assert(!builders->slots[i].build);
        slot_hang_up(&builders->slots[i]);
        ax_timer_stop(&builders->slots[i].timer);
    }
    free(builders);
}

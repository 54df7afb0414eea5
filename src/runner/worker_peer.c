/* SPDX-License-Identifier: Apache-2.0 */
/* worker_peer.c - which worker runs this, and what does it say? */
#include "runner/worker_peer.h"

#include "loop/frame.h"

#include <assert.h>
#include <stdio.h>

/* What may wait for a busy worker, and the room that a frame's pairs need. */
#define PEER_QUEUE_MAX (256u << 20)
#define PEER_ARENA_MAX (1u << 20)
/* A waiting execution takes up to six mappings; the process itself some hundreds. */
#define MAPPINGS_PER_RUN 6
#define MAPPINGS_RESERVE 2048
#define MAPPINGS_DEFAULT 65530

struct ax_worker_peer {
    struct ax_workers *workers;
    struct ax_channel *channel;
    uint32_t slot;
    uint32_t pid;
    uint32_t slots; /* 0 until HELLO */
    uint32_t in_flight;
    uint64_t generation;
    struct ax_run **runs;  /* by place */
    uint32_t *free_places; /* a stack */
};

static uint64_t read_mappings_max(void)
{
    unsigned long long value = 0;
    FILE *file = fopen("/proc/sys/vm/max_map_count", "re");

    if (file && fscanf(file, "%llu", &value) != 1)
        value = 0;
    if (file)
        fclose(file);
    return value ? value : MAPPINGS_DEFAULT;
}

void ax_workers_init(struct ax_workers *workers, struct ax_loop *loop, struct ax_units *units,
                     void (*on_capacity)(uint32_t capacity, void *arg),
                     void (*on_broken)(uint32_t slot, void *arg), void *arg)
{
    *workers = (struct ax_workers){
        .loop = loop,
        .units = units,
        .mappings_max = read_mappings_max(),
        .on_capacity = on_capacity,
        .on_broken = on_broken,
        .arg = arg,
    };
    ax_arena_init(&workers->arena, PEER_ARENA_MAX);
}

uint32_t ax_workers_mapping_slots(const struct ax_workers *workers)
{
    if (workers->mappings_max <= MAPPINGS_RESERVE + MAPPINGS_PER_RUN)
        return 1;
    return (uint32_t)((workers->mappings_max - MAPPINGS_RESERVE) / MAPPINGS_PER_RUN);
}

uint32_t ax_workers_up(const struct ax_workers *workers)
{
    uint32_t up = 0;

    for (size_t i = 0; i < AX_WORKERS_MAX; i++)
        up += workers->peers[i] && workers->peers[i]->slots;
    return up;
}

uint32_t ax_workers_capacity(const struct ax_workers *workers)
{
    uint32_t capacity = 0;

    for (size_t i = 0; i < AX_WORKERS_MAX; i++)
        capacity += workers->peers[i] ? workers->peers[i]->slots : 0;
    return capacity;
}

static void run_leave(struct ax_run *run)
{
    struct ax_worker_peer *peer = run->peer;
    uint32_t place = (uint32_t)run->id;

    peer->runs[place] = NULL;
    peer->in_flight--;
    peer->free_places[peer->slots - peer->in_flight - 1] = place;
    ax_unit_unref(peer->workers->units, run->unit);
    run->peer = NULL;
    run->unit = NULL;
}

/* The worker is gone. Its executions are told; the units know that its code went with it. */
static void peer_free(struct ax_worker_peer *peer, enum ax_code code)
{
    struct ax_workers *workers = peer->workers;
    const struct ax_usage none = { 0 };

    ax_channel_close(AX_TAKE(peer->channel));
    workers->peers[peer->slot] = NULL;
    for (size_t i = 0; i < AX_UNITS_MAX; i++) {
        if (workers->units->by_id[i])
            workers->units->by_id[i]->loaded_by &= ~(UINT64_C(1) << peer->slot);
    }
    workers->on_capacity(ax_workers_capacity(workers), workers->arg);
    for (uint32_t i = 0; i < peer->slots; i++) {
        struct ax_run *run = peer->runs[i];

        if (!run)
            continue;
        run_leave(run);
        run->handler->on_fault(run, &none, code, AX_STR("the worker ended"));
    }
    free(peer->runs);
    free(peer->free_places);
    free(peer);
}

void ax_workers_done(struct ax_workers *workers)
{
    for (size_t i = 0; i < AX_WORKERS_MAX; i++) {
        if (workers->peers[i])
            peer_free(workers->peers[i], AX_E_CANCELED);
    }
    ax_arena_done(&workers->arena);
}

static enum ax_code peer_on_hello(struct ax_worker_peer *peer, const struct ax_frame *frame)
{
    struct ax_reader reader = ax_reader_of(frame->payload);
    uint32_t slots = ax_reader_u32(&reader);
    uint32_t most = ax_workers_mapping_slots(peer->workers);

    (void)ax_reader_str(&reader);
    if (!ax_reader_ok(&reader) || peer->slots || slots == 0 || slots > (1u << 16))
        return AX_E_INVALID_REQUEST;
    peer->slots = slots < most ? slots : most;
    peer->runs = ax_alloc(peer->slots * sizeof(*peer->runs));
    peer->free_places = ax_alloc(peer->slots * sizeof(*peer->free_places));
    for (uint32_t i = 0; i < peer->slots; i++)
        peer->free_places[i] = peer->slots - 1 - i;
    peer->workers->on_capacity(ax_workers_capacity(peer->workers), peer->workers->arg);
    return AX_OK;
}

static enum ax_code peer_on_loaded(struct ax_worker_peer *peer, const struct ax_frame *frame)
{
    struct ax_reader reader = ax_reader_of(frame->payload);
    uint32_t code = ax_reader_u32(&reader);

    (void)ax_reader_str(&reader);
    if (!ax_reader_ok(&reader) || frame->id >= AX_UNITS_MAX || code >= AX_CODE_COUNT)
        return AX_E_INVALID_REQUEST;
    struct ax_unit *unit = peer->workers->units->by_id[frame->id];
    /* The executions behind it are refused by the worker one by one; then it can be fetched anew. */
    if (code != AX_OK && unit)
        ax_unit_drop(peer->workers->units, unit);
    return AX_OK;
}

static struct ax_run *peer_find(const struct ax_worker_peer *peer, uint64_t id)
{
    uint32_t place = (uint32_t)id;
    struct ax_run *run = place < peer->slots ? peer->runs[place] : NULL;

    return run && run->id == id ? run : NULL;
}

static enum ax_code run_on_call(struct ax_run *run, struct ax_reader *reader)
{
    uint32_t call = ax_reader_u32(reader);
    struct ax_str interface = ax_reader_str(reader);
    struct ax_str function = ax_reader_str(reader);
    struct ax_str payload = ax_reader_body(reader);

    if (!ax_reader_ok(reader))
        return AX_E_INVALID_REQUEST;
    run->handler->on_call(run, call, interface, function, payload);
    return AX_OK;
}

static enum ax_code run_on_log(struct ax_run *run, struct ax_reader *reader)
{
    uint32_t at_ms = ax_reader_u32(reader);
    uint8_t level = ax_reader_u8(reader);
    struct ax_str text = ax_reader_body(reader);

    if (!ax_reader_ok(reader))
        return AX_E_INVALID_REQUEST;
    run->handler->on_log(run, at_ms, level, text);
    return AX_OK;
}

static enum ax_code run_on_done(struct ax_run *run, struct ax_reader *reader)
{
    struct ax_arena *arena = &run->peer->workers->arena;
    struct ax_guest_response response = { 0 };
    struct ax_usage usage;
    struct ax_err err = { 0 };

    ax_arena_reset(arena);
    ax_usage_read(reader, &usage);
    response.status = ax_reader_u32(reader);
    ax_pairs_read(reader, AX_GUEST_HEADERS_MAX, arena, &response.headers);
    response.body = ax_reader_body(reader);
    if (!ax_reader_ok(reader))
        return AX_E_INVALID_REQUEST;
    /* The worker has judged the same; one that lets such an answer through is not ours any more. */
    if (ax_guest_response_judge(&response, &err) != AX_OK)
        return AX_E_INVALID_REQUEST;
    run_leave(run);
    run->handler->on_done(run, &usage, &response);
    return AX_OK;
}

static enum ax_code run_on_fault(struct ax_run *run, struct ax_reader *reader)
{
    struct ax_usage usage;
    uint32_t code;
    struct ax_str words;

    ax_usage_read(reader, &usage);
    code = ax_reader_u32(reader);
    words = ax_reader_str(reader);
    if (!ax_reader_ok(reader) || code == AX_OK || code >= AX_CODE_COUNT)
        return AX_E_INVALID_REQUEST;
    run_leave(run);
    run->handler->on_fault(run, &usage, (enum ax_code)code, words);
    return AX_OK;
}

static enum ax_code peer_on_frame(void *arg, const struct ax_frame *frame, int fd)
{
    struct ax_worker_peer *peer = arg;
    struct ax_reader reader = ax_reader_of(frame->payload);
    struct ax_run *run;

    if (fd >= 0) {
        ax_fd_close(&fd);
        return AX_E_INVALID_REQUEST;
    }
    if (frame->type == AX_MSG_HELLO)
        return peer_on_hello(peer, frame);
    if (frame->type == AX_MSG_LOADED)
        return peer_on_loaded(peer, frame);
    if (frame->type != AX_MSG_CALL && frame->type != AX_MSG_LOG && frame->type != AX_MSG_DONE &&
        frame->type != AX_MSG_FAULT)
        return AX_E_INVALID_REQUEST;
    run = peer_find(peer, frame->id);
    if (!run)
        return AX_OK; /* it was canceled while this was on its way */
    switch (frame->type) {
    case AX_MSG_CALL: return run_on_call(run, &reader);
    case AX_MSG_LOG: return run_on_log(run, &reader);
    case AX_MSG_DONE: return run_on_done(run, &reader);
    default: return run_on_fault(run, &reader);
    }
}

static void peer_on_end(void *arg, enum ax_code code)
{
    struct ax_worker_peer *peer = arg;
    struct ax_workers *workers = peer->workers;
    uint32_t slot = peer->slot;

    workers->lost++;
    peer_free(peer, AX_E_WORKER_LOST);
    if (code == AX_E_INVALID_REQUEST)
        workers->on_broken(slot, workers->arg);
}

void ax_workers_on_worker(struct ax_workers *workers, uint32_t slot, uint32_t pid, int fd)
{
    const struct ax_channel_limits limits = { AX_MSG_WORK_MAX, PEER_QUEUE_MAX };
    struct ax_worker_peer *peer;

    assert(slot < AX_WORKERS_MAX);
    if (workers->peers[slot]) {
        workers->lost++;
        peer_free(workers->peers[slot], AX_E_WORKER_LOST);
    }
    peer = ax_alloc(sizeof(*peer));
    const struct ax_channel_handler handler = { .on_frame = peer_on_frame,
                                                .on_end = peer_on_end,
                                                .arg = peer };
    peer->workers = workers;
    peer->slot = slot;
    peer->pid = pid;
    peer->channel = ax_channel_new(workers->loop, fd, &limits, &handler);
    workers->peers[slot] = peer;
}

void ax_workers_unload(struct ax_workers *workers, const struct ax_unit *unit)
{
    for (size_t i = 0; i < AX_WORKERS_MAX; i++) {
        struct ax_worker_peer *peer = workers->peers[i];

        if (!peer || !(unit->loaded_by & (UINT64_C(1) << i)))
            continue;
        ax_channel_begin(peer->channel, AX_MSG_UNLOAD, unit->id, -1);
        (void)ax_channel_end(peer->channel); /* a worker that cannot hear it is about to end */
    }
}

void ax_workers_refuse(struct ax_workers *workers, const struct ax_unit *unit, enum ax_code code,
                       const struct ax_err *err)
{
    const struct ax_usage none = { 0 };

    for (size_t i = 0; i < AX_WORKERS_MAX; i++) {
        struct ax_worker_peer *peer = workers->peers[i];

        for (uint32_t place = 0; peer && place < peer->slots; place++) {
            struct ax_run *run = peer->runs[place];

            if (!run || run->unit != unit)
                continue;
            ax_run_cancel(run);
            run->handler->on_fault(run, &none, code, ax_str_of(err->message));
        }
    }
}

static struct ax_worker_peer *choose(const struct ax_workers *workers)
{
    struct ax_worker_peer *best = NULL;

    for (size_t i = 0; i < AX_WORKERS_MAX; i++) {
        struct ax_worker_peer *peer = workers->peers[i];

        if (peer && peer->in_flight < peer->slots && (!best || peer->in_flight < best->in_flight))
            best = peer;
    }
    return best;
}

static enum ax_code peer_load(struct ax_worker_peer *peer, struct ax_unit *unit)
{
    struct ax_buf *out = ax_channel_begin(peer->channel, AX_MSG_LOAD, unit->id, unit->code_fd);
    enum ax_code code;

    ax_frame_put_u8(out, (uint8_t)unit->abi);
    code = ax_channel_end(peer->channel);
    if (code == AX_OK)
        unit->loaded_by |= UINT64_C(1) << peer->slot;
    return code;
}

enum ax_code ax_run_start(struct ax_workers *workers, struct ax_run *run, struct ax_unit *unit,
                          struct ax_exec_message *message, const struct ax_run_handler *handler)
{
    struct ax_worker_peer *peer = choose(workers);
    enum ax_code code = AX_OK;
    uint32_t place;

    assert(!run->peer && unit->abi != AX_ABI_NONE);
    if (!peer)
        return AX_E_OVERLOADED;
    if (!(unit->loaded_by & (UINT64_C(1) << peer->slot)))
        code = peer_load(peer, unit);
    if (code == AX_OK) {
        place = peer->free_places[peer->slots - peer->in_flight - 1];
        run->id = ++peer->generation << 32 | place;
        message->module = unit->id;
        struct ax_buf *out = ax_channel_begin(peer->channel, AX_MSG_EXEC, run->id, -1);
        ax_exec_message_write(out, message);
        code = ax_channel_end(peer->channel);
    }
    if (code != AX_OK)
        return code == AX_E_CLOSED ? AX_E_WORKER_LOST : AX_E_OVERLOADED;
    peer->in_flight++;
    peer->runs[place] = run;
    run->peer = peer;
    run->unit = unit;
    run->handler = handler;
    ax_unit_ref(unit);
    return AX_OK;
}

void ax_run_answer(struct ax_run *run, uint32_t call, uint32_t number, struct ax_str payload)
{
    struct ax_buf *out;

    if (!run->peer)
        return;
    out = ax_channel_begin(run->peer->channel, AX_MSG_ANSWER, run->id, -1);
    ax_frame_put_u32(out, call);
    ax_frame_put_u32(out, number);
    ax_frame_put_body(out, payload);
    /* An answer that cannot be queued leaves the guest waiting to its deadline. */
    (void)ax_channel_end(run->peer->channel);
}

void ax_run_cancel(struct ax_run *run)
{
    if (!run->peer)
        return;
    ax_channel_begin(run->peer->channel, AX_MSG_CANCEL, run->id, -1);
    (void)ax_channel_end(run->peer->channel);
    run_leave(run);
}

uint32_t ax_run_slot(const struct ax_run *run)
{
    return run->peer->slot;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* unit.c - which bundles are at hand in the front? */
#include "runner/unit.h"

#include "loop/frame.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* How long the loader may take; the callers' own deadlines are shorter. */
#define UNIT_FETCH_MS 120000

void ax_units_init(struct ax_units *units, struct ax_loop *loop, uint64_t bytes_max,
                   void (*on_evict)(struct ax_unit *unit, void *arg),
                   void (*on_refused)(struct ax_unit *unit, enum ax_code code,
                                      const struct ax_err *err, void *arg),
                   void (*on_loader_broken)(void *arg), void *arg)
{
    *units = (struct ax_units){
        .loop = loop,
        .bytes_max = bytes_max,
        .on_evict = on_evict,
        .on_refused = on_refused,
        .on_loader_broken = on_loader_broken,
        .arg = arg,
    };
    ax_map_init(&units->map);
}

static void lru_remove(struct ax_units *units, struct ax_unit *unit)
{
    if (unit->lru_previous)
        unit->lru_previous->lru_next = unit->lru_next;
    else
        units->lru_first = unit->lru_next;
    if (unit->lru_next)
        unit->lru_next->lru_previous = unit->lru_previous;
    else
        units->lru_last = unit->lru_previous;
    unit->lru_next = unit->lru_previous = NULL;
}

static void lru_push(struct ax_units *units, struct ax_unit *unit)
{
    unit->lru_previous = NULL;
    unit->lru_next = units->lru_first;
    if (units->lru_first)
        units->lru_first->lru_previous = unit;
    else
        units->lru_last = unit;
    units->lru_first = unit;
}

static void unit_free(struct ax_units *units, struct ax_unit *unit)
{
    assert(!unit->first && unit->in_use == 0);
    if (unit->state == AX_UNIT_READY) {
        lru_remove(units, unit);
        units->bytes -= unit->code_len;
        units->on_evict(unit, units->arg);
    }
    ax_map_remove(&units->map, &unit->node);
    units->by_id[unit->id] = NULL;
    ax_manifest_free(unit->manifest);
    free(unit->egress);
    ax_fd_close(&unit->code_fd);
    free(unit);
}

void ax_units_done(struct ax_units *units)
{
    for (size_t i = 0; i < AX_UNITS_MAX; i++) {
        if (units->by_id[i])
            unit_free(units, units->by_id[i]);
    }
    ax_channel_close(AX_TAKE(units->loader));
    ax_map_done(&units->map);
}

/* Lets go of the least recently used that nobody uses, until `bytes` fit; does what it can. */
static void units_evict(struct ax_units *units, bool need_place)
{
    struct ax_unit *unit = units->lru_last;

    while (unit && (units->bytes > units->bytes_max || need_place)) {
        struct ax_unit *previous = unit->lru_previous;

        if (unit->in_use == 0) {
            unit_free(units, unit);
            need_place = false;
        }
        unit = previous;
    }
}

struct ax_unit *ax_units_ready(struct ax_units *units, const struct ax_digest *hash)
{
    struct ax_map_node *node = ax_map_find(&units->map,
                                           ax_str_make(hash->bytes, sizeof(hash->bytes)));
    struct ax_unit *unit = node ? AX_CONTAINER_OF(node, struct ax_unit, node) : NULL;

    if (!unit || unit->state != AX_UNIT_READY)
        return NULL;
    if (units->lru_first != unit) {
        lru_remove(units, unit);
        lru_push(units, unit);
    }
    return unit;
}

static uint64_t unit_request_id(const struct ax_unit *unit)
{
    return unit->generation << 16 | unit->id;
}

static void unit_ask(struct ax_units *units, struct ax_unit *unit)
{
    struct ax_buf *out;

    if (!units->loader)
        return; /* asked when the loader is back */
    out = ax_channel_begin(units->loader, AX_MSG_GET, unit_request_id(unit), -1);
    ax_frame_put_str(out, ax_str_make(unit->hash.bytes, sizeof(unit->hash.bytes)));
    ax_frame_put_str(out, ax_str_of(unit->extension));
    ax_frame_put_u64(out, ax_loop_now_ms(units->loop) + UNIT_FETCH_MS);
    /* A queue that is full, or a loader that ended, is mended by the loader's restart. */
    (void)ax_channel_end(units->loader);
}

static struct ax_unit *unit_new(struct ax_units *units, const struct ax_digest *hash,
                                struct ax_str extension)
{
    struct ax_unit *unit;

    if (units->map.count >= AX_UNITS_MAX)
        units_evict(units, true);
    if (units->map.count >= AX_UNITS_MAX)
        return NULL;
    while (units->by_id[units->next_id])
        units->next_id = (units->next_id + 1) % AX_UNITS_MAX;
    unit = ax_alloc(sizeof(*unit));
    unit->hash = *hash;
    unit->id = units->next_id;
    unit->generation = ++units->next_generation;
    unit->code_fd = -1;
    memcpy(unit->extension, extension.ptr,
           extension.len < sizeof(unit->extension) ? extension.len : sizeof(unit->extension) - 1);
    units->by_id[unit->id] = unit;
    units->next_id = (units->next_id + 1) % AX_UNITS_MAX;
    ax_map_insert(&units->map, &unit->node, ax_str_make(unit->hash.bytes, sizeof(hash->bytes)));
    unit_ask(units, unit);
    return unit;
}

enum ax_code ax_units_want(struct ax_units *units, const struct ax_digest *hash,
                           struct ax_str extension, struct ax_unit_wait *wait)
{
    struct ax_map_node *node = ax_map_find(&units->map,
                                           ax_str_make(hash->bytes, sizeof(hash->bytes)));
    struct ax_unit *unit = node ? AX_CONTAINER_OF(node, struct ax_unit, node)
                                : unit_new(units, hash, extension);

    assert(!wait->unit);
    if (!unit)
        return AX_E_OVERLOADED;
    assert(unit->state == AX_UNIT_FETCHING);
    wait->unit = unit;
    wait->next = NULL;
    wait->previous = unit->last;
    if (unit->last)
        unit->last->next = wait;
    else
        unit->first = wait;
    unit->last = wait;
    return AX_OK;
}

void ax_unit_wait_cancel(struct ax_unit_wait *wait)
{
    struct ax_unit *unit = wait->unit;

    if (!unit)
        return;
    if (wait->previous)
        wait->previous->next = wait->next;
    else
        unit->first = wait->next;
    if (wait->next)
        wait->next->previous = wait->previous;
    else
        unit->last = wait->previous;
    wait->unit = NULL;
    wait->next = wait->previous = NULL;
}

/* A waiter may cancel others from its callback, so the list is read anew each time. The unit is in
 * use meanwhile: nothing that a callback starts can evict it. */
static void unit_tell(struct ax_units *units, struct ax_unit *unit, enum ax_code code,
                      const struct ax_err *err, uint32_t retry_ms)
{
    ax_unit_ref(unit);
    while (unit->first) {
        struct ax_unit_wait *wait = unit->first;

        ax_unit_wait_cancel(wait);
        wait->on_unit(wait, code, err, retry_ms);
    }
    unit->in_use--;
    if (code != AX_OK)
        unit_free(units, unit);
    else
        units_evict(units, false);
}

void ax_unit_ref(struct ax_unit *unit)
{
    unit->in_use++;
}

void ax_unit_unref(struct ax_units *units, struct ax_unit *unit)
{
    assert(unit->in_use > 0);
    unit->in_use--;
    if (unit->in_use == 0 && units->bytes > units->bytes_max)
        units_evict(units, false);
}

void ax_unit_drop(struct ax_units *units, struct ax_unit *unit)
{
    if (unit->state == AX_UNIT_READY && unit->in_use == 0)
        unit_free(units, unit);
}

/* The unit that the loader speaks of; NULL: nobody wants it any more. */
static struct ax_unit *unit_by_request(struct ax_units *units, uint64_t id)
{
    struct ax_unit *unit = units->by_id[(id & 0xffff) % AX_UNITS_MAX];

    bool asked = unit && (unit->state == AX_UNIT_FETCHING || unit->rechecking);

    return asked && unit_request_id(unit) == id ? unit : NULL;
}

static enum ax_code unit_take(struct ax_unit *unit, struct ax_str manifest, enum ax_abi abi, int fd,
                              struct ax_err *err)
{
    const int wanted = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK;
    struct stat info = { 0 };
    enum ax_code code = ax_manifest_parse(manifest, &unit->manifest, err);

    if (code != AX_OK)
        return code;
    if (abi != AX_ABI_NONE &&
        ((fcntl(fd, F_GET_SEALS) & wanted) != wanted || fstat(fd, &info) != 0))
        return ax_err_set(err, AX_E_INTERNAL, "the machine code is not sealed");
    unit->egress_count = ax_manifest_egress_count(unit->manifest);
    if (unit->egress_count)
        unit->egress = ax_alloc(unit->egress_count * sizeof(*unit->egress));
    for (size_t i = 0; i < unit->egress_count; i++)
        unit->egress[i] = ax_manifest_egress(unit->manifest, i);
    unit->abi = abi;
    unit->code_len = (uint64_t)info.st_size;
    return AX_OK;
}

static enum ax_code units_on_have(struct ax_units *units, const struct ax_frame *frame, int taken)
{
    AX_AUTO_FD int fd = taken;
    struct ax_reader reader = ax_reader_of(frame->payload);
    uint8_t abi = ax_reader_u8(&reader);
    struct ax_str manifest = ax_reader_str(&reader);
    struct ax_unit *unit = unit_by_request(units, frame->id);
    struct ax_err err = { 0 };
    enum ax_code code;

    if (!ax_reader_ok(&reader) || abi > AX_ABI_COMPONENT || (abi == AX_ABI_NONE) != (fd < 0))
        return AX_E_INVALID_REQUEST;
    if (!unit)
        return AX_OK;
    if (unit->rechecking) {
        unit->rechecking = false; /* the same hash is the same code: what we hold stays */
        return AX_OK;
    }
    code = unit_take(unit, manifest, abi, fd, &err);
    if (code == AX_OK) {
        unit->code_fd = fd;
        fd = -1;
        unit->state = AX_UNIT_READY;
        units->bytes += unit->code_len;
        lru_push(units, unit);
    }
    unit_tell(units, unit, code, &err, 0);
    return AX_OK;
}

/* A store that does not answer says nothing about trust: only a refusal ends what runs. */
static void unit_on_recheck_failed(struct ax_units *units, struct ax_unit *unit, enum ax_code code,
                                   const struct ax_err *err)
{
    unit->rechecking = false;
    if (code != AX_E_BUNDLE_REJECTED && code != AX_E_BUNDLE_REVOKED)
        return;
    units->on_refused(unit, code, err, units->arg);
    unit_free(units, unit);
}

static void units_on_recheck(struct ax_units *units)
{
    for (size_t i = 0; i < AX_UNITS_MAX; i++) {
        struct ax_unit *unit = units->by_id[i];

        if (!unit || unit->state != AX_UNIT_READY)
            continue;
        unit->rechecking = true;
        unit->generation = ++units->next_generation;
        unit_ask(units, unit);
    }
}

static enum ax_code units_on_fail(struct ax_units *units, const struct ax_frame *frame)
{
    struct ax_reader reader = ax_reader_of(frame->payload);
    uint32_t code = ax_reader_u32(&reader);
    uint32_t retry_ms = ax_reader_u32(&reader);
    struct ax_str words = ax_reader_str(&reader);
    struct ax_unit *unit = unit_by_request(units, frame->id);
    struct ax_err err = { 0 };

    if (!ax_reader_ok(&reader) || code == AX_OK || code >= AX_CODE_COUNT)
        return AX_E_INVALID_REQUEST;
    if (!unit)
        return AX_OK;
    ax_err_set(&err, (enum ax_code)code, "%.*s", AX_STR_FMT(words));
    if (unit->rechecking)
        unit_on_recheck_failed(units, unit, (enum ax_code)code, &err);
    else
        unit_tell(units, unit, (enum ax_code)code, &err, retry_ms);
    return AX_OK;
}

static enum ax_code units_on_step(struct ax_units *units, const struct ax_frame *frame)
{
    struct ax_reader reader = ax_reader_of(frame->payload);
    struct ax_str name = ax_reader_str(&reader);
    uint32_t ms = ax_reader_u32(&reader);
    struct ax_unit *unit = units->by_id[(frame->id & 0xffff) % AX_UNITS_MAX];

    if (!ax_reader_ok(&reader))
        return AX_E_INVALID_REQUEST;
    units->cache_hits += ax_str_eq(name, AX_STR(AX_STEP_CACHED));
    units->builds += ax_str_eq(name, AX_STR(AX_STEP_COMPILED)) ||
                     ax_str_eq(name, AX_STR(AX_STEP_UNPACKED));
    if (!unit || unit_request_id(unit) != frame->id || unit->step_count == AX_UNIT_STEPS_MAX ||
        name.len >= sizeof(unit->steps[0].name))
        return AX_OK;
    struct ax_unit_step *step = &unit->steps[unit->step_count++];
    memcpy(step->name, name.ptr, name.len);
    step->ms = ms;
    return AX_OK;
}

static enum ax_code units_on_cache(struct ax_units *units, const struct ax_frame *frame)
{
    struct ax_reader reader = ax_reader_of(frame->payload);
    uint8_t writable = ax_reader_u8(&reader);

    if (!ax_reader_ok(&reader) || writable > 1)
        return AX_E_INVALID_REQUEST;
    units->cache_writable = writable == 1;
    return AX_OK;
}

static enum ax_code loader_on_frame(void *arg, const struct ax_frame *frame, int fd)
{
    struct ax_units *units = arg;

    if (frame->type == AX_MSG_HAVE)
        return units_on_have(units, frame, fd);
    if (fd >= 0) {
        ax_fd_close(&fd);
        return AX_E_INVALID_REQUEST;
    }
    switch (frame->type) {
    case AX_MSG_FAIL: return units_on_fail(units, frame);
    case AX_MSG_STEP: return units_on_step(units, frame);
    case AX_MSG_CACHE: return units_on_cache(units, frame);
    case AX_MSG_RECHECK: units_on_recheck(units); return AX_OK;
    default: return AX_E_INVALID_REQUEST;
    }
}

static void loader_on_end(void *arg, enum ax_code code)
{
    struct ax_units *units = arg;

    ax_channel_close(AX_TAKE(units->loader));
    if (code == AX_E_INVALID_REQUEST)
        units->on_loader_broken(units->arg);
}

void ax_units_on_loader(struct ax_units *units, int fd)
{
    const struct ax_channel_limits limits = { 1u << 20, 4u << 20 };
    const struct ax_channel_handler handler = { .on_frame = loader_on_frame,
                                                .on_end = loader_on_end,
                                                .arg = units };

    ax_channel_close(AX_TAKE(units->loader));
    units->loader = ax_channel_new(units->loop, fd, &limits, &handler);
    for (size_t i = 0; i < AX_UNITS_MAX; i++) {
        struct ax_unit *unit = units->by_id[i];

        if (unit && (unit->state == AX_UNIT_FETCHING || unit->rechecking))
            unit_ask(units, unit);
    }
}

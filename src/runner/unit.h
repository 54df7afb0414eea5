/* SPDX-License-Identifier: Apache-2.0 */
/* unit.h - which bundles are at hand in the front?
 *
 * A unit is one content hash: its manifest and the sealed machine code that workers map. The front
 * asks the loader once for however many callers wait (single flight), keeps what came, and lets go of
 * the least recently used when RUNNER_MODULES_MAX_BYTES or the number of places is reached; never of
 * one that is in use. One thread.
 *
 *   absent --want--> FETCHING --HAVE--> READY --too many bytes, not in use--> absent
 *                        `--FAIL--> absent     `--RECHECK, FAIL: refused--> runs end, absent
 *
 * When the loader trusts other keys than before it says RECHECK: every ready unit is asked for again
 * while it goes on serving, and ends at once when it is refused. */
#ifndef AX_RUNNER_UNIT_H
#define AX_RUNNER_UNIT_H

#include "base/map.h"
#include "bundle/digest.h"
#include "bundle/manifest.h"
#include "loop/channel.h"
#include "loop/loop.h"
#include "runner/message.h"

#define AX_UNITS_MAX      4096
#define AX_UNIT_STEPS_MAX 12

enum ax_unit_state { AX_UNIT_FETCHING, AX_UNIT_READY };

struct ax_unit_step { /* of a warm-up */
    char name[24];
    uint32_t ms;
};

struct ax_unit_wait {     /* zero-initialised; inside its owner; cancel it before the owner dies */
    struct ax_unit *unit; /* NULL: not waiting */
    struct ax_unit_wait *next, *previous;
    /* The unit is ready (AX_OK), or why it is not; `retry_ms` 0: trying again does not help. Comes
     * once, never from inside ax_units_want(). */
    void (*on_unit)(struct ax_unit_wait *wait, enum ax_code code, const struct ax_err *err,
                    uint32_t retry_ms);
};

struct ax_unit {
    struct ax_map_node node;
    struct ax_digest hash;
    uint32_t id; /* names it to workers */
    enum ax_unit_state state;
    uint64_t generation; /* with id: names the request to the loader */
    bool rechecking;     /* ready, and asked for again */
    struct ax_manifest *manifest;
    struct ax_str *egress; /* of the manifest, as a list */
    size_t egress_count;
    enum ax_abi abi; /* AX_ABI_NONE: a UI and no module */
    int code_fd;
    uint64_t code_len;
    uint64_t loaded_by; /* a bit for each worker slot that was sent the code */
    uint32_t in_use;    /* executions that run it */
    char extension[257];
    struct ax_unit_wait *first, *last;
    struct ax_unit *lru_next, *lru_previous; /* ready ones, most recent first */
    struct ax_unit_step steps[AX_UNIT_STEPS_MAX];
    size_t step_count;
};

struct ax_units {
    struct ax_loop *loop;
    struct ax_map map;
    struct ax_unit *by_id[AX_UNITS_MAX];
    uint32_t next_id;
    uint64_t next_generation;
    struct ax_unit *lru_first, *lru_last;
    uint64_t bytes, bytes_max;
    uint64_t builds, cache_hits; /* as the loader tells */
    struct ax_channel *loader;   /* NULL: being restarted */
    bool cache_writable;         /* as the loader said last; false until it does */
    /* Workers that hold the code of `unit` must be told to drop it. */
    void (*on_evict)(struct ax_unit *unit, void *arg);
    /* `unit` may not run any more: what runs it must end before this returns. */
    void (*on_refused)(struct ax_unit *unit, enum ax_code code, const struct ax_err *err,
                       void *arg);
    /* The loader sent nonsense. */
    void (*on_loader_broken)(void *arg);
    void *arg;
};

void ax_units_init(struct ax_units *units, struct ax_loop *loop, uint64_t bytes_max,
                   void (*on_evict)(struct ax_unit *unit, void *arg),
                   void (*on_refused)(struct ax_unit *unit, enum ax_code code,
                                      const struct ax_err *err, void *arg),
                   void (*on_loader_broken)(void *arg), void *arg);
/* Nobody may wait or run. */
void ax_units_done(struct ax_units *units);

/* A new socket to the loader, at the start and after each of its restarts: what was being fetched
 * is asked for again. Takes `fd` over. */
void ax_units_on_loader(struct ax_units *units, int fd);

/* The unit if it is ready, else NULL. Counts as a use for LRU. */
struct ax_unit *ax_units_ready(struct ax_units *units, const struct ax_digest *hash);

/* Waits for a unit that is not ready; `extension` is who asks, for the loader. AX_E_OVERLOADED: no
 * place for another unit; then nothing waits. */
AX_CHECKED enum ax_code ax_units_want(struct ax_units *units, const struct ax_digest *hash,
                                      struct ax_str extension, struct ax_unit_wait *wait);
void ax_unit_wait_cancel(struct ax_unit_wait *wait); /* not waiting: nothing */

/* While it is in use a unit stays. */
void ax_unit_ref(struct ax_unit *unit);
void ax_unit_unref(struct ax_units *units, struct ax_unit *unit);

/* Its machine code turned out to be unusable: forgotten once nobody uses it; the next want fetches
 * it anew. */
void ax_unit_drop(struct ax_units *units, struct ax_unit *unit);

#endif

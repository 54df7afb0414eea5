/* SPDX-License-Identifier: Apache-2.0 */
/* loader_private.h - what do the loader's own files share? Nobody else includes it. */
#ifndef AX_RUNNER_LOADER_PRIVATE_H
#define AX_RUNNER_LOADER_PRIVATE_H

#include "base/settings.h"
#include "bundle/trust.h"
#include "loop/channel.h"
#include "loop/loop.h"
#include "runner/build.h"
#include "runner/cache.h"
#include "runner/ledger.h"
#include "runner/refusals.h"
#include "store/store.h"

#define LOADER_LOADS_MAX   1024  /* hashes in work at one time */
#define LOADER_WAITERS_MAX 16384 /* requests of the front that wait, in all */
#define LOADER_WORK_AHEAD  3     /* bundles fetched and checked while builders are busy */
#define LOADER_TARGET_MAX  128

struct loader_waiter {
    uint64_t id; /* of the front's request */
    struct loader_waiter *next;
};

struct load;

struct loader {
    struct ax_loop loop;
    struct ax_channel *control;
    struct ax_channel *front; /* NULL: none at the moment */

    /* what the operator decided */
    bool must_be_signed;
    bool offline;
    uint64_t cache_max;
    struct ax_trust *trust;
    uint64_t trust_generation; /* counts what the operator decided anew */

    /* the engine whose machine code we keep */
    char target[LOADER_TARGET_MAX];
    uint8_t engine_digest[32];

    struct ax_store *store; /* NULL: the supervisor gave none */
    int root_fd, state_fd;  /* until the cache is open */
    struct ax_cache *cache; /* NULL: we do without */
    struct ax_ledger *ledger;
    struct ax_job scan;
    struct ax_cache_found *found;
    size_t found_count;

    bool cache_known;    /* a probe has told */
    bool cache_writable; /* what the last one said */
    struct ax_timer probe_timer;
    struct ax_job probe;

    struct ax_builders *builders;
    struct ax_refusals *refusals;
    struct load *loads; /* doubly linked */
    size_t load_count;
    size_t waiter_count;
    unsigned working, working_max;         /* loads that hold whole bundles in memory */
    struct load *queue_first, *queue_last; /* those that wait to be one of them */

    bool draining;
    struct ax_timer drain_timer;
};

/* --- loader.c --- */

/* A write to the cache failed: was it that entry, or can nothing be written? */
void loader_probe_cache(struct loader *loader);

/* --- load.c --- */

/* Gets `hash` for the front's request `id`: joins the load of that hash or begins one. */
void load_get(struct loader *loader, const uint8_t hash[AX_CACHE_HASH], uint64_t id);
/* Nobody is there to be answered any more; the work goes on. */
void load_forget_waiters(struct loader *loader);
/* The front takes more: answers that did not fit go out. */
void load_resume_answers(struct loader *loader);

/* --- loader.c --- */

/* The last load of a draining loader has ended. */
void loader_on_idle(struct loader *loader);

#endif

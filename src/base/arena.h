/* SPDX-License-Identifier: Apache-2.0 */
/* arena.h - how does a request own everything that dies with it?
 *
 * Allocations are bumped from blocks and freed together. Bounded by `max` bytes in all; an
 * allocation beyond it, or one that memory refuses, gives NULL. One thread at a time. */
#ifndef AX_BASE_ARENA_H
#define AX_BASE_ARENA_H

#include "base/err.h"
#include "base/str.h"

#include <stddef.h>

struct ax_arena_block;

struct ax_arena {
    struct ax_arena_block *blocks; /* newest first */
    size_t used;                   /* bytes in blocks, counted against max */
    size_t max;
};

void ax_arena_init(struct ax_arena *arena, size_t max);
void ax_arena_done(struct ax_arena *arena);
/* Forgets all allocations but keeps the first block for the next request. */
void ax_arena_reset(struct ax_arena *arena);

void *ax_arena_alloc(struct ax_arena *arena, size_t size) AX_CHECKED;  /* 16-aligned, not zeroed */
void *ax_arena_zalloc(struct ax_arena *arena, size_t size) AX_CHECKED; /* zeroed */
/* A terminated copy; its ptr is NULL when refused (also for an empty str it is not NULL). */
struct ax_str ax_arena_dup(struct ax_arena *arena, struct ax_str str);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* arena.c - how are a request's small allocations made and dropped cheaply? */
#include "base/arena.h"

#include "base/alloc.h"

#include <assert.h>
#include <string.h>

#define ARENA_ALIGN       16
#define ARENA_BLOCK_FIRST 4096
#define ARENA_BLOCK_MOST  65536

struct ax_arena_block {
    struct ax_arena_block *next;
    size_t size; /* of bytes */
    size_t used;
    _Alignas(ARENA_ALIGN) char bytes[];
};

_Static_assert(sizeof(struct ax_arena_block) % ARENA_ALIGN == 0, "bytes start aligned");
_Static_assert(_Alignof(max_align_t) >= ARENA_ALIGN, "malloc aligns blocks");

void ax_arena_init(struct ax_arena *arena, size_t max)
{
    *arena = (struct ax_arena){ .max = max };
}

static void arena_free_list(struct ax_arena_block *block)
{
    while (block) {
        struct ax_arena_block *next = block->next;

        free(block);
        block = next;
    }
}

void ax_arena_done(struct ax_arena *arena)
{
    arena_free_list(arena->blocks);
    *arena = (struct ax_arena){ .max = arena->max };
}

void ax_arena_reset(struct ax_arena *arena)
{
    struct ax_arena_block *kept = arena->blocks;

    if (!kept || kept->size > ARENA_BLOCK_MOST) { /* one large request must not cost for ever */
        ax_arena_done(arena);
        return;
    }
    arena_free_list(kept->next);
    kept->next = NULL;
    kept->used = 0;
    arena->used = sizeof(*kept) + kept->size;
}

/* A block with room for `size` bytes, or NULL. `size` is a multiple of ARENA_ALIGN. */
static struct ax_arena_block *arena_add_block(struct ax_arena *arena, size_t size)
{
    const size_t head = sizeof(struct ax_arena_block);
    size_t left = arena->max > arena->used ? arena->max - arena->used : 0;
    size_t want = arena->blocks ? arena->blocks->size * 2 : ARENA_BLOCK_FIRST;
    struct ax_arena_block *block;

    if (left < head || size > left - head)
        return NULL;
    if (want > ARENA_BLOCK_MOST)
        want = ARENA_BLOCK_MOST;
    if (want > left - head)
        want = (left - head) & ~(size_t)(ARENA_ALIGN - 1);
    if (want < size)
        want = size;
    block = ax_try_alloc(head + want);
    if (!block)
        return NULL;
    block->size = want;
    block->used = 0;
    arena->used += head + want;
    if (arena->blocks && size > arena->blocks->size) { /* the current block still has room */
        block->next = arena->blocks->next;
        arena->blocks->next = block;
    } else {
        block->next = arena->blocks;
        arena->blocks = block;
    }
    return block;
}

void *ax_arena_alloc(struct ax_arena *arena, size_t size)
{
    struct ax_arena_block *block = arena->blocks;
    void *ptr;

    if (size > SIZE_MAX - ARENA_ALIGN)
        return NULL;
    size = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (size == 0)
        size = ARENA_ALIGN;
    if (!block || block->size - block->used < size)
        block = arena_add_block(arena, size);
    if (!block)
        return NULL;
    ptr = block->bytes + block->used;
    block->used += size;
    return ptr;
}

void *ax_arena_zalloc(struct ax_arena *arena, size_t size)
{
    void *ptr = ax_arena_alloc(arena, size);

    if (ptr)
        memset(ptr, 0, size);
    return ptr;
}

struct ax_str ax_arena_dup(struct ax_arena *arena, struct ax_str str)
{
    char *copy = str.len < SIZE_MAX ? ax_arena_alloc(arena, str.len + 1) : NULL;

    if (!copy)
        return AX_STR_NONE;
    if (str.len > 0)
        memcpy(copy, str.ptr, str.len);
    copy[str.len] = '\0';
    return (struct ax_str){ copy, str.len };
}

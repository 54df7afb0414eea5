/* SPDX-License-Identifier: Apache-2.0 */
/* alloc.c - where does memory come from, and how do tests refuse it? */
#include "base/alloc.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Allocations left until one is refused; 0: none is. Only tests write it. */
static _Atomic uint64_t alloc_fault_left;
static _Atomic bool alloc_fault_hit;

void *ax_alloc(size_t size)
{
    void *ptr = calloc(1, size > 0 ? size : 1);

    if (!ptr) {
        (void)fputs("annex: out of memory\n", stderr);
        abort();
    }
    return ptr;
}

static bool alloc_is_refused(void)
{
    uint64_t left = atomic_load_explicit(&alloc_fault_left, memory_order_relaxed);

    if (left == 0)
        return false;
    if (atomic_fetch_sub(&alloc_fault_left, 1) != 1)
        return false;
    atomic_store(&alloc_fault_hit, true);
    return true;
}

void *ax_try_alloc(size_t size)
{
    if (alloc_is_refused())
        return NULL;
    return malloc(size > 0 ? size : 1);
}

void *ax_try_realloc(void *old, size_t size)
{
    if (alloc_is_refused())
        return NULL;
    return realloc(old, size > 0 ? size : 1);
}

char *ax_strdup(struct ax_str str)
{
    char *copy = ax_alloc(str.len + 1);

    if (str.len > 0)
        memcpy(copy, str.ptr, str.len);
    return copy;
}

void ax_fault_arm(uint64_t nth)
{
    atomic_store(&alloc_fault_hit, false);
    atomic_store(&alloc_fault_left, nth);
}

bool ax_fault_hit(void)
{
    return atomic_load(&alloc_fault_hit);
}

void ax_wipe(void *ptr, size_t len)
{
    if (len > 0)
        explicit_bzero(ptr, len);
}

void ax_auto_fd(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

void ax_fd_close(int *fd)
{
    ax_auto_fd(fd);
    *fd = -1;
}

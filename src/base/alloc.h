/* SPDX-License-Identifier: Apache-2.0 */
/* alloc.h - who gives memory, and who may be told no?
 *
 * Memory sized by us: ax_alloc(), which aborts when there is none. Memory sized by a tenant:
 * ax_try_alloc(), which can say no, and which tests refuse on purpose (ax_fault_arm). Freed with
 * free(). Any thread. */
#ifndef AX_BASE_ALLOC_H
#define AX_BASE_ALLOC_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

void *ax_alloc(size_t size) __attribute__((returns_nonnull, malloc)); /* zeroed; never NULL */
void *ax_try_alloc(size_t size) AX_CHECKED;                           /* not zeroed; or NULL */
void *ax_try_realloc(void *old, size_t size) AX_CHECKED;              /* or NULL, old untouched */
char *ax_strdup(struct ax_str str) __attribute__((returns_nonnull));  /* terminated copy */

/* Tests: the `nth` (from 1) refusable allocation of this process fails, once; 0 disarms.
 * ax_fault_hits() tells whether it did. */
void ax_fault_arm(uint64_t nth);
bool ax_fault_hit(void);

/* Overwrites memory that held a secret; the compiler may not drop it. */
void ax_wipe(void *ptr, size_t len);

/* Runs `cleaner(variable)` when the scope ends; the cleaner takes NULL. AX_TAKE moves out. */
#define AX_AUTO(cleaner) __attribute__((cleanup(ax_auto_##cleaner)))
#define AX_AUTO_DEFINE(type, cleaner)                \
    static inline void ax_auto_##cleaner(type *slot) \
    {                                                \
        if (*slot)                                   \
            cleaner(*slot);                          \
    }
#define AX_TAKE(variable)                            \
    ({                                               \
        __typeof__(variable) ax_taken_ = (variable); \
        (variable) = NULL;                           \
        ax_taken_;                                   \
    })
#define AX_CONTAINER_OF(member_ptr, type, member) \
    ((type *)(void *)((char *)(member_ptr) - offsetof(type, member)))
#define AX_ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

#define AX_AUTO_FREE __attribute__((cleanup(ax_auto_free_any)))
static inline void ax_auto_free_any(void *slot)
{
    free(*(void **)slot);
}

/* A descriptor that closes itself; -1 is none. */
#define AX_AUTO_FD __attribute__((cleanup(ax_auto_fd)))
void ax_auto_fd(const int *fd);
void ax_fd_close(int *fd); /* closes unless -1, sets -1 */

#endif

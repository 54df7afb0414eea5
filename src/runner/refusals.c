/* SPDX-License-Identifier: Apache-2.0 */
/* refusals.c - which bundles were refused a moment ago, and why?
 * A table that is walked: it is asked once for a module that is not loaded, never by a request. */
#include "runner/refusals.h"

#include "base/alloc.h"

#include <string.h>

struct refusal {
    uint64_t until_ms; /* 0: free */
    uint8_t hash[AX_CACHE_HASH];
    struct ax_err err;
};

struct ax_refusals {
    struct refusal rows[AX_REFUSALS_MAX];
};

struct ax_refusals *ax_refusals_new(void)
{
    return ax_alloc(sizeof(struct ax_refusals));
}

void ax_refusals_free(struct ax_refusals *refusals)
{
    free(refusals);
}

void ax_refusals_add(struct ax_refusals *refusals, const uint8_t hash[AX_CACHE_HASH],
                     const struct ax_err *err, uint64_t until_ms)
{
    struct refusal *room = &refusals->rows[0];

    for (size_t i = 0; i < AX_REFUSALS_MAX; i++) {
        struct refusal *row = &refusals->rows[i];

        if (row->until_ms > 0 && memcmp(row->hash, hash, AX_CACHE_HASH) == 0) {
            room = row;
            break;
        }
        if (row->until_ms < room->until_ms)
            room = row;
    }
    room->until_ms = until_ms;
    room->err = *err;
    memcpy(room->hash, hash, AX_CACHE_HASH);
}

const struct ax_err *ax_refusals_find(const struct ax_refusals *refusals,
                                      const uint8_t hash[AX_CACHE_HASH], uint64_t now_ms,
                                      uint64_t *ret_until_ms)
{
    for (size_t i = 0; i < AX_REFUSALS_MAX; i++) {
        const struct refusal *row = &refusals->rows[i];

        if (row->until_ms > now_ms && memcmp(row->hash, hash, AX_CACHE_HASH) == 0) {
            *ret_until_ms = row->until_ms;
            return &row->err;
        }
    }
    return NULL;
}

void ax_refusals_clear(struct ax_refusals *refusals)
{
    for (size_t i = 0; i < AX_REFUSALS_MAX; i++)
        refusals->rows[i].until_ms = 0;
}

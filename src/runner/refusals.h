/* SPDX-License-Identifier: Apache-2.0 */
/* refusals.h - which bundles were refused a moment ago, and why?
 *
 * A bounded memory of verdicts by content hash, so that a bundle which cannot be had is not fetched
 * and compiled again for every request. When it is full the entry that ends first makes room. One
 * thread. */
#ifndef AX_RUNNER_REFUSALS_H
#define AX_RUNNER_REFUSALS_H

#include "base/err.h"
#include "runner/cache.h"

#define AX_REFUSALS_MAX 1024

struct ax_refusals;

struct ax_refusals *ax_refusals_new(void);
void ax_refusals_free(struct ax_refusals *refusals); /* NULL is fine */

/* Times are of one monotonic clock, in ms. */
void ax_refusals_add(struct ax_refusals *refusals, const uint8_t hash[AX_CACHE_HASH],
                     const struct ax_err *err, uint64_t until_ms);
/* The verdict that stands at `now_ms`, borrowed until the next call; NULL: none. */
const struct ax_err *ax_refusals_find(const struct ax_refusals *refusals,
                                      const uint8_t hash[AX_CACHE_HASH], uint64_t now_ms,
                                      uint64_t *ret_until_ms);
void ax_refusals_clear(struct ax_refusals *refusals);

#endif

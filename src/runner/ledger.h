/* SPDX-License-Identifier: Apache-2.0 */
/* ledger.h - which cache entry goes when there is no room?
 *
 * What lies in the cache, in bytes, in the order of last use. Only arithmetic: whoever takes a
 * victim removes it from the disk. One thread; never blocks. */
#ifndef AX_RUNNER_LEDGER_H
#define AX_RUNNER_LEDGER_H

#include "runner/cache.h"

struct ax_ledger;

struct ax_ledger *ax_ledger_new(void);
void ax_ledger_free(struct ax_ledger *ledger); /* NULL is fine */

/* An entry was written or used, whether it is known or not: it is the last used one. */
void ax_ledger_put(struct ax_ledger *ledger, const uint8_t hash[AX_CACHE_HASH], uint64_t bytes);
void ax_ledger_remove(struct ax_ledger *ledger, const uint8_t hash[AX_CACHE_HASH]);
/* What was found at the start: older than all that is known, among itself by used_ns. Sorts
 * `found`. Entries that are known already stay as they are. */
void ax_ledger_found(struct ax_ledger *ledger, struct ax_cache_found *found, size_t count);

uint64_t ax_ledger_bytes(const struct ax_ledger *ledger);
size_t ax_ledger_count(const struct ax_ledger *ledger);
/* Takes out the entry that was not used for longest; 0 when there is none, else its bytes. */
uint64_t ax_ledger_take_oldest(struct ax_ledger *ledger, uint8_t ret_hash[AX_CACHE_HASH]);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* worker_count.h - how many workers does this runner have?
 *
 * The supervisor starts them, the front says in /readyz when some are missing: both ask here. */
#ifndef AX_RUNNER_WORKER_COUNT_H
#define AX_RUNNER_WORKER_COUNT_H

#include "base/settings.h"

#include <unistd.h>

/* The front keeps a bit for each worker in every unit; a bigger machine runs several runners. */
#define AX_WORKERS_MAX 64

/* RUNNER_WORKERS, or one for each processor; 1..AX_WORKERS_MAX. Needs a role that holds it. */
static inline uint32_t ax_worker_count(const struct ax_settings *settings)
{
    uint64_t asked = ax_settings_u64(settings, "RUNNER_WORKERS");
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    if (asked == 0)
        asked = processors > 0 ? (uint64_t)processors : 1;
    return asked < AX_WORKERS_MAX ? (uint32_t)asked : AX_WORKERS_MAX;
}

#endif

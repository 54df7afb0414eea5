/* SPDX-License-Identifier: Apache-2.0 */
/* worker.h - how are guests run by a process that holds nothing?
 *
 * The role "worker": loads machine code that the front sends, runs executions in slices, asks the
 * front for everything. It holds no key, no token, no network and no file. */
#ifndef AX_RUNNER_WORKER_H
#define AX_RUNNER_WORKER_H

#include "base/settings.h"

/* Runs until the supervisor lets go of the control socket. Returns the process' exit status.
 * `settings` is borrowed. */
int ax_worker_run(struct ax_settings *settings);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* loader.h - how does a content hash become checked machine code?
 *
 * The role "loader": the only one that reads the object store, the only one that holds the cache
 * and its key. It answers the front's GET with sealed machine code and the manifest, from the cache
 * or else from the store by way of a builder, once for all who wait for the same hash. */
#ifndef AX_RUNNER_LOADER_H
#define AX_RUNNER_LOADER_H

#include "base/settings.h"

/* Runs until it is drained or the supervisor lets go of the control socket. Returns the process'
 * exit status. `settings` is borrowed. */
int ax_loader_run(struct ax_settings *settings);

#endif

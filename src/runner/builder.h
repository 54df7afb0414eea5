/* SPDX-License-Identifier: Apache-2.0 */
/* builder.h - who opens a stranger's archive and compiles what is in it?
 *
 * The role "builder": takes one bundle, unpacks it, checks everything in it, compiles the module,
 * hands back files, manifest and machine code, and ends. It has no key, no network, no folder, and
 * the limits that contracts give to compiling. One thread. */
#ifndef AX_RUNNER_BUILDER_H
#define AX_RUNNER_BUILDER_H

#include "base/settings.h"

/* Runs until its one answer has left, or nobody wants it any more. Returns the process' exit
 * status. `settings` is borrowed. */
int ax_builder_run(struct ax_settings *settings);

#endif

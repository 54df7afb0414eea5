/* SPDX-License-Identifier: Apache-2.0 */
/* front.h - who answers the runner's callers?
 *
 * The role "front": HTTP, admission, host calls and egress. It parses what callers send and judges
 * what workers say; it has the network and the service token, and neither the store nor a guest. */
#ifndef AX_RUNNER_FRONT_H
#define AX_RUNNER_FRONT_H

#include "base/settings.h"

/* Runs until it is drained or the supervisor lets go of the control socket. Returns the process'
 * exit status. `settings` is borrowed. */
int ax_front_run(struct ax_settings *settings);

#endif

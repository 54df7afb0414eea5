/* SPDX-License-Identifier: Apache-2.0 */
/* supervisor.h - who starts everybody, and what happens when one of them ends?
 *
 * Holds the settings of all roles, opens folders and listeners, starts one front, one loader, the
 * workers and one idle builder, and hands them the sockets that they talk over. Parses nothing from
 * outside. SIGTERM, SIGINT: drain, then end; the second one ends at once. SIGHUP: read the settings
 * again. */
#ifndef AX_RUNNER_SUPERVISOR_H
#define AX_RUNNER_SUPERVISOR_H

#include <stdint.h>

struct ax_supervisor_times {
    uint64_t drain_ms;   /* that the front has for what runs */
    uint64_t end_ms;     /* that every role has to end by itself; then it is killed */
    uint64_t builder_ms; /* that a builder has for its job */
};
extern const struct ax_supervisor_times ax_supervisor_times; /* as promised */

/* Runs until a signal ends it. Returns the exit status: 0 drained (or --help, --check), 1 something
 * failed or was cut short, 2 the settings do not do. Call once per process. */
int ax_supervisor_run(int argc, char *const argv[], char *const envp[],
                      const struct ax_supervisor_times *times);

#endif

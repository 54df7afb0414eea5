/* SPDX-License-Identifier: Apache-2.0 */
/* start.h - may this runner start, with which folders and sockets, and as whom?
 *
 * The supervisor's first part: everything that can be judged from the settings without reading a
 * stranger's byte. What is missing refuses; nothing is guessed that would open a door. */
#ifndef AX_RUNNER_START_H
#define AX_RUNNER_START_H

#include "base/err.h"
#include "base/settings.h"
#include "runner/listener.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum ax_start_role { AX_START_FRONT, AX_START_LOADER, AX_START_BUILDER, AX_START_WORKER };
#define AX_START_ROLES 4

struct ax_start {
    uid_t uids[AX_START_ROLES]; /* group ids are the same numbers; all 0: as we are */
    int cache_fd, state_fd;     /* folders of the loader's */
    int store_fd;               /* of a store in a folder; -1: another kind, or none */
    struct ax_listening private_listener, public_listener;
    uint32_t workers, compile_jobs;
};

/* What the settings alone say. AX_E_INVALID_REQUEST with one sentence when they do not do. */
AX_CHECKED enum ax_code ax_start_check(const struct ax_settings *settings, bool is_root,
                                       struct ax_err *err);

/* Puts the text of trust bundles and certificates in the place of their paths: the roles that use
 * them may not be able to read them. Blocks. */
AX_CHECKED enum ax_code ax_start_read_trust(struct ax_settings *settings, struct ax_err *err);

/* Checks, makes and opens folders, opens listeners. On AX_OK ax_start_close() it. A folder that is
 * there already is taken over only when it is the loader's own or empty, so that a slip of the pen
 * gives nobody's home away. */
AX_CHECKED enum ax_code ax_start_open(const struct ax_settings *settings,
                                      struct ax_start *ret_start, struct ax_err *err);
/* Closes our descriptors of the listeners: what the front does not accept is refused, not kept. */
void ax_start_stop_listeners(struct ax_start *start);
void ax_start_close(struct ax_start *start);

/* Names this process in its log lines, at the level that the settings ask for. */
void ax_start_log(const struct ax_settings *settings, const char *role);

#endif

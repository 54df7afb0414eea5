/* SPDX-License-Identifier: Apache-2.0 */
/* role.h - how does a supervisor start a process, and how does that process begin?
 *
 * A role is a fresh exec of the same binary: argv is "<program>" "role" "<name>", the environment
 * is empty, there is no capability and no way to one; descriptor 3 is the control socket, 4 a sealed
 * memfd with the settings that the role may hold, 0 is /dev/null, 1 and 2 are the log; nothing else
 * is open. */
#ifndef AX_LOOP_ROLE_H
#define AX_LOOP_ROLE_H

#include "base/settings.h"
#include "loop/loop.h"

#include <sys/types.h>

#define AX_ROLE_CONTROL_FD  3
#define AX_ROLE_SETTINGS_FD 4

/* --- in the supervisor --- */

struct ax_child; /* one running process */

struct ax_child_spec {
    const char *role;                   /* "front"; also the process title's end */
    const struct ax_settings *settings; /* the supervisor's; packed for `role_bit` */
    unsigned role_bit;                  /* enum ax_role_bit */
    uid_t uid;                          /* 0: stay who we are; needs root */
    gid_t gid;
};

/* Starts it; returns when the new program runs or `err` says what kept it from that (AX_E_IO). On
 * AX_OK *ret_child is yours and *ret_control is the supervisor's end of the control socket (yours
 * too). on_exit comes once, with the wait status; then free the child. The process is killed when
 * the thread that started it ends. */
AX_CHECKED enum ax_code ax_child_start(struct ax_loop *loop, const struct ax_child_spec *spec,
                                       void (*on_exit)(struct ax_child *child, int status,
                                                       void *arg),
                                       void *arg, struct ax_child **ret_child, int *ret_control,
                                       struct ax_err *err);
pid_t ax_child_pid(const struct ax_child *child);
void ax_child_kill(struct ax_child *child, int signal); /* after on_exit: nothing */
/* After on_exit, or to let go of a running child (it is killed). NULL is fine. */
void ax_child_free(struct ax_child *child);

/* A sealed (write, grow, shrink, seal) memfd with the settings of `role_bit`. */
AX_CHECKED enum ax_code ax_role_settings_fd(const struct ax_settings *settings, unsigned role_bit,
                                            int *ret_fd);

/* --- in the role --- */

struct ax_role_limits { /* 0: leave as it is */
    uint64_t files;     /* RLIMIT_NOFILE */
    uint64_t cpu_s;     /* RLIMIT_CPU */
    uint64_t data;      /* RLIMIT_DATA, bytes */
    uint64_t address;   /* RLIMIT_AS, bytes */
    uint64_t processes; /* RLIMIT_NPROC is not set when 0 */
    int nice;
};

/* Is this process a role? Then *ret_name is its name ("front"). */
bool ax_role_from_args(int argc, char *const argv[], const char **ret_name);

/* Reads the settings from descriptor 4 and closes it. */
AX_CHECKED enum ax_code ax_role_settings(struct ax_settings **ret_settings, struct ax_err *err);
/* As above from `fd`, which is taken over: what a reload brings. AX_E_INVALID_REQUEST when it is
 * not a sealed memfd of ours. */
AX_CHECKED enum ax_code ax_role_settings_take(int fd, struct ax_settings **ret_settings,
                                              struct ax_err *err);

/* Does this role run as another user than its supervisor? Supervisors give every kind of role a
 * user of its own or none. */
bool ax_role_has_own_user(void);

/* The order of sealing (design, processes): call when engine, pool and ticker exist and before the
 * first byte from outside is read. Closes every descriptor but 0-4 and `keep`, makes the process
 * not dumpable, sets no_new_privs, drops all capabilities, sets the limits and RLIMIT_CORE 0.
 * Landlock and seccomp have their place at its end. AX_E_IO when any step fails: then exit.
 * Make the loop after it: a loop has descriptors that only libuv knows, and they would be closed. */
AX_CHECKED enum ax_code ax_role_seal(const struct ax_role_limits *limits, const int *keep,
                                     size_t keep_count, struct ax_err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* listener.h - where do requests come in?
 *
 * The supervisor opens the listening sockets and keeps them, so that they outlive the role that
 * accepts on them. Four forms: "127.0.0.1:8090" (a port alone means 127.0.0.1), "[::1]:8090",
 * "unix:/path", "fd:N" (a socket that a service manager has opened). Addresses are numbers, or
 * "localhost"; names would be answered by others. */
#ifndef AX_RUNNER_LISTENER_H
#define AX_RUNNER_LISTENER_H

#include "base/err.h"
#include "base/str.h"

struct ax_listening {
    int fd;            /* listening, close-on-exec; -1: none */
    bool local;        /* loopback or a Unix socket: nobody from another machine gets here */
    char address[128]; /* as it is, for people: "127.0.0.1:41234" when port 0 was asked for */
    char *path;        /* of a Unix socket that we made, or NULL */
};

/* Opens what `where` says. A Unix socket that nobody listens on any more is replaced, mode 0660.
 * On AX_OK ax_listening_close() it. AX_E_INVALID_REQUEST: not one of the forms; AX_E_IO: the system
 * refuses, `err` says why. May block for a moment. */
AX_CHECKED enum ax_code ax_listening_open(struct ax_str where, struct ax_listening *ret_listening,
                                          struct ax_err *err);
/* Closes the descriptor; others that have one may go on. */
void ax_listening_stop(struct ax_listening *listening);
/* Also removes the Unix socket's file, unless another process listens there by now. With fd -1
 * nothing happens. */
void ax_listening_close(struct ax_listening *listening);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* beneath.h - how is a file opened that must lie where we think it lies? */
#ifndef AX_STORE_BENEATH_H
#define AX_STORE_BENEATH_H

#include <sys/types.h>

/* Opens `path` below `dir_fd` with O_CLOEXEC: no component may be a symbolic link, lead out of the
 * folder or onto another file system. A descriptor, or -1 with errno. Needs openat2 (Linux 5.6). */
int ax_open_beneath(int dir_fd, const char *path, int flags, mode_t mode);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* memfd.h - how do bytes travel between processes so that nobody can change them?
 *
 * A memfd is made with its size, filled through a mapping, then sealed against write, grow, shrink
 * and further seals. Who receives one checks the seals before it looks at a byte: from then on the
 * bytes are the same for everybody, for good. Any thread; nothing here waits. */
#ifndef AX_STORE_MEMFD_H
#define AX_STORE_MEMFD_H

#include "base/err.h"
#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

struct ax_memfd {
    int fd;       /* -1: none */
    uint8_t *ptr; /* the mapping; NULL when not mapped or when size is 0 */
    size_t size;
};

/* A new memfd of `size` bytes, mapped for writing. On AX_OK *ret is yours: ax_memfd_done(). AX_E_IO
 * when the system refuses. */
AX_CHECKED enum ax_code ax_memfd_new(const char *name, size_t size, struct ax_memfd *ret);

/* Writes behind what is there; for a memfd that was made with size 0, whose mapping stays empty. */
AX_CHECKED enum ax_code ax_memfd_append(struct ax_memfd *memfd, struct ax_str bytes);

/* Ends writing: unmaps, cuts to `size` (at most what it was), seals. */
AX_CHECKED enum ax_code ax_memfd_seal(struct ax_memfd *memfd, size_t size);

/* Maps `fd` (yours still; not closed by ax_memfd_done) for reading after checking that it is sealed
 * for good and holds at most `max` bytes. AX_E_INVALID_REQUEST, AX_E_TOO_BIG, AX_E_IO. */
AX_CHECKED enum ax_code ax_memfd_view(int fd, size_t max, struct ax_memfd *ret);

struct ax_str ax_memfd_str(const struct ax_memfd *memfd);

/* Moves the descriptor out and unmaps. */
int ax_memfd_take(struct ax_memfd *memfd);
/* Unmaps; closes the descriptor of ax_memfd_new(). Half-made is fine, again is fine. */
void ax_memfd_done(struct ax_memfd *memfd);

#define AX_AUTO_MEMFD __attribute__((cleanup(ax_memfd_done)))
#define AX_MEMFD_NONE ((struct ax_memfd){ .fd = -1 })

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* buf.h - how do we own bytes whose number somebody else decides?
 *
 * A struct ax_buf grows up to a hard maximum that it is born with; beyond it an append says
 * AX_E_TOO_BIG before it allocates, and AX_E_NO_MEMORY when memory is refused. A failed append
 * leaves the contents unchanged and is sticky: `failed` keeps the first code, later appends return
 * it, so a writer may append many times and look once. Zero-initialised with a max is fine. */
#ifndef AX_BASE_BUF_H
#define AX_BASE_BUF_H

#include "base/alloc.h"
#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

struct ax_buf {
    char *ptr;
    size_t len;
    size_t cap;
    size_t max;
    enum ax_code failed;
};

void ax_buf_init(struct ax_buf *buf, size_t max);
void ax_buf_done(struct ax_buf *buf);  /* frees; the buffer may be used again with its max */
void ax_buf_clear(struct ax_buf *buf); /* len 0, failed AX_OK, keeps the memory */
void ax_buf_wipe(struct ax_buf *buf);  /* overwrites the contents, then frees */

enum ax_code ax_buf_append(struct ax_buf *buf, const void *bytes, size_t len);
enum ax_code ax_buf_append_str(struct ax_buf *buf, struct ax_str str);
enum ax_code ax_buf_append_byte(struct ax_buf *buf, char byte);
enum ax_code ax_buf_printf(struct ax_buf *buf, const char *fmt, ...) AX_FORMAT(2, 3);
enum ax_code ax_buf_append_u64(struct ax_buf *buf, uint64_t value); /* decimal */

/* Room for `len` more bytes at the end; *ret_room is valid until the next call. Write there, then
 * ax_buf_advance(). */
AX_CHECKED enum ax_code ax_buf_reserve(struct ax_buf *buf, size_t len, char **ret_room);
void ax_buf_advance(struct ax_buf *buf, size_t len);

/* Drops the first `len` bytes. */
void ax_buf_consume(struct ax_buf *buf, size_t len);

struct ax_str ax_buf_str(const struct ax_buf *buf); /* borrowed until the next change */

#define AX_AUTO_BUF __attribute__((cleanup(ax_buf_done)))

#endif

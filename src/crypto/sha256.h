/* SPDX-License-Identifier: Apache-2.0 */
/* sha256.h - which bytes are these? */
#ifndef AX_CRYPTO_SHA256_H
#define AX_CRYPTO_SHA256_H

#include "base/alloc.h"
#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

#define AX_SHA256_LEN 32

/* All at once; never fails. */
void ax_sha256(struct ax_str bytes, uint8_t ret_digest[AX_SHA256_LEN]);

/* Hashing in pieces. Zero-initialised is a valid "not begun"; _init begins (also anew), _final ends
 * and may be followed by _init. _done frees and takes what was never begun. One thread at a time;
 * aborts when there is no memory for 400 bytes. */
struct ax_sha256 {
    void *ctx_;
};
void ax_sha256_init(struct ax_sha256 *sha);
void ax_sha256_update(struct ax_sha256 *sha, const void *bytes, size_t len);
void ax_sha256_final(struct ax_sha256 *sha, uint8_t ret_digest[AX_SHA256_LEN]);
void ax_sha256_done(struct ax_sha256 *sha);

#define AX_AUTO_SHA256 __attribute__((cleanup(ax_sha256_done)))

/* Hashes bytes [0, size) of `fd` with pread, so the descriptor's offset stays. Fails with AX_E_IO
 * (also when the file is shorter than `size`). Blocks on the file. */
AX_CHECKED enum ax_code ax_sha256_fd(int fd, uint64_t size, uint8_t ret_digest[AX_SHA256_LEN],
                                     struct ax_err *err);

#endif

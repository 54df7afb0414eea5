/* SPDX-License-Identifier: Apache-2.0 */
/* hmac.h - did we ourselves write these bytes? HMAC-SHA256. */
#ifndef AX_CRYPTO_HMAC_H
#define AX_CRYPTO_HMAC_H

#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

#define AX_HMAC_LEN 32

void ax_hmac(struct ax_str key, struct ax_str bytes, uint8_t ret_tag[AX_HMAC_LEN]);
/* In time that does not depend on the tag's contents. */
AX_CHECKED bool ax_hmac_verify(struct ax_str key, struct ax_str bytes,
                               const uint8_t tag[AX_HMAC_LEN]);

/* In pieces: _init, any number of _update, then _final or _check once; _done frees, wipes the key,
 * and takes what was never begun (zero-initialised). The key is copied. */
struct ax_hmac {
    void *ctx_;
};
void ax_hmac_init(struct ax_hmac *hmac, struct ax_str key);
void ax_hmac_update(struct ax_hmac *hmac, const void *bytes, size_t len);
/* A length as 8 little-endian bytes, then the bytes: fields cannot run into each other. */
void ax_hmac_update_field(struct ax_hmac *hmac, struct ax_str field);
void ax_hmac_final(struct ax_hmac *hmac, uint8_t ret_tag[AX_HMAC_LEN]);
AX_CHECKED bool ax_hmac_check(struct ax_hmac *hmac, const uint8_t tag[AX_HMAC_LEN]);
void ax_hmac_done(struct ax_hmac *hmac);

#define AX_AUTO_HMAC __attribute__((cleanup(ax_hmac_done)))

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* digest.h - how is a content hash written?
 *
 * One parser to 32 bytes at the edge, only bytes inside, one printer. All functions are pure. */
#ifndef AX_BUNDLE_DIGEST_H
#define AX_BUNDLE_DIGEST_H

#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

struct ax_digest {
    uint8_t bytes[32]; /* SHA-256 */
};

#define AX_DIGEST_HEX_LEN  64
#define AX_DIGEST_TEXT_LEN 71 /* "sha256:" and the hex */

/* Accepts `sha256:<64 hex>`, `sha256%3A<64 hex>` and bare hex; upper case is folded everywhere.
 * Anything else is false and leaves *ret_digest alone. */
AX_CHECKED bool ax_digest_parse(struct ax_str text, struct ax_digest *ret_digest);
/* Only what ax_digest_print() writes: for signed statements, where each value has one spelling. */
AX_CHECKED bool ax_digest_parse_exact(struct ax_str text, struct ax_digest *ret_digest);

/* `sha256:<64 lower hex>`, for APIs and people; bare lower hex, for keys and folders. Terminated. */
void ax_digest_print(const struct ax_digest *digest, char room[AX_DIGEST_TEXT_LEN + 1]);
void ax_digest_hex(const struct ax_digest *digest, char room[AX_DIGEST_HEX_LEN + 1]);

bool ax_digest_eq(const struct ax_digest *a, const struct ax_digest *b);

/* The SHA-256 of `bytes`. */
struct ax_digest ax_digest_of(struct ax_str bytes);

#endif

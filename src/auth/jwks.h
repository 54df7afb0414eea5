/* SPDX-License-Identifier: Apache-2.0 */
/* jwks.h - whose signatures on tokens do we believe?
 *
 * A JSON Web Key Set (RFC 7517). Each key fixes its algorithm, no token does: an RSA key is for PS256
 * when its `alg` says so and for RS256 otherwise, a P-256 key for ES256. A set never changes; new
 * keys are a new set. Any thread may use one. */
#ifndef AX_AUTH_JWKS_H
#define AX_AUTH_JWKS_H

#include "base/alloc.h"
#include "base/err.h"
#include "base/str.h"

#define AX_JWKS_BYTES_MAX (256 * 1024)
#define AX_JWKS_KEYS_MAX  64
#define AX_JWK_KID_MAX    256
#define AX_RSA_BITS_MIN   2048
#define AX_RSA_BITS_MAX   8192 /* a verification costs its square */

struct ax_jwks;

/* Wakes up what verifying needs (OpenSSL; a seed read from /dev/urandom): a role that seals itself
 * calls it before. Idempotent, any thread; every function here that needs it calls it. */
void ax_auth_init(void);

/* Reads `text` (borrowed for the call). On AX_OK *ret_keys is yours: ax_jwks_free().
 *
 * Left out and counted, because issuers publish them beside the keys that we need: keys for other
 * uses (`use`, `key_ops`) and of types, curves and algorithms that are not ours. The whole set is
 * refused with AX_E_INVALID_REQUEST, and the pointer of `err` names the culprit, when it is not
 * strict JSON, holds more than AX_JWKS_KEYS_MAX keys, the same `kid` twice, a private part, a
 * symmetric key, a weak or malformed key, an `alg` that contradicts the key, or no key that we can
 * use; AX_E_TOO_BIG over AX_JWKS_BYTES_MAX; AX_E_NO_MEMORY. */
AX_CHECKED enum ax_code ax_jwks_parse(struct ax_str text, struct ax_jwks **ret_keys,
                                      struct ax_err *err);
void ax_jwks_free(struct ax_jwks *keys);
AX_AUTO_DEFINE(struct ax_jwks *, ax_jwks_free)

size_t ax_jwks_count(const struct ax_jwks *keys);    /* that can verify, at least 1 */
size_t ax_jwks_left_out(const struct ax_jwks *keys); /* see above */

/* Differs between any two sets of this process, and grows. */
uint64_t ax_jwks_generation(const struct ax_jwks *keys);

#endif

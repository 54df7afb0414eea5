/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h - what do this folder's files share? */
#ifndef AX_AUTH_INTERNAL_H
#define AX_AUTH_INTERNAL_H

#include "auth/jwks.h"
#include "base/json.h"
#include "base/map.h"

#include <cjose/cjose.h>

enum ax_jws_alg { AX_JWS_NONE, AX_JWS_RS256, AX_JWS_PS256, AX_JWS_ES256 };

struct ax_jwk {
    struct ax_map_node node; /* by kid, when it has one */
    char *kid;
    enum ax_jws_alg alg; /* AX_JWS_NONE: left out */
    size_t signature_len;
    cjose_jwk_t *key;
};

/* The key for a token that names `kid` (AX_STR_NONE: none) and says `alg`; NULL when there is none,
 * or more than one. Without a kid, the only key of that algorithm. */
const struct ax_jwk *ax_jwks_pick(const struct ax_jwks *keys, struct ax_str kid,
                                  enum ax_jws_alg alg);

/* AX_JWS_NONE for every name but our three, which are case-sensitive. */
enum ax_jws_alg ax_jws_alg_of(struct ax_str name);

#define AX_JWS_BYTES_MAX 8192

/* Opens a compact JWS: shape, header, key, signature, and only then is its payload read. `types` are
 * the values that `typ` may have (an empty one: it may be missing). On AX_OK *ret_payload is yours, a
 * JSON object. Fails with AX_E_UNAUTHENTICATED and words for the log, AX_E_NO_MEMORY. */
AX_CHECKED enum ax_code ax_jws_open(struct ax_str token, const struct ax_jwks *keys,
                                    const struct ax_str *types, size_t type_count,
                                    struct ax_json **ret_payload, struct ax_err *err);

struct ax_jws_terms {
    struct ax_str issuer;
    struct ax_str audience;
    int64_t skew_s; /* how far the issuer's clock may be off */
    int64_t now_s;
};
/* Checks `iss`, `aud`, `exp`, `nbf`, `iat`; *ret_expires_s is `exp`. Fails as above; the pointer of
 * `err` names the claim. */
AX_CHECKED enum ax_code ax_jws_check(const struct ax_json_value *payload,
                                     const struct ax_jws_terms *terms, int64_t *ret_expires_s,
                                     struct ax_err *err);

/* The text of claim `name`, borrowed from the payload; missing, null and empty give AX_STR_NONE.
 * Fails as above: another type, more than `len_max` bytes, control characters. */
AX_CHECKED enum ax_code ax_jws_text(const struct ax_json_value *payload, struct ax_str name,
                                    size_t len_max, struct ax_str *ret_text, struct ax_err *err);
/* May this text be a claim's? Up to `len_max` bytes without control characters. */
bool ax_jws_text_ok(struct ax_str text, size_t len_max);

#endif

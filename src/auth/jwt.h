/* SPDX-License-Identifier: Apache-2.0 */
/* jwt.h - who is calling, by the word of the issuer?
 *
 * A compact JWS (RFC 7515, 7519) of at most AX_JWT_BYTES_MAX. The key decides the algorithm; of the
 * header only alg, kid and typ are read, and crit, b64, jku, jwk, x5u, x5c refuse the token. The
 * payload is not looked at before the signature was found right. Pure; any thread; a verification
 * costs 15 to 70 us: see token_memory.h. */
#ifndef AX_AUTH_JWT_H
#define AX_AUTH_JWT_H

#include "auth/claims.h"
#include "auth/jwks.h"

#define AX_JWT_BYTES_MAX   8192
#define AX_JWT_SKEW_S      60 /* how far the issuer's clock may be off */
#define AX_JWT_SUBJECT_MAX 256
#define AX_JWT_TENANT_MAX  128
#define AX_JWT_ROLE_MAX    256
#define AX_JWT_TEXT_MAX    1024 /* bytes of email, name and the like */

/* What a token must say, and where: the texts of the settings, borrowed for as long as it is used. */
struct ax_jwt_rules {
    struct ax_str issuer;       /* AUTH_ISSUER: `iss` equals it */
    struct ax_str audience;     /* AUTH_AUDIENCE: `aud` equals it, or is a list that has it */
    struct ax_str claim_tenant; /* AUTH_CLAIM_TENANT */
    struct ax_str claim_roles;  /* AUTH_CLAIM_ROLES: a list of strings, or one string with spaces */
    struct ax_str claims_extra; /* AUTH_CLAIMS_EXTRA: names, comma between; AX_STR_NONE: none */
};

/* Are these rules that ax_jwt_verify() can work with? AX_E_INVALID_REQUEST: an issuer, audience or
 * name is missing, or the extra names are more than AX_CLAIMS_EXTRAS_MAX, empty or twice the same. */
AX_CHECKED enum ax_code ax_jwt_rules_check(const struct ax_jwt_rules *rules, struct ax_err *err);

/* Verifies `token` as of `now_s` (Unix time). Valid while now_s < exp + skew and not before
 * nbf - skew. On AX_OK *ret_claims is yours: ax_claims_unref(). Fails with AX_E_NO_MEMORY or
 * AX_E_UNAUTHENTICATED; then the words of `err` say which check failed, for the log and not for the
 * caller, they quote nothing of the token, and its pointer is AX_JWT_AT_KID when no key of the set
 * fits the token: it may be time to fetch keys anew. */
#define AX_JWT_AT_KID "/kid"
AX_CHECKED enum ax_code ax_jwt_verify(struct ax_str token, const struct ax_jwks *keys,
                                      const struct ax_jwt_rules *rules, int64_t now_s,
                                      struct ax_claims **ret_claims, struct ax_err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* exec_token.h - on whose behalf does this execution ask?
 *
 * A compact JWS, ES256, `typ: annex-exec+jwt`, so that it is never taken for a user's token nor a
 * user's for it. The gateway's edge signs; host services and providers verify with the published key
 * set. Claims: iss, aud, exp, tenant, extension, install, version, hash, caps, exec, user. */
#ifndef AX_AUTH_EXEC_TOKEN_H
#define AX_AUTH_EXEC_TOKEN_H

#include "auth/jwks.h"
#include "base/buf.h"
#include "crypto/key.h"

#define AX_EXEC_TOKEN_BYTES_MAX 8192
#define AX_EXEC_TOKEN_TEXT_MAX  256 /* bytes of each claim */
#define AX_EXEC_TOKEN_CAPS_MAX  64
#define AX_EXEC_TOKEN_SKEW_S    5 /* `exp` itself lies some seconds after the deadline */
#define AX_EXEC_AUDIENCE_HOST   AX_STR("annex-host")

struct ax_exec_claims {
    struct ax_str tenant;
    struct ax_str extension;
    struct ax_str install;
    struct ax_str version;
    struct ax_str hash;
    struct ax_str exec; /* the execution, or the first of those that share the token */
    struct ax_str user; /* AX_STR_NONE: nobody's, the install runs for itself */
    struct ax_str caps[AX_EXEC_TOKEN_CAPS_MAX];
    size_t cap_count;
    int64_t expires_s; /* Unix time */
};

/* ---- signing ---- */

struct ax_exec_signer;

/* Takes over `key`, on failure too; AX_E_INVALID_REQUEST unless it is a P-256 key. The key's name in
 * tokens and key set is its id. On AX_OK *ret_signer is yours; one thread or many. */
AX_CHECKED enum ax_code ax_exec_signer_new(struct ax_private_key *key,
                                           struct ax_exec_signer **ret_signer, struct ax_err *err);
void ax_exec_signer_free(struct ax_exec_signer *signer); /* wipes */
AX_AUTO_DEFINE(struct ax_exec_signer *, ax_exec_signer_free)
const struct ax_public_key *ax_exec_signer_public(const struct ax_exec_signer *signer);

/* Appends a token for exactly one `audience`: AX_EXEC_AUDIENCE_HOST or a provider's interface. About
 * 25 us. AX_E_INVALID_REQUEST: a claim (but `user`) is empty, or one is too long or has control
 * characters; AX_E_TOO_BIG: the token would have more than AX_EXEC_TOKEN_BYTES_MAX; or what `buf`
 * says. */
AX_CHECKED enum ax_code ax_exec_token_sign(const struct ax_exec_signer *signer,
                                           struct ax_str issuer, struct ax_str audience,
                                           const struct ax_exec_claims *claims, struct ax_buf *buf,
                                           struct ax_err *err);

/* Appends the key set that verifies what these keys sign, all P-256: while a key is replaced, the old
 * and the new one. */
enum ax_code ax_exec_jwks_write(const struct ax_public_key *const *keys, size_t count,
                                struct ax_buf *buf);

/* ---- verifying ---- */

/* A token's claims and the memory that they are borrowed from. */
struct ax_exec_token;

/* Verifies `token` as of `now_s`: signature, kind, issuer, its one audience, expiry, and that every
 * claim is there but `user`. On AX_OK *ret_token is yours. AX_E_UNAUTHENTICATED with words for the
 * log, AX_E_NO_MEMORY. */
AX_CHECKED enum ax_code ax_exec_token_verify(struct ax_str token, const struct ax_jwks *keys,
                                             struct ax_str issuer, struct ax_str audience,
                                             int64_t now_s, struct ax_exec_token **ret_token,
                                             struct ax_err *err);
void ax_exec_token_free(struct ax_exec_token *token);
AX_AUTO_DEFINE(struct ax_exec_token *, ax_exec_token_free)
const struct ax_exec_claims *ax_exec_token_claims(const struct ax_exec_token *token);

/* Does the token carry this capability? */
AX_CHECKED bool ax_exec_claims_have(const struct ax_exec_claims *claims, struct ax_str capability);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* test_kit.h - how do this folder's tests play the issuer, and the forger? */
#ifndef AX_AUTH_TEST_KIT_H
#define AX_AUTH_TEST_KIT_H

#include "auth/exec_token.h"
#include "auth/jwt.h"
#include "base/test.h"

#include <cjose/cjose.h>

#define KIT_ISSUER   "https://issuer.example"
#define KIT_AUDIENCE "annex"
#define KIT_NOW      INT64_C(1000000)
/* A header for the kit's P-256 key, and a payload that is valid at KIT_NOW; both take more members. */
#define KIT_HEADER "{\"alg\":\"ES256\",\"kid\":\"k1\"}"
#define KIT_CLAIMS(more)                                                      \
    "{\"iss\":\"" KIT_ISSUER "\",\"aud\":\"" KIT_AUDIENCE "\",\"sub\":\"u1\"" \
    ",\"exp\":1000100" more "}"

/* Appends base64url of a text. */
void kit_part(struct ax_buf *buf, struct ax_str bytes);

/* ---- P-256: any bytes as header and payload, properly signed ---- */
struct ax_private_key *kit_ec_key(void);
/* Replaces the buffer's contents by "header.payload.signature". */
struct ax_str kit_sign(struct ax_buf *buf, const struct ax_private_key *key, struct ax_str header,
                       struct ax_str payload);
/* The same with this third part. */
struct ax_str kit_join(struct ax_buf *buf, struct ax_str header, struct ax_str payload,
                       struct ax_str signature);
/* Appends the public key as a JWK with these members ("\"kid\":\"k1\"") before its numbers. */
void kit_ec_jwk(struct ax_buf *buf, const struct ax_private_key *key, const char *members);

/* ---- RSA, by cjose ---- */
cjose_jwk_t *kit_rsa_key(size_t bits);
struct ax_str kit_rsa_sign(struct ax_buf *buf, const cjose_jwk_t *key, const char *alg,
                           const char *kid, const char *payload);
/* Its n or e in base64url; yours to free. */
char *kit_rsa_number(const cjose_jwk_t *key, const char *name);
void kit_rsa_jwk(struct ax_buf *buf, const cjose_jwk_t *key, const char *members);

/* ---- a set of one P-256 key named k1, and our rules ---- */
struct kit {
    struct ax_private_key *key;
    struct ax_jwks *keys;
    struct ax_jwt_rules rules;
    struct ax_buf token;
    struct ax_err err;
    int64_t now_s;
};
void kit_init(struct kit *kit);
void kit_done(struct kit *kit);
/* A set of these JWKs (comma between); yours. */
struct ax_jwks *kit_keys(struct ax_str jwks);

/* What becomes of a token: the code; the claims are dropped. */
enum ax_code kit_try(struct kit *kit, struct ax_str token);
/* The token must be refused, and the words for the log must hold `words`. */
void kit_refused(struct kit *kit, struct ax_str token, const char *words);
void kit_accepted(struct kit *kit, struct ax_str token);

#endif

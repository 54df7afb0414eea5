/* SPDX-License-Identifier: Apache-2.0 */
/* key.h - who signed this?
 *
 * Ed25519 and ECDSA P-256 with SHA-256. A key knows its algorithm and nothing else decides it. A
 * signature is exactly 64 bytes: R and S of RFC 8032, or r and s of ECDSA as 32 big-endian bytes
 * each. A key has one spelling: SubjectPublicKeyInfo in its shortest form (P-256 uncompressed, named
 * curve); everything else is refused at load, and so are Ed25519 points of small order or not in
 * canonical form. Objects are immutable: any thread may use them. Nothing here blocks. */
#ifndef AX_CRYPTO_KEY_H
#define AX_CRYPTO_KEY_H

#include "base/alloc.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

enum ax_key_type { AX_KEY_ED25519, AX_KEY_P256 };

#define AX_KEY_PEM_MAX   1024
#define AX_KEY_ID_LEN    64 /* lower hex of the SHA-256 of the SubjectPublicKeyInfo */
#define AX_SIGNATURE_LEN 64

struct ax_public_key;
struct ax_private_key;

const char *ax_key_type_name(enum ax_key_type type); /* "ed25519", "p256" */

/* Reads DER. On AX_OK *ret_key is yours: ax_public_key_free(). AX_E_INVALID_REQUEST otherwise. */
AX_CHECKED enum ax_code ax_public_key_from_spki(struct ax_str der, struct ax_public_key **ret_key,
                                                struct ax_err *err);
/* As above for the key inside an X.509 certificate, whose notAfter goes to *ret_not_after_s (Unix
 * time). Nothing else of the certificate counts. */
AX_CHECKED enum ax_code ax_public_key_from_certificate(struct ax_str der, int64_t *ret_not_after_s,
                                                       struct ax_public_key **ret_key,
                                                       struct ax_err *err);
/* One PEM block "PUBLIC KEY" and nothing else. */
AX_CHECKED enum ax_code ax_public_key_from_pem(struct ax_str pem, struct ax_public_key **ret_key,
                                               struct ax_err *err);
void ax_public_key_free(struct ax_public_key *key);
AX_AUTO_DEFINE(struct ax_public_key *, ax_public_key_free)

enum ax_key_type ax_public_key_type(const struct ax_public_key *key);
struct ax_str ax_public_key_id(const struct ax_public_key *key);   /* AX_KEY_ID_LEN characters */
struct ax_str ax_public_key_spki(const struct ax_public_key *key); /* DER, borrowed from the key */
enum ax_code ax_public_key_to_pem(const struct ax_public_key *key, struct ax_buf *buf);

/* True when `signature` is one of `message` by this key. */
AX_CHECKED bool ax_public_key_verify(const struct ax_public_key *key, struct ax_str message,
                                     struct ax_str signature);

AX_CHECKED enum ax_code ax_private_key_generate(enum ax_key_type type,
                                                struct ax_private_key **ret_key,
                                                struct ax_err *err);
/* One PEM block "PRIVATE KEY" (PKCS#8, not encrypted) and nothing else. The message never repeats
 * the input. */
AX_CHECKED enum ax_code ax_private_key_from_pem(struct ax_str pem, struct ax_private_key **ret_key,
                                                struct ax_err *err);
void ax_private_key_free(struct ax_private_key *key); /* wipes */
AX_AUTO_DEFINE(struct ax_private_key *, ax_private_key_free)

const struct ax_public_key *ax_private_key_public(const struct ax_private_key *key); /* borrowed */
/* Appends PEM to a buffer with room for AX_KEY_PEM_MAX; the caller ends it with ax_buf_wipe(). */
enum ax_code ax_private_key_to_pem(const struct ax_private_key *key, struct ax_buf *buf);

void ax_private_key_sign(const struct ax_private_key *key, struct ax_str message,
                         uint8_t ret_signature[AX_SIGNATURE_LEN]);

#endif

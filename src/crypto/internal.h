/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h - what do this folder's files share? */
#ifndef AX_CRYPTO_INTERNAL_H
#define AX_CRYPTO_INTERNAL_H

#include <openssl/evp.h>

/* Fetched once; live as long as the process. */
const EVP_MD *ax_crypto_sha256(void);
EVP_MAC *ax_crypto_hmac(void);

/* For calls that fail only when memory is gone or OpenSSL is broken: no answer would be right. */
void ax_crypto_must(int ok, const char *what);

#endif

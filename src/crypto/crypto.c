/* SPDX-License-Identifier: Apache-2.0 */
/* crypto.c - when does OpenSSL wake up? */
#include "crypto/crypto.h"

#include "crypto/internal.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static EVP_MD *crypto_md;
static EVP_MAC *crypto_mac;

void ax_crypto_must(int ok, const char *what)
{
    if (ok > 0)
        return;
    fprintf(stderr, "crypto: %s failed\n", what);
    abort();
}

static void crypto_start(void)
{
    ax_crypto_must(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL), "OpenSSL");
    crypto_md = EVP_MD_fetch(NULL, "SHA256", NULL);
    ax_crypto_must(crypto_md != NULL, "SHA-256");
    crypto_mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    ax_crypto_must(crypto_mac != NULL, "HMAC");
}

void ax_crypto_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, crypto_start);
}

void ax_crypto_forget_errors(void)
{
    ERR_clear_error();
}

const EVP_MD *ax_crypto_sha256(void)
{
    ax_crypto_init();
    return crypto_md;
}

EVP_MAC *ax_crypto_hmac(void)
{
    ax_crypto_init();
    return crypto_mac;
}

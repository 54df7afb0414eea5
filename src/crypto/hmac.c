/* SPDX-License-Identifier: Apache-2.0 */
/* hmac.c - did we ourselves write these bytes? */
#include "crypto/hmac.h"

#include "crypto/internal.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

void ax_hmac_init(struct ax_hmac *hmac, struct ax_str key)
{
    char name[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *mac = ax_crypto_hmac();

    assert(key.len > 0); /* OpenSSL takes an empty key for "the one from before" */
    if (!hmac->ctx_)
        hmac->ctx_ = EVP_MAC_CTX_new(mac);
    ax_crypto_must(hmac->ctx_ != NULL &&
                       EVP_MAC_init(hmac->ctx_, (const uint8_t *)key.ptr, key.len, params),
                   "HMAC");
}

void ax_hmac_update(struct ax_hmac *hmac, const void *bytes, size_t len)
{
    if (len > 0)
        ax_crypto_must(EVP_MAC_update(hmac->ctx_, bytes, len), "HMAC");
}

void ax_hmac_update_field(struct ax_hmac *hmac, struct ax_str field)
{
    uint8_t len[8];

    for (unsigned i = 0; i < 8; i++)
        len[i] = (uint8_t)((uint64_t)field.len >> (8 * i));
    ax_hmac_update(hmac, len, sizeof(len));
    ax_hmac_update(hmac, field.ptr, field.len);
}

void ax_hmac_final(struct ax_hmac *hmac, uint8_t ret_tag[AX_HMAC_LEN])
{
    size_t len = 0;

    ax_crypto_must(EVP_MAC_final(hmac->ctx_, ret_tag, &len, AX_HMAC_LEN), "HMAC");
    ax_crypto_must(len == AX_HMAC_LEN, "HMAC");
}

bool ax_hmac_check(struct ax_hmac *hmac, const uint8_t tag[AX_HMAC_LEN])
{
    uint8_t made[AX_HMAC_LEN];

    ax_hmac_final(hmac, made);
    return CRYPTO_memcmp(made, tag, sizeof(made)) == 0;
}

void ax_hmac_done(struct ax_hmac *hmac)
{
    EVP_MAC_CTX_free(hmac->ctx_);
    hmac->ctx_ = NULL;
}

void ax_hmac(struct ax_str key, struct ax_str bytes, uint8_t ret_tag[AX_HMAC_LEN])
{
    AX_AUTO_HMAC struct ax_hmac hmac = { 0 };

    ax_hmac_init(&hmac, key);
    ax_hmac_update(&hmac, bytes.ptr, bytes.len);
    ax_hmac_final(&hmac, ret_tag);
}

bool ax_hmac_verify(struct ax_str key, struct ax_str bytes, const uint8_t tag[AX_HMAC_LEN])
{
    AX_AUTO_HMAC struct ax_hmac hmac = { 0 };

    ax_hmac_init(&hmac, key);
    ax_hmac_update(&hmac, bytes.ptr, bytes.len);
    return ax_hmac_check(&hmac, tag);
}

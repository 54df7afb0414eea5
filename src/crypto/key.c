/* SPDX-License-Identifier: Apache-2.0 */
/* key.c - who signed this?
 * The DER of a public key is compared with the one spelling of its kind before OpenSSL sees it: what
 * has two spellings would have two ids. */
#include "crypto/key.h"

#include "base/base64.h"
#include "crypto/internal.h"
#include "crypto/pem.h"
#include "crypto/sha256.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>
#include <time.h>

#define KEY_DER_MAX    1024
#define KEY_CERT_MAX   (16u << 10)
#define KEY_SPKI_MAX   91
#define KEY_ED25519_AT 12 /* where the point starts in its SubjectPublicKeyInfo */
#define KEY_HALF       (AX_SIGNATURE_LEN / 2)

static const uint8_t key_ed25519_prefix[] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                              0x2b, 0x65, 0x70, 0x03, 0x21, 0x00 };
static const uint8_t key_p256_prefix[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                           0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                           0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04 };

/* The y coordinates, little-endian, of the points whose order divides 8; anybody can make
 * signatures that such a "key" accepts. */
static const uint8_t key_small_order[5][32] = {
    { 0 },
    { 1 },
    { 0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
    { 0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
      0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
      0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05 },
    { 0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
      0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
      0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a },
};

struct ax_public_key {
    enum ax_key_type type;
    EVP_PKEY *pkey;
    uint8_t spki[KEY_SPKI_MAX];
    size_t spki_len;
    char id[AX_KEY_ID_LEN];
};

struct ax_private_key {
    EVP_PKEY *pkey;
    struct ax_public_key *public_key;
};

const char *ax_key_type_name(enum ax_key_type type)
{
    return type == AX_KEY_ED25519 ? "ed25519" : "p256";
}

/* Why this Ed25519 point may not be a key; NULL when it may. */
static const char *key_point_fault(const uint8_t point[32])
{
    uint8_t y[32];
    bool all_ones = true;

    memcpy(y, point, sizeof(y));
    y[31] &= 0x7f; /* the sign of x */
    for (size_t i = 1; i < 31; i++)
        all_ones = all_ones && y[i] == 0xff;
    if (all_ones && y[31] == 0x7f && y[0] >= 0xed)
        return "the Ed25519 key is not in canonical form";
    for (size_t i = 0; i < AX_ARRAY_LEN(key_small_order); i++)
        if (memcmp(y, key_small_order[i], sizeof(y)) == 0)
            return "the Ed25519 key is a point of small order";
    return NULL;
}

static bool key_has_prefix(struct ax_str der, const uint8_t *prefix, size_t len, size_t total)
{
    return der.len == total && memcmp(der.ptr, prefix, len) == 0;
}

enum ax_code ax_public_key_from_spki(struct ax_str der, struct ax_public_key **ret_key,
                                     struct ax_err *err)
{
    AX_AUTO(ax_public_key_free) struct ax_public_key *key = ax_alloc(sizeof(*key));
    const uint8_t *at = (const uint8_t *)der.ptr;
    uint8_t digest[AX_SHA256_LEN];

    if (key_has_prefix(der, key_ed25519_prefix, sizeof(key_ed25519_prefix), 44)) {
        const char *fault = key_point_fault(at + KEY_ED25519_AT);

        if (fault)
            return ax_err_set(err, AX_E_INVALID_REQUEST, "%s", fault);
        key->type = AX_KEY_ED25519;
    } else if (key_has_prefix(der, key_p256_prefix, sizeof(key_p256_prefix), KEY_SPKI_MAX)) {
        key->type = AX_KEY_P256;
    } else {
        return ax_err_set(err, AX_E_INVALID_REQUEST,
                          "the key is neither Ed25519 nor P-256 (uncompressed, named curve)");
    }
    ax_sha256(der, digest); /* also wakes OpenSSL up */
    key->pkey = d2i_PUBKEY(NULL, &at, (long)der.len);
    ERR_clear_error();
    if (!key->pkey)
        return ax_err_set(err, AX_E_INVALID_REQUEST, "the key is not a point of its curve");
    memcpy(key->spki, der.ptr, der.len);
    key->spki_len = der.len;
    ax_hex_encode(key->id, digest, sizeof(digest));
    *ret_key = AX_TAKE(key);
    return AX_OK;
}

enum ax_code ax_public_key_from_certificate(struct ax_str der, int64_t *ret_not_after_s,
                                            struct ax_public_key **ret_key, struct ax_err *err)
{
    const uint8_t *at = (const uint8_t *)der.ptr;
    enum ax_code code = AX_E_INVALID_REQUEST;
    X509 *certificate;
    uint8_t *spki = NULL;
    struct tm not_after;
    int len;

    ax_crypto_sha256();
    certificate = der.len <= KEY_CERT_MAX ? d2i_X509(NULL, &at, (long)der.len) : NULL;
    if (!certificate || at != (const uint8_t *)der.ptr + der.len ||
        !ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &not_after)) {
        ax_err_set(err, code, "the certificate is malformed");
        goto out;
    }
    len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &spki);
    if (len <= 0) {
        ax_err_set(err, code, "the certificate holds no key");
        goto out;
    }
    code = ax_public_key_from_spki(ax_str_make(spki, (size_t)len), ret_key, err);
    if (code == AX_OK)
        *ret_not_after_s = (int64_t)timegm(&not_after);
out:
    OPENSSL_free(spki);
    X509_free(certificate);
    ERR_clear_error();
    return code;
}

/* The only block of `pem`, which must be a `label`, into `der`. */
static enum ax_code key_only_block(struct ax_str pem, struct ax_str label, struct ax_buf *der,
                                   struct ax_err *err)
{
    struct ax_str found;
    struct ax_str rest = pem;
    enum ax_code code = AX_OK;

    if (pem.len > AX_KEY_PEM_MAX)
        return ax_err_set(err, AX_E_INVALID_REQUEST, "the key's PEM text is too large");
    code = ax_pem_next(&rest, &found, der, err);
    if (code == AX_E_NO_MEMORY)
        return code;
    if (code != AX_OK)
        return ax_err_wrap(err, AX_E_INVALID_REQUEST, "expected a %.*s block", AX_STR_FMT(label));
    if (ax_str_eq(found, AX_STR("ENCRYPTED PRIVATE KEY")))
        return ax_err_set(err, AX_E_INVALID_REQUEST, "the private key is encrypted: decrypt it");
    if (!ax_str_eq(found, label))
        return ax_err_set(err, AX_E_INVALID_REQUEST, "expected a %.*s block, found %.*s",
                          AX_STR_FMT(label), AX_STR_FMT(found));
    if (ax_pem_next(&rest, &found, der, NULL) != AX_E_NOT_FOUND)
        return ax_err_set(err, AX_E_INVALID_REQUEST, "something follows the %.*s block",
                          AX_STR_FMT(label));
    return AX_OK;
}

enum ax_code ax_public_key_from_pem(struct ax_str pem, struct ax_public_key **ret_key,
                                    struct ax_err *err)
{
    AX_AUTO_BUF struct ax_buf der = { .max = KEY_DER_MAX };
    enum ax_code code = key_only_block(pem, AX_STR("PUBLIC KEY"), &der, err);

    return code == AX_OK ? ax_public_key_from_spki(ax_buf_str(&der), ret_key, err) : code;
}

void ax_public_key_free(struct ax_public_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->pkey);
    free(key);
}

enum ax_key_type ax_public_key_type(const struct ax_public_key *key)
{
    return key->type;
}

struct ax_str ax_public_key_id(const struct ax_public_key *key)
{
    return ax_str_make(key->id, sizeof(key->id));
}

struct ax_str ax_public_key_spki(const struct ax_public_key *key)
{
    return ax_str_make(key->spki, key->spki_len);
}

enum ax_code ax_public_key_to_pem(const struct ax_public_key *key, struct ax_buf *buf)
{
    return ax_pem_write(buf, AX_STR("PUBLIC KEY"), ax_public_key_spki(key));
}

static const EVP_MD *key_md(enum ax_key_type type)
{
    return type == AX_KEY_P256 ? ax_crypto_sha256() : NULL; /* Ed25519 hashes by itself */
}

/* r and s side by side into the DER that OpenSSL wants; 0 when it cannot be. */
static size_t key_ecdsa_to_der(const uint8_t raw[AX_SIGNATURE_LEN], uint8_t *room)
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, KEY_HALF, NULL);
    BIGNUM *s = BN_bin2bn(raw + KEY_HALF, KEY_HALF, NULL);
    int len;

    ax_crypto_must(sig && r && s && ECDSA_SIG_set0(sig, r, s), "ECDSA");
    len = i2d_ECDSA_SIG(sig, &room);
    ECDSA_SIG_free(sig);
    return len > 0 ? (size_t)len : 0;
}

static void key_ecdsa_from_der(const uint8_t *der, size_t len, uint8_t raw[AX_SIGNATURE_LEN])
{
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);

    ax_crypto_must(sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, KEY_HALF) == KEY_HALF &&
                       BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + KEY_HALF, KEY_HALF) == KEY_HALF,
                   "ECDSA");
    ECDSA_SIG_free(sig);
}

bool ax_public_key_verify(const struct ax_public_key *key, struct ax_str message,
                          struct ax_str signature)
{
    uint8_t der[AX_SIGNATURE_LEN + 16];
    const uint8_t *sig = (const uint8_t *)signature.ptr;
    size_t len = AX_SIGNATURE_LEN;
    EVP_MD_CTX *ctx;
    bool good;

    if (signature.len != AX_SIGNATURE_LEN)
        return false;
    if (key->type == AX_KEY_P256) {
        len = key_ecdsa_to_der(sig, der);
        sig = der;
    }
    ctx = EVP_MD_CTX_new();
    good = ctx && EVP_DigestVerifyInit(ctx, NULL, key_md(key->type), NULL, key->pkey) == 1 &&
           EVP_DigestVerify(ctx, sig, len, (const uint8_t *)message.ptr, message.len) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error(); /* nobody else's failure */
    return good;
}

void ax_private_key_sign(const struct ax_private_key *key, struct ax_str message,
                         uint8_t ret_signature[AX_SIGNATURE_LEN])
{
    enum ax_key_type type = key->public_key->type;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t sig[AX_SIGNATURE_LEN + 16];
    size_t len = sizeof(sig);

    ax_crypto_must(ctx && EVP_DigestSignInit(ctx, NULL, key_md(type), NULL, key->pkey) == 1 &&
                       EVP_DigestSign(ctx, sig, &len, (const uint8_t *)message.ptr, message.len) ==
                           1,
                   "signing");
    EVP_MD_CTX_free(ctx);
    if (type == AX_KEY_P256)
        key_ecdsa_from_der(sig, len, ret_signature);
    else
        memcpy(ret_signature, sig, AX_SIGNATURE_LEN);
}

/* Takes `pkey` over. What it says about its public half is tried, not believed. */
static enum ax_code key_adopt(EVP_PKEY *pkey, struct ax_private_key **ret_key, struct ax_err *err)
{
    AX_AUTO(ax_private_key_free) struct ax_private_key *key = ax_alloc(sizeof(*key));
    struct ax_str probe = AX_STR("annex-key-check");
    uint8_t signature[AX_SIGNATURE_LEN];
    uint8_t *spki = NULL;
    enum ax_code code;
    int len;

    key->pkey = pkey;
    if (EVP_PKEY_is_a(pkey, "EC"))
        EVP_PKEY_set_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                       "uncompressed");
    len = i2d_PUBKEY(pkey, &spki);
    code = ax_public_key_from_spki(ax_str_make(spki, len > 0 ? (size_t)len : 0), &key->public_key,
                                   err);
    OPENSSL_free(spki);
    if (code != AX_OK)
        return code;
    ax_private_key_sign(key, probe, signature);
    if (!ax_public_key_verify(key->public_key, probe, ax_str_make(signature, sizeof(signature))))
        return ax_err_set(err, AX_E_INVALID_REQUEST, "the key's two halves do not belong together");
    *ret_key = AX_TAKE(key);
    return AX_OK;
}

enum ax_code ax_private_key_generate(enum ax_key_type type, struct ax_private_key **ret_key,
                                     struct ax_err *err)
{
    EVP_PKEY *pkey;

    ax_crypto_sha256();
    pkey = type == AX_KEY_P256 ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256")
                               : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    if (!pkey)
        return ax_err_set(err, AX_E_INTERNAL, "a key could not be made");
    return key_adopt(pkey, ret_key, err);
}

enum ax_code ax_private_key_from_pem(struct ax_str pem, struct ax_private_key **ret_key,
                                     struct ax_err *err)
{
    struct ax_buf der = { .max = KEY_DER_MAX };
    enum ax_code code = key_only_block(pem, AX_STR("PRIVATE KEY"), &der, err);
    const uint8_t *at = (const uint8_t *)der.ptr;
    PKCS8_PRIV_KEY_INFO *info = NULL;
    EVP_PKEY *pkey = NULL;

    if (code != AX_OK)
        goto out;
    ax_crypto_sha256();
    info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.len);
    if (info && at == (const uint8_t *)der.ptr + der.len)
        pkey = EVP_PKCS82PKEY(info);
    if (pkey)
        code = key_adopt(pkey, ret_key, err);
    else
        code = ax_err_set(err, AX_E_INVALID_REQUEST, "the private key is not PKCS#8");
out:
    PKCS8_PRIV_KEY_INFO_free(info);
    ERR_clear_error();
    ax_buf_wipe(&der);
    return code;
}

void ax_private_key_free(struct ax_private_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->pkey); /* OpenSSL wipes */
    ax_public_key_free(key->public_key);
    free(key);
}

const struct ax_public_key *ax_private_key_public(const struct ax_private_key *key)
{
    return key->public_key;
}

enum ax_code ax_private_key_to_pem(const struct ax_private_key *key, struct ax_buf *buf)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key->pkey);
    uint8_t *der = NULL;
    char *room;
    int len;

    ax_crypto_must(info != NULL, "PKCS#8");
    len = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
    ax_crypto_must(len, "PKCS#8");
    if (ax_buf_reserve(buf, AX_KEY_PEM_MAX, &room) == AX_OK) /* at once: see pem.c */
        ax_pem_write(buf, AX_STR("PRIVATE KEY"), ax_str_make(der, (size_t)len));
    OPENSSL_clear_free(der, (size_t)len);
    PKCS8_PRIV_KEY_INFO_free(info);
    return buf->failed;
}

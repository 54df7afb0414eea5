/* SPDX-License-Identifier: Apache-2.0 */
/* key_test.c - who signed this? Vectors of RFC 8032 (7.1) and RFC 6979 (A.2.5). */
#include "crypto/key.h"

#include "base/base64.h"
#include "base/test.h"
#include "crypto/pem.h"
#include "crypto/sha256.h"

#include <stdio.h>

#define ED_SPKI  "302a300506032b6570032100"
#define ED_PKCS8 "302e020100300506032b657004220420"
#define EC_SPKI  "3059301306072a8648ce3d020106082a8648ce3d030107034200"
#define EC_POINT                                                         \
    "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6" \
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"

struct vector {
    const char *secret, *open, *message, *signature;
};

static const struct vector vectors[] = {
    { "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9"
      "b46bd25bf5f0595bbe24655141438e7a100b" },
    { "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
      "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f1"
      "1d8c387b2eaeb4302aeeb00d291612bb0c00" },
    { "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
      "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
      "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984d"
      "c6594a7c15e9716ed28dc027beceea1ec40a" },
};

static struct ax_str unhex(const char *hex, uint8_t *room)
{
    size_t len = strlen(hex) / 2;

    T_TRUE(ax_hex_decode(room, len, ax_str_of(hex)));
    return ax_str_make(room, len);
}

/* A key from the hex of its DER, in two parts. */
static enum ax_code open_key(const char *prefix, const char *rest, struct ax_public_key **ret_key)
{
    char hex[512];
    uint8_t der[256];

    snprintf(hex, sizeof(hex), "%s%s", prefix, rest);
    return ax_public_key_from_spki(unhex(hex, der), ret_key, NULL);
}

static struct ax_private_key *secret_key(const char *seed)
{
    AX_AUTO_BUF struct ax_buf pem = { .max = AX_KEY_PEM_MAX };
    struct ax_private_key *key = NULL;
    char hex[512];
    uint8_t der[256];

    snprintf(hex, sizeof(hex), "%s%s", ED_PKCS8, seed);
    T_OK(ax_pem_write(&pem, AX_STR("PRIVATE KEY"), unhex(hex, der)));
    T_OK(ax_private_key_from_pem(ax_buf_str(&pem), &key, NULL));
    return key;
}

TEST(key_ed25519_makes_and_takes_the_published_signatures)
{
    for (size_t i = 0; i < AX_ARRAY_LEN(vectors); i++) {
        AX_AUTO(ax_public_key_free) struct ax_public_key *key = NULL;
        AX_AUTO(ax_private_key_free) struct ax_private_key *secret = secret_key(vectors[i].secret);
        uint8_t message_room[8];
        uint8_t signature_room[AX_SIGNATURE_LEN];
        uint8_t made[AX_SIGNATURE_LEN];
        struct ax_str message = unhex(vectors[i].message, message_room);
        struct ax_str signature = unhex(vectors[i].signature, signature_room);

        T_OK(open_key(ED_SPKI, vectors[i].open, &key));
        T_TRUE(ax_public_key_verify(key, message, signature));
        ax_private_key_sign(secret, message, made);
        T_STR(ax_str_make(made, sizeof(made)), signature);
        T_STR(ax_public_key_id(ax_private_key_public(secret)), ax_public_key_id(key));
    }
}

TEST(key_p256_takes_the_published_signature)
{
    AX_AUTO(ax_public_key_free) struct ax_public_key *key = NULL;
    uint8_t room[AX_SIGNATURE_LEN];
    struct ax_str signature = unhex(
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
        "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
        room);

    T_OK(open_key(EC_SPKI, EC_POINT, &key));
    T_EQ(ax_public_key_type(key), AX_KEY_P256);
    T_TRUE(ax_public_key_verify(key, AX_STR("sample"), signature));
    T_FALSE(ax_public_key_verify(key, AX_STR("test"), signature));
}

static void check_flips(enum ax_key_type type)
{
    AX_AUTO(ax_private_key_free) struct ax_private_key *key = NULL;
    struct ax_str message = AX_STR("what was said");
    uint8_t sig[AX_SIGNATURE_LEN];
    struct ax_str signature = { (char *)sig, sizeof(sig) };

    T_OK(ax_private_key_generate(type, &key, NULL));
    ax_private_key_sign(key, message, sig);
    T_TRUE(ax_public_key_verify(ax_private_key_public(key), message, signature));
    T_FALSE(ax_public_key_verify(ax_private_key_public(key), AX_STR("what was Said"), signature));
    for (size_t len = 0; len < sizeof(sig); len++)
        T_FALSE(ax_public_key_verify(ax_private_key_public(key), message,
                                     ax_str_sub(signature, 0, len)));
    for (size_t bit = 0; bit < 8 * sizeof(sig); bit++) {
        sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
        T_FALSE(ax_public_key_verify(ax_private_key_public(key), message, signature));
        sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    memset(sig, 0, sizeof(sig));
    T_FALSE(ax_public_key_verify(ax_private_key_public(key), message, signature));
    memset(sig, 0xff, sizeof(sig));
    T_FALSE(ax_public_key_verify(ax_private_key_public(key), message, signature));
}

TEST(key_refuses_each_flipped_bit_and_each_other_length)
{
    check_flips(AX_KEY_ED25519);
    check_flips(AX_KEY_P256);
}

TEST(key_of_another_kind_does_not_verify)
{
    AX_AUTO(ax_private_key_free) struct ax_private_key *ed = NULL;
    AX_AUTO(ax_private_key_free) struct ax_private_key *ec = NULL;
    uint8_t sig[AX_SIGNATURE_LEN];

    T_OK(ax_private_key_generate(AX_KEY_ED25519, &ed, NULL));
    T_OK(ax_private_key_generate(AX_KEY_P256, &ec, NULL));
    ax_private_key_sign(ed, AX_STR("m"), sig);
    T_FALSE(ax_public_key_verify(ax_private_key_public(ec), AX_STR("m"),
                                 ax_str_make(sig, sizeof(sig))));
    ax_private_key_sign(ec, AX_STR("m"), sig);
    T_FALSE(ax_public_key_verify(ax_private_key_public(ed), AX_STR("m"),
                                 ax_str_make(sig, sizeof(sig))));
}

/* Ed25519 verification must not take S + L for S: two signatures of one statement. */
TEST(key_ed25519_refuses_a_malleated_signature)
{
    static const uint8_t order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,       0xd6,
                                       0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10 };
    AX_AUTO(ax_public_key_free) struct ax_public_key *key = NULL;
    uint8_t sig[AX_SIGNATURE_LEN];
    unsigned carry = 0;

    unhex(vectors[1].signature, sig);
    T_OK(open_key(ED_SPKI, vectors[1].open, &key));
    T_TRUE(ax_public_key_verify(key, AX_STR("\x72"), ax_str_make(sig, sizeof(sig))));
    for (size_t i = 0; i < sizeof(order); i++) {
        carry += sig[32 + i] + (unsigned)order[i];
        sig[32 + i] = (uint8_t)carry;
        carry >>= 8;
    }
    T_FALSE(ax_public_key_verify(key, AX_STR("\x72"), ax_str_make(sig, sizeof(sig))));
}

TEST(key_ed25519_points_that_fit_any_signature_are_refused)
{
    static const char *const points[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(points); i++) {
        struct ax_public_key *key = NULL;

        T_CODE(open_key(ED_SPKI, points[i], &key), AX_E_INVALID_REQUEST);
    }
}

TEST(key_has_one_spelling)
{
    static const char *const others[] = {
        "",
        "302a300506032b6570032100",                                               /* no point */
        ED_SPKI "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af466", /* short */
        ED_SPKI "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c00",
        /* X25519 */
        "302a300506032b656e0321003d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        /* a compressed point */
        "3039301306072a8648ce3d020106082a8648ce3d030107032200020"
        "1db365e8fc9fcdcb89299a3a935143934"
        "7ff09bd42d5499a262162c29f16029f4",
        /* a point that is not on the curve */
        EC_SPKI "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
                "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d446229a",
    };
    AX_AUTO(ax_public_key_free) struct ax_public_key *good = NULL;

    T_OK(open_key(EC_SPKI, EC_POINT, &good));
    for (size_t i = 0; i < AX_ARRAY_LEN(others); i++) {
        struct ax_public_key *key = NULL;

        T_CODE(open_key("", others[i], &key), AX_E_INVALID_REQUEST);
    }
}

TEST(key_id_is_the_digest_of_the_public_key)
{
    AX_AUTO(ax_public_key_free) struct ax_public_key *key = NULL;
    uint8_t digest[AX_SHA256_LEN];
    char hex[AX_KEY_ID_LEN];

    T_OK(open_key(ED_SPKI, vectors[0].open, &key));
    ax_sha256(ax_public_key_spki(key), digest);
    ax_hex_encode(hex, digest, sizeof(digest));
    T_STR(ax_public_key_id(key), ax_str_make(hex, sizeof(hex)));
}

static void check_text(enum ax_key_type type)
{
    AX_AUTO(ax_private_key_free) struct ax_private_key *key = NULL;
    AX_AUTO(ax_private_key_free) struct ax_private_key *again = NULL;
    AX_AUTO(ax_public_key_free) struct ax_public_key *open = NULL;
    AX_AUTO_BUF struct ax_buf secret = { .max = 2 * AX_KEY_PEM_MAX };
    AX_AUTO_BUF struct ax_buf text = { .max = 2 * AX_KEY_PEM_MAX };
    struct ax_private_key *none = NULL;
    struct ax_public_key *nothing = NULL;

    T_OK(ax_private_key_generate(type, &key, NULL));
    T_OK(ax_private_key_to_pem(key, &secret));
    T_OK(ax_public_key_to_pem(ax_private_key_public(key), &text));
    T_OK(ax_private_key_from_pem(ax_buf_str(&secret), &again, NULL));
    T_OK(ax_public_key_from_pem(ax_buf_str(&text), &open, NULL));
    T_STR(ax_public_key_id(ax_private_key_public(again)), ax_public_key_id(open));
    /* one where the other belongs, and two */
    T_CODE(ax_private_key_from_pem(ax_buf_str(&text), &none, NULL), AX_E_INVALID_REQUEST);
    T_CODE(ax_public_key_from_pem(ax_buf_str(&secret), &nothing, NULL), AX_E_INVALID_REQUEST);
    T_OK(ax_public_key_to_pem(open, &text));
    T_CODE(ax_public_key_from_pem(ax_buf_str(&text), &nothing, NULL), AX_E_INVALID_REQUEST);
}

TEST(key_text_comes_back_as_the_same_key)
{
    check_text(AX_KEY_ED25519);
    check_text(AX_KEY_P256);
}

/* A P-256 key whose text names another public half would sign what nobody can verify. */
TEST(key_with_two_halves_of_different_keys_is_refused)
{
    AX_AUTO(ax_private_key_free) struct ax_private_key *key = NULL;
    AX_AUTO(ax_private_key_free) struct ax_private_key *other = NULL;
    AX_AUTO_BUF struct ax_buf pem = { .max = AX_KEY_PEM_MAX };
    AX_AUTO_BUF struct ax_buf der = { .max = AX_KEY_PEM_MAX };
    struct ax_private_key *none = NULL;
    struct ax_str rest;
    struct ax_str label;

    T_OK(ax_private_key_generate(AX_KEY_P256, &key, NULL));
    T_OK(ax_private_key_generate(AX_KEY_P256, &other, NULL));
    T_OK(ax_private_key_to_pem(key, &pem));
    rest = ax_buf_str(&pem);
    T_OK(ax_pem_next(&rest, &label, &der, NULL));
    memcpy(der.ptr + der.len - 65, /* the public point is the last member */
           ax_public_key_spki(ax_private_key_public(other)).ptr + 26, 65);
    ax_buf_clear(&pem);
    T_OK(ax_pem_write(&pem, AX_STR("PRIVATE KEY"), ax_buf_str(&der)));
    T_CODE(ax_private_key_from_pem(ax_buf_str(&pem), &none, NULL), AX_E_INVALID_REQUEST);
}

TEST(key_of_an_unwanted_kind_is_refused)
{
    static const char *const texts[] = {
        "-----BEGIN PUBLIC KEY-----\n"
        "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEqlVGKk/0P5gpolnQBnMUnENDmhrksf6W\n"
        "l6egVI5ILD5Xd9V+sC4TT30f3/v2+8PB8APUrNLkr0BkuxXzLglEnwPenaQTmZdA\n"
        "dkU+jvP2VFutKSffwbMlUM49cE8S/nbt\n"
        "-----END PUBLIC KEY-----\n",
        "-----BEGIN EC PRIVATE KEY-----\nYWJj\n-----END EC PRIVATE KEY-----\n",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nYWJj\n-----END ENCRYPTED PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\nYWJj\n-----END PRIVATE KEY-----\n",
        "",
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(texts); i++) {
        struct ax_private_key *secret = NULL;
        struct ax_public_key *open = NULL;

        T_CODE(ax_private_key_from_pem(ax_str_of(texts[i]), &secret, NULL), AX_E_INVALID_REQUEST);
        T_CODE(ax_public_key_from_pem(ax_str_of(texts[i]), &open, NULL), AX_E_INVALID_REQUEST);
    }
}

TEST(key_of_a_certificate_counts_until_its_end)
{
    static const char certificate[] =
        "-----BEGIN CERTIFICATE-----\n"
        "MIIBPjCB8aADAgECAhQf1DDzit9UtywhFabgdyjltf7AljAFBgMrZXAwFTETMBEG\n"
        "A1UEAwwKYW5uZXgtdGVzdDAeFw0yNjExMjIxNTI5NDlaFw0zMDAxMDMxNTI5NDla\n"
        "MBUxEzARBgNVBAMMCmFubmV4LXRlc3QwKjAFBgMrZXADIQBQql6EGtestltUrToc\n"
        "XHBibYFtK6SjVj3jbbO0GnsezaNTMFEwHQYDVR0OBBYEFL6SHtuRYd82aajQ07h9\n"
        "U0QqCqQXMB8GA1UdIwQYMBaAFL6SHtuRYd82aajQ07h9U0QqCqQXMA8GA1UdEwEB\n"
        "/wQFMAMBAf8wBQYDK2VwA0EAeAylsGfAyc+YzgH3YQqTjiPsCK2va0VeubfidvRb\n"
        "XT5O6S8HrItFDB0jvpU9A8p1YSkx9P/wRXAorHj1/SJMBQ==\n"
        "-----END CERTIFICATE-----\n";
    AX_AUTO(ax_public_key_free) struct ax_public_key *key = NULL;
    AX_AUTO_BUF struct ax_buf der = { .max = 4096 };
    struct ax_public_key *none = NULL;
    struct ax_str rest = ax_str_of(certificate);
    struct ax_str label;
    int64_t not_after_s = 0;

    T_OK(ax_pem_next(&rest, &label, &der, NULL));
    T_OK(ax_public_key_from_certificate(ax_buf_str(&der), &not_after_s, &key, NULL));
    T_EQ(not_after_s, 1893684589);
    T_STR(ax_public_key_id(key),
          AX_STR("5c2b60852fa7810eec78a3308bfae2f2f8a48741d227c7253fb56124ef781934"));
    for (size_t len = 0; len < der.len; len++)
        T_CODE(ax_public_key_from_certificate(ax_str_make(der.ptr, len), &not_after_s, &none, NULL),
               AX_E_INVALID_REQUEST);
    T_OK(ax_buf_append_byte(&der, 'x'));
    T_CODE(ax_public_key_from_certificate(ax_buf_str(&der), &not_after_s, &none, NULL),
           AX_E_INVALID_REQUEST);
}

TEST(key_survives_every_refused_allocation)
{
    T_SWEEP() {
        AX_AUTO(ax_private_key_free) struct ax_private_key *key = NULL;
        AX_AUTO(ax_private_key_free) struct ax_private_key *again = NULL;
        AX_AUTO_BUF struct ax_buf pem = { .max = AX_KEY_PEM_MAX };

        if (ax_private_key_generate(AX_KEY_ED25519, &key, NULL) == AX_OK &&
            ax_private_key_to_pem(key, &pem) == AX_OK) {
            enum ax_code code = ax_private_key_from_pem(ax_buf_str(&pem), &again, NULL);

            T_TRUE((code == AX_OK) == (again != NULL));
        }
    }
}

TEST_MAIN()

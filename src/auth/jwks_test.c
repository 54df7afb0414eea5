/* SPDX-License-Identifier: Apache-2.0 */
/* jwks_test.c - which keys do we believe? */
#include "auth/jwks.h"

#include "auth/base64url.h"
#include "auth/test_kit.h"

#include <stdio.h>

#define X    "Gd9Vdbsy3CPUPHqCT7g_WL6K5ocKNktjbhx-z1cilMo"
#define Y    "DLc5nr_EjW7GCPGqZyxNw2yhxas6Pd_WL9JeY4LZ0qo"
#define EC_  "\"kty\":\"EC\",\"crv\":\"P-256\""
#define GOOD "{" EC_ ",\"x\":\"" X "\",\"y\":\"" Y "\"}"
/* The good key with more members. */
#define MORE(members) "{" EC_ ",\"x\":\"" X "\",\"y\":\"" Y "\"," members "}"

static enum ax_code parse(struct ax_str text, struct ax_err *err)
{
    AX_AUTO(ax_jwks_free) struct ax_jwks *keys = NULL;
    enum ax_code code;

    memset(err, 0, sizeof(*err));
    code = ax_jwks_parse(text, &keys, err);
    T_TRUE((code == AX_OK) == (keys != NULL));
    return code;
}

static void refused(struct ax_str keys, const char *pointer)
{
    AX_AUTO_BUF struct ax_buf text = { .max = 1024 * 1024 };
    struct ax_err err;

    T_OK(ax_buf_printf(&text, "{\"keys\":[%.*s]}", AX_STR_FMT(keys)));
    T_CODE(parse(ax_buf_str(&text), &err), AX_E_INVALID_REQUEST);
    T_STR(ax_str_of(err.pointer), ax_str_of(pointer));
}

static void counted(struct ax_str list, size_t usable, size_t left_out)
{
    struct ax_jwks *keys = kit_keys(list);

    T_EQ(ax_jwks_count(keys), usable);
    T_EQ(ax_jwks_left_out(keys), left_out);
    ax_jwks_free(keys);
}

TEST(jwks_refuses_what_is_no_key_set)
{
    static const char *texts[] = { "",
                                   "[]",
                                   "{}",
                                   "null",
                                   "{\"keys\":{}}",
                                   "{\"keys\":[]}",
                                   "{\"keys\":[1]}",
                                   "{\"keys\":[null]}",
                                   "{\"keys\":[" GOOD "]} x",
                                   "{\"keys\":[" GOOD ",]}",
                                   "{\"keys\":[" GOOD "],\"keys\":[" GOOD "]}",
                                   "{\"keys\":[{" EC_ "," EC_ ",\"x\":\"" X "\",\"y\":\"" Y "\"}]}",
                                   GOOD };
    struct ax_err err;

    for (size_t i = 0; i < AX_ARRAY_LEN(texts); i++)
        T_CODE(parse(ax_str_of(texts[i]), &err), AX_E_INVALID_REQUEST);
    T_OK(parse(AX_STR("{\"keys\":[" GOOD "]}"), &err));
    T_OK(parse(AX_STR(" {\"issuer\":1,\"keys\":[" GOOD "]}\n"), &err));
}

TEST(jwks_refuses_private_and_symmetric_keys)
{
    refused(AX_STR(MORE("\"d\":\"AA\"")), "/keys/0/d");
    refused(AX_STR(GOOD "," MORE("\"k\":\"AA\"")), "/keys/1/k");
    refused(AX_STR(GOOD ",{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}"), "/keys/1/k");
    refused(AX_STR(GOOD ",{\"kty\":\"oct\"}"), "/keys/1/kty");
    refused(AX_STR(GOOD ",{\"kty\":\"RSA\",\"use\":\"enc\",\"p\":\"AA\"}"), "/keys/1/p");
    refused(AX_STR(GOOD ",{\"kty\":\"RSA\",\"dp\":\"AA\"}"), "/keys/1/dp");
    counted(AX_STR(GOOD), 1, 0);
}

TEST(jwks_honours_alg_use_and_key_ops)
{
    refused(AX_STR(MORE("\"alg\":\"RS256\"")), "/keys/0/alg");
    refused(AX_STR(MORE("\"alg\":\"HS256\"")), "/keys/0/alg");
    refused(AX_STR(MORE("\"alg\":\"none\"")), "/keys/0/alg");
    refused(AX_STR(MORE("\"alg\":\"nOnE\"")), "/keys/0/alg");
    refused(AX_STR(MORE("\"alg\":1")), "/keys/0/alg");
    refused(AX_STR(MORE("\"use\":1")), "/keys/0/use");
    refused(AX_STR(MORE("\"key_ops\":\"verify\"")), "/keys/0/key_ops");
    refused(AX_STR(MORE("\"use\":\"enc\"")), "/keys");
    refused(AX_STR(MORE("\"alg\":\"ES384\"")), "/keys");
    refused(AX_STR(MORE("\"key_ops\":[\"deriveKey\"]")), "/keys");
    counted(AX_STR(MORE("\"alg\":\"ES256\",\"use\":\"sig\",\"key_ops\":[\"verify\"]")), 1, 0);
    counted(AX_STR(GOOD "," MORE("\"alg\":\"ECDH-ES\"") "," MORE("\"use\":\"enc\"")), 1, 2);
    counted(AX_STR(GOOD ",{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\"}"), 1, 1);
}

TEST(jwks_takes_p256_points_only)
{
    refused(AX_STR("{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" X "\",\"y\":\"" Y "\"}"), "/keys");
    refused(AX_STR("{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"" X "\",\"y\":\"" Y "\"}"),
            "/keys");
    refused(AX_STR("{\"kty\":\"EC\",\"x\":\"" X "\",\"y\":\"" Y "\"}"), "/keys");
    refused(AX_STR("{\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" Y "\"}"), "/keys/0/kty");
    refused(AX_STR("{" EC_ ",\"x\":\"" X "\"}"), "/keys/0/y");
    refused(AX_STR("{" EC_ ",\"x\":\"" X "\",\"y\":\"" X "\"}"), "/keys/0/x");
    refused(AX_STR("{" EC_ ",\"x\":\"" X "=\",\"y\":\"" Y "\"}"), "/keys/0/x");
    refused(AX_STR("{" EC_ ",\"x\":\"AA\",\"y\":\"" Y "\"}"), "/keys/0/x");
    refused(AX_STR("{" EC_ ",\"x\":\"AA" X "\",\"y\":\"" Y "\"}"), "/keys/0/x");
    refused(
        AX_STR("{" EC_ ",\"x\":\"__________________________________________8\",\"y\":\"" Y "\"}"),
        "/keys/0/x");
    refused(AX_STR("{" EC_ ",\"x\":7,\"y\":\"" Y "\"}"), "/keys/0/x");
    counted(AX_STR(GOOD), 1, 0);
}

/* A point near x = 0, and the same with the prime added to x: a number has one spelling. */
#define NEAR_Y "\",\"y\":\"RZJDuapYGAb-kTvOmYF63hHKUDxk2aPFM0FcCDJI-8w\"}"

TEST(jwks_coordinates_are_below_the_prime)
{
    counted(AX_STR("{" EC_ ",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAU" NEAR_Y), 1, 0);
    refused(AX_STR("{" EC_ ",\"x\":\"_____wAAAAEAAAAAAAAAAAAAAAEAAAAAAAAAAAAAAAQ" NEAR_Y),
            "/keys/0/x");
}

TEST(jwks_names_are_unique)
{
    AX_AUTO_BUF struct ax_buf key = { .max = 4096 };
    char kid[AX_JWK_KID_MAX + 2];

    refused(AX_STR(MORE("\"kid\":\"a\"") "," MORE("\"kid\":\"a\"")), "/keys/1/kid");
    refused(AX_STR(MORE("\"kid\":\"a\"") "," MORE("\"kid\":\"\\u0061\",\"use\":\"enc\"")),
            "/keys/1/kid");
    refused(AX_STR(MORE("\"kid\":\"\"")), "/keys/0/kid");
    refused(AX_STR(MORE("\"kid\":1")), "/keys/0/kid");
    counted(AX_STR(MORE("\"kid\":\"a\"") "," MORE("\"kid\":\"A\"") "," GOOD "," GOOD), 4, 0);
    memset(kid, 'k', sizeof(kid));
    for (size_t len = AX_JWK_KID_MAX - 1; len <= AX_JWK_KID_MAX + 1; len++) {
        ax_buf_clear(&key);
        T_OK(ax_buf_printf(&key, "{" EC_ ",\"kid\":\"%.*s\",\"x\":\"" X "\",\"y\":\"" Y "\"}",
                           (int)len, kid));
        if (len <= AX_JWK_KID_MAX)
            counted(ax_buf_str(&key), 1, 0);
        else
            refused(ax_buf_str(&key), "/keys/0/kid");
    }
}

TEST(jwks_rsa_keys_are_strong)
{
    AX_AUTO_FREE char *n = NULL;
    AX_AUTO_BUF struct ax_buf key = { .max = 65536 };
    cjose_jwk_t *good = kit_rsa_key(2048);
    cjose_jwk_t *weak = kit_rsa_key(1024);
    static const struct {
        const char *e;
        bool good;
    } exponents[] = {
        { "AQAB", true }, { "Aw", true },      { "_____w", true }, { "AQ", false },
        { "Ag", false },  { "AAEAAQ", false }, { "", false },      { "AQAAAAE", false },
    };

    kit_rsa_jwk(&key, weak, "");
    refused(ax_buf_str(&key), "/keys/0/n");
    ax_buf_clear(&key);
    kit_rsa_jwk(&key, good, "\"alg\":\"ES256\"");
    refused(ax_buf_str(&key), "/keys/0/alg");
    ax_buf_clear(&key);
    kit_rsa_jwk(&key, good, "\"alg\":\"RS512\"");
    refused(ax_buf_str(&key), "/keys");
    ax_buf_clear(&key);
    kit_rsa_jwk(&key, good, "\"alg\":\"PS256\"");
    counted(ax_buf_str(&key), 1, 0);
    n = kit_rsa_number(good, "n");
    for (size_t i = 0; i < AX_ARRAY_LEN(exponents); i++) {
        ax_buf_clear(&key);
        T_OK(ax_buf_printf(&key, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"}", n, exponents[i].e));
        if (exponents[i].good)
            counted(ax_buf_str(&key), 1, 0);
        else
            refused(ax_buf_str(&key), "/keys/0/e");
    }
    cjose_jwk_release(good);
    cjose_jwk_release(weak);
}

/* A modulus of `bits` that is all ones; nobody signs with it. */
static void ones(struct ax_buf *key, size_t bits, bool odd, bool zero_first)
{
    uint8_t n[AX_RSA_BITS_MAX / 8 + 2] = { 0 };
    size_t at = zero_first ? 1 : 0;
    size_t len = (bits + 7) / 8;

    memset(n + at, 0xff, len);
    if (bits % 8 != 0)
        n[at] = (uint8_t)((1U << bits % 8) - 1);
    n[at + len - 1] = odd ? 0xff : 0xfe;
    ax_buf_clear(key);
    T_OK(ax_buf_append_str(key, AX_STR("{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"")));
    kit_part(key, ax_str_make(n, at + len));
    T_OK(ax_buf_append_str(key, AX_STR("\"}")));
}

TEST(jwks_rsa_moduli_have_2048_to_8192_bits)
{
    static const struct {
        size_t bits;
        bool good;
    } sizes[] = { { 2047, false }, { 2048, true }, { 2049, true },
                  { 8191, true },  { 8192, true }, { 8193, false } };
    AX_AUTO_BUF struct ax_buf key = { .max = 65536 };

    for (size_t i = 0; i < AX_ARRAY_LEN(sizes); i++) {
        ones(&key, sizes[i].bits, true, false);
        if (sizes[i].good)
            counted(ax_buf_str(&key), 1, 0);
        else
            refused(ax_buf_str(&key), "/keys/0/n");
    }
    ones(&key, 2048, false, false);
    refused(ax_buf_str(&key), "/keys/0/n");
    ones(&key, 2048, true, true);
    refused(ax_buf_str(&key), "/keys/0/n");
}

TEST(jwks_is_bounded)
{
    AX_AUTO_BUF struct ax_buf text = { .max = 2 * AX_JWKS_BYTES_MAX };
    struct ax_err err;

    for (size_t count = AX_JWKS_KEYS_MAX - 1; count <= AX_JWKS_KEYS_MAX + 1; count++) {
        ax_buf_clear(&text);
        T_OK(ax_buf_append_str(&text, AX_STR("{\"keys\":[" GOOD)));
        for (size_t i = 1; i < count; i++)
            T_OK(ax_buf_append_str(&text, AX_STR("," GOOD)));
        T_OK(ax_buf_append_str(&text, AX_STR("]}")));
        T_CODE(parse(ax_buf_str(&text), &err),
               count <= AX_JWKS_KEYS_MAX ? AX_OK : AX_E_INVALID_REQUEST);
    }
    for (size_t len = AX_JWKS_BYTES_MAX - 1; len <= AX_JWKS_BYTES_MAX + 1; len++) {
        ax_buf_clear(&text);
        T_OK(ax_buf_append_str(&text, AX_STR("{\"keys\":[" GOOD "]}")));
        while (text.len < len)
            T_OK(ax_buf_append_byte(&text, ' '));
        T_CODE(parse(ax_buf_str(&text), &err), len <= AX_JWKS_BYTES_MAX ? AX_OK : AX_E_TOO_BIG);
    }
}

TEST(jwks_generations_grow)
{
    struct ax_jwks *first = kit_keys(AX_STR(GOOD));
    struct ax_jwks *second = kit_keys(AX_STR(GOOD));

    T_TRUE(ax_jwks_generation(first) > 0);
    T_TRUE(ax_jwks_generation(second) > ax_jwks_generation(first));
    ax_jwks_free(first);
    ax_jwks_free(second);
}

TEST(jwks_survives_every_refused_allocation)
{
    T_SWEEP() {
        struct ax_jwks *keys = NULL;
        enum ax_code code = ax_jwks_parse(AX_STR("{\"keys\":[" GOOD "]}"), &keys, NULL);

        T_TRUE((code == AX_OK) == (keys != NULL));
        ax_jwks_free(keys);
    }
}

TEST_MAIN()

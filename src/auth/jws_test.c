/* SPDX-License-Identifier: Apache-2.0 */
/* jws_test.c - does only a token that one of our keys signed get through?
 *
 * Every forged token differs from an accepted one in the one thing that must refuse it; unless the
 * signature is that thing, it is properly signed. */
#include "auth/base64url.h"
#include "auth/test_kit.h"
#include "crypto/hmac.h"

#include <stdio.h>

#define P KIT_CLAIMS("")

TEST(jws_header_has_no_say_in_how_it_is_verified)
{
    static const struct {
        const char *header;
        const char *words;
    } refused[] = {
        { "{\"alg\":\"none\",\"kid\":\"k1\"}", "alg is not" },
        { "{\"alg\":\"NONE\",\"kid\":\"k1\"}", "alg is not" },
        { "{\"alg\":\"nOnE\",\"kid\":\"k1\"}", "alg is not" },
        { "{\"alg\":\"\",\"kid\":\"k1\"}", "alg is not" },
        { "{\"alg\":null,\"kid\":\"k1\"}", "alg is not" },
        { "{\"alg\":256,\"kid\":\"k1\"}", "alg is not" },
        { "{\"alg\":[\"ES256\"],\"kid\":\"k1\"}", "alg is not" },
        { "{\"kid\":\"k1\"}", "alg is not" },
        { "{\"alg\":\"es256\",\"kid\":\"k1\"}", "alg is not" },
        { "{\"alg\":\"ES256 \",\"kid\":\"k1\"}", "alg is not" },
        { "{\"alg\":\"ES256\\u0000\",\"kid\":\"k1\"}", "alg is not" },
        { "{\"alg\":\"HS256\",\"kid\":\"k1\"}", "alg is not" },
        { "{\"alg\":\"ES384\",\"kid\":\"k1\"}", "alg is not" },
        { "{\"alg\":\"RS256\",\"kid\":\"k1\"}", "alg is not that of the key" },
        { "{\"alg\":\"PS256\",\"kid\":\"k1\"}", "alg is not that of the key" },
        { "{\"alg\":\"ES256\",\"kid\":\"k2\"}", "no key has this kid" },
        { "{\"alg\":\"ES256\",\"kid\":\"K1\"}", "no key has this kid" },
        { "{\"alg\":\"ES256\",\"kid\":\"k1\\u0000\"}", "no key has this kid" },
        { "{\"alg\":\"ES256\",\"kid\":\"../../../dev/null\"}", "no key has this kid" },
        { "{\"alg\":\"ES256\",\"kid\":\"x' or '1'='1\"}", "no key has this kid" },
        { "{\"alg\":\"ES256\",\"kid\":\"https://evil.example/keys\"}", "no key has this kid" },
        { "{\"alg\":\"ES256\",\"kid\":\"\"}", "kid is not a name" },
        { "{\"alg\":\"ES256\",\"kid\":1}", "kid is not a name" },
        { "{\"alg\":\"ES256\",\"kid\":null}", "kid is not a name" },
        { "{\"alg\":\"ES256\",\"kid\":[\"k1\"]}", "kid is not a name" },
        { "{\"alg\":\"ES256\",\"kid\":\"k1\",\"jku\":\"https://evil.example\"}",
          "may not have jku" },
        { "{\"alg\":\"ES256\",\"kid\":\"k1\",\"x5u\":\"https://evil.example\"}",
          "may not have x5u" },
        { "{\"alg\":\"ES256\",\"kid\":\"k1\",\"jwk\":{\"kty\":\"EC\"}}", "may not have jwk" },
        { "{\"alg\":\"ES256\",\"kid\":\"k1\",\"x5c\":[]}", "may not have x5c" },
        { "{\"alg\":\"ES256\",\"kid\":\"k1\",\"crit\":[]}", "may not have crit" },
        { "{\"alg\":\"ES256\",\"kid\":\"k1\",\"crit\":[\"exp\"]}", "may not have crit" },
        { "{\"alg\":\"ES256\",\"kid\":\"k1\",\"b64\":false}", "may not have b64" },
        { "{\"alg\":\"ES256\",\"kid\":\"k1\",\"b64\":true}", "may not have b64" },
        { "{\"alg\":\"ES256\",\"kid\":\"k1\",\"b64\":null}", "may not have b64" },
        { "{\"alg\":\"ES256\",\"kid\":\"k1\",\"typ\":\"annex-exec+jwt\"}",
          "another kind of token" },
        { "{\"alg\":\"ES256\",\"kid\":\"k1\",\"typ\":\"JWE\"}", "another kind of token" },
        { "{\"alg\":\"ES256\",\"kid\":\"k1\",\"typ\":\"\"}", "typ is not a type" },
        { "{\"alg\":\"ES256\",\"kid\":\"k1\",\"typ\":1}", "typ is not a type" },
        { "{\"alg\":\"none\",\"alg\":\"ES256\",\"kid\":\"k1\"}", "the header: " },
        { "{\"alg\":\"ES256\",\"\\u0061lg\":\"none\",\"kid\":\"k1\"}", "the header: " },
        { "{\"alg\":\"ES256\",\"kid\":\"k1\",\"kid\":\"k1\"}", "the header: " },
        { "{\"alg\":\"ES256\",\"kid\":\"k1\"}x", "the header: " },
        { "{\"alg\":\"ES256\",\"kid\":\"k1\",}", "the header: " },
        { "{\"alg\":\"ES256\",\"kid\":\"k1\"", "the header: " },
        { "{\"alg\":\"ES256\",\"kid\":\"k1\",\"a\":\"\xff\"}", "the header: " },
        { "{\"alg\":\"ES256\",\"kid\":\"k1\",\"a\":[[[[1]]]]}", "the header: " },
        { "\xef\xbb\xbf{\"alg\":\"ES256\",\"kid\":\"k1\"}", "the header: " },
        { "[{\"alg\":\"ES256\",\"kid\":\"k1\"}]", "not an object" },
        { "\"ES256\"", "not an object" },
        { "null", "not an object" },
    };
    struct kit kit;

    kit_init(&kit);
    for (size_t i = 0; i < AX_ARRAY_LEN(refused); i++)
        kit_refused(&kit, kit_sign(&kit.token, kit.key, ax_str_of(refused[i].header), AX_STR(P)),
                    refused[i].words);
    kit_done(&kit);
}

TEST(jws_headers_that_say_nothing_wrong_are_accepted)
{
    static const char *accepted[] = {
        KIT_HEADER,
        "{\"alg\":\"ES256\"}",
        "{\"kid\":\"k1\",\"alg\":\"ES256\",\"typ\":\"JWT\"}",
        "{\"alg\":\"ES256\",\"kid\":\"k1\",\"typ\":\"jwt\"}",
        "{\"alg\":\"ES256\",\"kid\":\"k1\",\"typ\":\"at+jwt\"}",
        "{\"alg\":\"ES256\",\"kid\":\"k1\",\"typ\":\"application/at+jwt\"}",
        "{\"alg\":\"ES256\",\"kid\":\"k1\",\"x5t\":\"AA\",\"cty\":\"x\",\"a\":[[[1]]]}",
        " { \"\\u0061lg\" : \"ES256\" , \"kid\" : \"\\u006b1\" } ",
    };
    struct kit kit;

    kit_init(&kit);
    for (size_t i = 0; i < AX_ARRAY_LEN(accepted); i++)
        kit_accepted(&kit, kit_sign(&kit.token, kit.key, ax_str_of(accepted[i]), AX_STR(P)));
    kit_done(&kit);
}

TEST(jws_without_kid_needs_exactly_one_key_that_fits)
{
    AX_AUTO_BUF struct ax_buf jwks = { .max = 65536 };
    struct ax_private_key *other = kit_ec_key();
    cjose_jwk_t *rsa = kit_rsa_key(2048);
    struct kit kit;

    kit_init(&kit);
    kit_ec_jwk(&jwks, kit.key, "");
    T_OK(ax_buf_append_byte(&jwks, ','));
    kit_rsa_jwk(&jwks, rsa, "\"kid\":\"r1\"");
    ax_jwks_free(kit.keys);
    kit.keys = kit_keys(ax_buf_str(&jwks));
    kit_accepted(&kit, kit_sign(&kit.token, kit.key, AX_STR("{\"alg\":\"ES256\"}"), AX_STR(P)));
    kit_refused(&kit, kit_sign(&kit.token, kit.key, AX_STR("{\"alg\":\"PS256\"}"), AX_STR(P)),
                "no kid, and not exactly one key");
    kit_refused(&kit, kit_sign(&kit.token, kit.key, AX_STR(KIT_HEADER), AX_STR(P)),
                "no key has this kid");
    T_STR(ax_str_of(kit.err.pointer), AX_STR(AX_JWT_AT_KID));
    kit_refused(&kit,
                kit_sign(&kit.token, kit.key, AX_STR("{\"alg\":\"ES256\",\"kid\":1}"), AX_STR(P)),
                "kid is not a name");
    T_STR(ax_str_of(kit.err.pointer), AX_STR(""));
    T_OK(ax_buf_append_byte(&jwks, ','));
    kit_ec_jwk(&jwks, other, "\"kid\":\"k2\"");
    ax_jwks_free(kit.keys);
    kit.keys = kit_keys(ax_buf_str(&jwks));
    kit_refused(&kit, kit_sign(&kit.token, kit.key, AX_STR("{\"alg\":\"ES256\"}"), AX_STR(P)),
                "no kid, and not exactly one key");
    kit_accepted(
        &kit, kit_sign(&kit.token, other, AX_STR("{\"alg\":\"ES256\",\"kid\":\"k2\"}"), AX_STR(P)));
    kit_done(&kit);
    ax_private_key_free(other);
    cjose_jwk_release(rsa);
}

TEST(jws_keys_that_were_left_out_verify_nothing)
{
    AX_AUTO_BUF struct ax_buf jwks = { .max = 65536 };
    struct ax_private_key *other = kit_ec_key();
    struct kit kit;

    kit_init(&kit);
    kit_ec_jwk(&jwks, kit.key, "\"kid\":\"k1\",\"use\":\"enc\"");
    T_OK(ax_buf_append_byte(&jwks, ','));
    kit_ec_jwk(&jwks, other, "\"kid\":\"k2\"");
    ax_jwks_free(kit.keys);
    kit.keys = kit_keys(ax_buf_str(&jwks));
    kit_refused(&kit, kit_sign(&kit.token, kit.key, AX_STR(KIT_HEADER), AX_STR(P)),
                "no key has this kid");
    kit_accepted(&kit, kit_sign(&kit.token, other, AX_STR("{\"alg\":\"ES256\"}"), AX_STR(P)));
    kit_done(&kit);
    ax_private_key_free(other);
}

/* HMAC with what everybody knows of the key as its secret. */
static void check_confusion(struct kit *kit, const char *header, struct ax_str secret)
{
    uint8_t tag[AX_HMAC_LEN];
    struct ax_str input = kit_join(&kit->token, ax_str_of(header), AX_STR(P), AX_STR(""));

    ax_hmac(secret, ax_str_sub(input, 0, input.len - 1), tag);
    kit_part(&kit->token, ax_str_make(tag, sizeof(tag)));
    T_CODE(kit_try(kit, ax_buf_str(&kit->token)), AX_E_UNAUTHENTICATED);
}

TEST(jws_public_keys_are_no_secrets_of_hmac)
{
    static const char *headers[] = { "{\"alg\":\"HS256\",\"kid\":\"k1\"}", "{\"alg\":\"HS256\"}",
                                     "{\"alg\":\"ES256\",\"kid\":\"k1\"}",
                                     "{\"alg\":\"RS256\",\"kid\":\"r1\"}",
                                     "{\"alg\":\"HS256\",\"kid\":\"r1\"}" };
    AX_AUTO_BUF struct ax_buf jwks = { .max = 65536 };
    AX_AUTO_BUF struct ax_buf pem = { .max = 4096 };
    AX_AUTO_FREE char *n = NULL;
    cjose_jwk_t *rsa = kit_rsa_key(2048);
    struct kit kit;

    kit_init(&kit);
    n = kit_rsa_number(rsa, "n");
    T_OK(ax_public_key_to_pem(ax_private_key_public(kit.key), &pem));
    kit_ec_jwk(&jwks, kit.key, "\"kid\":\"k1\"");
    T_OK(ax_buf_append_byte(&jwks, ','));
    kit_rsa_jwk(&jwks, rsa, "\"kid\":\"r1\"");
    ax_jwks_free(kit.keys);
    kit.keys = kit_keys(ax_buf_str(&jwks));
    for (size_t i = 0; i < AX_ARRAY_LEN(headers); i++) {
        check_confusion(&kit, headers[i], ax_buf_str(&pem));
        check_confusion(&kit, headers[i], ax_public_key_spki(ax_private_key_public(kit.key)));
        check_confusion(&kit, headers[i], ax_buf_str(&jwks));
        check_confusion(&kit, headers[i], ax_str_of(n));
        check_confusion(&kit, headers[i], AX_STR("\0")); /* as good as none */
    }
    kit_accepted(&kit, kit_rsa_sign(&kit.token, rsa, "RS256", "r1", P));
    kit_accepted(&kit, kit_sign(&kit.token, kit.key, AX_STR(KIT_HEADER), AX_STR(P)));
    kit_done(&kit);
    cjose_jwk_release(rsa);
}

TEST(jws_rsa_key_is_for_one_algorithm)
{
    AX_AUTO_BUF struct ax_buf jwks = { .max = 65536 };
    cjose_jwk_t *rsa = kit_rsa_key(2048);
    cjose_jwk_t *other = kit_rsa_key(2048);
    struct kit kit;

    kit_init(&kit);
    kit_rsa_jwk(&jwks, rsa, "\"kid\":\"rs\"");
    T_OK(ax_buf_append_byte(&jwks, ','));
    kit_rsa_jwk(&jwks, rsa, "\"kid\":\"ps\",\"alg\":\"PS256\"");
    ax_jwks_free(kit.keys);
    kit.keys = kit_keys(ax_buf_str(&jwks));
    kit_accepted(&kit, kit_rsa_sign(&kit.token, rsa, "RS256", "rs", P));
    kit_accepted(&kit, kit_rsa_sign(&kit.token, rsa, "PS256", "ps", P));
    kit_refused(&kit, kit_rsa_sign(&kit.token, rsa, "PS256", "rs", P), "not that of the key");
    kit_refused(&kit, kit_rsa_sign(&kit.token, rsa, "RS256", "ps", P), "not that of the key");
    kit_refused(&kit, kit_rsa_sign(&kit.token, rsa, "RS512", "rs", P), "alg is not");
    kit_refused(&kit, kit_rsa_sign(&kit.token, other, "RS256", "rs", P), "not one of the key");
    kit_refused(&kit, kit_rsa_sign(&kit.token, other, "PS256", "ps", P), "not one of the key");
    kit_done(&kit);
    cjose_jwk_release(rsa);
    cjose_jwk_release(other);
}

/* Splits `token` into what is signed, with its dot, and its signature's bytes. */
static struct ax_str split(struct ax_str token, char *room, size_t *ret_len)
{
    size_t dot = token.len;

    while (token.ptr[dot - 1] != '.')
        dot--;
    T_TRUE(ax_base64url_decode_into(room, ax_str_from(token, dot), ret_len));
    return ax_str_sub(token, 0, dot);
}

static void check_rsa_lengths(struct kit *kit, struct ax_str token)
{
    AX_AUTO_BUF struct ax_buf forged = { .max = 65536 };
    char padded[258] = { 0 }; /* a zero, the signature, a zero */
    static const struct {
        size_t at;
        size_t len;
        const char *words;
    } cuts[] = { { 1, 256, NULL },     { 0, 257, "length" }, { 1, 257, "length" },
                 { 1, 255, "length" }, { 2, 255, "length" }, { 0, 256, "not one of the key" } };
    struct ax_str input;
    size_t len;

    input = split(token, padded + 1, &len);
    T_EQ(len, 256);
    for (size_t i = 0; i < AX_ARRAY_LEN(cuts); i++) {
        ax_buf_clear(&forged);
        T_OK(ax_buf_append_str(&forged, input));
        kit_part(&forged, ax_str_make(padded + cuts[i].at, cuts[i].len));
        if (cuts[i].words)
            kit_refused(kit, ax_buf_str(&forged), cuts[i].words);
        else
            kit_accepted(kit, ax_buf_str(&forged));
    }
}

TEST(jws_rsa_signature_has_the_length_of_the_key)
{
    AX_AUTO_BUF struct ax_buf jwks = { .max = 65536 };
    cjose_jwk_t *rsa = kit_rsa_key(2048);
    struct kit kit;

    kit_init(&kit);
    kit_rsa_jwk(&jwks, rsa, "\"kid\":\"rs\"");
    T_OK(ax_buf_append_byte(&jwks, ','));
    kit_rsa_jwk(&jwks, rsa, "\"kid\":\"ps\",\"alg\":\"PS256\"");
    ax_jwks_free(kit.keys);
    kit.keys = kit_keys(ax_buf_str(&jwks));
    check_rsa_lengths(&kit, kit_rsa_sign(&kit.token, rsa, "RS256", "rs", P));
    check_rsa_lengths(&kit, kit_rsa_sign(&kit.token, rsa, "PS256", "ps", P));
    kit_done(&kit);
    cjose_jwk_release(rsa);
}

/* The signature of the kit's standard token. */
static void sign_raw(struct kit *kit, uint8_t raw[AX_SIGNATURE_LEN])
{
    size_t len;

    split(kit_sign(&kit->token, kit->key, AX_STR(KIT_HEADER), AX_STR(P)), (char *)raw, &len);
    T_EQ(len, AX_SIGNATURE_LEN);
}

static struct ax_str with(struct kit *kit, const void *signature, size_t len)
{
    return kit_join(&kit->token, AX_STR(KIT_HEADER), AX_STR(P), ax_str_make(signature, len));
}

/* The order of P-256. */
static const uint8_t order[32] = { 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
                                   0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
                                   0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51 };

/* number = order - number */
static void negate(uint8_t number[32])
{
    int borrow = 0;

    for (size_t i = 32; i-- > 0;) {
        int digit = order[i] - number[i] - borrow;

        borrow = digit < 0;
        number[i] = (uint8_t)(digit + 256 * borrow);
    }
}

TEST(jws_es256_signature_is_r_and_s_in_64_bytes)
{
    static const char *words = "not one of the key";
    uint8_t raw[AX_SIGNATURE_LEN + 2] = { 0 };
    uint8_t der[AX_SIGNATURE_LEN + 8] = { 0x30, 68 + 2, 0x02, 33, 0 };
    uint8_t changed[AX_SIGNATURE_LEN];
    struct kit kit;

    kit_init(&kit);
    sign_raw(&kit, raw);
    kit_accepted(&kit, with(&kit, raw, 64));
    kit_refused(&kit, with(&kit, raw, 63), "length");
    kit_refused(&kit, with(&kit, raw, 65), "length");
    kit_refused(&kit, with(&kit, raw, 66), "length");
    kit_refused(&kit, with(&kit, raw, 32), "length");
    memcpy(der + 5, raw, 32);
    der[37] = 0x02;
    der[38] = 33;
    memcpy(der + 40, raw + 32, 32);
    kit_refused(&kit, with(&kit, der, 72), "length");
    for (size_t half = 0; half < 2; half++) {
        memcpy(changed, raw, sizeof(changed));
        memset(changed + 32 * half, 0, 32);
        kit_refused(&kit, with(&kit, changed, 64), words);
        memcpy(changed + 32 * half, order, 32);
        kit_refused(&kit, with(&kit, changed, 64), words);
        memset(changed + 32 * half, 0xff, 32);
        kit_refused(&kit, with(&kit, changed, 64), words);
    }
    memset(changed, 0, sizeof(changed));
    kit_refused(&kit, with(&kit, changed, 64), words);
    memcpy(changed, raw + 32, 32);
    memcpy(changed + 32, raw, 32);
    kit_refused(&kit, with(&kit, changed, 64), words);
    kit_done(&kit);
}

/* ECDSA's (r, s) and (r, n - s) sign the same, and JWS does not choose: both are accepted. Nothing of
 * ours takes a token's bytes for the identity of what it says. */
TEST(jws_es256_accepts_high_and_low_s)
{
    uint8_t raw[AX_SIGNATURE_LEN];
    struct kit kit;

    kit_init(&kit);
    sign_raw(&kit, raw);
    kit_accepted(&kit, with(&kit, raw, sizeof(raw)));
    negate(raw + 32);
    kit_accepted(&kit, with(&kit, raw, sizeof(raw)));
    raw[63] ^= 1;
    kit_refused(&kit, with(&kit, raw, sizeof(raw)), "not one of the key");
    kit_done(&kit);
}

TEST(jws_signature_covers_header_and_payload)
{
    AX_AUTO_BUF struct ax_buf other = { .max = 65536 };
    struct ax_private_key *foreign = kit_ec_key();
    struct kit kit;
    struct ax_str rest;

    kit_init(&kit);
    kit_refused(&kit, kit_sign(&kit.token, foreign, AX_STR(KIT_HEADER), AX_STR(P)),
                "not one of the key");
    rest = kit_sign(&kit.token, kit.key, AX_STR(KIT_HEADER),
                    AX_STR(KIT_CLAIMS(",\"tenant\":\"a\"")));
    ax_str_cut(&rest, '.');
    ax_str_cut(&rest, '.');
    kit_part(&other, AX_STR(KIT_HEADER));
    T_OK(ax_buf_append_byte(&other, '.'));
    kit_part(&other, AX_STR(KIT_CLAIMS(",\"tenant\":\"b\"")));
    T_OK(ax_buf_append_byte(&other, '.'));
    T_OK(ax_buf_append_str(&other, rest));
    kit_refused(&kit, ax_buf_str(&other), "not one of the key");
    /* A wrong signature is said before anything of the payload is. */
    kit_refused(&kit, kit_sign(&kit.token, foreign, AX_STR(KIT_HEADER), AX_STR("{")),
                "not one of the key");
    kit_refused(&kit, kit_sign(&kit.token, kit.key, AX_STR(KIT_HEADER), AX_STR("{")),
                "the payload: ");
    kit_done(&kit);
    ax_private_key_free(foreign);
}

static void refuse_text(struct kit *kit, const char *format, struct ax_str token)
{
    AX_AUTO_BUF struct ax_buf text = { .max = 65536 };

    T_OK(ax_buf_printf(&text, format, AX_STR_FMT(token)));
    kit_refused(kit, ax_buf_str(&text), "");
}

TEST(jws_has_three_parts_in_strict_base64url)
{
    static const char *around[] = { " %.*s",    "%.*s ",    "%.*s\n",   "\t%.*s",
                                    "%.*s=",    "%.*s==",   "%.*s.",    ".%.*s",
                                    "%.*s.a",   "a.%.*s",   "%.*s.a.b", "%.*s,",
                                    "\"%.*s\"", "%.*s%%20", "%.*sA",    "%.*s\x80" };
    static const char *alone[] = { "", ".", "..", "...", "a", "a.b", "a.b.c", "e30.e30.e30" };
    struct kit kit;
    struct ax_str token;

    kit_init(&kit);
    token = kit_sign(&kit.token, kit.key, AX_STR(KIT_HEADER), AX_STR(P));
    kit_accepted(&kit, token);
    for (size_t i = 0; i < AX_ARRAY_LEN(around); i++)
        refuse_text(&kit, around[i], token);
    for (size_t i = 0; i < AX_ARRAY_LEN(alone); i++)
        kit_refused(&kit, ax_str_of(alone[i]), "");
    kit_refused(&kit, ax_str_make("a\0.b.c", 6), "the header is not strict");
    kit_refused(&kit, AX_STR_NONE, "the token is empty");
    kit_done(&kit);
}

TEST(jws_has_no_fourth_part)
{
    AX_AUTO_BUF struct ax_buf text = { .max = 65536 };
    struct kit kit;

    kit_init(&kit);
    T_OK(ax_buf_append_str(&text, kit_sign(&kit.token, kit.key, AX_STR(KIT_HEADER), AX_STR(P))));
    kit_accepted(&kit, ax_buf_str(&text));
    T_OK(ax_buf_append_byte(&text, '.'));
    kit_refused(&kit, ax_buf_str(&text), "three parts");
    T_OK(ax_buf_append_str(&text, AX_STR("AAAA")));
    kit_refused(&kit, ax_buf_str(&text), "three parts");
    T_OK(ax_buf_append_str(&text, AX_STR(".AAAA")));
    kit_refused(&kit, ax_buf_str(&text), "three parts");
    kit_done(&kit);
}

TEST(jws_parts_may_not_be_empty)
{
    AX_AUTO_BUF struct ax_buf text = { .max = 65536 };
    static const struct {
        const char *header;
        const char *payload;
        const char *words;
    } cases[] = { { "", P, "the header is empty" }, { KIT_HEADER, "", "the payload is empty" } };
    struct kit kit;
    struct ax_str token;

    kit_init(&kit);
    for (size_t i = 0; i < AX_ARRAY_LEN(cases); i++)
        kit_refused(
            &kit,
            kit_sign(&kit.token, kit.key, ax_str_of(cases[i].header), ax_str_of(cases[i].payload)),
            cases[i].words);
    token = kit_join(&kit.token, AX_STR(KIT_HEADER), AX_STR(P), AX_STR(""));
    kit_refused(&kit, token, "the signature is empty");
    kit_refused(&kit, ax_str_sub(token, 0, token.len - 1), "three parts");
    kit_refused(&kit, kit_join(&kit.token, AX_STR("{\"alg\":\"none\"}"), AX_STR(P), AX_STR("")),
                "the signature is empty");
    kit_done(&kit);
}

TEST(jws_no_byte_of_a_token_can_be_another)
{
    struct kit kit;
    struct ax_str token;

    kit_init(&kit);
    token = kit_sign(&kit.token, kit.key, AX_STR(KIT_HEADER), AX_STR(P));
    for (size_t len = 0; len < token.len; len++)
        kit_refused(&kit, ax_str_sub(token, 0, len), "");
    for (size_t i = 0; i < token.len; i++) {
        static const char others[] = "AB_.=+ ";
        char was = kit.token.ptr[i];

        for (size_t j = 0; j < sizeof(others); j++) { /* its NUL as well */
            kit.token.ptr[i] = others[j];
            if (others[j] != was)
                kit_refused(&kit, token, "");
        }
        kit.token.ptr[i] = was;
    }
    kit_accepted(&kit, token);
    kit_done(&kit);
}

/* The last character carries bits that no byte needs: they must be zero. */
TEST(jws_bits_left_over_are_zero)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    struct kit kit;
    struct ax_str token;
    char *last;
    size_t at;

    kit_init(&kit);
    token = kit_sign(&kit.token, kit.key, AX_STR(KIT_HEADER), AX_STR(P));
    last = &kit.token.ptr[token.len - 1];
    at = ax_str_find(AX_STR("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
                     *last);
    T_EQ(at % 16, 0);
    for (size_t bits = 1; bits < 16; bits++) {
        *last = digits[at + bits];
        kit_refused(&kit, token, "the signature is not strict base64url");
    }
    *last = digits[at];
    kit_accepted(&kit, token);
    kit_done(&kit);
}

/* A token of exactly `len` bytes: members of no meaning stretch header and payload. */
static struct ax_str sign_of_len(struct kit *kit, size_t len)
{
    static char pad[AX_JWT_BYTES_MAX];

    memset(pad, 'x', sizeof(pad));
    for (size_t in_header = 0; in_header < 3; in_header++) {
        for (size_t in_payload = len * 3 / 4 - 300; in_payload < len * 3 / 4; in_payload++) {
            AX_AUTO_BUF struct ax_buf header = { .max = AX_JWT_BYTES_MAX };
            AX_AUTO_BUF struct ax_buf payload = { .max = AX_JWT_BYTES_MAX };
            size_t total;

            T_OK(ax_buf_printf(&header, "{\"alg\":\"ES256\",\"kid\":\"k1\",\"x\":\"%.*s\"}",
                               (int)in_header, pad));
            T_OK(ax_buf_printf(&payload, KIT_CLAIMS(",\"x\":\"%.*s\""), (int)in_payload, pad));
            total = (header.len * 8 + 5) / 6 + (payload.len * 8 + 5) / 6 + 86 + 2;
            if (total == len)
                return kit_sign(&kit->token, kit->key, ax_buf_str(&header), ax_buf_str(&payload));
        }
    }
    fail_msg("no token of %zu bytes", len);
    return AX_STR_NONE;
}

TEST(jws_has_at_most_8_kib)
{
    struct kit kit;
    struct ax_str token;

    kit_init(&kit);
    for (size_t len = AX_JWT_BYTES_MAX - 1; len <= AX_JWT_BYTES_MAX + 1; len++) {
        token = sign_of_len(&kit, len);
        T_EQ(token.len, len);
        if (len <= AX_JWT_BYTES_MAX)
            kit_accepted(&kit, token);
        else
            kit_refused(&kit, token, "more than 8192 bytes");
    }
    kit_done(&kit);
}

TEST(jws_words_quote_nothing_of_the_token)
{
    struct kit kit;

    kit_init(&kit);
    kit_refused(
        &kit,
        kit_sign(&kit.token, kit.key, AX_STR("{\"alg\":\"ES256\",\"kid\":\"canary\"}"), AX_STR(P)),
        "kid");
    assert_null(strstr(kit.err.message, "canary"));
    kit_refused(&kit, kit_sign(&kit.token, kit.key, AX_STR("{\"alg\":\"canary\"}"), AX_STR(P)),
                "alg");
    assert_null(strstr(kit.err.message, "canary"));
    kit_done(&kit);
}

TEST_MAIN()

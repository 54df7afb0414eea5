/* SPDX-License-Identifier: Apache-2.0 */
/* test_kit.c - how do this folder's tests play the issuer, and the forger? */
#include "auth/test_kit.h"

#include "auth/base64url.h"
#include "base/json.h"

#include <stdio.h>

#define KIT_TEXT_MAX (1024 * 1024)

void kit_part(struct ax_buf *buf, struct ax_str bytes)
{
    T_OK(ax_base64url_encode(buf, bytes));
}

struct ax_private_key *kit_ec_key(void)
{
    struct ax_private_key *key = NULL;

    T_OK(ax_private_key_generate(AX_KEY_P256, &key, NULL));
    return key;
}

struct ax_str kit_join(struct ax_buf *buf, struct ax_str header, struct ax_str payload,
                       struct ax_str signature)
{
    ax_buf_clear(buf);
    kit_part(buf, header);
    T_OK(ax_buf_append_byte(buf, '.'));
    kit_part(buf, payload);
    T_OK(ax_buf_append_byte(buf, '.'));
    kit_part(buf, signature);
    return ax_buf_str(buf);
}

struct ax_str kit_sign(struct ax_buf *buf, const struct ax_private_key *key, struct ax_str header,
                       struct ax_str payload)
{
    uint8_t signature[AX_SIGNATURE_LEN];
    struct ax_str input = kit_join(buf, header, payload, AX_STR(""));

    ax_private_key_sign(key, ax_str_sub(input, 0, input.len - 1), signature);
    kit_part(buf, ax_str_make(signature, sizeof(signature)));
    return ax_buf_str(buf);
}

void kit_ec_jwk(struct ax_buf *buf, const struct ax_private_key *key, const char *members)
{
    struct ax_str spki = ax_public_key_spki(ax_private_key_public(key));

    T_OK(ax_buf_printf(buf, "{\"kty\":\"EC\",\"crv\":\"P-256\",%s%s\"x\":\"", members,
                       *members ? "," : ""));
    kit_part(buf, ax_str_sub(spki, spki.len - 64, spki.len - 32));
    T_OK(ax_buf_append_str(buf, AX_STR("\",\"y\":\"")));
    kit_part(buf, ax_str_from(spki, spki.len - 32));
    T_OK(ax_buf_append_str(buf, AX_STR("\"}")));
}

cjose_jwk_t *kit_rsa_key(size_t bits)
{
    static const uint8_t e[] = { 1, 0, 1 };
    cjose_jwk_t *key;

    ax_auth_init();
    key = cjose_jwk_create_RSA_random(bits, e, sizeof(e), NULL);
    assert_non_null(key);
    return key;
}

struct ax_str kit_rsa_sign(struct ax_buf *buf, const cjose_jwk_t *key, const char *alg,
                           const char *kid, const char *payload)
{
    cjose_header_t *header = cjose_header_new(NULL);
    const char *text = NULL;
    cjose_jws_t *jws;

    T_TRUE(cjose_header_set(header, "alg", alg, NULL));
    T_TRUE(cjose_header_set(header, "kid", kid, NULL));
    jws = cjose_jws_sign(key, header, (const uint8_t *)payload, strlen(payload), NULL);
    T_TRUE(jws && cjose_jws_export(jws, &text, NULL));
    ax_buf_clear(buf);
    T_OK(ax_buf_append_str(buf, ax_str_of(text)));
    cjose_jws_release(jws);
    cjose_header_release(header);
    return ax_buf_str(buf);
}

char *kit_rsa_number(const cjose_jwk_t *key, const char *name)
{
    static const struct ax_json_limits limits = { .bytes_max = KIT_TEXT_MAX };
    char *text = cjose_jwk_to_json(key, false, NULL);
    struct ax_json *json = NULL;
    char *number;

    T_OK(ax_json_parse(ax_str_of(text), &limits, &json, NULL));
    number = ax_strdup(ax_json_str(ax_json_get(ax_json_root(json), name)));
    ax_json_free(json);
    free(text);
    return number;
}

void kit_rsa_jwk(struct ax_buf *buf, const cjose_jwk_t *key, const char *members)
{
    AX_AUTO_FREE char *n = kit_rsa_number(key, "n");
    AX_AUTO_FREE char *e = kit_rsa_number(key, "e");

    T_OK(ax_buf_printf(buf, "{\"kty\":\"RSA\",%s%s\"n\":\"%s\",\"e\":\"%s\"}", members,
                       *members ? "," : "", n, e));
}

struct ax_jwks *kit_keys(struct ax_str jwks)
{
    AX_AUTO_BUF struct ax_buf text = { .max = KIT_TEXT_MAX };
    struct ax_jwks *keys = NULL;
    struct ax_err err = { 0 };

    T_OK(ax_buf_printf(&text, "{\"keys\":[%.*s]}", AX_STR_FMT(jwks)));
    if (ax_jwks_parse(ax_buf_str(&text), &keys, &err) != AX_OK)
        fail_msg("%s: %s", err.pointer, err.message);
    return keys;
}

void kit_init(struct kit *kit)
{
    AX_AUTO_BUF struct ax_buf jwk = { .max = KIT_TEXT_MAX };

    memset(kit, 0, sizeof(*kit));
    kit->key = kit_ec_key();
    kit_ec_jwk(&jwk, kit->key, "\"kid\":\"k1\"");
    kit->keys = kit_keys(ax_buf_str(&jwk));
    kit->rules = (struct ax_jwt_rules){ .issuer = AX_STR(KIT_ISSUER),
                                        .audience = AX_STR(KIT_AUDIENCE),
                                        .claim_tenant = AX_STR("tenant"),
                                        .claim_roles = AX_STR("roles") };
    ax_buf_init(&kit->token, KIT_TEXT_MAX);
    kit->now_s = KIT_NOW;
}

void kit_done(struct kit *kit)
{
    ax_buf_done(&kit->token);
    ax_jwks_free(kit->keys);
    ax_private_key_free(kit->key);
}

enum ax_code kit_try(struct kit *kit, struct ax_str token)
{
    AX_AUTO(ax_claims_unref) struct ax_claims *claims = NULL;
    enum ax_code code;

    memset(&kit->err, 0, sizeof(kit->err));
    code = ax_jwt_verify(token, kit->keys, &kit->rules, kit->now_s, &claims, &kit->err);
    T_TRUE((code == AX_OK) == (claims != NULL));
    return code;
}

void kit_refused(struct kit *kit, struct ax_str token, const char *words)
{
    enum ax_code code = kit_try(kit, token);

    if (code != AX_E_UNAUTHENTICATED || !strstr(kit->err.message, words))
        fail_msg("expected '%s', got %s '%s' for %.*s", words, ax_code_info(code)->name,
                 kit->err.message, AX_STR_FMT(token));
}

void kit_accepted(struct kit *kit, struct ax_str token)
{
    enum ax_code code = kit_try(kit, token);

    if (code != AX_OK)
        fail_msg("%s '%s' for %.*s", ax_code_info(code)->name, kit->err.message, AX_STR_FMT(token));
}

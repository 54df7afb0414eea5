/* SPDX-License-Identifier: Apache-2.0 */
/* jwt_fuzz.c - is a token believed only when a key of ours signed it and it says what it must?
 *
 * The first byte says what the rest is: a whole token, which nobody signed; a header or a payload,
 * which we sign, so that the fuzzer gets past the signature; a key set; a setting of roles. */
#include "auth/base64url.h"
#include "auth/exec_token.h"
#include "auth/jwt.h"
#include "auth/roles.h"
#include "base/json.h"

#include "fuzz.h"

#include <string.h>

#define FUZZ_NOW INT64_C(1000000)

static struct ax_private_key *fuzz_key;
static struct ax_jwks *fuzz_keys;

static const struct ax_jwt_rules fuzz_rules = { .issuer = AX_STR_INIT("i"),
                                                .audience = AX_STR_INIT("a"),
                                                .claim_tenant = AX_STR_INIT("tenant"),
                                                .claim_roles = AX_STR_INIT("roles"),
                                                .claims_extra = AX_STR_INIT("x,y") };

static void fuzz_start(void)
{
    AX_AUTO_BUF struct ax_buf jwks = { .max = 4096 };
    const struct ax_public_key *public_key;

    if (fuzz_key)
        return;
    FUZZ_HOLDS(ax_private_key_generate(AX_KEY_P256, &fuzz_key, NULL) == AX_OK);
    public_key = ax_private_key_public(fuzz_key);
    FUZZ_HOLDS(ax_exec_jwks_write(&public_key, 1, &jwks) == AX_OK);
    FUZZ_HOLDS(ax_jwks_parse(ax_buf_str(&jwks), &fuzz_keys, NULL) == AX_OK);
}

static void sign(struct ax_buf *token, struct ax_str header, struct ax_str payload)
{
    uint8_t signature[AX_SIGNATURE_LEN];

    FUZZ_HOLDS(ax_base64url_encode(token, header) == AX_OK);
    FUZZ_HOLDS(ax_buf_append_byte(token, '.') == AX_OK);
    FUZZ_HOLDS(ax_base64url_encode(token, payload) == AX_OK);
    ax_private_key_sign(fuzz_key, ax_buf_str(token), signature);
    FUZZ_HOLDS(ax_buf_append_byte(token, '.') == AX_OK);
    FUZZ_HOLDS(ax_base64url_encode(token, ax_str_make(signature, sizeof(signature))) == AX_OK);
}

static struct ax_claims *verify(struct ax_str token)
{
    struct ax_claims *claims = NULL;
    struct ax_err err = { 0 };
    enum ax_code code = ax_jwt_verify(token, fuzz_keys, &fuzz_rules, FUZZ_NOW, &claims, &err);

    FUZZ_HOLDS((code == AX_OK) == (claims != NULL));
    FUZZ_HOLDS(code == AX_OK || code == AX_E_UNAUTHENTICATED);
    FUZZ_HOLDS((code == AX_OK) == (err.message[0] == '\0'));
    return claims;
}

/* Reads again what was accepted, with more room and by its own few rules. */
static struct ax_json *read_again(struct ax_str text)
{
    static const struct ax_json_limits limits = { .bytes_max = SIZE_MAX, .keys_max = SIZE_MAX };
    struct ax_json *json = NULL;

    FUZZ_HOLDS(ax_json_parse(text, &limits, &json, NULL) == AX_OK);
    FUZZ_HOLDS(ax_json_type(ax_json_root(json)) == AX_JSON_OBJECT);
    return json;
}

static void check_header(struct ax_str header)
{
    AX_AUTO_BUF struct ax_buf token = { .max = SIZE_MAX / 4 };
    AX_AUTO(ax_claims_unref) struct ax_claims *claims = NULL;
    AX_AUTO(ax_json_free) struct ax_json *json = NULL;
    static const char *refused[] = { "crit", "b64", "jku", "jwk", "x5u", "x5c" };

    sign(&token, header, AX_STR("{\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"s\",\"exp\":1000000}"));
    claims = verify(ax_buf_str(&token));
    if (!claims)
        return;
    json = read_again(header);
    FUZZ_HOLDS(ax_str_eq(ax_json_str(ax_json_get(ax_json_root(json), "alg")), AX_STR("ES256")));
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        FUZZ_HOLDS(!ax_json_get(ax_json_root(json), refused[i]));
}

static bool clean(struct ax_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
            return false;
    }
    return ax_str_is_utf8(text);
}

static void check_claims(const struct ax_claims *claims, const struct ax_json_value *payload)
{
    const struct ax_json_value *aud = ax_json_get(payload, "aud");
    struct ax_json_iter it = ax_json_iter(aud);
    bool named = ax_str_eq(ax_json_str(aud), AX_STR("a"));
    int64_t exp = 0;

    while (ax_json_type(aud) == AX_JSON_ARRAY && ax_json_next(&it))
        named = named || ax_str_eq(ax_json_str(it.value), AX_STR("a"));
    FUZZ_HOLDS(named);
    FUZZ_HOLDS(ax_str_eq(ax_json_str(ax_json_get(payload, "iss")), AX_STR("i")));
    FUZZ_HOLDS(ax_json_i64(ax_json_get(payload, "exp"), 0, INT64_MAX, &exp));
    FUZZ_HOLDS(exp > FUZZ_NOW - AX_JWT_SKEW_S && claims->expires_s == exp);
    FUZZ_HOLDS(claims->subject.len > 0);
    FUZZ_HOLDS(ax_str_eq(claims->subject, ax_json_str(ax_json_get(payload, "sub"))));
    FUZZ_HOLDS(ax_str_eq(claims->tenant, ax_json_str(ax_json_get(payload, "tenant"))));
    FUZZ_HOLDS(clean(claims->subject) && clean(claims->tenant) && clean(claims->email) &&
               clean(claims->name) && clean(claims->client_id));
    FUZZ_HOLDS(claims->role_count <= AX_CLAIMS_ROLES_MAX && claims->extra_count <= 2);
    for (size_t i = 0; i < claims->role_count; i++)
        FUZZ_HOLDS(claims->roles[i].len > 0 && clean(claims->roles[i]));
    for (size_t i = 0; i < claims->extra_count; i++)
        FUZZ_HOLDS(ax_str_is_utf8(claims->extras[i].value));
}

static void check_payload(struct ax_str payload)
{
    AX_AUTO_BUF struct ax_buf token = { .max = SIZE_MAX / 4 };
    AX_AUTO(ax_claims_unref) struct ax_claims *claims = NULL;
    AX_AUTO(ax_json_free) struct ax_json *json = NULL;

    sign(&token, AX_STR("{\"alg\":\"ES256\"}"), payload);
    claims = verify(ax_buf_str(&token));
    if (!claims)
        return;
    FUZZ_HOLDS(token.len <= AX_JWT_BYTES_MAX);
    json = read_again(payload);
    check_claims(claims, ax_json_root(json));
}

static void check_key_set(struct ax_str text)
{
    AX_AUTO(ax_jwks_free) struct ax_jwks *keys = NULL;
    enum ax_code code = ax_jwks_parse(text, &keys, NULL);

    FUZZ_HOLDS((code == AX_OK) == (keys != NULL));
    FUZZ_HOLDS(!keys || (ax_jwks_count(keys) > 0 &&
                         ax_jwks_count(keys) + ax_jwks_left_out(keys) <= AX_JWKS_KEYS_MAX));
}

/* Nothing but `*` grants what the setting does not spell. */
static void check_roles(struct ax_str text)
{
    AX_AUTO(ax_roles_free) struct ax_roles *roles = NULL;
    const struct ax_str role = AX_STR("r");
    const struct ax_claims claims = { .roles = &role, .role_count = 1 };

    if (ax_roles_parse(text, &roles, NULL) != AX_OK)
        return;
    if (ax_roles_allow(roles, &claims, AX_STR("e.x"), AX_STR("p")))
        FUZZ_HOLDS(memchr(text.ptr, 'r', text.len) &&
                   (memchr(text.ptr, '*', text.len) || memchr(text.ptr, 'p', text.len)));
}

static void check_base64url(struct ax_str text)
{
    AX_AUTO_BUF struct ax_buf again = { .max = SIZE_MAX / 4 };
    AX_AUTO_FREE char *room = malloc(ax_base64url_decoded_max(text.len) + 1);
    size_t len;

    FUZZ_HOLDS(room != NULL);
    if (!ax_base64url_decode_into(room, text, &len))
        return;
    FUZZ_HOLDS(len == ax_base64url_decoded_max(text.len));
    FUZZ_HOLDS(ax_base64url_encode(&again, ax_str_make(room, len)) == AX_OK);
    FUZZ_HOLDS(ax_str_eq(ax_buf_str(&again), text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ax_str rest;

    fuzz_start();
    if (size == 0)
        return 0;
    rest = ax_str_make(data + 1, size - 1);
    switch (data[0]) {
    case 'h': check_header(rest); break;
    case 'p': check_payload(rest); break;
    case 'k': check_key_set(rest); break;
    case 'r': check_roles(rest); break;
    default:
        FUZZ_HOLDS(verify(rest) == NULL);
        check_base64url(rest);
        break;
    }
    return 0;
}

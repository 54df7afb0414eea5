/* SPDX-License-Identifier: Apache-2.0 */
/* jws.c - did one of these keys sign this token?
 *
 * Everything about the token's shape is judged here, strictly; cjose then sees only tokens that
 * leave it no choice, and says whether the signature is right. */
#include "auth/base64url.h"
#include "auth/internal.h"
#include "auth/jwt.h"
#include "crypto/crypto.h"

#include <stdio.h>
#include <string.h>

#define JWS_SIGNATURE_MAX (AX_RSA_BITS_MAX / 8)
#define JWS_TIME_MAX      INT64_C(253402300799) /* the year 9999: sums cannot overflow */

struct jws_parts {
    struct ax_str header;
    struct ax_str payload;
    struct ax_str signature;
};

static enum ax_code jws_refuse(struct ax_err *err, const char *words)
{
    return ax_err_set(err, AX_E_UNAUTHENTICATED, "%s", words);
}

static enum ax_code jws_split(struct ax_str token, struct jws_parts *parts, struct ax_err *err)
{
    struct ax_str rest = token;

    if (token.len > AX_JWS_BYTES_MAX)
        return ax_err_set(err, AX_E_UNAUTHENTICATED, "the token has more than %d bytes",
                          AX_JWS_BYTES_MAX);
    if (token.len == 0)
        return jws_refuse(err, "the token is empty");
    parts->header = ax_str_cut(&rest, '.');
    parts->payload = ax_str_cut(&rest, '.');
    parts->signature = ax_str_cut(&rest, '.');
    if (!parts->signature.ptr || rest.ptr)
        return jws_refuse(err, "the token has not three parts");
    if (parts->header.len == 0)
        return jws_refuse(err, "the header is empty");
    if (parts->payload.len == 0)
        return jws_refuse(err, "the payload is empty");
    if (parts->signature.len == 0)
        return jws_refuse(err, "the signature is empty");
    return AX_OK;
}

/* ---- header ---- */

struct jws_header {
    enum ax_jws_alg alg;
    struct ax_str kid; /* borrowed from the JSON */
};

static enum ax_code jws_read_typ(const struct ax_json_value *typ, const struct ax_str *types,
                                 size_t type_count, struct ax_err *err)
{
    if (ax_json_type(typ) != AX_JSON_MISSING &&
        (ax_json_type(typ) != AX_JSON_STRING || ax_json_str(typ).len == 0))
        return ax_err_set_at(err, AX_E_UNAUTHENTICATED, "/typ", "typ is not a type");
    for (size_t i = 0; i < type_count; i++) {
        if (ax_str_eq_nocase(ax_json_str(typ), types[i]))
            return AX_OK;
    }
    return ax_err_set_at(err, AX_E_UNAUTHENTICATED, "/typ", "typ is that of another kind of token");
}

/* Members by which a token would have a say in how it is verified. */
static enum ax_code jws_refuse_members(const struct ax_json_value *header, struct ax_err *err)
{
    static const char *refused[] = { "crit", "b64", "jku", "jwk", "x5u", "x5c" };

    for (size_t i = 0; i < AX_ARRAY_LEN(refused); i++) {
        char pointer[8];

        snprintf(pointer, sizeof(pointer), "/%s", refused[i]);
        if (ax_json_get(header, refused[i]))
            return ax_err_set_at(err, AX_E_UNAUTHENTICATED, pointer, "the header may not have %s",
                                 refused[i]);
    }
    return AX_OK;
}

static enum ax_code jws_read_header(const struct ax_json_value *json, const struct ax_str *types,
                                    size_t type_count, struct jws_header *header,
                                    struct ax_err *err)
{
    const struct ax_json_value *kid = ax_json_get(json, "kid");
    enum ax_code code;

    if (ax_json_type(json) != AX_JSON_OBJECT)
        return jws_refuse(err, "the header is not an object");
    code = jws_refuse_members(json, err);
    if (code == AX_OK)
        code = jws_read_typ(ax_json_get(json, "typ"), types, type_count, err);
    if (code != AX_OK)
        return code;
    header->alg = ax_jws_alg_of(ax_json_str(ax_json_get(json, "alg")));
    if (header->alg == AX_JWS_NONE)
        return ax_err_set_at(err, AX_E_UNAUTHENTICATED, "/alg", "alg is not RS256, PS256 or ES256");
    header->kid = kid ? ax_json_str(kid) : AX_STR_NONE;
    if (kid && (ax_json_type(kid) != AX_JSON_STRING || header->kid.len == 0))
        return jws_refuse(err, "kid is not a name"); /* no new key will have it */
    return AX_OK;
}

static enum ax_code jws_find_key(struct ax_str text, const struct ax_jwks *keys,
                                 const struct ax_str *types, size_t type_count,
                                 const struct ax_jwk **ret_key, struct ax_err *err)
{
    static const struct ax_json_limits limits = { .bytes_max = AX_JWS_BYTES_MAX,
                                                  .keys_max = 64,
                                                  .depth_max = 4 };
    AX_AUTO(ax_json_free) struct ax_json *json = NULL;
    char room[AX_JWS_BYTES_MAX];
    struct jws_header header = { 0 };
    const struct ax_jwk *key;
    enum ax_code code;
    size_t len;

    if (!ax_base64url_decode_into(room, text, &len))
        return jws_refuse(err, "the header is not strict base64url");
    code = ax_json_parse(ax_str_make(room, len), &limits, &json, err);
    if (code == AX_E_NO_MEMORY)
        return code;
    if (code != AX_OK)
        return ax_err_wrap(err, AX_E_UNAUTHENTICATED, "the header");
    code = jws_read_header(ax_json_root(json), types, type_count, &header, err);
    if (code != AX_OK)
        return code;
    key = ax_jwks_pick(keys, header.kid, header.alg);
    if (!key)
        return ax_err_set_at(err, AX_E_UNAUTHENTICATED, AX_JWT_AT_KID,
                             header.kid.ptr ? "no key has this kid"
                                            : "no kid, and not exactly one key that fits");
    if (key->alg != header.alg)
        return ax_err_set_at(err, AX_E_UNAUTHENTICATED, "/alg", "alg is not that of the key");
    *ret_key = key;
    return AX_OK;
}

/* ---- signature, then payload ---- */

static enum ax_code jws_verify(struct ax_str token, const struct ax_jwk *key, cjose_jws_t **ret_jws,
                               struct ax_err *err)
{
    cjose_jws_t *jws = cjose_jws_import(token.ptr, token.len, NULL);
    bool good = jws && cjose_jws_verify(jws, key->key, NULL);

    ax_crypto_forget_errors(); /* cjose leaves them behind */
    if (good) {
        *ret_jws = jws;
        return AX_OK;
    }
    cjose_jws_release(jws);
    return jws_refuse(err, "the signature is not one of the key");
}

/* cjose is lax about the length of a signature, and about base64url: a token has one spelling. */
static enum ax_code jws_check_spelling(const struct jws_parts *parts, const struct ax_jwk *key,
                                       struct ax_err *err)
{
    char room[AX_JWS_BYTES_MAX];
    size_t len;

    if (!ax_base64url_decode_into(room, parts->payload, &len))
        return jws_refuse(err, "the payload is not strict base64url");
    if (!ax_base64url_decode_into(room, parts->signature, &len))
        return jws_refuse(err, "the signature is not strict base64url");
    if (len != key->signature_len)
        return jws_refuse(err, "the signature has not the length of the key's");
    return AX_OK;
}

static enum ax_code jws_read_payload(const cjose_jws_t *jws, struct ax_json **ret_payload,
                                     struct ax_err *err)
{
    static const struct ax_json_limits limits = { .bytes_max = AX_JWS_BYTES_MAX,
                                                  .keys_max = 512,
                                                  .depth_max = 16 };
    AX_AUTO(ax_json_free) struct ax_json *json = NULL;
    uint8_t *bytes = NULL;
    size_t len = 0;
    enum ax_code code;

    if (!cjose_jws_get_plaintext(jws, &bytes, &len, NULL))
        return jws_refuse(err, "the payload is empty");
    code = ax_json_parse(ax_str_make(bytes, len), &limits, &json, err);
    if (code == AX_E_NO_MEMORY)
        return code;
    if (code != AX_OK)
        return ax_err_wrap(err, AX_E_UNAUTHENTICATED, "the payload");
    if (ax_json_type(ax_json_root(json)) != AX_JSON_OBJECT)
        return jws_refuse(err, "the payload is not an object");
    *ret_payload = AX_TAKE(json);
    return AX_OK;
}

enum ax_code ax_jws_open(struct ax_str token, const struct ax_jwks *keys,
                         const struct ax_str *types, size_t type_count,
                         struct ax_json **ret_payload, struct ax_err *err)
{
    const struct ax_jwk *key = NULL;
    struct jws_parts parts;
    cjose_jws_t *jws = NULL;
    enum ax_code code = jws_split(token, &parts, err);

    if (code == AX_OK)
        code = jws_find_key(parts.header, keys, types, type_count, &key, err);
    if (code == AX_OK)
        code = jws_check_spelling(&parts, key, err);
    if (code == AX_OK)
        code = jws_verify(token, key, &jws, err);
    if (code == AX_OK)
        code = jws_read_payload(jws, ret_payload, err);
    cjose_jws_release(jws);
    return code;
}

/* ---- claims that every kind of token has ---- */

static enum ax_code jws_refuse_claim(struct ax_err *err, const char *pointer, const char *words)
{
    return ax_err_set_at(err, AX_E_UNAUTHENTICATED, pointer, "%s %s", pointer + 1, words);
}

static bool jws_has_audience(const struct ax_json_value *aud, struct ax_str audience)
{
    struct ax_json_iter it = ax_json_iter(aud);
    bool found = false;

    if (ax_json_type(aud) != AX_JSON_ARRAY)
        return ax_json_type(aud) == AX_JSON_STRING && ax_str_eq(ax_json_str(aud), audience);
    while (ax_json_next(&it)) {
        if (ax_json_type(it.value) != AX_JSON_STRING)
            return false;
        found |= ax_str_eq(ax_json_str(it.value), audience);
    }
    return found;
}

/* *ret_time keeps its value when the claim is missing. */
static enum ax_code jws_read_time(const struct ax_json_value *payload, const char *pointer,
                                  int64_t *ret_time, struct ax_err *err)
{
    const struct ax_json_value *value = ax_json_get(payload, pointer + 1);

    if (value && !ax_json_i64(value, 0, JWS_TIME_MAX, ret_time))
        return jws_refuse_claim(err, pointer, "is not a time in whole seconds");
    return AX_OK;
}

enum ax_code ax_jws_check(const struct ax_json_value *payload, const struct ax_jws_terms *terms,
                          int64_t *ret_expires_s, struct ax_err *err)
{
    const struct ax_json_value *iss = ax_json_get(payload, "iss");
    int64_t exp = -1;
    int64_t nbf = 0;
    int64_t iat = 0;
    enum ax_code code;

    if (ax_json_type(iss) != AX_JSON_STRING || !ax_str_eq(ax_json_str(iss), terms->issuer))
        return jws_refuse_claim(err, "/iss", "is not our issuer");
    if (!jws_has_audience(ax_json_get(payload, "aud"), terms->audience))
        return jws_refuse_claim(err, "/aud", "does not name us");
    code = jws_read_time(payload, "/exp", &exp, err);
    if (code == AX_OK)
        code = jws_read_time(payload, "/nbf", &nbf, err);
    if (code == AX_OK)
        code = jws_read_time(payload, "/iat", &iat, err);
    if (code != AX_OK)
        return code;
    if (exp < 0)
        return jws_refuse_claim(err, "/exp", "is missing");
    if (terms->now_s >= exp + terms->skew_s)
        return jws_refuse_claim(err, "/exp", "has passed");
    if (terms->now_s < nbf - terms->skew_s)
        return jws_refuse_claim(err, "/nbf", "has not come yet");
    if (terms->now_s < iat - terms->skew_s)
        return jws_refuse_claim(err, "/iat", "lies in the future");
    *ret_expires_s = exp;
    return AX_OK;
}

bool ax_jws_text_ok(struct ax_str text, size_t len_max)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
            return false;
    }
    return text.len <= len_max;
}

enum ax_code ax_jws_text(const struct ax_json_value *payload, struct ax_str name, size_t len_max,
                         struct ax_str *ret_text, struct ax_err *err)
{
    const struct ax_json_value *value = ax_json_get_str(payload, name);
    struct ax_str text = ax_json_str(value);

    if (!ax_json_is_absent(value) && ax_json_type(value) != AX_JSON_STRING)
        return ax_err_set(err, AX_E_UNAUTHENTICATED, "the claim %.*s is not a string",
                          AX_STR_FMT(name));
    if (!ax_jws_text_ok(text, len_max))
        return ax_err_set(err, AX_E_UNAUTHENTICATED,
                          "the claim %.*s is over %zu bytes or has control characters",
                          AX_STR_FMT(name), len_max);
    *ret_text = text.len > 0 ? text : AX_STR_NONE;
    return AX_OK;
}

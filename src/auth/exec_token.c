/* SPDX-License-Identifier: Apache-2.0 */
/* exec_token.c - on whose behalf does this execution ask? */
#include "auth/exec_token.h"

#include "auth/base64url.h"
#include "auth/internal.h"
#include "base/json.h"

#include <assert.h>
#include <string.h>

#define EXEC_TYPE       "annex-exec+jwt"
#define EXEC_HEADER_MAX 256
#define EXEC_POINT_LEN  64 /* x and y stand at the end of a P-256 key's SubjectPublicKeyInfo */

static_assert(AX_EXEC_TOKEN_BYTES_MAX == AX_JWS_BYTES_MAX, "what we sign is what is accepted");

/* The claims that are one text, in the order in which they are written. */
static const struct exec_text {
    const char *name;
    size_t offset;
    bool required;
} exec_texts[] = {
    { "tenant", offsetof(struct ax_exec_claims, tenant), true },
    { "extension", offsetof(struct ax_exec_claims, extension), true },
    { "install", offsetof(struct ax_exec_claims, install), true },
    { "version", offsetof(struct ax_exec_claims, version), true },
    { "hash", offsetof(struct ax_exec_claims, hash), true },
    { "exec", offsetof(struct ax_exec_claims, exec), true },
    { "user", offsetof(struct ax_exec_claims, user), false },
};

static struct ax_str exec_text_of(const struct ax_exec_claims *claims, const struct exec_text *text)
{
    return *(const struct ax_str *)(const void *)((const char *)claims + text->offset);
}

/* ---- signing ---- */

struct ax_exec_signer {
    struct ax_private_key *key;
    struct ax_buf header; /* already in base64url, with its dot */
};

enum ax_code ax_exec_signer_new(struct ax_private_key *key, struct ax_exec_signer **ret_signer,
                                struct ax_err *err)
{
    AX_AUTO(ax_exec_signer_free) struct ax_exec_signer *signer = ax_alloc(sizeof(*signer));
    const struct ax_public_key *public_key = ax_private_key_public(key);
    AX_AUTO_BUF struct ax_buf json = { .max = EXEC_HEADER_MAX };
    struct ax_json_out out;

    signer->key = key;
    ax_buf_init(&signer->header, 2 * EXEC_HEADER_MAX);
    if (ax_public_key_type(public_key) != AX_KEY_P256)
        return ax_err_set(err, AX_E_INVALID_REQUEST, "execution tokens need a P-256 key");
    ax_json_out_init(&out, &json);
    ax_json_begin_object(&out);
    ax_json_key(&out, "alg");
    ax_json_put_str(&out, AX_STR("ES256"));
    ax_json_key(&out, "kid");
    ax_json_put_str(&out, ax_public_key_id(public_key));
    ax_json_key(&out, "typ");
    ax_json_put_str(&out, AX_STR(EXEC_TYPE));
    ax_json_end_object(&out);
    if (json.failed == AX_OK)
        ax_base64url_encode(&signer->header, ax_buf_str(&json));
    ax_buf_append_byte(&signer->header, '.');
    if (json.failed != AX_OK || signer->header.failed != AX_OK)
        return ax_err_set(err, AX_E_NO_MEMORY, "there is no memory for a signer");
    *ret_signer = AX_TAKE(signer);
    return AX_OK;
}

void ax_exec_signer_free(struct ax_exec_signer *signer)
{
    if (!signer)
        return;
    ax_private_key_free(signer->key);
    ax_buf_done(&signer->header);
    free(signer);
}

const struct ax_public_key *ax_exec_signer_public(const struct ax_exec_signer *signer)
{
    return ax_private_key_public(signer->key);
}

static bool exec_text_ok(struct ax_str text, bool required)
{
    return (text.len > 0 || !required) && ax_jws_text_ok(text, AX_EXEC_TOKEN_TEXT_MAX) &&
           ax_str_is_utf8(text);
}

static enum ax_code exec_check(const struct ax_exec_claims *claims, struct ax_err *err)
{
    for (size_t i = 0; i < AX_ARRAY_LEN(exec_texts); i++) {
        if (!exec_text_ok(exec_text_of(claims, &exec_texts[i]), exec_texts[i].required))
            return ax_err_set(err, AX_E_INVALID_REQUEST, "the claim %s cannot be signed",
                              exec_texts[i].name);
    }
    assert(claims->cap_count <= AX_EXEC_TOKEN_CAPS_MAX);
    for (size_t i = 0; i < claims->cap_count; i++) {
        if (!exec_text_ok(claims->caps[i], true))
            return ax_err_set(err, AX_E_INVALID_REQUEST, "a capability cannot be signed");
    }
    return AX_OK;
}

static void exec_write(struct ax_buf *json, struct ax_str issuer, struct ax_str audience,
                       const struct ax_exec_claims *claims)
{
    struct ax_json_out out;

    ax_json_out_init(&out, json);
    ax_json_begin_object(&out);
    ax_json_key(&out, "iss");
    ax_json_put_str(&out, issuer);
    ax_json_key(&out, "aud");
    ax_json_put_str(&out, audience);
    ax_json_key(&out, "exp");
    ax_json_put_i64(&out, claims->expires_s);
    for (size_t i = 0; i < AX_ARRAY_LEN(exec_texts); i++) {
        struct ax_str text = exec_text_of(claims, &exec_texts[i]);

        if (text.len == 0)
            continue;
        ax_json_key(&out, exec_texts[i].name);
        ax_json_put_str(&out, text);
    }
    ax_json_key(&out, "caps");
    ax_json_begin_array(&out);
    for (size_t i = 0; i < claims->cap_count; i++)
        ax_json_put_str(&out, claims->caps[i]);
    ax_json_end_array(&out);
    ax_json_end_object(&out);
}

enum ax_code ax_exec_token_sign(const struct ax_exec_signer *signer, struct ax_str issuer,
                                struct ax_str audience, const struct ax_exec_claims *claims,
                                struct ax_buf *buf, struct ax_err *err)
{
    AX_AUTO_BUF struct ax_buf json = { .max = AX_EXEC_TOKEN_BYTES_MAX };
    AX_AUTO_BUF struct ax_buf token = { .max = AX_EXEC_TOKEN_BYTES_MAX };
    uint8_t signature[AX_SIGNATURE_LEN];
    enum ax_code code = exec_check(claims, err);

    if (code == AX_OK && (!exec_text_ok(issuer, true) || !exec_text_ok(audience, true)))
        code = ax_err_set(err, AX_E_INVALID_REQUEST, "a token needs an issuer and an audience");
    if (code != AX_OK)
        return code;
    exec_write(&json, issuer, audience, claims);
    code = json.failed;
    if (code == AX_OK) {
        ax_buf_append_str(&token, ax_buf_str(&signer->header));
        code = ax_base64url_encode(&token, ax_buf_str(&json));
    }
    if (code == AX_OK) {
        ax_private_key_sign(signer->key, ax_buf_str(&token), signature);
        ax_buf_append_byte(&token, '.');
        code = ax_base64url_encode(&token, ax_str_make(signature, sizeof(signature)));
    }
    if (code == AX_OK)
        code = ax_buf_append_str(buf, ax_buf_str(&token));
    if (code != AX_OK)
        return ax_err_set(err, code, "there is no room for the token");
    return AX_OK;
}

static void exec_write_coordinate(struct ax_json_out *out, const char *name, struct ax_str bytes)
{
    AX_AUTO_BUF struct ax_buf text = { .max = EXEC_POINT_LEN };

    ax_base64url_encode(&text, bytes);
    ax_json_key(out, name);
    ax_json_put_str(out, ax_buf_str(&text));
    if (text.failed != AX_OK)
        out->buf->failed = text.failed;
}

enum ax_code ax_exec_jwks_write(const struct ax_public_key *const *keys, size_t count,
                                struct ax_buf *buf)
{
    struct ax_json_out out;

    ax_json_out_init(&out, buf);
    ax_json_begin_object(&out);
    ax_json_key(&out, "keys");
    ax_json_begin_array(&out);
    for (size_t i = 0; i < count; i++) {
        struct ax_str spki = ax_public_key_spki(keys[i]);
        struct ax_str point = ax_str_from(spki, spki.len - EXEC_POINT_LEN);

        assert(ax_public_key_type(keys[i]) == AX_KEY_P256);
        ax_json_begin_object(&out);
        ax_json_key(&out, "kty");
        ax_json_put_str(&out, AX_STR("EC"));
        ax_json_key(&out, "crv");
        ax_json_put_str(&out, AX_STR("P-256"));
        exec_write_coordinate(&out, "x", ax_str_sub(point, 0, EXEC_POINT_LEN / 2));
        exec_write_coordinate(&out, "y", ax_str_from(point, EXEC_POINT_LEN / 2));
        ax_json_key(&out, "kid");
        ax_json_put_str(&out, ax_public_key_id(keys[i]));
        ax_json_key(&out, "alg");
        ax_json_put_str(&out, AX_STR("ES256"));
        ax_json_key(&out, "use");
        ax_json_put_str(&out, AX_STR("sig"));
        ax_json_end_object(&out);
    }
    ax_json_end_array(&out);
    ax_json_end_object(&out);
    return buf->failed;
}

/* ---- verifying ---- */

struct ax_exec_token {
    struct ax_exec_claims claims;
    struct ax_json *payload; /* whose texts the claims are */
};

static enum ax_code exec_read_caps(struct ax_exec_claims *claims, const struct ax_json_value *list,
                                   struct ax_err *err)
{
    struct ax_json_iter it = ax_json_iter(list);

    if (ax_json_type(list) != AX_JSON_ARRAY || ax_json_count(list) > AX_EXEC_TOKEN_CAPS_MAX)
        return ax_err_set_at(err, AX_E_UNAUTHENTICATED, "/caps",
                             "caps is not a list of at most %d capabilities",
                             AX_EXEC_TOKEN_CAPS_MAX);
    while (ax_json_next(&it)) {
        if (!exec_text_ok(ax_json_str(it.value), true))
            return ax_err_set_at(err, AX_E_UNAUTHENTICATED, "/caps", "a capability is malformed");
        claims->caps[claims->cap_count++] = ax_json_str(it.value);
    }
    return AX_OK;
}

static enum ax_code exec_read(struct ax_exec_claims *claims, const struct ax_json_value *payload,
                              struct ax_err *err)
{
    for (size_t i = 0; i < AX_ARRAY_LEN(exec_texts); i++) {
        const struct exec_text *text = &exec_texts[i];
        struct ax_str *at = (struct ax_str *)(void *)((char *)claims + text->offset);
        enum ax_code code = ax_jws_text(payload, ax_str_of(text->name), AX_EXEC_TOKEN_TEXT_MAX, at,
                                        err);

        if (code != AX_OK)
            return code;
        if (text->required && !at->ptr)
            return ax_err_set(err, AX_E_UNAUTHENTICATED, "the claim %s is missing", text->name);
    }
    return exec_read_caps(claims, ax_json_get(payload, "caps"), err);
}

enum ax_code ax_exec_token_verify(struct ax_str text, const struct ax_jwks *keys,
                                  struct ax_str issuer, struct ax_str audience, int64_t now_s,
                                  struct ax_exec_token **ret_token, struct ax_err *err)
{
    static const struct ax_str type = AX_STR_INIT(EXEC_TYPE);
    const struct ax_jws_terms terms = { issuer, audience, AX_EXEC_TOKEN_SKEW_S, now_s };
    AX_AUTO(ax_exec_token_free) struct ax_exec_token *token = ax_alloc(sizeof(*token));
    const struct ax_json_value *root;
    enum ax_code code = ax_jws_open(text, keys, &type, 1, &token->payload, err);

    if (code != AX_OK)
        return code;
    root = ax_json_root(token->payload);
    if (ax_json_type(ax_json_get(root, "aud")) != AX_JSON_STRING)
        return ax_err_set_at(err, AX_E_UNAUTHENTICATED, "/aud", "aud is not exactly one audience");
    code = ax_jws_check(root, &terms, &token->claims.expires_s, err);
    if (code == AX_OK)
        code = exec_read(&token->claims, root, err);
    if (code == AX_OK)
        *ret_token = AX_TAKE(token);
    return code;
}

void ax_exec_token_free(struct ax_exec_token *token)
{
    if (!token)
        return;
    ax_json_free(token->payload);
    free(token);
}

const struct ax_exec_claims *ax_exec_token_claims(const struct ax_exec_token *token)
{
    return &token->claims;
}

bool ax_exec_claims_have(const struct ax_exec_claims *claims, struct ax_str capability)
{
    for (size_t i = 0; i < claims->cap_count; i++) {
        if (ax_str_eq(claims->caps[i], capability))
            return true;
    }
    return false;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* exec_token_test.c - does an execution's token speak for that execution only? */
#include "auth/exec_token.h"

#include "auth/test_kit.h"

#define ISSUER AX_STR("annex-gateway")
#define HASH   "sha256:0000000000000000000000000000000000000000000000000000000000000000"

static const struct ax_exec_claims sample = {
    .tenant = AX_STR_INIT("acme"),
    .extension = AX_STR_INIT("com.acme.hello"),
    .install = AX_STR_INIT("i-1"),
    .version = AX_STR_INIT("1.2.3"),
    .hash = AX_STR_INIT(HASH),
    .exec = AX_STR_INIT("e-1"),
    .user = AX_STR_INIT("u \"1\""),
    .caps = { AX_STR_INIT("cap:storage.kv"), AX_STR_INIT("cap:secrets.get") },
    .cap_count = 2,
    .expires_s = KIT_NOW + 10,
};

struct scene {
    struct ax_exec_signer *signer;
    struct ax_jwks *keys;
    struct ax_buf token;
    struct ax_err err;
};

static void scene_init(struct scene *scene)
{
    AX_AUTO_BUF struct ax_buf jwks = { .max = 4096 };
    const struct ax_public_key *key;

    memset(scene, 0, sizeof(*scene));
    ax_buf_init(&scene->token, 65536);
    T_OK(ax_exec_signer_new(kit_ec_key(), &scene->signer, &scene->err));
    key = ax_exec_signer_public(scene->signer);
    T_OK(ax_exec_jwks_write(&key, 1, &jwks));
    T_OK(ax_jwks_parse(ax_buf_str(&jwks), &scene->keys, &scene->err));
}

static void scene_done(struct scene *scene)
{
    ax_exec_signer_free(scene->signer);
    ax_jwks_free(scene->keys);
    ax_buf_done(&scene->token);
}

static struct ax_str sign(struct scene *scene, const struct ax_exec_claims *claims)
{
    ax_buf_clear(&scene->token);
    T_OK(ax_exec_token_sign(scene->signer, ISSUER, AX_EXEC_AUDIENCE_HOST, claims, &scene->token,
                            &scene->err));
    return ax_buf_str(&scene->token);
}

static enum ax_code verify(struct scene *scene, struct ax_str token, struct ax_str issuer,
                           struct ax_str audience, int64_t now_s)
{
    AX_AUTO(ax_exec_token_free) struct ax_exec_token *read = NULL;
    enum ax_code code = ax_exec_token_verify(token, scene->keys, issuer, audience, now_s, &read,
                                             &scene->err);

    T_TRUE((code == AX_OK) == (read != NULL));
    return code;
}

TEST(exec_token_brings_its_claims)
{
    AX_AUTO(ax_exec_token_free) struct ax_exec_token *token = NULL;
    const struct ax_exec_claims *claims;
    struct scene scene;

    scene_init(&scene);
    T_OK(ax_exec_token_verify(sign(&scene, &sample), scene.keys, ISSUER, AX_EXEC_AUDIENCE_HOST,
                              KIT_NOW, &token, &scene.err));
    ax_buf_wipe(&scene.token);
    claims = ax_exec_token_claims(token);
    T_STR(claims->tenant, sample.tenant);
    T_STR(claims->extension, sample.extension);
    T_STR(claims->install, sample.install);
    T_STR(claims->version, sample.version);
    T_STR(claims->hash, sample.hash);
    T_STR(claims->exec, sample.exec);
    T_STR(claims->user, sample.user);
    T_EQ(claims->cap_count, 2);
    T_TRUE(ax_exec_claims_have(claims, AX_STR("cap:storage.kv")));
    T_TRUE(ax_exec_claims_have(claims, AX_STR("cap:secrets.get")));
    T_FALSE(ax_exec_claims_have(claims, AX_STR("cap:storage")));
    T_EQ(claims->expires_s, KIT_NOW + 10);
    scene_done(&scene);
}

TEST(exec_token_is_for_one_issuer_audience_and_time)
{
    struct scene scene;
    struct ax_str token;

    scene_init(&scene);
    token = sign(&scene, &sample);
    T_OK(verify(&scene, token, ISSUER, AX_EXEC_AUDIENCE_HOST, KIT_NOW));
    T_CODE(verify(&scene, token, ISSUER, AX_STR("invoicing"), KIT_NOW), AX_E_UNAUTHENTICATED);
    T_CODE(verify(&scene, token, AX_STR("other"), AX_EXEC_AUDIENCE_HOST, KIT_NOW),
           AX_E_UNAUTHENTICATED);
    T_OK(verify(&scene, token, ISSUER, AX_EXEC_AUDIENCE_HOST, KIT_NOW + 14));
    T_CODE(verify(&scene, token, ISSUER, AX_EXEC_AUDIENCE_HOST, KIT_NOW + 15),
           AX_E_UNAUTHENTICATED);
    T_CODE(verify(&scene, token, ISSUER, AX_EXEC_AUDIENCE_HOST, KIT_NOW + 16),
           AX_E_UNAUTHENTICATED);
    scene_done(&scene);
}

TEST(exec_token_needs_no_user)
{
    AX_AUTO(ax_exec_token_free) struct ax_exec_token *token = NULL;
    struct ax_exec_claims claims = sample;
    struct scene scene;

    scene_init(&scene);
    claims.user = AX_STR_NONE;
    claims.cap_count = 0;
    T_OK(ax_exec_token_verify(sign(&scene, &claims), scene.keys, ISSUER, AX_EXEC_AUDIENCE_HOST,
                              KIT_NOW, &token, &scene.err));
    T_TRUE(ax_exec_token_claims(token)->user.ptr == NULL);
    T_EQ(ax_exec_token_claims(token)->cap_count, 0);
    scene_done(&scene);
}

TEST(exec_tokens_and_user_tokens_are_never_taken_for_each_other)
{
    AX_AUTO_BUF struct ax_buf jwk = { .max = 4096 };
    struct scene scene;
    struct kit kit;

    kit_init(&kit);
    scene_init(&scene);
    kit.rules.issuer = ISSUER;
    kit.rules.audience = AX_EXEC_AUDIENCE_HOST;
    ax_jwks_free(kit.keys);
    kit.keys = scene.keys;
    kit_refused(&kit, sign(&scene, &sample), "another kind of token");
    kit.keys = NULL;
    ax_jwks_free(scene.keys);
    kit_ec_jwk(&jwk, kit.key, "\"kid\":\"k1\"");
    scene.keys = kit_keys(ax_buf_str(&jwk));
    T_CODE(verify(&scene, kit_sign(&kit.token, kit.key, AX_STR(KIT_HEADER), AX_STR(KIT_CLAIMS(""))),
                  AX_STR(KIT_ISSUER), AX_STR(KIT_AUDIENCE), KIT_NOW),
           AX_E_UNAUTHENTICATED);
    assert_non_null(strstr(scene.err.message, "another kind of token"));
    scene_done(&scene);
    kit_done(&kit);
}

#define HEAD "{\"iss\":\"annex-gateway\",\"exp\":1000010"
#define AUD  ",\"aud\":\"annex-host\""
#define BODY_ \
    ",\"extension\":\"e.x\",\"install\":\"i\",\"version\":\"1.0.0\",\"hash\":\"h\",\"exec\":\"x\""
#define REST ",\"tenant\":\"t\"" BODY_

TEST(exec_token_claims_are_all_there)
{
    static const struct {
        const char *payload;
        const char *words; /* NULL: accepted */
    } cases[] = {
        { HEAD AUD REST ",\"caps\":[]}", NULL },
        { HEAD AUD REST ",\"caps\":[\"c\"],\"user\":null,\"more\":1}", NULL },
        { HEAD ",\"aud\":[\"annex-host\"]" REST ",\"caps\":[]}", "exactly one audience" },
        { HEAD REST ",\"caps\":[]}", "exactly one audience" },
        { HEAD AUD BODY_ ",\"caps\":[]}", "tenant is missing" },
        { HEAD AUD BODY_ ",\"tenant\":\"\",\"caps\":[]}", "tenant is missing" },
        { HEAD AUD BODY_ ",\"tenant\":1,\"caps\":[]}", "tenant is not a string" },
        { HEAD AUD BODY_ ",\"tenant\":\"a\\n\",\"caps\":[]}", "control characters" },
        { HEAD AUD REST "}", "caps is not a list" },
        { HEAD AUD REST ",\"caps\":\"c\"}", "caps is not a list" },
        { HEAD AUD REST ",\"caps\":[1]}", "capability is malformed" },
        { HEAD AUD REST ",\"caps\":[\"\"]}", "capability is malformed" },
        { HEAD AUD REST ",\"caps\":[],\"user\":1}", "user is not a string" },
        { HEAD AUD REST ",\"caps\":[],\"caps\":[\"c\"]}", "the payload: " },
    };
    AX_AUTO_BUF struct ax_buf jwk = { .max = 4096 };
    struct scene scene;
    struct kit kit;

    kit_init(&kit);
    scene_init(&scene);
    ax_jwks_free(scene.keys);
    kit_ec_jwk(&jwk, kit.key, "\"kid\":\"k1\"");
    scene.keys = kit_keys(ax_buf_str(&jwk));
    for (size_t i = 0; i < AX_ARRAY_LEN(cases); i++) {
        struct ax_str token = kit_sign(
            &kit.token, kit.key,
            AX_STR("{\"alg\":\"ES256\",\"kid\":\"k1\",\"typ\":\"annex-exec+jwt\"}"),
            ax_str_of(cases[i].payload));
        enum ax_code code = verify(&scene, token, ISSUER, AX_EXEC_AUDIENCE_HOST, KIT_NOW);

        T_CODE(code, cases[i].words ? AX_E_UNAUTHENTICATED : AX_OK);
        if (cases[i].words && !strstr(scene.err.message, cases[i].words))
            fail_msg("expected '%s', got '%s'", cases[i].words, scene.err.message);
    }
    scene_done(&scene);
    kit_done(&kit);
}

static enum ax_code try_sign(struct scene *scene, const struct ax_exec_claims *claims)
{
    ax_buf_clear(&scene->token);
    return ax_exec_token_sign(scene->signer, ISSUER, AX_EXEC_AUDIENCE_HOST, claims, &scene->token,
                              &scene->err);
}

TEST(exec_token_signs_only_what_will_be_accepted)
{
    struct ax_exec_claims claims;
    struct scene scene;
    char text[AX_EXEC_TOKEN_TEXT_MAX + 1];

    scene_init(&scene);
    memset(text, 't', sizeof(text));
    for (size_t len = AX_EXEC_TOKEN_TEXT_MAX - 1; len <= AX_EXEC_TOKEN_TEXT_MAX + 1; len++) {
        claims = sample;
        claims.exec = ax_str_make(text, len);
        T_CODE(try_sign(&scene, &claims),
               len <= AX_EXEC_TOKEN_TEXT_MAX ? AX_OK : AX_E_INVALID_REQUEST);
        if (len <= AX_EXEC_TOKEN_TEXT_MAX)
            T_OK(verify(&scene, ax_buf_str(&scene.token), ISSUER, AX_EXEC_AUDIENCE_HOST, KIT_NOW));
        claims.cap_count = AX_EXEC_TOKEN_CAPS_MAX;
        for (size_t i = 0; i < AX_EXEC_TOKEN_CAPS_MAX; i++)
            claims.caps[i] = ax_str_make(text, 200);
        claims.exec = AX_STR("e");
        T_CODE(try_sign(&scene, &claims), AX_E_TOO_BIG);
        T_EQ(scene.token.len, 0);
    }
    claims = sample;
    claims.tenant = AX_STR("");
    T_CODE(try_sign(&scene, &claims), AX_E_INVALID_REQUEST);
    claims.tenant = AX_STR("a\nb");
    T_CODE(try_sign(&scene, &claims), AX_E_INVALID_REQUEST);
    claims.tenant = AX_STR("a\xff");
    T_CODE(try_sign(&scene, &claims), AX_E_INVALID_REQUEST);
    claims.tenant = AX_STR("a");
    claims.caps[0] = AX_STR("");
    T_CODE(try_sign(&scene, &claims), AX_E_INVALID_REQUEST);
    claims.caps[0] = AX_STR("c");
    T_OK(try_sign(&scene, &claims));
    T_CODE(ax_exec_token_sign(scene.signer, AX_STR(""), AX_STR("a"), &claims, &scene.token, NULL),
           AX_E_INVALID_REQUEST);
    T_CODE(ax_exec_token_sign(scene.signer, AX_STR("i"), AX_STR(""), &claims, &scene.token, NULL),
           AX_E_INVALID_REQUEST);
    scene_done(&scene);
}

TEST(exec_keys_can_be_replaced_without_a_gap)
{
    AX_AUTO_BUF struct ax_buf jwks = { .max = 4096 };
    struct scene old;
    struct scene new;
    const struct ax_public_key *keys[2];
    struct ax_jwks *both = NULL;

    scene_init(&old);
    scene_init(&new);
    keys[0] = ax_exec_signer_public(new.signer);
    keys[1] = ax_exec_signer_public(old.signer);
    T_OK(ax_exec_jwks_write(keys, 2, &jwks));
    T_OK(ax_jwks_parse(ax_buf_str(&jwks), &both, NULL));
    T_EQ(ax_jwks_count(both), 2);
    T_CODE(verify(&new, sign(&old, &sample), ISSUER, AX_EXEC_AUDIENCE_HOST, KIT_NOW),
           AX_E_UNAUTHENTICATED);
    ax_jwks_free(new.keys);
    new.keys = both;
    T_OK(verify(&new, sign(&old, &sample), ISSUER, AX_EXEC_AUDIENCE_HOST, KIT_NOW));
    T_OK(verify(&new, sign(&new, &sample), ISSUER, AX_EXEC_AUDIENCE_HOST, KIT_NOW));
    scene_done(&old);
    scene_done(&new);
}

TEST(exec_signer_takes_p256_keys_only)
{
    struct ax_exec_signer *signer = NULL;
    struct ax_private_key *key = NULL;

    T_OK(ax_private_key_generate(AX_KEY_ED25519, &key, NULL));
    T_CODE(ax_exec_signer_new(key, &signer, NULL), AX_E_INVALID_REQUEST);
    T_OK(ax_exec_signer_new(kit_ec_key(), &signer, NULL));
    ax_exec_signer_free(signer);
}

TEST(exec_token_survives_every_refused_allocation)
{
    struct scene scene;

    scene_init(&scene);
    T_SWEEP() {
        enum ax_code code = try_sign(&scene, &sample);

        T_TRUE(code == AX_OK || code == AX_E_NO_MEMORY);
        if (code == AX_OK) {
            code = verify(&scene, ax_buf_str(&scene.token), ISSUER, AX_EXEC_AUDIENCE_HOST, KIT_NOW);
            T_TRUE(code == AX_OK || code == AX_E_NO_MEMORY);
        }
    }
    scene_done(&scene);
}

TEST_MAIN()

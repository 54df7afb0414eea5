/* SPDX-License-Identifier: Apache-2.0 */
/* jwt_test.c - do we believe of a well-signed token only what it says? */
#include "auth/jwt.h"

#include "auth/test_kit.h"

#include <stdio.h>

#define ISS "\"iss\":\"" KIT_ISSUER "\""
#define AUD "\"aud\":\"" KIT_AUDIENCE "\""
#define EXP "\"exp\":1000100"
#define SUB "\"sub\":\"u1\""

struct payload_case {
    const char *payload;
    const char *words; /* NULL: accepted */
};

static void check_all(const struct payload_case *cases, size_t count)
{
    struct kit kit;

    kit_init(&kit);
    for (size_t i = 0; i < count; i++) {
        struct ax_str token = kit_sign(&kit.token, kit.key, AX_STR(KIT_HEADER),
                                       ax_str_of(cases[i].payload));

        if (cases[i].words)
            kit_refused(&kit, token, cases[i].words);
        else
            kit_accepted(&kit, token);
    }
    kit_done(&kit);
}

TEST(jwt_payload_is_strict_json)
{
    static const struct payload_case cases[] = {
        { KIT_CLAIMS(""), NULL },
        { " " KIT_CLAIMS("") "\n", NULL },
        { KIT_CLAIMS("") "x", "the payload: " },
        { KIT_CLAIMS("") KIT_CLAIMS(""), "the payload: " },
        { "[" KIT_CLAIMS("") "]", "not an object" },
        { "\"x\"", "not an object" },
        { "1", "not an object" },
        { KIT_CLAIMS(",\"sub\":\"u2\""), "the payload: " },
        { KIT_CLAIMS(",\"exp\":9999999999"), "the payload: " },
        { KIT_CLAIMS(",\"\\u0065xp\":9999999999"), "the payload: " },
        { KIT_CLAIMS(",\"a\":{\"b\":1,\"b\":2}"), "the payload: " },
        { KIT_CLAIMS(",\"a\":{\"b\":1,\"c\":2}"), NULL },
        { KIT_CLAIMS(",\"a\":\"\xc3\x28\""), "the payload: " },
        { KIT_CLAIMS(",\"a\":\"\xc3\xa4\""), NULL },
        { KIT_CLAIMS(",\"a\":\"\\ud800\""), "the payload: " },
        { KIT_CLAIMS(",\"a\":NaN"), "the payload: " },
        { KIT_CLAIMS(",\"a\":[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]"), NULL },
        { KIT_CLAIMS(",\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]"), "the payload: " },
        { "eyJhbGciOiJFUzI1NiJ9.e30.AA", "the payload: " }, /* a token within the token */
    };

    check_all(cases, AX_ARRAY_LEN(cases));
}

TEST(jwt_issuer_and_audience_are_ours)
{
    static const struct payload_case cases[] = {
        { "{" ISS "," AUD "," EXP "," SUB "}", NULL },
        { "{" AUD "," EXP "," SUB "}", "iss is not" },
        { "{\"iss\":\"" KIT_ISSUER "/\"," AUD "," EXP "," SUB "}", "iss is not" },
        { "{\"iss\":\"HTTPS://issuer.example\"," AUD "," EXP "," SUB "}", "iss is not" },
        { "{\"iss\":[\"" KIT_ISSUER "\"]," AUD "," EXP "," SUB "}", "iss is not" },
        { "{\"iss\":null," AUD "," EXP "," SUB "}", "iss is not" },
        { "{\"iss\":1," AUD "," EXP "," SUB "}", "iss is not" },
        { "{" ISS "," EXP "," SUB "}", "aud does not" },
        { "{" ISS ",\"aud\":\"annex-registry\"," EXP "," SUB "}", "aud does not" },
        { "{" ISS ",\"aud\":\"Annex\"," EXP "," SUB "}", "aud does not" },
        { "{" ISS ",\"aud\":\"annex other\"," EXP "," SUB "}", "aud does not" },
        { "{" ISS ",\"aud\":\"annex\\u0000\"," EXP "," SUB "}", "aud does not" },
        { "{" ISS ",\"aud\":\"\"," EXP "," SUB "}", "aud does not" },
        { "{" ISS ",\"aud\":1," EXP "," SUB "}", "aud does not" },
        { "{" ISS ",\"aud\":true," EXP "," SUB "}", "aud does not" },
        { "{" ISS ",\"aud\":null," EXP "," SUB "}", "aud does not" },
        { "{" ISS ",\"aud\":{\"annex\":1}," EXP "," SUB "}", "aud does not" },
        { "{" ISS ",\"aud\":[]," EXP "," SUB "}", "aud does not" },
        { "{" ISS ",\"aud\":[\"other\"]," EXP "," SUB "}", "aud does not" },
        { "{" ISS ",\"aud\":[[\"annex\"]]," EXP "," SUB "}", "aud does not" },
        { "{" ISS ",\"aud\":[\"annex\",1]," EXP "," SUB "}", "aud does not" },
        { "{" ISS ",\"aud\":[\"annex\"]," EXP "," SUB "}", NULL },
        { "{" ISS ",\"aud\":[\"other\",\"annex\"]," EXP "," SUB "}", NULL },
        { "{" ISS ",\"aud\":[\"annex\",\"other\"]," EXP "," SUB "}", NULL },
    };

    check_all(cases, AX_ARRAY_LEN(cases));
}

TEST(jwt_times_are_whole_seconds)
{
    static const struct payload_case cases[] = {
        { "{" ISS "," AUD "," SUB "}", "exp is missing" },
        { "{" ISS "," AUD "," SUB ",\"exp\":\"1000100\"}", "exp is not a time" },
        { "{" ISS "," AUD "," SUB ",\"exp\":1000100.0}", "exp is not a time" },
        { "{" ISS "," AUD "," SUB ",\"exp\":1000100.5}", "exp is not a time" },
        { "{" ISS "," AUD "," SUB ",\"exp\":1e9}", "exp is not a time" },
        { "{" ISS "," AUD "," SUB ",\"exp\":-1}", "exp is not a time" },
        { "{" ISS "," AUD "," SUB ",\"exp\":null}", "exp is not a time" },
        { "{" ISS "," AUD "," SUB ",\"exp\":true}", "exp is not a time" },
        { "{" ISS "," AUD "," SUB ",\"exp\":[1000100]}", "exp is not a time" },
        { "{" ISS "," AUD "," SUB ",\"exp\":9223372036854775807}", "exp is not a time" },
        { "{" ISS "," AUD "," SUB ",\"exp\":9223372036854775808}", "exp is not a time" },
        { "{" ISS "," AUD "," SUB ",\"exp\":18446744073709551615}", "exp is not a time" },
        { "{" ISS "," AUD "," SUB ",\"exp\":18446744073709551617}", "exp is not a time" },
        { "{" ISS "," AUD "," SUB ",\"exp\":253402300800}", "exp is not a time" },
        { "{" ISS "," AUD "," SUB ",\"exp\":253402300799}", NULL },
        { "{" ISS "," AUD "," SUB ",\"exp\":0}", "exp has passed" },
        { KIT_CLAIMS(",\"nbf\":\"1\""), "nbf is not a time" },
        { KIT_CLAIMS(",\"nbf\":1.0"), "nbf is not a time" },
        { KIT_CLAIMS(",\"nbf\":null"), "nbf is not a time" },
        { KIT_CLAIMS(",\"nbf\":-9223372036854775808"), "nbf is not a time" },
        { KIT_CLAIMS(",\"nbf\":18446744073709551615"), "nbf is not a time" },
        { KIT_CLAIMS(",\"nbf\":0"), NULL },
        { KIT_CLAIMS(",\"iat\":\"1000000\""), "iat is not a time" },
        { KIT_CLAIMS(",\"iat\":1e6"), "iat is not a time" },
        { KIT_CLAIMS(",\"iat\":false"), "iat is not a time" },
        { KIT_CLAIMS(",\"iat\":1000000"), NULL },
    };

    check_all(cases, AX_ARRAY_LEN(cases));
}

/* The token of `claims` is accepted at second `from` up to before `until`, and at no other. */
static void check_span(const char *claims, int64_t from, int64_t until)
{
    struct kit kit;
    struct ax_str token;

    kit_init(&kit);
    token = kit_sign(&kit.token, kit.key, AX_STR(KIT_HEADER), ax_str_of(claims));
    kit.now_s = from;
    kit_accepted(&kit, token);
    kit.now_s = until - 1;
    kit_accepted(&kit, token);
    kit.now_s = from - 1;
    if (from > 0)
        kit_refused(&kit, token, "");
    kit.now_s = until;
    kit_refused(&kit, token, "exp has passed");
    kit.now_s = until + 1;
    kit_refused(&kit, token, "exp has passed");
    kit_done(&kit);
}

TEST(jwt_is_valid_60_s_around_its_time)
{
    check_span(KIT_CLAIMS(""), 0, 1000160);
    check_span(KIT_CLAIMS(",\"nbf\":1000000"), 999940, 1000160);
    check_span(KIT_CLAIMS(",\"iat\":1000000"), 999940, 1000160);
    check_span(KIT_CLAIMS(",\"nbf\":1000050,\"iat\":1000000"), 999990, 1000160);
    check_span(KIT_CLAIMS(",\"nbf\":1000000,\"iat\":1000050"), 999990, 1000160);
    check_span("{" ISS "," AUD "," SUB ",\"exp\":253402300799}", 0, INT64_C(253402300859));
}

TEST(jwt_claims_have_their_types)
{
    static const struct payload_case cases[] = {
        { "{" ISS "," AUD "," EXP "}", "sub is missing" },
        { "{" ISS "," AUD "," EXP ",\"sub\":\"\"}", "sub is missing" },
        { "{" ISS "," AUD "," EXP ",\"sub\":null}", "sub is missing" },
        { "{" ISS "," AUD "," EXP ",\"sub\":1}", "sub is not a string" },
        { "{" ISS "," AUD "," EXP ",\"sub\":[\"u1\"]}", "sub is not a string" },
        { "{" ISS "," AUD "," EXP ",\"sub\":\"a\\nb\"}", "control characters" },
        { "{" ISS "," AUD "," EXP ",\"sub\":\"a\\u0000\"}", "control characters" },
        { "{" ISS "," AUD "," EXP ",\"sub\":\"a\\u007f\"}", "control characters" },
        { "{" ISS "," AUD "," EXP ",\"sub\":\"a b\xc3\xa4\"}", NULL },
        { KIT_CLAIMS(",\"tenant\":1"), "tenant is not a string" },
        { KIT_CLAIMS(",\"tenant\":{}"), "tenant is not a string" },
        { KIT_CLAIMS(",\"tenant\":[\"t\"]"), "tenant is not a string" },
        { KIT_CLAIMS(",\"tenant\":\"t\\r\\n\""), "control characters" },
        { KIT_CLAIMS(",\"tenant\":\"t\""), NULL },
        { KIT_CLAIMS(",\"tenant\":null"), NULL },
        { KIT_CLAIMS(",\"email\":false"), "email is not a string" },
        { KIT_CLAIMS(",\"name\":[]"), "name is not a string" },
        { KIT_CLAIMS(",\"user_type\":1"), "user_type is not a string" },
        { KIT_CLAIMS(",\"client_name\":1"), "client_name is not a string" },
        { KIT_CLAIMS(",\"client_id\":1"), "client_id is not a string" },
        { KIT_CLAIMS(",\"email\":null,\"name\":\"\",\"client_id\":\"c\""), NULL },
        { KIT_CLAIMS(",\"roles\":1"), "roles are neither" },
        { KIT_CLAIMS(",\"roles\":{\"admin\":true}"), "roles are neither" },
        { KIT_CLAIMS(",\"roles\":[1]"), "role is not a string" },
        { KIT_CLAIMS(",\"roles\":[\"a\",null]"), "role is not a string" },
        { KIT_CLAIMS(",\"roles\":[\"a\",[\"b\"]]"), "role is not a string" },
        { KIT_CLAIMS(",\"roles\":[\"\"]"), "a role is empty" },
        { KIT_CLAIMS(",\"roles\":[\"a\\u0000b\"]"), "control characters" },
        { KIT_CLAIMS(",\"roles\":\"a\\tb\""), "control characters" },
        { KIT_CLAIMS(",\"roles\":[]"), NULL },
        { KIT_CLAIMS(",\"roles\":null"), NULL },
        { KIT_CLAIMS(",\"roles\":\"\""), NULL },
    };

    check_all(cases, AX_ARRAY_LEN(cases));
}

static void check_len(const char *claim, size_t len, size_t len_max)
{
    AX_AUTO_BUF struct ax_buf payload = { .max = AX_JWT_BYTES_MAX };
    struct ax_str token;
    char text[2048];
    struct kit kit;

    kit_init(&kit);
    memset(text, 't', sizeof(text));
    T_OK(ax_buf_printf(&payload, "{" ISS "," AUD "," EXP "%s,\"%s\":%s%.*s%s}",
                       strcmp(claim, "sub") == 0 ? "" : "," SUB, claim,
                       strcmp(claim, "roles") == 0 ? "[\"" : "\"", (int)len, text,
                       strcmp(claim, "roles") == 0 ? "\"]" : "\""));
    token = kit_sign(&kit.token, kit.key, AX_STR(KIT_HEADER), ax_buf_str(&payload));
    if (len <= len_max)
        kit_accepted(&kit, token);
    else
        kit_refused(&kit, token, "over ");
    kit_done(&kit);
}

TEST(jwt_claims_are_bounded)
{
    static const struct {
        const char *claim;
        size_t max;
    } claims[] = { { "sub", AX_JWT_SUBJECT_MAX },
                   { "tenant", AX_JWT_TENANT_MAX },
                   { "roles", AX_JWT_ROLE_MAX },
                   { "email", AX_JWT_TEXT_MAX } };

    for (size_t i = 0; i < AX_ARRAY_LEN(claims); i++) {
        check_len(claims[i].claim, claims[i].max - 1, claims[i].max);
        check_len(claims[i].claim, claims[i].max, claims[i].max);
        check_len(claims[i].claim, claims[i].max + 1, claims[i].max);
    }
}

TEST(jwt_has_at_most_128_roles)
{
    struct kit kit;

    kit_init(&kit);
    for (size_t count = AX_CLAIMS_ROLES_MAX - 1; count <= AX_CLAIMS_ROLES_MAX + 1; count++) {
        AX_AUTO_BUF struct ax_buf payload = { .max = AX_JWT_BYTES_MAX };
        struct ax_str token;

        T_OK(ax_buf_append_str(&payload,
                               AX_STR("{" ISS "," AUD "," EXP "," SUB ",\"roles\":[\"r\"")));
        for (size_t i = 1; i < count; i++)
            T_OK(ax_buf_append_str(&payload, AX_STR(",\"r\"")));
        T_OK(ax_buf_append_str(&payload, AX_STR("]}")));
        token = kit_sign(&kit.token, kit.key, AX_STR(KIT_HEADER), ax_buf_str(&payload));
        if (count <= AX_CLAIMS_ROLES_MAX)
            kit_accepted(&kit, token);
        else
            kit_refused(&kit, token, "more than 128 roles");
    }
    kit_done(&kit);
}

static struct ax_claims *read_claims(struct kit *kit, const char *payload)
{
    struct ax_str token = kit_sign(&kit->token, kit->key, AX_STR(KIT_HEADER), ax_str_of(payload));
    struct ax_claims *claims = NULL;

    T_OK(ax_jwt_verify(token, kit->keys, &kit->rules, kit->now_s, &claims, &kit->err));
    ax_buf_wipe(&kit->token); /* nothing may be borrowed from the token */
    return claims;
}

TEST(jwt_hands_over_what_the_token_says)
{
    struct ax_claims *claims;
    struct kit kit;

    kit_init(&kit);
    claims = read_claims(
        &kit,
        KIT_CLAIMS(
            ",\"tenant\":\"acme\",\"roles\":[\"member\",\"extension:a.b:read\"],\"email\":\"a@b.example\","
            "\"name\":\"Ada \\u00c4\",\"user_type\":\"internal\",\"client_name\":\"Acme\",\"client_id\":\"c1\""));
    T_STR(claims->subject, AX_STR("u1"));
    T_STR(claims->tenant, AX_STR("acme"));
    T_STR(claims->email, AX_STR("a@b.example"));
    T_STR(claims->name, AX_STR("Ada \xc3\x84"));
    T_STR(claims->user_type, AX_STR("internal"));
    T_STR(claims->client_name, AX_STR("Acme"));
    T_STR(claims->client_id, AX_STR("c1"));
    T_EQ(claims->role_count, 2);
    T_STR(claims->roles[0], AX_STR("member"));
    T_STR(claims->roles[1], AX_STR("extension:a.b:read"));
    T_EQ(claims->extra_count, 0);
    T_EQ(claims->expires_s, 1000100);
    ax_claims_unref(claims);
    claims = read_claims(&kit, KIT_CLAIMS(""));
    T_STR(claims->subject, AX_STR("u1"));
    T_TRUE(!claims->tenant.ptr && !claims->email.ptr && !claims->name.ptr &&
           !claims->user_type.ptr && !claims->client_name.ptr && !claims->client_id.ptr);
    T_EQ(claims->role_count, 0);
    ax_claims_unref(claims);
    kit_done(&kit);
}

TEST(jwt_claims_are_where_the_settings_say)
{
    struct ax_claims *claims;
    struct kit kit;

    kit_init(&kit);
    kit.rules.claim_tenant = AX_STR("https://acme.example/tenant");
    kit.rules.claim_roles = AX_STR("scope");
    claims = read_claims(&kit,
                         KIT_CLAIMS(",\"tenant\":\"no\",\"roles\":[\"no\"],\"scope\":\" a  b \","
                                    "\"https://acme.example/tenant\":\"yes\""));
    T_STR(claims->tenant, AX_STR("yes"));
    T_EQ(claims->role_count, 2);
    T_STR(claims->roles[0], AX_STR("a"));
    T_STR(claims->roles[1], AX_STR("b"));
    ax_claims_unref(claims);
    kit_done(&kit);
}

TEST(jwt_extra_claims_are_texts)
{
    static const struct ax_claim expected[] = {
        { AX_STR_INIT("dept"), AX_STR_INIT("R&D") },
        { AX_STR_INIT("level"), AX_STR_INIT("7") },
        { AX_STR_INIT("vip"), AX_STR_INIT("true") },
        { AX_STR_INIT("tags"), AX_STR_INIT("[1,\"x\"]") },
        { AX_STR_INIT("o"), AX_STR_INIT("{\"a\":{}}") },
        { AX_STR_INIT("blank"), AX_STR_INIT("") },
    };
    struct ax_claims *claims;
    struct kit kit;

    kit_init(&kit);
    kit.rules.claims_extra = AX_STR("dept, level,vip ,missing,tags,nil,o,blank");
    T_OK(ax_jwt_rules_check(&kit.rules, &kit.err));
    claims = read_claims(
        &kit,
        KIT_CLAIMS(",\"dept\":\"R&D\",\"level\":7,\"vip\":true,\"tags\":[ 1, \"x\" ],\"nil\":null,"
                   "\"o\":{\"a\":{}},\"blank\":\"\",\"secret\":\"not asked for\""));
    T_EQ(claims->extra_count, AX_ARRAY_LEN(expected));
    for (size_t i = 0; i < AX_ARRAY_LEN(expected); i++) {
        T_STR(claims->extras[i].name, expected[i].name);
        T_STR(claims->extras[i].value, expected[i].value);
    }
    ax_claims_unref(claims);
    kit_done(&kit);
}

/* "1e9" becomes longer when it is written anew; the most of it still fits. */
TEST(jwt_extra_claims_may_grow)
{
    AX_AUTO_BUF struct ax_buf payload = { .max = AX_JWT_BYTES_MAX };
    struct ax_claims *claims;
    struct kit kit;

    kit_init(&kit);
    kit.rules.claims_extra = AX_STR("a");
    T_OK(ax_buf_append_str(&payload, AX_STR("{" ISS "," AUD "," EXP "," SUB ",\"a\":[1e9")));
    while (payload.len < 5900)
        T_OK(ax_buf_append_str(&payload, AX_STR(",1e9")));
    T_OK(ax_buf_append_str(&payload, AX_STR("]}")));
    T_OK(ax_buf_append_byte(&payload, '\0'));
    claims = read_claims(&kit, payload.ptr);
    T_EQ(claims->extra_count, 1);
    T_TRUE(claims->extras[0].value.len > 5000);
    ax_claims_unref(claims);
    kit_done(&kit);
}

TEST(jwt_rules_are_checked_at_start)
{
    AX_AUTO_BUF struct ax_buf names = { .max = 4096 };
    struct ax_jwt_rules good = { AX_STR("i"), AX_STR("a"), AX_STR("t"), AX_STR("r"),
                                 AX_STR("x,y") };
    static const char *extras[] = { "", ",", "x,", ",x", "x,,y", "x,y,x", " " };
    struct ax_jwt_rules rules;

    T_OK(ax_jwt_rules_check(&good, NULL));
    for (size_t i = 0; i < 4; i++) {
        rules = good;
        *(i == 0   ? &rules.issuer
          : i == 1 ? &rules.audience
          : i == 2 ? &rules.claim_tenant
                   : &rules.claim_roles) = AX_STR_NONE;
        T_CODE(ax_jwt_rules_check(&rules, NULL), AX_E_INVALID_REQUEST);
    }
    rules = good;
    for (size_t i = 0; i < AX_ARRAY_LEN(extras); i++) {
        rules.claims_extra = ax_str_of(extras[i]);
        T_CODE(ax_jwt_rules_check(&rules, NULL), AX_E_INVALID_REQUEST);
    }
    for (size_t i = 1; i <= AX_CLAIMS_EXTRAS_MAX + 1; i++) {
        T_OK(ax_buf_printf(&names, "%sn%zu", i > 1 ? "," : "", i));
        rules.claims_extra = ax_buf_str(&names);
        T_CODE(ax_jwt_rules_check(&rules, NULL),
               i <= AX_CLAIMS_EXTRAS_MAX ? AX_OK : AX_E_INVALID_REQUEST);
    }
}

TEST(jwt_survives_every_refused_allocation)
{
    struct ax_str token;
    struct kit kit;

    kit_init(&kit);
    kit.rules.claims_extra = AX_STR("a,b");
    token = kit_sign(&kit.token, kit.key, AX_STR(KIT_HEADER),
                     AX_STR(KIT_CLAIMS(",\"a\":[1],\"b\":\"x\",\"roles\":[\"r\"]")));
    T_SWEEP() {
        enum ax_code code = kit_try(&kit, token);

        T_TRUE(code == AX_OK || code == AX_E_NO_MEMORY);
    }
    kit_done(&kit);
}

TEST_MAIN()

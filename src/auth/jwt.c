/* SPDX-License-Identifier: Apache-2.0 */
/* jwt.c - who is calling, by the word of the issuer? */
#include "auth/jwt.h"

#include "auth/internal.h"
#include "base/arena.h"

#include <assert.h>

static_assert(AX_JWT_BYTES_MAX == AX_JWS_BYTES_MAX, "what we promise is what is checked");

/* A number may grow when it is written anew ("1e9"), a short one by the most. */
#define JWT_EXTRAS_BYTES_MAX (32 * AX_JWT_BYTES_MAX)

/* What is gathered before its size is known. Texts are borrowed from the payload or the arena. */
struct jwt_draft {
    struct ax_claims claims;
    struct ax_str roles[AX_CLAIMS_ROLES_MAX];
    struct ax_claim extras[AX_CLAIMS_EXTRAS_MAX];
    struct ax_arena arena;
};

enum ax_code ax_jwt_rules_check(const struct ax_jwt_rules *rules, struct ax_err *err)
{
    struct ax_str seen[AX_CLAIMS_EXTRAS_MAX];
    struct ax_str rest = rules->claims_extra;
    size_t count = 0;

    if (rules->issuer.len == 0 || rules->audience.len == 0)
        return ax_err_set(err, AX_E_INVALID_REQUEST, "tokens need an issuer and an audience");
    if (rules->claim_tenant.len == 0 || rules->claim_roles.len == 0)
        return ax_err_set(err, AX_E_INVALID_REQUEST, "the claims of tenant and roles need names");
    while (rest.ptr) {
        struct ax_str name = ax_str_trim(ax_str_cut(&rest, ','));

        if (count == AX_CLAIMS_EXTRAS_MAX)
            return ax_err_set(err, AX_E_INVALID_REQUEST, "more than %d extra claims",
                              AX_CLAIMS_EXTRAS_MAX);
        if (name.len == 0)
            return ax_err_set(err, AX_E_INVALID_REQUEST, "the name of an extra claim is empty");
        for (size_t i = 0; i < count; i++) {
            if (ax_str_eq(seen[i], name))
                return ax_err_set(err, AX_E_INVALID_REQUEST, "the extra claim %.*s stands twice",
                                  AX_STR_FMT(name));
        }
        seen[count++] = name;
    }
    return AX_OK;
}

static enum ax_code draft_add_role(struct jwt_draft *draft, struct ax_str role, struct ax_err *err)
{
    if (draft->claims.role_count == AX_CLAIMS_ROLES_MAX)
        return ax_err_set(err, AX_E_UNAUTHENTICATED, "the token has more than %d roles",
                          AX_CLAIMS_ROLES_MAX);
    if (role.len == 0 || !ax_jws_text_ok(role, AX_JWT_ROLE_MAX))
        return ax_err_set(err, AX_E_UNAUTHENTICATED,
                          "a role is empty, over %d bytes or has control characters",
                          AX_JWT_ROLE_MAX);
    draft->roles[draft->claims.role_count++] = role;
    return AX_OK;
}

static enum ax_code draft_read_roles(struct jwt_draft *draft, const struct ax_json_value *list,
                                     struct ax_err *err)
{
    struct ax_json_iter it = ax_json_iter(list);
    struct ax_str rest = ax_json_str(list);
    enum ax_code code = AX_OK;

    if (ax_json_type(list) == AX_JSON_STRING) {
        while (rest.ptr && code == AX_OK) {
            struct ax_str role = ax_str_cut(&rest, ' ');

            if (role.len > 0)
                code = draft_add_role(draft, role, err);
        }
        return code;
    }
    if (!ax_json_is_absent(list) && ax_json_type(list) != AX_JSON_ARRAY)
        return ax_err_set(err, AX_E_UNAUTHENTICATED, "the roles are neither a list nor a string");
    while (code == AX_OK && ax_json_next(&it)) {
        if (ax_json_type(it.value) != AX_JSON_STRING)
            return ax_err_set(err, AX_E_UNAUTHENTICATED, "a role is not a string");
        code = draft_add_role(draft, ax_json_str(it.value), err);
    }
    return code;
}

static enum ax_code draft_add_extra(struct jwt_draft *draft, struct ax_str name,
                                    const struct ax_json_value *value, struct ax_err *err)
{
    AX_AUTO_BUF struct ax_buf text = { .max = JWT_EXTRAS_BYTES_MAX };
    struct ax_claim *extra = &draft->extras[draft->claims.extra_count++];
    enum ax_code code = AX_OK;

    extra->name = name;
    extra->value = ax_json_str(value);
    if (ax_json_type(value) == AX_JSON_STRING)
        return AX_OK;
    code = ax_json_write_value(&text, value);
    if (code == AX_OK) {
        extra->value = ax_arena_dup(&draft->arena, ax_buf_str(&text));
        code = extra->value.ptr ? AX_OK : AX_E_NO_MEMORY;
    }
    if (code != AX_OK)
        return ax_err_set(err, AX_E_NO_MEMORY, "an extra claim does not fit");
    return AX_OK;
}

static enum ax_code draft_read_extras(struct jwt_draft *draft, const struct ax_json_value *payload,
                                      struct ax_str names, struct ax_err *err)
{
    struct ax_str rest = names;
    enum ax_code code = AX_OK;

    while (rest.ptr && code == AX_OK) {
        struct ax_str name = ax_str_trim(ax_str_cut(&rest, ','));
        const struct ax_json_value *value = ax_json_get_str(payload, name);

        assert(draft->claims.extra_count < AX_CLAIMS_EXTRAS_MAX); /* ax_jwt_rules_check() */
        if (!ax_json_is_absent(value))
            code = draft_add_extra(draft, name, value, err);
    }
    return code;
}

static enum ax_code draft_read(struct jwt_draft *draft, const struct ax_json_value *payload,
                               const struct ax_jwt_rules *rules, struct ax_err *err)
{
    struct ax_claims *claims = &draft->claims;
    const struct {
        struct ax_str name;
        size_t len_max;
        struct ax_str *at;
    } texts[] = {
        { AX_STR("sub"), AX_JWT_SUBJECT_MAX, &claims->subject },
        { rules->claim_tenant, AX_JWT_TENANT_MAX, &claims->tenant },
        { AX_STR("email"), AX_JWT_TEXT_MAX, &claims->email },
        { AX_STR("name"), AX_JWT_TEXT_MAX, &claims->name },
        { AX_STR("user_type"), AX_JWT_TEXT_MAX, &claims->user_type },
        { AX_STR("client_name"), AX_JWT_TEXT_MAX, &claims->client_name },
        { AX_STR("client_id"), AX_JWT_TEXT_MAX, &claims->client_id },
    };
    enum ax_code code = AX_OK;

    for (size_t i = 0; i < AX_ARRAY_LEN(texts) && code == AX_OK; i++)
        code = ax_jws_text(payload, texts[i].name, texts[i].len_max, texts[i].at, err);
    if (code != AX_OK)
        return code;
    if (!claims->subject.ptr)
        return ax_err_set_at(err, AX_E_UNAUTHENTICATED, "/sub", "sub is missing");
    code = draft_read_roles(draft, ax_json_get_str(payload, rules->claim_roles), err);
    if (code == AX_OK)
        code = draft_read_extras(draft, payload, rules->claims_extra, err);
    claims->roles = draft->roles;
    claims->extras = draft->extras;
    return code;
}

enum ax_code ax_jwt_verify(struct ax_str token, const struct ax_jwks *keys,
                           const struct ax_jwt_rules *rules, int64_t now_s,
                           struct ax_claims **ret_claims, struct ax_err *err)
{
    /* Absent, as RFC 7519 recommends, or as RFC 9068 wants for access tokens. */
    static const struct ax_str types[] = { AX_STR_INIT(""), AX_STR_INIT("JWT"),
                                           AX_STR_INIT("at+jwt"),
                                           AX_STR_INIT("application/at+jwt") };
    const struct ax_jws_terms terms = { rules->issuer, rules->audience, AX_JWT_SKEW_S, now_s };
    AX_AUTO(ax_json_free) struct ax_json *payload = NULL;
    struct jwt_draft draft = { .claims = { .subject = AX_STR_NONE } };
    struct ax_claims *claims = NULL;
    enum ax_code code = ax_jws_open(token, keys, types, AX_ARRAY_LEN(types), &payload, err);

    if (code == AX_OK)
        code = ax_jws_check(ax_json_root(payload), &terms, &draft.claims.expires_s, err);
    if (code != AX_OK)
        return code;
    ax_arena_init(&draft.arena, JWT_EXTRAS_BYTES_MAX);
    code = draft_read(&draft, ax_json_root(payload), rules, err);
    if (code == AX_OK) {
        claims = ax_claims_copy(&draft.claims);
        if (claims)
            *ret_claims = claims;
        else
            code = ax_err_set(err, AX_E_NO_MEMORY, "there is no memory for a token's claims");
    }
    ax_arena_done(&draft.arena);
    return code;
}

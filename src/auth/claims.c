/* SPDX-License-Identifier: Apache-2.0 */
/* claims.c - what does a verified token say about its bearer? */
#include "auth/claims.h"

#include <assert.h>
#include <string.h>

/* Moves *str to `at`; returns the place after it. */
static char *claims_move(char *at, struct ax_str *str)
{
    if (!str->ptr)
        return at;
    if (str->len > 0)
        memcpy(at, str->ptr, str->len);
    str->ptr = at;
    return at + str->len;
}

static size_t claims_text_len(const struct ax_claims *claims)
{
    size_t len = claims->subject.len + claims->tenant.len + claims->email.len + claims->name.len +
                 claims->user_type.len + claims->client_name.len + claims->client_id.len;

    for (size_t i = 0; i < claims->role_count; i++)
        len += claims->roles[i].len;
    for (size_t i = 0; i < claims->extra_count; i++)
        len += claims->extras[i].name.len + claims->extras[i].value.len;
    return len;
}

struct ax_claims *ax_claims_copy(const struct ax_claims *from)
{
    size_t roles_len = from->role_count * sizeof(*from->roles);
    size_t extras_len = from->extra_count * sizeof(*from->extras);
    size_t size = sizeof(*from) + roles_len + extras_len + claims_text_len(from);
    struct ax_claims *claims = ax_try_alloc(size);
    struct ax_claim *extras;
    struct ax_str *roles;
    char *at;

    if (!claims)
        return NULL;
    *claims = *from;
    claims->size = size;
    claims->refs_ = 1;
    roles = (struct ax_str *)(claims + 1);
    extras = (struct ax_claim *)(roles + from->role_count);
    at = (char *)(extras + from->extra_count);
    claims->roles = roles;
    claims->extras = extras;
    at = claims_move(at, &claims->subject);
    at = claims_move(at, &claims->tenant);
    at = claims_move(at, &claims->email);
    at = claims_move(at, &claims->name);
    at = claims_move(at, &claims->user_type);
    at = claims_move(at, &claims->client_name);
    at = claims_move(at, &claims->client_id);
    for (size_t i = 0; i < from->role_count; i++) {
        roles[i] = from->roles[i];
        at = claims_move(at, &roles[i]);
    }
    for (size_t i = 0; i < from->extra_count; i++) {
        extras[i] = from->extras[i];
        at = claims_move(at, &extras[i].name);
        at = claims_move(at, &extras[i].value);
    }
    assert(at == (char *)claims + size);
    return claims;
}

struct ax_claims *ax_claims_ref(struct ax_claims *claims)
{
    claims->refs_++;
    return claims;
}

void ax_claims_unref(struct ax_claims *claims)
{
    if (!claims)
        return;
    assert(claims->refs_ > 0);
    if (--claims->refs_ == 0)
        free(claims);
}

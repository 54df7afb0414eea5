/* SPDX-License-Identifier: Apache-2.0 */
/* claims.h - what does a verified token say about its bearer?
 *
 * One block of memory, shared by reference: the memory of verified tokens and each running request
 * hold one. Nothing in it changes after it was made. One thread at a time. */
#ifndef AX_AUTH_CLAIMS_H
#define AX_AUTH_CLAIMS_H

#include "base/alloc.h"
#include "base/err.h"
#include "base/str.h"

#define AX_CLAIMS_ROLES_MAX  128
#define AX_CLAIMS_EXTRAS_MAX 32

struct ax_claim {
    struct ax_str name;
    struct ax_str value; /* a string's text, anything else as compact JSON */
};

/* What the token does not say is AX_STR_NONE. */
struct ax_claims {
    struct ax_str subject; /* never empty */
    struct ax_str tenant;  /* whether one is needed is for the caller to say */
    struct ax_str email;
    struct ax_str name;
    struct ax_str user_type;
    struct ax_str client_name;
    struct ax_str client_id;
    const struct ax_str *roles;
    size_t role_count;
    const struct ax_claim *extras; /* those of AUTH_CLAIMS_EXTRA that the token has */
    size_t extra_count;
    int64_t expires_s; /* Unix time */
    size_t size;       /* bytes of the whole block */
    size_t refs_;
};

/* A copy of `from`, whose `size` and references do not count, in a block of its own; yours:
 * ax_claims_unref(). NULL when there is no memory. */
AX_CHECKED struct ax_claims *ax_claims_copy(const struct ax_claims *from);

struct ax_claims *ax_claims_ref(struct ax_claims *claims);
void ax_claims_unref(struct ax_claims *claims); /* the last one frees; NULL is fine */
AX_AUTO_DEFINE(struct ax_claims *, ax_claims_unref)

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* service_token.c - is this one of our own programs? */
#include "auth/service_token.h"

#include <string.h>

struct ax_service_tokens {
    char *text; /* all of them, as configured */
    size_t text_len;
    struct ax_str list[AX_SERVICE_TOKENS_MAX];
    size_t count;
};

static bool token_ok(struct ax_str token)
{
    if (token.len < AX_SERVICE_TOKEN_MIN || token.len > AX_SERVICE_TOKEN_LEN_MAX)
        return false;
    for (size_t i = 0; i < token.len; i++) {
        if (token.ptr[i] < '!' || token.ptr[i] > '~')
            return false;
    }
    return true;
}

enum ax_code ax_service_tokens_parse(struct ax_str text, struct ax_service_tokens **ret_tokens,
                                     struct ax_err *err)
{
    AX_AUTO(ax_service_tokens_free) struct ax_service_tokens *tokens = ax_alloc(sizeof(*tokens));
    struct ax_str rest;

    tokens->text = ax_strdup(text);
    tokens->text_len = text.len;
    rest = ax_str_make(tokens->text, text.len);
    while (rest.ptr) {
        struct ax_str token = ax_str_trim(ax_str_cut(&rest, ','));

        if (tokens->count == AX_SERVICE_TOKENS_MAX)
            return ax_err_set(err, AX_E_INVALID_REQUEST, "more than %d service tokens",
                              AX_SERVICE_TOKENS_MAX);
        if (!token_ok(token))
            return ax_err_set(err, AX_E_INVALID_REQUEST,
                              "service token %zu is not %d to %d visible characters",
                              tokens->count + 1, AX_SERVICE_TOKEN_MIN, AX_SERVICE_TOKEN_LEN_MAX);
        tokens->list[tokens->count++] = token;
    }
    *ret_tokens = AX_TAKE(tokens);
    return AX_OK;
}

void ax_service_tokens_free(struct ax_service_tokens *tokens)
{
    if (!tokens)
        return;
    if (tokens->text)
        ax_wipe(tokens->text, tokens->text_len);
    free(tokens->text);
    free(tokens);
}

struct ax_str ax_service_tokens_first(const struct ax_service_tokens *tokens)
{
    return tokens->list[0];
}

static bool accepts(const struct ax_service_tokens *tokens, struct ax_str candidate)
{
    bool found = false;

    for (size_t i = 0; i < tokens->count; i++)
        found |= ax_str_eq_secret(tokens->list[i], candidate);
    return found;
}

bool ax_service_tokens_accept(const struct ax_service_tokens *tokens, struct ax_str authorization,
                              struct ax_str own_header)
{
    const struct ax_str scheme = AX_STR("Bearer ");

    if (!authorization.ptr && !own_header.ptr)
        return false;
    if (authorization.ptr) {
        if (authorization.len < scheme.len ||
            !ax_str_eq_nocase(ax_str_sub(authorization, 0, scheme.len), scheme) ||
            !accepts(tokens, ax_str_trim(ax_str_from(authorization, scheme.len))))
            return false;
    }
    return !own_header.ptr || accepts(tokens, own_header);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* service_token_test.c - are only our own programs let in? */
#include "auth/service_token.h"

#include "base/test.h"

#define A "aaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbb"

static enum ax_code parse(struct ax_str text, struct ax_service_tokens **ret)
{
    struct ax_err err;

    *ret = NULL;
    return ax_service_tokens_parse(text, ret, &err);
}

static void check_length(size_t len, enum ax_code expected)
{
    char text[AX_SERVICE_TOKEN_LEN_MAX + 2];
    struct ax_service_tokens *tokens;

    memset(text, 'x', sizeof(text));
    T_CODE(parse(ax_str_make(text, len), &tokens), expected);
    ax_service_tokens_free(tokens);
}

TEST(service_token_length_is_16_to_512)
{
    check_length(15, AX_E_INVALID_REQUEST);
    check_length(16, AX_OK);
    check_length(17, AX_OK);
    check_length(511, AX_OK);
    check_length(512, AX_OK);
    check_length(513, AX_E_INVALID_REQUEST);
}

TEST(service_token_list_is_refused_as_a_whole)
{
    static const char *refused[] = { "",
                                     A ",",
                                     "," A,
                                     A ",,B",
                                     A "," A "\x7f",
                                     A " " A,
                                     A ",short",
                                     A "," A "," A "," A "," A "," A "," A "," A "," A };
    static const char *accepted[] = { A, A "," B, A " , " B,
                                      A "," A "," A "," A "," A "," A "," A "," A };
    struct ax_service_tokens *tokens;

    for (size_t i = 0; i < AX_ARRAY_LEN(refused); i++)
        T_CODE(parse(ax_str_of(refused[i]), &tokens), AX_E_INVALID_REQUEST);
    for (size_t i = 0; i < AX_ARRAY_LEN(accepted); i++) {
        T_OK(parse(ax_str_of(accepted[i]), &tokens));
        ax_service_tokens_free(tokens);
    }
}

TEST(service_token_accepts_any_of_the_list_by_either_header)
{
    struct ax_service_tokens *tokens;

    T_OK(parse(AX_STR(A "," B), &tokens));
    T_STR(ax_service_tokens_first(tokens), AX_STR(A));
    T_TRUE(ax_service_tokens_accept(tokens, AX_STR("Bearer " A), AX_STR_NONE));
    T_TRUE(ax_service_tokens_accept(tokens, AX_STR("bearer " B), AX_STR_NONE));
    T_TRUE(ax_service_tokens_accept(tokens, AX_STR_NONE, AX_STR(B)));
    T_TRUE(ax_service_tokens_accept(tokens, AX_STR("Bearer " A), AX_STR(B)));
    ax_service_tokens_free(tokens);
}

TEST(service_token_refuses_everything_else)
{
    struct ax_service_tokens *tokens;

    T_OK(parse(AX_STR(A "," B), &tokens));
    T_FALSE(ax_service_tokens_accept(tokens, AX_STR_NONE, AX_STR_NONE));
    T_FALSE(ax_service_tokens_accept(tokens, AX_STR(""), AX_STR_NONE));
    T_FALSE(ax_service_tokens_accept(tokens, AX_STR("Bearer "), AX_STR_NONE));
    T_FALSE(ax_service_tokens_accept(tokens, AX_STR("Basic " A), AX_STR_NONE));
    T_FALSE(ax_service_tokens_accept(tokens, AX_STR(A), AX_STR_NONE));
    T_FALSE(ax_service_tokens_accept(tokens, AX_STR("Bearer " A "," B), AX_STR_NONE));
    T_FALSE(ax_service_tokens_accept(tokens, AX_STR("Bearer aaaaaaaaaaaaaaab"), AX_STR_NONE));
    T_FALSE(ax_service_tokens_accept(tokens, AX_STR("Bearer aaaaaaaaaaaaaaa"), AX_STR_NONE));
    T_FALSE(ax_service_tokens_accept(tokens, AX_STR_NONE, AX_STR("")));
    T_FALSE(ax_service_tokens_accept(tokens, AX_STR("Bearer " A), AX_STR("wrong-wrong-wrong")));
    T_FALSE(ax_service_tokens_accept(tokens, AX_STR("Bearer wrong-wrong-wrong"), AX_STR(B)));
    ax_service_tokens_free(tokens);
}

TEST_MAIN()

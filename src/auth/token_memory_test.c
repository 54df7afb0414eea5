/* SPDX-License-Identifier: Apache-2.0 */
/* token_memory_test.c - is a token believed twice only while nothing has changed? */
#include "auth/token_memory.h"

#include "auth/test_kit.h"

#include <stdio.h>

#define MANY (1024 * 1024)

/* A token for subject `number` that expires at `exp`. */
static struct ax_str token_of(struct kit *kit, int number, int64_t exp)
{
    AX_AUTO_BUF struct ax_buf payload = { .max = 1024 };

    T_OK(ax_buf_printf(&payload,
                       "{\"iss\":\"" KIT_ISSUER "\",\"aud\":\"" KIT_AUDIENCE
                       "\",\"sub\":\"u%d\",\"exp\":%lld}",
                       number, (long long)exp));
    return kit_sign(&kit->token, kit->key, AX_STR(KIT_HEADER), ax_buf_str(&payload));
}

static enum ax_code ask(struct ax_token_memory *memory, struct kit *kit, struct ax_str token)
{
    AX_AUTO(ax_claims_unref) struct ax_claims *claims = NULL;
    enum ax_code code = ax_token_memory_verify(memory, token, kit->keys, &kit->rules, kit->now_s,
                                               &claims, &kit->err);

    T_TRUE((code == AX_OK) == (claims != NULL));
    return code;
}

/* Was the token answered from memory? */
static bool hit(struct ax_token_memory *memory, struct kit *kit, struct ax_str token)
{
    uint64_t before = ax_token_memory_hits(memory);

    T_OK(ask(memory, kit, token));
    return ax_token_memory_hits(memory) > before;
}

TEST(token_memory_answers_the_second_time)
{
    struct ax_token_memory *memory = ax_token_memory_new(10, MANY);
    struct ax_claims *claims = NULL;
    struct kit kit;
    struct ax_str token;

    kit_init(&kit);
    token = token_of(&kit, 1, KIT_NOW + 1000);
    T_FALSE(hit(memory, &kit, token));
    T_TRUE(hit(memory, &kit, token));
    T_OK(ax_token_memory_verify(memory, token, kit.keys, &kit.rules, kit.now_s, &claims, NULL));
    ax_token_memory_free(memory); /* the claims outlive it */
    T_STR(claims->subject, AX_STR("u1"));
    ax_claims_unref(claims);
    kit_done(&kit);
}

TEST(token_memory_lasts_60_s)
{
    struct ax_token_memory *memory = ax_token_memory_new(10, MANY);
    struct kit kit;
    struct ax_str token;

    kit_init(&kit);
    token = token_of(&kit, 1, KIT_NOW + 1000);
    T_FALSE(hit(memory, &kit, token));
    kit.now_s = KIT_NOW + 59;
    T_TRUE(hit(memory, &kit, token)); /* which does not prolong it */
    kit.now_s = KIT_NOW + 60;
    T_FALSE(hit(memory, &kit, token));
    T_TRUE(hit(memory, &kit, token));
    kit.now_s = KIT_NOW + 59; /* the clock was set back */
    T_FALSE(hit(memory, &kit, token));
    ax_token_memory_free(memory);
    kit_done(&kit);
}

TEST(token_memory_ends_with_the_token)
{
    struct ax_token_memory *memory = ax_token_memory_new(10, MANY);
    struct kit kit;
    struct ax_str token;

    kit_init(&kit);
    token = token_of(&kit, 1, KIT_NOW + 30);
    T_FALSE(hit(memory, &kit, token));
    kit.now_s = KIT_NOW + 29;
    T_TRUE(hit(memory, &kit, token));
    kit.now_s = KIT_NOW + 30; /* from here on only the skew lets it pass, and nothing remembers */
    T_FALSE(hit(memory, &kit, token));
    T_FALSE(hit(memory, &kit, token));
    T_EQ(ax_token_memory_count(memory), 0);
    kit.now_s = KIT_NOW + 30 + AX_JWT_SKEW_S;
    T_CODE(ask(memory, &kit, token), AX_E_UNAUTHENTICATED);
    ax_token_memory_free(memory);
    kit_done(&kit);
}

TEST(token_memory_forgets_when_keys_change)
{
    AX_AUTO_BUF struct ax_buf jwk = { .max = 4096 };
    struct ax_token_memory *memory = ax_token_memory_new(10, MANY);
    struct ax_private_key *other = kit_ec_key();
    struct kit kit;
    struct ax_str token;

    kit_init(&kit);
    token = token_of(&kit, 1, KIT_NOW + 1000);
    T_FALSE(hit(memory, &kit, token));
    T_TRUE(hit(memory, &kit, token));
    kit_ec_jwk(&jwk, kit.key, "\"kid\":\"k1\"");
    ax_jwks_free(kit.keys);
    kit.keys = kit_keys(ax_buf_str(&jwk)); /* the same key, but a new set */
    T_FALSE(hit(memory, &kit, token));
    T_TRUE(hit(memory, &kit, token));
    ax_buf_clear(&jwk);
    kit_ec_jwk(&jwk, other, "\"kid\":\"k1\"");
    ax_jwks_free(kit.keys);
    kit.keys = kit_keys(ax_buf_str(&jwk));
    T_CODE(ask(memory, &kit, token), AX_E_UNAUTHENTICATED);
    T_EQ(ax_token_memory_count(memory), 0);
    ax_token_memory_free(memory);
    ax_private_key_free(other);
    kit_done(&kit);
}

TEST(token_memory_remembers_no_refusal)
{
    struct ax_token_memory *memory = ax_token_memory_new(10, MANY);
    struct ax_private_key *other = kit_ec_key();
    char big[AX_JWT_BYTES_MAX + 1];
    struct kit kit;
    struct ax_str token;

    kit_init(&kit);
    token = kit_sign(&kit.token, other, AX_STR(KIT_HEADER), AX_STR(KIT_CLAIMS("")));
    T_CODE(ask(memory, &kit, token), AX_E_UNAUTHENTICATED);
    T_CODE(ask(memory, &kit, token), AX_E_UNAUTHENTICATED);
    memset(big, 'a', sizeof(big));
    T_CODE(ask(memory, &kit, ax_str_make(big, sizeof(big))), AX_E_UNAUTHENTICATED);
    T_EQ(ax_token_memory_count(memory), 0);
    ax_token_memory_free(memory);
    ax_private_key_free(other);
    kit_done(&kit);
}

TEST(token_memory_keeps_the_most_recently_used)
{
    struct ax_token_memory *memory = ax_token_memory_new(3, MANY);
    struct ax_buf tokens[4] = { { 0 } };
    struct kit kit;

    kit_init(&kit);
    for (int i = 0; i < 4; i++) {
        ax_buf_init(&tokens[i], 4096);
        T_OK(ax_buf_append_str(&tokens[i], token_of(&kit, i, KIT_NOW + 1000)));
    }
    for (int i = 0; i < 3; i++)
        T_FALSE(hit(memory, &kit, ax_buf_str(&tokens[i])));
    T_EQ(ax_token_memory_count(memory), 3);
    T_TRUE(hit(memory, &kit, ax_buf_str(&tokens[0]))); /* now 1 is the oldest */
    T_FALSE(hit(memory, &kit, ax_buf_str(&tokens[3])));
    T_EQ(ax_token_memory_count(memory), 3);
    T_TRUE(hit(memory, &kit, ax_buf_str(&tokens[0])));
    T_TRUE(hit(memory, &kit, ax_buf_str(&tokens[2])));
    T_TRUE(hit(memory, &kit, ax_buf_str(&tokens[3])));
    T_FALSE(hit(memory, &kit, ax_buf_str(&tokens[1])));
    T_FALSE(hit(memory, &kit, ax_buf_str(&tokens[0])));
    for (int i = 0; i < 4; i++)
        ax_buf_done(&tokens[i]);
    ax_token_memory_free(memory);
    kit_done(&kit);
}

TEST(token_memory_is_bounded_in_bytes)
{
    struct ax_token_memory *memory = ax_token_memory_new(100, MANY);
    struct kit kit;
    size_t each;

    kit_init(&kit);
    T_OK(ask(memory, &kit, token_of(&kit, 1, KIT_NOW + 1000)));
    each = ax_token_memory_bytes(memory);
    T_TRUE(each > sizeof(struct ax_claims));
    ax_token_memory_forget(memory);
    T_EQ(ax_token_memory_bytes(memory), 0);
    ax_token_memory_free(memory);
    for (size_t room = 0; room <= 3; room++) {
        static const int remembered[] = { 0, 1, 2,
                                          2 }; /* none, one, two, and a byte too few for 3 */

        memory = ax_token_memory_new(100, room == 0 ? each - 1 : room * each - (room == 3));
        for (int i = 1; i <= 9; i++)
            T_OK(ask(memory, &kit, token_of(&kit, i, KIT_NOW + 1000)));
        T_EQ(ax_token_memory_count(memory), remembered[room]);
        T_EQ(ax_token_memory_bytes(memory), (size_t)remembered[room] * each);
        ax_token_memory_free(memory);
    }
    kit_done(&kit);
}

TEST_MAIN()

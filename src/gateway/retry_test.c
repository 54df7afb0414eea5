/* SPDX-License-Identifier: Apache-2.0 */
/* retry_test.c - is a request repeated exactly when that is harmless? */
#include "gateway/retry.h"

#include "base/test.h"

static struct ax_retry_question ask(enum ax_method method, enum ax_try_end end)
{
    return (struct ax_retry_question){
        .method = method, .tries = 1, .end = end, .code = AX_E_INTERNAL, .left_ms = 5000
    };
}

static enum ax_retry_why decide(const struct ax_retry_question *question)
{
    struct ax_retry_budget budget;
    uint64_t wait_ms = 0;

    ax_retry_budget_init(&budget);
    return ax_retry_decide(question, &budget, &wait_ms);
}

/* Every end x every method. */
TEST(retry_by_end_and_method)
{
    for (enum ax_method method = AX_METHOD_GET; method <= AX_METHOD_DELETE; method++) {
        bool safe = method == AX_METHOD_GET || method == AX_METHOD_HEAD;
        struct ax_retry_question question = ask(method, AX_TRY_NOT_SENT);

        T_EQ(decide(&question), AX_RETRY_GRANTED);
        question.end = AX_TRY_LOST;
        T_EQ(decide(&question), safe ? AX_RETRY_GRANTED : AX_RETRY_STARTED);
        question.end = AX_TRY_BARE;
        T_EQ(decide(&question), safe ? AX_RETRY_GRANTED : AX_RETRY_STARTED);
        question.end = AX_TRY_FINAL;
        T_EQ(decide(&question), AX_RETRY_ANSWERED);
    }
}

/* Every code x started x method, against the lists of the contract. */
TEST(retry_by_code)
{
    static const enum ax_code not_started[] = { AX_E_OVERLOADED,           AX_E_DRAINING,
                                                AX_E_EXTENSION_WARMING,    AX_E_BUNDLE_UNAVAILABLE,
                                                AX_E_REGISTRY_UNAVAILABLE, AX_E_NO_MEMORY };
    static const enum ax_code safe_only[] = { AX_E_WORKER_LOST, AX_E_CLOSED };

    for (enum ax_code code = 1; code < AX_CODE_COUNT; code++)
        for (unsigned started = 0; started < 2; started++)
            for (enum ax_method method = AX_METHOD_GET; method <= AX_METHOD_DELETE; method++) {
                struct ax_retry_question question = ask(method, AX_TRY_FAILED);
                bool safe = method == AX_METHOD_GET || method == AX_METHOD_HEAD;
                enum ax_retry_why expected = AX_RETRY_ANSWERED;

                for (size_t i = 0; i < AX_ARRAY_LEN(not_started); i++)
                    if (code == not_started[i])
                        expected = started ? AX_RETRY_STARTED : AX_RETRY_GRANTED;
                for (size_t i = 0; i < AX_ARRAY_LEN(safe_only); i++)
                    if (code == safe_only[i])
                        expected = started && !safe ? AX_RETRY_STARTED : AX_RETRY_GRANTED;
                question.code = code;
                question.started = started;
                T_EQ(decide(&question), expected);
            }
}

TEST(retry_happens_at_most_twice)
{
    struct ax_retry_question question = ask(AX_METHOD_GET, AX_TRY_NOT_SENT);

    for (question.tries = 1; question.tries < 6; question.tries++)
        T_EQ(decide(&question), question.tries <= 2 ? AX_RETRY_GRANTED : AX_RETRY_EXHAUSTED);
}

TEST(retry_waits_a_random_time_within_its_span)
{
    for (unsigned tries = 1; tries <= 2; tries++) {
        struct ax_retry_question question = ask(AX_METHOD_GET, AX_TRY_NOT_SENT);
        uint64_t most = 0, least = UINT64_MAX;

        question.tries = tries;
        for (question.random = 0; question.random < 1000; question.random++) {
            struct ax_retry_budget budget = { AX_RETRY_BUDGET_FULL };
            uint64_t wait_ms = UINT64_MAX;

            T_EQ(ax_retry_decide(&question, &budget, &wait_ms), AX_RETRY_GRANTED);
            most = wait_ms > most ? wait_ms : most;
            least = wait_ms < least ? wait_ms : least;
        }
        T_EQ(least, 0);
        T_EQ(most, AX_RETRY_BASE_MS * tries);
    }
}

TEST(retry_keeps_to_the_deadline_and_to_retry_after)
{
    static const struct {
        uint64_t after_ms, left_ms;
        bool granted;
    } rows[] = {
        { 0, AX_RETRY_LEAST_MS - 1, false },
        { 0, AX_RETRY_LEAST_MS, true },
        { 0, AX_RETRY_LEAST_MS + 1, true },
        { 0, 0, false },
        { 1000, 1000, false },
        { 1000, 1299, false },
        { 1000, 1300, true },
        { 1000, 1301, true },
        { UINT64_MAX / 2, 5000, false },
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(rows); i++) {
        struct ax_retry_question question = ask(AX_METHOD_GET, AX_TRY_NOT_SENT);
        struct ax_retry_budget budget = { AX_RETRY_BUDGET_FULL };
        uint64_t wait_ms = 0;

        question.retry_after_ms = rows[i].after_ms;
        question.left_ms = rows[i].left_ms;
        T_EQ(ax_retry_decide(&question, &budget, &wait_ms),
             rows[i].granted ? AX_RETRY_GRANTED : AX_RETRY_TOO_LATE);
        T_EQ(budget.tenths, AX_RETRY_BUDGET_FULL - (rows[i].granted ? 10 : 0));
        if (rows[i].granted)
            T_EQ(wait_ms, rows[i].after_ms);
    }
}

/* A runner that fails all of 10,000 requests sees 11,000 and the first ten. */
TEST(retry_is_one_request_in_ten)
{
    struct ax_retry_question question = ask(AX_METHOD_GET, AX_TRY_NOT_SENT);
    struct ax_retry_budget budget;
    unsigned retries = 0;
    uint64_t wait_ms;

    ax_retry_budget_init(&budget);
    for (unsigned i = 0; i < 10000; i++) {
        ax_retry_budget_request(&budget);
        for (question.tries = 1; ax_retry_decide(&question, &budget, &wait_ms) == AX_RETRY_GRANTED;
             question.tries++)
            retries++;
    }
    T_TRUE(retries >= 1000 && retries <= 1010);
    question.tries = 1;
    budget.tenths = 9;
    T_EQ(ax_retry_decide(&question, &budget, &wait_ms), AX_RETRY_BUDGET);
    budget.tenths = 10;
    T_EQ(ax_retry_decide(&question, &budget, &wait_ms), AX_RETRY_GRANTED);
    T_EQ(budget.tenths, 0);
}

TEST(retry_after_is_whole_seconds)
{
    static const struct {
        struct ax_str text;
        uint64_t ms;
    } rows[] = {
        { AX_STR_INIT("1"), 1000 },
        { AX_STR_INIT("0"), 0 },
        { AX_STR_INIT("86400"), 86400000 },
        { AX_STR_INIT("86401"), 0 },
        { AX_STR_INIT("-1"), 0 },
        { AX_STR_INIT("1.5"), 0 },
        { AX_STR_INIT(""), 0 },
        { AX_STR_INIT("01"), 0 },
        { AX_STR_INIT("Fri, 31 Dec 1999"), 0 },
        { { NULL, 0 }, 0 },
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(rows); i++)
        T_EQ(ax_retry_after_ms(rows[i].text), rows[i].ms);
}

TEST_MAIN()

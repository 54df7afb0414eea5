/* SPDX-License-Identifier: Apache-2.0 */
/* retry.c - may this request be sent once more, and when? */
#include "gateway/retry.h"

#define RETRY_COST        10
#define RETRY_AFTER_MAX_S 86400

void ax_retry_budget_init(struct ax_retry_budget *budget)
{
    budget->tenths = AX_RETRY_BUDGET_FULL;
}

void ax_retry_budget_request(struct ax_retry_budget *budget)
{
    if (budget->tenths < AX_RETRY_BUDGET_FULL)
        budget->tenths++;
}

static bool retry_is_gateway_status(enum ax_code code)
{
    int status = ax_code_info(code)->status;

    return status == 502 || status == 503 || status == 504;
}

/* What the end alone says. */
static enum ax_retry_why retry_judge(const struct ax_retry_question *question)
{
    bool safe = question->method == AX_METHOD_GET || question->method == AX_METHOD_HEAD;
    enum ax_retry retry = ax_code_info(question->code)->retry;

    switch (question->end) {
    case AX_TRY_NOT_SENT: return AX_RETRY_GRANTED;
    case AX_TRY_LOST:
    case AX_TRY_BARE: return safe ? AX_RETRY_GRANTED : AX_RETRY_STARTED;
    case AX_TRY_FAILED:
        if (retry == AX_RETRY_NEVER || !retry_is_gateway_status(question->code))
            return AX_RETRY_ANSWERED;
        if (!question->started || (safe && retry == AX_RETRY_SAFE_ONLY))
            return AX_RETRY_GRANTED;
        return AX_RETRY_STARTED;
    case AX_TRY_FINAL: break;
    }
    return AX_RETRY_ANSWERED;
}

enum ax_retry_why ax_retry_decide(const struct ax_retry_question *question,
                                  struct ax_retry_budget *budget, uint64_t *ret_wait_ms)
{
    enum ax_retry_why why = retry_judge(question);
    uint64_t span_ms;
    uint64_t wait_ms;

    if (why != AX_RETRY_GRANTED)
        return why;
    if (question->tries > AX_RETRIES_MAX)
        return AX_RETRY_EXHAUSTED;
    span_ms = (uint64_t)AX_RETRY_BASE_MS << (question->tries - 1);
    wait_ms = question->retry_after_ms + question->random % (span_ms + 1);
    if (question->left_ms < AX_RETRY_LEAST_MS || wait_ms > question->left_ms - AX_RETRY_LEAST_MS)
        return AX_RETRY_TOO_LATE;
    if (budget->tenths < RETRY_COST)
        return AX_RETRY_BUDGET;
    budget->tenths -= RETRY_COST;
    *ret_wait_ms = wait_ms;
    return AX_RETRY_GRANTED;
}

uint64_t ax_retry_after_ms(struct ax_str value)
{
    uint64_t seconds = 0;

    if (!ax_str_to_u64(value, RETRY_AFTER_MAX_S, &seconds))
        return 0;
    return seconds * 1000;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* retry.h - may this request be sent once more, and when?
 *
 * Only when the guest cannot have started, or the method changes nothing and nobody answered for it;
 * at most twice, inside the request's own deadline, and for at most one request in ten. Pure but for
 * the budget. */
#ifndef AX_GATEWAY_RETRY_H
#define AX_GATEWAY_RETRY_H

#include "base/err.h"
#include "http/server.h"

#define AX_RETRIES_MAX    2
#define AX_RETRY_BASE_MS  50  /* the first wait lies in [0, base], the second in [0, 2 base] */
#define AX_RETRY_LEAST_MS 300 /* that must be left for a try to make sense */

/* A bucket of tenths: each request puts one in, each retry takes ten out. */
#define AX_RETRY_BUDGET_FULL 100
struct ax_retry_budget {
    unsigned tenths;
};
void ax_retry_budget_init(struct ax_retry_budget *budget); /* full: ten retries */
void ax_retry_budget_request(struct ax_retry_budget *budget);

/* How a try ended. */
enum ax_try_end {
    AX_TRY_NOT_SENT, /* refused connection, or the request did not leave whole */
    AX_TRY_LOST,     /* sent, but no answer came: reset, cut short */
    AX_TRY_BARE,     /* 502, 503 or 504 of something in between, without our error object */
    AX_TRY_FAILED,   /* an error object: code and started */
    AX_TRY_FINAL,    /* an answer, a timeout, a lie: nothing to repeat */
};

struct ax_retry_question {
    enum ax_method method;
    unsigned tries; /* that have ended, at least 1 */
    enum ax_try_end end;
    enum ax_code code;       /* of AX_TRY_FAILED */
    bool started;            /* of AX_TRY_FAILED: the guest may have */
    uint64_t retry_after_ms; /* what the answer asked for; 0: nothing */
    uint64_t left_ms;        /* until the request's deadline */
    uint64_t random;         /* any number, for the jitter */
};

enum ax_retry_why {
    AX_RETRY_GRANTED,
    AX_RETRY_ANSWERED,  /* the end is final, or its code is never tried again */
    AX_RETRY_STARTED,   /* the guest may have started, and the method may change something */
    AX_RETRY_EXHAUSTED, /* tried often enough */
    AX_RETRY_TOO_LATE,  /* the wait does not fit before the deadline */
    AX_RETRY_BUDGET,    /* too many others are being retried */
};

/* Decides; AX_RETRY_GRANTED takes from the budget and sets *ret_wait_ms. */
AX_CHECKED enum ax_retry_why ax_retry_decide(const struct ax_retry_question *question,
                                             struct ax_retry_budget *budget, uint64_t *ret_wait_ms);

/* Milliseconds of a retry-after in whole seconds; 0 for a date, or anything else. */
uint64_t ax_retry_after_ms(struct ax_str value);

#endif

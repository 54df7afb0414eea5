/* SPDX-License-Identifier: Apache-2.0 */
/* execute_answer.h - what did the runner answer, and may we believe it?
 *
 * Reads the answer of POST /v1/execute. What does not keep to its form is not passed on in part: it
 * is a failure of ours. */
#ifndef AX_GATEWAY_EXECUTE_ANSWER_H
#define AX_GATEWAY_EXECUTE_ANSWER_H

#include "gateway/pass.h"
#include "gateway/retry.h"

#define AX_ANSWER_BYTES_MAX (14u << 20) /* of the runner's answer: body in base64, log, headers */
#define AX_ANSWER_BODY_MAX  (8u << 20)

struct ax_runner_answer {
    enum ax_try_end end; /* never AX_TRY_NOT_SENT, AX_TRY_LOST */

    /* AX_OK: the guest answered; then these. */
    enum ax_code code;
    int status;
    struct ax_http_header
        headers[AX_PASS_HEADERS_MAX]; /* checked byte by byte; borrowed from json */
    size_t header_count;
    struct ax_buf body;

    /* Otherwise: `code` is what the caller is told, `said` what the runner said, for the log. */
    enum ax_code said;
    bool started;
    struct ax_err err; /* words for the caller */
    const char *lie;   /* what is wrong with the answer, for the log; NULL: nothing */

    struct ax_json *json;
};

/* What was asked, so that an answer to something else is noticed. */
struct ax_answer_expected {
    struct ax_str request_id;
    struct ax_digest hash;
};

/* Reads an answer with HTTP status `http_status`. Never fails: what it makes of the bytes is in
 * *ret_answer, which is yours in every case: ax_runner_answer_done().
 *
 * code AX_OK, end FINAL: the guest's answer. end FAILED: the runner's own refusal. end BARE: 502, 503
 * or 504 without our error object. AX_E_INTERNAL, end FINAL: a lie (not our JSON, a wrong type, too
 * many headers, statuses that disagree, another request or hash), or 400, 401 or 403: then the
 * gateway itself did something wrong. A revoked bundle is AX_E_EXTENSION_NOT_AVAILABLE, like one that
 * was never there. */
void ax_runner_answer_read(int http_status, struct ax_str body,
                           const struct ax_answer_expected *expected,
                           struct ax_runner_answer *ret_answer);
void ax_runner_answer_done(struct ax_runner_answer *answer);

#endif

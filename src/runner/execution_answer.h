/* SPDX-License-Identifier: Apache-2.0 */
/* execution_answer.h - how is the end of an execution told to its caller?
 *
 * The JSON of contracts, runner: status, headers, body_b64, usage, log, log_dropped, error. */
#ifndef AX_RUNNER_EXECUTION_ANSWER_H
#define AX_RUNNER_EXECUTION_ANSWER_H

#include "http/server.h"
#include "runner/core_json.h"
#include "runner/exec_message.h"

/* Lines that a guest logged, as elements of the answer's list. */
#define AX_LOG_LINES_MAX 200
#define AX_LOG_BYTES_MAX (64u << 10)

struct ax_execution_log {
    struct ax_buf json; /* "[12,"info","text"],..." without brackets */
    uint32_t lines;
    uint32_t bytes;
    uint32_t dropped; /* here, beyond what the worker dropped */
};

void ax_execution_log_init(struct ax_execution_log *log);
void ax_execution_log_done(struct ax_execution_log *log);
void ax_execution_log_clear(struct ax_execution_log *log);
/* The worker keeps to the limits; the front counts again. */
void ax_execution_log_add(struct ax_execution_log *log, uint32_t at_ms, uint8_t level,
                          struct ax_str text);

struct ax_execution_facts {
    struct ax_str request_id;
    const struct ax_usage *usage; /* NULL: it never ran */
    uint64_t wall_ns;             /* from arrival */
    uint64_t queue_ns;            /* from arrival to the worker */
    uint64_t egress_bytes;
    bool started; /* may the guest have started? */
    const struct ax_execution_log *log;
};

/* The guest answered: 200 with its answer. Ends the exchange. */
void ax_execution_answer_done(struct ax_exchange *ex, const struct ax_execution_facts *facts,
                              const struct ax_guest_response *response);
/* It did not: the code's status with an error object. `err` may be NULL: the code's own words.
 * `retry_ms` not 0: Retry-After, rounded up to seconds. Ends the exchange. */
void ax_execution_answer_failure(struct ax_exchange *ex, const struct ax_execution_facts *facts,
                                 enum ax_code code, const struct ax_err *err, uint32_t retry_ms);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* execute_request.h - what does POST /v1/execute ask for?
 *
 * Reads the body of contracts, runner: required members, forms that are also accepted, limits. Null
 * is absent, unknown members are ignored, everything else that is off is refused with the JSON
 * pointer of the culprit before anything was allotted to it. */
#ifndef AX_RUNNER_EXECUTE_REQUEST_H
#define AX_RUNNER_EXECUTE_REQUEST_H

#include "base/json.h"
#include "bundle/digest.h"
#include "runner/exec_message.h"

#define AX_EXECUTE_BYTES_MAX     (12u << 20)
#define AX_EXECUTE_BODY_MAX      (8u << 20)
#define AX_EXECUTE_EGRESS_MAX    256
#define AX_EXECUTE_PROVIDERS_MAX 64
#define AX_EXECUTE_ID_MAX        256

#define AX_TIMEOUT_MS_DEFAULT  4800
#define AX_TIMEOUT_MS_MAX      30000
#define AX_CPU_MS_DEFAULT      1000
#define AX_CPU_MS_MAX          10000
#define AX_MEMORY_MB_CORE      64
#define AX_MEMORY_MB_COMPONENT 128
#define AX_MEMORY_MB_MAX       256

struct ax_execute_request {
    struct ax_json *json; /* owns what the strings below borrow */
    /* Everything but module, deadline and budgets; the rest borrows from json and the arena. */
    struct ax_exec_message message;
    struct ax_digest hash;
    unsigned capabilities; /* AX_CAP_*, as asked for in `providers`, with the always granted */
    struct ax_str *egress; /* allowed hosts; none: nothing may be fetched */
    size_t egress_count;
    uint32_t timeout_ms; /* default applied */
    uint32_t cpu_ms;     /* 0: not asked for */
    uint32_t memory_mb;  /* 0: not asked for */
    struct ax_str traceparent;
};

/* Reads `body` (borrowed for the call). What is sized by the caller comes from `arena`, which must
 * outlive the request. `fallback_id` stands in for a missing context.request_id. Fails with
 * AX_E_INVALID_REQUEST, AX_E_UNKNOWN_CAPABILITY, AX_E_TENANT_MISMATCH (inner headers against the
 * context), AX_E_PAYLOAD_TOO_LARGE, AX_E_NO_MEMORY. On failure and success alike call
 * ax_execute_request_done(). */
AX_CHECKED enum ax_code ax_execute_request_read(struct ax_str body, struct ax_str fallback_id,
                                                struct ax_arena *arena,
                                                struct ax_execute_request *request,
                                                struct ax_err *err);
void ax_execute_request_done(struct ax_execute_request *request);

/* Do `x-alga-tenant` and `x-alga-extension`, where they are sent (ptr not NULL), agree with the
 * context? AX_E_TENANT_MISMATCH or AX_E_INVALID_REQUEST when not. */
AX_CHECKED enum ax_code ax_execute_request_agrees(const struct ax_execute_request *request,
                                                  struct ax_str tenant, struct ax_str extension,
                                                  struct ax_err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* execute_body.h - how is a runner asked?
 *
 * Builds the body of POST /v1/execute in one buffer: the request's own body is encoded once, straight
 * into its place. */
#ifndef AX_GATEWAY_EXECUTE_BODY_H
#define AX_GATEWAY_EXECUTE_BODY_H

#include "auth/claims.h"
#include "gateway/pass.h"

#define AX_CALL_BYTES_MAX    (12u << 20) /* what a runner takes */
#define AX_CALL_BODY_MAX     (8u << 20)
#define AX_CALL_PAIRS_MAX    1024
#define AX_CALL_MARGIN_MS    200 /* so that the runner's reason arrives before our own deadline */
#define AX_CALL_TIMEOUT_MS   4800
#define AX_CALL_TIMEOUT_MOST 30000

/* All borrowed. */
struct ax_call_request {
    struct ax_str request_id;
    const struct ax_model_install *install;
    const struct ax_endpoint_match *match;
    const struct ax_ext_path *path;
    struct ax_str query; /* raw; ptr NULL: none */
    const struct ax_pass_headers *headers;
    bool has_body;
    struct ax_str body;
    const struct ax_claims *claims; /* NULL: nobody's, the install runs for itself */
    uint64_t left_ms;               /* until the gateway's deadline */
    struct ax_str host_token;       /* the execution token; empty: none */
    struct ax_arena *arena;         /* for the decoded query */
};

/* What the runner is given: what is left less the margin, at most what endpoint, manifest or default
 * say. 0: there is no time for it. */
uint32_t ax_call_timeout_ms(const struct ax_model_install *install,
                            const struct ax_endpoint *endpoint, uint64_t left_ms);

/* Does a granted capability need the execution token? (stateful host services, or a host's own) */
bool ax_call_needs_token(const struct ax_model_install *install);

/* Writes the body into `buf`, which is empty and has AX_CALL_BYTES_MAX as its maximum.
 * AX_E_DEADLINE_EXCEEDED: no time is left. AX_E_PAYLOAD_TOO_LARGE: the body is over
 * AX_CALL_BODY_MAX, or all of it over the maximum. AX_E_INVALID_REQUEST: a query that cannot be
 * decoded, or has over AX_CALL_PAIRS_MAX pairs. AX_E_NO_MEMORY. On failure `buf` holds rubbish. */
AX_CHECKED enum ax_code ax_call_build(const struct ax_call_request *call, struct ax_buf *buf,
                                      struct ax_err *err);

#endif

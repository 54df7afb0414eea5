/* SPDX-License-Identifier: Apache-2.0 */
/* core_json.h - what does a core@1 guest read and write?
 *
 * The request JSON that the host hands to `handler` and the response that it returns (contracts,
 * guest ABIs; api/core-abi.md). Used by workers: nothing here trusts the guest. */
#ifndef AX_RUNNER_CORE_JSON_H
#define AX_RUNNER_CORE_JSON_H

#include "runner/exec_message.h"

/* Appends the request JSON. The buffer's sticky code tells whether it fitted. */
void ax_core_request_write(struct ax_buf *buf, const struct ax_exec_message *message);

#define AX_GUEST_HEADERS_MAX      64
#define AX_GUEST_HEADER_BYTES_MAX (16u << 10)
#define AX_GUEST_BODY_MAX         (8u << 20)

/* A handler's answer: parts borrowed from `arena` or from the guest's bytes. */
struct ax_guest_response {
    uint32_t status;
    struct ax_pairs headers; /* a name may repeat */
    struct ax_str body;
};

/* Reads what the guest returned. Bytes that are not a JSON object are a 200 with those bytes as
 * application/octet-stream. AX_E_INVALID_GUEST_RESPONSE with words when an object has a wrong
 * member or anything exceeds a limit of contracts §7; AX_E_NO_MEMORY. */
AX_CHECKED enum ax_code ax_core_response_read(struct ax_str bytes, struct ax_arena *arena,
                                              struct ax_guest_response *ret_response,
                                              struct ax_err *err);

/* The front's judgement of an answer that came from a worker, which it does not trust: status
 * 200-599, at most 64 headers of 16 KiB in all, names and values byte by byte, body size. */
AX_CHECKED enum ax_code ax_guest_response_judge(const struct ax_guest_response *response,
                                                struct ax_err *err);

#endif

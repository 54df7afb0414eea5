/* SPDX-License-Identifier: Apache-2.0 */
/* pass.h - which headers go through, which are made here?
 *
 * A closed list in each direction; what is not on it does not pass, whoever sent it. Names compare
 * without case. All functions are pure; what they give borrows from what they got. */
#ifndef AX_GATEWAY_PASS_H
#define AX_GATEWAY_PASS_H

#include "gateway/read_model.h"

#define AX_PASS_HEADERS_MAX     64
#define AX_PASS_BYTES_MAX       (16u << 10) /* names and values */
#define AX_IDEMPOTENCY_KEY_MAX  255
#define AX_PASS_OWN_HEADERS_MAX 8 /* that we add to an answer */

struct ax_pass_headers {
    struct ax_http_header items[AX_PASS_HEADERS_MAX + AX_PASS_OWN_HEADERS_MAX];
    size_t count;
};

/* The caller's idempotency key, from `idempotency-key` or `x-idempotency-key`: *ret_key is
 * AX_STR_NONE when there is none. AX_E_INVALID_REQUEST: not 1 to 255 visible ASCII characters, or
 * two that differ. */
AX_CHECKED enum ax_code ax_pass_idempotency_key(const struct ax_http_header *headers, size_t count,
                                                struct ax_str *ret_key, struct ax_err *err);

/* What the guest is told beyond what the caller sent. */
struct ax_pass_made {
    struct ax_str tenant;
    struct ax_str extension; /* its id */
    struct ax_str request_id;
    struct ax_str idempotency_key; /* the caller's or one of ours; AX_STR_NONE for GET and HEAD */
};

/* Headers for the guest: those of the fixed list and of the manifest's `headers`, in the caller's
 * order, then the made ones, which nobody else can send. AX_E_INVALID_REQUEST: a value with bytes
 * that no header may have, more than AX_PASS_HEADERS_MAX, or more than AX_PASS_BYTES_MAX. */
AX_CHECKED enum ax_code ax_pass_request(const struct ax_http_header *headers, size_t count,
                                        const struct ax_manifest *manifest,
                                        const struct ax_pass_made *made,
                                        struct ax_pass_headers *ret_headers, struct ax_err *err);

/* What an answer to the caller is judged by, and gets. */
struct ax_pass_answer {
    const struct ax_model_install *install; /* whose prefix a location may have */
    struct ax_str spelled;                  /* the extension as this caller spelled it, decoded */
    struct ax_str version;                  /* x-ext-version */
    struct ax_str request_id;
};

/* Headers of a guest's answer for the caller, and ours. A `location` that leaves the extension's own
 * paths, a `content-disposition` that is not "attachment", a second value of a header that has one,
 * malformed bytes: left out. */
void ax_pass_response(const struct ax_http_header *headers, size_t count,
                      const struct ax_pass_answer *answer, struct ax_pass_headers *ret_headers);

/* Headers of a failure of ours; `version` AX_STR_NONE: the extension was not resolved yet. */
void ax_pass_failure(enum ax_code code, struct ax_str request_id, struct ax_str version,
                     struct ax_pass_headers *ret_headers);

/* Does this reference stay below "/api/ext/{this extension}"? Absolute paths only, without anything
 * that a browser would resolve, strip or turn around. */
bool ax_pass_location_is_own(struct ax_str location, const struct ax_pass_answer *answer);

#endif

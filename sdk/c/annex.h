/* SPDX-License-Identifier: Apache-2.0 */
/* annex.h - what may an extension in C call?
 *
 * Every request runs in fresh memory which the host drops afterwards: nothing is freed, and whatever
 * a function here returns stays valid until the request has been answered. A request that needs more
 * memory than its limit ends at once; no function reports that. */
#ifndef ANNEX_H
#define ANNEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrowed bytes, not terminated. `ptr` is NULL where something is absent. */
struct annex_str {
    const char *ptr;
    size_t len;
};
#define ANNEX_STR(literal) ((struct annex_str){ "" literal "", sizeof(literal) - 1 })

bool annex_str_equal(struct annex_str a, struct annex_str b);

/* `size` bytes, aligned for any type; 0 is fine. */
void *annex_alloc(size_t size);

/* Text that grows while it is written; start with {0}. */
struct annex_out {
    char *ptr;
    size_t len;
    size_t room;
};
void annex_out_text(struct annex_out *out, struct annex_str text);
void annex_out_number(struct annex_out *out, uint32_t number);
void annex_out_json(struct annex_out *out, struct annex_str text); /* as a JSON string, quoted */
void annex_out_base64(struct annex_out *out,
                      struct annex_str bytes); /* standard alphabet, padded */
struct annex_str annex_out_str(const struct annex_out *out);

/* JSON is read in place. annex_json_member() finds the value of `name` in an object and returns its
 * text, brackets and quotes included; annex_json_string() decodes the text of a string. Both answer
 * an absent string (ptr NULL) when the thing is not there, is something else, or is not JSON. */
struct annex_str annex_json_member(struct annex_str object, const char *name);
struct annex_str annex_json_string(struct annex_str value);
/* A whole number from 0 to `max`; -1 for anything else. `max` is at most 2^31 - 1. */
int32_t annex_json_number(struct annex_str value, int32_t max);
/* True when `text` is one JSON value and nothing else, at most 64 levels deep. */
bool annex_json_valid(struct annex_str text);

/* Strict: absent when a character or the padding is wrong. */
struct annex_str annex_base64_decode(struct annex_str text);

/* The request as the host wrote it; the functions below read from it. */
struct annex_request {
    struct annex_str json;
};
struct annex_str annex_request_endpoint(
    const struct annex_request *request); /* the handler's name */
struct annex_str annex_request_param(const struct annex_request *request, const char *name);
struct annex_str annex_request_query(const struct annex_request *request, const char *name);
struct annex_str annex_request_body(const struct annex_request *request); /* empty when none */

/* The answer. It starts as 200, "application/json", no body. `status` is 200 to 599. */
struct annex_response {
    int32_t status;
    struct annex_str content_type;
    struct annex_out body;
};

/* What a call to the host can answer; the numbers are the host's. */
enum annex_code {
    ANNEX_OK = 0,
    ANNEX_INVALID_REQUEST = 1,
    ANNEX_DENIED = 2,
    ANNEX_MISSING = 3,
    ANNEX_CONFLICT = 4,
    ANNEX_NOT_ALLOWED = 5,
    ANNEX_TRANSPORT = 6,
    ANNEX_TOO_LARGE = 7,
    ANNEX_DEADLINE = 8,
    ANNEX_QUOTA = 9,
    ANNEX_NOT_AVAILABLE = 10,
    ANNEX_INTERNAL = 11,
    ANNEX_INSIDE_ALLOC = 12,
};
struct annex_str annex_code_name(enum annex_code code); /* "not_allowed" */

/* Fetches `url`; waits for the answer. `method` and `url` are text, `body` may be absent. Needs the
 * capability http.fetch and a host that is allowed to this install: otherwise ANNEX_DENIED or
 * ANNEX_NOT_ALLOWED. `response` is filled on ANNEX_OK only, which any status of the other side is. */
struct annex_fetched {
    int32_t status;
    struct annex_str body;
};
enum annex_code annex_http_fetch(struct annex_str method, struct annex_str url,
                                 struct annex_str body, struct annex_fetched *ret_fetched);

/* Lines in the log of this request; the host cuts long ones. */
void annex_log_info(struct annex_str text);
void annex_log_warn(struct annex_str text);
void annex_log_error(struct annex_str text);

/* Yours to write: answers one request. `request` and `response` are borrowed for the call. */
void annex_handle(const struct annex_request *request, struct annex_response *response);

/* Writes the answer where the host looks for it: `slot` is the handler's third argument. For those
 * who write their own exports. */
void annex_answer(const struct annex_response *response, uint32_t *slot);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* err.h - what can go wrong, in one table?
 *
 * Errors are values. Every code has a wire name (contracts, errors), an HTTP status, whether the
 * guest may have started, whether and when a caller may try again, and whether the extension is to
 * blame. Codes travel up unmasked; ax_err carries the words. */
#ifndef AX_BASE_ERR_H
#define AX_BASE_ERR_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

#define AX_CHECKED           __attribute__((warn_unused_result))
#define AX_FORMAT(fmt, args) __attribute__((format(printf, fmt, args)))

/* When a caller may send the same request again. */
enum ax_retry {
    AX_RETRY_NEVER,
    AX_RETRY_NOT_STARTED, /* any method, because the guest cannot have started */
    AX_RETRY_SAFE_ONLY,   /* GET and HEAD only */
};

/* name, HTTP status, may the guest have started, retry, the extension's fault, words */
#define AX_CODES(X)                                                                               \
    X(INVALID_REQUEST, 400, false, NEVER, false, "the request is malformed")                      \
    X(UNKNOWN_CAPABILITY, 400, false, NEVER, false, "a capability is not known")                  \
    X(UNAUTHENTICATED, 401, false, NEVER, false, "the caller could not be authenticated")         \
    X(FORBIDDEN, 403, false, NEVER, false, "the caller may not do this")                          \
    X(TENANT_MISMATCH, 403, false, NEVER, false, "the tenant does not match the caller's")        \
    X(BUNDLE_REVOKED, 403, false, NEVER, false, "the bundle was revoked")                         \
    X(CAPABILITY_DENIED, 403, true, NEVER, true, "the extension used a capability not granted")   \
    X(EXTENSION_NOT_AVAILABLE, 404, false, NEVER, false, "no such extension for this tenant")     \
    X(ENDPOINT_NOT_FOUND, 404, false, NEVER, false, "the extension has no such endpoint")         \
    X(NOT_FOUND, 404, false, NEVER, false, "there is nothing here")                               \
    X(METHOD_NOT_ALLOWED, 405, false, NEVER, false, "the method is not allowed here")             \
    X(REQUEST_TIMEOUT, 408, false, NEVER, false, "the request did not arrive in time")            \
    X(IDEMPOTENCY_IN_PROGRESS, 409, false, SAFE_ONLY, false, "the same request is still running") \
    X(IDEMPOTENCY_ANSWER_GONE, 409, true, NEVER, false, "the answer was too large to be kept")    \
    X(VERSION_EXISTS, 409, false, NEVER, false, "the version exists with other bytes")            \
    X(CONFLICT, 409, false, NEVER, false, "the state has changed meanwhile")                      \
    X(PRECONDITION_FAILED, 412, false, NEVER, false, "a precondition does not hold")              \
    X(PAYLOAD_TOO_LARGE, 413, false, NEVER, false, "the request is too large")                    \
    X(RANGE_NOT_SATISFIABLE, 416, false, NEVER, false, "the range lies outside the file")         \
    X(IDEMPOTENCY_KEY_REUSED, 422, false, NEVER, false, "the key was used for another request")   \
    X(INVALID_MANIFEST, 422, false, NEVER, true, "the manifest is not valid")                     \
    X(INVALID_BUNDLE, 422, false, NEVER, true, "the bundle is not valid")                         \
    X(RATE_LIMITED, 429, false, NOT_STARTED, false, "too many requests")                          \
    X(CONCURRENCY_LIMITED, 429, false, NOT_STARTED, false, "too many requests at one time")       \
    X(QUOTA_EXCEEDED, 429, false, NEVER, false, "the quota of this window is used up")            \
    X(INTERNAL, 500, true, NEVER, false, "something went wrong on our side")                      \
    X(GUEST_FAILED, 502, true, NEVER, true, "the extension failed")                               \
    X(INVALID_GUEST_RESPONSE, 502, true, NEVER, true, "the extension's answer is not valid")      \
    X(MEMORY_EXCEEDED, 502, true, NEVER, true, "the extension used too much memory")              \
    X(WORKER_LOST, 502, true, SAFE_ONLY, false, "the process that ran the extension ended")       \
    X(BUNDLE_REJECTED, 502, false, NEVER, true, "the bundle could not be verified or compiled")   \
    X(OUTCOME_UNKNOWN, 502, true, NEVER, false, "it is not known whether the request ran")        \
    X(OVERLOADED, 503, false, NOT_STARTED, false, "there is too much to do at this moment")       \
    X(DRAINING, 503, false, NOT_STARTED, false, "this process is about to stop")                  \
    X(EXTENSION_WARMING, 503, false, NOT_STARTED, false, "the extension is being prepared")       \
    X(BUNDLE_UNAVAILABLE, 503, false, NOT_STARTED, false, "the bundle cannot be fetched now")     \
    X(EXTENSION_QUARANTINED, 503, false, NEVER, true, "the extension is in quarantine")           \
    X(REGISTRY_UNAVAILABLE, 503, false, NOT_STARTED, false, "the registry does not answer")       \
    X(DEADLINE_EXCEEDED, 504, true, NEVER, true, "the request took too long")                     \
    X(CPU_EXCEEDED, 504, true, NEVER, true, "the extension used too much CPU time")               \
    /* codes that stay inside; on the wire they are what their status says */                     \
    X(CANCELED, 503, true, NEVER, false, "the operation was canceled")                            \
    X(CLOSED, 502, true, SAFE_ONLY, false, "the other side ended the connection")                 \
    X(TOO_BIG, 413, false, NEVER, false, "the input is larger than its limit")                    \
    X(NO_MEMORY, 503, false, NOT_STARTED, false, "there is no memory for this")                   \
    X(IO, 500, true, NEVER, false, "the system refused an operation")                             \
    X(EXISTS, 409, false, NEVER, false, "it exists already")

enum ax_code {
    AX_OK = 0,
#define X(name, status, started, retry, fault, words) AX_E_##name,
    AX_CODES(X)
#undef X
        AX_CODE_COUNT
};

struct ax_code_info {
    const char *name; /* wire name, lower case: "invalid_request"; "ok" for AX_OK */
    int status;       /* HTTP */
    bool may_have_started;
    enum ax_retry retry;
    bool extension_fault;
    const char *words;
};

/* The row of `code`. Never NULL; an unknown value gives the row of AX_E_INTERNAL. Any thread. */
const struct ax_code_info *ax_code_info(enum ax_code code);

/* What a caller is told for `code`: itself, or for a code that stays inside the one of contracts
 * that says the same to them. AX_OK, which is no failure, gives AX_E_INTERNAL. */
enum ax_code ax_code_on_wire(enum ax_code code);

/* The code whose wire name is `name`, or AX_E_INTERNAL. */
enum ax_code ax_code_by_name(struct ax_str name);

/* The words of one failure. `pointer` is a JSON pointer to the culprit, or empty. The message may
 * be shown to the caller: no secrets, no paths of the server. */
struct ax_err {
    enum ax_code code;
    char message[320];
    char pointer[160];
};

/* Writes code and message (cut to fit, always terminated) into `err`, which may be NULL, and
 * returns `code`, so that a caller can write `return ax_err_set(...)`. Clears the pointer. */
enum ax_code ax_err_set(struct ax_err *err, enum ax_code code, const char *fmt, ...)
    AX_FORMAT(3, 4);

/* As ax_err_set, and notes the JSON pointer of the culprit. */
enum ax_code ax_err_set_at(struct ax_err *err, enum ax_code code, const char *pointer,
                           const char *fmt, ...) AX_FORMAT(4, 5);

/* Puts "<words>: " before the message that is there, keeps pointer, sets and returns `code`. */
enum ax_code ax_err_wrap(struct ax_err *err, enum ax_code code, const char *fmt, ...)
    AX_FORMAT(3, 4);

#endif

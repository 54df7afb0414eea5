/* SPDX-License-Identifier: Apache-2.0 */
/* host.h - what may a guest ask for? (the front's side)
 *
 * A worker only carries a guest's call; here it is judged and, when it may, done. One ax_host
 * per front holds the operator's policy; a struct ax_host_call is one call of one execution. All on
 * the loop's thread. */
#ifndef AX_HOST_HOST_H
#define AX_HOST_HOST_H

#include "base/alloc.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "host/grants.h"
#include "loop/loop.h"
#include "loop/op.h"

#include <stdbool.h>
#include <stdint.h>

/* What a call answers to the guest: 0 with bytes, or one of these (contracts, core@1). */
enum ax_host_number {
    AX_HOST_OK = 0,
    AX_HOST_INVALID = 1,
    AX_HOST_DENIED = 2,
    AX_HOST_MISSING = 3,
    AX_HOST_CONFLICT = 4,
    AX_HOST_NOT_ALLOWED = 5,
    AX_HOST_TRANSPORT = 6,
    AX_HOST_TOO_LARGE = 7,
    AX_HOST_DEADLINE = 8,
    AX_HOST_QUOTA = 9,
    AX_HOST_NOT_AVAILABLE = 10,
    AX_HOST_INTERNAL = 11,
};

/* The operator's words; borrowed for the call that takes them. Empty means not set. */
struct ax_host_options {
    struct ax_str egress_allowlist; /* EXT_EGRESS_ALLOWLIST: entries between commas or white space;
                                       empty: nothing may be fetched */
    struct ax_str private_cidrs;    /* EXT_EGRESS_PRIVATE_CIDRS: special ranges that may be
                                       connected to all the same */
    struct ax_str resolver;         /* EXT_EGRESS_RESOLVER: "ip" or "ip:port" ("[ip6]:port"), comma
                                       list; empty: the system's */
    struct ax_str ca_pem; /* EXT_EGRESS_CA_FILE: PEM text; empty: the system's authorities */
};

struct ax_host;

/* Fails with AX_E_INVALID_REQUEST (a text that does not parse; `err` names the setting) or AX_E_IO.
 * *ret_host is yours: ax_host_free(). `loop` must outlive it. */
AX_CHECKED enum ax_code ax_host_new(struct ax_loop *loop, const struct ax_host_options *options,
                                    struct ax_host **ret_host, struct ax_err *err);
/* The new policy holds for calls that start from now on; on failure the old one stays whole. */
AX_CHECKED enum ax_code ax_host_reload(struct ax_host *host, const struct ax_host_options *options,
                                       struct ax_err *err);
/* No call may be running. Handles close in later turns of the loop. NULL is fine. */
void ax_host_free(struct ax_host *host);
AX_AUTO_DEFINE(struct ax_host *, ax_host_free)

/* What one call did on the network, for the front's audit line. */
struct ax_host_audit {
    bool
        fetch; /* it was an http.fetch that is worth a line: the eight of an execution and the first
                   beyond; else the rest is empty. Host and port are empty when the URL is none */
    bool https;
    char host[254]; /* terminated, lower case */
    uint16_t port;
    char method[24];     /* terminated */
    uint16_t status;     /* of the answer; 0: none came */
    const char *outcome; /* static word: "ok", "not_allowed", "address_refused", "resolve_failed",
                            "connect_failed", "tls_failed", "transport", "too_large", "deadline",
                            "quota", "denied", "invalid", "internal", "canceled" */
    char reason[160];    /* the transport's own words, may be empty */
    char address[46];    /* the address connected to, or the one that was refused; may be empty */
    uint64_t bytes_up, bytes_down; /* heads and bodies */
    uint64_t ms;
};

struct ax_host_call {
    struct ax_op op;

    /* In; set before the start, borrowed until on_done. */
    struct ax_str interface; /* "http", ...; empty: the generic host_call, whose payload says it */
    struct ax_str function;
    struct ax_str payload; /* JSON as the guest sent it: not trusted */
    struct ax_host_grants *grants;
    uint64_t deadline_ms; /* of ax_loop_now_ms() */

    /* Out; valid from on_done until ax_host_call_done(). */
    enum ax_host_number number;
    struct ax_buf answer; /* JSON when number is AX_HOST_OK, else empty */
    struct ax_host_audit audit;

    struct host_work *work; /* private, while running */
};

/* Starts one call; zero `call` before its first use. on_done comes once, later: AX_OK when `number`
 * is an answer for the guest (also when it is an error), AX_E_CANCELED after ax_op_cancel(). */
void ax_host_call_start(struct ax_host *host, struct ax_host_call *call, ax_op_done_fn *on_done,
                        void *arg);
/* Frees the answer; the call may be started again. Not while it runs. */
void ax_host_call_done(struct ax_host_call *call);

/* Whether the operator's allowlist names anything at all; for /readyz and --check. */
bool ax_host_egress_is_open(const struct ax_host *host);

#endif

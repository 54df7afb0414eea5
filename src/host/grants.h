/* SPDX-License-Identifier: Apache-2.0 */
/* grants.h - what may this one execution ask for, and what did it ask for so far?
 *
 * The front fills one struct per execution and keeps it until the last host call of that execution
 * is over. Nothing of it is sent to a worker: a guest cannot read, forge or keep it. */
#ifndef AX_HOST_GRANTS_H
#define AX_HOST_GRANTS_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A bit for each capability of our own (contracts, guest ABIs). */
enum ax_capability {
    AX_CAP_CONTEXT_READ = 1 << 0,
    AX_CAP_LOG_EMIT = 1 << 1,
    AX_CAP_USER_READ = 1 << 2,
    AX_CAP_CONFIG_READ = 1 << 3,
    AX_CAP_SECRETS_GET = 1 << 4,
    AX_CAP_HTTP_FETCH = 1 << 5,
    AX_CAP_STORAGE_KV = 1 << 6,
    AX_CAP_UI_PROXY = 1 << 7,
    AX_CAP_SCHEDULER_MANAGE = 1 << 8,
};
/* These need no grant and no line in a manifest. */
#define AX_CAP_ALWAYS \
    (AX_CAP_CONTEXT_READ | AX_CAP_LOG_EMIT | AX_CAP_USER_READ | AX_CAP_CONFIG_READ)

/* The bit of a name, with or without "cap:"; false when it is not one of ours. Pure, any thread. */
bool ax_capability_by_name(struct ax_str name, unsigned *ret_bit);

/* How many fetches an execution may start, and have under way at one moment. */
#define AX_HOST_FETCHES_MAX     8
#define AX_HOST_FETCHES_AT_ONCE 4

/* Everything here is borrowed from the front and must outlive the execution's calls. */
struct ax_host_grants {
    unsigned capabilities; /* AX_CAP_*, effective: (grants and manifest) or always granted */

    /* The manifest's `egress`. Without the key it narrows nothing; an empty list allows nothing. */
    bool has_manifest_egress;
    const struct ax_str *manifest_egress;
    size_t manifest_egress_count;
    /* The request's `egress`. Absent and empty both allow nothing. */
    const struct ax_str *request_egress;
    size_t request_egress_count;

    /* Whose execution it is: for the audit line and for interfaces that need it. */
    struct ax_str tenant_id;
    struct ax_str install_id;
    struct ax_str extension_id;
    struct ax_str request_id;
    /* Sent along by http.fetch when the guest sets none; empty: none. */
    struct ax_str traceparent;

    /* Ready answers, each one whole JSON value, or empty (config: `{}`, user: not available). */
    struct ax_str context_json; /* object context-data, kebab-case names */
    struct ax_str config_json;  /* object, key to string */
    struct ax_str user_json;    /* object user-data-v2, kebab-case names */

    /* Counted by the host calls; zero at first; the front reads them. */
    uint32_t fetches; /* started */
    uint32_t fetches_in_flight;
    uint64_t egress_bytes; /* bodies sent and received */
};

#endif

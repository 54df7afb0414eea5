/* SPDX-License-Identifier: Apache-2.0 */
/* grants.h - what may this one execution ask for, and what did it ask for so far?
 *
 * The front fills one struct per execution and keeps it until the last host call of that execution
 * is over. Nothing of it is sent to a worker: a guest cannot read, forge or keep it. */
#ifndef AX_HOST_GRANTS_H
#define AX_HOST_GRANTS_H

#include "base/str.h"
#include "bundle/capability.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What one execution may ask of the front, whatever comes of it: the front's time is everybody's and
 * counts against no guest's CPU budget. Beyond it calls are refused unread (number 9). */
#define AX_HOST_CALLS_MAX         4096
#define AX_HOST_PAYLOAD_BYTES_MAX (UINT64_C(96) << 20)
/* How many fetches it may ask for, refused ones included, and have under way at one moment. */
#define AX_HOST_FETCHES_MAX     8
#define AX_HOST_FETCHES_AT_ONCE 4

/* Everything here is borrowed from the front and must outlive the execution's calls. */
struct ax_host_grants {
    unsigned capabilities; /* enum ax_capability, effective: AX_CAP_ALWAYS | (grants & manifest) */

    /* The manifest's `egress`. Without the key it narrows nothing; an empty list allows nothing. */
    bool has_manifest_egress;
    const struct ax_str *manifest_egress;
    size_t manifest_egress_count;
    /* The request's `egress`. Absent and empty both allow nothing. */
    const struct ax_str *request_egress;
    size_t request_egress_count;

    /* Whose execution it is; answers `context` and stands in the audit line. */
    struct ax_str tenant_id;
    struct ax_str extension_id;
    struct ax_str install_id; /* may be empty */
    struct ax_str version_id; /* may be empty */
    struct ax_str request_id;
    /* Sent along by http.fetch when the guest sets none; empty: none. */
    struct ax_str traceparent;

    /* JSON objects as the execute request carries them; empty: absent. */
    struct ax_str config_json; /* key to string, number or boolean */
    struct ax_str user_json;   /* user_id, user_email, ... additional_fields */

    /* Counted by the host calls; zero at first; the front reads them. */
    uint32_t calls;
    uint64_t payload_bytes;
    uint32_t fetches; /* asked for, also those beyond the limit */
    uint32_t fetches_in_flight;
    uint64_t egress_bytes; /* heads and bodies, sent and received */
};

#endif

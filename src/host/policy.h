/* SPDX-License-Identifier: Apache-2.0 */
/* policy.h - what did the operator say about egress, as of one moment? (private to this folder)
 *
 * Shared by the calls that began under it, so that a reload changes nothing under their feet. */
#ifndef AX_HOST_POLICY_H
#define AX_HOST_POLICY_H

#include "host/address.h"
#include "host/allowlist.h"
#include "host/host.h"
#include "host/resolver.h"

struct host_policy {
    size_t refs;
    struct ax_allowlist *allowlist;
    struct ax_cidrs *private_cidrs;
    struct ax_resolver *resolver;
    char *ca_pem; /* NULL: the system's */
};

/* One reference, yours. Fails as ax_host_new(). */
AX_CHECKED enum ax_code host_policy_new(struct ax_loop *loop, const struct ax_host_options *options,
                                        struct host_policy **ret_policy, struct ax_err *err);
struct host_policy *host_policy_ref(struct host_policy *policy);
void host_policy_unref(struct host_policy *policy); /* NULL is fine */
AX_AUTO_DEFINE(struct host_policy *, host_policy_unref)

#endif

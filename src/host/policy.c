/* SPDX-License-Identifier: Apache-2.0 */
/* policy.c - what did the operator say about egress, as of one moment? */
#include "host/policy.h"

#include "base/alloc.h"

#include <string.h>

enum ax_code host_policy_new(struct ax_loop *loop, const struct ax_host_options *options,
                             struct host_policy **ret_policy, struct ax_err *err)
{
    AX_AUTO(host_policy_unref) struct host_policy *policy = ax_alloc(sizeof(*policy));
    enum ax_code code;

    policy->refs = 1;
    code = ax_allowlist_parse(options->egress_allowlist, &policy->allowlist, err);
    if (code != AX_OK)
        return ax_err_wrap(err, code, "EXT_EGRESS_ALLOWLIST");
    code = ax_cidrs_parse(options->private_cidrs, &policy->private_cidrs, err);
    if (code != AX_OK)
        return ax_err_wrap(err, code, "EXT_EGRESS_PRIVATE_CIDRS");
    code = ax_resolver_new(loop, options->resolver, &policy->resolver, err);
    if (code != AX_OK)
        return ax_err_wrap(err, code, "EXT_EGRESS_RESOLVER");
    if (options->ca_pem.len > 0) {
        policy->ca_pem = ax_strdup(options->ca_pem);
        if (strstr(policy->ca_pem, "-----BEGIN CERTIFICATE-----") == NULL)
            return ax_err_set(err, AX_E_INVALID_REQUEST,
                              "EXT_EGRESS_CA_FILE: there is no certificate in it");
    }
    *ret_policy = AX_TAKE(policy);
    return AX_OK;
}

struct host_policy *host_policy_ref(struct host_policy *policy)
{
    policy->refs++;
    return policy;
}

void host_policy_unref(struct host_policy *policy)
{
    if (policy == NULL || --policy->refs > 0)
        return;
    ax_allowlist_free(policy->allowlist);
    ax_cidrs_free(policy->private_cidrs);
    ax_resolver_free(policy->resolver);
    free(policy->ca_pem);
    free(policy);
}

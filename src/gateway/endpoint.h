/* SPDX-License-Identifier: Apache-2.0 */
/* endpoint.h - which endpoint of an extension answers this method and path?
 *
 * A manifest's endpoints, compiled once per version: segments are split, permissions listed. Matching
 * walks all endpoints once and allocates nothing: a literal beats a parameter, left to right, and the
 * manifest has no two endpoints of one method and shape, so there is at most one best. Immutable
 * after compiling: any thread may read. */
#ifndef AX_GATEWAY_ENDPOINT_H
#define AX_GATEWAY_ENDPOINT_H

#include "bundle/manifest.h"
#include "gateway/path.h"
#include "http/server.h"

#define AX_ENDPOINT_SEGMENTS_MAX 16 /* as the manifest's validator has it */

struct ax_endpoints;

/* Borrows from `manifest`, which must outlive it. NULL when there is no memory. */
AX_CHECKED struct ax_endpoints *ax_endpoints_compile(const struct ax_manifest *manifest);
void ax_endpoints_free(struct ax_endpoints *endpoints); /* NULL is fine */
AX_AUTO_DEFINE(struct ax_endpoints *, ax_endpoints_free)

struct ax_endpoint_param {
    struct ax_str name;  /* borrowed from the manifest, without ':' */
    struct ax_str value; /* borrowed from the path, decoded */
};

struct ax_endpoint_match {
    const struct ax_endpoint *endpoint; /* its method is the one that the guest is told */
    struct ax_endpoint_param params[AX_ENDPOINT_SEGMENTS_MAX];
    size_t param_count;
    unsigned allowed; /* bits of 1 << enum ax_method: which methods the path has, for "allow" */
};

/* Looks for the endpoint of `method`; HEAD runs the GET endpoint unless the manifest has one of its
 * own that is no less exact. AX_E_ENDPOINT_NOT_FOUND: no endpoint has this path.
 * AX_E_METHOD_NOT_ALLOWED: some have, with other methods; ret_match->allowed says which. */
AX_CHECKED enum ax_code ax_endpoints_match(const struct ax_endpoints *endpoints,
                                           enum ax_method method, const struct ax_ext_path *path,
                                           struct ax_endpoint_match *ret_match);

/* The permissions that the manifest names, each once, in the order of their first endpoint. An
 * extension that has a UI is also there to be looked at: "read" is then among them. */
size_t ax_endpoints_permission_count(const struct ax_endpoints *endpoints);
struct ax_str ax_endpoints_permission(const struct ax_endpoints *endpoints, size_t index);

#endif

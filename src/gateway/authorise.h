/* SPDX-License-Identifier: Apache-2.0 */
/* authorise.h - may this caller use this endpoint?
 *
 * Pure: roles of the token x permission that the endpoint asks for. */
#ifndef AX_GATEWAY_AUTHORISE_H
#define AX_GATEWAY_AUTHORISE_H

#include "auth/roles.h"
#include "gateway/endpoint.h"

/* AX_E_FORBIDDEN, and words that name the permission, when no role of `claims` holds it on
 * `extension` (its name). */
AX_CHECKED enum ax_code ax_authorise(const struct ax_roles *roles, const struct ax_claims *claims,
                                     struct ax_str extension, const struct ax_endpoint *endpoint,
                                     struct ax_err *err);

/* The tenant is the token's; `x-alga-tenant` headers may only agree, every one of them.
 * AX_E_TENANT_MISMATCH when one does not; AX_E_FORBIDDEN when the token names no tenant. */
AX_CHECKED enum ax_code ax_authorise_tenant(const struct ax_claims *claims,
                                            const struct ax_http_header *headers, size_t count,
                                            struct ax_err *err);

#endif

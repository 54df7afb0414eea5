/* SPDX-License-Identifier: Apache-2.0 */
/* authorise.c - may this caller use this endpoint? */
#include "gateway/authorise.h"

enum ax_code ax_authorise(const struct ax_roles *roles, const struct ax_claims *claims,
                          struct ax_str extension, const struct ax_endpoint *endpoint,
                          struct ax_err *err)
{
    if (ax_roles_allow(roles, claims, extension, endpoint->permission))
        return AX_OK;
    return ax_err_set(err, AX_E_FORBIDDEN, "this needs the permission '%.*s'",
                      AX_STR_FMT(endpoint->permission));
}

enum ax_code ax_authorise_tenant(const struct ax_claims *claims,
                                 const struct ax_http_header *headers, size_t count,
                                 struct ax_err *err)
{
    if (claims->tenant.len == 0)
        return ax_err_set(err, AX_E_FORBIDDEN, "the token names no tenant");
    for (size_t i = 0; i < count; i++)
        if (ax_str_eq_nocase(headers[i].name, AX_STR("x-alga-tenant")) &&
            !ax_str_eq(headers[i].value, claims->tenant))
            return ax_err_set(err, AX_E_TENANT_MISMATCH,
                              "x-alga-tenant is not the tenant of the token");
    return AX_OK;
}

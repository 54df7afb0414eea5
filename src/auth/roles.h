/* SPDX-License-Identifier: Apache-2.0 */
/* roles.h - what may the bearer of these roles do?
 *
 * AUTH_ROLE_PERMISSIONS says which permissions of a manifest's endpoints a role of the issuer holds:
 *
 *     viewer=read;member=read,write;tenant-admin=*
 *
 * which is also what counts while it is not set; a setting replaces all of it. Roles are told apart
 * by case. `*` is every permission that a manifest names. Whoever holds `write` holds `read`. Two
 * roles need no line: `extension:P` holds P on every extension, `extension:NAME:P` on that one. A
 * role that nothing speaks of grants nothing. */
#ifndef AX_AUTH_ROLES_H
#define AX_AUTH_ROLES_H

#include "auth/claims.h"

#define AX_ROLES_MAX            64 /* lines of the setting */
#define AX_ROLE_PERMISSIONS_MAX 64 /* of one of them */
#define AX_ROLE_NAME_MAX        256
#define AX_PERMISSION_MAX       64 /* as in a manifest: A-Z a-z 0-9 . _ - */

struct ax_roles;

/* Reads the setting (borrowed for the call; AX_STR_NONE: the built-in roles). On AX_OK *ret_roles is
 * yours. AX_E_INVALID_REQUEST names the line: a role or permission that is empty, too long, holds
 * other characters or stands twice, `*` beside others, a role that begins with "extension:". */
AX_CHECKED enum ax_code ax_roles_parse(struct ax_str text, struct ax_roles **ret_roles,
                                       struct ax_err *err);
void ax_roles_free(struct ax_roles *roles);
AX_AUTO_DEFINE(struct ax_roles *, ax_roles_free)

/* May the bearer of `claims` do what needs `permission` on `extension` (its name)? Pure. */
AX_CHECKED bool ax_roles_allow(const struct ax_roles *roles, const struct ax_claims *claims,
                               struct ax_str extension, struct ax_str permission);

/* The registry's roles, which no setting changes: does the token carry `role` ("platform-admin",
 * "tenant-admin"), or "publisher:<slug>"? */
AX_CHECKED bool ax_claims_have_role(const struct ax_claims *claims, struct ax_str role);
AX_CHECKED bool ax_claims_have_publisher(const struct ax_claims *claims, struct ax_str slug);

#endif

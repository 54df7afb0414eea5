/* SPDX-License-Identifier: Apache-2.0 */
/* roles.c - what may the bearer of these roles do? */
#include "auth/roles.h"

#include "base/map.h"

#include <assert.h>
#include <string.h>

struct role {
    struct ax_map_node node; /* by name */
    struct ax_str permissions[AX_ROLE_PERMISSIONS_MAX];
    size_t count;
    bool all; /* "*" */
};

struct ax_roles {
    char *text; /* what names and permissions are borrowed from */
    struct role *list[AX_ROLES_MAX];
    size_t count;
    struct ax_map by_name;
};

static const struct ax_str roles_builtin = AX_STR_INIT(
    "viewer=read;member=read,write;tenant-admin=*");
static const struct ax_str roles_extension = AX_STR_INIT("extension:");

static bool permission_ok(struct ax_str permission)
{
    for (size_t i = 0; i < permission.len; i++) {
        char at = permission.ptr[i];

        if (!((at >= 'a' && at <= 'z') || (at >= 'A' && at <= 'Z') || (at >= '0' && at <= '9') ||
              at == '.' || at == '_' || at == '-'))
            return false;
    }
    return permission.len > 0 && permission.len <= AX_PERMISSION_MAX;
}

static bool role_name_ok(struct ax_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] <= ' ' || name.ptr[i] > '~' || name.ptr[i] == ',')
            return false;
    }
    return name.len > 0 && name.len <= AX_ROLE_NAME_MAX && !ax_str_starts(name, roles_extension);
}

/* Holding `held`, may one do what needs `needed`? */
static bool permission_covers(struct ax_str held, struct ax_str needed)
{
    return ax_str_eq(held, needed) ||
           (ax_str_eq(held, AX_STR("write")) && ax_str_eq(needed, AX_STR("read")));
}

static bool role_holds(const struct role *role, struct ax_str permission)
{
    bool holds = role->all;

    for (size_t i = 0; i < role->count; i++)
        holds |= permission_covers(role->permissions[i], permission);
    return holds;
}

/* ---- reading the setting ---- */

static enum ax_code role_read_permissions(struct role *role, struct ax_str list, size_t line,
                                          struct ax_err *err)
{
    struct ax_str rest = list;

    if (ax_str_eq(ax_str_trim(list), AX_STR("*"))) {
        role->all = true;
        return AX_OK;
    }
    while (rest.ptr) {
        struct ax_str permission = ax_str_trim(ax_str_cut(&rest, ','));

        if (!permission_ok(permission))
            return ax_err_set(err, AX_E_INVALID_REQUEST,
                              "role %zu: a permission is not a word of A-Z a-z 0-9 . _ -, or *",
                              line);
        for (size_t i = 0; i < role->count; i++) {
            if (ax_str_eq(role->permissions[i], permission))
                return ax_err_set(err, AX_E_INVALID_REQUEST,
                                  "role %zu: the permission %.*s stands twice", line,
                                  AX_STR_FMT(permission));
        }
        if (role->count == AX_ROLE_PERMISSIONS_MAX)
            return ax_err_set(err, AX_E_INVALID_REQUEST, "role %zu: more than %d permissions", line,
                              AX_ROLE_PERMISSIONS_MAX);
        role->permissions[role->count++] = permission;
    }
    return AX_OK;
}

static enum ax_code roles_read_line(struct ax_roles *roles, struct ax_str text, struct ax_err *err)
{
    struct ax_str rest = text;
    struct ax_str name = ax_str_trim(ax_str_cut(&rest, '='));
    size_t line = roles->count + 1;
    struct role *role;

    if (line > AX_ROLES_MAX)
        return ax_err_set(err, AX_E_INVALID_REQUEST, "more than %d roles", AX_ROLES_MAX);
    if (!rest.ptr)
        return ax_err_set(err, AX_E_INVALID_REQUEST, "role %zu: expected role=permission,..", line);
    if (!role_name_ok(name))
        return ax_err_set(
            err, AX_E_INVALID_REQUEST,
            "role %zu: the name is not visible ASCII, or begins with extension:", line);
    if (ax_map_find(&roles->by_name, name))
        return ax_err_set(err, AX_E_INVALID_REQUEST, "role %zu: %.*s stands twice", line,
                          AX_STR_FMT(name));
    role = ax_alloc(sizeof(*role));
    roles->list[roles->count++] = role;
    ax_map_insert(&roles->by_name, &role->node, name);
    return role_read_permissions(role, rest, line, err);
}

enum ax_code ax_roles_parse(struct ax_str text, struct ax_roles **ret_roles, struct ax_err *err)
{
    AX_AUTO(ax_roles_free) struct ax_roles *roles = ax_alloc(sizeof(*roles));
    struct ax_str from = text.ptr ? text : roles_builtin;
    enum ax_code code = AX_OK;
    struct ax_str rest;

    ax_map_init(&roles->by_name);
    roles->text = ax_strdup(from);
    rest = ax_str_make(roles->text, from.len);
    while (rest.ptr && code == AX_OK)
        code = roles_read_line(roles, ax_str_cut(&rest, ';'), err);
    if (code == AX_OK)
        *ret_roles = AX_TAKE(roles);
    return code;
}

void ax_roles_free(struct ax_roles *roles)
{
    if (!roles)
        return;
    ax_map_done(&roles->by_name);
    for (size_t i = 0; i < roles->count; i++)
        free(roles->list[i]);
    free(roles->text);
    free(roles);
}

/* ---- deciding ---- */

/* "extension:P" or "extension:NAME:P"; neither a name nor a permission holds a colon. */
static bool extension_role_holds(struct ax_str role, struct ax_str extension,
                                 struct ax_str permission)
{
    struct ax_str rest = ax_str_from(role, roles_extension.len);
    struct ax_str first = ax_str_cut(&rest, ':');

    if (!rest.ptr)
        return permission_covers(first, permission);
    return ax_str_eq(first, extension) && permission_covers(rest, permission);
}

bool ax_roles_allow(const struct ax_roles *roles, const struct ax_claims *claims,
                    struct ax_str extension, struct ax_str permission)
{
    if (!permission_ok(permission) || extension.len == 0)
        return false;
    for (size_t i = 0; i < claims->role_count; i++) {
        struct ax_map_node *node = ax_map_find(&roles->by_name, claims->roles[i]);

        if (node && role_holds(AX_CONTAINER_OF(node, struct role, node), permission))
            return true;
        if (ax_str_starts(claims->roles[i], roles_extension) &&
            extension_role_holds(claims->roles[i], extension, permission))
            return true;
    }
    return false;
}

bool ax_claims_have_role(const struct ax_claims *claims, struct ax_str role)
{
    for (size_t i = 0; i < claims->role_count; i++) {
        if (ax_str_eq(claims->roles[i], role))
            return true;
    }
    return false;
}

bool ax_claims_have_publisher(const struct ax_claims *claims, struct ax_str slug)
{
    const struct ax_str prefix = AX_STR("publisher:");

    for (size_t i = 0; i < claims->role_count && slug.len > 0; i++) {
        if (ax_str_starts(claims->roles[i], prefix) &&
            ax_str_eq(ax_str_from(claims->roles[i], prefix.len), slug))
            return true;
    }
    return false;
}

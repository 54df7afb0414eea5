/* SPDX-License-Identifier: Apache-2.0 */
/* install_grants.c - what does a version ask for, and what may be granted? */
#include "bundle/capability.h"
#include "registry/install_private.h"

enum ax_code install_manifest(struct ax_model *model, const struct ax_version *version,
                              struct ax_manifest **ret_manifest)
{
    enum ax_code code = ax_manifest_parse(version->manifest_json, ret_manifest, model->err);

    if (code == AX_OK || code == AX_E_NO_MEMORY)
        return code;
    return ax_err_wrap(model->err, AX_E_INTERNAL, "the stored manifest of %.*s",
                       AX_STR_FMT(version->version)); /* it was judged when it was published */
}

static bool asks_for_host(const struct ax_manifest *manifest, struct ax_str name)
{
    for (size_t i = 0; i < ax_manifest_host_capability_count(manifest); i++)
        if (ax_str_eq(ax_manifest_host_capability(manifest, i), name))
            return true;
    return false;
}

static bool asks_for_egress(const struct ax_manifest *manifest, struct ax_str entry)
{
    for (size_t i = 0; i < ax_manifest_egress_count(manifest); i++)
        if (ax_str_eq(ax_manifest_egress(manifest, i), entry))
            return true;
    return !ax_manifest_has_egress(manifest); /* no list is no bound */
}

static bool asks_for_permission(const struct ax_manifest *manifest, struct ax_str permission)
{
    for (size_t i = 0; i < ax_manifest_endpoint_count(manifest); i++)
        if (ax_str_eq(ax_manifest_endpoint(manifest, i)->permission, permission))
            return true;
    return false;
}

bool install_asks_for_more(const struct ax_manifest *before, const struct ax_manifest *after)
{
    if (ax_manifest_capabilities(after) & ~ax_manifest_capabilities(before) & ~AX_CAP_ALWAYS)
        return true;
    for (size_t i = 0; i < ax_manifest_host_capability_count(after); i++)
        if (!asks_for_host(before, ax_manifest_host_capability(after, i)))
            return true;
    if (ax_manifest_has_egress(before) && !ax_manifest_has_egress(after))
        return true;
    for (size_t i = 0; i < ax_manifest_egress_count(after); i++)
        if (!asks_for_egress(before, ax_manifest_egress(after, i)))
            return true;
    for (size_t i = 0; i < ax_manifest_endpoint_count(after); i++)
        if (!asks_for_permission(before, ax_manifest_endpoint(after, i)->permission))
            return true;
    return false;
}

static bool names_have(const struct ax_str *items, size_t count, struct ax_str name)
{
    for (size_t i = 0; i < count; i++)
        if (ax_str_eq(items[i], name))
            return true;
    return false;
}

static enum ax_code grant_check(struct ax_model *model, struct ax_str text,
                                const struct ax_manifest *manifest, const struct ax_manifest *other,
                                struct ax_str *ret_name)
{
    unsigned bit = 0;
    bool asked;

    switch (ax_capability_parse(text, &bit, ret_name)) {
    case AX_CAPABILITY_UNKNOWN:
        return ax_err_set_at(model->err, AX_E_UNKNOWN_CAPABILITY, "/grants",
                             "a capability is not known");
    case AX_CAPABILITY_BUILT_IN:
        asked = (bit & (AX_CAP_ALWAYS | ax_manifest_capabilities(manifest) |
                        (other ? ax_manifest_capabilities(other) : 0))) != 0;
        break;
    default:
        asked = asks_for_host(manifest, *ret_name) || (other && asks_for_host(other, *ret_name));
        break;
    }
    if (!asked)
        return ax_err_set_at(model->err, AX_E_INVALID_REQUEST, "/grants",
                             "the extension does not ask for \"%.*s\"", AX_STR_FMT(*ret_name));
    return AX_OK;
}

static enum ax_code names_begin(struct ax_model *model, struct ax_names names, size_t max,
                                const char *pointer, struct ax_str **ret_items)
{
    if (names.count > max)
        return ax_err_set_at(model->err, AX_E_INVALID_REQUEST, pointer,
                             "at most %zu entries are allowed here", max);
    *ret_items = ax_arena_alloc(model->arena, (names.count + 1) * sizeof(**ret_items));
    return *ret_items ? AX_OK : model_no_memory(model);
}

enum ax_code install_check_grants(struct ax_model *model, struct ax_names names,
                                  const struct ax_manifest *manifest,
                                  const struct ax_manifest *other, struct ax_names *ret_names)
{
    struct ax_str *items = NULL;
    struct ax_str name;
    enum ax_code code = names_begin(model, names, AX_GRANTS_MAX, "/grants", &items);
    size_t count = 0;

    for (size_t i = 0; code == AX_OK && i < names.count; i++) {
        code = grant_check(model, names.items[i], manifest, other, &name);
        if (code == AX_OK && !names_have(items, count, name))
            items[count++] = name;
    }
    *ret_names = (struct ax_names){ items, count };
    return code;
}

enum ax_code install_check_egress(struct ax_model *model, struct ax_names names,
                                  struct ax_names *ret_names)
{
    struct ax_str *items = NULL;
    enum ax_code code = names_begin(model, names, AX_EGRESS_MAX, "/egress", &items);
    size_t count = 0;

    for (size_t i = 0; code == AX_OK && i < names.count; i++) {
        if (names.items[i].len > AX_INSTALL_EGRESS_LEN_MAX ||
            !ax_manifest_is_egress(names.items[i]))
            return ax_err_set_at(model->err, AX_E_INVALID_REQUEST, "/egress",
                                 "expected: [scheme://]host[:port] in lower case, no address");
        if (!names_have(items, count, names.items[i]))
            items[count++] = names.items[i];
    }
    *ret_names = (struct ax_names){ items, count };
    return code;
}

static enum ax_code grant_add(struct ax_model *model, struct ax_str install_id, struct ax_str name)
{
    return ax_db_run(model->db, model->err,
                     "INSERT INTO grants (install_id, capability) VALUES ($1, $2) "
                     "ON CONFLICT DO NOTHING",
                     b_text(install_id), b_text(name));
}

static enum ax_code egress_add(struct ax_model *model, struct ax_str install_id,
                               struct ax_str entry)
{
    return ax_db_run(model->db, model->err,
                     "INSERT INTO install_egress (install_id, entry) VALUES ($1, $2) "
                     "ON CONFLICT DO NOTHING",
                     b_text(install_id), b_text(entry));
}

/* What older versions asked for stays granted, so it may come to too much. */
static enum ax_code grants_check_count(struct ax_model *model, struct ax_str install_id)
{
    int64_t grants = 0, egress = 0;
    enum ax_code code = ax_db_number(model->db, model->err, &grants,
                                     "SELECT count(*) FROM grants WHERE install_id = $1",
                                     b_text(install_id));

    if (code == AX_OK)
        code = ax_db_number(model->db, model->err, &egress,
                            "SELECT count(*) FROM install_egress WHERE install_id = $1",
                            b_text(install_id));
    if (code == AX_OK && (grants > AX_GRANTS_MAX || egress > AX_EGRESS_MAX))
        return ax_err_set(model->err, AX_E_CONFLICT,
                          "with these there would be too many grants: take back old ones first");
    return code;
}

enum ax_code install_grant_more(struct ax_model *model, struct ax_str install_id,
                                const struct ax_manifest *before, const struct ax_manifest *after)
{
    unsigned more = ax_manifest_capabilities(after) & ~ax_manifest_capabilities(before);
    enum ax_code code = AX_OK;

    for (unsigned i = 0; code == AX_OK && i < AX_CAP_COUNT; i++)
        if (more & 1u << i)
            code = grant_add(model, install_id, ax_str_of(ax_capability_name(1u << i)));
    for (size_t i = 0; code == AX_OK && i < ax_manifest_host_capability_count(after); i++)
        if (!asks_for_host(before, ax_manifest_host_capability(after, i)))
            code = grant_add(model, install_id, ax_manifest_host_capability(after, i));
    for (size_t i = 0; code == AX_OK && i < ax_manifest_egress_count(after); i++)
        if (!asks_for_egress(before, ax_manifest_egress(after, i)))
            code = egress_add(model, install_id, ax_manifest_egress(after, i));
    return code == AX_OK ? grants_check_count(model, install_id) : code;
}

enum ax_code install_replace_grants(struct ax_model *model, struct ax_str install_id,
                                    struct ax_names grants, struct ax_names egress)
{
    enum ax_code code = ax_db_run(model->db, model->err, "DELETE FROM grants WHERE install_id = $1",
                                  b_text(install_id));

    if (code == AX_OK)
        code = ax_db_run(model->db, model->err, "DELETE FROM install_egress WHERE install_id = $1",
                         b_text(install_id));
    for (size_t i = 0; code == AX_OK && i < grants.count; i++)
        code = grant_add(model, install_id, grants.items[i]);
    for (size_t i = 0; code == AX_OK && i < egress.count; i++)
        code = egress_add(model, install_id, egress.items[i]);
    return code;
}

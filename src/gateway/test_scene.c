/* SPDX-License-Identifier: Apache-2.0 */
/* test_scene.c - how do this folder's tests get a model to ask? */
#include "gateway/test_scene.h"

#include <stdio.h>

struct ax_str scene_manifest(const char *name, const char *version, const char *rest)
{
    static char text[AX_MANIFEST_BYTES_MAX];
    int len = snprintf(text, sizeof(text),
                       "{\"name\":\"%s\",\"publisher\":\"acme\",\"version\":\"%s\","
                       "\"runtime\":\"core@1\"%s}",
                       name, version, rest);

    T_TRUE(len > 0 && (size_t)len < sizeof(text));
    return ax_str_make(text, (size_t)len);
}

struct ax_manifest *scene_parse(const char *rest)
{
    struct ax_manifest *manifest = NULL;
    struct ax_err err = { 0 };

    if (ax_manifest_parse(scene_manifest("com.acme.hello", "1.0.0", rest), &manifest, &err) !=
        AX_OK)
        fail_msg("%s: %s", err.pointer, err.message);
    return manifest;
}

void scene_extension(struct ax_read_model *model, const char *id, const char *name)
{
    const struct ax_model_extension_row row = { ax_str_of(id), ax_str_of(name), AX_STR("Acme") };

    T_OK(ax_read_model_put_extension(model, &row));
}

void scene_version(struct ax_read_model *model, const char *id, const char *extension,
                   const char *name, const char *version, uint8_t hash, const char *rest)
{
    const struct ax_model_version_row row = {
        .id = ax_str_of(id),
        .extension_id = ax_str_of(extension),
        .version = ax_str_of(version),
        .hash.bytes = { hash },
        .manifest = scene_manifest(name, version, rest),
    };

    T_OK(ax_read_model_put_version(model, &row));
}

void scene_install(struct ax_read_model *model, const char *id, const char *tenant,
                   const char *extension, const char *version, enum ax_install_status status)
{
    const struct ax_model_install_row row = {
        .id = ax_str_of(id),
        .tenant = ax_str_of(tenant),
        .extension_id = ax_str_of(extension),
        .version_id = ax_str_of(version),
        .status = status,
        .config = AX_STR("{\"greeting\":\"Hi\"}"),
        .grants = { AX_STR_INIT("cap:http.fetch"), AX_STR_INIT("storage.kv"),
                    AX_STR_INIT("invoice.create"), AX_STR_INIT("order.read") },
        .grant_count = 4,
        .egress = { AX_STR_INIT("api.acme.com") },
        .egress_count = 1,
    };

    T_OK(ax_read_model_put_install(model, &row));
}

void scene_revoke(struct ax_read_model *model, uint8_t hash)
{
    const uint8_t bytes[AX_DIGEST_HEX_LEN / 2] = { hash };

    T_OK(ax_read_model_revoke(
        model,
        &(struct ax_model_revocation){ AX_MODEL_REVOKED_HASH, ax_str_make(bytes, sizeof(bytes)) }));
}

void scene_gone(struct ax_read_model *model, enum ax_model_kind kind, const char *id)
{
    ax_read_model_drop(model, &(struct ax_model_gone){ kind, ax_str_of(id) });
}

struct ax_str scene_resolve(const struct ax_read_model *model, const char *tenant,
                            const char *extension)
{
    const struct ax_model_install *install = NULL;
    enum ax_code code = ax_read_model_resolve(model, ax_str_of(tenant), ax_str_of(extension),
                                              &install);

    T_TRUE((code == AX_OK) == (install != NULL));
    if (code == AX_OK)
        return install->id;
    T_CODE(code, AX_E_EXTENSION_NOT_AVAILABLE);
    return AX_STR("not available");
}

const struct ax_claims *scene_claims(const char *tenant, const char *roles)
{
    static struct ax_str list[AX_CLAIMS_ROLES_MAX];
    static struct ax_claims claims;
    struct ax_str rest = ax_str_of(roles);

    claims = (struct ax_claims){ .subject = AX_STR("sub-1"),
                                 .tenant = ax_str_of(tenant),
                                 .roles = list };
    while (rest.len > 0)
        list[claims.role_count++] = ax_str_cut(&rest, ' ');
    return &claims;
}

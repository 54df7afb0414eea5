/* SPDX-License-Identifier: Apache-2.0 */
/* manifest.c - what does an extension say about itself?
 * Strings point into the JSON document, lists into the arena; both live in the manifest. */
#include "bundle/manifest.h"

#include "bundle/manifest_internal.h"

#include <assert.h>

#define MANIFEST_ARENA_MAX (256u << 10)

enum ax_code ax_manifest_parse(struct ax_str json, struct ax_manifest **ret_manifest,
                               struct ax_err *err)
{
    struct ax_json_limits limits = { .bytes_max = AX_MANIFEST_BYTES_MAX };
    AX_AUTO(ax_manifest_free) struct ax_manifest *manifest = NULL;
    struct mf_at root = { .up = NULL };
    struct mf mf = { .err = err };
    enum ax_code code;

    if (json.len > AX_MANIFEST_BYTES_MAX)
        return ax_err_set(err, AX_E_TOO_BIG, "manifest.json is larger than 64 KiB");
    manifest = ax_try_alloc(sizeof(*manifest));
    if (!manifest)
        return ax_err_set(err, AX_E_NO_MEMORY, "there is no memory");
    *manifest = (struct ax_manifest){ .json = NULL };
    ax_arena_init(&manifest->arena, MANIFEST_ARENA_MAX);
    code = ax_json_parse(json, &limits, &manifest->json, err);
    if (code == AX_E_NO_MEMORY)
        return code;
    if (code != AX_OK)
        return ax_err_wrap(err, AX_E_INVALID_MANIFEST, "manifest.json");
    mf.manifest = manifest;
    code = mf_root(&mf, &root, ax_json_root(manifest->json));
    if (code == AX_OK)
        *ret_manifest = AX_TAKE(manifest);
    return code;
}

void ax_manifest_free(struct ax_manifest *manifest)
{
    if (!manifest)
        return;
    ax_arena_done(&manifest->arena);
    ax_json_free(manifest->json);
    free(manifest);
}

enum ax_code ax_manifest_check_host_capabilities(const struct ax_manifest *manifest,
                                                 const struct ax_str *known, size_t known_count,
                                                 struct ax_err *err)
{
    for (size_t i = 0; i < manifest->host_capabilities.count; i++) {
        struct ax_str name = manifest->host_capabilities.items[i];
        bool found = false;

        for (size_t j = 0; j < known_count; j++)
            found = found || ax_str_eq(name, known[j]);
        if (!found)
            return ax_err_set_at(err, AX_E_UNKNOWN_CAPABILITY, "/capabilities",
                                 "no provider knows the capability \"%.*s\"", AX_STR_FMT(name));
    }
    return AX_OK;
}

struct ax_str ax_manifest_name(const struct ax_manifest *manifest)
{
    return manifest->name;
}

struct ax_str ax_manifest_publisher(const struct ax_manifest *manifest)
{
    return manifest->publisher;
}

struct ax_str ax_manifest_version(const struct ax_manifest *manifest)
{
    return manifest->version;
}

enum ax_runtime ax_manifest_runtime(const struct ax_manifest *manifest)
{
    return manifest->runtime;
}

struct ax_str ax_manifest_runtime_name(const struct ax_manifest *manifest)
{
    return manifest->runtime_name;
}

struct ax_str ax_manifest_entry(const struct ax_manifest *manifest)
{
    return manifest->entry;
}

unsigned ax_manifest_capabilities(const struct ax_manifest *manifest)
{
    return manifest->capabilities;
}

static struct ax_str manifest_item(const struct mf_list *list, size_t index)
{
    assert(index < list->count);
    return list->items[index];
}

size_t ax_manifest_host_capability_count(const struct ax_manifest *manifest)
{
    return manifest->host_capabilities.count;
}

struct ax_str ax_manifest_host_capability(const struct ax_manifest *manifest, size_t index)
{
    return manifest_item(&manifest->host_capabilities, index);
}

bool ax_manifest_has_egress(const struct ax_manifest *manifest)
{
    return manifest->has_egress;
}

size_t ax_manifest_egress_count(const struct ax_manifest *manifest)
{
    return manifest->egress.count;
}

struct ax_str ax_manifest_egress(const struct ax_manifest *manifest, size_t index)
{
    return manifest_item(&manifest->egress, index);
}

size_t ax_manifest_header_count(const struct ax_manifest *manifest)
{
    return manifest->headers.count;
}

struct ax_str ax_manifest_header(const struct ax_manifest *manifest, size_t index)
{
    return manifest_item(&manifest->headers, index);
}

size_t ax_manifest_endpoint_count(const struct ax_manifest *manifest)
{
    return manifest->endpoint_count;
}

const struct ax_endpoint *ax_manifest_endpoint(const struct ax_manifest *manifest, size_t index)
{
    assert(index < manifest->endpoint_count);
    return &manifest->endpoints[index];
}

const struct ax_manifest_limits *ax_manifest_limits(const struct ax_manifest *manifest)
{
    return &manifest->limits;
}

bool ax_manifest_has_ui(const struct ax_manifest *manifest)
{
    return manifest->has_ui;
}

struct ax_str ax_manifest_ui_entry(const struct ax_manifest *manifest)
{
    return manifest->ui_entry.ptr ? manifest->ui_entry : AX_STR("ui/index.html");
}

bool ax_manifest_ui_spa(const struct ax_manifest *manifest)
{
    return manifest->ui_spa;
}

struct ax_str ax_manifest_sbom(const struct ax_manifest *manifest)
{
    return manifest->sbom;
}

bool ax_manifest_is_asset(const struct ax_manifest *manifest, struct ax_str path)
{
    for (size_t i = 0; i < manifest->assets.count; i++)
        if (mf_pattern_matches(manifest->assets.items[i], path))
            return true;
    return false;
}

size_t ax_manifest_asset_count(const struct ax_manifest *manifest)
{
    return manifest->assets.count;
}

struct ax_str ax_manifest_asset(const struct ax_manifest *manifest, size_t index)
{
    return manifest_item(&manifest->assets, index);
}

const struct ax_json_value *ax_manifest_json(const struct ax_manifest *manifest)
{
    return ax_json_root(manifest->json);
}

bool ax_manifest_is_name(struct ax_str text)
{
    return mf_is_name(text);
}

bool ax_manifest_is_version(struct ax_str text)
{
    return mf_is_version(text);
}

bool ax_manifest_is_egress(struct ax_str text)
{
    return mf_is_egress(text);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* read_model.c - which version of which extension runs for this tenant? */
#include "gateway/read_model.h"

#include "gateway/read_model_private.h"

#include <assert.h>
#include <string.h>

struct ax_read_model *ax_read_model_new(void)
{
    return ax_alloc(sizeof(struct ax_read_model));
}

/* --- extensions --- */

/* Takes `key` for `node`; whoever had it before loses it. */
static void extension_name(struct ax_map *map, struct ax_map_node *node, struct ax_str key)
{
    struct ax_map_node *other = ax_map_find(map, key);

    if (other) {
        ax_map_remove(map, other);
        other->key = AX_STR_NONE;
    }
    ax_map_insert(map, node, key);
}

/* "PUBLISHERNAMEpublisher.name": as told, then folded with a dot. */
static char *extension_words(const struct ax_model_extension_row *row)
{
    size_t publisher = row->publisher.len;
    size_t name = row->name.len;
    char *words = ax_try_alloc(2 * (publisher + name) + 1);
    char *folded = words ? words + publisher + name : NULL;

    if (!words)
        return NULL;
    memcpy(words, row->publisher.ptr, publisher);
    memcpy(words + publisher, row->name.ptr, name);
    (void)model_fold(row->publisher, folded);
    folded[publisher] = '.';
    (void)model_fold(row->name, folded + publisher + 1);
    return words;
}

enum ax_code ax_read_model_put_extension(struct ax_read_model *model,
                                         const struct ax_model_extension_row *row)
{
    struct model_extension *extension = model_extension_ref(model, row->id);
    size_t publisher = row->publisher.len;
    struct ax_str published;
    char *words;

    if (!extension)
        return AX_E_NO_MEMORY;
    words = extension_words(row);
    if (!words) {
        model_extension_unref(model, extension);
        return AX_E_NO_MEMORY;
    }
    model_extension_forget(model, extension); /* our reference keeps the place */
    extension->words = words;
    extension->known = true;
    extension->row.publisher = ax_str_make(words, publisher);
    extension->row.name = ax_str_make(words + publisher, row->name.len);
    published = ax_str_make(words + publisher + row->name.len, publisher + 1 + row->name.len);
    extension_name(&model->names, &extension->by_name, ax_str_from(published, publisher + 1));
    extension_name(&model->published, &extension->by_published, published);
    model_extension_unref(model, extension);
    return AX_OK;
}

/* --- versions --- */

static bool version_is_same(const struct model_version *version,
                            const struct ax_model_version_row *row,
                            const struct ax_digest *manifest_hash)
{
    return version->known && ax_str_eq_nocase(version->extension->row.id, row->extension_id) &&
           ax_str_eq(version->row.version, row->version) &&
           ax_digest_eq(&version->row.hash, &row->hash) &&
           ax_digest_eq(&version->manifest_hash, manifest_hash);
}

/* Reads the manifest; one that cannot be used gives AX_OK and none. */
static enum ax_code version_read(const struct ax_model_version_row *row,
                                 struct ax_manifest **ret_manifest,
                                 struct ax_endpoints **ret_endpoints)
{
    AX_AUTO(ax_manifest_free) struct ax_manifest *manifest = NULL;
    AX_AUTO(ax_endpoints_free) struct ax_endpoints *endpoints = NULL;
    enum ax_code code = ax_manifest_parse(row->manifest, &manifest, NULL);

    if (code == AX_E_NO_MEMORY)
        return code;
    if (code != AX_OK || !ax_str_eq(ax_manifest_version(manifest), row->version))
        return AX_OK;
    endpoints = ax_endpoints_compile(manifest);
    if (!endpoints)
        return AX_E_NO_MEMORY;
    *ret_manifest = AX_TAKE(manifest);
    *ret_endpoints = AX_TAKE(endpoints);
    return AX_OK;
}

/* Fills an empty place. */
static void version_fill(struct model_version *version, const struct ax_model_version_row *row,
                         const struct ax_digest *manifest_hash)
{
    assert(row->version.len <= sizeof(version->text));
    memcpy(version->text, row->version.ptr, row->version.len);
    version->manifest_hash = *manifest_hash;
    version->known = true;
    version->row.version = ax_str_make(version->text, row->version.len);
    version->row.extension = &version->extension->row;
    version->row.hash = row->hash;
    version->row.manifest = version->manifest;
    version->row.endpoints = version->endpoints;
}

enum ax_code ax_read_model_put_version(struct ax_read_model *model,
                                       const struct ax_model_version_row *row)
{
    AX_AUTO(ax_manifest_free) struct ax_manifest *manifest = NULL;
    AX_AUTO(ax_endpoints_free) struct ax_endpoints *endpoints = NULL;
    struct ax_digest manifest_hash = ax_digest_of(row->manifest);
    struct model_version *version = model_version_ref(model, row->id);
    struct model_extension *extension = NULL;
    enum ax_code code = AX_OK;

    if (!version)
        return AX_E_NO_MEMORY;
    if (!version_is_same(version, row, &manifest_hash)) {
        code = version_read(row, &manifest, &endpoints);
        if (code == AX_OK) {
            extension = model_extension_ref(model, row->extension_id);
            code = extension ? AX_OK : AX_E_NO_MEMORY;
        }
        if (code == AX_OK) {
            model_version_forget(model, version); /* our reference keeps the place */
            version->extension = extension;
            version->manifest = AX_TAKE(manifest);
            version->endpoints = AX_TAKE(endpoints);
            version_fill(version, row, &manifest_hash);
        }
    }
    model_version_unref(model, version);
    return code;
}

/* --- revocations --- */

static struct ax_map_node *revoked_find(const struct ax_read_model *model,
                                        const struct ax_digest *hash)
{
    return ax_map_find(&model->revoked, ax_str_make(hash->bytes, sizeof(hash->bytes)));
}

enum ax_code ax_read_model_revoke(struct ax_read_model *model,
                                  const struct ax_model_revocation *revoked)
{
    struct model_revocation_row *revocation;

    if (revoked->kind != AX_MODEL_REVOKED_HASH)
        return AX_OK;
    assert(revoked->value.len == sizeof(revocation->hash.bytes));
    if (ax_map_find(&model->revoked, revoked->value))
        return AX_OK;
    if (model->revoked.count >= AX_MODEL_ROWS_MAX)
        return AX_E_NO_MEMORY;
    revocation = ax_try_alloc(sizeof(*revocation));
    if (!revocation)
        return AX_E_NO_MEMORY;
    memcpy(revocation->hash.bytes, revoked->value.ptr, sizeof(revocation->hash.bytes));
    ax_map_insert(&model->revoked, &revocation->by_hash,
                  ax_str_make(revocation->hash.bytes, sizeof(revocation->hash.bytes)));
    return AX_OK;
}

static void revocation_drop(struct ax_read_model *model, struct ax_map_node *node)
{
    ax_map_remove(&model->revoked, node);
    free(AX_CONTAINER_OF(node, struct model_revocation_row, by_hash));
}

/* --- what goes --- */

void ax_read_model_drop(struct ax_read_model *model, const struct ax_model_gone *gone)
{
    char room[AX_MODEL_ID_MAX];
    struct ax_map_node *node;
    struct ax_str folded;

    assert(gone->id.len <= sizeof(room));
    folded = model_fold(gone->id, room);
    switch (gone->kind) {
    case AX_MODEL_KIND_EXTENSION:
        node = ax_map_find(&model->extensions, folded);
        if (node)
            model_extension_forget(model, AX_CONTAINER_OF(node, struct model_extension, by_id));
        return;
    case AX_MODEL_KIND_VERSION:
        node = ax_map_find(&model->versions, gone->id);
        if (node)
            model_version_forget(model, AX_CONTAINER_OF(node, struct model_version, by_id));
        return;
    case AX_MODEL_KIND_INSTALL:
        node = ax_map_find(&model->installs, folded);
        if (node)
            model_install_drop(model, AX_CONTAINER_OF(node, struct model_install, by_id));
        return;
    case AX_MODEL_KIND_REVOCATION:
        node = ax_map_find(&model->revoked, gone->id);
        if (node)
            revocation_drop(model, node);
        return;
    }
}

void ax_read_model_free(struct ax_read_model *model)
{
    if (!model)
        return;
    for (size_t i = 0; i < model->installs.bucket_count; i++)
        while (model->installs.buckets[i])
            model_install_drop(
                model, AX_CONTAINER_OF(model->installs.buckets[i], struct model_install, by_id));
    for (size_t i = 0; i < model->versions.bucket_count; i++)
        while (model->versions.buckets[i])
            model_version_forget(
                model, AX_CONTAINER_OF(model->versions.buckets[i], struct model_version, by_id));
    for (size_t i = 0; i < model->extensions.bucket_count; i++)
        while (model->extensions.buckets[i])
            model_extension_forget(model, AX_CONTAINER_OF(model->extensions.buckets[i],
                                                          struct model_extension, by_id));
    for (size_t i = 0; i < model->revoked.bucket_count; i++)
        while (model->revoked.buckets[i])
            revocation_drop(model, model->revoked.buckets[i]);
    assert(model->texts.count == 0 && model->tenants.count == 0 && model->pairs.count == 0);
    ax_map_done(&model->texts);
    ax_map_done(&model->tenants);
    ax_map_done(&model->extensions);
    ax_map_done(&model->names);
    ax_map_done(&model->published);
    ax_map_done(&model->versions);
    ax_map_done(&model->installs);
    ax_map_done(&model->pairs);
    ax_map_done(&model->revoked);
    free(model);
}

/* --- what is asked --- */

static const struct model_install *install_of(const struct ax_map_node *pair)
{
    return AX_CONTAINER_OF(pair, struct model_install, by_pair);
}

static bool install_is_usable(const struct ax_read_model *model,
                              const struct model_install *install)
{
    const struct model_version *version = install->version;

    return install->row.status == AX_INSTALL_ENABLED && install->paired &&
           install->extension->known && version->known && version->manifest &&
           version->extension == install->extension &&
           ax_str_eq(ax_manifest_name(version->manifest), install->extension->row.name) &&
           !revoked_find(model, &version->row.hash);
}

static const struct model_install *find_pair(const struct ax_read_model *model,
                                             const struct model_tenant *tenant,
                                             const struct model_extension *extension)
{
    const struct model_pair pair = { tenant, extension };
    const struct ax_map_node *node = ax_map_find(&model->pairs, ax_str_make(&pair, sizeof(pair)));

    return node ? install_of(node) : NULL;
}

static const struct model_install *find_install(const struct ax_read_model *model,
                                                const struct model_tenant *tenant,
                                                struct ax_str folded)
{
    const struct ax_map_node *node = ax_map_find(&model->installs, folded);
    const struct model_install *found = NULL;

    if (node && AX_CONTAINER_OF(node, struct model_install, by_id)->tenant == tenant)
        return AX_CONTAINER_OF(node, struct model_install, by_id);
    node = ax_map_find(&model->extensions, folded);
    if (node)
        found = find_pair(model, tenant, AX_CONTAINER_OF(node, struct model_extension, by_id));
    if (!found) {
        node = ax_map_find(&model->names, folded);
        if (node)
            found = find_pair(model, tenant,
                              AX_CONTAINER_OF(node, struct model_extension, by_name));
    }
    if (!found) {
        node = ax_map_find(&model->published, folded);
        if (node)
            found = find_pair(model, tenant,
                              AX_CONTAINER_OF(node, struct model_extension, by_published));
    }
    return found;
}

static const struct model_tenant *find_tenant(const struct ax_read_model *model, struct ax_str id)
{
    const struct ax_map_node *node = ax_map_find(&model->tenants, id);

    return node ? AX_CONTAINER_OF(node, struct model_tenant, by_id) : NULL;
}

enum ax_code ax_read_model_resolve(const struct ax_read_model *model, struct ax_str tenant_id,
                                   struct ax_str extension,
                                   const struct ax_model_install **ret_install)
{
    const struct model_tenant *tenant = find_tenant(model, tenant_id);
    const struct model_install *install = NULL;
    char room[MODEL_REFERENCE_MAX];

    if (tenant && extension.len <= sizeof(room))
        install = find_install(model, tenant, model_fold(extension, room));
    if (!install || !install_is_usable(model, install))
        return AX_E_EXTENSION_NOT_AVAILABLE;
    *ret_install = &install->row;
    return AX_OK;
}

static const struct ax_model_install *next_usable(const struct ax_read_model *model,
                                                  const struct model_install *install)
{
    while (install && !install_is_usable(model, install))
        install = install->next;
    return install ? &install->row : NULL;
}

const struct ax_model_install *ax_read_model_first(const struct ax_read_model *model,
                                                   struct ax_str tenant_id)
{
    const struct model_tenant *tenant = find_tenant(model, tenant_id);

    return next_usable(model, tenant ? tenant->installs : NULL);
}

const struct ax_model_install *ax_read_model_after(const struct ax_read_model *model,
                                                   const struct ax_model_install *install)
{
    return next_usable(model, AX_CONTAINER_OF(install, struct model_install, row)->next);
}

struct ax_read_model_counts ax_read_model_counts(const struct ax_read_model *model)
{
    return (struct ax_read_model_counts){
        .extensions = model->extensions.count,
        .versions = model->versions.count,
        .installs = model->installs.count,
        .tenants = model->tenants.count,
        .revoked = model->revoked.count,
        .texts = model->texts.count,
    };
}

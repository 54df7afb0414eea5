/* SPDX-License-Identifier: Apache-2.0 */
/* read_model_rows.c - how do the rows of the read model share, and how do they go? */
#include "gateway/read_model_private.h"

#include "base/json.h"
#include "bundle/capability.h"

#include <assert.h>
#include <string.h>

struct ax_str model_fold(struct ax_str str, char *room)
{
    for (size_t i = 0; i < str.len; i++)
        room[i] = (char)(str.ptr[i] >= 'A' && str.ptr[i] <= 'Z' ? str.ptr[i] | 0x20 : str.ptr[i]);
    return ax_str_make(room, str.len);
}

/* Copies `id` to the start of `room`, folded behind it; returns the folded one. */
static struct ax_str rows_put_id(char *room, struct ax_str id)
{
    memcpy(room, id.ptr, id.len);
    return model_fold(id, room + id.len);
}

/* --- texts --- */

struct model_text *model_text_ref(struct ax_read_model *model, struct ax_str str)
{
    struct ax_map_node *node = ax_map_find(&model->texts, str);
    struct model_text *text;

    if (node) {
        text = AX_CONTAINER_OF(node, struct model_text, node);
        text->refs++;
        return text;
    }
    text = ax_try_alloc(sizeof(*text) + str.len);
    if (!text)
        return NULL;
    text->refs = 1;
    if (str.len > 0)
        memcpy(text->bytes, str.ptr, str.len);
    ax_map_insert(&model->texts, &text->node, ax_str_make(text->bytes, str.len));
    return text;
}

void model_text_unref(struct ax_read_model *model, struct model_text *text)
{
    if (!text || --text->refs > 0)
        return;
    ax_map_remove(&model->texts, &text->node);
    free(text);
}

/* --- extensions --- */

struct model_extension *model_extension_ref(struct ax_read_model *model, struct ax_str id)
{
    char room[AX_MODEL_ID_MAX];
    struct model_extension *extension;
    struct ax_map_node *node;

    assert(id.len <= sizeof(room));
    node = ax_map_find(&model->extensions, model_fold(id, room));
    if (node) {
        extension = AX_CONTAINER_OF(node, struct model_extension, by_id);
        extension->refs++;
        return extension;
    }
    if (model->extensions.count >= AX_MODEL_ROWS_MAX)
        return NULL;
    extension = ax_try_alloc(sizeof(*extension) + 2 * id.len);
    if (!extension)
        return NULL;
    *extension = (struct model_extension){ .refs = 1 };
    ax_map_insert(&model->extensions, &extension->by_id, rows_put_id(extension->id, id));
    extension->row.id = ax_str_make(extension->id, id.len);
    return extension;
}

static void extension_unname(struct ax_map *map, struct ax_map_node *node)
{
    if (node->key.ptr)
        ax_map_remove(map, node);
    node->key = AX_STR_NONE;
}

static void extension_free_if_empty(struct ax_read_model *model, struct model_extension *extension)
{
    if (extension->known || extension->refs > 0)
        return;
    ax_map_remove(&model->extensions, &extension->by_id);
    free(extension);
}

void model_extension_unref(struct ax_read_model *model, struct model_extension *extension)
{
    if (!extension)
        return;
    extension->refs--;
    extension_free_if_empty(model, extension);
}

void model_extension_forget(struct ax_read_model *model, struct model_extension *extension)
{
    extension_unname(&model->names, &extension->by_name);
    extension_unname(&model->published, &extension->by_published);
    extension->row.name = extension->row.publisher = AX_STR_NONE;
    free(AX_TAKE(extension->words));
    extension->known = false;
    extension_free_if_empty(model, extension);
}

/* --- versions --- */

struct model_version *model_version_ref(struct ax_read_model *model, struct ax_str id)
{
    struct ax_map_node *node = ax_map_find(&model->versions, id);
    struct model_version *version;

    if (node) {
        version = AX_CONTAINER_OF(node, struct model_version, by_id);
        version->refs++;
        return version;
    }
    if (model->versions.count >= AX_MODEL_ROWS_MAX)
        return NULL;
    version = ax_try_alloc(sizeof(*version) + id.len);
    if (!version)
        return NULL;
    *version = (struct model_version){ .refs = 1 };
    memcpy(version->id, id.ptr, id.len);
    version->row.id = ax_str_make(version->id, id.len);
    ax_map_insert(&model->versions, &version->by_id, version->row.id);
    return version;
}

static void version_free_if_empty(struct ax_read_model *model, struct model_version *version)
{
    if (version->known || version->refs > 0)
        return;
    ax_map_remove(&model->versions, &version->by_id);
    free(version);
}

void model_version_unref(struct ax_read_model *model, struct model_version *version)
{
    if (!version)
        return;
    version->refs--;
    version_free_if_empty(model, version);
}

void model_version_forget(struct ax_read_model *model, struct model_version *version)
{
    ax_endpoints_free(AX_TAKE(version->endpoints));
    ax_manifest_free(AX_TAKE(version->manifest));
    model_extension_unref(model, AX_TAKE(version->extension));
    version->row = (struct ax_model_version){ .id = version->row.id };
    version->known = false;
    version_free_if_empty(model, version);
}

/* --- installs --- */

static void tenant_free_if_empty(struct ax_read_model *model, struct model_tenant *tenant)
{
    if (tenant->installs || tenant->pinned)
        return;
    ax_map_remove(&model->tenants, &tenant->by_id);
    free(tenant);
}

/* Out of all indexes, but alive. */
static void install_unlink(struct ax_read_model *model, struct model_install *install)
{
    ax_map_remove(&model->installs, &install->by_id);
    if (install->paired)
        ax_map_remove(&model->pairs, &install->by_pair);
    *install->link = install->next;
    if (install->next)
        install->next->link = install->link;
    tenant_free_if_empty(model, install->tenant);
}

/* Copes with half of one that was never linked. */
static void install_free(struct ax_read_model *model, struct model_install *install)
{
    model_text_unref(model, install->config);
    model_text_unref(model, install->egress);
    model_text_unref(model, install->host_grants);
    model_version_unref(model, install->version);
    model_extension_unref(model, install->extension);
    free(install);
}

void model_install_drop(struct ax_read_model *model, struct model_install *install)
{
    install_unlink(model, install);
    install_free(model, install);
}

/* Found or made, and pinned. */
static struct model_tenant *tenant_pin(struct ax_read_model *model, struct ax_str id)
{
    struct ax_map_node *node = ax_map_find(&model->tenants, id);
    struct model_tenant *tenant;

    if (node) {
        tenant = AX_CONTAINER_OF(node, struct model_tenant, by_id);
        tenant->pinned = true;
        return tenant;
    }
    tenant = ax_try_alloc(sizeof(*tenant) + id.len);
    if (!tenant)
        return NULL;
    *tenant = (struct model_tenant){ .pinned = true };
    memcpy(tenant->id, id.ptr, id.len);
    ax_map_insert(&model->tenants, &tenant->by_id, ax_str_make(tenant->id, id.len));
    return tenant;
}

static bool config_is_object(struct ax_str config, enum ax_code *ret_code)
{
    static const struct ax_json_limits limits = { .bytes_max = AX_MODEL_CONFIG_MAX };
    AX_AUTO(ax_json_free) struct ax_json *json = NULL;

    *ret_code = ax_json_parse(config, &limits, &json, NULL);
    return *ret_code == AX_OK && ax_json_type(ax_json_root(json)) == AX_JSON_OBJECT;
}

static struct model_text *install_egress(struct ax_read_model *model,
                                         const struct ax_model_install_row *row)
{
    AX_AUTO_BUF struct ax_buf buf = { .max = AX_MODEL_FRAME_MAX };
    struct ax_json_out out;

    ax_json_out_init(&out, &buf);
    ax_json_begin_array(&out);
    for (size_t i = 0; i < row->egress_count; i++)
        ax_json_put_str(&out, row->egress[i]);
    ax_json_end_array(&out);
    return buf.failed == AX_OK ? model_text_ref(model, ax_buf_str(&buf)) : NULL;
}

/* What is no capability grants nothing. */
static struct model_text *install_grants(struct ax_read_model *model,
                                         const struct ax_model_install_row *row,
                                         unsigned *ret_capabilities)
{
    AX_AUTO_BUF struct ax_buf names = { .max = AX_MODEL_FRAME_MAX };

    for (size_t i = 0; i < row->grant_count; i++) {
        struct ax_str name;
        unsigned bit = 0;

        switch (ax_capability_parse(row->grants[i], &bit, &name)) {
        case AX_CAPABILITY_UNKNOWN: break;
        case AX_CAPABILITY_BUILT_IN: *ret_capabilities |= bit; break;
        case AX_CAPABILITY_HOST:
            if (names.len > 0)
                ax_buf_append_byte(&names, ',');
            ax_buf_append_str(&names, name);
            break;
        }
    }
    return names.failed == AX_OK ? model_text_ref(model, ax_buf_str(&names)) : NULL;
}

static struct ax_str text_str(const struct model_text *text)
{
    return text->node.key;
}

/* An install that stands in no index yet; NULL when there is no memory. */
static struct model_install *install_new(struct ax_read_model *model,
                                         const struct ax_model_install_row *row)
{
    struct model_install *install = ax_try_alloc(sizeof(*install) + 2 * row->id.len);

    if (!install)
        return NULL;
    *install = (struct model_install){ .row.status = row->status };
    install->by_id.key = rows_put_id(install->id, row->id);
    install->row.id = ax_str_make(install->id, row->id.len);
    install->config = model_text_ref(model, row->config.len ? row->config : AX_STR("{}"));
    install->egress = install_egress(model, row);
    install->host_grants = install_grants(model, row, &install->row.capabilities);
    install->extension = model_extension_ref(model, row->extension_id);
    install->version = model_version_ref(model, row->version_id);
    if (!install->config || !install->egress || !install->host_grants || !install->extension ||
        !install->version) {
        install_free(model, install);
        return NULL;
    }
    install->row.config = text_str(install->config);
    install->row.egress = text_str(install->egress);
    install->row.host_grants = text_str(install->host_grants);
    install->row.extension = &install->extension->row;
    install->row.version = &install->version->row;
    return install;
}

static void install_link(struct ax_read_model *model, struct model_install *install,
                         struct model_tenant *tenant)
{
    struct ax_str pair = ax_str_make(&install->pair, sizeof(install->pair));
    struct ax_map_node *other;

    install->tenant = tenant;
    install->row.tenant = tenant->by_id.key;
    install->link = &tenant->installs;
    install->next = tenant->installs;
    if (install->next)
        install->next->link = &install->next;
    tenant->installs = install;
    ax_map_insert(&model->installs, &install->by_id, install->by_id.key);
    install->pair = (struct model_pair){ tenant, install->extension };
    other = ax_map_find(&model->pairs, pair);
    if (other) { /* at most one per extension and tenant: the one told last */
        AX_CONTAINER_OF(other, struct model_install, by_pair)->paired = false;
        ax_map_remove(&model->pairs, other);
    }
    ax_map_insert(&model->pairs, &install->by_pair, pair);
    install->paired = true;
}

enum ax_code ax_read_model_put_install(struct ax_read_model *model,
                                       const struct ax_model_install_row *row)
{
    struct model_install *install;
    struct model_tenant *tenant;
    struct ax_map_node *old;
    enum ax_code code;

    if (row->config.len > 0 && !config_is_object(row->config, &code))
        return code == AX_E_NO_MEMORY ? code : AX_E_INVALID_REQUEST;
    if (row->status == AX_INSTALL_UNINSTALLED) {
        ax_read_model_drop(model, &(struct ax_model_gone){ AX_MODEL_KIND_INSTALL, row->id });
        return AX_OK;
    }
    if (model->installs.count >= AX_MODEL_INSTALLS_MAX)
        return AX_E_NO_MEMORY;
    install = install_new(model, row);
    if (!install)
        return AX_E_NO_MEMORY;
    tenant = tenant_pin(model, row->tenant);
    if (!tenant) {
        install_free(model, install);
        return AX_E_NO_MEMORY;
    }
    old = ax_map_find(&model->installs, install->by_id.key);
    if (old)
        model_install_drop(model, AX_CONTAINER_OF(old, struct model_install, by_id));
    install_link(model, install, tenant);
    tenant->pinned = false;
    return AX_OK;
}

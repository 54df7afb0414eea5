/* SPDX-License-Identifier: Apache-2.0 */
/* list.c - what can this caller use? */
#include "gateway/list.h"

#include "base/json.h"
#include "http/header.h"

#include <assert.h>

static bool list_holds_any(const struct ax_roles *roles, const struct ax_claims *claims,
                           const struct ax_model_install *install)
{
    const struct ax_endpoints *endpoints = install->version->endpoints;

    for (size_t i = 0; i < ax_endpoints_permission_count(endpoints); i++)
        if (ax_roles_allow(roles, claims, install->extension->name,
                           ax_endpoints_permission(endpoints, i)))
            return true;
    return false;
}

static int list_cmp(const void *a, const void *b)
{
    const struct ax_model_install *left = *(const struct ax_model_install *const *)a;
    const struct ax_model_install *right = *(const struct ax_model_install *const *)b;
    int by_name = ax_str_cmp(left->extension->name, right->extension->name);

    return by_name ? by_name : ax_str_cmp(left->id, right->id);
}

/* The caller's installs in order; *ret_items is yours: free(). */
static enum ax_code list_collect(const struct ax_read_model *model, const struct ax_roles *roles,
                                 const struct ax_claims *claims,
                                 const struct ax_model_install ***ret_items, size_t *ret_count)
{
    const struct ax_model_install *install;
    const struct ax_model_install **items;
    size_t count = 0;
    size_t room = 0;

    for (install = ax_read_model_first(model, claims->tenant); install;
         install = ax_read_model_after(model, install))
        room++;
    items = ax_try_alloc(room * sizeof(struct ax_model_install *));
    if (!items)
        return AX_E_NO_MEMORY;
    for (install = ax_read_model_first(model, claims->tenant); install;
         install = ax_read_model_after(model, install))
        if (list_holds_any(roles, claims, install))
            items[count++] = install;
    if (count > 0)
        qsort((void *)items, count, sizeof(*items), list_cmp);
    *ret_items = items;
    *ret_count = count;
    return AX_OK;
}

static void put_text(struct ax_json_out *out, const char *key, struct ax_str value)
{
    ax_json_key(out, key);
    ax_json_put_str(out, value);
}

/* A member of the manifest's "ui" as it stands there, or `fallback`. */
static void put_ui_member(struct ax_json_out *out, const struct ax_json_value *ui, const char *key,
                          struct ax_str fallback)
{
    const struct ax_json_value *value = ax_json_get(ui, key);
    AX_AUTO_BUF struct ax_buf json = { .max = AX_MANIFEST_BYTES_MAX * 6 }; /* room for escapes */

    ax_json_key(out, key);
    if (ax_json_is_absent(value)) {
        ax_json_put_raw(out, fallback);
        return;
    }
    if (ax_json_write_value(&json, value) != AX_OK)
        out->buf->failed = json.failed;
    ax_json_put_raw(out, ax_buf_str(&json));
}

static void put_ui(struct ax_json_out *out, const struct ax_manifest *manifest)
{
    const struct ax_json_value *ui = ax_json_get(ax_manifest_json(manifest), "ui");

    ax_json_key(out, "ui");
    if (!ax_manifest_has_ui(manifest)) {
        ax_json_put_null(out);
        return;
    }
    ax_json_begin_object(out);
    put_text(out, "entry", ax_manifest_ui_entry(manifest));
    put_ui_member(out, ui, "hooks", AX_STR("{}"));
    put_ui_member(out, ui, "sandbox", AX_STR("[]"));
    ax_json_key(out, "spa");
    ax_json_put_bool(out, ax_manifest_ui_spa(manifest));
    ax_json_end_object(out);
}

static void put_install(struct ax_json_out *out, const struct ax_model_install *install,
                        const struct ax_roles *roles, const struct ax_claims *claims)
{
    const struct ax_model_version *version = install->version;
    char hash[AX_DIGEST_TEXT_LEN + 1];

    ax_digest_print(&version->hash, hash);
    ax_json_begin_object(out);
    put_text(out, "id", install->extension->id);
    put_text(out, "name", install->extension->name);
    put_text(out, "publisher", install->extension->publisher);
    put_text(out, "version", version->version);
    put_text(out, "install_id", install->id);
    put_text(out, "content_hash", ax_str_make(hash, AX_DIGEST_TEXT_LEN));
    put_ui(out, version->manifest);
    ax_json_key(out, "permissions");
    ax_json_begin_array(out);
    for (size_t i = 0; i < ax_endpoints_permission_count(version->endpoints); i++) {
        struct ax_str permission = ax_endpoints_permission(version->endpoints, i);

        if (ax_roles_allow(roles, claims, install->extension->name, permission))
            ax_json_put_str(out, permission);
    }
    ax_json_end_array(out);
    ax_json_end_object(out);
}

static void list_etag(struct ax_str json, char ret_etag[AX_LIST_ETAG_LEN + 1])
{
    struct ax_digest digest = ax_digest_of(json);

    ret_etag[0] = '"';
    ax_digest_hex(&digest, ret_etag + 1);
    ret_etag[AX_LIST_ETAG_LEN - 1] = '"';
    ret_etag[AX_LIST_ETAG_LEN] = '\0';
}

enum ax_code ax_list_write(const struct ax_read_model *model, const struct ax_roles *roles,
                           const struct ax_claims *claims, struct ax_buf *buf,
                           char ret_etag[AX_LIST_ETAG_LEN + 1])
{
    const struct ax_model_install **items = NULL;
    size_t count = 0;
    struct ax_json_out out;
    enum ax_code code = list_collect(model, roles, claims, &items, &count);

    if (code != AX_OK)
        return code;
    assert(buf->len == 0);
    ax_json_out_init(&out, buf);
    ax_json_begin_object(&out);
    ax_json_key(&out, "extensions");
    ax_json_begin_array(&out);
    for (size_t i = 0; i < count; i++)
        put_install(&out, items[i], roles, claims);
    ax_json_end_array(&out);
    ax_json_end_object(&out);
    free((void *)items);
    if (buf->failed != AX_OK)
        return AX_E_NO_MEMORY;
    list_etag(ax_buf_str(buf), ret_etag);
    return AX_OK;
}

bool ax_list_etag_matches(struct ax_str if_none_match, struct ax_str etag)
{
    struct ax_str rest = if_none_match;
    struct ax_str one;

    while (ax_http_list_next(&rest, &one)) {
        if (ax_str_starts(one, AX_STR("W/")))
            one = ax_str_from(one, 2);
        if (ax_str_eq(one, etag) || ax_str_eq(one, AX_STR("*")))
            return true;
    }
    return false;
}

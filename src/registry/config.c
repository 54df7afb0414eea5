/* SPDX-License-Identifier: Apache-2.0 */
/* config.c - may this value stand in the config of this version? */
#include "registry/config.h"

#include "registry/model_private.h"

#include <stdio.h>

#define CONFIG_KEYS_MAX 256 /* of one change */

static const struct ax_json_value *config_schema(const struct ax_manifest *manifest)
{
    return ax_json_get(ax_manifest_json(manifest), "config");
}

static bool config_fits(const struct ax_json_value *item, const struct ax_json_value *value)
{
    struct ax_str type = ax_json_str(ax_json_get(item, "type"));
    enum ax_json_type found = ax_json_type(value);
    struct ax_json_iter values = ax_json_iter(ax_json_get(item, "values"));

    if (ax_str_eq(type, AX_STR("number")))
        return found == AX_JSON_INT || found == AX_JSON_DOUBLE;
    if (ax_str_eq(type, AX_STR("boolean")))
        return found == AX_JSON_BOOL;
    if (found != AX_JSON_STRING || ax_json_str(value).len > AX_CONFIG_STRING_MAX)
        return false;
    if (ax_str_eq(type, AX_STR("string")))
        return true;
    while (ax_json_next(&values))
        if (ax_str_eq(ax_json_str(values.value), ax_json_str(value)))
            return true;
    return false;
}

/* Keys of a manifest need no escape in a pointer; of strangers' keys we show none. */
static enum ax_code config_misfit(struct ax_model *model, enum ax_code code, struct ax_str key,
                                  const struct ax_json_value *item)
{
    char pointer[AX_MANIFEST_NAME_MAX];
    struct ax_str type = ax_json_str(ax_json_get(item, "type"));

    snprintf(pointer, sizeof(pointer), "/config/%.*s", AX_STR_FMT(key));
    return ax_err_set_at(model->err, code, pointer, "this is no %.*s as the version expects it",
                         AX_STR_FMT(type));
}

static enum ax_code config_store(struct ax_model *model, struct ax_str install_id,
                                 struct ax_str key, const struct ax_json_value *value)
{
    AX_AUTO_BUF struct ax_buf buf = { .max = AX_CONFIG_BYTES_MAX };

    if (ax_json_is_absent(value))
        return ax_db_run(model->db, model->err,
                         "DELETE FROM install_config WHERE install_id = $1 AND key = $2",
                         b_text(install_id), b_text(key));
    if (ax_json_write_value(&buf, value) != AX_OK)
        return ax_err_set(model->err, AX_E_NO_MEMORY, "there is no memory");
    return ax_db_run(model->db, model->err,
                     "INSERT INTO install_config (install_id, key, value_json) "
                     "VALUES ($1, $2, $3) "
                     "ON CONFLICT (install_id, key) DO UPDATE SET value_json = excluded.value_json",
                     b_text(install_id), b_text(key), b_text(ax_buf_str(&buf)));
}

enum ax_code ax_config_set(struct ax_model *model, struct ax_str install_id,
                           const struct ax_manifest *manifest, struct ax_str json)
{
    struct ax_json_limits limits = { .bytes_max = AX_CONFIG_BYTES_MAX,
                                     .keys_max = CONFIG_KEYS_MAX };
    AX_AUTO(ax_json_free) struct ax_json *document = NULL;
    enum ax_code code = AX_OK;
    struct ax_json_iter it;

    if (json.len == 0)
        return AX_OK;
    code = ax_json_parse(json, &limits, &document, model->err);
    if (code != AX_OK)
        return code;
    if (ax_json_type(ax_json_root(document)) != AX_JSON_OBJECT)
        return ax_err_set_at(model->err, AX_E_INVALID_REQUEST, "/config",
                             "an object is expected here");
    it = ax_json_iter(ax_json_root(document));
    while (code == AX_OK && ax_json_next(&it)) {
        const struct ax_json_value *item = ax_json_get_str(config_schema(manifest), it.key);

        if (!item)
            return ax_err_set_at(model->err, AX_E_INVALID_REQUEST, "/config",
                                 "this version has no such key in its config");
        if (!ax_json_is_absent(it.value) && !config_fits(item, it.value))
            return config_misfit(model, AX_E_INVALID_REQUEST, it.key, item);
        code = config_store(model, install_id, it.key, it.value);
    }
    return code;
}

/* The stored value of one key as a document; *ret_document stays NULL when none was set. */
static enum ax_code config_load(struct ax_model *model, struct ax_str install_id, struct ax_str key,
                                struct ax_json **ret_document)
{
    struct ax_json_limits limits = { .bytes_max = AX_CONFIG_BYTES_MAX };
    enum ax_code parsed = AX_OK, code;
    struct ax_rows rows;

    ax_db_select(model->db, &rows,
                 "SELECT value_json FROM install_config WHERE install_id = $1 AND key = $2",
                 b_text(install_id), b_text(key));
    if (ax_rows_next(&rows))
        parsed = ax_json_parse(ax_rows_text(&rows, 0), &limits, ret_document, model->err);
    code = ax_rows_end(&rows, model->err);
    return code == AX_OK ? parsed : code;
}

static enum ax_code config_write_key(struct ax_model *model, struct ax_str install_id,
                                     struct ax_str key, const struct ax_json_value *item,
                                     bool complete, struct ax_json_out *out)
{
    AX_AUTO(ax_json_free) struct ax_json *document = NULL;
    AX_AUTO_BUF struct ax_buf text = { .max = AX_CONFIG_BYTES_MAX };
    const struct ax_json_value *value = ax_json_get(item, "default");
    char pointer[AX_MANIFEST_NAME_MAX];
    enum ax_code code = config_load(model, install_id, key, &document);

    if (code != AX_OK)
        return code;
    if (document) {
        value = ax_json_root(document);
        if (!config_fits(item, value))
            return config_misfit(model, AX_E_CONFLICT, key, item);
    }
    if (!value) {
        snprintf(pointer, sizeof(pointer), "/config/%.*s", AX_STR_FMT(key));
        if (complete && ax_json_bool(ax_json_get(item, "required"), false))
            return ax_err_set_at(model->err, AX_E_CONFLICT, pointer,
                                 "the config needs a value for \"%.*s\"", AX_STR_FMT(key));
        return AX_OK;
    }
    if (ax_json_write_value(&text, value) != AX_OK)
        return ax_err_set(model->err, AX_E_NO_MEMORY, "there is no memory");
    ax_json_key_str(out, key);
    ax_json_put_raw(out, ax_buf_str(&text));
    return AX_OK;
}

enum ax_code ax_config_write(struct ax_model *model, struct ax_str install_id,
                             const struct ax_manifest *manifest, bool complete, struct ax_buf *buf)
{
    struct ax_json_iter it = ax_json_iter(config_schema(manifest));
    enum ax_code code = AX_OK;
    struct ax_json_out out;

    ax_json_out_init(&out, buf);
    ax_json_begin_object(&out);
    while (code == AX_OK && ax_json_next(&it))
        code = config_write_key(model, install_id, it.key, it.value, complete, &out);
    if (code != AX_OK)
        return code;
    ax_json_end_object(&out);
    if (buf->failed == AX_E_TOO_BIG)
        return ax_err_set_at(model->err, AX_E_INVALID_REQUEST, "/config",
                             "the whole config would have more than %zu bytes", buf->max);
    return buf->failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* manifest_rules.c - which keys may a manifest have, and what may stand in each?
 * Read from the bottom: mf_root() is the table of the whole. Features that do not exist yet are
 * checked all the same, so that a manifest that is published today stays valid. */
#include "bundle/archive.h"
#include "bundle/capability.h"
#include "bundle/manifest_internal.h"

#include <string.h>

#define RULES_CONFIG_MAX    64
#define RULES_EVENTS_MAX    64
#define RULES_ROUTES_MAX    64
#define RULES_SCHEDULES_MAX 50
#define RULES_TARGETS_MAX   16
#define RULES_VALUES_MAX    64
#define RULES_WORD_MAX      128
#define RULES_TEXT_MAX      4096

#define KEYS(table) (table), AX_ARRAY_LEN(table)
#define RULE(name)                                                           \
    static enum ax_code name(struct mf *mf __attribute__((unused)),          \
                             const struct mf_at *at __attribute__((unused)), \
                             const struct ax_json_value *value __attribute__((unused)))

RULE(rule_anything)
{
    return AX_OK;
}

RULE(rule_label)
{
    struct ax_str text;

    return mf_text(mf, at, value, 1, RULES_WORD_MAX, &text);
}

RULE(rule_bool)
{
    bool ignored;

    return mf_bool(mf, at, value, &ignored);
}

RULE(rule_file)
{
    struct ax_str path;

    return mf_word(mf, at, value, mf_is_file, "the path of a file of the bundle", &path);
}

RULE(rule_text)
{
    struct ax_str text = ax_json_str(value);

    if (ax_json_type(value) != AX_JSON_STRING || mf_length(text) > RULES_TEXT_MAX)
        return mf_bad(mf, at, "a string of at most %d characters is expected here", RULES_TEXT_MAX);
    if (mf_has_controls(text, true))
        return mf_bad(mf, at, "control characters are not allowed here");
    return AX_OK;
}

/* --- who and what --- */

RULE(rule_schema)
{
    struct ax_str text;

    return mf_text(mf, at, value, 0, AX_ARCHIVE_PATH_MAX, &text);
}

RULE(rule_name)
{
    return mf_word(mf, at, value, mf_is_name,
                   "a reverse domain of two or more segments of a-z 0-9 -, at most 128 bytes",
                   &mf->manifest->name);
}

RULE(rule_publisher)
{
    return mf_text(mf, at, value, 1, RULES_WORD_MAX, &mf->manifest->publisher);
}

RULE(rule_version)
{
    return mf_word(mf, at, value, mf_is_version, "a semantic version such as 1.2.3",
                   &mf->manifest->version);
}

RULE(rule_runtime)
{
    struct ax_manifest *manifest = mf->manifest;
    struct ax_str text = ax_json_str(value);

    if (ax_str_eq(text, AX_STR("core@1")))
        manifest->runtime = AX_RUNTIME_CORE;
    else if (ax_str_eq(text, AX_STR("component@1")) || ax_str_eq(text, AX_STR("wasm-js@1")))
        manifest->runtime = AX_RUNTIME_COMPONENT;
    else
        return mf_bad(mf, at, "expected: core@1, component@1 or wasm-js@1");
    manifest->runtime_name = text;
    return AX_OK;
}

RULE(rule_entry_path)
{
    enum ax_code code = mf_word(mf, at, value, mf_is_entry,
                                "the path of the module (outside ui/), optionally with #name",
                                &mf->manifest->entry);

    if (code == AX_OK)
        mf->manifest->entry = ax_str_sub(mf->manifest->entry, 0,
                                         ax_str_find(mf->manifest->entry, '#'));
    return code;
}

RULE(rule_entry)
{
    static const struct mf_key keys[] = { { "wasm", rule_entry_path, true } };

    if (ax_json_type(value) == AX_JSON_OBJECT)
        return mf_object(mf, at, value, KEYS(keys));
    return rule_entry_path(mf, at, value);
}

/* --- what it asks for --- */

RULE(rule_capability)
{
    struct ax_manifest *manifest = mf->manifest;
    struct ax_str text = ax_json_str(value);
    struct ax_str name;
    unsigned bit = 0;

    if (ax_json_type(value) != AX_JSON_STRING)
        return mf_bad(mf, at, "a string is expected here");
    switch (ax_capability_parse(text, &bit, &name)) {
    case AX_CAPABILITY_UNKNOWN:
        return mf_fault(mf, at, AX_E_UNKNOWN_CAPABILITY, "this capability is not known");
    case AX_CAPABILITY_HOST: return mf_list_add(mf, at, &manifest->host_capabilities, name);
    case AX_CAPABILITY_BUILT_IN: break;
    }
    if (manifest->capabilities & bit)
        return mf_bad(mf, at, "this stands in the list twice");
    manifest->capabilities |= bit;
    return AX_OK;
}

RULE(rule_capabilities)
{
    enum ax_code code = mf_list_init(mf, &mf->manifest->host_capabilities, MF_CAPABILITIES_MAX);

    return code == AX_OK ? mf_array(mf, at, value, MF_CAPABILITIES_MAX, rule_capability) : code;
}

RULE(rule_egress_entry)
{
    struct ax_str entry;
    enum ax_code code = mf_word(mf, at, value, mf_is_egress,
                                "[scheme://]host[:port] in lower case, no address", &entry);

    return code == AX_OK ? mf_list_add(mf, at, &mf->manifest->egress, entry) : code;
}

RULE(rule_egress)
{
    enum ax_code code = mf_list_init(mf, &mf->manifest->egress, MF_EGRESS_MAX);

    mf->manifest->has_egress = true;
    return code == AX_OK ? mf_array(mf, at, value, MF_EGRESS_MAX, rule_egress_entry) : code;
}

RULE(rule_header)
{
    struct ax_str text;
    struct ax_str folded;
    enum ax_code code = mf_word(mf, at, value, mf_is_header,
                                "a request header that an extension may see", &text);

    if (code != AX_OK)
        return code;
    folded = ax_arena_dup(&mf->manifest->arena, text);
    if (!folded.ptr)
        return ax_err_set(mf->err, AX_E_NO_MEMORY, "there is no memory");
    for (size_t i = 0; i < folded.len; i++)
        if (folded.ptr[i] >= 'A' && folded.ptr[i] <= 'Z')
            ((char *)folded.ptr)[i] |= 0x20;
    return mf_list_add(mf, at, &mf->manifest->headers, folded);
}

RULE(rule_headers)
{
    enum ax_code code = mf_list_init(mf, &mf->manifest->headers, MF_HEADERS_MAX);

    return code == AX_OK ? mf_array(mf, at, value, MF_HEADERS_MAX, rule_header) : code;
}

/* --- endpoints --- */

RULE(rule_method)
{
    static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE" };

    for (size_t i = 0; i < AX_ARRAY_LEN(methods); i++)
        if (ax_str_eq(ax_json_str(value), ax_str_of(methods[i]))) {
            mf->endpoint->method = ax_str_of(methods[i]);
            return AX_OK;
        }
    return mf_bad(mf, at, "expected: GET, HEAD, POST, PUT, PATCH or DELETE");
}

RULE(rule_endpoint_path)
{
    return mf_word(mf, at, value, mf_is_endpoint_path,
                   "a path of literal and :param segments, each parameter once",
                   &mf->endpoint->path);
}

RULE(rule_handler)
{
    return mf_word(mf, at, value, mf_is_handler, "1 to 256 printable ASCII characters",
                   &mf->endpoint->handler);
}

RULE(rule_permission)
{
    return mf_word(mf, at, value, mf_is_permission, "a word of A-Z a-z 0-9 . _ -, at most 64 bytes",
                   &mf->endpoint->permission);
}

RULE(rule_endpoint_timeout)
{
    return mf_integer(mf, at, value, 1, 30000, &mf->endpoint->timeout_ms);
}

RULE(rule_schedulable)
{
    return mf_bool(mf, at, value, &mf->endpoint->schedulable);
}

static enum ax_code endpoint_finish(struct mf *mf, const struct mf_at *at)
{
    const struct ax_endpoint *all = mf->manifest->endpoints;
    struct ax_endpoint *endpoint = mf->endpoint;
    bool get = ax_str_eq(endpoint->method, AX_STR("GET"));
    bool reads = get || ax_str_eq(endpoint->method, AX_STR("HEAD"));

    if (!endpoint->permission.ptr)
        endpoint->permission = reads ? AX_STR("read") : AX_STR("write");
    if (endpoint->schedulable && ((!get && !ax_str_eq(endpoint->method, AX_STR("POST"))) ||
                                  ax_str_find(endpoint->path, ':') < endpoint->path.len)) {
        struct mf_at flag = { .up = at, .key = AX_STR_INIT("schedulable") };

        return mf_bad(mf, &flag, "only GET and POST without parameters can be scheduled");
    }
    for (size_t i = 0; i < mf->manifest->endpoint_count; i++)
        if (ax_str_eq(all[i].method, endpoint->method) &&
            mf_same_shape(all[i].path, endpoint->path))
            return mf_bad(mf, at, "endpoint %zu has the same method and shape", i);
    mf->manifest->endpoint_count++;
    return AX_OK;
}

RULE(rule_endpoint)
{
    static const struct mf_key keys[] = {
        { "method", rule_method, true },
        { "path", rule_endpoint_path, true },
        { "handler", rule_handler, true },
        { "permission", rule_permission, false },
        { "timeout_ms", rule_endpoint_timeout, false },
        { "schedulable", rule_schedulable, false },
    };
    enum ax_code code;

    mf->endpoint = &mf->manifest->endpoints[mf->manifest->endpoint_count];
    code = mf_object(mf, at, value, KEYS(keys));
    return code == AX_OK ? endpoint_finish(mf, at) : code;
}

RULE(rule_endpoints)
{
    size_t count = ax_json_count(value);

    if (count <= AX_MANIFEST_ENDPOINTS_MAX) {
        mf->manifest->endpoints = ax_arena_zalloc(&mf->manifest->arena,
                                                  (count + 1) * sizeof(*mf->manifest->endpoints));
        if (!mf->manifest->endpoints)
            return ax_err_set(mf->err, AX_E_NO_MEMORY, "there is no memory");
    }
    return mf_array(mf, at, value, AX_MANIFEST_ENDPOINTS_MAX, rule_endpoint);
}

RULE(rule_api)
{
    static const struct mf_key keys[] = { { "endpoints", rule_endpoints, false } };

    return mf_object(mf, at, value, KEYS(keys));
}

/* --- user interface --- */

RULE(rule_ui_type)
{
    if (!ax_str_eq(ax_json_str(value), AX_STR("iframe")))
        return mf_bad(mf, at, "expected: iframe");
    return AX_OK;
}

RULE(rule_ui_entry)
{
    return mf_word(mf, at, value, mf_is_ui_file, "the path of a file in ui/",
                   &mf->manifest->ui_entry);
}

RULE(rule_ui_file)
{
    struct ax_str path;

    return mf_word(mf, at, value, mf_is_ui_file, "the path of a file in ui/", &path);
}

RULE(rule_hooks)
{
    return ax_json_type(value) == AX_JSON_OBJECT ? AX_OK
                                                 : mf_bad(mf, at, "an object is expected here");
}

RULE(rule_route_path)
{
    struct ax_str path;

    return mf_word(mf, at, value, mf_is_route, "a path that begins with one slash", &path);
}

RULE(rule_route)
{
    static const struct mf_key keys[] = {
        { "path", rule_route_path, true },
        { "iframePath", rule_ui_file, false },
    };

    return mf_object(mf, at, value, KEYS(keys));
}

RULE(rule_routes)
{
    return mf_array(mf, at, value, RULES_ROUTES_MAX, rule_route);
}

RULE(rule_spa)
{
    return mf_bool(mf, at, value, &mf->manifest->ui_spa);
}

RULE(rule_sandbox_word)
{
    static const char *const words[] = { "allow-scripts", "allow-forms", "allow-modals",
                                         "allow-downloads" };

    for (size_t i = 0; i < AX_ARRAY_LEN(words); i++)
        if (ax_str_eq(ax_json_str(value), ax_str_of(words[i])))
            return AX_OK;
    return mf_bad(mf, at, "expected: allow-scripts, allow-forms, allow-modals or allow-downloads");
}

/* Refuses the second of two equal strings. */
static enum ax_code strings_unique(struct mf *mf, const struct mf_at *at,
                                   const struct ax_json_value *array)
{
    struct ax_json_iter it = ax_json_iter(array);

    while (ax_json_next(&it)) {
        struct ax_json_iter before = ax_json_iter(array);

        while (ax_json_next(&before) && before.index < it.index)
            if (ax_str_eq(ax_json_str(before.value), ax_json_str(it.value))) {
                struct mf_at inner = { .up = at, .index = it.index };

                return mf_bad(mf, &inner, "this stands in the list twice");
            }
    }
    return AX_OK;
}

RULE(rule_sandbox)
{
    enum ax_code code = mf_array(mf, at, value, 4, rule_sandbox_word);

    return code == AX_OK ? strings_unique(mf, at, value) : code;
}

RULE(rule_ui)
{
    static const struct mf_key keys[] = {
        { "type", rule_ui_type, false }, { "entry", rule_ui_entry, false },
        { "hooks", rule_hooks, false },  { "routes", rule_routes, false },
        { "spa", rule_spa, false },      { "sandbox", rule_sandbox, false },
    };

    mf->manifest->has_ui = true;
    return mf_object(mf, at, value, KEYS(keys));
}

/* --- events, schedules: kept for later --- */

RULE(rule_topic)
{
    struct ax_str text;

    return mf_word(mf, at, value, mf_is_topic, "a word of A-Z a-z 0-9 . _ : -", &text);
}

RULE(rule_opaque_handler)
{
    struct ax_str text;

    return mf_word(mf, at, value, mf_is_handler, "1 to 256 printable ASCII characters", &text);
}

RULE(rule_event)
{
    static const struct mf_key keys[] = {
        { "topic", rule_topic, true },
        { "handler", rule_opaque_handler, true },
    };

    return mf_object(mf, at, value, KEYS(keys));
}

RULE(rule_events)
{
    return mf_array(mf, at, value, RULES_EVENTS_MAX, rule_event);
}

RULE(rule_schedule_endpoint)
{
    struct ax_str path;

    if (ax_str_find(ax_json_str(value), ':') < ax_json_str(value).len)
        return mf_bad(mf, at, "an endpoint with parameters cannot be scheduled");
    return mf_word(mf, at, value, mf_is_endpoint_path, "the path of an endpoint", &path);
}

RULE(rule_cron)
{
    struct ax_str text;

    return mf_word(mf, at, value, mf_is_cron, "a cron expression of five fields", &text);
}

RULE(rule_timezone)
{
    struct ax_str text;

    return mf_word(mf, at, value, mf_is_timezone, "the name of an IANA time zone", &text);
}

RULE(rule_schedule)
{
    static const struct mf_key keys[] = {
        { "endpoint", rule_schedule_endpoint, true },
        { "cron", rule_cron, true },
        { "timezone", rule_timezone, false },
        { "name", rule_label, false },
        { "enabled", rule_bool, false },
        { "payload", rule_anything, false },
    };

    return mf_object(mf, at, value, KEYS(keys));
}

RULE(rule_schedules)
{
    return mf_array(mf, at, value, RULES_SCHEDULES_MAX, rule_schedule);
}

/* --- config --- */

RULE(rule_config_type)
{
    struct ax_str text = ax_json_str(value);

    if (ax_str_eq(text, AX_STR("string")) || ax_str_eq(text, AX_STR("number")) ||
        ax_str_eq(text, AX_STR("boolean")) || ax_str_eq(text, AX_STR("enum")))
        return AX_OK;
    return mf_bad(mf, at, "expected: string, number, boolean or enum");
}

RULE(rule_config_values)
{
    enum ax_code code = mf_array(mf, at, value, RULES_VALUES_MAX, rule_label);

    if (code == AX_OK && ax_json_count(value) == 0)
        return mf_bad(mf, at, "at least one value is expected here");
    return code == AX_OK ? strings_unique(mf, at, value) : code;
}

static bool config_default_fits(const struct ax_json_value *item)
{
    const struct ax_json_value *fallback = ax_json_get(item, "default");
    struct ax_str type = ax_json_str(ax_json_get(item, "type"));
    enum ax_json_type found = ax_json_type(fallback);
    struct ax_json_iter values = ax_json_iter(ax_json_get(item, "values"));

    if (!fallback)
        return true;
    if (ax_str_eq(type, AX_STR("string")))
        return found == AX_JSON_STRING && mf_length(ax_json_str(fallback)) <= RULES_TEXT_MAX;
    if (ax_str_eq(type, AX_STR("number")))
        return found == AX_JSON_INT || found == AX_JSON_DOUBLE;
    if (ax_str_eq(type, AX_STR("boolean")))
        return found == AX_JSON_BOOL;
    while (found == AX_JSON_STRING && ax_json_next(&values))
        if (ax_str_eq(ax_json_str(values.value), ax_json_str(fallback)))
            return true;
    return false;
}

RULE(rule_config_item)
{
    static const struct mf_key keys[] = {
        { "type", rule_config_type, true },  { "values", rule_config_values, false },
        { "required", rule_bool, false },    { "default", rule_anything, false },
        { "description", rule_text, false },
    };
    enum ax_code code = mf_object(mf, at, value, KEYS(keys));
    bool has_values = ax_json_get(value, "values") != NULL;
    struct mf_at values_at = { .up = at, .key = AX_STR_INIT("values") };
    struct mf_at default_at = { .up = at, .key = AX_STR_INIT("default") };

    if (code != AX_OK)
        return code;
    if (has_values != ax_str_eq(ax_json_str(ax_json_get(value, "type")), AX_STR("enum")))
        return mf_bad(mf, &values_at, "an enum has values, and nothing else has");
    if (!config_default_fits(value))
        return mf_bad(mf, &default_at, "the default is not of the type");
    return AX_OK;
}

RULE(rule_config)
{
    return mf_map(mf, at, value, RULES_CONFIG_MAX, mf_is_config_key, rule_config_item);
}

/* --- limits, instances --- */

RULE(rule_memory)
{
    return mf_integer(mf, at, value, 1, 256, &mf->manifest->limits.memory_mb);
}

RULE(rule_cpu)
{
    return mf_integer(mf, at, value, 1, 10000, &mf->manifest->limits.cpu_ms);
}

RULE(rule_timeout)
{
    return mf_integer(mf, at, value, 1, 30000, &mf->manifest->limits.timeout_ms);
}

RULE(rule_limits)
{
    static const struct mf_key keys[] = {
        { "memory_mb", rule_memory, false },
        { "cpu_ms", rule_cpu, false },
        { "timeout_ms", rule_timeout, false },
    };

    return mf_object(mf, at, value, KEYS(keys));
}

RULE(rule_instances)
{
    static const struct mf_key keys[] = { { "reuse", rule_bool, false } };

    return mf_object(mf, at, value, KEYS(keys));
}

/* --- files --- */

RULE(rule_asset)
{
    struct ax_str pattern;
    enum ax_code code = mf_word(mf, at, value, mf_is_pattern,
                                "a path in which *, ? and ** may stand", &pattern);

    return code == AX_OK ? mf_list_add(mf, at, &mf->manifest->assets, pattern) : code;
}

RULE(rule_assets)
{
    enum ax_code code = mf_list_init(mf, &mf->manifest->assets, MF_ASSETS_MAX);

    return code == AX_OK ? mf_array(mf, at, value, MF_ASSETS_MAX, rule_asset) : code;
}

RULE(rule_precompiled_path)
{
    return ax_archive_path_fault(ax_json_str(value))
               ? mf_bad(mf, at, "expected: a path by the rules of the bundle")
               : AX_OK;
}

RULE(rule_precompiled)
{
    return mf_map(mf, at, value, RULES_TARGETS_MAX, mf_is_target, rule_precompiled_path);
}

RULE(rule_sbom)
{
    return mf_word(mf, at, value, mf_is_file, "the path of a file of the bundle",
                   &mf->manifest->sbom);
}

RULE(rule_homepage)
{
    struct ax_str text;

    return mf_word(mf, at, value, mf_is_url, "an http or https URL of at most 512 bytes", &text);
}

enum ax_code mf_root(struct mf *mf, const struct mf_at *at, const struct ax_json_value *value)
{
    static const struct mf_key keys[] = {
        { "$schema", rule_schema, false },
        { "name", rule_name, true },
        { "publisher", rule_publisher, true },
        { "version", rule_version, true },
        { "runtime", rule_runtime, true },
        { "entry", rule_entry, false },
        { "capabilities", rule_capabilities, false },
        { "egress", rule_egress, false },
        { "headers", rule_headers, false },
        { "api", rule_api, false },
        { "ui", rule_ui, false },
        { "events", rule_events, false },
        { "schedules", rule_schedules, false },
        { "config", rule_config, false },
        { "limits", rule_limits, false },
        { "instances", rule_instances, false },
        { "assets", rule_assets, false },
        { "precompiled", rule_precompiled, false },
        { "sbom", rule_sbom, false },
        { "display_name", rule_label, false },
        { "description", rule_text, false },
        { "homepage", rule_homepage, false },
        { "license", rule_label, false },
        { "icon", rule_file, false },
    };

    return mf_object(mf, at, value, KEYS(keys));
}

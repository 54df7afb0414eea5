/* SPDX-License-Identifier: Apache-2.0 */
/* execute_request.c - what does POST /v1/execute ask for? */
#include "runner/execute_request.h"

#include "base/base64.h"
#include "bundle/capability.h"
#include "bundle/digest.h"
#include "http/header.h"

#include <stdio.h>

struct reading {
    struct ax_execute_request *request;
    struct ax_arena *arena;
    struct ax_err *err;
};

static enum ax_code refuse(const struct reading *in, const char *pointer, const char *words)
{
    return ax_err_set_at(in->err, AX_E_INVALID_REQUEST, pointer, "%s %s", pointer, words);
}

static enum ax_code no_memory(const struct reading *in)
{
    return ax_err_set(in->err, AX_E_NO_MEMORY, "no memory for the request");
}

/* A string member of at most `max` bytes without control bytes; absent leaves *ret empty. */
static enum ax_code read_text(const struct reading *in, const struct ax_json_value *object,
                              const char *key, const char *pointer, size_t max, bool required,
                              struct ax_str *ret)
{
    const struct ax_json_value *value = ax_json_get(object, key);

    if (ax_json_is_absent(value))
        return required ? refuse(in, pointer, "is missing") : AX_OK;
    if (ax_json_type(value) != AX_JSON_STRING)
        return refuse(in, pointer, "is not a string");
    struct ax_str text = ax_json_str(value);
    if (text.len > max)
        return refuse(in, pointer, "is too long");
    if (required && text.len == 0)
        return refuse(in, pointer, "is empty");
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
            return refuse(in, pointer, "has a control character");
    }
    *ret = text;
    return AX_OK;
}

/* An object member as compact JSON text; absent: `fallback`. */
static enum ax_code read_object_text(const struct reading *in, const struct ax_json_value *value,
                                     const char *pointer, struct ax_str fallback,
                                     struct ax_str *ret)
{
    AX_AUTO_BUF struct ax_buf buf = { .max = AX_EXECUTE_BYTES_MAX };

    *ret = fallback;
    if (ax_json_is_absent(value))
        return AX_OK;
    if (ax_json_type(value) != AX_JSON_OBJECT)
        return refuse(in, pointer, "is not an object");
    if (ax_json_count(value) == 0) {
        *ret = AX_STR("{}");
        return AX_OK;
    }
    if (ax_json_write_value(&buf, value) != AX_OK)
        return no_memory(in);
    *ret = ax_arena_dup(in->arena, ax_buf_str(&buf));
    return ret->ptr ? AX_OK : no_memory(in);
}

static enum ax_code read_context(const struct reading *in, const struct ax_json_value *root)
{
    struct ax_exec_message *message = &in->request->message;
    const struct ax_json_value *context = ax_json_get(root, "context");
    const struct {
        const char *key, *pointer;
        bool required;
        struct ax_str *ret;
    } fields[] = {
        { "request_id", "/context/request_id", false, &message->request_id },
        { "tenant_id", "/context/tenant_id", true, &message->tenant_id },
        { "extension_id", "/context/extension_id", true, &message->extension_id },
        { "install_id", "/context/install_id", false, &message->install_id },
        { "version_id", "/context/version_id", false, &message->version_id },
        { "content_hash", "/context/content_hash", true, &message->content_hash },
    };
    enum ax_code code = AX_OK;

    if (ax_json_type(context) != AX_JSON_OBJECT)
        return refuse(in, "/context", "is not an object");
    for (size_t i = 0; code == AX_OK && i < AX_ARRAY_LEN(fields); i++)
        code = read_text(in, context, fields[i].key, fields[i].pointer, AX_EXECUTE_ID_MAX,
                         fields[i].required, fields[i].ret);
    if (code != AX_OK)
        return code;
    if (!ax_digest_parse(message->content_hash, &in->request->hash))
        return refuse(in, "/context/content_hash", "is not sha256:<64 hexadecimal digits>");
    if (message->request_id.len && !ax_http_is_request_id(message->request_id))
        return refuse(in, "/context/request_id", "is not [A-Za-z0-9._-]{1,64}");
    /* One spelling reaches the guest, whatever form the caller chose. */
    char *canonical = ax_arena_alloc(in->arena, AX_DIGEST_TEXT_LEN + 1);
    if (!canonical)
        return no_memory(in);
    ax_digest_print(&in->request->hash, canonical);
    message->content_hash = ax_str_make(canonical, AX_DIGEST_TEXT_LEN);
    const struct ax_json_value *config = ax_json_get(context, "config");
    if (ax_json_is_absent(config))
        config = ax_json_get(root, "config");
    return read_object_text(in, config, "/context/config", AX_STR("{}"), &message->config);
}

static enum ax_code add_pair(const struct reading *in, struct ax_pairs *pairs, struct ax_str name,
                             const struct ax_json_value *value, const char *pointer)
{
    if (ax_json_type(value) != AX_JSON_STRING)
        return refuse(in, pointer, "has a value that is not a string");
    if (pairs->count == AX_EXEC_PAIRS_MAX)
        return refuse(in, pointer, "has more than 1,024 pairs");
    pairs->items[pairs->count++] = (struct ax_pair){ name, ax_json_str(value) };
    return AX_OK;
}

/* Pairs from an object; a list as value gives one pair an element. */
static enum ax_code pairs_from_object(const struct reading *in, const struct ax_json_value *object,
                                      const char *pointer, struct ax_pairs *pairs)
{
    struct ax_json_iter it = ax_json_iter(object);
    enum ax_code code = AX_OK;

    while (code == AX_OK && ax_json_next(&it)) {
        if (ax_json_type(it.value) != AX_JSON_ARRAY) {
            code = add_pair(in, pairs, it.key, it.value, pointer);
            continue;
        }
        struct ax_json_iter list = ax_json_iter(it.value);
        while (code == AX_OK && ax_json_next(&list))
            code = add_pair(in, pairs, it.key, list.value, pointer);
    }
    return code;
}

static enum ax_code pairs_from_array(const struct reading *in, const struct ax_json_value *array,
                                     const char *pointer, struct ax_pairs *pairs)
{
    struct ax_json_iter it = ax_json_iter(array);
    enum ax_code code = AX_OK;

    while (code == AX_OK && ax_json_next(&it)) {
        struct ax_json_iter pair = ax_json_iter(it.value);

        if (ax_json_type(it.value) != AX_JSON_ARRAY || ax_json_count(it.value) != 2)
            return refuse(in, pointer, "has an element that is not a pair");
        (void)ax_json_next(&pair);
        if (ax_json_type(pair.value) != AX_JSON_STRING)
            return refuse(in, pointer, "has a name that is not a string");
        struct ax_str name = ax_json_str(pair.value);
        (void)ax_json_next(&pair);
        code = add_pair(in, pairs, name, pair.value, pointer);
    }
    return code;
}

/* How many pairs the container may give: bounds the allocation. */
static size_t pairs_bound(const struct ax_json_value *container)
{
    struct ax_json_iter it = ax_json_iter(container);
    size_t bound = 0;

    if (ax_json_type(container) == AX_JSON_ARRAY)
        bound = ax_json_count(container);
    else
        while (ax_json_next(&it))
            bound += ax_json_type(it.value) == AX_JSON_ARRAY ? ax_json_count(it.value) : 1;
    return bound < AX_EXEC_PAIRS_MAX ? bound : AX_EXEC_PAIRS_MAX;
}

static enum ax_code read_pairs(const struct reading *in, const struct ax_json_value *value,
                               const char *pointer, bool array_too, struct ax_pairs *pairs)
{
    enum ax_json_type type = ax_json_type(value);

    *pairs = (struct ax_pairs){ NULL, 0 };
    if (ax_json_is_absent(value))
        return AX_OK;
    if (type != AX_JSON_OBJECT && !(array_too && type == AX_JSON_ARRAY))
        return refuse(in, pointer, array_too ? "is not a list of pairs" : "is not an object");
    size_t bound = pairs_bound(value);
    if (bound) {
        pairs->items = ax_arena_alloc(in->arena, bound * sizeof(*pairs->items));
        if (!pairs->items)
            return no_memory(in);
    }
    return type == AX_JSON_OBJECT ? pairs_from_object(in, value, pointer, pairs)
                                  : pairs_from_array(in, value, pointer, pairs);
}

static enum ax_code check_headers(const struct reading *in)
{
    struct ax_exec_message *message = &in->request->message;
    struct ax_str tenant = AX_STR_NONE, extension = AX_STR_NONE;

    for (size_t i = 0; i < message->headers.count; i++) {
        const struct ax_pair *pair = &message->headers.items[i];

        if (!ax_http_is_token(pair->name) || !ax_http_is_value(pair->value))
            return refuse(in, "/http/headers", "has a malformed header");
        if (ax_str_eq_nocase(pair->name, AX_STR("x-alga-tenant")))
            tenant = pair->value;
        if (ax_str_eq_nocase(pair->name, AX_STR("x-alga-extension")))
            extension = pair->value;
        if (ax_str_eq_nocase(pair->name, AX_STR("traceparent")))
            in->request->traceparent = pair->value;
    }
    return ax_execute_request_agrees(in->request, tenant, extension, in->err);
}

static enum ax_code read_body(const struct reading *in, const struct ax_json_value *value)
{
    struct ax_exec_message *message = &in->request->message;
    struct ax_str text = ax_json_str(value);
    size_t len = 0;

    if (ax_json_is_absent(value))
        return AX_OK;
    if (ax_json_type(value) != AX_JSON_STRING)
        return refuse(in, "/http/body_b64", "is not a string");
    if (text.len > ax_base64_encoded_len(AX_EXECUTE_BODY_MAX))
        return ax_err_set_at(in->err, AX_E_PAYLOAD_TOO_LARGE, "/http/body_b64",
                             "the body is larger than 8 MiB");
    char *room = ax_arena_alloc(in->arena, ax_base64_decoded_max(text.len) + 1);
    if (!room)
        return no_memory(in);
    if (!ax_base64_decode_into(room, text, &len))
        return refuse(in, "/http/body_b64", "is not strict base64");
    if (len > AX_EXECUTE_BODY_MAX)
        return ax_err_set_at(in->err, AX_E_PAYLOAD_TOO_LARGE, "/http/body_b64",
                             "the body is larger than 8 MiB");
    message->has_body = true;
    message->body = ax_str_make(room, len);
    return AX_OK;
}

static enum ax_code read_http(const struct reading *in, const struct ax_json_value *root)
{
    struct ax_exec_message *message = &in->request->message;
    const struct ax_json_value *http = ax_json_get(root, "http");
    enum ax_code code;

    if (ax_json_type(http) != AX_JSON_OBJECT)
        return refuse(in, "/http", "is not an object");
    code = read_text(in, http, "method", "/http/method", 16, true, &message->method);
    if (code == AX_OK && !ax_http_is_token(message->method))
        code = refuse(in, "/http/method", "is not a method");
    if (code == AX_OK)
        code = read_text(in, http, "path", "/http/path", 8192, true, &message->path);
    if (code == AX_OK && message->path.ptr[0] != '/')
        code = refuse(in, "/http/path", "does not begin with /");
    if (code == AX_OK)
        code = read_pairs(in, ax_json_get(http, "query"), "/http/query", true, &message->query);
    if (code == AX_OK)
        code = read_pairs(in, ax_json_get(http, "headers"), "/http/headers", false,
                          &message->headers);
    if (code == AX_OK)
        code = check_headers(in);
    if (code == AX_OK)
        code = read_body(in, ax_json_get(http, "body_b64"));
    return code;
}

static enum ax_code read_limit(const struct reading *in, const struct ax_json_value *limits,
                               const char *key, const char *pointer, uint32_t max, uint32_t *ret)
{
    const struct ax_json_value *value = ax_json_get(limits, key);
    uint64_t number = 0;

    if (ax_json_is_absent(value))
        return AX_OK;
    if (!ax_json_u64(value, max, &number))
        return refuse(in, pointer, "is not an integer within its limit");
    if (number) /* 0 asks for the default */
        *ret = (uint32_t)number;
    return AX_OK;
}

static enum ax_code read_limits(const struct reading *in, const struct ax_json_value *root)
{
    const struct ax_json_value *limits = ax_json_get(root, "limits");
    struct ax_execute_request *request = in->request;
    enum ax_code code;

    request->timeout_ms = AX_TIMEOUT_MS_DEFAULT;
    if (ax_json_is_absent(limits))
        return AX_OK;
    if (ax_json_type(limits) != AX_JSON_OBJECT)
        return refuse(in, "/limits", "is not an object");
    if (!ax_json_is_absent(ax_json_get(limits, "fuel")))
        return refuse(in, "/limits/fuel", "is not supported: use cpu_ms");
    code = read_limit(in, limits, "timeout_ms", "/limits/timeout_ms", AX_TIMEOUT_MS_MAX,
                      &request->timeout_ms);
    if (code == AX_OK)
        code = read_limit(in, limits, "cpu_ms", "/limits/cpu_ms", AX_CPU_MS_MAX, &request->cpu_ms);
    if (code == AX_OK)
        code = read_limit(in, limits, "memory_mb", "/limits/memory_mb", AX_MEMORY_MB_MAX,
                          &request->memory_mb);
    return code;
}

static enum ax_code read_providers(const struct reading *in, const struct ax_json_value *root)
{
    const struct ax_json_value *providers = ax_json_get(root, "providers");
    struct ax_json_iter it = ax_json_iter(providers);

    in->request->capabilities = AX_CAP_ALWAYS;
    if (ax_json_is_absent(providers))
        return AX_OK;
    if (ax_json_type(providers) != AX_JSON_ARRAY ||
        ax_json_count(providers) > AX_EXECUTE_PROVIDERS_MAX)
        return refuse(in, "/providers", "is not a list of at most 64 capabilities");
    while (ax_json_next(&it)) {
        unsigned bit = 0;
        struct ax_str name;
        char pointer[32];

        snprintf(pointer, sizeof(pointer), "/providers/%zu", it.index);
        if (ax_json_type(it.value) != AX_JSON_STRING)
            return refuse(in, pointer, "is not a string");
        if (ax_capability_parse(ax_json_str(it.value), &bit, &name) != AX_CAPABILITY_BUILT_IN)
            return ax_err_set_at(in->err, AX_E_UNKNOWN_CAPABILITY, pointer,
                                 "%s is not a known capability", pointer);
        in->request->capabilities |= bit;
    }
    return AX_OK;
}

static enum ax_code read_egress(const struct reading *in, const struct ax_json_value *root)
{
    const struct ax_json_value *egress = ax_json_get(root, "egress");
    struct ax_execute_request *request = in->request;
    struct ax_json_iter it = ax_json_iter(egress);

    if (ax_json_is_absent(egress))
        return AX_OK;
    if (ax_json_type(egress) != AX_JSON_ARRAY || ax_json_count(egress) > AX_EXECUTE_EGRESS_MAX)
        return refuse(in, "/egress", "is not a list of at most 256 hosts");
    if (ax_json_count(egress) == 0)
        return AX_OK;
    request->egress = ax_arena_alloc(in->arena, ax_json_count(egress) * sizeof(struct ax_str));
    if (!request->egress)
        return no_memory(in);
    while (ax_json_next(&it)) {
        if (ax_json_type(it.value) != AX_JSON_STRING)
            return refuse(in, "/egress", "has an element that is not a string");
        request->egress[request->egress_count++] = ax_json_str(it.value);
    }
    return AX_OK;
}

/* `client_name` may come as company_name; the guest sees one name. */
static enum ax_code read_user(const struct reading *in, const struct ax_json_value *root)
{
    const struct ax_json_value *user = ax_json_get(root, "user");
    const struct ax_json_value *company = ax_json_get(user, "company_name");
    struct ax_exec_message *message = &in->request->message;
    AX_AUTO_BUF struct ax_buf buf = { .max = AX_EXECUTE_BYTES_MAX };
    struct ax_json_out out;

    if (ax_json_is_absent(user) || ax_json_is_absent(company) ||
        !ax_json_is_absent(ax_json_get(user, "client_name")))
        return read_object_text(in, user, "/user", AX_STR(""), &message->user);
    ax_json_out_init(&out, &buf);
    ax_json_begin_object(&out);
    struct ax_json_iter it = ax_json_iter(user);
    while (ax_json_next(&it)) {
        AX_AUTO_BUF struct ax_buf value = { .max = AX_EXECUTE_BYTES_MAX };

        if (ax_str_eq(it.key, AX_STR("client_name")))
            continue;
        if (ax_json_write_value(&value, it.value) != AX_OK)
            return no_memory(in);
        if (ax_str_eq(it.key, AX_STR("company_name")))
            ax_json_key(&out, "client_name");
        else
            ax_json_key_str(&out, it.key);
        ax_json_put_raw(&out, ax_buf_str(&value));
    }
    ax_json_end_object(&out);
    if (buf.failed != AX_OK)
        return no_memory(in);
    message->user = ax_arena_dup(in->arena, ax_buf_str(&buf));
    return message->user.ptr ? AX_OK : no_memory(in);
}

static enum ax_code read_members(const struct reading *in, const struct ax_json_value *root)
{
    struct ax_exec_message *message = &in->request->message;
    enum ax_code code = read_context(in, root);

    if (code == AX_OK)
        code = read_http(in, root);
    if (code == AX_OK)
        code = read_limits(in, root);
    if (code == AX_OK)
        code = read_providers(in, root);
    if (code == AX_OK)
        code = read_egress(in, root);
    if (code == AX_OK)
        code = read_text(in, root, "endpoint", "/endpoint", 256, false, &message->endpoint);
    if (code == AX_OK)
        code = read_object_text(in, ax_json_get(root, "params"), "/params", AX_STR("{}"),
                                &message->params);
    if (code == AX_OK)
        code = read_user(in, root);
    return code;
}

enum ax_code ax_execute_request_read(struct ax_str body, struct ax_str fallback_id,
                                     struct ax_arena *arena, struct ax_execute_request *request,
                                     struct ax_err *err)
{
    static const struct ax_json_limits limits = { .bytes_max = AX_EXECUTE_BYTES_MAX,
                                                  .keys_max = 8192 };
    const struct reading in = { request, arena, err };
    enum ax_code code;

    *request = (struct ax_execute_request){ 0 };
    code = ax_json_parse(body, &limits, &request->json, err);
    if (code != AX_OK)
        return code;
    const struct ax_json_value *root = ax_json_root(request->json);
    if (ax_json_type(root) != AX_JSON_OBJECT)
        return ax_err_set(err, AX_E_INVALID_REQUEST, "the body is not a JSON object");
    code = read_members(&in, root);
    if (code != AX_OK || request->message.request_id.len)
        return code;
    request->message.request_id = ax_arena_dup(arena, fallback_id);
    return request->message.request_id.ptr ? AX_OK : no_memory(&in);
}

void ax_execute_request_done(struct ax_execute_request *request)
{
    ax_json_free(request->json);
    *request = (struct ax_execute_request){ 0 };
}

enum ax_code ax_execute_request_agrees(const struct ax_execute_request *request,
                                       struct ax_str tenant, struct ax_str extension,
                                       struct ax_err *err)
{
    if (tenant.ptr && !ax_str_eq(tenant, request->message.tenant_id))
        return ax_err_set(err, AX_E_TENANT_MISMATCH,
                          "x-alga-tenant does not agree with context.tenant_id");
    if (extension.ptr && !ax_str_eq(extension, request->message.extension_id))
        return ax_err_set(err, AX_E_INVALID_REQUEST,
                          "x-alga-extension does not agree with context.extension_id");
    return AX_OK;
}

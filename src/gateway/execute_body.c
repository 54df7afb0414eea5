/* SPDX-License-Identifier: Apache-2.0 */
/* execute_body.c - how is a runner asked? */
#include "gateway/execute_body.h"

#include "base/base64.h"
#include "base/json.h"
#include "bundle/capability.h"

#include <assert.h>

/* What stands around body, headers and texts whose length is known; only a first guess. */
#define CALL_FRAME_BYTES 2048

uint32_t ax_call_timeout_ms(const struct ax_model_install *install,
                            const struct ax_endpoint *endpoint, uint64_t left_ms)
{
    uint32_t asked = endpoint->timeout_ms;

    if (left_ms <= AX_CALL_MARGIN_MS)
        return 0;
    if (!asked)
        asked = ax_manifest_limits(install->version->manifest)->timeout_ms;
    if (!asked)
        asked = AX_CALL_TIMEOUT_MS;
    if (asked > AX_CALL_TIMEOUT_MOST)
        asked = AX_CALL_TIMEOUT_MOST;
    left_ms -= AX_CALL_MARGIN_MS;
    return left_ms < asked ? (uint32_t)left_ms : asked;
}

/* Granted and asked for by the manifest; the always granted need no word. */
static unsigned call_capabilities(const struct ax_model_install *install)
{
    return install->capabilities & ax_manifest_capabilities(install->version->manifest) &
           ~AX_CAP_ALWAYS;
}

/* Takes the next granted one of the host's off `rest` that the manifest asks for. */
static bool call_next_host(const struct ax_manifest *manifest, struct ax_str *rest,
                           struct ax_str *ret_name)
{
    while (rest->len > 0) {
        *ret_name = ax_str_cut(rest, ',');
        for (size_t i = 0; i < ax_manifest_host_capability_count(manifest); i++)
            if (ax_str_eq(ax_manifest_host_capability(manifest, i), *ret_name))
                return true;
    }
    return false;
}

bool ax_call_needs_token(const struct ax_model_install *install)
{
    static const unsigned stateless = AX_CAP_HTTP_FETCH;
    struct ax_str rest = install->host_grants;
    struct ax_str name;

    return (call_capabilities(install) & ~stateless) != 0 ||
           call_next_host(install->version->manifest, &rest, &name);
}

static void put_text(struct ax_json_out *out, const char *key, struct ax_str value)
{
    ax_json_key(out, key);
    ax_json_put_str(out, value);
}

static void put_text_if(struct ax_json_out *out, const char *key, struct ax_str value)
{
    if (value.len > 0)
        put_text(out, key, value);
}

static void put_context(struct ax_json_out *out, const struct ax_call_request *call)
{
    const struct ax_model_install *install = call->install;
    char hash[AX_DIGEST_TEXT_LEN + 1];

    ax_digest_print(&install->version->hash, hash);
    ax_json_key(out, "context");
    ax_json_begin_object(out);
    put_text(out, "request_id", call->request_id);
    put_text(out, "tenant_id", install->tenant);
    put_text(out, "extension_id", install->extension->id);
    put_text(out, "install_id", install->id);
    put_text(out, "version_id", install->version->id);
    put_text(out, "content_hash", ax_str_make(hash, AX_DIGEST_TEXT_LEN));
    ax_json_key(out, "config");
    ax_json_put_raw(out, install->config);
    ax_json_end_object(out);
}

static enum ax_code put_query(struct ax_json_out *out, const struct ax_call_request *call,
                              struct ax_err *err)
{
    struct ax_str rest = call->query;
    struct ax_str key, value;
    size_t pairs = 0;

    ax_json_key(out, "query");
    ax_json_begin_array(out);
    while (ax_query_next(&rest, &key, &value)) {
        enum ax_code code = ax_query_decode(key, call->arena, &key, err);

        if (code == AX_OK)
            code = ax_query_decode(value, call->arena, &value, err);
        if (code == AX_OK && ++pairs > AX_CALL_PAIRS_MAX)
            code = ax_err_set(err, AX_E_INVALID_REQUEST, "the query has more than %d pairs",
                              AX_CALL_PAIRS_MAX);
        if (code != AX_OK)
            return code;
        ax_json_begin_array(out);
        ax_json_put_str(out, key);
        ax_json_put_str(out, value);
        ax_json_end_array(out);
    }
    ax_json_end_array(out);
    return AX_OK;
}

/* Is there another of this name before `index`? */
static bool header_came(const struct ax_pass_headers *headers, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (ax_str_eq_nocase(headers->items[i].name, headers->items[index].name))
            return true;
    return false;
}

/* A name that comes more than once has a list of its values. */
static void put_headers(struct ax_json_out *out, const struct ax_pass_headers *headers)
{
    ax_json_key(out, "headers");
    ax_json_begin_object(out);
    for (size_t i = 0; i < headers->count; i++) {
        struct ax_str name = headers->items[i].name;
        bool again = false;

        if (header_came(headers, i))
            continue;
        for (size_t k = i + 1; k < headers->count; k++)
            again = again || ax_str_eq_nocase(headers->items[k].name, name);
        ax_json_key_str(out, name);
        if (again)
            ax_json_begin_array(out);
        for (size_t k = i; k < headers->count; k++)
            if (ax_str_eq_nocase(headers->items[k].name, name))
                ax_json_put_str(out, headers->items[k].value);
        if (again)
            ax_json_end_array(out);
    }
    ax_json_end_object(out);
}

static enum ax_code put_http(struct ax_json_out *out, const struct ax_call_request *call,
                             struct ax_err *err)
{
    enum ax_code code;

    ax_json_key(out, "http");
    ax_json_begin_object(out);
    put_text(out, "method", call->match->endpoint->method);
    put_text(out, "path", call->path->canonical);
    code = put_query(out, call, err);
    if (code != AX_OK)
        return code;
    put_headers(out, call->headers);
    if (call->has_body) {
        ax_json_key(out, "body_b64");
        ax_json_put_base64(out, call->body);
    }
    ax_json_end_object(out);
    return AX_OK;
}

static void put_grants(struct ax_json_out *out, const struct ax_model_install *install)
{
    unsigned capabilities = call_capabilities(install);
    struct ax_str rest = install->host_grants;
    struct ax_str name;

    ax_json_key(out, "providers");
    ax_json_begin_array(out);
    for (unsigned bit = 1; bit <= capabilities; bit <<= 1)
        if (capabilities & bit)
            ax_json_put_str(out, ax_str_of(ax_capability_name(bit)));
    while (call_next_host(install->version->manifest, &rest, &name))
        ax_json_put_str(out, name);
    ax_json_end_array(out);
    ax_json_key(out, "egress");
    ax_json_put_raw(out, install->egress);
}

static void put_user(struct ax_json_out *out, const struct ax_claims *claims)
{
    ax_json_key(out, "user");
    ax_json_begin_object(out);
    put_text(out, "user_id", claims->subject);
    put_text_if(out, "user_email", claims->email);
    put_text_if(out, "user_name", claims->name);
    put_text_if(out, "user_type", claims->user_type);
    put_text_if(out, "client_name", claims->client_name);
    put_text_if(out, "client_id", claims->client_id);
    ax_json_key(out, "additional_fields");
    ax_json_begin_object(out);
    for (size_t i = 0; i < claims->extra_count; i++) {
        ax_json_key_str(out, claims->extras[i].name);
        ax_json_put_str(out, claims->extras[i].value);
    }
    ax_json_end_object(out);
    ax_json_end_object(out);
}

static void put_rest(struct ax_json_out *out, const struct ax_call_request *call,
                     uint32_t timeout_ms)
{
    const struct ax_endpoint_match *match = call->match;

    ax_json_key(out, "limits");
    ax_json_begin_object(out);
    ax_json_key(out, "timeout_ms");
    ax_json_put_u64(out, timeout_ms);
    ax_json_end_object(out);
    put_grants(out, call->install);
    put_text(out, "endpoint", match->endpoint->handler);
    ax_json_key(out, "params");
    ax_json_begin_object(out);
    for (size_t i = 0; i < match->param_count; i++) {
        ax_json_key_str(out, match->params[i].name);
        ax_json_put_str(out, match->params[i].value);
    }
    ax_json_end_object(out);
    if (call->claims)
        put_user(out, call->claims);
    if (call->host_token.len > 0) {
        ax_json_key(out, "host");
        ax_json_begin_object(out);
        put_text(out, "token", call->host_token);
        ax_json_end_object(out);
    }
}

enum ax_code ax_call_build(const struct ax_call_request *call, struct ax_buf *buf,
                           struct ax_err *err)
{
    uint32_t timeout_ms = ax_call_timeout_ms(call->install, call->match->endpoint, call->left_ms);
    struct ax_json_out out;
    enum ax_code code;
    char *room;

    if (timeout_ms == 0)
        return ax_err_set(err, AX_E_DEADLINE_EXCEEDED, "no time is left for the extension");
    if (call->body.len > AX_CALL_BODY_MAX)
        return ax_err_set(err, AX_E_PAYLOAD_TOO_LARGE, "the body is larger than 8 MiB");
    assert(buf->len == 0 && buf->max == AX_CALL_BYTES_MAX);
    code = ax_buf_reserve(buf,
                          ax_base64_encoded_len(call->body.len) + call->install->config.len +
                              call->install->egress.len + call->query.len + CALL_FRAME_BYTES,
                          &room);
    if (code != AX_OK)
        return ax_err_set(err, code, "no memory for the request");
    ax_json_out_init(&out, buf);
    ax_json_begin_object(&out);
    put_context(&out, call);
    code = put_http(&out, call, err);
    if (code != AX_OK)
        return code;
    put_rest(&out, call, timeout_ms);
    ax_json_end_object(&out);
    if (buf->failed == AX_E_TOO_BIG)
        return ax_err_set(err, AX_E_PAYLOAD_TOO_LARGE, "the request is too large");
    return buf->failed == AX_OK ? AX_OK : ax_err_set(err, buf->failed, "no memory for the request");
}

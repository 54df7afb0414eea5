/* SPDX-License-Identifier: Apache-2.0 */
/* pass.c - which headers go through, which are made here? */
#include "gateway/pass.h"

#include <assert.h>

static bool pass_is_listed(struct ax_str name, const struct ax_str *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ax_str_eq_nocase(name, names[i]))
            return true;
    return false;
}

static bool pass_is_visible(struct ax_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~')
            return false;
    return text.len > 0;
}

static void pass_add(struct ax_pass_headers *headers, struct ax_str name, struct ax_str value)
{
    assert(headers->count < AX_ARRAY_LEN(headers->items));
    headers->items[headers->count++] = (struct ax_http_header){ name, value };
}

static bool pass_has(const struct ax_pass_headers *headers, struct ax_str name)
{
    for (size_t i = 0; i < headers->count; i++)
        if (ax_str_eq_nocase(headers->items[i].name, name))
            return true;
    return false;
}

enum ax_code ax_pass_idempotency_key(const struct ax_http_header *headers, size_t count,
                                     struct ax_str *ret_key, struct ax_err *err)
{
    static const struct ax_str names[] = { AX_STR_INIT("idempotency-key"),
                                           AX_STR_INIT("x-idempotency-key") };
    struct ax_str key = AX_STR_NONE;

    for (size_t i = 0; i < count; i++) {
        struct ax_str value = headers[i].value;

        if (!pass_is_listed(headers[i].name, names, AX_ARRAY_LEN(names)))
            continue;
        if (!pass_is_visible(value) || value.len > AX_IDEMPOTENCY_KEY_MAX)
            return ax_err_set(err, AX_E_INVALID_REQUEST,
                              "an idempotency key is 1 to %d visible ASCII characters",
                              AX_IDEMPOTENCY_KEY_MAX);
        if (key.ptr && !ax_str_eq(key, value))
            return ax_err_set(err, AX_E_INVALID_REQUEST,
                              "there are two different idempotency keys");
        key = value;
    }
    *ret_key = key;
    return AX_OK;
}

/* --- to the guest --- */

static bool request_passes(struct ax_str name, const struct ax_manifest *manifest)
{
    static const struct ax_str listed[] = {
        AX_STR_INIT("accept"),      AX_STR_INIT("accept-language"), AX_STR_INIT("content-type"),
        AX_STR_INIT("if-match"),    AX_STR_INIT("if-none-match"),   AX_STR_INIT("user-agent"),
        AX_STR_INIT("traceparent"),
    };
    /* whatever a manifest says: the validator refuses these, and so do we */
    static const struct ax_str never[] = {
        AX_STR_INIT("authorization"),
        AX_STR_INIT("cookie"),
        AX_STR_INIT("x-api-key"),
        AX_STR_INIT("x-request-id"),
        AX_STR_INIT("x-alga-tenant"),
        AX_STR_INIT("x-alga-extension"),
        AX_STR_INIT("x-alga-endpoint"),
        AX_STR_INIT("x-alga-params"),
        AX_STR_INIT("idempotency-key"),
        AX_STR_INIT("x-idempotency-key"),
        AX_STR_INIT("x-runner-service-token"),
    };

    if (pass_is_listed(name, listed, AX_ARRAY_LEN(listed)))
        return true;
    if (pass_is_listed(name, never, AX_ARRAY_LEN(never)) || ax_http_is_framing(name))
        return false;
    for (size_t i = 0; i < ax_manifest_header_count(manifest); i++)
        if (ax_str_eq_nocase(name, ax_manifest_header(manifest, i)))
            return true;
    return false;
}

enum ax_code ax_pass_request(const struct ax_http_header *headers, size_t count,
                             const struct ax_manifest *manifest, const struct ax_pass_made *made,
                             struct ax_pass_headers *ret_headers, struct ax_err *err)
{
    size_t bytes = 0;

    ret_headers->count = 0;
    for (size_t i = 0; i < count; i++) {
        struct ax_http_header header = headers[i];

        if (!request_passes(header.name, manifest))
            continue;
        if (!ax_http_is_token(header.name) || !ax_http_is_value(header.value))
            return ax_err_set(err, AX_E_INVALID_REQUEST, "a header is malformed");
        bytes += header.name.len + header.value.len;
        if (ret_headers->count == AX_PASS_HEADERS_MAX || bytes > AX_PASS_BYTES_MAX)
            return ax_err_set(err, AX_E_INVALID_REQUEST, "there are too many headers");
        pass_add(ret_headers, header.name, header.value);
    }
    pass_add(ret_headers, AX_STR("x-request-id"), made->request_id);
    pass_add(ret_headers, AX_STR("x-alga-tenant"), made->tenant);
    pass_add(ret_headers, AX_STR("x-alga-extension"), made->extension);
    if (made->idempotency_key.ptr)
        pass_add(ret_headers, AX_STR("x-idempotency-key"), made->idempotency_key);
    return AX_OK;
}

/* --- to the caller --- */

static bool location_names_extension(struct ax_str id, const struct ax_pass_answer *answer)
{
    const struct ax_model_extension *extension = answer->install->extension;
    size_t publisher = extension->publisher.len;

    return ax_str_eq_nocase(id, answer->spelled) || ax_str_eq_nocase(id, answer->install->id) ||
           ax_str_eq_nocase(id, extension->id) || ax_str_eq_nocase(id, extension->name) ||
           (id.len == publisher + 1 + extension->name.len && id.ptr[publisher] == '.' &&
            ax_str_eq_nocase(ax_str_sub(id, 0, publisher), extension->publisher) &&
            ax_str_eq_nocase(ax_str_from(id, publisher + 1), extension->name));
}

bool ax_pass_location_is_own(struct ax_str location, const struct ax_pass_answer *answer)
{
    struct ax_str rest = location;
    struct ax_ext_path path;
    struct ax_arena arena;
    bool own;

    if (!pass_is_visible(location) || location.len > AX_EXT_PATH_MAX)
        return false;
    for (size_t i = 0; i < location.len; i++)
        if (location.ptr[i] == '\\')
            return false;
    rest = ax_str_cut(&rest, '#');
    rest = ax_str_cut(&rest, '?');
    ax_arena_init(&arena, 8 * AX_EXT_PATH_MAX);
    own = ax_ext_path_parse(rest, &arena, &path, NULL) == AX_OK && path.extension.len > 0 &&
          location_names_extension(path.extension, answer);
    ax_arena_done(&arena);
    return own;
}

static bool disposition_is_attachment(struct ax_str value)
{
    struct ax_str type = ax_str_trim(ax_str_cut(&value, ';'));

    return ax_str_eq_nocase(type, AX_STR("attachment"));
}

enum pass_kind { PASS_NOT, PASS_ONCE, PASS_EACH };

static enum pass_kind response_kind(struct ax_str name)
{
    static const struct ax_str once[] = {
        AX_STR_INIT("content-type"),        AX_STR_INIT("etag"),
        AX_STR_INIT("last-modified"),       AX_STR_INIT("retry-after"),
        AX_STR_INIT("content-disposition"), AX_STR_INIT("location"),
    };
    static const struct ax_str each[] = { AX_STR_INIT("content-language"),
                                          AX_STR_INIT("cache-control") };
    static const struct ax_str own = AX_STR_INIT("x-ext-");

    if (pass_is_listed(name, once, AX_ARRAY_LEN(once)))
        return PASS_ONCE;
    if (pass_is_listed(name, each, AX_ARRAY_LEN(each)))
        return PASS_EACH;
    if (name.len > own.len && ax_str_eq_nocase(ax_str_sub(name, 0, own.len), own) &&
        !ax_str_eq_nocase(name, AX_STR("x-ext-version")))
        return PASS_EACH;
    return PASS_NOT;
}

static bool response_passes(const struct ax_http_header *header,
                            const struct ax_pass_answer *answer,
                            const struct ax_pass_headers *so_far)
{
    enum pass_kind kind = response_kind(header->name);

    if (kind == PASS_NOT || (kind == PASS_ONCE && pass_has(so_far, header->name)) ||
        !ax_http_is_token(header->name) || !ax_http_is_value(header->value))
        return false;
    if (ax_str_eq_nocase(header->name, AX_STR("location")))
        return ax_pass_location_is_own(header->value, answer);
    if (ax_str_eq_nocase(header->name, AX_STR("content-disposition")))
        return disposition_is_attachment(header->value);
    return true;
}

static void response_add_own(struct ax_pass_headers *headers, struct ax_str request_id,
                             struct ax_str version)
{
    if (!pass_has(headers, AX_STR("cache-control")))
        pass_add(headers, AX_STR("cache-control"), AX_STR("no-store"));
    pass_add(headers, AX_STR("x-content-type-options"), AX_STR("nosniff"));
    pass_add(headers, AX_STR("content-security-policy"), AX_STR("sandbox"));
    pass_add(headers, AX_STR("x-request-id"), request_id);
    if (version.ptr)
        pass_add(headers, AX_STR("x-ext-version"), version);
}

void ax_pass_response(const struct ax_http_header *headers, size_t count,
                      const struct ax_pass_answer *answer, struct ax_pass_headers *ret_headers)
{
    ret_headers->count = 0;
    for (size_t i = 0; i < count && ret_headers->count < AX_PASS_HEADERS_MAX; i++)
        if (response_passes(&headers[i], answer, ret_headers))
            pass_add(ret_headers, headers[i].name, headers[i].value);
    response_add_own(ret_headers, answer->request_id, answer->version);
}

void ax_pass_failure(enum ax_code code, struct ax_str request_id, struct ax_str version,
                     struct ax_pass_headers *ret_headers)
{
    ret_headers->count = 0;
    response_add_own(ret_headers, request_id, version);
    pass_add(ret_headers, AX_STR("content-type"), AX_STR("application/json"));
    pass_add(ret_headers, AX_STR("x-annex-error"), ax_str_of(ax_code_info(code)->name));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* endpoint.c - which endpoint of an extension answers this method and path? */
#include "gateway/endpoint.h"

#include <assert.h>

struct endpoint_row {
    const struct ax_endpoint *endpoint;
    const struct ax_str *segments; /* parameters without their ':' */
    uint32_t literals;             /* from the highest bit: the segment is a literal */
    uint8_t count;
    uint8_t method; /* enum ax_method */
};

struct ax_endpoints {
    struct endpoint_row *rows;
    size_t count;
    struct ax_str *segments;
    struct ax_str *permissions;
    size_t permission_count;
};

static uint32_t endpoint_bit(size_t segment)
{
    return UINT32_C(1) << (31 - segment);
}

static uint8_t endpoint_method(struct ax_str text)
{
    static const struct ax_str names[] = {
        [AX_METHOD_GET] = AX_STR_INIT("GET"),     [AX_METHOD_HEAD] = AX_STR_INIT("HEAD"),
        [AX_METHOD_POST] = AX_STR_INIT("POST"),   [AX_METHOD_PUT] = AX_STR_INIT("PUT"),
        [AX_METHOD_PATCH] = AX_STR_INIT("PATCH"), [AX_METHOD_DELETE] = AX_STR_INIT("DELETE"),
    };
    uint8_t method = 0;

    while (method < AX_ARRAY_LEN(names) && !ax_str_eq(names[method], text))
        method++;
    assert(method < AX_ARRAY_LEN(names)); /* the manifest's validator knows the same six */
    return method;
}

static size_t endpoint_segments(struct ax_str path)
{
    size_t count = 0;

    if (path.len == 1)
        return 0;
    for (size_t i = 0; i < path.len; i++)
        count += path.ptr[i] == '/';
    return count;
}

/* Fills a row; returns the first segment that is still free. */
static struct ax_str *endpoint_split(struct endpoint_row *row, const struct ax_endpoint *endpoint,
                                     struct ax_str *segments)
{
    struct ax_str rest = ax_str_from(endpoint->path, 1);

    *row = (struct endpoint_row){ .endpoint = endpoint,
                                  .segments = segments,
                                  .method = endpoint_method(endpoint->method) };
    while (rest.len > 0) {
        struct ax_str segment = ax_str_cut(&rest, '/');

        assert(row->count < AX_ENDPOINT_SEGMENTS_MAX);
        if (segment.ptr[0] == ':')
            segment = ax_str_from(segment, 1);
        else
            row->literals |= endpoint_bit(row->count);
        segments[row->count++] = segment;
    }
    return segments + row->count;
}

static void endpoint_add_permission(struct ax_endpoints *endpoints, struct ax_str permission)
{
    for (size_t i = 0; i < endpoints->permission_count; i++)
        if (ax_str_eq(endpoints->permissions[i], permission))
            return;
    endpoints->permissions[endpoints->permission_count++] = permission;
}

struct ax_endpoints *ax_endpoints_compile(const struct ax_manifest *manifest)
{
    AX_AUTO(ax_endpoints_free) struct ax_endpoints *endpoints = NULL;
    size_t count = ax_manifest_endpoint_count(manifest);
    struct ax_str *segments;
    size_t total = 0;

    for (size_t i = 0; i < count; i++)
        total += endpoint_segments(ax_manifest_endpoint(manifest, i)->path);
    endpoints = ax_try_alloc(sizeof(*endpoints));
    if (!endpoints)
        return NULL;
    *endpoints = (struct ax_endpoints){ .count = count };
    endpoints->rows = ax_try_alloc(count * sizeof(*endpoints->rows));
    endpoints->segments = segments = ax_try_alloc(total * sizeof(*segments));
    endpoints->permissions = ax_try_alloc((count + 1) * sizeof(*endpoints->permissions));
    if (!endpoints->rows || !segments || !endpoints->permissions)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const struct ax_endpoint *endpoint = ax_manifest_endpoint(manifest, i);

        segments = endpoint_split(&endpoints->rows[i], endpoint, segments);
        endpoint_add_permission(endpoints, endpoint->permission);
    }
    if (ax_manifest_has_ui(manifest))
        endpoint_add_permission(endpoints, AX_STR("read"));
    return AX_TAKE(endpoints);
}

void ax_endpoints_free(struct ax_endpoints *endpoints)
{
    if (!endpoints)
        return;
    free(endpoints->rows);
    free(endpoints->segments);
    free(endpoints->permissions);
    free(endpoints);
}

static bool endpoint_fits(const struct endpoint_row *row, const struct ax_ext_path *path)
{
    if (row->count != path->count)
        return false;
    for (size_t i = 0; i < row->count; i++)
        if ((row->literals & endpoint_bit(i)) && !ax_str_eq(row->segments[i], path->segments[i]))
            return false;
    return true;
}

static bool endpoint_serves(const struct endpoint_row *row, enum ax_method method)
{
    return row->method == method || (method == AX_METHOD_HEAD && row->method == AX_METHOD_GET);
}

/* Both serve the method. Of two that are equally exact the one is HEAD's own, the other GET's. */
static bool endpoint_beats(const struct endpoint_row *row, const struct endpoint_row *best,
                           enum ax_method method)
{
    if (!best || row->literals != best->literals)
        return !best || row->literals > best->literals;
    return row->method == method;
}

enum ax_code ax_endpoints_match(const struct ax_endpoints *endpoints, enum ax_method method,
                                const struct ax_ext_path *path, struct ax_endpoint_match *ret_match)
{
    const struct endpoint_row *best = NULL;

    *ret_match = (struct ax_endpoint_match){ .endpoint = NULL };
    for (size_t i = 0; i < endpoints->count && !path->nowhere; i++) {
        const struct endpoint_row *row = &endpoints->rows[i];

        if (!endpoint_fits(row, path))
            continue;
        ret_match->allowed |= 1u << row->method;
        if (row->method == AX_METHOD_GET)
            ret_match->allowed |= 1u << AX_METHOD_HEAD;
        if (endpoint_serves(row, method) && endpoint_beats(row, best, method))
            best = row;
    }
    if (!best)
        return ret_match->allowed ? AX_E_METHOD_NOT_ALLOWED : AX_E_ENDPOINT_NOT_FOUND;
    ret_match->endpoint = best->endpoint;
    for (size_t i = 0; i < best->count; i++)
        if (!(best->literals & endpoint_bit(i)))
            ret_match->params[ret_match->param_count++] = (struct ax_endpoint_param){
                best->segments[i], path->segments[i]
            };
    return AX_OK;
}

size_t ax_endpoints_permission_count(const struct ax_endpoints *endpoints)
{
    return endpoints->permission_count;
}

struct ax_str ax_endpoints_permission(const struct ax_endpoints *endpoints, size_t index)
{
    assert(index < endpoints->permission_count);
    return endpoints->permissions[index];
}

/* SPDX-License-Identifier: Apache-2.0 */
/* manifest_fuzz.c - is an accepted manifest within its limits, and accepted again as it is read? */
#include "bundle/archive.h"
#include "bundle/manifest.h"

#include "fuzz.h"

static void check_endpoints(const struct ax_manifest *manifest)
{
    FUZZ_HOLDS(ax_manifest_endpoint_count(manifest) <= AX_MANIFEST_ENDPOINTS_MAX);
    for (size_t i = 0; i < ax_manifest_endpoint_count(manifest); i++) {
        const struct ax_endpoint *endpoint = ax_manifest_endpoint(manifest, i);

        FUZZ_HOLDS(endpoint->method.len > 0 && endpoint->permission.len > 0);
        FUZZ_HOLDS(endpoint->path.len > 0 && endpoint->path.ptr[0] == '/');
        FUZZ_HOLDS(endpoint->handler.len > 0 && endpoint->timeout_ms <= 30000);
        for (size_t j = 0; j < i; j++) {
            const struct ax_endpoint *other = ax_manifest_endpoint(manifest, j);

            FUZZ_HOLDS(!ax_str_eq(endpoint->method, other->method) ||
                       !ax_str_eq(endpoint->path, other->path));
        }
    }
}

static void check_manifest(const struct ax_manifest *manifest)
{
    const struct ax_manifest_limits *limits = ax_manifest_limits(manifest);
    struct ax_str entry = ax_manifest_entry(manifest);

    FUZZ_HOLDS(ax_manifest_name(manifest).len <= AX_MANIFEST_NAME_MAX);
    FUZZ_HOLDS(ax_str_find(ax_manifest_name(manifest), '.') < ax_manifest_name(manifest).len);
    FUZZ_HOLDS(ax_manifest_version(manifest).len <= AX_MANIFEST_VERSION_MAX);
    FUZZ_HOLDS(entry.len == 0 || !ax_archive_path_fault(entry));
    FUZZ_HOLDS(!ax_archive_path_fault(ax_manifest_ui_entry(manifest)));
    FUZZ_HOLDS(ax_str_starts(ax_manifest_ui_entry(manifest), AX_STR("ui/")));
    FUZZ_HOLDS(limits->memory_mb <= 256 && limits->cpu_ms <= 10000 && limits->timeout_ms <= 30000);
    for (size_t i = 0; i < ax_manifest_asset_count(manifest); i++) /* a pattern as a path: ends */
        (void)ax_manifest_is_asset(manifest, ax_manifest_asset(manifest, i));
    check_endpoints(manifest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AX_AUTO(ax_manifest_free) struct ax_manifest *manifest = NULL;
    AX_AUTO(ax_manifest_free) struct ax_manifest *again = NULL;
    AX_AUTO_BUF struct ax_buf text = { .max = 8 * AX_MANIFEST_BYTES_MAX };
    struct ax_err err = { .code = AX_OK };
    enum ax_code code = ax_manifest_parse(ax_str_make(data, size), &manifest, &err);

    FUZZ_HOLDS((code == AX_OK) == (manifest != NULL));
    FUZZ_HOLDS(code == AX_OK || code == err.code);
    if (code != AX_OK)
        return 0;
    check_manifest(manifest);
    FUZZ_HOLDS(ax_json_write_value(&text, ax_manifest_json(manifest)) == AX_OK);
    if (text.len > AX_MANIFEST_BYTES_MAX)
        return 0; /* escapes can make it longer than what was read */
    FUZZ_HOLDS(ax_manifest_parse(ax_buf_str(&text), &again, NULL) == AX_OK);
    FUZZ_HOLDS(ax_str_eq(ax_manifest_name(manifest), ax_manifest_name(again)));
    FUZZ_HOLDS(ax_manifest_capabilities(manifest) == ax_manifest_capabilities(again));
    FUZZ_HOLDS(ax_manifest_endpoint_count(manifest) == ax_manifest_endpoint_count(again));
    return 0;
}

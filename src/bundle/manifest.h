/* SPDX-License-Identifier: Apache-2.0 */
/* manifest.h - what does an extension say about itself?
 *
 * The one validator of manifest.json (version 2; api/manifest.schema.json says the same to
 * editors). Lists are closed: an unknown key, a duplicate, a wrong type or range is refused, and
 * `err` points at the culprit. Strings are borrowed from the manifest. Objects are immutable: any
 * thread may read them. */
#ifndef AX_BUNDLE_MANIFEST_H
#define AX_BUNDLE_MANIFEST_H

#include "base/alloc.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define AX_MANIFEST_BYTES_MAX     (64u << 10)
#define AX_MANIFEST_NAME_MAX      128
#define AX_MANIFEST_VERSION_MAX   64
#define AX_MANIFEST_ENDPOINTS_MAX 256

enum ax_runtime {
    AX_RUNTIME_CORE,      /* core@1 */
    AX_RUNTIME_COMPONENT, /* component@1, wasm-js@1 */
};

struct ax_endpoint {
    struct ax_str method;     /* GET HEAD POST PUT PATCH DELETE */
    struct ax_str path;       /* "/greet/:name" */
    struct ax_str handler;    /* opaque */
    struct ax_str permission; /* as written, or the default of its method */
    uint32_t timeout_ms;      /* 0: not said */
    bool schedulable;
};

/* 0 where the manifest says nothing: the default of the runtime applies. */
struct ax_manifest_limits {
    uint32_t memory_mb;  /* 1..256 */
    uint32_t cpu_ms;     /* 1..10,000 */
    uint32_t timeout_ms; /* 1..30,000 */
};

struct ax_manifest;

/* Reads and checks a manifest.
 *
 * `json` is borrowed for the call. On AX_OK *ret_manifest is yours: ax_manifest_free(). Otherwise
 * it is untouched and `err` names the culprit. Fails with AX_E_INVALID_MANIFEST,
 * AX_E_UNKNOWN_CAPABILITY (a capability in one of our families that is not on the list),
 * AX_E_TOO_BIG (over 64 KiB), AX_E_NO_MEMORY. Any thread; never blocks. */
AX_CHECKED enum ax_code ax_manifest_parse(struct ax_str json, struct ax_manifest **ret_manifest,
                                          struct ax_err *err);
void ax_manifest_free(struct ax_manifest *manifest);
AX_AUTO_DEFINE(struct ax_manifest *, ax_manifest_free)

/* Refuses a host-defined capability that is not among `known` (names without "cap:") with
 * AX_E_UNKNOWN_CAPABILITY. For whoever knows HOST_PROVIDERS. */
AX_CHECKED enum ax_code ax_manifest_check_host_capabilities(const struct ax_manifest *manifest,
                                                            const struct ax_str *known,
                                                            size_t known_count, struct ax_err *err);

struct ax_str ax_manifest_name(const struct ax_manifest *manifest);
struct ax_str ax_manifest_publisher(const struct ax_manifest *manifest);
struct ax_str ax_manifest_version(const struct ax_manifest *manifest);
enum ax_runtime ax_manifest_runtime(const struct ax_manifest *manifest);
struct ax_str ax_manifest_runtime_name(const struct ax_manifest *manifest); /* as written */
/* Path of the module, its "#name" cut off; empty when the manifest names none: then it is
 * "entry.wasm", else "dist/main.wasm", whichever the bundle holds. */
struct ax_str ax_manifest_entry(const struct ax_manifest *manifest);

unsigned ax_manifest_capabilities(const struct ax_manifest *manifest); /* bits, without "always" */
size_t ax_manifest_host_capability_count(const struct ax_manifest *manifest);
struct ax_str ax_manifest_host_capability(const struct ax_manifest *manifest, size_t index);

/* Whether the key is there matters: an absent list adds no bound, an empty one allows nothing. */
bool ax_manifest_has_egress(const struct ax_manifest *manifest);
size_t ax_manifest_egress_count(const struct ax_manifest *manifest);
struct ax_str ax_manifest_egress(const struct ax_manifest *manifest, size_t index);

size_t ax_manifest_header_count(const struct ax_manifest *manifest); /* request headers passed on */
struct ax_str ax_manifest_header(const struct ax_manifest *manifest, size_t index); /* lower case */

size_t ax_manifest_endpoint_count(const struct ax_manifest *manifest);
const struct ax_endpoint *ax_manifest_endpoint(const struct ax_manifest *manifest, size_t index);

/* What the manifest asks for, borrowed; 0 where it says nothing. */
const struct ax_manifest_limits *ax_manifest_limits(const struct ax_manifest *manifest);

bool ax_manifest_has_ui(const struct ax_manifest *manifest); /* the key "ui" is there */
struct ax_str ax_manifest_ui_entry(
    const struct ax_manifest *manifest); /* "ui/index.html" if unset */
bool ax_manifest_ui_spa(const struct ax_manifest *manifest);

struct ax_str ax_manifest_sbom(const struct ax_manifest *manifest); /* path, or empty */
/* True when `path` matches one of the patterns of "assets": "*" and "?" inside a component, "**" for
 * any number of them. */
bool ax_manifest_is_asset(const struct ax_manifest *manifest, struct ax_str path);
size_t ax_manifest_asset_count(const struct ax_manifest *manifest);
struct ax_str ax_manifest_asset(const struct ax_manifest *manifest, size_t index);

/* Words that stand in manifests and elsewhere too: an extension's name, a version, "[scheme://]
 * host[:port]". */
bool ax_manifest_is_name(struct ax_str text);
bool ax_manifest_is_version(struct ax_str text);
bool ax_manifest_is_egress(struct ax_str text);

/* The whole document, for keys that have no accessor (hooks, config, schedules ...). */
const struct ax_json_value *ax_manifest_json(const struct ax_manifest *manifest);

#endif

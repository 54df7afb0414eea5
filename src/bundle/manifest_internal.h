/* SPDX-License-Identifier: Apache-2.0 */
/* manifest_internal.h - how are a manifest's rules written down?
 *
 * A rule looks at one JSON value and may note it in the manifest. Objects are tables of keys with
 * their rules, arrays are one rule for each element. Where in the document a rule stands is a chain
 * of mf_at on the stack, so that a fault can print the pointer of its culprit. */
#ifndef AX_BUNDLE_MANIFEST_INTERNAL_H
#define AX_BUNDLE_MANIFEST_INTERNAL_H

#include "base/arena.h"
#include "base/json.h"
#include "bundle/manifest.h"

#define MF_CAPABILITIES_MAX 64
#define MF_EGRESS_MAX       64
#define MF_HEADERS_MAX      16
#define MF_ASSETS_MAX       64

struct mf_list {
    struct ax_str *items;
    size_t count;
    size_t max;
};

struct ax_manifest {
    struct ax_json *json;
    struct ax_arena arena;
    struct ax_str name, publisher, version, runtime_name, entry, ui_entry, sbom;
    enum ax_runtime runtime;
    unsigned capabilities;
    struct mf_list host_capabilities;
    bool has_egress, has_ui, ui_spa;
    struct mf_list egress;
    struct mf_list headers;
    struct mf_list assets;
    struct ax_endpoint *endpoints;
    size_t endpoint_count;
    struct ax_manifest_limits limits;
};

struct mf {
    struct ax_manifest *manifest;
    struct ax_err *err;
    struct ax_endpoint *endpoint; /* the one being read */
};

struct mf_at {
    const struct mf_at *up; /* NULL at the root */
    struct ax_str key;      /* of the object above, or */
    size_t index;           /* of the array above, when key.ptr is NULL */
};

typedef enum ax_code mf_rule(struct mf *mf, const struct mf_at *at,
                             const struct ax_json_value *value);

struct mf_key {
    const char *name;
    mf_rule *rule;
    bool required;
};

/* Refuses the manifest, and says where. */
enum ax_code mf_fault(const struct mf *mf, const struct mf_at *at, enum ax_code code,
                      const char *fmt, ...) AX_FORMAT(4, 5);
#define mf_bad(mf, at, ...) mf_fault((mf), (at), AX_E_INVALID_MANIFEST, __VA_ARGS__)

/* An object with these keys and no others. */
enum ax_code mf_object(struct mf *mf, const struct mf_at *at, const struct ax_json_value *value,
                       const struct mf_key *keys, size_t count);
/* An object whose keys are judged by `is_key` and whose values all obey one rule. */
enum ax_code mf_map(struct mf *mf, const struct mf_at *at, const struct ax_json_value *value,
                    size_t max, bool (*is_key)(struct ax_str key), mf_rule *rule);
enum ax_code mf_array(struct mf *mf, const struct mf_at *at, const struct ax_json_value *value,
                      size_t max, mf_rule *rule);
/* Length as JSON Schema counts it: code points. */
size_t mf_length(struct ax_str text);
/* C0, DEL or C1, which a terminal could take for orders; line feed and tab pass if they may. */
bool mf_has_controls(struct ax_str text, bool may_break);
/* A string of `min` to `max` characters without control characters, or `err`'s words. */
enum ax_code mf_text(struct mf *mf, const struct mf_at *at, const struct ax_json_value *value,
                     size_t min, size_t max, struct ax_str *ret_text);
/* A string that `is_fine` accepts; `what` says what was expected. */
enum ax_code mf_word(struct mf *mf, const struct mf_at *at, const struct ax_json_value *value,
                     bool (*is_fine)(struct ax_str text), const char *what,
                     struct ax_str *ret_text);
enum ax_code mf_integer(struct mf *mf, const struct mf_at *at, const struct ax_json_value *value,
                        uint32_t min, uint32_t max, uint32_t *ret_number);
enum ax_code mf_bool(struct mf *mf, const struct mf_at *at, const struct ax_json_value *value,
                     bool *ret_bool);
/* Appends `item` to a list of the manifest unless it is there already. */
enum ax_code mf_list_add(struct mf *mf, const struct mf_at *at, struct mf_list *list,
                         struct ax_str item);
/* Room for as many items as `array` has, at most `max`. */
enum ax_code mf_list_init(struct mf *mf, struct mf_list *list, size_t max);

/* --- syntax: pure functions of text (manifest_syntax.c) --- */
bool mf_is_name(struct ax_str text);
bool mf_is_version(struct ax_str text);
bool mf_is_file(struct ax_str text);    /* a path that a member of the bundle may have */
bool mf_is_pattern(struct ax_str text); /* of "assets" */
bool mf_is_ui_file(struct ax_str text);
bool mf_is_entry(struct ax_str text);
bool mf_is_egress(struct ax_str text);
bool mf_is_header(struct ax_str text); /* well-formed and allowed to pass; any case */
bool mf_is_handler(struct ax_str text);
bool mf_is_permission(struct ax_str text);
bool mf_is_endpoint_path(struct ax_str text);
bool mf_is_route(struct ax_str text);
bool mf_is_config_key(struct ax_str text);
bool mf_is_target(struct ax_str text);
bool mf_is_cron(struct ax_str text);
bool mf_is_timezone(struct ax_str text);
bool mf_is_topic(struct ax_str text);
bool mf_is_url(struct ax_str text);
/* The same method and, parameters' names aside, the same path? */
bool mf_same_shape(struct ax_str a, struct ax_str b);
bool mf_pattern_matches(struct ax_str pattern, struct ax_str path);

/* --- rules (manifest_rules.c) --- */
enum ax_code mf_root(struct mf *mf, const struct mf_at *at, const struct ax_json_value *value);

#endif

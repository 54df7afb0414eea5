/* SPDX-License-Identifier: Apache-2.0 */
/* version.h - which bytes are version 1.2.3? A version has one bundle and never another. */
#ifndef AX_REGISTRY_VERSION_H
#define AX_REGISTRY_VERSION_H

#include "bundle/digest.h"
#include "bundle/manifest.h"
#include "registry/model.h"

struct ax_version {
    struct ax_str id;
    struct ax_str extension_id;
    struct ax_str name;      /* of the extension */
    struct ax_str publisher; /* slug */
    struct ax_str version;
    struct ax_str content_hash; /* 64 lower hex */
    struct ax_str keyid;        /* of the publisher's signature */
    uint64_t size;
    bool has_module;
    bool deprecated;
    uint64_t revision;
    int64_t created_ms;
    struct ax_str manifest_json; /* empty in listings */
};

struct ax_version_new {
    struct ax_str publisher; /* slug or id: who publishes */
    struct ax_str keyid;     /* whose signature was verified */
    struct ax_str manifest_json;
    struct ax_digest content_hash;
    uint64_t size;
    bool has_module;
};

/* What is said before bytes are taken: the same judgement without a manifest. AX_E_NOT_FOUND (no
 * such publisher or key), AX_E_FORBIDDEN (suspended, not its prefix, somebody else's extension, a
 * revoked key), AX_E_VERSION_EXISTS (with other bytes), AX_E_BUNDLE_REVOKED (the hash).
 * *ret_exists: it is published with these very bytes. */
AX_CHECKED enum ax_code ax_version_check(struct ax_model *model, struct ax_str publisher,
                                         struct ax_str keyid, struct ax_str name,
                                         struct ax_str version,
                                         const struct ax_digest *content_hash, bool *ret_exists);
/* Publishes: the extension (at its first version), the bundle, the version, the change and the audit
 * row, together. What is there with the same bytes is given back, *ret_existed, and nothing happens.
 * Fails like ax_version_check(), and with AX_E_INVALID_MANIFEST, AX_E_UNKNOWN_CAPABILITY,
 * AX_E_FORBIDDEN (the manifest names another publisher). */
AX_CHECKED enum ax_code ax_version_create(struct ax_model *model, const struct ax_version_new *in,
                                          struct ax_version *ret_version, bool *ret_existed);

/* `extension`: name or id. AX_E_NOT_FOUND. */
AX_CHECKED enum ax_code ax_version_get(struct ax_model *model, struct ax_str extension,
                                       struct ax_str version, struct ax_version *ret_version);
AX_CHECKED enum ax_code ax_version_get_by_id(struct ax_model *model, struct ax_str id,
                                             struct ax_version *ret_version);
/* The newest one that is neither deprecated, revoked nor a pre-release. AX_E_NOT_FOUND. */
AX_CHECKED enum ax_code ax_version_latest(struct ax_model *model, struct ax_str extension,
                                          struct ax_version *ret_version);
/* For "1.2.*": `line` is "1.2", *ret_patch the first number that no release of it has. */
AX_CHECKED enum ax_code ax_version_next_patch(struct ax_model *model, struct ax_str extension,
                                              struct ax_str line, uint64_t *ret_patch);
/* In the byte order of versions; `after` is one. */
AX_CHECKED enum ax_code ax_version_list(struct ax_model *model, struct ax_str extension,
                                        const struct ax_page *page, struct ax_version **ret_list,
                                        size_t *ret_count);
/* A deprecated version runs on, but is nobody's latest. `revision` 0: whichever it is at.
 * AX_E_NOT_FOUND, AX_E_PRECONDITION_FAILED. */
AX_CHECKED enum ax_code ax_version_deprecate(struct ax_model *model, struct ax_str extension,
                                             struct ax_str version, uint64_t revision,
                                             bool deprecated, struct ax_version *ret_version);
/* AX_E_BUNDLE_REVOKED when its hash or the key that signed it is. */
AX_CHECKED enum ax_code ax_version_check_not_revoked(struct ax_model *model,
                                                     const struct ax_version *version);

#endif

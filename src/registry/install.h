/* SPDX-License-Identifier: Apache-2.0 */
/* install.h - which version runs for which tenant, with what config, and what was it allowed?
 *
 *   create --> disabled <--> enabled --> uninstalled          (at most one not uninstalled
 *                  `--------------------------^                per tenant and extension)
 *
 * An upgrade to a version that asks for no more takes effect at once. One that asks for more
 * (capabilities, egress, permissions) is pending: the old version serves on until a consent, which
 * also grants what is new. Every change counts up the revision; a caller who names one is told
 * AX_E_PRECONDITION_FAILED when it is another by now. */
#ifndef AX_REGISTRY_INSTALL_H
#define AX_REGISTRY_INSTALL_H

#include "registry/config.h"
#include "registry/model.h"

#define AX_GRANTS_MAX             64
#define AX_EGRESS_MAX             256
#define AX_INSTALL_KEPT_MS        (INT64_C(30) * 24 * 3600 * 1000) /* after an uninstall that keeps */
#define AX_INSTALL_EGRESS_LEN_MAX 280

enum ax_install_state { AX_INSTALL_IS_DISABLED, AX_INSTALL_IS_ENABLED, AX_INSTALL_IS_UNINSTALLED };
const char *ax_install_state_name(enum ax_install_state state);

/* Names of capabilities (without "cap:") or entries of an egress list. */
struct ax_names {
    const struct ax_str *items;
    size_t count;
};

struct ax_install {
    struct ax_str id;
    struct ax_str tenant;
    struct ax_str extension_id;
    struct ax_str name;      /* of the extension */
    struct ax_str publisher; /* slug */
    struct ax_str version_id;
    struct ax_str version;
    struct ax_str content_hash;        /* 64 lower hex */
    struct ax_str previous_version_id; /* where a rollback leads, or empty */
    struct ax_str previous_version;
    struct ax_str pending_version_id; /* what waits for consent, or empty */
    struct ax_str pending_version;
    enum ax_install_state state;
    struct ax_str config_json; /* what the guest sees */
    uint64_t revision;
    int64_t created_ms;
    int64_t uninstalled_ms; /* 0: it is not */
    struct ax_names grants; /* in byte order; empty in listings, and so is egress */
    struct ax_names egress;
};

/* Which install, for whom. Another tenant's is AX_E_NOT_FOUND. */
struct ax_install_ref {
    struct ax_str id;
    struct ax_str tenant; /* empty: whosever it is */
    uint64_t revision;    /* 0: whichever it is at */
};

struct ax_install_new {
    struct ax_str tenant;
    struct ax_str extension;   /* name or id */
    struct ax_str version;     /* empty: the latest */
    struct ax_str config_json; /* an object, or empty */
    struct ax_names grants;    /* prefix "cap:" optional; only what the manifest asks for */
    struct ax_names egress;
    bool enable;
};

AX_CHECKED enum ax_code ax_install_get(struct ax_model *model, const struct ax_install_ref *ref,
                                       struct ax_install *ret_install);
/* Those that are not uninstalled, in the order of ids; `after` is one. `tenant` empty: of all. */
AX_CHECKED enum ax_code ax_install_list(struct ax_model *model, struct ax_str tenant,
                                        const struct ax_page *page, struct ax_install **ret_list,
                                        size_t *ret_count);

/* AX_E_NOT_FOUND (extension, version), AX_E_CONFLICT (installed already; or to be enabled and its
 * config is not complete), AX_E_UNKNOWN_CAPABILITY (not a name of one), AX_E_BUNDLE_REVOKED. */
AX_CHECKED enum ax_code ax_install_create(struct ax_model *model, const struct ax_install_new *in,
                                          struct ax_install *ret_install);

/* All that follow: AX_E_NOT_FOUND, AX_E_PRECONDITION_FAILED, AX_E_CONFLICT when it is uninstalled.
 * *ret_install is the install afterwards. */

/* Changes some keys of the config: see ax_config_set(). */
AX_CHECKED enum ax_code ax_install_configure(struct ax_model *model,
                                             const struct ax_install_ref *ref,
                                             struct ax_str config_json,
                                             struct ax_install *ret_install);
/* From now on these are the grants, and no others. AX_E_UNKNOWN_CAPABILITY. */
AX_CHECKED enum ax_code ax_install_grant(struct ax_model *model, const struct ax_install_ref *ref,
                                         struct ax_names grants, struct ax_names egress,
                                         struct ax_install *ret_install);
/* Enabling: AX_E_CONFLICT when a required key has no value, AX_E_BUNDLE_REVOKED. */
AX_CHECKED enum ax_code ax_install_set_enabled(struct ax_model *model,
                                               const struct ax_install_ref *ref, bool enabled,
                                               struct ax_install *ret_install);
/* `version` empty: the latest; any other version will do, also an older one. `config_json` (or
 * empty) is judged by the new version. When it asks for more, pending_version_id is set and nothing
 * else has changed: then the config has to come with the consent. The version that runs already:
 * what was pending is forgotten. AX_E_BUNDLE_REVOKED. */
AX_CHECKED enum ax_code ax_install_upgrade(struct ax_model *model, const struct ax_install_ref *ref,
                                           struct ax_str version, struct ax_str config_json,
                                           struct ax_install *ret_install);
/* The pending version takes over, and what it asks for beyond the old one is granted. AX_E_CONFLICT
 * when none is pending, or the grants would be more than AX_GRANTS_MAX or AX_EGRESS_MAX; name a revision, so that no other version than the one seen is consented
 * to. */
AX_CHECKED enum ax_code ax_install_consent(struct ax_model *model, const struct ax_install_ref *ref,
                                           struct ax_str config_json,
                                           struct ax_install *ret_install);
/* Back to the version before, once; what is pending is forgotten. AX_E_CONFLICT when there is none,
 * AX_E_BUNDLE_REVOKED. */
AX_CHECKED enum ax_code ax_install_rollback(struct ax_model *model,
                                            const struct ax_install_ref *ref,
                                            struct ax_install *ret_install);
/* The extension is gone for the tenant. Config and grants are erased now, or kept until
 * ax_install_purge(). */
AX_CHECKED enum ax_code ax_install_uninstall(struct ax_model *model,
                                             const struct ax_install_ref *ref, bool erase,
                                             struct ax_install *ret_install);
/* Erases what uninstalls before `before_ms` have kept, of at most `limit` installs. */
AX_CHECKED enum ax_code ax_install_purge(struct ax_model *model, int64_t before_ms, size_t limit,
                                         size_t *ret_count);

#endif

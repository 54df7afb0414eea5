/* SPDX-License-Identifier: Apache-2.0 */
/* read_model.h - which version of which extension runs for this tenant?
 *
 * What an edge knows of the registry, in memory: extensions, versions (manifest parsed, endpoints
 * compiled, once), installs, revoked hashes. Rows come in any order; what refers to a row that was
 * not told, or is gone, is not available until it is. Equal texts are kept once. Everything that a
 * function gives is borrowed until the next change of the model. One thread. */
#ifndef AX_GATEWAY_READ_MODEL_H
#define AX_GATEWAY_READ_MODEL_H

#include "gateway/endpoint.h"
#include "gateway/model_message.h"

#define AX_MODEL_INSTALLS_MAX (4u << 20)
#define AX_MODEL_ROWS_MAX     (1u << 20) /* extensions, versions, revocations: each */

struct ax_model_extension {
    struct ax_str id, name, publisher;
};

struct ax_model_version {
    struct ax_str id, version;
    const struct ax_model_extension *extension;
    struct ax_digest hash;
    const struct ax_manifest *manifest;
    const struct ax_endpoints *endpoints;
};

struct ax_model_install {
    struct ax_str id, tenant;
    const struct ax_model_extension *extension;
    const struct ax_model_version *version;
    enum ax_install_status status;
    unsigned capabilities;     /* granted ones of ours, enum ax_capability */
    struct ax_str host_grants; /* granted ones of the host, "a.b,c.d" */
    struct ax_str config;      /* JSON object */
    struct ax_str egress;      /* JSON array of strings */
};

struct ax_read_model;

struct ax_read_model *ax_read_model_new(void);
void ax_read_model_free(struct ax_read_model *model); /* NULL is fine */
AX_AUTO_DEFINE(struct ax_read_model *, ax_read_model_free)

/* A row takes the place of what was known of its id. Twice the same changes nothing. A version whose
 * manifest is not valid, or is not that of its extension and version, is kept and not available.
 * AX_E_NO_MEMORY, also over the maxima above; AX_E_INVALID_REQUEST: a config that is not a JSON
 * object. Then nothing has changed. */
AX_CHECKED enum ax_code ax_read_model_put_extension(struct ax_read_model *model,
                                                    const struct ax_model_extension_row *row);
AX_CHECKED enum ax_code ax_read_model_put_version(struct ax_read_model *model,
                                                  const struct ax_model_version_row *row);
AX_CHECKED enum ax_code ax_read_model_put_install(struct ax_read_model *model,
                                                  const struct ax_model_install_row *row);
/* Revoked keys are for those who read signatures: an edge counts revoked hashes only, and is told
 * those too. */
AX_CHECKED enum ax_code ax_read_model_revoke(struct ax_read_model *model,
                                             const struct ax_model_revocation *revoked);
void ax_read_model_drop(struct ax_read_model *model, const struct ax_model_gone *gone);

/* The install that `extension` names for `tenant`: by install id, extension id, name or
 * publisher.name, ASCII case aside; the first of these that the tenant has installed decides.
 * AX_E_EXTENSION_NOT_AVAILABLE, without a difference: nobody knows it, the tenant has not installed
 * it, it is disabled, waits for consent, is revoked, or its version cannot be used. */
AX_CHECKED enum ax_code ax_read_model_resolve(const struct ax_read_model *model,
                                              struct ax_str tenant, struct ax_str extension,
                                              const struct ax_model_install **ret_install);

/* The tenant's installs that ax_read_model_resolve() would give, in no order: the first, the one
 * after `install`; NULL: no more. */
const struct ax_model_install *ax_read_model_first(const struct ax_read_model *model,
                                                   struct ax_str tenant);
const struct ax_model_install *ax_read_model_after(const struct ax_read_model *model,
                                                   const struct ax_model_install *install);

struct ax_read_model_counts {
    size_t extensions, versions, installs, tenants, revoked, texts;
};
struct ax_read_model_counts ax_read_model_counts(const struct ax_read_model *model);

#endif

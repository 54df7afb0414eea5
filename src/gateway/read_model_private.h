/* SPDX-License-Identifier: Apache-2.0 */
/* read_model_private.h - of what is the read model made? Only its own files include this.
 *
 * Extensions and versions are counted by those who refer to them: one that was not told yet, or is
 * gone, stays as an empty place (`known` is false) while somebody does. */
#ifndef AX_GATEWAY_READ_MODEL_PRIVATE_H
#define AX_GATEWAY_READ_MODEL_PRIVATE_H

#include "base/map.h"
#include "gateway/read_model.h"

/* Longest spelling that can name an extension: publisher, '.', name. */
#define MODEL_REFERENCE_MAX (AX_MODEL_ID_MAX + 1 + AX_MANIFEST_NAME_MAX)

struct model_text {
    struct ax_map_node node;
    size_t refs;
    char bytes[];
};

struct model_extension {
    struct ax_model_extension row;
    struct ax_map_node by_id; /* folded */
    struct ax_map_node by_name, by_published;
    char *words; /* owned: what row and keys point into; NULL: not known */
    size_t refs;
    bool known;
    char id[]; /* as told, then folded */
};

struct model_version {
    struct ax_model_version row;
    struct ax_map_node by_id;
    struct model_extension *extension; /* counted; NULL: not known */
    struct ax_manifest *manifest;      /* owned; NULL: cannot be used */
    struct ax_endpoints *endpoints;    /* owned */
    struct ax_digest manifest_hash;    /* of the text, to tell whether a row is the same */
    size_t refs;
    bool known;
    char text[AX_MANIFEST_VERSION_MAX];
    char id[];
};

struct model_tenant {
    struct ax_map_node by_id;
    struct model_install *installs;
    bool pinned; /* stays although it has no install: one is about to come */
    char id[];
};

struct model_pair {
    const struct model_tenant *tenant;
    const struct model_extension *extension;
};

/* What resolving reads stands together: it is cold for most installs. */
struct model_install {
    struct ax_map_node by_pair;
    struct model_pair pair;
    struct model_tenant *tenant;
    bool paired;
    struct model_extension *extension; /* counted */
    struct model_version *version;     /* counted */
    struct ax_model_install row;
    struct ax_map_node by_id;           /* folded */
    struct model_install *next, **link; /* the tenant's others; what points here */
    struct model_text *config, *egress, *host_grants;
    char id[]; /* as told, then folded */
};

struct model_revocation_row {
    struct ax_map_node by_hash;
    struct ax_digest hash;
};

struct ax_read_model {
    struct ax_map texts, tenants;
    struct ax_map extensions, names, published;
    struct ax_map versions;
    struct ax_map installs, pairs;
    struct ax_map revoked;
};

/* `str` in lower case, in `room` of at least str.len bytes. */
struct ax_str model_fold(struct ax_str str, char *room);

/* The one copy of `text`; NULL when there is no memory. */
struct model_text *model_text_ref(struct ax_read_model *model, struct ax_str text) AX_CHECKED;
void model_text_unref(struct ax_read_model *model, struct model_text *text); /* NULL is fine */

/* The place of an id, made empty when it is not there; NULL when there is no memory, or no room:
 * both count as AX_E_NO_MEMORY. Unref frees what is empty and nobody refers to. */
struct model_extension *model_extension_ref(struct ax_read_model *model, struct ax_str id)
    AX_CHECKED;
void model_extension_unref(struct ax_read_model *model, struct model_extension *extension);
struct model_version *model_version_ref(struct ax_read_model *model, struct ax_str id) AX_CHECKED;
void model_version_unref(struct ax_read_model *model, struct model_version *version);

/* Makes known places empty again. */
void model_extension_forget(struct ax_read_model *model, struct model_extension *extension);
void model_version_forget(struct ax_read_model *model, struct model_version *version);

/* Takes the install out and frees it, and its tenant when it was the last one. */
void model_install_drop(struct ax_read_model *model, struct model_install *install);

#endif

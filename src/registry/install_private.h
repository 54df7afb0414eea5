/* SPDX-License-Identifier: Apache-2.0 */
/* install_private.h - what do reading and changing installs share? */
#ifndef AX_REGISTRY_INSTALL_PRIVATE_H
#define AX_REGISTRY_INSTALL_PRIVATE_H

#include "registry/install.h"
#include "registry/model_private.h"
#include "registry/version.h"

/* The manifest of a published version; yours. */
AX_CHECKED enum ax_code install_manifest(struct ax_model *model, const struct ax_version *version,
                                         struct ax_manifest **ret_manifest);
/* Does `after` ask for anything that `before` did not: capabilities, egress, permissions? */
bool install_asks_for_more(const struct ax_manifest *before, const struct ax_manifest *after);

/* Judged names in the arena, without "cap:" and doubles. A capability must be one that `manifest`
 * or `other` (or NULL) asks for. */
AX_CHECKED enum ax_code install_check_grants(struct ax_model *model, struct ax_names names,
                                             const struct ax_manifest *manifest,
                                             const struct ax_manifest *other,
                                             struct ax_names *ret_names);
AX_CHECKED enum ax_code install_check_egress(struct ax_model *model, struct ax_names names,
                                             struct ax_names *ret_names);
/* Adds what `after` asks for beyond `before` to the grants. */
AX_CHECKED enum ax_code install_grant_more(struct ax_model *model, struct ax_str install_id,
                                           const struct ax_manifest *before,
                                           const struct ax_manifest *after);
/* In place of whatever was granted. */
AX_CHECKED enum ax_code install_replace_grants(struct ax_model *model, struct ax_str install_id,
                                               struct ax_names grants, struct ax_names egress);

#endif

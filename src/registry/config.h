/* SPDX-License-Identifier: Apache-2.0 */
/* config.h - may this value stand in the config of this version?
 *
 * A manifest's `config` says which keys there are: {type: string|number|boolean|enum, values?,
 * required?, default?}. What a tenant sets is kept key by key; what a guest sees is made of it. */
#ifndef AX_REGISTRY_CONFIG_H
#define AX_REGISTRY_CONFIG_H

#include "bundle/manifest.h"
#include "registry/model.h"

#define AX_CONFIG_BYTES_MAX  (64u << 10) /* of what a guest sees, and of one change */
#define AX_CONFIG_STRING_MAX 4096

/* Sets what stands in `json` (an object; empty: nothing), forgets keys that are null there, leaves
 * the others. AX_E_INVALID_REQUEST points at the member to blame: an unknown key, another type. */
AX_CHECKED enum ax_code ax_config_set(struct ax_model *model, struct ax_str install_id,
                                      const struct ax_manifest *manifest, struct ax_str json);
/* Appends the object that a guest of this version sees: what was set, else the default. A value set
 * for another version that does not fit this one is AX_E_CONFLICT; so is, when `complete`, a
 * required key without a value. */
AX_CHECKED enum ax_code ax_config_write(struct ax_model *model, struct ax_str install_id,
                                        const struct ax_manifest *manifest, bool complete,
                                        struct ax_buf *buf);

#endif

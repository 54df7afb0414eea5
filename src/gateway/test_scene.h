/* SPDX-License-Identifier: Apache-2.0 */
/* test_scene.h - how do this folder's tests get a model to ask?
 *
 * Rows by their texts. Tests only; what goes wrong fails the test. */
#ifndef AX_GATEWAY_TEST_SCENE_H
#define AX_GATEWAY_TEST_SCENE_H

#include "auth/claims.h"
#include "base/test.h"
#include "gateway/read_model.h"

/* {"name":NAME,"publisher":"acme","version":VERSION,"runtime":"core@1" REST}; REST begins with a
 * comma or is empty. Valid until the next call. */
struct ax_str scene_manifest(const char *name, const char *version, const char *rest);

/* Parsed and compiled; yours. */
struct ax_manifest *scene_parse(const char *rest);

void scene_extension(struct ax_read_model *model, const char *id, const char *name);
/* Its hash begins with `hash` and goes on with zeros. */
void scene_version(struct ax_read_model *model, const char *id, const char *extension,
                   const char *name, const char *version, uint8_t hash, const char *rest);
void scene_install(struct ax_read_model *model, const char *id, const char *tenant,
                   const char *extension, const char *version, enum ax_install_status status);
void scene_revoke(struct ax_read_model *model, uint8_t hash);
void scene_gone(struct ax_read_model *model, enum ax_model_kind kind, const char *id);

/* The install's id, or "not available". */
struct ax_str scene_resolve(const struct ax_read_model *model, const char *tenant,
                            const char *extension);

/* Claims of subject "sub-1" with these roles, "a b c"; valid until the next call. */
const struct ax_claims *scene_claims(const char *tenant, const char *roles);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* semver.h - which version is the newer one?
 *
 * Semantic versions, well-formed (ax_manifest_is_version). Build metadata counts for nothing. Pure. */
#ifndef AX_REGISTRY_SEMVER_H
#define AX_REGISTRY_SEMVER_H

#include "base/str.h"

/* Less than, equal to or greater than 0, as `a` is older, of equal rank, newer. */
int ax_semver_cmp(struct ax_str a, struct ax_str b);
bool ax_semver_is_prerelease(struct ax_str version);
/* The third number of a release "MAJOR.MINOR.n" with `line` = "MAJOR.MINOR". False for others. */
bool ax_semver_patch(struct ax_str version, struct ax_str line, uint64_t *ret_patch);

#endif

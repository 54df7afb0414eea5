/* SPDX-License-Identifier: Apache-2.0 */
/* load.h - how does an edge get all that it needs, fast?
 *
 * Rows go to a callback one by one, straight from the database: nothing is kept, so a caller bounds
 * memory by saying that it has had enough. An edge's state is: ax_changes_serial(), then the pages
 * of ax_load_versions(), ax_load_installs(), ax_extension_list() and ax_revocation_list(), then
 * ax_changes_since() that serial; what changed in between comes twice, its last state last. */
#ifndef AX_REGISTRY_LOAD_H
#define AX_REGISTRY_LOAD_H

#include "registry/install.h"
#include "registry/model.h"

/* An install that is not uninstalled. Everything is borrowed for the call. */
struct ax_load_install {
    struct ax_str id;
    struct ax_str tenant;
    struct ax_str extension_id;
    struct ax_str version_id;
    bool enabled;
    uint64_t revision;
    struct ax_str config_json; /* an object */
    struct ax_names grants;    /* without "cap:", in byte order */
    struct ax_names egress;
};
/* False: this row was not taken, stop. */
typedef bool ax_load_install_fn(const struct ax_load_install *row, void *arg);

/* Installs whose id is greater than `after`, in that order, at most `limit`. *ret_end: there are no
 * more; else go on after the last one taken. */
AX_CHECKED enum ax_code ax_load_installs(struct ax_model *model, struct ax_str after, size_t limit,
                                         ax_load_install_fn *take, void *arg, bool *ret_end);
/* One install, after a change. AX_E_NOT_FOUND when it is gone. */
AX_CHECKED enum ax_code ax_load_install(struct ax_model *model, struct ax_str id,
                                        ax_load_install_fn *take, void *arg);

struct ax_load_version {
    struct ax_str id;
    struct ax_str extension_id;
    struct ax_str version;
    struct ax_str content_hash; /* 64 lower hex */
    struct ax_str manifest_json;
};
typedef bool ax_load_version_fn(const struct ax_load_version *row, void *arg);

/* As above: the versions that installs run. A version that comes into use later is got with
 * ax_version_get_by_id(). */
AX_CHECKED enum ax_code ax_load_versions(struct ax_model *model, struct ax_str after, size_t limit,
                                         ax_load_version_fn *take, void *arg, bool *ret_end);

#endif

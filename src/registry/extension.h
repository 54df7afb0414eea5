/* SPDX-License-Identifier: Apache-2.0 */
/* extension.h - whose is this name? An extension begins with its first version (version.h). */
#ifndef AX_REGISTRY_EXTENSION_H
#define AX_REGISTRY_EXTENSION_H

#include "registry/model.h"

struct ax_extension {
    struct ax_str id;
    struct ax_str name;
    struct ax_str publisher_id;
    struct ax_str publisher;      /* slug */
    struct ax_str publisher_name; /* display name */
    int64_t created_ms;
};

/* By name or id. AX_E_NOT_FOUND. */
AX_CHECKED enum ax_code ax_extension_get(struct ax_model *model, struct ax_str name,
                                         struct ax_extension *ret_extension);
/* In the order of names; `after` is one. `publisher`: a slug, or empty for all. */
AX_CHECKED enum ax_code ax_extension_list(struct ax_model *model, struct ax_str publisher,
                                          const struct ax_page *page,
                                          struct ax_extension **ret_list, size_t *ret_count);

#endif

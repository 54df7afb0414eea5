/* SPDX-License-Identifier: Apache-2.0 */
/* path.h - which extension did the caller mean, and which place in it?
 *
 * "/api/ext/{extensionId}/{path...}", decoded once by http/path.h, matched decoded and passed on
 * percent-encoded anew: one path has one spelling, here and at the runner. Pure but for the arena. */
#ifndef AX_GATEWAY_PATH_H
#define AX_GATEWAY_PATH_H

#include "http/path.h"

/* Of the canonical path: what the runner takes. */
#define AX_EXT_PATH_MAX 8192

struct ax_ext_path {
    struct ax_str extension; /* decoded, as the caller spelled it; empty: "/api/ext", the list */
    const struct ax_str *segments; /* behind it, decoded, never empty */
    size_t count;
    struct ax_str canonical; /* "/" and the segments, encoded; empty for the list */
    /* An empty segment or a slash too many: no endpoint has such a path. Said here, decided when the
     * endpoint is looked for, so that it tells nothing about extensions. */
    bool nowhere;
};

/* Splits a raw path; what it gives lies in the arena. AX_E_INVALID_REQUEST: whatever ax_path_parse()
 * refuses but empty segments, and a canonical path over AX_EXT_PATH_MAX. AX_E_NOT_FOUND: it is not
 * below "/api/ext", spelled exactly so. AX_E_NO_MEMORY: the arena is full. */
AX_CHECKED enum ax_code ax_ext_path_parse(struct ax_str raw, struct ax_arena *arena,
                                          struct ax_ext_path *ret_path, struct ax_err *err);

#endif

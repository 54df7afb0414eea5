/* SPDX-License-Identifier: Apache-2.0 */
/* upload.h - which bundles are on their way in?
 *
 * A row says what was announced; the bytes lie in a file of the same id, whose owner also removes
 * it. A row that has expired counts for nothing. */
#ifndef AX_REGISTRY_UPLOAD_H
#define AX_REGISTRY_UPLOAD_H

#include "bundle/digest.h"
#include "registry/model.h"

#define AX_UPLOADS_MAX     16 /* open ones of one publisher */
#define AX_UPLOAD_LIFE_MS  (INT64_C(3600) * 1000)
#define AX_UPLOAD_ENVELOPE (16u << 10)

struct ax_upload {
    struct ax_str id;
    struct ax_str publisher; /* slug */
    struct ax_str name;
    struct ax_str version;
    struct ax_str content_hash; /* 64 lower hex */
    struct ax_str envelope;     /* as announced */
    uint64_t size;
    bool received; /* the bytes are there and were measured */
    int64_t expires_ms;
};

struct ax_upload_new {
    struct ax_str publisher; /* slug or id */
    struct ax_str name;
    struct ax_str version;
    struct ax_str envelope;
    struct ax_digest content_hash;
    uint64_t size;
};

/* AX_E_NOT_FOUND (publisher), AX_E_OVERLOADED (AX_UPLOADS_MAX are open). Judge first whether it may
 * be published at all: ax_version_check(). */
AX_CHECKED enum ax_code ax_upload_create(struct ax_model *model, const struct ax_upload_new *in,
                                         struct ax_upload *ret_upload);
/* AX_E_NOT_FOUND, also when it has expired or `publisher` (a slug; empty: anybody) is not its. */
AX_CHECKED enum ax_code ax_upload_get(struct ax_model *model, struct ax_str publisher,
                                      struct ax_str id, struct ax_upload *ret_upload);
AX_CHECKED enum ax_code ax_upload_set_received(struct ax_model *model, struct ax_str id);
/* Gone already: nothing happens. */
AX_CHECKED enum ax_code ax_upload_delete(struct ax_model *model, struct ax_str id);
/* Deletes the rows that have expired, at most AX_PAGE_MAX, and gives their ids. */
AX_CHECKED enum ax_code ax_upload_sweep(struct ax_model *model, struct ax_str **ret_ids,
                                        size_t *ret_count);

#endif

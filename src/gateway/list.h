/* SPDX-License-Identifier: Apache-2.0 */
/* list.h - what can this caller use?
 *
 * The answer of GET /api/ext: the tenant's available installs on which the caller holds a
 * permission, ordered by name, so that every edge gives the same bytes and the same ETag. */
#ifndef AX_GATEWAY_LIST_H
#define AX_GATEWAY_LIST_H

#include "auth/roles.h"
#include "gateway/read_model.h"

#define AX_LIST_BYTES_MAX (16u << 20)
#define AX_LIST_ETAG_LEN  66 /* "<64 hex>" with its quotes */

/* Appends the JSON to `buf` (maximum AX_LIST_BYTES_MAX) and writes its ETag, terminated. Fails with
 * AX_E_NO_MEMORY, also when the list does not fit. */
AX_CHECKED enum ax_code ax_list_write(const struct ax_read_model *model,
                                      const struct ax_roles *roles, const struct ax_claims *claims,
                                      struct ax_buf *buf, char ret_etag[AX_LIST_ETAG_LEN + 1]);

/* Does an If-None-Match header (ptr NULL: none) name this ETag? "*" does, and W/ makes no difference:
 * then the answer is 304. */
bool ax_list_etag_matches(struct ax_str if_none_match, struct ax_str etag);

#endif

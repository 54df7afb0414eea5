/* SPDX-License-Identifier: Apache-2.0 */
/* model_sync.h - how does the read model keep up with the registry?
 *
 * Frames in, a model out. After RESET a second model is built beside the one in use, which goes on
 * answering until SYNCED puts the new one in its place; changes after that are seen at once. While
 * the registry is away the last model counts. One thread. */
#ifndef AX_GATEWAY_MODEL_SYNC_H
#define AX_GATEWAY_MODEL_SYNC_H

#include "gateway/read_model.h"

struct ax_model_sync;

struct ax_model_sync *ax_model_sync_new(void);
void ax_model_sync_free(struct ax_model_sync *sync); /* NULL is fine */
AX_AUTO_DEFINE(struct ax_model_sync *, ax_model_sync_free)

/* Before the first frame of a connection: what a broken one had begun is forgotten. Returns what to
 * send in SYNC. */
uint64_t ax_model_sync_begin(struct ax_model_sync *sync);

/* Takes one frame of the registry. AX_E_INVALID_REQUEST: not a frame of the link, malformed, rows
 * before the first RESET. AX_E_NO_MEMORY. After a failure the connection is to be ended: the serial
 * stays, so the next one begins where this one was whole. */
AX_CHECKED enum ax_code ax_model_sync_apply(struct ax_model_sync *sync,
                                            const struct ax_frame *frame);

/* The model in use; NULL until the first SYNCED. */
const struct ax_read_model *ax_model_sync_model(const struct ax_model_sync *sync);
uint64_t ax_model_sync_serial(const struct ax_model_sync *sync); /* of the last SYNCED, or 0 */

#endif

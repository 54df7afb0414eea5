/* SPDX-License-Identifier: Apache-2.0 */
/* publish_check.h - may this upload become a version, as far as one look can tell? */
#ifndef AX_REGISTRY_PUBLISH_CHECK_H
#define AX_REGISTRY_PUBLISH_CHECK_H

#include "registry/publish.h"

/* Queries (ax_query_run_fn); `arg` is the struct ax_publish. */
enum ax_code publish_look(struct ax_model *model, void *arg);  /* the row of the upload */
enum ax_code publish_check(struct ax_model *model, void *arg); /* envelope, keys, prefix, version */
enum ax_code publish_commit(struct ax_model *model,
                            void *arg);                       /* the version; no upload any more */
enum ax_code publish_drop(struct ax_model *model, void *arg); /* no upload any more */

/* Jobs; `arg` is the struct ax_publish, words go to job_err_. */
enum ax_code publish_verify(void *arg); /* are the bytes what was announced, and signed? */
enum ax_code publish_sign(void *arg);   /* the envelope with the platform's signature, as a memfd */

/* The platform's key; publish.c knows what a struct ax_publishes is. */
const struct ax_private_key *publish_platform_key(const struct ax_publish *publish);

#endif

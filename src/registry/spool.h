/* SPDX-License-Identifier: Apache-2.0 */
/* spool.h - where do a bundle's bytes lie until it is published?
 *
 * In a folder of the registry's own, one file for each upload, named by its id (upload.h has the
 * rows, and how many a publisher may have open). Bytes are measured while they arrive, an upload
 * that broke off goes on where it ended, also in another process, and one file has one writer at a
 * time. Everything that touches the disk runs on other threads; functions belong to the loop's, and
 * op.h has their rules: a job's `op` is what is canceled. */
#ifndef AX_REGISTRY_SPOOL_H
#define AX_REGISTRY_SPOOL_H

#include "bundle/digest.h"
#include "crypto/sha256.h"
#include "loop/loop.h"
#include "registry/model.h"

struct ax_spool;

/* Uploads in the folder `dir_fd`, which is duplicated. */
struct ax_spool *ax_spool_new(struct ax_loop *loop, int dir_fd);
/* Nothing may be running. NULL is fine. */
void ax_spool_free(struct ax_spool *spool);

/* --- bytes on their way in --- */

struct ax_spool_file {
    struct ax_job job;
    uint64_t received; /* bytes that are in the file: where the next ones belong */
    struct ax_err err;
    /* ours */
    struct ax_spool *spool_;
    char id_[AX_ID_LEN + 1];
    uint64_t size_;
    struct ax_digest digest_;
    int fd_;
    struct ax_sha256 sha_;
    struct ax_str bytes_;
};

/* Takes up the upload `id`, of which `size` bytes with the SHA-256 `digest` were announced; what
 * arrived before is measured again. After on_done, whatever it says, ax_spool_close(). Fails with
 * AX_E_NOT_FOUND (not an upload's id), AX_E_PAYLOAD_TOO_LARGE (no bundle has that size),
 * AX_E_CONFLICT (somebody else is sending it), AX_E_IO. */
void ax_spool_open(struct ax_spool *spool, struct ax_spool_file *file, struct ax_str id,
                   uint64_t size, const struct ax_digest *digest, ax_op_done_fn *on_done,
                   void *arg);
/* Appends `bytes`, borrowed until on_done. AX_E_PAYLOAD_TOO_LARGE when they are more than was
 * announced: none of them is written. AX_E_IO (also: the disk is full) may be tried again. */
void ax_spool_write(struct ax_spool_file *file, struct ax_str bytes, ax_op_done_fn *on_done,
                    void *arg);
/* Are these all the bytes, and the ones that were announced? After AX_OK they outlive a power cut,
 * and nothing but ax_spool_close() may follow.
 * AX_E_INVALID_REQUEST when some are missing: they may still come. AX_E_INVALID_BUNDLE when the
 * digest is another: the upload is empty again. AX_E_IO. */
void ax_spool_finish(struct ax_spool_file *file, ax_op_done_fn *on_done, void *arg);
/* Lets go; what has arrived stays. Nothing may be running; again is fine. */
void ax_spool_close(struct ax_spool_file *file);

/* --- bytes that are there --- */

struct ax_spool_ask {
    struct ax_job job;
    uint64_t size;
    int fd; /* ax_spool_load: a memfd, sealed for good; yours, -1 unless AX_OK */
    struct ax_digest digest;
    unsigned removed; /* ax_spool_sweep: files */
    struct ax_err err;
    /* ours */
    struct ax_spool *spool_;
    char id_[AX_ID_LEN + 1];
    int64_t before_s_;
};

/* How many bytes have arrived (`size`)? 0 when none ever did. AX_E_NOT_FOUND (not an id), AX_E_IO. */
void ax_spool_size(struct ax_spool *spool, struct ax_spool_ask *ask, struct ax_str id,
                   ax_op_done_fn *on_done, void *arg);
/* Copies an upload to memory that nobody can change, and measures that: `fd`, `size`, `digest`.
 * AX_E_NOT_FOUND, AX_E_CONFLICT (it is being sent), AX_E_PAYLOAD_TOO_LARGE, AX_E_IO. */
void ax_spool_load(struct ax_spool *spool, struct ax_spool_ask *ask, struct ax_str id,
                   ax_op_done_fn *on_done, void *arg);
/* Removes an upload. Gone already: nothing happens. AX_E_NOT_FOUND (not an id), AX_E_IO. */
void ax_spool_remove(struct ax_spool *spool, struct ax_spool_ask *ask, struct ax_str id,
                     ax_op_done_fn *on_done, void *arg);
/* Removes what nobody has written to since `before_s` (Unix time) and nobody is sending: with
 * AX_UPLOAD_LIFE_MS before now, every file whose row has expired or never came to be. AX_E_IO. */
void ax_spool_sweep(struct ax_spool *spool, struct ax_spool_ask *ask, int64_t before_s,
                    ax_op_done_fn *on_done, void *arg);

#endif

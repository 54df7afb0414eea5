/* SPDX-License-Identifier: Apache-2.0 */
/* store.h - where do bundles lie?
 *
 * One interface to whatever holds published bundles. A key is a kind of object and the 32-byte
 * content hash of its bundle: nothing else can be asked for. Operations belong to the loop's
 * thread (op.h has their rules); blocking work happens on other threads. */
#ifndef AX_STORE_STORE_H
#define AX_STORE_STORE_H

#include "base/alloc.h"
#include "base/err.h"
#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AX_STORE_HASH     32
#define AX_STORE_NAME_MAX 128

enum ax_store_object {
    AX_STORE_BUNDLE,   /* sha256/<hash>/bundle.tar.zst: the only bytes that are trusted by hash */
    AX_STORE_ENVELOPE, /* sha256/<hash>/bundle.dsse.json: its signatures */
};

struct ax_store;

/* Objects under the folder `dir_fd`, which is duplicated. Nothing below it is followed through a
 * symbolic link. */
struct ax_store *ax_store_new_dir(struct ax_loop *loop, int dir_fd);
/* No operation may be running. NULL is fine. */
void ax_store_free(struct ax_store *store);
AX_AUTO_DEFINE(struct ax_store *, ax_store_free)

struct ax_store_get {
    struct ax_op op;
    /* what is asked for: set by ax_store_get() */
    struct ax_store *store;
    enum ax_store_object object;
    uint8_t hash[AX_STORE_HASH];
    uint64_t max;
    /* the answer, yours after on_done */
    int fd; /* memfd sealed for good (write, grow, shrink, seal), or -1 */
    uint64_t size;
    uint8_t sha256[AX_STORE_HASH]; /* of the bytes in `fd` */
    struct ax_err err;
    void *driver; /* the driver's own, NULL outside an operation */
    struct ax_job job;
};

/* Fetches a whole object. on_done comes with AX_OK, AX_E_NOT_FOUND (no such object), AX_E_TOO_BIG
 * (over `max` bytes; no more than that is ever read), AX_E_BUNDLE_UNAVAILABLE (the store does not
 * answer or breaks off: try later), AX_E_IO (this machine refused memory or a descriptor),
 * AX_E_CANCELED; only with AX_OK is `fd` set. `get` need not be initialised. */
void ax_store_get(struct ax_store *store, struct ax_store_get *get, enum ax_store_object object,
                  const uint8_t hash[AX_STORE_HASH], uint64_t max, ax_op_done_fn *on_done,
                  void *arg);

/* As ax_store_get, but only `size` is answered: is it there, how big is it? */
void ax_store_head(struct ax_store *store, struct ax_store_get *get, enum ax_store_object object,
                   const uint8_t hash[AX_STORE_HASH], ax_op_done_fn *on_done, void *arg);

/* Lets go of what a get answered; may be called again, and after a failure. */
void ax_store_get_done(struct ax_store_get *get);

struct ax_store_put {
    struct ax_op op;
    /* what is asked for: set by ax_store_put() and ax_store_replace() */
    struct ax_store *store;
    enum ax_store_object object;
    uint8_t hash[AX_STORE_HASH];
    int fd;
    uint64_t size;
    bool replace;
    uint8_t match[AX_STORE_HASH];
    /* the answer */
    bool existed; /* ax_store_put: an object of this size was there, nothing was written */
    struct ax_err err;
    struct ax_job job;
};

/* Writes bytes [0, size) of `fd` (borrowed until on_done, read with pread) as an object that is not
 * there yet. Others see the whole object or none, whatever happens to us; after AX_OK it outlives a
 * power cut. An object of the same size that is there counts as written (`existed`): two writers of
 * one bundle both succeed. on_done comes with AX_OK, AX_E_EXISTS (it is there with another size),
 * AX_E_BUNDLE_REJECTED (a bundle whose bytes are not of this hash), AX_E_BUNDLE_UNAVAILABLE (the
 * store refuses or is full: try later), AX_E_IO (`fd` cannot be read, or this machine refused a
 * descriptor), AX_E_CANCELED (before it began; what has begun ends). `put` need not be
 * initialised. */
void ax_store_put(struct ax_store *store, struct ax_store_put *put, enum ax_store_object object,
                  const uint8_t hash[AX_STORE_HASH], int fd, uint64_t size, ax_op_done_fn *on_done,
                  void *arg);

/* As ax_store_put, but in the place of an object whose bytes have the SHA-256 `match`, as
 * ax_store_get() answered it. AX_E_PRECONDITION_FAILED when there is none, or another by now. */
void ax_store_replace(struct ax_store *store, struct ax_store_put *put, enum ax_store_object object,
                      const uint8_t hash[AX_STORE_HASH], const uint8_t match[AX_STORE_HASH], int fd,
                      uint64_t size, ax_op_done_fn *on_done, void *arg);

/* "sha256/<hash>/bundle.tar.zst": the object's name below the base. */
void ax_store_object_name(enum ax_store_object object, const uint8_t hash[AX_STORE_HASH],
                          char room[AX_STORE_NAME_MAX]);

#endif

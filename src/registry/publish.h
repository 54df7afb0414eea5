/* SPDX-License-Identifier: Apache-2.0 */
/* publish.h - how does an upload become a version?
 *
 * Its bytes are read once, into memory that nobody can change: what is verified, judged by the
 * builder and stored is the same. The bundle and its envelope go to the store first; the version is
 * visible when one transaction says so, and until then nothing is. What a publish that fails, is
 * canceled or dies leaves in the store is nobody's version, and the next try finds it there. */
#ifndef AX_REGISTRY_PUBLISH_H
#define AX_REGISTRY_PUBLISH_H

#include "base/buf.h"
#include "bundle/envelope.h"
#include "crypto/key.h"
#include "registry/spool.h"
#include "registry/upload.h"
#include "registry/version.h"
#include "registry/writer.h"
#include "store/store.h"

#define AX_PUBLISHES_AT_ONCE 4  /* each has a bundle in memory */
#define AX_PUBLISHES_MAX     64 /* with those that wait */

/* One question to whoever unpacks, checks and compiles bundles. */
struct ax_publish_verdict {
    struct ax_op op; /* begun and completed by the builder */
    /* the question, borrowed until on_done */
    int bundle_fd; /* sealed */
    uint64_t size;
    struct ax_str envelope; /* what must be inside */
    /* the answer */
    struct ax_buf manifest; /* the exact bytes of manifest.json; initialised, freed by us */
    bool has_module;
    struct ax_err err;
    void *own; /* the builder's */
};

/* The builder: on_done comes once for each question, as op.h says, with AX_OK, AX_E_INVALID_BUNDLE,
 * AX_E_INVALID_MANIFEST, AX_E_UNKNOWN_CAPABILITY, AX_E_TOO_BIG, AX_E_BUNDLE_REJECTED (all: the
 * bundle is to blame), or what another try may mend. */
struct ax_publish_builder {
    void (*judge)(void *arg, struct ax_publish_verdict *verdict, ax_op_done_fn *on_done,
                  void *on_done_arg);
    void *arg;
};

struct ax_publishes; /* all of this registry */

struct ax_publishes_parts { /* all borrowed, and outlive the publishes */
    struct ax_loop *loop;
    struct ax_writer *writer;
    struct ax_spool *spool;
    struct ax_store *store;
    struct ax_publish_builder builder;
    const struct ax_private_key *platform_key; /* signs what passed */
};

struct ax_publishes *ax_publishes_new(const struct ax_publishes_parts *parts);
/* No publish may be running. NULL is fine. */
void ax_publishes_free(struct ax_publishes *publishes);

enum publish_state {
    PUBLISH_LOOK,
    PUBLISH_LINE,
    PUBLISH_CHECK,
    PUBLISH_READ,
    PUBLISH_VERIFY,
    PUBLISH_JUDGE,
    PUBLISH_SIGN,
    PUBLISH_BUNDLE,
    PUBLISH_ENVELOPE,
    PUBLISH_COMPARE,
    PUBLISH_REPLACE,
    PUBLISH_COMMIT,
    PUBLISH_DROP,
    PUBLISH_CLEAN,
    PUBLISH_CLOSE,
};

struct ax_publish_key { /* of the publisher, active */
    struct ax_str keyid;
    struct ax_str pem;
};

/* One publish. Filled in by its owner as far as `deadline_ms`; the rest zero. */
struct ax_publish {
    struct ax_op op;
    struct ax_str publisher; /* slug: who asks; must own the upload */
    struct ax_str upload_id;
    struct ax_actor actor;
    struct ax_arena *arena; /* for `version`; ours until on_done */
    uint64_t deadline_ms;   /* of its queries, as in struct ax_query */
    /* the answer */
    struct ax_version version;
    bool existed; /* published before, with these very bytes */
    struct ax_err err;
    /* ours */
    struct ax_publishes *owner_;
    struct ax_publish *next_, *previous_;
    enum publish_state state_;
    enum ax_code code_;
    struct ax_task task_;
    struct ax_upload upload_;
    struct ax_digest hash_;
    struct ax_envelope *envelope_;
    struct ax_publish_key keys_[AX_ENVELOPE_SIGNATURES_MAX];
    size_t key_count_;
    struct ax_query query_;
    struct ax_spool_ask ask_;
    struct ax_job job_;
    struct ax_err job_err_;
    struct ax_publish_verdict verdict_;
    int bundle_fd_, envelope_fd_;
    uint64_t envelope_size_;
    uint8_t envelope_sha256_[AX_STORE_HASH];
    struct ax_store_get get_;
    struct ax_store_put put_;
};

/* Publishes an upload whose bytes have all arrived (ax_upload_set_received()). Publishes of one
 * version, or of one bundle, happen one after another. on_done comes with AX_OK, or
 *  - AX_E_NOT_FOUND (no such upload of this publisher), AX_E_CONFLICT (bytes are missing; the store
 *    holds something else there), AX_E_OVERLOADED, AX_E_CANCELED, AX_E_BUNDLE_UNAVAILABLE,
 *    AX_E_REGISTRY_UNAVAILABLE, AX_E_IO, AX_E_NO_MEMORY, what the builder said: the upload is kept
 *    and may be published again;
 *  - AX_E_FORBIDDEN (not its prefix; a key that is not its or is revoked; the manifest names another
 *    publisher), AX_E_VERSION_EXISTS (other bytes), AX_E_BUNDLE_REVOKED, AX_E_INVALID_BUNDLE (not
 *    what was announced or signed; refused by the builder), AX_E_INVALID_MANIFEST,
 *    AX_E_UNKNOWN_CAPABILITY, AX_E_TOO_BIG: the upload is gone.
 * A cancel that comes too late is AX_OK. */
void ax_publish_start(struct ax_publishes *publishes, struct ax_publish *publish,
                      ax_op_done_fn *on_done, void *arg);

#endif

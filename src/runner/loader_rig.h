/* SPDX-License-Identifier: Apache-2.0 */
/* loader_rig.h - what stands around the loader in its tests?
 *
 * A supervisor and a front, as small as they can be, in the test's process; a real loader and real
 * builders as processes of their own (the test program in those roles); a folder as the store; keys
 * and bundles made on the spot. A failure of the rig itself fails the test. */
#ifndef AX_RUNNER_LOADER_RIG_H
#define AX_RUNNER_LOADER_RIG_H

#include "base/test.h"
#include "bundle/bundle.h"
#include "crypto/key.h"
#include "loop/channel.h"
#include "loop/role.h"
#include "runner/message.h"

#define RIG_BUILDERS_MAX 64
#define RIG_ANSWERS_MAX  512

struct rig_answer { /* of one GET */
    bool done;
    enum ax_code code;
    uint32_t retry_ms;
    char words[320];
    char steps[128]; /* names, a space after each */
    enum ax_abi abi;
    size_t manifest_len;
    off_t code_size; /* -1: no machine code came */
};

struct rig;

struct rig_builder {
    struct rig *rig;
    struct ax_child *child; /* NULL: gone */
    struct ax_channel *control;
    uint64_t id;
};

struct rig {
    struct ax_loop loop;
    char path[64];
    struct ax_settings *settings;
    char *flags[8]; /* more settings for the next rig_start(), freed with the rig */
    size_t flag_count;
    bool hold_builders;       /* they stand still from their birth until rig_release_builders() */
    const char *builder_role; /* "builder", or a test double that misbehaves */

    struct ax_child *loader;
    struct ax_channel *control, *front;
    bool ready;
    int exit_status; /* of the loader */
    struct rig_builder builders[RIG_BUILDERS_MAX];
    size_t builder_count; /* started so far */

    uint64_t last_id;
    unsigned recheck_count; /* how often the front was told to ask again */
    bool cache_writable;    /* as the loader said last */
    struct rig_answer answers[RIG_ANSWERS_MAX];

    struct ax_private_key *key, *other_key; /* the first is in the trust bundle */
};

/* Makes folders, keys and a trust bundle. */
struct rig *rig_new(void);
/* Starts a loader with the settings so far; returns when it is ready and has its folders. */
void rig_start(struct rig *rig);
void rig_flag(struct rig *rig, const char *flag); /* "--runner-offline=true" */
/* Writes the trust bundle anew with the public half of `key`; a running loader reloads it. */
void rig_trust(struct rig *rig, const struct ax_private_key *key);
/* Drains the loader and checks that it ends with 0. */
void rig_stop(struct rig *rig);
/* Kills it at once. */
void rig_kill(struct rig *rig);
void rig_free(struct rig *rig);

/* Hangs up and comes back, as a front that died. */
void rig_new_front(struct rig *rig);
/* Asks for `hash`; the id of the question. */
uint64_t rig_ask(struct rig *rig, const struct ax_digest *hash);
/* Runs everything until that question is answered. */
const struct rig_answer *rig_wait(struct rig *rig, uint64_t id);
const struct rig_answer *rig_get(struct rig *rig, const struct ax_digest *hash);
void rig_release_builders(struct rig *rig);
/* Runs everything until all builders are gone. */
void rig_wait_builders(struct rig *rig);

struct rig_bundle {            /* how to make one; zero: a good one */
    const char *version;       /* "1.0.0" */
    const char *manifest_more; /* members in front of the others: "\"x\":1," */
    const void *wasm;          /* NULL: a module that does nothing */
    size_t wasm_len;
    bool without_module;
    size_t ui_bytes; /* of noise in ui/big.bin */
    const char *signed_name, *signed_version;
    const struct ax_private_key *signer; /* NULL: rig->key */
    int64_t expires_s;
    bool not_signed, not_stored;
    struct ax_str bytes; /* instead of an archive */
    long flip;           /* this byte of the stored bundle is changed, from 1 */
    long cut;            /* this many bytes at the end are left out */
};

/* Puts a bundle into the store. */
struct ax_digest rig_publish(struct rig *rig, const struct rig_bundle *bundle);
/* Puts another envelope beside it. */
void rig_sign_again(struct rig *rig, const struct ax_digest *hash, const struct rig_bundle *bundle);
void rig_unpublish(struct rig *rig, const struct ax_digest *hash);
/* "<rig>/cache/<hash>/<name>" */
const char *rig_cache_path(const struct rig *rig, const struct ax_digest *hash, const char *name,
                           char room[256]);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* publish_kit.h - what does a test of publishing stand on?
 *
 * A registry with publisher "acme", a spool, a folder store, and a builder that reads bundles in
 * this process. */
#ifndef AX_REGISTRY_PUBLISH_KIT_H
#define AX_REGISTRY_PUBLISH_KIT_H

#include "registry/publish.h"
#include "registry/writer_kit.h"

struct package { /* a bundle and what is said about it */
    int fd;
    struct ax_statement statement;
    char *envelope;
};

struct scene {
    struct writer_kit kit;
    int uploads_fd, store_fd;
    struct ax_spool *spool;
    struct ax_store *store;
    struct ax_publishes *publishes;
    struct ax_private_key *platform_key;
    struct ax_private_key *key; /* registered */
    enum ax_code builder_says;  /* instead of a verdict, unless AX_OK */
    bool builder_lies;          /* gives another manifest back */
    unsigned judged;            /* questions to the builder */
    enum publish_state stop_at; /* on_stop when the watched publish is seen in it; 0: never */
    unsigned stop_turn;         /* on_stop after so many turns of the loop; 0: never */
    void (*on_stop)(struct ax_publish *publish);
    unsigned turns; /* of the loop, in the last scene_wait() */
    struct ax_publish *watched;
    uv_idle_t idle;
    unsigned running;
};

void scene_init(struct scene *scene);
void scene_done(struct scene *scene);
/* Lets go of the database, the loop and its threads, so that another process may take them up. */
void scene_close(struct scene *scene);
void scene_open(struct scene *scene);

/* Packs a manifest and a page; signed by `key` (NULL: the registered one). */
struct package scene_pack(struct scene *scene, const char *name, const char *version,
                          const char *page, const struct ax_private_key *key);
void package_sign(struct package *package, const struct ax_private_key *key);
void package_done(struct package *package);

struct
try { /* one publish and how it ended */
    struct ax_publish publish;
    struct ax_arena arena;
    struct scene *scene;
    char upload_id[AX_ID_LEN + 1];
    unsigned ends;
    enum ax_code code;
};
/* Makes the upload: the row, the bytes, and that they have arrived. */
void try_upload(struct scene *scene, struct try *try, const struct package *package);
void try_start(struct try *try);
void try_done(struct try *try);
void scene_wait(struct scene *scene); /* for all that were started */
/* Upload, publish, end. */
enum ax_code scene_publish(struct scene *scene, const struct package *package);

bool scene_has_version(struct scene *scene, const struct package *package);
bool scene_has_upload(struct scene *scene, const struct try *try); /* the row; bytes go with it */
/* The version, its bundle and its envelope with both signatures are there. */
void scene_is_whole(struct scene *scene, const struct package *package);

#endif

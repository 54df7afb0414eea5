/* SPDX-License-Identifier: Apache-2.0 */
/* test_kit.h - what does a test of the registry stand on? A database of its own, with a publisher. */
#ifndef AX_REGISTRY_TEST_KIT_H
#define AX_REGISTRY_TEST_KIT_H

#include "base/test.h"
#include "registry/audit.h"
#include "registry/changes.h"
#include "registry/extension.h"
#include "registry/install.h"
#include "registry/publisher.h"
#include "registry/revocation.h"
#include "registry/version.h"

#define KIT_ARENA_MAX (16u << 20)

struct kit {
    char dir[48];
    char path[64];
    struct ax_db *db; /* NULL while closed */
    struct ax_arena arena;
    struct ax_err err;
    struct ax_model model;
    struct ax_str keyid; /* of acme's registered key */
};

/* An empty database; kit_publisher() adds "acme" with prefix "com.acme." and a key. */
void kit_init(struct kit *kit);
void kit_done(struct kit *kit);
void kit_open(struct kit *kit);
void kit_close(struct kit *kit);
void kit_publisher(struct kit *kit);
/* A new key in PEM, in the arena. */
struct ax_str kit_key(struct kit *kit);

/* An operation in a savepoint, as the writer runs it: on failure nothing of it remains. */
void kit_begin(struct kit *kit);
enum ax_code kit_end(struct kit *kit, enum ax_code code);
#define KIT(kit, expression) (kit_begin(kit), kit_end((kit), (expression)))

/* A manifest of acme; `more` is further members, each with a comma before it, or "". */
struct ax_str kit_manifest(struct kit *kit, const char *name, const char *version,
                           const char *more);
/* Publishes it; the content hash is that of the manifest. */
enum ax_code kit_publish(struct kit *kit, const char *name, const char *version, const char *more,
                         struct ax_version *ret_version);
/* Installs the latest "com.acme.hello" for `tenant`, without config and grants, enabled. */
struct ax_install kit_install(struct kit *kit, const char *tenant);
/* The whole chain of the audit. */
enum ax_code kit_verify(struct ax_model *model);

#endif

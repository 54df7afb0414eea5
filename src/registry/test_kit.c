/* SPDX-License-Identifier: Apache-2.0 */
/* test_kit.c - what does a test of the registry stand on? */
#include "registry/test_kit.h"

#include "base/clock.h"
#include "crypto/key.h"

#include <stdio.h>
#include <unistd.h>

void kit_init(struct kit *kit)
{
    *kit = (struct kit){ .dir = "/tmp/registry_test.XXXXXX" };
    T_TRUE(mkdtemp(kit->dir) != NULL);
    snprintf(kit->path, sizeof(kit->path), "%s/registry.db", kit->dir);
    ax_arena_init(&kit->arena, KIT_ARENA_MAX);
    kit_open(kit);
}

void kit_open(struct kit *kit)
{
    if (ax_db_open(kit->path, &kit->db, &kit->err) != AX_OK)
        fail_msg("the database does not open: %s", kit->err.message);
    kit->model = (struct ax_model){
        .db = kit->db,
        .arena = &kit->arena,
        .actor = { AX_STR("admin"), AX_STR("req-1") },
        .now_ms = ax_clock_wall_ms(),
        .err = &kit->err,
    };
}

void kit_close(struct kit *kit)
{
    ax_db_close(kit->db);
    kit->db = NULL;
}

void kit_done(struct kit *kit)
{
    char command[96];

    kit_close(kit);
    ax_arena_done(&kit->arena);
    snprintf(command, sizeof(command), "rm -rf '%s'", kit->dir);
    T_EQ(system(command), 0);
}

struct ax_str kit_key(struct kit *kit)
{
    AX_AUTO(ax_private_key_free) struct ax_private_key *key = NULL;
    AX_AUTO_BUF struct ax_buf pem = { .max = AX_KEY_PEM_MAX };

    T_OK(ax_private_key_generate(AX_KEY_ED25519, &key, NULL));
    T_OK(ax_public_key_to_pem(ax_private_key_public(key), &pem));
    return ax_arena_dup(&kit->arena, ax_buf_str(&pem));
}

void kit_publisher(struct kit *kit)
{
    struct ax_publisher publisher;
    struct ax_publisher_key key;

    T_OK(KIT(kit,
             ax_publisher_create(&kit->model, AX_STR("acme"), AX_STR("Acme Inc."), &publisher)));
    T_OK(KIT(kit, ax_publisher_prefix_add(&kit->model, AX_STR("acme"), AX_STR("com.acme."))));
    T_OK(KIT(kit, ax_publisher_key_add(&kit->model, AX_STR("acme"), kit_key(kit), &key)));
    kit->keyid = key.keyid;
}

void kit_begin(struct kit *kit)
{
    kit->err = (struct ax_err){ .code = AX_OK };
    T_OK(ax_db_run(kit->db, &kit->err, "SAVEPOINT op"));
}

enum ax_code kit_end(struct kit *kit, enum ax_code code)
{
    struct ax_err ignored;

    if (code != AX_OK)
        T_OK(ax_db_run(kit->db, &ignored, "ROLLBACK TO op"));
    T_OK(ax_db_run(kit->db, &ignored, "RELEASE op"));
    return code;
}

struct ax_str kit_manifest(struct kit *kit, const char *name, const char *version, const char *more)
{
    char text[4096];

    snprintf(text, sizeof(text),
             "{\"name\":\"%s\",\"publisher\":\"acme\",\"version\":\"%s\",\"runtime\":\"core@1\"%s}",
             name, version, more);
    return ax_arena_dup(&kit->arena, ax_str_of(text));
}

enum ax_code kit_publish(struct kit *kit, const char *name, const char *version, const char *more,
                         struct ax_version *ret_version)
{
    struct ax_str manifest = kit_manifest(kit, name, version, more);
    struct ax_version_new in = {
        .publisher = AX_STR("acme"),
        .keyid = kit->keyid,
        .manifest_json = manifest,
        .content_hash = ax_digest_of(manifest),
        .size = 1234,
        .has_module = true,
    };
    bool existed = false;

    return KIT(kit, ax_version_create(&kit->model, &in, ret_version, &existed));
}

struct ax_install kit_install(struct kit *kit, const char *tenant)
{
    struct ax_install_new in = {
        .tenant = ax_str_of(tenant),
        .extension = AX_STR("com.acme.hello"),
        .enable = true,
    };
    struct ax_install install;

    T_OK(KIT(kit, ax_install_create(&kit->model, &in, &install)));
    return install;
}

enum ax_code kit_verify(struct ax_model *model)
{
    struct ax_audit_walk walk = { .seq = 0 };
    enum ax_code code = AX_OK;

    while (code == AX_OK && !walk.done)
        code = ax_audit_verify(model, &walk, 100);
    return code;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* read_model_test.c - does a tenant get its own installs, and nobody else's? */
#include "gateway/read_model.h"

#include "bundle/capability.h"
#include "gateway/test_scene.h"

#include <stdio.h>

#define NOT_AVAILABLE AX_STR("not available")

#define UI ",\"ui\":{\"type\":\"iframe\"}"

/* Tenant t1 runs hello 1.0.0, t2 too; t1 also world. */
static struct ax_read_model *scene_new(void)
{
    struct ax_read_model *model = ax_read_model_new();

    scene_extension(model, "ext_hello", "com.acme.hello");
    scene_extension(model, "ext_world", "com.acme.world");
    scene_version(model, "ver_h1", "ext_hello", "com.acme.hello", "1.0.0", 1, UI);
    scene_version(model, "ver_h2", "ext_hello", "com.acme.hello", "2.0.0", 2, UI);
    scene_version(model, "ver_w1", "ext_world", "com.acme.world", "1.0.0", 3, UI);
    scene_install(model, "ins_1h", "t1", "ext_hello", "ver_h1", AX_INSTALL_ENABLED);
    scene_install(model, "ins_1w", "t1", "ext_world", "ver_w1", AX_INSTALL_ENABLED);
    scene_install(model, "ins_2h", "t2", "ext_hello", "ver_h1", AX_INSTALL_ENABLED);
    return model;
}

TEST(model_resolves_every_spelling_inside_the_tenant)
{
    static const char *const spellings[] = {
        "ext_hello",           "EXT_Hello",           "com.acme.hello",      "COM.acme.HELLO",
        "Acme.com.acme.hello", "acme.com.acme.hello", "ACME.COM.ACME.HELLO",
    };
    AX_AUTO(ax_read_model_free) struct ax_read_model *model = scene_new();

    for (size_t i = 0; i < AX_ARRAY_LEN(spellings); i++) {
        T_STR(scene_resolve(model, "t1", spellings[i]), AX_STR("ins_1h"));
        T_STR(scene_resolve(model, "t2", spellings[i]), AX_STR("ins_2h"));
        T_STR(scene_resolve(model, "t3", spellings[i]), NOT_AVAILABLE);
    }
    T_STR(scene_resolve(model, "t1", "ins_1h"), AX_STR("ins_1h"));
    T_STR(scene_resolve(model, "t1", "INS_1H"), AX_STR("ins_1h"));
    T_STR(scene_resolve(model, "t2", "ins_1h"), NOT_AVAILABLE);
    T_STR(scene_resolve(model, "T1", "ins_1h"), NOT_AVAILABLE); /* tenants are not folded */
    T_STR(scene_resolve(model, "", "ins_1h"), NOT_AVAILABLE);
}

TEST(model_gives_one_answer_for_everything_that_is_not_there)
{
    static const char *const unknown[] = { "",
                                           "com.acme",
                                           "com.acme.hell",
                                           "com.acme.hello.",
                                           "acme",
                                           "other.com.acme.hello",
                                           ".com.acme.hello",
                                           "ver_h1",
                                           "ext_",
                                           "ins_2h" };
    AX_AUTO(ax_read_model_free) struct ax_read_model *model = scene_new();
    char longest[600];

    for (size_t i = 0; i < AX_ARRAY_LEN(unknown); i++)
        T_STR(scene_resolve(model, "t1", unknown[i]), NOT_AVAILABLE);
    for (size_t len = 380; len < sizeof(longest); len++) {
        memset(longest, 'a', len);
        longest[len] = '\0';
        T_STR(scene_resolve(model, "t1", longest), NOT_AVAILABLE);
    }
    T_STR(scene_resolve(model, "t2", "com.acme.world"), NOT_AVAILABLE);
    T_STR(scene_resolve(model, "t1", "com.acme.world"), AX_STR("ins_1w"));
}

TEST(model_gives_only_what_is_enabled)
{
    static const enum ax_install_status off[] = { AX_INSTALL_DISABLED, AX_INSTALL_PENDING,
                                                  AX_INSTALL_UNINSTALLED };
    AX_AUTO(ax_read_model_free) struct ax_read_model *model = scene_new();

    for (size_t i = 0; i < AX_ARRAY_LEN(off); i++) {
        scene_install(model, "ins_1h", "t1", "ext_hello", "ver_h1", off[i]);
        T_STR(scene_resolve(model, "t1", "com.acme.hello"), NOT_AVAILABLE);
        T_STR(scene_resolve(model, "t1", "ins_1h"), NOT_AVAILABLE);
        T_STR(scene_resolve(model, "t2", "com.acme.hello"), AX_STR("ins_2h"));
        scene_install(model, "ins_1h", "t1", "ext_hello", "ver_h1", AX_INSTALL_ENABLED);
        T_STR(scene_resolve(model, "t1", "com.acme.hello"), AX_STR("ins_1h"));
    }
}

TEST(model_gives_nothing_that_is_revoked)
{
    AX_AUTO(ax_read_model_free) struct ax_read_model *model = scene_new();
    const uint8_t hash[32] = { 1 };

    scene_revoke(model, 1);
    scene_revoke(model, 1);
    T_STR(scene_resolve(model, "t1", "com.acme.hello"), NOT_AVAILABLE);
    T_STR(scene_resolve(model, "t2", "ins_2h"), NOT_AVAILABLE);
    T_STR(scene_resolve(model, "t1", "com.acme.world"), AX_STR("ins_1w"));
    scene_install(model, "ins_1h", "t1", "ext_hello", "ver_h2", AX_INSTALL_ENABLED);
    T_STR(scene_resolve(model, "t1", "com.acme.hello"), AX_STR("ins_1h"));
    ax_read_model_drop(model, &(struct ax_model_gone){ AX_MODEL_KIND_REVOCATION,
                                                       ax_str_make(hash, sizeof(hash)) });
    T_STR(scene_resolve(model, "t2", "ins_2h"), AX_STR("ins_2h"));
    T_OK(ax_read_model_revoke(
        model, &(struct ax_model_revocation){ AX_MODEL_REVOKED_KEY, AX_STR("some key") }));
    T_EQ(ax_read_model_counts(model).revoked, 0);
}

TEST(model_gives_only_versions_that_can_be_used)
{
    AX_AUTO(ax_read_model_free) struct ax_read_model *model = scene_new();
    struct ax_model_version_row row = {
        .id = AX_STR("ver_x"),
        .extension_id = AX_STR("ext_hello"),
        .version = AX_STR("3.0.0"),
    };
    static const struct {
        const char *name, *version, *rest;
        bool fine;
    } rows[] = {
        { "com.acme.hello", "3.0.0", UI, true },
        { "com.acme.hello", "3.0.1", UI, false },         /* another version */
        { "com.acme.world", "3.0.0", UI, false },         /* another extension */
        { "com.acme.hello", "3.0.0", ",\"x\":1", false }, /* not valid */
        { "com.acme.hello", "3.0.0", "", true },
    };

    scene_install(model, "ins_1h", "t1", "ext_hello", "ver_x", AX_INSTALL_ENABLED);
    T_STR(scene_resolve(model, "t1", "ins_1h"), NOT_AVAILABLE); /* was not told yet */
    for (size_t i = 0; i < AX_ARRAY_LEN(rows); i++) {
        row.manifest = scene_manifest(rows[i].name, rows[i].version, rows[i].rest);
        T_OK(ax_read_model_put_version(model, &row));
        T_STR(scene_resolve(model, "t1", "ins_1h"),
              rows[i].fine ? AX_STR("ins_1h") : NOT_AVAILABLE);
    }
    row.extension_id = AX_STR("ext_world"); /* a version of something else */
    T_OK(ax_read_model_put_version(model, &row));
    T_STR(scene_resolve(model, "t1", "ins_1h"), NOT_AVAILABLE);
}

TEST(model_takes_rows_in_any_order)
{
    AX_AUTO(ax_read_model_free) struct ax_read_model *model = ax_read_model_new();

    scene_install(model, "ins_1", "t", "ext_1", "ver_1", AX_INSTALL_ENABLED);
    T_STR(scene_resolve(model, "t", "ins_1"), NOT_AVAILABLE);
    scene_version(model, "ver_1", "ext_1", "com.acme.hello", "1.0.0", 1, UI);
    T_STR(scene_resolve(model, "t", "ins_1"), NOT_AVAILABLE);
    scene_extension(model, "ext_1", "com.acme.hello");
    T_STR(scene_resolve(model, "t", "com.acme.hello"), AX_STR("ins_1"));
    scene_gone(model, AX_MODEL_KIND_EXTENSION, "ext_1");
    T_STR(scene_resolve(model, "t", "ins_1"), NOT_AVAILABLE);
    T_STR(scene_resolve(model, "t", "com.acme.hello"), NOT_AVAILABLE);
    scene_extension(model, "ext_1", "com.acme.hello");
    T_STR(scene_resolve(model, "t", "ins_1"), AX_STR("ins_1"));
    scene_gone(model, AX_MODEL_KIND_VERSION, "ver_1");
    T_STR(scene_resolve(model, "t", "ins_1"), NOT_AVAILABLE);
    scene_version(model, "ver_1", "ext_1", "com.acme.hello", "1.0.0", 1, UI);
    T_STR(scene_resolve(model, "t", "ins_1"), AX_STR("ins_1"));
    scene_gone(model, AX_MODEL_KIND_INSTALL, "ins_1");
    scene_gone(model, AX_MODEL_KIND_INSTALL, "ins_1");
    T_STR(scene_resolve(model, "t", "ins_1"), NOT_AVAILABLE);
    scene_gone(model, AX_MODEL_KIND_VERSION, "ver_1");
    scene_gone(model, AX_MODEL_KIND_EXTENSION, "ext_1");
    struct ax_read_model_counts counts = ax_read_model_counts(model);
    T_EQ(counts.extensions + counts.versions + counts.installs + counts.tenants + counts.texts, 0);
}

TEST(model_rows_may_change_what_they_belong_to)
{
    AX_AUTO(ax_read_model_free) struct ax_read_model *model = scene_new();

    scene_extension(model, "ext_hello",
                    "com.acme.hallo"); /* another name: its manifests are not of it */
    T_STR(scene_resolve(model, "t1", "com.acme.hello"), NOT_AVAILABLE);
    scene_extension(model, "ext_new", "com.acme.hello"); /* the name goes to whoever came last */
    T_STR(scene_resolve(model, "t1", "com.acme.hello"), NOT_AVAILABLE);
    scene_extension(model, "ext_hello", "com.acme.hello");
    T_STR(scene_resolve(model, "t1", "com.acme.hello"), AX_STR("ins_1h"));
    scene_gone(model, AX_MODEL_KIND_EXTENSION, "ext_new");
    T_STR(scene_resolve(model, "t1", "com.acme.hello"), AX_STR("ins_1h"));
    scene_install(model, "ins_1h", "t3", "ext_hello", "ver_h1", AX_INSTALL_ENABLED);
    T_STR(scene_resolve(model, "t1", "ins_1h"), NOT_AVAILABLE);
    T_STR(scene_resolve(model, "t3", "com.acme.hello"), AX_STR("ins_1h"));
    scene_install(model, "ins_3b", "t3", "ext_hello", "ver_h2", AX_INSTALL_ENABLED);
    T_STR(scene_resolve(model, "t3", "com.acme.hello"), AX_STR("ins_3b"));
    T_STR(scene_resolve(model, "t3", "ins_1h"), NOT_AVAILABLE); /* at most one of an extension */
    scene_gone(model, AX_MODEL_KIND_INSTALL, "ins_1h");
    T_STR(scene_resolve(model, "t3", "com.acme.hello"), AX_STR("ins_3b"));
}

/* A disabled install keeps its name: the request must not slip to another extension. */
TEST(model_name_of_a_disabled_install_leads_nowhere_else)
{
    AX_AUTO(ax_read_model_free) struct ax_read_model *model = scene_new();

    scene_extension(model, "ext_trick", "acme.com.acme.hello");
    scene_version(model, "ver_t", "ext_trick", "acme.com.acme.hello", "1.0.0", 9, UI);
    T_STR(scene_resolve(model, "t1", "acme.com.acme.hello"), AX_STR("ins_1h"));
    scene_install(model, "ins_t", "t1", "ext_trick", "ver_t", AX_INSTALL_ENABLED);
    T_STR(scene_resolve(model, "t1", "acme.com.acme.hello"), AX_STR("ins_t"));
    T_STR(scene_resolve(model, "t2", "acme.com.acme.hello"), AX_STR("ins_2h"));
    scene_install(model, "ins_t", "t1", "ext_trick", "ver_t", AX_INSTALL_DISABLED);
    T_STR(scene_resolve(model, "t1", "acme.com.acme.hello"), NOT_AVAILABLE);
}

TEST(model_tells_all_of_an_install)
{
    AX_AUTO(ax_read_model_free) struct ax_read_model *model = scene_new();
    const struct ax_model_install *install = NULL;

    T_OK(ax_read_model_resolve(model, AX_STR("t1"), AX_STR("com.acme.hello"), &install));
    T_STR(install->tenant, AX_STR("t1"));
    T_STR(install->extension->id, AX_STR("ext_hello"));
    T_STR(install->extension->name, AX_STR("com.acme.hello"));
    T_STR(install->extension->publisher, AX_STR("Acme"));
    T_STR(install->version->id, AX_STR("ver_h1"));
    T_STR(install->version->version, AX_STR("1.0.0"));
    T_TRUE(install->version->extension == install->extension);
    T_STR(install->config, AX_STR("{\"greeting\":\"Hi\"}"));
    T_STR(install->egress, AX_STR("[\"api.acme.com\"]"));
    T_EQ(install->capabilities, AX_CAP_HTTP_FETCH | AX_CAP_STORAGE_KV);
    T_STR(install->host_grants, AX_STR("invoice.create,order.read"));
    T_TRUE(ax_manifest_has_ui(install->version->manifest));
    T_EQ(ax_endpoints_permission_count(install->version->endpoints), 1);
}

TEST(model_refuses_a_config_that_is_no_object)
{
    static const char *const bad[] = { "[]", "1", "{", "{\"a\":1,\"a\":1}", "null", "{}}" };
    AX_AUTO(ax_read_model_free) struct ax_read_model *model = scene_new();
    struct ax_model_install_row row = { .id = AX_STR("ins_1h"),
                                        .tenant = AX_STR("t1"),
                                        .extension_id = AX_STR("ext_hello"),
                                        .version_id = AX_STR("ver_h2"),
                                        .status = AX_INSTALL_ENABLED };
    const struct ax_model_install *install = NULL;

    for (size_t i = 0; i < AX_ARRAY_LEN(bad); i++) {
        row.config = ax_str_of(bad[i]);
        T_CODE(ax_read_model_put_install(model, &row), AX_E_INVALID_REQUEST);
    }
    T_OK(ax_read_model_resolve(model, AX_STR("t1"), AX_STR("ins_1h"), &install));
    T_STR(install->version->id, AX_STR("ver_h1"));
    row.config = AX_STR("");
    T_OK(ax_read_model_put_install(model, &row));
    T_OK(ax_read_model_resolve(model, AX_STR("t1"), AX_STR("ins_1h"), &install));
    T_STR(install->version->id, AX_STR("ver_h2"));
    T_STR(install->config, AX_STR("{}"));
    T_STR(install->egress, AX_STR("[]"));
    T_EQ(install->capabilities, 0);
}

TEST(model_lists_the_tenants_own)
{
    AX_AUTO(ax_read_model_free) struct ax_read_model *model = scene_new();
    const struct ax_model_install *install;
    size_t count = 0;

    for (install = ax_read_model_first(model, AX_STR("t1")); install;
         install = ax_read_model_after(model, install), count++)
        T_STR(install->tenant, AX_STR("t1"));
    T_EQ(count, 2);
    scene_install(model, "ins_1w", "t1", "ext_world", "ver_w1", AX_INSTALL_DISABLED);
    install = ax_read_model_first(model, AX_STR("t1"));
    T_STR(install->id, AX_STR("ins_1h"));
    T_TRUE(ax_read_model_after(model, install) == NULL);
    T_TRUE(ax_read_model_first(model, AX_STR("t9")) == NULL);
}

/* The same row again leaves a version's manifest where it is. */
TEST(model_reads_a_version_once)
{
    AX_AUTO(ax_read_model_free) struct ax_read_model *model = scene_new();
    const struct ax_model_install *install = NULL;
    const struct ax_manifest *manifest;

    T_OK(ax_read_model_resolve(model, AX_STR("t1"), AX_STR("ins_1h"), &install));
    manifest = install->version->manifest;
    scene_version(model, "ver_h1", "ext_hello", "com.acme.hello", "1.0.0", 1, UI);
    T_OK(ax_read_model_resolve(model, AX_STR("t1"), AX_STR("ins_1h"), &install));
    T_TRUE(install->version->manifest == manifest);
}

TEST(model_keeps_equal_texts_once)
{
    AX_AUTO(ax_read_model_free) struct ax_read_model *model = scene_new();

    for (unsigned i = 0; i < 500; i++) {
        char id[16], tenant[16];

        snprintf(id, sizeof(id), "ins_x%u", i);
        snprintf(tenant, sizeof(tenant), "x%u", i);
        scene_install(model, id, tenant, "ext_hello", "ver_h1", AX_INSTALL_ENABLED);
    }
    T_EQ(ax_read_model_counts(model).installs, 503);
    T_EQ(ax_read_model_counts(model).tenants, 502);
    T_EQ(ax_read_model_counts(model).texts, 3);
}

/* A row that found no memory changed nothing; the model stays whole. */
TEST(model_survives_every_refused_allocation)
{
    T_SWEEP() {
        AX_AUTO(ax_read_model_free) struct ax_read_model *model = ax_read_model_new();
        const struct ax_model_extension_row extension = { AX_STR("e"), AX_STR("com.acme.hello"),
                                                          AX_STR("acme") };
        const struct ax_model_version_row version = {
            .id = AX_STR("v"),
            .extension_id = AX_STR("e"),
            .version = AX_STR("1.0.0"),
            .manifest = scene_manifest("com.acme.hello", "1.0.0", UI),
        };
        struct ax_model_install_row install = {
            .id = AX_STR("i"),
            .tenant = AX_STR("t"),
            .extension_id = AX_STR("e"),
            .version_id = AX_STR("v"),
            .status = AX_INSTALL_ENABLED,
            .config = AX_STR("{\"a\":1}"),
            .grants = { AX_STR_INIT("http.fetch") },
            .grant_count = 1,
            .egress = { AX_STR_INIT("a.b") },
            .egress_count = 1,
        };
        const uint8_t hash[32] = { 7 };
        enum ax_code codes[5];

        codes[0] = ax_read_model_put_install(model, &install);
        codes[1] = ax_read_model_put_version(model, &version);
        codes[2] = ax_read_model_put_extension(model, &extension);
        codes[3] = ax_read_model_revoke(
            model, &(struct ax_model_revocation){ AX_MODEL_REVOKED_HASH,
                                                  ax_str_make(hash, sizeof(hash)) });
        install.tenant = AX_STR("u");
        codes[4] = ax_read_model_put_install(model, &install);
        for (size_t i = 0; i < AX_ARRAY_LEN(codes); i++)
            T_TRUE(codes[i] == AX_OK || codes[i] == AX_E_NO_MEMORY);
        const char *tenant = codes[4] == AX_OK ? "u" : "t";
        bool there = codes[1] == AX_OK && codes[2] == AX_OK &&
                     (codes[4] == AX_OK || codes[0] == AX_OK);
        T_STR(scene_resolve(model, tenant, "com.acme.hello"), there ? AX_STR("i") : NOT_AVAILABLE);
    }
}

/* Random changes, against a plain table of what should be. */
TEST(model_agrees_with_a_table_after_random_changes)
{
    enum { TENANTS = 5, EXTENSIONS = 4, ROUNDS = 4000 };
    AX_AUTO(ax_read_model_free) struct ax_read_model *model = ax_read_model_new();
    bool extension_known[EXTENSIONS] = { false }, version_known[EXTENSIONS] = { false };
    bool revoked[EXTENSIONS] = { false };
    int status[TENANTS][EXTENSIONS] = { { 0 } };
    uint32_t seed = 88172645u;

    for (unsigned round = 0; round < ROUNDS; round++) {
        seed ^= seed << 13, seed ^= seed >> 17, seed ^= seed << 5;
        unsigned t = seed % TENANTS, e = seed / 8 % EXTENSIONS, what = seed / 64 % 10;
        char ext[16], ver[16], ins[16], tenant[16], name[32];
        const uint8_t hash[32] = { (uint8_t)(e + 1) };

        snprintf(ext, sizeof(ext), "ext_%u", e);
        snprintf(ver, sizeof(ver), "ver_%u", e);
        snprintf(ins, sizeof(ins), "ins_%u_%u", t, e);
        snprintf(tenant, sizeof(tenant), "t%u", t);
        snprintf(name, sizeof(name), "com.acme.x%u", e);
        if (what == 0) {
            scene_gone(model, AX_MODEL_KIND_EXTENSION, ext);
            extension_known[e] = false;
        } else if (what == 1) {
            scene_gone(model, AX_MODEL_KIND_VERSION, ver);
            version_known[e] = false;
        } else if (what <= 3) {
            scene_extension(model, ext, name);
            extension_known[e] = true;
        } else if (what <= 5) {
            scene_version(model, ver, ext, name, "1.0.0", (uint8_t)(e + 1), UI);
            version_known[e] = true;
        } else if (what == 6 && seed / 1024 % 2) {
            scene_revoke(model, (uint8_t)(e + 1));
            revoked[e] = true;
        } else if (what == 6) {
            ax_read_model_drop(model, &(struct ax_model_gone){ AX_MODEL_KIND_REVOCATION,
                                                               ax_str_make(hash, sizeof(hash)) });
            revoked[e] = false;
        } else {
            status[t][e] = (int)(seed / 2048 % 4) + 1;
            scene_install(model, ins, tenant, ext, ver, (enum ax_install_status)status[t][e]);
        }
        for (t = 0; t < TENANTS; t++) {
            snprintf(tenant, sizeof(tenant), "t%u", t);
            snprintf(ins, sizeof(ins), "ins_%u_%u", t, e);
            bool there = extension_known[e] && version_known[e] && !revoked[e] &&
                         status[t][e] == AX_INSTALL_ENABLED;
            T_STR(scene_resolve(model, tenant, name), there ? ax_str_of(ins) : NOT_AVAILABLE);
        }
    }
}

TEST_MAIN()

/* SPDX-License-Identifier: Apache-2.0 */
/* install_test.c - do install.h and config.h hold what they promise? */
#include "registry/install.h"

#include "registry/test_kit.h"

#define CONFIG                                                                     \
    ",\"config\":{\"word\":{\"type\":\"string\",\"required\":true},"               \
    "\"count\":{\"type\":\"number\",\"default\":3},\"on\":{\"type\":\"boolean\"}," \
    "\"size\":{\"type\":\"enum\",\"values\":[\"s\",\"l\"],\"default\":\"s\"}}"
#define ASKS ",\"capabilities\":[\"cap:http.fetch\",\"invoice.read\"],\"egress\":[\"a.acme.com\"]"

struct scene {
    struct kit kit;
    struct ax_install install;
    struct ax_version version;
};

/* "com.acme.hello" 1.0.0 with `more` in its manifest. */
static void scene_init(struct scene *scene, const char *more)
{
    kit_init(&scene->kit);
    kit_publisher(&scene->kit);
    T_OK(kit_publish(&scene->kit, "com.acme.hello", "1.0.0", more, &scene->version));
}

static enum ax_code scene_create(struct scene *scene, const struct ax_install_new *in)
{
    return KIT(&scene->kit, ax_install_create(&scene->kit.model, in, &scene->install));
}

static struct ax_install_ref ref_of(const struct ax_install *install)
{
    return (struct ax_install_ref){ .id = install->id };
}

static struct ax_install_new hello(void)
{
    return (struct ax_install_new){ .tenant = AX_STR("t1"), .extension = AX_STR("com.acme.hello") };
}

static enum ax_code configure(struct scene *scene, const char *json)
{
    struct ax_install_ref ref = ref_of(&scene->install);

    return KIT(&scene->kit,
               ax_install_configure(&scene->kit.model, &ref, ax_str_of(json), &scene->install));
}

static enum ax_code enable(struct scene *scene, bool enabled)
{
    struct ax_install_ref ref = ref_of(&scene->install);

    return KIT(&scene->kit,
               ax_install_set_enabled(&scene->kit.model, &ref, enabled, &scene->install));
}

static enum ax_code upgrade(struct scene *scene, const char *version, const char *config)
{
    struct ax_install_ref ref = ref_of(&scene->install);

    return KIT(&scene->kit, ax_install_upgrade(&scene->kit.model, &ref, ax_str_of(version),
                                               ax_str_of(config), &scene->install));
}

static enum ax_code rollback(struct scene *scene)
{
    struct ax_install_ref ref = ref_of(&scene->install);

    return KIT(&scene->kit, ax_install_rollback(&scene->kit.model, &ref, &scene->install));
}

static enum ax_code uninstall(struct scene *scene, bool erase)
{
    struct ax_install_ref ref = ref_of(&scene->install);

    return KIT(&scene->kit, ax_install_uninstall(&scene->kit.model, &ref, erase, &scene->install));
}

TEST(install_is_one_per_tenant_and_extension)
{
    struct ax_install_new in = hello();
    struct ax_str first;
    struct scene scene;

    scene_init(&scene, "");
    T_OK(scene_create(&scene, &in));
    first = scene.install.id;
    T_TRUE(ax_id_is(first, "ins_"));
    T_EQ(scene.install.state, AX_INSTALL_IS_DISABLED);
    T_EQ(scene.install.revision, 1);
    T_STR(scene.install.config_json, AX_STR("{}"));
    T_STR(scene.install.publisher, AX_STR("acme"));
    T_CODE(scene_create(&scene, &in), AX_E_CONFLICT);
    in.tenant = AX_STR("t2");
    T_OK(scene_create(&scene, &in));
    in.tenant = AX_STR("t1");
    scene.install.id = first;
    T_OK(uninstall(&scene, false));
    T_OK(scene_create(&scene, &in));
    T_FALSE(ax_str_eq(scene.install.id, first));
    kit_done(&scene.kit);
}

TEST(install_needs_a_tenant_an_extension_and_a_version)
{
    char tenant[AX_TENANT_MAX + 1];
    struct ax_install_new in = hello();
    struct scene scene;

    scene_init(&scene, "");
    memset(tenant, 't', sizeof(tenant));
    in.tenant = ax_str_make(tenant, AX_TENANT_MAX + 1);
    T_CODE(scene_create(&scene, &in), AX_E_INVALID_REQUEST);
    in.tenant = ax_str_make(tenant, AX_TENANT_MAX);
    T_OK(scene_create(&scene, &in));
    in.tenant = AX_STR("");
    T_CODE(scene_create(&scene, &in), AX_E_INVALID_REQUEST);
    in.tenant = AX_STR("a b");
    T_CODE(scene_create(&scene, &in), AX_E_INVALID_REQUEST);
    in = hello();
    in.extension = AX_STR("com.acme.no");
    T_CODE(scene_create(&scene, &in), AX_E_NOT_FOUND);
    in = hello();
    in.version = AX_STR("9.9.9");
    T_CODE(scene_create(&scene, &in), AX_E_NOT_FOUND);
    in.version = AX_STR("1.0.0");
    T_OK(scene_create(&scene, &in));
    kit_done(&scene.kit);
}

TEST(install_of_another_tenant_is_not_there)
{
    struct ax_install_new in = hello();
    struct ax_page page = { .limit = 0 };
    struct ax_install_ref ref;
    struct ax_install *list;
    struct scene scene;
    size_t count;

    scene_init(&scene, "");
    T_OK(scene_create(&scene, &in));
    ref = (struct ax_install_ref){ .id = scene.install.id, .tenant = AX_STR("t2") };
    T_CODE(ax_install_get(&scene.kit.model, &ref, &scene.install), AX_E_NOT_FOUND);
    ref.tenant = AX_STR("t1");
    T_OK(ax_install_get(&scene.kit.model, &ref, &scene.install));
    T_OK(ax_install_list(&scene.kit.model, AX_STR("t2"), &page, &list, &count));
    T_EQ(count, 0);
    T_OK(ax_install_list(&scene.kit.model, AX_STR("t1"), &page, &list, &count));
    T_EQ(count, 1);
    T_OK(ax_install_list(&scene.kit.model, AX_STR_NONE, &page, &list, &count));
    T_EQ(count, 1);
    kit_done(&scene.kit);
}

TEST(config_is_judged_by_the_manifest)
{
    static const char *const bad[] = {
        "[]",
        "{\"x\":1}",
        "{\"word\":1}",
        "{\"count\":\"3\"}",
        "{\"on\":1}",
        "{\"size\":\"m\"}",
        "{\"size\":true}",
        "{\"word\":{}}",
        "{\"word\":[]}",
        "{\"on\":true,\"on\":false}",
        "{",
        "{\"count\":1e999}",
    };
    struct ax_install_new in = hello();
    struct scene scene;

    scene_init(&scene, CONFIG);
    T_OK(scene_create(&scene, &in));
    T_STR(scene.install.config_json, AX_STR("{\"count\":3,\"size\":\"s\"}"));
    for (size_t i = 0; i < AX_ARRAY_LEN(bad); i++)
        T_CODE(configure(&scene, bad[i]), AX_E_INVALID_REQUEST);
    T_OK(configure(&scene, "{\"size\":\"l\",\"word\":\"a\\\"b\",\"on\":false,\"count\":1.5}"));
    T_STR(scene.install.config_json,
          AX_STR("{\"word\":\"a\\\"b\",\"count\":1.5,\"on\":false,\"size\":\"l\"}"));
    T_OK(configure(&scene, "{\"count\":null,\"on\":null}"));
    T_STR(scene.install.config_json, AX_STR("{\"word\":\"a\\\"b\",\"count\":3,\"size\":\"l\"}"));
    kit_done(&scene.kit);
}

TEST(config_string_has_its_limit)
{
    char json[AX_CONFIG_STRING_MAX + 32];
    struct ax_install_new in = hello();
    struct scene scene;

    scene_init(&scene, CONFIG);
    T_OK(scene_create(&scene, &in));
    for (size_t len = AX_CONFIG_STRING_MAX - 1; len <= AX_CONFIG_STRING_MAX + 1; len++) {
        memcpy(json, "{\"word\":\"", 9);
        memset(json + 9, 'w', len);
        memcpy(json + 9 + len, "\"}", 3);
        T_EQ(configure(&scene, json) == AX_OK, len <= AX_CONFIG_STRING_MAX);
    }
    kit_done(&scene.kit);
}

TEST(install_is_enabled_only_with_what_its_config_requires)
{
    struct ax_install_new in = hello();
    struct scene scene;

    scene_init(&scene, CONFIG);
    in.enable = true;
    T_CODE(scene_create(&scene, &in), AX_E_CONFLICT);
    T_STR(ax_str_of(scene.kit.err.pointer), AX_STR("/config/word"));
    in.enable = false;
    T_OK(scene_create(&scene, &in));
    T_CODE(enable(&scene, true), AX_E_CONFLICT);
    T_OK(configure(&scene, "{\"word\":\"x\"}"));
    T_OK(enable(&scene, true));
    T_EQ(scene.install.state, AX_INSTALL_IS_ENABLED);
    T_CODE(configure(&scene, "{\"word\":null}"), AX_E_CONFLICT);
    T_OK(enable(&scene, false));
    T_OK(configure(&scene, "{\"word\":null}"));
    in.tenant = AX_STR("t2");
    in.enable = true;
    in.config_json = AX_STR("{\"word\":\"y\"}");
    T_OK(scene_create(&scene, &in));
    T_EQ(scene.install.state, AX_INSTALL_IS_ENABLED);
    kit_done(&scene.kit);
}

static enum ax_code grant(struct scene *scene, struct ax_names grants, struct ax_names egress)
{
    struct ax_install_ref ref = ref_of(&scene->install);

    return KIT(&scene->kit,
               ax_install_grant(&scene->kit.model, &ref, grants, egress, &scene->install));
}

#define NAMES(...)                                                                 \
    (struct ax_names)                                                              \
    {                                                                              \
        (const struct ax_str[]){ __VA_ARGS__ },                                    \
            sizeof((const struct ax_str[]){ __VA_ARGS__ }) / sizeof(struct ax_str) \
    }
#define NO_NAMES (struct ax_names){ NULL, 0 }

TEST(grants_are_those_that_the_manifest_asks_for)
{
    struct ax_install_new in = hello();
    struct scene scene;

    scene_init(&scene, ASKS);
    T_OK(scene_create(&scene, &in));
    T_CODE(grant(&scene, NAMES(AX_STR("storage.kv")), NO_NAMES), AX_E_INVALID_REQUEST);
    T_CODE(grant(&scene, NAMES(AX_STR("invoice.write")), NO_NAMES), AX_E_INVALID_REQUEST);
    T_CODE(grant(&scene, NAMES(AX_STR("http.patch")), NO_NAMES), AX_E_UNKNOWN_CAPABILITY);
    T_CODE(grant(&scene, NAMES(AX_STR("HTTP")), NO_NAMES), AX_E_UNKNOWN_CAPABILITY);
    T_CODE(grant(&scene, NO_NAMES, NAMES(AX_STR("127.0.0.1"))), AX_E_INVALID_REQUEST);
    T_CODE(grant(&scene, NO_NAMES, NAMES(AX_STR("a b"))), AX_E_INVALID_REQUEST);
    T_OK(grant(&scene,
               NAMES(AX_STR("invoice.read"), AX_STR("cap:http.fetch"), AX_STR("http.fetch")),
               NAMES(AX_STR("b.org:8443"), AX_STR("a.acme.com"))));
    T_EQ(scene.install.grants.count, 2);
    T_STR(scene.install.grants.items[0], AX_STR("http.fetch"));
    T_EQ(scene.install.egress.count, 2);
    T_STR(scene.install.egress.items[0], AX_STR("a.acme.com"));
    T_OK(grant(&scene, NO_NAMES, NO_NAMES));
    T_EQ(scene.install.grants.count, 0);
    T_EQ(scene.install.egress.count, 0);
    kit_done(&scene.kit);
}

TEST(egress_entries_have_a_limit)
{
    struct ax_str items[AX_EGRESS_MAX + 1];
    struct ax_install_new in = hello();
    struct scene scene;

    scene_init(&scene, ASKS);
    T_OK(scene_create(&scene, &in));
    for (size_t i = 0; i < AX_ARRAY_LEN(items); i++) {
        char host[] = { 'h', (char)('a' + i / 26), (char)('a' + i % 26), '.', 'o', 'r', 'g' };

        items[i] = ax_arena_dup(&scene.kit.arena, ax_str_make(host, sizeof(host)));
    }
    for (size_t count = AX_EGRESS_MAX - 1; count <= AX_EGRESS_MAX + 1; count++)
        T_EQ(grant(&scene, NO_NAMES, (struct ax_names){ items, count }) == AX_OK,
             count <= AX_EGRESS_MAX);
    T_EQ(scene.install.egress.count, AX_EGRESS_MAX);
    kit_done(&scene.kit);
}

TEST(upgrade_that_asks_for_no_more_goes_through_and_back)
{
    struct ax_install_new in = hello();
    struct scene scene;

    scene_init(&scene, ASKS);
    T_OK(scene_create(&scene, &in));
    T_CODE(rollback(&scene), AX_E_CONFLICT);
    T_OK(kit_publish(&scene.kit, "com.acme.hello", "1.1.0",
                     ",\"capabilities\":[\"http.fetch\"],\"egress\":[]", &scene.version));
    T_OK(upgrade(&scene, "", ""));
    T_STR(scene.install.version, AX_STR("1.1.0"));
    T_STR(scene.install.content_hash, scene.version.content_hash);
    T_STR(scene.install.previous_version, AX_STR("1.0.0"));
    T_EQ(scene.install.pending_version.len, 0);
    T_OK(rollback(&scene));
    T_STR(scene.install.version, AX_STR("1.0.0"));
    T_CODE(rollback(&scene), AX_E_CONFLICT);
    kit_done(&scene.kit);
}

TEST(upgrade_that_asks_for_more_waits_for_consent)
{
    static const char *const more[] = {
        ",\"capabilities\":[\"http.fetch\",\"invoice.read\",\"storage.kv\"],\"egress\":[\"a.acme.com\"]",
        ",\"capabilities\":[\"http.fetch\",\"invoice.read\",\"invoice.write\"],\"egress\":[\"a.acme.com\"]",
        ASKS
        ",\"headers\":[\"x-a\"],\"api\":{\"endpoints\":[{\"method\":\"GET\",\"path\":\"/\",\"handler\":\"h\"}]}",
        ",\"capabilities\":[\"http.fetch\"],\"egress\":[\"a.acme.com\",\"b.acme.com\"]",
        ",\"capabilities\":[\"http.fetch\"]",
    };
    struct ax_install_new in = hello();
    struct scene scene;
    char version[] = "2.0.0";

    scene_init(&scene, ASKS);
    T_OK(scene_create(&scene, &in));
    for (size_t i = 0; i < AX_ARRAY_LEN(more); i++, version[4]++) {
        T_OK(kit_publish(&scene.kit, "com.acme.hello", version, more[i], &scene.version));
        T_OK(upgrade(&scene, version, ""));
        T_STR(scene.install.version, AX_STR("1.0.0"));
        T_STR(scene.install.pending_version, ax_str_of(version));
    }
    T_OK(upgrade(&scene, "1.0.0", "")); /* never mind */
    T_EQ(scene.install.pending_version.len, 0);
    kit_done(&scene.kit);
}

static enum ax_code consent(struct scene *scene, uint64_t revision, const char *config)
{
    struct ax_install_ref ref = { .id = scene->install.id, .revision = revision };

    return KIT(&scene->kit,
               ax_install_consent(&scene->kit.model, &ref, ax_str_of(config), &scene->install));
}

TEST(consent_grants_what_is_new_and_nothing_else)
{
    struct ax_install_new in = hello();
    struct scene scene;
    uint64_t revision;

    scene_init(&scene, ASKS);
    in.grants = NAMES(AX_STR("invoice.read")); /* but not http.fetch */
    T_OK(scene_create(&scene, &in));
    T_CODE(consent(&scene, 0, ""), AX_E_CONFLICT);
    T_OK(kit_publish(
        &scene.kit, "com.acme.hello", "2.0.0",
        ",\"capabilities\":[\"http.fetch\",\"storage.kv\"],\"egress\":[\"a.acme.com\",\"b.org\"]",
        &scene.version));
    T_OK(upgrade(&scene, "2.0.0", ""));
    revision = scene.install.revision;
    T_CODE(consent(&scene, revision - 1, ""), AX_E_PRECONDITION_FAILED);
    T_OK(consent(&scene, revision, ""));
    T_STR(scene.install.version, AX_STR("2.0.0"));
    T_EQ(scene.install.pending_version.len, 0);
    T_EQ(scene.install.grants.count, 2);
    T_STR(scene.install.grants.items[0], AX_STR("invoice.read"));
    T_STR(scene.install.grants.items[1], AX_STR("storage.kv"));
    T_EQ(scene.install.egress.count, 1);
    T_STR(scene.install.egress.items[0], AX_STR("b.org"));
    T_OK(rollback(&scene));
    T_STR(scene.install.version, AX_STR("1.0.0"));
    kit_done(&scene.kit);
}

TEST(upgrade_brings_config_along)
{
    struct ax_install_new in = hello();
    struct scene scene;

    scene_init(&scene, CONFIG);
    in.config_json = AX_STR("{\"word\":\"x\",\"count\":9}");
    in.enable = true;
    T_OK(scene_create(&scene, &in));
    T_OK(kit_publish(&scene.kit, "com.acme.hello", "1.1.0",
                     ",\"config\":{\"count\":{\"type\":\"string\"},"
                     "\"key\":{\"type\":\"string\",\"required\":true}}",
                     &scene.version));
    T_CODE(upgrade(&scene, "1.1.0", "{\"key\":\"k\"}"), AX_E_CONFLICT); /* count is a number */
    T_CODE(upgrade(&scene, "1.1.0", "{\"count\":\"many\"}"), AX_E_CONFLICT);
    T_CODE(upgrade(&scene, "1.1.0", "{\"word\":\"k\"}"), AX_E_INVALID_REQUEST);
    T_OK(upgrade(&scene, "1.1.0", "{\"key\":\"k\",\"count\":null}"));
    T_STR(scene.install.config_json, AX_STR("{\"key\":\"k\"}"));
    T_OK(rollback(&scene));
    T_STR(scene.install.config_json, AX_STR("{\"word\":\"x\",\"count\":3,\"size\":\"s\"}"));
    kit_done(&scene.kit);
}

TEST(revoked_version_is_neither_installed_enabled_nor_gone_back_to)
{
    struct ax_install_new in = hello();
    struct ax_version first, second;
    struct scene scene;

    scene_init(&scene, "");
    first = scene.version;
    T_OK(scene_create(&scene, &in));
    T_OK(kit_publish(&scene.kit, "com.acme.hello", "1.1.0", "", &second));
    T_OK(upgrade(&scene, "1.1.0", ""));
    T_OK(KIT(&scene.kit, ax_revocation_add(&scene.kit.model, AX_REVOKED_HASH, first.content_hash,
                                           AX_STR("bad"))));
    T_CODE(rollback(&scene), AX_E_BUNDLE_REVOKED);
    T_CODE(upgrade(&scene, "1.0.0", ""), AX_E_BUNDLE_REVOKED);
    in.tenant = AX_STR("t2");
    in.version = AX_STR("1.0.0");
    T_CODE(scene_create(&scene, &in), AX_E_BUNDLE_REVOKED);
    T_OK(enable(&scene, true));
    T_OK(KIT(&scene.kit,
             ax_revocation_add(&scene.kit.model, AX_REVOKED_KEY, scene.kit.keyid, AX_STR("lost"))));
    T_CODE(enable(&scene, true), AX_E_BUNDLE_REVOKED);
    T_OK(enable(&scene, false));
    kit_done(&scene.kit);
}

TEST(uninstall_keeps_or_erases)
{
    struct ax_install_new in = hello();
    struct ax_install_ref ref;
    struct scene scene;
    size_t count = 0;

    scene_init(&scene, CONFIG ASKS);
    in.config_json = AX_STR("{\"word\":\"x\"}");
    in.grants = NAMES(AX_STR("http.fetch"));
    T_OK(scene_create(&scene, &in));
    T_OK(uninstall(&scene, false));
    T_EQ(scene.install.state, AX_INSTALL_IS_UNINSTALLED);
    T_EQ(scene.install.uninstalled_ms, scene.kit.model.now_ms);
    T_EQ(scene.install.grants.count, 1);
    T_CODE(enable(&scene, true), AX_E_CONFLICT);
    T_CODE(uninstall(&scene, true), AX_E_CONFLICT);
    ref = ref_of(&scene.install);
    T_OK(KIT(&scene.kit, ax_install_purge(&scene.kit.model, scene.kit.model.now_ms, 10, &count)));
    T_EQ(count, 0);
    T_OK(KIT(&scene.kit,
             ax_install_purge(&scene.kit.model, scene.kit.model.now_ms + 1, 10, &count)));
    T_EQ(count, 1);
    T_OK(ax_install_get(&scene.kit.model, &ref, &scene.install));
    T_EQ(scene.install.grants.count, 0);
    T_STR(scene.install.config_json, AX_STR("{}"));
    T_OK(KIT(&scene.kit,
             ax_install_purge(&scene.kit.model, scene.kit.model.now_ms + 1, 10, &count)));
    T_EQ(count, 0);
    T_OK(scene_create(&scene, &in));
    T_OK(uninstall(&scene, true));
    T_EQ(scene.install.grants.count, 0);
    T_STR(scene.install.config_json, AX_STR("{}"));
    kit_done(&scene.kit);
}

TEST(every_change_counts_up_the_revision_and_needs_it)
{
    struct ax_install_new in = hello();
    struct ax_install_ref ref;
    struct scene scene;

    scene_init(&scene, CONFIG);
    T_OK(scene_create(&scene, &in));
    T_OK(configure(&scene, "{\"word\":\"x\"}"));
    T_EQ(scene.install.revision, 2);
    ref = (struct ax_install_ref){ .id = scene.install.id, .revision = 1 };
    T_CODE(KIT(&scene.kit, ax_install_set_enabled(&scene.kit.model, &ref, true, &scene.install)),
           AX_E_PRECONDITION_FAILED);
    ref.revision = 2;
    T_OK(KIT(&scene.kit, ax_install_set_enabled(&scene.kit.model, &ref, true, &scene.install)));
    T_EQ(scene.install.revision, 3);
    kit_done(&scene.kit);
}

TEST_MAIN()

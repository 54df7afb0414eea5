/* SPDX-License-Identifier: Apache-2.0 */
/* version_test.c - do version.h, extension.h and semver.h hold what they promise? */
#include "registry/version.h"

#include "registry/semver.h"
#include "registry/test_kit.h"

TEST(semver_orders_as_its_specification_does)
{
    static const char *const rising[] = {
        "0.0.1",
        "0.9.10",
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "1.0.9",
        "1.0.10",
        "1.9.0",
        "1.10.0",
        "2.0.0",
        "99999999999999999999999.0.0",
    };
    uint64_t patch = 0;

    for (size_t i = 0; i < AX_ARRAY_LEN(rising); i++)
        for (size_t j = 0; j < AX_ARRAY_LEN(rising); j++) {
            int order = ax_semver_cmp(ax_str_of(rising[i]), ax_str_of(rising[j]));

            T_EQ((order > 0) - (order < 0), (i > j) - (i < j));
        }
    T_EQ(ax_semver_cmp(AX_STR("1.0.0+a"), AX_STR("1.0.0+b-c")), 0);
    T_TRUE(ax_semver_is_prerelease(AX_STR("1.0.0-x")));
    T_FALSE(ax_semver_is_prerelease(AX_STR("1.0.0+x-y")));
    T_TRUE(ax_semver_patch(AX_STR("1.2.13"), AX_STR("1.2"), &patch));
    T_EQ(patch, 13);
    T_FALSE(ax_semver_patch(AX_STR("1.20.3"), AX_STR("1.2"), &patch));
}

TEST(version_is_published_and_found)
{
    struct ax_version version, found;
    struct ax_extension extension;
    struct kit kit;

    kit_init(&kit);
    kit_publisher(&kit);
    T_OK(kit_publish(&kit, "com.acme.hello", "1.0.0", "", &version));
    T_TRUE(ax_id_is(version.id, "ver_"));
    T_TRUE(version.has_module);
    T_EQ(version.size, 1234);
    T_OK(ax_extension_get(&kit.model, AX_STR("com.acme.hello"), &extension));
    T_STR(extension.id, version.extension_id);
    T_STR(extension.publisher, AX_STR("acme"));
    T_OK(ax_version_get(&kit.model, extension.id, AX_STR("1.0.0"), &found));
    T_STR(found.manifest_json, kit_manifest(&kit, "com.acme.hello", "1.0.0", ""));
    T_OK(ax_version_get_by_id(&kit.model, version.id, &found));
    T_CODE(ax_version_get(&kit.model, extension.id, AX_STR("1.0.1"), &found), AX_E_NOT_FOUND);
    T_CODE(ax_version_get(&kit.model, AX_STR("com.acme.no"), AX_STR("1.0.0"), &found),
           AX_E_NOT_FOUND);
    kit_done(&kit);
}

TEST(version_twice_is_the_same_or_refused)
{
    struct ax_str manifest;
    struct ax_version version, again;
    struct ax_version_new in;
    uint64_t before, after;
    bool existed = false;
    struct kit kit;

    kit_init(&kit);
    kit_publisher(&kit);
    T_OK(kit_publish(&kit, "com.acme.hello", "1.0.0", "", &version));
    manifest = kit_manifest(&kit, "com.acme.hello", "1.0.0", "");
    in = (struct ax_version_new){ .publisher = AX_STR("acme"),
                                  .keyid = kit.keyid,
                                  .manifest_json = manifest,
                                  .content_hash = ax_digest_of(manifest),
                                  .size = 1234 };
    T_OK(ax_changes_serial(&kit.model, &before));
    T_OK(KIT(&kit, ax_version_create(&kit.model, &in, &again, &existed)));
    T_TRUE(existed);
    T_STR(again.id, version.id);
    T_OK(ax_version_check(&kit.model, AX_STR("acme"), kit.keyid, AX_STR("com.acme.hello"),
                          AX_STR("1.0.0"), &in.content_hash, &existed));
    T_TRUE(existed);
    in.content_hash.bytes[0] ^= 1;
    T_CODE(KIT(&kit, ax_version_create(&kit.model, &in, &again, &existed)), AX_E_VERSION_EXISTS);
    T_CODE(ax_version_check(&kit.model, AX_STR("acme"), kit.keyid, AX_STR("com.acme.hello"),
                            AX_STR("1.0.0"), &in.content_hash, &existed),
           AX_E_VERSION_EXISTS);
    T_OK(ax_changes_serial(&kit.model, &after));
    T_EQ(before, after);
    kit_done(&kit);
}

TEST(version_of_somebody_elses_name_is_forbidden)
{
    struct ax_publisher bolt;
    struct ax_publisher_key key;
    struct ax_version version;
    struct ax_version_new in;
    struct ax_str manifest;
    bool existed;
    struct kit kit;

    kit_init(&kit);
    kit_publisher(&kit);
    T_OK(KIT(&kit, ax_publisher_create(&kit.model, AX_STR("bolt"), AX_STR("ACME"), &bolt)));
    T_OK(KIT(&kit, ax_publisher_key_add(&kit.model, bolt.id, kit_key(&kit), &key)));
    T_OK(KIT(&kit, ax_publisher_prefix_add(&kit.model, bolt.id, AX_STR("org.bolt."))));
    manifest = kit_manifest(&kit, "com.acme.hello", "1.0.0", "");
    in = (struct ax_version_new){ .publisher = bolt.slug,
                                  .keyid = key.keyid,
                                  .manifest_json = manifest,
                                  .content_hash = ax_digest_of(manifest),
                                  .size = 1 };
    T_CODE(KIT(&kit, ax_version_create(&kit.model, &in, &version, &existed)), AX_E_FORBIDDEN);
    in.publisher = AX_STR("acme"); /* with bolt's key */
    T_CODE(KIT(&kit, ax_version_create(&kit.model, &in, &version, &existed)), AX_E_NOT_FOUND);
    in.publisher = bolt.slug;
    in.manifest_json = kit_manifest(&kit, "org.bolt.hello", "1.0.0", "");
    in.content_hash = ax_digest_of(in.manifest_json);
    T_OK(KIT(&kit, ax_version_create(&kit.model, &in, &version, &existed)));
    T_CODE(kit_publish(&kit, "com.acme", "1.0.0", "", &version), AX_E_FORBIDDEN);
    T_CODE(kit_publish(&kit, "org.bolt.hello", "1.0.1", "", &version), AX_E_FORBIDDEN);
    T_OK(kit_publish(&kit, "com.acme.hello", "1.0.0", "", &version));
    kit_done(&kit);
}

TEST(version_needs_a_live_publisher_key_and_hash)
{
    struct ax_publisher publisher;
    struct ax_version version;
    char hex[AX_DIGEST_HEX_LEN + 1];
    struct ax_digest hash;
    struct kit kit;

    kit_init(&kit);
    kit_publisher(&kit);
    T_OK(KIT(&kit, ax_publisher_set_active(&kit.model, AX_STR("acme"), 0, false, &publisher)));
    T_CODE(kit_publish(&kit, "com.acme.hello", "1.0.0", "", &version), AX_E_FORBIDDEN);
    T_OK(KIT(&kit, ax_publisher_set_active(&kit.model, AX_STR("acme"), 0, true, &publisher)));
    hash = ax_digest_of(kit_manifest(&kit, "com.acme.hello", "1.0.0", ""));
    ax_digest_hex(&hash, hex);
    T_OK(KIT(&kit, ax_revocation_add(&kit.model, AX_REVOKED_HASH, ax_str_of(hex), AX_STR("x"))));
    T_CODE(kit_publish(&kit, "com.acme.hello", "1.0.0", "", &version), AX_E_BUNDLE_REVOKED);
    T_OK(kit_publish(&kit, "com.acme.hello", "1.0.1", "", &version));
    T_OK(KIT(&kit, ax_publisher_key_revoke(&kit.model, AX_STR("acme"), kit.keyid, AX_STR(""))));
    T_CODE(kit_publish(&kit, "com.acme.hello", "1.0.2", "", &version), AX_E_FORBIDDEN);
    kit_done(&kit);
}

TEST(version_with_a_bad_manifest_leaves_nothing)
{
    struct ax_extension extension;
    struct ax_version version;
    struct kit kit;

    kit_init(&kit);
    kit_publisher(&kit);
    T_CODE(kit_publish(&kit, "com.acme.hello", "1.0", "", &version), AX_E_INVALID_MANIFEST);
    T_CODE(kit_publish(&kit, "com.acme.hello", "1.0.0", ",\"x\":1", &version),
           AX_E_INVALID_MANIFEST);
    T_CODE(ax_extension_get(&kit.model, AX_STR("com.acme.hello"), &extension), AX_E_NOT_FOUND);
    T_OK(kit_publish(&kit, "com.acme.hello", "1.0.0", "", &version));
    kit_done(&kit);
}

TEST(latest_version_is_a_release_that_may_run)
{
    struct ax_version version, latest;
    struct kit kit;

    kit_init(&kit);
    kit_publisher(&kit);
    T_OK(kit_publish(&kit, "com.acme.hello", "2.0.0-rc.1", "", &version));
    T_CODE(ax_version_latest(&kit.model, AX_STR("com.acme.hello"), &latest), AX_E_NOT_FOUND);
    T_OK(kit_publish(&kit, "com.acme.hello", "1.9.0", "", &version));
    T_OK(kit_publish(&kit, "com.acme.hello", "1.10.0", "", &version));
    T_OK(ax_version_latest(&kit.model, AX_STR("com.acme.hello"), &latest));
    T_STR(latest.version, AX_STR("1.10.0"));
    T_OK(kit_publish(&kit, "com.acme.hello", "1.11.0", "", &version));
    T_OK(KIT(&kit, ax_version_deprecate(&kit.model, AX_STR("com.acme.hello"), AX_STR("1.11.0"), 1,
                                        true, &version)));
    T_TRUE(version.deprecated);
    T_CODE(KIT(&kit, ax_version_deprecate(&kit.model, AX_STR("com.acme.hello"), AX_STR("1.11.0"), 1,
                                          false, &version)),
           AX_E_PRECONDITION_FAILED);
    T_OK(
        KIT(&kit, ax_revocation_add(&kit.model, AX_REVOKED_HASH, latest.content_hash, AX_STR(""))));
    T_OK(ax_version_latest(&kit.model, AX_STR("com.acme.hello"), &latest));
    T_STR(latest.version, AX_STR("1.9.0"));
    kit_done(&kit);
}

TEST(next_patch_is_one_more_than_any)
{
    struct ax_version version, *list;
    struct ax_page page = { .limit = 10 };
    uint64_t patch = 99;
    struct kit kit;
    size_t count;

    kit_init(&kit);
    kit_publisher(&kit);
    T_OK(ax_version_next_patch(&kit.model, AX_STR("com.acme.hello"), AX_STR("1.2"), &patch));
    T_EQ(patch, 0);
    T_OK(kit_publish(&kit, "com.acme.hello", "1.2.9", "", &version));
    T_OK(kit_publish(&kit, "com.acme.hello", "1.2.10-rc.1", "", &version));
    T_OK(kit_publish(&kit, "com.acme.hello", "1.20.77", "", &version));
    T_OK(ax_version_next_patch(&kit.model, AX_STR("com.acme.hello"), AX_STR("1.2"), &patch));
    T_EQ(patch, 11);
    T_OK(ax_version_list(&kit.model, AX_STR("com.acme.hello"), &page, &list, &count));
    T_EQ(count, 3);
    T_EQ(list[0].manifest_json.len, 0);
    kit_done(&kit);
}

TEST(extensions_are_listed_by_publisher)
{
    struct ax_page page = { .limit = 0 };
    struct ax_extension *list;
    struct ax_version version;
    struct kit kit;
    size_t count;

    kit_init(&kit);
    kit_publisher(&kit);
    T_OK(kit_publish(&kit, "com.acme.b", "1.0.0", "", &version));
    T_OK(kit_publish(&kit, "com.acme.a", "1.0.0", "", &version));
    T_OK(ax_extension_list(&kit.model, AX_STR_NONE, &page, &list, &count));
    T_EQ(count, 2);
    T_STR(list[0].name, AX_STR("com.acme.a"));
    T_OK(ax_extension_list(&kit.model, AX_STR("acme"), &page, &list, &count));
    T_EQ(count, 2);
    T_OK(ax_extension_list(&kit.model, AX_STR("bolt"), &page, &list, &count));
    T_EQ(count, 0);
    kit_done(&kit);
}

TEST_MAIN()

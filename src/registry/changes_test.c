/* SPDX-License-Identifier: Apache-2.0 */
/* changes_test.c - does changes.h hold what it promises? */
#include "registry/changes.h"

#include "registry/test_kit.h"

#include <stdio.h>

static struct ax_changes since(struct kit *kit, uint64_t serial, size_t limit)
{
    struct ax_changes changes;

    T_OK(ax_changes_since(&kit->model, serial, limit, &changes));
    for (size_t i = 1; i < changes.count; i++)
        T_TRUE(changes.items[i - 1].serial < changes.items[i].serial);
    T_TRUE(changes.next < UINT64_C(1) << 53);
    return changes;
}

static void scene_init(struct kit *kit, struct ax_version *ret_version)
{
    kit_init(kit);
    kit_publisher(kit);
    T_OK(kit_publish(kit, "com.acme.hello", "1.0.0", "", ret_version));
}

static void uninstall(struct kit *kit, struct ax_str id)
{
    struct ax_install_ref ref = { .id = id };
    struct ax_install install;

    T_OK(KIT(kit, ax_install_uninstall(&kit->model, &ref, true, &install)));
}

TEST(empty_registry_has_nothing_new)
{
    struct ax_changes changes;
    struct kit kit;

    kit_init(&kit);
    changes = since(&kit, 0, 0);
    T_TRUE(changes.full);
    T_FALSE(changes.more);
    T_EQ(changes.count, 0);
    T_EQ(changes.next, 0);
    kit_done(&kit);
}

TEST(who_asks_again_gets_what_came_since)
{
    struct ax_changes changes;
    struct ax_version version;
    struct ax_install install;
    struct kit kit;

    scene_init(&kit, &version);
    changes = since(&kit, 0, 0);
    T_TRUE(changes.full);
    T_EQ(changes.count, 3); /* publisher, extension, version */
    T_STR(changes.items[2].key, version.id);
    T_STR(changes.items[2].content_hash, version.content_hash);
    T_STR(changes.items[2].name, AX_STR("com.acme.hello"));
    T_STR(changes.items[2].extension_id, version.extension_id);
    changes = since(&kit, changes.next, 0);
    T_FALSE(changes.full);
    T_EQ(changes.count, 0);
    install = kit_install(&kit, "t1");
    T_OK(KIT(&kit,
             ax_revocation_add(&kit.model, AX_REVOKED_HASH, version.content_hash, AX_STR(""))));
    T_OK(KIT(&kit, ax_revocation_add(&kit.model, AX_REVOKED_KEY, kit.keyid, AX_STR(""))));
    changes = since(&kit, changes.next, 0);
    T_EQ(changes.count, 3);
    T_EQ(changes.items[0].kind, AX_CHANGE_INSTALL);
    T_STR(changes.items[0].key, install.id);
    T_FALSE(changes.items[0].gone);
    T_EQ(changes.items[1].kind, AX_CHANGE_HASH);
    T_EQ(changes.items[2].kind, AX_CHANGE_KEY);
    T_STR(changes.items[2].key, kit.keyid);
    uninstall(&kit, install.id);
    changes = since(&kit, changes.next, 0);
    T_EQ(changes.count, 1);
    T_TRUE(changes.items[0].gone);
    kit_done(&kit);
}

TEST(only_the_last_change_of_a_thing_is_told)
{
    struct ax_install install;
    struct ax_install_ref ref;
    struct ax_changes changes;
    struct ax_version version;
    uint64_t serial;
    struct kit kit;

    scene_init(&kit, &version);
    T_OK(ax_changes_serial(&kit.model, &serial));
    install = kit_install(&kit, "t1");
    ref = (struct ax_install_ref){ .id = install.id };
    for (int i = 0; i < 10; i++)
        T_OK(KIT(&kit, ax_install_set_enabled(&kit.model, &ref, i % 2 == 0, &install)));
    changes = since(&kit, serial, 0);
    T_EQ(changes.count, 1);
    T_EQ(changes.next, serial + 11);
    kit_done(&kit);
}

TEST(pages_lead_to_the_end)
{
    struct ax_changes changes;
    struct ax_version version;
    struct kit kit;
    char tenant[8];
    size_t total = 0, pages = 0;

    scene_init(&kit, &version);
    for (int i = 0; i < 17; i++) {
        snprintf(tenant, sizeof(tenant), "t%d", i);
        (void)kit_install(&kit, tenant);
    }
    changes = since(&kit, 0, 5);
    T_TRUE(changes.full);
    for (; changes.more; pages++) {
        T_EQ(changes.count, 5);
        total += changes.count;
        changes = since(&kit, changes.next, 5);
        T_FALSE(changes.full);
    }
    T_EQ(total + changes.count, 20);
    T_EQ(pages, 3);
    T_EQ(since(&kit, changes.next, 5).count, 0);
    kit_done(&kit);
}

TEST(who_asks_from_too_long_ago_starts_anew)
{
    struct ax_changes changes;
    struct ax_version version;
    uint64_t before, after;
    struct kit kit;

    scene_init(&kit, &version);
    T_OK(ax_changes_serial(&kit.model, &before));
    uninstall(&kit, kit_install(&kit, "t1").id);
    T_OK(ax_changes_serial(&kit.model, &after));
    uninstall(&kit, kit_install(&kit, "t2").id);
    T_OK(KIT(&kit, ax_changes_trim(&kit.model, 2)));
    T_FALSE(since(&kit, before, 0).full);
    T_OK(KIT(&kit, ax_changes_trim(&kit.model, 1)));
    T_FALSE(since(&kit, after, 0).full);
    T_EQ(since(&kit, after, 0).count, 1);
    changes = since(&kit, after - 1, 0);
    T_TRUE(changes.full);
    T_EQ(changes.count, 4);
    changes = since(&kit, after + 1000, 0); /* from another life of the database */
    T_TRUE(changes.full);
    kit_done(&kit);
}

TEST(walk_below_what_was_forgotten_is_not_sent_back_to_its_start)
{
    struct ax_changes changes;
    struct ax_version version;
    struct kit kit;
    size_t pages = 0;

    scene_init(&kit, &version);
    uninstall(&kit, kit_install(&kit, "t1").id);
    (void)kit_install(&kit, "t2");
    T_OK(KIT(&kit, ax_changes_trim(&kit.model, 0)));
    changes = since(&kit, 0, 1);
    T_TRUE(changes.full);
    for (; changes.more; pages++) {
        changes = since(&kit, changes.next, 1);
        T_FALSE(changes.full);
    }
    T_EQ(pages, 3);
    T_FALSE(since(&kit, changes.next, 1).full);
    kit_done(&kit);
}

TEST_MAIN()

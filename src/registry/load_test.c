/* SPDX-License-Identifier: Apache-2.0 */
/* load_test.c - does load.h hold what it promises, also its speed? */
#include "registry/load.h"

#include "base/clock.h"
#include "registry/test_kit.h"

#include <stdio.h>

#define MANY        100000
#define MANY_MS_MAX 2000
#define PAGE        10000

struct seen {
    struct kit *kit;
    size_t count, stop_after;
    size_t grants, egress;
    char last[AX_ID_LEN + 1];
    struct ax_str config;
};

static bool see_install(const struct ax_load_install *row, void *arg)
{
    struct seen *seen = arg;

    if (seen->stop_after && seen->count == seen->stop_after)
        return false;
    T_TRUE(ax_str_cmp(row->id, ax_str_of(seen->last)) > 0);
    snprintf(seen->last, sizeof(seen->last), "%.*s", AX_STR_FMT(row->id));
    seen->count++;
    seen->grants += row->grants.count;
    seen->egress += row->egress.count;
    if (seen->kit)
        seen->config = ax_arena_dup(&seen->kit->arena, row->config_json);
    return true;
}

static bool see_version(const struct ax_load_version *row, void *arg)
{
    struct seen *seen = arg;

    seen->count++;
    T_TRUE(row->manifest_json.len > 2);
    snprintf(seen->last, sizeof(seen->last), "%.*s", AX_STR_FMT(row->id));
    return true;
}

static struct ax_install install(struct kit *kit, const char *tenant, struct ax_names grants,
                                 struct ax_names egress)
{
    struct ax_install_new in = { .tenant = ax_str_of(tenant),
                                 .extension = AX_STR("com.acme.hello"),
                                 .config_json = AX_STR("{\"word\":\"x\"}"),
                                 .grants = grants,
                                 .egress = egress,
                                 .enable = true };
    struct ax_install made;

    T_OK(KIT(kit, ax_install_create(&kit->model, &in, &made)));
    return made;
}

#define MANIFEST                                                                     \
    ",\"config\":{\"word\":{\"type\":\"string\"}},\"capabilities\":[\"http.fetch\"," \
    "\"storage.kv\"]"

TEST(rows_are_whole_and_in_order_and_end_where_told)
{
    const struct ax_str grants[] = { AX_STR_INIT("http.fetch"), AX_STR_INIT("storage.kv") };
    const struct ax_str egress[] = { AX_STR_INIT("a.org") };
    struct ax_install gone, made[3];
    struct ax_install_ref ref;
    struct ax_version version;
    struct seen seen;
    struct kit kit;
    bool end = true;

    kit_init(&kit);
    kit_publisher(&kit);
    T_OK(kit_publish(&kit, "com.acme.hello", "1.0.0", MANIFEST, &version));
    made[0] = install(&kit, "a", (struct ax_names){ grants, 2 }, (struct ax_names){ egress, 1 });
    made[1] = install(&kit, "b", (struct ax_names){ grants, 1 }, (struct ax_names){ NULL, 0 });
    made[2] = install(&kit, "c", (struct ax_names){ NULL, 0 }, (struct ax_names){ egress, 1 });
    gone = install(&kit, "d", (struct ax_names){ grants, 2 }, (struct ax_names){ egress, 1 });
    ref = (struct ax_install_ref){ .id = gone.id };
    T_OK(KIT(&kit, ax_install_uninstall(&kit.model, &ref, false, &gone)));
    seen = (struct seen){ .kit = &kit };
    T_OK(ax_load_installs(&kit.model, AX_STR_NONE, 100, see_install, &seen, &end));
    T_TRUE(end);
    T_EQ(seen.count, 3);
    T_EQ(seen.grants, 3);
    T_EQ(seen.egress, 2);
    T_STR(seen.config, AX_STR("{\"word\":\"x\"}"));
    seen = (struct seen){ .stop_after = 2 };
    T_OK(ax_load_installs(&kit.model, AX_STR_NONE, 100, see_install, &seen, &end));
    T_FALSE(end);
    T_EQ(seen.count, 2);
    T_OK(ax_load_installs(&kit.model, ax_str_of(seen.last), 100, see_install,
                          &(struct seen){ .stop_after = 1 }, &end));
    T_TRUE(end);
    for (size_t i = 0; i < 3; i++) {
        seen = (struct seen){ .kit = &kit };
        T_OK(ax_load_install(&kit.model, made[i].id, see_install, &seen));
        T_EQ(seen.count, 1);
        T_EQ(seen.grants, 2 - i);
    }
    T_CODE(ax_load_install(&kit.model, gone.id, see_install, &seen), AX_E_NOT_FOUND);
    T_CODE(ax_load_install(&kit.model, AX_STR("ins_no"), see_install, &seen), AX_E_NOT_FOUND);
    kit_done(&kit);
}

TEST(versions_in_use_are_loaded_and_no_others)
{
    struct ax_version version, unused;
    struct seen seen = { .count = 0 };
    struct kit kit;
    bool end = false;

    kit_init(&kit);
    kit_publisher(&kit);
    T_OK(kit_publish(&kit, "com.acme.hello", "1.0.0", "", &version));
    T_OK(kit_publish(&kit, "com.acme.other", "1.0.0", "", &unused));
    (void)kit_install(&kit, "a");
    (void)kit_install(&kit, "b");
    T_OK(ax_load_versions(&kit.model, AX_STR_NONE, 100, see_version, &seen, &end));
    T_TRUE(end);
    T_EQ(seen.count, 1);
    T_STR(ax_str_of(seen.last), version.id);
    kit_done(&kit);
}

/* Rows as ax_install_create() leaves them, without what the load does not read. */
static void make_many(struct kit *kit, const struct ax_version *version)
{
    T_OK(ax_db_run(kit->db, &kit->err, "BEGIN IMMEDIATE"));
    for (int i = 0; i < MANY; i++) {
        char id[AX_ID_LEN + 1], tenant[16];

        ax_id_make("ins_", id);
        snprintf(tenant, sizeof(tenant), "t%d", i);
        T_OK(ax_db_run(kit->db, &kit->err,
                       "INSERT INTO installs (id, tenant, extension_id, version_id, status, "
                       "config_json, revision, created_ms) "
                       "VALUES ($1, $2, $3, $4, 'enabled', '{\"word\":\"hello\"}', 1, 0)",
                       b_cstr(id), b_cstr(tenant), b_text(version->extension_id),
                       b_text(version->id)));
        T_OK(ax_db_run(kit->db, &kit->err, "INSERT INTO grants VALUES ($1, 'http.fetch')",
                       b_cstr(id)));
        T_OK(ax_db_run(kit->db, &kit->err, "INSERT INTO install_egress VALUES ($1, 'a.acme.com')",
                       b_cstr(id)));
    }
    T_OK(ax_db_run(kit->db, &kit->err, "COMMIT"));
}

TEST(a_hundred_thousand_installs_load_within_two_seconds)
{
    struct seen seen = { .count = 0 };
    struct ax_version version;
    uint64_t start, took;
    struct kit kit;
    bool end = false;

    kit_init(&kit);
    kit_publisher(&kit);
    T_OK(kit_publish(&kit, "com.acme.hello", "1.0.0", MANIFEST, &version));
    make_many(&kit, &version);
    kit_close(&kit);
    kit_open(&kit);
    start = ax_clock_mono_ms();
    while (!end)
        T_OK(ax_load_installs(&kit.model, ax_str_of(seen.last), PAGE, see_install, &seen, &end));
    took = ax_clock_mono_ms() - start;
    T_EQ(seen.count, MANY);
    T_EQ(seen.grants, MANY);
    T_EQ(seen.egress, MANY);
    if (took > MANY_MS_MAX)
        fail_msg("it took %llu ms", (unsigned long long)took);
    kit_done(&kit);
}

TEST_MAIN()

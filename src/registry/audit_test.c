/* SPDX-License-Identifier: Apache-2.0 */
/* audit_test.c - does audit.h hold what it promises? */
#include "registry/audit.h"

#include "registry/test_kit.h"

TEST(every_change_leaves_a_row)
{
    struct ax_audit_row *rows;
    struct ax_version version;
    struct kit kit;
    size_t count;

    kit_init(&kit);
    kit_publisher(&kit);
    T_OK(kit_publish(&kit, "com.acme.hello", "1.0.0", "", &version));
    (void)kit_install(&kit, "t1");
    T_OK(ax_audit_list(&kit.model, AX_STR_NONE, 0, 0, &rows, &count));
    T_EQ(count, 5);
    T_STR(rows[3].action, AX_STR("version.publish"));
    T_STR(rows[3].subject, version.id);
    T_STR(rows[3].actor, AX_STR("admin"));
    T_STR(rows[3].request_id, AX_STR("req-1"));
    T_STR(rows[4].action, AX_STR("install.create"));
    T_STR(rows[4].tenant, AX_STR("t1"));
    T_OK(ax_audit_list(&kit.model, AX_STR("t1"), 0, 0, &rows, &count));
    T_EQ(count, 1);
    T_EQ(rows[0].seq, 5);
    T_OK(ax_audit_list(&kit.model, AX_STR_NONE, 2, 2, &rows, &count));
    T_EQ(count, 2);
    T_EQ(rows[0].seq, 3);
    T_OK(kit_verify(&kit.model));
    kit_done(&kit);
}

TEST(what_failed_leaves_no_row)
{
    struct ax_publisher publisher;
    struct ax_audit_row *rows;
    struct kit kit;
    size_t count;

    kit_init(&kit);
    T_CODE(KIT(&kit, ax_publisher_create(&kit.model, AX_STR("A"), AX_STR("x"), &publisher)),
           AX_E_INVALID_REQUEST);
    T_OK(ax_audit_list(&kit.model, AX_STR_NONE, 0, 0, &rows, &count));
    T_EQ(count, 0);
    T_OK(kit_verify(&kit.model));
    kit_done(&kit);
}

TEST(values_of_a_config_stay_out_of_the_audit)
{
    struct ax_install install;
    struct ax_install_ref ref;
    struct ax_audit_row *rows;
    struct ax_version version;
    struct kit kit;
    size_t count;

    kit_init(&kit);
    kit_publisher(&kit);
    T_OK(kit_publish(&kit, "com.acme.hello", "1.0.0",
                     ",\"config\":{\"word\":{\"type\":\"string\"}}", &version));
    install = kit_install(&kit, "t1");
    ref = (struct ax_install_ref){ .id = install.id };
    T_OK(
        KIT(&kit, ax_install_configure(&kit.model, &ref, AX_STR("{\"word\":\"hush\"}"), &install)));
    T_OK(ax_audit_list(&kit.model, AX_STR("t1"), 0, 0, &rows, &count));
    T_EQ(count, 2);
    for (size_t i = 0; i < count; i++)
        T_TRUE(strstr(rows[i].details_json.ptr, "hush") == NULL);
    kit_done(&kit);
}

TEST(rows_cannot_be_changed_or_deleted)
{
    struct kit kit;

    kit_init(&kit);
    kit_publisher(&kit);
    T_CODE(KIT(&kit, ax_db_run(kit.db, &kit.err, "UPDATE audit SET actor = 'x' WHERE seq = 1")),
           AX_E_CONFLICT);
    T_CODE(KIT(&kit, ax_db_run(kit.db, &kit.err, "DELETE FROM audit")), AX_E_CONFLICT);
    T_OK(kit_verify(&kit.model));
    kit_done(&kit);
}

static enum ax_code tamper(struct kit *kit, int way)
{
    switch (way) {
    case 0: return ax_db_run(kit->db, &kit->err, "UPDATE audit SET actor = 'x' WHERE seq = 2");
    case 1:
        return ax_db_run(kit->db, &kit->err, "UPDATE audit SET details_json = '{}' WHERE seq = 1");
    case 2:
        return ax_db_run(kit->db, &kit->err, "UPDATE audit SET at_ms = at_ms + 1 WHERE seq = 3");
    case 3: return ax_db_run(kit->db, &kit->err, "DELETE FROM audit WHERE seq = 2");
    case 4: return ax_db_run(kit->db, &kit->err, "DELETE FROM audit WHERE seq = 3");
    case 5: return ax_db_run(kit->db, &kit->err, "DELETE FROM audit");
    case 6: return ax_db_run(kit->db, &kit->err, "UPDATE audit SET seq = 9 WHERE seq = 3");
    default:
        return ax_db_run(kit->db, &kit->err,
                         "UPDATE audit SET hash = (SELECT hash FROM audit WHERE seq = 1) "
                         "WHERE seq = 2");
    }
}

TEST(chain_shows_whoever_goes_round_the_guards)
{
    struct kit kit;

    for (int way = 0; way < 8; way++) {
        kit_init(&kit);
        kit_publisher(&kit);
        T_OK(ax_db_run(kit.db, &kit.err, "DROP TRIGGER audit_is_not_changed"));
        T_OK(ax_db_run(kit.db, &kit.err, "DROP TRIGGER audit_is_not_deleted"));
        T_OK(kit_verify(&kit.model));
        T_OK(tamper(&kit, way));
        T_CODE(kit_verify(&kit.model), AX_E_CONFLICT);
        kit_done(&kit);
    }
}

TEST(walk_may_stop_anywhere)
{
    struct ax_audit_walk walk = { .seq = 0 };
    unsigned steps = 0;
    struct kit kit;

    kit_init(&kit);
    kit_publisher(&kit);
    for (; !walk.done; steps++)
        T_OK(ax_audit_verify(&kit.model, &walk, 1));
    T_EQ(walk.seq, 3);
    T_EQ(steps, 4);
    kit_done(&kit);
}

TEST_MAIN()

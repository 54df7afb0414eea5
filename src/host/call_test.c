/* SPDX-License-Identifier: Apache-2.0 */
/* call_test.c - who may call what, by which name, and what do the simple interfaces say? */
#include "base/test.h"
#include "host/test_scene.h"

#include <stdio.h>

#define EVERYTHING 0x1ffu

static void nobody(struct test_peer *peer)
{
    test_peer_close(peer);
}

static enum ax_host_number generic(const char *interface, const char *function, const char *args)
{
    char payload[1024];

    snprintf(payload, sizeof(payload), "{\"interface\":\"%s\",\"function\":\"%s\"%s%s}", interface,
             function, args[0] != '\0' ? ",\"args\":" : "", args);
    return scene_call("", "", payload);
}

TEST(call_names_are_a_closed_list)
{
    static const char *const payloads[] = {
        "{}",
        "[]",
        "null",
        "",
        "{",
        "7",
        "{\"interface\":\"context\"}",
        "{\"function\":\"get-context\"}",
        "{\"interface\":\"context\",\"function\":\"get\"}",
        "{\"interface\":\"Context\",\"function\":\"get-context\"}",
        "{\"interface\":\"\",\"function\":\"\"}",
        "{\"interface\":1,\"function\":\"get-context\"}",
        "{\"interface\":\"context\",\"function\":\"get-context\",\"more\":1}",
        "{\"interface\":\"context\",\"interface\":\"context\",\"function\":\"get-context\"}",
        "{\"interface\":\"logging\",\"function\":\"log-info\",\"args\":{\"message\":\"a\"}}",
        "{\"interface\":\"invoicing\",\"function\":\"create\"}",
    };

    scene_new(nobody, NULL);
    scene->grants.capabilities = EVERYTHING;
    for (size_t i = 0; i < AX_ARRAY_LEN(payloads); i++) {
        if (scene_call("", "", payloads[i]) != AX_HOST_INVALID)
            fail_msg("accepted: %s", payloads[i]);
    }
    T_EQ(generic("context", "get-context", ""), AX_HOST_OK);
    T_EQ(generic("context", "get-context", "{}"), AX_HOST_OK);
    T_EQ(scene_call("http", "get", "{}"), AX_HOST_INVALID);
    T_EQ(scene_call("nothing", "fetch", "{}"), AX_HOST_INVALID);
    scene_free();
}

TEST(call_without_grant_is_denied_and_with_it_not_available)
{
    static const struct {
        const char *interface, *function;
        unsigned capability;
    } rows[] = {
        { "secrets", "get", AX_CAP_SECRETS_GET },
        { "secrets", "list-keys", AX_CAP_SECRETS_GET },
        { "storage", "get", AX_CAP_STORAGE_KV },
        { "storage", "put", AX_CAP_STORAGE_KV },
        { "storage", "delete", AX_CAP_STORAGE_KV },
        { "storage", "list-entries", AX_CAP_STORAGE_KV },
        { "ui-proxy", "call-route", AX_CAP_UI_PROXY },
        { "scheduler", "list-schedules", AX_CAP_SCHEDULER_MANAGE },
        { "scheduler", "get-schedule", AX_CAP_SCHEDULER_MANAGE },
        { "scheduler", "create-schedule", AX_CAP_SCHEDULER_MANAGE },
        { "scheduler", "update-schedule", AX_CAP_SCHEDULER_MANAGE },
        { "scheduler", "delete-schedule", AX_CAP_SCHEDULER_MANAGE },
        { "scheduler", "get-endpoints", AX_CAP_SCHEDULER_MANAGE },
    };

    scene_new(nobody, NULL);
    for (size_t i = 0; i < AX_ARRAY_LEN(rows); i++) {
        scene->grants.capabilities = EVERYTHING & ~rows[i].capability;
        T_EQ(generic(rows[i].interface, rows[i].function, "{}"), AX_HOST_DENIED);
        scene->grants.capabilities = rows[i].capability;
        T_EQ(generic(rows[i].interface, rows[i].function, "{}"), AX_HOST_NOT_AVAILABLE);
    }
    scene->grants.capabilities = EVERYTHING & ~(unsigned)AX_CAP_HTTP_FETCH;
    T_EQ(scene_call("http", "fetch", "{}"), AX_HOST_DENIED); /* before its arguments are read */
    scene->grants.capabilities = EVERYTHING;
    T_EQ(scene_call("http", "fetch", "{}"), AX_HOST_INVALID);
    scene_free();
}

TEST(call_payload_ends_at_its_limit)
{
    for (size_t n = (12u << 20) - 1; n <= (12u << 20) + 1; n++) {
        AX_AUTO_FREE char *payload = ax_alloc(n);

        scene_new(nobody, NULL);
        memset(payload, ' ', n);
        memcpy(payload, "{\"interface\":\"config\",\"function\":\"list\"}", 40);
        scene_start(0, "", "", ax_str_make(payload, n), 10000);
        scene_wait();
        T_EQ(scene->calls[0].number, n <= 12u << 20 ? AX_HOST_OK : AX_HOST_TOO_LARGE);
        scene_free();
    }
}

TEST(call_number_4097_of_an_execution_is_refused_unread)
{
    scene_new(nobody, NULL);
    scene->grants.calls = AX_HOST_CALLS_MAX - 1;
    T_EQ(generic("config", "list", ""), AX_HOST_OK);
    T_EQ(generic("config", "list", ""), AX_HOST_QUOTA);
    T_EQ(scene_call("", "", "not even JSON"), AX_HOST_QUOTA);
    scene->grants.calls = 0;
    scene->grants.payload_bytes = AX_HOST_PAYLOAD_BYTES_MAX - 40;
    T_EQ(scene_call("", "", " {\"interface\":\"config\",\"function\":\"list\"}"), AX_HOST_QUOTA);
    T_EQ(scene_call("", "", "{\"interface\":\"config\",\"function\":\"list\"}"), AX_HOST_OK);
    T_EQ(scene->grants.payload_bytes, AX_HOST_PAYLOAD_BYTES_MAX);
    T_EQ(scene_call("", "", "{\"interface\":\"config\",\"function\":\"list\"}"), AX_HOST_QUOTA);
    scene_free();
}

TEST(context_is_what_the_execution_was_started_with)
{
    scene_new(nobody, NULL);
    T_EQ(generic("context", "get-context", ""), AX_HOST_OK);
    T_STR(
        scene_answer(),
        AX_STR(
            "{\"ok\":{\"request-id\":\"r-1\",\"tenant-id\":\"tenant-1\",\"extension-id\":\"ext-1\","
            "\"install-id\":\"install-1\",\"version-id\":null}}"));
    T_FALSE(scene->calls[0].audit.fetch);
    scene_free();
}

TEST(config_is_text)
{
    scene_new(nobody, NULL);
    T_EQ(generic("config", "list", ""), AX_HOST_OK);
    T_STR(scene_answer(), AX_STR("{\"ok\":[]}"));
    T_EQ(generic("config", "get", "{\"key\":\"a\"}"), AX_HOST_OK);
    T_STR(scene_answer(), AX_STR("{\"ok\":null}"));
    scene->grants.config_json = AX_STR("{\"a\":\"x \\u0022y\",\"n\":1.5,\"b\":true,\"z\":null}");
    T_EQ(generic("config", "get", "{\"key\":\"a\"}"), AX_HOST_OK);
    T_STR(scene_answer(), AX_STR("{\"ok\":\"x \\\"y\"}"));
    T_EQ(generic("config", "get", "{\"key\":\"n\"}"), AX_HOST_OK);
    T_STR(scene_answer(), AX_STR("{\"ok\":\"1.5\"}"));
    T_EQ(generic("config", "get", "{\"key\":\"z\"}"), AX_HOST_OK);
    T_STR(scene_answer(), AX_STR("{\"ok\":null}"));
    T_EQ(generic("config", "list", "{}"), AX_HOST_OK);
    T_STR(scene_answer(),
          AX_STR("{\"ok\":[[\"a\",\"x \\\"y\"],[\"n\",\"1.5\"],[\"b\",\"true\"]]}"));
    T_EQ(generic("config", "get", ""), AX_HOST_INVALID);
    T_EQ(generic("config", "get", "{}"), AX_HOST_INVALID);
    T_EQ(generic("config", "get", "{\"key\":1}"), AX_HOST_INVALID);
    T_EQ(generic("config", "get", "{\"key\":\"a\",\"more\":1}"), AX_HOST_INVALID);
    scene_free();
}

TEST(user_has_two_records)
{
    scene_new(nobody, NULL);
    T_EQ(generic("user", "get-user", ""), AX_HOST_OK);
    T_STR(scene_answer(), AX_STR("{\"err\":\"not-available\"}"));
    scene->grants.user_json = AX_STR(
        "{\"user_id\":\"u1\",\"user_email\":\"a@b.example\",\"user_name\":\"Ada\",\"user_type\":"
        "\"internal\",\"company_name\":\"Acme\",\"client_id\":\"c1\",\"additional_fields\":{\"k\":"
        "\"v\",\"n\":2}}");
    T_EQ(generic("user", "get-user", ""), AX_HOST_OK);
    T_STR(scene_answer(),
          AX_STR(
              "{\"ok\":{\"tenant-id\":\"tenant-1\",\"client-name\":\"Acme\",\"user-id\":\"u1\","
              "\"user-email\":\"a@b.example\",\"user-name\":\"Ada\",\"user-type\":\"internal\"}}"));
    T_EQ(generic("user-v2", "get-user", ""), AX_HOST_OK);
    T_TRUE(scene_answer_has(
        "\"client-id\":\"c1\",\"additional-fields\":[[\"k\",\"v\"],[\"n\",\"2\"]]"));
    scene->grants.user_json = AX_STR("{\"client_name\":\"Beta\",\"company_name\":\"Acme\"}");
    T_EQ(generic("user-v2", "get-user", ""), AX_HOST_OK);
    T_TRUE(scene_answer_has("\"client-name\":\"Beta\",\"user-id\":\"\""));
    T_TRUE(scene_answer_has("\"client-id\":null,\"additional-fields\":[]"));
    scene_free();
}

TEST(host_settings_that_do_not_parse_are_named)
{
    static const struct {
        struct ax_host_options options;
        const char *name;
    } rows[] = {
        { { .egress_allowlist = AX_STR_INIT("a.example,*") }, "EXT_EGRESS_ALLOWLIST" },
        { { .private_cidrs = AX_STR_INIT("10.0.0.1/8") }, "EXT_EGRESS_PRIVATE_CIDRS" },
        { { .resolver = AX_STR_INIT("localhost") }, "EXT_EGRESS_RESOLVER" },
        { { .ca_pem = AX_STR_INIT("/nowhere/ca.pem") }, "EXT_EGRESS_CA_FILE" },
    };
    struct ax_host_options fine = { .egress_allowlist = AX_STR("a.example") };
    struct ax_host *host = NULL;
    struct ax_loop loop;
    struct ax_err err;

    ax_loop_init(&loop);
    for (size_t i = 0; i < AX_ARRAY_LEN(rows); i++) {
        T_CODE(ax_host_new(&loop, &rows[i].options, &host, &err), AX_E_INVALID_REQUEST);
        T_TRUE(host == NULL);
        T_TRUE(strstr(err.message, rows[i].name) != NULL);
    }
    T_OK(ax_host_new(&loop, &fine, &host, &err));
    T_TRUE(ax_host_egress_is_open(host));
    for (size_t i = 0; i < AX_ARRAY_LEN(rows); i++)
        T_CODE(ax_host_reload(host, &rows[i].options, &err), AX_E_INVALID_REQUEST);
    T_TRUE(ax_host_egress_is_open(host)); /* the old policy stands */
    ax_host_free(host);
    ax_loop_done(&loop);
}

TEST(call_canceled_at_once_still_ends_once_and_later)
{
    scene_new(nobody, NULL);
    scene_start(0, "", "", AX_STR("{\"interface\":\"config\",\"function\":\"list\"}"), 1000);
    ax_op_cancel(&scene->calls[0].op);
    scene_wait();
    T_OK(scene->codes[0]); /* it was done before anybody canceled */
    T_EQ(scene->calls[0].number, AX_HOST_OK);
    scene_free();
}

TEST_MAIN()

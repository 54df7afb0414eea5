/* SPDX-License-Identifier: Apache-2.0 */
/* model_test.c - do ids, revocations and uploads hold what they promise? */
#include "registry/model.h"

#include "registry/test_kit.h"
#include "registry/upload.h"

TEST(ids_are_long_and_never_the_same)
{
    char a[AX_ID_LEN + 1], b[AX_ID_LEN + 1];

    ax_id_make("ins_", a);
    ax_id_make("ins_", b);
    T_EQ(strlen(a), AX_ID_LEN);
    T_TRUE(strcmp(a, b) != 0);
    T_TRUE(ax_id_is(ax_str_of(a), "ins_"));
    T_FALSE(ax_id_is(ax_str_of(a), "pub_"));
    a[AX_ID_LEN - 1] = '1'; /* not of the alphabet */
    T_FALSE(ax_id_is(ax_str_of(a), "ins_"));
    T_FALSE(ax_id_is(ax_str_make(b, AX_ID_LEN - 1), "ins_"));
}

#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

TEST(revocation_is_for_ever_and_its_first_reason_stays)
{
    static const char *const bad[] = {
        "", "00", "sha256:" HASH, HASH "0",
        "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff"
    };
    struct ax_page page = { .limit = 0 };
    struct ax_revocation *list;
    char reason[AX_REASON_MAX + 1];
    bool revoked = true;
    struct kit kit;
    size_t count;

    kit_init(&kit);
    memset(reason, 'r', sizeof(reason));
    for (size_t i = 0; i < AX_ARRAY_LEN(bad); i++)
        T_CODE(KIT(&kit,
                   ax_revocation_add(&kit.model, AX_REVOKED_HASH, ax_str_of(bad[i]), AX_STR(""))),
               AX_E_INVALID_REQUEST);
    T_CODE(KIT(&kit, ax_revocation_add(&kit.model, AX_REVOKED_HASH, AX_STR(HASH),
                                       ax_str_make(reason, sizeof(reason)))),
           AX_E_INVALID_REQUEST);
    T_OK(ax_revocation_has(&kit.model, AX_REVOKED_HASH, AX_STR(HASH), &revoked));
    T_FALSE(revoked);
    T_OK(KIT(&kit, ax_revocation_add(&kit.model, AX_REVOKED_HASH, AX_STR(HASH),
                                     ax_str_make(reason, AX_REASON_MAX))));
    T_OK(KIT(&kit, ax_revocation_add(&kit.model, AX_REVOKED_HASH, AX_STR(HASH), AX_STR("other"))));
    T_OK(ax_revocation_has(&kit.model, AX_REVOKED_HASH, AX_STR(HASH), &revoked));
    T_TRUE(revoked);
    T_OK(ax_revocation_has(&kit.model, AX_REVOKED_KEY, AX_STR(HASH), &revoked));
    T_FALSE(revoked);
    T_OK(ax_revocation_list(&kit.model, AX_REVOKED_HASH, &page, &list, &count));
    T_EQ(count, 1);
    T_EQ(list[0].reason.len, AX_REASON_MAX);
    T_OK(ax_revocation_list(&kit.model, AX_REVOKED_KEY, &page, &list, &count));
    T_EQ(count, 0);
    kit_done(&kit);
}

static struct ax_upload_new an_upload(void)
{
    return (struct ax_upload_new){ .publisher = AX_STR("acme"),
                                   .name = AX_STR("com.acme.hello"),
                                   .version = AX_STR("1.0.0"),
                                   .envelope = AX_STR("{}"),
                                   .size = 1 };
}

TEST(upload_lives_until_it_is_published_or_expires)
{
    struct ax_upload_new in = an_upload();
    struct ax_upload upload, found;
    struct ax_str *ids;
    struct kit kit;
    size_t count;

    kit_init(&kit);
    kit_publisher(&kit);
    T_OK(KIT(&kit, ax_upload_create(&kit.model, &in, &upload)));
    T_TRUE(ax_id_is(upload.id, "upl_"));
    T_FALSE(upload.received);
    T_OK(ax_upload_set_received(&kit.model, upload.id));
    T_OK(ax_upload_get(&kit.model, AX_STR("acme"), upload.id, &found));
    T_TRUE(found.received);
    T_CODE(ax_upload_get(&kit.model, AX_STR("bolt"), upload.id, &found), AX_E_NOT_FOUND);
    T_OK(KIT(&kit, ax_upload_sweep(&kit.model, &ids, &count)));
    T_EQ(count, 0);
    kit.model.now_ms = upload.expires_ms;
    T_CODE(ax_upload_get(&kit.model, AX_STR("acme"), upload.id, &found), AX_E_NOT_FOUND);
    T_OK(KIT(&kit, ax_upload_sweep(&kit.model, &ids, &count)));
    T_EQ(count, 1);
    T_STR(ids[0], upload.id);
    T_OK(KIT(&kit, ax_upload_create(&kit.model, &in, &upload)));
    T_OK(ax_upload_delete(&kit.model, upload.id));
    T_OK(ax_upload_delete(&kit.model, upload.id));
    T_CODE(ax_upload_set_received(&kit.model, upload.id), AX_E_NOT_FOUND);
    kit_done(&kit);
}

TEST(uploads_have_limits)
{
    struct ax_upload_new in = an_upload();
    struct ax_upload upload;
    struct kit kit;

    kit_init(&kit);
    kit_publisher(&kit);
    in.size = 0;
    T_CODE(KIT(&kit, ax_upload_create(&kit.model, &in, &upload)), AX_E_PAYLOAD_TOO_LARGE);
    in.size = (64u << 20) + 1;
    T_CODE(KIT(&kit, ax_upload_create(&kit.model, &in, &upload)), AX_E_PAYLOAD_TOO_LARGE);
    in.size = 64u << 20;
    in.version = AX_STR("1.0.*");
    T_CODE(KIT(&kit, ax_upload_create(&kit.model, &in, &upload)), AX_E_INVALID_REQUEST);
    in.version = AX_STR("1.0.0");
    in.name = AX_STR("Hello");
    T_CODE(KIT(&kit, ax_upload_create(&kit.model, &in, &upload)), AX_E_INVALID_REQUEST);
    in.name = AX_STR("com.acme.hello");
    for (int i = 0; i < AX_UPLOADS_MAX; i++)
        T_OK(KIT(&kit, ax_upload_create(&kit.model, &in, &upload)));
    T_CODE(KIT(&kit, ax_upload_create(&kit.model, &in, &upload)), AX_E_OVERLOADED);
    kit.model.now_ms = upload.expires_ms;
    T_OK(KIT(&kit, ax_upload_create(&kit.model, &in, &upload)));
    kit_done(&kit);
}

TEST_MAIN()

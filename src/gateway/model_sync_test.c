/* SPDX-License-Identifier: Apache-2.0 */
/* model_sync_test.c - does the model in use go on while another is built? */
#include "gateway/model_sync.h"

#include "gateway/test_scene.h"

static enum ax_code apply(struct ax_model_sync *sync, uint8_t type, struct ax_buf *payload)
{
    struct ax_frame frame = { .type = type, .payload = ax_buf_str(payload) };
    enum ax_code code = ax_model_sync_apply(sync, &frame);

    ax_buf_done(payload);
    return code;
}

static enum ax_code serial(struct ax_model_sync *sync, uint8_t type, uint64_t number)
{
    struct ax_buf payload = { .max = 1024 };

    ax_model_write_serial(&payload, number);
    return apply(sync, type, &payload);
}

static enum ax_code install(struct ax_model_sync *sync, const char *id, const char *tenant)
{
    struct ax_buf payload = { .max = 4096 };
    struct ax_model_install_row row = { .id = ax_str_of(id),
                                        .tenant = ax_str_of(tenant),
                                        .extension_id = AX_STR("e"),
                                        .version_id = AX_STR("v"),
                                        .status = AX_INSTALL_ENABLED };

    ax_model_write_install(&payload, &row);
    return apply(sync, AX_MODEL_INSTALL, &payload);
}

static void catalogue(struct ax_model_sync *sync)
{
    struct ax_buf payload = { .max = 4096 };
    struct ax_model_extension_row extension = { AX_STR("e"), AX_STR("com.acme.hello"),
                                                AX_STR("acme") };
    struct ax_model_version_row version = {
        .id = AX_STR("v"),
        .extension_id = AX_STR("e"),
        .version = AX_STR("1.0.0"),
        .manifest = scene_manifest("com.acme.hello", "1.0.0", ""),
    };

    ax_model_write_extension(&payload, &extension);
    T_OK(apply(sync, AX_MODEL_EXTENSION, &payload));
    ax_model_write_version(&payload, &version);
    T_OK(apply(sync, AX_MODEL_VERSION, &payload));
}

TEST(sync_shows_a_model_when_it_is_whole)
{
    AX_AUTO(ax_model_sync_free) struct ax_model_sync *sync = ax_model_sync_new();

    T_EQ(ax_model_sync_begin(sync), 0);
    T_OK(serial(sync, AX_MODEL_RESET, 7));
    catalogue(sync);
    T_OK(install(sync, "i", "t"));
    T_TRUE(ax_model_sync_model(sync) == NULL);
    T_EQ(ax_model_sync_serial(sync), 0);
    T_OK(serial(sync, AX_MODEL_SYNCED, 7));
    T_STR(scene_resolve(ax_model_sync_model(sync), "t", "com.acme.hello"), AX_STR("i"));
    T_EQ(ax_model_sync_serial(sync), 7);
}

TEST(sync_takes_changes_at_once)
{
    AX_AUTO(ax_model_sync_free) struct ax_model_sync *sync = ax_model_sync_new();
    struct ax_buf payload = { .max = 1024 };
    const uint8_t hash[32] = { 0 };

    T_OK(serial(sync, AX_MODEL_RESET, 1));
    catalogue(sync);
    T_OK(serial(sync, AX_MODEL_SYNCED, 1));
    T_OK(install(sync, "i", "t"));
    T_STR(scene_resolve(ax_model_sync_model(sync), "t", "e"), AX_STR("i"));
    ax_model_write_revoked(&payload, &(struct ax_model_revocation){
                                         AX_MODEL_REVOKED_HASH, ax_str_make(hash, sizeof(hash)) });
    T_OK(apply(sync, AX_MODEL_REVOKED, &payload));
    T_STR(scene_resolve(ax_model_sync_model(sync), "t", "e"), AX_STR("not available"));
    ax_model_write_gone(&payload, &(struct ax_model_gone){ AX_MODEL_KIND_REVOCATION,
                                                           ax_str_make(hash, sizeof(hash)) });
    T_OK(apply(sync, AX_MODEL_GONE, &payload));
    T_STR(scene_resolve(ax_model_sync_model(sync), "t", "e"), AX_STR("i"));
    T_OK(serial(sync, AX_MODEL_SYNCED, 2));
    T_EQ(ax_model_sync_begin(sync), 2);
}

TEST(sync_goes_on_with_the_old_model_while_a_new_one_comes)
{
    AX_AUTO(ax_model_sync_free) struct ax_model_sync *sync = ax_model_sync_new();

    T_OK(serial(sync, AX_MODEL_RESET, 1));
    catalogue(sync);
    T_OK(install(sync, "old", "t"));
    T_OK(serial(sync, AX_MODEL_SYNCED, 1));
    T_OK(serial(sync, AX_MODEL_RESET, 5));
    catalogue(sync);
    T_OK(install(sync, "half", "t"));
    T_STR(scene_resolve(ax_model_sync_model(sync), "t", "e"), AX_STR("old"));
    T_EQ(ax_model_sync_begin(sync), 1); /* the link broke: what was half told is forgotten */
    T_STR(scene_resolve(ax_model_sync_model(sync), "t", "e"), AX_STR("old"));
    T_OK(serial(sync, AX_MODEL_RESET, 6));
    T_OK(serial(sync, AX_MODEL_RESET, 6)); /* anew */
    catalogue(sync);
    T_OK(install(sync, "new", "t"));
    T_OK(serial(sync, AX_MODEL_SYNCED, 6));
    T_STR(scene_resolve(ax_model_sync_model(sync), "t", "e"), AX_STR("new"));
}

TEST(sync_refuses_what_does_not_belong_here)
{
    AX_AUTO(ax_model_sync_free) struct ax_model_sync *sync = ax_model_sync_new();

    T_CODE(install(sync, "i", "t"), AX_E_INVALID_REQUEST);
    T_CODE(serial(sync, AX_MODEL_SYNCED, 1), AX_E_INVALID_REQUEST);
    T_OK(serial(sync, AX_MODEL_RESET, 1));
    for (unsigned type = 0; type < 256; type++) {
        struct ax_buf payload = { .max = 16 };

        T_CODE(apply(sync, (uint8_t)type, &payload), AX_E_INVALID_REQUEST); /* nothing is empty */
    }
    T_CODE(serial(sync, AX_MODEL_SYNC, 1), AX_E_INVALID_REQUEST);
    T_OK(serial(sync, AX_MODEL_SYNCED, 1));
    T_OK(install(sync, "i", "t"));
}

TEST_MAIN()

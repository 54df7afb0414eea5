/* SPDX-License-Identifier: Apache-2.0 */
/* model_message_test.c - does a row arrive as it was sent, and nothing else at all? */
#include "gateway/model_message.h"

#include "bundle/manifest.h"
#include "gateway/test_scene.h"

static struct ax_model_install_row install_row(void)
{
    return (struct ax_model_install_row){
        .id = AX_STR("ins_1"),
        .tenant = AX_STR("t\xc3\xa4"),
        .extension_id = AX_STR("ext_1"),
        .version_id = AX_STR("ver_1"),
        .status = AX_INSTALL_PENDING,
        .config = AX_STR("{\"a\":1}"),
        .grants = { AX_STR_INIT("a.b"), AX_STR_INIT("c.d") },
        .grant_count = 2,
        .egress = { AX_STR_INIT("x.y") },
        .egress_count = 1,
    };
}

/* Cut anywhere, or with one byte more: no message. */
#define CHECK_WHOLE(payload, reader, row)                             \
    do {                                                              \
        AX_AUTO_BUF struct ax_buf longer = { .max = 1u << 20 };       \
        for (size_t len = 0; len < (payload)->len; len++)             \
            T_FALSE(reader(ax_str_make((payload)->ptr, len), (row))); \
        ax_buf_append_str(&longer, ax_buf_str(payload));              \
        ax_buf_append_byte(&longer, 'x');                             \
        T_FALSE(reader(ax_buf_str(&longer), (row)));                  \
        T_TRUE(reader(ax_buf_str(payload), (row)));                   \
    } while (0)

TEST(message_rows_arrive_as_sent)
{
    AX_AUTO_BUF struct ax_buf payload = { .max = 1u << 20 };
    struct ax_model_extension_row extension = { AX_STR("e"), AX_STR("a.b"), AX_STR("Acme Inc") };
    struct ax_model_version_row version = { .id = AX_STR("v"),
                                            .extension_id = AX_STR("e"),
                                            .version = AX_STR("1.0.0"),
                                            .hash.bytes = { 1, 2 },
                                            .manifest = AX_STR("{}") };
    struct ax_model_install_row install = install_row();
    struct ax_model_extension_row got_extension;
    struct ax_model_version_row got_version;
    struct ax_model_install_row got_install;

    ax_model_write_extension(&payload, &extension);
    CHECK_WHOLE(&payload, ax_model_read_extension, &got_extension);
    T_STR(got_extension.publisher, AX_STR("Acme Inc"));
    ax_buf_clear(&payload);
    ax_model_write_version(&payload, &version);
    CHECK_WHOLE(&payload, ax_model_read_version, &got_version);
    T_TRUE(ax_digest_eq(&got_version.hash, &version.hash));
    T_STR(got_version.manifest, AX_STR("{}"));
    ax_buf_clear(&payload);
    ax_model_write_install(&payload, &install);
    CHECK_WHOLE(&payload, ax_model_read_install, &got_install);
    T_STR(got_install.tenant, install.tenant);
    T_EQ(got_install.status, AX_INSTALL_PENDING);
    T_STR(got_install.config, install.config);
    T_EQ(got_install.grant_count, 2);
    T_STR(got_install.grants[1], AX_STR("c.d"));
    T_EQ(got_install.egress_count, 1);
    T_STR(got_install.egress[0], AX_STR("x.y"));
}

TEST(message_of_what_goes_arrives_as_sent)
{
    const uint8_t hash[32] = { 9 };
    const struct ax_model_gone gones[] = {
        { AX_MODEL_KIND_EXTENSION, AX_STR("e") },
        { AX_MODEL_KIND_VERSION, AX_STR("v") },
        { AX_MODEL_KIND_INSTALL, AX_STR("i") },
        { AX_MODEL_KIND_REVOCATION, ax_str_make(hash, sizeof(hash)) },
    };
    const struct ax_model_revocation revoked[] = {
        { AX_MODEL_REVOKED_HASH, ax_str_make(hash, sizeof(hash)) },
        { AX_MODEL_REVOKED_KEY, AX_STR("keyid") },
    };
    AX_AUTO_BUF struct ax_buf payload = { .max = 1u << 20 };
    struct ax_model_revocation got_revoked;
    struct ax_model_gone got;
    uint64_t serial = 0;

    for (size_t i = 0; i < AX_ARRAY_LEN(gones); i++) {
        ax_buf_clear(&payload);
        ax_model_write_gone(&payload, &gones[i]);
        CHECK_WHOLE(&payload, ax_model_read_gone, &got);
        T_EQ(got.kind, gones[i].kind);
        T_STR(got.id, gones[i].id);
    }
    for (size_t i = 0; i < AX_ARRAY_LEN(revoked); i++) {
        ax_buf_clear(&payload);
        ax_model_write_revoked(&payload, &revoked[i]);
        CHECK_WHOLE(&payload, ax_model_read_revoked, &got_revoked);
        T_STR(got_revoked.value, revoked[i].value);
    }
    ax_buf_clear(&payload);
    ax_model_write_serial(&payload, UINT64_MAX);
    CHECK_WHOLE(&payload, ax_model_read_serial, &serial);
    T_TRUE(serial == UINT64_MAX);
}

static bool install_arrives(const struct ax_model_install_row *row)
{
    AX_AUTO_BUF struct ax_buf payload = { .max = 1u << 20 };
    struct ax_model_install_row got;

    ax_model_write_install(&payload, row);
    return ax_model_read_install(ax_buf_str(&payload), &got);
}

TEST(message_texts_are_bounded_utf8_without_controls)
{
    static const struct {
        struct ax_str text;
        bool fine;
    } rows[] = {
        { AX_STR_INIT("x"), true },        { AX_STR_INIT(""), false },
        { AX_STR_INIT("a b"), true },      { AX_STR_INIT("a\nb"), false },
        { AX_STR_INIT("\xc3\xa4"), true }, { AX_STR_INIT("\xc3"), false },
        { AX_STR_INIT("a\0b"), false },    { AX_STR_INIT("\x7f"), false },
    };
    static char longest[AX_MODEL_CONFIG_MAX + 1];

    memset(longest, 'a', sizeof(longest));
    for (size_t i = 0; i < AX_ARRAY_LEN(rows); i++) {
        struct ax_model_install_row row = install_row();
        struct ax_str *const fields[] = { &row.id,         &row.tenant,    &row.extension_id,
                                          &row.version_id, &row.grants[1], &row.egress[0] };

        for (size_t k = 0; k < AX_ARRAY_LEN(fields); k++) {
            struct ax_str before = *fields[k];

            *fields[k] = rows[i].text;
            T_EQ(install_arrives(&row), rows[i].fine);
            *fields[k] = before;
        }
    }
    for (size_t len = AX_MODEL_ID_MAX - 1; len <= AX_MODEL_ID_MAX + 1; len++) {
        struct ax_model_install_row row = install_row();

        row.tenant = ax_str_make(longest, len);
        T_EQ(install_arrives(&row), len <= AX_MODEL_ID_MAX);
    }
    for (size_t len = AX_MODEL_ENTRY_MAX - 1; len <= AX_MODEL_ENTRY_MAX + 1; len++) {
        struct ax_model_install_row row = install_row();

        row.egress[0] = ax_str_make(longest, len);
        T_EQ(install_arrives(&row), len <= AX_MODEL_ENTRY_MAX);
    }
    for (size_t len = AX_MODEL_CONFIG_MAX - 1; len <= AX_MODEL_CONFIG_MAX + 1; len++) {
        struct ax_model_install_row row = install_row();

        row.config = ax_str_make(longest, len);
        T_EQ(install_arrives(&row), len <= AX_MODEL_CONFIG_MAX);
    }
}

TEST(message_kinds_and_counts_are_bounded)
{
    for (unsigned status = 0; status < 256; status++) {
        struct ax_model_install_row row = install_row();

        row.status = status;
        T_EQ(install_arrives(&row),
             status >= AX_INSTALL_ENABLED && status <= AX_INSTALL_UNINSTALLED);
    }
    for (unsigned kind = 0; kind < 256; kind++) {
        AX_AUTO_BUF struct ax_buf payload = { .max = 1024 };
        struct ax_model_revocation revoked;
        struct ax_model_gone gone;

        ax_model_write_gone(
            &payload, &(struct ax_model_gone){ kind, AX_STR("thirty-two bytes are needed here") });
        T_EQ(ax_model_read_gone(ax_buf_str(&payload), &gone), kind >= 1 && kind <= 4);
        T_EQ(ax_model_read_revoked(ax_buf_str(&payload), &revoked), kind >= 1 && kind <= 2);
    }
    for (uint32_t count = AX_MODEL_GRANTS_MAX - 1; count <= AX_MODEL_GRANTS_MAX + 1; count++) {
        AX_AUTO_BUF struct ax_buf payload = { .max = 1u << 16 };
        struct ax_model_install_row got;

        for (size_t i = 0; i < 4; i++)
            ax_frame_put_str(&payload, AX_STR("x"));
        ax_frame_put_u8(&payload, 1);
        ax_frame_put_str(&payload, AX_STR("{}"));
        ax_frame_put_u32(&payload, count);
        for (size_t i = 0; i < count; i++)
            ax_frame_put_str(&payload, AX_STR("a.b"));
        ax_frame_put_u32(&payload, 0);
        T_EQ(ax_model_read_install(ax_buf_str(&payload), &got), count <= AX_MODEL_GRANTS_MAX);
    }
}

TEST(message_of_the_largest_install_fits_a_frame)
{
    static struct ax_model_install_row row;
    static char bytes[AX_MODEL_CONFIG_MAX];
    AX_AUTO_BUF struct ax_buf payload = { .max = AX_MODEL_FRAME_MAX };

    memset(bytes, 'a', sizeof(bytes));
    row.id = row.tenant = row.extension_id = row.version_id = ax_str_make(bytes, AX_MODEL_ID_MAX);
    row.status = AX_INSTALL_ENABLED;
    row.config = ax_str_make(bytes, sizeof(bytes));
    row.grant_count = AX_MODEL_GRANTS_MAX;
    row.egress_count = AX_MODEL_EGRESS_MAX;
    for (size_t i = 0; i < AX_MODEL_GRANTS_MAX; i++)
        row.grants[i] = ax_str_make(bytes, AX_MODEL_ENTRY_MAX);
    for (size_t i = 0; i < AX_MODEL_EGRESS_MAX; i++)
        row.egress[i] = ax_str_make(bytes, AX_MODEL_ENTRY_MAX);
    size_t begun = ax_frame_begin(&payload, AX_MODEL_INSTALL, 0, 0);
    ax_model_write_install(&payload, &row);
    T_OK(ax_frame_end(&payload, begun));
}

TEST_MAIN()

/* SPDX-License-Identifier: Apache-2.0 */
/* list_test.c - is a caller shown what it may use, and no more? */
#include "gateway/list.h"

#include "gateway/test_scene.h"

#define ENDPOINTS(permission)                                                        \
    ",\"api\":{\"endpoints\":[{\"method\":\"GET\",\"path\":\"/\",\"handler\":\"h\"," \
    "\"permission\":\"" permission "\"}]}"

static struct ax_read_model *scene_new(void)
{
    struct ax_read_model *model = ax_read_model_new();

    scene_extension(model, "ext_b", "com.acme.b");
    scene_extension(model, "ext_a", "com.acme.a");
    scene_version(model, "ver_a", "ext_a", "com.acme.a", "1.0.0", 1,
                  ",\"ui\":{\"type\":\"iframe\",\"hooks\":{\"appMenu\":{\"label\":\"A\"}},"
                  "\"sandbox\":[\"allow-forms\"],\"spa\":true}" ENDPOINTS("audit"));
    scene_version(model, "ver_b", "ext_b", "com.acme.b", "1.1.0", 2, ENDPOINTS("write"));
    scene_install(model, "ins_b", "t", "ext_b", "ver_b", AX_INSTALL_ENABLED);
    scene_install(model, "ins_a", "t", "ext_a", "ver_a", AX_INSTALL_ENABLED);
    scene_install(model, "ins_x", "other", "ext_b", "ver_b", AX_INSTALL_ENABLED);
    return model;
}

static struct ax_str list_as(const struct ax_read_model *model, const char *tenant,
                             const char *roles, struct ax_buf *buf, char *etag)
{
    AX_AUTO(ax_roles_free) struct ax_roles *table = NULL;

    T_OK(ax_roles_parse(AX_STR_NONE, &table, NULL));
    ax_buf_done(buf);
    ax_buf_init(buf, AX_LIST_BYTES_MAX);
    T_OK(ax_list_write(model, table, scene_claims(tenant, roles), buf, etag));
    return ax_buf_str(buf);
}

#define HASH(digit) \
    "sha256:0" digit "00000000000000000000000000000000000000000000000000000000000000"
#define A(permissions)                                                                                    \
    "{\"id\":\"ext_a\",\"name\":\"com.acme.a\",\"publisher\":\"Acme\",\"version\":\"1.0.0\","             \
    "\"install_id\":\"ins_a\",\"content_hash\":\"" HASH(                                                  \
        "1") "\",\"ui\":{\"entry\":"                                                                      \
             "\"ui/index.html\",\"hooks\":{\"appMenu\":{\"label\":\"A\"}},\"sandbox\":[\"allow-forms\"]," \
             "\"spa\":true},\"permissions\":[" permissions "]}"
#define B(permissions)                                                                        \
    "{\"id\":\"ext_b\",\"name\":\"com.acme.b\",\"publisher\":\"Acme\",\"version\":\"1.1.0\"," \
    "\"install_id\":\"ins_b\",\"content_hash\":\"" HASH("2") "\",\"ui\":null,"                \
                                                             "\"permissions\":[" permissions "]}"
#define LIST(items) AX_STR("{\"extensions\":[" items "]}")

TEST(list_shows_by_permission)
{
    AX_AUTO(ax_read_model_free) struct ax_read_model *model = scene_new();
    AX_AUTO_BUF struct ax_buf buf = { .max = 0 };
    char etag[AX_LIST_ETAG_LEN + 1];

    T_STR(list_as(model, "t", "tenant-admin", &buf, etag),
          LIST(A("\"audit\",\"read\"") "," B("\"write\"")));
    T_STR(list_as(model, "t", "member", &buf, etag), LIST(A("\"read\"") "," B("\"write\"")));
    T_STR(list_as(model, "t", "viewer", &buf, etag), LIST(A("\"read\"")));
    T_STR(list_as(model, "t", "extension:com.acme.a:audit", &buf, etag), LIST(A("\"audit\"")));
    T_STR(list_as(model, "t", "nobody", &buf, etag), LIST());
    T_STR(list_as(model, "t", "", &buf, etag), LIST());
    T_STR(list_as(model, "unknown", "tenant-admin", &buf, etag), LIST());
}

TEST(list_shows_what_is_available)
{
    AX_AUTO(ax_read_model_free) struct ax_read_model *model = scene_new();
    AX_AUTO_BUF struct ax_buf buf = { .max = 0 };
    char etag[AX_LIST_ETAG_LEN + 1];

    scene_install(model, "ins_a", "t", "ext_a", "ver_a", AX_INSTALL_DISABLED);
    T_STR(list_as(model, "t", "tenant-admin", &buf, etag), LIST(B("\"write\"")));
    scene_revoke(model, 2);
    T_STR(list_as(model, "t", "tenant-admin", &buf, etag), LIST());
}

TEST(list_etag_is_of_what_is_shown)
{
    AX_AUTO(ax_read_model_free) struct ax_read_model *model = scene_new();
    AX_AUTO(ax_read_model_free) struct ax_read_model *twin = scene_new();
    AX_AUTO_BUF struct ax_buf buf = { .max = 0 };
    char first[AX_LIST_ETAG_LEN + 1], second[AX_LIST_ETAG_LEN + 1];

    (void)list_as(model, "t", "viewer", &buf, first);
    (void)list_as(twin, "t", "viewer", &buf, second);
    T_STR(ax_str_of(first), ax_str_of(second)); /* every edge says the same */
    T_EQ(strlen(first), AX_LIST_ETAG_LEN);
    scene_install(model, "ins_b", "t", "ext_b", "ver_b", AX_INSTALL_DISABLED);
    (void)list_as(model, "t", "viewer", &buf, second);
    T_STR(ax_str_of(first), ax_str_of(second)); /* a viewer did not see b */
    (void)list_as(twin, "t", "member", &buf, second);
    T_FALSE(ax_str_eq(ax_str_of(first), ax_str_of(second)));
}

TEST(list_etag_matches_as_http_has_it)
{
    static const struct {
        struct ax_str header;
        bool matches;
    } rows[] = {
        { AX_STR_INIT("\"a\""), true },
        { AX_STR_INIT("W/\"a\""), true },
        { AX_STR_INIT("*"), true },
        { AX_STR_INIT("\"b\", \"a\""), true },
        { AX_STR_INIT("\"b\""), false },
        { AX_STR_INIT("a"), false },
        { AX_STR_INIT("w/\"a\""), false },
        { AX_STR_INIT(""), false },
        { { NULL, 0 }, false },
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(rows); i++)
        T_EQ(ax_list_etag_matches(rows[i].header, AX_STR("\"a\"")), rows[i].matches);
}

TEST(list_survives_refused_memory)
{
    AX_AUTO(ax_read_model_free) struct ax_read_model *model = scene_new();
    AX_AUTO(ax_roles_free) struct ax_roles *table = NULL;
    const struct ax_claims *claims = scene_claims("t", "tenant-admin");

    T_OK(ax_roles_parse(AX_STR_NONE, &table, NULL));
    T_SWEEP() {
        AX_AUTO_BUF struct ax_buf buf = { .max = AX_LIST_BYTES_MAX };
        char etag[AX_LIST_ETAG_LEN + 1];
        enum ax_code code = ax_list_write(model, table, claims, &buf, etag);

        T_TRUE(code == AX_OK || code == AX_E_NO_MEMORY);
        T_TRUE(code != AX_OK ||
               ax_str_eq(ax_buf_str(&buf), LIST(A("\"audit\",\"read\"") "," B("\"write\""))));
    }
}

TEST_MAIN()

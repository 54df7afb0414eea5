/* SPDX-License-Identifier: Apache-2.0 */
/* authorise_test.c - which role may use which endpoint? */
#include "gateway/authorise.h"

#include "gateway/test_scene.h"

static bool may(const char *roles, const char *permission)
{
    AX_AUTO(ax_roles_free) struct ax_roles *table = NULL;
    const struct ax_endpoint endpoint = { .permission = ax_str_of(permission) };
    struct ax_err err = { 0 };
    enum ax_code code;

    T_OK(ax_roles_parse(AX_STR_NONE, &table, &err));
    code = ax_authorise(table, scene_claims("t", roles), AX_STR("com.acme.hello"), &endpoint, &err);
    if (code != AX_OK) {
        T_CODE(code, AX_E_FORBIDDEN);
        T_TRUE(strstr(err.message, permission) != NULL);
    }
    return code == AX_OK;
}

/* Every role x every kind of permission. */
TEST(authorise_matrix)
{
    static const char *const permissions[] = { "read", "write", "audit" };
    static const struct {
        const char *roles;
        bool may[3];
    } rows[] = {
        { "", { false, false, false } },
        { "nobody", { false, false, false } },
        { "viewer", { true, false, false } },
        { "Viewer", { false, false, false } },
        { "member", { true, true, false } },
        { "tenant-admin", { true, true, true } },
        { "platform-admin", { false, false, false } },
        { "publisher:acme", { false, false, false } },
        { "extension:audit", { false, false, true } },
        { "extension:write", { true, true, false } },
        { "extension:com.acme.hello:audit", { false, false, true } },
        { "extension:com.acme.world:audit", { false, false, false } },
        { "extension:com.acme.hello:read", { true, false, false } },
        { "viewer extension:audit", { true, false, true } },
        { "nobody viewer", { true, false, false } },
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(rows); i++)
        for (size_t k = 0; k < AX_ARRAY_LEN(permissions); k++)
            T_EQ(may(rows[i].roles, permissions[k]), rows[i].may[k]);
}

/* Role x method, by the permission that a manifest gives an endpoint that names none. */
TEST(authorise_by_method_when_nothing_is_said)
{
    static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE" };

    for (size_t i = 0; i < AX_ARRAY_LEN(methods); i++) {
        AX_AUTO_BUF struct ax_buf rest = { .max = 1024 };

        ax_buf_printf(
            &rest,
            ",\"api\":{\"endpoints\":[{\"method\":\"%s\",\"path\":\"/\",\"handler\":\"h\"}]}",
            methods[i]);
        ax_buf_append_byte(&rest, '\0');
        AX_AUTO(ax_manifest_free) struct ax_manifest *manifest = scene_parse(rest.ptr);
        const char *permission = i < 2 ? "read" : "write";

        T_STR(ax_manifest_endpoint(manifest, 0)->permission, ax_str_of(permission));
        T_EQ(may("viewer", permission), i < 2);
        T_TRUE(may("member", permission));
        T_FALSE(may("nobody", permission));
    }
}

TEST(authorise_tenant_is_the_tokens)
{
    static const struct {
        const char *tenant, *first, *second;
        enum ax_code code;
    } rows[] = {
        { "t1", NULL, NULL, AX_OK },
        { "t1", "t1", NULL, AX_OK },
        { "t1", "t1", "t1", AX_OK },
        { "t1", "t2", NULL, AX_E_TENANT_MISMATCH },
        { "t1", "t1", "t2", AX_E_TENANT_MISMATCH },
        { "t1", "T1", NULL, AX_E_TENANT_MISMATCH },
        { "t1", "", NULL, AX_E_TENANT_MISMATCH },
        { "t1", "t1,t2", NULL, AX_E_TENANT_MISMATCH },
        { "", NULL, NULL, AX_E_FORBIDDEN },
        { "", "", NULL, AX_E_FORBIDDEN },
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(rows); i++) {
        struct ax_http_header headers[3] = { { AX_STR("accept"), AX_STR("t9") } };
        struct ax_err err = { 0 };
        size_t count = 1;

        if (rows[i].first)
            headers[count++] = (struct ax_http_header){ AX_STR("x-alga-tenant"),
                                                        ax_str_of(rows[i].first) };
        if (rows[i].second)
            headers[count++] = (struct ax_http_header){ AX_STR("X-Alga-Tenant"),
                                                        ax_str_of(rows[i].second) };
        T_CODE(ax_authorise_tenant(scene_claims(rows[i].tenant, ""), headers, count, &err),
               rows[i].code);
    }
}

TEST_MAIN()

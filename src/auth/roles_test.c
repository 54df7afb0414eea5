/* SPDX-License-Identifier: Apache-2.0 */
/* roles_test.c - does a role grant what the setting says, and nothing else? */
#include "auth/roles.h"

#include "base/buf.h"
#include "base/test.h"

#define HELLO AX_STR("com.acme.hello")

static struct ax_roles *read_roles(struct ax_str text)
{
    struct ax_roles *roles = NULL;
    struct ax_err err = { 0 };

    if (ax_roles_parse(text, &roles, &err) != AX_OK)
        fail_msg("%s", err.message);
    return roles;
}

static enum ax_code parse(struct ax_str text)
{
    AX_AUTO(ax_roles_free) struct ax_roles *roles = NULL;
    enum ax_code code = ax_roles_parse(text, &roles, NULL);

    T_TRUE((code == AX_OK) == (roles != NULL));
    return code;
}

/* May the bearer of these roles (spaces between) do it? */
static bool allows(const struct ax_roles *roles, const char *held, const char *extension,
                   const char *permission)
{
    struct ax_str list[8];
    struct ax_claims claims = { .roles = list };
    struct ax_str rest = ax_str_of(held);

    while (rest.ptr) {
        struct ax_str role = ax_str_cut(&rest, ' ');

        if (role.len > 0)
            list[claims.role_count++] = role;
    }
    return ax_roles_allow(roles, &claims, ax_str_of(extension), ax_str_of(permission));
}

/* role x permission on com.acme.hello and on com.acme.other: '.' no, 'h' hello only, '*' both */
static const struct {
    const char *role;
    const char *read;
    const char *write;
    const char *manage;
} matrix[] = {
    { "", ".", ".", "." },
    { "viewer", "*", ".", "." },
    { "member", "*", "*", "." },
    { "tenant-admin", "*", "*", "*" },
    { "platform-admin", ".", ".", "." },
    { "publisher:acme", ".", ".", "." },
    { "Viewer", ".", ".", "." },
    { "viewers", ".", ".", "." },
    { "viewe", ".", ".", "." },
    { "admin", ".", ".", "." },
    { "read", ".", ".", "." },
    { "*", ".", ".", "." },
    { "extension:read", "*", ".", "." },
    { "extension:write", "*", "*", "." },
    { "extension:manage", ".", ".", "*" },
    { "extension:com.acme.hello:read", "h", ".", "." },
    { "extension:com.acme.hello:write", "h", "h", "." },
    { "extension:com.acme.hello:manage", ".", ".", "h" },
    { "extension:com.acme.hello", ".", ".", "." },
    { "extension:com.acme.hello:", ".", ".", "." },
    { "extension:com.acme.hello:*", ".", ".", "." },
    { "extension:com.acme.hello:read:write", ".", ".", "." },
    { "extension:COM.acme.hello:read", ".", ".", "." },
    { "extension:com.acme:read", ".", ".", "." },
    { "extension:com.acme.hello2:read", ".", ".", "." },
    { "extension:*", ".", ".", "." },
    { "extension:*:read", ".", ".", "." },
    { "extension::read", ".", ".", "." },
    { "extension:", ".", ".", "." },
    { "extension", ".", ".", "." },
    { "extension:READ", ".", ".", "." },
    { "Extension:read", ".", ".", "." },
    { "viewer extension:com.acme.hello:write", "*", "h", "." },
    { "unknown viewer", "*", ".", "." },
    { "extension:com.acme.hello:read extension:com.acme.other:read", "*", ".", "." },
};

static void check_cell(const struct ax_roles *roles, const char *role, const char *permission,
                       char expected)
{
    bool hello = allows(roles, role, "com.acme.hello", permission);
    bool other = allows(roles, role, "com.acme.other", permission);

    if (hello != (expected != '.') || other != (expected == '*'))
        fail_msg("'%s' %s: hello %d, other %d, expected %c", role, permission, hello, other,
                 expected);
}

TEST(roles_grant_by_the_built_in_table)
{
    struct ax_roles *roles = read_roles(AX_STR_NONE);

    for (size_t i = 0; i < AX_ARRAY_LEN(matrix); i++) {
        check_cell(roles, matrix[i].role, "read", *matrix[i].read);
        check_cell(roles, matrix[i].role, "write", *matrix[i].write);
        check_cell(roles, matrix[i].role, "manage", *matrix[i].manage);
    }
    ax_roles_free(roles);
}

TEST(roles_setting_replaces_the_table)
{
    struct ax_roles *roles = read_roles(AX_STR(" boss = * ; clerk=manage , write;x:y=a.b-c_D"));

    T_TRUE(allows(roles, "boss", "a.b", "anything"));
    T_TRUE(allows(roles, "clerk", "a.b", "manage"));
    T_TRUE(allows(roles, "clerk", "a.b", "read"));
    T_FALSE(allows(roles, "clerk", "a.b", "other"));
    T_TRUE(allows(roles, "x:y", "a.b", "a.b-c_D"));
    T_FALSE(allows(roles, "x:y", "a.b", "A.B-C_d"));
    T_FALSE(allows(roles, "viewer", "a.b", "read"));
    T_FALSE(allows(roles, "tenant-admin", "a.b", "read"));
    T_TRUE(allows(roles, "extension:read", "a.b", "read"));
    ax_roles_free(roles);
}

TEST(roles_grant_nothing_that_no_manifest_can_name)
{
    static const char *permissions[] = { "", "*", "a b", "a:b", "read\n", "r\xc3\xa4" };
    struct ax_roles *roles = read_roles(AX_STR_NONE);

    for (size_t i = 0; i < AX_ARRAY_LEN(permissions); i++)
        T_FALSE(allows(roles, "tenant-admin", "a.b", permissions[i]));
    T_FALSE(allows(roles, "tenant-admin", "", "read"));
    T_TRUE(allows(roles, "tenant-admin", "a.b", "read"));
    ax_roles_free(roles);
}

TEST(roles_setting_is_refused_as_a_whole)
{
    static const char *refused[] = { "",
                                     ";",
                                     "a",
                                     "a=",
                                     "=a",
                                     "a=b;",
                                     ";a=b",
                                     "a=b;;c=d",
                                     "a=b;a=c",
                                     "a=b,",
                                     "a=,b",
                                     "a=b,b",
                                     "a=*,b",
                                     "a=b,*",
                                     "a=b c",
                                     "a=b=c",
                                     "a=b:c",
                                     "a b=c",
                                     "a,b=c",
                                     "a\x7f=c",
                                     "\xc3\xa4=c",
                                     "extension:read=write",
                                     "extension:=x" };
    static const char *accepted[] = {
        "a=b", "a=b;c=d", "a=b,c", "a=*", "a=*;b=*", "extension=write"
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(refused); i++)
        T_CODE(parse(ax_str_of(refused[i])), AX_E_INVALID_REQUEST);
    for (size_t i = 0; i < AX_ARRAY_LEN(accepted); i++)
        T_OK(parse(ax_str_of(accepted[i])));
}

static void check_count(size_t roles, size_t permissions, size_t name_len, size_t word_len,
                        bool good)
{
    AX_AUTO_BUF struct ax_buf text = { .max = 65536 };
    char pad[512];

    memset(pad, 'x', sizeof(pad));
    for (size_t i = 0; i < roles; i++) {
        T_OK(ax_buf_printf(&text, "%sr%02zu%.*s=", i > 0 ? ";" : "", i, (int)name_len - 3, pad));
        for (size_t j = 0; j < permissions; j++)
            T_OK(ax_buf_printf(&text, "%sp%02zu%.*s", j > 0 ? "," : "", j, (int)word_len - 3, pad));
    }
    T_CODE(parse(ax_buf_str(&text)), good ? AX_OK : AX_E_INVALID_REQUEST);
}

TEST(roles_setting_is_bounded)
{
    for (size_t i = 0; i < 3; i++) {
        check_count(AX_ROLES_MAX - 1 + i, 1, 3, 3, i < 2);
        check_count(1, AX_ROLE_PERMISSIONS_MAX - 1 + i, 3, 3, i < 2);
        check_count(1, 1, AX_ROLE_NAME_MAX - 1 + i, 3, i < 2);
        check_count(1, 1, 3, AX_PERMISSION_MAX - 1 + i, i < 2);
    }
}

TEST(roles_of_the_registry_are_whole_words)
{
    struct ax_str list[] = { AX_STR_INIT("platform-admin"), AX_STR_INIT("publisher:acme"),
                             AX_STR_INIT("publisher:") };
    struct ax_claims claims = { .roles = list, .role_count = AX_ARRAY_LEN(list) };
    struct ax_claims nobody = { .role_count = 0 };

    T_TRUE(ax_claims_have_role(&claims, AX_STR("platform-admin")));
    T_FALSE(ax_claims_have_role(&claims, AX_STR("platform")));
    T_FALSE(ax_claims_have_role(&claims, AX_STR("Platform-Admin")));
    T_FALSE(ax_claims_have_role(&claims, AX_STR("tenant-admin")));
    T_FALSE(ax_claims_have_role(&nobody, AX_STR("platform-admin")));
    T_TRUE(ax_claims_have_publisher(&claims, AX_STR("acme")));
    T_FALSE(ax_claims_have_publisher(&claims, AX_STR("acm")));
    T_FALSE(ax_claims_have_publisher(&claims, AX_STR("acme2")));
    T_FALSE(ax_claims_have_publisher(&claims, AX_STR("")));
    T_FALSE(ax_claims_have_publisher(&nobody, AX_STR("acme")));
}

TEST_MAIN()

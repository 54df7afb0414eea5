/* SPDX-License-Identifier: Apache-2.0 */
/* err_test.c - does each code say the same everywhere, and do words stay within their room? */
#include "base/test.h"

TEST(err_names_are_lower_case_and_unique)
{
    for (int code = 0; code < AX_CODE_COUNT; code++) {
        const struct ax_code_info *info = ax_code_info((enum ax_code)code);

        for (const char *at = info->name; *at; at++)
            T_TRUE(*at == '_' || (*at >= 'a' && *at <= 'z'));
        T_EQ(ax_code_by_name(ax_str_of(info->name)), code);
        T_TRUE(info->words[0] != '\0');
        T_TRUE(code == AX_OK || (info->status >= 400 && info->status <= 504));
    }
}

/* Rows of the published table, said a second time. */
TEST(err_rows_say_what_was_promised)
{
    const struct ax_code_info *info = ax_code_info(AX_E_DEADLINE_EXCEEDED);

    assert_string_equal(info->name, "deadline_exceeded");
    T_EQ(info->status, 504);
    T_TRUE(info->may_have_started && info->extension_fault && info->retry == AX_RETRY_NEVER);
    info = ax_code_info(AX_E_OVERLOADED);
    T_EQ(info->status, 503);
    T_TRUE(!info->may_have_started && info->retry == AX_RETRY_NOT_STARTED);
    info = ax_code_info(AX_E_WORKER_LOST);
    T_TRUE(info->may_have_started && info->retry == AX_RETRY_SAFE_ONLY);
    assert_string_equal(ax_code_info(AX_OK)->name, "ok");
}

TEST(err_that_promises_a_retry_cannot_have_started)
{
    for (int code = 1; code < AX_CODE_COUNT; code++) {
        const struct ax_code_info *info = ax_code_info((enum ax_code)code);

        T_FALSE(info->retry == AX_RETRY_NOT_STARTED && info->may_have_started);
    }
}

TEST(err_unknown_is_internal)
{
    assert_string_equal(ax_code_info((enum ax_code)AX_CODE_COUNT)->name, "internal");
    assert_string_equal(ax_code_info((enum ax_code) - 1)->name, "internal");
    T_EQ(ax_code_by_name(AX_STR("no_such")), AX_E_INTERNAL);
    T_EQ(ax_code_by_name(AX_STR("")), AX_E_INTERNAL);
    T_EQ(ax_code_by_name(AX_STR("NOT_FOUND")), AX_E_INTERNAL);
}

TEST(err_sets_words)
{
    struct ax_err err = { .pointer = "/old" };

    T_CODE(ax_err_set(&err, AX_E_CONFLICT, "%s %d", "revision", 3), AX_E_CONFLICT);
    T_EQ(err.code, AX_E_CONFLICT);
    assert_string_equal(err.message, "revision 3");
    assert_string_equal(err.pointer, "");
    T_CODE(ax_err_set_at(&err, AX_E_INVALID_REQUEST, "/a/b", "bad"), AX_E_INVALID_REQUEST);
    assert_string_equal(err.pointer, "/a/b");
    T_CODE(ax_err_set_at(&err, AX_E_INVALID_REQUEST, NULL, "bad"), AX_E_INVALID_REQUEST);
    assert_string_equal(err.pointer, "");
    T_CODE(ax_err_set(NULL, AX_E_IO, "x"), AX_E_IO);
    T_CODE(ax_err_set_at(NULL, AX_E_IO, "/", "x"), AX_E_IO);
    T_CODE(ax_err_wrap(NULL, AX_E_IO, "x"), AX_E_IO);
}

TEST(err_wraps_words)
{
    struct ax_err err = { 0 };

    (void)ax_err_set_at(&err, AX_E_IO, "/a", "disk");
    T_CODE(ax_err_wrap(&err, AX_E_INTERNAL, "bundle '%s'", "x"), AX_E_INTERNAL);
    assert_string_equal(err.message, "bundle 'x': disk");
    assert_string_equal(err.pointer, "/a");
    T_EQ(err.code, AX_E_INTERNAL);
    err.message[0] = '\0';
    (void)ax_err_wrap(&err, AX_E_IO, "alone");
    assert_string_equal(err.message, "alone");
    (void)ax_err_wrap(&err, AX_E_IO, "not %s", err.message); /* its own words */
    assert_string_equal(err.message, "not alone: alone");
    (void)ax_err_set(&err, AX_E_IO, "%s", err.message + 4);
    assert_string_equal(err.message, "alone: alone");
}

TEST(err_cuts_words_that_are_too_long)
{
    const size_t room = sizeof(((struct ax_err *)0)->message);
    char text[400];
    struct ax_err err;

    memset(text, 'x', sizeof(text));
    text[room - 1] = '\0';
    (void)ax_err_set(&err, AX_E_IO, "%s", text);
    T_EQ(strlen(err.message), room - 1);
    (void)ax_err_wrap(&err, AX_E_IO, "y");
    T_EQ(strlen(err.message), room - 1);
    assert_memory_equal(err.message, "y: xxx", 6);
    text[room - 1] = 'x';
    text[sizeof(text) - 1] = '\0';
    (void)ax_err_set_at(&err, AX_E_IO, text, "%s", text);
    T_EQ(strlen(err.message), room - 1);
    T_EQ(strlen(err.pointer), sizeof(err.pointer) - 1);
    (void)ax_err_wrap(&err, AX_E_IO, "%s", text);
    T_EQ(strlen(err.message), room - 1);
}

TEST(err_keeps_characters_whole)
{
    const size_t room = sizeof(((struct ax_err *)0)->message);

    for (size_t before = room - 6; before < room; before++) {
        char text[400];
        struct ax_err err;

        memset(text, 'x', before);
        memcpy(text + before, "\xf0\x9f\x98\x80", 5);
        (void)ax_err_set(&err, AX_E_IO, "%s", text);
        T_TRUE(ax_str_is_utf8(ax_str_of(err.message)));
        T_EQ(strlen(err.message), before + 4 < room ? before + 4 : before);
    }
}

TEST(err_code_on_the_wire_is_one_of_the_contracts)
{
    T_CODE(ax_code_on_wire(AX_E_NO_MEMORY), AX_E_OVERLOADED);
    T_CODE(ax_code_on_wire(AX_E_CANCELED), AX_E_OVERLOADED);
    T_CODE(ax_code_on_wire(AX_E_TOO_BIG), AX_E_PAYLOAD_TOO_LARGE);
    T_CODE(ax_code_on_wire(AX_E_EXISTS), AX_E_CONFLICT);
    T_CODE(ax_code_on_wire(AX_E_IO), AX_E_INTERNAL);
    T_CODE(ax_code_on_wire(AX_E_CLOSED), AX_E_INTERNAL);
    T_CODE(ax_code_on_wire(AX_OK), AX_E_INTERNAL);
    for (int code = AX_OK + 1; code < AX_E_CANCELED; code++)
        T_EQ(ax_code_on_wire((enum ax_code)code), code);
}

TEST_MAIN()

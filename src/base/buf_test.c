/* SPDX-License-Identifier: Apache-2.0 */
/* buf_test.c - does a buffer keep to its maximum and stay whole when it is refused? */
#include "base/buf.h"
#include "base/test.h"

TEST(buf_grows_to_its_maximum)
{
    AX_AUTO_BUF struct ax_buf buf = { .max = 100 };

    for (int i = 0; i < 99; i++)
        T_OK(ax_buf_append_byte(&buf, (char)('a' + i % 26)));
    T_EQ(buf.len, 99);
    T_OK(ax_buf_append_byte(&buf, '!'));
    T_CODE(ax_buf_append_byte(&buf, '!'), AX_E_TOO_BIG);
    T_EQ(buf.len, 100);
    T_EQ(buf.ptr[99], '!');
}

TEST(buf_failure_is_sticky)
{
    AX_AUTO_BUF struct ax_buf buf = { .max = 4 };
    char *room;

    T_OK(ax_buf_append_str(&buf, AX_STR("abc")));
    T_CODE(ax_buf_append_str(&buf, AX_STR("de")), AX_E_TOO_BIG);
    T_CODE(ax_buf_append_str(&buf, AX_STR("d")), AX_E_TOO_BIG);
    T_CODE(ax_buf_append_str(&buf, AX_STR("")), AX_E_TOO_BIG);
    T_CODE(ax_buf_printf(&buf, "d"), AX_E_TOO_BIG);
    T_CODE(ax_buf_append_u64(&buf, 1), AX_E_TOO_BIG);
    T_CODE(ax_buf_reserve(&buf, 1, &room), AX_E_TOO_BIG);
    T_STR(ax_buf_str(&buf), AX_STR("abc"));
    ax_buf_clear(&buf);
    T_OK(ax_buf_append_str(&buf, AX_STR("defg")));
    T_STR(ax_buf_str(&buf), AX_STR("defg"));
}

TEST(buf_says_too_big_before_it_allocates)
{
    AX_AUTO_BUF struct ax_buf buf = { .max = 1 << 20 };

    ax_fault_arm(1);
    T_CODE(ax_buf_append(&buf, "", (1 << 20) + 1), AX_E_TOO_BIG);
    T_FALSE(ax_fault_hit());
    ax_fault_arm(0);
    ax_buf_clear(&buf);
    T_CODE(ax_buf_append(&buf, "", SIZE_MAX), AX_E_TOO_BIG);
}

TEST(buf_survives_refused_memory)
{
    T_SWEEP() {
        AX_AUTO_BUF struct ax_buf buf = { .max = 10000 };
        size_t len = 0;

        for (int i = 0; i < 100; i++) {
            enum ax_code code = ax_buf_printf(&buf, "%040d", i);

            T_TRUE(code == AX_OK || code == AX_E_NO_MEMORY);
            len += code == AX_OK ? 40 : 0;
            T_EQ(buf.len, len);
        }
        T_TRUE((buf.failed == AX_OK) == !ax_fault_hit());
    }
}

TEST(buf_without_a_maximum_below_the_address_space)
{
    AX_AUTO_BUF struct ax_buf buf = { .max = SIZE_MAX };
    char *room;

    T_OK(ax_buf_append_str(&buf, AX_STR("a")));
    T_CODE(ax_buf_reserve(&buf, SIZE_MAX - 1, &room), AX_E_NO_MEMORY);
    T_STR(ax_buf_str(&buf), AX_STR("a"));
}

TEST(buf_prints)
{
    AX_AUTO_BUF struct ax_buf buf = { .max = 9 };

    T_OK(ax_buf_printf(&buf, "%s-%d", "ab", 42));
    T_OK(ax_buf_printf(&buf, "%s", ""));
    T_OK(ax_buf_printf(&buf, "%04d", 7)); /* to the last byte; the terminator has its own */
    T_STR(ax_buf_str(&buf), AX_STR("ab-420007"));
    T_CODE(ax_buf_printf(&buf, "x"), AX_E_TOO_BIG);
}

TEST(buf_appends_numbers)
{
    AX_AUTO_BUF struct ax_buf buf = { .max = 100 };

    T_OK(ax_buf_append_u64(&buf, 0));
    T_OK(ax_buf_append_byte(&buf, ' '));
    T_OK(ax_buf_append_u64(&buf, 10));
    T_OK(ax_buf_append_byte(&buf, ' '));
    T_OK(ax_buf_append_u64(&buf, UINT64_MAX));
    T_STR(ax_buf_str(&buf), AX_STR("0 10 18446744073709551615"));
}

TEST(buf_gives_room)
{
    AX_AUTO_BUF struct ax_buf buf = { .max = 5 };
    char *room;

    T_OK(ax_buf_reserve(&buf, 5, &room));
    memcpy(room, "abcde", 5);
    ax_buf_advance(&buf, 3);
    T_STR(ax_buf_str(&buf), AX_STR("abc"));
    T_OK(ax_buf_reserve(&buf, 2, &room));
    assert_ptr_equal(room, buf.ptr + 3);
    T_CODE(ax_buf_reserve(&buf, 3, &room), AX_E_TOO_BIG);
}

TEST(buf_drops_from_the_front)
{
    AX_AUTO_BUF struct ax_buf buf = { .max = 8 };

    ax_buf_consume(&buf, 0);
    T_OK(ax_buf_append_str(&buf, AX_STR("abcdef")));
    ax_buf_consume(&buf, 0);
    ax_buf_consume(&buf, 2);
    T_STR(ax_buf_str(&buf), AX_STR("cdef"));
    T_OK(ax_buf_append_str(&buf, AX_STR("ghij"))); /* the room is free again */
    ax_buf_consume(&buf, 8);
    T_EQ(buf.len, 0);
}

TEST(buf_can_be_used_again)
{
    struct ax_buf buf;

    ax_buf_init(&buf, 3);
    T_OK(ax_buf_append_str(&buf, AX_STR("abc")));
    T_CODE(ax_buf_append_byte(&buf, 'd'), AX_E_TOO_BIG);
    ax_buf_done(&buf);
    T_EQ(buf.len, 0);
    T_OK(ax_buf_append_str(&buf, AX_STR("abc")));
    ax_buf_wipe(&buf);
    assert_null(buf.ptr);
    ax_buf_wipe(&buf);
    T_EQ(buf.max, 3);
}

TEST_MAIN()

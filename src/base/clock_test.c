/* SPDX-License-Identifier: Apache-2.0 */
/* clock_test.c - do dates go out and come back as the same instant? */
#include "base/clock.h"
#include "base/test.h"

static void pair(int64_t unix_s, const char *text)
{
    char room[AX_RFC3339_LEN + 1];
    int64_t again = -1;

    ax_clock_format(unix_s, room);
    assert_string_equal(room, text);
    T_TRUE(ax_clock_parse(ax_str_of(text), &again));
    T_EQ(again, unix_s);
}

TEST(clock_writes_and_reads_dates)
{
    pair(0, "1970-01-01T00:00:00Z");
    pair(951782400, "2000-02-29T00:00:00Z");
    pair(1767323045, "2026-01-02T03:04:05Z");
    pair(2147483648, "2038-01-19T03:14:08Z");
    pair(253402300799, "9999-12-31T23:59:59Z");
}

TEST(clock_keeps_to_four_digits)
{
    char room[AX_RFC3339_LEN + 1];

    ax_clock_format(-1, room);
    assert_string_equal(room, "1970-01-01T00:00:00Z");
    ax_clock_format(INT64_MIN, room);
    assert_string_equal(room, "1970-01-01T00:00:00Z");
    ax_clock_format(253402300800, room);
    assert_string_equal(room, "9999-12-31T23:59:59Z");
    ax_clock_format(INT64_MAX, room);
    assert_string_equal(room, "9999-12-31T23:59:59Z");
}

TEST(clock_refuses_other_forms)
{
    static const char *const wrong[] = {
        "",
        "2026-01-02",
        "2026-01-02T03:04:05",
        "2026-01-02T03:04:05z",
        "2026-01-02t03:04:05Z",
        "2026-01-02 03:04:05Z",
        "2026-01-02T03:04:05+00:00",
        "2026-01-02T03:04:05.0Z",
        "2026-13-02T03:04:05Z",
        "2026-00-02T03:04:05Z",
        "2026-02-29T03:04:05Z",
        "2026-01-32T03:04:05Z",
        "2026-01-00T03:04:05Z",
        "2026-01-02T24:00:00Z",
        "2026-01-02T03:60:05Z",
        "2026-01-02T03:04:60Z",
        "1969-12-31T23:59:59Z",
        "0000-00-00T00:00:00Z",
        "2026-01-02T03:04:0:Z",
        "2026-01-02T03:04:-5Z",
        " 026-01-02T03:04:05Z",
        "2026/01/02T03:04:05Z",
        "\xff\xff\xff\xff-01-02T03:04:05Z",
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(wrong); i++) {
        int64_t unix_s = 77;

        T_FALSE(ax_clock_parse(ax_str_of(wrong[i]), &unix_s));
        T_EQ(unix_s, 77);
    }
    T_FALSE(ax_clock_parse(AX_STR("2026-01-02T03:04:05\0"), &(int64_t){ 0 }));
}

TEST(clock_goes_forward)
{
    uint64_t before_ns = ax_clock_mono_ns();
    uint64_t before_ms = ax_clock_mono_ms();

    T_TRUE(ax_clock_mono_ns() >= before_ns);
    T_TRUE(before_ms >= before_ns / 1000000);
    T_TRUE(ax_clock_wall_s() > 1700000000);
    T_TRUE(ax_clock_wall_ms() / 1000 >= ax_clock_wall_s() - 1);
}

TEST_MAIN()

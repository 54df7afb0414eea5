/* SPDX-License-Identifier: Apache-2.0 */
/* clock.c - how do we read clocks and write dates? */
#include "base/clock.h"

#include <string.h>
#include <time.h>

#define CLOCK_MAX_S INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

static struct timespec clock_read(clockid_t id)
{
    struct timespec now = { 0, 0 };

    (void)clock_gettime(id, &now); /* cannot fail for these clocks */
    return now;
}

uint64_t ax_clock_mono_ns(void)
{
    struct timespec now = clock_read(CLOCK_MONOTONIC);

    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

uint64_t ax_clock_mono_ms(void)
{
    return ax_clock_mono_ns() / 1000000U;
}

int64_t ax_clock_wall_s(void)
{
    return clock_read(CLOCK_REALTIME).tv_sec;
}

int64_t ax_clock_wall_ms(void)
{
    struct timespec now = clock_read(CLOCK_REALTIME);

    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void clock_put(char *room, int digits, int value)
{
    while (digits-- > 0) {
        room[digits] = (char)('0' + value % 10);
        value /= 10;
    }
}

void ax_clock_format(int64_t unix_s, char room[AX_RFC3339_LEN + 1])
{
    time_t when = unix_s < 0 ? 0 : unix_s > CLOCK_MAX_S ? CLOCK_MAX_S : unix_s;
    struct tm utc = { 0 };

    (void)gmtime_r(&when, &utc); /* cannot fail for four-digit years */
    memcpy(room, "0000-00-00T00:00:00Z", AX_RFC3339_LEN + 1);
    clock_put(room, 4, utc.tm_year + 1900);
    clock_put(room + 5, 2, utc.tm_mon + 1);
    clock_put(room + 8, 2, utc.tm_mday);
    clock_put(room + 11, 2, utc.tm_hour);
    clock_put(room + 14, 2, utc.tm_min);
    clock_put(room + 17, 2, utc.tm_sec);
}

/* The number that `digits` characters show; anything else than digits shows up in the round trip. */
static int clock_get(const char *text, int digits)
{
    int value = 0;

    for (int i = 0; i < digits; i++)
        value = value * 10 + (text[i] - '0');
    return value;
}

bool ax_clock_parse(struct ax_str text, int64_t *ret_unix_s)
{
    char again[AX_RFC3339_LEN + 1];
    struct tm utc = { 0 };
    int64_t unix_s;

    if (text.len != AX_RFC3339_LEN)
        return false;
    utc.tm_year = clock_get(text.ptr, 4) - 1900;
    utc.tm_mon = clock_get(text.ptr + 5, 2) - 1;
    utc.tm_mday = clock_get(text.ptr + 8, 2);
    utc.tm_hour = clock_get(text.ptr + 11, 2);
    utc.tm_min = clock_get(text.ptr + 14, 2);
    utc.tm_sec = clock_get(text.ptr + 17, 2);
    unix_s = timegm(&utc); /* normalises February 30th, so only a date that exists comes back */
    ax_clock_format(unix_s, again);
    if (!ax_str_eq(text, ax_str_of(again)))
        return false;
    *ret_unix_s = unix_s;
    return true;
}

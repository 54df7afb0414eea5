/* SPDX-License-Identifier: Apache-2.0 */
/* clock.h - what time is it?
 *
 * Deadlines and durations use the monotonic clock; the wall clock is for tokens, certificates and
 * what people read. */
#ifndef AX_BASE_CLOCK_H
#define AX_BASE_CLOCK_H

#include "base/buf.h"

#include <stdint.h>

uint64_t ax_clock_mono_ns(void);
uint64_t ax_clock_mono_ms(void);
int64_t ax_clock_wall_s(void); /* Unix time */
int64_t ax_clock_wall_ms(void);

/* RFC 3339 in UTC: "2026-01-02T03:04:05Z"; 20 characters and a terminator. */
#define AX_RFC3339_LEN 20
void ax_clock_format(int64_t unix_s, char room[AX_RFC3339_LEN + 1]);
/* Accepts exactly that form (and lower bounds of year 1970). */
AX_CHECKED bool ax_clock_parse(struct ax_str text, int64_t *ret_unix_s);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* str.h - how do we pass borrowed bytes?
 *
 * A struct ax_str is a pointer and a length, passed by value; it owns nothing and need not be
 * terminated. All functions are pure, never block, run on any thread. */
#ifndef AX_BASE_STR_H
#define AX_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ax_str {
    const char *ptr; /* may be NULL only when len is 0 */
    size_t len;
};

/* A string literal. */
#define AX_STR(literal) ((struct ax_str){ "" literal, sizeof(literal) - 1 })
/* For initialisers of static tables. */
#define AX_STR_INIT(literal) { "" literal, sizeof(literal) - 1 }
/* For "%.*s". */
#define AX_STR_FMT(str) (int)(str).len, (str).ptr
#define AX_STR_NONE     ((struct ax_str){ NULL, 0 })

struct ax_str ax_str_of(const char *terminated); /* NULL gives the empty string */
struct ax_str ax_str_make(const void *ptr, size_t len);

bool ax_str_eq(struct ax_str a, struct ax_str b);
bool ax_str_eq_nocase(struct ax_str a, struct ax_str b); /* ASCII case only */
int ax_str_cmp(struct ax_str a, struct ax_str b);        /* byte order, shorter first */
bool ax_str_starts(struct ax_str str, struct ax_str prefix);
bool ax_str_ends(struct ax_str str, struct ax_str suffix);

/* Compares in time that depends on the lengths only. For secrets. */
bool ax_str_eq_secret(struct ax_str a, struct ax_str b);

/* Position of the first `byte`, or str.len. */
size_t ax_str_find(struct ax_str str, char byte);

struct ax_str ax_str_from(struct ax_str str, size_t start);            /* start <= len */
struct ax_str ax_str_sub(struct ax_str str, size_t start, size_t end); /* [start, end) */
struct ax_str ax_str_trim(struct ax_str str);                          /* space and tab */

/* Cuts *rest at the first `byte`: returns what stands before it and leaves in *rest what stands
 * after it. Without `byte` returns all and leaves {NULL, 0}, so a loop ends on rest->ptr == NULL. */
struct ax_str ax_str_cut(struct ax_str *rest, char byte);

/* Decimal digits only, no sign, no leading zero but "0" itself, at most `max`. */
bool ax_str_to_u64(struct ax_str str, uint64_t max, uint64_t *ret_value);

/* Well-formed UTF-8 without surrogates and overlong forms; NUL is fine. */
bool ax_str_is_utf8(struct ax_str str);
/* Bytes of the well-formed character that `str` begins with, or 0. */
size_t ax_str_utf8_len(struct ax_str str);

#endif

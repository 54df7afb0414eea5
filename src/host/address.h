/* SPDX-License-Identifier: Apache-2.0 */
/* address.h - may a guest's request go to this address?
 *
 * Every range that is not plain public unicast is refused: the special-purpose registries of
 * RFC 6890 and its successors, multicast, and all forms that carry an IPv4 address inside an IPv6
 * one. The operator may name exceptions. Pure, any thread. */
#ifndef AX_HOST_ADDRESS_H
#define AX_HOST_ADDRESS_H

#include "base/alloc.h"
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct ax_address {
    uint8_t bytes[16]; /* network order; the first four for IPv4 */
    uint8_t len;       /* 4 or 16 */
};

#define AX_ADDRESS_TEXT_MAX 46 /* with terminator */

/* AF_INET and AF_INET6 only. */
bool ax_address_of_sockaddr(const struct sockaddr *sockaddr, struct ax_address *ret_address);
/* Canonical text forms only: four decimal numbers, or RFC 4291; no scope, no port. */
bool ax_address_parse(struct ax_str text, struct ax_address *ret_address);
void ax_address_format(const struct ax_address *address, char room[AX_ADDRESS_TEXT_MAX]);
bool ax_address_eq(const struct ax_address *a, const struct ax_address *b);

struct ax_cidrs; /* a list of address ranges */

/* "10.0.0.0/8, fd00::/8" between commas or white space; bits behind the prefix must be zero, a bare
 * address is a range of one. AX_E_INVALID_REQUEST names the entry. *ret_cidrs: ax_cidrs_free(). */
AX_CHECKED enum ax_code ax_cidrs_parse(struct ax_str text, struct ax_cidrs **ret_cidrs,
                                       struct ax_err *err);
void ax_cidrs_free(struct ax_cidrs *cidrs); /* NULL is fine */
AX_AUTO_DEFINE(struct ax_cidrs *, ax_cidrs_free)
bool ax_cidrs_contain(const struct ax_cidrs *cidrs, const struct ax_address *address);

/* NULL when a guest may connect to `address`, else the name of the range that forbids it.
 * `exceptions` (may be NULL) lifts a range for the addresses it names; an IPv4 address inside an
 * excepted IPv6 form is judged as well. */
const char *ax_address_judge(const struct ax_address *address, const struct ax_cidrs *exceptions);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* allowlist.h - which hosts does a list of entries allow?
 *
 * Entry: [scheme://]host[:port]. No scheme: https. No port: the scheme's. "*.acme.com" stands for
 * one or more labels before ".acme.com" and never for "acme.com". An empty list allows nothing.
 * Pure, any thread. */
#ifndef AX_HOST_ALLOWLIST_H
#define AX_HOST_ALLOWLIST_H

#include "base/alloc.h"
#include "base/err.h"
#include "base/str.h"
#include "host/url.h"

struct ax_egress_entry {
    bool https;
    bool wildcard; /* host is what follows "*." */
    uint16_t port;
    uint16_t host_len;
    char host[AX_HOST_NAME_MAX + 1];
};

/* False when `text` is not an entry; also for checking what a manifest or a request carries. */
bool ax_egress_entry_parse(struct ax_str text, struct ax_egress_entry *ret_entry);
bool ax_egress_entry_allows(const struct ax_egress_entry *entry, const struct ax_url *url);

/* Whether one of `texts` allows `url`. What is not an entry allows nothing. */
bool ax_egress_texts_allow(const struct ax_str *texts, size_t count, const struct ax_url *url);

struct ax_allowlist; /* the operator's list, parsed once */

/* Entries between commas or white space. AX_E_INVALID_REQUEST names the first that is none.
 * *ret_list is yours: ax_allowlist_free(). */
AX_CHECKED enum ax_code ax_allowlist_parse(struct ax_str text, struct ax_allowlist **ret_list,
                                           struct ax_err *err);
void ax_allowlist_free(struct ax_allowlist *list); /* NULL is fine */
AX_AUTO_DEFINE(struct ax_allowlist *, ax_allowlist_free)
bool ax_allowlist_allows(const struct ax_allowlist *list, const struct ax_url *url);
size_t ax_allowlist_count(const struct ax_allowlist *list);

#endif

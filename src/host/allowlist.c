/* SPDX-License-Identifier: Apache-2.0 */
/* allowlist.c - which hosts does a list of entries allow? */
#include "host/allowlist.h"

#include "base/alloc.h"
#include "host/words.h"

#include <string.h>

/* A setting is text of the operator; more entries than this is a mistake. */
#define ALLOWLIST_ENTRIES_MAX 4096

struct ax_allowlist {
    struct ax_egress_entry *entries;
    size_t count;
    size_t cap;
};

bool ax_egress_entry_parse(struct ax_str text, struct ax_egress_entry *ret_entry)
{
    struct ax_egress_entry entry = { .https = true };
    size_t colon = ax_str_find(text, ':');
    struct ax_str host;

    if (ax_str_starts(ax_str_from(text, colon), AX_STR("://"))) {
        if (!ax_url_scheme(ax_str_sub(text, 0, colon), &entry.https))
            return false;
        text = ax_str_from(text, colon + 3);
    }
    host = ax_str_cut(&text, ':');
    entry.port = entry.https ? 443 : 80;
    if (text.ptr != NULL && !ax_url_port(text, &entry.port))
        return false;
    if (ax_str_starts(host, AX_STR("*."))) {
        entry.wildcard = true;
        host = ax_str_from(host, 2);
    }
    if (!ax_url_host(host, entry.host, &entry.host_len))
        return false;
    *ret_entry = entry;
    return true;
}

bool ax_egress_entry_allows(const struct ax_egress_entry *entry, const struct ax_url *url)
{
    struct ax_str allowed = ax_str_make(entry->host, entry->host_len);
    struct ax_str asked = ax_str_make(url->host, url->host_len);
    size_t before;

    if (entry->https != url->https || entry->port != url->port)
        return false;
    if (!entry->wildcard)
        return ax_str_eq(allowed, asked);
    if (asked.len < allowed.len + 2) /* at least one byte and the dot */
        return false;
    before = asked.len - allowed.len;
    return asked.ptr[before - 1] == '.' && ax_str_eq(ax_str_from(asked, before), allowed);
}

bool ax_egress_texts_allow(const struct ax_str *texts, size_t count, const struct ax_url *url)
{
    for (size_t i = 0; i < count; i++) {
        struct ax_egress_entry entry;

        if (ax_egress_entry_parse(texts[i], &entry) && ax_egress_entry_allows(&entry, url))
            return true;
    }
    return false;
}

static struct ax_egress_entry *allowlist_slot(struct ax_allowlist *list)
{
    if (list->count == list->cap) {
        size_t cap = list->cap == 0 ? 8 : 2 * list->cap;
        struct ax_egress_entry *grown = ax_alloc(cap * sizeof(*grown));

        if (list->count > 0)
            memcpy(grown, list->entries, list->count * sizeof(*grown));
        free(list->entries);
        list->entries = grown;
        list->cap = cap;
    }
    return &list->entries[list->count];
}

enum ax_code ax_allowlist_parse(struct ax_str text, struct ax_allowlist **ret_list,
                                struct ax_err *err)
{
    AX_AUTO(ax_allowlist_free) struct ax_allowlist *list = ax_alloc(sizeof(*list));
    struct ax_str word;

    while (host_words_next(&text, &word)) {
        if (list->count == ALLOWLIST_ENTRIES_MAX)
            return ax_err_set(err, AX_E_INVALID_REQUEST, "more than %d entries",
                              ALLOWLIST_ENTRIES_MAX);
        if (!ax_egress_entry_parse(word, allowlist_slot(list)))
            return ax_err_set(err, AX_E_INVALID_REQUEST,
                              "'%.*s' is not [scheme://]host[:port] or *.domain", AX_STR_FMT(word));
        list->count++;
    }
    *ret_list = AX_TAKE(list);
    return AX_OK;
}

void ax_allowlist_free(struct ax_allowlist *list)
{
    if (list == NULL)
        return;
    free(list->entries);
    free(list);
}

bool ax_allowlist_allows(const struct ax_allowlist *list, const struct ax_url *url)
{
    for (size_t i = 0; i < list->count; i++) {
        if (ax_egress_entry_allows(&list->entries[i], url))
            return true;
    }
    return false;
}

size_t ax_allowlist_count(const struct ax_allowlist *list)
{
    return list->count;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* ledger.c - which cache entry goes when there is no room? A list by use, and buckets by hash. */
#include "runner/ledger.h"

#include <string.h>

#define LEDGER_BUCKETS 4096

struct ledger_entry {
    uint8_t hash[AX_CACHE_HASH];
    uint64_t bytes;
    struct ledger_entry *chain;
    struct ledger_entry *older, *newer;
};

struct ax_ledger {
    struct ledger_entry *buckets[LEDGER_BUCKETS];
    struct ledger_entry *oldest, *newest;
    uint64_t bytes;
    size_t count;
};

static struct ledger_entry **ledger_find(struct ax_ledger *ledger,
                                         const uint8_t hash[AX_CACHE_HASH])
{
    /* A content hash needs no hashing. */
    size_t bucket = (hash[0] | (size_t)hash[1] << 8) % LEDGER_BUCKETS;
    struct ledger_entry **link = &ledger->buckets[bucket];

    while (*link && memcmp((*link)->hash, hash, AX_CACHE_HASH) != 0)
        link = &(*link)->chain;
    return link;
}

static void list_unlink(struct ax_ledger *ledger, struct ledger_entry *entry)
{
    *(entry->older ? &entry->older->newer : &ledger->oldest) = entry->newer;
    *(entry->newer ? &entry->newer->older : &ledger->newest) = entry->older;
    entry->older = entry->newer = NULL;
}

static void list_add_newest(struct ax_ledger *ledger, struct ledger_entry *entry)
{
    entry->older = ledger->newest;
    *(ledger->newest ? &ledger->newest->newer : &ledger->oldest) = entry;
    ledger->newest = entry;
}

static void list_add_oldest(struct ax_ledger *ledger, struct ledger_entry *entry)
{
    entry->newer = ledger->oldest;
    *(ledger->oldest ? &ledger->oldest->older : &ledger->newest) = entry;
    ledger->oldest = entry;
}

static struct ledger_entry *ledger_add(struct ax_ledger *ledger, struct ledger_entry **link,
                                       const uint8_t hash[AX_CACHE_HASH], uint64_t bytes)
{
    struct ledger_entry *entry = ax_alloc(sizeof(*entry));

    memcpy(entry->hash, hash, AX_CACHE_HASH);
    entry->bytes = bytes;
    *link = entry;
    ledger->bytes += bytes;
    ledger->count++;
    return entry;
}

static void ledger_delete(struct ax_ledger *ledger, struct ledger_entry **link)
{
    struct ledger_entry *entry = *link;

    *link = entry->chain;
    list_unlink(ledger, entry);
    ledger->bytes -= entry->bytes;
    ledger->count--;
    free(entry);
}

struct ax_ledger *ax_ledger_new(void)
{
    return ax_alloc(sizeof(struct ax_ledger));
}

void ax_ledger_free(struct ax_ledger *ledger)
{
    while (ledger && ledger->oldest)
        ledger_delete(ledger, ledger_find(ledger, ledger->oldest->hash));
    free(ledger);
}

void ax_ledger_put(struct ax_ledger *ledger, const uint8_t hash[AX_CACHE_HASH], uint64_t bytes)
{
    struct ledger_entry **link = ledger_find(ledger, hash);

    if (*link) {
        ledger->bytes = ledger->bytes - (*link)->bytes + bytes;
        (*link)->bytes = bytes;
        list_unlink(ledger, *link);
        list_add_newest(ledger, *link);
        return;
    }
    list_add_newest(ledger, ledger_add(ledger, link, hash, bytes));
}

void ax_ledger_remove(struct ax_ledger *ledger, const uint8_t hash[AX_CACHE_HASH])
{
    struct ledger_entry **link = ledger_find(ledger, hash);

    if (*link)
        ledger_delete(ledger, link);
}

static int found_newest_first(const void *a, const void *b)
{
    const struct ax_cache_found *x = a, *y = b;

    return (x->used_ns < y->used_ns) - (x->used_ns > y->used_ns);
}

void ax_ledger_found(struct ax_ledger *ledger, struct ax_cache_found *found, size_t count)
{
    if (count > 0)
        qsort(found, count, sizeof(*found), found_newest_first);
    for (size_t i = 0; i < count; i++) {
        struct ledger_entry **link = ledger_find(ledger, found[i].hash);

        if (!*link)
            list_add_oldest(ledger, ledger_add(ledger, link, found[i].hash, found[i].bytes));
    }
}

uint64_t ax_ledger_bytes(const struct ax_ledger *ledger)
{
    return ledger->bytes;
}

size_t ax_ledger_count(const struct ax_ledger *ledger)
{
    return ledger->count;
}

uint64_t ax_ledger_take_oldest(struct ax_ledger *ledger, uint8_t ret_hash[AX_CACHE_HASH])
{
    uint64_t bytes;

    if (!ledger->oldest)
        return 0;
    bytes = ledger->oldest->bytes;
    memcpy(ret_hash, ledger->oldest->hash, AX_CACHE_HASH);
    ledger_delete(ledger, ledger_find(ledger, ret_hash));
    return bytes;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* map.c - how do we find a thing by its name? */
#include "base/map.h"

#include <assert.h>
#include <string.h>
#include <sys/random.h>

#define MAP_FIRST_BUCKETS 64

static uint64_t map_seed[2];

static void seed_once(void)
{
    if (map_seed[0] | map_seed[1])
        return;
    if (getrandom(map_seed, sizeof(map_seed), 0) != (ssize_t)sizeof(map_seed))
        abort(); /* without a seed callers could choose collisions */
    map_seed[1] |= 1;
}

/* Multiply to 128 bits and fold: every bit of both factors reaches the result. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t read_up_to_8(const char *ptr, size_t len)
{
    uint64_t word = 0;

    memcpy(&word, ptr, len);
    return word;
}

uint64_t ax_map_hash(struct ax_str key)
{
    uint64_t hash;

    seed_once();
    hash = map_seed[0] ^ mix(key.len + 1, map_seed[1]);
    for (size_t at = 0; at < key.len; at += 8) {
        size_t len = key.len - at < 8 ? key.len - at : 8;

        hash = mix(hash ^ read_up_to_8(key.ptr + at, len),
                   map_seed[1] ^ UINT64_C(0x9e3779b97f4a7c15));
    }
    return mix(hash, map_seed[0] | 1);
}

void ax_map_init(struct ax_map *map)
{
    *map = (struct ax_map){ 0 };
}

void ax_map_done(struct ax_map *map)
{
    free(map->buckets);
    *map = (struct ax_map){ 0 };
}

static struct ax_map_node **map_slot(const struct ax_map *map, uint64_t hash)
{
    return &map->buckets[hash & (map->bucket_count - 1)];
}

struct ax_map_node *ax_map_find(const struct ax_map *map, struct ax_str key)
{
    if (map->count == 0)
        return NULL;
    uint64_t hash = ax_map_hash(key);
    struct ax_map_node *node = *map_slot(map, hash);
    while (node && (node->hash != hash || !ax_str_eq(node->key, key)))
        node = node->next;
    return node;
}

static void map_grow(struct ax_map *map)
{
    struct ax_map grown = {
        .bucket_count = map->bucket_count ? 2 * map->bucket_count : MAP_FIRST_BUCKETS,
        .count = map->count,
    };

    grown.buckets = ax_alloc(grown.bucket_count * sizeof(struct ax_map_node *));
    for (size_t i = 0; i < map->bucket_count; i++) {
        while (map->buckets[i]) {
            struct ax_map_node *node = map->buckets[i];
            struct ax_map_node **slot = map_slot(&grown, node->hash);

            map->buckets[i] = node->next;
            node->next = *slot;
            *slot = node;
        }
    }
    free(map->buckets);
    *map = grown;
}

void ax_map_insert(struct ax_map *map, struct ax_map_node *node, struct ax_str key)
{
    assert(!ax_map_find(map, key));
    if (map->count >= map->bucket_count)
        map_grow(map);
    node->key = key;
    node->hash = ax_map_hash(key);
    struct ax_map_node **slot = map_slot(map, node->hash);
    node->next = *slot;
    *slot = node;
    map->count++;
}

void ax_map_remove(struct ax_map *map, struct ax_map_node *node)
{
    struct ax_map_node **link = map_slot(map, node->hash);

    while (*link != node) {
        assert(*link);
        link = &(*link)->next;
    }
    *link = node->next;
    node->next = NULL;
    map->count--;
}

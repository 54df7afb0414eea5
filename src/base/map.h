/* SPDX-License-Identifier: Apache-2.0 */
/* map.h - how do we find a thing by its name?
 *
 * A hash map of nodes that live inside their owners: nothing is allocated for a node, and the key
 * is borrowed from the owner, who keeps it unchanged while the node is in. The hash is seeded at
 * the first map of a process, so that nobody outside can choose keys that collide. The table grows
 * with ax_alloc: bound the number of nodes yourself. One thread. */
#ifndef AX_BASE_MAP_H
#define AX_BASE_MAP_H

#include "base/alloc.h"
#include "base/str.h"

struct ax_map_node {
    struct ax_str key;
    uint64_t hash;
    struct ax_map_node *next;
};

struct ax_map {
    struct ax_map_node **buckets;
    size_t bucket_count; /* a power of two, or 0 */
    size_t count;
};

void ax_map_init(struct ax_map *map);
/* Frees the table; the nodes are their owners'. */
void ax_map_done(struct ax_map *map);

uint64_t ax_map_hash(struct ax_str key);

struct ax_map_node *ax_map_find(const struct ax_map *map, struct ax_str key); /* or NULL */
/* The key must not be in the map. */
void ax_map_insert(struct ax_map *map, struct ax_map_node *node, struct ax_str key);
/* The node must be in the map. */
void ax_map_remove(struct ax_map *map, struct ax_map_node *node);

#endif

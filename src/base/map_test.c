/* SPDX-License-Identifier: Apache-2.0 */
/* map_test.c - is what was put in found, and only that? */
#include "base/map.h"

#include "base/test.h"

#include <stdio.h>

struct thing {
    struct ax_map_node node;
    char name[32];
};

TEST(map_finds_what_was_inserted_and_nothing_else)
{
    struct ax_map map;
    struct thing *things = ax_alloc(1000 * sizeof(*things));

    ax_map_init(&map);
    T_TRUE(ax_map_find(&map, AX_STR("thing-0")) == NULL);
    for (int i = 0; i < 1000; i++) {
        snprintf(things[i].name, sizeof(things[i].name), "thing-%d", i);
        ax_map_insert(&map, &things[i].node, ax_str_of(things[i].name));
    }
    for (int i = 0; i < 1000; i++)
        T_TRUE(ax_map_find(&map, ax_str_of(things[i].name)) == &things[i].node);
    T_TRUE(ax_map_find(&map, AX_STR("thing-1000")) == NULL);
    T_TRUE(ax_map_find(&map, AX_STR("thing-")) == NULL);
    for (int i = 0; i < 1000; i += 2)
        ax_map_remove(&map, &things[i].node);
    for (int i = 0; i < 1000; i++)
        T_TRUE((ax_map_find(&map, ax_str_of(things[i].name)) != NULL) == (i % 2 == 1));
    T_EQ(map.count, 500);
    ax_map_done(&map);
    free(things);
}

TEST(map_takes_the_empty_key_and_keys_with_nul)
{
    struct ax_map map;
    struct ax_map_node empty, nul, two;

    ax_map_init(&map);
    ax_map_insert(&map, &empty, AX_STR(""));
    ax_map_insert(&map, &nul, AX_STR("\0"));
    ax_map_insert(&map, &two, AX_STR("\0\0"));
    T_TRUE(ax_map_find(&map, AX_STR("")) == &empty);
    T_TRUE(ax_map_find(&map, AX_STR("\0")) == &nul);
    T_TRUE(ax_map_find(&map, AX_STR("\0\0")) == &two);
    ax_map_done(&map);
}

TEST(map_hash_tells_length_and_every_byte)
{
    char bytes[24] = { 0 };
    uint64_t first = ax_map_hash(ax_str_make(bytes, sizeof(bytes)));

    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = 1;
        T_TRUE(ax_map_hash(ax_str_make(bytes, sizeof(bytes))) != first);
        T_TRUE(ax_map_hash(ax_str_make("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", i)) !=
               first);
        bytes[i] = 0;
    }
    T_TRUE(ax_map_hash(ax_str_make(bytes, sizeof(bytes))) == first);
}

TEST_MAIN()

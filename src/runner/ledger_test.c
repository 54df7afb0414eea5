/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_test.c - does the least used entry go first, and are the bytes right? */
#include "runner/ledger.h"

#include "base/test.h"
#include "runner/media_type.h"
#include "runner/refusals.h"

static const uint8_t *hash_of(unsigned number)
{
    static uint8_t hash[AX_CACHE_HASH];

    memset(hash, 0, sizeof(hash));
    memcpy(hash + 8, &number, sizeof(number)); /* all in one bucket */
    return hash;
}

static unsigned take_number(struct ax_ledger *ledger)
{
    uint8_t hash[AX_CACHE_HASH];
    unsigned number = 0;

    T_TRUE(ax_ledger_take_oldest(ledger, hash) > 0);
    memcpy(&number, hash + 8, sizeof(number));
    return number;
}

TEST(ledger_gives_up_what_was_not_used_for_longest)
{
    struct ax_ledger *ledger = ax_ledger_new();

    for (unsigned i = 1; i <= 5; i++)
        ax_ledger_put(ledger, hash_of(i), 100 * i);
    T_EQ(ax_ledger_bytes(ledger), 1500);
    T_EQ(ax_ledger_count(ledger), 5);
    ax_ledger_put(ledger, hash_of(1), 100); /* used again */
    ax_ledger_put(ledger, hash_of(2), 50);
    ax_ledger_remove(ledger, hash_of(4));
    ax_ledger_remove(ledger, hash_of(4));
    T_EQ(ax_ledger_bytes(ledger), 100 + 50 + 300 + 500);
    T_EQ(take_number(ledger), 3);
    T_EQ(take_number(ledger), 5);
    T_EQ(take_number(ledger), 1);
    T_EQ(take_number(ledger), 2);
    T_EQ(ax_ledger_bytes(ledger), 0);
    uint8_t hash[AX_CACHE_HASH];
    T_EQ(ax_ledger_take_oldest(ledger, hash), 0);
    ax_ledger_free(ledger);
}

TEST(ledger_puts_what_was_found_behind_what_was_used)
{
    struct ax_cache_found found[3] = { { .bytes = 1, .used_ns = 20 },
                                       { .bytes = 2, .used_ns = 30 },
                                       { .bytes = 4, .used_ns = 10 } };
    struct ax_ledger *ledger = ax_ledger_new();

    for (unsigned i = 0; i < 3; i++)
        memcpy(found[i].hash, hash_of(i + 1), AX_CACHE_HASH);
    ax_ledger_put(ledger, hash_of(9), 16);
    ax_ledger_put(ledger, hash_of(2), 8);
    ax_ledger_found(ledger, found, 3);
    T_EQ(ax_ledger_bytes(ledger), 1 + 8 + 4 + 16);
    T_EQ(take_number(ledger), 3);
    T_EQ(take_number(ledger), 1);
    T_EQ(take_number(ledger), 9);
    T_EQ(take_number(ledger), 2);
    ax_ledger_found(ledger, NULL, 0);
    ax_ledger_free(ledger);
    ax_ledger_free(NULL);
}

TEST(refusals_stand_until_their_time)
{
    struct ax_refusals *refusals = ax_refusals_new();
    struct ax_err err;
    uint64_t until = 0;

    ax_err_set(&err, AX_E_BUNDLE_REJECTED, "no");
    ax_refusals_add(refusals, hash_of(1), &err, 100);
    T_TRUE(ax_refusals_find(refusals, hash_of(2), 50, &until) == NULL);
    T_TRUE(ax_refusals_find(refusals, hash_of(1), 100, &until) == NULL);
    const struct ax_err *found = ax_refusals_find(refusals, hash_of(1), 99, &until);
    T_TRUE(found != NULL);
    T_CODE(found->code, AX_E_BUNDLE_REJECTED);
    T_EQ(until, 100);
    ax_refusals_add(refusals, hash_of(1), &err, 200);
    T_TRUE(ax_refusals_find(refusals, hash_of(1), 150, &until) != NULL);
    ax_refusals_clear(refusals);
    T_TRUE(ax_refusals_find(refusals, hash_of(1), 150, &until) == NULL);
    ax_refusals_free(refusals);
}

TEST(refusals_are_bounded)
{
    struct ax_refusals *refusals = ax_refusals_new();
    struct ax_err err;
    uint64_t until = 0;

    ax_err_set(&err, AX_E_BUNDLE_REJECTED, "no");
    for (unsigned i = 0; i < AX_REFUSALS_MAX; i++)
        ax_refusals_add(refusals, hash_of(i), &err, 1000 + i);
    T_TRUE(ax_refusals_find(refusals, hash_of(0), 1, &until) != NULL);
    ax_refusals_add(refusals, hash_of(5000), &err, 9000);
    T_TRUE(ax_refusals_find(refusals, hash_of(0), 1, &until) ==
           NULL); /* it would have ended first */
    T_TRUE(ax_refusals_find(refusals, hash_of(1), 1, &until) != NULL);
    T_TRUE(ax_refusals_find(refusals, hash_of(5000), 1, &until) != NULL);
    ax_refusals_free(refusals);
}

TEST(media_types_come_from_the_last_extension)
{
    T_STR(ax_media_type(AX_STR("ui/index.html")), AX_STR("text/html; charset=utf-8"));
    T_STR(ax_media_type(AX_STR("ui/a.min.JS")), AX_STR("text/javascript; charset=utf-8"));
    T_STR(ax_media_type(AX_STR("entry.wasm")), AX_STR("application/wasm"));
    T_STR(ax_media_type(AX_STR("ui.html/file")), AX_STR("application/octet-stream"));
    T_STR(ax_media_type(AX_STR("ui/x.exe")), AX_STR("application/octet-stream"));
    T_STR(ax_media_type(AX_STR("ui/x.")), AX_STR("application/octet-stream"));
    T_STR(ax_media_type(AX_STR("")), AX_STR("application/octet-stream"));
}

TEST_MAIN()

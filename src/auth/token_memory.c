/* SPDX-License-Identifier: Apache-2.0 */
/* token_memory.c - did we verify this very token a moment ago? */
#include "auth/token_memory.h"

#include "base/map.h"
#include "crypto/sha256.h"

#include <assert.h>
#include <string.h>

struct token_entry {
    struct ax_map_node node; /* by digest */
    struct token_entry *newer;
    struct token_entry *older;
    struct ax_claims *claims; /* a reference of ours */
    int64_t since_s;
    int64_t until_s; /* no longer valid at this second */
    uint8_t digest[AX_SHA256_LEN];
};

struct ax_token_memory {
    struct ax_map by_digest;
    struct token_entry *newest;
    struct token_entry *oldest;
    size_t count_max;
    size_t bytes_max;
    size_t bytes;
    uint64_t generation; /* of the keys that verified what is in */
    uint64_t hits;
};

struct ax_token_memory *ax_token_memory_new(size_t count_max, size_t bytes_max)
{
    struct ax_token_memory *memory = ax_alloc(sizeof(*memory));

    assert(count_max > 0);
    ax_map_init(&memory->by_digest);
    memory->count_max = count_max;
    memory->bytes_max = bytes_max;
    return memory;
}

void ax_token_memory_free(struct ax_token_memory *memory)
{
    if (!memory)
        return;
    ax_token_memory_forget(memory);
    ax_map_done(&memory->by_digest);
    free(memory);
}

/* ---- the order of use ---- */

static void memory_unlink(struct ax_token_memory *memory, struct token_entry *entry)
{
    *(entry->newer ? &entry->newer->older : &memory->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &memory->oldest) = entry->newer;
    entry->newer = NULL;
    entry->older = NULL;
}

static void memory_link(struct ax_token_memory *memory, struct token_entry *entry)
{
    entry->older = memory->newest;
    *(memory->newest ? &memory->newest->newer : &memory->oldest) = entry;
    memory->newest = entry;
}

static void memory_drop(struct ax_token_memory *memory, struct token_entry *entry)
{
    memory_unlink(memory, entry);
    ax_map_remove(&memory->by_digest, &entry->node);
    memory->bytes -= entry->claims->size;
    ax_claims_unref(entry->claims);
    free(entry);
}

void ax_token_memory_forget(struct ax_token_memory *memory)
{
    while (memory->oldest)
        memory_drop(memory, memory->oldest);
}

/* ---- asking and remembering ---- */

/* The claims, borrowed, or NULL. */
static struct ax_claims *memory_find(struct ax_token_memory *memory,
                                     const uint8_t digest[AX_SHA256_LEN], int64_t now_s)
{
    struct ax_map_node *node = ax_map_find(&memory->by_digest, ax_str_make(digest, AX_SHA256_LEN));
    struct token_entry *entry;

    if (!node)
        return NULL;
    entry = AX_CONTAINER_OF(node, struct token_entry, node);
    if (now_s >= entry->until_s || now_s < entry->since_s) { /* a clock set back proves nothing */
        memory_drop(memory, entry);
        return NULL;
    }
    memory_unlink(memory, entry);
    memory_link(memory, entry);
    return entry->claims;
}

static void memory_add(struct ax_token_memory *memory, const uint8_t digest[AX_SHA256_LEN],
                       struct ax_claims *claims, int64_t now_s)
{
    int64_t until_s = now_s + AX_TOKEN_MEMORY_S;
    struct token_entry *entry;

    if (claims->expires_s < until_s)
        until_s = claims->expires_s;
    if (until_s <= now_s || claims->size > memory->bytes_max)
        return;
    while (memory->by_digest.count >= memory->count_max ||
           memory->bytes > memory->bytes_max - claims->size)
        memory_drop(memory, memory->oldest);
    entry = ax_alloc(sizeof(*entry));
    memcpy(entry->digest, digest, AX_SHA256_LEN);
    entry->claims = ax_claims_ref(claims);
    entry->since_s = now_s;
    entry->until_s = until_s;
    memory->bytes += claims->size;
    memory_link(memory, entry);
    ax_map_insert(&memory->by_digest, &entry->node, ax_str_make(entry->digest, AX_SHA256_LEN));
}

enum ax_code ax_token_memory_verify(struct ax_token_memory *memory, struct ax_str token,
                                    const struct ax_jwks *keys, const struct ax_jwt_rules *rules,
                                    int64_t now_s, struct ax_claims **ret_claims,
                                    struct ax_err *err)
{
    uint8_t digest[AX_SHA256_LEN];
    struct ax_claims *claims = NULL;
    enum ax_code code;

    if (memory->generation != ax_jwks_generation(keys)) {
        ax_token_memory_forget(memory);
        memory->generation = ax_jwks_generation(keys);
    }
    if (token.len > AX_JWT_BYTES_MAX) /* refused before it is hashed */
        return ax_jwt_verify(token, keys, rules, now_s, ret_claims, err);
    ax_sha256(token, digest);
    claims = memory_find(memory, digest, now_s);
    if (claims) {
        memory->hits++;
        *ret_claims = ax_claims_ref(claims);
        return AX_OK;
    }
    code = ax_jwt_verify(token, keys, rules, now_s, &claims, err);
    if (code != AX_OK)
        return code;
    memory_add(memory, digest, claims, now_s);
    *ret_claims = claims;
    return AX_OK;
}

size_t ax_token_memory_count(const struct ax_token_memory *memory)
{
    return memory->by_digest.count;
}

size_t ax_token_memory_bytes(const struct ax_token_memory *memory)
{
    return memory->bytes;
}

uint64_t ax_token_memory_hits(const struct ax_token_memory *memory)
{
    return memory->hits;
}

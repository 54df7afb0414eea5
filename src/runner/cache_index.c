/* SPDX-License-Identifier: Apache-2.0 */
/* cache_index.c - what does index.json say, and did we write it?
 *
 * The MAC is the last member, in a form of fixed length: `,"mac":"<64 lower hex>"}` and a line feed.
 * It covers the bundle's hash and every byte before it, and is checked before the text is parsed;
 * the tail itself has one spelling. So no byte of the file can change unseen. */
#include "base/base64.h"
#include "base/json.h"
#include "bundle/envelope.h"
#include "bundle/manifest.h"
#include "crypto/hmac.h"
#include "runner/cache_private.h"
#include "runner/media_type.h"

#include <string.h>

#define INDEX_FORMAT   1
#define INDEX_TAIL     ",\"mac\":\""
#define INDEX_END      "\"}\n"
#define INDEX_TAIL_LEN (sizeof(INDEX_TAIL) - 1 + 2 * CACHE_MAC + sizeof(INDEX_END) - 1)
#define INDEX_KEYS_MAX 20000

static const char *const abi_names[] = {
    [AX_ABI_NONE] = "none", [AX_ABI_CORE] = "core", [AX_ABI_COMPONENT] = "component"
};

static void index_mac(const struct ax_cache *cache, const uint8_t hash[AX_CACHE_HASH],
                      struct ax_str body, uint8_t ret_mac[CACHE_MAC])
{
    AX_AUTO_HMAC struct ax_hmac hmac = { NULL };

    ax_hmac_init(&hmac, ax_str_make(cache->key, AX_CACHE_KEY));
    ax_hmac_update_field(&hmac, AX_STR("annex-cache-index-1"));
    ax_hmac_update_field(&hmac, ax_str_make(hash, AX_CACHE_HASH));
    ax_hmac_update_field(&hmac, body);
    ax_hmac_final(&hmac, ret_mac);
}

void cache_code_mac(const struct ax_cache *cache, const uint8_t hash[AX_CACHE_HASH],
                    const uint8_t wasm_sha256[AX_CACHE_HASH], struct ax_str code,
                    uint8_t ret_mac[CACHE_MAC])
{
    AX_AUTO_HMAC struct ax_hmac hmac = { NULL };

    /* The target names Wasmtime's version and the processor, the digest the whole configuration. */
    ax_hmac_init(&hmac, ax_str_make(cache->key, AX_CACHE_KEY));
    ax_hmac_update_field(&hmac, AX_STR("annex-cache-code-1"));
    ax_hmac_update_field(&hmac, ax_str_make(hash, AX_CACHE_HASH));
    ax_hmac_update_field(&hmac, ax_str_make(wasm_sha256, AX_CACHE_HASH));
    ax_hmac_update_field(&hmac, ax_str_of(cache->target));
    ax_hmac_update_field(&hmac, ax_str_make(cache->engine_digest, sizeof(cache->engine_digest)));
    ax_hmac_update_field(&hmac, code);
    ax_hmac_final(&hmac, ret_mac);
}

static void index_put_hex(struct ax_json_out *out, const char *key, const uint8_t *bytes)
{
    char hex[2 * AX_CACHE_HASH];

    ax_hex_encode(hex, bytes, AX_CACHE_HASH);
    ax_json_key(out, key);
    ax_json_put_str(out, ax_str_make(hex, sizeof(hex)));
}

static void index_put_str(struct ax_json_out *out, const char *key, struct ax_str value)
{
    ax_json_key(out, key);
    ax_json_put_str(out, value);
}

static void index_put_u64(struct ax_json_out *out, const char *key, uint64_t value)
{
    ax_json_key(out, key);
    ax_json_put_u64(out, value);
}

static void index_put_files(struct ax_json_out *out, const struct cache_index_file *files,
                            size_t count)
{
    ax_json_key(out, "files");
    ax_json_begin_array(out);
    for (size_t i = 0; i < count; i++) {
        ax_json_begin_object(out);
        index_put_str(out, "path", files[i].path);
        index_put_u64(out, "size", files[i].size);
        index_put_hex(out, "sha256", files[i].sha256);
        index_put_str(out, "type", ax_media_type(files[i].path));
        ax_json_end_object(out);
    }
    ax_json_end_array(out);
}

enum ax_code cache_index_write(const struct ax_cache *cache, const uint8_t hash[AX_CACHE_HASH],
                               const struct ax_cache_put *put, const struct cache_index_file *files,
                               struct ax_buf *buf)
{
    static const uint8_t none[AX_CACHE_HASH];
    struct ax_json_out out;
    uint8_t mac[CACHE_MAC];
    char hex[2 * CACHE_MAC];

    ax_json_out_init(&out, buf);
    ax_json_begin_object(&out);
    index_put_u64(&out, "format", INDEX_FORMAT);
    index_put_str(&out, "abi", ax_str_of(abi_names[put->abi]));
    index_put_u64(&out, "size", put->size);
    index_put_u64(&out, "bytes", ax_cache_cost(put));
    index_put_hex(&out, "wasm", put->wasm_sha256 ? put->wasm_sha256 : none);
    index_put_str(&out, "manifest", put->manifest);
    index_put_str(&out, "envelope", put->envelope);
    index_put_files(&out, files, put->file_count);
    ax_json_end_object(&out);
    if (buf->failed != AX_OK)
        return buf->failed;
    buf->len--; /* the closing brace comes after the MAC */
    index_mac(cache, hash, ax_buf_str(buf), mac);
    ax_hex_encode(hex, mac, sizeof(mac));
    ax_buf_append_str(buf, AX_STR(INDEX_TAIL));
    ax_buf_append(buf, hex, sizeof(hex));
    return ax_buf_append_str(buf, AX_STR(INDEX_END));
}

static bool index_is_ours(const struct ax_cache *cache, const uint8_t hash[AX_CACHE_HASH],
                          struct ax_str text)
{
    uint8_t told[CACHE_MAC], mac[CACHE_MAC];
    struct ax_str body, tail;

    if (text.len < INDEX_TAIL_LEN)
        return false;
    body = ax_str_sub(text, 0, text.len - INDEX_TAIL_LEN);
    tail = ax_str_from(text, body.len);
    if (!ax_str_starts(tail, AX_STR(INDEX_TAIL)) || !ax_str_ends(tail, AX_STR(INDEX_END)) ||
        !ax_hex_decode(
            told, sizeof(told),
            ax_str_sub(tail, sizeof(INDEX_TAIL) - 1, sizeof(INDEX_TAIL) - 1 + 2 * CACHE_MAC)))
        return false;
    index_mac(cache, hash, body, mac);
    return ax_str_eq_secret(ax_str_make(mac, sizeof(mac)), ax_str_make(told, sizeof(told)));
}

static bool index_read_abi(const struct ax_json_value *root, enum ax_abi *ret_abi)
{
    struct ax_str name = ax_json_str(ax_json_get(root, "abi"));

    for (size_t i = 0; i < AX_ARRAY_LEN(abi_names); i++) {
        if (ax_str_eq(name, ax_str_of(abi_names[i]))) {
            *ret_abi = (enum ax_abi)i;
            return true;
        }
    }
    return false;
}

/* We wrote it, so a member that is missing means another release with the same key wrote it. */
static bool index_read_members(const struct ax_json_value *root, struct ax_cache_entry *entry)
{
    uint64_t format = 0;

    return ax_json_u64(ax_json_get(root, "format"), INDEX_FORMAT, &format) &&
           format == INDEX_FORMAT && index_read_abi(root, &entry->abi) &&
           ax_json_u64(ax_json_get(root, "size"), UINT64_MAX, &entry->size) &&
           ax_json_u64(ax_json_get(root, "bytes"), UINT64_MAX, &entry->bytes) &&
           ax_hex_decode(entry->wasm_sha256, sizeof(entry->wasm_sha256),
                         ax_json_str(ax_json_get(root, "wasm"))) &&
           ax_json_type(ax_json_get(root, "manifest")) == AX_JSON_STRING &&
           ax_json_type(ax_json_get(root, "envelope")) == AX_JSON_STRING;
}

enum ax_code cache_index_read(const struct ax_cache *cache, const uint8_t hash[AX_CACHE_HASH],
                              struct ax_str text, struct ax_cache_entry *entry, struct ax_err *err)
{
    const struct ax_json_limits limits = { AX_CACHE_INDEX_MAX, INDEX_KEYS_MAX, 0 };
    AX_AUTO(ax_json_free) struct ax_json *json = NULL;
    const struct ax_json_value *root;
    enum ax_code code;

    if (!index_is_ours(cache, hash, text))
        return ax_err_set(err, AX_E_INVALID_BUNDLE, "index.json does not verify");
    code = ax_json_parse(text, &limits, &json, err);
    if (code == AX_E_NO_MEMORY)
        return code;
    root = code == AX_OK ? ax_json_root(json) : NULL;
    if (!index_read_members(root, entry))
        return ax_err_set(err, AX_E_INVALID_BUNDLE, "index.json is of another release");
    ax_buf_init(&entry->manifest, AX_MANIFEST_BYTES_MAX);
    ax_buf_init(&entry->envelope, AX_ENVELOPE_BYTES_MAX);
    code = ax_buf_append_str(&entry->manifest, ax_json_str(ax_json_get(root, "manifest")));
    if (code == AX_OK)
        code = ax_buf_append_str(&entry->envelope, ax_json_str(ax_json_get(root, "envelope")));
    return code;
}

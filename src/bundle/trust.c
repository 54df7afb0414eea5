/* SPDX-License-Identifier: Apache-2.0 */
/* trust.c - whose signature counts? */
#include "bundle/trust.h"

#include "base/base64.h"
#include "base/buf.h"
#include "base/map.h"
#include "crypto/pem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define TRUST_DER_MAX (16u << 10)

struct trust_revoked {
    struct ax_map_node node;
    struct ax_digest digest; /* of a key's SubjectPublicKeyInfo, or of a bundle */
    struct trust_revoked *next;
};

struct ax_trust {
    struct {
        struct ax_trust_key public;
        struct ax_public_key *owned;
    } keys[AX_TRUST_KEYS_MAX];
    size_t count;
    struct ax_map revoked_keys;
    struct ax_map revoked_hashes;
    struct trust_revoked *revoked; /* all of both */
};

struct ax_trust *ax_trust_new_empty(void)
{
    struct ax_trust *trust = ax_alloc(sizeof(*trust));

    ax_map_init(&trust->revoked_keys);
    ax_map_init(&trust->revoked_hashes);
    return trust;
}

void ax_trust_free(struct ax_trust *trust)
{
    if (!trust)
        return;
    for (size_t i = 0; i < trust->count; i++)
        ax_public_key_free(trust->keys[i].owned);
    ax_map_done(&trust->revoked_keys);
    ax_map_done(&trust->revoked_hashes);
    while (trust->revoked) {
        struct trust_revoked *next = trust->revoked->next;

        free(trust->revoked);
        trust->revoked = next;
    }
    free(trust);
}

/* Takes one block in. */
static enum ax_code trust_add(struct ax_trust *trust, struct ax_str label, struct ax_str der,
                              struct ax_err *err)
{
    AX_AUTO(ax_public_key_free) struct ax_public_key *key = NULL;
    int64_t not_after_s = INT64_MAX;
    enum ax_code code;

    if (ax_str_eq(label, AX_STR("PUBLIC KEY")))
        code = ax_public_key_from_spki(der, &key, err);
    else if (ax_str_eq(label, AX_STR("CERTIFICATE")))
        code = ax_public_key_from_certificate(der, &not_after_s, &key, err);
    else
        return ax_err_set(err, AX_E_INVALID_REQUEST,
                          "block %zu is a %.*s: expected PUBLIC KEY or CERTIFICATE",
                          trust->count + 1, AX_STR_FMT(label));
    if (code != AX_OK)
        return ax_err_wrap(err, code, "block %zu", trust->count + 1);
    if (trust->count == AX_TRUST_KEYS_MAX)
        return ax_err_set(err, AX_E_INVALID_REQUEST, "there are more than %d keys",
                          AX_TRUST_KEYS_MAX);
    if (ax_trust_find(trust, ax_public_key_id(key)))
        return ax_err_set(err, AX_E_INVALID_REQUEST, "block %zu repeats the key of another one",
                          trust->count + 1);
    trust->keys[trust->count].public = (struct ax_trust_key){ key, not_after_s };
    trust->keys[trust->count++].owned = AX_TAKE(key);
    return AX_OK;
}

enum ax_code ax_trust_parse(struct ax_str pem, struct ax_trust **ret_trust, struct ax_err *err)
{
    AX_AUTO(ax_trust_free) struct ax_trust *trust = ax_trust_new_empty();
    AX_AUTO_BUF struct ax_buf der = { .max = TRUST_DER_MAX };
    enum ax_code code = AX_OK;

    if (pem.len > AX_TRUST_BYTES_MAX)
        return ax_err_set(err, AX_E_INVALID_REQUEST, "the trust bundle is larger than 256 KiB");
    for (;;) {
        struct ax_str label;

        ax_buf_clear(&der);
        code = ax_pem_next(&pem, &label, &der, err);
        if (code == AX_E_NOT_FOUND)
            break;
        if (code == AX_OK)
            code = trust_add(trust, label, ax_buf_str(&der), err);
        if (code != AX_OK)
            return ax_err_wrap(err, code == AX_E_NO_MEMORY ? code : AX_E_INVALID_REQUEST,
                               "trust bundle");
    }
    if (trust->count == 0)
        return ax_err_set(err, AX_E_INVALID_REQUEST, "the trust bundle holds no key");
    *ret_trust = AX_TAKE(trust);
    return AX_OK;
}

enum ax_code ax_trust_load(struct ax_str pem_or_path, struct ax_trust **ret_trust,
                           struct ax_err *err)
{
    AX_AUTO_BUF struct ax_buf text = { .max = AX_TRUST_BYTES_MAX + 1 };
    AX_AUTO_FREE char *path = NULL;
    AX_AUTO_FD int fd = -1;
    char *room;
    ssize_t got;

    if (ax_str_find(pem_or_path, '\n') < pem_or_path.len) /* PEM has lines, a path has none */
        return ax_trust_parse(pem_or_path, ret_trust, err);
    path = ax_strdup(pem_or_path);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return ax_err_set(err, AX_E_IO, "cannot open the trust bundle: %s", strerror(errno));
    if (ax_buf_reserve(&text, text.max, &room) != AX_OK)
        return ax_err_set(err, text.failed, "there is no memory for the trust bundle");
    while (text.len < text.max) {
        got = read(fd, room + text.len, text.max - text.len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ax_err_set(err, AX_E_IO, "cannot read the trust bundle: %s", strerror(errno));
        if (got == 0)
            break;
        ax_buf_advance(&text, (size_t)got);
    }
    return ax_trust_parse(ax_buf_str(&text), ret_trust, err);
}

static struct ax_str trust_digest_str(const struct ax_digest *digest)
{
    return ax_str_make(digest->bytes, sizeof(digest->bytes));
}

static enum ax_code trust_revoke(struct ax_trust *trust, struct ax_map *map,
                                 const struct ax_digest *digest)
{
    struct trust_revoked *revoked;

    if (ax_map_find(map, trust_digest_str(digest)))
        return AX_OK;
    if (map->count == AX_TRUST_REVOKED_MAX)
        return AX_E_TOO_BIG;
    revoked = ax_try_alloc(sizeof(*revoked));
    if (!revoked)
        return AX_E_NO_MEMORY;
    revoked->digest = *digest;
    revoked->next = trust->revoked;
    trust->revoked = revoked;
    ax_map_insert(map, &revoked->node, trust_digest_str(&revoked->digest));
    return AX_OK;
}

enum ax_code ax_trust_revoke_key(struct ax_trust *trust, struct ax_str key_id)
{
    struct ax_digest digest;

    if (!ax_hex_decode(digest.bytes, sizeof(digest.bytes), key_id))
        return AX_E_INVALID_REQUEST;
    return trust_revoke(trust, &trust->revoked_keys, &digest);
}

enum ax_code ax_trust_revoke_hash(struct ax_trust *trust, const struct ax_digest *hash)
{
    return trust_revoke(trust, &trust->revoked_hashes, hash);
}

bool ax_trust_is_key_revoked(const struct ax_trust *trust, struct ax_str key_id)
{
    struct ax_digest digest;

    return ax_hex_decode(digest.bytes, sizeof(digest.bytes), key_id) &&
           ax_map_find(&trust->revoked_keys, trust_digest_str(&digest));
}

bool ax_trust_is_hash_revoked(const struct ax_trust *trust, const struct ax_digest *hash)
{
    return ax_map_find(&trust->revoked_hashes, trust_digest_str(hash));
}

size_t ax_trust_key_count(const struct ax_trust *trust)
{
    return trust->count;
}

const struct ax_trust_key *ax_trust_key(const struct ax_trust *trust, size_t index)
{
    assert(index < trust->count);
    return &trust->keys[index].public;
}

const struct ax_trust_key *ax_trust_find(const struct ax_trust *trust, struct ax_str key_id)
{
    for (size_t i = 0; i < trust->count; i++)
        if (ax_str_eq(ax_public_key_id(trust->keys[i].owned), key_id))
            return &trust->keys[i].public;
    return NULL;
}

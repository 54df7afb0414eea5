/* SPDX-License-Identifier: Apache-2.0 */
/* jwks.c - whose signatures on tokens do we believe?
 *
 * The JSON is read by our own strict reader; cjose gets numbers that were judged before. */
#include "auth/jwks.h"

#include "auth/base64url.h"
#include "auth/internal.h"
#include "crypto/crypto.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define JWK_P256_HALF  32
#define JWK_NUMBER_MAX (AX_RSA_BITS_MAX / 8)
#define JWK_E_MAX      4 /* bytes; nobody needs more than 65537 */

struct ax_jwks {
    struct ax_jwk list[AX_JWKS_KEYS_MAX];
    size_t count; /* of the list */
    size_t usable;
    struct ax_map by_kid;
    uint64_t generation;
};

/* cjose looks at hardly any of its allocations; they are a few times a token's size. */
static void *auth_alloc(size_t size)
{
    return ax_alloc(size > 0 ? size : 1);
}

static void *auth_realloc(void *old, size_t size)
{
    void *moved = realloc(old, size > 0 ? size : 1);

    if (!moved)
        abort();
    return moved;
}

static void auth_start(void)
{
    cjose_header_t *header;

    ax_crypto_init(); /* first: what OpenSSL allocates stays its own business */
    cjose_set_alloc_funcs(auth_alloc, auth_realloc, free);
    header = cjose_header_new(NULL); /* the first JSON object reads the seed of its hash tables */
    cjose_header_release(header);
}

void ax_auth_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, auth_start);
}

enum ax_jws_alg ax_jws_alg_of(struct ax_str name)
{
    if (ax_str_eq(name, AX_STR("RS256")))
        return AX_JWS_RS256;
    if (ax_str_eq(name, AX_STR("PS256")))
        return AX_JWS_PS256;
    return ax_str_eq(name, AX_STR("ES256")) ? AX_JWS_ES256 : AX_JWS_NONE;
}

/* ---- one key ---- */

/* Where we are in the set, for the words. */
struct jwk_reader {
    const struct ax_json_value *object;
    size_t index;
    struct ax_err *err;
};

static enum ax_code jwk_refuse(const struct jwk_reader *in, const char *member, const char *words)
{
    char pointer[64];

    snprintf(pointer, sizeof(pointer), "/keys/%zu%s%s", in->index, *member ? "/" : "", member);
    return ax_err_set_at(in->err, AX_E_INVALID_REQUEST, pointer, "key %zu: %s", in->index + 1,
                         words);
}

/* A member that is a string when it is there. */
static enum ax_code jwk_text(const struct jwk_reader *in, const char *member,
                             struct ax_str *ret_text)
{
    const struct ax_json_value *value = ax_json_get(in->object, member);

    *ret_text = ax_json_str(value);
    if (ax_json_type(value) == AX_JSON_MISSING)
        *ret_text = AX_STR_NONE;
    else if (ax_json_type(value) != AX_JSON_STRING)
        return jwk_refuse(in, member, "not a string");
    return AX_OK;
}

/* A big-endian number in base64url, without leading zeros unless its length is fixed. */
static enum ax_code jwk_number(const struct jwk_reader *in, const char *member, size_t len_fixed,
                               uint8_t room[JWK_NUMBER_MAX], size_t *ret_len)
{
    struct ax_str text;
    enum ax_code code = jwk_text(in, member, &text);

    if (code != AX_OK)
        return code;
    if (text.len == 0)
        return jwk_refuse(in, member, "missing");
    if (ax_base64url_decoded_max(text.len) > JWK_NUMBER_MAX)
        return jwk_refuse(in, member, "the number is too large");
    if (!ax_base64url_decode_into((char *)room, text, ret_len))
        return jwk_refuse(in, member, "not strict base64url");
    if (len_fixed > 0 && *ret_len != len_fixed)
        return jwk_refuse(in, member, "the number has not the length of its curve");
    if (len_fixed == 0 && (*ret_len == 0 || room[0] == 0))
        return jwk_refuse(in, member, "the number has leading zeros");
    return AX_OK;
}

static enum ax_code jwk_read_rsa(const struct jwk_reader *in, struct ax_jwk *key)
{
    uint8_t n[JWK_NUMBER_MAX];
    uint8_t e[JWK_NUMBER_MAX];
    cjose_jwk_rsa_keyspec spec = { .n = n, .e = e };
    enum ax_code code = jwk_number(in, "n", 0, n, &spec.nlen);
    size_t bits;

    if (code == AX_OK)
        code = jwk_number(in, "e", 0, e, &spec.elen);
    if (code != AX_OK)
        return code;
    bits = spec.nlen * 8 - (size_t)(__builtin_clz(n[0]) - 24);
    if (bits < AX_RSA_BITS_MIN)
        return jwk_refuse(in, "n", "an RSA key needs 2048 bits or more");
    if (n[spec.nlen - 1] % 2 == 0)
        return jwk_refuse(in, "n", "an RSA modulus is odd");
    if (spec.elen > JWK_E_MAX || e[spec.elen - 1] % 2 == 0 || (spec.elen == 1 && e[0] == 1))
        return jwk_refuse(in, "e", "an RSA exponent is odd, at least 3 and has at most 4 bytes");
    key->signature_len = spec.nlen;
    key->key = cjose_jwk_create_RSA_spec(&spec, NULL);
    return key->key ? AX_OK : jwk_refuse(in, "n", "not an RSA key");
}

static enum ax_code jwk_read_p256(const struct jwk_reader *in, struct ax_jwk *key)
{
    static const uint8_t prime[JWK_P256_HALF] = { 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x01,
                                                  0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                                                  0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff,
                                                  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    uint8_t x[JWK_NUMBER_MAX];
    uint8_t y[JWK_NUMBER_MAX];
    cjose_jwk_ec_keyspec spec = { .crv = CJOSE_JWK_EC_P_256, .x = x, .y = y };
    enum ax_code code = jwk_number(in, "x", JWK_P256_HALF, x, &spec.xlen);

    if (code == AX_OK)
        code = jwk_number(in, "y", JWK_P256_HALF, y, &spec.ylen);
    if (code != AX_OK)
        return code;
    if (memcmp(x, prime, sizeof(prime)) < 0 && memcmp(y, prime, sizeof(prime)) < 0)
        key->key = cjose_jwk_create_EC_spec(&spec, NULL); /* NULL for what is not on the curve */
    key->signature_len = 2 * JWK_P256_HALF;
    return key->key ? AX_OK : jwk_refuse(in, "x", "not a point of P-256");
}

static enum ax_code jwk_check_parts(const struct jwk_reader *in)
{
    static const char *private_parts[] = { "d", "p", "q", "dp", "dq", "qi", "oth", "k" };

    for (size_t i = 0; i < AX_ARRAY_LEN(private_parts); i++) {
        if (ax_json_get(in->object, private_parts[i]))
            return jwk_refuse(in, private_parts[i], "a public key set holds no secrets");
    }
    return AX_OK;
}

/* Is the key for verifying signatures? Without `use` and `key_ops` it is. */
static enum ax_code jwk_read_use(const struct jwk_reader *in, bool *ret_verifies)
{
    const struct ax_json_value *ops = ax_json_get(in->object, "key_ops");
    struct ax_json_iter it = ax_json_iter(ops);
    bool verifies = !ops;
    struct ax_str use;
    enum ax_code code = jwk_text(in, "use", &use);

    if (code != AX_OK)
        return code;
    if (ops && ax_json_type(ops) != AX_JSON_ARRAY)
        return jwk_refuse(in, "key_ops", "not an array");
    while (ax_json_next(&it))
        verifies |= ax_str_eq(ax_json_str(it.value), AX_STR("verify"));
    *ret_verifies = verifies && (!use.ptr || ax_str_eq(use, AX_STR("sig")));
    return AX_OK;
}

/* The algorithm that the key is for: AX_JWS_NONE for one that is not ours. */
static enum ax_code jwk_read_alg(const struct jwk_reader *in, bool rsa, enum ax_jws_alg *ret_alg)
{
    enum ax_jws_alg alg;
    struct ax_str name;
    enum ax_code code = jwk_text(in, "alg", &name);

    if (code != AX_OK)
        return code;
    alg = ax_jws_alg_of(name);
    if (ax_str_eq_nocase(name, AX_STR("none")) || ax_str_starts(name, AX_STR("HS")) ||
        (alg != AX_JWS_NONE && rsa != (alg != AX_JWS_ES256)))
        return jwk_refuse(in, "alg", "the algorithm contradicts the key");
    if (!name.ptr)
        alg = rsa ? AX_JWS_RS256 : AX_JWS_ES256;
    *ret_alg = alg;
    return AX_OK;
}

static enum ax_code jwk_read_key(const struct jwk_reader *in, struct ax_jwk *key)
{
    struct ax_str type;
    struct ax_str curve;
    bool verifies = false;
    bool rsa;
    enum ax_code code = jwk_check_parts(in);

    if (code == AX_OK)
        code = jwk_text(in, "kty", &type);
    if (code == AX_OK)
        code = jwk_text(in, "crv", &curve);
    if (code == AX_OK)
        code = jwk_read_use(in, &verifies);
    if (code != AX_OK)
        return code;
    if (type.len == 0)
        return jwk_refuse(in, "kty", "missing");
    if (ax_str_eq_nocase(type, AX_STR("oct")))
        return jwk_refuse(in, "kty", "symmetric keys are not for tokens of others");
    rsa = ax_str_eq(type, AX_STR("RSA"));
    if (!verifies || (!rsa && !ax_str_eq(type, AX_STR("EC"))) ||
        (!rsa && !ax_str_eq(curve, AX_STR("P-256"))))
        return AX_OK;
    code = jwk_read_alg(in, rsa, &key->alg);
    if (code != AX_OK || key->alg == AX_JWS_NONE)
        return code;
    return rsa ? jwk_read_rsa(in, key) : jwk_read_p256(in, key);
}

static enum ax_code jwk_read_kid(const struct jwk_reader *in, struct ax_jwks *keys,
                                 struct ax_jwk *key)
{
    struct ax_str kid;
    enum ax_code code = jwk_text(in, "kid", &kid);

    if (code != AX_OK || !kid.ptr)
        return code;
    if (kid.len == 0 || kid.len > AX_JWK_KID_MAX)
        return jwk_refuse(in, "kid", "not 1 to 256 bytes");
    if (ax_map_find(&keys->by_kid, kid))
        return jwk_refuse(in, "kid", "another key of the set has the same name");
    key->kid = ax_strdup(kid);
    ax_map_insert(&keys->by_kid, &key->node, ax_str_make(key->kid, kid.len));
    return AX_OK;
}

/* ---- the set ---- */

static enum ax_code jwks_read(struct ax_jwks *keys, const struct ax_json_value *list,
                              struct ax_err *err)
{
    struct ax_json_iter it = ax_json_iter(list);

    if (ax_json_type(list) != AX_JSON_ARRAY)
        return ax_err_set_at(err, AX_E_INVALID_REQUEST, "/keys", "not a key set");
    if (ax_json_count(list) > AX_JWKS_KEYS_MAX)
        return ax_err_set_at(err, AX_E_INVALID_REQUEST, "/keys", "more than %d keys",
                             AX_JWKS_KEYS_MAX);
    while (ax_json_next(&it)) {
        const struct jwk_reader in = { it.value, it.index, err };
        struct ax_jwk *key = &keys->list[keys->count++];
        enum ax_code code = AX_OK;

        if (ax_json_type(it.value) != AX_JSON_OBJECT)
            return jwk_refuse(&in, "", "not an object");
        code = jwk_read_kid(&in, keys, key);
        if (code == AX_OK)
            code = jwk_read_key(&in, key);
        if (code != AX_OK)
            return code;
        keys->usable += key->alg != AX_JWS_NONE;
    }
    if (keys->usable == 0)
        return ax_err_set_at(err, AX_E_INVALID_REQUEST, "/keys",
                             "no key that is for RS256, PS256 or ES256");
    return AX_OK;
}

enum ax_code ax_jwks_parse(struct ax_str text, struct ax_jwks **ret_keys, struct ax_err *err)
{
    static const struct ax_json_limits limits = { .bytes_max = AX_JWKS_BYTES_MAX,
                                                  .keys_max = 64 * AX_JWKS_KEYS_MAX,
                                                  .depth_max = 8 };
    static atomic_uint_fast64_t last_generation;
    AX_AUTO(ax_jwks_free) struct ax_jwks *keys = NULL;
    AX_AUTO(ax_json_free) struct ax_json *json = NULL;
    enum ax_code code;

    if (text.len > AX_JWKS_BYTES_MAX)
        return ax_err_set(err, AX_E_TOO_BIG, "a key set may have %d bytes", AX_JWKS_BYTES_MAX);
    ax_auth_init();
    code = ax_json_parse(text, &limits, &json, err);
    if (code != AX_OK)
        return ax_err_wrap(err, code, "the key set is not JSON");
    keys = ax_alloc(sizeof(*keys));
    ax_map_init(&keys->by_kid);
    code = jwks_read(keys, ax_json_get(ax_json_root(json), "keys"), err);
    ax_crypto_forget_errors(); /* cjose leaves them behind */
    if (code != AX_OK)
        return code;
    keys->generation = atomic_fetch_add(&last_generation, 1) + 1;
    *ret_keys = AX_TAKE(keys);
    return AX_OK;
}

void ax_jwks_free(struct ax_jwks *keys)
{
    if (!keys)
        return;
    ax_map_done(&keys->by_kid);
    for (size_t i = 0; i < keys->count; i++) {
        free(keys->list[i].kid);
        cjose_jwk_release(keys->list[i].key);
    }
    free(keys);
}

size_t ax_jwks_count(const struct ax_jwks *keys)
{
    return keys->usable;
}

size_t ax_jwks_left_out(const struct ax_jwks *keys)
{
    return keys->count - keys->usable;
}

uint64_t ax_jwks_generation(const struct ax_jwks *keys)
{
    return keys->generation;
}

const struct ax_jwk *ax_jwks_pick(const struct ax_jwks *keys, struct ax_str kid,
                                  enum ax_jws_alg alg)
{
    const struct ax_jwk *only = NULL;
    struct ax_map_node *node;

    if (kid.ptr) {
        node = ax_map_find(&keys->by_kid, kid);
        only = node ? AX_CONTAINER_OF(node, struct ax_jwk, node) : NULL;
        return only && only->alg != AX_JWS_NONE ? only : NULL;
    }
    for (size_t i = 0; i < keys->count; i++) {
        if (keys->list[i].alg != alg)
            continue;
        if (only)
            return NULL;
        only = &keys->list[i];
    }
    return only;
}

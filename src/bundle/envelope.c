/* SPDX-License-Identifier: Apache-2.0 */
/* envelope.c - who vouches for these bytes, and until when?
 * The payload is kept as the bytes that were signed; the statement is what we read in them. */
#include "bundle/envelope.h"

#include "base/base64.h"
#include "base/clock.h"
#include "base/json.h"
#include "bundle/archive.h"
#include "bundle/manifest_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#define ENVELOPE_PAYLOAD_MAX (4u << 10)
#define ENVELOPE_KEYS_MAX    64 /* object members of any of its documents */

struct envelope_signature {
    char key_id[AX_KEY_ID_LEN];
    uint8_t bytes[AX_SIGNATURE_LEN];
};

struct ax_envelope {
    struct ax_statement statement;
    struct ax_buf payload;
    struct envelope_signature signatures[AX_ENVELOPE_SIGNATURES_MAX];
    size_t count;
};

/* --- statement --- */

static enum ax_code statement_bad(struct ax_err *err, const char *words)
{
    return ax_err_set(err, AX_E_INVALID_BUNDLE, "signed statement: %s", words);
}

/* True when `object` has all of `required`, and beside them only `optional` (may be NULL). */
static bool object_is_exact(const struct ax_json_value *object, const char *const *required,
                            size_t count, const char *optional)
{
    size_t expected = count + (optional && ax_json_get(object, optional) ? 1 : 0);

    if (ax_json_type(object) != AX_JSON_OBJECT || ax_json_count(object) != expected)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!ax_json_get(object, required[i]))
            return false;
    return true;
}

static bool statement_copy(char *room, struct ax_str text, bool (*is_fine)(struct ax_str text))
{
    if (!is_fine(text)) /* also bounds the length */
        return false;
    memcpy(room, text.ptr, text.len);
    room[text.len] = '\0';
    return true;
}

static bool statement_read_files(const struct ax_json_value *files, struct ax_statement *statement)
{
    static const char *const required[] = { "manifest.json" };
    const struct ax_json_value *entry = ax_json_get(files, "entry.wasm");

    statement->has_entry = entry != NULL;
    return object_is_exact(files, required, AX_ARRAY_LEN(required), "entry.wasm") &&
           ax_digest_parse_exact(ax_json_str(ax_json_get(files, "manifest.json")),
                                 &statement->manifest) &&
           (!entry || ax_digest_parse_exact(ax_json_str(entry), &statement->entry));
}

static bool statement_read_times(const struct ax_json_value *root, struct ax_statement *statement)
{
    const struct ax_json_value *expires = ax_json_get(root, "expires");

    if (!ax_clock_parse(ax_json_str(ax_json_get(root, "created")), &statement->created_s))
        return false;
    return !expires || (ax_clock_parse(ax_json_str(expires), &statement->expires_s) &&
                        statement->expires_s > statement->created_s);
}

static enum ax_code statement_read(struct ax_str payload, struct ax_statement *ret_statement,
                                   struct ax_err *err)
{
    static const char *const required[] = { "purpose", "name",  "version", "content_hash",
                                            "size",    "files", "created" };
    struct ax_json_limits limits = { .bytes_max = ENVELOPE_PAYLOAD_MAX,
                                     .keys_max = ENVELOPE_KEYS_MAX };
    AX_AUTO(ax_json_free) struct ax_json *json = NULL;
    struct ax_statement statement = { .size = 0 };
    const struct ax_json_value *root;
    enum ax_code code = ax_json_parse(payload, &limits, &json, err);

    if (code == AX_E_NO_MEMORY)
        return code;
    if (code != AX_OK)
        return ax_err_wrap(err, AX_E_INVALID_BUNDLE, "signed statement");
    root = ax_json_root(json);
    if (!object_is_exact(root, required, AX_ARRAY_LEN(required), "expires"))
        return statement_bad(err, "a field is missing, or there is one too many");
    if (!ax_str_eq(ax_json_str(ax_json_get(root, "purpose")), AX_STR(AX_ENVELOPE_PURPOSE)))
        return statement_bad(err, "it was made for another purpose");
    if (!statement_copy(statement.name, ax_json_str(ax_json_get(root, "name")), mf_is_name))
        return statement_bad(err, "the name is malformed");
    if (!statement_copy(statement.version, ax_json_str(ax_json_get(root, "version")),
                        mf_is_version))
        return statement_bad(err, "the version is malformed");
    if (!ax_digest_parse_exact(ax_json_str(ax_json_get(root, "content_hash")),
                               &statement.content_hash))
        return statement_bad(err, "the content hash is malformed");
    if (!ax_json_u64(ax_json_get(root, "size"), AX_ARCHIVE_BYTES_MAX, &statement.size))
        return statement_bad(err, "the size is malformed");
    if (!statement_read_files(ax_json_get(root, "files"), &statement))
        return statement_bad(err, "the digests of files are malformed");
    if (!statement_read_times(root, &statement))
        return statement_bad(err, "created or expires is malformed");
    *ret_statement = statement;
    return AX_OK;
}

static void statement_put_digest(struct ax_json_out *out, const char *key,
                                 const struct ax_digest *digest)
{
    char text[AX_DIGEST_TEXT_LEN + 1];

    ax_digest_print(digest, text);
    ax_json_key(out, key);
    ax_json_put_str(out, ax_str_of(text));
}

static void statement_put_time(struct ax_json_out *out, const char *key, int64_t unix_s)
{
    char text[AX_RFC3339_LEN + 1];

    ax_clock_format(unix_s, text);
    ax_json_key(out, key);
    ax_json_put_str(out, ax_str_of(text));
}

static void statement_write(const struct ax_statement *statement, struct ax_buf *buf)
{
    struct ax_json_out out;

    ax_json_out_init(&out, buf);
    ax_json_begin_object(&out);
    ax_json_key(&out, "purpose");
    ax_json_put_str(&out, AX_STR(AX_ENVELOPE_PURPOSE));
    ax_json_key(&out, "name");
    ax_json_put_str(&out, ax_str_of(statement->name));
    ax_json_key(&out, "version");
    ax_json_put_str(&out, ax_str_of(statement->version));
    statement_put_digest(&out, "content_hash", &statement->content_hash);
    ax_json_key(&out, "size");
    ax_json_put_u64(&out, statement->size);
    ax_json_key(&out, "files");
    ax_json_begin_object(&out);
    statement_put_digest(&out, "manifest.json", &statement->manifest);
    if (statement->has_entry)
        statement_put_digest(&out, "entry.wasm", &statement->entry);
    ax_json_end_object(&out);
    statement_put_time(&out, "created", statement->created_s);
    if (statement->expires_s != 0)
        statement_put_time(&out, "expires", statement->expires_s);
    ax_json_end_object(&out);
}

/* --- envelope --- */

static enum ax_code envelope_alloc(struct ax_envelope **ret_envelope, struct ax_err *err)
{
    struct ax_envelope *envelope = ax_try_alloc(sizeof(*envelope));

    if (!envelope)
        return ax_err_set(err, AX_E_NO_MEMORY, "there is no memory");
    memset(envelope, 0, sizeof(*envelope));
    ax_buf_init(&envelope->payload, ENVELOPE_PAYLOAD_MAX);
    *ret_envelope = envelope;
    return AX_OK;
}

void ax_envelope_free(struct ax_envelope *envelope)
{
    if (!envelope)
        return;
    ax_buf_done(&envelope->payload);
    free(envelope);
}

enum ax_code ax_envelope_new(const struct ax_statement *statement,
                             struct ax_envelope **ret_envelope, struct ax_err *err)
{
    AX_AUTO(ax_envelope_free) struct ax_envelope *envelope = NULL;
    enum ax_code code = envelope_alloc(&envelope, err);

    if (code != AX_OK)
        return code;
    statement_write(statement, &envelope->payload);
    if (envelope->payload.failed != AX_OK)
        return ax_err_set(err, envelope->payload.failed, "the statement is too large");
    code = statement_read(ax_buf_str(&envelope->payload), &envelope->statement, err);
    if (code == AX_OK)
        *ret_envelope = AX_TAKE(envelope);
    return code == AX_E_INVALID_BUNDLE ? ax_err_wrap(err, AX_E_INVALID_REQUEST, "not signed")
                                       : code;
}

static enum ax_code envelope_bad(struct ax_err *err, const char *words)
{
    return ax_err_set(err, AX_E_INVALID_BUNDLE, "envelope: %s", words);
}

static struct envelope_signature *envelope_find(struct ax_envelope *envelope, struct ax_str key_id)
{
    for (size_t i = 0; i < envelope->count; i++)
        if (ax_str_eq(ax_envelope_key_id(envelope, i), key_id))
            return &envelope->signatures[i];
    return NULL;
}

static enum ax_code envelope_read_signature(struct ax_envelope *envelope,
                                            const struct ax_json_value *value, struct ax_err *err)
{
    static const char *const required[] = { "keyid", "sig" };
    struct envelope_signature *signature = &envelope->signatures[envelope->count];
    struct ax_str key_id = ax_json_str(ax_json_get(value, "keyid"));
    struct ax_str text = ax_json_str(ax_json_get(value, "sig"));
    char bytes[AX_SIGNATURE_LEN + 2];
    uint8_t digest[AX_KEY_ID_LEN / 2];
    size_t len = 0;

    if (!object_is_exact(value, required, AX_ARRAY_LEN(required), NULL))
        return envelope_bad(err, "a signature needs keyid and sig, and nothing else");
    if (!ax_hex_decode(digest, sizeof(digest), key_id))
        return envelope_bad(err, "a key id is not 64 lower-case hexadecimal digits");
    if (envelope_find(envelope, key_id))
        return envelope_bad(err, "two signatures name the same key");
    if (ax_base64_decoded_max(text.len) > sizeof(bytes) ||
        !ax_base64_decode_into(bytes, text, &len) || len != AX_SIGNATURE_LEN)
        return envelope_bad(err, "a signature is not the base64 of 64 bytes");
    memcpy(signature->key_id, key_id.ptr, AX_KEY_ID_LEN);
    memcpy(signature->bytes, bytes, AX_SIGNATURE_LEN);
    envelope->count++;
    return AX_OK;
}

static enum ax_code envelope_read(struct ax_envelope *envelope, const struct ax_json_value *root,
                                  struct ax_err *err)
{
    static const char *const required[] = { "payload", "payloadType", "signatures" };
    const struct ax_json_value *signatures = ax_json_get(root, "signatures");
    struct ax_json_iter it = ax_json_iter(signatures);
    enum ax_code code;

    if (!object_is_exact(root, required, AX_ARRAY_LEN(required), NULL))
        return envelope_bad(err, "it needs payload, payloadType and signatures, and nothing else");
    if (!ax_str_eq(ax_json_str(ax_json_get(root, "payloadType")), AX_STR(AX_ENVELOPE_TYPE)))
        return envelope_bad(err, "its payload is of another type");
    if (ax_json_type(signatures) != AX_JSON_ARRAY || ax_json_count(signatures) == 0)
        return envelope_bad(err, "it has no signature");
    if (ax_json_count(signatures) > AX_ENVELOPE_SIGNATURES_MAX)
        return envelope_bad(err, "it has more than 8 signatures");
    while (ax_json_next(&it)) {
        code = envelope_read_signature(envelope, it.value, err);
        if (code != AX_OK)
            return code;
    }
    code = ax_base64_decode(&envelope->payload, ax_json_str(ax_json_get(root, "payload")));
    if (code == AX_E_NO_MEMORY)
        return ax_err_set(err, code, "there is no memory");
    if (code != AX_OK)
        return envelope_bad(err, "its payload is not strict base64, or too large");
    return statement_read(ax_buf_str(&envelope->payload), &envelope->statement, err);
}

enum ax_code ax_envelope_parse(struct ax_str json, struct ax_envelope **ret_envelope,
                               struct ax_err *err)
{
    struct ax_json_limits limits = { .bytes_max = AX_ENVELOPE_BYTES_MAX,
                                     .keys_max = ENVELOPE_KEYS_MAX };
    AX_AUTO(ax_envelope_free) struct ax_envelope *envelope = NULL;
    AX_AUTO(ax_json_free) struct ax_json *document = NULL;
    enum ax_code code;

    if (json.len > AX_ENVELOPE_BYTES_MAX)
        return ax_err_set(err, AX_E_TOO_BIG, "envelope: it is larger than 16 KiB");
    code = ax_json_parse(json, &limits, &document, err);
    if (code == AX_E_NO_MEMORY)
        return code;
    if (code != AX_OK)
        return ax_err_wrap(err, AX_E_INVALID_BUNDLE, "envelope");
    code = envelope_alloc(&envelope, err);
    if (code == AX_OK)
        code = envelope_read(envelope, ax_json_root(document), err);
    if (code == AX_OK)
        *ret_envelope = AX_TAKE(envelope);
    return code;
}

enum ax_code ax_envelope_write(const struct ax_envelope *envelope, struct ax_buf *buf)
{
    struct ax_json_out out;

    ax_json_out_init(&out, buf);
    ax_json_begin_object(&out);
    ax_json_key(&out, "payload");
    ax_json_put_base64(&out, ax_buf_str(&envelope->payload));
    ax_json_key(&out, "payloadType");
    ax_json_put_str(&out, AX_STR(AX_ENVELOPE_TYPE));
    ax_json_key(&out, "signatures");
    ax_json_begin_array(&out);
    for (size_t i = 0; i < envelope->count; i++) {
        ax_json_begin_object(&out);
        ax_json_key(&out, "keyid");
        ax_json_put_str(&out, ax_envelope_key_id(envelope, i));
        ax_json_key(&out, "sig");
        ax_json_put_base64(&out, ax_str_make(envelope->signatures[i].bytes, AX_SIGNATURE_LEN));
        ax_json_end_object(&out);
    }
    ax_json_end_array(&out);
    ax_json_end_object(&out);
    return ax_buf_append_byte(buf, '\n');
}

/* What is signed: type and payload, each with its length before it (DSSE's PAE). */
static void envelope_encode(const struct ax_envelope *envelope, struct ax_buf *buf)
{
    ax_buf_init(buf, ENVELOPE_PAYLOAD_MAX + 128);
    ax_buf_printf(buf, "DSSEv1 %zu %s %zu ", sizeof(AX_ENVELOPE_TYPE) - 1, AX_ENVELOPE_TYPE,
                  envelope->payload.len);
    ax_buf_append_str(buf, ax_buf_str(&envelope->payload));
}

enum ax_code ax_envelope_sign(struct ax_envelope *envelope, const struct ax_private_key *key,
                              struct ax_err *err)
{
    struct ax_str key_id = ax_public_key_id(ax_private_key_public(key));
    struct envelope_signature *signature = envelope_find(envelope, key_id);
    AX_AUTO_BUF struct ax_buf message = { .max = 0 };

    envelope_encode(envelope, &message);
    if (message.failed != AX_OK)
        return ax_err_set(err, message.failed, "there is no memory");
    if (!signature) {
        if (envelope->count == AX_ENVELOPE_SIGNATURES_MAX)
            return ax_err_set(err, AX_E_TOO_BIG, "the envelope has 8 signatures already");
        signature = &envelope->signatures[envelope->count++];
    }
    memcpy(signature->key_id, key_id.ptr, AX_KEY_ID_LEN);
    ax_private_key_sign(key, ax_buf_str(&message), signature->bytes);
    return AX_OK;
}

const struct ax_statement *ax_envelope_statement(const struct ax_envelope *envelope)
{
    return &envelope->statement;
}

size_t ax_envelope_signature_count(const struct ax_envelope *envelope)
{
    return envelope->count;
}

struct ax_str ax_envelope_key_id(const struct ax_envelope *envelope, size_t index)
{
    assert(index < envelope->count);
    return ax_str_make(envelope->signatures[index].key_id, AX_KEY_ID_LEN);
}

/* --- judgement --- */

const char *ax_signature_state_words(enum ax_signature_state state)
{
    switch (state) {
    case AX_SIGNATURE_GOOD: return "good";
    case AX_SIGNATURE_UNKNOWN_KEY: return "its key is not in the trust bundle";
    case AX_SIGNATURE_EXPIRED_KEY: return "the certificate of its key has expired";
    case AX_SIGNATURE_REVOKED_KEY: return "its key is revoked";
    case AX_SIGNATURE_BAD: return "it is not a signature of this statement by its key";
    }
    return "unknown";
}

static bool envelope_verify(const struct ax_envelope *envelope, size_t index,
                            const struct ax_public_key *key)
{
    AX_AUTO_BUF struct ax_buf message = { .max = 0 };

    envelope_encode(envelope, &message);
    return message.failed == AX_OK &&
           ax_public_key_verify(key, ax_buf_str(&message),
                                ax_str_make(envelope->signatures[index].bytes, AX_SIGNATURE_LEN));
}

enum ax_signature_state ax_envelope_judge(const struct ax_envelope *envelope, size_t index,
                                          const struct ax_trust *trust, int64_t now_s)
{
    struct ax_str key_id = ax_envelope_key_id(envelope, index);
    const struct ax_trust_key *found = ax_trust_find(trust, key_id);

    if (ax_trust_is_key_revoked(trust, key_id))
        return AX_SIGNATURE_REVOKED_KEY;
    if (!found)
        return AX_SIGNATURE_UNKNOWN_KEY;
    if (!envelope_verify(envelope, index, found->key))
        return AX_SIGNATURE_BAD;
    if (now_s - AX_TRUST_SKEW_S > found->not_after_s)
        return AX_SIGNATURE_EXPIRED_KEY;
    return AX_SIGNATURE_GOOD;
}

bool ax_envelope_is_signed_by(const struct ax_envelope *envelope, const struct ax_public_key *key)
{
    for (size_t i = 0; i < envelope->count; i++)
        if (ax_str_eq(ax_envelope_key_id(envelope, i), ax_public_key_id(key)))
            return envelope_verify(envelope, i, key);
    return false;
}

static enum ax_code envelope_check_signatures(const struct ax_envelope *envelope,
                                              const struct ax_trust *trust, int64_t now_s,
                                              struct ax_err *err)
{
    enum ax_signature_state last = AX_SIGNATURE_UNKNOWN_KEY;
    size_t good = 0;

    for (size_t i = 0; i < envelope->count; i++) {
        enum ax_signature_state state = ax_envelope_judge(envelope, i, trust, now_s);

        if (state == AX_SIGNATURE_REVOKED_KEY)
            return ax_err_set(err, AX_E_BUNDLE_REVOKED, "a key that signed the bundle is revoked");
        if (state == AX_SIGNATURE_BAD)
            return ax_err_set(err, AX_E_BUNDLE_REJECTED, "signature %zu: %s", i + 1,
                              ax_signature_state_words(state));
        good += state == AX_SIGNATURE_GOOD;
        last = state;
    }
    if (good == 0)
        return ax_err_set(err, AX_E_BUNDLE_REJECTED, "no trusted key signed the bundle: %s",
                          ax_signature_state_words(last));
    return AX_OK;
}

enum ax_code ax_bundle_verify(const struct ax_digest *hash, uint64_t size, struct ax_str envelope,
                              const struct ax_trust *trust, int64_t now_s,
                              struct ax_statement *ret_statement, struct ax_err *err)
{
    AX_AUTO(ax_envelope_free) struct ax_envelope *parsed = NULL;
    const struct ax_statement *statement;
    enum ax_code code;

    if (ax_trust_is_hash_revoked(trust, hash))
        return ax_err_set(err, AX_E_BUNDLE_REVOKED, "the bundle is revoked");
    code = ax_envelope_parse(envelope, &parsed, err);
    if (code == AX_E_NO_MEMORY)
        return code;
    if (code != AX_OK)
        return ax_err_wrap(err, AX_E_BUNDLE_REJECTED, "not verified");
    statement = ax_envelope_statement(parsed);
    if (!ax_digest_eq(hash, &statement->content_hash))
        return ax_err_set(err, AX_E_BUNDLE_REJECTED, "the signature is for another content hash");
    if (size != statement->size)
        return ax_err_set(err, AX_E_BUNDLE_REJECTED, "the signature is for another size");
    if (statement->expires_s != 0 && now_s - AX_TRUST_SKEW_S > statement->expires_s)
        return ax_err_set(err, AX_E_BUNDLE_REJECTED, "the signed statement has expired");
    code = envelope_check_signatures(parsed, trust, now_s, err);
    if (code == AX_OK)
        *ret_statement = *statement;
    return code;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* envelope_test.c - may these bytes be opened? Every change of what was signed says no. */
#include "bundle/envelope.h"

#include "base/base64.h"
#include "base/test.h"

#include <stdio.h>

#define NOW  1800000000
#define SIZE 1234
#define DAY  86400

static struct ax_statement a_statement(void)
{
    return (struct ax_statement){
        .name = "com.acme.hello",
        .version = "1.2.3",
        .content_hash = ax_digest_of(AX_STR("bundle")),
        .size = SIZE,
        .manifest = ax_digest_of(AX_STR("manifest")),
        .has_entry = true,
        .entry = ax_digest_of(AX_STR("entry")),
        .created_s = NOW - DAY,
        .expires_s = NOW + DAY,
    };
}

/* A signer, the trust in it, and what it signed. */
struct scene {
    struct ax_private_key *key;
    struct ax_trust *trust;
    struct ax_statement statement;
    struct ax_buf json;
};

static void trust_in(struct scene *scene, const struct ax_public_key *key)
{
    AX_AUTO_BUF struct ax_buf pem = { .max = AX_KEY_PEM_MAX };

    T_OK(ax_public_key_to_pem(key, &pem));
    T_OK(ax_trust_parse(ax_buf_str(&pem), &scene->trust, NULL));
}

static void write_envelope(const struct ax_statement *statement, const struct ax_private_key *key,
                           struct ax_buf *json)
{
    AX_AUTO(ax_envelope_free) struct ax_envelope *envelope = NULL;

    T_OK(ax_envelope_new(statement, &envelope, NULL));
    T_OK(ax_envelope_sign(envelope, key, NULL));
    T_OK(ax_envelope_write(envelope, json));
}

static void scene_begin(struct scene *scene, enum ax_key_type type)
{
    *scene = (struct scene){ .statement = a_statement(), .json = { .max = 1u << 16 } };
    T_OK(ax_private_key_generate(type, &scene->key, NULL));
    trust_in(scene, ax_private_key_public(scene->key));
    write_envelope(&scene->statement, scene->key, &scene->json);
}

static void scene_done(struct scene *scene)
{
    ax_private_key_free(scene->key);
    ax_trust_free(scene->trust);
    ax_buf_done(&scene->json);
}

static enum ax_code verify(const struct scene *scene, struct ax_str json, int64_t now_s)
{
    struct ax_digest hash = ax_digest_of(AX_STR("bundle"));
    struct ax_statement statement;

    return ax_bundle_verify(&hash, SIZE, json, scene->trust, now_s, &statement, NULL);
}

TEST(envelope_passes_and_says_what_was_signed)
{
    for (enum ax_key_type type = AX_KEY_ED25519; type <= AX_KEY_P256; type++) {
        struct ax_digest hash = ax_digest_of(AX_STR("bundle"));
        struct ax_statement said;
        struct scene scene;

        scene_begin(&scene, type);
        T_OK(ax_bundle_verify(&hash, SIZE, ax_buf_str(&scene.json), scene.trust, NOW, &said, NULL));
        T_STR(ax_str_of(said.name), AX_STR("com.acme.hello"));
        T_STR(ax_str_of(said.version), AX_STR("1.2.3"));
        T_TRUE(ax_digest_eq(&said.manifest, &scene.statement.manifest));
        T_TRUE(said.has_entry && ax_digest_eq(&said.entry, &scene.statement.entry));
        T_EQ(said.created_s, NOW - DAY);
        T_EQ(said.expires_s, NOW + DAY);
        scene_done(&scene);
    }
}

TEST(envelope_is_about_one_hash_and_one_size)
{
    struct ax_digest hash = ax_digest_of(AX_STR("bundle"));
    struct ax_digest other = ax_digest_of(AX_STR("Bundle"));
    struct ax_statement said;
    struct scene scene;
    struct ax_str json;

    scene_begin(&scene, AX_KEY_ED25519);
    json = ax_buf_str(&scene.json);
    T_OK(ax_bundle_verify(&hash, SIZE, json, scene.trust, NOW, &said, NULL));
    T_CODE(ax_bundle_verify(&other, SIZE, json, scene.trust, NOW, &said, NULL),
           AX_E_BUNDLE_REJECTED);
    T_CODE(ax_bundle_verify(&hash, SIZE - 1, json, scene.trust, NOW, &said, NULL),
           AX_E_BUNDLE_REJECTED);
    T_CODE(ax_bundle_verify(&hash, SIZE + 1, json, scene.trust, NOW, &said, NULL),
           AX_E_BUNDLE_REJECTED);
    scene_done(&scene);
}

TEST(envelope_expires_with_a_minute_of_skew)
{
    struct scene scene;

    scene_begin(&scene, AX_KEY_ED25519);
    T_OK(verify(&scene, ax_buf_str(&scene.json), NOW + DAY - 1));
    T_OK(verify(&scene, ax_buf_str(&scene.json), NOW + DAY + 59));
    T_OK(verify(&scene, ax_buf_str(&scene.json), NOW + DAY + 60));
    T_CODE(verify(&scene, ax_buf_str(&scene.json), NOW + DAY + 61), AX_E_BUNDLE_REJECTED);
    ax_buf_clear(&scene.json);
    scene.statement.expires_s = 0;
    write_envelope(&scene.statement, scene.key, &scene.json);
    T_OK(verify(&scene, ax_buf_str(&scene.json), NOW + 36500LL * DAY));
    scene_done(&scene);
}

/* Changes one thing in the statement, signs it well, and asks for the verdict. */
static enum ax_code judge_statement(void (*change)(struct ax_statement *statement))
{
    struct scene scene;
    enum ax_code code;

    scene_begin(&scene, AX_KEY_ED25519);
    change(&scene.statement);
    ax_buf_clear(&scene.json);
    write_envelope(&scene.statement, scene.key, &scene.json);
    code = verify(&scene, ax_buf_str(&scene.json), NOW);
    scene_done(&scene);
    return code;
}

static void change_nothing(struct ax_statement *statement)
{
    (void)statement;
}

static void change_hash(struct ax_statement *statement)
{
    statement->content_hash.bytes[31] ^= 1;
}

static void change_size(struct ax_statement *statement)
{
    statement->size++;
}

static void change_expiry(struct ax_statement *statement)
{
    statement->expires_s = statement->created_s + 1;
}

TEST(envelope_well_signed_but_about_something_else_is_refused)
{
    T_OK(judge_statement(change_nothing));
    T_CODE(judge_statement(change_hash), AX_E_BUNDLE_REJECTED);
    T_CODE(judge_statement(change_size), AX_E_BUNDLE_REJECTED);
    T_CODE(judge_statement(change_expiry), AX_E_BUNDLE_REJECTED);
}

TEST(envelope_is_signed_by_a_trusted_key)
{
    AX_AUTO(ax_private_key_free) struct ax_private_key *stranger = NULL;
    AX_AUTO(ax_envelope_free) struct ax_envelope *envelope = NULL;
    AX_AUTO_BUF struct ax_buf json = { .max = 1u << 16 };
    struct scene scene;

    scene_begin(&scene, AX_KEY_ED25519);
    T_OK(ax_private_key_generate(AX_KEY_ED25519, &stranger, NULL));
    write_envelope(&scene.statement, stranger, &json);
    T_CODE(verify(&scene, ax_buf_str(&json), NOW), AX_E_BUNDLE_REJECTED);
    /* a trusted signature beside it is enough */
    T_OK(ax_envelope_parse(ax_buf_str(&json), &envelope, NULL));
    T_TRUE(ax_envelope_is_signed_by(envelope, ax_private_key_public(stranger)));
    T_FALSE(ax_envelope_is_signed_by(envelope, ax_private_key_public(scene.key)));
    T_OK(ax_envelope_sign(envelope, scene.key, NULL));
    T_OK(ax_envelope_sign(envelope, scene.key, NULL)); /* again: replaced, not added */
    T_EQ(ax_envelope_signature_count(envelope), 2);
    T_TRUE(ax_envelope_is_signed_by(envelope, ax_private_key_public(scene.key)));
    ax_buf_clear(&json);
    T_OK(ax_envelope_write(envelope, &json));
    T_OK(verify(&scene, ax_buf_str(&json), NOW));
    scene_done(&scene);
}

TEST(envelope_names_no_revoked_key_and_no_revoked_hash)
{
    AX_AUTO(ax_private_key_free) struct ax_private_key *other = NULL;
    AX_AUTO(ax_envelope_free) struct ax_envelope *envelope = NULL;
    AX_AUTO_BUF struct ax_buf json = { .max = 1u << 16 };
    struct ax_digest hash = ax_digest_of(AX_STR("bundle"));
    struct scene scene;

    scene_begin(&scene, AX_KEY_ED25519);
    T_OK(ax_private_key_generate(AX_KEY_P256, &other, NULL));
    T_OK(ax_envelope_parse(ax_buf_str(&scene.json), &envelope, NULL));
    T_OK(ax_envelope_sign(envelope, other, NULL));
    T_OK(ax_envelope_write(envelope, &json));
    T_OK(verify(&scene, ax_buf_str(&json), NOW));
    T_OK(ax_trust_revoke_key(scene.trust, ax_public_key_id(ax_private_key_public(other))));
    T_CODE(verify(&scene, ax_buf_str(&json), NOW), AX_E_BUNDLE_REVOKED);
    T_OK(verify(&scene, ax_buf_str(&scene.json), NOW)); /* the twin that does not name it */
    T_OK(ax_trust_revoke_hash(scene.trust, &hash));
    T_CODE(verify(&scene, ax_buf_str(&scene.json), NOW), AX_E_BUNDLE_REVOKED);
    scene_done(&scene);
}

TEST(envelope_by_a_key_whose_certificate_ended_counts_for_nothing)
{
    struct scene scene;
    struct ax_trust_key *key;
    AX_AUTO(ax_envelope_free) struct ax_envelope *envelope = NULL;

    scene_begin(&scene, AX_KEY_ED25519);
    scene.statement.expires_s = 0;
    ax_buf_clear(&scene.json);
    write_envelope(&scene.statement, scene.key, &scene.json);
    T_OK(ax_envelope_parse(ax_buf_str(&scene.json), &envelope, NULL));
    key = (struct ax_trust_key *)(uintptr_t)ax_trust_key(scene.trust, 0);
    key->not_after_s = NOW; /* as if it had come in a certificate */
    T_EQ(ax_envelope_judge(envelope, 0, scene.trust, NOW + 60), AX_SIGNATURE_GOOD);
    T_EQ(ax_envelope_judge(envelope, 0, scene.trust, NOW + 61), AX_SIGNATURE_EXPIRED_KEY);
    T_OK(verify(&scene, ax_buf_str(&scene.json), NOW + 60));
    T_CODE(verify(&scene, ax_buf_str(&scene.json), NOW + 61), AX_E_BUNDLE_REJECTED);
    scene_done(&scene);
}

/* Every bit of the text, payload and signature included. */
TEST(envelope_with_a_flipped_bit_is_refused)
{
    struct scene scene;

    scene_begin(&scene, AX_KEY_ED25519);
    for (size_t bit = 0; bit < 8 * (scene.json.len - 1); bit++) { /* its line feed means nothing */
        scene.json.ptr[bit / 8] ^= (char)(1 << bit % 8);
        T_CODE(verify(&scene, ax_buf_str(&scene.json), NOW), AX_E_BUNDLE_REJECTED);
        scene.json.ptr[bit / 8] ^= (char)(1 << bit % 8);
    }
    for (size_t len = 0; len < scene.json.len - 1; len++)
        T_CODE(verify(&scene, ax_str_make(scene.json.ptr, len), NOW), AX_E_BUNDLE_REJECTED);
    T_OK(verify(&scene, ax_buf_str(&scene.json), NOW));
    scene_done(&scene);
}

/* --- text of our own around the same parts --- */

/* {"payload":base64(payload),"payloadType":type,"signatures":signatures}, `more` before the end */
static void write_text(struct ax_buf *json, const char *payload, const char *type,
                       const char *signatures, const char *more)
{
    ax_buf_clear(json);
    ax_buf_printf(json, "{\"payload\":\"");
    T_OK(ax_base64_encode(json, ax_str_of(payload)));
    ax_buf_printf(json, "\",\"payloadType\":\"%s\",\"signatures\":%s%s}", type, signatures, more);
}

#define ZEROS_32 "0000000000000000000000000000000000000000000000000000000000000000"
#define SIG_64 \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
#define ONE  "[{\"keyid\":\"" ZEROS_32 "\",\"sig\":\"" SIG_64 "\"}]"
#define HASH "sha256:" ZEROS_32
#define PAYLOAD                                                                                 \
    "{\"purpose\":\"annex-bundle-v1\",\"name\":\"a.b\",\"version\":\"1.0.0\",\"content_hash\":" \
    "\"" HASH "\",\"size\":1,\"files\":{\"manifest.json\":\"" HASH "\"},\"created\":"           \
    "\"2026-01-01T00:00:00Z\"}"

static enum ax_code judge_text(const char *payload, const char *type, const char *signatures,
                               const char *more)
{
    AX_AUTO(ax_envelope_free) struct ax_envelope *envelope = NULL;
    AX_AUTO_BUF struct ax_buf json = { .max = 1u << 16 };

    write_text(&json, payload, type, signatures, more);
    return ax_envelope_parse(ax_buf_str(&json), &envelope, NULL);
}

TEST(envelope_has_exactly_its_members)
{
    T_OK(judge_text(PAYLOAD, AX_ENVELOPE_TYPE, ONE, ""));
    T_CODE(judge_text(PAYLOAD, "application/vnd.in-toto+json", ONE, ""), AX_E_INVALID_BUNDLE);
    T_CODE(judge_text(PAYLOAD, "", ONE, ""), AX_E_INVALID_BUNDLE);
    T_CODE(judge_text(PAYLOAD, AX_ENVELOPE_TYPE, ONE, ",\"x\":1"), AX_E_INVALID_BUNDLE);
    T_CODE(judge_text(PAYLOAD, AX_ENVELOPE_TYPE, ONE, ",\"payload\":\"e30=\""),
           AX_E_INVALID_BUNDLE);
    T_CODE(judge_text(PAYLOAD, AX_ENVELOPE_TYPE, ONE, ",\"signatures\":" ONE), AX_E_INVALID_BUNDLE);
    T_CODE(judge_text(PAYLOAD, AX_ENVELOPE_TYPE, ONE, "}{"), AX_E_INVALID_BUNDLE);
}

#define SIGNED(members) "[{" members "}]"

TEST(envelope_signatures_are_exact)
{
    static const char *const lists[] = {
        "[]",
        "{}",
        "null",
        "\"\"",
        "[null]",
        "[[]]",
        SIGNED(""),
        SIGNED("\"sig\":\"" SIG_64 "\""),
        SIGNED("\"keyid\":\"" ZEROS_32 "\""),
        SIGNED("\"keyid\":\"" ZEROS_32 "\",\"sig\":\"" SIG_64 "\",\"alg\":\"none\""),
        SIGNED("\"keyid\":\"" ZEROS_32 "\",\"sig\":\"\""),
        SIGNED("\"keyid\":\"" ZEROS_32 "\",\"sig\":null"),
        SIGNED("\"keyid\":\"" ZEROS_32 "\",\"sig\":\"AAAA" SIG_64 "\""),
        SIGNED("\"keyid\":\"" ZEROS_32 "\",\"sig\":\" " SIG_64 "\""),
        SIGNED("\"keyid\":\"" ZEROS_32 "0\",\"sig\":\"" SIG_64 "\""),
        SIGNED("\"keyid\":\"\",\"sig\":\"" SIG_64 "\""),
        SIGNED("\"keyid\":\"A" ZEROS_32 "\",\"sig\":\"" SIG_64 "\""),
        SIGNED("\"keyid\":\"" ZEROS_32 "\",\"sig\":\"" SIG_64 "\"},"
               "{\"keyid\":\"" ZEROS_32 "\",\"sig\":\"" SIG_64 "\""),
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(lists); i++)
        if (judge_text(PAYLOAD, AX_ENVELOPE_TYPE, lists[i], "") != AX_E_INVALID_BUNDLE)
            fail_msg("%s", lists[i]);
}

static enum ax_code judge_count(size_t count)
{
    AX_AUTO_BUF struct ax_buf list = { .max = 1u << 16 };

    for (size_t i = 0; i < count; i++)
        ax_buf_printf(&list, "%s{\"keyid\":\"%064zx\",\"sig\":\"" SIG_64 "\"}", i ? "," : "[", i);
    ax_buf_append(&list, "]", 2);
    return judge_text(PAYLOAD, AX_ENVELOPE_TYPE, list.ptr, "");
}

TEST(envelope_has_at_most_8_signatures_and_16_kib)
{
    AX_AUTO(ax_envelope_free) struct ax_envelope *envelope = NULL;
    AX_AUTO_BUF struct ax_buf json = { .max = 1u << 16 };

    T_OK(judge_count(7));
    T_OK(judge_count(8));
    T_CODE(judge_count(9), AX_E_INVALID_BUNDLE);
    write_text(&json, PAYLOAD, AX_ENVELOPE_TYPE, ONE, "");
    while (json.len < AX_ENVELOPE_BYTES_MAX)
        ax_buf_append_byte(&json, ' ');
    T_OK(ax_envelope_parse(ax_buf_str(&json), &envelope, NULL));
    ax_envelope_free(AX_TAKE(envelope));
    ax_buf_append_byte(&json, ' ');
    T_CODE(ax_envelope_parse(ax_buf_str(&json), &envelope, NULL), AX_E_TOO_BIG);
}

TEST(envelope_statement_is_exact)
{
    static const struct {
        const char *from, *to; /* in PAYLOAD */
        bool fine;
    } cases[] = {
        { "annex-bundle-v1", "annex-bundle-v1", true },
        { "annex-bundle-v1", "annex-bundle-v2", false },
        { "annex-bundle-v1", "registry-token", false },
        { "\"purpose\"", "\"Purpose\"", false },
        { "a.b", "com.acme", true },
        { "a.b", "acme", false },
        { "a.b", "A.b", false },
        { "1.0.0", "1.0.0-rc.1", true },
        { "1.0.0", "1.0", false },
        { "1.0.0", "1.0.*", false },
        { "\"size\":1", "\"size\":67108864", true },
        { "\"size\":1", "\"size\":67108865", false },
        { "\"size\":1", "\"size\":1.0", false },
        { "\"size\":1", "\"size\":-1", false },
        { "\"size\":1", "\"size\":\"1\"", false },
        { "hash\":\"sha256:0", "hash\":\"sha256:f", true },
        { "hash\":\"sha256:0", "hash\":\"sha256:F", false }, /* one spelling only */
        { "hash\":\"sha256:0", "hash\":\"SHA256:0", false },
        { "hash\":\"sha256:0", "hash\":\"0", false },
        { "hash\":\"sha256:0", "hash\":\"sha512:0", false },
        { "json\":\"sha256:0", "json\":\"sha256:", false },
        { "\"manifest.json\"", "\"manifest.yaml\"", false },
        { "{\"manifest.json\":\"" HASH "\"}", "{}", false },
        { "{\"manifest.json\":\"" HASH "\"}", "null", false },
        { "{\"manifest.json\"", "{\"entry.wasm\":\"" HASH "\",\"manifest.json\"", true },
        { "{\"manifest.json\"", "{\"other.wasm\":\"" HASH "\",\"manifest.json\"", false },
        { "{\"manifest.json\"", "{\"entry.wasm\":null,\"manifest.json\"", false },
        { "2026-01-01T00:00:00Z", "2026-02-30T00:00:00Z", false },
        { "2026-01-01T00:00:00Z", "2026-01-01T00:00:00+00:00", false },
        { "2026-01-01T00:00:00Z", "2026-01-01", false },
        { ",\"created\"", ",\"expires\":\"2026-01-01T00:00:01Z\",\"created\"", true },
        { ",\"created\"", ",\"expires\":\"2026-01-01T00:00:00Z\",\"created\"", false },
        { ",\"created\"", ",\"expires\":null,\"created\"", false },
        { ",\"created\"", ",\"expires\":\"\",\"created\"", false },
        { ",\"created\"", ",\"extra\":1,\"created\"", false },
        { ",\"created\"", ",\"name\":\"a.b\",\"created\"", false }, /* twice */
        { ",\"created\"", ",\"algorithm\":\"none\",\"created\"", false },
        { "\"created\":\"2026-01-01T00:00:00Z\"", "\"x\":1", false },
        { "Z\"}", "Z\"}x", false },
        { "Z\"}", "Z\"", false },
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(cases); i++) {
        AX_AUTO_BUF struct ax_buf payload = { .max = 1u << 16 };
        const char *at = strstr(PAYLOAD, cases[i].from);

        T_TRUE(at != NULL);
        ax_buf_printf(&payload, "%.*s%s%s", (int)(at - PAYLOAD), PAYLOAD, cases[i].to,
                      at + strlen(cases[i].from));
        ax_buf_append_byte(&payload, '\0');
        if ((judge_text(payload.ptr, AX_ENVELOPE_TYPE, ONE, "") == AX_OK) != cases[i].fine)
            fail_msg("'%s' for '%s'", cases[i].to, cases[i].from);
    }
}

TEST(envelope_is_not_made_of_what_could_not_be_read)
{
    struct ax_statement statement = a_statement();
    struct ax_envelope *envelope = NULL;

    snprintf(statement.name, sizeof(statement.name), "acme");
    T_CODE(ax_envelope_new(&statement, &envelope, NULL), AX_E_INVALID_REQUEST);
    statement = a_statement();
    statement.expires_s = statement.created_s;
    T_CODE(ax_envelope_new(&statement, &envelope, NULL), AX_E_INVALID_REQUEST);
}

/* The signature covers the encoding of type and payload with their lengths, not the payload alone. */
TEST(envelope_signs_dsse_s_encoding)
{
    AX_AUTO(ax_envelope_free) struct ax_envelope *envelope = NULL;
    AX_AUTO(ax_json_free) struct ax_json *json = NULL;
    struct ax_json_limits limits = { .bytes_max = 1u << 16 };
    AX_AUTO_BUF struct ax_buf payload = { .max = 1u << 16 };
    AX_AUTO_BUF struct ax_buf message = { .max = 1u << 16 };
    AX_AUTO_BUF struct ax_buf signature = { .max = 1u << 16 };
    const struct ax_json_value *first = NULL;
    struct ax_json_iter it;
    struct scene scene;

    scene_begin(&scene, AX_KEY_ED25519);
    T_OK(ax_json_parse(ax_buf_str(&scene.json), &limits, &json, NULL));
    T_OK(ax_base64_decode(&payload, ax_json_str(ax_json_get(ax_json_root(json), "payload"))));
    it = ax_json_iter(ax_json_get(ax_json_root(json), "signatures"));
    T_TRUE(ax_json_next(&it));
    first = it.value;
    T_OK(ax_base64_decode(&signature, ax_json_str(ax_json_get(first, "sig"))));
    ax_buf_printf(&message, "DSSEv1 33 application/vnd.annex.bundle+json %zu %.*s", payload.len,
                  (int)payload.len, payload.ptr);
    T_TRUE(ax_public_key_verify(ax_private_key_public(scene.key), ax_buf_str(&message),
                                ax_buf_str(&signature)));
    T_FALSE(ax_public_key_verify(ax_private_key_public(scene.key), ax_buf_str(&payload),
                                 ax_buf_str(&signature)));
    scene_done(&scene);
}

TEST(envelope_survives_every_refused_allocation)
{
    struct scene scene;

    ax_fault_arm(0);
    scene_begin(&scene, AX_KEY_ED25519);
    T_SWEEP() {
        enum ax_code code = verify(&scene, ax_buf_str(&scene.json), NOW);

        T_TRUE(code == AX_OK || code == AX_E_NO_MEMORY || code == AX_E_BUNDLE_REJECTED);
    }
    scene_done(&scene);
}

TEST_MAIN()

/* SPDX-License-Identifier: Apache-2.0 */
/* trust_test.c - whose signature counts? */
#include "bundle/trust.h"

#include "base/test.h"

#include <stdlib.h>
#include <unistd.h>

/* Ends 2030-01-03T15:29:49Z. */
#define CERTIFICATE                                                      \
    "-----BEGIN CERTIFICATE-----\n"                                      \
    "MIIBPjCB8aADAgECAhQf1DDzit9UtywhFabgdyjltf7AljAFBgMrZXAwFTETMBEG\n" \
    "A1UEAwwKYW5uZXgtdGVzdDAeFw0yNjExMjIxNTI5NDlaFw0zMDAxMDMxNTI5NDla\n" \
    "MBUxEzARBgNVBAMMCmFubmV4LXRlc3QwKjAFBgMrZXADIQBQql6EGtestltUrToc\n" \
    "XHBibYFtK6SjVj3jbbO0GnsezaNTMFEwHQYDVR0OBBYEFL6SHtuRYd82aajQ07h9\n" \
    "U0QqCqQXMB8GA1UdIwQYMBaAFL6SHtuRYd82aajQ07h9U0QqCqQXMA8GA1UdEwEB\n" \
    "/wQFMAMBAf8wBQYDK2VwA0EAeAylsGfAyc+YzgH3YQqTjiPsCK2va0VeubfidvRb\n" \
    "XT5O6S8HrItFDB0jvpU9A8p1YSkx9P/wRXAorHj1/SJMBQ==\n"                 \
    "-----END CERTIFICATE-----\n"
/* The same key without its certificate. */
#define BARE_KEY                                                     \
    "-----BEGIN PUBLIC KEY-----\n"                                   \
    "MCowBQYDK2VwAyEAUKpehBrXrLZbVK06HFxwYm2BbSuko1Y9422ztBp7Hs0=\n" \
    "-----END PUBLIC KEY-----\n"
#define KEY_ID "5c2b60852fa7810eec78a3308bfae2f2f8a48741d227c7253fb56124ef781934"

static void append_key(struct ax_buf *pem, enum ax_key_type type)
{
    AX_AUTO(ax_private_key_free) struct ax_private_key *key = NULL;

    T_OK(ax_private_key_generate(type, &key, NULL));
    T_OK(ax_public_key_to_pem(ax_private_key_public(key), pem));
}

TEST(trust_reads_keys_and_certificates)
{
    AX_AUTO(ax_trust_free) struct ax_trust *trust = NULL;
    AX_AUTO_BUF struct ax_buf pem = { .max = AX_TRUST_BYTES_MAX };

    ax_buf_printf(&pem, "our platform's keys\n%s", CERTIFICATE);
    append_key(&pem, AX_KEY_ED25519);
    append_key(&pem, AX_KEY_P256);
    T_OK(ax_trust_parse(ax_buf_str(&pem), &trust, NULL));
    T_EQ(ax_trust_key_count(trust), 3);
    T_EQ(ax_trust_key(trust, 0)->not_after_s, 1893684589);
    T_TRUE(ax_trust_key(trust, 1)->not_after_s == INT64_MAX);
    T_EQ(ax_public_key_type(ax_trust_key(trust, 2)->key), AX_KEY_P256);
    T_TRUE(ax_trust_find(trust, AX_STR(KEY_ID)) == ax_trust_key(trust, 0));
    T_TRUE(ax_trust_find(trust, AX_STR("5c2b")) == NULL);
}

static enum ax_code judge(const char *pem, struct ax_err *err)
{
    AX_AUTO(ax_trust_free) struct ax_trust *trust = NULL;

    return ax_trust_parse(ax_str_of(pem), &trust, err);
}

TEST(trust_refuses_the_whole_for_one_bad_block)
{
    static const char *const texts[] = {
        "",
        "no keys at all\n",
        BARE_KEY BARE_KEY,
        CERTIFICATE BARE_KEY, /* one key under two names */
        BARE_KEY "-----BEGIN PRIVATE KEY-----\nYWJj\n-----END PRIVATE KEY-----\n",
        BARE_KEY "-----BEGIN RSA PUBLIC KEY-----\nYWJj\n-----END RSA PUBLIC KEY-----\n",
        BARE_KEY "-----BEGIN PUBLIC KEY-----\nYWJj\n-----END PUBLIC KEY-----\n",
        BARE_KEY "-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n",
        BARE_KEY "-----BEGIN PUBLIC KEY-----\n",
        /* a point of small order */
        "-----BEGIN PUBLIC KEY-----\n"
        "MCowBQYDK2VwAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
        "-----END PUBLIC KEY-----\n",
    };

    T_OK(judge(BARE_KEY, NULL));
    T_OK(judge(CERTIFICATE, NULL));
    for (size_t i = 0; i < AX_ARRAY_LEN(texts); i++) {
        struct ax_err err = { .message = "" };

        T_CODE(judge(texts[i], &err), AX_E_INVALID_REQUEST);
        T_TRUE(err.message[0] != '\0');
    }
}

TEST(trust_holds_64_keys)
{
    AX_AUTO_BUF struct ax_buf pem = { .max = AX_TRUST_BYTES_MAX + 1 };
    AX_AUTO(ax_trust_free) struct ax_trust *trust = NULL;

    for (size_t i = 0; i < AX_TRUST_KEYS_MAX; i++)
        append_key(&pem, AX_KEY_ED25519);
    T_OK(ax_trust_parse(ax_buf_str(&pem), &trust, NULL));
    ax_trust_free(AX_TAKE(trust));
    append_key(&pem, AX_KEY_ED25519);
    T_CODE(ax_trust_parse(ax_buf_str(&pem), &trust, NULL), AX_E_INVALID_REQUEST);
    ax_buf_clear(&pem);
    ax_buf_append_str(&pem, AX_STR(BARE_KEY));
    while (pem.len < AX_TRUST_BYTES_MAX)
        ax_buf_append_byte(&pem, '\n');
    T_OK(ax_trust_parse(ax_buf_str(&pem), &trust, NULL));
    ax_trust_free(AX_TAKE(trust));
    ax_buf_append_byte(&pem, '\n');
    T_CODE(ax_trust_parse(ax_buf_str(&pem), &trust, NULL), AX_E_INVALID_REQUEST);
}

TEST(trust_knows_what_was_revoked)
{
    AX_AUTO(ax_trust_free) struct ax_trust *trust = ax_trust_new_empty();
    struct ax_digest hash = ax_digest_of(AX_STR("a bundle"));
    struct ax_digest other = ax_digest_of(AX_STR("another"));

    T_EQ(ax_trust_key_count(trust), 0);
    T_FALSE(ax_trust_is_key_revoked(trust, AX_STR(KEY_ID)));
    T_FALSE(ax_trust_is_hash_revoked(trust, &hash));
    for (int twice = 0; twice < 2; twice++) {
        T_OK(ax_trust_revoke_key(trust, AX_STR(KEY_ID)));
        T_OK(ax_trust_revoke_hash(trust, &hash));
    }
    T_TRUE(ax_trust_is_key_revoked(trust, AX_STR(KEY_ID)));
    T_TRUE(ax_trust_is_hash_revoked(trust, &hash));
    T_FALSE(ax_trust_is_hash_revoked(trust, &other));
    T_CODE(ax_trust_revoke_key(trust, AX_STR("5c2b")), AX_E_INVALID_REQUEST);
    T_CODE(ax_trust_revoke_key(trust, AX_STR("")), AX_E_INVALID_REQUEST);
}

TEST(trust_comes_from_text_or_from_a_file)
{
    char path[] = "/tmp/trust_test.XXXXXX";
    AX_AUTO(ax_trust_free) struct ax_trust *trust = NULL;
    int fd = mkstemp(path);

    T_TRUE(fd >= 0);
    T_EQ(write(fd, BARE_KEY, sizeof(BARE_KEY) - 1), (ssize_t)sizeof(BARE_KEY) - 1);
    close(fd);
    T_OK(ax_trust_load(ax_str_of(path), &trust, NULL));
    T_EQ(ax_trust_key_count(trust), 1);
    ax_trust_free(AX_TAKE(trust));
    unlink(path);
    T_CODE(ax_trust_load(ax_str_of(path), &trust, NULL), AX_E_IO);
    T_OK(ax_trust_load(AX_STR("\n" BARE_KEY), &trust, NULL));
    ax_trust_free(AX_TAKE(trust));
    T_CODE(ax_trust_load(AX_STR(""), &trust, NULL), AX_E_IO);
}

TEST_MAIN()

/* SPDX-License-Identifier: Apache-2.0 */
/* sign.c - annex sign: how does a publisher vouch for a bundle? */
#include "cli/cli.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SIGN_DAYS_MAX 36500
#define SIGN_DAY_S    86400

struct sign {
    const char *bundle_path;
    const char *key_path;
    const char *expires;
    char *envelope_path;
    struct ax_private_key *key;
    struct ax_envelope *envelope;
    bool added; /* to an envelope that was there */
};

/* "2027-01-02T03:04:05Z", or "90d" from `now_s`. */
static bool sign_parse_expires(const char *text, int64_t now_s, int64_t *ret_expires_s)
{
    struct ax_str str = ax_str_of(text);
    uint64_t days = 0;

    if (ax_str_ends(str, AX_STR("d")) &&
        ax_str_to_u64(ax_str_sub(str, 0, str.len - 1), SIGN_DAYS_MAX, &days) && days > 0) {
        *ret_expires_s = now_s + (int64_t)days * SIGN_DAY_S;
        return true;
    }
    return ax_clock_parse(str, ret_expires_s) && *ret_expires_s > now_s;
}

static enum ax_code sign_read_key(struct sign *sign, struct ax_err *err)
{
    struct ax_buf text = { .max = AX_KEY_PEM_MAX };
    enum ax_code code = cli_read_file(sign->key_path, &text, err);

    if (code == AX_OK) {
        code = ax_private_key_from_pem(ax_buf_str(&text), &sign->key, err);
        if (code != AX_OK)
            code = ax_err_wrap(err, code, "%s", sign->key_path);
    }
    ax_buf_wipe(&text);
    return code;
}

/* What the bundle is, measured now; created_s and expires_s are the caller's. */
static enum ax_code sign_measure(const struct sign *sign, struct ax_statement *ret_statement,
                                 struct ax_err *err)
{
    AX_AUTO(ax_bundle_free) struct ax_bundle *bundle = NULL;
    AX_AUTO_FD int fd = -1;
    struct ax_digest hash;
    uint64_t size = 0;
    enum ax_code code = cli_open_bundle(sign->bundle_path, &fd, &size, &hash, err);

    if (code == AX_OK)
        code = ax_bundle_read(fd, size, NULL, NULL, &bundle, err);
    if (code == AX_OK)
        ax_bundle_statement(bundle, &hash, size, ret_statement);
    return code;
}

static bool sign_is_about(const struct ax_statement *a, const struct ax_statement *b)
{
    return ax_digest_eq(&a->content_hash, &b->content_hash) && a->size == b->size &&
           strcmp(a->name, b->name) == 0 && strcmp(a->version, b->version) == 0 &&
           ax_digest_eq(&a->manifest, &b->manifest) && a->has_entry == b->has_entry &&
           ax_digest_eq(&a->entry, &b->entry);
}

/* Opens the envelope that is there, or makes a new one. */
static enum ax_code sign_open_envelope(struct sign *sign, struct ax_statement *statement,
                                       struct ax_err *err)
{
    int64_t now_s = ax_clock_wall_s();
    enum ax_code code;

    if (access(sign->envelope_path, F_OK) < 0) {
        statement->created_s = now_s;
        if (sign->expires && !sign_parse_expires(sign->expires, now_s, &statement->expires_s))
            return ax_err_set(err, AX_E_INVALID_REQUEST,
                              "--expires is a time to come such as 2030-01-02T03:04:05Z, or 90d");
        return ax_envelope_new(statement, &sign->envelope, err);
    }
    code = cli_read_envelope(sign->envelope_path, &sign->envelope, err);
    if (code != AX_OK)
        return ax_err_wrap(err, code, "%s", sign->envelope_path);
    if (!sign_is_about(ax_envelope_statement(sign->envelope), statement))
        return ax_err_set(err, AX_E_CONFLICT,
                          "%s is there already and is about another bundle: remove it, or use -o",
                          sign->envelope_path);
    if (sign->expires)
        return ax_err_set(err, AX_E_CONFLICT,
                          "%s is there already, and its expiry is signed: remove it, or use -o",
                          sign->envelope_path);
    sign->added = true;
    return AX_OK;
}

static enum ax_code sign_run(struct sign *sign, struct ax_err *err)
{
    AX_AUTO_BUF struct ax_buf text = { .max = AX_ENVELOPE_BYTES_MAX };
    struct ax_statement statement;
    enum ax_code code = sign_read_key(sign, err);

    if (code == AX_OK)
        code = sign_measure(sign, &statement, err);
    if (code == AX_OK)
        code = sign_open_envelope(sign, &statement, err);
    if (code == AX_OK)
        code = ax_envelope_sign(sign->envelope, sign->key, err);
    if (code != AX_OK)
        return code;
    if (ax_envelope_write(sign->envelope, &text) != AX_OK)
        return ax_err_set(err, text.failed, "the envelope would be too large");
    return cli_replace_file(sign->envelope_path, ax_buf_str(&text), err);
}

static enum cli_exit sign_print(const struct cli *cli, const struct sign *sign)
{
    const struct ax_statement *statement = ax_envelope_statement(sign->envelope);
    struct ax_str id = ax_public_key_id(ax_private_key_public(sign->key));
    size_t count = ax_envelope_signature_count(sign->envelope);
    AX_AUTO_BUF struct ax_buf buf = { .max = CLI_JSON_MAX };
    char text[AX_DIGEST_TEXT_LEN + 1];
    struct ax_json_out out;

    ax_digest_print(&statement->content_hash, text);
    if (!cli->json) {
        printf("%s %s: signed by %.*s\n%s: %zu signature%s\n%s\n", statement->name,
               statement->version, AX_STR_FMT(id), sign->envelope_path, count,
               count == 1 ? "" : "s", text);
        return CLI_DONE;
    }
    ax_json_out_init(&out, &buf);
    ax_json_begin_object(&out);
    cli_put(&out, "envelope", ax_str_of(sign->envelope_path));
    cli_put(&out, "key_id", id);
    cli_put(&out, "name", ax_str_of(statement->name));
    cli_put(&out, "version", ax_str_of(statement->version));
    cli_put(&out, "content_hash", ax_str_of(text));
    cli_put_time(&out, "expires", statement->expires_s);
    ax_json_key(&out, "signatures");
    ax_json_put_u64(&out, count);
    ax_json_key(&out, "added");
    ax_json_put_bool(&out, sign->added);
    ax_json_end_object(&out);
    return cli_print_json(cli, &buf);
}

enum cli_exit cli_sign(struct cli *cli, int argc, char *const argv[])
{
    struct sign sign = { .bundle_path = NULL };
    const char *path = NULL;
    const struct cli_flag flags[] = {
        { "--key", "-k", &sign.key_path },
        { "--expires", NULL, &sign.expires },
        { "--out", "-o", &path },
    };
    struct ax_err err = { .code = AX_OK };
    enum cli_exit result;

    if (!cli_parse(cli, argc, argv, flags, AX_ARRAY_LEN(flags), 1, 1, &result))
        return result;
    if (!sign.key_path)
        return cli_misuse(cli, "--key names the private key, and is missing");
    sign.bundle_path = cli->arguments[0];
    sign.envelope_path = path ? ax_strdup(ax_str_of(path))
                              : cli_sibling(sign.bundle_path, ".tar.zst", ".dsse.json");
    result = sign_run(&sign, &err) == AX_OK ? sign_print(cli, &sign)
                                            : cli_fail(cli, &err, sign.bundle_path, NULL);
    ax_envelope_free(sign.envelope);
    ax_private_key_free(sign.key);
    free(sign.envelope_path);
    return result;
}

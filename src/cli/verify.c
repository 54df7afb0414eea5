/* SPDX-License-Identifier: Apache-2.0 */
/* verify.c - annex verify: would a runner that trusts these keys load this bundle, and why not?
 * The verdict is that of ax_bundle_verify() and ax_bundle_read(), which the runner calls; the lines
 * before it say how each check came out. */
#include "cli/cli.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define VERIFY_CHECKS_MAX 24

struct verify_check {
    const char *name;
    enum { VERIFY_OK, VERIFY_NO, VERIFY_NOT_ASKED } state;
    char words[160];
};

struct verify {
    const char *bundle_path;
    const char *trust_value;
    const char *envelope_path;
    const char *revoked;
    struct verify_check checks[VERIFY_CHECKS_MAX];
    size_t count;
    struct ax_trust *trust;
    struct ax_envelope *envelope;
    struct ax_bundle *bundle;
    struct ax_digest hash;
    uint64_t size;
    int fd;
};

AX_FORMAT(4, 5)
static void verify_note(struct verify *verify, const char *name, bool good, const char *fmt, ...)
{
    struct verify_check *check = &verify->checks[verify->count++];
    va_list args;

    check->name = name;
    check->state = good ? VERIFY_OK : VERIFY_NO;
    va_start(args, fmt);
    vsnprintf(check->words, sizeof(check->words), fmt, args);
    va_end(args);
}

static void verify_skip(struct verify *verify, const char *name, const char *words)
{
    verify_note(verify, name, true, "%s", words);
    verify->checks[verify->count - 1].state = VERIFY_NOT_ASKED;
}

static void verify_note_statement(struct verify *verify, int64_t now_s)
{
    const struct ax_statement *statement = ax_envelope_statement(verify->envelope);
    bool fresh = statement->expires_s == 0 || now_s - AX_TRUST_SKEW_S <= statement->expires_s;
    char measured[AX_DIGEST_TEXT_LEN + 1];
    char time[AX_RFC3339_LEN + 1] = "never";

    ax_digest_print(&verify->hash, measured);
    if (statement->expires_s != 0)
        ax_clock_format(statement->expires_s, time);
    verify_note(verify, "content hash", ax_digest_eq(&verify->hash, &statement->content_hash),
                "the bundle's is %s", measured);
    verify_note(verify, "size", verify->size == statement->size,
                "%" PRIu64 " bytes, signed %" PRIu64, verify->size, statement->size);
    verify_note(verify, "expiry", fresh, "%s", time);
}

static void verify_note_signatures(struct verify *verify, int64_t now_s)
{
    size_t good = 0;

    for (size_t i = 0; i < ax_envelope_signature_count(verify->envelope); i++) {
        enum ax_signature_state state = ax_envelope_judge(verify->envelope, i, verify->trust,
                                                          now_s);

        good += state == AX_SIGNATURE_GOOD;
        if (state == AX_SIGNATURE_UNKNOWN_KEY || state == AX_SIGNATURE_EXPIRED_KEY)
            verify_skip(verify, "signature", "");
        else
            verify_note(verify, "signature", state == AX_SIGNATURE_GOOD, "%s", "");
        snprintf(verify->checks[verify->count - 1].words, sizeof(verify->checks[0].words),
                 "by %.*s: %s", AX_STR_FMT(ax_envelope_key_id(verify->envelope, i)),
                 ax_signature_state_words(state));
    }
    verify_note(verify, "trusted signature", good > 0, "%zu of %zu", good,
                ax_envelope_signature_count(verify->envelope));
}

/* What may be looked into before anything is decompressed. */
static enum ax_code verify_outside(struct verify *verify, struct ax_statement *ret_statement,
                                   struct ax_err *err)
{
    AX_AUTO_BUF struct ax_buf text = { .max = AX_ENVELOPE_BYTES_MAX };
    int64_t now_s = ax_clock_wall_s();
    enum ax_code code = cli_read_file(verify->envelope_path, &text, err);

    if (code == AX_E_NOT_FOUND) {
        verify_note(verify, "envelope", false, "there is none: nobody signed the bundle");
        return ax_err_set(err, AX_E_BUNDLE_REJECTED, "there is no envelope: %s",
                          verify->envelope_path);
    }
    if (code != AX_OK)
        return code;
    code = ax_envelope_parse(ax_buf_str(&text), &verify->envelope, err);
    verify_note(verify, "envelope", code == AX_OK, "%s",
                code == AX_OK ? "well-formed" : err->message);
    if (code == AX_OK) {
        verify_note_statement(verify, now_s);
        verify_note_signatures(verify, now_s);
    }
    return ax_bundle_verify(&verify->hash, verify->size, ax_buf_str(&text), verify->trust, now_s,
                            ret_statement, err);
}

static enum ax_code verify_run(struct verify *verify, struct ax_err *err)
{
    struct ax_statement statement;
    enum ax_code code = ax_trust_load(ax_str_of(verify->trust_value), &verify->trust, err);

    if (code == AX_OK && verify->revoked &&
        ax_trust_revoke_key(verify->trust, ax_str_of(verify->revoked)) != AX_OK)
        code = ax_err_set(err, AX_E_INVALID_REQUEST, "--revoked is not a key id");
    if (code == AX_OK)
        code = cli_open_bundle(verify->bundle_path, &verify->fd, &verify->size, &verify->hash, err);
    if (code == AX_OK)
        code = verify_outside(verify, &statement, err);
    if (code != AX_OK) {
        if (verify->count > 0)
            verify_skip(verify, "contents", "not opened: the checks before did not pass");
        return code;
    }
    code = ax_bundle_read(verify->fd, verify->size, &statement, NULL, &verify->bundle, err);
    verify_note(verify, "contents", code == AX_OK, "%s",
                code == AX_OK ? "archive, manifest and signed digests agree" : err->message);
    return code == AX_OK || code == AX_E_IO || code == AX_E_NO_MEMORY || code == AX_E_BUNDLE_REVOKED
               ? code
               : ax_err_wrap(err, AX_E_BUNDLE_REJECTED, "contents");
}

static const char *verify_mark(const struct verify_check *check)
{
    return check->state == VERIFY_OK ? "ok" : check->state == VERIFY_NO ? "NO" : "--";
}

static enum cli_exit verify_print_json(const struct cli *cli, const struct verify *verify,
                                       enum ax_code code, const struct ax_err *err)
{
    AX_AUTO_BUF struct ax_buf buf = { .max = CLI_JSON_MAX };
    struct ax_json_out out;
    enum cli_exit result;

    ax_json_out_init(&out, &buf);
    ax_json_begin_object(&out);
    ax_json_key(&out, "verified");
    ax_json_put_bool(&out, code == AX_OK);
    cli_put_digest(&out, "content_hash", &verify->hash);
    ax_json_key(&out, "checks");
    ax_json_begin_array(&out);
    for (size_t i = 0; i < verify->count; i++) {
        ax_json_begin_object(&out);
        cli_put(&out, "check", ax_str_of(verify->checks[i].name));
        cli_put(&out, "result",
                verify->checks[i].state == VERIFY_OK   ? AX_STR("ok")
                : verify->checks[i].state == VERIFY_NO ? AX_STR("failed")
                                                       : AX_STR("skipped"));
        cli_put(&out, "words", ax_str_of(verify->checks[i].words));
        ax_json_end_object(&out);
    }
    ax_json_end_array(&out);
    if (code != AX_OK) {
        ax_json_key(&out, "error");
        ax_json_begin_object(&out);
        cli_put(&out, "code", ax_str_of(ax_code_info(code)->name));
        cli_put(&out, "message", ax_str_of(err->message));
        ax_json_end_object(&out);
    }
    ax_json_end_object(&out);
    result = cli_print_json(cli, &buf);
    return result == CLI_DONE && code != AX_OK ? CLI_NOT_VERIFIED : result;
}

static enum cli_exit verify_print(const struct cli *cli, const struct verify *verify,
                                  enum ax_code code, const struct ax_err *err)
{
    for (size_t i = 0; i < verify->count; i++)
        printf("%s  %-18s %s\n", verify_mark(&verify->checks[i]), verify->checks[i].name,
               verify->checks[i].words);
    if (code != AX_OK) {
        fflush(stdout);
        return cli_fail(cli, err, verify->bundle_path,
                        "get the bundle and its envelope from their publisher again, or see "
                        "whether --trust is the right one");
    }
    printf("verified: %.*s %.*s\n",
           AX_STR_FMT(ax_manifest_name(ax_bundle_manifest(verify->bundle))),
           AX_STR_FMT(ax_manifest_version(ax_bundle_manifest(verify->bundle))));
    return CLI_DONE;
}

enum cli_exit cli_verify(struct cli *cli, int argc, char *const argv[])
{
    struct verify verify = { .fd = -1 };
    const struct cli_flag flags[] = {
        { "--trust", "-t", &verify.trust_value },
        { "--envelope", "-e", &verify.envelope_path },
        { "--revoked", NULL, &verify.revoked },
    };
    AX_AUTO_FREE char *beside = NULL;
    struct ax_err err = { .code = AX_OK };
    enum cli_exit result;
    enum ax_code code;

    if (!cli_parse(cli, argc, argv, flags, AX_ARRAY_LEN(flags), 1, 1, &result))
        return result;
    if (!verify.trust_value)
        return cli_misuse(cli, "--trust names the PEM file of trusted keys, and is missing");
    verify.bundle_path = cli->arguments[0];
    beside = cli_sibling(verify.bundle_path, ".tar.zst", ".dsse.json");
    if (!verify.envelope_path)
        verify.envelope_path = beside;
    code = verify_run(&verify, &err);
    if (code != AX_OK && verify.count == 0)
        result = cli_fail(cli, &err, NULL, NULL);
    else
        result = cli->json ? verify_print_json(cli, &verify, code, &err)
                           : verify_print(cli, &verify, code, &err);
    ax_bundle_free(verify.bundle);
    ax_envelope_free(verify.envelope);
    ax_trust_free(verify.trust);
    ax_fd_close(&verify.fd);
    return result;
}

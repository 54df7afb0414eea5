/* SPDX-License-Identifier: Apache-2.0 */
/* cli.c - how does a command hear and speak? */
#include "cli/cli.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

enum cli_exit cli_misuse(const struct cli *cli, const char *what)
{
    fprintf(stderr, "annex %s: %s\nusage: %s [--json]\n", cli->command, what, cli->usage);
    return CLI_USAGE;
}

/* The flag that `argument` names; *ret_inline is what follows its "=", or NULL. */
static const struct cli_flag *flag_find(const struct cli_flag *flags, size_t count,
                                        const char *argument, const char **ret_inline)
{
    struct ax_str rest = ax_str_of(argument);
    struct ax_str name = ax_str_cut(&rest, '=');

    *ret_inline = rest.ptr;
    for (size_t i = 0; i < count; i++) {
        if (ax_str_eq(name, ax_str_of(flags[i].name)))
            return &flags[i];
        if (flags[i].short_name && strcmp(argument, flags[i].short_name) == 0) {
            *ret_inline = NULL;
            return &flags[i];
        }
    }
    return NULL;
}

/* Takes argv[*at], and its value if it has one. False: a mistake, *ret_what says which. */
static bool cli_take(struct cli *cli, int argc, char *const argv[], int *at,
                     const struct cli_flag *flags, size_t flag_count, const char **ret_what)
{
    const char *argument = argv[*at];
    const char *value = NULL;
    const struct cli_flag *flag;

    if (argument[0] != '-' || strcmp(argument, "-") == 0) {
        if (cli->argument_count == CLI_ARGUMENTS_MAX) {
            *ret_what = "there are too many arguments";
            return false;
        }
        cli->arguments[cli->argument_count++] = argument;
        return true;
    }
    if (strcmp(argument, "--json") == 0) {
        cli->json = true;
        return true;
    }
    flag = flag_find(flags, flag_count, argument, &value);
    if (!flag) {
        *ret_what = "there is an unknown flag";
        return false;
    }
    if (!value && *at + 1 < argc)
        value = argv[++*at];
    if (!value || *flag->value) {
        *ret_what = value ? "a flag is given twice" : "a flag lacks its value";
        return false;
    }
    *flag->value = value;
    return true;
}

bool cli_parse(struct cli *cli, int argc, char *const argv[], const struct cli_flag *flags,
               size_t flag_count, size_t least, size_t most, enum cli_exit *ret_exit)
{
    const char *what = NULL;

    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            printf("usage: %s [--json]\n", cli->usage);
            *ret_exit = CLI_DONE;
            return false;
        }
        if (!cli_take(cli, argc, argv, &i, flags, flag_count, &what)) {
            *ret_exit = cli_misuse(cli, what);
            return false;
        }
    }
    if (cli->argument_count < least || cli->argument_count > most) {
        *ret_exit = cli_misuse(cli, cli->argument_count < least ? "an argument is missing"
                                                                : "there are too many arguments");
        return false;
    }
    return true;
}

static void fail_json(const struct cli *cli, const struct ax_err *err, const char *where,
                      const char *next)
{
    AX_AUTO_BUF struct ax_buf buf = { .max = CLI_JSON_MAX };
    struct ax_json_out out;

    ax_json_out_init(&out, &buf);
    ax_json_begin_object(&out);
    ax_json_key(&out, "error");
    ax_json_begin_object(&out);
    cli_put(&out, "code", ax_str_of(ax_code_info(err->code)->name));
    cli_put(&out, "message", ax_str_of(err->message));
    if (err->pointer[0])
        cli_put(&out, "pointer", ax_str_of(err->pointer));
    if (where)
        cli_put(&out, "where", ax_str_of(where));
    if (next)
        cli_put(&out, "next", ax_str_of(next));
    ax_json_end_object(&out);
    ax_json_end_object(&out);
    cli_print_json(cli, &buf);
}

enum cli_exit cli_fail(const struct cli *cli, const struct ax_err *err, const char *where,
                       const char *next)
{
    bool refused = err->code == AX_E_BUNDLE_REJECTED || err->code == AX_E_BUNDLE_REVOKED;

    if (cli->json) {
        fail_json(cli, err, where, next);
    } else {
        fprintf(stderr, "annex %s: %s\n", cli->command, err->message);
        if (where)
            fprintf(stderr, "  in: %s\n", where);
        if (err->pointer[0])
            fprintf(stderr, "  at: %s\n", err->pointer);
        if (next)
            fprintf(stderr, "  next: %s\n", next);
    }
    return refused ? CLI_NOT_VERIFIED : CLI_FAILED;
}

enum cli_exit cli_print_json(const struct cli *cli, const struct ax_buf *buf)
{
    if (buf->failed != AX_OK) {
        fprintf(stderr, "annex %s: the answer is too large\n", cli->command);
        return CLI_FAILED;
    }
    printf("%.*s\n", (int)buf->len, buf->ptr);
    return CLI_DONE;
}

void cli_size(uint64_t size, char room[24])
{
    if (size < 10240)
        snprintf(room, 24, "%llu B", (unsigned long long)size);
    else if (size < (10u << 20))
        snprintf(room, 24, "%.1f KiB", (double)size / 1024);
    else
        snprintf(room, 24, "%.1f MiB", (double)size / (1 << 20));
}

void cli_put(struct ax_json_out *out, const char *key, struct ax_str value)
{
    ax_json_key(out, key);
    ax_json_put_str(out, value);
}

void cli_put_digest(struct ax_json_out *out, const char *key, const struct ax_digest *digest)
{
    char text[AX_DIGEST_TEXT_LEN + 1];

    ax_digest_print(digest, text);
    cli_put(out, key, ax_str_of(text));
}

void cli_put_time(struct ax_json_out *out, const char *key, int64_t unix_s)
{
    char text[AX_RFC3339_LEN + 1];

    ax_json_key(out, key);
    if (unix_s == 0) {
        ax_json_put_null(out);
        return;
    }
    ax_clock_format(unix_s, text);
    ax_json_put_str(out, ax_str_of(text));
}

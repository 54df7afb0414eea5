/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - which command was meant? */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

struct command {
    const char *group; /* first word of two, or NULL */
    const char *name;
    enum cli_exit (*run)(struct cli *cli, int argc, char *const argv[]);
    const char *usage;
    const char *words;
};

static const struct command commands[] = {
    { "keys", "new", cli_keys_new, "annex keys new --out DIR|FILE [--type ed25519|p256]",
      "makes a key pair for signing" },
    { NULL, "pack", cli_pack, "annex pack DIR [-o bundle.tar.zst]",
      "checks a folder's manifest and packs it into a bundle" },
    { NULL, "sign", cli_sign, "annex sign BUNDLE --key FILE [--expires TIME|DAYSd] [-o ENVELOPE]",
      "signs a bundle, or adds a signature to its envelope" },
    { NULL, "verify", cli_verify,
      "annex verify BUNDLE --trust FILE [--envelope ENVELOPE] [--revoked KEYID]",
      "explains every check that a runner makes" },
    { NULL, "inspect", cli_inspect, "annex inspect BUNDLE [--envelope ENVELOPE]",
      "shows what is in a bundle" },
    { "store", "put", cli_store_put, "annex store put --store file:///DIR BUNDLE [ENVELOPE]",
      "lays a signed bundle into a folder store" },
};

static void print_help(FILE *to)
{
    fprintf(to, "annex - pack, sign and look at extension bundles\n\n");
    for (size_t i = 0; i < AX_ARRAY_LEN(commands); i++)
        fprintf(to, "  %s\n      %s\n", commands[i].usage, commands[i].words);
    fprintf(
        to,
        "\nEvery command takes --json and --help. Exit codes: 0 done, 1 failed, 2 wrong usage,\n"
        "4 not verified.\n");
}

/* How many words of the command line name `command`; 0 when they do not. */
static int command_matches(const struct command *command, int argc, char *const argv[])
{
    if (!command->group)
        return argc > 1 && strcmp(argv[1], command->name) == 0 ? 1 : 0;
    return argc > 2 && strcmp(argv[1], command->group) == 0 && strcmp(argv[2], command->name) == 0
               ? 2
               : 0;
}

static enum cli_exit command_run(const struct command *command, int words, int argc,
                                 char *const argv[])
{
    char name[32];
    struct cli cli = { .usage = command->usage };

    snprintf(name, sizeof(name), "%s%s%s", command->group ? command->group : "",
             command->group ? " " : "", command->name);
    cli.command = name;
    return command->run(&cli, argc - 1 - words, argv + 1 + words);
}

int main(int argc, char *argv[])
{
    enum cli_exit result = CLI_USAGE;
    const char *asked = argc > 1 ? argv[1] : "";
    int words = 0;

    if (strcmp(asked, "--help") == 0 || strcmp(asked, "-h") == 0 || strcmp(asked, "help") == 0) {
        print_help(stdout);
        return CLI_DONE;
    }
    if (strcmp(asked, "--version") == 0) {
        printf("annex %s\n", ANNEX_VERSION);
        return CLI_DONE;
    }
    for (size_t i = 0; i < AX_ARRAY_LEN(commands) && words == 0; i++) {
        words = command_matches(&commands[i], argc, argv);
        if (words > 0)
            result = command_run(&commands[i], words, argc, argv);
    }
    if (words == 0) {
        if (argc > 1)
            fprintf(stderr, "annex: there is no command \"%s\"\n\n", asked);
        print_help(stderr);
    }
    if (fflush(stdout) != 0 && result == CLI_DONE) {
        fprintf(stderr, "annex: the output could not be written\n");
        result = CLI_FAILED;
    }
    return result;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* cli.h - what do all commands share?
 *
 * A command is one function in one file. It reads its arguments with cli_parse(), does its work,
 * prints either lines for people or, with --json, one JSON object, and returns the exit code. */
#ifndef AX_CLI_CLI_H
#define AX_CLI_CLI_H

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "bundle/bundle.h"
#include "bundle/capability.h"
#include "bundle/digest.h"
#include "bundle/envelope.h"
#include "bundle/trust.h"
#include "crypto/key.h"
#include "crypto/sha256.h"

#include <stdbool.h>

enum cli_exit { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_NOT_VERIFIED = 4 };

#define CLI_ARGUMENTS_MAX 4
#define CLI_JSON_MAX      (4u << 20)

struct cli {
    const char *command; /* "pack" */
    const char *usage;   /* its flags, for mistakes and --help */
    bool json;
    const char *arguments[CLI_ARGUMENTS_MAX]; /* what is not a flag */
    size_t argument_count;
};

struct cli_flag {
    const char *name;       /* "--key" */
    const char *short_name; /* "-o", or NULL */
    const char **value;
};

/* Reads flags ("--key value" or "--key=value") and between `least` and `most` other arguments.
 * False when the command must not run: *ret_exit is then its exit code and all is said. --json and
 * --help are known to every command. */
AX_CHECKED bool cli_parse(struct cli *cli, int argc, char *const argv[],
                          const struct cli_flag *flags, size_t flag_count, size_t least,
                          size_t most, enum cli_exit *ret_exit);

/* Says what went wrong (err), where (`where`: a file, may be NULL; err's pointer), and what to do
 * next (may be NULL). Returns the exit code: 4 when a bundle did not verify, else 1. */
enum cli_exit cli_fail(const struct cli *cli, const struct ax_err *err, const char *where,
                       const char *next);
/* The same for a mistake in the arguments: 2, and the usage. */
enum cli_exit cli_misuse(const struct cli *cli, const char *what);

/* Prints one JSON object that was written into `buf`, with a line feed. */
enum cli_exit cli_print_json(const struct cli *cli, const struct ax_buf *buf);
/* "n bytes" for people: "23.1 KiB". */
void cli_size(uint64_t size, char room[24]);

/* --- files --- */

AX_CHECKED enum ax_code cli_read_file(const char *path, struct ax_buf *buf, struct ax_err *err);
/* Puts a whole file in place of whatever is there, or leaves that alone. */
AX_CHECKED enum ax_code cli_replace_file(const char *path, struct ax_str bytes, struct ax_err *err);
/* Makes a file that must not be there yet (AX_E_EXISTS). */
AX_CHECKED enum ax_code cli_create_file(const char *path, struct ax_str bytes, unsigned mode,
                                        struct ax_err *err);
/* An empty file beside `path` that will take its name: AX_E_IO, else *ret_fd and *ret_temporary
 * (free()) are yours. cli_keep() gives it the name; without it, unlink() the temporary. */
AX_CHECKED enum ax_code cli_temporary(const char *path, int *ret_fd, char **ret_temporary,
                                      struct ax_err *err);
AX_CHECKED enum ax_code cli_keep(int fd, const char *temporary, const char *path,
                                 struct ax_err *err);
/* `path` with `suffix` for its ending `ending`, or added when it does not end so; free(). */
char *cli_sibling(const char *path, const char *ending, const char *suffix);
/* Opens a regular file for reading and says how large it is. */
AX_CHECKED enum ax_code cli_open(const char *path, int *ret_fd, uint64_t *ret_size,
                                 struct ax_err *err);
/* Opens a bundle and hashes it. */
AX_CHECKED enum ax_code cli_open_bundle(const char *path, int *ret_fd, uint64_t *ret_size,
                                        struct ax_digest *ret_hash, struct ax_err *err);
AX_CHECKED enum ax_code cli_read_envelope(const char *path, struct ax_envelope **ret_envelope,
                                          struct ax_err *err);

/* --- JSON --- */

void cli_put(struct ax_json_out *out, const char *key, struct ax_str value);
void cli_put_digest(struct ax_json_out *out, const char *key, const struct ax_digest *digest);
void cli_put_time(struct ax_json_out *out, const char *key, int64_t unix_s); /* 0: null */

/* --- commands --- */

enum cli_exit cli_keys_new(struct cli *cli, int argc, char *const argv[]);
enum cli_exit cli_pack(struct cli *cli, int argc, char *const argv[]);
enum cli_exit cli_sign(struct cli *cli, int argc, char *const argv[]);
enum cli_exit cli_verify(struct cli *cli, int argc, char *const argv[]);
enum cli_exit cli_inspect(struct cli *cli, int argc, char *const argv[]);
enum cli_exit cli_store_put(struct cli *cli, int argc, char *const argv[]);

#endif

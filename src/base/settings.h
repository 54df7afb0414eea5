/* SPDX-License-Identifier: Apache-2.0 */
/* settings.h - what did the operator decide?
 *
 * One table names every setting of every program: name, type, range, default, one sentence,
 * whether it is a secret, and which program and which of its roles may hold it. A value comes from a flag
 * (--name-with-dashes=value), the environment, or annex.conf (NAME=value), in that order; a secret
 * also as NAME_FILE. Unknown names that begin with one of our prefixes stop the start with the
 * nearest known name. The table prints --help, --check and the reference page. */
#ifndef AX_BASE_SETTINGS_H
#define AX_BASE_SETTINGS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum ax_setting_type { AX_SET_STRING, AX_SET_U64, AX_SET_BOOL, AX_SET_ENUM };

/* Who may hold a value: a bit for each role of each program. */
enum ax_role_bit {
    AX_ROLE_FRONT = 1 << 0,
    AX_ROLE_LOADER = 1 << 1,
    AX_ROLE_BUILDER = 1 << 2,
    AX_ROLE_WORKER = 1 << 3,
    AX_ROLE_RUNNER = 1 << 4, /* the runner's supervisor, for itself */
    AX_ROLE_EDGE = 1 << 5,
    AX_ROLE_REGISTRY = 1 << 6,
    AX_ROLE_GATEWAY = 1 << 7, /* the gateway's supervisor, for itself */
};
#define AX_PROGRAM_RUNNER \
    (AX_ROLE_FRONT | AX_ROLE_LOADER | AX_ROLE_BUILDER | AX_ROLE_WORKER | AX_ROLE_RUNNER)
#define AX_PROGRAM_GATEWAY (AX_ROLE_EDGE | AX_ROLE_REGISTRY | AX_ROLE_GATEWAY)

/* X(NAME, type, min, max, default or NULL, secret, roles, sentence). For strings min and max bound
 * the length in bytes; for AX_SET_ENUM `default` is first of "a|b|c". */
struct ax_setting_row {
    const char *name;
    enum ax_setting_type type;
    uint64_t min;
    uint64_t max;
    const char *fallback; /* NULL: not set */
    bool secret;
    unsigned roles; /* enum ax_role_bit */
    const char *sentence;
    const char *alias; /* another accepted name, or NULL (PORT, EXT_CACHE_ROOT) */
};
extern const struct ax_setting_row ax_setting_rows[];
extern const size_t ax_setting_count;

struct ax_settings; /* effective values of one program or role */

/* Reads flags, environment and the file named by --config (default: none) for the program whose
 * roles are `program` (AX_PROGRAM_RUNNER ...). `rest`, `rest_count`: arguments that are not
 * settings (--help, --check). Fails with AX_E_INVALID_REQUEST, one clear message with the name. */
AX_CHECKED enum ax_code ax_settings_load(unsigned program, int argc, char *const argv[],
                                         char *const envp[], struct ax_settings **ret_settings,
                                         struct ax_err *err);
void ax_settings_free(struct ax_settings *settings); /* wipes secrets */
AX_AUTO_DEFINE(struct ax_settings *, ax_settings_free)

bool ax_settings_wants_help(const struct ax_settings *settings);
bool ax_settings_wants_check(const struct ax_settings *settings);

/* Values; the name must be in the table and held by this role (asserts otherwise). */
struct ax_str ax_settings_str(const struct ax_settings *settings, const char *name); /* or empty */
uint64_t ax_settings_u64(const struct ax_settings *settings, const char *name);
bool ax_settings_bool(const struct ax_settings *settings, const char *name);
bool ax_settings_is_set(const struct ax_settings *settings, const char *name); /* not by default */

/* Puts another value in the place of `name`'s, checked like the first: the contents of a file that
 * only the supervisor may read, where its path was. The origin stays. */
AX_CHECKED enum ax_code ax_settings_replace(struct ax_settings *settings, const char *name,
                                            struct ax_str value, struct ax_err *err);

/* The part that `role` may hold, as bytes for a sealed memfd, and back. */
AX_CHECKED enum ax_code ax_settings_pack(const struct ax_settings *settings, unsigned role,
                                         struct ax_buf *buf);
AX_CHECKED enum ax_code ax_settings_unpack(struct ax_str bytes, struct ax_settings **ret_settings,
                                           struct ax_err *err);

/* --help, --check (effective values, their origin, secrets masked), docs/reference (Markdown). */
void ax_settings_print_help(unsigned program, struct ax_buf *buf);
void ax_settings_print_check(const struct ax_settings *settings, struct ax_buf *buf);
void ax_settings_print_reference(struct ax_buf *buf);

#endif

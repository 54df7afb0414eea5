/* SPDX-License-Identifier: Apache-2.0 */
/* settings_print.c - how does the one table read as --help, as --check and as a page? */
#include "base/settings.h"

#include "base/alloc.h"
#include "base/settings_private.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

static const struct {
    unsigned bit;
    const char *name;
} settings_roles[] = {
    { AX_ROLE_FRONT, "front" },       { AX_ROLE_LOADER, "loader" },
    { AX_ROLE_BUILDER, "builder" },   { AX_ROLE_WORKER, "worker" },
    { AX_ROLE_RUNNER, "runner" },     { AX_ROLE_EDGE, "edge" },
    { AX_ROLE_REGISTRY, "registry" }, { AX_ROLE_GATEWAY, "gateway" },
};

static void settings_print_flag(const struct ax_setting_row *row, struct ax_buf *buf)
{
    (void)ax_buf_append_str(buf, AX_STR("--"));
    for (const char *at = row->name; *at; at++)
        (void)ax_buf_append_byte(buf, *at == '_' ? '-' : (char)tolower((unsigned char)*at));
}

/* "1 to 65536", "true or false", "info, debug or warn", "up to 256 bytes" */
static void settings_print_range(const struct ax_setting_row *row, struct ax_buf *buf)
{
    struct ax_str rest = ax_str_of(row->fallback);
    const char *before = "";

    switch (row->type) {
    case AX_SET_STRING: (void)ax_buf_printf(buf, "up to %" PRIu64 " bytes", row->max); return;
    case AX_SET_U64:
        (void)ax_buf_printf(buf, "%" PRIu64 " to %" PRIu64, row->min, row->max);
        return;
    case AX_SET_BOOL: (void)ax_buf_append_str(buf, AX_STR("true or false")); return;
    case AX_SET_ENUM:
        while (rest.ptr) {
            (void)ax_buf_printf(buf, "%s", before);
            (void)ax_buf_append_str(buf, ax_str_cut(&rest, '|'));
            before = ax_str_find(rest, '|') == rest.len ? " or " : ", ";
        }
        return;
    }
}

static struct ax_str settings_default(const struct ax_setting_row *row)
{
    return row->type == AX_SET_ENUM ? settings_first_choice(row) : ax_str_of(row->fallback);
}

void ax_settings_print_help(unsigned program, struct ax_buf *buf)
{
    const char *name = program & AX_PROGRAM_RUNNER ? "annex-runner" : "annex-gateway";

    (void)ax_buf_printf(buf,
                        "usage: %s [--config=annex.conf] [--name=value ...]\n\n"
                        "Each setting is also an environment variable and a line NAME=value of the "
                        "file: flags win over the environment, the environment over the file.\n"
                        "A secret is best given as the path of a file, by NAME_FILE.\n\n"
                        "  --help\n      Prints this.\n"
                        "  --check\n      Prints the values in force and where each comes from.\n",
                        name);
    for (size_t i = 0; i < ax_setting_count; i++) {
        const struct ax_setting_row *row = &ax_setting_rows[i];

        if (!(row->roles & program))
            continue;
        (void)ax_buf_append_str(buf, AX_STR("  "));
        settings_print_flag(row, buf);
        (void)ax_buf_printf(buf, "=...%s\n      %s\n      ", row->secret ? "  (secret)" : "",
                            row->sentence);
        settings_print_range(row, buf);
        if (row->fallback)
            (void)ax_buf_printf(buf, "; default %.*s", AX_STR_FMT(settings_default(row)));
        (void)ax_buf_append_byte(buf, '\n');
    }
}

void ax_settings_print_check(const struct ax_settings *settings, struct ax_buf *buf)
{
    static const char *const origins[] = { [SETTINGS_DEFAULT] = "default",
                                           [SETTINGS_FILE] = "file",
                                           [SETTINGS_ENVIRONMENT] = "environment",
                                           [SETTINGS_FLAG] = "flag" };

    for (size_t i = 0; i < ax_setting_count; i++) {
        const struct ax_setting_row *row = &ax_setting_rows[i];
        struct ax_str value = settings_effective(settings, i);

        if (!(row->roles & settings->roles))
            continue;
        if (!value.ptr) {
            (void)ax_buf_printf(buf, "%s is not set\n", row->name);
            continue;
        }
        (void)ax_buf_printf(buf, "%s=", row->name);
        if (row->secret)
            (void)ax_buf_append_str(buf, AX_STR("********"));
        for (size_t at = 0; !row->secret && at < value.len; at++) /* a value may have lines */
            (void)ax_buf_append_byte(buf, value.ptr[at] == '\n' ? ' ' : value.ptr[at]);
        (void)ax_buf_printf(buf, "  (%s)\n", origins[settings->values[i].origin]);
    }
}

static void settings_print_roles(const struct ax_setting_row *row, struct ax_buf *buf)
{
    const char *before = "";

    for (size_t i = 0; i < AX_ARRAY_LEN(settings_roles); i++) {
        if (!(row->roles & settings_roles[i].bit))
            continue;
        (void)ax_buf_printf(buf, "%s%s", before, settings_roles[i].name);
        before = ", ";
    }
}

/* Bars would end a table's cell. */
static void settings_print_row(const struct ax_setting_row *row, struct ax_buf *buf)
{
    (void)ax_buf_printf(buf, "| `%s`", row->name);
    if (row->alias)
        (void)ax_buf_printf(buf, " (also `%s`)", row->alias);
    if (row->secret)
        (void)ax_buf_printf(buf, ", `%s_FILE`", row->name);
    (void)ax_buf_append_str(buf, AX_STR(" | "));
    settings_print_range(row, buf);
    if (row->fallback)
        (void)ax_buf_printf(buf, " | `%.*s` | ", AX_STR_FMT(settings_default(row)));
    else
        (void)ax_buf_append_str(buf, AX_STR(" | | "));
    settings_print_roles(row, buf);
    (void)ax_buf_printf(buf, " | %s%s |\n", row->secret ? "Secret. " : "", row->sentence);
}

void ax_settings_print_reference(struct ax_buf *buf)
{
    static const struct {
        const char *title;
        bool runner;
        bool gateway;
    } parts[] = { { "annex-runner", true, false },
                  { "annex-gateway", false, true },
                  { "Both", true, true } };

    (void)ax_buf_append_str(
        buf, AX_STR("# Which settings are there?\n\n"
                    "A value comes from a flag (`--name-with-dashes=value`), the environment "
                    "(`NAME`), or the file named by `--config` (`NAME=value` lines, `#` begins a "
                    "comment), in that order; an empty value counts as not given. Secrets may also "
                    "be given as the path of a file, by `NAME_FILE`. Only the roles named may hold "
                    "a value.\n"));
    for (size_t part = 0; part < AX_ARRAY_LEN(parts); part++) {
        (void)ax_buf_printf(buf,
                            "\n## %s\n\n| name | range | default | roles | what for |\n"
                            "|---|---|---|---|---|\n",
                            parts[part].title);
        for (size_t i = 0; i < ax_setting_count; i++) {
            const struct ax_setting_row *row = &ax_setting_rows[i];

            if (((row->roles & AX_PROGRAM_RUNNER) != 0) == parts[part].runner &&
                ((row->roles & AX_PROGRAM_GATEWAY) != 0) == parts[part].gateway)
                settings_print_row(row, buf);
        }
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* settings_load.c - what did flags, environment and annex.conf say?
 *
 * Each source is gathered whole before any of its values is taken, so that a setting that is given
 * in two ways at once is noticed. The sources are taken from the weakest to the strongest. An empty
 * value counts as not given. */
#include "base/settings.h"

#include "base/alloc.h"
#include "base/settings_private.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SETTINGS_NAME_MAX 64
#define SETTINGS_CONF_MAX (1024 * 1024)

static const char *const settings_prefixes[] = {
    "ANNEX_",    "AUTH_",    "BUNDLE_",  "CACHE_",    "DATABASE_", "EDGE_",     "EXECUTION_",
    "EXT_",      "GATEWAY_", "HOST_",    "INTERNAL_", "METRICS_",  "PLATFORM_", "PRECOMPILED_",
    "REGISTRY_", "RUNNER_",  "SECRETS_", "SIGNING_",  "STATE_",    "STORAGE_",  "TRUSTED_",
};

enum settings_way { SETTINGS_BY_NAME, SETTINGS_BY_ALIAS, SETTINGS_BY_PATH, SETTINGS_WAYS };

/* What one source says, borrowed from it: a value for each way to say it. */
struct settings_source {
    enum settings_origin origin;
    const char *label; /* for messages */
    unsigned program;
    struct ax_str (*given)[SETTINGS_WAYS]; /* ax_setting_count rows */
};

/* ---- names ---- */

static bool settings_resolve(struct ax_str name, size_t *ret_row, enum settings_way *ret_way)
{
    const struct ax_str file = AX_STR("_FILE");

    *ret_way = SETTINGS_BY_NAME;
    *ret_row = settings_find(name);
    if (*ret_row < ax_setting_count)
        return true;
    *ret_way = SETTINGS_BY_ALIAS;
    for (*ret_row = 0; *ret_row < ax_setting_count; ++*ret_row) {
        const char *alias = ax_setting_rows[*ret_row].alias;

        if (alias && ax_str_eq(name, ax_str_of(alias)))
            return true;
    }
    if (!ax_str_ends(name, file))
        return false;
    *ret_way = SETTINGS_BY_PATH;
    *ret_row = settings_find(ax_str_sub(name, 0, name.len - file.len));
    return *ret_row < ax_setting_count && ax_setting_rows[*ret_row].secret;
}

/* How many letters to add, drop or change to make one name of the other. */
static size_t settings_distance(struct ax_str a, struct ax_str b)
{
    size_t row[SETTINGS_NAME_MAX + 1];

    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 0; i < a.len; i++) {
        size_t corner = row[0];

        row[0] = i + 1;
        for (size_t j = 0; j < b.len; j++) {
            size_t change = corner + (a.ptr[i] != b.ptr[j]);
            size_t drop = row[j + 1] + 1;
            size_t add = row[j] + 1;

            corner = row[j + 1];
            row[j + 1] = change < drop ? change : drop;
            row[j + 1] = row[j + 1] < add ? row[j + 1] : add;
        }
    }
    return row[b.len];
}

static enum ax_code settings_unknown(const struct settings_source *source, struct ax_str name,
                                     struct ax_err *err)
{
    struct ax_str typed = ax_str_sub(name, 0,
                                     name.len < SETTINGS_NAME_MAX ? name.len : SETTINGS_NAME_MAX);
    const char *nearest = "";
    size_t least = SIZE_MAX;

    for (size_t i = 0; i < ax_setting_count; i++) {
        size_t distance = settings_distance(typed, ax_str_of(ax_setting_rows[i].name));

        if ((ax_setting_rows[i].roles & source->program) && distance < least) {
            least = distance;
            nearest = ax_setting_rows[i].name;
        }
    }
    return ax_err_set(err, AX_E_INVALID_REQUEST, "%s: '%.*s' is no setting; the nearest is %s",
                      source->label, AX_STR_FMT(typed), nearest);
}

static bool settings_has_prefix(struct ax_str name)
{
    for (size_t i = 0; i < AX_ARRAY_LEN(settings_prefixes); i++) {
        if (ax_str_starts(name, ax_str_of(settings_prefixes[i])))
            return true;
    }
    return false;
}

/* Container platforms describe services called "runner" or "registry" to their neighbours by
 * variables like REGISTRY_SERVICE_HOST and RUNNER_PORT_8090_TCP; nobody mistyped those. And
 * ANNEX_CACHE is where the scripts that build us keep things. */
static bool settings_is_foreign(struct ax_str name, struct ax_str value)
{
    size_t at = 0;

    if (ax_str_eq(name, AX_STR("ANNEX_CACHE")) || ax_str_ends(name, AX_STR("_SERVICE_HOST")) ||
        ax_str_ends(name, AX_STR("_SERVICE_PORT")))
        return true;
    while (at < name.len) {
        struct ax_str tail = ax_str_from(name, at++);

        if (ax_str_starts(tail, AX_STR("_SERVICE_PORT_")))
            return true;
        if (ax_str_starts(tail, AX_STR("_PORT_")) && tail.len > 6 &&
            isdigit((unsigned char)tail.ptr[6]))
            return true;
    }
    return ax_str_ends(name, AX_STR("_PORT")) &&
           (ax_str_starts(value, AX_STR("tcp://")) || ax_str_starts(value, AX_STR("udp://")));
}

/* ---- gathering ---- */

static enum ax_code settings_give(struct settings_source *source, struct ax_str name,
                                  struct ax_str value, struct ax_err *err)
{
    enum settings_way way;
    size_t row;
    struct ax_str *slot;

    if (!settings_resolve(name, &row, &way)) {
        if (source->origin == SETTINGS_ENVIRONMENT &&
            (!settings_has_prefix(name) || settings_is_foreign(name, value)))
            return AX_OK;
        return settings_unknown(source, name, err);
    }
    if (!(ax_setting_rows[row].roles & source->program)) { /* one file may serve both programs */
        if (source->origin != SETTINGS_FLAG)
            return AX_OK;
        return ax_err_set(err, AX_E_INVALID_REQUEST, "%s: %.*s is a setting of another program",
                          source->label, AX_STR_FMT(name));
    }
    slot = &source->given[row][way];
    if (slot->ptr && source->origin != SETTINGS_ENVIRONMENT)
        return ax_err_set(err, AX_E_INVALID_REQUEST, "%s: %.*s is given twice", source->label,
                          AX_STR_FMT(name));
    if (value.len > 0 && !slot->ptr)
        *slot = value;
    return AX_OK;
}

static enum ax_code settings_gather_environment(struct settings_source *source, char *const envp[],
                                                struct ax_err *err)
{
    enum ax_code code = AX_OK;

    for (size_t i = 0; code == AX_OK && envp && envp[i]; i++) {
        struct ax_str value = ax_str_of(envp[i]);
        struct ax_str name = ax_str_cut(&value, '=');

        if (value.ptr)
            code = settings_give(source, name, value, err);
    }
    return code;
}

static enum ax_code settings_gather_conf(struct settings_source *source, struct ax_str text,
                                         struct ax_err *err)
{
    enum ax_code code = AX_OK;
    unsigned number = 0;

    while (code == AX_OK && text.ptr) {
        struct ax_str value = ax_str_cut(&text, '\n');
        struct ax_str name;

        number++;
        if (ax_str_ends(value, AX_STR("\r")))
            value.len--;
        value = ax_str_trim(value);
        if (value.len == 0 || value.ptr[0] == '#')
            continue;
        name = ax_str_trim(ax_str_cut(&value, '='));
        if (!value.ptr)
            return ax_err_set(err, AX_E_INVALID_REQUEST, "%s: line %u is not NAME=value",
                              source->label, number);
        code = settings_give(source, name, ax_str_trim(value), err);
    }
    return code;
}

/* "runner-listen" becomes "RUNNER_LISTEN" in `room`. */
static bool settings_flag_name(struct ax_str flag, char room[SETTINGS_NAME_MAX])
{
    if (flag.len == 0 || flag.len > SETTINGS_NAME_MAX)
        return false;
    for (size_t i = 0; i < flag.len; i++) {
        char byte = flag.ptr[i];

        if (!islower((unsigned char)byte) && !isdigit((unsigned char)byte) && byte != '-')
            return false;
        room[i] = byte == '-' ? '_' : (char)toupper((unsigned char)byte);
    }
    return true;
}

/* `argument` is not --help, --check or --config. */
static enum ax_code settings_gather_flag(struct settings_source *source, const char *argument,
                                         struct ax_err *err)
{
    char room[SETTINGS_NAME_MAX];
    struct ax_str value = ax_str_of(argument);
    struct ax_str flag;

    if (!ax_str_starts(value, AX_STR("--")))
        return ax_err_set(err, AX_E_INVALID_REQUEST, "'%s' is not an argument; see --help",
                          argument);
    value = ax_str_from(value, 2);
    flag = ax_str_cut(&value, '=');
    if (!settings_flag_name(flag, room))
        return ax_err_set(err, AX_E_INVALID_REQUEST, "'--%.*s' is no flag; see --help",
                          AX_STR_FMT(flag));
    flag = ax_str_make(room, flag.len);
    if (!value.ptr && settings_find(flag) < ax_setting_count)
        return ax_err_set(err, AX_E_INVALID_REQUEST, "%s needs '=' and a value", argument);
    return settings_give(source, flag, value, err);
}

/* ---- taking ---- */

/* Reads the file at `path` into `buf`, at most as much as it may hold. */
static enum ax_code settings_read_file(const char *path, struct ax_buf *buf, struct ax_err *err)
{
    AX_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    char *room;
    ssize_t len = -1;

    if (fd < 0)
        return ax_err_set(err, AX_E_INVALID_REQUEST, "cannot open %s: %s", path, strerror(errno));
    /* All at once: a buffer that grows leaves copies of a secret behind. */
    if (ax_buf_reserve(buf, buf->max, &room) != AX_OK)
        return ax_err_set(err, buf->failed, "no memory to read %s", path);
    while (buf->len < buf->max && (len = read(fd, buf->ptr + buf->len, buf->max - buf->len)) > 0)
        ax_buf_advance(buf, (size_t)len);
    if (len < 0)
        return ax_err_set(err, AX_E_INVALID_REQUEST, "cannot read %s: %s", path, strerror(errno));
    if (buf->len == buf->max)
        return ax_err_set(err, AX_E_INVALID_REQUEST, "%s is too large", path);
    return AX_OK;
}

static enum ax_code settings_take_path(struct ax_settings *settings, size_t row,
                                       const struct settings_source *source, struct ax_err *err)
{
    AX_AUTO_FREE char *path = ax_strdup(source->given[row][SETTINGS_BY_PATH]);
    struct ax_buf secret;
    struct ax_str value;
    enum ax_code code;

    ax_buf_init(&secret, ax_setting_rows[row].max + 2); /* a newline, and one that is too many */
    code = settings_read_file(path, &secret, err);
    value = ax_buf_str(&secret);
    if (ax_str_ends(value, AX_STR("\n")))
        value.len--;
    if (code == AX_OK)
        code = settings_put(settings, row, value, source->origin, err);
    if (code != AX_OK)
        code = ax_err_wrap(err, code, "%s_FILE", ax_setting_rows[row].name);
    ax_buf_wipe(&secret);
    return code;
}

/* PORT is a number where RUNNER_LISTEN is an address. */
static enum ax_code settings_take_alias(struct ax_settings *settings, size_t row,
                                        const struct settings_source *source, struct ax_err *err)
{
    struct ax_str value = source->given[row][SETTINGS_BY_ALIAS];
    char listener[32];
    uint64_t port;

    if (strcmp(ax_setting_rows[row].alias, "PORT") != 0)
        return settings_put(settings, row, value, source->origin, err);
    if (!ax_str_to_u64(value, 65535, &port) || port == 0)
        return ax_err_set(err, AX_E_INVALID_REQUEST,
                          "PORT is '%.*s'; it needs a number from 1 to 65535", AX_STR_FMT(value));
    (void)snprintf(listener, sizeof(listener), "127.0.0.1:%u", (unsigned)port);
    return settings_put(settings, row, ax_str_of(listener), source->origin, err);
}

static enum ax_code settings_take(struct ax_settings *settings,
                                  const struct settings_source *source, struct ax_err *err)
{
    enum ax_code code = AX_OK;

    for (size_t row = 0; code == AX_OK && row < ax_setting_count; row++) {
        const struct ax_str *given = source->given[row];

        if (given[SETTINGS_BY_NAME].ptr && given[SETTINGS_BY_PATH].ptr)
            code = ax_err_set(err, AX_E_INVALID_REQUEST, "%s: %s and %s_FILE are both given",
                              source->label, ax_setting_rows[row].name, ax_setting_rows[row].name);
        else if (given[SETTINGS_BY_NAME].ptr)
            code = settings_put(settings, row, given[SETTINGS_BY_NAME], source->origin, err);
        else if (given[SETTINGS_BY_PATH].ptr)
            code = settings_take_path(settings, row, source, err);
        else if (given[SETTINGS_BY_ALIAS].ptr)
            code = settings_take_alias(settings, row, source, err);
    }
    return code;
}

/* ---- the sources in turn ---- */

static void settings_source_done(const struct settings_source *source)
{
    free(source->given);
}

#define SETTINGS_SOURCE(variable, from, words)                                         \
    __attribute__((cleanup(settings_source_done))) struct settings_source variable = { \
        .origin = (from),                                                              \
        .label = (words),                                                              \
        .program = settings->roles,                                                    \
        .given = ax_alloc(ax_setting_count * sizeof(*(variable).given))                \
    }

static enum ax_code settings_load_conf(struct ax_settings *settings, const char *path,
                                       struct ax_err *err)
{
    SETTINGS_SOURCE(source, SETTINGS_FILE, path);
    struct ax_buf text;
    enum ax_code code;

    ax_buf_init(&text, SETTINGS_CONF_MAX + 1);
    code = settings_read_file(path, &text, err);
    if (code == AX_OK && ax_str_find(ax_buf_str(&text), '\0') < text.len)
        code = ax_err_set(err, AX_E_INVALID_REQUEST, "%s has a NUL byte", path);
    if (code == AX_OK)
        code = settings_gather_conf(&source, ax_buf_str(&text), err);
    if (code == AX_OK)
        code = settings_take(settings, &source, err);
    ax_buf_wipe(&text); /* annex.conf may hold secrets */
    return code;
}

static enum ax_code settings_load_environment(struct ax_settings *settings, char *const envp[],
                                              struct ax_err *err)
{
    SETTINGS_SOURCE(source, SETTINGS_ENVIRONMENT, "environment");
    enum ax_code code = settings_gather_environment(&source, envp, err);

    return code == AX_OK ? settings_take(settings, &source, err) : code;
}

static enum ax_code settings_load_flags(struct ax_settings *settings, int argc, char *const argv[],
                                        struct ax_err *err)
{
    SETTINGS_SOURCE(source, SETTINGS_FLAG, "command line");
    enum ax_code code = AX_OK;

    for (int i = 1; code == AX_OK && i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0)
            settings->wants_help = true;
        else if (strcmp(argv[i], "--check") == 0)
            settings->wants_check = true;
        else if (!ax_str_starts(ax_str_of(argv[i]), AX_STR("--config=")))
            code = settings_gather_flag(&source, argv[i], err);
    }
    return code == AX_OK ? settings_take(settings, &source, err) : code;
}

/* The path behind --config=, or NULL. */
static enum ax_code settings_find_conf(int argc, char *const argv[], const char **ret_path,
                                       struct ax_err *err)
{
    const struct ax_str flag = AX_STR("--config=");

    for (int i = 1; i < argc; i++) {
        if (!ax_str_starts(ax_str_of(argv[i]), flag))
            continue;
        if (*ret_path)
            return ax_err_set(err, AX_E_INVALID_REQUEST, "command line: --config is given twice");
        *ret_path = argv[i] + flag.len;
    }
    return AX_OK;
}

enum ax_code ax_settings_load(unsigned program, int argc, char *const argv[], char *const envp[],
                              struct ax_settings **ret_settings, struct ax_err *err)
{
    AX_AUTO(ax_settings_free) struct ax_settings *settings = settings_new(program);
    const char *conf = NULL;
    enum ax_code code = settings_find_conf(argc, argv, &conf, err);

    if (code == AX_OK && conf)
        code = settings_load_conf(settings, conf, err);
    if (code == AX_OK)
        code = settings_load_environment(settings, envp, err);
    if (code == AX_OK)
        code = settings_load_flags(settings, argc, argv, err);
    if (code == AX_OK)
        *ret_settings = AX_TAKE(settings);
    return code;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* settings.c - which values are in force, and which of them may a role hold? */
#include "base/settings.h"

#include "base/alloc.h"
#include "base/settings_private.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#define SETTINGS_ROLES_ROOM 8 /* the roles' number and its NUL, packed */

struct ax_settings *settings_new(unsigned roles)
{
    struct ax_settings *settings = ax_alloc(sizeof(*settings) +
                                            ax_setting_count * sizeof(settings->values[0]));

    settings->roles = roles;
    return settings;
}

static void settings_drop(struct settings_value *value)
{
    if (value->text)
        ax_wipe(value->text, value->len);
    free(value->text);
    *value = (struct settings_value){ 0 };
}

void ax_settings_free(struct ax_settings *settings)
{
    if (!settings)
        return;
    for (size_t i = 0; i < ax_setting_count; i++)
        settings_drop(&settings->values[i]);
    free(settings);
}

size_t settings_find(struct ax_str name)
{
    size_t row = 0;

    while (row < ax_setting_count && !ax_str_eq(name, ax_str_of(ax_setting_rows[row].name)))
        row++;
    return row;
}

struct ax_str settings_first_choice(const struct ax_setting_row *row)
{
    struct ax_str rest = ax_str_of(row->fallback);

    return ax_str_cut(&rest, '|');
}

/* ---- one value ---- */

static bool settings_read_bool(struct ax_str value, bool *ret_on)
{
    *ret_on = ax_str_eq(value, AX_STR("true")) || ax_str_eq(value, AX_STR("1"));
    return *ret_on || ax_str_eq(value, AX_STR("false")) || ax_str_eq(value, AX_STR("0"));
}

static bool settings_is_choice(const struct ax_setting_row *row, struct ax_str value)
{
    struct ax_str rest = ax_str_of(row->fallback);

    while (rest.ptr) {
        if (ax_str_eq(ax_str_cut(&rest, '|'), value))
            return true;
    }
    return false;
}

/* Keys in PEM have lines; other control characters are accidents. */
static bool settings_is_text(struct ax_str value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char byte = (unsigned char)value.ptr[i];

        if ((byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t') || byte == 0x7f)
            return false;
    }
    return ax_str_is_utf8(value);
}

static enum ax_code settings_check_text(const struct ax_setting_row *row, struct ax_str value,
                                        struct ax_err *err)
{
    if (value.len < row->min || value.len > row->max)
        return ax_err_set(err, AX_E_INVALID_REQUEST,
                          "%s has %zu bytes; it needs %" PRIu64 " to %" PRIu64, row->name,
                          value.len, row->min, row->max);
    if (!settings_is_text(value))
        return ax_err_set(err, AX_E_INVALID_REQUEST, "%s has a control character or is no UTF-8",
                          row->name);
    return AX_OK;
}

static enum ax_code settings_check(const struct ax_setting_row *row, struct ax_str value,
                                   struct ax_err *err)
{
    uint64_t number;
    bool on;

    switch (row->type) {
    case AX_SET_STRING: return settings_check_text(row, value, err);
    case AX_SET_U64:
        if (ax_str_to_u64(value, row->max, &number) && number >= row->min)
            return AX_OK;
        return ax_err_set(err, AX_E_INVALID_REQUEST,
                          "%s is '%.*s'; it needs a number from %" PRIu64 " to %" PRIu64, row->name,
                          AX_STR_FMT(value), row->min, row->max);
    case AX_SET_BOOL:
        if (settings_read_bool(value, &on))
            return AX_OK;
        return ax_err_set(err, AX_E_INVALID_REQUEST, "%s is '%.*s'; it needs true or false",
                          row->name, AX_STR_FMT(value));
    case AX_SET_ENUM:
        if (settings_is_choice(row, value))
            return AX_OK;
        return ax_err_set(err, AX_E_INVALID_REQUEST, "%s is '%.*s'; it needs one of %s", row->name,
                          AX_STR_FMT(value), row->fallback);
    }
    return AX_E_INTERNAL;
}

enum ax_code settings_put(struct ax_settings *settings, size_t row, struct ax_str value,
                          enum settings_origin origin, struct ax_err *err)
{
    enum ax_code code = settings_check(&ax_setting_rows[row], value, err);
    char *copy;

    if (code != AX_OK)
        return code;
    copy = ax_strdup(value); /* before the old one goes: `value` may be part of it */
    settings_drop(&settings->values[row]);
    settings->values[row] = (struct settings_value){ copy, value.len, origin };
    return AX_OK;
}

struct ax_str settings_effective(const struct ax_settings *settings, size_t row)
{
    const struct settings_value *value = &settings->values[row];

    if (value->text)
        return ax_str_make(value->text, value->len);
    if (ax_setting_rows[row].type == AX_SET_ENUM)
        return settings_first_choice(&ax_setting_rows[row]);
    return ax_str_of(ax_setting_rows[row].fallback);
}

/* ---- getters ---- */

static size_t settings_held(const struct ax_settings *settings, const char *name)
{
    size_t row = settings_find(ax_str_of(name));

    /* Our bug in every build: a role asks for what it may not hold. */
    if (row == ax_setting_count || !(ax_setting_rows[row].roles & settings->roles))
        abort();
    return row;
}

struct ax_str ax_settings_str(const struct ax_settings *settings, const char *name)
{
    return settings_effective(settings, settings_held(settings, name));
}

uint64_t ax_settings_u64(const struct ax_settings *settings, const char *name)
{
    size_t row = settings_held(settings, name);
    uint64_t number = 0;

    if (ax_setting_rows[row].type != AX_SET_U64 ||
        !ax_str_to_u64(settings_effective(settings, row), UINT64_MAX, &number))
        abort();
    return number;
}

bool ax_settings_bool(const struct ax_settings *settings, const char *name)
{
    size_t row = settings_held(settings, name);
    bool on = false;

    if (ax_setting_rows[row].type != AX_SET_BOOL ||
        !settings_read_bool(settings_effective(settings, row), &on))
        abort();
    return on;
}

bool ax_settings_is_set(const struct ax_settings *settings, const char *name)
{
    return settings->values[settings_held(settings, name)].text != NULL;
}

enum ax_code ax_settings_replace(struct ax_settings *settings, const char *name,
                                 struct ax_str value, struct ax_err *err)
{
    size_t row = settings_held(settings, name);

    return settings_put(settings, row, value, settings->values[row].origin, err);
}

bool ax_settings_wants_help(const struct ax_settings *settings)
{
    return settings->wants_help;
}

bool ax_settings_wants_check(const struct ax_settings *settings)
{
    return settings->wants_check;
}

/* ---- a role's part, as bytes: roles in decimal, then name, origin digit and value of each given
 * setting; every part ends with a NUL, which no value holds ---- */

static bool settings_is_packed(const struct ax_settings *settings, size_t row, unsigned role)
{
    return settings->values[row].text && (ax_setting_rows[row].roles & role);
}

enum ax_code ax_settings_pack(const struct ax_settings *settings, unsigned role, struct ax_buf *buf)
{
    size_t len = SETTINGS_ROLES_ROOM;
    char *room;

    assert(role != 0 && (role & settings->roles) == role);
    for (size_t i = 0; i < ax_setting_count; i++) {
        if (settings_is_packed(settings, i, role))
            len += strlen(ax_setting_rows[i].name) + settings->values[i].len + 3;
    }
    /* All the room at once: a buffer that grows leaves copies of secrets behind. */
    if (ax_buf_reserve(buf, len, &room) != AX_OK)
        return buf->failed;
    (void)ax_buf_append_u64(buf, role);
    (void)ax_buf_append_byte(buf, '\0');
    for (size_t i = 0; i < ax_setting_count; i++) {
        const struct settings_value *value = &settings->values[i];

        if (!settings_is_packed(settings, i, role))
            continue;
        (void)ax_buf_append_str(buf, ax_str_of(ax_setting_rows[i].name));
        (void)ax_buf_append_byte(buf, '\0');
        (void)ax_buf_append_byte(buf, (char)('0' + (int)value->origin));
        (void)ax_buf_append(buf, value->text, value->len + 1);
    }
    return buf->failed;
}

/* Cuts the next part off *rest; false when no NUL ends it. */
static bool settings_next_part(struct ax_str *rest, struct ax_str *ret_part)
{
    if (ax_str_find(*rest, '\0') == rest->len)
        return false;
    *ret_part = ax_str_cut(rest, '\0');
    return true;
}

static enum ax_code settings_unpack_one(struct ax_settings *settings, struct ax_str *rest,
                                        struct ax_err *err)
{
    struct ax_str name;
    struct ax_str value;
    size_t row;
    int origin;

    if (!settings_next_part(rest, &name) || !settings_next_part(rest, &value) || value.len == 0)
        return ax_err_set(err, AX_E_INVALID_REQUEST, "packed settings end in the middle");
    origin = value.ptr[0] - '0';
    row = settings_find(name);
    if (row == ax_setting_count || !(ax_setting_rows[row].roles & settings->roles) ||
        settings->values[row].text || origin < SETTINGS_DEFAULT || origin > SETTINGS_FLAG)
        return ax_err_set(err, AX_E_INVALID_REQUEST, "packed settings name '%.*s' wrongly",
                          AX_STR_FMT(name));
    return settings_put(settings, row, ax_str_from(value, 1), (enum settings_origin)origin, err);
}

enum ax_code ax_settings_unpack(struct ax_str bytes, struct ax_settings **ret_settings,
                                struct ax_err *err)
{
    AX_AUTO(ax_settings_free) struct ax_settings *settings = NULL;
    enum ax_code code = AX_OK;
    struct ax_str roles;
    uint64_t number = 0;

    if (!settings_next_part(&bytes, &roles) ||
        !ax_str_to_u64(roles, AX_PROGRAM_RUNNER | AX_PROGRAM_GATEWAY, &number) || number == 0)
        return ax_err_set(err, AX_E_INVALID_REQUEST, "packed settings name no role");
    settings = settings_new((unsigned)number);
    while (code == AX_OK && bytes.len > 0)
        code = settings_unpack_one(settings, &bytes, err);
    if (code == AX_OK)
        *ret_settings = AX_TAKE(settings);
    return code;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* settings_private.h - what do the settings' own files share? Nobody else includes this. */
#ifndef AX_BASE_SETTINGS_PRIVATE_H
#define AX_BASE_SETTINGS_PRIVATE_H

#include "base/settings.h"

enum settings_origin { SETTINGS_DEFAULT, SETTINGS_FILE, SETTINGS_ENVIRONMENT, SETTINGS_FLAG };

struct settings_value {
    char *text; /* owned, terminated; NULL: the default holds */
    size_t len;
    enum settings_origin origin;
};

struct ax_settings {
    unsigned roles; /* whose values these are */
    bool wants_help;
    bool wants_check;
    struct settings_value values[]; /* ax_setting_count, in the table's order */
};

struct ax_settings *settings_new(unsigned roles);

/* Position of the row called `name`, or ax_setting_count. */
size_t settings_find(struct ax_str name);

/* Checks `value` against its row, and keeps a copy. The message never shows a secret. */
AX_CHECKED enum ax_code settings_put(struct ax_settings *settings, size_t row, struct ax_str value,
                                     enum settings_origin origin, struct ax_err *err);

/* The value in force: given, or the default; its ptr is NULL when there is none. */
struct ax_str settings_effective(const struct ax_settings *settings, size_t row);

/* "a" of "a|b|c". */
struct ax_str settings_first_choice(const struct ax_setting_row *row);

#endif

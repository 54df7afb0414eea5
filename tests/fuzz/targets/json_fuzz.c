/* SPDX-License-Identifier: Apache-2.0 */
/* json_fuzz.c - is what we accept what we promised, and does it come back the same? */
#include "base/json.h"

#include "fuzz.h"

#include <string.h>

#define FUZZ_DEPTH 8
#define FUZZ_KEYS  200

static const struct ax_json_limits fuzz_limits = { .bytes_max = SIZE_MAX,
                                                   .keys_max = FUZZ_KEYS,
                                                   .depth_max = FUZZ_DEPTH };

/* The slow way, by the definition. */
static void check_no_twins(const struct ax_json_value *object, struct ax_str key, size_t index)
{
    struct ax_json_iter it = ax_json_iter(object);

    while (ax_json_next(&it) && it.index < index)
        FUZZ_HOLDS(!ax_str_eq(it.key, key));
}

static void check_number(const struct ax_json_value *value)
{
    int64_t i64;
    uint64_t u64;
    bool fits_i64 = ax_json_i64(value, INT64_MIN, INT64_MAX, &i64);
    bool fits_u64 = ax_json_u64(value, UINT64_MAX, &u64);

    FUZZ_HOLDS((fits_i64 || fits_u64) == (ax_json_type(value) == AX_JSON_INT));
    FUZZ_HOLDS(!fits_i64 || !fits_u64 || (uint64_t)i64 == u64);
}

/* Checks `value` and what is below it; returns the number of keys. */
static size_t check_value(const struct ax_json_value *value, unsigned depth)
{
    struct ax_json_iter it = ax_json_iter(value);
    bool object = ax_json_type(value) == AX_JSON_OBJECT;
    bool container = object || ax_json_type(value) == AX_JSON_ARRAY;
    size_t keys = 0;
    size_t seen = 0;

    FUZZ_HOLDS(ax_json_type(value) != AX_JSON_MISSING);
    FUZZ_HOLDS(!container || depth < FUZZ_DEPTH);
    FUZZ_HOLDS(ax_str_is_utf8(ax_json_str(value)));
    check_number(value);
    while (ax_json_next(&it)) {
        FUZZ_HOLDS(it.index == seen++);
        FUZZ_HOLDS(ax_str_is_utf8(it.key));
        if (object) {
            FUZZ_HOLDS(ax_json_get_str(value, it.key) == it.value);
            check_no_twins(value, it.key, it.index);
            keys++;
        }
        keys += check_value(it.value, depth + 1);
    }
    FUZZ_HOLDS(seen == ax_json_count(value));
    return keys;
}

static void check_read(struct ax_str text)
{
    AX_AUTO(ax_json_free) struct ax_json *json = NULL;
    AX_AUTO(ax_json_free) struct ax_json *twin = NULL;
    AX_AUTO_BUF struct ax_buf once = { .max = SIZE_MAX / 4 };
    AX_AUTO_BUF struct ax_buf again = { .max = SIZE_MAX / 4 };
    struct ax_err err = { 0 };
    enum ax_code code = ax_json_parse(text, &fuzz_limits, &json, &err);

    FUZZ_HOLDS((code == AX_OK) == (json != NULL));
    FUZZ_HOLDS((code == AX_OK) == (err.message[0] == '\0'));
    FUZZ_HOLDS(strlen(err.message) < sizeof(err.message) &&
               strlen(err.pointer) < sizeof(err.pointer));
    FUZZ_HOLDS(code == AX_OK || code == AX_E_INVALID_REQUEST);
    if (code != AX_OK)
        return;
    FUZZ_HOLDS(ax_str_is_utf8(text));
    FUZZ_HOLDS(check_value(ax_json_root(json), 0) <= FUZZ_KEYS);
    FUZZ_HOLDS(ax_json_write_value(&once, ax_json_root(json)) == AX_OK);
    FUZZ_HOLDS(ax_json_parse(ax_buf_str(&once), &fuzz_limits, &twin, NULL) == AX_OK);
    FUZZ_HOLDS(ax_json_write_value(&again, ax_json_root(twin)) == AX_OK);
    FUZZ_HOLDS(ax_str_eq(ax_buf_str(&once), ax_buf_str(&again)));
}

static void check_escape(struct ax_str bytes)
{
    AX_AUTO(ax_json_free) struct ax_json *json = NULL;
    AX_AUTO_BUF struct ax_buf text = { .max = SIZE_MAX / 4 };

    FUZZ_HOLDS(ax_json_escape(&text, bytes) == AX_OK);
    FUZZ_HOLDS(ax_json_parse(ax_buf_str(&text), &fuzz_limits, &json, NULL) == AX_OK);
    FUZZ_HOLDS(ax_json_type(ax_json_root(json)) == AX_JSON_STRING);
    FUZZ_HOLDS(ax_str_eq(ax_json_str(ax_json_root(json)), bytes) == ax_str_is_utf8(bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_read(ax_str_make(data, size));
    check_escape(ax_str_make(data, size));
    return 0;
}

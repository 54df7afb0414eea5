/* SPDX-License-Identifier: Apache-2.0 */
/* manifest_check.c - how does a rule say where the culprit stands?
 * The shapes that every rule is made of: closed objects, maps, arrays, words, numbers. */
#include "bundle/manifest_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MF_POINTER_MAX 160

struct mf_pointer {
    char text[MF_POINTER_MAX];
    size_t len;
};

static void pointer_put(struct mf_pointer *pointer, char c)
{
    if (pointer->len + 1 < sizeof(pointer->text))
        pointer->text[pointer->len++] = c;
}

static void pointer_write(struct mf_pointer *pointer, const struct mf_at *at)
{
    char number[24];
    struct ax_str key = at->key;

    if (!at->up)
        return;
    pointer_write(pointer, at->up); /* as deep as the rules nest: 6 */
    if (!key.ptr) {
        snprintf(number, sizeof(number), "%zu", at->index);
        key = ax_str_of(number);
    }
    pointer_put(pointer, '/');
    for (size_t i = 0; i < key.len; i++) {
        if (key.ptr[i] == '~' || key.ptr[i] == '/') {
            pointer_put(pointer, '~');
            pointer_put(pointer, key.ptr[i] == '~' ? '0' : '1');
        } else {
            pointer_put(pointer, key.ptr[i]);
        }
    }
}

enum ax_code mf_fault(const struct mf *mf, const struct mf_at *at, enum ax_code code,
                      const char *fmt, ...)
{
    struct mf_pointer pointer = { .len = 0 };
    char words[256];
    va_list args;

    va_start(args, fmt);
    vsnprintf(words, sizeof(words), fmt, args);
    va_end(args);
    pointer_write(&pointer, at);
    pointer.text[pointer.len] = '\0';
    return ax_err_set_at(mf->err, code, pointer.text, "%s", words);
}

static const struct mf_key *key_find(const struct mf_key *keys, size_t count, struct ax_str name)
{
    for (size_t i = 0; i < count; i++)
        if (ax_str_eq(ax_str_of(keys[i].name), name))
            return &keys[i];
    return NULL;
}

enum ax_code mf_object(struct mf *mf, const struct mf_at *at, const struct ax_json_value *value,
                       const struct mf_key *keys, size_t count)
{
    struct ax_json_iter it = ax_json_iter(value);

    if (ax_json_type(value) != AX_JSON_OBJECT)
        return mf_bad(mf, at, "an object is expected here");
    for (size_t i = 0; i < count; i++) {
        struct mf_at missing = { .up = at, .key = ax_str_of(keys[i].name) };

        if (keys[i].required && !ax_json_get(value, keys[i].name))
            return mf_bad(mf, &missing, "\"%s\" is required", keys[i].name);
    }
    while (ax_json_next(&it)) {
        struct mf_at inner = { .up = at, .key = it.key };
        const struct mf_key *key = key_find(keys, count, it.key);
        enum ax_code code;

        if (!key)
            return mf_bad(mf, &inner, "this key is not known here");
        code = key->rule(mf, &inner, it.value);
        if (code != AX_OK)
            return code;
    }
    return AX_OK;
}

enum ax_code mf_map(struct mf *mf, const struct mf_at *at, const struct ax_json_value *value,
                    size_t max, bool (*is_key)(struct ax_str key), mf_rule *rule)
{
    struct ax_json_iter it = ax_json_iter(value);

    if (ax_json_type(value) != AX_JSON_OBJECT)
        return mf_bad(mf, at, "an object is expected here");
    if (ax_json_count(value) > max)
        return mf_bad(mf, at, "at most %zu keys are allowed here", max);
    while (ax_json_next(&it)) {
        struct mf_at inner = { .up = at, .key = it.key };
        enum ax_code code;

        if (!is_key(it.key))
            return mf_bad(mf, &inner, "this key is malformed");
        code = rule(mf, &inner, it.value);
        if (code != AX_OK)
            return code;
    }
    return AX_OK;
}

enum ax_code mf_array(struct mf *mf, const struct mf_at *at, const struct ax_json_value *value,
                      size_t max, mf_rule *rule)
{
    struct ax_json_iter it = ax_json_iter(value);

    if (ax_json_type(value) != AX_JSON_ARRAY)
        return mf_bad(mf, at, "an array is expected here");
    if (ax_json_count(value) > max)
        return mf_bad(mf, at, "at most %zu elements are allowed here", max);
    while (ax_json_next(&it)) {
        struct mf_at inner = { .up = at, .index = it.index };
        enum ax_code code = rule(mf, &inner, it.value);

        if (code != AX_OK)
            return code;
    }
    return AX_OK;
}

size_t mf_length(struct ax_str text)
{
    size_t length = 0;

    for (size_t i = 0; i < text.len; i++)
        length += (text.ptr[i] & 0xc0) != 0x80;
    return length;
}

bool mf_has_controls(struct ax_str text, bool may_break)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        unsigned char next = i + 1 < text.len ? (unsigned char)text.ptr[i + 1] : 0;

        if (may_break && (c == '\n' || c == '\t'))
            continue;
        if (c < 0x20 || c == 0x7f || (c == 0xc2 && next < 0xa0)) /* U+0080..U+009F */
            return true;
    }
    return false;
}

enum ax_code mf_text(struct mf *mf, const struct mf_at *at, const struct ax_json_value *value,
                     size_t min, size_t max, struct ax_str *ret_text)
{
    struct ax_str text = ax_json_str(value);
    size_t length = mf_length(text);

    if (ax_json_type(value) != AX_JSON_STRING)
        return mf_bad(mf, at, "a string is expected here");
    if (length < min || length > max)
        return mf_bad(mf, at, "%zu to %zu characters are expected here", min, max);
    if (mf_has_controls(text, false))
        return mf_bad(mf, at, "control characters are not allowed here");
    *ret_text = text;
    return AX_OK;
}

enum ax_code mf_word(struct mf *mf, const struct mf_at *at, const struct ax_json_value *value,
                     bool (*is_fine)(struct ax_str text), const char *what, struct ax_str *ret_text)
{
    struct ax_str text = ax_json_str(value);

    if (ax_json_type(value) != AX_JSON_STRING || !is_fine(text))
        return mf_bad(mf, at, "expected: %s", what);
    *ret_text = text;
    return AX_OK;
}

enum ax_code mf_integer(struct mf *mf, const struct mf_at *at, const struct ax_json_value *value,
                        uint32_t min, uint32_t max, uint32_t *ret_number)
{
    int64_t number = 0;

    if (!ax_json_i64(value, min, max, &number))
        return mf_bad(mf, at, "an integer from %u to %u is expected here", min, max);
    *ret_number = (uint32_t)number;
    return AX_OK;
}

enum ax_code mf_bool(struct mf *mf, const struct mf_at *at, const struct ax_json_value *value,
                     bool *ret_bool)
{
    if (ax_json_type(value) != AX_JSON_BOOL)
        return mf_bad(mf, at, "true or false is expected here");
    *ret_bool = ax_json_bool(value, false);
    return AX_OK;
}

enum ax_code mf_list_init(struct mf *mf, struct mf_list *list, size_t max)
{
    list->items = ax_arena_alloc(&mf->manifest->arena, max * sizeof(*list->items));
    list->max = max;
    return list->items ? AX_OK : ax_err_set(mf->err, AX_E_NO_MEMORY, "there is no memory");
}

enum ax_code mf_list_add(struct mf *mf, const struct mf_at *at, struct mf_list *list,
                         struct ax_str item)
{
    for (size_t i = 0; i < list->count; i++)
        if (ax_str_eq(list->items[i], item))
            return mf_bad(mf, at, "this stands in the list twice");
    if (list->count == list->max)
        return mf_bad(mf, at, "at most %zu elements are allowed here", list->max);
    list->items[list->count++] = item;
    return AX_OK;
}

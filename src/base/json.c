/* SPDX-License-Identifier: Apache-2.0 */
/* json.c - how do we read strangers' JSON without surprises?
 *
 * One pass over the text counts depth and keys before anything is allocated; yyjson builds the
 * tree and refuses what is not RFC 8259; a second pass over the tree refuses duplicate keys, on
 * which two readers could disagree. A struct ax_json is a yyjson_doc, a value is a yyjson_val. */
#include "base/json.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <yyjson.h>

#define JSON_KEYS_DEFAULT 1024
#define JSON_KEYS_PAIRS   4  /* objects of up to so many keys are compared pair by pair */
#define JSON_KEYS_TABLE   64 /* and of up to so many by a hash table; beyond, sorted */
#define JSON_TABLE_BITS   7

/* ---- the pass before: depth and keys ---- */

enum json_class { JSON_PLAIN, JSON_QUOTE, JSON_OPEN, JSON_CLOSE, JSON_COLON };

static const uint8_t json_classes[256] = {
    ['"'] = JSON_QUOTE, ['['] = JSON_OPEN,  ['{'] = JSON_OPEN,
    [']'] = JSON_CLOSE, ['}'] = JSON_CLOSE, [':'] = JSON_COLON,
};

static uint64_t json_has_zero_byte(uint64_t eight)
{
    return (eight - UINT64_C(0x0101010101010101)) & ~eight & UINT64_C(0x8080808080808080);
}

/* Position after the string whose first byte is at `at`, or `end` when it does not end. */
static const char *json_skip_string(const char *at, const char *end)
{
    while (at < end) {
        uint64_t eight;

        if (end - at >= (ptrdiff_t)sizeof(eight)) {
            memcpy(&eight, at, sizeof(eight));
            if (json_has_zero_byte(eight ^ UINT64_C(0x2222222222222222)) == 0 &&
                json_has_zero_byte(eight ^ UINT64_C(0x5c5c5c5c5c5c5c5c)) == 0) {
                at += sizeof(eight);
                continue;
            }
        }
        if (*at == '"')
            return at + 1;
        at += *at == '\\' && end - at > 1 ? 2 : 1;
    }
    return end;
}

/* Counts brackets that open, and colons, also inside strings: bounds that the true numbers cannot
 * pass, in a loop without branches. Ordinary documents need no closer look. */
static void json_count(struct ax_str text, size_t *ret_opens, size_t *ret_colons)
{
    enum { BLOCK = 64 };
    size_t opens = 0;
    size_t colons = 0;
    size_t at = 0;

    for (; text.len - at >= BLOCK; at += BLOCK) {
        uint8_t block_opens = 0;
        uint8_t block_colons = 0;

        for (size_t i = 0; i < BLOCK; i++) {
            block_opens = (uint8_t)(block_opens + ((text.ptr[at + i] | 0x20) == '{')); /* or [ */
            block_colons = (uint8_t)(block_colons + (text.ptr[at + i] == ':'));
        }
        opens += block_opens;
        colons += block_colons;
    }
    for (; at < text.len; at++) {
        opens += (text.ptr[at] | 0x20) == '{';
        colons += text.ptr[at] == ':';
    }
    *ret_opens = opens;
    *ret_colons = colons;
}

/* Checks both limits and sets *ret_keys, at least the number of keys. On text that is no JSON the
 * numbers mean nothing, and the parser refuses it afterwards. */
static enum ax_code json_scan(struct ax_str text, size_t keys_max, uint32_t depth_max,
                              size_t *ret_keys, struct ax_err *err)
{
    const char *at = text.ptr;
    const char *end = at + text.len;
    size_t keys = 0;
    size_t opens;
    uint32_t depth = 0;

    json_count(text, &opens, ret_keys);
    if (opens <= depth_max && *ret_keys <= keys_max)
        return AX_OK;
    while (at < end) {
        switch ((enum json_class)json_classes[(unsigned char)*at++]) {
        case JSON_PLAIN: break;
        case JSON_QUOTE: at = json_skip_string(at, end); break;
        case JSON_OPEN:
            if (++depth > depth_max)
                return ax_err_set(err, AX_E_INVALID_REQUEST, "the JSON is nested deeper than %u",
                                  depth_max);
            break;
        case JSON_CLOSE: depth -= depth > 0; break;
        case JSON_COLON:
            if (++keys > keys_max)
                return ax_err_set(err, AX_E_INVALID_REQUEST, "the JSON has more than %zu keys",
                                  keys_max);
            break;
        }
    }
    *ret_keys = keys;
    return AX_OK;
}

/* ---- the pass after: duplicate keys ---- */

static struct ax_str json_str_of(const yyjson_val *val)
{
    return (struct ax_str){ unsafe_yyjson_get_str((yyjson_val *)(uintptr_t)val),
                            unsafe_yyjson_get_len((yyjson_val *)(uintptr_t)val) };
}

/* Any total order will do; the shorter key first is the cheapest to tell. */
static int json_key_cmp(const void *a, const void *b)
{
    struct ax_str left = json_str_of(*(yyjson_val *const *)a);
    struct ax_str right = json_str_of(*(yyjson_val *const *)b);

    if (left.len != right.len)
        return left.len < right.len ? -1 : 1;
    return left.len > 0 ? memcmp(left.ptr, right.ptr, left.len) : 0;
}

/* Fills `keys` with the `count` keys of `object`. */
static void json_list_keys(yyjson_val *object, yyjson_val **keys, size_t count)
{
    yyjson_val *key = unsafe_yyjson_get_first(object);

    for (size_t i = 0; i < count; i++) {
        keys[i] = key;
        key = unsafe_yyjson_get_next(key + 1);
    }
}

static yyjson_val *json_find_twin_pairs(yyjson_val *object, size_t count)
{
    yyjson_val *keys[JSON_KEYS_PAIRS];

    json_list_keys(object, keys, count);
    for (size_t i = 1; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (ax_str_eq(json_str_of(keys[i]), json_str_of(keys[j])))
                return keys[i];
        }
    }
    return NULL;
}

/* Mixes both ends of a key. Keys that are made to collide cost a table of 64 little. */
static size_t json_key_slot(struct ax_str key)
{
    uint64_t head = 0;
    uint64_t tail = 0;

    if (key.len >= sizeof(head)) {
        memcpy(&head, key.ptr, sizeof(head));
        memcpy(&tail, key.ptr + key.len - sizeof(tail), sizeof(tail));
    } else {
        for (size_t i = 0; i < key.len; i++)
            head = head << 8 | (unsigned char)key.ptr[i];
    }
    head = (head ^ key.len) * UINT64_C(0x9e3779b97f4a7c15);
    tail = (tail + (head >> 29)) * UINT64_C(0xbf58476d1ce4e5b9);
    return (size_t)((head ^ tail) >> (64 - JSON_TABLE_BITS));
}

static yyjson_val *json_find_twin_table(yyjson_val *object, size_t count)
{
    yyjson_val *keys[JSON_KEYS_TABLE];
    uint8_t slots[1 << JSON_TABLE_BITS] = { 0 }; /* 1 + position in keys */

    json_list_keys(object, keys, count);
    for (size_t i = 0; i < count; i++) {
        struct ax_str key = json_str_of(keys[i]);
        size_t slot = json_key_slot(key);

        while (slots[slot] != 0) {
            if (ax_str_eq(key, json_str_of(keys[slots[slot] - 1])))
                return keys[i];
            slot = (slot + 1) % AX_ARRAY_LEN(slots);
        }
        slots[slot] = (uint8_t)(i + 1);
    }
    return NULL;
}

/* `keys` has room for all of them. */
static yyjson_val *json_find_twin_sorted(yyjson_val *object, yyjson_val **keys, size_t count)
{
    json_list_keys(object, keys, count);
    qsort(keys, count, sizeof(*keys), json_key_cmp);
    for (size_t i = 1; i < count; i++) {
        if (json_key_cmp(&keys[i - 1], &keys[i]) == 0)
            return keys[i - 1] > keys[i] ? keys[i - 1] : keys[i];
    }
    return NULL;
}

/* A JSON pointer in the making; what does not fit is left out. */
struct json_pointer {
    char text[sizeof(((struct ax_err *)0)->pointer) + 8];
    size_t len;
};

static void json_pointer_put(struct json_pointer *pointer, char byte)
{
    if (pointer->len + 1 < sizeof(pointer->text))
        pointer->text[pointer->len++] = byte;
}

static void json_pointer_add(struct json_pointer *pointer, struct ax_str token)
{
    json_pointer_put(pointer, '/');
    for (size_t i = 0; i < token.len; i++) {
        char byte = token.ptr[i];

        if (byte == '~' || byte == '/') {
            json_pointer_put(pointer, '~');
            byte = byte == '~' ? '0' : '1';
        }
        json_pointer_put(pointer, byte);
    }
}

/* The way from `root` to `target`, a value or a key below it: values lie in the order in which the
 * text names them, so the child that holds the target is the first that ends behind it. */
static void json_pointer_find(struct json_pointer *pointer, yyjson_val *root,
                              const yyjson_val *target)
{
    yyjson_val *val = root;

    while (val != target) {
        bool object = unsafe_yyjson_is_obj(val);
        yyjson_val *key = unsafe_yyjson_get_first(val);
        yyjson_val *child = object ? key + 1 : key;
        size_t index = 0;

        while (unsafe_yyjson_get_next(child) <= target) {
            key = unsafe_yyjson_get_next(child);
            child = object ? key + 1 : key;
            index++;
        }
        if (object) {
            json_pointer_add(pointer, json_str_of(key));
            if (key == target)
                return;
        } else {
            char digits[24];

            (void)snprintf(digits, sizeof(digits), "%zu", index);
            json_pointer_add(pointer, ax_str_of(digits));
        }
        val = child;
    }
}

static enum ax_code json_check_keys(yyjson_doc *doc, size_t keys_most, struct ax_err *err)
{
    AX_AUTO_FREE yyjson_val **keys = NULL;
    yyjson_val *val = yyjson_doc_get_root(doc);
    const yyjson_val *end = val + yyjson_doc_get_val_count(doc);

    for (; val < end; val++) {
        size_t count = unsafe_yyjson_is_obj(val) ? unsafe_yyjson_get_len(val) : 0;
        yyjson_val *twin = NULL;

        if (count < 2)
            continue;
        if (count > JSON_KEYS_TABLE) {
            if (!keys)
                keys = ax_try_alloc(keys_most * sizeof(yyjson_val *));
            if (!keys)
                return ax_err_set(err, AX_E_NO_MEMORY, "no memory to read the JSON");
            twin = json_find_twin_sorted(val, keys, count);
        } else if (count > JSON_KEYS_PAIRS) {
            twin = json_find_twin_table(val, count);
        } else {
            twin = json_find_twin_pairs(val, count);
        }
        if (twin) {
            struct json_pointer pointer = { .len = 0 };

            json_pointer_find(&pointer, yyjson_doc_get_root(doc), twin);
            return ax_err_set_at(err, AX_E_INVALID_REQUEST, pointer.text,
                                 "a key appears twice in one JSON object");
        }
    }
    return AX_OK;
}

/* ---- documents ---- */

static void *json_malloc(void *ctx __attribute__((unused)), size_t size)
{
    return ax_try_alloc(size);
}

static void *json_realloc(void *ctx __attribute__((unused)), void *ptr,
                          size_t old_size __attribute__((unused)), size_t size)
{
    return ax_try_realloc(ptr, size);
}

static void json_mfree(void *ctx __attribute__((unused)), void *ptr)
{
    free(ptr);
}

static const yyjson_alc json_memory = { json_malloc, json_realloc, json_mfree, NULL };

enum ax_code ax_json_parse(struct ax_str text, const struct ax_json_limits *limits,
                           struct ax_json **ret_json, struct ax_err *err)
{
    AX_AUTO(ax_json_free) struct ax_json *json = NULL;
    yyjson_read_err why = { 0 };
    size_t keys = 0;
    enum ax_code code;

    if (text.len > limits->bytes_max)
        return ax_err_set(err, AX_E_PAYLOAD_TOO_LARGE, "the JSON is larger than %zu bytes",
                          limits->bytes_max);
    if (text.len == 0)
        return ax_err_set(err, AX_E_INVALID_REQUEST, "the JSON is empty");
    code = json_scan(text, limits->keys_max > 0 ? limits->keys_max : JSON_KEYS_DEFAULT,
                     limits->depth_max > 0 ? limits->depth_max : AX_JSON_DEPTH_MAX, &keys, err);
    if (code != AX_OK)
        return code;
    /* Without the flag for reading in place the text is copied, so it is not written to. */
    json = (struct ax_json *)yyjson_read_opts((char *)(uintptr_t)text.ptr, text.len,
                                              YYJSON_READ_NOFLAG, &json_memory, &why);
    if (!json && why.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return ax_err_set(err, AX_E_NO_MEMORY, "no memory to read the JSON");
    if (!json)
        return ax_err_set(err, AX_E_INVALID_REQUEST, "this is not JSON: %s, at byte %zu", why.msg,
                          why.pos);
    code = json_check_keys((yyjson_doc *)json, keys, err);
    if (code == AX_OK)
        *ret_json = AX_TAKE(json);
    return code;
}

void ax_json_free(struct ax_json *json)
{
    yyjson_doc_free((yyjson_doc *)json);
}

const struct ax_json_value *ax_json_root(const struct ax_json *json)
{
    return (const struct ax_json_value *)yyjson_doc_get_root((yyjson_doc *)(uintptr_t)json);
}

/* ---- values ---- */

/* yyjson's getters take pointers to what they do not change. */
static yyjson_val *json_val(const struct ax_json_value *value)
{
    return (yyjson_val *)(uintptr_t)value;
}

enum ax_json_type ax_json_type(const struct ax_json_value *value)
{
    yyjson_val *val = json_val(value);

    switch (yyjson_get_type(val)) {
    case YYJSON_TYPE_NULL: return AX_JSON_NULL;
    case YYJSON_TYPE_BOOL: return AX_JSON_BOOL;
    case YYJSON_TYPE_NUM: return yyjson_is_int(val) ? AX_JSON_INT : AX_JSON_DOUBLE;
    case YYJSON_TYPE_STR: return AX_JSON_STRING;
    case YYJSON_TYPE_ARR: return AX_JSON_ARRAY;
    case YYJSON_TYPE_OBJ: return AX_JSON_OBJECT;
    default: return AX_JSON_MISSING;
    }
}

bool ax_json_is_absent(const struct ax_json_value *value)
{
    return !value || yyjson_is_null(json_val(value));
}

const struct ax_json_value *ax_json_get(const struct ax_json_value *object, const char *key)
{
    return ax_json_get_str(object, ax_str_of(key));
}

const struct ax_json_value *ax_json_get_str(const struct ax_json_value *object, struct ax_str key)
{
    const char *name = key.ptr ? key.ptr : "";

    return (const struct ax_json_value *)yyjson_obj_getn(json_val(object), name, key.len);
}

size_t ax_json_count(const struct ax_json_value *container)
{
    return yyjson_is_ctn(json_val(container)) ? yyjson_get_len(json_val(container)) : 0;
}

struct ax_str ax_json_str(const struct ax_json_value *value)
{
    return yyjson_is_str(json_val(value)) ? json_str_of(json_val(value)) : AX_STR("");
}

bool ax_json_bool(const struct ax_json_value *value, bool fallback)
{
    return yyjson_is_bool(json_val(value)) ? yyjson_get_bool(json_val(value)) : fallback;
}

double ax_json_double(const struct ax_json_value *value, double fallback)
{
    return yyjson_is_num(json_val(value)) ? yyjson_get_num(json_val(value)) : fallback;
}

bool ax_json_i64(const struct ax_json_value *value, int64_t min, int64_t max, int64_t *ret_number)
{
    yyjson_val *val = json_val(value);
    int64_t number;

    if (!yyjson_is_int(val) || (yyjson_is_uint(val) && yyjson_get_uint(val) > INT64_MAX))
        return false;
    number = yyjson_get_sint(val);
    if (number < min || number > max)
        return false;
    *ret_number = number;
    return true;
}

bool ax_json_u64(const struct ax_json_value *value, uint64_t max, uint64_t *ret_number)
{
    yyjson_val *val = json_val(value);
    uint64_t number;

    if (!yyjson_is_int(val) || (yyjson_is_sint(val) && yyjson_get_sint(val) < 0))
        return false;
    number = yyjson_get_uint(val);
    if (number > max)
        return false;
    *ret_number = number;
    return true;
}

struct ax_json_iter ax_json_iter(const struct ax_json_value *container)
{
    yyjson_val *val = json_val(container);

    if (ax_json_count(container) == 0)
        return (struct ax_json_iter){ .key = AX_STR("") };
    return (struct ax_json_iter){
        .key = AX_STR(""),
        .next_ = unsafe_yyjson_get_first(val),
        .left_ = yyjson_get_len(val),
        .object_ = yyjson_is_obj(val),
    };
}

bool ax_json_next(struct ax_json_iter *it)
{
    yyjson_val *val = (yyjson_val *)(uintptr_t)it->next_;

    if (it->left_ == 0)
        return false;
    if (it->object_)
        it->key = json_str_of(val++);
    it->value = (const struct ax_json_value *)val;
    it->index = it->seen_++;
    it->next_ = unsafe_yyjson_get_next(val);
    it->left_--;
    return true;
}

enum ax_code ax_json_write_value(struct ax_buf *buf, const struct ax_json_value *value)
{
    AX_AUTO_FREE char *text = NULL;
    yyjson_write_err why = { 0 };
    size_t len = 0;

    if (buf->failed != AX_OK || !value)
        return ax_buf_append_str(buf, AX_STR("null"));
    text = yyjson_val_write_opts(json_val(value), YYJSON_WRITE_NOFLAG, &json_memory, &len, &why);
    if (!text) { /* what was read can be written, so memory is the only reason */
        buf->failed = AX_E_NO_MEMORY;
        return AX_E_NO_MEMORY;
    }
    return ax_buf_append(buf, text, len);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* json.h - how do we read strangers' JSON and write our own?
 *
 * Reading: RFC 8259, strict: one value, valid UTF-8, no BOM, no lone surrogate, no duplicate keys
 * in any object, depth and size checked before anything is allocated. The tree is yyjson's, and
 * this is its only home: callers see struct ax_json_value through the getters below.
 * Writing: straight into a struct ax_buf, commas and escapes done here. */
#ifndef AX_BASE_JSON_H
#define AX_BASE_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define AX_JSON_DEPTH_MAX 32

struct ax_json;       /* a document: owns the bytes of its strings */
struct ax_json_value; /* a value in it, borrowed from the document */

struct ax_json_limits {
    size_t bytes_max;   /* of the text */
    size_t keys_max;    /* object members in the whole document; 0: 1,024 */
    uint32_t depth_max; /* 0: AX_JSON_DEPTH_MAX */
};

/* Reads `text` (borrowed for the call; strings are copied). On AX_OK *ret_json is yours:
 * ax_json_free(). Fails with AX_E_INVALID_REQUEST (the pointer of `err` names the culprit where it
 * is known), AX_E_PAYLOAD_TOO_LARGE (bytes_max), AX_E_NO_MEMORY. */
AX_CHECKED enum ax_code ax_json_parse(struct ax_str text, const struct ax_json_limits *limits,
                                      struct ax_json **ret_json, struct ax_err *err);
void ax_json_free(struct ax_json *json);
AX_AUTO_DEFINE(struct ax_json *, ax_json_free)
const struct ax_json_value *ax_json_root(const struct ax_json *json);

enum ax_json_type {
    AX_JSON_MISSING, /* the value pointer is NULL */
    AX_JSON_NULL,
    AX_JSON_BOOL,
    AX_JSON_INT,    /* fits int64 or uint64 exactly */
    AX_JSON_DOUBLE, /* everything else with digits: 1.0, 1e3 */
    AX_JSON_STRING,
    AX_JSON_ARRAY,
    AX_JSON_OBJECT,
};

/* Every getter takes NULL for `value`, so lookups chain. */
enum ax_json_type ax_json_type(const struct ax_json_value *value);
bool ax_json_is_absent(const struct ax_json_value *value); /* missing or null */
const struct ax_json_value *ax_json_get(const struct ax_json_value *object, const char *key);
const struct ax_json_value *ax_json_get_str(const struct ax_json_value *object, struct ax_str key);
size_t ax_json_count(const struct ax_json_value *container);  /* members or elements, else 0 */
struct ax_str ax_json_str(const struct ax_json_value *value); /* empty unless a string */
bool ax_json_bool(const struct ax_json_value *value, bool fallback);
double ax_json_double(const struct ax_json_value *value, double fallback);
/* True and *ret_number when `value` is an integer within [min, max]. */
bool ax_json_i64(const struct ax_json_value *value, int64_t min, int64_t max, int64_t *ret_number);
bool ax_json_u64(const struct ax_json_value *value, uint64_t max, uint64_t *ret_number);

/* Walks an object's members or an array's elements (key is then empty):
 *     struct ax_json_iter it = ax_json_iter(value);
 *     while (ax_json_next(&it)) use(it.key, it.value); */
struct ax_json_iter {
    struct ax_str key;
    const struct ax_json_value *value;
    size_t index; /* of the current element */
    const void *next_;
    size_t left_;
    size_t seen_;
    bool object_;
};
struct ax_json_iter ax_json_iter(const struct ax_json_value *container);
bool ax_json_next(struct ax_json_iter *it);

/* Writes `value` as compact JSON. */
enum ax_code ax_json_write_value(struct ax_buf *buf, const struct ax_json_value *value);

/* A writer over a buffer: values in order, keys before values inside objects. A failure is the
 * buffer's (sticky): look at buf->failed once at the end. Misuse is our bug and asserts. */
struct ax_json_out {
    struct ax_buf *buf;
    bool comma; /* the next value or key needs a comma first */
    bool keyed; /* a key was written, its value is due */
    unsigned depth;
};
void ax_json_out_init(struct ax_json_out *out, struct ax_buf *buf);
void ax_json_begin_object(struct ax_json_out *out);
void ax_json_end_object(struct ax_json_out *out);
void ax_json_begin_array(struct ax_json_out *out);
void ax_json_end_array(struct ax_json_out *out);
void ax_json_key(struct ax_json_out *out, const char *key);
void ax_json_key_str(struct ax_json_out *out, struct ax_str key);
void ax_json_put_str(struct ax_json_out *out, struct ax_str value); /* invalid UTF-8: U+FFFD */
void ax_json_put_u64(struct ax_json_out *out, uint64_t value);
void ax_json_put_i64(struct ax_json_out *out, int64_t value);
void ax_json_put_double(struct ax_json_out *out, double value);
void ax_json_put_bool(struct ax_json_out *out, bool value);
void ax_json_put_null(struct ax_json_out *out);
void ax_json_put_base64(struct ax_json_out *out, struct ax_str bytes);
void ax_json_put_raw(struct ax_json_out *out, struct ax_str json); /* one whole value of ours */

/* Appends `str` as a JSON string with quotes; invalid UTF-8 becomes U+FFFD. */
enum ax_code ax_json_escape(struct ax_buf *buf, struct ax_str str);

#endif

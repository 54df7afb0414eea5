/* SPDX-License-Identifier: Apache-2.0 */
/* json_out.c - how do we write JSON straight into a buffer? */
#include "base/base64.h"
#include "base/json.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include <yyjson.h>

#define JSON_OUT_NUMBER_ROOM 1024 /* for yyjson's pool, which needs more than the digits */

static bool json_out_is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

/* How many bytes from the start need no second look. */
static size_t json_out_plain_len(struct ax_str str)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t tops = UINT64_C(0x8080808080808080);
    size_t at = 0;

    while (str.len - at >= sizeof(uint64_t)) {
        uint64_t eight;
        uint64_t quote;
        uint64_t slash;

        memcpy(&eight, str.ptr + at, sizeof(eight));
        quote = eight ^ (ones * '"');
        slash = eight ^ (ones * '\\');
        if ((eight | (eight - ones * 0x20) | (quote - ones) | (slash - ones)) & tops)
            break;
        at += sizeof(eight);
    }
    while (at < str.len && json_out_is_plain((unsigned char)str.ptr[at]))
        at++;
    return at;
}

static void json_out_escape_byte(struct ax_buf *buf, unsigned char byte)
{
    static const char shorts[0x20] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'
    };
    char text[6] = { '\\', (char)byte };
    size_t len = 2;

    if (byte < 0x20 && shorts[byte] != 0) {
        text[1] = shorts[byte];
    } else if (byte < 0x20) {
        memcpy(text, "\\u00", 4);
        ax_hex_encode(text + 4, &byte, 1);
        len = 6;
    }
    (void)ax_buf_append(buf, text, len);
}

enum ax_code ax_json_escape(struct ax_buf *buf, struct ax_str str)
{
    (void)ax_buf_append_byte(buf, '"');
    while (str.len > 0 && buf->failed == AX_OK) {
        size_t len = json_out_plain_len(str);

        if (len == 0 && (unsigned char)str.ptr[0] >= 0x80)
            len = ax_str_utf8_len(str);
        if (len > 0) {
            (void)ax_buf_append(buf, str.ptr, len);
        } else {
            len = 1;
            if ((unsigned char)str.ptr[0] >= 0x80)
                (void)ax_buf_append_str(buf, AX_STR("\xef\xbf\xbd"));
            else
                json_out_escape_byte(buf, (unsigned char)str.ptr[0]);
        }
        str = ax_str_from(str, len);
    }
    return ax_buf_append_byte(buf, '"');
}

void ax_json_out_init(struct ax_json_out *out, struct ax_buf *buf)
{
    *out = (struct ax_json_out){ .buf = buf };
}

/* Before each value: the comma it needs, or the key's turn is over. */
static void json_out_value(struct ax_json_out *out)
{
    assert(out->depth > 0 || !out->comma); /* one value is the whole text */
    if (out->comma && !out->keyed)
        (void)ax_buf_append_byte(out->buf, ',');
    out->comma = true;
    out->keyed = false;
}

static void json_out_begin(struct ax_json_out *out, char bracket)
{
    json_out_value(out);
    (void)ax_buf_append_byte(out->buf, bracket);
    out->comma = false;
    out->depth++;
}

static void json_out_end(struct ax_json_out *out, char bracket)
{
    assert(out->depth > 0 && !out->keyed);
    (void)ax_buf_append_byte(out->buf, bracket);
    out->comma = true;
    out->depth--;
}

void ax_json_begin_object(struct ax_json_out *out)
{
    json_out_begin(out, '{');
}

void ax_json_end_object(struct ax_json_out *out)
{
    json_out_end(out, '}');
}

void ax_json_begin_array(struct ax_json_out *out)
{
    json_out_begin(out, '[');
}

void ax_json_end_array(struct ax_json_out *out)
{
    json_out_end(out, ']');
}

void ax_json_key(struct ax_json_out *out, const char *key)
{
    ax_json_key_str(out, ax_str_of(key));
}

void ax_json_key_str(struct ax_json_out *out, struct ax_str key)
{
    assert(out->depth > 0 && !out->keyed);
    if (out->comma)
        (void)ax_buf_append_byte(out->buf, ',');
    (void)ax_json_escape(out->buf, key);
    (void)ax_buf_append_byte(out->buf, ':');
    out->comma = true;
    out->keyed = true;
}

void ax_json_put_str(struct ax_json_out *out, struct ax_str value)
{
    json_out_value(out);
    (void)ax_json_escape(out->buf, value);
}

void ax_json_put_u64(struct ax_json_out *out, uint64_t value)
{
    json_out_value(out);
    (void)ax_buf_append_u64(out->buf, value);
}

void ax_json_put_i64(struct ax_json_out *out, int64_t value)
{
    json_out_value(out);
    if (value < 0)
        (void)ax_buf_append_byte(out->buf, '-');
    (void)ax_buf_append_u64(out->buf, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void ax_json_put_double(struct ax_json_out *out, double value)
{
    char pool[JSON_OUT_NUMBER_ROOM];
    yyjson_alc memory;
    yyjson_val val = { 0 };
    size_t len = 0;
    char *text;

    assert(isfinite(value)); /* JSON has no word for the others */
    json_out_value(out);
    (void)yyjson_set_real(&val, value);
    (void)yyjson_alc_pool_init(&memory, pool, sizeof(pool));
    text = yyjson_val_write_opts(&val, YYJSON_WRITE_NOFLAG, &memory, &len, NULL);
    assert(text);
    (void)ax_buf_append(out->buf, text, len);
}

void ax_json_put_bool(struct ax_json_out *out, bool value)
{
    ax_json_put_raw(out, value ? AX_STR("true") : AX_STR("false"));
}

void ax_json_put_null(struct ax_json_out *out)
{
    ax_json_put_raw(out, AX_STR("null"));
}

void ax_json_put_base64(struct ax_json_out *out, struct ax_str bytes)
{
    json_out_value(out);
    (void)ax_buf_append_byte(out->buf, '"');
    (void)ax_base64_encode(out->buf, bytes);
    (void)ax_buf_append_byte(out->buf, '"');
}

void ax_json_put_raw(struct ax_json_out *out, struct ax_str json)
{
    json_out_value(out);
    (void)ax_buf_append_str(out->buf, json);
}

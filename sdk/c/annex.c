/* SPDX-License-Identifier: Apache-2.0 */
/* annex.c - how are the promises of annex.h kept without a C library?
 * Memory only grows, text is read in place, and every loop ends with its input. */
#include "annex.h"

#define IMPORT(name) __attribute__((import_module("alga"), import_name(name)))
#define PAGE         65536u
#define DEPTH_MAX    64

IMPORT("log_info") void alga_log_info(const char *ptr, uint32_t len);
IMPORT("log_warn") void alga_log_warn(const char *ptr, uint32_t len);
IMPORT("log_error") void alga_log_error(const char *ptr, uint32_t len);
IMPORT("http_fetch") int32_t alga_http_fetch(const char *ptr, uint32_t len, uint32_t *slot);

static const struct annex_str absent = { NULL, 0 };

/* --- memory --- */

extern char __heap_base; /* where the linker's own data ends */
static uintptr_t heap_top;

void *annex_alloc(size_t size)
{
    const uintptr_t start = ((heap_top != 0 ? heap_top : (uintptr_t)&__heap_base) + 15) & ~15ul;
    const uintptr_t have = __builtin_wasm_memory_size(0) * PAGE;

    if (size > UINTPTR_MAX - PAGE - start)
        __builtin_trap();
    if (start + size > have &&
        __builtin_wasm_memory_grow(0, (start + size - have + PAGE - 1) / PAGE) == SIZE_MAX)
        __builtin_trap(); /* the limit of this extension: there is no answer to give */
    heap_top = start + size;
    return (void *)start;
}

/* The compiler calls this by name, whatever we write. */
int memcmp(const void *a, const void *b, size_t len);
int memcmp(const void *a, const void *b, size_t len)
{
    const unsigned char *left = a, *right = b;

    for (size_t i = 0; i < len; i++) {
        if (left[i] != right[i])
            return left[i] - right[i];
    }
    return 0;
}

bool annex_str_equal(struct annex_str a, struct annex_str b)
{
    return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

static struct annex_str str_of(const char *terminated)
{
    size_t len = 0;

    while (terminated[len] != '\0')
        len++;
    return (struct annex_str){ terminated, len };
}

/* --- text that grows --- */

/* Room for `more` bytes at the end. Grows in place while nothing was allocated after it. */
static char *out_reserve(struct annex_out *out, size_t more)
{
    if (more > out->room - out->len) {
        const size_t room = out->room + (more > out->room + 256 ? more : out->room + 256);

        if (room < out->room)
            __builtin_trap();
        if (out->ptr != NULL && (uintptr_t)out->ptr + out->room == heap_top) {
            heap_top = (uintptr_t)out->ptr; /* give it back, take it again, larger */
            (void)annex_alloc(room);
        } else {
            char *ptr = annex_alloc(room);

            __builtin_memcpy(ptr, out->ptr, out->len);
            out->ptr = ptr;
        }
        out->room = room;
    }
    return out->ptr + out->len;
}

void annex_out_text(struct annex_out *out, struct annex_str text)
{
    __builtin_memcpy(out_reserve(out, text.len), text.ptr, text.len);
    out->len += text.len;
}

static void out_byte(struct annex_out *out, char byte)
{
    *out_reserve(out, 1) = byte;
    out->len++;
}

void annex_out_number(struct annex_out *out, uint32_t number)
{
    char digits[10];
    size_t first = sizeof(digits);

    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    annex_out_text(out, (struct annex_str){ digits + first, sizeof(digits) - first });
}

/* Length of the UTF-8 character at `ptr`, 0 when it is none. */
static size_t utf8_len(const unsigned char *ptr, size_t left)
{
    const unsigned char lead = ptr[0];
    const size_t len = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

    if (len == 0 || len > left || lead > 0xf4)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((ptr[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((lead == 0xe0 && ptr[1] < 0xa0) || (lead == 0xed && ptr[1] > 0x9f) ||
        (lead == 0xf0 && ptr[1] < 0x90) || (lead == 0xf4 && ptr[1] > 0x8f))
        return 0; /* overlong, half of a surrogate pair, beyond the last character */
    return len;
}

void annex_out_json(struct annex_out *out, struct annex_str text)
{
    static const char hex[] = "0123456789abcdef";
    size_t step;

    out_byte(out, '"');
    for (size_t i = 0; i < text.len; i += step) {
        const unsigned char c = (unsigned char)text.ptr[i];

        step = utf8_len((const unsigned char *)text.ptr + i, text.len - i);
        if (step == 0) {
            annex_out_text(out, ANNEX_STR("\xef\xbf\xbd")); /* the replacement character */
            step = 1;
        } else if (c == '"' || c == '\\') {
            out_byte(out, '\\');
            out_byte(out, (char)c);
        } else if (c < 0x20) {
            annex_out_text(out, ANNEX_STR("\\u00"));
            out_byte(out, hex[c >> 4]);
            out_byte(out, hex[c & 15]);
        } else {
            annex_out_text(out, (struct annex_str){ text.ptr + i, step });
        }
    }
    out_byte(out, '"');
}

struct annex_str annex_out_str(const struct annex_out *out)
{
    return (struct annex_str){ out->ptr, out->len };
}

/* --- base64 --- */

static const char base64_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void annex_out_base64(struct annex_out *out, struct annex_str bytes)
{
    const unsigned char *in = (const unsigned char *)bytes.ptr;
    char *to = out_reserve(out, (bytes.len + 2) / 3 * 4);

    for (size_t i = 0; i < bytes.len; i += 3) {
        const size_t have = bytes.len - i;
        const uint32_t three = (uint32_t)in[i] << 16 | (have > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
                               (have > 2 ? in[i + 2] : 0);

        *to++ = base64_alphabet[three >> 18];
        *to++ = base64_alphabet[three >> 12 & 63];
        *to++ = have > 1 ? base64_alphabet[three >> 6 & 63] : '=';
        *to++ = have > 2 ? base64_alphabet[three & 63] : '=';
    }
    out->len += (bytes.len + 2) / 3 * 4;
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

struct annex_str annex_base64_decode(struct annex_str text)
{
    size_t pad = 0, len = 0;
    uint32_t bits = 0;
    char *to;

    if (text.ptr == NULL || text.len % 4 != 0)
        return absent;
    while (pad < 2 && pad < text.len && text.ptr[text.len - 1 - pad] == '=')
        pad++;
    to = annex_alloc(text.len / 4 * 3);
    for (size_t i = 0; i < text.len; i++) {
        const int value = i < text.len - pad ? base64_value(text.ptr[i]) : 0;

        if (value < 0)
            return absent;
        bits = bits << 6 | (uint32_t)value;
        if (i % 4 == 3) {
            to[len++] = (char)(bits >> 16);
            to[len++] = (char)(bits >> 8);
            to[len++] = (char)bits;
        }
    }
    if ((pad == 1 && (bits & 0xff) != 0) || (pad == 2 && (bits & 0xffff) != 0))
        return absent; /* two spellings of the same bytes: only one is right */
    return (struct annex_str){ to, len - pad };
}

/* --- JSON, read in place --- */

struct scan {
    const char *at;
    const char *end;
};

static bool scan_skip_value(struct scan *scan, int depth);

static void scan_space(struct scan *scan)
{
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\n' || *scan->at == '\r'))
        scan->at++;
}

static bool scan_take(struct scan *scan, char c)
{
    if (scan->at == scan->end || *scan->at != c)
        return false;
    scan->at++;
    return true;
}

static bool scan_word(struct scan *scan, struct annex_str word)
{
    if ((size_t)(scan->end - scan->at) < word.len || memcmp(scan->at, word.ptr, word.len) != 0)
        return false;
    scan->at += word.len;
    return true;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hex digits; -1 when they are not. */
static int32_t scan_hex4(struct scan *scan)
{
    int32_t value = 0;

    if (scan->end - scan->at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        const int digit = hex_value(*scan->at++);

        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* Writes one character as UTF-8, where `to` is not NULL. Returns its length. */
static size_t utf8_write(char *to, uint32_t c)
{
    const size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = { 0, 0x00, 0xc0, 0xe0, 0xf0 };

    if (to != NULL) {
        for (size_t i = len - 1; i > 0; i--) {
            to[i] = (char)(0x80 | (c & 0x3f));
            c >>= 6;
        }
        to[0] = (char)(lead[len] | c);
    }
    return len;
}

/* The character behind a backslash, surrogate pairs joined; -1 when there is none. */
static int32_t scan_escape(struct scan *scan)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    int32_t high, low;
    char c;

    if (scan->at == scan->end)
        return -1;
    c = *scan->at++;
    for (size_t i = 0; i < sizeof(from) - 1; i++) {
        if (c == from[i])
            return to[i];
    }
    if (c != 'u' || (high = scan_hex4(scan)) < 0 || (high >= 0xdc00 && high < 0xe000))
        return -1;
    if (high < 0xd800 || high >= 0xe000)
        return high;
    if (!scan_take(scan, '\\') || !scan_take(scan, 'u') || (low = scan_hex4(scan)) < 0xdc00 ||
        low >= 0xe000)
        return -1;
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/* One string. Its decoded bytes go to `to` where that is not NULL; -1 when it is malformed. */
static int32_t scan_string(struct scan *scan, char *to)
{
    size_t len = 0;

    if (!scan_take(scan, '"'))
        return -1;
    while (scan->at < scan->end) {
        const unsigned char c = (unsigned char)*scan->at;

        if (c == '"') {
            scan->at++;
            return (int32_t)len;
        }
        if (c == '\\') {
            int32_t decoded;

            scan->at++;
            if ((decoded = scan_escape(scan)) < 0)
                return -1;
            len += utf8_write(to != NULL ? to + len : NULL, (uint32_t)decoded);
        } else {
            const size_t step = utf8_len((const unsigned char *)scan->at,
                                         (size_t)(scan->end - scan->at));

            if (c < 0x20 || step == 0)
                return -1;
            if (to != NULL)
                __builtin_memcpy(to + len, scan->at, step);
            len += step;
            scan->at += step;
        }
    }
    return -1;
}

static bool scan_digits(struct scan *scan)
{
    const char *start = scan->at;

    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
        scan->at++;
    return scan->at > start;
}

static bool scan_number(struct scan *scan)
{
    (void)scan_take(scan, '-');
    if (!scan_take(scan, '0') && !scan_digits(scan))
        return false;
    if (scan_take(scan, '.') && !scan_digits(scan))
        return false;
    if (scan_take(scan, 'e') || scan_take(scan, 'E')) {
        if (!scan_take(scan, '+'))
            (void)scan_take(scan, '-');
        return scan_digits(scan);
    }
    return true;
}

/* The inside of an object or array up to its closing bracket, which it takes too. */
static bool scan_skip_members(struct scan *scan, char close, int depth)
{
    scan_space(scan);
    if (scan_take(scan, close))
        return true;
    do {
        if (close == '}') {
            scan_space(scan);
            if (scan_string(scan, NULL) < 0)
                return false;
            scan_space(scan);
            if (!scan_take(scan, ':'))
                return false;
        }
        if (!scan_skip_value(scan, depth))
            return false;
        scan_space(scan);
    } while (scan_take(scan, ','));
    return scan_take(scan, close);
}

static bool scan_skip_value(struct scan *scan, int depth)
{
    scan_space(scan);
    if (scan->at == scan->end || depth == DEPTH_MAX)
        return false;
    switch (*scan->at) {
    case '{': scan->at++; return scan_skip_members(scan, '}', depth + 1);
    case '[': scan->at++; return scan_skip_members(scan, ']', depth + 1);
    case '"': return scan_string(scan, NULL) >= 0;
    case 't': return scan_word(scan, ANNEX_STR("true"));
    case 'f': return scan_word(scan, ANNEX_STR("false"));
    case 'n': return scan_word(scan, ANNEX_STR("null"));
    default: return scan_number(scan);
    }
}

bool annex_json_valid(struct annex_str text)
{
    struct scan scan = { text.ptr, text.ptr + text.len };

    if (!scan_skip_value(&scan, 0))
        return false;
    scan_space(&scan);
    return scan.at == scan.end;
}

/* Takes the string at `scan`; absent when malformed. Every escape is longer than what it stands for,
 * so a string of unchanged length has none and is borrowed from the text. */
static struct annex_str scan_take_string(struct scan *scan)
{
    struct scan measure = *scan;
    const int32_t len = scan_string(&measure, NULL);
    struct annex_str string = { scan->at + 1, (size_t)len };

    if (len < 0)
        return absent;
    if (measure.at - scan->at != len + 2) {
        char *ptr = annex_alloc((size_t)len);

        (void)scan_string(scan, ptr);
        string.ptr = ptr;
    }
    *scan = measure;
    return string;
}

struct annex_str annex_json_string(struct annex_str value)
{
    struct scan scan = { value.ptr, value.ptr + value.len };

    return scan_take_string(&scan);
}

struct annex_str annex_json_member(struct annex_str object, const char *name)
{
    const struct annex_str wanted = str_of(name);
    struct scan scan = { object.ptr, object.ptr + object.len };

    scan_space(&scan);
    if (!scan_take(&scan, '{'))
        return absent;
    do {
        struct annex_str key, value;

        scan_space(&scan);
        key = scan_take_string(&scan);
        scan_space(&scan);
        if (key.ptr == NULL || !scan_take(&scan, ':'))
            return absent;
        scan_space(&scan);
        value.ptr = scan.at;
        if (!scan_skip_value(&scan, 1))
            return absent;
        value.len = (size_t)(scan.at - value.ptr);
        if (annex_str_equal(key, wanted))
            return value;
        scan_space(&scan);
    } while (scan_take(&scan, ','));
    return absent;
}

int32_t annex_json_number(struct annex_str value, int32_t max)
{
    int64_t number = 0;

    if (value.len == 0 || (value.len > 1 && value.ptr[0] == '0'))
        return -1;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9')
            return -1;
        number = number * 10 + (value.ptr[i] - '0');
        if (number > max)
            return -1;
    }
    return (int32_t)number;
}

/* --- the request --- */

struct annex_str annex_request_endpoint(const struct annex_request *request)
{
    return annex_json_string(annex_json_member(request->json, "endpoint"));
}

struct annex_str annex_request_param(const struct annex_request *request, const char *name)
{
    return annex_json_string(annex_json_member(annex_json_member(request->json, "params"), name));
}

struct annex_str annex_request_query(const struct annex_request *request, const char *name)
{
    const struct annex_str http = annex_json_member(request->json, "http");

    return annex_json_string(annex_json_member(annex_json_member(http, "query"), name));
}

struct annex_str annex_request_body(const struct annex_request *request)
{
    const struct annex_str http = annex_json_member(request->json, "http");

    return annex_base64_decode(annex_json_string(annex_json_member(http, "body_b64")));
}

/* --- the answer, and calls to the host --- */

void annex_answer(const struct annex_response *response, uint32_t *slot)
{
    struct annex_out json = { 0 };

    annex_out_text(&json, ANNEX_STR("{\"status\":"));
    annex_out_number(&json, (uint32_t)response->status);
    annex_out_text(&json, ANNEX_STR(",\"headers\":{\"content-type\":"));
    annex_out_json(&json, response->content_type);
    annex_out_text(&json, ANNEX_STR("},\"body_b64\":\""));
    annex_out_base64(&json, annex_out_str(&response->body));
    annex_out_text(&json, ANNEX_STR("\"}"));
    slot[0] = (uint32_t)(uintptr_t)json.ptr;
    slot[1] = (uint32_t)json.len;
}

enum annex_code annex_http_fetch(struct annex_str method, struct annex_str url,
                                 struct annex_str body, struct annex_fetched *ret_fetched)
{
    struct annex_out request = { 0 };
    uint32_t slot[2] = { 0, 0 };
    struct annex_str answer, bytes;
    int32_t code, status;

    annex_out_text(&request, ANNEX_STR("{\"method\":"));
    annex_out_json(&request, method);
    annex_out_text(&request, ANNEX_STR(",\"url\":"));
    annex_out_json(&request, url);
    annex_out_text(&request, ANNEX_STR(",\"headers\":{},\"body_b64\":"));
    if (body.ptr != NULL) {
        out_byte(&request, '"');
        annex_out_base64(&request, body);
        annex_out_text(&request, ANNEX_STR("\"}"));
    } else {
        annex_out_text(&request, ANNEX_STR("null}"));
    }
    code = alga_http_fetch(request.ptr, (uint32_t)request.len, slot);
    if (code != ANNEX_OK)
        return (enum annex_code)code;

    answer = (struct annex_str){ (const char *)(uintptr_t)slot[0], slot[1] };
    status = annex_json_number(annex_json_member(answer, "status"), 999);
    bytes = annex_json_string(annex_json_member(answer, "body_b64"));
    if (bytes.ptr != NULL)
        bytes = annex_base64_decode(bytes);
    if (status < 0)
        return ANNEX_INTERNAL;
    *ret_fetched = (struct annex_fetched){ .status = status, .body = bytes };
    return ANNEX_OK;
}

struct annex_str annex_code_name(enum annex_code code)
{
    switch (code) {
    case ANNEX_OK: return ANNEX_STR("ok");
    case ANNEX_INVALID_REQUEST: return ANNEX_STR("invalid_request");
    case ANNEX_DENIED: return ANNEX_STR("denied");
    case ANNEX_MISSING: return ANNEX_STR("missing");
    case ANNEX_CONFLICT: return ANNEX_STR("conflict");
    case ANNEX_NOT_ALLOWED: return ANNEX_STR("not_allowed");
    case ANNEX_TRANSPORT: return ANNEX_STR("transport");
    case ANNEX_TOO_LARGE: return ANNEX_STR("too_large");
    case ANNEX_DEADLINE: return ANNEX_STR("deadline");
    case ANNEX_QUOTA: return ANNEX_STR("quota");
    case ANNEX_NOT_AVAILABLE: return ANNEX_STR("not_available");
    case ANNEX_INTERNAL: return ANNEX_STR("internal");
    case ANNEX_INSIDE_ALLOC: return ANNEX_STR("inside_alloc");
    }
    return ANNEX_STR("unknown");
}

void annex_log_info(struct annex_str text)
{
    alga_log_info(text.ptr, (uint32_t)text.len);
}

void annex_log_warn(struct annex_str text)
{
    alga_log_warn(text.ptr, (uint32_t)text.len);
}

void annex_log_error(struct annex_str text)
{
    alga_log_error(text.ptr, (uint32_t)text.len);
}

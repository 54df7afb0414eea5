/* SPDX-License-Identifier: Apache-2.0 */
/* answer.c - which bytes announce an answer? */
#include "http/answer.h"

#include "base/json.h"
#include "http/server.h"

#include <string.h>
#include <time.h>

bool ax_answer_is_bare(int status)
{
    return status == 204 || status == 304;
}

static bool answer_may_be_sent(const struct ax_answer *answer)
{
    if (answer->status < 200 || answer->status > 599)
        return false;
    for (size_t i = 0; i < answer->count; i++) {
        const struct ax_http_header *header = &answer->headers[i];

        if (!ax_http_is_token(header->name) || !ax_http_is_value(header->value) ||
            ax_http_is_framing(header->name))
            return false;
    }
    return true;
}

static char *answer_put(char *at, struct ax_str str)
{
    memcpy(at, str.ptr, str.len);
    return at + str.len;
}

static char *answer_put_u64(char *at, uint64_t value)
{
    char digits[20];
    size_t len = 0;

    do
        digits[len++] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    while (len > 0)
        *at++ = digits[--len];
    return at;
}

/* All lines of ours with the longest numbers, and the two ends. */
#define ANSWER_OWN_MAX 256

enum ax_code ax_answer_head(struct ax_buf *out, const struct ax_answer *answer)
{
    struct ax_str words = ax_http_status_words(answer->status);
    size_t len = ANSWER_OWN_MAX;
    char *start, *at;
    enum ax_code code;

    if (!answer_may_be_sent(answer))
        return AX_E_INTERNAL;
    for (size_t i = 0; i < answer->count; i++)
        len += answer->headers[i].name.len + answer->headers[i].value.len + 4;
    code = ax_buf_reserve(out, len, &start);
    if (code != AX_OK)
        return code;
    at = answer_put(start, AX_STR("HTTP/1.1 "));
    at = answer_put_u64(at, (uint64_t)answer->status);
    *at++ = ' ';
    at = answer_put(at, words);
    at = answer_put(at, AX_STR("\r\ndate: "));
    at = answer_put(at, answer->date);
    if (!ax_answer_is_bare(answer->status)) {
        at = answer_put(at, AX_STR("\r\ncontent-length: "));
        at = answer_put_u64(at, answer->body_len);
    }
    if (answer->close)
        at = answer_put(at, AX_STR("\r\nconnection: close"));
    else if (answer->keep)
        at = answer_put(at, AX_STR("\r\nconnection: keep-alive"));
    for (size_t i = 0; i < answer->count; i++) {
        at = answer_put(at, AX_STR("\r\n"));
        at = answer_put(at, answer->headers[i].name);
        at = answer_put(at, AX_STR(": "));
        if (answer->headers[i].value.len > 0)
            at = answer_put(at, answer->headers[i].value);
    }
    at = answer_put(at, AX_STR("\r\n\r\n"));
    ax_buf_advance(out, (size_t)(at - start));
    return AX_OK;
}

void ax_http_date(int64_t unix_s, char room[AX_HTTP_DATE_LEN + 1])
{
    static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    time_t time = (time_t)unix_s;
    struct tm tm;
    char form[40];

    gmtime_r(&time, &tm);
    strftime(form, sizeof(form), "???, %d ??? %Y %H:%M:%S GMT", &tm); /* names without a locale */
    memcpy(form, days[tm.tm_wday], 3);
    memcpy(form + 8, months[tm.tm_mon], 3);
    memcpy(room, form, AX_HTTP_DATE_LEN);
    room[AX_HTTP_DATE_LEN] = '\0';
}

void ax_http_error_json(struct ax_buf *out, enum ax_code code, const struct ax_err *err,
                        struct ax_str request_id)
{
    const struct ax_code_info *info = ax_code_info(ax_code_on_wire(code));
    bool worded = err && err->message[0] && ax_code_on_wire(code) == code;
    struct ax_json_out json;

    ax_json_out_init(&json, out);
    ax_json_begin_object(&json);
    ax_json_key(&json, "error");
    ax_json_begin_object(&json);
    ax_json_key(&json, "code");
    ax_json_put_str(&json, ax_str_of(info->name));
    ax_json_key(&json, "message");
    ax_json_put_str(&json, ax_str_of(worded ? err->message : info->words));
    ax_json_key(&json, "request_id");
    ax_json_put_str(&json, request_id);
    if (err && err->pointer[0]) {
        ax_json_key(&json, "pointer");
        ax_json_put_str(&json, ax_str_of(err->pointer));
    }
    ax_json_end_object(&json);
    ax_json_end_object(&json);
}

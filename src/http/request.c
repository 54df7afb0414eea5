/* SPDX-License-Identifier: Apache-2.0 */
/* request.c - when is a request's text beyond doubt? */
#include "http/request.h"

#include "base/alloc.h"
#include "http/chars.h"

#include <assert.h>
#include <string.h>

/* "OPTIONS " before and " HTTP/1.1" with two line ends behind: what a head holds beside its target
 * and headers, and one empty line before it. */
#define REQUEST_LINE_EXTRA 32

/* All chunk extensions of one body. Nobody we know sends any. */
#define REQUEST_EXTENSIONS_MAX 1024

/* Chunk framing may weigh this much more than the bytes it frames. */
#define REQUEST_FRAMING_SPARE (16u << 10)

static int request_on_headers_complete(llhttp_t *parser)
{
    (void)parser;
    return HPE_PAUSED;
}

static int request_on_message_complete(llhttp_t *parser)
{
    (void)parser;
    return HPE_PAUSED;
}

static enum ax_request_event request_bad(struct ax_request *request, enum ax_code code,
                                         const char *words)
{
    if (request->code == AX_OK) { /* the first failure wins */
        request->code = code;
        request->words = words;
    }
    return AX_REQUEST_BAD;
}

static int request_on_body(llhttp_t *parser, const char *at, size_t len)
{
    struct ax_request *request = parser->data;
    enum ax_code code = ax_buf_append(request->chunk_out, at, len);

    if (code == AX_OK)
        return 0;
    if (code == AX_E_TOO_BIG)
        request_bad(request, AX_E_PAYLOAD_TOO_LARGE, "the body is too large");
    else
        request_bad(request, AX_E_OVERLOADED, "there is no memory for the body");
    return HPE_USER;
}

static int request_on_chunk_header(llhttp_t *parser)
{
    struct ax_request *request = parser->data;
    const struct ax_buf *out = request->chunk_out;

    if (parser->content_length <= out->max - out->len)
        return 0;
    request_bad(request, AX_E_PAYLOAD_TOO_LARGE, "the body is too large");
    return HPE_USER;
}

static int request_on_chunk_extension(llhttp_t *parser, const char *at, size_t len)
{
    struct ax_request *request = parser->data;

    (void)at;
    request->chunk_extensions += len;
    if (request->chunk_extensions <= REQUEST_EXTENSIONS_MAX)
        return 0;
    request_bad(request, AX_E_INVALID_REQUEST, "the chunk extensions are too long");
    return HPE_USER;
}

static const llhttp_settings_t request_settings = {
    .on_headers_complete = request_on_headers_complete,
    .on_message_complete = request_on_message_complete,
    .on_body = request_on_body,
    .on_chunk_header = request_on_chunk_header,
    .on_chunk_extension_name = request_on_chunk_extension,
    .on_chunk_extension_value = request_on_chunk_extension,
};

void ax_request_init(struct ax_request *request, const struct ax_request_limits *limits)
{
    memset(request, 0, sizeof(*request));
    request->limits = *limits;
    request->headers = ax_alloc(limits->header_count * sizeof(*request->headers));
    ax_request_begin(request);
}

void ax_request_done(struct ax_request *request)
{
    free(request->headers);
    request->headers = NULL;
}

size_t ax_request_head_max(const struct ax_request_limits *limits)
{
    return limits->target_bytes + limits->header_bytes + REQUEST_LINE_EXTRA;
}

void ax_request_begin(struct ax_request *request)
{
    llhttp_init(&request->parser, HTTP_REQUEST, &request_settings);
    request->parser.data = request;
    request->method = AX_METHOD_GET;
    request->method_text = request->target = request->path = request->query = AX_STR_NONE;
    request->minor = 1;
    request->header_count = 0;
    request->head_len = 0;
    request->head_fed = 0;
    request->chunk_fed = 0;
    request->chunk_extensions = 0;
    request->content_length = 0;
    request->body = AX_BODY_NONE;
    request->keep_alive = false;
    request->says_close = false;
    request->expects_continue = false;
    request->code = AX_OK;
    request->words = "";
}

struct ax_str ax_request_header(const struct ax_request *request, struct ax_str lower_name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (ax_str_eq(request->headers[i].name, lower_name))
            return request->headers[i].value;
    }
    return AX_STR_NONE;
}

/* --- our own walk over a head that llhttp has accepted --- */

/* Bytes of a target. A '#' never travels, quotes and angle brackets would have been escaped. */
static bool request_is_target_byte(char byte)
{
    return byte > 0x20 && byte < 0x7f && byte != '"' && byte != '<' && byte != '>' && byte != '#';
}

static bool request_find_method(struct ax_request *request, struct ax_str text)
{
    static const struct ax_str names[] = {
        [AX_METHOD_GET] = AX_STR_INIT("GET"),         [AX_METHOD_HEAD] = AX_STR_INIT("HEAD"),
        [AX_METHOD_POST] = AX_STR_INIT("POST"),       [AX_METHOD_PUT] = AX_STR_INIT("PUT"),
        [AX_METHOD_PATCH] = AX_STR_INIT("PATCH"),     [AX_METHOD_DELETE] = AX_STR_INIT("DELETE"),
        [AX_METHOD_OPTIONS] = AX_STR_INIT("OPTIONS"),
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(names); i++) {
        if (ax_str_eq(text, names[i])) {
            request->method = (enum ax_method)i;
            return true;
        }
    }
    return false;
}

/* Splits the target into authority (of the absolute form), path and query. */
static bool request_split_target(struct ax_request *request)
{
    struct ax_str rest = request->target;
    size_t mark;

    request->authority = AX_STR_NONE;
    request->query = AX_STR_NONE;
    if (ax_str_eq(rest, AX_STR("*"))) {
        request->path = rest;
        return request->method == AX_METHOD_OPTIONS;
    }
    if (rest.ptr[0] != '/') {
        static const struct ax_str schemes[] = { AX_STR_INIT("http://"), AX_STR_INIT("https://") };
        size_t scheme = ax_str_starts(rest, schemes[0]) ? 0 : 1;

        if (!ax_str_starts(rest, schemes[scheme]))
            return false;
        rest = ax_str_from(rest, schemes[scheme].len);
        mark = ax_str_find(rest, '/');
        if (mark == rest.len)
            return false; /* "http://host" alone has no path: nobody but a prober sends it */
        request->authority = ax_str_sub(rest, 0, mark);
        rest = ax_str_from(rest, mark);
    }
    mark = ax_str_find(rest, '?');
    request->path = ax_str_sub(rest, 0, mark);
    if (mark < rest.len)
        request->query = ax_str_from(rest, mark + 1);
    return true;
}

/* METHOD SP target SP HTTP/1.x CR LF, one space each. *at moves behind the line. */
static enum ax_request_event request_read_line(struct ax_request *request, const char *bytes,
                                               size_t end, size_t *at)
{
    static const struct ax_str version = AX_STR_INIT(" HTTP/1.");
    size_t start = *at;
    size_t i = start;

    while (i < end && ax_http_bytes[(uint8_t)bytes[i]] & AX_HTTP_BYTE_TOKEN)
        i++;
    request->method_text = ax_str_make(bytes + start, i - start);
    if (i == end || bytes[i] != ' ')
        return request_bad(request, AX_E_INVALID_REQUEST, "the request line is malformed");
    start = ++i;
    while (i < end && request_is_target_byte(bytes[i]))
        i++;
    request->target = ax_str_make(bytes + start, i - start);
    if (end - i < version.len + 3 || i == start ||
        memcmp(bytes + i, version.ptr, version.len) != 0 || bytes[i + version.len + 1] != '\r' ||
        bytes[i + version.len + 2] != '\n')
        return request_bad(request, AX_E_INVALID_REQUEST, "the request line is malformed");
    request->minor = bytes[i + version.len] - '0';
    if (request->minor != 0 && request->minor != 1)
        return request_bad(request, AX_E_INVALID_REQUEST, "only HTTP/1.0 and HTTP/1.1 are spoken");
    *at = i + version.len + 3;
    if (request->target.len > request->limits.target_bytes)
        return request_bad(request, AX_E_PAYLOAD_TOO_LARGE, "the request target is too long");
    if (!request_find_method(request, request->method_text))
        return request_bad(request, AX_E_METHOD_NOT_ALLOWED, "the method is not allowed here");
    if (!request_split_target(request))
        return request_bad(request, AX_E_INVALID_REQUEST, "the request target is malformed");
    return AX_REQUEST_HEAD;
}

/* name ':' OWS value OWS CR LF. Lowers the name. *at moves behind the line. */
static bool request_read_header(char *bytes, size_t end, size_t *at, struct ax_http_header *header)
{
    size_t start = *at;
    size_t i = start;
    size_t value;

    for (; i < end && ax_http_bytes[(uint8_t)bytes[i]] & AX_HTTP_BYTE_TOKEN; i++) {
        if (bytes[i] >= 'A' && bytes[i] <= 'Z')
            bytes[i] = (char)(bytes[i] | 0x20);
    }
    header->name = ax_str_make(bytes + start, i - start);
    if (i == start || i == end || bytes[i] != ':')
        return false;
    value = ++i;
    while (i < end && ax_http_bytes[(uint8_t)bytes[i]] & AX_HTTP_BYTE_VALUE)
        i++;
    header->value = ax_str_trim(ax_str_make(bytes + value, i - value));
    if (end - i < 2 || bytes[i] != '\r' || bytes[i + 1] != '\n')
        return false;
    *at = i + 2;
    return true;
}

static enum ax_request_event request_read_headers(struct ax_request *request, char *bytes,
                                                  size_t end, size_t at)
{
    size_t last = end - 2; /* where the empty line begins */

    if (last - at > request->limits.header_bytes)
        return request_bad(request, AX_E_PAYLOAD_TOO_LARGE, "the headers are too large");
    while (at < last) {
        if (request->header_count == request->limits.header_count)
            return request_bad(request, AX_E_PAYLOAD_TOO_LARGE, "there are too many headers");
        if (!request_read_header(bytes, end, &at, &request->headers[request->header_count]))
            return request_bad(request, AX_E_INVALID_REQUEST, "a header is malformed");
        request->header_count++;
    }
    if (at != last)
        return request_bad(request, AX_E_INVALID_REQUEST, "a header is malformed");
    return AX_REQUEST_HEAD;
}

static void request_read_connection(struct ax_request *request, struct ax_str value)
{
    struct ax_str element;

    while (ax_http_list_next(&value, &element)) {
        if (ax_str_eq_nocase(element, AX_STR("close")))
            request->says_close = true;
        else if (ax_str_eq_nocase(element, AX_STR("keep-alive")))
            request->keep_alive = true;
    }
}

/* Headers that mean something only once. */
enum request_single {
    SINGLE_HOST,
    SINGLE_LENGTH,
    SINGLE_ENCODING,
    SINGLE_EXPECT,
    SINGLE_AUTHORIZATION,
    SINGLE_TYPE,
    SINGLE_COUNT
};

static const struct ax_str request_singles[SINGLE_COUNT] = {
    [SINGLE_HOST] = AX_STR_INIT("host"),
    [SINGLE_LENGTH] = AX_STR_INIT("content-length"),
    [SINGLE_ENCODING] = AX_STR_INIT("transfer-encoding"),
    [SINGLE_EXPECT] = AX_STR_INIT("expect"),
    [SINGLE_AUTHORIZATION] = AX_STR_INIT("authorization"),
    [SINGLE_TYPE] = AX_STR_INIT("content-type"),
};

/* Notes the value of each single header; ptr stays NULL for those that are missing. */
static enum ax_request_event request_read_singles(struct ax_request *request,
                                                  struct ax_str singles[SINGLE_COUNT])
{
    for (size_t i = 0; i < request->header_count; i++) {
        const struct ax_http_header *header = &request->headers[i];

        if (ax_str_eq(header->name, AX_STR("connection")))
            request_read_connection(request, header->value);
        if (ax_str_eq(header->name, AX_STR("upgrade")))
            return request_bad(request, AX_E_INVALID_REQUEST, "no other protocol is spoken here");
        for (size_t k = 0; k < SINGLE_COUNT; k++) {
            if (!ax_str_eq(header->name, request_singles[k]))
                continue;
            if (singles[k].ptr)
                return request_bad(request, AX_E_INVALID_REQUEST, "a header came twice");
            singles[k] = header->value;
        }
    }
    return AX_REQUEST_HEAD;
}

/* RFC 9112 §6.3, without any of its ways to repair. */
static enum ax_request_event request_decide_body(struct ax_request *request, struct ax_str length,
                                                 struct ax_str encoding)
{
    bool chunked = encoding.ptr != NULL;

    if (chunked &&
        (length.ptr || request->minor == 0 || !ax_str_eq_nocase(encoding, AX_STR("chunked"))))
        return request_bad(request, AX_E_INVALID_REQUEST,
                           "the transfer encoding is not understood");
    if (length.ptr && !ax_str_to_u64(length, INT64_MAX, &request->content_length))
        return request_bad(request, AX_E_INVALID_REQUEST, "the content length is not a number");
    if (chunked)
        request->body = AX_BODY_CHUNKED;
    else if (request->content_length > 0)
        request->body = AX_BODY_LENGTH;
    if (chunked != ((request->parser.flags & F_CHUNKED) != 0) ||
        (length.ptr != NULL) != ((request->parser.flags & F_CONTENT_LENGTH) != 0))
        return request_bad(request, AX_E_INVALID_REQUEST, "the framing is ambiguous");
    return AX_REQUEST_HEAD;
}

static enum ax_request_event request_decide(struct ax_request *request)
{
    struct ax_str singles[SINGLE_COUNT] = { { NULL, 0 } };
    struct ax_str host, expect;

    if (request_read_singles(request, singles) == AX_REQUEST_BAD)
        return AX_REQUEST_BAD;
    host = singles[SINGLE_HOST];
    expect = singles[SINGLE_EXPECT];
    if (!host.ptr && request->minor == 1)
        return request_bad(request, AX_E_INVALID_REQUEST, "the Host header is missing");
    if (host.ptr && !ax_http_is_authority(host))
        return request_bad(request, AX_E_INVALID_REQUEST, "the Host header is malformed");
    if (request->authority.ptr && !(host.ptr && ax_str_eq_nocase(request->authority, host)))
        return request_bad(request, AX_E_INVALID_REQUEST, "target and Host header disagree");
    if (expect.ptr && request->minor == 1) {
        if (!ax_str_eq_nocase(expect, AX_STR("100-continue")))
            return request_bad(request, AX_E_INVALID_REQUEST, "the expectation is not understood");
        request->expects_continue = true;
    }
    if (request->says_close)
        request->keep_alive = false;
    else if (request->minor == 1)
        request->keep_alive = true;
    else
        request->says_close = !request->keep_alive;
    return request_decide_body(request, singles[SINGLE_LENGTH], singles[SINGLE_ENCODING]);
}

/* --- both readers together --- */

static enum ax_request_event request_parser_failed(struct ax_request *request)
{
    return request_bad(request, AX_E_INVALID_REQUEST, "the request is malformed");
}

/* RFC 9112 §2.2 wants one empty line before a request to be ignored; llhttp ignores any number of
 * CR and LF. Returns how many bytes to skip, or SIZE_MAX when it is not known yet. */
static size_t request_leading(struct ax_request *request, const char *bytes, size_t len)
{
    size_t skip = 0;

    if (len == 0 || (bytes[0] == '\r' && len < 3))
        skip = len >= 2 && bytes[1] != '\n' ? 0 : SIZE_MAX;
    else if (bytes[0] == '\r' && bytes[1] == '\n')
        skip = 2;
    if (skip != SIZE_MAX && (bytes[skip] == '\r' || bytes[skip] == '\n'))
        request_parser_failed(request);
    return skip;
}

enum ax_request_event ax_request_feed_head(struct ax_request *request, char *bytes, size_t len)
{
    size_t skip = request_leading(request, bytes, len);
    size_t at = skip;
    llhttp_errno_t result;

    if (request->code != AX_OK)
        return AX_REQUEST_BAD;
    if (skip == SIZE_MAX)
        return AX_REQUEST_MORE;
    if (request->head_fed == 0)
        request->head_fed = skip;
    result = llhttp_execute(&request->parser, bytes + request->head_fed, len - request->head_fed);
    request->head_fed = len;
    if (result == HPE_OK) {
        if (len <= ax_request_head_max(&request->limits))
            return AX_REQUEST_MORE;
        return request_bad(request, AX_E_PAYLOAD_TOO_LARGE, "the head of the request is too large");
    }
    if (result != HPE_PAUSED)
        return request_parser_failed(request);
    request->head_len = (size_t)(llhttp_get_error_pos(&request->parser) - bytes);
    if (request->head_len < skip + 4 || memcmp(bytes + request->head_len - 4, "\r\n\r\n", 4) != 0)
        return request_parser_failed(request);
    if (request_read_line(request, bytes, request->head_len, &at) == AX_REQUEST_BAD ||
        request_read_headers(request, bytes, request->head_len, at) == AX_REQUEST_BAD)
        return AX_REQUEST_BAD;
    return request_decide(request);
}

enum ax_request_event ax_request_feed_chunks(struct ax_request *request, struct ax_buf *out,
                                             const char *bytes, size_t len, size_t *ret_used)
{
    llhttp_errno_t result;

    assert(request->body == AX_BODY_CHUNKED);
    if (request->chunk_fed == 0)
        llhttp_resume(&request->parser);
    request->chunk_out = out;
    result = llhttp_execute(&request->parser, bytes, len);
    *ret_used = len;
    if (result == HPE_PAUSED)
        *ret_used = (size_t)(llhttp_get_error_pos(&request->parser) - bytes);
    else if (result != HPE_OK)
        return request_parser_failed(request); /* unless a callback said what */
    request->chunk_fed += *ret_used;
    if (request->chunk_fed > 2 * out->len + REQUEST_FRAMING_SPARE)
        return request_bad(request, AX_E_INVALID_REQUEST, "the chunks are too small");
    return result == HPE_PAUSED ? AX_REQUEST_DONE : AX_REQUEST_MORE;
}

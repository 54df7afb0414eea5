/* SPDX-License-Identifier: Apache-2.0 */
/* fetch_request_test.c - which payloads are a fetch, and which are not? */
#include "host/fetch_request.h"

#include "base/base64.h"
#include "base/test.h"

#include <stdio.h>

static struct host_fetch_request request;

static enum ax_host_number request_read(struct ax_str text)
{
    AX_AUTO(ax_json_free) struct ax_json *json = NULL;
    struct ax_json_limits limits = { .bytes_max = 12u << 20 };
    enum ax_host_number number = AX_HOST_INVALID;

    if (ax_json_parse(text, &limits, &json, NULL) == AX_OK) {
        number = host_fetch_request_read(ax_json_root(json), &request);
        host_fetch_request_done(&request);
    }
    return number;
}

static enum ax_host_number request_read_text(const char *text)
{
    return request_read(ax_str_of(text));
}

TEST(request_rows)
{
    static const struct {
        const char *refused, *fine;
    } rows[] = {
        { "[]", "{\"url\":\"http://a/\"}" },
        { "\"http://a/\"", "{\"url\":\"http://a/\"}" },
        { "null", "{\"url\":\"http://a/\"}" },
        { "{}", "{\"url\":\"http://a/\"}" },
        { "{\"url\":null}", "{\"url\":\"http://a/\",\"method\":null}" },
        { "{\"url\":1}", "{\"url\":\"http://a/\",\"headers\":null}" },
        { "{\"url\":\"\"}", "{\"url\":\"http://a/\",\"body_b64\":null}" },
        { "{\"url\":\"http://127.0.0.1/\"}", "{\"url\":\"http://a/\",\"headers\":{}}" },
        { "{\"url\":\"http://a/\",\"extra\":1}", "{\"url\":\"http://a/\",\"body_b64\":\"\"}" },
        { "{\"url\":\"http://a/\",\"url\":\"http://a/\"}", "{\"url\":\"http://a/?url\"}" },
        { "{\"url\":\"http://a/\",\"timeout\":1}", "{\"url\":\"http://a/\"}" },
        { "{\"url\":\"http://a/\",\"method\":\"\"}", "{\"url\":\"http://a/\",\"method\":\"GET\"}" },
        { "{\"url\":\"http://a/\",\"method\":7}", "{\"url\":\"http://a/\",\"method\":\"get\"}" },
        { "{\"url\":\"http://a/\",\"method\":\"CONNECT\"}",
          "{\"url\":\"http://a/\",\"method\":\"OPTIONS\"}" },
        { "{\"url\":\"http://a/\",\"method\":\"trace\"}",
          "{\"url\":\"http://a/\",\"method\":\"HEAD\"}" },
        { "{\"url\":\"http://a/\",\"method\":\"TRACK\"}",
          "{\"url\":\"http://a/\",\"method\":\"PROPFIND\"}" },
        { "{\"url\":\"http://a/\",\"method\":\"GET \"}",
          "{\"url\":\"http://a/\",\"method\":\"M-SEARCH\"}" },
        { "{\"url\":\"http://a/\",\"method\":\"GET / HTTP/1.1\\r\\nX: y\"}",
          "{\"url\":\"http://a/\",\"method\":\"DELETE\"}" },
        { "{\"url\":\"http://a/\",\"method\":\"ABCDEFGHIJKLMNOPQRSTUVWX\"}",
          "{\"url\":\"http://a/\",\"method\":\"ABCDEFGHIJKLMNOPQRSTUVW\"}" },
        { "{\"url\":\"http://a/\",\"headers\":[]}",
          "{\"url\":\"http://a/\",\"headers\":{\"a\":[]}}" },
        { "{\"url\":\"http://a/\",\"headers\":{\"a\":1}}",
          "{\"url\":\"http://a/\",\"headers\":{\"a\":\"1\"}}" },
        { "{\"url\":\"http://a/\",\"headers\":{\"a\":null}}",
          "{\"url\":\"http://a/\",\"headers\":{\"a\":\"\"}}" },
        { "{\"url\":\"http://a/\",\"headers\":{\"a\":[\"1\",2]}}",
          "{\"url\":\"http://a/\",\"headers\":{\"a\":[\"1\",\"2\"]}}" },
        { "{\"url\":\"http://a/\",\"headers\":{\"\":\"1\"}}",
          "{\"url\":\"http://a/\",\"headers\":{\"x\":\"1\"}}" },
        { "{\"url\":\"http://a/\",\"body_b64\":1}",
          "{\"url\":\"http://a/\",\"body_b64\":\"AA==\"}" },
        { "{\"url\":\"http://a/\",\"body_b64\":\"AA\"}",
          "{\"url\":\"http://a/\",\"body_b64\":\"AAAA\"}" },
        { "{\"url\":\"http://a/\",\"body_b64\":\"AB==\"}",
          "{\"url\":\"http://a/\",\"body_b64\":\"AA==\"}" },
        { "{\"url\":\"http://a/\",\"body_b64\":\"A A=\"}",
          "{\"url\":\"http://a/\",\"body_b64\":\"AAA=\"}" },
        { "{\"url\":\"http://a/\",\"body_b64\":\"_-_-\"}",
          "{\"url\":\"http://a/\",\"body_b64\":\"/+/+\"}" },
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(rows); i++) {
        if (request_read_text(rows[i].refused) != AX_HOST_INVALID ||
            request_read_text(rows[i].fine) != AX_HOST_OK)
            fail_msg("row %zu: %s | %s", i, rows[i].refused, rows[i].fine);
    }
}

static enum ax_host_number read_header(const char *name, const char *value)
{
    char text[512];

    snprintf(text, sizeof(text), "{\"url\":\"http://a/\",\"headers\":{\"%s\":\"%s\"}}", name,
             value);
    return request_read_text(text);
}

TEST(request_headers_that_are_ours_are_refused)
{
    static const char *const ours[] = {
        "host",
        "Host",
        "HOST",
        "content-length",
        "Content-Length",
        "transfer-encoding",
        "Transfer-Encoding",
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "upgrade",
        "proxy-connection",
        "proxy-authorization",
        "Proxy-Anything",
        "expect",
        "http2-settings",
    };
    static const char *const theirs[] = {
        "hostname",        "x-host",    "content-type",    "content-encoding",
        "accept-encoding", "cookie",    "authorization",   "user-agent",
        "x-proxy",         "tea",       "range",           "if-none-match",
        "origin",          "forwarded", "x-forwarded-for", "x-te",
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(ours); i++) {
        if (read_header(ours[i], "1") != AX_HOST_INVALID)
            fail_msg("accepted: %s", ours[i]);
    }
    for (size_t i = 0; i < AX_ARRAY_LEN(theirs); i++) {
        if (read_header(theirs[i], "1") != AX_HOST_OK)
            fail_msg("refused: %s", theirs[i]);
    }
}

TEST(request_header_bytes_are_judged_one_by_one)
{
    static const char token[] = "!#$%&'*+-.^_`|~";

    for (unsigned byte = 0; byte < 256; byte++) {
        char room[16];
        bool alnum = (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z');
        bool in_name = byte < 0x80 && (alnum || (byte != 0 && strchr(token, (int)byte) != NULL));
        bool in_value = byte == '\t' || (byte >= 0x20 && byte != 0x7f);

        snprintf(room, sizeof(room), "a\\u%04xb", byte);
        T_EQ(read_header(room, "v") == AX_HOST_OK, in_name);
        T_EQ(read_header("n", room) == AX_HOST_OK, in_value);
        snprintf(room, sizeof(room), "\\u%04xb", byte); /* at the edge no white space */
        T_EQ(read_header("n", room) == AX_HOST_OK, in_value && byte != ' ' && byte != '\t');
    }
}

TEST(request_headers_end_at_their_limits)
{
    for (size_t n = HOST_FETCH_HEADERS_MAX - 1; n <= HOST_FETCH_HEADERS_MAX + 1; n++) {
        AX_AUTO_BUF struct ax_buf text = { .max = 1u << 20 };

        ax_buf_printf(&text, "{\"url\":\"http://a/\",\"headers\":{\"a\":[\"1\"");
        for (size_t i = 1; i < n; i++)
            ax_buf_printf(&text, ",\"1\"");
        ax_buf_printf(&text, "]}}");
        T_EQ(request_read(ax_buf_str(&text)),
             n <= HOST_FETCH_HEADERS_MAX ? AX_HOST_OK : AX_HOST_TOO_LARGE);
    }
    for (size_t n = HOST_FETCH_HEADER_BYTES_MAX - 1; n <= HOST_FETCH_HEADER_BYTES_MAX + 1; n++) {
        AX_AUTO_BUF struct ax_buf text = { .max = 1u << 20 };

        ax_buf_printf(&text, "{\"url\":\"http://a/\",\"headers\":{\"a\":\"%0*d\"}}", (int)n - 5, 0);
        T_EQ(request_read(ax_buf_str(&text)),
             n <= HOST_FETCH_HEADER_BYTES_MAX ? AX_HOST_OK : AX_HOST_TOO_LARGE);
    }
}

TEST(request_body_ends_at_its_limit)
{
    for (size_t n = HOST_FETCH_BODY_MAX - 1; n <= HOST_FETCH_BODY_MAX + 1; n++) {
        AX_AUTO_BUF struct ax_buf text = { .max = 16u << 20 };
        AX_AUTO_FREE char *body = ax_alloc(n);

        ax_buf_printf(&text, "{\"url\":\"http://a/\",\"body_b64\":\"");
        T_OK(ax_base64_encode(&text, ax_str_make(body, n)));
        ax_buf_printf(&text, "\"}");
        T_EQ(request_read(ax_buf_str(&text)),
             n <= HOST_FETCH_BODY_MAX ? AX_HOST_OK : AX_HOST_TOO_LARGE);
    }
}

TEST(request_survives_every_refused_allocation)
{
    T_SWEEP() {
        enum ax_host_number number = request_read_text(
            "{\"url\":\"http://a/\",\"headers\":{\"a\":[\"1\",\"2\"]},\"body_b64\":\"AAAA\"}");

        T_EQ(number == AX_HOST_OK, !ax_fault_hit()); /* never half a request */
    }
}

TEST_MAIN()

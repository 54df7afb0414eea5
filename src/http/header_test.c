/* SPDX-License-Identifier: Apache-2.0 */
/* header_test.c - is every byte of a header judged as header.h says? */
#include "http/header.h"

#include "base/test.h"
#include "http/answer.h"

#include <stdio.h>

static bool is_one_of(int byte, const char *set)
{
    return byte != 0 && strchr(set, byte) != NULL;
}

static bool is_alphanumeric(int byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z');
}

TEST(tokens_have_their_characters_and_no_others)
{
    for (int byte = 0; byte < 256; byte++) {
        char text[3] = { 'a', (char)byte, 'b' };
        bool fits = is_alphanumeric(byte) || is_one_of(byte, "!#$%&'*+-.^_`|~");

        T_EQ(ax_http_is_token(ax_str_make(text, 3)), fits);
        T_EQ(ax_http_is_token(ax_str_make(text + 1, 1)), fits);
    }
    T_FALSE(ax_http_is_token(AX_STR("")));
}

TEST(values_have_no_control_bytes_and_no_blank_ends)
{
    for (int byte = 0; byte < 256; byte++) {
        char text[3] = { 'a', (char)byte, 'b' };
        bool fits = byte == '\t' || (byte >= 0x20 && byte != 0x7f);
        bool blank = byte == ' ' || byte == '\t';

        T_EQ(ax_http_is_value(ax_str_make(text, 3)), fits);
        T_EQ(ax_http_is_value(ax_str_make(text + 1, 2)), fits && !blank);
        T_EQ(ax_http_is_value(ax_str_make(text, 2)), fits && !blank);
    }
    T_TRUE(ax_http_is_value(AX_STR("")));
}

TEST(request_ids_are_short_and_plain)
{
    char text[66];

    for (int byte = 0; byte < 256; byte++) {
        text[0] = (char)byte;
        T_EQ(ax_http_is_request_id(ax_str_make(text, 1)),
             is_alphanumeric(byte) || is_one_of(byte, "._-"));
    }
    memset(text, 'a', sizeof(text));
    for (size_t len = 0; len < sizeof(text); len++)
        T_EQ(ax_http_is_request_id(ax_str_make(text, len)), len >= 1 && len <= 64);
}

TEST(headers_of_one_connection_are_known_in_any_case)
{
    static const char *const hops[] = { "connection",        "Keep-Alive", "PROXY-Authorization",
                                        "proxy-connection",  "te",         "Trailer",
                                        "transfer-encoding", "Upgrade",    "HTTP2-Settings" };
    static const char *const others[] = { "content-type", "proxy", "tea",
                                          "x-connection", "",      "cookie" };

    for (size_t i = 0; i < AX_ARRAY_LEN(hops); i++) {
        T_TRUE(ax_http_is_hop_by_hop(ax_str_of(hops[i])));
        T_TRUE(ax_http_is_framing(ax_str_of(hops[i])));
    }
    for (size_t i = 0; i < AX_ARRAY_LEN(others); i++) {
        T_FALSE(ax_http_is_hop_by_hop(ax_str_of(others[i])));
        T_FALSE(ax_http_is_framing(ax_str_of(others[i])));
    }
    T_FALSE(ax_http_is_hop_by_hop(AX_STR("Content-Length")));
    T_TRUE(ax_http_is_framing(AX_STR("Content-Length")));
    T_TRUE(ax_http_is_framing(AX_STR("date")));
}

TEST(authorities_are_names_or_addresses_with_a_port_or_none)
{
    static const char *const good[] = {
        "a",      "a.example",        "A-b_c.example:1",  "127.0.0.1:65535",
        "[::1]",  "[2001:db8::7]:80", "[::ffff:1.2.3.4]", "xn--bcher-kva.example",
        "a:8080",
    };
    static const char *const bad[] = {
        "",      ":80", "a:",     "a:0",    "a:65536",     "a:080",        "a:8x", "a:-1",
        "a: 80", "a b", "u@a",    "a/b",    "a?b",         "a#b",          "a,b",  "[::1",
        "::1",   "[]",  "[::1]x", "[::1]:", "[a]",         "[::1%25eth0]", "%41",  "a~b",
        "a%2fb", "%zz", "a\x80",  "a\\b",   "[127.0.0.1]", "a\"b",         "a[0]",
    };
    char text[260];

    for (size_t i = 0; i < AX_ARRAY_LEN(good); i++)
        T_TRUE(ax_http_is_authority(ax_str_of(good[i])));
    for (size_t i = 0; i < AX_ARRAY_LEN(bad); i++)
        T_FALSE(ax_http_is_authority(ax_str_of(bad[i])));
    T_FALSE(ax_http_is_authority(AX_STR("a\0b")));
    T_FALSE(ax_http_is_authority(AX_STR("[::1\0]")));
    memset(text, 'a', sizeof(text));
    T_TRUE(ax_http_is_authority(ax_str_make(text, 255)));
    T_FALSE(ax_http_is_authority(ax_str_make(text, 256)));
}

TEST(lists_are_taken_apart)
{
    struct ax_str rest = AX_STR(" a ,\tb,,c d");
    struct ax_str element;
    static const char *const expected[] = { "a", "b", "", "c d" };
    size_t count = 0;

    while (ax_http_list_next(&rest, &element)) {
        T_TRUE(count < AX_ARRAY_LEN(expected));
        T_STR(element, ax_str_of(expected[count]));
        count++;
    }
    T_EQ(count, AX_ARRAY_LEN(expected));
}

TEST(answers_refuse_every_byte_that_could_split_them)
{
    for (int byte = 0; byte < 256; byte++) {
        char text[3] = { 'a', (char)byte, 'b' };
        struct ax_http_header name = { ax_str_make(text, 3), AX_STR("v") };
        struct ax_http_header value = { AX_STR("n"), ax_str_make(text, 3) };
        struct ax_answer answer = { .status = 200, .count = 1, .date = AX_STR("d") };
        AX_AUTO_BUF struct ax_buf out = { .max = 4096 };

        answer.headers = &name;
        T_EQ(ax_answer_head(&out, &answer) == AX_OK, ax_http_is_token(name.name));
        answer.headers = &value;
        T_EQ(ax_answer_head(&out, &answer) == AX_OK, ax_http_is_value(value.value));
    }
}

TEST(answers_refuse_statuses_and_framing_that_are_not_theirs)
{
    static const char *const ours[] = { "Content-Length", "connection", "Transfer-Encoding",
                                        "DATE",           "upgrade",    "keep-alive",
                                        "trailer" };
    AX_AUTO_BUF struct ax_buf out = { .max = 4096 };
    struct ax_answer answer = { .date = AX_STR("d") };

    for (int status = -1; status < 1100; status++) {
        ax_buf_clear(&out);
        answer.status = status;
        T_EQ(ax_answer_head(&out, &answer) == AX_OK, status >= 200 && status <= 599);
        T_EQ(out.len > 0, status >= 200 && status <= 599);
    }
    answer.status = 200;
    for (size_t i = 0; i < AX_ARRAY_LEN(ours); i++) {
        struct ax_http_header header = { ax_str_of(ours[i]), AX_STR("1") };

        answer.headers = &header;
        answer.count = 1;
        ax_buf_clear(&out);
        T_CODE(ax_answer_head(&out, &answer), AX_E_INTERNAL);
        T_EQ(out.len, 0);
    }
}

TEST(dates_have_the_form_of_the_web)
{
    char date[AX_HTTP_DATE_LEN + 1];

    ax_http_date(784111777, date);
    T_STR(ax_str_of(date), AX_STR("Sun, 06 Nov 1994 08:49:37 GMT"));
    ax_http_date(0, date);
    T_STR(ax_str_of(date), AX_STR("Thu, 01 Jan 1970 00:00:00 GMT"));
    ax_http_date(4102444799, date);
    T_STR(ax_str_of(date), AX_STR("Thu, 31 Dec 2099 23:59:59 GMT"));
}

TEST_MAIN()

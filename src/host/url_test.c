/* SPDX-License-Identifier: Apache-2.0 */
/* url_test.c - no spelling of an address gets through, and plain URLs do. */
#include "host/url.h"

#include "base/test.h"

#include <stdio.h>

static enum ax_code parse(const char *text)
{
    struct ax_url url;

    return ax_url_parse(ax_str_of(text), &url, NULL);
}

static bool is_fine(const char *text)
{
    return parse(text) == AX_OK;
}

TEST(url_reads_scheme_host_port_and_target)
{
    struct ax_url url;

    T_OK(ax_url_parse(AX_STR("HTTPS://Api.Example-1.COM:8443/a/%41?x=[1]&y={z}|"), &url, NULL));
    T_TRUE(url.https);
    T_EQ(url.port, 8443);
    T_STR(ax_str_of(url.host), AX_STR("api.example-1.com"));
    T_EQ(url.host_len, 17);
    T_STR(url.target, AX_STR("/a/%41?x=[1]&y={z}|"));

    T_OK(ax_url_parse(AX_STR("http://a"), &url, NULL));
    T_FALSE(url.https);
    T_EQ(url.port, 80);
    T_EQ(url.target.len, 0);
    T_OK(ax_url_parse(AX_STR("https://a?q=1/2?3"), &url, NULL));
    T_EQ(url.port, 443);
    T_STR(url.target, AX_STR("?q=1/2?3"));
}

TEST(url_refuses_other_shapes_and_takes_their_twins)
{
    static const struct {
        const char *refused, *fine;
    } rows[] = {
        { "", "https://a.example" },
        { "a.example", "https://a.example" },
        { "//a.example/", "https://a.example/" },
        { "/path", "https://a/path" },
        { "https:/a.example/", "https://a.example/" },
        { "https:a.example/", "https://a.example/" },
        { "https:///a.example/", "https://a.example/" },
        { "https://", "https://a" },
        { "https:///", "https://a/" },
        { "https://?q", "https://a?q" },
        { "https://:443/", "https://a:443/" },
        { "ftp://a.example/", "http://a.example/" },
        { "file:///etc/passwd", "http://file/etc/passwd" },
        { "gopher://a.example/", "https://gopher/" },
        { "data:text/plain,a", "https://data/text/plain,a" },
        { "javascript:alert(1)", "https://a/javascript:alert(1)" },
        { "unix:///run/x.sock", "https://unix/run/x.sock" },
        { "ws://a.example/", "http://a.example/" },
        { "httpss://a.example/", "https://a.example/" },
        { " https://a.example/", "https://a.example/" },
        { "https://a.example/ ", "https://a.example/%20" },
        { "https://user@a.example/", "https://a.example/user@" },
        { "https://user:pw@a.example/", "https://a.example/?user:pw@" },
        { "https://@a.example/", "https://a.example/@" },
        { "https://good.example@evil.example/", "https://good.example/@evil.example" },
        { "https://good.example:443@evil.example/", "https://good.example:443/@evil.example" },
        { "https://a.example/#f", "https://a.example/%23f" },
        { "https://a.example#@b.example/", "https://a.example/" },
        { "https://a.example\\@b.example/", "https://a.example/" },
        { "https:\\\\a.example/", "https://a.example/" },
        { "https://a.example/\\..\\b", "https://a.example/%5c..%5cb" },
        { "https://a..example/", "https://a.b.example/" },
        { "https://.a.example/", "https://a.example/" },
        { "https://a.example./", "https://a.example/" },
        { "https://./", "https://a/" },
        { "https://-a.example/", "https://a-a.example/" },
        { "https://a-.example/", "https://a-a.example/" },
        { "https://a_b.example/", "https://a-b.example/" },
        { "https://a%2eexample/", "https://a.example/" },
        { "https://%61.example/", "https://a.example/" },
        { "https://a.ex*mple/", "https://a.example/*" },
        { "https://*.example/", "https://a.example/" },
        { "https://a.example,b.example/", "https://a.example/,b.example" },
        { "https://a.example;b/", "https://a.example/;b" },
        { "https://b\xc3\xbc"
          "cher.example/",
          "https://xn--bcher-kva.example/" },
        { "https://\xef\xbc\x91.\xef\xbc\x92.\xef\xbc\x93.\xef\xbc\x94/", "https://a.b.c.d/" },
        { "https://a.example/\xc3\xa9", "https://a.example/%c3%a9" },
        { "https://a.example/%", "https://a.example/%25" },
        { "https://a.example/%4", "https://a.example/%41" },
        { "https://a.example/%zz", "https://a.example/%00" },
        { "https://a.example/a\"b", "https://a.example/a%22b" },
        { "https://a.example/<b>", "https://a.example/%3cb%3e" },
        { "https://a.example/{b}", "https://a.example/?{b}" },
        { "https://a.example/a`b", "https://a.example/?a`b" },
        { "https://a.example:/", "https://a.example:1/" },
        { "https://a.example:0/", "https://a.example:1/" },
        { "https://a.example:00443/", "https://a.example:443/" },
        { "https://a.example:65536/", "https://a.example:65535/" },
        { "https://a.example:99999999999999999999/", "https://a.example:9/" },
        { "https://a.example:-1/", "https://a.example:1/" },
        { "https://a.example:+443/", "https://a.example:443/" },
        { "https://a.example:0x50/", "https://a.example:80/" },
        { "https://a.example:80:80/", "https://a.example:80/" },
        { "https://a.example: 80/", "https://a.example:80/" },
        { "https://a.example:80a/", "https://a.example:80/a" },
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(rows); i++) {
        if (is_fine(rows[i].refused) || !is_fine(rows[i].fine))
            fail_msg("row %zu: %s | %s", i, rows[i].refused, rows[i].fine);
    }
}

TEST(url_counts_labels_host_and_length_exactly)
{
    char label[80], host[300], text[AX_URL_MAX + 64];
    char one[65] = { 0 };

    for (int n = 62; n <= 64; n++) { /* a label: 63 */
        memset(label, 'a', sizeof(label));
        snprintf(text, sizeof(text), "https://%.*s.example/", n, label);
        T_EQ(is_fine(text), n <= 63);
    }
    memset(one, 'b', 61);
    for (int n = 252; n <= 254; n++) { /* a host: 253 = 4 * 61 + 4 dots + 5 */
        snprintf(host, sizeof(host), "%s.%s.%s.%s.%.*s", one, one, one, one, n - 248, "cccccccc");
        T_EQ((int)strlen(host), n);
        snprintf(text, sizeof(text), "https://%s/", host);
        T_EQ(is_fine(text), n <= 253);
    }
    for (size_t n = AX_URL_MAX - 1; n <= AX_URL_MAX + 1; n++) {
        struct ax_url url;

        memset(text, 'p', sizeof(text));
        memcpy(text, "https://a/", 10);
        T_CODE(ax_url_parse(ax_str_make(text, n), &url, NULL),
               n <= AX_URL_MAX ? AX_OK : AX_E_TOO_BIG);
    }
}

/* One byte at a time, everywhere: which of the 256 pass? */
TEST(url_judges_every_byte_in_every_place)
{
    static const char digits[] = "0123456789";
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char path[] = "!$&'()*+,-./:;=@[]_|~";
    static const char query[] = "?^`{}";

    for (int byte = 0; byte < 256; byte++) {
        bool alnum = byte != 0 && (strchr(digits, byte) || strchr(letters, byte));
        bool in_path = alnum || (byte != 0 && strchr(path, byte));
        bool in_query = in_path || (byte != 0 && strchr(query, byte));
        char text[64];
        struct ax_url url;
        size_t len;

        len = (size_t)snprintf(text, sizeof(text), "https://a%cb.example", byte);
        /* '/' and '?' end the host "a", ':' begins a port that is none */
        T_EQ(ax_url_parse(ax_str_make(text, len), &url, NULL) == AX_OK,
             alnum || byte == '-' || byte == '.' || byte == '/' || byte == '?');
        len = (size_t)snprintf(text, sizeof(text), "https://a.example/x%cy", byte);
        T_EQ(ax_url_parse(ax_str_make(text, len), &url, NULL) == AX_OK, in_path || byte == '?');
        len = (size_t)snprintf(text, sizeof(text), "https://a.example/?x%cy", byte);
        T_EQ(ax_url_parse(ax_str_make(text, len), &url, NULL) == AX_OK, in_query);
        len = (size_t)snprintf(text, sizeof(text), "https://a.example:8%c", byte);
        T_EQ(ax_url_parse(ax_str_make(text, len), &url, NULL) == AX_OK,
             (byte != 0 && strchr(digits, byte)) || byte == '/' || byte == '?');
        len = (size_t)snprintf(text, sizeof(text), "http%c://a.example", byte);
        T_EQ(ax_url_parse(ax_str_make(text, len), &url, NULL) == AX_OK, byte == 's' || byte == 'S');
    }
}

/* --- addresses in every spelling --- */

static size_t forms;

/* Refused as a host in four places; as labels before a real domain it is a name like any other. */
static void refuse_form(const char *host)
{
    static const char *const shapes[] = { "http://%s", "https://%s:8443/x", "http://%s./",
                                          "http://www.%s/" };
    char text[256];

    for (size_t i = 0; i < AX_ARRAY_LEN(shapes); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(text, sizeof(text), shapes[i], host);
#pragma GCC diagnostic pop
        if (is_fine(text))
            fail_msg("accepted: %s", text);
        forms++;
    }
    snprintf(text, sizeof(text), "http://%s.example/", host);
    if (!is_fine(text))
        fail_msg("refused: %s", text);
}

static int put_number(char *room, size_t len, uint32_t number, unsigned style)
{
    static const char *const styles[] = { "%u", "0%o", "0x%x", "0X%X", "000%o", "0x000%x" };

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    return snprintf(room, len, styles[style % AX_ARRAY_LEN(styles)], number);
#pragma GCC diagnostic pop
}

TEST(url_refuses_thousands_of_ipv4_spellings)
{
    static const uint32_t addresses[] = { 0x7f000001, 0xa9fea9fe, 0x0a000001, 0xc0a80101,
                                          0x646464c8, 0,          0x08080808, 0xffffffff };

    for (size_t a = 0; a < AX_ARRAY_LEN(addresses); a++) {
        for (unsigned parts = 1; parts <= 4; parts++) {
            unsigned combinations = 1;

            for (unsigned i = 0; i < parts; i++)
                combinations *= 4;
            for (unsigned c = 0; c < combinations; c++) {
                char host[128];
                size_t at = 0;

                for (unsigned i = 0, style = c; i < parts; i++, style /= 4) {
                    bool last = i == parts - 1;
                    uint32_t rest = i == 0 ? addresses[a] : addresses[a] & (0xffffffffu >> 8 * i);
                    uint32_t number = last ? rest : (addresses[a] >> (24 - 8 * i)) & 0xff;

                    at += (size_t)put_number(host + at, sizeof(host) - at, number,
                                             style % 4 + c % 3);
                    if (!last)
                        host[at++] = '.';
                }
                refuse_form(host);
            }
        }
    }
    T_TRUE(forms >= 1000);
}

TEST(url_refuses_ipv6_scopes_and_digits_of_other_scripts)
{
    static const char *const hosts[] = {
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[fe80::1%25eth0]",
        "[fe80::1%eth0]",
        "[64:ff9b::a9fe:a9fe]",
        "[fd00:ec2::254]",
        "[2001:db8::1]",
        "[v1.x]",
        "[127.0.0.1]",
        "[",
        "]",
        "[]",
        "::1",
        "0:0:0:0:0:0:0:1",
        "2130706433.",
        "127.0.0.1.",
        "127.1.",
        "1.2.3.4.5",
        "256.256.256.256",
        "1.2.3.0400",
        "0x",
        "a.0x",
        "a.0xg0.0x1",
        "a.1",
        "a.08",
        "00",
        "\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1",
        "127\xe3\x80\x82"
        "0\xe3\x80\x82"
        "0\xe3\x80\x82"
        "1",
        "\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.1",
        "127.0.0.1%00.example",
        "127.0.0.1 .example",
    };
    static const char *const twins[] = { "a.0xg", "a.1x", "0x1.a", "08.a", "xn--1.a", "1.2.3.4.a" };
    char text[128];

    for (size_t i = 0; i < AX_ARRAY_LEN(hosts); i++) {
        snprintf(text, sizeof(text), "http://%s/", hosts[i]);
        if (is_fine(text))
            fail_msg("accepted: %s", text);
    }
    for (size_t i = 0; i < AX_ARRAY_LEN(twins); i++) {
        snprintf(text, sizeof(text), "http://%s/", twins[i]);
        if (!is_fine(text))
            fail_msg("refused: %s", text);
    }
}

TEST_MAIN()

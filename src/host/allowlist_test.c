/* SPDX-License-Identifier: Apache-2.0 */
/* allowlist_test.c - the truth table of entries against URLs. */
#include "host/allowlist.h"

#include "base/test.h"

static bool allows(const char *entry, const char *text)
{
    struct ax_egress_entry parsed;
    struct ax_url url;

    T_TRUE(ax_egress_entry_parse(ax_str_of(entry), &parsed));
    T_OK(ax_url_parse(ax_str_of(text), &url, NULL));
    return ax_egress_entry_allows(&parsed, &url);
}

TEST(entry_truth_table)
{
    static const struct {
        const char *entry, *url;
        bool allowed;
    } rows[] = {
        { "api.acme.com", "https://api.acme.com/", true },
        { "api.acme.com", "https://api.acme.com:443/", true },
        { "api.acme.com", "https://API.ACME.COM/", true },
        { "API.Acme.Com", "https://api.acme.com/", true },
        { "api.acme.com", "http://api.acme.com/", false },
        { "api.acme.com", "http://api.acme.com:443/", false },
        { "api.acme.com", "https://api.acme.com:444/", false },
        { "api.acme.com", "https://acme.com/", false },
        { "api.acme.com", "https://www.api.acme.com/", false },
        { "api.acme.com", "https://evil-api.acme.com/", false },
        { "api.acme.com", "https://evilapi.acme.com/", false },
        { "api.acme.com", "https://api.acme.com.evil.example/", false },
        { "api.acme.com", "https://api.acme.co/", false },
        { "api.acme.com", "https://evil.example/api.acme.com", false },
        { "https://api.acme.com", "https://api.acme.com/", true },
        { "HTTPS://api.acme.com", "https://api.acme.com/", true },
        { "https://api.acme.com:8443", "https://api.acme.com:8443/", true },
        { "https://api.acme.com:8443", "https://api.acme.com/", false },
        { "api.acme.com:8443", "https://api.acme.com:8443/", true },
        { "api.acme.com:8443", "http://api.acme.com:8443/", false },
        { "api.acme.com:80", "http://api.acme.com/", false },
        { "http://api.acme.com", "http://api.acme.com/", true },
        { "http://api.acme.com", "http://api.acme.com:80/", true },
        { "http://api.acme.com", "https://api.acme.com/", false },
        { "http://api.acme.com", "https://api.acme.com:80/", false },
        { "http://api.acme.com:443", "https://api.acme.com/", false },
        { "*.acme.com", "https://a.acme.com/", true },
        { "*.acme.com", "https://b.a.acme.com/", true },
        { "*.acme.com", "https://x.evil-acme.com/", false },
        { "*.acme.com", "https://acme.com/", false },
        { "*.acme.com", "https://evil-acme.com/", false },
        { "*.acme.com", "https://xacme.com/", false },
        { "*.acme.com", "https://a.acme.com.evil.example/", false },
        { "*.acme.com", "http://a.acme.com/", false },
        { "*.acme.com:8443", "https://a.acme.com:8443/", true },
        { "*.acme.com:8443", "https://a.acme.com/", false },
        { "http://*.acme.com", "http://a.acme.com/", true },
        { "*.ACME.com", "https://A.acme.COM/", true },
        { "xn--bcher-kva.example", "https://XN--BCHER-KVA.example/", true },
        { "localhost:8080", "https://localhost:8080/", true },
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(rows); i++) {
        if (allows(rows[i].entry, rows[i].url) != rows[i].allowed)
            fail_msg("row %zu: %s | %s", i, rows[i].entry, rows[i].url);
    }
}

TEST(entry_refuses_what_is_no_entry)
{
    static const char *const texts[] = {
        "",
        "*",
        "*.",
        "**.acme.com",
        "*acme.com",
        "a.*.acme.com",
        "api.*",
        "*.*.acme.com",
        ".acme.com",
        "acme.com.",
        "acme.com/",
        "https://acme.com/",
        "https://",
        "ftp://acme.com",
        "//acme.com",
        "user@acme.com",
        "acme.com:",
        "acme.com:0",
        "acme.com:65536",
        "acme.com:*",
        "127.0.0.1",
        "*.127.0.0.1",
        "*.1",
        "[::1]",
        "http://[::1]",
        "2130706433",
        "0x7f.1",
        "ac me.com",
        "acme_x.com",
        "acme.com:443:443",
        "b\xc3\xbc"
        "cher.example",
        "https:acme.com",
        "*.-a.com",
    };
    struct ax_egress_entry entry;

    for (size_t i = 0; i < AX_ARRAY_LEN(texts); i++) {
        if (ax_egress_entry_parse(ax_str_of(texts[i]), &entry))
            fail_msg("accepted: %s", texts[i]);
    }
}

TEST(list_that_is_empty_allows_nothing)
{
    static const char *const texts[] = { "", " ", ",", " , \n\t" };
    struct ax_url url;

    T_OK(ax_url_parse(AX_STR("https://acme.com/"), &url, NULL));
    for (size_t i = 0; i < AX_ARRAY_LEN(texts); i++) {
        AX_AUTO(ax_allowlist_free) struct ax_allowlist *list = NULL;

        T_OK(ax_allowlist_parse(ax_str_of(texts[i]), &list, NULL));
        T_EQ(ax_allowlist_count(list), 0);
        T_FALSE(ax_allowlist_allows(list, &url));
    }
    T_FALSE(ax_egress_texts_allow(NULL, 0, &url));
}

TEST(list_takes_entries_between_commas_and_white_space)
{
    AX_AUTO(ax_allowlist_free) struct ax_allowlist *list = NULL;
    struct ax_url url;

    T_OK(ax_allowlist_parse(
        AX_STR("a.example, b.example\n*.c.example\thttp://d.example:81,,e.example"
               ",f.example,g.example,h.example,i.example"),
        &list, NULL));
    T_EQ(ax_allowlist_count(list), 9);
    T_OK(ax_url_parse(AX_STR("http://d.example:81/"), &url, NULL));
    T_TRUE(ax_allowlist_allows(list, &url));
    T_OK(ax_url_parse(AX_STR("https://i.example/"), &url, NULL));
    T_TRUE(ax_allowlist_allows(list, &url));
    T_OK(ax_url_parse(AX_STR("https://j.example/"), &url, NULL));
    T_FALSE(ax_allowlist_allows(list, &url));
}

TEST(list_with_one_bad_entry_is_refused_and_names_it)
{
    AX_AUTO(ax_allowlist_free) struct ax_allowlist *list = NULL;
    struct ax_err err;

    T_CODE(ax_allowlist_parse(AX_STR("a.example, 10.0.0.1"), &list, &err), AX_E_INVALID_REQUEST);
    T_TRUE(list == NULL);
    T_TRUE(strstr(err.message, "10.0.0.1") != NULL);
}

TEST(texts_that_are_no_entries_allow_nothing_but_spoil_nothing)
{
    struct ax_str texts[] = { AX_STR("*"), AX_STR("127.0.0.1"), AX_STR("a.example") };
    struct ax_url url;

    T_OK(ax_url_parse(AX_STR("https://a.example/"), &url, NULL));
    T_TRUE(ax_egress_texts_allow(texts, 3, &url));
    T_FALSE(ax_egress_texts_allow(texts, 2, &url));
}

TEST_MAIN()

/* SPDX-License-Identifier: Apache-2.0 */
/* address_test.c - each range at its edges: n-1, n, last, last+1. */
#include "host/address.h"

#include "base/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static struct ax_address address_of(const char *text)
{
    struct ax_address address = { 0 };

    if (!ax_address_parse(ax_str_of(text), &address))
        fail_msg("not an address: %s", text);
    return address;
}

static bool is_refused(const char *text)
{
    struct ax_address address = address_of(text);

    return ax_address_judge(&address, NULL) != NULL;
}

TEST(judge_knows_the_edges_of_every_ipv4_range)
{
    static const struct {
        const char *before, *first, *last, *after;
    } rows[] = {
        { NULL, "0.0.0.0", "0.255.255.255", "1.0.0.0" },
        { "9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0" },
        { "100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0" },
        { "126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0" },
        { "168.63.129.15", "168.63.129.16", "168.63.129.16", "168.63.129.17" },
        { "169.253.255.255", "169.254.0.0", "169.254.255.255", "169.255.0.0" },
        { "172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0" },
        { "191.255.255.255", "192.0.0.0", "192.0.0.255", "192.0.1.0" },
        { "192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0" },
        { "192.31.195.255", "192.31.196.0", "192.31.196.255", "192.31.197.0" },
        { "192.52.192.255", "192.52.193.0", "192.52.193.255", "192.52.194.0" },
        { "192.88.98.255", "192.88.99.0", "192.88.99.255", "192.88.100.0" },
        { "192.167.255.255", "192.168.0.0", "192.168.255.255", "192.169.0.0" },
        { "192.175.47.255", "192.175.48.0", "192.175.48.255", "192.175.49.0" },
        { "198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0" },
        { "198.51.99.255", "198.51.100.0", "198.51.100.255", "198.51.101.0" },
        { "203.0.112.255", "203.0.113.0", "203.0.113.255", "203.0.114.0" },
        { "223.255.255.255", "224.0.0.0", "239.255.255.255", NULL },
        { NULL, "240.0.0.0", "255.255.255.255", NULL },
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(rows); i++) {
        if ((rows[i].before && is_refused(rows[i].before)) || !is_refused(rows[i].first) ||
            !is_refused(rows[i].last) || (rows[i].after && is_refused(rows[i].after)))
            fail_msg("row %zu: %s", i, rows[i].first);
    }
}

TEST(judge_knows_the_edges_of_every_ipv6_range)
{
    static const struct {
        const char *before, *first, *last, *after;
    } rows[] = {
        /* all below 2000::/3 is refused, whatever its name */
        { NULL, "::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2000::" },
        { "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
          "2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::" },
        { "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
          "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::" },
        { "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
          "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::" },
        { "2620:4f:7fff:ffff:ffff:ffff:ffff:ffff",
          "2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff", "2620:4f:8001::" },
        { "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
          "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::" },
        { "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
          "4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL },
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(rows); i++) {
        if ((rows[i].before && is_refused(rows[i].before)) || !is_refused(rows[i].first) ||
            !is_refused(rows[i].last) || (rows[i].after && is_refused(rows[i].after)))
            fail_msg("row %zu: %s", i, rows[i].first);
    }
}

TEST(judge_names_the_range)
{
    static const struct {
        const char *text, *name;
    } rows[] = {
        { "::", "unspecified" },
        { "::1", "loopback" },
        { "::ffff:8.8.8.8", "IPv4-mapped" },
        { "::ffff:0:8.8.8.8", "IPv4-translated" },
        { "::8.8.8.8", "IPv4-compatible" },
        { "64:ff9b::8.8.8.8", "NAT64" },
        { "64:ff9b::a9fe:a9fe", "NAT64" },
        { "64:ff9b:1::1", "local NAT64" },
        { "64:ff9b:2::1", "not global unicast" },
        { "100::1", "discard-only" },
        { "2001:0:4136:e378:8000:63bf:3fff:fdd2", "Teredo" },
        { "2001:10::1", "protocol assignments" },
        { "2002:808:808::1", "6to4" },
        { "5f00::1", "segment routing" },
        { "fc00::", "unique local" },
        { "fd00:ec2::254", "unique local" },
        { "fdff:ffff::", "unique local" },
        { "fe80::1", "link-local" },
        { "febf::1", "link-local" },
        { "fec0::1", "site-local" },
        { "ff02::1", "multicast" },
        { "169.254.169.254", "link-local" },
        { "100.100.100.200", "shared (CGNAT)" },
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(rows); i++) {
        struct ax_address address = address_of(rows[i].text);
        const char *name = ax_address_judge(&address, NULL);

        if (name == NULL || strcmp(name, rows[i].name) != 0)
            fail_msg("%s: %s", rows[i].text, name == NULL ? "allowed" : name);
    }
    T_FALSE(is_refused("8.8.8.8"));
    T_FALSE(is_refused("2606:4700::1111"));
    T_FALSE(is_refused("2a00:1450:4001:80b::200e"));
}

static bool is_excepted(const char *cidrs_text, const char *text)
{
    AX_AUTO(ax_cidrs_free) struct ax_cidrs *cidrs = NULL;
    struct ax_address address = address_of(text);

    T_OK(ax_cidrs_parse(ax_str_of(cidrs_text), &cidrs, NULL));
    return ax_address_judge(&address, cidrs) == NULL;
}

TEST(exceptions_lift_exactly_what_they_name)
{
    T_TRUE(is_excepted("127.0.0.0/8", "127.0.0.1"));
    T_FALSE(is_excepted("", "127.0.0.1"));
    T_FALSE(is_excepted("127.0.0.0/8", "10.0.0.1"));
    T_FALSE(is_excepted("127.0.0.0/8", "::1"));
    T_FALSE(is_excepted("127.0.0.0/8", "::ffff:127.0.0.1"));
    T_TRUE(is_excepted("10.1.2.0/23", "10.1.3.255"));
    T_FALSE(is_excepted("10.1.2.0/23", "10.1.4.0"));
    T_FALSE(is_excepted("10.1.2.0/23", "10.1.1.255"));
    T_TRUE(is_excepted("10.0.0.1/32", "10.0.0.1"));
    T_TRUE(is_excepted("10.0.0.1", "10.0.0.1"));
    T_FALSE(is_excepted("10.0.0.1", "10.0.0.2"));
    T_TRUE(is_excepted("fd00::/8 10.0.0.0/8", "fd12::1"));
    T_TRUE(is_excepted("0.0.0.0/0", "169.254.169.254"));
    T_TRUE(is_excepted("::/0", "fe80::1"));
}

TEST(exceptions_judge_an_ipv4_address_inside_as_well)
{
    T_FALSE(is_excepted("64:ff9b::/96", "64:ff9b::10.0.0.1"));
    T_TRUE(is_excepted("64:ff9b::/96", "64:ff9b::8.8.8.8"));
    T_TRUE(is_excepted("64:ff9b::/96,10.0.0.0/8", "64:ff9b::10.0.0.1"));
    T_FALSE(is_excepted("::ffff:0:0/96", "::ffff:127.0.0.1"));
    T_TRUE(is_excepted("::ffff:0:0/96,127.0.0.0/8", "::ffff:127.0.0.1"));
    T_FALSE(is_excepted("2002::/16", "2002:a9fe:a9fe::1"));
    T_TRUE(is_excepted("2002::/16", "2002:808:808::1"));
    T_FALSE(is_excepted("::/0", "::ffff:0:127.0.0.1"));
}

TEST(cidrs_refuse_what_is_no_range)
{
    static const char *const refused[] = {
        "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8/8", "10.0.0.1/8",  "10.0.0/8",
        "010.0.0.0/8", "10.0.0.0/08", "a/8",       "::/129",       "fd00::1/8",   "[::1]",
        "fe80::1%lo",  "1.2.3.4.5",   "localhost", "0x7f.1",       "10.0.0.0/8;",
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(refused); i++) {
        AX_AUTO(ax_cidrs_free) struct ax_cidrs *cidrs = NULL;
        struct ax_err err;

        if (ax_cidrs_parse(ax_str_of(refused[i]), &cidrs, &err) != AX_E_INVALID_REQUEST)
            fail_msg("accepted: %s", refused[i]);
        T_TRUE(strstr(err.message, refused[i]) != NULL);
    }
}

TEST(addresses_come_from_sockets_and_go_to_text)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(0x7f000001) } };
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    struct sockaddr local = { .sa_family = AF_UNIX };
    struct ax_address address;
    char text[AX_ADDRESS_TEXT_MAX];

    T_TRUE(ax_address_of_sockaddr((const struct sockaddr *)&in, &address));
    ax_address_format(&address, text);
    T_STR(ax_str_of(text), AX_STR("127.0.0.1"));
    T_TRUE(ax_address_of_sockaddr((const struct sockaddr *)&in6, &address));
    ax_address_format(&address, text);
    T_STR(ax_str_of(text), AX_STR("::1"));
    T_FALSE(ax_address_of_sockaddr(&local, &address));
    T_FALSE(ax_address_parse(AX_STR("127.0.0.1\0"), &address));
}

TEST_MAIN()

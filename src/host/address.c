/* SPDX-License-Identifier: Apache-2.0 */
/* address.c - may a guest's request go to this address?
 * IPv4: everything but the special ranges. IPv6: nothing but 2000::/3, less the special ranges in
 * it; the other rows are there to give a refusal its name. */
#include "host/address.h"

#include "base/alloc.h"
#include "host/words.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define CIDRS_MAX 1024

struct address_range {
    struct ax_address base;
    unsigned bits;
    const char *name;
};

struct ax_cidrs {
    size_t count;
    struct address_range ranges[CIDRS_MAX];
};

#define V4(a, b, c, d) { .bytes = { a, b, c, d }, .len = 4 }
/* Eight groups of 16 bits are written as their leading ones; the rest is zero. */
#define G(group) ((group) >> 8) & 0xff, (group) & 0xff
#define V6(...)  { .bytes = { __VA_ARGS__ }, .len = 16 }

static const struct address_range address_v4_refused[] = {
    { V4(0, 0, 0, 0), 8, "this network" },
    { V4(10, 0, 0, 0), 8, "private" },
    { V4(100, 64, 0, 0), 10, "shared (CGNAT)" },
    { V4(127, 0, 0, 0), 8, "loopback" },
    { V4(168, 63, 129, 16), 32,
      "cloud metadata" }, /* public by number, the platform's own by use */
    { V4(169, 254, 0, 0), 16, "link-local" },
    { V4(172, 16, 0, 0), 12, "private" },
    { V4(192, 0, 0, 0), 24, "protocol assignments" },
    { V4(192, 0, 2, 0), 24, "documentation" },
    { V4(192, 31, 196, 0), 24, "AS112" },
    { V4(192, 52, 193, 0), 24, "AMT" },
    { V4(192, 88, 99, 0), 24, "6to4 relay" },
    { V4(192, 168, 0, 0), 16, "private" },
    { V4(192, 175, 48, 0), 24, "AS112" },
    { V4(198, 18, 0, 0), 15, "benchmarking" },
    { V4(198, 51, 100, 0), 24, "documentation" },
    { V4(203, 0, 113, 0), 24, "documentation" },
    { V4(224, 0, 0, 0), 4, "multicast" },
    { V4(240, 0, 0, 0), 4, "reserved" },
};

static const struct address_range address_v6_refused[] = {
    { V6(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), 128, "unspecified" },
    { V6(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), 128, "loopback" },
    { V6(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff), 96, "IPv4-mapped" },
    { V6(0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0), 96, "IPv4-translated" },
    { V6(0), 96, "IPv4-compatible" },
    { V6(G(0x64), G(0xff9b)), 96, "NAT64" },
    { V6(G(0x64), G(0xff9b), G(1)), 48, "local NAT64" },
    { V6(G(0x100)), 64, "discard-only" },
    { V6(G(0x2001), G(0)), 32, "Teredo" },
    { V6(G(0x2001), G(0)), 23, "protocol assignments" },
    { V6(G(0x2001), G(0xdb8)), 32, "documentation" },
    { V6(G(0x2002)), 16, "6to4" },
    { V6(G(0x2620), G(0x4f), G(0x8000)), 48, "AS112" },
    { V6(G(0x3fff)), 20, "documentation" },
    { V6(G(0x5f00)), 16, "segment routing" },
    { V6(G(0xfc00)), 7, "unique local" },
    { V6(G(0xfe80)), 10, "link-local" },
    { V6(G(0xfec0)), 10, "site-local" },
    { V6(G(0xff00)), 8, "multicast" },
};

static const struct address_range address_v6_unicast = { V6(G(0x2000)), 3, "global unicast" };

/* Where an IPv6 form carries an IPv4 address: the packet may end up there. */
static const struct {
    struct address_range range;
    unsigned offset;
} address_v4_inside[] = {
    { { V6(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff), 96, "" }, 12 },
    { { V6(0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0), 96, "" }, 12 },
    { { V6(0), 96, "" }, 12 },
    { { V6(G(0x64), G(0xff9b)), 96, "" }, 12 },
    { { V6(G(0x2002)), 16, "" }, 2 },
};

static bool range_contains(const struct address_range *range, const struct ax_address *address)
{
    unsigned whole = range->bits / 8;
    unsigned left = range->bits % 8;

    if (range->base.len != address->len || memcmp(range->base.bytes, address->bytes, whole) != 0)
        return false;
    return left == 0 || ((range->base.bytes[whole] ^ address->bytes[whole]) >> (8 - left)) == 0;
}

bool ax_address_of_sockaddr(const struct sockaddr *sockaddr, struct ax_address *ret_address)
{
    struct ax_address address = { 0 };

    if (sockaddr->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)sockaddr;

        address.len = 4;
        memcpy(address.bytes, &in->sin_addr, 4);
    } else if (sockaddr->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)sockaddr;

        address.len = 16;
        memcpy(address.bytes, &in6->sin6_addr, 16);
    } else {
        return false;
    }
    *ret_address = address;
    return true;
}

bool ax_address_parse(struct ax_str text, struct ax_address *ret_address)
{
    struct ax_address address = { 0 };
    char room[AX_ADDRESS_TEXT_MAX];

    if (text.len == 0 || text.len >= sizeof(room) || ax_str_find(text, '\0') < text.len)
        return false;
    memcpy(room, text.ptr, text.len);
    room[text.len] = '\0';
    address.len = ax_str_find(text, ':') < text.len ? 16 : 4;
    if (inet_pton(address.len == 16 ? AF_INET6 : AF_INET, room, address.bytes) != 1)
        return false;
    *ret_address = address;
    return true;
}

void ax_address_format(const struct ax_address *address, char room[AX_ADDRESS_TEXT_MAX])
{
    if (inet_ntop(address->len == 16 ? AF_INET6 : AF_INET, address->bytes, room,
                  AX_ADDRESS_TEXT_MAX) == NULL)
        room[0] = '\0';
}

bool ax_address_eq(const struct ax_address *a, const struct ax_address *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static bool range_parse(struct ax_str text, struct address_range *ret_range)
{
    struct address_range range = { .name = "exception" };
    struct ax_str base = ax_str_cut(&text, '/');
    uint64_t bits;

    if (!ax_address_parse(base, &range.base))
        return false;
    bits = 8u * range.base.len;
    if (text.ptr != NULL && !ax_str_to_u64(text, bits, &bits))
        return false;
    range.bits = (unsigned)bits;
    for (unsigned bit = range.bits; bit < 8u * range.base.len; bit++) {
        if (range.base.bytes[bit / 8] & (0x80 >> (bit % 8)))
            return false;
    }
    *ret_range = range;
    return true;
}

enum ax_code ax_cidrs_parse(struct ax_str text, struct ax_cidrs **ret_cidrs, struct ax_err *err)
{
    AX_AUTO(ax_cidrs_free) struct ax_cidrs *cidrs = ax_alloc(sizeof(*cidrs));
    struct ax_str word;

    while (host_words_next(&text, &word)) {
        if (cidrs->count == CIDRS_MAX)
            return ax_err_set(err, AX_E_INVALID_REQUEST, "more than %d ranges", CIDRS_MAX);
        if (!range_parse(word, &cidrs->ranges[cidrs->count]))
            return ax_err_set(err, AX_E_INVALID_REQUEST, "'%.*s' is not an address range",
                              AX_STR_FMT(word));
        cidrs->count++;
    }
    *ret_cidrs = AX_TAKE(cidrs);
    return AX_OK;
}

void ax_cidrs_free(struct ax_cidrs *cidrs)
{
    free(cidrs);
}

bool ax_cidrs_contain(const struct ax_cidrs *cidrs, const struct ax_address *address)
{
    for (size_t i = 0; i < cidrs->count; i++) {
        if (range_contains(&cidrs->ranges[i], address))
            return true;
    }
    return false;
}

static const char *address_refused_by(const struct ax_address *address,
                                      const struct address_range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (range_contains(&ranges[i], address))
            return ranges[i].name;
    }
    return NULL;
}

static const char *address_judge_v4(const struct ax_address *address,
                                    const struct ax_cidrs *exceptions)
{
    const char *name = address_refused_by(address, address_v4_refused,
                                          AX_ARRAY_LEN(address_v4_refused));

    return name != NULL && exceptions != NULL && ax_cidrs_contain(exceptions, address) ? NULL
                                                                                       : name;
}

const char *ax_address_judge(const struct ax_address *address, const struct ax_cidrs *exceptions)
{
    const char *name;

    if (address->len == 4)
        return address_judge_v4(address, exceptions);
    name = address_refused_by(address, address_v6_refused, AX_ARRAY_LEN(address_v6_refused));
    if (name == NULL && !range_contains(&address_v6_unicast, address))
        name = "not global unicast";
    if (name == NULL || exceptions == NULL || !ax_cidrs_contain(exceptions, address))
        return name;
    for (size_t i = 0; i < AX_ARRAY_LEN(address_v4_inside); i++) {
        if (range_contains(&address_v4_inside[i].range, address)) {
            struct ax_address inside = { .len = 4 };

            memcpy(inside.bytes, address->bytes + address_v4_inside[i].offset, 4);
            return address_judge_v4(&inside, exceptions);
        }
    }
    return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* url_fuzz.c - can a URL or an allowlist entry mean something else to anybody than it does to us? */
#include "base/buf.h"
#include "host/allowlist.h"

#include "fuzz.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* No resolver may take it for an address; the system's own readers are the judges. */
static void check_host(const char *host, size_t len)
{
    const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST };
    struct addrinfo *found = NULL;
    struct in6_addr in6;
    struct in_addr in;

    FUZZ_HOLDS(len > 0 && len <= AX_HOST_NAME_MAX && strlen(host) == len);
    FUZZ_HOLDS(strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-.") == len);
    FUZZ_HOLDS(host[0] != '.' && host[0] != '-' && host[len - 1] != '.' && host[len - 1] != '-');
    FUZZ_HOLDS(inet_aton(host, &in) == 0);
    FUZZ_HOLDS(inet_pton(AF_INET6, host, &in6) != 1);
    FUZZ_HOLDS(getaddrinfo(host, NULL, &hints, &found) != 0);
}

static void check_url(struct ax_str text)
{
    AX_AUTO_BUF struct ax_buf again = { .max = SIZE_MAX / 4 };
    struct ax_egress_entry entry;
    struct ax_url url, copy;
    char wanted[AX_HOST_NAME_MAX + 32];

    if (ax_url_parse(text, &url, NULL) != AX_OK)
        return;
    check_host(url.host, url.host_len);
    FUZZ_HOLDS(url.port != 0 && text.len <= AX_URL_MAX);
    for (size_t i = 0; i < text.len; i++)
        FUZZ_HOLDS(text.ptr[i] > 0x20 && text.ptr[i] < 0x7f && text.ptr[i] != '#' &&
                   text.ptr[i] != '\\');

    /* put together from its parts it is the same URL */
    ax_buf_printf(&again, "http%s://%s:%u%.*s", url.https ? "s" : "", url.host, url.port,
                  AX_STR_FMT(url.target));
    if (again.len <= AX_URL_MAX) {
        FUZZ_HOLDS(ax_url_parse(ax_buf_str(&again), &copy, NULL) == AX_OK);
        FUZZ_HOLDS(copy.https == url.https && copy.port == url.port);
        FUZZ_HOLDS(strcmp(copy.host, url.host) == 0 && ax_str_eq(copy.target, url.target));
    }

    /* its own entry allows it, the wildcard of its own host does not */
    snprintf(wanted, sizeof(wanted), "http%s://%s:%u", url.https ? "s" : "", url.host, url.port);
    FUZZ_HOLDS(ax_egress_entry_parse(ax_str_of(wanted), &entry));
    FUZZ_HOLDS(ax_egress_entry_allows(&entry, &url));
    entry.wildcard = true;
    FUZZ_HOLDS(!ax_egress_entry_allows(&entry, &url));
}

static void check_entry(struct ax_str text)
{
    struct ax_egress_entry entry;

    if (!ax_egress_entry_parse(text, &entry))
        return;
    check_host(entry.host, entry.host_len);
    FUZZ_HOLDS(entry.port != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_url(ax_str_make(data, size));
    check_entry(ax_str_make(data, size));
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* capability_test.c - is the list closed? */
#include "bundle/capability.h"

#include "base/test.h"

#include <stdio.h>

TEST(capability_names_have_one_bit_each_with_or_without_prefix)
{
    static const char *const names[] = {
#define X(name, text) text,
        AX_CAPABILITIES(X)
#undef X
    };
    unsigned all = 0;

    for (size_t i = 0; i < AX_ARRAY_LEN(names); i++) {
        char prefixed[64];
        struct ax_str name;
        unsigned bit = 0;
        unsigned again = 0;

        snprintf(prefixed, sizeof(prefixed), "cap:%s", names[i]);
        T_EQ(ax_capability_parse(ax_str_of(names[i]), &bit, &name), AX_CAPABILITY_BUILT_IN);
        T_EQ(ax_capability_parse(ax_str_of(prefixed), &again, &name), AX_CAPABILITY_BUILT_IN);
        T_EQ(bit, again);
        T_STR(name, ax_str_of(names[i]));
        T_STR(ax_str_of(ax_capability_name(bit)), ax_str_of(names[i]));
        T_EQ(all & bit, 0);
        all |= bit;
    }
    T_EQ(all, (1u << AX_CAP_COUNT) - 1);
}

TEST(capability_of_the_host_is_told_from_a_mistake)
{
    static const struct {
        const char *text;
        enum ax_capability_kind kind;
    } cases[] = {
        { "invoice.manual.create", AX_CAPABILITY_HOST },
        { "cap:invoice.manual.create", AX_CAPABILITY_HOST },
        { "a.b", AX_CAPABILITY_HOST },
        { "a-1.b2", AX_CAPABILITY_HOST },
        { "http.fetsh", AX_CAPABILITY_UNKNOWN },
        { "http.fetch.all", AX_CAPABILITY_UNKNOWN },
        { "storage.sql", AX_CAPABILITY_UNKNOWN },
        { "HTTP.fetch", AX_CAPABILITY_UNKNOWN },
        { "Http.Fetch", AX_CAPABILITY_UNKNOWN },
        { "cap:cap:http.fetch", AX_CAPABILITY_UNKNOWN },
        { "CAP:http.fetch", AX_CAPABILITY_UNKNOWN },
        { " http.fetch", AX_CAPABILITY_UNKNOWN },
        { "http.fetch ", AX_CAPABILITY_UNKNOWN },
        { "http..fetch", AX_CAPABILITY_UNKNOWN },
        { "http", AX_CAPABILITY_UNKNOWN },
        { "invoice", AX_CAPABILITY_UNKNOWN },
        { "invoice.", AX_CAPABILITY_UNKNOWN },
        { ".invoice", AX_CAPABILITY_UNKNOWN },
        { "1a.b", AX_CAPABILITY_UNKNOWN },
        { "a_b.c", AX_CAPABILITY_UNKNOWN },
        { "cap:", AX_CAPABILITY_UNKNOWN },
        { "", AX_CAPABILITY_UNKNOWN },
        { "*.*", AX_CAPABILITY_UNKNOWN },
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(cases); i++) {
        struct ax_str name;
        unsigned bit = 0;

        T_EQ(ax_capability_parse(ax_str_of(cases[i].text), &bit, &name), cases[i].kind);
        T_EQ(bit, 0);
    }
}

TEST_MAIN()

/* SPDX-License-Identifier: Apache-2.0 */
/* capability.c - what may a guest ask the host for, by name? */
#include "bundle/capability.h"

#include "base/alloc.h"

#include <assert.h>

#define CAPABILITY_NAME_MAX 128

static const struct ax_str capability_names[AX_CAP_COUNT] = {
#define X(name, text) AX_STR_INIT(text),
    AX_CAPABILITIES(X)
#undef X
};

/* Two or more segments of [a-z0-9-], each beginning with a letter. */
static bool capability_is_well_formed(struct ax_str name)
{
    size_t segments = 0;

    if (name.len == 0 || name.len > CAPABILITY_NAME_MAX)
        return false;
    while (name.ptr) {
        struct ax_str segment = ax_str_cut(&name, '.');

        if (segment.len == 0 || segment.ptr[0] < 'a' || segment.ptr[0] > 'z')
            return false;
        for (size_t i = 0; i < segment.len; i++) {
            char c = segment.ptr[i];

            if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
                return false;
        }
        segments++;
    }
    return segments >= 2;
}

static bool capability_same_family(struct ax_str a, struct ax_str b)
{
    return ax_str_eq(ax_str_cut(&a, '.'), ax_str_cut(&b, '.'));
}

enum ax_capability_kind ax_capability_parse(struct ax_str text, unsigned *ret_bit,
                                            struct ax_str *ret_name)
{
    struct ax_str prefix = AX_STR("cap:");
    struct ax_str name = ax_str_starts(text, prefix) ? ax_str_from(text, prefix.len) : text;

    if (!capability_is_well_formed(name))
        return AX_CAPABILITY_UNKNOWN;
    *ret_name = name;
    for (unsigned i = 0; i < AX_CAP_COUNT; i++)
        if (ax_str_eq(name, capability_names[i])) {
            *ret_bit = 1u << i;
            return AX_CAPABILITY_BUILT_IN;
        }
    for (unsigned i = 0; i < AX_CAP_COUNT; i++)
        if (capability_same_family(name, capability_names[i]))
            return AX_CAPABILITY_UNKNOWN;
    return AX_CAPABILITY_HOST;
}

const char *ax_capability_name(unsigned bit)
{
    unsigned index = 0;

    assert(bit > 0 && (bit & (bit - 1)) == 0);
    while (!(bit & 1u << index))
        index++;
    assert(index < AX_CAP_COUNT);
    return capability_names[index].ptr;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* semver.c - which version is the newer one? Numbers are compared as text: they have no bound. */
#include "registry/semver.h"

#define SEMVER_PATCH_MAX (UINT64_C(1) << 53)

/* Without build metadata: *ret_release "1.2.3" and what follows the first '-', or none. */
static struct ax_str semver_split(struct ax_str version, struct ax_str *ret_prerelease)
{
    struct ax_str rest = version;

    *ret_prerelease = ax_str_cut(&rest, '+');
    return ax_str_cut(ret_prerelease, '-');
}

static bool is_number(struct ax_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    return text.len > 0;
}

static int number_cmp(struct ax_str a, struct ax_str b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return ax_str_cmp(a, b);
}

static int part_cmp(struct ax_str a, struct ax_str b)
{
    bool a_number = is_number(a), b_number = is_number(b);

    if (a_number && b_number)
        return number_cmp(a, b);
    if (a_number != b_number)
        return a_number ? -1 : 1;
    return ax_str_cmp(a, b);
}

/* Part by part; of two that agree so far the longer one is newer. */
static int dotted_cmp(struct ax_str a, struct ax_str b)
{
    int order = 0;

    while (order == 0 && a.ptr && b.ptr) {
        struct ax_str left = ax_str_cut(&a, '.');
        struct ax_str right = ax_str_cut(&b, '.');

        order = part_cmp(left, right);
    }
    return order ? order : (a.ptr != NULL) - (b.ptr != NULL);
}

int ax_semver_cmp(struct ax_str a, struct ax_str b)
{
    struct ax_str a_pre, b_pre;
    struct ax_str a_release = semver_split(a, &a_pre);
    struct ax_str b_release = semver_split(b, &b_pre);
    int order = dotted_cmp(a_release, b_release);

    if (order)
        return order;
    if (!a_pre.ptr || !b_pre.ptr) /* a release is newer than what was released before it */
        return (a_pre.ptr == NULL) - (b_pre.ptr == NULL);
    return dotted_cmp(a_pre, b_pre);
}

bool ax_semver_is_prerelease(struct ax_str version)
{
    struct ax_str prerelease;

    (void)semver_split(version, &prerelease);
    return prerelease.ptr != NULL;
}

bool ax_semver_patch(struct ax_str version, struct ax_str line, uint64_t *ret_patch)
{
    struct ax_str prerelease;
    struct ax_str release = semver_split(version, &prerelease);

    return ax_str_starts(release, line) && release.len > line.len && release.ptr[line.len] == '.' &&
           ax_str_to_u64(ax_str_from(release, line.len + 1), SEMVER_PATCH_MAX, ret_patch);
}

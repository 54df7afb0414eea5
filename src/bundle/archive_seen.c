/* SPDX-License-Identifier: Apache-2.0 */
/* archive_seen.c - does this path clash with one before it?
 * Paths are kept folded to lower case and sorted with "/" below every other character, so that what
 * lies in a folder follows right after the folder's own name. */
#include "bundle/archive_internal.h"

#include <string.h>

#define SEEN_SLASH '\x01'

enum ax_code archive_seen_init(struct archive_seen *seen, struct ax_err *err)
{
    ax_arena_init(&seen->arena, (size_t)AX_ARCHIVE_ENTRIES_MAX * (AX_ARCHIVE_PATH_MAX + 64));
    seen->count = 0;
    seen->paths = ax_try_alloc(AX_ARCHIVE_ENTRIES_MAX * sizeof(*seen->paths));
    return seen->paths ? AX_OK : ax_err_set(err, AX_E_NO_MEMORY, "there is no memory");
}

void archive_seen_done(struct archive_seen *seen)
{
    ax_arena_done(&seen->arena);
    free(seen->paths);
    seen->paths = NULL;
}

/* Where `folded` stands, or would stand. */
static size_t seen_place(const struct archive_seen *seen, struct ax_str folded)
{
    size_t low = 0;
    size_t high = seen->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (ax_str_cmp(seen->paths[middle], folded) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool seen_has(const struct archive_seen *seen, struct ax_str folded)
{
    size_t place = seen_place(seen, folded);

    return place < seen->count && ax_str_eq(seen->paths[place], folded);
}

/* Is there a file where this path needs a folder, or below where it needs a file? */
static bool seen_is_nested(const struct archive_seen *seen, struct ax_str folded, size_t place)
{
    if (place < seen->count && ax_str_starts(seen->paths[place], folded) &&
        seen->paths[place].ptr[folded.len] == SEEN_SLASH)
        return true;
    for (size_t i = 0; i < folded.len; i++)
        if (folded.ptr[i] == SEEN_SLASH && seen_has(seen, ax_str_sub(folded, 0, i)))
            return true;
    return false;
}

enum ax_code archive_seen_add(struct archive_seen *seen, struct ax_str path, struct ax_err *err)
{
    struct ax_str folded;
    char *at;
    size_t place;

    if (seen->count == AX_ARCHIVE_ENTRIES_MAX)
        return ax_err_set(err, AX_E_TOO_BIG, "the bundle has more than %d files",
                          AX_ARCHIVE_ENTRIES_MAX);
    folded = ax_arena_dup(&seen->arena, path);
    if (!folded.ptr)
        return ax_err_set(err, AX_E_NO_MEMORY, "there is no memory");
    at = (char *)folded.ptr;
    for (size_t i = 0; i < folded.len; i++) {
        if (at[i] >= 'A' && at[i] <= 'Z')
            at[i] |= 0x20;
        else if (at[i] == '/')
            at[i] = SEEN_SLASH;
    }
    place = seen_place(seen, folded);
    if (place < seen->count && ax_str_eq(seen->paths[place], folded))
        return ax_err_set(err, AX_E_INVALID_BUNDLE, "%.*s: two files have this name (case aside)",
                          AX_STR_FMT(path));
    if (seen_is_nested(seen, folded, place))
        return ax_err_set(err, AX_E_INVALID_BUNDLE, "%.*s: a file is also used as a folder",
                          AX_STR_FMT(path));
    memmove(&seen->paths[place + 1], &seen->paths[place],
            (seen->count - place) * sizeof(*seen->paths));
    seen->paths[place] = folded;
    seen->count++;
    return AX_OK;
}

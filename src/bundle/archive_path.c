/* SPDX-License-Identifier: Apache-2.0 */
/* archive_path.c - which names may a file in a bundle have?
 * A list of what is allowed, so that everything that means something to some file system or some
 * shell is refused without being known: "..", "\", "C:", NUL, trailing dots of links, Unicode. */
#include "bundle/archive.h"

static bool path_is_allowed(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '@' || c == '+' || c == '-';
}

static const char *path_component_fault(struct ax_str component)
{
    if (component.len == 0)
        return "it has an empty component";
    if (component.len > AX_ARCHIVE_COMPONENT_MAX)
        return "a component is longer than 128 bytes";
    if (component.ptr[0] == '.')
        return "a component starts with a dot";
    for (size_t i = 0; i < component.len; i++)
        if (!path_is_allowed(component.ptr[i]))
            return "it has a character other than A-Z a-z 0-9 . _ @ + -";
    return NULL;
}

const char *ax_archive_path_fault(struct ax_str path)
{
    size_t components = 0;

    if (path.len == 0)
        return "it is empty";
    if (path.len > AX_ARCHIVE_PATH_MAX)
        return "it is longer than 512 bytes";
    while (path.ptr) {
        struct ax_str component = ax_str_cut(&path, '/');
        const char *fault = path_component_fault(component);

        if (fault)
            return fault;
        if (++components > AX_ARCHIVE_COMPONENTS_MAX)
            return "it has more than 16 components";
    }
    return NULL;
}

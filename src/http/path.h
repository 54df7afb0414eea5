/* SPDX-License-Identifier: Apache-2.0 */
/* path.h - which path did the caller mean?
 *
 * A path is decoded exactly once and split; whatever could mean two things is refused. Pure but for
 * the arena. */
#ifndef AX_HTTP_PATH_H
#define AX_HTTP_PATH_H

#include "base/arena.h"
#include "base/str.h"

/* Enough for every route; a path with more segments is refused. */
#define AX_PATH_SEGMENTS_MAX 64

struct ax_path {
    struct ax_str segments[AX_PATH_SEGMENTS_MAX]; /* decoded, never empty, in the arena */
    size_t count;
    bool trailing_slash; /* "/a/" has one segment and this; "/" has none of both */
};

/* Splits a raw path. Fails with AX_E_INVALID_REQUEST: no leading slash, empty segment ("//"), "." or
 * ".." (encoded or not), %2f, %5c, %00, a backslash, a control byte, a '%' that is not an escape or
 * is left after decoding, invalid UTF-8, too many segments. AX_E_NO_MEMORY when the arena is full. */
AX_CHECKED enum ax_code ax_path_parse(struct ax_str raw, struct ax_arena *arena,
                                      struct ax_path *ret_path, struct ax_err *err);

/* Decodes one element of a query or a form ('+' is a space there): any byte may come out but NUL;
 * UTF-8 only. */
AX_CHECKED enum ax_code ax_query_decode(struct ax_str raw, struct ax_arena *arena,
                                        struct ax_str *ret_text, struct ax_err *err);

/* Takes the next pair off a raw query, undecoded; false at the end. Empty pairs are skipped. */
bool ax_query_next(struct ax_str *rest, struct ax_str *ret_key, struct ax_str *ret_value);

/* Appends `text` with every byte but [A-Za-z0-9._~-] percent-encoded: one spelling per segment. */
struct ax_buf;
enum ax_code ax_path_encode(struct ax_buf *out, struct ax_str segment);

#endif

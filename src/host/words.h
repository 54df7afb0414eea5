/* SPDX-License-Identifier: Apache-2.0 */
/* words.h - which words does a list setting hold? */
#ifndef AX_HOST_WORDS_H
#define AX_HOST_WORDS_H

#include "base/str.h"

static inline bool host_words_is_gap(char byte)
{
    return byte == ',' || byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

/* Takes the next word between commas or white space out of *rest; false when there is none. */
static inline bool host_words_next(struct ax_str *rest, struct ax_str *ret_word)
{
    size_t start = 0;
    size_t end;

    while (start < rest->len && host_words_is_gap(rest->ptr[start]))
        start++;
    end = start;
    while (end < rest->len && !host_words_is_gap(rest->ptr[end]))
        end++;
    *ret_word = ax_str_sub(*rest, start, end);
    *rest = ax_str_from(*rest, end);
    return end > start;
}

#endif

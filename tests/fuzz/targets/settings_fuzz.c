/* SPDX-License-Identifier: Apache-2.0 */
/* settings_fuzz.c - can a package or an environment make a role hold what it may not? */
#include "base/settings.h"

#include "fuzz.h"

#define FUZZ_WORDS 16

/* Packing what was unpacked gives a package that unpacks to the same package. */
static void check_package(struct ax_str bytes)
{
    AX_AUTO(ax_settings_free) struct ax_settings *settings = NULL;
    AX_AUTO(ax_settings_free) struct ax_settings *again = NULL;
    AX_AUTO_BUF struct ax_buf once = { .max = SIZE_MAX / 4 };
    AX_AUTO_BUF struct ax_buf twice = { .max = SIZE_MAX / 4 };
    struct ax_str rest = bytes;
    uint64_t roles = 0;

    if (ax_settings_unpack(bytes, &settings, NULL) != AX_OK) {
        FUZZ_HOLDS(!settings);
        return;
    }
    FUZZ_HOLDS(ax_str_to_u64(ax_str_cut(&rest, '\0'), UINT32_MAX, &roles) && roles != 0);
    FUZZ_HOLDS(ax_settings_pack(settings, (unsigned)roles, &once) == AX_OK);
    FUZZ_HOLDS(ax_settings_unpack(ax_buf_str(&once), &again, NULL) == AX_OK);
    FUZZ_HOLDS(ax_settings_pack(again, (unsigned)roles, &twice) == AX_OK);
    FUZZ_HOLDS(ax_str_eq(ax_buf_str(&once), ax_buf_str(&twice)));
}

/* The input's lines are an environment, or arguments; never a file, which the fuzzer would open. */
static void check_words(struct ax_str lines, bool arguments)
{
    AX_AUTO(ax_settings_free) struct ax_settings *settings = NULL;
    AX_AUTO_BUF struct ax_buf print = { .max = SIZE_MAX / 4 };
    char *none[] = { NULL };
    char *words[FUZZ_WORDS + 1] = { ax_strdup(AX_STR("fuzz")) };
    size_t count = 1;
    struct ax_err err = { 0 };

    while (lines.ptr && count < FUZZ_WORDS) {
        char *word = ax_strdup(ax_str_cut(&lines, '\n'));

        words[count++] = word;
        for (char *at = word; *at; at++) {
            if (*at == '/')
                *at = '.';
        }
    }
    if (ax_settings_load(AX_PROGRAM_RUNNER, arguments ? (int)count : 0, words,
                         arguments ? none : words, &settings, &err) == AX_OK)
        ax_settings_print_check(settings, &print);
    else
        FUZZ_HOLDS(!settings && err.code == AX_E_INVALID_REQUEST && err.message[0] != '\0');
    while (count > 0)
        free(words[--count]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ax_str input = ax_str_make(data, size);

    if (size == 0)
        return 0;
    switch (data[0] % 3) {
    case 0: check_package(ax_str_from(input, 1)); break;
    case 1: check_words(ax_str_from(input, 1), true); break;
    default: check_words(ax_str_from(input, 1), false); break;
    }
    return 0;
}

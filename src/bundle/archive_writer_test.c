/* SPDX-License-Identifier: Apache-2.0 */
/* archive_writer_test.c - do the same files become the same bytes, and only good ones? */
#include "base/test.h"
#include "bundle/archive_test_maker.h"
#include "bundle/manifest.h"

#include <stdio.h>

struct writing {
    struct ax_buf out;
    struct ax_archive_writer *writer;
};

static enum ax_code writing_write(void *arg, struct ax_str bytes, struct ax_err *err)
{
    struct writing *writing = arg;

    (void)err;
    return ax_buf_append_str(&writing->out, bytes);
}

static void writing_begin(struct writing *writing)
{
    struct ax_archive_output output = { .write = writing_write, .arg = writing };

    *writing = (struct writing){ .out = { .max = 1u << 20 } };
    T_OK(ax_archive_writer_new(&output, &writing->writer, NULL));
}

static void writing_done(struct writing *writing)
{
    ax_archive_writer_free(writing->writer);
    ax_buf_done(&writing->out);
}

/* One file, its bytes in pieces of `step`. */
static enum ax_code writing_put(struct writing *writing, struct ax_str path, struct ax_str bytes,
                                size_t step)
{
    enum ax_code code = ax_archive_writer_file(writing->writer, path, bytes.len, NULL);

    while (code == AX_OK && bytes.len > 0) {
        size_t take = step < bytes.len ? step : bytes.len;

        code = ax_archive_writer_data(writing->writer, ax_str_sub(bytes, 0, take), NULL);
        bytes = ax_str_from(bytes, take);
    }
    return code;
}

TEST(writer_is_read_back_whatever_the_length_of_a_path)
{
    static const size_t lengths[] = { 1,   2,   99,  100, 101, 102, 103, 154, 155, 156, 157,
                                      199, 254, 255, 256, 257, 258, 300, 400, 510, 511, 512 };
    char path[AX_ARCHIVE_PATH_MAX];

    for (size_t each = 0; each < AX_ARRAY_LEN(lengths); each++) {
        /* one long name, short folders, and folders as long as may be */
        size_t folders[] = { 128, 40, 101 };
        size_t len = lengths[each];

        for (size_t i = 0; i < AX_ARRAY_LEN(folders); i++) {
            struct writing writing;
            struct maker_seen seen;
            char expected[600];
            struct ax_str full = { path, len };

            memset(path, 'a', sizeof(path));
            for (size_t at = folders[i]; at < len; at += folders[i] + 1)
                path[at] = '/';
            if (ax_archive_path_fault(full))
                continue; /* ends in a slash */
            writing_begin(&writing);
            T_OK(writing_put(&writing, AX_STR("manifest.json"), AX_STR("{}"), 1));
            T_OK(writing_put(&writing, full, AX_STR("x"), 1));
            T_OK(ax_archive_writer_finish(writing.writer, NULL));
            T_OK(maker_read(ax_buf_str(&writing.out), 0, &seen, NULL));
            snprintf(expected, sizeof(expected), "manifest.json:2\n{}.\n%.*s:1\nx.\n",
                     AX_STR_FMT(full));
            T_STR(ax_buf_str(&seen.log), ax_str_of(expected));
            ax_buf_done(&seen.log);
            writing_done(&writing);
        }
    }
}

TEST(writer_makes_the_same_bytes_however_it_is_fed)
{
    AX_AUTO_FREE char *bytes = ax_alloc(300000);
    size_t steps[] = { 1, 7, 4096, 131072, 300000 };
    struct writing first;

    for (size_t i = 0; i < 300000; i++)
        bytes[i] = (char)(i * i >> 7);
    for (size_t i = 0; i < AX_ARRAY_LEN(steps); i++) {
        struct writing writing;

        writing_begin(&writing);
        T_OK(writing_put(&writing, AX_STR("manifest.json"), AX_STR("{}"), steps[i]));
        T_OK(writing_put(&writing, AX_STR("entry.wasm"), ax_str_make(bytes, 300000), steps[i]));
        T_OK(ax_archive_writer_finish(writing.writer, NULL));
        if (i == 0) {
            first = writing;
            continue;
        }
        T_TRUE(ax_str_eq(ax_buf_str(&first.out), ax_buf_str(&writing.out)));
        writing_done(&writing);
    }
    writing_done(&first);
}

static enum ax_code write_three(struct ax_str a, struct ax_str b, struct ax_str c)
{
    struct writing writing;
    enum ax_code code;

    writing_begin(&writing);
    code = writing_put(&writing, a, AX_STR("{}"), 1);
    if (code == AX_OK)
        code = writing_put(&writing, b, AX_STR("{}"), 1);
    if (code == AX_OK)
        code = writing_put(&writing, c, AX_STR("{}"), 1);
    if (code == AX_OK)
        code = ax_archive_writer_finish(writing.writer, NULL);
    writing_done(&writing);
    return code;
}

TEST(writer_refuses_what_the_reader_would)
{
    struct ax_str manifest = AX_STR("manifest.json");

    T_OK(write_three(manifest, AX_STR("a"), AX_STR("z")));
    T_OK(write_three(manifest, AX_STR("a-b"), AX_STR("a/b")));
    T_CODE(write_three(AX_STR("a"), manifest, AX_STR("z")), AX_E_INVALID_BUNDLE);
    T_CODE(write_three(manifest, AX_STR("z"), AX_STR("a")), AX_E_INVALID_BUNDLE);
    T_CODE(write_three(manifest, AX_STR("a"), AX_STR("a")), AX_E_INVALID_BUNDLE);
    T_CODE(write_three(manifest, AX_STR("A"), AX_STR("a")), AX_E_INVALID_BUNDLE);
    T_CODE(write_three(manifest, AX_STR("a"), AX_STR("a/b")), AX_E_INVALID_BUNDLE);
    T_CODE(write_three(manifest, AX_STR("a"), manifest), AX_E_INVALID_BUNDLE);
    T_CODE(write_three(manifest, AX_STR("../a"), AX_STR("z")), AX_E_INVALID_BUNDLE);
}

TEST(writer_wants_as_many_bytes_as_were_said)
{
    struct writing writing;

    writing_begin(&writing);
    T_OK(ax_archive_writer_file(writing.writer, AX_STR("manifest.json"), 2, NULL));
    T_CODE(ax_archive_writer_data(writing.writer, AX_STR("{}}"), NULL), AX_E_IO);
    T_OK(ax_archive_writer_data(writing.writer, AX_STR("{"), NULL));
    T_CODE(ax_archive_writer_file(writing.writer, AX_STR("z"), 0, NULL), AX_E_IO);
    T_CODE(ax_archive_writer_finish(writing.writer, NULL), AX_E_IO);
    writing_done(&writing);
    writing_begin(&writing);
    T_CODE(ax_archive_writer_file(writing.writer, AX_STR("manifest.json"),
                                  AX_MANIFEST_BYTES_MAX + 1, NULL),
           AX_E_TOO_BIG);
    writing_done(&writing);
}

TEST_MAIN()

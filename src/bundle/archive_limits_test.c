/* SPDX-License-Identifier: Apache-2.0 */
/* archive_limits_test.c - is each limit kept at n - 1, n and n + 1, and before anything is taken? */
#include "base/test.h"
#include "bundle/archive_test_maker.h"
#include "bundle/manifest.h"

#include <stdio.h>

static enum ax_code judge_entries(size_t count)
{
    struct maker maker;
    enum ax_code code;

    maker_init(&maker, NULL);
    maker_put_manifest(&maker);
    for (size_t i = 1; i < count; i++) {
        char name[32];

        /* neither sorted nor reversed */
        snprintf(name, sizeof(name), "ui/%05zu", (i * 7919) % 99991);
        maker_put_file(&maker, ax_str_of(name), AX_STR(""));
    }
    maker_end(&maker);
    code = maker_judge(&maker, NULL);
    maker_done(&maker);
    return code;
}

TEST(limits_entries)
{
    T_OK(judge_entries(AX_ARCHIVE_ENTRIES_MAX - 1));
    T_OK(judge_entries(AX_ARCHIVE_ENTRIES_MAX));
    T_CODE(judge_entries(AX_ARCHIVE_ENTRIES_MAX + 1), AX_E_TOO_BIG);
}

static enum ax_code judge_manifest(size_t size)
{
    struct tar_header header = maker_header(AX_STR("manifest.json"), TAR_FILE, size);
    struct maker maker;
    enum ax_code code;

    maker_init(&maker, NULL);
    maker_put_header(&maker, &header);
    maker_put_zeros(&maker, (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK);
    maker_end(&maker);
    code = maker_judge(&maker, NULL);
    maker_done(&maker);
    return code;
}

TEST(limits_manifest)
{
    T_OK(judge_manifest(AX_MANIFEST_BYTES_MAX - 1));
    T_OK(judge_manifest(AX_MANIFEST_BYTES_MAX));
    T_CODE(judge_manifest(AX_MANIFEST_BYTES_MAX + 1), AX_E_TOO_BIG);
}

/* Files of `first` and `second` bytes beside the two of the manifest. */
static enum ax_code judge_unpacked(uint64_t first, uint64_t second, struct maker_seen *seen)
{
    uint64_t sizes[] = { first, second };
    struct maker maker;
    enum ax_code code;

    maker_init(&maker, NULL);
    maker_put_manifest(&maker);
    for (size_t i = 0; i < 2; i++) {
        struct tar_header header = maker_header(i ? AX_STR("b") : AX_STR("a"), TAR_FILE, sizes[i]);

        maker_put_header(&maker, &header);
        maker_put_zeros(&maker, (sizes[i] + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK);
    }
    maker_end(&maker);
    code = maker_read(ax_buf_str(&maker.out), 0, seen, NULL);
    ax_buf_done(&seen->log);
    maker_done(&maker);
    return code;
}

TEST(limits_unpacked)
{
    uint64_t most = AX_ARCHIVE_UNPACKED_MAX - 2;
    struct maker_seen seen;

    T_OK(judge_unpacked(most - 1001, 1000, &seen));
    T_OK(judge_unpacked(most - 1000, 1000, &seen));
    T_EQ(seen.bytes, AX_ARCHIVE_UNPACKED_MAX);
    T_CODE(judge_unpacked(most - 1000, 1001, &seen), AX_E_TOO_BIG);
    T_EQ(seen.bytes, AX_ARCHIVE_UNPACKED_MAX - 1000); /* the second was never begun */
    T_EQ(seen.files, 2);
    T_CODE(judge_unpacked(most + 1, 0, &seen), AX_E_TOO_BIG);
    T_EQ(seen.files, 1);
}

/* A gigabyte of zeros in some kilobytes; the reader stops at the header that announces it. */
TEST(limits_bomb)
{
    struct tar_header header = maker_header(AX_STR("bomb"), TAR_FILE, 1u << 30);
    struct maker_seen seen;
    struct maker maker;

    maker_init(&maker, NULL);
    maker_put_manifest(&maker);
    maker_put_header(&maker, &header);
    maker_put_zeros(&maker, 1u << 30);
    maker_end(&maker);
    T_TRUE(maker.out.len < 256u << 10);
    T_CODE(maker_read(ax_buf_str(&maker.out), 0, &seen, NULL), AX_E_TOO_BIG);
    T_EQ(seen.bytes, 2);
    ax_buf_done(&seen.log);
    maker_done(&maker);
    maker_init(&maker, NULL); /* the same where the archive should end */
    maker_put_manifest(&maker);
    maker_put_zeros(&maker, 1u << 30);
    maker_end_frame(&maker);
    T_CODE(maker_read(ax_buf_str(&maker.out), 0, &seen, NULL), AX_E_INVALID_BUNDLE);
    ax_buf_done(&seen.log);
    maker_done(&maker);
}

TEST(limits_compressed)
{
    AX_AUTO_FREE char *zeros = ax_alloc(1u << 20);
    struct ax_archive_events events = { .on_file = NULL };
    AX_AUTO(ax_archive_reader_free) struct ax_archive_reader *reader = NULL;
    struct maker maker;

    /* 64 MiB that are no frame are refused for what they are, one byte more for their number */
    T_CODE(ax_archive_read_fd(-1, AX_ARCHIVE_BYTES_MAX + 1, &events, NULL), AX_E_TOO_BIG);
    T_CODE(ax_archive_read_fd(-1, AX_ARCHIVE_BYTES_MAX, &events, NULL), AX_E_IO);
    T_OK(ax_archive_reader_new(&events, &reader, NULL));
    maker_init(&maker, NULL);
    T_CODE(ax_archive_reader_push(reader, (struct ax_str){ zeros, AX_ARCHIVE_BYTES_MAX + 1 }, NULL),
           AX_E_TOO_BIG);
    maker_done(&maker);
}

TEST_MAIN()

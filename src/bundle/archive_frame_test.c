/* SPDX-License-Identifier: Apache-2.0 */
/* archive_frame_test.c - is it the one kind of zstd frame that a bundle may be? */
#include "base/test.h"
#include "bundle/archive_test_maker.h"

/* The archive that all of these change. */
static void put_archive(struct maker *maker, const struct maker_frame *frame)
{
    maker_init(maker, frame);
    maker_put_manifest(maker);
    maker_put_file(maker, AX_STR("ui/index.html"), AX_STR("<p>Hello</p>"));
    maker_end(maker);
}

static enum ax_code judge_frame(const struct maker_frame *frame)
{
    struct maker maker;
    enum ax_code code;

    put_archive(&maker, frame);
    code = maker_judge(&maker, NULL);
    maker_done(&maker);
    return code;
}

/* `before`, the good archive, `after`. */
static enum ax_code judge_between(struct ax_str before, struct ax_str after)
{
    AX_AUTO_BUF struct ax_buf all = { .max = 1u << 20 };
    struct maker_seen seen;
    struct maker maker;
    enum ax_code code;

    put_archive(&maker, NULL);
    ax_buf_append_str(&all, before);
    ax_buf_append_str(&all, ax_buf_str(&maker.out));
    ax_buf_append_str(&all, after);
    T_OK(all.failed);
    code = maker_read(ax_buf_str(&all), 0, &seen, NULL);
    ax_buf_done(&seen.log);
    if (code == AX_OK || after.len == 0)
        goto out;
    /* the same when what follows comes in a push of its own, byte by byte */
    T_CODE(maker_read(ax_buf_str(&all), 1, &seen, NULL), code);
    ax_buf_done(&seen.log);
out:
    maker_done(&maker);
    return code;
}

TEST(frame_needs_its_checksum)
{
    T_OK(judge_frame(&(struct maker_frame){ .no_checksum = false }));
    T_CODE(judge_frame(&(struct maker_frame){ .no_checksum = true }), AX_E_INVALID_BUNDLE);
}

TEST(frame_window_is_at_most_8_mib)
{
    T_OK(judge_frame(&(struct maker_frame){ .window_log = 10 }));
    T_OK(judge_frame(&(struct maker_frame){ .window_log = 22 }));
    T_OK(judge_frame(&(struct maker_frame){ .window_log = 23 }));
    T_CODE(judge_frame(&(struct maker_frame){ .window_log = 24 }), AX_E_TOO_BIG);
    T_CODE(judge_frame(&(struct maker_frame){ .window_log = 31 }), AX_E_TOO_BIG);
}

/* magic, flags, window descriptor, and whatever follows */
static enum ax_code judge_head(const char *bytes, size_t len)
{
    struct maker_seen seen;
    enum ax_code code = maker_read(ax_str_make(bytes, len), 0, &seen, NULL);

    ax_buf_done(&seen.log);
    return code;
}

TEST(frame_head_is_judged_bit_by_bit)
{
    size_t need = 0;

    for (unsigned descriptor = 0; descriptor < 256; descriptor++) {
        char head[6] = { 0x28, (char)0xb5, 0x2f, (char)0xfd, 0x04, (char)descriptor };
        bool fine = descriptor >> 3 < 13 || descriptor == 13 << 3; /* 2^(10 + 13) and no eighth */

        T_CODE(archive_frame_judge(ax_str_make(head, 6), &need, NULL), fine ? AX_OK : AX_E_TOO_BIG);
        T_EQ(need, 6);
    }
    for (unsigned flags = 0; flags < 256; flags++) {
        char head[ARCHIVE_FRAME_HEAD_MAX] = { 0x28, (char)0xb5, 0x2f, (char)0xfd, (char)flags };
        bool fine = (flags & 0x1b) == 0 && (flags & 0x04) != 0;

        T_CODE(archive_frame_judge(ax_str_make(head, sizeof(head)), &need, NULL),
               fine ? AX_OK : AX_E_INVALID_BUNDLE);
        if (fine)
            T_TRUE(need >= 6 && need <= ARCHIVE_FRAME_HEAD_MAX);
    }
}

TEST(frame_that_is_none_is_refused)
{
    T_CODE(judge_head("", 0), AX_E_INVALID_BUNDLE);
    T_CODE(judge_head("\x28", 1), AX_E_INVALID_BUNDLE);
    T_CODE(judge_head("PK\3\4", 4), AX_E_INVALID_BUNDLE);
    T_CODE(judge_head("\x1f\x8b\x08\0", 4), AX_E_INVALID_BUNDLE);
    T_CODE(judge_head("manifest.json", 13), AX_E_INVALID_BUNDLE);
    T_CODE(judge_head("\x27\xb5\x2f\xfd\x04\x00", 6), AX_E_INVALID_BUNDLE); /* format 0.7 */
    T_CODE(judge_head("\x28\xb5\x2f\xfd\x05\x58\x01\x00\x00\x00", 10), AX_E_INVALID_BUNDLE);
    T_CODE(judge_head("\x37\xa4\x30\xec\x01\x00\x00\x00", 8), AX_E_INVALID_BUNDLE); /* dictionary */
}

TEST(frame_may_say_its_size_and_must_mean_it)
{
    uint64_t size = 512 * 4 + 1024; /* two headers, two bodies, the end */

    T_OK(judge_frame(&(struct maker_frame){ .say_size = true, .size = size }));
    /* a single segment of more than the window, and a content of more than the limit */
    T_CODE(judge_head("\x28\xb5\x2f\xfd\xa4\x01\x00\x80\x00", 9), AX_E_TOO_BIG);
    T_CODE(judge_head("\x28\xb5\x2f\xfd\xc4\x58\x00\x00\x00\x00\x01\x00\x00\x00", 14),
           AX_E_TOO_BIG);
    T_CODE(judge_head("\x28\xb5\x2f\xfd\xc4\x58\xff\xff\xff\xff\xff\xff\xff\xff", 14),
           AX_E_TOO_BIG);
}

TEST(frame_is_alone)
{
    struct ax_str skippable = AX_STR("\x50\x2a\x4d\x18\x04\0\0\0abcd");
    struct ax_str nothing = AX_STR("\x50\x2a\x4d\x18\0\0\0\0");
    struct maker maker;

    T_OK(judge_between(AX_STR(""), AX_STR("")));
    T_CODE(judge_between(skippable, AX_STR("")), AX_E_INVALID_BUNDLE);
    T_CODE(judge_between(nothing, AX_STR("")), AX_E_INVALID_BUNDLE);
    T_CODE(judge_between(AX_STR(""), skippable), AX_E_INVALID_BUNDLE);
    T_CODE(judge_between(AX_STR(""), nothing), AX_E_INVALID_BUNDLE);
    T_CODE(judge_between(AX_STR(""), AX_STR("\0")), AX_E_INVALID_BUNDLE);
    T_CODE(judge_between(AX_STR(""), AX_STR("\n")), AX_E_INVALID_BUNDLE);
    T_CODE(judge_between(AX_STR("\0"), AX_STR("")), AX_E_INVALID_BUNDLE);
    put_archive(&maker, NULL);
    T_CODE(judge_between(AX_STR(""), ax_buf_str(&maker.out)), AX_E_INVALID_BUNDLE);
    maker_done(&maker);
    maker_init(&maker, NULL); /* a frame of nothing */
    maker_end_frame(&maker);
    T_CODE(judge_between(AX_STR(""), ax_buf_str(&maker.out)), AX_E_INVALID_BUNDLE);
    T_CODE(judge_between(ax_buf_str(&maker.out), AX_STR("")), AX_E_INVALID_BUNDLE);
    maker_done(&maker);
}

/* An archive may not go on in a second frame. */
TEST(frame_is_whole)
{
    AX_AUTO_BUF struct ax_buf all = { .max = 1u << 20 };
    struct maker_seen seen;
    struct maker first;
    struct maker second;

    maker_init(&first, NULL);
    maker_put_manifest(&first);
    maker_end_frame(&first);
    maker_init(&second, NULL);
    maker_end(&second);
    ax_buf_append_str(&all, ax_buf_str(&first.out));
    ax_buf_append_str(&all, ax_buf_str(&second.out));
    T_CODE(maker_read(ax_buf_str(&all), 0, &seen, NULL), AX_E_INVALID_BUNDLE);
    ax_buf_done(&seen.log);
    maker_done(&first);
    maker_done(&second);
}

TEST(frame_cut_anywhere_is_refused)
{
    struct maker maker;

    put_archive(&maker, NULL);
    for (size_t len = 0; len < maker.out.len; len++) {
        struct maker_seen seen;

        T_CODE(maker_read(ax_str_make(maker.out.ptr, len), 0, &seen, NULL), AX_E_INVALID_BUNDLE);
        ax_buf_done(&seen.log);
    }
    T_OK(maker_judge(&maker, NULL));
    maker_done(&maker);
}

/* The content hash is what refuses a changed bundle; here a flipped bit may at most change how the
 * same files are written down. */
TEST(frame_with_a_flipped_bit_says_nothing_else)
{
    struct maker_seen good;
    struct maker maker;

    put_archive(&maker, NULL);
    T_OK(maker_read(ax_buf_str(&maker.out), 0, &good, NULL));
    for (size_t bit = 0; bit < 8 * maker.out.len; bit++) {
        struct maker_seen seen;

        maker.out.ptr[bit / 8] ^= (char)(1 << bit % 8);
        if (maker_read(ax_buf_str(&maker.out), 0, &seen, NULL) == AX_OK)
            T_STR(ax_buf_str(&seen.log), ax_buf_str(&good.log));
        ax_buf_done(&seen.log);
        maker.out.ptr[bit / 8] ^= (char)(1 << bit % 8);
    }
    ax_buf_done(&good.log);
    maker_done(&maker);
}

TEST_MAIN()

/* SPDX-License-Identifier: Apache-2.0 */
/* spool_test.c - do an upload's bytes lie there as they came, all of them, and not for ever? */
#include "registry/spool.h"

#include "base/clock.h"
#include "base/test.h"
#include "bundle/archive.h"
#include "store/memfd.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    struct ax_loop loop;
    char path[64];
    int dir_fd;
    struct ax_spool *spool;
    char id[AX_ID_LEN + 1];
    struct ax_spool_file file;
    struct ax_spool_ask ask;
    enum ax_code code;
    unsigned done;
};

static void fixture_init(struct fixture *fix)
{
    *fix = (struct fixture){ .path = "/tmp/spool_test.XXXXXX" };
    T_TRUE(mkdtemp(fix->path) != NULL);
    fix->dir_fd = open(fix->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ax_loop_init(&fix->loop);
    fix->spool = ax_spool_new(&fix->loop, fix->dir_fd);
    ax_id_make("upl_", fix->id);
}

static void fixture_done(struct fixture *fix)
{
    char command[128];

    ax_spool_free(fix->spool);
    ax_loop_done(&fix->loop);
    close(fix->dir_fd);
    snprintf(command, sizeof(command), "rm -rf '%s'", fix->path);
    T_EQ(system(command), 0);
}

static void on_done(enum ax_code code, void *arg)
{
    struct fixture *fix = arg;

    fix->code = code;
    fix->done++;
    ax_loop_stop(&fix->loop);
}

static enum ax_code fixture_wait(struct fixture *fix)
{
    T_EQ(fix->done, 0);
    ax_loop_run(&fix->loop);
    T_EQ(fix->done, 1);
    fix->done = 0;
    return fix->code;
}

static enum ax_code fixture_open(struct fixture *fix, uint64_t size, struct ax_str whole)
{
    struct ax_digest digest = ax_digest_of(whole);

    ax_spool_open(fix->spool, &fix->file, ax_str_of(fix->id), size, &digest, on_done, fix);
    return fixture_wait(fix);
}

static enum ax_code fixture_write(struct fixture *fix, const char *bytes)
{
    ax_spool_write(&fix->file, ax_str_of(bytes), on_done, fix);
    return fixture_wait(fix);
}

static enum ax_code fixture_finish(struct fixture *fix)
{
    ax_spool_finish(&fix->file, on_done, fix);
    return fixture_wait(fix);
}

static uint64_t fixture_size(struct fixture *fix)
{
    ax_spool_size(fix->spool, &fix->ask, ax_str_of(fix->id), on_done, fix);
    T_OK(fixture_wait(fix));
    return fix->ask.size;
}

static enum ax_code fixture_load(struct fixture *fix)
{
    ax_spool_load(fix->spool, &fix->ask, ax_str_of(fix->id), on_done, fix);
    return fixture_wait(fix);
}

static unsigned fixture_sweep(struct fixture *fix, int64_t before_s)
{
    ax_spool_sweep(fix->spool, &fix->ask, before_s, on_done, fix);
    T_OK(fixture_wait(fix));
    return fix->ask.removed;
}

TEST(spool_keeps_what_arrives_and_gives_it_back_sealed)
{
    AX_AUTO_MEMFD struct ax_memfd view = AX_MEMFD_NONE;
    struct ax_digest expected = ax_digest_of(AX_STR("hello world"));
    struct fixture fix;

    fixture_init(&fix);
    T_CODE(fixture_load(&fix), AX_E_NOT_FOUND);
    T_OK(fixture_open(&fix, 11, AX_STR("hello world")));
    T_EQ(fix.file.received, 0);
    T_OK(fixture_write(&fix, "hello "));
    T_CODE(fixture_load(&fix), AX_E_CONFLICT); /* it is being sent */
    T_OK(fixture_write(&fix, ""));
    T_OK(fixture_write(&fix, "world"));
    T_OK(fixture_finish(&fix));
    ax_spool_close(&fix.file);
    T_OK(fixture_load(&fix));
    T_EQ(fix.ask.size, 11);
    T_TRUE(ax_digest_eq(&fix.ask.digest, &expected));
    T_OK(ax_memfd_view(fix.ask.fd, 11, &view));
    T_STR(ax_memfd_str(&view), AX_STR("hello world"));
    ax_fd_close(&fix.ask.fd);
    fixture_done(&fix);
}

TEST(spool_goes_on_where_it_ended)
{
    struct fixture fix;

    fixture_init(&fix);
    T_EQ(fixture_size(&fix), 0);
    T_OK(fixture_open(&fix, 11, AX_STR("hello world")));
    T_OK(fixture_write(&fix, "hello"));
    ax_spool_close(&fix.file);
    ax_spool_close(&fix.file);
    T_EQ(fixture_size(&fix), 5);
    T_OK(fixture_open(&fix, 11, AX_STR("hello world")));
    T_EQ(fix.file.received, 5);
    T_OK(fixture_write(&fix, " world"));
    T_OK(fixture_finish(&fix));
    ax_spool_close(&fix.file);
    T_OK(fixture_open(&fix, 11, AX_STR("hello world"))); /* sent again: all is there */
    T_EQ(fix.file.received, 11);
    T_OK(fixture_finish(&fix));
    ax_spool_close(&fix.file);
    fixture_done(&fix);
}

TEST(spool_refuses_short_long_and_other_bytes)
{
    struct fixture fix;

    fixture_init(&fix);
    T_OK(fixture_open(&fix, 5, AX_STR("hello")));
    T_OK(fixture_write(&fix, "hell"));
    T_CODE(fixture_finish(&fix), AX_E_INVALID_REQUEST);
    T_CODE(fixture_write(&fix, "oo"), AX_E_PAYLOAD_TOO_LARGE);
    T_EQ(fix.file.received, 4);
    T_OK(fixture_write(&fix, "p"));
    T_CODE(fixture_finish(&fix), AX_E_INVALID_BUNDLE);
    T_EQ(fix.file.received, 0);
    ax_spool_close(&fix.file);
    T_EQ(fixture_size(&fix), 0);
    T_OK(fixture_open(&fix, 5, AX_STR("hello")));
    T_OK(fixture_write(&fix, "hello"));
    T_CODE(fixture_write(&fix, "!"), AX_E_PAYLOAD_TOO_LARGE);
    T_OK(fixture_finish(&fix));
    ax_spool_close(&fix.file);
    fixture_done(&fix);
}

TEST(spool_takes_sizes_that_a_bundle_may_have)
{
    static const struct {
        uint64_t size;
        enum ax_code code;
    } cases[] = {
        { 0, AX_E_PAYLOAD_TOO_LARGE },
        { 1, AX_OK },
        { AX_ARCHIVE_BYTES_MAX - 1, AX_OK },
        { AX_ARCHIVE_BYTES_MAX, AX_OK },
        { AX_ARCHIVE_BYTES_MAX + 1ull, AX_E_PAYLOAD_TOO_LARGE },
        { UINT64_MAX, AX_E_PAYLOAD_TOO_LARGE },
    };
    struct fixture fix;

    fixture_init(&fix);
    for (size_t i = 0; i < AX_ARRAY_LEN(cases); i++) {
        T_CODE(fixture_open(&fix, cases[i].size, AX_STR("")), cases[i].code);
        ax_spool_close(&fix.file);
    }
    fixture_done(&fix);
}

TEST(spool_has_one_sender_for_a_file)
{
    struct ax_digest digest = ax_digest_of(AX_STR("hello"));
    struct ax_spool_file other;
    struct fixture fix;

    fixture_init(&fix);
    T_OK(fixture_open(&fix, 5, AX_STR("hello")));
    ax_spool_open(fix.spool, &other, ax_str_of(fix.id), 5, &digest, on_done, &fix);
    T_CODE(fixture_wait(&fix), AX_E_CONFLICT);
    ax_spool_close(&other);
    ax_spool_close(&fix.file);
    ax_spool_open(fix.spool, &other, ax_str_of(fix.id), 5, &digest, on_done, &fix);
    T_OK(fixture_wait(&fix));
    ax_spool_close(&other);
    fixture_done(&fix);
}

TEST(spool_opens_nothing_but_uploads)
{
    static const char *const names[] = { "",
                                         ".",
                                         "..",
                                         "../secret",
                                         "upl_",
                                         "upl_../../../../../etc/passwd",
                                         "ins_aaaaaaaaaaaaaaaaaaaaaaaaaa" };
    struct fixture fix;

    fixture_init(&fix);
    for (size_t i = 0; i < AX_ARRAY_LEN(names); i++) {
        struct ax_digest digest = ax_digest_of(AX_STR(""));

        ax_spool_open(fix.spool, &fix.file, ax_str_of(names[i]), 5, &digest, on_done, &fix);
        T_CODE(fixture_wait(&fix), AX_E_NOT_FOUND);
        ax_spool_close(&fix.file);
        ax_spool_load(fix.spool, &fix.ask, ax_str_of(names[i]), on_done, &fix);
        T_CODE(fixture_wait(&fix), AX_E_NOT_FOUND);
        ax_spool_size(fix.spool, &fix.ask, ax_str_of(names[i]), on_done, &fix);
        T_CODE(fixture_wait(&fix), AX_E_NOT_FOUND);
        ax_spool_remove(fix.spool, &fix.ask, ax_str_of(names[i]), on_done, &fix);
        T_CODE(fixture_wait(&fix), AX_E_NOT_FOUND);
    }
    T_EQ(symlinkat("/etc/passwd", fix.dir_fd, fix.id), 0);
    T_CODE(fixture_open(&fix, 5, AX_STR("hello")), AX_E_IO);
    T_CODE(fixture_load(&fix), AX_E_IO);
    fixture_done(&fix);
}

TEST(spool_removes_and_sweeps_what_is_old_and_not_in_use)
{
    int64_t now_s = ax_clock_wall_s();
    struct fixture fix;

    fixture_init(&fix);
    T_OK(fixture_open(&fix, 5, AX_STR("hello")));
    T_OK(fixture_write(&fix, "he"));
    T_EQ(close(openat(fix.dir_fd, "not-ours", O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
    T_EQ(fixture_sweep(&fix, now_s + 100), 0); /* it is being sent */
    ax_spool_close(&fix.file);
    T_EQ(fixture_sweep(&fix, now_s - 100), 0); /* it is young */
    T_EQ(fixture_size(&fix), 2);
    T_EQ(fixture_sweep(&fix, now_s + 100), 1);
    T_EQ(fixture_size(&fix), 0);
    T_EQ(faccessat(fix.dir_fd, "not-ours", F_OK, 0), 0);
    T_OK(fixture_open(&fix, 5, AX_STR("hello")));
    ax_spool_close(&fix.file);
    for (unsigned i = 0; i < 2; i++) {
        ax_spool_remove(fix.spool, &fix.ask, ax_str_of(fix.id), on_done, &fix);
        T_OK(fixture_wait(&fix));
    }
    T_CODE(fixture_load(&fix), AX_E_NOT_FOUND);
    fixture_done(&fix);
}

TEST_MAIN()

/* SPDX-License-Identifier: Apache-2.0 */
/* store_dir_put_test.c - does an object appear in a folder whole, once, or not at all? */
#include "base/base64.h"
#include "base/test.h"
#include "crypto/sha256.h"
#include "store/memfd.h"
#include "store/store_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BIG (700u << 10) /* more than one chunk */

struct fixture {
    struct ax_loop loop;
    char path[64];
    int dir_fd;
    struct ax_store *store;
    uint8_t hash[AX_STORE_HASH]; /* of `bytes` */
    struct ax_memfd bytes;
    struct ax_store_put put;
    struct ax_store_get get;
    enum ax_code code;
    unsigned done, wanted;
};

static struct ax_memfd memfd_of(struct ax_str bytes)
{
    struct ax_memfd memfd = AX_MEMFD_NONE;

    T_OK(ax_memfd_new("test", 0, &memfd));
    T_OK(ax_memfd_append(&memfd, bytes));
    return memfd;
}

static void fixture_init(struct fixture *fix)
{
    AX_AUTO_FREE char *bytes = ax_alloc(BIG);

    *fix = (struct fixture){ .dir_fd = -1, .wanted = 1 };
    strcpy(fix->path, "/tmp/store_dir_put_test.XXXXXX");
    T_TRUE(mkdtemp(fix->path) != NULL);
    fix->dir_fd = open(fix->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ax_loop_init(&fix->loop);
    fix->store = ax_store_new_dir(&fix->loop, fix->dir_fd);
    for (size_t i = 0; i < BIG; i++)
        bytes[i] = (char)(i * 7 % 251);
    ax_sha256(ax_str_make(bytes, BIG), fix->hash);
    fix->bytes = memfd_of(ax_str_make(bytes, BIG));
}

static void fixture_done(struct fixture *fix)
{
    char command[128];

    ax_memfd_done(&fix->bytes);
    ax_store_free(fix->store);
    ax_loop_done(&fix->loop);
    close(fix->dir_fd);
    snprintf(command, sizeof(command), "rm -rf '%s'", fix->path);
    T_EQ(system(command), 0);
}

static void on_done(enum ax_code code, void *arg)
{
    struct fixture *fix = arg;

    fix->code = code;
    if (++fix->done == fix->wanted)
        ax_loop_stop(&fix->loop);
}

static enum ax_code fixture_run(struct fixture *fix)
{
    T_EQ(fix->done, 0);
    ax_loop_run(&fix->loop);
    T_EQ(fix->done, fix->wanted);
    fix->done = 0;
    return fix->code;
}

static enum ax_code fixture_put(struct fixture *fix, enum ax_store_object object, int fd,
                                uint64_t size)
{
    ax_store_put(fix->store, &fix->put, object, fix->hash, fd, size, on_done, fix);
    return fixture_run(fix);
}

static enum ax_code fixture_put_bundle(struct fixture *fix)
{
    return fixture_put(fix, AX_STORE_BUNDLE, fix->bytes.fd, BIG);
}

static enum ax_code fixture_get(struct fixture *fix, enum ax_store_object object)
{
    ax_store_get(fix->store, &fix->get, object, fix->hash, UINT64_MAX, on_done, fix);
    return fixture_run(fix);
}

/* True when the bundle is there, which must then be whole. */
static bool fixture_has_bundle(struct fixture *fix)
{
    enum ax_code code = fixture_get(fix, AX_STORE_BUNDLE);

    if (code == AX_OK) {
        T_EQ(fix->get.size, BIG);
        assert_memory_equal(fix->get.sha256, fix->hash, AX_STORE_HASH);
        ax_store_get_done(&fix->get);
    } else {
        T_CODE(code, AX_E_NOT_FOUND);
    }
    return code == AX_OK;
}

static char *fixture_place(struct fixture *fix, const char *name, char room[256])
{
    char hex[2 * AX_STORE_HASH + 1] = "";

    ax_hex_encode(hex, fix->hash, AX_STORE_HASH);
    snprintf(room, 256, "sha256/%s/%s", hex, name);
    return room;
}

static unsigned unfinished(struct fixture *fix)
{
    int fd = openat(fix->dir_fd, DIR_UNFINISHED, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    unsigned count = 0;

    if (!dir)
        return 0;
    for (const struct dirent *item = readdir(dir); item; item = readdir(dir))
        count += item->d_name[0] != '.';
    closedir(dir);
    return count;
}

TEST(put_writes_an_object_that_a_get_gives_back)
{
    struct fixture fix;

    fixture_init(&fix);
    T_FALSE(fixture_has_bundle(&fix));
    T_OK(fixture_put_bundle(&fix));
    T_FALSE(fix.put.existed);
    T_TRUE(fixture_has_bundle(&fix));
    T_EQ(unfinished(&fix), 0);
    fixture_done(&fix);
}

TEST(put_of_what_is_there_succeeds_and_of_another_size_does_not)
{
    struct fixture fix;

    fixture_init(&fix);
    T_OK(fixture_put_bundle(&fix));
    T_OK(fixture_put_bundle(&fix));
    T_TRUE(fix.put.existed);
    T_CODE(fixture_put(&fix, AX_STORE_BUNDLE, fix.bytes.fd, BIG - 1), AX_E_EXISTS);
    T_TRUE(fixture_has_bundle(&fix));
    fixture_done(&fix);
}

TEST(put_refuses_a_bundle_that_is_not_of_its_hash)
{
    struct fixture fix;

    fixture_init(&fix);
    T_CODE(fixture_put(&fix, AX_STORE_BUNDLE, fix.bytes.fd, BIG - 1), AX_E_BUNDLE_REJECTED);
    T_CODE(fixture_put(&fix, AX_STORE_BUNDLE, fix.bytes.fd, BIG + 1), AX_E_IO); /* ends early */
    T_FALSE(fixture_has_bundle(&fix));
    T_EQ(unfinished(&fix), 0);
    T_OK(fixture_put_bundle(&fix));
    fixture_done(&fix);
}

TEST(put_writes_an_empty_object)
{
    struct ax_memfd none;
    struct fixture fix;

    fixture_init(&fix);
    none = memfd_of(AX_STR(""));
    T_OK(fixture_put(&fix, AX_STORE_ENVELOPE, none.fd, 0));
    T_OK(fixture_get(&fix, AX_STORE_ENVELOPE));
    T_EQ(fix.get.size, 0);
    ax_store_get_done(&fix.get);
    ax_memfd_done(&none);
    fixture_done(&fix);
}

TEST(put_follows_no_link_and_takes_no_folder_for_an_object)
{
    char place[256], folder[256];
    struct fixture fix;

    fixture_init(&fix);
    T_OK(fixture_put_bundle(&fix));
    fixture_place(&fix, "bundle.tar.zst", place);
    T_EQ(unlinkat(fix.dir_fd, place, 0), 0);
    T_EQ(mkdirat(fix.dir_fd, place, 0700), 0);
    T_CODE(fixture_put_bundle(&fix), AX_E_EXISTS);
    T_EQ(unlinkat(fix.dir_fd, place, AT_REMOVEDIR), 0);
    T_EQ(symlinkat("elsewhere", fix.dir_fd, place), 0);
    T_CODE(fixture_put_bundle(&fix), AX_E_BUNDLE_UNAVAILABLE);
    T_EQ(unlinkat(fix.dir_fd, place, 0), 0);
    fixture_place(&fix, "", folder);
    folder[strlen(folder) - 1] = '\0';
    T_EQ(unlinkat(fix.dir_fd, folder, AT_REMOVEDIR), 0);
    T_EQ(symlinkat(fix.path, fix.dir_fd, folder), 0);
    T_CODE(fixture_put_bundle(&fix), AX_E_BUNDLE_UNAVAILABLE);
    T_EQ(unlinkat(fix.dir_fd, folder, 0), 0);
    T_OK(fixture_put_bundle(&fix));
    fixture_done(&fix);
}

TEST(put_says_when_the_store_refuses)
{
    struct fixture fix;

    fixture_init(&fix);
    T_EQ(close(openat(fix.dir_fd, DIR_UNFINISHED, O_CREAT | O_CLOEXEC | O_WRONLY, 0600)), 0);
    T_CODE(fixture_put_bundle(&fix), AX_E_BUNDLE_UNAVAILABLE);
    T_EQ(unlinkat(fix.dir_fd, DIR_UNFINISHED, 0), 0);
    T_OK(fixture_put_bundle(&fix));
    fixture_done(&fix);
}

TEST(put_canceled_before_it_began_leaves_nothing)
{
    struct fixture fix;

    fixture_init(&fix);
    ax_store_put(fix.store, &fix.put, AX_STORE_BUNDLE, fix.hash, fix.bytes.fd, BIG, on_done, &fix);
    ax_op_cancel(&fix.put.op);
    T_EQ(fix.done, 0);
    /* The thread may have been quicker than the cancel: then it is whole. */
    if (fixture_run(&fix) == AX_OK) {
        T_TRUE(fixture_has_bundle(&fix));
    } else {
        T_CODE(fix.code, AX_E_CANCELED);
        T_FALSE(fixture_has_bundle(&fix));
    }
    T_EQ(unfinished(&fix), 0);
    fixture_done(&fix);
}

TEST(many_puts_of_one_bundle_at_once_all_succeed)
{
    struct ax_store_put puts[8];
    struct fixture fix;
    unsigned wrote = 0;

    fixture_init(&fix);
    fix.wanted = AX_ARRAY_LEN(puts);
    for (size_t i = 0; i < AX_ARRAY_LEN(puts); i++)
        ax_store_put(fix.store, &puts[i], AX_STORE_BUNDLE, fix.hash, fix.bytes.fd, BIG, on_done,
                     &fix);
    T_OK(fixture_run(&fix));
    fix.wanted = 1;
    for (size_t i = 0; i < AX_ARRAY_LEN(puts); i++) {
        T_EQ(puts[i].err.code, AX_OK);
        wrote += !puts[i].existed;
    }
    T_EQ(wrote, 1);
    T_TRUE(fixture_has_bundle(&fix));
    T_EQ(unfinished(&fix), 0);
    fixture_done(&fix);
}

/* --- replacing --- */

static enum ax_code fixture_replace(struct fixture *fix, struct ax_str old, struct ax_str fresh)
{
    struct ax_memfd memfd = memfd_of(fresh);
    uint8_t match[AX_STORE_HASH];
    enum ax_code code;

    ax_sha256(old, match);
    ax_store_replace(fix->store, &fix->put, AX_STORE_ENVELOPE, fix->hash, match, memfd.fd,
                     fresh.len, on_done, fix);
    code = fixture_run(fix);
    ax_memfd_done(&memfd);
    return code;
}

static void fixture_envelope_is(struct fixture *fix, struct ax_str expected)
{
    AX_AUTO_MEMFD struct ax_memfd view = AX_MEMFD_NONE;

    T_OK(fixture_get(fix, AX_STORE_ENVELOPE));
    T_OK(ax_memfd_view(fix->get.fd, 1000, &view));
    T_STR(ax_memfd_str(&view), expected);
    ax_store_get_done(&fix->get);
}

TEST(replace_needs_the_object_to_be_what_it_was)
{
    struct ax_memfd first;
    struct fixture fix;

    fixture_init(&fix);
    first = memfd_of(AX_STR("one"));
    T_CODE(fixture_replace(&fix, AX_STR("one"), AX_STR("two")), AX_E_PRECONDITION_FAILED);
    T_OK(fixture_put(&fix, AX_STORE_ENVELOPE, first.fd, 3));
    T_CODE(fixture_replace(&fix, AX_STR("eno"), AX_STR("two")), AX_E_PRECONDITION_FAILED);
    fixture_envelope_is(&fix, AX_STR("one"));
    T_OK(fixture_replace(&fix, AX_STR("one"), AX_STR("second")));
    fixture_envelope_is(&fix, AX_STR("second"));
    T_CODE(fixture_replace(&fix, AX_STR("one"), AX_STR("third")), AX_E_PRECONDITION_FAILED);
    T_OK(fixture_replace(&fix, AX_STR("second"), AX_STR("third")));
    fixture_envelope_is(&fix, AX_STR("third"));
    T_EQ(unfinished(&fix), 0);
    ax_memfd_done(&first);
    fixture_done(&fix);
}

TEST(of_two_replacements_of_one_object_one_wins)
{
    struct ax_memfd bytes[4];
    struct ax_store_put puts[4];
    uint8_t match[AX_STORE_HASH];
    struct fixture fix;
    unsigned won = 0;

    fixture_init(&fix);
    bytes[0] = memfd_of(AX_STR("start"));
    T_OK(fixture_put(&fix, AX_STORE_ENVELOPE, bytes[0].fd, 5));
    ax_memfd_done(&bytes[0]);
    ax_sha256(AX_STR("start"), match);
    fix.wanted = AX_ARRAY_LEN(puts);
    for (size_t i = 0; i < AX_ARRAY_LEN(puts); i++) {
        char text[2] = { (char)('0' + i), '\0' };

        bytes[i] = memfd_of(ax_str_of(text));
        ax_store_replace(fix.store, &puts[i], AX_STORE_ENVELOPE, fix.hash, match, bytes[i].fd, 1,
                         on_done, &fix);
    }
    fixture_run(&fix);
    for (size_t i = 0; i < AX_ARRAY_LEN(puts); i++) {
        T_TRUE(puts[i].err.code == AX_OK || puts[i].err.code == AX_E_PRECONDITION_FAILED);
        won += puts[i].err.code == AX_OK;
        ax_memfd_done(&bytes[i]);
    }
    T_EQ(won, 1);
    fixture_done(&fix);
}

/* --- dead writers --- */

TEST(what_a_dead_put_left_goes_and_what_a_living_one_holds_stays)
{
    AX_AUTO_FD int held = -1;
    struct fixture fix;

    fixture_init(&fix);
    T_EQ(mkdirat(fix.dir_fd, DIR_UNFINISHED, 0755), 0);
    held = openat(fix.dir_fd, DIR_UNFINISHED "/00", O_CREAT | O_CLOEXEC | O_WRONLY, 0644);
    T_EQ(flock(held, LOCK_EX), 0);
    close(openat(fix.dir_fd, DIR_UNFINISHED "/11", O_CREAT | O_CLOEXEC | O_WRONLY, 0644));
    T_EQ(unfinished(&fix), 2);
    T_OK(fixture_put_bundle(&fix));
    T_EQ(unfinished(&fix), 1);
    T_EQ(faccessat(fix.dir_fd, DIR_UNFINISHED "/00", F_OK, 0), 0);
    fixture_done(&fix);
}

/* Runs one put in a process of its own and kills it at its `stop`th system call, before or after
 * the call. False: it ended before that. */
static bool killed_at(struct ax_store_put *put, unsigned stop)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        _exit(dir_put_run(put) == AX_OK ? 0 : 1);
    }
    T_TRUE(pid > 0);
    T_EQ(waitpid(pid, &status, 0), pid);
    for (unsigned at = 0; at < stop; at++) {
        T_EQ(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
        T_EQ(waitpid(pid, &status, 0), pid);
        if (WIFEXITED(status)) {
            T_EQ(WEXITSTATUS(status), 0);
            return false;
        }
        T_TRUE(WIFSTOPPED(status));
    }
    kill(pid, SIGKILL);
    T_EQ(waitpid(pid, &status, 0), pid);
    return true;
}

TEST(put_killed_at_every_system_call_leaves_nothing_or_a_whole_object)
{
    struct ax_memfd small;
    unsigned whole = 0, none = 0;
    char place[256];
    struct fixture fix;

    fixture_init(&fix);
    small = memfd_of(AX_STR("x"));
    for (unsigned stop = 1;; stop++) {
        struct ax_store_put put = {
            .store = fix.store, .object = AX_STORE_BUNDLE, .fd = fix.bytes.fd, .size = BIG
        };

        memcpy(put.hash, fix.hash, sizeof(put.hash));
        if (!killed_at(&put, stop))
            break;
        T_TRUE(unfinished(&fix) <= 1);
        *(fixture_has_bundle(&fix) ? &whole : &none) += 1;
        unlinkat(fix.dir_fd, fixture_place(&fix, "bundle.tar.zst", place), 0);
        unlinkat(fix.dir_fd, fixture_place(&fix, "bundle.dsse.json", place), 0);
        T_OK(fixture_put(&fix, AX_STORE_ENVELOPE, small.fd, 1)); /* sweeps */
        T_EQ(unfinished(&fix), 0);
    }
    T_TRUE(fixture_has_bundle(&fix));
    T_TRUE(whole >= 1); /* killed after the link */
    T_TRUE(none >= 40);
    ax_memfd_done(&small);
    fixture_done(&fix);
}

TEST(replace_killed_at_every_system_call_leaves_the_old_object_or_the_new)
{
    struct ax_memfd old, fresh;
    unsigned olds = 0, news = 0;
    struct fixture fix;

    fixture_init(&fix);
    old = memfd_of(AX_STR("old"));
    fresh = memfd_of(AX_STR("newer"));
    T_OK(fixture_put(&fix, AX_STORE_ENVELOPE, old.fd, 3));
    for (unsigned stop = 1;; stop++) {
        struct ax_store_put put = { .store = fix.store,
                                    .object = AX_STORE_ENVELOPE,
                                    .replace = true,
                                    .fd = fresh.fd,
                                    .size = 5 };

        memcpy(put.hash, fix.hash, sizeof(put.hash));
        ax_sha256(AX_STR("old"), put.match);
        if (!killed_at(&put, stop))
            break;
        T_OK(fixture_get(&fix, AX_STORE_ENVELOPE));
        T_TRUE(fix.get.size == 3 || fix.get.size == 5);
        *(fix.get.size == 3 ? &olds : &news) += 1;
        if (fix.get.size == 5)
            T_OK(fixture_replace(&fix, AX_STR("newer"), AX_STR("old")));
        ax_store_get_done(&fix.get);
    }
    fixture_envelope_is(&fix, AX_STR("newer"));
    T_TRUE(olds >= 40 && news >= 1);
    ax_memfd_done(&old);
    ax_memfd_done(&fresh);
    fixture_done(&fix);
}

TEST_MAIN()

/* SPDX-License-Identifier: Apache-2.0 */
/* store_dir_test.c - does store.h hold what it promises, for a folder? */
#include "base/base64.h"
#include "base/test.h"
#include "crypto/sha256.h"
#include "store/memfd.h"
#include "store/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    struct ax_loop loop;
    char path[64];
    int dir_fd;
    struct ax_store *store;
    uint8_t hash[AX_STORE_HASH];
    struct ax_store_get get;
    enum ax_code code;
    unsigned done;
};

static void fixture_init(struct fixture *fix)
{
    *fix = (struct fixture){ .dir_fd = -1 };
    strcpy(fix->path, "/tmp/store_dir_test.XXXXXX");
    T_TRUE(mkdtemp(fix->path) != NULL);
    fix->dir_fd = open(fix->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ax_loop_init(&fix->loop);
    fix->store = ax_store_new_dir(&fix->loop, fix->dir_fd);
    memset(fix->hash, 0xab, sizeof(fix->hash));
}

static void fixture_done(struct fixture *fix)
{
    char command[128];

    ax_store_free(fix->store);
    ax_loop_done(&fix->loop);
    close(fix->dir_fd);
    snprintf(command, sizeof(command), "rm -rf '%s'", fix->path);
    T_EQ(system(command), 0);
}

/* Makes "sha256/abab.../<name>" below the store's folder. */
static void fixture_file(struct fixture *fix, const char *name, struct ax_str bytes)
{
    char hex[2 * AX_STORE_HASH + 1] = "", path[256];
    AX_AUTO_FD int fd = -1;

    ax_hex_encode(hex, fix->hash, sizeof(fix->hash));
    mkdirat(fix->dir_fd, "sha256", 0700);
    snprintf(path, sizeof(path), "sha256/%s", hex);
    mkdirat(fix->dir_fd, path, 0700);
    snprintf(path, sizeof(path), "sha256/%s/%s", hex, name);
    fd = openat(fix->dir_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    T_TRUE(fd >= 0);
    T_EQ(write(fd, bytes.ptr, bytes.len), (ssize_t)bytes.len);
}

static void on_done(enum ax_code code, void *arg)
{
    struct fixture *fix = arg;

    fix->code = code;
    fix->done++;
    ax_loop_stop(&fix->loop);
}

static enum ax_code fixture_get(struct fixture *fix, enum ax_store_object object, uint64_t max)
{
    fix->done = 0;
    ax_store_get(fix->store, &fix->get, object, fix->hash, max, on_done, fix);
    T_EQ(fix->done, 0);
    ax_loop_run(&fix->loop);
    T_EQ(fix->done, 1);
    T_EQ(fix->code == AX_OK, fix->get.fd >= 0);
    return fix->code;
}

TEST(store_dir_gives_an_object_sealed_and_hashed)
{
    struct ax_memfd view = AX_MEMFD_NONE;
    uint8_t digest[AX_STORE_HASH];
    struct fixture fix;

    fixture_init(&fix);
    fixture_file(&fix, "bundle.tar.zst", AX_STR("some bytes"));
    T_OK(fixture_get(&fix, AX_STORE_BUNDLE, 100));
    T_EQ(fix.get.size, 10);
    ax_sha256(AX_STR("some bytes"), digest);
    assert_memory_equal(digest, fix.get.sha256, sizeof(digest));
    T_OK(ax_memfd_view(fix.get.fd, 100, &view));
    T_STR(ax_memfd_str(&view), AX_STR("some bytes"));
    ax_memfd_done(&view);
    ax_store_get_done(&fix.get);
    T_CODE(fixture_get(&fix, AX_STORE_ENVELOPE, 100), AX_E_NOT_FOUND);
    fixture_file(&fix, "bundle.dsse.json", AX_STR(""));
    T_OK(fixture_get(&fix, AX_STORE_ENVELOPE, 100));
    T_EQ(fix.get.size, 0);
    ax_store_get_done(&fix.get);
    fixture_done(&fix);
}

TEST(store_dir_says_what_is_missing)
{
    struct fixture fix;

    fixture_init(&fix);
    T_CODE(fixture_get(&fix, AX_STORE_BUNDLE, 100), AX_E_NOT_FOUND);
    fixture_file(&fix, "bundle.dsse.json", AX_STR("{}"));
    T_CODE(fixture_get(&fix, AX_STORE_BUNDLE, 100), AX_E_NOT_FOUND);
    fixture_done(&fix);
}

TEST(store_dir_reads_no_more_than_allowed)
{
    struct fixture fix;

    fixture_init(&fix);
    fixture_file(&fix, "bundle.tar.zst", AX_STR("0123456789"));
    T_CODE(fixture_get(&fix, AX_STORE_BUNDLE, 9), AX_E_TOO_BIG);
    T_OK(fixture_get(&fix, AX_STORE_BUNDLE, 10));
    ax_store_get_done(&fix.get);
    T_OK(fixture_get(&fix, AX_STORE_BUNDLE, 11));
    ax_store_get_done(&fix.get);
    fixture_done(&fix);
}

TEST(store_dir_follows_no_link_and_opens_no_special_file)
{
    char path[256], hex[2 * AX_STORE_HASH + 1] = "";
    struct fixture fix;

    fixture_init(&fix);
    ax_hex_encode(hex, fix.hash, sizeof(fix.hash));
    fixture_file(&fix, "other", AX_STR("secret"));
    snprintf(path, sizeof(path), "sha256/%s/bundle.tar.zst", hex);
    T_EQ(symlinkat("other", fix.dir_fd, path), 0);
    T_CODE(fixture_get(&fix, AX_STORE_BUNDLE, 100), AX_E_BUNDLE_UNAVAILABLE);
    T_EQ(unlinkat(fix.dir_fd, path, 0), 0);
    T_EQ(mkfifoat(fix.dir_fd, path, 0600), 0);
    T_CODE(fixture_get(&fix, AX_STORE_BUNDLE, 100), AX_E_NOT_FOUND);
    T_EQ(unlinkat(fix.dir_fd, path, 0), 0);
    T_EQ(mkdirat(fix.dir_fd, path, 0700), 0);
    T_CODE(fixture_get(&fix, AX_STORE_BUNDLE, 100), AX_E_NOT_FOUND);
    T_EQ(unlinkat(fix.dir_fd, path, AT_REMOVEDIR), 0);
    fixture_file(&fix, "bundle.tar.zst", AX_STR("plain"));
    T_OK(fixture_get(&fix, AX_STORE_BUNDLE, 100));
    ax_store_get_done(&fix.get);
    fixture_done(&fix);
}

TEST(store_dir_head_tells_the_size_only)
{
    struct fixture fix;

    fixture_init(&fix);
    ax_store_head(fix.store, &fix.get, AX_STORE_BUNDLE, fix.hash, on_done, &fix);
    ax_loop_run(&fix.loop);
    T_CODE(fix.code, AX_E_NOT_FOUND);
    fixture_file(&fix, "bundle.tar.zst", AX_STR("0123456789"));
    ax_store_head(fix.store, &fix.get, AX_STORE_BUNDLE, fix.hash, on_done, &fix);
    ax_loop_run(&fix.loop);
    T_OK(fix.code);
    T_EQ(fix.get.size, 10);
    T_EQ(fix.get.fd, -1);
    fixture_done(&fix);
}

TEST(store_dir_answers_once_when_canceled)
{
    struct fixture fix;

    fixture_init(&fix);
    fixture_file(&fix, "bundle.tar.zst", AX_STR("0123456789"));
    ax_store_get(fix.store, &fix.get, AX_STORE_BUNDLE, fix.hash, 100, on_done, &fix);
    ax_op_cancel(&fix.get.op);
    T_EQ(fix.done, 0);
    ax_loop_run(&fix.loop);
    T_EQ(fix.done, 1);
    T_CODE(fix.code, AX_E_CANCELED);
    T_EQ(fix.get.fd, -1);
    fixture_done(&fix);
}

TEST(store_names_are_made_of_the_hash_alone)
{
    char name[AX_STORE_NAME_MAX];
    uint8_t hash[AX_STORE_HASH] = { 0x01, 0xff };

    ax_store_object_name(AX_STORE_BUNDLE, hash, name);
    T_STR(ax_str_of(name), AX_STR("sha256/01ff0000000000000000000000000000000000000000000000000000"
                                  "00000000/bundle.tar.zst"));
    ax_store_object_name(AX_STORE_ENVELOPE, hash, name);
    T_TRUE(ax_str_ends(ax_str_of(name), AX_STR("/bundle.dsse.json")));
}

TEST_MAIN()

/* SPDX-License-Identifier: Apache-2.0 */
/* cache_test.c - is nothing on the disk believed that we did not write? */
#include "runner/cache.h"

#include "base/base64.h"
#include "base/test.h"
#include "crypto/sha256.h"
#include "store/memfd.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MANIFEST "{\"name\":\"com.acme.hello\",\"text\":\"\\u00e9 \xc3\xa9 \\\"quoted\\\"\"}"
#define ENVELOPE "{\"payload\":\"e30=\"}"
#define WASM     "\0asm wasm bytes"
#define PAGE     "<h1>hello</h1>"
#define CODE     "machine code, some of it"

static const uint8_t key_a[AX_CACHE_KEY] = { 1, 2, 3 };
static const uint8_t digest_a[32] = { 9 };
static const uint8_t hash_a[AX_CACHE_HASH] = { 0xaa, 0x01 };
static const uint8_t hash_b[AX_CACHE_HASH] = { 0xbb, 0x02 };

static const struct ax_cache_file files[] = {
    { AX_STR_INIT("ui/index.html"), sizeof(PAGE) - 1 },
    { AX_STR_INIT("ui/deep/er/empty.js"), 0 },
    { AX_STR_INIT("entry.wasm"), sizeof(WASM) - 1 },
};

struct fixture {
    char path[64];
    int root_fd;
    struct ax_cache *cache;
    uint8_t wasm[AX_CACHE_HASH];
    struct ax_cache_put put;
};

static void fixture_init(struct fixture *fix)
{
    *fix = (struct fixture){ .root_fd = -1 };
    strcpy(fix->path, "/tmp/cache_test.XXXXXX");
    T_TRUE(mkdtemp(fix->path) != NULL);
    fix->root_fd = open(fix->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    fix->cache = ax_cache_open(fix->root_fd, key_a, "target-1", digest_a);
    T_TRUE(fix->cache != NULL);
    ax_sha256(AX_STR(WASM), fix->wasm);
    fix->put = (struct ax_cache_put){ .abi = AX_ABI_CORE,
                                      .manifest = AX_STR(MANIFEST),
                                      .envelope = AX_STR(ENVELOPE),
                                      .size = 4711,
                                      .wasm_sha256 = fix->wasm,
                                      .code = AX_STR(CODE),
                                      .files = files,
                                      .file_count = AX_ARRAY_LEN(files),
                                      .pack = AX_STR(PAGE WASM) };
}

static void fixture_done(struct fixture *fix)
{
    char command[128];

    ax_cache_free(fix->cache);
    close(fix->root_fd);
    snprintf(command, sizeof(command), "rm -rf '%s'", fix->path);
    T_EQ(system(command), 0);
}

static enum ax_code fixture_read(struct fixture *fix, const uint8_t *hash)
{
    struct ax_cache_entry entry = { .code_fd = -1 };
    struct ax_err err;
    enum ax_code code = ax_cache_read(fix->cache, hash, &entry, &err);

    ax_cache_entry_done(&entry);
    return code;
}

/* "<hash>/<name>" of hash_a or hash_b, relative to the root. */
static const char *name_in(const uint8_t *hash, const char *name, char room[256])
{
    char hex[2 * AX_CACHE_HASH + 1] = "";

    ax_hex_encode(hex, hash, AX_CACHE_HASH);
    snprintf(room, 256, "%s/%s", hex, name);
    return room;
}

static size_t slurp(int root_fd, const char *name, char *room, size_t cap)
{
    AX_AUTO_FD int fd = openat(root_fd, name, O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, room, cap);

    T_TRUE(fd >= 0 && n >= 0 && (size_t)n < cap);
    return (size_t)n;
}

static void spill(int root_fd, const char *name, const char *bytes, size_t len)
{
    AX_AUTO_FD int fd = openat(root_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    T_TRUE(fd >= 0);
    T_EQ(write(fd, bytes, len), (ssize_t)len);
}

static size_t names_in_root(const struct fixture *fix)
{
    DIR *dir = opendir(fix->path);
    size_t count = 0;

    T_TRUE(dir != NULL);
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count - 2;
}

/* --- the key --- */

TEST(cache_key_is_made_once_and_kept)
{
    uint8_t first[AX_CACHE_KEY], second[AX_CACHE_KEY];
    struct fixture fix;
    struct stat st;
    bool is_new = false;

    fixture_init(&fix);
    T_OK(ax_cache_key(fix.root_fd, first, &is_new));
    T_TRUE(is_new);
    T_EQ(fstatat(fix.root_fd, "cache.key", &st, 0), 0);
    T_EQ(st.st_mode & 0777, 0600);
    T_EQ(st.st_size, 32);
    T_OK(ax_cache_key(fix.root_fd, second, &is_new));
    T_FALSE(is_new);
    assert_memory_equal(first, second, sizeof(first));
    fixture_done(&fix);
}

static void key_is_replaced(struct fixture *fix)
{
    uint8_t key[AX_CACHE_KEY];
    bool is_new = false;

    T_OK(ax_cache_key(fix->root_fd, key, &is_new));
    T_TRUE(is_new);
    T_OK(ax_cache_key(fix->root_fd, key, &is_new));
    T_FALSE(is_new);
}

TEST(cache_key_that_proves_nothing_is_replaced)
{
    static const char bytes[40] = "0123456789012345678901234567890123456789";
    struct fixture fix;

    fixture_init(&fix);
    key_is_replaced(&fix);
    spill(fix.root_fd, "cache.key", bytes, 31);
    key_is_replaced(&fix);
    spill(fix.root_fd, "cache.key", bytes, 33);
    key_is_replaced(&fix);
    T_EQ(fchmodat(fix.root_fd, "cache.key", 0640, 0), 0);
    key_is_replaced(&fix);
    spill(fix.root_fd, "elsewhere", bytes, 32);
    T_EQ(unlinkat(fix.root_fd, "cache.key", 0), 0);
    T_EQ(symlinkat("elsewhere", fix.root_fd, "cache.key"), 0);
    key_is_replaced(&fix);
    spill(fix.root_fd, "cache.key.tmp", bytes, 7); /* of a process that died */
    T_EQ(unlinkat(fix.root_fd, "cache.key", 0), 0);
    key_is_replaced(&fix);
    fixture_done(&fix);
}

/* --- reading back --- */

TEST(cache_gives_back_what_was_written)
{
    struct ax_cache_entry entry = { .code_fd = -1 };
    struct ax_memfd code = AX_MEMFD_NONE;
    char room[256], name[256];
    struct ax_err err;
    struct fixture fix;

    fixture_init(&fix);
    T_CODE(fixture_read(&fix, hash_a), AX_E_NOT_FOUND);
    T_OK(ax_cache_write(fix.cache, hash_a, &fix.put, &err));
    T_OK(ax_cache_read(fix.cache, hash_a, &entry, &err));
    T_EQ(entry.abi, AX_ABI_CORE);
    T_STR(ax_buf_str(&entry.manifest), AX_STR(MANIFEST));
    T_STR(ax_buf_str(&entry.envelope), AX_STR(ENVELOPE));
    T_EQ(entry.size, 4711);
    T_EQ(entry.bytes, ax_cache_cost(&fix.put));
    assert_memory_equal(entry.wasm_sha256, fix.wasm, sizeof(fix.wasm));
    T_OK(ax_memfd_view(entry.code_fd, 1000, &code));
    T_STR(ax_memfd_str(&code), AX_STR(CODE));
    ax_memfd_done(&code);
    ax_cache_entry_done(&entry);
    T_EQ(slurp(fix.root_fd, name_in(hash_a, "ui/index.html", name), room, sizeof(room)),
         sizeof(PAGE) - 1);
    T_EQ(slurp(fix.root_fd, name_in(hash_a, "ui/deep/er/empty.js", name), room, sizeof(room)), 0);
    T_EQ(slurp(fix.root_fd, name_in(hash_a, "entry.wasm", name), room, sizeof(room)),
         sizeof(WASM) - 1);
    T_EQ(names_in_root(&fix), 1);
    fixture_done(&fix);
}

TEST(cache_keeps_an_interface_without_a_module)
{
    struct ax_cache_entry entry = { .code_fd = -1 };
    struct ax_err err;
    struct fixture fix;

    fixture_init(&fix);
    fix.put.abi = AX_ABI_NONE;
    fix.put.code = AX_STR_NONE;
    fix.put.wasm_sha256 = NULL;
    fix.put.file_count = 2;
    fix.put.pack = AX_STR(PAGE);
    fix.put.envelope = AX_STR_NONE;
    T_OK(ax_cache_write(fix.cache, hash_a, &fix.put, &err));
    T_OK(ax_cache_read(fix.cache, hash_a, &entry, &err));
    T_EQ(entry.abi, AX_ABI_NONE);
    T_EQ(entry.code_fd, -1);
    ax_cache_entry_done(&entry);
    fixture_done(&fix);
}

TEST(cache_replaces_and_drops_entries)
{
    struct ax_err err;
    struct fixture fix;

    fixture_init(&fix);
    T_OK(ax_cache_write(fix.cache, hash_a, &fix.put, &err));
    T_OK(ax_cache_write(fix.cache, hash_a, &fix.put, &err));
    T_OK(fixture_read(&fix, hash_a));
    T_EQ(names_in_root(&fix), 1);
    T_OK(ax_cache_drop(fix.cache, hash_a));
    T_CODE(fixture_read(&fix, hash_a), AX_E_NOT_FOUND);
    T_OK(ax_cache_drop(fix.cache, hash_a));
    T_EQ(names_in_root(&fix), 0);
    fixture_done(&fix);
}

/* --- damage --- */

/* Every bit of every byte, and every shorter length, of one file. */
static void file_is_guarded(struct fixture *fix, const char *file)
{
    char name[256], room[8192];
    size_t len;

    name_in(hash_a, file, name);
    len = slurp(fix->root_fd, name, room, sizeof(room));
    T_OK(fixture_read(fix, hash_a));
    for (size_t bit = 0; bit < 8 * len; bit++) {
        room[bit / 8] = (char)(room[bit / 8] ^ 1 << bit % 8);
        spill(fix->root_fd, name, room, len);
        T_CODE(fixture_read(fix, hash_a), AX_E_INVALID_BUNDLE);
        room[bit / 8] = (char)(room[bit / 8] ^ 1 << bit % 8);
    }
    for (size_t cut = 0; cut < len; cut++) {
        spill(fix->root_fd, name, room, cut);
        T_CODE(fixture_read(fix, hash_a), AX_E_INVALID_BUNDLE);
    }
    room[len] = '\n';
    spill(fix->root_fd, name, room, len + 1);
    T_CODE(fixture_read(fix, hash_a), AX_E_INVALID_BUNDLE);
    T_EQ(unlinkat(fix->root_fd, name, 0), 0);
    T_CODE(fixture_read(fix, hash_a), AX_E_INVALID_BUNDLE);
    spill(fix->root_fd, name, room, len);
    T_OK(fixture_read(fix, hash_a));
}

TEST(cache_sees_every_flipped_bit_and_every_cut)
{
    struct ax_err err;
    struct fixture fix;

    fixture_init(&fix);
    fix.put.file_count = 1;
    fix.put.pack = AX_STR(PAGE);
    T_OK(ax_cache_write(fix.cache, hash_a, &fix.put, &err));
    file_is_guarded(&fix, "index.json");
    file_is_guarded(&fix, "precompiled/target-1.cwasm");
    fixture_done(&fix);
}

TEST(cache_believes_no_file_of_another_entry)
{
    const char *const each[] = { "index.json", "precompiled/target-1.cwasm" };
    char a[256], b[256], room[8192];
    struct ax_err err;
    struct fixture fix;

    fixture_init(&fix);
    for (size_t i = 0; i < AX_ARRAY_LEN(each); i++) {
        T_OK(ax_cache_write(fix.cache, hash_a, &fix.put, &err));
        T_OK(ax_cache_write(fix.cache, hash_b, &fix.put, &err));
        size_t len = slurp(fix.root_fd, name_in(hash_a, each[i], a), room, sizeof(room));
        spill(fix.root_fd, name_in(hash_b, each[i], b), room, len);
        T_OK(fixture_read(&fix, hash_a));
        T_CODE(fixture_read(&fix, hash_b), AX_E_INVALID_BUNDLE);
    }
    fixture_done(&fix);
}

TEST(cache_believes_nothing_of_another_key_or_engine)
{
    static const uint8_t other_key[AX_CACHE_KEY] = { 1, 2, 4 }, other_digest[32] = { 8 };
    struct ax_cache_entry entry = { .code_fd = -1 };
    struct ax_err err;
    struct fixture fix;

    fixture_init(&fix);
    T_OK(ax_cache_write(fix.cache, hash_a, &fix.put, &err));
    const struct {
        const uint8_t *key, *digest;
        const char *target;
    } others[] = { { other_key, digest_a, "target-1" },
                   { key_a, other_digest, "target-1" },
                   { key_a, digest_a, "target-2" } };
    for (size_t i = 0; i < AX_ARRAY_LEN(others); i++) {
        AX_AUTO(ax_cache_free) struct ax_cache *other = ax_cache_open(
            fix.root_fd, others[i].key, others[i].target, others[i].digest);

        T_CODE(ax_cache_read(other, hash_a, &entry, &err), AX_E_INVALID_BUNDLE);
    }
    T_OK(fixture_read(&fix, hash_a));
    fixture_done(&fix);
}

TEST(cache_copes_with_anything_in_an_entrys_place)
{
    char name[256], room[8192];
    struct ax_err err;
    struct fixture fix;

    fixture_init(&fix);
    name_in(hash_a, "", name);
    name[strlen(name) - 1] = '\0';
    for (unsigned shape = 0; shape < 6; shape++) {
        if (shape == 0)
            spill(fix.root_fd, name, "a file", 6);
        else if (shape == 1)
            T_EQ(symlinkat("/etc", fix.root_fd, name), 0);
        else if (shape == 2)
            T_EQ(mkfifoat(fix.root_fd, name, 0600), 0);
        else
            T_EQ(mkdirat(fix.root_fd, name, 0700), 0);
        if (shape == 4)
            T_EQ(mkdirat(fix.root_fd, name_in(hash_a, "index.json", room), 0700), 0);
        if (shape == 5)
            T_EQ(symlinkat("/etc/passwd", fix.root_fd, name_in(hash_a, "index.json", room)), 0);
        T_CODE(fixture_read(&fix, hash_a), AX_E_INVALID_BUNDLE);
        if (shape % 2 == 0)
            T_OK(ax_cache_drop(fix.cache, hash_a)); /* else writing has to clear the place */
        T_OK(ax_cache_write(fix.cache, hash_a, &fix.put, &err));
        T_OK(fixture_read(&fix, hash_a));
        T_OK(ax_cache_drop(fix.cache, hash_a));
        T_EQ(names_in_root(&fix), 0);
    }
    fixture_done(&fix);
}

/* --- writing --- */

TEST(cache_writes_only_what_belongs_there)
{
    static const struct ax_str refused[] = {
        AX_STR_INIT("index.json"), AX_STR_INIT("precompiled/target-1.cwasm"),
        AX_STR_INIT("../x"),       AX_STR_INIT("/etc/x"),
        AX_STR_INIT("ui/../../x"), AX_STR_INIT("uix"),
        AX_STR_INIT("ui/a\0b"),    AX_STR_INIT("")
    };
    struct ax_cache_file file = { .size = sizeof(PAGE) - 1 };
    struct ax_err err;
    struct fixture fix;

    fixture_init(&fix);
    fix.put.files = &file;
    fix.put.file_count = 1;
    fix.put.pack = AX_STR(PAGE);
    for (size_t i = 0; i < AX_ARRAY_LEN(refused); i++) {
        file.path = refused[i];
        T_TRUE(ax_cache_write(fix.cache, hash_a, &fix.put, &err) != AX_OK);
        T_EQ(names_in_root(&fix), 0);
    }
    file.path = AX_STR("ui/x");
    T_OK(ax_cache_write(fix.cache, hash_a, &fix.put, &err));
    fixture_done(&fix);
}

TEST(cache_checks_the_pack_against_what_was_said_about_it)
{
    uint8_t other[AX_CACHE_HASH] = { 1 };
    struct ax_err err;
    struct fixture fix;

    fixture_init(&fix);
    fix.put.wasm_sha256 = other;
    T_CODE(ax_cache_write(fix.cache, hash_a, &fix.put, &err), AX_E_INVALID_BUNDLE);
    fix.put.wasm_sha256 = fix.wasm;
    fix.put.pack.len--;
    T_CODE(ax_cache_write(fix.cache, hash_a, &fix.put, &err), AX_E_INVALID_BUNDLE);
    fix.put.pack = AX_STR(PAGE WASM "more");
    T_CODE(ax_cache_write(fix.cache, hash_a, &fix.put, &err), AX_E_INVALID_BUNDLE);
    T_EQ(names_in_root(&fix), 0);
    fix.put.pack = AX_STR(PAGE WASM);
    T_OK(ax_cache_write(fix.cache, hash_a, &fix.put, &err));
    fixture_done(&fix);
}

TEST(cache_says_that_the_disk_is_full_and_leaves_nothing)
{
    struct rlimit limit = { .rlim_cur = 0, .rlim_max = RLIM_INFINITY };
    struct ax_err err;
    struct fixture fix;

    fixture_init(&fix);
    signal(SIGXFSZ, SIG_IGN);
    T_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
    for (limit.rlim_cur = 0; limit.rlim_cur < sizeof(CODE) + 31; limit.rlim_cur++) {
        T_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
        T_CODE(ax_cache_write(fix.cache, hash_a, &fix.put, &err), AX_E_TOO_BIG);
        T_EQ(names_in_root(&fix), 0);
    }
    limit.rlim_cur = limit.rlim_max;
    T_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    T_OK(ax_cache_write(fix.cache, hash_a, &fix.put, &err));
    fixture_done(&fix);
}

/* --- the scan --- */

static size_t scan_count(const struct fixture *fix)
{
    struct ax_cache_found *found = NULL;
    size_t count = 0;

    T_OK(ax_cache_scan(fix->cache, &found, &count));
    free(found);
    return count;
}

TEST(cache_scan_tidies_what_is_ours_and_nothing_else)
{
    static const char alive[] = ".tmp-00000000000000aa", dead[] = ".tmp-00000000000000bb";
    char name[256];
    struct ax_err err;
    struct fixture fix;

    fixture_init(&fix);
    T_OK(ax_cache_write(fix.cache, hash_a, &fix.put, &err));
    T_OK(ax_cache_write(fix.cache, hash_b, &fix.put, &err));
    spill(fix.root_fd, name_in(hash_b, "index.json", name), "{}", 2);
    T_EQ(mkdirat(fix.root_fd, "family photos", 0700), 0);
    spill(fix.root_fd, "notes.txt", "x", 1);
    spill(fix.root_fd, ".tmp-notours", "x", 1);
    T_EQ(mkdirat(fix.root_fd, dead, 0700), 0);
    T_EQ(mkdirat(fix.root_fd, ".tmp-00000000000000bb/ui", 0700), 0);
    spill(fix.root_fd, ".tmp-00000000000000bb/ui/x", "x", 1);
    T_EQ(mkdirat(fix.root_fd, alive, 0700), 0);
    AX_AUTO_FD int lock = openat(fix.root_fd, alive, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    T_EQ(flock(lock, LOCK_EX), 0);

    T_EQ(scan_count(&fix), 1);
    T_EQ(names_in_root(&fix), 5); /* entry a, photos, notes, .tmp-notours, the living one */
    T_OK(fixture_read(&fix, hash_a));
    T_CODE(fixture_read(&fix, hash_b), AX_E_NOT_FOUND);
    T_EQ(faccessat(fix.root_fd, alive, F_OK, 0), 0);
    ax_fd_close(&lock);
    T_EQ(scan_count(&fix), 1);
    T_EQ(names_in_root(&fix), 4);
    fixture_done(&fix);
}

TEST(cache_scan_tells_bytes_and_use)
{
    struct ax_cache_found *found = NULL;
    size_t count = 0;
    struct ax_err err;
    struct fixture fix;

    fixture_init(&fix);
    T_OK(ax_cache_write(fix.cache, hash_a, &fix.put, &err));
    T_OK(ax_cache_scan(fix.cache, &found, &count));
    T_EQ(count, 1);
    T_EQ(found[0].bytes, ax_cache_cost(&fix.put));
    T_TRUE(found[0].used_ns > 0);
    assert_memory_equal(found[0].hash, hash_a, sizeof(hash_a));
    free(found);
    fixture_done(&fix);
}

/* --- kill -9 --- */

/* Runs `work` in a process of its own and kills it at its `stop`th system call, before or after the
 * call. False: it ended before that. */
static bool killed_at(struct fixture *fix, int (*work)(struct fixture *fix), unsigned stop)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        _exit(work(fix));
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

/* What is left is a whole entry or none, and after a scan nothing else. */
static bool is_whole_or_none(struct fixture *fix)
{
    enum ax_code code = fixture_read(fix, hash_a);

    T_TRUE(code == AX_OK || code == AX_E_NOT_FOUND);
    T_EQ(scan_count(fix), code == AX_OK ? 1 : 0);
    T_EQ(names_in_root(fix), code == AX_OK ? 1 : 0);
    return code == AX_OK;
}

static int do_write(struct fixture *fix)
{
    return ax_cache_write(fix->cache, hash_a, &fix->put, NULL) == AX_OK ? 0 : 1;
}

static int do_drop(struct fixture *fix)
{
    return ax_cache_drop(fix->cache, hash_a) == AX_OK ? 0 : 1;
}

static int do_key(struct fixture *fix)
{
    uint8_t key[AX_CACHE_KEY];
    bool is_new = false;

    return ax_cache_key(fix->root_fd, key, &is_new) == AX_OK && is_new ? 0 : 1;
}

TEST(cache_survives_a_kill_at_every_system_call_of_a_write)
{
    unsigned whole = 0, none = 0;
    struct fixture fix;

    fixture_init(&fix);
    for (unsigned stop = 1; killed_at(&fix, do_write, stop); stop++) {
        *(is_whole_or_none(&fix) ? &whole : &none) += 1;
        T_OK(ax_cache_drop(fix.cache, hash_a));
    }
    T_TRUE(whole >= 1); /* killed after the rename */
    T_TRUE(none >= 40);
    fixture_done(&fix);
}

TEST(cache_survives_a_kill_at_every_system_call_of_a_replacement)
{
    struct fixture fix;

    fixture_init(&fix);
    T_OK(ax_cache_write(fix.cache, hash_a, &fix.put, NULL));
    for (unsigned stop = 1; killed_at(&fix, do_write, stop); stop++) {
        if (!is_whole_or_none(&fix))
            T_OK(ax_cache_write(fix.cache, hash_a, &fix.put, NULL));
    }
    T_TRUE(is_whole_or_none(&fix));
    fixture_done(&fix);
}

TEST(cache_survives_a_kill_at_every_system_call_of_a_removal)
{
    unsigned whole = 0, none = 0;
    struct fixture fix;

    fixture_init(&fix);
    T_OK(ax_cache_write(fix.cache, hash_a, &fix.put, NULL));
    for (unsigned stop = 1; killed_at(&fix, do_drop, stop); stop++) {
        *(is_whole_or_none(&fix) ? &whole : &none) += 1;
        T_OK(ax_cache_write(fix.cache, hash_a, &fix.put, NULL));
    }
    T_TRUE(whole >= 1 && none >= 10);
    fixture_done(&fix);
}

TEST(cache_key_survives_a_kill_at_every_system_call)
{
    uint8_t key[AX_CACHE_KEY], again[AX_CACHE_KEY];
    struct fixture fix;
    bool is_new = false;

    fixture_init(&fix);
    for (unsigned stop = 1; killed_at(&fix, do_key, stop); stop++) {
        T_OK(ax_cache_key(fix.root_fd, key, &is_new));
        T_OK(ax_cache_key(fix.root_fd, again, &is_new));
        T_FALSE(is_new);
        assert_memory_equal(key, again, sizeof(key));
        T_EQ(unlinkat(fix.root_fd, "cache.key", 0), 0);
    }
    fixture_done(&fix);
}

TEST_MAIN()

/* SPDX-License-Identifier: Apache-2.0 */
/* pack_test.c - does a folder become the same bundle every time, and only by the rules? */
#include "base/test.h"
#include "bundle/bundle.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define MANIFEST(members)                                                        \
    "{\"name\":\"com.acme.hello\",\"publisher\":\"acme\",\"version\":\"1.2.3\"," \
    "\"runtime\":\"core@1\"" members "}"

struct folder {
    char path[64];
};

static void folder_begin(struct folder *folder)
{
    snprintf(folder->path, sizeof(folder->path), "/tmp/pack_test.XXXXXX");
    T_TRUE(mkdtemp(folder->path) != NULL);
}

static void folder_done(struct folder *folder)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf %s", folder->path);
    T_EQ(system(command), 0);
}

static void join(const struct folder *folder, const char *path, char room[4096])
{
    T_TRUE(snprintf(room, 4096, "%s/%s", folder->path, path) < 4096);
}

static void folder_put(const struct folder *folder, const char *path, const char *text)
{
    char full[4096];
    FILE *file;

    join(folder, path, full);
    for (char *slash = full + strlen(folder->path) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(full, 0755);
        *slash = '/';
    }
    file = fopen(full, "w");
    T_TRUE(file != NULL);
    fputs(text, file);
    fclose(file);
}

/* Packs into `path` (or nowhere that stays, when NULL). */
static enum ax_code pack(const struct folder *folder, const char *path, struct ax_digest *hash,
                         struct ax_err *err)
{
    AX_AUTO_FD int fd = path ? open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)
                             : open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
    struct ax_digest made;
    uint64_t size = 0;

    T_TRUE(fd >= 0);
    return ax_bundle_pack(folder->path, fd, hash ? hash : &made, &size, err);
}

static void put_good(const struct folder *folder)
{
    folder_put(folder, "manifest.json",
               MANIFEST(",\"sbom\":\"sbom.json\",\"assets\":[\"data/**/*.txt\",\"LICENSE\"]"));
    folder_put(folder, "entry.wasm", "\1asm");
    folder_put(folder, "sbom.json", "{}");
    folder_put(folder, "LICENSE", "free");
    folder_put(folder, "data/a.txt", "a");
    folder_put(folder, "data/b/c.txt", "c");
    folder_put(folder, "data/b/left.out", "x");
    folder_put(folder, "data/.hidden.txt", "x");
    folder_put(folder, "src/main.c", "x");
    folder_put(folder, "ui/index.html", "<p>");
    folder_put(folder,
               "ui/js/a-very-long-folder-name-that-goes-on-and-on-and-on/"
               "and-a-file-whose-name-alone-is-longer-than-what-fits-into-a-header-of-ustar-"
               "without-anything-else-around-it.js",
               "1");
}

TEST(pack_takes_what_the_manifest_names_and_tar_reads_the_same)
{
    struct folder folder;
    struct folder out;
    char bundle[4096];
    char command[512];
    struct ax_err err = { .message = "" };

    folder_begin(&folder);
    folder_begin(&out);
    put_good(&folder);
    join(&out, "b.tar.zst", bundle);
    T_OK(pack(&folder, bundle, NULL, &err));
    /* unpacked by GNU tar, each file is the folder's */
    snprintf(
        command, sizeof(command),
        "cd %s && tar --zstd -xf b.tar.zst && rm b.tar.zst && test $(find . -type f | wc -l) = 8 "
        "&& find . -type f | while read f; do cmp $f %s/$f || exit 1; done",
        out.path, folder.path);
    T_EQ(system(command), 0);
    folder_done(&folder);
    folder_done(&out);
}

TEST(pack_gives_the_same_bytes_for_the_same_files)
{
    struct timeval old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
    struct folder one;
    struct folder other;
    struct ax_digest first;
    struct ax_digest second;
    char path[4096];

    folder_begin(&one);
    put_good(&one);
    T_OK(pack(&one, NULL, &first, NULL));
    T_OK(pack(&one, NULL, &second, NULL));
    T_TRUE(ax_digest_eq(&first, &second));
    /* made in another place, in another order, at another time, with other rights */
    folder_begin(&other);
    folder_put(&other, "ui/index.html", "<p>");
    put_good(&other);
    join(&other, "entry.wasm", path);
    T_EQ(chmod(path, 0700), 0);
    T_EQ(utimes(path, old), 0);
    folder_put(&other, "src/more.c", "not in the bundle");
    T_OK(pack(&other, NULL, &second, NULL));
    T_TRUE(ax_digest_eq(&first, &second));
    folder_put(&other, "ui/index.html", "<b>");
    T_OK(pack(&other, NULL, &second, NULL));
    T_FALSE(ax_digest_eq(&first, &second));
    folder_done(&one);
    folder_done(&other);
}

TEST(pack_follows_no_link_and_takes_nothing_special)
{
    struct folder folder;
    char path[4096];
    char target[4096];
    struct ax_err err = { .message = "" };

    folder_begin(&folder);
    put_good(&folder);
    join(&folder, "ui/link.js", path);
    T_EQ(symlink("index.html", path), 0);
    T_CODE(pack(&folder, NULL, NULL, &err), AX_E_INVALID_BUNDLE);
    unlink(path);
    T_EQ(mkfifo(path, 0600), 0);
    T_CODE(pack(&folder, NULL, NULL, &err), AX_E_INVALID_BUNDLE);
    unlink(path);
    T_OK(pack(&folder, NULL, NULL, &err));
    join(&folder, "ui/outside", path);
    T_EQ(symlink("/etc", path), 0);
    T_CODE(pack(&folder, NULL, NULL, &err), AX_E_INVALID_BUNDLE);
    unlink(path);
    join(&folder, "entry.wasm", path);
    join(&folder, "real.wasm", target);
    T_EQ(rename(path, target), 0);
    T_EQ(symlink("real.wasm", path), 0);
    T_CODE(pack(&folder, NULL, NULL, &err), AX_E_INVALID_BUNDLE);
    folder_done(&folder);
}

TEST(pack_refuses_names_that_a_bundle_cannot_hold)
{
    static const char *const names[] = { "ui/.DS_Store", "ui/a b.js", "ui/.git/config",
                                         "ui/\xc3\xa9.js", "data/a b.txt" };

    for (size_t i = 0; i < AX_ARRAY_LEN(names); i++) {
        struct ax_err err = { .message = "" };
        struct folder folder;

        folder_begin(&folder);
        put_good(&folder);
        T_OK(pack(&folder, NULL, NULL, &err));
        folder_put(&folder, names[i], "x");
        T_CODE(pack(&folder, NULL, NULL, &err), AX_E_INVALID_BUNDLE);
        folder_done(&folder);
    }
}

TEST(pack_says_what_the_folder_lacks)
{
    struct ax_err err = { .message = "" };
    struct folder folder;

    folder_begin(&folder);
    T_CODE(pack(&folder, NULL, NULL, &err), AX_E_NOT_FOUND);
    folder_put(&folder, "manifest.json", MANIFEST(",\"entry\":\"a.wasm\""));
    T_CODE(pack(&folder, NULL, NULL, &err), AX_E_NOT_FOUND);
    folder_put(&folder, "a.wasm", "x");
    T_OK(pack(&folder, NULL, NULL, &err));
    folder_put(&folder, "manifest.json", MANIFEST(",\"sbom\":\"s.json\""));
    T_CODE(pack(&folder, NULL, NULL, &err), AX_E_NOT_FOUND);
    folder_put(&folder, "manifest.json", MANIFEST(""));
    T_CODE(pack(&folder, NULL, NULL, &err), AX_E_INVALID_BUNDLE); /* neither module nor UI */
    folder_put(&folder, "dist/main.wasm", "x");
    T_OK(pack(&folder, NULL, NULL, &err));
    folder_put(&folder, "manifest.json", MANIFEST(",\"limits\":{\"cpu_ms\":0}"));
    T_CODE(pack(&folder, NULL, NULL, &err), AX_E_INVALID_MANIFEST);
    T_STR(ax_str_of(err.pointer), AX_STR("/limits/cpu_ms"));
    folder_done(&folder);
    T_CODE(pack(&folder, NULL, NULL, &err), AX_E_NOT_FOUND);
}

TEST_MAIN()

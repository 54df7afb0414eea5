/* SPDX-License-Identifier: Apache-2.0 */
/* store.c - annex store put: how does a bundle get into a folder store?
 *
 * COPY both files into a new folder --> CHECK the copies --> RENAME the folder to sha256/<hash>
 *
 * What is checked is what is kept: nobody can swap the bundle between the two. Whether the
 * signer is trusted is the reader's question; here the envelope must be about these bytes. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STORE_CHUNK (256u << 10)

struct store_put {
    const char *bundle_path;
    const char *envelope_path;
    char *folder; /* <dir>/sha256 */
    char *fresh;  /* the new folder in it, until it is renamed */
    struct ax_digest hash;
    bool replaced; /* the bundle was there; its envelope is new */
};

static enum ax_code store_fault(struct ax_err *err, const char *path)
{
    return ax_err_set(err, AX_E_IO, "%s: %s", path, strerror(errno));
}

static char *store_join(const char *folder, const char *name)
{
    AX_AUTO_BUF struct ax_buf path = { .max = 1u << 20 };

    ax_buf_printf(&path, "%s/%s", folder, name);
    return ax_strdup(ax_buf_str(&path));
}

/* file:///dir, with or without a slash at its end. */
static bool store_parse_url(const char *url, char **ret_dir)
{
    struct ax_str str = ax_str_of(url);
    struct ax_str scheme = AX_STR("file://");

    if (!ax_str_starts(str, scheme) || str.len == scheme.len || str.ptr[scheme.len] != '/')
        return false;
    str = ax_str_from(str, scheme.len);
    while (str.len > 1 && str.ptr[str.len - 1] == '/')
        str.len--;
    *ret_dir = ax_strdup(str);
    return true;
}

static enum ax_code store_make_folders(struct store_put *put, const char *dir, struct ax_err *err)
{
    put->folder = store_join(dir, "sha256");
    if ((mkdir(dir, 0755) < 0 && errno != EEXIST) ||
        (mkdir(put->folder, 0755) < 0 && errno != EEXIST))
        return store_fault(err, put->folder);
    put->fresh = store_join(put->folder, ".new-XXXXXX");
    if (!mkdtemp(put->fresh)) {
        free(put->fresh);
        put->fresh = NULL;
        return store_fault(err, put->folder);
    }
    return chmod(put->fresh, 0755) == 0 ? AX_OK : store_fault(err, put->fresh);
}

/* Copies `from` to a new file `to` that stays open for reading. */
static enum ax_code store_copy(const char *from, const char *to, uint64_t max, int *ret_fd,
                               uint64_t *ret_size, struct ax_err *err)
{
    AX_AUTO_FREE char *chunk = ax_alloc(STORE_CHUNK);
    AX_AUTO_FD int in = -1;
    AX_AUTO_FD int out = -1;
    uint64_t size = 0;
    uint64_t copied = 0;
    enum ax_code code = cli_open(from, &in, &size, err);

    if (code != AX_OK)
        return code;
    out = open(to, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (out < 0)
        return store_fault(err, to);
    for (;;) {
        ssize_t got = read(in, chunk, STORE_CHUNK);

        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0)
            break;
        copied += got > 0 ? (uint64_t)got : 0;
        if (copied > max)
            return ax_err_set(err, AX_E_TOO_BIG, "%s is too large", from);
        if (got < 0 || pwrite(out, chunk, (size_t)got, (off_t)(copied - (uint64_t)got)) != got)
            return store_fault(err, from);
    }
    if (fsync(out) < 0)
        return store_fault(err, to);
    *ret_size = copied;
    *ret_fd = out;
    out = -1;
    return AX_OK;
}

/* Is the envelope about this bundle, whoever signed it? */
static enum ax_code store_check(struct store_put *put, int fd, uint64_t size,
                                const char *envelope_path, struct ax_err *err)
{
    AX_AUTO(ax_envelope_free) struct ax_envelope *envelope = NULL;
    AX_AUTO(ax_bundle_free) struct ax_bundle *bundle = NULL;
    const struct ax_statement *statement;
    enum ax_code code = ax_sha256_fd(fd, size, put->hash.bytes, err);

    if (code == AX_OK)
        code = cli_read_envelope(envelope_path, &envelope, err);
    if (code != AX_OK)
        return code;
    statement = ax_envelope_statement(envelope);
    if (!ax_digest_eq(&put->hash, &statement->content_hash) || size != statement->size)
        return ax_err_set(err, AX_E_BUNDLE_REJECTED, "the envelope is about another bundle");
    return ax_bundle_read(fd, size, statement, NULL, &bundle, err);
}

/* The bundle is there already: its envelope takes the place of the one that is there. */
static enum ax_code store_replace(struct store_put *put, const char *place, uint64_t size,
                                  struct ax_err *err)
{
    AX_AUTO_FREE char *bundle = store_join(place, "bundle.tar.zst");
    AX_AUTO_FREE char *envelope = store_join(place, "bundle.dsse.json");
    AX_AUTO_FREE char *fresh = store_join(put->fresh, "bundle.dsse.json");
    AX_AUTO_FD int fd = -1;
    struct ax_digest hash;
    uint64_t there = 0;
    enum ax_code code = cli_open_bundle(bundle, &fd, &there, &hash, err);

    if (code != AX_OK)
        return code;
    if (there != size || !ax_digest_eq(&hash, &put->hash))
        return ax_err_set(err, AX_E_CONFLICT,
                          "the store holds other bytes under this hash: remove %s", place);
    if (rename(fresh, envelope) < 0)
        return store_fault(err, envelope);
    put->replaced = true;
    return AX_OK;
}

static enum ax_code store_sync(const char *folder, struct ax_err *err)
{
    AX_AUTO_FD int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd >= 0 && fsync(fd) == 0 ? AX_OK : store_fault(err, folder);
}

static enum ax_code store_run(struct store_put *put, const char *dir, struct ax_err *err)
{
    AX_AUTO_FREE char *bundle = NULL;
    AX_AUTO_FREE char *envelope = NULL;
    AX_AUTO_FREE char *place = NULL;
    AX_AUTO_FD int bundle_fd = -1;
    AX_AUTO_FD int envelope_fd = -1;
    char hex[AX_DIGEST_HEX_LEN + 1];
    uint64_t size = 0;
    uint64_t envelope_size = 0;
    enum ax_code code = store_make_folders(put, dir, err);

    if (code != AX_OK)
        return code;
    bundle = store_join(put->fresh, "bundle.tar.zst");
    envelope = store_join(put->fresh, "bundle.dsse.json");
    code = store_copy(put->bundle_path, bundle, AX_ARCHIVE_BYTES_MAX, &bundle_fd, &size, err);
    if (code == AX_OK)
        code = store_copy(put->envelope_path, envelope, AX_ENVELOPE_BYTES_MAX, &envelope_fd,
                          &envelope_size, err);
    if (code == AX_OK)
        code = store_check(put, bundle_fd, size, envelope, err);
    if (code == AX_OK)
        code = store_sync(put->fresh, err);
    if (code != AX_OK)
        return code;
    ax_digest_hex(&put->hash, hex);
    place = store_join(put->folder, hex);
    if (rename(put->fresh, place) == 0) {
        free(put->fresh);
        put->fresh = NULL;
    } else if (errno == ENOTEMPTY || errno == EEXIST) {
        code = store_replace(put, place, size, err);
    } else {
        code = store_fault(err, place);
    }
    if (code == AX_OK)
        code = store_sync(put->replaced ? place : put->folder, err);
    return code;
}

/* Removes what a failure left of the new folder. */
static void store_done(struct store_put *put)
{
    static const char *const names[] = { "bundle.tar.zst", "bundle.dsse.json" };

    for (size_t i = 0; put->fresh && i < AX_ARRAY_LEN(names); i++) {
        AX_AUTO_FREE char *path = store_join(put->fresh, names[i]);

        unlink(path);
    }
    if (put->fresh)
        rmdir(put->fresh);
    free(put->fresh);
    free(put->folder);
}

static enum cli_exit store_print(const struct cli *cli, const struct store_put *put)
{
    AX_AUTO_BUF struct ax_buf buf = { .max = CLI_JSON_MAX };
    char text[AX_DIGEST_TEXT_LEN + 1];
    struct ax_json_out out;

    ax_digest_print(&put->hash, text);
    if (!cli->json) {
        printf("%s %s\n%s\n", put->folder,
               put->replaced ? "held the bundle; its envelope is replaced" : "holds the bundle",
               text);
        return CLI_DONE;
    }
    ax_json_out_init(&out, &buf);
    ax_json_begin_object(&out);
    cli_put(&out, "content_hash", ax_str_of(text));
    ax_json_key(&out, "replaced");
    ax_json_put_bool(&out, put->replaced);
    ax_json_end_object(&out);
    return cli_print_json(cli, &buf);
}

enum cli_exit cli_store_put(struct cli *cli, int argc, char *const argv[])
{
    const char *url = NULL;
    const struct cli_flag flags[] = { { "--store", "-s", &url } };
    struct store_put put = { .bundle_path = NULL };
    AX_AUTO_FREE char *beside = NULL;
    AX_AUTO_FREE char *dir = NULL;
    struct ax_err err = { .code = AX_OK };
    enum cli_exit result;

    if (!cli_parse(cli, argc, argv, flags, AX_ARRAY_LEN(flags), 1, 2, &result))
        return result;
    if (!url || !store_parse_url(url, &dir))
        return cli_misuse(cli, "--store is a folder such as file:///srv/bundles");
    put.bundle_path = cli->arguments[0];
    beside = cli_sibling(put.bundle_path, ".tar.zst", ".dsse.json");
    put.envelope_path = cli->argument_count > 1 ? cli->arguments[1] : beside;
    if (store_run(&put, dir, &err) == AX_OK)
        result = store_print(cli, &put);
    else
        result = cli_fail(cli, &err, put.bundle_path, NULL);
    store_done(&put);
    return result;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* pack.c - annex pack: how does a folder become a bundle? */
#include "cli/cli.h"

#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Leaves "<hash>  <name>" beside the bundle, as sha256sum -c reads it. */
static enum ax_code pack_note_hash(const char *path, const struct ax_digest *hash,
                                   struct ax_err *err)
{
    AX_AUTO_FREE char *beside = cli_sibling(path, ".tar.zst", ".sha256");
    AX_AUTO_FREE char *copy = ax_strdup(ax_str_of(path));
    AX_AUTO_BUF struct ax_buf text = { .max = 8192 };
    char hex[AX_DIGEST_HEX_LEN + 1];

    ax_digest_hex(hash, hex);
    if (ax_buf_printf(&text, "%s  %s\n", hex, basename(copy)) != AX_OK)
        return ax_err_set(err, text.failed, "the name of the bundle is too long");
    return cli_replace_file(beside, ax_buf_str(&text), err);
}

static enum ax_code pack_into(const char *dir, const char *path, struct ax_digest *ret_hash,
                              uint64_t *ret_size, struct ax_err *err)
{
    AX_AUTO_FREE char *temporary = NULL;
    AX_AUTO_FD int fd = -1;
    enum ax_code code = cli_temporary(path, &fd, &temporary, err);

    if (code != AX_OK)
        return code;
    code = ax_bundle_pack(dir, fd, ret_hash, ret_size, err);
    if (code == AX_OK)
        code = cli_keep(fd, temporary, path, err);
    if (code != AX_OK)
        unlink(temporary);
    return code == AX_OK ? pack_note_hash(path, ret_hash, err) : code;
}

static enum cli_exit pack_print(const struct cli *cli, const char *path,
                                const struct ax_digest *hash, uint64_t size)
{
    AX_AUTO_BUF struct ax_buf buf = { .max = CLI_JSON_MAX };
    char text[AX_DIGEST_TEXT_LEN + 1];
    char human[24];
    struct ax_json_out out;

    ax_digest_print(hash, text);
    cli_size(size, human);
    if (!cli->json) {
        printf("%s: %s\n%s\n", path, human, text);
        return CLI_DONE;
    }
    ax_json_out_init(&out, &buf);
    ax_json_begin_object(&out);
    cli_put(&out, "bundle", ax_str_of(path));
    ax_json_key(&out, "size");
    ax_json_put_u64(&out, size);
    cli_put(&out, "content_hash", ax_str_of(text));
    ax_json_end_object(&out);
    return cli_print_json(cli, &buf);
}

enum cli_exit cli_pack(struct cli *cli, int argc, char *const argv[])
{
    const char *path = NULL;
    const struct cli_flag flags[] = { { "--out", "-o", &path } };
    struct ax_err err = { .code = AX_OK };
    struct ax_digest hash;
    uint64_t size = 0;
    enum cli_exit result;
    enum ax_code code;

    if (!cli_parse(cli, argc, argv, flags, AX_ARRAY_LEN(flags), 1, 1, &result))
        return result;
    if (!path)
        path = "bundle.tar.zst";
    code = pack_into(cli->arguments[0], path, &hash, &size, &err);
    if (code == AX_OK)
        return pack_print(cli, path, &hash, size);
    return cli_fail(cli, &err, cli->arguments[0],
                    err.pointer[0] ? "correct manifest.json at that pointer" : NULL);
}

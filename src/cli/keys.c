/* SPDX-License-Identifier: Apache-2.0 */
/* keys.c - annex keys new: where does a publisher's key come from? */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where the private key goes: FILE, or "signing.key" in a folder; free(). */
static char *keys_path(const char *out)
{
    struct stat st;
    bool is_folder = stat(out, &st) == 0 && S_ISDIR(st.st_mode);

    if (!is_folder)
        return ax_strdup(ax_str_of(out));
    return cli_sibling(out, "/", "/signing.key");
}

static enum ax_code keys_write(const struct ax_private_key *key, const char *private_path,
                               const char *public_path, struct ax_err *err)
{
    struct ax_buf secret = { .max = AX_KEY_PEM_MAX };
    AX_AUTO_BUF struct ax_buf open_text = { .max = AX_KEY_PEM_MAX };
    enum ax_code code = ax_private_key_to_pem(key, &secret);

    if (code == AX_OK)
        code = ax_public_key_to_pem(ax_private_key_public(key), &open_text);
    if (code != AX_OK)
        ax_err_set(err, code, "the key could not be written as text");
    if (code == AX_OK)
        code = cli_create_file(private_path, ax_buf_str(&secret), 0600, err);
    if (code == AX_OK) {
        code = cli_create_file(public_path, ax_buf_str(&open_text), 0644, err);
        if (code != AX_OK)
            unlink(private_path); /* ours, made a moment ago */
    }
    ax_buf_wipe(&secret);
    return code;
}

static enum cli_exit keys_print(const struct cli *cli, const struct ax_private_key *key,
                                const char *private_path, const char *public_path)
{
    const struct ax_public_key *public_key = ax_private_key_public(key);
    const char *type = ax_key_type_name(ax_public_key_type(public_key));
    struct ax_str id = ax_public_key_id(public_key);
    AX_AUTO_BUF struct ax_buf buf = { .max = CLI_JSON_MAX };
    struct ax_json_out out;

    if (!cli->json) {
        printf("private key  %s (%s; keep it to yourself)\npublic key   %s\nkey id       %.*s\n",
               private_path, type, public_path, AX_STR_FMT(id));
        return CLI_DONE;
    }
    ax_json_out_init(&out, &buf);
    ax_json_begin_object(&out);
    cli_put(&out, "type", ax_str_of(type));
    cli_put(&out, "key_id", id);
    cli_put(&out, "private_key", ax_str_of(private_path));
    cli_put(&out, "public_key", ax_str_of(public_path));
    ax_json_end_object(&out);
    return cli_print_json(cli, &buf);
}

enum cli_exit cli_keys_new(struct cli *cli, int argc, char *const argv[])
{
    const char *out = NULL;
    const char *type = NULL;
    const struct cli_flag flags[] = { { "--out", "-o", &out }, { "--type", NULL, &type } };
    AX_AUTO(ax_private_key_free) struct ax_private_key *key = NULL;
    AX_AUTO_FREE char *private_path = NULL;
    AX_AUTO_FREE char *public_path = NULL;
    struct ax_err err = { .code = AX_OK };
    enum cli_exit result;
    enum ax_code code;
    bool p256;

    if (!cli_parse(cli, argc, argv, flags, AX_ARRAY_LEN(flags), 0, 0, &result))
        return result;
    p256 = type && strcmp(type, "p256") == 0;
    if (!out)
        return cli_misuse(cli, "--out says where the key goes, and is missing");
    if (type && !p256 && strcmp(type, "ed25519") != 0)
        return cli_misuse(cli, "--type is ed25519 or p256");
    private_path = keys_path(out);
    public_path = cli_sibling(private_path, ".key", ".pub");
    code = ax_private_key_generate(p256 ? AX_KEY_P256 : AX_KEY_ED25519, &key, &err);
    if (code == AX_OK)
        code = keys_write(key, private_path, public_path, &err);
    if (code != AX_OK)
        return cli_fail(cli, &err, NULL,
                        code == AX_E_EXISTS ? "keys are never overwritten: choose another --out"
                                            : NULL);
    return keys_print(cli, key, private_path, public_path);
}

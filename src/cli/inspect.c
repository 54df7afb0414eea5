/* SPDX-License-Identifier: Apache-2.0 */
/* inspect.c - annex inspect: what is in this bundle?
 * It judges the contents as every reader does, but trusts nobody: signatures are listed, not
 * checked. */
#include "cli/cli.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct inspect {
    const char *path;
    struct ax_digest hash;
    uint64_t size;
    struct ax_bundle *bundle;
    struct ax_envelope *envelope; /* or NULL */
};

static enum ax_code inspect_run(struct inspect *inspect, const char *envelope_path,
                                struct ax_err *err)
{
    AX_AUTO_FREE char *beside = cli_sibling(inspect->path, ".tar.zst", ".dsse.json");
    AX_AUTO_FD int fd = -1;
    enum ax_code code = cli_open_bundle(inspect->path, &fd, &inspect->size, &inspect->hash, err);

    if (code == AX_OK)
        code = ax_bundle_read(fd, inspect->size, NULL, NULL, &inspect->bundle, err);
    if (!envelope_path && access(beside, F_OK) == 0)
        envelope_path = beside;
    if (code == AX_OK && envelope_path)
        code = cli_read_envelope(envelope_path, &inspect->envelope, err);
    return code;
}

static void inspect_print_manifest(const struct inspect *inspect)
{
    const struct ax_manifest *manifest = ax_bundle_manifest(inspect->bundle);
    unsigned capabilities = ax_manifest_capabilities(manifest);
    struct ax_str entry = ax_bundle_entry_path(inspect->bundle);

    printf("name          %.*s\nversion       %.*s\npublisher     %.*s\nruntime       %.*s\n",
           AX_STR_FMT(ax_manifest_name(manifest)), AX_STR_FMT(ax_manifest_version(manifest)),
           AX_STR_FMT(ax_manifest_publisher(manifest)),
           AX_STR_FMT(ax_manifest_runtime_name(manifest)));
    printf("module        %.*s\nui            %s\ncapabilities ",
           entry.len > 0 ? (int)entry.len : 4, entry.len > 0 ? entry.ptr : "none",
           ax_bundle_has_ui(inspect->bundle) ? "yes" : "none");
    for (unsigned bit = 1; bit < 1u << AX_CAP_COUNT; bit <<= 1)
        if (capabilities & bit)
            printf(" %s", ax_capability_name(bit));
    for (size_t i = 0; i < ax_manifest_host_capability_count(manifest); i++)
        printf(" %.*s", AX_STR_FMT(ax_manifest_host_capability(manifest, i)));
    printf("\n");
    if (ax_manifest_has_egress(manifest))
        printf("egress       ");
    for (size_t i = 0; i < ax_manifest_egress_count(manifest); i++)
        printf(" %.*s", AX_STR_FMT(ax_manifest_egress(manifest, i)));
    if (ax_manifest_has_egress(manifest))
        printf("%s\n", ax_manifest_egress_count(manifest) == 0 ? " nothing" : "");
    for (size_t i = 0; i < ax_manifest_endpoint_count(manifest); i++) {
        const struct ax_endpoint *endpoint = ax_manifest_endpoint(manifest, i);

        printf("endpoint      %.*s %.*s -> %.*s (%.*s)\n", AX_STR_FMT(endpoint->method),
               AX_STR_FMT(endpoint->path), AX_STR_FMT(endpoint->handler),
               AX_STR_FMT(endpoint->permission));
    }
}

static void inspect_print_envelope(const struct inspect *inspect)
{
    const struct ax_statement *statement;
    char created[AX_RFC3339_LEN + 1];
    char expires[AX_RFC3339_LEN + 1] = "never";

    if (!inspect->envelope) {
        printf("signatures    no envelope\n");
        return;
    }
    statement = ax_envelope_statement(inspect->envelope);
    ax_clock_format(statement->created_s, created);
    if (statement->expires_s != 0)
        ax_clock_format(statement->expires_s, expires);
    printf("signed        %s, expires %s%s\n", created, expires,
           ax_digest_eq(&statement->content_hash, &inspect->hash)
               ? ""
               : "; THE ENVELOPE IS ABOUT ANOTHER BUNDLE");
    for (size_t i = 0; i < ax_envelope_signature_count(inspect->envelope); i++)
        printf("signature     %.*s (not checked: annex verify does)\n",
               AX_STR_FMT(ax_envelope_key_id(inspect->envelope, i)));
}

static enum cli_exit inspect_print(const struct inspect *inspect)
{
    char text[AX_DIGEST_TEXT_LEN + 1];
    char hex[AX_DIGEST_HEX_LEN + 1];
    char human[24];

    inspect_print_manifest(inspect);
    for (size_t i = 0; i < ax_bundle_file_count(inspect->bundle); i++) {
        const struct ax_bundle_file *file = ax_bundle_file(inspect->bundle, i);

        ax_digest_hex(&file->sha256, hex);
        cli_size(file->size, human);
        printf("file          %10s  %.16s  %.*s\n", human, hex, AX_STR_FMT(file->path));
    }
    inspect_print_envelope(inspect);
    cli_size(inspect->size, human);
    ax_digest_print(&inspect->hash, text);
    printf("size          %s\ncontent hash  %s\n", human, text);
    return CLI_DONE;
}

static void inspect_json_files(const struct inspect *inspect, struct ax_json_out *out)
{
    ax_json_key(out, "files");
    ax_json_begin_array(out);
    for (size_t i = 0; i < ax_bundle_file_count(inspect->bundle); i++) {
        const struct ax_bundle_file *file = ax_bundle_file(inspect->bundle, i);

        ax_json_begin_object(out);
        cli_put(out, "path", file->path);
        ax_json_key(out, "size");
        ax_json_put_u64(out, file->size);
        cli_put_digest(out, "sha256", &file->sha256);
        ax_json_end_object(out);
    }
    ax_json_end_array(out);
}

static void inspect_json_envelope(const struct inspect *inspect, struct ax_json_out *out)
{
    const struct ax_statement *statement;

    ax_json_key(out, "envelope");
    if (!inspect->envelope) {
        ax_json_put_null(out);
        return;
    }
    statement = ax_envelope_statement(inspect->envelope);
    ax_json_begin_object(out);
    cli_put(out, "name", ax_str_of(statement->name));
    cli_put(out, "version", ax_str_of(statement->version));
    cli_put_digest(out, "content_hash", &statement->content_hash);
    cli_put_time(out, "created", statement->created_s);
    cli_put_time(out, "expires", statement->expires_s);
    ax_json_key(out, "key_ids");
    ax_json_begin_array(out);
    for (size_t i = 0; i < ax_envelope_signature_count(inspect->envelope); i++)
        ax_json_put_str(out, ax_envelope_key_id(inspect->envelope, i));
    ax_json_end_array(out);
    ax_json_end_object(out);
}

static enum cli_exit inspect_print_json(const struct cli *cli, const struct inspect *inspect)
{
    AX_AUTO_BUF struct ax_buf buf = { .max = CLI_JSON_MAX };
    struct ax_str entry = ax_bundle_entry_path(inspect->bundle);
    struct ax_json_out out;

    ax_json_out_init(&out, &buf);
    ax_json_begin_object(&out);
    cli_put_digest(&out, "content_hash", &inspect->hash);
    ax_json_key(&out, "size");
    ax_json_put_u64(&out, inspect->size);
    ax_json_key(&out, "manifest");
    ax_json_put_raw(&out, ax_bundle_manifest_text(inspect->bundle)); /* read and found valid */
    ax_json_key(&out, "module");
    if (entry.len > 0)
        ax_json_put_str(&out, entry);
    else
        ax_json_put_null(&out);
    ax_json_key(&out, "ui");
    ax_json_put_bool(&out, ax_bundle_has_ui(inspect->bundle));
    inspect_json_files(inspect, &out);
    inspect_json_envelope(inspect, &out);
    ax_json_end_object(&out);
    return cli_print_json(cli, &buf);
}

enum cli_exit cli_inspect(struct cli *cli, int argc, char *const argv[])
{
    const char *envelope_path = NULL;
    const struct cli_flag flags[] = { { "--envelope", "-e", &envelope_path } };
    struct inspect inspect = { .path = NULL };
    struct ax_err err = { .code = AX_OK };
    enum cli_exit result;

    if (!cli_parse(cli, argc, argv, flags, AX_ARRAY_LEN(flags), 1, 1, &result))
        return result;
    inspect.path = cli->arguments[0];
    if (inspect_run(&inspect, envelope_path, &err) != AX_OK)
        result = cli_fail(cli, &err, inspect.path, NULL);
    else
        result = cli->json ? inspect_print_json(cli, &inspect) : inspect_print(&inspect);
    ax_bundle_free(inspect.bundle);
    ax_envelope_free(inspect.envelope);
    return result;
}

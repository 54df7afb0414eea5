/* SPDX-License-Identifier: Apache-2.0 */
/* bundle.c - what is in a bundle, and is it what was signed?
 * One pass: the manifest comes first and says which files may follow. */
#include "bundle/bundle.h"

#include "base/arena.h"
#include "base/buf.h"
#include "crypto/sha256.h"

#include <assert.h>
#include <string.h>

#define BUNDLE_FILES_FIRST 64

struct ax_bundle {
    struct ax_manifest *manifest;
    struct ax_buf manifest_text;
    struct ax_arena arena; /* paths */
    struct ax_bundle_file *files;
    size_t count;
    size_t room;
    bool has_module;
    bool has_ui;
    struct ax_str entry_path;
    char *entry;
    size_t entry_len;
    struct ax_digest entry_sha256;
};

enum reading_kind { READING_PLAIN, READING_MANIFEST, READING_ENTRY };

struct reading {
    struct ax_bundle *bundle;
    const struct ax_statement *statement;
    const struct ax_archive_events *events;
    enum reading_kind kind; /* of the file that passes */
    struct ax_sha256 sha;
};

/* --- members --- */

static enum ax_code bundle_no_memory(struct ax_err *err)
{
    return ax_err_set(err, AX_E_NO_MEMORY, "there is no memory");
}

/* May a file with this path be in the bundle, and as what? */
static enum ax_code bundle_admit(struct ax_bundle *bundle, struct ax_str path,
                                 enum reading_kind *ret_kind, struct ax_err *err)
{
    struct ax_str entry = ax_manifest_entry(bundle->manifest);
    bool is_entry = entry.len > 0 ? ax_str_eq(path, entry)
                                  : ax_str_eq(path, AX_STR("entry.wasm")) ||
                                        ax_str_eq(path, AX_STR("dist/main.wasm"));

    *ret_kind = is_entry ? READING_ENTRY : READING_PLAIN;
    if (is_entry && bundle->has_module)
        return ax_err_set(err, AX_E_INVALID_BUNDLE,
                          "there is entry.wasm and dist/main.wasm: name one as \"entry\"");
    bundle->has_module = bundle->has_module || is_entry;
    if (is_entry)
        return AX_OK;
    if (ax_str_starts(path, AX_STR("precompiled/")))
        return ax_err_set(err, AX_E_INVALID_BUNDLE, "%.*s: machine code cannot be in a bundle",
                          AX_STR_FMT(path));
    if (ax_str_starts(path, AX_STR("ui/"))) {
        bundle->has_ui = true;
        return AX_OK;
    }
    if (ax_str_eq(path, ax_manifest_sbom(bundle->manifest)) ||
        ax_manifest_is_asset(bundle->manifest, path))
        return AX_OK;
    return ax_err_set(err, AX_E_INVALID_BUNDLE, "%.*s: the manifest does not allow this file",
                      AX_STR_FMT(path));
}

/* Room for one more file. */
static enum ax_code bundle_grow(struct ax_bundle *bundle, struct ax_err *err)
{
    size_t room = bundle->room > 0 ? bundle->room * 2 : BUNDLE_FILES_FIRST;
    struct ax_bundle_file *files;

    if (bundle->count < bundle->room)
        return AX_OK;
    files = ax_try_realloc(bundle->files, room * sizeof(*files)); /* the archive bounds it */
    if (!files)
        return bundle_no_memory(err);
    bundle->files = files;
    bundle->room = room;
    return AX_OK;
}

static enum ax_code bundle_begin_entry(struct ax_bundle *bundle, struct ax_str path, uint64_t size,
                                       struct ax_err *err)
{
    if (size > AX_BUNDLE_WASM_MAX)
        return ax_err_set(err, AX_E_TOO_BIG, "%.*s: the module is larger than 32 MiB",
                          AX_STR_FMT(path));
    bundle->entry_path = path;
    bundle->entry = ax_try_alloc((size_t)size + 1);
    return bundle->entry ? AX_OK : bundle_no_memory(err);
}

static enum ax_code reading_on_file(void *arg, struct ax_str path, uint64_t size,
                                    struct ax_err *err)
{
    struct reading *reading = arg;
    struct ax_bundle *bundle = reading->bundle;
    struct ax_bundle_file *file;
    enum ax_code code = bundle_grow(bundle, err);

    reading->kind = READING_MANIFEST;
    if (code == AX_OK && bundle->count > 0)
        code = bundle_admit(bundle, path, &reading->kind, err);
    if (code != AX_OK)
        return code;
    file = &bundle->files[bundle->count];
    *file = (struct ax_bundle_file){ .path = ax_arena_dup(&bundle->arena, path), .size = size };
    if (!file->path.ptr)
        return bundle_no_memory(err);
    bundle->count++;
    if (reading->kind == READING_ENTRY)
        code = bundle_begin_entry(bundle, file->path, size, err);
    ax_sha256_init(&reading->sha);
    if (code == AX_OK && reading->events)
        code = reading->events->on_file(reading->events->arg, path, size, err);
    return code;
}

static enum ax_code reading_on_data(void *arg, struct ax_str chunk, struct ax_err *err)
{
    struct reading *reading = arg;
    struct ax_bundle *bundle = reading->bundle;

    ax_sha256_update(&reading->sha, chunk.ptr, chunk.len);
    if (reading->kind == READING_MANIFEST &&
        ax_buf_append_str(&bundle->manifest_text, chunk) != AX_OK)
        return ax_err_set(err, bundle->manifest_text.failed, "manifest.json cannot be kept");
    if (reading->kind == READING_ENTRY) {
        memcpy(bundle->entry + bundle->entry_len, chunk.ptr, chunk.len);
        bundle->entry_len += chunk.len; /* the archive gives what it said, and no more */
    }
    return reading->events ? reading->events->on_data(reading->events->arg, chunk, err) : AX_OK;
}

/* --- is it what was signed? --- */

static enum ax_code bundle_not_signed(struct ax_err *err, const char *what)
{
    return ax_err_set(err, AX_E_BUNDLE_REJECTED, "the %s is not the one that was signed", what);
}

static enum ax_code reading_end_manifest(struct reading *reading, const struct ax_digest *sha256,
                                         struct ax_err *err)
{
    const struct ax_statement *signed_as = reading->statement;
    struct ax_bundle *bundle = reading->bundle;
    enum ax_code code;

    if (signed_as && !ax_digest_eq(sha256, &signed_as->manifest))
        return bundle_not_signed(err, "manifest");
    code = ax_manifest_parse(ax_buf_str(&bundle->manifest_text), &bundle->manifest, err);
    if (code != AX_OK || !signed_as)
        return code;
    if (!ax_str_eq(ax_manifest_name(bundle->manifest), ax_str_of(signed_as->name)))
        return bundle_not_signed(err, "name");
    if (!ax_str_eq(ax_manifest_version(bundle->manifest), ax_str_of(signed_as->version)))
        return bundle_not_signed(err, "version");
    return AX_OK;
}

static enum ax_code reading_on_file_end(void *arg, struct ax_err *err)
{
    struct reading *reading = arg;
    struct ax_bundle *bundle = reading->bundle;
    struct ax_digest *sha256 = &bundle->files[bundle->count - 1].sha256;
    enum ax_code code = AX_OK;

    ax_sha256_final(&reading->sha, sha256->bytes);
    if (reading->kind == READING_MANIFEST)
        code = reading_end_manifest(reading, sha256, err);
    if (reading->kind == READING_ENTRY) {
        bundle->entry_sha256 = *sha256;
        if (reading->statement &&
            (!reading->statement->has_entry || !ax_digest_eq(sha256, &reading->statement->entry)))
            code = bundle_not_signed(err, "module");
    }
    if (code == AX_OK && reading->events)
        code = reading->events->on_file_end(reading->events->arg, err);
    return code;
}

/* --- is it whole? --- */

static bool bundle_has_file(const struct ax_bundle *bundle, struct ax_str path)
{
    for (size_t i = 0; i < bundle->count; i++)
        if (ax_str_eq(bundle->files[i].path, path))
            return true;
    return false;
}

static enum ax_code bundle_lacks(struct ax_err *err, const char *pointer, struct ax_str path)
{
    return ax_err_set_at(err, AX_E_INVALID_MANIFEST, pointer, "the bundle does not hold %.*s",
                         AX_STR_FMT(path));
}

static enum ax_code bundle_check_whole(const struct ax_bundle *bundle,
                                       const struct ax_statement *statement, struct ax_err *err)
{
    const struct ax_manifest *manifest = bundle->manifest;
    struct ax_str sbom = ax_manifest_sbom(manifest);
    struct ax_str icon = ax_json_str(ax_json_get(ax_manifest_json(manifest), "icon"));

    if (!bundle->has_module && ax_manifest_entry(manifest).len > 0)
        return bundle_lacks(err, "/entry", ax_manifest_entry(manifest));
    if (sbom.len > 0 && !bundle_has_file(bundle, sbom))
        return bundle_lacks(err, "/sbom", sbom);
    if (icon.len > 0 && !bundle_has_file(bundle, icon))
        return bundle_lacks(err, "/icon", icon);
    if (ax_manifest_has_ui(manifest) && !bundle_has_file(bundle, ax_manifest_ui_entry(manifest)))
        return bundle_lacks(err, "/ui/entry", ax_manifest_ui_entry(manifest));
    if (!bundle->has_module && !bundle->has_ui)
        return ax_err_set(err, AX_E_INVALID_BUNDLE, "the bundle has neither a module nor a UI");
    if (!bundle->has_module && ax_manifest_endpoint_count(manifest) > 0)
        return ax_err_set_at(err, AX_E_INVALID_MANIFEST, "/api/endpoints",
                             "endpoints need a module, and the bundle has none");
    if (statement && statement->has_entry && !bundle->has_module)
        return bundle_not_signed(err, "module");
    return AX_OK;
}

enum ax_code ax_bundle_read(int fd, uint64_t size, const struct ax_statement *statement,
                            const struct ax_archive_events *events, struct ax_bundle **ret_bundle,
                            struct ax_err *err)
{
    AX_AUTO(ax_bundle_free) struct ax_bundle *bundle = ax_try_alloc(sizeof(*bundle));
    struct reading reading = { .statement = statement, .events = events };
    struct ax_archive_events own = {
        .on_file = reading_on_file,
        .on_data = reading_on_data,
        .on_file_end = reading_on_file_end,
        .arg = &reading,
    };
    enum ax_code code;

    if (!bundle)
        return bundle_no_memory(err);
    *bundle = (struct ax_bundle){ .manifest_text = { .max = AX_MANIFEST_BYTES_MAX } };
    ax_arena_init(&bundle->arena, (size_t)AX_ARCHIVE_ENTRIES_MAX * (AX_ARCHIVE_PATH_MAX + 64));
    reading.bundle = bundle;
    code = ax_archive_read_fd(fd, size, &own, err);
    ax_sha256_done(&reading.sha);
    if (code == AX_OK)
        code = bundle_check_whole(bundle, statement, err);
    if (code == AX_OK)
        *ret_bundle = AX_TAKE(bundle);
    return code;
}

void ax_bundle_free(struct ax_bundle *bundle)
{
    if (!bundle)
        return;
    ax_manifest_free(bundle->manifest);
    ax_buf_done(&bundle->manifest_text);
    ax_arena_done(&bundle->arena);
    free(bundle->files);
    free(bundle->entry);
    free(bundle);
}

const struct ax_manifest *ax_bundle_manifest(const struct ax_bundle *bundle)
{
    return bundle->manifest;
}

struct ax_str ax_bundle_manifest_text(const struct ax_bundle *bundle)
{
    return ax_buf_str(&bundle->manifest_text);
}

bool ax_bundle_has_module(const struct ax_bundle *bundle)
{
    return bundle->has_module;
}

struct ax_str ax_bundle_entry_path(const struct ax_bundle *bundle)
{
    return bundle->entry_path;
}

struct ax_str ax_bundle_entry(const struct ax_bundle *bundle)
{
    return ax_str_make(bundle->entry, bundle->entry_len);
}

bool ax_bundle_has_ui(const struct ax_bundle *bundle)
{
    return bundle->has_ui;
}

size_t ax_bundle_file_count(const struct ax_bundle *bundle)
{
    return bundle->count;
}

const struct ax_bundle_file *ax_bundle_file(const struct ax_bundle *bundle, size_t index)
{
    assert(index < bundle->count);
    return &bundle->files[index];
}

void ax_bundle_statement(const struct ax_bundle *bundle, const struct ax_digest *hash,
                         uint64_t size, struct ax_statement *ret_statement)
{
    struct ax_str name = ax_manifest_name(bundle->manifest);
    struct ax_str version = ax_manifest_version(bundle->manifest);

    *ret_statement = (struct ax_statement){
        .content_hash = *hash,
        .size = size,
        .manifest = bundle->files[0].sha256,
        .has_entry = bundle->has_module,
        .entry = bundle->entry_sha256,
    };
    memcpy(ret_statement->name, name.ptr, name.len); /* the manifest's rules bound both */
    memcpy(ret_statement->version, version.ptr, version.len);
}

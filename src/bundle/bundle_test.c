/* SPDX-License-Identifier: Apache-2.0 */
/* bundle_test.c - does a bundle hold what its manifest allows, all it names, and what was signed? */
#include "bundle/bundle.h"

#include "base/test.h"
#include "crypto/sha256.h"

#include <sys/mman.h>
#include <unistd.h>

#define WASM      "\0asm\1\0\0\0"
#define FILES_MAX 8

struct file {
    const char *path;
    struct ax_str bytes;
};

static enum ax_code bundle_write(void *arg, struct ax_str bytes, struct ax_err *err)
{
    (void)err;
    T_EQ(write(*(int *)arg, bytes.ptr, bytes.len), (ssize_t)bytes.len);
    return AX_OK;
}

static void put(struct ax_archive_writer *writer, const char *path, struct ax_str bytes)
{
    T_OK(ax_archive_writer_file(writer, ax_str_of(path), bytes.len, NULL));
    if (bytes.len > 0)
        T_OK(ax_archive_writer_data(writer, bytes, NULL));
}

/* A bundle in memory: the manifest has the required members and `members`; files in byte order. */
static int make_bundle(const char *members, const struct file *files, uint64_t *ret_size)
{
    AX_AUTO(ax_archive_writer_free) struct ax_archive_writer *writer = NULL;
    AX_AUTO_BUF struct ax_buf manifest = { .max = 1u << 16 };
    int fd = memfd_create("bundle", MFD_CLOEXEC);
    struct ax_archive_output output = { .write = bundle_write, .arg = &fd };

    ax_buf_printf(&manifest,
                  "{\"name\":\"com.acme.hello\",\"publisher\":\"acme\",\"version\":\"1.2.3\","
                  "\"runtime\":\"core@1\"%s%s}",
                  members[0] ? "," : "", members);
    T_OK(ax_archive_writer_new(&output, &writer, NULL));
    put(writer, "manifest.json", ax_buf_str(&manifest));
    for (size_t i = 0; i < FILES_MAX && files[i].path; i++)
        put(writer, files[i].path, files[i].bytes);
    T_OK(ax_archive_writer_finish(writer, NULL));
    *ret_size = (uint64_t)lseek(fd, 0, SEEK_CUR);
    return fd;
}

static enum ax_code judge(const char *members, const struct file *files, struct ax_err *err)
{
    AX_AUTO(ax_bundle_free) struct ax_bundle *bundle = NULL;
    uint64_t size = 0;
    AX_AUTO_FD int fd = make_bundle(members, files, &size);

    return ax_bundle_read(fd, size, NULL, NULL, &bundle, err);
}

#define F(name)    { (name), AX_STR_INIT("x") }
#define FILES(...) ((const struct file[FILES_MAX]){ __VA_ARGS__ })

static const struct file good_files[FILES_MAX] = {
    { "entry.wasm", { WASM, 8 } },
    F("ui/a.js"),
    F("ui/index.html"),
};

struct counted {
    size_t begun, ended;
    uint64_t bytes;
};

static enum ax_code count_file(void *arg, struct ax_str path, uint64_t size, struct ax_err *err)
{
    (void)path;
    (void)size;
    (void)err;
    ((struct counted *)arg)->begun++;
    return AX_OK;
}

static enum ax_code count_data(void *arg, struct ax_str chunk, struct ax_err *err)
{
    (void)err;
    ((struct counted *)arg)->bytes += chunk.len;
    return AX_OK;
}

static enum ax_code count_end(void *arg, struct ax_err *err)
{
    (void)err;
    ((struct counted *)arg)->ended++;
    return AX_OK;
}

TEST(bundle_says_what_it_holds)
{
    struct counted counted = { 0 };
    struct ax_archive_events events = { count_file, count_data, count_end, &counted };
    AX_AUTO(ax_bundle_free) struct ax_bundle *bundle = NULL;
    struct ax_digest wasm = ax_digest_of((struct ax_str){ WASM, 8 });
    uint64_t size = 0;
    AX_AUTO_FD int fd = make_bundle("\"ui\":{}", good_files, &size);

    T_OK(ax_bundle_read(fd, size, NULL, &events, &bundle, NULL));
    T_STR(ax_manifest_name(ax_bundle_manifest(bundle)), AX_STR("com.acme.hello"));
    T_TRUE(ax_str_starts(ax_bundle_manifest_text(bundle), AX_STR("{\"name\"")));
    T_TRUE(ax_bundle_has_module(bundle));
    T_TRUE(ax_bundle_has_ui(bundle));
    T_STR(ax_bundle_entry_path(bundle), AX_STR("entry.wasm"));
    T_STR(ax_bundle_entry(bundle), ((struct ax_str){ WASM, 8 }));
    T_EQ(ax_bundle_file_count(bundle), 4);
    T_STR(ax_bundle_file(bundle, 1)->path, AX_STR("entry.wasm"));
    T_TRUE(ax_digest_eq(&ax_bundle_file(bundle, 1)->sha256, &wasm));
    T_EQ(ax_bundle_file(bundle, 3)->size, 1);
    T_EQ(counted.begun, 4);
    T_EQ(counted.ended, 4);
    T_EQ(counted.bytes, ax_bundle_manifest_text(bundle).len + 8 + 2);
}

TEST(bundle_holds_only_what_its_manifest_allows)
{
    struct ax_err err = { .message = "" };

    T_OK(judge("", FILES(F("ui/index.html")), &err)); /* the smallest */
    T_OK(judge("", FILES(F("entry.wasm")), &err));
    T_OK(judge("", FILES(F("dist/main.wasm")), &err));
    T_CODE(judge("", FILES(F("dist/main.wasm"), F("entry.wasm")), &err), AX_E_INVALID_BUNDLE);
    T_OK(judge("\"entry\":\"a.wasm#x\"", FILES(F("a.wasm")), &err));
    T_CODE(judge("\"entry\":\"a.wasm\"", FILES(F("a.wasm"), F("entry.wasm")), &err),
           AX_E_INVALID_BUNDLE);
    T_CODE(judge("", FILES(F("README.md"), F("entry.wasm")), &err), AX_E_INVALID_BUNDLE);
    T_OK(judge("\"assets\":[\"*.md\"]", FILES(F("README.md"), F("entry.wasm")), &err));
    T_CODE(judge("\"assets\":[\"*.md\"]", FILES(F("docs/README.md"), F("entry.wasm")), &err),
           AX_E_INVALID_BUNDLE);
    T_CODE(judge("", FILES(F("entry.wasm"), F("sbom.json")), &err), AX_E_INVALID_BUNDLE);
    T_OK(judge("\"sbom\":\"sbom.json\"", FILES(F("entry.wasm"), F("sbom.json")), &err));
    T_CODE(judge("", FILES(F("entry.wasm"), F("uix/index.html")), &err), AX_E_INVALID_BUNDLE);
    T_CODE(judge("\"assets\":[\"**\"]", FILES(F("entry.wasm"), F("precompiled/a.cwasm")), &err),
           AX_E_INVALID_BUNDLE);
    T_OK(judge("\"precompiled\":{\"x\":\"precompiled/a.cwasm\"}", FILES(F("entry.wasm")), &err));
}

static void check_lacks(const char *members, const struct file *files, const char *pointer)
{
    struct ax_err err = { .message = "" };

    T_CODE(judge(members, files, &err), AX_E_INVALID_MANIFEST);
    T_STR(ax_str_of(err.pointer), ax_str_of(pointer));
}

#define ENDPOINT "\"api\":{\"endpoints\":[{\"method\":\"GET\",\"path\":\"/\",\"handler\":\"h\"}]}"

TEST(bundle_holds_all_that_its_manifest_names)
{
    check_lacks("\"entry\":\"a.wasm\"", FILES(F("ui/index.html")), "/entry");
    check_lacks("\"sbom\":\"s\"", FILES(F("ui/index.html")), "/sbom");
    check_lacks("\"icon\":\"ui/icon.svg\"", FILES(F("ui/index.html")), "/icon");
    T_OK(judge("\"icon\":\"ui/icon.svg\"", FILES(F("ui/icon.svg")), NULL));
    check_lacks("\"ui\":{}", FILES(F("entry.wasm")), "/ui/entry");
    check_lacks("\"ui\":{\"entry\":\"ui/a.html\"}", FILES(F("ui/index.html")), "/ui/entry");
    T_OK(judge("\"ui\":{\"entry\":\"ui/a.html\"}", FILES(F("ui/a.html")), NULL));
    check_lacks(ENDPOINT, FILES(F("ui/index.html")), "/api/endpoints");
    T_OK(judge(ENDPOINT, FILES(F("entry.wasm")), NULL));
    T_CODE(judge("", FILES({ NULL, { NULL, 0 } }), NULL), AX_E_INVALID_BUNDLE);
    T_CODE(judge("\"assets\":[\"a\"]", FILES(F("a")), NULL), AX_E_INVALID_BUNDLE);
}

TEST(bundle_with_a_wrong_manifest_says_where)
{
    struct ax_err err = { .message = "" };

    T_CODE(judge("\"limits\":{\"cpu_ms\":0}", good_files, &err), AX_E_INVALID_MANIFEST);
    T_STR(ax_str_of(err.pointer), AX_STR("/limits/cpu_ms"));
    T_CODE(judge("\"capabilities\":[\"ui.all\"]", good_files, &err), AX_E_UNKNOWN_CAPABILITY);
    T_STR(ax_str_of(err.pointer), AX_STR("/capabilities/0"));
}

static enum ax_code judge_wasm(size_t len)
{
    AX_AUTO_FREE char *bytes = ax_alloc(len);

    return judge("", FILES({ "entry.wasm", { bytes, len } }), NULL);
}

TEST(bundle_module_is_at_most_32_mib)
{
    T_OK(judge_wasm(AX_BUNDLE_WASM_MAX - 1));
    T_OK(judge_wasm(AX_BUNDLE_WASM_MAX));
    T_CODE(judge_wasm(AX_BUNDLE_WASM_MAX + 1), AX_E_TOO_BIG);
}

/* --- what was signed --- */

static enum ax_code judge_signed(const struct file *files,
                                 void (*change)(struct ax_statement *statement))
{
    AX_AUTO(ax_bundle_free) struct ax_bundle *bundle = NULL;
    AX_AUTO(ax_bundle_free) struct ax_bundle *again = NULL;
    struct ax_digest hash = ax_digest_of(AX_STR("any"));
    struct ax_statement statement;
    uint64_t size = 0;
    AX_AUTO_FD int fd = make_bundle("", files, &size);

    T_OK(ax_bundle_read(fd, size, NULL, NULL, &bundle, NULL));
    ax_bundle_statement(bundle, &hash, size, &statement);
    change(&statement);
    return ax_bundle_read(fd, size, &statement, NULL, &again, NULL);
}

static void change_nothing(struct ax_statement *statement)
{
    (void)statement;
}

static void change_name(struct ax_statement *statement)
{
    statement->name[0]++;
}

static void change_version(struct ax_statement *statement)
{
    statement->version[0]++;
}

static void change_manifest(struct ax_statement *statement)
{
    statement->manifest.bytes[0] ^= 1;
}

static void change_entry(struct ax_statement *statement)
{
    statement->entry.bytes[0] ^= 1;
}

static void change_presence(struct ax_statement *statement)
{
    statement->has_entry = !statement->has_entry;
}

TEST(bundle_is_the_one_that_was_signed)
{
    static void (*const changes[])(struct ax_statement *) = { change_name, change_version,
                                                              change_manifest, change_entry,
                                                              change_presence };
    const struct file *ui_only = FILES(F("ui/index.html"));

    T_OK(judge_signed(good_files, change_nothing));
    T_OK(judge_signed(ui_only, change_nothing));
    for (size_t i = 0; i < AX_ARRAY_LEN(changes); i++)
        T_CODE(judge_signed(good_files, changes[i]), AX_E_BUNDLE_REJECTED);
    T_CODE(judge_signed(ui_only, change_presence), AX_E_BUNDLE_REJECTED);
}

/* --- all of it, from the hash on --- */

static enum ax_code load(int fd, uint64_t size, struct ax_str envelope,
                         const struct ax_trust *trust)
{
    AX_AUTO(ax_bundle_free) struct ax_bundle *bundle = NULL;
    struct ax_statement statement;
    struct ax_digest hash;
    enum ax_code code = ax_sha256_fd(fd, size, hash.bytes, NULL);

    if (code == AX_OK)
        code = ax_bundle_verify(&hash, size, envelope, trust, 1800000000, &statement, NULL);
    return code == AX_OK ? ax_bundle_read(fd, size, &statement, NULL, &bundle, NULL) : code;
}

TEST(bundle_with_a_flipped_bit_is_refused_before_it_is_opened)
{
    AX_AUTO(ax_private_key_free) struct ax_private_key *key = NULL;
    AX_AUTO(ax_envelope_free) struct ax_envelope *envelope = NULL;
    AX_AUTO(ax_bundle_free) struct ax_bundle *bundle = NULL;
    AX_AUTO(ax_trust_free) struct ax_trust *trust = NULL;
    AX_AUTO_BUF struct ax_buf pem = { .max = AX_KEY_PEM_MAX };
    AX_AUTO_BUF struct ax_buf json = { .max = AX_ENVELOPE_BYTES_MAX };
    struct ax_statement statement;
    struct ax_digest hash;
    uint64_t size = 0;
    AX_AUTO_FD int fd = make_bundle("\"ui\":{}", good_files, &size);

    T_OK(ax_private_key_generate(AX_KEY_ED25519, &key, NULL));
    T_OK(ax_public_key_to_pem(ax_private_key_public(key), &pem));
    T_OK(ax_trust_parse(ax_buf_str(&pem), &trust, NULL));
    T_OK(ax_sha256_fd(fd, size, hash.bytes, NULL));
    T_OK(ax_bundle_read(fd, size, NULL, NULL, &bundle, NULL));
    ax_bundle_statement(bundle, &hash, size, &statement);
    statement.created_s = 1700000000;
    T_OK(ax_envelope_new(&statement, &envelope, NULL));
    T_OK(ax_envelope_sign(envelope, key, NULL));
    T_OK(ax_envelope_write(envelope, &json));
    T_OK(load(fd, size, ax_buf_str(&json), trust));
    for (uint64_t bit = 0; bit < 8 * size && bit < 8 * 4096; bit++) {
        char byte = 0;

        T_EQ(pread(fd, &byte, 1, (off_t)(bit / 8)), 1);
        byte ^= (char)(1 << bit % 8);
        T_EQ(pwrite(fd, &byte, 1, (off_t)(bit / 8)), 1);
        T_CODE(load(fd, size, ax_buf_str(&json), trust), AX_E_BUNDLE_REJECTED);
        byte ^= (char)(1 << bit % 8);
        T_EQ(pwrite(fd, &byte, 1, (off_t)(bit / 8)), 1);
    }
    for (uint64_t shorter = 0; shorter < size; shorter += 7)
        T_CODE(load(fd, shorter, ax_buf_str(&json), trust), AX_E_BUNDLE_REJECTED);
    T_EQ(pwrite(fd, "x", 1, (off_t)size), 1);
    T_CODE(load(fd, size + 1, ax_buf_str(&json), trust), AX_E_BUNDLE_REJECTED);
    T_OK(load(fd, size, ax_buf_str(&json), trust));
}

/* A caller that has seen enough at its third file. */
static enum ax_code enough_on_file(void *arg, struct ax_str path, uint64_t size, struct ax_err *err)
{
    struct counted *counted = arg;

    (void)path;
    (void)size;
    return ++counted->begun == 3 ? ax_err_set(err, AX_E_CANCELED, "enough") : AX_OK;
}

TEST(bundle_reading_ends_when_its_caller_says_so)
{
    struct counted counted = { 0 };
    struct ax_archive_events events = { enough_on_file, count_data, count_end, &counted };
    struct ax_bundle *bundle = NULL;
    uint64_t size = 0;
    AX_AUTO_FD int fd = make_bundle("", good_files, &size);

    T_CODE(ax_bundle_read(fd, size, NULL, &events, &bundle, NULL), AX_E_CANCELED);
    T_TRUE(bundle == NULL);
    T_EQ(counted.begun, 3);
    T_EQ(counted.ended, 2);
}

TEST(bundle_survives_every_refused_allocation)
{
    uint64_t size = 0;
    AX_AUTO_FD int fd = -1;

    ax_fault_arm(0);
    fd = make_bundle("\"ui\":{}", good_files, &size);
    T_SWEEP() {
        struct ax_bundle *bundle = NULL;
        enum ax_code code = ax_bundle_read(fd, size, NULL, NULL, &bundle, NULL);

        T_TRUE(code == AX_OK || code == AX_E_NO_MEMORY);
        T_TRUE((code == AX_OK) == (bundle != NULL));
        ax_bundle_free(bundle);
    }
}

TEST_MAIN()

/* SPDX-License-Identifier: Apache-2.0 */
/* loader_rig.c - what stands around the loader in its tests? */
#include "runner/loader_rig.h"

#include "base/clock.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MODULE_LEN 77
/* A module of core@1 that answers nothing: memory, alloc, handler. */
static const uint8_t module_bytes[MODULE_LEN] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x0d, 0x02, 0x60, 0x01, 0x7f, 0x01, 0x7f,
    0x60, 0x03, 0x7f, 0x7f, 0x7f, 0x01, 0x7f, 0x03, 0x03, 0x02, 0x00, 0x01, 0x05, 0x03, 0x01, 0x00,
    0x01, 0x07, 0x1c, 0x03, 0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 0x02, 0x00, 0x05, 0x61, 0x6c,
    0x6c, 0x6f, 0x63, 0x00, 0x00, 0x07, 0x68, 0x61, 0x6e, 0x64, 0x6c, 0x65, 0x72, 0x00, 0x01, 0x0a,
    0x0c, 0x02, 0x05, 0x00, 0x41, 0x80, 0x08, 0x0b, 0x04, 0x00, 0x41, 0x00, 0x0b,
};

/* --- folders and files --- */

static const char *rig_path(const struct rig *rig, const char *name, char room[256])
{
    snprintf(room, 256, "%s/%s", rig->path, name);
    return room;
}

static void write_file(const char *path, struct ax_str bytes)
{
    AX_AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    T_TRUE(fd >= 0);
    T_EQ(write(fd, bytes.ptr, bytes.len), (ssize_t)bytes.len);
}

static int open_dir(const struct rig *rig, const char *name)
{
    char room[256];
    int fd = open(rig_path(rig, name, room), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    T_TRUE(fd >= 0);
    return fd;
}

/* --- builders --- */

static enum ax_code builder_on_control(void *arg, const struct ax_frame *frame, int fd)
{
    (void)arg;
    ax_fd_close(&fd);
    return frame->type == AX_MSG_READY ? AX_OK : AX_E_INVALID_REQUEST;
}

static void builder_on_end(void *arg, enum ax_code code)
{
    struct rig_builder *builder = arg;

    (void)code;
    ax_channel_close(builder->control);
    builder->control = NULL;
}

static void tell_loader(struct rig *rig, uint8_t type, uint64_t id, uint32_t number)
{
    struct ax_buf *out;

    if (!rig->control)
        return;
    out = ax_channel_begin(rig->control, type, id, -1);
    ax_frame_put_u32(out, number);
    T_OK(ax_channel_end(rig->control));
}

static void builder_on_exit(struct ax_child *child, int status, void *arg)
{
    struct rig_builder *builder = arg;

    ax_child_free(child);
    builder->child = NULL;
    tell_loader(builder->rig, AX_MSG_BUILDER_EXIT, builder->id, (uint32_t)status);
    ax_loop_stop(&builder->rig->loop);
}

static void send_fd(struct ax_channel *channel, uint8_t type, uint64_t id, int fd, int kind)
{
    struct ax_buf *out = ax_channel_begin(channel, type, id, fd);

    if (type == AX_MSG_DIR || type == AX_MSG_PEER)
        ax_frame_put_u8(out, (uint8_t)kind);
    if (type == AX_MSG_PEER)
        ax_frame_put_u32(out, 0);
    if (type == AX_MSG_PEER || type == AX_MSG_BUILDER)
        ax_frame_put_u32(out, 0);
    T_OK(ax_channel_end(channel));
    close(fd);
}

static void rig_start_builder(struct rig *rig, uint64_t id)
{
    const struct ax_channel_limits limits = { 64u << 10, 64u << 10 };
    struct rig_builder *builder = &rig->builders[rig->builder_count++];
    const struct ax_channel_handler handler = { builder_on_control, builder_on_end, NULL, builder };
    const struct ax_child_spec spec = { rig->builder_role, rig->settings, AX_ROLE_BUILDER, 0, 0 };
    struct ax_err err;
    int control = -1, pair[2];

    T_TRUE(rig->builder_count <= RIG_BUILDERS_MAX);
    builder->rig = rig;
    builder->id = id;
    T_OK(ax_child_start(&rig->loop, &spec, builder_on_exit, builder, &builder->child, &control,
                        &err));
    if (rig->hold_builders)
        ax_child_kill(builder->child, SIGSTOP);
    builder->control = ax_channel_new(&rig->loop, control, &limits, &handler);
    T_OK(ax_channel_pair(pair));
    send_fd(builder->control, AX_MSG_PEER, 0, pair[0], AX_PEER_LOADER);
    send_fd(rig->control, AX_MSG_BUILDER, id, pair[1], 0);
}

void rig_release_builders(struct rig *rig)
{
    for (size_t i = 0; i < rig->builder_count; i++) {
        if (rig->builders[i].child)
            ax_child_kill(rig->builders[i].child, SIGCONT);
    }
}

void rig_wait_builders(struct rig *rig)
{
    for (size_t i = 0; i < rig->builder_count; i++) {
        while (rig->builders[i].child)
            ax_loop_run(&rig->loop);
    }
}

/* --- the loader --- */

static enum ax_code loader_on_control(void *arg, const struct ax_frame *frame, int fd)
{
    struct rig *rig = arg;

    ax_fd_close(&fd);
    if (frame->type == AX_MSG_READY) {
        rig->ready = true;
        ax_loop_stop(&rig->loop);
    } else if (frame->type == AX_MSG_WANT_BUILDER) {
        rig_start_builder(rig, frame->id);
    } else {
        T_EQ(frame->type, AX_MSG_KILL_BUILDER);
        for (size_t i = 0; i < rig->builder_count; i++) {
            if (rig->builders[i].child && rig->builders[i].id == frame->id)
                ax_child_kill(rig->builders[i].child, SIGKILL);
        }
    }
    return AX_OK;
}

static void loader_on_end(void *arg, enum ax_code code)
{
    struct rig *rig = arg;

    (void)code;
    ax_channel_close(rig->control);
    rig->control = NULL;
    ax_loop_stop(&rig->loop);
}

static void loader_on_exit(struct ax_child *child, int status, void *arg)
{
    struct rig *rig = arg;

    ax_child_free(child);
    rig->loader = NULL;
    rig->exit_status = status;
    ax_loop_stop(&rig->loop);
}

static void rig_load_settings(struct rig *rig)
{
    char trust[256], flag[300], program[] = "test";
    char *argv[12] = { program, flag };
    char *envp[] = { NULL };
    struct ax_err err;
    int argc = 2;

    snprintf(flag, sizeof(flag), "--signing-trust-bundle=%s", rig_path(rig, "trust.pem", trust));
    for (size_t i = 0; i < rig->flag_count; i++)
        argv[argc++] = rig->flags[i];
    ax_settings_free(rig->settings);
    rig->settings = NULL;
    T_OK(ax_settings_load(AX_PROGRAM_RUNNER, argc, argv, envp, &rig->settings, &err));
}

void rig_flag(struct rig *rig, const char *flag)
{
    T_TRUE(rig->flag_count < AX_ARRAY_LEN(rig->flags));
    rig->flags[rig->flag_count++] = ax_strdup(ax_str_of(flag));
}

void rig_start(struct rig *rig)
{
    const struct ax_channel_limits limits = { 64u << 10, 1u << 20 };
    const struct ax_channel_handler handler = { loader_on_control, loader_on_end, NULL, rig };
    struct ax_child_spec spec = { "loader", NULL, AX_ROLE_LOADER, 0, 0 };
    struct ax_err err;
    int control = -1;

    rig_load_settings(rig);
    spec.settings = rig->settings;
    rig->ready = false;
    T_OK(ax_child_start(&rig->loop, &spec, loader_on_exit, rig, &rig->loader, &control, &err));
    rig->control = ax_channel_new(&rig->loop, control, &limits, &handler);
    while (!rig->ready && rig->control)
        ax_loop_run(&rig->loop);
    T_TRUE(rig->ready);
    send_fd(rig->control, AX_MSG_DIR, 0, open_dir(rig, "state"), AX_DIR_STATE);
    send_fd(rig->control, AX_MSG_DIR, 0, open_dir(rig, "cache"), AX_DIR_CACHE);
    send_fd(rig->control, AX_MSG_DIR, 0, open_dir(rig, "store"), AX_DIR_STORE);
    rig_new_front(rig);
}

static void rig_reap(struct rig *rig)
{
    while (rig->loader || rig->control)
        ax_loop_run(&rig->loop);
    ax_channel_close(rig->front);
    rig->front = NULL;
    rig_wait_builders(rig);
    for (size_t i = 0; i < rig->builder_count; i++)
        ax_channel_close(rig->builders[i].control);
    memset(rig->builders, 0, sizeof(rig->builders));
    rig->builder_count = 0;
}

void rig_stop(struct rig *rig)
{
    struct ax_buf *out = ax_channel_begin(rig->control, AX_MSG_DRAIN, 0, -1);

    ax_frame_put_u64(out, 30000);
    T_OK(ax_channel_end(rig->control));
    ax_channel_close(rig->front);
    rig->front = NULL;
    rig_reap(rig);
    T_TRUE(WIFEXITED(rig->exit_status));
    T_EQ(WEXITSTATUS(rig->exit_status), 0);
}

void rig_kill(struct rig *rig)
{
    ax_child_kill(rig->loader, SIGKILL);
    rig_reap(rig);
}

/* --- the front --- */

static void answer_failure(struct rig_answer *answer, struct ax_reader *reader)
{
    struct ax_str words;

    answer->code = ax_reader_u32(reader);
    answer->retry_ms = ax_reader_u32(reader);
    words = ax_reader_str(reader);
    snprintf(answer->words, sizeof(answer->words), "%.*s", AX_STR_FMT(words));
    answer->done = true;
}

static void answer_module(struct rig_answer *answer, struct ax_reader *reader, int fd)
{
    const int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
    struct stat st;

    answer->abi = ax_reader_u8(reader);
    answer->manifest_len = ax_reader_str(reader).len;
    answer->code_size = -1;
    if (fd >= 0) {
        T_EQ(fstat(fd, &st), 0);
        T_EQ(fcntl(fd, F_GET_SEALS) & seals, seals);
        answer->code_size = st.st_size;
    }
    answer->done = true;
}

static enum ax_code front_on_frame(void *arg, const struct ax_frame *frame, int fd)
{
    struct rig *rig = arg;
    struct rig_answer *answer = &rig->answers[frame->id % RIG_ANSWERS_MAX];
    struct ax_reader reader = ax_reader_of(frame->payload);
    struct ax_str name;

    if (frame->type == AX_MSG_RECHECK) {
        rig->recheck_count++;
        return AX_OK;
    }
    if (frame->type == AX_MSG_CACHE) {
        rig->cache_writable = ax_reader_u8(&reader) == 1;
        T_TRUE(ax_reader_ok(&reader));
        return AX_OK;
    }
    T_FALSE(answer->done);
    if (frame->type == AX_MSG_STEP) {
        name = ax_reader_str(&reader);
        (void)ax_reader_u32(&reader);
        snprintf(answer->steps + strlen(answer->steps),
                 sizeof(answer->steps) - strlen(answer->steps), "%.*s ", AX_STR_FMT(name));
    } else if (frame->type == AX_MSG_FAIL) {
        answer_failure(answer, &reader);
    } else {
        T_EQ(frame->type, AX_MSG_HAVE);
        answer_module(answer, &reader, fd);
    }
    T_TRUE(ax_reader_ok(&reader));
    ax_fd_close(&fd);
    if (answer->done)
        ax_loop_stop(&rig->loop);
    return AX_OK;
}

static void front_on_end(void *arg, enum ax_code code)
{
    struct rig *rig = arg;

    (void)code;
    ax_channel_close(rig->front);
    rig->front = NULL;
    ax_loop_stop(&rig->loop);
}

void rig_new_front(struct rig *rig)
{
    const struct ax_channel_limits limits = { 1u << 20, 1u << 20 };
    const struct ax_channel_handler handler = { front_on_frame, front_on_end, NULL, rig };
    int pair[2];

    ax_channel_close(rig->front);
    T_OK(ax_channel_pair(pair));
    rig->front = ax_channel_new(&rig->loop, pair[0], &limits, &handler);
    send_fd(rig->control, AX_MSG_PEER, 0, pair[1], AX_PEER_FRONT);
}

uint64_t rig_ask(struct rig *rig, const struct ax_digest *hash)
{
    uint64_t id = ++rig->last_id;
    struct ax_buf *out = ax_channel_begin(rig->front, AX_MSG_GET, id, -1);

    rig->answers[id % RIG_ANSWERS_MAX] = (struct rig_answer){ .code = AX_OK };
    ax_frame_put_str(out, ax_str_make(hash->bytes, sizeof(hash->bytes)));
    ax_frame_put_str(out, AX_STR("com.acme.hello"));
    ax_frame_put_u64(out, ax_clock_mono_ms() + 30000);
    T_OK(ax_channel_end(rig->front));
    return id;
}

const struct rig_answer *rig_wait(struct rig *rig, uint64_t id)
{
    const struct rig_answer *answer = &rig->answers[id % RIG_ANSWERS_MAX];

    while (!answer->done) {
        T_TRUE(rig->front != NULL);
        ax_loop_run(&rig->loop);
    }
    return answer;
}

const struct rig_answer *rig_get(struct rig *rig, const struct ax_digest *hash)
{
    return rig_wait(rig, rig_ask(rig, hash));
}

/* --- keys and bundles --- */

void rig_trust(struct rig *rig, const struct ax_private_key *key)
{
    AX_AUTO_BUF struct ax_buf pem = { .max = 4096 };
    char room[256];
    int fd = -1;

    T_OK(ax_public_key_to_pem(ax_private_key_public(key), &pem));
    write_file(rig_path(rig, "trust.pem", room), ax_buf_str(&pem));
    if (!rig->control)
        return;
    T_OK(ax_role_settings_fd(rig->settings, AX_ROLE_LOADER, &fd));
    send_fd(rig->control, AX_MSG_RELOAD, 0, fd, 0);
}

static enum ax_code archive_write(void *arg, struct ax_str bytes, struct ax_err *err)
{
    (void)err;
    return ax_buf_append_str(arg, bytes);
}

static void archive_file(struct ax_archive_writer *writer, const char *path, struct ax_str bytes)
{
    T_OK(ax_archive_writer_file(writer, ax_str_of(path), bytes.len, NULL));
    if (bytes.len > 0)
        T_OK(ax_archive_writer_data(writer, bytes, NULL));
}

static const char *bundle_version(const struct rig_bundle *bundle)
{
    return bundle->version ? bundle->version : "1.0.0";
}

static struct ax_str bundle_manifest(const struct rig_bundle *bundle, char room[1024])
{
    int len = snprintf(room, 1024,
                       "{%s\"name\":\"com.acme.hello\",\"publisher\":\"acme\",\"version\":\"%s\","
                       "\"runtime\":\"core@1\"}",
                       bundle->manifest_more ? bundle->manifest_more : "", bundle_version(bundle));

    return ax_str_make(room, (size_t)len);
}

static struct ax_str bundle_module(const struct rig_bundle *bundle)
{
    return bundle->wasm ? ax_str_make(bundle->wasm, bundle->wasm_len)
                        : ax_str_make(module_bytes, sizeof(module_bytes));
}

static void bundle_pack(const struct rig_bundle *bundle, struct ax_buf *archive)
{
    const struct ax_archive_output output = { archive_write, archive };
    AX_AUTO(ax_archive_writer_free) struct ax_archive_writer *writer = NULL;
    AX_AUTO_FREE char *noise = ax_alloc(bundle->ui_bytes + 1);
    char room[1024];
    uint32_t state = 1;

    if (bundle->bytes.len > 0) {
        T_OK(ax_buf_append_str(archive, bundle->bytes));
        return;
    }
    for (size_t i = 0; i < bundle->ui_bytes; i++) {
        state = state * 1664525u + 1013904223u;
        noise[i] = (char)(state >> 24);
    }
    T_OK(ax_archive_writer_new(&output, &writer, NULL));
    archive_file(writer, "manifest.json", bundle_manifest(bundle, room));
    if (!bundle->without_module)
        archive_file(writer, "entry.wasm", bundle_module(bundle));
    archive_file(writer, "ui/big.bin", ax_str_make(noise, bundle->ui_bytes));
    archive_file(writer, "ui/index.html", AX_STR("<h1>hello</h1>"));
    T_OK(ax_archive_writer_finish(writer, NULL));
}

static void store_file(const struct rig *rig, const struct ax_digest *hash, const char *name,
                       struct ax_str bytes)
{
    char hex[AX_DIGEST_HEX_LEN + 1], path[256], file[160];

    ax_digest_hex(hash, hex);
    snprintf(file, sizeof(file), "store/sha256/%s", hex);
    mkdir(rig_path(rig, file, path), 0700);
    snprintf(file, sizeof(file), "store/sha256/%s/%s", hex, name);
    write_file(rig_path(rig, file, path), bytes);
}

static void sign(struct rig *rig, const struct ax_digest *hash, uint64_t size,
                 const struct rig_bundle *bundle)
{
    AX_AUTO(ax_envelope_free) struct ax_envelope *envelope = NULL;
    AX_AUTO_BUF struct ax_buf json = { .max = AX_ENVELOPE_BYTES_MAX };
    struct ax_statement statement = { .content_hash = *hash, .size = size };
    char room[1024];

    snprintf(statement.name, sizeof(statement.name), "%s",
             bundle->signed_name ? bundle->signed_name : "com.acme.hello");
    snprintf(statement.version, sizeof(statement.version), "%s",
             bundle->signed_version ? bundle->signed_version : bundle_version(bundle));
    statement.manifest = ax_digest_of(bundle_manifest(bundle, room));
    statement.has_entry = !bundle->without_module;
    if (statement.has_entry)
        statement.entry = ax_digest_of(bundle_module(bundle));
    statement.created_s = (bundle->expires_s ? bundle->expires_s : ax_clock_wall_s()) - 100;
    statement.expires_s = bundle->expires_s;
    T_OK(ax_envelope_new(&statement, &envelope, NULL));
    T_OK(ax_envelope_sign(envelope, bundle->signer ? bundle->signer : rig->key, NULL));
    T_OK(ax_envelope_write(envelope, &json));
    store_file(rig, hash, "bundle.dsse.json", ax_buf_str(&json));
}

struct ax_digest rig_publish(struct rig *rig, const struct rig_bundle *bundle)
{
    AX_AUTO_BUF struct ax_buf archive = { .max = 16u << 20 };
    struct ax_digest hash;
    uint64_t size;

    bundle_pack(bundle, &archive);
    hash = ax_digest_of(ax_buf_str(&archive));
    size = archive.len;
    if (bundle->flip > 0)
        archive.ptr[bundle->flip - 1] ^= 1;
    archive.len -= (size_t)bundle->cut;
    if (!bundle->not_stored)
        store_file(rig, &hash, "bundle.tar.zst", ax_buf_str(&archive));
    if (!bundle->not_signed)
        sign(rig, &hash, size, bundle);
    return hash;
}

void rig_sign_again(struct rig *rig, const struct ax_digest *hash, const struct rig_bundle *bundle)
{
    AX_AUTO_BUF struct ax_buf archive = { .max = 16u << 20 };

    bundle_pack(bundle, &archive);
    sign(rig, hash, archive.len, bundle);
}

void rig_unpublish(struct rig *rig, const struct ax_digest *hash)
{
    char hex[AX_DIGEST_HEX_LEN + 1], path[256], file[160];

    ax_digest_hex(hash, hex);
    snprintf(file, sizeof(file), "store/sha256/%s/bundle.tar.zst", hex);
    unlink(rig_path(rig, file, path));
    snprintf(file, sizeof(file), "store/sha256/%s/bundle.dsse.json", hex);
    unlink(rig_path(rig, file, path));
}

const char *rig_cache_path(const struct rig *rig, const struct ax_digest *hash, const char *name,
                           char room[256])
{
    char hex[AX_DIGEST_HEX_LEN + 1];

    ax_digest_hex(hash, hex);
    snprintf(room, 256, "%s/cache/%s/%s", rig->path, hex, name);
    return room;
}

/* --- beginning and end --- */

struct rig *rig_new(void)
{
    static const char *const folders[] = { "state", "cache", "store", "store/sha256" };
    struct rig *rig = ax_alloc(sizeof(*rig));
    char room[256];

    strcpy(rig->path, "/tmp/loader_test.XXXXXX");
    T_TRUE(mkdtemp(rig->path) != NULL);
    for (size_t i = 0; i < AX_ARRAY_LEN(folders); i++)
        T_EQ(mkdir(rig_path(rig, folders[i], room), 0700), 0);
    ax_loop_init(&rig->loop);
    rig->builder_role = "builder";
    T_OK(ax_private_key_generate(AX_KEY_ED25519, &rig->key, NULL));
    T_OK(ax_private_key_generate(AX_KEY_ED25519, &rig->other_key, NULL));
    rig_trust(rig, rig->key);
    return rig;
}

void rig_free(struct rig *rig)
{
    char command[128];

    T_TRUE(!rig->loader && !rig->control);
    ax_loop_done(&rig->loop);
    ax_settings_free(rig->settings);
    ax_private_key_free(rig->key);
    ax_private_key_free(rig->other_key);
    for (size_t i = 0; i < rig->flag_count; i++)
        free(rig->flags[i]);
    snprintf(command, sizeof(command), "rm -rf '%s'", rig->path);
    T_EQ(system(command), 0);
    free(rig);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* publish_kit.c - what does a test of publishing stand on? */
#include "registry/publish_kit.h"

#include "base/clock.h"
#include "bundle/bundle.h"
#include "store/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- a builder --- */

struct judgement {
    struct ax_job job;
    struct scene *scene;
    struct ax_publish_verdict *verdict;
};

static enum ax_code judgement_run(void *arg)
{
    struct judgement *judgement = arg;
    struct ax_publish_verdict *verdict = judgement->verdict;
    AX_AUTO(ax_envelope_free) struct ax_envelope *envelope = NULL;
    AX_AUTO(ax_bundle_free) struct ax_bundle *bundle = NULL;
    enum ax_code code = ax_envelope_parse(verdict->envelope, &envelope, &verdict->err);

    if (judgement->scene->builder_says != AX_OK)
        return ax_err_set(&verdict->err, judgement->scene->builder_says, "the builder says so");
    if (code == AX_OK)
        code = ax_bundle_read(verdict->bundle_fd, verdict->size, ax_envelope_statement(envelope),
                              NULL, &bundle, &verdict->err);
    if (code != AX_OK)
        return code;
    ax_buf_append_str(&verdict->manifest, ax_bundle_manifest_text(bundle));
    if (judgement->scene->builder_lies)
        ax_buf_append_str(&verdict->manifest, AX_STR(" "));
    verdict->has_module = ax_bundle_has_module(bundle);
    return AX_OK;
}

static void judgement_on_done(enum ax_code code, void *arg)
{
    struct judgement *judgement = arg;
    struct ax_publish_verdict *verdict = judgement->verdict;

    free(judgement);
    ax_op_complete(&verdict->op, code);
}

static void judgement_on_cancel(struct ax_op *op)
{
    struct ax_publish_verdict *verdict = AX_CONTAINER_OF(op, struct ax_publish_verdict, op);
    struct judgement *judgement = verdict->own;

    ax_op_cancel(&judgement->job.op);
}

static void scene_judge(void *arg, struct ax_publish_verdict *verdict, ax_op_done_fn *on_done,
                        void *on_done_arg)
{
    struct judgement *judgement = ax_alloc(sizeof(*judgement));
    struct scene *scene = arg;

    scene->judged++;
    judgement->scene = scene;
    judgement->verdict = verdict;
    verdict->own = judgement;
    ax_op_begin(&verdict->op, on_done, on_done_arg, judgement_on_cancel);
    ax_job_start(&scene->kit.loop, &judgement->job, judgement_run, judgement, judgement_on_done,
                 judgement);
}

/* --- the scene --- */

static enum ax_code run_key_add(struct ax_model *model, void *arg)
{
    AX_AUTO_BUF struct ax_buf pem = { .max = AX_KEY_PEM_MAX };
    struct ax_publisher_key key;

    T_OK(ax_public_key_to_pem(ax_private_key_public(arg), &pem));
    return ax_publisher_key_add(model, AX_STR("acme"), ax_buf_str(&pem), &key);
}

static void scene_on_idle(uv_idle_t *idle)
{
    struct scene *scene = idle->data;
    bool in_time = ++scene->turns == scene->stop_turn;

    if (!scene->watched)
        return;
    if (in_time || (scene->stop_at != 0 && scene->watched->state_ == scene->stop_at)) {
        scene->stop_at = 0;
        scene->on_stop(scene->watched);
    }
}

static int scene_folder(const struct scene *scene, const char *name)
{
    char path[128];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", scene->kit.kit.dir, name);
    T_TRUE(mkdir(path, 0700) == 0 || errno == EEXIST);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    T_TRUE(fd >= 0);
    return fd;
}

/* All that stands on the loop and the writer, which are there. */
static void scene_build(struct scene *scene)
{
    struct ax_publishes_parts parts;

    scene->uploads_fd = scene_folder(scene, "uploads");
    scene->store_fd = scene_folder(scene, "store");
    scene->spool = ax_spool_new(&scene->kit.loop, scene->uploads_fd);
    scene->store = ax_store_new_dir(&scene->kit.loop, scene->store_fd);
    parts = (struct ax_publishes_parts){
        .loop = &scene->kit.loop,
        .writer = scene->kit.writer,
        .spool = scene->spool,
        .store = scene->store,
        .builder = { scene_judge, scene },
        .platform_key = scene->platform_key,
    };
    scene->publishes = ax_publishes_new(&parts);
    uv_idle_init(&scene->kit.loop.uv, &scene->idle);
    scene->idle.data = scene;
}

static void scene_take_down(struct scene *scene)
{
    uv_close((uv_handle_t *)&scene->idle, NULL);
    ax_publishes_free(scene->publishes);
    ax_spool_free(scene->spool);
    ax_store_free(scene->store);
    close(scene->uploads_fd);
    close(scene->store_fd);
}

void scene_init(struct scene *scene)
{
    *scene = (struct scene){ .running = 0 };
    writer_kit_init(&scene->kit);
    T_OK(ax_private_key_generate(AX_KEY_ED25519, &scene->platform_key, NULL));
    T_OK(ax_private_key_generate(AX_KEY_P256, &scene->key, NULL));
    T_OK(writer_kit_run(&scene->kit, AX_QUERY_WRITE, run_key_add, scene->key));
    scene_build(scene);
}

void scene_done(struct scene *scene)
{
    scene_take_down(scene);
    ax_private_key_free(scene->platform_key);
    ax_private_key_free(scene->key);
    writer_kit_done(&scene->kit);
}

void scene_close(struct scene *scene)
{
    scene_take_down(scene);
    ax_writer_free(scene->kit.writer);
    ax_loop_done(&scene->kit.loop);
}

void scene_open(struct scene *scene)
{
    kit_open(&scene->kit.kit);
    ax_loop_init(&scene->kit.loop);
    scene->kit.writer = ax_writer_new(&scene->kit.loop, AX_TAKE(scene->kit.kit.db));
    scene_build(scene);
}

/* --- packages --- */

static void file_write(const char *dir, const char *name, const char *text)
{
    char path[256];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    file = fopen(path, "we");
    T_TRUE(file != NULL);
    T_TRUE(fputs(text, file) >= 0);
    T_EQ(fclose(file), 0);
}

void package_sign(struct package *package, const struct ax_private_key *key)
{
    AX_AUTO(ax_envelope_free) struct ax_envelope *envelope = NULL;
    AX_AUTO_BUF struct ax_buf json = { .max = AX_ENVELOPE_BYTES_MAX };

    T_OK(ax_envelope_new(&package->statement, &envelope, NULL));
    T_OK(ax_envelope_sign(envelope, key, NULL));
    T_OK(ax_envelope_write(envelope, &json));
    free(package->envelope);
    package->envelope = ax_strdup(ax_buf_str(&json));
}

struct package scene_pack(struct scene *scene, const char *name, const char *version,
                          const char *page, const struct ax_private_key *key)
{
    char dir[] = "/tmp/publish_pack.XXXXXX", command[64], ui[64];
    AX_AUTO(ax_bundle_free) struct ax_bundle *bundle = NULL;
    struct package package = { .fd = memfd_create("package", MFD_CLOEXEC) };
    struct ax_str manifest = kit_manifest(&scene->kit.kit, name, version,
                                          ",\"ui\":{\"type\":\"iframe\","
                                          "\"entry\":\"ui/index.html\"}");
    struct ax_digest hash;
    uint64_t size = 0;

    T_TRUE(package.fd >= 0 && mkdtemp(dir) != NULL);
    snprintf(ui, sizeof(ui), "%s/ui", dir);
    T_EQ(mkdir(ui, 0700), 0);
    file_write(dir, "manifest.json", manifest.ptr);
    file_write(dir, "ui/index.html", page);
    T_OK(ax_bundle_pack(dir, package.fd, &hash, &size, &scene->kit.kit.err));
    T_OK(ax_bundle_read(package.fd, size, NULL, NULL, &bundle, NULL));
    ax_bundle_statement(bundle, &hash, size, &package.statement);
    package.statement.created_s = ax_clock_wall_s();
    package_sign(&package, key ? key : scene->key);
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    T_EQ(system(command), 0);
    return package;
}

void package_done(struct package *package)
{
    ax_fd_close(&package->fd);
    free(package->envelope);
}

/* --- publishes --- */

struct upload_ask {
    struct try *try;
    const struct package *package;
};

static enum ax_code run_upload(struct ax_model *model, void *arg)
{
    const struct upload_ask *ask = arg;
    const struct ax_statement *statement = &ask->package->statement;
    struct ax_upload_new in = {
        .publisher = AX_STR("acme"),
        .name = ax_str_of(statement->name),
        .version = ax_str_of(statement->version),
        .envelope = ax_str_of(ask->package->envelope),
        .content_hash = statement->content_hash,
        .size = statement->size,
    };
    struct ax_upload upload;
    enum ax_code code = ax_upload_create(model, &in, &upload);

    if (code != AX_OK)
        return code;
    memcpy(ask->try->upload_id, upload.id.ptr, AX_ID_LEN);
    return ax_upload_set_received(model, upload.id);
}

void try_upload(struct scene *scene, struct try *try, const struct package *package)
{
    struct upload_ask ask = { try, package };
    uint64_t size = package->statement.size;
    AX_AUTO_FREE char *bytes = ax_alloc(size);
    AX_AUTO_FD int fd = -1;

    *try = (struct try){ .scene = scene };
    T_OK(writer_kit_run(&scene->kit, AX_QUERY_WRITE, run_upload, &ask));
    T_EQ(pread(package->fd, bytes, size, 0), (ssize_t)size);
    fd = openat(scene->uploads_fd, try->upload_id, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    T_EQ(write(fd, bytes, size), (ssize_t)size);
    ax_arena_init(&try->arena, 1u << 20);
}

static void try_on_done(enum ax_code code, void *arg)
{
    struct try *try = arg;

    try->code = code;
    try->ends++;
    T_EQ(code, try->publish.err.code);
    if (--try->scene->running == 0)
        ax_loop_stop(&try->scene->kit.loop);
}

void try_start(struct try *try)
{
    struct scene *scene = try->scene;

    try->publish.publisher = AX_STR("acme");
    try->publish.upload_id = ax_str_of(try->upload_id);
    try->publish.actor = (struct ax_actor){ AX_STR("ada"), AX_STR("req-7") };
    try->publish.arena = &try->arena;
    scene->running++;
    scene->watched = &try->publish;
    ax_publish_start(scene->publishes, &try->publish, try_on_done, try);
    T_EQ(try->ends, 0);
}

void scene_wait(struct scene *scene)
{
    scene->turns = 0;
    uv_idle_start(&scene->idle, scene_on_idle);
    if (scene->running > 0)
        ax_loop_run(&scene->kit.loop);
    uv_idle_stop(&scene->idle);
    scene->watched = NULL;
    T_EQ(scene->running, 0);
}

void try_done(struct try *try)
{
    T_EQ(try->ends, 1);
    ax_arena_done(&try->arena);
}

enum ax_code scene_publish(struct scene *scene, const struct package *package)
{
    struct try try;

    try_upload(scene, &try, package);
    try_start(&try);
    scene_wait(scene);
    try_done(&try);
    return try.code;
}

/* --- what is there --- */

static enum ax_code run_has_version(struct ax_model *model, void *arg)
{
    const struct package *package = arg;
    char hex[AX_DIGEST_HEX_LEN + 1];
    struct ax_version version;
    enum ax_code code = ax_version_get(model, ax_str_of(package->statement.name),
                                       ax_str_of(package->statement.version), &version);

    ax_digest_hex(&package->statement.content_hash, hex);
    if (code == AX_OK && !ax_str_eq(version.content_hash, ax_str_of(hex)))
        return ax_err_set(model->err, AX_E_NOT_FOUND, "other bytes");
    return code;
}

bool scene_has_version(struct scene *scene, const struct package *package)
{
    struct package copy = *package;
    enum ax_code code = writer_kit_run(&scene->kit, AX_QUERY_READ, run_has_version, &copy);

    T_TRUE(code == AX_OK || code == AX_E_NOT_FOUND);
    return code == AX_OK;
}

static enum ax_code run_has_upload(struct ax_model *model, void *arg)
{
    struct ax_upload upload;

    return ax_upload_get(model, AX_STR("acme"), ax_str_of(arg), &upload);
}

bool scene_has_upload(struct scene *scene, const struct try *try)
{
    char id[AX_ID_LEN + 1];
    bool row, bytes;

    memcpy(id, try->upload_id, sizeof(id));
    row = writer_kit_run(&scene->kit, AX_QUERY_READ, run_has_upload, id) == AX_OK;
    bytes = faccessat(scene->uploads_fd, id, F_OK, 0) == 0;
    T_EQ(row, bytes);
    return row;
}

struct got {
    struct scene *scene;
    enum ax_code code;
};

static void got_on_done(enum ax_code code, void *arg)
{
    struct got *got = arg;

    got->code = code;
    ax_loop_stop(&got->scene->kit.loop);
}

static struct ax_memfd scene_get(struct scene *scene, const struct package *package,
                                 enum ax_store_object object, struct ax_store_get *get)
{
    struct got got = { .scene = scene };
    struct ax_memfd view = AX_MEMFD_NONE;

    ax_store_get(scene->store, get, object, package->statement.content_hash.bytes, 1u << 20,
                 got_on_done, &got);
    ax_loop_run(&scene->kit.loop);
    T_OK(got.code);
    T_OK(ax_memfd_view(get->fd, 1u << 20, &view));
    return view;
}

void scene_is_whole(struct scene *scene, const struct package *package)
{
    AX_AUTO(ax_envelope_free) struct ax_envelope *envelope = NULL;
    struct ax_store_get get;
    struct ax_memfd view;

    T_TRUE(scene_has_version(scene, package));
    view = scene_get(scene, package, AX_STORE_BUNDLE, &get);
    T_EQ(get.size, package->statement.size);
    assert_memory_equal(get.sha256, package->statement.content_hash.bytes, AX_STORE_HASH);
    ax_memfd_done(&view);
    ax_store_get_done(&get);
    view = scene_get(scene, package, AX_STORE_ENVELOPE, &get);
    T_OK(ax_envelope_parse(ax_memfd_str(&view), &envelope, NULL));
    ax_memfd_done(&view);
    ax_store_get_done(&get);
    T_TRUE(ax_envelope_is_signed_by(envelope, ax_private_key_public(scene->key)));
    T_TRUE(ax_envelope_is_signed_by(envelope, ax_private_key_public(scene->platform_key)));
    T_EQ(ax_envelope_signature_count(envelope), 2);
}

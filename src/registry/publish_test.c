/* SPDX-License-Identifier: Apache-2.0 */
/* publish_test.c - does an upload become a whole version, or nothing? */
#include "registry/publish_kit.h"

#include "base/clock.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME "com.acme.page"

static struct package scene_page(struct scene *scene, const char *version, const char *page)
{
    return scene_pack(scene, NAME, version, page, NULL);
}

/* Published, refused for good (the upload is gone), or kept for another try. */
static void scene_refuses(struct scene *scene, const struct package *package, enum ax_code code,
                          bool keeps)
{
    struct try try;

    try_upload(scene, &try, package);
    try_start(&try);
    scene_wait(scene);
    T_CODE(try.code, code);
    T_FALSE(scene_has_version(scene, package));
    T_EQ(scene_has_upload(scene, &try), keeps);
    try_done(&try);
}

TEST(publish_makes_a_whole_version_and_ends_the_upload)
{
    struct package package;
    struct scene scene;
    struct try try;

    scene_init(&scene);
    package = scene_page(&scene, "1.0.0", "hello");
    try_upload(&scene, &try, &package);
    T_TRUE(scene_has_upload(&scene, &try));
    try_start(&try);
    scene_wait(&scene);
    T_OK(try.code);
    T_FALSE(try.publish.existed);
    T_STR(try.publish.version.name, AX_STR(NAME));
    T_STR(try.publish.version.version, AX_STR("1.0.0"));
    T_FALSE(try.publish.version.has_module);
    T_STR(try.publish.version.keyid, ax_public_key_id(ax_private_key_public(scene.key)));
    T_FALSE(scene_has_upload(&scene, &try));
    scene_is_whole(&scene, &package);
    T_OK(writer_kit_run(&scene.kit, AX_QUERY_READ, run_verify, NULL));
    try_done(&try);
    package_done(&package);
    scene_done(&scene);
}

TEST(publish_of_the_same_bytes_again_changes_nothing)
{
    struct counts before = { 0 }, after = { 0 };
    struct package package;
    struct scene scene;
    struct try try;

    scene_init(&scene);
    package = scene_page(&scene, "1.0.0", "hello");
    T_OK(scene_publish(&scene, &package));
    T_OK(writer_kit_run(&scene.kit, AX_QUERY_READ, run_count, &before));
    package.statement.created_s++; /* signed anew */
    package_sign(&package, scene.key);
    try_upload(&scene, &try, &package);
    try_start(&try);
    scene_wait(&scene);
    T_OK(try.code);
    T_TRUE(try.publish.existed);
    T_STR(try.publish.version.version, AX_STR("1.0.0"));
    T_FALSE(scene_has_upload(&scene, &try));
    T_OK(writer_kit_run(&scene.kit, AX_QUERY_READ, run_count, &after));
    assert_memory_equal(&before, &after, sizeof(before));
    T_EQ(scene.judged, 1);
    scene_is_whole(&scene, &package);
    try_done(&try);
    package_done(&package);
    scene_done(&scene);
}

TEST(publish_of_other_bytes_under_a_version_is_refused)
{
    struct package first, second, next;
    struct scene scene;

    scene_init(&scene);
    first = scene_page(&scene, "1.0.0", "hello");
    second = scene_page(&scene, "1.0.0", "other");
    next = scene_page(&scene, "1.0.1", "other");
    T_OK(scene_publish(&scene, &first));
    scene_refuses(&scene, &second, AX_E_VERSION_EXISTS, false);
    T_OK(scene_publish(&scene, &next));
    scene_is_whole(&scene, &first);
    scene_is_whole(&scene, &next);
    package_done(&first);
    package_done(&second);
    package_done(&next);
    scene_done(&scene);
}

TEST(publish_looks_at_whose_key_and_prefix_it_is)
{
    AX_AUTO(ax_private_key_free) struct ax_private_key *stranger = NULL;
    struct package unknown, foreign, good;
    struct scene scene;

    scene_init(&scene);
    T_OK(ax_private_key_generate(AX_KEY_ED25519, &stranger, NULL));
    unknown = scene_pack(&scene, NAME, "1.0.0", "hello", stranger);
    foreign = scene_pack(&scene, "com.bolt.page", "1.0.0", "hello", NULL);
    good = scene_page(&scene, "1.0.0", "hello");
    scene_refuses(&scene, &unknown, AX_E_FORBIDDEN, false);
    scene_refuses(&scene, &foreign, AX_E_FORBIDDEN, false);
    package_sign(&unknown, scene.platform_key); /* the platform's alone does not do */
    scene_refuses(&scene, &unknown, AX_E_FORBIDDEN, false);
    T_EQ(scene.judged, 0);
    T_OK(scene_publish(&scene, &good));
    package_done(&unknown);
    package_done(&foreign);
    package_done(&good);
    scene_done(&scene);
}

static enum ax_code run_revoke(struct ax_model *model, void *arg)
{
    return ax_publisher_key_revoke(model, AX_STR("acme"),
                                   ax_public_key_id(ax_private_key_public(arg)), AX_STR("lost"));
}

TEST(publish_by_a_revoked_key_is_refused)
{
    struct package before, after;
    struct scene scene;

    scene_init(&scene);
    before = scene_page(&scene, "1.0.0", "hello");
    after = scene_page(&scene, "1.0.1", "hello");
    T_OK(scene_publish(&scene, &before));
    T_OK(writer_kit_run(&scene.kit, AX_QUERY_WRITE, run_revoke, scene.key));
    scene_refuses(&scene, &after, AX_E_FORBIDDEN, false);
    package_done(&before);
    package_done(&after);
    scene_done(&scene);
}

TEST(publish_refuses_what_was_not_signed)
{
    struct package package, other;
    struct scene scene;
    char *good;

    scene_init(&scene);
    package = scene_page(&scene, "1.0.0", "hello");
    other = scene_page(&scene, "1.0.1", "hello");
    good = package.envelope;
    package.envelope = other.envelope; /* about another bundle */
    scene_refuses(&scene, &package, AX_E_INVALID_BUNDLE, false);
    package.envelope = ax_strdup(AX_STR("{}"));
    scene_refuses(&scene, &package, AX_E_INVALID_BUNDLE, false);
    package.statement.created_s = ax_clock_wall_s() - 200;
    package.statement.expires_s = ax_clock_wall_s() - 100;
    package_sign(&package, scene.key);
    scene_refuses(&scene, &package, AX_E_INVALID_BUNDLE, false);
    package.statement.expires_s = 0;
    package.statement.manifest.bytes[0] ^= 1; /* the builder sees that */
    package_sign(&package, scene.key);
    T_EQ(scene.judged, 0);
    scene_refuses(&scene, &package, AX_E_INVALID_BUNDLE, false);
    T_EQ(scene.judged, 1);
    free(package.envelope);
    package.envelope = good;
    T_OK(scene_publish(&scene, &package));
    package_done(&package);
    package_done(&other);
    scene_done(&scene);
}

TEST(publish_reads_what_was_announced_and_nothing_else)
{
    struct package package;
    struct scene scene;
    struct try try;
    char byte = 'x';
    int fd;

    scene_init(&scene);
    package = scene_page(&scene, "1.0.0", "hello");
    for (unsigned i = 0; i < 3; i++) { /* another byte, one too few, one too many */
        off_t size = (off_t)package.statement.size;

        try_upload(&scene, &try, &package);
        fd = openat(scene.uploads_fd, try.upload_id, O_WRONLY | O_CLOEXEC);
        if (i == 1)
            T_EQ(ftruncate(fd, size - 1), 0);
        else
            T_EQ(pwrite(fd, &byte, 1, i == 0 ? size / 2 : size), 1);
        close(fd);
        try_start(&try);
        scene_wait(&scene);
        T_CODE(try.code, AX_E_INVALID_BUNDLE);
        T_FALSE(scene_has_upload(&scene, &try));
        try_done(&try);
    }
    T_EQ(scene.judged, 0);
    T_OK(scene_publish(&scene, &package));
    package_done(&package);
    scene_done(&scene);
}

static enum ax_code run_not_received(struct ax_model *model, void *arg)
{
    return ax_db_run(model->db, model->err, "UPDATE uploads SET received = 0 WHERE id = $1",
                     b_cstr(arg));
}

TEST(publish_needs_an_upload_that_has_arrived)
{
    struct package package;
    struct scene scene;
    struct try try;

    scene_init(&scene);
    package = scene_page(&scene, "1.0.0", "hello");
    try_upload(&scene, &try, &package);
    T_OK(writer_kit_run(&scene.kit, AX_QUERY_WRITE, run_not_received, try.upload_id));
    try_start(&try);
    scene_wait(&scene);
    T_CODE(try.code, AX_E_CONFLICT);
    T_TRUE(scene_has_upload(&scene, &try));
    try_done(&try);
    T_OK(scene_publish(&scene, &package));
    package_done(&package);
    scene_done(&scene);
}

TEST(publish_keeps_the_upload_when_another_try_may_succeed)
{
    static const struct {
        enum ax_code says, code;
        bool keeps;
    } cases[] = {
        { AX_E_OVERLOADED, AX_E_OVERLOADED, true },
        { AX_E_IO, AX_E_IO, true },
        { AX_E_BUNDLE_REJECTED, AX_E_INVALID_BUNDLE, false },
        { AX_E_INVALID_MANIFEST, AX_E_INVALID_MANIFEST, false },
        { AX_E_UNKNOWN_CAPABILITY, AX_E_UNKNOWN_CAPABILITY, false },
        { AX_E_TOO_BIG, AX_E_TOO_BIG, false },
    };
    struct package package;
    struct scene scene;

    scene_init(&scene);
    package = scene_page(&scene, "1.0.0", "hello");
    for (size_t i = 0; i < AX_ARRAY_LEN(cases); i++) {
        scene.builder_says = cases[i].says;
        scene_refuses(&scene, &package, cases[i].code, cases[i].keeps);
    }
    scene.builder_says = AX_OK;
    scene.builder_lies = true;
    scene_refuses(&scene, &package, AX_E_INVALID_BUNDLE, false);
    scene.builder_lies = false;
    T_EQ(faccessat(scene.store_fd, "sha256", F_OK, 0), -1); /* nothing got that far */
    T_OK(scene_publish(&scene, &package));
    scene_is_whole(&scene, &package);
    package_done(&package);
    scene_done(&scene);
}

static void envelope_place(const struct package *package, char room[AX_STORE_NAME_MAX])
{
    ax_store_object_name(AX_STORE_ENVELOPE, package->statement.content_hash.bytes, room);
}

TEST(publish_survives_a_store_that_refuses)
{
    char place[AX_STORE_NAME_MAX];
    struct package package;
    struct scene scene;
    struct try try;

    scene_init(&scene);
    package = scene_page(&scene, "1.0.0", "hello");
    T_EQ(close(openat(scene.store_fd, ".put", O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
    scene_refuses(&scene, &package, AX_E_BUNDLE_UNAVAILABLE, true);
    T_EQ(unlinkat(scene.store_fd, ".put", 0), 0);
    try_upload(&scene, &try, &package);
    try_start(&try);
    scene_wait(&scene);
    T_OK(try.code);
    try_done(&try);
    package_done(&package);
    package = scene_page(&scene, "1.0.1", "hello");
    envelope_place(&package, place);
    *strrchr(place, '/') = '\0';
    T_EQ(mkdirat(scene.store_fd, place, 0700), 0);
    envelope_place(&package, place);
    T_EQ(mkdirat(scene.store_fd, place, 0700), 0); /* the bundle fits, the envelope does not */
    scene_refuses(&scene, &package, AX_E_CONFLICT, true);
    T_EQ(unlinkat(scene.store_fd, place, AT_REMOVEDIR), 0);
    T_OK(scene_publish(&scene, &package));
    scene_is_whole(&scene, &package);
    package_done(&package);
    scene_done(&scene);
}

TEST(publish_takes_the_place_of_an_envelope_that_a_dead_one_left)
{
    static const char *const left[] = { "", "{}", "a longer text that is no envelope either" };
    char place[AX_STORE_NAME_MAX], version[16];
    struct scene scene;

    scene_init(&scene);
    for (unsigned i = 0; i < AX_ARRAY_LEN(left); i++) {
        struct package package;
        int fd;

        snprintf(version, sizeof(version), "1.0.%u", i);
        package = scene_page(&scene, version, "hello");
        envelope_place(&package, place);
        mkdirat(scene.store_fd, "sha256", 0700);
        *strrchr(place, '/') = '\0';
        T_EQ(mkdirat(scene.store_fd, place, 0700), 0);
        envelope_place(&package, place);
        fd = openat(scene.store_fd, place, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        T_EQ(write(fd, left[i], strlen(left[i])), (ssize_t)strlen(left[i]));
        close(fd);
        T_OK(scene_publish(&scene, &package));
        scene_is_whole(&scene, &package);
        package_done(&package);
    }
    scene_done(&scene);
}

TEST(publish_is_not_seen_while_the_database_refuses)
{
    struct ax_db *other = NULL;
    struct package package;
    struct scene scene;
    struct ax_err err;
    struct try try;

    scene_init(&scene);
    package = scene_page(&scene, "1.0.0", "hello");
    try_upload(&scene, &try, &package);
    T_OK(ax_db_open(scene.kit.kit.path, &other, &err));
    T_OK(ax_db_run(other, &err, "BEGIN IMMEDIATE"));
    try.publish.deadline_ms = ax_loop_now_ms(&scene.kit.loop) + 1000;
    try_start(&try);
    scene_wait(&scene);
    T_CODE(try.code, AX_E_REGISTRY_UNAVAILABLE);
    T_OK(ax_db_run(other, &err, "ROLLBACK"));
    ax_db_close(other);
    T_FALSE(scene_has_version(&scene, &package));
    T_TRUE(scene_has_upload(&scene, &try));
    ax_arena_reset(&try.arena);
    try.ends = 0;
    try.publish = (struct ax_publish){ .deadline_ms = 0 };
    try_start(&try);
    scene_wait(&scene);
    T_OK(try.code);
    scene_is_whole(&scene, &package);
    try_done(&try);
    package_done(&package);
    scene_done(&scene);
}

/* --- many at once --- */

TEST(two_publishes_of_one_version_at_once_make_one)
{
    struct package package;
    struct scene scene;
    struct try tries[6];
    unsigned made = 0;

    scene_init(&scene);
    package = scene_page(&scene, "1.0.0", "hello");
    for (size_t i = 0; i < AX_ARRAY_LEN(tries); i++) {
        package.statement.created_s++; /* each with an envelope of its own */
        package_sign(&package, scene.key);
        try_upload(&scene, &tries[i], &package);
    }
    for (size_t i = 0; i < AX_ARRAY_LEN(tries); i++)
        try_start(&tries[i]);
    scene_wait(&scene);
    for (size_t i = 0; i < AX_ARRAY_LEN(tries); i++) {
        T_OK(tries[i].code);
        made += !tries[i].publish.existed;
        T_FALSE(scene_has_upload(&scene, &tries[i]));
        try_done(&tries[i]);
    }
    T_EQ(made, 1);
    T_EQ(scene.judged, 1);
    scene_is_whole(&scene, &package);
    package_done(&package);
    scene_done(&scene);
}

TEST(of_two_publishes_of_other_bytes_at_once_one_is_refused)
{
    struct package packages[2];
    struct scene scene;
    struct try tries[2];

    scene_init(&scene);
    packages[0] = scene_page(&scene, "1.0.0", "hello");
    packages[1] = scene_page(&scene, "1.0.0", "other");
    for (size_t i = 0; i < 2; i++)
        try_upload(&scene, &tries[i], &packages[i]);
    for (size_t i = 0; i < 2; i++)
        try_start(&tries[i]);
    scene_wait(&scene);
    T_OK(tries[0].code);
    T_CODE(tries[1].code, AX_E_VERSION_EXISTS);
    scene_is_whole(&scene, &packages[0]);
    for (size_t i = 0; i < 2; i++) {
        try_done(&tries[i]);
        package_done(&packages[i]);
    }
    scene_done(&scene);
}

TEST(publishes_of_many_versions_at_once_all_succeed)
{
    struct package packages[AX_PUBLISHES_AT_ONCE + 1];
    struct try tries[AX_PUBLISHES_AT_ONCE + 1];
    struct scene scene;
    char version[16];

    scene_init(&scene);
    for (unsigned i = 0; i < AX_ARRAY_LEN(tries); i++) {
        snprintf(version, sizeof(version), "1.0.%u", i);
        packages[i] = scene_page(&scene, version, "hello");
        try_upload(&scene, &tries[i], &packages[i]);
    }
    for (size_t i = 0; i < AX_ARRAY_LEN(tries); i++)
        try_start(&tries[i]);
    scene_wait(&scene);
    T_EQ(scene.judged, AX_ARRAY_LEN(tries));
    for (size_t i = 0; i < AX_ARRAY_LEN(tries); i++) {
        T_OK(tries[i].code);
        scene_is_whole(&scene, &packages[i]);
        try_done(&tries[i]);
        package_done(&packages[i]);
    }
    scene_done(&scene);
}

TEST(publishes_beyond_the_limit_are_told_to_wait)
{
    static const size_t counts[] = { AX_PUBLISHES_MAX - 1, AX_PUBLISHES_MAX, AX_PUBLISHES_MAX + 1 };
    struct try *tries = ax_alloc((AX_PUBLISHES_MAX + 1) * sizeof(*tries));
    struct scene scene;

    scene_init(&scene);
    for (size_t c = 0; c < AX_ARRAY_LEN(counts); c++) {
        unsigned refused = 0;

        for (size_t i = 0; i < counts[c]; i++) {
            tries[i] = (struct try){ .scene = &scene };
            ax_id_make("upl_", tries[i].upload_id); /* of nobody */
            ax_arena_init(&tries[i].arena, 1u << 20);
            try_start(&tries[i]);
        }
        scene_wait(&scene);
        for (size_t i = 0; i < counts[c]; i++) {
            T_TRUE(tries[i].code == AX_E_NOT_FOUND || tries[i].code == AX_E_OVERLOADED);
            refused += tries[i].code == AX_E_OVERLOADED;
            try_done(&tries[i]);
        }
        T_EQ(refused, counts[c] > AX_PUBLISHES_MAX ? 1 : 0);
    }
    free(tries);
    scene_done(&scene);
}

/* --- interrupted --- */

static void stop_by_cancel(struct ax_publish *publish)
{
    ax_op_cancel(&publish->op);
}

/* In every state: nothing or a whole version, and the next try succeeds. */
TEST(publish_canceled_in_each_state_leaves_nothing_or_a_whole_version)
{
    struct scene scene;
    unsigned canceled = 0;
    char version[16];

    scene_init(&scene);
    scene.on_stop = stop_by_cancel;
    for (enum publish_state at = PUBLISH_CHECK; at <= PUBLISH_CLEAN; at++) {
        struct package package;
        struct try try;

        snprintf(version, sizeof(version), "1.0.%d", (int)at);
        package = scene_page(&scene, version, "hello");
        try_upload(&scene, &try, &package);
        scene.stop_at = at;
        try_start(&try);
        scene_wait(&scene);
        canceled += try.code == AX_E_CANCELED;
        T_TRUE(try.code == AX_OK || try.code == AX_E_CANCELED);
        T_EQ(scene_has_version(&scene, &package), try.code == AX_OK);
        T_EQ(scene_has_upload(&scene, &try), try.code != AX_OK);
        try_done(&try);
        scene.stop_at = 0;
        T_OK(scene_publish(&scene, &package));
        scene_is_whole(&scene, &package);
        package_done(&package);
    }
    T_TRUE(canceled >= 6);
    scene_done(&scene);
}

TEST(publish_canceled_in_line_lets_the_others_go_on)
{
    struct package package;
    struct scene scene;
    struct try tries[3];

    scene_init(&scene);
    package = scene_page(&scene, "1.0.0", "hello");
    for (size_t i = 0; i < 3; i++)
        try_upload(&scene, &tries[i], &package);
    for (size_t i = 0; i < 3; i++)
        try_start(&tries[i]);
    scene.watched = &tries[1].publish;
    scene.stop_at = PUBLISH_LINE;
    scene.on_stop = stop_by_cancel;
    scene_wait(&scene);
    T_OK(tries[0].code);
    T_CODE(tries[1].code, AX_E_CANCELED);
    T_OK(tries[2].code);
    T_TRUE(scene_has_upload(&scene, &tries[1]));
    scene_is_whole(&scene, &package);
    for (size_t i = 0; i < 3; i++)
        try_done(&tries[i]);
    package_done(&package);
    scene_done(&scene);
}

/* --- kill -9 --- */

static void stop_by_kill(struct ax_publish *publish)
{
    (void)publish;
    raise(SIGKILL);
}

/* Publishes in a process of its own that dies, and then says what is left: nothing, after which
 * the same upload may be published, or a whole version. True when it was whole. */
static bool scene_dies(struct scene *scene, const struct package *package)
{
    struct try try;
    int status = 0;
    bool whole;
    pid_t pid;

    try_upload(scene, &try, package);
    scene_close(scene);
    pid = fork();
    if (pid == 0) {
        scene_open(scene);
        scene->on_stop = stop_by_kill;
        try_start(&try);
        scene_wait(scene);
        _exit(try.code == AX_OK ? 0 : 1); /* it was quicker */
    }
    T_EQ(waitpid(pid, &status, 0), pid);
    T_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    scene->stop_at = 0;
    scene->stop_turn = 0;
    scene_open(scene);
    whole = scene_has_version(scene, package);
    if (!whole) {
        try_start(&try);
        scene_wait(scene);
        T_OK(try.code);
        T_FALSE(try.publish.existed);
    }
    ax_arena_done(&try.arena);
    scene_is_whole(scene, package);
    return whole;
}

TEST(publish_killed_in_each_state_leaves_nothing_or_a_whole_version)
{
    struct scene scene;
    unsigned whole = 0, none = 0;
    char version[16];

    scene_init(&scene);
    for (enum publish_state at = PUBLISH_CHECK; at <= PUBLISH_CLEAN; at++) {
        struct package package;

        snprintf(version, sizeof(version), "1.0.%d", (int)at);
        package = scene_page(&scene, version, "hello");
        scene.stop_at = at;
        *(scene_dies(&scene, &package) ? &whole : &none) += 1;
        package_done(&package);
    }
    T_TRUE(none >= 6 && whole >= 1);
    T_OK(writer_kit_run(&scene.kit, AX_QUERY_READ, run_verify, NULL));
    scene_done(&scene);
}

TEST(publish_killed_at_fifty_moments_leaves_nothing_or_a_whole_version)
{
    struct scene scene;
    unsigned turns, none = 0;
    struct package package;
    char version[16];

    scene_init(&scene);
    package = scene_page(&scene, "0.9.0", "hello");
    T_OK(scene_publish(&scene, &package));
    package_done(&package);
    turns = scene.turns;
    for (unsigned i = 0; i < 50; i++) {
        snprintf(version, sizeof(version), "1.0.%u", i);
        package = scene_page(&scene, version, "hello");
        scene.stop_turn = 1 + i * turns / 35; /* some come too late */
        none += !scene_dies(&scene, &package);
        package_done(&package);
    }
    T_TRUE(none >= 1); /* how far a turn of the loop gets is the machine's business */
    T_OK(writer_kit_run(&scene.kit, AX_QUERY_READ, run_verify, NULL));
    scene_done(&scene);
}

TEST_MAIN()

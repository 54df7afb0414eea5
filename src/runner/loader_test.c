/* SPDX-License-Identifier: Apache-2.0 */
/* loader_test.c - does a hash become machine code once, and nothing else ever?
 *
 * Loader and builders are processes of their own, as in the product: this program in those roles. A
 * builder that was taken over by its bundle is played by the roles that begin with "evil-". */
#include "runner/loader.h"

#include "base/clock.h"
#include "runner/build_message.h"
#include "runner/builder.h"
#include "runner/loader_rig.h"
#include "store/memfd.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* --- builders that are not what they should be --- */

struct evil {
    struct ax_loop loop;
    const char *name;
    struct ax_channel *control, *loader;
};

static int sealed_fd(struct ax_str bytes)
{
    struct ax_memfd memfd = AX_MEMFD_NONE;

    if (ax_memfd_new("evil", 0, &memfd) != AX_OK || ax_memfd_append(&memfd, bytes) != AX_OK ||
        ax_memfd_seal(&memfd, memfd.size) != AX_OK)
        abort();
    return ax_memfd_take(&memfd);
}

static void evil_files(struct evil *evil, const char *path, uint64_t size, struct ax_str pack)
{
    AX_AUTO_FD int fd = sealed_fd(pack);
    struct ax_buf *out = ax_channel_begin(evil->loader, AX_BUILD_FILES, 1, fd);

    ax_frame_put_u32(out, 1);
    ax_frame_put_str(out, ax_str_of(path));
    ax_frame_put_u64(out, size);
    (void)ax_channel_end(evil->loader);
}

static void evil_done(struct evil *evil, struct ax_str manifest, int fd)
{
    struct ax_buf *out = ax_channel_begin(evil->loader, AX_BUILD_DONE, 1, fd);
    uint8_t digest[32] = { 0 };

    ax_frame_put_u8(out, fd < 0 ? AX_ABI_NONE : AX_ABI_CORE);
    ax_frame_put_str(out, manifest);
    ax_frame_put_str(out, ax_str_make(digest, fd < 0 ? 0 : sizeof(digest)));
    (void)ax_channel_end(evil->loader);
}

/* A frame of a builder's kinds, or nearly, with anything in it. */
static void evil_noise(struct evil *evil, unsigned *seed)
{
    AX_AUTO_FD int fd = rand_r(seed) % 2 ? sealed_fd(AX_STR("pack")) : -1;
    uint8_t type = (uint8_t)(AX_BUILD_JOB + rand_r(seed) % 5);
    struct ax_buf *out = ax_channel_begin(evil->loader, type, 1, fd);
    int fields = rand_r(seed) % 6;

    for (int i = 0; i < fields; i++) {
        switch (rand_r(seed) % 5) {
        case 0: ax_frame_put_u8(out, (uint8_t)(rand_r(seed) % 4)); break;
        case 1: ax_frame_put_u32(out, (uint32_t)(rand_r(seed) % 3)); break;
        case 2: ax_frame_put_u32(out, (uint32_t)rand_r(seed)); break;
        case 3: ax_frame_put_u64(out, (uint64_t)(rand_r(seed) % 5)); break;
        default: ax_frame_put_str(out, AX_STR("ui/x")); break;
        }
    }
    (void)ax_channel_end(evil->loader);
}

static enum ax_code evil_on_job(void *arg, const struct ax_frame *frame, int job_fd)
{
    struct evil *evil = arg;
    AX_AUTO_FD int code_fd = sealed_fd(AX_STR("evil code"));

    ax_fd_close(&job_fd);
    if (strcmp(evil->name, "evil-abort") == 0)
        signal(SIGABRT, SIG_DFL), abort();
    else if (strcmp(evil->name, "evil-cpu") == 0)
        raise(SIGXCPU);
    else if (strcmp(evil->name, "evil-exit") == 0)
        _exit(3);
    else if (strcmp(evil->name, "evil-path") == 0)
        evil_files(evil, "ui/../../x", 4, AX_STR("pack"));
    else if (strcmp(evil->name, "evil-size") == 0)
        evil_files(evil, "ui/x", UINT64_MAX, AX_STR("pack"));
    else if (strcmp(evil->name, "evil-order") == 0)
        evil_done(evil, AX_STR("{}"), code_fd);
    else if (strcmp(evil->name, "evil-swap") == 0) {
        evil_files(evil, "ui/x", 4, AX_STR("pack"));
        evil_done(evil, AX_STR("{}"), code_fd);
    } else if (strcmp(evil->name, "evil-noise") == 0) {
        unsigned seed = (unsigned)frame->id;

        for (unsigned i = 0; i < 20; i++)
            evil_noise(evil, &seed);
    } else if (strcmp(evil->name, "evil-open") == 0) {
        AX_AUTO_FD int open_fd = memfd_create("open", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        evil_files(evil, "ui/x", 4, AX_STR("pack"));
        (void)!write(open_fd, "code", 4);
        evil_done(evil, AX_STR("{}"), open_fd);
    }
    return AX_OK;
}

static void evil_on_end(void *arg, enum ax_code code)
{
    (void)arg;
    (void)code;
    _exit(0);
}

static enum ax_code evil_on_control(void *arg, const struct ax_frame *frame, int fd)
{
    const struct ax_channel_limits limits = { 64u << 10, 1u << 20 };
    struct evil *evil = arg;
    const struct ax_channel_handler handler = { evil_on_job, evil_on_end, NULL, evil };

    (void)frame;
    evil->loader = ax_channel_new(&evil->loop, fd, &limits, &handler);
    return AX_OK;
}

static int evil_run(const char *name)
{
    const struct ax_channel_limits limits = { 64u << 10, 64u << 10 };
    struct evil evil = { .name = name };
    const struct ax_channel_handler handler = { evil_on_control, evil_on_end, NULL, &evil };
    const struct rlimit no_core = { 0, 0 };

    setrlimit(RLIMIT_CORE, &no_core);
    ax_loop_init(&evil.loop);
    evil.control = ax_channel_new(&evil.loop, AX_ROLE_CONTROL_FD, &limits, &handler);
    ax_loop_run(&evil.loop);
    return 0;
}

/* --- loading --- */

static void is_good(const struct rig_answer *answer, const char *steps)
{
    T_STR(ax_str_of(answer->words), AX_STR(""));
    T_OK(answer->code);
    T_EQ(answer->abi, AX_ABI_CORE);
    T_TRUE(answer->code_size > 0);
    T_TRUE(answer->manifest_len > 10);
    T_STR(ax_str_of(answer->steps), ax_str_of(steps));
}

static void is_refused(const struct rig_answer *answer, enum ax_code code, const char *words)
{
    T_CODE(answer->code, code);
    if (!strstr(answer->words, words))
        T_STR(ax_str_of(answer->words), ax_str_of(words));
    T_EQ(answer->retry_ms > 0, code != AX_E_BUNDLE_REJECTED && code != AX_E_BUNDLE_REVOKED);
}

TEST(loader_takes_a_bundle_from_the_store_once_and_then_from_its_cache)
{
    struct rig *rig = rig_new();
    struct ax_digest hash = rig_publish(rig, &(struct rig_bundle){ .ui_bytes = 1000 });

    rig_start(rig);
    is_good(rig_get(rig, &hash), "fetched verified compiled ");
    T_EQ(rig->builder_count, 1);
    rig_stop(rig);
    rig_unpublish(rig, &hash);
    rig_start(rig);
    is_good(rig_get(rig, &hash), "cached ");
    is_good(rig_get(rig, &hash), "cached ");
    T_EQ(rig->builder_count, 0);
    rig_stop(rig);
    rig_free(rig);
}

TEST(loader_takes_an_interface_without_a_module)
{
    struct rig *rig = rig_new();
    struct ax_digest hash = rig_publish(rig, &(struct rig_bundle){ .without_module = true });
    const struct rig_answer *answer;

    for (unsigned round = 0; round < 2; round++) {
        rig_start(rig);
        answer = rig_get(rig, &hash);
        T_OK(answer->code);
        T_EQ(answer->abi, AX_ABI_NONE);
        T_EQ(answer->code_size, -1);
        T_STR(ax_str_of(answer->steps),
              round == 0 ? AX_STR("fetched verified unpacked ") : AX_STR("cached "));
        rig_stop(rig);
    }
    rig_free(rig);
}

TEST(loader_works_once_for_all_who_ask_at_the_same_time)
{
    struct rig *rig = rig_new();
    struct ax_digest hash = rig_publish(rig, &(struct rig_bundle){ .version = "1.0.0" });
    uint64_t first = 0;

    rig_start(rig);
    for (unsigned i = 0; i < 300; i++) {
        uint64_t id = rig_ask(rig, &hash);

        first = first ? first : id;
    }
    for (unsigned i = 0; i < 300; i++)
        is_good(rig_wait(rig, first + i), rig->answers[(first + i) % RIG_ANSWERS_MAX].steps);
    T_EQ(rig->builder_count, 1);
    rig_stop(rig);
    rig_free(rig);
}

TEST(loader_compiles_many_bundles_with_as_many_builders_as_allowed)
{
    struct rig *rig = rig_new();
    struct ax_digest hashes[8];
    uint64_t ids[8];
    char version[16];

    rig_flag(rig, "--runner-compile-jobs=2");
    for (unsigned i = 0; i < 8; i++) {
        snprintf(version, sizeof(version), "1.0.%u", i);
        hashes[i] = rig_publish(rig, &(struct rig_bundle){ .version = version });
    }
    rig_start(rig);
    for (unsigned i = 0; i < 8; i++)
        ids[i] = rig_ask(rig, &hashes[i]);
    for (unsigned i = 0; i < 8; i++)
        is_good(rig_wait(rig, ids[i]), "fetched verified compiled ");
    T_EQ(rig->builder_count, 8);
    rig_stop(rig);
    rig_free(rig);
}

/* --- what is refused, each beside a bundle that loads --- */

static const struct refused_case {
    struct rig_bundle bundle;
    enum ax_code code;
    const char *words;
    bool by_builder;
} refused_cases[] = {
    { { .not_stored = true }, AX_E_BUNDLE_UNAVAILABLE, "no bundle with this content hash", false },
    { { .flip = 1 }, AX_E_BUNDLE_REJECTED, "changed or cut off", false },
    { { .flip = 100 }, AX_E_BUNDLE_REJECTED, "changed or cut off", false },
    { { .cut = 1 }, AX_E_BUNDLE_REJECTED, "changed or cut off", false },
    { { .cut = 200 }, AX_E_BUNDLE_REJECTED, "changed or cut off", false },
    { { .not_signed = true }, AX_E_BUNDLE_REJECTED, "not signed", false },
    { { .expires_s = 1000000000 }, AX_E_BUNDLE_REJECTED, "expired", false },
    { { .signed_name = "com.acme.other" }, AX_E_BUNDLE_REJECTED, "the name is not", true },
    { { .signed_version = "9.9.9" }, AX_E_BUNDLE_REJECTED, "the version is not", true },
    { { .bytes = AX_STR_INIT("this is not an archive") },
      AX_E_BUNDLE_REJECTED,
      "invalid_bundle",
      true },
    { { .manifest_more = "\"unheard\":1," },
      AX_E_BUNDLE_REJECTED,
      "invalid_manifest at /unheard",
      true },
    { { .wasm = "\0asm\1\0\0\0", .wasm_len = 8 }, AX_E_BUNDLE_REJECTED, "missing_export", true },
    { { .wasm = "not wasm at all", .wasm_len = 15 }, AX_E_BUNDLE_REJECTED, "invalid_module", true },
};

TEST(loader_refuses_what_is_not_right_and_says_why)
{
    struct rig *rig = rig_new();
    struct ax_digest good;
    size_t builders = 0;
    char version[16];

    rig_start(rig);
    for (unsigned i = 0; i < AX_ARRAY_LEN(refused_cases); i++) {
        struct rig_bundle bundle = refused_cases[i].bundle;
        struct ax_digest hash;

        snprintf(version, sizeof(version), "1.%u.0", i);
        bundle.version = version;
        hash = rig_publish(rig, &bundle);
        is_refused(rig_get(rig, &hash), refused_cases[i].code, refused_cases[i].words);
        builders += refused_cases[i].by_builder;
        T_EQ(rig->builder_count, builders); /* nothing is opened before hash and signature */
        T_TRUE(access(rig_cache_path(rig, &hash, "", (char[256]){ 0 }), F_OK) != 0);
        is_refused(rig_get(rig, &hash), refused_cases[i].code, refused_cases[i].words);
        T_EQ(rig->builder_count, builders); /* remembered */
    }
    good = rig_publish(rig, &(struct rig_bundle){ .version = "2.0.0" });
    is_good(rig_get(rig, &good), "fetched verified compiled ");
    rig_stop(rig);
    rig_free(rig);
}

TEST(loader_refuses_the_signatures_of_strangers)
{
    struct rig *rig = rig_new();
    struct ax_digest hash = rig_publish(rig, &(struct rig_bundle){ .signer = rig->other_key });

    rig_start(rig);
    is_refused(rig_get(rig, &hash), AX_E_BUNDLE_REJECTED, "");
    T_EQ(rig->builder_count, 0);
    T_EQ(rig->recheck_count, 0);
    rig_trust(rig, rig->other_key); /* a reload forgets what was refused */
    is_good(rig_get(rig, &hash), "fetched verified compiled ");
    T_EQ(rig->recheck_count, 1); /* and has what is loaded judged again */
    rig_stop(rig);
    rig_free(rig);
}

TEST(loader_judges_the_signature_of_what_it_has_cached_again)
{
    struct rig *rig = rig_new();
    struct rig_bundle bundle = { .version = "1.0.0" };
    struct ax_digest hash = rig_publish(rig, &bundle);

    rig_start(rig);
    is_good(rig_get(rig, &hash), "fetched verified compiled ");
    rig_stop(rig);
    rig_start(rig);
    rig_trust(rig, rig->other_key);
    is_refused(rig_get(rig, &hash), AX_E_BUNDLE_REJECTED, "");
    bundle.signer = rig->other_key;
    rig_sign_again(rig, &hash, &bundle);
    rig_trust(rig, rig->other_key);
    is_good(rig_get(rig, &hash), "cached verified "); /* the new envelope, the old machine code */
    T_EQ(rig->builder_count, 0);
    rig_stop(rig);
    rig_free(rig);
}

TEST(loader_answers_by_the_keys_that_count_when_it_answers)
{
    struct rig *rig = rig_new();
    char version[16];

    rig->hold_builders = true;
    rig_start(rig);
    for (unsigned i = 0; i < 4; i++) {
        const struct ax_private_key *signer = i % 2 ? rig->other_key : rig->key;
        struct ax_digest hash;
        unsigned rechecks;
        uint64_t id;

        snprintf(version, sizeof(version), "1.0.%u", i);
        hash = rig_publish(rig, &(struct rig_bundle){ .version = version, .signer = signer });
        rig_trust(rig, signer);
        id = rig_ask(rig, &hash);
        while (rig->builder_count <= i) /* judged, and being compiled */
            uv_run(&rig->loop.uv, UV_RUN_ONCE);
        rechecks = rig->recheck_count;
        rig_trust(rig, i % 2 ? rig->key : rig->other_key);
        while (rig->recheck_count == rechecks) /* the loader has other keys now */
            uv_run(&rig->loop.uv, UV_RUN_ONCE);
        rig_release_builders(rig);
        is_refused(rig_wait(rig, id), AX_E_BUNDLE_REJECTED, "");
        rig_wait_builders(rig);
    }
    rig_stop(rig);
    rig_free(rig);
}

TEST(loader_without_a_policy_looks_at_the_hash_only)
{
    struct rig *rig = rig_new();
    struct ax_digest good = rig_publish(rig, &(struct rig_bundle){ .not_signed = true });
    struct ax_digest bad = rig_publish(
        rig, &(struct rig_bundle){ .version = "1.0.1", .not_signed = true, .flip = 9 });

    rig_flag(rig, "--signing-policy=off");
    rig_start(rig);
    is_good(rig_get(rig, &good), "fetched compiled ");
    is_refused(rig_get(rig, &bad), AX_E_BUNDLE_REJECTED, "changed or cut off");
    rig_stop(rig);
    rig_free(rig);
}

TEST(loader_offline_has_what_it_has)
{
    struct rig *rig = rig_new();
    struct ax_digest had = rig_publish(rig, &(struct rig_bundle){ .version = "1.0.0" });
    struct ax_digest other = rig_publish(rig, &(struct rig_bundle){ .version = "1.0.1" });

    rig_start(rig);
    is_good(rig_get(rig, &had), "fetched verified compiled ");
    rig_stop(rig);
    rig_flag(rig, "--runner-offline=true");
    rig_start(rig);
    is_good(rig_get(rig, &had), "cached ");
    is_refused(rig_get(rig, &other), AX_E_BUNDLE_UNAVAILABLE, "not in the cache");
    rig_stop(rig);
    rig_free(rig);
}

/* --- the cache --- */

static void flip_in(const char *path, off_t at)
{
    AX_AUTO_FD int fd = open(path, O_RDWR | O_CLOEXEC);
    char byte;

    T_TRUE(fd >= 0);
    T_EQ(pread(fd, &byte, 1, at), 1);
    byte ^= 0x10;
    T_EQ(pwrite(fd, &byte, 1, at), 1);
}

TEST(loader_drops_and_fetches_again_what_does_not_verify)
{
    struct rig *rig = rig_new();
    struct ax_digest hash = rig_publish(rig, &(struct rig_bundle){ .version = "1.0.0" });
    char path[256];

    for (unsigned round = 0; round < 3; round++) {
        rig_start(rig);
        is_good(rig_get(rig, &hash), "fetched verified compiled ");
        rig_stop(rig);
        rig_start(rig);
        is_good(rig_get(rig, &hash), "cached ");
        rig_stop(rig);
        if (round == 0)
            flip_in(rig_cache_path(rig, &hash, "index.json", path), 20);
        else if (round == 1)
            T_EQ(unlink(rig_cache_path(rig, &hash, "index.json", path)), 0);
        else
            T_EQ(snprintf(path, sizeof(path), "%s/state/cache.key", rig->path) > 0 && unlink(path),
                 0);
    }
    rig_start(rig);
    is_good(rig_get(rig, &hash), "fetched verified compiled ");
    rig_stop(rig);
    rig_free(rig);
}

TEST(loader_evicts_what_was_not_used_for_longest)
{
    struct rig *rig = rig_new();
    struct ax_digest hashes[3];
    char version[16], path[256];

    rig_flag(rig, "--ext-cache-max-bytes=1048576");
    for (unsigned i = 0; i < 3; i++) {
        snprintf(version, sizeof(version), "1.0.%u", i);
        hashes[i] = rig_publish(rig,
                                &(struct rig_bundle){ .version = version, .ui_bytes = 400000 });
    }
    rig_start(rig);
    is_good(rig_get(rig, &hashes[0]), "fetched verified compiled ");
    is_good(rig_get(rig, &hashes[1]), "fetched verified compiled ");
    rig_stop(rig);
    rig_start(rig);
    is_good(rig_get(rig, &hashes[0]), "cached ");
    is_good(rig_get(rig, &hashes[2]), "fetched verified compiled ");
    rig_stop(rig);
    T_EQ(access(rig_cache_path(rig, &hashes[0], "index.json", path), F_OK), 0);
    T_EQ(access(rig_cache_path(rig, &hashes[1], "index.json", path), F_OK), -1);
    T_EQ(access(rig_cache_path(rig, &hashes[2], "index.json", path), F_OK), 0);
    rig_free(rig);
}

TEST(loader_serves_what_its_cache_has_no_room_for)
{
    struct rig *rig = rig_new();
    struct ax_digest hash = rig_publish(rig, &(struct rig_bundle){ .ui_bytes = 1100000 });

    rig_flag(rig, "--ext-cache-max-bytes=1048576");
    for (unsigned round = 0; round < 2; round++) {
        rig_start(rig);
        is_good(rig_get(rig, &hash), "fetched verified compiled ");
        rig_stop(rig);
    }
    rig_free(rig);
}

TEST(loader_serves_without_a_cache_that_it_may_write)
{
    struct rig *rig = rig_new();
    struct ax_digest hash = rig_publish(rig, &(struct rig_bundle){ .version = "1.0.0" });
    char path[256];

    snprintf(path, sizeof(path), "%s/cache", rig->path);
    rig_start(rig);
    T_EQ(rmdir(path), 0); /* an unlinked folder takes no entry, whoever asks */
    is_good(rig_get(rig, &hash), "fetched verified compiled ");
    rig_stop(rig);
    rig_free(rig);
}

/* --- ends of processes --- */

TEST(loader_outlives_builders_that_die_or_lie)
{
    static const struct {
        const char *role;
        const char *words;
    } cases[] = {
        { "evil-abort", "3072 MiB of memory" }, { "evil-cpu", "60 s of CPU time" },
        { "evil-exit", "gave up (status 3)" },  { "evil-path", "took over" },
        { "evil-size", "took over" },           { "evil-order", "took over" },
        { "evil-open", "took over" },           { "evil-swap", "not what was signed" },
    };
    struct rig *rig = rig_new();
    struct ax_digest hash;
    char version[16];

    rig_start(rig);
    for (unsigned i = 0; i < AX_ARRAY_LEN(cases); i++) {
        snprintf(version, sizeof(version), "1.%u.0", i);
        hash = rig_publish(rig, &(struct rig_bundle){ .version = version });
        rig->builder_role = cases[i].role;
        is_refused(rig_get(rig, &hash), AX_E_BUNDLE_REJECTED, cases[i].words);
        rig->builder_role = "builder";
        snprintf(version, sizeof(version), "2.%u.0", i);
        hash = rig_publish(rig, &(struct rig_bundle){ .version = version });
        is_good(rig_get(rig, &hash), "fetched verified compiled ");
    }
    rig_stop(rig);
    rig_free(rig);
}

TEST(loader_outlives_any_answer_of_a_builder)
{
    struct rig *rig = rig_new();
    struct ax_digest hash;
    char version[16];

    rig_flag(rig, "--runner-compile-jobs=4");
    rig_start(rig);
    rig->builder_role = "evil-noise";
    for (unsigned i = 0; i < 40; i++) {
        snprintf(version, sizeof(version), "1.%u.0", i);
        hash = rig_publish(rig, &(struct rig_bundle){ .version = version });
        T_CODE(rig_get(rig, &hash)->code, AX_E_BUNDLE_REJECTED);
    }
    rig->builder_role = "builder";
    hash = rig_publish(rig, &(struct rig_bundle){ .version = "2.0.0" });
    is_good(rig_get(rig, &hash), "fetched verified compiled ");
    rig_stop(rig);
    rig_free(rig);
}

TEST(loader_goes_on_for_the_next_front)
{
    struct rig *rig = rig_new();
    struct ax_digest hash = rig_publish(rig, &(struct rig_bundle){ .version = "1.0.0" });

    rig_start(rig);
    (void)rig_ask(rig, &hash);
    rig_new_front(rig);
    T_OK(rig_get(rig, &hash)->code);
    rig_new_front(rig);
    T_OK(rig_get(rig, &hash)->code);
    T_TRUE(rig->builder_count <= 1);
    rig_stop(rig);
    rig_free(rig);
}

static void stop_on_time(struct ax_timer *timer)
{
    ax_loop_stop(timer->loop);
}

TEST(loader_that_was_killed_leaves_nothing_that_hurts)
{
    struct ax_timer timer = { 0 };
    struct rig *rig = rig_new();
    struct ax_digest hash;
    char version[16];

    for (unsigned round = 0; round < 12; round++) {
        snprintf(version, sizeof(version), "1.%u.0", round);
        hash = rig_publish(rig, &(struct rig_bundle){ .version = version, .ui_bytes = 50000 });
        rig_start(rig);
        (void)rig_ask(rig, &hash);
        ax_timer_start(&rig->loop, &timer, ax_loop_now_ms(&rig->loop) + 4 * round, stop_on_time);
        while (ax_timer_is_running(&timer)) /* some way into the load */
            ax_loop_run(&rig->loop);
        rig_kill(rig);
        rig_start(rig);
        T_OK(rig_get(rig, &hash)->code);
        rig_stop(rig);
    }
    rig_free(rig);
}

TEST(loader_finishes_what_runs_before_it_drains)
{
    struct rig *rig = rig_new();
    struct ax_digest hash = rig_publish(rig, &(struct rig_bundle){ .version = "1.0.0" });
    char path[256];

    rig_start(rig);
    is_good(rig_get(rig, &hash), "fetched verified compiled ");
    rig_stop(rig); /* the answer came before the entry was on the disk */
    T_EQ(access(rig_cache_path(rig, &hash, "index.json", path), F_OK), 0);
    rig_free(rig);
}

static int role_run(const char *name)
{
    struct ax_settings *settings = NULL;
    struct ax_err err;
    int status;

    if (strncmp(name, "evil-", 5) == 0)
        return evil_run(name);
    if (ax_role_settings(&settings, &err) != AX_OK)
        return 9;
    status = strcmp(name, "loader") == 0 ? ax_loader_run(settings) : ax_builder_run(settings);
    ax_settings_free(settings);
    return status;
}

int main(int argc, char **argv)
{
    const char *name;

    if (ax_role_from_args(argc, argv, &name))
        _exit(role_run(name)); /* no leak check: a sealed process cannot be looked into */
    return ax_test_main(argc, argv);
}

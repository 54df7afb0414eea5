/* SPDX-License-Identifier: Apache-2.0 */
/* start_test.c - does a runner that must not start say so, and its twin start? */
#include "runner/start.h"

#include "base/test.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORDS_MAX 16

/* Settings as an operator would give them; what a test changes comes later and wins. */
struct wish {
    char words[WORDS_MAX][256];
    size_t count;
};

static char folder[64];

static void wish_add(struct wish *wish, const char *name, const char *value)
{
    size_t len = strlen(name);
    size_t at = 0;

    while (at < wish->count &&
           !(strncmp(wish->words[at], name, len) == 0 && wish->words[at][len] == '='))
        at++;
    T_TRUE(at < WORDS_MAX);
    (void)snprintf(wish->words[at], sizeof(wish->words[at]), "%s=%s", name, value);
    if (at == wish->count)
        wish->count++;
    if (!value[0]) { /* as if it had not been said */
        memcpy(wish->words[at], wish->words[wish->count - 1], sizeof(wish->words[at]));
        wish->count--;
    }
}

static const char *in_folder(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];

    (void)snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static struct wish good_wish(void)
{
    struct wish wish = { .count = 0 };
    char store[160];

    if (!folder[0]) {
        (void)snprintf(folder, sizeof(folder), "/tmp/annex-start-XXXXXX");
        T_TRUE(mkdtemp(folder) != NULL);
        T_EQ(mkdir(in_folder("store"), 0755), 0);
    }
    (void)snprintf(store, sizeof(store), "file://%s", in_folder("store"));
    wish_add(&wish, "RUNNER_SERVICE_TOKEN", "a token of the test");
    wish_add(&wish, "SIGNING_TRUST_BUNDLE", "/etc/annex/trust.pem");
    wish_add(&wish, "RUNNER_LISTEN", "127.0.0.1:0");
    wish_add(&wish, "RUNNER_PUBLIC_LISTEN", "127.0.0.1:0");
    wish_add(&wish, "CACHE_ROOT", in_folder("var/cache"));
    wish_add(&wish, "STATE_DIR", in_folder("var/state"));
    wish_add(&wish, "BUNDLE_STORE_BASE", store);
    return wish;
}

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *place)
{
    (void)about;
    (void)type;
    (void)place;
    return remove(path);
}

static void clean_up(void)
{
    T_EQ(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static struct ax_settings *settings_of(struct wish *wish)
{
    static char program[] = "annex-runner";
    static char *const argv[] = { program, NULL };
    char *envp[WORDS_MAX + 1] = { NULL };
    struct ax_settings *settings = NULL;
    struct ax_err err;
    enum ax_code code;

    for (size_t i = 0; i < wish->count; i++)
        envp[i] = wish->words[i];
    code = ax_settings_load(AX_PROGRAM_RUNNER, 1, argv, envp, &settings, &err);
    if (code != AX_OK)
        print_error("%s\n", err.message);
    T_OK(code);
    return settings;
}

/* Starts with the good settings and one changed; "" when it does, else the words of the refusal. */
static const char *start_with(const char *name, const char *value, struct ax_start *ret_start)
{
    static struct ax_err err;
    struct wish wish = good_wish();
    struct ax_settings *settings;
    enum ax_code code;

    if (name)
        wish_add(&wish, name, value);
    settings = settings_of(&wish);
    code = ax_start_open(settings, ret_start, &err);
    ax_settings_free(settings);
    return code == AX_OK ? "" : err.message;
}

static void starts_with(const char *name, const char *value)
{
    struct ax_start start;

    T_STR(ax_str_of(start_with(name, value, &start)), AX_STR(""));
    ax_start_close(&start);
}

static void refuses(const char *name, const char *value, const char *words)
{
    struct ax_start start;
    const char *said = start_with(name, value, &start);

    if (!strstr(said, words))
        print_error("%s=%s: '%s' is not in '%s'\n", name, value, words, said);
    T_TRUE(said[0] != '\0' && strstr(said, words) != NULL);
}

static uid_t uid_of_loader(void)
{
    return geteuid() == 0 ? 61001 : geteuid();
}

TEST(good_settings_start_and_give_the_loader_its_folders)
{
    struct ax_start start;
    struct stat about;

    T_STR(ax_str_of(start_with(NULL, NULL, &start)), AX_STR(""));
    T_TRUE(start.private_listener.fd >= 0 && start.public_listener.fd >= 0);
    T_TRUE(start.workers >= 1);
    T_EQ(start.compile_jobs, 1);
    T_EQ(fstat(start.cache_fd, &about), 0);
    T_EQ(about.st_mode & 07777, 0700);
    T_EQ(about.st_uid, uid_of_loader());
    T_EQ(fstat(start.state_fd, &about), 0);
    T_EQ(about.st_mode & 07777, 0700);
    T_EQ(about.st_uid, uid_of_loader());
    T_EQ(fstat(start.store_fd, &about), 0);
    T_EQ(about.st_uid, geteuid()); /* not ours to give away */
    T_EQ(start.uids[AX_START_FRONT], geteuid() == 0 ? 61000 : 0);
    ax_start_close(&start);
    starts_with(NULL, NULL); /* and again, over what is there */
    clean_up();
}

TEST(nothing_starts_without_token_trust_or_store)
{
    refuses("RUNNER_SERVICE_TOKEN", "", "RUNNER_SERVICE_TOKEN is not set");
    refuses("SIGNING_TRUST_BUNDLE", "", "SIGNING_TRUST_BUNDLE is not set");
    refuses("BUNDLE_STORE_BASE", "", "BUNDLE_STORE_BASE is not set");
    refuses("BUNDLE_STORE_BASE", "ftp://host/folder", "BUNDLE_STORE_BASE is not file:///");
    refuses("BUNDLE_STORE_BASE", "/folder", "BUNDLE_STORE_BASE is not file:///");
    refuses("BUNDLE_STORE_BASE", "s3://bucket/prefix", "BUNDLE_STORE_BASE is not file:///");
    refuses("BUNDLE_STORE_BASE", "https://host/bucket", "BUNDLE_STORE_BASE is not file:///");
    refuses("BUNDLE_STORE_BASE", "file://relative", "three slashes");
    refuses("BUNDLE_STORE_BASE", "file:///nowhere/at/all", "No such file");
    starts_with("RUNNER_WORKERS", "3");
    clean_up();
}

TEST(offline_needs_no_store)
{
    struct wish wish = good_wish();
    struct ax_settings *settings;
    struct ax_start start;
    struct ax_err err;

    wish_add(&wish, "BUNDLE_STORE_BASE", "");
    wish_add(&wish, "RUNNER_OFFLINE", "true");
    settings = settings_of(&wish);
    T_OK(ax_start_open(settings, &start, &err));
    T_EQ(start.store_fd, -1);
    ax_start_close(&start);
    ax_settings_free(settings);
    clean_up();
}

TEST(policy_off_needs_local_listeners)
{
    static const struct {
        const char *listen, *public_listen;
        bool starts;
    } rows[] = {
        { "127.0.0.1:0", "127.0.0.1:0", true },
        { "0.0.0.0:0", "127.0.0.1:0", false },
        { "127.0.0.1:0", "0.0.0.0:0", false },
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(rows); i++) {
        struct wish wish = good_wish();
        struct ax_settings *settings;
        struct ax_start start;
        struct ax_err err = { .code = AX_OK };
        enum ax_code code;

        wish_add(&wish, "SIGNING_POLICY", "off");
        wish_add(&wish, "SIGNING_TRUST_BUNDLE", "");
        wish_add(&wish, "RUNNER_LISTEN", rows[i].listen);
        wish_add(&wish, "RUNNER_PUBLIC_LISTEN", rows[i].public_listen);
        settings = settings_of(&wish);
        code = ax_start_open(settings, &start, &err);
        T_CODE(code, rows[i].starts ? AX_OK : AX_E_INVALID_REQUEST);
        if (code == AX_OK)
            ax_start_close(&start);
        else
            T_TRUE(strstr(err.message, "SIGNING_POLICY=off") != NULL);
        ax_settings_free(settings);
    }
    starts_with("RUNNER_LISTEN", "0.0.0.0:0"); /* with signatures everybody may come */
    clean_up();
}

TEST(folder_of_somebody_else_is_not_taken)
{
    int fd;

    T_STR(ax_str_of(good_wish().words[0]), AX_STR("RUNNER_SERVICE_TOKEN=a token of the test"));
    T_EQ(mkdir(in_folder("home"), 0755), 0);
    starts_with("CACHE_ROOT", in_folder("home")); /* empty: taken, and closed to others */
    T_EQ(chmod(in_folder("home"), 0755), 0);
    fd = open(in_folder("home/letter"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    T_TRUE(fd >= 0);
    close(fd);
    refuses("CACHE_ROOT", in_folder("home"), "is not empty and not closed");
    T_EQ(chmod(in_folder("home"), 0700), 0);
    starts_with("CACHE_ROOT", in_folder("home")); /* its own, with what is in it */
    refuses("CACHE_ROOT", in_folder("home/letter"), "Not a directory");
    refuses("CACHE_ROOT", in_folder("home/letter/below"), "Not a directory");
    refuses("STATE_DIR", "relative", "does not start with /");
    clean_up();
}

TEST(trust_is_read_where_only_the_supervisor_may)
{
    static const char pem[] = "-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n";
    struct wish wish = good_wish();
    struct ax_settings *settings;
    struct ax_err err;
    int fd = open(in_folder("trust.pem"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

    T_EQ(write(fd, pem, sizeof(pem) - 1), sizeof(pem) - 1);
    wish_add(&wish, "SIGNING_TRUST_BUNDLE", in_folder("trust.pem"));
    settings = settings_of(&wish);
    T_OK(ax_start_read_trust(settings, &err));
    T_STR(ax_settings_str(settings, "SIGNING_TRUST_BUNDLE"), ax_str_of(pem));
    T_OK(ax_start_read_trust(settings, &err)); /* text stays as it is */
    T_STR(ax_settings_str(settings, "SIGNING_TRUST_BUNDLE"), ax_str_of(pem));
    ax_settings_free(settings);

    T_EQ(ftruncate(fd, 1 << 20), 0);
    settings = settings_of(&wish);
    T_CODE(ax_start_read_trust(settings, &err), AX_E_INVALID_REQUEST);
    T_EQ(ftruncate(fd, 0), 0);
    T_CODE(ax_start_read_trust(settings, &err), AX_E_INVALID_REQUEST);
    T_EQ(unlink(in_folder("trust.pem")), 0);
    T_CODE(ax_start_read_trust(settings, &err), AX_E_IO);
    T_TRUE(strstr(err.message, "SIGNING_TRUST_BUNDLE: ") != NULL);
    ax_settings_free(settings);
    close(fd);
    clean_up();
}

TEST(users_are_four_different_ones_and_roots_alone)
{
    static const char *const wrong[] = { "1,2,3",   "1,2,3,4,5",        "1,2,3,3",
                                         "0,2,3,4", "1,2,3,four",       "1,2,3,",
                                         "1-4",     "1,2,3,4294967294", "1,2,3,-1" };
    struct ax_start start;

    if (geteuid() != 0) {
        refuses("RUNNER_UIDS", "1001,1002,1003,1004", "only root");
        starts_with(NULL, NULL);
        clean_up();
        return;
    }
    for (size_t i = 0; i < AX_ARRAY_LEN(wrong); i++)
        refuses("RUNNER_UIDS", wrong[i], "four different user ids");
    T_STR(ax_str_of(start_with("RUNNER_UIDS", "1001, 1002,1003,4294967293", &start)), AX_STR(""));
    T_EQ(start.uids[AX_START_FRONT], 1001);
    T_EQ(start.uids[AX_START_LOADER], 1002);
    T_EQ(start.uids[AX_START_BUILDER], 1003);
    T_EQ(start.uids[AX_START_WORKER], 4294967293);
    ax_start_close(&start);
    clean_up();
}

TEST(listener_that_cannot_be_opened_is_named)
{
    refuses("RUNNER_LISTEN", "nonsense", "RUNNER_LISTEN: ");
    refuses("RUNNER_PUBLIC_LISTEN", "nonsense", "RUNNER_PUBLIC_LISTEN: ");
    clean_up();
}

TEST_MAIN()

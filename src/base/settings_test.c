/* SPDX-License-Identifier: Apache-2.0 */
/* settings_test.c - do values come from where the operator put them, and go only where they may? */
#include "base/settings.h"
#include "base/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define TOKEN "0123456789abcdef"

#define W(literal)            ((char *)(uintptr_t)(literal))
#define WORDS(...)            ((char *[]){ __VA_ARGS__, NULL })
#define LOAD(arguments, envp) load_as(AX_PROGRAM_RUNNER, arguments, envp)
#define ENV(...)              LOAD(none, WORDS(__VA_ARGS__))
#define ARGS(...)             LOAD(WORDS(__VA_ARGS__), none)

struct load {
    enum ax_code code;
    struct ax_settings *settings;
    struct ax_err err;
};

static char *const none[] = { NULL };

/* Arguments are given without the program's name. */
static struct load load_as(unsigned program, char *const arguments[], char *const envp[])
{
    struct load load = { .code = AX_OK };
    char *argv[16] = { W("annex") };
    int argc = 1;

    for (size_t i = 0; arguments[i]; i++)
        argv[argc++] = arguments[i];
    load.code = ax_settings_load(program, argc, argv, envp, &load.settings, &load.err);
    T_TRUE((load.code == AX_OK) == (load.settings != NULL));
    return load;
}

static void accepts(struct load load)
{
    if (load.code != AX_OK)
        fail_msg("refused: %s", load.err.message);
    ax_settings_free(load.settings);
}

static void refuses(struct load load, const char *words)
{
    T_CODE(load.code, AX_E_INVALID_REQUEST);
    if (!strstr(load.err.message, words))
        fail_msg("'%s' does not say '%s'", load.err.message, words);
    ax_settings_free(load.settings);
}

/* A file with this text; its path lives until the test ends. */
static const char *file_with(struct ax_str text)
{
    static char paths[4][32];
    static size_t count;
    char *path = paths[count++ % 4];
    int fd;

    memcpy(path, "/tmp/settings_test.XXXXXX", 26);
    fd = mkstemp(path);
    T_TRUE(fd >= 0);
    T_EQ(write(fd, text.ptr, text.len), (ssize_t)text.len);
    (void)close(fd);
    return path;
}

/* "name=" and the path of a file with this text. */
static char *with_file(const char *name, struct ax_str text)
{
    static char words[4][96];
    static size_t count;
    char *word = words[count++ % 4];

    (void)snprintf(word, sizeof(words[0]), "%s=%s", name, file_with(text));
    return word;
}

static void drop_files(char *const words[])
{
    for (size_t i = 0; words[i]; i++) {
        const char *path = strstr(words[i], "=/tmp/settings_test.");

        if (path)
            T_EQ(unlink(path + 1), 0);
    }
}

TEST(settings_have_defaults)
{
    struct load load = LOAD(none, none);

    T_OK(load.code);
    T_STR(ax_settings_str(load.settings, "RUNNER_LISTEN"), AX_STR("127.0.0.1:8090"));
    T_EQ(ax_settings_u64(load.settings, "RUNNER_WORKER_SLOTS"), 1024);
    T_EQ(ax_settings_u64(load.settings, "RUNNER_MODULES_MAX_BYTES"), 1 << 30);
    T_FALSE(ax_settings_bool(load.settings, "RUNNER_OFFLINE"));
    T_STR(ax_settings_str(load.settings, "SIGNING_POLICY"), AX_STR("require"));
    T_STR(ax_settings_str(load.settings, "ANNEX_LOG_LEVEL"), AX_STR("info"));
    T_STR(ax_settings_str(load.settings, "RUNNER_SERVICE_TOKEN"), AX_STR(""));
    T_FALSE(ax_settings_is_set(load.settings, "RUNNER_LISTEN"));
    T_FALSE(ax_settings_wants_help(load.settings));
    ax_settings_free(load.settings);
}

TEST(settings_defaults_pass_their_own_rows)
{
    for (size_t i = 0; i < ax_setting_count; i++) {
        const struct ax_setting_row *row = &ax_setting_rows[i];
        struct ax_str fallback = ax_str_of(row->fallback);
        char text[512];
        char *envp[] = { text, NULL };

        if (!row->fallback)
            continue;
        fallback = row->type == AX_SET_ENUM ? ax_str_cut(&fallback, '|') : fallback;
        (void)snprintf(text, sizeof(text), "%s=%.*s", row->name, AX_STR_FMT(fallback));
        accepts(load_as(row->roles & AX_PROGRAM_RUNNER ? AX_PROGRAM_RUNNER : AX_PROGRAM_GATEWAY,
                        none, envp));
    }
}

TEST(settings_prefer_flag_then_environment_then_file)
{
    char *conf = with_file("--config", AX_STR("# all\n\n RUNNER_WORKERS = 1 \r\n"
                                              "RUNNER_QUEUE_MAX=1\nRUNNER_COMPILE_JOBS=3"));
    char **arguments = WORDS(conf, W("--runner-workers=3"));
    char **envp = WORDS(W("RUNNER_WORKERS=2"), W("RUNNER_QUEUE_MAX=2"), W("HOME=/root"));
    struct load load = LOAD(arguments, envp);
    AX_AUTO_BUF struct ax_buf check = { .max = 1 << 20 };

    T_OK(load.code);
    T_EQ(ax_settings_u64(load.settings, "RUNNER_WORKERS"), 3);
    T_EQ(ax_settings_u64(load.settings, "RUNNER_QUEUE_MAX"), 2);
    T_EQ(ax_settings_u64(load.settings, "RUNNER_COMPILE_JOBS"), 3);
    T_TRUE(ax_settings_is_set(load.settings, "RUNNER_WORKERS"));
    ax_settings_print_check(load.settings, &check);
    T_OK(ax_buf_append_byte(&check, '\0'));
    assert_non_null(strstr(check.ptr, "\nRUNNER_WORKERS=3  (flag)\n"));
    assert_non_null(strstr(check.ptr, "\nRUNNER_QUEUE_MAX=2  (environment)\n"));
    assert_non_null(strstr(check.ptr, "\nRUNNER_COMPILE_JOBS=3  (file)\n"));
    assert_non_null(strstr(check.ptr, "RUNNER_LISTEN=127.0.0.1:8090  (default)\n"));
    assert_non_null(strstr(check.ptr, "\nRUNNER_SERVICE_TOKEN is not set\n"));
    ax_settings_free(load.settings);
    drop_files(arguments);
}

TEST(settings_refuse_unknown_names_with_the_nearest)
{
    refuses(ENV(W("RUNNER_LISTN=x")), "RUNNER_LISTEN");
    refuses(ENV(W("STORAGE_S3_BUKET=x")), "STORAGE_S3_BUCKET");
    refuses(ARGS(W("--runner-worker=3")), "RUNNER_WORKERS");
    refuses(ARGS(W("--nonsense=3")), "no setting");
    refuses(ENV(W("RUNNER_LISTEN_FILE=/x")), "no setting"); /* no secret */
    refuses(ENV(W("AUTH_=1")), "no setting");
    accepts(ENV(W("RUNNER=x"), W("LISTEN=x"), W("HOSTNAME=a"), W("novalue")));
    accepts(ENV(W("REGISTRY_SERVICE_HOST=10.0.0.1"), W("REGISTRY_SERVICE_PORT=1"),
                W("REGISTRY_SERVICE_PORT_HTTP=1"), W("RUNNER_PORT=tcp://10.0.0.1:80"),
                W("RUNNER_PORT_8090_TCP_ADDR=10.0.0.1"), W("ANNEX_CACHE=/x")));
    refuses(ENV(W("RUNNER_PORT=8090")), "no setting");
    refuses(ENV(W("RUNNER_PORT_X=8090")), "no setting");
    refuses(ARGS(W("--annex-cache=/x")), "no setting");
}

TEST(settings_of_the_other_program_are_no_flags)
{
    accepts(ENV(W("EDGE_WORKERS=nonsense")));
    refuses(ARGS(W("--edge-workers=1")), "another program");
    refuses(load_as(AX_PROGRAM_GATEWAY, none, WORDS(W("EDGE_WORKERS=nonsense"))), "EDGE_WORKERS");
    accepts(load_as(AX_PROGRAM_GATEWAY, WORDS(W("--edge-workers=1")), none));
    accepts(load_as(AX_PROGRAM_GATEWAY, none, WORDS(W("PORT=nonsense"))));
}

TEST(settings_check_ranges)
{
    refuses(ENV(W("RUNNER_WORKER_SLOTS=0")), "1 to 10000");
    accepts(ENV(W("RUNNER_WORKER_SLOTS=1")));
    accepts(ENV(W("RUNNER_WORKER_SLOTS=10000")));
    refuses(ENV(W("RUNNER_WORKER_SLOTS=10001")), "1 to 10000");
    accepts(ENV(W("RUNNER_WORKERS=64"))); /* what the front has places for */
    refuses(ENV(W("RUNNER_WORKERS=65")), "0 to 64");
    refuses(ENV(W("RUNNER_WORKER_SLOTS=+1")), "number");
    refuses(ENV(W("RUNNER_WORKER_SLOTS=01")), "number");
    refuses(ENV(W("RUNNER_WORKER_SLOTS=1k")), "number");
    refuses(ENV(W("RUNNER_OFFLINE=yes")), "true or false");
    accepts(ENV(W("RUNNER_OFFLINE=1")));
    refuses(ENV(W("SIGNING_POLICY=of")), "require|off");
    refuses(ENV(W("SIGNING_POLICY=require|off")), "require|off");
    accepts(ENV(W("SIGNING_POLICY=off")));
    refuses(ENV(W("CACHE_ROOT=/a\x01")), "control character");
    refuses(ENV(W("CACHE_ROOT=/a\xff")), "UTF-8");
    accepts(ENV(W("CACHE_ROOT=/\xc3\xa4")));
    refuses(ENV(W("HOST_PROVIDERS=x")), "2 to 65536");
    accepts(ENV(W("HOST_PROVIDERS={}")));
    accepts(ENV(W("RUNNER_WORKER_SLOTS="), W("SIGNING_POLICY="))); /* empty: not given */
}

TEST(settings_take_aliases)
{
    struct load load = ENV(W("PORT=9000"), W("EXT_CACHE_ROOT=/x"));

    T_OK(load.code);
    T_STR(ax_settings_str(load.settings, "RUNNER_LISTEN"), AX_STR("127.0.0.1:9000"));
    T_STR(ax_settings_str(load.settings, "CACHE_ROOT"), AX_STR("/x"));
    ax_settings_free(load.settings);
    load = ENV(W("PORT=9000"), W("RUNNER_LISTEN=unix:/a"));
    T_OK(load.code);
    T_STR(ax_settings_str(load.settings, "RUNNER_LISTEN"), AX_STR("unix:/a"));
    ax_settings_free(load.settings);
    load = LOAD(WORDS(W("--port=65535")), WORDS(W("RUNNER_LISTEN=unix:/a")));
    T_OK(load.code);
    T_STR(ax_settings_str(load.settings, "RUNNER_LISTEN"), AX_STR("127.0.0.1:65535"));
    ax_settings_free(load.settings);
    refuses(ENV(W("PORT=0")), "PORT");
    refuses(ENV(W("PORT=65536")), "PORT");
    accepts(ENV(W("PORT=1")));
}

TEST(settings_refuse_bad_arguments)
{
    refuses(ARGS(W("runner-workers=1")), "--help");
    refuses(ARGS(W("-h")), "--help");
    refuses(ARGS(W("--")), "no flag");
    refuses(ARGS(W("--=1")), "no flag");
    refuses(ARGS(W("--Runner-Workers=1")), "no flag");
    refuses(ARGS(W("--runner_workers=1")), "no flag");
    refuses(ARGS(W("--runner-workers")), "needs '='");
    refuses(ARGS(W("--runner-workers=1"), W("--runner-workers=1")), "twice");
    refuses(ARGS(W("--a234567890123456789012345678901234567890123456789012345678901234=1")),
            "no setting");
    refuses(ARGS(W("--a2345678901234567890123456789012345678901234567890123456789012345=1")),
            "no flag");
    accepts(ARGS(W("--runner-workers=1")));
}

TEST(settings_see_help_and_check)
{
    struct load load = ARGS(W("--help"), W("--check"), W("--runner-workers=1"));

    T_OK(load.code);
    T_TRUE(ax_settings_wants_help(load.settings));
    T_TRUE(ax_settings_wants_check(load.settings));
    ax_settings_free(load.settings);
}

static void refuses_conf(struct ax_str text, const char *words)
{
    char **arguments = WORDS(with_file("--config", text));

    refuses(LOAD(arguments, none), words);
    drop_files(arguments);
}

static void accepts_conf(struct ax_str text)
{
    char **arguments = WORDS(with_file("--config", text));

    accepts(LOAD(arguments, none));
    drop_files(arguments);
}

TEST(settings_refuse_bad_files)
{
    refuses(ARGS(W("--config=/nonexistent/annex.conf")), "cannot open");
    refuses(ARGS(W("--config=/tmp")), "cannot read");
    refuses(ARGS(W("--config=/a"), W("--config=/b")), "twice");
    refuses_conf(AX_STR("#\nRUNNER_WORKERS\n"), "line 2");
    refuses_conf(AX_STR("RUNNER_WORKERS=1\0"), "NUL");
    refuses_conf(AX_STR("RUNNER_WORKERS=1\nRUNNER_WORKERS=1"), "twice");
    refuses_conf(AX_STR("HOME=1\n"), "no setting");
    accepts_conf(AX_STR("RUNNER_WORKERS=1\nEDGE_WORKERS=1"));
    accepts_conf(AX_STR("HOST_PROVIDERS={\"a\":\"b=c\"}\nRUNNER_WORKERS="));
    accepts_conf(AX_STR(""));
}

TEST(settings_bound_the_file)
{
    size_t len = 1024 * 1024;
    AX_AUTO_FREE char *text = malloc(len + 1);

    assert_non_null(text);
    memset(text, '\n', len + 1);
    accepts_conf(ax_str_make(text, len - 1));
    accepts_conf(ax_str_make(text, len));
    refuses_conf(ax_str_make(text, len + 1), "too large");
}

TEST(settings_read_secrets_from_files)
{
    char **envp = WORDS(with_file("RUNNER_SERVICE_TOKEN_FILE", AX_STR(TOKEN " \n\n")));
    struct load load = LOAD(none, envp);

    T_OK(load.code);
    T_STR(ax_settings_str(load.settings, "RUNNER_SERVICE_TOKEN"), AX_STR(TOKEN " \n"));
    ax_settings_free(load.settings);
    drop_files(envp);
    refuses(ENV(W("RUNNER_SERVICE_TOKEN_FILE=/nonexistent/token")), "RUNNER_SERVICE_TOKEN_FILE");
    refuses(ENV(W("RUNNER_SERVICE_TOKEN=" TOKEN), W("RUNNER_SERVICE_TOKEN_FILE=/x")), "both");
}

TEST(settings_bound_secrets)
{
    char text[1026];
    const size_t lens[] = { 1023, 1024, 1025 };

    memset(text, 'k', sizeof(text));
    for (size_t i = 0; i < AX_ARRAY_LEN(lens); i++) {
        for (size_t newline = 0; newline < 2; newline++) {
            text[lens[i]] = newline ? '\n' : 'k';
            char **envp = WORDS(
                with_file("STORAGE_S3_SECRET_KEY_FILE", ax_str_make(text, lens[i] + newline)));
            struct load load = LOAD(none, envp);

            T_TRUE((load.code == AX_OK) == (lens[i] <= 1024));
            ax_settings_free(load.settings);
            drop_files(envp);
            text[lens[i]] = 'k';
        }
    }
    refuses(ENV(W("RUNNER_SERVICE_TOKEN=0123456789abcde")), "16 to");
    accepts(ENV(W("RUNNER_SERVICE_TOKEN=" TOKEN)));
    refuses(ENV(W("STORAGE_S3_SECRET_KEY=a\x01z")), "control character");
}

TEST(settings_never_show_secrets)
{
    struct load load = ENV(W("RUNNER_SERVICE_TOKEN=" TOKEN), W("STORAGE_S3_ACCESS_KEY=hide me"));
    AX_AUTO_BUF struct ax_buf text = { .max = 1 << 20 };

    T_OK(load.code);
    ax_settings_print_check(load.settings, &text);
    T_OK(ax_buf_append_byte(&text, '\0'));
    assert_null(strstr(text.ptr, TOKEN));
    assert_null(strstr(text.ptr, "hide me"));
    assert_non_null(strstr(text.ptr, "RUNNER_SERVICE_TOKEN=********  (environment)"));
    ax_settings_free(load.settings);
    load = ENV(W("RUNNER_SERVICE_TOKEN=hide me"));
    T_CODE(load.code, AX_E_INVALID_REQUEST);
    assert_null(strstr(load.err.message, "hide me"));
}

/* Whether packing for `role` hands over the value of RUNNER_SERVICE_TOKEN and the store's key. */
static void check_pack(const struct ax_settings *settings, unsigned role, bool token, bool store)
{
    AX_AUTO_BUF struct ax_buf bytes = { .max = 1 << 20 };
    AX_AUTO(ax_settings_free) struct ax_settings *part = NULL;

    T_OK(ax_settings_pack(settings, role, &bytes));
    T_TRUE(token == (memmem(bytes.ptr, bytes.len, TOKEN, strlen(TOKEN)) != NULL));
    T_TRUE(store == (memmem(bytes.ptr, bytes.len, "hide me", 7) != NULL));
    T_OK(ax_settings_unpack(ax_buf_str(&bytes), &part, NULL));
    T_STR(ax_settings_str(part, "ANNEX_LOG_LEVEL"), AX_STR("warn"));
    if (token)
        T_STR(ax_settings_str(part, "RUNNER_SERVICE_TOKEN"), AX_STR(TOKEN));
}

TEST(settings_give_roles_only_what_they_may_hold)
{
    struct load load = ENV(W("RUNNER_SERVICE_TOKEN=" TOKEN), W("STORAGE_S3_SECRET_KEY=hide me"),
                           W("ANNEX_LOG_LEVEL=warn"));

    T_OK(load.code);
    check_pack(load.settings, AX_ROLE_FRONT, true, false);
    check_pack(load.settings, AX_ROLE_LOADER, false, true);
    check_pack(load.settings, AX_ROLE_BUILDER, false, false);
    check_pack(load.settings, AX_ROLE_WORKER, false, false);
    ax_settings_free(load.settings);
    load = load_as(AX_PROGRAM_GATEWAY, none,
                   WORDS(W("RUNNER_SERVICE_TOKEN=" TOKEN), W("STORAGE_S3_SECRET_KEY=hide me"),
                         W("ANNEX_LOG_LEVEL=warn")));
    T_OK(load.code);
    check_pack(load.settings, AX_ROLE_EDGE, true, false);
    check_pack(load.settings, AX_ROLE_REGISTRY, true, true);
    ax_settings_free(load.settings);
}

/* The table of who may hold what, said a second time on purpose. */
TEST(settings_secrets_have_their_holders)
{
    static const struct {
        const char *name;
        unsigned roles;
    } expected[] = {
        { "RUNNER_SERVICE_TOKEN", AX_ROLE_FRONT | AX_ROLE_EDGE | AX_ROLE_REGISTRY },
        { "EXECUTION_TOKEN_KEY", AX_ROLE_EDGE },
        { "PLATFORM_SIGNING_KEY", AX_ROLE_REGISTRY },
        { "SECRETS_KEY", AX_ROLE_REGISTRY },
        { "DATABASE_URL", AX_ROLE_REGISTRY },
        { "STORAGE_S3_ACCESS_KEY", AX_ROLE_LOADER | AX_ROLE_REGISTRY },
        { "STORAGE_S3_SECRET_KEY", AX_ROLE_LOADER | AX_ROLE_REGISTRY },
        { "STORAGE_S3_SESSION_TOKEN", AX_ROLE_LOADER | AX_ROLE_REGISTRY },
    };
    size_t secrets = 0;

    for (size_t i = 0; i < ax_setting_count; i++) {
        bool found = false;

        if (!ax_setting_rows[i].secret)
            continue;
        secrets++;
        for (size_t j = 0; j < AX_ARRAY_LEN(expected); j++) {
            if (strcmp(expected[j].name, ax_setting_rows[i].name) == 0) {
                found = true;
                T_EQ(ax_setting_rows[i].roles, expected[j].roles);
            }
        }
        T_TRUE(found);
    }
    T_EQ(secrets, AX_ARRAY_LEN(expected));
}

static void refuses_bytes(struct ax_str bytes)
{
    struct ax_settings *settings = NULL;
    struct ax_err err;

    T_CODE(ax_settings_unpack(bytes, &settings, &err), AX_E_INVALID_REQUEST);
    assert_null(settings);
}

TEST(settings_refuse_wrong_packages)
{
    struct ax_settings *settings = NULL;

    refuses_bytes(AX_STR(""));
    refuses_bytes(AX_STR("1"));
    refuses_bytes(AX_STR("0\0"));
    refuses_bytes(AX_STR("256\0"));
    refuses_bytes(AX_STR("1\0RUNNER_QUEUE_MAX"));
    refuses_bytes(AX_STR("1\0RUNNER_QUEUE_MAX\0"));
    refuses_bytes(AX_STR("1\0RUNNER_QUEUE_MAX\0\0"));
    refuses_bytes(AX_STR("1\0RUNNER_QUEUE_MAX\0"
                         "35"));
    refuses_bytes(AX_STR("1\0RUNNER_QUEUE_MAX\0"
                         "/5\0"));
    refuses_bytes(AX_STR("1\0RUNNER_QUEUE_MAX\0"
                         "45\0"));
    refuses_bytes(AX_STR("1\0RUNNER_QUEUE_MAX\0"
                         "3x\0"));
    refuses_bytes(AX_STR("1\0RUNNER_QUEUE_MAX\0"
                         "35\0RUNNER_QUEUE_MAX\0"
                         "35\0"));
    refuses_bytes(AX_STR("2\0RUNNER_QUEUE_MAX\0"
                         "35\0")); /* the loader does not hold it */
    refuses_bytes(AX_STR("1\0RUNNER_QUEUE_MIN\0"
                         "35\0"));
    T_OK(ax_settings_unpack(AX_STR("1\0RUNNER_QUEUE_MAX\0"
                                   "35\0"),
                            &settings, NULL));
    T_EQ(ax_settings_u64(settings, "RUNNER_QUEUE_MAX"), 5);
    ax_settings_free(settings);
}

TEST(settings_can_be_replaced)
{
    AX_AUTO_BUF struct ax_buf bytes = { .max = 1 << 20 };
    AX_AUTO(ax_settings_free) struct ax_settings *part = NULL;
    struct load load = ENV(W("CACHE_ROOT=/some/folder"));
    struct ax_str old;

    T_OK(load.code);
    old = ax_settings_str(load.settings, "CACHE_ROOT");
    T_OK(ax_settings_replace(load.settings, "CACHE_ROOT", ax_str_from(old, 5), NULL));
    T_STR(ax_settings_str(load.settings, "CACHE_ROOT"), AX_STR("/folder"));
    T_CODE(ax_settings_replace(load.settings, "CACHE_ROOT", AX_STR(""), NULL),
           AX_E_INVALID_REQUEST);
    T_CODE(ax_settings_replace(load.settings, "EXT_CACHE_MAX_BYTES", AX_STR("x"), NULL),
           AX_E_INVALID_REQUEST);
    T_OK(ax_settings_replace(load.settings, "EXT_CACHE_MAX_BYTES", AX_STR("2000000"), NULL));
    T_OK(ax_settings_pack(load.settings, AX_ROLE_LOADER, &bytes));
    T_OK(ax_settings_unpack(ax_buf_str(&bytes), &part, NULL));
    T_STR(ax_settings_str(part, "CACHE_ROOT"), AX_STR("/folder"));
    T_EQ(ax_settings_u64(part, "EXT_CACHE_MAX_BYTES"), 2000000); /* where a default was */
    ax_settings_free(load.settings);
}

TEST(settings_print_every_name)
{
    AX_AUTO_BUF struct ax_buf runner = { .max = 1 << 20 };
    AX_AUTO_BUF struct ax_buf gateway = { .max = 1 << 20 };
    AX_AUTO_BUF struct ax_buf page = { .max = 1 << 20 };

    ax_settings_print_help(AX_PROGRAM_RUNNER, &runner);
    ax_settings_print_help(AX_PROGRAM_GATEWAY, &gateway);
    ax_settings_print_reference(&page);
    T_OK(ax_buf_append_byte(&runner, '\0'));
    T_OK(ax_buf_append_byte(&gateway, '\0'));
    T_OK(ax_buf_append_byte(&page, '\0'));
    assert_non_null(strstr(runner.ptr, "--runner-worker-slots="));
    assert_non_null(strstr(runner.ptr, "require or off; default require"));
    assert_null(strstr(runner.ptr, "--edge-workers="));
    assert_non_null(strstr(gateway.ptr, "--edge-workers="));
    assert_null(strstr(gateway.ptr, "--runner-worker-slots="));
    for (size_t i = 0; i < ax_setting_count; i++) {
        char cell[80];

        (void)snprintf(cell, sizeof(cell), "| `%s`", ax_setting_rows[i].name);
        assert_non_null(strstr(page.ptr, cell));
    }
}

TEST(settings_free_takes_nothing)
{
    ax_settings_free(NULL);
}

TEST_MAIN()

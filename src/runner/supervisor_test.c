/* SPDX-License-Identifier: Apache-2.0 */
/* supervisor_test.c - does everybody meet again, whoever ends?
 *
 * The roles are this very program, small ones: each says hello on every socket that it is given and
 * writes down whom it met. They say it on standard error, as lines that the test reads beside the
 * supervisor's own. Signals tell them what to do next. */
#include "runner/supervisor.h"

#include "base/clock.h"
#include "base/test.h"
#include "loop/channel.h"
#include "loop/role.h"
#include "runner/message.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS   2
#define PEERS_MAX 64

/* --- the roles --- */

enum { HELLO = 200 }; /* id: the pid of who says it */

struct actor;

struct actor_peer {
    struct actor *actor;
    struct ax_channel *channel;
    const char *name;
    uint32_t pid; /* as the supervisor told */
};

struct actor {
    const char *name;
    struct ax_settings *settings;
    struct ax_loop loop;
    struct ax_channel *control;
    struct actor_peer peers[PEERS_MAX];
    size_t peer_count;
    uv_signal_t signals[2];
    uint64_t jobs;
};

#define SAY(actor, fmt, ...) \
    dprintf(STDERR_FILENO, "%s %d " fmt "\n", (actor)->name, getpid() __VA_OPT__(, ) __VA_ARGS__)

static enum ax_code actor_on_hello(void *arg, const struct ax_frame *frame, int fd)
{
    struct actor_peer *peer = arg;

    if (fd >= 0 || frame->type != HELLO || frame->id != peer->pid)
        SAY(peer->actor, "was told of %s %u and met %llu", peer->name, peer->pid,
            (unsigned long long)frame->id);
    else
        SAY(peer->actor, "met %s %u", peer->name, peer->pid);
    return AX_OK;
}

static void actor_on_peer_end(void *arg, enum ax_code code)
{
    struct actor_peer *peer = arg;

    (void)code;
    ax_channel_close(peer->channel);
    peer->channel = NULL;
    if (strcmp(peer->actor->name, "builder") == 0)
        ax_loop_stop(&peer->actor->loop);
}

static void actor_meet(struct actor *actor, const char *name, uint32_t pid, int fd)
{
    const struct ax_channel_limits limits = { 1024, 4096 };
    struct actor_peer *peer = &actor->peers[actor->peer_count++];
    const struct ax_channel_handler handler = { actor_on_hello, actor_on_peer_end, NULL, peer };

    peer->actor = actor;
    peer->name = name;
    peer->pid = pid;
    peer->channel = ax_channel_new(&actor->loop, fd, &limits, &handler);
    ax_channel_begin(peer->channel, HELLO, (uint64_t)getpid(), -1);
    if (ax_channel_end(peer->channel) != AX_OK)
        SAY(actor, "cannot say hello");
}

static void actor_take_folder(struct actor *actor, uint8_t which, int fd)
{
    int file = openat(fd, "probe", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

    SAY(actor, "folder %d %s", which, file >= 0 ? "writable" : "not writable");
    if (file >= 0)
        unlinkat(fd, "probe", 0);
    ax_fd_close(&file);
    ax_fd_close(&fd);
}

static void actor_take_settings(struct actor *actor, int fd)
{
    struct ax_settings *settings = NULL;
    struct ax_err err;

    if (ax_role_settings_take(fd, &settings, &err) != AX_OK) {
        SAY(actor, "cannot reload: %s", err.message);
        return;
    }
    ax_settings_free(actor->settings);
    actor->settings = settings;
    if (strcmp(actor->name, "front") == 0)
        SAY(actor, "reloaded %.*s", AX_STR_FMT(ax_settings_str(settings, "RUNNER_SERVICE_TOKEN")));
    else
        SAY(actor, "reloaded");
}

static void actor_take_peer(struct actor *actor, struct ax_reader *reader, int fd)
{
    static const char *const names[] = { "", "front", "loader", "worker" };
    uint8_t peer = ax_reader_u8(reader);
    uint32_t slot = ax_reader_u32(reader);
    uint32_t pid = ax_reader_u32(reader);

    if (peer < 1 || peer > 3 || slot >= WORKERS || !ax_reader_ok(reader))
        SAY(actor, "met nonsense");
    actor_meet(actor, names[peer & 3], pid, fd);
}

static void actor_drain(struct actor *actor)
{
    if (strcmp(actor->name, "front") == 0 &&
        ax_str_ends(ax_settings_str(actor->settings, "RUNNER_PUBLIC_BASE"), AX_STR("stubborn")))
        SAY(actor, "does not end");
    else
        ax_loop_stop(&actor->loop);
}

static enum ax_code actor_on_control(void *arg, const struct ax_frame *frame, int fd)
{
    struct actor *actor = arg;
    struct ax_reader reader = ax_reader_of(frame->payload);

    switch (frame->type) {
    case AX_MSG_LISTENER: /* kept open until the end, as by one who drains */
        SAY(actor, "listener %d", ax_reader_u8(&reader));
        break;
    case AX_MSG_DIR: actor_take_folder(actor, ax_reader_u8(&reader), fd); break;
    case AX_MSG_PEER: actor_take_peer(actor, &reader, fd); break;
    case AX_MSG_BUILDER:
        SAY(actor, "builder for job %llu", (unsigned long long)frame->id);
        actor_meet(actor, "builder", ax_reader_u32(&reader), fd);
        break;
    case AX_MSG_BUILDER_EXIT:
        SAY(actor, "builder of job %llu ended with %u", (unsigned long long)frame->id,
            ax_reader_u32(&reader));
        break;
    case AX_MSG_RELOAD: actor_take_settings(actor, fd); break;
    case AX_MSG_DRAIN: actor_drain(actor); break;
    default: SAY(actor, "does not know %d", frame->type);
    }
    return AX_OK;
}

static void actor_on_control_end(void *arg, enum ax_code code)
{
    struct actor *actor = arg;

    (void)code;
    ax_loop_stop(&actor->loop);
}

static void actor_send(struct actor *actor, uint8_t type, uint64_t id)
{
    struct ax_buf *out = ax_channel_begin(actor->control, type, id, -1);

    if (type == AX_MSG_RESTART_PEER) {
        ax_frame_put_u8(out, AX_PEER_WORKER);
        ax_frame_put_u32(out, 1);
    }
    if (ax_channel_end(actor->control) != AX_OK)
        SAY(actor, "cannot send");
}

/* USR1: the front restarts worker 1, the loader wants a builder. USR2: the loader has the last one
 * killed, all others say what they may not. */
static void actor_on_signal(uv_signal_t *handle, int number)
{
    struct actor *actor = handle->data;
    bool loads = strcmp(actor->name, "loader") == 0;

    if (number == SIGUSR1 && loads)
        actor_send(actor, AX_MSG_WANT_BUILDER, ++actor->jobs);
    else if (number == SIGUSR1)
        actor_send(actor, AX_MSG_RESTART_PEER, 0);
    else if (loads)
        actor_send(actor, AX_MSG_KILL_BUILDER, actor->jobs);
    else
        actor_send(actor, AX_MSG_WANT_BUILDER, 1);
}

static int actor_run(const char *name)
{
    const struct ax_channel_limits limits = { AX_MSG_CONTROL_MAX, AX_MSG_CONTROL_MAX };
    struct actor *actor = ax_alloc(sizeof(*actor));
    const struct ax_channel_handler handler = { actor_on_control, actor_on_control_end, NULL,
                                                actor };
    static const int numbers[] = { SIGUSR1, SIGUSR2 };
    struct ax_err err;

    actor->name = name;
    if (ax_role_settings(&actor->settings, &err) != AX_OK)
        return 1;
    if (strcmp(name, "front") == 0 &&
        ax_str_ends(ax_settings_str(actor->settings, "RUNNER_PUBLIC_BASE"), AX_STR("broken")))
        return 3;
    ax_loop_init(&actor->loop);
    for (size_t i = 0; i < AX_ARRAY_LEN(numbers); i++) {
        uv_signal_init(&actor->loop.uv, &actor->signals[i]);
        actor->signals[i].data = actor;
        uv_signal_start(&actor->signals[i], actor_on_signal, numbers[i]);
    }
    actor->control = ax_channel_new(&actor->loop, AX_ROLE_CONTROL_FD, &limits, &handler);
    SAY(actor, "lives as %u", geteuid());
    actor_send(actor, AX_MSG_READY, 0);
    ax_loop_run(&actor->loop);
    return 0;
}

/* --- the stage --- */

struct stage {
    char folder[64];
    char words[16][256];
    size_t word_count;
    struct ax_supervisor_times times;
    pid_t supervisor;
    int lines; /* reading end of everybody's standard error */
    char said[1 << 18];
    size_t said_len;
    size_t read_to; /* lines before it were asked for already */
};

static void stage_word(struct stage *stage, const char *name, const char *value)
{
    (void)snprintf(stage->words[stage->word_count], sizeof(stage->words[0]), "%s=%s", name, value);
    stage->word_count++;
}

static void stage_conf(struct stage *stage, const char *text)
{
    char path[128];
    int fd;

    (void)snprintf(path, sizeof(path), "%s/annex.conf", stage->folder);
    fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    T_EQ(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void stage_folder(struct stage *stage, const char *setting, const char *prefix,
                         const char *name)
{
    char path[128];

    (void)snprintf(path, sizeof(path), "%s%s/%s", prefix, stage->folder, name);
    stage_word(stage, setting, path);
}

static struct stage *stage_new(void)
{
    struct stage *stage = ax_alloc(sizeof(*stage));
    char path[128];

    T_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); /* to see roles end whose supervisor is gone */
    stage->times = ax_supervisor_times;
    (void)snprintf(stage->folder, sizeof(stage->folder), "/tmp/annex-supervisor-XXXXXX");
    T_TRUE(mkdtemp(stage->folder) != NULL);
    (void)snprintf(path, sizeof(path), "%s/store", stage->folder);
    T_EQ(mkdir(path, 0755), 0);
    stage_conf(stage, "RUNNER_SERVICE_TOKEN=the first token of all\n");
    stage_word(stage, "SIGNING_TRUST_BUNDLE", "-----BEGIN PUBLIC KEY-----");
    stage_word(stage, "RUNNER_LISTEN", "127.0.0.1:0");
    stage_folder(stage, "RUNNER_PUBLIC_LISTEN", "unix:", "socket");
    stage_word(stage, "RUNNER_WORKERS", "2");
    stage_folder(stage, "CACHE_ROOT", "", "cache");
    stage_folder(stage, "STATE_DIR", "", "state");
    stage_folder(stage, "BUNDLE_STORE_BASE", "file://", "store");
    return stage;
}

static void stage_start(struct stage *stage)
{
    static char program[] = "annex-runner";
    static char config[160];
    char *argv[] = { program, config, NULL };
    char *envp[AX_ARRAY_LEN(stage->words) + 1] = { NULL };
    int ends[2];

    (void)snprintf(config, sizeof(config), "--config=%s/annex.conf", stage->folder);
    for (size_t i = 0; i < stage->word_count; i++)
        envp[i] = stage->words[i];
    T_EQ(pipe2(ends, O_CLOEXEC), 0);
    stage->lines = ends[0];
    stage->supervisor = fork();
    if (stage->supervisor == 0) {
        dup2(ends[1], STDERR_FILENO);
        _exit(ax_supervisor_run(2, argv, envp, &stage->times));
    }
    close(ends[1]);
}

/* Reads on until somebody has said a line with `words`, after the line that was waited for last.
 * Returns the line, from its start. */
static const char *stage_await(struct stage *stage, const char *words)
{
    for (;;) {
        char *from = stage->said + stage->read_to;
        char *found = strstr(from, words);
        char *end = found ? strchr(found, '\n') : NULL;
        ssize_t got;

        if (end) {
            while (found > stage->said && found[-1] != '\n')
                found--;
            stage->read_to = (size_t)(end + 1 - stage->said);
            return found;
        }
        got = read(stage->lines, stage->said + stage->said_len,
                   sizeof(stage->said) - 1 - stage->said_len);
        if (got <= 0) {
            print_error("nobody said '%s' in:\n%s\n", words, stage->said);
            T_TRUE(got > 0);
        }
        stage->said_len += (size_t)got;
        stage->said[stage->said_len] = '\0';
    }
}

/* Lines may come in any order among different processes: look at all of them again. */
static void stage_rewind(struct stage *stage, size_t to)
{
    stage->read_to = to;
}

/* The pid in a line that begins with "name pid ". */
static pid_t who(const char *line)
{
    const char *space = strchr(line, ' ');

    T_TRUE(space != NULL);
    return (pid_t)strtol(space + 1, NULL, 10);
}

static pid_t whom(const char *line, const char *words)
{
    const char *found = strstr(line, words);

    T_TRUE(found != NULL);
    return (pid_t)strtol(found + strlen(words), NULL, 10);
}

struct cast {
    pid_t front, loader, workers[WORKERS], builder;
};

/* Waits for all lines that say that these two met. */
static void met(struct stage *stage, size_t since, const char *a, pid_t a_pid, const char *b,
                pid_t b_pid)
{
    char line[128];

    (void)snprintf(line, sizeof(line), "%s %d met %s %d\n", a, a_pid, b, b_pid);
    stage_rewind(stage, since);
    stage_await(stage, line);
    (void)snprintf(line, sizeof(line), "%s %d met %s %d\n", b, b_pid, a, a_pid);
    stage_rewind(stage, since);
    stage_await(stage, line);
}

static pid_t lives(struct stage *stage, size_t since, const char *name)
{
    char words[64];

    (void)snprintf(words, sizeof(words), "\n%s ", name);
    stage_rewind(stage, since);
    for (;;) {
        const char *line = stage_await(stage, " lives as ");

        if (strncmp(line, name, strlen(name)) == 0)
            return who(line);
    }
}

static void all_met(struct stage *stage, size_t since, const struct cast *cast)
{
    met(stage, since, "front", cast->front, "loader", cast->loader);
    for (size_t i = 0; i < WORKERS; i++)
        met(stage, since, "front", cast->front, "worker", cast->workers[i]);
}

static struct cast stage_open(struct stage *stage)
{
    struct cast cast;
    size_t second;

    stage_start(stage);
    cast.front = lives(stage, 0, "front");
    cast.loader = lives(stage, 0, "loader");
    cast.builder = lives(stage, 0, "builder");
    cast.workers[0] = lives(stage, 0, "worker");
    second = stage->read_to;
    cast.workers[1] = lives(stage, second, "worker");
    all_met(stage, 0, &cast);
    return cast;
}

/* Kills it and returns the place in the lines from where on it has successors. */
static size_t strike(struct stage *stage, pid_t pid)
{
    size_t since = stage->said_len;
    char words[64];

    T_EQ(kill(pid, SIGKILL), 0);
    (void)snprintf(words, sizeof(words), "\"pid\":%d,\"status\":\"signal 9\"", pid);
    stage_rewind(stage, since);
    T_TRUE(strstr(stage_await(stage, words), "role.exited") != NULL);
    return stage->read_to;
}

static int stage_end(struct stage *stage, int signal_number)
{
    int status;

    if (signal_number)
        T_EQ(kill(stage->supervisor, signal_number), 0);
    T_EQ(waitpid(stage->supervisor, &status, 0), stage->supervisor);
    return status;
}

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *place)
{
    (void)about;
    (void)type;
    (void)place;
    return remove(path);
}

static void stage_free(struct stage *stage)
{
    T_TRUE(strstr(stage->said, "nonsense") == NULL);
    T_TRUE(strstr(stage->said, "does not know") == NULL);
    T_TRUE(strstr(stage->said, "was told of") == NULL);
    close(stage->lines);
    T_EQ(nftw(stage->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    free(stage);
}

static void ends_well(struct stage *stage)
{
    int status = stage_end(stage, SIGTERM);
    char path[128];

    T_TRUE(WIFEXITED(status));
    T_EQ(WEXITSTATUS(status), 0);
    T_EQ(waitpid(-1, NULL, 0), -1); /* nobody is left behind */
    (void)snprintf(path, sizeof(path), "%s/socket", stage->folder);
    T_EQ(access(path, F_OK), -1); /* and nothing */
    stage_free(stage);
}

TEST(everybody_gets_what_is_due_at_the_start)
{
    struct stage *stage = stage_new();
    struct cast cast = stage_open(stage);
    static const char *const due[] = { "front %d listener 1\n", "front %d listener 2\n",
                                       "loader %d folder 1 writable\n",
                                       "loader %d folder 2 writable\n", "loader %d folder 3 " };

    for (size_t i = 0; i < AX_ARRAY_LEN(due); i++) {
        char line[64];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void)snprintf(line, sizeof(line), due[i], i < 2 ? cast.front : cast.loader);
#pragma GCC diagnostic pop
        stage_rewind(stage, 0);
        stage_await(stage, line);
    }
    ends_well(stage);
}

TEST(roles_of_root_are_different_users)
{
    static const char *const names[] = { "front", "loader", "builder", "worker" };
    struct stage *stage = stage_new();

    (void)stage_open(stage);
    for (unsigned i = 0; i < AX_ARRAY_LEN(names); i++) {
        const char *line;

        stage_rewind(stage, 0);
        do
            line = stage_await(stage, " lives as ");
        while (strncmp(line, names[i], strlen(names[i])) != 0);
        T_EQ(whom(line, " lives as "), geteuid() == 0 ? 61000 + (pid_t)i : (pid_t)geteuid());
    }
    ends_well(stage);
}

TEST(killed_worker_comes_back_and_meets_the_front)
{
    struct stage *stage = stage_new();
    struct cast cast = stage_open(stage);

    for (int round = 0; round < 5; round++) { /* also when it happens again and again */
        size_t since = strike(stage, cast.workers[round % 2]);

        cast.workers[round % 2] = lives(stage, since, "worker");
        met(stage, since, "front", cast.front, "worker", cast.workers[round % 2]);
    }
    ends_well(stage);
}

TEST(killed_loader_comes_back_with_its_folders_and_meets_the_front)
{
    struct stage *stage = stage_new();
    struct cast cast = stage_open(stage);
    size_t since = strike(stage, cast.loader);

    cast.loader = lives(stage, since, "loader");
    met(stage, since, "front", cast.front, "loader", cast.loader);
    stage_rewind(stage, since);
    stage_await(stage, "folder 1 writable");
    ends_well(stage);
}

TEST(killed_front_comes_back_with_its_listeners_and_meets_everybody)
{
    struct stage *stage = stage_new();
    struct cast cast = stage_open(stage);
    size_t since = strike(stage, cast.front);

    cast.front = lives(stage, since, "front");
    all_met(stage, since, &cast);
    stage_rewind(stage, since);
    stage_await(stage, "listener 1");
    stage_await(stage, "listener 2");
    ends_well(stage);
}

TEST(front_may_have_a_worker_replaced)
{
    struct stage *stage = stage_new();
    struct cast cast = stage_open(stage);
    size_t since = stage->said_len;

    T_EQ(kill(cast.front, SIGUSR1), 0);
    cast.workers[1] = lives(stage, since, "worker");
    met(stage, since, "front", cast.front, "worker", cast.workers[1]);
    ends_well(stage);
}

TEST(role_that_breaks_the_rules_is_replaced)
{
    struct stage *stage = stage_new();
    struct cast cast = stage_open(stage);
    size_t since = stage->said_len;

    T_EQ(kill(cast.workers[0], SIGUSR2), 0); /* a worker wants a builder */
    stage_await(stage, "role.broke_rules");
    cast.workers[0] = lives(stage, since, "worker");
    met(stage, since, "front", cast.front, "worker", cast.workers[0]);
    T_TRUE(strstr(stage->said, "builder for job") == NULL);
    ends_well(stage);
}

/* The loader asks for its next builder; which one came? */
static pid_t wants(struct stage *stage, const struct cast *cast, unsigned job)
{
    char words[64];
    size_t since = stage->said_len;
    pid_t builder;

    T_EQ(kill(cast->loader, SIGUSR1), 0);
    (void)snprintf(words, sizeof(words), "builder for job %u\n", job);
    stage_rewind(stage, since);
    stage_await(stage, words);
    builder = whom(stage_await(stage, " met builder "), " met builder ");
    met(stage, since, "loader", cast->loader, "builder", builder);
    return builder;
}

TEST(builder_in_reserve_takes_the_first_job_and_jobs_queue)
{
    struct stage *stage = stage_new();
    struct cast cast = stage_open(stage);
    pid_t first = wants(stage, &cast, 1);
    pid_t reserve, second;
    size_t since = stage->said_len;

    T_EQ(first, cast.builder);
    reserve = lives(stage, 0, "builder");
    if (reserve == first)
        reserve = lives(stage, stage->read_to, "builder");
    T_EQ(kill(cast.loader, SIGUSR1), 0); /* one at a time: this one waits */
    T_EQ(kill(first, SIGKILL), 0);
    stage_rewind(stage, since);
    stage_await(stage, "builder of job 1 ended with 9\n");
    stage_await(stage, "builder for job 2\n");
    second = whom(stage_await(stage, " met builder "), " met builder ");
    T_EQ(second, reserve);
    ends_well(stage);
}

TEST(builder_that_falls_in_reserve_is_replaced)
{
    struct stage *stage = stage_new();
    struct cast cast = stage_open(stage);
    size_t since = strike(stage, cast.builder);

    cast.builder = lives(stage, since, "builder");
    T_EQ(wants(stage, &cast, 1), cast.builder);
    ends_well(stage);
}

TEST(builder_is_killed_when_its_time_is_over)
{
    struct stage *stage = stage_new();
    struct cast cast;

    stage->times.builder_ms = 100;
    cast = stage_open(stage);
    (void)wants(stage, &cast, 1);
    stage_rewind(stage, 0);
    stage_await(stage, "builder of job 1 ended with 9\n");
    ends_well(stage);
}

TEST(builder_is_killed_when_the_loader_says_so_or_ends)
{
    struct stage *stage = stage_new();
    struct cast cast = stage_open(stage);
    char words[64];
    pid_t builder;
    size_t since;

    (void)wants(stage, &cast, 1);
    T_EQ(kill(cast.loader, SIGUSR2), 0);
    stage_rewind(stage, 0);
    stage_await(stage, "builder of job 1 ended with 9\n");
    builder = wants(stage, &cast, 2);
    since = stage->said_len;
    (void)strike(stage, cast.loader);
    (void)snprintf(words, sizeof(words), "\"pid\":%d,\"status\":", builder);
    stage_rewind(stage, since); /* it may be quicker than the signal, and end by itself */
    stage_await(stage, words);
    ends_well(stage);
}

TEST(settings_are_read_again_on_hup_and_bad_ones_change_nothing)
{
    struct stage *stage = stage_new();
    struct cast cast = stage_open(stage);

    stage_conf(stage, "RUNNER_SERVICE_TOKEN=the second token of all\n");
    T_EQ(kill(stage->supervisor, SIGHUP), 0);
    stage_await(stage, "reloaded the second token of all\n");
    stage_conf(stage, "RUNNER_SERVICE_TOKEN=short\n");
    T_EQ(kill(stage->supervisor, SIGHUP), 0);
    stage_await(stage, "settings.refused");
    (void)strike(stage, cast.front); /* what is started now has the last good ones */
    cast.front = lives(stage, stage->read_to, "front");
    stage_conf(stage, "RUNNER_SERVICE_TOKEN=the third token of all\nRUNNER_COMPILE_JOBS=2\n");
    T_EQ(kill(stage->supervisor, SIGHUP), 0);
    stage_await(stage, "settings.need_restart");
    stage_await(stage, "reloaded the third token of all\n");
    ends_well(stage);
}

TEST(front_that_does_not_drain_is_killed)
{
    struct stage *stage = stage_new();
    int status;

    stage->times.drain_ms = 10;
    stage_word(stage, "RUNNER_PUBLIC_BASE", "http://stubborn");
    (void)stage_open(stage);
    status = stage_end(stage, SIGTERM);
    T_TRUE(WIFEXITED(status));
    T_EQ(WEXITSTATUS(status), 1);
    T_EQ(waitpid(-1, NULL, 0), -1);
    stage_free(stage);
}

TEST(second_signal_does_not_wait)
{
    struct stage *stage = stage_new();
    uint64_t before = ax_clock_mono_ms();
    int status;

    stage_word(stage, "RUNNER_PUBLIC_BASE", "http://stubborn");
    (void)stage_open(stage);
    T_EQ(kill(stage->supervisor, SIGINT), 0);
    stage_await(stage, "does not end");
    status = stage_end(stage, SIGTERM);
    T_TRUE(WIFEXITED(status));
    T_EQ(WEXITSTATUS(status), 1);
    T_TRUE(ax_clock_mono_ms() - before < stage->times.drain_ms);
    T_EQ(waitpid(-1, NULL, 0), -1);
    stage_free(stage);
}

TEST(role_that_never_starts_ends_everything)
{
    struct stage *stage = stage_new();
    int status;

    stage_word(stage, "RUNNER_PUBLIC_BASE", "http://broken");
    stage_start(stage);
    stage_await(stage, "role.gave_up");
    status = stage_end(stage, 0);
    T_TRUE(WIFEXITED(status));
    T_EQ(WEXITSTATUS(status), 1);
    T_EQ(waitpid(-1, NULL, 0), -1);
    stage_free(stage);
}

TEST(everybody_dies_with_the_supervisor)
{
    struct stage *stage = stage_new();
    unsigned roles = 0;
    int status;

    (void)stage_open(stage);
    status = stage_end(stage, SIGKILL);
    T_TRUE(WIFSIGNALED(status));
    while (waitpid(-1, &status, 0) > 0) /* they are ours now */
        roles++;
    T_EQ(roles, 3 + WORKERS);
    stage_free(stage);
}

TEST(runner_without_a_token_does_not_start)
{
    struct stage *stage = stage_new();
    int status;

    stage_conf(stage, "# nothing\n");
    stage_start(stage);
    stage_await(stage, "RUNNER_SERVICE_TOKEN is not set");
    status = stage_end(stage, 0);
    T_TRUE(WIFEXITED(status));
    T_EQ(WEXITSTATUS(status), 2);
    stage_free(stage);
}

int main(int argc, char **argv)
{
    const char *name;

    if (ax_role_from_args(argc, argv, &name))
        _exit(actor_run(name));
    return ax_test_main(argc, argv);
}

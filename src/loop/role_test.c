/* SPDX-License-Identifier: Apache-2.0 */
/* role_test.c - is a role born with nothing but its due, and does sealing take the rest?
 *
 * The roles here are this very program, started again as a supervisor would; they tell over the
 * control socket what /proc says about them. */
#include "loop/role.h"

#include "base/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOLD_MAX   16384
#define OTHER_USER 65534

/* --- the roles --- */

static void tell_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(dir))
            dprintf(AX_ROLE_CONTROL_FD, " %s", entry->d_name);
    }
    if (dir)
        closedir(dir);
    dprintf(AX_ROLE_CONTROL_FD, "\n");
}

static void tell_file(const char *path)
{
    char room[4096];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = read(fd, room, sizeof(room) - 1);

    for (ssize_t i = 0; i < got; i++) {
        if (room[i] == '\0')
            room[i] = ' ';
    }
    dprintf(AX_ROLE_CONTROL_FD, "%.*s\n", got > 0 ? (int)got : 0, room);
    close(fd);
}

static void tell_limit(const char *name, __rlimit_resource_t resource)
{
    struct rlimit limit;

    if (getrlimit(resource, &limit) == 0)
        dprintf(AX_ROLE_CONTROL_FD, "%s %llu %llu\n", name, (unsigned long long)limit.rlim_cur,
                (unsigned long long)limit.rlim_max);
}

static void *thread_wait(void *arg)
{
    pause();
    return arg;
}

/* What /proc says about a thread that was there before this process was sealed. */
static void tell_thread(pid_t first)
{
    DIR *dir = opendir("/proc/self/task");
    struct dirent *entry;
    char path[64];

    while (dir && (entry = readdir(dir))) {
        if (entry->d_name[0] == '.' || atoi(entry->d_name) == first)
            continue;
        (void)snprintf(path, sizeof(path), "/proc/self/task/%.20s/status", entry->d_name);
        dprintf(AX_ROLE_CONTROL_FD, "thread:\n");
        tell_file(path);
    }
    if (dir)
        closedir(dir);
}

static int role_look(void)
{
    const struct ax_role_limits limits = { .files = 40, .cpu_s = 50, .processes = 60, .nice = 5 };
    AX_AUTO(ax_settings_free) struct ax_settings *settings = NULL;
    struct ax_err err;
    int kept[2], lost, source;
    pthread_t thread;

    signal(SIGPIPE, SIG_IGN);
    dprintf(AX_ROLE_CONTROL_FD, "born:");
    tell_fds();
    dprintf(AX_ROLE_CONTROL_FD, "environ:");
    tell_file("/proc/self/environ");
    dprintf(AX_ROLE_CONTROL_FD, "cmdline:");
    tell_file("/proc/self/cmdline");
    tell_limit("core", RLIMIT_CORE);
    if (ax_role_settings(&settings, &err) != AX_OK)
        return 1;
    dprintf(AX_ROLE_CONTROL_FD, "token: %.*s\n",
            AX_STR_FMT(ax_settings_str(settings, "RUNNER_SERVICE_TOKEN")));
    source = open("/dev/null", O_RDONLY);
    kept[0] = fcntl(source, F_DUPFD, 20);
    kept[1] = fcntl(source, F_DUPFD, 9);
    lost = fcntl(source, F_DUPFD, 5);
    close(source);
    if (lost != 5 || pthread_create(&thread, NULL, thread_wait, NULL) != 0)
        return 1;
    if (ax_role_seal(&limits, kept, 2, &err) != AX_OK) {
        dprintf(AX_ROLE_CONTROL_FD, "not sealed: %s\n", err.message);
        return 1;
    }
    dprintf(AX_ROLE_CONTROL_FD, "own user: %d\n", ax_role_has_own_user());
    dprintf(AX_ROLE_CONTROL_FD, "sealed:");
    tell_fds();
    dprintf(AX_ROLE_CONTROL_FD, "dumpable: %d\n", prctl(PR_GET_DUMPABLE));
    tell_file("/proc/self/status");
    tell_limit("files", RLIMIT_NOFILE);
    tell_limit("cpu", RLIMIT_CPU);
    tell_limit("processes", RLIMIT_NPROC);
    errno = 0;
    dprintf(AX_ROLE_CONTROL_FD, "nice: %d\n", getpriority(PRIO_PROCESS, 0));
    tell_thread(getpid());
    return 42;
}

/* Lives until its supervisor lets go of the control socket. */
static int role_wait(void)
{
    char byte;

    dprintf(AX_ROLE_CONTROL_FD, "here\n");
    while (read(AX_ROLE_CONTROL_FD, &byte, 1) > 0)
        ;
    return 0;
}

/* Says that it is there and lives on, whatever happens to the control socket. */
static _Noreturn void role_stay(void)
{
    dprintf(AX_ROLE_CONTROL_FD, "here\n");
    for (;;)
        pause();
}

static int role_run(const char *name)
{
    if (strcmp(name, "look") == 0)
        return role_look();
    if (strcmp(name, "wait") == 0)
        return role_wait();
    role_stay();
}

/* --- the supervisor --- */

struct birthplace {
    struct ax_loop loop;
    struct ax_settings *settings;
    struct ax_child *child;
    int control;
    unsigned exits;
    int status;
    char told[TOLD_MAX];
    size_t told_len;
};

static void birthplace_on_exit(struct ax_child *child, int status, void *arg)
{
    struct birthplace *place = arg;

    T_EQ(ax_child_pid(child), -1);
    ax_child_kill(child, SIGKILL); /* hits nobody */
    place->exits++;
    place->status = status;
    ax_loop_stop(&place->loop);
}

static struct birthplace *birthplace_new(void)
{
    static char *const argv[] = { (char *)(uintptr_t)"annex-runner", NULL };
    static char *const envp[] = { (char *)(uintptr_t)"RUNNER_SERVICE_TOKEN=canary-of-the-front",
                                  NULL };
    struct birthplace *place = ax_alloc(sizeof(*place));
    struct ax_err err;

    ax_loop_init(&place->loop);
    T_OK(ax_settings_load(AX_PROGRAM_RUNNER, 1, argv, envp, &place->settings, &err));
    return place;
}

static enum ax_code birthplace_start(struct birthplace *place, const char *role, uid_t uid,
                                     struct ax_err *err)
{
    const struct ax_child_spec spec = {
        .role = role, .settings = place->settings, .role_bit = AX_ROLE_FRONT, .uid = uid, .gid = uid
    };

    return ax_child_start(&place->loop, &spec, birthplace_on_exit, place, &place->child,
                          &place->control, err);
}

/* Reads what the role says, until it says `last` or its end closes. */
static void birthplace_listen(struct birthplace *place, const char *last)
{
    ssize_t got;

    do {
        got = read(place->control, place->told + place->told_len,
                   sizeof(place->told) - 1 - place->told_len);
        if (got > 0)
            place->told_len += (size_t)got;
        place->told[place->told_len] = '\0';
    } while (got > 0 && !(last && strstr(place->told, last)));
}

static void birthplace_free(struct birthplace *place)
{
    ax_fd_close(&place->control);
    ax_child_free(place->child);
    ax_settings_free(place->settings);
    ax_loop_done(&place->loop);
    free(place);
}

static void says(const struct birthplace *place, const char *line)
{
    if (!strstr(place->told, line))
        print_error("'%s' is not in what the role told:\n%s\n", line, place->told);
    T_TRUE(strstr(place->told, line) != NULL);
}

static void also_of_its_thread(const struct birthplace *place)
{
    const char *thread = strstr(place->told, "thread:\n");

    T_TRUE(thread != NULL);
    T_TRUE(strstr(thread, "CapPrm:\t0000000000000000\n") != NULL);
    T_TRUE(strstr(thread, "CapEff:\t0000000000000000\n") != NULL);
    T_TRUE(strstr(thread, "NoNewPrivs:\t1\n") != NULL);
}

static void a_role_is_born_with_its_due_and_sealed(uid_t uid)
{
    struct birthplace *place = birthplace_new();
    int extra = fcntl(STDERR_FILENO, F_DUPFD, 30); /* not close-on-exec: must not get through */
    struct ax_err err;

    T_OK(birthplace_start(place, "look", uid, &err));
    birthplace_listen(place, NULL);
    says(place, "born: 0 1 2 3 4\n");
    says(place, "environ:\n");
    says(place, " role look \n");
    says(place, "core 0 0\n");
    says(place, "token: canary-of-the-front\n");
    says(place, "sealed: 0 1 2 3 9 20\n"); /* 4 was read and closed */
    says(place, "dumpable: 0\n");
    says(place, "CapInh:\t0000000000000000\n");
    says(place, "CapPrm:\t0000000000000000\n");
    says(place, "CapEff:\t0000000000000000\n");
    if (geteuid() == 0) /* who may not change it gains nothing from it: no_new_privs */
        says(place, "CapBnd:\t0000000000000000\n");
    says(place, "CapAmb:\t0000000000000000\n");
    says(place, "NoNewPrivs:\t1\n");
    says(place, "SigIgn:\t0000000000001000\n"); /* only what the role itself ignores */
    also_of_its_thread(place);
    says(place, "files 40 40\n");
    says(place, "cpu 50 50\n");
    says(place, "processes 60 60\n");
    says(place, getpriority(PRIO_PROCESS, 0) > 5 ? "nice: " : "nice: 5\n"); /* kept when lower */
    says(place, uid != 0 ? "own user: 1\n" : "own user: 0\n");
    if (uid != 0) {
        says(place, "Uid:\t65534\t65534\t65534\t65534\n");
        says(place, "Gid:\t65534\t65534\t65534\t65534\n");
        says(place, "Groups:\t \n");
    }
    ax_loop_run(&place->loop);
    T_EQ(place->exits, 1);
    T_TRUE(WIFEXITED(place->status));
    T_EQ(WEXITSTATUS(place->status), 42);
    close(extra);
    birthplace_free(place);
}

TEST(role_is_born_with_its_due_and_sealed)
{
    signal(SIGUSR1, SIG_IGN); /* must not be inherited */
    a_role_is_born_with_its_due_and_sealed(0);
}

TEST(role_becomes_another_user_when_root_asks_and_else_says_why_not)
{
    struct birthplace *place;
    struct ax_err err;

    if (geteuid() == 0) {
        a_role_is_born_with_its_due_and_sealed(OTHER_USER);
        T_EQ(syscall(SYS_setresuid, OTHER_USER, OTHER_USER, OTHER_USER), 0);
    }
    place = birthplace_new();
    place->control = -1;
    T_CODE(birthplace_start(place, "look", OTHER_USER - 1, &err), AX_E_IO);
    T_TRUE(strstr(err.message, "setgroups") != NULL);
    birthplace_free(place);
}

TEST(role_sees_its_supervisor_let_go)
{
    struct birthplace *place = birthplace_new();
    struct ax_err err;

    T_OK(birthplace_start(place, "wait", 0, &err));
    T_TRUE(ax_child_pid(place->child) > 0);
    birthplace_listen(place, "here");
    T_EQ(place->exits, 0);
    ax_fd_close(&place->control);
    ax_loop_run(&place->loop);
    T_TRUE(WIFEXITED(place->status) && WEXITSTATUS(place->status) == 0);
    birthplace_free(place);
}

TEST(role_that_is_killed_is_reported_once)
{
    struct birthplace *place = birthplace_new();
    struct ax_err err;

    T_OK(birthplace_start(place, "stay", 0, &err));
    birthplace_listen(place, "here");
    ax_child_kill(place->child, SIGKILL);
    ax_loop_run(&place->loop);
    uv_run(&place->loop.uv, UV_RUN_NOWAIT);
    T_EQ(place->exits, 1);
    T_TRUE(WIFSIGNALED(place->status) && WTERMSIG(place->status) == SIGKILL);
    birthplace_free(place);
}

TEST(role_that_is_let_go_of_is_killed_and_reaped)
{
    struct birthplace *place = birthplace_new();
    struct ax_err err;
    pid_t pid;

    T_OK(birthplace_start(place, "stay", 0, &err));
    birthplace_listen(place, "here");
    pid = ax_child_pid(place->child);
    birthplace_free(place);
    T_EQ(waitpid(pid, NULL, WNOHANG), -1);
    T_EQ(errno, ECHILD);
}

/* The pid that the role sees of itself, its supervisor's being another process of the test. */
static pid_t start_and_die(int result_fd)
{
    pid_t supervisor = fork();

    if (supervisor == 0) {
        struct birthplace *place = birthplace_new();
        struct ax_err err;
        pid_t role;

        T_OK(birthplace_start(place, "stay", 0, &err));
        birthplace_listen(place, "here");
        role = ax_child_pid(place->child);
        (void)!write(result_fd, &role, sizeof(role));
        kill(getpid(), SIGKILL);
    }
    return supervisor;
}

TEST(role_dies_with_its_supervisor)
{
    int result[2];
    pid_t supervisor, role;
    int status;

    T_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); /* the role becomes ours, so its end can be seen */
    T_EQ(pipe(result), 0);
    supervisor = start_and_die(result[1]);
    T_EQ(read(result[0], &role, sizeof(role)), sizeof(role));
    T_EQ(waitpid(supervisor, &status, 0), supervisor);
    T_EQ(waitpid(role, &status, 0), role);
    T_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    close(result[0]);
    close(result[1]);
}

TEST(settings_travel_sealed)
{
    struct birthplace *place = birthplace_new();
    struct ax_settings *settings = NULL;
    struct ax_err err;
    int fd = -1;

    place->control = -1;
    T_OK(ax_role_settings_fd(place->settings, AX_ROLE_FRONT, &fd));
    T_EQ(write(fd, "x", 1), -1);
    T_EQ(ftruncate(fd, 0), -1);
    T_TRUE(mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
    T_OK(ax_role_settings_take(fd, &settings, &err));
    T_STR(ax_settings_str(settings, "RUNNER_SERVICE_TOKEN"), AX_STR("canary-of-the-front"));
    ax_settings_free(settings);
    settings = NULL;
    T_EQ(fcntl(fd, F_GETFD), -1); /* taken over */

    fd = memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    T_CODE(ax_role_settings_take(fd, &settings, &err), AX_E_INVALID_REQUEST);
    fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    T_CODE(ax_role_settings_take(fd, &settings, &err), AX_E_INVALID_REQUEST);
    T_TRUE(settings == NULL);
    birthplace_free(place);
}

TEST(role_is_known_by_its_arguments)
{
    char program[] = "annex-runner", role[] = "role", front[] = "front";
    char *args[] = { program, role, front, front, NULL };
    const char *name = NULL;

    T_TRUE(ax_role_from_args(3, args, &name));
    T_STR(ax_str_of(name), AX_STR("front"));
    T_FALSE(ax_role_from_args(1, args, &name));
    T_FALSE(ax_role_from_args(2, args, &name));
    T_FALSE(ax_role_from_args(4, args, &name));
    T_FALSE(ax_role_from_args(3, args + 1, &name));
}

int main(int argc, char **argv)
{
    const char *name;

    if (ax_role_from_args(argc, argv, &name))
        _exit(role_run(name)); /* no leak check: a sealed process cannot be looked into */
    return ax_test_main(argc, argv);
}

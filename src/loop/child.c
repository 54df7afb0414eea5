/* SPDX-License-Identifier: Apache-2.0 */
/* child.c - how does a supervisor start a role?
 *
 * fork, put every descriptor in its place, become somebody else if asked, exec. Between fork and
 * exec only system calls are made. A pipe that exec closes tells the supervisor about the step that
 * failed; a pidfd in the loop tells it about the end. */
#include "loop/role.h"

#include "base/alloc.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_CAPS_MAX 64

struct ax_child {
    uv_poll_t poll; /* of pidfd */
    pid_t pid;      /* -1: it has ended and its number may be another's */
    int pidfd;
    void (*on_exit)(struct ax_child *child, int status, void *arg);
    void *arg;
};

/* The descriptors that a child is born with, and where they have to be. The last two are closed by
 * exec. */
enum { BIRTH_NULL, BIRTH_CONTROL, BIRTH_SETTINGS, BIRTH_PROGRAM, BIRTH_REPORT, BIRTH_FDS };
static const int birth_places[BIRTH_FDS] = { STDIN_FILENO, AX_ROLE_CONTROL_FD, AX_ROLE_SETTINGS_FD,
                                             5, 6 };
#define BIRTH_FIRST_FREE 7

struct birth {
    int fds[BIRTH_FDS];
    int control; /* the supervisor's end */
    int report;  /* the reading end */
    char *argv[4];
    uid_t uid;
    gid_t gid;
    pid_t parent;
};

struct birth_report { /* what a child says when it cannot become what it should */
    char step[28];
    int32_t error;
};

/* --- in the child, between fork and exec --- */

static _Noreturn void birth_fail(int report_fd, const char *step)
{
    struct birth_report report = { .error = errno };

    strncpy(report.step, step, sizeof(report.step) - 1);
    (void)!write(report_fd, &report, sizeof(report));
    _exit(127);
}

/* Moves all descriptors out of each other's way, then each to its place. Returns the report's. */
static int birth_place_fds(struct birth *birth)
{
    for (int i = 0; i < BIRTH_FDS; i++) {
        int moved = fcntl(birth->fds[i], F_DUPFD_CLOEXEC, BIRTH_FIRST_FREE);

        if (moved < 0)
            birth_fail(birth->fds[BIRTH_REPORT], "descriptors");
        birth->fds[i] = moved;
    }
    for (int i = 0; i < BIRTH_FDS; i++) {
        bool stays = i < BIRTH_PROGRAM;

        if (dup3(birth->fds[i], birth_places[i], stays ? 0 : O_CLOEXEC) < 0)
            birth_fail(birth->fds[BIRTH_REPORT], "descriptors");
    }
    for (int log = STDOUT_FILENO; log <= STDERR_FILENO; log++) {
        if (fcntl(log, F_GETFD) < 0)
            (void)dup2(STDIN_FILENO, log); /* a closed one would be taken by what comes first */
    }
    if (close_range(BIRTH_FIRST_FREE, UINT_MAX, 0) != 0)
        birth_fail(birth_places[BIRTH_REPORT], "close_range");
    return birth_places[BIRTH_REPORT];
}

static void birth_reset_signals(void)
{
    sigset_t none;

    for (int signal_number = 1; signal_number < NSIG; signal_number++)
        (void)signal(signal_number, SIG_DFL); /* an ignored one would stay ignored */
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void birth_change_user(const struct birth *birth, int report)
{
    /* Bare system calls: the library's would want to tell threads that do not exist here. */
    if (syscall(SYS_setgroups, 0, NULL) != 0)
        birth_fail(report, "setgroups");
    if (syscall(SYS_setresgid, birth->gid, birth->gid, birth->gid) != 0)
        birth_fail(report, "setresgid");
    if (syscall(SYS_setresuid, birth->uid, birth->uid, birth->uid) != 0)
        birth_fail(report, "setresuid");
}

/* Before exec, although sealing does it too: these belong to threads, and a role may have several
 * before it is sealed. With no_new_privs exec gives nothing back, not even to root. */
static void birth_drop_privileges(const struct birth *birth, int report)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

    for (unsigned long cap = 0; cap < CHILD_CAPS_MAX; cap++)
        (void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0); /* refused to who has no right to */
    if (birth->uid != 0)
        birth_change_user(birth, report);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 ||
        syscall(SYS_capset, &header, none) != 0)
        birth_fail(report, "capabilities");
}

static _Noreturn void birth_run(struct birth *birth)
{
    static char *const environment[] = { NULL };
    const struct rlimit no_core = { 0, 0 };
    int report = birth_place_fds(birth);

    birth_reset_signals();
    (void)setsid(); /* the terminal's Ctrl-C is for the supervisor, which then drains */
    (void)umask(077);
    if (chdir("/") != 0 || setrlimit(RLIMIT_CORE, &no_core) != 0)
        birth_fail(report, "chdir, setrlimit");
    birth_drop_privileges(birth, report);
    /* After the change of user, which would clear it. Then look whether it came too late. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        birth_fail(report, "PR_SET_PDEATHSIG");
    if (getppid() != birth->parent)
        _exit(127);
    (void)syscall(SYS_execveat, birth_places[BIRTH_PROGRAM], "", birth->argv, environment,
                  AT_EMPTY_PATH);
    birth_fail(report, "exec");
}

/* --- in the supervisor --- */

static void birth_done(struct birth *birth)
{
    for (int i = 0; i < BIRTH_FDS; i++)
        ax_fd_close(&birth->fds[i]);
    ax_fd_close(&birth->control);
    ax_fd_close(&birth->report);
}

static enum ax_code birth_prepare(struct birth *birth, const struct ax_child_spec *spec,
                                  struct ax_err *err)
{
    int control[2] = { -1, -1 };
    int report[2] = { -1, -1 };
    enum ax_code code = ax_role_settings_fd(spec->settings, spec->role_bit,
                                            &birth->fds[BIRTH_SETTINGS]);

    if (code != AX_OK)
        return ax_err_set(err, code, "the settings of role %s cannot be packed", spec->role);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) != 0 ||
        pipe2(report, O_CLOEXEC) != 0)
        code = AX_E_IO;
    birth->control = control[0];
    birth->fds[BIRTH_CONTROL] = control[1];
    birth->report = report[0];
    birth->fds[BIRTH_REPORT] = report[1];
    birth->fds[BIRTH_NULL] = open("/dev/null", O_RDWR | O_CLOEXEC);
    /* The program that runs now, also when an upgrade has put another one into its place. */
    birth->fds[BIRTH_PROGRAM] = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (code != AX_OK || birth->fds[BIRTH_NULL] < 0 || birth->fds[BIRTH_PROGRAM] < 0)
        return ax_err_set(err, AX_E_IO, "role %s: %s", spec->role, strerror(errno));
    return AX_OK;
}

static pid_t birth_fork(struct birth *birth)
{
    sigset_t all, before;
    pid_t pid;

    /* A signal between fork and the child's reset would run libuv's handler in the child and be
     * taken for one of ours. */
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    pid = fork();
    if (pid == 0)
        birth_run(birth);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pid;
}

/* Waits until the child is a new program (the pipe ends) or says why not. */
static enum ax_code birth_await(struct birth *birth, const char *role, struct ax_err *err)
{
    struct birth_report report;
    ssize_t got;

    ax_fd_close(&birth->fds[BIRTH_REPORT]);
    do
        got = read(birth->report, &report, sizeof(report));
    while (got < 0 && errno == EINTR);
    if (got == 0)
        return AX_OK;
    if (got != sizeof(report))
        return ax_err_set(err, AX_E_IO, "role %s could not be started", role);
    return ax_err_set(err, AX_E_IO, "role %s could not be started: %.*s: %s", role,
                      (int)sizeof(report.step), report.step, strerror(report.error));
}

static void child_on_closed(uv_handle_t *handle)
{
    free(AX_CONTAINER_OF(handle, struct ax_child, poll));
}

static void child_on_poll(uv_poll_t *poll, int poll_status, int events)
{
    struct ax_child *child = AX_CONTAINER_OF(poll, struct ax_child, poll);
    int status = 0;

    (void)poll_status;
    (void)events;
    if (waitpid(child->pid, &status, WNOHANG) != child->pid)
        return;
    child->pid = -1;
    uv_poll_stop(&child->poll);
    child->on_exit(child, status, child->arg);
}

static struct ax_child *child_new(struct ax_loop *loop, pid_t pid, int pidfd)
{
    struct ax_child *child = ax_alloc(sizeof(*child));

    child->pid = pid;
    child->pidfd = pidfd;
    if (uv_poll_init(&loop->uv, &child->poll, pidfd) != 0)
        abort(); /* the kernel has no memory for an epoll entry */
    uv_poll_start(&child->poll, UV_READABLE, child_on_poll);
    return child;
}

enum ax_code ax_child_start(struct ax_loop *loop, const struct ax_child_spec *spec,
                            void (*on_exit)(struct ax_child *child, int status, void *arg),
                            void *arg, struct ax_child **ret_child, int *ret_control,
                            struct ax_err *err)
{
    struct birth birth = {
        .fds = { -1, -1, -1, -1, -1 },
        .control = -1,
        .report = -1,
        .argv = { program_invocation_name, (char *)(uintptr_t)"role", (char *)(uintptr_t)spec->role,
                  NULL },
        .uid = spec->uid,
        .gid = spec->gid,
        .parent = getpid(),
    };
    enum ax_code code = birth_prepare(&birth, spec, err);
    pid_t pid = -1;
    int pidfd = -1;

    if (code == AX_OK) {
        pid = birth_fork(&birth);
        if (pid > 0)
            pidfd = pidfd_open(pid, 0);
        if (pidfd < 0)
            code = ax_err_set(err, AX_E_IO, "role %s: %s", spec->role, strerror(errno));
        else
            code = birth_await(&birth, spec->role, err);
    }
    if (code == AX_OK) {
        *ret_child = child_new(loop, pid, pidfd);
        (*ret_child)->on_exit = on_exit;
        (*ret_child)->arg = arg;
        *ret_control = birth.control;
        birth.control = -1;
    } else if (pid > 0) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        ax_fd_close(&pidfd);
    }
    birth_done(&birth);
    return code;
}

pid_t ax_child_pid(const struct ax_child *child)
{
    return child->pid;
}

void ax_child_kill(struct ax_child *child, int signal_number)
{
    if (child->pid > 0)
        (void)kill(child->pid, signal_number);
}

void ax_child_free(struct ax_child *child)
{
    if (!child)
        return;
    if (child->pid > 0) {
        (void)kill(child->pid, SIGKILL);
        (void)waitpid(child->pid, NULL, 0);
        child->pid = -1;
    }
    uv_close((uv_handle_t *)&child->poll, child_on_closed);
    ax_fd_close(&child->pidfd);
}

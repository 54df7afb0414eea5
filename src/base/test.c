/* SPDX-License-Identifier: Apache-2.0 */
/* test.c - how does each test get its own process, deadline and leak check?
 *
 * The child writes into a memory file that is shown only when the test failed: cmocka speaks even
 * when all is well, and its lines must not drown ours. */
#include "base/test.h"

#include "base/clock.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEST_DEADLINE_MS 60000
#define TEST_LEAKED      23 /* exit status */
#define TEST_SWEEP_MAX   100000

static struct ax_test *test_first;
static struct ax_test *test_last;

/* LeakSanitizer's own check, where the program was built with it. */
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

void ax_test_register(struct ax_test *test)
{
    if (test_last)
        test_last->next = test;
    else
        test_first = test;
    test_last = test;
}

void ax_test_str(struct ax_str actual, struct ax_str expected, const char *file, int line)
{
    if (ax_str_eq(actual, expected))
        return;
    print_error("\"%.*s\" (%zu bytes)\n!= \"%.*s\" (%zu bytes)\n", AX_STR_FMT(actual), actual.len,
                AX_STR_FMT(expected), expected.len);
    _fail(file, line);
}

bool ax_test_sweep(uint64_t *nth)
{
    static bool running; /* tests are processes: one sweep at a time */
    bool more = !running || ax_fault_hit();

    if (running)
        ++*nth;
    running = more;
    if (*nth > TEST_SWEEP_MAX)
        fail_msg("the sweep does not come to an end");
    ax_fault_arm(more ? *nth : 0);
    return more;
}

/* cmocka turns a crash into a failure without a place; the sanitizer's handlers say where. */
static const int test_signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS };
static struct sigaction test_actions[AX_ARRAY_LEN(test_signals)];
static void (*test_subject)(void **state);

static void test_with_own_signals(void **state)
{
    for (size_t i = 0; i < AX_ARRAY_LEN(test_signals); i++)
        (void)sigaction(test_signals[i], &test_actions[i], NULL);
    test_subject(state);
}

static int test_run_here(const struct ax_test *test)
{
    const struct CMUnitTest one[] = {
        { .name = test->name, .test_func = test_with_own_signals },
    };

    test_subject = test->run;
    for (size_t i = 0; i < AX_ARRAY_LEN(test_signals); i++)
        (void)sigaction(test_signals[i], NULL, &test_actions[i]);
    if (cmocka_run_group_tests(one, NULL, NULL) != 0)
        return 1;
    if (__lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check() != 0)
        return TEST_LEAKED;
    return 0;
}

static _Noreturn void test_child(const struct ax_test *test, int output)
{
    int status;

    (void)setpgid(0, 0); /* what the test started ends with it */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0)
        _exit(1);
    (void)close(output);
    status = test_run_here(test);
    (void)fflush(NULL);
    _exit(status);
}

/* The status of `pid` for waitpid(), or -1 when it had to be killed at the deadline. */
static int test_wait(pid_t pid)
{
    uint64_t deadline_ms = ax_clock_mono_ms() + TEST_DEADLINE_MS;
    AX_AUTO_FD int handle = pidfd_open(pid, 0);
    struct pollfd ended = { .fd = handle, .events = POLLIN };
    uint64_t now_ms;
    int status = 0;
    int ready = 0;

    while (ready <= 0 && (now_ms = ax_clock_mono_ms()) < deadline_ms)
        ready = poll(&ended, 1, (int)(deadline_ms - now_ms));
    (void)kill(-pid, SIGKILL);
    if (ready <= 0)
        (void)kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0)
        ;
    return ready > 0 ? status : -1;
}

static void test_show(int output)
{
    char chunk[4096];
    off_t at = 0;
    ssize_t len;

    while ((len = pread(output, chunk, sizeof(chunk), at)) > 0) {
        (void)fwrite(chunk, 1, (size_t)len, stdout);
        at += len;
    }
}

static bool test_run(const struct ax_test *test)
{
    AX_AUTO_FD int output = memfd_create("test output", MFD_CLOEXEC);
    const char *why = "";
    pid_t pid;
    int status;

    (void)fflush(NULL);
    pid = fork();
    if (output < 0 || pid < 0) {
        printf("FAILED %s: no process for it\n", test->name);
        return false;
    }
    if (pid == 0)
        test_child(test, output);
    status = test_wait(pid);
    if (status == 0) {
        printf("ok %s\n", test->name);
        return true;
    }
    test_show(output);
    if (status < 0)
        why = ": the deadline passed";
    else if (WIFSIGNALED(status))
        why = strsignal(WTERMSIG(status));
    else if (WEXITSTATUS(status) == TEST_LEAKED)
        why = ": memory leaked";
    printf("FAILED %s%s%s\n", test->name, status > 0 && WIFSIGNALED(status) ? ": " : "", why);
    return false;
}

static bool test_is_wanted(const struct ax_test *test, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strstr(test->name, argv[i]))
            return true;
    }
    return argc <= 1;
}

int ax_test_main(int argc, char **argv)
{
    unsigned passed = 0;
    unsigned failed = 0;

    for (const struct ax_test *test = test_first; test; test = test->next) {
        if (!test_is_wanted(test, argc, argv))
            continue;
        if (test_run(test))
            passed++;
        else
            failed++;
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed == 0 && passed > 0 ? 0 : 1; /* a run of nothing proves nothing */
}

/* SPDX-License-Identifier: Apache-2.0 */
/* engine_test.c - does the engine live well inside a C process: its fibres, its signal handlers and
 * its second thread, also under AddressSanitizer? What guests may and may not do is tested by
 * engine/tests; here it is the seam. */
#include "engine.h"

#include "base/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

/* The same numbers stand in src/ffi.rs. */
_Static_assert(sizeof(struct ax_engine_options) == 8, "ffi.rs disagrees");
_Static_assert(sizeof(struct ax_module_report) == 40, "ffi.rs disagrees");
_Static_assert(sizeof(struct ax_exec_spec) == 40, "ffi.rs disagrees");
_Static_assert(sizeof(struct ax_log_line) == 24, "ffi.rs disagrees");
_Static_assert(sizeof(struct ax_exec_event) == 72, "ffi.rs disagrees");
_Static_assert(sizeof(struct ax_exec_usage) == 24, "ffi.rs disagrees");
_Static_assert(sizeof(enum ax_guest_kind) == 4, "ffi.rs disagrees");

#define T_ENGINE(expression) assert_string_equal(ax_engine_code_name(expression), "ok")

struct code {
    void *map;
    size_t len;
};

static void *read_guest(const char *name, size_t *ret_len)
{
    char path[512];
    FILE *file;
    char *bytes = malloc(1 << 16);

    snprintf(path, sizeof path, "%s/%s.wasm", GUEST_FOLDER, name);
    file = fopen(path, "rb");
    assert_non_null(file);
    assert_non_null(bytes);
    *ret_len = fread(bytes, 1, 1 << 16, file);
    fclose(file);
    return bytes;
}

/* Compiles in this process; a worker gets the code as a sealed memfd. */
static struct code compile(const char *name)
{
    const struct ax_engine_options options = { .role = AX_ENGINE_BUILDER };
    struct ax_engine *builder = NULL;
    struct ax_bytes *bytes = NULL;
    struct code code;
    size_t len;
    void *wasm = read_guest(name, &len);
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

    T_ENGINE(ax_engine_new(&options, &builder, NULL, 0));
    T_ENGINE(ax_engine_compile(builder, AX_GUEST_CORE, wasm, len, &bytes, NULL, 0));
    code.len = ax_bytes_len(bytes);
    T_EQ(write(fd, ax_bytes_data(bytes), code.len), (ssize_t)code.len);
    T_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL), 0);
    code.map = mmap(NULL, code.len, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    T_TRUE(code.map != MAP_FAILED);
    close(fd);
    ax_bytes_free(bytes);
    ax_engine_free(builder);
    free(wasm);
    return code;
}

static struct ax_engine *worker_new(uint32_t max_executions)
{
    const struct ax_engine_options options = {
        .role = AX_ENGINE_WORKER,
        .max_executions = max_executions,
    };
    struct ax_engine *engine = NULL;

    T_ENGINE(ax_engine_new(&options, &engine, NULL, 0));
    return engine;
}

/* Loads a guest, runs it once to its end and hands out the last event's kind and fault. */
static void run_once(struct ax_engine *engine, const char *name, enum ax_exec_event_kind *ret_kind,
                     enum ax_exec_fault *ret_fault)
{
    const struct ax_exec_spec spec = {
        .request = "{\"nonce\":1}",
        .request_len = 11,
        .cpu_ns = 20000000,
        .memory_bytes = (uint64_t)64 << 20,
        .table_elements = 10000,
    };
    struct code code = compile(name);
    struct ax_module *module = NULL;
    struct ax_exec *exec = NULL;
    struct ax_exec_event event = { .kind = AX_EXEC_YIELD };

    T_ENGINE(ax_module_load(engine, AX_GUEST_CORE, code.map, code.len, &module, NULL, 0));
    T_ENGINE(ax_exec_new(module, &spec, &exec));
    while (event.kind != AX_EXEC_DONE && event.kind != AX_EXEC_FAULT) {
        T_ENGINE(ax_exec_poll(exec, &event));
        if (event.kind == AX_EXEC_CALL) {
            assert_string_equal(event.interface, "http");
            assert_string_equal(event.function, "fetch");
            T_ENGINE(ax_exec_answer(exec, event.call_id, 0, event.payload, event.payload_len));
        }
    }
    if (event.kind == AX_EXEC_DONE) {
        T_EQ(event.payload_len, spec.request_len);
        assert_memory_equal(event.payload, spec.request, spec.request_len);
    }
    *ret_kind = event.kind;
    *ret_fault = event.fault;
    ax_exec_free(exec);
    ax_module_free(module);
    munmap(code.map, code.len);
}

TEST(engine_runs_ordinary_and_hostile_guests_in_a_c_process)
{
    static const struct {
        const char *guest;
        enum ax_exec_event_kind kind;
        enum ax_exec_fault fault;
    } cases[] = {
        { "echo", AX_EXEC_DONE, AX_GUEST_FAULT_NONE },
        { "relay_fetch", AX_EXEC_DONE, AX_GUEST_FAULT_NONE },
        { "loop_handler", AX_EXEC_FAULT, AX_GUEST_FAULT_CPU },
        { "loop_start", AX_EXEC_FAULT, AX_GUEST_FAULT_CPU },
        { "trap_unreachable", AX_EXEC_FAULT, AX_GUEST_FAULT_TRAP },
        { "trap_memory", AX_EXEC_FAULT, AX_GUEST_FAULT_TRAP },
        { "recurse", AX_EXEC_FAULT, AX_GUEST_FAULT_STACK },
        { "echo", AX_EXEC_DONE, AX_GUEST_FAULT_NONE },
    };
    struct ax_engine *engine = worker_new(4);

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum ax_exec_event_kind kind;
        enum ax_exec_fault fault;

        run_once(engine, cases[i].guest, &kind, &fault);
        T_EQ(kind, cases[i].kind);
        T_EQ(fault, cases[i].fault);
    }
    T_EQ(ax_engine_executions(engine), 0);
    ax_engine_free(engine);
}

/* A frame that uses a good part of the C stack and survives what happens between. */
static __attribute__((noinline)) uint64_t poll_deep(struct ax_exec *exec, unsigned depth,
                                                    struct ax_exec_event *ret_event)
{
    volatile char frame[1024];
    uint64_t sum = 0;

    for (size_t i = 0; i < sizeof frame; i++)
        frame[i] = (char)(depth + i);
    if (depth > 0)
        sum = poll_deep(exec, depth - 1, ret_event);
    else
        T_ENGINE(ax_exec_poll(exec, ret_event));
    for (size_t i = 0; i < sizeof frame; i++)
        sum += (uint64_t)(frame[i] == (char)(depth + i));
    return sum;
}

TEST(engine_interleaves_many_guests_on_one_c_stack)
{
    enum { COUNT = 200 };
    struct ax_engine *engine = worker_new(COUNT);
    struct code code = compile("relay_fetch");
    struct ax_module *module = NULL;
    struct ax_exec *execs[COUNT];
    struct ax_exec_event event;
    char request[32];

    T_ENGINE(ax_module_load(engine, AX_GUEST_CORE, code.map, code.len, &module, NULL, 0));
    for (size_t i = 0; i < COUNT; i++) {
        struct ax_exec_spec spec = {
            .request = request,
            .request_len = (size_t)snprintf(request, sizeof request, "{\"nonce\":%zu}", i),
            .cpu_ns = 1000000000,
            .memory_bytes = (uint64_t)64 << 20,
        };

        T_ENGINE(ax_exec_new(module, &spec, &execs[i]));
        do {
            T_EQ(poll_deep(execs[i], (unsigned)i % 50, &event), (i % 50 + 1) * 1024);
        } while (event.kind == AX_EXEC_YIELD);
        T_EQ(event.kind, AX_EXEC_CALL);
    }
    T_EQ(ax_module_executions(module), COUNT);
    for (size_t i = COUNT; i-- > 0;) {
        int len = snprintf(request, sizeof request, "{\"answer\":%zu}", i);

        if (i % 3 == 0) {
            ax_exec_free(execs[i]);
            continue;
        }
        T_ENGINE(ax_exec_answer(execs[i], 1, 0, request, (size_t)len));
        do {
            T_EQ(poll_deep(execs[i], (unsigned)i % 50, &event), (i % 50 + 1) * 1024);
        } while (event.kind == AX_EXEC_YIELD);
        T_EQ(event.kind, AX_EXEC_DONE);
        T_EQ(event.payload_len, (size_t)len);
        assert_memory_equal(event.payload, request, (size_t)len);
        ax_exec_free(execs[i]);
    }
    T_EQ(ax_module_executions(module), 0);
    ax_module_free(module);
    munmap(code.map, code.len);
    ax_engine_free(engine);
}

static unsigned threads_now(void)
{
    DIR *tasks = opendir("/proc/self/task");
    unsigned count = 0;

    assert_non_null(tasks);
    for (struct dirent *task; (task = readdir(tasks)) != NULL;)
        count += task->d_name[0] != '.';
    closedir(tasks);
    return count;
}

TEST(engine_of_a_worker_has_one_thread_and_that_of_a_builder_none)
{
    const struct ax_engine_options options = { .role = AX_ENGINE_BUILDER };
    unsigned before = threads_now();
    struct ax_engine *engine = NULL;

    T_ENGINE(ax_engine_new(&options, &engine, NULL, 0));
    T_EQ(threads_now(), before);
    ax_engine_free(engine);
    engine = worker_new(1);
    T_EQ(threads_now(), before + 1);
    ax_engine_free(engine);
    T_EQ(threads_now(), before);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int number)
{
    (void)number;
    alarms = alarms + 1;
}

/* Signals of the process arrive on the loop's thread, also while a guest is on a fibre. */
TEST(engine_leaves_other_signals_to_the_process)
{
    struct sigaction action = { .sa_handler = on_alarm };
    struct ax_engine *engine = worker_new(1);
    enum ax_exec_event_kind kind;
    enum ax_exec_fault fault;

    T_EQ(sigaction(SIGVTALRM, &action, NULL), 0);
    T_EQ(setitimer(ITIMER_VIRTUAL,
                   &(struct itimerval){ .it_interval.tv_usec = 1000, .it_value.tv_usec = 1000 },
                   NULL),
         0);
    /* The kernel counts this time by its own ticks, and a short run may fall between two. */
    do {
        run_once(engine, "loop_handler", &kind, &fault);
        T_EQ(kind, AX_EXEC_FAULT);
        T_EQ(fault, AX_GUEST_FAULT_CPU);
    } while (alarms == 0);
    setitimer(ITIMER_VIRTUAL, &(struct itimerval){ 0 }, NULL);
    ax_engine_free(engine);
}

/* A fault of ours is not taken for a guest's: the process still dies of it. */
TEST(engine_does_not_swallow_faults_of_c)
{
    struct ax_engine *engine = worker_new(1);
    int status = 0;
    pid_t child = fork();

    T_TRUE(child >= 0);
    if (child == 0) {
        int *nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        close(STDERR_FILENO);
        *(volatile int *)nowhere = 1;
        _exit(0);
    }
    T_EQ(waitpid(child, &status, 0), child);
    T_FALSE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ax_engine_free(engine);
}

TEST_MAIN()

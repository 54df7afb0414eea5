/* SPDX-License-Identifier: Apache-2.0 */
/* engine_bench.c - how fast is the engine alone?
 *
 *     engine_bench GUEST.wasm REQUEST.json [EXECUTIONS]
 *
 * Compiles the guest, loads it as a worker does, runs it that many times one after another with a
 * fresh store each, and prints `key: value` lines. Calls to the host are answered with error 10. */
#include "engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static _Noreturn void die(const char *what, const char *why)
{
    fprintf(stderr, "engine_bench: %s: %s\n", what, why);
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void *read_file(const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "rb");
    size_t max = AX_ENGINE_WASM_MAX + 1;
    char *bytes = malloc(max);

    if (file == NULL || bytes == NULL)
        die(path, strerror(errno));
    *ret_len = fread(bytes, 1, max, file);
    fclose(file);
    return bytes;
}

static struct ax_bytes *compile(const char *path)
{
    const struct ax_engine_options options = { .role = AX_ENGINE_BUILDER };
    struct ax_engine *engine = NULL;
    struct ax_bytes *code = NULL;
    char why[256];
    size_t len;
    void *wasm = read_file(path, &len);
    uint64_t start;

    if (ax_engine_new(&options, &engine, why, sizeof why) != AX_ENGINE_OK)
        die("builder", why);
    start = now_ns();
    if (ax_engine_compile(engine, AX_GUEST_CORE, wasm, len, &code, why, sizeof why) != AX_ENGINE_OK)
        die(path, why);
    printf("engine.compile_ms: %.2f\n", (double)(now_ns() - start) / 1e6);
    printf("engine.code_bytes: %zu\n", ax_bytes_len(code));
    printf("engine.target: %s\n", ax_engine_target(engine));
    ax_engine_free(engine);
    free(wasm);
    return code;
}

/* As a worker gets it: a sealed memfd, mapped readable and executable, closed. */
static void *map_code(const struct ax_bytes *code)
{
    size_t len = ax_bytes_len(code);
    size_t done = 0;
    int fd = memfd_create("code", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    void *map;

    if (fd < 0)
        die("memfd_create", strerror(errno));
    while (done < len) {
        ssize_t n = write(fd, (const char *)ax_bytes_data(code) + done, len - done);

        if (n < 0)
            die("write", strerror(errno));
        done += (size_t)n;
    }
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
        die("seal", strerror(errno));
    map = mmap(NULL, len, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
        die("mmap", strerror(errno));
    close(fd);
    return map;
}

static void run(struct ax_module *module, const struct ax_exec_spec *spec, size_t *ret_response_len)
{
    struct ax_exec *exec = NULL;
    struct ax_exec_event event = { .kind = AX_EXEC_YIELD };
    enum ax_engine_code code = ax_exec_new(module, spec, &exec);

    if (code != AX_ENGINE_OK)
        die("execution", ax_engine_code_name(code));
    while (event.kind != AX_EXEC_DONE) {
        code = ax_exec_poll(exec, &event);
        if (code == AX_ENGINE_OK && event.kind == AX_EXEC_CALL)
            code = ax_exec_answer(exec, event.call_id, 10, NULL, 0);
        if (code != AX_ENGINE_OK)
            die("execution", ax_engine_code_name(code));
        if (event.kind == AX_EXEC_FAULT) {
            fprintf(stderr, "%.*s\n", (int)event.payload_len, (const char *)event.payload);
            die("execution", "fault");
        }
    }
    *ret_response_len = event.payload_len;
    ax_exec_free(exec);
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

static void measure(struct ax_module *module, const struct ax_exec_spec *spec, size_t count)
{
    uint64_t *took = calloc(count, sizeof *took);
    size_t response_len = 0;
    uint64_t start;
    uint64_t all;

    if (took == NULL)
        die("memory", strerror(errno));
    for (size_t i = 0; i < count / 10 + 1; i++)
        run(module, spec, &response_len);
    start = now_ns();
    for (size_t i = 0; i < count; i++) {
        uint64_t before = now_ns();

        run(module, spec, &response_len);
        took[i] = now_ns() - before;
    }
    all = now_ns() - start;
    qsort(took, count, sizeof *took, compare_u64);
    printf("engine.response_bytes: %zu\n", response_len);
    printf("engine.per_s: %.0f\n", (double)count * 1e9 / (double)all);
    printf("engine.p50_us: %.2f\n", (double)took[count / 2] / 1e3);
    printf("engine.p99_us: %.2f\n", (double)took[count - 1 - count / 100] / 1e3);
    free(took);
}

int main(int argc, char **argv)
{
    const struct ax_engine_options options = { .role = AX_ENGINE_WORKER, .max_executions = 1000 };
    size_t count = argc > 3 ? strtoul(argv[3], NULL, 10) : 100000;
    struct ax_engine *engine = NULL;
    struct ax_module *module = NULL;
    struct ax_exec_spec spec = {
        .cpu_ns = 1000000000,
        .memory_bytes = (uint64_t)64 << 20,
        .table_elements = 10000,
    };
    struct ax_bytes *code;
    void *request;
    void *map;
    size_t map_len;
    uint64_t start;
    char why[256];

    if (argc < 3 || count == 0)
        die("usage", "engine_bench GUEST.wasm REQUEST.json [EXECUTIONS]");
    request = read_file(argv[2], &spec.request_len);
    spec.request = request;
    code = compile(argv[1]);
    map = map_code(code);
    map_len = ax_bytes_len(code);
    ax_bytes_free(code);

    start = now_ns();
    if (ax_engine_new(&options, &engine, why, sizeof why) != AX_ENGINE_OK)
        die("worker", why);
    printf("engine.start_ms: %.2f\n", (double)(now_ns() - start) / 1e6);
    start = now_ns();
    if (ax_module_load(engine, AX_GUEST_CORE, map, map_len, &module, why, sizeof why) !=
        AX_ENGINE_OK)
        die("load", why);
    printf("engine.load_ms: %.3f\n", (double)(now_ns() - start) / 1e6);
    measure(module, &spec, count);

    ax_module_free(module);
    munmap(map, map_len);
    ax_engine_free(engine);
    free(request);
    return 0;
}

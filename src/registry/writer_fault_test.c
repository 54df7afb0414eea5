/* SPDX-License-Identifier: Apache-2.0 */
/* writer_fault_test.c - does writer.h hold what it promises when the database cannot go on? */
#include "base/clock.h"
#include "crypto/random.h"
#include "registry/writer_kit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHORT_MS 200

static void expect_whole(struct writer_kit *kit, const struct counts *before, int64_t more)
{
    struct counts after;

    T_OK(writer_kit_run(kit, AX_QUERY_READ, run_count, &after));
    T_EQ(after.installs, before->installs + more);
    T_EQ(after.audit, before->audit + more);
    T_EQ(after.changes, before->changes + more);
    T_EQ(after.serial, before->serial + more);
    T_OK(writer_kit_run(kit, AX_QUERY_READ, run_verify, NULL));
}

TEST(locked_database_fails_writes_at_their_deadlines_and_serves_reads)
{
    struct ax_db *other = NULL;
    struct writer_kit kit;
    struct counts before;
    struct job jobs[3];
    uint64_t start;
    struct ax_err err;

    writer_kit_init(&kit);
    T_OK(writer_kit_run(&kit, AX_QUERY_READ, run_count, &before));
    T_OK(ax_db_open(kit.kit.path, &other, &err));
    T_OK(ax_db_run(other, &err, "BEGIN EXCLUSIVE"));
    start = ax_clock_mono_ms();
    job_start(&kit, &jobs[0], AX_QUERY_WRITE, run_install, (void *)"a", start + SHORT_MS);
    job_start(&kit, &jobs[1], AX_QUERY_WRITE, run_install, (void *)"b", start + 2 * SHORT_MS);
    job_start(&kit, &jobs[2], AX_QUERY_READ, run_count, &before, start + SHORT_MS);
    writer_kit_wait(&kit);
    T_CODE(jobs[0].code, AX_E_REGISTRY_UNAVAILABLE);
    T_CODE(jobs[1].code, AX_E_REGISTRY_UNAVAILABLE);
    T_OK(jobs[2].code);
    T_TRUE(ax_clock_mono_ms() - start >= 2 * SHORT_MS);
    T_TRUE(ax_clock_mono_ms() - start < 20 * SHORT_MS);
    T_OK(ax_db_run(other, &err, "ROLLBACK"));
    expect_whole(&kit, &before, 0);
    T_OK(writer_kit_run(&kit, AX_QUERY_WRITE, run_install, (void *)"a"));
    expect_whole(&kit, &before, 1);
    ax_db_close(other);
    writer_kit_done(&kit);
}

TEST(write_that_waits_for_a_lock_goes_through_when_it_is_released)
{
    struct ax_db *other = NULL;
    struct writer_kit kit;
    struct counts before;
    struct job job, canceled, reading;
    struct ax_err err;

    writer_kit_init(&kit);
    T_OK(writer_kit_run(&kit, AX_QUERY_READ, run_count, &before));
    T_OK(ax_db_open(kit.kit.path, &other, &err));
    T_OK(ax_db_run(other, &err, "BEGIN EXCLUSIVE"));
    job_start(&kit, &job, AX_QUERY_WRITE, run_install, (void *)"a", UINT64_MAX);
    job_start(&kit, &canceled, AX_QUERY_WRITE, run_install, (void *)"b", UINT64_MAX);
    for (int i = 0; i < 5; i++) { /* between two reads the thread asks for the lock */
        job_start(&kit, &reading, AX_QUERY_READ, run_count, &before, UINT64_MAX);
        while (reading.ends == 0)
            (void)uv_run(&kit.loop.uv, UV_RUN_ONCE);
        T_OK(reading.code);
    }
    ax_op_cancel(&canceled.query.op);
    T_OK(ax_db_run(other, &err, "ROLLBACK"));
    writer_kit_wait(&kit);
    T_OK(job.code);
    T_CODE(canceled.code, AX_E_CANCELED);
    expect_whole(&kit, &before, 1);
    ax_db_close(other);
    writer_kit_done(&kit);
}

static enum ax_code run_limit_pages(struct ax_model *model, void *arg)
{
    struct ax_rows rows;

    if (*(bool *)arg)
        ax_db_select(model->db, &rows, "PRAGMA max_page_count = 1"); /* raised to what is in use */
    else
        ax_db_select(model->db, &rows, "PRAGMA max_page_count = 1000000");
    (void)ax_rows_next(&rows);
    return ax_rows_end(&rows, model->err);
}

/* Writes until one is refused; gives how many were not. */
static int64_t fill(struct writer_kit *kit, enum ax_code *ret_code)
{
    char tenant[16];
    int64_t count = -1;

    do {
        snprintf(tenant, sizeof(tenant), "f%lld", (long long)++count);
        *ret_code = writer_kit_run(kit, AX_QUERY_WRITE, run_install, tenant);
    } while (*ret_code == AX_OK && count < 100000);
    return count;
}

TEST(full_database_fails_writes_whole_and_recovers)
{
    bool limited = true;
    enum ax_code code;
    struct writer_kit kit;
    struct counts before;
    int64_t done;

    writer_kit_init(&kit);
    T_OK(writer_kit_run(&kit, AX_QUERY_READ, run_count, &before));
    T_OK(writer_kit_run(&kit, AX_QUERY_READ, run_limit_pages, &limited));
    done = fill(&kit, &code);
    T_CODE(code, AX_E_REGISTRY_UNAVAILABLE);
    expect_whole(&kit, &before, done);
    limited = false;
    T_OK(writer_kit_run(&kit, AX_QUERY_READ, run_limit_pages, &limited));
    T_OK(writer_kit_run(&kit, AX_QUERY_WRITE, run_install, (void *)"again"));
    expect_whole(&kit, &before, done + 1);
    writer_kit_done(&kit);
}

TEST(batch_that_does_not_fit_fails_or_happens_write_by_write)
{
    struct job jobs[64];
    char tenants[64][8];
    bool limited = true;
    struct writer_kit kit;
    struct counts before;
    int64_t done = 0;

    writer_kit_init(&kit);
    T_OK(writer_kit_run(&kit, AX_QUERY_READ, run_count, &before));
    T_OK(writer_kit_run(&kit, AX_QUERY_READ, run_limit_pages, &limited));
    for (size_t i = 0; i < AX_ARRAY_LEN(jobs); i++) {
        snprintf(tenants[i], sizeof(tenants[i]), "b%zu", i);
        job_start(&kit, &jobs[i], AX_QUERY_WRITE, run_install, tenants[i], UINT64_MAX);
    }
    writer_kit_wait(&kit);
    for (size_t i = 0; i < AX_ARRAY_LEN(jobs); i++) {
        T_EQ(jobs[i].ends, 1);
        if (jobs[i].code == AX_OK)
            done++;
        else
            T_CODE(jobs[i].code, AX_E_REGISTRY_UNAVAILABLE);
    }
    T_TRUE(done < (int64_t)AX_ARRAY_LEN(jobs));
    expect_whole(&kit, &before, done);
    writer_kit_done(&kit);
}

TEST(disk_that_takes_no_more_fails_writes_whole)
{
    struct rlimit limit = { .rlim_cur = 512u << 10 }, old;
    enum ax_code code;
    struct writer_kit kit;
    struct counts before;
    int64_t done;

    (void)signal(SIGXFSZ, SIG_IGN); /* then the write fails, as on a full disk */
    writer_kit_init(&kit);
    T_OK(writer_kit_run(&kit, AX_QUERY_READ, run_count, &before));
    T_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit.rlim_max = old.rlim_max;
    T_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    done = fill(&kit, &code);
    T_CODE(code, AX_E_REGISTRY_UNAVAILABLE);
    expect_whole(&kit, &before, done);
    T_EQ(setrlimit(RLIMIT_FSIZE, &old), 0);
    T_OK(writer_kit_run(&kit, AX_QUERY_WRITE, run_install, (void *)"again"));
    expect_whole(&kit, &before, done + 1);
    writer_kit_done(&kit);
}

/* --- kill -9 --- */

#define KILLS      24
#define KILL_JOBS  32
#define KILL_AFTER 400 /* at most so many are told before the end */

struct writing {
    struct writer_kit kit;
    struct job jobs[KILL_JOBS];
    char tenants[KILL_JOBS][24];
    unsigned next;
    int out; /* a tenant's number goes here when it is told that it has its install */
};

static void writing_start(struct writing *writing, size_t slot);

static void writing_on_done(enum ax_code code, void *arg)
{
    struct job *job = arg;
    struct writing *writing = AX_CONTAINER_OF(job->owner, struct writing, kit);
    size_t slot = (size_t)(job - writing->jobs);
    unsigned number = (unsigned)strtoul(writing->tenants[slot] + 1, NULL, 10);

    if (code != AX_OK || write(writing->out, &number, sizeof(number)) != sizeof(number))
        _exit(3);
    ax_arena_reset(&job->arena);
    writing_start(writing, slot);
}

static void writing_start(struct writing *writing, size_t slot)
{
    struct job *job = &writing->jobs[slot];

    snprintf(writing->tenants[slot], sizeof(writing->tenants[slot]), "k%u", writing->next++);
    job->query.deadline_ms = UINT64_MAX;
    ax_writer_start(writing->kit.writer, &job->query, writing_on_done, job);
}

/* The child: writes for ever, some queries at a time. */
static _Noreturn void writing_run(const char *path, unsigned first, int out)
{
    struct writing *writing = ax_alloc(sizeof(*writing));
    struct ax_db *db = NULL;
    struct ax_err err;

    writing->next = first;
    writing->out = out;
    if (ax_db_open(path, &db, &err) != AX_OK)
        _exit(2);
    ax_loop_init(&writing->kit.loop);
    writing->kit.writer = ax_writer_new(&writing->kit.loop, db);
    for (size_t i = 0; i < KILL_JOBS; i++) {
        struct job *job = &writing->jobs[i];

        job->owner = &writing->kit;
        ax_arena_init(&job->arena, 1u << 20);
        job->query = (struct ax_query){ .kind = AX_QUERY_WRITE,
                                        .run = run_install,
                                        .arg = writing->tenants[i],
                                        .arena = &job->arena };
        writing_start(writing, i);
    }
    ax_loop_run(&writing->kit.loop);
    _exit(4);
}

static void expect_installed(struct kit *kit, unsigned number)
{
    char tenant[24];
    int64_t count = 0;

    snprintf(tenant, sizeof(tenant), "k%u", number);
    T_OK(ax_db_number(kit->db, &kit->err, &count, "SELECT count(*) FROM installs WHERE tenant = $1",
                      b_cstr(tenant)));
    T_EQ(count, 1);
}

/* One life: ends after a random number of answers, wherever the thread then stands. */
static void kill_one(struct kit *kit, unsigned first)
{
    unsigned told[KILL_AFTER], wanted = (unsigned)(ax_random_u64() % KILL_AFTER), got = 0;
    struct counts counts;
    int pipes[2], status = 0;
    pid_t child;

    T_EQ(pipe(pipes), 0);
    kit_close(kit);
    child = fork();
    T_TRUE(child >= 0);
    if (child == 0) {
        close(pipes[0]);
        writing_run(kit->path, first, pipes[1]);
    }
    close(pipes[1]);
    while (got < wanted && read(pipes[0], &told[got], sizeof(told[0])) == sizeof(told[0]))
        got++;
    T_EQ(kill(child, SIGKILL), 0);
    T_EQ(waitpid(child, &status, 0), child);
    T_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    close(pipes[0]);
    T_EQ(got, wanted);
    kit_open(kit);
    for (unsigned i = 0; i < got; i++)
        expect_installed(kit, told[i]);
    T_OK(kit_verify(&kit->model));
    T_OK(run_count(&kit->model, &counts));
    T_EQ(counts.serial, counts.highest);
    T_EQ(counts.audit, counts.audit_seq);
    T_EQ(counts.audit, counts.installs + 4); /* and what kit_publisher and kit_publish did */
    T_EQ(counts.changes, counts.installs + 3);
}

TEST(killed_at_any_moment_it_keeps_what_it_told_and_is_whole)
{
    struct ax_version version;
    struct kit kit;

    kit_init(&kit);
    kit_publisher(&kit);
    T_OK(kit_publish(&kit, "com.acme.hello", "1.0.0", "", &version));
    for (unsigned i = 0; i < KILLS; i++)
        kill_one(&kit, i * 1000000);
    kit_done(&kit);
}

TEST_MAIN()

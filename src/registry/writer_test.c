/* SPDX-License-Identifier: Apache-2.0 */
/* writer_test.c - does writer.h hold what it promises, while all is well? */
#include "registry/writer.h"

#include "registry/writer_kit.h"

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#define MANY 1000

struct gate { /* holds the database's thread inside a query, until the test opens it */
    int pipe[2];
    atomic_int entered;
};

static enum ax_code run_gate(struct ax_model *model, void *arg)
{
    struct gate *gate = arg;
    char byte;

    (void)model;
    atomic_store(&gate->entered, 1);
    return read(gate->pipe[0], &byte, 1) == 1 ? AX_OK : AX_E_INTERNAL;
}

static void gate_init(struct gate *gate)
{
    *gate = (struct gate){ .pipe = { -1, -1 } };
    T_EQ(pipe(gate->pipe), 0);
}

/* Starts the gate and comes back when the thread stands in it. */
static void gate_close(struct gate *gate, struct writer_kit *kit, struct job *job)
{
    job_start(kit, job, AX_QUERY_READ, run_gate, gate, 0);
    while (!atomic_load(&gate->entered)) {
    }
}

static void gate_open(struct gate *gate)
{
    T_EQ(write(gate->pipe[1], "x", 1), 1);
}

static void gate_done(struct gate *gate)
{
    close(gate->pipe[0]);
    close(gate->pipe[1]);
}

TEST(a_thousand_writes_end_once_and_share_transactions)
{
    struct job *jobs = ax_alloc(MANY * sizeof(*jobs)), first;
    char(*tenants)[16] = ax_alloc(MANY * sizeof(*tenants));
    struct counts before, after;
    struct ax_writer_stats stats;
    struct writer_kit kit;
    struct gate gate;

    writer_kit_init(&kit);
    gate_init(&gate);
    T_OK(writer_kit_run(&kit, AX_QUERY_READ, run_count, &before));
    gate_close(&gate, &kit, &first);
    for (int i = 0; i < MANY; i++) {
        snprintf(tenants[i], sizeof(*tenants), "t%d", i);
        job_start(&kit, &jobs[i], AX_QUERY_WRITE, run_install, tenants[i], UINT64_MAX);
    }
    gate_open(&gate);
    writer_kit_wait(&kit);
    for (int i = 0; i < MANY; i++) {
        T_OK(jobs[i].code);
        T_EQ(jobs[i].ends, 1);
    }
    stats = ax_writer_stats(kit.writer);
    T_EQ(stats.writes, MANY);
    T_EQ(stats.transactions, (MANY + AX_WRITER_BATCH_MAX - 1) / AX_WRITER_BATCH_MAX);
    T_OK(writer_kit_run(&kit, AX_QUERY_READ, run_count, &after));
    T_EQ(after.installs, MANY);
    T_EQ(after.audit, before.audit + MANY);
    T_EQ(after.serial, before.serial + MANY);
    T_OK(writer_kit_run(&kit, AX_QUERY_READ, run_verify, NULL));
    gate_done(&gate);
    writer_kit_done(&kit);
    free(jobs);
    free(tenants);
}

static enum ax_code run_half(struct ax_model *model, void *arg)
{
    enum ax_code code = run_install(model, arg);

    return code == AX_OK ? ax_err_set(model->err, AX_E_FORBIDDEN, "second thoughts") : code;
}

TEST(write_that_fails_leaves_nothing_and_takes_nobody_along)
{
    struct counts before, after;
    struct job first, jobs[3];
    struct writer_kit kit;
    struct gate gate;

    writer_kit_init(&kit);
    gate_init(&gate);
    T_OK(writer_kit_run(&kit, AX_QUERY_READ, run_count, &before));
    gate_close(&gate, &kit, &first);
    job_start(&kit, &jobs[0], AX_QUERY_WRITE, run_install, (void *)"a", 0);
    job_start(&kit, &jobs[1], AX_QUERY_WRITE, run_half, (void *)"b", 0);
    job_start(&kit, &jobs[2], AX_QUERY_WRITE, run_install, (void *)"c", 0);
    gate_open(&gate);
    writer_kit_wait(&kit);
    T_OK(jobs[0].code);
    T_CODE(jobs[1].code, AX_E_FORBIDDEN);
    T_STR(ax_str_of(jobs[1].query.err.message), AX_STR("second thoughts"));
    T_OK(jobs[2].code);
    T_EQ(ax_writer_stats(kit.writer).transactions, 1);
    T_OK(writer_kit_run(&kit, AX_QUERY_READ, run_count, &after));
    T_EQ(after.installs, before.installs + 2);
    T_EQ(after.audit, before.audit + 2);
    T_OK(writer_kit_run(&kit, AX_QUERY_READ, run_verify, NULL));
    gate_done(&gate);
    writer_kit_done(&kit);
}

TEST(query_that_waits_can_be_canceled)
{
    struct counts counts;
    struct job first, jobs[2];
    struct writer_kit kit;
    struct gate gate;

    writer_kit_init(&kit);
    gate_init(&gate);
    gate_close(&gate, &kit, &first);
    job_start(&kit, &jobs[0], AX_QUERY_WRITE, run_install, (void *)"a", 0);
    job_start(&kit, &jobs[1], AX_QUERY_WRITE, run_install, (void *)"b", 0);
    ax_op_cancel(&first.query.op); /* runs already: ends as it will */
    ax_op_cancel(&jobs[0].query.op);
    ax_op_cancel(&jobs[0].query.op);
    T_EQ(jobs[0].ends, 0);
    gate_open(&gate);
    writer_kit_wait(&kit);
    T_OK(first.code);
    T_CODE(jobs[0].code, AX_E_CANCELED);
    T_EQ(jobs[0].ends, 1);
    T_OK(jobs[1].code);
    ax_op_cancel(&jobs[1].query.op);
    T_OK(writer_kit_run(&kit, AX_QUERY_READ, run_count, &counts));
    T_EQ(counts.installs, 1);
    gate_done(&gate);
    writer_kit_done(&kit);
}

TEST(line_has_its_limit)
{
    struct job *jobs = ax_alloc((AX_WRITER_QUEUE_MAX + 1) * sizeof(*jobs)), first;
    struct writer_kit kit;
    struct counts counts;
    struct gate gate;
    size_t i;

    writer_kit_init(&kit);
    gate_init(&gate);
    gate_close(&gate, &kit, &first);
    for (i = 0; i <= AX_WRITER_QUEUE_MAX; i++)
        job_start(&kit, &jobs[i], AX_QUERY_READ, run_count, &counts, UINT64_MAX);
    gate_open(&gate);
    writer_kit_wait(&kit);
    for (i = 0; i < AX_WRITER_QUEUE_MAX; i++)
        T_OK(jobs[i].code);
    T_CODE(jobs[i].code, AX_E_OVERLOADED);
    T_EQ(jobs[i].ends, 1);
    T_EQ(ax_writer_stats(kit.writer).overloaded, 1);
    T_OK(writer_kit_run(&kit, AX_QUERY_READ, run_count, &counts));
    gate_done(&gate);
    writer_kit_done(&kit);
    free(jobs);
}

TEST(query_whose_time_has_passed_is_not_run)
{
    struct job first, jobs[2];
    struct writer_kit kit;
    struct counts counts;
    struct gate gate;

    writer_kit_init(&kit);
    gate_init(&gate);
    gate_close(&gate, &kit, &first);
    job_start(&kit, &jobs[0], AX_QUERY_WRITE, run_install, (void *)"a", 1);
    job_start(&kit, &jobs[1], AX_QUERY_READ, run_count, &counts, 1);
    gate_open(&gate);
    writer_kit_wait(&kit);
    T_CODE(jobs[0].code, AX_E_REGISTRY_UNAVAILABLE);
    T_CODE(jobs[1].code, AX_E_REGISTRY_UNAVAILABLE);
    T_OK(writer_kit_run(&kit, AX_QUERY_READ, run_count, &counts));
    T_EQ(counts.installs, 0);
    gate_done(&gate);
    writer_kit_done(&kit);
}

TEST_MAIN()

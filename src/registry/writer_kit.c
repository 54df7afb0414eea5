/* SPDX-License-Identifier: Apache-2.0 */
/* writer_kit.c - how does a test run queries on the loop and wait for them? */
#include "registry/writer_kit.h"

void writer_kit_init(struct writer_kit *kit)
{
    struct ax_version version;

    *kit = (struct writer_kit){ .waiting = 0 };
    kit_init(&kit->kit);
    kit_publisher(&kit->kit);
    T_OK(kit_publish(&kit->kit, "com.acme.hello", "1.0.0", "", &version));
    ax_loop_init(&kit->loop);
    kit->writer = ax_writer_new(&kit->loop, AX_TAKE(kit->kit.db));
}

void writer_kit_done(struct writer_kit *kit)
{
    ax_writer_free(kit->writer);
    ax_loop_done(&kit->loop);
    kit_done(&kit->kit);
}

static void job_on_done(enum ax_code code, void *arg)
{
    struct job *job = arg;

    job->code = code;
    job->ends++;
    T_EQ(code, job->query.err.code);
    ax_arena_done(&job->arena);
    if (--job->owner->waiting == 0)
        ax_loop_stop(&job->owner->loop);
}

void job_start(struct writer_kit *kit, struct job *job, enum ax_query_kind kind,
               ax_query_run_fn *run, void *arg, uint64_t deadline_ms)
{
    *job = (struct job){ .owner = kit };
    ax_arena_init(&job->arena, 1u << 20);
    job->query.kind = kind;
    job->query.run = run;
    job->query.arg = arg;
    job->query.arena = &job->arena;
    job->query.deadline_ms = deadline_ms;
    kit->waiting++;
    ax_writer_start(kit->writer, &job->query, job_on_done, job);
    T_EQ(job->ends, 0);
}

void writer_kit_wait(struct writer_kit *kit)
{
    if (kit->waiting > 0)
        ax_loop_run(&kit->loop);
    T_EQ(kit->waiting, 0);
}

enum ax_code writer_kit_run(struct writer_kit *kit, enum ax_query_kind kind, ax_query_run_fn *run,
                            void *arg)
{
    struct job job;

    job_start(kit, &job, kind, run, arg, 0);
    writer_kit_wait(kit);
    T_EQ(job.ends, 1);
    return job.code;
}

enum ax_code run_install(struct ax_model *model, void *arg)
{
    struct ax_install_new in = {
        .tenant = ax_str_of(arg),
        .extension = AX_STR("com.acme.hello"),
        .enable = true,
    };
    struct ax_install install;

    return ax_install_create(model, &in, &install);
}

enum ax_code run_count(struct ax_model *model, void *arg)
{
    struct counts *counts = arg;
    struct ax_rows rows;

    ax_db_select(model->db, &rows,
                 "SELECT (SELECT count(*) FROM installs), (SELECT count(*) FROM audit), "
                 "(SELECT count(*) FROM changes), serial, "
                 "(SELECT coalesce(max(serial), 0) FROM changes), audit_seq FROM meta");
    if (ax_rows_next(&rows))
        *counts = (struct counts){ ax_rows_i64(&rows, 0), ax_rows_i64(&rows, 1),
                                   ax_rows_i64(&rows, 2), ax_rows_i64(&rows, 3),
                                   ax_rows_i64(&rows, 4), ax_rows_i64(&rows, 5) };
    return ax_rows_end(&rows, model->err);
}

enum ax_code run_verify(struct ax_model *model, void *arg)
{
    (void)arg;
    return kit_verify(model);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* writer_kit.h - how does a test run queries on the loop and wait for them? */
#ifndef AX_REGISTRY_WRITER_KIT_H
#define AX_REGISTRY_WRITER_KIT_H

#include "registry/test_kit.h"
#include "registry/writer.h"

/* The kit's database, now the writer's. */
struct writer_kit {
    struct kit kit;
    struct ax_loop loop;
    struct ax_writer *writer;
    size_t waiting; /* queries that have been started and have not ended */
};

struct job { /* one query and how it ended */
    struct ax_query query;
    struct ax_arena arena;
    struct writer_kit *owner;
    unsigned ends;
    enum ax_code code;
};

/* With publisher "acme" and version 1.0.0 of "com.acme.hello". */
void writer_kit_init(struct writer_kit *kit);
void writer_kit_done(struct writer_kit *kit);
void job_start(struct writer_kit *kit, struct job *job, enum ax_query_kind kind,
               ax_query_run_fn *run, void *arg, uint64_t deadline_ms);
/* Runs the loop until every query has ended. */
void writer_kit_wait(struct writer_kit *kit);
/* One query from start to end. */
enum ax_code writer_kit_run(struct writer_kit *kit, enum ax_query_kind kind, ax_query_run_fn *run,
                            void *arg);

/* Queries: install "com.acme.hello" for the tenant that `arg` names, in words. */
enum ax_code run_install(struct ax_model *model, void *arg);
/* Number of rows of installs, audit; serial: into the struct. */
struct counts {
    int64_t installs, audit, changes, serial, highest, audit_seq;
};
enum ax_code run_count(struct ax_model *model, void *arg);
enum ax_code run_verify(struct ax_model *model, void *arg);

#endif

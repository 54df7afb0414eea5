/* SPDX-License-Identifier: Apache-2.0 */
/* writer.h - how do many requests share one database?
 *
 * The database has one thread of its own. Queries wait in two lines: reads run one by one, before
 * any write; all the writes that wait run in one transaction, each inside its own savepoint, and are
 * told of success only when the whole is on disk. A write that fails takes nothing of the others
 * with it; when the transaction itself fails (locked, full, refused by the disk), everybody in it is
 * told AX_E_REGISTRY_UNAVAILABLE and nothing of it has happened. While another process holds the
 * lock, writes wait until their deadlines and reads go on. */
#ifndef AX_REGISTRY_WRITER_H
#define AX_REGISTRY_WRITER_H

#include "loop/loop.h"
#include "registry/model.h"

#define AX_WRITER_QUEUE_MAX   4096
#define AX_WRITER_BATCH_MAX   512
#define AX_WRITER_DEADLINE_MS 5000 /* of a query that names none */

enum ax_query_kind {
    AX_QUERY_READ,
    AX_QUERY_WRITE,
};

/* What a query does, on the database's thread: calls functions of the model with `model`, touches
 * `arg` and nothing else of the process. When it fails, nothing that it wrote remains. */
typedef enum ax_code ax_query_run_fn(struct ax_model *model, void *arg);

/* One operation on the data. It must live, with what it points to, until on_done; until then its
 * arena and everything in `arg` is the database thread's. */
struct ax_query {
    struct ax_op op; /* ax_op_cancel(&query->op) withdraws it if it has not begun */
    /* filled in by its owner */
    enum ax_query_kind kind;
    ax_query_run_fn *run;
    void *arg;
    struct ax_arena *arena; /* for what the model gives back */
    struct ax_actor actor;  /* borrowed strings, for the audit */
    uint64_t deadline_ms;   /* of ax_loop_now_ms(); 0: AX_WRITER_DEADLINE_MS from now */
    /* filled in by us, for on_done */
    struct ax_err err; /* words and pointer, when the code is not AX_OK */
    /* ours */
    struct ax_writer *writer_;
    struct ax_query *next_, *previous_;
    enum ax_code code_;
    int state_;
};

struct ax_writer;

/* Starts the thread; takes `db`, which is closed by ax_writer_free(). */
struct ax_writer *ax_writer_new(struct ax_loop *loop, struct ax_db *db);
/* Ends the thread; every query must have been told its end. Waits for the thread only. The memory
 * goes when the loop runs on, or in ax_loop_done(). NULL is fine. */
void ax_writer_free(struct ax_writer *writer);

/* Puts `query` in line. Its on_done comes once, on the loop: with AX_OK after what was written is on
 * disk, with what `run` said, AX_E_OVERLOADED (AX_WRITER_QUEUE_MAX are waiting), AX_E_CANCELED,
 * AX_E_REGISTRY_UNAVAILABLE (the database refuses, or the deadline passed in line). */
void ax_writer_start(struct ax_writer *writer, struct ax_query *query, ax_op_done_fn *on_done,
                     void *on_done_arg);

struct ax_writer_stats {
    uint64_t reads;
    uint64_t writes;       /* that are on disk */
    uint64_t transactions; /* that brought them there */
    uint64_t unavailable;  /* queries that were told so */
    uint64_t overloaded;
    size_t waiting;
};
struct ax_writer_stats ax_writer_stats(struct ax_writer *writer); /* on the loop */

#endif

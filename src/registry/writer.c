/* SPDX-License-Identifier: Apache-2.0 */
/* writer.c - how do many requests share one database?
 *
 *   loop:    start --> WAITING ------------------------------> DONE --> on_done
 *                         |  cancel (still waiting) ------------^
 *   thread:               `--> RUNNING --> (commit) ------------^
 *
 * The lock guards the three lines and the counters; it is never held while SQLite works. Writes
 * leave their line only when BEGIN has the database's lock, so that until then they can be canceled
 * or run out of time. */
#include "registry/writer.h"

#include "base/clock.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#define WRITER_PATIENCE_MS 10 /* between two looks at a lock that another process holds */

enum query_state { QUERY_WAITING, QUERY_RUNNING, QUERY_DONE };

struct line {
    struct ax_query *first, *last;
};

struct ax_writer {
    uv_async_t async; /* wakes the loop when `done` is not empty */
    struct ax_db *db;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping;
    struct line reads, writes, done;
    struct ax_writer_stats stats;
};

/* --- lines --- */

static void line_append(struct line *line, struct ax_query *query)
{
    query->next_ = NULL;
    query->previous_ = line->last;
    *(line->last ? &line->last->next_ : &line->first) = query;
    line->last = query;
}

static void line_remove(struct line *line, struct ax_query *query)
{
    *(query->previous_ ? &query->previous_->next_ : &line->first) = query->next_;
    *(query->next_ ? &query->next_->previous_ : &line->last) = query->previous_;
}

static struct line *writer_line(struct ax_writer *writer, const struct ax_query *query)
{
    return query->kind == AX_QUERY_READ ? &writer->reads : &writer->writes;
}

/* With the lock held; the query stands in no line. */
static void writer_finish(struct ax_writer *writer, struct ax_query *query, enum ax_code code)
{
    query->state_ = QUERY_DONE;
    query->code_ = code;
    writer->stats.unavailable += code == AX_E_REGISTRY_UNAVAILABLE;
    line_append(&writer->done, query);
    (void)uv_async_send(&writer->async);
}

/* With the lock held; takes a query that still waits out of its line and tells it. */
static void writer_drop(struct ax_writer *writer, struct ax_query *query, enum ax_code code)
{
    assert(query->state_ == QUERY_WAITING);
    line_remove(writer_line(writer, query), query);
    writer->stats.waiting--;
    writer_finish(writer, query, code);
}

static enum ax_code query_unavailable(struct ax_query *query)
{
    return ax_err_set(&query->err, AX_E_REGISTRY_UNAVAILABLE,
                      "the registry's database did not come to it in time");
}

/* With the lock held: whoever's time has passed leaves the line. Gives the next such moment. */
static uint64_t writer_expire(struct ax_writer *writer, struct line *line)
{
    uint64_t now_ms = ax_clock_mono_ms();
    uint64_t earliest = UINT64_MAX;
    struct ax_query *next;

    for (struct ax_query *query = line->first; query; query = next) {
        next = query->next_;
        if (query->deadline_ms <= now_ms)
            writer_drop(writer, query, query_unavailable(query));
        else if (query->deadline_ms < earliest)
            earliest = query->deadline_ms;
    }
    return earliest;
}

/* --- the database's thread --- */

/* Asked by SQLite while another connection holds the lock. Gives up for reads that have come, when
 * nobody is left to wait for, and at the end. */
static bool writer_wait(void *arg)
{
    struct ax_writer *writer = arg;
    struct timespec until;
    bool again = false;

    pthread_mutex_lock(&writer->lock);
    if (!writer->stopping && !writer->reads.first && writer->writes.first) {
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += WRITER_PATIENCE_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        (void)pthread_cond_timedwait(&writer->wake, &writer->lock, &until);
        (void)writer_expire(writer, &writer->writes);
        again = !writer->stopping && !writer->reads.first && writer->writes.first;
    }
    pthread_mutex_unlock(&writer->lock);
    return again;
}

static enum ax_code query_run(struct ax_query *query, struct ax_db *db)
{
    struct ax_model model = {
        .db = db,
        .arena = query->arena,
        .actor = query->actor,
        .now_ms = ax_clock_wall_ms(),
        .err = &query->err,
    };

    return query->run(&model, query->arg);
}

/* Takes what waits, at most `max`, in order. */
static struct line writer_take(struct ax_writer *writer, struct line *line, size_t max)
{
    struct line taken = { NULL, NULL };

    pthread_mutex_lock(&writer->lock);
    (void)writer_expire(writer, line);
    for (size_t i = 0; i < max && line->first; i++) {
        struct ax_query *query = line->first;

        line_remove(line, query);
        writer->stats.waiting--;
        query->state_ = QUERY_RUNNING;
        line_append(&taken, query);
    }
    pthread_mutex_unlock(&writer->lock);
    return taken;
}

static void writer_run_reads(struct ax_writer *writer)
{
    struct line taken = writer_take(writer, &writer->reads, AX_WRITER_BATCH_MAX);

    ax_db_forbid_writes(writer->db, true);
    while (taken.first) {
        struct ax_query *query = taken.first;
        enum ax_code code = query_run(query, writer->db);

        line_remove(&taken, query);
        pthread_mutex_lock(&writer->lock);
        writer->stats.reads++;
        writer_finish(writer, query, code);
        pthread_mutex_unlock(&writer->lock);
    }
    ax_db_forbid_writes(writer->db, false);
}

/* One write in its savepoint. False when the whole transaction is lost. */
static bool writer_run_write(struct ax_writer *writer, struct ax_query *query)
{
    struct ax_err ignored;
    enum ax_code code = ax_db_run(writer->db, &query->err, "SAVEPOINT write");

    if (code == AX_OK) {
        code = query_run(query, writer->db);
        if (!ax_db_in_transaction(writer->db)) {
            query->code_ = code;
            return false;
        }
        if (code != AX_OK && ax_db_run(writer->db, &ignored, "ROLLBACK TO write") != AX_OK)
            return false;
        if (ax_db_run(writer->db, &ignored, "RELEASE write") != AX_OK)
            return false;
    }
    query->code_ = code;
    return ax_db_in_transaction(writer->db);
}

/* Everybody of a transaction learns how it ended. What a write was told about others in the same
 * transaction is void when they have not happened: then all are told to come again. */
static void writer_tell(struct ax_writer *writer, struct line *taken, bool committed)
{
    pthread_mutex_lock(&writer->lock);
    if (committed)
        writer->stats.transactions++;
    while (taken->first) {
        struct ax_query *query = taken->first;

        line_remove(taken, query);
        writer->stats.writes += committed && query->code_ == AX_OK;
        writer_finish(writer, query,
                      committed ? query->code_
                                : ax_err_set(&query->err, AX_E_REGISTRY_UNAVAILABLE,
                                             "the registry's database could not be written"));
    }
    pthread_mutex_unlock(&writer->lock);
}

static void writer_run_writes(struct ax_writer *writer)
{
    struct ax_err err;
    struct line taken;
    enum ax_code code = ax_db_run(writer->db, &err, "BEGIN IMMEDIATE");
    bool fine = true;

    if (code != AX_OK && ax_db_is_locked(writer->db)) {
        (void)writer_wait(writer); /* SQLite does not always ask before it gives up */
        return;
    }
    if (code != AX_OK) {
        pthread_mutex_lock(&writer->lock);
        while (writer->writes.first)
            writer_drop(writer, writer->writes.first,
                        ax_err_set(&writer->writes.first->err, code, "%s", err.message));
        pthread_mutex_unlock(&writer->lock);
        return;
    }
    taken = writer_take(writer, &writer->writes, AX_WRITER_BATCH_MAX);
    for (struct ax_query *query = taken.first; query && fine; query = query->next_)
        fine = writer_run_write(writer, query);
    fine = fine && ax_db_run(writer->db, &err, "COMMIT") == AX_OK;
    if (!fine && ax_db_in_transaction(writer->db) &&
        ax_db_run(writer->db, &err, "ROLLBACK") != AX_OK)
        assert(!ax_db_in_transaction(writer->db)); /* rolling back cannot fail and go on */
    writer_tell(writer, &taken, fine);
}

static void *writer_thread(void *arg)
{
    struct ax_writer *writer = arg;
    bool reads, writes;

    for (;;) {
        pthread_mutex_lock(&writer->lock);
        while (!writer->stopping && !writer->reads.first && !writer->writes.first)
            (void)pthread_cond_wait(&writer->wake, &writer->lock);
        reads = writer->reads.first != NULL;
        writes = writer->writes.first != NULL;
        pthread_mutex_unlock(&writer->lock);
        if (!reads && !writes)
            return NULL;
        if (reads)
            writer_run_reads(writer);
        else
            writer_run_writes(writer);
    }
}

/* --- the loop's side --- */

static void writer_on_async(uv_async_t *async)
{
    struct ax_writer *writer = AX_CONTAINER_OF(async, struct ax_writer, async);
    struct line done;

    pthread_mutex_lock(&writer->lock);
    done = writer->done;
    writer->done = (struct line){ NULL, NULL };
    pthread_mutex_unlock(&writer->lock);
    while (done.first) {
        struct ax_query *query = done.first;

        line_remove(&done, query);
        ax_op_complete(&query->op, query->code_);
    }
}

static void query_on_cancel(struct ax_op *op)
{
    struct ax_query *query = AX_CONTAINER_OF(op, struct ax_query, op);
    struct ax_writer *writer = query->writer_;

    pthread_mutex_lock(&writer->lock);
    if (query->state_ == QUERY_WAITING)
        writer_drop(writer, query,
                    ax_err_set(&query->err, AX_E_CANCELED, "the request was withdrawn"));
    pthread_mutex_unlock(&writer->lock);
}

void ax_writer_start(struct ax_writer *writer, struct ax_query *query, ax_op_done_fn *on_done,
                     void *on_done_arg)
{
    ax_op_begin(&query->op, on_done, on_done_arg, query_on_cancel);
    query->writer_ = writer;
    query->err = (struct ax_err){ .code = AX_OK };
    if (query->deadline_ms == 0)
        query->deadline_ms = ax_clock_mono_ms() + AX_WRITER_DEADLINE_MS;
    pthread_mutex_lock(&writer->lock);
    if (writer->stats.waiting >= AX_WRITER_QUEUE_MAX) {
        writer->stats.overloaded++;
        writer_finish(writer, query,
                      ax_err_set(&query->err, AX_E_OVERLOADED,
                                 "too many requests wait for the registry's database"));
    } else {
        query->state_ = QUERY_WAITING;
        writer->stats.waiting++;
        line_append(writer_line(writer, query), query);
        (void)pthread_cond_signal(&writer->wake);
    }
    pthread_mutex_unlock(&writer->lock);
}

struct ax_writer_stats ax_writer_stats(struct ax_writer *writer)
{
    struct ax_writer_stats stats;

    pthread_mutex_lock(&writer->lock);
    stats = writer->stats;
    pthread_mutex_unlock(&writer->lock);
    return stats;
}

struct ax_writer *ax_writer_new(struct ax_loop *loop, struct ax_db *db)
{
    struct ax_writer *writer = ax_alloc(sizeof(*writer));
    pthread_condattr_t attributes;
    static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS };
    sigset_t all, before;

    writer->db = db;
    if (uv_async_init(&loop->uv, &writer->async, writer_on_async) != 0)
        abort(); /* no descriptor for it: nothing of ours could run */
    pthread_mutex_init(&writer->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&writer->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    ax_db_on_busy(db, writer_wait, writer);
    sigfillset(&all); /* signals are for the loop's thread, but for what a thread does itself */
    for (size_t i = 0; i < AX_ARRAY_LEN(faults); i++)
        sigdelset(&all, faults[i]);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&writer->thread, NULL, writer_thread, writer) != 0)
        abort();
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return writer;
}

static void writer_on_closed(uv_handle_t *handle)
{
    free(AX_CONTAINER_OF((uv_async_t *)handle, struct ax_writer, async));
}

void ax_writer_free(struct ax_writer *writer)
{
    if (!writer)
        return;
    pthread_mutex_lock(&writer->lock);
    writer->stopping = true;
    (void)pthread_cond_signal(&writer->wake);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->thread, NULL);
    assert(!writer->reads.first && !writer->writes.first && !writer->done.first);
    ax_db_close(writer->db);
    pthread_cond_destroy(&writer->wake);
    pthread_mutex_destroy(&writer->lock);
    uv_close((uv_handle_t *)&writer->async, writer_on_closed);
}

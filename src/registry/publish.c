/* SPDX-License-Identifier: Apache-2.0 */
/* publish.c - how does an upload become a version?
 *
 * LOOK -> LINE -> CHECK -> READ -> VERIFY -> JUDGE -> SIGN -> BUNDLE -> ENVELOPE -> COMMIT -> CLEAN
 *                   |                                                      |         ^         |
 *                   | published with these bytes                COMPARE <--' taken   |         |
 *                   '----------------------------------------------|-> REPLACE ------'         |
 *                                                                  '-----------------'         v
 * refused for good: --> DROP --> CLEAN --> CLOSE;   any other failure, cancel: ------------> CLOSE */
#include "registry/publish.h"

#include "registry/publish_check.h"

#include <assert.h>
#include <string.h>

#define PUBLISH_ENVELOPE_READ (1u << 20) /* of an envelope that is in the store already */

struct ax_publishes {
    struct ax_publishes_parts parts;
    struct ax_publish *first, *last; /* in the order of their start */
    size_t count;
};

static void publish_enter(struct ax_publish *publish, enum publish_state next);
static void publish_on_done(enum ax_code code, void *arg);

const struct ax_private_key *publish_platform_key(const struct ax_publish *publish)
{
    return publish->owner_->parts.platform_key;
}

struct ax_publishes *ax_publishes_new(const struct ax_publishes_parts *parts)
{
    struct ax_publishes *publishes = ax_alloc(sizeof(*publishes));

    publishes->parts = *parts;
    return publishes;
}

void ax_publishes_free(struct ax_publishes *publishes)
{
    assert(!publishes || publishes->count == 0);
    free(publishes);
}

/* --- the line --- */

static void line_add(struct ax_publishes *line, struct ax_publish *publish)
{
    publish->previous_ = line->last;
    *(line->last ? &line->last->next_ : &line->first) = publish;
    line->last = publish;
    line->count++;
}

static void line_remove(struct ax_publishes *line, struct ax_publish *publish)
{
    *(publish->previous_ ? &publish->previous_->next_ : &line->first) = publish->next_;
    *(publish->next_ ? &publish->next_->previous_ : &line->last) = publish->previous_;
    line->count--;
}

/* Would the two write the same object or the same row? */
static bool line_collides(const struct ax_publish *a, const struct ax_publish *b)
{
    return ax_digest_eq(&a->hash_, &b->hash_) ||
           (ax_str_eq(a->upload_.name, b->upload_.name) &&
            ax_str_eq(a->upload_.version, b->upload_.version));
}

static bool line_may_go(const struct ax_publishes *line, const struct ax_publish *publish)
{
    size_t going = 0;

    for (const struct ax_publish *other = line->first; other; other = other->next_) {
        if (other->state_ <= PUBLISH_LINE)
            continue;
        if (++going == AX_PUBLISHES_AT_ONCE || line_collides(publish, other))
            return false;
    }
    return true;
}

static void line_move(struct ax_publishes *line)
{
    for (struct ax_publish *publish = line->first; publish; publish = publish->next_)
        if (publish->state_ == PUBLISH_LINE && publish->code_ == AX_OK &&
            line_may_go(line, publish))
            publish_enter(publish, PUBLISH_CHECK);
}

/* --- what runs in a state --- */

static struct ax_op *publish_op(struct ax_publish *publish)
{
    switch (publish->state_) {
    case PUBLISH_LOOK:
    case PUBLISH_CHECK:
    case PUBLISH_COMMIT: return &publish->query_.op;
    case PUBLISH_READ: return &publish->ask_.job.op;
    case PUBLISH_VERIFY:
    case PUBLISH_SIGN: return &publish->job_.op;
    case PUBLISH_JUDGE: return &publish->verdict_.op;
    case PUBLISH_BUNDLE:
    case PUBLISH_ENVELOPE:
    case PUBLISH_REPLACE: return &publish->put_.op;
    case PUBLISH_COMPARE: return &publish->get_.op;
    case PUBLISH_LINE:
    case PUBLISH_DROP:
    case PUBLISH_CLEAN:
    case PUBLISH_CLOSE: break;
    }
    return NULL;
}

/* The words of what has just failed. */
static const struct ax_err *publish_words(const struct ax_publish *publish)
{
    switch (publish->state_) {
    case PUBLISH_LOOK:
    case PUBLISH_CHECK:
    case PUBLISH_COMMIT: return &publish->query_.err;
    case PUBLISH_READ: return &publish->ask_.err;
    case PUBLISH_VERIFY:
    case PUBLISH_SIGN: return &publish->job_err_;
    case PUBLISH_JUDGE: return &publish->verdict_.err;
    case PUBLISH_BUNDLE:
    case PUBLISH_ENVELOPE:
    case PUBLISH_REPLACE: return &publish->put_.err;
    case PUBLISH_COMPARE: return &publish->get_.err;
    case PUBLISH_LINE:
    case PUBLISH_DROP:
    case PUBLISH_CLEAN:
    case PUBLISH_CLOSE: break;
    }
    return NULL;
}

static void publish_query(struct ax_publish *publish, enum ax_query_kind kind, ax_query_run_fn *run)
{
    publish->query_ = (struct ax_query){
        .kind = kind,
        .run = run,
        .arg = publish,
        .arena = publish->arena,
        .actor = publish->actor,
        .deadline_ms = publish->deadline_ms,
    };
    ax_writer_start(publish->owner_->parts.writer, &publish->query_, publish_on_done, publish);
}

static void publish_job(struct ax_publish *publish, enum ax_code (*run)(void *arg))
{
    ax_job_start(publish->owner_->parts.loop, &publish->job_, run, publish, publish_on_done,
                 publish);
}

static void publish_judge(struct ax_publish *publish)
{
    const struct ax_publish_builder *builder = &publish->owner_->parts.builder;

    publish->verdict_ = (struct ax_publish_verdict){
        .bundle_fd = publish->bundle_fd_,
        .size = publish->upload_.size,
        .envelope = publish->upload_.envelope,
    };
    ax_buf_init(&publish->verdict_.manifest, AX_MANIFEST_BYTES_MAX);
    builder->judge(builder->arg, &publish->verdict_, publish_on_done, publish);
}

static void publish_close(struct ax_publish *publish)
{
    struct ax_publishes *line = publish->owner_;

    ax_envelope_free(publish->envelope_);
    ax_buf_done(&publish->verdict_.manifest);
    ax_store_get_done(&publish->get_);
    ax_fd_close(&publish->bundle_fd_);
    ax_fd_close(&publish->envelope_fd_);
    ax_task_withdraw(&publish->task_);
    line_remove(line, publish);
    line_move(line);
    ax_op_complete(&publish->op, publish->code_);
}

static void publish_enter(struct ax_publish *publish, enum publish_state next)
{
    const struct ax_publishes_parts *parts = &publish->owner_->parts;
    uint8_t *hash = publish->hash_.bytes;

    assert(next > publish->state_ || next == PUBLISH_LOOK);
    publish->state_ = next;
    switch (next) {
    case PUBLISH_LOOK: publish_query(publish, AX_QUERY_READ, publish_look); return;
    case PUBLISH_LINE: line_move(publish->owner_); return;
    case PUBLISH_CHECK: publish_query(publish, AX_QUERY_READ, publish_check); return;
    case PUBLISH_READ:
        ax_spool_load(parts->spool, &publish->ask_, publish->upload_.id, publish_on_done, publish);
        return;
    case PUBLISH_VERIFY: publish_job(publish, publish_verify); return;
    case PUBLISH_JUDGE: publish_judge(publish); return;
    case PUBLISH_SIGN: publish_job(publish, publish_sign); return;
    case PUBLISH_BUNDLE:
        ax_store_put(parts->store, &publish->put_, AX_STORE_BUNDLE, hash, publish->bundle_fd_,
                     publish->upload_.size, publish_on_done, publish);
        return;
    case PUBLISH_ENVELOPE:
        ax_store_put(parts->store, &publish->put_, AX_STORE_ENVELOPE, hash, publish->envelope_fd_,
                     publish->envelope_size_, publish_on_done, publish);
        return;
    case PUBLISH_COMPARE:
        ax_store_get(parts->store, &publish->get_, AX_STORE_ENVELOPE, hash, PUBLISH_ENVELOPE_READ,
                     publish_on_done, publish);
        return;
    case PUBLISH_REPLACE:
        ax_store_replace(parts->store, &publish->put_, AX_STORE_ENVELOPE, hash,
                         publish->get_.sha256, publish->envelope_fd_, publish->envelope_size_,
                         publish_on_done, publish);
        return;
    case PUBLISH_COMMIT: publish_query(publish, AX_QUERY_WRITE, publish_commit); return;
    case PUBLISH_DROP: publish_query(publish, AX_QUERY_WRITE, publish_drop); return;
    case PUBLISH_CLEAN:
        ax_spool_remove(parts->spool, &publish->ask_, publish->upload_.id, publish_on_done,
                        publish);
        return;
    case PUBLISH_CLOSE: publish_close(publish); return;
    }
}

/* --- from state to state --- */

/* Another try of the same upload would end the same way. */
static bool publish_is_final(const struct ax_publish *publish)
{
    if (publish->state_ < PUBLISH_CHECK)
        return false; /* not known to be the publisher's */
    switch (publish->code_) {
    case AX_E_INVALID_REQUEST:
    case AX_E_FORBIDDEN:
    case AX_E_VERSION_EXISTS:
    case AX_E_BUNDLE_REVOKED:
    case AX_E_INVALID_BUNDLE:
    case AX_E_INVALID_MANIFEST:
    case AX_E_UNKNOWN_CAPABILITY:
    case AX_E_TOO_BIG: return true;
    default: return false;
    }
}

static void publish_fail(struct ax_publish *publish, enum ax_code code)
{
    const struct ax_err *words = publish_words(publish);

    /* What a code means depends on who said it. */
    if (publish->state_ >= PUBLISH_JUDGE && code == AX_E_BUNDLE_REJECTED)
        code = AX_E_INVALID_BUNDLE;
    else if (publish->state_ >= PUBLISH_BUNDLE && publish->state_ <= PUBLISH_REPLACE &&
             (code == AX_E_EXISTS || code == AX_E_PRECONDITION_FAILED || code == AX_E_NOT_FOUND ||
              code == AX_E_TOO_BIG))
        code = AX_E_CONFLICT;
    publish->code_ = code;
    if (words && words->code != AX_OK && code != AX_E_CANCELED)
        publish->err = *words;
    else
        ax_err_set(&publish->err, code, "%s", ax_code_info(code)->words);
    publish->err.code = code;
    publish_enter(publish, publish_is_final(publish) ? PUBLISH_DROP : PUBLISH_CLOSE);
}

static enum publish_state publish_next(struct ax_publish *publish)
{
    switch (publish->state_) {
    case PUBLISH_CHECK: return publish->existed ? PUBLISH_COMMIT : PUBLISH_READ;
    case PUBLISH_ENVELOPE: return publish->put_.existed ? PUBLISH_COMPARE : PUBLISH_COMMIT;
    case PUBLISH_COMPARE:
        return memcmp(publish->get_.sha256, publish->envelope_sha256_, AX_STORE_HASH) == 0
                   ? PUBLISH_COMMIT
                   : PUBLISH_REPLACE;
    case PUBLISH_COMMIT: return PUBLISH_CLEAN;
    default: return publish->state_ + 1;
    }
}

static void publish_on_done(enum ax_code code, void *arg)
{
    struct ax_publish *publish = arg;

    if (publish->state_ >= PUBLISH_DROP) { /* what cannot be removed now is swept later */
        publish_enter(publish, publish->state_ + 1);
        return;
    }
    if (publish->state_ == PUBLISH_READ && code == AX_OK)
        publish->bundle_fd_ = publish->ask_.fd;
    if (publish->state_ < PUBLISH_COMMIT && publish->op.canceled)
        code = AX_E_CANCELED;
    if (publish->state_ == PUBLISH_ENVELOPE && code == AX_E_EXISTS)
        publish_enter(publish, PUBLISH_COMPARE); /* of another size: an earlier try's */
    else if (code != AX_OK)
        publish_fail(publish, code);
    else
        publish_enter(publish, publish_next(publish));
}

static void publish_on_task(struct ax_task *task)
{
    struct ax_publish *publish = AX_CONTAINER_OF(task, struct ax_publish, task_);

    publish_fail(publish, publish->code_);
}

static void publish_end_soon(struct ax_publish *publish, enum ax_code code)
{
    publish->code_ = code;
    ax_task_post(publish->owner_->parts.loop, &publish->task_, publish_on_task);
}

static void publish_on_cancel(struct ax_op *op)
{
    struct ax_publish *publish = AX_CONTAINER_OF(op, struct ax_publish, op);
    struct ax_op *running = publish_op(publish);

    if (running)
        ax_op_cancel(running);
    else if (publish->state_ == PUBLISH_LINE && publish->code_ == AX_OK)
        publish_end_soon(publish, AX_E_CANCELED);
}

void ax_publish_start(struct ax_publishes *publishes, struct ax_publish *publish,
                      ax_op_done_fn *on_done, void *arg)
{
    bool full = publishes->count >= AX_PUBLISHES_MAX;

    ax_op_begin(&publish->op, on_done, arg, publish_on_cancel);
    publish->owner_ = publishes;
    publish->bundle_fd_ = publish->envelope_fd_ = publish->get_.fd = -1;
    line_add(publishes, publish);
    if (full) {
        publish->state_ = PUBLISH_LINE;
        publish_end_soon(publish, AX_E_OVERLOADED);
    } else {
        publish_enter(publish, PUBLISH_LOOK);
    }
}

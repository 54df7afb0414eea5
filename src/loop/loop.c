/* SPDX-License-Identifier: Apache-2.0 */
/* loop.c - how does our code wait?
 *
 * libuv's turn is: timers, idle, poll, check, closing. Tasks run in the check phase, so what a
 * turn's timers and sockets post runs at its end; the idle handle is active while tasks wait, which
 * keeps poll from sleeping. The check handle is always active: an empty loop waits, it does not
 * return. */
#include "loop/loop.h"

#include "base/alloc.h"

#include <assert.h>

#define LOOP_HEAP_FIRST 64

/* --- timers: a binary heap, earliest first; equal moments in the order of their starts --- */

static bool timer_before(const struct ax_timer *a, const struct ax_timer *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void heap_put(struct ax_loop *loop, size_t at, struct ax_timer *timer)
{
    loop->heap[at] = timer;
    timer->slot = at + 1;
}

static void heap_up(struct ax_loop *loop, size_t at, struct ax_timer *timer)
{
    while (at > 0) {
        size_t parent = (at - 1) / 2;

        if (!timer_before(timer, loop->heap[parent]))
            break;
        heap_put(loop, at, loop->heap[parent]);
        at = parent;
    }
    heap_put(loop, at, timer);
}

static void heap_down(struct ax_loop *loop, size_t at, struct ax_timer *timer)
{
    for (;;) {
        size_t child = 2 * at + 1;

        if (child >= loop->heap_len)
            break;
        if (child + 1 < loop->heap_len && timer_before(loop->heap[child + 1], loop->heap[child]))
            child++;
        if (!timer_before(loop->heap[child], timer))
            break;
        heap_put(loop, at, loop->heap[child]);
        at = child;
    }
    heap_put(loop, at, timer);
}

static void heap_insert(struct ax_loop *loop, struct ax_timer *timer)
{
    if (loop->heap_len == loop->heap_cap) {
        size_t cap = loop->heap_cap ? 2 * loop->heap_cap : LOOP_HEAP_FIRST;
        struct ax_timer **heap = ax_alloc(cap * sizeof(*heap));

        for (size_t i = 0; i < loop->heap_len; i++)
            heap[i] = loop->heap[i];
        free(loop->heap);
        loop->heap = heap;
        loop->heap_cap = cap;
    }
    loop->heap_len++;
    heap_up(loop, loop->heap_len - 1, timer);
}

static void heap_remove(struct ax_loop *loop, struct ax_timer *timer)
{
    size_t at = timer->slot - 1;
    struct ax_timer *last = loop->heap[--loop->heap_len];

    timer->slot = 0;
    if (last == timer)
        return;
    if (at > 0 && timer_before(last, loop->heap[(at - 1) / 2]))
        heap_up(loop, at, last);
    else
        heap_down(loop, at, last);
}

static void loop_on_timer(uv_timer_t *handle);

/* Makes sure that libuv wakes us for the earliest timer. Being armed too early is left as it is:
 * most deadlines are stopped before they come, and an idle wake-up is cheaper than re-arming. */
static void loop_arm(struct ax_loop *loop)
{
    uint64_t now = uv_now(&loop->uv);
    uint64_t at;

    if (loop->firing)
        return; /* loop_on_timer looks again when it is through */
    if (loop->heap_len == 0) {
        uv_timer_stop(&loop->timer);
        loop->armed_ms = UINT64_MAX;
        return;
    }
    at = loop->heap[0]->at_ms;
    if (at >= loop->armed_ms)
        return;
    loop->armed_ms = at;
    uv_timer_start(&loop->timer, loop_on_timer, at > now ? at - now : 0, 0);
}

static void loop_on_again(struct ax_task *task)
{
    loop_arm(AX_CONTAINER_OF(task, struct ax_loop, again));
}

static void loop_on_timer(uv_timer_t *handle)
{
    struct ax_loop *loop = AX_CONTAINER_OF(handle, struct ax_loop, timer);
    uint64_t now = uv_now(&loop->uv);
    uint64_t started = loop->timers_started; /* what these callbacks start runs in the next turn */

    loop->armed_ms = UINT64_MAX;
    loop->firing = true;
    while (loop->heap_len > 0) {
        struct ax_timer *timer = loop->heap[0];

        if (timer->at_ms > now || timer->order > started)
            break;
        heap_remove(loop, timer);
        timer->on_time(timer);
    }
    loop->firing = false;
    /* libuv runs a timer that was armed for now again at once, and sockets would starve: such a one
     * is armed at the end of this turn. */
    if (loop->heap_len > 0 && loop->heap[0]->at_ms <= now)
        ax_task_post(loop, &loop->again, loop_on_again);
    else
        loop_arm(loop);
}

void ax_timer_start(struct ax_loop *loop, struct ax_timer *timer, uint64_t at_ms,
                    void (*on_time)(struct ax_timer *timer))
{
    uint64_t now = uv_now(&loop->uv);

    if (timer->slot)
        heap_remove(loop, timer);
    timer->at_ms = at_ms > now ? at_ms : now; /* the past never overtakes what is due already */
    timer->order = ++loop->timers_started;
    timer->on_time = on_time;
    timer->loop = loop;
    heap_insert(loop, timer);
    loop_arm(loop);
}

void ax_timer_stop(struct ax_timer *timer)
{
    if (!timer->slot)
        return;
    heap_remove(timer->loop, timer);
    if (timer->loop->heap_len == 0)
        loop_arm(timer->loop);
}

bool ax_timer_is_running(const struct ax_timer *timer)
{
    return timer->slot != 0;
}

/* --- tasks --- */

static void loop_on_idle(uv_idle_t *idle)
{
    (void)idle; /* only there to keep poll from sleeping */
}

static void task_append(struct ax_loop *loop, struct ax_task *task)
{
    task->loop = loop;
    task->next = NULL;
    task->previous = loop->tasks_last;
    if (loop->tasks_last)
        loop->tasks_last->next = task;
    else
        loop->tasks_first = task;
    loop->tasks_last = task;
}

void ax_task_withdraw(struct ax_task *task)
{
    struct ax_loop *loop = task->loop;

    if (!loop)
        return;
    *(task->previous ? &task->previous->next : &loop->tasks_first) = task->next;
    *(task->next ? &task->next->previous : &loop->tasks_last) = task->previous;
    task->loop = NULL;
}

void ax_task_post(struct ax_loop *loop, struct ax_task *task, void (*on_run)(struct ax_task *task))
{
    if (task->loop)
        return;
    if (!loop->tasks_first)
        uv_idle_start(&loop->idle, loop_on_idle);
    task->on_run = on_run;
    task_append(loop, task);
}

static void loop_on_check(uv_check_t *check)
{
    struct ax_loop *loop = AX_CONTAINER_OF(check, struct ax_loop, check);
    struct ax_task end = { 0 }; /* tasks posted by tasks stand behind it: the next turn's */

    if (!loop->tasks_first)
        return;
    task_append(loop, &end);
    for (;;) {
        struct ax_task *task = loop->tasks_first;

        ax_task_withdraw(task);
        if (task == &end)
            break;
        task->on_run(task);
    }
    if (!loop->tasks_first)
        uv_idle_stop(&loop->idle);
}

/* --- jobs --- */

static void job_on_work(uv_work_t *work)
{
    struct ax_job *job = AX_CONTAINER_OF(work, struct ax_job, work);

    job->result = job->run(job->run_arg);
}

static void job_on_after(uv_work_t *work, int status)
{
    struct ax_job *job = AX_CONTAINER_OF(work, struct ax_job, work);

    ax_op_complete(&job->op, status == 0 ? job->result : AX_E_CANCELED);
}

static void job_on_cancel(struct ax_op *op)
{
    struct ax_job *job = AX_CONTAINER_OF(op, struct ax_job, op);

    uv_cancel((uv_req_t *)&job->work); /* refused when it has begun: then it runs to its end */
}

void ax_job_start(struct ax_loop *loop, struct ax_job *job, enum ax_code (*run)(void *arg),
                  void *run_arg, ax_op_done_fn *on_done, void *arg)
{
    ax_op_begin(&job->op, on_done, arg, job_on_cancel);
    job->run = run;
    job->run_arg = run_arg;
    job->result = AX_OK;
    uv_queue_work(&loop->uv, &job->work, job_on_work, job_on_after); /* fails without `run` only */
}

/* --- the loop --- */

void ax_loop_init(struct ax_loop *loop)
{
    *loop = (struct ax_loop){ .armed_ms = UINT64_MAX };
    if (uv_loop_init(&loop->uv) != 0)
        abort(); /* no epoll or no memory for it: nothing of ours could run */
    uv_timer_init(&loop->uv, &loop->timer);
    uv_check_init(&loop->uv, &loop->check);
    uv_idle_init(&loop->uv, &loop->idle);
    uv_check_start(&loop->check, loop_on_check);
}

void ax_loop_run(struct ax_loop *loop)
{
    while (!loop->stopping)
        uv_run(&loop->uv, UV_RUN_DEFAULT);
    loop->stopping = false;
}

void ax_loop_stop(struct ax_loop *loop)
{
    loop->stopping = true;
    uv_stop(&loop->uv);
}

void ax_loop_done(struct ax_loop *loop)
{
    int status;

    uv_close((uv_handle_t *)&loop->timer, NULL);
    uv_close((uv_handle_t *)&loop->check, NULL);
    uv_close((uv_handle_t *)&loop->idle, NULL);
    while (uv_run(&loop->uv, UV_RUN_DEFAULT) != 0) {
    }
    status = uv_loop_close(&loop->uv);
    assert(status == 0); /* else somebody's handle is still open */
    (void)status;
    free(loop->heap);
    loop->heap = NULL;
    loop->heap_len = loop->heap_cap = 0;
}

uint64_t ax_loop_now_ms(const struct ax_loop *loop)
{
    return uv_now(&loop->uv);
}

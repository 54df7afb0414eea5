/* SPDX-License-Identifier: Apache-2.0 */
/* loop_test.c - does our code wait as loop.h and op.h promise? */
#include "loop/loop.h"

#include "base/clock.h"
#include "base/test.h"

#include <stdatomic.h>
#include <unistd.h>

struct clockwork {
    struct ax_loop loop;
    struct ax_timer timers[64];
    struct ax_task tasks[8];
    char said[256]; /* one letter an event, in order */
    size_t said_len;
    unsigned count;
};

static struct clockwork *at_work; /* callbacks have no argument: one clockwork a test process */

static struct clockwork *clockwork_new(void)
{
    struct clockwork *clockwork = ax_alloc(sizeof(*clockwork));

    ax_loop_init(&clockwork->loop);
    at_work = clockwork;
    return clockwork;
}

static void clockwork_free(struct clockwork *clockwork)
{
    ax_loop_done(&clockwork->loop);
    free(clockwork);
}

static void say(char letter)
{
    assert_in_range(at_work->said_len, 0, sizeof(at_work->said) - 2);
    at_work->said[at_work->said_len++] = letter;
}

static void say_timer(struct ax_timer *timer)
{
    say((char)('A' + (timer - at_work->timers)));
    T_FALSE(ax_timer_is_running(timer));
}

static void say_task(struct ax_task *task)
{
    say((char)('a' + (task - at_work->tasks)));
}

static void stop_on_time(struct ax_timer *timer)
{
    ax_loop_stop(timer->loop);
}

static void stop_on_run(struct ax_task *task)
{
    (void)task;
    ax_loop_stop(&at_work->loop);
}

/* Runs until everything that is due within `ms` has come. */
static void run_for(struct clockwork *clockwork, uint64_t ms)
{
    struct ax_timer end = { 0 };

    uv_update_time(&clockwork->loop.uv);
    ax_timer_start(&clockwork->loop, &end, ax_loop_now_ms(&clockwork->loop) + ms, stop_on_time);
    ax_loop_run(&clockwork->loop);
}

TEST(timers_run_in_the_order_of_their_moments)
{
    struct clockwork *clockwork = clockwork_new();
    uint64_t now = ax_loop_now_ms(&clockwork->loop);

    ax_timer_start(&clockwork->loop, &clockwork->timers[2], now + 9, say_timer);
    ax_timer_start(&clockwork->loop, &clockwork->timers[0], now + 3, say_timer);
    ax_timer_start(&clockwork->loop, &clockwork->timers[3], now + 12, say_timer);
    ax_timer_start(&clockwork->loop, &clockwork->timers[1], now + 6, say_timer);
    run_for(clockwork, 20);
    T_STR(ax_str_of(clockwork->said), AX_STR("ABCD"));
    clockwork_free(clockwork);
}

TEST(timers_of_one_moment_run_in_the_order_of_their_starts)
{
    struct clockwork *clockwork = clockwork_new();
    uint64_t now = ax_loop_now_ms(&clockwork->loop);

    for (size_t i = 0; i < 20; i++)
        ax_timer_start(&clockwork->loop, &clockwork->timers[i], now + 2, say_timer);
    run_for(clockwork, 5);
    T_STR(ax_str_of(clockwork->said), AX_STR("ABCDEFGHIJKLMNOPQRST"));
    clockwork_free(clockwork);
}

TEST(timer_never_comes_early)
{
    struct clockwork *clockwork = clockwork_new();
    uint64_t before_ms = ax_clock_mono_ms();

    run_for(clockwork, 30);
    T_TRUE(ax_clock_mono_ms() - before_ms >= 29); /* both clocks are cut to whole milliseconds */
    clockwork_free(clockwork);
}

TEST(timers_stop_and_restart_in_any_order)
{
    struct clockwork *clockwork = clockwork_new();
    uint64_t now = ax_loop_now_ms(&clockwork->loop);
    unsigned seed = 7;

    for (size_t round = 0; round < 4000; round++) {
        struct ax_timer *timer;

        seed = seed * 1103515245u + 12345u;
        timer = &clockwork->timers[(seed >> 16) % 26];
        if ((seed >> 8) % 3 == 0)
            ax_timer_stop(timer);
        else
            ax_timer_start(&clockwork->loop, timer, now + (seed >> 20) % 9, say_timer);
    }
    for (size_t i = 0; i < 26; i++) { /* at the end each has a known moment, or none */
        if (i % 5 == 0)
            ax_timer_stop(&clockwork->timers[i]);
        else
            ax_timer_start(&clockwork->loop, &clockwork->timers[i], now + 40 - i, say_timer);
    }
    run_for(clockwork, 60);
    T_STR(ax_str_of(clockwork->said), AX_STR("YXWVTSRQONMLJIHGEDCB"));
    T_EQ(clockwork->loop.heap_len, 0);
    clockwork_free(clockwork);
}

static void stop_the_others(struct ax_timer *timer)
{
    say_timer(timer);
    for (size_t i = 0; i < 4; i++)
        ax_timer_stop(&at_work->timers[i]);
}

TEST(timer_stopped_by_one_of_its_moment_does_not_come)
{
    struct clockwork *clockwork = clockwork_new();
    uint64_t now = ax_loop_now_ms(&clockwork->loop);

    for (size_t i = 0; i < 4; i++)
        ax_timer_start(&clockwork->loop, &clockwork->timers[i], now + 1, stop_the_others);
    run_for(clockwork, 5);
    T_STR(ax_str_of(clockwork->said), AX_STR("A"));
    clockwork_free(clockwork);
}

static void again_until_ten(struct ax_timer *timer)
{
    if (++at_work->count < 10)
        ax_timer_start(timer->loop, timer, ax_loop_now_ms(timer->loop), again_until_ten);
}

static void readable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    say('r');
    uv_poll_stop(poll);
    T_TRUE(at_work->count < 10); /* sockets get their turn between the timer's */
}

TEST(timer_restarted_for_now_comes_in_the_next_turn)
{
    struct clockwork *clockwork = clockwork_new();
    uv_poll_t poll;
    int pipe_fds[2];

    T_EQ(pipe(pipe_fds), 0);
    T_EQ(write(pipe_fds[1], "x", 1), 1);
    uv_poll_init(&clockwork->loop.uv, &poll, pipe_fds[0]);
    uv_poll_start(&poll, UV_READABLE, readable);
    ax_timer_start(&clockwork->loop, &clockwork->timers[0], 0, again_until_ten);
    run_for(clockwork, 20);
    T_EQ(clockwork->count, 10);
    T_STR(ax_str_of(clockwork->said), AX_STR("r"));
    uv_close((uv_handle_t *)&poll, NULL);
    clockwork_free(clockwork);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

TEST(tasks_run_once_in_order_and_never_at_once)
{
    struct clockwork *clockwork = clockwork_new();

    for (size_t i = 0; i < 4; i++) {
        ax_task_post(&clockwork->loop, &clockwork->tasks[i], say_task);
        ax_task_post(&clockwork->loop, &clockwork->tasks[0], say_task); /* posted: nothing */
    }
    T_EQ(clockwork->said_len, 0);
    ax_task_withdraw(&clockwork->tasks[2]);
    ax_task_withdraw(&clockwork->tasks[2]);
    run_for(clockwork, 1);
    T_STR(ax_str_of(clockwork->said), AX_STR("abd"));
    clockwork_free(clockwork);
}

static void post_and_withdraw(struct ax_task *task)
{
    say_task(task);
    ax_task_withdraw(&at_work->tasks[1]);
    ax_task_post(&at_work->loop, task, say_task);
    ax_task_post(&at_work->loop, &at_work->tasks[7], stop_on_run);
}

TEST(task_may_withdraw_others_and_post_itself_again)
{
    struct clockwork *clockwork = clockwork_new();

    ax_task_post(&clockwork->loop, &clockwork->tasks[0], post_and_withdraw);
    ax_task_post(&clockwork->loop, &clockwork->tasks[1], say_task);
    ax_task_post(&clockwork->loop, &clockwork->tasks[2], say_task);
    ax_loop_run(&clockwork->loop);
    T_STR(ax_str_of(clockwork->said), AX_STR("aca"));
    clockwork_free(clockwork);
}

TEST(loop_stopped_before_it_runs_returns_at_once_and_runs_again)
{
    struct clockwork *clockwork = clockwork_new();

    ax_loop_stop(&clockwork->loop);
    ax_loop_run(&clockwork->loop);
    ax_task_post(&clockwork->loop, &clockwork->tasks[0], stop_on_run);
    ax_loop_run(&clockwork->loop);
    clockwork_free(clockwork);
}

struct work {
    struct ax_job job;
    atomic_bool *may_end;
    atomic_uint *begun;
    enum ax_code code; /* what on_done said */
    unsigned done;
    unsigned *left;
};

static enum ax_code work_run(void *arg)
{
    struct work *work = arg;

    atomic_fetch_add(work->begun, 1);
    while (!atomic_load(work->may_end))
        sched_yield();
    return AX_E_CONFLICT;
}

static void work_on_done(enum ax_code code, void *arg)
{
    struct work *work = arg;

    work->code = code;
    work->done++;
    if (--*work->left == 0)
        ax_loop_stop(&at_work->loop);
}

TEST(jobs_tell_their_code_and_cancel_stops_those_that_did_not_begin)
{
    struct clockwork *clockwork = clockwork_new();
    struct work works[16] = { 0 };
    atomic_bool may_end = false;
    atomic_uint begun = 0;
    unsigned left = AX_ARRAY_LEN(works);
    unsigned canceled = 0;

    for (size_t i = 0; i < AX_ARRAY_LEN(works); i++) {
        works[i].may_end = &may_end;
        works[i].begun = &begun;
        works[i].left = &left;
        ax_job_start(&clockwork->loop, &works[i].job, work_run, &works[i], work_on_done, &works[i]);
        T_TRUE(ax_op_is_running(&works[i].job.op));
    }
    while (atomic_load(&begun) == 0)
        sched_yield();
    for (size_t i = 0; i < AX_ARRAY_LEN(works); i++) {
        ax_op_cancel(&works[i].job.op);
        ax_op_cancel(&works[i].job.op);
        T_EQ(works[i].done, 0); /* never from inside cancel */
    }
    atomic_store(&may_end, true);
    ax_loop_run(&clockwork->loop);
    for (size_t i = 0; i < AX_ARRAY_LEN(works); i++) {
        T_EQ(works[i].done, 1);
        T_FALSE(ax_op_is_running(&works[i].job.op));
        canceled += works[i].code == AX_E_CANCELED;
        T_TRUE(works[i].code == AX_E_CANCELED || works[i].code == AX_E_CONFLICT);
    }
    T_EQ(canceled + atomic_load(&begun), AX_ARRAY_LEN(works));
    T_TRUE(canceled > 0);
    clockwork_free(clockwork);
}

static void note_cancel(struct ax_op *op)
{
    (void)op;
    say('c');
}

static void note_done(enum ax_code code, void *arg)
{
    *(enum ax_code *)arg = code;
    say('d');
}

TEST(operation_is_canceled_at_most_once_and_only_while_it_runs)
{
    struct clockwork *clockwork = clockwork_new();
    enum ax_code told = AX_OK;
    struct ax_op op = { 0 };

    ax_op_cancel(&op);
    ax_op_begin(&op, note_done, &told, note_cancel);
    ax_op_cancel(&op);
    ax_op_cancel(&op);
    ax_op_complete(&op, AX_E_CANCELED);
    ax_op_cancel(&op);
    T_CODE(told, AX_E_CANCELED);
    T_STR(ax_str_of(clockwork->said), AX_STR("cd"));
    clockwork_free(clockwork);
}

TEST_MAIN()

/* SPDX-License-Identifier: Apache-2.0 */
/* admission_test.c - does nobody get more than their share? */
#include "runner/admission.h"

#include "base/test.h"

static const struct ax_admission_options options = { .per_install = 16,
                                                     .per_tenant = 64,
                                                     .queue_max = 64 };

static struct ax_admission_ticket *admitted[1024];
static size_t admitted_count;

static void on_admitted(struct ax_admission_ticket *ticket, void *arg)
{
    (void)arg;
    admitted[admitted_count++] = ticket;
}

static void start(struct ax_admission *admission, uint32_t capacity)
{
    admitted_count = 0;
    ax_admission_init(admission, &options, on_admitted, NULL);
    ax_admission_set_capacity(admission, capacity);
}

static void leave_all(struct ax_admission *admission, struct ax_admission_ticket *tickets,
                      size_t count)
{
    for (size_t i = count; i-- > 0;)
        ax_admission_leave(admission, &tickets[i]);
    T_EQ(admission->in_flight, 0);
    T_EQ(admission->queued, 0);
    ax_admission_done(admission);
}

TEST(admission_lets_16_of_an_install_in_and_queues_the_17th)
{
    struct ax_admission admission;
    struct ax_admission_ticket tickets[18] = { 0 };

    start(&admission, 1000);
    for (size_t i = 0; i < 17; i++)
        T_OK(ax_admission_enter(&admission, &tickets[i], AX_STR("t"), AX_STR("i")));
    T_EQ(tickets[14].state, AX_ADMISSION_IN);
    T_EQ(tickets[15].state, AX_ADMISSION_IN);
    T_EQ(tickets[16].state, AX_ADMISSION_QUEUED);
    T_OK(ax_admission_enter(&admission, &tickets[17], AX_STR("t"), AX_STR("other")));
    T_EQ(tickets[17].state, AX_ADMISSION_IN);
    ax_admission_leave(&admission, &tickets[0]);
    T_EQ(admitted_count, 1);
    T_TRUE(admitted[0] == &tickets[16]);
    leave_all(&admission, tickets, 18);
}

TEST(admission_lets_64_of_a_tenant_in_whatever_the_installs)
{
    static const char *installs[] = { "a", "b", "c", "d", "e" };
    struct ax_admission admission;
    struct ax_admission_ticket tickets[66] = { 0 };

    start(&admission, 1000);
    for (size_t i = 0; i < 65; i++)
        T_OK(ax_admission_enter(&admission, &tickets[i], AX_STR("t"), ax_str_of(installs[i / 16])));
    T_EQ(tickets[63].state, AX_ADMISSION_IN);
    T_EQ(tickets[64].state, AX_ADMISSION_QUEUED);
    T_OK(ax_admission_enter(&admission, &tickets[65], AX_STR("u"), AX_STR("a")));
    T_EQ(tickets[65].state, AX_ADMISSION_IN);
    leave_all(&admission, tickets, 66);
}

TEST(admission_refuses_the_65th_in_the_queue)
{
    struct ax_admission admission;
    struct ax_admission_ticket tickets[16 + 64] = { 0 }, over = { 0 };

    start(&admission, 1000);
    for (size_t i = 0; i < 16 + 64; i++)
        T_OK(ax_admission_enter(&admission, &tickets[i], AX_STR("t"), AX_STR("i")));
    T_CODE(ax_admission_enter(&admission, &over, AX_STR("t"), AX_STR("i")),
           AX_E_CONCURRENCY_LIMITED);
    T_EQ(over.state, AX_ADMISSION_OUT);
    ax_admission_leave(&admission, &tickets[16]); /* one gives up waiting */
    T_OK(ax_admission_enter(&admission, &over, AX_STR("t"), AX_STR("i")));
    T_EQ(over.state, AX_ADMISSION_QUEUED);
    ax_admission_leave(&admission, &over);
    leave_all(&admission, tickets, 16 + 64);
}

TEST(admission_lets_tenants_take_turns_when_the_runner_is_full)
{
    struct ax_admission admission;
    struct ax_admission_ticket greedy[8] = { 0 }, modest = { 0 }, running = { 0 };

    start(&admission, 1);
    T_OK(ax_admission_enter(&admission, &running, AX_STR("x"), AX_STR("x")));
    for (size_t i = 0; i < 8; i++)
        T_OK(ax_admission_enter(&admission, &greedy[i], AX_STR("greedy"), AX_STR("i")));
    T_OK(ax_admission_enter(&admission, &modest, AX_STR("modest"), AX_STR("i")));
    ax_admission_leave(&admission, &running);
    T_TRUE(admitted[0] == &greedy[0]);
    ax_admission_leave(&admission, admitted[0]);
    T_TRUE(admitted[1] == &modest);
    ax_admission_leave(&admission, &modest);
    leave_all(&admission, greedy, 8);
}

TEST(admission_passes_over_an_install_at_its_bound)
{
    struct ax_admission admission;
    struct ax_admission_ticket full[17] = { 0 }, other = { 0 }, last = { 0 };

    start(&admission, 17);
    for (size_t i = 0; i < 17; i++)
        T_OK(ax_admission_enter(&admission, &full[i], AX_STR("t"), AX_STR("full")));
    T_OK(ax_admission_enter(&admission, &last, AX_STR("t"), AX_STR("free")));
    T_EQ(last.state, AX_ADMISSION_IN); /* the 17th place */
    T_OK(ax_admission_enter(&admission, &other, AX_STR("t"), AX_STR("free")));
    T_EQ(other.state, AX_ADMISSION_QUEUED);
    ax_admission_leave(&admission, &last);
    T_EQ(admitted_count, 1);
    T_TRUE(admitted[0] == &other);
    ax_admission_leave(&admission, &other);
    leave_all(&admission, full, 17);
}

TEST(admission_grows_and_shrinks_with_its_capacity)
{
    struct ax_admission admission;
    struct ax_admission_ticket tickets[4] = { 0 };

    start(&admission, 0);
    for (size_t i = 0; i < 4; i++)
        T_OK(ax_admission_enter(&admission, &tickets[i], AX_STR("t"), AX_STR("i")));
    T_EQ(admission.queued, 4);
    ax_admission_set_capacity(&admission, 2);
    T_EQ(admitted_count, 2);
    ax_admission_set_capacity(&admission, 1); /* a worker died: nobody is thrown out */
    ax_admission_leave(&admission, &tickets[0]);
    T_EQ(admitted_count, 2);
    ax_admission_leave(&admission, &tickets[1]);
    T_EQ(admitted_count, 3);
    leave_all(&admission, tickets, 4);
}

TEST(admission_does_not_confuse_names_that_join_alike)
{
    struct ax_admission admission;
    struct ax_admission_ticket tickets[32] = { 0 };

    start(&admission, 1000);
    for (size_t i = 0; i < 16; i++)
        T_OK(ax_admission_enter(&admission, &tickets[i], AX_STR("ab"), AX_STR("c")));
    for (size_t i = 16; i < 32; i++)
        T_OK(ax_admission_enter(&admission, &tickets[i], AX_STR("a"), AX_STR("bc")));
    T_EQ(admission.queued, 0);
    leave_all(&admission, tickets, 32);
}

TEST_MAIN()

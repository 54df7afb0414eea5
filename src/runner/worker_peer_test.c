/* SPDX-License-Identifier: Apache-2.0 */
/* worker_peer_test.c - does the front survive every worker, also one that lies? */
#include "runner/worker_peer.h"

#include "base/test.h"
#include "runner/peer_rig.h"

struct rig {
    struct ax_loop loop;
    struct ax_units units;
    struct ax_workers workers;
    struct peer_rig worker[2];
    struct ax_unit unit; /* as ax_units holds it */
    uint32_t capacity;
    unsigned broken;
};

struct owner {
    struct ax_run run;
    unsigned logs, calls, done, faults;
    uint32_t call, status;
    enum ax_code code;
};

static void on_log(struct ax_run *run, uint32_t at_ms, uint8_t level, struct ax_str text)
{
    (void)at_ms, (void)level, (void)text;
    AX_CONTAINER_OF(run, struct owner, run)->logs++;
}

static void on_call(struct ax_run *run, uint32_t call, struct ax_str interface,
                    struct ax_str function, struct ax_str payload)
{
    struct owner *owner = AX_CONTAINER_OF(run, struct owner, run);

    (void)interface, (void)function, (void)payload;
    owner->calls++;
    owner->call = call;
}

static void on_done(struct ax_run *run, const struct ax_usage *usage,
                    const struct ax_guest_response *response)
{
    struct owner *owner = AX_CONTAINER_OF(run, struct owner, run);

    (void)usage;
    owner->done++;
    owner->status = response->status;
}

static void on_fault(struct ax_run *run, const struct ax_usage *usage, enum ax_code code,
                     struct ax_str words)
{
    struct owner *owner = AX_CONTAINER_OF(run, struct owner, run);

    (void)usage, (void)words;
    owner->faults++;
    owner->code = code;
}

static const struct ax_run_handler handler = { on_log, on_call, on_done, on_fault };

static void on_capacity(uint32_t capacity, void *arg)
{
    ((struct rig *)arg)->capacity = capacity;
}

static void on_broken(uint32_t slot, void *arg)
{
    (void)slot;
    ((struct rig *)arg)->broken++;
}

static void on_evict(struct ax_unit *unit, void *arg)
{
    (void)unit, (void)arg;
}

static void on_refused(struct ax_unit *unit, enum ax_code code, const struct ax_err *err, void *arg)
{
    (void)unit, (void)code, (void)err, (void)arg;
}

static void on_loader_broken(void *arg)
{
    (void)arg;
}

static void hello(struct rig *rig, size_t which, uint32_t slots)
{
    AX_AUTO_BUF struct ax_buf payload = { .max = 256 };

    ax_frame_put_u32(&payload, slots);
    ax_frame_put_str(&payload, AX_STR("target"));
    peer_rig_send(&rig->worker[which], AX_MSG_HELLO, 0, ax_buf_str(&payload), -1);
    peer_rig_settle(&rig->loop);
}

static void connect_worker(struct rig *rig, size_t which, uint32_t slots)
{
    ax_workers_on_worker(&rig->workers, (uint32_t)which, 1,
                         peer_rig_init(&rig->worker[which], &rig->loop));
    if (slots)
        hello(rig, which, slots);
}

static void rig_init(struct rig *rig)
{
    *rig = (struct rig){ .unit = { .id = 5, .state = AX_UNIT_READY, .abi = AX_ABI_CORE } };
    ax_loop_init(&rig->loop);
    ax_units_init(&rig->units, &rig->loop, 1u << 20, on_evict, on_refused, on_loader_broken, rig);
    ax_workers_init(&rig->workers, &rig->loop, &rig->units, on_capacity, on_broken, rig);
    rig->unit.code_fd = peer_rig_memfd(4096, true);
    rig->units.by_id[rig->unit.id] = &rig->unit;
}

static void rig_done(struct rig *rig)
{
    ax_workers_done(&rig->workers);
    for (size_t i = 0; i < 2; i++)
        peer_rig_done(&rig->worker[i]);
    rig->units.by_id[rig->unit.id] = NULL; /* it is the rig's, not theirs */
    ax_units_done(&rig->units);
    ax_loop_done(&rig->loop);
    T_EQ(rig->unit.in_use, 0);
    ax_fd_close(&rig->unit.code_fd);
}

static enum ax_code start(struct rig *rig, struct owner *owner)
{
    struct ax_exec_message message = { .method = AX_STR("GET") };
    enum ax_code code;

    *owner = (struct owner){ 0 };
    code = ax_run_start(&rig->workers, &owner->run, &rig->unit, &message, &handler);
    peer_rig_settle(&rig->loop);
    return code;
}

static void put_done(struct ax_buf *payload, uint32_t status, struct ax_str name,
                     struct ax_str value)
{
    const struct ax_usage usage = { 0 };
    struct ax_pair pair = { name, value };
    const struct ax_pairs headers = { &pair, name.ptr ? 1 : 0 };

    ax_usage_write(payload, &usage);
    ax_frame_put_u32(payload, status);
    ax_pairs_write(payload, &headers);
}

static void send_done(struct rig *rig, size_t which, uint64_t id, uint32_t status,
                      struct ax_str name, struct ax_str value)
{
    AX_AUTO_BUF struct ax_buf payload = { .max = 4096 };

    put_done(&payload, status, name, value);
    peer_rig_send(&rig->worker[which], AX_MSG_DONE, id, ax_buf_str(&payload), -1);
    peer_rig_settle(&rig->loop);
}

TEST(worker_peer_sends_code_once_and_executions_behind_it)
{
    struct rig rig;
    struct owner owner;

    rig_init(&rig);
    connect_worker(&rig, 0, 4);
    T_EQ(rig.capacity, 4);
    for (int i = 0; i < 2; i++) {
        T_OK(start(&rig, &owner));
        const struct peer_rig_frame *exec = peer_rig_seen(&rig.worker[0], AX_MSG_EXEC, (size_t)i);
        send_done(&rig, 0, exec->id, 201, AX_STR_NONE, AX_STR_NONE);
        T_EQ(owner.done, 1);
        T_EQ(owner.status, 201);
    }
    T_EQ(peer_rig_count(&rig.worker[0], AX_MSG_LOAD), 1);
    T_TRUE(rig.worker[0].seen[0].type == AX_MSG_LOAD && rig.worker[0].seen[0].fd >= 0);
    rig_done(&rig);
}

TEST(worker_peer_chooses_the_one_with_least_to_do)
{
    struct rig rig;
    struct owner owners[4];

    rig_init(&rig);
    connect_worker(&rig, 0, 2);
    connect_worker(&rig, 1, 2);
    for (size_t i = 0; i < 4; i++)
        T_OK(start(&rig, &owners[i]));
    T_EQ(peer_rig_count(&rig.worker[0], AX_MSG_EXEC), 2);
    T_EQ(peer_rig_count(&rig.worker[1], AX_MSG_EXEC), 2);
    struct owner over;
    T_CODE(start(&rig, &over), AX_E_OVERLOADED);
    ax_run_cancel(&owners[2].run);
    T_OK(start(&rig, &over));
    rig_done(&rig);
    T_CODE(owners[0].code, AX_E_CANCELED);
}

TEST(worker_peer_that_ends_takes_only_its_own_executions)
{
    struct rig rig;
    struct owner lost, kept;

    rig_init(&rig);
    connect_worker(&rig, 0, 1);
    connect_worker(&rig, 1, 1);
    T_OK(start(&rig, &lost));
    T_OK(start(&rig, &kept));
    peer_rig_done(&rig.worker[0]);
    peer_rig_settle(&rig.loop);
    T_EQ(lost.faults, 1);
    T_CODE(lost.code, AX_E_WORKER_LOST);
    T_EQ(kept.faults, 0);
    T_EQ(rig.capacity, 1);
    T_EQ(rig.broken, 0); /* its end is no lie */
    connect_worker(&rig, 0, 1);
    T_OK(start(&rig, &lost)); /* the fresh one gets the code anew */
    T_EQ(peer_rig_count(&rig.worker[0], AX_MSG_LOAD), 1);
    rig_done(&rig);
}

TEST(worker_peer_ignores_what_comes_after_cancel)
{
    struct rig rig;
    struct owner first, second;

    rig_init(&rig);
    connect_worker(&rig, 0, 1);
    T_OK(start(&rig, &first));
    uint64_t old = peer_rig_seen(&rig.worker[0], AX_MSG_EXEC, 0)->id;
    ax_run_cancel(&first.run);
    T_OK(start(&rig, &second));
    T_TRUE(second.run.id != old);
    send_done(&rig, 0, old, 200, AX_STR_NONE, AX_STR_NONE);
    T_EQ(first.done + second.done, 0);
    send_done(&rig, 0, second.run.id, 200, AX_STR_NONE, AX_STR_NONE);
    T_EQ(second.done, 1);
    T_EQ(peer_rig_count(&rig.worker[0], AX_MSG_CANCEL), 1);
    rig_done(&rig);
}

TEST(worker_peer_ends_the_runs_of_a_refused_unit_and_no_others)
{
    struct rig rig;
    struct owner ended, kept;
    struct ax_unit other = { .id = 6, .state = AX_UNIT_READY, .abi = AX_ABI_CORE };
    struct ax_exec_message message = { .method = AX_STR("GET") };
    struct ax_err err = { .message = "revoked" };

    rig_init(&rig);
    other.code_fd = rig.unit.code_fd;
    connect_worker(&rig, 0, 4);
    T_OK(start(&rig, &ended));
    kept = (struct owner){ 0 };
    T_OK(ax_run_start(&rig.workers, &kept.run, &other, &message, &handler));
    ax_workers_refuse(&rig.workers, &rig.unit, AX_E_BUNDLE_REJECTED, &err);
    peer_rig_settle(&rig.loop);
    T_EQ(ended.faults, 1);
    T_CODE(ended.code, AX_E_BUNDLE_REJECTED);
    T_EQ(kept.faults, 0);
    T_EQ(peer_rig_count(&rig.worker[0], AX_MSG_CANCEL), 1);
    ax_run_cancel(&kept.run);
    rig_done(&rig);
}

TEST(worker_peer_answers_calls)
{
    AX_AUTO_BUF struct ax_buf payload = { .max = 256 };
    struct rig rig;
    struct owner owner;

    rig_init(&rig);
    connect_worker(&rig, 0, 1);
    T_OK(start(&rig, &owner));
    ax_frame_put_u32(&payload, 9);
    ax_frame_put_str(&payload, AX_STR("http"));
    ax_frame_put_str(&payload, AX_STR("fetch"));
    ax_frame_put_body(&payload, AX_STR("{}"));
    peer_rig_send(&rig.worker[0], AX_MSG_CALL, owner.run.id, ax_buf_str(&payload), -1);
    peer_rig_settle(&rig.loop);
    T_EQ(owner.calls, 1);
    T_EQ(owner.call, 9);
    ax_run_answer(&owner.run, 9, 0, AX_STR("{\"status\":200}"));
    peer_rig_settle(&rig.loop);
    T_EQ(peer_rig_seen(&rig.worker[0], AX_MSG_ANSWER, 0)->len, 8 + 14);
    rig_done(&rig);
}

/* Each lie costs the worker its connection, and its execution is told; the true twin passes. */
static void lie(uint8_t type, struct ax_str payload, bool with_fd, bool own_id)
{
    struct rig rig;
    struct owner owner;
    AX_AUTO_FD int fd = with_fd ? peer_rig_memfd(16, true) : -1;

    rig_init(&rig);
    connect_worker(&rig, 0, 1);
    T_OK(start(&rig, &owner));
    peer_rig_send(&rig.worker[0], type, own_id ? owner.run.id : UINT64_C(1) << 20, payload, fd);
    peer_rig_settle(&rig.loop);
    T_EQ(rig.broken, 1);
    T_EQ(owner.faults, 1);
    T_CODE(owner.code, AX_E_WORKER_LOST);
    T_EQ(rig.capacity, 0);
    T_TRUE(rig.worker[0].channel == NULL);
    rig_done(&rig);
}

TEST(worker_peer_that_answers_nonsense_is_cut_off)
{
    static const struct {
        uint32_t status;
        const char *name, *value;
    } answers[] = { { 199, "a", "b" },
                    { 600, "a", "b" },
                    { 200, "a b", "c" },
                    { 200, "a", "b\r\nc: d" },
                    { 200, "", "b" } };

    for (size_t i = 0; i < AX_ARRAY_LEN(answers); i++) {
        AX_AUTO_BUF struct ax_buf payload = { .max = 256 };

        put_done(&payload, answers[i].status, ax_str_of(answers[i].name),
                 ax_str_of(answers[i].value));
        lie(AX_MSG_DONE, ax_buf_str(&payload), false, true);
    }
    AX_AUTO_BUF struct ax_buf twin = { .max = 256 };
    put_done(&twin, 200, AX_STR("a"), AX_STR("b"));
    lie(AX_MSG_DONE, ax_buf_str(&twin), true, true); /* a descriptor that does not belong */
    for (size_t len = 0; len < twin.len; len++)
        lie(AX_MSG_DONE, ax_str_make(twin.ptr, len), false, true);
}

TEST(worker_peer_that_breaks_the_protocol_is_cut_off)
{
    AX_AUTO_BUF struct ax_buf many = { .max = 8192 }, greeting = { .max = 256 },
                              ok = { .max = 256 };
    const struct ax_usage usage = { 0 };

    lie(AX_MSG_LOAD, AX_STR(""), false, true); /* not a worker's word */
    lie(200, AX_STR(""), false, true);         /* nobody's word */
    lie(AX_MSG_CALL, AX_STR("short"), false, true);
    lie(AX_MSG_LOG, AX_STR("x"), false, true);
    lie(AX_MSG_FAULT, AX_STR("x"), false, true);
    ax_frame_put_u32(&greeting, 4);
    ax_frame_put_str(&greeting, AX_STR("again"));
    lie(AX_MSG_HELLO, ax_buf_str(&greeting), false, true);
    ax_frame_put_u32(&ok, AX_OK);
    ax_frame_put_str(&ok, AX_STR(""));
    lie(AX_MSG_LOADED, ax_buf_str(&ok), false, false); /* no such module */
    ax_usage_write(&many, &usage);
    ax_frame_put_u32(&many, 200);
    ax_frame_put_u32(&many, 65);
    for (int i = 0; i < 65; i++) {
        ax_frame_put_str(&many, AX_STR("n"));
        ax_frame_put_str(&many, AX_STR("v"));
    }
    lie(AX_MSG_DONE, ax_buf_str(&many), false, true);
}

TEST(worker_peer_says_hello_with_a_sensible_number_of_slots)
{
    static const uint32_t refused[] = { 0, (1u << 16) + 1, UINT32_MAX };
    struct rig rig;

    for (size_t i = 0; i < AX_ARRAY_LEN(refused); i++) {
        rig_init(&rig);
        connect_worker(&rig, 0, 0);
        hello(&rig, 0, refused[i]);
        T_EQ(rig.broken, 1);
        T_EQ(rig.capacity, 0);
        rig_done(&rig);
    }
    rig_init(&rig);
    connect_worker(&rig, 0, 1u << 16);
    T_EQ(rig.broken, 0);
    T_EQ(rig.capacity, ax_workers_mapping_slots(&rig.workers)); /* the system's limit is lower */
    rig_done(&rig);
}

TEST_MAIN()

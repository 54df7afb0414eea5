/* SPDX-License-Identifier: Apache-2.0 */
/* unit_test.c - is a bundle fetched once, told to all who wait, and let go when it must be? */
#include "runner/unit.h"

#include "base/test.h"
#include "runner/peer_rig.h"

#include <stdio.h>

#define MANIFEST                                                                               \
    "{\"name\":\"com.acme.hello\",\"publisher\":\"acme\",\"version\":\"1.0.0\",\"runtime\":\"" \
    "core@1\",\"egress\":[\"api.acme.com\"]}"

struct rig {
    struct ax_loop loop;
    struct ax_units units;
    struct peer_rig loader;
    unsigned evicted, refused, broken;
};

struct waiter {
    struct ax_unit_wait wait;
    unsigned told;
    enum ax_code code;
    uint32_t retry_ms;
    char message[320];
};

static void on_evict(struct ax_unit *unit, void *arg)
{
    struct rig *rig = arg;

    (void)unit;
    rig->evicted++;
}

static void on_refused(struct ax_unit *unit, enum ax_code code, const struct ax_err *err, void *arg)
{
    struct rig *rig = arg;

    (void)err;
    T_CODE(code, AX_E_BUNDLE_REJECTED);
    unit->in_use = 0; /* what runs it has ended */
    rig->refused++;
}

static void on_broken(void *arg)
{
    struct rig *rig = arg;

    rig->broken++;
}

static void on_unit(struct ax_unit_wait *wait, enum ax_code code, const struct ax_err *err,
                    uint32_t retry_ms)
{
    struct waiter *waiter = AX_CONTAINER_OF(wait, struct waiter, wait);

    waiter->told++;
    waiter->code = code;
    waiter->retry_ms = retry_ms;
    snprintf(waiter->message, sizeof(waiter->message), "%s", err->message);
}

static void rig_init(struct rig *rig, uint64_t bytes_max)
{
    *rig = (struct rig){ 0 };
    ax_loop_init(&rig->loop);
    ax_units_init(&rig->units, &rig->loop, bytes_max, on_evict, on_refused, on_broken, rig);
    ax_units_on_loader(&rig->units, peer_rig_init(&rig->loader, &rig->loop));
}

static void rig_done(struct rig *rig)
{
    ax_units_done(&rig->units);
    peer_rig_done(&rig->loader);
    ax_loop_done(&rig->loop);
}

static struct ax_digest hash_of(uint8_t n)
{
    return (struct ax_digest){ .bytes = { n } };
}

static void want(struct rig *rig, struct waiter *waiter, uint8_t n)
{
    struct ax_digest hash = hash_of(n);

    *waiter = (struct waiter){ .wait.on_unit = on_unit };
    T_OK(ax_units_want(&rig->units, &hash, AX_STR("ext"), &waiter->wait));
    peer_rig_settle(&rig->loop);
}

static void send_have(struct rig *rig, uint64_t id, uint8_t abi, struct ax_str manifest, int fd)
{
    AX_AUTO_BUF struct ax_buf payload = { .max = 4096 };

    ax_frame_put_u8(&payload, abi);
    ax_frame_put_str(&payload, manifest);
    peer_rig_send(&rig->loader, AX_MSG_HAVE, id, ax_buf_str(&payload), fd);
    peer_rig_settle(&rig->loop);
}

static void have(struct rig *rig, size_t nth, size_t len)
{
    AX_AUTO_FD int fd = peer_rig_memfd(len, true);

    send_have(rig, peer_rig_seen(&rig->loader, AX_MSG_GET, nth)->id, AX_ABI_CORE, AX_STR(MANIFEST),
              fd);
}

TEST(unit_is_asked_for_once_and_told_to_all)
{
    struct rig rig;
    struct waiter waiters[3];
    struct ax_digest hash = hash_of(1);

    rig_init(&rig, 1u << 20);
    for (size_t i = 0; i < 3; i++)
        want(&rig, &waiters[i], 1);
    T_EQ(peer_rig_count(&rig.loader, AX_MSG_GET), 1);
    T_TRUE(ax_units_ready(&rig.units, &hash) == NULL);
    ax_unit_wait_cancel(&waiters[1].wait);
    have(&rig, 0, 8192);
    T_EQ(waiters[0].told, 1);
    T_OK(waiters[0].code);
    T_EQ(waiters[1].told, 0);
    T_EQ(waiters[2].told, 1);
    struct ax_unit *unit = ax_units_ready(&rig.units, &hash);
    T_STR(ax_manifest_name(unit->manifest), AX_STR("com.acme.hello"));
    T_STR(unit->egress[0], AX_STR("api.acme.com"));
    T_EQ(unit->code_len, 8192);
    rig_done(&rig);
}

TEST(unit_failure_reaches_the_waiters_and_the_next_want_asks_again)
{
    AX_AUTO_BUF struct ax_buf payload = { .max = 4096 };
    struct rig rig;
    struct waiter waiter;

    rig_init(&rig, 1u << 20);
    want(&rig, &waiter, 1);
    ax_frame_put_u32(&payload, AX_E_BUNDLE_UNAVAILABLE);
    ax_frame_put_u32(&payload, 1500);
    ax_frame_put_str(&payload, AX_STR("no store"));
    peer_rig_send(&rig.loader, AX_MSG_FAIL, peer_rig_seen(&rig.loader, AX_MSG_GET, 0)->id,
                  ax_buf_str(&payload), -1);
    peer_rig_settle(&rig.loop);
    T_CODE(waiter.code, AX_E_BUNDLE_UNAVAILABLE);
    T_EQ(waiter.retry_ms, 1500);
    T_STR(ax_str_of(waiter.message), AX_STR("no store"));
    want(&rig, &waiter, 1);
    T_EQ(peer_rig_count(&rig.loader, AX_MSG_GET), 2);
    have(&rig, 1, 4096);
    T_OK(waiter.code);
    rig_done(&rig);
}

TEST(unit_is_asked_for_again_when_the_loader_was_restarted)
{
    struct rig rig;
    struct waiter waiter;

    rig_init(&rig, 1u << 20);
    want(&rig, &waiter, 1);
    peer_rig_done(&rig.loader);
    peer_rig_settle(&rig.loop);
    T_TRUE(rig.units.loader == NULL);
    T_EQ(rig.broken, 0);
    ax_units_on_loader(&rig.units, peer_rig_init(&rig.loader, &rig.loop));
    peer_rig_settle(&rig.loop);
    T_EQ(peer_rig_count(&rig.loader, AX_MSG_GET), 1);
    have(&rig, 0, 4096);
    T_OK(waiter.code);
    rig_done(&rig);
}

TEST(unit_least_recently_used_goes_when_the_bytes_are_too_many)
{
    struct rig rig;
    struct waiter waiter;
    struct ax_digest first = hash_of(1), second = hash_of(2), third = hash_of(3);

    rig_init(&rig, 8192);
    want(&rig, &waiter, 1);
    have(&rig, 0, 4096);
    want(&rig, &waiter, 2);
    have(&rig, 1, 4096);
    T_EQ(rig.evicted, 0); /* exactly full */
    T_TRUE(ax_units_ready(&rig.units, &first) != NULL);
    want(&rig, &waiter, 3);
    have(&rig, 2, 4096);
    T_EQ(rig.evicted, 1);
    T_TRUE(ax_units_ready(&rig.units, &first) != NULL);
    T_TRUE(ax_units_ready(&rig.units, &second) == NULL);
    T_TRUE(ax_units_ready(&rig.units, &third) != NULL);
    rig_done(&rig);
}

TEST(unit_in_use_stays_and_goes_when_it_is_let_go)
{
    struct rig rig;
    struct waiter waiter;
    struct ax_digest first = hash_of(1);

    rig_init(&rig, 4096);
    want(&rig, &waiter, 1);
    have(&rig, 0, 4096);
    struct ax_unit *unit = ax_units_ready(&rig.units, &first);
    ax_unit_ref(unit);
    want(&rig, &waiter, 2);
    have(&rig, 1, 4096);
    T_TRUE(ax_units_ready(&rig.units, &first) == unit);
    want(&rig, &waiter, 3);
    have(&rig, 2, 8192); /* larger than all there may be */
    T_TRUE(ax_units_ready(&rig.units, &first) == unit);
    ax_unit_unref(&rig.units, unit);
    T_TRUE(rig.units.bytes <= 4096);
    rig_done(&rig);
}

TEST(unit_of_a_lying_loader_is_refused_and_the_loader_cut_off)
{
    static const struct {
        uint8_t abi;
        bool sealed, has_fd;
        const char *manifest;
        bool cut_off; /* else the waiter is told a code */
    } lies[] = {
        { AX_ABI_CORE, false, true, MANIFEST, false },
        { AX_ABI_CORE, true, true, "{}", false },
        { AX_ABI_CORE, true, false, MANIFEST, true },
        { AX_ABI_NONE, true, true, MANIFEST, true },
        { 9, true, true, MANIFEST, true },
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(lies); i++) {
        struct rig rig;
        struct waiter waiter;
        AX_AUTO_FD int fd = lies[i].has_fd ? peer_rig_memfd(4096, lies[i].sealed) : -1;

        rig_init(&rig, 1u << 20);
        want(&rig, &waiter, 1);
        send_have(&rig, peer_rig_seen(&rig.loader, AX_MSG_GET, 0)->id, lies[i].abi,
                  ax_str_of(lies[i].manifest), fd);
        T_EQ(rig.broken, lies[i].cut_off);
        T_EQ(waiter.told, !lies[i].cut_off);
        if (!lies[i].cut_off)
            T_TRUE(waiter.code != AX_OK);
        ax_unit_wait_cancel(&waiter.wait);
        rig_done(&rig);
    }
}

static void fail_get(struct rig *rig, size_t nth, enum ax_code code)
{
    AX_AUTO_BUF struct ax_buf payload = { .max = 4096 };

    ax_frame_put_u32(&payload, code);
    ax_frame_put_u32(&payload, 0);
    ax_frame_put_str(&payload, AX_STR("words"));
    peer_rig_send(&rig->loader, AX_MSG_FAIL, peer_rig_seen(&rig->loader, AX_MSG_GET, nth)->id,
                  ax_buf_str(&payload), -1);
    peer_rig_settle(&rig->loop);
}

TEST(unit_is_judged_again_when_trust_changes_and_ends_when_it_is_refused)
{
    struct rig rig;
    struct waiter waiter;
    struct ax_digest first = hash_of(1), second = hash_of(2), third = hash_of(3);

    rig_init(&rig, 1u << 20);
    for (uint8_t n = 1; n <= 3; n++) {
        want(&rig, &waiter, n);
        have(&rig, n - 1u, 4096);
    }
    ax_unit_ref(ax_units_ready(&rig.units, &second));
    peer_rig_send(&rig.loader, AX_MSG_RECHECK, 0, AX_STR(""), -1);
    peer_rig_settle(&rig.loop);
    T_EQ(peer_rig_count(&rig.loader, AX_MSG_GET), 6);
    T_TRUE(ax_units_ready(&rig.units, &second) != NULL); /* it serves until the verdict */
    have(&rig, 3, 4096);
    fail_get(&rig, 4, AX_E_BUNDLE_REJECTED);
    fail_get(&rig, 5, AX_E_BUNDLE_UNAVAILABLE); /* says nothing about trust */
    T_EQ(rig.refused, 1);
    T_TRUE(ax_units_ready(&rig.units, &first) != NULL);
    T_TRUE(ax_units_ready(&rig.units, &second) == NULL);
    T_TRUE(ax_units_ready(&rig.units, &third) != NULL);
    T_EQ(rig.units.bytes, 8192);
    rig_done(&rig);
}

TEST(unit_notes_whether_the_cache_can_be_written)
{
    struct rig rig;

    rig_init(&rig, 1u << 20);
    T_FALSE(rig.units.cache_writable); /* nobody has said so yet */
    peer_rig_send(&rig.loader, AX_MSG_CACHE, 0, AX_STR("\1"), -1);
    peer_rig_settle(&rig.loop);
    T_TRUE(rig.units.cache_writable);
    peer_rig_send(&rig.loader, AX_MSG_CACHE, 0, AX_STR("\0"), -1);
    peer_rig_settle(&rig.loop);
    T_FALSE(rig.units.cache_writable);
    T_EQ(rig.broken, 0);
    peer_rig_send(&rig.loader, AX_MSG_CACHE, 0, AX_STR("\2"), -1);
    peer_rig_settle(&rig.loop);
    T_EQ(rig.broken, 1);
    rig_done(&rig);
}

TEST(unit_answers_that_nobody_asked_for_change_nothing)
{
    struct rig rig;
    struct waiter waiter;
    AX_AUTO_FD int fd = peer_rig_memfd(4096, true);

    rig_init(&rig, 1u << 20);
    want(&rig, &waiter, 1);
    uint64_t id = peer_rig_seen(&rig.loader, AX_MSG_GET, 0)->id;
    send_have(&rig, id + 1, AX_ABI_CORE, AX_STR(MANIFEST), fd);
    send_have(&rig, id + (1u << 16), AX_ABI_CORE, AX_STR(MANIFEST), fd);
    T_EQ(waiter.told, 0);
    T_EQ(rig.broken, 0);
    send_have(&rig, id, AX_ABI_CORE, AX_STR(MANIFEST), fd);
    T_EQ(waiter.told, 1);
    send_have(&rig, id, AX_ABI_CORE, AX_STR(MANIFEST), fd); /* twice */
    T_EQ(waiter.told, 1);
    T_EQ(rig.units.bytes, 4096);
    rig_done(&rig);
}

TEST_MAIN()

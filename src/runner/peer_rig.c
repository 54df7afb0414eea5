/* SPDX-License-Identifier: Apache-2.0 */
/* peer_rig.c - who plays the other process in a test of the front? */
#include "runner/peer_rig.h"

#include "base/test.h"
#include "loop/frame.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static enum ax_code rig_on_frame(void *arg, const struct ax_frame *frame, int fd)
{
    struct peer_rig *rig = arg;
    struct peer_rig_frame *seen = &rig->seen[rig->seen_count];

    assert_true(rig->seen_count < PEER_RIG_SEEN_MAX);
    rig->seen_count++;
    seen->type = frame->type;
    seen->id = frame->id;
    seen->fd = fd;
    seen->len = frame->payload.len;
    seen->payload = ax_strdup(frame->payload);
    return AX_OK;
}

static void rig_on_end(void *arg, enum ax_code code)
{
    struct peer_rig *rig = arg;

    (void)code;
    ax_channel_close(AX_TAKE(rig->channel));
}

int peer_rig_init(struct peer_rig *rig, struct ax_loop *loop)
{
    const struct ax_channel_limits limits = { 32u << 20, 64u << 20 };
    const struct ax_channel_handler handler = { rig_on_frame, rig_on_end, NULL, rig };
    int fds[2];

    T_OK(ax_channel_pair(fds));
    *rig = (struct peer_rig){ 0 };
    rig->channel = ax_channel_new(loop, fds[0], &limits, &handler);
    return fds[1];
}

void peer_rig_done(struct peer_rig *rig)
{
    ax_channel_close(AX_TAKE(rig->channel));
    for (size_t i = 0; i < rig->seen_count; i++) {
        ax_fd_close(&rig->seen[i].fd);
        free(rig->seen[i].payload);
    }
    rig->seen_count = 0;
}

void peer_rig_send(struct peer_rig *rig, uint8_t type, uint64_t id, struct ax_str payload, int fd)
{
    struct ax_buf *out = ax_channel_begin(rig->channel, type, id, fd);

    ax_frame_put_body(out, payload);
    T_OK(ax_channel_end(rig->channel));
}

const struct peer_rig_frame *peer_rig_seen(const struct peer_rig *rig, uint8_t type, size_t nth)
{
    for (size_t i = 0; i < rig->seen_count; i++) {
        if (rig->seen[i].type == type && nth-- == 0)
            return &rig->seen[i];
    }
    return NULL;
}

size_t peer_rig_count(const struct peer_rig *rig, uint8_t type)
{
    size_t count = 0;

    while (peer_rig_seen(rig, type, count))
        count++;
    return count;
}

void peer_rig_settle(struct ax_loop *loop)
{
    /* Both ends turn on this loop: a few turns without waiting carry every message there and back. */
    for (int turn = 0; turn < 20; turn++)
        uv_run(&loop->uv, UV_RUN_NOWAIT);
}

int peer_rig_memfd(size_t len, bool seal)
{
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    T_EQ(ftruncate(fd, (off_t)len), 0);
    if (seal)
        T_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL), 0);
    return fd;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* channel.h - how do two of our processes talk?
 *
 * Frames over a SOCK_STREAM Unix socket pair, with uv_poll_t, sendmsg and
 * recvmsg(MSG_CMSG_CLOEXEC): a frame may carry one descriptor. A peer that sends an unknown
 * version, a bad length, a missing or an unexpected descriptor is cut off: on_end(code). Frames
 * sent in one turn of the loop leave in as few system calls as they fit. */
#ifndef AX_LOOP_CHANNEL_H
#define AX_LOOP_CHANNEL_H

#include "base/buf.h"
#include "loop/frame.h"
#include "loop/loop.h"

struct ax_channel;

struct ax_channel_handler {
    /* A whole frame. `fd` is -1 or a descriptor that is yours. A code other than AX_OK says that
     * the frame is malformed: the channel ends with it. The channel may be closed from here. */
    enum ax_code (*on_frame)(void *arg, const struct ax_frame *frame, int fd);
    /* The peer is gone or was cut off; no frame comes after. Comes at most once, not after
     * ax_channel_close(), never from inside a send. */
    void (*on_end)(void *arg, enum ax_code code);
    /* All that was queued has left; may be NULL. */
    void (*on_drained)(void *arg);
    void *arg;
};

struct ax_channel_limits {
    size_t frame_max; /* largest frame accepted, header included */
    size_t queue_max; /* bytes that may wait for a slow peer; beyond: sends refuse OVERLOADED */
};

/* Takes over `fd` (set non-blocking and close-on-exec here). */
struct ax_channel *ax_channel_new(struct ax_loop *loop, int fd,
                                  const struct ax_channel_limits *limits,
                                  const struct ax_channel_handler *handler);
/* Drops what is queued, closes the descriptor; the memory goes when libuv lets go. NULL is fine. */
void ax_channel_close(struct ax_channel *channel);

/* Building a frame straight in the queue, without a copy:
 *     struct ax_buf *out = ax_channel_begin(channel, TYPE, id, fd or -1);
 *     ax_frame_put_...(out, ...);
 *     code = ax_channel_end(channel);
 * `fd` is duplicated into the queue (the caller keeps its own). AX_E_OVERLOADED: the frame was
 * withdrawn because the queue is full; AX_E_CLOSED: the channel has ended. */
struct ax_buf *ax_channel_begin(struct ax_channel *channel, uint8_t type, uint64_t id, int fd);
enum ax_code ax_channel_end(struct ax_channel *channel);
size_t ax_channel_queued(const struct ax_channel *channel);

/* A connected, close-on-exec SOCK_STREAM pair. AX_E_IO when the system has none. */
AX_CHECKED enum ax_code ax_channel_pair(int ret_fds[2]);

#endif

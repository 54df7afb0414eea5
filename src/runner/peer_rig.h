/* SPDX-License-Identifier: Apache-2.0 */
/* peer_rig.h - who plays the other process in a test of the front?
 *
 * One end of a socket pair with a channel of its own on the test's loop: it keeps what it was sent
 * and sends what the test wants, true or not. */
#ifndef AX_RUNNER_PEER_RIG_H
#define AX_RUNNER_PEER_RIG_H

#include "loop/channel.h"
#include "loop/loop.h"

#define PEER_RIG_SEEN_MAX 256

struct peer_rig_frame {
    uint8_t type;
    uint64_t id;
    int fd;
    char *payload;
    size_t len;
};

struct peer_rig {
    struct ax_channel *channel; /* NULL once the other side has ended it */
    struct peer_rig_frame seen[PEER_RIG_SEEN_MAX];
    size_t seen_count;
};

/* Returns the descriptor for the side that is tested. */
int peer_rig_init(struct peer_rig *rig, struct ax_loop *loop);
void peer_rig_done(struct peer_rig *rig);

/* Sends one frame with this payload; `fd` as in ax_channel_begin(). */
void peer_rig_send(struct peer_rig *rig, uint8_t type, uint64_t id, struct ax_str payload, int fd);
/* The `nth` (from 0) frame of this type that was seen, or NULL. */
const struct peer_rig_frame *peer_rig_seen(const struct peer_rig *rig, uint8_t type, size_t nth);
size_t peer_rig_count(const struct peer_rig *rig, uint8_t type);

/* Turns the loop until nothing more happens: all that was sent has arrived and was answered. */
void peer_rig_settle(struct ax_loop *loop);

/* A sealed memory file of `len` bytes; `seal` false leaves it open to changes. */
int peer_rig_memfd(size_t len, bool seal);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* channel.c - how do two of our processes talk?
 *
 * Out: frames are built one behind the other in one buffer; a task at the end of the turn sends
 * them. A descriptor has to ride on its frame's first byte, so the bytes before it leave in a call of
 * their own.
 * In: the kernel ends a read behind the piece that brought a descriptor, but it may have put pieces
 * without one before it. So a read that brings a descriptor says: it belongs to the one frame marked
 * AX_FRAME_HAS_FD whose first byte lies in what was just read. The range is kept with the descriptor
 * until the frame is whole. */
#include "loop/channel.h"

#include "base/alloc.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define CHANNEL_IN_FIRST   (64u << 10)  /* the reading buffer's ordinary size */
#define CHANNEL_KEEP_MAX   (256u << 10) /* a larger one is given back when empty */
#define CHANNEL_READ_TURN  (1u << 20)   /* bytes read before other sockets get their turn */
#define CHANNEL_READS_TURN 64           /* and system calls */
#define CHANNEL_FDS_FIRST  8
#define CHANNEL_FDS_OUT    1024 /* descriptors that may wait for a slow peer */
#define CHANNEL_FDS_IN     4    /* a read brings at most one, for a frame in it or behind */

struct channel_fd_out {
    uint64_t at; /* stream offset of its frame's first byte */
    int fd;
};

struct channel_fd_in {
    uint64_t from, to; /* stream offsets of the read that brought it */
    int fd;
};

struct ax_channel {
    uv_poll_t poll; /* first: uv_close() gives it back */
    struct ax_loop *loop;
    struct ax_channel_limits limits;
    struct ax_channel_handler handler;
    struct ax_task flush;
    int fd;
    bool closed;  /* by the owner: no callback comes */
    bool ended;   /* on_end was called */
    bool cut;     /* nothing can be sent; what the peer has sent is still read */
    bool waiting; /* for the socket to take more */

    struct ax_buf out;
    size_t out_sent;                /* bytes at the front of `out` that have left */
    uint64_t out_dropped;           /* stream offset of out.ptr[0] */
    struct channel_fd_out *fds_out; /* a ring */
    size_t fds_out_first, fds_out_count, fds_out_cap;
    size_t begun_at; /* the frame being built */
    bool building;
    enum ax_code begin_code;

    char *in;
    size_t in_len, in_cap;
    uint64_t in_offset; /* stream offset of in[0] */
    struct channel_fd_in fds_in[CHANNEL_FDS_IN];
    size_t fds_in_count;
};

static void channel_on_poll(uv_poll_t *poll, int status, int events);
static void channel_on_flush(struct ax_task *task);

/* --- ends --- */

/* The slot of the `index`th descriptor that waits. */
static struct channel_fd_out *channel_fd_out_at(struct ax_channel *channel, size_t index)
{
    return &channel->fds_out[(channel->fds_out_first + index) % channel->fds_out_cap];
}

/* Forgets the first descriptor that waits. */
static void channel_drop_fd(struct ax_channel *channel)
{
    ax_fd_close(&channel_fd_out_at(channel, 0)->fd);
    channel->fds_out_first = (channel->fds_out_first + 1) % channel->fds_out_cap;
    channel->fds_out_count--;
}

static void channel_drop_out(struct ax_channel *channel)
{
    while (channel->fds_out_count > 0)
        channel_drop_fd(channel);
    channel->out_dropped += channel->out.len;
    channel->out_sent = 0;
    ax_buf_done(&channel->out);
}

static void channel_drop_in(struct ax_channel *channel)
{
    for (size_t i = 0; i < channel->fds_in_count; i++)
        ax_fd_close(&channel->fds_in[i].fd);
    channel->fds_in_count = 0;
}

static void channel_end(struct ax_channel *channel, enum ax_code code)
{
    if (channel->ended || channel->closed)
        return;
    channel->ended = true;
    channel->cut = true;
    uv_poll_stop(&channel->poll);
    shutdown(channel->fd, SHUT_RDWR); /* the peer learns it now, not when the owner closes */
    ax_task_withdraw(&channel->flush);
    channel_drop_out(channel);
    channel_drop_in(channel);
    channel->handler.on_end(channel->handler.arg, code);
}

static void channel_on_closed(uv_handle_t *handle)
{
    struct ax_channel *channel = AX_CONTAINER_OF(handle, struct ax_channel, poll);

    free(channel->in);
    free(channel->fds_out);
    free(channel);
}

void ax_channel_close(struct ax_channel *channel)
{
    if (!channel || channel->closed)
        return;
    channel->closed = true;
    channel->cut = true;
    ax_task_withdraw(&channel->flush);
    channel_drop_out(channel);
    channel_drop_in(channel);
    uv_close((uv_handle_t *)&channel->poll, channel_on_closed);
    ax_fd_close(&channel->fd);
}

/* --- birth --- */

struct ax_channel *ax_channel_new(struct ax_loop *loop, int fd,
                                  const struct ax_channel_limits *limits,
                                  const struct ax_channel_handler *handler)
{
    struct ax_channel *channel = ax_alloc(sizeof(*channel));

    assert(limits->frame_max >= AX_FRAME_HEADER && limits->queue_max >= AX_FRAME_HEADER);
    channel->loop = loop;
    channel->fd = fd;
    channel->limits = *limits;
    channel->handler = *handler;
    channel->in_cap = CHANNEL_IN_FIRST;
    channel->in = ax_alloc(channel->in_cap);
    ax_buf_init(&channel->out, limits->queue_max);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (uv_poll_init(&loop->uv, &channel->poll, fd) != 0)
        abort(); /* not a socket, or the kernel has no memory for an epoll entry */
    uv_poll_start(&channel->poll, UV_READABLE, channel_on_poll);
    return channel;
}

enum ax_code ax_channel_pair(int ret_fds[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ret_fds) == 0 ? AX_OK : AX_E_IO;
}

/* --- out --- */

/* Forgets what has left, when that costs no more than was sent. */
static void channel_compact(struct ax_channel *channel)
{
    size_t left = channel->out.len - channel->out_sent;

    if (channel->out_sent == 0 || channel->out_sent < left)
        return;
    channel->out_dropped += channel->out_sent;
    if (left == 0 && channel->out.cap > CHANNEL_KEEP_MAX)
        ax_buf_done(&channel->out);
    else
        ax_buf_consume(&channel->out, channel->out_sent);
    channel->out_sent = 0;
}

static void channel_grow_fds(struct ax_channel *channel)
{
    size_t cap = channel->fds_out_cap ? 2 * channel->fds_out_cap : CHANNEL_FDS_FIRST;
    struct channel_fd_out *grown = ax_alloc(cap * sizeof(*grown));

    for (size_t i = 0; i < channel->fds_out_count; i++)
        grown[i] = *channel_fd_out_at(channel, i);
    free(channel->fds_out);
    channel->fds_out = grown;
    channel->fds_out_first = 0;
    channel->fds_out_cap = cap;
}

static void channel_push_fd(struct ax_channel *channel, int fd)
{
    struct channel_fd_out *slot;
    int copy = -1;

    if (channel->fds_out_count < CHANNEL_FDS_OUT)
        copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) {
        channel->begin_code = AX_E_OVERLOADED;
        return;
    }
    if (channel->fds_out_count == channel->fds_out_cap)
        channel_grow_fds(channel);
    slot = channel_fd_out_at(channel, channel->fds_out_count++);
    slot->at = channel->out_dropped + channel->begun_at;
    slot->fd = copy;
}

struct ax_buf *ax_channel_begin(struct ax_channel *channel, uint8_t type, uint64_t id, int fd)
{
    assert(!channel->building);
    channel->building = true;
    channel->begin_code = AX_OK;
    channel_compact(channel);
    channel->begun_at = channel->out.len;
    channel->out.max = channel->cut ? 0 : channel->out_sent + channel->limits.queue_max;
    if (fd >= 0 && !channel->cut)
        channel_push_fd(channel, fd);
    ax_frame_begin(&channel->out, type, fd >= 0 ? AX_FRAME_HAS_FD : 0, id);
    return &channel->out;
}

/* Takes back the frame that was being built. */
static void channel_withdraw(struct ax_channel *channel)
{
    struct channel_fd_out *last;

    channel->out.len = channel->begun_at;
    channel->out.failed = AX_OK;
    if (channel->fds_out_count == 0)
        return;
    last = channel_fd_out_at(channel, channel->fds_out_count - 1);
    if (last->at == channel->out_dropped + channel->begun_at) {
        ax_fd_close(&last->fd);
        channel->fds_out_count--;
    }
}

enum ax_code ax_channel_end(struct ax_channel *channel)
{
    enum ax_code code = channel->cut ? AX_E_CLOSED : channel->begin_code;

    assert(channel->building);
    channel->building = false;
    if (code == AX_OK && ax_frame_end(&channel->out, channel->begun_at) != AX_OK)
        code = AX_E_OVERLOADED;
    if (code != AX_OK) {
        channel_withdraw(channel);
        return code;
    }
    if (!channel->waiting)
        ax_task_post(channel->loop, &channel->flush, channel_on_flush);
    return AX_OK;
}

size_t ax_channel_queued(const struct ax_channel *channel)
{
    return channel->out.len - channel->out_sent;
}

/* One system call: what is queued up to the next descriptor, or a descriptor and what follows it. */
static ssize_t channel_send_piece(struct ax_channel *channel)
{
    struct iovec iov = { channel->out.ptr + channel->out_sent, ax_channel_queued(channel) };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
    uint64_t at = channel->out_dropped + channel->out_sent;
    size_t next = 0; /* the first descriptor that does not leave with this piece */
    ssize_t sent;

    if (channel->fds_out_count > 0 && channel_fd_out_at(channel, 0)->at == at) {
        struct cmsghdr *cmsg;

        msg.msg_control = control;
        msg.msg_controllen = sizeof(control);
        cmsg = CMSG_FIRSTHDR(&msg);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(cmsg), &channel_fd_out_at(channel, 0)->fd, sizeof(int));
        next = 1;
    }
    if (channel->fds_out_count > next)
        iov.iov_len = (size_t)(channel_fd_out_at(channel, next)->at - at);
    do
        sent = sendmsg(channel->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    if (sent > 0 && next > 0)
        channel_drop_fd(channel);
    return sent;
}

static void channel_wait_writable(struct ax_channel *channel, bool waiting)
{
    if (channel->waiting == waiting)
        return;
    channel->waiting = waiting;
    uv_poll_start(&channel->poll, waiting ? UV_READABLE | UV_WRITABLE : UV_READABLE,
                  channel_on_poll);
}

static void channel_send(struct ax_channel *channel)
{
    assert(!channel->building);
    if (channel->cut || ax_channel_queued(channel) == 0)
        return;
    while (ax_channel_queued(channel) > 0) {
        ssize_t sent = channel_send_piece(channel);

        if (sent < 0 && errno == EAGAIN) {
            channel_wait_writable(channel, true);
            return;
        }
        if (sent < 0) {
            /* What the peer said before it went is still worth reading; then comes the end. */
            channel->cut = true;
            channel_drop_out(channel);
            shutdown(channel->fd, SHUT_RDWR);
            channel_wait_writable(channel, false);
            return;
        }
        channel->out_sent += (size_t)sent;
    }
    channel_compact(channel);
    channel_wait_writable(channel, false);
    if (channel->handler.on_drained)
        channel->handler.on_drained(channel->handler.arg);
}

static void channel_on_flush(struct ax_task *task)
{
    channel_send(AX_CONTAINER_OF(task, struct ax_channel, flush));
}

/* --- in --- */

/* Keeps the descriptors that a read of stream offsets [from, to) brought. */
static enum ax_code channel_keep_fds(struct ax_channel *channel, struct msghdr *msg, uint64_t from,
                                     uint64_t to)
{
    enum ax_code code = msg->msg_flags & MSG_CTRUNC ? AX_E_INVALID_REQUEST : AX_OK;

    for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
        size_t count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < count; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(fd));
            if (count == 1 && channel->fds_in_count < CHANNEL_FDS_IN) {
                channel->fds_in[channel->fds_in_count++] = (struct channel_fd_in){ from, to, fd };
            } else {
                ax_fd_close(&fd);
                code = AX_E_INVALID_REQUEST;
            }
        }
    }
    return code;
}

/* Finds the descriptor of the frame at stream offset `at`. Refused: one where none is due, none
 * where one is due. */
static enum ax_code channel_take_fd(struct ax_channel *channel, const struct ax_frame *frame,
                                    uint64_t at, int *ret_fd)
{
    const struct channel_fd_in *first = channel->fds_in;

    *ret_fd = -1;
    if (channel->fds_in_count > 0 && first->to <= at)
        return AX_E_INVALID_REQUEST; /* no frame wanted it */
    if (!(frame->flags & AX_FRAME_HAS_FD))
        return AX_OK;
    if (channel->fds_in_count == 0 || first->from > at)
        return AX_E_INVALID_REQUEST;
    *ret_fd = first->fd;
    channel->fds_in_count--;
    memmove(channel->fds_in, channel->fds_in + 1,
            channel->fds_in_count * sizeof(channel->fds_in[0]));
    return AX_OK;
}

/* Hands out every whole frame that has been read; *ret_need is the size of the one that is not. */
static enum ax_code channel_hand_out(struct ax_channel *channel, size_t *ret_need)
{
    size_t at = 0;
    enum ax_code code;

    for (;;) {
        struct ax_frame frame;
        int fd;

        code = ax_frame_parse(ax_str_make(channel->in + at, channel->in_len - at),
                              channel->limits.frame_max, &frame, ret_need);
        if (code != AX_OK || channel->in_len - at < *ret_need)
            break;
        code = channel_take_fd(channel, &frame, channel->in_offset + at, &fd);
        if (code != AX_OK)
            break;
        at += *ret_need;
        code = channel->handler.on_frame(channel->handler.arg, &frame, fd);
        if (code != AX_OK || channel->closed)
            break;
    }
    channel->in_len -= at; /* less than a frame is left: moving it is cheap */
    channel->in_offset += at;
    if (at > 0 && channel->in_len > 0)
        memmove(channel->in, channel->in + at, channel->in_len);
    return code;
}

/* Room for the frame that is being read, and no more than the ordinary for small ones. */
static enum ax_code channel_fit(struct ax_channel *channel, size_t need)
{
    size_t cap = need > CHANNEL_IN_FIRST ? need : CHANNEL_IN_FIRST;
    char *in;

    if (channel->in_cap >= cap && (channel->in_cap <= CHANNEL_KEEP_MAX || channel->in_len > 0))
        return AX_OK;
    if (channel->in_len == 0) { /* nothing to copy */
        free(channel->in);
        channel->in = NULL;
        channel->in_cap = 0;
    }
    in = ax_try_realloc(channel->in, cap);
    if (!in)
        return AX_E_NO_MEMORY;
    channel->in = in;
    channel->in_cap = cap;
    return AX_OK;
}

/* One system call. *ret_more: there may be more to read at once. */
static enum ax_code channel_receive(struct ax_channel *channel, size_t *ret_got, bool *ret_more)
{
    struct iovec iov = { channel->in + channel->in_len, channel->in_cap - channel->in_len };
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    /* CMSG_LEN, not CMSG_SPACE: the padding would have room for a second descriptor. */
    struct msghdr msg = { .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = control,
                          .msg_controllen = CMSG_LEN(sizeof(int)) };
    uint64_t from = channel->in_offset + channel->in_len;
    ssize_t got;

    *ret_got = 0;
    *ret_more = false;
    do
        got = recvmsg(channel->fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == EAGAIN ? AX_OK : AX_E_CLOSED;
    if (got == 0)
        return AX_E_CLOSED;
    channel->in_len += (size_t)got;
    *ret_got = (size_t)got;
    *ret_more = (size_t)got == iov.iov_len || msg.msg_controllen > 0;
    return channel_keep_fds(channel, &msg, from, from + (uint64_t)got);
}

/* `all`: the socket will not wake us again, so read to its end. */
static void channel_read(struct ax_channel *channel, bool all)
{
    size_t total = 0;
    size_t need;

    for (int reads = 0; all || (reads < CHANNEL_READS_TURN && total < CHANNEL_READ_TURN); reads++) {
        size_t got;
        bool more;
        enum ax_code code = channel_receive(channel, &got, &more);

        total += got;
        if (code == AX_OK && got > 0)
            code = channel_hand_out(channel, &need);
        if (channel->closed)
            return;
        if (code == AX_OK && got > 0)
            code = channel_fit(channel, need);
        if (code == AX_OK && all && got == 0)
            code = AX_E_CLOSED; /* libuv has stopped polling: nothing more can come */
        if (code != AX_OK) {
            channel_end(channel, code);
            return;
        }
        if (!more && !all)
            return;
    }
}

static void channel_on_poll(uv_poll_t *poll, int status, int events)
{
    struct ax_channel *channel = AX_CONTAINER_OF(poll, struct ax_channel, poll);

    /* An error on the socket stops libuv's polling; what was received before it is still there. */
    if (status < 0 || (events & UV_READABLE))
        channel_read(channel, status < 0);
    if (!channel->closed && !channel->ended && status >= 0 && (events & UV_WRITABLE))
        channel_send(channel);
}

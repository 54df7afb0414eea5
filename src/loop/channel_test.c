/* SPDX-License-Identifier: Apache-2.0 */
/* channel_test.c - do frames and descriptors arrive in order, and is a liar cut off? */
#include "loop/channel.h"

#include "base/test.h"

#include <dirent.h>
#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define FRAME_MAX (1u << 20)
#define QUEUE_MAX (64u << 20)

enum { TYPE_PLAIN = 1, TYPE_FD, TYPE_REFUSE, TYPE_CLOSE, TYPE_LAST };

/* One end of a conversation, and what it heard. */
struct end {
    struct ax_channel *channel;
    struct ax_loop *loop;
    uint64_t next_id; /* frames come with ids 1, 2, 3 ... */
    unsigned frames, fds, ends, drains;
    enum ax_code end_code;
    uint32_t sum; /* over all payload bytes */
    bool close_on_drained;
};

static uint32_t sum_of(uint32_t sum, struct ax_str bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        sum = sum * 31 + (unsigned char)bytes.ptr[i];
    return sum;
}

/* The number that was written into the memory file `fd`. */
static uint64_t number_in(int fd)
{
    uint64_t number = 0;

    T_EQ(pread(fd, &number, sizeof(number), 0), sizeof(number));
    return number;
}

static int fd_with_number(uint64_t number)
{
    int fd = memfd_create("number", MFD_CLOEXEC);

    T_TRUE(fd >= 0);
    T_EQ(pwrite(fd, &number, sizeof(number), 0), sizeof(number));
    return fd;
}

static enum ax_code end_on_frame(void *arg, const struct ax_frame *frame, int fd)
{
    struct end *end = arg;

    T_EQ(end->ends, 0);
    T_TRUE(frame->id == ++end->next_id);
    end->frames++;
    end->sum = sum_of(end->sum, frame->payload);
    T_EQ(frame->type == TYPE_FD, fd >= 0);
    if (fd >= 0) {
        end->fds++;
        T_TRUE(number_in(fd) == frame->id);
        T_TRUE(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        close(fd);
    }
    if (frame->type == TYPE_CLOSE) {
        ax_channel_close(end->channel);
        end->channel = NULL;
        ax_loop_stop(end->loop);
    }
    if (frame->type == TYPE_LAST)
        ax_loop_stop(end->loop);
    return frame->type == TYPE_REFUSE ? AX_E_CONFLICT : AX_OK;
}

static void end_on_end(void *arg, enum ax_code code)
{
    struct end *end = arg;

    end->ends++;
    end->end_code = code;
    ax_channel_close(end->channel);
    end->channel = NULL;
    ax_loop_stop(end->loop);
}

static void end_on_drained(void *arg)
{
    struct end *end = arg;

    end->drains++;
    if (end->close_on_drained) {
        ax_channel_close(end->channel);
        end->channel = NULL;
        ax_loop_stop(end->loop);
    }
}

static void end_open(struct end *end, struct ax_loop *loop, int fd, size_t frame_max,
                     size_t queue_max)
{
    const struct ax_channel_limits limits = { .frame_max = frame_max, .queue_max = queue_max };
    const struct ax_channel_handler handler = { end_on_frame, end_on_end, end_on_drained, end };

    *end = (struct end){ .loop = loop };
    end->channel = ax_channel_new(loop, fd, &limits, &handler);
}

static enum ax_code send_frame(struct ax_channel *channel, uint8_t type, uint64_t id, size_t len,
                               int fd)
{
    struct ax_buf *out = ax_channel_begin(channel, type, id, fd);
    char *room;

    if (ax_buf_reserve(out, len, &room) == AX_OK) {
        memset(room, (int)(id & 0xff), len);
        ax_buf_advance(out, len);
    }
    return ax_channel_end(channel);
}

static void send_numbered_fd(struct ax_channel *channel, uint64_t id, size_t len)
{
    int fd = fd_with_number(id);

    T_OK(send_frame(channel, TYPE_FD, id, len, fd));
    close(fd); /* the queue has its own */
}

static unsigned open_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned count = 0;

    T_TRUE(dir != NULL);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static void small_buffer(int fd)
{
    int size = 1; /* the kernel makes its least of it */

    T_EQ(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
}

/* Two ends on one loop. */
struct pair {
    struct ax_loop loop;
    struct end left, right;
    unsigned fds_before;
};

static void pair_open(struct pair *pair, bool small, size_t queue_max)
{
    int fds[2];

    ax_loop_init(&pair->loop);
    pair->fds_before = open_fds();
    T_OK(ax_channel_pair(fds));
    if (small)
        small_buffer(fds[0]);
    end_open(&pair->left, &pair->loop, fds[0], FRAME_MAX, queue_max);
    end_open(&pair->right, &pair->loop, fds[1], FRAME_MAX, queue_max);
}

static void pair_close(struct pair *pair)
{
    ax_channel_close(pair->left.channel);
    ax_channel_close(pair->right.channel);
    T_EQ(open_fds(), pair->fds_before); /* nothing lost on the way */
    ax_loop_done(&pair->loop);
}

TEST(frames_arrive_whole_and_in_order)
{
    struct pair pair;
    uint32_t sum = 0;

    pair_open(&pair, false, QUEUE_MAX);
    for (uint64_t id = 1; id <= 2000; id++) {
        size_t len = id % 7 == 0 ? 3000 : id % 5;
        char bytes[3000];

        memset(bytes, (int)(id & 0xff), len);
        sum = sum_of(sum, ax_str_make(bytes, len));
        T_OK(send_frame(pair.left.channel, id == 2000 ? TYPE_LAST : TYPE_PLAIN, id, len, -1));
    }
    T_EQ(pair.right.frames, 0);
    ax_loop_run(&pair.loop);
    T_EQ(pair.right.frames, 2000);
    T_EQ(pair.right.sum, sum);
    T_EQ(ax_channel_queued(pair.left.channel), 0);
    T_TRUE(pair.left.drains >= 1);
    pair_close(&pair);
}

TEST(frames_of_one_turn_leave_in_one_system_call)
{
    struct ax_loop loop;
    struct end end;
    char room[8192];
    int fds[2];

    ax_loop_init(&loop);
    T_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0); /* keeps calls apart */
    end_open(&end, &loop, fds[0], FRAME_MAX, QUEUE_MAX);
    for (uint64_t id = 1; id <= 100; id++)
        T_OK(send_frame(end.channel, TYPE_PLAIN, id, 10, -1));
    T_EQ(recv(fds[1], room, sizeof(room), MSG_DONTWAIT), -1); /* none leaves before its end */
    end.close_on_drained = true;
    ax_loop_run(&loop);
    T_EQ(recv(fds[1], room, sizeof(room), MSG_DONTWAIT), 100 * (AX_FRAME_HEADER + 10));
    close(fds[1]);
    ax_loop_done(&loop);
}

/* Descriptors in every neighbourhood: back to back, behind and before large and empty frames. */
static void descriptors_keep_to_their_frames(bool small)
{
    static const size_t lens[] = { 0, 1, 100, 4096, 70000, 300000, FRAME_MAX - AX_FRAME_HEADER };
    struct pair pair;
    unsigned seed = 1;
    uint64_t id = 0;

    pair_open(&pair, small, QUEUE_MAX);
    for (int round = 0; round < 12; round++) {
        unsigned fds = 0;

        for (int i = 0; i < 90; i++) {
            size_t len;

            seed = seed * 1103515245u + 12345u;
            len = lens[(seed >> 16) % (i % 30 == 0 ? AX_ARRAY_LEN(lens) : 4)];
            if ((seed >> 8) % 3 != 0 && fds < 60) {
                send_numbered_fd(pair.left.channel, ++id, len);
                fds++;
            } else {
                T_OK(send_frame(pair.left.channel, TYPE_PLAIN, ++id, len, -1));
            }
        }
        T_OK(send_frame(pair.left.channel, TYPE_LAST, ++id, 5, -1));
        ax_loop_run(&pair.loop);
    }
    T_EQ(pair.right.frames, id);
    T_TRUE(pair.right.fds > 400);
    T_EQ(pair.right.ends, 0);
    pair_close(&pair);
}

TEST(descriptors_keep_to_their_frames_with_room)
{
    descriptors_keep_to_their_frames(false);
}

TEST(descriptors_keep_to_their_frames_through_the_smallest_buffer)
{
    descriptors_keep_to_their_frames(true);
}

TEST(queue_refuses_what_lies_beyond_its_limit)
{
    const size_t max = 1000;

    for (size_t len = max - 1; len <= max + 1; len++) {
        struct pair pair;
        enum ax_code code;

        pair_open(&pair, false, max);
        T_OK(send_frame(pair.left.channel, TYPE_PLAIN, 1, 400 - AX_FRAME_HEADER, -1));
        code = send_frame(pair.left.channel, TYPE_PLAIN, 2, len - 400 - AX_FRAME_HEADER, -1);
        T_CODE(code, len <= max ? AX_OK : AX_E_OVERLOADED);
        T_EQ(ax_channel_queued(pair.left.channel), len <= max ? len : 400);
        pair.left.close_on_drained = true;
        ax_loop_run(&pair.loop);
        ax_loop_run(&pair.loop); /* until the right end has seen the left one go */
        T_EQ(pair.right.frames, len <= max ? 2 : 1); /* the refused one left no trace */
        T_CODE(pair.right.end_code, AX_E_CLOSED);
        pair_close(&pair);
    }
}

TEST(queue_has_room_again_when_it_has_left)
{
    struct pair pair;
    uint64_t id = 0;

    pair_open(&pair, true, 8000); /* more than the socket takes at once */
    for (int round = 0; round < 50; round++) {
        while (send_frame(pair.left.channel, TYPE_PLAIN, id + 1, 500, -1) == AX_OK)
            id++;
        T_TRUE(ax_channel_queued(pair.left.channel) > 8000 - 516);
        T_TRUE(ax_channel_queued(pair.left.channel) <= 8000);
        while (pair.right.frames < id)
            uv_run(&pair.loop.uv, UV_RUN_ONCE);
    }
    T_TRUE(id >= 50 * 15);
    T_TRUE(pair.left.drains >= 1);
    pair_close(&pair);
}

TEST(queue_holds_1024_descriptors)
{
    const uint64_t most = 1024;
    const struct rlimit files = { 4096, 4096 };
    struct pair pair;
    int fd;

    T_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
    fd = fd_with_number(most + 1);
    pair_open(&pair, false, QUEUE_MAX);
    for (uint64_t id = 1; id <= most; id++)
        send_numbered_fd(pair.left.channel, id, 3);
    T_CODE(send_frame(pair.left.channel, TYPE_FD, most + 1, 3, fd), AX_E_OVERLOADED);
    T_OK(send_frame(pair.left.channel, TYPE_LAST, most + 1, 3, -1));
    ax_loop_run(&pair.loop);
    T_EQ(pair.right.fds, most);
    send_numbered_fd(pair.left.channel, most + 2, 3);
    T_OK(send_frame(pair.left.channel, TYPE_LAST, most + 3, 3, -1));
    ax_loop_run(&pair.loop);
    T_EQ(pair.right.fds, most + 1);
    pair_close(&pair);
    close(fd);
}

TEST(frame_as_large_as_its_limit_arrives_and_a_larger_one_cuts)
{
    const size_t max = FRAME_MAX - AX_FRAME_HEADER;

    for (size_t len = max - 1; len <= max + 1; len++) {
        struct pair pair;

        pair_open(&pair, false, QUEUE_MAX);
        T_OK(send_frame(pair.left.channel, TYPE_LAST, 1, len, -1));
        ax_loop_run(&pair.loop);
        T_EQ(pair.right.frames, len <= max ? 1 : 0);
        T_EQ(pair.right.ends, len <= max ? 0 : 1);
        if (len > max)
            T_CODE(pair.right.end_code, AX_E_INVALID_REQUEST);
        pair_close(&pair);
    }
}

/* A peer that speaks bytes, not frames. */
struct raw {
    struct ax_loop loop;
    struct end end;
    int fd;
    unsigned fds_before;
};

static void raw_open(struct raw *raw)
{
    int fds[2];

    ax_loop_init(&raw->loop);
    raw->fds_before = open_fds();
    T_OK(ax_channel_pair(fds));
    end_open(&raw->end, &raw->loop, fds[0], FRAME_MAX, QUEUE_MAX);
    raw->fd = fds[1];
}

static void raw_close(struct raw *raw)
{
    ax_channel_close(raw->end.channel);
    ax_fd_close(&raw->fd);
    T_EQ(open_fds(), raw->fds_before);
    ax_loop_done(&raw->loop);
}

static void raw_send(struct raw *raw, struct ax_str bytes, const int *fds, size_t count)
{
    struct iovec iov = { (void *)(uintptr_t)bytes.ptr, bytes.len };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))] = { 0 };

    if (count > 0) {
        struct cmsghdr *cmsg;

        msg.msg_control = control;
        msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
        cmsg = CMSG_FIRSTHDR(&msg);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(cmsg), fds, count * sizeof(int));
    }
    T_EQ(sendmsg(raw->fd, &msg, MSG_NOSIGNAL), bytes.len);
}

static void put_frame(struct ax_buf *buf, uint8_t type, uint64_t id, uint16_t flags, size_t len)
{
    size_t at = ax_frame_begin(buf, type, flags, id);

    for (size_t i = 0; i < len; i++)
        ax_frame_put_u8(buf, (uint8_t)i);
    T_OK(ax_frame_end(buf, at));
}

TEST(frames_that_come_byte_by_byte_arrive)
{
    AX_AUTO_BUF struct ax_buf buf = { .max = FRAME_MAX };
    struct raw raw;

    raw_open(&raw);
    put_frame(&buf, TYPE_PLAIN, 1, 0, 20);
    put_frame(&buf, TYPE_PLAIN, 2, 0, 0);
    put_frame(&buf, TYPE_LAST, 3, 0, 1);
    for (size_t i = 0; i < buf.len; i++) {
        raw_send(&raw, ax_str_make(buf.ptr + i, 1), NULL, 0);
        uv_run(&raw.loop.uv, UV_RUN_NOWAIT);
    }
    T_EQ(raw.end.frames, 3);
    raw_close(&raw);
}

/* Sends `first` without and `second` with `fds` descriptors, in two calls before the channel reads;
 * tells the code that ended the channel, AX_OK when frame LAST arrived. */
static enum ax_code told(struct ax_str first, struct ax_str second, size_t fds)
{
    int numbers[] = { fd_with_number(2), fd_with_number(3) };
    struct raw raw;
    enum ax_code code;

    raw_open(&raw);
    raw_send(&raw, first, NULL, 0);
    raw_send(&raw, second, numbers, fds);
    ax_loop_run(&raw.loop);
    code = raw.end.ends > 0 ? raw.end.end_code : AX_OK;
    if (code != AX_OK) { /* a liar is cut off, not only ignored */
        char byte;

        T_EQ(recv(raw.fd, &byte, 1, 0), 0);
    }
    raw_close(&raw);
    close(numbers[0]);
    close(numbers[1]);
    return code;
}

TEST(descriptor_without_a_frame_for_it_cuts)
{
    AX_AUTO_BUF struct ax_buf first = { .max = FRAME_MAX };
    AX_AUTO_BUF struct ax_buf flagged = { .max = FRAME_MAX };
    AX_AUTO_BUF struct ax_buf plain = { .max = FRAME_MAX };

    put_frame(&first, TYPE_PLAIN, 1, 0, 9);
    put_frame(&flagged, TYPE_FD, 2, AX_FRAME_HAS_FD, 9);
    put_frame(&flagged, TYPE_LAST, 3, 0, 9);
    put_frame(&plain, TYPE_PLAIN, 2, 0, 9);
    put_frame(&plain, TYPE_LAST, 3, 0, 9);
    T_OK(told(ax_buf_str(&first), ax_buf_str(&flagged), 1));
    T_OK(told(ax_buf_str(&first), ax_buf_str(&plain), 0));
    T_CODE(told(ax_buf_str(&first), ax_buf_str(&flagged), 0), AX_E_INVALID_REQUEST);
    T_CODE(told(ax_buf_str(&first), ax_buf_str(&flagged), 2), AX_E_INVALID_REQUEST);
}

TEST(descriptor_that_no_frame_takes_cuts_at_the_next_frame)
{
    AX_AUTO_BUF struct ax_buf bytes = { .max = FRAME_MAX };
    int number = fd_with_number(1);
    struct raw raw;

    raw_open(&raw);
    put_frame(&bytes, TYPE_LAST, 1, 0, 9);
    raw_send(&raw, ax_buf_str(&bytes), &number, 1);
    ax_loop_run(&raw.loop);
    raw_send(&raw, ax_buf_str(&bytes), NULL, 0);
    ax_loop_run(&raw.loop);
    T_CODE(raw.end.end_code, AX_E_INVALID_REQUEST);
    T_EQ(raw.end.frames, 1);
    raw_close(&raw);
    close(number);
}

TEST(two_frames_do_not_share_a_descriptor)
{
    AX_AUTO_BUF struct ax_buf first = { .max = FRAME_MAX };
    AX_AUTO_BUF struct ax_buf both = { .max = FRAME_MAX };

    put_frame(&first, TYPE_PLAIN, 1, 0, 9);
    put_frame(&both, TYPE_FD, 2, AX_FRAME_HAS_FD, 9);
    put_frame(&both, TYPE_FD, 3, AX_FRAME_HAS_FD, 9);
    T_CODE(told(ax_buf_str(&first), ax_buf_str(&both), 1), AX_E_INVALID_REQUEST);
}

TEST(descriptor_on_a_later_byte_of_its_frame_cuts)
{
    AX_AUTO_BUF struct ax_buf bytes = { .max = FRAME_MAX };
    int number = fd_with_number(1);
    struct raw raw;

    raw_open(&raw);
    put_frame(&bytes, TYPE_FD, 1, AX_FRAME_HAS_FD, 9);
    raw_send(&raw, ax_str_sub(ax_buf_str(&bytes), 0, 8), NULL, 0);
    uv_run(&raw.loop.uv, UV_RUN_ONCE);
    raw_send(&raw, ax_str_from(ax_buf_str(&bytes), 8), &number, 1);
    ax_loop_run(&raw.loop);
    T_CODE(raw.end.end_code, AX_E_INVALID_REQUEST);
    raw_close(&raw);
    close(number);
}

TEST(descriptors_piled_up_behind_an_unfinished_frame_cut)
{
    AX_AUTO_BUF struct ax_buf bytes = { .max = FRAME_MAX };
    int number = fd_with_number(1);
    struct raw raw;

    raw_open(&raw);
    put_frame(&bytes, TYPE_PLAIN, 1, 0, 100);
    for (size_t i = 0; i < 20 && raw.end.ends == 0; i++) {
        raw_send(&raw, ax_str_sub(ax_buf_str(&bytes), i, i + 1), &number, 1);
        uv_run(&raw.loop.uv, UV_RUN_ONCE);
    }
    T_CODE(raw.end.end_code, AX_E_INVALID_REQUEST);
    T_EQ(raw.end.frames, 0);
    raw_close(&raw);
    close(number);
}

TEST(frame_refused_by_its_reader_ends_the_channel_with_the_reason)
{
    struct pair pair;

    pair_open(&pair, false, QUEUE_MAX);
    T_OK(send_frame(pair.left.channel, TYPE_PLAIN, 1, 1, -1));
    T_OK(send_frame(pair.left.channel, TYPE_REFUSE, 2, 1, -1));
    T_OK(send_frame(pair.left.channel, TYPE_PLAIN, 3, 1, -1));
    ax_loop_run(&pair.loop);
    T_EQ(pair.right.frames, 2);
    T_CODE(pair.right.end_code, AX_E_CONFLICT);
    if (pair.left.ends == 0)
        ax_loop_run(&pair.loop);
    T_CODE(pair.left.end_code, AX_E_CLOSED);
    pair_close(&pair);
}

TEST(channel_may_be_closed_while_it_hands_out_frames)
{
    struct pair pair;

    pair_open(&pair, false, QUEUE_MAX);
    T_OK(send_frame(pair.left.channel, TYPE_PLAIN, 1, 1, -1));
    T_OK(send_frame(pair.left.channel, TYPE_CLOSE, 2, 1, -1));
    send_numbered_fd(pair.left.channel, 3, 1);
    ax_loop_run(&pair.loop);
    T_EQ(pair.right.frames, 2);
    T_EQ(pair.right.ends, 0); /* who closes is not told */
    pair_close(&pair);
}

TEST(what_a_peer_said_before_it_went_is_heard)
{
    AX_AUTO_BUF struct ax_buf bytes = { .max = QUEUE_MAX };
    struct raw raw;

    raw_open(&raw);
    for (uint64_t id = 1; id <= 50; id++)
        put_frame(&bytes, TYPE_PLAIN, id, 0, 2000);
    raw_send(&raw, ax_buf_str(&bytes), NULL, 0);
    T_EQ(send(raw.fd, "\x40", 1, 0), 1); /* and half a frame */
    T_OK(send_frame(raw.end.channel, TYPE_PLAIN, 1, 10, -1));
    uv_run(&raw.loop.uv, UV_RUN_NOWAIT);
    ax_fd_close(&raw.fd); /* with our frame unread: the error comes before the end */
    if (raw.end.ends == 0)
        ax_loop_run(&raw.loop);
    T_EQ(raw.end.frames, 50);
    T_EQ(raw.end.ends, 1);
    T_CODE(raw.end.end_code, AX_E_CLOSED);
    raw_close(&raw);
}

TEST(peer_that_went_is_noticed_by_sending_and_reading_goes_on)
{
    AX_AUTO_BUF struct ax_buf bytes = { .max = QUEUE_MAX };
    struct raw raw;
    int fd = fd_with_number(0);

    raw_open(&raw);
    for (uint64_t id = 1; id <= 10; id++)
        put_frame(&bytes, TYPE_PLAIN, id, 0, 100);
    raw_send(&raw, ax_buf_str(&bytes), NULL, 0);
    ax_fd_close(&raw.fd);
    T_OK(send_frame(raw.end.channel, TYPE_FD, 1, 10, fd)); /* queued: sending tells nothing yet */
    T_EQ(raw.end.ends, 0);
    ax_loop_run(&raw.loop);
    T_EQ(raw.end.frames, 10);
    T_EQ(raw.end.ends, 1);
    T_CODE(raw.end.end_code, AX_E_CLOSED);
    raw_close(&raw);
    close(fd);
}

static void keep_on_end(void *arg, enum ax_code code)
{
    struct end *end = arg;

    end->ends++;
    end->end_code = code;
    ax_loop_stop(end->loop);
}

TEST(sending_after_the_end_says_closed)
{
    const struct ax_channel_limits limits = { .frame_max = FRAME_MAX, .queue_max = QUEUE_MAX };
    struct ax_loop loop;
    struct end end = { .loop = &loop };
    const struct ax_channel_handler handler = { end_on_frame, keep_on_end, NULL, &end };
    int fds[2];

    ax_loop_init(&loop);
    T_OK(ax_channel_pair(fds));
    end.channel = ax_channel_new(&loop, fds[0], &limits, &handler);
    T_OK(send_frame(end.channel, TYPE_PLAIN, 1, 10, -1));
    close(fds[1]);
    ax_loop_run(&loop);
    T_EQ(end.ends, 1);
    T_CODE(send_frame(end.channel, TYPE_PLAIN, 2, 10, -1), AX_E_CLOSED);
    T_CODE(send_frame(end.channel, TYPE_FD, 2, 10, STDERR_FILENO), AX_E_CLOSED);
    T_EQ(ax_channel_queued(end.channel), 0);
    uv_run(&loop.uv, UV_RUN_NOWAIT);
    T_EQ(end.ends, 1);
    ax_channel_close(end.channel);
    ax_channel_close(NULL);
    ax_loop_done(&loop);
}

TEST(memory_refused_for_a_large_frame_ends_the_channel)
{
    struct pair pair;

    pair_open(&pair, false, QUEUE_MAX);
    T_OK(send_frame(pair.left.channel, TYPE_LAST, 1, 500000, -1));
    ax_fault_arm(1);
    ax_loop_run(&pair.loop);
    T_TRUE(ax_fault_hit());
    T_CODE(pair.right.end_code, AX_E_NO_MEMORY);
    pair_close(&pair);
}

TEST_MAIN()

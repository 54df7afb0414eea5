/* SPDX-License-Identifier: Apache-2.0 */
/* log.c - how does one line leave without waiting and without allocating?
 *
 * A line is at most PIPE_BUF bytes, so a pipe takes it whole or not at all; poll(2) tells whether
 * it would. What does not fit into a line is left out and the line says so ("cut"). */
#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#define LOG_STR_MAX 1024 /* bytes of one field */
#define LOG_TAIL    64   /* kept free for "cut", the brace and the newline */

static const char *log_role = "-";
static enum ax_log_level log_least = AX_INFO;
static int log_fd = STDERR_FILENO;
static _Atomic uint64_t log_dropped;        /* since the start */
static _Atomic uint64_t log_dropped_unsaid; /* since the last line that fitted */

void ax_log_init(const char *role, enum ax_log_level least)
{
    log_role = role;
    log_least = least;
}

void ax_log_to(int fd)
{
    log_fd = fd;
}

bool ax_log_wants(enum ax_log_level level)
{
    return level >= log_least;
}

uint64_t ax_log_dropped(void)
{
    return atomic_load(&log_dropped);
}

static struct ax_str log_time(char room[AX_RFC3339_LEN + 8])
{
    int64_t now_ms = ax_clock_wall_ms();
    int len;

    ax_clock_format(now_ms / 1000, room);
    len = snprintf(room + AX_RFC3339_LEN - 1, 6, ".%03uZ", (unsigned)(now_ms % 1000) % 1000);
    return ax_str_make(room, AX_RFC3339_LEN - 1 + (size_t)len);
}

/* A character of several bytes is kept whole or not at all. */
static struct ax_str log_fit(struct ax_str str)
{
    size_t len = str.len < LOG_STR_MAX ? str.len : LOG_STR_MAX;

    if (len == str.len)
        return str;
    while (len > LOG_STR_MAX - 4 && ((unsigned char)str.ptr[len] & 0xc0) == 0x80)
        len--;
    return ax_str_sub(str, 0, len);
}

static void log_put_field(struct ax_json_out *out, const struct ax_kv *field)
{
    ax_json_key(out, field->key);
    switch (field->type) {
    case AX_KV_STR: ax_json_put_str(out, log_fit(field->str)); return;
    case AX_KV_U64: ax_json_put_u64(out, field->u64); return;
    case AX_KV_I64: ax_json_put_i64(out, field->i64); return;
    case AX_KV_BOOL: ax_json_put_bool(out, field->u64 != 0); return;
    }
}

/* Adds the fields that fit before the tail; false when one did not. */
static bool log_put_fields(struct ax_json_out *out, const struct ax_kv *fields, size_t count)
{
    struct ax_buf *line = out->buf;
    bool all = true;

    line->max -= LOG_TAIL;
    for (size_t i = 0; i < count; i++) {
        struct ax_json_out before = *out;
        size_t len = line->len;

        log_put_field(out, &fields[i]);
        all = all && line->failed == AX_OK &&
              (fields[i].type != AX_KV_STR || fields[i].str.len <= LOG_STR_MAX);
        if (line->failed != AX_OK) {
            line->failed = AX_OK;
            line->len = len;
            *out = before;
        }
    }
    line->max += LOG_TAIL;
    return all;
}

static bool log_send(struct ax_str line)
{
    struct pollfd sink = { .fd = log_fd, .events = POLLOUT };
    ssize_t sent;

    if (poll(&sink, 1, 0) != 1 || !(sink.revents & POLLOUT))
        return false;
    do
        sent = write(log_fd, line.ptr, line.len);
    while (sent < 0 && errno == EINTR);
    return sent >= 0; /* of a full disk's half a line there is nobody to tell */
}

void ax_log_write(enum ax_log_level level, const char *event, const struct ax_kv *fields,
                  size_t count)
{
    static const char *const levels[] = {
        [AX_DEBUG] = "debug", [AX_INFO] = "info", [AX_WARN] = "warn", [AX_ERROR] = "error"
    };
    char room[PIPE_BUF];
    char time[AX_RFC3339_LEN + 8];
    /* Full from the start, so it never asks for memory; one byte is for printf's terminator. */
    struct ax_buf line = { .ptr = room, .cap = sizeof(room) - 1, .max = sizeof(room) - 1 };
    struct ax_json_out out;
    uint64_t unsaid;

    if (!ax_log_wants(level))
        return;
    unsaid = atomic_exchange(&log_dropped_unsaid, 0);
    ax_json_out_init(&out, &line);
    ax_json_begin_object(&out);
    ax_json_key(&out, "time");
    ax_json_put_str(&out, log_time(time));
    ax_json_key(&out, "level");
    ax_json_put_str(&out, ax_str_of(levels[level]));
    ax_json_key(&out, "role");
    ax_json_put_str(&out, ax_str_of(log_role));
    ax_json_key(&out, "event");
    ax_json_put_str(&out, ax_str_of(event));
    if (unsaid > 0) {
        ax_json_key(&out, "dropped");
        ax_json_put_u64(&out, unsaid);
    }
    if (!log_put_fields(&out, fields, count)) {
        ax_json_key(&out, "cut");
        ax_json_put_bool(&out, true);
    }
    ax_json_end_object(&out);
    (void)ax_buf_append_byte(&line, '\n');
    assert(line.failed == AX_OK);
    if (!log_send(ax_buf_str(&line))) {
        (void)atomic_fetch_add(&log_dropped, 1);
        (void)atomic_fetch_add(&log_dropped_unsaid, unsaid + 1);
    }
}

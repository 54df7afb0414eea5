/* SPDX-License-Identifier: Apache-2.0 */
/* exec_message.h - how does one execution travel to a worker, and its end back?
 *
 * The structs of the messages EXEC, DONE and FAULT with their writers and readers. Writers append
 * to the buffer of ax_channel_begin(); readers borrow from the frame. A reader gives false for a
 * payload that does not fit: the sender is then cut off. */
#ifndef AX_RUNNER_EXEC_MESSAGE_H
#define AX_RUNNER_EXEC_MESSAGE_H

#include "base/arena.h"
#include "base/buf.h"
#include "loop/frame.h"

#include <stdbool.h>
#include <stdint.h>

/* Query pairs or headers of one request. */
#define AX_EXEC_PAIRS_MAX 1024

struct ax_pair {
    struct ax_str name;
    struct ax_str value;
};

struct ax_pairs {
    struct ax_pair *items;
    size_t count;
};

/* What a guest is told, and its budgets. */
struct ax_exec_message {
    uint64_t module;      /* as in LOAD */
    uint64_t deadline_ns; /* CLOCK_MONOTONIC */
    uint64_t cpu_ns;
    uint64_t memory_bytes;
    uint64_t tenant_key; /* equal for executions of one tenant; says nothing else */
    struct ax_str request_id, tenant_id, extension_id, install_id, version_id, content_hash;
    struct ax_str config;   /* JSON object */
    struct ax_str user;     /* JSON object; empty: none */
    struct ax_str endpoint; /* may be empty */
    struct ax_str params;   /* JSON object */
    struct ax_str method, path;
    struct ax_pairs query;
    struct ax_pairs headers;
    bool has_body;
    struct ax_str body;
};

void ax_exec_message_write(struct ax_buf *buf, const struct ax_exec_message *message);
/* Pairs are allocated from `arena`. */
AX_CHECKED bool ax_exec_message_read(struct ax_str payload, struct ax_arena *arena,
                                     struct ax_exec_message *ret_message);

struct ax_usage {
    uint64_t cpu_ns;
    uint64_t wall_ns;
    uint64_t host_ns;  /* waiting for host calls */
    uint64_t queue_ns; /* waiting for a turn */
    uint32_t peak_kib;
    uint32_t host_calls;
    uint32_t log_dropped;
};

void ax_usage_write(struct ax_buf *buf, const struct ax_usage *usage);
void ax_usage_read(struct ax_reader *reader, struct ax_usage *ret_usage);

void ax_pairs_write(struct ax_buf *buf, const struct ax_pairs *pairs);
/* At most `max` pairs; sets reader->bad otherwise. */
void ax_pairs_read(struct ax_reader *reader, size_t max, struct ax_arena *arena,
                   struct ax_pairs *ret_pairs);

#endif

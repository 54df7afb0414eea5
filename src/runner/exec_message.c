/* SPDX-License-Identifier: Apache-2.0 */
/* exec_message.c - how does one execution travel to a worker, and its end back? */
#include "runner/exec_message.h"

void ax_pairs_write(struct ax_buf *buf, const struct ax_pairs *pairs)
{
    ax_frame_put_u32(buf, (uint32_t)pairs->count);
    for (size_t i = 0; i < pairs->count; i++) {
        ax_frame_put_str(buf, pairs->items[i].name);
        ax_frame_put_str(buf, pairs->items[i].value);
    }
}

void ax_pairs_read(struct ax_reader *reader, size_t max, struct ax_arena *arena,
                   struct ax_pairs *ret_pairs)
{
    size_t count = ax_reader_u32(reader);

    *ret_pairs = (struct ax_pairs){ NULL, 0 };
    /* A pair takes at least its two lengths, so a count that lies is seen before we allocate. */
    if (count > max || count > reader->rest.len / 8) {
        reader->bad = true;
        return;
    }
    if (count == 0)
        return;
    ret_pairs->items = ax_arena_alloc(arena, count * sizeof(*ret_pairs->items));
    if (!ret_pairs->items) {
        reader->bad = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        ret_pairs->items[i].name = ax_reader_str(reader);
        ret_pairs->items[i].value = ax_reader_str(reader);
    }
    ret_pairs->count = count;
}

void ax_exec_message_write(struct ax_buf *buf, const struct ax_exec_message *message)
{
    ax_frame_put_u64(buf, message->module);
    ax_frame_put_u64(buf, message->deadline_ns);
    ax_frame_put_u64(buf, message->cpu_ns);
    ax_frame_put_u64(buf, message->memory_bytes);
    ax_frame_put_u64(buf, message->tenant_key);
    ax_frame_put_str(buf, message->request_id);
    ax_frame_put_str(buf, message->tenant_id);
    ax_frame_put_str(buf, message->extension_id);
    ax_frame_put_str(buf, message->install_id);
    ax_frame_put_str(buf, message->version_id);
    ax_frame_put_str(buf, message->content_hash);
    ax_frame_put_str(buf, message->config);
    ax_frame_put_str(buf, message->user);
    ax_frame_put_str(buf, message->endpoint);
    ax_frame_put_str(buf, message->params);
    ax_frame_put_str(buf, message->method);
    ax_frame_put_str(buf, message->path);
    ax_pairs_write(buf, &message->query);
    ax_pairs_write(buf, &message->headers);
    ax_frame_put_u8(buf, message->has_body);
    ax_frame_put_body(buf, message->body);
}

bool ax_exec_message_read(struct ax_str payload, struct ax_arena *arena,
                          struct ax_exec_message *ret_message)
{
    struct ax_reader reader = ax_reader_of(payload);
    struct ax_exec_message *message = ret_message;

    message->module = ax_reader_u64(&reader);
    message->deadline_ns = ax_reader_u64(&reader);
    message->cpu_ns = ax_reader_u64(&reader);
    message->memory_bytes = ax_reader_u64(&reader);
    message->tenant_key = ax_reader_u64(&reader);
    message->request_id = ax_reader_str(&reader);
    message->tenant_id = ax_reader_str(&reader);
    message->extension_id = ax_reader_str(&reader);
    message->install_id = ax_reader_str(&reader);
    message->version_id = ax_reader_str(&reader);
    message->content_hash = ax_reader_str(&reader);
    message->config = ax_reader_str(&reader);
    message->user = ax_reader_str(&reader);
    message->endpoint = ax_reader_str(&reader);
    message->params = ax_reader_str(&reader);
    message->method = ax_reader_str(&reader);
    message->path = ax_reader_str(&reader);
    ax_pairs_read(&reader, AX_EXEC_PAIRS_MAX, arena, &message->query);
    ax_pairs_read(&reader, AX_EXEC_PAIRS_MAX, arena, &message->headers);
    message->has_body = ax_reader_u8(&reader) != 0;
    message->body = ax_reader_body(&reader);
    return ax_reader_ok(&reader);
}

void ax_usage_write(struct ax_buf *buf, const struct ax_usage *usage)
{
    ax_frame_put_u64(buf, usage->cpu_ns);
    ax_frame_put_u64(buf, usage->wall_ns);
    ax_frame_put_u64(buf, usage->host_ns);
    ax_frame_put_u64(buf, usage->queue_ns);
    ax_frame_put_u32(buf, usage->peak_kib);
    ax_frame_put_u32(buf, usage->host_calls);
    ax_frame_put_u32(buf, usage->log_dropped);
}

void ax_usage_read(struct ax_reader *reader, struct ax_usage *ret_usage)
{
    ret_usage->cpu_ns = ax_reader_u64(reader);
    ret_usage->wall_ns = ax_reader_u64(reader);
    ret_usage->host_ns = ax_reader_u64(reader);
    ret_usage->queue_ns = ax_reader_u64(reader);
    ret_usage->peak_kib = ax_reader_u32(reader);
    ret_usage->host_calls = ax_reader_u32(reader);
    ret_usage->log_dropped = ax_reader_u32(reader);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* log.h - what happened, for operators?
 *
 * Only programs log; libraries return codes. A line is one JSON object with time, level, role,
 * event and fields; the sink escapes everything. No secret, token or body, ever. The sink is
 * standard error and never blocks the caller: what does not fit into the pipe is counted and the
 * count is said in the next line that fits (field "dropped"). */
#ifndef AX_BASE_LOG_H
#define AX_BASE_LOG_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum ax_log_level { AX_DEBUG, AX_INFO, AX_WARN, AX_ERROR };

struct ax_kv {
    enum { AX_KV_STR, AX_KV_U64, AX_KV_I64, AX_KV_BOOL } type;
    const char *key;
    struct ax_str str;
    uint64_t u64;
    int64_t i64;
};

static inline struct ax_kv kv_str(const char *key, struct ax_str value)
{
    return (struct ax_kv){ .type = AX_KV_STR, .key = key, .str = value };
}
static inline struct ax_kv kv_cstr(const char *key, const char *value)
{
    return kv_str(key, ax_str_of(value));
}
static inline struct ax_kv kv_u64(const char *key, uint64_t value)
{
    return (struct ax_kv){ .type = AX_KV_U64, .key = key, .u64 = value };
}
static inline struct ax_kv kv_i64(const char *key, int64_t value)
{
    return (struct ax_kv){ .type = AX_KV_I64, .key = key, .i64 = value };
}
static inline struct ax_kv kv_bool(const char *key, bool value)
{
    return (struct ax_kv){ .type = AX_KV_BOOL, .key = key, .u64 = value };
}
static inline struct ax_kv kv_code(const char *key, enum ax_code code)
{
    return kv_cstr(key, ax_code_info(code)->name);
}

/* Names the process in every line; `role` must live as long as the process. Lines below `least`
 * are dropped. Without it: role "-", AX_INFO. */
void ax_log_init(const char *role, enum ax_log_level least);
/* Tests and tools: writes to this descriptor instead of standard error. */
void ax_log_to(int fd);

/* ax_log(AX_WARN, "bundle.rejected", kv_str("tenant", t), kv_code("why", code)); */
#define ax_log(level, event, ...)                                                             \
    ax_log_write((level), (event), (const struct ax_kv[]){ __VA_ARGS__ __VA_OPT__(, ){ 0 } }, \
                 sizeof((const struct ax_kv[]){ __VA_ARGS__ __VA_OPT__(, ){ 0 } }) /          \
                         sizeof(struct ax_kv) -                                               \
                     1)
void ax_log_write(enum ax_log_level level, const char *event, const struct ax_kv *fields,
                  size_t count);
bool ax_log_wants(enum ax_log_level level);
uint64_t ax_log_dropped(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* capability.h - what may a guest ask the host for, by name?
 *
 * A closed list of our own plus names that the host application defines (HOST_PROVIDERS). Names are
 * dotted lower case, compared exactly; the prefix "cap:" is optional on input. Pure functions. */
#ifndef AX_BUNDLE_CAPABILITY_H
#define AX_BUNDLE_CAPABILITY_H

#include "base/err.h"
#include "base/str.h"

/* name, bit */
#define AX_CAPABILITIES(X)          \
    X(CONTEXT_READ, "context.read") \
    X(LOG_EMIT, "log.emit")         \
    X(USER_READ, "user.read")       \
    X(CONFIG_READ, "config.read")   \
    X(SECRETS_GET, "secrets.get")   \
    X(HTTP_FETCH, "http.fetch")     \
    X(STORAGE_KV, "storage.kv")     \
    X(UI_PROXY, "ui.proxy")         \
    X(SCHEDULER_MANAGE, "scheduler.manage")

enum ax_capability_index {
#define X(name, text) AX_CAP_INDEX_##name,
    AX_CAPABILITIES(X)
#undef X
        AX_CAP_COUNT
};

enum ax_capability {
#define X(name, text) AX_CAP_##name = 1 << AX_CAP_INDEX_##name,
    AX_CAPABILITIES(X)
#undef X
};

/* Granted to every execution, whether asked for or not. */
#define AX_CAP_ALWAYS \
    ((unsigned)(AX_CAP_CONTEXT_READ | AX_CAP_LOG_EMIT | AX_CAP_USER_READ | AX_CAP_CONFIG_READ))

enum ax_capability_kind {
    AX_CAPABILITY_UNKNOWN,  /* malformed, or in a family of ours without being on the list */
    AX_CAPABILITY_BUILT_IN, /* *ret_bit is set */
    AX_CAPABILITY_HOST,     /* well-formed and none of ours: known only to HOST_PROVIDERS */
};

/* Judges one name; *ret_name is the name without "cap:", borrowed from `text`. */
enum ax_capability_kind ax_capability_parse(struct ax_str text, unsigned *ret_bit,
                                            struct ax_str *ret_name);

const char *ax_capability_name(unsigned bit); /* of exactly one bit: "http.fetch" */

#endif

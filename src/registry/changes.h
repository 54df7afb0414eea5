/* SPDX-License-Identifier: Apache-2.0 */
/* changes.h - what is new since I last asked?
 *
 * Every change has a serial, counted from 1 without gaps in time. Of each thing only its last change
 * is kept, so everything there is can be walked in the order of serials, and whoever holds a serial
 * gets what came after it. A thing that is gone is remembered for a while; who asks from before that
 * gets `full`: drop what you know, then take this page and the following ones. */
#ifndef AX_REGISTRY_CHANGES_H
#define AX_REGISTRY_CHANGES_H

#include "registry/model.h"

#define AX_CHANGES_PAGE_MAX 10000
#define AX_CHANGES_KEEP     100000 /* things that are gone */

enum ax_change_kind {
    AX_CHANGE_PUBLISHER, /* key: an id */
    AX_CHANGE_EXTENSION, /* an id */
    AX_CHANGE_VERSION,   /* an id */
    AX_CHANGE_INSTALL,   /* an id; may be gone */
    AX_CHANGE_HASH,      /* revoked: 64 lower hex */
    AX_CHANGE_KEY,       /* revoked: a key's id, 64 lower hex */
};
const char *ax_change_kind_name(enum ax_change_kind kind);

struct ax_change {
    uint64_t serial;
    enum ax_change_kind kind;
    struct ax_str key;
    bool gone;
    /* of a version, else empty */
    struct ax_str extension_id;
    struct ax_str name;
    struct ax_str content_hash; /* 64 lower hex */
};

struct ax_changes {
    bool full;
    bool more;     /* ask again at once, with `next` */
    uint64_t next; /* what to ask with next time: below 2^53, otherwise opaque */
    struct ax_change *items;
    size_t count;
};

/* Changes after `since` (0: everything, which is `full`), oldest first, at most `limit` (0 and more
 * than AX_CHANGES_PAGE_MAX: AX_CHANGES_PAGE_MAX). `since` is 0, a `next`, or an ax_changes_serial().
 * The arena needs some 200 bytes a change. */
AX_CHECKED enum ax_code ax_changes_since(struct ax_model *model, uint64_t since, size_t limit,
                                         struct ax_changes *ret_changes);
/* The serial of the last change. Asked before a bulk load (load.h), it is where to go on from. */
AX_CHECKED enum ax_code ax_changes_serial(struct ax_model *model, uint64_t *ret_serial);

/* Forgets the oldest of the things that are gone, until `keep` are left. A write. */
AX_CHECKED enum ax_code ax_changes_trim(struct ax_model *model, uint64_t keep);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* publisher.h - who may publish what, and signed by whom? */
#ifndef AX_REGISTRY_PUBLISHER_H
#define AX_REGISTRY_PUBLISHER_H

#include "registry/model.h"

#define AX_PUBLISHER_PREFIXES_MAX 64
#define AX_PUBLISHER_KEYS_MAX     64

struct ax_publisher {
    struct ax_str id;
    struct ax_str slug;
    struct ax_str display_name;
    bool active; /* false: suspended, publishes nothing */
    uint64_t revision;
    int64_t created_ms;
};

/* AX_E_EXISTS when the slug is taken. */
AX_CHECKED enum ax_code ax_publisher_create(struct ax_model *model, struct ax_str slug,
                                            struct ax_str display_name,
                                            struct ax_publisher *ret_publisher);
/* By slug or id. AX_E_NOT_FOUND. */
AX_CHECKED enum ax_code ax_publisher_get(struct ax_model *model, struct ax_str name,
                                         struct ax_publisher *ret_publisher);
/* In the order of slugs; `after` is one. */
AX_CHECKED enum ax_code ax_publisher_list(struct ax_model *model, const struct ax_page *page,
                                          struct ax_publisher **ret_list, size_t *ret_count);
/* `revision` 0: whichever it is at. AX_E_NOT_FOUND, AX_E_PRECONDITION_FAILED. */
AX_CHECKED enum ax_code ax_publisher_set_active(struct ax_model *model, struct ax_str name,
                                                uint64_t revision, bool active,
                                                struct ax_publisher *ret_publisher);

/* Gives a publisher the names that begin with `prefix`: segments of a-z 0-9 -, each with a dot
 * behind it ("com.acme."). Its own already: nothing happens. AX_E_NOT_FOUND, AX_E_CONFLICT when it
 * overlaps somebody else's. */
AX_CHECKED enum ax_code ax_publisher_prefix_add(struct ax_model *model, struct ax_str name,
                                                struct ax_str prefix);
AX_CHECKED enum ax_code ax_publisher_prefix_list(struct ax_model *model, struct ax_str name,
                                                 struct ax_str **ret_list, size_t *ret_count);

struct ax_publisher_key {
    struct ax_str keyid; /* 64 lower hex */
    struct ax_str pem;   /* PUBLIC KEY */
    bool active;         /* false: revoked */
    int64_t created_ms;
};
/* Registers a public key. The publisher's own active one already: nothing happens. AX_E_NOT_FOUND,
 * AX_E_EXISTS (registered for somebody else), AX_E_CONFLICT (revoked; a revoked key stays so). */
AX_CHECKED enum ax_code ax_publisher_key_add(struct ax_model *model, struct ax_str name,
                                             struct ax_str pem, struct ax_publisher_key *ret_key);
AX_CHECKED enum ax_code ax_publisher_key_list(struct ax_model *model, struct ax_str name,
                                              struct ax_publisher_key **ret_list,
                                              size_t *ret_count);
/* One key of this publisher. AX_E_NOT_FOUND. */
AX_CHECKED enum ax_code ax_publisher_key_get(struct ax_model *model, struct ax_str name,
                                             struct ax_str keyid, struct ax_publisher_key *ret_key);
/* The key publishes nothing any more, and what it signed runs nowhere: see revocation.h. Revoked
 * already: nothing happens. AX_E_NOT_FOUND. */
AX_CHECKED enum ax_code ax_publisher_key_revoke(struct ax_model *model, struct ax_str name,
                                                struct ax_str keyid, struct ax_str reason);

/* Whether an active publisher owns a prefix of `extension`. AX_E_NOT_FOUND, AX_E_FORBIDDEN. */
AX_CHECKED enum ax_code ax_publisher_check_owns(struct ax_model *model,
                                                const struct ax_publisher *publisher,
                                                struct ax_str extension);

#endif

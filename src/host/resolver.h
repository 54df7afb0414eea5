/* SPDX-License-Identifier: Apache-2.0 */
/* resolver.h - which addresses does a name have at this moment?
 *
 * c-ares on the loop: A and AAAA over DNS only (no hosts file, no search domains, no aliases) and
 * nothing is remembered, so that one tenant's answer never becomes another's. */
#ifndef AX_HOST_RESOLVER_H
#define AX_HOST_RESOLVER_H

#include "base/alloc.h"
#include "base/err.h"
#include "base/str.h"
#include "host/address.h"
#include "loop/loop.h"
#include "loop/op.h"

#define AX_RESOLVE_ADDRESSES_MAX 64

struct ax_resolver;

/* `servers`: "ip", "ip:port" or "[ip6]:port", comma list; empty: the system's. *ret_resolver is
 * yours: ax_resolver_free(). Fails with AX_E_INVALID_REQUEST or AX_E_IO. */
AX_CHECKED enum ax_code ax_resolver_new(struct ax_loop *loop, struct ax_str servers,
                                        struct ax_resolver **ret_resolver, struct ax_err *err);
/* No lookup may be running. Handles close in later turns of the loop. NULL is fine. */
void ax_resolver_free(struct ax_resolver *resolver);
AX_AUTO_DEFINE(struct ax_resolver *, ax_resolver_free)

struct ax_resolve {
    struct ax_op op;
    const char *name; /* in: terminated, borrowed until on_done */

    /* Out: IPv4 first, each in the order of the answer. */
    struct ax_address addresses[AX_RESOLVE_ADDRESSES_MAX];
    size_t count;

    /* private */
    struct resolver_query *query;       /* while c-ares works on it */
    struct ax_resolve *next, *previous; /* while it waits for its turn to be asked */
    struct ax_resolver *queue;          /* NULL: it does not */
    struct ax_task task;
    enum ax_code result;
};

/* AX_OK: count >= 1 and both families were asked. AX_E_NOT_FOUND: no address. AX_E_TOO_BIG: more
 * addresses than fit (then none is given: all must be judged). AX_E_IO: no or a broken answer.
 * AX_E_CANCELED. The owner's timer is the deadline: cancel. */
void ax_resolve_start(struct ax_resolver *resolver, struct ax_resolve *resolve,
                      ax_op_done_fn *on_done, void *arg);

#endif

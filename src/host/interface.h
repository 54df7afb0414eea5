/* SPDX-License-Identifier: Apache-2.0 */
/* interface.h - what does one interface's file see of a call? (private to this folder) */
#ifndef AX_HOST_INTERFACE_H
#define AX_HOST_INTERFACE_H

#include "base/json.h"
#include "host/host.h"
#include "host/policy.h"
#include "http/client.h"

/* Largest payload and answer; a body of 8 MiB in base64 and its headers fit. */
#define HOST_MESSAGE_MAX (12u << 20)

/* One running call: made by call.c and handed to the function's `run`, which ends it exactly once
 * with host_work_finish(), at once or later. */
struct host_work {
    struct ax_host *host;
    struct ax_loop *loop;
    struct ax_http_client *client;
    struct host_policy *policy; /* a reference: the operator's words when the call began */
    struct ax_host_call *call;
    struct ax_json *json;             /* the payload */
    const struct ax_json_value *args; /* the function's arguments in it */
    bool wrapped;                     /* the answer stands in {"ok": ...} */
    struct ax_json_out out;           /* writes the answer */

    void *part;                              /* the function's own state */
    void (*cancel)(struct host_work *work);  /* hurries `part`; NULL: it has ended already */
    void (*release)(struct host_work *work); /* frees `part`; NULL: there is none */

    struct ax_task task; /* brings on_done */
    enum ax_code result;
};

struct host_function {
    struct ax_str interface;
    struct ax_str name;
    unsigned capability; /* one bit */
    void (*run)(struct host_work *work);
};

/* Around the answer's one value, which is written to work->out between them. */
void host_answer_begin(struct host_work *work);
void host_answer_end(struct host_work *work);
/* The whole answer {"err": name}: a failure that the function's own type knows. */
void host_answer_err(struct host_work *work, const char *name);

/* The call is over; on_done comes in a later turn. A number other than AX_HOST_OK, or an answer
 * that did not fit, drops what was written. */
void host_work_finish(struct host_work *work, enum ax_host_number number);

/* http_fetch.c, identity.c */
void host_http_fetch(struct host_work *work);
void host_context_get(struct host_work *work);
void host_config_get(struct host_work *work);
void host_config_list(struct host_work *work);
void host_user_get(struct host_work *work);
void host_user_v2_get(struct host_work *work);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* front_private.h - what do the front's own files share?
 *
 * front.c wires and unwires, front_http.c routes, front_status.c tells how it is. */
#ifndef AX_RUNNER_FRONT_PRIVATE_H
#define AX_RUNNER_FRONT_PRIVATE_H

#include "auth/service_token.h"
#include "base/settings.h"
#include "host/host.h"
#include "http/server.h"
#include "loop/channel.h"
#include "loop/loop.h"
#include "runner/execution.h"
#include "runner/unit.h"
#include "runner/worker_peer.h"

struct front {
    struct ax_loop loop;
    struct ax_channel *control;
    struct ax_http_server *server;        /* private: /v1, /metrics, health */
    struct ax_http_server *public_server; /* what strangers' browsers reach */
    struct ax_service_tokens *tokens;
    struct ax_host *host;
    struct ax_units units;
    struct ax_workers workers;
    struct ax_executions executions;
    struct ax_timer grace;
    uint32_t workers_wanted;
    uint32_t worker_slots;
    uint32_t drains_open; /* servers that are not empty yet */
    bool own_user;        /* roles run as users of their own */
    bool signing_off;
    bool draining;
    uint64_t warmups;
};

/* front_http.c: the servers' callbacks; arg is the struct front. */
void front_on_head(void *arg, struct ax_exchange *ex);
void front_on_request(void *arg, struct ax_exchange *ex);
void front_on_abort(void *arg, struct ax_exchange *ex);

/* front_status.c: each answers the exchange. */
void front_answer_health(const struct front *front, struct ax_exchange *ex);
void front_answer_ready(const struct front *front, struct ax_exchange *ex);
void front_answer_metrics(const struct front *front, struct ax_exchange *ex);

/* warmup.c: POST /v1/warmup; takes the exchange over. `ax_exchange_user` is the warm-up's. */
void front_warmup_start(struct front *front, struct ax_exchange *ex);
void front_warmup_abort(struct ax_exchange *ex);

#endif

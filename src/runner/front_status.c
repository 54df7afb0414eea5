/* SPDX-License-Identifier: Apache-2.0 */
/* front_status.c - how is this runner?
 *
 * Liveness says that the loop turns. Readiness says whether to send work here, and names everything
 * that is less than it should be. Metrics count, with labels from closed lists only. */
#include "base/json.h"
#include "base/metrics.h"
#include "runner/front_private.h"

#include <stdio.h>

#define STATUS_MAX  (64u << 10)
#define METRICS_MAX (256u << 10)

static void answer_text(struct ax_exchange *ex, int status, struct ax_str type, struct ax_buf *buf)
{
    const struct ax_http_header headers[] = {
        { AX_STR("content-type"), type },
        { AX_STR("cache-control"), AX_STR("no-store") },
    };

    if (buf->failed != AX_OK)
        ax_exchange_fail(ex, AX_E_INTERNAL, NULL, 0);
    else
        ax_exchange_answer_buf(ex, status, headers, AX_ARRAY_LEN(headers), buf);
    ax_buf_done(buf);
}

void front_answer_health(const struct front *front, struct ax_exchange *ex)
{
    struct ax_buf buf;

    (void)front;
    ax_buf_init(&buf, STATUS_MAX);
    ax_buf_append_str(&buf, AX_STR("{\"alive\":true}"));
    answer_text(ex, 200, AX_STR("application/json"), &buf);
}

static void put_degradations(struct ax_json_out *out, const struct front *front)
{
    const struct {
        bool holds;
        const char *name;
    } list[] = {
        { !front->units.loader, "loader_restarting" },
        { ax_workers_up(&front->workers) < front->workers_wanted, "workers_missing" },
        { !front->own_user, "roles_share_one_user" },
        { front->signing_off, "signing_policy_off" },
        { ax_workers_mapping_slots(&front->workers) < front->worker_slots, "mappings_limit_slots" },
        { !ax_host_egress_is_open(front->host), "egress_closed" },
    };

    ax_json_key(out, "degraded");
    ax_json_begin_array(out);
    for (size_t i = 0; i < AX_ARRAY_LEN(list); i++) {
        if (list[i].holds)
            ax_json_put_str(out, ax_str_of(list[i].name));
    }
    ax_json_end_array(out);
}

static void put_number(struct ax_json_out *out, const char *key, uint64_t value)
{
    ax_json_key(out, key);
    ax_json_put_u64(out, value);
}

void front_answer_ready(const struct front *front, struct ax_exchange *ex)
{
    uint32_t up = ax_workers_up(&front->workers);
    bool ready = up > 0 && front->units.loader && !front->draining;
    struct ax_buf buf;
    struct ax_json_out out;

    ax_buf_init(&buf, STATUS_MAX);
    ax_json_out_init(&out, &buf);
    ax_json_begin_object(&out);
    ax_json_key(&out, "ready");
    ax_json_put_bool(&out, ready);
    ax_json_key(&out, "draining");
    ax_json_put_bool(&out, front->draining);
    put_number(&out, "workers", up);
    put_number(&out, "workers_wanted", front->workers_wanted);
    put_number(&out, "executions", front->executions.admission.in_flight);
    put_number(&out, "executions_max", ax_workers_capacity(&front->workers));
    put_number(&out, "worker_slots_by_mappings", ax_workers_mapping_slots(&front->workers));
    put_degradations(&out, front);
    ax_json_end_object(&out);
    answer_text(ex, ready ? 200 : 503, AX_STR("application/json"), &buf);
}

static void put_outcomes(struct ax_buf *buf, const struct front *front)
{
    struct ax_metric rows[AX_CODE_COUNT];
    char labels[AX_CODE_COUNT][64];

    for (int code = 0; code < AX_CODE_COUNT; code++) {
        snprintf(labels[code], sizeof(labels[code]), "code=\"%s\"",
                 ax_code_info((enum ax_code)code)->name);
        rows[code] = (struct ax_metric){
            .name = "annex_runner_executions_total",
            .label = labels[code],
            .help = "Executions that ended, by how they ended.",
            .type = AX_COUNTER,
            .value = front->executions.outcomes[code],
        };
    }
    (void)ax_metrics_write(buf, rows, AX_CODE_COUNT);
}

void front_answer_metrics(const struct front *front, struct ax_exchange *ex)
{
    struct ax_http_server_stats http = ax_http_server_stats(front->server);
    const struct ax_metric rows[] = {
        { "annex_runner_executions_in_flight",
          NULL,
          "Executions under way.",
          AX_GAUGE,
          front->executions.admission.in_flight,
          0,
          { 0 } },
        { "annex_runner_executions_queued",
          NULL,
          "Executions that wait for admission.",
          AX_GAUGE,
          front->executions.admission.queued,
          0,
          { 0 } },
        { "annex_runner_workers",
          NULL,
          "Workers that can run guests.",
          AX_GAUGE,
          ax_workers_up(&front->workers),
          0,
          { 0 } },
        { "annex_runner_workers_lost_total",
          NULL,
          "Workers that ended.",
          AX_COUNTER,
          front->workers.lost,
          0,
          { 0 } },
        { "annex_runner_units",
          NULL,
          "Bundles at hand.",
          AX_GAUGE,
          front->units.map.count,
          0,
          { 0 } },
        { "annex_runner_unit_bytes",
          NULL,
          "Machine code at hand, in bytes.",
          AX_GAUGE,
          front->units.bytes,
          0,
          { 0 } },
        { "annex_runner_builds_total",
          NULL,
          "Bundles that were unpacked, checked and compiled.",
          AX_COUNTER,
          front->units.builds,
          0,
          { 0 } },
        { "annex_runner_cache_hits_total",
          NULL,
          "Bundles that were found in the cache.",
          AX_COUNTER,
          front->units.cache_hits,
          0,
          { 0 } },
        { "annex_runner_warmups_total",
          NULL,
          "Warm-ups asked for.",
          AX_COUNTER,
          front->warmups,
          0,
          { 0 } },
        { "annex_runner_signing_off",
          NULL,
          "1 when SIGNING_POLICY is off.",
          AX_GAUGE,
          front->signing_off,
          0,
          { 0 } },
        { "annex_http_connections",
          NULL,
          "Open connections.",
          AX_GAUGE,
          http.connections,
          0,
          { 0 } },
        { "annex_http_accepted_total",
          NULL,
          "Connections accepted.",
          AX_COUNTER,
          http.accepted,
          0,
          { 0 } },
        { "annex_http_refused_total",
          NULL,
          "Connections over a cap.",
          AX_COUNTER,
          http.refused,
          0,
          { 0 } },
        { "annex_http_starved_total",
          NULL,
          "Connections without a descriptor.",
          AX_COUNTER,
          http.starved,
          0,
          { 0 } },
        { "annex_http_requests_total",
          NULL,
          "Requests that reached a route.",
          AX_COUNTER,
          http.requests,
          0,
          { 0 } },
        { "annex_http_malformed_total",
          NULL,
          "Requests refused as malformed.",
          AX_COUNTER,
          http.malformed,
          0,
          { 0 } },
        { "annex_http_timeouts_total",
          NULL,
          "Requests that were too slow.",
          AX_COUNTER,
          http.timeouts,
          0,
          { 0 } },
        { "annex_http_aborted_total",
          NULL,
          "Requests whose client went away.",
          AX_COUNTER,
          http.aborted,
          0,
          { 0 } },
    };
    struct ax_buf buf;

    ax_buf_init(&buf, METRICS_MAX);
    put_outcomes(&buf, front);
    (void)ax_metrics_write(&buf, &front->executions.latency, 1);
    (void)ax_metrics_write(&buf, rows, AX_ARRAY_LEN(rows));
    answer_text(ex, 200, AX_STR("text/plain; version=0.0.4"), &buf);
}

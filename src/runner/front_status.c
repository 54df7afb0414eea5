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
        { !front->units.cache_writable, "cache_not_writable" },
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
    bool ready = up > 0 && front->units.loader && front->units.cache_writable && !front->draining;
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

static void put_row(struct ax_buf *buf, enum ax_metric_type type, const char *name, uint64_t value,
                    const char *help)
{
    const struct ax_metric row = { .name = name, .help = help, .type = type, .value = value };

    (void)ax_metrics_write(buf, &row, 1);
}

static void put_gauge(struct ax_buf *buf, const char *name, uint64_t value, const char *help)
{
    put_row(buf, AX_GAUGE, name, value, help);
}

static void put_counter(struct ax_buf *buf, const char *name, uint64_t value, const char *help)
{
    put_row(buf, AX_COUNTER, name, value, help);
}

static void put_runner(struct ax_buf *buf, const struct front *front)
{
    put_gauge(buf, "annex_runner_executions_in_flight", front->executions.admission.in_flight,
              "Executions under way.");
    put_gauge(buf, "annex_runner_executions_queued", front->executions.admission.queued,
              "Executions that wait for admission.");
    put_gauge(buf, "annex_runner_workers", ax_workers_up(&front->workers),
              "Workers that can run guests.");
    put_counter(buf, "annex_runner_workers_lost_total", front->workers.lost, "Workers that ended.");
    put_gauge(buf, "annex_runner_units", front->units.map.count, "Bundles at hand.");
    put_gauge(buf, "annex_runner_unit_bytes", front->units.bytes,
              "Machine code at hand, in bytes.");
    put_counter(buf, "annex_runner_builds_total", front->units.builds,
                "Bundles that were unpacked, checked and compiled.");
    put_counter(buf, "annex_runner_cache_hits_total", front->units.cache_hits,
                "Bundles that were found in the cache.");
    put_counter(buf, "annex_runner_warmups_total", front->warmups, "Warm-ups asked for.");
    put_gauge(buf, "annex_runner_signing_off", front->signing_off, "1 when SIGNING_POLICY is off.");
}

static void put_http(struct ax_buf *buf, const struct front *front)
{
    struct ax_http_server_stats http = ax_http_server_stats(front->server);

    put_gauge(buf, "annex_http_connections", http.connections, "Open connections.");
    put_counter(buf, "annex_http_accepted_total", http.accepted, "Connections accepted.");
    put_counter(buf, "annex_http_refused_total", http.refused, "Connections over a cap.");
    put_counter(buf, "annex_http_starved_total", http.starved, "Connections without a descriptor.");
    put_counter(buf, "annex_http_requests_total", http.requests, "Requests that reached a route.");
    put_counter(buf, "annex_http_malformed_total", http.malformed,
                "Requests refused as malformed.");
    put_counter(buf, "annex_http_timeouts_total", http.timeouts, "Requests that were too slow.");
    put_counter(buf, "annex_http_aborted_total", http.aborted, "Requests whose client went away.");
}

void front_answer_metrics(const struct front *front, struct ax_exchange *ex)
{
    struct ax_buf buf;

    ax_buf_init(&buf, METRICS_MAX);
    put_outcomes(&buf, front);
    (void)ax_metrics_write(&buf, &front->executions.latency, 1);
    put_runner(&buf, front);
    put_http(&buf, front);
    answer_text(ex, 200, AX_STR("text/plain; version=0.0.4"), &buf);
}

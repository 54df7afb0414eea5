/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_test.c - is the table what Prometheus reads? */
#include "base/metrics.h"
#include "base/test.h"

TEST(metrics_write_counters_and_gauges)
{
    struct ax_metric table[] = {
        { .name = "annex_runs_total",
          .label = "result=\"ok\"",
          .help = "Runs.",
          .type = AX_COUNTER },
        { .name = "annex_runs_total",
          .label = "result=\"bad\"",
          .help = "Runs.",
          .type = AX_COUNTER },
        { .name = "annex_open", .help = "Open connections.", .type = AX_GAUGE },
    };
    AX_AUTO_BUF struct ax_buf buf = { .max = 10000 };

    ax_metric_add(&table[0], 2);
    ax_metric_add(&table[0], 3);
    ax_metric_set(&table[2], 9);
    ax_metric_set(&table[2], 7);
    T_OK(ax_metrics_write(&buf, table, AX_ARRAY_LEN(table)));
    T_STR(ax_buf_str(&buf), AX_STR("# HELP annex_runs_total Runs.\n"
                                   "# TYPE annex_runs_total counter\n"
                                   "annex_runs_total{result=\"ok\"} 5\n"
                                   "annex_runs_total{result=\"bad\"} 0\n"
                                   "# HELP annex_open Open connections.\n"
                                   "# TYPE annex_open gauge\n"
                                   "annex_open 7\n"));
}

static void has(struct ax_buf *buf, const char *line)
{
    if (!memmem(buf->ptr, buf->len, line, strlen(line)))
        fail_msg("no '%s' in\n%.*s", line, (int)buf->len, buf->ptr);
}

TEST(metrics_write_histograms)
{
    struct ax_metric metric = { .name = "annex_time_seconds",
                                .help = "Time.",
                                .type = AX_HISTOGRAM };
    AX_AUTO_BUF struct ax_buf buf = { .max = 10000 };

    ax_metric_observe_us(&metric, 0);
    ax_metric_observe_us(&metric, 64);
    ax_metric_observe_us(&metric, 65);
    ax_metric_observe_us(&metric, 2097152); /* the last bucket's bound */
    ax_metric_observe_us(&metric, 2097153);
    T_OK(ax_metrics_write(&buf, &metric, 1));
    has(&buf, "# TYPE annex_time_seconds histogram\n");
    has(&buf, "annex_time_seconds_bucket{le=\"0.000064\"} 2\n");
    has(&buf, "annex_time_seconds_bucket{le=\"0.000128\"} 3\n");
    has(&buf, "annex_time_seconds_bucket{le=\"1.048576\"} 3\n");
    has(&buf, "annex_time_seconds_bucket{le=\"2.097152\"} 4\n");
    has(&buf, "annex_time_seconds_bucket{le=\"+Inf\"} 5\n");
    has(&buf, "annex_time_seconds_sum 4.194434\n");
    has(&buf, "annex_time_seconds_count 5\n");
}

TEST(metrics_write_histograms_with_labels)
{
    struct ax_metric metric = {
        .name = "t", .label = "a=\"b\"", .help = "T.", .type = AX_HISTOGRAM
    };
    AX_AUTO_BUF struct ax_buf buf = { .max = 10000 };

    ax_metric_observe_us(&metric, 1500000);
    T_OK(ax_metrics_write(&buf, &metric, 1));
    has(&buf, "t_bucket{a=\"b\",le=\"1.048576\"} 0\n");
    has(&buf, "t_bucket{a=\"b\",le=\"2.097152\"} 1\n");
    has(&buf, "t_bucket{a=\"b\",le=\"+Inf\"} 1\n");
    has(&buf, "t_sum{a=\"b\"} 1.500000\n");
    has(&buf, "t_count{a=\"b\"} 1\n");
}

TEST(metrics_fail_with_their_buffer)
{
    struct ax_metric metric = { .name = "t", .help = "T.", .type = AX_GAUGE };
    AX_AUTO_BUF struct ax_buf buf = { .max = 10 };

    T_CODE(ax_metrics_write(&buf, &metric, 1), AX_E_TOO_BIG);
    T_SWEEP() {
        AX_AUTO_BUF struct ax_buf roomy = { .max = 1000 };

        enum ax_code code = ax_metrics_write(&roomy, &metric, 1);

        T_CODE(code, ax_fault_hit() ? AX_E_NO_MEMORY : AX_OK);
    }
    ax_buf_clear(&buf);
    T_OK(ax_metrics_write(&buf, NULL, 0));
}

TEST_MAIN()

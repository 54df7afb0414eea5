/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.c - how do counters become Prometheus' text? */
#include "base/metrics.h"

#include <inttypes.h>
#include <string.h>

#define METRICS_FIRST_BUCKET_US 64U

/* Bucket `i` counts what took up to 64 us * 2^i; what took longer is in the count alone. */
void ax_metric_observe_us(struct ax_metric *metric, uint64_t us)
{
    size_t bucket = 0;

    while (bucket < AX_METRIC_BUCKETS && us > (uint64_t)METRICS_FIRST_BUCKET_US << bucket)
        bucket++;
    if (bucket < AX_METRIC_BUCKETS)
        metric->buckets[bucket]++;
    metric->value++;
    metric->sum_us += us;
}

static void metrics_write_head(struct ax_buf *buf, const struct ax_metric *metric)
{
    static const char *const types[] = {
        [AX_COUNTER] = "counter", [AX_GAUGE] = "gauge", [AX_HISTOGRAM] = "histogram"
    };

    (void)ax_buf_printf(buf, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help,
                        metric->name, types[metric->type]);
}

static void metrics_write_value(struct ax_buf *buf, const struct ax_metric *metric)
{
    const char *label = metric->label ? metric->label : "";

    (void)ax_buf_printf(buf, "%s%s%s%s %" PRIu64 "\n", metric->name, *label ? "{" : "", label,
                        *label ? "}" : "", metric->value);
}

static void metrics_write_histogram(struct ax_buf *buf, const struct ax_metric *metric)
{
    const char *label = metric->label ? metric->label : "";
    const char *comma = *label ? "," : "";
    const char *open = *label ? "{" : "";
    const char *close = *label ? "}" : "";
    uint64_t below = 0;

    for (size_t i = 0; i < AX_METRIC_BUCKETS; i++) {
        uint64_t us = (uint64_t)METRICS_FIRST_BUCKET_US << i;

        below += metric->buckets[i];
        (void)ax_buf_printf(buf, "%s_bucket{%s%sle=\"%" PRIu64 ".%06" PRIu64 "\"} %" PRIu64 "\n",
                            metric->name, label, comma, us / 1000000, us % 1000000, below);
    }
    (void)ax_buf_printf(buf, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", metric->name, label, comma,
                        metric->value);
    (void)ax_buf_printf(buf, "%s_sum%s%s%s %" PRIu64 ".%06" PRIu64 "\n", metric->name, open, label,
                        close, metric->sum_us / 1000000, metric->sum_us % 1000000);
    (void)ax_buf_printf(buf, "%s_count%s%s%s %" PRIu64 "\n", metric->name, open, label, close,
                        metric->value);
}

enum ax_code ax_metrics_write(struct ax_buf *buf, const struct ax_metric *metrics, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || strcmp(metrics[i].name, metrics[i - 1].name) != 0)
            metrics_write_head(buf, &metrics[i]);
        if (metrics[i].type == AX_HISTOGRAM)
            metrics_write_histogram(buf, &metrics[i]);
        else
            metrics_write_value(buf, &metrics[i]);
    }
    return buf->failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.h - how much of what, for Prometheus?
 *
 * One table of a program's metrics, known at compile time: labels come from closed lists, never
 * from a caller, so the number of series is bounded. One thread; counters are plain adds. */
#ifndef AX_BASE_METRICS_H
#define AX_BASE_METRICS_H

#include "base/buf.h"

#include <stdint.h>

enum ax_metric_type { AX_COUNTER, AX_GAUGE, AX_HISTOGRAM };

#define AX_METRIC_BUCKETS 16

struct ax_metric {
    const char *name;  /* "annex_runner_executions_total" */
    const char *label; /* one label's "name=\"value\"" of a closed list, or NULL */
    const char *help;  /* one sentence */
    enum ax_metric_type type;
    uint64_t value;                      /* counter, gauge; a histogram's count */
    uint64_t sum_us;                     /* histogram, microseconds */
    uint64_t buckets[AX_METRIC_BUCKETS]; /* histogram: powers of two from 64 us */
};

static inline void ax_metric_add(struct ax_metric *metric, uint64_t delta)
{
    metric->value += delta;
}
static inline void ax_metric_set(struct ax_metric *metric, uint64_t value)
{
    metric->value = value;
}
void ax_metric_observe_us(struct ax_metric *metric, uint64_t us);

/* Appends the table in Prometheus' text format; rows of one name stand together. */
enum ax_code ax_metrics_write(struct ax_buf *buf, const struct ax_metric *metrics, size_t count);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* op.c - what is an operation? The rules stand in op.h. */
#include "loop/op.h"

#include <assert.h>

void ax_op_begin(struct ax_op *op, ax_op_done_fn *on_done, void *arg,
                 void (*on_cancel)(struct ax_op *op))
{
    assert(!op->running);
    *op = (struct ax_op){ .on_done = on_done, .arg = arg, .on_cancel = on_cancel, .running = true };
}

void ax_op_complete(struct ax_op *op, enum ax_code code)
{
    assert(op->running);
    op->running = false;
    op->on_done(code, op->arg); /* may free what the operation lives in: nothing comes after */
}

void ax_op_cancel(struct ax_op *op)
{
    if (!op->running || op->canceled)
        return;
    op->canceled = true;
    if (op->on_cancel)
        op->on_cancel(op);
}

bool ax_op_is_running(const struct ax_op *op)
{
    return op->running;
}

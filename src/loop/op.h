/* SPDX-License-Identifier: Apache-2.0 */
/* op.h - what is an operation?
 *
 * A struct ax_op is embedded in the struct of every asynchronous operation. The rules:
 *  1. Starting cannot fail: what is wrong is told by the callback.
 *  2. on_done comes exactly once, also when canceled, never from inside the call that started it or
 *     from inside ax_op_cancel(), and on the loop that started it.
 *  3. After on_done the operation's memory is the owner's again; nothing of ours points to it.
 *  4. ax_op_cancel() asks to hurry; on_done still comes, with AX_E_CANCELED unless it was done. */
#ifndef AX_LOOP_OP_H
#define AX_LOOP_OP_H

#include "base/err.h"

typedef void ax_op_done_fn(enum ax_code code, void *arg);

struct ax_op {
    ax_op_done_fn *on_done;
    void *arg;
    void (*on_cancel)(struct ax_op *op); /* NULL: cannot hurry */
    bool running;
    bool canceled;
};

/* For implementers: called first thing by a start function. */
void ax_op_begin(struct ax_op *op, ax_op_done_fn *on_done, void *arg,
                 void (*on_cancel)(struct ax_op *op));
/* For implementers: the operation is over. Asserts that it was running. */
void ax_op_complete(struct ax_op *op, enum ax_code code);

/* For owners. Nothing happens when the operation is not running or was canceled before. */
void ax_op_cancel(struct ax_op *op);
bool ax_op_is_running(const struct ax_op *op);

#endif

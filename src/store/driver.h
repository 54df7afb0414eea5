/* SPDX-License-Identifier: Apache-2.0 */
/* driver.h - what must a kind of store bring?
 *
 * The functions behind store.h. A driver gets a struct ax_store_get or ax_store_put whose question is
 * set, whose answer is empty and whose operation has not begun: it begins and completes it. */
#ifndef AX_STORE_DRIVER_H
#define AX_STORE_DRIVER_H

#include "store/store.h"

struct ax_store_driver {
    void (*get)(struct ax_store *store, struct ax_store_get *get, ax_op_done_fn *on_done,
                void *arg);
    void (*head)(struct ax_store *store, struct ax_store_get *get, ax_op_done_fn *on_done,
                 void *arg);
    void (*put)(struct ax_store *store, struct ax_store_put *put, ax_op_done_fn *on_done,
                void *arg);
    void (*free)(struct ax_store *store);
};

struct ax_store { /* the first member of a driver's own struct */
    const struct ax_store_driver *driver;
    struct ax_loop *loop;
};

#endif

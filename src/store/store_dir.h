/* SPDX-License-Identifier: Apache-2.0 */
/* store_dir.h - what do the two halves of a folder store share? */
#ifndef AX_STORE_STORE_DIR_H
#define AX_STORE_STORE_DIR_H

#include "store/driver.h"

#define DIR_UNFINISHED ".put" /* folder of objects that are being written, below the store's */

struct dir_store {
    struct ax_store store;
    int dir_fd;
};

enum ax_code dir_put_run(void *arg); /* what dir_put() has done on a thread */
void dir_put(struct ax_store *store, struct ax_store_put *put, ax_op_done_fn *on_done, void *arg);

#endif

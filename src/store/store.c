/* SPDX-License-Identifier: Apache-2.0 */
/* store.c - which object is meant, whatever holds it? */
#include "store/store.h"

#include "base/base64.h"
#include "store/driver.h"

#include <stdio.h>
#include <string.h>

static const char *const object_files[] = {
    [AX_STORE_BUNDLE] = "bundle.tar.zst",
    [AX_STORE_ENVELOPE] = "bundle.dsse.json",
};

void ax_store_object_name(enum ax_store_object object, const uint8_t hash[AX_STORE_HASH],
                          char room[AX_STORE_NAME_MAX])
{
    char hex[2 * AX_STORE_HASH];

    ax_hex_encode(hex, hash, AX_STORE_HASH);
    snprintf(room, AX_STORE_NAME_MAX, "sha256/%.*s/%s", (int)sizeof(hex), hex,
             object_files[object]);
}

static void get_ask(struct ax_store_get *get, struct ax_store *store, enum ax_store_object object,
                    const uint8_t hash[AX_STORE_HASH], uint64_t max)
{
    *get = (struct ax_store_get){ .store = store, .object = object, .max = max, .fd = -1 };
    memcpy(get->hash, hash, AX_STORE_HASH);
}

void ax_store_get(struct ax_store *store, struct ax_store_get *get, enum ax_store_object object,
                  const uint8_t hash[AX_STORE_HASH], uint64_t max, ax_op_done_fn *on_done,
                  void *arg)
{
    get_ask(get, store, object, hash, max);
    store->driver->get(store, get, on_done, arg);
}

void ax_store_head(struct ax_store *store, struct ax_store_get *get, enum ax_store_object object,
                   const uint8_t hash[AX_STORE_HASH], ax_op_done_fn *on_done, void *arg)
{
    get_ask(get, store, object, hash, UINT64_MAX);
    store->driver->head(store, get, on_done, arg);
}

static void put_ask(struct ax_store_put *put, struct ax_store *store, enum ax_store_object object,
                    const uint8_t hash[AX_STORE_HASH], int fd, uint64_t size)
{
    *put = (struct ax_store_put){ .store = store, .object = object, .fd = fd, .size = size };
    memcpy(put->hash, hash, AX_STORE_HASH);
}

void ax_store_put(struct ax_store *store, struct ax_store_put *put, enum ax_store_object object,
                  const uint8_t hash[AX_STORE_HASH], int fd, uint64_t size, ax_op_done_fn *on_done,
                  void *arg)
{
    put_ask(put, store, object, hash, fd, size);
    store->driver->put(store, put, on_done, arg);
}

void ax_store_replace(struct ax_store *store, struct ax_store_put *put, enum ax_store_object object,
                      const uint8_t hash[AX_STORE_HASH], const uint8_t match[AX_STORE_HASH], int fd,
                      uint64_t size, ax_op_done_fn *on_done, void *arg)
{
    put_ask(put, store, object, hash, fd, size);
    put->replace = true;
    memcpy(put->match, match, AX_STORE_HASH);
    store->driver->put(store, put, on_done, arg);
}

void ax_store_get_done(struct ax_store_get *get)
{
    ax_fd_close(&get->fd);
}

void ax_store_free(struct ax_store *store)
{
    if (store)
        store->driver->free(store);
}

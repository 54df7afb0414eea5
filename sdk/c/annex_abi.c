/* SPDX-License-Identifier: Apache-2.0 */
/* annex_abi.c - what does the host call?
 * The two functions that runtime core@1 asks of a module. dealloc is left out: memory lives as long
 * as its request. */
#include "annex.h"

#define EXPORT(name) __attribute__((export_name(name)))

EXPORT("alloc") void *annex_abi_alloc(uint32_t size);
EXPORT("handler") int32_t annex_abi_handler(const char *ptr, uint32_t len, uint32_t *slot);

void *annex_abi_alloc(uint32_t size)
{
    return annex_alloc(size);
}

int32_t annex_abi_handler(const char *ptr, uint32_t len, uint32_t *slot)
{
    const struct annex_request request = { .json = { ptr, len } };
    struct annex_response response = {
        .status = 200,
        .content_type = ANNEX_STR("application/json"),
    };

    annex_handle(&request, &response);
    annex_answer(&response, slot);
    return 0;
}

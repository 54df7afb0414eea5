/* SPDX-License-Identifier: Apache-2.0 */
/* random.c - what can nobody guess? */
#include "crypto/random.h"

#include "crypto/internal.h"

#include <errno.h>
#include <sys/random.h>
#include <sys/types.h>

void ax_random(void *bytes, size_t len)
{
    char *at = bytes;

    while (len > 0) {
        ssize_t got = getrandom(at, len < 256 ? len : 256, 0);

        if (got < 0 && errno == EINTR)
            continue;
        ax_crypto_must(got > 0, "getrandom");
        at += got;
        len -= (size_t)got;
    }
}

uint64_t ax_random_u64(void)
{
    uint64_t value;

    ax_random(&value, sizeof(value));
    return value;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* random.h - what can nobody guess? */
#ifndef AX_CRYPTO_RANDOM_H
#define AX_CRYPTO_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the kernel's generator (getrandom). Aborts when the kernel refuses. */
void ax_random(void *bytes, size_t len);
uint64_t ax_random_u64(void);

#endif

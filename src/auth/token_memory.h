/* SPDX-License-Identifier: Apache-2.0 */
/* token_memory.h - did we verify this very token a moment ago?
 *
 * The claims of verified tokens by the SHA-256 of the token's bytes, until `exp` and for at most
 * AX_TOKEN_MEMORY_S; the least recently used go first. All are forgotten when the keys change. A
 * memory belongs to one set of rules and one thread. Tokens themselves are not kept. */
#ifndef AX_AUTH_TOKEN_MEMORY_H
#define AX_AUTH_TOKEN_MEMORY_H

#include "auth/jwt.h"

#define AX_TOKEN_MEMORY_S 60

struct ax_token_memory;

/* Never holds more than `count_max` tokens (at least 1) nor `bytes_max` bytes of claims. */
struct ax_token_memory *ax_token_memory_new(size_t count_max, size_t bytes_max);
void ax_token_memory_free(struct ax_token_memory *memory);
AX_AUTO_DEFINE(struct ax_token_memory *, ax_token_memory_free)

/* ax_jwt_verify() with a memory: same promise, same failures; refusals are not remembered. */
AX_CHECKED enum ax_code ax_token_memory_verify(struct ax_token_memory *memory, struct ax_str token,
                                               const struct ax_jwks *keys,
                                               const struct ax_jwt_rules *rules, int64_t now_s,
                                               struct ax_claims **ret_claims, struct ax_err *err);

void ax_token_memory_forget(struct ax_token_memory *memory); /* all */
size_t ax_token_memory_count(const struct ax_token_memory *memory);
size_t ax_token_memory_bytes(const struct ax_token_memory *memory);
uint64_t ax_token_memory_hits(const struct ax_token_memory *memory); /* since it was made */

#endif

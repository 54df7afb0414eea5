/* SPDX-License-Identifier: Apache-2.0 */
/* trust.h - whose signature counts?
 *
 * A trust bundle is PEM: PUBLIC KEY blocks, and CERTIFICATE blocks that count as their key until
 * notAfter. Revocations (keys, bundle hashes) are added by whoever learns of them. The object has
 * no lock: build a new one, or change it on the thread that reads it. */
#ifndef AX_BUNDLE_TRUST_H
#define AX_BUNDLE_TRUST_H

#include "base/alloc.h"
#include "base/err.h"
#include "base/str.h"
#include "bundle/digest.h"
#include "crypto/key.h"

#include <stdint.h>

#define AX_TRUST_BYTES_MAX   (256u << 10)
#define AX_TRUST_KEYS_MAX    64
#define AX_TRUST_REVOKED_MAX (1u << 20)
#define AX_TRUST_SKEW_S      60 /* how wrong the clocks of this machine and the signer may be */

struct ax_trust;

/* Reads PEM text. A block of another kind, a key that is refused, one key twice, or no key at all
 * refuses the whole: AX_E_INVALID_REQUEST. `pem` is borrowed for the call; *ret_trust is yours. */
AX_CHECKED enum ax_code ax_trust_parse(struct ax_str pem, struct ax_trust **ret_trust,
                                       struct ax_err *err);
/* The value of SIGNING_TRUST_BUNDLE: PEM text, or the path of a file with it. Blocks on the file;
 * also AX_E_IO. */
AX_CHECKED enum ax_code ax_trust_load(struct ax_str pem_or_path, struct ax_trust **ret_trust,
                                      struct ax_err *err);
/* No keys at all: trusts nobody, but knows revocations (SIGNING_POLICY=off). */
struct ax_trust *ax_trust_new_empty(void);
void ax_trust_free(struct ax_trust *trust);
AX_AUTO_DEFINE(struct ax_trust *, ax_trust_free)

/* Idempotent. AX_E_INVALID_REQUEST when `key_id` is not 64 lower hex, AX_E_TOO_BIG. */
AX_CHECKED enum ax_code ax_trust_revoke_key(struct ax_trust *trust, struct ax_str key_id);
AX_CHECKED enum ax_code ax_trust_revoke_hash(struct ax_trust *trust, const struct ax_digest *hash);
bool ax_trust_is_key_revoked(const struct ax_trust *trust, struct ax_str key_id);
bool ax_trust_is_hash_revoked(const struct ax_trust *trust, const struct ax_digest *hash);

struct ax_trust_key {
    const struct ax_public_key *key;
    int64_t not_after_s; /* of its certificate; INT64_MAX for a bare key */
};
size_t ax_trust_key_count(const struct ax_trust *trust);
const struct ax_trust_key *ax_trust_key(const struct ax_trust *trust, size_t index);
/* By id, whatever its validity; NULL when there is none. */
const struct ax_trust_key *ax_trust_find(const struct ax_trust *trust, struct ax_str key_id);

#endif

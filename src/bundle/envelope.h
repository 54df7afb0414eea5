/* SPDX-License-Identifier: Apache-2.0 */
/* envelope.h - who vouches for these bytes, and until when?
 *
 * A DSSE envelope around one statement about one bundle. The statement's JSON has exactly the fields
 * below, each in one spelling; the signature covers the payload's bytes as they are, so nothing is
 * ever brought into a canonical form. The key decides the algorithm, no field does. */
#ifndef AX_BUNDLE_ENVELOPE_H
#define AX_BUNDLE_ENVELOPE_H

#include "base/alloc.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "bundle/digest.h"
#include "bundle/manifest.h"
#include "bundle/trust.h"
#include "crypto/key.h"

#include <stdbool.h>
#include <stdint.h>

#define AX_ENVELOPE_TYPE           "application/vnd.annex.bundle+json"
#define AX_ENVELOPE_PURPOSE        "annex-bundle-v1"
#define AX_ENVELOPE_BYTES_MAX      (16u << 10)
#define AX_ENVELOPE_SIGNATURES_MAX 8

struct ax_statement {
    char name[AX_MANIFEST_NAME_MAX + 1]; /* of the extension */
    char version[AX_MANIFEST_VERSION_MAX + 1];
    struct ax_digest content_hash;
    uint64_t size;             /* of the bundle in bytes */
    struct ax_digest manifest; /* SHA-256 of manifest.json */
    bool has_entry;
    struct ax_digest entry; /* SHA-256 of the module, whatever its path */
    int64_t created_s;      /* Unix time */
    int64_t expires_s;      /* 0: never */
};

struct ax_envelope;

/* A statement, not yet signed by anybody. AX_E_INVALID_REQUEST when it could not be read back. */
AX_CHECKED enum ax_code ax_envelope_new(const struct ax_statement *statement,
                                        struct ax_envelope **ret_envelope, struct ax_err *err);
/* Strict: exact members, no more than AX_ENVELOPE_SIGNATURES_MAX signatures and at least one, one
 * per key id, each of 64 bytes. Fails with AX_E_INVALID_BUNDLE, AX_E_TOO_BIG, AX_E_NO_MEMORY. */
AX_CHECKED enum ax_code ax_envelope_parse(struct ax_str json, struct ax_envelope **ret_envelope,
                                          struct ax_err *err);
void ax_envelope_free(struct ax_envelope *envelope);
AX_AUTO_DEFINE(struct ax_envelope *, ax_envelope_free)

/* Adds a signature, or replaces the one of the same key. AX_E_TOO_BIG when there is no room. */
AX_CHECKED enum ax_code ax_envelope_sign(struct ax_envelope *envelope,
                                         const struct ax_private_key *key, struct ax_err *err);
enum ax_code ax_envelope_write(const struct ax_envelope *envelope, struct ax_buf *buf);

const struct ax_statement *ax_envelope_statement(const struct ax_envelope *envelope);
size_t ax_envelope_signature_count(const struct ax_envelope *envelope);
struct ax_str ax_envelope_key_id(const struct ax_envelope *envelope, size_t index);

enum ax_signature_state {
    AX_SIGNATURE_GOOD,
    AX_SIGNATURE_UNKNOWN_KEY, /* not in the trust bundle: counts for nothing */
    AX_SIGNATURE_EXPIRED_KEY, /* its certificate ended: counts for nothing */
    AX_SIGNATURE_REVOKED_KEY, /* refuses the bundle */
    AX_SIGNATURE_BAD,         /* a trusted key, but not its signature: refuses the bundle */
};
const char *ax_signature_state_words(enum ax_signature_state state);
enum ax_signature_state ax_envelope_judge(const struct ax_envelope *envelope, size_t index,
                                          const struct ax_trust *trust, int64_t now_s);

/* True when `key` signed this envelope, whatever any trust bundle says: for whoever holds the
 * publisher's registered key. */
AX_CHECKED bool ax_envelope_is_signed_by(const struct ax_envelope *envelope,
                                         const struct ax_public_key *key);

/* May these bytes be opened? To be asked before anything is decompressed.
 *
 * `hash` and `size` are measured, not told: those of the bundle's bytes. Passes when the envelope is
 * well-formed, is about exactly them, has not expired, one trusted key signed it, no revoked one is
 * named, and neither is the hash. On AX_OK *ret_statement is filled; its file digests, name and
 * version are compared by ax_bundle_read(). Fails with AX_E_BUNDLE_REVOKED, AX_E_BUNDLE_REJECTED
 * (with the reason in words), AX_E_NO_MEMORY. Any thread; never blocks. */
AX_CHECKED enum ax_code ax_bundle_verify(const struct ax_digest *hash, uint64_t size,
                                         struct ax_str envelope, const struct ax_trust *trust,
                                         int64_t now_s, struct ax_statement *ret_statement,
                                         struct ax_err *err);

#endif

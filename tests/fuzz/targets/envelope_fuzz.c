/* SPDX-License-Identifier: Apache-2.0 */
/* envelope_fuzz.c - is an accepted envelope written back with the same meaning, and trusted by none
 * who trusts nobody? */
#include "bundle/envelope.h"

#include "fuzz.h"

#include <string.h>

static void check_statement(const struct ax_statement *statement)
{
    FUZZ_HOLDS(strlen(statement->name) <= AX_MANIFEST_NAME_MAX);
    FUZZ_HOLDS(strlen(statement->version) <= AX_MANIFEST_VERSION_MAX);
    FUZZ_HOLDS(statement->size <= 64u << 20);
    FUZZ_HOLDS(statement->expires_s == 0 || statement->expires_s > statement->created_s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AX_AUTO(ax_envelope_free) struct ax_envelope *envelope = NULL;
    AX_AUTO(ax_envelope_free) struct ax_envelope *again = NULL;
    AX_AUTO(ax_trust_free) struct ax_trust *nobody = ax_trust_new_empty();
    AX_AUTO_BUF struct ax_buf text = { .max = 4 * AX_ENVELOPE_BYTES_MAX };
    struct ax_str json = ax_str_make(data, size);
    struct ax_statement said;
    const struct ax_statement *statement;
    enum ax_code code = ax_envelope_parse(json, &envelope, NULL);

    FUZZ_HOLDS((code == AX_OK) == (envelope != NULL));
    if (code != AX_OK)
        return 0;
    statement = ax_envelope_statement(envelope);
    check_statement(statement);
    FUZZ_HOLDS(ax_bundle_verify(&statement->content_hash, statement->size, json, nobody, 0, &said,
                                NULL) == AX_E_BUNDLE_REJECTED);
    FUZZ_HOLDS(ax_envelope_write(envelope, &text) == AX_OK);
    FUZZ_HOLDS(ax_envelope_parse(ax_buf_str(&text), &again, NULL) == AX_OK);
    said = *ax_envelope_statement(again);
    FUZZ_HOLDS(strcmp(statement->name, said.name) == 0);
    FUZZ_HOLDS(ax_digest_eq(&statement->content_hash, &said.content_hash));
    FUZZ_HOLDS(statement->size == said.size && statement->expires_s == said.expires_s);
    FUZZ_HOLDS(ax_envelope_signature_count(envelope) == ax_envelope_signature_count(again));
    return 0;
}

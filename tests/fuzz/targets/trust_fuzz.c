/* SPDX-License-Identifier: Apache-2.0 */
/* trust_fuzz.c - is every key of an accepted trust bundle known by its id, and once? */
#include "bundle/trust.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AX_AUTO(ax_trust_free) struct ax_trust *trust = NULL;
    AX_AUTO_BUF struct ax_buf pem = { .max = 8 * AX_KEY_PEM_MAX };
    enum ax_code code = ax_trust_parse(ax_str_make(data, size), &trust, NULL);

    FUZZ_HOLDS((code == AX_OK) == (trust != NULL));
    if (code != AX_OK)
        return 0;
    FUZZ_HOLDS(ax_trust_key_count(trust) > 0 && ax_trust_key_count(trust) <= AX_TRUST_KEYS_MAX);
    for (size_t i = 0; i < ax_trust_key_count(trust); i++) {
        const struct ax_trust_key *key = ax_trust_key(trust, i);
        AX_AUTO(ax_public_key_free) struct ax_public_key *again = NULL;

        FUZZ_HOLDS(ax_trust_find(trust, ax_public_key_id(key->key)) == key);
        ax_buf_clear(&pem);
        FUZZ_HOLDS(ax_public_key_to_pem(key->key, &pem) == AX_OK);
        FUZZ_HOLDS(ax_public_key_from_pem(ax_buf_str(&pem), &again, NULL) == AX_OK);
        FUZZ_HOLDS(ax_str_eq(ax_public_key_id(again), ax_public_key_id(key->key)));
    }
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* digest.c - how is a content hash written? */
#include "bundle/digest.h"

#include "base/base64.h"
#include "crypto/sha256.h"

#include <string.h>

static const struct ax_str digest_prefix = AX_STR_INIT("sha256:");
static const struct ax_str digest_prefix_encoded = AX_STR_INIT("sha256%3a");

bool ax_digest_parse(struct ax_str text, struct ax_digest *ret_digest)
{
    char folded[80];
    struct ax_str hex = { folded, text.len };
    struct ax_digest digest;

    if (text.len > sizeof(folded))
        return false;
    for (size_t i = 0; i < text.len; i++)
        folded[i] = (char)(text.ptr[i] >= 'A' && text.ptr[i] <= 'Z' ? text.ptr[i] | 0x20
                                                                    : text.ptr[i]);
    if (ax_str_starts(hex, digest_prefix))
        hex = ax_str_from(hex, digest_prefix.len);
    else if (ax_str_starts(hex, digest_prefix_encoded))
        hex = ax_str_from(hex, digest_prefix_encoded.len);
    if (hex.len != AX_DIGEST_HEX_LEN || !ax_hex_decode(digest.bytes, sizeof(digest.bytes), hex))
        return false;
    *ret_digest = digest;
    return true;
}

bool ax_digest_parse_exact(struct ax_str text, struct ax_digest *ret_digest)
{
    struct ax_digest digest;

    if (text.len != AX_DIGEST_TEXT_LEN || !ax_str_starts(text, digest_prefix) ||
        !ax_hex_decode(digest.bytes, sizeof(digest.bytes), ax_str_from(text, digest_prefix.len)))
        return false;
    *ret_digest = digest;
    return true;
}

void ax_digest_hex(const struct ax_digest *digest, char room[AX_DIGEST_HEX_LEN + 1])
{
    ax_hex_encode(room, digest->bytes, sizeof(digest->bytes));
    room[AX_DIGEST_HEX_LEN] = '\0';
}

void ax_digest_print(const struct ax_digest *digest, char room[AX_DIGEST_TEXT_LEN + 1])
{
    memcpy(room, digest_prefix.ptr, digest_prefix.len);
    ax_digest_hex(digest, room + digest_prefix.len);
}

bool ax_digest_eq(const struct ax_digest *a, const struct ax_digest *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

struct ax_digest ax_digest_of(struct ax_str bytes)
{
    struct ax_digest digest;

    ax_sha256(bytes, digest.bytes);
    return digest;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* chars.h - which byte may stand where? (inside this folder) */
#ifndef AX_HTTP_CHARS_H
#define AX_HTTP_CHARS_H

#include <stdbool.h>
#include <stdint.h>

#define AX_HTTP_BYTE_TOKEN 1 /* in a token */
#define AX_HTTP_BYTE_VALUE 2 /* in a header's value */
#define AX_HTTP_BYTE_PLAIN 4 /* letters, digits, '-', '.', '_': host names, request ids */

extern const uint8_t ax_http_bytes[256];

static inline bool ax_http_is_hex(char byte)
{
    return (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'f');
}

static inline unsigned ax_http_hex_value(char byte) /* of a byte that is_hex */
{
    return byte <= '9' ? (unsigned)(byte - '0') : (unsigned)((byte | 0x20) - 'a') + 10;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* base64.h - how do bytes travel inside text?
 *
 * RFC 4648 section 4, strict both ways: padding required, no white space, unused bits zero. */
#ifndef AX_BASE_BASE64_H
#define AX_BASE_BASE64_H

#include "base/buf.h"

/* Bytes that `len` bytes become, and the most that `len` characters can become. */
size_t ax_base64_encoded_len(size_t len);
size_t ax_base64_decoded_max(size_t len);

enum ax_code ax_base64_encode(struct ax_buf *buf, struct ax_str bytes);

/* Appends the decoded bytes. AX_E_INVALID_REQUEST when `text` is not strict base64 (nothing is
 * appended), or the buffer's own refusals. */
AX_CHECKED enum ax_code ax_base64_decode(struct ax_buf *buf, struct ax_str text);

/* Decodes into `room` of at least ax_base64_decoded_max(text.len) bytes. */
AX_CHECKED bool ax_base64_decode_into(char *room, struct ax_str text, size_t *ret_len);

/* Lower-case hexadecimal. ax_hex_decode takes lower case only and needs exactly 2 * len digits. */
void ax_hex_encode(char *room, const uint8_t *bytes, size_t len); /* 2 * len, not terminated */
AX_CHECKED bool ax_hex_decode(uint8_t *room, size_t len, struct ax_str text);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* request.h - when is a request's text beyond doubt? (inside this folder)
 *
 * Two readers must agree: llhttp judges the grammar and finds the end of the head; then our own walk
 * over the same bytes splits them, knows only one spelling of every line, and decides the framing.
 * What one of them refuses is refused. No I/O, no allocation after init.
 *
 *   begin --> feed_head ... HEAD --> feed_chunks ... DONE     (chunked bodies only) */
#ifndef AX_HTTP_REQUEST_H
#define AX_HTTP_REQUEST_H

#include "base/buf.h"
#include "base/err.h"
#include "http/server.h"

#include <llhttp.h>

struct ax_request_limits {
    size_t header_bytes;
    size_t header_count;
    size_t target_bytes;
};

enum ax_request_event {
    AX_REQUEST_MORE, /* all bytes are used up, more are needed */
    AX_REQUEST_HEAD, /* the head is complete and read */
    AX_REQUEST_DONE, /* the chunked body is complete */
    AX_REQUEST_BAD,  /* see `code` and `words`; nothing more can be read from this connection */
};

enum ax_request_body { AX_BODY_NONE, AX_BODY_LENGTH, AX_BODY_CHUNKED };

struct ax_request {
    llhttp_t parser;
    struct ax_request_limits limits;
    struct ax_http_header *headers; /* room for limits.header_count */

    /* After HEAD; all strings lie in the fed bytes. */
    enum ax_method method;
    struct ax_str method_text;
    struct ax_str target, path, query, authority;
    int minor;
    size_t header_count;
    size_t head_len; /* bytes of the head, from the first fed one */
    enum ax_request_body body;
    uint64_t content_length; /* of AX_BODY_LENGTH */
    bool keep_alive;
    bool says_close; /* the client ends the connection itself */
    bool expects_continue;

    size_t head_fed;          /* bytes that llhttp has seen of the head */
    size_t chunk_fed;         /* bytes of the chunked body with its framing */
    size_t chunk_extensions;  /* bytes in chunk extensions */
    struct ax_buf *chunk_out; /* where chunked bytes go */

    enum ax_code code;
    const char *words;
};

/* Allocates the room for headers, the only allocation; ax_request_done() frees it. */
void ax_request_init(struct ax_request *request, const struct ax_request_limits *limits);
void ax_request_done(struct ax_request *request);

/* Bytes that a buffer must be able to hold for every head within the limits. */
size_t ax_request_head_max(const struct ax_request_limits *limits);

/* Forgets the previous request. */
void ax_request_begin(struct ax_request *request);

/* Reads on: `bytes` are all bytes of this request so far, the same start every time, changed only by
 * growing (names are lowered in place). MORE, HEAD or BAD. */
enum ax_request_event ax_request_feed_head(struct ax_request *request, char *bytes, size_t len);

/* Reads chunked framing, appends the plain bytes to `out`, whose maximum is the body's limit.
 * *ret_used tells how many bytes belong to this request. MORE, DONE or BAD. */
enum ax_request_event ax_request_feed_chunks(struct ax_request *request, struct ax_buf *out,
                                             const char *bytes, size_t len, size_t *ret_used);

struct ax_str ax_request_header(const struct ax_request *request, struct ax_str lower_name);

#endif

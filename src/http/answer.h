/* SPDX-License-Identifier: Apache-2.0 */
/* answer.h - which bytes announce an answer? (inside this folder) */
#ifndef AX_HTTP_ANSWER_H
#define AX_HTTP_ANSWER_H

#include "base/buf.h"
#include "http/header.h"

struct ax_answer {
    int status;
    const struct ax_http_header *headers;
    size_t count;
    size_t body_len;    /* of the body that belongs to it, sent or not */
    struct ax_str date; /* RFC 9110 form */
    bool close;         /* the connection ends after it */
    bool keep;          /* an HTTP/1.0 client asked for more and gets it */
};

/* Statuses that never have a body. */
bool ax_answer_is_bare(int status);

/* Appends the head. AX_E_INTERNAL, and nothing appended, when a status, name or value may not be
 * sent, or `headers` names framing. */
AX_CHECKED enum ax_code ax_answer_head(struct ax_buf *out, const struct ax_answer *answer);

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
#define AX_HTTP_DATE_LEN 29
void ax_http_date(int64_t unix_s, char room[AX_HTTP_DATE_LEN + 1]);

#endif

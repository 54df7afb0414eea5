/* SPDX-License-Identifier: Apache-2.0 */
/* request_fuzz.c - does a request's fate depend on how its bytes arrive, and is what we accept plain?
 *
 * The first byte says in which pieces the rest arrives the second time. */
#include "http/request.h"

#include "fuzz.h"

#include <string.h>

struct outcome {
    struct ax_request request;
    enum ax_request_event event; /* the last one */
    struct ax_buf body;
    size_t used; /* bytes of the request, once it is complete */
    char *bytes;
};

static const struct ax_request_limits limits = { .header_bytes = 2048,
                                                 .header_count = 8,
                                                 .target_bytes = 256 };

/* Reads `input` as it arrives in pieces of `step` bytes. */
static void outcome_make(struct outcome *outcome, struct ax_str input, size_t step)
{
    size_t arrived = 0, at;

    memset(outcome, 0, sizeof(*outcome));
    ax_request_init(&outcome->request, &limits);
    ax_buf_init(&outcome->body, 4096);
    outcome->bytes = malloc(input.len + 1);
    memcpy(outcome->bytes, input.ptr, input.len);
    while (outcome->event == AX_REQUEST_MORE && arrived < input.len) {
        arrived = input.len - arrived < step ? input.len : arrived + step;
        outcome->event = ax_request_feed_head(&outcome->request, outcome->bytes, arrived);
    }
    if (outcome->event != AX_REQUEST_HEAD || outcome->request.body != AX_BODY_CHUNKED)
        return;
    at = outcome->request.head_len;
    do {
        size_t used;

        if (arrived > at) {
            outcome->event = ax_request_feed_chunks(&outcome->request, &outcome->body,
                                                    outcome->bytes + at, arrived - at, &used);
            at += used;
        } else {
            outcome->event = AX_REQUEST_MORE;
        }
        arrived = input.len - arrived < step ? input.len : arrived + step;
    } while (outcome->event == AX_REQUEST_MORE && at < input.len);
    outcome->used = at;
}

static void outcome_done(struct outcome *outcome)
{
    ax_request_done(&outcome->request);
    ax_buf_done(&outcome->body);
    free(outcome->bytes);
}

static void check_head(const struct ax_request *request)
{
    size_t bytes = 0;

    FUZZ_HOLDS(request->target.len > 0 && request->target.len <= limits.target_bytes);
    FUZZ_HOLDS(request->path.ptr[0] == '/' || ax_str_eq(request->path, AX_STR("*")));
    FUZZ_HOLDS(request->header_count <= limits.header_count);
    for (size_t i = 0; i < request->header_count; i++) {
        const struct ax_http_header *header = &request->headers[i];

        FUZZ_HOLDS(ax_http_is_token(header->name) && ax_http_is_value(header->value));
        bytes += header->name.len + header->value.len;
    }
    FUZZ_HOLDS(bytes <= limits.header_bytes);
    FUZZ_HOLDS(request->minor == 0 || ax_request_header(request, AX_STR("host")).len > 0);
    FUZZ_HOLDS(request->body != AX_BODY_CHUNKED ||
               !ax_request_header(request, AX_STR("content-length")).ptr);
    FUZZ_HOLDS(!ax_request_header(request, AX_STR("upgrade")).ptr);
}

static void check_same(const struct outcome *a, const struct outcome *b)
{
    FUZZ_HOLDS(a->event == b->event);
    if (a->event == AX_REQUEST_BAD || a->event == AX_REQUEST_MORE)
        return;
    FUZZ_HOLDS(a->request.head_len == b->request.head_len);
    FUZZ_HOLDS(a->request.header_count == b->request.header_count);
    FUZZ_HOLDS(a->request.body == b->request.body);
    FUZZ_HOLDS(a->request.content_length == b->request.content_length);
    FUZZ_HOLDS(a->request.keep_alive == b->request.keep_alive);
    FUZZ_HOLDS(ax_str_eq(a->request.target, b->request.target));
    for (size_t i = 0; i < a->request.header_count; i++) {
        FUZZ_HOLDS(ax_str_eq(a->request.headers[i].name, b->request.headers[i].name));
        FUZZ_HOLDS(ax_str_eq(a->request.headers[i].value, b->request.headers[i].value));
    }
    FUZZ_HOLDS(a->used == b->used);
    FUZZ_HOLDS(ax_str_eq(ax_buf_str(&a->body), ax_buf_str(&b->body)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole, pieces;
    struct ax_str input;

    if (size < 2 || size > 12000) /* below the weight of framing that is refused by its arrival */
        return 0;
    input = ax_str_make(data + 1, size - 1);
    outcome_make(&whole, input, input.len);
    outcome_make(&pieces, input, (size_t)data[0] % 61 + 1);
    check_same(&whole, &pieces);
    if (whole.event == AX_REQUEST_HEAD || whole.event == AX_REQUEST_DONE)
        check_head(&whole.request);
    outcome_done(&whole);
    outcome_done(&pieces);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* execute_answer.c - what did the runner answer, and may we believe it? */
#include "gateway/execute_answer.h"

#include "base/base64.h"
#include "base/json.h"

#define ANSWER_WORDS_MAX 300

/* The caller learns that it is our fault, and no more. */
static enum ax_code answer_lie(struct ax_runner_answer *answer, const char *words)
{
    answer->lie = words;
    return ax_err_set(&answer->err, AX_E_INTERNAL, "%s", ax_code_info(AX_E_INTERNAL)->words);
}

/* --- the guest's answer --- */

static enum ax_code answer_add_header(struct ax_runner_answer *answer, struct ax_str name,
                                      const struct ax_json_value *value, size_t *bytes)
{
    struct ax_str text = ax_json_str(value);

    *bytes += name.len + text.len;
    if (answer->header_count == AX_PASS_HEADERS_MAX || *bytes > AX_PASS_BYTES_MAX)
        return answer_lie(answer, "the answer has too many headers");
    if (ax_json_type(value) != AX_JSON_STRING || !ax_http_is_token(name) || !ax_http_is_value(text))
        return answer_lie(answer, "the answer has a malformed header");
    answer->headers[answer->header_count++] = (struct ax_http_header){ name, text };
    return AX_OK;
}

static enum ax_code answer_read_headers(struct ax_runner_answer *answer,
                                        const struct ax_json_value *headers)
{
    struct ax_json_iter it = ax_json_iter(headers);
    enum ax_code code = AX_OK;
    size_t bytes = 0;

    if (ax_json_type(headers) != AX_JSON_OBJECT)
        return answer_lie(answer, "the answer's headers are not an object");
    while (code == AX_OK && ax_json_next(&it)) {
        struct ax_json_iter list = ax_json_iter(it.value);

        if (ax_json_type(it.value) != AX_JSON_ARRAY)
            code = answer_add_header(answer, it.key, it.value, &bytes);
        else
            while (code == AX_OK && ax_json_next(&list))
                code = answer_add_header(answer, it.key, list.value, &bytes);
    }
    return code;
}

static enum ax_code answer_read_body(struct ax_runner_answer *answer,
                                     const struct ax_json_value *value)
{
    struct ax_str text = ax_json_str(value);
    enum ax_code code;

    if (ax_json_type(value) == AX_JSON_NULL)
        return AX_OK;
    if (ax_json_type(value) != AX_JSON_STRING)
        return answer_lie(answer, "the answer's body is neither a string nor null");
    code = ax_base64_decode(&answer->body, text);
    if (code == AX_E_NO_MEMORY)
        return ax_err_set(&answer->err, code, "no memory for the answer");
    if (code == AX_OK && answer->body.len <= AX_ANSWER_BODY_MAX)
        return AX_OK;
    return answer_lie(answer, "the answer's body is not base64 of at most 8 MiB");
}

static enum ax_code answer_read_guest(struct ax_runner_answer *answer,
                                      const struct ax_json_value *root)
{
    uint64_t status = 0;
    enum ax_code code;

    if (!ax_json_is_absent(ax_json_get(root, "error")))
        return answer_lie(answer, "the answer is success and failure at once");
    if (!ax_json_u64(ax_json_get(root, "status"), 599, &status) || status < 200)
        return answer_lie(answer, "the answer's status is not within 200 to 599");
    answer->status = (int)status;
    code = answer_read_headers(answer, ax_json_get(root, "headers"));
    if (code == AX_OK)
        code = answer_read_body(answer, ax_json_get(root, "body_b64"));
    return code;
}

/* --- the runner's refusal --- */

static bool answer_is_gateway_status(int http_status)
{
    return http_status == 502 || http_status == 503 || http_status == 504;
}

/* Said by the runner to the gateway, not by the gateway to its caller. */
static enum ax_code answer_translate(enum ax_code said)
{
    int status = ax_code_info(said)->status;

    if (said == AX_E_BUNDLE_REVOKED)
        return AX_E_EXTENSION_NOT_AVAILABLE;
    return status == 400 || status == 401 || status == 403 ? AX_E_INTERNAL : said;
}

static enum ax_code answer_read_refusal(struct ax_runner_answer *answer, int http_status,
                                        const struct ax_json_value *error)
{
    const struct ax_json_value *started = ax_json_get(error, "started");
    struct ax_str name = ax_json_str(ax_json_get(error, "code"));
    struct ax_str words = ax_json_str(ax_json_get(error, "message"));
    enum ax_code said = ax_code_by_name(name);

    /* A refusal before anything was read has no "started": then the table's word counts. */
    if (!ax_json_is_absent(started) && ax_json_type(started) != AX_JSON_BOOL)
        return answer_lie(answer, "the refusal's \"started\" is not true or false");
    if (!ax_str_eq(name, ax_str_of(ax_code_info(said)->name)) ||
        ax_code_info(said)->status != http_status)
        return answer_lie(answer, "the refusal's code is not known, or not of its status");
    answer->said = said;
    answer->started = ax_json_bool(started, ax_code_info(said)->may_have_started);
    said = answer_translate(said);
    answer->end = AX_TRY_FAILED;
    if (said != answer->said || words.len == 0 || words.len > ANSWER_WORDS_MAX)
        return ax_err_set(&answer->err, said, "%s", ax_code_info(said)->words);
    return ax_err_set(&answer->err, said, "%.*s", AX_STR_FMT(words));
}

/* --- both --- */

/* Where an answer says what it answers, it must be what was asked. */
static bool answer_is_expected(const struct ax_json_value *root,
                               const struct ax_answer_expected *expected)
{
    const struct ax_json_value *error = ax_json_get(root, "error");
    const struct ax_json_value *ids[] = { ax_json_get(root, "request_id"),
                                          ax_json_get(error, "request_id") };
    const struct ax_json_value *hash = ax_json_get(root, "content_hash");
    struct ax_digest digest;

    for (size_t i = 0; i < AX_ARRAY_LEN(ids); i++)
        if (!ax_json_is_absent(ids[i]) && !ax_str_eq(ax_json_str(ids[i]), expected->request_id))
            return false;
    return ax_json_is_absent(hash) ||
           (ax_digest_parse(ax_json_str(hash), &digest) && ax_digest_eq(&digest, &expected->hash));
}

static enum ax_code answer_judge(struct ax_runner_answer *answer, int http_status,
                                 const struct ax_answer_expected *expected)
{
    const struct ax_json_value *root = ax_json_root(answer->json);
    const struct ax_json_value *error = ax_json_get(root, "error");
    uint64_t status;

    if (ax_json_type(root) != AX_JSON_OBJECT)
        return answer_lie(answer, "the answer is not a JSON object");
    if (!answer_is_expected(root, expected))
        return answer_lie(answer, "the answer belongs to another request");
    if (http_status == 200)
        return answer_read_guest(answer, root);
    if (!ax_json_is_absent(ax_json_get(root, "status")) &&
        (!ax_json_u64(ax_json_get(root, "status"), 599, &status) || (int)status != http_status))
        return answer_lie(answer, "the refusal has two statuses");
    if (ax_json_type(error) != AX_JSON_OBJECT)
        return answer_lie(answer, "the refusal has no error object");
    return answer_read_refusal(answer, http_status, error);
}

/* Somebody between us and the runner, who does not know our errors, says it is down. */
static bool answer_is_bare(const struct ax_runner_answer *answer, int http_status)
{
    const struct ax_json_value *root = answer->json ? ax_json_root(answer->json) : NULL;

    return answer_is_gateway_status(http_status) &&
           ax_json_type(ax_json_get(root, "error")) != AX_JSON_OBJECT;
}

void ax_runner_answer_read(int http_status, struct ax_str body,
                           const struct ax_answer_expected *expected,
                           struct ax_runner_answer *ret_answer)
{
    static const struct ax_json_limits limits = { .bytes_max = AX_ANSWER_BYTES_MAX };
    struct ax_runner_answer *answer = ret_answer;
    enum ax_code code;

    *answer = (struct ax_runner_answer){ .end = AX_TRY_FINAL,
                                         .said = AX_E_INTERNAL,
                                         .started = true };
    /* decoding asks for room as if there were no padding */
    ax_buf_init(&answer->body, ax_base64_decoded_max(ax_base64_encoded_len(AX_ANSWER_BODY_MAX)));
    code = ax_json_parse(body, &limits, &answer->json, NULL);
    if (code == AX_E_NO_MEMORY) {
        answer->code = ax_err_set(&answer->err, code, "no memory for the answer");
    } else if (answer_is_bare(answer, http_status)) {
        answer->end = AX_TRY_BARE;
        answer->code = ax_err_set(&answer->err, AX_E_WORKER_LOST, "no runner answered");
    } else if (code != AX_OK) {
        answer->code = answer_lie(answer, "the answer is not JSON");
    } else {
        answer->code = answer_judge(answer, http_status, expected);
    }
    if (answer->code == AX_OK)
        answer->said = AX_OK;
}

void ax_runner_answer_done(struct ax_runner_answer *answer)
{
    ax_json_free(answer->json);
    ax_buf_done(&answer->body);
    *answer = (struct ax_runner_answer){ .end = AX_TRY_FINAL };
}

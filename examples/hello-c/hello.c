/* SPDX-License-Identifier: Apache-2.0 */
/* hello.c - what does a small whole extension in C look like?
 * Three endpoints: a path parameter and a query, a JSON body, a fetch. The host has matched method
 * and path with the manifest already and tells us the handler's name. */
#include "annex.h"

static void fail(struct annex_response *response, int32_t status, struct annex_str why)
{
    response->status = status;
    annex_out_text(&response->body, ANNEX_STR("{\"error\":"));
    annex_out_json(&response->body, why);
    annex_out_text(&response->body, ANNEX_STR("}"));
}

static void write_member(struct annex_out *out, struct annex_str name, struct annex_str value)
{
    annex_out_json(out, name);
    annex_out_text(out, ANNEX_STR(":"));
    annex_out_json(out, value);
}

/* Back to front, character by character: the bytes of one UTF-8 character stay together. */
static struct annex_str reversed(struct annex_str text)
{
    char *to = annex_alloc(text.len);
    size_t end = text.len, len = 0;

    while (end > 0) {
        size_t start = end - 1;

        while (start > 0 && end - start < 4 && ((unsigned char)text.ptr[start] & 0xc0) == 0x80)
            start--;
        for (size_t i = start; i < end; i++)
            to[len++] = text.ptr[i];
        end = start;
    }
    return (struct annex_str){ to, len };
}

static struct annex_str upper_case(struct annex_str text)
{
    char *to = annex_alloc(text.len);

    for (size_t i = 0; i < text.len; i++)
        to[i] = text.ptr[i] >= 'a' && text.ptr[i] <= 'z' ? (char)(text.ptr[i] - 32) : text.ptr[i];
    return (struct annex_str){ to, text.len };
}

/* GET /greet/:name?nonce=... */
static void greet(const struct annex_request *request, struct annex_response *response)
{
    const struct annex_str name = annex_request_param(request, "name");
    const struct annex_str nonce = annex_request_query(request, "nonce");
    struct annex_out greeting = { 0 };

    annex_out_text(&greeting, ANNEX_STR("Hello, "));
    annex_out_text(&greeting, name);
    annex_out_text(&greeting, ANNEX_STR("!"));

    annex_out_text(&response->body, ANNEX_STR("{"));
    write_member(&response->body, ANNEX_STR("greeting"), annex_out_str(&greeting));
    annex_out_text(&response->body, ANNEX_STR(","));
    write_member(&response->body, ANNEX_STR("name"), name);
    annex_out_text(&response->body, ANNEX_STR(","));
    write_member(&response->body, ANNEX_STR("nonce"), reversed(nonce));
    annex_out_text(&response->body, ANNEX_STR("}"));
}

/* POST /transform {"nonce": "..."} */
static void transform(const struct annex_request *request, struct annex_response *response)
{
    const struct annex_str body = annex_request_body(request);
    const struct annex_str nonce = annex_json_string(annex_json_member(body, "nonce"));

    if (!annex_json_valid(body) || nonce.ptr == NULL) {
        fail(response, 400, ANNEX_STR("the body must be a JSON object with a string 'nonce'"));
        return;
    }
    annex_out_text(&response->body, ANNEX_STR("{"));
    write_member(&response->body, ANNEX_STR("reversed"), reversed(nonce));
    annex_out_text(&response->body, ANNEX_STR(","));
    write_member(&response->body, ANNEX_STR("upper"), upper_case(nonce));
    annex_out_text(&response->body, ANNEX_STR("}"));
}

/* GET /fetch?url=... : the other side's status and body become ours. */
static void fetch(const struct annex_request *request, struct annex_response *response)
{
    const struct annex_str url = annex_request_query(request, "url");
    struct annex_fetched fetched;
    enum annex_code code;

    if (url.ptr == NULL) {
        fail(response, 400, ANNEX_STR("the query needs a 'url'"));
        return;
    }
    annex_log_info(url);
    code = annex_http_fetch(ANNEX_STR("GET"), url, (struct annex_str){ NULL, 0 }, &fetched);
    if (code != ANNEX_OK) {
        annex_log_warn(annex_code_name(code));
        fail(response, 502, annex_code_name(code));
        return;
    }
    response->status = fetched.status >= 200 && fetched.status <= 599 ? fetched.status : 502;
    response->content_type = ANNEX_STR("application/octet-stream");
    annex_out_text(&response->body, fetched.body);
}

void annex_handle(const struct annex_request *request, struct annex_response *response)
{
    const struct annex_str endpoint = annex_request_endpoint(request);

    if (annex_str_equal(endpoint, ANNEX_STR("greet")))
        greet(request, response);
    else if (annex_str_equal(endpoint, ANNEX_STR("transform")))
        transform(request, response);
    else if (annex_str_equal(endpoint, ANNEX_STR("fetch")))
        fetch(request, response);
    else
        fail(response, 404, ANNEX_STR("no such endpoint"));
}

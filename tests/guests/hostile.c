/* SPDX-License-Identifier: Apache-2.0 */
/* hostile.c - what can a guest try, and what must a good one be able to do?
 * One module, many endpoints; `endpoint` of the request picks one and the query sets its size. The
 * macros ALLOC_* (see build.py) make modules whose alloc misbehaves as well. */
#include "annex.h"

#define EXPORT(name)         __attribute__((export_name(name)))
#define IMPORT(module, name) __attribute__((import_module(module), import_name(name)))
#define NUMBER_MAX           0x7fffffff

IMPORT("alga", "log_info") void raw_log_info(uint32_t ptr, uint32_t len);
IMPORT("alga", "http_fetch") int32_t raw_http_fetch(uint32_t ptr, uint32_t len, uint32_t slot);
IMPORT("alga", "http.fetch") int32_t raw_http_dot_fetch(uint32_t ptr, uint32_t len, uint32_t slot);
IMPORT("alga", "host_call") int32_t raw_host_call(uint32_t ptr, uint32_t len, uint32_t slot);

EXPORT("alloc") uint32_t hostile_alloc(uint32_t size);
EXPORT("handler")
int32_t hostile_handler(const char *ptr, uint32_t len, uint32_t *slot);
EXPORT("dealloc") void hostile_dealloc(uint32_t ptr, uint32_t size);

static volatile uint32_t sink; /* what the optimiser may not remove */
static uint32_t alloc_calls;
static int32_t alloc_codes[3]; /* what host calls inside alloc answered */

struct call {
    struct annex_request request;
    struct annex_response response;
    uint32_t *slot;
    bool answered; /* the endpoint wrote the slot itself */
    int32_t code;
};

static uint32_t address(const void *ptr)
{
    return (uint32_t)(uintptr_t)ptr;
}

/* A number of the query, decimal, up to 2^32 - 1; `otherwise` when it is not there. */
static uint32_t number(const struct call *call, const char *name, uint32_t otherwise)
{
    const struct annex_str text = annex_request_query(&call->request, name);
    uint64_t value = 0;

    for (size_t i = 0; i < text.len && value <= UINT32_MAX; i++)
        value = value * 10 + (uint32_t)(text.ptr[i] - '0');
    return text.ptr != NULL && text.len > 0 ? (uint32_t)value : otherwise;
}

static void member(struct call *call, const char *before, uint32_t value)
{
    struct annex_str text = { before, 0 };

    while (before[text.len] != '\0')
        text.len++;
    annex_out_text(&call->response.body, text);
    annex_out_number(&call->response.body, value);
}

/* --- time --- */

static void do_loop(struct call *call)
{
    (void)call;
    for (;;)
        sink++;
}

static void do_spin(struct call *call)
{
    const uint32_t rounds = number(call, "rounds", 1000);

    for (uint32_t i = 0; i < rounds; i++)
        sink += i;
    member(call, "{\"rounds\":", rounds);
    annex_out_text(&call->response.body, ANNEX_STR("}"));
}

static void do_loop_log(struct call *call)
{
    (void)call;
    for (;;)
        annex_log_info(ANNEX_STR("again"));
}

/* One instruction that no tick interrupts: as long as memory is large. */
static void do_loop_fill(struct call *call)
{
    const uint32_t size = number(call, "bytes", 32u << 20);
    char *ptr = annex_alloc(size);

    for (;;)
        __builtin_memset(ptr, (int)sink++, size);
}

/* --- traps, stack, memory --- */

static void do_trap(struct call *call)
{
    (void)call;
    __builtin_trap();
}

static void do_divide(struct call *call)
{
    sink = 42; /* read back, so that the compiler cannot know the answer */
    member(call, "", sink / number(call, "by", 0));
}

static void do_load(struct call *call)
{
    sink = *(volatile uint32_t *)(uintptr_t)number(call, "at", 0xfffffff0);
    annex_out_text(&call->response.body, ANNEX_STR("{}"));
}

__attribute__((noinline)) static uint32_t recurse(uint32_t left)
{
    if (left == 0)
        return sink;
    return recurse(left - 1) * 3 + sink;
}

static void do_recurse(struct call *call)
{
    member(call, "{\"value\":", recurse(number(call, "depth", UINT32_MAX)));
    annex_out_text(&call->response.body, ANNEX_STR("}"));
}

/* Asks for memory page by page until it is refused, and says how far it came. */
static void do_grow(struct call *call)
{
    const uint32_t most = number(call, "pages", UINT32_MAX);
    uint32_t pages = 0;

    while (pages < most && __builtin_wasm_memory_grow(0, 1) != SIZE_MAX)
        pages++;
    member(call, "{\"grown\":", pages);
    member(call, ",\"pages\":", (uint32_t)__builtin_wasm_memory_size(0));
    annex_out_text(&call->response.body, ANNEX_STR("}"));
}

/* Writes to each page that it gets; ends in the limit. */
static void do_grow_touch(struct call *call)
{
    (void)call;
    for (;;)
        *(volatile char *)annex_alloc(65536) = 1;
}

/* --- answers --- */

static void do_echo(struct call *call)
{
    call->response.content_type = ANNEX_STR("application/octet-stream");
    annex_out_text(&call->response.body, annex_request_body(&call->request));
}

/* The request's body is the whole answer as the host sees it, JSON or not. */
static void do_raw(struct call *call)
{
    const struct annex_str body = annex_request_body(&call->request);

    call->slot[0] = address(body.ptr);
    call->slot[1] = (uint32_t)body.len;
    call->answered = true;
}

static void do_request(struct call *call)
{
    annex_out_text(&call->response.body, call->request.json);
}

static void do_pointer(struct call *call)
{
    call->slot[0] = number(call, "ptr", 0);
    call->slot[1] = number(call, "len", 0);
    call->answered = true;
}

static void do_code(struct call *call)
{
    call->code = (int32_t)number(call, "code", 1);
}

static void do_headers(struct call *call)
{
    const uint32_t count = number(call, "count", 100000), size = number(call, "size", 1);
    struct annex_out json = { 0 };

    annex_out_text(&json, ANNEX_STR("{\"status\":200,\"headers\":{"));
    for (uint32_t i = 0; i < count; i++) {
        annex_out_text(&json, i == 0 ? ANNEX_STR("\"x-ext-") : ANNEX_STR(",\"x-ext-"));
        annex_out_number(&json, i);
        annex_out_text(&json, ANNEX_STR("\":\""));
        for (uint32_t k = 0; k < size; k++)
            annex_out_text(&json, ANNEX_STR("v"));
        annex_out_text(&json, ANNEX_STR("\""));
    }
    annex_out_text(&json, ANNEX_STR("},\"body_b64\":\"\"}"));
    call->slot[0] = address(json.ptr);
    call->slot[1] = (uint32_t)json.len;
    call->answered = true;
}

static void do_large(struct call *call)
{
    const uint32_t size = number(call, "bytes", 9u << 20);
    char *ptr = annex_alloc(size);

    __builtin_memset(ptr, 'L', size);
    annex_out_text(&call->response.body, (struct annex_str){ ptr, size });
}

/* --- what is left behind, what is found --- */

static void do_count(struct call *call)
{
    static uint32_t runs;

    member(call, "{\"runs\":", ++runs);
    annex_out_text(&call->response.body, ANNEX_STR("}"));
}

/* Fills `bytes` of memory with the body, again and again. */
static void do_canary_write(struct call *call)
{
    const struct annex_str canary = annex_request_body(&call->request);
    const uint32_t size = number(call, "bytes", 8u << 20);
    char *ptr = annex_alloc(size);

    if (canary.len != 0) {
        for (uint32_t i = 0; i < size; i++)
            ptr[i] = canary.ptr[i % canary.len];
    }
    sink = (uint32_t)(unsigned char)ptr[size / 2];
    annex_out_text(&call->response.body, ANNEX_STR("{\"written\":true}"));
}

/* Counts, in all memory there is, the bytes that are the body with every bit flipped: the request
 * itself does not hold what it looks for. */
static void do_canary_scan(struct call *call)
{
    const struct annex_str flipped = annex_request_body(&call->request);
    const unsigned char *memory = (const unsigned char *)1; /* page 0 is ordinary memory here */
    uint32_t size, found = 0;

    if (flipped.len > 0 && number(call, "grow", 0) > 0)
        (void)__builtin_wasm_memory_grow(0, number(call, "grow", 0));
    size = (uint32_t)__builtin_wasm_memory_size(0) * 65536 - 1;
    for (uint32_t i = 0; flipped.len > 0 && i + flipped.len <= size; i++) {
        size_t k = 0;

        while (k < flipped.len && memory[i + k] == (unsigned char)~flipped.ptr[k])
            k++;
        found += k == flipped.len;
    }
    member(call, "{\"found\":", found);
    member(call, ",\"scanned\":", size);
    annex_out_text(&call->response.body, ANNEX_STR("}"));
}

/* --- calls to the host --- */

static void do_log(struct call *call)
{
    const uint32_t lines = number(call, "lines", 100000), size = number(call, "size", 16);
    char *ptr = annex_alloc(size);

    __builtin_memset(ptr, 'x', size);
    for (uint32_t i = 0; i < lines; i++)
        annex_log_info((struct annex_str){ ptr, size });
    member(call, "{\"lines\":", lines);
    annex_out_text(&call->response.body, ANNEX_STR("}"));
}

static void do_log_raw(struct call *call)
{
    annex_log_warn(annex_request_body(&call->request));
    annex_out_text(&call->response.body, ANNEX_STR("{}"));
}

static void do_log_outside(struct call *call)
{
    raw_log_info(number(call, "ptr", 0xfffffff0), number(call, "len", 64));
    annex_out_text(&call->response.body, ANNEX_STR("{}"));
}

typedef int32_t host_function(uint32_t ptr, uint32_t len, uint32_t slot);

/* The body goes to the host as it is; the answer says what came back. */
static void call_host(struct call *call, host_function *function)
{
    const struct annex_str body = annex_request_body(&call->request);
    uint32_t slot[2] = { 0, 0 };
    const int32_t code = function(number(call, "ptr", address(body.ptr)),
                                  number(call, "len", (uint32_t)body.len),
                                  number(call, "slot", address(slot)));

    member(call, "{\"code\":", (uint32_t)code);
    annex_out_text(&call->response.body, ANNEX_STR(",\"answer\":"));
    annex_out_json(&call->response.body,
                   (struct annex_str){ (const char *)(uintptr_t)slot[0], slot[1] });
    annex_out_text(&call->response.body, ANNEX_STR("}"));
}

static void do_fetch(struct call *call)
{
    call_host(call, raw_http_fetch);
}

static void do_dot_fetch(struct call *call)
{
    call_host(call, raw_http_dot_fetch);
}

static void do_host_call(struct call *call)
{
    call_host(call, raw_host_call);
}

/* Fetches `url` `times` times, then answers with the request's own nonce and the last body. */
static void do_fetch_nonce(struct call *call)
{
    const struct annex_str url = annex_request_query(&call->request, "url");
    const uint32_t times = number(call, "times", 1);
    struct annex_fetched fetched = { 0 };
    enum annex_code code = ANNEX_OK;

    for (uint32_t i = 0; i < times && code == ANNEX_OK; i++)
        code = annex_http_fetch(ANNEX_STR("GET"), url, (struct annex_str){ NULL, 0 }, &fetched);
    annex_out_text(&call->response.body, ANNEX_STR("{\"nonce\":"));
    annex_out_json(&call->response.body, annex_request_query(&call->request, "nonce"));
    annex_out_text(&call->response.body, ANNEX_STR(",\"code\":"));
    annex_out_json(&call->response.body, annex_code_name(code));
    annex_out_text(&call->response.body, ANNEX_STR(",\"upstream\":"));
    annex_out_json(&call->response.body, fetched.body);
    annex_out_text(&call->response.body, ANNEX_STR("}"));
}

static void do_alloc_codes(struct call *call)
{
    member(call, "{\"calls\":", alloc_calls);
    member(call, ",\"http_fetch\":", (uint32_t)alloc_codes[0]);
    member(call, ",\"dot_fetch\":", (uint32_t)alloc_codes[1]);
    member(call, ",\"host_call\":", (uint32_t)alloc_codes[2]);
    annex_out_text(&call->response.body, ANNEX_STR("}"));
}

static const struct endpoint {
    const char *name;
    void (*run)(struct call *call);
} endpoints[] = {
    { "alloc_codes", do_alloc_codes },
    { "canary_scan", do_canary_scan },
    { "canary_write", do_canary_write },
    { "code", do_code },
    { "count", do_count },
    { "divide", do_divide },
    { "dot_fetch", do_dot_fetch },
    { "echo", do_echo },
    { "fetch", do_fetch },
    { "fetch_nonce", do_fetch_nonce },
    { "grow", do_grow },
    { "grow_touch", do_grow_touch },
    { "headers", do_headers },
    { "host_call", do_host_call },
    { "large", do_large },
    { "load", do_load },
    { "log", do_log },
    { "log_outside", do_log_outside },
    { "log_raw", do_log_raw },
    { "loop", do_loop },
    { "loop_fill", do_loop_fill },
    { "loop_log", do_loop_log },
    { "pointer", do_pointer },
    { "raw", do_raw },
    { "recurse", do_recurse },
    { "request", do_request },
    { "spin", do_spin },
    { "trap", do_trap },
};

static bool same(struct annex_str text, const char *name)
{
    size_t i = 0;

    while (i < text.len && name[i] != '\0' && text.ptr[i] == name[i])
        i++;
    return i == text.len && name[i] == '\0';
}

int32_t hostile_handler(const char *ptr, uint32_t len, uint32_t *slot)
{
    struct call call = {
        .request = { { ptr, len } },
        .response = { .status = 200, .content_type = ANNEX_STR("application/json") },
        .slot = slot,
    };
    const struct annex_str wanted = annex_request_endpoint(&call.request);

    for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
        if (!same(wanted, endpoints[i].name))
            continue;
        endpoints[i].run(&call);
        if (!call.answered)
            annex_answer(&call.response, slot);
        return call.code;
    }
    return 404;
}

/* ALLOC_NTH: the call of alloc that misbehaves, from 1. The host makes two for each request (the
 * request, the slot), one for each answer to a host call. */
uint32_t hostile_alloc(uint32_t size)
{
    alloc_calls++;
#ifdef ALLOC_LOOP
    while (alloc_calls == ALLOC_NTH)
        sink++;
#endif
#ifdef ALLOC_TRAP
    if (alloc_calls == ALLOC_NTH)
        __builtin_trap();
#endif
#ifdef ALLOC_RETURNS
    if (alloc_calls == ALLOC_NTH)
        return ALLOC_RETURNS;
#endif
#ifdef ALLOC_CALLS
    if (alloc_calls == ALLOC_NTH) {
        static const char request[] = "{\"method\":\"GET\",\"url\":\"https://a.example/\"}";
        uint32_t slot[2];

        annex_log_info(ANNEX_STR("inside alloc"));
        alloc_codes[0] = raw_http_fetch(address(request), sizeof(request) - 1, address(slot));
        alloc_codes[1] = raw_http_dot_fetch(address(request), sizeof(request) - 1, address(slot));
        alloc_codes[2] = raw_host_call(address(request), sizeof(request) - 1, address(slot));
    }
#endif
    return address(annex_alloc(size));
}

/* Called only where an instance serves more than one request. */
void hostile_dealloc(uint32_t ptr, uint32_t size)
{
    (void)ptr;
    (void)size;
#ifdef DEALLOC_LOOP
    for (;;)
        sink++;
#endif
}

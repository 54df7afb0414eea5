/* SPDX-License-Identifier: Apache-2.0 */
/* engine.h - how does C compile, load, run and stop a guest?
 *
 *   builder:  ax_engine_new -> ax_engine_inspect -> ax_engine_compile -> bytes
 *   worker:   ax_engine_new -> ax_module_load -> ax_exec_new -> ax_exec_poll ... -> ax_exec_free
 *
 * Rules that hold everywhere:
 *  - The engine never calls back. ax_exec_poll() runs the guest for at most one slice (about 1 ms)
 *    and says what happened; whoever polls decides what to do about it.
 *  - Bytes that go in are borrowed for the call. Bytes that come out belong to the object that gave
 *    them and live until that object is freed, unless the function says they go sooner.
 *  - Every function that can fail returns a code. On any code but AX_ENGINE_OK its outputs are
 *    untouched, except `why`: a reason in words for people, always terminated, cut to `why_cap`
 *    bytes. NULL with 0 is fine. The words may quote names that the guest's author chose: escape
 *    them before they reach a log.
 *  - Passing NULL where an object is expected is a bug of the caller, except to the _free functions.
 *    A bug inside the engine aborts the process.
 *  - No function does I/O or waits for anything but processor time. */
#ifndef ANNEX_ENGINE_H
#define ANNEX_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AX_ENGINE_CHECKED __attribute__((warn_unused_result))

#define AX_ENGINE_DIGEST_SIZE    32                    /* bytes of ax_engine_digest() */
#define AX_ENGINE_WASM_MAX       ((size_t)32 << 20)    /* largest module that is looked at */
#define AX_ENGINE_MEMORY_MAX     ((uint64_t)256 << 20) /* largest memory budget of one execution */
#define AX_ENGINE_TABLE_MAX      100000u               /* most table elements of one execution */
#define AX_ENGINE_MESSAGE_MAX    ((size_t)12 << 20)    /* request, response, call, answer: each */
#define AX_ENGINE_EXECUTIONS_MAX 10000u                /* most slots of one engine */

enum ax_engine_code {
    AX_ENGINE_OK = 0,
    AX_ENGINE_INVALID_MODULE = 1, /* not a valid module, or it uses a wasm feature that is off */
    AX_ENGINE_IMPORT_REFUSED = 2, /* it imports something outside the closed list */
    AX_ENGINE_MISSING_EXPORT = 3, /* a required export is absent or has another type */
    AX_ENGINE_TOO_BIG = 4,        /* larger than a documented limit */
    AX_ENGINE_UNSUPPORTED = 5,    /* this kind, or this call in this role, does not exist */
    AX_ENGINE_BAD_CODE = 6,       /* not machine code of exactly this engine on this machine */
    AX_ENGINE_NO_SLOT = 7,        /* as many executions as the engine has slots are alive */
    AX_ENGINE_NO_MEMORY = 8,      /* the system refused memory, mappings or a thread */
    AX_ENGINE_BAD_STATE = 9,      /* not now: ended already, nothing to answer, still in use */
    AX_ENGINE_BAD_ARGUMENT = 10,  /* a number outside its documented range */
    AX_ENGINE_COMPILE_FAILED = 11 /* valid, but the compiler gave up on it */
};

/* "bad_code" and so on, for logs; static. Any thread. */
const char *ax_engine_code_name(enum ax_engine_code code);

enum ax_guest_kind {
    AX_GUEST_CORE = 1,     /* core@1 */
    AX_GUEST_COMPONENT = 2 /* component@1: every function answers AX_ENGINE_UNSUPPORTED for now */
};

/* --- engine ---------------------------------------------------------------------------------- */

enum ax_engine_role {
    AX_ENGINE_BUILDER = 1, /* inspects and compiles; reserves no address space, starts no thread */
    AX_ENGINE_WORKER = 2   /* loads and runs; cannot compile; one ticker thread */
};

struct ax_engine_options {
    enum ax_engine_role role;
    uint32_t max_executions; /* worker: slots, 1..AX_ENGINE_EXECUTIONS_MAX; builder: 0. A slot
                              * reserves 4 GiB of address space and no memory. */
};

struct ax_engine;

/* Makes the one engine of this process.
 *
 * On success *ret_engine is yours: ax_engine_free(). A worker's engine opens /proc/self/pagemap if
 * the kernel can use it, installs handlers for SIGSEGV, SIGBUS, SIGILL and SIGFPE (faults outside
 * guests go on to the handlers that were there), gives the calling thread a signal stack, and
 * starts the ticker thread with every signal blocked: call it before the process seals itself, on
 * the thread that will poll. Fails with BAD_ARGUMENT, NO_MEMORY. */
AX_ENGINE_CHECKED enum ax_engine_code ax_engine_new(const struct ax_engine_options *options,
                                                    struct ax_engine **ret_engine, char *why,
                                                    size_t why_cap);

/* Stops the ticker. NULL is fine. Every module and execution of the engine must be gone: aborts
 * otherwise, because their code and slots would vanish under them. */
void ax_engine_free(struct ax_engine *engine);

/* Everything that decides what machine code looks like and whether it may run here: Wasmtime's
 * version, every setting, this machine's architecture and processor features. Equal in builder and
 * worker of one release on one machine. Any thread. */
void ax_engine_digest(const struct ax_engine *engine, uint8_t out[AX_ENGINE_DIGEST_SIZE]);

/* "x86_64-linux-v3-wt48.0.8-0123456789abcdef": the digest's first 8 bytes come last. Borrowed from
 * the engine. Any thread. */
const char *ax_engine_target(const struct ax_engine *engine);

/* Ticks since the start: stands still while no execution runs. 0 for builders. Any thread. */
uint64_t ax_engine_ticks(const struct ax_engine *engine);

/* Executions alive now. */
uint32_t ax_engine_executions(const struct ax_engine *engine);

/* --- builder --------------------------------------------------------------------------------- */

struct ax_module_report {
    uint64_t memory_min_bytes; /* what one execution needs at least */
    uint64_t memory_max_bytes; /* declared maximum; UINT64_MAX: none declared */
    uint64_t table_elements;   /* sum of the tables' minimums */
    uint32_t functions;        /* defined, without imports */
    uint32_t imports;
    uint8_t has_start;   /* 1: code runs at instantiation */
    uint8_t has_dealloc; /* 1: exports dealloc(i32, i32) */
    uint8_t has_calls;   /* 1: imports http_fetch, http.fetch or host_call */
};

/* Judges a module without compiling it: valid under the features that are on, imports from the
 * closed list with exact types, required exports with exact types, sizes. The first fault found is
 * the verdict and `why` names its culprit.
 *
 * core@1 may import from module "alga" the functions log_info, log_warn, log_error (i32, i32) and
 * http_fetch, "http.fetch", host_call (i32, i32, i32) -> i32; must export memory `memory`,
 * `alloc` (i32) -> i32, `handler` (i32, i32, i32) -> i32; may export `dealloc` (i32, i32). Other
 * exports are ignored.
 *
 * Fails with UNSUPPORTED (kind), TOO_BIG (module, memory, tables, functions that are referred to,
 * globals), INVALID_MODULE, IMPORT_REFUSED, MISSING_EXPORT. Works in either role. */
AX_ENGINE_CHECKED enum ax_engine_code ax_engine_inspect(const struct ax_engine *engine,
                                                        enum ax_guest_kind kind, const void *wasm,
                                                        size_t wasm_len,
                                                        struct ax_module_report *ret_report,
                                                        char *why, size_t why_cap);

struct ax_bytes; /* bytes that the engine made and you own */

/* Inspects, then compiles on the calling thread alone; seconds for a large module, so put a limit
 * on the process. On success *ret_code is yours: ax_bytes_free(). The bytes have no integrity of
 * their own: guard them with a MAC before they come back to ax_module_load(). Fails as
 * ax_engine_inspect() does, and with UNSUPPORTED (role), COMPILE_FAILED. */
AX_ENGINE_CHECKED enum ax_engine_code ax_engine_compile(const struct ax_engine *engine,
                                                        enum ax_guest_kind kind, const void *wasm,
                                                        size_t wasm_len, struct ax_bytes **ret_code,
                                                        char *why, size_t why_cap);

const void *ax_bytes_data(const struct ax_bytes *bytes); /* borrowed from bytes */
size_t ax_bytes_len(const struct ax_bytes *bytes);
void ax_bytes_free(struct ax_bytes *bytes); /* NULL is fine */

/* --- modules --------------------------------------------------------------------------------- */

struct ax_module;

/* Makes machine code ready to run, in place, and links it.
 *
 * `map` is page-aligned, `len` bytes, already PROT_READ|PROT_EXEC and never written again (a
 * private mapping of a sealed memfd). It stays yours, and must stay mapped until
 * ax_module_free() has returned. The bytes MUST be those that ax_engine_compile() gave out: check
 * their MAC first. Code of another version, setting or processor is refused, a wrong byte inside
 * is not. On success *ret_module is yours.
 *
 * Fails with UNSUPPORTED (kind, role), BAD_ARGUMENT (not page-aligned), BAD_CODE, NO_MEMORY. */
AX_ENGINE_CHECKED enum ax_engine_code ax_module_load(struct ax_engine *engine,
                                                     enum ax_guest_kind kind, const void *map,
                                                     size_t len, struct ax_module **ret_module,
                                                     char *why, size_t why_cap);

/* Executions of the module that are alive now: free nothing while this is not 0. */
uint32_t ax_module_executions(const struct ax_module *module);

/* NULL is fine. Aborts while executions of it are alive. After it returned nothing points into the
 * mapping any more. */
void ax_module_free(struct ax_module *module);

/* --- executions ------------------------------------------------------------------------------ */

struct ax_exec;

struct ax_exec_spec {
    const void *request; /* core@1: the request as JSON, 1..AX_ENGINE_MESSAGE_MAX bytes; copied */
    size_t request_len;
    uint64_t cpu_ns;         /* budget of processor time, >= 1 */
    uint64_t memory_bytes;   /* budget of all memories and tables (8 bytes an element) together,
                              * 1..AX_ENGINE_MEMORY_MAX */
    uint32_t table_elements; /* most elements of all tables, 0..AX_ENGINE_TABLE_MAX */
};

/* Prepares one execution: a fresh store, nothing of the guest has run yet. Takes a slot until it is
 * over or freed. On success *ret_exec is yours: ax_exec_free(). It belongs to the thread that made
 * it. Fails with BAD_ARGUMENT, TOO_BIG (request), NO_SLOT, NO_MEMORY. */
AX_ENGINE_CHECKED enum ax_engine_code ax_exec_new(struct ax_module *module,
                                                  const struct ax_exec_spec *spec,
                                                  struct ax_exec **ret_exec);

enum ax_exec_event_kind {
    AX_EXEC_YIELD = 1, /* its slice is over: poll again when it is its turn */
    AX_EXEC_CALL = 2,  /* it calls the host and waits: ax_exec_answer(), then poll */
    AX_EXEC_IDLE = 3,  /* polled while it waits: nothing ran; poll after the answer */
    AX_EXEC_DONE = 4,  /* it answered: payload is its response */
    AX_EXEC_FAULT = 5  /* it is over without a response: fault, guest_value, words */
};

enum ax_exec_fault {
    AX_GUEST_FAULT_NONE = 0,
    AX_GUEST_FAULT_TRAP = 1,   /* a trap of its own: words say which */
    AX_GUEST_FAULT_STACK = 2,  /* it recursed past 512 KiB of stack */
    AX_GUEST_FAULT_MEMORY = 3, /* it could not start within, or trapped or lacked room after it was
                                * refused growth beyond, its memory budget */
    AX_GUEST_FAULT_CPU = 4,    /* its budget of processor time is spent */
    AX_GUEST_FAULT_GUEST = 5,  /* its handler returned another value than 0: guest_value */
    AX_GUEST_FAULT_BAD_ALLOC =
        6, /* its alloc answered 0 or a place outside its memory for the request */
    AX_GUEST_FAULT_BAD_RESPONSE = 7, /* its response lies outside its memory or is over
                                * AX_ENGINE_MESSAGE_MAX */
    AX_GUEST_FAULT_RESOURCES = 8     /* not its fault: the system refused memory or mappings */
};

enum ax_guest_log_level { AX_GUEST_LOG_INFO = 1, AX_GUEST_LOG_WARN = 2, AX_GUEST_LOG_ERROR = 3 };

struct ax_log_line {
    const void *data; /* any bytes that the guest chose; lives until ax_exec_free() */
    uint32_t len;     /* at most 4 KiB: longer lines are cut before a broken UTF-8 character */
    uint32_t at_ms;   /* since ax_exec_new() */
    enum ax_guest_log_level level;
};

struct ax_exec_event {
    enum ax_exec_event_kind kind;
    enum ax_exec_fault fault; /* FAULT */
    int32_t guest_value;      /* FAULT with AX_GUEST_FAULT_GUEST: what the handler returned */
    uint32_t logs_count;      /* any kind: lines logged since the last event */
    const struct ax_log_line *logs;
    uint64_t call_id;      /* CALL: names it in ax_exec_answer(); counts from 1 */
    const char *interface; /* CALL: "http" or "", static, terminated */
    const char *function;  /* CALL: "fetch" or "", static, terminated */
    const void *payload; /* CALL: the guest's JSON as it stands, not judged; gone after the answer.
                            * DONE: the guest's response as it stands, not judged.
                            * FAULT: words, not terminated */
    size_t payload_len;
    uint64_t until_ns; /* IDLE: poll again at this CLOCK_MONOTONIC time even without an answer;
                        * UINT64_MAX: only an answer helps (always so for core@1) */
};

/* Runs the guest until something happens, at most until the next tick (1 ms).
 *
 * `interface` and `function` of a CALL: http_fetch and http.fetch give "http" and "fetch" with
 * payload {url,method,headers,body_b64}; host_call gives "" and "" with payload
 * {"interface","function","args"}. One call is open at a time.
 * The CPU budget is judged here, after each slice: past it the guest is dropped and the event is
 * FAULT with AX_GUEST_FAULT_CPU. Wall time is the caller's: ax_exec_free() whenever it is over.
 * After DONE or FAULT the guest's memory and its slot are given back already; the event's bytes
 * live until ax_exec_free().
 *
 * What the guest sees: memory.grow and table.grow beyond the budget answer -1; a log line over the
 * limits (200 lines, 64 KiB) or with a pointer outside its memory is dropped and counted; a host
 * call answers 1 when a pointer lies outside its memory, 7 when its request or the answer is over
 * AX_ENGINE_MESSAGE_MAX or its alloc answered 0, 11 when its alloc answered a place outside its
 * memory, 12 when called inside alloc, or what ax_exec_answer() says.
 *
 * Fails with BAD_STATE after DONE or FAULT. */
AX_ENGINE_CHECKED enum ax_engine_code ax_exec_poll(struct ax_exec *exec,
                                                   struct ax_exec_event *ret_event);

/* Answers the open call. `error` is 0 with the answer's JSON as payload, or 1..12 of the ABI, then
 * the payload is ignored. An answer over AX_ENGINE_MESSAGE_MAX reaches the guest as error 7. The
 * guest goes on at the next poll. Fails with BAD_STATE (not the open call), BAD_ARGUMENT (error
 * over 12). */
AX_ENGINE_CHECKED enum ax_engine_code ax_exec_answer(struct ax_exec *exec, uint64_t call_id,
                                                     uint32_t error, const void *payload,
                                                     size_t payload_len);

struct ax_exec_usage {
    uint64_t cpu_ns;            /* processor time of this thread inside ax_exec_poll() */
    uint64_t memory_peak_bytes; /* most that memories and tables had together */
    uint32_t calls;             /* host calls handed out as CALL */
    uint32_t logs_dropped;      /* lines that are in no event */
};

/* At any time, also after the end. */
void ax_exec_usage(const struct ax_exec *exec, struct ax_exec_usage *ret_usage);

/* Ends the execution wherever it is: this is how it is canceled. NULL is fine. */
void ax_exec_free(struct ax_exec *exec);

#ifdef __cplusplus
}
#endif
#endif

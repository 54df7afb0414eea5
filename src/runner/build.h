/* SPDX-License-Identifier: Apache-2.0 */
/* build.h - how does the loader get a bundle unpacked, checked and compiled?
 *
 * By a builder: a process of its own for one bundle, asked for from the supervisor, limited by the
 * kernel and gone after its answer. A builder that breaks a limit, crashes or is killed costs its
 * own bundle and nothing else. Everything that comes back is checked as far as that can be done
 * without compiling again. On the loop's thread; nothing here blocks. */
#ifndef AX_RUNNER_BUILD_H
#define AX_RUNNER_BUILD_H

#include "base/buf.h"
#include "loop/loop.h"
#include "runner/cache.h"
#include "runner/message.h"

#define AX_BUILD_WALL_MS 90000
#define AX_BUILD_CPU_S   60
#define AX_BUILD_MEMORY  (UINT64_C(3) << 30)
#define AX_BUILD_QUEUE   1024 /* builds that may wait for a builder */

struct ax_builders; /* all builders of this loader */

/* How the supervisor is asked; `id` names one builder from `want` to ax_builders_exited(). */
struct ax_builders_ask {
    void (*want)(void *arg, uint64_t id);
    void (*kill)(void *arg, uint64_t id);
    void *arg;
};

/* At most `at_once` builders exist at one time. `ask` is copied. */
struct ax_builders *ax_builders_new(struct ax_loop *loop, unsigned at_once,
                                    const struct ax_builders_ask *ask);
/* No build may be running. NULL is fine. */
void ax_builders_free(struct ax_builders *builders);

/* The supervisor's answers: a socket to a fresh builder (taken over), and its end (wait status, as
 * waitpid gives it). An id that nobody waits for: the socket is closed, no more. */
void ax_builders_started(struct ax_builders *builders, uint64_t id, int fd);
void ax_builders_exited(struct ax_builders *builders, uint64_t id, int status);

struct ax_build {
    struct ax_op op;
    struct ax_builders *builders;
    struct ax_build *next; /* in the queue */
    struct ax_task finish;
    enum ax_code code;
    int bundle_fd; /* the question, borrowed until on_done */
    struct ax_str envelope;
    /* the answer, yours after on_done: ax_build_done() */
    enum ax_abi abi;
    struct ax_buf manifest;
    uint8_t wasm_sha256[AX_CACHE_HASH];
    int code_fd; /* sealed; -1 without a module */
    uint64_t code_size;
    int pack_fd; /* sealed */
    uint64_t pack_size;
    struct ax_buf paths; /* what files' paths point into */
    struct ax_cache_file *files;
    size_t file_count;
    struct ax_err err; /* words for whoever asked for the bundle */
    bool is_verdict;   /* the failure is the bundle's, and another try would end the same way */
};

/* Starts a build; `envelope` names what must be inside (empty: no signature is asked for). on_done
 * comes with AX_OK, AX_E_INVALID_BUNDLE, AX_E_INVALID_MANIFEST, AX_E_UNKNOWN_CAPABILITY,
 * AX_E_BUNDLE_REJECTED (not what was signed; a limit was passed; the builder died),
 * AX_E_OVERLOADED (the queue is full, or the system starts no process), AX_E_CANCELED. */
void ax_build_start(struct ax_builders *builders, struct ax_build *build, int bundle_fd,
                    struct ax_str envelope, ax_op_done_fn *on_done, void *arg);
void ax_build_done(struct ax_build *build); /* lets go of the answer; again is fine */

#endif

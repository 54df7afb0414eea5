/* SPDX-License-Identifier: Apache-2.0 */
/* test_scene.h - what does a test of host calls need around it? (tests only)
 *
 * A loop, a name server, an upstream, a host with a policy, and the grants of one execution that may
 * fetch everything at the upstream. One scene a test process. */
#ifndef AX_HOST_TEST_SCENE_H
#define AX_HOST_TEST_SCENE_H

#include "host/host.h"
#include "host/test_dns.h"
#include "host/test_upstream.h"

#define SCENE_CALLS_MAX 1024

struct scene {
    struct ax_loop loop;
    struct test_dns dns;
    struct test_upstream upstream;
    struct ax_host *host;
    char entry[64]; /* http, every name under .example, the port */
    struct ax_str entries[2];
    struct ax_host_grants grants;
    struct ax_host_call calls[SCENE_CALLS_MAX];
    enum ax_code codes[SCENE_CALLS_MAX];
    char payload[16384];
    size_t done, wanted;
    struct ax_timer timer;
};
extern struct scene *scene;

/* `private_cidrs` NULL: "127.0.0.0/8". Every name is 127.0.0.1 unless scene->dns.answer is replaced. */
void scene_new(test_peer_fn *serve, const char *private_cidrs);
void scene_free(void);

/* Starts call `index` and returns; its result stands in scene->calls and scene->codes. */
void scene_start(size_t index, const char *interface, const char *function, struct ax_str payload,
                 uint64_t ms);
void scene_wait(void); /* until all that was started is done */

/* Call 0 from start to end; 10 s. */
enum ax_host_number scene_call(const char *interface, const char *function, const char *payload);
/* http.fetch of http://up.example:port and `target`; `more` are further members (",..."). */
enum ax_host_number scene_fetch(const char *target, const char *more);
/* As JSON, valid until the next use. */
struct ax_str scene_fetch_payload(const char *host, const char *target, const char *more);

struct ax_str scene_answer(void);        /* of call 0 */
const char *scene_outcome(void);         /* of call 0 */
bool scene_answer_has(const char *text); /* call 0's answer contains it */

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* test_scene.c - what does a test of host calls need around it? */
#include "host/test_scene.h"

#include "base/test.h"

#include <stdio.h>

#define CALL_MS 10000

struct scene *scene;

static void scene_resolve(struct test_dns *dns, const char *name, int type,
                          struct test_dns_reply *reply)
{
    (void)dns;
    (void)name;
    if (type == TEST_DNS_A)
        reply->addresses[reply->count++] = "127.0.0.1";
}

static void scene_open(test_peer_fn *serve)
{
    scene = ax_alloc(sizeof(*scene));
    ax_loop_init(&scene->loop);
    test_dns_start(&scene->dns, &scene->loop, scene_resolve);
    test_upstream_start(&scene->upstream, &scene->loop, serve);
    snprintf(scene->entry, sizeof(scene->entry), "http://*.example:%u", scene->upstream.port);
    scene->entries[0] = ax_str_of(scene->entry);
    scene->entries[1] = AX_STR("*.example");
    scene->grants = (struct ax_host_grants){
        .capabilities = AX_CAP_ALWAYS | AX_CAP_HTTP_FETCH,
        .request_egress = scene->entries,
        .request_egress_count = 2,
        .tenant_id = AX_STR("tenant-1"),
        .extension_id = AX_STR("ext-1"),
        .install_id = AX_STR("install-1"),
        .request_id = AX_STR("r-1"),
    };
}

void scene_new(test_peer_fn *serve, const char *private_cidrs)
{
    struct ax_host_options options = { 0 };

    scene_open(serve);
    options.egress_allowlist = scene->entries[0];
    options.private_cidrs = ax_str_of(private_cidrs == NULL ? "127.0.0.0/8" : private_cidrs);
    options.resolver = ax_str_of(scene->dns.server);
    T_OK(ax_host_new(&scene->loop, &options, &scene->host, NULL));
}

void scene_free(void)
{
    for (size_t i = 0; i < SCENE_CALLS_MAX; i++)
        ax_host_call_done(&scene->calls[i]);
    ax_host_free(scene->host);
    test_dns_stop(&scene->dns);
    test_upstream_stop(&scene->upstream);
    ax_timer_stop(&scene->timer);
    ax_loop_done(&scene->loop);
    free(scene);
}

static void scene_on_done(enum ax_code code, void *arg)
{
    struct ax_host_call *call = arg;

    scene->codes[call - scene->calls] = code;
    if (++scene->done == scene->wanted)
        ax_loop_stop(&scene->loop);
}

void scene_start(size_t index, const char *interface, const char *function, struct ax_str payload,
                 uint64_t ms)
{
    struct ax_host_call *call = &scene->calls[index];

    call->interface = ax_str_of(interface);
    call->function = ax_str_of(function);
    call->payload = payload;
    if (call->grants == NULL)
        call->grants = &scene->grants;
    uv_update_time(&scene->loop.uv);
    call->deadline_ms = ax_loop_now_ms(&scene->loop) + ms;
    scene->wanted++;
    ax_host_call_start(scene->host, call, scene_on_done, call);
    T_TRUE(ax_op_is_running(&call->op)); /* never from inside */
}

void scene_wait(void)
{
    if (scene->done < scene->wanted)
        ax_loop_run(&scene->loop);
    scene->done = scene->wanted = 0;
}

enum ax_host_number scene_call(const char *interface, const char *function, const char *payload)
{
    scene_start(0, interface, function, ax_str_of(payload), CALL_MS);
    scene_wait();
    T_OK(scene->codes[0]);
    if (scene->calls[0].number != AX_HOST_OK)
        T_EQ(scene->calls[0].answer.len, 0);
    return scene->calls[0].number;
}

struct ax_str scene_fetch_payload(const char *host, const char *target, const char *more)
{
    int len = snprintf(scene->payload, sizeof(scene->payload), "{\"url\":\"http://%s:%u%s\"%s}",
                       host, scene->upstream.port, target, more);

    T_TRUE(len > 0 && (size_t)len < sizeof(scene->payload));
    return ax_str_make(scene->payload, (size_t)len);
}

enum ax_host_number scene_fetch(const char *target, const char *more)
{
    scene->grants.fetches = 0; /* each is its own execution's first */
    return scene_call("http", "fetch", scene_fetch_payload("up.example", target, more).ptr);
}

struct ax_str scene_answer(void)
{
    return ax_buf_str(&scene->calls[0].answer);
}

const char *scene_outcome(void)
{
    const char *outcome = scene->calls[0].audit.outcome;

    return outcome == NULL ? "" : outcome;
}

bool scene_answer_has(const char *text)
{
    struct ax_str answer = scene_answer();

    return answer.len > 0 && memmem(answer.ptr, answer.len, text, strlen(text)) != NULL;
}

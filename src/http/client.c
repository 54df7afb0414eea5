/* SPDX-License-Identifier: Apache-2.0 */
/* client.c - how does libcurl wait on our loop?
 *
 * It tells which sockets and which moment it waits for; we poll and wake it, and afterwards collect
 * the transfers that ended. Nothing of ours runs inside its callbacks but notes. */
#include "http/client_private.h"

#include "base/alloc.h"

#include <assert.h>

struct client_socket {
    uv_poll_t poll;
    struct ax_http_client *client;
    curl_socket_t fd;
};

#define CLIENT_CONNECTIONS_MAX 256

static void client_release(struct ax_http_client *client)
{
    if (client->freed && client->handles == 0)
        free(client);
}

static void client_collect(struct ax_http_client *client)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(client->multi, &left))) {
        if (message->msg == CURLMSG_DONE)
            ax_call_finished(message->easy_handle, message->data.result);
    }
}

static void client_on_poll(uv_poll_t *poll, int status, int events)
{
    struct client_socket *watched = AX_CONTAINER_OF(poll, struct client_socket, poll);
    struct ax_http_client *client = watched->client;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;
    int running;

    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    curl_multi_socket_action(client->multi, watched->fd, flags, &running);
    client_collect(client);
}

static void client_on_socket_closed(uv_handle_t *handle)
{
    struct client_socket *watched = AX_CONTAINER_OF((uv_poll_t *)handle, struct client_socket,
                                                    poll);
    struct ax_http_client *client = watched->client;

    free(watched);
    client->handles--;
    client_release(client);
}

/* libcurl closes a socket right after it told us to forget it. */
static struct client_socket *client_watch(struct ax_http_client *client, curl_socket_t fd)
{
    struct client_socket *watched = ax_alloc(sizeof(*watched));

    watched->client = client;
    watched->fd = fd;
    if (uv_poll_init(&client->loop->uv, &watched->poll, fd) != 0) {
        free(watched);
        return NULL;
    }
    client->handles++;
    curl_multi_assign(client->multi, fd, watched);
    return watched;
}

static int client_on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    struct ax_http_client *client = arg;
    struct client_socket *watched = known;
    int events = 0;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watched) {
            curl_multi_assign(client->multi, fd, NULL);
            uv_close((uv_handle_t *)&watched->poll, client_on_socket_closed);
        }
        return 0;
    }
    if (!watched && !(watched = client_watch(client, fd)))
        return -1;
    if (what & CURL_POLL_IN)
        events |= UV_READABLE;
    if (what & CURL_POLL_OUT)
        events |= UV_WRITABLE;
    uv_poll_start(&watched->poll, events, client_on_poll);
    return 0;
}

static void client_on_time(struct ax_timer *timer)
{
    struct ax_http_client *client = AX_CONTAINER_OF(timer, struct ax_http_client, timer);
    int running;

    curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    client_collect(client);
}

static int client_on_timeout(CURLM *multi, long timeout_ms, void *arg)
{
    struct ax_http_client *client = arg;

    (void)multi;
    if (timeout_ms < 0)
        ax_timer_stop(&client->timer);
    else
        ax_timer_start(client->loop, &client->timer,
                       ax_loop_now_ms(client->loop) + (uint64_t)timeout_ms, client_on_time);
    return 0;
}

struct ax_http_client *ax_http_client_new(struct ax_loop *loop,
                                          const struct ax_http_client_options *options)
{
    static bool ready;
    struct ax_http_client *client = ax_alloc(sizeof(*client));
    size_t connections = options->connections_max ? options->connections_max
                                                  : CLIENT_CONNECTIONS_MAX;

    if (!ready && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        abort();
    ready = true;
    client->loop = loop;
    client->multi = curl_multi_init();
    if (!client->multi)
        abort();
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, client_on_socket);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, client_on_timeout);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)connections);
    curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)connections);
    curl_multi_setopt(client->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                      (long)options->connections_per_host);
    return client;
}

CURL *ax_client_take_easy(struct ax_http_client *client)
{
    if (client->spare_count > 0)
        return client->spare[--client->spare_count];
    return curl_easy_init();
}

void ax_client_give_easy(struct ax_http_client *client, CURL *easy)
{
    if (client->spare_count == AX_CLIENT_SPARE_MAX) {
        curl_easy_cleanup(easy);
        return;
    }
    curl_easy_reset(easy);
    client->spare[client->spare_count++] = easy;
}

void ax_http_client_free(struct ax_http_client *client)
{
    if (!client)
        return;
    assert(client->calls == 0);
    while (client->spare_count > 0)
        curl_easy_cleanup(client->spare[--client->spare_count]);
    curl_multi_cleanup(client->multi);
    ax_timer_stop(&client->timer);
    client->freed = true;
    client_release(client);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* resolver.c - which addresses does a name have at this moment?
 *
 * One c-ares channel; its sockets are watched by uv_poll, its retries by one timer. A lookup
 * cannot be taken back from c-ares: a canceled one is cut loose (its query loses its owner) and
 * ends alone. */
#include "host/resolver.h"

#include "base/alloc.h"
#include "host/words.h"

#include <ares.h>
#include <assert.h>
#include <string.h>

#define RESOLVER_SERVERS_MAX 8
#define RESOLVER_TRY_MS      1000 /* doubles with every round over the servers */
#define RESOLVER_TRIES       4
/* Lookups that begin in one turn of the loop: a thousand questions in one go would overrun the
 * buffers of the sockets on the way, and what is lost there waits a second for its next try. */
#define RESOLVER_A_TURN 16

struct ax_resolver {
    struct ax_loop *loop;
    ares_channel channel;
    struct ax_timer timer;
    struct resolver_socket *sockets;
    struct ax_resolve *first, *last; /* lookups that wait for their turn */
    struct ax_task turn;
    size_t running; /* lookups that somebody waits for, in the queue or not */
};

/* Lives until its handle has closed, which may be after the resolver is gone. */
struct resolver_socket {
    uv_poll_t poll;
    ares_socket_t fd;
    struct ax_resolver *resolver;
    struct resolver_socket *next;
};

struct resolver_query {
    struct ax_resolver *resolver;
    struct ax_resolve *resolve; /* NULL: nobody waits any more */
};

/* --- sockets and time --- */

static void resolver_on_timer(struct ax_timer *timer);

static void resolver_arm(struct ax_resolver *resolver)
{
    struct timeval room;
    struct timeval *wait = ares_timeout(resolver->channel, NULL, &room);

    if (wait == NULL) {
        ax_timer_stop(&resolver->timer);
        return;
    }
    ax_timer_start(resolver->loop, &resolver->timer,
                   ax_loop_now_ms(resolver->loop) + (uint64_t)wait->tv_sec * 1000 +
                       (uint64_t)wait->tv_usec / 1000 + 1,
                   resolver_on_timer);
}

static void resolver_on_timer(struct ax_timer *timer)
{
    struct ax_resolver *resolver = AX_CONTAINER_OF(timer, struct ax_resolver, timer);

    ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    resolver_arm(resolver);
}

static void resolver_on_poll(uv_poll_t *poll, int status, int events)
{
    struct resolver_socket *sock = AX_CONTAINER_OF(poll, struct resolver_socket, poll);
    struct ax_resolver *resolver = sock->resolver;
    bool readable = status < 0 || (events & UV_READABLE) != 0;
    bool writable = status < 0 || (events & UV_WRITABLE) != 0;

    ares_process_fd(resolver->channel, readable ? sock->fd : ARES_SOCKET_BAD,
                    writable ? sock->fd : ARES_SOCKET_BAD);
    resolver_arm(resolver);
}

static void resolver_on_closed(uv_handle_t *handle)
{
    free(AX_CONTAINER_OF(handle, struct resolver_socket, poll));
}

static struct resolver_socket *resolver_watch(struct ax_resolver *resolver, ares_socket_t fd)
{
    struct resolver_socket *sock = ax_alloc(sizeof(*sock));

    if (uv_poll_init(&resolver->loop->uv, &sock->poll, fd) != 0) {
        free(sock); /* the query then ends by its timeout */
        return NULL;
    }
    sock->fd = fd;
    sock->resolver = resolver;
    sock->next = resolver->sockets;
    resolver->sockets = sock;
    return sock;
}

static void resolver_on_socket(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct ax_resolver *resolver = arg;
    struct resolver_socket **link = &resolver->sockets;
    struct resolver_socket *sock;

    while (*link != NULL && (*link)->fd != fd)
        link = &(*link)->next;
    sock = *link;
    if (!readable && !writable) {
        if (sock == NULL)
            return;
        *link = sock->next;
        uv_poll_stop(&sock->poll); /* now: c-ares closes the descriptor next */
        uv_close((uv_handle_t *)&sock->poll, resolver_on_closed);
        return;
    }
    if (sock == NULL)
        sock = resolver_watch(resolver, fd);
    if (sock != NULL)
        uv_poll_start(&sock->poll, (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0),
                      resolver_on_poll);
}

/* --- the resolver --- */

/* "ip", "ip:port", "[ip6]", "[ip6]:port" */
static bool resolver_server_parse(struct ax_str text, struct ares_addr_port_node *node)
{
    struct ax_str host = text;
    struct ax_str port = AX_STR_NONE;
    struct ax_address address;
    uint64_t number = 53;

    if (ax_str_starts(text, AX_STR("["))) {
        size_t end = ax_str_find(text, ']');

        if (end == text.len)
            return false;
        host = ax_str_sub(text, 1, end);
        port = ax_str_from(text, end + 1);
        if (port.len > 0 && port.ptr[0] != ':')
            return false;
        port = port.len > 0 ? ax_str_from(port, 1) : AX_STR_NONE;
    } else if (!ax_address_parse(text, &address)) {
        port = text;
        host = ax_str_cut(&port, ':');
    }
    if (!ax_address_parse(host, &address))
        return false;
    if (port.ptr != NULL && (!ax_str_to_u64(port, 65535, &number) || number == 0))
        return false;
    *node = (struct ares_addr_port_node){ .family = address.len == 4 ? AF_INET : AF_INET6,
                                          .udp_port = (int)number,
                                          .tcp_port = (int)number };
    memcpy(&node->addr, address.bytes, address.len);
    return true;
}

static enum ax_code resolver_set_servers(struct ax_resolver *resolver, struct ax_str servers,
                                         struct ax_err *err)
{
    struct ares_addr_port_node nodes[RESOLVER_SERVERS_MAX];
    size_t count = 0;
    struct ax_str word;

    while (host_words_next(&servers, &word)) {
        if (count == RESOLVER_SERVERS_MAX)
            return ax_err_set(err, AX_E_INVALID_REQUEST, "more than %d servers",
                              RESOLVER_SERVERS_MAX);
        if (!resolver_server_parse(word, &nodes[count]))
            return ax_err_set(err, AX_E_INVALID_REQUEST, "'%.*s' is not ip:port", AX_STR_FMT(word));
        if (count > 0)
            nodes[count - 1].next = &nodes[count];
        count++;
    }
    if (count > 0 && ares_set_servers_ports(resolver->channel, nodes) != ARES_SUCCESS)
        return ax_err_set(err, AX_E_IO, "the name servers could not be set");
    return AX_OK;
}

static int resolver_channel_init(struct ax_resolver *resolver)
{
    char lookups[] = "b"; /* DNS, no files */
    struct ares_options options = {
        .flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
        .timeout = RESOLVER_TRY_MS,
        .tries = RESOLVER_TRIES,
        .ndomains = 0,
        .lookups = lookups,
        .sock_state_cb = resolver_on_socket,
        .sock_state_cb_data = resolver,
    };
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS |
               ARES_OPT_DOMAINS | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB | ARES_OPT_NOROTATE;

#ifdef ARES_OPT_QUERY_CACHE
    mask |= ARES_OPT_QUERY_CACHE; /* newer versions keep answers unless told a lifetime of 0 */
#endif
    return ares_init_options(&resolver->channel, &options, mask);
}

enum ax_code ax_resolver_new(struct ax_loop *loop, struct ax_str servers,
                             struct ax_resolver **ret_resolver, struct ax_err *err)
{
    struct ax_resolver *resolver;
    enum ax_code code;

    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
        return ax_err_set(err, AX_E_IO, "the resolver could not be made");
    resolver = ax_alloc(sizeof(*resolver));
    resolver->loop = loop;
    if (resolver_channel_init(resolver) != ARES_SUCCESS) {
        free(resolver);
        ares_library_cleanup();
        return ax_err_set(err, AX_E_IO, "the resolver could not be made");
    }
    code = resolver_set_servers(resolver, servers, err);
    if (code != AX_OK) {
        ax_resolver_free(resolver);
        return code;
    }
    *ret_resolver = resolver;
    return AX_OK;
}

void ax_resolver_free(struct ax_resolver *resolver)
{
    if (resolver == NULL)
        return;
    assert(resolver->running == 0);
    ares_destroy(resolver->channel); /* ends what was cut loose, closes the sockets */
    ax_timer_stop(&resolver->timer);
    ax_task_withdraw(&resolver->turn);
    ares_library_cleanup();
    free(resolver);
}

/* --- one lookup --- */

static void resolve_on_task(struct ax_task *task)
{
    struct ax_resolve *resolve = AX_CONTAINER_OF(task, struct ax_resolve, task);

    ax_op_complete(&resolve->op, resolve->result);
}

static void resolve_leave_queue(struct ax_resolve *resolve)
{
    struct ax_resolver *resolver = resolve->queue;

    *(resolve->previous != NULL ? &resolve->previous->next : &resolver->first) = resolve->next;
    *(resolve->next != NULL ? &resolve->next->previous : &resolver->last) = resolve->previous;
    resolve->queue = NULL;
}

/* The owner hears in a task; c-ares, if it still works on this, works for nobody. */
static void resolve_finish(struct ax_resolver *resolver, struct ax_resolve *resolve,
                           enum ax_code code)
{
    if (resolve->query != NULL)
        resolve->query->resolve = NULL;
    resolve->query = NULL;
    resolver->running--;
    resolve->result = code;
    if (code != AX_OK)
        resolve->count = 0;
    ax_task_post(resolver->loop, &resolve->task, resolve_on_task);
}

static void resolve_on_cancel(struct ax_op *op)
{
    struct ax_resolve *resolve = AX_CONTAINER_OF(op, struct ax_resolve, op);

    if (resolve->query != NULL) {
        resolve_finish(resolve->query->resolver, resolve, AX_E_CANCELED);
    } else if (resolve->queue != NULL) {
        struct ax_resolver *resolver = resolve->queue;

        resolve_leave_queue(resolve);
        resolve_finish(resolver, resolve, AX_E_CANCELED);
    }
}

/* All addresses of one family; false when there is no room. */
static bool resolve_take(struct ax_resolve *resolve, const struct ares_addrinfo *found, int family)
{
    for (const struct ares_addrinfo_node *node = found->nodes; node != NULL; node = node->ai_next) {
        struct ax_address address;

        if (node->ai_family != family || !ax_address_of_sockaddr(node->ai_addr, &address))
            continue;
        if (resolve->count == AX_RESOLVE_ADDRESSES_MAX)
            return false;
        resolve->addresses[resolve->count++] = address;
    }
    return true;
}

static enum ax_code resolve_code(int status)
{
    switch (status) {
    case ARES_SUCCESS: return AX_OK;
    case ARES_ENOTFOUND:
    case ARES_ENODATA: return AX_E_NOT_FOUND;
    case ARES_ENOMEM: return AX_E_NO_MEMORY;
    default: return AX_E_IO;
    }
}

static void resolve_on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *found)
{
    struct resolver_query *query = arg;
    struct ax_resolve *resolve = query->resolve;
    enum ax_code code = resolve_code(status);

    (void)timeouts;
    if (resolve != NULL) {
        if (code == AX_OK &&
            (!resolve_take(resolve, found, AF_INET) || !resolve_take(resolve, found, AF_INET6)))
            code = AX_E_TOO_BIG;
        if (code == AX_OK && resolve->count == 0)
            code = AX_E_NOT_FOUND;
        resolve_finish(query->resolver, resolve, code);
    }
    if (found != NULL)
        ares_freeaddrinfo(found);
    free(query);
}

static void resolve_ask(struct ax_resolver *resolver, struct ax_resolve *resolve)
{
    struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC,
                                         .ai_flags = ARES_AI_NOSORT,
                                         .ai_socktype = SOCK_STREAM };
    struct resolver_query *query = ax_alloc(sizeof(*query));

    resolve->query = query;
    query->resolver = resolver;
    query->resolve = resolve;
    ares_getaddrinfo(resolver->channel, resolve->name, NULL, &hints, resolve_on_answer, query);
}

static void resolver_on_turn(struct ax_task *task)
{
    struct ax_resolver *resolver = AX_CONTAINER_OF(task, struct ax_resolver, turn);

    for (size_t i = 0; i < RESOLVER_A_TURN && resolver->first != NULL; i++) {
        struct ax_resolve *resolve = resolver->first;

        resolve_leave_queue(resolve);
        resolve_ask(resolver, resolve);
    }
    resolver_arm(resolver);
    if (resolver->first != NULL)
        ax_task_post(resolver->loop, &resolver->turn, resolver_on_turn);
}

void ax_resolve_start(struct ax_resolver *resolver, struct ax_resolve *resolve,
                      ax_op_done_fn *on_done, void *arg)
{
    ax_op_begin(&resolve->op, on_done, arg, resolve_on_cancel);
    resolve->count = 0;
    resolve->query = NULL;
    resolve->queue = resolver;
    resolve->next = NULL;
    resolve->previous = resolver->last;
    *(resolver->last != NULL ? &resolver->last->next : &resolver->first) = resolve;
    resolver->last = resolve;
    resolver->running++;
    ax_task_post(resolver->loop, &resolver->turn, resolver_on_turn);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* listener.c - where do requests come in? */
#include "runner/listener.h"

#include "base/alloc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTENING_BACKLOG   4096 /* the kernel cuts it to net.core.somaxconn */
#define LISTENING_UNIX_MODE 0660
#define LISTENING_FD_FIRST  3 /* a service manager's first */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un un;
};

static enum ax_code listening_refuse(struct ax_err *err, struct ax_str where)
{
    return ax_err_set(err, AX_E_INVALID_REQUEST,
                      "'%.*s' is not address:port, [address]:port, unix:/path or fd:N",
                      AX_STR_FMT(where));
}

static enum ax_code listening_fail(struct ax_err *err, struct ax_str where)
{
    return ax_err_set(err, AX_E_IO, "cannot listen on '%.*s': %s", AX_STR_FMT(where),
                      strerror(errno));
}

static bool address_is_local(const union address *address)
{
    switch (address->any.sa_family) {
    case AF_UNIX: return true;
    case AF_INET: return ntohl(address->v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    case AF_INET6: return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
    default: return false;
    }
}

/* Notes what the socket is, once it listens. False: the kernel does not say. */
static bool listening_note(struct ax_listening *listening)
{
    union address address = { .any = { 0 } };
    socklen_t len = sizeof(address);
    char text[INET6_ADDRSTRLEN];

    if (getsockname(listening->fd, &address.any, &len) != 0)
        return false;
    listening->local = address_is_local(&address);
    if (address.any.sa_family == AF_INET) {
        (void)inet_ntop(AF_INET, &address.v4.sin_addr, text, sizeof(text));
        (void)snprintf(listening->address, sizeof(listening->address), "%s:%u", text,
                       ntohs(address.v4.sin_port));
    } else if (address.any.sa_family == AF_INET6) {
        (void)inet_ntop(AF_INET6, &address.v6.sin6_addr, text, sizeof(text));
        (void)snprintf(listening->address, sizeof(listening->address), "[%s]:%u", text,
                       ntohs(address.v6.sin6_port));
    } else {
        (void)snprintf(listening->address, sizeof(listening->address), "unix:%.*s",
                       (int)sizeof(address.un.sun_path), address.un.sun_path);
    }
    return true;
}

/* --- address:port --- */

/* Reads "host:port"; false when it is anything else. */
static bool address_parse(struct ax_str where, union address *ret_address, socklen_t *ret_len)
{
    bool v6 = ax_str_starts(where, AX_STR("["));
    struct ax_str rest = v6 ? ax_str_from(where, 1) : where;
    struct ax_str host = ax_str_cut(&rest, v6 ? ']' : ':');
    char text[INET6_ADDRSTRLEN] = "127.0.0.1";
    uint64_t port;

    *ret_address = (union address){ .any = { 0 } };
    if (!v6 && !rest.ptr) { /* a port alone */
        rest = host;
    } else if (host.len == 0 || host.len >= sizeof(text)) {
        return false;
    } else if (v6 || !ax_str_eq(host, AX_STR("localhost"))) {
        memcpy(text, host.ptr, host.len);
        text[host.len] = '\0';
    }
    if (v6 && !ax_str_starts(rest, AX_STR(":")))
        return false;
    if (!ax_str_to_u64(v6 ? ax_str_from(rest, 1) : rest, UINT16_MAX, &port))
        return false;
    if (v6) {
        ret_address->v6.sin6_family = AF_INET6;
        ret_address->v6.sin6_port = htons((uint16_t)port);
        *ret_len = sizeof(ret_address->v6);
        return inet_pton(AF_INET6, text, &ret_address->v6.sin6_addr) == 1;
    }
    ret_address->v4.sin_family = AF_INET;
    ret_address->v4.sin_port = htons((uint16_t)port);
    *ret_len = sizeof(ret_address->v4);
    return inet_pton(AF_INET, text, &ret_address->v4.sin_addr) == 1;
}

static enum ax_code listening_open_address(struct ax_str where, struct ax_listening *listening,
                                           struct ax_err *err)
{
    const int on = 1;
    union address address;
    socklen_t len;

    if (!address_parse(where, &address, &len))
        return listening_refuse(err, where);
    listening->fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listening->fd < 0 ||
        setsockopt(listening->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        (address.any.sa_family == AF_INET6 &&
         setsockopt(listening->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0) ||
        bind(listening->fd, &address.any, len) != 0 ||
        listen(listening->fd, LISTENING_BACKLOG) != 0 || !listening_note(listening))
        return listening_fail(err, where);
    return AX_OK;
}

/* --- unix:/path --- */

static bool address_of_path(struct ax_str path, union address *ret_address)
{
    *ret_address = (union address){ .un = { .sun_family = AF_UNIX } };
    if (path.len == 0 || path.ptr[0] != '/' || path.len >= sizeof(ret_address->un.sun_path) ||
        memchr(path.ptr, '\0', path.len))
        return false;
    memcpy(ret_address->un.sun_path, path.ptr, path.len);
    return true;
}

/* Removes a socket that is left of a process that died. Anything else stays where it is. */
static void path_clear(const union address *address)
{
    AX_AUTO_FD int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct stat about;

    if (probe < 0 || lstat(address->un.sun_path, &about) != 0 || !S_ISSOCK(about.st_mode))
        return;
    if (connect(probe, &address->any, sizeof(address->un)) != 0 && errno == ECONNREFUSED)
        (void)unlink(address->un.sun_path);
}

static enum ax_code listening_open_path(struct ax_str where, struct ax_str path,
                                        struct ax_listening *listening, struct ax_err *err)
{
    union address address;

    if (!address_of_path(path, &address))
        return listening_refuse(err, where);
    path_clear(&address);
    listening->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listening->fd < 0 || bind(listening->fd, &address.any, sizeof(address.un)) != 0)
        return listening_fail(err, where);
    listening->path = ax_strdup(path);
    /* Before listen(): until then nobody can connect, whatever the mode was. */
    if (chmod(listening->path, LISTENING_UNIX_MODE) != 0 ||
        listen(listening->fd, LISTENING_BACKLOG) != 0 || !listening_note(listening))
        return listening_fail(err, where);
    return AX_OK;
}

/* --- fd:N --- */

static enum ax_code listening_open_fd(struct ax_str where, struct ax_str number,
                                      struct ax_listening *listening, struct ax_err *err)
{
    uint64_t fd;
    int listens = 0;
    int type = 0;
    socklen_t len = sizeof(int);

    if (!ax_str_to_u64(number, INT_MAX, &fd) || fd < LISTENING_FD_FIRST)
        return listening_refuse(err, where);
    if (getsockopt((int)fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) != 0 ||
        getsockopt((int)fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0)
        return listening_fail(err, where);
    if (!listens || type != SOCK_STREAM)
        return ax_err_set(err, AX_E_INVALID_REQUEST, "'%.*s' is not a socket that listens",
                          AX_STR_FMT(where));
    /* A duplicate: one descriptor named twice is still closed once by each. */
    listening->fd = fcntl((int)fd, F_DUPFD_CLOEXEC, 0);
    if (listening->fd < 0 || fcntl((int)fd, F_SETFD, FD_CLOEXEC) != 0 ||
        fcntl(listening->fd, F_SETFL, O_NONBLOCK) != 0 || !listening_note(listening))
        return listening_fail(err, where);
    return AX_OK;
}

enum ax_code ax_listening_open(struct ax_str where, struct ax_listening *ret_listening,
                               struct ax_err *err)
{
    struct ax_listening listening = { .fd = -1 };
    struct ax_str rest = where;
    struct ax_str kind = ax_str_cut(&rest, ':');
    enum ax_code code;

    if (ax_str_eq(kind, AX_STR("unix")))
        code = listening_open_path(where, rest, &listening, err);
    else if (ax_str_eq(kind, AX_STR("fd")))
        code = listening_open_fd(where, rest, &listening, err);
    else
        code = listening_open_address(where, &listening, err);
    if (code == AX_OK)
        *ret_listening = listening;
    else
        ax_listening_close(&listening);
    return code;
}

void ax_listening_stop(struct ax_listening *listening)
{
    ax_fd_close(&listening->fd);
}

void ax_listening_close(struct ax_listening *listening)
{
    union address address;

    ax_fd_close(&listening->fd);
    if (listening->path && address_of_path(ax_str_of(listening->path), &address))
        path_clear(&address);
    free(listening->path);
    listening->path = NULL;
}

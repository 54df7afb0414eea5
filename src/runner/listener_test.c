/* SPDX-License-Identifier: Apache-2.0 */
/* listener_test.c - are all four forms opened, and nothing that only looks like one? */
#include "runner/listener.h"

#include "base/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void open_it(const char *where, struct ax_listening *listening)
{
    struct ax_err err;
    enum ax_code code = ax_listening_open(ax_str_of(where), listening, &err);

    if (code != AX_OK)
        print_error("%s: %s\n", where, err.message);
    T_OK(code);
    T_TRUE(fcntl(listening->fd, F_GETFD) & FD_CLOEXEC);
    T_TRUE(fcntl(listening->fd, F_GETFL) & O_NONBLOCK);
}

static enum ax_code refused(const char *where)
{
    struct ax_listening listening = { .fd = -2 };
    struct ax_err err;
    enum ax_code code = ax_listening_open(ax_str_of(where), &listening, &err);

    if (code == AX_OK)
        ax_listening_close(&listening);
    else
        T_EQ(listening.fd, -2); /* untouched */
    return code;
}

/* A folder of the test's own; what is in it must be gone at its end. */
static char folder[] = "/tmp/annex-listener-XXXXXX";

static const char *path_in_folder(const char *prefix, const char *name)
{
    static char path[128];

    (void)snprintf(path, sizeof(path), "%s%s/%s", prefix, folder, name);
    return path;
}

TEST(addresses_are_opened_and_told_as_they_are)
{
    static const struct {
        const char *where, *prefix;
        bool local;
    } rows[] = {
        { "127.0.0.1:0", "127.0.0.1:", true }, { "127.1.2.3:0", "127.1.2.3:", true },
        { "localhost:0", "127.0.0.1:", true }, { "0", "127.0.0.1:", true },
        { "0.0.0.0:0", "0.0.0.0:", false },
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(rows); i++) {
        struct ax_listening listening;

        open_it(rows[i].where, &listening);
        T_TRUE(ax_str_starts(ax_str_of(listening.address), ax_str_of(rows[i].prefix)));
        T_TRUE(listening.address[strlen(rows[i].prefix)] != '0'); /* a port was found */
        T_EQ(listening.local, rows[i].local);
        ax_listening_close(&listening);
        T_EQ(listening.fd, -1);
        ax_listening_close(&listening);
    }
}

TEST(ipv6_is_opened_where_the_machine_has_it)
{
    static const struct {
        const char *where, *prefix;
        bool local;
    } rows[] = { { "[::1]:0", "[::1]:", true }, { "[::]:0", "[::]:", false } };
    const struct sockaddr_in6 loopback = { .sin6_family = AF_INET6,
                                           .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    AX_AUTO_FD int probe = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has_v6 = probe >= 0 &&
                  bind(probe, (const struct sockaddr *)&loopback, sizeof(loopback)) == 0;

    for (size_t i = 0; i < AX_ARRAY_LEN(rows); i++) {
        struct ax_listening listening;

        if (!has_v6) {
            T_CODE(refused("[::1]:0"), AX_E_IO);
            continue;
        }
        open_it(rows[i].where, &listening);
        T_TRUE(ax_str_starts(ax_str_of(listening.address), ax_str_of(rows[i].prefix)));
        T_EQ(listening.local, rows[i].local);
        ax_listening_close(&listening);
    }
}

TEST(what_is_not_one_of_the_forms_is_refused)
{
    static const char *const wrong[] = {
        "",          ":",           ":80",           "127.0.0.1:",   "127.0.0.1:65536",
        "127.0.0.1", "1.2.3:80",    "127.0.0.1:x",   "127.0.0.1:-1", "127.0.0.1: 80",
        "::1:80",    "[::1]",       "[::1]80",       "[::1",         "[127.0.0.1]:80",
        "name:80",   "[]:80",       "127.0.0.1:1:2", "999.0.0.1:80", "0x7f.0.0.1:80",
        "unix:",     "unix:socket", "unix:./socket", "fd:",          "fd:x",
        "fd:-1",     "fd:0",        "fd:1",          "fd:2",         "fd:99999999999",
        "tcp:1:2",   "070",         "127.0.0.1:080",
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(wrong); i++) {
        if (refused(wrong[i]) != AX_E_INVALID_REQUEST)
            print_error("'%s' is not refused\n", wrong[i]);
        T_CODE(refused(wrong[i]), AX_E_INVALID_REQUEST);
    }
}

TEST(port_in_use_is_an_error_with_its_address)
{
    struct ax_listening first, second;
    struct ax_err err;

    open_it("127.0.0.1:0", &first);
    T_CODE(ax_listening_open(ax_str_of(first.address), &second, &err), AX_E_IO);
    T_TRUE(strstr(err.message, first.address) != NULL);
    ax_listening_close(&first);
}

TEST(unix_socket_is_made_for_group_and_owner_and_removed)
{
    struct ax_listening listening;
    struct stat about;

    T_TRUE(mkdtemp(folder) != NULL);
    open_it(path_in_folder("unix:", "socket"), &listening);
    T_TRUE(listening.local);
    T_STR(ax_str_of(listening.address), ax_str_of(path_in_folder("unix:", "socket")));
    T_EQ(stat(path_in_folder("", "socket"), &about), 0);
    T_EQ(about.st_mode & 0777, 0660);
    ax_listening_close(&listening);
    T_EQ(rmdir(folder), 0);
}

TEST(unix_socket_of_a_dead_process_is_replaced_and_a_living_one_is_not)
{
    struct ax_listening first, second;

    T_TRUE(mkdtemp(folder) != NULL);
    open_it(path_in_folder("unix:", "socket"), &first);
    T_CODE(refused(path_in_folder("unix:", "socket")), AX_E_IO);
    ax_fd_close(&first.fd); /* the file stays, as after SIGKILL */
    open_it(path_in_folder("unix:", "socket"), &second);
    ax_listening_close(&first); /* no longer ours: stays */
    T_EQ(access(path_in_folder("", "socket"), F_OK), 0);
    ax_listening_close(&second);
    T_EQ(rmdir(folder), 0);
}

TEST(unix_socket_never_replaces_a_file)
{
    int fd;

    T_TRUE(mkdtemp(folder) != NULL);
    fd = open(path_in_folder("", "file"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    T_CODE(refused(path_in_folder("unix:", "file")), AX_E_IO);
    T_EQ(unlink(path_in_folder("", "file")), 0);
    T_EQ(rmdir(folder), 0);
    close(fd);
}

TEST(unix_path_may_have_107_bytes)
{
    char where[256] = "unix:/tmp/";
    struct ax_listening listening;

    memset(where + 10, 'x', 107 - 5);
    T_EQ(strlen(where), 5 + 107);
    open_it(where, &listening);
    ax_listening_close(&listening);
    where[5 + 107] = 'x';
    T_CODE(refused(where), AX_E_INVALID_REQUEST);
}

TEST(inherited_socket_is_taken_when_it_listens)
{
    struct ax_listening first, second;
    char where[32];
    int fds[2];

    open_it("127.0.0.1:0", &first);
    (void)snprintf(where, sizeof(where), "fd:%d", first.fd);
    T_EQ(fcntl(first.fd, F_SETFD, 0), 0);
    open_it(where, &second);
    T_TRUE(second.local);
    T_STR(ax_str_of(second.address), ax_str_of(first.address));
    T_TRUE(fcntl(first.fd, F_GETFD) & FD_CLOEXEC); /* no role inherits it */
    ax_listening_close(&second);
    ax_listening_close(&first);
    T_CODE(refused(where), AX_E_IO);
    T_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    (void)snprintf(where, sizeof(where), "fd:%d", fds[0]);
    T_CODE(refused(where), AX_E_INVALID_REQUEST);
    close(fds[0]);
    close(fds[1]);
}

TEST_MAIN()

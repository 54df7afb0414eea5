/* SPDX-License-Identifier: Apache-2.0 */
/* http_bench.c - what does our HTTP layer cost when the handler costs nothing?
 *
 *     http_bench PORT        answers every request on 127.0.0.1:PORT with the same small body
 *
 * One loop on one thread, until SIGTERM or SIGINT. */
#include "http/server.h"

#include "base/alloc.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

struct bench {
    struct ax_loop loop;
    struct ax_http_server *server;
    uv_signal_t signals[2];
};

static void bench_on_request(void *arg, struct ax_exchange *ex)
{
    static const struct ax_http_header headers[] = {
        { AX_STR_INIT("content-type"), AX_STR_INIT("text/plain") },
    };

    (void)arg;
    ax_exchange_answer(ex, 200, headers, 1, AX_STR("ok\n"));
}

static void bench_on_signal(uv_signal_t *handle, int number)
{
    struct bench *bench = handle->data;

    (void)number;
    ax_loop_stop(&bench->loop);
}

static int bench_listen(uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(fd, 1024) != 0) {
        perror("http_bench: cannot listen");
        ax_fd_close(&fd);
    }
    return fd;
}

int main(int argc, char **argv)
{
    static const int numbers[2] = { SIGTERM, SIGINT };
    struct ax_http_server_options options = { .on_request = bench_on_request };
    struct bench bench;
    uint64_t port;
    int fd;

    if (argc != 2 || !ax_str_to_u64(ax_str_of(argv[1]), UINT16_MAX, &port) || port == 0) {
        fprintf(stderr, "usage: http_bench PORT\n");
        return 2;
    }
    fd = bench_listen((uint16_t)port);
    if (fd < 0)
        return 1;
    memset(&bench, 0, sizeof(bench));
    ax_loop_init(&bench.loop);
    bench.server = ax_http_server_new(&bench.loop, &options);
    if (ax_http_server_listen(bench.server, fd) != AX_OK)
        return 1;
    for (size_t i = 0; i < AX_ARRAY_LEN(numbers); i++) {
        uv_signal_init(&bench.loop.uv, &bench.signals[i]);
        bench.signals[i].data = &bench;
        uv_signal_start(&bench.signals[i], bench_on_signal, numbers[i]);
    }
    ax_loop_run(&bench.loop);
    ax_http_server_free(bench.server);
    for (size_t i = 0; i < AX_ARRAY_LEN(numbers); i++)
        uv_close((uv_handle_t *)&bench.signals[i], NULL);
    ax_loop_done(&bench.loop);
    return 0;
}

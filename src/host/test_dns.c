/* SPDX-License-Identifier: Apache-2.0 */
/* test_dns.c - which name server tells a test's resolver what the test wants? */
#include "host/test_dns.h"

#include "base/alloc.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define QUESTION_MAX 300
#define MESSAGE_MAX  8192

struct dns_message {
    uint8_t bytes[MESSAGE_MAX];
    size_t len;
};

static void message_put(struct dns_message *message, const void *bytes, size_t len)
{
    if (len > sizeof(message->bytes) - message->len)
        abort(); /* a test asked for more than fits */
    memcpy(message->bytes + message->len, bytes, len);
    message->len += len;
}

static void message_put_u16(struct dns_message *message, unsigned value)
{
    uint8_t bytes[2] = { (uint8_t)(value >> 8), (uint8_t)value };

    message_put(message, bytes, 2);
}

static void message_put_name(struct dns_message *message, const char *name)
{
    while (*name != '\0') {
        size_t len = strcspn(name, ".");
        uint8_t byte = (uint8_t)len;

        message_put(message, &byte, 1);
        message_put(message, name, len);
        name += len + (name[len] == '.');
    }
    message_put(message, "", 1);
}

/* Type, class, TTL and length of a record whose name stands already. */
static void message_put_record(struct dns_message *message, unsigned type, uint32_t ttl, size_t len)
{
    message_put_u16(message, type);
    message_put_u16(message, 1);
    message_put_u16(message, ttl >> 16);
    message_put_u16(message, ttl & 0xffff);
    message_put_u16(message, (unsigned)len);
}

static void message_put_addresses(struct dns_message *message, const struct test_dns_reply *reply,
                                  int type)
{
    size_t owner = 12; /* the question's name; or the alias, once it is written */

    if (reply->alias != NULL) {
        struct dns_message alias = { .len = 0 };

        message_put_name(&alias, reply->alias);
        message_put_u16(message, 0xc00c);
        message_put_record(message, 5, reply->ttl, alias.len);
        owner = message->len;
        message_put(message, alias.bytes, alias.len);
    }
    for (size_t i = 0; i < reply->count; i++) {
        uint8_t address[16];
        size_t len = type == TEST_DNS_AAAA ? 16 : 4;

        if (inet_pton(len == 16 ? AF_INET6 : AF_INET, reply->addresses[i], address) != 1)
            abort(); /* not of the family that was asked for */
        message_put_u16(message, 0xc000 | (unsigned)owner);
        message_put_record(message, (unsigned)type, reply->ttl, len);
        message_put(message, address, len);
    }
}

/* Writes the name in lower case; returns the length of the question section, 0 when it is none. */
static size_t question_read(const uint8_t *bytes, size_t len, char name[QUESTION_MAX],
                            int *ret_type)
{
    size_t at = 12;
    size_t out = 0;

    while (at < len && bytes[at] != 0) {
        size_t label = bytes[at++];

        if (label > 63 || at + label + 5 > len || out + label + 2 > QUESTION_MAX)
            return 0;
        for (size_t i = 0; i < label; i++, at++)
            name[out++] = (char)(bytes[at] | (bytes[at] >= 'A' && bytes[at] <= 'Z' ? 0x20 : 0));
        name[out++] = '.';
    }
    if (at + 5 > len || out == 0)
        return 0;
    name[out - 1] = '\0';
    *ret_type = bytes[at + 1] << 8 | bytes[at + 2];
    return at + 5 - 12;
}

/* False: stay silent. */
static bool dns_answer(struct test_dns *dns, const uint8_t *bytes, size_t len, bool udp,
                       struct dns_message *message)
{
    struct test_dns_reply reply = { 0 };
    char name[QUESTION_MAX];
    int type = 0;
    size_t question = len < 12 ? 0 : question_read(bytes, len, name, &type);
    bool cut;

    if (question == 0)
        return false;
    dns->questions++;
    dns->tcp_questions += !udp;
    dns->answer(dns, name, type, &reply);
    cut = reply.truncated && udp;
    message->len = 0;
    message_put(message, bytes, 2);
    message_put_u16(message, 0x8180 | reply.rcode | (cut ? 0x0200u : 0));
    message_put_u16(message, 1);
    message_put_u16(message, cut ? 0 : (unsigned)reply.count + (reply.alias != NULL));
    message_put_u16(message, 0);
    message_put_u16(message, 0);
    message_put(message, bytes + 12, question);
    if (!cut)
        message_put_addresses(message, &reply, type);
    if (reply.garbage)
        memset(message->bytes + 12, 0xff, message->len - 12);
    return !reply.silent;
}

/* --- UDP --- */

static void dns_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct test_dns *dns = handle->data;

    (void)suggested;
    *buf = uv_buf_init(dns->room, sizeof(dns->room));
}

static void dns_on_datagram(uv_udp_t *udp, ssize_t len, const uv_buf_t *buf,
                            const struct sockaddr *peer, unsigned flags)
{
    struct test_dns *dns = udp->data;
    struct dns_message message;

    (void)flags;
    if (len <= 0 || peer == NULL)
        return;
    if (dns_answer(dns, (const uint8_t *)buf->base, (size_t)len, true, &message)) {
        uv_buf_t out = uv_buf_init((char *)message.bytes, (unsigned)message.len);

        uv_udp_try_send(udp, &out, 1, peer);
    }
}

/* --- TCP: whole questions only, one or more in a piece --- */

static void dns_on_closed(uv_handle_t *handle)
{
    free(handle);
}

static void dns_answer_tcp(struct test_dns *dns, uv_stream_t *stream, const uint8_t *bytes,
                           size_t len)
{
    struct dns_message message;
    uint8_t head[2];

    if (!dns_answer(dns, bytes, len, false, &message))
        return;
    head[0] = (uint8_t)(message.len >> 8);
    head[1] = (uint8_t)message.len;
    uv_try_write(stream,
                 (uv_buf_t[]){ uv_buf_init((char *)head, 2),
                               uv_buf_init((char *)message.bytes, (unsigned)message.len) },
                 2);
}

static void dns_on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    const uint8_t *bytes = (const uint8_t *)buf->base;
    size_t left = got > 0 ? (size_t)got : 0;

    while (left > 2) {
        size_t len = (size_t)(bytes[0] << 8 | bytes[1]);

        if (len + 2 > left)
            abort(); /* c-ares writes a question whole */
        dns_answer_tcp(stream->data, stream, bytes + 2, len);
        bytes += len + 2;
        left -= len + 2;
    }
    if (got < 0 && !uv_is_closing((uv_handle_t *)stream))
        uv_close((uv_handle_t *)stream, dns_on_closed);
}

static void dns_on_connection(uv_stream_t *listener, int status)
{
    struct test_dns *dns = listener->data;
    uv_tcp_t *peer = ax_alloc(sizeof(*peer));

    uv_tcp_init(&dns->loop->uv, peer);
    peer->data = dns;
    if (status != 0 || uv_accept(listener, (uv_stream_t *)peer) != 0)
        uv_close((uv_handle_t *)peer, dns_on_closed);
    else
        uv_read_start((uv_stream_t *)peer, dns_on_alloc, dns_on_read);
}

/* A TCP and a UDP socket on one port; another process may hold one half of it: then the next. */
static uint16_t dns_bind(int *tcp, int *udp)
{
    for (int i = 0; i < 64; i++) {
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_addr = { htonl(INADDR_LOOPBACK) } };
        socklen_t len = sizeof(address);

        *tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        *udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (bind(*tcp, (const struct sockaddr *)&address, len) == 0 &&
            getsockname(*tcp, (struct sockaddr *)&address, &len) == 0 &&
            bind(*udp, (const struct sockaddr *)&address, len) == 0)
            return ntohs(address.sin_port);
        ax_fd_close(tcp);
        ax_fd_close(udp);
    }
    abort();
}

void test_dns_start(struct test_dns *dns, struct ax_loop *loop, test_dns_answer_fn *answer)
{
    int tcp, udp;

    *dns = (struct test_dns){ .loop = loop, .answer = answer };
    snprintf(dns->server, sizeof(dns->server), "127.0.0.1:%u", dns_bind(&tcp, &udp));
    uv_udp_init(&loop->uv, &dns->udp);
    uv_tcp_init(&loop->uv, &dns->tcp);
    dns->udp.data = dns;
    dns->tcp.data = dns;
    if (uv_udp_open(&dns->udp, udp) != 0 || uv_tcp_open(&dns->tcp, tcp) != 0 ||
        uv_listen((uv_stream_t *)&dns->tcp, 16, dns_on_connection) != 0 ||
        uv_udp_recv_start(&dns->udp, dns_on_alloc, dns_on_datagram) != 0)
        abort();
}

void test_dns_stop(struct test_dns *dns)
{
    uv_close((uv_handle_t *)&dns->udp, NULL);
    uv_close((uv_handle_t *)&dns->tcp, NULL);
}

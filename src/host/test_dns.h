/* SPDX-License-Identifier: Apache-2.0 */
/* test_dns.h - which name server tells a test's resolver what the test wants? (tests only)
 *
 * Answers over UDP and TCP on 127.0.0.1, on the loop of the test. What is said is decided by a
 * function, question by question, so that it can lie, change its mind or stay silent. */
#ifndef AX_HOST_TEST_DNS_H
#define AX_HOST_TEST_DNS_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEST_DNS_A             1
#define TEST_DNS_AAAA          28
#define TEST_DNS_ADDRESSES_MAX 160

struct test_dns_reply {
    bool silent;    /* no answer at all */
    bool garbage;   /* bytes that are no DNS message */
    bool truncated; /* over UDP: the bit and no records; over TCP: all of them */
    unsigned rcode; /* 2 SERVFAIL, 3 NXDOMAIN ... */
    uint32_t ttl;
    const char *alias; /* a CNAME record before the addresses, which are then the alias's */
    const char *addresses[TEST_DNS_ADDRESSES_MAX]; /* of the family that was asked for */
    size_t count;
};

struct test_dns;
typedef void test_dns_answer_fn(struct test_dns *dns, const char *name, int type,
                                struct test_dns_reply *reply);

struct test_dns {
    struct ax_loop *loop;
    uv_udp_t udp;
    uv_tcp_t tcp;
    test_dns_answer_fn *answer;
    size_t questions; /* all */
    size_t tcp_questions;
    char server[32]; /* "127.0.0.1:port" */
    char room[65536];
};

/* Starts; aborts when the machine has no port for it. `dns` lives until the loop is done. */
void test_dns_start(struct test_dns *dns, struct ax_loop *loop, test_dns_answer_fn *answer);
void test_dns_stop(struct test_dns *dns); /* handles close in later turns */

#endif

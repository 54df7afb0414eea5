/* SPDX-License-Identifier: Apache-2.0 */
/* client_private.h - what do a client and its running calls know of each other? (this folder) */
#ifndef AX_HTTP_CLIENT_PRIVATE_H
#define AX_HTTP_CLIENT_PRIVATE_H

#include "http/client.h"

#include <curl/curl.h>

/* Easy handles that wait for the next call: making one costs more than a small request. */
#define AX_CLIENT_SPARE_MAX 32

struct ax_http_client {
    struct ax_loop *loop;
    CURLM *multi;
    struct ax_timer timer; /* libcurl's own */
    CURL *spare[AX_CLIENT_SPARE_MAX];
    size_t spare_count;
    size_t calls;   /* running */
    size_t handles; /* of libuv, open or closing */
    bool freed;
};

struct ax_http_call_state {
    struct ax_http_client *client;
    struct ax_http_call *call;
    CURL *easy;
    bool added; /* to the multi */
    struct curl_slist *headers;
    struct curl_slist *connect_to;
    struct ax_timer deadline;
    struct ax_task finish; /* ends the call from outside of libcurl: canceled, or never begun */
    enum ax_http_failure failure; /* noted by a callback; wins over what libcurl says */
    const char *reason;
    bool no_memory;     /* is the reason of a transport failure */
    bool repeated;      /* libcurl has connected once before */
    bool head_complete; /* what follows are trailers */
    struct {            /* offsets in result.head, which moves while it grows */
        uint32_t name, name_len, value, value_len;
    } fields[64];
    size_t field_count;
    char words[CURL_ERROR_SIZE];
};

/* libcurl is through with the call whose easy handle this is. */
void ax_call_finished(CURL *easy, CURLcode result);

CURL *ax_client_take_easy(struct ax_http_client *client);
void ax_client_give_easy(struct ax_http_client *client, CURL *easy);

#endif

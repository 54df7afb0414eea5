/* SPDX-License-Identifier: Apache-2.0 */
/* service_token.h - is this one of our own programs?
 *
 * RUNNER_SERVICE_TOKEN is a comma-separated list: the first token is sent, all are accepted, so that
 * a token can be rotated without a gap. A token is 16 to 512 visible ASCII characters. */
#ifndef AX_AUTH_SERVICE_TOKEN_H
#define AX_AUTH_SERVICE_TOKEN_H

#include "base/alloc.h"
#include "base/err.h"
#include "base/str.h"

#define AX_SERVICE_TOKENS_MAX    8
#define AX_SERVICE_TOKEN_MIN     16
#define AX_SERVICE_TOKEN_LEN_MAX 512

struct ax_service_tokens;

/* Reads the setting's text (borrowed for the call). Fails with AX_E_INVALID_REQUEST: empty, too many,
 * one too short, too long or with other characters; the message never quotes a token. On AX_OK
 * *ret_tokens is yours. */
AX_CHECKED enum ax_code ax_service_tokens_parse(struct ax_str text,
                                                struct ax_service_tokens **ret_tokens,
                                                struct ax_err *err);
void ax_service_tokens_free(struct ax_service_tokens *tokens); /* wipes */
AX_AUTO_DEFINE(struct ax_service_tokens *, ax_service_tokens_free)

/* The one that we send. */
struct ax_str ax_service_tokens_first(const struct ax_service_tokens *tokens);

/* Do the values of the headers `authorization` ("Bearer TOKEN", scheme in any case) or
 * `x-runner-service-token` (AX_STR_NONE when absent) carry an accepted token? When both are sent both
 * must be. Takes the same time for every wrong token of one length. */
bool ax_service_tokens_accept(const struct ax_service_tokens *tokens, struct ax_str authorization,
                              struct ax_str own_header);

#endif

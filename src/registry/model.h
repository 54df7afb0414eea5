/* SPDX-License-Identifier: Apache-2.0 */
/* model.h - what do all operations on the registry's data have in common?
 *
 * An operation is a function on a struct ax_model; it runs on the database's thread, inside the
 * transaction that writer.h made for it, and may call others: together they happen or do not. Input
 * is borrowed for the call and checked before it meets SQL. What is given back lies in the arena of
 * whoever asked; AX_E_NO_MEMORY when it does not fit. On failure `err` has the words, and the
 * pointer where a member of the input is to blame. Beside what each function names, all may fail
 * with AX_E_INVALID_REQUEST, AX_E_NO_MEMORY, AX_E_REGISTRY_UNAVAILABLE, AX_E_INTERNAL.
 *
 * Nobody is asked for rights here, except where the data decide (whose prefix, whose tenant): who
 * may call is for the caller to say. */
#ifndef AX_REGISTRY_MODEL_H
#define AX_REGISTRY_MODEL_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "registry/db.h"

#include <stdbool.h>
#include <stdint.h>

#define AX_PAGE_MAX      1000 /* rows of one listing */
#define AX_ID_LEN        30   /* "ins_" and 26 characters */
#define AX_PRINCIPAL_MAX 256
#define AX_TENANT_MAX    128
#define AX_SLUG_MAX      63
#define AX_TITLE_MAX     128 /* bytes of a display name */
#define AX_REASON_MAX    512

/* Who did it, for the audit. Empty is the registry itself. */
struct ax_actor {
    struct ax_str principal;
    struct ax_str request_id;
};

struct ax_model {
    struct ax_db *db;
    struct ax_arena *arena;
    struct ax_actor actor;
    int64_t now_ms;
    struct ax_err *err; /* never NULL */
};

/* Where a listing stands: rows whose key is greater than `after` (empty: from the start), at most
 * `limit` (0: AX_PAGE_MAX). A page shorter than its limit is the last one. */
struct ax_page {
    struct ax_str after;
    size_t limit;
};

/* "pub_" and so on, and 26 characters that nobody can guess; `kind` has four characters. */
void ax_id_make(const char *kind, char room[AX_ID_LEN + 1]);
bool ax_id_is(struct ax_str text, const char *kind);

#endif

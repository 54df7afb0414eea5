/* SPDX-License-Identifier: Apache-2.0 */
/* db.h - how do we talk to SQLite?
 *
 * One connection, used by one thread at a time. Statements are literals of ours with the parameters
 * $1, $2 ... $k; they are prepared once and kept. Reading:
 *
 *     struct ax_rows rows;
 *     ax_db_select(db, &rows, "SELECT slug FROM publishers WHERE id = $1", b_text(id));
 *     while (ax_rows_next(&rows))
 *         use(ax_rows_text(&rows, 0));
 *     code = ax_rows_end(&rows, err);
 *
 * What goes wrong on the way is kept and told by ax_rows_end(), which is always called. Failures:
 * AX_E_CONFLICT (a constraint of the schema), AX_E_REGISTRY_UNAVAILABLE (locked, full, damaged, no
 * memory, the disk refuses), AX_E_INTERNAL (our bug). */
#ifndef AX_REGISTRY_DB_H
#define AX_REGISTRY_DB_H

#include "base/alloc.h"
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct ax_db;
struct ax_db_statement;

/* Opens or makes the database in the file `path`: WAL, every commit on disk before it counts, only
 * the owner may read it. Takes the migrations that are missing. Blocks.
 *
 * On AX_OK *ret_db is yours: ax_db_close(). Refused, with words for an operator: a file that is not
 * ours or is damaged (AX_E_IO), one that a newer program made (AX_E_CONFLICT), one that is locked
 * or cannot be opened or written (AX_E_REGISTRY_UNAVAILABLE). The words do not name the path. */
AX_CHECKED enum ax_code ax_db_open(const char *path, struct ax_db **ret_db, struct ax_err *err);
void ax_db_close(struct ax_db *db); /* NULL is fine */
AX_AUTO_DEFINE(struct ax_db *, ax_db_close)

/* Asked again and again while another connection holds the lock; it blocks as long as it likes to
 * and says whether to try again. Without it: two seconds. */
void ax_db_on_busy(struct ax_db *db, bool (*wait)(void *arg), void *arg);

struct ax_bind {
    enum { AX_BIND_TEXT, AX_BIND_I64, AX_BIND_NULL } type;
    struct ax_str text; /* borrowed until the statement has ended */
    int64_t i64;
};

static inline struct ax_bind b_text(struct ax_str text)
{
    return (struct ax_bind){ .type = AX_BIND_TEXT, .text = text };
}
static inline struct ax_bind b_cstr(const char *text)
{
    return b_text(ax_str_of(text));
}
static inline struct ax_bind b_text_or_null(struct ax_str text) /* empty: NULL */
{
    return (struct ax_bind){ .type = text.len ? AX_BIND_TEXT : AX_BIND_NULL, .text = text };
}
static inline struct ax_bind b_i64(int64_t number)
{
    return (struct ax_bind){ .type = AX_BIND_I64, .i64 = number };
}

#define AX_BINDS(...)                                                         \
    (const struct ax_bind[]){ __VA_ARGS__ __VA_OPT__(, ){ 0 } },              \
        sizeof((const struct ax_bind[]){ __VA_ARGS__ __VA_OPT__(, ){ 0 } }) / \
                sizeof(struct ax_bind) -                                      \
            1

struct ax_rows {
    struct ax_db *db;
    struct ax_db_statement *statement;
    int status; /* SQLite's, of the last step */
};

/* Begins a statement; columns count from 0. */
#define ax_db_select(db, rows, sql, ...) \
    ax_db_select_list((db), (rows), ("" sql), AX_BINDS(__VA_ARGS__))
void ax_db_select_list(struct ax_db *db, struct ax_rows *rows, const char *sql,
                       const struct ax_bind *binds, size_t count);
bool ax_rows_next(struct ax_rows *rows);
struct ax_str ax_rows_text(const struct ax_rows *rows, int column); /* borrowed until _next, _end */
int64_t ax_rows_i64(const struct ax_rows *rows, int column);
enum ax_code ax_rows_end(struct ax_rows *rows, struct ax_err *err);

/* A statement that gives no rows. ax_db_changed() is the number of rows that it touched. */
#define ax_db_run(db, err, sql, ...) ax_db_run_list((db), (err), ("" sql), AX_BINDS(__VA_ARGS__))
AX_CHECKED enum ax_code ax_db_run_list(struct ax_db *db, struct ax_err *err, const char *sql,
                                       const struct ax_bind *binds, size_t count);
int64_t ax_db_changed(const struct ax_db *db);

/* The number in the first row's first column; AX_E_NOT_FOUND without words when there is no row. */
#define ax_db_number(db, err, ret_number, sql, ...) \
    ax_db_number_list((db), (err), (ret_number), ("" sql), AX_BINDS(__VA_ARGS__))
AX_CHECKED enum ax_code ax_db_number_list(struct ax_db *db, struct ax_err *err, int64_t *ret_number,
                                          const char *sql, const struct ax_bind *binds,
                                          size_t count);

/* Some failures end the whole transaction, not only their statement. */
bool ax_db_in_transaction(const struct ax_db *db);
/* The last failure was another connection's lock. */
bool ax_db_is_locked(const struct ax_db *db);
/* While forbidden, a statement that writes is our bug and asserts. */
void ax_db_forbid_writes(struct ax_db *db, bool forbidden);

#endif

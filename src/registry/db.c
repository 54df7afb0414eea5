/* SPDX-License-Identifier: Apache-2.0 */
/* db.c - how do we talk to SQLite? Statements, and what its codes mean to us. */
#include "registry/db.h"

#include "base/map.h"
#include "registry/db_private.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

struct ax_db_statement {
    struct ax_map_node node; /* by its text, a literal */
    sqlite3_stmt *stmt;
    int *slots; /* of $1 ... $k: SQLite numbers parameters by their first appearance */
    size_t count;
    bool running;
    struct ax_db_statement *next;
};

enum ax_code db_code(int status, struct ax_err *err)
{
    switch (status & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE: return AX_OK;
    case SQLITE_CONSTRAINT:
        return ax_err_set(err, AX_E_CONFLICT, "this does not fit what is stored already");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL:
    case SQLITE_INTERRUPT:
    case SQLITE_NOMEM:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ax_err_set(err, AX_E_REGISTRY_UNAVAILABLE, "the registry's database: %s",
                          sqlite3_errstr(status & 0xff));
    default:
        return ax_err_set(err, AX_E_INTERNAL, "the registry's database: %s",
                          sqlite3_errstr(status & 0xff));
    }
}

/* "$1" ... "$k" and nothing else: bound by position they would come back swapped. */
static void statement_find_slots(struct ax_db_statement *statement)
{
    int count = sqlite3_bind_parameter_count(statement->stmt);

    statement->count = (size_t)count;
    statement->slots = ax_alloc((statement->count + 1) * sizeof(*statement->slots));
    for (int i = 0; i < count; i++) {
        char name[16];

        snprintf(name, sizeof(name), "$%d", i + 1);
        statement->slots[i] = sqlite3_bind_parameter_index(statement->stmt, name);
        assert(statement->slots[i] > 0);
    }
}

static int db_prepare(struct ax_db *db, const char *sql, struct ax_db_statement **ret_statement)
{
    struct ax_map_node *node = ax_map_find(&db->by_text, ax_str_of(sql));
    struct ax_db_statement *statement;
    sqlite3_stmt *stmt = NULL;
    int status;

    if (node) {
        *ret_statement = AX_CONTAINER_OF(node, struct ax_db_statement, node);
        return SQLITE_OK;
    }
    status = sqlite3_prepare_v3(db->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
    if (status != SQLITE_OK)
        return status;
    statement = ax_alloc(sizeof(*statement));
    statement->stmt = stmt;
    statement_find_slots(statement);
    statement->next = db->statements;
    db->statements = statement;
    ax_map_insert(&db->by_text, &statement->node, ax_str_of(sql));
    *ret_statement = statement;
    return SQLITE_OK;
}

void db_drop_statements(struct ax_db *db)
{
    while (db->statements) {
        struct ax_db_statement *statement = db->statements;

        assert(!statement->running);
        db->statements = statement->next;
        (void)sqlite3_finalize(statement->stmt);
        free(statement->slots);
        free(statement);
    }
    ax_map_done(&db->by_text);
}

static int statement_bind(const struct ax_db_statement *statement, const struct ax_bind *binds)
{
    int status = SQLITE_OK;

    for (size_t i = 0; i < statement->count && status == SQLITE_OK; i++) {
        int slot = statement->slots[i];
        const struct ax_bind *bind = &binds[i];

        switch (bind->type) {
        case AX_BIND_NULL: status = sqlite3_bind_null(statement->stmt, slot); break;
        case AX_BIND_I64: status = sqlite3_bind_int64(statement->stmt, slot, bind->i64); break;
        case AX_BIND_TEXT:
            status = sqlite3_bind_text64(statement->stmt, slot,
                                         bind->text.len ? bind->text.ptr : "", bind->text.len,
                                         SQLITE_STATIC, SQLITE_UTF8);
            break;
        }
    }
    return status;
}

void ax_db_select_list(struct ax_db *db, struct ax_rows *rows, const char *sql,
                       const struct ax_bind *binds, size_t count)
{
    *rows = (struct ax_rows){ .db = db };
    rows->status = db_prepare(db, sql, &rows->statement);
    if (rows->status != SQLITE_OK)
        return;
    assert(rows->statement->count == count && !rows->statement->running);
    assert(!db->read_only || sqlite3_stmt_readonly(rows->statement->stmt));
    rows->statement->running = true;
    rows->status = statement_bind(rows->statement, binds);
}

bool ax_rows_next(struct ax_rows *rows)
{
    if (rows->status != SQLITE_OK && rows->status != SQLITE_ROW)
        return false;
    rows->status = sqlite3_step(rows->statement->stmt);
    return rows->status == SQLITE_ROW;
}

struct ax_str ax_rows_text(const struct ax_rows *rows, int column)
{
    const unsigned char *text = sqlite3_column_text(rows->statement->stmt, column);

    if (!text)
        return AX_STR_NONE;
    return ax_str_make(text, (size_t)sqlite3_column_bytes(rows->statement->stmt, column));
}

int64_t ax_rows_i64(const struct ax_rows *rows, int column)
{
    return sqlite3_column_int64(rows->statement->stmt, column);
}

enum ax_code ax_rows_end(struct ax_rows *rows, struct ax_err *err)
{
    if (rows->statement && rows->statement->running) {
        (void)sqlite3_reset(rows->statement->stmt); /* repeats the status of the last step */
        (void)sqlite3_clear_bindings(rows->statement->stmt);
        rows->statement->running = false;
    }
    return db_code(rows->status, err);
}

enum ax_code ax_db_run_list(struct ax_db *db, struct ax_err *err, const char *sql,
                            const struct ax_bind *binds, size_t count)
{
    struct ax_rows rows;

    ax_db_select_list(db, &rows, sql, binds, count);
    while (ax_rows_next(&rows)) {
    }
    return ax_rows_end(&rows, err);
}

int64_t ax_db_changed(const struct ax_db *db)
{
    return sqlite3_changes64(db->sqlite);
}

enum ax_code ax_db_number_list(struct ax_db *db, struct ax_err *err, int64_t *ret_number,
                               const char *sql, const struct ax_bind *binds, size_t count)
{
    struct ax_rows rows;
    enum ax_code code;
    bool found;

    ax_db_select_list(db, &rows, sql, binds, count);
    found = ax_rows_next(&rows);
    if (found)
        *ret_number = ax_rows_i64(&rows, 0);
    code = ax_rows_end(&rows, err);
    return code == AX_OK && !found ? AX_E_NOT_FOUND : code;
}

bool ax_db_in_transaction(const struct ax_db *db)
{
    return sqlite3_get_autocommit(db->sqlite) == 0;
}

bool ax_db_is_locked(const struct ax_db *db)
{
    int status = sqlite3_errcode(db->sqlite) & 0xff;

    return status == SQLITE_BUSY || status == SQLITE_LOCKED;
}

void ax_db_forbid_writes(struct ax_db *db, bool forbidden)
{
    db->read_only = forbidden;
}

static int db_wait(void *arg, int count)
{
    struct ax_db *db = arg;

    (void)count;
    return db->wait(db->wait_arg);
}

void ax_db_on_busy(struct ax_db *db, bool (*wait)(void *arg), void *arg)
{
    db->wait = wait;
    db->wait_arg = arg;
    (void)sqlite3_busy_handler(db->sqlite, db_wait, db);
}

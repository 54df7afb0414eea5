/* SPDX-License-Identifier: Apache-2.0 */
/* db_open.c - may this file be our database?
 * Order matters: whose file it is and whether it is whole is asked before anything is written. */
#include "base/clock.h"
#include "registry/db_private.h"
#include "registry/migrations.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define DB_APPLICATION   0x414e4e58 /* stands in the file's header */
#define DB_BUSY_MS       2000
#define DB_VALUE_MAX     (1 << 20) /* bytes of one text or row: a manifest has 64 KiB */
#define DB_SQL_MAX       (64 << 10)
#define DB_WAL_BYTES_MAX "67108864"

/* SQLite would make the file readable to everybody; its side files take after it. */
static enum ax_code db_make_file(const char *path, struct ax_err *err)
{
    AX_AUTO_FD int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0 && access(path, R_OK | W_OK) != 0)
        return ax_err_set(err, AX_E_REGISTRY_UNAVAILABLE,
                          "the database cannot be opened for reading and writing");
    return AX_OK;
}

static void db_harden(sqlite3 *sqlite)
{
    (void)sqlite3_extended_result_codes(sqlite, 1);
    (void)sqlite3_busy_timeout(sqlite, DB_BUSY_MS);
    (void)sqlite3_limit(sqlite, SQLITE_LIMIT_LENGTH, DB_VALUE_MAX);
    (void)sqlite3_limit(sqlite, SQLITE_LIMIT_SQL_LENGTH, DB_SQL_MAX);
    (void)sqlite3_limit(sqlite, SQLITE_LIMIT_ATTACHED, 0);
    (void)sqlite3_db_config(sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(sqlite, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(sqlite, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    (void)sqlite3_db_config(sqlite, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    (void)sqlite3_db_config(sqlite, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
}

/* As ax_db_run, and says that a damaged file is one. */
static enum ax_code db_start(struct ax_db *db, const char *sql, struct ax_err *err)
{
    int status = sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL);
    enum ax_code code = db_code(status, err);

    if ((status & 0xff) == SQLITE_CORRUPT || (status & 0xff) == SQLITE_NOTADB)
        return ax_err_set(err, AX_E_IO,
                          "the database is damaged, or is no database: restore a copy of it");
    return code;
}

/* Application, version, and whether the file is whole. */
static enum ax_code db_judge(struct ax_db *db, int64_t *ret_version, struct ax_err *err)
{
    int64_t application = 0, version = 0, tables = 0;
    enum ax_code code = db_start(db, "SELECT count(*) FROM sqlite_schema", err);
    struct ax_rows rows;
    bool whole;

    if (code == AX_OK)
        code = ax_db_number(db, err, &tables, "SELECT count(*) FROM sqlite_schema");
    if (code == AX_OK)
        code = ax_db_number(db, err, &application, "PRAGMA application_id");
    if (code == AX_OK)
        code = ax_db_number(db, err, &version, "PRAGMA user_version");
    if (code != AX_OK)
        return code;
    if (tables > 0 && application != DB_APPLICATION)
        return ax_err_set(err, AX_E_IO, "the database belongs to another program");
    if (version > ax_migration_count)
        return ax_err_set(err, AX_E_CONFLICT,
                          "the database was made by a newer program: it is of version %lld, this "
                          "program knows versions up to %d",
                          (long long)version, ax_migration_count);
    ax_db_select(db, &rows, "PRAGMA quick_check(1)");
    whole = ax_rows_next(&rows) && ax_str_eq(ax_rows_text(&rows, 0), AX_STR("ok"));
    code = ax_rows_end(&rows, err);
    if ((code == AX_OK || code == AX_E_REGISTRY_UNAVAILABLE) && !whole)
        return ax_err_set(err, AX_E_IO, "the database is damaged: restore a copy of it");
    *ret_version = version;
    return code;
}

static enum ax_code db_configure(struct ax_db *db, struct ax_err *err)
{
    struct ax_rows rows;
    enum ax_code code;
    bool wal;

    ax_db_select(db, &rows, "PRAGMA journal_mode = WAL");
    wal = ax_rows_next(&rows) && ax_str_eq(ax_rows_text(&rows, 0), AX_STR("wal"));
    code = ax_rows_end(&rows, err);
    if (code == AX_OK && !wal)
        return ax_err_set(err, AX_E_REGISTRY_UNAVAILABLE,
                          "the database's file system has no shared memory for its log");
    if (code == AX_OK)
        code = db_start(db,
                        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
                        "PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON;"
                        "PRAGMA journal_size_limit = " DB_WAL_BYTES_MAX,
                        err);
    return code;
}

static enum ax_code db_migrate(struct ax_db *db, int version, struct ax_err *err)
{
    enum ax_code code = AX_OK;

    for (int i = version; i < ax_migration_count && code == AX_OK; i++) {
        char mark[96];

        snprintf(mark, sizeof(mark), "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
                 DB_APPLICATION, i + 1);
        code = db_start(db, "BEGIN IMMEDIATE", err);
        if (code == AX_OK)
            code = db_start(db, ax_migrations[i].sql, err);
        if (code == AX_OK)
            code = db_start(db, mark, err);
        if (code != AX_OK)
            code = ax_err_wrap(err, code, "migration %s", ax_migrations[i].name);
    }
    return code; /* closing ends a transaction that failed */
}

enum ax_code ax_db_open(const char *path, struct ax_db **ret_db, struct ax_err *err)
{
    AX_AUTO(ax_db_close) struct ax_db *db = ax_alloc(sizeof(*db));
    int64_t version = 0;
    enum ax_code code = db_make_file(path, err);

    ax_map_init(&db->by_text);
    if (code == AX_OK)
        code = db_code(
            sqlite3_open_v2(path, &db->sqlite,
                            SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
                            NULL),
            err);
    if (code != AX_OK)
        return code;
    db_harden(db->sqlite);
    code = db_judge(db, &version, err);
    if (code == AX_OK)
        code = db_configure(db, err);
    if (code == AX_OK)
        code = db_migrate(db, (int)version, err);
    if (code == AX_OK)
        *ret_db = AX_TAKE(db);
    return code;
}

void ax_db_close(struct ax_db *db)
{
    if (!db)
        return;
    db_drop_statements(db);
    (void)sqlite3_close(db->sqlite);
    free(db);
}

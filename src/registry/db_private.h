/* SPDX-License-Identifier: Apache-2.0 */
/* db_private.h - what do opening and using a database share? */
#ifndef AX_REGISTRY_DB_PRIVATE_H
#define AX_REGISTRY_DB_PRIVATE_H

#include "base/map.h"
#include "registry/db.h"

#include <sqlite3.h>

struct ax_db {
    sqlite3 *sqlite;
    struct ax_map by_text;
    struct ax_db_statement *statements;
    bool read_only;
    bool (*wait)(void *arg);
    void *wait_arg;
};

/* What a status of SQLite means to us; sets `err` unless it is fine. */
enum ax_code db_code(int status, struct ax_err *err);
void db_drop_statements(struct ax_db *db);

#endif

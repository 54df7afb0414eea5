/* SPDX-License-Identifier: Apache-2.0 */
/* migrations.h - which steps lead from an empty database to ours? Made from migrations/ at build. */
#ifndef AX_REGISTRY_MIGRATIONS_H
#define AX_REGISTRY_MIGRATIONS_H

struct ax_migration {
    const char *name; /* "0001_first" */
    const char *sql;  /* one or more statements, terminated */
};

/* Step n stands at n - 1. A database remembers how many steps it has taken. */
extern const struct ax_migration ax_migrations[];
extern const int ax_migration_count;

#endif

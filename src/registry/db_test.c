/* SPDX-License-Identifier: Apache-2.0 */
/* db_test.c - does db.h hold what it promises? */
#include "registry/db.h"

#include "registry/migrations.h"
#include "registry/test_kit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

TEST(numbered_parameters_are_bound_by_their_numbers)
{
    struct ax_rows rows;
    struct kit kit;

    kit_init(&kit);
    ax_db_select(kit.db, &rows, "SELECT $2, $1, $3", b_cstr("one"), b_i64(2),
                 b_text_or_null(AX_STR_NONE));
    T_TRUE(ax_rows_next(&rows));
    T_EQ(ax_rows_i64(&rows, 0), 2);
    T_STR(ax_rows_text(&rows, 1), AX_STR("one"));
    T_TRUE(ax_rows_text(&rows, 2).ptr == NULL);
    T_FALSE(ax_rows_next(&rows));
    T_FALSE(ax_rows_next(&rows));
    T_OK(ax_rows_end(&rows, &kit.err));
    kit_done(&kit);
}

TEST(statement_can_be_left_in_the_middle_and_used_again)
{
    struct ax_rows rows;
    struct kit kit;

    kit_init(&kit);
    for (int i = 0; i < 3; i++) {
        ax_db_select(kit.db, &rows, "SELECT name FROM sqlite_schema");
        T_TRUE(ax_rows_next(&rows));
        T_OK(ax_rows_end(&rows, &kit.err));
    }
    kit_done(&kit);
}

TEST(constraints_are_conflicts)
{
    struct kit kit;

    kit_init(&kit);
    T_CODE(ax_db_run(kit.db, &kit.err, "INSERT INTO meta VALUES (1, 0, 0, 0, '')"), AX_E_CONFLICT);
    T_CODE(
        ax_db_run(kit.db, &kit.err, "INSERT INTO publisher_prefixes VALUES ('com.', 'pub_nobody')"),
        AX_E_CONFLICT); /* foreign keys are on */
    T_CODE(ax_db_run(kit.db, &kit.err, "UPDATE meta SET serial = 'many'"), AX_E_CONFLICT);
    T_OK(ax_db_run(kit.db, &kit.err, "UPDATE meta SET serial = 7"));
    T_EQ(ax_db_changed(kit.db), 1);
    kit_done(&kit);
}

TEST(file_is_the_owners_alone)
{
    static const char *const sides[] = { "", "-wal", "-shm" };
    struct stat info;
    char path[96];
    struct kit kit;

    umask(0);
    kit_init(&kit);
    for (size_t i = 0; i < AX_ARRAY_LEN(sides); i++) {
        snprintf(path, sizeof(path), "%s%s", kit.path, sides[i]);
        T_EQ(stat(path, &info), 0);
        T_EQ(info.st_mode & 0777, 0600);
    }
    kit_done(&kit);
}

TEST(database_is_opened_again_as_it_was)
{
    struct ax_publisher publisher;
    struct kit kit;
    int64_t version = 0;

    kit_init(&kit);
    kit_publisher(&kit);
    kit_close(&kit);
    kit_open(&kit);
    T_OK(ax_publisher_get(&kit.model, AX_STR("acme"), &publisher));
    T_OK(ax_db_number(kit.db, &kit.err, &version, "PRAGMA user_version"));
    T_EQ(version, ax_migration_count);
    kit_done(&kit);
}

TEST(database_of_a_newer_program_is_refused)
{
    struct kit kit;
    struct ax_db *db = NULL;

    kit_init(&kit);
    T_EQ(ax_migration_count, 1); /* the number below is one more */
    T_OK(ax_db_run(kit.db, &kit.err, "PRAGMA user_version = 2"));
    kit_close(&kit);
    T_CODE(ax_db_open(kit.path, &db, &kit.err), AX_E_CONFLICT);
    T_TRUE(strstr(kit.err.message, "newer program") != NULL);
    T_TRUE(db == NULL);
    kit_done(&kit);
}

static void overwrite(const char *path, off_t at, const char *bytes, size_t len)
{
    AX_AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    T_TRUE(fd >= 0);
    T_EQ(pwrite(fd, bytes, len, at), (ssize_t)len);
}

TEST(file_that_is_not_ours_is_refused)
{
    struct ax_db *db = NULL;
    struct kit kit;

    kit_init(&kit);
    T_OK(ax_db_run(kit.db, &kit.err, "PRAGMA application_id = 77"));
    kit_close(&kit);
    T_CODE(ax_db_open(kit.path, &db, &kit.err), AX_E_IO);
    T_TRUE(strstr(kit.err.message, "another program") != NULL);
    T_EQ(unlink(kit.path), 0);
    overwrite(kit.path, 0,
              "this is a letter, not a database; it is long enough to be looked at. "
              "It goes on until there are more than a hundred bytes.",
              120);
    T_CODE(ax_db_open(kit.path, &db, &kit.err), AX_E_IO);
    T_TRUE(strstr(kit.err.message, "no database") != NULL);
    T_EQ(truncate(kit.path, 0), 0); /* an empty file is one that nothing has been written to yet */
    kit_open(&kit);
    kit_done(&kit);
}

TEST(damaged_file_is_refused_at_every_page)
{
    char page[4096], noise[4096];
    struct stat info;
    struct ax_db *db = NULL;
    struct kit kit;

    kit_init(&kit);
    kit_publisher(&kit);
    kit_close(&kit);
    memset(noise, 0xa5, sizeof(noise));
    T_EQ(stat(kit.path, &info), 0);
    for (off_t at = 0; at < info.st_size; at += (off_t)sizeof(page)) {
        AX_AUTO_FD int fd = open(kit.path, O_RDONLY | O_CLOEXEC);

        T_EQ(pread(fd, page, sizeof(page), at), (ssize_t)sizeof(page));
        overwrite(kit.path, at, noise, sizeof(noise));
        T_CODE(ax_db_open(kit.path, &db, &kit.err), AX_E_IO);
        T_TRUE(strstr(kit.err.message, "damaged") != NULL);
        overwrite(kit.path, at, page, sizeof(page));
    }
    kit_open(&kit);
    kit_done(&kit);
}

TEST(file_in_no_folder_is_refused)
{
    struct ax_db *db = NULL;
    struct ax_err err;

    T_CODE(ax_db_open("/nonexistent/registry.db", &db, &err), AX_E_REGISTRY_UNAVAILABLE);
    T_TRUE(strstr(err.message, "nonexistent") == NULL);
}

TEST_MAIN()

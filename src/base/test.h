/* SPDX-License-Identifier: Apache-2.0 */
/* test.h - how does a unit test state its promise?
 *
 *     TEST(manifest_refuses_depth_33) { T_EQ(ax_x(33), AX_E_INVALID_REQUEST); }
 *     TEST_MAIN()
 *
 * Each TEST runs in a process of its own with a deadline of 60 s; leaks are its failures (LSan).
 * The program prints a line a test and ends with "N passed, N failed". With arguments it runs the
 * tests whose names contain one of them. Assertions come from cmocka, inside one group of one. */
#ifndef AX_BASE_TEST_H
#define AX_BASE_TEST_H

#include "base/alloc.h"
#include "base/err.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

struct ax_test {
    const char *name;
    void (*run)(void **state);
    struct ax_test *next;
};
/* TEST calls it before main(); the tests run in the order of their registration. */
void ax_test_register(struct ax_test *test);
/* Runs the tests that `argv` names, or all; 0 when at least one ran and none failed. */
int ax_test_main(int argc, char **argv);

#define TEST(title)                                                 \
    static void title(void **state);                                \
    static struct ax_test title##_entry = { #title, title, NULL };  \
    __attribute__((constructor)) static void title##_register(void) \
    {                                                               \
        ax_test_register(&title##_entry);                           \
    }                                                               \
    static void title(void **state __attribute__((unused)))
#define TEST_MAIN()                      \
    int main(int argc, char **argv)      \
    {                                    \
        return ax_test_main(argc, argv); \
    }

#define T_TRUE(condition)  assert_true(condition)
#define T_FALSE(condition) assert_false(condition)
#define T_EQ(a, b)         assert_int_equal((a), (b))
#define T_OK(expression)   assert_string_equal(ax_code_info(expression)->name, "ok")
#define T_CODE(expression, code) \
    assert_string_equal(ax_code_info(expression)->name, ax_code_info(code)->name)
#define T_STR(actual, expected) ax_test_str((actual), (expected), __FILE__, __LINE__)
/* Fails the test, and shows both, unless the bytes are equal. */
void ax_test_str(struct ax_str actual, struct ax_str expected, const char *file, int line);

/* Runs the block again and again, refusing the 1st, 2nd, 3rd ... refusable allocation, until a run
 * asks for no more. */
#define T_SWEEP() for (uint64_t t_nth = 1; ax_test_sweep(&t_nth);)
bool ax_test_sweep(uint64_t *nth);

#endif

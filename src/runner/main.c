/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - which of the runner's processes is this one?
 *
 * Started by anybody: the supervisor. Started by the supervisor: the role that its arguments name.
 * Every process leaves by _exit(): a sanitizer's leak check at exit would have to look into a
 * process that lets nobody look in. */
#include "base/log.h"
#include "loop/role.h"
#include "runner/builder.h"
#include "runner/front.h"
#include "runner/loader.h"
#include "runner/start.h"
#include "runner/supervisor.h"
#include "runner/worker.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define MAIN_EXIT_SETTINGS 2

static const struct {
    const char *name;
    const char *title; /* for ps and top; at most 15 characters */
    int (*run)(struct ax_settings *settings);
} main_roles[] = {
    { "front", "annex-front", ax_front_run },
    { "loader", "annex-loader", ax_loader_run },
    { "builder", "annex-builder", ax_builder_run },
    { "worker", "annex-worker", ax_worker_run },
};

static int main_run_role(const char *name)
{
    struct ax_settings *settings = NULL;
    struct ax_err err;
    int status = MAIN_EXIT_SETTINGS;

    (void)signal(SIGPIPE, SIG_IGN); /* a log that nobody reads must not end us */
    ax_log_init(name, AX_INFO);
    if (ax_role_settings(&settings, &err) != AX_OK) {
        ax_log(AX_ERROR, "role.refused", kv_cstr("why", err.message));
        return status;
    }
    ax_start_log(settings, name);
    for (size_t i = 0; i < AX_ARRAY_LEN(main_roles); i++) {
        if (strcmp(name, main_roles[i].name) != 0)
            continue;
        (void)prctl(PR_SET_NAME, main_roles[i].title, 0, 0, 0);
        status = main_roles[i].run(settings);
    }
    ax_settings_free(settings);
    return status;
}

int main(int argc, char *argv[], char *envp[])
{
    const char *role;
    int status;

    if (ax_role_from_args(argc, argv, &role))
        status = main_run_role(role);
    else
        status = ax_supervisor_run(argc, argv, envp, &ax_supervisor_times);
    (void)fflush(NULL);
    _exit(status);
}

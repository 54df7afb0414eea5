/* SPDX-License-Identifier: Apache-2.0 */
/* seal.c - what does a process give away before it reads the first byte from outside?
 *
 * The order matters: descriptors first, while nothing hinders it; limits while a privileged process
 * may still raise them; the bounding set while CAP_SETPCAP is there; the rest of the capabilities
 * last. */
#include "loop/role.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SEAL_FIRST_FD 5
#define SEAL_CAPS_MAX 64 /* of capability.h's version 3 */

static enum ax_code seal_failed(struct ax_err *err, const char *step)
{
    return ax_err_set(err, AX_E_IO, "%s: %s", step, strerror(errno));
}

/* Closes from SEAL_FIRST_FD on what does not stand in `keep`, gap by gap. */
static bool seal_descriptors(const int *keep, size_t keep_count)
{
    unsigned from = SEAL_FIRST_FD;

    for (;;) {
        unsigned next = UINT_MAX; /* the lowest kept descriptor that is not below `from` */

        for (size_t i = 0; i < keep_count; i++) {
            if (keep[i] >= 0 && (unsigned)keep[i] >= from && (unsigned)keep[i] < next)
                next = (unsigned)keep[i];
        }
        if (next > from && close_range(from, next == UINT_MAX ? UINT_MAX : next - 1, 0) != 0)
            return false;
        if (next == UINT_MAX)
            return true;
        from = next + 1;
    }
}

static bool seal_limit(__rlimit_resource_t resource, uint64_t value)
{
    struct rlimit limit = { .rlim_cur = value, .rlim_max = value };
    struct rlimit now;

    if (value == 0 || setrlimit(resource, &limit) == 0)
        return true;
    /* Who may not raise the hard limit takes what there is. */
    if (errno != EPERM || getrlimit(resource, &now) != 0)
        return false;
    limit.rlim_cur = limit.rlim_max = now.rlim_max;
    return setrlimit(resource, &limit) == 0;
}

/* A runner that was started with lower priority than a role asks for keeps it. */
static bool seal_nice(int nice)
{
    return nice <= getpriority(PRIO_PROCESS, 0) || setpriority(PRIO_PROCESS, 0, nice) == 0;
}

static bool seal_limits(const struct ax_role_limits *limits)
{
    const struct rlimit none = { 0, 0 };

    return setrlimit(RLIMIT_CORE, &none) == 0 && seal_limit(RLIMIT_NOFILE, limits->files) &&
           seal_limit(RLIMIT_CPU, limits->cpu_s) && seal_limit(RLIMIT_DATA, limits->data) &&
           seal_limit(RLIMIT_AS, limits->address) && seal_limit(RLIMIT_NPROC, limits->processes) &&
           (limits->nice == 0 || seal_nice(limits->nice));
}

static bool seal_capabilities(void)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

    for (unsigned long cap = 0; cap < SEAL_CAPS_MAX; cap++) {
        /* EINVAL: behind the last one that this kernel knows. EPERM: no CAP_SETPCAP; then the
         * bounding set gives nothing either, because no_new_privs is on. */
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0 && errno != EINVAL && errno != EPERM)
            return false;
    }
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
        return false;
    return syscall(SYS_capset, &header, data) == 0;
}

enum ax_code ax_role_seal(const struct ax_role_limits *limits, const int *keep, size_t keep_count,
                          struct ax_err *err)
{
    if (!seal_descriptors(keep, keep_count))
        return seal_failed(err, "closing descriptors");
    if (!seal_limits(limits))
        return seal_failed(err, "setting limits");
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return seal_failed(err, "becoming not dumpable");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return seal_failed(err, "setting no_new_privs");
    if (!seal_capabilities())
        return seal_failed(err, "dropping capabilities");
    /* Landlock (which paths) and then seccomp (which system calls) belong here, in this order:
     * Landlock's own calls need not be in the filter, and both need no_new_privs. */
    return AX_OK;
}

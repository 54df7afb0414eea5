/* SPDX-License-Identifier: Apache-2.0 */
/* start.c - may this runner start, with which folders and sockets, and as whom? */
#include "runner/start.h"

#include "base/alloc.h"
#include "base/log.h"
#include "runner/worker_count.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define START_FILE_STORE "file://"
#define START_TRUST_MAX  (256u << 10) /* the setting's own limit is lower */
#define START_READ_STEP  4096
#define START_UID_MAX    UINT64_C(4294967293) /* the last two mean "none" to the kernel */

/* Between what Debian allocates on demand and what service managers hand out; inside what a
 * container with 65,536 users has. */
static const uid_t start_uids[AX_START_ROLES] = { 61000, 61001, 61002, 61003 };

static enum ax_code start_refuse(struct ax_err *err, const char *why)
{
    return ax_err_set(err, AX_E_INVALID_REQUEST, "%s", why);
}

/* --- as whom --- */

static enum ax_code start_users(const struct ax_settings *settings, bool is_root,
                                uid_t uids[AX_START_ROLES], struct ax_err *err)
{
    static const char wrong[] = "RUNNER_UIDS: four different user ids other than 0 are needed, for "
                                "front, loader, builder and worker: 61000,61001,61002,61003";
    struct ax_str rest = ax_settings_str(settings, "RUNNER_UIDS");
    size_t count = 0;

    memset(uids, 0, AX_START_ROLES * sizeof(*uids));
    if (rest.len > 0 && !is_root)
        return start_refuse(err, "RUNNER_UIDS: only root can start roles as other users");
    if (!is_root)
        return AX_OK;
    if (rest.len == 0) {
        memcpy(uids, start_uids, sizeof(start_uids));
        return AX_OK;
    }
    while (rest.ptr) {
        struct ax_str word = ax_str_trim(ax_str_cut(&rest, ','));
        uint64_t uid;

        if (count == AX_START_ROLES || !ax_str_to_u64(word, START_UID_MAX, &uid) || uid == 0)
            return start_refuse(err, wrong);
        for (size_t i = 0; i < count; i++) {
            if (uids[i] == uid)
                return start_refuse(err, wrong);
        }
        uids[count++] = (uid_t)uid;
    }
    return count == AX_START_ROLES ? AX_OK : start_refuse(err, wrong);
}

/* --- what the settings alone say --- */

static bool start_is_off(const struct ax_settings *settings)
{
    return ax_str_eq(ax_settings_str(settings, "SIGNING_POLICY"), AX_STR("off"));
}

enum ax_code ax_start_check(const struct ax_settings *settings, bool is_root, struct ax_err *err)
{
    struct ax_str store = ax_settings_str(settings, "BUNDLE_STORE_BASE");
    uid_t uids[AX_START_ROLES];

    if (ax_settings_str(settings, "RUNNER_SERVICE_TOKEN").len == 0)
        return start_refuse(err, "RUNNER_SERVICE_TOKEN is not set: nobody could be let in");
    if (!start_is_off(settings) && ax_settings_str(settings, "SIGNING_TRUST_BUNDLE").len == 0)
        return start_refuse(err, "SIGNING_TRUST_BUNDLE is not set: no bundle could be believed");
    if (!ax_settings_bool(settings, "RUNNER_OFFLINE") && store.len == 0)
        return start_refuse(err, "BUNDLE_STORE_BASE is not set: there is nothing to run");
    /* Stores over the network join here: one that we cannot read must not look like an empty one. */
    if (store.len != 0 && !ax_str_starts(store, AX_STR(START_FILE_STORE)))
        return start_refuse(err, "BUNDLE_STORE_BASE is not file:///folder, the one kind of store "
                                 "that this version reads");
    return start_users(settings, is_root, uids, err);
}

/* --- trust --- */

static enum ax_code start_read_file(const char *path, struct ax_buf *buf, struct ax_err *err)
{
    AX_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t got = -1;
    char *room;

    while (fd >= 0 && ax_buf_reserve(buf, START_READ_STEP, &room) == AX_OK &&
           (got = read(fd, room, START_READ_STEP)) > 0)
        ax_buf_advance(buf, (size_t)got);
    if (fd >= 0 && buf->failed != AX_OK)
        return ax_err_set(err, AX_E_INVALID_REQUEST, "'%s' is too large", path);
    if (fd < 0 || got < 0)
        return ax_err_set(err, AX_E_IO, "'%s': %s", path, strerror(errno));
    return AX_OK;
}

enum ax_code ax_start_read_trust(struct ax_settings *settings, struct ax_err *err)
{
    static const char *const names[] = { "SIGNING_TRUST_BUNDLE", "PRECOMPILED_TRUST_BUNDLE",
                                         "EXT_EGRESS_CA_FILE" };
    enum ax_code code = AX_OK;

    for (size_t i = 0; i < AX_ARRAY_LEN(names) && code == AX_OK; i++) {
        struct ax_str value = ax_settings_str(settings, names[i]);
        AX_AUTO_BUF struct ax_buf text = { .max = START_TRUST_MAX };
        AX_AUTO_FREE char *path = NULL;

        if (value.len == 0 || ax_str_starts(ax_str_trim(value), AX_STR("-----BEGIN ")))
            continue;
        path = ax_strdup(value);
        code = start_read_file(path, &text, err);
        if (code == AX_OK)
            code = ax_settings_replace(settings, names[i], ax_buf_str(&text), err);
        if (code != AX_OK)
            code = ax_err_wrap(err, code, "%s", names[i]);
    }
    return code;
}

/* --- folders --- */

static enum ax_code folder_fail(struct ax_err *err, const char *setting, const char *path)
{
    return ax_err_set(err, AX_E_IO, "%s: '%s': %s", setting, path, strerror(errno));
}

/* Makes `path`, and what leads to it; *ret_made tells whether the last part is new. */
static bool folder_make(char *path, bool *ret_made)
{
    *ret_made = false;
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            return false;
        *slash = '/';
    }
    if (mkdir(path, 0700) == 0)
        *ret_made = true;
    else if (errno != EEXIST)
        return false;
    return true;
}

static bool folder_is_empty(int fd)
{
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    struct dirent *entry;
    size_t entries = 0;

    if (!dir) {
        ax_fd_close(&copy);
        return false;
    }
    while ((entry = readdir(dir)))
        entries += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(dir);
    return entries == 0;
}

/* Makes the folder `owner`'s, and nobody else's. */
static enum ax_code folder_claim(int fd, uid_t owner, bool made, const char *setting,
                                 const char *path, struct ax_err *err)
{
    struct stat about;

    if (fstat(fd, &about) != 0)
        return folder_fail(err, setting, path);
    if (about.st_uid == owner && (about.st_mode & 077) == 0)
        return AX_OK;
    if (!made && !folder_is_empty(fd))
        return ax_err_set(err, AX_E_INVALID_REQUEST,
                          "%s: '%s' is not empty and not closed to all but user %u: "
                          "give it to that user, mode 0700, or name another folder",
                          setting, path, owner);
    if ((about.st_uid != owner && fchown(fd, owner, (gid_t)owner) != 0) || fchmod(fd, 0700) != 0)
        return folder_fail(err, setting, path);
    return AX_OK;
}

static enum ax_code folder_open(const struct ax_settings *settings, const char *setting,
                                uid_t owner, int *ret_fd, struct ax_err *err)
{
    AX_AUTO_FREE char *path = ax_strdup(ax_settings_str(settings, setting));
    size_t len = strlen(path);
    enum ax_code code;
    bool made;
    int fd;

    while (len > 1 && path[len - 1] == '/')
        path[--len] = '\0';
    if (path[0] != '/')
        return ax_err_set(err, AX_E_INVALID_REQUEST, "%s: '%s' does not start with /", setting,
                          path);
    if (!folder_make(path, &made))
        return folder_fail(err, setting, path);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return folder_fail(err, setting, path);
    code = folder_claim(fd, owner, made, setting, path, err);
    if (code == AX_OK)
        *ret_fd = fd;
    else
        ax_fd_close(&fd);
    return code;
}

/* A store in a folder is handed over open: what lies above it may be closed to the loader. */
static enum ax_code start_open_store(const struct ax_settings *settings, int *ret_fd,
                                     struct ax_err *err)
{
    struct ax_str base = ax_settings_str(settings, "BUNDLE_STORE_BASE");
    AX_AUTO_FREE char *path = NULL;

    if (!ax_str_starts(base, AX_STR(START_FILE_STORE)))
        return AX_OK;
    path = ax_strdup(ax_str_from(base, sizeof(START_FILE_STORE) - 1));
    if (path[0] != '/')
        return start_refuse(err, "BUNDLE_STORE_BASE: file:///folder has three slashes");
    *ret_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *ret_fd >= 0 ? AX_OK : folder_fail(err, "BUNDLE_STORE_BASE", path);
}

/* --- all of it --- */

static enum ax_code start_open_listeners(const struct ax_settings *settings, struct ax_start *start,
                                         struct ax_err *err)
{
    enum ax_code code = ax_listening_open(ax_settings_str(settings, "RUNNER_LISTEN"),
                                          &start->private_listener, err);

    if (code != AX_OK)
        return ax_err_wrap(err, code, "RUNNER_LISTEN");
    code = ax_listening_open(ax_settings_str(settings, "RUNNER_PUBLIC_LISTEN"),
                             &start->public_listener, err);
    if (code != AX_OK)
        return ax_err_wrap(err, code, "RUNNER_PUBLIC_LISTEN");
    if (start_is_off(settings) && (!start->private_listener.local || !start->public_listener.local))
        return start_refuse(err, "SIGNING_POLICY=off is refused: every listener must be on the "
                                 "loopback address or a Unix socket");
    return AX_OK;
}

enum ax_code ax_start_open(const struct ax_settings *settings, struct ax_start *ret_start,
                           struct ax_err *err)
{
    bool is_root = geteuid() == 0;
    struct ax_start start = { .cache_fd = -1,
                              .state_fd = -1,
                              .store_fd = -1,
                              .private_listener = { .fd = -1 },
                              .public_listener = { .fd = -1 } };
    enum ax_code code = ax_start_check(settings, is_root, err);
    uid_t loader;

    if (code == AX_OK)
        code = start_users(settings, is_root, start.uids, err);
    loader = is_root ? start.uids[AX_START_LOADER] : geteuid();
    if (code == AX_OK)
        code = folder_open(settings, "STATE_DIR", loader, &start.state_fd, err);
    if (code == AX_OK)
        code = folder_open(settings, "CACHE_ROOT", loader, &start.cache_fd, err);
    if (code == AX_OK)
        code = start_open_store(settings, &start.store_fd, err);
    if (code == AX_OK)
        code = start_open_listeners(settings, &start, err);
    start.workers = ax_worker_count(settings);
    start.compile_jobs = (uint32_t)ax_settings_u64(settings, "RUNNER_COMPILE_JOBS");
    if (code == AX_OK)
        *ret_start = start;
    else
        ax_start_close(&start);
    return code;
}

void ax_start_stop_listeners(struct ax_start *start)
{
    ax_listening_stop(&start->private_listener);
    ax_listening_stop(&start->public_listener);
}

void ax_start_close(struct ax_start *start)
{
    ax_listening_close(&start->private_listener);
    ax_listening_close(&start->public_listener);
    ax_fd_close(&start->cache_fd);
    ax_fd_close(&start->state_fd);
    ax_fd_close(&start->store_fd);
}

void ax_start_log(const struct ax_settings *settings, const char *role)
{
    static const struct {
        const char *name;
        enum ax_log_level level;
    } levels[] = { { "debug", AX_DEBUG }, { "warn", AX_WARN }, { "error", AX_ERROR } };
    struct ax_str asked = ax_settings_str(settings, "ANNEX_LOG_LEVEL");
    enum ax_log_level least = AX_INFO;

    for (size_t i = 0; i < AX_ARRAY_LEN(levels); i++) {
        if (ax_str_eq(asked, ax_str_of(levels[i].name)))
            least = levels[i].level;
    }
    ax_log_init(role, least);
}

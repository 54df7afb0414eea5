/* SPDX-License-Identifier: Apache-2.0 */
/* resolve_bench.c - what does an edge's read model cost with 100,000 installs?
 *
 *   resolve_bench [installs [tenants]]      default: 100000 2000
 * Loads frames as the registry sends them, resolves by all four spellings in random order, and prints
 * `name value` lines. */
#include "base/clock.h"
#include "gateway/model_sync.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EXTENSIONS 500 /* with two versions each */
#define ROUNDS     1000000u

static void check(bool fine, const char *what)
{
    if (fine)
        return;
    (void)fprintf(stderr, "resolve_bench: %s\n", what);
    exit(1);
}

static double resident_mib(void)
{
    unsigned long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    check(file && fscanf(file, "%lu %lu", &pages, &resident) == 2, "no /proc/self/statm");
    (void)fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1048576.0;
}

static struct ax_str text(char *room, size_t size, const char *fmt, unsigned a)
{
    int len = snprintf(room, size, fmt, a);

    return ax_str_make(room, (size_t)len);
}

static void apply(struct ax_model_sync *sync, struct ax_buf *payload, uint8_t type)
{
    struct ax_frame frame = { .type = type, .payload = ax_buf_str(payload) };

    check(payload->failed == AX_OK && ax_model_sync_apply(sync, &frame) == AX_OK, "frame refused");
    ax_buf_clear(payload);
}

/* A manifest as people write them: ten endpoints, a UI, a config. */
static void put_manifest(struct ax_buf *buf, unsigned extension, unsigned version)
{
    ax_buf_clear(buf);
    ax_buf_printf(
        buf,
        "{\"name\":\"com.acme.extension%u\",\"publisher\":\"acme\",\"version\":\"%u.0.0\","
        "\"runtime\":\"core@1\",\"capabilities\":[\"cap:http.fetch\",\"cap:storage.kv\"],"
        "\"ui\":{\"type\":\"iframe\",\"hooks\":{\"appMenu\":{\"label\":\"Hello\"}}},"
        "\"config\":{\"greeting\":{\"type\":\"string\",\"default\":\"Hi\"}},"
        "\"api\":{\"endpoints\":[",
        extension, version);
    for (unsigned i = 0; i < 10; i++)
        ax_buf_printf(buf,
                      "%s{\"method\":\"%s\",\"path\":\"/things%u/:id\",\"handler\":\"handler%u\"}",
                      i ? "," : "", i % 2 ? "POST" : "GET", i, i);
    ax_buf_append_str(buf, AX_STR("]}}"));
}

static void load(struct ax_model_sync *sync, unsigned installs, unsigned tenants)
{
    AX_AUTO_BUF struct ax_buf payload = { .max = AX_MODEL_FRAME_MAX };
    AX_AUTO_BUF struct ax_buf manifest = { .max = AX_MODEL_FRAME_MAX };
    char id[64], name[64], other[64], tenant[64], config[128];

    ax_model_write_serial(&payload, 1);
    apply(sync, &payload, AX_MODEL_RESET);
    for (unsigned i = 0; i < EXTENSIONS; i++) {
        struct ax_model_extension_row row = { text(id, sizeof(id), "ext_%026u", i),
                                              text(name, sizeof(name), "com.acme.extension%u", i),
                                              AX_STR("acme") };

        ax_model_write_extension(&payload, &row);
        apply(sync, &payload, AX_MODEL_EXTENSION);
    }
    for (unsigned i = 0; i < 2 * EXTENSIONS; i++) {
        struct ax_model_version_row row = {
            .id = text(id, sizeof(id), "ver_%026u", i),
            .extension_id = text(other, sizeof(other), "ext_%026u", i / 2),
            .version = text(name, sizeof(name), "%u.0.0", i % 2 + 1),
        };

        put_manifest(&manifest, i / 2, i % 2 + 1);
        row.manifest = ax_buf_str(&manifest);
        row.hash = ax_digest_of(row.manifest);
        ax_model_write_version(&payload, &row);
        apply(sync, &payload, AX_MODEL_VERSION);
    }
    for (unsigned i = 0; i < installs; i++) {
        unsigned extension = i / tenants % EXTENSIONS;
        struct ax_model_install_row row = {
            .id = text(id, sizeof(id), "ins_%026u", i),
            .tenant = text(tenant, sizeof(tenant), "tenant-%032u", i % tenants),
            .extension_id = text(other, sizeof(other), "ext_%026u", extension),
            .version_id = text(name, sizeof(name), "ver_%026u", 2 * extension + i % 2),
            .status = AX_INSTALL_ENABLED,
            /* every tenth has a config of its own */
            .config = text(config, sizeof(config), "{\"greeting\":\"Hello number %u\"}",
                           i % 10 ? 0 : i),
            .grants = { AX_STR_INIT("http.fetch"), AX_STR_INIT("storage.kv") },
            .grant_count = 2,
            .egress = { AX_STR_INIT("api.acme.com"), AX_STR_INIT("*.acme.net:8443") },
            .egress_count = 2,
        };

        ax_model_write_install(&payload, &row);
        apply(sync, &payload, AX_MODEL_INSTALL);
    }
    ax_model_write_serial(&payload, 2);
    apply(sync, &payload, AX_MODEL_SYNCED);
}

static void resolve(const struct ax_read_model *model, unsigned installs, unsigned tenants)
{
    static const char *const names[] = { "install_id", "extension_id", "name", "publisher_name" };
    static const char *const formats[] = { "ins_%026u", "ext_%026u", "com.acme.extension%u",
                                           "acme.com.acme.extension%u" };
    static struct {
        char tenant[64], spelled[64];
        struct ax_str tenant_str, spelled_str;
    } asked[4096]; /* prepared, so that only the resolving is measured */

    for (size_t kind = 0; kind < AX_ARRAY_LEN(names); kind++) {
        uint32_t seed = 2463534242u;
        uint64_t spent = 0;

        for (unsigned done = 0; done < ROUNDS; done += AX_ARRAY_LEN(asked)) {
            for (size_t i = 0; i < AX_ARRAY_LEN(asked); i++) {
                seed ^= seed << 13, seed ^= seed >> 17, seed ^= seed << 5;
                unsigned at = seed % installs;

                asked[i].tenant_str = text(asked[i].tenant, sizeof(asked[i].tenant), "tenant-%032u",
                                           at % tenants);
                asked[i].spelled_str = text(asked[i].spelled, sizeof(asked[i].spelled),
                                            formats[kind],
                                            kind == 0 ? at : at / tenants % EXTENSIONS);
            }
            uint64_t from = ax_clock_mono_ns();
            for (size_t i = 0; i < AX_ARRAY_LEN(asked); i++) {
                const struct ax_model_install *install = NULL;

                check(ax_read_model_resolve(model, asked[i].tenant_str, asked[i].spelled_str,
                                            &install) == AX_OK,
                      "an install was not found");
            }
            spent += ax_clock_mono_ns() - from;
        }
        unsigned rounds = (ROUNDS + AX_ARRAY_LEN(asked) - 1) / AX_ARRAY_LEN(asked) *
                          AX_ARRAY_LEN(asked);
        printf("resolve.%s_us %.3f\n", names[kind], (double)spent / rounds / 1000.0);
    }
}

int main(int argc, char **argv)
{
    uint64_t installs = 100000, tenants = 2000;
    double before = resident_mib();

    check(argc < 2 || ax_str_to_u64(ax_str_of(argv[1]), 4000000, &installs), "how many installs?");
    check(argc < 3 || ax_str_to_u64(ax_str_of(argv[2]), 4000000, &tenants), "how many tenants?");
    check(tenants > 0 && installs > 0 && installs / tenants <= EXTENSIONS,
          "a tenant has each of 500 extensions at most once");
    struct ax_model_sync *sync = ax_model_sync_new();
    uint64_t from = ax_clock_mono_ns();
    load(sync, (unsigned)installs, (unsigned)tenants);
    double load_ms = (double)(ax_clock_mono_ns() - from) / 1e6;
    const struct ax_read_model *model = ax_model_sync_model(sync);
    struct ax_read_model_counts counts = ax_read_model_counts(model);

    printf("model.installs %zu\nmodel.tenants %zu\nmodel.versions %zu\nmodel.texts %zu\n",
           counts.installs, counts.tenants, counts.versions, counts.texts);
    printf("model.load_ms %.0f\nmodel.resident_mib %.1f\n", load_ms, resident_mib() - before);
    resolve(model, (unsigned)installs, (unsigned)tenants);
    from = ax_clock_mono_ns();
    ax_model_sync_free(sync);
    printf("model.free_ms %.0f\n", (double)(ax_clock_mono_ns() - from) / 1e6);
    return 0;
}

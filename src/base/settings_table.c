/* SPDX-License-Identifier: Apache-2.0 */
/* settings_table.c - which settings are there?
 *
 * The one list. A secret's roles are who may hold it and nobody else: they mirror the table of
 * processes in the design. Defaults are what a machine of one's own wants: loopback, safe. */
#include "base/settings.h"

#define FRONT    AX_ROLE_FRONT
#define LOADER   AX_ROLE_LOADER
#define BUILDER  AX_ROLE_BUILDER
#define WORKER   AX_ROLE_WORKER
#define RUNNER   AX_ROLE_RUNNER
#define EDGE     AX_ROLE_EDGE
#define REGISTRY AX_ROLE_REGISTRY
#define GATEWAY  AX_ROLE_GATEWAY
#define ALL      (AX_PROGRAM_RUNNER | AX_PROGRAM_GATEWAY)

#define KIB          UINT64_C(1024)
#define MIB          (KIB * 1024)
#define GIB          (MIB * 1024)
#define TIB          (GIB * 1024)
#define LISTENER_MAX 256
#define URL_MAX      2048
#define PATH_MOST    4095
#define NAME_MOST    256
#define LIST_MAX     (64 * KIB)

/* name, min and max length, default, roles, sentence */
#define TEXT(name, min, max, fallback, roles, sentence) \
    { name, AX_SET_STRING, min, max, fallback, false, roles, sentence, NULL }
#define SECRET(name, min, max, roles, sentence) \
    { name, AX_SET_STRING, min, max, NULL, true, roles, sentence, NULL }
#define NUMBER(name, min, max, fallback, roles, sentence) \
    { name, AX_SET_U64, min, max, fallback, false, roles, sentence, NULL }
#define SWITCH(name, fallback, roles, sentence) \
    { name, AX_SET_BOOL, 0, 1, fallback, false, roles, sentence, NULL }
/* the first choice is the default */
#define CHOICE(name, choices, roles, sentence) \
    { name, AX_SET_ENUM, 0, 0, choices, false, roles, sentence, NULL }

/* clang-format off */
const struct ax_setting_row ax_setting_rows[] = {
    /* the runner */
    {"RUNNER_LISTEN", AX_SET_STRING, 1, LISTENER_MAX, "127.0.0.1:8090", false, RUNNER | FRONT,
     "Where the runner takes requests from the gateway: address:port, unix:/path or fd:N. "
     "PORT=N stands for 127.0.0.1:N.", "PORT"},
    TEXT("RUNNER_PUBLIC_LISTEN", 1, LISTENER_MAX, "127.0.0.1:8091", RUNNER | FRONT,
         "Where the runner serves the files of user interfaces to browsers."),
    TEXT("RUNNER_PUBLIC_BASE", 1, URL_MAX, NULL, FRONT,
         "The URL under which browsers reach RUNNER_PUBLIC_LISTEN."),
    SECRET("RUNNER_SERVICE_TOKEN", 16, 8 * KIB, FRONT | EDGE | REGISTRY,
           "Tokens between gateway and runner, separated by commas: the first is sent, all are "
           "accepted."),
    NUMBER("RUNNER_WORKERS", 0, 64, "0", RUNNER | FRONT,
           "Processes that run guests; 0: one for each processor, 64 at the most."),
    NUMBER("RUNNER_WORKER_SLOTS", 1, 10000, "1024", RUNNER | FRONT | WORKER,
           "Executions that one worker may hold at one time."),
    NUMBER("RUNNER_COMPILE_JOBS", 1, 64, "1", RUNNER | LOADER,
           "Bundles that may be compiled at one time."),
    NUMBER("RUNNER_MODULES_MAX_BYTES", 16 * MIB, TIB, "1073741824", FRONT | LOADER | WORKER,
           "Machine code that one worker may keep loaded, in bytes."),
    TEXT("RUNNER_UIDS", 1, 64, NULL, RUNNER,
         "User ids of front, loader, builder and worker, four numbers with commas; only root can "
         "set them, and for root they are 61000,61001,61002,61003 when not set."),
    SWITCH("RUNNER_OFFLINE", "false", FRONT | LOADER,
           "Run only what the cache holds: no object store, no registry."),
    NUMBER("RUNNER_MAX_CONNECTIONS", 1, 1000000, "4096", RUNNER | FRONT,
           "Connections that the runner holds at one time."),
    NUMBER("RUNNER_INSTALL_CONCURRENCY", 1, 65536, "16", FRONT,
           "Executions of one install at one time."),
    NUMBER("RUNNER_TENANT_CONCURRENCY", 1, 65536, "64", FRONT,
           "Executions of one tenant at one time."),
    NUMBER("RUNNER_QUEUE_MAX", 0, 65536, "64", FRONT,
           "Requests that may wait for a free worker; more are refused."),
    TEXT("SIGNING_TRUST_BUNDLE", 1, LIST_MAX, NULL, LOADER,
         "Keys whose signature a bundle needs: PEM text, or the path of a file with it."),
    CHOICE("SIGNING_POLICY", "require|off", RUNNER | FRONT | LOADER,
           "Whether a bundle needs a trusted signature; off is for development on loopback."),
    TEXT("PRECOMPILED_TRUST_BUNDLE", 1, LIST_MAX, NULL, LOADER,
         "Keys whose machine code is loaded instead of compiling: PEM text, or a path."),
    TEXT("REGISTRY_BASE_URL", 1, URL_MAX, NULL, FRONT | LOADER,
         "Where the runner asks for the feed of known bundles and revocations."),
    TEXT("HOST_SERVICES_URL", 1, URL_MAX, NULL, FRONT,
         "Where the runner takes storage, secrets and other stateful host calls."),
    TEXT("HOST_PROVIDERS", 2, LIST_MAX, NULL, FRONT | LOADER | BUILDER | WORKER | REGISTRY,
         "Interfaces that the host application defines: a JSON object of interface to url and "
         "capability."),
    TEXT("EXT_EGRESS_ALLOWLIST", 1, LIST_MAX, NULL, FRONT,
         "Hosts that guests may fetch from, separated by commas; nothing when not set."),
    TEXT("EXT_EGRESS_PRIVATE_CIDRS", 1, LIST_MAX, NULL, FRONT,
         "Private networks that guests may reach all the same, separated by commas."),
    TEXT("EXT_EGRESS_RESOLVER", 1, LISTENER_MAX, NULL, FRONT,
         "DNS server for guests' fetches, address or address:port; the system's when not set."),
    TEXT("EXT_EGRESS_CA_FILE", 1, 4 * LIST_MAX, NULL, FRONT,
         "Certificates of the authorities that guests' fetches trust: PEM text, or the path of a "
         "file with it; the system's when not set."),
    TEXT("EXT_UI_FRAME_ANCESTORS", 1, 4 * KIB, NULL, FRONT,
         "Origins that may frame user interfaces, separated by spaces; none when not set."),
    TEXT("EXT_UI_SANDBOX", 1, KIB, "allow-scripts allow-forms allow-modals allow-downloads", FRONT,
         "The sandbox directive that user interfaces are served with."),
    TEXT("EXT_UI_CONTENT_SECURITY_POLICY", 1, 8 * KIB, NULL, FRONT,
         "Replaces the content security policy of user interfaces before frame-ancestors."),
    {"CACHE_ROOT", AX_SET_STRING, 1, PATH_MOST, "/var/cache/annex", false, RUNNER | LOADER,
     "Folder of verified bundles and their machine code.", "EXT_CACHE_ROOT"},
    NUMBER("EXT_CACHE_MAX_BYTES", MIB, 1024 * TIB, "10737418240", LOADER,
           "Size that CACHE_ROOT may grow to, in bytes."),

    /* the gateway */
    TEXT("GATEWAY_LISTEN", 1, LISTENER_MAX, "127.0.0.1:8080", GATEWAY | EDGE,
         "Where the gateway takes requests of browsers and applications."),
    TEXT("REGISTRY_LISTEN", 1, LISTENER_MAX, "127.0.0.1:8081", GATEWAY | REGISTRY,
         "Where the registry takes requests of administrators and publishers."),
    TEXT("INTERNAL_LISTEN", 1, LISTENER_MAX, "127.0.0.1:8082", GATEWAY | REGISTRY,
         "Where runners reach host services, the feed and public keys."),
    TEXT("METRICS_LISTEN", 1, LISTENER_MAX, "127.0.0.1:8083", GATEWAY | REGISTRY,
         "Where the gateway's metrics are read."),
    NUMBER("EDGE_WORKERS", 0, 512, "0", GATEWAY | EDGE,
           "Processes that take public requests; 0: one for each processor."),
    SECRET("DATABASE_URL", 1, URL_MAX, REGISTRY,
           "The registry's database: sqlite:///path or postgresql://..."),
    TEXT("RUNNER_BASE_URL", 1, LIST_MAX, NULL, EDGE,
         "URLs of the runners, separated by commas."),
    SECRET("EXECUTION_TOKEN_KEY", 1, 16 * KIB, EDGE,
           "Private key (PEM, P-256) that signs the tokens of single executions."),
    SECRET("PLATFORM_SIGNING_KEY", 1, 16 * KIB, REGISTRY,
           "Private key (PEM) that signs published bundles."),
    SECRET("SECRETS_KEY", 1, KIB, REGISTRY,
           "Key that extensions' secrets are encrypted with."),
    TEXT("AUTH_ISSUER", 1, URL_MAX, NULL, EDGE | REGISTRY,
         "The issuer that a user's token must name."),
    TEXT("AUTH_AUDIENCE", 1, NAME_MOST, NULL, EDGE | REGISTRY,
         "The audience that a user's token must name."),
    TEXT("AUTH_JWKS_FILE", 1, PATH_MOST, NULL, EDGE | REGISTRY,
         "File with the issuer's public keys."),
    TEXT("AUTH_JWKS_URL", 1, URL_MAX, NULL, EDGE | REGISTRY,
         "URL of the issuer's public keys."),
    TEXT("AUTH_COOKIE", 1, NAME_MOST, NULL, EDGE,
         "Cookie that may carry the token instead of a header."),
    TEXT("AUTH_CLAIM_TENANT", 1, NAME_MOST, "tenant", EDGE | REGISTRY,
         "Claim that names the tenant."),
    TEXT("AUTH_CLAIM_ROLES", 1, NAME_MOST, "roles", EDGE | REGISTRY,
         "Claim that lists the user's roles."),
    TEXT("AUTH_CLAIMS_EXTRA", 1, 4 * KIB, NULL, EDGE,
         "Further claims that are handed to extensions, separated by commas."),
    TEXT("AUTH_ROLE_PERMISSIONS", 1, LIST_MAX, NULL, EDGE | REGISTRY,
         "What each role may do; the built-in roles when not set."),
    NUMBER("EXT_GATEWAY_TIMEOUT_MS", 100, 30500, "5000", EDGE,
           "Time that one request may take at the gateway, in milliseconds."),
    TEXT("EXT_GATEWAY_ALLOWED_ORIGINS", 1, LIST_MAX, NULL, EDGE,
         "Origins of host applications that may call from a browser, separated by commas."),
    TEXT("TRUSTED_PROXIES", 1, LIST_MAX, NULL, EDGE,
         "Networks whose forwarding headers are believed, separated by commas."),

    /* both */
    CHOICE("ANNEX_LOG_LEVEL", "info|debug|warn|error", ALL,
           "The least important log lines that are written."),
    TEXT("STATE_DIR", 1, PATH_MOST, "/var/lib/annex", RUNNER | LOADER | GATEWAY | REGISTRY,
         "Folder of what must outlive a restart, such as the key of the cache."),
    TEXT("BUNDLE_STORE_BASE", 1, URL_MAX, NULL, LOADER | REGISTRY,
         "Where bundles are stored: file:///folder, http(s)://endpoint/bucket/prefix or "
         "s3://bucket/prefix."),
    TEXT("STORAGE_S3_ENDPOINT", 1, URL_MAX, NULL, LOADER | REGISTRY,
         "URL of the S3 service."),
    SECRET("STORAGE_S3_ACCESS_KEY", 1, KIB, LOADER | REGISTRY,
           "Access key id of the S3 service."),
    SECRET("STORAGE_S3_SECRET_KEY", 1, KIB, LOADER | REGISTRY,
           "Secret access key of the S3 service."),
    SECRET("STORAGE_S3_SESSION_TOKEN", 1, 8 * KIB, LOADER | REGISTRY,
           "Session token of temporary S3 credentials."),
    TEXT("STORAGE_S3_BUCKET", 1, NAME_MOST, NULL, LOADER | REGISTRY,
         "Bucket; it must agree with BUNDLE_STORE_BASE."),
    TEXT("STORAGE_S3_REGION", 1, NAME_MOST, "us-east-1", LOADER | REGISTRY,
         "Region that S3 requests are signed for."),
    SWITCH("STORAGE_S3_FORCE_PATH_STYLE", "false", LOADER | REGISTRY,
           "Put the bucket into the path instead of the host name."),
};
/* clang-format on */

const size_t ax_setting_count = sizeof(ax_setting_rows) / sizeof(ax_setting_rows[0]);

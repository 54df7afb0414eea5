/* SPDX-License-Identifier: Apache-2.0 */
/* client_tls_test.c - whom does the client believe over TLS?
 * The server is openssl's own, with a certificate for good.test that signs itself. */
#include "http/client.h"
#include "http/test_kit.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct tls {
    char folder[64];
    char key[80], certificate[80];
    char pem[4096]; /* the certificate's text */
    pid_t pid;
    unsigned port;
};

/* openssl talks a lot. */
static void become(char *const argv[])
{
    if (freopen("/dev/null", "w", stderr))
        execvp(argv[0], argv);
    _exit(127);
}

static void run_and_wait(char *const argv[])
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        become(argv);
    }
    T_TRUE(waitpid(pid, &status, 0) == pid && status == 0);
}

static void tls_make_certificate(struct tls *tls)
{
    char *argv[] = { "openssl",
                     "req",
                     "-x509",
                     "-newkey",
                     "ec",
                     "-pkeyopt",
                     "ec_paramgen_curve:P-256",
                     "-nodes",
                     "-keyout",
                     tls->key,
                     "-out",
                     tls->certificate,
                     "-subj",
                     "/CN=good.test",
                     "-addext",
                     "subjectAltName=DNS:good.test",
                     NULL };

    FILE *file;

    memset(tls, 0, sizeof(*tls));
    strcpy(tls->folder, "/tmp/client-tls-XXXXXX");
    T_TRUE(mkdtemp(tls->folder) != NULL);
    snprintf(tls->key, sizeof(tls->key), "%s/key.pem", tls->folder);
    snprintf(tls->certificate, sizeof(tls->certificate), "%s/certificate.pem", tls->folder);
    run_and_wait(argv);
    file = fopen(tls->certificate, "r");
    T_TRUE(file != NULL);
    tls->pem[fread(tls->pem, 1, sizeof(tls->pem) - 1, file)] = '\0';
    fclose(file);
}

/* Starts the server with the newest version that it may speak. */
static void tls_start(struct tls *tls, char *version)
{
    char *argv[] = { "openssl", "s_server",       "-accept", "127.0.0.1:0",
                     "-www",    version,          "-key",    tls->key,
                     "-cert",   tls->certificate, "-cipher", "DEFAULT:@SECLEVEL=0",
                     NULL };
    char line[256];
    FILE *said;
    int out[2];

    T_TRUE(pipe(out) == 0);
    tls->pid = fork();
    if (tls->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(out[1], 1);
        become(argv);
    }
    close(out[1]);
    said = fdopen(out[0], "r");
    tls->port = 0;
    while (tls->port == 0 && fgets(line, sizeof(line), said)) {
        if (strncmp(line, "ACCEPT ", 7) == 0)
            tls->port = (unsigned)strtoul(strrchr(line, ':') + 1, NULL, 10);
    }
    T_TRUE(tls->port > 0);
    fclose(said);
}

static void tls_stop(struct tls *tls)
{
    kill(tls->pid, SIGKILL);
    waitpid(tls->pid, NULL, 0);
}

static void tls_done(struct tls *tls)
{
    unlink(tls->key);
    unlink(tls->certificate);
    rmdir(tls->folder);
}

static void note_code(enum ax_code code, void *arg)
{
    *(enum ax_code *)arg = code;
}

static bool is_noted(void *arg)
{
    return *(enum ax_code *)arg != AX_CODE_COUNT;
}

/* Asks https://NAME/ of the server; trusts its certificate, or the system's authorities. */
static enum ax_http_failure ask(const struct tls *tls, const char *name, bool trust)
{
    struct ax_http_client_options options = { 0 };
    struct ax_http_call call = { .request = { .response_max = 1u << 20, .fresh = true } };
    enum ax_code code = AX_CODE_COUNT;
    enum ax_http_failure failure;
    struct ax_http_client *client;
    struct kit kit;
    char url[64], connect_to[64];

    kit_init(&kit, NULL);
    client = ax_http_client_new(&kit.loop, &options);
    snprintf(url, sizeof(url), "https://%s/", name);
    snprintf(connect_to, sizeof(connect_to), "%s:443:127.0.0.1:%u", name, tls->port);
    call.request.url = ax_str_of(url);
    call.request.connect_to = ax_str_of(connect_to);
    call.request.ca_pem = trust ? ax_str_of(tls->pem) : AX_STR_NONE;
    ax_http_call_start(client, &call, note_code, &code);
    T_TRUE(kit_until(&kit, is_noted, &code));
    failure = call.result.failure;
    T_EQ(failure == AX_HTTP_FINE, code == AX_OK);
    T_EQ(call.result.request_sent, code == AX_OK); /* nothing is said to a stranger */
    ax_http_call_done(&call);
    ax_http_client_free(client);
    kit_done(&kit);
    return failure;
}

TEST(only_the_named_server_with_a_trusted_certificate_is_believed)
{
    struct tls tls;

    tls_make_certificate(&tls);
    tls_start(&tls, "-tls1_2");
    T_EQ(ask(&tls, "good.test", true), AX_HTTP_FINE);
    T_EQ(ask(&tls, "good.test", false), AX_HTTP_TLS);
    T_EQ(ask(&tls, "bad.test", true), AX_HTTP_TLS);
    tls_stop(&tls);
    tls_start(&tls, "-tls1_3");
    T_EQ(ask(&tls, "good.test", true), AX_HTTP_FINE);
    tls_stop(&tls);
    tls_start(&tls, "-tls1_1");
    T_EQ(ask(&tls, "good.test", true), AX_HTTP_TLS);
    tls_stop(&tls);
    tls_done(&tls);
}

TEST_MAIN()

/* SPDX-License-Identifier: Apache-2.0 */
/* sha256.c - which bytes are these? */
#include "crypto/sha256.h"

#include "crypto/internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define SHA256_CHUNK (256u << 10)

void ax_sha256(struct ax_str bytes, uint8_t ret_digest[AX_SHA256_LEN])
{
    ax_crypto_must(EVP_Digest(bytes.ptr, bytes.len, ret_digest, NULL, ax_crypto_sha256(), NULL),
                   "SHA-256");
}

void ax_sha256_init(struct ax_sha256 *sha)
{
    const EVP_MD *md = ax_crypto_sha256();

    if (!sha->ctx_)
        sha->ctx_ = EVP_MD_CTX_new();
    ax_crypto_must(sha->ctx_ != NULL && EVP_DigestInit_ex2(sha->ctx_, md, NULL), "SHA-256");
}

void ax_sha256_update(struct ax_sha256 *sha, const void *bytes, size_t len)
{
    ax_crypto_must(EVP_DigestUpdate(sha->ctx_, bytes, len), "SHA-256");
}

void ax_sha256_final(struct ax_sha256 *sha, uint8_t ret_digest[AX_SHA256_LEN])
{
    ax_crypto_must(EVP_DigestFinal_ex(sha->ctx_, ret_digest, NULL), "SHA-256");
}

void ax_sha256_done(struct ax_sha256 *sha)
{
    EVP_MD_CTX_free(sha->ctx_);
    sha->ctx_ = NULL;
}

enum ax_code ax_sha256_fd(int fd, uint64_t size, uint8_t ret_digest[AX_SHA256_LEN],
                          struct ax_err *err)
{
    AX_AUTO_SHA256 struct ax_sha256 sha = { 0 };
    AX_AUTO_FREE char *chunk = ax_alloc(SHA256_CHUNK);
    uint64_t at = 0;

    ax_sha256_init(&sha);
    while (at < size) {
        size_t want = size - at < SHA256_CHUNK ? (size_t)(size - at) : SHA256_CHUNK;
        ssize_t got = pread(fd, chunk, want, (off_t)at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ax_err_set(err, AX_E_IO, "cannot read: %s", strerror(errno));
        if (got == 0)
            return ax_err_set(err, AX_E_IO, "the file ends before its size");
        ax_sha256_update(&sha, chunk, (size_t)got);
        at += (uint64_t)got;
    }
    ax_sha256_final(&sha, ret_digest);
    return AX_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* sha256_test.c - which bytes are these? Vectors of FIPS 180-4. */
#include "crypto/sha256.h"

#include "base/base64.h"
#include "base/test.h"

#include <sys/mman.h>
#include <unistd.h>

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC   "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define LONG  "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"

static void check(const uint8_t digest[AX_SHA256_LEN], const char *hex)
{
    char text[2 * AX_SHA256_LEN];

    ax_hex_encode(text, digest, AX_SHA256_LEN);
    T_STR(ax_str_make(text, sizeof(text)), ax_str_of(hex));
}

TEST(sha256_gives_the_published_digests)
{
    uint8_t digest[AX_SHA256_LEN];

    ax_sha256(AX_STR_NONE, digest);
    check(digest, EMPTY);
    ax_sha256(AX_STR("abc"), digest);
    check(digest, ABC);
}

TEST(sha256_in_pieces_is_the_same_and_begins_anew)
{
    struct ax_sha256 sha = { 0 };
    uint8_t digest[AX_SHA256_LEN];

    for (int round = 0; round < 2; round++) {
        ax_sha256_init(&sha);
        for (int i = 0; i < 100000; i++)
            ax_sha256_update(&sha, "aaaaaaaaaa", 10);
        ax_sha256_final(&sha, digest);
        check(digest, LONG);
    }
    ax_sha256_done(&sha);
    ax_sha256_done(&sha);
}

TEST(sha256_of_a_descriptor_leaves_its_offset_and_needs_all_bytes)
{
    uint8_t digest[AX_SHA256_LEN];
    int fd = memfd_create("sha256", MFD_CLOEXEC);

    T_EQ(write(fd, "abcd", 4), 4);
    T_OK(ax_sha256_fd(fd, 3, digest, NULL));
    check(digest, ABC);
    T_EQ(lseek(fd, 0, SEEK_CUR), 4);
    T_OK(ax_sha256_fd(fd, 0, digest, NULL));
    check(digest, EMPTY);
    T_CODE(ax_sha256_fd(fd, 5, digest, NULL), AX_E_IO);
    T_CODE(ax_sha256_fd(-1, 1, digest, NULL), AX_E_IO);
    close(fd);
}

TEST_MAIN()

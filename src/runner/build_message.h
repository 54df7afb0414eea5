/* SPDX-License-Identifier: Apache-2.0 */
/* build_message.h - what do loader and builder say to each other?
 *
 * One job a builder: JOB goes in; FAIL, or FILES and then DONE, comes out; then the builder ends.
 * The loader believes none of it that it can check: seals, sizes, paths, digests. */
#ifndef AX_RUNNER_BUILD_MESSAGE_H
#define AX_RUNNER_BUILD_MESSAGE_H

#define AX_BUILD_FRAME_MAX (4u << 20) /* FILES names up to 4,096 paths of up to 512 bytes */

enum ax_build_msg {
    /* loader -> builder */
    AX_BUILD_JOB = 112, /* fd: sealed bundle | str envelope (empty: nothing was signed) */

    /* builder -> loader */
    AX_BUILD_FILES, /* fd: sealed, the files' bytes in order | u32 n, n x (str path, u64 size);
                     * "entry.wasm" is the module, all others lie in ui/ */
    AX_BUILD_DONE,  /* fd: sealed machine code, none without a module | u8 enum ax_abi,
                     * str manifest.json, str SHA-256 of the module (empty without one) */
    AX_BUILD_FAIL,  /* u32 enum ax_code, str words, str JSON pointer */
};

#endif

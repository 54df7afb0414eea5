/* SPDX-License-Identifier: Apache-2.0 */
/* bundle.h - what is in a bundle, and is it what was signed?
 *
 * Reads a whole bundle in one pass: the archive's rules, the manifest's rules, which members the
 * manifest allows, the digests of the signed statement. Nothing is written anywhere: files go to
 * callbacks, the manifest and the module stay in memory. */
#ifndef AX_BUNDLE_BUNDLE_H
#define AX_BUNDLE_BUNDLE_H

#include "base/alloc.h"
#include "base/err.h"
#include "base/str.h"
#include "bundle/archive.h"
#include "bundle/digest.h"
#include "bundle/envelope.h"
#include "bundle/manifest.h"

#include <stdbool.h>
#include <stdint.h>

#define AX_BUNDLE_WASM_MAX (32u << 20)

struct ax_bundle;

struct ax_bundle_file {
    struct ax_str path;
    uint64_t size;
    struct ax_digest sha256;
};

/* Reads bytes [0, size) of `fd` with pread.
 *
 * `statement` (borrowed; NULL: nothing was signed) must agree in name, version and digests.
 * `events` (borrowed; NULL: none) sees every file, manifest.json first, as it passes: what it was
 * given counts only after AX_OK. On AX_OK *ret_bundle is yours: ax_bundle_free(). Fails with
 * AX_E_INVALID_BUNDLE, AX_E_INVALID_MANIFEST, AX_E_UNKNOWN_CAPABILITY (both with the pointer of the
 * culprit), AX_E_TOO_BIG, AX_E_BUNDLE_REJECTED (not what was signed), AX_E_IO, AX_E_NO_MEMORY, or
 * what a callback said. Blocks on the file. */
AX_CHECKED enum ax_code ax_bundle_read(int fd, uint64_t size, const struct ax_statement *statement,
                                       const struct ax_archive_events *events,
                                       struct ax_bundle **ret_bundle, struct ax_err *err);
void ax_bundle_free(struct ax_bundle *bundle);
AX_AUTO_DEFINE(struct ax_bundle *, ax_bundle_free)

const struct ax_manifest *ax_bundle_manifest(const struct ax_bundle *bundle);
struct ax_str ax_bundle_manifest_text(const struct ax_bundle *bundle); /* the exact bytes */
bool ax_bundle_has_module(const struct ax_bundle *bundle);
struct ax_str ax_bundle_entry_path(const struct ax_bundle *bundle); /* empty without a module */
struct ax_str ax_bundle_entry(const struct ax_bundle *bundle);      /* the module's bytes */
bool ax_bundle_has_ui(const struct ax_bundle *bundle);              /* there is a file in ui/ */
size_t ax_bundle_file_count(const struct ax_bundle *bundle);
const struct ax_bundle_file *ax_bundle_file(const struct ax_bundle *bundle, size_t index);

/* What a signer says about this bundle: everything but created_s and expires_s. */
void ax_bundle_statement(const struct ax_bundle *bundle, const struct ax_digest *hash,
                         uint64_t size, struct ax_statement *ret_statement);

/* Packs the folder `dir` into `out_fd`, an empty file open for reading and writing: manifest.json,
 * the module, the sbom, all of ui/, what matches "assets". Same files, same bytes. What was written
 * is read back by the rules above. Symbolic links, special files and names outside the rules are
 * refused; patterns of "assets" pass hidden names by. Gives the content hash and size. Blocks on
 * the files. Fails like ax_bundle_read(), and with AX_E_NOT_FOUND for a file that the manifest names
 * and the folder lacks. */
AX_CHECKED enum ax_code ax_bundle_pack(const char *dir, int out_fd, struct ax_digest *ret_hash,
                                       uint64_t *ret_size, struct ax_err *err);

#endif

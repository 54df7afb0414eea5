/* SPDX-License-Identifier: Apache-2.0 */
/* publish_check.c - may this upload become a version, as far as one look can tell? */
#include "registry/publish_check.h"

#include "base/clock.h"
#include "registry/publisher.h"
#include "store/memfd.h"

#include <assert.h>
#include <string.h>

/* --- queries --- */

enum ax_code publish_look(struct ax_model *model, void *arg)
{
    struct ax_publish *publish = arg;
    enum ax_code code = ax_upload_get(model, publish->publisher, publish->upload_id,
                                      &publish->upload_);

    if (code != AX_OK)
        return code;
    if (!publish->upload_.received)
        return ax_err_set(model->err, AX_E_CONFLICT, "the upload's bytes have not all arrived");
    if (!ax_digest_parse(publish->upload_.content_hash, &publish->hash_))
        return ax_err_set(model->err, AX_E_INTERNAL, "the upload's row is malformed");
    return AX_OK;
}

/* A key of the publisher's for each signature but the platform's own. An unknown one is refused and
 * not passed over: what we store names nobody whom we do not know. */
static enum ax_code check_keys(struct ax_model *model, struct ax_publish *publish)
{
    struct ax_str platform = ax_public_key_id(ax_private_key_public(publish_platform_key(publish)));

    publish->key_count_ = 0;
    for (size_t i = 0; i < ax_envelope_signature_count(publish->envelope_); i++) {
        struct ax_str keyid = ax_envelope_key_id(publish->envelope_, i);
        struct ax_publisher_key key;
        enum ax_code code;

        if (ax_str_eq(keyid, platform))
            continue;
        code = ax_publisher_key_get(model, publish->upload_.publisher, keyid, &key);
        if (code == AX_E_NOT_FOUND)
            return ax_err_set(model->err, AX_E_FORBIDDEN,
                              "signature %zu is by a key that this publisher has not registered",
                              i + 1);
        if (code == AX_OK && !key.active)
            return ax_err_set(model->err, AX_E_FORBIDDEN, "signature %zu is by a revoked key",
                              i + 1);
        if (code != AX_OK)
            return code;
        publish->keys_[publish->key_count_++] = (struct ax_publish_key){ key.keyid, key.pem };
    }
    if (publish->key_count_ == 0)
        return ax_err_set(model->err, AX_E_FORBIDDEN, "no key of this publisher signed it");
    return AX_OK;
}

enum ax_code publish_check(struct ax_model *model, void *arg)
{
    struct ax_publish *publish = arg;
    const struct ax_upload *upload = &publish->upload_;
    enum ax_code code = ax_envelope_parse(upload->envelope, &publish->envelope_, model->err);

    if (code == AX_OK)
        code = check_keys(model, publish);
    if (code != AX_OK)
        return code;
    return ax_version_check(model, upload->publisher, publish->keys_[0].keyid, upload->name,
                            upload->version, &publish->hash_, &publish->existed);
}

enum ax_code publish_commit(struct ax_model *model, void *arg)
{
    struct ax_publish *publish = arg;
    const struct ax_upload *upload = &publish->upload_;
    struct ax_version_new in = {
        .publisher = upload->publisher,
        .keyid = publish->keys_[0].keyid,
        .manifest_json = ax_buf_str(&publish->verdict_.manifest),
        .content_hash = publish->hash_,
        .size = upload->size,
        .has_module = publish->verdict_.has_module,
    };
    enum ax_code code = publish->existed
                            ? ax_version_get(model, upload->name, upload->version,
                                             &publish->version)
                            : ax_version_create(model, &in, &publish->version, &publish->existed);

    return code == AX_OK ? ax_upload_delete(model, upload->id) : code;
}

enum ax_code publish_drop(struct ax_model *model, void *arg)
{
    const struct ax_publish *publish = arg;

    return ax_upload_delete(model, publish->upload_.id);
}

/* --- jobs --- */

static enum ax_code verify_signatures(struct ax_publish *publish)
{
    for (size_t i = 0; i < publish->key_count_; i++) {
        AX_AUTO(ax_public_key_free) struct ax_public_key *key = NULL;
        enum ax_code code = ax_public_key_from_pem(publish->keys_[i].pem, &key, &publish->job_err_);

        if (code != AX_OK)
            return ax_err_wrap(&publish->job_err_, AX_E_INTERNAL, "a registered key");
        if (!ax_envelope_is_signed_by(publish->envelope_, key))
            return ax_err_set(&publish->job_err_, AX_E_INVALID_BUNDLE,
                              "the signature by key %.12s... is not of this statement",
                              publish->keys_[i].keyid.ptr);
    }
    return AX_OK;
}

static enum ax_code verify_bad(struct ax_publish *publish, const char *words)
{
    return ax_err_set(&publish->job_err_, AX_E_INVALID_BUNDLE, "%s", words);
}

enum ax_code publish_verify(void *arg)
{
    struct ax_publish *publish = arg;
    const struct ax_statement *statement = ax_envelope_statement(publish->envelope_);
    const struct ax_upload *upload = &publish->upload_;

    if (publish->ask_.size != upload->size || !ax_digest_eq(&publish->ask_.digest, &publish->hash_))
        return verify_bad(publish, "the bytes are not those that were announced");
    if (!ax_digest_eq(&statement->content_hash, &publish->hash_) || statement->size != upload->size)
        return verify_bad(publish, "the signed statement is about another bundle");
    if (!ax_str_eq(ax_str_of(statement->name), upload->name) ||
        !ax_str_eq(ax_str_of(statement->version), upload->version))
        return verify_bad(publish, "the signed statement names another version");
    if (statement->expires_s != 0 && ax_clock_wall_s() - AX_TRUST_SKEW_S > statement->expires_s)
        return verify_bad(publish, "the signed statement has expired");
    return verify_signatures(publish);
}

static enum ax_code sign_keep(struct ax_publish *publish, struct ax_str json)
{
    AX_AUTO_MEMFD struct ax_memfd memfd = AX_MEMFD_NONE;
    enum ax_code code = ax_memfd_new("annex-envelope", json.len, &memfd);

    if (code == AX_OK) {
        memcpy(memfd.ptr, json.ptr, json.len); /* never empty */
        code = ax_memfd_seal(&memfd, json.len);
    }
    if (code != AX_OK)
        return ax_err_set(&publish->job_err_, code, "no memory for the envelope");
    ax_sha256(json, publish->envelope_sha256_);
    publish->envelope_size_ = json.len;
    publish->envelope_fd_ = ax_memfd_take(&memfd);
    return AX_OK;
}

enum ax_code publish_sign(void *arg)
{
    struct ax_publish *publish = arg;
    struct ax_digest manifest = ax_digest_of(ax_buf_str(&publish->verdict_.manifest));
    AX_AUTO_BUF struct ax_buf json = { .max = AX_ENVELOPE_BYTES_MAX };
    enum ax_code code;

    /* The builder has read a stranger's bytes: what it gives back is what was signed, or nothing. */
    if (!ax_digest_eq(&manifest, &ax_envelope_statement(publish->envelope_)->manifest))
        return verify_bad(publish, "the bundle's manifest is not the one that was signed");
    code = ax_envelope_sign(publish->envelope_, publish_platform_key(publish), &publish->job_err_);
    if (code != AX_OK)
        return code;
    code = ax_envelope_write(publish->envelope_, &json);
    if (code != AX_OK)
        return ax_err_set(&publish->job_err_, code, "the envelope has no room for a signature");
    return sign_keep(publish, ax_buf_str(&json));
}

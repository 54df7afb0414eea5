/* SPDX-License-Identifier: Apache-2.0 */
/* model_sync.c - how does the read model keep up with the registry? */
#include "gateway/model_sync.h"

struct ax_model_sync {
    struct ax_read_model *current; /* NULL until the first SYNCED */
    struct ax_read_model *next;    /* between RESET and SYNCED */
    uint64_t serial;
};

struct ax_model_sync *ax_model_sync_new(void)
{
    return ax_alloc(sizeof(struct ax_model_sync));
}

void ax_model_sync_free(struct ax_model_sync *sync)
{
    if (!sync)
        return;
    ax_read_model_free(sync->current);
    ax_read_model_free(sync->next);
    free(sync);
}

uint64_t ax_model_sync_begin(struct ax_model_sync *sync)
{
    ax_read_model_free(AX_TAKE(sync->next));
    return sync->serial;
}

static enum ax_code sync_row(struct ax_read_model *model, const struct ax_frame *frame)
{
    union {
        struct ax_model_extension_row extension;
        struct ax_model_version_row version;
        struct ax_model_install_row install;
        struct ax_model_gone gone;
        struct ax_model_revocation revoked;
    } row;

    switch (frame->type) {
    case AX_MODEL_EXTENSION:
        if (!ax_model_read_extension(frame->payload, &row.extension))
            return AX_E_INVALID_REQUEST;
        return ax_read_model_put_extension(model, &row.extension);
    case AX_MODEL_VERSION:
        if (!ax_model_read_version(frame->payload, &row.version))
            return AX_E_INVALID_REQUEST;
        return ax_read_model_put_version(model, &row.version);
    case AX_MODEL_INSTALL:
        if (!ax_model_read_install(frame->payload, &row.install))
            return AX_E_INVALID_REQUEST;
        return ax_read_model_put_install(model, &row.install);
    case AX_MODEL_GONE:
        if (!ax_model_read_gone(frame->payload, &row.gone))
            return AX_E_INVALID_REQUEST;
        ax_read_model_drop(model, &row.gone);
        return AX_OK;
    case AX_MODEL_REVOKED:
        if (!ax_model_read_revoked(frame->payload, &row.revoked))
            return AX_E_INVALID_REQUEST;
        return ax_read_model_revoke(model, &row.revoked);
    default: return AX_E_INVALID_REQUEST;
    }
}

static enum ax_code sync_reset(struct ax_model_sync *sync, struct ax_str payload)
{
    uint64_t serial;

    if (!ax_model_read_serial(payload, &serial))
        return AX_E_INVALID_REQUEST;
    ax_read_model_free(sync->next);
    sync->next = ax_read_model_new();
    return AX_OK;
}

static enum ax_code sync_synced(struct ax_model_sync *sync, struct ax_str payload)
{
    uint64_t serial;

    if (!ax_model_read_serial(payload, &serial) || (!sync->next && !sync->current))
        return AX_E_INVALID_REQUEST;
    if (sync->next) {
        ax_read_model_free(sync->current);
        sync->current = AX_TAKE(sync->next);
    }
    sync->serial = serial;
    return AX_OK;
}

enum ax_code ax_model_sync_apply(struct ax_model_sync *sync, const struct ax_frame *frame)
{
    struct ax_read_model *model = sync->next ? sync->next : sync->current;

    if (frame->type == AX_MODEL_RESET)
        return sync_reset(sync, frame->payload);
    if (frame->type == AX_MODEL_SYNCED)
        return sync_synced(sync, frame->payload);
    return model ? sync_row(model, frame) : AX_E_INVALID_REQUEST;
}

const struct ax_read_model *ax_model_sync_model(const struct ax_model_sync *sync)
{
    return sync->current;
}

uint64_t ax_model_sync_serial(const struct ax_model_sync *sync)
{
    return sync->serial;
}

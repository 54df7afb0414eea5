/* SPDX-License-Identifier: Apache-2.0 */
/* model_message.c - what does the registry tell the edges about who runs what? */
#include "gateway/model_message.h"

#include "bundle/manifest.h"

#include <assert.h>
#include <string.h>

/* The largest row fits into a frame. */
_Static_assert(AX_MODEL_CONFIG_MAX +
                       (AX_MODEL_GRANTS_MAX + AX_MODEL_EGRESS_MAX) * (AX_MODEL_ENTRY_MAX + 4) +
                       4 * AX_MODEL_ID_MAX + 64 <
                   AX_MODEL_FRAME_MAX,
               "an install fits");
_Static_assert(AX_MANIFEST_BYTES_MAX + 4 * AX_MODEL_ID_MAX + 64 < AX_MODEL_FRAME_MAX,
               "a version fits");

void ax_model_write_serial(struct ax_buf *buf, uint64_t serial)
{
    ax_frame_put_u64(buf, serial);
}

void ax_model_write_extension(struct ax_buf *buf, const struct ax_model_extension_row *row)
{
    ax_frame_put_str(buf, row->id);
    ax_frame_put_str(buf, row->name);
    ax_frame_put_str(buf, row->publisher);
}

void ax_model_write_version(struct ax_buf *buf, const struct ax_model_version_row *row)
{
    ax_frame_put_str(buf, row->id);
    ax_frame_put_str(buf, row->extension_id);
    ax_frame_put_str(buf, row->version);
    ax_frame_put_str(buf, ax_str_make(row->hash.bytes, sizeof(row->hash.bytes)));
    ax_frame_put_str(buf, row->manifest);
}

static void message_write_list(struct ax_buf *buf, const struct ax_str *items, size_t count)
{
    ax_frame_put_u32(buf, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        ax_frame_put_str(buf, items[i]);
}

void ax_model_write_install(struct ax_buf *buf, const struct ax_model_install_row *row)
{
    assert(row->grant_count <= AX_MODEL_GRANTS_MAX && row->egress_count <= AX_MODEL_EGRESS_MAX);
    ax_frame_put_str(buf, row->id);
    ax_frame_put_str(buf, row->tenant);
    ax_frame_put_str(buf, row->extension_id);
    ax_frame_put_str(buf, row->version_id);
    ax_frame_put_u8(buf, (uint8_t)row->status);
    ax_frame_put_str(buf, row->config);
    message_write_list(buf, row->grants, row->grant_count);
    message_write_list(buf, row->egress, row->egress_count);
}

void ax_model_write_gone(struct ax_buf *buf, const struct ax_model_gone *gone)
{
    ax_frame_put_u8(buf, (uint8_t)gone->kind);
    ax_frame_put_str(buf, gone->id);
}

void ax_model_write_revoked(struct ax_buf *buf, const struct ax_model_revocation *revoked)
{
    ax_frame_put_u8(buf, (uint8_t)revoked->kind);
    ax_frame_put_str(buf, revoked->value);
}

/* Text of 1 to `max` bytes: UTF-8 without control characters. */
static struct ax_str message_text(struct ax_reader *reader, size_t max)
{
    struct ax_str text = ax_reader_str(reader);

    if (text.len == 0 || text.len > max || !ax_str_is_utf8(text))
        reader->bad = true;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
            reader->bad = true;
    return text;
}

static struct ax_str message_blob(struct ax_reader *reader, size_t max)
{
    struct ax_str blob = ax_reader_str(reader);

    if (blob.len > max)
        reader->bad = true;
    return blob;
}

static size_t message_list(struct ax_reader *reader, struct ax_str *items, size_t max)
{
    uint32_t count = ax_reader_u32(reader);

    if (count > max) {
        reader->bad = true;
        return 0;
    }
    for (size_t i = 0; i < count; i++)
        items[i] = message_text(reader, AX_MODEL_ENTRY_MAX);
    return count;
}

static uint8_t message_kind(struct ax_reader *reader, uint8_t last)
{
    uint8_t kind = ax_reader_u8(reader);

    if (kind == 0 || kind > last)
        reader->bad = true;
    return kind;
}

bool ax_model_read_serial(struct ax_str payload, uint64_t *ret_serial)
{
    struct ax_reader reader = ax_reader_of(payload);

    *ret_serial = ax_reader_u64(&reader);
    return ax_reader_ok(&reader);
}

bool ax_model_read_extension(struct ax_str payload, struct ax_model_extension_row *row)
{
    struct ax_reader reader = ax_reader_of(payload);

    row->id = message_text(&reader, AX_MODEL_ID_MAX);
    row->name = message_text(&reader, AX_MANIFEST_NAME_MAX);
    row->publisher = message_text(&reader, AX_MODEL_ID_MAX);
    return ax_reader_ok(&reader);
}

bool ax_model_read_version(struct ax_str payload, struct ax_model_version_row *row)
{
    struct ax_reader reader = ax_reader_of(payload);
    struct ax_str hash;

    row->id = message_text(&reader, AX_MODEL_ID_MAX);
    row->extension_id = message_text(&reader, AX_MODEL_ID_MAX);
    row->version = message_text(&reader, AX_MANIFEST_VERSION_MAX);
    hash = ax_reader_str(&reader);
    row->manifest = message_blob(&reader, AX_MANIFEST_BYTES_MAX);
    if (!ax_reader_ok(&reader) || hash.len != sizeof(row->hash.bytes))
        return false;
    memcpy(row->hash.bytes, hash.ptr, sizeof(row->hash.bytes));
    return true;
}

bool ax_model_read_install(struct ax_str payload, struct ax_model_install_row *row)
{
    struct ax_reader reader = ax_reader_of(payload);

    row->id = message_text(&reader, AX_MODEL_ID_MAX);
    row->tenant = message_text(&reader, AX_MODEL_ID_MAX);
    row->extension_id = message_text(&reader, AX_MODEL_ID_MAX);
    row->version_id = message_text(&reader, AX_MODEL_ID_MAX);
    row->status = message_kind(&reader, AX_INSTALL_UNINSTALLED);
    row->config = message_blob(&reader, AX_MODEL_CONFIG_MAX);
    row->grant_count = message_list(&reader, row->grants, AX_MODEL_GRANTS_MAX);
    row->egress_count = message_list(&reader, row->egress, AX_MODEL_EGRESS_MAX);
    return ax_reader_ok(&reader);
}

bool ax_model_read_gone(struct ax_str payload, struct ax_model_gone *gone)
{
    struct ax_reader reader = ax_reader_of(payload);

    gone->kind = message_kind(&reader, AX_MODEL_KIND_REVOCATION);
    if (gone->kind == AX_MODEL_KIND_REVOCATION)
        gone->id = ax_reader_str(&reader);
    else
        gone->id = message_text(&reader, AX_MODEL_ID_MAX);
    return ax_reader_ok(&reader) &&
           (gone->kind != AX_MODEL_KIND_REVOCATION || gone->id.len == sizeof(struct ax_digest));
}

bool ax_model_read_revoked(struct ax_str payload, struct ax_model_revocation *revoked)
{
    struct ax_reader reader = ax_reader_of(payload);

    revoked->kind = message_kind(&reader, AX_MODEL_REVOKED_KEY);
    if (revoked->kind == AX_MODEL_REVOKED_HASH)
        revoked->value = ax_reader_str(&reader);
    else
        revoked->value = message_text(&reader, AX_MODEL_ID_MAX);
    return ax_reader_ok(&reader) && (revoked->kind != AX_MODEL_REVOKED_HASH ||
                                     revoked->value.len == sizeof(struct ax_digest));
}

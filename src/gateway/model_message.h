/* SPDX-License-Identifier: Apache-2.0 */
/* model_message.h - what does the registry tell the edges about who runs what?
 *
 * The frames of the link between them, with writers and readers. After RESET comes everything, after
 * SYNC what has changed; SYNCED ends either and names the state that the edge then has. Rows are
 * whole and may come in any order and more than once: a row replaces what was known of its id, a
 * reference to something that was not told yet is fine. Writers append a payload to the buffer of
 * ax_channel_begin(); readers borrow from the frame and give false for what does not fit: the sender
 * is then cut off. */
#ifndef AX_GATEWAY_MODEL_MESSAGE_H
#define AX_GATEWAY_MODEL_MESSAGE_H

#include "bundle/digest.h"
#include "loop/frame.h"

#include <stdbool.h>
#include <stdint.h>

#define AX_MODEL_FRAME_MAX  (256u << 10)
#define AX_MODEL_ID_MAX     256         /* ids, tenants, names, slugs, versions */
#define AX_MODEL_CONFIG_MAX (64u << 10) /* JSON */
#define AX_MODEL_GRANTS_MAX 64
#define AX_MODEL_EGRESS_MAX 256
#define AX_MODEL_ENTRY_MAX  300 /* bytes of one grant or host */

enum ax_model_msg {
    /* registry -> edge */
    AX_MODEL_RESET = 96, /* u64 serial: forget everything, all of it follows */
    AX_MODEL_EXTENSION,  /* str id, str name, str publisher's slug */
    AX_MODEL_VERSION,    /* str id, str extension id, str version, str 32-byte hash, str manifest */
    AX_MODEL_INSTALL,    /* str id, str tenant, str extension id, str version id, u8 status,
                            str config, u32 n, n x str grant, u32 n, n x str egress host */
    AX_MODEL_GONE,       /* u8 enum ax_model_kind, str id (of a revocation: its 32-byte hash) */
    AX_MODEL_REVOKED,    /* u8 enum ax_model_revoked, str value: 32-byte hash, or keyid */
    AX_MODEL_SYNCED,     /* u64 serial: up to here you know it all */

    /* edge -> registry */
    AX_MODEL_SYNC = 112, /* u64 serial of the last SYNCED, 0: none; first frame */
};

enum ax_model_kind {
    AX_MODEL_KIND_EXTENSION = 1,
    AX_MODEL_KIND_VERSION,
    AX_MODEL_KIND_INSTALL,
    AX_MODEL_KIND_REVOCATION, /* lifted */
};

enum ax_model_revoked { AX_MODEL_REVOKED_HASH = 1, AX_MODEL_REVOKED_KEY };

enum ax_install_status {
    AX_INSTALL_ENABLED = 1,
    AX_INSTALL_DISABLED,
    AX_INSTALL_PENDING, /* waits for consent */
    AX_INSTALL_UNINSTALLED,
};

struct ax_model_extension_row {
    struct ax_str id, name, publisher;
};

struct ax_model_version_row {
    struct ax_str id, extension_id, version;
    struct ax_digest hash;
    struct ax_str manifest; /* JSON as published; judged by the receiver */
};

struct ax_model_install_row {
    struct ax_str id, tenant, extension_id, version_id;
    enum ax_install_status status;
    struct ax_str config; /* JSON object; empty: none */
    size_t grant_count;
    size_t egress_count;
    struct ax_str grants[AX_MODEL_GRANTS_MAX]; /* "http.fetch", with or without "cap:" */
    struct ax_str egress[AX_MODEL_EGRESS_MAX]; /* "[scheme://]host[:port]" */
};

struct ax_model_gone {
    enum ax_model_kind kind;
    struct ax_str id;
};

struct ax_model_revocation {
    enum ax_model_revoked kind;
    struct ax_str value;
};

void ax_model_write_serial(struct ax_buf *buf, uint64_t serial); /* RESET, SYNCED, SYNC */
void ax_model_write_extension(struct ax_buf *buf, const struct ax_model_extension_row *row);
void ax_model_write_version(struct ax_buf *buf, const struct ax_model_version_row *row);
void ax_model_write_install(struct ax_buf *buf, const struct ax_model_install_row *row);
void ax_model_write_gone(struct ax_buf *buf, const struct ax_model_gone *gone);
void ax_model_write_revoked(struct ax_buf *buf, const struct ax_model_revocation *revoked);

AX_CHECKED bool ax_model_read_serial(struct ax_str payload, uint64_t *ret_serial);
AX_CHECKED bool ax_model_read_extension(struct ax_str payload, struct ax_model_extension_row *row);
AX_CHECKED bool ax_model_read_version(struct ax_str payload, struct ax_model_version_row *row);
AX_CHECKED bool ax_model_read_install(struct ax_str payload, struct ax_model_install_row *row);
AX_CHECKED bool ax_model_read_gone(struct ax_str payload, struct ax_model_gone *gone);
AX_CHECKED bool ax_model_read_revoked(struct ax_str payload, struct ax_model_revocation *revoked);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* model_fuzz.c - does a message to the edge keep its form, and the model its wits? */
#include "base/buf.h"
#include "gateway/model_sync.h"

#include "fuzz.h"

/* What was accepted is what its own writer makes. */
#define CHECK_ROW(reader, writer, type)                                  \
    do {                                                                 \
        AX_AUTO_BUF struct ax_buf again = { .max = AX_MODEL_FRAME_MAX }; \
        struct type row;                                                 \
        if (!reader(payload, &row))                                      \
            break;                                                       \
        writer(&again, &row);                                            \
        FUZZ_HOLDS(ax_str_eq(ax_buf_str(&again), payload));              \
    } while (0)

static void check_rows(struct ax_str payload)
{
    CHECK_ROW(ax_model_read_extension, ax_model_write_extension, ax_model_extension_row);
    CHECK_ROW(ax_model_read_version, ax_model_write_version, ax_model_version_row);
    CHECK_ROW(ax_model_read_install, ax_model_write_install, ax_model_install_row);
    CHECK_ROW(ax_model_read_gone, ax_model_write_gone, ax_model_gone);
    CHECK_ROW(ax_model_read_revoked, ax_model_write_revoked, ax_model_revocation);
}

/* The input is frames: u8 type, u16 length, payload. */
static void check_model(struct ax_str rest)
{
    AX_AUTO(ax_model_sync_free) struct ax_model_sync *sync = ax_model_sync_new();

    while (rest.len >= 3) {
        struct ax_frame frame = { .type = (uint8_t)rest.ptr[0] };
        size_t len = (size_t)(uint8_t)rest.ptr[1] | (size_t)(uint8_t)rest.ptr[2] << 8;

        rest = ax_str_from(rest, 3);
        len = len < rest.len ? len : rest.len;
        frame.payload = ax_str_sub(rest, 0, len);
        rest = ax_str_from(rest, len);
        enum ax_code code = ax_model_sync_apply(sync, &frame);
        FUZZ_HOLDS(code == AX_OK || code == AX_E_INVALID_REQUEST);
        if (ax_model_sync_model(sync)) {
            const struct ax_model_install *install = NULL;

            code = ax_read_model_resolve(ax_model_sync_model(sync), AX_STR("t"), AX_STR("a.b"),
                                         &install);
            FUZZ_HOLDS(code == AX_E_EXTENSION_NOT_AVAILABLE ||
                       (ax_str_eq(install->tenant, AX_STR("t")) && install->version->manifest));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_rows(ax_str_make(data, size));
    check_model(ax_str_make(data, size));
    return 0;
}

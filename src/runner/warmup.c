/* SPDX-License-Identifier: Apache-2.0 */
/* warmup.c - is this bundle ready before somebody needs it?
 *
 * POST /v1/warmup {extension_id, content_hash}: fetches, verifies, compiles, keeps; answers when it
 * is done, with the time of each step, or says why not. */
#include "base/json.h"
#include "base/log.h"
#include "runner/execute_request.h"
#include "runner/front_private.h"

#include <string.h>

#define WARMUP_MS         100000
#define WARMUP_ANSWER_MAX (16u << 10)

struct warmup {
    struct front *front;
    struct ax_exchange *ex;
    struct ax_digest hash;
    struct ax_unit_wait wait;
    struct ax_timer deadline;
};

static void warmup_free(struct warmup *warmup)
{
    ax_unit_wait_cancel(&warmup->wait);
    ax_timer_stop(&warmup->deadline);
    free(warmup);
}

static void warmup_fail(struct warmup *warmup, enum ax_code code, const struct ax_err *err,
                        uint32_t retry_ms)
{
    ax_exchange_fail(warmup->ex, code, err, (retry_ms + 999) / 1000);
    warmup_free(warmup);
}

static void warmup_answer(struct warmup *warmup, const struct ax_unit *unit, bool was_ready)
{
    char hash[AX_DIGEST_TEXT_LEN + 1];
    struct ax_buf buf;
    struct ax_json_out out;
    const struct ax_http_header headers[] = {
        { AX_STR("content-type"), AX_STR("application/json") },
        { AX_STR("cache-control"), AX_STR("no-store") },
    };

    ax_digest_print(&unit->hash, hash);
    ax_buf_init(&buf, WARMUP_ANSWER_MAX);
    ax_json_out_init(&out, &buf);
    ax_json_begin_object(&out);
    ax_json_key(&out, "content_hash");
    ax_json_put_str(&out, ax_str_of(hash));
    ax_json_key(&out, "name");
    ax_json_put_str(&out, ax_manifest_name(unit->manifest));
    ax_json_key(&out, "version");
    ax_json_put_str(&out, ax_manifest_version(unit->manifest));
    ax_json_key(&out, "was_ready");
    ax_json_put_bool(&out, was_ready);
    ax_json_key(&out, "steps");
    ax_json_begin_array(&out);
    for (size_t i = 0; !was_ready && i < unit->step_count; i++) {
        ax_json_begin_object(&out);
        ax_json_key(&out, "step");
        ax_json_put_str(&out, ax_str_of(unit->steps[i].name));
        ax_json_key(&out, "ms");
        ax_json_put_u64(&out, unit->steps[i].ms);
        ax_json_end_object(&out);
    }
    ax_json_end_array(&out);
    ax_json_end_object(&out);
    if (buf.failed == AX_OK)
        ax_exchange_answer_buf(warmup->ex, 200, headers, AX_ARRAY_LEN(headers), &buf);
    else
        ax_exchange_fail(warmup->ex, AX_E_INTERNAL, NULL, 0);
    ax_buf_done(&buf);
    warmup_free(warmup);
}

static void warmup_on_unit(struct ax_unit_wait *wait, enum ax_code code, const struct ax_err *err,
                           uint32_t retry_ms)
{
    struct warmup *warmup = AX_CONTAINER_OF(wait, struct warmup, wait);

    if (code != AX_OK)
        warmup_fail(warmup, code, err, retry_ms);
    else
        warmup_answer(warmup, ax_units_ready(&warmup->front->units, &warmup->hash), false);
}

static void warmup_on_deadline(struct ax_timer *timer)
{
    warmup_fail(AX_CONTAINER_OF(timer, struct warmup, deadline), AX_E_EXTENSION_WARMING, NULL,
                1000);
}

static enum ax_code warmup_read(struct ax_str body, struct ax_digest *ret_hash, char *extension,
                                size_t extension_cap, struct ax_err *err)
{
    static const struct ax_json_limits limits = { .bytes_max = 64u << 10 };
    AX_AUTO(ax_json_free) struct ax_json *json = NULL;
    enum ax_code code = ax_json_parse(body, &limits, &json, err);

    if (code != AX_OK)
        return code;
    struct ax_str id = ax_json_str(ax_json_get(ax_json_root(json), "extension_id"));
    if (id.len == 0 || id.len >= extension_cap)
        return ax_err_set_at(err, AX_E_INVALID_REQUEST, "/extension_id",
                             "extension_id is not a string of 1 to %zu bytes", extension_cap - 1);
    if (!ax_digest_parse(ax_json_str(ax_json_get(ax_json_root(json), "content_hash")), ret_hash))
        return ax_err_set_at(err, AX_E_INVALID_REQUEST, "/content_hash",
                             "content_hash is not sha256:<64 hexadecimal digits>");
    memcpy(extension, id.ptr, id.len);
    extension[id.len] = '\0';
    return AX_OK;
}

void front_warmup_start(struct front *front, struct ax_exchange *ex)
{
    struct warmup *warmup = ax_alloc(sizeof(*warmup));
    char extension[AX_EXECUTE_ID_MAX + 1];
    struct ax_err err = { 0 };
    struct ax_unit *unit = NULL;
    enum ax_code code;

    warmup->front = front;
    warmup->ex = ex;
    warmup->wait.on_unit = warmup_on_unit;
    ax_exchange_set_user(ex, warmup);
    front->warmups++;
    code = warmup_read(ax_exchange_body(ex), &warmup->hash, extension, sizeof(extension), &err);
    if (code == AX_OK && front->draining)
        code = ax_err_set(&err, AX_E_DRAINING, "this runner is about to stop");
    if (code == AX_OK)
        unit = ax_units_ready(&front->units, &warmup->hash);
    if (code == AX_OK && !unit)
        code = ax_units_want(&front->units, &warmup->hash, ax_str_of(extension), &warmup->wait);
    if (code != AX_OK)
        warmup_fail(warmup, code, err.message[0] ? &err : NULL, 0);
    else if (unit)
        warmup_answer(warmup, unit, true);
    else
        ax_timer_start(&front->loop, &warmup->deadline, ax_loop_now_ms(&front->loop) + WARMUP_MS,
                       warmup_on_deadline);
}

void front_warmup_abort(struct ax_exchange *ex)
{
    warmup_free(ax_exchange_user(ex));
}

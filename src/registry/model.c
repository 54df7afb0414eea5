/* SPDX-License-Identifier: Apache-2.0 */
/* model.c - what do all operations on the registry's data have in common? */
#include "registry/model.h"

#include "crypto/random.h"
#include "registry/model_private.h"

#include <assert.h>
#include <string.h>

#define ID_RANDOM 16
#define ID_TAIL   26 /* 128 bits, 5 each */

static const char id_alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

void ax_id_make(const char *kind, char room[AX_ID_LEN + 1])
{
    uint8_t bytes[ID_RANDOM];
    unsigned bits = 0, held = 0;
    size_t at = 0;

    assert(strlen(kind) == AX_ID_LEN - ID_TAIL);
    ax_random(bytes, sizeof(bytes));
    memcpy(room, kind, AX_ID_LEN - ID_TAIL);
    for (size_t i = 0; i < ID_TAIL; i++) {
        if (held < 5) {
            bits = bits << 8 | (at < sizeof(bytes) ? bytes[at++] : 0u);
            held += 8;
        }
        held -= 5;
        room[AX_ID_LEN - ID_TAIL + i] = id_alphabet[bits >> held & 31];
    }
    room[AX_ID_LEN] = '\0';
}

bool ax_id_is(struct ax_str text, const char *kind)
{
    if (text.len != AX_ID_LEN || !ax_str_starts(text, ax_str_of(kind)))
        return false;
    for (size_t i = AX_ID_LEN - ID_TAIL; i < text.len; i++)
        if (text.ptr[i] == '\0' || !strchr(id_alphabet, text.ptr[i]))
            return false;
    return true;
}

struct ax_str model_text(struct ax_model *model, const struct ax_rows *rows, int column,
                         enum ax_code *failed)
{
    struct ax_str copy = ax_arena_dup(model->arena, ax_rows_text(rows, column));

    if (!copy.ptr)
        *failed = model_no_memory(model);
    return copy;
}

enum ax_code model_no_memory(struct ax_model *model)
{
    return ax_err_set(model->err, AX_E_NO_MEMORY, "there is no memory for the answer");
}

enum ax_code model_not_found(struct ax_model *model, const char *what)
{
    return ax_err_set(model->err, AX_E_NOT_FOUND, "there is no such %s", what);
}

enum ax_code model_match(struct ax_model *model, uint64_t expected, int64_t revision)
{
    if (expected == 0 || expected == (uint64_t)revision)
        return AX_OK;
    return ax_err_set(model->err, AX_E_PRECONDITION_FAILED,
                      "this was changed meanwhile: it is at revision %lld", (long long)revision);
}

void *model_page(struct ax_model *model, const struct ax_page *page, size_t row_size,
                 size_t *ret_limit)
{
    size_t limit = page->limit == 0 || page->limit > AX_PAGE_MAX ? AX_PAGE_MAX : page->limit;

    *ret_limit = limit;
    return ax_arena_alloc(model->arena, limit * row_size);
}

static bool is_word(struct ax_str text, size_t max, const char *others)
{
    if (text.len == 0 || text.len > max)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr(others, c))))
            return false;
    }
    return true;
}

enum ax_code model_check_slug(struct ax_model *model, const char *pointer, struct ax_str text)
{
    if (is_word(text, AX_SLUG_MAX, "-") && text.ptr[0] != '-')
        return AX_OK;
    return ax_err_set_at(model->err, AX_E_INVALID_REQUEST, pointer,
                         "expected: 1 to %d characters of a-z 0-9 -, not beginning with -",
                         AX_SLUG_MAX);
}

/* Whatever the issuer of tokens calls its tenants, as long as it is visible. */
enum ax_code model_check_tenant(struct ax_model *model, const char *pointer, struct ax_str text)
{
    bool fine = text.len > 0 && text.len <= AX_TENANT_MAX;

    for (size_t i = 0; fine && i < text.len; i++)
        fine = text.ptr[i] > 0x20 && text.ptr[i] < 0x7f;
    if (fine)
        return AX_OK;
    return ax_err_set_at(model->err, AX_E_INVALID_REQUEST, pointer,
                         "expected: a tenant of 1 to %d visible ASCII characters", AX_TENANT_MAX);
}

static bool has_controls(struct ax_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        unsigned char next = i + 1 < text.len ? (unsigned char)text.ptr[i + 1] : 0xff;

        if (c < 0x20 || c == 0x7f || (c == 0xc2 && next < 0xa0))
            return true;
    }
    return false;
}

enum ax_code model_check_text(struct ax_model *model, const char *pointer, struct ax_str text,
                              size_t min, size_t max)
{
    if (text.len >= min && text.len <= max && ax_str_is_utf8(text) && !has_controls(text))
        return AX_OK;
    return ax_err_set_at(model->err, AX_E_INVALID_REQUEST, pointer,
                         "expected: %zu to %zu bytes of text without control characters", min, max);
}

enum ax_code model_check_id(struct ax_model *model, const char *pointer, struct ax_str text,
                            const char *kind)
{
    if (ax_id_is(text, kind))
        return AX_OK;
    return ax_err_set_at(model->err, AX_E_INVALID_REQUEST, pointer,
                         "expected: an id that begins with %s", kind);
}

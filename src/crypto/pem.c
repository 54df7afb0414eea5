/* SPDX-License-Identifier: Apache-2.0 */
/* pem.c - which DER stands between the dashes? */
#include "crypto/pem.h"

#include "base/base64.h"

#define PEM_LINE      64
#define PEM_LABEL_MAX 64

static const struct ax_str pem_begin = AX_STR_INIT("-----BEGIN ");
static const struct ax_str pem_end = AX_STR_INIT("-----END ");
static const struct ax_str pem_dashes = AX_STR_INIT("-----");

/* The next line without its end ("\n" or "\r\n"). */
static struct ax_str pem_line(struct ax_str *rest)
{
    struct ax_str line = ax_str_cut(rest, '\n');

    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

/* The label of a BEGIN or END line; false when the line is neither. */
static bool pem_label(struct ax_str line, struct ax_str prefix, struct ax_str *ret_label)
{
    if (!ax_str_starts(line, prefix) || !ax_str_ends(line, pem_dashes) ||
        line.len <= prefix.len + pem_dashes.len)
        return false;
    *ret_label = ax_str_sub(line, prefix.len, line.len - pem_dashes.len);
    for (size_t i = 0; i < ret_label->len; i++) {
        char c = ret_label->ptr[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ' '))
            return false;
    }
    return ret_label->len <= PEM_LABEL_MAX;
}

static bool pem_has_dashes(struct ax_str line)
{
    for (size_t i = 0; i + pem_dashes.len <= line.len; i++)
        if (ax_str_eq(ax_str_sub(line, i, i + pem_dashes.len), pem_dashes))
            return true;
    return false;
}

/* Reads the lines after BEGIN up to END into `text`. */
static enum ax_code pem_body(struct ax_str *rest, struct ax_str label, struct ax_buf *text,
                             struct ax_err *err)
{
    bool last = false;
    char *room;

    /* All at once: growing would leave pieces of a secret behind in freed memory. */
    if (ax_buf_reserve(text, rest->len < text->max ? rest->len : text->max, &room) != AX_OK)
        return ax_err_set(err, text->failed, "there is no memory for a PEM block");
    while (rest->ptr) {
        struct ax_str line = pem_line(rest);
        struct ax_str ended;

        if (pem_label(line, pem_end, &ended)) {
            if (!ax_str_eq(label, ended))
                return ax_err_set(err, AX_E_INVALID_REQUEST, "a PEM block ends as another one");
            return AX_OK;
        }
        if (line.len == 0 || line.len > PEM_LINE || last)
            return ax_err_set(err, AX_E_INVALID_REQUEST,
                              "a PEM block has a line that is not 64 characters long");
        last = line.len < PEM_LINE;
        if (ax_buf_append_str(text, line) != AX_OK)
            return ax_err_set(err, text->failed, "a PEM block is too large");
    }
    return ax_err_set(err, AX_E_INVALID_REQUEST, "a PEM block does not end");
}

enum ax_code ax_pem_next(struct ax_str *rest, struct ax_str *ret_label, struct ax_buf *der,
                         struct ax_err *err)
{
    while (rest->ptr && rest->len > 0) {
        struct ax_str line = pem_line(rest);
        struct ax_buf text;
        enum ax_code code;

        if (!pem_label(line, pem_begin, ret_label)) {
            if (pem_has_dashes(line))
                return ax_err_set(err, AX_E_INVALID_REQUEST, "a PEM line is malformed");
            continue;
        }
        ax_buf_init(&text, der->max * 2);
        code = pem_body(rest, *ret_label, &text, err);
        if (code == AX_OK) {
            code = ax_base64_decode(der, ax_buf_str(&text));
            if (code != AX_OK)
                code = ax_err_set(err, code, "a PEM block is not strict base64");
        }
        ax_buf_wipe(&text);
        return code;
    }
    return ax_err_set(err, AX_E_NOT_FOUND, "there is no PEM block");
}

enum ax_code ax_pem_write(struct ax_buf *buf, struct ax_str label, struct ax_str der)
{
    struct ax_buf text;
    struct ax_str left;

    ax_buf_init(&text, ax_base64_encoded_len(der.len));
    ax_base64_encode(&text, der);
    left = ax_buf_str(&text);
    if (text.failed == AX_OK) {
        ax_buf_printf(buf, "-----BEGIN %.*s-----\n", AX_STR_FMT(label));
        while (left.len > 0) {
            size_t take = left.len < PEM_LINE ? left.len : PEM_LINE;

            ax_buf_append(buf, left.ptr, take);
            ax_buf_append_byte(buf, '\n');
            left = ax_str_from(left, take);
        }
        ax_buf_printf(buf, "-----END %.*s-----\n", AX_STR_FMT(label));
    } else if (buf->failed == AX_OK) {
        buf->failed = text.failed;
    }
    ax_buf_wipe(&text);
    return buf->failed;
}

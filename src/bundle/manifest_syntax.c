/* SPDX-License-Identifier: Apache-2.0 */
/* manifest_syntax.c - which words may stand in a manifest?
 * Pure functions of text. api/manifest.schema.json holds the same as regular expressions. */
#include "bundle/archive.h"
#include "bundle/manifest_internal.h"

#include <string.h>

#define SYNTAX_HANDLER_MAX  256
#define SYNTAX_HEADER_MAX   64
#define SYNTAX_HOST_MAX     253
#define SYNTAX_LABEL_MAX    63
#define SYNTAX_SEGMENTS_MAX 16
#define SYNTAX_SEGMENT_MAX  128
#define SYNTAX_WORD_MAX     64
#define SYNTAX_TARGET_MAX   128

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
    return is_lower(c) || is_upper(c) || is_digit(c);
}

/* Letters, digits, and what `others` lists; at least one, at most `max`. */
static bool is_made_of(struct ax_str text, const char *others, size_t max)
{
    if (text.len == 0 || text.len > max)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (!is_alnum(text.ptr[i]) && (text.ptr[i] == '\0' || !strchr(others, text.ptr[i])))
            return false;
    return true;
}

bool mf_is_name(struct ax_str text)
{
    size_t segments = 0;

    if (text.len > AX_MANIFEST_NAME_MAX)
        return false;
    while (text.ptr) {
        struct ax_str segment = ax_str_cut(&text, '.');

        for (size_t i = 0; i < segment.len; i++)
            if (!is_lower(segment.ptr[i]) && !is_digit(segment.ptr[i]) && segment.ptr[i] != '-')
                return false;
        if (segment.len == 0)
            return false;
        segments++;
    }
    return segments >= 2;
}

static bool is_decimal(struct ax_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_digit(text.ptr[i]))
            return false;
    return text.len > 0;
}

/* Dotted identifiers; in a pre-release numbers have no leading zero. */
static bool version_is_dotted(struct ax_str text, bool prerelease)
{
    while (text.ptr) {
        struct ax_str part = ax_str_cut(&text, '.');

        if (!is_made_of(part, "-", AX_MANIFEST_VERSION_MAX) ||
            (prerelease && is_decimal(part) && part.len > 1 && part.ptr[0] == '0'))
            return false;
    }
    return true;
}

bool mf_is_version(struct ax_str text)
{
    struct ax_str build = text;
    struct ax_str core = ax_str_cut(&build, '+');
    struct ax_str prerelease = core;

    core = ax_str_cut(&prerelease, '-');
    if (text.len > AX_MANIFEST_VERSION_MAX || (build.ptr && !version_is_dotted(build, false)) ||
        (prerelease.ptr && !version_is_dotted(prerelease, true)))
        return false;
    for (int i = 0; i < 3; i++) {
        struct ax_str number = ax_str_cut(&core, '.');

        if (!is_decimal(number) || (number.len > 1 && number.ptr[0] == '0'))
            return false;
    }
    return !core.ptr;
}

bool mf_is_file(struct ax_str text)
{
    return !ax_archive_path_fault(text) && !ax_str_starts(text, AX_STR("precompiled/")) &&
           !ax_str_eq(text, AX_STR("manifest.json"));
}

bool mf_is_ui_file(struct ax_str text)
{
    return !ax_archive_path_fault(text) && ax_str_starts(text, AX_STR("ui/"));
}

/* A path with an optional "#name" at its end. */
bool mf_is_entry(struct ax_str text)
{
    struct ax_str name = text;
    struct ax_str path = ax_str_cut(&name, '#');

    return mf_is_file(path) && !ax_str_starts(path, AX_STR("ui/")) &&
           (!name.ptr || is_made_of(name, "_.-", SYNTAX_TARGET_MAX));
}

bool mf_is_pattern(struct ax_str text)
{
    char plain[AX_ARCHIVE_PATH_MAX];

    if (text.len == 0 || text.len > sizeof(plain))
        return false;
    for (size_t i = 0; i < text.len; i++)
        plain[i] = (char)(text.ptr[i] == '*' || text.ptr[i] == '?' ? 'x' : text.ptr[i]);
    if (ax_archive_path_fault(ax_str_make(plain, text.len)))
        return false;
    while (text.ptr) {
        struct ax_str component = ax_str_cut(&text, '/');

        for (size_t i = 0; i + 1 < component.len; i++)
            if (component.ptr[i] == '*' && component.ptr[i + 1] == '*' && component.len != 2)
                return false;
    }
    return true;
}

/* --- egress: [scheme://]host[:port] --- */

static bool host_is_label(struct ax_str label)
{
    if (label.len == 0 || label.len > SYNTAX_LABEL_MAX || label.ptr[0] == '-' ||
        label.ptr[label.len - 1] == '-')
        return false;
    for (size_t i = 0; i < label.len; i++)
        if (!is_lower(label.ptr[i]) && !is_digit(label.ptr[i]) && label.ptr[i] != '-')
            return false;
    return true;
}

/* A last label like this makes resolvers and browsers read the whole as an IPv4 address. */
static bool host_label_is_number(struct ax_str label)
{
    return is_decimal(label) || ax_str_starts(label, AX_STR("0x"));
}

static bool is_host(struct ax_str host)
{
    struct ax_str label = AX_STR_NONE;

    if (ax_str_starts(host, AX_STR("*.")))
        host = ax_str_from(host, 2);
    if (host.len == 0 || host.len > SYNTAX_HOST_MAX)
        return false;
    while (host.ptr) {
        label = ax_str_cut(&host, '.');
        if (!host_is_label(label))
            return false;
    }
    return !host_label_is_number(label);
}

bool mf_is_egress(struct ax_str text)
{
    struct ax_str schemes[] = { AX_STR("https://"), AX_STR("http://") };
    struct ax_str port;
    uint64_t number = 0;

    for (size_t i = 0; i < AX_ARRAY_LEN(schemes); i++)
        if (ax_str_starts(text, schemes[i])) {
            text = ax_str_from(text, schemes[i].len);
            break;
        }
    port = text;
    text = ax_str_cut(&port, ':');
    return is_host(text) && (!port.ptr || (ax_str_to_u64(port, UINT16_MAX, &number) && number > 0));
}

/* --- request headers that an extension may ask for --- */

bool mf_is_header(struct ax_str text)
{
    /* credentials, connection management, framing, and what is made by the gateway */
    static const struct ax_str never[] = {
        AX_STR_INIT("authorization"),
        AX_STR_INIT("cookie"),
        AX_STR_INIT("x-api-key"),
        AX_STR_INIT("x-runner-service-token"),
        AX_STR_INIT("proxy-authorization"),
        AX_STR_INIT("proxy-authenticate"),
        AX_STR_INIT("proxy-connection"),
        AX_STR_INIT("connection"),
        AX_STR_INIT("keep-alive"),
        AX_STR_INIT("te"),
        AX_STR_INIT("trailer"),
        AX_STR_INIT("transfer-encoding"),
        AX_STR_INIT("upgrade"),
        AX_STR_INIT("content-length"),
        AX_STR_INIT("host"),
        AX_STR_INIT("expect"),
        AX_STR_INIT("idempotency-key"),
        AX_STR_INIT("x-idempotency-key"),
    };
    static const struct ax_str families[] = { AX_STR_INIT("x-alga-"), AX_STR_INIT("x-annex-") };

    if (!is_made_of(text, "!#$%&'*+-.^_`|~", SYNTAX_HEADER_MAX))
        return false;
    for (size_t i = 0; i < AX_ARRAY_LEN(never); i++)
        if (ax_str_eq_nocase(text, never[i]))
            return false;
    for (size_t i = 0; i < AX_ARRAY_LEN(families); i++)
        if (text.len >= families[i].len &&
            ax_str_eq_nocase(ax_str_sub(text, 0, families[i].len), families[i]))
            return false;
    return true;
}

/* --- endpoints --- */

bool mf_is_handler(struct ax_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < 0x20 || text.ptr[i] > 0x7e)
            return false;
    return text.len > 0 && text.len <= SYNTAX_HANDLER_MAX;
}

bool mf_is_permission(struct ax_str text)
{
    return is_made_of(text, "._-", SYNTAX_WORD_MAX) && is_alnum(text.ptr[0]);
}

static bool path_is_parameter(struct ax_str segment)
{
    return segment.len > 0 && segment.ptr[0] == ':';
}

static bool path_is_segment(struct ax_str segment)
{
    if (path_is_parameter(segment)) {
        struct ax_str name = ax_str_from(segment, 1);

        return is_made_of(name, "_", SYNTAX_WORD_MAX) && !is_digit(name.ptr[0]);
    }
    return is_made_of(segment, "._~@!$&'()+,;=-", SYNTAX_SEGMENT_MAX) &&
           !ax_str_eq(segment, AX_STR(".")) && !ax_str_eq(segment, AX_STR(".."));
}

bool mf_is_endpoint_path(struct ax_str text)
{
    struct ax_str segments[SYNTAX_SEGMENTS_MAX];
    size_t count = 0;

    if (text.len == 0 || text.len > AX_ARCHIVE_PATH_MAX || text.ptr[0] != '/')
        return false;
    text = ax_str_from(text, 1);
    if (text.len == 0)
        return true;
    while (text.ptr) {
        struct ax_str segment = ax_str_cut(&text, '/');

        if (count == SYNTAX_SEGMENTS_MAX || !path_is_segment(segment))
            return false;
        for (size_t i = 0; path_is_parameter(segment) && i < count; i++)
            if (ax_str_eq(segments[i], segment))
                return false;
        segments[count++] = segment;
    }
    return true;
}

bool mf_same_shape(struct ax_str a, struct ax_str b)
{
    while (a.ptr && b.ptr) {
        struct ax_str left = ax_str_cut(&a, '/');
        struct ax_str right = ax_str_cut(&b, '/');

        if (path_is_parameter(left) != path_is_parameter(right) ||
            (!path_is_parameter(left) && !ax_str_eq(left, right)))
            return false;
    }
    return !a.ptr && !b.ptr;
}

/* --- the rest --- */

/* A place inside the extension's pages. */
bool mf_is_route(struct ax_str text)
{
    if (text.len == 0 || text.len > AX_ARCHIVE_PATH_MAX || text.ptr[0] != '/' ||
        (text.len > 1 && text.ptr[1] == '/'))
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= 0x20 || text.ptr[i] > 0x7e || text.ptr[i] == '\\')
            return false;
    return true;
}

bool mf_is_config_key(struct ax_str text)
{
    return is_made_of(text, "_.-", SYNTAX_WORD_MAX) && !is_digit(text.ptr[0]) &&
           is_alnum(text.ptr[0]);
}

bool mf_is_target(struct ax_str text)
{
    return is_made_of(text, "._-", SYNTAX_TARGET_MAX);
}

/* Five fields; whether they make sense is the scheduler's to say. */
bool mf_is_cron(struct ax_str text)
{
    size_t fields = 0;

    while (text.ptr) {
        struct ax_str field = ax_str_cut(&text, ' ');

        if (!is_made_of(field, "*/,-", SYNTAX_WORD_MAX))
            return false;
        fields++;
    }
    return fields == 5;
}

bool mf_is_timezone(struct ax_str text)
{
    return is_made_of(text, "_+-/", SYNTAX_WORD_MAX) && is_alnum(text.ptr[0]);
}

bool mf_is_topic(struct ax_str text)
{
    return is_made_of(text, "._:-", SYNTAX_TARGET_MAX);
}

bool mf_is_url(struct ax_str text)
{
    struct ax_str https = AX_STR("https://");
    struct ax_str http = AX_STR("http://");

    if (text.len > AX_ARCHIVE_PATH_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= 0x20 || text.ptr[i] > 0x7e)
            return false;
    return (ax_str_starts(text, https) && text.len > https.len) ||
           (ax_str_starts(text, http) && text.len > http.len);
}

/* "*" and "?" inside one component; going back to the last "*" is enough, so time is bounded by
 * the product of the lengths. */
static bool component_matches(struct ax_str pattern, struct ax_str name)
{
    size_t p = 0;
    size_t n = 0;
    size_t star = SIZE_MAX;
    size_t retry = 0;

    while (n < name.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            retry = n;
        } else if (p < pattern.len && (pattern.ptr[p] == '?' || pattern.ptr[p] == name.ptr[n])) {
            p++;
            n++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            n = ++retry;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}

/* The same over components, with "**" in the part of "*". */
bool mf_pattern_matches(struct ax_str pattern, struct ax_str path)
{
    struct ax_str after_star = AX_STR_NONE; /* the pattern behind the last "**" */
    struct ax_str retry = AX_STR_NONE;
    bool starred = false;

    while (path.ptr) {
        struct ax_str next_pattern = pattern;
        struct ax_str next_path = path;
        struct ax_str want = ax_str_cut(&next_pattern, '/');
        struct ax_str name = ax_str_cut(&next_path, '/');

        if (pattern.ptr && ax_str_eq(want, AX_STR("**"))) {
            starred = true;
            after_star = pattern = next_pattern;
            retry = path;
        } else if (pattern.ptr && component_matches(want, name)) {
            pattern = next_pattern;
            path = next_path;
        } else if (starred) {
            ax_str_cut(&retry, '/');
            pattern = after_star;
            path = retry;
        } else {
            return false;
        }
    }
    while (pattern.ptr)
        if (!ax_str_eq(ax_str_cut(&pattern, '/'), AX_STR("**")))
            return false;
    return true;
}

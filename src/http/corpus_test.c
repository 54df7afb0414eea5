/* SPDX-License-Identifier: Apache-2.0 */
/* corpus_test.c - does every request of tests/hostile/http meet the same fate, however it is cut?
 * The form of the files stands in their README. */
#include "http/test_kit.h"

#include <dirent.h>
#include <stdio.h>

struct entry {
    struct ax_str name;
    int status;
    struct ax_str code;
    uint64_t before, answers;
    bool closes;
    struct ax_str body; /* ptr NULL: not said */
    struct ax_buf wrong, right;
    struct entry *next;
};

static struct entry *entries;
static size_t entry_count;
static char *texts[32]; /* of the files; entries borrow from them */
static size_t text_count;
static struct kit_answer answer;

/* --- reading --- */

/* Undoes one escape or one plain byte at the front of *rest. */
static void unescape_one(struct ax_str *rest, struct ax_buf *out)
{
    static const char from[] = "rnt0\\", to[] = "\r\n\t\0\\";
    const char *known;
    char hex[3] = { 0 };

    if (rest->ptr[0] != '\\') {
        ax_buf_append_byte(out, rest->ptr[0]);
        *rest = ax_str_from(*rest, 1);
        return;
    }
    T_TRUE(rest->len >= 2);
    known = strchr(from, rest->ptr[1]);
    if (known) {
        ax_buf_append_byte(out, to[known - from]);
        *rest = ax_str_from(*rest, 2);
        return;
    }
    T_TRUE(rest->ptr[1] == 'x' && rest->len >= 4);
    memcpy(hex, rest->ptr + 2, 2);
    ax_buf_append_byte(out, (char)strtol(hex, NULL, 16));
    *rest = ax_str_from(*rest, 4);
}

static void unescape(struct ax_str text, struct ax_buf *out)
{
    while (text.len > 0) {
        struct ax_str inner;
        uint64_t times;

        if (!ax_str_starts(text, AX_STR("\\{"))) {
            unescape_one(&text, out);
            continue;
        }
        inner = ax_str_from(text, 2);
        inner = ax_str_cut(&inner, '}');
        text = ax_str_from(text, inner.len + 3);
        T_TRUE(ax_str_to_u64(ax_str_cut(&inner, ':'), 100000, &times));
        for (uint64_t i = 0; i < times; i++) {
            struct ax_str again = inner;

            while (again.len > 0)
                unescape_one(&again, out);
        }
    }
}

static struct entry *entry_new(struct ax_str name)
{
    struct entry *entry = ax_alloc(sizeof(*entry));

    entry->name = name;
    entry->status = 400;
    entry->code = AX_STR("invalid_request");
    entry->answers = 1;
    ax_buf_init(&entry->wrong, 1u << 20);
    ax_buf_init(&entry->right, 1u << 20);
    entry->next = entries;
    entries = entry;
    entry_count++;
    return entry;
}

static void entry_read_line(struct entry *entry, struct ax_str key, struct ax_str value)
{
    uint64_t status;

    if (ax_str_eq(key, AX_STR("wrong"))) {
        ax_buf_append_str(&entry->wrong, value);
    } else if (ax_str_eq(key, AX_STR("right"))) {
        ax_buf_append_str(&entry->right, value);
    } else if (ax_str_eq(key, AX_STR("says"))) {
        T_TRUE(ax_str_to_u64(ax_str_cut(&value, ' '), 599, &status));
        entry->status = (int)status;
        entry->code = value;
    } else if (ax_str_eq(key, AX_STR("before"))) {
        T_TRUE(ax_str_to_u64(value, 9, &entry->before));
    } else if (ax_str_eq(key, AX_STR("answers"))) {
        T_TRUE(ax_str_to_u64(value, 9, &entry->answers));
    } else if (ax_str_eq(key, AX_STR("body"))) {
        entry->body = value;
    } else {
        T_STR(key, AX_STR("closes"));
        entry->closes = true;
    }
}

static void read_text(struct ax_str text)
{
    struct entry *entry = NULL;

    while (text.ptr) {
        struct ax_str line = ax_str_cut(&text, '\n');
        struct ax_str value = line;
        struct ax_str key = ax_str_cut(&value, ' ');

        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        if (ax_str_eq(key, AX_STR("==")))
            entry = entry_new(value);
        else
            entry_read_line(entry, key, value);
    }
}

static void read_file(const char *name)
{
    char path[512];
    FILE *file;
    size_t len;

    snprintf(path, sizeof(path), "%s/%s", AX_HOSTILE_DIR, name);
    file = fopen(path, "r");
    T_TRUE(file != NULL && text_count < AX_ARRAY_LEN(texts));
    texts[text_count] = ax_alloc(1u << 20);
    len = fread(texts[text_count], 1, 1u << 20, file);
    T_TRUE(len > 0 && len < 1u << 20);
    fclose(file);
    read_text(ax_str_make(texts[text_count++], len));
}

/* Joins escapes only after all lines are there: they may be cut between two lines. */
static void finish_text(struct ax_buf *buf)
{
    struct ax_buf plain = { .max = 1u << 20 };

    unescape(ax_buf_str(buf), &plain);
    ax_buf_append_str(&plain, AX_STR("GET /sentinel HTTP/1.1\r\nHost: s\r\n\r\n"));
    T_OK(plain.failed);
    ax_buf_done(buf);
    *buf = plain;
}

static void read_corpus(void)
{
    DIR *folder = opendir(AX_HOSTILE_DIR);
    struct dirent *file;

    T_TRUE(folder != NULL);
    while ((file = readdir(folder))) {
        if (ax_str_ends(ax_str_of(file->d_name), AX_STR(".txt")))
            read_file(file->d_name);
    }
    closedir(folder);
    for (struct entry *entry = entries; entry; entry = entry->next) {
        T_TRUE(entry->wrong.len > 0 && entry->right.len > 0);
        finish_text(&entry->wrong);
        finish_text(&entry->right);
        T_FALSE(ax_str_eq(ax_buf_str(&entry->wrong), ax_buf_str(&entry->right)));
    }
}

static void free_corpus(void)
{
    while (entries) {
        struct entry *entry = entries;

        entries = entry->next;
        ax_buf_done(&entry->wrong);
        ax_buf_done(&entry->right);
        free(entry);
    }
    while (text_count > 0)
        free(texts[--text_count]);
}

/* --- feeding --- */

/* Sends `text` in pieces: [0, cut), then pieces of `step`. */
static void feed(struct kit_peer *peer, struct ax_str text, size_t cut, size_t step)
{
    kit_send(peer, ax_str_sub(text, 0, cut));
    while (cut < text.len) {
        size_t end = text.len - cut < step ? text.len : cut + step;

        kit_settle(peer->kit);
        kit_send(peer, ax_str_sub(text, cut, end));
        cut = end;
    }
}

/* The next answer that is not a 100. */
static int next_status(struct kit_peer *peer)
{
    do
        kit_read(peer, &answer);
    while (answer.status == 100);
    return answer.status;
}

static bool answer_ends_with(struct ax_str body)
{
    size_t len = answer.body_len < sizeof(answer.body) ? answer.body_len : sizeof(answer.body) - 1;

    return len > body.len && answer.body[len - body.len - 1] == '|' &&
           ax_str_ends(ax_str_make(answer.body, len), body);
}

static bool right_is_accepted(const struct entry *entry, struct kit_peer *peer)
{
    static const struct ax_str sentinel = AX_STR_INIT("GET /sentinel|host=s|");

    for (uint64_t i = 0; i < entry->answers; i++) {
        if (next_status(peer) != 200)
            return false;
    }
    if (entry->body.ptr && !answer_ends_with(entry->body))
        return false;
    if (entry->closes)
        return kit_ends(peer);
    return next_status(peer) == 200 &&
           ax_str_eq(ax_str_make(answer.body, answer.body_len), sentinel);
}

static bool wrong_is_refused(const struct entry *entry, struct kit_peer *peer)
{
    char code[64];

    for (uint64_t i = 0; i < entry->before; i++) {
        if (next_status(peer) != 200)
            return false;
    }
    snprintf(code, sizeof(code), "{\"error\":{\"code\":\"%.*s\"", AX_STR_FMT(entry->code));
    return next_status(peer) == entry->status && strstr(answer.body, code) == answer.body &&
           kit_head_has(&answer, "\r\nconnection: close\r\n") && kit_ends(peer);
}

static void check(struct kit *kit, const struct entry *entry, bool right, size_t cut, size_t step)
{
    struct ax_str text = ax_buf_str(right ? &entry->right : &entry->wrong);
    struct kit_peer peer;
    bool good;

    kit_connect(kit, &peer);
    feed(&peer, text, cut, step);
    good = right ? right_is_accepted(entry, &peer) : wrong_is_refused(entry, &peer);
    if (!good)
        fail_msg("%.*s, %s, cut at %zu, then by %zu: the last answer was %d %s",
                 AX_STR_FMT(entry->name), right ? "right" : "wrong", cut, step, answer.status,
                 answer.status ? answer.body : "(none)");
    kit_hang_up(&peer);
    kit_settle(kit);
}

/* A generator of our own: the same places in every run, on every machine. */
static size_t sample(uint64_t *seed, size_t below)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (size_t)((*seed >> 33) % below);
}

enum cutting { WHOLE, BYTES, HALVES };

static void check_all(enum cutting cutting)
{
    bool torture = getenv("ANNEX_TORTURE") != NULL;
    uint64_t seed = 1;
    struct kit kit;

    read_corpus();
    kit_init(&kit, NULL);
    for (const struct entry *entry = entries; entry; entry = entry->next) {
        for (int right = 0; right < 2; right++) {
            size_t len = right ? entry->right.len : entry->wrong.len;
            bool all = torture && len < 1000;
            size_t count = all ? len - 1 : 4;

            if (cutting == WHOLE)
                check(&kit, entry, right, len, 1);
            else if (cutting == BYTES)
                check(&kit, entry, right, 0, len < 3000 ? 1 : 61); /* long ones by odd pieces */
            for (size_t i = 0; cutting == HALVES && i < count; i++)
                check(&kit, entry, right, all ? i + 1 : 1 + sample(&seed, len - 1), len);
        }
    }
    kit_done(&kit);
    free_corpus();
}

TEST(the_corpus_is_large_enough)
{
    read_corpus();
    T_TRUE(entry_count >= 200);
    free_corpus();
}

TEST(every_request_meets_its_fate_in_one_piece)
{
    check_all(WHOLE);
}

TEST(every_request_meets_its_fate_byte_by_byte)
{
    check_all(BYTES);
}

TEST(every_request_meets_its_fate_cut_in_two)
{
    check_all(HALVES);
}

TEST_MAIN()

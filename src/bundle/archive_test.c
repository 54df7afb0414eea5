/* SPDX-License-Identifier: Apache-2.0 */
/* archive_test.c - is every header judged, and everything else refused?
 * The frame around the archive and its limits have archive_frame_test.c and archive_limits_test.c. */
#include "bundle/archive.h"

#include "base/test.h"
#include "bundle/archive_test_maker.h"

#include <stdio.h>

/* --- an archive that is fine --- */

static void put_good(struct maker *maker)
{
    maker_init(maker, NULL);
    maker_put_file(maker, AX_STR("manifest.json"), AX_STR("{\"a\":1}"));
    maker_put_file(maker, AX_STR("empty"), AX_STR(""));
    maker_put_file(maker, AX_STR("ui/index.html"), AX_STR("<p>"));
    maker_end(maker);
}

TEST(archive_says_the_same_however_it_is_cut)
{
    struct maker maker;

    put_good(&maker);
    for (size_t step = 0; step <= maker.out.len; step++) {
        struct maker_seen seen;

        T_OK(maker_read(ax_buf_str(&maker.out), step, &seen, NULL));
        T_EQ(seen.files, 3);
        T_EQ(seen.bytes, 10);
        T_STR(ax_buf_str(&seen.log), AX_STR("manifest.json:7\n{\"a\":1}.\nempty:0\n.\n"
                                            "ui/index.html:3\n<p>.\n"));
        ax_buf_done(&seen.log);
    }
    maker_done(&maker);
}

/* --- paths: in the name, in prefix and name, in a PAX header --- */

enum path_form { PATH_NAME, PATH_PREFIX, PATH_PAX };

/* Archives with one file of this path in this form; AX_E_INTERNAL when the form cannot hold it. */
static enum ax_code judge_path(struct ax_str path, enum path_form form)
{
    struct tar_header header = maker_header(AX_STR("name"), TAR_FILE, 0);
    AX_AUTO_BUF struct ax_buf records = { .max = 4096 };
    struct maker maker;
    enum ax_code code;
    size_t cut = path.len;

    memset(header.name, 0, sizeof(header.name));
    if (form == PATH_PREFIX) {
        for (size_t i = 0; i < path.len && i <= TAR_PREFIX; i++)
            if (path.ptr[i] == '/' && path.len - i - 1 <= TAR_NAME)
                cut = i;
        if (cut == path.len || cut == 0)
            return AX_E_INTERNAL;
        memcpy(header.prefix, path.ptr, cut);
        memcpy(header.name, path.ptr + cut + 1, path.len - cut - 1);
    } else if (form == PATH_NAME) {
        if (path.len > TAR_NAME)
            return AX_E_INTERNAL;
        memcpy(header.name, path.ptr, path.len);
    } else {
        memcpy(header.name, "ok", 2);
        maker_pax_record(&records, "path", path);
    }
    maker_init(&maker, NULL);
    maker_put_manifest(&maker);
    if (form == PATH_PAX)
        maker_put_pax(&maker, ax_buf_str(&records));
    maker_put_header(&maker, &header);
    maker_end(&maker);
    code = maker_judge(&maker, NULL);
    maker_done(&maker);
    return code;
}

static size_t check_path(struct ax_str path, enum ax_code expected)
{
    size_t tried = 0;

    for (enum path_form form = PATH_NAME; form <= PATH_PAX; form++) {
        enum ax_code code = judge_path(path, form);

        if (code == AX_E_INTERNAL)
            continue;
        if (code != expected)
            fail_msg("path '%.*s' in form %d: %s", AX_STR_FMT(path), form,
                     ax_code_info(code)->name);
        tried++;
    }
    return tried;
}

#define A16  "aaaaaaaaaaaaaaaa"
#define A128 A16 A16 A16 A16 A16 A16 A16 A16

TEST(archive_takes_paths_of_the_allowed_characters)
{
    static const struct ax_str paths[] = {
        AX_STR_INIT("a"),
        AX_STR_INIT("a/b"),
        AX_STR_INIT("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        AX_STR_INIT("abcdefghijklmnopqrstuvwxyz"),
        AX_STR_INIT("0123456789"),
        AX_STR_INIT("a.b_c@d+e-f"),
        AX_STR_INIT("-"),
        AX_STR_INIT("@scope/x"),
        AX_STR_INIT("a.."),
        AX_STR_INIT("a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p"),
        AX_STR_INIT(A128),
        AX_STR_INIT(A128 "/" A128 "/" A128 "/" A16 A16 A16 A16 A16 A16 A16 "aaaaaaaaaaaaa"),
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(paths); i++)
        T_TRUE(check_path(paths[i], AX_OK) > 0);
}

TEST(archive_refuses_every_other_path_in_every_form)
{
    static const struct ax_str paths[] = {
        AX_STR_INIT(""),
        AX_STR_INIT("."),
        AX_STR_INIT(".."),
        AX_STR_INIT("./a"),
        AX_STR_INIT("../a"),
        AX_STR_INIT("a/."),
        AX_STR_INIT("a/.."),
        AX_STR_INIT("a/./b"),
        AX_STR_INIT("a/../b"),
        AX_STR_INIT("/"),
        AX_STR_INIT("/a"),
        AX_STR_INIT("//a"),
        AX_STR_INIT("a//b"),
        AX_STR_INIT("a/"),
        AX_STR_INIT("a/b/"),
        AX_STR_INIT(".hidden"),
        AX_STR_INIT("a/.hidden"),
        AX_STR_INIT("..."),
        AX_STR_INIT("C:\\a"),
        AX_STR_INIT("C:a"),
        AX_STR_INIT("a\\b"),
        AX_STR_INIT("..\\a"),
        AX_STR_INIT("a b"),
        AX_STR_INIT(" a"),
        AX_STR_INIT("a "),
        AX_STR_INIT("a\tb"),
        AX_STR_INIT("a\nb"),
        AX_STR_INIT("a\rb"),
        AX_STR_INIT("a\x01"),
        AX_STR_INIT("a\x7f"),
        AX_STR_INIT("\xc3\xa9"),
        AX_STR_INIT("e\xcc\x81"),
        AX_STR_INIT("a\xff"),
        AX_STR_INIT("a\xe2\x80\xae"
                    "b"),
        AX_STR_INIT("a*"),
        AX_STR_INIT("a?"),
        AX_STR_INIT("a[b]"),
        AX_STR_INIT("a{b}"),
        AX_STR_INIT("~"),
        AX_STR_INIT("$HOME"),
        AX_STR_INIT("a;b"),
        AX_STR_INIT("a&b"),
        AX_STR_INIT("a|b"),
        AX_STR_INIT("a<b"),
        AX_STR_INIT("a>b"),
        AX_STR_INIT("a\"b"),
        AX_STR_INIT("a'b"),
        AX_STR_INIT("a`b"),
        AX_STR_INIT("a!b"),
        AX_STR_INIT("a#b"),
        AX_STR_INIT("a%2fb"),
        AX_STR_INIT("a=b"),
        AX_STR_INIT("a,b"),
        AX_STR_INIT("a(b)"),
        AX_STR_INIT("a^b"),
        AX_STR_INIT(A128 "a"),
        AX_STR_INIT("a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q"),
        AX_STR_INIT(A128 "/" A128 "/" A128 "/" A16 A16 A16 A16 A16 A16 A16 "aaaaaaaaaaaaaa"),
        AX_STR_INIT("b/" A128 "a"),
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(paths); i++)
        T_TRUE(check_path(paths[i], AX_E_INVALID_BUNDLE) > 0);
    /* every byte that is not allowed, in the middle of a component */
    for (unsigned byte = 0; byte < 256; byte++) {
        char text[3] = { 'a', (char)byte, 'b' };
        bool fine = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                    (byte >= '0' && byte <= '9') || (byte > 0 && strchr("._@+-/", (int)byte));

        T_TRUE(check_path(ax_str_make(text, 3), fine ? AX_OK : AX_E_INVALID_BUNDLE) > 0);
    }
}

/* --- headers --- */

/* manifest.json, then this header with no body, then the end. */
static enum ax_code judge_header(struct tar_header *header)
{
    struct maker maker;
    enum ax_code code;

    maker_init(&maker, NULL);
    maker_put_manifest(&maker);
    maker_put_header(&maker, header);
    maker_end(&maker);
    code = maker_judge(&maker, NULL);
    maker_done(&maker);
    return code;
}

TEST(archive_holds_regular_files_and_nothing_else)
{
    for (unsigned type = 0; type < 256; type++) {
        struct tar_header header = maker_header(AX_STR("file"), (char)type, 0);

        T_CODE(judge_header(&header), type == '0' ? AX_OK : AX_E_INVALID_BUNDLE);
        memcpy(header.link, "target", 6);
        T_CODE(judge_header(&header), AX_E_INVALID_BUNDLE);
    }
}

TEST(archive_header_must_be_posix_ustar)
{
    static const char *const magics[] = { "ustar  ",
                                          "ustar\0\0\0",
                                          "\0\0\0\0\0\0\0",
                                          "USTAR\0"
                                          "00",
                                          "ustar\0"
                                          "01",
                                          "ustar\0"
                                          "  ",
                                          "tar\0\0\0"
                                          "00" };

    for (size_t i = 0; i < AX_ARRAY_LEN(magics); i++) {
        struct tar_header header = maker_header(AX_STR("file"), TAR_FILE, 0);

        memcpy(header.magic, magics[i], 8);
        T_CODE(judge_header(&header), AX_E_INVALID_BUNDLE);
    }
}

static enum ax_code judge_size_field(const char field[12])
{
    struct tar_header header = maker_header(AX_STR("file"), TAR_FILE, 0);

    memcpy(header.size, field, 12);
    return judge_header(&header);
}

TEST(archive_numbers_are_octal_and_end)
{
    static const struct {
        const char *field;
        bool fine;
    } sizes[] = {
        { "00000000000\0", true },
        { "00000000000 ", true },
        { "0\0\0\0\0\0\0\0\0\0\0", true },
        { "0           ", true },
        { "000000000000", false },
        { "           \0", false },
        { "          0\0", false },
        { "\0\0\0\0\0\0\0\0\0\0\0", false },
        { "0000000000x\0", false },
        { "00000000008\0", false },
        { "-0000000000\0", false },
        { "+0000000000\0", false },
        { "0x000000000\0", false },
        { "0\0"
          "000000000\0",
          false },
        { "0 0        \0", false },
        { "\x80\0\0\0\0\0\0\0\0\0\0", false },
        { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", false },
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(sizes); i++)
        T_CODE(judge_size_field(sizes[i].field), sizes[i].fine ? AX_OK : AX_E_INVALID_BUNDLE);
    T_CODE(judge_size_field("77777777777\0"), AX_E_TOO_BIG);
}

TEST(archive_header_fields_that_mean_nothing_here_are_judged_too)
{
    static const struct {
        size_t at;
        const char *bytes;
        size_t len;
        bool fine;
    } cases[] = {
        { offsetof(struct tar_header, mode), "0004755", 8, true },
        { offsetof(struct tar_header, mode), "rwxr-xr", 8, false },
        { offsetof(struct tar_header, uid), "7777777", 8, true },
        { offsetof(struct tar_header, uid), "\0\0\0\0\0\0\0\0", 8, true },
        { offsetof(struct tar_header, uid), "\x80\0\0\0\0\0\0\1", 8, false },
        { offsetof(struct tar_header, gid), "\xff\xff\xff\xff\xff\xff\xff\xff", 8, false },
        { offsetof(struct tar_header, mtime), "77777777777", 12, true },
        { offsetof(struct tar_header, mtime), "\xff\xff\xff\xff\xff\xff\xff\xff", 8, false },
        { offsetof(struct tar_header, user), "root", 5, true },
        { offsetof(struct tar_header, user), "ro\0t", 5, false },
        { offsetof(struct tar_header, group), "a\0b", 3, false },
        { offsetof(struct tar_header, link), "x", 1, false },
        { offsetof(struct tar_header, link) + 99, "x", 1, false },
        { offsetof(struct tar_header, major), "0000001", 8, true },
        { offsetof(struct tar_header, minor), "abc", 3, false },
        { offsetof(struct tar_header, rest), "x", 1, false },
        { offsetof(struct tar_header, rest) + 11, "x", 1, false },
        { offsetof(struct tar_header, name) + 50, "x", 1, false }, /* behind a NUL */
        { offsetof(struct tar_header, prefix) + 50, "x", 1, false },
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(cases); i++) {
        struct tar_header header = maker_header(AX_STR("file"), TAR_FILE, 0);

        memcpy((char *)&header + cases[i].at, cases[i].bytes, cases[i].len);
        T_CODE(judge_header(&header), cases[i].fine ? AX_OK : AX_E_INVALID_BUNDLE);
    }
}

TEST(archive_header_must_match_its_checksum)
{
    for (size_t byte = 0; byte < TAR_BLOCK; byte++) {
        struct tar_header header = maker_header(AX_STR("file"), TAR_FILE, 0);
        struct maker maker;
        char text[16];

        snprintf(text, sizeof(text), "%06o", tar_checksum(&header));
        memcpy(header.checksum, text, 7);
        header.checksum[7] = ' ';
        ((char *)&header)[byte] ^= 1;
        maker_init(&maker, NULL);
        maker_put_manifest(&maker);
        maker_put(&maker, &header, sizeof(header));
        maker_end(&maker);
        T_CODE(maker_judge(&maker, NULL), AX_E_INVALID_BUNDLE);
        maker_done(&maker);
    }
}

/* --- PAX --- */

static enum ax_code judge_pax(struct ax_str records)
{
    struct maker maker;
    enum ax_code code;

    maker_init(&maker, NULL);
    maker_put_manifest(&maker);
    maker_put_pax(&maker, records);
    maker_put_file(&maker, AX_STR("file"), AX_STR("12345"));
    maker_end(&maker);
    code = maker_judge(&maker, NULL);
    maker_done(&maker);
    return code;
}

TEST(archive_pax_knows_path_and_size_once_and_exactly)
{
    static const struct {
        const char *records;
        bool fine;
    } cases[] = {
        { "10 path=a\n", true },
        { "9 size=5\n", true },
        { "10 path=a\n9 size=5\n", true },
        { "9 size=5\n10 path=a\n", true },
        { "9 size=4\n", false }, /* disagrees with the header */
        { "9 size=6\n", false },
        { "10 size=05\n", false },
        { "10 size=-5\n", false },
        { "8 size=\n", false },
        { "28 size=18446744073709551621\n", false }, /* 2^64 + 5 */
        { "10 path=a\n10 path=a\n", false },         /* twice */
        { "10 path=a\n10 path=b\n", false },
        { "9 size=5\n9 size=5\n", false },
        { "16 linkpath=ab\n", false }, /* other keys */
        { "20 mtime=1.5000000\n", false },
        { "11 uid=123\n", false },
        { "22 GNU.sparse.size=5\n", false },
        { "14 comment=ab\n", false },
        { "10 PATH=a\n", false },
        { "9 path=a\n", true },
        { "8 path=a\n", false }, /* one short, one long */
        { "11 path=a\n", false },
        { "010 path=a\n", false },
        { " 10 path=a\n", false },
        { "10path=a\n", false },
        { "10 patha\n\n", false }, /* no equals sign */
        { "10 path=a ", false },   /* no line feed */
        { "99999999999999999999 path=a\n", false },
        { "0 path=a\n", false },
        { "\n", false },
        { "10 path=a\nx", false }, /* something after the records */
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(cases); i++)
        if ((judge_pax(ax_str_of(cases[i].records)) == AX_OK) != cases[i].fine)
            fail_msg("records '%s'", cases[i].records);
    T_CODE(judge_pax(AX_STR("11 path=a\0\n")), AX_E_INVALID_BUNDLE);
}

TEST(archive_pax_is_small)
{
    AX_AUTO_BUF struct ax_buf records = { .max = 4096 };
    char path[AX_ARCHIVE_PATH_MAX];
    struct tar_header header = maker_header(AX_STR("pax"), TAR_PAX, TAR_PAX_MAX + 1);

    memset(path, 'a', sizeof(path));
    for (size_t i = 100; i < sizeof(path); i += 100)
        path[i] = '/';
    maker_pax_record(&records, "path", ax_str_make(path, sizeof(path)));
    maker_pax_record(&records, "size", AX_STR("5"));
    T_OK(judge_pax(ax_buf_str(&records)));
    T_CODE(judge_header(&header), AX_E_INVALID_BUNDLE);
    header = maker_header(AX_STR("pax"), TAR_PAX, 0);
    T_CODE(judge_header(&header), AX_E_INVALID_BUNDLE);
}

static void put_long_name(struct maker *maker, char type)
{
    struct tar_header header = maker_header(AX_STR("././@LongLink"), type, 5);

    maker_put_header(maker, &header);
    maker_put_body(maker, AX_STR("name\0"));
}

TEST(archive_has_no_two_extensions_for_one_file)
{
    static const char types[] = { 'x', 'g', 'L', 'K', 0 };

    for (size_t i = 0; types[i]; i++) {
        struct maker maker;

        maker_init(&maker, NULL);
        maker_put_manifest(&maker);
        maker_put_pax(&maker, AX_STR("10 path=a\n"));
        if (types[i] == 'x')
            maker_put_pax(&maker, AX_STR("10 path=b\n"));
        else
            put_long_name(&maker, types[i]);
        maker_put_file(&maker, AX_STR("file"), AX_STR("12345"));
        maker_end(&maker);
        T_CODE(maker_judge(&maker, NULL), AX_E_INVALID_BUNDLE);
        maker_done(&maker);
    }
}

TEST(archive_pax_before_nothing_is_refused)
{
    struct maker maker;

    maker_init(&maker, NULL);
    maker_put_manifest(&maker);
    maker_put_pax(&maker, AX_STR("10 path=a\n"));
    maker_end(&maker);
    T_CODE(maker_judge(&maker, NULL), AX_E_INVALID_BUNDLE);
    maker_done(&maker);
}

/* Readers that disagree about a size see a file inside a file: here nobody may disagree. */
TEST(archive_hides_no_header_in_a_body)
{
    struct tar_header inner = maker_header(AX_STR("ui/evil.js"), TAR_FILE, 0);
    struct tar_header outer = maker_header(AX_STR("outer"), TAR_FILE, 0);
    char text[16];
    struct maker maker;

    snprintf(text, sizeof(text), "%06o", tar_checksum(&inner));
    memcpy(inner.checksum, text, 7);
    inner.checksum[7] = ' ';
    maker_init(&maker, NULL);
    maker_put_manifest(&maker);
    maker_put_pax(&maker, AX_STR("11 size=512\n"));
    maker_put_header(&maker, &outer); /* says 0 */
    maker_put(&maker, &inner, sizeof(inner));
    maker_end(&maker);
    T_CODE(maker_judge(&maker, NULL), AX_E_INVALID_BUNDLE);
    maker_done(&maker);
}

/* --- names that clash --- */

static enum ax_code judge_pair(struct ax_str first, struct ax_str second)
{
    struct maker maker;
    enum ax_code code;

    maker_init(&maker, NULL);
    maker_put_manifest(&maker);
    maker_put_file(&maker, first, AX_STR("1"));
    maker_put_file(&maker, AX_STR("between/them"), AX_STR("x"));
    maker_put_file(&maker, second, AX_STR("2"));
    maker_end(&maker);
    code = maker_judge(&maker, NULL);
    maker_done(&maker);
    return code;
}

TEST(archive_names_each_file_once_whatever_the_case)
{
    static const struct {
        struct ax_str first, second;
        bool fine;
    } pairs[] = {
        { AX_STR_INIT("a"), AX_STR_INIT("b"), true },
        { AX_STR_INIT("a"), AX_STR_INIT("a"), false },
        { AX_STR_INIT("a"), AX_STR_INIT("A"), false },
        { AX_STR_INIT("ui/A.js"), AX_STR_INIT("ui/a.JS"), false },
        { AX_STR_INIT("ui/a"), AX_STR_INIT("UI/A"), false },
        { AX_STR_INIT("manifest.jso"), AX_STR_INIT("Manifest.Json"), false },
        { AX_STR_INIT("x"), AX_STR_INIT("manifest.json"), false },
        { AX_STR_INIT("a"), AX_STR_INIT("a/b"), false },
        { AX_STR_INIT("a/b"), AX_STR_INIT("a"), false },
        { AX_STR_INIT("A/b/c/d"), AX_STR_INIT("a/B"), false },
        { AX_STR_INIT("a/B"), AX_STR_INIT("A/b/c/d"), false },
        { AX_STR_INIT("a-b"), AX_STR_INIT("a/b"), true },
        { AX_STR_INIT("a/b"), AX_STR_INIT("a-b"), true },
        { AX_STR_INIT("a.b"), AX_STR_INIT("a"), true },
        { AX_STR_INIT("a/b.c"), AX_STR_INIT("a/b/c"), true },
    };

    for (size_t i = 0; i < AX_ARRAY_LEN(pairs); i++)
        T_CODE(judge_pair(pairs[i].first, pairs[i].second),
               pairs[i].fine ? AX_OK : AX_E_INVALID_BUNDLE);
}

TEST(archive_begins_with_its_manifest)
{
    struct maker maker;
    struct ax_str others[] = { AX_STR("a"), AX_STR("Manifest.json"), AX_STR("ui/manifest.json") };

    for (size_t i = 0; i < AX_ARRAY_LEN(others); i++) {
        maker_init(&maker, NULL);
        maker_put_file(&maker, others[i], AX_STR("x"));
        maker_put_manifest(&maker);
        maker_end(&maker);
        T_CODE(maker_judge(&maker, NULL), AX_E_INVALID_BUNDLE);
        maker_done(&maker);
    }
    maker_init(&maker, NULL);
    maker_end(&maker);
    T_CODE(maker_judge(&maker, NULL), AX_E_INVALID_BUNDLE);
    maker_done(&maker);
}

/* --- the end --- */

/* manifest.json, `zeros` bytes of zeros, then `tail`. */
static enum ax_code judge_end(uint64_t zeros, struct ax_str tail)
{
    struct maker maker;
    enum ax_code code;

    maker_init(&maker, NULL);
    maker_put_manifest(&maker);
    maker_put_zeros(&maker, zeros);
    maker_put(&maker, tail.ptr, tail.len);
    maker_end_frame(&maker);
    code = maker_judge(&maker, NULL);
    maker_done(&maker);
    return code;
}

TEST(archive_ends_with_zeros_and_only_zeros)
{
    T_CODE(judge_end(0, AX_STR("")), AX_E_INVALID_BUNDLE);
    T_CODE(judge_end(512, AX_STR("")), AX_E_INVALID_BUNDLE);
    T_CODE(judge_end(1023, AX_STR("")), AX_E_INVALID_BUNDLE);
    T_OK(judge_end(1024, AX_STR("")));
    T_CODE(judge_end(1025, AX_STR("")), AX_E_INVALID_BUNDLE);
    T_OK(judge_end(1536, AX_STR("")));
    T_OK(judge_end(TAR_TAIL_MAX, AX_STR("")));
    T_CODE(judge_end(TAR_TAIL_MAX + 512, AX_STR("")), AX_E_INVALID_BUNDLE);
    T_CODE(judge_end(1024, AX_STR("x")), AX_E_INVALID_BUNDLE);
    T_CODE(judge_end(512, AX_STR("x")), AX_E_INVALID_BUNDLE);
}

TEST(archive_pads_with_zeros)
{
    struct tar_header header = maker_header(AX_STR("file"), TAR_FILE, 1);

    for (size_t byte = 0; byte < TAR_BLOCK; byte++) {
        char body[TAR_BLOCK] = { 0 };
        struct maker maker;

        body[byte] = 'x';
        maker_init(&maker, NULL);
        maker_put_manifest(&maker);
        maker_put_header(&maker, &header);
        maker_put(&maker, body, sizeof(body));
        maker_end(&maker);
        T_CODE(maker_judge(&maker, NULL), byte == 0 ? AX_OK : AX_E_INVALID_BUNDLE);
        maker_done(&maker);
    }
}

TEST(archive_survives_every_refused_allocation)
{
    struct maker maker;

    ax_fault_arm(0);
    put_good(&maker);
    T_SWEEP() {
        struct maker_seen seen = { .files = 0 };
        enum ax_code code = maker_read(ax_buf_str(&maker.out), 0, &seen, NULL);

        T_TRUE(code == AX_OK || code == AX_E_NO_MEMORY);
        ax_buf_done(&seen.log);
    }
    maker_done(&maker);
}

TEST_MAIN()

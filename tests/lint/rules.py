# SPDX-License-Identifier: Apache-2.0
"""What may no file of this checkout do?

A rule takes a Tree and yields one sentence per breach: "path:line: what is wrong". It looks at text
only, so that a test can hand it a broken sample and see it bite.
"""
import pathlib
import re
import subprocess

FILE_LINES_MAX = 800
FUNCTION_LINES_MAX = 75
TABLE_LINES_MAX = 120  # of a test, which may hold a table of cases


class Tree:
    """Files by name, relative to the root; only those whose text a rule reads are opened."""

    def __init__(self, root, names):
        self.root = pathlib.Path(root)
        self.names = sorted(names)

    @classmethod
    def of_checkout(cls, root):
        listed = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=root,
                                check=True, capture_output=True).stdout.decode()
        return cls(root, {name for name in listed.split("\0")
                          if name and (pathlib.Path(root) / name).is_file()})

    def text(self, name):
        return (self.root / name).read_text(encoding="utf-8", errors="replace")

    def matching(self, *patterns):
        return [name for name in self.names
                if any(pathlib.PurePath(name).match(pattern) for pattern in patterns)]

    def c_files(self, top="src"):
        return [name for name in self.matching("*.c", "*.h") if name.startswith(top + "/")]


# --- who includes whom -------------------------------------------------------------------------

BELOW = {
    "base": set(),
    "crypto": {"base"},
    "loop": {"base"},
}
for _folder in ("http", "auth", "bundle"):
    BELOW[_folder] = {"base", "crypto", "loop"}
BELOW["store"] = BELOW["http"] | {"http", "auth", "bundle"}
for _folder in ("registry", "host"):
    BELOW[_folder] = BELOW["store"] | {"store"}
for _folder in ("runner", "gateway", "cli"):
    BELOW[_folder] = BELOW["host"] | {"registry", "host"}

ABOVE_CRYPTO = set(BELOW) - {"base", "crypto"}
HOMES = [  # header, the folders that may include it
    (r"cmocka\.h", {"base"}),
    (r"yyjson\.h|libbase64\.h", {"base"}),
    (r"openssl/.*", {"crypto"}),
    (r"uv\.h|uv/.*", ABOVE_CRYPTO),
    (r"llhttp\.h|curl/.*|nghttp2/.*", {"http"}),
    (r"cjose/.*", {"auth"}),
    (r"archive\.h|archive_entry\.h|zstd\.h|zstd_errors\.h", {"bundle"}),
    (r"ares\.h|ares_.*", {"host"}),
    (r"sqlite3\.h|libpq-fe\.h|libpq/.*", {"registry"}),
    (r"(engine/)?engine\.h|wasmtime\.h|wasm\.h", {"runner"}),
]
SYSTEM_HEADER = re.compile(
    r"(sys|linux|net|netinet|arpa|asm|sanitizer)/.*|"
    r"(assert|complex|ctype|errno|fenv|float|inttypes|limits|locale|math|setjmp|signal|stdalign|"
    r"stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|strings|threads|time|"
    r"uchar|wchar|wctype|dirent|dlfcn|elf|endian|fcntl|fnmatch|ftw|getopt|glob|grp|ifaddrs|libgen|"
    r"link|malloc|netdb|poll|pthread|pwd|regex|sched|semaphore|spawn|syslog|termios|ucontext|"
    r"unistd|utime|byteswap|execinfo|pty|syscall|alloca|err|error)\.h")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def includes(tree, name):
    text = tree.text(name)
    for found in INCLUDE.finditer(text):
        yield text.count("\n", 0, found.start()) + 1, found[1], found[2]


def include_direction(tree):
    """src/A may include src/B only when B lies below A; mates of one level never meet."""
    for name in tree.c_files():
        folder = name.split("/")[1]
        if folder not in BELOW:
            yield f"{name}:1: src/{folder} has no place in the order of folders"
            continue
        for line, quote, header in includes(tree, name):
            target = header.split("/")[0]
            if quote != '"' or home_of(header) is not None:
                continue
            if "/" not in header or target not in BELOW:
                yield f'{name}:{line}: "{header}": write "folder/file.h", from src/'
            elif target != folder and target not in BELOW[folder]:
                yield f"{name}:{line}: src/{folder} may not include src/{target}"


def home_of(header):
    return next((folders for pattern, folders in HOMES if re.fullmatch(pattern, header)), None)


def third_party_homes(tree):
    """One library, one home: nobody else includes its headers."""
    for name in tree.c_files():
        folder = name.split("/")[1]
        for line, quote, header in includes(tree, name):
            home = home_of(header)
            if home is not None:
                if folder not in home:
                    yield f"{name}:{line}: <{header}> belongs to src/{', src/'.join(sorted(home))}"
            elif quote == "<" and not SYSTEM_HEADER.fullmatch(header):
                yield f"{name}:{line}: <{header}> has no home: give it one in tests/lint/rules.py"


def test_header_in_product(tree):
    """base/test.h is for tests and what they share (x_rig.c): a product file that includes it would
    carry cmocka along."""
    for name in tree.c_files():
        if name.endswith("_test.c") or name.startswith("src/base/test"):
            continue
        for line, _, header in includes(tree, name):
            if header == "base/test.h" and not re.search("test|_rig", pathlib.PurePath(name).name):
                yield f"{name}:{line}: only tests include base/test.h"


# --- shape -------------------------------------------------------------------------------------

def file_length(tree):
    for name in tree.matching("*.c", "*.h", "*.rs", "*.py", "*.ts", "*.sh"):
        lines = tree.text(name).count("\n")
        if lines > FILE_LINES_MAX:
            yield f"{name}:{lines}: {lines} lines, {FILE_LINES_MAX} are the most"


def function_length(tree):
    """Relies on the layout: a function's braces are the only ones that stand alone in column 0."""
    for name in tree.matching("*.c", "*.h"):
        start = None
        most = TABLE_LINES_MAX if name.endswith("_test.c") else FUNCTION_LINES_MAX
        for number, line in enumerate(tree.text(name).splitlines(), 1):
            if line == "{":
                start = number
            elif line == "}" and start is not None:
                length = number - start + 1
                if length > most:
                    yield f"{name}:{start}: a function of {length} lines, {most} are the most"
                start = None


COMMENT_STYLE = {".c": "/* {} */", ".h": "/* {} */", ".rs": "// {}", ".wat": ";; {}",
                 ".ts": "// {}", ".py": "# {}", ".sh": "# {}", ".cmake": "# {}"}


def spdx_first(tree):
    for name in tree.names:
        path = pathlib.PurePath(name)
        style = COMMENT_STYLE.get(path.suffix)
        if path.name == "CMakeLists.txt":
            style = "# {}"
        lines = []
        if style is None and path.suffix == "":
            lines = tree.text(name).splitlines()[:2]
            style = "# {}" if lines and lines[0].startswith("#!") else None
        if style is None:
            continue
        lines = lines or tree.text(name).splitlines()[:2]
        if lines and lines[0].startswith("#!"):
            lines = lines[1:]
        wanted = style.format("SPDX-License-Identifier: Apache-2.0")
        if not lines or lines[0] != wanted:
            yield f"{name}:1: opens with '{wanted}'"


def opening_question(tree):
    """After the licence line a C file says its name and the question that it answers; a test says
    its name, and its promises ask for it."""
    for name in tree.c_files():
        base = pathlib.PurePath(name).name
        text = tree.text(name)
        found = re.match(r"/\* SPDX[^\n]*\n/\* (\S+) - (.*?)\*/", text, re.DOTALL)
        if not found or found[1] != base:
            yield f"{name}:2: says '/* {base} - the question that it answers?'"
        elif "?" not in found[2] and not name.endswith("_test.c"):
            yield f"{name}:2: asks no question"


NO_README = {"src", "lib", "target"}  # inner folders of a thing that has its page already


def folder_readme(tree):
    """Folders one and two levels deep have a page, and its first line is a question."""
    folders = set()
    for name in tree.names:
        parents = pathlib.PurePath(name).parts[:-1]
        for depth in range(1, min(len(parents), 2) + 1):
            if parents[0].startswith(".") or (depth == 2 and parents[1] in NO_README) \
                    or parents[:depth] == ("engine", "tests"):
                continue
            folders.add("/".join(parents[:depth]))
    for folder in sorted(folders):
        page = f"{folder}/README.md"
        if page not in tree.names:
            yield f"{folder}: has no README.md"
            continue
        first = (tree.text(page).splitlines() or [""])[0]
        if not re.fullmatch(r"# .+\?", first):
            yield f"{page}:1: the first line is a heading that asks the folder's question"


def built_and_tested(tree):
    """A source that no CMakeLists.txt names is dead, and such a test never runs."""
    for name in tree.matching("*.c"):
        if not name.startswith("src/"):
            continue
        path = pathlib.PurePath(name)
        lists = f"{path.parent}/CMakeLists.txt"
        text = tree.text(lists) if lists in tree.names else ""
        # Tests may be listed by their subject: foreach(name ...) ax_test(${name}_test ...).
        spellings = [path.name]
        if name.endswith("_test.c") and re.search(r"\}_test\.c", text):
            spellings.append(path.stem.removesuffix("_test"))
        if not any(re.search(rf"(?<![\w.-]){re.escape(spelling)}(?![\w.-])", text)
                   for spelling in spellings):
            yield f"{name}:1: not named in {lists}"
        if name.endswith("_test.c") and not re.search(r"^(TEST_MAIN\(\)|int main\()",
                                                      tree.text(name), re.MULTILINE):
            yield f"{name}:1: has no TEST_MAIN() and no main()"


PROTOTYPE = re.compile(r"^(?!typedef|#|static|struct \w+ \{|return)[A-Za-z_][\w \*]*[ \*]"
                       r"(\w+)\((?!\*)[^;{}]*\)[^;{}]*;", re.MULTILINE)


def documented_headers(tree):
    """Each paragraph of prototypes in a public header has a comment in it or in the one before."""
    for name in tree.matching("*.h"):
        if not name.startswith(("src/", "engine/", "sdk/c/")):
            continue
        line, before = 1, ""
        for paragraph in re.split(r"\n[ \t]*\n", tree.text(name)):
            found = PROTOTYPE.search(paragraph)
            if found and "/*" not in paragraph + before:
                yield f"{name}:{line}: {found[1]}() is promised nowhere: say what it does"
            line += paragraph.count("\n") + 2
            before = paragraph


# --- what must not be there --------------------------------------------------------------------

def no_wasm(tree):
    for name in tree.matching("*.wasm", "*.cwasm", "*.tar.zst"):
        yield f"{name}:1: built files are not kept in the checkout"


# Written in pieces, so that this page does not find itself.
PLACES = re.compile("|".join([
    "/ro" "ot/", "/ho" "me/[a-z]", "/Us" "ers/[A-Za-z]", "/wo" r"rk/\w", "/op" "t/wheels",
    "pypi" r"\.org", "python" r"hosted\.org", "registry" r"\.npmjs", "static" r"\.crates\.io",
    "index" r"\.crates\.io", "proxy" r"\.golang\.org", "deb" r"\.debian\.org"]))
UNFINISHED = re.compile("|".join([r"\bTO" r"DO\b", r"\bFIX" r"ME\b", r"\bXX" r"X\b", r"\bHA" r"CK\b"]))
SKIPS = re.compile("|".join([r"pytest\.sk" "ip", r"mark\.sk" "ip", r"mark\.xf" "ail",
                             r"#\[ign" "ore"]))
SLEEPS = re.compile(r"\b(time\.sle" r"ep|usle" r"ep|nanosle" r"ep|asyncio\.sle" r"ep|thread::sle"
                    r"ep)\(|(?<![\w.])sle" r"ep\(")
WAITS = {"tests/system/support/wait.py"}  # the one place that polls
BINARY = {".wasm", ".png", ".gz", ".zst", ".tar", ".ico", ".bin"}


def _search(tree, pattern, names, words):
    for name in names:
        if pathlib.PurePath(name).suffix in BINARY or "/corpus/" in name:
            continue
        for number, line in enumerate(tree.text(name).splitlines(), 1):
            found = pattern.search(line)
            if found:
                yield f"{name}:{number}: '{found[0]}' {words}"


def no_places(tree):
    """The checkout works anywhere: no path of one machine, no host of one registry."""
    names = [name for name in tree.names if pathlib.PurePath(name).name != "Cargo.lock"]
    yield from _search(tree, PLACES, names, "names one machine or registry")


def nothing_unfinished(tree):
    yield from _search(tree, UNFINISHED, tree.names, "belongs into the tracker")


def no_skipped_tests(tree):
    yield from _search(tree, SKIPS, tree.matching("*.py", "*.rs"), "hides a test")


def no_sleeps_in_tests(tree):
    tests = [name for name in tree.matching("*.py", "*_test.c", "*.rs")
             if name not in WAITS and (name.startswith("tests/") or "_test" in name
                                       or name.startswith("engine/tests/"))]
    yield from _search(tree, SLEEPS, tests, "waits for time instead of an event")

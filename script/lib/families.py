# SPDX-License-Identifier: Apache-2.0
"""Which families of tests are there, and how does each one report? Run by script/test.

A family is a function that returns a Count. It decides how its tool is asked and how its answer is
counted; the table, the exit code and the ledger are made here, once.
"""
import argparse
import concurrent.futures
import dataclasses
import datetime
import os
import pathlib
import re
import secrets
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ["ANNEX_CACHE"])
BUILDS = ("dev", "release")
UNIT_DEADLINE_S = 600


@dataclasses.dataclass
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other):
        return Count(self.passed + other.passed, self.failed + other.failed,
                     self.skipped + other.skipped)

    def good(self):
        return self.passed > 0 and self.failed == 0 and self.skipped == 0


def one(ok):
    return Count(passed=1) if ok else Count(failed=1)


def run(*command, **options):
    """Runs a tool with its output on our standard error; true when it succeeded."""
    return subprocess.run([str(part) for part in command], cwd=ROOT, stdout=sys.stderr,
                          **options).returncode == 0


def tracked(*patterns):
    """Files of the checkout, committed or about to be; never what git ignores."""
    names = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard", "--", *patterns],
                           cwd=ROOT, check=True, capture_output=True).stdout.decode()
    return sorted({name for name in names.split("\0") if name and (ROOT / name).is_file()})


def build(arguments):
    count = Count()
    for preset in BUILDS:
        ok = run("cmake", "--preset", preset, "--log-level=WARNING")
        ok = ok and run("cmake", "--build", "--preset", preset, *arguments)
        count += one(ok)
    return count


def layout(arguments):
    """One file, one count: does clang-format agree with it?"""
    count = Count()
    for name in tracked("*.c", "*.h"):
        done = subprocess.run(["clang-format-19", "--dry-run", "-Werror", *arguments, name],
                              cwd=ROOT, capture_output=True, text=True)
        count += one(done.returncode == 0)
        if done.returncode != 0:
            print(f"layout: clang-format-19 -i {name}", file=sys.stderr)
    return count


def unit_program(program, arguments):
    """Runs one test program and reads the totals of its last line."""
    try:
        done = subprocess.run([program, *arguments], cwd=ROOT, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", timeout=UNIT_DEADLINE_S)
        output, code = done.stdout, done.returncode
    except subprocess.TimeoutExpired as late:
        output, code = (late.stdout or b"").decode(errors="replace"), "no end"
    lines = output.strip().splitlines()
    totals = re.fullmatch(r"(\d+) passed, (\d+) failed", lines[-1]) if lines else None
    count = Count(int(totals[1]), int(totals[2])) if totals else Count()
    if code != 0 and count.failed == 0:
        count += Count(failed=1)  # it died, hung, or failed after its last line
    if not count.good() and not (arguments and code == 0):
        print(f"--- {program.relative_to(ROOT)}: exit {code}\n{output}", file=sys.stderr)
        if count.failed == 0:
            count += Count(failed=1)  # a program without tests states no promise
    return count


def unit(preset):
    def family(arguments):
        programs = sorted((ROOT / "build" / preset / "test").glob("*_test"))
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            counts = pool.map(lambda program: unit_program(program, arguments), programs)
            return sum(counts, Count())
    return family


def engine(arguments):
    """cargo's own tests, and two opinions of its tools that count as one test each."""
    def cargo(verb, *rest):
        return ["cargo", *verb.split(), "--manifest-path", "engine/Cargo.toml", *rest]

    target = ["--locked", "--release", "--target-dir", CACHE / "engine-target"]
    done = subprocess.run([str(part) for part in cargo("test", *target, "--no-fail-fast", "--",
                                                       *arguments)],
                          cwd=ROOT, stdout=subprocess.PIPE, text=True, errors="replace")
    count = Count()
    for totals in re.finditer(r"^test result: .*?(\d+) passed; (\d+) failed; (\d+) ignored",
                              done.stdout, re.MULTILINE):
        count += Count(*(int(number) for number in totals.groups()))
    if done.returncode != 0:
        print(done.stdout, file=sys.stderr)
        if count.failed == 0:
            count += Count(failed=1)
    if arguments:
        return count
    count += one(run(*cargo("clippy", *target, "--all-targets", "--", "-D", "warnings")))
    return count + one(run(*cargo("fmt", "--check")))


# Under the sanitizers too: what sends input. Limits, containment and times are the release build's.
SANITIZED = [f"tests/system/{name}_test.py" for name in
             ("bundle", "cli", "execute_request", "fetch", "guest", "hello", "http")]


def pytest(paths, preset="release"):
    def family(arguments):
        with tempfile.NamedTemporaryFile(suffix=".xml") as report:
            run(ROOT / "build/venv/bin/python", "-P", "-m", "pytest", "-c", "tests/pytest.ini",
                *paths, f"--junitxml={report.name}", *arguments,
                env={**os.environ, "ANNEX_BIN": str(ROOT / "build" / preset / "bin")})
            try:
                suites = list(ElementTree.parse(report.name).getroot().iter("testsuite"))
            except ElementTree.ParseError:
                return Count(failed=1)
        total, failed, errors, skipped = (sum(int(suite.get(kind)) for suite in suites)
                                          for kind in ("tests", "failures", "errors", "skipped"))
        return Count(total - failed - errors - skipped, failed + errors, skipped)
    return family


def fuzz(arguments):
    """Each target for some seconds; one count each. `script/test fuzz NAME` runs one of them."""
    run_target = str(ROOT / "tests/fuzz/run")
    targets = arguments or subprocess.run([run_target, "--list"], check=True, capture_output=True,
                                          text=True).stdout.split()
    seconds = "120" if os.environ["ANNEX_TEST_LONG"] == "1" else "2"

    def fuzz_one(target):
        done = subprocess.run([run_target, target, seconds, f"-seed={os.environ['ANNEX_TEST_SEED']}"],
                              cwd=ROOT, capture_output=True, text=True, errors="replace")
        if done.returncode != 0:
            print(f"--- fuzz {target}\n{(done.stdout + done.stderr)[-4000:]}", file=sys.stderr)
        return one(done.returncode == 0)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return sum(pool.map(fuzz_one, targets), Count())


FAMILIES = {
    "build": build,
    "layout": layout,
    "lint": pytest(["tests/lint"]),
    "unit-dev": unit("dev"),
    "unit-release": unit("release"),
    "engine": engine,
    "fuzz": fuzz,
    "system-dev": pytest(SANITIZED, "dev"),
    "system": pytest(["tests/system"]),
}
NEED_BUILD = {"unit-dev", "unit-release", "system-dev", "system"}


def write_ledger(seed, total, seconds):
    """What was the long run, and when? One line each; the file is committed with the change."""
    commit = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=ROOT,
                            check=True, capture_output=True, text=True).stdout.strip()
    day = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M")
    with open(ROOT / "docs/ledger.md", "a", encoding="utf-8") as ledger:
        ledger.write(f"| {day} | {commit} | {seed} | {total.passed} | {total.failed} "
                     f"| {seconds:.0f} |\n")


def main():
    parser = argparse.ArgumentParser(prog="script/test")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("family", nargs="?", choices=FAMILIES)
    options, arguments = parser.parse_known_args()
    if options.list:
        print("\n".join(FAMILIES))
        return 0
    seed = os.environ.setdefault("ANNEX_TEST_SEED", str(secrets.randbelow(1 << 32)))
    os.environ["ANNEX_TEST_LONG"] = "1" if options.long else "0"
    os.environ.setdefault("ASAN_OPTIONS", "strict_string_checks=1:detect_stack_use_after_return=1")
    os.environ.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")

    names = list(FAMILIES) if options.family is None else [options.family]
    if options.family in NEED_BUILD:
        names.insert(0, "build")
    total, rows, started = Count(), [], time.monotonic()
    for name in names:
        print(f"== {name}", file=sys.stderr, flush=True)
        begun = time.monotonic()
        count = FAMILIES[name](arguments if name == options.family else [])
        rows.append((name, count, time.monotonic() - begun))
        total += count
        if name == "build" and not count.good():
            break  # old programs would answer for the new sources

    good = all(count.good() for _, count, _ in rows) and len(rows) == len(names)
    print(f"{'family':<14}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    for name, count, seconds in rows:
        note = "" if count.good() else "  <-- no" if count.passed + count.failed else "  <-- nothing ran"
        print(f"{name:<14}{count.passed:>8}{count.failed:>8}{count.skipped:>9}{seconds:>9.1f}{note}")
    print(f"seed {seed}, {time.monotonic() - started:.0f} s")
    if options.long:
        write_ledger(seed, total, time.monotonic() - started)
    # A skipped test and a family that ran nothing are failures: the last line says so too.
    failed = total.failed + total.skipped + sum(not count.passed + count.failed + count.skipped
                                                for _, count, _ in rows)
    print(f"{total.passed} passed, {failed} failed")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

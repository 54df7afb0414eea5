# SPDX-License-Identifier: Apache-2.0
"""How are the guests of the tests made? `build.py OUT [NAME..]`; tests import it as well.

Each guest becomes OUT/NAME/{manifest.json,entry.wasm}, which `annex pack` takes. Three sources: C
(hostile.c with macros), module text (modules.py), and bytes computed here (bombs.py).
"""
import json
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
SDK = HERE.parents[1] / "sdk/c"
sys.path.insert(0, str(HERE))

import bombs  # noqa: E402
import modules  # noqa: E402

CLANG_FLAGS = ["--target=wasm32", "-mcpu=mvp", "-mbulk-memory", "-mmutable-globals", "-msign-ext",
               "-Oz", "-std=c17", "-ffreestanding", "-nostdlib", "-Wall", "-Wextra", "-Werror",
               "-Wl,--no-entry", "-Wl,--stack-first", "-Wl,-z,stack-size=65536", "-Wl,--strip-all"]

# name: macros of hostile.c. The host calls alloc for the request, the slot, then for answers.
HOSTILE = {
    "hostile": [],
    "alloc-loop": ["ALLOC_LOOP", "ALLOC_NTH=1"],
    "alloc-loop-late": ["ALLOC_LOOP", "ALLOC_NTH=3"],
    "alloc-trap": ["ALLOC_TRAP", "ALLOC_NTH=1"],
    "alloc-trap-late": ["ALLOC_TRAP", "ALLOC_NTH=3"],
    "alloc-outside": ["ALLOC_RETURNS=0xfffffff0", "ALLOC_NTH=1"],
    "alloc-outside-late": ["ALLOC_RETURNS=0xfffffff0", "ALLOC_NTH=3"],
    "alloc-end": ["ALLOC_RETURNS=(uint32_t)__builtin_wasm_memory_size(0)*65536-4", "ALLOC_NTH=2"],
    "alloc-calls": ["ALLOC_CALLS", "ALLOC_NTH=1"],
    "dealloc-loop": ["DEALLOC_LOOP"],
}


def names():
    return [*HOSTILE, *modules.MODULES, *bombs.BOMBS]


def endpoints():
    listed = re.findall(r'^    \{ "(\w+)", do_\w+ \},$', (HERE / "hostile.c").read_text(),
                        re.MULTILINE)
    # `x`: for modules whose handler does not ask for the endpoint's name.
    return [{"method": method, "path": f"/{name}", "handler": name}
            for name in ["x", *listed] for method in ("GET", "POST")]


def manifest(name, **changes):
    """A valid manifest for guest NAME; tests change single members of it."""
    made = {"name": f"com.example.{name}", "publisher": "example", "version": "1.0.0",
            "runtime": "core@1", "entry": "entry.wasm", "capabilities": ["cap:http.fetch"],
            "api": {"endpoints": endpoints()}, "limits": {"memory_mb": 64, "cpu_ms": 500}}
    made.update(changes)
    return made


def build_c(sources, wasm, macros=()):
    command = [os.environ.get("CLANG", "clang-19"), *CLANG_FLAGS, "-I", SDK,
               *[f"-D{macro}" for macro in macros], "-o", wasm, *sources, SDK / "annex.c"]
    subprocess.run([str(part) for part in command], check=True)


def build_text(text, wasm):
    """Module text to bytes. Features stay on: what is refused is for the engine to say."""
    source = wasm.with_suffix(".wat")
    source.write_text(text)
    subprocess.run(["wat2wasm", "--enable-all", "--no-check", source, "-o", wasm], check=True)
    source.unlink()


def build(name, out):
    """Makes one guest; returns its folder, OUT/NAME."""
    folder = pathlib.Path(out) / name
    folder.mkdir(parents=True, exist_ok=True)
    wasm = folder / "entry.wasm"
    if name in HOSTILE:
        build_c([HERE / "hostile.c"], wasm, HOSTILE[name])
    elif name in modules.MODULES:
        build_text(modules.MODULES[name], wasm)
    else:
        wasm.write_bytes(bombs.BOMBS[name]())
    (folder / "manifest.json").write_text(json.dumps(manifest(name)))
    return folder


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: build.py OUT [NAME..]")
    for guest in sys.argv[2:] or names():
        print(build(guest, sys.argv[1]))

# SPDX-License-Identifier: Apache-2.0
"""Which modules are refused before anything of them runs, and what does refusing them cost?"""
import pytest

from support import proc, wait

REFUSED = [
    "no-memory", "no-alloc", "no-handler", "alloc-type", "alloc-global", "handler-type",
    "handler-void", "dealloc-type", "import-unknown", "import-module", "import-wasi", "import-type",
    "import-result", "import-memory", "import-global", "import-table", "memory-large", "memory-two",
    "memory-shared", "memory-64", "table-huge",
]
ACCEPTED = ["plain", "memory-max", "table-limit", "bomb-none"]


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepts(runner, published, name):
    assert runner.execute(published(name), "x").code is None


@pytest.mark.parametrize("name", REFUSED)
def test_refuses(runner, published, name):
    result = runner.execute(published(name), "x")
    assert (result.http_status, result.code, result.started) == (502, "bundle_rejected", False), result


@pytest.mark.parametrize("change", [lambda wasm: wasm[:-1], lambda wasm: wasm[:8], lambda wasm: b"",
                                    lambda wasm: b"\0asm\x0d\0\1\0" + wasm[8:],
                                    lambda wasm: wasm[:8] + b"\xff" + wasm[9:],
                                    lambda wasm: wasm + b"\x01\x00"],
                         ids=["cut", "empty module", "no bytes", "component", "section", "more"])
def test_refuses_bytes_that_are_no_module(runner, store, key, guests, tmp_path, change):
    folder = tmp_path / "guest"
    folder.mkdir()
    (folder / "manifest.json").write_bytes((guests("plain") / "manifest.json").read_bytes())
    (folder / "entry.wasm").write_bytes(change((guests("plain") / "entry.wasm").read_bytes()))
    result = runner.execute(store.publish(folder, key), "x")
    assert (result.http_status, result.code) == (502, "bundle_rejected"), result


def test_a_table_beyond_the_budget_of_core_modules_ends_its_execution(runner, published):
    assert runner.execute(published("table-limit"), "x").code is None
    result = runner.execute(published("table-large"), "x")
    assert (result.http_status, result.code) == (502, "memory_exceeded"), result


@pytest.mark.parametrize("bomb", ["bomb-memory", "bomb-time"])
def test_a_compile_bomb_ends_its_builder_and_nothing_else(make_runner, published, bomb):
    """The builder dies by its limits; loader and workers stay the same processes, and the next bundle
    is built while the bomb is still at work."""
    runner = make_runner(RUNNER_COMPILE_JOBS=2)
    assert runner.execute(published("plain"), "x").code is None
    before = {role: pids for role, pids in runner.roles().items() if role != "builder"}

    def explode():
        return runner.execute(published(bomb), "x", limits={"timeout_ms": 1000})
    result = explode()
    assert (result.http_status, result.code, result.started) == (503, "extension_warming", False)
    assert int(result.headers["retry-after"]) >= 1
    builder = wait.until(lambda: [pid for pid in runner.roles().get("builder", [])
                                  if proc.cpu_seconds(pid) > 0.5], "a builder that works hard")[0]
    limits = proc.limits(builder)
    assert int(limits["Max cpu time"]) <= 60 and limits["Max core file size"] == "0", limits
    assert "unlimited" not in (limits["Max address space"], limits["Max data size"]) or \
        limits["Max data size"] != limits["Max address space"], limits
    assert int(proc.status(builder)["NoNewPrivs"]) == 1
    assert runner.execute(published("hostile"), "count").ok() == {"runs": 1}
    wait.until(lambda: explode().code == "bundle_rejected", "the bomb to be refused", 150)
    assert builder not in runner.pids()
    assert before == {role: pids for role, pids in runner.roles().items() if role != "builder"}
    assert runner.execute(published("bomb-none"), "x").code is None
    again = runner.execute(published(bomb), "x")  # remembered: nothing is built for it
    assert again.code == "bundle_rejected" and again.usage["wall_ms"] < 100

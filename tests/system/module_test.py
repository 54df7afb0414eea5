# SPDX-License-Identifier: Apache-2.0
"""Which modules are refused before anything of them runs, and what does refusing them cost?"""
import pytest

from support import wait

REFUSED = [
    "no-memory", "no-alloc", "no-handler", "alloc-type", "alloc-global", "handler-type",
    "handler-void", "dealloc-type", "import-unknown", "import-module", "import-wasi", "import-type",
    "import-result", "import-memory", "import-global", "import-table", "memory-large", "memory-two",
    "memory-shared", "memory-64", "table-large",
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


@pytest.mark.parametrize("bomb", ["bomb-memory", "bomb-time"])
def test_a_compile_bomb_ends_its_builder_and_nothing_else(make_runner, published, bomb):
    """The builder dies by its limits; the loader stays the same process and loads the next bundle
    while the bomb is still being compiled, and after it."""
    runner = make_runner(RUNNER_COMPILE_JOBS=2)
    assert runner.execute(published("plain"), "x").code is None
    before = set(runner.pids())
    answer = runner.client.post("/v1/execute", json={
        "context": {"tenant_id": "t", "extension_id": "e", "content_hash": published(bomb)},
        "http": {"method": "GET", "path": "/x"}, "limits": {"timeout_ms": 1000}})
    assert answer.status_code == 503 and answer.json()["error"]["code"] == "extension_warming"
    builder = wait.until(lambda: set(runner.pids()) - before, "a builder to be seen")
    assert runner.execute(published("hostile"), "count").ok() == {"runs": 1}
    wait.until(lambda: not builder & set(runner.pids()), "the builder to end", 120)
    assert before <= set(runner.pids())
    result = runner.execute(published(bomb), "x")
    assert (result.http_status, result.code) == (502, "bundle_rejected"), result
    assert runner.execute(published("bomb-none"), "x").code is None

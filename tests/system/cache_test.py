# SPDX-License-Identifier: Apache-2.0
"""What does a runner believe of its own cache? Only what verifies; the rest is fetched again, once."""
import json
import os
import random
import shutil
import subprocess
import threading

import pytest

from support import bundles, wait

SEED = int(os.environ.get("ANNEX_TEST_SEED", "1"))
LONG = os.environ.get("ANNEX_TEST_LONG") == "1"


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def cached(make_runner, published, store):
    """A stopped runner whose cache holds one guest, and that guest's folder in it."""
    runner = make_runner()
    content_hash = published("plain")
    assert runner.execute(content_hash, "x").code is None
    folder = runner.folder / "cache" / content_hash.removeprefix("sha256:")
    wait.until(lambda: (folder / "index.json").exists(), "the cache to be written")
    runner.stop()
    return runner, content_hash, folder


def again(make_runner, runner, **settings):
    """Another runner over the same cache and state."""
    return make_runner(CACHE_ROOT=runner.settings["CACHE_ROOT"], STATE_DIR=runner.settings["STATE_DIR"],
                       **settings)


def test_a_restart_needs_no_store(make_runner, cached, tmp_path):
    runner, content_hash, folder = cached
    before = {path: path.stat().st_mtime_ns for path in files(folder)}
    (tmp_path / "empty").mkdir()
    second = again(make_runner, runner, BUNDLE_STORE_BASE=f"file://{tmp_path / 'empty'}")
    assert json.loads(second.execute(content_hash, "x").body) == {"plain": True}
    assert {path: path.stat().st_mtime_ns for path in files(folder)} == before


def test_layout_and_modes(cached):
    _, _, folder = cached
    names = {str(path.relative_to(folder)) for path in files(folder)}
    assert "index.json" in names and "entry.wasm" in names
    assert any(name.startswith("precompiled/") and name.endswith(".cwasm") for name in names), names
    for path in files(folder):
        assert path.stat().st_mode & 0o077 == 0 and not path.stat().st_mode & 0o111, oct(path.stat().st_mode)
    assert not list(folder.parent.glob("*.tmp*"))


def test_flipped_bits_never_run(make_runner, cached):
    """Each file of the cache is changed in places drawn at random; the guest answers right each time,
    because what does not verify is dropped and fetched again."""
    runner, content_hash, folder = cached
    draw = random.Random(SEED)
    good = folder.with_name("good")
    shutil.copytree(folder, good)
    for path in files(good):
        for _ in range(20 if LONG else 3):
            shutil.rmtree(folder)
            shutil.copytree(good, folder)
            data = bytearray(path.read_bytes())
            at = draw.randrange(len(data))
            data[at] ^= 1 << draw.randrange(8)
            victim = folder / path.relative_to(good)
            os.chmod(victim, 0o600)
            victim.write_bytes(data)
            if os.getuid() == 0:
                owner = path.stat()
                for made in [folder, *folder.rglob("*")]:
                    os.chown(made, (good.parent).stat().st_uid, owner.st_gid)
            second = again(make_runner, runner)
            result = second.execute(content_hash, "x")
            assert result.code is None and json.loads(result.body) == {"plain": True}, (victim, at, result)
            second.stop()


@pytest.mark.parametrize("harm", ["truncated", "emptied", "removed", "longer", "index gone", "index empty"])
def test_damaged_files_are_replaced(make_runner, cached, harm):
    runner, content_hash, folder = cached
    code = next(folder.glob("precompiled/*.cwasm"))
    index = folder / "index.json"
    {"truncated": lambda: os.truncate(code, code.stat().st_size // 2),
     "emptied": lambda: os.truncate(code, 0), "removed": code.unlink,
     "longer": lambda: os.truncate(code, code.stat().st_size + 1), "index gone": index.unlink,
     "index empty": lambda: os.truncate(index, 0)}[harm]()
    second = again(make_runner, runner)
    assert json.loads(second.execute(content_hash, "x").body) == {"plain": True}


def test_another_runners_cache_is_not_believed(make_runner, cached):
    """The same files under another cache key: they verify for nobody but their maker."""
    runner, content_hash, _ = cached
    second = make_runner(CACHE_ROOT=runner.settings["CACHE_ROOT"])
    assert json.loads(second.execute(content_hash, "x").body) == {"plain": True}


def test_code_of_one_hash_does_not_pass_for_another(make_runner, cached, published):
    runner, content_hash, folder = cached
    second = again(make_runner, runner)
    other_hash = published("hostile")
    assert second.execute(other_hash, "count").code is None
    other = folder.with_name(other_hash.removeprefix("sha256:"))
    wait.until(lambda: (other / "index.json").exists(), "the cache to be written")
    second.stop()
    for name in ("index.json", "entry.wasm"):
        shutil.copyfile(other / name, folder / name)
    shutil.copyfile(next(other.glob("precompiled/*.cwasm")), next(folder.glob("precompiled/*.cwasm")))
    third = again(make_runner, runner)
    assert json.loads(third.execute(content_hash, "x").body) == {"plain": True}


def test_a_full_disk_costs_the_cache_and_not_the_answer(make_runner, published, tmp_path):
    """The cache lies on a file system of 64 KiB; the guest runs all the same, and no half-written
    folder remains. Needs root to mount, which the ordinary test machine is."""
    full = tmp_path / "full"
    full.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=0777", "tmpfs", full], check=True)
    try:
        runner = make_runner(CACHE_ROOT=full / "cache")
        for guest, endpoint in (("hostile", "count"), ("plain", "x")):
            assert runner.execute(published(guest), endpoint).code is None
        wait.until(lambda: not [path for path in (full / "cache").iterdir() if not path.name.isalnum()],
                   "temporary folders to go")
        runner.stop()
    finally:
        subprocess.run(["umount", "-l", full], check=True)


def test_a_cache_that_cannot_be_written_is_said_until_it_can(make_runner, published, tmp_path):
    """Ready means that the cache can be written; the answer names it when it cannot, guests run all
    the same, and room on the disk makes the runner ready again. Needs root to mount."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0777", "tmpfs", disk], check=True)
    try:
        runner = make_runner(CACHE_ROOT=disk / "cache")
        ballast = disk / "ballast"
        with pytest.raises(OSError):
            ballast.write_bytes(bytes(2 << 20))
        assert json.loads(runner.execute(published("plain"), "x").body) == {"plain": True}
        wait.until(lambda: runner.client.get("/readyz").status_code == 503, "the runner to say so")
        state = runner.client.get("/readyz").json()
        assert not state["ready"] and "cache_not_writable" in state["degraded"], state
        assert json.loads(runner.execute(published("plain"), "x").body) == {"plain": True}
        ballast.unlink()
        wait.until(lambda: runner.client.get("/readyz").status_code == 200, "room to be noticed")
        assert "cache_not_writable" not in runner.client.get("/readyz").json()["degraded"]
        runner.stop()
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_single_flight(make_runner, store, key, guests, tmp_path):
    """Many ask for one cold bundle at one moment: it is built once."""
    folder = tmp_path / "guest"
    shutil.copytree(guests("hostile"), folder)
    (folder / "ui").mkdir()
    (folder / "ui/once.txt").write_text(str(tmp_path))
    content_hash = store.publish(folder, key)
    runner = make_runner()
    results = []
    threads = [threading.Thread(target=lambda: results.append(runner.execute(content_hash, "count")))
               for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.ok() for result in results] == [{"runs": 1}] * 16
    ended = [event for event in runner.events("role.exited") if event["process"] == "builder"]
    assert len(ended) == 1, ended  # a builder does one job


def test_the_store_is_asked_by_hash_only(make_runner, store, published):
    """Loose copies beside the bundle are not believed."""
    content_hash = published("plain")
    place = store.place(content_hash)
    (place / "entry.wasm").write_bytes(b"not this one")
    (place / "manifest.json").write_bytes(b"{}")
    assert json.loads(make_runner().execute(content_hash, "x").body) == {"plain": True}
    assert bundles.sha256((place / "bundle.tar.zst").read_bytes()) in content_hash

# SPDX-License-Identifier: Apache-2.0
"""Does a hash become code once, whatever dies or fills up meanwhile, and does the builder keep its limits?"""
import os
import shutil
import signal
import subprocess
import threading

import pytest

from support import bundles, proc, wait


@pytest.fixture
def many(guests, store, key, tmp_path):
    """Makes bundles that differ in a file of their interface: a content hash each."""
    folder = tmp_path / "many"
    shutil.copytree(guests("hostile"), folder)
    (folder / "ui").mkdir()

    def make(count, ui_bytes=100):
        hashes = []
        for number in range(count):
            (folder / "ui/file.bin").write_bytes(str(tmp_path).encode() + os.urandom(ui_bytes))
            hashes.append(store.publish(folder, key))
        return hashes
    return make


def warm_up(runner, content_hash):
    return runner.post("/v1/warmup", {"extension_id": "e", "content_hash": content_hash})


def temporary(runner):
    return [path.name for path in (runner.folder / "cache").iterdir() if path.name.startswith(".tmp-")]


def entry(runner, content_hash):
    return runner.folder / "cache" / content_hash.removeprefix("sha256:") / "index.json"


def test_a_warm_up_reports_its_steps(make_runner, many):
    [content_hash] = many(1)
    runner = make_runner()
    answer = warm_up(runner, content_hash)
    assert answer.status_code == 200, answer.text
    names = [step["step"] for step in answer.json()["steps"]]
    assert names[:3] == ["fetched", "verified", "compiled"], names
    assert runner.execute(content_hash, "count").ok() == {"runs": 1}
    assert (runner.metric("annex_runner_builds_total"), runner.metric("annex_runner_cache_hits_total")) == (1, 0)
    wait.until(lambda: entry(runner, content_hash).exists(), "the cache to be written")
    runner.stop()
    again = make_runner(CACHE_ROOT=runner.settings["CACHE_ROOT"], STATE_DIR=runner.settings["STATE_DIR"])
    assert [step["step"] for step in warm_up(again, content_hash).json()["steps"]] == ["cached"]
    assert (again.metric("annex_runner_builds_total"), again.metric("annex_runner_cache_hits_total")) == (0, 1)


def test_a_bundle_that_is_not_there_is_told_from_one_that_is_bad(make_runner, many, store):
    good, bad, missing = many(3)
    runner = make_runner()
    shutil.move(store.place(missing), store.place(missing).with_suffix(".away"))
    data = bytearray((store.place(bad) / "bundle.tar.zst").read_bytes())
    data[-1] ^= 1
    (store.place(bad) / "bundle.tar.zst").write_bytes(data)
    absent = runner.execute(missing, "count")
    assert (absent.http_status, absent.code, absent.started) == (503, "bundle_unavailable", False)
    changed = runner.execute(bad, "count")
    assert (changed.http_status, changed.code, changed.started) == (502, "bundle_rejected", False)
    assert runner.execute(good, "count").ok() == {"runs": 1}
    # Both are faults of a store, so both are forgotten within seconds of being mended.
    shutil.move(store.place(missing).with_suffix(".away"), store.place(missing))
    data[-1] ^= 1
    (store.place(bad) / "bundle.tar.zst").write_bytes(data)
    for mended in (missing, bad):
        wait.until(lambda: runner.execute(mended, "count").code is None, "the bundle to be found", 12)


def test_a_builder_stands_by_within_its_limits(make_runner, many):
    """One waits for a job before there is one; it takes it and ends, and another one stands by."""
    runner = make_runner()
    [builder] = wait.until(lambda: runner.roles().get("builder"), "a builder to stand by")
    wait.until(lambda: proc.limits(builder)["Max cpu time"] == "60", "it to seal itself")
    limits = proc.limits(builder)
    assert limits["Max address space"] == str(3 << 30), limits
    assert limits["Max core file size"] == "0" and limits["Max file size"] != "unlimited", limits
    assert proc.threads(builder) == 1
    assert os.getpriority(os.PRIO_PROCESS, builder) == 10
    [content_hash] = many(1)
    assert runner.execute(content_hash, "count").ok() == {"runs": 1}
    wait.until(lambda: builder not in runner.pids(), "it to end")
    wait.until(lambda: len(runner.roles().get("builder", [])) == 1, "another one to stand by")


def test_a_loader_killed_under_load_costs_nothing_that_lasts(make_runner, many):
    """Many cold bundles are asked for while the loader is killed again and again. Who is answered at
    all is answered rightly or told that nothing has started; in the end all of them load."""
    hashes = many(24)
    runner = make_runner(RUNNER_COMPILE_JOBS=2)
    results = []

    def ask(content_hash):
        results.append(runner.execute(content_hash, "count"))
    threads = [threading.Thread(target=ask, args=[content_hash]) for content_hash in hashes]
    for thread in threads:
        thread.start()
    for _ in range(3):
        loader = wait.until(lambda: runner.roles().get("loader"), "a loader")[0]
        os.kill(loader, signal.SIGKILL)
        wait.until(lambda: loader not in runner.pids(), "its end")
    for thread in threads:
        thread.join()
    assert len(results) == len(hashes)
    for result in results:
        assert result.code is None or (result.started is False and result.http_status == 503), result
    for content_hash in hashes:
        wait.until(lambda: runner.execute(content_hash, "count").code is None, "each to load", 20)
    # What had been answered and not yet written costs a fetch one day; half of it lies nowhere.
    wait.until(lambda: not temporary(runner), "the cache to be tidy", 20)


def test_a_cache_keeps_to_its_size(make_runner, many):
    hashes = many(6, ui_bytes=300_000)
    runner = make_runner(EXT_CACHE_MAX_BYTES=1 << 20)
    for content_hash in hashes:
        assert runner.execute(content_hash, "count").ok() == {"runs": 1}
        wait.until(lambda: entry(runner, content_hash).exists(), "it to be cached")
    kept = [entry(runner, each).exists() for each in hashes]
    assert kept[-1] and not kept[0] and 2 <= sum(kept) <= 3, kept
    total = sum(path.stat().st_size for path in (runner.folder / "cache").rglob("*") if path.is_file())
    assert total <= 1 << 20


def test_a_disk_that_fills_up_makes_room_by_forgetting(make_runner, many, tmp_path):
    """The file system is smaller than the cache may be. Each bundle runs; the newest is cached in
    place of the oldest; nothing half-written remains. Mounting needs root."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0777", "tmpfs", disk], check=True)
    try:
        runner = make_runner(CACHE_ROOT=disk / "cache")
        (runner.folder / "cache").symlink_to(disk / "cache")
        hashes = many(6, ui_bytes=200_000)
        for content_hash in hashes:
            assert runner.execute(content_hash, "count").ok() == {"runs": 1}
            wait.until(lambda: entry(runner, content_hash).exists() and not temporary(runner),
                       "it to be cached")
        kept = [entry(runner, each).exists() for each in hashes]
        assert kept[-1] and not kept[0], kept
        with pytest.raises(OSError):
            (disk / "ballast").write_bytes(b"x" * (1 << 20))  # not even forgetting helps now
        [last] = many(1, ui_bytes=900_000)
        assert runner.execute(last, "count").ok() == {"runs": 1}
        wait.until(lambda: runner.events("cache.full"), "the loader to say so")
        wait.until(lambda: not temporary(runner), "nothing half-written")
        assert not entry(runner, last).exists()
        runner.stop()
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_signed_for_one_hash_is_not_signed_for_another(runner, many, store):
    """The envelope of a good bundle beside another good bundle."""
    one, two = many(2)
    envelope = (store.place(two) / "bundle.dsse.json").read_bytes()
    (store.place(two) / "bundle.dsse.json").write_bytes((store.place(one) / "bundle.dsse.json").read_bytes())
    result = runner.execute(two, "count")
    assert (result.http_status, result.code) == (502, "bundle_rejected"), result
    (store.place(two) / "bundle.dsse.json").write_bytes(envelope)
    assert bundles.sha256((store.place(two) / "bundle.tar.zst").read_bytes()) in two
    assert runner.execute(one, "count").ok() == {"runs": 1}


def test_hundreds_of_bundles_are_at_hand_in_one_worker(make_runner, many):
    """Each loaded module with data keeps a descriptor in the worker; there is one for all of them."""
    runner = make_runner(RUNNER_WORKERS=1)
    hashes = many(300)
    for _ in range(2):  # cold, then from what is loaded
        assert {runner.execute(content_hash, "count").ok()["runs"] for content_hash in hashes} == {1}
    assert runner.metric("annex_runner_units") == len(hashes)
    assert runner.metric("annex_runner_workers_lost_total") == 0

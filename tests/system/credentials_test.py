# SPDX-License-Identifier: Apache-2.0
"""Where is each secret, and where is it not? Every secret is a marker of its own; after traffic the
memory, environment and arguments of every process, the log, the cache and the answers are searched.
It must be where it is used (or the search proves nothing) and nowhere else. Needs root to look."""
import os
import secrets
import signal

import pytest

from support import proc, wait
from support.runner import execute_body


def marker():
    return secrets.token_hex(16)


@pytest.fixture
def scene(make_runner, tmp_path, published):
    """A runner with a marker in every secret, after some traffic of every kind."""
    markers = {name: marker() for name in ("service token", "other token", "store key", "host token",
                                           "provider token", "user")}
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{markers['service token']},{markers['other token']}\n")
    runner = make_runner(ready=False, RUNNER_SERVICE_TOKEN_FILE=tokens,
                         STORAGE_S3_ACCESS_KEY="access", STORAGE_S3_SECRET_KEY=markers["store key"])
    runner.client.headers["authorization"] = f"Bearer {markers['service token']}"
    wait.until(runner._ready, "the runner to be ready", 30)
    for guest, endpoint in (("hostile", "count"), ("plain", "x"), ("hostile", "trap"), ("no-alloc", "x")):
        runner.post("/v1/execute", execute_body(
            published(guest), endpoint, host={"token": markers["host token"], "provider_tokens":
                                              {"alga:extension/x": markers["provider token"]}}))
    runner.client.post("/v1/execute", headers={"authorization": f"Bearer {marker()}"}, json={})
    wait.until(lambda: list((runner.folder / "cache").glob("*/index.json")), "the cache to be written")
    return runner, markers


# marker: the roles that may hold it; the supervisor holds the settings of all its roles
MAY_HOLD = {
    "service token": {"supervisor", "front"}, "other token": {"supervisor", "front"},
    "store key": {"supervisor", "loader"}, "host token": {"front"}, "provider token": {"front"},
    "cache key": {"loader"},
}
MUST_HOLD = {"service token": {"front"}, "cache key": {"loader"}}


def test_every_secret_is_where_it_belongs_and_nowhere_else(scene):
    runner, markers = scene
    needles = {name: text.encode() for name, text in markers.items() if name in MAY_HOLD}
    needles["cache key"] = (runner.folder / "state/cache.key").read_bytes()[:32]
    processes = {"supervisor": [runner.process.pid], **runner.roles()}
    assert {"front", "loader", "worker", "builder"} <= set(processes)
    holds = {name: set() for name in needles}
    for role, pids in processes.items():
        for pid in pids:
            found = proc.memory_holds(pid, list(needles.values()))
            for part in ("environ", "cmdline"):
                with open(f"/proc/{pid}/{part}", "rb") as file:
                    text = file.read()
                if role != "supervisor":
                    assert part == "cmdline" or text == b"", (role, text)
                    found |= {needle for needle in needles.values() if needle in text}
            for name, needle in needles.items():
                if needle in found:
                    holds[name].add(role)
    for name, roles in holds.items():
        assert roles <= MAY_HOLD[name], (name, roles)
        assert roles >= MUST_HOLD.get(name, set()), (name, roles, "the search itself does not work")


def test_no_secret_reaches_a_file_or_an_answer(scene):
    runner, markers = scene
    texts = {"log": runner.log_file.read_bytes()}
    for folder in ("cache", "state"):
        for path in (runner.folder / folder).rglob("*"):
            if path.is_file():
                texts[str(path)] = path.read_bytes()
    for path in ("/readyz", "/healthz", "/metrics", "/v1/nothing"):
        texts[path] = runner.client.get(path).content
    assert len(texts) > 8
    for name, text in markers.items():
        for place, content in texts.items():
            assert text.encode() not in content, (name, place)
    key = runner.folder / "state/cache.key"
    assert key.stat().st_mode & 0o077 == 0
    assert key.read_bytes()[:32] not in texts["log"]


def test_no_core_is_written(scene, tmp_path):
    """A role that crashes leaves no image of its memory, whatever the machine's pattern is."""
    runner, _ = scene
    before = {path for path in runner.folder.rglob("*core*")}
    for role in ("front", "worker", "loader"):
        pid = runner.roles()[role][0]
        assert proc.limits(pid)["Max core file size"] == "0"
        os.kill(pid, signal.SIGABRT)
        wait.until(lambda pid=pid: pid not in runner.pids(), f"{role} to be gone")
    wait.until(runner._ready, "the runner to be ready", 20)
    assert {path for path in runner.folder.rglob("*core*")} == before


def test_roles_cannot_be_looked_into_by_their_own_user(scene):
    """Not dumpable: /proc/PID of a role belongs to root, so a neighbour of the same uid reads nothing."""
    runner, _ = scene
    for role, pids in runner.roles().items():
        for pid in pids:
            assert os.stat(f"/proc/{pid}/mem").st_uid == 0, role
            assert os.stat(f"/proc/{pid}/environ").st_uid == 0, role

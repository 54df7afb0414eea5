# SPDX-License-Identifier: Apache-2.0
"""What is lost when a process is killed in the middle of work? Its own work, and that is said. Processes
die at moments drawn at random while requests of every kind run; each answer is right or says what was
lost, nothing else suffers, and afterwards everything is as it was. ANNEX_TEST_SEED repeats a draw."""
import collections
import json
import os
import random
import shutil
import signal
import threading
import time

import httpx
import pytest

from support import proc, wait
from support.dns import Dns
from support.upstream import Upstream

SEED = int(os.environ.get("ANNEX_TEST_SEED", "1"))
ROUNDS = 20 if os.environ.get("ANNEX_TEST_LONG") == "1" else 3
CALLERS = 8
STANDING = {"front": 1, "loader": 1, "worker": 2, "builder": 1}

# Errors by which the runner says what was lost; and whether the guest may have started.
LOST = {"worker_lost": {True, False}, "bundle_unavailable": {False}, "extension_warming": {False},
        "overloaded": {False}, "bundle_rejected": {False}}
MAY_BE_LOST = {"worker": {"worker_lost", "extension_warming", "overloaded"},
               "loader": {"bundle_unavailable", "extension_warming"},
               "builder": {"bundle_unavailable", "extension_warming", "bundle_rejected"},
               "front": {"connection", "extension_warming", "overloaded"}}


class Load:
    """Callers that ask one after the other until they are told to stop, each with a connection of its
    own. What each was doing is noted, and how each request ended."""

    def __init__(self, runner, requests, draw):
        self.runner, self.requests = runner, requests
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.began = {}  # caller -> (kind, when)
        self.ends = []  # (kind, code, when it began, when it ended)
        self.threads = [threading.Thread(target=self._call, args=(number, random.Random(draw.random())))
                        for number in range(CALLERS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def _call(self, number, draw):
        while not self.over.is_set():
            kind, ask = draw.choice(self.requests)
            began = time.monotonic()
            with self.lock:
                self.began[number] = kind, began
            try:
                code = ask(number)
            except httpx.TransportError:
                code = "connection"
            with self.lock:
                del self.began[number]
                self.ends.append((kind, code, began, time.monotonic()))

    def count(self):
        with self.lock:
            return len(self.ends)

    def in_flight(self):
        """"kind ms" of what is under way, the oldest first."""
        now = time.monotonic()
        with self.lock:
            under_way = sorted(self.began.values(), key=lambda one: one[1])
        return [f"{kind} {1000 * (now - began):.1f}" for kind, began in under_way]


class Scene:
    def __init__(self, runner, published, cold, upstream):
        self.runner, self.published, self.cold = runner, published, cold
        self.entry = f"http://up.example:{upstream.port}"
        self.cold_lock = threading.Lock()

    def _check(self, result, expected):
        """The code of an answer; it must be right in every point if there is one."""
        if result.code is None:
            assert result.http_status == 200
            assert expected(json.loads(result.body)), result
            return None
        if result.code in LOST:
            assert result.started in LOST[result.code], result
            assert result.http_status in (502, 503), result
        return result.code

    def count(self, number):
        return self._check(self.runner.execute(self.published("hostile"), "count", **self._who(number)),
                           lambda body: body == {"runs": 1})

    def loop(self, number):
        result = self.runner.execute(self.published("hostile"), "loop", limits={"cpu_ms": 40},
                                     **self._who(number))
        return None if result.code == "cpu_exceeded" else self._check(result, lambda body: False)

    def fetch(self, number):
        nonce = f"n{number}-{time.monotonic_ns()}"
        result = self.runner.execute(
            self.published("hostile"), "fetch_nonce", providers=["cap:http.fetch"], egress=[self.entry],
            query={"url": f"{self.entry}/say/{nonce}", "nonce": nonce}, **self._who(number))
        return self._check(result, lambda body: body == {"nonce": nonce, "code": "ok", "upstream": nonce})

    def load(self, number):
        with self.cold_lock:
            content_hash = self.cold()
        return self._check(self.runner.execute(content_hash, "count", limits={"timeout_ms": 8000},
                                               **self._who(number)), lambda body: body == {"runs": 1})

    @staticmethod
    def _who(number):
        return {"tenant": f"t{number}", "install": f"i{number}"}

    def requests(self):
        return [("count", self.count), ("count", self.count), ("loop", self.loop), ("fetch", self.fetch),
                ("load", self.load)]

    def standing(self):
        return {role: len(pids) for role, pids in self.runner.roles().items()} == STANDING

    def descriptors(self):
        """Per role, the most that one process of it has open, once nothing is under way. Without the
        callers' connections, which come and go."""
        self.runner.client.close()
        self.runner.client = httpx.Client(
            base_url=f"http://127.0.0.1:{self.runner.port}", timeout=60, trust_env=False,
            headers={"authorization": f"Bearer {self.runner.token}"})
        found = {"supervisor": len(proc.descriptors(self.runner.process.pid))}
        for role, pids in self.runner.roles().items():
            found[role] = max(len(proc.descriptors(pid)) for pid in pids)
        return found


@pytest.fixture
def scene(make_runner, published, guests, store, key, tmp_path):
    folder = tmp_path / "cold"
    shutil.copytree(guests("hostile"), folder)
    (folder / "ui").mkdir()

    def cold():
        """The content hash of a bundle that nobody has seen."""
        (folder / "ui/file.bin").write_bytes(str(tmp_path).encode() + os.urandom(16))
        return store.publish(folder, key)
    with Upstream() as upstream, Dns({"up.example": ["127.0.0.1"]}) as dns:
        entry = f"http://up.example:{upstream.port}"
        runner = make_runner(EXT_EGRESS_ALLOWLIST=entry, EXT_EGRESS_PRIVATE_CIDRS="127.0.0.0/8",
                             EXT_EGRESS_RESOLVER=dns.server)
        made = Scene(runner, published, cold, upstream)
        for _, ask in made.requests():
            assert ask(0) is None
        wait.until(made.standing, "everybody to stand by")
        yield made


def kill_one(scene, load, role, draw):
    """Kills one process of the role when a number of requests, drawn, has ended since now; a builder when
    it works. Returns when that was."""
    goal = load.count() + draw.randrange(5, 60)
    wait.until(lambda: load.count() >= goal, "the load to go on", 60)

    def victim():
        pids = scene.runner.roles().get(role)
        if not pids:
            return None
        pid = draw.choice(pids)
        return pid if role != "builder" or proc.cpu_seconds(pid) > 0 or draw.random() < 0.02 else None
    pid = wait.until(victim, f"a {role}", 20)
    under_way, when = load.in_flight(), time.monotonic()
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # a builder that has just ended
    print(f"{role} {pid} killed; under way, with ms since it began: {', '.join(under_way) or 'nothing'}")
    wait.until(lambda: pid not in scene.runner.pids(), "it to be gone")
    # Builders come and go under load; whether one stands by is seen when the load is over.
    wait.until(lambda: all(len(scene.runner.roles().get(each, [])) == STANDING[each]
                           for each in ("front", "loader", "worker")), "its return", 20)
    return when


@pytest.mark.parametrize("role", ["worker", "loader", "front", "builder"])
def test_only_its_own_work_is_lost(scene, role):
    draw = random.Random(f"{SEED} {role}")
    before = scene.descriptors()
    with Load(scene.runner, scene.requests(), draw) as load:
        kills = [kill_one(scene, load, role, draw) for _ in range(ROUNDS)]
        goal = load.count() + 50  # and on it goes
        wait.until(lambda: load.count() >= goal, "the load to go on", 60)
    codes = collections.Counter(code or "right" for _, code, _, _ in load.ends)
    print(f"seed {SEED}, {role} killed {len(kills)} times among {len(load.ends)} requests: {dict(codes)}")
    assert set(codes) <= {"right", *MAY_BE_LOST[role]}, codes
    assert codes["right"] > len(load.ends) / 2
    if role == "worker":  # what did not run in the one that died
        for kind, code, began, ended in load.ends:
            assert code is None or any(began <= kill <= ended for kill in kills) or code != "worker_lost"
    # Nobody but those who were killed had to go, and nothing is left of them.
    wait.until(scene.standing, "everybody to be back", 20)
    exits = scene.runner.events("role.exited")
    fell = {event["process"] for event in exits if event["status"] != "exit 0"}
    assert fell <= {role, "builder"}, exits
    # A module at hand keeps a descriptor for its code in the front, for its memory's image in a worker.
    units = int(scene.runner.metric("annex_runner_units"))
    room = {"front": units + 2, "worker": units + 2}
    wait.until(lambda: all(count <= before[name] + room.get(name, 2)
                           for name, count in scene.descriptors().items()), "descriptors to come back", 20)
    assert scene.runner.metric("annex_runner_executions_in_flight") == 0
    check_cache(scene)


def check_cache(scene):
    """What lies in the cache is whole: another loader, which remembers nothing, finds it good."""
    cache = scene.runner.folder / "cache"
    wait.until(lambda: not list(cache.glob(".tmp-*")), "the cache to be tidy", 20)
    whole = [path.parent.name for path in cache.glob("*/index.json")]
    assert whole
    [loader], [front] = scene.runner.roles()["loader"], scene.runner.roles()["front"]
    for pid in (front, loader):
        os.kill(pid, signal.SIGKILL)
        wait.until(lambda pid=pid: pid not in scene.runner.pids(), "it to be gone")
    wait.until(lambda: scene.standing() and scene.runner._ready(), "the runner to be ready", 20)
    for content_hash in whole[:20]:
        wait.until(lambda: scene.runner.execute(f"sha256:{content_hash}", "count").ok() == {"runs": 1},
                   "it to run")
    assert not scene.runner.events("cache.damaged")

# SPDX-License-Identifier: Apache-2.0
"""Which process holds which secret? Every secret that a runner can be given is a canary; after traffic
of every kind each is looked for in every process, in cores, in the log and on disk: it is where the
table of processes allows it, and nowhere else. Needs root: nobody else may look into these processes."""
import base64
import os
import pathlib
import shutil
import signal
import subprocess
import threading

import pytest

from support import canary, proc, wait
from support.dns import Dns
from support.upstream import Upstream

STORE_KEYS = ("access", "secret", "session")  # of an S3 store, whichever way they are given
TOKENS = ("token-1", "token-2")
ROLES = ("supervisor", "front", "loader", "builder", "worker")

# Who must hold what (or else the search finds nothing at all), and who may besides.
MUST = {
    **{name: {"supervisor", "front"} for name in TOKENS},
    **{name: {"supervisor", "loader"} for name in STORE_KEYS},
    "cache": {"loader"},
}
MAY = {
    # What a caller sends passes the front.
    "wrong-token": {"front"}, "execution-token": {"front"}, "provider-token": {"front"},
}
# Of the other program, in a file that serves both: read over, kept by nobody.
FOREIGN = ("PLATFORM_SIGNING_KEY", "SECRETS_KEY", "DATABASE_URL", "EXECUTION_TOKEN_KEY")


class Scene:
    def __init__(self, make_runner, published, folder, upstream, dns):
        self.published, self.folder, self.upstream = published, folder, upstream
        names = (*TOKENS, "token-3", *STORE_KEYS, *MAY, *FOREIGN)
        self.secrets = {name: canary.text() for name in names}
        self.entry = f"http://up.example:{upstream.port}"
        conf = {"STORAGE_S3_SECRET_KEY": self.secrets["secret"],
                **{name: self.secrets[name] for name in FOREIGN}}
        (folder / "annex.conf").write_text("".join(f"{name}={value}\n" for name, value in conf.items()))
        (folder / "session").write_text(self.secrets["session"])
        self.write_tokens(*TOKENS)
        # One slot: a worker reserves 4 GiB of addresses for each, and a core has all of them.
        self.runner = make_runner(
            arguments=(f"--config={folder}/annex.conf",), RUNNER_WORKER_SLOTS=1, RUNNER_COMPILE_JOBS=2,
            RUNNER_SERVICE_TOKEN_FILE=folder / "tokens", STORAGE_S3_ACCESS_KEY=self.secrets["access"],
            STORAGE_S3_SESSION_TOKEN_FILE=folder / "session", EXT_EGRESS_ALLOWLIST=self.entry,
            EXT_EGRESS_PRIVATE_CIDRS="127.0.0.0/8", EXT_EGRESS_RESOLVER=dns.server)
        self.use_token("token-1")
        state = self.runner.folder / "state"
        made = wait.until(lambda: (state / "cache.key").exists() and (state / "cache.key").read_bytes(),
                          "the key of the cache")
        assert len(made) == 32
        self.search = canary.Search({**{name: value.encode() for name, value in self.secrets.items()},
                                     "cache": made})

    def write_tokens(self, *names):
        (self.folder / "tokens").write_text(",".join(self.secrets[name] for name in names) + "\n")

    def use_token(self, name):
        self.runner.token = self.secrets[name]
        self.runner.client.headers["authorization"] = f"Bearer {self.secrets[name]}"

    def execute(self, guest, endpoint, **options):
        """Brings what a gateway would send along, secrets and all."""
        return self.runner.execute(self.published(guest), endpoint, host={
            "token": self.secrets["execution-token"],
            "provider_tokens": {"alga:extension/invoicing": self.secrets["provider-token"]}}, **options)

    def traffic(self):
        """Every kind of request that there is, good and bad."""
        runner, fetch = self.runner, {"providers": ["cap:http.fetch"], "egress": [self.entry]}
        assert self.execute("hostile", "count").ok() == {"runs": 1}  # cold
        for _ in range(50):
            assert self.execute("hostile", "count").ok() == {"runs": 1}
        assert self.execute("hostile", "trap").code == "guest_failed"
        assert self.execute("hostile", "loop", limits={"cpu_ms": 50}).code == "cpu_exceeded"
        assert self.execute("hostile", "log", query={"lines": 3}).code is None
        for path, code in (("/say/x", "ok"), ("/headers", "ok"), ("/status/500", "ok")):
            fetched = self.execute("hostile", "fetch_nonce", query={"url": self.entry + path}, **fetch).ok()
            assert fetched["code"] == code, fetched
        assert self.execute("hostile", "fetch_nonce", query={"url": "http://no.example/"},
                            **fetch).ok()["code"] != "ok"
        assert self.execute("hostile", "host_call", method="POST", body=b"{}").ok()["code"] != 0
        assert "invoicing" not in str(self.execute("hostile", "request").ok())
        answer = runner.post("/v1/warmup", {"extension_id": "e", "content_hash": self.published("plain")})
        assert answer.status_code == 200 and self.execute("plain", "x").code is None
        assert runner.execute(f"sha256:{os.urandom(32).hex()}", "x").code == "bundle_unavailable"
        wrong = {"authorization": f"Bearer {self.secrets['wrong-token']}"}
        for method, path in (("GET", "/metrics"), ("POST", "/v1/execute")):
            assert runner.client.request(method, path, headers=wrong).status_code == 401
        own_header = {"authorization": "", "x-runner-service-token": self.secrets["token-2"]}
        del own_header["authorization"]
        for path in ("/metrics", "/readyz", "/healthz", "/nothing"):
            runner.client.get(path, headers=own_header)
        wait.until(lambda: len(list((runner.folder / "cache").glob("*/index.json"))) == 2, "the cache")

    def fall(self, role):
        """The role dies, comes back and finds what it needs: the loader its cache."""
        [pid] = self.runner.roles()[role]
        os.kill(pid, signal.SIGKILL)
        wait.until(lambda: pid not in self.runner.pids() and self.runner._ready(), f"the {role} to be back")
        wait.until(lambda: self.execute("hostile", "count").code is None, "it to run")

    def processes(self):
        """(role, pid) of every process, one of the builders at work."""
        found = [("supervisor", self.runner.process.pid)]
        return found + [(role, pid) for role, pids in self.runner.roles().items() for pid in pids]

    def judge(self, where, role, names):
        """Fails for a secret that `role` may not hold."""
        allowed = {name for name, roles in {**MUST, **MAY}.items() if role in roles}
        allowed |= {"token-3"} if role in ("supervisor", "front") else set()
        assert names <= allowed, f"{role}, {where}: {sorted(names - allowed)}"

    def look(self):
        """Judges every process; returns role -> secrets in its memory. One that ends meanwhile (an idle
        builder is replaced after a reload) holds nothing any more; no other role may."""
        held = {}
        for role, pid in self.processes():
            try:
                found = self.search.process(pid)
            except (FileNotFoundError, ProcessLookupError):
                assert role == "builder", f"{role} {pid} ended"
                continue
            assert not found["cmdline"], (role, found)
            # The one who was given a secret by its environment keeps it there.
            assert found["environ"] == ({"access"} if role == "supervisor" else set()), (role, found)
            self.judge("memory", role, found["mem"])
            held.setdefault(role, set()).update(found["mem"])
        return held


@pytest.fixture
def scene(make_runner, published, tmp_path):
    with Upstream() as upstream, Dns({"up.example": ["127.0.0.1"]}) as dns:
        yield Scene(make_runner, published, tmp_path, upstream, dns)


@pytest.fixture
def at_work(scene):
    """The scene after its traffic, a builder at work on something long."""
    scene.traffic()
    thread = threading.Thread(target=scene.execute, args=("bomb-time", "x"),
                              kwargs={"limits": {"timeout_ms": 1000}})
    thread.start()
    busy = wait.until(lambda: [pid for pid in scene.runner.roles().get("builder", [])
                               if proc.cpu_seconds(pid) > 0.2], "a builder at work")[0]
    yield scene
    thread.join()
    try:
        os.kill(busy, signal.SIGKILL)
    except ProcessLookupError:
        pass


def missing(held):
    return {name: roles - {role for role, names in held.items() if name in names}
            for name, roles in MUST.items()}


def test_the_search_finds_what_it_looks_for(tmp_path):
    """Also without its first half, in capitals, in the middle of something that was encoded whole."""
    secret, other = canary.text().encode(), canary.text().encode()
    search = canary.Search({"it": secret, "other": other})
    for number, hidden in enumerate((
            secret, secret[12:], secret.hex().encode(), secret.hex().upper().encode(),
            *(base64.b64encode(bytes(before) + secret + b"xyz") for before in range(3)),
            *(base64.urlsafe_b64encode(b"\xff" * before + secret) for before in range(3)))):
        for room in (0, canary.STEP - 7, canary.STEP + 1):  # also where two readings meet
            (tmp_path / f"{number}").write_bytes(bytes(room) + hidden + b"end")
            assert search.file(tmp_path / f"{number}") == {"it"}, (number, room)
    (tmp_path / "0").write_bytes(secret[:20] + other[:16])
    assert not search.file(tmp_path / "0")
    mine = canary.Search({"mine": secret})
    assert mine.process(os.getpid())["mem"] == {"mine"}


def test_each_secret_is_with_its_holders_and_nobody_else(at_work):
    held = at_work.look()
    assert set(held) == set(ROLES)
    assert not any(missing(held).values()), missing(held)
    assert not held["worker"] and not held["builder"]


def test_no_secret_is_in_the_log_or_on_disk(at_work):
    runner = at_work.runner
    assert not at_work.search.file(runner.log_file), "the log"
    assert at_work.search.folder(runner.folder / "cache") == {}
    assert at_work.search.folder(runner.folder / "state") == {"cache": {"cache.key"}}
    owner = (runner.folder / "state/cache.key").stat()
    assert owner.st_mode & 0o077 == 0
    assert owner.st_uid == int(proc.status(runner.roles()["loader"][0])["Uid"].split()[1])


def test_roles_that_came_back_hold_no_more(scene):
    scene.traffic()
    for role in ("front", "loader", "front"):
        scene.fall(role)
    scene.traffic()
    held = scene.look()
    assert not any(missing(held).values()), missing(held)


def test_a_token_that_was_replaced_is_forgotten(scene):
    """One token comes for two, so that nothing new fills exactly the old ones' place. Of those remains what
    the front was born with and has read, and that goes with the front."""
    scene.traffic()
    scene.write_tokens("token-3")
    scene.runner.process.send_signal(signal.SIGHUP)
    old = dict(scene.runner.client.headers)
    scene.use_token("token-3")
    wait.until(lambda: scene.runner.client.get("/metrics").status_code == 200, "the new token to count")
    assert scene.runner.client.get("/metrics", headers=old).status_code == 401
    assert scene.execute("hostile", "count").code is None
    held = scene.look()
    assert "token-3" in held["front"] and "token-3" in held["supervisor"]
    assert not any(held[role].intersection(TOKENS) for role in held if role != "front"), held
    scene.fall("front")
    assert scene.execute("hostile", "count").code is None
    assert not scene.look()["front"].intersection(TOKENS)


def test_a_core_that_is_forced_has_no_more_than_its_process(at_work, tmp_path):
    """No crash leaves a core: the limit is 0 and the kernel lets nobody look in. What root takes by force
    (gcore) holds the secrets of that role alone."""
    assert shutil.which("gcore")
    held = {}
    processes = dict(at_work.processes())
    for role in ("builder", *ROLES):  # who ends first comes first
        if role in held:
            continue
        pid = processes[role]
        assert proc.limits(pid)["Max core file size"] == "0", role
        assert pathlib.Path(f"/proc/{pid}/mem").stat().st_uid == 0, f"{role} is dumpable"
        done = subprocess.run(["gcore", "-o", tmp_path / "core", str(pid)], capture_output=True, text=True,
                              timeout=120)
        core = tmp_path / f"core.{pid}"
        assert done.returncode == 0 and core.stat().st_size > 1 << 20, (role, done.stderr)
        held[role] = at_work.search.file(core)
        core.unlink()
        at_work.judge("core", role, held[role])
    assert set(held) == set(ROLES)
    assert not any(missing(held).values()), missing(held)


@pytest.mark.parametrize("role", [role for role in ROLES if role != "supervisor"])
def test_a_role_that_aborts_leaves_no_core(scene, role):
    assert scene.execute("hostile", "count").code is None
    pid = wait.until(lambda: scene.runner.roles().get(role), role)[0]
    os.kill(pid, signal.SIGABRT)
    wait.until(lambda: any(event["pid"] == pid and event["status"] == "signal 6"
                           for event in scene.runner.events("role.exited")), "its end")
    wait.until(scene.runner._ready, "the runner to be ready")
    assert not [path for folder in ("/", scene.runner.folder)
                for path in pathlib.Path(folder).glob("core*") if path.is_file()]
    assert not scene.search.file(scene.runner.log_file)

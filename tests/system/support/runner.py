# SPDX-License-Identifier: Apache-2.0
"""How does a test hold an annex-runner? It starts one with settings of its own, asks it, looks at its
processes, and ends it; what remains afterwards is a failure."""
import base64
import json
import os
import pathlib
import secrets
import signal
import subprocess

import httpx

from support import net, wait

BIN = pathlib.Path(os.environ["ANNEX_BIN"])
# Nothing of the caller's environment: a runner refuses settings that it does not know.
BARE_ENVIRONMENT = {name: os.environ[name] for name in ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS")
                    if name in os.environ}


def execute_body(content_hash, endpoint, *, method="GET", path=None, query=(), headers=None, body=b"",
                 params=None, tenant="tenant-1", extension="ext-1", install="install-1",
                 limits=None, providers=None, egress=None, **more):
    """The body of POST /v1/execute as a gateway would send it."""
    made = {
        "context": {"request_id": f"r-{secrets.token_hex(8)}", "tenant_id": tenant,
                    "extension_id": extension, "install_id": install, "version_id": "v-1",
                    "content_hash": content_hash, "config": {}},
        "http": {"method": method, "path": path or f"/{endpoint}", "headers": headers or {},
                 "query": [[name, str(value)] for name, value in dict(query).items()],
                 "body_b64": base64.b64encode(body).decode()},
        "endpoint": endpoint, "params": params or {},
    }
    if limits is not None:
        made["limits"] = limits
    if providers is not None:
        made["providers"] = providers
    if egress is not None:
        made["egress"] = egress
    made.update(more)
    return made


class Result:
    """An answer of /v1/execute: the guest's own answer, or the error that stands in its place."""

    def __init__(self, response):
        self.http_status = response.status_code
        self.headers = response.headers
        self.json = response.json()
        error = self.json.get("error") or {}
        self.code, self.message = error.get("code"), error.get("message")
        self.started = error.get("started")
        self.status = self.json.get("status")
        self.log = self.json.get("log")
        self.usage = self.json.get("usage")

    @property
    def body(self):
        return base64.b64decode(self.json["body_b64"], validate=True)

    def ok(self):
        """The guest's JSON body, after making sure that it did answer."""
        assert self.code is None and self.http_status == 200, self.json
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.http_status} {str(self.json)[:500]}>"


def processes():
    """Every process of this machine: pid -> parent. Those that end meanwhile are left out."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                found[int(entry.name)] = int(fields[1])
    return found


class Runner:
    def __init__(self, folder, store, trust_pem, arguments=(), pass_fds=(), **settings):
        self.arguments, self.pass_fds = arguments, pass_fds
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port, self.public_port = net.free_port(), net.free_port()
        self.token = secrets.token_hex(16)
        self.log_file = self.folder / "runner.log"
        (self.folder / "token").write_text(self.token + "\n")
        (self.folder / "trust.pem").write_text(trust_pem)
        self.settings = {
            "RUNNER_LISTEN": f"127.0.0.1:{self.port}",
            "RUNNER_PUBLIC_LISTEN": f"127.0.0.1:{self.public_port}",
            "RUNNER_SERVICE_TOKEN_FILE": str(self.folder / "token"),
            "RUNNER_WORKERS": "2",
            "BUNDLE_STORE_BASE": store.base,
            "SIGNING_TRUST_BUNDLE": str(self.folder / "trust.pem"),
            "CACHE_ROOT": str(self.folder / "cache"),
            "STATE_DIR": str(self.folder / "state"),
        }
        self.settings.update({name: str(value) for name, value in settings.items()})
        self.settings = {name: value for name, value in self.settings.items() if value != "None"}
        self.process = None
        self.children = set()
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", timeout=60, trust_env=False,
            headers={"authorization": f"Bearer {self.token}"},
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=None))

    # --- life

    def start(self, ready=True):
        for name in ("CACHE_ROOT", "STATE_DIR"):
            pathlib.Path(self.settings[name]).mkdir(parents=True, exist_ok=True)
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                [BIN / "annex-runner", *self.arguments], env={**BARE_ENVIRONMENT, **self.settings},
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, pass_fds=self.pass_fds)
        if ready:
            wait.until(self._ready, "the runner to be ready", 30)
        return self

    def _ready(self):
        assert self.process.poll() is None, f"exit {self.process.returncode}:\n{self.log()}"
        try:
            return self.client.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def stop(self, seconds=40):
        """SIGTERM; the exit code must be 0 and no process may remain."""
        self.client.close()
        if self.process is None or self.process.poll() is not None:
            return
        self.pids()  # remembers them: orphans have another parent
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"no end {seconds} s after SIGTERM:\n{self.log()}") from None
        left = self.pids()
        self.kill()
        assert code == 0, f"exit {code}:\n{self.log()}"
        assert not left, f"processes remain: {left}"

    def kill(self):
        """Ends whatever is left, without ceremony."""
        for pid in [self.process.pid, *self.pids()]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()

    def pids(self):
        """Our processes but the first one: its children, and those that were and still live."""
        parents = processes()
        self.children |= {pid for pid, parent in parents.items() if parent == self.process.pid}
        self.children &= parents.keys()
        return sorted(self.children)

    def roles(self):
        """Process ids by role: {"front": [..], "loader": [..], "worker": [.., ..]}."""
        found = {}
        for pid in self.pids():
            try:
                words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if len(words) > 2 and words[1] == b"role":
                found.setdefault(words[2].decode(), []).append(pid)
        return found

    def log(self):
        return self.log_file.read_text(errors="replace")[-20000:]

    def events(self, name=None):
        """Log lines as objects, those of one event where a name is given."""
        found = []
        for line in self.log_file.read_text(errors="replace").splitlines():
            if line.startswith("{"):
                event = json.loads(line)
                if name is None or event.get("event") == name:
                    found.append(event)
        return found

    # --- requests

    def post(self, path, body, **options):
        return self.client.post(path, json=body, **options)

    def execute(self, content_hash, endpoint, **options):
        return Result(self.post("/v1/execute", execute_body(content_hash, endpoint, **options)))

    def metric(self, name):
        """The sum of a metric over its labels."""
        lines = self.client.get("/metrics").text.splitlines()
        values = [float(line.rpartition(" ")[2]) for line in lines
                  if line.split("{")[0].split(" ")[0] == name]
        assert values, f"no metric {name}"
        return sum(values)

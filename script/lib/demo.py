# SPDX-License-Identifier: Apache-2.0
"""From a folder of C to an answer over HTTP, in the steps that a publisher and an operator take.
Run by script/demo, which has built the programs. Standard library only: what is shown here anybody
can do with curl."""
import base64
import contextlib
import http.client
import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / "build/release/bin"
WORK = ROOT / "build/demo"
READY_S = 30


class Failed(Exception):
    """A step did not do what it promises; says which and why."""


@contextlib.contextmanager
def step(name, words):
    print(f"\n== {words}", flush=True)
    try:
        yield
    except (Failed, OSError, subprocess.SubprocessError, ValueError, KeyError) as why:
        print(f"{type(why).__name__}: {why}", file=sys.stderr)
        raise Failed(name) from why


def expect(condition, words):
    if not condition:
        raise Failed(words)


def run(*command):
    """Runs a program in the demo's folder, shows the command and what it prints."""
    words = [str(part) for part in command]
    shown = ["annex" if word == str(BIN / "annex") else os.path.relpath(word, WORK)
             if word.startswith("/") else word for word in words]
    print("$", " ".join(shown), flush=True)
    done = subprocess.run(words, cwd=WORK, env={"PATH": os.environ["PATH"]}, text=True,
                          stdout=subprocess.PIPE, check=False)
    print(done.stdout, end="", flush=True)
    expect(done.returncode == 0, f"exit {done.returncode}")
    return done.stdout


def port(wanted):
    """The usual port where it is free, another where it is not."""
    for number in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", number))
                return probe.getsockname()[1]
    raise Failed("no free port")


class Runner:
    """The annex-runner of this demo and the token that opens it."""

    def __init__(self, trust):
        self.port = port(8090)
        self.token = secrets.token_hex(32)
        (WORK / "token").write_text(self.token)
        for folder in ("cache", "state"):
            (WORK / folder).mkdir()
        # Only these: nothing of the caller's environment reaches the runner.
        self.environment = {
            "PATH": os.environ["PATH"],
            "RUNNER_LISTEN": f"127.0.0.1:{self.port}",
            "RUNNER_PUBLIC_LISTEN": f"127.0.0.1:{port(8091)}",
            "RUNNER_SERVICE_TOKEN_FILE": str(WORK / "token"),
            "BUNDLE_STORE_BASE": f"file://{WORK / 'store'}",
            "SIGNING_TRUST_BUNDLE": str(trust),
            "CACHE_ROOT": str(WORK / "cache"),
            "STATE_DIR": str(WORK / "state"),
        }
        self.process = None

    def start(self):
        with open(WORK / "runner.log", "wb") as log:
            self.process = subprocess.Popen([BIN / "annex-runner"], env=self.environment, cwd=WORK,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)  # Ctrl-C is for us
        deadline = time.monotonic() + READY_S
        while True:
            expect(self.process.poll() is None, f"it ended; see {WORK / 'runner.log'}")
            with contextlib.suppress(OSError):
                if self.ask("GET", "/readyz")[0] == 200:
                    return
            expect(time.monotonic() < deadline, f"not ready after {READY_S} s")
            time.sleep(0.02)

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            expect(self.process.wait(60) == 0, f"exit {self.process.returncode}")

    def ask(self, method, path, body=None, token=True):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"authorization": f"Bearer {self.token}"} if token else {}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, text

    def execute(self, content_hash, method, path, endpoint, params=None, query=None, body=None,
                token=True):
        """One request of a tenant's user, in the form in which a gateway hands it on."""
        shown = path + ("?" + "&".join(f"{k}={v}" for k, v in query.items()) if query else "")
        print(f"> {method} {shown}" + (f"  {json.dumps(body)}" if body else ""), flush=True)
        status, text = self.ask("POST", "/v1/execute", {
            "context": {"request_id": secrets.token_hex(8), "tenant_id": "demo",
                        "extension_id": "hello-c", "install_id": "demo-hello-c",
                        "content_hash": content_hash},
            "http": {"method": method, "path": path, "query": list((query or {}).items()),
                     "headers": {}, "body_b64": base64.b64encode(
                         json.dumps(body).encode() if body else b"").decode()},
            "endpoint": endpoint, "params": params or {},
            "providers": ["cap:http.fetch"], "egress": ["example.com"],
        }, token)
        answer = json.loads(text)
        if status == 200:
            guest = json.loads(base64.b64decode(answer["body_b64"]))
            print(f"< {answer['status']} {json.dumps(guest)}   {json.dumps(answer['usage'])}")
            return answer["status"], guest
        print(f"< {status} {json.dumps(answer['error'])}", flush=True)
        return status, answer["error"]


def ask_everything(runner, content_hash):
    nonce = secrets.token_hex(8)
    with step("greet", "A path parameter and a query; the nonce comes back reversed"):
        status, guest = runner.execute(content_hash, "GET", "/greet/Ada", "greet",
                                       params={"name": "Ada"}, query={"nonce": nonce})
        expect(status == 200 and guest["nonce"] == nonce[::-1] and guest["name"] == "Ada", guest)
    nonce = secrets.token_hex(8)
    with step("transform", "A JSON body; the nonce comes back reversed and in capitals"):
        status, guest = runner.execute(content_hash, "POST", "/transform", "transform",
                                       body={"nonce": nonce})
        expect(status == 200 and guest == {"reversed": nonce[::-1], "upper": nonce.upper()}, guest)
    with step("egress", "A fetch: this runner's operator allowed no host, so none is reached"):
        status, guest = runner.execute(content_hash, "GET", "/fetch", "fetch",
                                       query={"url": "https://example.com/"})
        expect(status == 502 and guest == {"error": "not_allowed"}, guest)
    with step("token", "Without the service token nobody executes anything"):
        status, error = runner.execute(content_hash, "GET", "/greet/Eve", "greet", token=False)
        expect(status == 401 and error["code"] == "unauthenticated", error)


def refuse_changed(runner, content_hash):
    """One bit of the stored bundle changes: the same bytes no longer have the hash they lie under."""
    place = WORK / "store/sha256" / content_hash.removeprefix("sha256:")
    changed = bytearray((place / "bundle.tar.zst").read_bytes())
    changed[len(changed) // 2] ^= 1
    other = place.with_name("0" * 64)
    shutil.copytree(place, other)
    (other / "bundle.tar.zst").write_bytes(changed)
    status, error = runner.execute(f"sha256:{other.name}", "GET", "/greet/Eve", "greet")
    expect(status == 502 and error["code"] == "bundle_rejected", error)


def demonstrate(runner_ready):
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    annex, bundle = BIN / "annex", WORK / "bundle.tar.zst"
    with step("guest", "Build examples/hello-c with clang"):
        run(ROOT / "examples/hello-c/build", WORK / "src")
    with step("keys", "Make a key pair"):
        run(annex, "keys", "new", "--out", WORK / "publisher.key")
    with step("pack", "Pack: same files, same bytes"):
        content_hash = run(annex, "pack", WORK / "src", "-o", bundle).split()[-1]
    with step("sign", "Sign, and check what was signed"):
        run(annex, "sign", bundle, "--key", WORK / "publisher.key")
        run(annex, "verify", bundle, "--trust", WORK / "publisher.pub")
    with step("store", "Lay it into a folder store, under its hash"):
        run(annex, "store", "put", "--store", f"file://{WORK / 'store'}", bundle)
    runner = Runner(WORK / "publisher.pub")
    try:
        with step("start", f"Start the runner on http://127.0.0.1:{runner.port}"):
            runner.start()
        ask_everything(runner, content_hash)
        with step("changed", "A bundle with one bit changed is refused before it is opened"):
            refuse_changed(runner, content_hash)
        runner_ready(runner, content_hash)
    except BaseException:
        with contextlib.suppress(Failed, subprocess.SubprocessError):
            runner.stop()  # the first failure is the one to tell
        raise
    with step("stop", "Stop: the runner finishes what runs and exits 0"):
        runner.stop()


def stay_up(runner, content_hash):
    base = f"http://127.0.0.1:{runner.port}"
    body = {"context": {"tenant_id": "demo", "extension_id": "hello-c", "content_hash": content_hash},
            "http": {"method": "GET", "path": "/greet/You", "query": [["nonce", "abc"]]},
            "endpoint": "greet", "params": {"name": "You"}}
    print(f"""
The runner stays up until Ctrl-C. Ask it:

  TOKEN=$(cat {WORK / 'token'})
  curl -H "Authorization: Bearer $TOKEN" {base}/v1/execute -d '{json.dumps(body)}'

  {base}/healthz    {base}/readyz    {base}/metrics (with the token)
  its log: {WORK / 'runner.log'}""", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        signal.pause()


def main():
    once = "--once" in sys.argv[1:]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        demonstrate((lambda *_: None) if once else stay_up)
    except Failed as failed:
        print(f"\ndemo: failed {failed}")
        return 1
    except KeyboardInterrupt:
        print("\ndemo: failed interrupted")
        return 1
    print("\ndemo: ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())

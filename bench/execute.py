# SPDX-License-Identifier: Apache-2.0
"""One request through the front: what does each part of the way cost?"""
import asyncio
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import httpx
import measure
from measure import BIN, ROOT, Load, cpu_seconds, median, memory_mib, milliseconds, role_pids, say
from support import net
from support.bundles import Key, Store
from support.dns import Dns
from support.runner import Result, Runner, execute_body
from support.upstream import Upstream

SECONDS = 5
CONNECTIONS = 32
ROUNDS = 20
WAITING, INSTALLS, TENANTS = 1000, 64, 16


def guest_folder(scratch, version="1.0.0"):
    """hello-c, built once; a copy of its own for every other version."""
    built = scratch / "hello-c"
    if not built.exists():
        subprocess.run([ROOT / "examples/hello-c/build", built], check=True, stdout=subprocess.DEVNULL)
    if version == "1.0.0":
        return built
    folder = scratch / f"hello-c-{version}"
    shutil.copytree(built, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["version"] = version
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def greeting(content_hash):
    return execute_body(content_hash, "greet", path="/greet/Ada", params={"name": "Ada"},
                        query={"nonce": "0123456789abcdef"})


def guest_request(body):
    """What the worker makes of that body for the guest."""
    http = body["http"]
    return {"context": body["context"],
            "http": {"method": http["method"], "path": http["path"], "query": dict(http["query"]),
                     "query_pairs": http["query"], "headers": http["headers"], "body_b64": http["body_b64"]},
            "endpoint": body["endpoint"], "params": body["params"], "user": None}


def engine(scratch, body):
    request = scratch / "request.json"
    request.write_text(json.dumps(guest_request(body)))
    out = subprocess.run([BIN / "engine_bench", guest_folder(scratch) / "entry.wasm", request, "100000"],
                         check=True, stdout=subprocess.PIPE, text=True).stdout
    found = dict(line.split(": ") for line in out.splitlines())
    say("execute.engine.per_s", float(found["engine.per_s"]))
    say("execute.engine.p50_us", float(found["engine.p50_us"]))
    return float(found["engine.p50_us"])


def http():
    port = net.free_port()
    with measure.running([BIN / "http_bench", str(port)], port), \
            measure.nginx('return 200 "ok\\n";') as nginx_url:
        ours = Load(f"http://127.0.0.1:{port}/", connections=CONNECTIONS, seconds=SECONDS)
        theirs = Load(nginx_url, connections=CONNECTIONS, seconds=SECONDS)
    say("execute.http.per_s", ours.per_s)
    say("execute.nginx.per_s", theirs.per_s)
    say("execute.http.ratio", ours.per_s / theirs.per_s)


def front(runner, content_hash, engine_p50_us):
    body = json.dumps(greeting(content_hash))
    load = {"method": "POST", "body": body,
            "headers": {"authorization": f"Bearer {runner.token}", "content-type": "application/json"}}
    url = f"http://127.0.0.1:{runner.port}/v1/execute"
    pid = role_pids(runner)["front"][0]
    Load(url, connections=CONNECTIONS, seconds=1, **load)
    before = cpu_seconds(pid)
    many = Load(url, connections=CONNECTIONS, seconds=SECONDS, **load)
    used = cpu_seconds(pid) - before
    one = Load(url, connections=1, seconds=SECONDS, **load)
    say("execute.front.per_s", many.per_s)
    say("execute.front.p99_us", many.p99_us)
    say("execute.front.cpu_us", used / many.requests * 1e6)
    say("execute.front.p50_us", one.p50_us)
    say("execute.front.added_us", one.p50_us - engine_p50_us)


def cold_and_restart(scratch, runner, store, key):
    hashes = [store.publish(guest_folder(scratch, f"1.1.{n}"), key) for n in range(ROUNDS)]
    times = []
    for content_hash in hashes:
        ms, response = milliseconds(lambda: runner.post("/v1/execute", greeting(content_hash)))
        Result(response).ok()
        times.append(ms)
    say("execute.cold.hello_c_ms", median(times))
    say("execute.cold.hello_c_max_ms", max(times))

    again = []
    for content_hash in hashes:
        runner.stop()
        runner = Runner(runner.folder, store, key.public_pem).start()
        ms, response = milliseconds(lambda: runner.post("/v1/execute", greeting(content_hash)))
        Result(response).ok()
        again.append(ms)
    say("execute.restart.hello_c_ms", median(again))
    say("execute.restart.hello_c_max_ms", max(again))
    return runner


def idle(runner):
    pids = [pid for group in role_pids(runner).values() for pid in group]
    say("execute.idle.processes", len(pids))
    say("execute.idle.rss_mib", sum(memory_mib(pid, "Rss") for pid in pids))
    say("execute.idle.pss_mib", sum(memory_mib(pid, "Pss") for pid in pids))


async def fill(runner, content_hash, upstream):
    """WAITING executions at once, each fetching with a nonce of its own; then all are let go."""
    limits = httpx.Limits(max_connections=None)
    headers = {"authorization": f"Bearer {runner.token}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{runner.port}", timeout=60, limits=limits,
                                 headers=headers, trust_env=False) as client:
        async def wait_for(n):
            body = execute_body(content_hash, "fetch", providers=["cap:http.fetch"],
                                query={"url": f"http://up.test:{upstream.port}/wait/nonce-{n}"},
                                egress=[f"http://up.test:{upstream.port}"], limits={"timeout_ms": 30000},
                                tenant=f"tenant-{n % TENANTS}", install=f"install-{n % INSTALLS}")
            return await client.post("/v1/execute", json=body)

        tasks = [asyncio.create_task(wait_for(n)) for n in range(WAITING)]
        while upstream.waiting < WAITING and not any(task.done() for task in tasks):
            await asyncio.sleep(0.02)
        say("execute.waiting.count", upstream.waiting)
        pids = role_pids(runner)
        say("execute.waiting.threads_per_worker",
            max(len(list(pathlib.Path(f"/proc/{pid}/task").iterdir())) for pid in pids["worker"]))
        say("execute.waiting.rss_mib", sum(memory_mib(pid, "Rss") for group in pids.values() for pid in group))
        say("execute.waiting.pss_mib", sum(memory_mib(pid, "Pss") for group in pids.values() for pid in group))
        others = []
        for _ in range(20):
            body = greeting(content_hash)
            body["context"]["tenant_id"] = "another"
            start = asyncio.get_running_loop().time()
            Result(await client.post("/v1/execute", json=body)).ok()
            others.append((asyncio.get_running_loop().time() - start) * 1000)
        say("execute.waiting.other_tenant_max_ms", max(others))
        upstream.open_gate()
        answers = [Result(response) for response in await asyncio.gather(*tasks)]
    right = sum(f"nonce-{n}" in answer.body.decode() for n, answer in enumerate(answers)
                if answer.code is None)
    say("execute.waiting.answered", right)
    assert right == WAITING, next(answer for answer in answers if answer.code)


def waiting(scratch, store, key, content_hash):
    with Upstream() as upstream, Dns({"up.test": ["127.0.0.1"]}) as dns:
        runner = Runner(scratch / "waiting", store, key.public_pem,
                        EXT_EGRESS_ALLOWLIST=f"http://up.test:{upstream.port}",
                        EXT_EGRESS_PRIVATE_CIDRS="127.0.0.0/8", EXT_EGRESS_RESOLVER=dns.server).start()
        try:
            asyncio.run(fill(runner, content_hash, upstream))
        finally:
            runner.stop()


def main(wanted):
    def want(part):
        return not wanted or any(part.startswith(prefix) for prefix in wanted)

    with tempfile.TemporaryDirectory() as folder:
        scratch, key = pathlib.Path(folder), Key()
        store = Store(scratch / "store")
        content_hash = store.publish(guest_folder(scratch), key)
        p50_us = engine(scratch, greeting(content_hash))
        if want("http"):
            http()
        runner = Runner(scratch / "runner", store, key.public_pem).start()
        try:
            if want("idle"):
                idle(runner)
            if want("front"):
                front(runner, content_hash, p50_us)
            if want("cold"):
                runner = cold_and_restart(scratch, runner, store, key)
        finally:
            runner.stop()
        if want("waiting"):
            waiting(scratch, store, key, content_hash)


main(sys.argv[1:])

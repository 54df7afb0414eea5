# SPDX-License-Identifier: Apache-2.0
"""Does every setting do what its sentence says? Each has a test here that changes its effect, or names
the one elsewhere that does; a setting without either fails, unless its feature is still to come."""
import ast
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import threading

import httpx
import pytest

from support import net, proc, wait
from support.bundles import Key
from support.dns import Dns
from support.runner import BARE_ENVIRONMENT, BIN
from support.upstream import Upstream

HERE = pathlib.Path(__file__).resolve().parent

# Checked when they are given, without an effect until their feature is there.
LATER = {
    "RUNNER_PUBLIC_BASE": "user interfaces", "EXT_UI_FRAME_ANCESTORS": "user interfaces",
    "EXT_UI_SANDBOX": "user interfaces", "EXT_UI_CONTENT_SECURITY_POLICY": "user interfaces",
    "PRECOMPILED_TRUST_BUNDLE": "machine code that is built elsewhere",
    "REGISTRY_BASE_URL": "the registry's feed", "HOST_SERVICES_URL": "stateful host calls",
    "HOST_PROVIDERS": "interfaces of the host application",
    **{f"STORAGE_S3_{name}": "stores behind S3" for name in (
        "ENDPOINT", "ACCESS_KEY", "SECRET_KEY", "SESSION_TOKEN", "BUCKET", "REGION", "FORCE_PATH_STYLE")},
}
ELSEWHERE = {
    "RUNNER_SERVICE_TOKEN": "execute_request_test.py::test_rotated_tokens_are_accepted_side_by_side",
    "EXT_EGRESS_ALLOWLIST": "fetch_test.py::test_allowed_by_all_and_only_then",
    "EXT_EGRESS_PRIVATE_CIDRS": "fetch_test.py::test_private_addresses_are_refused",
    "EXT_EGRESS_CA_FILE": "egress_tls_test.py::test_an_authority_that_only_sounds_right",
    "CACHE_ROOT": "cache_test.py::test_a_restart_needs_no_store",
    "STATE_DIR": "cache_test.py::test_another_runners_cache_is_not_believed",
    "EXT_CACHE_MAX_BYTES": "settings_test.py::test_the_cache_is_as_large_as_it_may_be_and_no_byte_larger",
    "BUNDLE_STORE_BASE": "cache_test.py::test_a_restart_needs_no_store",
}


def program(*arguments, **settings):
    return subprocess.run([BIN / "annex-runner", *arguments], text=True, capture_output=True, timeout=30,
                          env={**BARE_ENVIRONMENT, **settings})


def names():
    return [flag.upper().replace("-", "_")
            for flag in re.findall(r"^  --([a-z0-9-]+)=", program("--help").stdout, re.MULTILINE)]


# --- one case a setting: case(make_runner, published, tmp_path)

def loop_in(runner, content_hash, count, **options):
    """Starts guests that loop; returns (threads, results). Each is of an install of its own."""
    results = []

    def ask(number):
        who = {"tenant": f"t{number}", "install": f"i{number}", **options}
        results.append(runner.execute(content_hash, "loop",
                                      limits={"cpu_ms": 700, "timeout_ms": 20000}, **who))
    threads = [threading.Thread(target=ask, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    return threads, results


def most_at_once(runner, content_hash, count, **options):
    """How many of `count` run at one moment."""
    assert runner.execute(content_hash, "count").code is None
    threads, results = loop_in(runner, content_hash, count, **options)
    most = 0
    while any(thread.is_alive() for thread in threads):
        most = max(most, runner.metric("annex_runner_executions_in_flight"))
    assert all(result.code == "cpu_exceeded" for result in results), results
    return most


def listen(make_runner, published, tmp_path):
    runner = make_runner(ready=False, RUNNER_LISTEN=f"unix:{tmp_path}/socket")
    transport = httpx.HTTPTransport(uds=str(tmp_path / "socket"))
    with httpx.Client(transport=transport, base_url="http://runner") as client:
        def ready():
            try:
                return client.get("/readyz").status_code == 200
            except httpx.TransportError:
                return False
        wait.until(ready, "an answer on the socket", 20)
        assert not net.accepts(runner.port)
    with socket.create_server(("127.0.0.1", 0)) as given:
        os.set_inheritable(given.fileno(), True)
        port = net.free_port()
        for where, asked in ((f"fd:{given.fileno()}", given.getsockname()[1]), (None, port)):
            settings = {"RUNNER_LISTEN": where} if where else {"RUNNER_LISTEN": None, "PORT": port}
            other = make_runner(ready=False, pass_fds=(given.fileno(),), **settings)
            other.client.base_url = f"http://127.0.0.1:{asked}"
            wait.until(other._ready, f"an answer at {where or 'PORT'}", 20)


def public_listen(make_runner, published, tmp_path):
    port = net.free_port()
    make_runner(RUNNER_PUBLIC_LISTEN=f"127.0.0.1:{port}")
    answer = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False)
    assert answer.status_code == 404 and answer.json()["error"]["code"] == "not_found"


def workers(make_runner, published, tmp_path):
    for asked, there in ((1, 1), (3, 3), (0, os.cpu_count())):
        assert len(make_runner(RUNNER_WORKERS=asked).roles()["worker"]) == there


def worker_slots(make_runner, published, tmp_path):
    runner = make_runner(RUNNER_WORKERS=1, RUNNER_WORKER_SLOTS=2)
    assert runner.client.get("/readyz").json()["executions_max"] == 2
    assert most_at_once(runner, published("hostile"), 4) == 2


def compile_jobs(make_runner, published, tmp_path):
    """A second bundle is built beside a bomb only where two may be."""
    for jobs in (1, 2):
        runner = make_runner(RUNNER_COMPILE_JOBS=jobs)
        short = {"limits": {"timeout_ms": 1000}}
        assert runner.execute(published("bomb-time"), "x", **short).code == "extension_warming"
        result = runner.execute(published("plain"), "x", **short)
        assert (result.code is None) == (jobs == 2), (jobs, result)
        for pid in runner.roles().get("builder", []):
            if proc.cpu_seconds(pid) > 0.2:
                os.kill(pid, 9)  # or the end waits for the bomb


def modules_max_bytes(make_runner, published, tmp_path):
    """So little room that what is idle goes; both still run in turn."""
    runner = make_runner(RUNNER_MODULES_MAX_BYTES=16 << 20)
    for guest, endpoint in (("hostile", "count"), ("plain", "x"), ("hostile", "count")):
        assert runner.execute(published(guest), endpoint).code is None
    assert 0 < runner.metric("annex_runner_unit_bytes") <= 16 << 20
    assert program("--check", RUNNER_MODULES_MAX_BYTES=str((16 << 20) - 1)).returncode == 2


def uids(make_runner, published, tmp_path):
    roles = make_runner(RUNNER_UIDS="62001,62002,62003,62004").roles()
    owner = {role: proc.status(pids[0])["Uid"].split()[1] for role, pids in roles.items()}
    wanted = {"front": "62001", "loader": "62002", "builder": "62003", "worker": "62004"}
    assert owner == {role: wanted[role] for role in owner} and len(owner) >= 3


def offline(make_runner, published, tmp_path):
    runner = make_runner()
    assert runner.execute(published("plain"), "x").code is None
    wait.until(lambda: list((runner.folder / "cache").glob("*/index.json")), "the cache")
    runner.stop()
    second = make_runner(CACHE_ROOT=runner.settings["CACHE_ROOT"], RUNNER_OFFLINE="true",
                         STATE_DIR=runner.settings["STATE_DIR"])
    assert second.execute(published("plain"), "x").code is None
    assert second.execute(published("hostile"), "count").code == "bundle_unavailable"


def max_connections(make_runner, published, tmp_path):
    runner = make_runner(RUNNER_MAX_CONNECTIONS=3)
    runner.client.close()

    def answers(raw):
        try:
            raw.send(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n")
            answer = raw.answer()
        except ConnectionError:
            return False
        return answer is not None and answer.status == 200
    wait.until(lambda: len(proc.descriptors(runner.roles()["front"][0])) > 0, "the front")
    open_ones = []

    def three():
        for raw in open_ones:
            raw.close()
        open_ones[:] = [net.Raw(runner.port) for _ in range(3)]
        return all(answers(raw) for raw in open_ones)
    wait.until(three, "three to be answered")
    with net.Raw(runner.port) as fourth:  # an idle one may have to go, but never are there four
        answers(fourth)
        assert sum(answers(raw) for raw in [*open_ones, fourth]) <= 3
    for raw in open_ones:
        raw.close()
    runner.client = httpx.Client(base_url=f"http://127.0.0.1:{runner.port}", trust_env=False)


def install_concurrency(make_runner, published, tmp_path):
    assert most_at_once(make_runner(RUNNER_INSTALL_CONCURRENCY=2), published("hostile"), 4,
                        tenant="t", install="i") == 2


def tenant_concurrency(make_runner, published, tmp_path):
    assert most_at_once(make_runner(RUNNER_TENANT_CONCURRENCY=2), published("hostile"), 4, tenant="t") == 2


def queue_max(make_runner, published, tmp_path):
    runner = make_runner(RUNNER_INSTALL_CONCURRENCY=1, RUNNER_QUEUE_MAX=1)
    assert runner.execute(published("hostile"), "count").code is None
    threads, results = loop_in(runner, published("hostile"), 4, tenant="t", install="i")
    for thread in threads:
        thread.join()
    codes = sorted(result.code for result in results)
    assert codes == ["concurrency_limited"] * 2 + ["cpu_exceeded"] * 2, codes


def signing_policy(make_runner, published, tmp_path):
    stranger = tmp_path / "stranger.pem"
    stranger.write_text(Key().public_pem)
    for policy, code in (("require", "bundle_rejected"), ("off", None)):
        runner = make_runner(SIGNING_POLICY=policy, SIGNING_TRUST_BUNDLE=stranger)
        assert runner.execute(published("plain"), "x").code == code
        degraded = runner.client.get("/readyz").json()["degraded"]
        assert ("signing_policy_off" in degraded) == (policy == "off")
        assert runner.metric("annex_runner_signing_off") == (policy == "off")
    for name in ("RUNNER_LISTEN", "RUNNER_PUBLIC_LISTEN"):
        open_one = make_runner(ready=False, SIGNING_POLICY="off", **{name: f"0.0.0.0:{net.free_port()}"})
        assert open_one.process.wait(20) == 2 and "SIGNING_POLICY=off is refused" in open_one.log()


def trust_bundle(make_runner, published, tmp_path):
    """As text; every other test gives a path."""
    text = make_runner().folder.joinpath("trust.pem").read_text()
    assert make_runner(SIGNING_TRUST_BUNDLE=text).execute(published("plain"), "x").code is None
    assert make_runner(SIGNING_TRUST_BUNDLE=Key().public_pem).execute(published("plain"), "x").code == \
        "bundle_rejected"


def egress_resolver(make_runner, published, tmp_path):
    with Upstream() as upstream, Dns({"up.example": ["127.0.0.1"]}) as knows, Dns({}) as ignorant:
        entry = f"http://up.example:{upstream.port}"
        for dns, code in ((knows, "ok"), (ignorant, "transport")):
            runner = make_runner(EXT_EGRESS_ALLOWLIST=entry, EXT_EGRESS_PRIVATE_CIDRS="127.0.0.0/8",
                                 EXT_EGRESS_RESOLVER=dns.server)
            said = runner.execute(published("hostile"), "fetch_nonce", providers=["cap:http.fetch"],
                                  egress=[entry], query={"url": f"{entry}/say/x"}).ok()
            assert said["code"] == code and ("up.example", 1) in dns.queries, said


def log_level(make_runner, published, tmp_path):
    for level, info, warn in (("info", True, True), ("warn", False, True), ("error", False, False)):
        runner = make_runner(ANNEX_LOG_LEVEL=level)
        pid = runner.roles()["worker"][0]
        os.kill(pid, 9)
        wait.until(lambda: pid not in runner.pids() and len(runner.roles().get("worker", [])) == 2,
                   "another worker")
        runner.stop()
        levels = {event["level"] for event in runner.events()}
        assert ("info" in levels, "warn" in levels) == (info, warn), (level, levels)


CASES = {
    "RUNNER_LISTEN": listen, "RUNNER_PUBLIC_LISTEN": public_listen, "RUNNER_WORKERS": workers,
    "RUNNER_WORKER_SLOTS": worker_slots, "RUNNER_COMPILE_JOBS": compile_jobs,
    "RUNNER_MODULES_MAX_BYTES": modules_max_bytes, "RUNNER_UIDS": uids, "RUNNER_OFFLINE": offline,
    "RUNNER_MAX_CONNECTIONS": max_connections, "RUNNER_INSTALL_CONCURRENCY": install_concurrency,
    "RUNNER_TENANT_CONCURRENCY": tenant_concurrency, "RUNNER_QUEUE_MAX": queue_max,
    "SIGNING_POLICY": signing_policy, "SIGNING_TRUST_BUNDLE": trust_bundle,
    "EXT_EGRESS_RESOLVER": egress_resolver, "ANNEX_LOG_LEVEL": log_level,
}


@pytest.mark.parametrize("name", names())
def test_setting(name, make_runner, published, tmp_path):
    assert sum(name in table for table in (CASES, ELSEWHERE, LATER)) == 1, "one place for each setting"
    if name in LATER:
        print(f"{name}: with {LATER[name]}")
        assert not re.search(rf'"{name}"', sources_of_roles()), "it has an effect now: test it"
    elif name in ELSEWHERE:
        file, _, function = ELSEWHERE[name].partition("::")
        tree = ast.parse((HERE / file).read_text())
        assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    else:
        CASES[name](make_runner, published, tmp_path)


def sources_of_roles():
    """What the roles read of their settings; start.c reads texts whose use comes later."""
    folder = HERE.parents[1] / "src/runner"
    return "".join(path.read_text() for path in folder.glob("*.c")
                   if path.name != "start.c" and not re.search(r"_(test|rig)\.c$", path.name))


def test_no_case_is_of_a_setting_that_is_gone():
    assert {*CASES, *ELSEWHERE, *LATER} <= set(names())


# --- where values come from

def test_flags_win_over_the_environment_and_that_over_the_file(tmp_path):
    (tmp_path / "annex.conf").write_text("# ours\nRUNNER_WORKERS=1\nRUNNER_QUEUE_MAX=2\n"
                                         "RUNNER_MAX_CONNECTIONS=3\n")
    said = program(f"--config={tmp_path}/annex.conf", "--runner-workers=7", "--check", RUNNER_WORKERS="5",
                   RUNNER_QUEUE_MAX="6").stdout.splitlines()
    assert "RUNNER_WORKERS=7  (flag)" in said
    assert "RUNNER_QUEUE_MAX=6  (environment)" in said
    assert "RUNNER_MAX_CONNECTIONS=3  (file)" in said
    assert "RUNNER_WORKER_SLOTS=1024  (default)" in said


def test_check_masks_every_secret_and_says_where_it_is_from(tmp_path):
    (tmp_path / "annex.conf").write_text("STORAGE_S3_SECRET_KEY=canary-of-the-file\n")
    (tmp_path / "token").write_text("canary-of-the-path")
    done = program(f"--config={tmp_path}/annex.conf", "--storage-s3-session-token=canary-of-the-flag",
                   "--check", RUNNER_SERVICE_TOKEN_FILE=str(tmp_path / "token"),
                   STORAGE_S3_ACCESS_KEY="canary-of-the-environment")
    assert "canary" not in done.stdout + done.stderr
    for name, origin in (("RUNNER_SERVICE_TOKEN", "environment"), ("STORAGE_S3_ACCESS_KEY", "environment"),
                         ("STORAGE_S3_SECRET_KEY", "file"), ("STORAGE_S3_SESSION_TOKEN", "flag")):
        assert f"{name}=********  ({origin})" in done.stdout.splitlines(), done.stdout


@pytest.mark.parametrize("wrong, right", [("RUNNER_WORKRES", "RUNNER_WORKERS"),
                                          ("EXT_EGRES_ALLOWLIST", "EXT_EGRESS_ALLOWLIST"),
                                          ("STATE_DIRR", "STATE_DIR"), ("SIGNING_POLCY", "SIGNING_POLICY")])
def test_an_unknown_name_is_refused_with_the_nearest(wrong, right, tmp_path):
    (tmp_path / "annex.conf").write_text(f"{wrong}=1\n")
    flag = "--" + wrong.lower().replace("_", "-") + "=1"
    for done in (program("--check", **{wrong: "1"}), program("--check", flag),
                 program("--check", f"--config={tmp_path}/annex.conf")):
        words = json.loads(done.stderr.splitlines()[-1])["why"]
        assert done.returncode == 2 and words.endswith(f"the nearest is {right}"), words
    assert right in program("--help").stdout.upper().replace("-", "_")


def test_the_cache_is_as_large_as_it_may_be_and_no_byte_larger(make_runner, guests, store, key, tmp_path):
    folder = tmp_path / "guest"
    shutil.copytree(guests("hostile"), folder)
    (folder / "ui").mkdir()
    hashes = []
    for _ in range(3):
        (folder / "ui/file.bin").write_bytes(os.urandom(500_000))
        hashes.append(store.publish(folder, key))

    def kept(runner):
        places = [runner.folder / "cache" / each.removeprefix("sha256:") / "index.json" for each in hashes]
        for content_hash, place in zip(hashes, places):
            assert runner.execute(content_hash, "count").ok() == {"runs": 1}
            wait.until(place.exists, "it to be cached")
        wait.until(lambda: not list((runner.folder / "cache").glob(".tmp-*")), "the cache to be tidy")
        return [place.exists() for place in places]
    first = make_runner()
    assert kept(first) == [True] * 3
    first.stop()
    again = make_runner(CACHE_ROOT=first.settings["CACHE_ROOT"], STATE_DIR=first.settings["STATE_DIR"])
    [scanned] = wait.until(lambda: again.events("cache.scanned"), "it to be counted")
    assert scanned["entries"] == 3 and scanned["bytes"] > 1_500_000
    for room, all_kept in ((-1, False), (0, True), (1, True)):
        runner = make_runner(EXT_CACHE_MAX_BYTES=scanned["bytes"] + room)
        assert kept(runner) == [all_kept, True, True], room


def test_the_cache_has_two_names(make_runner, tmp_path):
    shutil.rmtree(tmp_path / "other", ignore_errors=True)
    said = program("--check", EXT_CACHE_ROOT=str(tmp_path / "other")).stdout
    assert f"CACHE_ROOT={tmp_path}/other  (environment)" in said.splitlines()

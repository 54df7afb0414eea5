# SPDX-License-Identifier: Apache-2.0
"""How does a runner begin and end, and what does it refuse to begin with?"""
import json
import signal
import subprocess
import threading
import time

import httpx
import pytest

from support import net, wait
from support.bundles import Key
from support.runner import BARE_ENVIRONMENT, BIN


def refuses_to_start(runner, *words):
    runner.process.wait(20)
    assert runner.process.returncode not in (0, None), runner.log()
    for word in words:
        assert word in runner.log(), runner.log()
    assert runner.token not in runner.log()


BAD = {  # settings that stop the start, and a word that the message must hold
    "no trust bundle": ({"SIGNING_TRUST_BUNDLE": None}, "SIGNING_TRUST_BUNDLE"),
    "trust bundle is not there": ({"SIGNING_TRUST_BUNDLE": "/nonexistent/trust.pem"}, "SIGNING_TRUST_BUNDLE"),
    "no token": ({"RUNNER_SERVICE_TOKEN_FILE": None}, "RUNNER_SERVICE_TOKEN"),
    "no store": ({"BUNDLE_STORE_BASE": None}, "BUNDLE_STORE_BASE"),
    "unknown scheme": ({"BUNDLE_STORE_BASE": "ftp://x/y"}, "BUNDLE_STORE_BASE"),
    "misspelt setting": ({"RUNNER_WORKRES": "2"}, "RUNNER_WORKERS"),
    "workers as text": ({"RUNNER_WORKERS": "many"}, "RUNNER_WORKERS"),
    "too many workers": ({"RUNNER_WORKERS": "513"}, "RUNNER_WORKERS"),
    "address": ({"RUNNER_LISTEN": "nowhere"}, "RUNNER_LISTEN"),
    "allowlist": ({"EXT_EGRESS_ALLOWLIST": "http://a b/"}, "EXT_EGRESS_ALLOWLIST"),
    "private range": ({"EXT_EGRESS_PRIVATE_CIDRS": "10.0.0.0/33"}, "EXT_EGRESS_PRIVATE_CIDRS"),
    "policy": ({"SIGNING_POLICY": "maybe"}, "SIGNING_POLICY"),
}


@pytest.mark.parametrize("name", BAD)
def test_refuses_to_start(make_runner, name):
    changes, word = BAD[name]
    refuses_to_start(make_runner(ready=False, **changes), word)


def test_refuses_a_trust_bundle_without_keys(make_runner):
    refuses_to_start(make_runner(ready=False, trust="no key here\n"), "SIGNING_TRUST_BUNDLE")


def test_refuses_an_address_in_use(make_runner, runner):
    refuses_to_start(make_runner(ready=False, RUNNER_LISTEN=f"127.0.0.1:{runner.port}"), str(runner.port))


def test_explains_itself():
    def run(*arguments):
        return subprocess.run([BIN / "annex-runner", *arguments], env=BARE_ENVIRONMENT, text=True,
                              capture_output=True, timeout=30)
    answer = run("--help")
    assert answer.returncode == 0
    for name in ("runner-listen", "runner-service-token", "ext-egress-allowlist", "cache-root"):
        assert f"--{name}" in answer.stdout
    assert "database-url" not in answer.stdout


def test_check_prints_values_with_origin_and_masks_secrets(make_runner):
    runner = make_runner()
    answer = subprocess.run([BIN / "annex-runner", "--check"], text=True, capture_output=True, timeout=30,
                            env={**BARE_ENVIRONMENT, **runner.settings})
    assert answer.returncode == 0, answer.stderr
    assert runner.settings["RUNNER_LISTEN"] in answer.stdout
    assert runner.token not in answer.stdout + answer.stderr


def test_sigterm_lets_running_work_finish(make_runner, published):
    """Not ready at once, what runs is answered, then exit 0; new work is refused or finds no door."""
    runner = make_runner()
    results = []
    thread = threading.Thread(target=lambda: results.append(runner.execute(
        published("hostile"), "loop", limits={"cpu_ms": 1500, "timeout_ms": 10000})))
    thread.start()
    wait.until(lambda: runner.metric("annex_runner_executions_in_flight") == 1, "it to run")
    runner.process.send_signal(signal.SIGTERM)

    def refused():
        try:
            return runner.client.get("/readyz").status_code == 503
        except httpx.TransportError:
            return True
    wait.until(refused, "readiness to end", 3)
    thread.join()
    assert results[0].code == "cpu_exceeded", results
    assert runner.process.wait(20) == 0, runner.log()
    assert runner.pids() == []


def test_idle_runner_ends_at_once(make_runner):
    runner = make_runner()
    with net.Raw(runner.port) as idle:  # an open connection without a request holds nobody up
        began = time.monotonic()
        runner.process.send_signal(signal.SIGTERM)
        assert runner.process.wait(10) == 0, runner.log()
        assert time.monotonic() - began < 3
        assert idle.closed()


def test_readiness_names_every_degradation(make_runner):
    answer = make_runner().client.get("/readyz")
    assert answer.status_code == 200
    body = answer.json()
    assert isinstance(body, dict) and body, body


def pairs_without_repeats(pairs):
    assert len(dict(pairs)) == len(pairs), pairs
    return dict(pairs)


def test_log_is_one_json_object_a_line(make_runner, published):
    runner = make_runner()
    runner.execute(published("plain"), "x")
    runner.execute(published("hostile"), "trap")
    runner.stop()
    lines = [line for line in runner.log().splitlines() if line]
    assert lines
    for line in lines:
        event = dict(json.loads(line, object_pairs_hook=pairs_without_repeats))
        assert event["event"] and event["level"] and event["time"], line


def test_sighup_reloads_the_trust_bundle(make_runner, published, key, tmp_path):
    trust = tmp_path / "trust.pem"
    trust.write_text(Key().public_pem)
    runner = make_runner(SIGNING_TRUST_BUNDLE=trust)
    assert runner.execute(published("plain"), "x").code == "bundle_rejected"
    trust.write_text(key.public_pem)
    runner.process.send_signal(signal.SIGHUP)
    wait.until(lambda: runner.execute(published("plain"), "x").code is None, "the new key to count", 75)

# SPDX-License-Identifier: Apache-2.0
"""What do a thousand guests cost that wait for somebody else? Memory; never threads, never other
tenants' time."""
import asyncio
import base64
import json
import secrets
import time

import pytest

from support import many, proc, wait
from support.dns import Dns
from support.runner import execute_body
from support.upstream import Upstream

WAITING, TENANTS, INSTALLS = 1000, 16, 64


@pytest.fixture
def scene(make_runner):
    with Upstream() as upstream, Dns({"up.example": ["127.0.0.1"]}) as dns:
        entry = f"http://up.example:{upstream.port}"
        yield upstream, entry, make_runner(
            EXT_EGRESS_ALLOWLIST=entry, EXT_EGRESS_PRIVATE_CIDRS="127.0.0.0/8",
            EXT_EGRESS_RESOLVER=dns.server)


def body_of(content_hash, entry, number, nonce):
    install = number % INSTALLS
    return execute_body(content_hash, "fetch_nonce", tenant=f"tenant-{install % TENANTS}",
                        install=f"install-{install}", providers=["cap:http.fetch"], egress=[entry],
                        query={"url": f"{entry}/wait/{nonce}", "nonce": nonce},
                        limits={"timeout_ms": 30000})


def test_a_thousand_wait_and_everybody_gets_their_own(scene, published):
    upstream, entry, runner = scene
    hostile = published("hostile")
    assert runner.execute(hostile, "count").code is None
    nonces = [secrets.token_hex(8) for _ in range(WAITING)]

    async def everybody():
        calls = many.execute_all(runner, [body_of(hostile, entry, number, nonce)
                                          for number, nonce in enumerate(nonces)])
        await asyncio.to_thread(wait.until, lambda: upstream.waiting == WAITING,
                                "all to wait at one moment", 25)
        threads = [proc.threads(pid) for pid in runner.roles()["worker"]]
        waits = await asyncio.to_thread(other_tenant)
        upstream.open_gate()
        return threads, waits, [(await call)[2] for call in calls]

    def other_tenant():
        """How long another tenant waits for an answer meanwhile."""
        waits = []
        for _ in range(20):
            began = time.monotonic()
            assert runner.execute(hostile, "count", tenant="other", install="other").ok() == {"runs": 1}
            waits.append(time.monotonic() - began)
        return sorted(waits)

    threads, waits, answers = asyncio.run(everybody())
    assert threads == [2] * len(threads)
    assert waits[len(waits) // 2] < 0.05, waits
    assert upstream.waiting_most == WAITING
    for nonce, answer in zip(nonces, answers):
        assert answer.get("body_b64"), answer
        said = json.loads(base64.b64decode(answer["body_b64"]))
        assert said == {"nonce": nonce, "code": "ok", "upstream": nonce}


def test_admission_counts_installs_and_tenants(scene, published):
    """16 of one install run at once; 64 more wait in its queue; the next is told to come again."""
    upstream, entry, runner = scene
    hostile = published("hostile")

    async def flood():
        calls = many.execute_all(runner, [body_of(hostile, entry, 0, f"n{number}")
                                          for number in range(100)])
        done, running = set(), set(calls)
        while len(done) < 20:
            some, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED, timeout=20)
            assert some, "nobody was refused"
            done |= some
        await asyncio.to_thread(wait.until, lambda: upstream.waiting == 16, "sixteen to run")
        upstream.open_gate()
        return [await call for call in calls]
    answers = asyncio.run(flood())
    refused = [(headers, body) for status, headers, body in answers if status == 429]
    assert len(refused) == 20 and upstream.waiting_most == 16
    for headers, body in refused:
        assert body["error"]["code"] == "concurrency_limited"
        assert body["error"]["started"] is False and int(headers["retry-after"]) >= 1
    assert sum(status == 200 for status, _, _ in answers) == 80

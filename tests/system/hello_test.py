# SPDX-License-Identifier: Apache-2.0
"""Does examples/hello-c do what its page says, through the whole runner?"""
import json
import secrets

import pytest

from support.dns import Dns
from support.upstream import Upstream


@pytest.fixture(scope="module")
def hello(published):
    return published("hello-c")


def test_greets_by_path_parameter_and_reverses_the_nonce(runner, hello):
    for name in ("Ada", 'quote " and \\', "Zoë", "日本", "\N{GRINNING FACE}", ""):
        nonce = secrets.token_hex(8)
        guest = runner.execute(hello, "greet", path="/greet/x", params={"name": name},
                               query={"nonce": nonce}).ok()
        assert guest == {"greeting": f"Hello, {name}!", "name": name, "nonce": nonce[::-1]}


def test_transforms_a_json_body(runner, hello):
    nonce = secrets.token_hex(8)
    guest = runner.execute(hello, "transform", method="POST",
                           body=json.dumps({"nonce": nonce}).encode()).ok()
    assert guest == {"reversed": nonce[::-1], "upper": nonce.upper()}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"nonce":1}', b'{"nonce":"x"} x', b'{"nonce":"\xff"}',
                                  b'{"a":' + b"[" * 65 + b"]" * 65 + b',"nonce":"x"}'])
def test_answers_400_itself_to_a_body_it_cannot_use(runner, hello, body):
    result = runner.execute(hello, "transform", method="POST", body=body)
    assert result.http_status == 200 and result.code is None
    assert result.status == 400 and "error" in json.loads(result.body)


def test_a_large_body_passes_and_one_beyond_the_memory_limit_ends_that_request(runner, hello):
    nonce = "a" * (2 << 20)
    guest = runner.execute(hello, "transform", method="POST",
                           body=json.dumps({"nonce": nonce}).encode(),
                           limits={"cpu_ms": 5000, "timeout_ms": 20000}).ok()
    assert guest["upper"] == "A" * len(nonce)
    result = runner.execute(hello, "transform", method="POST",
                            body=json.dumps({"nonce": nonce}).encode(),
                            limits={"cpu_ms": 5000, "timeout_ms": 20000, "memory_mb": 4})
    assert result.http_status == 502 and result.code in ("memory_exceeded", "guest_failed"), result


def test_fetches_a_host_that_operator_and_install_allow(make_runner, hello):
    with Upstream() as upstream, Dns({"up.example": ["127.0.0.1"]}) as dns:
        entry = f"http://up.example:{upstream.port}"
        runner = make_runner(EXT_EGRESS_ALLOWLIST=entry, EXT_EGRESS_PRIVATE_CIDRS="127.0.0.0/8",
                             EXT_EGRESS_RESOLVER=dns.server)
        fetch = dict(providers=["cap:http.fetch"], egress=[entry])
        said = secrets.token_hex(8)

        result = runner.execute(hello, "fetch", query={"url": f"{entry}/say/{said}"}, **fetch)
        assert result.status == 200 and result.body == said.encode(), result
        assert [text for _, _, text in result.log] == [f"{entry}/say/{said}"]
        result = runner.execute(hello, "fetch", query={"url": f"{entry}/status/503"}, **fetch)
        assert result.status == 503 and result.code is None

        before = len(upstream.requests)
        for options in ({}, {"providers": ["cap:http.fetch"]},
                        {"providers": ["cap:http.fetch"], "egress": ["other.example"]}):
            result = runner.execute(hello, "fetch", query={"url": f"{entry}/say/x"}, **options)
            assert result.status == 502, result
            assert json.loads(result.body)["error"] in ("denied", "not_allowed")
        assert len(upstream.requests) == before


def test_says_what_is_missing(runner, hello):
    assert json.loads(runner.execute(hello, "fetch").body) == {"error": "the query needs a 'url'"}
    assert runner.execute(hello, "nothing").status == 404

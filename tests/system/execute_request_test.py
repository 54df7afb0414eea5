# SPDX-License-Identifier: Apache-2.0
"""Which bodies of POST /v1/execute are refused? Each case changes a request that is accepted, and has
a twin that changes it almost the same way and is accepted too."""
import base64
import copy
import json

import pytest

from support import wait
from support.runner import Result, execute_body


@pytest.fixture(scope="module")
def good(published):
    return execute_body(published("hostile"), "echo", method="POST", path="/echo", body=b"hi")


def change(path, value):
    """A function that sets the member at /a/b of a request, or removes it where value is None."""
    def apply(body):
        *parents, last = path.strip("/").split("/")
        for name in parents:
            body = body[name]
        if value is None:
            del body[last]
        else:
            body[last] = value
    return apply


def nested(depth):
    value = 1
    for _ in range(depth):
        value = [value]
    return value


MIB = 1 << 20
CASES = {  # name: (status, code, breach, twin)
    "no context": (400, "invalid_request", change("context", None), change("user", None)),
    "context is a list": (400, "invalid_request", change("context", []), change("params", {})),
    "no tenant": (400, "invalid_request", change("context/tenant_id", None),
                  change("context/version_id", None)),
    "empty tenant": (400, "invalid_request", change("context/tenant_id", ""),
                     change("context/tenant_id", "t")),
    "tenant is a number": (400, "invalid_request", change("context/tenant_id", 1),
                           change("context/tenant_id", "1")),
    "tenant with a line end": (400, "invalid_request", change("context/tenant_id", "a\nb"),
                               change("context/tenant_id", "a b")),
    "long tenant": (400, "invalid_request", change("context/tenant_id", "t" * 257),
                    change("context/tenant_id", "t" * 256)),
    "no extension": (400, "invalid_request", change("context/extension_id", None),
                     change("context/install_id", None)),
    "no hash": (400, "invalid_request", change("context/content_hash", None),
                change("context/request_id", None)),
    "request id with a blank": (400, "invalid_request", change("context/request_id", "a b"),
                                change("context/request_id", "a-b")),
    "no http": (400, "invalid_request", change("http", None), change("params", None)),
    "no method": (400, "invalid_request", change("http/method", None), change("http/headers", None)),
    "method with a blank": (400, "invalid_request", change("http/method", "GE T"),
                            change("http/method", "GET")),
    "no path": (400, "invalid_request", change("http/path", None), change("http/query", None)),
    "relative path": (400, "invalid_request", change("http/path", "x"), change("http/path", "/x")),
    "query is text": (400, "invalid_request", change("http/query", "a=b"),
                      change("http/query", {"a": "b"})),
    "query pair of three": (400, "invalid_request", change("http/query", [["a", "b", "c"]]),
                            change("http/query", [["a", "b"], ["a", "c"]])),
    "query value is a number": (400, "invalid_request", change("http/query", [["a", 1]]),
                                change("http/query", [["a", "1"]])),
    "header name": (400, "invalid_request", change("http/headers", {"a b": "c"}),
                    change("http/headers", {"a-b": "c"})),
    "header value": (400, "invalid_request", change("http/headers", {"a": "b\r\nc: d"}),
                     change("http/headers", {"a": "b c: d"})),
    "inner tenant disagrees": (403, "tenant_mismatch",
                               change("http/headers", {"X-Alga-Tenant": "tenant-2"}),
                               change("http/headers", {"X-Alga-Tenant": "tenant-1"})),
    "base64 without padding": (400, "invalid_request", change("http/body_b64", "aGk"),
                               change("http/body_b64", "aGk=")),
    "base64 with loose bits": (400, "invalid_request", change("http/body_b64", "aGl="),
                               change("http/body_b64", "aGk=")),
    "base64 with a line end": (400, "invalid_request", change("http/body_b64", "aGk=\n"),
                               change("http/body_b64", "")),
    "base64 for URLs": (400, "invalid_request", change("http/body_b64", "-_-_"),
                        change("http/body_b64", "+/+/")),
    "body is a list": (400, "invalid_request", change("http/body_b64", [1]),
                       change("http/body_b64", "AQ==")),
    "body over 8 MiB": (413, "payload_too_large",
                        change("http/body_b64", base64.b64encode(bytes(8 * MIB + 1)).decode()),
                        change("http/body_b64", base64.b64encode(bytes(MIB)).decode())),
    "fuel": (400, "invalid_request", change("limits", {"fuel": 1}), change("limits", {"fuel": None})),
    "time over the most": (400, "invalid_request", change("limits", {"timeout_ms": 30001}),
                           change("limits", {"timeout_ms": 30000})),
    "CPU over the most": (400, "invalid_request", change("limits", {"cpu_ms": 10001}),
                          change("limits", {"cpu_ms": 10000})),
    "memory over the most": (400, "invalid_request", change("limits", {"memory_mb": 257}),
                             change("limits", {"memory_mb": 256})),
    "limit is negative": (400, "invalid_request", change("limits", {"cpu_ms": -1}),
                          change("limits", {"cpu_ms": 0})),
    "limit is text": (400, "invalid_request", change("limits", {"cpu_ms": "100"}),
                      change("limits", {"cpu_ms": 100})),
    "limit is a fraction": (400, "invalid_request", change("limits", {"cpu_ms": 100.5}),
                            change("limits", {"unknown": 100.5})),
    "unknown capability": (400, "unknown_capability", change("providers", ["cap:root"]),
                           change("providers", ["http.fetch", "cap:http.fetch"])),
    "capability is a number": (400, "invalid_request", change("providers", [1]),
                               change("providers", [])),
    "egress is text": (400, "invalid_request", change("egress", "a.example"),
                       change("egress", ["a.example"])),
    "endpoint is a list": (400, "invalid_request", change("endpoint", ["echo"]),
                           change("endpoint", "echo")),
    "params is a list": (400, "invalid_request", change("params", []), change("params", {})),
    "too deep": (400, "invalid_request", change("more", nested(32)), change("more", nested(31))),
}


@pytest.fixture(scope="module")
def ask(runner, good):
    def ask(changes=None, raw=None, **headers):
        body = copy.deepcopy(good)
        body.setdefault("user", {"user_id": "u"})
        if changes is not None:
            changes(body)
        content = raw(json.dumps(body).encode()) if raw else json.dumps(body).encode()
        return Result(runner.client.post("/v1/execute", content=content, headers=headers))
    return ask


def refused(result, status, code):
    assert (result.http_status, result.code) == (status, code), result
    assert result.json["error"]["request_id"] and result.json["error"]["message"]
    assert not result.started
    assert "body_b64" not in result.json or result.json["body_b64"] is None


@pytest.mark.parametrize("name", CASES)
def test_refuses(ask, name):
    status, code, breach, twin = CASES[name]
    assert ask(twin).code is None
    refused(ask(breach), status, code)


RAW = {  # what is wrong with the text itself, and the twin
    "not JSON": (lambda text: text[:-1], lambda text: text),
    "two values": (lambda text: text + b"{}", lambda text: text + b" \n"),
    "a byte order mark": (lambda text: b"\xef\xbb\xbf" + text, lambda text: b" " + text),
    "a key twice": (lambda text: text[:-1] + b',"endpoint":"echo"}',
                    lambda text: text[:-1] + b',"Endpoint":"echo"}'),
    "not UTF-8": (lambda text: text[:-1] + b',"x":"\xff"}', lambda text: text[:-1] + b',"x":"\xc3\xbf"}'),
    "half a surrogate pair": (lambda text: text[:-1] + rb',"x":"\ud800"}',
                              lambda text: text[:-1] + rb',"x":"\ud83d\ude00"}'),
    "a list": (lambda text: b"[" + text + b"]", lambda text: text),
    "empty": (lambda text: b"", lambda text: text),
}


@pytest.mark.parametrize("name", RAW)
def test_refuses_text(ask, name):
    breach, twin = RAW[name]
    assert ask(raw=twin).code is None
    refused(ask(raw=breach), 400, "invalid_request")


def test_refuses_more_than_12_mib_before_reading_it(ask):
    assert ask(raw=lambda text: text + b" " * (12 * MIB - len(text))).code is None
    refused(ask(raw=lambda text: text + b" " * (12 * MIB + 1 - len(text))), 413, "payload_too_large")


def test_outer_headers_must_agree_with_the_context(ask):
    assert ask(**{"x-alga-tenant": "tenant-1", "x-alga-extension": "ext-1"}).code is None
    refused(ask(**{"x-alga-tenant": "tenant-2"}), 403, "tenant_mismatch")
    refused(ask(**{"x-alga-extension": "ext-2"}), 400, "invalid_request")


def test_body_at_its_limit_reaches_the_guest(ask):
    """8 MiB go in; what the guest needs for them does not fit its default memory, but they arrive."""
    body = base64.b64encode(bytes(8 * MIB)).decode()

    def large(request):
        request["http"]["body_b64"] = body
        request["endpoint"] = "count"
        request["limits"] = {"timeout_ms": 20000, "cpu_ms": 5000}
    assert ask(large).ok() == {"runs": 1}


HEX = "0123456789abcdef" * 4


def test_hash_has_three_spellings_and_no_more(ask, good):
    right = good["context"]["content_hash"].removeprefix("sha256:")

    def with_hash(text):
        return ask(change("context/content_hash", text))
    for text in (f"sha256:{right}", right, f"sha256%3A{right}", f"sha256:{right.upper()}"):
        assert with_hash(text).code is None, text
    for text in ("sha256:", right[:-1], right + "0", f"sha256:sha256:{right}", f"md5:{right}",
                 f"sha256:{right[:-1]}g", f" {right}", f"sha256:{right}\n", "sha256:../" + right[3:],
                 f"SHA512:{right}", right[:-2] + "é"):
        refused(with_hash(text), 400, "invalid_request")


def test_unknown_hash_is_unavailable_and_costs_nobody_else(ask):
    result = ask(change("context/content_hash", f"sha256:{HEX}"))
    assert result.http_status in (404, 503) and result.started is False, result
    assert ask().code is None


def test_service_token(runner, good, make_runner, tmp_path):
    def status(client, headers):
        return client.post("/v1/execute", json=good, headers=headers).status_code

    token = runner.token
    assert status(runner.client, {}) == 200
    assert status(runner.client, {"authorization": "", "x-runner-service-token": token}) in (200, 401)
    for wrong in ("Bearer", f"Bearer {token}x", f"Bearer {token[:-1]}", f"Basic {token}",
                  f"Bearer {'0' * len(token)}", token):
        answer = runner.client.post("/v1/execute", json=good, headers={"authorization": wrong})
        assert answer.status_code == 401, wrong
        assert answer.json()["error"]["code"] == "unauthenticated"
        assert token not in answer.text
    for path in ("/metrics", "/v1/warmup"):
        answer = runner.client.get(path, headers={"authorization": "Bearer x"})
        assert answer.status_code == 401, path
    assert runner.client.get("/healthz", headers={"authorization": ""}).status_code == 200


def test_rotated_tokens_are_accepted_side_by_side(make_runner, published, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("new-token-0123456789abcdef,old-token-0123456789abcdef\n")
    runner = make_runner(ready=False, RUNNER_SERVICE_TOKEN_FILE=tokens)
    runner.client.headers["authorization"] = "Bearer old-token-0123456789abcdef"
    wait.until(runner._ready, "the runner to be ready", 30)
    body = execute_body(published("plain"), "x")
    assert runner.post("/v1/execute", body).status_code == 200
    runner.client.headers["authorization"] = "Bearer new-token-0123456789abcdef"
    assert runner.post("/v1/execute", body).status_code == 200
    runner.client.headers["authorization"] = "Bearer gone-token-123456789abcdef"
    assert runner.post("/v1/execute", body).status_code == 401

# SPDX-License-Identifier: Apache-2.0
"""Which bytes are no request? Each of these must end its connection with one answer at most, and must
never be taken for two requests; its twin is answered."""
import base64
import itertools
import json
import os
import random

import pytest

from support import net
from support.runner import execute_body

LONG = os.environ.get("ANNEX_TEST_LONG") == "1"
SEED = int(os.environ.get("ANNEX_TEST_SEED", "1"))


def get(target=b"/healthz", *headers, version=b"HTTP/1.1", method=b"GET", host=b"Host: a", end=b"\r\n"):
    lines = [b"%s %s %s" % (method, target, version), *([host] if host is not None else []), *headers,
             b"Connection: close", b"", b""]
    return end.join(lines)


def post(*headers, body=b""):
    return b"\r\n".join([b"POST /v1/execute HTTP/1.1", b"Host: a", b"Authorization: Bearer TOKEN",
                         b"Connection: close", *headers, b"", body])


def chunked(body, *headers):
    return post(b"Transfer-Encoding: chunked", *headers, body=body)


OK = get()

# family: (the accepted twin, the refused ones). TOKEN becomes the runner's.
FAMILIES = {
    "request line": (get(), [
        b"GET /healthz\r\nHost: a\r\n\r\n", get(version=b"HTTP/2.0"), get(version=b"HTTP/1.10"),
        get(version=b"HTTP/0.9"), get(version=b"http/1.1"), get(version=b"HTTP/1.1 "),
        get(version=b"HTTP/11"), get(version=b"HTTP/1,1"), get(version=b"HTTP/ 1.1"),
        get(method=b"G\x00T"), get(method=b"GET\t"), get(method=b"G(T"), get(method=b""),
        b"GET  /healthz HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /healthz  HTTP/1.1\r\nHost: a\r\n\r\n",
        b" GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", b"GET\t/healthz\tHTTP/1.1\r\nHost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
        b"\x00" * 32, b"\xff" * 32, b"HELO there\r\n\r\n",
    ]),
    "target": (get(b"/healthz?a=b%20c"), [
        get(b"healthz"), get(b""), get(b"/heal\x00thz"), get(b"/heal\x80thz"), get(b"/heal thz"),
        get(b"/healthz#x"), get(b"\\healthz"), get(b"*"), get(b"a:80"), get(b"http://"),
        get(b"/heal\x7fthz"), get(b"/healthz\x01"),
    ]),
    "host": (get(host=b"Host: a:80"), [
        get(host=None), get(b"/healthz", b"Host: a"), get(b"/healthz", b"Host: b"), get(host=b"Host: a b"),
        get(host=b"Host: a, b"), get(host=b"Host: a/b"), get(host=b"Host: a@b"), get(host=b"Host: a\x00"),
        get(host=b"Host : a"), get(host=b" Host: a"), get(host=b"Host: a:99999"), get(host=b"Host: a:x"),
    ]),
    "header lines": (get(b"/healthz", b"X-A: b c\td"), [
        get(b"/healthz", b"X-A : b"), get(b"/healthz", b"X-A\t: b"), get(b"/healthz", b"X A: b"),
        get(b"/healthz", b"X-A"), get(b"/healthz", b": b"), get(b"/healthz", b"X-A: b\x00c"),
        get(b"/healthz", b"X-A: b\rc"), get(b"/healthz", b"X-A: b\nX-B: c\n\n"), get(b"/healthz", b"X-\x80: b"),
        get(b"/healthz", b"X-A: b\r\n folded"), get(b"/healthz", b"X-A: b\r\n\tfolded"),
        get(b"/healthz", b"X-A: b\x01"), get(b"/healthz", b"X-A: b\x7f"), get(b"/healthz", b"X(A): b"),
        get(b"/healthz", b"\x0bX-A: b"), get(b"/healthz", b"X-A: b\r"), get(end=b"\n"), get(end=b"\r"),
        get(b"/healthz", b'"X-A": b'), get(b"/healthz", b"X-A=b"),
    ]),
    "lengths": (post(b"Content-Length: 2", body=b"{}"), [
        post(b"Content-Length: " + value, body=b"{}") for value in
        (b"+2", b"-2", b"0x2", b"2,2", b"2, 2", b"2 2", b"2.0", b"two", b"", b"2;", b"\x002",
         b"18446744073709551618", b"99999999999999999999999", b"2_0", b"\xb2", b"1e1")
    ] + [
        post(b"Content-Length: 2", b"Content-Length: 2", body=b"{}"),
        post(b"Content-Length: 2", b"Content-Length: 3", body=b"{} "),
        post(b"Content-Length : 2", body=b"{}"), post(b" Content-Length: 2", body=b"{}"),
        post(b"Content-Length: 2", b"Content_Length: 3", b"Content-Length: 0", body=b"{}"),
    ]),
    "length and chunks": (chunked(b"2\r\n{}\r\n0\r\n\r\n"), [
        chunked(b"2\r\n{}\r\n0\r\n\r\n", b"Content-Length: 2"),
        chunked(b"0\r\n\r\n", b"Content-Length: 6"),
        post(b"Content-Length: 2", b"Transfer-Encoding: chunked", body=b"2\r\n{}\r\n0\r\n\r\n"),
        post(b"Content-Length: 2", b"Transfer-Encoding: identity", body=b"{}"),
    ]),
    "transfer codings": (chunked(b"2\r\n{}\r\n0\r\n\r\n"), [
        post(b"Transfer-Encoding: " + value, body=b"2\r\n{}\r\n0\r\n\r\n") for value in
        (b"xchunked", b"chunked, identity", b"identity", b"gzip", b"gzip, chunked", b"chunked, chunked",
         b"\x0bchunked", b"chunked\x00", b"", b"chunked;x=1", b"'chunked'", b", chunked", b"chunke")
    ] + [
        post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
        post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=b"0\r\n\r\n"),
        post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n"),
        post(b"Transfer-Encoding:\r\n chunked", body=b"0\r\n\r\n"),
        post(b"Transfer-Encoding: chunked", body=b"0\r\n\r\n").replace(b"HTTP/1.1", b"HTTP/1.0", 1),
    ]),
    "chunks": (chunked(b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"), [
        chunked(body) for body in (
            b"2 \r\n{}\r\n0\r\n\r\n", b" 2\r\n{}\r\n0\r\n\r\n", b"0x2\r\n{}\r\n0\r\n\r\n",
            b"+2\r\n{}\r\n0\r\n\r\n", b"-2\r\n{}\r\n0\r\n\r\n", b"2_\r\n{}\r\n0\r\n\r\n",
            b"2\n{}\n0\n\n", b"2\r{}\r\n0\r\n\r\n", b"2\r\n{}x\r\n0\r\n\r\n", b"2\r\n{}0\r\n\r\n",
            b"g\r\n{}\r\n0\r\n\r\n", b"\r\n{}\r\n0\r\n\r\n", b"fffffffffffffffff\r\n{}\r\n0\r\n\r\n",
            b"10000000000000002\r\n{}\r\n0\r\n\r\n", b"2;\x00\r\n{}\r\n0\r\n\r\n", b"2;a=\nb\r\n{}\r\n0\r\n\r\n",
            b"2\r\n{}\r\n0\r\nX: \x00\r\n\r\n", b"2\r\n{}\r\n0\r\n X: a\r\n\r\n", b"2\x00\r\n{}\r\n0\r\n\r\n",
        )
    ]),
    "expectations": (post(b"Expect: 100-continue", b"Content-Length: 2", body=b"{}"), [
        post(b"Expect: 200-ok", b"Content-Length: 2", body=b"{}"),
        post(b"Expect: 100-continue, x", b"Content-Length: 2", body=b"{}"),
    ]),
    "upgrades": (get(), [
        get(method=b"CONNECT", target=b"a:80"), get(method=b"TRACE"), get(method=b"BREW"),
    ]),
}
EVERY = [(family, number) for family, (_, bad) in FAMILIES.items() for number in range(len(bad))]


def cuts(data):
    """The same bytes whole, one at a time, and cut in two places (every one in the long run)."""
    yield [data]
    yield [data[at:at + 1] for at in range(len(data))]
    places = range(1, len(data)) if LONG else random.Random(SEED).sample(range(1, len(data)), 2)
    for at in places:
        yield [data[:at], data[at:]]


def signed(runner, data):
    return data.replace(b"TOKEN", runner.token.encode())


def was_read(answer):
    """True when the request reached its handler: /v1/execute then misses a member of the body {}."""
    return answer.status == 200 or b"/context" in answer.body


def test_there_are_enough():
    assert len(EVERY) >= 100 and sum(1 for _ in itertools.chain.from_iterable(
        cuts(FAMILIES[family][1][number]) for family, number in EVERY)) >= 400


@pytest.mark.parametrize("family", FAMILIES)
def test_twin_is_answered(runner, family):
    for pieces in cuts(signed(runner, FAMILIES[family][0])):
        found = [one for one in net.answers(net.exchange(runner.port, pieces)) if one.status != 100]
        assert len(found) == 1 and was_read(found[0]), found


@pytest.mark.parametrize("family, number", EVERY)
def test_refused_and_closed(runner, family, number):
    data = FAMILIES[family][1][number]
    if family == "chunks":  # bodies are read for callers with a token only
        data = data.replace(b"Host: a", b"Host: a\r\nAuthorization: Bearer " + runner.token.encode(), 1)
    for pieces in cuts(data):
        # A good request right behind it must not be taken for one: the connection has ended.
        found = net.answers(net.exchange(runner.port, [*pieces, OK]))
        assert len(found) <= 1, (data, found)
        assert all(400 <= one.status < 600 and not was_read(one) for one in found), (data, found)
        assert all(one.header("connection") == "close" for one in found), (data, found)


# --- sizes -------------------------------------------------------------------------------------

def one(runner, data):
    (answer,) = net.answers(net.exchange(runner.port, [data]))
    return answer


def test_sizes_of_a_head(runner):
    assert one(runner, get(b"/healthz?" + b"q" * (8192 - 9))).status == 200
    assert one(runner, get(b"/healthz?" + b"q" * (8193 - 9))).status in (400, 413, 414, 431)
    lines = [b"X-%d: v" % number for number in range(62)]
    assert one(runner, get(b"/healthz", *lines)).status == 200  # with Host and Connection: 64
    assert one(runner, get(b"/healthz", *lines, b"X-More: v")).status in (400, 413, 431)
    assert one(runner, get(b"/healthz", b"X-A: " + b"v" * 16000)).status == 200
    assert one(runner, get(b"/healthz", b"X-A: " + b"v" * 16400)).status in (400, 413, 431)


def test_a_body_that_is_announced_too_large_is_refused_unread(runner):
    for size in (12 * (1 << 20) + 1, 1 << 40):
        answer = one(runner, signed(runner, post(b"Content-Length: %d" % size)))
        assert answer.status == 413 and json.loads(answer.body)["error"]["code"] == "payload_too_large"


def test_without_the_token_no_body_is_read(runner):
    with net.Raw(runner.port) as raw:
        raw.send(post(b"Content-Length: 12000000"))  # "TOKEN" is not the token
        assert raw.answer().status == 401


# --- manners -----------------------------------------------------------------------------------

def test_pipelined_requests_are_answered_in_order(runner, published):
    token = b"Authorization: Bearer " + runner.token.encode()
    requests = b""
    for number in range(10):
        body = json.dumps(execute_body(published("hostile"), "echo", method="POST",
                                       body=b"%d" % number)).encode()
        requests += (b"POST /v1/execute HTTP/1.1\r\nHost: a\r\n" + token +
                     b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    with net.Raw(runner.port) as raw:
        raw.send(requests)
        for number in range(10):
            answer = raw.answer()
            assert base64.b64decode(json.loads(answer.body)["body_b64"]) == b"%d" % number


def test_head_has_the_headers_of_get_and_no_body(runner):
    with net.Raw(runner.port) as raw:
        raw.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        full = raw.answer()
        raw.send(b"HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        head = raw.answer(head=True)
        assert head.header("content-length") == full.header("content-length")
        assert raw.answer().body == full.body


def test_http_1_0_is_answered_and_closed(runner):
    answer = one(runner, b"GET /healthz HTTP/1.0\r\nHost: a\r\n\r\n")
    assert answer.status == 200 and answer.header("connection") == "close"


@pytest.mark.parametrize("method, path, status", [
    ("GET", "/v1/execute", 405), ("PUT", "/v1/execute", 405), ("POST", "/healthz", 405),
    ("GET", "/", 404), ("GET", "/v1/executex", 404), ("GET", "/v1/execute/", 404), ("POST", "//v1/execute", 404),
    ("POST", "/v1/%65xecute", 404), ("GET", "/healthz/../metrics", 404), ("DELETE", "/v1/execute", 405)])
def test_routes_are_exact(runner, method, path, status):
    answer = one(runner, b"%s %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer %s\r\n"
                 b"Content-Length: 0\r\n\r\n" % (method.encode(), path.encode(), runner.token.encode()))
    assert answer.status == status
    assert json.loads(answer.body)["error"]["code"] == {404: "not_found", 405: "method_not_allowed"}[status]


def test_idle_connections_do_not_keep_others_out(runner):
    idle = [net.Raw(runner.port) for _ in range(500)]
    try:
        for raw in idle[::2]:
            raw.send(b"GET /healthz HTT")
        assert runner.client.get("/healthz").status_code == 200
    finally:
        for raw in idle:
            raw.close()

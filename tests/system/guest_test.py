# SPDX-License-Identifier: Apache-2.0
"""What happens to a guest that misbehaves, and to everybody else meanwhile? Its own request ends with a
code that says why; the same worker answers the next one."""
import base64
import json
import threading
import time

import pytest

from support import net
from support.dns import Dns
from support.runner import Runner, execute_body
from support.upstream import Upstream

TIGHT = {"cpu_ms": 100, "timeout_ms": 2000}


@pytest.fixture(scope="module")
def hostile(published):
    return published("hostile")


def ends(result, status, *codes):
    assert result.http_status == status and result.code in codes, result
    assert result.started is True and result.json["body_b64"] is None
    assert result.usage["wall_ms"] >= 0


@pytest.fixture(autouse=True)
def everybody_else(request):
    """After each test of a bad guest a good one must be answered, at once and right."""
    yield
    if "runner" in request.fixturenames:
        runner, published = request.getfixturevalue("runner"), request.getfixturevalue("published")
        assert runner.execute(published("hostile"), "count", tenant="bystander",
                              install="bystander").ok() == {"runs": 1}


def own(name):
    """An install of its own for each kind of fault, so that one's quarantine is not another's."""
    return {"tenant": f"tenant-{name}", "install": f"install-{name}"}


@pytest.mark.parametrize("endpoint", ["loop", "loop_fill", "loop_log"])
def test_loops_end_at_their_cpu_budget(runner, hostile, endpoint):
    began = time.monotonic()
    result = runner.execute(hostile, endpoint, limits=TIGHT, **own(endpoint))
    ends(result, 504, "cpu_exceeded")
    assert 100 <= result.usage["cpu_ms"] < 400, result.usage
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("guest, endpoint", [("start-loop", "x"), ("alloc-loop", "count"),
                                             ("alloc-loop-late", "fetch")])
def test_loops_outside_the_handler_count_too(runner, published, guest, endpoint):
    result = runner.execute(published(guest), endpoint, method="POST", body=b'{"url":"https://a.example/"}',
                            limits=TIGHT, providers=["cap:http.fetch"], **own(guest))
    if guest == "alloc-loop-late":  # a refused fetch brings no answer that would need memory
        assert result.code in (None, "cpu_exceeded"), result
    else:
        ends(result, 504, "cpu_exceeded")


def test_an_answer_from_a_fetch_needs_alloc_and_its_loop_ends_too(egress, published):
    runner, entry = egress
    def fetch(guest):
        return runner.execute(published(guest), "fetch", method="POST",
                              body=json.dumps({"url": f"{entry}/say/x"}).encode(), limits=TIGHT,
                              providers=["cap:http.fetch"], egress=[entry], **own(guest))
    ends(fetch("alloc-loop-late"), 504, "cpu_exceeded")
    ends(fetch("alloc-trap-late"), 502, "guest_failed")
    assert fetch("alloc-outside-late").ok() == {"code": 11, "answer": ""}


def test_dealloc_is_never_called_for_fresh_instances(runner, published):
    assert runner.execute(published("dealloc-loop"), "count").ok() == {"runs": 1}


@pytest.mark.parametrize("endpoint", ["trap", "divide", "load", "recurse"])
def test_traps(runner, hostile, endpoint):
    ends(runner.execute(hostile, endpoint, limits=TIGHT, **own(endpoint)), 502, "guest_failed")


def test_what_nearly_traps_does_not(runner, hostile):
    assert runner.execute(hostile, "divide", query={"by": 2}).body == b"21"
    assert runner.execute(hostile, "load", query={"at": 64}).ok() == {}
    assert runner.execute(hostile, "recurse", query={"depth": 1000}).ok() == {"value": 0}


@pytest.mark.parametrize("guest", ["start-trap", "start-recurse", "alloc-trap", "data-outside"])
def test_traps_before_the_handler(runner, published, guest):
    ends(runner.execute(published(guest), "count", limits=TIGHT, **own(guest)), 502, "guest_failed")


def test_memory_ends_at_its_budget(runner, hostile):
    for budget in (4, 16, 64):
        grown = runner.execute(hostile, "grow", limits={"memory_mb": budget, "cpu_ms": 1000}).ok()
        # Tables count too, so the last page may be missing.
        assert budget * 16 - 1 <= grown["pages"] <= budget * 16, grown
    ends(runner.execute(hostile, "grow_touch", limits={"memory_mb": 16}, **own("grow")), 502,
         "memory_exceeded", "guest_failed")


def test_tables_end_at_their_budget(runner, published):
    assert runner.execute(published("table-grow"), "x").code is None


# --- answers -----------------------------------------------------------------------------------

def response(**changes):
    made = {"status": 200, "headers": {}, "body_b64": ""}
    made.update(changes)
    return json.dumps({name: value for name, value in made.items() if value is not None}).encode()


def header_list(count, size=1):
    return {f"x-ext-{i}": "v" * size for i in range(count)}


ANSWERS = {  # the whole guest answer: refused, accepted
    "status 199": (response(status=199), response(status=200)),
    "status 600": (response(status=600), response(status=599)),
    "status as text": (response(status="200"), response(status=201)),
    "status as fraction": (response(status=200.5), response(status=202)),
    "no status": (response(status=None), response(status=204)),
    "CR in a value": (response(headers={"x-ext-a": "b\r\nset-cookie: c"}),
                      response(headers={"x-ext-a": "b set-cookie: c"})),
    "LF in a value": (response(headers={"x-ext-a": "b\nc"}), response(headers={"x-ext-a": "b\tc"})),
    "NUL in a value": (response(headers={"x-ext-a": "b\0c"}), response(headers={"x-ext-a": "b c"})),
    "blank in a name": (response(headers={"x ext": "b"}), response(headers={"x-ext": "b"})),
    "colon in a name": (response(headers={"x:": "b"}), response(headers={"x": "b:"})),
    "empty name": (response(headers={"": "b"}), response(headers={"x": ""})),
    "value is a number": (response(headers={"x": 1}), response(headers={"x": ["1", "2"]})),
    "headers as a list": (response(headers=["a"]), response(headers={})),
    "65 headers": (response(headers=header_list(65)), response(headers=header_list(64))),
    "17 KiB of headers": (response(headers=header_list(17, 1024)),
                          response(headers=header_list(15, 1000))),
    "bad base64": (response(body_b64="a"), response(body_b64="YQ==")),
    "loose bits": (response(body_b64="YR=="), response(body_b64="YQ==")),
    "body is a number": (response(body_b64=1), response(body_b64=None)),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_are_checked_byte_by_byte(runner, hostile, name):
    refused, accepted = ANSWERS[name]
    ends(runner.execute(hostile, "raw", method="POST", body=refused, **own(f"answer {name}"[:60])),
         502, "invalid_guest_response")
    result = runner.execute(hostile, "raw", method="POST", body=accepted)
    assert result.code is None and result.status == json.loads(accepted)["status"], result


@pytest.mark.parametrize("body", [b"plain text", b"\x00\xff\xfe", b"", b"[1,2]", b'"text"', b"{not json"])
def test_bytes_that_are_no_object_are_the_body(runner, hostile, body):
    result = runner.execute(hostile, "raw", method="POST", body=body)
    assert result.code is None and result.status == 200, result
    assert result.body == body
    assert result.json["headers"].get("content-type") == "application/octet-stream"


def test_a_hundred_thousand_headers(runner, hostile):
    ends(runner.execute(hostile, "headers", query={"count": 100000},
                        limits={"cpu_ms": 5000, "timeout_ms": 10000}, **own("headers")), 502,
         "invalid_guest_response", "memory_exceeded")
    assert len(runner.execute(hostile, "headers", query={"count": 64}).json["headers"]) == 64


def test_answer_outside_memory(runner, hostile):
    pages = runner.execute(hostile, "grow", query={"pages": 0}).ok()["pages"]
    end = pages * 65536
    for ptr, size in ((end, 1), (end - 1, 2), (0xFFFFFFFF, 1), (1, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF),
                      (0x80000000, 0x80000000)):
        result = runner.execute(hostile, "pointer", query={"ptr": ptr, "len": size},
                                **own(f"pointer-{ptr}-{size}"))
        ends(result, 502, "invalid_guest_response", "guest_failed")


def test_another_return_value_is_a_failure(runner, hostile):
    for code in (1, 2, 0x7FFFFFFF, 0xFFFFFFFF):
        ends(runner.execute(hostile, "code", query={"code": code}, **own(f"code-{code}")), 502,
             "guest_failed")
    assert runner.execute(hostile, "code", query={"code": 0}).code is None


def test_body_of_an_answer_ends_at_8_mib(runner, hostile):
    big = {"memory_mb": 128, "cpu_ms": 5000, "timeout_ms": 20000}
    result = runner.execute(hostile, "large", query={"bytes": 8 << 20}, limits=big)
    assert result.code is None and len(result.body) == 8 << 20
    result = runner.execute(hostile, "large", query={"bytes": (8 << 20) + 1}, limits=big, **own("large"))
    ends(result, 502, "invalid_guest_response", "memory_exceeded")


def test_echo_keeps_every_byte(runner, hostile):
    body = bytes(range(256)) * 4096
    result = runner.execute(hostile, "echo", method="POST", body=body, limits={"cpu_ms": 2000})
    assert result.body == body and result.json["headers"]["content-type"] == "application/octet-stream"


# --- the request as the guest sees it ----------------------------------------------------------

def test_guest_reads_the_request_that_was_sent(runner, hostile):
    seen = runner.execute(hostile, "request", method="POST", path="/request/a%20b", params={"b": "ü"},
                          query={"q": "1&2"}, headers={"accept": "text/plain"}, body=b"\x00body",
                          user={"user_id": "u-1", "user_email": "a@example.com"}).ok()
    assert seen["endpoint"] == "request" and seen["params"] == {"b": "ü"}
    assert seen["http"]["method"] == "POST" and seen["http"]["path"] == "/request/a%20b"
    assert seen["http"]["query"] == {"q": "1&2"} and seen["http"]["query_pairs"] == [["q", "1&2"]]
    assert seen["http"]["headers"]["accept"] == "text/plain"
    assert base64.b64decode(seen["http"]["body_b64"]) == b"\x00body"
    assert seen["context"]["tenant_id"] == "tenant-1" and seen["user"]["user_id"] == "u-1"
    assert runner.token not in json.dumps(seen)


# --- host calls --------------------------------------------------------------------------------

def test_a_flood_of_log_lines_is_counted_and_dropped(runner, hostile):
    result = runner.execute(hostile, "log", query={"lines": 1000, "size": 10})
    assert result.ok() == {"lines": 1000}
    assert len(result.log) == 200 and result.json["log_dropped"] == 800
    result = runner.execute(hostile, "log", query={"lines": 100, "size": 4096})
    assert sum(len(text) for _, _, text in result.log) <= 64 << 10
    assert len(result.log) + result.json["log_dropped"] == 100
    result = runner.execute(hostile, "log", query={"lines": 1, "size": 10000})
    assert len(result.log[0][2]) <= 4096


def test_log_text_cannot_forge_a_line(runner, hostile):
    text = 'x\n{"event":"forged","level":"error"}\r\n\x1b[31m\x00\xff'.encode("latin-1")
    result = runner.execute(hostile, "log_raw", method="POST", body=text)
    assert len(result.log) == 1 and result.log[0][1] == "warn"
    assert all(event.get("event") != "forged" for event in runner.events())
    assert "\x1b" not in runner.log()


def test_log_outside_memory(runner, hostile):
    result = runner.execute(hostile, "log_outside", **own("log-outside"))
    assert result.code in (None, "guest_failed"), result
    assert result.log == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"url":1}', b'{"method":"GET"}', b'{"url":"https://a","url":"b"}',
                                  b'{"url":"https://a.example/","method":"G ET"}',
                                  b'{"url":"https://a.example/","headers":{"a":"b\\r\\nc:d"}}'])
def test_malformed_host_calls_get_a_number(runner, hostile, body):
    for endpoint in ("fetch", "dot_fetch"):
        guest = runner.execute(hostile, endpoint, method="POST", body=body,
                               providers=["cap:http.fetch"], egress=["a.example"]).ok()
        assert guest["code"] in (1, 2, 5) and guest["answer"] == "", guest


def test_host_calls_with_pointers_outside(runner, hostile):
    for query in ({"ptr": 0xFFFFFFF0, "len": 64}, {"slot": 0xFFFFFFFE}, {"len": 0xFFFFFFFF}):
        result = runner.execute(hostile, "fetch", method="POST", body=b"{}", query=query,
                                providers=["cap:http.fetch"], **own(f"outside-{query}"))
        assert result.code == "guest_failed" or result.ok()["code"] != 0, result


def test_host_calls_inside_alloc_are_refused(runner, published):
    guest = runner.execute(published("alloc-calls"), "alloc_codes", providers=["cap:http.fetch"]).ok()
    assert (guest["http_fetch"], guest["dot_fetch"], guest["host_call"]) == (12, 12, 12), guest


def test_interfaces_that_do_not_exist_are_not_available(runner, hostile):
    body = json.dumps({"interface": "alga:extension/nothing", "function": "f", "args": {}}).encode()
    guest = runner.execute(hostile, "host_call", method="POST", body=body).ok()
    assert guest["code"] in (1, 2, 3, 10), guest


@pytest.fixture(scope="module")
def egress(tmp_path_factory, store, key):
    """A runner whose operator allows one host of ours."""
    with Upstream() as upstream, Dns({"up.example": ["127.0.0.1"]}) as dns:
        entry = f"http://up.example:{upstream.port}"
        runner = Runner(tmp_path_factory.mktemp("egress"), store, key.public_pem,
                        EXT_EGRESS_ALLOWLIST=entry, EXT_EGRESS_PRIVATE_CIDRS="127.0.0.0/8",
                        EXT_EGRESS_RESOLVER=dns.server)
        yield runner.start(), entry
        runner.stop()


def test_calls_of_one_execution_are_counted(egress, published):
    runner, entry = egress
    for times, code in ((8, "ok"), (9, "quota")):
        guest = runner.execute(published("hostile"), "fetch_nonce", providers=["cap:http.fetch"],
                               egress=[entry], query={"url": f"{entry}/say/x", "times": times,
                                                      "nonce": "n"}).ok()
        assert guest["code"] == code, guest


# --- everybody else ----------------------------------------------------------------------------

def test_memory_is_fresh_for_every_execution(runner, hostile):
    for _ in range(5):
        assert runner.execute(hostile, "count").ok() == {"runs": 1}


def test_no_tenant_finds_what_another_left_in_memory(runner, hostile):
    """Writers fill memory with a marker; scanners, who know it only inverted, look at every byte they
    can get, including pages that they have just grown into."""
    marker = bytes(b | 0x80 for b in b"left behind by a tenant!")
    flipped = bytes(byte ^ 0xFF for byte in marker)
    limits = {"memory_mb": 32, "cpu_ms": 8000, "timeout_ms": 20000}
    for _ in range(4):
        runner.execute(hostile, "canary_write", method="POST", body=marker, limits=limits,
                       query={"bytes": 16 << 20}, tenant="writer", install="writer").ok()
        seen = runner.execute(hostile, "canary_scan", method="POST", body=flipped, limits=limits,
                              query={"grow": 400}, tenant="reader", install="reader").ok()
        assert seen["scanned"] > 400 * 65536 and seen["found"] == 0, seen
    planted = runner.execute(hostile, "canary_scan", method="POST", limits=limits,
                             body=bytes(byte ^ 0xFF for byte in b'"endpoint":')).ok()
    assert planted["found"] >= 1, "the scanner finds nothing even where something is"


def test_loops_of_one_tenant_do_not_hold_up_another(runner, hostile):
    stop = threading.Event()

    def spin():
        while not stop.is_set():
            runner.execute(hostile, "loop", limits={"cpu_ms": 200, "timeout_ms": 3000},
                           tenant="noisy", install="noisy")
    threads = [threading.Thread(target=spin) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        waits = []
        for _ in range(50):
            began = time.monotonic()
            assert runner.execute(hostile, "count", tenant="quiet", install="quiet").ok() == {"runs": 1}
            waits.append(time.monotonic() - began)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    waits.sort()
    assert waits[len(waits) // 2] < 0.1, waits


def test_a_caller_who_leaves_frees_what_it_used(runner, hostile):
    """The caller hangs up while its guest loops; the guest does not run to the end of its budget."""
    body = json.dumps(execute_body(hostile, "loop", tenant="gone", install="gone",
                                   limits={"cpu_ms": 10000, "timeout_ms": 20000})).encode()
    with net.Raw(runner.port) as raw:
        raw.send(b"POST /v1/execute HTTP/1.1\r\nhost: a\r\nauthorization: Bearer %s\r\n"
                 b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
                 % (runner.token.encode(), len(body), body))
        assert raw.quiet(0.3)
    began = time.monotonic()
    result = runner.execute(hostile, "loop", limits={"cpu_ms": 300, "timeout_ms": 5000},
                            tenant="gone", install="gone")
    assert result.code == "cpu_exceeded" and time.monotonic() - began < 2, result

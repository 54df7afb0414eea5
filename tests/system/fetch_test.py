# SPDX-License-Identifier: Apache-2.0
"""Where can a guest's fetch go? Only to hosts on every list, at addresses that all were judged, once."""
import base64
import json

import pytest

from support.dns import Dns
from support.upstream import Upstream

CAP = {"providers": ["cap:http.fetch"]}
INVALID, DENIED, NOT_ALLOWED, TRANSPORT, DEADLINE = 1, 2, 5, 6, 8


class Net:
    """A runner with an upstream, a resolver and an allowlist of the test's own."""

    def __init__(self, make_runner, upstream, names, allow, cidrs="127.0.0.0/8", **settings):
        self.upstream = upstream
        self.dns = Dns(names)
        self.dns.__enter__()
        self.runner = make_runner(EXT_EGRESS_ALLOWLIST=allow, EXT_EGRESS_PRIVATE_CIDRS=cidrs,
                                  EXT_EGRESS_RESOLVER=self.dns.server, **settings)

    def fetch(self, published, url, egress, method="GET", headers=None, **options):
        """(code, answer of the other side or None)"""
        body = json.dumps({"method": method, "url": url, "headers": headers or {}, "body_b64": None})
        guest = self.runner.execute(published("hostile"), "fetch", method="POST", body=body.encode(),
                                    egress=egress, **{**CAP, **options}).ok()
        return guest["code"], json.loads(guest["answer"]) if guest["answer"] else None


@pytest.fixture
def net(make_runner):
    made = []

    def make(*arguments, **settings):
        made.append(Net(make_runner, *arguments, **settings))
        return made[-1]
    yield make
    for one in made:
        one.dns.__exit__()


@pytest.fixture
def upstream():
    with Upstream() as server:
        yield server


def test_allowed_by_all_and_only_then(net, upstream, published):
    here = f"http://up.example:{upstream.port}"
    net = net(upstream, {"up.example": ["127.0.0.1"]}, f"{here},http://also.example")
    assert net.fetch(published, f"{here}/say/hi", [here])[0] == 0
    for url, egress, options in (
            (f"{here}/say/x", [], {}),                                   # the install allows nothing
            (f"{here}/say/x", ["http://also.example"], {}),              # the install allows another
            (f"{here}/say/x", [f"http://up.example:{upstream.port + 1}"], {}),
            (f"https://up.example:{upstream.port}/say/x", [here], {}),   # another scheme
            ("http://up.example/say/x", [here], {}),                     # another port
            (f"http://nope.example:{upstream.port}/", [f"http://nope.example:{upstream.port}"], {}),
            (f"{here}/say/x", [here], {"providers": []}),                # no capability
            (f"{here}/say/x", [here], {"providers": ["cap:storage.kv"]})):
        code, _ = net.fetch(published, url, egress, **options)
        assert code in (DENIED, NOT_ALLOWED), (url, egress, code)
    assert [target for _, target in upstream.requests] == ["/say/hi"]
    assert {name for name, _ in net.dns.queries} == {"up.example"}


def test_wildcards_match_labels_below_only(net, upstream, published):
    port = upstream.port
    names = {f"{name}example": ["127.0.0.1"] for name in ("", "a.", "a.b.", "not")}
    net = net(upstream, names, f"http://*.example:{port}")
    egress = [f"http://*.example:{port}"]
    for host, allowed in (("a.example", True), ("A.EXAMPLE", True), ("a.b.example", True),
                          ("example", False), ("notexample", False), ("a.example.", False)):
        code, _ = net.fetch(published, f"http://{host}:{port}/say/x", egress)
        assert (code == 0) == allowed, (host, code)


@pytest.mark.parametrize("address", ["10.0.0.1", "127.0.0.1", "169.254.169.254", "192.168.1.1", "100.64.0.1",
                                     "0.0.0.0", "224.0.0.1", "255.255.255.255", "172.16.0.1",
                                     "::1", "fe80::1", "fd00::1", "::ffff:127.0.0.1",
                                     "64:ff9b::7f00:1", "::"])
def test_private_addresses_are_refused(net, upstream, published, address):
    here = f"http://in.example:{upstream.port}"
    net = net(upstream, {"in.example": [address]}, here, cidrs=None)
    code, _ = net.fetch(published, f"{here}/say/x", [here])
    assert code == TRANSPORT and upstream.requests == []  # as if nobody were there


def test_one_bad_address_among_good_ones_refuses_all(net, upstream, published):
    here = f"http://mix.example:{upstream.port}"
    net = net(upstream, {"mix.example": ["127.0.0.1", "10.0.0.1"]}, here)
    assert net.fetch(published, f"{here}/say/x", [here])[0] == TRANSPORT
    assert upstream.requests == []


def test_a_name_that_changes_its_mind_is_asked_once_a_fetch(net, upstream, published):
    """Rebinding: the first answer is allowed, later ones would not be. What was judged is what is used."""
    here = f"http://turn.example:{upstream.port}"
    answers = iter([["127.0.0.1"], ["127.0.0.1"]])
    net = net(upstream, {"turn.example": lambda: next(answers, ["10.0.0.1"])}, here)
    assert net.fetch(published, f"{here}/say/x", [here])[0] == 0
    assert len(net.dns.queries) == 2  # A and AAAA
    assert net.fetch(published, f"{here}/say/x", [here])[0] == TRANSPORT


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "2130706433", "0x7f.1", "0177.0.0.1", "127.1",
                                  "localhost", "user@up.example", "up.example%00.evil", "up..example", ""])
def test_spellings_that_mean_an_address_or_nothing(net, upstream, published, host):
    port = upstream.port
    net = net(upstream, {"up.example": ["127.0.0.1"]}, f"http://up.example:{port}")
    code, _ = net.fetch(published, f"http://{host}:{port}/say/x", [f"http://up.example:{port}"])
    assert code in (INVALID, NOT_ALLOWED, DENIED), code
    assert upstream.requests == []


def test_redirects_are_handed_to_the_guest(net, upstream, published):
    here = f"http://up.example:{upstream.port}"
    net = net(upstream, {"up.example": ["127.0.0.1"]}, here)
    code, answer = net.fetch(published, f"{here}/redirect?to=http://169.254.169.254/", [here])
    assert code == 0 and answer["status"] == 302
    assert {name.lower(): value for name, value in answer["headers"].items()}["location"] == \
        "http://169.254.169.254/"
    assert len(upstream.requests) == 1


def test_what_the_other_side_sees(net, upstream, published):
    here = f"http://up.example:{upstream.port}"
    net = net(upstream, {"up.example": ["127.0.0.1"]}, here)
    code, answer = net.fetch(published, f"{here}/headers", [here], headers={"x-mine": "1", "accept": "a/b"})
    head = base64.b64decode(answer["body_b64"]).decode().lower()
    assert code == 0 and f"host: up.example:{upstream.port}\r\n" in head and "x-mine: 1\r\n" in head
    assert "authorization" not in head and net.runner.token not in head and "cookie" not in head


@pytest.mark.parametrize("name", ["host", "content-length", "transfer-encoding", "connection", "proxy-authorization"])
def test_headers_that_a_guest_may_not_set(net, upstream, published, name):
    here = f"http://up.example:{upstream.port}"
    net = net(upstream, {"up.example": ["127.0.0.1"]}, here)
    code, _ = net.fetch(published, f"{here}/headers", [here], headers={name: "evil"})
    assert code == INVALID or all("evil" not in str(request) for request in upstream.requests)


def test_answers_end_at_8_mib(net, upstream, published):
    here = f"http://up.example:{upstream.port}"
    net = net(upstream, {"up.example": ["127.0.0.1"]}, here)
    limits = {"memory_mb": 256, "cpu_ms": 8000, "timeout_ms": 20000}
    code, answer = net.fetch(published, f"{here}/bytes/{1 << 20}", [here], limits=limits)
    assert code == 0 and len(answer["body_b64"]) > 1 << 20
    assert net.fetch(published, f"{here}/bytes/{(8 << 20) + 1}", [here], limits=limits)[0] == 7


def test_nobody_there_and_nobody_answering(net, upstream, published):
    here, hang = "http://up.example:9", f"http://up.example:{upstream.port}"
    net = net(upstream, {"up.example": ["127.0.0.1"], "no.example": []}, f"{here},{hang},http://no.example")
    assert net.fetch(published, f"{here}/", [here])[0] == TRANSPORT
    assert net.fetch(published, "http://no.example/", ["http://no.example"])[0] == TRANSPORT
    result = net.runner.execute(published("hostile"), "fetch_nonce", query={"url": f"{hang}/hang"},
                                egress=[hang], limits={"timeout_ms": 700}, **CAP)
    assert result.code == "deadline_exceeded" or result.ok()["code"] == "deadline", result
    assert result.usage["wall_ms"] < 1500


def test_the_manifests_list_counts_too(net, upstream, published, guests, store, key, tmp_path):
    here = f"http://up.example:{upstream.port}"
    net = net(upstream, {"up.example": ["127.0.0.1"]}, here)
    for listed, code in ((["other.example"], NOT_ALLOWED), ([here], 0), ([], NOT_ALLOWED)):
        folder = tmp_path / f"guest-{len(listed)}-{code}"
        folder.mkdir()
        made = json.loads((guests("hostile") / "manifest.json").read_bytes())
        made["egress"] = listed
        (folder / "manifest.json").write_text(json.dumps(made))
        (folder / "entry.wasm").write_bytes((guests("hostile") / "entry.wasm").read_bytes())
        content_hash = store.publish(folder, key)
        assert net.fetch(lambda _: content_hash, f"{here}/say/x", [here])[0] == code, listed


def test_every_fetch_leaves_an_audit_line(net, upstream, published):
    here = f"http://up.example:{upstream.port}"
    net = net(upstream, {"up.example": ["127.0.0.1"]}, here)
    net.fetch(published, f"{here}/say/secret-in-path?token=abc", [here], tenant="audited")
    net.fetch(published, "http://other.example/", [here], tenant="audited")
    lines = [event for event in net.runner.events() if event["event"].startswith("egress")]
    assert len(lines) == 2 and all(event["tenant"] == "audited" for event in lines), lines
    assert "token=abc" not in net.runner.log()

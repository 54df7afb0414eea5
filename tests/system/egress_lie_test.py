# SPDX-License-Identifier: Apache-2.0
"""What can a name server, a server or the environment talk a guest's fetch into? Nothing: no packet goes
where the operator did not allow it, however often somebody lies."""
import itertools
import json
import socket
import threading

import pytest

from support.dns import Dns
from support.runner import BARE_ENVIRONMENT
from support.upstream import Upstream

TRANSPORT = 6


class Decoy:
    """Listens where nobody may go, and counts who comes all the same."""

    def __init__(self, address, port):
        self.listener = socket.create_server((address, port))
        self.visits = 0
        self._thread = threading.Thread(target=self._count, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self.listener.close()

    def _count(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.visits += 1
            peer.close()


@pytest.fixture
def upstream():
    with Upstream("127.0.0.1") as server:
        yield server


def fetch(runner, published, egress, *urls):
    """The numbers that one execution got for one URL after the other."""
    codes = []
    for url in urls:
        body = json.dumps({"url": url}).encode()
        codes.append(runner.execute(published("hostile"), "fetch", method="POST", body=body,
                                    egress=[egress], providers=["cap:http.fetch"]).ok()["code"])
    return codes


def test_rebinding_two_hundred_times(make_runner, published, upstream):
    """127.0.0.1 may be fetched from, 127.0.0.2 may not; the same port is open on both."""
    with Decoy("127.0.0.2", upstream.port) as decoy:
        answers = itertools.cycle([["127.0.0.1"], ["127.0.0.1"], ["127.0.0.2"], ["127.0.0.2"],
                                   ["127.0.0.1", "127.0.0.2"], ["127.0.0.2", "127.0.0.1"]])
        with Dns({"turn.example": lambda: next(answers)}) as dns:
            here = f"http://turn.example:{upstream.port}"
            runner = make_runner(EXT_EGRESS_ALLOWLIST=here, EXT_EGRESS_RESOLVER=dns.server,
                                 EXT_EGRESS_PRIVATE_CIDRS="127.0.0.1/32")
            codes = fetch(runner, published, here, *[f"{here}/say/x"] * 200)
            assert set(codes) == {0, TRANSPORT}
            assert codes.count(0) == len(upstream.requests) == 67
            assert len(dns.queries) == 400
        assert decoy.visits == 0


def test_hostile_environment(make_runner, published, upstream, monkeypatch):
    """Proxies of the environment would see every URL; nobody visits them."""
    with Decoy("127.0.0.1", 0) as proxy:
        address = f"http://127.0.0.1:{proxy.listener.getsockname()[1]}"
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setitem(BARE_ENVIRONMENT, name, address)
        with Dns({"up.example": ["127.0.0.1"]}) as dns:
            here = f"http://up.example:{upstream.port}"
            runner = make_runner(EXT_EGRESS_ALLOWLIST=here, EXT_EGRESS_RESOLVER=dns.server,
                                 EXT_EGRESS_PRIVATE_CIDRS="127.0.0.0/8")
            assert fetch(runner, published, here, f"{here}/say/x") == [0]
        assert proxy.visits == 0


def test_own_services_are_out_of_reach(make_runner, published):
    """A name of the allowlist that leads to the runner's own listeners: refused like any inside address."""
    with Dns({"up.example": ["127.0.0.1"]}) as dns:
        other = make_runner()
        here = f"http://up.example:{other.port}"
        runner = make_runner(EXT_EGRESS_ALLOWLIST=here, EXT_EGRESS_RESOLVER=dns.server)
        assert fetch(runner, published, here, f"{here}/healthz") == [TRANSPORT]
        assert other.client.get("/healthz").status_code == 200


def test_nothing_is_allowed_when_nothing_is_set(make_runner, published, upstream):
    with Dns({"up.example": ["127.0.0.1"]}) as dns:
        runner = make_runner(EXT_EGRESS_RESOLVER=dns.server, EXT_EGRESS_PRIVATE_CIDRS="127.0.0.0/8")
        here = f"http://up.example:{upstream.port}"
        assert fetch(runner, published, here, f"{here}/say/x") == [5]
        assert dns.queries == [] and upstream.requests == []

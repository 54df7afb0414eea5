# SPDX-License-Identifier: Apache-2.0
"""Whom does a guest's fetch believe? Only a server whose certificate is right in every point."""
import base64
import json
import ssl

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from support.dns import Dns
from support.tls import Authority, TlsUpstream

TRANSPORT = 6


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    """The same words, another key."""
    return Authority(tmp_path_factory.mktemp("stranger"))


@pytest.fixture
def fetch(make_runner, authority, published):
    """Fetches https://HOST/ from an upstream, through a runner that trusts the authority."""
    with Dns({f"{name}.example": ["127.0.0.1"] for name in ("up", "other", "a.up")}) as dns:
        started = []

        def get(upstream, host="up.example", **settings):
            entry = f"*.example:{upstream.port}"
            settings = {"EXT_EGRESS_CA_FILE": authority.file, **settings}
            if not started:
                started.append(make_runner(EXT_EGRESS_ALLOWLIST=entry, EXT_EGRESS_RESOLVER=dns.server,
                                           EXT_EGRESS_PRIVATE_CIDRS="127.0.0.0/8", **settings))
            body = json.dumps({"url": f"https://{host}:{upstream.port}/"})
            answer = started[0].execute(published("hostile"), "fetch", method="POST", egress=[entry],
                                        body=body.encode(), providers=["cap:http.fetch"]).ok()
            if answer["code"] == 0:
                assert base64.b64decode(json.loads(answer["answer"])["body_b64"]) == b"hello"
            return answer["code"]
        yield get


def test_a_certificate_that_is_right(fetch, authority):
    with TlsUpstream(authority.issue("up.example")) as upstream:
        assert fetch(upstream) == 0
        assert fetch(upstream) == 0
        assert upstream.names == ["up.example"] * 2  # SNI is the name, and each fetch shakes hands anew
        assert f"host: up.example:{upstream.port}".encode() in upstream.requests[0].lower()


@pytest.mark.parametrize("host, names", [("up.example", ["other.example", "up.example"]),
                                         ("up.example", ["UP.example"]),
                                         ("a.up.example", ["*.up.example"])])
def test_other_ways_to_name_the_host(fetch, authority, host, names):
    with TlsUpstream(authority.issue(*names)) as upstream:
        assert fetch(upstream, host) == 0


REFUSED = {
    "for another name": {"names": ["other.example"]},
    "for a name above": {"names": ["example"]},
    "for a name below": {"names": ["a.up.example"]},
    "for a wildcard below": {"names": ["*.up.example"]},
    "expired": {"names": ["up.example"], "start": -30, "days": 29},
    "not valid yet": {"names": ["up.example"], "start": 1},
    "signed by itself": {"names": ["up.example"], "self_signed": True},
    "for clients only": {"names": ["up.example"], "usage": ExtendedKeyUsageOID.CLIENT_AUTH},
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_certificate_that_is_wrong_in_one_point(fetch, authority, why):
    options = dict(REFUSED[why])
    with TlsUpstream(authority.issue(*options.pop("names"), **options)) as upstream:
        assert fetch(upstream) == TRANSPORT
        assert upstream.requests == []


def test_an_authority_that_only_sounds_right(fetch, stranger):
    with TlsUpstream(stranger.issue("up.example")) as upstream:
        assert fetch(upstream) == TRANSPORT
        assert upstream.requests == []


def test_no_authority_of_the_tests_is_in_the_systems_list(fetch, authority):
    with TlsUpstream(authority.issue("up.example")) as upstream:
        assert fetch(upstream, EXT_EGRESS_CA_FILE=None) == TRANSPORT
        assert upstream.requests == []


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("most, code", [(ssl.TLSVersion.TLSv1_1, TRANSPORT), (ssl.TLSVersion.TLSv1_2, 0)])
def test_no_older_tls_than_1_2(fetch, authority, most, code):
    certificate = authority.issue("up.example")
    with TlsUpstream(certificate, most=most, ciphers="ALL:@SECLEVEL=0") as upstream:
        assert fetch(upstream) == code

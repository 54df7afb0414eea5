# SPDX-License-Identifier: Apache-2.0
"""Does a running runner treat the requests of tests/hostile/http as their files say?

The layer below is tested byte by byte in src/http; here it is the real front behind a real socket.
A right request may be refused by the front (there is no such path, that body is no JSON), but the
connection must live on and the next request be answered; a wrong one ends the connection."""
import pathlib
import re

import pytest

from support import net

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "hostile/http"
FILES = sorted(path.name for path in FOLDER.glob("*.txt"))
SENTINEL = b"GET /healthz HTTP/1.1\r\nHost: s\r\n\r\n"
PLAIN = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\"}


def unescape(text):
    def one(match):
        if match["times"]:
            return int(match["times"]) * unescape(match["text"]).decode("latin-1")
        if match["hex"]:
            return chr(int(match["hex"], 16))
        return PLAIN[match["letter"]].decode()
    pattern = r"\\(?:\{(?P<times>\d+):(?P<text>[^}]*)\}|x(?P<hex>..)|(?P<letter>.))"
    return re.sub(pattern, one, text).encode("latin-1")


def entries(name):
    found = []
    for line in (FOLDER / name).read_text().splitlines():
        key, _, value = line.partition(" ")
        if key == "==":
            found.append({"name": value, "wrong": "", "right": "", "before": 0, "answers": 1})
        elif key in ("wrong", "right"):
            found[-1][key] += value
        elif line and not line.startswith("#"):
            found[-1][key] = int(value) if value.isdigit() else value
    return found


def aimed(text, token):
    """The request's bytes, aimed at the one path whose bodies the front reads."""
    start = b"POST /v1/execute HTTP/1.%d\r\nHost: a\r\nAuthorization: Bearer " + token + b"\r\n"
    data = unescape(text)
    for minor in (0, 1):
        data = data.replace(b"POST / HTTP/1.%d\r\nHost: a\r\n" % minor, start % minor)
    return data


def read_all(port, pieces):
    return [one for one in net.answers(net.exchange(port, pieces)) if one.status != 100]


def refused(runner, entry, pieces):
    found = read_all(runner.port, [*pieces, SENTINEL])
    return (len(found) == entry["before"] + 1 and 400 <= found[-1].status < 500 and
            found[-1].header("connection") == "close" and
            all(one.header("connection") is None for one in found[:-1]))


def accepted(runner, entry, data):
    with net.Raw(runner.port) as raw:
        raw.send(data)
        for _ in range(entry["answers"]):
            while (answer := raw.answer()).status == 100:
                pass
            if entry.get("closes") is None and answer.header("connection") == "close":
                return False
        if entry.get("closes"):
            return raw.closed()
        raw.send(SENTINEL)
        return raw.answer().status == 200


def test_there_are_enough():
    assert sum(len(entries(name)) for name in FILES) >= 200


@pytest.mark.parametrize("name", FILES)
def test_wrong_is_refused(runner, name):
    token = runner.token.encode()
    bad = []
    for entry in entries(name):
        data = aimed(entry["wrong"], token)
        bytewise = [data[at:at + 1] for at in range(len(data))] if len(data) < 300 else [data]
        if not refused(runner, entry, [data]) or not refused(runner, entry, bytewise):
            bad.append(entry["name"])
    assert not bad


@pytest.mark.parametrize("name", FILES)
def test_right_is_answered_and_the_connection_lives_on(runner, name):
    token = runner.token.encode()
    bad = [entry["name"] for entry in entries(name)
           if not accepted(runner, entry, aimed(entry["right"], token))]
    assert not bad

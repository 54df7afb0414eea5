# SPDX-License-Identifier: Apache-2.0
"""Do the published schema and the programs say the same about every manifest?"""
import copy
import json
import os
import pathlib
import random
import subprocess
from concurrent.futures import ThreadPoolExecutor

from support.json_schema import Schema
from support.runner import BARE_ENVIRONMENT, BIN

ROOT = pathlib.Path(__file__).resolve().parents[2]
LONG = os.environ.get("ANNEX_TEST_LONG") == "1"
SEED = int(os.environ.get("ANNEX_TEST_SEED", "1"))
SCHEMA = Schema(json.loads((ROOT / "api/manifest.schema.json").read_text()))

WHOLE = {
    "$schema": "x", "name": "com.acme.hello", "publisher": "acme", "version": "1.2.3",
    "runtime": "core@1", "entry": "entry.wasm", "capabilities": ["cap:http.fetch", "a.b"],
    "egress": ["api.acme.com", "*.acme.net:8443"], "headers": ["x-a"],
    "api": {"endpoints": [
        {"method": "GET", "path": "/greet/:name", "handler": "greet", "permission": "read",
         "timeout_ms": 2000},
        {"method": "POST", "path": "/p", "handler": "p", "schedulable": True}]},
    "ui": {"type": "iframe", "entry": "ui/index.html", "hooks": {"a": {"b": 1}}, "spa": True,
           "routes": [{"path": "/a", "iframePath": "ui/b"}], "sandbox": ["allow-forms"]},
    "events": [{"topic": "a.b", "handler": "h"}],
    "schedules": [{"endpoint": "/p", "cron": "0 5 * * *", "timezone": "Europe/Berlin", "name": "n",
                   "enabled": True, "payload": 1}],
    "config": {"k": {"type": "string", "default": "a", "required": False, "description": "d"},
               "e": {"type": "enum", "values": ["a", "b"]}, "n": {"type": "number", "default": 1.5},
               "b": {"type": "boolean", "default": True}},
    "limits": {"memory_mb": 64, "cpu_ms": 500, "timeout_ms": 1000}, "instances": {"reuse": False},
    "assets": ["data/**", "a*/?.js"], "precompiled": {"x86_64": "precompiled/a.cwasm"},
    "sbom": "sbom.json", "display_name": "D", "description": "x\ny", "homepage": "https://a.b/",
    "license": "MIT", "icon": "ui/icon.svg"}

WORDS = """a A a.b a..b .a a/b /a / //a /a/ a- - _ 1 01 1.2.3 1.2.3-a.1+b 1.2.3-01 1.2 v1.2.3 core@1
component@1 core@2 entry.wasm a#b a# #a ui/a ui/ ui precompiled/a manifest.json manifest.json#x ../a
a/../b a/.h a\\b C:\\a * ** a** **/a a/**/b a?b *a* http.fetch http.fetsh HTTP.fetch x.y cap:x.y
cap:cap:x.y ui.all 1a.b *.com *.a.com a.*.com A.com a.com:0 a.com:1 a.com:65535 a.com:65536 a.com:
http://a.com https://a.com:1 ftp://a a.com/ 1.2.3.4 0x7f.1 a.0x1 a.1 1.a -a.com [::1] u@a localhost
authorization Cookie x-alga- X-Annex-B Host tea GET get HEAD DELETE /:a /: /:a-b /:a_b /:a/:b /a:b
/. /.. /a/.. /..a /.a /%2f /a?b /a#b /a* /a;b=c iframe allow-scripts allow-same-origin @daily UTC
Etc/GMT+1 +a string enum https:// https://a javascript:a a:b""".split() + [
    "", "a b", " a", "a ", "0 5 * * *", "* * * *", "*/5 0-3 1,2 * MON", "é", "a\0", "a\nb", "a\n",
    "a\x7f", "a\x85b", "\u2028", "😀", "http://a b", "https://é", "a" * 64, "a" * 65,
    "a" * 63 + ".b", "a" * 64 + ".b", "a" * 128, "a" * 129, "x" * 256, "x" * 257, "/" + "x" * 128,
    "/" + "x" * 129, "/".join("a" * 16), "/".join("a" * 17), "ui/" + "/".join("a" * 15),
    "ui/" + "/".join("a" * 16), "/" + "/".join("a" * 16), "/" + "/".join("a" * 17),
    "/".join(["a" * 127] * 4), "/".join(["a" * 127] * 4) + "b", "é" * 128, "é" * 129, "d" * 512,
    "d" * 513, "é" * 4096, "d" * 4097]
VALUES = WORDS + [None, True, False, 0, 1, -1, 256, 257, 10000, 10001, 30000, 30001, 10 ** 20, 1.5,
                  [], {}, ["a"], ["a", "a"], [1], {"a": 1}, {"wasm": "a"}, {"wasm": "a", "b": 1},
                  {"type": "string"}, {"type": "enum"}, [{}]]


def places(value, place=()):
    if place:
        yield place
    inner = value.items() if isinstance(value, dict) else \
        enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, place + (key,))


def changed(place, change):
    """WHOLE with change(container, key) at `place`."""
    manifest = copy.deepcopy(WHOLE)
    inner = manifest
    for key in place[:-1]:
        inner = inner[key]
    change(inner, place[-1])
    return manifest


def every_case():
    yield WHOLE
    for place in places(WHOLE):
        yield changed(place, lambda inner, key: inner.__delitem__(key))
        for value in VALUES:
            yield changed(place, lambda inner, key: inner.__setitem__(key, value))
        for word in WORDS:
            yield changed(place, lambda inner, key: isinstance(inner[key], list) and
                          inner[key].append(word))
            yield changed(place, lambda inner, key: isinstance(inner[key], dict) and
                          inner[key].__setitem__(word, "a"))


def beyond_schemas(manifest):
    """What a schema cannot say (api/bundle-format.md, Manifest)."""
    capabilities, headers = manifest.get("capabilities"), manifest.get("headers")
    names = [str(one).removeprefix("cap:") for one in capabilities or []] + \
        ["header " + str(one).lower() for one in headers or []]
    return len(set(names)) != len(names)


def accepted(folder, manifest):
    """Whether `annex pack` finds no fault in the manifest itself."""
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    done = subprocess.run([BIN / "annex", "pack", folder, "-o", folder / "b.tar.zst", "--json"],
                          env=BARE_ENVIRONMENT, capture_output=True, text=True, timeout=60)
    error = json.loads(done.stdout).get("error", {})
    return error.get("code") not in ("invalid_manifest", "unknown_capability") or \
        "does not hold" in error["message"]  # the manifest is fine, the folder is not


def test_schema_and_programs_agree(tmp_path):
    cases = list(every_case())
    random.Random(SEED).shuffle(cases)
    chosen = [WHOLE] + cases[:2000 if LONG else 100]
    with ThreadPoolExecutor(2) as pool:
        verdicts = list(pool.map(lambda pair: accepted(tmp_path / str(pair[0]), pair[1]),
                                 enumerate(chosen)))
    assert verdicts[0] and len(set(verdicts)) == 2
    for manifest, verdict in zip(chosen, verdicts):
        fits = SCHEMA.fits(manifest) and not beyond_schemas(manifest)
        assert fits == verdict, [(key, manifest.get(key)) for key in {*WHOLE, *manifest}
                                 if manifest.get(key) != WHOLE.get(key)]

# SPDX-License-Identifier: Apache-2.0
"""What does the fuzzer start from? `seeds.py NAME FOLDER` writes the seeds of one target.

A seed opens a part of the grammar; it need not be clever, the fuzzer is.
"""
import base64
import io
import json
import pathlib
import re
import sys
import tarfile


def json_seeds():
    values = ["null", "true", "false", "0", "-0", "1.5e-3", "9007199254740993", "1e308",
              "18446744073709551615", "-9223372036854775808", '""', '"a\\"\\\\\\/\\b\\f\\n\\r\\t"',
              '"\\u00e4\\ud83d\\ude00"', '"ä😀"', '"\\ud800"', "[]", "{}", "[1,[2,{}],{}]"]
    yield from values
    yield "[" + ",".join(value for value in values if "ud800" not in value) + "]"
    yield '{"a":1,"a":1}'
    yield '{"a":1,"\\u0061":2,"b":{"c":{}}}'
    yield '{"context":{"tenant_id":"t","config":{}},"http":{"query":[["k","v"]],"body_b64":""}}'
    for depth in (7, 8, 9):
        yield "[" * depth + "]" * depth
        yield '{"a":' * depth + "1" + "}" * depth
    for count in (4, 5, 64, 65, 199, 200, 201):
        yield "{" + ",".join(f'"key{index}":[]' for index in range(count)) + "}"
        yield "{" + ",".join(f'"key{index}":0' for index in range(count)) + ',"key0":0}'
    yield b"\xef\xbb\xbf[]"
    yield b'"\xed\xa0\x80"'
    yield b'"\xc0\x80"'


def base64_seeds():
    for size in (0, 1, 2, 3, 4, 23, 24, 47, 48, 63, 64, 100):
        text = base64.b64encode(bytes(range(size)))
        yield text
        yield text[:-1] + b"="
        yield b"\n" + text
        yield bytes(range(size)).hex()


def settings_seeds():
    yield "\0001\0RUNNER_QUEUE_MAX\00035\0RUNNER_OFFLINE\0002true\0"
    yield "\0002\0CACHE_ROOT\0001.x\0STORAGE_S3_SECRET_KEY\0003key\0"
    yield "\00032\0EXECUTION_TOKEN_KEY\0002key\0"
    yield "\1--runner-workers=3\n--signing-policy=off\n--check"
    yield "\1--runner-worker=3\n--help"
    yield "\2RUNNER_LISTEN=unix:x\nPORT=80\nHOME=x\nRUNNER_SERVICE_TOKEN=0123456789abcdef"
    yield "\2RUNNER_LISTN=x\nSTATE_DIR=\nRUNNER_PORT_80_TCP=x\nANNEX_LOG_LEVEL=warn"
    yield "\2RUNNER_SERVICE_TOKEN_FILE=x\nEXT_CACHE_MAX_BYTES=1048576"


def url_seeds():
    yield from ("https://api.acme.com", "HTTP://A.b:8080/p/%41?q=[1]&r={z}", "http://a?b/c?d",
                "https://user@a.example/", "http://127.0.0.1/", "http://0x7f.1/", "http://[::1]/",
                "http://2130706433/", "http://a.0x/", "https://xn--bcher-kva.example:65535/",
                "https://a.example/#f", "http://a\\@b/", "*.acme.com:8443", "http://*.a.b", "a.b",
                "https://" + "a." * 126 + "a/", "http://" + "b" * 63 + ".c/")


def request_seeds():
    """Every text of the hostile corpus, wrong and right."""
    folder = pathlib.Path(__file__).resolve().parents[1] / "hostile/http"
    plain = {"r": "\r", "n": "\n", "t": "\t", "0": "\0", "\\": "\\"}
    escape = re.compile(r"\\(?:\{(\d+):([^}]*)\}|x(..)|(.))")

    def unescape(text):
        return escape.sub(lambda m: min(int(m[1]), 300) * unescape(m[2]) if m[1] else
                          chr(int(m[3], 16)) if m[3] else plain[m[4]], text)
    for file in sorted(folder.glob("*.txt")):
        texts = {}
        for line in [*file.read_text().splitlines(), "=="]:
            key, _, value = line.partition(" ")
            if key in ("wrong", "right"):
                texts[key] = texts.get(key, "") + value
            elif key == "==":
                yield from (b"\7" + unescape(text).encode("latin-1") for text in texts.values())
                texts = {}


MANIFEST = {
    "$schema": "x", "name": "com.acme.hello", "publisher": "acme", "version": "1.2.3-a+b",
    "runtime": "wasm-js@1", "entry": {"wasm": "a.wasm#m"}, "capabilities": ["cap:http.fetch", "a.b"],
    "egress": ["*.acme.com:8443", "http://a.b"], "headers": ["X-A"], "api": {"endpoints": [
        {"method": "GET", "path": "/a/:b", "handler": "h", "permission": "p", "timeout_ms": 1},
        {"method": "POST", "path": "/", "handler": "h", "schedulable": True}]},
    "ui": {"type": "iframe", "entry": "ui/a.html", "hooks": {"a": {"b": [1]}}, "spa": True,
           "routes": [{"path": "/a", "iframePath": "ui/b"}], "sandbox": ["allow-forms"]},
    "events": [{"topic": "a", "handler": "h"}], "instances": {"reuse": True},
    "schedules": [{"endpoint": "/", "cron": "*/5 * * * *", "timezone": "UTC", "payload": {}}],
    "config": {"a": {"type": "enum", "values": ["x", "y"], "default": "x"},
               "b": {"type": "number", "default": 1.5, "required": True, "description": "d"}},
    "limits": {"memory_mb": 64, "cpu_ms": 5, "timeout_ms": 9}, "assets": ["a/**/*.t?t", "**"],
    "precompiled": {"x": "p/a"}, "sbom": "s", "display_name": "D", "description": "d",
    "homepage": "https://a", "license": "MIT", "icon": "ui/i"}


def manifest_seeds():
    required = {key: MANIFEST[key] for key in ("name", "publisher", "version", "runtime")}
    yield json.dumps(MANIFEST)
    yield json.dumps(required)
    for key in MANIFEST:
        yield json.dumps({**required, key: MANIFEST[key]})


def tar_archive(names, **how):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", **how) as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(name)
            archive.addfile(member, io.BytesIO(name.encode()))
    return out.getvalue()


def archive_seeds():
    """After a 1 an archive that the target compresses, after a 0 bytes of a frame."""
    long = "ui/" + "/".join(["a" * 90] * 4)
    for names in (["manifest.json"], ["manifest.json", "entry.wasm", "ui/index.html"],
                  ["manifest.json", long], ["manifest.json", "a", "A"], ["a", "manifest.json"],
                  ["manifest.json", "../a"]):
        for form in (tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
            if form != tarfile.USTAR_FORMAT or long not in names:
                yield b"\1" + tar_archive(names, format=form)[:8192]
    for flags in (0x04, 0x24, 0x44, 0x64, 0xa4, 0xc4, 0x00, 0x05):
        yield b"\0\x28\xb5\x2f\xfd" + bytes([flags, 0x58, 1, 0, 0, 0, 0, 0, 0, 0])
    yield b"\0\x50\x2a\x4d\x18\4\0\0\0abcd"


def envelope_seeds():
    digest = "sha256:" + 64 * "0"
    statement = {"purpose": "annex-bundle-v1", "name": "a.b", "version": "1.0.0", "size": 1,
                 "content_hash": digest, "files": {"manifest.json": digest},
                 "created": "2026-01-01T00:00:00Z"}
    signature = base64.b64encode(bytes(64)).decode()
    for more in ({}, {"expires": "2027-01-01T00:00:00Z"},
                 {"files": {"manifest.json": digest, "entry.wasm": digest}}, {"size": 2 ** 26}):
        payload = base64.b64encode(json.dumps({**statement, **more}).encode()).decode()
        for count in (1, 2, 8, 9):
            yield json.dumps({
                "payload": payload, "payloadType": "application/vnd.annex.bundle+json",
                "signatures": [{"keyid": f"{index:064x}", "sig": signature}
                               for index in range(count)]})


def trust_seeds():
    """A key of each kind, and a certificate."""
    blocks = [("PUBLIC KEY", "302a300506032b6570032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62"
                             "325af021a68f707511a"),
              ("PUBLIC KEY", "3059301306072a8648ce3d020106082a8648ce3d0301070342000460fed4ba255a9d31"
                             "c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9"
                             "e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"),
              ("PUBLIC KEY", "302a300506032b6570032100" + 64 * "0"),
              ("CERTIFICATE", "3082000030820000")]
    texts = []
    for label, der in blocks:
        text = base64.b64encode(bytes.fromhex(der)).decode()
        lines = [text[at:at + 64] for at in range(0, len(text), 64)]
        texts.append("\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]))
    yield from texts
    yield "a note\n" + texts[0] + texts[1]
    yield texts[0] + texts[0]
    yield texts[0].replace("\n", "\r\n")


def jwt_seeds():
    """After an h a header, after a p a payload, after a k a key set, after an r a setting of roles."""
    claims = {"iss": "i", "aud": "a", "sub": "s", "exp": 1000000}
    for more in ({}, {"tenant": "t", "roles": ["r", "extension:e.x:p"], "x": [1, {"z": None}], "y": "y"},
                 {"aud": ["b", "a"], "nbf": 999999, "iat": 1, "roles": "a b", "email": "e", "name": "n"},
                 {"exp": 2 ** 64 - 1}, {"user_type": "u", "client_name": "c", "client_id": "\u0000"}):
        yield "p" + json.dumps({**claims, **more})
    for more in ({}, {"typ": "JWT"}, {"kid": "k"}, {"crit": []}, {"jku": "u"}, {"cty": "JWT"}):
        yield "h" + json.dumps({"alg": "ES256", **more})
    point = {"kty": "EC", "crv": "P-256", "x": "Gd9Vdbsy3CPUPHqCT7g_WL6K5ocKNktjbhx-z1cilMo",
             "y": "DLc5nr_EjW7GCPGqZyxNw2yhxas6Pd_WL9JeY4LZ0qo"}
    rsa = {"kty": "RSA", "n": "_" * 341 + "w", "e": "AQAB"}
    for keys in ([point], [rsa], [point, {**rsa, "kid": "a", "alg": "PS256", "use": "sig"}],
                 [{**point, "key_ops": ["verify"]}, {"kty": "oct", "k": "AA"}], [{**point, "d": "AA"}]):
        yield "k" + json.dumps({"keys": keys})
    yield from ("rr=p", "rviewer=read;r=read,write;a=*", "rr=*", " a.b.c", "-ZXlK.e30.AAAA")


def ext_path_seeds():
    yield from ("", "/", "/com.acme.hello", "/x/", "/x/a%20b/%C3%A4/~%7e", "/x//a", "/x/a/", "/x/%2e%2e",
                "/x/%2f%5c%00", "/x/..", "/x/%25", "/x/:p;a=b", "//x", "/" + "s/" * 70)


def model_seeds():
    def text(value):
        value = value if isinstance(value, bytes) else value.encode()
        return len(value).to_bytes(4, "little") + value

    def frame(kind, payload):
        return bytes([kind]) + len(payload).to_bytes(2, "little") + payload
    manifest = '{"name":"a.b","publisher":"p","version":"1.0.0","runtime":"core@1"}'
    serial = (1).to_bytes(8, "little")
    extension = text("e") + text("a.b") + text("p")
    version = text("v") + text("e") + text("1.0.0") + text(bytes(32)) + text(manifest)
    one = (1).to_bytes(4, "little")
    install = (text("i") + text("t") + text("e") + text("v") + b"\1" + text('{"a":1}') + one +
               text("http.fetch") + one + text("a.b"))
    revoked = b"\1" + text(bytes(32))
    gone = [b"\1" + text("e"), b"\2" + text("v"), b"\3" + text("i"), b"\4" + text(bytes(32))]
    yield from (serial, extension, version, install, revoked, *gone)
    yield b"".join([frame(96, serial), frame(97, extension), frame(98, version), frame(99, install),
                    frame(102, serial), frame(101, revoked), *(frame(100, part) for part in gone[::-1]),
                    frame(96, serial), frame(99, install), frame(102, serial)])


def main():
    name, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for index, seed in enumerate(globals()[name + "_seeds"]()):
        text = seed if isinstance(seed, bytes) else seed.encode()
        (folder / f"seed-{index:03}").write_bytes(text)


if __name__ == "__main__":
    main()

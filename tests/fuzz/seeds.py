# SPDX-License-Identifier: Apache-2.0
"""What does the fuzzer start from? `seeds.py NAME FOLDER` writes the seeds of one target.

A seed opens a part of the grammar; it need not be clever, the fuzzer is.
"""
import base64
import pathlib
import re
import sys


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


def main():
    name, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for index, seed in enumerate(globals()[name + "_seeds"]()):
        text = seed if isinstance(seed, bytes) else seed.encode()
        (folder / f"seed-{index:03}").write_bytes(text)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""Which bundles does a runner refuse to run? Each is refused with a code, leaves nothing in the cache,
and has a twin that differs in the offence alone and runs."""
import datetime
import itertools
import json
import tarfile

import pytest

from support import bundles, wait
from support.bundles import Key, archive, compress, envelope, member, statement

REJECTED = (502, "bundle_rejected")


@pytest.fixture(scope="module")
def plain(guests):
    folder = guests("plain")
    return (folder / "manifest.json").read_bytes(), (folder / "entry.wasm").read_bytes()


class Bench:
    """Makes a bundle, hands it to the runner, says what came of it."""

    serials = itertools.count()

    def __init__(self, runner, store, key, plain, handler="x"):
        self.runner, self.store, self.key, self.handler = runner, store, key, handler
        self.manifest, self.entry = plain

    def members(self, *more):
        """A good archive's members, made unique, so that every bundle has a hash of its own."""
        serial = b"%d %s" % (next(self.serials), self.runner.token.encode())
        return [member("manifest.json", self.manifest), member("entry.wasm", self.entry),
                member("ui/serial.txt", serial), *more]

    def bundle(self, *more):
        return compress(archive(self.members(*more)))

    def put(self, bundle, *keys, said=None, content_hash=None, **changes):
        said = said or statement(bundle, self.manifest, self.entry, **changes)
        return self.store.put(bundle, envelope(said, *(keys or [self.key])), content_hash)

    def run(self, content_hash):
        return self.runner.execute(content_hash, self.handler)

    def accepts(self, bundle, *keys, **changes):
        result = self.run(self.put(bundle, *keys, **changes))
        assert result.code is None and json.loads(result.body) == {"plain": True}, result

    def refuses(self, content_hash, wanted=REJECTED):
        result = self.run(content_hash)
        assert (result.http_status, result.code) == wanted, result
        assert result.started is False
        left = self.runner.folder / "cache" / content_hash.removeprefix("sha256:")
        assert not left.exists(), left


@pytest.fixture
def bench(runner, store, key, plain):
    return Bench(runner, store, key, plain)


# --- hash and signature ------------------------------------------------------------------------

def test_flipped_bits_are_refused_wherever_they_are(bench):
    bundle = bench.bundle()
    bench.accepts(bundle)
    for at in [0, 1, 5, len(bundle) // 3, len(bundle) // 2, len(bundle) - 1]:
        changed = bytearray(bundle)
        changed[at] ^= 1 << (at % 8)
        said = statement(bundle, bench.manifest, bench.entry)
        bench.refuses(bench.put(bytes(changed), said=said, content_hash=f"sha256:{at:064x}"))
        # Under its own hash, but with the statement about the other bytes.
        bench.refuses(bench.put(bytes(changed), said=said))


def test_truncated_and_extended_bytes_are_refused(bench):
    bundle = bench.bundle()
    bench.accepts(bundle)
    for changed in (bundle[:-1], bundle[:len(bundle) // 2], bundle[:1], b"", bundle + b"\0"):
        bench.refuses(bench.put(changed, said=statement(changed, bench.manifest, bench.entry)))


def test_a_signature_of_a_trusted_key_is_needed(bench, store):
    bundle = bench.bundle()
    content_hash = store.put(bundle, None)
    bench.refuses(content_hash, (503, "bundle_unavailable")
                  if bench.run(content_hash).http_status == 503 else REJECTED)
    other = Key()
    bench.refuses(bench.put(bench.bundle(), other))
    bench.accepts(bench.bundle(), other, bench.key)
    bench.accepts(bench.bundle(), bench.key, other)


def test_p256_signatures_count_as_well(make_runner, store, plain):
    key = Key("p256")
    bench = Bench(make_runner(trust=key.public_pem), store, key, plain)
    bench.accepts(bench.bundle())
    bench.refuses(bench.put(bench.bundle(), Key("p256")))


def test_a_bad_signature_under_a_trusted_key_id_is_refused(bench):
    bundle = bench.bundle()
    said = statement(bundle, bench.manifest, bench.entry)
    signed = json.loads(envelope(said, bench.key))
    liar = json.loads(envelope(said, Key()))
    signed["signatures"][0]["sig"] = liar["signatures"][0]["sig"]
    bench.refuses(bench.store.put(bundle, json.dumps(signed).encode()))
    bench.accepts(bench.bundle())


STATEMENTS = {
    "purpose": {"purpose": "annex-bundle-v2"}, "name": {"name": "com.example.other"},
    "version": {"version": "1.0.1"}, "size": {"size": 1}, "hash": {"content_hash": "sha256:" + "0" * 64},
    "manifest digest": {"files": {"manifest.json": "0" * 64, "entry.wasm": "0" * 64}},
    "no purpose": {"purpose": None}, "no size": {"size": None}, "no created": {"created": None},
    "another member": {"other": 1}, "size as text": {"size": "1000"},
    "created without zone": {"created": "2026-01-01T00:00:00"},
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_statement_must_be_about_exactly_this_bundle(bench, name):
    bench.refuses(bench.put(bench.bundle(), **STATEMENTS[name]))
    bench.accepts(bench.bundle())


def test_expiry_counts_with_a_minute_of_skew(bench):
    now = datetime.datetime.now(datetime.timezone.utc)

    def at(seconds):
        return bundles.timestamp(now + datetime.timedelta(seconds=seconds))
    bench.accepts(bench.bundle(), created=at(-1000), expires=at(600))
    bench.accepts(bench.bundle(), created=at(-1000), expires=at(-20))
    bench.refuses(bench.put(bench.bundle(), created=at(-1000), expires=at(-120)))


def test_envelope_is_read_strictly(bench):
    bundle = bench.bundle()
    said = statement(bundle, bench.manifest, bench.entry)
    good = envelope(said, bench.key)
    for broken in (good[:-1], good + b"x", b"[" + good + b"]", b"{}", b"",
                   good.replace(b'"payloadType"', b'"payloadtype"'),
                   envelope(said, bench.key, payload_type="application/json"),
                   json.dumps({**json.loads(good), "signatures": []}).encode(),
                   json.dumps({**json.loads(good), "extra": 1}).encode()):
        bundle = bench.bundle()
        bench.refuses(bench.store.put(bundle, broken))
    bench.accepts(bench.bundle())


# --- archive -----------------------------------------------------------------------------------

def page(name, data=b"x", **changes):
    return member(name, data, **changes)


def raw_header(info_data, **bytes_at):
    """Changes bytes of a header by hand (offset -> bytes) and sums it anew."""
    info, data = info_data
    header = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
    for at, value in bytes_at.items():
        offset = int(at[1:])
        header[offset:offset + len(value)] = value
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + data + bytes(-len(data) % 512)


NAMES = {  # refused, and its accepted twin
    "ui/../entry.wasm": "ui/a-/entry.wasm", "/ui/a": "ui/a", "ui//a": "ui/b", "ui/./a": "ui/x/a",
    "../a": "ui/aa", "ui/a\\b": "ui/a_b", "ui/a b": "ui/a+b", "ui/.hidden": "ui/hidden.",
    "ui/caf\u00e9": "ui/cafe", "C:/a": "ui/c/a", "ui/a:b": "ui/a@b", "ui/a\x01": "ui/a1",
    "ui/" + "n" * 90 + "/" + "a" * 129: "ui/" + "n" * 90 + "/" + "a" * 99,
    "ui/" + "d/" * 15 + "a": "ui/" + "d/" * 14 + "a", "readme.txt": "ui/readme.txt",
    "precompiled/x86_64.cwasm": "ui/x86_64.cwasm", "entry2.wasm": "ui/entry2.wasm", "ui": "ui/u",
}


def tar_block(name, data=b"x"):
    """A member with a name that tarfile's ustar might refuse to write: split by hand."""
    encoded = name.encode()
    info = tarfile.TarInfo("x")
    info.size, info.mode = len(data), 0o644
    prefix, short = b"", encoded
    if len(encoded) > 100:
        cut = encoded.rindex(b"/", 0, 156)
        prefix, short = encoded[:cut], encoded[cut + 1:]
    if len(short) > 100:
        return pax_block({"path": name}) + raw_header((info, data))
    return raw_header((info, data), a0=short.ljust(100, b"\0"), a345=prefix.ljust(155, b"\0"))


def pax_block(records, kind=b"x"):
    body = b""
    for field, value in records.items():
        line = f" {field}={value}\n".encode()
        size = len(line) + 1
        while len(str(size)) + len(line) != size:
            size += 1
        body += str(size).encode() + line
    info = tarfile.TarInfo("PaxHeaders/x")
    info.size, info.mode = len(body), 0o644
    return raw_header((info, body), a156=kind)


def archive_with(bench, blocks):
    """A good archive with raw blocks before its end."""
    return compress(archive(bench.members())[:-1024] + blocks + bytes(1024))


@pytest.mark.parametrize("name", NAMES)
def test_names(bench, name):
    bench.refuses(bench.put(archive_with(bench, tar_block(name))))
    bench.accepts(archive_with(bench, tar_block(NAMES[name])))


def test_pax_paths_obey_the_same_rules(bench):
    base = raw_header(page("x"))
    bench.accepts(archive_with(bench, pax_block({"path": "ui/pax.txt"}) + base))
    for path in ("../a", "ui/../a", "/a", "ui/" + "a" * 129, "ui/a\0b"):
        bench.refuses(bench.put(archive_with(bench, pax_block({"path": path}) + base)))
    bench.refuses(bench.put(archive_with(bench, pax_block({"linkpath": "a"}) + base)))
    bench.refuses(bench.put(archive_with(bench, pax_block({"path": "ui/g"}, b"g") + base)))
    bench.refuses(bench.put(archive_with(bench, pax_block({"path": "ui/g"}))))


@pytest.mark.parametrize("kind", [bytes([k]) for k in b"1234567SLKDMNVAg?\x01\xff"])
def test_only_regular_files(bench, kind):
    bench.refuses(bench.put(archive_with(bench, raw_header(page("ui/kind", b""), a156=kind))))
    bench.accepts(archive_with(bench, raw_header(page("ui/kind", b""), a156=b"0")))


def test_no_two_files_of_one_name(bench):
    bench.accepts(bench.bundle(page("ui/a.txt"), page("ui/b.txt")))
    for first, second in (("ui/a.txt", "ui/a.txt"), ("ui/A.txt", "ui/a.txt"), ("ui/B/x", "ui/b/y"),
                          ("ui/a", "ui/a/b"), ("ui/a/b", "ui/a")):
        bundle = bench.bundle(page(first), page(second))
        if (first, second) == ("ui/B/x", "ui/b/y"):
            bench.accepts(bundle)  # the folders differ in case, the files differ in name
        else:
            bench.refuses(bench.put(bundle))
    bench.refuses(bench.put(bench.bundle(page("manifest.json", bench.manifest))))


def test_number_of_files(bench):
    def many(count):
        return bench.bundle(*[page(f"ui/{i}", b"") for i in range(count - 3)])
    bench.accepts(many(4096))
    bench.refuses(bench.put(many(4097)))


def test_headers_must_be_exact(bench):
    good = raw_header(page("ui/h.txt"))
    bench.accepts(archive_with(bench, good))
    info, data = page("ui/h.txt")
    wrong_sum = bytearray(good)
    wrong_sum[150] ^= 1
    for broken in (bytes(wrong_sum), raw_header((info, data), a257=b"ustar  \0"),
                   raw_header((info, data), a257=bytes(8)),
                   raw_header((info, data), a124=b"\x80" + bytes(10) + b"\x01"),
                   raw_header((info, data), a124=b"-0000000001\0"),
                   raw_header((info, data), a124=b"77777777777\0")):
        bench.refuses(bench.put(archive_with(bench, broken)))


def test_nothing_around_the_archive(bench):
    good = archive(bench.members())
    bench.accepts(compress(good))
    more = archive(bench.members())
    for broken in (compress(more[:-1024]), compress(more[:-512]), compress(more[:-1536]),
                   compress(more + archive(bench.members())), compress(more + b"x" * 512),
                   compress(more) + compress(b""), compress(more) + b"\x50\x2a\x4d\x18\x00\x00\x00\x00",
                   b"\x50\x2a\x4d\x18\x00\x00\x00\x00" + compress(more), more, b"\x1f\x8b" + more):
        bench.refuses(bench.put(broken))


def test_compression_has_a_checksum_and_a_small_window(bench):
    def one(*options):
        return compress(archive(bench.members()), *options)
    bench.accepts(one("--long=23"))
    bench.refuses(bench.put(one("--no-check")))
    bench.refuses(bench.put(one("--long=24")))
    bench.refuses(bench.put(one("--long=31")))


def test_bombs(bench):
    mib = 1 << 20
    bench.accepts(bench.bundle(page("ui/zeros", bytes(8 * mib))))
    bomb = bench.bundle(page("ui/1", bytes(128 * mib)), page("ui/2", bytes(128 * mib)))
    assert len(bomb) < mib
    bench.refuses(bench.put(bomb))


def test_manifest_comes_first_and_once(bench):
    manifest, entry, serial = bench.members()
    bench.accepts(compress(archive([manifest, entry, serial])))
    manifest, entry, serial = bench.members()
    bench.refuses(bench.put(compress(archive([entry, manifest, serial]))))
    bench.refuses(bench.put(compress(archive([entry, serial]))))
    bench.refuses(bench.put(compress(archive([manifest, manifest, entry, serial]))))
    bench.refuses(bench.put(compress(archive([manifest, serial]))))  # says it has a module


# --- manifest ----------------------------------------------------------------------------------

def endpoint(**changes):
    return {"api": {"endpoints": [{"method": "GET", "path": "/a/:b", "handler": "h", **changes}]}}


MANIFESTS = {  # what is changed: refused, accepted
    "no name": ({"name": None}, {"display_name": "x"}),
    "name of one segment": ({"name": "hello"}, {"name": "com.hello"}),
    "name in capitals": ({"name": "com.Hello"}, {"name": "com.h-2"}),
    "long name": ({"name": "com." + "a" * 125}, {"name": "com." + "a" * 124}),
    "no publisher": ({"publisher": None}, {"publisher": "acme"}),
    "no version": ({"version": None}, {"version": "0.0.1"}),
    "version of two": ({"version": "1.2"}, {"version": "1.2.3-rc.1+b2"}),
    "version with zeros": ({"version": "01.2.3"}, {"version": "10.2.3"}),
    "version wildcard": ({"version": "1.2.*"}, {"version": "1.2.0"}),
    "no runtime": ({"runtime": None}, {"description": "x"}),
    "unknown runtime": ({"runtime": "core@2"}, {"runtime": "core@1"}),
    "entry outside": ({"entry": "../entry.wasm"}, {"entry": "entry.wasm#handler"}),
    "entry that is not there": ({"entry": "other.wasm"}, {"entry": {"wasm": "entry.wasm"}}),
    "unknown key": ({"extra": 1}, {"homepage": "https://example.com"}),
    "unknown capability": ({"capabilities": ["cap:root"]}, {"capabilities": ["http.fetch"]}),
    "capabilities as text": ({"capabilities": "cap:http.fetch"}, {"capabilities": []}),
    "egress to an address": ({"egress": ["10.0.0.1"]}, {"egress": ["a.example", "*.a.example:8443"]}),
    "header that may not pass": ({"headers": ["cookie"]}, {"headers": ["x-mine"]}),
    "header of ours": ({"headers": ["X-Annex-Y"]}, {"headers": ["X-Anne-Y"]}),
    "method": (endpoint(method="FETCH"), endpoint(method="PATCH")),
    "relative path": (endpoint(path="a"), endpoint(path="/a")),
    "path with dots": (endpoint(path="/a/../b"), endpoint(path="/a/..b")),
    "path with a star": (endpoint(path="/a/*"), endpoint(path="/a/:all")),
    "no handler": (endpoint(handler=None), endpoint(permission="admin")),
    "long handler": (endpoint(handler="h" * 257), endpoint(handler="h" * 256)),
    "time of an endpoint": (endpoint(timeout_ms=30001), endpoint(timeout_ms=30000)),
    "member of an endpoint": (endpoint(extra=1), endpoint(path="/a", schedulable=True)),
    "same endpoint twice": (
        {"api": {"endpoints": [{"method": "GET", "path": "/:a", "handler": "x"},
                               {"method": "GET", "path": "/:b", "handler": "y"}]}},
        {"api": {"endpoints": [{"method": "GET", "path": "/:a", "handler": "x"},
                               {"method": "POST", "path": "/:b", "handler": "y"}]}}),
    "memory": ({"limits": {"memory_mb": 257}}, {"limits": {"memory_mb": 256}}),
    "CPU": ({"limits": {"cpu_ms": 10001}}, {"limits": {"cpu_ms": 10000}}),
    "limit as text": ({"limits": {"cpu_ms": "1"}}, {"limits": {}}),
    "unknown limit": ({"limits": {"fuel": 1}}, {"limits": {"timeout_ms": 100}}),
    "ui entry outside": ({"ui": {"type": "iframe", "entry": "entry.wasm"}},
                         {"ui": {"type": "iframe", "entry": "ui/serial.txt"}}),
    "config type": ({"config": {"a": {"type": "date"}}}, {"config": {"a": {"type": "string"}}}),
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_manifest(runner, store, key, plain, name):
    def bench_with(changes):
        made = {**json.loads(plain[0]), **changes}
        made = {field: value for field, value in made.items() if value is not None}
        for one in made.get("api", {}).get("endpoints", []):
            for field in [field for field, value in one.items() if value is None]:
                del one[field]
        declared = made.get("api", {}).get("endpoints", [])
        handler = declared[0].get("handler", "x")[:256]
        return Bench(runner, store, key, (json.dumps(made).encode(), plain[1]), handler)

    refused, accepted = MANIFESTS[name]
    bench = bench_with(accepted)
    bench.accepts(bench.bundle())
    bench = bench_with(refused)
    said = statement(bundle := bench.bundle(), plain[0], plain[1])
    made = json.loads(bench.manifest)
    said.update(name=made.get("name", "com.example.plain"), version=made.get("version", "1.0.0"))
    said["files"]["manifest.json"] = bundles.sha256(bench.manifest)
    bench.refuses(bench.put(bundle, said=said))


@pytest.mark.parametrize("text, twin", [
    (lambda text: text[:-1] + b',"name":"com.example.plain"}', lambda text: text),
    (lambda text: text + b"{}", lambda text: text + b"\n"),
    (lambda text: text[:-1] + b',"description":"\xff"}', lambda text: text[:-1] + b',"description":"\xc3\xbc"}'),
    (lambda text: text + b" " * (65537 - len(text)), lambda text: text + b" " * (65536 - len(text))),
    (lambda text: b"[" + text + b"]", lambda text: b" " + text),
], ids=["key twice", "two values", "not UTF-8", "64 KiB", "a list"])
def test_manifest_text(runner, store, key, plain, text, twin):
    good = Bench(runner, store, key, (twin(plain[0]), plain[1]))
    good.accepts(good.bundle())
    bad = Bench(runner, store, key, (text(plain[0]), plain[1]))
    said = statement(bundle := bad.bundle(), plain[0], plain[1])
    said["files"]["manifest.json"] = bundles.sha256(bad.manifest)
    bad.refuses(bad.put(bundle, said=said))


# --- store -------------------------------------------------------------------------------------

def test_a_bundle_that_comes_later_is_found_later(bench):
    bundle = bench.bundle()
    content_hash = f"sha256:{bundles.sha256(bundle)}"
    result = bench.run(content_hash)
    assert result.http_status in (404, 503) and result.started is False
    bench.put(bundle)
    wait.until(lambda: bench.run(content_hash).code is None, "the bundle to be found", 20)

# SPDX-License-Identifier: Apache-2.0
"""Does the command line make what a runner accepts, and refuse what it would refuse?"""
import json
import os
import shutil
import subprocess

import pytest

from support import bundles
from support.annex import annex
from support.runner import BARE_ENVIRONMENT, BIN
from support.bundles import Key


@pytest.fixture
def work(tmp_path, guests):
    """A folder with a key pair and an unpacked guest."""
    annex("keys", "new", "--out", tmp_path / "mine.key")
    shutil.copytree(guests("plain"), tmp_path / "guest")
    return tmp_path


def packed(work):
    annex("pack", work / "guest", "-o", work / "bundle.tar.zst")
    annex("sign", work / "bundle.tar.zst", "--key", work / "mine.key")
    return work / "bundle.tar.zst"


def test_keys_are_private_and_never_overwritten(work):
    assert (work / "mine.key").stat().st_mode & 0o777 == 0o600
    assert "PRIVATE KEY" in (work / "mine.key").read_text()
    assert "PRIVATE" not in (work / "mine.pub").read_text()
    before = (work / "mine.key").read_bytes()
    annex("keys", "new", "--out", work / "mine.key", expect=1)
    assert (work / "mine.key").read_bytes() == before


def test_pack_is_deterministic(work):
    hashes = []
    for number, change in enumerate((lambda: None, lambda: os.utime(work / "guest/entry.wasm", (1, 1)),
                                     lambda: os.chmod(work / "guest/entry.wasm", 0o755))):
        change()
        out = work / f"{number}.tar.zst"
        hashes.append(annex("pack", work / "guest", "-o", out).split()[-1])
        assert hashes[-1].removeprefix("sha256:") == bundles.sha256(out.read_bytes())
    assert len(set(hashes)) == 1
    (work / "guest/ui").mkdir()
    (work / "guest/ui/x.txt").write_text("x")
    assert annex("pack", work / "guest", "-o", work / "more.tar.zst").split()[-1] not in hashes


def test_pack_leaves_a_file_that_sha256sum_reads(work):
    annex("pack", work / "guest", "-o", work / "bundle.tar.zst")
    subprocess.run(["sha256sum", "-c", "bundle.sha256"], cwd=work, check=True, capture_output=True)


def test_what_it_packs_and_signs_runs(work, make_runner, store):
    packed(work)
    runner = make_runner(trust=(work / "mine.pub").read_text())
    annex("store", "put", "--store", store.base, work / "bundle.tar.zst")
    content_hash = f"sha256:{bundles.sha256((work / 'bundle.tar.zst').read_bytes())}"
    assert json.loads(runner.execute(content_hash, "x").body) == {"plain": True}


def test_verify_explains_and_decides(work):
    bundle = packed(work)
    annex("verify", bundle, "--trust", work / "mine.pub")
    (work / "other.pub").write_text(Key().public_pem)
    annex("verify", bundle, "--trust", work / "other.pub", expect=4)
    changed = bytearray(bundle.read_bytes())
    changed[-1] ^= 1
    bundle.write_bytes(changed)
    annex("verify", bundle, "--trust", work / "mine.pub", expect=4)


def test_it_agrees_with_bundles_made_elsewhere(work, key):
    """A bundle and an envelope that the tests wrote from the published format alone."""
    bundle = bundles.pack(work / "guest")
    said = bundles.statement(bundle, (work / "guest/manifest.json").read_bytes(),
                             (work / "guest/entry.wasm").read_bytes())
    (work / "b.tar.zst").write_bytes(bundle)
    (work / "b.dsse.json").write_bytes(bundles.envelope(said, key))
    (work / "key.pub").write_text(key.public_pem)
    annex("verify", work / "b.tar.zst", "--trust", work / "key.pub")
    shown = annex("inspect", work / "b.tar.zst")
    assert "com.example.plain" in shown and "1.0.0" in shown


def test_our_reader_agrees_with_its_archives(work):
    listing = subprocess.run(["tar", "--zstd", "-tf", packed(work)], check=True, capture_output=True,
                             text=True).stdout.split()
    assert listing == ["manifest.json", "entry.wasm"]


@pytest.mark.parametrize("harm", ["manifest gone", "manifest wrong", "entry gone", "symlink", "hidden", "fifo"])
def test_pack_refuses_what_a_runner_would_refuse(work, harm):
    guest = work / "guest"
    (guest / "ui").mkdir()
    {"manifest gone": lambda: (guest / "manifest.json").unlink(),
     "manifest wrong": lambda: (guest / "manifest.json").write_text('{"name":"x"}'),
     "entry gone": lambda: (guest / "entry.wasm").unlink(),
     "symlink": lambda: (guest / "ui/link").symlink_to("/etc/passwd"),
     "hidden": lambda: (guest / "ui/.env").write_text("x"),
     "fifo": lambda: os.mkfifo(guest / "ui/fifo")}[harm]()
    words = annex("pack", guest, "-o", work / "bad.tar.zst", expect=1)
    assert words.strip() and not (work / "bad.tar.zst").exists()


@pytest.mark.parametrize("arguments", [[], ["nothing"], ["keys"], ["pack"], ["sign", "x"], ["verify", "x"],
                                       ["pack", "a", "b", "c"], ["pack", "a", "--nothing", "b"]])
def test_wrong_usage_is_2_and_says_how(arguments):
    done = subprocess.run([BIN / "annex", *arguments], env=BARE_ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 2 and "annex" in done.stderr

# SPDX-License-Identifier: Apache-2.0
"""What does every system test find ready? Keys, guests, a store and a runner."""
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "tests/guests")]

import build as guest_build  # noqa: E402
from support.bundles import Key, Store  # noqa: E402
from support.runner import Runner  # noqa: E402


@pytest.fixture(scope="session")
def key():
    """The signer that the runners of the tests trust."""
    return Key()


@pytest.fixture(scope="session")
def guests(tmp_path_factory):
    """name -> folder of a built guest; each is built once, when first asked for."""
    out, built = tmp_path_factory.mktemp("guests"), {}

    def guest(name):
        if name not in built:
            if name == "hello-c":
                subprocess.run([ROOT / "examples/hello-c/build", out / name], check=True)
                built[name] = out / name
            else:
                built[name] = guest_build.build(name, out)
        return built[name]
    return guest


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """The store that all tests share, which is safe: what lies in it is named by its hash."""
    return Store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="session")
def published(guests, store, key):
    """name of a guest -> its content hash in the shared store, signed by the trusted key."""
    hashes = {}

    def publish(name):
        if name not in hashes:
            hashes[name] = store.publish(guests(name), key)
        return hashes[name]
    return publish


@pytest.fixture
def make_runner(tmp_path, store, key):
    """Starts runners with settings of the test's own; ends them after it."""
    made = []

    def make(ready=True, **settings):
        trust = settings.pop("trust", key.public_pem)
        runner = Runner(tmp_path / f"runner-{len(made)}", settings.pop("store", store), trust,
                        **settings)
        made.append(runner)
        return runner.start(ready)
    yield make
    _stop_all(made)


@pytest.fixture(scope="session")
def runner(tmp_path_factory, store, key):
    """One runner with default settings for all tests that leave it as they found it."""
    shared = Runner(tmp_path_factory.mktemp("runner"), store, key.public_pem)
    yield shared.start()
    _stop_all([shared])


def _stop_all(runners):
    failures = []
    for one in runners:
        try:
            one.stop()
        except AssertionError as failure:
            failures.append(str(failure))
    assert not failures, "\n".join(failures)

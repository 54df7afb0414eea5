# SPDX-License-Identifier: Apache-2.0
"""What are the programs made of, before anything runs?"""
import re
import subprocess

from support.runner import BIN

DATABASES = re.compile(r"lib(sqlite3|pq|mysqlclient|mariadb|lmdb|rocksdb)\b")


def libraries(program):
    return subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout


def test_runner_links_no_database():
    linked = libraries(BIN / "annex-runner")
    assert "libuv" in linked
    assert DATABASES.findall(linked) == []


def test_a_linked_database_would_be_seen():
    assert "sqlite3" in DATABASES.findall("\tlibsqlite3.so.0 => /lib/libsqlite3.so.0 (0x7f)\n")

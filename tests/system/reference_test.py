# SPDX-License-Identifier: Apache-2.0
"""Do the pages of docs/reference say what the programs do? They are written again and compared."""
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("page", ["settings", "errors"])
def test_page_is_what_the_code_prints(page, tmp_path):
    subprocess.run([ROOT / "script/reference", tmp_path], check=True)
    printed, kept = ((folder / f"{page}.md").read_text() for folder in (tmp_path, ROOT / "docs/reference"))
    assert printed.count("\n| `") > 20
    assert printed == kept, "run script/reference"

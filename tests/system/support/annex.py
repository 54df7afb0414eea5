# SPDX-License-Identifier: Apache-2.0
"""How does a test run the command line? As a user would, with an environment of its own."""
import subprocess

from support.runner import BARE_ENVIRONMENT, BIN


def annex(*arguments, cwd=None, expect=0, stdin=None):
    """Runs `annex ARGUMENTS`; returns its standard output. `expect` is the exit code it must give;
    with another than 0, returns standard error."""
    done = subprocess.run([str(BIN / "annex"), *[str(part) for part in arguments]], cwd=cwd,
                          input=stdin, env=BARE_ENVIRONMENT, capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == expect, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout if expect == 0 else done.stderr

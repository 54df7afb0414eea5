# SPDX-License-Identifier: Apache-2.0
# What do all our scripts share? Sourced, never run: the folders, how to speak, how to lock.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export ANNEX_CACHE="${ANNEX_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/annex}"
mkdir -p "$ANNEX_CACHE"

say() { printf '%s\n' "$*" >&2; }

die() {
    say "${0##*/}: $*"
    exit 1
}

# key FILE...: a short name for the contents of these files and for everything on standard input.
key() { { cat "$@"; cat; } | sha256sum | cut -c1-16; }

# with_lock FUNCTION ...: one process at a time runs it; a second waits and finds the work done.
with_lock() {
    (
        flock 9
        "$@"
    ) 9>"$ANNEX_CACHE/.$1.lock"
}

# pip is Debian's own: it is the one that the package list below installs.
pip_run() { "${PYTHON:-/usr/bin/python3}" -m pip --disable-pip-version-check "$@"; }

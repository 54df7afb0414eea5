# SPDX-License-Identifier: Apache-2.0
"""Where does a secret lie? Looks for it in memory, files and cores, as it is and as others write it."""
import base64
import os
import pathlib
import secrets

# The end of a secret tells: memory that was given back without being wiped keeps that, while its
# first bytes soon belong to the allocator.
TAIL = 20
STEP = 4 << 20


def text():
    """A secret of 32 visible bytes that nobody else has."""
    return secrets.token_urlsafe(24)


def forms(secret):
    """The byte strings that give `secret` away: itself, hexadecimal, base64 wherever it may begin."""
    tail = secret[-TAIL:]
    found = {tail, tail.hex().encode(), tail.hex().upper().encode()}
    for before in range(3):
        # The first and the last group also depend on what stands around the secret.
        whole = base64.b64encode(bytes(before) + tail)[4:-4]
        found |= {whole, whole.replace(b"+", b"-").replace(b"/", b"_")}
    return found


class Search:
    """Looks for several secrets at one time: name -> bytes."""

    def __init__(self, canaries):
        self.needles = [(needle, name) for name, secret in canaries.items() for needle in forms(secret)]
        self.longest = max(len(needle) for needle, _ in self.needles)

    def window(self, data):
        return {name for needle, name in self.needles if needle in data}

    def stream(self, read):
        """Names of the secrets in what `read(count)` gives until it gives nothing."""
        found, before = set(), b""
        while chunk := read(STEP):
            if chunk.count(0) != len(chunk):
                found |= self.window(before + chunk)
            before = chunk[-self.longest:]
        return found

    def file(self, path):
        """Holes are passed over: a core has more of them than a machine has memory."""
        found, at = set(), 0
        with open(path, "rb", 0) as file:
            size = os.fstat(file.fileno()).st_size
            while at < size:
                try:
                    at = os.lseek(file.fileno(), at, os.SEEK_DATA)
                except OSError:
                    break  # nothing but a hole follows
                end = os.lseek(file.fileno(), at, os.SEEK_HOLE)
                found |= self._region(file, at, end)
                at = end
        return found

    def folder(self, folder):
        """Secret -> files below a folder that hold it, in their contents or their names."""
        found = {}
        for path in pathlib.Path(folder).rglob("*"):
            names = self.window(str(path).encode())
            if path.is_file() and not path.is_symlink():
                names |= self.file(path)
            for name in names:
                found.setdefault(name, set()).add(str(path.relative_to(folder)))
        return found

    def process(self, pid):
        """What of /proc/PID gives away which secrets: {"environ": .., "cmdline": .., "mem": ..}."""
        place = pathlib.Path(f"/proc/{pid}")
        found = {name: self.window((place / name).read_bytes()) for name in ("environ", "cmdline")}
        found["mem"] = set()
        with open(place / "mem", "rb", 0) as memory:
            for region in (place / "maps").read_text().splitlines():
                span, mode, _, _, _, *name = region.split(maxsplit=5)
                # What cannot be written and comes from a file on disk is that file.
                if mode.startswith("r") and (mode[1] == "w" or not name or name[0].startswith("/memfd")):
                    found["mem"] |= self._region(memory, *(int(part, 16) for part in span.split("-")))
        return found

    def _region(self, memory, start, end):
        at = start

        def read(count):
            nonlocal at
            try:
                memory.seek(at)
                data = memory.read(min(count, end - at))
            except OSError:
                return b""  # beyond the end of a mapped file
            at += len(data)
            return data
        return self.stream(read)

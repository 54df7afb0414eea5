# SPDX-License-Identifier: Apache-2.0
"""What does the kernel say about a process?"""
import os
import pathlib
import re


def status(pid):
    """The fields of /proc/PID/status."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def limits(pid):
    """Soft limits by name: {"Max open files": "64"}."""
    rows = pathlib.Path(f"/proc/{pid}/limits").read_text().splitlines()[1:]
    return {match[1].strip(): match[2] for row in rows
            if (match := re.match(r"(.{25}) (\S+)", row))}


def descriptors(pid):
    """Open descriptors: number -> what it leads to."""
    found = {}
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            found[int(entry.name)] = os.readlink(entry)
        except OSError:
            continue  # it was closed meanwhile
    return found


def threads(pid):
    return len(list(pathlib.Path(f"/proc/{pid}/task").iterdir()))


def cpu_seconds(pid):
    """Processor time that a process has used; 0 when it is gone."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mib(pid):
    return int(status(pid)["VmRSS"].split()[0]) / 1024


def memory_holds(pid, needles):
    """Which of these byte strings stand somewhere in the memory of a process. Needs root."""
    found = set()
    longest = max(map(len, needles))
    regions = pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for region in regions:
            span, mode = region.split()[:2]
            start, end = (int(part, 16) for part in span.split("-"))
            if "r" not in mode or "[v" in region:
                continue
            before = b""
            at = start
            while at < end:
                try:
                    memory.seek(at)
                    chunk = memory.read(min(4 << 20, end - at))
                except (OSError, ValueError, OverflowError):
                    break
                if not chunk:
                    break
                window = before + chunk
                found.update(needle for needle in needles if needle in window)
                before = window[-longest:]
                at += len(chunk)
    return found

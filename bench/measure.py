# SPDX-License-Identifier: Apache-2.0
"""What do benchmarks share? wrk, nginx, clocks, and what the kernel says of a process."""
import contextlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BIN = pathlib.Path(os.environ["ANNEX_BIN"])
sys.path[:0] = [str(ROOT / "tests/system"), str(ROOT / "tests/guests")]

from support import net, wait  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")


def say(key, value):
    print(f"{key}: {value:.3f}" if isinstance(value, float) else f"{key}: {value}", flush=True)


def cpu_seconds(pid):
    """Processor time that a process has used so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mib(pid, field):
    """"Rss" counts a shared page in every process, "Pss" divides it among them."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(rf"^{field}:\s+(\d+) kB", text, re.M).group(1)) / 1024


def role_pids(runner):
    """name of a role -> its pids."""
    return {"supervisor": [runner.process.pid], **runner.roles()}


WRK_SCRIPT = """
wrk.method = "{method}"
wrk.body = {body}
{headers}
function done(summary, latency, requests)
    io.write(string.format("measured %d %d %f %f %d\\n", summary.requests, summary.duration,
        latency:percentile(50), latency:percentile(99),
        summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status
        + summary.errors.timeout))
end
"""


class Load:
    """What wrk saw: answers per second, microseconds at 50 and 99 %."""

    def __init__(self, url, *, connections, seconds, method="GET", body="", headers=None):
        lines = "".join(f'wrk.headers["{name}"] = "{value}"\n' for name, value in (headers or {}).items())
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            script.write(WRK_SCRIPT.format(method=method, body=f"[==[{body}]==]" if body else "nil",
                                           headers=lines))
            script.flush()
            out = subprocess.run(
                ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script.name, url],
                check=True, stdout=subprocess.PIPE, text=True).stdout
        requests, duration, self.p50_us, self.p99_us, errors = map(
            float, re.search(r"^measured (.*)$", out, re.M).group(1).split())
        assert errors == 0, f"{url}: {errors:.0f} answers were not 2xx:\n{out}"
        self.requests, self.seconds = requests, duration / 1e6
        self.per_s = requests / self.seconds


@contextlib.contextmanager
def nginx(location):
    """Debian's nginx with one worker and one location; gives its URL."""
    with tempfile.TemporaryDirectory() as folder:
        port = net.free_port()
        config = pathlib.Path(folder) / "nginx.conf"
        config.write_text(
            f"daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;\n"
            "events { worker_connections 4096; }\n"
            f"http {{ access_log off; keepalive_requests 100000000; server {{ listen 127.0.0.1:{port};"
            f" location / {{ {location} }} }} }}\n")
        with running(["nginx", "-p", folder, "-c", str(config)], port):
            yield f"http://127.0.0.1:{port}/"


@contextlib.contextmanager
def running(command, port):
    """A server of one process until the block ends."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait.until(lambda: net.accepts(port), f"{command[0]} on port {port}", 10)
        yield process
    finally:
        process.terminate()
        process.wait(10)


def median(values):
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def milliseconds(action):
    """How long `action` took, and what it gave."""
    start = time.perf_counter()
    result = action()
    return (time.perf_counter() - start) * 1000, result

# SPDX-License-Identifier: Apache-2.0
"""What does a guest fetch from? An HTTP server of the test that answers only when it is told to, and
counts who is waiting."""
import asyncio
import threading
import urllib.parse


class Upstream:
    """GET /say/TEXT answers TEXT at once; /wait/TEXT answers it once the gate is open; /status/N
    answers with that status; /bytes/N with so many bytes; /redirect?to=URL with 302; /headers with
    the request's head; /hang reads and never answers."""

    def __init__(self, address="127.0.0.1"):
        self.address = address
        self.port = None
        self.lock = threading.Lock()
        self.waiting = 0  # inside /wait now
        self.waiting_most = 0
        self.requests = []  # (method, target), in the order of arrival
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    def open_gate(self):
        """Lets everybody in /wait go, now and from now on."""
        self._loop.call_soon_threadsafe(self._gate.set)

    async def _main(self):
        self._loop = asyncio.get_running_loop()
        self._gate, self._over = asyncio.Event(), asyncio.Event()
        self._tasks = set()
        server = await asyncio.start_server(self._serve, self.address, 0, backlog=4096)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._over.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        try:
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        with self.lock:
            self.requests.append((method, target))
        kind, _, rest = target.lstrip("/").partition("/")
        status, extra, body = 200, "", urllib.parse.unquote(rest).encode()
        if kind == "wait":
            await self._wait_at_gate()
        elif kind == "hang":
            await reader.read()
            return
        elif kind == "status":
            status = int(rest)
        elif kind == "bytes":
            body = b"b" * int(rest)
        elif kind == "headers":
            body = head
        elif kind.startswith("redirect"):
            query = urllib.parse.parse_qs(urllib.parse.urlsplit(target).query)
            status, extra = 302, f"location: {query['to'][0]}\r\n"
        writer.write(f"HTTP/1.1 {status} Said\r\ncontent-length: {len(body)}\r\n{extra}"
                     "connection: close\r\n\r\n".encode() + body)
        await writer.drain()

    async def _wait_at_gate(self):
        with self.lock:
            self.waiting += 1
            self.waiting_most = max(self.waiting_most, self.waiting)
        try:
            await self._gate.wait()
        finally:
            with self.lock:
                self.waiting -= 1

# SPDX-License-Identifier: Apache-2.0
"""How does a test speak TCP itself, below any client's manners?"""
import dataclasses
import select
import socket


def free_port():
    """A port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accepts(port):
    """Does anybody listen there now?"""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclasses.dataclass
class Answer:
    status: int
    headers: list  # of (lower-case name, value), in order
    body: bytes

    def header(self, name):
        return next((value for key, value in self.headers if key == name), None)


class Raw:
    """One connection. Bytes go out as they are; answers are read strictly, one at a time."""

    def __init__(self, port, seconds=10.0):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def end(self):
        """Says that we send no more."""
        self.socket.shutdown(socket.SHUT_WR)

    def quiet(self, seconds):
        """True when nothing arrives, not even the end, for so long."""
        return not self.pending and not select.select([self.socket], [], [], seconds)[0]

    def _more(self):
        data = self.socket.recv(65536)
        self.pending += data
        return bool(data)

    def rest(self):
        """Everything up to the end of the connection, however it ends."""
        try:
            while self._more():
                pass
        except ConnectionResetError:
            pass
        data, self.pending = self.pending, b""
        return data

    def closed(self):
        """True when the other side has ended the connection and sent nothing before that."""
        return self.rest() == b""

    def _until(self, marker):
        while marker not in self.pending:
            if not self._more():
                raise ConnectionError(f"the connection ended inside {self.pending[:200]!r}")
        head, self.pending = self.pending.split(marker, 1)
        return head

    def _take(self, count):
        while len(self.pending) < count:
            if not self._more():
                raise ConnectionError(f"the connection ended after {len(self.pending)} of {count}")
        data, self.pending = self.pending[:count], self.pending[count:]
        return data

    def answer(self, head=False):
        """The next answer; `head`: to a HEAD request, so without body. None at the end."""
        if not self.pending and not self._more():
            return None
        status_line, *lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status, _ = status_line.split(" ", 2)
        assert version == "HTTP/1.1", status_line
        headers = [(line.split(":", 1)[0].lower(), line.split(":", 1)[1].strip(" \t"))
                   for line in lines]
        answer = Answer(int(status), headers, b"")
        if head or answer.status in (204, 304) or answer.status < 200:
            return answer
        if answer.header("transfer-encoding") == "chunked":
            while (size := int(self._until(b"\r\n"), 16)) > 0:
                answer.body += self._take(size)
                assert self._take(2) == b"\r\n"
            assert self._take(2) == b"\r\n"
        else:
            answer.body = self._take(int(answer.header("content-length")))
        return answer


def exchange(port, pieces, seconds=20.0):
    """Sends pieces of bytes on a connection of their own; returns what came back until its end. Our side
    stays open: who closes it is part of the answer."""
    with Raw(port, seconds) as raw:
        try:
            for piece in pieces:
                raw.send(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all was read: the answer is there all the same
        return raw.rest()


def answers(data):
    """All answers in these bytes, which must hold nothing else."""
    found = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        assert status_line.startswith("HTTP/1.1 "), status_line
        headers = [(line.split(":", 1)[0].lower(), line.split(":", 1)[1].strip()) for line in lines]
        length = int(dict(headers).get("content-length", 0))
        assert len(data) >= length, "the answer is cut"
        found.append(Answer(int(status_line.split(" ")[1]), headers, data[:length]))
        data = data[length:]
    return found

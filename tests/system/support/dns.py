# SPDX-License-Identifier: Apache-2.0
"""Who tells the runner where a name lies? A DNS server of the test, which may lie."""
import ipaddress
import socket
import struct
import threading

A, AAAA = 1, 28


class Dns:
    """Answers A and AAAA from `names`: name -> list of addresses, or a function without arguments
    that returns one (to answer differently each time). Unknown names do not exist."""

    def __init__(self, names):
        self.names = names
        self.queries = []  # (name, type), in the order of arrival
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)  # bursts of thousands
        self.socket.bind(("127.0.0.1", 0))
        self.server = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        # An empty datagram is no question: it ends the thread.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", self.socket.getsockname())
        self._thread.join(10)
        self.socket.close()

    def _serve(self):
        while True:
            query, peer = self.socket.recvfrom(4096)
            if not query:
                return
            self.socket.sendto(self._answer(query), peer)

    def _answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode("ascii").lower())
            at += 1 + query[at]
        question = query[12:at + 5]
        name, kind = ".".join(labels), struct.unpack(">H", query[at + 1:at + 3])[0]
        self.queries.append((name, kind))
        known = self.names.get(name)
        addresses = [ipaddress.ip_address(text) for text in (known() if callable(known) else known or [])]
        records = b"".join(
            struct.pack(">HHHIH", 0xC00C, kind, 1, 0, len(address.packed)) + address.packed
            for address in addresses if {4: A, 6: AAAA}[address.version] == kind)
        count = sum({4: A, 6: AAAA}[address.version] == kind for address in addresses)
        flags = 0x8180 if known is not None else 0x8183  # recursion was there; 3: no such name
        return query[:2] + struct.pack(">HHHHH", flags, 1, count, 0, 0) + question + records

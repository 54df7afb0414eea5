# SPDX-License-Identifier: Apache-2.0
"""Which modules cost far more to compile than to send? Bytes are written here: text would be slow.

`wide` has one function whose every branch writes other locals, `loops` one of loops inside loops: the
compiler must merge all locals at every join.
"""


def leb(value):
    out = bytearray()
    while True:
        byte = value & 0x7F
        value >>= 7
        if value == 0:
            out.append(byte)
            return bytes(out)
        out.append(byte | 0x80)


def section(number, content):
    return bytes([number]) + leb(len(content)) + content


def vector(items):
    return leb(len(items)) + b"".join(items)


def name(text):
    return leb(len(text)) + text.encode()


I32 = b"\x7f"
ALLOC, HANDLER = 0, 1  # types, and the first two functions


def module(bodies):
    """A module with the exports of core@1 and these further functions of type (i32) -> i32."""
    types = [b"\x60" + vector([I32]) + vector([I32]),
             b"\x60" + vector([I32, I32, I32]) + vector([I32])]
    alloc = b"\x00" + b"\x41\x80\x20\x0b"   # i32.const 4096
    store = b"\x20\x02\x41\x00\x36\x02"       # i32.store (local 2) 0, offset follows
    handler = b"\x00" + store + b"\x00" + store + b"\x04" + b"\x41\x00\x0b"  # an empty answer
    return b"".join([
        b"\x00asm\x01\x00\x00\x00",
        section(1, vector(types)),
        section(3, vector([leb(ALLOC), leb(HANDLER)] + [leb(ALLOC)] * len(bodies))),
        section(5, vector([b"\x00\x02"])),
        section(7, vector([name("memory") + b"\x02\x00", name("alloc") + b"\x00\x00",
                           name("handler") + b"\x00\x01"])),
        section(10, vector([leb(len(body)) + body for body in [alloc, handler, *bodies]])),
    ])


def trivial(value):
    return b"\x00" + b"\x20\x00\x41" + leb(value & 0x3F) + b"\x6a\x0b"  # local 0 + value


def wide(branches, count):
    """One function: `branches` times an `if` on the argument that sets one of `count` locals."""
    body = bytearray(leb(1) + leb(count) + I32)
    for branch in range(branches):
        local = leb(1 + branch % count)
        other = leb(1 + (branch * 7 + 3) % count)
        body += b"\x20\x00\x41" + leb(branch & 0x3F) + b"\x71\x04\x40"      # local 0 & n; if
        body += b"\x20" + other + b"\x41\x01\x6a\x21" + local + b"\x0b"     # local = other + 1
    body += b"\x41\x00"
    for local in range(count):
        body += b"\x20" + leb(1 + local) + b"\x6a"                          # all are wanted at the end
    return bytes(body) + b"\x0b"


def loops(depth, count):
    """`depth` loops inside one another, each of which keeps all `count` locals alive."""
    body = bytearray(leb(1) + leb(count) + I32)
    for level in range(depth):
        body += b"\x03\x40"                                                 # loop
        body += b"\x20" + leb(1 + (level * 5 + 1) % count) + b"\x41\x01\x6a\x21" + leb(1 + level % count)
    for level in range(depth):
        body += b"\x20" + leb(1 + level % count) + b"\x0d\x00\x0b"          # br_if 0; end
    body += b"\x41\x00"
    for local in range(count):
        body += b"\x20" + leb(1 + local) + b"\x6a"
    return bytes(body) + b"\x0b"


# Measured with Wasmtime 48, one thread: 800,000 trivial functions take 37 s and 4.2 GB; one loops(n, n)
# takes 1.2 s at n = 800, 8.5 s at 1,600, 31 s and 1.6 GB at 2,400.
BOMBS = {
    "bomb-memory": lambda: module([trivial(value) for value in range(800_000)]),  # 7 MB
    "bomb-time": lambda: module([loops(2_400, 2_400)] * 3),                       # 150 KB
    "bomb-none": lambda: module([wide(20, 10), loops(5, 10), trivial(1)]),
}

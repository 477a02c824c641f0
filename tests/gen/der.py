# SPDX-License-Identifier: GPL-2.0-or-later
"""DER as a tree that encodes itself again, and every small damage that can be done to it."""

from typing import Callable, Iterator, List, NamedTuple, Optional

CONSTRUCTED = 0x20


class Node:
    """One element: tag byte, and children or a value. length overrides the encoded length."""

    def __init__(self, tag: int, value: bytes = b"", children: Optional[List["Node"]] = None):
        self.tag, self.value, self.children = tag, value, children
        self.length: Optional[bytes] = None

    def contents(self) -> bytes:
        if self.children is None:
            return self.value
        return b"".join(child.encode() for child in self.children)

    def encode(self) -> bytes:
        body = self.contents()
        return bytes([self.tag]) + (encode_length(len(body)) if self.length is None
                                    else self.length) + body

    def walk(self) -> Iterator["Node"]:
        yield self
        for child in self.children or ():
            yield from child.walk()


def encode_length(n: int) -> bytes:
    if n < 0x80:
        return bytes([n])
    size = (n.bit_length() + 7) // 8
    return bytes([0x80 | size]) + n.to_bytes(size, "big")


def parse_all(data: bytes) -> List[Node]:
    """The elements of well-formed DER."""
    nodes, at = [], 0
    while at < len(data):
        tag, n, body = data[at], data[at + 1], at + 2
        if n & 0x80:
            body += n & 0x7f
            n = int.from_bytes(data[at + 2:body], "big")
        value = data[body:body + n]
        assert len(value) == n, "not DER"
        nodes.append(Node(tag, value, parse_all(value) if tag & CONSTRUCTED else None))
        at = body + n
    return nodes


def parse(data: bytes) -> Node:
    (node,) = parse_all(data)
    return node


# Making -----------------------------------------------------------------------------------------

def tlv(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return bytes([tag]) + encode_length(len(body)) + body


def sequence(*parts: bytes) -> bytes:
    return tlv(0x30, *parts)


def set_of(*parts: bytes) -> bytes:
    return tlv(0x31, *parts)


def integer(n: int) -> bytes:
    return tlv(0x02, n.to_bytes(n.bit_length() // 8 + 1, "big"))


def octets(data: bytes) -> bytes:
    return tlv(0x04, data)


def oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    out = bytearray()
    for arc in [first * 40 + second, *rest]:
        group = [arc & 0x7f]
        while arc := arc >> 7:
            group.append(arc & 0x7f | 0x80)
        out += bytes(reversed(group))
    return tlv(0x06, bytes(out))


NULL = b"\x05\x00"


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


# Damage -----------------------------------------------------------------------------------------

class Damage(NamedTuple):
    """What is done to the node-th element of a tree, in preorder."""
    name: str
    node: int
    change: Callable[[List[Node], Node, Optional[Node]], None]

    def apply(self, data: bytes) -> bytes:
        root = parse(data)
        nodes = list(root.walk())
        node = nodes[self.node]
        parent = next((n for n in nodes if n.children and any(c is node for c in n.children)), None)
        self.change(nodes, node, parent)
        return root.encode()


def _set_tag(bit):
    def change(_nodes, node, _parent):
        node.tag ^= bit
    return change


def _set_length(encode):
    def change(_nodes, node, _parent):
        node.length = encode(len(node.contents()))
    return change


def _set_value(make):
    def change(_nodes, node, _parent):
        node.value = make(node.value)
    return change


def _flip(value, at, bit):
    data = bytearray(value)
    if data:
        data[at] ^= bit
    return bytes(data)


def _empty(_nodes, node, _parent):
    node.value, node.children = b"", [] if node.children is not None else None


def _reverse(_nodes, node, _parent):
    node.children.reverse()


def _append_null(_nodes, node, _parent):
    node.children.append(Node(5))


def _wrap(_nodes, node, _parent):
    inner = Node(node.tag, node.value, node.children)
    node.tag, node.value, node.children = 0x30, b"", [inner]


def _index(node, parent):
    return next(i for i, child in enumerate(parent.children) if child is node)


def _delete(_nodes, node, parent):
    del parent.children[_index(node, parent)]


def _duplicate(_nodes, node, parent):
    parent.children.insert(_index(node, parent), node)


def _swap(_nodes, node, parent):
    i = _index(node, parent)
    j = (i + 1) % len(parent.children)
    parent.children[i], parent.children[j] = parent.children[j], parent.children[i]


ANY = {
    **{f"tag^{1 << b:02x}": _set_tag(1 << b) for b in range(8)},
    "length+1": _set_length(lambda n: encode_length(n + 1)),
    "length-1": _set_length(lambda n: encode_length(max(n - 1, 0))),
    "length=0": _set_length(lambda n: b"\0"),
    "indefinite": _set_length(lambda n: b"\x80"),
    "long form": _set_length(lambda n: b"\x84" + n.to_bytes(4, "big")),
    "huge": _set_length(lambda n: b"\x84\xff\xff\xff\xff"),
    "empty": _empty,
    "wrapped": _wrap,
}
PRIMITIVE = {
    "first^01": _set_value(lambda v: _flip(v, 0, 1)),
    "first^20": _set_value(lambda v: _flip(v, 0, 0x20)),  # the case of a letter
    "first^80": _set_value(lambda v: _flip(v, 0, 0x80)),
    "middle^10": _set_value(lambda v: _flip(v, len(v) // 2, 0x10)),
    "last^01": _set_value(lambda v: _flip(v, -1, 1)),
    "zero before": _set_value(lambda v: b"\0" + v),
    "zero behind": _set_value(lambda v: v + b"\0"),
    "cut": _set_value(lambda v: v[:-1]),
    "ones": _set_value(lambda v: b"\xff" * len(v)),
}
CHILDREN = {"reversed": _reverse, "null behind": _append_null}
CHILD = {"deleted": _delete, "twice": _duplicate, "swapped": _swap}


def damages(data: bytes) -> List[Damage]:
    """Every damage of every element; some change nothing, callers drop those."""
    out = []
    for i, node in enumerate(parse(data).walk()):
        kinds = {**ANY, **(PRIMITIVE if node.children is None else CHILDREN), **(CHILD if i else {})}
        out += [Damage(f"{i}:{node.tag:02x} {name}", i, change) for name, change in kinds.items()]
    return out

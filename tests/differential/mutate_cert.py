# SPDX-License-Identifier: GPL-2.0-or-later
"""Mutations of the certificate table and of the PKCS#7 in it. Made after the (re-)signing."""

import struct
from typing import Callable, Dict, List

import der
from mutate_pe import Layout, Mutation
from signer import SIGNED_DATA, SIGNING_TIME, Recipe, algorithm, attribute

TABLE, PKCS7, CRAFTED = "certificate table", "PKCS#7 damaged", "PKCS#7 crafted"


# The table --------------------------------------------------------------------------------------

def align8(n: int) -> int:
    return n + 7 & ~7


def win_certificate(blob: bytes, revision: int = 0x200, kind: int = 2) -> bytes:
    entry = struct.pack("<IHH", 8 + len(blob), revision, kind) + blob
    return entry.ljust(align8(len(entry)), b"\0")


def read_table(data: bytes, layout: Layout) -> List[bytes]:
    """The entries, padding included, as far as they are well formed."""
    out, at = [], layout.cert_offset
    while at + 8 <= min(layout.cert_offset + layout.cert_size, len(data)):
        n = align8(struct.unpack_from("<I", data, at)[0])
        if n < 8:
            break
        out.append(bytes(data[at:at + n]))
        at += n
    return out


def first_blob(data: bytes, layout: Layout) -> bytes:
    n = struct.unpack_from("<I", data, layout.cert_offset)[0]
    return bytes(data[layout.cert_offset + 8:layout.cert_offset + n])


def set_table(data: bytearray, layout: Layout, table: bytes) -> bytearray:
    """Another table at the place of the old one; the directory knows."""
    start = struct.unpack_from("<I", data, layout.directory)[0]
    if not layout.directory < start <= len(data):
        start = min(layout.cert_offset, len(data))
    del data[start:]
    data += table
    struct.pack_into("<I", data, layout.directory + 4, len(table))
    return data


def set_first(data: bytearray, layout: Layout, blob: bytes) -> bytearray:
    """Another PKCS#7 in the first entry, the others stay."""
    others = read_table(data, layout)[1:] if struct.unpack_from(
        "<II", data, layout.directory) == (layout.cert_offset, layout.cert_size) else []
    return set_table(data, layout, win_certificate(blob) + b"".join(others))


def _table(make: Callable[[List[bytes]], bytes]):
    def on(layout):
        def apply(data):
            return set_table(data, layout, make(read_table(data, layout)))
        return apply
    return on


def _entry_field(fmt, at, value):
    def make(entries):
        entry = bytearray(entries[0])
        struct.pack_into(fmt, entry, at, value & (1 << 8 * struct.calcsize(fmt)) - 1)
        return bytes(entry) + b"".join(entries[1:])
    return _table(make)


def _bytes(change: Callable[[bytearray, Layout], bytearray]):
    return lambda layout: lambda data: change(data, layout)


def _directory(address, size):
    def change(data, layout):
        struct.pack_into("<II", data, layout.directory, layout.cert_offset + address & 0xffffffff,
                         layout.cert_size + size & 0xffffffff)
        return data
    return _bytes(change)


def _moved(count, filler):
    """The table further behind, with something in front of it."""
    def change(data, layout):
        data[layout.cert_offset:layout.cert_offset] = filler * count
        struct.pack_into("<I", data, layout.directory, layout.cert_offset + count)
        return data
    return _bytes(change)


def table_mutations(data: bytes, layout: Layout, strangers: Dict[str, bytes]) -> List[Mutation]:
    """strangers: well-formed PKCS#7 blobs that are not this image's."""
    length = struct.unpack_from("<I", data, layout.cert_offset)[0]
    made = {}
    for value in {0, 1, 7, 8, 9, 11, 12, 16, length - 8, length - 1, length + 1, length + 7,
                  length + 8, length + 16, layout.cert_size, layout.cert_size + 8, 0xffff, 0x7fffffff,
                  0x80000000, 0xfffffff8, 0xffffffff}:
        made[f"dwLength={value:#x}"] = _entry_field("<I", 0, value)
    for value in (0, 1, 0x100, 0x201, 0x2, 0x300, 0xffff):
        made[f"wRevision={value:#x}"] = _entry_field("<H", 4, value)
        made[f"wCertificateType={value:#x}"] = _entry_field("<H", 6, value)
    for value in (3, 4, 0xef1, 0xef0):
        made[f"wCertificateType={value:#x}"] = _entry_field("<H", 6, value)
    made["entries twice"] = _table(lambda e: b"".join(e) * 2)
    made["first twice"] = _table(lambda e: b"".join([e[0], *e]))
    made["reversed"] = _table(lambda e: b"".join(e[::-1]))
    made["first only"] = _table(lambda e: e[0])
    made["without the first"] = _table(lambda e: b"".join(e[1:]))
    made["empty entry first"] = _table(lambda e: b"".join([bytes([8, 0, 0, 0, 0, 2, 2, 0]), *e]))
    made["empty entry last"] = _table(lambda e: b"".join([*e, bytes([8, 0, 0, 0, 0, 2, 2, 0])]))
    for n in (7, 8, 9, 20):
        made[f"{n} of the first"] = _table(lambda e, n=n: e[0] * n)
    for who, blob in strangers.items():
        other = win_certificate(blob)
        made[f"{who} only"] = _table(lambda e, o=other: o)
        made[f"{who} first"] = _table(lambda e, o=other: b"".join([o, *e]))
        made[f"{who} last"] = _table(lambda e, o=other: b"".join([*e, o]))
        made[f"{who} last, of another type"] = _table(
            lambda e, b=blob: b"".join([*e, win_certificate(b, kind=0xef1)]))
        made[f"{who} first, of another type"] = _table(
            lambda e, b=blob: b"".join([win_certificate(b, kind=0xef1), *e]))
    for n in (1, 2, 4, 7, 8, 16, 64, 512, 4096, 65536, 1 << 20):
        for what, byte in (("zeros", b"\0"), ("bytes", b"\xcc")):
            made[f"{n} {what} behind, covered"] = _table(
                lambda e, f=byte * n: b"".join(e) + f)
            made[f"{n} {what} behind, not covered"] = _bytes(lambda d, _l, f=byte * n: d + f)
            made[f"{n} {what} inside the first"] = _table(
                lambda e, f=byte * n: b"".join([win_certificate(e[0][8:] + f), *e[1:]]))
            if n <= 4096:
                made[f"moved by {n} {what}"] = _moved(n, byte)
    for n in (1, 2, 7, 8, 9, 16, 100, layout.cert_size // 2, layout.cert_size - 8,
              layout.cert_size - 1, layout.cert_size):
        made[f"{n} cut off"] = _bytes(lambda d, _l, n=n: d[:-n])
        made[f"{n} cut off, directory too"] = _bytes(
            lambda d, l, n=n: _directory(0, -n)(l)(d[:-n]))
    for n in (1, -1, 2, 4, 8, -8, 16, -16, 512, -512, 4096, -layout.cert_offset):
        made[f"directory address {n:+}"] = _directory(n, 0)
        made[f"directory size {n:+}"] = _directory(0, n)
        made[f"directory {n:+} {-n:+}"] = _directory(n, -n)
    made["directory empty"] = _directory(-layout.cert_offset, -layout.cert_size)
    for at in range(length, align8(length)):
        made[f"padding byte {at}"] = _table(lambda e, at=at: bytes(
            b ^ (i == at) for i, b in enumerate(e[0])) + b"".join(e[1:]))
    return [Mutation(TABLE, name, on(layout)) for name, on in made.items()]


# Damage to a signature as it is -----------------------------------------------------------------

def pkcs7_mutations(data: bytes, layout: Layout) -> List[Mutation]:
    """Every damage of every element. What no signature covers reaches all the way."""
    def on(damage):
        def apply(image):
            return set_first(image, layout, damage.apply(first_blob(image, layout)))
        return apply
    return [Mutation(PKCS7, d.name, on(d)) for d in der.damages(first_blob(data, layout))]


# Signatures made to be strange ------------------------------------------------------------------

def _recipes_of_algorithms() -> List[Recipe]:
    out = []
    # Not all of SHA-384 or SHA-512: we and the kernel accept that, sbverify knows SHA-256 only.
    out += [Recipe(f"all {alg}", image_alg=alg, listed=[alg], signer_alg=alg)
            for alg in ("md5", "sha1", "sha224")]
    for alg in ("md5", "sha1", "sha224", "sha384", "sha512"):
        out += [Recipe(f"image digest {alg}", image_alg=alg),
                Recipe(f"attributes {alg}", signer_alg=alg),
                Recipe(f"attributes {alg}, listed", listed=[alg], signer_alg=alg),
                Recipe(f"listed {alg}", listed=[alg]),
                Recipe(f"listed {alg} too", listed=["sha256", alg]),
                Recipe(f"SignerInfo says {alg}", named_alg=alg)]
    out += [Recipe("nothing listed", listed=[]), Recipe("listed twice", listed=["sha256"] * 2)]
    for dotted in ("1.2.840.113549.1.1.11", "1.2.840.113549.1.1.5", "1.2.840.113549.1.1.10",
                   "1.2.840.10045.4.3.2", "1.2.840.113549.1.1.2", "1.3.14.3.2.26"):
        out.append(Recipe(f"signature algorithm {dotted}", signature_oid=dotted))
    return out


def _recipes_of_attributes() -> List[Recipe]:
    def time(text, tag=0x17):
        return [attribute(SIGNING_TIME, der.tlv(tag, text))]

    def without(n):
        def change(attributes):
            root = der.parse(attributes)
            del root.children[n]
            return root.encode()
        return change

    unknown = attribute("1.2.3.4", der.NULL)
    out = [Recipe("no attributes", no_attributes=True),
           Recipe("no attribute but an empty set", attributes=lambda a: der.set_of()),
           Recipe("attributes reversed", attributes=lambda a: der.set_of(
               *(n.encode() for n in reversed(der.parse(a).children)))),
           Recipe("unknown attribute", more_attributes=[unknown]),
           Recipe("unknown attribute twice", more_attributes=[unknown, unknown]),
           Recipe("attribute with two values",
                  more_attributes=[attribute("1.2.3.4", der.NULL, der.integer(1))]),
           Recipe("attribute without value", more_attributes=[attribute("1.2.3.4")]),
           Recipe("S/MIME capabilities", more_attributes=[
               attribute("1.2.840.113549.1.9.15", der.sequence())]),
           Recipe("statement type", more_attributes=[
               attribute("1.3.6.1.4.1.311.2.1.11", der.sequence(der.oid("1.3.6.1.4.1.311.2.1.21")))])]
    out += [Recipe(f"attribute {n} missing", attributes=without(n)) for n in range(3)]
    for text in (b"270101000000Z", b"200101000000Z", b"490101000000Z", b"500101000000Z",
                 b"261301000000Z", b"2701010000Z", b"270101000000", b"", b"270230000000Z"):
        out.append(Recipe(f"signing time {text.decode()}", more_attributes=time(text)))
    out += [Recipe(f"signing time {text.decode()}, generalized", more_attributes=time(text, 0x18))
            for text in (b"20270101000000Z", b"20990101000000Z", b"20270101000000.5Z")]
    out.append(Recipe("signing time is no time", more_attributes=time(b"270101000000Z", 0x04)))
    return out


def _recipes_of_structure(strangers: Dict[str, bytes], certificates: Dict[str, bytes]
                          ) -> List[Recipe]:
    out = [Recipe(f"version {n}", version=n) for n in (0, 2, 3, 4, 5, 255)]
    out += [Recipe(f"SignerInfo version {n}", signer_version=n) for n in (0, 2, 3, 255)]
    out += [Recipe("content type data", content_type="1.2.840.113549.1.7.1"),
            Recipe("content type signedData", content_type=SIGNED_DATA),
            Recipe("not of a PE image", pe_type="1.3.6.1.4.1.311.2.1.30"),
            Recipe("individual code signing", pe_type="1.3.6.1.4.1.311.2.1.21"),
            Recipe("digest cut", digest=lambda d: d[:-1]),
            Recipe("digest longer", digest=lambda d: d + b"\0"),
            Recipe("no digest", digest=lambda d: b""),
            Recipe("zero digest", digest=lambda d: bytes(len(d))),
            Recipe("digest of the content with its header", signed_content=der.sequence),
            Recipe("no SignerInfo", signer_infos=lambda info: []),
            Recipe("SignerInfo twice", signer_infos=lambda info: [info, info]),
            Recipe("broken SignerInfo first", signer_infos=lambda info: [
                info[:-1] + bytes([info[-1] ^ 1]), info]),
            Recipe("broken SignerInfo last", signer_infos=lambda info: [
                info, info[:-1] + bytes([info[-1] ^ 1])]),
            Recipe("signature cut", signer_infos=lambda info: [der.Damage(
                "", 0, lambda _n, node, _p: node.children.__setitem__(
                    -1, der.Node(4, node.children[-1].value[:-1]))).apply(info)]),
            Recipe("no certificate", certificates=lambda c: []),
            Recipe("certificate twice", certificates=lambda c: c * 2),
            Recipe("a certificate that is none", certificates=lambda c: c + [der.sequence()]),
            Recipe("a certificate that is NULL", certificates=lambda c: c + [der.NULL]),
            Recipe("an attribute certificate", certificates=lambda c: c + [
                b"\xa1" + c[0][1:]]),
            Recipe("an empty CRL", crls=[der.sequence()]),
            Recipe("unauthenticated attribute", unauthenticated=[attribute("1.2.3.4", der.NULL)]),
            Recipe("unauthenticated attribute twice",
                   unauthenticated=[attribute("1.2.3.4", der.NULL)] * 2),
            Recipe("unauthenticated NULL", unauthenticated=[der.NULL]),
            Recipe("more in the content", content=lambda c: der.Damage(
                "", 0, lambda _n, node, _p: node.children.append(der.Node(5))).apply(c)),
            Recipe("digest algorithm without parameter", content=lambda c: c.replace(
                algorithm("sha256"), der.sequence(der.oid("2.16.840.1.101.3.4.2.1"))))]
    for who, blob in strangers.items():
        out.append(Recipe(f"nested: {who}", unauthenticated=[
            attribute("1.3.6.1.4.1.311.2.4.1", blob)]))
    for who, cert in certificates.items():
        out += [Recipe(f"with {who}", certificates=lambda c, x=cert: c + [x]),
                Recipe(f"{who} first", certificates=lambda c, x=cert: [x] + c),
                Recipe(f"{who} only", certificates=lambda c, x=cert: [x])]
    return out


def _damaged(what: str, sample: bytes, place: Callable[[Callable], Dict]) -> List[Recipe]:
    """One recipe for each damage of a part; place(change) is how the recipe takes it."""
    return [Recipe(f"{what} {d.name}", **place(d.apply)) for d in der.damages(sample)]


def recipes(strangers: Dict[str, bytes], certificates: Dict[str, bytes], sample: bytes
            ) -> List[Recipe]:
    """Every strange signature. sample: a proper one, whose parts are damaged before signing;
    certificates: further ones to embed, of which the first is damaged as well."""
    signed_data = der.parse(sample).children[1].children[0].children
    content = signed_data[2].children[1].children[0].encode()
    attributes = b"\x31" + signed_data[-1].children[0].children[3].encode()[1:]
    out = [*_recipes_of_algorithms(), *_recipes_of_attributes(),
           *_recipes_of_structure(strangers, certificates)]
    out += _damaged("content", content, lambda change: {"content": change})
    out += _damaged("attributes", attributes, lambda change: {"attributes": change})
    who, cert = next(iter(certificates.items()))
    out += _damaged(f"with {who}", cert, lambda change: {
        "certificates": lambda c: c + [change(cert)]})
    return out

# SPDX-License-Identifier: GPL-2.0-or-later
"""Malformations 36 to 50 of docs/UKI.md: certificate table and PKCS#7."""

import struct

import der
import pe
import signer
from malforming import Layout, add, entry, late, signed, with_table
from signer import Recipe, attribute

# 36-43: certificate table -------------------------------------------------------------------------

def directory(offset=None, size=None, drop=0, extra=b""):
    """Another directory entry, fewer or more bytes at the end of the file."""
    def change(data, layout):
        out = bytearray(data[:len(data) - drop] + extra)
        old = struct.unpack_from("<II", data, layout.certdir)
        new = (offset(old[0]) if offset else old[0], size(old[1]) if size else old[1])
        struct.pack_into("<II", out, layout.certdir, *new)
        assert len(out) == len(data) - drop + len(extra)
        assert struct.unpack_from("<II", out, layout.certdir) == new
        return bytes(out)
    return change


def moved(count_, filler):
    """Bytes between the last section and the table, which a proper signature covers."""
    def make(m):
        good = m.base("plain")
        data = good + filler * count_
        out = with_table(data, entry(m.blob(data, layout=Layout(good))), Layout(good))
        assert Layout(out).get("cert_offset") == len(good) + count_
        return out
    return make


def table(number, name, check, change, base="plain"):
    """A table made of the blob of a proper signature."""
    def make(m):
        good = m.base(base)
        made = change(m.blob(good))
        assert made != entry(m.blob(good)) and len(made) % 8 == 0
        return with_table(good, made)
    add(number, name, base, check, make)


for bases in ("plain", "addon", "profiles", "sealed"):
    add(36, "unsigned", bases, "auth.unsigned", lambda m, b=bases: m.base(b))
late(36, "table without an offset", "pe.cert-directory", directory(offset=lambda old: 0))
late(36, "table without a size", "pe.cert-directory", directory(size=lambda old: 0))
late(36, "table that no one points to", "pe.trailing",
     directory(offset=lambda old: 0, size=lambda old: 0))
late(37, "table not aligned", "pe.cert-offset",
     directory(offset=lambda old: old + 4, size=lambda old: old - 4))
late(37, "table over the last section", "pe.cert-offset",
     directory(offset=lambda old: old - 8, size=lambda old: old + 8))
late(37, "table in the headers", "pe.cert-offset",
     directory(offset=lambda old: 8, size=lambda old: 8))
add(38, "8 zeros before the table", "plain", "pe.cert-offset", moved(8, b"\0"))
add(38, "8 bytes before the table", "plain", "pe.cert-offset", moved(8, b"x"))
add(38, "a page before the table", "plain", "pe.cert-offset", moved(4096, b"x"))
late(39, "a byte behind the table", "pe.cert-end", directory(extra=b"x"))
late(39, "8 zeros behind the table", "pe.cert-end", directory(extra=bytes(8)))
late(39, "the file ends inside the table", "pe.cert-end", directory(drop=8))
late(39, "the table ends before the file", "pe.cert-end", directory(size=lambda old: old - 8))
table(40, "dwLength of 11", "cert.length", lambda b: entry(b, length=11))
table(40, "dwLength of 0", "cert.length", lambda b: entry(b, length=0))
table(40, "dwLength behind the table", "cert.length", lambda b: entry(b, length=len(b) + 24))
table(40, "dwLength of 4 GiB", "cert.length", lambda b: entry(b, length=0xffffffff))
table(40, "zeros behind the last entry", "cert.length", lambda b: entry(b) + bytes(8))
late(40, "foreign bytes in the table, up to its end", "cert.length",
     directory(size=lambda old: old + 4096, extra=b"\xeb\xfe" * 2048))
table(41, "revision 1", "cert.type", lambda b: entry(b, revision=0x100))
table(41, "an X.509 certificate", "cert.type", lambda b: entry(b, kind=1))
table(41, "type EFI_GUID", "cert.type", lambda b: entry(b, kind=0xef1))
table(42, "bytes behind the PKCS#7", "cert.padding", lambda b: entry(b + b"smuggled"))
table(42, "a byte in the entry's padding", "cert.padding",
      lambda b: entry(b + bytes(-len(b) % 8) + b"\0\0\0", padding=b"\0\0\0\0x"))


def two(number, name, check, second, base="plain", first=None):
    """Two signatures; second and first make blobs."""
    def make(m):
        good = m.base(base)
        blobs = [(first or (lambda m, d: m.blob(d)))(m, good), second(m, good)]
        data = with_table(good, entry(blobs[0]) + entry(blobs[1]))
        assert pe.certificates(bytearray(data)) == blobs
        return data
    add(number, name, base, check, make)


def foreign_blob(m, data):
    return m.blob(data, by=m.foreign)


def broken_blob(m, data):
    blob = bytearray(m.blob(data))
    blob[-1] ^= 1
    return bytes(blob)


for bases in ("plain", "sealed"):
    two(43, "the second of another file", "auth.digest", lambda m, d: m.blob(m.kernel), bases)
    two(43, "the foreign one first", "auth.trust", lambda m, d: m.blob(d), bases, foreign_blob)
    two(43, "the second broken", "auth.signature", broken_blob, bases)
two(43, "the second foreign and of another file", "auth.digest",
    lambda m, d: foreign_blob(m, m.kernel))
two(43, "the second no signature", "auth.pkcs7", lambda m, d: der.sequence(der.oid("1.2.3")))
table(43, "the second of another type", "cert.type", lambda b: entry(b) + entry(b, kind=1))
table(43, "nine signatures", "cert.count", lambda b: entry(b) * 9)

# 44-50: PKCS#7 ------------------------------------------------------------------------------------

def indefinite(blob):
    """The outer SEQUENCE in BER: indefinite length, end-of-contents."""
    body = blob[4:]
    assert blob[:2] == b"\x30\x82" and len(body) == int.from_bytes(blob[2:4], "big")
    return b"\x30\x80" + body + b"\0\0"


def indefinite_inside(blob):
    """[0] of the ContentInfo in BER, the outer length right again."""
    node = der.parse(blob)
    inner = node.children[1].contents()
    return der.sequence(node.children[0].encode(), b"\xa0\x80" + inner + b"\0\0")


def longer_length(blob):
    """The outer length in one byte more than it needs."""
    assert blob[:2] == b"\x30\x82"
    return b"\x30\x83\0" + blob[2:]


def long_length_inside(blob):
    node = der.parse(blob)
    version = node.children[1].children[0].children[0]
    version.length = b"\x81\x01"
    return node.encode()


def nested(node, *path):
    for i in path:
        node = node.children[i]
    return node


SIGNED = (1, 0)  # the SignedData in a ContentInfo


def get(blob, *path):
    return nested(der.parse(blob), *SIGNED, *path)


def infos(blob):
    return nested(der.parse(blob), *SIGNED).children[-1].children


def attributes_of(blob):
    return [a.children[0].encode() for a in infos(blob)[0].children[3].children]


def without_attribute(oid):
    def change(attributes):
        root = der.parse(attributes)
        kept = [a for a in root.children if a.children[0].encode() != der.oid(oid)]
        assert len(kept) == len(root.children) - 1
        root.children = kept
        return root.encode()
    return change


table(44, "indefinite length", "cert.der", lambda b: entry(indefinite(b)))
table(44, "indefinite length inside", "auth.pkcs7", lambda b: entry(indefinite_inside(b)))
table(44, "length not minimal", "cert.der", lambda b: entry(longer_length(b)))
table(44, "length not minimal inside", "auth.pkcs7", lambda b: entry(long_length_inside(b)))
table(44, "not a SEQUENCE", "cert.der", lambda b: entry(b"\x31" + b[1:]))
table(44, "PKCS#7 cut", "cert.der", lambda b: entry(b[:-8]))
signed(45, "PKCS#7 of 64 KiB", "pe.cert-size",
       Recipe(unauthenticated=[attribute("1.2.3.4", der.octets(bytes(65536)))]),
       lambda b: len(der.parse(b).encode()) > 65536)
table(45, "PKCS#7 that says 64 KiB", "cert.der", lambda b: entry(b"\x30\x83\1\0\0" + bytes(1000)))


def data_instead(blob):
    """A ContentInfo of type data around the same bytes."""
    node = der.parse(blob)
    return der.sequence(der.oid("1.2.840.113549.1.7.1"), node.children[1].encode())


table(46, "not SignedData", "auth.pkcs7", lambda b: entry(data_instead(b)))
signed(46, "signed is a trust list", "auth.content-type", Recipe(content_type="1.3.6.1.4.1.311.10.1"),
       lambda b: get(b, 2, 0).encode() == der.oid("1.3.6.1.4.1.311.10.1"))
signed(46, "signed is no PE image", "auth.content", Recipe(pe_type="1.3.6.1.4.1.311.2.1.30"),
       lambda b: get(b, 2, 1, 0, 0, 0).encode() == der.oid("1.3.6.1.4.1.311.2.1.30"))


def digest_of(blob):
    return get(blob, 2, 1, 0, 1)


for alg, size in (("md5", 16), ("sha1", 20)):
    signed(47, f"all of it {alg}", "auth.digest-algorithm",
           Recipe(image_alg=alg, listed=[alg], signer_alg=alg),
           lambda b, n=size: len(digest_of(b).children[1].value) == n)
signed(47, "image digest of SHA-1", "auth.digest-algorithm", Recipe(image_alg="sha1"),
       lambda b: len(digest_of(b).children[1].value) == 20)
signed(47, "digest cut", "auth.content", Recipe(digest=lambda d: d[:-1]),
       lambda b: len(digest_of(b).children[1].value) == 31)
signed(47, "digest longer", "auth.content", Recipe(digest=lambda d: d + b"\0"),
       lambda b: len(digest_of(b).children[1].value) == 33)
signed(47, "image digest of SHA-384, signer's of SHA-256", "auth.digest-algorithm",
       Recipe(image_alg="sha384"), lambda b: len(digest_of(b).children[1].value) == 48)
signed(47, "signer's digest of SHA-384 only", "auth.digest-algorithm",
       Recipe(listed=["sha256"], signer_alg="sha384"), lambda b: infos(b)[0].children[2].encode()
       == signer.algorithm("sha384"))
signed(48, "no SignerInfo", "auth.signer-info", Recipe(signer_infos=lambda info: []),
       lambda b: not infos(b))
signed(48, "two SignerInfos", "auth.signer-info", Recipe(signer_infos=lambda info: [info, info]),
       lambda b: len(infos(b)) == 2)
signed(48, "no attributes", "auth.attributes", Recipe(no_attributes=True),
       lambda b: infos(b)[0].children[3].tag == 0x30)
signed(48, "no contentType", "auth.attributes",
       Recipe(attributes=without_attribute(signer.CONTENT_TYPE)),
       lambda b: der.oid(signer.CONTENT_TYPE) not in attributes_of(b))
signed(48, "no messageDigest", "auth.attributes",
       Recipe(attributes=without_attribute(signer.MESSAGE_DIGEST)),
       lambda b: der.oid(signer.MESSAGE_DIGEST) not in attributes_of(b))
signed(48, "an attribute twice", "auth.attributes",
       Recipe(more_attributes=[attribute("1.2.3.4", der.NULL)] * 2),
       lambda b: attributes_of(b).count(der.oid("1.2.3.4")) == 2)
signed(48, "an attribute with two values", "auth.attributes",
       Recipe(more_attributes=[attribute("1.2.3.4", der.integer(1), der.NULL)]),
       lambda b: der.oid("1.2.3.4") in attributes_of(b))
signed(49, "messageDigest over the content with its header", "auth.message-digest",
       Recipe(signed_content=der.sequence),
       lambda b: signer.hashlib.sha256(get(b, 2, 1, 0).encode()).digest() in b)


def trusted_one_nested(m):
    """By a stranger; ours is an unauthenticated attribute of it, as dual signing tools put it."""
    good = m.base("plain")
    ours = m.blob(good)
    recipe = Recipe(unauthenticated=[attribute("1.3.6.1.4.1.311.2.4.1", ours)])
    blob = m.blob(good, recipe, by=m.foreign)
    assert ours in blob and blob.count(m.foreign.certificate) == 1
    return with_table(good, entry(blob))


add(50, "the trusted signature inside the foreign one", "plain", "auth.trust", trusted_one_nested)

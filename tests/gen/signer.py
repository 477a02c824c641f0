# SPDX-License-Identifier: GPL-2.0-or-later
"""A signer that signs anything: Authenticode for PE files that no honest tool would touch.

Without it every change of a header would end as a digest mismatch and prove nothing about the
rules behind it.
"""

import hashlib
import struct
from dataclasses import dataclass, field
from typing import Callable, List, NamedTuple, Optional, Tuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

import der

SIGNED_DATA = "1.2.840.113549.1.7.2"
CONTENT_TYPE = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
SIGNING_TIME = "1.2.840.113549.1.9.5"
INDIRECT_DATA = "1.3.6.1.4.1.311.2.1.4"
PE_IMAGE = "1.3.6.1.4.1.311.2.1.15"
OPUS_INFO = "1.3.6.1.4.1.311.2.1.12"
RSA = "1.2.840.113549.1.1.1"
DIGESTS = {
    "md5": ("1.2.840.113549.2.5", hashes.MD5),
    "sha1": ("1.3.14.3.2.26", hashes.SHA1),
    "sha224": ("2.16.840.1.101.3.4.2.4", hashes.SHA224),
    "sha256": ("2.16.840.1.101.3.4.2.1", hashes.SHA256),
    "sha384": ("2.16.840.1.101.3.4.2.2", hashes.SHA384),
    "sha512": ("2.16.840.1.101.3.4.2.3", hashes.SHA512),
}


# Digests of an image ----------------------------------------------------------------------------

class Unreadable(Exception):
    """The kernel's own reading of the headers ends here."""


class HeaderFields(NamedTuple):
    checksum: int  # offset of CheckSum
    directory: int  # offset of the certificate directory entry
    cert_address: int
    cert_size: int
    headers: int  # SizeOfHeaders
    sections: List[Tuple[bytes, int, int, int, int]]  # name, vsize, address, raw size, raw


def header_fields(data: bytes) -> HeaderFields:
    """What the kernel's parser reads, at the places where it reads."""
    try:
        pe = struct.unpack_from("<I", data, 0x3c)[0]
        n_sections = struct.unpack_from("<H", data, pe + 6)[0]
        opt = pe + 24
        fixed = {0x20b: 112, 0x10b: 96}[struct.unpack_from("<H", data, opt)[0]]
        headers = struct.unpack_from("<I", data, opt + 60)[0]
        n_dirs = struct.unpack_from("<I", data, opt + fixed - 4)[0]
        directory = opt + fixed + 32
        table = opt + fixed + 8 * n_dirs
        if n_sections > 4096 or n_dirs > 4096:
            raise Unreadable
        sections = [struct.unpack_from("<8sIIII", data, table + 40 * i) for i in range(n_sections)]
        return HeaderFields(opt + 64, directory, *struct.unpack_from("<II", data, directory),
                            headers, sections)
    except (struct.error, KeyError) as e:
        raise Unreadable from e


def kernel_ranges(data: bytes) -> List[range]:
    """What pefile_digest_pe_contents() hashes, in its order (Linux 6.12)."""
    f = header_fields(data)
    if not f.directory + 8 <= f.headers < len(data):
        raise Unreadable
    ranges = [range(0, f.checksum), range(f.checksum + 4, f.directory),
              range(f.directory + 8, f.headers)]
    hashed = f.headers
    for _name, _vsize, _va, size, raw in sorted(
            f.sections, key=lambda s: (s[4], s[2], s[0], s[1], s[3])):
        if not size:
            continue
        if raw + size > len(data):
            raise Unreadable  # the kernel reads on behind its buffer
        hashed += size
        ranges.append(range(raw, raw + size))
    if len(data) > hashed:
        if not hashed < hashed + f.cert_size <= len(data):
            raise Unreadable
        ranges.append(range(hashed, len(data) - f.cert_size))
    return ranges


def linear_ranges(data: bytes) -> List[range]:
    """From the beginning to the certificate table, as osslsigncode reads."""
    f = header_fields(data)
    if not f.directory + 8 <= f.cert_address <= len(data):
        raise Unreadable
    return [range(0, f.checksum), range(f.checksum + 4, f.directory),
            range(f.directory + 8, f.cert_address)]


MODELS = {"kernel": kernel_ranges, "linear": linear_ranges}


def image_digest(data: bytes, model: str = "kernel", alg: str = "sha256") -> bytes:
    digest = hashlib.new(alg)
    for r in MODELS[model](data):
        digest.update(data[r.start:r.stop])
    return digest.digest()


# PKCS#7 -----------------------------------------------------------------------------------------

Change = Callable[[bytes], bytes]


def unchanged(data: bytes) -> bytes:
    return data


@dataclass
class Recipe:
    """A SignedData and in what it differs from a proper one. The signature is always good."""
    name: str = "proper"
    image_alg: str = "sha256"
    listed: List[str] = field(default_factory=lambda: ["sha256"])
    signer_alg: str = "sha256"  # what attributes and signature are made with
    named_alg: Optional[str] = None  # what SignerInfo says, if not signer_alg
    signature_oid: str = RSA
    version: int = 1
    signer_version: int = 1
    content_type: str = INDIRECT_DATA
    pe_type: str = PE_IMAGE
    more_attributes: List[bytes] = field(default_factory=list)
    attributes: Change = unchanged  # the SET, before it is signed
    content: Change = unchanged  # SpcIndirectDataContent, before it is digested
    signed_content: Change = unchanged  # what of it messageDigest is made of
    digest: Change = unchanged  # of the image
    certificates: Callable[[List[bytes]], List[bytes]] = unchanged
    crls: List[bytes] = field(default_factory=list)
    unauthenticated: List[bytes] = field(default_factory=list)
    signer_infos: Callable[[bytes], List[bytes]] = lambda info: [info]
    no_attributes: bool = False


def algorithm(name: str) -> bytes:
    return der.sequence(der.oid(DIGESTS[name][0]), der.NULL)


def attribute(kind: str, *values: bytes) -> bytes:
    return der.sequence(der.oid(kind), der.set_of(*values))


def opus_info(length: int) -> bytes:
    """SpcSpOpusInfo whose moreInfo is a URL of this length."""
    url = der.tlv(0x80, b"https://example.org/".ljust(length, b"u"))
    return attribute(OPUS_INFO, der.sequence(der.tlv(0xa1, url)))


class Signer:
    """A key and its certificate, RSA."""

    def __init__(self, stem):
        self.key = serialization.load_pem_private_key(stem.with_suffix(".key").read_bytes(), None)
        self.certificate = stem.with_suffix(".der").read_bytes()
        self.name = x509.load_der_x509_certificate(self.certificate)

    def issuer_and_serial(self) -> bytes:
        return der.sequence(self.name.issuer.public_bytes(), der.integer(self.name.serial_number))

    def pkcs7(self, image_digest_: bytes, recipe: Recipe = Recipe()) -> bytes:
        """A SignedData over an image's digest.

        Its length is a multiple of 8 if the recipe lets it: osslsigncode 2.5 (Debian 12) refuses
        any other dwLength. The URL in SpcSpOpusInfo is as long as that needs, and long enough to
        be the last attribute in any case.
        """
        for length in range(32, 40):
            blob = self._pkcs7(image_digest_, recipe, length)
            if len(blob) % 8 == 0:
                break
        return blob

    def _pkcs7(self, digest: bytes, recipe: Recipe, url_length: int) -> bytes:
        content = self._content(digest, recipe)
        info = self._signer_info(content, recipe, url_length)
        parts = [
            der.integer(recipe.version),
            der.set_of(*map(algorithm, recipe.listed)),
            der.sequence(der.oid(recipe.content_type), der.tlv(0xa0, content)),
            der.tlv(0xa0, *recipe.certificates([self.certificate])),
        ]
        if recipe.crls:
            parts.append(der.tlv(0xa1, *recipe.crls))
        parts.append(der.set_of(*recipe.signer_infos(info)))
        return der.sequence(der.oid(SIGNED_DATA), der.tlv(0xa0, der.sequence(*parts)))

    @staticmethod
    def _content(digest: bytes, recipe: Recipe) -> bytes:
        obsolete = der.tlv(0xa0, der.tlv(0xa2, der.tlv(0x80, "<<<Obsolete>>>".encode("utf-16-be"))))
        image = der.sequence(der.oid(recipe.pe_type),
                             der.sequence(der.tlv(0x03, b"\0"), obsolete))
        info = der.sequence(algorithm(recipe.image_alg), der.octets(recipe.digest(digest)))
        return recipe.content(der.sequence(image, info))

    def _signer_info(self, content: bytes, recipe: Recipe, url_length: int) -> bytes:
        signed = recipe.signed_content(contents_of(content))
        attributes = recipe.attributes(der.set_of(*sorted([
            attribute(CONTENT_TYPE, der.oid(recipe.content_type)),
            attribute(MESSAGE_DIGEST, der.octets(hashlib.new(recipe.signer_alg, signed).digest())),
            opus_info(url_length), *recipe.more_attributes])))
        covered = signed if recipe.no_attributes else attributes
        signature = self.key.sign(covered, padding.PKCS1v15(), DIGESTS[recipe.signer_alg][1]())
        parts = [der.integer(recipe.signer_version), self.issuer_and_serial(),
                 algorithm(recipe.named_alg or recipe.signer_alg)]
        if not recipe.no_attributes:
            parts.append(b"\xa0" + attributes[1:])
        parts += [der.sequence(der.oid(recipe.signature_oid), der.NULL), der.octets(signature)]
        if recipe.unauthenticated:
            parts.append(der.tlv(0xa1, *recipe.unauthenticated))
        return der.sequence(*parts)


def contents_of(data: bytes) -> bytes:
    """What follows the header of an element, however wrong its length."""
    if len(data) > 1 and data[1] & 0x80:
        return data[2 + (data[1] & 0x7f):]
    return data[2:]

# SPDX-License-Identifier: GPL-2.0-or-later
"""Authenticode signatures made by hand, as a signing service would that is given a digest.

Shares nothing with ukdump's own signing code; sees no image.
"""

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

import pki

_DIGESTS = {
    "sha256": ("2.16.840.1.101.3.4.2.1", hashes.SHA256),
    "sha384": ("2.16.840.1.101.3.4.2.2", hashes.SHA384),
}
_SPC_INDIRECT_DATA = "1.3.6.1.4.1.311.2.1.4"
_SPC_PE_IMAGE_DATA = "1.3.6.1.4.1.311.2.1.15"


def _tlv(tag, *contents):
    data = b"".join(contents)
    n = len(data)
    if n < 128:
        length = bytes([n])
    else:
        size = (n.bit_length() + 7) // 8
        length = bytes([0x80 | size]) + n.to_bytes(size, "big")
    return bytes([tag]) + length + data


def _oid(dotted):
    first, second, *rest = (int(n) for n in dotted.split("."))
    data = bytearray([40 * first + second])
    for n in rest:
        groups = [n & 0x7f]
        while n > 0x7f:
            n >>= 7
            groups.append(n & 0x7f | 0x80)
        data += bytes(reversed(groups))
    return _tlv(6, bytes(data))


def _integer(n):
    return _tlv(2, n.to_bytes(n.bit_length() // 8 + 1, "big"))


def _sequence(*contents):
    return _tlv(0x30, *contents)


def _digest(algorithm, data):
    h = hashes.Hash(_DIGESTS[algorithm][1]())
    h.update(data)
    return h.finalize()


def sign(digest, directory, name, algorithm="sha256"):
    """DER PKCS#7 over SpcIndirectData with this digest, by directory/name.{key,crt} (RSA)."""
    key = pki.load_key(directory / f"{name}.key")
    cert = pki.load_certificate(directory / f"{name}.crt")
    method = _sequence(_oid(_DIGESTS[algorithm][0]), _tlv(5))
    image_data = _sequence(_tlv(3, b"\0"), _tlv(0xa0, _tlv(0xa2, _tlv(0x80))))
    content = (_sequence(_oid(_SPC_PE_IMAGE_DATA), image_data) +
               _sequence(method, _tlv(4, digest)))
    attributes = b"".join(sorted((
        _sequence(_oid("1.2.840.113549.1.9.3"), _tlv(0x31, _oid(_SPC_INDIRECT_DATA))),
        _sequence(_oid("1.2.840.113549.1.9.4"), _tlv(0x31, _tlv(4, _digest(algorithm, content)))),
    )))
    signature = key.sign(_tlv(0x31, attributes), padding.PKCS1v15(), _DIGESTS[algorithm][1]())
    signer = _sequence(
        _integer(1), _sequence(cert.issuer.public_bytes(), _integer(cert.serial_number)), method,
        _tlv(0xa0, attributes), _sequence(_oid("1.2.840.113549.1.1.1"), _tlv(5)),
        _tlv(4, signature))
    signed = _sequence(
        _integer(1), _tlv(0x31, method),
        _sequence(_oid(_SPC_INDIRECT_DATA), _tlv(0xa0, _sequence(content))),
        _tlv(0xa0, cert.public_bytes(serialization.Encoding.DER)), _tlv(0x31, signer))
    return _sequence(_oid("1.2.840.113549.1.7.2"), _tlv(0xa0, signed))

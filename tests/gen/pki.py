#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Throw-away keys and certificates for tests: NAME.key (0600), NAME.crt (PEM), NAME.der.

    pki.py DIR      makes the Secure Boot set: PK, KEK, db, foreign

As a library: make(directory, name, common_name, ...) makes any other, also chains.
"""

import datetime
import os
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# name -> common name. "foreign" is never enrolled anywhere.
SECURE_BOOT = {
    "PK": "ukdump test PK",
    "KEK": "ukdump test KEK",
    "db": "ukdump test db",
    "foreign": "ukdump test foreign",
}

_GENERATE = {
    "rsa2048": lambda: rsa.generate_private_key(65537, 2048),
    "rsa3072": lambda: rsa.generate_private_key(65537, 3072),
    "rsa4096": lambda: rsa.generate_private_key(65537, 4096),
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
}


def make(directory, name, common_name, kind="rsa2048", issuer=None, authority=False,
         digest=hashes.SHA256(), days=(-1, 3650), code_signing=False):
    """Makes NAME.key, NAME.crt, NAME.der in directory and returns the directory / name stem.

    issuer is the name of an earlier certificate in directory, None means self-signed.
    days is the validity relative to now: (-20, -10) makes an expired certificate.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    key = _GENERATE[kind]()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    if issuer is None:
        issuer_name, issuer_key = subject, key
    else:
        issuer_name = load_certificate(directory / f"{issuer}.crt").subject
        issuer_key = load_key(directory / f"{issuer}.key")

    now = datetime.datetime.utcnow()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=days[0]))
        .not_valid_after(now + datetime.timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        # The kernel names a key in /proc/keys by its subject and this identifier.
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False)
    )
    if code_signing:
        builder = builder.add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
    certificate = builder.sign(issuer_key, digest)

    _write(directory / f"{name}.key", 0o600, key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()))
    _write(directory / f"{name}.crt", 0o644, certificate.public_bytes(serialization.Encoding.PEM))
    _write(directory / f"{name}.der", 0o644, certificate.public_bytes(serialization.Encoding.DER))
    return directory / name


def secure_boot_set(directory):
    """Makes those of the Secure Boot set that directory does not have yet."""
    for name, common_name in SECURE_BOOT.items():
        # The .der is written last: where it is, the others are complete.
        if not (Path(directory) / f"{name}.der").exists():
            make(directory, name, common_name)


def load_certificate(path):
    return x509.load_pem_x509_certificate(Path(path).read_bytes())


def load_key(path):
    return serialization.load_pem_private_key(Path(path).read_bytes(), None)


def _write(path, mode, data):
    path.unlink(missing_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(fd, "wb") as file:
        file.write(data)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    secure_boot_set(sys.argv[1])

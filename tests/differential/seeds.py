# SPDX-License-Identifier: GPL-2.0-or-later
"""The images that mutants are made of: sealed, small, signed so that every verifier takes them."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple

REPO = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BUILD") or REPO / "build").resolve()
sys.path.insert(0, str(REPO / "tests" / "gen"))

import bzimage  # noqa: E402
import pki  # noqa: E402
from mutate_cert import first_blob, set_table, win_certificate  # noqa: E402
from mutate_pe import Layout  # noqa: E402
from signer import Recipe, Signer, attribute, image_digest  # noqa: E402
import der  # noqa: E402

KEYS = REPO / "build" / "cache" / "keys"  # those that the guests' firmware has enrolled


class Seed(NamedTuple):
    name: str
    data: bytes
    layout: Layout


def signers() -> Dict[str, Signer]:
    """db, which everybody trusts, and foreign, which nobody does."""
    pki.secure_boot_set(KEYS)
    return {name: Signer(KEYS / name) for name in ("db", "foreign")}


def more_certificates(work: Path) -> Dict[str, bytes]:
    """Certificates that a signature may embed beside the signer's."""
    out = {"a stranger": (KEYS / "foreign.der").read_bytes()}
    pki.make(work, "ec", "elliptic", kind="p256")
    pki.make(work, "authority", "authority", authority=True)
    pki.make(work, "issued", "issued", issuer="authority", code_signing=True)
    for name in ("ec", "authority", "issued"):
        out[f"one of {name}"] = (work / f"{name}.der").read_bytes()
    return out


def build(work: Path, name: str, *options, uefi: bool = False) -> bytes:
    """An unsigned sealed image, by default around the minimal kernel."""
    files = {"kernel": bzimage.minimal(), "initrd": b"070701 initrd" * 20, "osrel": b"ID=test\n"}
    for file, content in files.items():
        (work / file).write_bytes(content)
    out = work / f"{name}.efi"
    subprocess.run([BUILD / "ukdumpctl", "build", "--kernel", work / "kernel", "--initrd",
                    work / "initrd", "--cmdline", "panic=1", "--osrel", work / "osrel",
                    *([] if uefi else ["--no-uefi"]), "--no-sign", "-o", out, *options],
                   check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    return out.read_bytes()


def sign(unsigned: bytes, *signatures) -> bytes:
    """Adds a table with (signer, recipe) each, over the digest of the unsigned image."""
    data = bytearray(unsigned)
    directory = Layout.of(data).directory
    data[directory:directory + 4] = len(data).to_bytes(4, "little")
    digest = image_digest(bytes(data))
    table = b"".join(win_certificate(who.pkcs7(digest, recipe)) for who, recipe in signatures)
    return bytes(set_table(data, Layout.of(data), table))


def small_seeds(work: Path, who: Dict[str, Signer]) -> List[Seed]:
    """One to 64 KiB each: plain, with more sections, with two signatures."""
    proper, another = Recipe(), Recipe(more_attributes=[attribute("1.2.3.4", der.NULL)])
    db, foreign = who["db"], who["foreign"]
    bare = build(work, "bare")
    more = build(work, "more", "--section", f".splash={work}/osrel", "--section",
                 f".extra={work}/initrd", "--uname", "6.99.1-test")
    made = {"plain": sign(bare, (db, proper)),
            "more sections": sign(more, (db, proper)),
            "foreign second": sign(bare, (db, proper), (foreign, proper)),
            "two good": sign(bare, (db, another), (db, proper))}
    return [Seed(name, data, Layout.of(data)) for name, data in made.items()]


def real_seeds(work: Path, signer: Signer) -> Iterator[Seed]:
    """Debian's 6.12 kernel sealed, and as a plain UKI made by ukify; one at a time."""
    sys.path.insert(0, str(REPO / "tests" / "vm"))
    from vmbed import firmware, packages  # pylint: disable=import-outside-toplevel
    kernel = packages.kernel("6.12")
    initrd = work / "real-initrd"
    initrd.write_bytes(b"070701 no cpio " * 1000)
    sealed = build(work, "real", "--kernel", kernel.image, "--initrd", initrd, "--stub",
                   packages.uefi_stub("trixie"), uefi=True)
    plain = firmware.uki(work / "plain.efi", kernel.image, initrd, "panic=1", key=None)
    for name, data in (("a real sealed image", sealed), ("a real plain UKI", plain.read_bytes())):
        signed = sign(data, (signer, Recipe()))
        yield Seed(name, signed, Layout.of(signed))


def strangers(seeds: List[Seed], who: Dict[str, Signer]) -> Dict[str, bytes]:
    """Signatures that are well formed, but not of these images or not of our signer."""
    data, layout = seeds[0].data, seeds[0].layout
    other = image_digest(bytes([data[0] ^ 1]) + data[1:])
    return {"a transplant": who["db"].pkcs7(other),
            "a foreign one": who["foreign"].pkcs7(image_digest(data)),
            "the very same": first_blob(data, layout)}

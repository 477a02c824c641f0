#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Named corruptions of signed sealed images, each of which proves that it made exactly its change.

    image = Image(path.read_bytes())
    data = flip_section(image, ".initrd")      # one bit of one byte in the middle of .initrd

    tamper.py IMAGE OUTDIR    makes every corruption that needs no other key, one file each
"""

import struct
import sys
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Tuple

import pe

BOOT_HEADER_INIT_SIZE = 0x260  # how much memory the running kernel reserves for the image
BOOT_ENTRY_TARGET = 0x601  # where the jump at the 64-bit entry leads
PE_HEADER = 0x640  # e_lfanew of a sealed image

# Every section of a sealed image whose change has a row of its own.
SECTIONS = [".linux", ".initrd", ".cmdline", ".osrel", ".uname", ".sbat", ".text", ".kexec"]


class Section(NamedTuple):
    header: int  # file offset of its entry in the section table
    raw: int  # file offset of its content
    size: int  # length of its content, padding excluded


class Image:
    """Where things are in a signed sealed image."""

    def __init__(self, data: bytes):
        self.data = bytes(data)
        assert pe.get32(data, 0x3c) == PE_HEADER, "not a sealed image"
        optional = PE_HEADER + 24
        self.checksum = optional + 64
        self.certdir = optional + pe.OPTIONAL_FIXED + 8 * pe.CERT_DIRECTORY
        self.cert_offset = pe.get32(data, self.certdir)
        self.cert_size = pe.get32(data, self.certdir + 4)
        assert self.cert_offset + self.cert_size == len(data), "not signed, or not as expected"
        self.sections = dict(self._read_sections(optional + pe.get16(data, PE_HEADER + 20)))

    def _read_sections(self, table: int):
        for i in range(pe.get16(self.data, PE_HEADER + 6)):
            at = table + i * pe.SECTION_HEADER
            name, vsize, _, raw_size, raw = struct.unpack_from("<8sIIII", self.data, at)
            yield name.rstrip(b"\0").decode(), Section(at, raw, min(vsize, raw_size))

    def content(self, name: str) -> bytes:
        """What a section holds."""
        section = self.sections[name]
        return self.data[section.raw:section.raw + section.size]


# One byte ---------------------------------------------------------------------------------------

def flip(image: Image, offset: int, bit: int = 1) -> bytes:
    """Flips one bit of one byte."""
    assert bit in (1, 2, 4, 8, 16, 32, 64, 128)
    data = bytearray(image.data)
    data[offset] ^= bit
    assert len(data) == len(image.data)
    assert data[:offset] == image.data[:offset] and data[offset + 1:] == image.data[offset + 1:]
    assert data[offset] ^ image.data[offset] == bit
    return bytes(data)


def flip_boot_header(image: Image) -> bytes:
    """Another init_size: less memory is reserved than the inner kernel needs."""
    return flip(image, BOOT_HEADER_INIT_SIZE + 1)


def flip_boot_entry(image: Image) -> bytes:
    """The first instruction jumps elsewhere."""
    assert image.data[BOOT_ENTRY_TARGET - 1] == 0xe9
    return flip(image, BOOT_ENTRY_TARGET)


def flip_section_table(image: Image) -> bytes:
    """The command line's VirtualSize becomes smaller: its end is cut off."""
    size = image.sections[".cmdline"].header + 8
    lowest = image.data[size] & -image.data[size]
    assert lowest, "the command line's length is a multiple of 256"
    return flip(image, size, lowest)


def flip_section(image: Image, name: str) -> bytes:
    """A byte in the middle of a section; in text a digit, which stays one.

    So it is the digest that finds the change, and no rule about the text. A digit that is all of a
    CSV column is passed over: an SBAT generation must not become 0.
    """
    section = image.sections[name]
    middle = section.raw + section.size // 2
    end = section.raw + section.size
    digits = (i for i in range(middle, end) if image.data[i] in b"0123456789" and
              image.data[i - 1:i + 2:2] != b",,")
    changed = next(digits, middle)
    assert section.raw <= changed < end
    return flip(image, changed)


# Length and certificate table -------------------------------------------------------------------

def truncated(image: Image, length: int) -> bytes:
    assert 0 < length < len(image.data)
    data = image.data[:length]
    assert len(data) == length and image.data.startswith(data)
    return data


def without_last_byte(image: Image) -> bytes:
    return truncated(image, len(image.data) - 1)


def first_half(image: Image) -> bytes:
    return truncated(image, len(image.data) // 2)


def extended(image: Image, count: int) -> bytes:
    """Bytes behind the end, in no table."""
    data = image.data + b"\xcc" * count
    assert data.startswith(image.data) and len(data) == len(image.data) + count
    return data


def one_byte_more(image: Image) -> bytes:
    return extended(image, 1)


def one_page_more(image: Image) -> bytes:
    return extended(image, 4096)


def unsigned(image: Image) -> bytes:
    """Without its certificate table."""
    data = bytearray(image.data[:image.cert_offset])
    data[image.certdir:image.certdir + 8] = bytes(8)
    assert_same_content(image, data)
    assert len(data) == image.cert_offset
    return bytes(data)


def signed_by(image: Image, *others: "Image") -> bytes:
    """With the first signature of each of others, in this order; all have the same content."""
    for other in others:
        assert_same_content(image, other.data)
    blobs = [pe.certificates(other.data)[0] for other in others]
    data = pe.attach(bytearray(unsigned(image)), *blobs)
    assert_same_content(image, data)
    assert pe.certificates(data) == blobs
    return bytes(data)


def certificates_enlarged(image: Image, count: int = 1 << 20) -> bytes:
    """Foreign bytes behind the signature, and a directory entry that covers them: no digest does.

    They are jumps to themselves, in case anything should ever run them.
    """
    data = bytearray(image.data + b"\xeb\xfe" * (count // 2))
    pe.put32(data, image.certdir + 4, image.cert_size + count)
    assert_same_content(image, data)
    assert data[image.cert_offset:].startswith(image.data[image.cert_offset:])
    assert image.cert_offset + pe.get32(data, image.certdir + 4) == len(data)
    return bytes(data)


def assert_same_content(image: Image, data: bytes) -> None:
    """Only what no digest covers differs: checksum, certificate directory, certificate table."""
    def covered(b):
        return [b[:image.checksum], b[image.checksum + 4:image.certdir],
                b[image.certdir + 8:image.cert_offset]]
    assert covered(data) == covered(image.data)


# All of them ------------------------------------------------------------------------------------

Corruption = Callable[[Image], bytes]


def _flip_of(name: str) -> Corruption:
    return lambda image: flip_section(image, name)


def corruptions() -> List[Tuple[str, Corruption]]:
    """Title and function of those that need nothing but the image, in the order of the table."""
    return [
        ("boot header", flip_boot_header),
        ("64-bit entry", flip_boot_entry),
        ("section table", flip_section_table),
        *((name, _flip_of(name)) for name in SECTIONS),
        ("last byte missing", without_last_byte),
        ("second half missing", first_half),
        ("one byte behind the end", one_byte_more),
        ("4 KiB behind the end", one_page_more),
        ("unsigned", unsigned),
    ]


def all_corruptions(image: Image, foreign: Image) -> Dict[str, bytes]:
    """Every image that must be refused. foreign: the same image with another signature."""
    made = {title: make(image) for title, make in corruptions()}
    made["foreign signature"] = signed_by(image, foreign)
    made["foreign signature first"] = signed_by(image, foreign, image)
    assert len(set(made.values())) == len(made), "two corruptions are the same"
    return made


def main(argv: List[str]) -> None:
    if len(argv) != 3 or argv[1].startswith("-"):
        sys.exit(__doc__)
    image, output = Image(Path(argv[1]).read_bytes()), Path(argv[2])
    output.mkdir(parents=True, exist_ok=True)
    for title, make in corruptions():
        (output / f"{title.replace(' ', '-')}.efi").write_bytes(make(image))


if __name__ == "__main__":
    main(sys.argv)

#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Small PE32+ EFI applications for tests: valid by default, every field open to corruption.

    image = Image([Section(".text", b"\\xf4", CODE), Section(".linux", b"...")])
    image.machine = 0x14c             # a field before it is laid out
    image.sections[1].raw_size = 1    # None means: worked out by layout()
    data = image.bytes()
    put32(data, image.certdir + 4, 0) # or a byte afterwards

    pe.py OUT [NAME=FILE]...          # a plain UKI, with sections replaced or added

tests/unit/fixture_pe.c makes the same in C.
"""

import struct
import sys
from dataclasses import dataclass, field
from typing import List, Optional

DATA = 0x40000040  # initialized data, readable
CODE = 0x60000020  # code, executable, readable

SECTION_HEADER = 40
OPTIONAL_FIXED = 112  # PE32+ optional header before the data directories
CERT_DIRECTORY = 4


def align(value, to):
    return (value + to - 1) // to * to


def put16(data, offset, value):
    struct.pack_into("<H", data, offset, value)


def put32(data, offset, value):
    struct.pack_into("<I", data, offset, value)


def get16(data, offset):
    return struct.unpack_from("<H", data, offset)[0]


def get32(data, offset):
    return struct.unpack_from("<I", data, offset)[0]


@dataclass
class Section:
    """One section. What is None is worked out by Image.layout(); what is set stays as it is."""
    name: object  # str, or bytes for names that are not proper
    data: bytes = b""
    flags: int = DATA
    virtual_size: Optional[int] = None
    virtual_address: Optional[int] = None
    raw_size: Optional[int] = None
    raw: Optional[int] = None
    relocations: int = 0  # PointerToRelocations
    line_numbers: int = 0  # PointerToLinenumbers
    counts: int = 0  # NumberOfRelocations and NumberOfLinenumbers

    def header(self):
        name = self.name.encode() if isinstance(self.name, str) else self.name
        return struct.pack("<8sIIIIIIII", name, self.virtual_size, self.virtual_address,
                           self.raw_size, self.raw, self.relocations, self.line_numbers,
                           self.counts, self.flags)


@dataclass
class Image:
    """A PE file. Sections lie behind each other without gaps, in table, file and memory order."""
    sections: List[Section] = field(default_factory=list)
    pe_offset: int = 0x80  # e_lfanew
    signature: bytes = b"PE\0\0"
    machine: int = 0x8664
    section_count: Optional[int] = None
    symbol_table: int = 0
    symbol_count: int = 0
    characteristics: int = 0x22e
    magic: int = 0x20b
    optional_size: Optional[int] = None
    entry: Optional[int] = None  # default: start of the first section
    section_alignment: int = 0x1000
    file_alignment: int = 0x200
    image_size: Optional[int] = None
    header_size: int = 0x1000
    checksum_value: int = 0
    subsystem: int = 10
    dll_characteristics: int = 0x100  # NX_COMPAT
    directory_count: int = 16
    directories: dict = field(default_factory=dict)  # index -> (address, size)
    tail: bytes = b""  # behind the last section

    @property
    def optional(self):
        """File offset of the optional header."""
        return self.pe_offset + 24

    @property
    def checksum(self):
        """File offset of CheckSum: 4 bytes outside the Authenticode digest."""
        return self.optional + 64

    @property
    def certdir(self):
        """File offset of the certificate directory entry: 8 bytes outside the digest."""
        return self.optional + OPTIONAL_FIXED + 8 * CERT_DIRECTORY

    @property
    def section_table(self):
        """File offset of the first section header."""
        size = self.optional_size
        if size is None:
            size = OPTIONAL_FIXED + 8 * self.directory_count
        return self.optional + size

    def section_header(self, index):
        """File offset of a section header."""
        return self.section_table + SECTION_HEADER * index

    def section(self, name):
        """The first section of this name."""
        return next(s for s in self.sections if s.name == name)

    def layout(self):
        """Fills in what is None. Returns the end of the image in memory."""
        raw, address = self.header_size, align(self.header_size, self.section_alignment)
        for s in self.sections:
            if s.virtual_size is None:
                s.virtual_size = len(s.data)
            if s.virtual_address is None:
                s.virtual_address = address
            if s.raw_size is None:
                s.raw_size = align(len(s.data), self.file_alignment)
            if s.raw is None:
                s.raw = raw if s.raw_size else 0
            raw = max(raw, s.raw + s.raw_size)
            address = align(s.virtual_address + s.virtual_size, self.section_alignment)
        return address

    def headers(self, memory_end):
        """DOS header, PE headers and section table, not padded."""
        count = len(self.sections) if self.section_count is None else self.section_count
        optional_size = self.section_table - self.optional
        entry = self.entry
        if entry is None:
            entry = self.sections[0].virtual_address if self.sections else 0
        size = memory_end if self.image_size is None else self.image_size

        dos = struct.pack("<2s58xI", b"MZ", self.pe_offset).ljust(self.pe_offset, b"\0")
        coff = struct.pack("<4sHHIIIHH", self.signature, self.machine, count, 0,
                           self.symbol_table, self.symbol_count, optional_size,
                           self.characteristics)
        optional = struct.pack(
            "<HBBIIIIIQIIHHHHHHIIIIHHQQQQII", self.magic, 0, 0, 0, 0, 0, entry, 0, 0,
            self.section_alignment, self.file_alignment, 0, 0, 0, 0, 0, 0, 0, size,
            self.header_size, self.checksum_value, self.subsystem, self.dll_characteristics,
            0, 0, 0, 0, 0, self.directory_count)
        for i in range(min(self.directory_count, 16)):
            optional += struct.pack("<II", *self.directories.get(i, (0, 0)))
        optional = optional[:optional_size].ljust(optional_size, b"\0")
        return dos + coff + optional + b"".join(s.header() for s in self.sections)

    def bytes(self):
        """The whole file, as a bytearray."""
        memory_end = self.layout()
        data = bytearray(self.headers(memory_end).ljust(self.header_size, b"\0"))
        for s in self.sections:
            if len(data) < s.raw + s.raw_size:
                data.extend(bytes(s.raw + s.raw_size - len(data)))
            content = s.data[:s.raw_size]
            data[s.raw:s.raw + len(content)] = content
        return data + self.tail

    def write(self, path):
        with open(path, "wb") as f:
            f.write(self.bytes())


def uki(**contents):
    """A plain UKI that has what every UKI needs; uki(cmdline=b"quiet") replaces or adds sections.

    Its kernel is none: nothing that looks only at the file takes notice.
    """
    sections = {
        "text": b"\xf4\xeb\xfd",
        "sbat": b"sbat,1,SBAT Version,sbat,1,https://github.com/rhboot/shim/blob/main/SBAT.md\n",
        "osrel": b"ID=test\nVERSION_ID=1\n",
        "cmdline": b"console=ttyS0",
        "initrd": b"070701 no cpio",
        "linux": b"no kernel",
    }
    sections.update(contents)
    return Image([Section("." + name, data, CODE if name == "text" else DATA)
                  for name, data in sections.items()])


def attach(data, *blobs):
    """Adds WIN_CERTIFICATEs with these PKCS#7 blobs to the end of a file as Image.bytes() gives."""
    certdir = get32(data, 0x3c) + 24 + OPTIONAL_FIXED + 8 * CERT_DIRECTORY
    if not get32(data, certdir):
        put32(data, certdir, len(data))
    for blob in blobs:
        entry = struct.pack("<IHH", 8 + len(blob), 0x200, 2) + blob
        entry = entry.ljust(align(len(entry), 8), b"\0")
        put32(data, certdir + 4, get32(data, certdir + 4) + len(entry))
        data.extend(entry)
    return data


def certificates(data):
    """The contents of the WIN_CERTIFICATEs of a well-formed file, padding included."""
    certdir = get32(data, 0x3c) + 24 + OPTIONAL_FIXED + 8 * CERT_DIRECTORY
    offset, size = get32(data, certdir), get32(data, certdir + 4)
    blobs, end = [], offset + size
    while offset and offset < end:
        length = get32(data, offset)
        blobs.append(bytes(data[offset + 8:offset + length]))
        offset += align(length, 8)
    return blobs


def main(argv):
    if len(argv) < 2 or argv[1].startswith("-"):
        sys.exit(__doc__)
    contents = {}
    for item in argv[2:]:
        name, path = item.split("=", 1)
        with open(path, "rb") as f:
            contents[name.lstrip(".")] = f.read()
    uki(**contents).write(argv[1])


if __name__ == "__main__":
    main(sys.argv)

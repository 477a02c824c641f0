# SPDX-License-Identifier: GPL-2.0-or-later
"""Mutations of headers, sections and content. All are made before the (re-)signing."""

import struct
from dataclasses import dataclass
from typing import Callable, List, NamedTuple

HEADER, SECTION, CONTENT, TAIL = "header field", "sections", "content", "end of data"


class Mutation(NamedTuple):
    kind: str  # class of mutation, a row of the report
    name: str
    apply: Callable[[bytearray], bytearray]


class Field(NamedTuple):
    name: str
    offset: int
    size: int


class SectionHeader(NamedTuple):
    at: int  # file offset of the header
    vsize: int
    address: int
    size: int
    raw: int


@dataclass
class Layout:
    """Where the fields of a well-formed signed image are."""
    length: int
    pe: int
    directory: int
    cert_offset: int
    cert_size: int
    headers: int
    table: int
    sections: List[SectionHeader]

    @classmethod
    def of(cls, data: bytes) -> "Layout":
        pe = struct.unpack_from("<I", data, 0x3c)[0]
        opt = pe + 24
        table = opt + struct.unpack_from("<H", data, pe + 20)[0]
        sections = []
        for i in range(struct.unpack_from("<H", data, pe + 6)[0]):
            at = table + 40 * i
            sections.append(SectionHeader(at, *struct.unpack_from("<IIII", data, at + 8)))
        return cls(len(data), pe, opt + 144, *struct.unpack_from("<II", data, opt + 144),
                   struct.unpack_from("<I", data, opt + 60)[0], table, sections)


# Fields -----------------------------------------------------------------------------------------

COFF = [("signature", 0, 4), ("Machine", 4, 2), ("NumberOfSections", 6, 2), ("TimeDateStamp", 8, 4),
        ("PointerToSymbolTable", 12, 4), ("NumberOfSymbols", 16, 4),
        ("SizeOfOptionalHeader", 20, 2), ("Characteristics", 22, 2)]
OPTIONAL = [("Magic", 0, 2), ("LinkerVersion", 2, 2), ("SizeOfCode", 4, 4),
            ("SizeOfInitializedData", 8, 4), ("SizeOfUninitializedData", 12, 4),
            ("AddressOfEntryPoint", 16, 4), ("BaseOfCode", 20, 4), ("ImageBase", 24, 8),
            ("SectionAlignment", 32, 4), ("FileAlignment", 36, 4), ("OSVersion", 40, 4),
            ("ImageVersion", 44, 4), ("SubsystemVersion", 48, 4), ("Win32VersionValue", 52, 4),
            ("SizeOfImage", 56, 4), ("SizeOfHeaders", 60, 4), ("CheckSum", 64, 4),
            ("Subsystem", 68, 2), ("DllCharacteristics", 70, 2), ("StackReserve", 72, 8),
            ("StackCommit", 80, 8), ("HeapReserve", 88, 8), ("HeapCommit", 96, 8),
            ("LoaderFlags", 104, 4), ("NumberOfRvaAndSizes", 108, 4)]
SECTION_FIELDS = [("VirtualSize", 8, 4), ("VirtualAddress", 12, 4), ("SizeOfRawData", 16, 4),
                  ("PointerToRawData", 20, 4), ("PointerToRelocations", 24, 4),
                  ("PointerToLinenumbers", 28, 4), ("NumberOfRelocations", 32, 2),
                  ("NumberOfLinenumbers", 34, 2), ("Characteristics", 36, 4)]
NAMES = [b".linux", b".initrd", b".cmdline", b".osrel", b".sbat", b".profile", b".text", b".kexec",
         b"/4", b"", b".linux\0x", b"12345678", b".lin\xffx", b".uname"]


def fields(layout: Layout) -> List[Field]:
    """Every header field; the certificate directory is among the data directories."""
    out = [Field(f"dos+{at:#x}", at, 2) for at in range(0, 0x3c, 2)]
    out.append(Field("e_lfanew", 0x3c, 4))
    out += [Field(f"boot+{at:#x}", at, 1 if at == 0x1f1 else 4)
            for at in [0x1f1, *range(0x1f4, 0x290, 4), 0x400, 0x600, 0x630] if at < layout.pe]
    out += [Field(name, layout.pe + at, size) for name, at, size in COFF]
    out += [Field(name, layout.pe + 24 + at, size) for name, at, size in OPTIONAL]
    out += [Field(f"directory {i} {half}", layout.pe + 24 + 112 + 8 * i + at, 4)
            for i in range(16) for half, at in [("address", 0), ("size", 4)]]
    for i, section in enumerate(layout.sections):
        out += [Field(f"section {i} {name}", section.at + at, size)
                for name, at, size in SECTION_FIELDS]
    end = layout.table + 40 * len(layout.sections)
    return out + [Field("behind the section table", end, 4),
                  Field("end of the headers", layout.headers - 4, 4)]


def boundary_values(value: int, size: int, layout: Layout) -> List[int]:
    top = (1 << 8 * size) - 1
    near = [value + d for d in (1, -1, 2, 4, 8, -8, 0x200, -0x200, 0x1000, -0x1000)]
    places = [layout.length, layout.length - 1, layout.cert_offset, layout.cert_offset - 8,
              layout.headers, layout.table, layout.pe]
    wanted = [0, 1, 2, 7, 8, top, top - 1, top >> 1, (top >> 1) + 1, value * 2, value // 2,
              value ^ (1 << 8 * size - 1), *near, *places]
    return sorted({v & top for v in wanted} - {value})


def _put(offset, size, value):
    def apply(data):
        if offset + size <= len(data):
            data[offset:offset + size] = value.to_bytes(size, "little")
        return data
    return apply


def _swap(a, b, size):
    def apply(data):
        data[a:a + size], data[b:b + size] = data[b:b + size], data[a:a + size]
        return data
    return apply


def header_mutations(data: bytes, layout: Layout) -> List[Mutation]:
    out, all_fields = [], fields(layout)
    for f, after in zip(all_fields, all_fields[1:] + all_fields[:1]):
        value = int.from_bytes(data[f.offset:f.offset + f.size], "little")
        out += [Mutation(HEADER, f"{f.name}={v:#x}", _put(f.offset, f.size, v))
                for v in boundary_values(value, f.size, layout)]
        if f.size == after.size:
            out.append(Mutation(HEADER, f"{f.name}<>{after.name}",
                                _swap(f.offset, after.offset, f.size)))
    for i, s in enumerate(layout.sections):
        for j, other in enumerate(layout.sections):
            for name, at, size in SECTION_FIELDS[:4]:
                value = int.from_bytes(data[other.at + at:other.at + at + size], "little")
                out.append(Mutation(HEADER, f"section {i} {name} of {j}",
                                    _put(s.at + at, size, value)))
        out += [Mutation(HEADER, f"section {i} named {name!r}",
                         _put(s.at, 8, int.from_bytes(name.ljust(8, b"\0"), "little")))
                for name in NAMES]
    return out


# Sections ---------------------------------------------------------------------------------------

def _set_table(layout, order, count=None):
    """The section table as copies of these headers; the rest of it zero."""
    def apply(data):
        headers = [bytes(data[s.at:s.at + 40]) for s in layout.sections]
        table = b"".join(h if isinstance(h, bytes) else headers[h] for h in order)
        room = max(len(table), 40 * len(headers))
        data[layout.table:layout.table + room] = table.ljust(room, b"\0")
        struct.pack_into("<H", data, layout.pe + 6, len(order) if count is None else count)
        return data
    return apply


def shift_data(data: bytearray, layout: Layout, at: int, count: int) -> bytearray:
    """Adds count bytes (removes, if negative) at a file offset and moves what lies behind."""
    if count >= 0:
        data[at:at] = b"\xcc" * count
    else:
        del data[at:at - count]
    for s in layout.sections:
        if s.raw >= at and s.size:
            struct.pack_into("<I", data, s.at + 20, s.raw + count)
    struct.pack_into("<I", data, layout.directory, layout.cert_offset + count)
    return data


def _gap(layout, section, count, cover):
    """Bytes in front of a section; cover: the section before it is said to hold them."""
    def apply(data):
        data = shift_data(data, layout, section.raw, count)
        before = next((s for s in layout.sections if s.raw + s.size == section.raw), None)
        if cover and before:
            struct.pack_into("<I", data, before.at + 16, before.size + count)
        return data
    return apply


def _extra_header(layout, name, **where):
    last = layout.sections[-1]
    values = {"vsize": 0x10, "address": (last.address + last.vsize + 0xfff) & ~0xfff, "size": 0,
              "raw": 0, **where}
    return struct.pack("<8sIIIIIIII", name, values["vsize"], values["address"], values["size"],
                       values["raw"], 0, 0, 0, 0x40000040)


def _drop_with_data(layout, i):
    rest = [j for j in range(len(layout.sections)) if j != i]

    def apply(data):
        s = layout.sections[i]
        return _set_table(layout, rest)(shift_data(data, layout, s.raw, -s.size))
    return apply


def _swap_data(a, b):
    """Two sections' contents change places, as far as the smaller one reaches."""
    return _swap(a.raw, b.raw, min(a.size, b.size))


def section_mutations(_data: bytes, layout: Layout) -> List[Mutation]:
    out, n = [], len(layout.sections)
    every = list(range(n))

    def add(name, apply):
        out.append(Mutation(SECTION, name, apply))

    for i, s in enumerate(layout.sections):
        rest = every[:i] + every[i + 1:]
        add(f"{i} removed", _set_table(layout, rest))
        add(f"{i} removed with its data", _drop_with_data(layout, i))
        add(f"{i} twice", _set_table(layout, every[:i] + [i] + every[i:]))
        add(f"{i} once more at the end", _set_table(layout, every + [i]))
        add(f"{i} first", _set_table(layout, [i] + rest))
        add(f"{i} last", _set_table(layout, rest + [i]))
        for j in every[i + 1:]:
            order = list(every)
            order[i], order[j] = j, i
            add(f"{i} and {j} swapped", _set_table(layout, order))
            add(f"data of {i} and {j} swapped", _swap_data(s, layout.sections[j]))
            add(f"{i} is all of {i} to {j}", _put(
                s.at + 16, 4, layout.sections[j].raw + layout.sections[j].size - s.raw))
            add(f"{j} lies at {i}", _put(layout.sections[j].at + 20, 4, s.raw))
        for count in (0x10, 0x200, 0x400, 0x1000):
            add(f"gap of {count:#x} before {i}", _gap(layout, s, count, False))
            add(f"{count:#x} more before {i}", _gap(layout, s, count, True))
    add("reversed", _set_table(layout, every[::-1]))
    for count in (0, 1, n - 1, n + 1, 96, 97, 192, 193, 0xffff):
        add(f"{count} of them", _set_table(layout, every, count))
    for name in (b".new", b".linux", b".profile", b".sbat"):
        for what, where in {
                "no data": {}, "over the certificates": {"raw": layout.cert_offset, "size": 0x200},
                "all of the file": {"size": layout.length},
                "behind the file": {"raw": layout.length, "size": 0x200},
                "over the headers": {"size": layout.headers},
                "an offset but no data": {"raw": layout.headers},
                "no size at all": {"vsize": 0}}.items():
            add(f"{name.decode()} added: {what}",
                _set_table(layout, every + [_extra_header(layout, name, **where)]))
    return out


# Content and the end of the data ----------------------------------------------------------------

def _flip(offset, bit):
    def apply(data):
        if offset < len(data):
            data[offset] ^= bit
        return data
    return apply


def content_mutations(_data: bytes, layout: Layout) -> List[Mutation]:
    out = []
    for i, s in enumerate(layout.sections):
        used = min(s.vsize, s.size)
        places = {"first": 0, "second": 1, "eighth": 7, "middle": used // 2, "last": used - 1,
                  "padding": used, "last of the padding": s.size - 1}
        for where, at in places.items():
            if at < s.size:
                out += [Mutation(CONTENT, f"section {i} {where} ^{bit:#x}", _flip(s.raw + at, bit))
                        for bit in (1, 0x20, 0x80)]
    return out


def _append(layout, filler, directory):
    """Bytes between the last section and the certificate table; told to the directory or not."""
    def apply(data):
        data[layout.cert_offset:layout.cert_offset] = filler
        if directory:
            struct.pack_into("<I", data, layout.directory, layout.cert_offset + len(filler))
        return data
    return apply


def _cut(layout, count):
    def apply(data):
        del data[layout.cert_offset - count:layout.cert_offset]
        struct.pack_into("<I", data, layout.directory, layout.cert_offset - count)
        return data
    return apply


def tail_mutations(_data: bytes, layout: Layout) -> List[Mutation]:
    out = []
    for count in (1, 4, 7, 8, 16, 0x200, 0x1000):
        for what, filler in (("zeros", bytes(count)), ("bytes", b"\xcc" * count)):
            out += [Mutation(TAIL, f"{count} {what}, directory {'moved' if d else 'kept'}",
                             _append(layout, filler, d)) for d in (True, False)]
        out.append(Mutation(TAIL, f"{count} cut off", _cut(layout, count)))
    return out


def all_mutations(data: bytes, layout: Layout) -> List[Mutation]:
    return [*header_mutations(data, layout), *section_mutations(data, layout),
            *content_mutations(data, layout), *tail_mutations(data, layout)]

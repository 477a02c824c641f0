# SPDX-License-Identifier: GPL-2.0-or-later
"""The files of a machine's dump: kdump-compressed, ELF, and flattened as makedumpfile pipes it."""

import struct
import zlib

from crashed import PAGE

# Offsets of header fields, for those who corrupt them.
H_VERSION, H_STATUS, H_BLOCK, H_SUB, H_BITMAP, H_CPUS = 8, 0x1a8, 0x1ac, 0x1b0, 0x1b4, 0x1cc
S_LEVEL, S_INFO_OFF, S_INFO_LEN, S_MAPNR = PAGE + 8, PAGE + 32, PAGE + 40, PAGE + 96


def kdump(machine, level=1, exclude=(), cpus=2, compress=True):
    """The dump as kdump-compressed, header version 6. exclude: physical addresses left out."""
    left_out = {p // PAGE for p in exclude}
    pfns = sorted(p for p in machine.pages if p not in left_out)
    max_mapnr = machine.ram_pfns
    half = ((max_mapnr + 7) // 8 + PAGE - 1) // PAGE * PAGE
    ram, present = bytearray(half), bytearray(half)
    for pfn in range(max_mapnr):
        ram[pfn // 8] |= 1 << pfn % 8
    for pfn in pfns:
        present[pfn // 8] |= 1 << pfn % 8
    info, notes = machine.vmcoreinfo_text(), machine.notes(cpus)
    sub = bytearray(104)
    struct.pack_into("<Qii", sub, 0, machine.phys_base & (1 << 64) - 1, level, 0)
    tail = len(sub)
    info_off = PAGE + tail + 24
    struct.pack_into("<QQQQ", sub, 32, info_off, len(info), info_off + len(info), len(notes))
    struct.pack_into("<Q", sub, 96, max_mapnr)
    sub_all = bytes(sub) + bytes(24) + info + notes
    sub_blocks = (len(sub_all) + PAGE - 1) // PAGE
    head = bytearray(PAGE)
    uts = [b"Linux", b"crashed", machine.vmcoreinfo["OSRELEASE"].encode(), b"#1 SMP", b"x86_64",
           b"(none)"]
    head[:8] = b"KDUMP   "
    struct.pack_into("<i", head, 8, 6)
    for n, name in enumerate(uts):
        head[12 + 65 * n:12 + 65 * n + len(name)] = name
    struct.pack_into("<IiiIIIIIIi", head, H_STATUS, 1 if compress else 0, PAGE, sub_blocks,
                     2 * half // PAGE, max_mapnr, 0, 0, 0, 0, cpus)
    out = bytes(head) + sub_all + bytes(-len(sub_all) % PAGE) + bytes(ram) + bytes(present)
    data_off = len(out) + 24 * len(pfns)
    descs, blobs = [], []
    for pfn in pfns:
        raw = bytes(machine.pages[pfn])
        packed = zlib.compress(raw) if compress else raw
        flags = 1 if compress else 0
        descs.append(struct.pack("<QIIQ", data_off, len(packed), flags, 0))
        blobs.append(packed)
        data_off += len(packed)
    return out + b"".join(descs) + b"".join(blobs)


def elf(machine, cpus=2, machine_type=62, elf_type=4):
    """The dump as /proc/vmcore would show it; pages that are nowhere in the machine are holes."""
    runs = []
    for pfn in sorted(machine.pages):
        if runs and runs[-1][1] == pfn:
            runs[-1][1] = pfn + 1
        else:
            runs.append([pfn, pfn + 1])
    notes = machine.notes(cpus)
    phnum = 1 + len(runs)
    off = 64 + 56 * phnum
    phdrs = [struct.pack("<IIQQQQQQ", 4, 0, off, 0, 0, len(notes), len(notes), 0)]
    off = (off + len(notes) + PAGE - 1) // PAGE * PAGE
    body = b""
    for first, last in runs:
        size = (last - first) * PAGE
        phdrs.append(struct.pack("<IIQQQQQQ", 1, 7, off + len(body),
                                 machine.direct + first * PAGE, first * PAGE, size, size, 0))
        body += b"".join(bytes(machine.pages[p]) for p in range(first, last))
    head = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", elf_type, machine_type, 1, 0,
                       64, 0, 0, 64, 56, phnum, 0, 0, 0)
    start = head + b"".join(phdrs) + notes
    return start + bytes(-len(start) % PAGE) + body


def record(offset, length, data=b""):
    """A record of the flattened format; -1 and -1 is the end marker."""
    return struct.pack(">qq", offset, length) + data


FLAT_END = record(-1, -1)


def flat_header(kind=1, version=1):
    return b"makedumpfile".ljust(16, b"\0") + struct.pack(">qq", kind, version).ljust(4080, b"\0")


def flattened(data, size=5000, end=FLAT_END):
    """The dump as `makedumpfile -F` writes it to a pipe: out of order, zeros left out, the header
    a second time."""
    pieces = [(o, data[o:o + size]) for o in range(0, len(data), size)]
    records = [record(0, 100, bytes(100))]
    records += [record(o, len(d), d) for o, d in reversed(pieces)
                if any(d) or o + size >= len(data)]
    return flat_header() + b"".join(records) + end

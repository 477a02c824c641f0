# SPDX-License-Identifier: GPL-2.0-or-later
"""HOSTILE: dumps with one named corruption each; each says by which check it must be refused.

None: taken, but without harm; INCOMPLETE: what is there is shown, exit code 1; ANY: libkdumpfile's
versions differ, crashing is contained.
"""

import struct

import kallsyms
from crashed import FINALIZED, PAGE, Machine, note
from dump_formats import (FLAT_END, H_BITMAP, H_BLOCK, H_STATUS, H_SUB, H_VERSION, S_INFO_LEN,
                          S_INFO_OFF, S_MAPNR, elf, flat_header, flattened, kdump, record)

# Corruptions. Each takes nothing and returns the file.

def patched(data, fmt, off, value):
    data = bytearray(data)
    assert bytes(data[off:off + struct.calcsize(fmt)]) != struct.pack(fmt, value), "no change"
    struct.pack_into(fmt, data, off, value)
    return bytes(data)


def with_info(**changes):
    """A machine whose vmcoreinfo has other values; a value of None removes the line."""
    m = Machine()
    for key, value in changes.pop("values", changes).items():
        m.vmcoreinfo[key] = value
    return kdump(m)


def with_ring(count_bits=6, size_bits=12, **fields):
    m = Machine()
    for key, value in fields.items():
        setattr(m, key, value)
    m.write_ring(count_bits, size_bits)
    return kdump(m)


def with_symbols(form=kallsyms.BASE, **tables):
    """A machine with these bytes at the beginning of its tables."""
    m = Machine()
    m.add_symbols(form)
    for name, data in tables.items():
        m.writev(m.tables[f"kallsyms_{name}"], data)
    return kdump(m)


def with_symbols_at(name, value):
    m = Machine()
    m.add_symbols()
    m.vmcoreinfo[f"SYMBOL(kallsyms_{name})"] = f"{value:x}"
    return kdump(m)


def all_one_descriptor():
    """Every descriptor claims to be the same record, positions go round in a circle."""
    m = Machine()
    for slot in range(m.count):
        m.write64(m.descs + slot * 24, FINALIZED << 62 | m.head)
        m.write64(m.descs + slot * 24 + 8, 0)
        m.write64(m.descs + slot * 24 + 16, 0)
    return kdump(m)


def page_table_cycle():
    """Every entry of the top table points to the top table."""
    m = Machine()
    for n in range(512):
        m.write64(m.top + 8 * n, m.top | 0x63)
    return kdump(m)


def descriptor_offset(value):
    good = kdump(Machine())
    blocks = struct.unpack_from("<ii", good, H_SUB)
    first = PAGE * (1 + blocks[0] + blocks[1])
    count = len(Machine().pages)
    return patched(good, "<Q", first + 24 * (count - 1), value)


def zeros_from(part):
    """The file has its length, and what was in it from there on was never written."""
    good = kdump(Machine())
    sub, bitmaps = struct.unpack_from("<ii", good, H_SUB)
    start = PAGE * (1 + sub) if part == "bitmaps" else PAGE * (1 + sub + bitmaps)
    return good[:start] + bytes(len(good) - start)


def descriptor_zero():
    """Only the last one."""
    good = kdump(Machine())
    at = PAGE * (1 + sum(struct.unpack_from("<ii", good, H_SUB))) + 24 * (len(Machine().pages) - 1)
    return good[:at] + bytes(24) + good[at + 24:]


def descriptor_size(value):
    """The first page's compressed size; libkdumpfile 0.5.1 reads that much into a page's buffer."""
    good = kdump(Machine())
    blocks = struct.unpack_from("<ii", good, H_SUB)
    return patched(good + bytes(1 << 20), "<I", PAGE * (1 + blocks[0] + blocks[1]) + 8, value)


def page_size_without_value():
    """libkdumpfile 0.5.1 takes the line for a page size of 2^63 or so."""
    return kdump(Machine()).replace(b"\nPAGESIZE=4096\n", b"\nPAGESIZE\x004096\n")


def vmcoreinfo_garbled():
    good = kdump(Machine())
    return good.replace(b"KERNELOFFSET=", b"KERNELO\0\x10\0\0\0\0")


def garbled_page():
    good = bytearray(kdump(Machine()))
    good[-40:] = b"\xaa" * 40
    return bytes(good)


def elf_patched(fmt, off, value):
    return patched(elf(Machine()), fmt, off, value)


def elf_segments_overlap():
    """Three segments that are the same range of the file, which is most of it."""
    data = bytearray(elf(Machine()))
    off, = struct.unpack_from("<Q", data, 64 + 56 + 8)
    for n in (1, 2, 3):
        struct.pack_into("<Q", data, 64 + 56 * n + 8, off)
        struct.pack_into("<QQ", data, 64 + 56 * n + 32, len(data) - off, len(data) - off)
    return bytes(data)


def kdump_sparse(bitmap_blocks):
    """No more than headers; the bitmaps, of so many blocks, are for a hole behind the file."""
    good = kdump(Machine())
    sub, = struct.unpack_from("<i", good, H_SUB)
    data = patched(good[:PAGE * (1 + sub)], "<I", H_BITMAP, 2 * bitmap_blocks)
    return patched(data, "<Q", S_MAPNR, bitmap_blocks * PAGE * 8)


def elf_sparse(size):
    """The last segment goes on for size bytes behind the file."""
    data = elf(Machine())
    last = 64 + 56 * (struct.unpack_from("<H", data, 56)[0] - 1)
    old, = struct.unpack_from("<Q", data, last + 32)
    data = patched(data, "<Q", last + 32, old + size)
    return patched(data, "<Q", last + 40, old + size)


def elf_with(m, more):
    """more: segments (address, offset, size in the file, size) in front of the machine's own."""
    data = bytearray(elf(m))
    count, = struct.unpack_from("<H", data, 56)
    table = b"".join(struct.pack("<IIQQQQQQ", 1, 7, off, 0, paddr, filesz, memsz, 0)
                     for paddr, off, filesz, memsz in more)
    struct.pack_into("<H", data, 56, count + len(more))
    table += data[64:64 + 56 * count]
    struct.pack_into("<Q", data, 32, len(data))
    return bytes(data) + table


def elf_segments_in_others():
    """Of each segment one page more, behind its first: what is behind that is the larger one's."""
    m = Machine()
    data = elf(m)
    more = []
    for n in range(1, struct.unpack_from("<H", data, 56)[0]):
        off, _, paddr, size = struct.unpack_from("<QQQQ", data, 64 + 56 * n + 8)
        if size > 2 * PAGE:
            more.append((paddr + PAGE, off + PAGE, PAGE, PAGE))
    assert more
    return elf_with(m, more)


def elf_segments_many():
    """As many as there can be, and a ring of two million records in memory that is in none."""
    m = Machine()
    v = 0xffffa00000000000
    m.map(v, 0)
    table = m.top
    for level in (4, 3):
        table = m.read64(table + ((v >> (12 + 9 * (level - 1))) & 511) * 8) & 0x000ffffffffff000
    for n in range(512):
        m.write64(table + 8 * n, (1 << 40) + (n << 21) | 0xe3)
    m.descs = m.infos = v - m.direct
    m.head, m.tail = (1 << 21) - 1, 0
    m.write_ring(21, 12)
    own, = struct.unpack_from("<H", elf(m), 56)
    return elf_with(m, [((1 << 45) + n * PAGE, 0, 0, PAGE) for n in range(65534 - own)])


def elf_vmcoreinfo_notes():
    """Three vmcoreinfo notes, the first two of them empty."""
    m = Machine()
    notes = m.notes
    m.notes = lambda cpus: note(b"VMCOREINFO\0", 0, b"") * 2 + notes(cpus) + notes(0)
    return elf(m)


GARBAGE = bytes((n * 7 + (n >> 8)) & 255 for n in range(20000))

INCOMPLETE = "incomplete"
ANY = "any"


def flat_cut(missing):
    return flattened(kdump(Machine()))[:-missing]


def flat_with(*more):
    """A good one with records behind those of the dump."""
    return flattened(kdump(Machine()), end=b"".join(more) + FLAT_END)


def flat_scattered():
    """Bytes far from each other: a block of disk for each."""
    return flat_header() + b"".join(record(n << 20, 1, b"x") for n in range(9000)) + FLAT_END


# name -> (function, check, see above)
FLAT_HOSTILE = {
    "flat-type-0": (lambda: flat_header(kind=0) + FLAT_END, "dump.flattened"),
    "flat-version-2": (lambda: flat_header(version=2) + FLAT_END, "dump.flattened"),
    "flat-header-cut": (lambda: flat_header()[:4000], "dump.truncated"),
    "flat-nothing": (lambda: flat_header() + FLAT_END, "dump.empty"),
    "flat-of-flat": (lambda: flattened(flattened(kdump(Machine()))), "dump.format"),
    "flat-no-end": (lambda: flat_cut(len(FLAT_END)), INCOMPLETE),
    "flat-end-cut": (lambda: flat_cut(1), INCOMPLETE),
    "flat-record-cut": (lambda: flattened(elf(Machine()), size=1 << 30)[:-20000], INCOMPLETE),
    "flat-record-empty": (lambda: flat_with(record(0, 0)), "dump.flattened"),
    "flat-hole": (lambda: flat_with(bytes(4096)), "dump.flattened"),
    "flat-offset-negative": (lambda: flat_with(record(-2, 1, b"x")), "dump.flattened"),
    "flat-length-negative": (lambda: flat_with(record(0, -1)), "dump.flattened"),
    "flat-end-beyond-files": (lambda: flat_with(record((1 << 63) - 1, 1, b"x")),
                              "dump.flattened"),
    "flat-length-beyond-end": (lambda: flat_with(record(1 << 20, 1 << 40)), INCOMPLETE),
    "flat-scattered": (flat_scattered, "dump.flattened"),
}

HOSTILE = {
    "empty": (lambda: b"", "dump.empty"),
    "garbage": (lambda: GARBAGE, "dump.format"),
    "kdump-status-incomplete": (lambda: patched(kdump(Machine()), "<I", H_STATUS, 9), INCOMPLETE),
    "kdump-magic-only": (lambda: b"KDUMP   ", "dump.truncated"),
    "kdump-header-only": (lambda: kdump(Machine())[:PAGE], "dump.truncated"),
    "kdump-half": (lambda: (lambda d: d[:len(d) // 2])(kdump(Machine())), "dump.truncated"),
    "kdump-last-byte-missing": (lambda: kdump(Machine())[:-1], INCOMPLETE),
    "kdump-version-7": (lambda: patched(kdump(Machine()), "<i", H_VERSION, 7), "dump.version"),
    "kdump-version-negative": (lambda: patched(kdump(Machine()), "<i", H_VERSION, -1),
                               "dump.version"),
    "kdump-block-size-0": (lambda: patched(kdump(Machine()), "<i", H_BLOCK, 0), "dump.header"),
    "kdump-block-size-odd": (lambda: patched(kdump(Machine()), "<i", H_BLOCK, 4097),
                             "dump.header"),
    "kdump-block-size-huge": (lambda: patched(kdump(Machine()), "<I", H_BLOCK, 1 << 31),
                              "dump.header"),
    "kdump-sub-blocks-0": (lambda: patched(kdump(Machine()), "<i", H_SUB, 0), "dump.header"),
    "kdump-sub-blocks-huge": (lambda: patched(kdump(Machine()), "<I", H_SUB, 0xffffffff),
                              "dump.header"),
    "kdump-bitmap-0": (lambda: patched(kdump(Machine()), "<I", H_BITMAP, 0), "dump.header"),
    "kdump-bitmap-huge": (lambda: patched(kdump(Machine()), "<I", H_BITMAP, 0xfffffffe),
                          "dump.truncated"),
    "kdump-mapnr-huge": (lambda: patched(kdump(Machine()), "<Q", S_MAPNR, 1 << 63), "dump.header"),
    "kdump-mapnr-0": (lambda: patched(kdump(Machine()), "<Q", S_MAPNR, 0), "dump.header"),
    "kdump-vmcoreinfo-beyond-end": (lambda: patched(kdump(Machine()), "<Q", S_INFO_OFF, 1 << 62),
                                    "dump.truncated"),
    "kdump-vmcoreinfo-huge": (lambda: patched(kdump(Machine()) + bytes(100000), "<Q", S_INFO_LEN,
                                              70000), "dump.header"),
    "kdump-notes-beyond-end": (lambda: patched(kdump(Machine()), "<Q", PAGE + 48, 1 << 40),
                               "dump.truncated"),
    "kdump-notes-overflow": (lambda: patched(kdump(Machine()), "<Q", PAGE + 56, (1 << 64) - 1),
                             "dump.truncated"),
    "kdump-eraseinfo-beyond-end": (lambda: patched(kdump(Machine()), "<Q", PAGE + 64, 1 << 40),
                                   "dump.truncated"),
    "kdump-vmcoreinfo-overflow": (lambda: patched(kdump(Machine()), "<Q", S_INFO_LEN,
                                                  (1 << 64) - 16), "dump.truncated"),
    "kdump-no-vmcoreinfo": (lambda: patched(kdump(Machine()), "<Q", S_INFO_LEN, 0), None),
    "kdump-page-beyond-end": (lambda: descriptor_offset(1 << 60), INCOMPLETE),
    "kdump-page-offset-overflow": (lambda: descriptor_offset((1 << 64) - 8), INCOMPLETE),
    "kdump-page-offset-in-header": (lambda: descriptor_offset(8), INCOMPLETE),
    "kdump-zeros-from-bitmaps": (lambda: zeros_from("bitmaps"), INCOMPLETE),
    "kdump-zeros-from-descriptors": (lambda: zeros_from("descriptors"), INCOMPLETE),
    "kdump-descriptor-zero": (descriptor_zero, INCOMPLETE),
    "kdump-page-larger-than-a-page": (lambda: descriptor_size(65587), ANY),
    "kdump-page-of-a-megabyte": (lambda: descriptor_size(1 << 20), ANY),
    "kdump-page-size-without-value": (page_size_without_value, ANY),
    "kdump-vmcoreinfo-garbled": (vmcoreinfo_garbled, ANY),
    "kdump-page-garbled": (garbled_page, None),
    "elf-magic-only": (lambda: b"\x7fELF", "dump.truncated"),
    "elf-half": (lambda: (lambda d: d[:len(d) // 2])(elf(Machine())), INCOMPLETE),
    "elf-no-memory": (lambda: elf_patched("<H", 56, 1), INCOMPLETE),
    "elf-32-bit": (lambda: elf_patched("<B", 4, 1), "dump.class"),
    "elf-big-endian": (lambda: elf_patched("<B", 5, 2), "dump.class"),
    "elf-executable": (lambda: elf(Machine(), elf_type=2), "dump.type"),
    "elf-no-program-headers": (lambda: elf_patched("<H", 56, 0), "dump.header"),
    "elf-65535-program-headers": (lambda: elf_patched("<H", 56, 0xffff), "dump.header"),
    "elf-program-headers-beyond-end": (lambda: elf_patched("<Q", 32, 1 << 40), "dump.truncated"),
    "elf-entry-size": (lambda: elf_patched("<H", 54, 32), "dump.header"),
    "elf-segment-beyond-end": (lambda: elf_patched("<Q", 64 + 56 + 8, (1 << 64) - PAGE),
                               INCOMPLETE),
    "elf-segment-larger-than-memory": (lambda: elf_patched("<Q", 64 + 56 + 40, 1),
                                       "dump.segment"),
    "elf-segment-address-overflow": (lambda: elf_patched("<Q", 64 + 56 + 24, (1 << 64) - PAGE),
                                     "dump.segment"),
    "elf-empty-segment-beyond-end": (lambda: patched(patched(
        elf(Machine()), "<Q", 64 + 56 + 8, 1 << 60), "<Q", 64 + 56 + 32, 0), None),
    "elf-vmcoreinfo-thrice": (elf_vmcoreinfo_notes, None),
    "elf-segments-in-others": (elf_segments_in_others, None),
    "elf-segments-many": (elf_segments_many, None),
    "elf-segments-overlap": (elf_segments_overlap, "dump.segment"),
    "elf-note-beyond-segment": (lambda: (lambda d, o: patched(d, "<I", o + 4, 1 << 31))(
        elf(Machine()), struct.unpack_from("<Q", elf(Machine()), 64 + 8)[0]), "dump.notes"),
    # The log is hostile, the dump as such is well formed.
    "log-count-bits-31": (lambda: with_ring(count_bits=31), None),
    "log-count-bits-0": (lambda: with_ring(count_bits=0), None),
    "log-size-bits-63": (lambda: with_ring(size_bits=63), None),
    "log-tail-after-head": (lambda: with_ring(tail=5, head=4), None),
    "log-descriptors-nowhere": (lambda: with_ring(descs=1 << 40), None),
    "log-text-nowhere": (lambda: with_ring(data=1 << 40), None),
    "log-text-wraps-address-space": (lambda: with_ring(data=(1 << 64) - 0xffff9a4000000000 - 16),
                                     None),
    "log-cyclic-descriptors": (all_one_descriptor, None),
    "log-page-table-cycle": (page_table_cycle, None),
    "log-struct-size-huge": (lambda: with_info(values={"SIZE(prb_desc)": 1 << 40}), None),
    "log-struct-size-0": (lambda: with_info(values={"SIZE(prb_desc)": 0}), None),
    "log-offset-beyond-struct": (lambda: with_info(
        values={"OFFSET(printk_ringbuffer.text_data_ring)": 1000}), None),
    "log-no-prb": (lambda: with_info(values={"SYMBOL(prb)": None}), None),
    "log-before-5.10": (lambda: with_info(values={"SYMBOL(prb)": None,
                                                  "SYMBOL(log_buf)": "ffffffff80000000"}), None),
    "log-no-page-table": (lambda: with_info(values={"SYMBOL(init_top_pgt)": None,
                                                    "SYMBOL(swapper_pg_dir)": None}), None),
    "log-no-layout": (lambda: with_info(values={"OFFSET(prb_data_ring.data)": None}), None),
    # So are the symbols; the log of these has no trace.
    "symbols-none": (lambda: with_symbols(num_syms=bytes(4)), None),
    "symbols-too-many": (lambda: with_symbols(num_syms=b"\xff" * 4), None),
    "symbols-more-than-there-are": (lambda: with_symbols(num_syms=b"\xff\x0f"), None),
    "symbols-offsets-equal": (lambda: with_symbols(offsets=bytes(40)), None),
    "symbols-offsets-downwards": (lambda: with_symbols(
        offsets=struct.pack("<10I", *range(0x9000, 0, -0xe00)[:10])), None),
    "symbols-base-nowhere": (lambda: with_symbols(relative_base=b"\xff" * 8), None),
    "symbols-names-long": (lambda: with_symbols(names=b"\xff" * PAGE), None),
    "symbols-token-index-at-end": (lambda: with_symbols(token_index=b"\xff" * 512), None),
    "symbols-tokens-without-end": (lambda: with_symbols(token_table=b"x" * 2 * PAGE), None),
    "symbols-tokens-empty": (lambda: with_symbols(token_table=bytes(PAGE)), None),
    "symbols-nowhere": (lambda: with_symbols_at("names", 1 << 40), None),
    "symbols-at-end-of-address-space": (lambda: with_symbols_at("offsets", (1 << 64) - 8), None),
    "release-with-escapes": (lambda: with_info(values={"OSRELEASE": "6.1\x1b[31m"}), None),
} | FLAT_HOSTILE

#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Fabricates small crash dumps of an x86-64 kernel: page tables, a printk ring buffer, vmcoreinfo.

The same machine can be written as kdump-compressed or as ELF. HOSTILE holds one named corruption
per entry; each says by which check it must be refused (None: taken, but without harm; INCOMPLETE:
what is there is shown, exit code 1; ANY: libkdumpfile's versions differ, crashing is contained).

    python3 tests/gen/dump.py DIR FLAT  writes good.kdump, good.elf and every hostile one into DIR;
                                        the flattened ones into FLAT
"""
import os
import struct
import sys
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import kallsyms  # noqa: E402 (this file is loaded by its path, too)

PAGE = 4096
KERNEL_MAP = 0xffffffff80000000
RELEASE = "6.12.107+deb13-amd64"
CRASH_TIME = 1795286302  # 2026-11-21 18:38:22 UTC
MARKER = "ukdump-test: marker 7d0c"
SECRET = bytes.fromhex("5ec4e7") + b"a page of a user process" + bytes.fromhex("00ff10")

# struct printk_ringbuffer and its parts as of 6.12, 64 bit.
LAYOUT = {
    "OFFSET(uts_namespace.name)": 0,
    "SIZE(page)": 64,
    "OFFSET(page.flags)": 0,
    "OFFSET(page._refcount)": 52,
    "OFFSET(page.mapping)": 24,
    "OFFSET(page.lru)": 8,
    "SIZE(printk_ringbuffer)": 80,
    "OFFSET(printk_ringbuffer.desc_ring)": 0,
    "OFFSET(printk_ringbuffer.text_data_ring)": 40,
    "OFFSET(printk_ringbuffer.fail)": 72,
    "SIZE(prb_desc_ring)": 40,
    "OFFSET(prb_desc_ring.count_bits)": 0,
    "OFFSET(prb_desc_ring.descs)": 8,
    "OFFSET(prb_desc_ring.infos)": 16,
    "OFFSET(prb_desc_ring.head_id)": 24,
    "OFFSET(prb_desc_ring.tail_id)": 32,
    "SIZE(prb_desc)": 24,
    "OFFSET(prb_desc.state_var)": 0,
    "OFFSET(prb_desc.text_blk_lpos)": 8,
    "SIZE(prb_data_blk_lpos)": 16,
    "OFFSET(prb_data_blk_lpos.begin)": 0,
    "OFFSET(prb_data_blk_lpos.next)": 8,
    "SIZE(printk_info)": 88,
    "OFFSET(printk_info.seq)": 0,
    "OFFSET(printk_info.ts_nsec)": 8,
    "OFFSET(printk_info.text_len)": 16,
    "OFFSET(printk_info.caller_id)": 20,
    "OFFSET(printk_info.dev_info)": 24,
    "SIZE(prb_data_ring)": 32,
    "OFFSET(prb_data_ring.size_bits)": 0,
    "OFFSET(prb_data_ring.data)": 8,
    "OFFSET(prb_data_ring.head_lpos)": 16,
    "OFFSET(prb_data_ring.tail_lpos)": 24,
    "SIZE(atomic_long_t)": 8,
    "OFFSET(atomic_long_t.counter)": 0,
}

ID_MASK = (1 << 62) - 1
COMMITTED, FINALIZED, REUSABLE = 1, 2, 3


def default_log():
    lines = [f"Linux version {RELEASE} (debian-kernel@lists.debian.org)"]
    lines += [f"test: line {n}" for n in range(40)]
    lines += [MARKER, "two\nlines", "odd \x1b[31m\xff\tbytes", "",
              "sysrq: Trigger a crash",
              "Kernel panic - not syncing: sysrq triggered crash",
              "CPU: 1 PID: 412 Comm: bash Not tainted"]
    return lines


class Machine:
    """Physical memory, kernel page tables and vmcoreinfo of a machine that has crashed."""

    def __init__(self, log=None, count_bits=6, size_bits=12, levels=4, large=False,
                 release=RELEASE, user_pages=4):
        self.pages = {}                # page frame number -> bytearray
        self.levels, self.large = levels, large
        self.kaslr = 0x1a000000
        self.phys_base = 0x800000 - self.kaslr     # text is loaded at 8 MiB
        self.next_pfn = 0x1000         # tables and data, 16 MiB and up
        self.direct = 0xffff9a4000000000
        self.ram_pfns = 0x2000         # 32 MiB
        self.top = self.alloc()
        # The kernel image: virtual KERNEL_MAP + kaslr + n, physical 8 MiB + n.
        self.image_v = KERNEL_MAP + self.kaslr
        self.image_p = self.image_v - KERNEL_MAP + self.phys_base
        for n in range(8):
            self.map(self.image_v + n * PAGE, self.image_p + n * PAGE)
        self.map(self.image_v + 8 * PAGE, self.top)
        self.vmcoreinfo = {}
        self.write_uts(release)
        self.symbols = {"init_uts_ns": self.image_v + 0x1000,
                        "mem_map": self.image_v + 0x1800,
                        "prb": self.image_v + 0x100,
                        "init_top_pgt": self.image_v + 8 * PAGE,
                        "swapper_pg_dir": self.image_v + 8 * PAGE}
        # The table's address must follow from its symbol, as in a kernel image.
        self.move_top(self.image_p + 8 * PAGE)
        self.make_ring(log if log is not None else default_log(), count_bits, size_bits)
        self.make_vmcoreinfo(release)
        self.user = []
        for n in range(user_pages):
            paddr = self.alloc()
            self.user.append(paddr)
            self.write(paddr + 100 * n, SECRET + bytes([n]))

    def alloc(self, pages=1):
        paddr = self.next_pfn * PAGE
        for n in range(pages):
            self.pages[self.next_pfn + n] = bytearray(PAGE)
        self.next_pfn += pages
        return paddr

    def write(self, paddr, data):
        for n, byte in enumerate(data):
            page = self.pages.setdefault((paddr + n) // PAGE, bytearray(PAGE))
            page[(paddr + n) % PAGE] = byte

    def read64(self, paddr):
        page = self.pages.setdefault(paddr // PAGE, bytearray(PAGE))
        return struct.unpack_from("<Q", page, paddr % PAGE)[0]

    def write64(self, paddr, value):
        self.write(paddr, struct.pack("<Q", value & (1 << 64) - 1))

    def move_top(self, paddr):
        old = self.pages.pop(self.top // PAGE)
        self.pages[paddr // PAGE] = old
        self.top = paddr
        self.map(self.image_v + 8 * PAGE, paddr)

    def map(self, vaddr, paddr, flags=0x63):
        table = self.top
        for level in range(self.levels, 1, -1):
            slot = table + ((vaddr >> (12 + 9 * (level - 1))) & 511) * 8
            entry = self.read64(slot)
            if level == 2 and self.large and vaddr % (2 << 20) == paddr % (2 << 20):
                self.write64(slot, (paddr & ~((2 << 20) - 1)) | flags | 0x80)
                return
            if not entry & 1:
                entry = self.alloc() | 0x67
                self.write64(slot, entry)
            table = entry & 0x000ffffffffff000
        self.write64(table + ((vaddr >> 12) & 511) * 8, paddr | flags)

    def alloc_mapped(self, size):
        pages = (size + PAGE - 1) // PAGE
        paddr = self.alloc(pages)
        for n in range(pages):
            self.map(self.direct + paddr + n * PAGE, paddr + n * PAGE)
        return paddr

    def write_uts(self, release):
        """init_uts_ns, which makedumpfile looks at first."""
        for n, name in enumerate([b"Linux", b"crashed", release.encode(), b"#1 SMP", b"x86_64"]):
            self.write(self.image_p + PAGE + 65 * n, name)
        self.write64(self.image_p + PAGE + 0x800, self.direct)     # mem_map; nobody follows it

    def make_ring(self, lines, count_bits, size_bits):
        """Writes lines as the kernel would: ids, states, blocks that wrap, text-less records."""
        count, size = 1 << count_bits, 1 << size_bits
        self.descs = self.alloc_mapped(count * 24)
        self.infos = self.alloc_mapped(count * 88)
        self.data = self.alloc_mapped(size)
        self.ring = self.image_p + 0x800
        self.count = count
        first = (1 << 62) - count      # ids start just below the wrap, as DESC0_ID does
        lpos = (1 << 64) - size
        ident = first
        for seq, line in enumerate(lines):
            text = line.encode("latin-1")
            ident = (first + seq) & ID_MASK
            begin, after = 3, 3        # an empty line
            if text:
                block = (8 + len(text) + 7) & ~7
                begin = lpos
                after = begin + block
                start = begin % size
                if start + block > size:          # does not fit before the end: wraps
                    after = begin - start + size + block
                    start = 0
                self.write64(self.data + start, ident)
                self.write(self.data + start + 8, text)
                lpos = after
            slot = ident % count
            self.write64(self.descs + slot * 24, FINALIZED << 62 | ident)
            self.write64(self.descs + slot * 24 + 8, begin)
            self.write64(self.descs + slot * 24 + 16, after)
            self.write(self.infos + slot * 88,
                       struct.pack("<QQH", seq, 1000000 * (seq + 1) + 123456, len(text)))
        self.head = ident
        self.tail = (ident - min(len(lines), count) + 1) & ID_MASK
        self.write_ring(count_bits, size_bits)

    def write_ring(self, count_bits, size_bits):
        v = self.direct
        self.write(self.image_p + 0x100, struct.pack("<Q", self.image_v + 0x800))
        self.write(self.ring, struct.pack("<I4xQQQQ", count_bits, v + self.descs, v + self.infos,
                                          self.head, self.tail))
        self.write(self.ring + 40, struct.pack("<I4xQQQ", size_bits, v + self.data, 0, 0))

    def make_vmcoreinfo(self, release):
        info = {"OSRELEASE": release, "BUILD-ID": "00" * 20, "PAGESIZE": PAGE}
        info |= {f"SYMBOL({k})": f"{v:x}" for k, v in self.symbols.items()}
        info |= LAYOUT
        info |= {"NUMBER(phys_base)": self.phys_base,
                 "NUMBER(pgtable_l5_enabled)": int(self.levels == 5),
                 "KERNELOFFSET": f"{self.kaslr:x}",
                 "NUMBER(sme_mask)": 0,
                 "CRASHTIME": CRASH_TIME}
        self.vmcoreinfo = info

    def add_symbols(self, form=kallsyms.BASE, frames=("sysrq_handle_crash", "module")):
        """Symbols, and a CPU 1 that has called panic() from these."""
        v = self.image_v
        symbols = [(v + 0x3000, "T_stext"), (v + 0x3100, "T__crash_kexec"), (v + 0x3200, "Tpanic"),
                   (v + 0x3300, "Tsysrq_handle_crash"), (v + 0x4000, "T_etext"),
                   (v + 0x5000, "Dcrash_notes"), (v + 0x5010, "Dpanic_cpu"),
                   (v + 0x5020, "D__per_cpu_offset"), (v + 0x8000, "B_end"), (v + 0x9000, "ilast")]
        self.tables = {"kallsyms_offsets": v + 0x10000}
        for name, data in kallsyms.tables(symbols, form, v + 0x10000, v).items():
            at = self.tables.setdefault(name, v + 0x10000 + PAGE * 2 * len(self.tables))
            paddr = self.alloc(2)
            for n in (0, PAGE):
                self.map(at + n, paddr + n)
            self.write(paddr, data)
            self.vmcoreinfo[f"SYMBOL({name})"] = f"{at:x}"
        module, stack = 0xffffffffc0001000, 0xffffc90000004000
        self.map(module, self.alloc())
        self.map(stack, self.alloc())
        calls = {"panic": v + 0x3222, "sysrq_handle_crash": v + 0x331a, "module": module + 0x80}
        for at in calls.values():
            self.writev(at - 5, b"\xe8")
        self.writev(stack + 0x100, struct.pack("<4Q", calls["panic"], 7, *(calls[f] for f in frames)))
        self.writev(v + 0x5000, struct.pack("<Q", 0x800))
        self.writev(v + 0x5010, struct.pack("<i", 1))
        self.writev(v + 0x5028, struct.pack("<Q", v + 0x6000 - 0x800))
        self.writev(v + 0x6000, kallsyms.prstatus(412, v + 0x3120, stack + 0x100))

    def writev(self, vaddr, data):
        """Writes to a page that is mapped."""
        table = self.top
        for level in range(self.levels, 0, -1):
            table = self.read64(table + ((vaddr >> (12 + 9 * (level - 1))) & 511) * 8)
            assert table & 1
            table &= 0x000ffffffffff000
        self.write(table + vaddr % PAGE, data)

    def vmcoreinfo_text(self):
        return "".join(f"{k}={v}\n" for k, v in self.vmcoreinfo.items() if v is not None).encode()

    def notes(self, cpus=2):
        data = b"".join(note(b"CORE\0", 1, bytes(336)) for _ in range(cpus))
        return data + note(b"VMCOREINFO\0", 0, self.vmcoreinfo_text())


def note(name, kind, desc):
    def pad(b):
        return b + bytes(-len(b) % 4)
    return struct.pack("<III", len(name), len(desc), kind) + pad(name) + pad(desc)


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


def elf_vmcoreinfo_notes():
    """Three vmcoreinfo notes, the first two of them empty."""
    m = Machine()
    notes = m.notes
    m.notes = lambda cpus: note(b"VMCOREINFO\0", 0, b"") * 2 + notes(cpus) + notes(0)
    return elf(m)


GARBAGE = bytes((n * 7 + (n >> 8)) & 255 for n in range(20000))

INCOMPLETE = "incomplete"
ANY = "any"

# name -> (function, check that refuses the file, or None when it opens)
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


def flat_cut(missing):
    return flattened(kdump(Machine()))[:-missing]


def flat_with(*more):
    """A good one with records behind those of the dump."""
    return flattened(kdump(Machine()), end=b"".join(more) + FLAT_END)


def flat_scattered():
    """Bytes far from each other: a block of disk for each."""
    return flat_header() + b"".join(record(n << 20, 1, b"x") for n in range(9000)) + FLAT_END


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
    "kdump-page-larger-than-a-page": (lambda: descriptor_size(65587), ANY),
    "kdump-page-of-a-megabyte": (lambda: descriptor_size(1 << 20), ANY),
    "kdump-page-size-without-value": (page_size_without_value, ANY),
    "kdump-vmcoreinfo-garbled": (vmcoreinfo_garbled, ANY),
    "kdump-page-garbled": (garbled_page, None),
    "elf-magic-only": (lambda: b"\x7fELF", "dump.truncated"),
    "elf-half": (lambda: (lambda d: d[:len(d) // 2])(elf(Machine())), INCOMPLETE),
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


def main():
    out, flat = sys.argv[1:]
    os.makedirs(out, exist_ok=True)
    os.makedirs(flat, exist_ok=True)
    files = {"good.kdump": kdump(Machine()), "good.elf": elf(Machine())}
    files |= {f"hostile-{name}": make() for name, (make, _) in HOSTILE.items()}
    files |= {"flat-good": flattened(files["good.kdump"])}
    for name, data in files.items():
        with open(os.path.join(flat if "flat-" in name else out, name), "wb") as f:
            f.write(data)


if __name__ == "__main__":
    main()

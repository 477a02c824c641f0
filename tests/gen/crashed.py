# SPDX-License-Identifier: GPL-2.0-or-later
"""A crashed x86-64 kernel: its memory, page tables, printk ring buffer, symbols and vmcoreinfo."""

import struct

import kallsyms

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

# SPDX-License-Identifier: GPL-2.0-or-later
"""Malformations 1 to 35 of docs/UKI.md: headers and sections."""

import pe
from malforming import SBAT, field, image, late, padding, sections, text

# 1-17: headers ------------------------------------------------------------------------------------

def cut(length):
    return lambda data, _layout: data[:length]


late(1, "empty", "pe.size", cut(0))
late(1, "one byte", "pe.mz", cut(1))
late(1, "63 bytes", "pe.truncated", cut(63))
field(1, "no MZ", "pe.mz", "mz", b"mz")
field(2, "PE header in the DOS header", "pe.lfanew", "lfanew", 0x38)
field(2, "PE header at 0", "pe.lfanew", "lfanew", 0)
field(2, "PE header not aligned", "pe.lfanew", "lfanew", lambda old: old + 4)
field(2, "PE header behind the end", "pe.truncated", "lfanew", 0x10000)
field(2, "PE header at the end of 32 bits", "pe.truncated", "lfanew", 0xfffffff8)
field(3, "NE", "pe.signature", "signature", b"NE\0\0")
field(3, "PE without NULs", "pe.signature", "signature", b"PE\0\1")
field(3, "TE", "pe.mz", "mz", b"VZ")
field(3, "ZM", "pe.mz", "mz", b"ZM")
for bases in ("plain", "addon", "sealed"):
    field(4, "PE32", "pe.magic", "magic", 0x10b, bases)
    field(5, "arm64", "pe.machine", "machine", 0xaa64, bases)
    field(6, "boot service driver", "pe.subsystem", "subsystem", 11, bases)
    field(7, "a DLL", "pe.characteristics", "characteristics", lambda old: old | 0x2000, bases)
field(4, "ROM image", "pe.magic", "magic", 0x107)
field(5, "32-bit x86", "pe.machine", "machine", 0x14c)
field(6, "runtime driver", "pe.subsystem", "subsystem", 12)
field(6, "console program", "pe.subsystem", "subsystem", 3)
field(7, "not executable", "pe.characteristics", "characteristics", lambda old: old & ~2)
field(7, "relocations stripped", "pe.characteristics", "characteristics", lambda old: old | 1)


def directories(count):
    def change(img):
        img.directory_count = count
    return change


def consistent(count):
    return lambda r: (r.get("directories"), r.get("optional_size")) == (count, 112 + 8 * count)


image(8, "five directories", "pe.directories", directories(5), consistent(5))
image(8, "four directories", "pe.directories", directories(4), consistent(4))
image(8, "no directories", "pe.directories", directories(0), consistent(0))
image(9, "17 directories", "pe.directories", directories(17),
      lambda r: r.get("directories") == 17)
field(9, "2^32-1 directories", "pe.directories", "directories", 0xffffffff)
field(9, "one directory fewer than the header has", "pe.optional-size", "directories", 15)
field(9, "optional header longer", "pe.optional-size", "optional_size", lambda old: old + 40)
field(9, "optional header shorter", "pe.optional-size", "optional_size", lambda old: old - 8)
field(10, "no sections", "pe.sections", "sections", 0)


def many_sections(img):
    """With more than a profile for each of 256."""
    img.header_size = 0x8000
    img.sections += sections([(".profile", b"ID=p%d\n" % i) for i in range(257)])


image(10, "264 sections", "pe.sections", many_sections, lambda r: r.get("sections") > 192)


def table_behind_headers(img):
    """The section table's end is the first section's content."""
    img.header_size = 0x200
    img.sections[0].data = bytes(0x200)
    end = img.layout()
    img.sections[0].data = img.headers(end)[0x200:].ljust(0x200, b"\0")


image(11, "section table behind the headers", "pe.section-table", table_behind_headers,
      lambda r: r.all[-1].header + 40 > r.get("header_size"))
field(12, "no headers", "pe.header-size", "header_size", 0)
field(12, "headers not aligned", "pe.header-size", "header_size", 0x1008)
field(12, "headers of 128 KiB", "pe.header-size", "header_size", 0x20000)
field(12, "headers behind the end", "pe.truncated", "header_size", 0x8000)


def gap_at(index, filler=b"\0"):
    """A file range of 0x200 bytes before a section, in no section."""
    def change(img):
        img.layout()
        for s in img.sections[index:]:
            s.raw += 0x200
        fill = img.bytes

        def filled():
            data = fill()
            at = img.sections[index].raw
            data[at - 0x200:at] = filler * 0x200
            return data
        img.bytes = filled
    return change


def has_gap_at(index):
    def proof(r):
        end = r.all[index - 1].end if index else r.get("header_size")
        return r.all[index].raw == end + 0x200
    return proof


image(12, "first section not behind the headers", "pe.section-gap", gap_at(0), has_gap_at(0))
field(13, "file alignment 0", "pe.alignment", "file_alignment", 0)
field(13, "file alignment no power of two", "pe.alignment", "file_alignment", 0x600)
field(13, "section alignment 0", "pe.alignment", "section_alignment", 0)
field(13, "section alignment no power of two", "pe.alignment", "section_alignment", 0x1800)
field(13, "file alignment above section alignment", "pe.alignment", "file_alignment", 0x2000)
field(14, "SizeOfImage too small", "pe.image-size", "image_size", lambda old: old - 0x1000)
field(14, "SizeOfImage 0", "pe.image-size", "image_size", 0)
field(14, "SizeOfImage not aligned", "pe.image-size", "image_size", lambda old: old + 1)
field(16, "symbol table", "pe.symbols", "symbols", 0x1000)
field(16, "number of symbols", "pe.symbols", "symbol_count", 1)
field(17, "relocations", "pe.section-relocs", ".linux relocations", 0x1000)
field(17, "line numbers", "pe.section-relocs", ".linux line_numbers", 0x1000)
field(17, "number of relocations", "pe.section-relocs", ".linux relocation_count", 1)
field(17, "number of line numbers", "pe.section-relocs", ".linux line_number_count", 1)

# 18-35: sections ----------------------------------------------------------------------------------

field(18, "section behind the end", "pe.truncated", ".uname raw_size", 0x10000)
field(18, "section wraps 32 bits", "pe.truncated", ".uname raw_size", 0xfffffe00)
field(18, "section begins behind the end", "pe.section-gap", ".uname raw", 0x100000)
field(19, "section in the headers", "pe.section-overlap", ".text raw", lambda old: old - 0x200)


def overlap(img):
    """.initrd begins with the last 0x200 bytes of .cmdline; all that is behind moves up."""
    img.section(".cmdline").data = b"x" * 0x300
    img.layout()
    for s in img.sections[img.sections.index(img.section(".initrd")):]:
        s.raw -= 0x200


image(20, "overlap", "pe.section-overlap", overlap,
      lambda r: r[".initrd"].raw == r[".cmdline"].end - 0x200)
image(20, "overlap", "pe.section-overlap", overlap,
      lambda r: r[".initrd"].raw == r[".cmdline"].end - 0x200, base="profiles")
field(20, "a section reaches into the next", "pe.section-overlap", ".initrd raw_size", 0x400)
image(21, "gap of zeros", "pe.section-gap", gap_at(3), has_gap_at(3))
image(21, "gap with a content", "pe.section-gap", gap_at(3, b"x"), has_gap_at(3))
image(21, "gap before the last section", "pe.section-gap", gap_at(3), has_gap_at(3), base="addon")


def same_place(img):
    img.layout()
    index = img.sections.index(img.section(".initrd"))
    for s in img.sections[index:]:
        s.raw -= 0x200


image(22, "two sections at one place", "pe.section-overlap", same_place,
      lambda r: r[".initrd"].raw == r[".cmdline"].raw)
field(23, "file offset not aligned", "pe.section-alignment", ".initrd raw", lambda old: old + 8)
field(23, "size not aligned", "pe.section-alignment", ".initrd raw_size", lambda old: old + 8)


def no_data(raw):
    def change(img):
        img.sections.append(pe.Section(".bss", b"", virtual_size=0x100, raw_size=0, raw=raw))
    return change


image(24, "file offset without data", "pe.section-raw", no_data(0x1000),
      lambda r: r.all[-1].raw and not r.all[-1].raw_size)
image(24, "neither data nor the flag for it", "pe.section-raw", no_data(0),
      lambda r: not r.all[-1].raw and not r.all[-1].raw_size)
field(24, "data without file offset", "pe.section-overlap", ".initrd raw", 0)


def larger_in_memory(name, size=None):
    def change(img):
        s = img.section(name)
        s.virtual_size = size or pe.align(len(s.data), 0x200) + 1
    return change, lambda r: r[name].vsize > r[name].raw_size


for payload in (".linux", ".initrd", ".cmdline", ".osrel", ".sbat", ".uname"):
    image(25, f"{payload} larger in memory", "uki.virtual-size", *larger_in_memory(payload))
image(25, ".linux of its SizeOfImage, as early ukify 257 made it", "uki.virtual-size",
      *larger_in_memory(".linux", 0x10000))
image(25, ".initrd of 1 GiB", "uki.virtual-size", *larger_in_memory(".initrd", 1 << 30))
image(25, ".profile larger in memory", "uki.virtual-size", *larger_in_memory(".profile"),
      base="profiles")
image(25, ".cmdline larger in memory", "uki.virtual-size", *larger_in_memory(".cmdline"),
      base="addon")
padding(26, "a byte behind .cmdline", "uki.padding", ".cmdline", 0, 0x20)
padding(26, "the last byte behind .initrd", "uki.padding", ".initrd", -1, 1)
padding(26, "a byte behind .text", "uki.padding", ".text", -1, 0x90)
padding(26, "a byte behind .cmdline", "uki.padding", ".cmdline", 0, 0x20, "addon")
padding(26, "the last byte behind .kexec", "uki.padding", ".kexec", -1, 1, "sealed")
field(27, "sections overlap in memory", "pe.section-rva", ".text vsize", 0x1001)
field(27, "sections not in order", "pe.section-rva", ".initrd vaddr", lambda old: old - 0x2000)
field(27, "a section over the headers", "pe.section-rva", ".text vaddr", 0xf00)
field(27, "a section wraps 32 bits", "pe.image-size", ".uname vaddr", 0xfffffff8)
field(27, "a section behind SizeOfImage", "pe.image-size", ".uname vsize", 0x10000)
field(28, "bytes behind the name's NUL", "pe.section-name", ".osrel name", b".osrel\0x")
field(28, "a name of the string table", "pe.section-name", ".osrel name", b"/4\0\0\0\0\0\0")
field(28, "no name", "pe.section-name", ".osrel name", bytes(8))
field(28, "control character in a name", "pe.section-name", ".osrel name", b".osrel\x07\0")
field(28, "8-bit character in a name", "pe.section-name", ".osrel name", b".osr\xe9l\0\0")


def more(*contents, at=None):
    """Further sections, at the end or before the one of this index."""
    def change(img):
        index = len(img.sections) if at is None else at
        img.sections[index:index] = sections(contents)
    return change


def count(name, n):
    return lambda r: len(r.named(name)) == n


image(29, "two .cmdline", "uki.duplicate", more((".cmdline", b"init=/evil")), count(".cmdline", 2))
image(29, "two .initrd", "uki.duplicate", more((".initrd", b"evil")), count(".initrd", 2))
image(29, "two .linux", "uki.duplicate", more((".linux", b"evil")), count(".linux", 2))
image(29, "two .cmdline in a profile", "uki.duplicate", more((".cmdline", b"init=/evil")),
      count(".cmdline", 3), base="profiles")
image(29, "two .sbat", "uki.duplicate", more((".sbat", SBAT)), count(".sbat", 2),
      base="profiles")
image(29, "two .cmdline", "uki.duplicate", more((".cmdline", b"x")), count(".cmdline", 2),
      base="addon")


def without(*names):
    def change(img):
        img.sections = [s for s in img.sections if s.name not in names]
    return change, lambda r: not any(r.named(name) for name in names)


def empty(name, **fields):
    def change(img):
        s = img.section(name)
        for key, value in fields.items():
            setattr(s, key, value)
    return change


image(30, "no .linux", "addon.sections", *without(".linux"))
image(30, "no .linux and nothing to add", "uki.required", *without(".linux", ".cmdline", ".initrd"))
image(30, "no .osrel", "uki.required", *without(".osrel"))
image(30, ".linux without memory", "pe.section-empty", empty(".linux", virtual_size=0),
      lambda r: not r[".linux"].vsize)
image(30, ".linux without data", "uki.virtual-size",
      empty(".linux", data=b"", virtual_size=0x100, raw_size=0, flags=0x40000080),
      lambda r: not r[".linux"].raw_size)
image(30, ".cmdline of no length", "pe.section-empty",
      empty(".cmdline", data=b"", virtual_size=0, raw_size=0), lambda r: not r[".cmdline"].vsize)
image(30, "a kernel in a profile, too", "uki.kernels", more((".linux", b"evil")),
      count(".linux", 2), base="profiles")


def into_profile(name):
    """Moves a section of the base to the end, into the last profile."""
    def change(img):
        s = img.section(name)
        img.sections.remove(s)
        img.sections.append(s)
    return change, lambda r: r[name].header > r[".profile"].header


image(30, "the kernel in one of two profiles", "uki.required", *into_profile(".linux"),
      base="profiles")
image(30, ".osrel in one of two profiles", "uki.required", *into_profile(".osrel"),
      base="profiles")
for useless in (".osrel", ".splash", ".hwids", ".pcrsig", ".pcrpkey", ".efifw", ".profile"):
    image(30, f"an addon with {useless}", "addon.sections", more((useless, b"ID=x\n")),
          count(useless, 1), base="addon")
image(30, "an addon with nothing to add", "uki.required", *without(".cmdline"), base="addon")

for what, content in {
        "no ID": b"TITLE=x\n", "an empty ID": b"ID=\n", "two IDs": b"ID=x\nID=y\n",
        "the ID of another": b"ID=main\n", "the ID of another, in quotes": b"ID='main'\n",
        "the number of another": b"ID=0\n", "a blank in its ID": b"ID=x y\n",
        "a quote in its ID": b'ID="x\n', "an ID that is no ASCII": b"ID=\xc3\xa4\n",
        "a blank before its ID": b" ID=x\n", "a line without a key": b"ID=x\nevil\n",
        "an ID of 64 characters": b"ID=" + b"x" * 64 + b"\n"}.items():
    text(31, f"a profile with {what}", "uki.profile", ".profile", content, "profiles", which=1)
image(31, "257 profiles", "pe.sections", many_sections, count(".profile", 257))
image(32, "no .sbat", "uki.required", *without(".sbat"))
image(32, "no .sbat", "addon.required", *without(".sbat"), base="addon")
image(32, "no .sbat", "uki.required", *without(".sbat"), base="profiles")
for bases in ("plain", "addon"):
    text(32, ".sbat without its first line", "uki.sbat", ".sbat", b"ukify,1,x\n", bases)
    text(32, ".sbat of another format", "uki.sbat", ".sbat", b"sbat,2,x\n", bases)
    text(32, ".sbat with a hidden end", "uki.text", ".sbat", SBAT + b"\0" + SBAT, bases)
    text(32, ".sbat with a line of five columns", "uki.sbat", ".sbat",
         SBAT + b"uki,1,UKI,uki,1\n", bases)
    text(32, ".sbat with an empty column", "uki.sbat", ".sbat", SBAT + b"uki,1,,uki,1,x\n", bases)
    text(32, ".sbat of generation 0", "uki.sbat", ".sbat", SBAT + b"uki,0,UKI,uki,1,x\n", bases)
text(33, ".uname of another kernel", "uki.uname", ".uname", b"6.1.0-50-amd64")
text(33, ".uname of a longer name", "uki.uname", ".uname", b"6.99.1-test2")
text(33, ".uname of a shorter name", "uki.uname", ".uname", b"6.99.1")
image(33, "a profile's .uname of another kernel", "uki.uname", more((".uname", b"6.1")),
      count(".uname", 2), base="profiles")
for bases in ("plain", "addon", "profiles"):
    text(34, ".cmdline with a NUL", "uki.text", ".cmdline", b"quiet\0init=/evil", bases)
    text(34, ".cmdline with a line feed", "uki.cmdline", ".cmdline", b"quiet\ninit=/evil", bases)
    text(34, ".cmdline with an escape", "uki.cmdline", ".cmdline", b"quiet\x1b[2K", bases)
    text(34, ".cmdline that is no UTF-8", "uki.cmdline", ".cmdline", b"quiet\xff", bases)
text(34, "a profile's .cmdline with a NUL", "uki.text", ".cmdline", b"a\0b", "profiles", which=1)
text(34, ".uname with an escape", "uki.uname", ".uname", b"6.99.1-test\x1b[2K")
text(34, ".osrel with an escape", "uki.text", ".osrel", b"ID=x\x1b[2K\n")
text(34, ".cmdline above 64 KiB", "uki.text-size", ".cmdline", b"x" * 65537)


def long_texts(img):
    for i in range(16):
        img.sections += sections([(".profile", b"ID=p%d\n" % i), (".pcrsig", b"x" * 65536)])


image(34, "more than 1 MiB of texts", "uki.text-size", long_texts,
      lambda r: sum(s.vsize for s in r.named(".pcrsig")) >= 1 << 20, base="profiles")
field(35, "writable code", "pe.write-execute", ".text flags", lambda old: old | 0x80000000)
field(35, "executable writable data", "pe.write-execute", ".initrd flags", 0xe0000040)
field(35, "entry point in the headers", "pe.entry", "entry", 0x40)
field(35, "entry point in data", "pe.entry", "entry", 0x2000)
field(35, "entry point behind the code", "pe.entry", "entry", 0x1003)

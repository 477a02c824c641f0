#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every malformation of docs/UKI.md that makes a file of its own, by number, with the check it fires.

Each file differs from a good one in exactly what its name says; the generator reads its own result
again (Layout, with nothing of pe.py) and asserts so. Wherever it can be, the file is then properly
signed over its malformed self: nothing but the named check stands between it and acceptance.

    files = Maker(signer, foreign, sealed)     # keys of pki.py, an unsigned sealed image
    for case in CASES:
        data = case.make(files)                # verify must refuse it by case.check

    malformed.py DIR    writes those that need no sealed image into DIR, with keys of their own
"""

import struct
import sys
from pathlib import Path
from typing import Callable, List, NamedTuple, Optional

import bzimage
import der
import pe
import pki
import signer
from signer import Recipe, attribute

SBAT = b"sbat,1,SBAT Version,sbat,1,https://github.com/rhboot/shim/blob/main/SBAT.md\n"

FIELDS = {  # what a name stands for: offset in its header, format
    "lfanew": (0x3c, "I"), "mz": (0, "2s"),
    "signature": (0, "4s"), "machine": (4, "H"), "sections": (6, "H"), "symbols": (12, "I"),
    "symbol_count": (16, "I"), "optional_size": (20, "H"), "characteristics": (22, "H"),
    "magic": (24, "H"), "entry": (40, "I"), "section_alignment": (56, "I"),
    "file_alignment": (60, "I"), "image_size": (80, "I"), "header_size": (84, "I"),
    "subsystem": (92, "H"), "directories": (132, "I"), "cert_offset": (168, "I"),
    "cert_size": (172, "I"),
    "name": (0, "8s"), "vsize": (8, "I"), "vaddr": (12, "I"), "raw_size": (16, "I"),
    "raw": (20, "I"), "relocations": (24, "I"), "line_numbers": (28, "I"),
    "relocation_count": (32, "H"), "line_number_count": (34, "H"), "flags": (36, "I"),
}


class Section(NamedTuple):
    header: int  # file offset of its header
    name: bytes
    vsize: int
    vaddr: int
    raw_size: int
    raw: int
    flags: int

    @property
    def end(self):
        return self.raw + self.raw_size


class Layout:
    """Where things are in a PE file, read without mercy for what is wrong with them."""

    def __init__(self, data):
        self.data = data
        self.pe = struct.unpack_from("<I", data, 0x3c)[0]
        self.checksum, self.certdir = self.pe + 88, self.pe + 168
        table = self.pe + 24 + self.get("optional_size")
        self.all = [Section(at, *struct.unpack_from("<8sIIII12xI", data, at))
                    for at in range(table, table + 40 * self.get("sections"), 40)]

    def named(self, name) -> List[Section]:
        return [s for s in self.all if s.name.rstrip(b"\0") == name.encode()]

    def __getitem__(self, name) -> Section:
        return self.named(name)[0]

    def where(self, field):
        """Offset and format of "machine", or of ".linux vsize"."""
        *section, name = field.split()
        offset, form = FIELDS[name]
        if section:
            return self[section[0]].header + offset, "<" + form
        return (offset if name in ("lfanew", "mz") else self.pe + offset), "<" + form

    def get(self, field):
        offset, form = self.where(field)
        return struct.unpack_from(form, self.data, offset)[0]

    def content(self, section: Section):
        return self.data[section.raw:section.raw + min(section.vsize, section.raw_size)]


def patched(data, field, value):
    """With one field changed; value may be a function of the old one."""
    layout = Layout(data)
    offset, form = layout.where(field)
    new = value(layout.get(field)) if callable(value) else value
    assert new != layout.get(field), f"{field} is {new} already"
    out = bytearray(data)
    struct.pack_into(form, out, offset, new)
    return only_changed(data, out, offset, struct.calcsize(form))


def only_changed(before, after, offset, length):
    """Proof: same length, another content, and that only within these bytes."""
    assert len(before) == len(after) and before != after
    assert before[:offset] == after[:offset]
    assert before[offset + length:] == after[offset + length:]
    return bytes(after)


class Maker:
    """The good files, and the signer of the malformed ones."""

    def __init__(self, own: Path, foreign: Path, sealed: Optional[bytes] = None):
        self.signer, self.foreign, self._sealed = signer.Signer(own), signer.Signer(foreign), sealed
        self.kernel = self.sign(bytes(bzimage.minimal()))  # as the running kernel will want it

    def plain(self) -> pe.Image:
        return pe.uki(linux=self.kernel, uname=bzimage.VERSION.split()[0].encode())

    def addon(self) -> pe.Image:
        return _image([(".sbat", SBAT + b"uki-addon,1,UKI Addon,addon,1,https://example.org\n"),
                       (".uname", bzimage.VERSION.split()[0].encode()), (".cmdline", b"debug")])

    def profiles(self) -> pe.Image:
        image = self.plain()
        image.sections += _sections([(".profile", b"ID=main\n"),
                                     (".profile", b'ID=dump\nTITLE="Crash dump"\n'),
                                     (".cmdline", b"panic=1"), (".initrd", b"another")])
        return image

    def sealed(self):
        assert self._sealed, "needs a sealed image"
        return self._sealed

    def base(self, name) -> bytes:
        """One of the above, unsigned."""
        made = getattr(self, name)()
        return bytes(made.bytes()) if isinstance(made, pe.Image) else made

    def digest(self, data, layout, alg="sha256"):
        """Of all bytes but the two that a signature does not cover: right for every good layout."""
        h = signer.hashlib.new(alg)
        for part in (data[:layout.checksum], data[layout.checksum + 4:layout.certdir],
                     data[layout.certdir + 8:]):
            h.update(part)
        return h.digest()

    def blob(self, data, recipe=Recipe(), layout=None, by=None):
        digest = self.digest(data, layout or Layout(data), recipe.image_alg)
        return (by or self.signer).pkcs7(digest, recipe)

    def sign(self, data, recipe=Recipe(), layout=None):
        """Signed as it is. layout: where the headers are, if data does not tell."""
        layout = layout or Layout(data)
        data = bytes(data).ljust(pe.align(len(data), 8), b"\0")
        return with_table(data, entry(self.blob(data, recipe, layout)), layout)


def _sections(contents):
    return [pe.Section(name, data) for name, data in contents]


def _image(contents):
    return pe.Image([pe.Section(".text", b"\xf4\xeb\xfd", pe.CODE), *_sections(contents)])


def entry(blob, length=None, revision=0x200, kind=2, padding=b"\0" * 8):
    """A WIN_CERTIFICATE, padded to 8 bytes."""
    data = struct.pack("<IHH", 8 + len(blob) if length is None else length, revision, kind) + blob
    return data + padding[:-len(data) % 8]


def with_table(data, table, layout=None):
    """With a certificate table at its end."""
    out = bytearray(data + table)
    struct.pack_into("<II", out, (layout or Layout(data)).certdir, len(data), len(table))
    return bytes(out)


# Cases ------------------------------------------------------------------------------------------

class Case(NamedTuple):
    number: int  # 0: a rule of sealed images that the list does not have
    name: str
    base: str
    check: str
    make: Callable[[Maker], bytes]
    inner: bool = False  # the file is accepted; the check is the verdict about its kernel


CASES: List[Case] = []


def add(number, name, base, check, make):
    assert all(case.name != name or case.base != base for case in CASES), name
    CASES.append(Case(number, name, base, check, make))


def field(number, name, check, what, value, base="plain"):
    """One field of the headers is wrong; signed so."""
    def make(m):
        good = m.base(base)
        return m.sign(patched(good, what, value), layout=Layout(good))
    add(number, name, base, check, make)


def late(number, name, check, change, base="plain"):
    """Changed after it was signed, in what the digest does not cover, or cut."""
    def make(m):
        good = m.sign(m.base(base))
        bad = change(good, Layout(good))
        assert bad != good
        return bad
    add(number, name, base, check, make)


def image(number, name, check, change, proof, base="plain"):
    """Laid out in another way; proof holds for the result's Layout and for no good file's."""
    def make(m):
        good = getattr(m, base)()
        assert not proof(Layout(bytes(good.bytes()))), "the proof holds for the good file"
        bad = getattr(m, base)()
        bad = change(bad) or bad
        data = bytes(bad.bytes())
        layout = Layout(data)
        assert proof(layout), "not what it is named after"
        return m.sign(data, layout=layout)
    add(number, name, base, check, make)


def padding(number, name, check, section, offset, value, base="plain"):
    """One byte of the padding behind a section's content; counts from its end if negative."""
    def make(m):
        good = m.base(base)
        s = Layout(good)[section]
        at = s.raw + s.vsize + offset if offset >= 0 else s.end + offset
        assert s.raw + s.vsize <= at < s.end, "not in the padding"
        bad = bytearray(good)
        bad[at] = value
        return m.sign(only_changed(good, bad, at, 1))
    add(number, name, base, check, make)


def text(number, name, check, section, content, base="plain", which=0):
    """A section has another content; signed so."""
    def change(img):
        [s for s in img.sections if s.name == section][which].data = content
    image(number, name, check, change,
          lambda r: r.content(r.named(section)[which]) == content, base)


def signed(number, name, check, recipe, proof, base="plain"):
    """A SignedData that is wrong, but whose own signature is good."""
    def make(m):
        data = m.sign(m.base(base), recipe)
        assert m.sign(m.base(base)) != data
        blob = pe.certificates(bytearray(data))[0]
        assert proof(blob), "not what it is named after"
        return data
    add(number, name, base, check, make)


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
    img.sections += _sections([(".profile", b"ID=p%d\n" % i) for i in range(257)])


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
        img.sections[index:index] = _sections(contents)
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
      empty(".linux", data=b"", virtual_size=0x100, raw_size=0), lambda r: not r[".linux"].raw_size)
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
        img.sections += _sections([(".profile", b"ID=p%d\n" % i), (".pcrsig", b"x" * 65536)])


image(34, "more than 1 MiB of texts", "uki.text-size", long_texts,
      lambda r: sum(s.vsize for s in r.named(".pcrsig")) >= 1 << 20, base="profiles")
field(35, "writable code", "pe.write-execute", ".text flags", lambda old: old | 0x80000000)
field(35, "executable writable data", "pe.write-execute", ".initrd flags", 0xe0000040)
field(35, "entry point in the headers", "pe.entry", "entry", 0x40)
field(35, "entry point in data", "pe.entry", "entry", 0x2000)
field(35, "entry point behind the code", "pe.entry", "entry", 0x1003)

# 36-43: certificate table -------------------------------------------------------------------------

def directory(offset=None, size=None, drop=0, extra=b""):
    """Another directory entry, fewer or more bytes at the end of the file."""
    def change(data, layout):
        out = bytearray(data[:len(data) - drop] + extra)
        old = struct.unpack_from("<II", data, layout.certdir)
        new = (offset(old[0]) if offset else old[0], size(old[1]) if size else old[1])
        struct.pack_into("<II", out, layout.certdir, *new)
        assert len(out) == len(data) - drop + len(extra)
        assert struct.unpack_from("<II", out, layout.certdir) == new
        return bytes(out)
    return change


def moved(count_, filler):
    """Bytes between the last section and the table, which a proper signature covers."""
    def make(m):
        good = m.base("plain")
        data = good + filler * count_
        out = with_table(data, entry(m.blob(data, layout=Layout(good))), Layout(good))
        assert Layout(out).get("cert_offset") == len(good) + count_
        return out
    return make


def table(number, name, check, change, base="plain"):
    """A table made of the blob of a proper signature."""
    def make(m):
        good = m.base(base)
        made = change(m.blob(good))
        assert made != entry(m.blob(good)) and len(made) % 8 == 0
        return with_table(good, made)
    add(number, name, base, check, make)


for bases in ("plain", "addon", "profiles", "sealed"):
    add(36, "unsigned", bases, "auth.unsigned", lambda m, b=bases: m.base(b))
late(36, "table without an offset", "pe.cert-directory", directory(offset=lambda old: 0))
late(36, "table without a size", "pe.cert-directory", directory(size=lambda old: 0))
late(36, "table that no one points to", "pe.trailing",
     directory(offset=lambda old: 0, size=lambda old: 0))
late(37, "table not aligned", "pe.cert-offset",
     directory(offset=lambda old: old + 4, size=lambda old: old - 4))
late(37, "table over the last section", "pe.cert-offset",
     directory(offset=lambda old: old - 8, size=lambda old: old + 8))
late(37, "table in the headers", "pe.cert-offset",
     directory(offset=lambda old: 8, size=lambda old: 8))
add(38, "8 zeros before the table", "plain", "pe.cert-offset", moved(8, b"\0"))
add(38, "8 bytes before the table", "plain", "pe.cert-offset", moved(8, b"x"))
add(38, "a page before the table", "plain", "pe.cert-offset", moved(4096, b"x"))
late(39, "a byte behind the table", "pe.cert-end", directory(extra=b"x"))
late(39, "8 zeros behind the table", "pe.cert-end", directory(extra=bytes(8)))
late(39, "the file ends inside the table", "pe.cert-end", directory(drop=8))
late(39, "the table ends before the file", "pe.cert-end", directory(size=lambda old: old - 8))
table(40, "dwLength of 11", "cert.length", lambda b: entry(b, length=11))
table(40, "dwLength of 0", "cert.length", lambda b: entry(b, length=0))
table(40, "dwLength behind the table", "cert.length", lambda b: entry(b, length=len(b) + 24))
table(40, "dwLength of 4 GiB", "cert.length", lambda b: entry(b, length=0xffffffff))
table(40, "zeros behind the last entry", "cert.length", lambda b: entry(b) + bytes(8))
late(40, "foreign bytes in the table, up to its end", "cert.length",
     directory(size=lambda old: old + 4096, extra=b"\xeb\xfe" * 2048))
table(41, "revision 1", "cert.type", lambda b: entry(b, revision=0x100))
table(41, "an X.509 certificate", "cert.type", lambda b: entry(b, kind=1))
table(41, "type EFI_GUID", "cert.type", lambda b: entry(b, kind=0xef1))
table(42, "bytes behind the PKCS#7", "cert.padding", lambda b: entry(b + b"smuggled"))
table(42, "a byte in the entry's padding", "cert.padding",
      lambda b: entry(b + bytes(-len(b) % 8) + b"\0\0\0", padding=b"\0\0\0\0x"))


def two(number, name, check, second, base="plain", first=None):
    """Two signatures; second and first make blobs."""
    def make(m):
        good = m.base(base)
        blobs = [(first or (lambda m, d: m.blob(d)))(m, good), second(m, good)]
        data = with_table(good, entry(blobs[0]) + entry(blobs[1]))
        assert pe.certificates(bytearray(data)) == blobs
        return data
    add(number, name, base, check, make)


def foreign_blob(m, data):
    return m.blob(data, by=m.foreign)


def broken_blob(m, data):
    blob = bytearray(m.blob(data))
    blob[-1] ^= 1
    return bytes(blob)


for bases in ("plain", "sealed"):
    two(43, "the second of another file", "auth.digest", lambda m, d: m.blob(m.kernel), bases)
    two(43, "the foreign one first", "auth.trust", lambda m, d: m.blob(d), bases, foreign_blob)
    two(43, "the second broken", "auth.signature", broken_blob, bases)
two(43, "the second foreign and of another file", "auth.digest",
    lambda m, d: foreign_blob(m, m.kernel))
two(43, "the second no signature", "auth.pkcs7", lambda m, d: der.sequence(der.oid("1.2.3")))
table(43, "the second of another type", "cert.type", lambda b: entry(b) + entry(b, kind=1))
table(43, "nine signatures", "cert.count", lambda b: entry(b) * 9)

# 44-50: PKCS#7 ------------------------------------------------------------------------------------

def indefinite(blob):
    """The outer SEQUENCE in BER: indefinite length, end-of-contents."""
    body = blob[4:]
    assert blob[:2] == b"\x30\x82" and len(body) == int.from_bytes(blob[2:4], "big")
    return b"\x30\x80" + body + b"\0\0"


def indefinite_inside(blob):
    """[0] of the ContentInfo in BER, the outer length right again."""
    node = der.parse(blob)
    inner = node.children[1].contents()
    return der.sequence(node.children[0].encode(), b"\xa0\x80" + inner + b"\0\0")


def longer_length(blob):
    """The outer length in one byte more than it needs."""
    assert blob[:2] == b"\x30\x82"
    return b"\x30\x83\0" + blob[2:]


def long_length_inside(blob):
    node = der.parse(blob)
    version = node.children[1].children[0].children[0]
    version.length = b"\x81\x01"
    return node.encode()


def nested(node, *path):
    for i in path:
        node = node.children[i]
    return node


SIGNED = (1, 0)  # the SignedData in a ContentInfo


def get(blob, *path):
    return nested(der.parse(blob), *SIGNED, *path)


def infos(blob):
    return nested(der.parse(blob), *SIGNED).children[-1].children


def attributes_of(blob):
    return [a.children[0].encode() for a in infos(blob)[0].children[3].children]


def without_attribute(oid):
    def change(attributes):
        root = der.parse(attributes)
        kept = [a for a in root.children if a.children[0].encode() != der.oid(oid)]
        assert len(kept) == len(root.children) - 1
        root.children = kept
        return root.encode()
    return change


table(44, "indefinite length", "cert.der", lambda b: entry(indefinite(b)))
table(44, "indefinite length inside", "auth.pkcs7", lambda b: entry(indefinite_inside(b)))
table(44, "length not minimal", "cert.der", lambda b: entry(longer_length(b)))
table(44, "length not minimal inside", "auth.pkcs7", lambda b: entry(long_length_inside(b)))
table(44, "not a SEQUENCE", "cert.der", lambda b: entry(b"\x31" + b[1:]))
table(44, "PKCS#7 cut", "cert.der", lambda b: entry(b[:-8]))
signed(45, "PKCS#7 of 64 KiB", "pe.cert-size",
       Recipe(unauthenticated=[attribute("1.2.3.4", der.octets(bytes(65536)))]),
       lambda b: len(der.parse(b).encode()) > 65536)
table(45, "PKCS#7 that says 64 KiB", "cert.der", lambda b: entry(b"\x30\x83\1\0\0" + bytes(1000)))


def data_instead(blob):
    """A ContentInfo of type data around the same bytes."""
    node = der.parse(blob)
    return der.sequence(der.oid("1.2.840.113549.1.7.1"), node.children[1].encode())


table(46, "not SignedData", "auth.pkcs7", lambda b: entry(data_instead(b)))
signed(46, "signed is a trust list", "auth.content-type", Recipe(content_type="1.3.6.1.4.1.311.10.1"),
       lambda b: get(b, 2, 0).encode() == der.oid("1.3.6.1.4.1.311.10.1"))
signed(46, "signed is no PE image", "auth.content", Recipe(pe_type="1.3.6.1.4.1.311.2.1.30"),
       lambda b: get(b, 2, 1, 0, 0, 0).encode() == der.oid("1.3.6.1.4.1.311.2.1.30"))


def digest_of(blob):
    return get(blob, 2, 1, 0, 1)


for alg, size in (("md5", 16), ("sha1", 20)):
    signed(47, f"all of it {alg}", "auth.digest-algorithm",
           Recipe(image_alg=alg, listed=[alg], signer_alg=alg),
           lambda b, n=size: len(digest_of(b).children[1].value) == n)
signed(47, "image digest of SHA-1", "auth.digest-algorithm", Recipe(image_alg="sha1"),
       lambda b: len(digest_of(b).children[1].value) == 20)
signed(47, "digest cut", "auth.content", Recipe(digest=lambda d: d[:-1]),
       lambda b: len(digest_of(b).children[1].value) == 31)
signed(47, "digest longer", "auth.content", Recipe(digest=lambda d: d + b"\0"),
       lambda b: len(digest_of(b).children[1].value) == 33)
signed(47, "image digest of SHA-384, signer's of SHA-256", "auth.digest-algorithm",
       Recipe(image_alg="sha384"), lambda b: len(digest_of(b).children[1].value) == 48)
signed(47, "signer's digest of SHA-384 only", "auth.digest-algorithm",
       Recipe(listed=["sha256"], signer_alg="sha384"), lambda b: infos(b)[0].children[2].encode()
       == signer.algorithm("sha384"))
signed(48, "no SignerInfo", "auth.signer-info", Recipe(signer_infos=lambda info: []),
       lambda b: not infos(b))
signed(48, "two SignerInfos", "auth.signer-info", Recipe(signer_infos=lambda info: [info, info]),
       lambda b: len(infos(b)) == 2)
signed(48, "no attributes", "auth.attributes", Recipe(no_attributes=True),
       lambda b: infos(b)[0].children[3].tag == 0x30)
signed(48, "no contentType", "auth.attributes",
       Recipe(attributes=without_attribute(signer.CONTENT_TYPE)),
       lambda b: der.oid(signer.CONTENT_TYPE) not in attributes_of(b))
signed(48, "no messageDigest", "auth.attributes",
       Recipe(attributes=without_attribute(signer.MESSAGE_DIGEST)),
       lambda b: der.oid(signer.MESSAGE_DIGEST) not in attributes_of(b))
signed(48, "an attribute twice", "auth.attributes",
       Recipe(more_attributes=[attribute("1.2.3.4", der.NULL)] * 2),
       lambda b: attributes_of(b).count(der.oid("1.2.3.4")) == 2)
signed(48, "an attribute with two values", "auth.attributes",
       Recipe(more_attributes=[attribute("1.2.3.4", der.integer(1), der.NULL)]),
       lambda b: der.oid("1.2.3.4") in attributes_of(b))
signed(49, "messageDigest over the content with its header", "auth.message-digest",
       Recipe(signed_content=der.sequence),
       lambda b: signer.hashlib.sha256(get(b, 2, 1, 0).encode()).digest() in b)


def trusted_one_nested(m):
    """By a stranger; ours is an unauthenticated attribute of it, as dual signing tools put it."""
    good = m.base("plain")
    ours = m.blob(good)
    recipe = Recipe(unauthenticated=[attribute("1.3.6.1.4.1.311.2.4.1", ours)])
    blob = m.blob(good, recipe, by=m.foreign)
    assert ours in blob and blob.count(m.foreign.certificate) == 1
    return with_table(good, entry(blob))


add(50, "the trusted signature inside the foreign one", "plain", "auth.trust", trusted_one_nested)

# 52, 53: the kernel inside a plain UKI --------------------------------------------------------------

def inner(number, name, check, change):
    """A good UKI around a kernel that is none for the running one. change: of the kernel."""
    def make(m):
        bad = change(m)
        image_ = m.plain()
        image_.section(".linux").data = bad
        data = m.sign(bytes(image_.bytes()))
        assert Layout(data).content(Layout(data)[".linux"]) == bad != m.kernel
        return data
    assert all(case.name != name for case in CASES), name
    CASES.append(Case(number, name, "plain", check, make, inner=True))


def inner_field(number, name, check, what, value):
    """Signed so."""
    def change(m):
        good = bytes(bzimage.minimal())
        return m.sign(patched(good, what, value), layout=Layout(good))
    inner(number, "kernel: " + name, check, change)


def inner_byte(number, name, check, offset, form, value):
    def change(m):
        good = bytes(bzimage.minimal())
        bad = bytearray(good)
        struct.pack_into("<" + form, bad, offset, value)
        return m.sign(only_changed(good, bad, offset, struct.calcsize(form)))
    inner(number, "kernel: " + name, check, change)


def inner_late(number, name, check, change):
    """Changed after it was signed."""
    inner(number, "kernel: " + name, check, lambda m: change(m.kernel, Layout(m.kernel)))


inner(52, "kernel: unsigned", "kernel.unsigned", lambda m: bytes(bzimage.minimal()))
inner(52, "kernel: no PE", "kernel.pe", lambda m: b"\x7fELF" + bytes(1000))
inner_field(52, "PE32", "kernel.pe", "magic", 0x10b)
inner_field(52, "for another machine", "kernel.pe", "machine", 0xaa64)
inner_field(52, "17 directories", "kernel.directories", "directories", 17)
inner_field(52, "another length of its header", "kernel.directories", "optional_size", 168)
inner_field(52, "no sections", "kernel.headers", "sections", 0)
inner_field(52, "section table behind the headers", "kernel.headers", "header_size", 0x140)
inner_field(52, "a gap", "kernel.sections", ".text raw_size", lambda old: old - 8)
inner_field(52, "an overlap", "kernel.sections", ".text raw_size", lambda old: old + 8)
inner_field(52, "a section behind the end", "kernel.sections", ".data raw_size", 0x10000)
inner_field(52, "bytes in no section", "kernel.certificates", ".data raw_size", lambda old: old - 8)
inner_late(52, "zeros behind its certificates, as of .linux cut at SizeOfRawData",
           "kernel.certificates", directory(extra=bytes(8)))
inner_late(52, "certificates without an offset", "kernel.certificates",
           directory(offset=lambda old: 0))
inner_late(52, "certificates over its last section", "kernel.certificates",
           directory(offset=lambda old: old - 8, size=lambda old: old + 8))
inner_late(52, "certificates that no one points to", "kernel.trailing",
           directory(offset=lambda old: 0, size=lambda old: 0))
inner(52, "kernel: of a foreign signer", "auth.trust",
      lambda m: with_table(bytes(bzimage.minimal()), entry(foreign_blob(m, bzimage.minimal()))))
inner(52, "kernel: signed, then changed", "auth.digest",
      lambda m: m.kernel[:0x1000] + bytes([m.kernel[0x1000] ^ 2]) + m.kernel[0x1001:])
inner_byte(53, "no HdrS", "kernel.boot-header", 0x202, "I", 0)
inner_byte(53, "boot protocol 2.11", "kernel.boot-header", 0x206, "H", 0x20b)
inner_byte(53, "loads low", "kernel.boot-header", 0x211, "B", 0)
inner_byte(53, "no 64-bit entry", "kernel.boot-header", 0x236, "H", 0x7a)
inner_byte(53, "only below 4 GiB", "kernel.boot-header", 0x236, "H", 0x79)
inner_byte(53, "larger than its init_size", "kernel.boot-header", 0x260, "I", 0x1000)

# 53 and the rest, for sealed images ---------------------------------------------------------------

def at(number, name, check, where, form, value):
    """Some bytes of a sealed image; where may be (section, offset)."""
    def make(m):
        good = m.base("sealed")
        offset = where if isinstance(where, int) else Layout(good)[where[0]].raw + where[1]
        bad = bytearray(good)
        old = struct.unpack_from("<" + form, good, offset)[0]
        struct.pack_into("<" + form, bad, offset, value(old) if callable(value) else value)
        return m.sign(only_changed(good, bad, offset, struct.calcsize("<" + form)))
    add(number, name, "sealed", check, make)


def sealed_text(number, name, check, section, content):
    """Another content of the same length in a sealed image."""
    def make(m):
        good = m.base("sealed")
        s = Layout(good)[section]
        new = content(Layout(good).content(s))
        assert len(new) == s.vsize
        bad = good[:s.raw] + new + good[s.raw + s.vsize:]
        return m.sign(only_changed(good, bad, s.raw, s.vsize))
    add(number, name, "sealed", check, make)


at(53, "inner: no HdrS", "sealed.kernel", (".linux", 0x202), "I", 0)
at(53, "inner: boot protocol 2.11", "sealed.kernel", (".linux", 0x206), "H", 0x20b)
at(53, "inner: loads low", "sealed.kernel", (".linux", 0x211), "B", 0)
at(53, "inner: no 64-bit entry", "sealed.kernel", (".linux", 0x236), "H", lambda old: old & ~1)
at(53, "inner: only below 4 GiB", "sealed.kernel", (".linux", 0x236), "H", lambda old: old & ~2)
at(53, "inner: larger than its init_size", "sealed.kernel", (".linux", 0x260), "I", 0x1000)


def small_cmdline(m):
    """cmdline_size of the kernel, and of the boot header, which is made from it."""
    good = m.base("sealed")
    inner = Layout(good)[".linux"].raw + 0x238
    bad = bytearray(good)
    for offset in (0x238, inner):
        struct.pack_into("<I", bad, offset, 40)
    only_changed(good[:inner], bad[:inner], 0x238, 4)
    only_changed(good[0x23c:], bad[0x23c:], inner - 0x23c, 4)
    return m.sign(bytes(bad))


add(53, "inner: too little room for the command line", "sealed", "sealed.cmdline", small_cmdline)
at(0, "another init_size", "sealed.head", 0x260, "I", lambda old: old + 0x1000)
at(0, "another entry", "sealed.head", 0x601, "I", lambda old: old + 1)
at(0, "EFI handover", "sealed.head", 0x264, "I", 0x190)
at(0, "no end of the version string", "sealed.version", 0x310, "240s", b"x" * 240)
at(0, "escape in the version string", "sealed.version", 0x311, "B", 0x1b)
at(0, "bytes behind the section table", "sealed.slack", 0xfff, "B", 1)
at(0, "a stub of another image", "sealed.stub", (".kexec", 20), "I", lambda old: old + 16)
at(0, "no stub", "sealed.stub", (".kexec", 8), "Q", 0)
at(0, "unknown flags", "sealed.stub", (".kexec", 24), "I", 4)
sealed_text(0, "elfcorehdr= in the command line", "sealed.cmdline", ".cmdline",
            lambda old: b"elfcorehdr=0x1".ljust(len(old))[:len(old)])
field(0, "a device tree", "sealed.sections", ".uname name", b".dtb\0\0\0\0", "sealed")
field(0, "microcode", "sealed.sections", ".uname name", b".ucode\0\0", "sealed")
field(0, "no initrd", "sealed.sections", ".initrd name", b".Initrd\0", "sealed")


def sealed_profile(m):
    """.uname becomes a profile that is well formed."""
    good = m.base("sealed")
    s = Layout(good)[".uname"]
    text_ = b"ID=dump\n".ljust(s.vsize, b"\n")
    bad = only_changed(good, good[:s.raw] + text_ + good[s.raw + s.vsize:], s.raw, s.vsize)
    return m.sign(patched(bad, ".uname name", b".profile"))


add(0, "a profile", "sealed", "sealed.sections", sealed_profile)


# Numbers without a case here, and where their tests are.
ELSEWHERE = {
    15: "tests/cli/test_bad_input.py: test_oversized, test_size_that_changes",
    51: "tests/unit/test_revoked.c; certificates of another use: tests/unit/test_auth.c test_eku",
    54: "tests/unit/test_keyring.c",
}


def main(argv):
    if len(argv) != 2 or argv[1].startswith("-"):
        sys.exit(__doc__)
    out = Path(argv[1])
    keys = [pki.make(out, name, name) for name in ("signer", "foreign")]
    files = Maker(*keys)
    for case in CASES:
        if case.base != "sealed":
            name = f"{case.number:02}-{case.base}-{case.name.replace(' ', '-').replace('/', '_')}"
            (out / f"{name}.efi").write_bytes(case.make(files))


if __name__ == "__main__":
    main(sys.argv)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Malformations 52 and 53 of docs/UKI.md, of the kernel inside, and what only sealed images have."""

import struct

import bzimage
from malformed_cert import directory, foreign_blob
from malforming import CASES, Case, Layout, add, entry, field, only_changed, patched, with_table

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

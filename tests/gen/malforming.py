# SPDX-License-Identifier: GPL-2.0-or-later
"""How malformed.py makes its files: the good ones, a signer, and kinds of cases."""

import struct
from pathlib import Path
from typing import Callable, List, NamedTuple, Optional

import bzimage
import pe
import signer
from signer import Recipe

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
        image.sections += sections([(".profile", b"ID=main\n"),
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


def sections(contents):
    return [pe.Section(name, data) for name, data in contents]


def _image(contents):
    return pe.Image([pe.Section(".text", b"\xf4\xeb\xfd", pe.CODE), *sections(contents)])


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

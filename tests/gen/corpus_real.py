# SPDX-License-Identifier: GPL-2.0-or-later
"""Seeds made of real files: those that the test bed has downloaded or built, if any; never in git."""

import struct
from pathlib import Path

import pe

ROOM = 0x200  # of each section's data


def real_seeds(cache: Path):
    """(fuzzer, name, bytes) of every PE file and variable store below a download cache."""
    for number, path in enumerate(sorted(_files(cache))):
        data = path.read_bytes()
        if path.suffix == ".fd":
            for i, lists in enumerate(signature_lists(data)):
                yield "fuzz_siglist", f"real-{number}-{i}", lists
            continue
        small = cut(data)
        if small is None:
            continue
        yield "fuzz_pe", f"real-{number}", small
        for i, blob in enumerate(pe.certificates(data)):
            yield "fuzz_pkcs7", f"real-{number}-{i}", blob
            yield "fuzz_cert", f"real-{number}-{i}", pe.attach(bytearray(cut(data, bare=True)), blob)


def _files(cache: Path):
    for pattern in ("unpacked/**/*.efi", "unpacked/**/*.efi.stub", "unpacked/**/*VARS*.fd",
                    "kernels/*/boot/vmlinuz-*", "kernels/*/usr/lib/modules/*/vmlinuz",
                    "firmware/*.fd"):
        yield from (p for p in cache.glob(pattern) if p.is_file() and not p.is_symlink())


def cut(data: bytes, bare: bool = False):
    """A PE32+ file of the same headers and certificate table, with a little of each section, so
    that it fits into a fuzzer's input. None for any other file."""
    if data[:2] != b"MZ" or len(data) < 0x1000:
        return None
    header = pe.get32(data, 0x3c)
    optional = header + 24
    if data[header:header + 4] != b"PE\0\0" or pe.get16(data, optional) != 0x20b:
        return None
    size = pe.get32(data, optional + 60)
    out = bytearray(data[:size])
    table = optional + pe.get16(data, header + 20)
    for i in range(pe.get16(data, header + 6)):
        at = table + pe.SECTION_HEADER * i
        raw_size, raw = struct.unpack_from("<II", data, at + 16)
        if not raw_size:
            continue
        kept = min(raw_size, ROOM)
        struct.pack_into("<I", out, at + 8, min(kept, pe.get32(data, at + 8)))
        struct.pack_into("<II", out, at + 16, kept, len(out))
        out += data[raw:raw + kept]
    directory = optional + pe.OPTIONAL_FIXED + 8 * pe.CERT_DIRECTORY
    where, length = struct.unpack_from("<II", data, directory)
    struct.pack_into("<II", out, directory, 0 if bare or not where else len(out),
                     0 if bare else length)
    return bytes(out if bare else out + data[where:where + length]) if where else bytes(out)


def signature_lists(store: bytes):
    """EFI_SIGNATURE_LISTs in a firmware's variable store: found by their types' GUIDs."""
    kinds = [bytes.fromhex("a159c0a5e494a74a87b5ab155c2bf072"),  # X.509
             bytes.fromhex("2616c4c14c509240aca941f936934328")]  # SHA-256
    at = 0
    while at + 28 <= len(store):
        end = at
        while end + 28 <= len(store) and store[end:end + 16] in kinds:
            size = pe.get32(store, end + 16)
            if not 28 < size <= len(store) - end:
                break
            end += size
        if end > at:
            yield store[at:end]
            at = end
        else:
            found = [p for p in (store.find(k, at + 1) for k in kinds) if p > 0]
            if not found:
                return
            at = min(found)

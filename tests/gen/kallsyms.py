# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables of kernel/kallsyms.c for a few symbols, in the three forms that x86-64 kernels have had."""
import struct

PERCPU, BASE, PLACE = "6.0 to 6.14", "6.15 to 6.19", "7.0 and later"
TOKENS = {1: b"_handle", 2: b"Tsysrq"}      # all others are the character itself


def packed(name):
    """A name with its type in front, compressed, behind its length."""
    data = name.encode()
    for code, text in TOKENS.items():
        data = data.replace(text, bytes([code]))
    length = [len(data)] if len(data) < 128 else [len(data) & 127 | 128, len(data) >> 7]
    return bytes(length) + data


def tables(symbols, form, place, base):
    """name of the table -> content. symbols: [(address, "Tname")], sorted; place: of the offsets; base:
    kallsyms_relative_base."""
    offset = {PERCPU: lambda n, a: base - 1 - a, BASE: lambda n, a: a - base,
              PLACE: lambda n, a: a - place - 4 * n}[form]
    words = [TOKENS.get(n, bytes([n])) + b"\0" for n in range(256)]
    starts = [sum(map(len, words[:n])) for n in range(256)]
    made = {"kallsyms_num_syms": struct.pack("<I", len(symbols)),
            "kallsyms_names": b"".join(packed(name) for _, name in symbols),
            "kallsyms_offsets": b"".join(struct.pack("<I", offset(n, a) & 0xffffffff)
                                         for n, (a, _) in enumerate(symbols)),
            "kallsyms_token_table": b"".join(words),
            "kallsyms_token_index": struct.pack("<256H", *starts)}
    if form != PLACE:
        made["kallsyms_relative_base"] = struct.pack("<Q", base)
    return made


def prstatus(pid, rip, rsp):
    """The note that a kernel keeps for a CPU that crashed."""
    desc = bytearray(336)
    struct.pack_into("<I", desc, 32, pid)
    struct.pack_into("<Q", desc, 112 + 16 * 8, rip)
    struct.pack_into("<Q", desc, 112 + 19 * 8, rsp)
    return struct.pack("<III8s", 5, len(desc), 1, b"CORE") + bytes(desc)

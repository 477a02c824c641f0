#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A small bzImage that has every field a kernel needs, and a pattern as code: it seals, it never runs.

Like Debian's kernels it is a PE of its own kind: six directories, a symbol count without symbols,
.data larger in memory than in the file.

    kernel = minimal()                       # bytearray; poke at offsets of boot.rst to corrupt it
    bzimage.py OUT

tests/unit/fixture_seal.c makes the same in C.
"""

import struct
import sys

SETUP = 0x400  # setup_sects = 1
DATA = 0x200  # of the protected-mode part, which ends with .data
CERTDIR = 0x40 + 24 + 112 + 8 * 4  # file offset of the certificate directory entry
VERSION = "6.99.1-test (fixture@ukdump) #1 SMP"


def put_pe_headers(put, payload):
    """At 0x40, in front of the setup header, as arch/x86/boot/header.S has them."""
    opt, table = 0x40 + 24, 0x40 + 24 + 160
    put("4sHHIIIHH", 0x40, b"PE", 0x8664, 2, 0, 0, 1, 160, 0x206)
    put("H", opt, 0x20b)
    put("I", opt + 16, SETUP + 0x200)  # entry point
    put("II", opt + 32, 0x1000, 0x200)  # alignments
    put("II", opt + 56, 0x10000, SETUP)  # SizeOfImage, SizeOfHeaders
    put("HH", opt + 68, 10, 0x100)  # EFI application, NX_COMPAT
    put("I", opt + 108, 6)
    put("8sIIII12xI", table, b".text", payload - DATA, SETUP, payload - DATA, SETUP, 0x60000020)
    end = SETUP + payload - DATA
    put("8sIIII12xI", table + 40, b".data", 8 * DATA, end, DATA, end, 0xc0000040)


def minimal(version=VERSION, payload=0x1800, init_size=0x100000, cmdline_size=2047):
    """A bzImage with `payload` bytes of protected-mode part."""
    data = bytearray(SETUP + payload)

    def put(fmt, offset, *values):
        struct.pack_into("<" + fmt, data, offset, *values)

    data[0:2] = b"MZ"
    put("I", 0x3c, 0x40)
    put_pe_headers(put, payload)
    put("B", 0x1f1, 1)  # setup_sects
    put("I", 0x1f4, payload // 16)  # syssize
    put("H", 0x1fa, 0xffff)  # vid_mode
    put("H", 0x1fe, 0xaa55)
    put("BB", 0x200, 0xeb, 0x26c - 0x202)  # end of the setup header
    data[0x202:0x206] = b"HdrS"
    put("H", 0x206, 0x20f)  # boot protocol
    put("H", 0x20e, 0x100)  # kernel_version, less 0x200
    put("B", 0x211, 1)  # LOADED_HIGH
    put("I", 0x214, 0x100000)  # code32_start
    put("I", 0x230, 0x200000)  # kernel_alignment
    put("BB", 0x234, 1, 21)  # relocatable, min_alignment
    put("H", 0x236, 0x7b)  # xloadflags, as Debian's 6.12 has them
    put("I", 0x238, cmdline_size)
    put("II", 0x248, 0x300, payload - 0x700)  # payload
    put("Q", 0x258, 0x1000000)  # pref_address
    put("III", 0x260, init_size, 0x190, 0x500)  # init_size, handover, kernel_info
    data[0x300:0x300 + len(version)] = version.encode()
    for i in range(SETUP, len(data)):
        data[i] = (i * 7 + 1) & 0xff | 1
    data[SETUP + 0x500:SETUP + 0x510] = struct.pack("<4sIII", b"LToP", 16, 16, 0x80000009)
    return data


def main(argv):
    if len(argv) != 2 or argv[1].startswith("-"):
        sys.exit(__doc__)
    with open(argv[1], "wb") as f:
        f.write(minimal())


if __name__ == "__main__":
    main(sys.argv)

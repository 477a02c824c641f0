# SPDX-License-Identifier: GPL-2.0-or-later
"""A minimal bzImage: a setup header that passes every test of the kernel's bzImage64_probe(), and
a protected-mode part that only halts. Small enough to make thousands of."""

SETUP_SECTS = 1
VERSION_AT = 0x280  # behind the header


def put(data: bytearray, offset: int, size: int, value: int) -> None:
    data[offset:offset + size] = value.to_bytes(size, "little")


def minimal(version: str = "6.99.0-ukdump-test", payload: int = 8192) -> bytes:
    """The file. payload: length of the protected-mode part."""
    setup = bytearray((SETUP_SECTS + 1) * 512)
    put(setup, 0x1f1, 1, SETUP_SECTS)
    put(setup, 0x1f4, 4, (payload + 15) // 16)
    put(setup, 0x1fe, 2, 0xaa55)
    put(setup, 0x200, 2, 0x6aeb)  # jmp; the header ends at 0x202 + 0x6a
    setup[0x202:0x206] = b"HdrS"
    put(setup, 0x206, 2, 0x20f)
    put(setup, 0x20e, 2, VERSION_AT - 0x200)
    put(setup, 0x211, 1, 1)  # LOADED_HIGH
    put(setup, 0x214, 4, 0x100000)
    put(setup, 0x22c, 4, 0x7fffffff)
    put(setup, 0x230, 4, 0x200000)
    put(setup, 0x234, 1, 1)
    put(setup, 0x235, 1, 21)
    put(setup, 0x236, 2, 0x2b)  # 64-bit, above 4G, EFI handover 64, 5-level
    put(setup, 0x238, 4, 2047)
    put(setup, 0x248, 4, 0x300)
    put(setup, 0x24c, 4, payload - 0x300)
    put(setup, 0x258, 8, 0x1000000)
    put(setup, 0x260, 4, 0x400000)
    put(setup, 0x264, 4, 0x190)
    setup[VERSION_AT:VERSION_AT + len(version) + 1] = version.encode() + b"\0"
    code = b"\xfa\xf4\xeb\xfd" * (payload // 4)
    return bytes(setup) + code.ljust(payload, b"\0")

# SPDX-License-Identifier: GPL-2.0-or-later
"""Fetches and builds everything that the VM tests take from build/cache, with visible progress.

    PYTHONPATH=tests/vm /usr/bin/python3 -m vmbed [6.1 | 6.12 | 7.2 | system]...

pytest hides what its fixtures print, so this runs before it; what is there already costs nothing.
"""

import sys

from . import bed, firmware, packages, qemu, system
from .paths import BedError


def prepare(wanted):
    qemu.require()
    firmware.Firmware().variables()
    for suite in ("bookworm", "trixie", "sid"):
        packages.uefi_stub(suite)
    packages.tools()
    for name in wanted:
        kernel = system.Tree(system.pristine()).kernel if name == "system" \
            else packages.kernel(name)
        bed.micro_esp(kernel)
    qemu.accelerator(lambda accel: bed.Bed("accel").boots_with(accel))


if __name__ == "__main__":
    if not set(sys.argv[1:]) <= {*packages.KERNELS, "system"}:
        sys.exit(__doc__)
    try:
        prepare(sys.argv[1:] or [*packages.KERNELS, "system"])
    except BedError as error:
        sys.exit(f"vmbed: {error}")

# SPDX-License-Identifier: GPL-2.0-or-later
"""The VM test bed: Debian kernels, UEFI firmware and guests under QEMU, see ../README.md."""

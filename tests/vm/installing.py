# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian 13 with ukdump from its package, and with a key that the firmware knows."""

import json
import subprocess

from vmbed.paths import BUILD, REPO, filling_cache, run

SETTINGS = """\
[Image]
Key=/root/db.key
Certificate=/root/db.crt
"""


@filling_cache
def package():
    """The .deb of this checkout, built by this machine where a file has changed since."""
    made = sorted((BUILD / "packages").glob("ukdump_*.deb"))
    files = run("git", "ls-files", "-z", ":!tests", cwd=REPO).split("\0")
    newest = max((REPO / name).stat().st_mtime for name in files if (REPO / name).is_file())
    if len(made) != 1 or made[0].stat().st_mtime < newest:
        subprocess.run(["make", "deb"], cwd=REPO, check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        made = sorted((BUILD / "packages").glob("ukdump_*.deb"))
    (deb,) = made
    return deb


def install(vm, settings="", image=True):
    """A tree with the package installed; image: built already, as a guest takes minutes for it.

    settings: more for ukdump.conf.
    """
    tree = vm.system_tree()
    tree.add("/root/ukdump.deb", package())
    tree.chroot("dpkg", "--install", "/root/ukdump.deb")
    tree.add("/etc/ukdump/ukdump.conf.d/site.conf", (SETTINGS + settings).encode())
    for name in ("db.key", "db.crt"):
        tree.add(f"/root/{name}", vm.keys() / name)
    (tree.root / "root/db.key").chmod(0o600)
    if image:
        tree.add("/proc/cmdline", b"console=ttyS0\n")  # else the image would be stale on the machine
        tree.chroot("ukdumpctl", "build", "--kver", tree.kernel.version)
    return tree


def kernel_package(output, version, image):
    """A package with a kernel's image alone that calls the hooks as Debian's packages do. Its modules are
    there already: unpacking them takes a guest minutes, as the host's initrd would (INITRD=No)."""
    tree = output.with_suffix("")
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "boot").mkdir()
    (tree / "boot" / f"vmlinuz-{version}").write_bytes(image.read_bytes())
    (tree / "DEBIAN/control").write_text(
        f"Package: linux-image-{version}\nVersion: 1\nArchitecture: amd64\nMaintainer: tests\nDescription: kernel\n")
    for script in ("postinst", "postrm"):
        path = tree / "DEBIAN" / script
        path.write_text(f"#!/bin/sh -e\nexport DEB_MAINT_PARAMS=\"$*\" INITRD=No\n"
                        f"run-parts --exit-on-error --arg={version} --arg=/boot/vmlinuz-{version} "
                        f"/etc/kernel/{script}.d\n")
        path.chmod(0o755)
    run("dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, output)
    return output


def last_json(text):
    """The JSON behind a command's messages."""
    return json.loads(text[text.index("{\n"):text.rindex("}") + 1])

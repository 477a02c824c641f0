# SPDX-License-Identifier: GPL-2.0-or-later
"""Packages of any Debian suite, downloaded and unpacked without touching the host.

Each suite has an apt root of its own (sources, lists, archives, empty dpkg status) below
build/cache/apt/SUITE. Unpacked trees are cached too, so a second run needs no network.
"""

import os
import re
from pathlib import Path

from .paths import CACHE, BedError, filling_cache, remove, replacing, run, say

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

# Kernel series -> the suite that ships it.
KERNELS = {"6.1": "bookworm", "6.12": "trixie", "7.2": "sid"}


def mirror():
    """The Debian mirror: $MIRROR, else the one this host's apt takes its own release from.

    apt itself is asked, so that sources.list and deb822 files both count, also before the first
    `apt-get update`. Other archives may use Debian's code names, but none has CODENAME-updates.
    """
    if os.environ.get("MIRROR"):
        return os.environ["MIRROR"].rstrip("/")
    about = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines()
                 if "=" in line)
    codename = about.get("VERSION_CODENAME", "").strip('"')
    if about.get("ID") == "debian" and codename:
        uris = run("apt-get", "update", "--print-uris")
        for suite in (f"{codename}-updates", codename):
            found = re.search(rf"'(\S+?)/*/dists/{suite}/InRelease'", uris)
            if found:
                return found[1]
    raise BedError("no Debian mirror in apt's sources; name one with MIRROR=http://.../debian")


class Suite:
    """One suite's private apt root."""

    def __init__(self, name):
        self.name = name
        self.root = CACHE / "apt" / name

    def sources(self):
        return f"deb [signed-by={KEYRING}] {mirror()} {self.name} main\n"

    def apt(self, tool, *arguments, cwd=None):
        settings = {
            "Dir::Etc::SourceList": self.root / "sources.list",
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::Etc::Preferences": "/dev/null",
            "Dir::Etc::PreferencesParts": "/dev/null",
            "Dir::State::Lists": self.root / "lists",
            "Dir::State::Status": self.root / "status",
            "Dir::Cache": self.root,
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
            # A mirror may lag behind; sid's lists are valid for a week only.
            "Acquire::Check-Valid-Until": "false",
            "APT::Architecture": "amd64",
            "APT::Sandbox::User": "root",
            "APT::Install-Recommends": "false",
        }
        options = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
        return run(tool, "-q", *options, *arguments, cwd=cwd,
                   env=dict(os.environ, DEBIAN_FRONTEND="noninteractive", LC_ALL="C"))

    def update(self):
        say(f"apt: reading the package lists of {self.name}")
        for folder in ("lists/partial", "archives/partial"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        (self.root / "status").touch()
        (self.root / "sources.list").write_text(self.sources())
        self.apt("apt-get", "update")

    def known(self):
        """The package lists are there."""
        return any(self.root.glob("lists/*Packages*"))

    def depends(self, package):
        """Names of the packages that package depends on directly."""
        listing = self.apt("apt-cache", "depends", "--important", package)
        return re.findall(r"^ *Depends: ([^<\s]\S*)", listing, re.MULTILINE)

    @filling_cache
    def download(self, packages, with_depends=False):
        """Fetches packages and returns the .deb files.

        A mirror drops old versions: when the lists turn out to be stale they are read anew, once.
        """
        if not self.known():
            self.update()
        try:
            return self._download(packages, with_depends)
        except BedError:
            self.update()
            return self._download(packages, with_depends)

    def _download(self, packages, with_depends):
        """Into an empty folder: what lies in apt's own, left by an interrupted run, is not listed."""
        say(f"apt: downloading {' '.join(packages)} ({self.name})")
        folder = self.root / "archives" / f"{packages[0]}.{os.getpid()}"
        remove(folder)
        (folder / "partial").mkdir(parents=True)
        if with_depends:
            self.apt("apt-get", "-o", f"Dir::Cache::Archives={folder}", "--yes", "--download-only",
                     "install", *packages)
        else:
            self.apt("apt-get", "download", *packages, cwd=folder)
        return sorted(folder.glob("*.deb"))

    @filling_cache
    def unpack(self, name, packages, with_depends=False):
        """An unpacked tree of packages, build/cache/unpacked/SUITE/name; none of their scripts ran."""
        tree = CACHE / "unpacked" / self.name / name
        if not tree.is_dir():
            debs = self.download(packages, with_depends)
            with replacing(tree) as partial:
                _extract(debs, partial)
        return tree

    def bootstrap(self, tree, wanted, without=()):
        """A bootable tree of the suite, made by mmdebstrap; without: paths that its packages leave out."""
        run("mmdebstrap", "--mode=root", "--variant=minbase", "--skip=check/qemu",
            f"--include={','.join(wanted)}",
            "--aptopt=APT::Install-Recommends \"false\"", "--aptopt=Acquire::Languages \"none\"",
            # A mirror may lag behind; testing's lists are valid for a week only.
            "--aptopt=Acquire::Check-Valid-Until \"false\"", "--aptopt=Acquire::Retries \"3\"",
            *(f"--dpkgopt=path-exclude={path}" for path in without), self.name, tree, self.sources(),
            env=dict(os.environ, DEBIAN_FRONTEND="noninteractive"))


def _extract(debs, tree):
    """Unpacks packages into a tree; the archives are not needed any more then."""
    for deb in debs:
        say(f"apt: unpacking {deb.name}")
        run("dpkg-deb", "--extract", deb, tree)
    remove(debs[0].parent)


class Kernel:
    """A Debian kernel: its image, its modules, its version string."""

    def __init__(self, series, root):
        self.series = series
        self.root = root
        self.modules = next(root.glob("lib/modules/*")).resolve()
        self.version = self.modules.name
        boot = root / "boot" / f"vmlinuz-{self.version}"
        self.image = boot if boot.exists() else self.modules / "vmlinuz"


@filling_cache
def kernel(series):
    """The stock kernel of a series ("6.1", "6.12", "7.2"), unpacked and with modules.dep."""
    root = CACHE / "kernels" / series
    if not root.is_dir():
        suite = Suite(KERNELS[series])
        debs = suite.download(_kernel_packages(suite))
        with replacing(root) as partial:
            _extract(debs, partial)
            _merge_usr(partial)
            version = next(partial.glob("lib/modules/*")).name
            run("depmod", "-b", partial, version)
    return Kernel(series, root)


def _kernel_packages(suite):
    """linux-image-amd64 resolved to the packages that hold files.

    From 7.x on (sid) image, modules and base (config, System.map) are packages of their own.
    """
    if not suite.known():
        suite.update()
    image = [p for p in suite.depends("linux-image-amd64") if p.startswith("linux-image-")]
    parts = [p for p in suite.depends(image[0])
             if re.match(r"linux-(binary|modules|base)-\d", p)]
    return image + parts


def _merge_usr(root):
    """sid's packages say usr/lib/modules, older ones lib/modules: make it lib/modules for all."""
    (root / "usr" / "lib").mkdir(parents=True, exist_ok=True)
    if not (root / "lib").exists():
        (root / "lib").symlink_to("usr/lib")


def uefi_stub(suite="trixie"):
    """systemd-stub of a suite: bookworm 252, trixie 257, sid 262."""
    return Suite(suite).unpack("systemd-boot-efi", ["systemd-boot-efi"]) / \
        "usr/lib/systemd/boot/efi/linuxx64.efi.stub"


def ukify():
    """trixie's ukify as a command line."""
    tree = Suite("trixie").unpack("systemd-ukify", ["systemd-ukify"])
    return ["/usr/bin/python3", tree / "usr/bin/ukify"]


def tools(suite="trixie"):
    """A tree with stock kexec-tools and makedumpfile and every library they need."""
    return Suite(suite).unpack("tools", ["kexec-tools", "makedumpfile"], with_depends=True)


def program(name, suite="trixie"):
    """The path of a program of tools()."""
    tree = tools(suite)
    for folder in ("usr/sbin", "usr/bin", "sbin", "bin"):
        if (tree / folder / name).exists():
            return tree / folder / name
    raise BedError(f"{suite}: no program {name}")

# SPDX-License-Identifier: GPL-2.0-or-later
"""Small busybox initramfs images: the micro guest's own, and the probe that tests seal."""

import hashlib
import lzma
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from .paths import CACHE, GUEST, BedError, filling_cache, replacing, run, say

BUSYBOX = Path("/bin/busybox")
LOADER = "ld-linux-x86-64.so.2"

# Loaded by every guest. What a kernel has built in is left out by modprobe.
CHANNEL = ["virtio_pci", "virtio_console", "virtio_blk"]
MICRO = CHANNEL + ["ext4", "efivarfs"]
# There for a script's `modprobe`, not loaded.
ON_DEMAND = ["xfs", "btrfs", "vfat", "nls_cp437", "nls_ascii", "loop"]


def micro(kernel):
    """The micro guest's initramfs for a kernel, cached."""
    scripts = [GUEST / "init-micro", GUEST / "report.sh"]
    return _cached("micro", kernel, scripts, lambda output: build(
        output, kernel, GUEST / "init-micro", load=MICRO, available=ON_DEMAND))


def probe(kernel, marker, files=None, load=CHANNEL):
    """A probe initrd whose /probe-id says marker; files are {guest path: host path or bytes}."""
    scripts = [GUEST / "init-probe", GUEST / "report.sh"]
    content = {"/probe-id": marker.encode() + b"\n", **(files or {})}
    name = "probe-" + hashlib.sha256(repr((content, load)).encode()).hexdigest()[:12]
    return _cached(name, kernel, scripts, lambda output: build(
        output, kernel, GUEST / "init-probe", load=load, files=content))


def build(output, kernel, init, load=(), available=(), files=None, programs=(), sysroot="/"):
    """Writes an initramfs: busybox, init, report.sh, modules, files, programs with libraries."""
    with tempfile.TemporaryDirectory(dir=Path(output).parent) as scratch:
        root = Path(scratch) / "root"
        for folder in ("bin", "dev", "etc", "lib64", "payload", "proc", "run", "sys", "sysroot",
                       "tmp", "usr/lib", "lib"):
            (root / folder).mkdir(parents=True)
        _add_busybox(root)
        add_file(root, "/init", init)
        add_file(root, "/report.sh", GUEST / "report.sh")
        _add_modules(root, kernel, load, available)
        for guest, source in (files or {}).items():
            add_file(root, guest, source)
        if programs:
            add_programs(root / "bin", root / "lib/x86_64-linux-gnu", programs, sysroot)
            _link_or_copy(loader(sysroot), root / "lib64" / LOADER)
        else:
            _link_libraries_of_payload(root)
        pack(root, output)
    return Path(output)


def pack(root, output):
    """Packs a tree as a zstd-compressed cpio archive owned by root."""
    names = subprocess.run(["find", ".", "-print0"], cwd=root, check=True, stdout=subprocess.PIPE)
    archive = subprocess.Popen(
        ["cpio", "--null", "--create", "--format=newc", "--owner=+0:+0", "--quiet",
         "--reproducible"], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with open(output, "wb") as file:
        compress = subprocess.Popen(["zstd", "-q", "-3", "-T2"], stdin=archive.stdout, stdout=file)
        archive.stdin.write(names.stdout)
        archive.stdin.close()
        if compress.wait() or archive.wait():
            raise BedError(f"{output}: cpio or zstd failed")


def add_file(root, guest, source):
    """Puts bytes or a host file (mode kept) at a guest path below root."""
    target = Path(root) / str(guest).lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(source, bytes):
        target.write_bytes(source)
    else:
        source = Path(source)
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True)
        else:
            _link_or_copy(source, target)


def add_programs(programs_dir, libraries_dir, programs, sysroot="/"):
    """Copies programs, and the shared libraries they need, into two directories."""
    programs_dir.mkdir(parents=True, exist_ok=True)
    libraries_dir.mkdir(parents=True, exist_ok=True)
    wanted = {LOADER: loader(sysroot)}
    for program in map(Path, programs):
        _link_or_copy(program, programs_dir / program.name)
        for library in libraries(program, sysroot):
            wanted.setdefault(library.name, library)
    for name, library in wanted.items():
        _link_or_copy(library, libraries_dir / name)


def loader(sysroot="/"):
    """The dynamic loader of a tree, which may be merely unpacked: without the /lib64 link."""
    return next(path for folder in ("usr/lib64", "lib64")
                if (path := Path(sysroot) / folder / LOADER).exists())


def libraries(program, sysroot="/"):
    """Shared libraries of a program: those of sysroot first, the host's for what it lacks.

    The dynamic loader of sysroot itself is asked, so nothing has to be installed or mounted.
    """
    if Path(program).read_bytes()[:4] != b"\x7fELF":
        return []
    search = [str(d) for d in (Path(sysroot) / "usr/lib/x86_64-linux-gnu",
                               Path(sysroot) / "lib/x86_64-linux-gnu") if d.is_dir()]
    listing = subprocess.run(
        [loader(sysroot), "--library-path", ":".join(search), "--list", program],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if "not found" in listing.stdout:
        raise BedError(f"{program}: {listing.stdout}")
    if listing.returncode:
        return []  # statically linked
    return [Path(p) for p in re.findall(r"=> (/\S+) \(", listing.stdout)]


@filling_cache
def _cached(name, kernel, scripts, make):
    """build/cache/initramfs/KVER/NAME-HASH, made anew when a script or this file changed."""
    digest = hashlib.sha256()
    for source in [*scripts, Path(__file__)]:
        digest.update(source.read_bytes())
    output = CACHE / "initramfs" / kernel.version / f"{name}-{digest.hexdigest()[:12]}.zst"
    if not output.exists():
        say(f"initramfs: building {name} for {kernel.version}")
        with replacing(output) as partial:
            make(partial)
    return output


def _add_busybox(root):
    shutil.copy2(BUSYBOX, root / "bin/busybox")
    for applet in run(BUSYBOX, "--list").split():
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")


def _add_modules(root, kernel, load, available):
    """Copies modules and all they depend on, decompressed: busybox reads nothing else."""
    order = []
    for name in [*load, *available]:
        order += [path for path in _with_dependencies(kernel, name) if path not in order]
    loaded = {path for name in load for path in _with_dependencies(kernel, name)}
    lines = []
    for path in order:
        relative = Path("/lib/modules") / kernel.version / path.relative_to(kernel.modules)
        relative = relative.with_suffix("") if path.suffix == ".xz" else relative
        add_file(root, relative, _plain_module(path))
        if path in loaded:
            lines.append(f"{relative}\n")
    (root / "modules.load").write_text("".join(lines))
    folder = root / "lib/modules" / kernel.version
    folder.mkdir(parents=True, exist_ok=True)
    for index in ("modules.builtin", "modules.order"):
        shutil.copy2(kernel.modules / index, folder)
    run("depmod", "-b", root, kernel.version)


def _with_dependencies(kernel, name):
    """Files of a module in load order; modprobe also knows the soft dependencies."""
    listing = run("modprobe", "--dirname", kernel.root, "--set-version", kernel.version,
                  "--config", "/dev/null", "--show-depends", name)
    return [Path(os.path.realpath(p)) for p in re.findall(r"^insmod (\S+)", listing, re.MULTILINE)]


def _plain_module(path):
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


def _link_libraries_of_payload(root):
    """Lets the loader's built-in search path end on the payload disk."""
    (root / "lib/x86_64-linux-gnu").symlink_to("/payload/lib")
    (root / "usr/lib/x86_64-linux-gnu").symlink_to("/payload/lib")
    (root / "lib64" / LOADER).symlink_to(f"/payload/lib/{LOADER}")


def _link_or_copy(source, target):
    """Hard link where possible: payload trees are made for every run."""
    source = Path(os.path.realpath(source))
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)

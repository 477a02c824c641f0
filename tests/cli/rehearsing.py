# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine for `ukdumpctl rehearse`, images with an initrd that can be read, and a stand-in for QEMU
that plays a console and writes what a capture environment would to the disk."""

import gzip
import hashlib
import json
import os
import shutil
import subprocess

import cli
from conftest import build

gen = cli.generator("dump")

KVER = "6.12.0-test"
CRASH = "20261121T183822Z-" + "0" * 32
MODULE = f"usr/lib/modules/{KVER}/kernel/%s.ko"
MODULES = ("ext4", "virtio_blk")

# Runs as a user who owns nothing but the files that it is given.
QEMU = r"""#!/usr/bin/python3
import json, os, pathlib, re, subprocess, sys, time
here = pathlib.Path(sys.argv[0]).parent
play = json.loads((here / "play.json").read_text())
arguments = dict(zip(sys.argv[1:], sys.argv[2:]))
with open(here / "calls", "a") as calls:
    score = int(pathlib.Path("/proc/self/oom_score_adj").read_text())
    calls.write(json.dumps(sys.argv + [score, os.getuid(), os.getpid()]) + "\n")
disk = re.search(r"file=(/dev/fd/\d+)", arguments["-drive"])[1]
disk_fd = int(disk.split("/")[-1])
assert os.pread(disk_fd, 4, 0) != b"used"
if "kvm" in arguments["-accel"]:
    if not play.get("kvm"):
        sys.exit("qemu: no kvm here")
    os.pwrite(disk_fd, b"used", 0)
    print(*play["kvm"], sep="\n", flush=True)
    time.sleep(60)
initrd = open(arguments["-initrd"], "rb").read()
kernel = open(arguments["-kernel"], "rb").read()
assert initrd.startswith(b"070701") and b"HdrS" in kernel
mark = re.search(rb"ukdump-rehearsal [0-9a-f]{16}", initrd).group()
for line in play["console"]:
    print(line, flush=True)
if play.get("files"):
    commands = f"mkdir /{play['crash']}\n"
    for name in play["files"]:
        data = (here / name).read_bytes().replace(b"@MARK@", mark)
        source = f"/tmp/fake-qemu.{os.getpid()}.{name}"
        pathlib.Path(source).write_bytes(data)
        commands += f"write {source} /{play['crash']}/{name}\n"
    subprocess.run(["debugfs", "-w", "-f", "-", disk], input=commands, text=True, check=True,
                   pass_fds=[disk_fd],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for name in play["files"]:
        os.unlink(f"/tmp/fake-qemu.{os.getpid()}.{name}")
memory = re.search(r"mem-path=(/dev/fd/\d+)", arguments["-object"])[1]
with open(memory, "r+b") as file:
    for number, text in enumerate(play.get("memory", [])):
        file.seek((100 << 20) + 8192 * number)
        file.write(text.encode())
for line in play.get("last", []):
    print(line, flush=True)
if play.get("fill"):
    os.lseek(disk_fd, -(80 << 20), os.SEEK_END)
    try:
        while os.write(disk_fd, b"x" * 65536):
            pass
    except OSError:
        pass
if play.get("signal"):
    os.kill(os.getpid(), play["signal"])
if play.get("complain"):
    sys.exit(play["complain"])
time.sleep(play.get("sleep", 0))
"""

BOOTED = ["[    0.0] Linux version 6.12", "ukdump-rehearse: loading"]
ARMED = [*BOOTED, "ukdump-rehearse: armed",
         "[    5.0] Kernel panic - not syncing: sysrq triggered crash"]
CAPTURED = [*ARMED, "ukdump-capture: modules: ok, 3 loaded (0.5 s)"]
COMPLETE = "ukdump-capture: target LABEL=ukdump:/: complete"


def cpio(tree, names):
    """An archive of these files; cpio fills its last block with zeros."""
    return subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"], cwd=tree, check=True,
                          input="\n".join(names).encode(), stdout=subprocess.PIPE).stdout


class Machine:
    """What `rehearse --root` looks at, with QEMU in its PATH."""

    def __init__(self, path, public, signers, parts):
        self.path, self.signers, self.parts = path, signers, parts
        self.qemu = public  # others may look into it, unlike pytest's directories
        self.root = path / "machine"
        self.put("sys/kernel/kexec_crash_size", f"{192 << 20}\n")
        self.put("proc/iomem", "  25000000-30ffffff : Crash kernel\n")
        self.put("etc/ukdump/trust.d/signer.crt", (signers / "signer.crt").read_text())
        program = public / "qemu-system-x86_64"
        program.write_text(QEMU)
        program.chmod(0o755)
        (public / "calls").touch()
        (public / "calls").chmod(0o666)

    def put(self, name, text):
        target = self.root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return target

    def image(self, conf="[Dump]\nTarget=LABEL=ukdump:/\n", facts="target.0=LABEL=ukdump:/\n",
              modules=MODULES, key="signer", cmdline="panic=1 console=ttyS0", pack=gzip.compress,
              before=b""):
        """A sealed image with such an initrd; before: what stands in front of its archive."""
        tree = self.path / "initrd-tree"
        files = {"etc/ukdump/capture.conf": conf, "etc/ukdump/build.conf": facts,
                 "etc/ukdump/modules.list": "".join(f"/{MODULE % m}\n" for m in modules)}
        files |= {MODULE % m: "" for m in modules}
        for name, text in files.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(text)
        packed = cpio(tree, files)
        (self.path / "initrd").write_bytes(before + pack(packed))
        out = self.path / "image.efi"
        cli.ctl("build", "--kernel", self.parts / "kernel", "--initrd", self.path / "initrd",
                "--osrel", self.parts / "osrel", "--cmdline", cmdline, "--uname", KVER,
                "--no-uefi", "--key", self.signers / f"{key}.key", "--cert",
                self.signers / f"{key}.crt", "-o", out, code=0)
        return out

    def play(self, console, **rest):
        (self.qemu / "play.json").write_text(json.dumps({"console": console, "crash": CRASH} | rest))

    def leaves_dump(self, *, log="sysrq\n@MARK@\n", damaged=False, kvm=(), **fields):
        """A good capture, but for what is said. With KVM the console ends with these lines."""
        data = gen.kdump(gen.Machine())
        manifest = {
            "schema": 1, "state": "complete", "kernel": gen.RELEASE, "bytes": len(data),
            "sha256": hashlib.sha256(data + b"x" * damaged).hexdigest(), "checked": "full",
            "stages": [{"name": "modules", "result": "ok", "seconds": 0.5},
                       {"name": "dump", "result": "ok", "seconds": 2.25}],
            "targets": [{"uri": "LABEL=ukdump:/", "result": "complete", "reason": None}],
            "memory": {"total": 150 << 20, "peak": 41 << 20}, "encrypted_to": []} | fields
        (self.qemu / "vmcore").write_bytes(data)
        (self.qemu / "dmesg.txt").write_text(log)
        (self.qemu / "manifest.json").write_text(json.dumps(manifest))
        self.play(CAPTURED, files=["vmcore", "dmesg.txt", "manifest.json"], last=[COMPLETE],
                  kvm=kvm)

    def environment(self, qemu=True):
        path = f"{self.qemu}:{os.environ['PATH']}"
        if not qemu:
            path = self.path / "few"
            path.mkdir(exist_ok=True)
            for name in ("gzip", "xz"):
                (path / name).unlink(missing_ok=True)
                (path / name).symlink_to(shutil.which(name))
        return os.environ | {"PATH": str(path)}

    def rehearse(self, *args, code=None, qemu=True):
        return cli.ctl("rehearse", "--root", self.root, *args, code=code, limit=60,
                       env=self.environment(qemu))

    def rehearse_in(self, size, *args, code=None):
        """With a /var/tmp of its own, of this size."""
        mount = f'mount -t tmpfs -o size={size} tmpfs /var/tmp && exec "$@"'
        return cli.run("unshare", "-m", "sh", "-c", mount, "sh", cli.CTL, "rehearse", "--root",
                       self.root, *args, code=code, limit=60, env=self.environment())

    def facts(self, *args, code=None, qemu=True):
        return json.loads(self.rehearse("--json", *args, code=code, qemu=qemu).out)

    def emulated(self):
        """QEMU was started, and not with KVM."""
        return (self.qemu / "calls").exists() and "-accel\", \"tcg" in (self.qemu / "calls").read_text()

    def calls(self):
        return [json.loads(line) for line in (self.qemu / "calls").read_text().splitlines()]

    @property
    def record(self):
        path = self.root / "var/lib/ukdump/rehearsal"
        return dict(line.split("=", 1) for line in path.read_text().splitlines())

    @property
    def history(self):
        path = self.root / "var/lib/ukdump/history"
        return [json.loads(line) for line in path.read_text().splitlines()]

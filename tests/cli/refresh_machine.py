# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine for `ukdumpctl refresh`: /etc, /var, /run and parts of /usr are the test's own, in a mount
namespace. dracut and ukdump-load are stand-ins: the one packs nothing, the other writes down
what is armed. Build, signatures and records are real."""

import json
import os
import shutil
import subprocess

import pytest

import bzimage
import cli

RUNNING = os.uname().release
NEWER = "99.1.0-newer"
CONF = "[Dump]\nTarget=exec:/usr/bin/sink\n"

DRACUT = """#!/bin/sh
[ -e /etc/dracut-waits ] && { echo > /run/dracut-runs; sleep 60; }
[ -e /etc/dracut-fails ] && {
	echo "dracut[F]: no space left"; echo; echo "Not removing /var/tmp/x." >&2; exit 1
}
cp /run/armed /run/armed-while-built 2>/dev/null
[ -e /etc/dracut-changes ] && { rm /etc/dracut-changes; echo ID=changed > /etc/os-release; }
while [ $# -gt 1 ]; do
	[ "$1" != --tmpdir ] || tmp=$2
	shift
done
echo run >> /run/dracut-log
tree=$tmp/dracut.abcdef/initramfs
mkdir -p $tree/usr/lib $tree/etc
cp /usr/lib/libfake.so.1 $tree/usr/lib
echo "dracut's own" > $tree/etc/passwd
(echo 070701; cat /usr/lib/libfake.so.1 $UKDUMP_STAGE/capture.conf) > $1
"""

# /etc/loader-refuses: a part of the names that are refused. /etc/loader-locks: as LockAfterArm= does.
LOADER = """#!/bin/sh
if [ "$1" = load ]; then
	echo "$3" >> /run/loads
	refuses=$(cat /etc/loader-refuses 2>/dev/null) && case $3 in
	*"$refuses"*) echo "ukdump-load: error: $3 is refused [test]" >&2; exit 1 ;;
	esac
	[ -e /etc/loader-locks ] && [ -e /run/armed ] && {
		echo "ukdump-load: error: locked [host.locked]" >&2; exit 1
	}
	{ echo loaded=1; echo "path=$3"; echo "image=$($(dirname $0)/ukdumpctl sign --print-digest $3)"
	echo signer=CN=test; echo kind=sealed
	[ ! -e /etc/loader-problem ] || echo problem=half; } > /run/armed
	ln -f "$3" /var/lib/ukdump/last-good 2>/dev/null
fi
[ "$1" != unload ] || { rm -f /run/armed; echo loaded=0; exit 0; }
cat /run/armed 2>/dev/null || echo loaded=0
[ ! -e /etc/loader-locks ] || [ ! -e /run/armed ] || echo load_disabled=1
echo enforced=1; echo comfort=134217728
echo crash_memory=$(cat /etc/crash-memory 2>/dev/null || echo 268435456)
[ -e /run/armed ] || exit 3
"""


class Machine:
    def __init__(self, d):
        self.dir = d
        for name in ("etc/ukdump", "var/tmp", "var/lib", "run", "bin", "usr/lib/modules",
                     "usr/bin", "usr/lib/dracut/modules.d/99base"):
            (d / name).mkdir(parents=True)
        shutil.copy(cli.CTL, d / "bin")
        self.put("bin/ukdump-load", LOADER, 0o755)
        self.put("bin/makedumpfile", "#!/bin/sh\necho 'makedumpfile: version 9.9.9'\n", 0o755)
        self.put("usr/bin/dracut", DRACUT, 0o755)
        self.put("usr/bin/sink", "#!/bin/sh\n", 0o755)
        self.put("usr/lib/libfake.so.1", "libfake 1\n")
        self.put("usr/lib/dracut/modules.d/99base/init.sh", "# 1\n")
        self.put("etc/os-release", "ID=test\n")
        self.put("etc/passwd", "root:x:0:0::/:/bin/sh\n")
        self.put("etc/machine-id", "0" * 32 + "\n")
        self.put("etc/ukdump/ukdump.conf", CONF)
        self.kernel(RUNNING)
        self.mounts = []  # further commands before the program
        self.images = d / "var/lib/ukdump/images"

    def put(self, path, content, mode=0o644):
        """Writes a new file in the place of the old one, as packages do."""
        path = self.dir / path
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(path.name + ".dpkg-new")
        new.write_bytes(content if isinstance(content, (bytes, bytearray)) else content.encode())
        new.chmod(mode)
        new.rename(path)

    def kernel(self, version):
        self.put(f"usr/lib/modules/{version}/vmlinuz", bzimage.minimal(f"{version} (test) #1"))
        self.put(f"usr/lib/modules/{version}/modules.dep", "")

    def remove_kernel(self, version):
        shutil.rmtree(self.dir / "usr/lib/modules" / version)

    def argv(self, *words):
        d = self.dir
        script = (f"mount --bind {d}/etc /etc && mount --bind {d}/var /var && "
                  f"mount --bind {d}/run /run && "
                  f"mount -t overlay overlay -o lowerdir={d}/usr:/usr /usr && "
                  + "".join(f"{command} && " for command in self.mounts) + "exec \"$@\"")
        return ["unshare", "-m", "sh", "-c", script, "sh", *map(str, words)]

    def options(self):
        return {"env": {"PATH": f"{self.dir}/bin:{os.environ['PATH']}"}}

    def ctl(self, *words, code=None):
        return cli.run(*self.argv(self.dir / "bin/ukdumpctl", *words), code=code, limit=60,
                       **self.options())

    def start(self, *words):
        """In the background."""
        return subprocess.Popen(self.argv(self.dir / "bin/ukdumpctl", *words), text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **self.options())

    def refresh(self, *words, code=0):
        return json.loads(self.ctl("refresh", "--json", *words, code=code).out)

    def status(self, code=0):
        return json.loads(self.ctl("status", "--json", code=code).out)

    def armed(self):
        """The path of what is armed; None."""
        path = self.dir / "run/armed"
        text = path.read_text() if path.exists() else ""
        return next((line[5:] for line in text.splitlines() if line.startswith("path=")), None)

    def reboot(self):
        """What is in memory is gone."""
        shutil.rmtree(self.dir / "run")
        (self.dir / "run").mkdir()

    def lines(self, path):
        path = self.dir / path
        return path.read_text().splitlines() if path.exists() else []

    def names(self):
        """Images, by the kernel in them."""
        return sorted(p.name[:-len("-0123456789ab.efi")] for p in self.images.glob("*.efi"))


def make(tmp_path, signers):
    """The host key is there: making one takes a second."""
    m = Machine(tmp_path / "m")
    m.put("etc/ukdump/keys/local.key", (signers / "signer.key").read_bytes(), 0o600)
    for name in ("keys", "trust.d"):
        m.put(f"etc/ukdump/{name}/local.crt", (signers / "signer.crt").read_bytes())
    probe = subprocess.run(m.argv("true"), capture_output=True, text=True, check=False)
    if probe.returncode:
        pytest.skip("no mounts here: " + probe.stderr.strip())
    return m

# SPDX-License-Identifier: GPL-2.0-or-later
"""`ukdumpctl verify --for-host` beside the kernel's own answer to the same file."""

import json

import pytest

import pki
import tamper
from vmbed.paths import BUILD

CTL = BUILD / "ukdumpctl"

# In the guest as on an installed system: the kernel's config file.
SCRIPT = """
    mkdir -p /boot
    cp /payload/config /boot/config-$(uname -r)
    for name in db ec foreign two; do
        attempt $name ukdumpctl verify --json --trust /payload/$name.crt --for-host \
            /payload/$name.efi
        attempt $name.text ukdumpctl verify --trust /payload/$name.crt --for-host \
            /payload/$name.efi
        attempt $name.kernel kfl --no-initramfs /payload/$name.efi
    done
    echo nobody:x:65534:65534::/:/bin/sh >/etc/passwd
    cp /payload/db.efi /payload/db.crt /tmp
    chmod 644 /tmp/db.*
    attempt nobody su nobody -c \
        "/payload/bin/ukdumpctl verify --json --trust /tmp/db.crt --for-host /tmp/db.efi"
"""


def config(kernel):
    """The config file, where Debian's package of this kernel has it."""
    return next(path for path in (kernel.root / f"boot/config-{kernel.version}",
                                  kernel.modules / "config") if path.exists())


@pytest.mark.parametrize("series", ["6.1", pytest.param("6.12", marks=pytest.mark.long)])
def test_for_host_says_what_the_kernel_says(vm, seal, kfl, series):
    """Signers: in db; with an EC key that 6.1 cannot compute; in no keyring; db, then another."""
    ec = pki.make(vm.logs, "ec", "ukdump test ec", kind="p256")
    files = {"ec.crt": vm.logs / "ec.crt", "config": config(vm.kernel(series))}
    for name, key in (("db", "db"), ("ec", ec), ("foreign", "foreign")):
        files[f"{name}.efi"] = seal(name, kernel=series, stub=None, key=key)
        files.setdefault(f"{name}.crt", vm.keys() / f"{name}.crt")
    files["two.crt"] = files["db.crt"]
    other = vm.sign(files["db.efi"], vm.logs / "other.efi", "foreign")
    files["two.efi"] = vm.logs / "two.efi"
    good = tamper.Image(files["db.efi"].read_bytes())
    files["two.efi"].write_bytes(tamper.signed_by(good, good, tamper.Image(other.read_bytes())))
    result = vm.run_micro(series, append="crashkernel=192M", programs=[CTL, kfl], files=files,
                          timeout=300, script=SCRIPT)
    print(result.table())

    def host(name):
        facts, = json.loads(result.get(name))
        print(name, facts)
        assert facts["accepted"] and facts.get("host_enforced") is True
        return (facts["host"], facts["host_keyring"], facts["host_check"],
                result.get(f"{name}.status"), result.get(f"{name}.kernel"))

    assert host("db") == ("trusted", ".platform", None, "0", "errno=0 OK")
    assert "by key 'ukdump test db' in .platform" in result.get("db.text")
    # 6.1 had to learn that the table may be longer than its first entry (4fc5c74dde69, 6.3)
    assert host("two") == host("db")
    assert host("foreign")[:4] == ("untrusted", None, "host.keyring", "1")
    assert "errno=126 ENOKEY" in host("foreign")[4]
    lacks = series == "6.1"
    assert host("ec")[:4] == ("untrusted", None, "host.algorithm" if lacks else "host.keyring", "1")
    assert ("errno=2 ENOENT" if lacks else "errno=126 ENOKEY") in host("ec")[4]
    assert host("nobody")[:4] == ("unknown", None, None, "0")

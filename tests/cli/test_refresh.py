# SPDX-License-Identifier: GPL-2.0-or-later
"""`ukdumpctl refresh`: what it builds, arms and removes, and that nothing that fails disarms."""

import fcntl
import os
import shutil
import signal
import time

import pytest

import refresh_machine
from refresh_machine import CONF, NEWER, RUNNING


@pytest.fixture
def m(tmp_path, signers):
    return refresh_machine.make(tmp_path, signers)


def test_first_time_and_then_nothing(m):
    shutil.rmtree(m.dir / "etc/ukdump/keys")
    got = m.refresh()
    assert got["ok"] and got["armed"] and got["reason"] is None
    assert got["built"] == [got["image"]] and got["removed"] == [] and got["waits"] is None
    assert m.armed() == got["image"] and m.names() == [RUNNING]
    assert m.images.stat().st_mode & 0o777 == 0o700
    record = next(m.images.glob("*.inputs"))
    assert record.stat().st_mode & 0o777 == 0o600
    again = m.refresh()
    assert again["built"] == [] and again["image"] == got["image"]
    assert len(m.lines("run/loads")) == len(m.lines("run/dracut-log")) == 1
    status = m.status()
    assert status["stale"] == [] and status["problems"] == []
    assert status["refresh"]["result"] == "done" and status["refresh"]["image"] == got["image"]
    m.reboot()
    assert m.refresh()["built"] == [] and m.armed() == got["image"]


def no_change(m):
    """What is in an image: nothing of it."""
    m.put("usr/lib/libfake.so.1", "libfake 1\n")  # reinstalled
    m.put("etc/passwd", "another:x:1:1::/:/bin/sh\n")  # dracut makes its own
    m.put("usr/lib/modules/%s/unused.ko" % RUNNING, "x")
    m.put("etc/ukdump/ukdump.conf", "# a comment\n" + CONF + "[Arm]\nRequireSealed=yes\n")


def test_what_is_in_no_image_makes_none_stale(m):
    m.refresh()
    no_change(m)
    assert m.status()["stale"] == []
    assert m.refresh()["built"] == []


@pytest.mark.parametrize("path,content,name", [
    ("usr/lib/libfake.so.1", "libfake 2\n", "/usr/lib/libfake.so.1"),
    ("usr/lib/dracut/modules.d/99base/init.sh", "# 2\n",
     "/usr/lib/dracut/modules.d/99base/init.sh"),
    ("usr/bin/sink", "#!/bin/sh\n# 2\n", "/usr/bin/sink"),
    ("etc/os-release", "ID=other\n", "/etc/os-release"),
    ("etc/machine-id", "1" * 32 + "\n", "/etc/machine-id"),
    ("etc/ukdump/ukdump.conf", CONF + "DumpLevel=1\n", "settings [Dump]"),
    ("etc/ukdump/ukdump.conf", CONF + "[Image]\nCommandLineAppend=debug\n", "command line"),
])
def test_what_changed_is_named_and_followed(m, path, content, name):
    old = m.refresh()["image"]
    m.put(path, content, 0o755)
    status = m.status(code=4)
    assert name in status["stale"]
    assert any("stale: " in p for p in status["problems"])
    assert f"stale     {name}\n" in m.ctl("status").out
    assert m.armed() == old  # status looks and does nothing
    new = m.refresh()
    assert new["built"] == [new["image"]] and m.armed() == new["image"]
    assert m.status()["stale"] == []
    # the image may be the same bit for bit: then its name is, too
    assert new["removed"] == ([] if new["image"] == old else [old])
    assert m.names() == [RUNNING]


def test_kernel_of_the_same_version(m):
    m.refresh()
    image = bytearray((m.dir / f"usr/lib/modules/{RUNNING}/vmlinuz").read_bytes())
    image[0x600] ^= 1
    m.put(f"usr/lib/modules/{RUNNING}/vmlinuz", image)
    assert m.status(code=4)["stale"] == [f"/usr/lib/modules/{RUNNING}/vmlinuz"]


def test_changed_while_it_is_built(m):
    m.put("etc/dracut-changes", "")
    got = m.refresh()
    assert len(got["built"]) == 2 and m.armed() == got["image"] == got["built"][1]
    assert m.status()["stale"] == []


def test_force(m):
    m.refresh()
    assert len(m.refresh("--force")["built"]) == 1
    assert len(m.lines("run/dracut-log")) == 2


def test_image_without_a_record(m):
    """Made with options that no setting stands for: nobody knows what is in it."""
    m.ctl("build", "--cmdline-append", "debug", code=0)
    m.ctl("start", code=0)
    old = m.armed()
    assert m.status()["stale"] is None
    got = m.refresh()
    assert got["built"] and got["image"] != old and got["removed"] == []
    assert m.armed() == got["image"]


# ---- what is armed when ----

def test_stale_image_is_armed_while_a_new_one_is_built(m):
    old = m.refresh()["image"]
    m.put("usr/lib/libfake.so.1", "libfake 2\n")
    m.reboot()
    new = m.refresh()["image"]
    assert m.lines("run/loads") == [old, new] and old != new
    assert f"path={old}" in m.lines("run/armed-while-built")


def test_where_arming_locks_the_one_load_is_for_the_new_image(m):
    m.refresh()
    m.put("etc/ukdump/ukdump.conf", CONF + "DumpLevel=1\n[Arm]\nLockAfterArm=panic-limit\n")
    m.reboot()
    new = m.refresh()["image"]
    assert m.lines("run/loads") == [new] and not m.lines("run/armed-while-built")


def test_stale_image_may_be_refused(m):
    """By the very thing that made it stale."""
    old = m.refresh()["image"]
    m.put("usr/lib/libfake.so.1", "libfake 2\n")
    m.put("etc/loader-refuses", old)
    (m.dir / "var/lib/ukdump/last-good").unlink()
    m.reboot()
    got = m.refresh()
    assert got["ok"] and m.armed() == got["image"] != old


def test_locked_until_the_next_boot(m):
    old = m.refresh()["image"]
    m.put("etc/loader-locks", "")
    assert m.refresh()["next_boot"] is None
    m.put("usr/lib/libfake.so.1", "libfake 2\n")
    got = m.refresh()
    new = got["next_boot"]
    assert got["ok"] and got["built"] == [new] and got["image"] == old == m.armed()
    assert f"waits    {new}, for the next boot" in m.ctl("refresh", code=0).out
    assert m.lines("run/loads") == [old]
    status = m.status()
    assert status["refresh"]["result"] == "next-boot" and status["refresh"]["image"] == new
    assert status["stale"] == ["/usr/lib/libfake.so.1"] and status["problems"] == []
    assert f"next      {new}, at the next boot" in m.ctl("status", code=0).out
    m.reboot()
    got = m.refresh()
    assert m.armed() == got["image"] == new and got["next_boot"] is None
    assert m.status()["stale"] == []


def test_what_arming_left_undone_is_tried_again(m):
    m.put("etc/loader-problem", "")
    old = m.refresh()["image"]
    assert m.refresh()["built"] == [] and m.lines("run/loads") == [old, old]
    (m.dir / "etc/loader-problem").unlink()
    for _ in range(2):
        m.refresh()
    assert m.lines("run/loads") == [old, old, old]


# ---- kernels ----

def test_new_kernel_gets_its_image_before_it_runs(m):
    old = m.refresh()["image"]
    m.kernel(NEWER)
    got = m.refresh()
    assert len(got["built"]) == 1 and f"/{NEWER}-" in got["built"][0]
    assert got["image"] == old == m.armed() and len(m.lines("run/loads")) == 1
    assert m.refresh()["built"] == []


def test_newest_is_armed_at_once(m):
    m.put("etc/ukdump/ukdump.conf", CONF + "[Image]\nKernel=newest\n")
    m.refresh()
    m.kernel(NEWER)
    got = m.refresh()
    assert m.armed() == got["image"] == got["built"][0] and f"/{NEWER}-" in got["image"]
    assert m.names() == sorted([RUNNING, NEWER])  # the old kernel is still installed


def test_named_kernel(m):
    m.kernel(NEWER)
    kernel = (m.dir / f"usr/lib/modules/{NEWER}/vmlinuz").read_bytes()
    m.put("etc/kernel.efi", kernel)
    m.put("etc/ukdump/ukdump.conf", CONF + f"[Image]\nKernel={NEWER}\n")
    assert [f"/{NEWER}-" in p for p in m.refresh()["built"]] == [True]
    m.put("etc/ukdump/ukdump.conf", CONF + "[Image]\nKernel=/etc/kernel.efi\n")
    assert m.status(code=4)["stale"] == ["kernel file"]
    assert [f"/{NEWER}-" in p for p in m.refresh()["built"]] == [True]
    m.put("etc/kernel.efi", kernel[:-1] + b"x")
    assert m.status(code=4)["stale"] == ["/etc/kernel.efi"]


def test_kver(m):
    m.put("etc/ukdump/ukdump.conf", CONF + f"[Image]\nKernel={RUNNING}\n")
    m.kernel(NEWER)
    assert m.refresh()["built"] and m.names() == [RUNNING]
    assert len(m.refresh("--kver", NEWER)["built"]) == 1
    assert m.names() == sorted([RUNNING, NEWER]) and f"/{RUNNING}-" in m.armed()


def test_removed_kernel(m):
    m.kernel(NEWER)
    m.refresh()
    got = m.refresh("--remove", NEWER)  # its files may still be there
    assert len(got["removed"]) == 1 and got["built"] == []
    assert m.names() == [RUNNING] and not list(m.images.glob(f"{NEWER}*"))
    m.remove_kernel(NEWER)
    assert m.refresh()["built"] == []


def test_what_is_armed_outlives_its_kernel(m):
    m.refresh()
    assert m.refresh("--remove", RUNNING)["removed"] == []
    m.remove_kernel(RUNNING)
    got = m.refresh(code=1)
    assert m.names() == [RUNNING] and m.armed() and f"no kernel '{RUNNING}'" in got["reason"]


# ---- what fails ----

def test_failed_build_keeps_what_is_armed(m):
    old = m.refresh()["image"]
    m.put("usr/lib/libfake.so.1", "libfake 2\n")
    m.put("etc/dracut-fails", "")
    got = m.refresh(code=1)
    assert not got["ok"] and "no space left" in got["reason"] and got["built"] == []
    assert m.armed() == old and got["image"] == old and got["removed"] == []
    status = m.status(code=4)
    assert status["refresh"]["result"] == "failed"
    assert any("refresh" in p and "no space left" in p for p in status["problems"])
    m.reboot()
    m.refresh(code=1)
    assert m.armed() == old  # stale, and armed
    (m.dir / "etc/dracut-fails").unlink()
    assert m.refresh()["ok"] and m.status()["problems"] == []


def test_another_kernels_image_is_better_than_none(m):
    m.put("etc/ukdump/ukdump.conf", CONF + "[Image]\nKernel=newest\n")
    m.kernel(NEWER)
    image = m.refresh()["image"]
    m.put("etc/ukdump/ukdump.conf", CONF)
    m.put("etc/dracut-fails", "")
    m.refresh(code=1)
    m.reboot()
    m.refresh(code=1)
    assert m.armed() == image and f"/{NEWER}-" in image


def test_kernel_that_is_not_there(m):
    image = m.refresh()["image"]
    m.put("etc/ukdump/ukdump.conf", CONF + "[Image]\nKernel=/no/such/kernel\n")
    assert "Kernel=: /no/such/kernel" in m.refresh(code=1)["reason"]
    m.reboot()
    assert "Kernel=: /no/such/kernel" in m.refresh(code=1)["reason"]
    assert m.armed() == image


def test_refused_image_leaves_the_old_one(m):
    old = m.refresh()["image"]
    m.put("usr/lib/libfake.so.1", "libfake 2\n")
    m.put("etc/loader-refuses", "")
    got = m.refresh(code=1)
    assert "is refused" in got["reason"] and m.armed() == old == got["image"]
    assert len(m.names()) == 2  # the armed one, and the newest
    assert any("is refused" in p for p in m.status(code=4)["problems"])

    # The next boot finds two, and falls back to the last good one.
    (new,) = (p for p in m.images.glob("*.efi") if p.name not in old)
    m.put("etc/loader-refuses", new.name)
    m.reboot()
    got = m.refresh(code=1)
    assert "is refused" in got["reason"] and len(m.names()) == 2
    assert m.armed() == got["image"] == "/var/lib/ukdump/last-good"
    assert m.refresh(code=1)["image"] == m.armed()
    assert any("is refused" in p for p in m.status(code=4)["problems"])


def test_bad_settings_change_nothing(m):
    old = m.refresh()["image"]
    m.put("etc/ukdump/ukdump.conf", "[Dump]\nTraget=x\n")
    got = m.refresh(code=1)
    assert "Traget" in got["reason"] and m.armed() == old and m.names() == [RUNNING]
    assert m.lines("run/loads") == [old]
    m.reboot()
    got = m.refresh(code=1)
    assert "Traget" in got["reason"] and m.armed() == old == got["image"]
    status = m.status(code=4)
    assert any("Traget" in p for p in status["problems"])
    assert "Traget" in status["refresh"]["reason"]
    assert len(m.lines("run/dracut-log")) == 0  # nobody knows what to build


def test_bad_settings_and_no_image(m):
    m.put("etc/ukdump/ukdump.conf", "[Dump]\nTraget=x\n")
    assert "Traget" in m.refresh(code=1)["reason"] and m.armed() is None


def test_one_at_a_time(m):
    runs = [m.start("refresh") for _ in range(3)]
    assert [p.wait(timeout=60) for p in runs] == [0, 0, 0]
    for p in runs:
        p.communicate()
    assert len(m.lines("run/dracut-log")) == len(m.lines("run/loads")) == 1


def test_build_waits_for_its_turn(m):
    (m.dir / "run/ukdump").mkdir()
    with open(m.dir / "run/ukdump/build.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        p = m.start("build")
        time.sleep(1.5)
        assert p.poll() is None and not m.images.exists()
    p.communicate(timeout=60)
    assert p.returncode == 0 and m.names() == [RUNNING]


def wait_for(path):
    for _ in range(600):
        if path.exists():
            return
        time.sleep(0.1)
    raise AssertionError(f"{path} does not appear")


def kill_while_dracut_runs(m):
    """As a power cut leaves it: nobody cleans up."""
    m.put("etc/dracut-waits", "")
    p = m.start("refresh")
    wait_for(m.dir / "run/dracut-runs")
    os.kill(p.pid, signal.SIGKILL)
    p.communicate()
    (m.dir / "etc/dracut-waits").unlink()


def test_power_cut_while_it_builds(m):
    kill_while_dracut_runs(m)
    left = list((m.dir / "var/tmp").iterdir())
    assert len(left) == 1 and left[0].name.startswith("ukdump-build.")
    m.reboot()
    assert m.refresh()["ok"] and m.armed()
    assert not list((m.dir / "var/tmp").iterdir())


def test_power_cut_while_it_publishes(m):
    """Each state that a cut can leave in the directory of images."""
    image = m.dir / m.refresh()["image"][1:]
    dead = 2 ** 22 - 1  # no such process
    for name in (f"new.tmp.{dead}.0", f"x.inputs.tmp.{dead}.1", "6.1-0123456789ab.inputs"):
        (m.images / name).write_text("half")
    (m.images.parent / f"last-good.tmp.{dead}.0").write_text("half")
    (m.images / "notes.txt").write_text("somebody's own")
    m.reboot()
    assert m.refresh()["built"] == [] and m.armed()
    assert sorted(p.name for p in m.images.iterdir()) == sorted(
        [image.name, image.name[:-4] + ".inputs", "notes.txt"])
    assert sorted(p.name for p in m.images.parent.iterdir()) == ["images", "last-good"]


def test_others_directories_are_left_alone(m):
    """Anyone may write to /var/tmp."""
    foreign = m.dir / "var/tmp/ukdump-build.1.abcdef"
    foreign.mkdir(mode=0o700)
    os.chown(foreign, 65534, 65534)
    readable = m.dir / "var/tmp/ukdump-build.1.ghijkl"
    readable.mkdir(mode=0o755)
    link = m.dir / "var/tmp/ukdump-build.1.link"
    link.symlink_to(foreign)
    m.refresh()
    assert foreign.exists() and readable.exists() and link.is_symlink()


# ---- signatures made elsewhere ----

EXTERNAL = CONF + "[Image]\nSign=external\n"


def test_image_that_waits_for_its_signature(m, signers):
    old = m.refresh()["image"]
    m.put("etc/ukdump/ukdump.conf", EXTERNAL + "CommandLineAppend=debug\n")
    got = m.refresh()
    assert got["ok"] and got["waits"] == got["built"][0] and m.armed() == old
    status = m.status(code=4)
    assert status["refresh"]["result"] == "waits"
    assert any("waits for its signature" in p for p in status["problems"])
    assert m.refresh()["built"] == []  # and it goes on waiting
    m.ctl("sign", "--key", signers / "signer.key", "--cert", signers / "signer.crt", got["waits"],
          code=0)
    done = m.refresh()
    assert done["waits"] is None and m.armed() == done["image"] == got["waits"]
    assert done["built"] == [] and done["removed"] == [old]
    assert m.status()["problems"] == []


def test_nothing_is_armed_while_the_first_one_waits(m):
    shutil.rmtree(m.dir / "etc/ukdump/keys")
    m.put("etc/ukdump/ukdump.conf", EXTERNAL)
    got = m.refresh(code=1)
    assert "waits for its signature" in got["reason"] and m.armed() is None
    assert not (m.dir / "etc/ukdump/keys").exists()  # no host key is made


def test_signed_by_a_program(m, signers):
    m.put("etc/ukdump/ukdump.conf", EXTERNAL)
    m.put("etc/ukdump/sign.d/10-site", f"#!/bin/sh\nexec {m.dir}/bin/ukdumpctl sign --key "
          f"{signers}/signer.key --cert {signers}/signer.crt \"$1\"\n", 0o755)
    got = m.refresh()
    assert got["waits"] is None and m.armed() == got["image"] == got["built"][0]


def test_signer_that_fails(m):
    old = m.refresh()["image"]
    m.put("etc/ukdump/ukdump.conf", EXTERNAL + "CommandLineAppend=debug\n")
    m.put("etc/ukdump/sign.d/10-site", "#!/bin/sh\nexit 3\n", 0o755)
    got = m.refresh(code=1)
    assert "10-site" in got["reason"] and got["waits"] and m.armed() == old


# ---- images that packages bring ----

def test_fleet_image_is_taken_as_it_is(m, sealed):
    m.put("usr/lib/ukdump/images/site.efi", sealed["signer"].read_bytes())
    got = m.refresh()
    assert got["built"] == [] and m.armed() == got["image"] == "/usr/lib/ukdump/images/site.efi"
    assert m.refresh("--force")["built"] == [] and len(m.lines("run/loads")) == 1
    # another content under the same name
    m.put("usr/lib/ukdump/images/site.efi", sealed["foreign"].read_bytes())
    m.refresh()
    assert len(m.lines("run/loads")) == 1  # the same image, signed by somebody else
    m.ctl("start", code=0)
    assert m.armed() == "/usr/lib/ukdump/images/site.efi"


def test_unsigned_fleet_image_is_none(m, sealed):
    m.put("usr/lib/ukdump/images/site.efi", sealed["none"].read_bytes())
    assert m.refresh()["image"].startswith("/var/lib/ukdump/images/")

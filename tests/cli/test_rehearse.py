# SPDX-License-Identifier: GPL-2.0-or-later
"""ukdumpctl rehearse with a stand-in for QEMU: which image, what is told of the guest's console, of
the dump and without a guest, and that nothing is left behind."""

import gzip
import json
import lzma
import os
import pty
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

import cli
import rehearsing
from rehearsing import ARMED, BOOTED, CAPTURED, MODULES, Machine


SILENT = ("no dump came out, and the capture environment said nothing: it did not start, or died, most "
          "often of too little crash memory ('ukdumpctl estimate')")


@pytest.fixture
def public():
    """A directory that every user may look into."""
    path = Path(tempfile.mkdtemp(prefix="fake-qemu."))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def machine(tmp_path, public, signers, parts):
    yield Machine(tmp_path, public, signers, parts)
    assert not left_behind()


def left_behind():
    """Scratch directories of processes that are gone; others may run now."""
    return [path for path in Path("/var/tmp").glob("ukdump-rehearse.*")
            if not Path("/proc", path.name.split(".")[1]).exists() and path.exists()]


def runs(pid):
    """A zombie does not; who inherits it in a container may leave it one."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for(condition):
    deadline = time.monotonic() + 40
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_dump_comes_out(machine):
    """Verdict, phases, peak memory, and what the guest does not prove; kept with its date."""
    image = machine.image()
    machine.leaves_dump()
    facts = machine.facts(image, code=0)
    assert (facts["schema"], facts["result"], facts["reason"]) == (1, "ok", None)
    assert facts["kernel"] == rehearsing.KVER
    assert facts["accelerator"] == "tcg"
    assert (facts["peak"], facts["total"]) == (41 << 20, 150 << 20)
    assert facts["reserved"] == 192 << 20
    assert [p["name"] for p in facts["phases"]] == ["boot", "arm", "start", "modules", "dump",
                                                    "restart"]
    assert {p["name"]: p["seconds"] for p in facts["phases"]}["dump"] == 2.2
    assert facts["dump"]["verified"] is True and facts["dump"]["state"] == "complete"
    assert (facts["target"], facts["file_system"]) == ("LABEL=ukdump:/", "ext4")
    assert facts["unproved"] == "?"  # no such disk here
    assert facts["left_out"] == []
    assert all(c["ok"] for c in facts["checks"])
    assert machine.record["result"] == "ok" and machine.record["image"] == facts["image"]
    assert machine.record["peak"] == str(41 << 20)
    (line,) = machine.history
    assert (line["type"], line["result"], line["time"]) == ("rehearsal", "ok", facts["time"])


def test_what_people_read(machine):
    image = machine.image()
    machine.leaves_dump()
    done = machine.rehearse(image, code=0)
    lines = done.out.splitlines()
    assert lines[0] == "result    ok"
    assert "memory    41.0 MiB at the most of 150.0 MiB" in lines
    assert "phase     dump          2.2 s" in lines
    assert any(line.startswith("unproved  ") for line in lines)
    assert "armed and crashed" in done.err and "modules: ok" in done.err
    assert "\r" not in done.err


def test_the_guest(machine):
    """The image's kernel, this machine's reservation, no network; as nobody who owns anything."""
    image = machine.image()
    machine.leaves_dump()
    machine.rehearse(image, code=0)
    argv = machine.calls()[-1]
    options = dict(zip(argv, argv[1:]))
    assert "crashkernel=192M" in options["-append"].split()
    assert options["-nic"] == "none"
    assert "-no-reboot" in argv
    score, uid, _ = argv[-3:]
    assert uid not in (0, 65534) and uid > 1 << 30
    assert score > 0  # goes first where memory is short
    assert int(options["-m"]) > 192 + 256


@pytest.mark.parametrize("play, reason", [
    (dict(console=[*CAPTURED, "ukdump-capture: error: target: failed, no device LABEL=ukdump "
                   "within 15 s (15.0 s)", "ukdump-capture: error: target LABEL=ukdump:/: failed, "
                   "target: no device LABEL=ukdump within 15 s"]),
     "target LABEL=ukdump:/: failed, target: no device LABEL=ukdump within 15 s"),
    (dict(console=[*ARMED, "[ 2.0] Kernel panic - not syncing: System is deadlocked on memory"]),
     "the capture kernel itself panicked: System is deadlocked on memory; 'ukdumpctl estimate' tells "
     "what it needs"),
    (dict(console=[*BOOTED, "ukdump-rehearse: cannot arm: errno 22"]),
     "the image was not armed in the guest: cannot arm: errno 22"),
    (dict(console=[*BOOTED]),
     "the image was not armed in the guest: no answer from the kernel"),
    (dict(console=[*CAPTURED, "ukdump-capture: modules: warning, 1 loaded (0.1 s)",
                   "ukdump-capture: error: encrypt: failed, no age (0.0 s)"]),
     "encrypt: failed, no age (0.0 s)"),
    (dict(console=ARMED),
     SILENT),
], ids=["target", "panic", "errno", "no answer", "stage", "silence"])
def test_reasons_of_failures(machine, play, reason):
    image = machine.image()
    machine.play(**play)
    facts = machine.facts(image, code=1)
    assert (facts["result"], facts["reason"]) == ("failed", reason)
    assert facts["dump"] is None
    assert machine.record["reason"] == reason


def kept(reason=None, *targets, **rest):
    """As the capture environment keeps it for an EFI variable."""
    head = {"schema": 1, "state": "failed"} | ({"reason": reason} if reason else {})
    return json.dumps(head | {"targets": list(targets)} | rest, separators=(",", ":"))


FAILED = {"uri": "LABEL=ukdump:/", "result": "failed", "reason": "target: no device"}
EARLY = "the capture did not come to its end"


@pytest.mark.parametrize("memory, reason", [
    ([kept(EARLY), kept(None, FAILED) + "garbage", kept(EARLY, FAILED | {"reason": "early"})],
     "target LABEL=ukdump:/: failed, target: no device"),
    ([kept(EARLY, last_stage={"name": "modules", "result": "failed", "reason": "too large"})],
     "modules: failed, too large"),
    ([kept(None, FAILED)[:40], '{"schema":1,"state":"' + "[" * 9000, kept(None)],
     SILENT),
], ids=["target", "stage", "garbage"])
def test_an_image_without_serial_console(machine, memory, reason):
    """Its last words are found in the guest's memory."""
    image = machine.image(cmdline="panic=1 console=tty0")
    machine.play(ARMED, memory=memory)
    assert machine.facts(image, code=1)["reason"] == reason


@pytest.mark.parametrize("manifest, reason", [
    (dict(state="partial", targets=[{"uri": "x", "reason": "dump: out of space"}]),
     "partial: dump: out of space"),
    (dict(damaged=True), "the dump does not verify: "),
    (dict(log="some other log\n"), "the saved kernel log is not that of the crash"),
], ids=["partial", "damaged", "other crash"])
def test_dumps_that_are_none(machine, manifest, reason):
    image = machine.image()
    machine.leaves_dump(**manifest)
    facts = machine.facts(image, code=1)
    assert facts["result"] == "failed"
    assert facts["reason"].startswith(reason)


def test_encrypted_dump_is_not_opened(machine):
    image = machine.image()
    machine.leaves_dump(log="age", damaged=True, encrypted_to=["age1x"])
    facts = machine.facts(image, code=0)
    assert facts["dump"]["encrypted"] is True and facts["dump"]["verified"] is False


def test_time_limit(machine):
    """QEMU is killed, and its dump does not count."""
    image = machine.image()
    machine.play(CAPTURED, sleep=60)
    facts = machine.facts("--timeout", "10", image, code=1)
    assert facts["reason"] == "no dump and no end within 10 s"
    assert not runs(machine.calls()[-1][-1])


@pytest.mark.skipif(not os.access("/dev/kvm", os.R_OK | os.W_OK), reason="no /dev/kvm")
@pytest.mark.parametrize("heard", [BOOTED[:1], ARMED], ids=["boots", "crashes"])
def test_kvm_that_hangs(machine, heard):
    """A console that falls silent under KVM: the guest is emulated."""
    image = machine.image()
    machine.leaves_dump(kvm=heard)
    facts = machine.facts("--timeout", "20", image, code=0)
    assert facts["accelerator"] == "tcg"
    with_kvm, emulated = machine.calls()
    assert "kvm" in with_kvm and "kvm" not in emulated
    assert not runs(with_kvm[-1])


def begin(machine, image):
    """A rehearsal whose guest is armed and does not come to its end."""
    machine.play(ARMED, sleep=60)
    program = subprocess.Popen([cli.CTL, "rehearse", "--root", machine.root, image],
                               env=machine.environment(), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    wait_for(machine.emulated)
    return program


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_stopped(machine, stop):
    """Ends QEMU, leaves nothing, records nothing."""
    program = begin(machine, machine.image())
    time.sleep(0.3)
    program.send_signal(stop)
    program.communicate(timeout=40)
    assert program.returncode in (1, -stop)
    assert not runs(machine.calls()[-1][-1])
    assert not (machine.root / "var/lib/ukdump/rehearsal").exists()


def test_a_machine_that_is_to_halt(machine):
    """Is not waited for until the time limit."""
    image = machine.image(conf="[Dump]\nTarget=LABEL=ukdump:/\n[Action]\nOnSuccess=halt\n")
    machine.leaves_dump()
    machine.play(CAPTURED, files=["vmcore", "dmesg.txt", "manifest.json"], sleep=300,
                 last=[rehearsing.COMPLETE, "[    9.0] reboot: System halted"])
    facts = machine.facts(image, code=0)
    assert facts["result"] == "ok" and not runs(machine.calls()[-1][-1])


def test_stopped_with_its_guest(machine):
    """As systemd stops a unit: that QEMU has ended is no result."""
    program = begin(machine, machine.image())
    time.sleep(0.3)
    program.send_signal(signal.SIGTERM)
    os.kill(machine.calls()[-1][-1], signal.SIGTERM)
    program.communicate(timeout=40)
    assert program.returncode in (1, -signal.SIGTERM)
    assert not (machine.root / "var/lib/ukdump/rehearsal").exists()


@pytest.mark.parametrize("end, why", [
    (dict(complain="qemu: internal error"), "QEMU failed: qemu: internal error"),
    (dict(signal=9), "QEMU failed: setpriv: ended by signal 9 (Killed), probably out of memory"),
], ids=["status", "signal"])
def test_a_broken_qemu_is_no_word_about_the_image(machine, end, why):
    image = machine.image()
    machine.play(CAPTURED, **end)
    facts = machine.facts(image, code=1)
    assert (facts["result"], facts["reason"]) == ("not-rehearsed", why)


def test_a_full_var_tmp_is_no_word_about_the_image(machine):
    image = machine.image()
    machine.play([*CAPTURED, "ukdump-capture: error: dump: failed, I/O error (1.0 s)"], fill=True)
    facts = json.loads(machine.rehearse_in("64m", "--json", image, code=1).out)
    assert facts["result"] == "not-rehearsed"
    assert facts["reason"].startswith("there is no room left for the guest's disk in /var/tmp/")


def test_killed(machine):
    """Not even then does QEMU go on; the next rehearsal removes what is left."""
    program = begin(machine, machine.image())
    program.kill()
    program.communicate(timeout=40)
    wait_for(lambda: not runs(machine.calls()[-1][-1]))
    machine.leaves_dump()
    machine.facts(machine.image(), code=0)


def test_progress_bar(machine):
    """On a terminal one line that is written over."""
    image = machine.image()
    machine.leaves_dump()
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(cli.CTL, [str(a) for a in (cli.CTL, "rehearse", "--root", machine.root, image)],
                  machine.environment())
    output = b""
    while True:
        try:
            data = os.read(fd, 4096)
        except OSError:
            break
        if not data:
            break
        output += data
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert b"\r[###############     ]" in output and b"\x1b[K" in output


def test_without_qemu(machine):
    """What can be told without a guest, and a sentence; a driver that is missing is a failure."""
    image = machine.image()
    facts = machine.facts(image, code=1, qemu=False)
    assert facts["result"] == "not-rehearsed"
    assert "QEMU is not installed" in facts["reason"]
    assert {c["name"]: c["ok"] for c in facts["checks"]} == {
        "file system": True, "guest's disk": True, "crash memory": True}
    machine.put(f"usr/lib/modules/{rehearsing.KVER}/modules.dep", "kernel/ext4.ko:\n")
    machine.put(f"usr/lib/modules/{rehearsing.KVER}/modules.builtin", "kernel/virtio_blk.ko\n")
    facts = machine.facts(machine.image(modules=()), code=1, qemu=False)
    assert facts["result"] == "failed"
    assert facts["reason"] == "the image lacks ext4; run 'ukdumpctl build'"
    assert "virtio_blk is built into the kernel" in [c["text"] for c in facts["checks"]]


def test_one_that_did_not_take_place_replaces_no_proof(machine):
    image = machine.image()
    machine.leaves_dump()
    machine.facts(image, code=0)
    machine.facts(image, code=1, qemu=False)
    assert machine.record["result"] == "ok"
    assert [line["result"] for line in machine.history] == ["ok", "not-rehearsed"]


def test_another_image_replaces_no_proof_of_the_armed_one(machine):
    machine.leaves_dump()
    proved = machine.facts(machine.image(), code=0)["image"]
    machine.put("run/ukdump/armed", f"image={proved}\npath=/armed.efi\n")
    other = machine.image(conf="[Dump]\nTarget=LABEL=ukdump:/\n[Action]\nOnSuccess=poweroff\n")
    assert machine.facts(other, code=0)["image"] != proved
    assert machine.record["image"] == proved
    assert len(machine.history) == 2


def test_history_has_a_line_of_each_of_many_at_once(machine):
    image = machine.image()
    programs = [subprocess.Popen([cli.CTL, "rehearse", "--root", machine.root, image],
                                 env=machine.environment(qemu=False), stdout=subprocess.DEVNULL)
                for _ in range(12)]
    assert [p.wait(60) for p in programs] == [1] * 12
    assert len(machine.history) == 12


@pytest.mark.parametrize("conf, facts, why", [
    ("Target=nfs://host/x\n", "", "nfs://host/x: the guest has no network"),
    ("Target=exec:/usr/bin/x\n", "", "exec:/usr/bin/x: the guest has no such device"),
    ("Target=/dev/sda1:/x\n", "", "/dev/sda1:/x: it is found by the name of its device"),
    ("Target=LABEL=a:/\n", "target.0=LABEL=a:/\nlayer.0=/dev/disk/by-id/x LVM volume vg/x\n",
     "LABEL=a:/: it lies on RAID, LVM, LUKS"),
], ids=["network", "program", "device", "stacked"])
def test_targets_that_no_guest_has(machine, conf, facts, why):
    image = machine.image(conf=f"[Dump]\n{conf}", facts=facts)
    machine.leaves_dump()
    found = machine.facts(image, code=1)
    assert found["result"] == "not-rehearsed"
    assert found["reason"].startswith(f"no target can be rehearsed: {why}")
    assert machine.calls() == []


def test_the_first_disk_of_several_targets(machine):
    """A path by the image's own word: what file: was resolved to."""
    image = machine.image(conf="[Dump]\nTarget=nfs://host/x file:/var/crash LABEL=b:/\n",
                          facts="target.1=LABEL=ukdump:/\ntarget.2=LABEL=b:/\n")
    machine.leaves_dump()
    facts = machine.facts(image, code=0)
    assert facts["target"] == "file:/var/crash"
    assert facts["reason"] == "not rehearsed was nfs://host/x: the guest has no network"
    assert facts["left_out"] == ["nfs://host/x: the guest has no network",
                                 "LABEL=b:/: the one before it was taken"]


def test_foreign_image_is_refused(machine):
    image = machine.image(key="foreign")
    machine.leaves_dump()
    done = machine.rehearse(image, code=1)
    assert done.out == "" and machine.calls() == []
    assert "ukdumpctl: " in done.err


def test_initrd_of_others(machine, sealed):
    """It does not say where its dumps go."""
    facts = machine.facts(sealed["signer"], code=1)
    assert facts["result"] == "not-rehearsed"
    assert "what the image would do cannot be read" in facts["reason"]


@pytest.mark.parametrize("pack, prefix", [
    (bytes, False), (lzma.compress, False), (gzip.compress, True), (bytes, True),
], ids=["plain", "xz", "keys in front", "plain, keys in front"])
def test_initrds_are_read(machine, tmp_path, pack, prefix):
    """However dracut packed it, and behind the archive with a LUKS key."""
    (tmp_path / "key").write_text("secret")
    before = rehearsing.cpio(tmp_path, ["key"]) if prefix else b""
    facts = machine.facts(machine.image(pack=pack, before=before), code=1, qemu=False)
    assert "QEMU is not installed" in facts["reason"]
    assert "ext4 is in the image" in [c["text"] for c in facts["checks"]]


def test_the_armed_image(machine):
    """By its id: the file, else the last good one, else nothing."""
    done = machine.rehearse(code=1)
    assert "nothing is armed" in done.err
    image = machine.image()
    machine.leaves_dump()
    digest = cli.ctl("sign", "--print-digest", image, code=0).out.strip()
    machine.put("run/ukdump/armed", f"path={image}\nimage={digest}\n")
    assert machine.facts(code=0)["path"] == str(image)
    last_good = machine.root / "var/lib/ukdump/last-good"
    shutil.copy(image, last_good)
    machine.image(cmdline="panic=1 console=ttyS0 other")
    assert machine.facts(code=0)["path"] == str(last_good)
    last_good.unlink()
    assert "is not the image that is armed any more" in machine.rehearse(code=1).err


def test_nothing_is_reserved(machine):
    """Then the guest gets what is known to suffice, and that is told."""
    machine.put("sys/kernel/kexec_crash_size", "0\n")
    machine.put("proc/iomem", "")
    image = machine.image()
    machine.leaves_dump()
    facts = machine.facts(image, code=0)
    assert any("none is reserved here" in c["text"] for c in facts["checks"])


@pytest.mark.parametrize("options", [["--timeout", "4"], ["--timeout", "x"], ["a", "b"]])
def test_usage(options):
    cli.ctl("rehearse", *options, code=2)


def test_a_result_that_cannot_be_kept_is_told(machine):
    image = machine.image()
    machine.leaves_dump()
    (machine.root / "var/lib/ukdump/rehearsal").mkdir(parents=True)
    done = machine.rehearse(image, code=1)
    assert done.out.startswith("result    ok\n") and "rehearsal" in done.err


def test_history_is_short(machine):
    image = machine.image()
    machine.leaves_dump()
    old = "".join(json.dumps({"type": "rehearsal", "n": n}) + "\n" for n in range(250))
    machine.put("var/lib/ukdump/history", old)
    machine.facts(image, code=0)
    assert len(machine.history) == 200
    assert machine.history[0]["n"] == 51 and machine.history[-1]["result"] == "ok"


def put_disk(machine, fs):
    """This machine has the target: an NVMe disk with this file system, mounted."""
    root = machine.root
    device = "sys/devices/pci0000:00/0000:00:04.0/nvme/nvme0/nvme0n1"
    machine.put(f"{device}/dev", "259:1\n")
    for link, to in (("sys/dev/block/259:1", "../../devices/" + device.split("/", 2)[2]),
                     ("sys/devices/pci0000:00/0000:00:04.0/driver", "../../../bus/pci/drivers/nvme"),
                     ("sys/bus/pci/drivers/nvme/module", "../../../../module/nvme")):
        (root / link).parent.mkdir(parents=True, exist_ok=True)
        (root / link).symlink_to(to)
    machine.put("sys/module/nvme/initstate", "live\n")
    machine.put("proc/self/mountinfo", f"30 1 259:1 / /crash rw - {fs} /dev/nvme0n1 rw\n")
    (root / "dev/disk/by-label").mkdir(parents=True)
    os.mknod(root / "dev/disk/by-label/ukdump", 0o600 | stat.S_IFBLK, os.makedev(259, 1))


@pytest.mark.parametrize("fs", ["xfs", "btrfs"])
def test_file_systems_of_this_machine(machine, fs):
    """The scratch disk has the target's; a driver that the disk here needs is looked for."""
    put_disk(machine, fs)
    machine.put(f"usr/lib/modules/{rehearsing.KVER}/modules.dep", "kernel/nvme.ko:\n")
    machine.put(f"usr/lib/modules/{rehearsing.KVER}/modules.builtin", f"kernel/{fs}.ko\n")
    image = machine.image(modules=(*MODULES, "nvme"))
    machine.play(CAPTURED)
    facts = machine.facts(image, code=1)
    assert (facts["file_system"], facts["unproved"]) == (fs, "nvme")
    texts = [c["text"] for c in facts["checks"]]
    assert "nvme is in the image" in texts and f"{fs} is built into the kernel" in texts
    assert facts["reason"].startswith("modules: ") or "said nothing" in facts["reason"]


def test_a_driver_of_this_machine_is_missing(machine):
    """The guest does well, and yet the disk here would not be found."""
    put_disk(machine, "ext4")
    machine.put(f"usr/lib/modules/{rehearsing.KVER}/modules.dep", "kernel/nvme.ko:\n")
    machine.put(f"usr/lib/modules/{rehearsing.KVER}/modules.builtin", "")
    image = machine.image()
    machine.leaves_dump()
    facts = machine.facts(image, code=1)
    assert (facts["result"], facts["dump"]["verified"]) == ("failed", True)
    assert facts["reason"] == "the image lacks nvme; run 'ukdumpctl build'"

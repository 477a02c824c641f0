# SPDX-License-Identifier: GPL-2.0-or-later
"""`ukdumpctl info` on fabricated dumps: good ones, crash directories, hostile ones."""

import hashlib
import json
import os
import shutil
import subprocess

import pytest

from cli import CTL, generator

gen = generator("dump")

# A dump and its flattened form differ in this.
DIFFER = ("dump", "flattened", "size", "full")

PANIC = "Kernel panic - not syncing: sysrq triggered crash"


def info(*args, code=0, limit=20):
    p = subprocess.run([CTL, "info", *args], capture_output=True, timeout=limit)
    out, err = p.stdout.decode("ascii"), p.stderr.decode("ascii")
    assert p.returncode == code, f"exit {p.returncode}: {err}"
    return out, err


def info_json(*args, code=0):
    return json.loads(info("--json", *args, code=code)[0])


def write(path, data):
    path.write_bytes(data)
    return path


@pytest.fixture(params=["kdump", "kdump-raw", "elf", "flat-kdump", "flat-elf"])
def good(request, tmp_path):
    machine = gen.Machine()
    data = {"kdump": lambda: gen.kdump(machine),
            "kdump-raw": lambda: gen.kdump(machine, compress=False),
            "elf": lambda: gen.elf(machine),
            "flat-kdump": lambda: gen.flattened(gen.kdump(machine)),
            "flat-elf": lambda: gen.flattened(gen.elf(machine))}[request.param]()
    return write(tmp_path / "vmcore", data)


def rows(text):
    """The aligned rows as a dictionary; log lines are indented."""
    return {line[:12].strip(): line[12:] for line in text.splitlines() if line[0] != " "}


def test_text(good):
    r = rows(info(good)[0])
    assert r["dump"] == str(good)
    assert r["format"].replace(", flattened", "") in ("kdump-compressed, dump level 1", "elf")
    assert ("flattened" in r["format"]) == good.read_bytes().startswith(b"makedumpfile")
    assert r["kernel"] == "6.12.107+deb13-amd64 x86_64"
    assert r["crashed at"] == "2026-11-21 18:38:22 UTC"
    assert r["panic"] == PANIC
    assert r["cpus"] == "2"
    assert r["pages"].endswith(" excluded")
    assert r["kernel log"] == "49 lines in dump, the last ones:"


def test_log_lines(good):
    lines = [x[2:] for x in info(good)[0].splitlines() if x.startswith("  ")]
    assert len(lines) == 10
    assert lines[-1] == "[    0.048123] CPU: 1 PID: 412 Comm: bash Not tainted"
    assert "[    0.044123] odd \\x1b[31m\\xff\tbytes" in lines
    assert "[    0.045123] " in lines            # an empty message is a line too
    every = info("--lines", "all", good)[0]
    assert gen.MARKER in every and "test: line 0\n" in every
    assert not [x for x in info("--lines=0", good)[0].splitlines() if x.startswith("  ")]


def test_json(good):
    j = info_json(good)
    assert j["schema"] == 1
    assert j["kernel"] == gen.RELEASE and j["machine"] == "x86_64"
    assert j["crash_time"] == gen.CRASH_TIME
    assert j["panic"] == PANIC
    assert j["cpus"] == 2 and j["page_size"] == 4096
    assert j["pages"]["total"] == j["pages"]["present"] + j["pages"]["excluded"]
    assert j["size"] == good.stat().st_size
    assert j["log"]["source"] == "dump" and j["log"]["lines"] == 49 and j["log"]["lost"] == 0
    assert len(j["log"]["last"]) == 10
    assert "full" not in j and "find" not in j


def test_full(good):
    j = info_json("--full", good)
    assert j["full"]["pages_read"] == j["pages"]["present"]
    assert j["full"]["errors"] == 0
    assert j["full"]["sha256"] == hashlib.sha256(good.read_bytes()).hexdigest()
    assert rows(info("--full", good)[0])["pages read"].endswith(", 0 errors")


def test_find(good):
    j = info_json("--find", gen.SECRET.hex(), good)
    assert j["find"]["pages"] == 4
    j = info_json("--find", gen.SECRET.hex() + "02", good)
    assert j["find"] == {"pages": 1, "first": gen.Machine().user[2] + 200}
    assert "first at physical 0x" in info("--find", gen.SECRET.hex().upper(), good)[0]
    _, err = info("--find", "00ff" * 100, good, code=1)
    assert "no page has this pattern" in err


def test_excluded_page_is_not_found(tmp_path):
    m = gen.Machine()
    dump = write(tmp_path / "vmcore", gen.kdump(m, level=31, exclude=m.user))
    info("--find", gen.SECRET.hex(), dump, code=1)
    assert info_json(dump)["dump_level"] == 31
    info("--full", dump)


@pytest.mark.parametrize("machine", [{"levels": 5}, {"large": True}, {"count_bits": 4},
                                     {"size_bits": 8, "count_bits": 3}])
def test_other_machines(tmp_path, machine):
    dump = write(tmp_path / "vmcore", gen.kdump(gen.Machine(**machine)))
    j = info_json(dump)
    assert j["panic"] == PANIC
    assert j["log"]["last"][-1].endswith("CPU: 1 PID: 412 Comm: bash Not tainted")


@pytest.mark.parametrize("form", [gen.kallsyms.PERCPU, gen.kallsyms.BASE, gen.kallsyms.PLACE])
@pytest.mark.parametrize("writer", [gen.kdump, gen.elf])
def test_stack_where_the_log_tells_nothing(tmp_path, form, writer):
    machine = gen.Machine(log=["Linux version 6.12", "all is well"])
    machine.add_symbols(form)
    dump = write(tmp_path / "vmcore", writer(machine))
    j = info_json(dump)
    assert j["triage"]["kind"] == "unknown" and j["triage"]["signature"] is None
    assert j["panic"] is None
    assert j["stack"] == {"source": "memory", "error": None, "cpu": 1, "pid": 412,
                          "rip": "__crash_kexec+0x20/0x100",
                          "frames": ["panic+0x22/0x100", "sysrq_handle_crash+0x1a/0xd00",
                                     "0xffffffffc0001080 in a module"]}
    text = info(dump)[0]
    assert rows(text)["stack"] == "? panic+0x22/0x100"
    assert rows(text)["cpu"].startswith("1, PID 412 (from memory")
    assert "            ? 0xffffffffc0001080 in a module\n            found on the stack" in text


TRACE = ["Kernel panic - not syncing: test", "CPU: 1 PID: 412 Comm: bash Not tainted", "Call Trace:",
         " <TASK>", " sysrq_handle_crash+0x1a/0x20", " </TASK>"]


@pytest.mark.parametrize("lines,asked", [(6, False), (2, True), (1, True)])
def test_stack_only_where_the_log_has_no_place(tmp_path, lines, asked):
    machine = gen.Machine(log=TRACE[:lines])
    machine.add_symbols()
    j = info_json(write(tmp_path / "vmcore", gen.kdump(machine)))
    assert j["panic"] == TRACE[0] and j["triage"]["kind"] == "panic"
    assert (j["stack"] is not None) == asked


def test_stack_without_a_log(tmp_path):
    machine = gen.Machine()
    machine.add_symbols()
    machine.vmcoreinfo["SYMBOL(prb)"] = None
    j = info_json(write(tmp_path / "vmcore", gen.kdump(machine)))
    assert j["triage"] is None and j["log"]["error"]
    assert j["stack"]["rip"] == "__crash_kexec+0x20/0x100"


def test_stack_that_is_not_there(tmp_path):
    dump = write(tmp_path / "vmcore", gen.kdump(gen.Machine()))
    j = info_json(dump)
    assert set(j["stack"]) == {"source", "error"} and "Linux 6.0" in j["stack"]["error"]
    assert rows(info(dump)[0])["stack"].startswith("not read from memory: vmcoreinfo has no SYMBOL(")


def test_log_is_what_makedumpfile_reads(good, tmp_path):
    """An oracle: makedumpfile --dump-dmesg. It indents further lines and leaves out empty ones."""
    if good.read_bytes().startswith(b"makedumpfile"):
        pytest.skip("makedumpfile reads no flattened dumps")
    if not shutil.which("makedumpfile"):
        pytest.skip("no makedumpfile")
    out = tmp_path / "dmesg"
    subprocess.run(["makedumpfile", "--dump-dmesg", good, out], check=True, timeout=30,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ours = [x[2:] for x in info("--lines", "all", good)[0].splitlines() if x.startswith("  ")]
    theirs = out.read_text("latin-1").splitlines()

    def plain(lines):
        return [x for x in lines if x.startswith("[") and not x.endswith(("] ", "] lines"))
                and "odd" not in x]
    assert plain(ours) == plain(theirs)
    assert len(plain(ours)) == 46


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("option", ["-c", "-l", "-p", "-z", "-E"])
def test_what_makedumpfile_writes(tmp_path, option, flat):
    """The other way round: makedumpfile rewrites our ELF dump, each compression it has."""
    source, dump = write(tmp_path / "in", gen.elf(gen.Machine())), tmp_path / "vmcore"
    where = ["-F", source] if flat else [source, dump]
    p = subprocess.run(["makedumpfile", option, "-d", "1", *where], timeout=30,
                       capture_output=True) if shutil.which("makedumpfile") else None
    if not p or p.returncode:
        pytest.skip(f"this makedumpfile has no {option}")
    if flat:
        write(dump, p.stdout)
        ordered = tmp_path / "ordered"
        subprocess.run(["makedumpfile", "-R", ordered], input=p.stdout, check=True,
                       capture_output=True)
        j = info_json("--full", ordered)
        assert {**info_json("--full", dump), **dict.fromkeys(DIFFER)} == \
            {**j, **dict.fromkeys(DIFFER)}
    j = info_json("--full", dump)
    assert j["panic"] == PANIC and j["kernel"] == gen.RELEASE and j["cpus"] == 2
    assert j["crash_time"] == gen.CRASH_TIME
    assert j["full"]["errors"] == 0 and j["full"]["pages_read"] == j["pages"]["present"] > 0


# Directories of one crash

@pytest.fixture
def crash(tmp_path):
    d = tmp_path / "20261121T183822Z-0123456789abcdef0123456789abcdef"
    d.mkdir()
    data = gen.kdump(gen.Machine())
    write(d / "vmcore", data)
    write(d / "dmesg.txt", b"[    1.000000] from dmesg.txt\n")
    manifest(d, sha256=hashlib.sha256(data).hexdigest())
    return d


def manifest(d, **fields):
    record = {"schema": 1, "state": "complete", "checked": "full", "kernel": gen.RELEASE,
              "crash_time": "2026-11-21T18:38:22Z"}
    (d / "manifest.json").write_text(json.dumps(record | fields))


def test_directory(crash):
    r = rows(info(crash)[0])
    assert r["dump"] == f"{crash}/vmcore"
    assert r["state"] == "complete" and r["checked"] == "full"
    assert r["sha256"].endswith(" (not checked)")
    assert rows(info("--full", crash)[0])["sha256"].endswith(" (matches)")
    j = info_json("--full", crash)
    assert j["manifest"]["state"] == "complete"
    assert j["full"]["sha256_matches"] is True


def test_directory_wrong_hash(crash):
    manifest(crash, sha256="00" * 32)
    assert "(not checked)" in info(crash)[0]
    out, err = info("--full", crash, code=1)
    assert "(does not match)" in out
    assert "the manifest says 0000" in err
    assert info_json("--full", crash, code=1)["full"]["sha256_matches"] is False


def test_checksum_alone(crash):
    """Compares the file, reads no page."""
    assert rows(info("--checksum", crash)[0])["sha256"].endswith(" (matches)")
    j = info_json("--checksum", crash)
    assert j["checksum"]["sha256_matches"] is True and "full" not in j
    assert "checksum" not in info_json(crash)
    manifest(crash, sha256="00" * 32, targets=[{"reason": "a\n"}, {"reason": None}])
    _, err = info("--checksum", crash, code=1)
    assert "the manifest says 0000" in err
    j = info_json("--checksum", crash, code=1)
    assert j["checksum"]["sha256_matches"] is False and j["manifest"]["reason"] == "a?"
    (crash / "manifest.json").unlink()
    assert "sha256_matches" not in info_json("--checksum", crash)["checksum"]


def test_directory_log_only(crash):
    (crash / "vmcore").unlink()
    manifest(crash, state="log-only")
    r = rows(info(crash)[0])
    assert r["dump"] == "none, only the kernel log was saved"
    assert r["state"] == "log-only"
    assert r["kernel"] == gen.RELEASE
    assert "1 lines in dmesg.txt" in r["kernel log"]
    j = info_json(crash)
    assert j["dump"] is None and j["log"]["source"] == "dmesg.txt"


def test_directory_part_put_aside(crash):
    """A capture that was cut off while a second plan wrote: the part that can be read is shown."""
    (crash / "vmcore").rename(crash / "vmcore-part")
    write(crash / "vmcore-incomplete", b"\x7fELF")
    assert rows(info(crash)[0])["dump"].endswith("/vmcore-part")


@pytest.mark.parametrize("state,code", [("log-only", 0), ("failed", 0), ("complete", 1)])
@pytest.mark.parametrize("data", [b"", b"\x7fELF", gen.GARBAGE])
def test_directory_unreadable_dump(crash, state, code, data):
    """What is left of a dump that could not be saved hides neither the state nor the log."""
    (crash / "vmcore").unlink()
    write(crash / "vmcore-incomplete", data)
    write(crash / "dmesg.txt", f"[    1.000000] {PANIC}\n".encode())
    manifest(crash, state=state)
    out, err = info(crash, code=code)
    r = rows(out)
    assert r["dump"].startswith(f"not readable: {crash}/vmcore-incomplete: ")
    assert r["state"] == state and r["panic"] == PANIC
    assert "1 lines in dmesg.txt" in r["kernel log"]
    assert bool(err) == bool(code) and err.count("\n") == code
    j = info_json(crash, code=code)
    assert j["dump"] is None and j["dump_error"] and j["panic"] == PANIC


def test_directory_unreadable_dump_alone(tmp_path):
    write(tmp_path / "vmcore", gen.GARBAGE)
    out, err = info(tmp_path, code=1)
    assert out == "" and err.endswith(" [dump.format]\n")


@pytest.mark.parametrize("name", ["vmcore", "dmesg.txt", "manifest.json"])
def test_directory_links_are_not_followed(crash, tmp_path, name):
    m = gen.Machine()
    m.vmcoreinfo["SYMBOL(prb)"] = None     # the log would be dmesg.txt's
    write(crash / "vmcore", gen.kdump(m))
    (crash / name).rename(tmp_path / "secret")
    (crash / name).symlink_to(tmp_path / "secret")
    out, err = info(crash, code=name == "vmcore")
    r = rows(out)
    assert ("from dmesg.txt" in out) == (name != "dmesg.txt")
    assert r["state"].startswith("unknown") == (name == "manifest.json")
    assert r["dump"].startswith("not readable") == (name == "vmcore")
    if name == "vmcore":
        assert err == f"ukdumpctl: {crash}: vmcore: is a symbolic link [file.type]\n"


def test_directory_log_from_dmesg_txt(crash):
    m = gen.Machine()
    m.vmcoreinfo["SYMBOL(prb)"] = None
    write(crash / "vmcore", gen.kdump(m))
    out, _ = info(crash)
    assert "not read from the dump: vmcoreinfo does not say where it is" in out
    assert "from dmesg.txt" in out


def test_directory_empty(tmp_path):
    _, err = info(tmp_path, code=1)
    assert f"{tmp_path}: no vmcore in this directory" in err


@pytest.mark.parametrize("cut", [5000, 40000])
def test_directory_partial(crash, cut):
    """Half a copy of /proc/vmcore, as it is left when space or time ran out."""
    (crash / "vmcore").unlink()
    write(crash / "vmcore-incomplete", gen.elf(gen.Machine())[:-cut])
    manifest(crash, state="partial")
    r = rows(info(crash)[0])
    assert r["dump"].endswith("/vmcore-incomplete")
    assert r["state"] == "partial" and r["incomplete"].startswith("truncated")
    assert r["kernel"].startswith(gen.RELEASE)
    j = info_json(crash)
    assert 0 < j["pages"]["present"] < j["pages"]["total"]


@pytest.mark.parametrize("text", ["", "[1]", "{", "null", '"x"', "[" * 100000,
                                  '{"state": {"a": 1}}'])
def test_directory_bad_manifest(crash, text):
    (crash / "manifest.json").write_text(text)
    r = rows(info(crash)[0])
    assert r["state"].startswith("unknown")
    assert r["panic"] == PANIC


def test_names_drive_no_terminal(crash):
    hostile = crash.rename(crash.with_name("\x1b[31m\nname"))
    for verb in ("info", "verify-dump"):
        p = subprocess.run([CTL, verb, hostile], capture_output=True, text=True, timeout=20, check=True)
        assert "\x1b" not in p.stdout and "?[31m" in p.stdout


def test_manifest_drives_no_terminal(crash):
    manifest(crash, state="\x1b[31m\u00e9", checked="a\nb")
    r = rows(info(crash)[0])
    assert r["state"] == "?[31m??" and r["checked"] == "a?b"
    assert info_json(crash)["manifest"]["state"] == "?[31m??"


# Encrypted ones

@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    """An age identity's file and its recipient."""
    if not shutil.which("age"):
        pytest.skip("no age")
    path = tmp_path_factory.mktemp("age") / "identity"
    subprocess.run(["age-keygen", "-o", path], check=True, capture_output=True)
    to = subprocess.run(["age-keygen", "-y", path], check=True, capture_output=True, text=True)
    return path, to.stdout.strip()


def encrypt(data, recipient):
    return subprocess.run(["age", "-r", recipient], input=data, check=True,
                          stdout=subprocess.PIPE).stdout


@pytest.fixture
def secret(crash, identity):
    """A crash's directory as it is left with EncryptTo=."""
    data = encrypt(gen.flattened((crash / "vmcore").read_bytes()), identity[1])
    write(crash / "vmcore.flat.age", data)
    write(crash / "dmesg.txt.age", encrypt((crash / "dmesg.txt").read_bytes(), identity[1]))
    (crash / "vmcore").unlink()
    (crash / "dmesg.txt").unlink()
    manifest(crash, sha256=hashlib.sha256(data).hexdigest(), file="vmcore.flat.age",
             format="flattened", encrypted_to=[identity[1]])
    return crash


def test_encrypted_with_identity(secret, identity):
    for path in (secret, secret / "vmcore.flat.age"):
        r = rows(info("--full", "--identity", identity[0], path)[0])
        assert r["dump"] == f"{secret}/vmcore.flat.age"
        assert r["format"] == "kdump-compressed, flattened, dump level 1"
        assert r["panic"] == PANIC and r["pages read"].endswith(", 0 errors")
    j = info_json("--full", "--find", gen.SECRET.hex(), "--identity", identity[0], secret)
    assert j["encrypted"] is True and j["full"]["sha256_matches"] is True
    assert j["manifest"]["encrypted_to"] == [identity[1]]
    assert j["find"]["pages"] == 4 and j["log"]["source"] == "dump"


def test_encrypted_without_identity(secret, identity):
    """Only the checksum can be compared, and that is said."""
    r = rows(info(secret)[0])
    assert r["dump"].endswith("/vmcore.flat.age")
    assert r["encrypted"] == f"to {identity[1]}; open it with --identity FILE"
    assert r["sha256"].endswith("(not checked)") and r["kernel"] == gen.RELEASE
    j = info_json("--full", secret)
    assert j["encrypted"] is True and j["full"]["sha256_matches"] is True
    assert "pages_read" not in j["full"] and "pages" not in j and j["log"]["source"] is None
    assert "--find needs --identity" in info("--find", "00", secret, code=1)[1]
    with open(secret / "vmcore.flat.age", "ab") as f:
        f.write(b"x")
    assert "the manifest says" in info("--full", secret, code=1)[1]


def test_encrypted_log(secret, identity):
    """Of a crash that left only its log, and that encrypted."""
    (secret / "vmcore.flat.age").unlink()
    manifest(secret, state="log-only")
    out = info("--identity", identity[0], secret)[0]
    assert "1 lines in dmesg.txt.age" in rows(out)["kernel log"] and "from dmesg.txt" in out


@pytest.mark.parametrize("damage", ["cut", "tail", "flip", "identity"])
def test_encrypted_and_damaged(secret, identity, tmp_path, damage):
    """age authenticates all of it: nothing of what it wrote before it failed is shown."""
    path, key = secret / "vmcore.flat.age", identity[0]
    data = bytearray(path.read_bytes())
    if damage == "cut":
        data = data[:-100]
    elif damage == "tail":
        data += b"x"
    elif damage == "flip":
        data[-1] ^= 1
    else:
        key = tmp_path / "other"
        subprocess.run(["age-keygen", "-o", key], check=True, capture_output=True)
    write(path, bytes(data))
    (secret / "dmesg.txt.age").unlink()
    out, err = info("--identity", key, secret, code=1)
    assert "nothing of it is used" in err and err.endswith(" [dump.encrypted]\n")
    assert PANIC not in out and rows(out)["dump"].startswith("not readable: ")


def test_encrypted_without_age(secret, identity, tmp_path):
    p = subprocess.run([CTL, "info", "--identity", identity[0], secret], capture_output=True,
                       text=True, env={"PATH": str(tmp_path)})
    assert p.returncode == 1 and "the program age, which opens it, is not installed" in p.stderr


def test_no_room(identity, tmp_path):
    """The temporary file is refused before it fills the disk."""
    dump = write(tmp_path / "vmcore.age", encrypt(bytes(17 << 20), identity[1]))
    small = tmp_path / "small"
    small.mkdir()
    mount = ["unshare", "-m", "sh", "-c", f"mount -t tmpfs -o size=16m none {small} && "
             f"TMPDIR={small} exec {CTL} info --identity {identity[0]} {dump}"]
    p = subprocess.run(mount, capture_output=True, text=True)
    if "unshare" in p.stderr or "mount:" in p.stderr:
        pytest.skip("no mounts here")
    assert p.returncode == 1 and "set TMPDIR to a directory with room" in p.stderr


# What must not harm

@pytest.mark.parametrize("name", gen.HOSTILE)
def test_hostile(tmp_path, name):
    make, check = gen.HOSTILE[name]
    dump = write(tmp_path / name, make())
    if check == gen.ANY:
        p = subprocess.run([CTL, "info", "--full", dump], capture_output=True, timeout=20)
        assert p.returncode in (0, 1)
        assert p.returncode == 0 or p.stderr.startswith(b"ukdumpctl: ")
        return
    if check == gen.INCOMPLETE:
        out, err = info("--full", dump, code=1)
        assert rows(out)["incomplete"] in err
        assert info_json(dump, code=1)["incomplete"]
        return
    if check:
        out, err = info(dump, code=1)
        assert out == ""
        assert err.startswith(f"ukdumpctl: {dump}: ") and err.endswith(f" [{check}]\n")
        assert err.count("\n") == 1
        return
    info(dump)
    j = info_json(dump)
    assert j["schema"] == 1
    p = subprocess.run([CTL, "info", "--full", dump], capture_output=True, timeout=20)
    assert p.returncode in (0, 1)


def test_hostile_page_is_counted(tmp_path):
    dump = write(tmp_path / "vmcore", gen.garbled_page())
    out, err = info("--full", dump, code=1)
    assert rows(out)["pages read"].endswith(", 1 errors")
    assert "1 pages cannot be read, first: page at 0x" in err


@pytest.mark.parametrize("name,reason", [("missing", "No such file"), ("fifo", "regular file"),
                                         ("loop", "Too many levels")])
def test_not_a_file(tmp_path, name, reason):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to("loop")
    _, err = info(tmp_path / name, code=1, limit=5)
    assert reason in err and err.count("\n") == 1


# Sparse files: a few KiB on disk say they are terabytes.

def sparse(path, data, size):
    write(path, data)
    os.truncate(path, size)
    if path.stat().st_blocks * 512 > size // 2:
        pytest.skip("no sparse files here")
    return path


def test_sparse_bitmap_is_refused(tmp_path):
    dump = sparse(tmp_path / "vmcore", gen.kdump_sparse(1 << 28), 3 << 40)
    _, err = info("--full", dump, code=1, limit=5)
    assert err.endswith(" [dump.sparse]\n")


def test_sparse_bitmap_is_not_walked(tmp_path):
    """The largest that is taken."""
    dump = sparse(tmp_path / "vmcore", gen.kdump_sparse(1 << 14), 1 << 40)
    assert info_json(dump)["pages"]["present"] == 0
    _, err = info("--full", dump, code=1, limit=10)
    assert err.endswith(" [dump.sparse]\n")


def test_sparse_elf(tmp_path):
    dump = sparse(tmp_path / "vmcore", gen.elf_sparse(1 << 40), (1 << 40) + (1 << 20))
    j = info_json("--find", gen.SECRET.hex(), dump)
    assert j["find"]["pages"] == 4 and j["pages"]["present"] > 1 << 28
    assert "not hashed" in info("--full", dump, code=1, limit=10)[1]


def test_sparse_elf_is_read_whole(tmp_path):
    dump = sparse(tmp_path / "vmcore", gen.elf_sparse(1 << 26), (1 << 26) + (1 << 20))
    j = info_json("--full", dump)
    assert j["full"]["pages_read"] == j["pages"]["present"] and j["full"]["errors"] == 0
    assert j["full"]["sha256"] == hashlib.sha256(dump.read_bytes()).hexdigest()


# The verb

def test_help():
    out, err = info("--help")
    assert not err and out.startswith("Usage: ukdumpctl info ")
    assert max(map(len, out.splitlines())) <= 80
    assert "--lines N " in out


@pytest.mark.parametrize("args", [[], ["a", "b"], ["--nonsense", "x"], ["--find", "", "x"],
                                  ["--find", "123", "x"], ["--find", "zz", "x"],
                                  ["--find", "00" * 257, "x"], ["--lines", "-1", "x"],
                                  ["--find"]])
def test_usage(args):
    out, err = info(*args, code=2)
    assert out == ""
    assert err.endswith("Try 'ukdumpctl info --help'.\n") and err.count("\n") == 2

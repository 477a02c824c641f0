# SPDX-License-Identifier: GPL-2.0-or-later
"""`ukdumpctl info` on good dumps, fabricated ones and makedumpfile's; its options."""

import hashlib
import shutil
import subprocess

import pytest

from reading import PANIC, gen, info, info_json, rows, write

# A dump and its flattened form differ in this.
DIFFER = ("dump", "flattened", "size", "full")


@pytest.fixture(params=["kdump", "kdump-raw", "elf", "flat-kdump", "flat-elf"])
def good(request, tmp_path):
    machine = gen.Machine()
    data = {"kdump": lambda: gen.kdump(machine),
            "kdump-raw": lambda: gen.kdump(machine, compress=False),
            "elf": lambda: gen.elf(machine),
            "flat-kdump": lambda: gen.flattened(gen.kdump(machine)),
            "flat-elf": lambda: gen.flattened(gen.elf(machine))}[request.param]()
    return write(tmp_path / "vmcore", data)


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

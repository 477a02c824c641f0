# SPDX-License-Identifier: GPL-2.0-or-later
"""`ukdumpctl info` on encrypted dumps and logs, with and without an identity."""

import hashlib
import shutil
import subprocess

import pytest

from cli import CTL
from reading import PANIC, crash_directory, gen, info, info_json, manifest, rows, write


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
def crash(tmp_path):
    return crash_directory(tmp_path)


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

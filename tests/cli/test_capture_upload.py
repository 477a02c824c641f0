# SPDX-License-Identifier: GPL-2.0-or-later
"""ukdump-capture --root with https: and s3: targets: what arrives, and what is said when not."""

import hashlib
import json
import subprocess
import sys

import pytest

import cli
from capture_tree import CaptureTree

sys.path[:0] = [str(cli.REPO / "tests"), str(cli.REPO / "tests" / "vm")]
from servers import hostile  # noqa: E402
from servers.hostile import HostileServer  # noqa: E402
from servers.nginx import Nginx  # noqa: E402
from servers.radosgw import RadosGateway  # noqa: E402
from servers.server import Authority  # noqa: E402


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def certificate(authority):
    return authority.issue()


@pytest.fixture
def tree(tmp_path, authority):
    tree = CaptureTree(tmp_path / "root")
    tree.file("ca.pem", authority.ca.read_text())
    return tree


@pytest.fixture
def https(certificate, tree):
    """A server that behaves until told otherwise; knows the key of S3."""
    tree.file("s3.credentials", f"[default]\naws_access_key_id={hostile.KEY_ID}\n"
              f"aws_secret_access_key={hostile.SECRET}\n")
    with HostileServer(certificate) as server:
        yield server


def settings(*targets, timeout=60, more=""):
    return f"[Dump]\nTarget={' '.join(targets)}\nTimeoutSec={timeout}\n{more}"


def s3_target(server, prefix="crashes"):
    return f"s3://bucket/{prefix}?endpoint={server.endpoint()}"


def check_complete(files, tree):
    """files: name: content."""
    assert set(files) == {"vmcore.flat", "dmesg.txt", "manifest.json"}
    assert files["vmcore.flat"] == tree.dump
    assert files["dmesg.txt"] == b"[    1.0] a log\n"
    manifest = json.loads(files["manifest.json"])
    assert manifest["state"] == "complete" and manifest["file"] == "vmcore.flat"
    assert manifest["sha256"] == hashlib.sha256(tree.dump).hexdigest()
    return manifest


def test_nginx(tmp_path, certificate, tree):
    with Nginx(tmp_path / "nginx", certificate, password="geheim") as server:
        tree.file("netrc", "machine 127.0.0.1 login crash password geheim\n")
        out = tree.run(settings(server.url("")), 0)
        (folder,) = server.files.iterdir()
        assert folder.name.endswith("Z-0123abc")
        check_complete({p.name: p.read_bytes() for p in folder.iterdir()}, tree)
    assert "geheim" not in out


def test_ceph(tmp_path, certificate, tree):
    with RadosGateway(tmp_path / "radosgw", certificate) as server:
        server.make_bucket("crash")
        credentials = server.credentials()
        tree.file("s3.credentials", credentials.read_text())
        tree.run(settings(server.url("crash/a/b")), 0)
        upload = [cli.BUILD / "ukdump-upload", "--s3-credentials", credentials, "--ca-file",
                  tree.root / "etc/ukdump/ca.pem"]
        listing = cli.run(*upload, "ls", server.url("crash"), code=0).out
        names = [line.split("\t")[1] for line in listing.splitlines()]
        assert all(n.startswith("a/b/2") for n in names)
        check_complete({n.rpartition("/")[2]: subprocess.run(
            [*upload, "get", server.url(f"crash/{n}")], check=True,
            stdout=subprocess.PIPE).stdout for n in names}, tree)


def test_manifest_comes_last(https, tree):
    tree.run(settings(s3_target(https)), 0)
    assert [path.rpartition("/")[2] for method, path in https.requests if method == "PUT"] == \
        ["dmesg.txt", "vmcore.flat", "manifest.json"]
    check_complete({n.rpartition("/")[2]: c for n, c in https.objects.items()}, tree)


def test_refused_then_next_target(https, tree):
    """403 from S3 ends there, the second target is used, and both are in its manifest."""
    https.push(hostile.status(403, hostile.s3_error("AccessDenied", "not you")), "PUT", "^/bucket",
               times=99)
    out = tree.run(settings(s3_target(https), f"{https.endpoint()}/second"), 0)
    manifest = check_complete({n.rpartition("/")[2]: c for n, c in https.objects.items()}, tree)
    first, second = manifest["targets"]
    assert first["result"] == "failed" and "AccessDenied: not you" in first["reason"], out
    assert second["result"] == "complete"


def test_server_recovers(https, tree):
    """503 for a while is waited for; nothing of it is seen in the result."""
    https.push(hostile.status(503), "PUT", "vmcore", times=1)
    tree.run(settings(f"{https.endpoint()}/x"), 0)
    check_complete({n.rpartition("/")[2]: c for n, c in https.objects.items()}, tree)


def test_dump_is_refused(https, tree):
    """What can be stored is stored: the log, and a manifest that says what is missing."""
    https.push(hostile.status(413), "PUT", "/vmcore", times=99)
    out = tree.run(settings(f"{https.endpoint()}/x"), 1)
    files = {n.rpartition("/")[2]: c for n, c in https.objects.items()}
    assert set(files) == {"dmesg.txt", "manifest.json"}, out
    manifest = json.loads(files["manifest.json"])
    assert manifest["state"] == "log-only" and "HTTP 413" in manifest["targets"][0]["reason"]


def test_wrong_certificate(https, tree, tmp_path):
    tree.file("ca.pem", Authority(tmp_path / "other").ca.read_text())
    out = tree.run(settings(f"{https.endpoint()}/x"), 1)
    assert "certificate" in out and not https.requests


def test_collector_fails(https, tree):
    """A plain copy instead; the manifest says which of the files counts."""
    tree.tool("makedumpfile", "exit 1")
    tree.run(settings(s3_target(https)), 0)
    files = {n.rpartition("/")[2]: c for n, c in https.objects.items()}
    manifest = json.loads(files["manifest.json"])
    assert manifest["file"] == "vmcore" and files["vmcore"] == tree.core
    assert manifest["sha256"] == hashlib.sha256(tree.core).hexdigest()


def test_cut_dump_does_not_stay(tmp_path, certificate, tree):
    """What a collector that failed has sent is emptied, once there is a dump under another name."""
    tree.tool("makedumpfile", f"head -c 5000 {tree.root}/dump; exit 1")
    with Nginx(tmp_path / "nginx", certificate) as server:
        tree.run(settings(server.url("")), 0)
        (folder,) = server.files.iterdir()
        assert (folder / "vmcore").read_bytes() == tree.core
        assert (folder / "vmcore.flat").read_bytes() == b""
        assert json.loads((folder / "manifest.json").read_text())["file"] == "vmcore"


def crash_names(https):
    return sorted({path.split("/")[-2] for path in https.objects})


@pytest.mark.parametrize("s3", [False, True])
def test_two_crashes_of_one_second(https, tree, s3):
    """A clock that is set back at each start: the crashes have names of their own."""
    target = s3_target(https) if s3 else f"{https.endpoint()}/a"
    for count in (1, 2, 3):
        tree.run(settings(target), 0)
        first, *others = crash_names(https)
        assert [first, *others] == [first, f"{first}-1", f"{first}-2"][:count]
    assert len(https.objects) == 9


def test_server_that_only_takes(https, tree):
    """Nobody tells what is there, or it says 200 to all: no reason to keep the dump back."""
    https.push(hostile.status(403), "GET", times=1)
    https.push(hostile.status(200, b"<html>welcome</html>"), "GET", times=1)
    for _ in range(2):
        out = tree.run(settings(f"{https.endpoint()}/a"), 0)
        assert len(crash_names(https)) == 1 and "403" not in out


def test_nobody_listens(tree):
    out = tree.run(settings("https://127.0.0.1:9/x", timeout=12), 1)
    assert "127.0.0.1" in out and "refused" in out

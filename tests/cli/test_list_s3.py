# SPDX-License-Identifier: GPL-2.0-or-later
"""`ukdumpctl list` over an s3:// prefix: Ceph's gateway, and a server that misbehaves."""

import json
import os
import sys

import pytest

import cli
from cli import ctl
from test_list import TRIAGE, crash

sys.path[:0] = [str(cli.REPO / "tests"), str(cli.REPO / "tests" / "vm")]
from servers import hostile  # noqa: E402
from servers.hostile import HostileServer  # noqa: E402
from servers.radosgw import RadosGateway  # noqa: E402
from servers.server import Authority  # noqa: E402


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


def records(*args, code=0):
    done = ctl("list", "--records", *args, code=code)
    return [json.loads(line) for line in done.out.splitlines()], done.err


def without_place(rows):
    return [{k: v for k, v in row.items() if k not in ("path", "uri")} for row in rows]


# a real server

@pytest.fixture(scope="module")
def ceph(tmp_path_factory, authority):
    from servers.radosgw import KEY_ID, SECRET
    folder = tmp_path_factory.mktemp("radosgw")
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with RadosGateway(folder, authority.issue(), store=memory) as server:
        server.make_bucket("crash")
        server.root = authority.machine(folder / "machine", KEY_ID, SECRET)
        yield server


@pytest.fixture(scope="module")
def fleet(ceph, tmp_path_factory):
    """200 crashes of 5 machines in a directory and in a bucket, with what does not belong there."""
    folder = tmp_path_factory.mktemp("files")
    for i in range(200):
        crash(folder / "fleet", 1 + i // 5 % 30, f"m{i % 5}-{1 + i // 150}", b"core",
              triage=TRIAGE | {"signature": f"{i % 7:016x}"}, bytes=i,
              state=("complete", "partial", "log-only")[i % 3])
    last = crash(folder / "fleet", 30, "unfinished", manifest=False)
    crash(folder / "fleet2", 1, "neighbour")
    crash(folder / "fleet/old", 1, "deeper")
    (folder / "fleet/README").write_text("foreign")
    ceph.put_many("crash", folder)
    return folder / "fleet", last


def test_records_are_those_of_a_directory(ceph, fleet):
    folder, unfinished = fleet
    there, err = records("--root", ceph.root, ceph.url("crash/fleet"))
    here, _ = records(folder)
    assert err == ""
    assert [r["uri"] for r in there] == [r["path"].replace(str(folder), "s3://crash/fleet")
                                         for r in here]
    # A log is not fetched: only the directory's is read where there is no manifest.
    assert here[-1]["path"] == str(unfinished) and here[-1].pop("triage")["kind"] == "sysrq"
    assert without_place(there) == without_place(here)
    assert records("--root", ceph.root, ceph.url("crash/fleet//"))[0] == there


def test_two_places_in_order(ceph, fleet):
    folder, _ = fleet
    both, _ = records("--root", ceph.root, ceph.url("crash/fleet2"), ceph.url("crash/fleet"),
                      folder)
    names = [(r.get("uri") or r["path"]).rpartition("/")[2] for r in both]
    assert len(both) == 1 + 2 * len(os.listdir(folder)) - 4 and names == sorted(names)
    assert sum("uri" in r for r in both) == (len(both) + 1) // 2


def test_table_and_facts(ceph, fleet):
    rows = json.loads(ctl("list", "--json", "--root", ceph.root, ceph.url("crash/fleet"),
                          code=0).out)["dumps"]
    lines = ctl("list", "--root", ceph.root, ceph.url("crash/fleet"), code=0).out.splitlines()
    assert len(rows) == len(lines) - 1 == len({r["crash"] for r in rows})
    assert rows[-1]["state"] == "unfinished" and "s3://crash/fleet/" in lines[-1]


def test_refused(ceph, tmp_path, authority):
    """One line that says what is wrong."""
    for number, (key_id, secret, bucket, words) in enumerate([
            ("nobody", "x", "crash", ("InvalidAccessKeyId", "S3Credentials=")),
            ("AKIDUKDUMPTEST", "wrong", "crash", ("SignatureDoesNotMatch", "secret key")),
            ("AKIDUKDUMPTEST", "wrong", "none", ("HTTP 40",))]):
        root = authority.machine(tmp_path / str(number), key_id, secret)
        rows, err = records("--root", root, ceph.url(f"{bucket}/fleet"), code=1)
        assert rows == [] and err.count("\n") == 1 and err.startswith("ukdumpctl: GET s3://")
        assert all(word in err for word in words), err


# one that misbehaves

@pytest.fixture
def bad(authority):
    with HostileServer(authority.issue()) as server:
        yield server


@pytest.fixture
def stored(bad, tmp_path, authority):
    """A function that lists; 40 crashes are there."""
    root = authority.machine(tmp_path / "machine", hostile.KEY_ID, hostile.SECRET)
    for i in range(40):
        name = f"20261101T1838{i:02}Z-m"
        record = {"schema": 1, "state": "complete", "machine": "m", "bytes": i}
        bad.objects[f"bucket/p/{name}/manifest.json"] = json.dumps(record).encode()
        bad.objects[f"bucket/p/{name}/vmcore"] = b"core"
    bad.page = 7

    def call(code=0):
        return records("--root", root, f"s3://bucket/p?endpoint={bad.endpoint()}", code=code)
    return call


def test_few_connections(bad, stored):
    rows, err = stored()
    assert [r["bytes"] for r in rows] == list(range(40)) and err == ""
    assert bad.count("GET", "/manifest") == 40 and bad.count("GET", "/vmcore") == 0


ONE = "183807Z-m/manifest"


@pytest.mark.parametrize("fault", [
    hostile.status(404, hostile.s3_error("NoSuchKey")), hostile.status(403, "no"),
    hostile.status(301, "no", [("Location", "https://127.0.0.1:1/")]), hostile.endless_body(200),
    hostile.endless_headers(), hostile.status(200, "x" * 262145)],
    ids=["gone", "forbidden", "moved", "endless", "headers", "large"])
def test_one_is_not_to_be_had(bad, stored, fault):
    bad.push(fault, "GET", ONE, times=99)
    rows, err = stored()
    assert [r.get("bytes", "none") for r in rows] == [*range(7), "none", *range(8, 40)]
    assert rows[7]["state"] == "unfinished"
    assert err.count("\n") == 1 and ONE in err and "warning" in err


@pytest.mark.parametrize("fault", [
    hostile.cut(), hostile.status(503, hostile.s3_error("SlowDown")), hostile.half_answer(200, "{")],
    ids=["reset", "busy", "half"])
def test_repeats(bad, stored, fault):
    bad.push(fault, "GET", ONE, times=2)
    rows, err = stored()
    assert [r["bytes"] for r in rows] == list(range(40)) and err == ""


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"a":NaN}', b"\xff"])
def test_one_is_no_manifest(bad, stored, content):
    bad.objects[f"bucket/p/20261101T{ONE}.json"] = content
    rows, _ = stored()
    assert [r.get("bytes", "none") for r in rows] == [*range(7), "none", *range(8, 40)]


def test_one_that_is_too_large_is_not_asked_for(bad, stored):
    bad.objects[f"bucket/p/20261101T{ONE}.json"] = b" " * 262145
    assert len(stored()[0]) == 40 and bad.count("GET", ONE) == 0


@pytest.mark.parametrize("fault", [hostile.status(403, hostile.s3_error("AccessDenied")),
                                   hostile.cut()], ids=["forbidden", "reset"])
def test_the_server_fails(bad, stored, fault):
    """Not 40 records of nothing: an error."""
    bad.push(fault, "GET", "/manifest", times=999)
    rows, err = stored(code=1)
    assert rows == [] and err.count("\n") == 1 and "times in a row" in err
    assert bad.count("GET", "/manifest") < 40 * 4


def test_the_server_fails_for_all_of_a_few(bad, stored):
    for key in [k for k in bad.objects if not k.startswith("bucket/p/20261101T18380")]:
        del bad.objects[key]
    bad.push(hostile.status(403, hostile.s3_error("AccessDenied")), "GET", "/manifest", times=999)
    rows, err = stored(code=1)
    assert rows == [] and "10 times in a row" in err and "s3:GetObject" in err


def test_names_that_lead_elsewhere(bad, stored):
    for key in ("bucket/p/../q/20261102T183800Z-x/manifest.json",
                "bucket/p/20261102T183800Z-x/../manifest.json", "bucket/p/20261102T183800Z-../dmesg",
                "bucket/p/20261102T183800Z-x\x1b[2J/dmesg.txt", "bucket/p/20261102T183800Z-x"):
        bad.objects[key] = b"{}"
    assert len(stored()[0]) == 40


def test_what_the_server_says_drives_no_terminal(bad, stored):
    text = "<Error><Code>AccessDenied</Code><Message>\x1b[2J\u009b31m&#x9b;2J</Message></Error>"
    bad.push(hostile.status(403, text), "GET", times=99)
    _, err = stored(code=1)
    assert "31m" in err and err.rstrip("\n").isprintable()


def test_many_that_are_gone(bad, stored):
    """Somebody cleans up meanwhile: no failure of the server."""
    bad.push(hostile.status(404, hostile.s3_error("NoSuchKey")), "GET", "/manifest", times=999)
    rows, err = stored()
    assert [r["state"] for r in rows] == ["unfinished"] * 40 and "32 more" in err

# SPDX-License-Identifier: GPL-2.0-or-later
"""ukdump-upload against nginx, Ceph's S3 gateway and a server that misbehaves."""

import hashlib
import json
import os
import re
import subprocess
import sys
import time

import pytest

import cli

sys.path[:0] = [str(cli.REPO / "tests"), str(cli.REPO / "tests" / "vm")]
from servers import hostile  # noqa: E402
from servers.hostile import HostileServer  # noqa: E402
from servers.nginx import Nginx  # noqa: E402
from servers.radosgw import RadosGateway  # noqa: E402
from servers.server import Authority  # noqa: E402

UPLOAD = cli.BUILD / "ukdump-upload"
MIB = 1 << 20
FAST = ["--retry-wait", "10", "--retries", "2"]


def upload(*args, content=b"", code=0, limit=180):
    done = subprocess.run([str(a) for a in (UPLOAD, *args)], input=content, timeout=limit,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    error = done.stderr.decode(errors="replace")
    assert not re.search(r"Sanitizer|runtime error", error), error
    assert done.returncode == code, (done.returncode, error)
    if code:
        assert len(error.strip().splitlines()) >= 1, "silent"
    return done.stdout, error


def noise(size):
    return os.urandom(size)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def certificate(authority):
    return authority.issue()


@pytest.fixture(scope="module")
def nginx(tmp_path_factory, certificate):
    with Nginx(tmp_path_factory.mktemp("nginx"), certificate, password="a secret") as server:
        yield server


@pytest.fixture(scope="module")
def dav(nginx, authority):
    """Options that log in there."""
    netrc = nginx.folder / "netrc"
    netrc.write_text('machine 127.0.0.1 login crash password "a secret"\n')
    return ["--ca-file", authority.ca, "--netrc", netrc]


@pytest.fixture(scope="module")
def ceph(tmp_path_factory, certificate):
    with RadosGateway(tmp_path_factory.mktemp("radosgw"), certificate) as server:
        server.make_bucket("crash")
        yield server


@pytest.fixture(scope="module")
def s3(ceph, authority):
    return ["--ca-file", authority.ca, "--s3-credentials", ceph.credentials()]


@pytest.fixture
def bad():
    with HostileServer() as server:
        yield server


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "credentials"
    path.write_text("[other]\naws_access_key_id=no\n[default]\n"
                    f"aws_access_key_id = {hostile.KEY_ID}\n"
                    f"aws_secret_access_key={hostile.SECRET}\n")
    return ["--insecure-http", "--s3-credentials", path]


def s3_url(server, key="dir/vmcore"):
    return f"s3://bucket/{key}?endpoint={server.endpoint()}"


# WebDAV

@pytest.mark.parametrize("size", [0, 1, 5 * MIB, 8 * MIB, 20 * MIB + 7])
def test_put_https(nginx, dav, size):
    content = noise(size)
    out, _ = upload(*dav, "--json", "put", nginx.url(f"put-{size}"), content=content)
    assert (nginx.files / f"put-{size}").read_bytes() == content
    assert json.loads(out) == {"bytes": size, "sha256": sha256(content), "parts": 1, "retries": 0}


def test_put_https_file_and_get(nginx, dav, tmp_path):
    content = noise(9 * MIB)
    (tmp_path / "vmcore").write_bytes(content)
    upload(*dav, "put", nginx.url("file"), tmp_path / "vmcore")
    out, err = upload(*dav, "--json", "get", nginx.url("file"))
    assert out == content
    assert json.loads(err)["sha256"] == sha256(content)


def test_put_https_makes_the_directory(nginx, dav):
    for name in ("dmesg.txt", "manifest.json"):
        upload(*dav, "--make-directory", "put", nginx.url(f"20261121T183822Z-m/{name}"),
               content=b"log")
        assert (nginx.files / "20261121T183822Z-m" / name).read_bytes() == b"log"


def test_https_login(nginx, authority, tmp_path):
    _, err = upload("--ca-file", authority.ca, "put", nginx.url("x"), content=b"1", code=1)
    assert "HTTP 401" in err and "--netrc (Netrc=)" in err
    headers = tmp_path / "headers"
    headers.write_text("# a comment\nAuthorization: Basic Y3Jhc2g6YSBzZWNyZXQ=\n\n")
    upload("--ca-file", authority.ca, "--headers", headers, "put", nginx.url("header"), content=b"2")
    assert (nginx.files / "header").read_bytes() == b"2"


def test_https_certificate(nginx, dav, authority, tmp_path):
    """Another authority, another name, none at all: nothing is sent."""
    for options in (["--ca-file", Authority(tmp_path / "other").ca], []):
        _, err = upload(*options, "put", nginx.url("x"), content=b"1", code=1)
        assert "--ca-file (CaFile=)" in err
    crt = Authority(tmp_path / "third")
    with HostileServer(crt.issue(addresses=("192.0.2.1",), names=("elsewhere",))) as server:
        _, err = upload("--ca-file", crt.ca, "put", f"{server.endpoint()}/x", content=b"1", code=1)
        assert "--ca-file" in err and not server.requests


def test_https_old_tls(tmp_path, certificate, authority):
    with Nginx(tmp_path, certificate, protocols="TLSv1.1") as server:
        _, err = upload("--ca-file", authority.ca, *FAST, "put", server.url("x"), code=1)
        assert "TLS" in err or "SSL" in err


def test_https_limit_of_the_server(tmp_path, certificate, authority):
    with Nginx(tmp_path, certificate, max_body="1m") as server:
        _, err = upload("--ca-file", authority.ca, "put", server.url("x"), content=noise(2 * MIB),
                        code=1)
        assert "HTTP 413" in err and "client_max_body_size" in err


# a store that behaves, and one that does not

def test_stream_breaks(bad):
    """More than what is kept went out: no second try, and what arrived is removed."""
    bad.push(hostile.cut(after=20 * MIB), "PUT")
    _, err = upload("--insecure-http", *FAST, "put", f"{bad.endpoint()}/x",
                    content=noise(60 * MIB), code=1)
    assert "cannot be sent again" in err
    assert bad.count("PUT") == 1 and bad.count("DELETE") == 1


def test_file_breaks(bad, tmp_path):
    """A file can be sent again from its start."""
    content = noise(30 * MIB)
    (tmp_path / "f").write_bytes(content)
    bad.push(hostile.cut(after=20 * MIB), "PUT")
    out, _ = upload("--insecure-http", *FAST, "--json", "put", f"{bad.endpoint()}/x",
                    tmp_path / "f")
    assert bad.objects["x"] == content
    assert json.loads(out) == {"bytes": len(content), "sha256": sha256(content), "parts": 1,
                               "retries": 1}


@pytest.mark.parametrize("status, tries", [(500, 3), (503, 3), (429, 3), (408, 3), (501, 1),
                                           (507, 1), (403, 1), (404, 1), (400, 1), (302, 1)])
def test_status(bad, status, tries):
    bad.push(hostile.status(status, "no", [("Location", "http://127.0.0.1:1/")]), "PUT", times=9)
    _, err = upload("--insecure-http", *FAST, "put", f"{bad.endpoint()}/x?token=geheim", content=b"1",
                    code=1)
    assert f"HTTP {status}" in err and "geheim" not in err
    assert bad.count("PUT") == tries


def test_503_then_good(bad):
    bad.push(hostile.status(503), "PUT", times=2)
    out, err = upload("--insecure-http", *FAST, "--json", "put", f"{bad.endpoint()}/x", content=b"1")
    assert json.loads(out)["retries"] == 2 and "trying again" in err and bad.objects["x"] == b"1"


def test_early_refusal(bad):
    """The server says no and closes while the content is still coming."""
    bad.push(hostile.status(403, drain=False), "PUT")
    _, err = upload("--insecure-http", "put", f"{bad.endpoint()}/x", content=noise(40 * MIB), code=1)
    assert "HTTP 403" in err


def test_half_a_refusal(bad):
    """The status counts, whatever becomes of the text behind it."""
    bad.push(hostile.half_answer(403, "no"), "PUT", times=9)
    _, err = upload("--insecure-http", *FAST, "put", f"{bad.endpoint()}/x", content=b"1", code=1)
    assert "HTTP 403" in err and bad.count("PUT") == 1


def test_stall(bad):
    bad.push(hostile.stall(), "PUT", times=2)
    begin = time.monotonic()
    _, err = upload("--insecure-http", "--stall", "1", "--retries", "1", "--retry-wait", "10",
                    "put", f"{bad.endpoint()}/x", content=b"1", code=1)
    assert "nothing moved for 1 s" in err and bad.count("PUT") == 2
    assert time.monotonic() - begin < 25  # a stall lasts 30


def test_time_limit(bad):
    """--timeout is the limit of everything, of waiting for content, too."""
    bad.push(hostile.stall(), "PUT", times=9)
    begin = time.monotonic()
    _, err = upload("--insecure-http", "--timeout", "2", "put", f"{bad.endpoint()}/x", content=b"1",
                    code=1)
    assert "--timeout" in err and time.monotonic() - begin < 25
    read, write = os.pipe()
    done = subprocess.run([UPLOAD, "--insecure-http", "--timeout", "1", "put",
                           f"{bad.endpoint()}/x"], stdin=read, timeout=25, check=False,
                          stderr=subprocess.PIPE)
    os.close(read)
    os.close(write)
    assert done.returncode == 1 and b"time limit" in done.stderr


@pytest.mark.parametrize("fault, text", [(hostile.endless_body(403), "KiB in the reply"),
                                         (hostile.endless_headers(), "of headers")])
def test_endless_reply(bad, fault, text):
    bad.push(fault)
    _, err = upload("--insecure-http", *FAST, "put", f"{bad.endpoint()}/x", content=b"1", code=1)
    assert text in err


def test_nobody_there():
    _, err = upload("--insecure-http", *FAST, "put", "http://127.0.0.1:9/x", content=b"1", code=1)
    assert "trying again" in err


# S3

@pytest.mark.parametrize("size", [0, 5 * MIB, 8 * MIB, 16 * MIB, 20 * MIB + 7])
def test_put_s3(ceph, s3, size):
    content = noise(size)
    parts = 1 if size < 8 * MIB else -(-size // (8 * MIB))
    out, _ = upload(*s3, "--json", "put", ceph.url(f"crash/a+b/put={size}"), content=content)
    assert json.loads(out) == {"bytes": size, "sha256": sha256(content), "parts": parts,
                               "retries": 0}
    if parts == 1:
        stored, _ = upload(*s3, "get", ceph.url(f"crash/a+b/put={size}"))
    else:
        stored = ceph.stored("crash", f"a+b/put={size}")
    assert sha256(stored) == sha256(content)


def test_get_s3(ceph, s3):
    content = noise(5 * MIB)
    upload(*s3, "put", ceph.url("crash/get/x y".replace(" ", "+")), content=content)
    out, err = upload(*s3, "--json", "get", ceph.url("crash/get/x+y"))
    assert out == content and json.loads(err)["sha256"] == sha256(content)
    _, err = upload(*s3, "get", ceph.url("crash/get/none"), code=1)
    assert "HTTP 404 NoSuchKey" in err


def test_list_s3(ceph, s3):
    for name in ("list/a&b", "list/c=d+e", "list/~f"):
        upload(*s3, "put", ceph.url(f"crash/{name}"), content=b"123")
    out, _ = upload(*s3, "ls", ceph.url("crash/list/"))
    assert out == b"3\tlist/a&b\n3\tlist/c=d+e\n3\tlist/~f\n"


def test_s3_refusals(ceph, s3, authority, tmp_path):
    _, err = upload(*s3, "put", ceph.url("nowhere/x"), content=b"1", code=1)
    assert "HTTP 404 NoSuchBucket" in err and "make the bucket" in err
    wrong = ["--ca-file", authority.ca, "--s3-credentials", ceph.credentials("wrong")]
    _, err = upload(*wrong, "put", ceph.url("crash/x"), content=b"1", code=1)
    assert "HTTP 403 SignatureDoesNotMatch" in err and "check the secret key" in err
    _, err = upload("put", ceph.url("crash/x"), code=1)
    assert "--s3-credentials" in err


def test_s3_part_fails_and_comes_again(bad, key):
    """Cut off, refused for now, stalled: each part is sent until it is there, each only then."""
    content = noise(20 * MIB)
    bad.push(hostile.cut(after=3 * MIB), "PUT", "partNumber=1&")
    bad.push(hostile.status(503, hostile.s3_error("SlowDown")), "PUT", "partNumber=2&", times=2)
    bad.push(hostile.stall(), "PUT", "partNumber=3&")
    out, _ = upload(*key, *FAST, "--stall", "5", "--json", "put", s3_url(bad, "a b".replace(" ", "+")),
                    content=content)
    assert json.loads(out) == {"bytes": len(content), "sha256": sha256(content), "parts": 3,
                               "retries": 4}
    assert bad.objects["bucket/a+b"] == content and not bad.uploads
    assert [bad.count("PUT", f"partNumber={n}&") for n in (1, 2, 3)] == [2, 3, 2]


def test_s3_gives_up(bad, key):
    """One line that says which part and why, and the upload is aborted."""
    bad.push(hostile.status(403, hostile.s3_error("AccessDenied", "No \x1b[31m&amp; never")), "PUT",
             "partNumber=2", times=9)
    _, err = upload(*key, *FAST, "put", s3_url(bad), content=noise(20 * MIB), code=1)
    assert "part 2: PUT s3://bucket/dir/vmcore: HTTP 403 AccessDenied: No ?[31m& never; " in err
    assert not bad.uploads and not bad.objects
    assert bad.count("PUT", "partNumber=2") == 1 and bad.count("DELETE", "uploadId=") == 1


def test_s3_200_with_an_error(bad, key):
    bad.push(hostile.status(200, hostile.s3_error("InternalError", "later")), "POST", "uploadId=")
    out, _ = upload(*key, *FAST, "--json", "put", s3_url(bad), content=noise(9 * MIB))
    assert json.loads(out)["retries"] == 1
    bad.push(hostile.status(200, hostile.s3_error("EntityTooSmall")), "POST", "uploadId=")
    _, err = upload(*key, *FAST, "put", s3_url(bad), content=noise(9 * MIB), code=1)
    assert "HTTP 200 EntityTooSmall" in err and not bad.uploads


@pytest.mark.parametrize("body, text", [
    ("<html>hello</html>", "no <InitiateMultipartUploadResult>"),
    ("<InitiateMultipartUploadResult/>", "no UploadId"),
    ("<InitiateMultipartUploadResult><UploadId>" + "x" * 5000 +
     "</UploadId></InitiateMultipartUploadResult>", "no UploadId"),
    ('<!DOCTYPE a [<!ENTITY b "c">]><InitiateMultipartUploadResult><UploadId>&b;</UploadId>'
     "</InitiateMultipartUploadResult>", "no <Initiate"),
    ("", "no <Initiate")])
def test_s3_odd_replies(bad, key, body, text):
    bad.push(hostile.status(200, body), "POST", times=9)
    _, err = upload(*key, *FAST, "put", s3_url(bad), content=noise(9 * MIB), code=1)
    assert text in err


@pytest.mark.parametrize("etag", [[], [("ETag", "<x>")], [("ETag", "y" * 400)]])
def test_s3_odd_etag(bad, key, etag):
    bad.push(hostile.status(200, "", etag), "PUT", times=9)
    _, err = upload(*key, *FAST, "put", s3_url(bad), content=noise(9 * MIB), code=1)
    assert "no usable ETag for part 1" in err and not bad.uploads


def test_s3_list_pages(bad, key):
    bad.page = 3
    bad.objects = {f"bucket/d/{n:03}": b"x" * n for n in range(10)}
    out, _ = upload(*key, "ls", s3_url(bad, "d/"))
    assert out.decode().splitlines() == [f"{n}\td/{n:03}" for n in range(10)]
    bad.push(hostile.status(200, "<ListBucketResult><Contents><Key>a</Key></Contents>"
                            "<IsTruncated>true</IsTruncated></ListBucketResult>"),
             "GET", times=99)
    _, err = upload(*key, "ls", s3_url(bad, "d/"), code=1)
    assert "no end" in err


def test_s3_session_token(bad, key, tmp_path):
    path = tmp_path / "session"
    path.write_text(f"[default]\naws_access_key_id={hostile.KEY_ID}\n"
                    f"aws_secret_access_key={hostile.SECRET}\naws_session_token=to/ken==\n")
    upload("--insecure-http", "--s3-credentials", path, "put", s3_url(bad), content=b"1")
    assert bad.headers[-1]["x-amz-security-token"] == "to/ken=="
    assert "x-amz-security-token" in bad.headers[-1]["Authorization"]


def test_s3_stopped(bad, key):
    """SIGTERM in the middle: the upload is aborted."""
    bad.push(hostile.stall(), "PUT", "partNumber=1")
    with subprocess.Popen([UPLOAD, *map(str, key), "put", s3_url(bad)], stdin=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        process.stdin.write(noise(8 * MIB + 7))
        process.stdin.close()
        end = time.monotonic() + 60
        while not bad.count("PUT", "partNumber=1") and time.monotonic() < end:
            time.sleep(0.05)
        process.terminate()
        assert process.wait(25) == 1
        assert b"stopped by a signal" in process.stderr.read()
    assert not bad.uploads and bad.count("DELETE") == 1


def test_memory(bad, key):
    """One part is in memory, whatever comes: 100 MiB within 40 MiB."""
    script = ("import resource, subprocess, sys; "
              "code = subprocess.run(sys.argv[1:]).returncode; "
              "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(code)")
    for url in (s3_url(bad), f"{bad.endpoint()}/x"):
        options = key if url.startswith("s3") else ["--insecure-http"]
        done = subprocess.run([sys.executable, "-c", script, UPLOAD, *map(str, options), "put", url],
                              input=noise(100 * MIB), stdout=subprocess.PIPE, check=True, timeout=180)
        assert int(done.stdout) < 40 * 1024, done.stdout
    assert len(bad.objects["x"]) == len(bad.objects["bucket/dir/vmcore"]) == 100 * MIB


# usage

@pytest.mark.parametrize("args", [
    [], ["put"], ["take", "https://h/p"], ["get", "https://h/p", "file"], ["ls", "https://h/p"],
    ["--stall", "0", "put", "https://h/p"], ["--part-size", "1M", "put", "s3://b/k"],
    ["--timeout", "x", "put", "https://h/p"], ["--nothing", "put", "https://h/p"],
    ["--netrc", "f", "put", "s3://b/k"], ["put", "s3://b"]])
def test_usage(args):
    upload(*args, code=2)


@pytest.mark.parametrize("url", [
    "http://h/p", "ftp://h/p", "https://h", "https:///p", "https://user:pa55@h/p", "https://h/a/../b",
    "https://h/./b", "https://h/a b", "https://h/a#b", "https://h/\u00e4", "https://h/" + "a" * 3000,
    "s3:///k", "s3://b/../k", "s3://b/k?endpoint=ftp://h", "s3://b/k?endpoint=https://h/p",
    "s3://b/k?endpoint=http://h", "s3://b/k?region=a:b", "s3://b/k?region=", "s3://b/k?else=1",
    "s3://b@c/k", "s3://b/" + "k" * 1100])
def test_url(url):
    _, err = upload("put", url, code=1)
    assert "[url]" in err and "pa55" not in err


@pytest.mark.parametrize("text", ["", "[default]\naws_access_key_id=a\n", "no section\n",
                                  "[default]\naws_access_key_id=" + "a" * 200 + "\n",
                                  "[default]\naws_access_key_id=a b\naws_secret_access_key=c\n"])
def test_credentials(tmp_path, text):
    (tmp_path / "c").write_text(text)
    _, err = upload("--s3-credentials", tmp_path / "c", "put", "s3://b/k", code=1)
    assert "[credentials]" in err


# many small objects

def frames(out):
    """What get-many wrote: (key, content), None for one that was not to be had."""
    while out:
        head, _, out = out.partition(b"\n")
        size, _, name = head.partition(b"\t")
        yield name.decode(), None if size == b"-" else out[:int(size)]
        out = out[0 if size == b"-" else int(size):]


def fill(bad, count):
    names = [f"dir/{i:03}" for i in range(count)]
    for i, name in enumerate(names):
        bad.objects[f"bucket/{name}"] = name.encode() * (i % 500)
    return names


def test_get_many(bad, key):
    names = fill(bad, 200) + ["dir/none", "dir/../x", "x" * 1025, "dir/a b&%?"]
    bad.objects["bucket/dir/a b&%?"] = b"odd"
    wanted = "\n".join([*names[::-1], "", names[3]])
    out, err = upload(*key, *FAST, "get-many", s3_url(bad, ""), content=wanted.encode())
    got = list(frames(out))
    assert [n for n, _ in got] == [n[:1024] for n in [*names[::-1], names[3]]]
    assert all(c == bad.objects.get(f"bucket/{n}") for n, c in got)
    assert err.count("warning: ") == 3 and "s3://bucket/dir/none: HTTP 404" in err
    assert bad.count("GET") == 200 + 3


def test_get_many_keeps_connections(ceph, s3):
    for name in ("a", "b"):
        upload(*s3, "put", ceph.url(f"crash/many/{name}"), content=name.encode())
    out, _ = upload(*s3, "get-many", ceph.url("crash"), content=b"many/a\nmany/b\n" * 100)
    assert list(frames(out)) == [("many/a", b"a"), ("many/b", b"b")] * 100


def test_get_many_beyond_the_window(bad, key):
    """The first one fails when all others that are asked for meanwhile are there."""
    names = fill(bad, 300)
    bad.push(hostile.cut(), "GET", names[0], times=99)
    options = ["--retry-wait", "1000", "--retries", "1"]
    out, err = upload(*key, *options, "get-many", s3_url(bad), content="\n".join(names).encode())
    assert [n for n, _ in frames(out)] == names and dict(frames(out))[names[0]] is None
    assert err.count("\n") == 1


def test_get_many_waits_for_its_reader(bad, key):
    """The reader's time is not the server's; and one that goes away is an end."""
    names = fill(bad, 300)
    argv = [str(a) for a in (UPLOAD, *key, *FAST, "--timeout", "5", "get-many", s3_url(bad))]
    for stays in (True, False):
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as child:
            child.stdin.write("\n".join(names).encode())
            child.stdin.close()
            time.sleep(7)
            if not stays:
                child.stdout.close()
            out = child.stdout.read() if stays else b""
            assert child.wait(60) == (0 if stays else 1), child.stderr.read()
        assert not stays or [n for n, _ in frames(out)] == names


def test_get_many_time_limit(bad, key):
    bad.push(hostile.stall(), "GET", "dir", times=99)
    start = time.monotonic()
    _, err = upload(*key, "--timeout", "2", "get-many", s3_url(bad), code=1,
                    content="\n".join(fill(bad, 40)).encode())
    assert time.monotonic() - start < 25 and "--timeout" in err and err.count("\n") == 1

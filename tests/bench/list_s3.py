#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`ukdumpctl list --records` of 10,000 dumps over S3, against curl(1) that fetches the manifests.

Ceph's gateway on this machine; curl is given the keys, signs, and has as many connections (16).
Fails above twice curl's time.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path[:0] = [str(pathlib.Path(__file__).parents[1]), str(pathlib.Path(__file__).parents[1] / "vm")]
from list import CTL, record  # noqa: E402
from servers.radosgw import KEY_ID, SECRET, RadosGateway  # noqa: E402
from servers.server import Authority  # noqa: E402

DUMPS = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
LIMIT = 2.0


def store(server: RadosGateway, folder: pathlib.Path) -> list:
    for i in range(DUMPS):
        crash = folder / f"fleet/20261121T{i // 3600:02}{i // 60 % 60:02}{i % 60:02}Z-m{i}"
        crash.mkdir(parents=True)
        (crash / "manifest.json").write_text(json.dumps(record(i), indent=2))
    server.make_bucket("crash")
    server.put_many("crash", folder)
    return [path.relative_to(folder) for path in sorted(folder.rglob("manifest.json"))]


def list_records(server: RadosGateway, root: pathlib.Path) -> float:
    start = time.perf_counter()
    out = subprocess.run([CTL, "list", "--records", "--root", root, server.url("crash/fleet")],
                         check=True, stdout=subprocess.PIPE).stdout
    assert out.count(b"\n") == DUMPS
    return time.perf_counter() - start


def fetch(server: RadosGateway, keys: list) -> float:
    start = time.perf_counter()
    server.curl_many([f'url = "{server.endpoint()}/crash/{key}"\noutput = "/dev/null"'
                      for key in keys])
    return time.perf_counter() - start


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        authority = Authority(folder / "authority")
        root = authority.machine(folder / "machine", KEY_ID, SECRET)
        with RadosGateway(folder / "radosgw", authority.issue(), store="/dev/shm") as server:
            keys = store(server, folder / "files")
            pairs = [(list_records(server, root), fetch(server, keys)) for _ in range(2)]
    ours, curl = (min(column) for column in zip(*pairs))
    print(f"list --records over S3, {DUMPS} dumps: {ours:.1f} s, curl {curl:.1f} s: "
          f"{ours / curl:.2f} (limit {LIMIT})")
    return ours > LIMIT * curl


if __name__ == "__main__":
    sys.exit(main())

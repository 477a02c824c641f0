# SPDX-License-Identifier: GPL-2.0-or-later
"""S3 as Ceph has it: Debian 13's RADOS gateway, alone, with its SQLite store (dbstore).

A real server that checks every signature. It needs no cluster and runs from an unpacked tree.
"""

import sqlite3
import subprocess
import tempfile
import time
from contextlib import closing
from pathlib import Path

from vmbed.packages import Suite

from .server import HOST_VIEW, Server, ServerError

CONF = """\
[global]
run_dir = {folder}
log_file = {folder}/radosgw.log
admin_socket =
rgw_data = {data}
dbstore_db_dir = {data}
dbstore_db_name_prefix = store
rgw_backend_store = dbstore
rgw_config_store = dbstore
dbstore_config_uri = file:{data}/config.db
rgw_frontends = beast {listen}
rgw_multipart_min_part_size = 5242880
"""
KEY_ID, SECRET = "AKIDUKDUMPTEST", "a/secret+with=odd%characters"


class RadosGateway(Server):
    def __init__(self, folder, certificate=None, address=HOST_VIEW, store=None):
        """certificate: (crt, key) for https, None: http. store: where the objects lie; in memory
        (/dev/shm) it takes thousands in seconds, since SQLite syncs each."""
        super().__init__(folder, address)
        self.certificate = certificate
        self._store = tempfile.TemporaryDirectory(prefix="radosgw.", dir=store) if store else None
        self.data = Path(self._store.name) if store else self.folder
        self.tree = Suite("trixie").unpack("radosgw", ["radosgw"], with_depends=True)

    def endpoint(self, host=HOST_VIEW):
        return f"{'https' if self.certificate else 'http'}://{host}:{self.port}"

    def url(self, path, host=HOST_VIEW, **options):
        """s3://... of a bucket and a key."""
        more = "".join(f"&{name}={value}" for name, value in options.items())
        return f"s3://{path}?endpoint={self.endpoint(host)}{more}"

    def credentials(self, secret=SECRET):
        """The file for --s3-credentials."""
        path = self.folder / f"credentials-{abs(hash(secret))}"
        path.write_text(f"[default]\naws_access_key_id = {KEY_ID}\n"
                        f"aws_secret_access_key = {secret}\n")
        path.chmod(0o600)
        return path

    def prepare(self):
        listen = f"endpoint={self.address}:{self.port}"
        if self.certificate:
            crt, key = self.certificate
            listen = f"ssl_{listen} ssl_certificate={crt} ssl_private_key={key}"
        (self.folder / "ceph.conf").write_text(CONF.format(folder=self.folder, data=self.data,
                                                           listen=listen))
        self._create_user()

    def _create_user(self):
        """What counts is what is in the store: when all is done radosgw-admin 18.2 tells its garbage
        collector to end, and if that has not begun to listen, waits for it for a quarter of an hour.
        """
        argv = [*map(str, self._run("radosgw-admin")), "user", "create", "--uid=ukdump",
                "--display-name=ukdump", f"--access-key={KEY_ID}", f"--secret-key={SECRET}"]
        with self.log.open("ab") as log:
            process = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        end = time.monotonic() + 120
        while process.poll() is None and not self._has_user() and time.monotonic() < end:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                pass
        process.kill()
        process.wait()
        if not self._has_user():
            raise ServerError(f"no user was made:\n{self.log.read_text(errors='replace')[-3000:]}")

    def _has_user(self):
        try:
            with closing(self._open_store()) as store:
                return store.execute(f'select count(*) from "{self.data}/store-default_ns_user_table" '
                                     "where UserID = 'ukdump'").fetchone()[0] == 1
        except sqlite3.OperationalError:  # not there, or not yet
            return False

    def _open_store(self):
        return sqlite3.connect(f"file:{self.data}/store-default_ns.db?mode=ro", uri=True)

    def _run(self, program):
        libraries = self.tree / "usr/lib/x86_64-linux-gnu"
        return [libraries / "ld-linux-x86-64.so.2", "--library-path",
                f"{libraries}:{libraries}/ceph", self.tree / "usr/bin" / program,
                "-c", self.folder / "ceph.conf", "--no-mon-config", "-n", "client.admin"]

    def command(self):
        return [*self._run("radosgw"), "-f"]

    def stop(self):
        super().stop()
        if self._store:
            self._store.cleanup()

    def make_bucket(self, name):
        """By curl(1), which signs too."""
        ca = ["--cacert", self.certificate[0].parent / "ca.crt"] if self.certificate else []
        done = subprocess.run(
            ["curl", "-sS", "--fail-with-body", "--max-time", "20", "-X", "PUT", *ca,
             "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", f"{KEY_ID}:{SECRET}",
             "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD", f"{self.endpoint()}/{name}"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            raise ServerError(done.stdout.decode(errors="replace"))

    def put_many(self, bucket, folder):
        """All files below a folder, by their path in it; by curl(1), several at a time."""
        folder = Path(folder)
        lines = [f'upload-file = "{path}"\nurl = "{self.endpoint()}/{bucket}/{path.relative_to(folder)}"'
                 for path in sorted(folder.rglob("*")) if path.is_file()]
        self.curl_many(lines)

    def curl_many(self, lines):
        """What a configuration for curl(1) asks for, signed, over connections that are kept."""
        config = self.folder / "curl.conf"
        ca = [f'cacert = "{self.certificate[0].parent / "ca.crt"}"'] if self.certificate else []
        config.write_text("\n".join([
            "silent", "show-error", "fail", "parallel", "parallel-max = 16", *ca,
            'aws-sigv4 = "aws:amz:us-east-1:s3"', f'user = "{KEY_ID}:{SECRET}"',
            'header = "x-amz-content-sha256: UNSIGNED-PAYLOAD"', *lines]))
        done = subprocess.run(["curl", "-q", "-K", config], stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, check=False, text=True)
        if done.returncode:
            raise ServerError(done.stderr[-3000:])

    def stored(self, bucket, key):
        """The content of an object that came in parts, from the store itself.

        dbstore of Ceph 18.2 takes multipart uploads, but reads them back wrong.
        """
        with closing(self._open_store()) as store:
            rows = store.execute(
                f"select MultipartPartStr, Offset, Size, Data from "
                f'"{self.folder}/store-default_ns_{bucket}_objectdata_table" where ObjName = ?',
                [key]).fetchall()
        pieces = sorted((int(part.rpartition(".")[2]), offset, bytes(data)[4:4 + size])
                        for part, offset, size, data in rows)  # 4: how Ceph encodes a length
        return b"".join(data for _, _, data in pieces)

#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`ukdumpctl verify` of a 128 MB image against `openssl dgst -sha256` of the same file.

Both read the whole file and hash it once; verify also judges it. Runs alternate, the best of each
counts, files are in the page cache. Fails above the ratio 1.3.
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/gen"))
import bzimage  # noqa: E402
import pki  # noqa: E402

BUILD = ROOT / os.environ.get("BUILD", "build")
SIZE, RUNS, LIMIT = 128_000_000, 9, 1.3


def seconds(argv: list) -> float:
    start = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def make_image(folder: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    pki.make(folder, "bench", "ukdump bench")
    (folder / "kernel").write_bytes(bzimage.minimal())
    (folder / "initrd").write_bytes(os.urandom(SIZE))
    (folder / "osrel").write_text("ID=bench\n")
    image = folder / "image.efi"
    subprocess.run([BUILD / "ukdumpctl", "build", "--kernel", folder / "kernel", "--initrd",
                    folder / "initrd", "--osrel", folder / "osrel", "--cmdline", "panic=1",
                    "--key", folder / "bench.key", "--cert", folder / "bench.crt", "-o", image],
                   check=True)
    return image, folder / "bench.crt"


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        image, cert = make_image(pathlib.Path(name))
        ours, theirs = [], []
        for _ in range(RUNS):
            ours.append(seconds([BUILD / "ukdumpctl", "verify", "--trust", cert, image]))
            theirs.append(seconds(["openssl", "dgst", "-sha256", image]))
    ratio = min(ours) / min(theirs)
    print(f"image of {SIZE / 1e6:.0f} MB, best of {RUNS}:")
    print(f"  ukdumpctl verify      {min(ours):.3f} s")
    print(f"  openssl dgst -sha256  {min(theirs):.3f} s")
    print(f"  ratio                 {ratio:.2f} (limit {LIMIT})")
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())

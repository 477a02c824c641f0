# SPDX-License-Identifier: GPL-2.0-or-later
"""`make install` for another place than a package's: units start what was installed; `make uninstall`."""

import re

from vmbed.paths import run

from conftest import REPO


def make(target, destination):
    run("make", "--no-print-directory", target, f"DESTDIR={destination}", "PREFIX=/usr/local", cwd=REPO)


def test_usr_local(tmp_path):
    make("install", tmp_path)
    units = list((tmp_path / "usr/local/lib/systemd/system").glob("*.service"))
    ours = [program for unit in units
            for program in re.findall(r"^Exec\w+=(/\S*ukdump\S*)", unit.read_text(), re.M)]
    assert len(units) == 4 and len(ours) >= 4
    for program in ours:
        assert (tmp_path / program[1:]).is_file(), program
    assert (tmp_path / "usr/lib/dracut/modules.d/52ukdump/module-setup.sh").is_file()  # dracut's only place

    make("uninstall", tmp_path)
    left = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if not p.is_dir()}
    assert left == {"etc/ukdump/ukdump.conf"}

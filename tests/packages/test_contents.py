# SPDX-License-Identifier: GPL-2.0-or-later
"""What is in the packages, and what they ask for."""

import re
import subprocess
from pathlib import Path

import pytest

from conftest import REPO

CONFIG = {
    "udev": "usr/lib/udev/rules.d", "tmpfiles": "usr/lib/tmpfiles.d",
    "kernel-install": "usr/lib/kernel/install.d", "kernel/postinst.d": "etc/kernel/postinst.d",
    "kernel/postrm.d": "etc/kernel/postrm.d",
    "completion/bash": "usr/share/bash-completion/completions",
    "completion/zsh": "usr/share/zsh/vendor-completions",
    "completion/fish": "usr/share/fish/vendor_completions.d",
}
EXECUTABLE = re.compile(r"usr/sbin/|usr/lib/ukdump/|.*/module-setup\.sh$|usr/lib/kernel/|etc/kernel/")


def run(*argv):
    return subprocess.run([str(a) for a in argv], check=True, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE).stdout


def tracked(folder):
    """Files below a folder of this checkout, relative to it."""
    names = run("git", "-C", REPO, "ls-files", "--", folder).splitlines()
    return [name[len(folder) + 1:] for name in names]


def expected():
    """Path -> what every package has there, documentation aside, with Debian's places."""
    paths = {"usr/sbin/ukdumpctl", "usr/sbin/ukdump-load", "usr/lib/ukdump/ukdump-capture",
             "usr/lib/ukdump/ukdump-upload", "etc/ukdump/ukdump.conf"}
    paths |= {f"usr/lib/dracut/modules.d/{name}" for name in tracked("dracut-module")}
    paths |= {f"usr/share/man/man{page[-5]}/{page[:-4]}.gz" for page in tracked("man")}
    for name in tracked("systemd"):
        kind = {".preset": "system-preset", ".catalog": "catalog"}.get(Path(name).suffix, "system")
        paths.add(f"usr/lib/systemd/{kind}/{name}")
    paths |= {f"usr/share/ukdump/schema/{name}" for name in tracked("docs/schema")}
    for folder, place in CONFIG.items():
        paths |= {f"{place}/{name}" for name in tracked(f"config/{folder}")}
    return paths


def control(deb, field):
    return run("dpkg-deb", "--field", deb, field).strip()


def packages(relation):
    """Names in a line of dependencies."""
    return {re.match(r"[\w.+-]+", item.strip())[0] for item in re.split("[,|]", relation)
            if item.strip()}


def deb_files(deb):
    """Path -> (mode, owner) of what is no directory; links have their target as mode."""
    files = {}
    listing = run("sh", "-c", 'dpkg-deb --fsys-tarfile "$1" | tar -tv', "sh", deb)
    for line in listing.splitlines():
        mode, owner, _, _, _, path = line.split(None, 5)
        path, _, target = path.removeprefix("./").partition(" -> ")
        if mode[0] != "d":
            files[re.sub("^lib/", "usr/lib/", path)] = (target or mode, owner)
    return files


def rpm_files(rpm):
    query = "[%{FILEMODES:perms} %{FILEUSERNAME}/%{FILEGROUPNAME} %{FILENAMES} %{FILELINKTOS}\n]"
    lines = [line.split(" ") for line in run("rpm", "-qp", "--qf", query, rpm).splitlines()]
    return {path[1:]: (target or mode, owner) for mode, owner, path, target in lines
            if mode[0] != "d" and "/.build-id/" not in path}


def documentation(path):
    return path.startswith(("usr/share/doc/", "usr/share/lintian/", "usr/share/licenses/"))


def version():
    return re.match(r"ukdump \(([\d.]+)\)", (REPO / "debian/changelog").read_text())[1]


def test_deb_has_every_file_and_no_other(debs):
    files = deb_files(debs["ukdump"])
    assert {p for p in files if not documentation(p)} == expected()
    for path, (mode, owner) in files.items():
        assert owner == "root/root", path
        assert mode == ("-rwxr-xr-x" if EXECUTABLE.match(path) else "-rw-r--r--"), path
    assert "usr/share/doc/ukdump/copyright" in files
    assert "usr/share/doc/ukdump/README.md.gz" in files


def test_rpm_has_the_same_files(rpms):
    files = rpm_files(rpms["ukdump"])
    ours = {re.sub(r"(/man\d/.*\.\d)$", r"\1.gz", p).replace("/site-functions/",
                                                            "/vendor-completions/")
            for p in files if not documentation(p)}
    # Debian's own hooks aside: kernel-install has ours everywhere else.
    assert ours == {p for p in expected() if not p.startswith("etc/kernel/")}
    for path, (mode, owner) in files.items():
        assert owner == "root/root", path
        assert mode == ("-rwxr-xr-x" if EXECUTABLE.match(path) else "-rw-r--r--"), path


def test_all_of_etc_are_conffiles(debs):
    listed = run("dpkg-deb", "--info", debs["ukdump"], "conffiles").split()
    assert set(listed) == {f"/{p}" for p in deb_files(debs["ukdump"]) if p.startswith("etc/")}


def test_rpm_keeps_changed_settings(rpms):
    flags = dict(line.split(" ") for line in run(
        "rpm", "-qp", "--qf", "[%{FILENAMES} %{FILEFLAGS:fflags}\n]", rpms["ukdump"]).splitlines())
    assert flags["/etc/ukdump/ukdump.conf"] == "cn"  # config, noreplace


def test_one_version(debs, rpms, tmp_path):
    assert {control(deb, "Version") for deb in debs.values()} == {version()}
    assert {run("rpm", "-qp", "--qf", "%{VERSION}", rpm) for rpm in rpms.values()} == {version()}
    run("dpkg-deb", "--extract", debs["ukdump"], tmp_path)
    told = run(tmp_path / "usr/sbin/ukdumpctl", "--version")
    assert told == f"ukdumpctl {version()}\n"


def test_dracut_core_never_dracut(debs):
    """dracut conflicts with initramfs-tools: it would take the host's own initrd over."""
    needed = packages(control(debs["ukdump"], "Depends"))
    assert {"dracut-core", "makedumpfile", "kexec-tools", "systemd", "udev", "kmod"} <= needed
    assert "systemd-boot-efi" in packages(control(debs["ukdump"], "Recommends"))
    for field in ("Pre-Depends", "Depends", "Recommends", "Suggests"):
        assert "dracut" not in packages(control(debs["ukdump"], field)), field
    assert control(debs["ukdump"], "Architecture") == "amd64"


def test_rpm_requirements(rpms):
    needed = set(run("rpm", "-qp", "--requires", rpms["ukdump"]).splitlines())
    assert {"dracut", "kexec-tools", "systemd", "systemd-udev", "kmod"} <= needed
    # RHEL 9 has no package of that name: the program is in kexec-tools.
    assert "(makedumpfile or /usr/sbin/makedumpfile)" in needed and "makedumpfile" not in needed


def test_the_name_kdumpctl_is_a_package_of_its_own(debs, rpms):
    def links(files):
        return {p: mode for p, (mode, _) in files.items() if not documentation(p)}

    man = "usr/share/man/man8/kdumpctl.8.gz"
    wanted = {"usr/bin/kdumpctl": "../sbin/ukdumpctl", man: "ukdumpctl.8.gz"}
    assert links(deb_files(debs["ukdump-kdumpctl"])) == wanted
    assert links(rpm_files(rpms["ukdump-kdumpctl"])) == wanted
    assert control(debs["ukdump-kdumpctl"], "Depends") == "ukdump"
    assert not any("/kdumpctl" in p for p in deb_files(debs["ukdump"]))
    assert "kdump-utils" in run("rpm", "-qp", "--conflicts", rpms["ukdump-kdumpctl"])


@pytest.mark.parametrize("path", ["usr/bin/makedumpfile", "usr/lib/dracut", "usr/lib/systemd/boot/efi"])
def test_triggers(debs, rpms, path):
    triggers = run("dpkg-deb", "--info", debs["ukdump"], "triggers").splitlines()
    assert f"interest-noawait /{path}" in triggers
    assert f"/{path}" in run("rpm", "-qp", "--filetriggers", rpms["ukdump"])


def test_no_script_waits_for_a_build(debs, rpms):
    """ukdump.service and ukdump-refresh.service may build for minutes, and fail."""
    texts = [run("dpkg-deb", "--info", debs["ukdump"], "postinst"),
             run("rpm", "-qp", "--scripts", "--filetriggers", rpms["ukdump"])]
    for text in texts:
        text = text.replace("\\\n", " ")
        starts = re.findall(r"^.*systemctl.* (?:re)?start .*$", text, re.M)
        assert starts
        for line in starts:
            assert "--no-block" in line and line.rstrip().endswith("|| :"), line

# SPDX-License-Identifier: GPL-2.0-or-later
"""`ukdumpctl import-config`: golden files of every option of every dialect, and what is refused."""

import json
import os
import re
import shutil

import pytest

from cli import REPO, ctl

GOLDEN = REPO / "tests/cli/golden/import"
CASES = sorted(p.name for p in GOLDEN.iterdir() if p.is_dir())
DIALECTS = ["fedora", "debian", "suse"]
OUT = "etc/ukdump/ukdump.conf.d/50-imported.conf"
SECRETS = re.compile("dontsay|secret")


def rules(dialect):
    """The options that the sources know."""
    text = (REPO / f"src/migrate/{dialect}.c").read_text()
    return re.findall(r'^\t\{"([A-Za-z_.]+)",', text[text.index("rules[] ="):], re.M)


@pytest.fixture
def tree(tmp_path):
    return tmp_path / "tree"


def copy(case, tree):
    """expected.* stays behind."""
    shutil.copytree(GOLDEN / case / "etc", tree / "etc")


def check_golden(path, text):
    """UPDATE_GOLDEN=1 writes it; look at the difference then."""
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("case", CASES)
def test_golden(case, tree):
    copy(case, tree)
    done = ctl("import-config", "--root", tree, code=0)
    made = (tree / OUT).read_text()
    check_golden(GOLDEN / f"{case}.conf", made)
    check_golden(GOLDEN / f"{case}.txt", done.out.replace(str(tree), ""))
    assert not SECRETS.search(made + done.out)
    assert (tree / OUT).stat().st_mode & 0o777 == 0o644
    assert ctl("import-config", "--root", tree, "--dry-run", code=0).out == made
    facts = json.loads(ctl("import-config", "--root", tree, "--dry-run", "--json", code=0).out)
    assert facts["schema"] == 1 and facts["text"] == made and facts["file"] is None
    assert facts["from"] == case.split("-")[0]
    assert not SECRETS.search(json.dumps(facts))
    for option in facts["options"]:
        assert option["fate"] in ("translated", "default", "not-carried-over")
        assert option["reason"] or option["settings"], option
        if option["fate"] == "not-carried-over":
            assert option["reason"] and not option["settings"]


@pytest.mark.parametrize("case", [c for c in CASES if c.endswith("-stock")])
def test_nobody_chose_anything(case, tree):
    """What packages ship becomes no setting."""
    copy(case, tree)
    text = ctl("import-config", "--root", tree, "--dry-run", code=0).out
    assert not re.search(r"^\w+=", text, re.M)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_option_has_an_example(dialect, tree):
    copy(f"{dialect}-all", tree)
    facts = json.loads(ctl("import-config", "--root", tree, "--dry-run", "--json", code=0).out)
    named = rules(dialect)
    assert len(named) > 20 and len(named) == len(set(named))
    assert set(named) <= {o["option"] for o in facts["options"]}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_tables_of_the_docs(dialect):
    """docs/MIGRATING.md names every option."""
    text = (REPO / "docs/MIGRATING.md").read_text()
    section = text[text.index(f"### --from {dialect}"):]
    section = section[:section.find("\n### ", 1)]
    named = set(re.findall(r"`([A-Za-z_.]+)`", section))
    assert set(rules(dialect)) <= named


# ---- what only a shell could tell ----

@pytest.mark.parametrize("text,line,why", [
    ("A=1\nKDUMP_COREDIR=$HOME/crash\n", 2, "executed"),
    ('KDUMP_COREDIR="/x/$(hostname)"\n', 1, "executed"),
    ("KDUMP_COREDIR=`pwd`\n", 1, "backticks"),
    ('KDUMP_COREDIR="`pwd`"\n', 1, "backticks"),
    ("# x\n\n. /etc/other\n", 3, "no assignment"),
    ("[ -e /x ] && NFS=a:/b\n", 1, "no assignment"),
    ("if true; then\nNFS=a:/b\nfi\n", 1, "no assignment"),
    ("NFS=a:/b rm -rf /\n", 1, "no assignment"),
    ("NFS=a:/b && reboot\n", 1, "no assignment"),
    ("NFS=a:/b|cat\n", 1, "a shell"),
    ("NFS=(a b)\n", 1, "a shell"),
    ("NFS+=x\n", 1, "no assignment"),
    ("NFS=~/x\n", 1, "a shell"),
    ("NFS='a:/b\n", 2, "never closed"),
    ('NFS="a:/b\n\n', 3, "never closed"),
    ("NFS=a:/b\\", 1, "backslash"),
    ("NFS=a:/b\r\n", 1, "CR LF"),
    ("NFS=a\0b\n", 1, "no assignment"),
    ("NFS='a\0b'\n", 1, "NUL"),
    (f"NFS={'x' * 9000}\n", 1, "too long"),
    (f"{'N' * 65}=x\n", 1, "no assignment"),
])
def test_never_executed(tmp_path, text, line, why):
    file = tmp_path / "kdump-tools"
    file.write_bytes(text.encode())
    done = ctl("import-config", "--from", "debian", "--dry-run", file, code=1)
    assert f"{file}:{line}: " in done.err and why in done.err and "[import.syntax]" in done.err
    assert done.out == ""


def value(tmp_path, text, name="KDUMP_COREDIR"):
    file = tmp_path / "kdump-tools"
    file.write_text(text)
    facts = json.loads(ctl("import-config", "--from", "debian", "--dry-run", "--json", file,
                           code=0).out)
    return [o["value"] for o in facts["options"] if o["option"] == name]


@pytest.mark.parametrize("text", [
    "KDUMP_COREDIR=/a/b", "KDUMP_COREDIR='/a/b'", 'KDUMP_COREDIR="/a/b" # why',
    "export KDUMP_COREDIR=/a/b\n", "  KDUMP_COREDIR=/a'/'\"b\";", "KDUMP_COREDIR=\\/a/\\b",
    "KDUMP_COREDIR=/a\\\n/b\n", 'KDUMP_COREDIR="/a\\\n/b"', "X=1 KDUMP_COREDIR=/a/b",
    "X=1;KDUMP_COREDIR=/a/b\n",
])
def test_quotes_comments_and_continued_lines(tmp_path, text):
    assert value(tmp_path, text) == ["/a/b"]


@pytest.mark.parametrize("text,want", [
    ("KDUMP_COREDIR='$x`y\\z'", "$x`y\\z"), ('KDUMP_COREDIR="a\\$b\\q\\""', 'a$b\\q"'),
    ("KDUMP_COREDIR=a#b", "a#b"), ("KDUMP_COREDIR=", ""), ('KDUMP_COREDIR=""', ""),
    ("KDUMP_COREDIR=a\\ b", "a b"), ("KDUMP_COREDIR='a\nb'", "a?b"),
])
def test_values(tmp_path, text, want):
    assert value(tmp_path, text) == [want]


# ---- kdump.conf ----

def conf(tmp_path, text, code=0):
    file = tmp_path / "kdump.conf"
    file.write_bytes(text.encode())
    return ctl("import-config", "--from", "fedora", "--dry-run", file, code=code)


def test_nothing_is_quoted_in_kdump_conf(tmp_path):
    assert "Target=LABEL=$x:/var/crash\n" in conf(tmp_path, "\text4\tLABEL=$x \n").out
    for text in ("ext4 a\0b\n", "ext4 a\r\n"):
        assert "kdump.conf:1: " in conf(tmp_path, text, code=1).err


def test_a_value_cannot_bring_another_setting(tmp_path):
    file = tmp_path / "x"
    file.write_text("KDUMP_COREDIR='/a\n[Image]\nAllowShell=yes'\n")
    text = ctl("import-config", "--from", "debian", "--dry-run", file, code=0).out
    assert not re.search(r"^\[|^AllowShell", text, re.M) and "control characters" in text


@pytest.mark.parametrize("value", ["a\x1a", "a\\", "a\x1a\\", "x\x7f:/y", "x:/y\\"])
@pytest.mark.parametrize("option", ["nfs", "ssh", "no_such_option", "raw", "x\\"])
def test_comments_are_one_line_each(tmp_path, option, value):
    text = conf(tmp_path, f"{option} {value}\n").out
    assert "# Not carried over:" in text


@pytest.mark.parametrize("line", [
    "path /var/crash dir", "nfs server", "nfs :/x", "ssh user@ho st", "ssh a@b@c", "path relative",
    "ext4 /dev/my disk", "failure_action explode", "core_collector makedumpfile -d 99",
    "extra_modules a;b", "kdump_pre relative",
])
def test_what_our_settings_do_not_take_is_named(tmp_path, line):
    text = conf(tmp_path, line + "\n").out
    assert "# Not carried over:" in text and not re.search(r"^\w+=", text, re.M)
    assert ":2: " not in text  # no line of a file that somebody could look at


@pytest.mark.parametrize("url", ["nfs://host", "nfs://ho st/x", "nfs://host/../x", "ssh://a@/x",
                                 "sftp://host", "ftp://host/x", "cifs://a:b@host/x", "relative"])
def test_servers_of_suse(tmp_path, url):
    file = tmp_path / "kdump"
    file.write_text(f"KDUMP_SAVEDIR='{url}'\n")
    text = ctl("import-config", "--from", "suse", "--dry-run", file, code=0).out
    assert "# Not carried over:" in text and not re.search(r"^\w+=", text, re.M)


def test_names_of_files_are_no_settings(tree, tmp_path):
    """Neither of a hook nor of a file that was named."""
    name = "a\nOnSuccess=halt\n.conf"
    for file in (tree / "etc/kdump/pre.d" / name, tree / "etc/kdump.conf", tmp_path / name):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("path /srv/crash\nextra_bins a\n")
        file.chmod(0o755)
    for words in (["--root", tree], ["--from", "fedora", tmp_path / name]):
        text = ctl("import-config", "--dry-run", *words, code=0).out
        assert re.findall(r"^\w+=.*", text, re.M) == ["Target=file:/srv/crash"]
        assert "a?OnSuccess=halt?.conf" in text


@pytest.mark.parametrize("url, target", [
    ("nfs://10.1.2.3:/mnt", "nfs://10.1.2.3/mnt"), ("NFS://[2001:db8::1]:/a/b", "nfs://[2001:db8::1]/a/b"),
    ("nfs://host:2049/mnt", "nfs://host:2049/mnt"), ("nfs://host/a:/b", "nfs://host/a:/b"),
    ("file:////srv/crash", "file:/srv/crash"),
])
def test_places_of_suse(tmp_path, url, target):
    """HOST:/PATH is what many write there; some have one slash too many."""
    file = tmp_path / "kdump"
    file.write_text(f"KDUMP_SAVEDIR='{url}'\n")
    text = ctl("import-config", "--from", "suse", "--dry-run", file, code=0).out
    assert re.findall(r"^Target=(.*)", text, re.M) == [target]


def options(tmp_path, dialect, text, name="x"):
    file = tmp_path / name
    file.write_text(text + "\n")
    words = ["import-config", "--from", dialect, "--dry-run"]
    facts = json.loads(ctl(*words, "--json", file, code=0).out)
    return facts["options"][0], ctl(*words, file, code=0).out


@pytest.mark.parametrize("command, action", [
    ("echo 'makedumpfile FAILED.'; /bin/bash; reboot -f", "shell"),  # the example in that file
    ("echo it failed;bash", "shell"), ("echo off ;  poweroff -f", "poweroff"), ("/bin/sh", "shell"),
    ("echo; reboot", None), ("logger failed; /bin/bash", None), ("echo a; echo b; reboot", None),
    ("echo only", None), ("mail root; reboot", None), ("echo a;", None),
])
def test_what_debian_does_when_a_dump_fails(tmp_path, command, action):
    option, text = options(tmp_path, "debian", f'KDUMP_FAIL_CMD="{command}"')
    made = {s["key"]: s["value"] for s in option["settings"]}
    assert made.get("OnFailure") == action
    assert ("AllowShell=yes" in text) == (action == "shell")
    assert action or "a line of a shell" in text


@pytest.mark.parametrize("more, words, fate", [
    ("", "quiet splash", "default"), ("", "quiet console", "not-carried-over"),
    ("KDUMP_COMMANDLINE='ro quiet'", "quiet", "not-carried-over"),
])
def test_words_that_are_removed_from_a_line_that_is_not_taken(tmp_path, more, words, fate):
    option, _ = options(tmp_path, "fedora", f"KDUMP_COMMANDLINE_REMOVE='{words}'\n{more}")
    assert option["fate"] == fate


@pytest.mark.parametrize("target, made", [
    ('xfs UUID="ab-1"', "UUID=ab-1:/dumps"), ("ext4 /dev/vg/lv", "/dev/vg/lv:/dumps"),
    ("nfs server:/export", "nfs://server/export/dumps"), ("ssh user@server", "ssh://user@server/dumps"),
    ("virtiofs tag", "virtiofs://tag/dumps"),
])
@pytest.mark.parametrize("path", ["dumps", "/dumps"])
def test_a_path_is_below_the_target(tmp_path, target, made, path):
    assert f"\nTarget={made}\n" in conf(tmp_path, f"{target}\npath {path}\n").out


@pytest.mark.parametrize("dialect, name, text", [
    ("fedora", "x.conf", "core_collector makedumpfile -c --message-level 1"), ("debian", "x", "MAKEDUMP_ARGS=-c"),
])
def test_without_a_level_makedumpfile_leaves_out_nothing(tmp_path, dialect, name, text):
    option, out = options(tmp_path, dialect, text, name)
    assert "\nDumpLevel=0\nCompress=zlib\n" in out and "leaves out nothing" in option["reason"]
    option, _ = options(tmp_path, "suse", "MAKEDUMPFILE_OPTIONS=-c")  # it has KDUMP_DUMPLEVEL
    assert [s["key"] for s in option["settings"]] == ["Compress"]


@pytest.mark.parametrize("dialect, name, text, note", [
    ("fedora", "x.conf", "core_collector makedumpfile -l -d 31 --config /etc/keep.conf -x vmlinux", "--config -x"),
    ("fedora", "x.conf", "core_collector makedumpfile -l -d 9,17,31", "-d 17,31"),
    ("fedora", "x.conf", "kdump_pre /bin/pre", "the dump is written all the same"),
    ("debian", "x", "KDUMP_CMDLINE_APPEND='nr_cpus=1 noresume systemd.unit=vyatta-kdump-dump.service'",
     "nr_cpus=1 systemd.unit=vyatta-kdump-dump.service"),
    ("suse", "x", "KDUMP_SAVEDIR=sftp://a:secret@host/x", "its password is left out"),
])
def test_what_a_setting_lost_is_said_beside_it(tmp_path, dialect, name, text, note):
    """In the drop-in, too, which is what somebody reads later."""
    option, out = options(tmp_path, dialect, text, name)
    assert option["fate"] == "translated" and note in option["reason"]
    assert re.search(r"^#   note: .*" + re.escape(note), out, re.M)
    assert "secret" not in out and "systemd.unit" not in "".join(re.findall(r"^\w+=.*", out, re.M))


# ---- files ----

def test_somebodys_changes_are_not_overwritten(tree):
    copy("fedora-path", tree)
    (tree / OUT).parent.mkdir(parents=True)
    (tree / OUT).write_text("mine\n")
    done = ctl("import-config", "--root", tree, code=1)
    assert "--force" in done.err and (tree / OUT).read_text() == "mine\n"
    ctl("import-config", "--root", tree, "--force", code=0)
    assert "Written by" in (tree / OUT).read_text()
    (tree / OUT).unlink()
    (tree / OUT).symlink_to("/etc/passwd")
    ctl("import-config", "--root", tree, "--force", code=1)
    assert (tree / OUT).is_symlink()


def test_other_file(tree, tmp_path):
    copy("suse-old", tree)
    out = tmp_path / "mine.conf"
    ctl("import-config", "--root", tree, "-o", out, code=0)
    assert "Target=" in out.read_text() and not (tree / OUT).exists()


def test_whose_settings(tree):
    (tree / "etc").mkdir(parents=True)
    assert "nothing to import" in ctl("import-config", "--root", tree, code=1).err
    copy("suse-old", tree.with_name("suse"))
    assert "--from suse" in ctl("import-config", "--root", tree.with_name("suse"), "--dry-run",
                                code=0).out
    shutil.copytree(GOLDEN / "debian-local/etc", tree / "etc", dirs_exist_ok=True)
    shutil.copytree(GOLDEN / "fedora-path/etc", tree / "etc", dirs_exist_ok=True)
    assert "--from" in ctl("import-config", "--root", tree, code=1).err
    for name in ("fedora", "debian"):
        text = ctl("import-config", "--root", tree, "--from", name, "--dry-run", code=0).out
        assert f"--from {name}" in text


def test_links_of_a_tree_stay_in_it(tree):
    (tree / "etc/default").mkdir(parents=True)
    (tree / "etc/default/kdump-tools").symlink_to("/etc/hostname")
    ctl("import-config", "--root", tree, code=1)


def test_too_many(tmp_path):
    assert "more than 1024" in conf(tmp_path, "path /x\n" * 1025, code=1).err
    file = tmp_path / "big"
    file.write_bytes(b"#" * (1 << 20 | 1))
    ctl("import-config", "--from", "suse", "--dry-run", file, code=1)


def test_usage(tmp_path):
    for words in (["--from", "bsd"], [tmp_path], ["--from", "suse", "--root", tmp_path, tmp_path],
                  ["--dry-run", "--force"], ["--dry-run", "-o", "x"]):
        assert ctl("import-config", *words, code=2).out == ""

# SPDX-License-Identifier: GPL-2.0-or-later
"""The documentation against the sources: messages, commands, paths of files, links."""

import re

import pytest

from cli import CTL, REPO, ctl, run

DOCS = [REPO / "README.md", REPO / "SECURITY.md", *sorted((REPO / "docs").glob("*.md"))]


def literals():
    """Every string of the sources, neighbours joined as the compiler does; conversions are "…"."""
    piece = r'"((?:[^"\\\n]|\\.)*)"'
    found = set()
    for path in (REPO / "src").rglob("*.[ch]"):
        text = re.sub(r'" *PRI[a-z]\w+ *"', "u", path.read_text())
        text = re.sub(r"^#define (SSH_KEY_FILE)\s+.*$", "", text, flags=re.M)
        for run_of in re.finditer(rf"{piece}(?:\s*{piece})*", text):
            joined = "".join(re.findall(piece, run_of[0]))
            found.add(re.sub(r"%[-.0-9]*[a-z]*[a-zA-Z]", "…", joined.replace('\\"', '"')))
    return found


def messages():
    text = (REPO / "docs/TROUBLESHOOTING.md").read_text()
    return re.findall(r"^\| `([^`]+)` \|", text, re.M)


def test_troubleshooting_quotes_what_is_printed():
    known = "\n".join(literals())
    quoted = messages()
    assert len(quoted) > 30
    for message in quoted:
        for part in message.split("…"):
            if len(part) > 6:
                assert part.strip("' ") in known, message


def commands():
    """(file, verb, options) of each ukdumpctl line in blocks of code and in `ukdumpctl ...`."""
    for path in DOCS:
        text = path.read_text()
        lines = re.findall(r"^(?: {4}|\t)?(?:sudo )?ukdumpctl .*$", text, re.M)
        lines += re.findall(r"`(?:sudo )?(ukdumpctl [^`]+)`", text)
        for line in lines:
            words = line.split("#")[0].split("ukdumpctl ", 1)[1].split()
            if words and re.fullmatch("[a-z-]+", words[0]) and not words[0].startswith("-"):
                yield path.name, words[0], [w.split("=")[0].rstrip("`.,;:)") for w in words[1:]
                                            if w.startswith("--")]


def test_commands_exist():
    verbs = set(re.findall(r"^  ([a-z][a-z-]*) +[a-z]", ctl("--help", code=0).out, re.M))
    helps, seen = {}, 0
    for name, verb, options in commands():
        assert verb in verbs, f"{name}: ukdumpctl {verb}"
        helps.setdefault(verb, run(CTL, verb, "--help", code=0).out)
        for option in options:
            assert option in helps[verb] or option in ("--help", "--luks-key"), \
                f"{name}: ukdumpctl {verb} {option}"
        seen += 1
    assert seen > 40


@pytest.mark.parametrize("path", DOCS, ids=lambda p: p.name)
def test_files_that_are_named_are_there(path):
    text = path.read_text()
    for name in re.findall(r"\b((?:docs|tests|scripts|src|man|config)/[\w./-]+\.(?:md|py|c|h|sh|json))\b",
                           text):
        if not name.startswith("src/fundamental/"):  # systemd's
            assert (REPO / name).exists(), f"{path.name}: {name}"
    for name in re.findall(r"(?<![\w/])([a-z]+/\w+\.[ch])\b", text):
        assert (REPO / "src" / name).exists() or (REPO / name).exists() or name.startswith("kernel/"), \
            f"{path.name}: {name}"
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (path.parent / link).exists() or (REPO / link).exists(), f"{path.name}: {link}"


FOREIGN = {"After", "ExecStop", "TimeoutStartSec", "PrivateTmp", "ProtectClock", "ProtectHome", "ProtectKernelModules",
           "ProtectSystem", "RestrictSUIDSGID",  # systemd's
           "SecureBootPrivateKey", "SecureBootCertificate"}  # ukify's
TEXTS = [*DOCS, *sorted((REPO / "man").glob("*.scd"))]
# What a reader is told to choose freely.
EXAMPLES = {"/etc/ukdump/site.crt", "/etc/ukdump/keys/site.crt", "/etc/ukdump/ukdump.conf.d/key.conf", "/etc/ukdump/pin"}


def sources():
    return "\n".join(p.read_text() for d in ("src", "dracut-module", "systemd", "config")
                     for p in (REPO / d).rglob("*") if p.is_file())


def test_settings_that_are_named_exist():
    keys = set(re.findall(r'^\tKEY\("\w+", "(\w+)"', (REPO / "src/conf/settings.c").read_text(), re.M))
    for path in TEXTS:
        named = set(re.findall(r"(?<![\w$.-])([A-Z][a-z]+\w*)=", path.read_text()))
        assert named <= keys | FOREIGN, f"{path.name}: {named - keys - FOREIGN}"


def test_names_that_are_quoted_exist():
    """Files and directories, variables of hooks, units, checks that refuse."""
    known = sources()
    checks = set(re.findall(r'"([a-z][a-z0-9]*\.[a-z0-9-]+)"', known))
    families = "|".join(set(re.findall(r'ukd_refuse\(\s*[^,]+,\s*"([a-z0-9]+)\.', known)))
    units = {p.name for d in ("systemd", "dracut-module") for p in (REPO / d).rglob("*")}
    for path in TEXTS:
        text = re.sub(r"_(?=[\s,.;:)])", "", path.read_text())  # scdoc's underline
        for name in re.findall(r"/(?:etc|run|var/lib|usr/lib|usr/share)/ukdump[\w./-]*", text):
            name = name.rstrip("./-")
            if name not in EXAMPLES:
                last = name.removesuffix("KERNEL-ID.inputs").removesuffix("V-ID.efi").rstrip("/").rsplit("/", 1)[1]
                assert last in known or last in ("UUID.key", "modules-NAME.list"), f"{path.name}: {name}"
        for name in re.findall(r"\bUKDUMP_[A-Z]+\b", text):
            assert name in known, f"{path.name}: {name}"
        for name in re.findall(r"\bukdump[\w-]*\.(?:service|path|timer|target)\b", text):
            assert name in units, f"{path.name}: {name}"
        for name in re.findall(rf"(?<![\w/.-])((?:{families})\.[a-z][a-z0-9-]*)(?![\w/.(-])", text):
            assert name in checks or re.search(r"\.(h|c|md|conf|txt|json|d|py|sh|list|efi)$", name), \
                f"{path.name}: check {name}"


def test_documents_that_readers_are_sent_to_are_installed():
    installed = (REPO / "debian/ukdump.docs").read_text().split()
    assert re.search(r"^%doc (.*)$", (REPO / "ukdump.spec").read_text(), re.M)[1].split() == installed
    for path in [*(REPO / "man").glob("*.scd"), *(REPO / d for d in installed if d != "README.md")]:
        for name in re.findall(r"\bdocs/\w[\w-]*\.md\b", path.read_text()):
            assert name in installed, f"{path.name}: {name}"


def test_every_cell_of_the_comparison_has_a_source():
    text = (REPO / "README.md").read_text()
    table = text[text.index("comparison: begin"):text.index("comparison: end")]
    rows = [[c.strip() for c in line.split("|")[1:-1]] for line in table.splitlines()
            if line.startswith("|")][2:]
    notes = dict(re.findall(r"^\[\^(\w+)\]: (.+)$", text, re.M))
    assert len(rows) > 8
    used = set()
    for name, ours, *others in rows:
        for cell in (ours, *others):
            refs = re.findall(r"\[\^(\w+)\]", cell)
            assert refs, f"{name}: {cell} has no source"
            used |= set(refs)
        for cell in others:
            assert all("https://" in notes[ref] for ref in re.findall(r"\[\^(\w+)\]", cell)), name
    assert used == set(notes)


def test_readme_leads_to_the_first_steps():
    assert "docs/GETTING-STARTED.md" in (REPO / "README.md").read_text()

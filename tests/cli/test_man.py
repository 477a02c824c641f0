# SPDX-License-Identifier: GPL-2.0-or-later
"""The man pages and what they are about: verbs, options and settings, none missing, none made up."""

import os
import re
import shutil
import subprocess

import pytest

from cli import BUILD, REPO, ctl, run

MAN = REPO / "man"
PAGES = {p.name.removesuffix(".scd"): p.read_text() for p in sorted(MAN.glob("*.scd"))}
LONGEST = 210  # lines of a page of ukdumpctl; who needs more, needs two
HIDDEN = {"--help"}  # in every verb; ukdumpctl(8) has it


def verbs():
    return re.findall(r"^  ([a-z][a-z-]*) +[a-z]", ctl("--help", code=0).out, re.M)


def sections(text, mark="#"):
    """Heading -> text below it; what is in a block of code is no heading."""
    found, fence = {}, False
    for line in text.splitlines():
        fence ^= line.startswith("```")
        if not fence and line.startswith(f"{mark} "):
            name = line[len(mark) + 1:]
            found[name] = ""
        elif found:
            found[name] += line + "\n"
    return found


def about(verb):
    """The page that is about a verb: (its name, synopsis lines of this verb, the text about it)."""
    for name, text in PAGES.items():
        parts = sections(text)
        lines = [line for line in parts["SYNOPSIS"].splitlines()
                 if line.startswith(f"*ukdumpctl {verb}*")]
        if lines and name != "ukdumpctl.8":
            own = parts.get(verb.upper())
            if own is None:
                own = parts["DESCRIPTION"] + parts.get("OPTIONS", "")
            return name, "\n".join(lines), own
    for head, text in sections(PAGES["ukdumpctl.8"], "##").items():
        if head.split()[0] == verb:
            return "ukdumpctl.8", head, text.split("\n# ")[0]
    raise AssertionError(f"no page about {verb}")


def options_of_help(text):
    lines = re.findall(r"^ {2}(?: {4})?(-.*?)(?:  .*)?$", text, re.M)
    found = set(re.findall(r"--[a-z][a-z-]*", "\n".join(lines)))
    return found | {"-o" for line in lines if line.startswith("-o ")}


def options_of_man(synopsis, text):
    """Those that the synopsis has, and those that are defined."""
    defined = re.findall(r"^\*-.*$", text, re.M)
    return set(re.findall(r"(?<![\w-])(--[a-z][a-z-]*|-o(?= ))", synopsis)), \
        set(re.findall(r"\*(--[a-z][a-z-]*|-o)\*", "\n".join(defined)))


def test_every_verb_has_a_page():
    for verb in verbs():
        about(verb)


@pytest.mark.parametrize("verb", verbs())
def test_options(verb):
    name, synopsis, text = about(verb)
    told = options_of_help(ctl(verb, "--help", code=0).out) - HIDDEN
    named, defined = options_of_man(synopsis, text)
    if verb.upper() not in sections(PAGES[name]):  # verbs may share their options
        assert defined <= {o for other in verbs() if about(other)[0] == name
                           for o in options_of_help(ctl(other, "--help", code=0).out)}
        defined &= told
    assert told == named | defined, f"{name}, {verb}: --help and man page"


@pytest.mark.parametrize("program", ["ukdump-load", "ukdump-capture", "ukdump-upload"])
def test_options_of_programs(program):
    told = options_of_help(run(BUILD / program, "--help", code=0).out) - HIDDEN
    text = PAGES[f"{program}.8"]
    for option in told:
        assert option in text, f"{program}: {option}"


def settings():
    """(section, key) of each, in the order of the table."""
    table = (REPO / "src/conf/settings.c").read_text()
    return re.findall(r'^\tKEY\("(\w+)", "(\w+)"', table, re.M)


def entries():
    """(section, key) -> what ukdump.conf(5) says about it; keys may share an entry."""
    found = {}
    for section in dict.fromkeys(s for s, _ in settings()):
        text = sections(PAGES["ukdump.conf.5"])[f"[{section.upper()}]"]
        for head, body in re.findall(r"^(\*\w+=\*.*)\n((?:\t.*\n|\n)+)", text, re.M):
            found |= {(section, key): body for key in re.findall(r"\*(\w+)=\*", head)}
    return found


def template():
    """(section, key) -> the default that config/ukdump.conf shows."""
    found, section = {}, None
    for line in (REPO / "config/ukdump.conf").read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif section and line.startswith("#"):
            key, _, value = line[1:].partition("=")
            found[section, key] = value
    return found


def test_every_setting():
    keys = settings()
    assert len(keys) > 35
    page = sections(PAGES["ukdump.conf.5"])
    for section in {s for s, _ in keys}:
        told = set(re.findall(r"\*(\w+)=\*", "\n".join(
            re.findall(r"^\*\w+=\*.*$", page[f"[{section.upper()}]"], re.M))))
        assert told == {k for s, k in keys if s == section}, section


def test_every_setting_has_its_default_and_an_example():
    for (section, key), text in entries().items():
        assert re.search(r"[Dd]efault\b", text), f"{section}.{key}: no default"
        assert "\n\tExample: " in text, f"{section}.{key}: no example"


def test_the_template_shows_the_defaults_of_the_page():
    shown = template()
    assert list(shown) == settings()
    for name, text in entries().items():
        told = re.findall(r"Default:\s+\*([^*]+)\*", text)
        if shown[name]:
            assert shown[name] in told, f"{name}: config/ukdump.conf has {shown[name]}, the page {told}"
        elif told and len(told[0].split()) == 1:  # the default command line is no line of the template
            raise AssertionError(f"{name}: the page has {told}, config/ukdump.conf nothing")


def test_the_default_command_line_is_told():
    source = (REPO / "src/build/gather.c").read_text()
    parts = re.search(r"default_cmdline\[\] =((?:\s*\"[^\"]*\")+);", source)[1]
    line = "".join(re.findall(r'"([^"]*)"', parts)).replace("%s", "nr_cpus=1")
    told = re.sub(r"\s+", " ", entries()["Image", "CommandLine"])
    assert f"Default: *{line}*" in told


def loads(tmp_path, text):
    """What the parser says of these settings; the verb only reads them."""
    conf = tmp_path / "etc/ukdump/ukdump.conf"
    conf.parent.mkdir(parents=True, exist_ok=True)
    conf.write_text(text)
    return ctl("clean", "--dry-run", "--root", tmp_path)


def test_examples_and_defaults_are_taken_by_the_parser(tmp_path):
    lines = {}
    for (section, key), text in entries().items():
        for example, value in re.findall(r"^\tExample: (\w+)=(.*)$", text, re.M):
            lines.setdefault((section, example), value)
    assert len(lines) > 25
    pair = ("Image", "Key"), ("Image", "Certificate")
    for (section, key), value in lines.items():
        names = pair if (section, key) in pair else [(section, key)]
        done = loads(tmp_path, f"[{section}]\n" + "".join(f"{k}={lines[s, k]}\n" for s, k in names))
        assert done.code == 0, f"{key}={value}: {done}"
    text = (REPO / "config/ukdump.conf").read_text()
    assert loads(tmp_path, re.sub(r"^#(\w+=)", r"\1", text, flags=re.M)).code == 0
    assert loads(tmp_path, "[Dump]\nDumpLevel=32\n").code == 1  # so the others are read


JSON_MADE = re.compile(r'(?:json_\w+|add_fact|add_number|add_seconds)\(\s*\w+(?:->\w+)?,\s*"([a-z][a-z0-9_]*)"')


def test_every_field_of_json_is_told():
    """Each that src/ctl makes is in a man page, a document or the schema; each that a page names under --json is made."""
    sources = {p.name: p.read_text() for p in (REPO / "src/ctl").rglob("*.c")}
    told = "\n".join([*PAGES.values(), *(p.read_text() for p in (REPO / "docs").glob("*.md")),
                      (REPO / "docs/schema/status.json").read_text()])
    count = 0
    for name, text in sources.items():
        for key in set(JSON_MADE.findall(text)):
            count += 1
            assert re.search(rf"(?<![a-z0-9]){key}(?![a-z0-9])", told), f"{name}: {key} is told nowhere"
    assert count > 100
    literals = set(re.findall(r'"([a-z][a-z0-9_]*)"', "\n".join(sources.values())))
    for name, page in PAGES.items():
        for text in re.findall(r"^\*--json\*.*\n((?:\t.*\n|\n)+)", page, re.M):
            if name.startswith("ukdumpctl"):
                for key in re.findall(r"(?<!\w)_([a-z][a-z_0-9]*)_(?!\w)", text):
                    assert key in literals, f"{name}: no field {key}"


def preconditions():
    return PAGES["ukdumpctl-status.8"].split("# PRECONDITIONS")[1].split("# METRICS")[0]


def test_every_finding_is_told():
    told = set(re.findall(r"^(?:\[\[|\|) +(.*)$", preconditions(), re.M))
    told = {name for line in told for name in re.findall(r"\*([a-z0-9.-]+)\*", line)}
    source = "\n".join(p.read_text() for p in (REPO / "src/ctl").rglob("*.c"))
    made = set(re.findall(r'finding_add\(\s*&s->findings,\s*"([a-z.-]+)"', source))
    made |= set(re.findall(r'\{"((?:kernel|unit)\.[a-z-]+)"', source))
    made |= {f"tool.{name}" for name in re.findall(r'check_program\(root, s, "([a-z]+)"', source)}
    assert len(made) > 30
    assert told - {"target.1", "target.2"} == made


def test_every_metric_is_told():
    made = set(re.findall(r'"(ukdump_[a-z_]+)', (REPO / "src/ctl/status/status_metrics.c").read_text()))
    assert len(made) > 20
    assert set(re.findall(r"^(ukdump_[a-z_]+)", PAGES["ukdumpctl-status.8"], re.M)) == made


def test_overview_names_every_verb_and_page():
    text = PAGES["ukdumpctl.8"]
    verbs_text = sections(text)["VERBS"]
    for verb in verbs():
        assert re.search(rf"^(\*|## |.*, \*){re.escape(verb)}\b", verbs_text, re.M), verb
    for name in PAGES:
        if name.startswith("ukdumpctl-"):
            assert f"*{name[:-2]}*(8)" in verbs_text, name


def test_references():
    """Every page of ours that is referred to is there."""
    files = [*MAN.glob("*.scd"), *(REPO / "docs").glob("*.md"), REPO / "README.md"]
    for file in files:
        for page, section in re.findall(r"\*?\b(ukdump[\w.-]*?)\*?\(([58])\)", file.read_text()):
            assert f"{page}.{section}" in PAGES, f"{file.name}: {page}({section})"


@pytest.mark.parametrize("name", [n for n in PAGES if n.startswith("ukdumpctl")])
def test_length(name):
    assert PAGES[name].count("\n") <= LONGEST


@pytest.mark.parametrize("name", PAGES)
def test_80_columns(name, tmp_path):
    if not shutil.which("man") or not shutil.which("scdoc"):
        pytest.skip("no man, or no scdoc")
    page = tmp_path / name
    with open(MAN / f"{name}.scd", "rb") as source, open(page, "wb") as out:
        subprocess.run(["scdoc"], stdin=source, stdout=out, check=True)
    env = {**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8", "MANPAGER": "cat"}
    done = subprocess.run(["man", "--nh", "-l", page], env=env, check=True, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
    text = re.sub(r".\x08|\x1b\[[\d;]*m", "", done.stdout)
    assert "NAME" in text
    assert [line for line in text.splitlines() if len(line) > 80] == []

# SPDX-License-Identifier: GPL-2.0-or-later
"""Prometheus' text format 0.0.4, and what promtool's linter asks of names."""

import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (-?[0-9]+(?:\.[0-9]+)?)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(?:,|$)')
UNITS = ("_ms", "_msec", "_minutes", "_kib", "_mb", "_mib", "_percent")


def labels(text):
    """{name: value}; all of the text must be labels."""
    found, at = {}, 0
    while at < len(text):
        m = LABEL.match(text, at)
        assert m, text[at:]
        assert m[1] not in found and not m[1].startswith("__"), text
        found[m[1]] = re.sub(r"\\(.)", lambda c: "\n" if c[1] == "n" else c[1], m[2])
        at = m.end()
    return found


def parse(text):
    """{(name, labels as sorted pairs): value}. Each family: HELP, TYPE, samples, in one piece."""
    assert text.endswith("\n")
    samples, done, family = {}, set(), None
    lines = iter(text[:-1].split("\n"))
    for line in lines:
        m = re.fullmatch(rf"# HELP ({NAME}) (\S.*)", line)
        if m:
            family = m[1]
            assert family not in done and m[2].endswith("."), line
            done.add(family)
            assert next(lines) == f"# TYPE {family} gauge"
            assert not family.endswith(("_total", "_count", "_bucket", "_sum") + UNITS)
            continue
        m = SAMPLE.fullmatch(line)
        assert m and m[1] == family, line
        key = (m[1], tuple(sorted(labels(m[2] or "").items())))
        assert key not in samples, line
        samples[key] = float(m[3])
    return samples


def value(samples, metric, /, **wanted):
    return samples.get((metric, tuple(sorted(wanted.items()))))

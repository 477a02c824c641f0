# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/schema/status.json, and what JSON Schema cannot say."""

import functools
import json

import jsonschema

from cli import REPO


@functools.cache
def validator():
    schema = json.loads((REPO / "docs/schema/status.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def check(status, code=None):
    """Fails unless it is a valid answer of `status --json`, which ended with this exit code."""
    validator().validate(status)
    names = [f["name"] for f in status["findings"]]
    assert len(names) == len(set(names)), names
    failed = [f["name"] for f in status["findings"] if f["verdict"] == "failed"]
    assert not status["armed"] or len(status["problems"]) >= len(failed), failed
    if code is not None:
        assert code == (3 if not status["armed"] else 4 if status["problems"] else 0)
    return {f["name"]: f for f in status["findings"]}

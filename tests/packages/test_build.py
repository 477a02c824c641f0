# SPDX-License-Identifier: GPL-2.0-or-later
"""The package on each Debian: built there with its unit tests, and judged by that Debian's lintian."""

import pytest

import builder


@pytest.mark.long
@pytest.mark.parametrize("suite", ["bookworm", "trixie", "testing"])
def test_builds_without_lintian_errors(suite):
    with builder.built(suite, then="lintian --fail-on error *.changes") as (folder, said):
        assert "\nE: " not in said
        assert "[  PASSED  ]" in said  # the unit tests ran
        names = {deb.name.split("_")[0] for deb in folder.glob("*.deb")}
        assert names == {"ukdump", "ukdump-kdumpctl", "ukdump-dbgsym"}

# SPDX-License-Identifier: GPL-2.0-or-later
"""Small programs of our own that run in guests: tests/helpers/*.c."""

from .paths import BUILD, REPO, filling_cache, replacing, run


@filling_cache
def program(name):
    """The path of a static helper program, built if needed."""
    source = REPO / "tests/helpers" / f"{name}.c"
    built = BUILD / "tests" / name
    if not built.exists() or built.stat().st_mtime < source.stat().st_mtime:
        with replacing(built) as partial:
            run("cc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-static", source,
                "-o", partial)
    return built
